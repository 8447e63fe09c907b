//! Records that the client is handed, on their way: where they were sent, under which sequence, how they ended.
//!
//! State       which operations are open.
//! Takes       the client's Produce requests as they leave; `Delivered` and `NotDelivered`.
//! Gives       one `ProduceOp` a record, with the outcome that the client reported.
//! Holds       a record that the client calls not done is `Failed`: it must never be seen; one of unknown fate is `Unknown`.
//! Not here    whether the log agrees (checks/history.rs).

use super::asking::Acked;
use super::{LENIENCY_NS, LibraryConfig, complain};
use crate::batch;
use crate::checks::Id;
use crate::history::{History, Outcome, Place, ProduceOp};
use crate::world::Sim;
use bytes::Bytes;
use ottla_core::client::{Certainty, ClientError, ClientInput, NewRecord, Token, TopicPartition};
use ottla_core::ids::Offset;
use ottla_core::rng::Rng;
use ottla_core::wire::Produce;
use ottla_core::wire::batch::RecordHeader;
use std::collections::{BTreeMap, BTreeSet};

/// The error code in the history for a record that the client gave up before it could be anywhere.
pub(crate) const GIVEN_UP: i16 = -1001;

#[derive(Debug)]
pub(super) struct Writing {
    topics: Vec<(String, i32)>,
    acks: i16,
    idempotent: bool,
    padding_max: u32,
    /// By when a record must have ended, after it was handed in.
    ends_within_ns: u64,
    made: u32,
    open: BTreeSet<usize>,
    /// The last record that was acknowledged in each partition: producer id, epoch, sequence.
    acked: BTreeMap<(u16, i32), (i64, i16, i32)>,
}

impl Writing {
    pub(super) fn new(config: &LibraryConfig) -> Writing {
        Writing {
            topics: config.topics.clone(),
            acks: config.acks,
            idempotent: config.idempotent,
            padding_max: config.padding_max,
            ends_within_ns: (config.delivery_ms + config.request_ms) * 1_000_000 + LENIENCY_NS,
            made: 0,
            open: BTreeSet::new(),
            acked: BTreeMap::new(),
        }
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// How many records were drawn.
    pub(super) fn made(&self) -> u32 {
        self.made
    }

    /// What was acknowledged last in each partition of a topic.
    pub(super) fn acked(&self, sim: &mut Sim, topic: &str) -> Vec<Acked> {
        let topic = sim.history.topic(topic);
        let here = self.acked.iter().filter(|((t, _), _)| *t == topic);
        here.map(|((_, partition), (id, epoch, sequence))| (*partition, *id, *epoch, *sequence)).collect()
    }

    /// The next record as the seed says, to `topic` if there is one.
    pub(super) fn record(&mut self, sim: &mut Sim, me: u32, rng: &mut Rng, topic: Option<&str>) -> ClientInput {
        self.made += 1;
        if let Some(topic) = topic {
            let padding = rng.below(u64::from(self.padding_max) + 1) as u32;
            return self.record_to(sim, me, topic, None, padding);
        }
        let (topic, partitions) = rng.pick(&self.topics).cloned().unwrap_or_default();
        let partition = rng.chance(1, 2).then(|| rng.below(partitions.max(1) as u64) as i32);
        let padding = rng.below(u64::from(self.padding_max) + 1) as u32;
        self.record_to(sim, me, &topic, partition, padding)
    }

    pub(super) fn record_to(&mut self, sim: &mut Sim, me: u32, topic: &str, partition: Option<i32>, padding: u32) -> ClientInput {
        let op = sim.history.produces.len();
        let order = op as u32;
        let place = Place { topic: sim.history.topic(topic), partition: partition.unwrap_or(-1), topic_id: 0 };
        sim.history.produces.push(ProduceOp {
            client: me,
            place,
            acks: self.acks,
            count: 1,
            padding,
            producer: None,
            invoked: sim.now_ns(),
            // The client of core sends again without a word.
            sent: sim.now_ns(),
            ended: 0,
            outcome: Outcome::Open,
            base_offset: -1,
            attempts: 0,
            order,
            dressed: true,
        });
        self.open.insert(op);
        let dress = batch::dress(History::value_of(op), padding);
        let header = |(key, value): (Vec<u8>, Option<Vec<u8>>)| RecordHeader { key: key.into(), value: value.map(Bytes::from) };
        let record = NewRecord {
            topic: topic.to_owned(),
            partition,
            key: dress.key.map(Bytes::from),
            value: dress.value.map(Bytes::from),
            headers: dress.headers.into_iter().map(header).collect(),
            timestamp: None,
        };
        ClientInput::Produce { token: Token(op as u64), record }
    }

    /// A Produce request leaves: the records in it are on their way to a partition, perhaps not for the first time.
    pub(super) fn on_sent(&mut self, sim: &mut Sim, produce: &Produce, ids: &BTreeMap<u128, String>) {
        for topic in &produce.topics {
            let name = if topic.name.is_empty() { ids.get(&topic.id.0.as_u128()) } else { Some(&topic.name) };
            let Some(name) = name.map(|n| sim.history.topic(n)) else {
                return complain(sim, "records are sent to a topic id that no broker has named", format!("{:?}", topic.id));
            };
            for partition in &topic.partitions {
                let Ok(checked) = &partition.records else { continue };
                for (pos, head) in batch::batches(&checked.bytes) {
                    let Some(records) = batch::records(&checked.bytes[pos..pos + head.size]) else {
                        return complain(sim, "a batch is sent that does not parse", format!("{head:?}"));
                    };
                    for (at, (_, value)) in records.into_iter().enumerate() {
                        let place = Place { topic: name, partition: partition.index, topic_id: 0 };
                        let sequence = (i64::from(head.base_sequence) + at as i64).rem_euclid(1 << 31) as i32;
                        let producer = (head.producer_id >= 0).then_some((head.producer_id, head.producer_epoch, sequence));
                        self.on_record_sent(sim, value, place, producer);
                    }
                }
            }
        }
    }

    fn on_record_sent(&mut self, sim: &mut Sim, value: u64, place: Place, producer: Option<(i64, i16, i32)>) {
        sim.watch.tally.count(Id::Library);
        let Some((op, _)) = sim.history.writer_of(value).filter(|(op, _)| self.open.contains(op)) else {
            return complain(sim, "a record is sent that nobody waits for", format!("{value:#x} to {place:?}"));
        };
        let entry = &mut sim.history.produces[op];
        let known = entry.place;
        if known.topic != place.topic || (known.partition >= 0 && known.partition != place.partition) {
            let text = format!("operation {op}: {known:?}, then {place:?}");
            return complain(sim, "a record is sent to another partition than before, or than was asked", text);
        }
        if self.idempotent != producer.is_some() {
            return complain(sim, "a batch has a sequence, or has none, against its configuration", format!("operation {op}"));
        }
        entry.place = place;
        entry.producer = producer;
        entry.attempts += 1;
    }

    pub(super) fn delivered(&mut self, sim: &mut Sim, token: Token, partition: &TopicPartition, offset: Offset) {
        let Some(op) = self.end(sim, token) else { return };
        let entry = &mut sim.history.produces[op];
        let named = (sim.history.topics[entry.place.topic as usize].as_str(), entry.place.partition);
        if entry.attempts == 0 || named != (partition.topic.as_str(), partition.index) {
            let text = format!("operation {op}: {:?} sent {} times, delivered to {partition}", entry.place, entry.attempts);
            return complain(sim, "a record is delivered where it was not sent", text);
        }
        // Without acknowledgements, delivered means sent.
        entry.outcome = if self.acks == 0 { Outcome::Unknown } else { Outcome::Ok };
        entry.base_offset = if self.acks == 0 { -1 } else { offset.0 };
        if let Some(producer) = entry.producer {
            let place = (entry.place.topic, entry.place.partition);
            let last = self.acked.entry(place).or_insert(producer);
            *last = producer.max(*last);
        }
    }

    pub(super) fn not_delivered(&mut self, sim: &mut Sim, token: Token, error: &ClientError, certainty: Certainty) {
        let Some(op) = self.end(sim, token) else { return };
        let code = match error {
            ClientError::Broker { code, .. } => code.0,
            _ => GIVEN_UP,
        };
        sim.history.produces[op].outcome = match certainty {
            Certainty::NotDone => Outcome::Failed(code),
            Certainty::Unknown => Outcome::Unknown,
        };
    }

    fn end(&mut self, sim: &mut Sim, token: Token) -> Option<usize> {
        sim.watch.tally.count(Id::Library);
        let op = token.0 as usize;
        if !self.open.remove(&op) {
            complain(sim, "a record ends twice", format!("operation {op}"));
            return None;
        }
        sim.history.produces[op].ended = sim.now_ns();
        Some(op)
    }

    /// Nothing that was handed in waits for longer than its time.
    pub(super) fn check_late(&self, sim: &mut Sim) {
        let Some(oldest) = self.open.first().copied() else { return };
        sim.watch.tally.count(Id::Library);
        let since = sim.history.produces[oldest].invoked;
        if sim.now_ns() > since + self.ends_within_ns {
            let text = format!("operation {oldest}, handed in at {since} ns, has not ended");
            complain(sim, "a record waits for longer than its delivery timeout", text);
        }
    }
}
