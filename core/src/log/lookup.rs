//! Lookups by time: the first record at or after a timestamp, and the first one with the largest timestamp.
//!
//! State       per lookup: the segment it has come to, and a search in it.
//! Takes       what was read.
//! Gives       the record's timestamp, offset and leader epoch, as Kafka's ListOffsets shows them.
//! Holds       timestamps need not increase: segments are asked in order until one holds a timestamp as late as asked for. Within a segment
//!             nothing up to the last entry of its time index that is earlier than that is looked at, once its batch bears the entry out.
//! Not here    the limit of what may be seen (the partition).

use super::find::{Goal, Search, Step};
use super::index::{self, TIME_ENTRY_BYTES, TimeEntry};
use super::read::Waiting;
use super::{Log, LogEvent, LookupOutcome, Op, ReadFault, Ticket, TimestampOffset, TimestampTarget};
use crate::disk::DiskPort;
use crate::ids::{BytePos, LeaderEpoch, Offset};
use crate::io::{DiskCall, FileKind};
use crate::planted::Bug;
use crate::time::Timestamp;
use crate::wire::batch::{BatchInfo, records};
use bytes::Bytes;

/// A lookup on its way.
#[derive(Debug)]
pub(super) struct Lookup {
    target: Target,
    pub(super) segment: Offset,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    AtOrAfter(i64),
    Largest,
    /// Nobody waits: the oldest segment's largest timestamp is wanted for retention.
    Learn,
}

#[derive(Debug)]
enum Stage {
    /// A part of the segment's time index is being read, for where to begin.
    Times(Times),
    /// The batch that this entry names is being looked for: what is wanted lies behind it.
    Near(Search, TimeEntry, i64),
    /// The last entry of the segment's time index is being read.
    Largest,
    /// The batch that this entry names is being looked for: an entry that no batch bears out would have retention delete what is young.
    Confirm(Search, TimeEntry),
    /// All headers of the segment are being read, for want of a time index.
    Walk(Search),
    /// The batch is being looked for.
    Find(Search),
    /// The batch is being read.
    Batch(BatchInfo),
}

/// Entries of a time index read at a time: 4 KiB.
const TIME_BLOCK: u32 = 340;

/// The last entry before a timestamp is being looked for in blocks `low..high` of a time index; `best` is the best one so far.
#[derive(Clone, Copy, Debug)]
struct Times {
    timestamp: i64,
    low: u32,
    high: u32,
    best: Option<TimeEntry>,
}

impl Times {
    /// The block that is asked for.
    fn asked(&self) -> u32 {
        self.low + (self.high - self.low - 1) / 2
    }
}

enum Next {
    Done(Option<TimestampOffset>),
    Fault(ReadFault),
    Wait,
}

impl Log {
    /// Look for a record by its time, among everything that is written.
    pub fn lookup(&mut self, target: TimestampTarget, port: &mut DiskPort<'_>) -> LookupOutcome {
        let target = match target {
            TimestampTarget::AtOrAfter(t) => Target::AtOrAfter(t.0),
            TimestampTarget::Largest => Target::Largest,
        };
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        match self.go_on(ticket, target, self.first_readable(), port) {
            Next::Done(found) => LookupOutcome::Ready(found),
            Next::Fault(_) => LookupOutcome::Ready(None),
            Next::Wait => LookupOutcome::Pending(ticket),
        }
    }

    /// The base of the segment in which the log starts.
    fn first_readable(&self) -> Offset {
        self.segment_of(self.log_start()).map_or(Offset::ZERO, |i| self.segments[i].base)
    }

    /// For retention: learn the oldest closed segment's largest timestamp, if it is not known.
    pub(super) fn ask_for_oldest_time(&mut self, port: &mut DiskPort<'_>) {
        let oldest = &self.segments[0];
        let asked = self.waiting.values().any(|w| matches!(w, Waiting::Lookup(Lookup { target: Target::Learn, .. })));
        if oldest.max_known().is_none() && !asked && self.config.retention_ms.is_some() {
            let ticket = Ticket(self.next_ticket);
            self.next_ticket += 1;
            self.learn(ticket, Target::Learn, oldest.base, port);
        }
    }

    /// Look at the segments from `base` on. All whose largest timestamp is known are decided at once.
    fn go_on(&mut self, ticket: Ticket, target: Target, base: Offset, port: &mut DiskPort<'_>) -> Next {
        let Some(first) = self.segment_of(base) else { return Next::Fault(ReadFault::Moved) };
        for i in first..self.segments.len() {
            let segment = &self.segments[i];
            let (base, known) = (segment.base, segment.max_known());
            match (target, known) {
                (_, None) => return self.learn(ticket, target, base, port),
                (Target::AtOrAfter(t), Some(max)) if max.timestamp >= t && segment.size > 0 => {
                    return self.find_in(ticket, target, base, t, port);
                }
                _ => {}
            }
        }
        if target != Target::Largest {
            return Next::Done(None);
        }
        let mut best: Option<(Offset, TimeEntry)> = None;
        let oldest = self.first_readable();
        for s in self.segments.iter().filter(|s| s.base >= oldest) {
            let max = s.max_known().expect("all were just seen");
            if max.timestamp > best.map_or(-1, |b| b.1.timestamp) {
                best = Some((s.base, max));
            }
        }
        match best {
            None => Next::Done(None),
            Some((base, max)) => self.find_in(ticket, target, base, max.timestamp, port),
        }
    }

    /// Ask for a segment's largest timestamp.
    fn learn(&mut self, ticket: Ticket, target: Target, base: Offset, port: &mut DiskPort<'_>) -> Next {
        let i = self.segment_of(base).expect("it was just named");
        let segment = &self.segments[i];
        let last = segment.time_entries.checked_sub(1).filter(|_| segment.indexed);
        let stage = match last {
            Some(last) => {
                let (pos, len) = (BytePos(u64::from(last) * u64::from(TIME_ENTRY_BYTES)), TIME_ENTRY_BYTES);
                let file = self.file(base, FileKind::TimeIndex);
                self.call(file, DiskCall::Read { pos, len }, Op::Read(ticket), port);
                Stage::Largest
            }
            None => {
                let (search, step) = Search::new(self.view(i), Goal::Largest, None);
                if let Step::Absent { largest } = step {
                    self.learned(base, largest);
                    return self.go_on(ticket, target, base, port);
                }
                self.ask_disk(base, step, ticket, port);
                Stage::Walk(search)
            }
        };
        self.waiting.insert(ticket, Waiting::Lookup(Lookup { target, segment: base, stage }));
        Next::Wait
    }

    fn learned(&mut self, base: Offset, largest: Option<(i64, i64)>) {
        let Some(segment) = self.segment_at(base).filter(|s| s.writer.is_none()) else { return };
        let (timestamp, last) = largest.unwrap_or((-1, base.0));
        // A lookup that learned nothing would ask the same again, for ever.
        let relative = u32::try_from(last - base.0).expect("a search finds no batch that far from its segment's base");
        segment.max = Some(TimeEntry { timestamp, relative });
    }

    fn find_in(&mut self, ticket: Ticket, target: Target, base: Offset, timestamp: i64, port: &mut DiskPort<'_>) -> Next {
        let segment = &self.segments[self.segment_of(base).expect("it was just named")];
        let blocks = segment.time_entries.div_ceil(TIME_BLOCK);
        if !segment.indexed || blocks == 0 {
            return self.find_from(ticket, target, base, timestamp, None, port);
        }
        self.ask_times(ticket, target, base, Times { timestamp, low: 0, high: blocks, best: None }, port)
    }

    fn ask_times(&mut self, ticket: Ticket, target: Target, base: Offset, times: Times, port: &mut DiskPort<'_>) -> Next {
        let first = times.asked() * TIME_BLOCK;
        let there = self.segment_at(base).map_or(0, |s| s.time_entries);
        let len = there.saturating_sub(first).min(TIME_BLOCK) * TIME_ENTRY_BYTES;
        let pos = BytePos(u64::from(first) * u64::from(TIME_ENTRY_BYTES));
        self.ask_disk(base, Step::Read { kind: FileKind::TimeIndex, pos, len }, ticket, port);
        self.waiting.insert(ticket, Waiting::Lookup(Lookup { target, segment: base, stage: Stage::Times(times) }));
        Next::Wait
    }

    fn on_times(
        &mut self,
        ticket: Ticket,
        target: Target,
        base: Offset,
        times: Times,
        bytes: Result<Bytes, ReadFault>,
        port: &mut DiskPort<'_>,
    ) -> Next {
        let entries: Vec<TimeEntry> = bytes.map_or(Vec::new(), |b| index::time_entries(&b).collect());
        let increasing = entries.windows(2).all(|w| w[0].timestamp < w[1].timestamp && w[0].relative < w[1].relative);
        if entries.is_empty() || !increasing {
            self.distrust_index(base);
            return self.find_from(ticket, target, base, times.timestamp, None, port);
        }
        let earlier = entries.partition_point(|e| e.timestamp < times.timestamp);
        let best = earlier.checked_sub(1).map(|i| entries[i]).or(times.best);
        let (low, high) = match earlier {
            0 => (times.low, times.asked()),
            n if n < entries.len() => (times.asked(), times.asked()),
            _ => (times.asked() + 1, times.high),
        };
        if low < high {
            return self.ask_times(ticket, target, base, Times { low, high, best, ..times }, port);
        }
        let from = self.log_start().max(base);
        let Some(entry) = best.filter(|e| base.plus(i64::from(e.relative)) >= from) else {
            return self.find_from(ticket, target, base, times.timestamp, None, port);
        };
        let i = self.segment_of(base).expect("it is there");
        let (search, step) = Search::new(self.view(i), Goal::Offset(base.plus(i64::from(entry.relative))), None);
        self.near(ticket, target, base, (search, entry, times.timestamp), step, port)
    }

    /// Look for the batch that an entry of a time index names: everything up to it is earlier than what is wanted.
    fn near(
        &mut self,
        ticket: Ticket,
        target: Target,
        base: Offset,
        (search, entry, timestamp): (Search, TimeEntry, i64),
        step: Step,
        port: &mut DiskPort<'_>,
    ) -> Next {
        let offset = base.0 + i64::from(entry.relative);
        match step {
            Step::Read { .. } => {
                self.ask_disk(base, step, ticket, port);
                let stage = Stage::Near(search, entry, timestamp);
                self.waiting.insert(ticket, Waiting::Lookup(Lookup { target, segment: base, stage }));
                Next::Wait
            }
            Step::Found(info) if info.base_offset <= offset && info.max_timestamp == entry.timestamp => {
                self.find_from(ticket, target, base, timestamp, Some(info.pos), port)
            }
            _ => {
                self.distrust_index(base);
                self.find_from(ticket, target, base, timestamp, None, port)
            }
        }
    }

    /// Look at one header after the other, from a position where a batch begins, or from where the log does.
    fn find_from(
        &mut self,
        ticket: Ticket,
        target: Target,
        base: Offset,
        timestamp: i64,
        start: Option<u32>,
        port: &mut DiskPort<'_>,
    ) -> Next {
        let i = self.segment_of(base).expect("it is there");
        let goal = Goal::Timestamp { timestamp, from: self.log_start().max(base) };
        let (search, step) = Search::new(self.view(i), goal, start);
        if !matches!(step, Step::Read { .. }) {
            return Next::Done(None);
        }
        self.ask_disk(base, step, ticket, port);
        self.waiting.insert(ticket, Waiting::Lookup(Lookup { target, segment: base, stage: Stage::Find(search) }));
        Next::Wait
    }

    pub(super) fn on_lookup(
        &mut self,
        ticket: Ticket,
        lookup: Lookup,
        bytes: Result<Bytes, ReadFault>,
        port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let target = lookup.target;
        let next = match self.segment_at(lookup.segment) {
            None => Next::Fault(ReadFault::Moved),
            Some(_) => self.on_lookup_read(ticket, lookup, bytes, port),
        };
        let outcome = match next {
            Next::Wait => return,
            Next::Done(found) => Ok(found),
            Next::Fault(fault) => Err(fault),
        };
        if target != Target::Learn {
            out.push(LogEvent::LookupDone { ticket, outcome });
        }
    }

    fn on_lookup_read(
        &mut self,
        ticket: Ticket,
        lookup: Lookup,
        bytes: Result<Bytes, ReadFault>,
        port: &mut DiskPort<'_>,
    ) -> Next {
        let Lookup { target, segment: base, stage } = lookup;
        match stage {
            Stage::Times(times) => self.on_times(ticket, target, base, times, bytes, port),
            Stage::Near(mut search, entry, timestamp) => match self.step(base, &mut search, bytes) {
                Ok(step) => self.near(ticket, target, base, (search, entry, timestamp), step, port),
                Err(fault) => Next::Fault(fault),
            },
            Stage::Largest => {
                let last = bytes.ok().and_then(|b| index::time_entries(&b).next_back());
                if let Some(l) = last.filter(|_| self.has(Bug::TimeIndexBelieved)) {
                    self.learned(base, Some((l.timestamp, base.0 + i64::from(l.relative))));
                    return self.having_learned(ticket, target, base, port);
                }
                let Some(last) = last.filter(|l| l.timestamp >= 0) else { return self.unconfirmed(ticket, target, base, port) };
                let i = self.segment_of(base).expect("it was just named");
                let (search, step) = Search::new(self.view(i), Goal::Offset(base.plus(i64::from(last.relative))), None);
                self.confirm(ticket, target, base, search, last, step, port)
            }
            Stage::Confirm(mut search, last) => {
                let step = match self.step(base, &mut search, bytes) {
                    Ok(step) => step,
                    Err(fault) => return Next::Fault(fault),
                };
                self.confirm(ticket, target, base, search, last, step, port)
            }
            Stage::Walk(search) => self.on_search(ticket, target, base, search, bytes, port),
            Stage::Find(search) => self.on_search(ticket, target, base, search, bytes, port),
            Stage::Batch(info) => match bytes {
                Err(fault) => Next::Fault(fault),
                Ok(bytes) => self.on_batch(ticket, target, base, &info, &bytes, port),
            },
        }
    }

    /// The next step of a search, and what it says about the segment's index.
    fn step(&mut self, base: Offset, search: &mut Search, bytes: Result<Bytes, ReadFault>) -> Result<Step, ReadFault> {
        let step = match bytes {
            Ok(bytes) => search.on_read(&bytes),
            Err(_) if search.reads_index() => search.without_index(),
            Err(fault) => return Err(fault),
        };
        if search.doubted {
            self.distrust_index(base);
        }
        Ok(step)
    }

    /// A segment's largest timestamp is known, or its index is not asked for it any more: go on, unless that was all.
    fn having_learned(&mut self, ticket: Ticket, target: Target, base: Offset, port: &mut DiskPort<'_>) -> Next {
        if target == Target::Learn { Next::Done(None) } else { self.go_on(ticket, target, base, port) }
    }

    /// Look for the batch that the last entry of a time index names.
    #[expect(clippy::too_many_arguments, reason = "one step of a lookup with all that it is about")]
    fn confirm(
        &mut self,
        ticket: Ticket,
        target: Target,
        base: Offset,
        search: Search,
        last: TimeEntry,
        step: Step,
        port: &mut DiskPort<'_>,
    ) -> Next {
        let offset = base.0 + i64::from(last.relative);
        match step {
            Step::Read { .. } => {
                self.ask_disk(base, step, ticket, port);
                let stage = Stage::Confirm(search, last);
                self.waiting.insert(ticket, Waiting::Lookup(Lookup { target, segment: base, stage }));
                Next::Wait
            }
            // Kafka names a record within the batch, too.
            Step::Found(info) if info.base_offset <= offset && info.max_timestamp == last.timestamp => {
                self.learned(base, Some((last.timestamp, offset)));
                self.having_learned(ticket, target, base, port)
            }
            _ => self.unconfirmed(ticket, target, base, port),
        }
    }

    /// The time index says what no batch does: the headers are read.
    fn unconfirmed(&mut self, ticket: Ticket, target: Target, base: Offset, port: &mut DiskPort<'_>) -> Next {
        self.distrust_index(base);
        self.having_learned(ticket, target, base, port)
    }

    fn on_search(
        &mut self,
        ticket: Ticket,
        target: Target,
        base: Offset,
        mut search: Search,
        bytes: Result<Bytes, ReadFault>,
        port: &mut DiskPort<'_>,
    ) -> Next {
        let step = match self.step(base, &mut search, bytes) {
            Ok(step) => step,
            Err(fault) => return Next::Fault(fault),
        };
        let stage = match step {
            Step::Corrupt { .. } => return Next::Fault(ReadFault::Corrupt),
            Step::Absent { largest } if search.walks() => {
                self.learned(base, largest);
                return self.having_learned(ticket, target, base, port);
            }
            Step::Absent { .. } => return self.after(ticket, target, base, port),
            Step::Read { .. } => {
                self.ask_disk(base, step, ticket, port);
                if search.walks() { Stage::Walk(search) } else { Stage::Find(search) }
            }
            Step::Found(info) => {
                let pos = BytePos(u64::from(info.pos));
                self.ask_disk(base, Step::Read { kind: FileKind::Log, pos, len: info.len }, ticket, port);
                Stage::Batch(info)
            }
        };
        self.waiting.insert(ticket, Waiting::Lookup(Lookup { target, segment: base, stage }));
        Next::Wait
    }

    /// The segment held nothing after all (its late records lie below the log start): ask the next one.
    fn after(&mut self, ticket: Ticket, target: Target, base: Offset, port: &mut DiskPort<'_>) -> Next {
        let next = self.segments.iter().find(|s| s.base > base).map(|s| s.base);
        match (target, next) {
            (Target::AtOrAfter(_), Some(next)) => self.go_on(ticket, target, next, port),
            _ => Next::Done(None),
        }
    }

    /// The batch whose largest timestamp is late enough: find the record.
    fn on_batch(
        &mut self,
        ticket: Ticket,
        target: Target,
        base: Offset,
        info: &BatchInfo,
        bytes: &Bytes,
        port: &mut DiskPort<'_>,
    ) -> Next {
        let wanted = match target {
            Target::AtOrAfter(t) => t,
            Target::Largest | Target::Learn => info.max_timestamp,
        };
        match first_at_or_after(bytes, wanted, self.log_start()) {
            Err(fault) => Next::Fault(fault),
            Ok(Some(found)) => Next::Done(Some(found)),
            // The late record of this batch lies below the log start: go on behind it.
            Ok(None) => {
                let Some(i) = self.segment_of(base) else { return Next::Fault(ReadFault::Moved) };
                let goal = Goal::Timestamp { timestamp: wanted, from: Offset(info.next_offset()) };
                let (search, step) = Search::new(self.view(i), goal, Some(info.pos));
                if !matches!(step, Step::Read { .. }) {
                    return self.after(ticket, target, base, port);
                }
                self.ask_disk(base, step, ticket, port);
                self.waiting.insert(ticket, Waiting::Lookup(Lookup { target, segment: base, stage: Stage::Find(search) }));
                Next::Wait
            }
        }
    }
}

/// The first record of a batch that is as late as `timestamp` and not below `from`.
fn first_at_or_after(batch: &Bytes, timestamp: i64, from: Offset) -> Result<Option<TimestampOffset>, ReadFault> {
    let info = BatchInfo::parse(batch, 0).map_err(|_| ReadFault::Corrupt)?;
    if !info.crc_matches(batch) {
        return Err(ReadFault::Corrupt);
    }
    for record in records(&info, batch).map_err(|_| ReadFault::Corrupt)? {
        let record = record.map_err(|_| ReadFault::Corrupt)?;
        // The checksum says that somebody wrote it so, not that it makes sense.
        if record.offset < info.base_offset || record.offset > info.last_offset() {
            return Err(ReadFault::Corrupt);
        }
        if record.timestamp >= timestamp && record.offset >= from.0 {
            let (timestamp, offset) = (Timestamp(record.timestamp), Offset(record.offset));
            return Ok(Some(TimestampOffset { timestamp, offset, epoch: LeaderEpoch(info.leader_epoch) }));
        }
    }
    Ok(None)
}
