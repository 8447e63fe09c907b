//! The order of disk calls: per file as given, across files free, directories as barriers.
//!
//! State       per file the calls that wait and what is under way; per directory the calls given and not completed.
//! Holds       one call at a time is under way per file, except that appends and reads may overtake a sync. A directory's renaming
//!             or removal waits for every call given before it on its files; everything waits for the directory's making.
//! Not here    what the calls do (mod.rs).

use ottla_core::ids::OpId;
use ottla_core::io::{DiskCall, FileId, FileKind};
use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) op: OpId,
    pub(crate) file: FileId,
    pub(crate) call: DiskCall,
}

#[derive(Clone, Debug, Default)]
struct FileQueue {
    waiting: VecDeque<(u64, Call)>,
    /// A call that nothing may overtake is under way.
    busy: Option<OpId>,
    syncing: Option<OpId>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Queues {
    files: BTreeMap<FileId, FileQueue>,
    /// Queues without a file: what they have allocated is used again.
    spare: Vec<FileQueue>,
    /// Per directory, by its id, the arrival numbers of calls not completed, ascending, with whether it is the making of the directory.
    dirs: Vec<Vec<(u64, OpId, bool)>>,
    arrivals: u64,
    ready: Vec<FileId>,
    open: usize,
}

impl Queues {
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    pub(crate) fn push(&mut self, call: Call) {
        self.arrivals += 1;
        self.open += 1;
        let making = matches!(call.call, DiskCall::MakeDir { .. });
        let file = call.file;
        let dir = file.dir.0 as usize;
        if self.dirs.len() <= dir {
            self.dirs.resize(dir + 1, Vec::new());
        }
        self.dirs[dir].push((self.arrivals, call.op, making));
        let spare = &mut self.spare;
        let queue = self.files.entry(file).or_insert_with(|| spare.pop().unwrap_or_default());
        queue.waiting.push_back((self.arrivals, call));
        self.ready.push(file);
    }

    /// The next call that may be performed now.
    pub(crate) fn next_ready(&mut self) -> Option<Call> {
        while let Some(file) = self.ready.pop() {
            if let Some(call) = self.take_head(file) {
                return Some(call);
            }
        }
        None
    }

    fn take_head(&mut self, file: FileId) -> Option<Call> {
        let queue = self.files.get_mut(&file)?;
        let (arrival, head) = queue.waiting.front()?;
        let overtakes_sync = matches!(head.call, DiskCall::Append { .. } | DiskCall::Read { .. });
        let open = self.dirs.get(file.dir.0 as usize).map_or(&[][..], Vec::as_slice);
        if queue.busy.is_some() || (queue.syncing.is_some() && !overtakes_sync) || blocked(open, *arrival, &head.call) {
            return None;
        }
        let (_, call) = queue.waiting.pop_front()?;
        if matches!(call.call, DiskCall::Sync | DiskCall::SyncDir) {
            queue.syncing = Some(call.op);
        } else {
            queue.busy = Some(call.op);
        }
        // Something that may overtake a sync may be next.
        if queue.busy.is_none() && !queue.waiting.is_empty() {
            self.ready.push(file);
        }
        Some(call)
    }

    pub(crate) fn done(&mut self, file: FileId, op: OpId) {
        self.open -= 1;
        let mut waited_for = false;
        if let Some(open) = self.dirs.get_mut(file.dir.0 as usize)
            && let Some(i) = open.iter().position(|(_, o, _)| *o == op)
        {
            (_, _, waited_for) = open.remove(i);
        }
        if let Some(queue) = self.files.get_mut(&file) {
            if queue.busy == Some(op) {
                queue.busy = None;
            }
            if queue.syncing == Some(op) {
                queue.syncing = None;
            }
            if queue.waiting.is_empty() && queue.busy.is_none() && queue.syncing.is_none() {
                self.spare.extend(self.files.remove(&file));
            } else {
                self.ready.push(file);
            }
        }
        // A call on the directory may have waited for this one; everything may have waited for a directory's making.
        if waited_for {
            let low = FileId::dir(file.dir);
            self.ready.extend(self.files.keys().filter(|f| f.dir == low.dir).copied());
        } else if file.name.kind != FileKind::Dir && self.files.contains_key(&FileId::dir(file.dir)) {
            self.ready.push(FileId::dir(file.dir));
        }
    }
}

/// Whether a call has to wait for others, of those given and not completed in its directory.
fn blocked(open: &[(u64, OpId, bool)], arrival: u64, call: &DiskCall) -> bool {
    match call {
        DiskCall::RenameDir { .. } | DiskCall::RemoveDir => open.first().is_some_and(|(first, _, _)| *first < arrival),
        _ => open.iter().any(|(n, _, making)| *making && *n < arrival),
    }
}
