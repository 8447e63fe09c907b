//! Invariants, looked at with every disk call and every answer: the checks that see more than a client can.
//!
//! State       the ghost logs by path, the directories of the present life, topics' ids, tallies, what was found.
//! Takes       disk calls as given, answers as they leave, crashes, starts.
//! Holds       work per call is bounded by the call.
//! Not here    what only a finished history shows (history.rs).

use super::ghost::{GhostBatch, GhostLog, appended};
use super::refold::FoundLog;
use super::retention::Limits;
use super::{Expiration, Found, Id, PageCache, Tally, refold};
use crate::disk::{Damage, SimDisk};
use crate::world::net::{Asked, AskedPart, FetchPart};
use ottla_core::ids::{DirId, PartitionId};
use ottla_core::io::{Chunk, DiskCall, DiskFault, FileId, FileKind, FileName, Reply, Suffix};
use ottla_core::wire::{FetchReply, Response, msg};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The directory of the metadata log.
pub(crate) const METADATA: &str = "__cluster_metadata-0";
const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;
/// The attribute of a batch whose timestamps, and so its checksum, are the broker's.
const LOG_APPEND_TIME: i16 = 8;

/// The checks at work in one world.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) tally: Tally,
    pub(crate) found: Vec<Found>,
    pub(super) logs: Vec<GhostLog>,
    pub(super) by_path: BTreeMap<String, usize>,
    /// Where a path is put together that is looked for there.
    sought: RefCell<String>,
    /// The logs of the directories that this life has named, by `DirId`.
    pub(super) by_dir: Vec<Option<usize>>,
    pub(super) ids: BTreeMap<u128, String>,
    pub(crate) page_cache: PageCache,
    /// What retention takes of a topic that the default would keep: so a setting says, from the start or set later. `None` stands for all.
    pub(super) limits: BTreeMap<Option<String>, Limits>,
    /// The latest wall time of the node, and the present one.
    pub(super) wall_ms: i64,
    pub(super) wall_now_ms: i64,
    /// The time of the oldest batch that was ever appended to each topic, by its timestamps.
    pub(super) oldest_ms: BTreeMap<String, i64>,
    pub(crate) expiration: Expiration,
    /// Paths of logs that took a batch of a producer that they may have forgotten.
    pub(crate) forgetful: BTreeSet<String>,
    /// Log starts that were written down, by log.
    pub(super) judged_starts: BTreeMap<usize, i64>,
    /// The directories in which calls of this life have failed.
    failed_in_life: BTreeSet<String>,
    /// Those for whose files calls of this life have found no space.
    full_in_life: BTreeSet<String>,
    /// As that, of this world.
    failed: BTreeSet<String>,
    /// Kinds of files of the data directory itself that damage has struck.
    damaged_roots: BTreeSet<FileKind>,
    /// The topics whose ids were given to directories, by the disk's own numbers of these.
    topics_of_dirs: BTreeMap<usize, u128>,
    /// The first offset that damage struck in each directory, by these numbers.
    struck_dirs: BTreeMap<usize, i64>,
    /// A disk call has found no space in this world.
    pub(super) no_space: bool,
    /// Directories for whose files the disk was full.
    full: BTreeSet<String>,
    /// Logs with records that are not on the disk: what is, and since when that is seen.
    pub(super) unsynced: BTreeMap<PartitionId, (i64, u64)>,
    /// Logs that have taken appends in this life.
    pub(super) written: BTreeSet<PartitionId>,
    /// Files of logs that this life has removed.
    pub(super) removed: BTreeSet<FileId>,
    /// Files that this life has replaced as a whole.
    pub(super) replaced: BTreeSet<FileId>,
    /// Indexes that got their names as a whole, in this life or an earlier one, by the paths of their logs.
    pub(super) mended: BTreeSet<(String, FileName)>,
    /// This life has given the reserve up, and does not keep it again yet.
    pub(super) reserve_given_up: bool,
    /// An orderly end was marked, and nothing has been written since.
    pub(super) marked: bool,
    /// Leader epochs as Metadata answers of this life told them, by path.
    pub(super) leader_epochs: BTreeMap<String, i32>,
    /// What the fetch sessions of this life are about, by id.
    pub(super) sessions: BTreeMap<i32, Vec<FetchPart>>,
    /// Answers of this turn that no largest timestamp is visible: the log, and what of it somebody had seen.
    pub(super) unseen_largest: Vec<(usize, i64)>,
    /// Records of acknowledged batches that a power loss took where that is permitted.
    pub(crate) permitted_losses: u64,
    /// Segments of partitions that were begun behind another one, and that were given up.
    pub(crate) rolls: u64,
    pub(crate) segments_deleted: u64,
    refolds: u32,
    /// Logs of which the start under way has to say that promised records are missing.
    pub(crate) owed_word: Vec<String>,
    /// What was appended to the metadata log; `promised` is what was durable when an answer left.
    pub(super) metadata: GhostLog,
    /// The last record of metadata about each partition, by topic id and index.
    pub(super) last_record: BTreeMap<(u128, i32), i64>,
    /// Damage took metadata that was to be durable, whether or not an answer had left since.
    pub(super) metadata_taken: bool,
    /// Damage took durable metadata: which partitions there are, and which producer ids were given, is not the node's doing any more.
    pub(super) metadata_lost: bool,
    /// The highest epoch in the metadata log when this life began, and now; one more than that, for there is an epoch 0.
    pub(super) metadata_epochs: (i32, i32),
}

impl Watch {
    /// Whether damage has taken metadata that was to be durable.
    pub(crate) fn is_metadata_lost(&self) -> bool {
        self.metadata_lost || self.metadata_taken
    }

    /// Whether a fault has damaged what this partition's log holds.
    pub(crate) fn is_damaged(&self, path: &str) -> bool {
        self.by_path.get(path).is_some_and(|log| self.logs[*log].is_damaged())
    }

    pub(super) fn report(&mut self, found: Found) {
        self.found.push(found);
    }

    pub(super) fn log_of(&mut self, disk: &SimDisk, dir: DirId) -> Option<usize> {
        let slot = dir.0 as usize;
        if let Some(known) = self.by_dir.get(slot).copied().flatten() {
            return Some(known);
        }
        let path = disk.path_of(dir).filter(|p| is_partition(p))?.to_string();
        let log = self.log_by_path(&path);
        self.know_dir(slot, log);
        Some(log)
    }

    fn know_dir(&mut self, slot: usize, log: usize) {
        if self.by_dir.len() <= slot {
            self.by_dir.resize(slot + 1, None);
        }
        self.by_dir[slot] = Some(log);
    }

    fn log_by_path(&mut self, path: &str) -> usize {
        if let Some(known) = self.by_path.get(path) {
            return *known;
        }
        let mut log = GhostLog::new(path);
        log.failed = self.metadata_lost;
        log.page_cache = path.rsplit_once('-').is_some_and(|(topic, _)| self.page_cache.holds(topic));
        self.logs.push(log);
        self.by_path.insert(path.to_string(), self.logs.len() - 1);
        self.logs.len() - 1
    }

    /// A disk call is given.
    pub(crate) fn on_call(&mut self, disk: &SimDisk, file: FileId, call: &DiskCall) {
        self.check_call(disk, file, call);
        match call {
            DiskCall::MakeDir { path } if is_partition(path) => {
                // A new incarnation: nothing of an older one of that name is owed.
                self.by_path.remove(path);
                self.leader_epochs.remove(path);
                let log = self.log_by_path(path);
                self.know_dir(file.dir.0 as usize, log);
            }
            DiskCall::RemoveDir => {
                if let Some(log) = self.log_of(disk, file.dir)
                    && self.by_path.get(&self.logs[log].path) == Some(&log)
                {
                    self.by_path.remove(&self.logs[log].path);
                }
            }
            DiskCall::RenameDir { path } => {
                if let Some(log) = self.log_of(disk, file.dir) {
                    let old = std::mem::replace(&mut self.logs[log].path, path.clone());
                    if self.by_path.get(&old) == Some(&log) {
                        self.by_path.remove(&old);
                    }
                    self.by_path.insert(path.clone(), log);
                }
            }
            DiskCall::Append { data, .. } if file.name.kind == FileKind::LogStarts => self.on_log_starts(data),
            DiskCall::Append { data, .. } if file.name.kind == FileKind::PartitionMetadata => {
                let topic = refold::topic_id(&data.concat());
                self.topics_of_dirs.extend(disk.number_of_bound(file.dir).zip(topic));
                if let Some(log) = self.log_of(disk, file.dir) {
                    self.logs[log].topic_id = topic;
                }
            }
            _ if file.name.kind == FileKind::Log && disk.path_of(file.dir) == Some(METADATA) => self.on_metadata_call(file, call),
            _ if file.name.kind == FileKind::Log && file.name.suffix == Suffix::None => {
                if let Some(log) = self.log_of(disk, file.dir) {
                    match call {
                        DiskCall::Truncate { len } => self.on_torn(disk, log, file, *len),
                        DiskCall::Create => self.on_torn(disk, log, file, 0),
                        _ => {}
                    }
                    self.on_log_call(log, file, call);
                }
            }
            _ => {}
        }
    }

    fn on_log_call(&mut self, log: usize, file: FileId, call: &DiskCall) {
        match call {
            DiskCall::Append { pos, data } => match appended(file.name, pos.0, data) {
                Some(batches) => batches.into_iter().for_each(|b| self.on_batch(log, b)),
                None => {
                    let path = self.logs[log].path.clone();
                    self.report(Id::LogAppend.found("an append that is no whole batches", format!("{path} {file} at {pos}")));
                }
            },
            DiskCall::Truncate { len } => {
                let first = self.logs[log].batches.partition_point(|b| (b.name.base, b.end_pos()) <= (file.name.base, *len));
                // Only this file is cut; later ones are removed by calls of their own.
                if self.logs[log].batches.get(first).is_some_and(|b| b.name == file.name) {
                    self.cut(log, first, "cut");
                }
            }
            DiskCall::Create => {
                self.rolls += u64::from(file.name.base > 0);
                let first = self.logs[log].batches.partition_point(|b| b.name.base < file.name.base);
                if self.logs[log].batches.get(first).is_some_and(|b| b.name == file.name) {
                    self.cut(log, first, "emptied");
                }
            }
            DiskCall::Remove | DiskCall::Rename { .. } => {
                self.segments_deleted += u64::from(matches!(call, DiskCall::Rename { to } if to.suffix == Suffix::Deleted));
                self.on_segment_gone(log, file);
            }
            _ => {}
        }
    }

    fn on_batch(&mut self, log: usize, batch: GhostBatch) {
        let head = batch.head;
        // After a failed append the core may cut, or write over what never came to be: the place in the file decides.
        let overwritten = self.logs[log].batches.partition_point(|b| (b.name.base, b.pos) < (batch.name.base, batch.pos));
        if overwritten < self.logs[log].batches.len() {
            self.cut(log, overwritten, "written over");
        }
        let ghost = &self.logs[log];
        if !ghost.is_damaged() {
            self.tally.count(Id::LogAppend);
            self.tally.count(Id::OneWriter);
        }
        if ghost.end.is_some_and(|end| end != head.base_offset) && !ghost.is_damaged() {
            let text = format!("{}: the log ends at {:?}, the batch begins at {}", ghost.path, ghost.end, head.base_offset);
            self.report(Id::LogAppend.found("a batch does not begin where the log ends", text));
        }
        let ghost = &self.logs[log];
        let owed = ghost.promised.max(ghost.told);
        if ghost.end.is_none() && head.base_offset < owed && !ghost.is_damaged() {
            let text = format!("{}: promised up to {owed}, the batch begins at {}", ghost.path, head.base_offset);
            self.report(Id::Recovered.found("a log begins anew below what was promised", text));
        }
        let ghost = &self.logs[log];
        let topic = ghost.path.rsplit_once('-').map_or("", |(topic, _)| topic);
        let is_new = ghost.end.is_none()
            && ghost.deletion_asked < head.base_offset
            && !self.is_retained(topic)
            // As Kafka does, a node believes this file.
            && !self.root_is_damaged(FileKind::LogStarts);
        if is_new && head.base_offset > 0 && !ghost.is_damaged() {
            let text = format!("{}: at offset {}", ghost.path, head.base_offset);
            self.report(Id::AskedDeletion.found("a log begins above zero and nobody asked for that", text));
        }
        let ghost = &self.logs[log];
        if head.epoch < ghost.epoch && !ghost.is_damaged() {
            let text = format!("{}: epoch {} after {} at offset {}", ghost.path, head.epoch, ghost.epoch, head.base_offset);
            self.report(Id::OneWriter.found("a leader epoch decreases", text));
        }
        let ghost = &self.logs[log];
        if head.epoch < ghost.epochs.0 && !ghost.is_damaged() {
            let text = format!("{}: epoch {} at offset {}", ghost.path, head.epoch, head.base_offset);
            self.report(Id::OneWriter.found("two lives of a leader write in one leader epoch", text));
        }
        if head.producer_id >= 0 && head.attributes & 0x20 == 0 {
            self.check_sequence(log, &batch);
            self.logs[log].seen_at.insert((head.producer_id, head.last_offset()), self.wall_now_ms);
        }
        self.know_age(log, &head);
        let ghost = &mut self.logs[log];
        if head.epoch >= ghost.epochs.1 {
            let index = ghost.path.rsplit_once('-').and_then(|(_, index)| index.parse().ok());
            let record = ghost.topic_id.zip(index).and_then(|partition| self.last_record.get(&partition).copied());
            ghost.given.push((head.epoch, record));
        }
        ghost.epoch = head.epoch;
        ghost.epochs.1 = ghost.epochs.1.max(head.epoch + 1);
        ghost.learn(&head);
        ghost.end = Some(head.last_offset() + 1);
        ghost.batches.push(batch);
    }

    fn check_sequence(&mut self, log: usize, batch: &GhostBatch) {
        let head = batch.head;
        let ghost = &self.logs[log];
        let Some(last) = ghost.producers.get(&head.producer_id).copied() else { return };
        if ghost.is_damaged() {
            return;
        }
        if self.may_have_forgotten(log, head.producer_id) {
            self.forgetful.insert(ghost.path.clone());
            return;
        }
        self.tally.count(Id::Sequences);
        let expected =
            if last.epoch == head.producer_epoch { (i64::from(last.sequence) + 1).rem_euclid(1 << 31) as i32 } else { 0 };
        if (head.producer_epoch < last.epoch || head.base_sequence != expected) && !ghost.is_damaged() {
            let text = format!(
                "{} offset {}: producer {} epoch {} sequence {}, after epoch {} sequence {}",
                ghost.path,
                head.base_offset,
                head.producer_id,
                head.producer_epoch,
                head.base_sequence,
                last.epoch,
                last.sequence
            );
            self.report(Id::Sequences.found("a sequence does not follow the one before", text));
        }
    }

    /// The batches from `first` on are gone; nothing promised may be among them.
    fn cut(&mut self, log: usize, first: usize, how: &str) {
        let ghost = &mut self.logs[log];
        let Some(offset) = ghost.cut_from(first) else { return };
        let promised = ghost.promised.max(ghost.told);
        let (path, damaged) = (ghost.path.clone(), ghost.is_damaged_at(offset));
        ghost.promised = ghost.promised.min(offset);
        ghost.told = ghost.told.min(offset);
        if damaged {
            return;
        }
        self.tally.count(Id::Recovered);
        if offset < promised {
            let text = format!("{path}: {how} from offset {offset}, promised up to {promised}");
            self.report(Id::Recovered.found("something promised is cut off", text));
        }
    }

    fn on_segment_gone(&mut self, log: usize, file: FileId) {
        let ghost = &mut self.logs[log];
        let from = ghost.batches.partition_point(|b| b.name.base < file.name.base);
        let to = ghost.batches.partition_point(|b| b.name.base <= file.name.base);
        if from == to {
            return;
        }
        if from == 0 {
            // The oldest: retention, DeleteRecords, or the whole log. That the log start is on the disk before is asked in calls.rs.
            let gone = ghost.batches.drain(..to).next_back().map_or(0, |b| b.head.last_offset() + 1);
            let path = ghost.path.clone();
            let (asked, damaged) = (ghost.deletion_asked >= gone, ghost.is_damaged_at(gone - 1));
            let topic = path.rsplit_once('-').map_or("", |(topic, _)| topic);
            // As Kafka does, a node believes that file.
            let unsure = self.root_is_damaged(FileKind::LogStarts);
            if is_partition(&path) && !damaged && !unsure && !self.is_retained(topic) {
                self.tally.count(Id::AskedDeletion);
                if !asked {
                    let text = format!("{path}: up to offset {gone}");
                    self.report(Id::AskedDeletion.found("a log loses its beginning and nobody asked for that", text));
                }
            }
            let ghost = &mut self.logs[log];
            if ghost.batches.is_empty() {
                // All of it: the next batch may follow the old end, or begin anew where nothing was promised.
                ghost.end = None;
            }
        } else if to == ghost.batches.len() {
            self.cut(log, from, "its segment removed");
        } else if !ghost.is_damaged() {
            let text = format!("{} {file}", ghost.path);
            self.report(Id::Recovered.found("a segment is removed from the middle of a log", text));
        }
    }

    /// Whether a call on a directory's files has failed in this life; the data directory has the empty path.
    pub(super) fn failed_in_life(&self, path: &str) -> bool {
        self.failed_in_life.contains(path)
    }

    /// Whether the disk was full for a call on a directory's files, in this world.
    pub(super) fn was_full(&self, path: &str) -> bool {
        self.full.contains(path)
    }

    /// As [`Watch::failed_in_life`], in this world.
    pub(super) fn has_failed(&self, path: &str) -> bool {
        self.failed.contains(path)
    }

    /// Whether a call on a directory's files has found no space in this life.
    pub(super) fn was_full_in_life(&self, path: &str) -> bool {
        self.full_in_life.contains(path)
    }

    /// Whether any call has failed, or damage has struck what no log is of.
    pub(super) fn anything_failed(&self) -> bool {
        !self.failed.is_empty() || !self.damaged_roots.is_empty()
    }

    /// The first offset that damage struck in the log of a directory, by the disk's own number of that.
    pub(crate) fn struck_from(&self, dir: usize) -> Option<i64> {
        self.struck_dirs.get(&dir).copied()
    }

    /// The topic whose log is in a directory, by the disk's own number of that.
    pub(crate) fn topic_of_dir(&self, dir: usize) -> Option<u128> {
        self.topics_of_dirs.get(&dir).copied()
    }

    /// Whether damage has struck such a file of the data directory in this world.
    pub(super) fn root_is_damaged(&self, kind: FileKind) -> bool {
        self.damaged_roots.contains(&kind)
    }

    /// A call failed: from here on the disk may hold what nobody asked for.
    pub(crate) fn on_failed(&mut self, disk: &SimDisk, file: FileId, fault: DiskFault) {
        let known = self.by_dir.get(file.dir.0 as usize).copied().flatten();
        let path = known.map(|log| self.logs[log].path.as_str()).or(disk.path_of(file.dir)).unwrap_or(METADATA).to_string();
        if fault == DiskFault::NoSpace {
            // The node has to clear that away, and to say what came of it.
            self.no_space = true;
            self.full_in_life.insert(path.clone());
            self.full.insert(path);
            return;
        }
        self.failed_in_life.insert(path.clone());
        self.failed.insert(path);
        if let Some(log) = known {
            self.logs[log].failing = true;
        }
    }

    /// Bytes at rest were damaged.
    pub(crate) fn on_damage(&mut self, damage: &Damage) {
        if damage.path.is_empty() {
            self.damaged_roots.insert(damage.name.kind);
            return;
        }
        let log = self.log_by_path(&damage.path);
        self.strike(log, damage);
    }

    fn strike(&mut self, log: usize, Damage { name, dir, from, gone, .. }: &Damage) {
        let ghost = &mut self.logs[log];
        match name.kind {
            FileKind::Log => {
                if *gone {
                    ghost.gone.push(*name);
                }
                let at = ghost.strike(*name, *from);
                self.struck_dirs.entry(*dir).and_modify(|known| *known = at.min(*known)).or_insert(at);
            }
            FileKind::Index | FileKind::TimeIndex | FileKind::LeaderEpochs => ghost.derived_struck = true,
            // A snapshot of producers has a checksum: nobody believes one that is damaged.
            FileKind::Snapshot => ghost.snapshot_struck = true,
            FileKind::TxnIndex => {}
            _ => ghost.failed = true,
        }
    }

    /// Somebody asks for records to be deleted; `at_once` if the node looks at that before anything else comes.
    pub(crate) fn on_delete_records(&mut self, topic: &str, partition: i32, before: i64, at_once: bool) {
        if let Some(log) = self.by_path.get(&format!("{topic}-{partition}")).copied() {
            let ghost = &mut self.logs[log];
            let end = ghost.end.unwrap_or(0);
            let before = if before < 0 { end } else { before };
            // Beyond the end it is refused, if it is looked at before anything else comes. Where damage struck, the node may see another.
            if before <= end || !at_once || ghost.is_damaged() {
                ghost.deletion_asked = ghost.deletion_asked.max(before);
            }
        }
    }

    /// An answer leaves.
    pub(crate) fn on_reply(&mut self, disk: &SimDisk, asked: &Asked, reply: &Reply) {
        self.know_metadata(disk);
        match &reply.response {
            Response::Produce(answer) => self.on_produce(disk, asked, answer),
            Response::Fetch(answer) => {
                self.on_session(asked, answer);
                self.on_fetch(disk, asked, answer);
            }
            Response::Metadata(answer) => {
                for topic in answer.topics.iter().filter(|t| t.error_code == 0) {
                    let Some(name) = &topic.name else { continue };
                    self.ids.entry(topic.topic_id.as_u128()).or_insert_with(|| name.0.as_str().to_string());
                    for p in topic.partitions.iter().filter(|p| p.error_code == 0) {
                        self.leader_epochs.insert(format!("{}-{}", name.0.as_str(), p.partition_index), p.leader_epoch);
                    }
                }
            }
            _ => {}
        }
        if let Some(change) = &asked.change {
            self.on_changed(disk, change, &reply.response);
        }
        self.on_looked(asked, &reply.response);
    }

    pub(super) fn path_of(&self, name: &str, id: u128, index: i32) -> Option<String> {
        let name = if name.is_empty() { self.ids.get(&id)?.as_str() } else { name };
        Some(format!("{name}-{index}"))
    }

    /// The log that has this path now; whatever it is, its own `path` is that.
    pub(super) fn log_at(&self, name: &str, id: u128, index: i32) -> Option<usize> {
        let name = if name.is_empty() { self.ids.get(&id)?.as_str() } else { name };
        let mut path = self.sought.borrow_mut();
        path.clear();
        let _ = write!(path, "{name}-{index}");
        self.by_path.get(path.as_str()).copied()
    }

    fn on_produce(&mut self, disk: &SimDisk, asked: &Asked, answer: &msg::ProduceResponse) {
        let Some(produce) = &asked.produce else { return };
        for topic in &answer.responses {
            for part in &topic.partition_responses {
                let sent = produce.parts.iter().find(|a| {
                    a.index == part.index
                        && if a.name.is_empty() { a.id == topic.topic_id.as_u128() } else { a.name == topic.name.0.as_str() }
                });
                match (sent, part.error_code) {
                    (Some(sent), 0) if part.base_offset >= 0 => self.on_acked(disk, sent, produce.acks, part.base_offset),
                    (Some(sent), OUT_OF_ORDER_SEQUENCE_NUMBER) => self.on_out_of_order(sent),
                    _ => {}
                }
            }
        }
    }

    /// A batch that is in the log, and among the last five of its producer, is a duplicate and no gap.
    fn on_out_of_order(&mut self, sent: &AskedPart) {
        let Some(log) = self.log_at(&sent.name, sent.id, sent.index) else { return };
        let ghost = &self.logs[log];
        // Records that were deleted are not in the log, also where their file is still there.
        let is_it = |b: &GhostBatch| (b.head.crc, b.head.count) == (sent.crc, sent.count) && b.head.last_offset() >= ghost.start;
        let Some(there) = ghost.batches.iter().rposition(is_it) else { return };
        let producer = ghost.batches[there].head.producer_id;
        let later = ghost.batches[there + 1..].iter().filter(|b| b.head.producer_id == producer).count();
        if producer < 0 || ghost.is_damaged() || self.forgetful.contains(&ghost.path) {
            return;
        }
        self.tally.count(Id::Sequences);
        if later < 5 {
            let text = format!("{}: {:?}, {later} of its producer behind it", ghost.path, ghost.batches[there].head);
            self.report(Id::Sequences.found("a batch that is in the log is refused as out of order", text));
        }
    }

    fn on_acked(&mut self, disk: &SimDisk, sent: &AskedPart, acks: i16, base_offset: i64) {
        let Some(log) = self.log_at(&sent.name, sent.id, sent.index).filter(|log| sent.log == Some(*log)) else { return };
        let ghost = &self.logs[log];
        let path = &ghost.path;
        // A repetition of something that retention has removed since.
        if ghost.batches.first().is_none_or(|b| base_offset < b.head.base_offset) {
            return;
        }
        let batch = ghost.batch_at(base_offset).copied();
        let right = batch.filter(|b| {
            b.head.base_offset == base_offset
                && (b.head.crc == sent.crc || b.head.attributes & LOG_APPEND_TIME != 0 || b.head.attributes & 7 != sent.codec)
                && b.head.count == sent.count
        });
        let Some(batch) = right else {
            if ghost.is_damaged() {
                return;
            }
            self.tally.count(Id::AckedPlace);
            let text = format!("{path}: told {base_offset}, there lies {batch:?}");
            self.report(Id::AckedPlace.found("an acknowledged batch does not lie where the answer says", text));
            return;
        };
        self.tally.count(Id::AckedPlace);
        let end = batch.head.last_offset() + 1;
        if acks == -1 && !ghost.page_cache {
            self.tally.count(Id::PromiseDurable);
            if !disk.is_durable(path, batch.name, batch.end_pos()) {
                let text = format!("{path}: offset {base_offset} in {} up to {}", batch.name, batch.end_pos());
                self.report(Id::PromiseDurable.found("an acks=all answer rests on bytes that are not on the disk", text));
            }
            let path = &self.logs[log].path;
            let id = super::calls::plain(FileKind::PartitionMetadata, 0);
            if !disk.is_durable(path, id, disk.bytes_of(path, id).len() as u64) {
                let text = format!("{path}: offset {base_offset}");
                self.report(Id::PromiseDurable.found("an acks=all answer rests on a topic id that is not on the disk", text));
            }
            self.logs[log].promised = self.logs[log].promised.max(end);
        }
        self.logs[log].told = self.logs[log].told.max(end);
    }

    fn on_fetch(&mut self, disk: &SimDisk, asked: &Asked, answer: &FetchReply) {
        for topic in &answer.topics {
            let id = topic.id.0.as_u128();
            for part in topic.partitions.iter().filter(|p| p.error_code == 0 && p.high_watermark >= 0) {
                let Some(log) = self.log_at(&topic.name, id, part.index) else { continue };
                let parts = asked.fetch.iter().flat_map(|f| &f.parts);
                let named = parts.clone().find(|p| (p.index, p.id, &p.name) == (part.index, id, &topic.name));
                if named.is_some_and(|p| p.log != Some(log)) {
                    continue;
                }
                self.on_fetched(disk, log, part.high_watermark, &part.records);
            }
        }
    }

    fn on_fetched(&mut self, disk: &SimDisk, log: usize, high_watermark: i64, records: &[Chunk]) {
        let ghost = &self.logs[log];
        self.tally.count(Id::ReadBound);
        if ghost.end.is_some_and(|end| high_watermark > end) && !ghost.is_damaged() {
            let text = format!("{}: {high_watermark}, the log ends at {:?}", ghost.path, ghost.end);
            self.report(Id::ReadBound.found("a high watermark above the end of the log", text));
        }
        let ghost = &self.logs[log];
        for chunk in records {
            let Chunk::File { file, pos, len } = chunk else { continue };
            // The first batch that is not wholly below the high watermark must not lie wholly in the range.
            let i = ghost.batches.partition_point(|b| b.head.last_offset() < high_watermark);
            if let Some(b) = ghost.batches.get(i).filter(|b| b.name == file.name && b.end_pos() <= pos.0 + u64::from(*len)) {
                let text = format!("{}: offset {} below {high_watermark}", ghost.path, b.head.last_offset());
                self.report(Id::ReadBound.found("a Fetch answer carries records that are not committed", text));
                return;
            }
        }
        if high_watermark > self.logs[log].seen {
            self.logs[log].seen = high_watermark;
            let ghost = &self.logs[log];
            let Some(batch) = ghost.last_below(high_watermark).copied().filter(|_| !ghost.page_cache) else { return };
            self.tally.count(Id::VisibleDurable);
            if !disk.is_durable(&ghost.path, batch.name, batch.end_pos()) {
                let text = format!("{}: high watermark {high_watermark}, {} up to {}", ghost.path, batch.name, batch.end_pos());
                self.report(Id::VisibleDurable.found("a high watermark rests on bytes that are not on the disk", text));
            }
            self.logs[log].promised = self.logs[log].promised.max(high_watermark.min(batch.head.last_offset() + 1));
        }
    }

    /// The process died.
    pub(crate) fn on_crash(&mut self) {
        self.end_of_life();
    }

    fn end_of_life(&mut self) {
        self.by_dir.clear();
        self.removed.clear();
        self.unsynced.clear();
        self.written.clear();
        self.reserve_given_up = false;
        self.replaced.clear();
        self.leader_epochs.clear();
        self.sessions.clear();
    }

    /// Power is being lost: only what was promised against that is still owed, and what is on the medium all the same.
    pub(crate) fn on_power_loss(&mut self, disk: &SimDisk) {
        self.end_of_life();
        for log in self.by_path.values().copied().collect::<Vec<_>>() {
            let durable = self.durable_end(disk, log);
            self.logs[log].promised = self.logs[log].promised.max(durable);
        }
        for log in &mut self.logs {
            log.told = log.told.min(log.promised);
            log.seen = log.seen.min(log.promised);
        }
    }

    /// How far a log is on the medium, from what is promised on.
    pub(super) fn durable_end(&self, disk: &SimDisk, log: usize) -> i64 {
        let ghost = &self.logs[log];
        let from = ghost.batches.partition_point(|b| b.head.base_offset < ghost.promised);
        let durable = ghost.batches[from..].iter().take_while(|b| disk.is_durable(&ghost.path, b.name, b.end_pos()));
        durable.last().map_or(ghost.promised, |b| b.head.last_offset() + 1)
    }

    /// A node is about to start: what does its disk hold, and is that what it may hold?
    pub(crate) fn before_start(&mut self, disk: &SimDisk) {
        self.by_dir.clear();
        self.metadata_epochs.0 = self.metadata_epochs.1;
        self.logs.iter_mut().for_each(|log| log.epochs.0 = log.epochs.1);
        self.compare_metadata(disk);
        if disk.damaged().iter().any(|d| d.gone && d.path == METADATA && d.name.kind == FileKind::QuorumState) {
            // Nobody knows any more of an epoch of which the log says nothing.
            self.metadata_epochs.0 = self.metadata.batches.iter().map(|b| b.head.epoch + 1).max().unwrap_or(0);
        }
        let found = refold::read_logs(disk);
        self.check_start(disk, &found);
        let mut present = vec![false; self.logs.len()];
        for FoundLog { path, start, batches } in found {
            let is_back = !self.by_path.contains_key(&path);
            let log = self.log_by_path(&path);
            self.logs[log].is_back |= is_back;
            if log < present.len() {
                present[log] = true;
            }
            // Also where a power loss has brought it back under its old name.
            if is_back {
                let dir = disk.number_of_dir(&path);
                for damage in disk.damaged().iter().filter(|d| Some(d.dir) == dir) {
                    self.strike(log, damage);
                }
            }
            self.expect_word(disk, log, start);
            self.compare(log, start, batches);
        }
        for (log, present) in present.into_iter().enumerate() {
            let ghost = &self.logs[log];
            let live = self.by_path.get(&ghost.path) == Some(&log);
            if live && !present && is_partition(&ghost.path) && ghost.promised > 0 && !ghost.failed {
                // A directory renamed for deletion may be gone altogether.
                let text = format!("{}: promised up to {}", ghost.path, ghost.promised);
                if !ghost.path.ends_with("-delete") {
                    self.report(Id::Recovered.found("a log with promised records is not there after a start", text));
                }
            }
        }
        self.failed_in_life.clear();
        self.full_in_life.clear();
        self.logs.iter_mut().for_each(|log| log.failing = false);
    }

    /// Somebody has taken a segment file of this log away. A start looks where each segment ends: one that is gone from the middle is
    /// missed. (Of the last one nobody may know but by what was written about it.)
    fn expect_word(&mut self, disk: &SimDisk, log: usize, start: i64) {
        let gone = std::mem::take(&mut self.logs[log].gone);
        let ghost = &self.logs[log];
        let else_wrong = ghost.failed || ghost.failing || ghost.is_back || self.metadata.failed || self.metadata_lost;
        if gone.len() != 1 || else_wrong || !self.damaged_roots.is_empty() || self.has_failed("") {
            return;
        }
        let dir = disk.number_of_dir(&ghost.path);
        let alone = disk.damaged().iter().filter(|d| Some(d.dir) == dir).count() == 1;
        let files = disk.names_in(&ghost.path);
        let has = |fits: &dyn Fn(i64) -> bool| {
            files.iter().any(|n| n.kind == FileKind::Log && n.suffix == Suffix::None && fits(n.base))
        };
        let held = || ghost.batches.iter().filter(|b| b.name == gone[0]);
        let owed = held().next().is_some_and(|b| b.head.base_offset < ghost.promised)
            && held().next_back().is_some_and(|b| b.head.last_offset() >= start);
        let between = has(&|base| base < gone[0].base) && has(&|base| base > gone[0].base);
        if alone && owed && between && is_partition(&ghost.path) {
            self.owed_word.push(ghost.path.clone());
        }
    }

    /// What a log holds on the disk, from the segment on in which `start` lies: is that what it has to hold?
    fn compare(&mut self, log: usize, start: i64, batches: Vec<GhostBatch>) {
        self.compare_start(log, start);
        let ghost = &self.logs[log];
        // What damage struck, and what is behind it, nobody can owe.
        let owed = ghost.promised.max(ghost.told).min(ghost.struck_from.unwrap_or(i64::MAX));
        // No checksum covers a leader epoch: what a power loss has left of it, where nothing was promised, may be anything.
        let falls = |p: &&[GhostBatch]| p[1].head.epoch < p[0].head.epoch && p[1].head.base_offset < owed;
        if let Some(pair) = batches.windows(2).find(falls).filter(|_| !ghost.failed) {
            let text = format!("{}: epoch {} behind {}", ghost.path, pair[1].head.epoch, pair[0].head.epoch);
            self.report(Id::OneWriter.found("batches of an older leader epoch lie behind those of a newer one", text));
        }
        let ghost = &self.logs[log];
        let end = batches.last().map(|b| b.head.last_offset() + 1);
        let first = batches.first().map(|b| b.head.base_offset);
        if !ghost.failed {
            self.tally.count(Id::Recovered);
            for b in &batches {
                if let Some(known) = ghost.batch_at(b.head.base_offset)
                    && (known.head.crc, known.head.size) != (b.head.crc, b.head.size)
                    && b.head.base_offset < owed
                {
                    let text = format!("{}: offset {}", ghost.path, b.head.base_offset);
                    self.report(Id::Recovered.found("the log holds something else than what was promised", text));
                    break;
                }
            }
            let ghost = &self.logs[log];
            let lowest = ghost.batches.first().map(|b| b.head.base_offset.max(start));
            let owes = lowest.is_some_and(|low| low < owed);
            if owes && (end.is_none_or(|end| end < owed) || first.is_some_and(|f| Some(f) > lowest && f < owed)) {
                let text = format!("{}: {first:?} to {end:?} of {lowest:?} to {owed}", ghost.path);
                self.report(Id::Recovered.found("promised records are not on the disk after a start", text));
            }
        }
        let remembers = self.marked && !self.no_space && self.failed.is_empty();
        let ghost = &mut self.logs[log];
        if let (Some(end), Some(old)) = (end, ghost.end) {
            self.permitted_losses += u64::from(end < old);
        }
        // What retention had removed and a power loss brought back is there again.
        ghost.end = end.or(ghost.end.filter(|_| ghost.batches.is_empty()));
        ghost.start = start;
        ghost.batches = batches;
        // An orderly end forgets nothing, whatever was deleted, but where there was no space for it.
        let known = std::mem::take(&mut ghost.producers);
        ghost.refold();
        if !ghost.is_damaged() && !ghost.is_back && !ghost.snapshot_struck {
            // And a log begins later only when it is on the disk who sent what lies before, unless it was said that there was no space.
            let is_kept = !std::mem::take(&mut ghost.producers_not_kept);
            for (id, last) in known.into_iter().filter(|(_, last)| remembers || is_kept && last.offset < start) {
                ghost.producers.entry(id).or_insert(last);
            }
        }
    }

    /// A node says that it deletes records of this log on a full disk, and could not write down who sent them.
    pub(crate) fn on_producers_not_kept(&mut self, path: &str) {
        if let Some(log) = self.by_path.get(path) {
            self.logs[*log].producers_not_kept = true;
        }
    }

    /// A log may begin where somebody asked for it, and where retention may have come to.
    fn compare_start(&mut self, log: usize, start: i64) {
        let ghost = &self.logs[log];
        let topic = ghost.path.rsplit_once('-').map_or("", |(topic, _)| topic);
        let unsure = ghost.failed || self.has_failed("") || self.root_is_damaged(FileKind::LogStarts);
        // A damaged batch may say that it is ancient.
        if unsure || ghost.is_back || ghost.is_damaged_at(start - 1) || self.is_retained(topic) {
            return;
        }
        self.tally.count(Id::AskedDeletion);
        if start > ghost.deletion_asked {
            let text = format!("{}: {start}, up to {} was asked for", ghost.path, ghost.deletion_asked);
            self.report(Id::AskedDeletion.found("a log start on the disk that nobody asked for", text));
        }
    }

    /// Now and then, when nothing is under way: does everything derived on the disk say what the log says?
    pub(crate) fn refold(&mut self, disk: &SimDisk) {
        self.refolds += 1;
        if disk.calls_open() > 0 {
            return;
        }
        for log in 0..self.logs.len() {
            let ghost = &self.logs[log];
            if ghost.is_damaged()
                || ghost.derived_struck
                || self.by_path.get(&ghost.path) != Some(&log)
                || !is_partition(&ghost.path)
            {
                continue;
            }
            self.tally.count(Id::Refold);
            if let Some((site, text)) = refold::derived_is_fold(disk, ghost) {
                self.report(Id::Refold.found(site, text));
            }
        }
    }
}

/// Whether a directory's name is that of a topic's partition.
pub(super) fn is_partition(path: &str) -> bool {
    path != "__cluster_metadata-0"
        && path
            .rsplit_once('-')
            .is_some_and(|(topic, n)| !topic.is_empty() && !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
