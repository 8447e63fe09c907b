//! Records on their way out: batched per partition, sent in order, sent again until they are acknowledged, refused or too old.
//!
//! State       records that wait for metadata; per partition the batches waiting and in flight; the producer id.
//! Takes       records; verdicts on batches; the loss of a request; time.
//! Gives       the contents of Produce requests; `Delivered` or `NotDelivered` for every record.
//! Holds       with idempotence, the batches of a partition reach the log once and in order, whatever is lost on the way: a sequence
//!             number is given to a batch when it first leaves and changes only under a new epoch, after a definite answer.
//! Not here    which connection carries what (`mod.rs`), leaders (`metadata.rs`).
//! Read first  `drain`, `on_result`. Background: KIP-98, KIP-360, KIP-480.

use super::Ctx;
use super::api::{Acks, ClientError, ClientEvent, NewRecord, Token, TopicPartition};
use super::connection::backoff;
use super::error::{Certainty, Code, Verdict};
use super::metadata::Metadata;
use super::partitioner::{self, Sticky};
use crate::ids::Offset;
use crate::ids::TopicId;
use crate::io::Deadline;
use crate::planted::Bug;
use crate::time::{Instant, Now, Timestamp};
use crate::wire::batch::{BatchBuilder, Checked, HEADER_BYTES, header::sequence_after};
use crate::wire::compress::Compression;
use crate::wire::{Produce, ProducePartition, ProduceTopic};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

/// The place of a batch in the order of acceptance: that of its first record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Order(u64);

#[derive(Debug)]
struct Pending {
    order: Order,
    token: Token,
    record: NewRecord,
    timestamp: Timestamp,
    born: Instant,
}

/// Who sends, and where in its sequence a batch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sequence {
    id: i64,
    epoch: i16,
    base: i32,
}

#[derive(Debug)]
struct Batch {
    records: Vec<Pending>,
    bytes: usize,
    /// No more records may join.
    sealed: bool,
    attempts: u32,
    sequence: Option<Sequence>,
    /// An attempt was lost, and may have been appended, or may arrive yet.
    uncertain: bool,
    encoded: Option<Checked>,
    /// The id of the topic to which it was sent last.
    sent_to: Uuid,
    last: String,
}

#[derive(Debug, Default)]
struct Queue {
    /// In order. Only the last may be open.
    waiting: VecDeque<Batch>,
    /// In order of sending.
    in_flight: Vec<Batch>,
    /// The id and epoch under which this partition is written, and the sequence of the next new batch.
    next: Option<Sequence>,
    /// The topic's id under which a batch of this id and epoch was acknowledged: the leader knows them there, and refuses what does not
    /// follow. Of a producer that it does not know it takes any sequence, so that the second batch could overtake the first.
    known: Option<Uuid>,
    not_before: Option<Instant>,
    /// What waits must be numbered anew, under a higher epoch, as soon as nothing is in flight.
    renumber: bool,
}

/// The producer id that the broker gave.
#[derive(Debug, Clone, Copy)]
enum Identity {
    Wanted { not_before: Instant, failures: u32 },
    Asked { failures: u32 },
    Known { id: i64, epoch: i16 },
}

/// A batch that a Produce request carries.
pub(super) type Sent = (TopicPartition, Order);

/// The answer to one partition of a Produce request.
#[derive(Debug, Clone)]
pub(super) struct PartitionResult {
    pub code: Code,
    pub message: Option<String>,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
}

/// The machine.
#[derive(Debug)]
pub(super) struct Producer {
    accepted: u64,
    /// Batches of records accepted before this one go at once.
    flush_below: Order,
    unrouted: BTreeMap<String, VecDeque<Pending>>,
    queues: BTreeMap<TopicPartition, Queue>,
    sticky: Sticky,
    identity: Identity,
    buffered_bytes: usize,
}

impl Batch {
    fn order(&self) -> Order {
        self.records[0].order
    }

    fn of(record: Pending) -> Batch {
        let bytes = HEADER_BYTES + record.record.size();
        Batch {
            records: vec![record],
            bytes,
            sealed: false,
            attempts: 0,
            sequence: None,
            uncertain: false,
            encoded: None,
            sent_to: Uuid::nil(),
            last: "it was not sent yet".to_owned(),
        }
    }

    fn certainty(&self) -> Certainty {
        if self.uncertain { Certainty::Unknown } else { Certainty::NotDone }
    }

    fn count(&self) -> i32 {
        i32::try_from(self.records.len()).expect("a batch has fewer records than its bytes")
    }

    fn expires_at(&self, ctx: &Ctx<'_>) -> Instant {
        self.records[0].born.after(ctx.config.producer.delivery_timeout)
    }

    fn encode(&mut self, compression: Compression) -> Result<Checked, String> {
        if let Some(encoded) = &self.encoded {
            return Ok(encoded.clone());
        }
        let mut builder = BatchBuilder::new(compression);
        if let Some(s) = self.sequence {
            builder = builder.producer(s.id, s.epoch, s.base);
        }
        for Pending { record, timestamp, .. } in &self.records {
            let headers = record.headers.iter().map(|h| (&h.key[..], h.value.as_deref()));
            builder.push(timestamp.0, record.key.as_deref(), record.value.as_deref(), headers);
        }
        let encoded = builder.build()?;
        self.encoded = Some(encoded.clone());
        Ok(encoded)
    }
}

fn fits(records: Checked, frame_bytes_max: usize) -> Result<Checked, String> {
    // The rest of the request is its head and the topic's name.
    match records.bytes.len() {
        len if len > frame_bytes_max.saturating_sub(1024) => Err(format!(
            "a batch of {len} bytes does not fit into a request: this client sends none of more than {frame_bytes_max} bytes, \
             which is what brokers take unless their socket.request.max.bytes says otherwise"
        )),
        _ => Ok(records),
    }
}

impl Queue {
    fn join(&mut self, record: Pending, batch_bytes_max: usize) {
        let size = record.record.size();
        match self.waiting.back_mut() {
            Some(open) if !open.sealed && open.bytes + size <= batch_bytes_max => {
                open.bytes += size;
                open.records.push(record);
            }
            last => {
                if let Some(full) = last {
                    full.sealed = true;
                }
                self.waiting.push_back(Batch::of(record));
            }
        }
    }

    /// Put a batch back where its order says.
    fn requeue(&mut self, mut batch: Batch) {
        batch.sealed = true;
        let at = self.waiting.partition_point(|b| b.order() < batch.order());
        self.waiting.insert(at, batch);
    }

    fn is_oldest(&self, order: Order) -> bool {
        self.waiting.front().is_none_or(|b| b.order() > order) && self.in_flight.iter().all(|b| b.order() >= order)
    }

    /// When the first waiting batch may leave, to the topic of this id; `None` while nothing waits, or while it must wait for an answer.
    fn due_at(&self, ctx: &Ctx<'_>, topic: Option<Uuid>, flush_below: Order) -> Option<Instant> {
        let first = self.waiting.front()?;
        let p = &ctx.config.producer;
        let must_wait = self.renumber && !self.in_flight.is_empty()
            || p.idempotent && self.in_flight.len() >= if self.known.is_some() && self.known == topic { p.in_flight_max } else { 1 }
            // A batch that is sent again goes only when everything before it is answered.
            || p.idempotent && first.attempts > 0 && self.in_flight.iter().any(|b| b.order() < first.order());
        if must_wait {
            return None;
        }
        let full = first.sealed || first.attempts > 0 || first.bytes >= p.batch_bytes_max || first.order() < flush_below;
        let ready = if full { Instant::default() } else { first.records[0].born.after(p.linger) };
        Some(self.not_before.map_or(ready, |at| at.max(ready)))
    }
}

impl Producer {
    pub(super) fn new() -> Producer {
        Producer {
            accepted: 0,
            flush_below: Order(0),
            unrouted: BTreeMap::new(),
            queues: BTreeMap::new(),
            sticky: Sticky::default(),
            identity: Identity::Wanted { not_before: Instant::default(), failures: 0 },
            buffered_bytes: 0,
        }
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// Whether any record was ever handed in.
    fn is_used(&self) -> bool {
        self.accepted > 0
    }

    /// Accept a record, or end it at once.
    pub(super) fn accept(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata, token: Token, record: NewRecord) {
        let p = &ctx.config.producer;
        let refusal = if self.buffered_bytes >= p.buffer_bytes_max {
            Some(ClientError::BufferFull)
        } else if record.topic.is_empty() {
            Some(ClientError::Invalid { what: "a record needs a topic".to_owned() })
        } else if record.partition.is_some_and(|index| index < 0) {
            Some(ClientError::Invalid { what: "a partition is not negative".to_owned() })
        } else {
            None
        };
        if let Some(error) = refusal {
            ctx.event(ClientEvent::NotDelivered { token, error, certainty: Certainty::NotDone });
            return;
        }
        self.buffered_bytes += record.size();
        metadata.want(ctx.now, &record.topic);
        let timestamp = record.timestamp.unwrap_or(ctx.now.wall);
        let pending = Pending { order: Order(self.accepted), token, record, timestamp, born: ctx.now.mono };
        self.accepted += 1;
        // Records of one topic are routed in the order of their acceptance.
        match self.unrouted.get_mut(&pending.record.topic) {
            Some(before) => before.push_back(pending),
            None => self.route(ctx, metadata, pending),
        }
    }

    pub(super) fn flush(&mut self) {
        self.flush_below = Order(self.accepted);
    }

    /// Metadata has changed: route what waited for it.
    pub(super) fn reroute(&mut self, ctx: &mut Ctx<'_>, metadata: &Metadata) {
        for pending in std::mem::take(&mut self.unrouted).into_values().flatten() {
            match self.unrouted.get_mut(&pending.record.topic) {
                Some(before) => before.push_back(pending),
                None => self.route(ctx, metadata, pending),
            }
        }
    }

    fn route(&mut self, ctx: &mut Ctx<'_>, metadata: &Metadata, pending: Pending) {
        let record = &pending.record;
        let known = metadata.topic(&record.topic).filter(|t| !t.partitions.is_empty());
        let Some(topic) = known else {
            match metadata.topic(&record.topic).map_or(Code::NONE, |t| t.error) {
                Code::NONE | Code::UNKNOWN_TOPIC_OR_PARTITION | Code::LEADER_NOT_AVAILABLE | Code::UNKNOWN_TOPIC_ID => {
                    self.unrouted.entry(record.topic.clone()).or_default().push_back(pending);
                }
                code => {
                    let message = Some(format!("topic '{}': {}", record.topic, code.text()));
                    self.end(ctx, pending, ClientError::Broker { code, message }, Certainty::NotDone);
                }
            }
            return;
        };
        let count = i32::try_from(topic.partitions.len()).expect("a topic has fewer than 2^31 partitions");
        let index = match (record.partition, &record.key) {
            (Some(index), _) => index,
            (None, Some(key)) => partitioner::of_key(key, count),
            (None, None) => {
                let led: Vec<i32> = topic.partitions.iter().filter(|(_, p)| p.leader.is_some()).map(|(i, _)| *i).collect();
                let all: Vec<i32> = topic.partitions.keys().copied().collect();
                let candidates = if led.is_empty() { &all } else { &led };
                let max = ctx.config.producer.batch_bytes_max;
                self.sticky.choose(&record.topic, candidates, record.size(), max, ctx.rng).expect("a topic has a partition")
            }
        };
        if !topic.partitions.contains_key(&index) {
            let message = Some(format!("topic '{}' has no partition {index}, only 0 to {}", record.topic, count - 1));
            let error = ClientError::Broker { code: Code::UNKNOWN_TOPIC_OR_PARTITION, message };
            self.end(ctx, pending, error, Certainty::NotDone);
            return;
        }
        let partition = TopicPartition { topic: record.topic.clone(), index };
        self.queues.entry(partition).or_default().join(pending, ctx.config.producer.batch_bytes_max);
    }

    /// Whether InitProducerId should be asked for now.
    pub(super) fn wants_identity(&self, ctx: &Ctx<'_>) -> bool {
        let due = matches!(self.identity, Identity::Wanted { not_before, .. } if not_before <= ctx.now.mono);
        due && self.is_used() && ctx.config.producer.idempotent
    }

    pub(super) fn on_identity_asked(&mut self) {
        if let Identity::Wanted { failures, .. } = self.identity {
            self.identity = Identity::Asked { failures };
        }
    }

    /// The answer to InitProducerId. An error that no retry can mend ends everything that waits.
    pub(super) fn on_identity(&mut self, ctx: &mut Ctx<'_>, answer: Result<(i64, i16), Code>) {
        match answer {
            Ok((id, epoch)) => self.identity = Identity::Known { id, epoch },
            Err(code)
                if matches!(code.verdict(), Verdict::Final(_)) && code != Code(14) && code != Code(15) && code != Code(16) =>
            {
                self.identity_failed(ctx);
                let waiting: Vec<Batch> = self.queues.values_mut().flat_map(|q| std::mem::take(&mut q.waiting)).collect();
                for batch in waiting {
                    let message = Some(format!("no producer id: {}", code.text()));
                    self.fail(ctx, batch, &ClientError::Broker { code, message }, Certainty::NotDone);
                }
            }
            Err(_) => self.identity_failed(ctx),
        }
    }

    /// The request for a producer id was lost or refused.
    pub(super) fn identity_failed(&mut self, ctx: &mut Ctx<'_>) {
        if let Identity::Asked { failures } = self.identity {
            let failures = failures + 1;
            let not_before = ctx.now.mono.after(backoff(ctx.config, failures, ctx.rng));
            self.identity = Identity::Wanted { not_before, failures };
        }
    }

    /// The brokers to which something could go now. Partitions without a leader put their topic in doubt.
    pub(super) fn ready_brokers(&self, ctx: &mut Ctx<'_>, metadata: &mut Metadata) -> BTreeSet<i32> {
        let mut brokers = BTreeSet::new();
        let no_identity = ctx.config.producer.idempotent && !matches!(self.identity, Identity::Known { .. });
        for (partition, queue) in &self.queues {
            if queue.due_at(ctx, metadata.id_of(&partition.topic), self.flush_below).is_none_or(|at| at > ctx.now.mono) {
                continue;
            }
            match metadata.leader(partition) {
                Some(_) if no_identity => {}
                Some(broker) => {
                    brokers.insert(broker);
                }
                None => metadata.doubt(ctx, &partition.topic),
            }
        }
        brokers
    }

    /// The next Produce request to a broker: at most one batch of each partition that it leads. `by_id`: name topics by id.
    pub(super) fn drain(
        &mut self,
        ctx: &mut Ctx<'_>,
        metadata: &Metadata,
        broker: i32,
        by_id: bool,
    ) -> Option<(Produce, Vec<Sent>)> {
        let mut topics: BTreeMap<String, ProduceTopic> = BTreeMap::new();
        let mut sent = Vec::new();
        let mut bytes = 0;
        let due: Vec<TopicPartition> = self
            .queues
            .iter()
            .filter(|(p, q)| {
                let due_at = q.due_at(ctx, metadata.id_of(&p.topic), self.flush_below);
                metadata.leader(p) == Some(broker) && due_at.is_some_and(|at| at <= ctx.now.mono)
            })
            .map(|(p, _)| p.clone())
            .collect();
        for partition in due {
            let id = metadata.id_of(&partition.topic).expect("its leader is known");
            let room = ctx.config.producer.request_bytes_max.saturating_sub(bytes);
            let Some((order, records)) = self.take(ctx, (&partition, id), room, sent.is_empty()) else { continue };
            bytes += records.bytes.len();
            let topic = topics.entry(partition.topic.clone()).or_insert_with(|| ProduceTopic {
                name: if by_id { String::new() } else { partition.topic.clone() },
                id: if by_id { TopicId(id) } else { TopicId::default() },
                partitions: Vec::new(),
            });
            topic.partitions.push(ProducePartition { index: partition.index, records: Ok(records) });
            sent.push((partition, order));
        }
        let acks = match ctx.config.producer.acks {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        };
        let timeout_ms = i32::try_from(ctx.config.request_timeout.as_millis()).unwrap_or(i32::MAX);
        let topics = topics.into_values().collect();
        (!sent.is_empty()).then(|| (Produce { transactional_id: None, acks, timeout_ms, topics }, sent))
    }

    /// Take the first batch of a queue for sending, if there is room for it. The first of a request always has room.
    fn take(
        &mut self,
        ctx: &mut Ctx<'_>,
        (partition, topic): (&TopicPartition, Uuid),
        room: usize,
        first: bool,
    ) -> Option<(Order, Checked)> {
        if ctx.config.producer.idempotent && !self.maybe_renumber(ctx, partition) {
            return None;
        }
        let identity = self.identity;
        let queue = self.queues.get_mut(partition).expect("the caller found it");
        let front = queue.waiting.front_mut()?;
        if ctx.config.producer.idempotent && front.sequence.is_none() {
            let Identity::Known { id, epoch } = identity else { return None };
            let next = *queue.next.get_or_insert(Sequence { id, epoch, base: 0 });
            front.sequence = Some(next);
            queue.next = Some(Sequence { base: sequence_after(next.base, front.count()), ..next });
        }
        front.sealed = true;
        let compression = Compression { codec: ctx.config.producer.compression, level: None };
        let bytes_max = ctx.config.producer.frame_bytes_max;
        let records = match front.encode(compression).and_then(|records| fits(records, bytes_max)) {
            Ok(records) => records,
            Err(what) => {
                let batch = queue.waiting.pop_front().expect("it is the front");
                queue.renumber |= batch.sequence.is_some();
                self.fail(ctx, batch, &ClientError::Invalid { what }, Certainty::NotDone);
                return None;
            }
        };
        if records.bytes.len() > room && !first {
            return None;
        }
        let mut batch = queue.waiting.pop_front().expect("it is the front");
        batch.attempts += 1;
        batch.sent_to = topic;
        queue.not_before = None;
        let order = batch.order();
        queue.in_flight.push(batch);
        Some((order, records))
    }

    /// Number what waits anew where that is needed and possible. False: not yet. A batch that was lost on the way keeps its fate: under
    /// a new epoch its late arrival could not be told from its second sending, so it ends as unknown instead.
    fn maybe_renumber(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition) -> bool {
        let queue = self.queues.get_mut(partition).expect("the caller found it");
        if !queue.renumber {
            return true;
        }
        if !queue.in_flight.is_empty() {
            return false;
        }
        (queue.renumber, queue.known) = (false, None);
        queue.next = match queue.next {
            Some(s) if s.epoch < i16::MAX => Some(Sequence { epoch: s.epoch + 1, base: 0, ..s }),
            _ => None,
        };
        if queue.next.is_none() {
            // The epochs of this id are used up (or there never was one): everything starts over with a new id.
            self.identity = Identity::Wanted { not_before: ctx.now.mono, failures: 0 };
        }
        let (lost, rest): (Vec<Batch>, Vec<Batch>) = queue.waiting.drain(..).partition(|b| b.uncertain);
        queue.waiting = rest.into();
        for batch in &mut queue.waiting {
            (batch.sequence, batch.encoded) = (None, None);
        }
        let restart = queue.next.is_none();
        for batch in lost {
            let last = format!("an earlier attempt was lost, and the partition had to start a new sequence ({})", batch.last);
            self.fail(ctx, batch, &ClientError::TimedOut { last }, Certainty::Unknown);
        }
        !restart
    }

    /// With acks=0, a request that was handed to the connection is the end.
    pub(super) fn on_sent_blind(&mut self, ctx: &mut Ctx<'_>, sent: &[Sent]) {
        for (partition, order) in sent {
            let nothing = PartitionResult { code: Code::NONE, message: None, base_offset: -1, log_append_time_ms: -1 };
            if let Some(batch) = self.take_in_flight(partition, *order) {
                self.succeed(ctx, partition, batch, &nothing);
            }
        }
    }

    /// The broker takes no Produce request that we know how to write: what was to be sent ends.
    pub(super) fn on_unsendable(&mut self, ctx: &mut Ctx<'_>, sent: &[Sent]) {
        for (partition, order) in sent {
            if let Some(batch) = self.take_in_flight(partition, *order) {
                let queue = self.queues.get_mut(partition).expect("its batch was there");
                queue.renumber |= batch.sequence.is_some() && !batch.uncertain;
                let certainty = batch.certainty();
                self.fail(ctx, batch, &ClientError::Unsupported { api: "Produce".to_owned() }, certainty);
            }
        }
    }

    fn take_in_flight(&mut self, partition: &TopicPartition, order: Order) -> Option<Batch> {
        let queue = self.queues.get_mut(partition)?;
        let at = queue.in_flight.iter().position(|b| b.order() == order)?;
        Some(queue.in_flight.remove(at))
    }

    /// A broker's answer to one batch.
    pub(super) fn on_result(
        &mut self,
        ctx: &mut Ctx<'_>,
        metadata: &mut Metadata,
        (partition, order): &Sent,
        result: &PartitionResult,
    ) {
        let Some(mut batch) = self.take_in_flight(partition, *order) else { return };
        if result.code.is_ok() {
            return self.succeed(ctx, partition, batch, result);
        }
        let error = ClientError::Broker { code: result.code, message: result.message.clone() };
        batch.last = error.to_string();
        let queue = self.queues.get_mut(partition).expect("its batch was there");
        let sequenced = batch.sequence.is_some();
        match result.code.verdict() {
            Verdict::Again { refresh, certainty } => {
                batch.uncertain |= certainty == Certainty::Unknown;
                if refresh {
                    metadata.doubt(ctx, &partition.topic);
                }
                queue.not_before = Some(ctx.now.mono.after(backoff(ctx.config, batch.attempts, ctx.rng)));
                queue.requeue(batch);
            }
            Verdict::Duplicate => self.succeed(ctx, partition, batch, &PartitionResult { base_offset: -1, ..result.clone() }),
            Verdict::OutOfOrder | Verdict::UnknownProducer if sequenced => {
                // Behind a batch that is still on its way, that is what must happen. The oldest batch has nothing before it: what
                // the broker lacks is lost (it was acknowledged, or given up), so a new epoch begins here.
                if queue.is_oldest(*order) {
                    queue.renumber = true;
                    queue.not_before = Some(ctx.now.mono.after(backoff(ctx.config, batch.attempts, ctx.rng)));
                }
                queue.requeue(batch);
            }
            Verdict::Split if batch.records.len() > 1 => self.split(ctx, partition, batch),
            verdict => {
                let certain = if verdict == Verdict::Final(Certainty::Unknown) { Certainty::Unknown } else { batch.certainty() };
                // What follows in the sequence will find a gap.
                queue.renumber |= sequenced;
                self.fail(ctx, batch, &error, certain);
            }
        }
    }

    /// Two halves in place of a batch that was too large, with the same sequence numbers.
    fn split(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition, mut batch: Batch) {
        let half = batch.records.split_off(batch.records.len() / 2);
        let first_count = batch.count();
        let part = |records: Vec<Pending>, sequence| Batch {
            bytes: HEADER_BYTES + records.iter().map(|r| r.record.size()).sum::<usize>(),
            records,
            sealed: true,
            attempts: batch.attempts,
            sequence,
            uncertain: batch.uncertain,
            encoded: None,
            sent_to: batch.sent_to,
            last: batch.last.clone(),
        };
        let second = batch.sequence.map(|s| Sequence { base: sequence_after(s.base, first_count), ..s });
        let halves = [part(std::mem::take(&mut batch.records), batch.sequence), part(half, second)];
        let queue = self.queues.get_mut(partition).expect("its batch was there");
        halves.into_iter().for_each(|half| queue.requeue(half));
        queue.not_before = Some(ctx.now.mono);
    }

    /// The connection was lost with these batches in flight.
    pub(super) fn on_lost(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata, sent: &[Sent], why: &str) {
        for (partition, order) in sent {
            let Some(mut batch) = self.take_in_flight(partition, *order) else { continue };
            batch.uncertain = !ctx.config.planted.has(Bug::ClientLossIsCertain);
            if ctx.config.planted.has(Bug::ClientNumbersAnew) {
                (batch.sequence, batch.encoded) = (None, None);
            }
            batch.last = format!("connection lost: {why}");
            metadata.doubt(ctx, &partition.topic);
            let queue = self.queues.get_mut(partition).expect("its batch was there");
            queue.not_before = Some(ctx.now.mono.after(backoff(ctx.config, batch.attempts, ctx.rng)));
            queue.requeue(batch);
        }
    }

    /// End what has waited for longer than the delivery timeout. What is in flight is waited for.
    pub(super) fn expire(&mut self, ctx: &mut Ctx<'_>, metadata: &Metadata) {
        let timeout = ctx.config.producer.delivery_timeout;
        let old = |p: &Pending, now: Now| p.born.after(timeout) <= now.mono;
        let mut late: Vec<Pending> = Vec::new();
        for waiting in self.unrouted.values_mut() {
            while let Some(pending) = waiting.pop_front_if(|p| old(p, ctx.now)) {
                late.push(pending);
            }
        }
        self.unrouted.retain(|_, waiting| !waiting.is_empty());
        for pending in late {
            let topic = &pending.record.topic;
            let last = match metadata.topic(topic).map(|t| t.error) {
                None => "no broker has answered".to_owned(),
                Some(code) => format!("topic '{topic}': {}", code.text()),
            };
            self.end(ctx, pending, ClientError::TimedOut { last }, Certainty::NotDone);
        }
        let mut expired = Vec::new();
        for (partition, queue) in &mut self.queues {
            while let Some(mut batch) = queue.waiting.pop_front_if(|b| b.expires_at(ctx) <= ctx.now.mono) {
                if let Some(code) = metadata.why_leaderless(partition) {
                    batch.last = code.told();
                }
                // Where it certainly is not in the log, what follows would find a gap.
                queue.renumber |= batch.sequence.is_some() && !batch.uncertain;
                expired.push(batch);
            }
        }
        for batch in expired {
            let (certainty, last) = (batch.certainty(), batch.last.clone());
            self.fail(ctx, batch, &ClientError::TimedOut { last }, certainty);
        }
    }

    pub(super) fn deadline(&self, ctx: &Ctx<'_>, metadata: &Metadata) -> Option<Deadline> {
        let timeout = ctx.config.producer.delivery_timeout;
        let unrouted = self.unrouted.values().filter_map(VecDeque::front).map(|p| p.born.after(timeout));
        let waiting = self.queues.values().filter_map(|q| q.waiting.front()).map(|b| b.expires_at(ctx));
        let expiry = unrouted.chain(waiting).min().map(|at| Deadline { at, why: "delivery-timeout" });
        // Without a leader or an id, it is their arrival that sets things going.
        let identity = match self.identity {
            Identity::Known { .. } => None,
            Identity::Wanted { not_before, .. } if ctx.config.producer.idempotent && self.is_used() => Some(not_before),
            _ => None,
        };
        let identity = identity.map(|at| Deadline { at, why: "producer-id" });
        let blocked = ctx.config.producer.idempotent && !matches!(self.identity, Identity::Known { .. });
        let due = self.queues.iter().filter(|(p, _)| !blocked && metadata.leader(p).is_some());
        let due = due
            .filter_map(|(p, q)| q.due_at(ctx, metadata.id_of(&p.topic), self.flush_below))
            .filter(|at| *at > ctx.now.mono)
            .min();
        let due = due.map(|at| Deadline { at, why: "linger" });
        [expiry, identity, due].into_iter().flatten().filter(|d| d.at > ctx.now.mono).min_by_key(|d| d.at)
    }

    fn succeed(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition, batch: Batch, result: &PartitionResult) {
        if let Some(queue) = self.queues.get_mut(partition) {
            let same = |(ours, its): (Sequence, Sequence)| (ours.id, ours.epoch) == (its.id, its.epoch);
            if queue.next.zip(batch.sequence).is_some_and(same) {
                queue.known = Some(batch.sent_to);
            }
        }
        for (pending, i) in batch.records.into_iter().zip(0i64..) {
            self.buffered_bytes -= pending.record.size();
            let i = if ctx.config.planted.has(Bug::ClientOffsetsOfBatch) { 0 } else { i };
            let offset = Offset(if result.base_offset < 0 { -1 } else { result.base_offset + i });
            let stamped = result.log_append_time_ms >= 0;
            let timestamp = if stamped { Timestamp(result.log_append_time_ms) } else { pending.timestamp };
            ctx.event(ClientEvent::Delivered { token: pending.token, partition: partition.clone(), offset, timestamp });
        }
    }

    fn fail(&mut self, ctx: &mut Ctx<'_>, batch: Batch, error: &ClientError, certainty: Certainty) {
        for pending in batch.records {
            self.end(ctx, pending, error.clone(), certainty);
        }
    }

    fn end(&mut self, ctx: &mut Ctx<'_>, pending: Pending, error: ClientError, certainty: Certainty) {
        self.buffered_bytes -= pending.record.size();
        ctx.event(ClientEvent::NotDelivered { token: pending.token, error, certainty });
    }

    /// Checked after every input.
    pub(super) fn check_invariants(&self, ctx: &Ctx<'_>) {
        for (partition, queue) in &self.queues {
            let open = queue.waiting.iter().rev().skip(1).any(|b| !b.sealed && b.attempts == 0 && b.sequence.is_none());
            assert!(!open, "{partition}: only the last batch is open");
            let sorted = queue.waiting.iter().zip(queue.waiting.iter().skip(1)).all(|(a, b)| a.order() < b.order());
            assert!(sorted, "{partition}: batches wait in order");
            let bound = ctx.config.producer.in_flight_max;
            assert!(!ctx.config.producer.idempotent || queue.in_flight.len() <= bound, "{partition}: at most {bound} in flight");
        }
    }
}
