//! Reading partitions by offset: where to start, incremental fetch sessions, what of an answer the reader gets to see.
//!
//! State       assigned partitions with their positions; a fetch session per broker.
//! Takes       assignments; answers to ListOffsets and Fetch; their loss; time.
//! Gives       the contents of ListOffsets and Fetch requests; records, ends reached, failures as events.
//! Holds       a position only moves forward, except by assignment or by the reset setting; records reach the reader once, in order.
//!             A position says nothing of a topic that was made anew under the same name.
//! Not here    groups. Truncation checks by leader epoch (KIP-320) beyond what the broker does with the epoch in the request.
//! Read first  `fetch_request`, `on_fetched`. Background: KIP-227 (sessions), KIP-516 (topic ids).

use super::Ctx;
use super::api::{ClientError, ClientEvent, Position, ReadRecord, Reset, TopicPartition};
use super::connection::backoff;
use super::error::Code;
use super::metadata::{Metadata, topic_name};
use crate::ids::Offset;
use crate::io::{Chunk, Deadline};
use crate::planted::Bug;
use crate::time::{Instant, Timestamp};
use crate::wire::batch::{batches, is_abort_marker, records};
use crate::wire::{Aborted, FetchPartitionReply, FetchReply, msg};
use bytes::BytesMut;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The offset must be asked for.
    Sought(Position),
    Offset(Offset),
}

#[derive(Debug)]
struct Reading {
    at: At,
    /// The ListOffsets request for it that is in flight. The answer to an older one was to another question.
    asked: Option<Question>,
    not_before: Option<Instant>,
    /// Its topic was put in doubt after so many Metadata requests: until a later one is answered, its name may be another topic's.
    in_doubt: Option<u64>,
    failures: u32,
    /// The end was reached and said so.
    at_end: bool,
    /// No Fetch was sent since it was assigned: what comes is the answer for an older assignment.
    is_new: bool,
    /// Where to go on when the position is out of range.
    reset: Option<Reset>,
    /// The topic in which the position counts, once something was read of it; nil where brokers do not say.
    of: Uuid,
    trouble: Option<Trouble>,
}

/// A partition has not been read, though it was tried, since then.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    since: Instant,
    /// The caller was told.
    said: bool,
}

/// How long a partition may be in trouble before the caller is told. A leader that changes or starts again is nothing to tell.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// A ListOffsets request, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question(u64);

/// What a fetch session holds of a partition: a change of it must be told to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    id: Uuid,
    offset: Offset,
    epoch: i32,
}

/// A broker's fetch session as we know it.
#[derive(Debug, Default)]
struct Session {
    id: i32,
    epoch: i32,
    held: BTreeMap<TopicPartition, Held>,
    /// The ends of partitions as this session's answers told them last. What an answer leaves out has not changed.
    ends: BTreeMap<TopicPartition, Offset>,
    in_flight: bool,
    not_before: Option<Instant>,
    failures: u32,
}

/// What a Fetch request asked, so that its answer can be told from a stale one.
#[derive(Debug)]
pub(super) struct Asked {
    pub broker: i32,
    offsets: BTreeMap<TopicPartition, Offset>,
    /// The session had an id: partitions that the answer leaves out have nothing new.
    by_id: bool,
}

/// The machine.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    readings: BTreeMap<TopicPartition, Reading>,
    sessions: BTreeMap<i32, Session>,
    questions: u64,
}

impl Fetcher {
    pub(super) fn assign(&mut self, ctx: &Ctx<'_>, metadata: &mut Metadata, partition: TopicPartition, from: Position) {
        metadata.want(ctx.now, &partition.topic);
        let (at, reset) = match from {
            Position::At(offset) => (At::Offset(offset), ctx.config.fetch.reset),
            // Counted from the end it may lie before the start.
            Position::BeforeEnd(_) => (At::Sought(from), ctx.config.fetch.reset.or(Some(Reset::Earliest))),
            _ => (At::Sought(from), ctx.config.fetch.reset),
        };
        let reading = Reading {
            at,
            asked: None,
            not_before: None,
            in_doubt: None,
            failures: 0,
            at_end: false,
            is_new: true,
            reset,
            of: Uuid::nil(),
            trouble: None,
        };
        self.readings.insert(partition, reading);
    }

    pub(super) fn unassign(&mut self, partition: &TopicPartition) {
        self.readings.remove(partition);
    }

    /// The brokers that should be asked for offsets now, with the partitions.
    pub(super) fn offsets_due(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata) -> BTreeMap<i32, Vec<TopicPartition>> {
        let mut due: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
        for (partition, reading) in &mut self.readings {
            let sought = matches!(reading.at, At::Sought(_)) && reading.asked.is_none();
            if !sought || reading.is_paused(ctx) {
                continue;
            }
            match metadata.leader(partition) {
                Some(broker) => due.entry(broker).or_default().push(partition.clone()),
                None => reading.on_leaderless(ctx, metadata, partition),
            }
        }
        due
    }

    pub(super) fn offsets_request(
        &mut self,
        ctx: &Ctx<'_>,
        metadata: &Metadata,
        partitions: &[TopicPartition],
        committed: bool,
    ) -> (msg::ListOffsetsRequest, Question) {
        self.questions += 1;
        let question = Question(self.questions);
        let mut topics: BTreeMap<&str, Vec<msg::list_offsets_request::ListOffsetsPartition>> = BTreeMap::new();
        for partition in partitions {
            let Some(reading) = self.readings.get_mut(partition) else { continue };
            let At::Sought(position) = reading.at else { continue };
            reading.asked = Some(question);
            let mut ask = msg::list_offsets_request::ListOffsetsPartition::default();
            ask.partition_index = partition.index;
            ask.current_leader_epoch = metadata.partition(partition).map_or(-1, |p| p.epoch);
            ask.timestamp = match position {
                Position::Time(at) => at.0,
                Position::Earliest => -2,
                Position::Latest | Position::BeforeEnd(_) | Position::At(_) => -1,
            };
            topics.entry(&partition.topic).or_default().push(ask);
        }
        let mut request = msg::ListOffsetsRequest::default();
        request.replica_id = msg::BrokerId(-1);
        request.isolation_level = i8::from(committed);
        request.timeout_ms = i32::try_from(ctx.config.request_timeout.as_millis()).unwrap_or(i32::MAX);
        let of_topics = topics.into_iter().map(|(name, partitions)| {
            let mut topic = msg::list_offsets_request::ListOffsetsTopic::default();
            topic.name = topic_name(name);
            topic.partitions = partitions;
            topic
        });
        request.topics = of_topics.collect();
        (request, question)
    }

    pub(super) fn on_offsets(
        &mut self,
        ctx: &mut Ctx<'_>,
        metadata: &mut Metadata,
        (question, asked): (Question, &[TopicPartition]),
        answer: &msg::ListOffsetsResponse,
    ) {
        for topic in &answer.topics {
            for told in &topic.partitions {
                let partition = TopicPartition::new(topic.name.0.as_str(), told.partition_index);
                if self.awaits(question, &partition) {
                    self.on_offset(ctx, metadata, &partition, Code(told.error_code), told.offset);
                }
            }
        }
        // A partition that the broker left out is asked for again.
        self.offsets_lost(ctx, question, asked);
    }

    fn awaits(&self, question: Question, partition: &TopicPartition) -> bool {
        self.readings.get(partition).is_some_and(|r| r.asked == Some(question))
    }

    fn on_offset(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata, partition: &TopicPartition, code: Code, offset: i64) {
        let Some(reading) = self.readings.get_mut(partition) else { return };
        let At::Sought(position) = reading.at else { return };
        reading.asked = None;
        match code {
            Code::NONE => {
                reading.failures = 0;
                reading.resume(ctx, partition);
                reading.at = match position {
                    // No record is that young: the end.
                    Position::Time(_) if offset < 0 => At::Sought(Position::Latest),
                    Position::BeforeEnd(back) => At::Offset(Offset(offset.saturating_sub(back).max(0))),
                    _ => At::Offset(Offset(offset)),
                };
            }
            code if is_moved(code) => {
                reading.on_trouble(ctx, partition, code);
                metadata.doubt(ctx, &partition.topic);
                self.pause(ctx, partition);
            }
            Code::OFFSET_NOT_AVAILABLE | Code::KAFKA_STORAGE_ERROR | Code::REQUEST_TIMED_OUT => {
                reading.on_trouble(ctx, partition, code);
                self.pause(ctx, partition);
            }
            code => self.end(ctx, partition, ClientError::Broker { code, message: None }),
        }
    }

    /// The request for these offsets was lost.
    pub(super) fn offsets_lost(&mut self, ctx: &mut Ctx<'_>, question: Question, asked: &[TopicPartition]) {
        for partition in asked {
            if let Some(reading) = self.readings.get_mut(partition).filter(|r| r.asked == Some(question)) {
                reading.asked = None;
                self.pause(ctx, partition);
            }
        }
    }

    fn pause(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition) {
        if let Some(reading) = self.readings.get_mut(partition) {
            reading.failures += 1;
            reading.not_before = Some(ctx.now.mono.after(backoff(ctx.config, reading.failures, ctx.rng)));
        }
    }

    /// Brokers have told what topics there are: of those that were made anew no position is known.
    pub(super) fn on_metadata(&mut self, ctx: &mut Ctx<'_>, metadata: &Metadata) {
        let is_another = |partition: &TopicPartition, of: Uuid| {
            let id = metadata.id_of(&partition.topic).unwrap_or_default();
            !id.is_nil() && !of.is_nil() && id != of && !ctx.config.planted.has(Bug::ClientPositionKept)
        };
        for reading in self.readings.values_mut() {
            reading.in_doubt.take_if(|before| metadata.asked() > *before);
        }
        let anew: Vec<_> = self.readings.iter().filter(|(p, r)| is_another(p, r.of)).map(|(p, _)| p.clone()).collect();
        for partition in anew {
            for session in self.sessions.values_mut() {
                session.ends.remove(&partition);
            }
            let message = Some(format!("{} was deleted, and made again", partition.topic));
            let error = ClientError::Broker { code: Code::UNKNOWN_TOPIC_ID, message };
            self.lose_position(ctx, &partition, ctx.config.fetch.reset, error);
        }
    }

    /// The position leads nowhere: go on where the reset setting says, or end.
    fn lose_position(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition, reset: Option<Reset>, error: ClientError) {
        let (Some(reset), Some(reading)) = (reset, self.readings.get_mut(partition)) else {
            return self.end(ctx, partition, error);
        };
        let to_start = reset == Reset::Earliest && !ctx.config.planted.has(Bug::ClientResetToEnd);
        reading.at = At::Sought(if to_start { Position::Earliest } else { Position::Latest });
        reading.of = Uuid::nil();
        // What was between is gone: the end, wherever it is now, is another one.
        reading.at_end = false;
        // Who begins so many before the end does not mind where.
        if ctx.config.fetch.reset.is_some() {
            ctx.event(ClientEvent::Moved { partition: partition.clone(), error });
        }
    }

    fn end(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition, error: ClientError) {
        self.readings.remove(partition);
        ctx.event(ClientEvent::FetchFailed { partition: partition.clone(), error });
    }

    /// What is to be read from a broker now.
    fn readable(&self, ctx: &Ctx<'_>, metadata: &Metadata, broker: i32) -> BTreeMap<TopicPartition, Held> {
        let mut readable = BTreeMap::new();
        for (partition, reading) in &self.readings {
            let (At::Offset(offset), Some(known)) = (reading.at, metadata.partition(partition)) else { continue };
            if known.leader == Some(broker) && !reading.is_paused(ctx) && reading.in_doubt.is_none() {
                let id = metadata.id_of(&partition.topic).unwrap_or_default();
                readable.insert(partition.clone(), Held { id, offset, epoch: known.epoch });
            }
        }
        readable
    }

    /// The brokers to which a Fetch should go now. Partitions without a leader put their topic in doubt.
    pub(super) fn brokers_due(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata) -> BTreeSet<i32> {
        let mut brokers = BTreeSet::new();
        for (partition, reading) in &mut self.readings {
            if !matches!(reading.at, At::Offset(_)) || reading.is_paused(ctx) {
                continue;
            }
            match metadata.leader(partition) {
                Some(_) if reading.in_doubt.is_some() => {}
                Some(broker) => {
                    let session = self.sessions.get(&broker);
                    let waits = session.is_some_and(|s| s.in_flight || s.not_before.is_some_and(|at| at > ctx.now.mono));
                    if !waits {
                        brokers.insert(broker);
                    }
                }
                None => reading.on_leaderless(ctx, metadata, partition),
            }
        }
        brokers
    }

    /// The next Fetch to a broker, at a version that knows topics by id or not.
    pub(super) fn fetch_request(
        &mut self,
        ctx: &Ctx<'_>,
        metadata: &Metadata,
        broker: i32,
        by_id: bool,
    ) -> (msg::FetchRequest, Asked) {
        let readable = self.readable(ctx, metadata, broker);
        let session = self.sessions.entry(broker).or_default();
        session.in_flight = true;
        let (full, f) = (session.id == 0, &ctx.config.fetch);
        let mut request = msg::FetchRequest::default();
        request.cluster_id = None;
        request.replica_id = msg::BrokerId(-1);
        request.max_wait_ms = i32::try_from(f.wait_max.as_millis()).unwrap_or(i32::MAX);
        request.min_bytes = f.bytes_min;
        request.max_bytes = f.bytes_max;
        request.isolation_level = i8::from(f.read_committed);
        request.session_id = session.id;
        request.session_epoch = session.epoch;
        let mut topics: BTreeMap<(String, Uuid), Vec<msg::fetch_request::FetchPartition>> = BTreeMap::new();
        for (partition, now) in &readable {
            if !full && session.held.get(partition) == Some(now) {
                continue;
            }
            let mut ask = msg::fetch_request::FetchPartition::default();
            ask.partition = partition.index;
            ask.current_leader_epoch = now.epoch;
            ask.fetch_offset = now.offset.0;
            ask.last_fetched_epoch = -1;
            ask.log_start_offset = -1;
            ask.partition_max_bytes = f.partition_bytes_max;
            topics.entry((partition.topic.clone(), now.id)).or_default().push(ask);
        }
        // By its id or by its name, never by both: what a version does not carry would be another topic to whoever compares.
        let called = |name: &str, id: Uuid| if by_id { (topic_name(""), id) } else { (topic_name(name), Uuid::nil()) };
        let wanted = topics.into_iter().map(|((name, id), partitions)| {
            let mut topic = msg::fetch_request::FetchTopic::default();
            (topic.topic, topic.topic_id) = called(&name, id);
            topic.partitions = partitions;
            topic
        });
        request.topics = wanted.collect();
        if !full {
            let mut gone: BTreeMap<(String, Uuid), Vec<i32>> = BTreeMap::new();
            // A topic that was made anew keeps its name: the old id must be forgotten, too. Where the session knows names alone, that
            // would forget the new one with it.
            let is_gone = |p: &TopicPartition, h: &Held| readable.get(p).is_none_or(|now| by_id && now.id != h.id);
            for (partition, held) in session.held.iter().filter(|(p, h)| is_gone(p, h)) {
                gone.entry((partition.topic.clone(), held.id)).or_default().push(partition.index);
            }
            let forgotten = gone.into_iter().map(|((name, id), partitions)| {
                let mut topic = msg::fetch_request::ForgottenTopic::default();
                (topic.topic, topic.topic_id) = called(&name, id);
                topic.partitions = partitions;
                topic
            });
            request.forgotten_topics_data = forgotten.collect();
        }
        self.readings.iter_mut().filter(|(p, _)| readable.contains_key(p)).for_each(|(_, r)| r.is_new = false);
        let offsets = readable.iter().map(|(p, now)| (p.clone(), now.offset)).collect();
        session.held = readable;
        (request, Asked { broker, offsets, by_id })
    }

    /// The next request says all that is wanted.
    pub(super) fn forget_session(&mut self, broker: i32) {
        if let Some(session) = self.sessions.get_mut(&broker) {
            (session.id, session.epoch) = (0, 0);
            session.held.clear();
            session.ends.clear();
        }
    }

    pub(super) fn fetch_lost(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata, asked: &Asked) {
        self.sessions.remove(&asked.broker);
        for partition in asked.offsets.keys() {
            metadata.doubt(ctx, &partition.topic);
        }
    }

    pub(super) fn on_fetched(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata, asked: &Asked, reply: &FetchReply) {
        let Some(session) = self.sessions.get_mut(&asked.broker) else { return };
        session.in_flight = false;
        session.not_before = None;
        match Code(reply.error_code) {
            Code::NONE => session.failures = 0,
            Code::FETCH_SESSION_ID_NOT_FOUND
            | Code::INVALID_FETCH_SESSION_EPOCH
            | Code::FETCH_SESSION_TOPIC_ID_ERROR
            | Code::INCONSISTENT_TOPIC_ID => {
                // The next request begins a session of its own, after a pause if this one was the first.
                let failures = session.failures + 1;
                *session = Session { failures, ..Session::default() };
                if failures > 1 {
                    session.not_before = Some(ctx.now.mono.after(backoff(ctx.config, failures, ctx.rng)));
                }
                return asked.offsets.keys().for_each(|p| metadata.doubt(ctx, &p.topic));
            }
            code if code.is_retriable() => {
                let failures = session.failures + 1;
                let not_before = Some(ctx.now.mono.after(backoff(ctx.config, failures, ctx.rng)));
                *session = Session { failures, not_before, ..Session::default() };
                for (partition, reading) in self.readings.iter_mut().filter(|(p, _)| asked.offsets.contains_key(p)) {
                    reading.on_trouble(ctx, partition, code);
                }
                return;
            }
            code => {
                for partition in asked.offsets.keys() {
                    self.end(ctx, partition, ClientError::Broker { code, message: None });
                }
                return;
            }
        }
        if reply.session_id == 0 {
            (session.id, session.epoch) = (0, 0);
            session.held.clear();
            session.ends.clear();
        } else {
            session.id = reply.session_id;
            session.epoch = if session.epoch == i32::MAX { 1 } else { session.epoch + 1 };
        }
        let mut answered = BTreeSet::new();
        for topic in &reply.topics {
            let name = if asked.by_id { metadata.name_of(topic.id.0).map(str::to_owned) } else { Some(topic.name.clone()) };
            let Some(name) = name else { continue };
            for told in &topic.partitions {
                let partition = TopicPartition::new(&name, told.index);
                if let Some(offset) = asked.offsets.get(&partition) {
                    if let (0, Some(session)) = (told.error_code, self.sessions.get_mut(&asked.broker)) {
                        session.ends.insert(partition.clone(), end_of(ctx, told));
                    }
                    self.on_partition(ctx, metadata, &partition, *offset, told);
                }
                answered.insert(partition);
            }
        }
        for (partition, offset) in asked.offsets.iter().filter(|(p, _)| !answered.contains(p)) {
            self.on_unchanged(ctx, asked.broker, partition, *offset);
        }
    }

    /// The answer leaves a partition out, for the session has told of it all that there is. Whoever was assigned to its end meanwhile
    /// was not told so yet.
    fn on_unchanged(&mut self, ctx: &mut Ctx<'_>, broker: i32, partition: &TopicPartition, asked: Offset) {
        let end = self.sessions.get(&broker).and_then(|s| s.ends.get(partition)).copied();
        if let Some(reading) = self.readings.get_mut(partition) {
            reading.resume(ctx, partition);
        }
        let reading = self.readings.get_mut(partition).filter(|r| r.at == At::Offset(asked) && !r.at_end);
        if let (Some(reading), Some(end)) = (reading, end.filter(|end| *end <= asked)) {
            reading.at_end = true;
            ctx.event(ClientEvent::EndReached { partition: partition.clone(), end });
        }
    }

    fn on_partition(
        &mut self,
        ctx: &mut Ctx<'_>,
        metadata: &mut Metadata,
        partition: &TopicPartition,
        asked: Offset,
        told: &FetchPartitionReply,
    ) {
        // The reader has moved since the question was sent.
        let Some(reading) = self.readings.get_mut(partition).filter(|r| r.at == At::Offset(asked)) else { return };
        if let Some((leader, epoch)) = told.current_leader {
            metadata.on_leader(partition, leader, epoch);
        }
        match Code(told.error_code) {
            Code::NONE => {
                reading.of = metadata.id_of(&partition.topic).unwrap_or_default();
                reading.reset = ctx.config.fetch.reset;
                self.on_records(ctx, partition, asked, told);
            }
            Code::OFFSET_OUT_OF_RANGE if reading.is_new => {}
            Code::OFFSET_OUT_OF_RANGE => {
                let message = Some(format!("offset {asked} is not in the log"));
                let error = ClientError::Broker { code: Code::OFFSET_OUT_OF_RANGE, message };
                let reset = reading.reset;
                self.lose_position(ctx, partition, reset, error);
            }
            code if is_moved(code) => {
                reading.on_trouble(ctx, partition, code);
                reading.in_doubt = Some(metadata.asked());
                metadata.doubt(ctx, &partition.topic);
                self.pause(ctx, partition);
            }
            code if code.is_retriable() => {
                reading.on_trouble(ctx, partition, code);
                self.pause(ctx, partition);
            }
            code => self.end(ctx, partition, ClientError::Broker { code, message: None }),
        }
    }

    fn on_records(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition, from: Offset, told: &FetchPartitionReply) {
        let committed = ctx.config.fetch.read_committed;
        let aborted = if committed { told.aborted.as_deref().unwrap_or_default() } else { &[] };
        let Visible { records, next, stop } = visible(&told.records, from, Offset(told.high_watermark), aborted);
        let reading = self.readings.get_mut(partition).expect("the caller found it");
        // What is sound before it is handed out first, and what is not asked for again.
        match stop.filter(|_| next == from) {
            Some(Stop::Beyond) => {
                reading.on_trouble(ctx, partition, Code::CORRUPT_MESSAGE);
                return self.pause(ctx, partition);
            }
            Some(Stop::Malformed(what) | Stop::Disorder(what)) => {
                return self.end(ctx, partition, ClientError::Malformed { what });
            }
            None => {}
        }
        reading.failures = 0;
        reading.not_before = None;
        reading.resume(ctx, partition);
        reading.at = At::Offset(next);
        let end = end_of(ctx, told);
        let reached = next >= end;
        let news = reached && !(reading.at_end && next == from);
        reading.at_end = reached;
        if !records.is_empty() || next != from {
            let high_watermark = Offset(told.high_watermark);
            ctx.event(ClientEvent::Fetched { partition: partition.clone(), records, next, high_watermark });
        }
        if news {
            ctx.event(ClientEvent::EndReached { partition: partition.clone(), end });
        }
    }

    pub(super) fn deadline(&self, ctx: &Ctx<'_>) -> Option<Deadline> {
        let pauses = self.readings.values().filter_map(|r| r.not_before);
        let sessions = self.sessions.values().filter_map(|s| s.not_before);
        let at = pauses.chain(sessions).filter(|at| *at > ctx.now.mono).min()?;
        Some(Deadline { at, why: "fetch-again" })
    }
}

impl Reading {
    fn is_paused(&self, ctx: &Ctx<'_>) -> bool {
        self.not_before.is_some_and(|at| at > ctx.now.mono)
    }

    /// It was tried, and nothing could be read.
    fn on_trouble(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition, code: Code) {
        let trouble = self.trouble.get_or_insert(Trouble { since: ctx.now.mono, said: false });
        // What is damaged does not pass.
        let is_long = code == Code::CORRUPT_MESSAGE || ctx.now.mono >= trouble.since.after(STALLED_AFTER);
        if is_long && !trouble.said {
            trouble.said = true;
            let error = ClientError::Broker { code, message: None };
            ctx.event(ClientEvent::Stalled { partition: partition.clone(), error });
        }
    }

    /// Nobody leads the partition, as far as is known.
    fn on_leaderless(&mut self, ctx: &mut Ctx<'_>, metadata: &mut Metadata, partition: &TopicPartition) {
        if let Some(code) = metadata.why_leaderless(partition) {
            self.on_trouble(ctx, partition, code);
        }
        metadata.doubt(ctx, &partition.topic);
    }

    fn resume(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition) {
        if self.trouble.take().is_some_and(|trouble| trouble.said) {
            ctx.event(ClientEvent::Resumed { partition: partition.clone() });
        }
    }
}

/// The end of a partition as a reader may see it.
fn end_of(ctx: &Ctx<'_>, told: &FetchPartitionReply) -> Offset {
    let committed = ctx.config.fetch.read_committed && told.last_stable_offset >= 0;
    Offset(if committed { told.last_stable_offset } else { told.high_watermark })
}

/// The broker is not, or not yet, or not any more the one to ask.
fn is_moved(code: Code) -> bool {
    matches!(
        code,
        Code::UNKNOWN_TOPIC_OR_PARTITION
            | Code::LEADER_NOT_AVAILABLE
            | Code::NOT_LEADER_OR_FOLLOWER
            | Code::FENCED_LEADER_EPOCH
            | Code::UNKNOWN_LEADER_EPOCH
            | Code::UNKNOWN_TOPIC_ID
            | Code::INCONSISTENT_TOPIC_ID
    )
}

/// What of an answer a reader gets to see.
struct Visible {
    records: Vec<ReadRecord>,
    /// Where it goes on.
    next: Offset,
    /// Why the rest is not taken.
    stop: Option<Stop>,
}

enum Stop {
    /// It lies beyond the high watermark that was told.
    Beyond,
    Malformed(String),
    /// Batches that are whole, and not in the order of their offsets.
    Disorder(String),
}

/// The records that a reader at `from` gets to see, and where it goes on: without what lies before its position, without control
/// records, and without records of aborted transactions. Batches come in the order of their offsets and lie below the high watermark: no
/// checksum covers an offset, and whoever followed one that is damaged would leave records out without a word. What lies beyond is not
/// taken, and told: Kafka names the high watermark of before it read, so that it may be there the next time.
fn visible(chunks: &[Chunk], from: Offset, high_watermark: Offset, aborted: &[Aborted]) -> Visible {
    let nothing = || Visible { records: Vec::new(), next: from, stop: None };
    let mut seen = nothing();
    match look(chunks, from, high_watermark, aborted, &mut seen) {
        Ok(()) => seen,
        // One of the offsets is wrong, and nobody knows which.
        Err(stop @ Stop::Disorder(_)) => Visible { stop: Some(stop), ..nothing() },
        Err(stop) => Visible { stop: Some(stop), ..seen },
    }
}

fn look(chunks: &[Chunk], from: Offset, high_watermark: Offset, aborted: &[Aborted], seen: &mut Visible) -> Result<(), Stop> {
    let malformed = |what: String| Stop::Malformed(what);
    let mut bytes = BytesMut::new();
    for chunk in chunks {
        match chunk {
            Chunk::Bytes(part) => bytes.extend_from_slice(part),
            Chunk::File { .. } => return Err(malformed("a file range where bytes should be".to_owned())),
        }
    }
    let mut open: BTreeSet<i64> = BTreeSet::new();
    let mut starts: Vec<Aborted> = aborted.to_vec();
    starts.sort_by_key(|a| a.first_offset);
    let mut starts = starts.into_iter().peekable();
    let mut behind = 0;
    for batch in batches(bytes.freeze()) {
        let batch = batch.map_err(|e| malformed(e.to_string()))?;
        let info = batch.info;
        let (base, last) = (info.base_offset, info.last_offset());
        if base < behind {
            return Err(Stop::Disorder(format!("offsets {base} to {last} behind {behind}: the log is damaged")));
        }
        if last >= high_watermark.0 {
            return Err(Stop::Beyond);
        }
        behind = info.next_offset();
        while let Some(start) = starts.next_if(|a| a.first_offset <= info.last_offset()) {
            open.insert(start.producer_id);
        }
        if info.attributes.is_control() {
            if is_abort_marker(&info, &batch.bytes) {
                open.remove(&info.producer_id);
            }
        } else if info.last_offset() >= from.0 && !(info.attributes.is_transactional() && open.contains(&info.producer_id)) {
            let whole: Result<Vec<_>, _> = records(&info, &batch.bytes).map_err(|e| malformed(e.to_string()))?.collect();
            let wanted = whole.map_err(|e| malformed(e.to_string()))?.into_iter().filter(|record| record.offset >= from.0);
            seen.records.extend(wanted.map(|record| ReadRecord {
                offset: Offset(record.offset),
                timestamp: Timestamp(record.timestamp),
                log_append_time: info.attributes.is_log_append_time(),
                leader_epoch: info.leader_epoch,
                key: record.key,
                value: record.value,
                headers: record.headers,
            }));
        }
        seen.next = seen.next.max(Offset(info.next_offset()));
    }
    Ok(())
}
