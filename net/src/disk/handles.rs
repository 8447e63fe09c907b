//! Open files, a bounded number of them: the least recently used one is closed first.
//!
//! State       a handle per file, and the order of use.
//! Holds       at most `max` handles are kept. Whoever uses one holds it open as long as it needs it: a job on another thread, or a connection
//!             that sends from it, one each.

use ottla_core::ids::DirId;
use ottla_core::io::FileId;
use rustix::fd::OwnedFd;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) struct Handles {
    open: BTreeMap<FileId, (Arc<OwnedFd>, u64)>,
    /// Files by their last use.
    used: BTreeMap<u64, FileId>,
    clock: u64,
    max: usize,
}

impl Handles {
    pub(crate) fn new(max: usize) -> Handles {
        Handles { open: BTreeMap::new(), used: BTreeMap::new(), clock: 0, max: max.max(1) }
    }

    pub(crate) fn get(&mut self, file: FileId) -> Option<Arc<OwnedFd>> {
        let (handle, last) = self.open.get_mut(&file)?;
        // The most recently used one needs no new place: the ordinary case of one busy partition costs one look-up.
        if *last != self.clock {
            self.used.remove(last);
            self.clock += 1;
            *last = self.clock;
            self.used.insert(self.clock, file);
        }
        Some(Arc::clone(handle))
    }

    pub(crate) fn insert(&mut self, file: FileId, handle: Arc<OwnedFd>) {
        self.remove(file);
        if self.open.len() == self.max {
            self.close_one();
        }
        self.clock += 1;
        self.used.insert(self.clock, file);
        self.open.insert(file, (handle, self.clock));
    }

    /// Close what was used longest ago. False if nothing is kept.
    pub(crate) fn close_one(&mut self) -> bool {
        let oldest = self.used.pop_first().and_then(|(_, file)| self.open.remove(&file));
        oldest.is_some()
    }

    pub(crate) fn remove(&mut self, file: FileId) -> Option<Arc<OwnedFd>> {
        let (handle, last) = self.open.remove(&file)?;
        self.used.remove(&last);
        Some(handle)
    }

    pub(crate) fn remove_dir(&mut self, dir: DirId) {
        let files: Vec<FileId> = self.open.keys().filter(|f| f.dir == dir).copied().collect();
        for file in files {
            self.remove(file);
        }
    }

    /// The file has another name.
    pub(crate) fn rename(&mut self, from: FileId, to: FileId) {
        self.remove(to);
        if let Some(handle) = self.remove(from) {
            self.insert(to, handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_core::io::{FileKind, Suffix};

    fn handle() -> Arc<OwnedFd> {
        Arc::new(std::fs::File::open("/dev/null").unwrap().into())
    }

    fn log(base: i64) -> FileId {
        FileId::new(DirId(1), FileKind::Log, base)
    }

    #[test]
    fn the_least_recently_used_file_is_closed_first() {
        let mut handles = Handles::new(2);
        handles.insert(log(0), handle());
        handles.insert(log(1), handle());
        assert!(handles.get(log(0)).is_some());
        handles.insert(log(2), handle());
        assert!(handles.get(log(1)).is_none());
        assert!(handles.get(log(0)).is_some());
        assert!(handles.get(log(2)).is_some());
        assert_eq!(handles.used.len(), 2);
    }

    #[test]
    fn a_handle_follows_its_file_to_another_name() {
        let mut handles = Handles::new(8);
        let to = log(0).with_suffix(Suffix::Deleted);
        handles.insert(log(0), handle());
        handles.rename(log(0), to);
        assert!(handles.get(log(0)).is_none());
        assert!(handles.get(to).is_some());
        handles.remove_dir(DirId(1));
        assert!(handles.get(to).is_none());
        assert!(handles.used.is_empty());
    }
}
