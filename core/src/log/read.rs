//! Reading: from an offset to a range of a segment file, without touching what lies in it.
//!
//! State       reads and lookups that wait for the disk, a few hundred bytes each.
//! Holds       a range begins with the batch that holds the offset asked for, lies in one segment, and never reaches over the limit;
//!             it may end within a batch, as Kafka's do. What was found is looked at once more before it is given: between question and answer
//!             lies a disk, and the segment may be gone. What could not be sent once is read before it is given again.
//! Not here    how a batch is found on disk (`find.rs`), lookups by time (`lookup.rs`).

use super::find::{Goal, Search, Step, View};
use super::holes::Hole;
use super::lookup::Lookup;
use super::segment::{Place, Segment};
use super::{Log, LogEvent, Op, ReadFault, ReadOutcome, Slice, Ticket};
use crate::disk::DiskPort;
use crate::ids::{BytePos, Offset};
use crate::io::{DiskCall, DiskDone, DiskFault, FileKind};
use crate::planted::Bug;
use bytes::Bytes;

/// Something that waits for the disk.
#[derive(Debug)]
pub(super) enum Waiting {
    Read(Reading),
    Probe(Probe),
    Lookup(Lookup),
}

/// A read on its way: what was asked, and how far it is.
#[derive(Debug)]
pub(super) struct Reading {
    ask: Ask,
    /// The segment that is looked at.
    segment: Offset,
    search: Search,
    /// The first batch, once it is found: position and length in bytes.
    first: Option<(u32, u32)>,
}

/// A read that has found its range, which begins with a hole: can it be read by now?
#[derive(Debug)]
pub(super) struct Probe {
    ask: Ask,
    range: Range,
    hole: Hole,
}

/// From the first batch to the position `end` of the segment.
#[derive(Clone, Copy, Debug)]
struct Range {
    segment: Offset,
    /// Position and length in bytes of the first batch.
    first: (u32, u32),
    end: u32,
}

#[derive(Clone, Copy, Debug)]
struct Ask {
    from: Offset,
    limit: Offset,
    bytes_max: u32,
    whole_batch: bool,
}

/// Where the read stands.
enum Next {
    /// There is nothing to be read.
    Nothing,
    Range(Range),
    Fault(ReadFault),
    Find {
        segment: Offset,
        goal: Goal,
        first: Option<(u32, u32)>,
    },
}

impl Log {
    /// Read from the batch that holds `from`: at most `bytes_max` bytes, nothing at or above `limit`, which is the end of a batch
    /// (high watermark, last stable offset, or an end of this log). `whole_batch`: the first batch is given whole even if it is larger
    /// than `bytes_max`; without it, nothing is given in that case.
    pub fn read(
        &mut self,
        from: Offset,
        limit: Offset,
        bytes_max: u32,
        whole_batch: bool,
        port: &mut DiskPort<'_>,
    ) -> ReadOutcome {
        let limit = limit.min(self.written.offset);
        if from < self.log_start() || from > limit {
            return ReadOutcome::OutOfRange;
        }
        if from == limit {
            return ReadOutcome::Ready(None);
        }
        let ask = Ask { from, limit, bytes_max, whole_batch };
        let at = self.segment_of(from).expect("an offset of the log lies in a segment");
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let next = self.begin_at(&ask, self.segments[at].base);
        match self.continue_read(ticket, ask, next, port) {
            Some(Ok(slice)) => ReadOutcome::Ready(slice),
            Some(Err(_)) => ReadOutcome::OutOfRange,
            None => ReadOutcome::Pending(ticket),
        }
    }

    /// Take a read as far as memory reaches: its outcome, or `None` when it waits for the disk.
    fn continue_read(
        &mut self,
        ticket: Ticket,
        ask: Ask,
        mut next: Next,
        port: &mut DiskPort<'_>,
    ) -> Option<Result<Option<Slice>, ReadFault>> {
        loop {
            let (segment, goal, first) = match next {
                Next::Nothing => return Some(Ok(None)),
                Next::Range(range) => {
                    if let Some(hole) = self.hole_in_first(range) {
                        let (kind, pos) = (FileKind::Log, BytePos(u64::from(hole.pos)));
                        self.ask_disk(range.segment, Step::Read { kind, pos, len: hole.len }, ticket, port);
                        self.waiting.insert(ticket, Waiting::Probe(Probe { ask, range, hole }));
                        return None;
                    }
                    return Some(self.slice(&ask, range));
                }
                Next::Fault(fault) => return Some(Err(fault)),
                Next::Find { segment, goal, first } => (segment, goal, first),
            };
            let Some(i) = self.segment_of(segment) else { return Some(Err(ReadFault::Moved)) };
            let start = first.map(|f| f.0).or_else(|| self.entry_in_memory(i, ask.from));
            let (mut search, step) = Search::new(self.view(i), goal, start);
            if let Some((pos, len)) = first {
                // Where the range has to end behind what may be given at all, nobody has to know.
                search.until = search.until.min(pos.saturating_add(ask.bytes_max.max(len)));
            }
            let reading = Reading { ask, segment, search, first };
            if let Step::Read { .. } = step {
                self.ask_disk(segment, step, ticket, port);
                self.waiting.insert(ticket, Waiting::Read(reading));
                return None;
            }
            // A segment without batches, as compaction by others may leave one.
            next = self.on_absent(&reading);
        }
    }

    /// Where the last batch begins that an index entry names, not above `offset`, if that entry still waits in memory.
    fn entry_in_memory(&self, i: usize, offset: Offset) -> Option<u32> {
        let segment = &self.segments[i];
        let (target, bytes) = (offset.0 - segment.base.0, self.readable_bytes(segment));
        let pending = &segment.writer.as_ref()?.pending;
        let n = pending.partition_point(|e| i64::from(e.relative) <= target && e.pos < bytes);
        n.checked_sub(1).map(|last| pending[last].pos)
    }

    pub(super) fn view(&self, i: usize) -> View {
        let s = &self.segments[i];
        let end = self.segments.get(i + 1).map_or(self.end(), |next| next.base);
        View { base: s.base, end, bytes: self.readable_bytes(s), entries: if s.indexed { s.entries } else { 0 } }
    }

    /// Hand a search's read to the disk.
    pub(super) fn ask_disk(&mut self, segment: Offset, step: Step, ticket: Ticket, port: &mut DiskPort<'_>) {
        let Step::Read { kind, pos, len } = step else { unreachable!("only reads are asked for") };
        let file = self.file(segment, kind);
        self.call(file, DiskCall::Read { pos, len }, Op::Read(ticket), port);
    }

    /// Find the first batch, from memory if it is among the newest.
    fn begin_at(&self, ask: &Ask, segment: Offset) -> Next {
        match self.hot_batch(ask.from) {
            Some((place, len)) => self.finish(ask, place.segment, (place.pos, len)),
            None => Next::Find { segment, goal: Goal::Offset(ask.from), first: None },
        }
    }

    /// The position and length of the batch that holds `offset`, if it is among the newest.
    pub(super) fn hot_batch(&self, offset: Offset) -> Option<(Place, u32)> {
        let i = self.hot.partition_point(|h| h.at.offset <= offset).checked_sub(1)?;
        Some((self.hot[i].at, self.hot[i].len))
    }

    /// Where a range in `segment` has to end: a position, if memory knows it.
    fn limit_pos(&self, segment: &Segment, limit: Offset) -> Option<u32> {
        let next = self.segment_of(segment.base).and_then(|i| self.segments.get(i + 1)).map(|s| s.base);
        if next.is_some_and(|n| n <= limit) {
            return Some(segment.size);
        }
        if limit == self.written.offset {
            return Some(if self.written.segment == segment.base { self.written.pos } else { segment.size });
        }
        self.hot_batch(limit).filter(|(place, _)| place.segment == segment.base).map(|(place, _)| place.pos)
    }

    /// The first batch is known; what is left is where to end.
    fn finish(&self, ask: &Ask, base: Offset, first: (u32, u32)) -> Next {
        let Some(segment) = self.segment_here(base) else { return Next::Fault(ReadFault::Moved) };
        match self.limit_pos(segment, ask.limit) {
            Some(end) => Next::Range(Range { segment: base, first, end }),
            None => Next::Find { segment: base, goal: Goal::Offset(ask.limit), first: Some(first) },
        }
    }

    fn segment_here(&self, base: Offset) -> Option<&Segment> {
        self.segment_of(base).map(|i| &self.segments[i]).filter(|s| s.base == base)
    }

    /// The one place that slices come from.
    fn slice(&self, ask: &Ask, range: Range) -> Result<Option<Slice>, ReadFault> {
        let Range { segment, first: (pos, batch_len), end } = range;
        if self.segment_here(segment).is_none() && !self.has(Bug::SliceOfTheGone) {
            return Err(ReadFault::Moved);
        }
        // What lies before a hole is given.
        let end = self.holes.first_in(segment, pos, end).map_or(end, |hole| hole.pos);
        let there = end.saturating_sub(pos);
        let len = match ask.bytes_max {
            max if max >= batch_len => max.min(there),
            _ if ask.whole_batch => batch_len.min(there),
            _ => 0,
        };
        Ok((len > 0).then(|| Slice { file: self.file(segment, FileKind::Log), pos: BytePos(u64::from(pos)), len }))
    }

    /// The hole that the range's first batch touches.
    fn hole_in_first(&self, range: Range) -> Option<Hole> {
        let (pos, len) = range.first;
        self.segment_here(range.segment)?;
        self.holes.first_in(range.segment, pos, pos.saturating_add(len).min(range.end))
    }

    /// These bytes could not be read when an answer with them was sent.
    pub fn on_unreadable(&mut self, segment: Offset, pos: BytePos, len: u32) {
        // Beyond a segment's greatest size nothing was promised.
        let Ok(pos) = u32::try_from(pos.0) else { return };
        if !self.has(Bug::UnreadableForgotten) {
            self.holes.add(Hole { segment, pos, len });
        }
    }

    fn on_probe(
        &mut self,
        ticket: Ticket,
        probe: Probe,
        bytes: Result<Bytes, ReadFault>,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let Probe { ask, range, hole } = probe;
        let next = match bytes {
            Ok(bytes) if bytes.len() == hole.len as usize => {
                self.holes.heal(hole);
                Next::Range(range)
            }
            Ok(_) => Next::Fault(ReadFault::Io),
            Err(fault) => Next::Fault(self.fault_in(range.segment, fault)),
        };
        if let Some(outcome) = self.continue_read(ticket, ask, next, port) {
            out.push(LogEvent::ReadDone { ticket, outcome });
        }
    }

    /// A file that is gone although its segment is not has been taken away by somebody.
    fn fault_in(&self, segment: Offset, fault: ReadFault) -> ReadFault {
        if fault == ReadFault::Moved && self.segment_here(segment).is_some() { ReadFault::Io } else { fault }
    }

    /// A read for a ticket has ended.
    pub(super) fn on_read(
        &mut self,
        ticket: Ticket,
        result: Result<DiskDone, DiskFault>,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        let bytes = match result {
            Ok(DiskDone::Read(bytes)) => Ok(bytes),
            Ok(DiskDone::Done) => Err(ReadFault::Io),
            Err(DiskFault::NotFound) => Err(ReadFault::Moved),
            Err(_) => Err(ReadFault::Io),
        };
        match waiting {
            Waiting::Read(reading) => self.on_reading(ticket, reading, bytes.as_deref().map_err(|e| *e), port, out),
            Waiting::Probe(probe) => self.on_probe(ticket, probe, bytes, port, out),
            Waiting::Lookup(lookup) => {
                let bytes = bytes.map_err(|fault| self.fault_in(lookup.segment, fault));
                self.on_lookup(ticket, lookup, bytes, port, out);
            }
        }
    }

    fn on_reading(
        &mut self,
        ticket: Ticket,
        mut reading: Reading,
        bytes: Result<&[u8], ReadFault>,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let step = match bytes {
            Ok(bytes) => reading.search.on_read(bytes),
            // An index that cannot be read is done without.
            Err(ReadFault::Io | ReadFault::Moved) if reading.search.reads_index() => reading.search.without_index(),
            Err(fault) => {
                let outcome = Err(self.fault_in(reading.segment, fault));
                return out.push(LogEvent::ReadDone { ticket, outcome });
            }
        };
        if reading.search.doubted {
            self.distrust_index(reading.segment);
        }
        let next = match (step, reading.first) {
            (Step::Read { .. }, _) => {
                self.ask_disk(reading.segment, step, ticket, port);
                self.waiting.insert(ticket, Waiting::Read(reading));
                return;
            }
            (Step::Corrupt { .. }, _) => Next::Fault(ReadFault::Corrupt),
            (Step::Found(info), None) => self.finish(&reading.ask, reading.segment, (info.pos, info.len)),
            (Step::Found(info), Some(first)) => Next::Range(Range { segment: reading.segment, first, end: info.pos }),
            (Step::Absent { .. }, _) => self.on_absent(&reading),
        };
        if let Some(outcome) = self.continue_read(ticket, reading.ask, next, port) {
            out.push(LogEvent::ReadDone { ticket, outcome });
        }
    }

    /// The segment has nothing at or above what was looked for.
    fn on_absent(&self, reading: &Reading) -> Next {
        match (reading.first, self.segment_here(reading.segment).map(|s| s.size)) {
            (None, _) => self.in_next_segment(reading),
            // It may be given to its end.
            (Some(first), Some(size)) => Next::Range(Range { segment: reading.segment, first, end: size }),
            (Some(_), None) => Next::Fault(ReadFault::Moved),
        }
    }

    /// The offsets between the segment's last batch and the next segment are gone (compaction): read on there.
    fn in_next_segment(&self, reading: &Reading) -> Next {
        let next = self.segment_of(reading.segment).and_then(|i| self.segments.get(i + 1));
        match next.filter(|s| s.base < reading.ask.limit) {
            Some(next) => self.begin_at(&Ask { from: next.base.max(reading.ask.from), ..reading.ask }, next.base),
            None => Next::Nothing,
        }
    }

    /// The index was wrong or unreadable: it is not asked again in this life of the log.
    pub(super) fn distrust_index(&mut self, base: Offset) {
        if let Some(segment) = self.segment_at(base).filter(|s| s.writer.is_none()) {
            segment.indexed = false;
        }
    }
}
