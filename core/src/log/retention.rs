//! Deleting from the front: by age, by size, by DeleteRecords.
//!
//! State       where the log is to begin; deleted segments whose files are still there, oldest first.
//! Takes       the owner's regular look at retention; DeleteRecords; the word that a log start is on the disk; releases of leases.
//! Gives       `StartWanted`, `StartAdvanced`; renames to `.deleted`, one at a time and each made durable before the next, so that no crash leaves a
//!             gap between segments; removals after `file.delete.delay.ms`.
//! Holds       the log start moves on only when the new one is on the disk, and that only when all below it is, and a snapshot of the producers
//!             whose batches go: what is deleted never comes back, nothing that is derived from the log leaves out what may come back, and
//!             whose retry it is stays known. Nothing at or above the limit (the high watermark) is deleted; a file that a reply refers to is not touched;
//!             no segment goes before all older ones have gone, also if a rename fails: it is tried again.
//! Not here    when to look (the node), the checkpoint of log starts (the node).

use super::segment::Segment;
use super::{Closing, Health, Log, LogEvent, Named, Op};
use crate::disk::DiskPort;
use crate::ids::Offset;
use crate::io::{DiskCall, DiskDone, DiskFault, FileId, FileKind, Suffix};
use crate::planted::Bug;
use crate::time::{Instant, Now};
use std::time::Duration;

/// A segment that is none of the log's any more.
#[derive(Debug)]
pub(super) struct Doomed {
    base: Offset,
    pins: u32,
    step: Step,
    /// The files that it has: an index that nothing was entered in was never made.
    kinds: Vec<FileKind>,
}

impl Doomed {
    /// As recovery finds it, below the log start.
    pub(super) fn found(base: Offset, kinds: Vec<FileKind>) -> Doomed {
        Doomed { base, pins: 0, step: Step::Waiting, kinds }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Under its old name.
    Waiting,
    /// Renames are under way, so many; whether one has failed.
    Renaming {
        left: usize,
        failed: bool,
    },
    /// The files may have either name: tried again at this time, and nothing newer goes before.
    Failed {
        retry_at: Instant,
    },
    SyncingDir,
    /// Goes at this time.
    Renamed {
        remove_at: Instant,
    },
}

/// How often a log start that waits for a snapshot may find the disk full. That is a second apart, and the reserve is given up for it.
const REFUSED_MAX: u32 = 3;
/// How long after a failed rename it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Log {
    /// The log is to begin at `to` (DeleteRecords), which is not above `limit`, the high watermark. False if it begins there or above
    /// already, or is to; or if that is above the limit. Nothing happens then, but that files which are missing below count no more.
    pub fn delete_records(&mut self, to: Offset, limit: Offset, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) -> bool {
        let (limit, durable) = match self.has(Bug::DeletionBeyondHighWatermark) {
            true => (self.end, self.end),
            false => (limit.min(self.promised_end()), self.synced_end),
        };
        out.extend(self.start.give_up_missing(to).map(|start| LogEvent::StartWanted { start }));
        to <= limit && self.want_start(to, durable, port, out)
    }

    /// The log is to begin at `to`; false if it begins there or above already, or is to. That may be written down when all below it is
    /// on the disk, which is so below `durable`: what is not is sent there.
    fn want_start(&mut self, to: Offset, durable: Offset, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) -> bool {
        let is_further = to > self.start.wanted();
        if is_further {
            let durable = if self.has(Bug::StartAheadOfDisk) { self.end } else { durable };
            let start = self.start.want(to, durable.min(self.start_limit()));
            out.extend(start.map(|start| LogEvent::StartWanted { start }));
        }
        if self.start.is_due() {
            self.flush(port);
            self.remember_producers();
            match self.health {
                Health::Good => self.write_snapshot(port),
                _ => self.snapshot_beside_repair(port),
            }
        }
        is_further
    }

    /// Where the log may begin at the most, by what is known of its producers. A start folds them over the newest snapshot and the segments
    /// behind it, and knows nothing of a segment that is gone: whoever sent what lies there would be a stranger, and a retry stored twice.
    fn start_limit(&self) -> Offset {
        const ANYWHERE: Offset = Offset(i64::MAX);
        if self.snapshots.refused >= REFUSED_MAX || self.has(Bug::StartForgetsProducers) {
            return ANYWHERE;
        }
        let first = self.segments.front().map_or(Offset::ZERO, |s| s.base);
        let unsaved = self.producers.oldest_from(first.max(self.snapshots.durable.unwrap_or(first)));
        // The segment in which the log begins stays.
        let next = unsaved.and_then(|last| self.segments.get(self.segment_of(last)? + 1));
        next.map_or(ANYWHERE, |next| next.base.plus(-1))
    }

    /// Take a snapshot for the log start that is wanted, unless there is one.
    fn remember_producers(&mut self) {
        let wanted = self.start.wanted();
        let begins_in = self.segment_of(wanted).map_or(wanted, |i| self.segments[i].base);
        let is_taken = self.snapshots.newest().is_some_and(|newest| newest >= begins_in);
        // An orderly end takes one itself, and tries once.
        if wanted > self.start_limit() && !is_taken && self.closing == Closing::No {
            self.snapshots.take(self.end, &self.producers);
        }
    }

    /// Tell the log start that waits for what it rests on, if that is on the disk by now.
    pub(super) fn maybe_tell_start(&mut self, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        if !self.start.is_due() {
            return;
        }
        let limit = self.start_limit();
        let start = self.start.on_durable(self.synced_end.min(limit));
        out.extend(start.map(|start| LogEvent::StartWanted { start }));
        if self.start.is_due() {
            self.remember_producers();
            self.flush(port);
        }
    }

    /// What a repair that waits for space holds up may be what brings it: records are deleted when their producers are remembered.
    pub(super) fn snapshot_beside_repair(&mut self, port: &mut DiskPort<'_>) {
        if self.is_repair_blocked() && self.start.is_due() {
            self.write_snapshot(port);
        }
    }

    /// It is time to try again what found no space. Where even the reserve brings none, deleting is what makes some: it goes on then, and a
    /// producer that has sent nothing since may be a stranger to the next life.
    pub(super) fn on_start_refused(&mut self, out: &mut Vec<LogEvent>) {
        let waits = self.start.is_due() && self.start.wanted() > self.start_limit();
        if !waits || !self.snapshots.blocked && !self.is_repair_blocked() {
            return;
        }
        self.snapshots.refused += 1;
        if self.snapshots.refused == REFUSED_MAX {
            out.push(LogEvent::ProducersNotKept);
        } else if self.snapshots.blocked {
            out.push(LogEvent::SpaceNeeded);
        }
    }

    /// A start after a crash would find this log start, and drop what lies below it: the log begins there.
    pub fn on_start_durable(&mut self, start: Offset, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        if start < self.log_start() || self.is_offline() {
            return;
        }
        self.settled = true;
        if start > self.log_start() {
            self.start_at(start, now, port, out);
        } else {
            self.rename_doomed(port);
        }
    }

    /// Delete the oldest segments as `retention.ms` and `retention.bytes` ask, none that reaches above `limit`, the high watermark;
    /// forget producers that have expired. The owner calls it every `log.retention.check.interval.ms`.
    pub fn retain(&mut self, limit: Offset, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        self.producers.expire(now.wall, self.config.producer_id_expiration_ms, self.planted);
        if self.is_offline() || !self.config.cleanup_delete {
            return;
        }
        self.drop_below_start(port);
        let (limit, durable) = match self.has(Bug::RetentionByEnd) {
            true => (self.end, self.end),
            false => (limit.min(self.promised_end()), self.synced_end),
        };
        if self.active_is_stale(limit, now) && self.is_writable() && self.durable.is_named() {
            self.roll(now, port);
            self.advance(now, port, out);
        }
        let mut excess = self.config.retention_bytes.map_or(0, |max| self.size_bytes().saturating_sub(max));
        let mut to = self.start.wanted();
        for (i, segment) in self.segments.iter().enumerate() {
            let Some(next) = self.segments.get(i + 1).map(|s| s.base).filter(|next| *next <= limit) else { break };
            let by_size = excess >= u64::from(segment.size) && excess > 0;
            if !by_size && !self.is_expired(segment, now) {
                break;
            }
            excess = excess.saturating_sub(u64::from(segment.size));
            to = to.max(next);
        }
        if to > self.start.wanted() && self.has(Bug::RetentionTakesOneMore) {
            to = self.segments.iter().map(|s| s.base).find(|base| *base > to && *base <= limit).unwrap_or(to);
        }
        self.want_start(to, durable, port, out);
        if self.has(Bug::RetentionBeforeCheckpoint) {
            self.on_start_durable(to, now, port, out);
        }
        self.ask_for_oldest_time(port);
    }

    fn is_expired(&self, segment: &Segment, now: Now) -> bool {
        let (Some(keep), Some(max)) = (self.config.retention_ms, segment.max_known()) else { return false };
        // As in Kafka, one whose records have no timestamps is as old as its file.
        let newest = if max.timestamp >= 0 { max.timestamp } else { segment.grew };
        now.wall.0.saturating_sub(newest) > keep
    }

    /// As in Kafka, the active segment goes too when all that it holds is expired, or nothing is to be kept: it is closed first.
    fn active_is_stale(&self, limit: Offset, now: Now) -> bool {
        let active = self.segments.back().expect("a log has an active segment");
        // In Kafka, one without records is as old as its file.
        let ancient = active.size == 0 && self.config.retention_ms.is_some() && self.has(Bug::EmptySegmentRolled);
        let nothing_stays = self.config.retention_bytes == Some(0);
        let expired = active.size > 0 && (nothing_stays || self.is_expired(active, now)) || ancient;
        expired && self.end <= limit && self.segments.len() == 1
    }

    fn start_at(&mut self, to: Offset, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        self.start.begin(to);
        if self.epochs.truncate_from_start(to) {
            self.epoch_file.dirty = true;
        }
        out.push(LogEvent::StartAdvanced { start: to });
        self.drop_below_start(port);
        self.advance(now, port, out);
    }

    /// Part with the segments that lie below the log start as a whole, once they are durable and so is the name of what follows: a
    /// crash must find one or the other.
    pub(super) fn drop_below_start(&mut self, port: &mut DiskPort<'_>) {
        while self.segments.get(1).is_some_and(|next| next.base <= self.log_start()) {
            let (base, next) = (self.segments[0].base, self.segments[1].base);
            let unnamed = self.durable.row(next).is_some_and(|r| !r.named);
            if unnamed || self.durable.row(base).is_some() || self.segments[0].writer.is_some() {
                break;
            }
            let gone = self.segments.pop_front().expect("there are two");
            self.unindexed.retain(|u| u.0 != gone.base);
            self.doomed.push_back(Doomed { base: gone.base, pins: gone.pins, step: Step::Waiting, kinds: gone.kinds() });
        }
        let first = self.segments[0].base;
        self.hot.retain(|h| h.at.segment >= first);
        self.rename_doomed(port);
    }

    /// The file of a slice must not change until `release`. Counted.
    pub fn pin(&mut self, file: FileId) {
        let segment = self.segment_at(Offset(file.name.base)).expect("a slice is of a segment of this log");
        segment.pins += 1;
    }

    /// The end of one `pin`. Unknown files are none of this log's any more and are ignored.
    pub fn release(&mut self, file: FileId, _now: Now, port: &mut DiskPort<'_>) {
        let base = Offset(file.name.base);
        if let Some(segment) = self.segment_at(base) {
            segment.pins = segment.pins.checked_sub(1).expect("a release has its pin");
        } else if let Some(doomed) = self.doomed.iter_mut().find(|d| d.base == base) {
            doomed.pins = doomed.pins.checked_sub(1).expect("a release has its pin");
            self.rename_doomed(port);
        }
    }

    /// Begin to rename the oldest segment that still has its name, unless one is under way.
    pub(super) fn rename_doomed(&mut self, port: &mut DiskPort<'_>) {
        // Older ones are being removed, and are not gone for good yet; or what lies below the log start may be needed again. A repair that
        // waits for space waits for this, too.
        let blocked = self.is_repair_blocked() && !self.is_of_recovery() && !self.has(Bug::BlockedIsNotSynced);
        if matches!(self.health, Health::Repairing(_)) && !blocked || !self.settled {
            return;
        }
        let at_once = self.has(Bug::DoomedRenamedAtOnce);
        let is_next = |d: &Doomed| match d.step {
            Step::Renamed { .. } => false,
            Step::Waiting => true,
            Step::Renaming { .. } | Step::Failed { .. } | Step::SyncingDir => !at_once,
        };
        let Some(i) = self.doomed.iter().position(is_next) else { return };
        let next = &self.doomed[i];
        if next.step != Step::Waiting || next.pins > 0 && !self.has(Bug::PinIgnored) {
            return;
        }
        let (base, kinds) = (next.base, next.kinds.clone());
        for kind in &kinds {
            let file = self.file(base, *kind);
            let to = file.with_suffix(Suffix::Deleted).name;
            self.call(file, DiskCall::Rename { to }, Op::Doomed, port);
        }
        self.doomed[i].step = Step::Renaming { left: kinds.len(), failed: false };
    }

    /// A rename has ended. If it failed, the file keeps its name and may be found again by the next life, which must then find all that
    /// follows it. One that is not there any more was renamed before.
    pub(super) fn on_doomed(
        &mut self,
        result: Result<DiskDone, DiskFault>,
        now: Now,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let ignored = self.has(Bug::DoomedRenamedAtOnce);
        let doomed = self.doomed.iter_mut().find(|d| matches!(d.step, Step::Renaming { .. }));
        let Some(Doomed { step, .. }) = doomed else { return };
        let Step::Renaming { left, failed } = step else { return };
        *left -= 1;
        *failed |= result.is_err_and(|why| why != DiskFault::NotFound) && !ignored;
        match (*left, *failed) {
            (0, true) => *step = Step::Failed { retry_at: now.mono.after(RETRY_AFTER) },
            (0, false) => {
                *step = Step::SyncingDir;
                self.names_due.push(Named::Doomed);
                self.advance(now, port, out);
            }
            _ => {}
        }
    }

    pub(super) fn on_doomed_named(&mut self, now: Now) {
        let delay = Duration::from_millis(self.config.file_delete_delay_ms);
        if let Some(doomed) = self.doomed.iter_mut().find(|d| d.step == Step::SyncingDir) {
            doomed.step = Step::Renamed { remove_at: now.mono.after(delay) };
        }
    }

    pub(super) fn doomed_at(&self) -> Option<Instant> {
        let at = |d: &Doomed| match d.step {
            Step::Renamed { remove_at } => Some(remove_at),
            Step::Failed { retry_at } => Some(retry_at),
            _ => None,
        };
        self.doomed.iter().filter_map(at).min()
    }

    /// Remove what is due, whatever its place: each has lost its name durably, and `file.delete.delay.ms` may have been another then.
    pub(super) fn remove_doomed(&mut self, now: Now, port: &mut DiskPort<'_>) {
        let is_due = |d: &Doomed| matches!(d.step, Step::Renamed { remove_at } if remove_at <= now.mono);
        let only_first = self.has(Bug::OldestIsNotFirst);
        while let Some(i) = self.doomed.iter().position(is_due).filter(|i| *i == 0 || !only_first) {
            let doomed = self.doomed.remove(i).expect("just seen");
            for kind in doomed.kinds {
                let file = self.file(doomed.base, kind).with_suffix(Suffix::Deleted);
                self.call(file, DiskCall::Remove, Op::Idle, port);
            }
        }
        for doomed in &mut self.doomed {
            if matches!(doomed.step, Step::Failed { retry_at } if retry_at <= now.mono) {
                doomed.step = Step::Waiting;
            }
        }
        self.rename_doomed(port);
    }
}
