//! Partitions' directories: made so that they are found again with their topic id, and removed so that no reader notices.
//!
//! State       directories being made, being renamed out of the way, and waiting for their last readers; the next id.
//! Takes       partitions that come and go; completions; released leases.
//! Gives       disk calls; which partitions' directories are durable.
//! Holds       a name is given to a new directory only after the old one lost it; a directory counts as durable when its name, its
//!             topic id and its entry in the data directory have been synced; a deleted one is emptied only when its new name has been.
//! Not here    what is in them (`log`), which ones there should be (`node.rs`, from the image).

use crate::controller::topic_name;
use crate::disk::{DiskQueue, Owner, Progress, Replacer};
use crate::ids::{DirId, LeaseId, OpId, PartitionId, TopicId, base64_id, parse_base64_id};
use crate::io::{DiskCall, DiskDone, DiskFault, FileId, FileKind, ROOT};
use crate::planted::{Barrier, Bug};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What came of a completion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum DirEvent {
    /// The partition's directory survives a power loss.
    Durable(PartitionId),
    /// It could not be made; nothing in it counts.
    Failed(PartitionId, DiskFault),
    /// A name is free again.
    Freed(String),
    /// A deleted directory could not be renamed or removed: `try_again`, and the next start, will.
    Leftover { path: String, fault: DiskFault, is_first: bool },
}

#[derive(Debug)]
enum DirOp {
    Made(PartitionId, DirId),
    TakenAway(Removal),
    /// What was made, and what was renamed to be deleted, before it was given.
    RootSynced(Vec<(PartitionId, DirId)>, Vec<DirId>),
}

/// What takes a directory away from where it was. It is tried again until it is done.
#[derive(Debug)]
enum Removal {
    Renamed {
        old: String,
        path: String,
        dir: DirId,
    },
    /// `freed`: the name that is free again afterwards.
    Removed {
        path: String,
        freed: Option<String>,
        dir: DirId,
    },
    /// Out of the way, and kept.
    PutAside {
        old: String,
        path: String,
        dir: DirId,
    },
}

/// The directory of a deleted partition.
#[derive(Debug)]
struct Dying {
    /// What still refers to its files.
    leases: BTreeSet<LeaseId>,
    /// The name that it had, and what its new one is made with.
    old: String,
    unique: Uuid,
    state: DyingState,
}

impl Dying {
    /// The name that it gets.
    fn path(&self) -> String {
        delete_name(&self.old, self.unique)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum DyingState {
    UnderItsOldName,
    Renamed,
    /// Not even a power loss brings its old name back. Only then may it be emptied: half a directory under the old name would be taken
    /// for one that has lost files.
    Gone,
}

#[derive(Debug)]
struct Creating {
    dir: DirId,
    path: String,
    metadata: Replacer,
    made: bool,
    metadata_durable: bool,
    name_durable: bool,
    /// A sync of the data directory has failed since it was asked for.
    name_lost: Option<DiskFault>,
}

#[derive(Debug, Default)]
pub(super) struct Directories {
    next: u32,
    ops: BTreeMap<OpId, DirOp>,
    creating: BTreeMap<PartitionId, Creating>,
    /// Names that deleted partitions still have on disk.
    taken: BTreeSet<String>,
    /// Names of directories that are nobody's, and stay.
    kept: BTreeSet<String>,
    dying: BTreeMap<DirId, Dying>,
    /// What failed, to be tried again; and the directories of which that was said.
    again: Vec<Removal>,
    left_over: BTreeSet<DirId>,
    /// Made since the last sync of the data directory began. A partition may be made again when that failed once: what is said of one
    /// directory says nothing about the next one.
    unsynced: Vec<(PartitionId, DirId)>,
    /// A name was changed since then: a topic that comes back under its old name after a power loss would have to be told from one
    /// that the metadata has lost.
    renamed: bool,
    syncing: bool,
}

impl Directories {
    /// The next id to bind a directory to.
    pub(super) fn next_id(&mut self) -> DirId {
        self.next += 1;
        DirId(self.next)
    }

    /// Make the directory of a new partition. Calls on files in it may follow at once.
    pub(super) fn make(&mut self, id: PartitionId, path: String, disk: &mut DiskQueue) -> DirId {
        let dir = self.next_id();
        let call = DiskCall::MakeDir { path: path.clone() };
        let op = disk.port(Owner::Node(FileKind::Dir)).call(FileId::dir(dir), call);
        self.ops.insert(op, DirOp::Made(id, dir));
        let file = FileId::new(dir, FileKind::PartitionMetadata, 0);
        let metadata = Replacer::start(file, render_metadata(id.topic), &mut disk.port(Owner::Partition(id)));
        let creating =
            Creating { dir, path, metadata, made: false, metadata_durable: false, name_durable: false, name_lost: None };
        let before = self.creating.insert(id, creating);
        assert!(before.is_none(), "the directory of {id:?} is being made already");
        dir
    }

    /// Whether the name belongs to a directory that is there.
    pub(super) fn is_taken(&self, path: &str) -> bool {
        self.taken.contains(path) || self.is_kept(path)
    }

    /// Whether the name belongs to a directory that is nobody's, and stays for as long as nobody takes it away.
    pub(super) fn is_kept(&self, path: &str) -> bool {
        self.kept.contains(path)
    }

    /// The name belongs to a directory that is going to be taken out of the way.
    pub(super) fn take_name(&mut self, path: String) {
        self.taken.insert(path);
    }

    /// The name belongs to a directory that is nobody's, until `remove` takes it away.
    pub(super) fn keep_name(&mut self, path: String) {
        self.kept.insert(path);
    }

    /// Take a directory out of the way, and remove it when no reply refers to its files any more.
    pub(super) fn remove(&mut self, dir: DirId, old: String, leases: BTreeSet<LeaseId>, unique: Uuid, disk: &mut DiskQueue) {
        let dying = Dying { leases, old: old.clone(), unique, state: DyingState::UnderItsOldName };
        let path = dying.path();
        self.kept.remove(&old);
        self.taken.insert(old.clone());
        self.dying.insert(dir, dying);
        self.give(Removal::Renamed { old, path, dir }, disk);
    }

    /// Take a directory that nobody knows out of the way, and keep it: somebody may have been promised what is in it.
    pub(super) fn put_aside(&mut self, dir: DirId, old: String, unique: Uuid, disk: &mut DiskQueue) {
        let path = aside_name(&old, unique);
        self.taken.insert(old.clone());
        self.give(Removal::PutAside { old, path, dir }, disk);
    }

    /// Remove a directory that bears the name of a deleted one already.
    pub(super) fn remove_leftover(&mut self, dir: DirId, path: String, disk: &mut DiskQueue) {
        self.give(Removal::Removed { path, freed: None, dir }, disk);
    }

    /// Ask the disk for what takes a directory away.
    fn give(&mut self, what: Removal, disk: &mut DiskQueue) {
        let (dir, call) = match &what {
            Removal::Renamed { path, dir, .. } | Removal::PutAside { path, dir, .. } => {
                (*dir, DiskCall::RenameDir { path: path.clone() })
            }
            Removal::Removed { dir, .. } => (*dir, DiskCall::RemoveDir),
        };
        let op = disk.port(Owner::Node(FileKind::Dir)).call(FileId::dir(dir), call);
        self.ops.insert(op, DirOp::TakenAway(what));
    }

    /// What failed may work by now.
    pub(super) fn try_again(&mut self, disk: &mut DiskQueue) {
        for what in std::mem::take(&mut self.again) {
            self.give(what, disk);
        }
    }

    /// Nobody may have the name while its files may still be there.
    fn fail_again(&mut self, what: Removal, fault: DiskFault, out: &mut Vec<DirEvent>) {
        let (dir, path) = match &what {
            Removal::Renamed { old, dir, .. } | Removal::PutAside { old, dir, .. } => (*dir, old.clone()),
            Removal::Removed { path, dir, .. } => (*dir, path.clone()),
        };
        self.again.push(what);
        out.push(DirEvent::Leftover { path, fault, is_first: self.left_over.insert(dir) });
    }

    /// Whether this is the directory that is being made for the partition, and not an earlier one that failed.
    fn is_being_made(&self, id: PartitionId, dir: DirId) -> bool {
        self.creating.get(&id).is_some_and(|c| c.dir == dir)
    }

    /// The partition went away while its directory was being made.
    pub(super) fn forget(&mut self, id: PartitionId) {
        self.creating.remove(&id);
        self.unsynced.retain(|(p, _)| *p != id);
    }

    /// The reply that carried this lease has left.
    pub(super) fn on_released(&mut self, lease: LeaseId, disk: &mut DiskQueue) {
        let forgets = disk.planting().has(Bug::DyingLeaseForgotten);
        for dying in self.dying.values_mut().filter(|dying| dying.state != DyingState::UnderItsOldName || !forgets) {
            dying.leases.remove(&lease);
        }
        self.bury(disk);
    }

    /// Remove the directories that bear their last name and that nothing refers to.
    fn bury(&mut self, disk: &mut DiskQueue) {
        let is_over = |dying: &Dying| dying.state == DyingState::Gone && dying.leases.is_empty();
        for (dir, dying) in self.dying.extract_if(.., |_, dying| is_over(dying)).collect::<Vec<_>>() {
            self.remove_leftover(dir, dying.path(), disk);
        }
    }

    /// The completion of a call on a directory.
    pub(super) fn on_disk(
        &mut self,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        disk: &mut DiskQueue,
        out: &mut Vec<DirEvent>,
    ) {
        let fault = result.as_ref().err().copied();
        match (self.ops.remove(&op), fault) {
            (None, _) => {}
            (Some(DirOp::TakenAway(what)), Some(fault)) if fault != DiskFault::NotFound => self.fail_again(what, fault, out),
            (Some(DirOp::TakenAway(what)), fault) => self.on_taken_away(what, fault.is_some(), disk, out),
            (Some(DirOp::Made(id, dir)), None) => {
                if let Some(creating) = self.creating.get_mut(&id).filter(|c| c.dir == dir) {
                    creating.made = true;
                    match creating.name_lost {
                        Some(fault) => self.fail(id, fault, disk, out),
                        None => self.unsynced.push((id, dir)),
                    }
                }
            }
            (Some(DirOp::Made(id, dir)), Some(fault)) => {
                if self.is_being_made(id, dir) {
                    self.creating.remove(&id);
                    out.push(DirEvent::Failed(id, fault));
                }
            }
            (Some(DirOp::RootSynced(ids, renamed)), fault) => {
                self.syncing = false;
                for dir in renamed.into_iter().filter(|_| fault.is_none()) {
                    self.on_old_name_gone(dir);
                }
                self.bury(disk);
                // If it failed, `on_names_lost` is told.
                for (id, dir) in ids.into_iter().filter(|_| fault.is_none()) {
                    if let Some(creating) = self.creating.get_mut(&id).filter(|c| c.dir == dir) {
                        creating.name_durable = true;
                        self.maybe_finish(id, out);
                    }
                }
            }
        }
        self.maybe_sync_root(disk);
    }

    /// A sync of the data directory has failed, whoever asked for it: a directory whose name is not durable yet may have lost it, and the
    /// next sync says nothing about that.
    pub(super) fn on_names_lost(&mut self, fault: DiskFault, disk: &mut DiskQueue, out: &mut Vec<DirEvent>) {
        let mut lost = Vec::new();
        for (id, creating) in self.creating.iter_mut().filter(|(_, c)| !c.name_durable) {
            creating.name_lost = Some(fault);
            lost.extend(creating.made.then_some(*id));
        }
        for id in lost {
            self.fail(id, fault, disk, out);
        }
        self.unsynced.clear();
        // Nor does one that is under way say anything about what was renamed. What is renamed again shows where it was.
        for op in self.ops.values_mut() {
            if let DirOp::RootSynced(_, renamed) = op {
                renamed.clear();
            }
        }
        let mut again = Vec::new();
        // In a while: a disk whose syncs go on failing would be asked without end.
        for (dir, dying) in self.dying.iter_mut().filter(|(_, dying)| dying.state == DyingState::Renamed) {
            dying.state = DyingState::UnderItsOldName;
            let old = dying.path();
            dying.unique = Uuid::from_u128(dying.unique.as_u128().wrapping_add(1));
            again.push(Removal::Renamed { old, path: dying.path(), dir: *dir });
        }
        again.into_iter().for_each(|what| self.fail_again(what, fault, out));
        self.maybe_sync_root(disk);
    }

    fn on_old_name_gone(&mut self, dir: DirId) {
        if let Some(dying) = self.dying.get_mut(&dir).filter(|dying| dying.state == DyingState::Renamed) {
            dying.state = DyingState::Gone;
        }
    }

    /// A directory is away from where it was; `is_gone`: it was before. What is not there need not be taken away.
    fn on_taken_away(&mut self, what: Removal, is_gone: bool, disk: &mut DiskQueue, out: &mut Vec<DirEvent>) {
        let freed = match &what {
            Removal::Renamed { old, .. } | Removal::PutAside { old, .. } => Some(old),
            Removal::Removed { freed, .. } => freed.as_ref(),
        };
        if let Some(name) = freed {
            self.taken.remove(name);
            out.push(DirEvent::Freed(name.clone()));
        }
        self.renamed |= !matches!(what, Removal::Removed { .. });
        if let Removal::Renamed { dir, .. } = what {
            // Somebody else took it away: under its name there may be its successor by the time it would be removed.
            match self.dying.get_mut(&dir) {
                Some(_) if is_gone => drop(self.dying.remove(&dir)),
                Some(dying) => dying.state = DyingState::Renamed,
                None => {}
            }
            if disk.planting().has(Bug::EmptiedUnderOldName) {
                self.on_old_name_gone(dir);
                self.bury(disk);
            }
        }
    }

    /// A completion that belongs to a partition: true if it was one of the topic id's file.
    pub(super) fn on_partition_disk(
        &mut self,
        id: PartitionId,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        disk: &mut DiskQueue,
        out: &mut Vec<DirEvent>,
    ) -> bool {
        let Some(creating) = self.creating.get_mut(&id) else { return false };
        match creating.metadata.on_disk(op, result, &mut disk.port(Owner::Partition(id))) {
            Progress::NotMine => return false,
            Progress::Going => {}
            Progress::Done => {
                creating.metadata_durable = true;
                self.maybe_finish(id, out);
            }
            Progress::Failed(fault) | Progress::Unnamed(fault) => self.fail(id, fault, disk, out),
        }
        true
    }

    /// The directory is there, but could not be finished: it goes, and its name is free only then.
    fn fail(&mut self, id: PartitionId, fault: DiskFault, disk: &mut DiskQueue, out: &mut Vec<DirEvent>) {
        let Some(Creating { dir, path, .. }) = self.creating.remove(&id) else { return };
        self.taken.insert(path.clone());
        self.give(Removal::Removed { path: path.clone(), freed: Some(path), dir }, disk);
        out.push(DirEvent::Failed(id, fault));
    }

    fn maybe_finish(&mut self, id: PartitionId, out: &mut Vec<DirEvent>) -> bool {
        let done = self.creating.get(&id).is_some_and(|c| c.metadata_durable && c.name_durable);
        if done {
            self.creating.remove(&id);
            out.push(DirEvent::Durable(id));
        }
        done
    }

    /// One sync of the data directory serves all that were made and renamed before it began.
    fn maybe_sync_root(&mut self, disk: &mut DiskQueue) -> bool {
        if self.syncing || self.unsynced.is_empty() && !self.renamed {
            return false;
        }
        (self.syncing, self.renamed) = (true, false);
        let op = disk.port(Owner::Node(FileKind::Dir)).barrier(Barrier::TopicDir, FileId::dir(ROOT), DiskCall::SyncDir);
        let renamed = self.dying.iter().filter(|(_, dying)| dying.state == DyingState::Renamed).map(|(dir, _)| *dir).collect();
        self.ops.insert(op, DirOp::RootSynced(std::mem::take(&mut self.unsynced), renamed));
        true
    }

    /// Calls that have not ended.
    pub(super) fn is_quiet(&self) -> bool {
        self.ops.is_empty() && self.creating.is_empty()
    }
}

/// Kafka's contents of `partition.metadata`.
fn render_metadata(topic: TopicId) -> Bytes {
    Bytes::from(format!("version: 0\ntopic_id: {}", base64_id(&topic.0)))
}

/// The topic id in a `partition.metadata`; `None` for anything that is not one.
pub(super) fn parse_metadata(bytes: &[u8]) -> Option<TopicId> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let version = lines.next()?.strip_prefix("version: ")?;
    let id = lines.next()?.strip_prefix("topic_id: ")?;
    (version == "0").then(|| parse_base64_id(id).map(TopicId)).flatten()
}

/// Kafka's name for a directory on its way out.
pub(super) fn delete_name(old: &str, unique: Uuid) -> String {
    unique_name(old, unique, "delete")
}

/// Kafka's name for a directory of a partition that the metadata does not know.
fn aside_name(old: &str, unique: Uuid) -> String {
    unique_name(old, unique, "stray")
}

/// Cut so that no file system finds it too long.
fn unique_name(old: &str, unique: Uuid, why: &str) -> String {
    let unique = unique.simple().to_string();
    let room = 255 - unique.len() - ".-".len() - why.len();
    let stem: String = old.chars().take(room).collect();
    format!("{stem}.{unique}-{why}")
}

/// Topic and partition of a directory's name; `None` for one that no partition can have.
pub(super) fn parse_dir(path: &str) -> Option<(&str, i32)> {
    let (topic, index) = path.rsplit_once('-')?;
    let plain = topic_name::check(topic).is_ok() && !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| index.parse().ok().map(|index| (topic, index))).flatten()
}

/// Whether `delete_name` gives such names.
pub(super) fn is_delete_name(path: &str) -> bool {
    let parts = path.strip_suffix("-delete").and_then(|stem| stem.rsplit_once('.'));
    // What is left of a name that was cut need not end in a partition.
    parts.is_some_and(|(stem, unique)| {
        let is_unique = unique.len() == 32 && unique.bytes().all(|b| b.is_ascii_hexdigit());
        let is_cut = unique_name(stem, Uuid::nil(), "delete").len() == 255;
        is_unique && (parse_dir(stem).is_some() || is_cut)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_survives_the_way_to_its_file_and_back() {
        let id = TopicId(Uuid::from_u128(0x1234_5678_9abc));
        assert_eq!(parse_metadata(&render_metadata(id)), Some(id));
        for bad in ["", "version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ", "version: 0\ntopic_id: x", "version: 0"] {
            assert_eq!(parse_metadata(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn what_was_synced_of_a_directory_that_failed_says_nothing_of_the_one_made_instead() {
        let id = PartitionId { topic: TopicId(Uuid::from_u128(7)), index: crate::ids::PartitionIndex(0) };
        let (mut queue, mut dirs, mut out) = (DiskQueue::default(), Directories::default(), Vec::new());
        let (done, full) = (Ok(DiskDone::Done), Err(DiskFault::NoSpace));
        let last = |queue: &mut DiskQueue| queue.take().pop().expect("a call was given").0;
        dirs.make(id, "t-0".into(), &mut queue);
        let made = queue.take();
        dirs.on_disk(made[0].0, &done, &mut queue, &mut out);
        let slow_sync = last(&mut queue);
        dirs.on_partition_disk(id, made[1].0, &full, &mut queue, &mut out);
        let removed = last(&mut queue);
        dirs.on_partition_disk(id, removed, &done, &mut queue, &mut out);
        let removed = last(&mut queue);
        dirs.on_disk(removed, &done, &mut queue, &mut out);
        assert!(matches!(out[..], [DirEvent::Failed(..), DirEvent::Freed(_)]), "{} events", out.len());
        out.clear();
        dirs.make(id, "t-0".into(), &mut queue);
        let made = queue.take();
        dirs.on_disk(made[0].0, &done, &mut queue, &mut out);
        dirs.on_disk(slow_sync, &done, &mut queue, &mut out);
        assert!(!dirs.creating[&id].name_durable, "only the older directory was synced");
        let own_sync = last(&mut queue);
        dirs.on_disk(own_sync, &done, &mut queue, &mut out);
        assert!(dirs.creating[&id].name_durable);
    }

    #[test]
    fn directories_are_named_as_in_kafka() {
        assert_eq!(parse_dir("a-b-12"), Some(("a-b", 12)));
        for foreign in ["lost+found", "x", "-1", "a-", "a-1x", "t-0.0123-delete", "t-0.0123-stray", "a b-0", "..-0"] {
            assert_eq!(parse_dir(foreign), None, "{foreign}");
        }
        for foreign in ["photos-to-delete", "-delete", "t-0.0123-delete", "t.0123456789abcdef0123456789abcdef-delete"] {
            assert!(!is_delete_name(foreign), "{foreign}");
        }
        let long = delete_name(&format!("{}-7", "x".repeat(249)), Uuid::nil());
        assert!(long.len() <= 255 && long.ends_with("-delete"));
        assert!(is_delete_name(&long) && is_delete_name(&delete_name("t-0", Uuid::from_u128(17))));
    }
}
