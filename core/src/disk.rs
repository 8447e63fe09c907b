//! Disk calls as the machines make them: numbered, recorded, and remembered with who asked.
//!
//! State       the next `OpId`, the calls that no edge has seen yet, the owner of every call that has not ended.
//! Takes       calls, through a `DiskPort` that knows its owner.
//! Gives       `Effect::Disk` in the order of the calls; for a completion, whose it is.
//! Holds       an `OpId` is never reused; a completion has exactly one owner; while one owner goes first, the disk sees no call of another.
//! Not here    what a completion means (its owner knows), the performing (the edges).
//! Read first  `DiskPort::call`, then `Replacer`, through which every file goes that is replaced as a whole.

use crate::ids::{BytePos, OpId, PartitionId};
use crate::io::{DiskCall, DiskDone, DiskFault, Effect, FileId, FileKind, ROOT, Suffix};
use crate::planted::{Barrier, Bug, Planted};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Whose disk call it is: where its completion goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    Partition(PartitionId),
    /// The metadata log and its snapshots.
    Controller,
    /// A file of the node as a whole, by its kind.
    Node(FileKind),
    /// Whoever asked is gone.
    Nobody,
}

/// The disk calls of one node.
#[derive(Debug, Default)]
pub struct DiskQueue {
    next: u64,
    given: Vec<(OpId, FileId, DiskCall)>,
    /// The calls of all others wait for this one's.
    first: Option<Owner>,
    /// With how many bytes each call has to write for a partition.
    owners: BTreeMap<OpId, (Owner, u64)>,
    /// The syncs of the data directory that have not ended, whoever asked.
    root_syncs: BTreeSet<OpId>,
    /// How many bytes all of them have to write for partitions, and with how many no more should come.
    unwritten_bytes: u64,
    unwritten_max: Option<u64>,
    /// What space there is on the disk is for metadata.
    is_reserved: bool,
    planted: Planted,
}

impl DiskQueue {
    /// A queue in which no more than these bytes should wait for the disk, of a node in which this bug is planted.
    #[must_use]
    pub fn new(unwritten_max: u64, planted: Planted) -> DiskQueue {
        DiskQueue { unwritten_max: Some(unwritten_max), planted, ..DiskQueue::default() }
    }

    /// What is planted in the node.
    #[must_use]
    pub fn planting(&self) -> Planted {
        self.planted
    }

    /// The queue as `owner` uses it.
    pub fn port(&mut self, owner: Owner) -> DiskPort<'_> {
        DiskPort { queue: self, owner }
    }

    /// Whose completion this is. `None` for a call that was never made or has ended before.
    pub fn take_owner(&mut self, op: OpId) -> Option<Owner> {
        let (owner, bytes) = self.owners.remove(&op)?;
        self.unwritten_bytes -= bytes;
        Some(owner)
    }

    /// Whether this, which has just ended, was a sync of the data directory. If it failed, whatever was given a name there, and is not known
    /// to be durable, may have lost it again, and no later sync says anything about that. So everybody hears of it who relies on a name.
    pub fn take_root_sync(&mut self, op: OpId) -> bool {
        self.root_syncs.remove(&op)
    }

    /// Whoever owned these calls is gone: what comes of them is for nobody. Until then they count as before.
    pub fn disown(&mut self, gone: Owner) {
        for (owner, _) in self.owners.values_mut().filter(|(owner, _)| *owner == gone) {
            *owner = Owner::Nobody;
        }
    }

    /// Whose calls alone the disk sees from now on, or that it sees all of them again.
    pub fn let_first(&mut self, first: Option<Owner>) {
        self.first = first;
    }

    /// Hand the calls made since the last time to the edge, in their order.
    pub fn drain_into(&mut self, out: &mut Vec<Effect>) {
        let (first, owners) = (self.first, &self.owners);
        let goes = |(op, ..): &mut (OpId, FileId, DiskCall)| {
            first.is_none_or(|first| owners.get(op).is_some_and(|(owner, _)| *owner == first))
        };
        out.extend(self.given.extract_if(.., goes).map(|(op, file, call)| Effect::Disk { op, file, call }));
    }

    /// The calls made since the last time.
    pub fn take(&mut self) -> Vec<(OpId, FileId, DiskCall)> {
        std::mem::take(&mut self.given)
    }

    /// Whether what space there is on the disk is for metadata alone, from now on. Says whether it was until now.
    pub fn reserve(&mut self, for_metadata: bool) -> bool {
        std::mem::replace(&mut self.is_reserved, for_metadata)
    }

    /// How many calls have not ended.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.owners.len()
    }
}

/// The queue in the hands of one owner.
#[derive(Debug)]
pub struct DiskPort<'a> {
    queue: &'a mut DiskQueue,
    owner: Owner,
}

impl DiskPort<'_> {
    /// Whether this bug is planted in the node.
    #[must_use]
    pub fn planted(&self, bug: Bug) -> bool {
        self.queue.planted.has(bug)
    }

    /// What is planted in the node.
    #[must_use]
    pub fn planting(&self) -> Planted {
        self.queue.planted
    }

    /// Whether the disk keeps up, and what space there is may be used. Who writes for a client asks this first, so that a disk that stands
    /// still does not fill the memory, and records do not fill what was freed for metadata.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let full = self.queue.unwritten_max.is_some_and(|max| self.queue.unwritten_bytes >= max);
        let reserved = self.queue.is_reserved && !self.planted(Bug::ReserveLentToRecords);
        !reserved && (!full || self.planted(Bug::UnwrittenWithoutBound))
    }

    /// Ask for a `Sync` or a `SyncDir`. Every one has a name, so that its deletion can be planted.
    pub fn barrier(&mut self, which: Barrier, file: FileId, call: DiskCall) -> OpId {
        assert!(matches!(call, DiskCall::Sync | DiskCall::SyncDir), "a barrier is a sync");
        let which = if self.owner == Owner::Controller { which.of_metadata() } else { which };
        if self.planted(Bug::Skip(which)) {
            // Reading nothing, or removing what never was, touches nothing, and ends like any other call.
            return match call {
                DiskCall::SyncDir => self.record(FileId::new(file.dir, FileKind::TxnIndex, i64::MAX), DiskCall::Remove),
                _ => self.record(file, DiskCall::Read { pos: BytePos(0), len: 0 }),
            };
        }
        self.record(file, call)
    }

    /// Ask for any other call. Its completion comes back to this port's owner under the id returned.
    pub fn call(&mut self, file: FileId, call: DiskCall) -> OpId {
        assert!(!matches!(call, DiskCall::Sync | DiskCall::SyncDir), "a sync is a barrier, and barriers have names");
        self.record(file, call)
    }

    fn record(&mut self, file: FileId, call: DiskCall) -> OpId {
        let op = OpId(self.queue.next);
        self.queue.next += 1;
        let bytes = match (&call, self.owner) {
            (DiskCall::Append { data, .. }, Owner::Partition(_)) => data.iter().map(|part| part.len() as u64).sum(),
            _ => 0,
        };
        self.queue.unwritten_bytes += bytes;
        self.queue.owners.insert(op, (self.owner, bytes));
        if file.dir == ROOT && matches!(call, DiskCall::SyncDir) {
            self.queue.root_syncs.insert(op);
        }
        self.queue.given.push((op, file, call));
        op
    }
}

/// What a `Replacer` says to a completion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The completion is none of its own.
    NotMine,
    /// A step is done, the next one is under way.
    Going,
    /// The new contents are durable under the file's name, but for the name where that was left to the caller.
    Done,
    /// The old contents stand; the new ones may be gone or may appear after a crash.
    Failed(DiskFault),
    /// The new contents have the name, and the sync of the directory has failed, with whatever names it was to cover: as with `Sync`,
    /// one that succeeds later says nothing about them.
    Unnamed(DiskFault),
}

/// Replaces a whole file so that a crash at any time leaves the old contents or the new: write `.tmp`, sync it, rename it, sync
/// the directory. Each step begins when the one before it has ended.
#[derive(Debug)]
pub struct Replacer {
    file: FileId,
    /// Whoever asked for it syncs the directory.
    name_left: bool,
    /// A sync of the directory has failed since the name was asked for.
    names_lost: Option<DiskFault>,
    step: Step,
    waiting_for: OpId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Creating(Bytes),
    Writing,
    Syncing,
    Renaming,
    SyncingDir,
    /// A step failed with this; the `.tmp` is being removed.
    Removing(DiskFault),
    Ended,
}

impl Replacer {
    /// Begin to replace `file` by `contents`.
    pub fn start(file: FileId, contents: Bytes, port: &mut DiskPort<'_>) -> Replacer {
        assert!(file.name.suffix == Suffix::None, "a replaced file has its final name: {file}");
        let tmp = if port.planted(Bug::ReplacedInPlace) { file } else { file.with_suffix(Suffix::Tmp) };
        let waiting_for = port.call(tmp, DiskCall::Create);
        Replacer { file, name_left: false, names_lost: None, step: Step::Creating(contents), waiting_for }
    }

    /// As [`Replacer::start`], but `Done` when the file has its name: making that durable is left to the caller, who has more to
    /// sync in that directory.
    pub fn start_but_name(file: FileId, contents: Bytes, port: &mut DiskPort<'_>) -> Replacer {
        Replacer { name_left: true, ..Replacer::start(file, contents, port) }
    }

    /// A sync of its directory has failed, which somebody else asked for: the name that it has given, or is about to give, may be lost, and
    /// its own sync says nothing about that.
    pub fn on_names_lost(&mut self, fault: DiskFault) {
        if matches!(self.step, Step::Renaming | Step::SyncingDir) {
            self.names_lost = Some(fault);
        }
    }

    /// The file that is being replaced.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The call whose completion it waits for.
    #[must_use]
    pub fn waiting_for(&self) -> OpId {
        self.waiting_for
    }

    /// A disk call has ended.
    pub fn on_disk(&mut self, op: OpId, result: &Result<DiskDone, DiskFault>, port: &mut DiskPort<'_>) -> Progress {
        if op != self.waiting_for || self.step == Step::Ended {
            return Progress::NotMine;
        }
        let in_place = port.planted(Bug::ReplacedInPlace);
        let tmp = if in_place { self.file } else { self.file.with_suffix(Suffix::Tmp) };
        let step = std::mem::replace(&mut self.step, Step::Ended);
        let fault = result.as_ref().err().copied();
        let (file, call, next) = match (step, fault) {
            (Step::Removing(why), _) => return Progress::Failed(why),
            (Step::SyncingDir, fault) => return fault.or(self.names_lost).map_or(Progress::Done, Progress::Unnamed),
            (_, Some(why)) => (tmp, DiskCall::Remove, Step::Removing(why)),
            (Step::Creating(contents), None) => (tmp, DiskCall::Append { pos: BytePos(0), data: vec![contents] }, Step::Writing),
            (Step::Writing, None) => (tmp, DiskCall::Sync, Step::Syncing),
            (Step::Syncing, None) if in_place => (FileId::dir(self.file.dir), DiskCall::SyncDir, Step::SyncingDir),
            (Step::Syncing, None) => (tmp, DiskCall::Rename { to: self.file.name }, Step::Renaming),
            (Step::Renaming, None) if self.name_left => return Progress::Done,
            (Step::Renaming, None) => (FileId::dir(self.file.dir), DiskCall::SyncDir, Step::SyncingDir),
            (Step::Ended, None) => return Progress::NotMine,
        };
        self.waiting_for = match &call {
            DiskCall::Sync => port.barrier(Barrier::of_replaced(self.file.name.kind).0, file, call),
            DiskCall::SyncDir => port.barrier(Barrier::of_replaced(self.file.name.kind).1, file, call),
            _ => port.call(file, call),
        };
        self.step = next;
        Progress::Going
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::ROOT;

    fn run(fail_at: Option<usize>) -> (Vec<String>, Progress) {
        let mut queue = DiskQueue::default();
        let file = FileId::new(ROOT, FileKind::LogStarts, 0);
        let mut replacer = Replacer::start(file, Bytes::from_static(b"x"), &mut queue.port(Owner::Node(FileKind::LogStarts)));
        let (mut calls, mut progress) = (Vec::new(), Progress::Going);
        while let Some((op, file, call)) = queue.take().pop() {
            let result = if fail_at == Some(calls.len()) { Err(DiskFault::NoSpace) } else { Ok(DiskDone::Done) };
            calls.push(format!("{} {call:?}", file.name));
            assert_eq!(queue.take_owner(op), Some(Owner::Node(FileKind::LogStarts)));
            progress = replacer.on_disk(op, &result, &mut queue.port(Owner::Node(FileKind::LogStarts)));
        }
        (calls, progress)
    }

    #[test]
    fn a_file_is_replaced_step_by_step() {
        let (calls, progress) = run(None);
        assert_eq!(progress, Progress::Done);
        let tmp = "log-start-offset-checkpoint.tmp";
        assert_eq!(
            calls,
            [
                format!("{tmp} create"),
                format!("{tmp} append 1B at 0"),
                format!("{tmp} sync"),
                format!("{tmp} rename to log-start-offset-checkpoint"),
                ". sync dir".to_string(),
            ]
        );
    }

    #[test]
    fn a_step_that_fails_leaves_the_old_file() {
        for step in 0..4 {
            let (calls, progress) = run(Some(step));
            assert_eq!(progress, Progress::Failed(DiskFault::NoSpace));
            assert!(calls.last().is_some_and(|c| c.ends_with("remove")), "{calls:?}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_synced_is_no_file_that_could_not_be_written() {
        assert_eq!(run(Some(4)).1, Progress::Unnamed(DiskFault::NoSpace));
    }

    #[test]
    fn a_name_that_somebody_elses_sync_may_have_dropped_is_not_durable() {
        for lost_at in 0..5 {
            let mut queue = DiskQueue::default();
            let file = FileId::new(ROOT, FileKind::LogStarts, 0);
            let mut replacer = Replacer::start(file, Bytes::from_static(b"x"), &mut queue.port(Owner::Controller));
            let mut progress = Progress::Going;
            for step in 0.. {
                let Some((op, ..)) = queue.take().pop() else { break };
                if step == lost_at {
                    replacer.on_names_lost(DiskFault::Io);
                }
                assert_eq!(queue.take_root_sync(op), step == 4);
                progress = replacer.on_disk(op, &Ok(DiskDone::Done), &mut queue.port(Owner::Controller));
            }
            // Before the file is renamed there is no name to lose.
            assert_eq!(progress, if lost_at < 3 { Progress::Done } else { Progress::Unnamed(DiskFault::Io) });
        }
    }

    #[test]
    fn ids_are_never_reused() {
        let mut queue = DiskQueue::default();
        let file = FileId::new(ROOT, FileKind::LogStarts, 0);
        let a = queue.port(Owner::Controller).call(file, DiskCall::Create);
        assert_eq!((queue.take_owner(a), queue.take_owner(a)), (Some(Owner::Controller), None));
        assert_ne!(queue.port(Owner::Controller).call(file, DiskCall::Create), a);
        let mut out = Vec::new();
        queue.drain_into(&mut out);
        assert_eq!((out.len(), queue.pending()), (2, 1));
    }
}
