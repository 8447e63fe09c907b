//! Reads up to the high watermark, or to the last stable offset, and those who wait for more.

use super::events::{FetchAsk, Fetched, PartitionIntent, Token};
use super::{Partition, note};
use crate::disk::DiskPort;
use crate::ids::{LeaderEpoch, Offset};
use crate::io::{Chunk, Level};
use crate::log::{ReadFault, ReadOutcome, Slice, Ticket};
use crate::planted::Bug;
use crate::wire::ErrorCode;

impl Partition {
    pub(super) fn on_fetch(&mut self, token: Token, ask: FetchAsk, port: &mut DiskPort<'_>, out: &mut Vec<PartitionIntent>) {
        let limit = if port.planted(Bug::ReadToEnd) { self.log.written_end() } else { self.visible_end(ask.read_committed) };
        let found = match self.check_fetch(&ask).and_then(|()| self.divergence(&ask)) {
            Err(error) => Fetched::refused(error),
            Ok(diverging @ Some(_)) => Fetched { diverging, ..self.found(ask, None) },
            Ok(None) if ask.offset >= limit => self.found(ask, None),
            Ok(None) => match self.log.read(ask.offset, limit, ask.max_bytes, ask.at_least_one, port) {
                ReadOutcome::Ready(slice) => self.found(ask, slice),
                ReadOutcome::OutOfRange => Fetched::refused(ErrorCode::OffsetOutOfRange),
                ReadOutcome::Pending(ticket) => {
                    let seen_bytes = if self.is_stuck(&ask) { u64::MAX } else { self.seen_bytes };
                    self.reads.insert(ticket, (token, ask, seen_bytes));
                    return;
                }
            },
        };
        out.push(PartitionIntent::Fetched { token, found });
    }

    /// As far as a reader may see.
    pub(super) fn visible_end(&self, committed_only: bool) -> Offset {
        if committed_only { self.log.stable_end(self.high_watermark) } else { self.high_watermark }
    }

    /// Behind an open transaction nothing becomes visible to it, whatever is appended.
    fn is_stuck(&self, ask: &FetchAsk) -> bool {
        ask.read_committed && self.visible_end(true) < self.high_watermark
    }

    fn check_fetch(&self, ask: &FetchAsk) -> Result<(), ErrorCode> {
        self.check_epoch(ask.current_leader_epoch)?;
        if self.log.is_offline() {
            return Err(ErrorCode::KafkaStorageError);
        }
        // Between the high watermark and the end there is nothing to read yet, but no mistake either. Beyond the end there may be
        // another history, which the fetcher's last epoch tells.
        let is_beyond = ask.offset > self.log.end() && ask.last_fetched_epoch < 0;
        if ask.offset < self.log.log_start() || is_beyond {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        Ok(())
    }

    /// Where the fetcher's log leaves this one, if it does (KIP-595).
    fn divergence(&self, ask: &FetchAsk) -> Result<Option<(i32, i64)>, ErrorCode> {
        if ask.last_fetched_epoch < 0 {
            return Ok(None);
        }
        let (epoch, end) = self.end_of(LeaderEpoch(ask.last_fetched_epoch)).ok_or(ErrorCode::OffsetOutOfRange)?;
        let diverges = epoch.0 < ask.last_fetched_epoch || end < ask.offset;
        Ok(diverges.then_some((epoch.0, end.0)))
    }

    fn found(&mut self, ask: FetchAsk, slice: Option<Slice>) -> Fetched {
        let mut records = Vec::new();
        let more_is_there = match slice {
            Some(s) => self.log.is_on_older_segment(s.file, self.visible_end(ask.read_committed)),
            // Whoever may have a batch of any size, and got none, has come to the end of what there is.
            None => !ask.at_least_one && ask.offset < self.visible_end(ask.read_committed),
        };
        // What becomes visible below the offset that was asked for is none of what the fetch waits for.
        let below = self.unseen.iter().take_while(|(end, _)| *end <= ask.offset).map(|(_, bytes)| bytes);
        let seen_bytes = self.seen_bytes + below.sum::<u64>();
        let aborted = ask.read_committed.then(|| slice.map_or(Vec::new(), |s| self.log.aborted_in(ask.offset, s)));
        if let Some(slice) = slice {
            self.log.pin(slice.file);
            self.leases.entry(ask.lease).or_default().push(slice.file);
            records.push(Chunk::File { file: slice.file, pos: slice.pos, len: slice.len });
        }
        Fetched {
            error: ErrorCode::None,
            high_watermark: self.high_watermark.0,
            last_stable_offset: self.visible_end(true).0,
            log_start_offset: self.log.log_start().0,
            aborted,
            lease: (!records.is_empty()).then_some(ask.lease),
            records,
            diverging: None,
            more_is_there,
            seen_bytes: if self.is_stuck(&ask) { u64::MAX } else { seen_bytes },
        }
    }

    pub(super) fn on_read_done(
        &mut self,
        ticket: Ticket,
        outcome: Result<Option<Slice>, ReadFault>,
        out: &mut Vec<PartitionIntent>,
    ) {
        let Some((token, ask, seen_bytes)) = self.reads.remove(&ticket) else { return };
        let found = match outcome {
            Ok(slice) => Fetched { seen_bytes, ..self.found(ask, slice) },
            Err(ReadFault::Io) => Fetched::refused(ErrorCode::KafkaStorageError),
            Err(ReadFault::Corrupt) => {
                if self.damaged_at.replace(ask.offset) != Some(ask.offset) {
                    let detail =
                        format!("{}: what is stored at offset {} is damaged, and is not served", self.name(), ask.offset);
                    out.push(note(Level::Error, "read-corrupt", detail));
                }
                Fetched::refused(ErrorCode::CorruptMessage)
            }
            // The range was deleted or cut under the read: what holds now decides.
            Err(ReadFault::Moved) => match self.check_fetch(&ask) {
                Err(error) => Fetched::refused(error),
                Ok(()) => Fetched { more_is_there: true, ..self.found(ask, None) },
            },
        };
        out.push(PartitionIntent::Fetched { token, found });
    }

    pub(super) fn on_watch(&mut self, token: Token, seen_bytes: u64, out: &mut Vec<PartitionIntent>) {
        let lost = self.log.has(Bug::WakeLost);
        if self.seen_bytes > seen_bytes && !lost || self.closing || self.log.is_offline() {
            let disturbed = self.closing || self.log.is_offline();
            let more_bytes = self.seen_bytes.saturating_sub(seen_bytes);
            out.push(PartitionIntent::Readable { token, more_bytes, disturbed });
        }
        self.watchers.insert(token, self.seen_bytes.max(seen_bytes));
    }
}
