//! The files beside the segments that are replaced as a whole: snapshots of the producers, the checkpoint of the leader epochs, indexes
//! that recovery made anew; and the orderly end.
//!
//! State       at most one replacement of each under way.
//! Holds       a snapshot is written only when everything below its offset is durable, so that it never speaks of what a crash may
//!             take away, and the two newest are kept; the recovery point stays below an epoch that is not in the durable file;
//!             an index that was missing below the recovery point gets its name when its bytes are on the disk, since every later life
//!             believes what it finds under that name.
//! Not here    their formats (`snapshot.rs`, `epochs.rs`), reading them (`recovery.rs`).

use super::producers::Producers;
use super::{Closing, Log, LogEvent, Op, snapshot};
use crate::disk::{DiskPort, Progress, Replacer};
use crate::ids::{LeaderEpoch, Offset, OpId};
use crate::io::{DiskCall, DiskDone, DiskFault, FileId, FileKind, Level};
use crate::planted::Bug;
use crate::time::Now;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Duration;

const SNAPSHOTS_KEPT: usize = 2;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Snapshots of the producers.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// Offsets of the files that are there, oldest first.
    pub on_disk: VecDeque<Offset>,
    /// Files that could not be read: they remember nobody, and go when another one is written.
    pub unread: Vec<Offset>,
    /// The newest that a start after a power loss would find: an earlier life may not have made the name of its last one durable.
    pub durable: Option<Offset>,
    /// To be written when everything below is durable.
    pub pending: VecDeque<(Offset, Bytes)>,
    /// The disk was full: not before `Log::retry_at`.
    pub blocked: bool,
    /// How often a log start that waits for one has seen the disk full, since the last one was written.
    pub refused: u32,
    writing: Option<(Replacer, Offset, Bytes)>,
}

impl Snapshots {
    /// Remember the producers as they are at `end`.
    pub(super) fn take(&mut self, end: Offset, producers: &Producers) {
        if self.newest().is_none_or(|n| n < end) {
            // Under a stream of rolls the first, which is durable soonest, and the last are enough.
            self.pending.truncate(1);
            self.pending.push_back((end, snapshot::encode(producers)));
        }
    }

    /// The newest, on the disk or on its way there.
    pub(super) fn newest(&self) -> Option<Offset> {
        self.pending.back().map(|p| p.0).or(self.writing.as_ref().map(|w| w.1)).or(self.on_disk.back().copied())
    }

    /// What was taken above `end` never was.
    pub(super) fn cut(&mut self, end: Offset) {
        self.pending.retain(|p| p.0 <= end);
    }

    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.writing.is_none()
    }
}

/// The checkpoint of the leader epochs.
#[derive(Debug, Default)]
pub(super) struct EpochFile {
    /// The newest epoch that the durable file holds.
    pub saved: Option<LeaderEpoch>,
    /// The file is not what the epochs are.
    pub dirty: bool,
    /// The disk was full: not before `Log::retry_at`.
    pub blocked: bool,
    /// With the newest epoch that is being written; `None` inside if a cut has made it void.
    writing: Option<(Replacer, Option<LeaderEpoch>)>,
}

impl EpochFile {
    /// A cut has taken epochs away: what the file says above `latest` is no longer true.
    pub(super) fn void(&mut self, latest: Option<LeaderEpoch>) {
        self.saved = self.saved.min(latest);
        self.dirty = true;
        if let Some((_, writes)) = &mut self.writing {
            *writes = (*writes).min(latest);
        }
    }

    fn is_idle(&self) -> bool {
        !self.dirty && self.writing.is_none()
    }
}

/// The indexes of a segment below the recovery point, made anew. Nothing is looked up in them before they are there.
#[derive(Debug)]
pub(super) struct Mend {
    base: Offset,
    /// The last one goes first.
    left: Vec<(FileKind, Bytes)>,
    writing: Option<Replacer>,
}

impl Mend {
    pub(super) fn new(base: Offset, index: Bytes, time: Bytes) -> Mend {
        Mend { base, left: vec![(FileKind::Index, index), (FileKind::TimeIndex, time)], writing: None }
    }
}

impl Log {
    /// Start the replacements that are due.
    pub(super) fn write_side_files(&mut self, port: &mut DiskPort<'_>) {
        self.write_snapshot(port);
        if self.epoch_file.writing.is_none() && self.epoch_file.dirty && !self.epoch_file.blocked {
            let file = FileId::new(self.dir, FileKind::LeaderEpochs, 0);
            let replacer = Replacer::start(file, self.epochs.encode(), port);
            self.ops.insert(replacer.waiting_for(), Op::Epochs);
            self.epoch_file.writing = Some((replacer, self.epochs.latest()));
            self.epoch_file.dirty = false;
        }
        self.mend_next(port);
    }

    /// Write the next snapshot of which everything below is durable.
    pub(super) fn write_snapshot(&mut self, port: &mut DiskPort<'_>) {
        if self.snapshots.blocked || self.snapshots.writing.is_some() {
            return;
        }
        let synced = if self.has(Bug::SnapshotBeforeDurable) { self.end } else { self.synced_end };
        if let Some((offset, contents)) = self.snapshots.pending.pop_front_if(|p| p.0 <= synced) {
            let replacer = Replacer::start(self.file(offset, FileKind::Snapshot), contents.clone(), port);
            self.ops.insert(replacer.waiting_for(), Op::Snapshot);
            self.snapshots.writing = Some((replacer, offset, contents));
        }
    }

    /// The names are left to the next sync of the directory, whoever asks for it: without one an index is made anew once more.
    fn mend_next(&mut self, port: &mut DiskPort<'_>) {
        let dir = self.dir;
        while let Some(mend) = self.mends.front_mut().filter(|m| m.writing.is_none()) {
            let Some((kind, contents)) = mend.left.pop() else {
                let base = mend.base;
                self.mends.pop_front();
                self.on_mended(base, true);
                continue;
            };
            let replacer = Replacer::start_but_name(FileId::new(dir, kind, mend.base.0), contents, port);
            self.ops.insert(replacer.waiting_for(), Op::Mend);
            mend.writing = Some(replacer);
        }
    }

    /// The indexes of a segment are there, or given up.
    fn on_mended(&mut self, base: Offset, there: bool) {
        let segment = self.segment_at(base).expect("a segment stays while its indexes are made anew");
        segment.max = segment.max_known();
        let writer = segment.writer.take().expect("it has its writer until then");
        segment.indexed = there;
        if there {
            (segment.entries, segment.time_entries) = (writer.count, writer.time_count);
        }
    }

    pub(super) fn on_mend_step(
        &mut self,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let mend = self.mends.front_mut().expect("an index is being written");
        let replacer = mend.writing.as_mut().expect("an index is being written");
        match replacer.on_disk(op, result, port) {
            Progress::Going => {
                let next = replacer.waiting_for();
                self.ops.insert(next, Op::Mend);
            }
            Progress::NotMine => unreachable!("a step of an index that is made anew is its own"),
            Progress::Done => mend.writing = None,
            // The next life tries again; this one reads more of the segment instead.
            Progress::Failed(DiskFault::NoSpace) => {
                let base = mend.base;
                self.mends.pop_front();
                self.on_mended(base, false);
                out.push(self.note(Level::Warn, "index-given-up", format!("{}", self.file(base, FileKind::Index))));
            }
            Progress::Failed(why) | Progress::Unnamed(why) => self.fail(&format!("an index could not be written: {why:?}"), out),
        }
    }

    pub(super) fn on_snapshot_step(
        &mut self,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        now: Now,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let (replacer, offset, contents) = self.snapshots.writing.as_mut().expect("a snapshot is being written");
        let (offset, contents) = (*offset, contents.clone());
        match replacer.on_disk(op, result, port) {
            Progress::Going => {
                let next = replacer.waiting_for();
                self.ops.insert(next, Op::Snapshot);
                return;
            }
            Progress::NotMine => unreachable!("a snapshot's step is its own"),
            Progress::Done => {
                self.snapshots.on_disk.push_back(offset);
                (self.snapshots.durable, self.snapshots.refused) = (Some(offset), 0);
                for unread in std::mem::take(&mut self.snapshots.unread).into_iter().filter(|unread| *unread != offset) {
                    self.call(self.file(unread, FileKind::Snapshot), DiskCall::Remove, Op::Idle, port);
                }
                while self.snapshots.on_disk.len() > SNAPSHOTS_KEPT {
                    let old = self.snapshots.on_disk.pop_front().expect("counted");
                    let file = self.file(old, FileKind::Snapshot);
                    self.call(file, DiskCall::Remove, Op::Idle, port);
                }
            }
            Progress::Failed(DiskFault::NoSpace) if self.closing == Closing::No => {
                // Two that wait are newer, and enough.
                if self.snapshots.pending.len() < 2 {
                    self.snapshots.pending.push_front((offset, contents));
                }
                self.snapshots.blocked = true;
                self.retry_at.get_or_insert(now.mono.after(RETRY_AFTER));
                out.extend(self.start.is_due().then_some(LogEvent::SpaceNeeded));
            }
            // The next life reads more of the log instead.
            Progress::Failed(DiskFault::NoSpace) => {}
            Progress::Failed(why) | Progress::Unnamed(why) => {
                self.fail(&format!("a snapshot could not be written: {why:?}"), out)
            }
        }
        self.snapshots.writing = None;
    }

    pub(super) fn on_epochs_step(
        &mut self,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        now: Now,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let (replacer, writes) = self.epoch_file.writing.as_mut().expect("the epochs are being written");
        match replacer.on_disk(op, result, port) {
            Progress::Going => {
                let next = replacer.waiting_for();
                self.ops.insert(next, Op::Epochs);
                return;
            }
            Progress::NotMine => unreachable!("a step of the epochs' file is its own"),
            Progress::Done => self.epoch_file.saved = *writes,
            Progress::Failed(DiskFault::NoSpace) => {
                (self.epoch_file.dirty, self.epoch_file.blocked) = (true, true);
                self.retry_at.get_or_insert(now.mono.after(RETRY_AFTER));
            }
            Progress::Failed(why) | Progress::Unnamed(why) => {
                self.fail(&format!("the leader epochs could not be written: {why:?}"), out)
            }
        }
        self.epoch_file.writing = None;
    }

    /// Make everything durable and write a snapshot of the producers; then `LogEvent::Closed` (or `Offline`, of a log that has
    /// failed). A full disk is not waited for. No appends after this.
    pub fn close(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        if self.closing != Closing::No {
            return;
        }
        self.closing = Closing::Asked;
        if self.is_offline() {
            out.push(LogEvent::Offline { what: "it had failed before it was closed".into() });
            return;
        }
        self.flush(port);
        self.advance(now, port, out);
    }

    pub(super) fn maybe_close(&mut self, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        if matches!(self.closing, Closing::No | Closing::Done) {
            return;
        }
        // Also of an empty log the file has to be there for good: the next life takes it as it finds it.
        let named = self.durable.is_named() || self.has(Bug::ClosedBeforeNamed);
        let durable = self.synced_end == self.end && named && self.inflight.is_empty();
        // A full disk may stay so for ever, and nobody waits that long for an end. What has room becomes durable all the same.
        let stuck = self.is_repair_blocked() || durable && self.epoch_file.blocked;
        if stuck && self.durable.is_syncing() {
            return;
        }
        if stuck && !self.has(Bug::EndWaitsForSpace) {
            if !std::mem::replace(&mut self.last_try, true) {
                // It may be long ago that the disk was found full.
                self.epoch_file.blocked = false;
                self.retry_repair(port);
                if matches!(self.health, super::Health::Good) {
                    self.write_side_files(port);
                }
                return;
            }
            self.closing = Closing::Done;
            let what = "there is no space for what an orderly end leaves behind".to_owned();
            out.push(self.note(Level::Warn, "closed-without-space", what));
            return out.push(LogEvent::Closed { clean: false });
        }
        if !matches!(self.health, super::Health::Good) {
            return;
        }
        if !durable || !self.epoch_file.is_idle() {
            return;
        }
        if self.closing == Closing::Asked {
            self.closing = Closing::Indexes;
            let (base, end) = (self.active().base, self.end);
            self.unindexed.push_back((base, u32::MAX));
            self.complete_indexes(base, end, port);
            // Also where all records are deleted: their producers are remembered, and may send the last ones again.
            let emptied = !self.producers.is_empty() && !self.has(Bug::EmptiedLogForgetsProducers);
            if end > self.log_start() || emptied {
                self.snapshots.take(end, &self.producers);
            }
            self.snapshots.blocked = false;
            self.write_side_files(port);
            self.sync_names(port);
        }
        if self.unindexed.is_empty() && self.mends.is_empty() && self.names_syncing.is_none() && self.snapshots.is_idle() {
            self.closing = Closing::Done;
            out.push(LogEvent::Closed { clean: true });
        }
    }
}
