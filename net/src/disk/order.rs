//! Which disk call may overtake which: the second clause of the contract in `ottla_core::io`, as a table.
//!
//! State       per directory, the calls that run on other threads and those that wait for them.
//! Takes       calls in the order in which they were given; ends of calls.
//! Gives       calls that may be performed now.
//! Holds       two calls that do not commute are performed in the order in which they were given. Stricter than the contract
//!             where it asks nothing: a SyncDir also waits for the names that were changed in its directory before it.
//! Not here    performing anything (`real.rs`).

use ottla_core::ids::{DirId, OpId};
use ottla_core::io::{DiskCall, FileId, ROOT};
use std::collections::BTreeMap;

#[derive(Debug)]
struct Entry {
    op: OpId,
    file: FileId,
    call: DiskCall,
    running: bool,
}

/// The calls that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Order {
    dirs: BTreeMap<DirId, Vec<Entry>>,
    /// Directory calls among them: what SyncDir of the data directory waits for.
    dir_calls: usize,
}

/// A call that may be performed.
#[derive(Debug)]
pub(crate) struct Go {
    pub(crate) op: OpId,
    pub(crate) file: FileId,
    pub(crate) call: DiskCall,
}

impl Order {
    /// The call, if it may be performed at once; else it is kept until those before it have ended.
    pub(crate) fn admit(&mut self, go: Go) -> Option<Go> {
        let blocked = match self.dirs.get(&go.file.dir) {
            Some(entries) => entries.iter().any(|e| conflict(e.file, &e.call, go.file, &go.call)),
            None => false,
        };
        if blocked || self.waits_for_dirs(go.file.dir, &go.call) {
            self.enter(go, false);
            return None;
        }
        Some(go)
    }

    /// The call goes on on another thread: what follows must mind it.
    pub(crate) fn on_started(&mut self, op: OpId, file: FileId, call: DiskCall) {
        self.enter(Go { op, file, call }, true);
    }

    /// A running call has ended. What it held back is given to `out` as running: each end is told here in its turn.
    pub(crate) fn on_ended(&mut self, op: OpId, dir: DirId, out: &mut Vec<Go>) {
        let entries = self.dirs.get_mut(&dir).expect("an ended call was entered");
        let at = entries.iter().position(|e| e.op == op).expect("an ended call was entered");
        let ended = entries.remove(at);
        let dir_call = is_dir_call(&ended.call);
        self.dir_calls -= usize::from(names_dir(&ended.call));
        self.release(dir, out);
        if dir_call && dir != ROOT {
            self.release(ROOT, out);
        }
    }

    /// Set running what nothing before it holds back.
    fn release(&mut self, dir: DirId, out: &mut Vec<Go>) {
        let Some(entries) = self.dirs.get(&dir) else { return };
        let mut free = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            if entry.running || self.waits_for_dirs(dir, &entry.call) {
                continue;
            }
            if !entries[..i].iter().any(|e| conflict(e.file, &e.call, entry.file, &entry.call)) {
                free.push(i);
            }
        }
        let entries = self.dirs.get_mut(&dir).expect("looked up above");
        for i in free {
            let entry = &mut entries[i];
            entry.running = true;
            out.push(Go { op: entry.op, file: entry.file, call: entry.call.clone() });
        }
        if entries.is_empty() {
            self.dirs.remove(&dir);
        }
    }

    fn enter(&mut self, go: Go, running: bool) {
        self.dir_calls += usize::from(names_dir(&go.call));
        self.dirs.entry(go.file.dir).or_default().push(Entry { op: go.op, file: go.file, call: go.call, running });
    }

    fn waits_for_dirs(&self, dir: DirId, call: &DiskCall) -> bool {
        dir == ROOT && *call == DiskCall::SyncDir && self.dir_calls > 0
    }

    /// Whether any call has not ended.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.dirs.is_empty()
    }
}

fn is_dir_call(call: &DiskCall) -> bool {
    matches!(call, DiskCall::MakeDir { .. } | DiskCall::RenameDir { .. } | DiskCall::RemoveDir)
}

/// Whether a call gives a directory its name. Nobody waits for the removal of one to be on the disk.
fn names_dir(call: &DiskCall) -> bool {
    matches!(call, DiskCall::MakeDir { .. } | DiskCall::RenameDir { .. })
}

/// Whether the later of two calls in one directory has to wait for the earlier.
fn conflict(earlier_file: FileId, earlier: &DiskCall, later_file: FileId, later: &DiskCall) -> bool {
    use DiskCall as C;
    if is_dir_call(earlier) || is_dir_call(later) {
        return true;
    }
    match (earlier, later) {
        // Names in a directory, and making them durable.
        (C::Create | C::Rename { .. } | C::Remove, C::SyncDir) => return true,
        (C::SyncDir, _) | (_, C::SyncDir) => return false,
        _ => {}
    }
    if !shares_file(earlier_file, earlier, later_file, later) {
        return false;
    }
    match (earlier, later) {
        (C::Sync, C::Append { .. } | C::Read { .. } | C::Sync) => false,
        (C::Read { .. }, C::Read { .. } | C::Sync) => false,
        // What is appended behind the range cannot be seen by the read.
        (C::Read { pos, len }, C::Append { pos: end, .. }) => pos.0 + u64::from(*len) > end.0,
        _ => true,
    }
}

/// Whether the two calls name a file in common; a rename names two.
fn shares_file(a_file: FileId, a: &DiskCall, b_file: FileId, b: &DiskCall) -> bool {
    let second = |call: &DiskCall| match call {
        DiskCall::Rename { to } => Some(*to),
        _ => None,
    };
    let (a_name, b_name) = (a_file.name, b_file.name);
    let (a_to, b_to) = (second(a), second(b));
    a_name == b_name || a_to == Some(b_name) || b_to == Some(a_name) || (a_to.is_some() && a_to == b_to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ottla_core::ids::BytePos;
    use ottla_core::io::{FileKind, Suffix};

    fn log(base: i64) -> FileId {
        FileId::new(DirId(1), FileKind::Log, base)
    }

    fn append(pos: u64) -> DiskCall {
        DiskCall::Append { pos: BytePos(pos), data: vec![Bytes::from_static(b"x")] }
    }

    fn read(pos: u64, len: u32) -> DiskCall {
        DiskCall::Read { pos: BytePos(pos), len }
    }

    /// Whether `later` may start while `earlier` runs.
    fn overtakes(earlier: (FileId, DiskCall), later: (FileId, DiskCall)) -> bool {
        let mut order = Order::default();
        order.on_started(OpId(1), earlier.0, earlier.1);
        order.admit(Go { op: OpId(2), file: later.0, call: later.1 }).is_some()
    }

    #[test]
    fn a_sync_is_overtaken_by_appends_and_reads_but_not_by_what_changes_the_file() {
        let f = log(0);
        assert!(overtakes((f, DiskCall::Sync), (f, append(7))));
        assert!(overtakes((f, DiskCall::Sync), (f, read(0, 7))));
        assert!(overtakes((f, DiskCall::Sync), (f, DiskCall::Sync)));
        let renamed = DiskCall::Rename { to: f.with_suffix(Suffix::Deleted).name };
        let rewrite = DiskCall::Rewrite { pos: BytePos(0), len: 7 };
        for call in [DiskCall::Truncate { len: 0 }, rewrite, renamed, DiskCall::Remove, DiskCall::Create] {
            assert!(!overtakes((f, DiskCall::Sync), (f, call.clone())), "{call:?}");
        }
    }

    #[test]
    fn a_rename_holds_both_its_names() {
        let tmp = log(0).with_suffix(Suffix::Tmp);
        let rename = DiskCall::Rename { to: log(0).name };
        assert!(!overtakes((log(0), DiskCall::Sync), (tmp, rename.clone())));
        assert!(!overtakes((tmp, DiskCall::Sync), (tmp, rename.clone())));
        assert!(!overtakes((tmp, rename.clone()), (log(0), append(0))));
        assert!(!overtakes((tmp, rename.clone()), (FileId::dir(DirId(1)), DiskCall::SyncDir)));
        assert!(overtakes((tmp, rename), (log(1), append(0))));
    }

    #[test]
    fn a_directory_call_waits_for_all_before_and_holds_all_after() {
        let dir = FileId::dir(DirId(1));
        assert!(!overtakes((log(0), DiskCall::Sync), (dir, DiskCall::RemoveDir)));
        assert!(!overtakes((dir, DiskCall::MakeDir { path: "a".into() }), (log(0), DiskCall::Create)));
        let sync = (FileId::dir(ROOT), DiskCall::SyncDir);
        assert!(!overtakes((dir, DiskCall::MakeDir { path: "a".into() }), sync.clone()));
        assert!(overtakes((dir, DiskCall::RemoveDir), sync), "nobody waits for a removal to be on the disk");
        assert!(overtakes((dir, DiskCall::RemoveDir), (FileId::dir(DirId(2)), DiskCall::RemoveDir)));
    }

    #[test]
    fn reads_let_appends_behind_them_pass() {
        assert!(overtakes((log(0), read(0, 100)), (log(0), append(100))));
        assert!(!overtakes((log(0), read(0, 101)), (log(0), append(100))));
    }

    #[test]
    fn what_waited_is_performed_in_its_order() {
        let (f, mut order, mut out) = (log(0), Order::default(), Vec::new());
        order.on_started(OpId(1), f, DiskCall::Sync);
        for (op, call) in [(2, DiskCall::Truncate { len: 5 }), (3, append(5)), (4, DiskCall::Sync), (5, read(0, 9))] {
            assert!(order.admit(Go { op: OpId(op), file: f, call }).is_none());
        }
        let mut performed = vec![1];
        order.on_ended(OpId(1), f.dir, &mut out);
        while !out.is_empty() {
            let go = out.remove(0);
            performed.push(go.op.0);
            order.on_ended(go.op, f.dir, &mut out);
        }
        assert_eq!(performed, [1, 2, 3, 4, 5]);
        assert!(order.is_empty());
    }
}
