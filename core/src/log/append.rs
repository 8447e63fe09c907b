//! Writing: batches in, rolls, syncs, and the ends that move when the disk has answered.
//!
//! Holds       a batch's offsets are given when it is handed to the disk, and taken back only by `repair.rs`, last first;
//!             a completion moves `written_end` over the unbroken run of appends that have ended well, whatever the order they end in.
//! Not here    failures of appends (`repair.rs`), files beside the segments (`side.rs`).

use super::index::{ENTRY_BYTES, Mark, TIME_ENTRY_BYTES};
use super::producers::{Check, Producer};
use super::segment::{Place, Segment};
use super::{AppendRefusal, Appended, Durability, Health, Log, LogConfig, LogEvent, Named, Op, Origin, TimestampType};
use crate::disk::DiskPort;
use crate::ids::{BytePos, LeaderEpoch, Offset, OpId};
use crate::io::{DiskCall, DiskFault, FileId, FileKind, Level};
use crate::log::CompressionType;
use crate::planted::{Barrier, Bug};
use crate::time::{Instant, Now, Timestamp};
use crate::wire::batch::{AppendPolicy, Checked, Ready, prepare};
use crate::wire::compress::{Codec, Compression};
use bytes::Bytes;
use std::time::Duration;

/// How many batches' positions are kept in memory. One less than a power of two, which is what is allocated.
pub(super) const HOT_MAX: usize = 31;
/// How many index entries wait in memory before they are written, at most (but for those whose batches are not durable yet).
const PENDING_ENTRIES_MAX: usize = 32;
/// So many entries of batches that are not durable make the log ask for a sync by itself: 64 MiB of records by default
/// settings, and less than half a megabyte of entries.
const UNSYNCED_ENTRIES_MAX: usize = 16_384;

/// An append that the disk has not confirmed, or that stands behind one.
#[derive(Debug)]
pub(super) struct InFlight {
    op: OpId,
    pub at: Place,
    pub end: Offset,
    /// The position in bytes after it.
    end_pos: u32,
    pub state: Sent,
    pub undo: Vec<(i64, Option<Producer>)>,
    pub mark: Mark,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sent {
    Pending,
    Done,
    Failed(DiskFault),
}

/// Where one of the newest batches lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hot {
    pub at: Place,
    /// Its length in bytes.
    pub len: u32,
}

impl LogConfig {
    /// What of these settings decides about a client's batch.
    #[must_use]
    pub fn append_policy(&self) -> AppendPolicy {
        let with = |codec, level| Some(Compression { codec, level });
        AppendPolicy {
            bytes_max: self.max_message_bytes,
            compression: match self.compression {
                CompressionType::Producer => None,
                CompressionType::Uncompressed => with(Codec::None, None),
                CompressionType::Gzip => with(Codec::Gzip, Some(self.gzip_level)),
                CompressionType::Snappy => with(Codec::Snappy, None),
                CompressionType::Lz4 => with(Codec::Lz4, Some(self.lz4_level)),
                CompressionType::Zstd => with(Codec::Zstd, Some(self.zstd_level)),
            },
            log_append_time: self.timestamp_type == TimestampType::LogAppendTime,
            timestamp_before_max_ms: self.timestamp_before_max_ms.unwrap_or(i64::MAX),
            timestamp_after_max_ms: self.timestamp_after_max_ms.unwrap_or(i64::MAX),
            compacted: self.cleanup_compact,
        }
    }
}

impl Log {
    /// Append batches. What is returned has an offset, and is not there yet: see [`Appended`].
    pub fn append(
        &mut self,
        records: &Checked,
        origin: Origin<'_>,
        epoch: LeaderEpoch,
        now: Now,
        port: &mut DiskPort<'_>,
    ) -> Result<Appended, AppendRefusal> {
        match self.health {
            Health::Offline => return Err(AppendRefusal::Offline),
            Health::Repairing(_) => return Err(AppendRefusal::Repairing),
            Health::Good if !self.is_writable() => return Err(AppendRefusal::Repairing),
            Health::Good => {}
        }
        let ready = self.ready(records, origin, now)?;
        let bytes: u64 = ready.iter().map(|r| u64::from(r.info.len)).sum();
        let max = u64::from(self.config.segment_bytes);
        if bytes > max && origin != Origin::Internal || bytes > u64::from(u32::MAX >> 1) {
            return Err(AppendRefusal::ListTooLarge { size: bytes, max });
        }
        if let Origin::Client { .. } = origin {
            for r in &ready {
                let check = self.producers.check(&r.info, self.planted)?;
                if let Check::Duplicate(same) = check
                    && !self.has(Bug::DuplicateAppended)
                {
                    return Ok(Appended {
                        base: Offset(same.first_offset()),
                        end: Offset(same.last_offset + 1),
                        append_time: Timestamp(same.timestamp),
                        bytes: 0,
                        duplicate: true,
                    });
                }
            }
        }
        if origin == Origin::Replication {
            self.check_continues(&ready)?;
        } else {
            let latest = self.latest_epoch().unwrap_or(epoch);
            assert!(epoch >= latest, "a leader of epoch {epoch} appends behind epoch {latest}");
        }
        if !ready.is_empty() && self.must_roll_for(&ready, origin, now) {
            // Were the first segment's name lost and the second one's not, the log would begin in the middle.
            let first_unnamed = self.segments.len() == 1 && !self.durable.is_named() && origin != Origin::Internal;
            if first_unnamed && !self.has(Bug::RollsBeforeNamed) {
                return Err(AppendRefusal::Repairing);
            }
            self.roll(now, port);
        }
        let by_broker = self.config.timestamp_type == TimestampType::LogAppendTime && origin != Origin::Replication;
        let append_time = if by_broker { now.wall } else { Timestamp::NONE };
        let base = self.write(ready, origin, epoch, now, port);
        Ok(Appended { base, end: self.end, append_time, bytes, duplicate: false })
    }

    /// The batches as they will be stored, but for offsets and epochs.
    fn ready(&self, records: &Checked, origin: Origin<'_>, now: Now) -> Result<Vec<Ready>, AppendRefusal> {
        match origin {
            Origin::Client { topic, partition } => {
                let policy = self.config.append_policy();
                let mut ready = prepare(records, &policy, topic, partition, now.wall).map_err(AppendRefusal::Records)?;
                if self.has(Bug::AppendTimeWithoutChecksum) && policy.log_append_time {
                    ready.keep_checksum_of(&records.bytes);
                }
                Ok(vec![ready])
            }
            Origin::Internal | Origin::Replication => {
                Ok(records.iter().map(|(bytes, info)| Ready::verbatim(info, &bytes)).collect())
            }
        }
    }

    fn check_continues(&self, ready: &[Ready]) -> Result<(), AppendRefusal> {
        let (mut expected, mut epoch) = (self.end, self.latest_epoch().unwrap_or(LeaderEpoch(-1)));
        for r in ready {
            let got = Offset(r.info.base_offset);
            if got < expected || r.info.leader_epoch < epoch.0 || r.info.last_offset_delta < 0 {
                return Err(AppendRefusal::NotContiguous { expected, got });
            }
            (expected, epoch) = (Offset(r.info.next_offset()), LeaderEpoch(r.info.leader_epoch));
        }
        Ok(())
    }

    /// Give batches their offsets and hand them to the disk, into the active segment. The offset of the first.
    fn write(&mut self, ready: Vec<Ready>, origin: Origin<'_>, epoch: LeaderEpoch, now: Now, port: &mut DiskPort<'_>) -> Offset {
        let base = ready.first().filter(|_| origin == Origin::Replication).map_or(self.end, |r| Offset(r.info.base_offset));
        if ready.is_empty() {
            return base;
        }
        let interval = self.config.index_interval_bytes;
        let (mut undo, mut data) = (Vec::new(), Vec::with_capacity(2 * ready.len()));
        let active = self.segments.back_mut().expect("a log has an active segment");
        let writer = active.writer.as_mut().expect("the active segment is being written");
        let (segment, start, mark) = (active.base, active.size, writer.mark());
        let mut next = base;
        for r in ready {
            let (offset, epoch) = match origin {
                Origin::Replication => (r.info.base_offset, r.info.leader_epoch),
                _ => (next.0, epoch.0),
            };
            let (info, parts) = r.stamp(offset, epoch);
            data.extend(parts.into_iter().filter(|p| !p.is_empty()));
            writer.on_batch(segment, &info, active.size, interval);
            self.hot.push_back(Hot { at: Place { offset: Offset(offset), segment, pos: active.size }, len: info.len });
            active.size += info.len;
            active.grew = now.wall.0;
            if self.epochs.assign(LeaderEpoch(epoch), Offset(offset)) {
                self.epoch_file.dirty = true;
            }
            undo.extend(self.producers.apply(&info, now.wall));
            next = Offset(info.next_offset());
        }
        let end_pos = active.size;
        let file = active.file(self.dir, FileKind::Log);
        let op = self.call(file, DiskCall::Append { pos: BytePos(u64::from(start)), data }, Op::Append, port);
        // A replicated batch may begin above the end (compaction took what was between): the gap belongs to what comes before it.
        if self.inflight.is_empty() && self.written.offset == self.end {
            self.written = Place { offset: self.end, segment, pos: start };
        }
        let at = Place { offset: self.end, segment, pos: start };
        self.inflight.push_back(InFlight { op, at, end: next, end_pos, state: Sent::Pending, undo, mark });
        self.end = next;
        self.trim_hot();
        self.want_after_append(now, port);
        base
    }

    /// Whether these batches go to a new segment.
    fn must_roll_for(&self, ready: &[Ready], origin: Origin<'_>, now: Now) -> bool {
        let bytes: u32 = ready.iter().map(|r| r.info.len).sum();
        let records: i64 = ready.iter().map(|r| i64::from(r.info.last_offset_delta) + 1).sum();
        let newest = ready.iter().map(|r| r.info.max_timestamp).max().unwrap_or(-1);
        let next = ready.last().filter(|_| origin == Origin::Replication).map_or(self.end.0 + records, |r| r.info.next_offset());
        self.must_roll(bytes, Offset(next - 1), newest, now)
    }

    /// Kafka's rule for when the active segment is complete.
    fn must_roll(&self, bytes: u32, last: Offset, newest: i64, now: Now) -> bool {
        let active = self.segments.back().expect("a log has an active segment");
        let writer = active.writer.as_ref().expect("the active segment is being written");
        let waited = match writer.first_timestamp {
            Some(first) if first >= 0 => newest.saturating_sub(first),
            _ => now.wall.0.saturating_sub(active.begun),
        };
        let full = active.size.saturating_add(bytes) > self.config.segment_bytes
            || waited > self.config.segment_ms.saturating_sub(self.config.segment_jitter_ms)
            || writer.is_full(self.config.segment_index_bytes);
        active.size > 0 && full || last.0 - active.base.0 > i64::from(i32::MAX)
    }

    /// Close the active segment and open the next one.
    pub(super) fn roll(&mut self, now: Now, port: &mut DiskPort<'_>) {
        let (end, planted) = (self.end, self.has(Bug::EmptySegmentRolled));
        let active = self.active();
        assert!(active.base < end || planted, "a segment without offsets is not closed");
        let base = active.base;
        active.writer.as_mut().expect("the active segment is being written").close();
        self.durable.close_active(end);
        self.unindexed.push_back((base, u32::MAX));
        self.snapshots.take(end, &self.producers);
        self.open_segment(end, now, port);
    }

    pub(super) fn open_segment(&mut self, base: Offset, now: Now, port: &mut DiskPort<'_>) {
        self.segments.push_back(Segment::new(base, now));
        self.durable.open(base, self.has(Bug::SegmentNameNotAwaited));
        let file = self.file(base, FileKind::Log);
        self.call(file, DiskCall::Create, Op::Create(base), port);
        if self.inflight.is_empty() {
            self.written = Place { offset: self.end, segment: base, pos: 0 };
        }
    }

    pub(super) fn on_created(&mut self, base: Offset, fault: Option<DiskFault>) {
        match fault {
            None => self.names_due.push(Named::Segment(base)),
            Some(why) => self.begin_repair(why),
        }
    }

    pub(super) fn sync_names(&mut self, port: &mut DiskPort<'_>) {
        if self.names_syncing.is_none() && !self.names_due.is_empty() {
            let due = std::mem::take(&mut self.names_due);
            let which = match () {
                () if due.iter().any(|n| matches!(n, Named::Segment(_))) => Barrier::SegmentName,
                () if due.iter().any(|n| matches!(n, Named::Indexes(_))) => Barrier::IndexName,
                () => Barrier::DeletedName,
            };
            self.names_syncing = Some(due);
            self.barrier(which, FileId::dir(self.dir), DiskCall::SyncDir, Op::SyncDir, port);
        }
    }

    pub(super) fn on_names_synced(&mut self, now: Now) {
        let names = self.names_syncing.take().expect("a directory sync is under way");
        self.name(names, now);
    }

    /// These directory entries are durable.
    pub(super) fn name(&mut self, names: Vec<Named>, now: Now) {
        for name in names {
            match name {
                // A cut may have taken the segment meanwhile.
                Named::Segment(base) => self.durable.row(base).into_iter().for_each(|r| r.named = true),
                Named::Indexes(base) => self.unindexed.retain(|u| u.0 != base),
                Named::Doomed => self.on_doomed_named(now),
            }
        }
    }

    pub(super) fn trim_hot(&mut self) {
        let written = self.written.offset;
        while self.hot.len() > HOT_MAX && self.hot[0].at.offset < written {
            self.hot.pop_front();
        }
        // A burst is over: an idle log keeps no more than its share.
        if self.ops.is_empty() && self.hot.capacity() > HOT_MAX + 1 {
            self.hot.shrink_to(HOT_MAX + 1);
        }
    }

    // --- who wants a sync ---

    fn want_after_append(&mut self, now: Now, port: &mut DiskPort<'_>) {
        if self.config.durability == Durability::PageCache && !self.are_too_many_unsynced() {
            // Also where nothing asks for it yet: flush.ms may be set later, and counts from here.
            if self.dirty_since.is_none() && !self.has(Bug::FlushTimeForgotten) {
                self.dirty_since = Some(now.mono);
            }
            return self.sync_due(port);
        }
        self.flush(port);
    }

    /// What was appended under other settings goes to the disk when these ask for it.
    pub(super) fn want_by_config(&mut self, port: &mut DiskPort<'_>) {
        if self.synced_end < self.end && (self.config.durability == Durability::Fsync || self.are_too_many_unsynced()) {
            self.flush(port);
        }
    }

    fn are_too_many_unsynced(&self) -> bool {
        let unsynced = u64::try_from(self.end.0 - self.synced_end.0).unwrap_or(0);
        let writer = self.segments.back().and_then(|s| s.writer.as_ref());
        // Index entries wait in memory for their batches to be durable.
        let many_entries = writer.is_some_and(|w| w.pending.len() >= UNSYNCED_ENTRIES_MAX);
        many_entries || self.config.flush_messages.is_some_and(|n| unsynced >= n)
    }

    /// Ask for everything to become durable.
    pub fn flush(&mut self, port: &mut DiskPort<'_>) {
        self.dirty_since = None;
        self.durable.want(self.end);
        match self.health {
            Health::Good => self.sync_due(port),
            _ => self.sync_beside_repair(port),
        }
    }

    pub(super) fn flush_at(&self) -> Option<Instant> {
        let since = self.dirty_since.filter(|_| matches!(self.health, Health::Good) || self.is_repair_blocked())?;
        Some(since.after(Duration::from_millis(self.config.flush_ms?)))
    }

    pub(super) fn sync_due(&mut self, port: &mut DiskPort<'_>) {
        self.sync_due_below(Offset(i64::MAX), port);
    }

    /// Nobody knows how long a repair waits for space, and a sync needs none: what lies in files that it leaves alone goes to the disk.
    pub(super) fn sync_beside_repair(&mut self, port: &mut DiskPort<'_>) {
        if let Some(cut) = self.blocked_at().filter(|_| !self.has(Bug::BlockedIsNotSynced)) {
            self.sync_due_below(cut, port);
        }
    }

    /// Ask for the syncs that are due of segments that begin below.
    fn sync_due_below(&mut self, limit: Offset, port: &mut DiskPort<'_>) {
        if self.rewriting > 0 {
            return;
        }
        for (base, upto) in self.durable.due(self.end).into_iter().filter(|due| due.0 < limit) {
            let file = self.file(base, FileKind::Log);
            let op = self.barrier(Barrier::Records, file, DiskCall::Sync, Op::Sync, port);
            self.durable.row(base).expect("it was just named").syncing = Some((op, upto));
        }
    }

    // --- completions ---

    pub(super) fn on_appended(&mut self, op: OpId, fault: Option<DiskFault>, out: &mut Vec<LogEvent>) {
        let i = self.inflight.partition_point(|f| f.op < op);
        let flight = &mut self.inflight[i];
        assert!(flight.op == op && flight.state == Sent::Pending, "an append ends once");
        let fault = fault.filter(|_| !self.planted.has(Bug::FailedAppendCounts));
        flight.state = fault.map_or(Sent::Done, Sent::Failed);
        if let Some(why) = fault {
            self.begin_repair(why);
        }
        let before = self.written.offset;
        while let Some(done) = self.inflight.front().filter(|f| f.state == Sent::Done) {
            self.written = Place { offset: done.end, segment: done.at.segment, pos: done.end_pos };
            self.inflight.pop_front();
            if let Some(next) = self.inflight.front() {
                self.written = next.at;
            }
        }
        if self.inflight.is_empty() {
            let active = self.segments.back().expect("a log has an active segment");
            self.written = Place { offset: self.written.offset, segment: active.base, pos: active.size };
        }
        if self.written.offset > before {
            out.push(LogEvent::Written { end: self.written.offset });
        }
        self.trim_hot();
    }

    // --- indexes ---

    /// Write the index entries that are due; complete the indexes of segments that are closed and durable.
    pub(super) fn write_indexes(&mut self, port: &mut DiskPort<'_>) {
        // Whatever was promised: the next life may take an entry for evidence of what was durable, if its settings are others.
        let durable = match () {
            () if self.has(Bug::IndexBeforeDurable) => self.end,
            () if self.has(Bug::IndexOfThePromised) => self.promised_end(),
            () => self.synced_end,
        };
        for i in 0..self.unindexed.len() {
            let (base, waiting) = self.unindexed[i];
            let next = self.segment_of(base).and_then(|s| self.segments.get(s + 1)).map(|s| s.base);
            if let Some(end) = next.filter(|_| waiting == u32::MAX && self.durable.row(base).is_none()) {
                self.complete_indexes(base, end, port);
            }
        }
        let active = self.active();
        let base = active.base;
        if active.writer.as_ref().is_some_and(|w| w.pending.len().max(w.pending_time.len()) >= PENDING_ENTRIES_MAX) {
            self.write_entries(base, durable, port);
        }
    }

    /// All entries of a segment that ends at `end` go to the files, and those to the disk.
    pub(super) fn complete_indexes(&mut self, base: Offset, end: Offset, port: &mut DiskPort<'_>) {
        self.write_entries(base, end, port);
        let segment = self.segment_at(base).expect("only segments of this log are completed");
        segment.max = segment.max_known();
        let (entries, times, indexed) = (segment.entries, segment.time_entries, segment.indexed);
        let files = [(entries, FileKind::Index), (times, FileKind::TimeIndex)];
        let mut waiting = 0;
        for (_, kind) in files.into_iter().filter(|(n, _)| *n > 0 && indexed) {
            let file = self.file(base, kind);
            let which = if kind == FileKind::Index { Barrier::Index } else { Barrier::TimeIndex };
            self.barrier(which, file, DiskCall::Sync, Op::IndexSync(base), port);
            waiting += 1;
        }
        if self.segments.back().is_some_and(|s| s.base != base) {
            self.segment_at(base).expect("as above").writer = None;
        }
        // Given up: also that the files are gone has to be durable, for half an index looks like a whole one.
        for kind in [FileKind::Index, FileKind::TimeIndex].into_iter().filter(|_| !indexed) {
            let file = self.file(base, kind);
            self.call(file, DiskCall::Remove, Op::IndexSync(base), port);
            waiting += 1;
        }
        if waiting == 0 {
            self.names_due.push(Named::Indexes(base));
        }
        self.unindexed.iter_mut().filter(|u| u.0 == base).for_each(|u| u.1 = waiting);
    }

    /// Move the pending entries below `limit` into the files.
    fn write_entries(&mut self, base: Offset, limit: Offset, port: &mut DiskPort<'_>) {
        let segment = self.segment_at(base).expect("only segments of this log are written");
        let Some(writer) = segment.writer.as_mut() else { return };
        let (index, time) = writer.take(base, limit);
        if !segment.indexed {
            return;
        }
        let before = (segment.entries, segment.time_entries);
        segment.entries += entries_in(&index, ENTRY_BYTES);
        segment.time_entries += entries_in(&time, TIME_ENTRY_BYTES);
        let parts = [(FileKind::Index, before.0, ENTRY_BYTES, index), (FileKind::TimeIndex, before.1, TIME_ENTRY_BYTES, time)];
        for (kind, had, size, data) in parts.into_iter().filter(|p| !p.3.is_empty()) {
            let file = self.file(base, kind);
            if had == 0 {
                self.call(file, DiskCall::Create, Op::IndexWrite(base), port);
            }
            let pos = BytePos(u64::from(had) * u64::from(size));
            self.call(file, DiskCall::Append { pos, data: vec![data] }, Op::IndexWrite(base), port);
        }
    }

    /// An index that cannot be written is given up: what it says can be found in the batches.
    pub(super) fn on_index_written(&mut self, base: Offset, fault: Option<DiskFault>, port: &mut DiskPort<'_>) {
        if fault.is_none() {
            return;
        }
        let Some(segment) = self.segment_at(base).filter(|s| s.indexed) else { return };
        segment.indexed = false;
        (segment.entries, segment.time_entries) = (0, 0);
        // Syncs of the indexes may be under way, and end well: the recovery point then waits for the removals, too. Before that,
        // `complete_indexes` removes what is not there any more once again.
        let syncing =
            self.unindexed.iter_mut().find(|u| u.0 == base && u.1 != u32::MAX && !self.planted.has(Bug::HalfIndexForgotten));
        let what = syncing.map_or(Op::Idle, |row| {
            row.1 += 2;
            Op::IndexSync(base)
        });
        for kind in [FileKind::Index, FileKind::TimeIndex] {
            let file = self.file(base, kind);
            self.call(file, DiskCall::Remove, what, port);
        }
    }

    pub(super) fn on_index_synced(&mut self, base: Offset, fault: Option<DiskFault>, out: &mut Vec<LogEvent>) {
        if fault == Some(DiskFault::NotFound) && self.segment_at(base).is_none_or(|s| !s.indexed) {
            out.push(self.note(Level::Warn, "index-given-up", format!("{}", self.file(base, FileKind::Index))));
        } else if let Some(why) = fault {
            return self.fail(&format!("a sync of an index failed: {why:?}"), out);
        }
        let Some(row) = self.unindexed.iter_mut().find(|u| u.0 == base) else { return };
        row.1 -= 1;
        if row.1 == 0 {
            self.names_due.push(Named::Indexes(base));
        }
    }
}

fn entries_in(bytes: &Bytes, size: u32) -> u32 {
    u32::try_from(bytes.len()).expect("entries are written a few at a time") / size
}
