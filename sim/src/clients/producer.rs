//! A producer: batches to partitions, with acks 0, 1 or all, idempotent or not, several in flight, retries.
//!
//! State       a connection, the topics' ids, the producer id and sequences, batches in flight and to be sent again.
//! Takes       answers, broken connections, time.
//! Gives       Produce requests; one `ProduceOp` a batch with an honest outcome.
//! Holds       an idempotent producer sends the batches of one partition in the order of their sequences, also again, and never
//!             under another session what may be in the log already. A batch of which one attempt ended without an answer is
//!             never called failed.
//! Not here    whether the answers are right.

use super::Got;
use super::link::{Link, PATIENCE, ask_metadata, draw_version, ids_in, produce};
use crate::batch::{self, Spec};
use crate::checks::Id;
use crate::history::{History, Outcome, Place, ProduceOp};
use crate::world::Sim;
use ottla_core::ids::TopicId;
use ottla_core::rng::Rng;
use ottla_core::wire::{ApiKey, ProducePartition, ProduceTopic, Request, Response, msg};
use std::collections::{BTreeMap, VecDeque};

/// How a producer behaves.
#[derive(Clone, PartialEq, Debug)]
pub struct ProducerConfig {
    pub topics: Vec<(String, i32)>,
    pub acks: i16,
    pub idempotent: bool,
    /// Requests in flight at most.
    pub in_flight: usize,
    /// Whether a batch without a definite answer is sent again.
    pub retries: bool,
    pub records_max: u32,
    pub padding_max: u32,
    /// Time between batches, at most, in virtual milliseconds.
    pub think_ms: u64,
    /// Patience with an answer, in virtual milliseconds.
    pub patience_ms: u64,
    /// Batches in all.
    pub batches: u32,
    /// Name topics by id (versions from 13 on).
    pub by_id: bool,
    /// Batches that are made at their times, or as soon after as may be, in this order and before any that is drawn.
    pub timetable: Vec<TimedBatch>,
}

impl ProducerConfig {
    /// acks=all, one request at a time, tried again until it is answered; nothing to send yet.
    pub(crate) fn patient(topics: Vec<(String, i32)>, patience_ms: u64) -> ProducerConfig {
        ProducerConfig {
            topics,
            acks: -1,
            idempotent: false,
            in_flight: 1,
            retries: true,
            records_max: 1,
            padding_max: 0,
            think_ms: 1,
            patience_ms,
            batches: 0,
            by_id: false,
            timetable: Vec::new(),
        }
    }
}

/// One Produce request of a timetable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimedBatch {
    /// Virtual milliseconds after the start of the world.
    pub at_ms: u64,
    /// One batch for each partition: topic and partition.
    pub to: Vec<(String, i32)>,
    pub records: u32,
    /// Bytes of padding in each record.
    pub padding: u32,
}

const THINK: u64 = 2;
const BACKOFF: u64 = 3;
const TIMETABLE: u64 = 4;

#[derive(Debug)]
enum Sent {
    Metadata,
    Init,
    Batches(Vec<usize>),
}

/// A batch that is not finished.
#[derive(Clone, Copy, Debug)]
struct Pending {
    spec: Spec,
    /// An attempt ended without a definite answer: it may be in the log.
    doubtful: bool,
}

#[derive(Debug)]
pub(crate) struct Producer {
    config: ProducerConfig,
    rng: Rng,
    link: Link<Sent>,
    version: i16,
    ids: BTreeMap<String, u128>,
    /// Producer id and epoch, if idempotent and given.
    session: Option<(i64, i16)>,
    sequences: BTreeMap<(u128, u16, i32), i32>,
    orders: BTreeMap<(u128, u16, i32), u32>,
    pending: BTreeMap<usize, Pending>,
    again: VecDeque<usize>,
    made: u32,
    /// Entries of the timetable that are done.
    timed: usize,
    may_make: bool,
    backing_off: bool,
    stopped: bool,
}

impl Producer {
    pub(crate) fn new(config: ProducerConfig, seed: u64, name: &str) -> Producer {
        let mut rng = Rng::stream(seed, &format!("client/{name}"));
        let version = match config.by_id {
            true => draw_version(&mut rng, ApiKey::Produce, 13, i16::MAX),
            false => draw_version(&mut rng, ApiKey::Produce, 3, 12),
        };
        Producer {
            link: Link::new(config.patience_ms * 1_000_000),
            config,
            rng,
            version,
            ids: BTreeMap::new(),
            session: None,
            sequences: BTreeMap::new(),
            orders: BTreeMap::new(),
            pending: BTreeMap::new(),
            again: VecDeque::new(),
            made: 0,
            timed: 0,
            may_make: true,
            backing_off: false,
            stopped: false,
        }
    }

    pub(crate) fn on_start(&mut self, sim: &mut Sim, me: u32) {
        for entry in &self.config.timetable {
            sim.wake_client_after(me, (entry.at_ms * 1_000_000).saturating_sub(sim.now_ns()), TIMETABLE);
        }
        self.pump(sim, me);
    }

    /// No new batches; what is under way is finished.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn is_done(&self) -> bool {
        let all_made = self.timed >= self.config.timetable.len() && self.made >= self.config.batches;
        (self.stopped || all_made) && self.pending.is_empty()
    }

    pub(crate) fn on_wake(&mut self, sim: &mut Sim, me: u32, token: u64) {
        match token {
            PATIENCE => {
                if let Some(lost) = self.link.out_of_patience(sim, me) {
                    self.on_lost(sim, lost);
                }
            }
            THINK => self.may_make = true,
            BACKOFF => self.backing_off = false,
            _ => {}
        }
        self.pump(sim, me);
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, me: u32, conn: u32) {
        if let Some(lost) = self.link.broken(conn) {
            self.on_lost(sim, lost);
            self.back_off(sim, me);
        }
    }

    fn on_lost(&mut self, sim: &mut Sim, lost: Vec<Sent>) {
        let mut ops: Vec<usize> = Vec::new();
        for sent in lost {
            if let Sent::Batches(batch) = sent {
                ops.extend(batch);
            }
        }
        for op in &ops {
            if let Some(p) = self.pending.get_mut(op) {
                p.doubtful = true;
            }
        }
        if self.config.retries {
            self.again.extend(ops);
            self.again.make_contiguous().sort_unstable();
        } else {
            ops.into_iter().for_each(|op| self.finish(sim, op, Outcome::Unknown, -1));
            if self.config.idempotent {
                // A sequence of unknown fate cannot be followed by another one in this session.
                self.new_session(sim);
            }
        }
    }

    fn back_off(&mut self, sim: &mut Sim, me: u32) {
        if !self.backing_off {
            self.backing_off = true;
            sim.wake_client_after(me, self.rng.between(1_000_000, 100_000_000), BACKOFF);
        }
    }

    /// Send whatever may be sent now.
    fn pump(&mut self, sim: &mut Sim, me: u32) {
        if self.backing_off || (self.is_done() && self.again.is_empty()) {
            return;
        }
        if self.config.by_id && self.ids.len() < self.config.topics.len() {
            if !self.link.open_items().any(|s| matches!(s, Sent::Metadata)) {
                let names: Vec<String> = self.config.topics.iter().map(|(n, _)| n.clone()).collect();
                let version = draw_version(&mut self.rng, ApiKey::Metadata, 10, i16::MAX);
                self.link.send(sim, me, version, ask_metadata(&names), Sent::Metadata);
            }
            if self.ids.is_empty() {
                return;
            }
        }
        if self.config.idempotent && self.session.is_none() {
            if !self.link.open_items().any(|s| matches!(s, Sent::Init)) {
                let request =
                    msg::InitProducerIdRequest::default().with_transactional_id(None).with_transaction_timeout_ms(60_000);
                let version = draw_version(&mut self.rng, ApiKey::InitProducerId, 0, 5);
                self.link.send(sim, me, version, Request::InitProducerId(request), Sent::Init);
            }
            return;
        }
        // Asking for ids, again and again where a topic is gone, must not hold up what is to be sent.
        let asking = usize::from(self.link.open_items().any(|s| matches!(s, Sent::Metadata)));
        while self.link.open() < self.config.in_flight + asking {
            if let Some(op) = self.again.pop_front() {
                self.send(sim, me, vec![op]);
                continue;
            }
            // A producer that retries does so before it goes on: the order within a partition depends on it.
            if let Some(entry) = self.config.timetable.get(self.timed).filter(|_| !self.stopped) {
                if entry.at_ms * 1_000_000 > sim.now_ns() {
                    return;
                }
                self.timed += 1;
                self.make_timed(sim, me, &entry.clone());
                continue;
            }
            if self.stopped || !self.may_make || self.made >= self.config.batches {
                return;
            }
            self.make(sim, me);
        }
    }

    fn make(&mut self, sim: &mut Sim, me: u32) {
        let wanted = if self.rng.chance(1, 4) { self.rng.between(2, 3) } else { 1 };
        let mut ops: Vec<usize> = Vec::new();
        for _ in 0..wanted {
            let Some((topic, partitions)) = self.rng.pick(&self.config.topics).cloned() else { return };
            let partition = self.rng.below(partitions as u64) as i32;
            let topic_id = if self.config.by_id { self.ids.get(&topic).copied() } else { Some(0) };
            let Some(topic_id) = topic_id else { continue };
            let place = Place { topic: sim.history.topic(&topic), partition, topic_id };
            if ops.iter().any(|op| sim.history.produces[*op].place == place) {
                continue;
            }
            let count = self.rng.between(1, u64::from(self.config.records_max.max(1))) as u32;
            let padding = self.rng.below(u64::from(self.config.padding_max) + 1) as u32;
            ops.push(self.new_op(sim, me, place, count, padding));
        }
        self.made += 1;
        if self.config.think_ms > 0 {
            self.may_make = false;
            sim.wake_client_after(me, self.rng.below(self.config.think_ms * 2_000_000), THINK);
        }
        if !ops.is_empty() {
            self.send(sim, me, ops);
        }
    }

    /// Make what an entry of the timetable says, but for topics that are not there.
    fn make_timed(&mut self, sim: &mut Sim, me: u32, entry: &TimedBatch) {
        let mut ops = Vec::new();
        for (topic, partition) in &entry.to {
            let topic_id = if self.config.by_id { self.ids.get(topic).copied() } else { Some(0) };
            let Some(topic_id) = topic_id else { continue };
            let place = Place { topic: sim.history.topic(topic), partition: *partition, topic_id };
            ops.push(self.new_op(sim, me, place, entry.records, entry.padding));
        }
        if !ops.is_empty() {
            self.send(sim, me, ops);
        }
    }

    fn new_op(&mut self, sim: &mut Sim, me: u32, place: Place, count: u32, padding: u32) -> usize {
        let op = sim.history.produces.len();
        let key = (place.topic_id, place.topic, place.partition);
        let producer = self.session.map(|(id, epoch)| {
            let next = self.sequences.entry(key).or_insert(0);
            let sequence = *next;
            *next = (i64::from(sequence) + i64::from(count)).rem_euclid(1 << 31) as i32;
            (id, epoch, sequence)
        });
        let order = self.orders.entry(key).or_insert(0);
        *order += 1;
        let spec = Spec { first_value: History::value_of(op), count, padding, timestamp: sim.client_wall_ms(me), producer };
        self.pending.insert(op, Pending { spec, doubtful: false });
        sim.history.produces.push(ProduceOp {
            client: me,
            place,
            acks: self.config.acks,
            count,
            padding,
            producer,
            invoked: sim.now_ns(),
            sent: sim.now_ns(),
            ended: 0,
            outcome: Outcome::Open,
            base_offset: -1,
            attempts: 0,
            order: *order,
            dressed: false,
        });
        op
    }

    fn send(&mut self, sim: &mut Sim, me: u32, ops: Vec<usize>) {
        let mut topics: Vec<ProduceTopic> = Vec::new();
        for op in &ops {
            let Some(pending) = self.pending.get(op) else { continue };
            let now = sim.now_ns();
            let entry = &mut sim.history.produces[*op];
            (entry.attempts, entry.sent) = (entry.attempts + 1, now);
            let place = entry.place;
            let partition = ProducePartition { index: place.partition, records: Ok(batch::build(pending.spec)) };
            let name = if self.config.by_id { String::new() } else { sim.history.topics[place.topic as usize].clone() };
            let id = TopicId(uuid_of(place.topic_id));
            match topics.iter_mut().find(|t| t.name == name && t.id == id) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(ProduceTopic { name, id, partitions: vec![partition] }),
            }
        }
        if topics.is_empty() {
            return;
        }
        let request = produce(self.config.acks, (self.config.patience_ms / 2) as i32, topics);
        if self.config.acks == 0 {
            self.link.send(sim, me, self.version, request, Sent::Metadata);
            ops.into_iter().for_each(|op| self.finish(sim, op, Outcome::Unknown, -1));
        } else {
            self.link.send(sim, me, self.version, request, Sent::Batches(ops));
        }
    }

    pub(crate) fn on_response(&mut self, sim: &mut Sim, me: u32, conn: u32, (correlation, _, response): Got) {
        let Some(sent) = self.link.answered(conn, correlation) else { return };
        match (sent, response) {
            (Sent::Metadata, Response::Metadata(answer)) => {
                let known = ids_in(&answer);
                if known.len() < self.config.topics.len() {
                    self.back_off(sim, me);
                }
                self.ids = known.into_iter().map(|(name, id, _)| (name, id)).collect();
            }
            (Sent::Init, Response::InitProducerId(answer)) => {
                if answer.error_code == 0 {
                    self.session = Some((answer.producer_id.0, answer.producer_epoch));
                } else {
                    self.back_off(sim, me);
                }
            }
            (Sent::Batches(ops), Response::Produce(answer)) => {
                let mut codes = Vec::with_capacity(ops.len());
                for op in ops {
                    let place = sim.history.produces[op].place;
                    let name = &sim.history.topics[place.topic as usize];
                    let part = answer
                        .responses
                        .iter()
                        .filter(|t| {
                            if self.config.by_id { t.topic_id.as_u128() == place.topic_id } else { t.name.0.as_str() == name }
                        })
                        .flat_map(|t| &t.partition_responses)
                        .find(|p| p.index == place.partition);
                    match part {
                        Some(part) => codes.push((op, part.error_code, part.base_offset)),
                        None => sim.fail(
                            Id::Codec.name(),
                            "a Produce answer without a partition that was asked",
                            format!("{place:?}"),
                        ),
                    }
                }
                // Successes first: a refusal may end the session, and with it whatever else has no good answer. What each answer
                // leaves in doubt is known before that.
                codes.sort_by_key(|(_, code, _)| *code != 0);
                for (op, code, _) in &codes {
                    if let (Verdict::Retry { doubtful: true }, Some(pending)) = (verdict(*code), self.pending.get_mut(op)) {
                        pending.doubtful = true;
                    }
                }
                codes.into_iter().for_each(|(op, code, base_offset)| self.on_answer(sim, me, op, code, base_offset));
            }
            (sent, other) => {
                sim.fail(Id::Codec.name(), "an answer of another kind than its request", format!("{sent:?}: {other:?}"))
            }
        }
        self.pump(sim, me);
    }

    fn on_answer(&mut self, sim: &mut Sim, me: u32, op: usize, code: i16, base_offset: i64) {
        let verdict = verdict(code);
        let Some(pending) = self.pending.get(&op) else { return };
        let ended_badly = if pending.doubtful { Outcome::Unknown } else { Outcome::Failed(code) };
        match verdict {
            Verdict::Ok => self.finish(sim, op, Outcome::Ok, base_offset),
            Verdict::Retry { .. } => {
                if self.config.by_id && matches!(code, 3 | 100) {
                    self.topic_gone(sim, op);
                    self.back_off(sim, me);
                } else if self.config.retries && !self.stopped_for_good(sim, op) {
                    self.again.push_back(op);
                    self.again.make_contiguous().sort_unstable();
                    self.back_off(sim, me);
                } else {
                    self.finish(sim, op, ended_badly, -1);
                    self.new_session(sim);
                }
            }
            Verdict::OutOfOrder if self.has_earlier(sim, op) && self.config.retries => {
                // An earlier batch of this partition will be sent again first.
                self.again.push_back(op);
                self.again.make_contiguous().sort_unstable();
                self.back_off(sim, me);
            }
            Verdict::OutOfOrder | Verdict::Failed => {
                self.finish(sim, op, ended_badly, -1);
                self.new_session(sim);
            }
        }
    }

    /// A retry would go on for ever: the topic may be gone.
    fn stopped_for_good(&self, sim: &Sim, op: usize) -> bool {
        self.stopped && sim.history.produces[op].attempts > 30
    }

    fn has_earlier(&self, sim: &Sim, op: usize) -> bool {
        let place = sim.history.produces[op].place;
        self.pending.keys().any(|o| *o < op && sim.history.produces[*o].place == place)
    }

    /// The incarnation of the topic that a batch was for is gone.
    fn topic_gone(&mut self, sim: &mut Sim, op: usize) {
        let place = sim.history.produces[op].place;
        let ops: Vec<usize> =
            self.pending.keys().copied().filter(|o| sim.history.produces[*o].place.topic_id == place.topic_id).collect();
        let name = sim.history.topics[place.topic as usize].clone();
        if self.ids.get(&name) == Some(&place.topic_id) {
            self.ids.remove(&name);
        }
        self.again.retain(|o| !ops.contains(o));
        for other in ops {
            let doubtful = self.pending.get(&other).is_some_and(|p| p.doubtful) || (other != op && self.in_flight(other));
            self.finish(sim, other, if doubtful { Outcome::Unknown } else { Outcome::Failed(100) }, -1);
        }
    }

    fn in_flight(&self, op: usize) -> bool {
        self.link.open_items().any(|s| matches!(s, Sent::Batches(ops) if ops.contains(&op)))
    }

    /// Begin again under a new producer id: everything unfinished keeps whatever fate it has.
    fn new_session(&mut self, sim: &mut Sim) {
        if !self.config.idempotent || self.session.is_none() {
            return;
        }
        self.session = None;
        self.sequences.clear();
        self.again.clear();
        let ops: Vec<usize> = self.pending.keys().copied().collect();
        for op in ops {
            let doubtful = self.pending.get(&op).is_some_and(|p| p.doubtful) || self.in_flight(op);
            self.finish(sim, op, if doubtful { Outcome::Unknown } else { Outcome::Failed(45) }, -1);
        }
    }

    fn finish(&mut self, sim: &mut Sim, op: usize, outcome: Outcome, base_offset: i64) {
        if self.pending.remove(&op).is_some() {
            let now = sim.now_ns();
            let entry = &mut sim.history.produces[op];
            entry.ended = now;
            entry.outcome = outcome;
            entry.base_offset = base_offset;
        }
    }
}

pub(crate) fn uuid_of(id: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(id)
}

enum Verdict {
    Ok,
    /// Not now; `doubtful`: the batch may have been appended all the same.
    Retry {
        doubtful: bool,
    },
    OutOfOrder,
    Failed,
}

/// What an error code says about the batch, as Kafka's own producer reads it.
fn verdict(code: i16) -> Verdict {
    match code {
        0 | 46 => Verdict::Ok,
        // NOT_ENOUGH_REPLICAS_AFTER_APPEND, REQUEST_TIMED_OUT, UNKNOWN_SERVER_ERROR
        20 | 7 | -1 => Verdict::Retry { doubtful: true },
        // UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, UNKNOWN_TOPIC_ID, and
        // KAFKA_STORAGE_ERROR, after which librdkafka calls a record not persisted
        3 | 5 | 6 | 19 | 56 | 100 => Verdict::Retry { doubtful: false },
        45 => Verdict::OutOfOrder,
        _ => Verdict::Failed,
    }
}
