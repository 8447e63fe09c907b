//! One replica's log: batches in segment files, and what follows from them.
//!
//! State       segments (some 80 bytes each), what is under way on the disk, the newest 31 batches' positions, leader epochs,
//!             producers (250 bytes each). The log of an idle partition without producers takes under 4 KiB whatever it holds on disk:
//!             contents and indexes stay there.
//! Takes       batches to append, reads and lookups, disk completions, time.
//! Gives       disk calls through a `DiskPort`, `LogEvent`s to its owner in the order in which they became true.
//! Holds       `log_start <= synced_end <= written_end <= end`, as offsets and as places in files;
//!             `end` moves when an append is given to the disk, `written_end` when it is there, `synced_end` when it is durable;
//!             an append that fails takes all later ones with it, and nothing is appended until the disk is as if they never were;
//!             everything but the batches is derived: fold(log), or conservative, or rebuilt.
//! Not here    high watermark and waiting requests (the partition), requests (sessions), when retention is looked at (the node).
//! Read first  `append`, `on_disk`, then `repair.rs`, `recovery.rs`. Background: KIP-98, KIP-101.

pub mod api;
mod append;
pub mod config;
pub mod dump;
mod durable;
pub mod epochs;
mod find;
mod holes;
pub mod index;
mod lookup;
pub mod producers;
mod read;
mod recovery;
mod repair;
mod retention;
mod segment;
mod side;
pub mod snapshot;
mod start;
#[cfg(test)]
mod tests;
mod transactions;

pub use api::*;
pub use config::{CompressionType, Durability, LogConfig, TimestampType};
pub use recovery::replay;

use crate::disk::DiskPort;
use crate::ids::{DirId, LeaderEpoch, Offset, OpId};
use crate::io::{Deadline, DiskCall, DiskDone, DiskFault, Fact, FileId, FileKind, Level};
use crate::planted::{Barrier, Bug, Planted};
use crate::time::{Instant, Now};
use crate::wire::Aborted;
use append::{Hot, InFlight};
use durable::Durable;
use epochs::Epochs;
use holes::Holes;
use producers::Producers;
use read::Waiting;
use repair::Repair;
use retention::Doomed;
use segment::{Place, Segment};
use side::{EpochFile, Mend, Snapshots};
use start::Start;
use std::collections::{BTreeMap, VecDeque};
use transactions::Transactions;

/// One replica's log.
#[derive(Debug)]
pub struct Log {
    dir: DirId,
    config: LogConfig,
    health: Health,
    closing: Closing,
    /// What found the disk full is tried once more by an orderly end, and that has been done.
    last_try: bool,
    /// Oldest first, never empty; the last one is the active one, the only one that is written.
    segments: VecDeque<Segment>,
    start: Start,
    /// The files of these offsets are gone, and nobody deleted them: (from, to), in order.
    missing: Vec<(Offset, Offset)>,
    /// A start after a power loss would find this log's directory, and its log start, again. A life that has only seen what the page cache
    /// says of them does not know.
    settled: bool,
    /// The recovery point with which this life began.
    recovered_point: Offset,
    /// The checkpoint on the disk has a recovery point above the end: it would be believed once the log has grown to there.
    overpromised: bool,
    synced_end: Offset,
    /// What was promised under other settings stays promised.
    promised: Offset,
    written: Place,
    end: Offset,
    durable: Durable,
    /// Directory entries that wait for a `SyncDir`, and the one under way with what it covers.
    names_due: Vec<Named>,
    names_syncing: Option<Vec<Named>>,
    /// Files in which bytes of an earlier life are being written again: until then no sync says anything about them.
    rewriting: usize,
    /// Closed segments whose indexes are not durable, with how many syncs they still wait for.
    unindexed: VecDeque<(Offset, u32)>,
    inflight: VecDeque<InFlight>,
    hot: VecDeque<Hot>,
    ops: BTreeMap<OpId, Op>,
    epochs: Epochs,
    epoch_file: EpochFile,
    producers: Producers,
    transactions: Transactions,
    snapshots: Snapshots,
    /// Indexes that recovery made anew, on their way to the disk one after the other.
    mends: VecDeque<Mend>,
    doomed: VecDeque<Doomed>,
    waiting: BTreeMap<Ticket, Waiting>,
    holes: Holes,
    next_ticket: u64,
    /// Since when something is written and not asked to be synced, where the topic rests on the page cache: `flush.ms` counts from here.
    dirty_since: Option<Instant>,
    /// When to try again what found the disk full.
    retry_at: Option<Instant>,
    planted: Planted,
}

/// Whether the log can be written.
#[derive(Debug)]
enum Health {
    Good,
    Repairing(Box<Repair>),
    Offline,
}

/// How far `close` has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closing {
    No,
    /// Waiting for everything to be durable.
    Asked,
    /// The active segment's indexes are being synced.
    Indexes,
    Done,
}

/// A change of names in the directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Named {
    Segment(Offset),
    Indexes(Offset),
    Doomed,
}

/// What a disk call was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Append,
    Create(Offset),
    Rewrite,
    Sync,
    SyncDir,
    IndexWrite(Offset),
    IndexSync(Offset),
    Repair,
    Read(Ticket),
    Snapshot,
    Epochs,
    Mend,
    Doomed,
    /// Its failure changes nothing.
    Idle,
}

impl Log {
    /// A new log in the new directory `dir`, whose first record will have offset `start`.
    pub fn create(dir: DirId, start: Offset, config: LogConfig, now: Now, port: &mut DiskPort<'_>) -> Log {
        let mut log = Log::empty(dir, start, config, port.planting());
        log.open_segment(start, now, port);
        log
    }

    /// Without a segment yet.
    fn empty(dir: DirId, start: Offset, config: LogConfig, planted: Planted) -> Log {
        Log {
            dir,
            config,
            health: Health::Good,
            closing: Closing::No,
            last_try: false,
            segments: VecDeque::new(),
            start: Start::new(start),
            missing: Vec::new(),
            settled: false,
            recovered_point: Offset::ZERO,
            overpromised: false,
            synced_end: start,
            promised: Offset::ZERO,
            written: Place { offset: start, segment: start, pos: 0 },
            end: start,
            durable: Durable::default(),
            names_due: Vec::new(),
            names_syncing: None,
            rewriting: 0,
            unindexed: VecDeque::new(),
            inflight: VecDeque::new(),
            hot: VecDeque::new(),
            ops: BTreeMap::new(),
            epochs: Epochs::default(),
            epoch_file: EpochFile::default(),
            producers: Producers::default(),
            transactions: Transactions::default(),
            snapshots: Snapshots::default(),
            mends: VecDeque::new(),
            doomed: VecDeque::new(),
            waiting: BTreeMap::new(),
            holes: Holes::default(),
            next_ticket: 0,
            dirty_since: None,
            retry_at: None,
            planted,
        }
    }

    // --- what it is ---

    #[must_use]
    pub fn dir(&self) -> DirId {
        self.dir
    }

    #[must_use]
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// The first offset that can be read (Kafka's log start offset).
    #[must_use]
    pub fn log_start(&self) -> Offset {
        self.start.at()
    }

    /// What the log-start checkpoint shall say: `log_start`, or where the log is to begin once that is on the disk. While nobody has
    /// asked for more than what is missing at the beginning, that stays the log's: a file that is put back counts again. So it does while
    /// the log is offline.
    #[must_use]
    pub fn start_wanted(&self) -> Offset {
        self.start.to_write_down()
    }

    /// Which offsets' files were gone when this life began, though nobody deleted them: (from, to).
    #[must_use]
    pub fn missing(&self) -> &[(Offset, Offset)] {
        &self.missing
    }

    /// Whether `Log::on_start_durable` has been told of the start with which this life began.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether `Log::on_point_durable` has to be told before anything is appended.
    #[must_use]
    pub fn is_overpromised(&self) -> bool {
        self.overpromised
    }

    /// The checkpoint on the disk says of this log's recovery point what [`Log::recovery_point`] says, or said once in this life.
    pub fn on_point_durable(&mut self) {
        self.overpromised = false;
    }

    /// Everything below is durable.
    #[must_use]
    pub fn synced_end(&self) -> Offset {
        self.synced_end
    }

    /// Everything below is in its file and can be read.
    #[must_use]
    pub fn written_end(&self) -> Offset {
        self.written.offset
    }

    /// The offset that the next record gets. Above `written_end` by what is being written.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.end
    }

    /// What this replica may promise to hold: `synced_end`, or `written_end` with [`Durability::PageCache`]. It never goes back: what
    /// was promised as written, before the setting changed, has been told, and is on its way to the disk.
    #[must_use]
    pub fn promised_end(&self) -> Offset {
        let now = match self.config.durability {
            Durability::Fsync => self.synced_end,
            Durability::PageCache => self.written.offset,
        };
        now.max(self.promised)
    }

    /// From the segment on that holds this offset, or ends there, recovery has to look at every batch: what the recovery-point checkpoint
    /// shall say. Below it the batches and the epochs are durable, and the indexes of the segments that end below it. It never goes
    /// back, not from one life to the next either: a life that looked at more than the next one will, and was mending indexes when
    /// power was lost, would leave half of them to be believed.
    #[must_use]
    pub fn recovery_point(&self) -> Offset {
        // What lies below the log start may still come back, and be needed as it is; the directory may vanish, and the log begin anew.
        if !self.settled && !self.has(Bug::RecoveryPointUnsettled) {
            return self.recovered_point;
        }
        let indexes = self.first_unindexed_end().filter(|_| !self.has(Bug::RecoveryPointIgnoresIndexes));
        let epochs = self.epochs.first_start_above(self.epoch_file.saved);
        let epochs = epochs.filter(|_| !self.has(Bug::RecoveryPointIgnoresEpochs));
        let now = [indexes, epochs].into_iter().flatten().fold(self.synced_end, Offset::min);
        now.max(self.log_start().min(self.synced_end)).max(self.recovered_point)
    }

    /// Where the first segment ends whose indexes are not durable.
    fn first_unindexed_end(&self) -> Option<Offset> {
        let base = self.unindexed.front()?.0;
        Some(self.segments.iter().map(|s| s.base).find(|next| *next > base).unwrap_or(self.end))
    }

    /// Whether this bug is planted in the node.
    #[must_use]
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.planted.has(bug)
    }

    /// Whether appends are taken; false while a failed append is repaired, once closed, and after the log has failed.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        matches!(self.health, Health::Good) && self.closing == Closing::No && !self.overpromised
    }

    /// Whether `LogEvent::Closed` has been said.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closing == Closing::Done
    }

    /// Whether the log has failed for good.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        matches!(self.health, Health::Offline)
    }

    /// The size of all segments' batches in bytes, as DescribeLogDirs counts.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|s| u64::from(s.size)).sum()
    }

    /// How many segments there are, the active one among them.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// The epoch of the last batch; `None` of a log that never had one.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// OffsetForLeaderEpoch (KIP-101, KIP-279): the largest epoch that is not above `asked`, and where it ends, as a leader of epoch
    /// `own` knows it. `None` is undefined.
    #[must_use]
    pub fn end_offset_for_epoch(&self, asked: LeaderEpoch, own: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_offset_for(asked, own, self.written.offset)
    }

    /// Where a reader of committed records has to stop, where `limit` is the high watermark (Kafka's last stable offset).
    #[must_use]
    pub fn stable_end(&self, limit: Offset) -> Offset {
        self.open_transaction().map_or(limit, |open| limit.min(open.max(self.log_start())))
    }

    /// Whether transactions were open when this life began.
    #[must_use]
    pub fn had_open_transactions(&self) -> bool {
        self.transactions.had_open()
    }

    /// Where the first transaction begins that nobody will end.
    #[must_use]
    pub fn open_transaction(&self) -> Option<Offset> {
        self.transactions.first_open(self.log_start())
    }

    /// The aborted transactions that a reader of this slice, which begins with `from`, has to know.
    #[must_use]
    pub fn aborted_in(&self, from: Offset, slice: Slice) -> Vec<Aborted> {
        let next = self.segment_of(Offset(slice.file.name.base)).and_then(|i| self.segments.get(i + 1));
        self.transactions.aborted_in(from, next.map_or(self.end, |next| next.base), slice.len)
    }

    /// The leader epochs of this log.
    #[must_use]
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// The producers that are remembered, by id.
    #[must_use]
    pub fn producers(&self) -> Vec<ProducerInfo> {
        self.producers.describe()
    }

    /// Disk calls that have not ended.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.ops.len()
    }

    fn active(&mut self) -> &mut Segment {
        self.segments.back_mut().expect("a log has an active segment")
    }

    /// The index of the segment in which `offset` lies, or lay, or will lie.
    fn segment_of(&self, offset: Offset) -> Option<usize> {
        self.segments.partition_point(|s| s.base <= offset).checked_sub(1)
    }

    /// Whether a file is of an older segment than the one in which `offset` lies, or will lie.
    #[must_use]
    pub fn is_on_older_segment(&self, file: FileId, offset: Offset) -> bool {
        self.segment_of(offset).is_some_and(|i| self.segments[i].base.0 > file.name.base)
    }

    fn segment_at(&mut self, base: Offset) -> Option<&mut Segment> {
        let i = self.segment_of(base)?;
        Some(&mut self.segments[i]).filter(|s| s.base == base)
    }

    /// How much of a segment can be read, in bytes.
    fn readable_bytes(&self, segment: &Segment) -> u32 {
        match segment.base.cmp(&self.written.segment) {
            std::cmp::Ordering::Less => segment.size,
            std::cmp::Ordering::Equal => self.written.pos,
            std::cmp::Ordering::Greater => 0,
        }
    }

    fn call(&mut self, file: FileId, call: DiskCall, what: Op, port: &mut DiskPort<'_>) -> OpId {
        let op = port.call(file, call);
        self.ops.insert(op, what);
        op
    }

    fn barrier(&mut self, which: Barrier, file: FileId, call: DiskCall, what: Op, port: &mut DiskPort<'_>) -> OpId {
        let op = port.barrier(which, file, call);
        self.ops.insert(op, what);
        op
    }

    /// Other settings from now on.
    pub fn configure(&mut self, config: LogConfig, _now: Now, port: &mut DiskPort<'_>) {
        if !self.has(Bug::PromiseTakenBack) {
            self.promised = self.promised_end();
        }
        self.config = config;
        if !self.is_offline() {
            self.want_by_config(port);
        }
    }

    // --- what it is told by the disk and the clock ---

    /// A disk call of this log has ended.
    pub fn on_disk(
        &mut self,
        op: OpId,
        result: Result<DiskDone, DiskFault>,
        now: Now,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let what = self.ops.remove(&op).expect("a completion names a call of this log that has not ended");
        if let Op::Read(ticket) = what {
            return self.on_read(ticket, result, port, out);
        }
        if what == Op::Doomed {
            return self.on_doomed(result, now, port, out);
        }
        if self.is_offline() {
            return;
        }
        let fault = result.as_ref().err().copied();
        match what {
            Op::Append => self.on_appended(op, fault, out),
            Op::Create(base) => self.on_created(base, fault),
            Op::Rewrite => match fault {
                None => self.rewriting -= 1,
                Some(why) => self.fail(&format!("what an earlier life wrote cannot be written again: {why:?}"), out),
            },
            Op::Sync => match fault {
                None => {
                    self.durable.on_synced(op);
                    if self.has(Bug::GroupCommitCoversAll) {
                        self.durable.rows.back_mut().into_iter().for_each(|r| r.covered = self.end);
                    }
                }
                Some(_) if self.has(Bug::FailedSyncRetried) => self.durable.on_sync_lost(op),
                // The file could not be created: the repair knows.
                Some(DiskFault::NotFound) if matches!(self.health, Health::Repairing(_)) => self.durable.on_sync_lost(op),
                Some(why) => self.fail(&format!("a sync failed: {why:?}"), out),
            },
            Op::SyncDir => match fault {
                None => self.on_names_synced(now),
                Some(why) => self.fail(&format!("a sync of the directory failed: {why:?}"), out),
            },
            Op::IndexWrite(base) => self.on_index_written(base, fault, port),
            Op::IndexSync(base) => self.on_index_synced(base, fault, out),
            Op::Repair => self.on_repair_step(op, fault, now, port, out),
            Op::Snapshot => self.on_snapshot_step(op, &result, now, port, out),
            Op::Epochs => self.on_epochs_step(op, &result, now, port, out),
            Op::Mend => self.on_mend_step(op, &result, port, out),
            Op::Idle | Op::Read(_) | Op::Doomed => {}
        }
        self.advance(now, port, out);
    }

    /// Draw the consequences of what has changed: ends, syncs, derived files.
    fn advance(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        if self.is_offline() {
            return;
        }
        self.maybe_repair(now, port, out);
        // Below the log start there is nothing that could be lost.
        let synced = self.durable.settle(self.written.offset).max(self.log_start());
        assert!(synced >= self.synced_end, "what is durable stays durable: {} after {}", synced, self.synced_end);
        if synced > self.synced_end {
            self.synced_end = synced;
            out.push(LogEvent::Synced { end: synced });
        }
        self.maybe_tell_start(port, out);
        if matches!(self.health, Health::Good) {
            self.sync_due(port);
            self.write_indexes(port);
            self.write_side_files(port);
        } else {
            self.sync_beside_repair(port);
            self.snapshot_beside_repair(port);
        }
        self.drop_below_start(port);
        self.sync_names(port);
        self.trim_hot();
        self.maybe_close(port, out);
    }

    /// Time has passed.
    pub fn on_time(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        if self.flush_at().is_some_and(|at| at <= now.mono) {
            self.flush(port);
        }
        if self.retry_at.is_some_and(|at| at <= now.mono) {
            self.retry_at = None;
            self.on_start_refused(out);
            (self.epoch_file.blocked, self.snapshots.blocked) = (false, false);
            self.retry_repair(port);
            self.advance(now, port, out);
        }
        self.remove_doomed(now, port);
    }

    /// When the log wants a turn at the latest. `None` of an idle log.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let deadline = |at: Option<Instant>, why| at.map(|at| Deadline { at, why });
        [
            deadline(self.flush_at(), "flush-ms"),
            deadline(self.retry_at, "disk-full-retry"),
            deadline(self.doomed_at(), "file-delete-delay"),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|d| d.at)
    }

    /// The log has failed for good.
    fn fail(&mut self, what: &str, out: &mut Vec<LogEvent>) {
        if self.is_offline() {
            return;
        }
        let from = self.promised_end();
        self.health = Health::Offline;
        if from < self.end {
            out.push(LogEvent::AppendsFailed { from, why: DiskFault::Io, certain: false });
        }
        out.push(LogEvent::Offline { what: what.to_owned() });
    }

    fn note(&self, level: Level, name: &'static str, detail: String) -> LogEvent {
        LogEvent::Note(Fact { level, name, detail })
    }

    fn file(&self, base: Offset, kind: FileKind) -> FileId {
        FileId::new(self.dir, kind, base.0)
    }

    /// Panics if the log contradicts itself. Cheap: meant to be called after every input.
    pub fn check_invariants(&self) {
        let ends = [self.log_start(), self.synced_end, self.written.offset, self.end];
        assert!(ends.is_sorted(), "log_start <= synced_end <= written_end <= end: {ends:?}");
        let wanted = self.start.wanted();
        assert!(self.log_start() <= wanted && wanted <= self.end, "a log start is wanted outside the log");
        let active = self.segments.back().expect("a log has an active segment");
        assert!(active.base <= self.end, "the active segment begins above the end");
        assert!(active.writer.is_some(), "the active segment has no index writer");
        assert!(self.segments[0].base <= self.log_start() || self.is_offline(), "the log starts below its first segment");
        assert!(self.promised <= self.written.offset, "what was promised was written");
        let point_is_below = self.recovered_point <= self.written.offset || self.is_offline();
        assert!(point_is_below, "the last life's recovery point lies above what was recovered");
        // What the last life found durable is so, also while this one syncs it once more.
        let known = self.synced_end.max(self.recovered_point);
        assert!(self.recovery_point() <= known, "the recovery point promises what is not durable");
        assert!(self.epochs.entries().last().is_none_or(|e| e.1 <= self.end), "an epoch begins above the end");
        if self.is_offline() {
            return;
        }
        match (self.inflight.front(), self.inflight.back()) {
            (Some(first), Some(last)) => {
                assert!(first.at == self.written && last.end == self.end, "what is in flight lies between written_end and end");
            }
            _ => assert!(self.written.offset == self.end, "nothing is in flight, and something is not written"),
        }
        assert!(self.hot.len() <= append::HOT_MAX.max(self.inflight.len() + 1), "the tail's positions are bounded");
        assert!(self.snapshots.pending.len() <= 2, "waiting snapshots are bounded");
    }

    /// As `check_invariants`, and everything that costs a walk over what is in memory.
    pub fn check_deeply(&self) {
        self.check_invariants();
        assert!(self.segments.iter().zip(self.segments.iter().skip(1)).all(|(a, b)| a.base < b.base), "segments increase");
        assert!(self.hot.iter().zip(self.hot.iter().skip(1)).all(|(a, b)| a.at.offset < b.at.offset), "positions increase");
        let files = self.durable.rows.iter().map(|r| r.base);
        assert!(
            self.segments.iter().rev().map(|s| s.base).zip(files.rev()).all(|(a, b)| a == b),
            "the rows are the last segments"
        );
        for (a, b) in self.inflight.iter().zip(self.inflight.iter().skip(1)) {
            assert!(a.end == b.at.offset, "what is in flight has no gaps");
        }
    }
}
