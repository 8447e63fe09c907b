//! Questions about offsets, and the deletion of the oldest.

use super::Partition;
use super::events::{Listed, PartitionIntent, Token};
use crate::disk::DiskPort;
use crate::ids::{LeaderEpoch, Offset};
use crate::log::{LogEvent, LookupOutcome, ReadFault, Ticket, TimestampOffset, TimestampTarget};
use crate::planted::Bug;
use crate::time::{Now, Timestamp};
use crate::wire::ErrorCode;

/// The timestamps of ListOffsets that are none (KIP-79, KIP-734, KIP-405, KIP-1005, KIP-1023).
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

const NOTHING: Listed = Listed { error: ErrorCode::None, timestamp: -1, offset: -1, leader_epoch: -1 };

impl Partition {
    pub(super) fn on_list_offsets(
        &mut self,
        token: Token,
        current_leader_epoch: i32,
        (timestamp, committed_only): (i64, bool),
        port: &mut DiskPort<'_>,
        out: &mut Vec<PartitionIntent>,
    ) {
        if let Err(error) = self.check_epoch(current_leader_epoch) {
            return out.push(PartitionIntent::Listed { token, found: Listed::refused(error) });
        }
        if self.log.is_offline() {
            return out.push(PartitionIntent::Listed { token, found: Listed::refused(ErrorCode::KafkaStorageError) });
        }
        let target = match timestamp {
            LATEST => {
                let latest = if port.planted(Bug::LatestIsEnd) { self.log.end() } else { self.visible_end(committed_only) };
                let found = Listed { offset: latest.0, leader_epoch: self.leader_epoch.0, ..NOTHING };
                return out.push(PartitionIntent::Listed { token, found });
            }
            EARLIEST | EARLIEST_LOCAL => {
                let start = self.log.log_start();
                let found = Listed { offset: start.0, leader_epoch: self.epoch_from(start).0, ..NOTHING };
                return out.push(PartitionIntent::Listed { token, found });
            }
            // Nothing is ever tiered.
            LATEST_TIERED | EARLIEST_PENDING_UPLOAD => return out.push(PartitionIntent::Listed { token, found: NOTHING }),
            MAX_TIMESTAMP => TimestampTarget::Largest,
            at => TimestampTarget::AtOrAfter(Timestamp(at)),
        };
        let limit = self.visible_end(committed_only);
        match self.log.lookup(target, port) {
            LookupOutcome::Ready(found) => {
                out.push(PartitionIntent::Listed { token, found: listed(found, limit) });
            }
            LookupOutcome::Pending(ticket) => {
                self.lookups.insert(ticket, (token, limit));
            }
        }
    }

    pub(super) fn on_lookup_done(
        &mut self,
        ticket: Ticket,
        outcome: Result<Option<TimestampOffset>, ReadFault>,
        out: &mut Vec<PartitionIntent>,
    ) {
        let Some((token, limit)) = self.lookups.remove(&ticket) else { return };
        let found = match outcome {
            Ok(found) => listed(found, limit),
            Err(ReadFault::Io) => Listed::refused(ErrorCode::KafkaStorageError),
            Err(ReadFault::Corrupt) => Listed::refused(ErrorCode::CorruptMessage),
            // Retriable: the log moved away under the search.
            Err(ReadFault::Moved) => Listed::refused(ErrorCode::OffsetNotAvailable),
        };
        out.push(PartitionIntent::Listed { token, found });
    }

    pub(super) fn on_offset_for_leader_epoch(
        &self,
        token: Token,
        current_leader_epoch: i32,
        asked: LeaderEpoch,
        out: &mut Vec<PartitionIntent>,
    ) {
        let answer = match self.check_epoch(current_leader_epoch) {
            Err(error) => (error, -1, -1),
            Ok(()) if self.log.is_offline() => (ErrorCode::KafkaStorageError, -1, -1),
            Ok(()) => match self.end_of(asked) {
                Some((epoch, end)) => (ErrorCode::None, epoch.0, end.0),
                None => (ErrorCode::None, -1, -1),
            },
        };
        let (error, epoch, end_offset) = answer;
        out.push(PartitionIntent::EpochEnd { token, error, epoch, end_offset });
    }

    /// The largest epoch that is not above `asked`, and where it ends. The epoch in which this replica leads ends where the log ends,
    /// also before its first record (KAFKA-7415).
    pub(super) fn end_of(&self, asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let own = if self.log.has(Bug::OwnEpochUnknown) { self.log.latest_epoch()? } else { self.leader_epoch };
        self.log.end_offset_for_epoch(asked, own)
    }

    /// The epoch of the first record at or after `offset`; the leader's own where there is none yet.
    fn epoch_from(&self, offset: Offset) -> LeaderEpoch {
        let ends_behind = |epoch: i32| self.end_of(LeaderEpoch(epoch)).is_some_and(|(_, end)| end > offset);
        let latest = self.log.latest_epoch().filter(|latest| ends_behind(latest.0));
        let Some(LeaderEpoch(mut high)) = latest else { return self.leader_epoch };
        let mut low = 0;
        while low < high {
            let middle = low + (high - low) / 2;
            if ends_behind(middle) { high = middle } else { low = middle + 1 }
        }
        LeaderEpoch(high)
    }

    pub(super) fn on_delete_records(
        &mut self,
        now: Now,
        token: Token,
        offset: i64,
        port: &mut DiskPort<'_>,
        events: &mut Vec<LogEvent>,
        out: &mut Vec<PartitionIntent>,
    ) {
        let refuse = |error| PartitionIntent::Deleted { token, error, low_watermark: -1 };
        // -1 is Kafka's name for the high watermark.
        let to = if offset == -1 { self.high_watermark } else { Offset(offset) };
        let config = self.log.config();
        if self.closing {
            return out.push(refuse(ErrorCode::NotLeaderOrFollower));
        }
        if self.log.is_offline() {
            return out.push(refuse(ErrorCode::KafkaStorageError));
        }
        if config.cleanup_compact && !config.cleanup_delete {
            return out.push(refuse(ErrorCode::PolicyViolation));
        }
        let beyond = to > self.high_watermark && !port.planted(Bug::DeletionBeyondHighWatermark) || to > self.log.end();
        if to.0 < 0 || beyond {
            return out.push(refuse(ErrorCode::OffsetOutOfRange));
        }
        self.log.delete_records(to, self.high_watermark, port, events);
        if port.planted(Bug::DeletionBeforeCheckpoint) {
            self.log.on_start_durable(to, now, port, events);
        }
        if to > self.log.log_start() {
            // Somebody may have wanted that before, and its checkpoint is still on its way.
            return self.deletes.push((to, token));
        }
        let low_watermark = self.log.log_start().0;
        out.push(PartitionIntent::Deleted { token, error: ErrorCode::None, low_watermark });
    }

    /// The new log start is on the disk: it holds from now on, and whoever waited for it is answered.
    pub(super) fn on_log_start_durable(
        &mut self,
        now: Now,
        start: Offset,
        port: &mut DiskPort<'_>,
        events: &mut Vec<LogEvent>,
        out: &mut Vec<PartitionIntent>,
    ) {
        self.log.on_start_durable(start, now, port, events);
        let (done, waiting) = self.deletes.drain(..).partition::<Vec<_>, _>(|(offset, _)| *offset <= start);
        self.deletes = waiting;
        let low_watermark = self.log.log_start().0;
        out.extend(done.into_iter().map(|(_, token)| PartitionIntent::Deleted { token, error: ErrorCode::None, low_watermark }));
    }
}

/// Nothing at or above `limit` exists for whoever asks.
fn listed(found: Option<TimestampOffset>, limit: Offset) -> Listed {
    match found {
        Some(at) if at.offset < limit => {
            Listed { error: ErrorCode::None, timestamp: at.timestamp.0, offset: at.offset.0, leader_epoch: at.epoch.0 }
        }
        _ => NOTHING,
    }
}
