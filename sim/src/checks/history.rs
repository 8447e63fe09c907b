//! Judging a finished history: only what clients saw, and the mishaps that an operator would know of.
//!
//! Takes       the history, what the oracle knows, the end of each log as a fresh reader found it.
//! Gives       what is wrong, tallies.
//! Holds       no code shared with `core`; work is n log n in the number of operations.
//! Not here    invariants of the machine (watch.rs), which losses are permitted (acks.rs).

use super::acks::{Ground, Struck, deletion_asked, power_lost_after, power_lost_between};
use super::{Excuse, Found, Id, Incarnations, Tally};
use crate::clients::TORN;
use crate::history::{AdminAct, History, ListOp, Mishap, Outcome, Place, ProduceOp, ReadOp};
use crate::plan::Kind;
use ottla_core::wire::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};

/// What the history says of one partition of one incarnation of a topic.
#[derive(Default)]
struct Lane<'a> {
    produces: Vec<(usize, &'a ProduceOp)>,
    reads: Vec<&'a ReadOp>,
    /// Offset to value, as the last reader found it.
    last: BTreeMap<i64, u64>,
    /// Where the log began for the last reader; `None` if there was none, or it could not read.
    last_start: Option<i64>,
}

/// An offset that somebody was told, and when.
#[derive(Clone, Copy, Debug)]
struct Told {
    invoked: u64,
    ended: u64,
    offset: i64,
    /// Promised against a power loss.
    hard: bool,
}

impl Told {
    fn soft(invoked: u64, ended: u64, offset: i64) -> Told {
        Told { invoked, ended, offset, hard: false }
    }
}

pub(crate) struct Judge<'a> {
    history: &'a History,
    ground: &'a Ground,
    incarnations: Incarnations,
    tally: &'a mut Tally,
    found: Vec<Found>,
    pub(crate) excuses: BTreeMap<Excuse, u64>,
}

/// Judge a history. What is there at the end is asked of logs alone that a last reader could read to their end.
pub(crate) fn judge<'a>(history: &'a History, ground: &'a Ground, tally: &'a mut Tally) -> (Vec<Found>, BTreeMap<Excuse, u64>) {
    let incarnations = Incarnations::of(history);
    let mut judge = Judge { history, ground, incarnations, tally, found: Vec::new(), excuses: BTreeMap::new() };
    let lanes = judge.lanes();
    for (place, lane) in &lanes {
        judge.reads(*place, lane);
        judge.one_value(*place, lane);
        judge.lost(*place, lane);
        judge.duplicates(*place, lane);
        judge.order(*place, lane);
        judge.recency(*place, lane);
    }
    judge.wanderers(&lanes);
    judge.monotone();
    judge.admin();
    (judge.found, judge.excuses)
}

impl<'a> Judge<'a> {
    fn report(&mut self, id: Id, site: &str, message: String) {
        self.found.push(id.found(site, message));
    }

    fn lane(&self, place: Place, invoked: u64) -> Place {
        self.incarnations.lane(place, invoked, self.ground.damaged_all)
    }

    fn lane_of_op(&self, op: &ProduceOp) -> Place {
        self.lane(op.place, op.invoked)
    }

    fn lane_of_read(&self, read: &ReadOp) -> Place {
        self.lane(read.place, read.invoked)
    }

    fn lane_of_list(&self, list: &ListOp) -> Place {
        self.lane(list.place, list.invoked)
    }

    fn lanes(&self) -> BTreeMap<Place, Lane<'a>> {
        let history = self.history;
        let mut lanes: BTreeMap<Place, Lane<'a>> = BTreeMap::new();
        for (i, op) in history.produces.iter().enumerate() {
            lanes.entry(self.lane_of_op(op)).or_default().produces.push((i, op));
        }
        for read in &history.reads {
            let place = self.lane_of_read(read);
            let is_struck = self.struck(place).from < i64::MAX;
            let lane = lanes.entry(place).or_default();
            lane.reads.push(read);
            if read.last && read.error == 0 {
                lane.last_start = Some(lane.last_start.unwrap_or(0).max(read.log_start));
                // A batch whose offset was damaged does not take the place of another one.
                let is_moved = |(offset, value): &(i64, u64)| {
                    let writer = history.writer_of(*value).filter(|_| is_struck);
                    writer.is_some_and(|(op, index)| {
                        let base = history.produces[op].base_offset;
                        base >= 0 && base + i64::from(index) != *offset
                    })
                };
                let records = history.records[read.records.0..read.records.1].iter();
                lane.last.extend(records.filter(|record| !is_moved(record)).copied());
            }
        }
        // A log that was empty for the last reader was never fetched from: it begins where it ends. One that it could not read to
        // its end says nothing: `converges` has a word on that.
        for list in history.lists.iter().filter(|l| l.last && l.error == 0) {
            let Some(lane) = lanes.get_mut(&self.lane_of_list(list)) else { continue };
            if list.timestamp == -2 {
                lane.last_start = Some(lane.last_start.unwrap_or(0).max(list.offset));
            }
        }
        for (place, lane) in &mut lanes {
            let read_to = lane.last.last_key_value().map_or(lane.last_start.unwrap_or(0), |(offset, _)| offset + 1);
            let ends =
                history.lists.iter().filter(|l| l.last && l.error == 0 && l.timestamp == -1 && self.lane_of_list(l) == *place);
            if ends.map(|l| l.offset).max().is_none_or(|end| read_to < end) {
                lane.last_start = None;
            }
        }
        lanes
    }

    /// Whether a write went to another file's place.
    fn misdirected(&self) -> bool {
        self.history.mishaps.iter().any(|(_, m)| matches!(m, Mishap::Disk(kind) if kind == Kind::MisdirectedWrite.name()))
    }

    fn name(&self, place: Place) -> String {
        format!("{}-{}", self.history.topics[place.topic as usize], place.partition)
    }

    /// How far damage excuses a log: from which offset on, and since when. Nowhere and never, if it did not strike it.
    fn struck(&self, place: Place) -> Struck {
        let struck = self.ground.struck(self.history, place);
        struck.unwrap_or(Struck { from: i64::MAX, at: u64::MAX })
    }

    /// Whether an operation was done on the log of a lane, as far as its client knew: which partition a partitioner has chosen it may not
    /// know, nor which incarnation a name has reached.
    fn is_of(&self, op: &ProduceOp, lane: Place) -> bool {
        let own = self.lane_of_op(op);
        let unsure = own.topic_id == 0 || lane.topic_id == 0;
        own.topic == lane.topic
            && (own.partition < 0 || own.partition == lane.partition)
            && (unsure || own.topic_id == lane.topic_id)
    }

    /// Whether a value may stand at an offset, as somebody was told at a time, because damage put it there: it was told after the strike,
    /// and stands where damage struck, or belongs there, or nobody knows where it belongs. The offset of a batch has no checksum.
    fn is_tainted(&self, place: Place, struck: Struck, offset: i64, value: u64, told: u64) -> bool {
        if told < struck.at || struck.from == i64::MAX {
            return false;
        }
        let Some((op, index)) = self.history.writer_of(value) else { return true };
        let op = &self.history.produces[op];
        let is_foreign = op.place.partition >= 0 && !self.is_of(op, place);
        offset >= struck.from || is_foreign || op.base_offset < 0 || op.base_offset + i64::from(index) >= struck.from
    }

    /// H5, H15, and that what is read is what somebody sent.
    fn reads(&mut self, place: Place, lane: &Lane<'_>) {
        let struck = self.struck(place);
        for read in &lane.reads {
            // What was told before damage struck is as good as if it never had.
            let damaged = read.ended >= struck.at;
            if read.error == TORN && !damaged {
                let text = format!("{} from {}", self.name(place), read.from_offset);
                self.report(Id::Skip, "a Fetch answer whose records are no whole batches", text);
            }
            let records = &self.history.records[read.records.0..read.records.1];
            if records.is_empty() {
                continue;
            }
            self.tally.count(Id::Skip);
            self.tally.count(Id::Honesty);
            let mut expected = read.from_offset;
            for (offset, value) in records {
                if *offset != expected && !(damaged && expected >= struck.from) {
                    let text = format!("{}: offset {offset} instead of {expected}", self.name(place));
                    self.report(Id::Skip, "a Fetch answer leaves records out", text);
                    return;
                }
                // A batch whose offset was damaged stands in the place of another one.
                expected = expected.max(*offset) + 1;
                let Some((op, _)) = self.history.writer_of(*value) else {
                    // It may be metadata.
                    if damaged && self.misdirected() {
                        continue;
                    }
                    let text = format!("{} offset {offset}: value {value:#x}", self.name(place));
                    self.report(Id::Honesty, "a record is read that nobody sent", text);
                    return;
                };
                let writer = &self.history.produces[op];
                // A batch does not say whose it is: one that a drive put whole where it fits is as good as any.
                let is_here = self.is_of(writer, place);
                if !(is_here || damaged && self.misdirected()) {
                    let text = format!("{} offset {offset}: sent to {:?}", self.name(place), writer.place);
                    self.report(Id::Honesty, "a record is read from a partition that it was not sent to", text);
                    return;
                }
                // What a drive put here may have been refused there: it was on the disk before its topic was deleted.
                if !is_here {
                    continue;
                }
                if let Outcome::Failed(code) = writer.outcome {
                    let text = format!("{} offset {offset}: operation {op}, refused with {code}", self.name(place));
                    self.report(Id::Honesty, "a record is read although every attempt to write it was refused", text);
                    return;
                }
            }
        }
    }

    /// H2: an offset has one value, whoever looks and whenever.
    fn one_value(&mut self, place: Place, lane: &Lane<'_>) {
        let struck = self.struck(place);
        let weak_topic = self.ground.rests_on_page_cache(&self.history.topics[place.topic as usize]);
        // Observations: (offset, when it was asked for, value, rests on the page cache, when it was told).
        let mut seen: Vec<(i64, u64, u64, bool, u64)> = Vec::new();
        for read in &lane.reads {
            for (offset, value) in &self.history.records[read.records.0..read.records.1] {
                if !self.is_tainted(place, struck, *offset, *value, read.ended) {
                    seen.push((*offset, read.invoked, *value, weak_topic, read.ended));
                }
            }
        }
        for (i, op) in lane.produces.iter().filter(|(_, op)| op.outcome == Outcome::Ok && op.base_offset >= 0) {
            let weak = self.ground.is_weak(self.history, op);
            for n in 0..op.count {
                let (offset, value) = (op.base_offset + i64::from(n), History::value_of(*i) + u64::from(n));
                if !self.is_tainted(place, struck, offset, value, op.ended) {
                    seen.push((offset, op.invoked, value, weak, op.ended));
                }
            }
        }
        seen.sort_unstable();
        for pair in seen.windows(2) {
            let ((offset, at, value, weak, told), (next_offset, next_at, next_value, next_weak, next_told)) = (pair[0], pair[1]);
            if offset != next_offset {
                continue;
            }
            self.tally.count(Id::OneValue);
            // What rested on the page cache is gone with a power loss between its writing and the telling of the other.
            let excused = weak && power_lost_between(self.history, at, next_told)
                || next_weak && power_lost_between(self.history, next_at, told);
            if value != next_value && !excused {
                let who = |v: u64| self.history.writer_of(v).map(|(op, _)| (op, &self.history.produces[op]));
                let text = format!(
                    "{} offset {offset}: {:?} at {at} ns and {:?} at {next_at} ns",
                    self.name(place),
                    who(value),
                    who(next_value)
                );
                self.report(Id::OneValue, "one offset, two values", text);
                return;
            }
        }
    }

    /// Whether a value that is read belongs where damage struck: the offset of a batch has no checksum, and a flipped bit puts the batch in
    /// the place of another one.
    fn is_struck(&self, place: Place, value: u64) -> bool {
        let Some((op, index)) = self.history.writer_of(value) else { return false };
        let op = &self.history.produces[op];
        op.base_offset >= 0 && self.ground.is_damaged_at(self.history, place, op.base_offset + i64::from(index))
    }

    /// H1, by the ack oracle.
    fn lost(&mut self, place: Place, lane: &Lane<'_>) {
        let Some(log_start) = lane.last_start else {
            // Nobody could read it at the end: `converges` has a word on that.
            return;
        };
        let is_last = self.incarnations.is_last(place);
        let mut holes: Vec<(i64, u64)> = Vec::new();
        for (i, op) in lane.produces.iter().filter(|(_, op)| op.outcome == Outcome::Ok && op.acks != 0 && op.base_offset >= 0) {
            let strong = !self.ground.is_weak(self.history, op);
            self.tally.count(Id::LostWrite);
            for n in 0..op.count {
                let offset = op.base_offset + i64::from(n);
                let value = History::value_of(*i) + u64::from(n);
                if lane.last.get(&offset) == Some(&value) {
                    continue;
                }
                let struck = lane.last.get(&offset).is_some_and(|there| self.is_struck(place, *there));
                let excuse = self.ground.may_be_lost(self.history, (place, op), offset, (log_start, is_last));
                match excuse.or(struck.then_some(Excuse::Damaged)) {
                    Some(excuse) => {
                        *self.excuses.entry(excuse).or_default() += 1;
                        if excuse == Excuse::PowerLostUnsynced {
                            self.tally.count(Id::PermittedLoss);
                            holes.push((offset, op.sent));
                        }
                    }
                    None => {
                        let text = format!(
                            "{} offset {offset}: operation {i} (acks={}), acknowledged at {} ns; the log begins at {log_start}, there is {:?}",
                            self.name(place),
                            op.acks,
                            op.ended,
                            lane.last.get(&offset)
                        );
                        let site =
                            if strong { "an acks=all record is gone" } else { "an acks=1 record is gone, and no power was lost" };
                        self.report(Id::LostWrite, site, text);
                        return;
                    }
                }
            }
        }
        self.lost_somewhere(place, lane, log_start);
        self.suffix(place, lane, &holes);
    }

    /// What was acknowledged without saying where (a repetition that the broker does not remember) is there all the same.
    fn lost_somewhere(&mut self, place: Place, lane: &Lane<'_>, log_start: i64) {
        let unplaced = |op: &ProduceOp| op.outcome == Outcome::Ok && op.acks != 0 && op.base_offset < 0;
        for (i, op) in lane.produces.iter().filter(|(_, op)| unplaced(op)) {
            self.tally.count(Id::LostWrite);
            let first = History::value_of(*i);
            let there = lane.last.values().filter(|v| (first..first + u64::from(op.count)).contains(v)).count();
            if there >= op.count as usize {
                continue;
            }
            match self.ground.may_be_lost(self.history, (place, op), -1, (log_start, self.incarnations.is_last(place))) {
                Some(excuse) => *self.excuses.entry(excuse).or_default() += 1,
                None => {
                    let text = format!("{}: operation {i}, acknowledged at {} ns without an offset", self.name(place), op.ended);
                    self.report(Id::LostWrite, "a record that was acknowledged as a repetition is nowhere", text);
                    return;
                }
            }
        }
    }

    /// What a power loss takes is a suffix: nothing acknowledged before it at a higher offset may be left.
    fn suffix(&mut self, place: Place, lane: &Lane<'_>, holes: &[(i64, u64)]) {
        let from = self.struck(place).from;
        for (offset, sent) in holes.iter().filter(|(offset, _)| *offset < from) {
            let Some(first_loss) = power_lost_after(self.history, *sent) else { continue };
            let survivor = lane.produces.iter().find(|(i, op)| {
                op.outcome == Outcome::Ok
                    && op.ended < first_loss
                    && op.base_offset > *offset
                    && op.base_offset < from
                    && lane.last.get(&op.base_offset) == Some(&History::value_of(*i))
            });
            if let Some((i, op)) = survivor {
                let text = format!("{}: offset {offset} is lost, operation {i} at {} is not", self.name(place), op.base_offset);
                self.report(Id::LostWrite, "a power loss took a record from the middle of a log", text);
                return;
            }
        }
    }

    /// H3.
    fn duplicates(&mut self, place: Place, lane: &Lane<'_>) {
        let struck = self.struck(place);
        let is_forgetful = self.ground.is_forgetful(self.history, place);
        let mut places: BTreeMap<u64, i64> = BTreeMap::new();
        for (offset, value) in &lane.last {
            if self.is_tainted(place, struck, *offset, *value, u64::MAX) {
                continue;
            }
            let Some((op, _)) = self.history.writer_of(*value) else { continue };
            let writer = &self.history.produces[op];
            self.tally.count(Id::Duplicate);
            if let Some(first) = places.insert(*value, *offset) {
                let permitted = (writer.producer.is_none() || is_forgetful) && writer.attempts > 1;
                if !permitted {
                    let text = format!("{}: operation {op} at {first} and at {offset}", self.name(place));
                    let site = if writer.producer.is_some() {
                        "an idempotent producer's record is there twice"
                    } else {
                        "a record that was sent once is there twice"
                    };
                    self.report(Id::Duplicate, site, text);
                    return;
                }
            }
        }
    }

    /// H3, for records of which nobody knows where their sender's partitioner put them: in one partition, if in any.
    fn wanderers(&mut self, lanes: &BTreeMap<Place, Lane<'a>>) {
        let mut seen: BTreeMap<usize, (Place, i64)> = BTreeMap::new();
        for (place, lane) in lanes {
            let struck = self.struck(*place);
            for (offset, value) in lane.last.iter().filter(|(offset, _)| **offset < struck.from) {
                let Some((op, _)) = self.history.writer_of(*value) else { continue };
                if self.history.produces[op].place.partition >= 0 {
                    continue;
                }
                self.tally.count(Id::Duplicate);
                if let Some((other, at)) = seen.insert(op, (*place, *offset)).filter(|(other, _)| other != place) {
                    let text =
                        format!("operation {op}: {} offset {at}, and {} offset {offset}", self.name(other), self.name(*place));
                    self.report(Id::Duplicate, "a record is in two partitions", text);
                    return;
                }
            }
        }
    }

    /// H4: real time and sessions order the log.
    fn order(&mut self, place: Place, lane: &Lane<'_>) {
        let struck = self.struck(place);
        // Operations in the order of the log, as the last reader found it.
        let mut in_log: Vec<(i64, usize)> = Vec::new();
        for (offset, value) in &lane.last {
            let is_there = !self.is_tainted(place, struck, *offset, *value, u64::MAX);
            if let Some((op, 0)) = self.history.writer_of(*value).filter(|_| is_there) {
                in_log.push((*offset, op));
            }
        }
        let mut latest_start: Option<(u64, usize)> = None;
        let weak = self.ground.rests_on_page_cache(&self.history.topics[place.topic as usize]);
        let is_forgetful = self.ground.is_forgetful(self.history, place);
        // Of one producer id, whatever its epoch: a new epoch goes on where the last one ended.
        let mut sessions: BTreeMap<i64, usize> = BTreeMap::new();
        // Of each other client the last one that it wanted there.
        let mut behind: BTreeMap<u32, u32> = BTreeMap::new();
        let mut first_copies: BTreeSet<usize> = BTreeSet::new();
        for (offset, n) in in_log {
            let op = &self.history.produces[n];
            self.tally.count(Id::Order);
            let ended_before = op.outcome == Outcome::Ok && op.base_offset == offset;
            if let Some((start, other)) = latest_start.filter(|(start, _)| ended_before && op.ended < *start) {
                let text =
                    format!("{}: operation {n} ended before {other} began at {start} ns, but lies behind it", self.name(place));
                self.report(Id::Order, "the log contradicts real time", text);
                return;
            }
            // A repetition by a producer that is not idempotent may lie anywhere after its first attempt.
            if op.attempts == 1 && latest_start.is_none_or(|(start, _)| op.invoked > start) {
                latest_start = Some((op.invoked, n));
            }
            let Some((id, _, _)) = op.producer else {
                // The first copy alone: a repetition may lie anywhere.
                if first_copies.insert(n) && behind.insert(op.client, op.order).is_some_and(|before| before > op.order) {
                    self.tally.count(Id::PermittedReordering);
                }
                continue;
            };
            let before = sessions.insert(id, n);
            // A leader that has lost what it knew of a producer takes any sequence for its first, as Kafka does.
            let forgotten = weak && power_lost_between(self.history, 0, op.ended) || is_forgetful;
            if !forgotten && before.is_some_and(|b| self.history.produces[b].order > op.order) {
                let text = format!("{}: operation {n} lies behind {before:?}", self.name(place));
                self.report(Id::Order, "an idempotent producer's batches lie in another order than they were sent", text);
                return;
            }
        }
    }

    /// H16.
    fn recency(&mut self, place: Place, lane: &Lane<'_>) {
        // When it was told, up to where, when it was sent.
        let mut acked: Vec<(u64, i64, u64)> = lane
            .produces
            .iter()
            .filter(|(_, op)| op.outcome == Outcome::Ok && op.acks == -1 && op.base_offset >= 0)
            .map(|(_, op)| (op.ended, op.base_offset + i64::from(op.count), op.invoked))
            .collect();
        acked.sort_unstable();
        let mut reads: Vec<&ReadOp> = lane.reads.iter().copied().filter(|r| r.error == 0).collect();
        reads.sort_unstable_by_key(|r| r.invoked);
        let weak = self.ground.rests_on_page_cache(&self.history.topics[place.topic as usize]);
        let struck = self.struck(place);
        let (mut i, mut end, mut since, mut sent) = (0, 0, 0, 0);
        for read in reads {
            while i < acked.len() && acked[i].0 < read.invoked {
                // What a power loss may have taken is no measure any more.
                let is_forgotten = weak && power_lost_between(self.history, sent, acked[i].2);
                if acked[i].1 > end || is_forgotten {
                    (since, end, sent) = acked[i];
                }
                i += 1;
            }
            // Of a log that damage struck, what lies below has to be there all the same.
            let end = if read.ended >= struck.at { end.min(struck.from) } else { end };
            if end == 0 {
                continue;
            }
            self.tally.count(Id::Recency);
            if read.high_watermark < end && !(weak && power_lost_between(self.history, sent, read.ended)) {
                let text = format!(
                    "{}: acknowledged up to {end} at {since} ns, asked at {} ns, told {}",
                    self.name(place),
                    read.invoked,
                    read.high_watermark
                );
                self.report(Id::Recency, "a later read does not know of an acknowledged record", text);
                return;
            }
        }
    }

    /// H12.
    fn monotone(&mut self) {
        let mut seen: BTreeMap<(Place, bool), Vec<Told>> = BTreeMap::new();
        for list in self.history.lists.iter().filter(|l| l.error == 0 && (l.timestamp == -1 || l.timestamp == -2)) {
            // ListOffsets names topics; of a topic that was deleted it is not known which incarnation answered.
            if !deletion_asked(self.history, list.place.topic) {
                let key = (self.lane_of_list(list), list.timestamp == -1);
                seen.entry(key).or_default().push(Told::soft(list.invoked, list.ended, list.offset));
            }
        }
        for read in self.history.reads.iter().filter(|r| r.error == 0 && r.high_watermark >= 0) {
            let lane = self.lane_of_read(read);
            seen.entry((lane, true)).or_default().push(Told::soft(read.invoked, read.ended, read.high_watermark));
            if read.log_start >= 0 {
                seen.entry((lane, false)).or_default().push(Told::soft(read.invoked, read.ended, read.log_start));
            }
        }
        for op in self.history.admins.iter().filter(|a| a.outcome == Outcome::Ok && !deletion_asked(self.history, a.topic)) {
            if let AdminAct::DeleteRecords { partition, .. } = op.act {
                let place = Place { topic: op.topic, partition, topic_id: 0 };
                let told = Told { hard: true, ..Told::soft(op.invoked, op.ended, op.answer as i64) };
                seen.entry((place, false)).or_default().push(told);
            }
        }
        for ((place, latest), all) in seen {
            if !self.goes_forward(place, latest, all) {
                return;
            }
        }
    }

    fn goes_forward(&mut self, place: Place, latest: bool, mut all: Vec<Told>) -> bool {
        // What the page cache promises dies with power. Where a log begins is told when that is on the disk.
        let weak = latest && self.ground.rests_on_page_cache(&self.history.topics[place.topic as usize]);
        let struck = self.struck(place);
        all.sort_unstable_by_key(|t| t.invoked);
        let mut ended = all.clone();
        ended.sort_unstable_by_key(|t| t.ended);
        let (mut i, mut highest) = (0, [None::<Told>; 2]);
        for told in &all {
            while i < ended.len() && ended[i].ended < told.invoked {
                let best = &mut highest[usize::from(ended[i].hard)];
                if best.is_none_or(|b| ended[i].offset > b.offset) {
                    *best = Some(ended[i]);
                }
                i += 1;
            }
            for before in highest.into_iter().flatten() {
                self.tally.count(Id::MonotoneEnd);
                let excused = weak && !before.hard && power_lost_between(self.history, before.invoked, told.ended);
                let owed = if told.ended >= struck.at { before.offset.min(struck.from) } else { before.offset };
                if told.offset < owed && !excused {
                    let what = if latest { "the end of a log goes back" } else { "the beginning of a log goes back" };
                    let text = format!("{}: {told:?} after {before:?}", self.name(place));
                    self.report(Id::MonotoneEnd, what, text);
                    return false;
                }
            }
        }
        true
    }

    /// Topics whose creation was acknowledged are there at the end.
    fn admin(&mut self) {
        use AdminAct as A;
        for (n, op) in self.history.admins.iter().enumerate() {
            let A::CreateTopic { partitions } = op.act else { continue };
            let Some(last) = self.incarnations.last(op.topic).filter(|last| last.since == op.ended) else { continue };
            // Of a damaged directory it is not known any more which topic it is of.
            let place = |partition| Place { topic: op.topic, partition, topic_id: last.id };
            let damaged = (0..partitions).any(|p| self.ground.struck(self.history, place(p)).is_some());
            if op.outcome != Outcome::Ok || damaged || self.ground.ended_early {
                continue;
            }
            self.tally.count(Id::AdminDurable);
            // One that damage has taken offline is there.
            let is_unknown =
                |code| [ErrorCode::UnknownTopicOrPartition, ErrorCode::UnknownTopicId].map(ErrorCode::code).contains(&code);
            let is_told = |p: i32| {
                let lists = &self.history.lists;
                lists.iter().any(|l| {
                    l.place.topic == op.topic && l.place.partition == p && l.ended > op.ended && l.last && !is_unknown(l.error)
                })
            };
            let read_at_end = self.history.reads.iter().any(|r| r.last) || self.history.lists.iter().any(|l| l.last);
            if read_at_end && (0..partitions).any(|p| !is_told(p)) {
                let text = format!("operation {n}: {} with {partitions} partitions", self.history.topics[op.topic as usize]);
                self.report(Id::AdminDurable, "a topic whose creation was acknowledged is not there at the end", text);
            }
        }
    }
}
