//! A consumer by partition: fetches from where it is, with or without a fetch session, and writes down all that it reads.
//!
//! State       a connection, the topics' ids, a position per partition, the fetch session.
//! Takes       answers, broken connections, time.
//! Gives       Metadata, ListOffsets and Fetch requests; `ReadOp`s and `ListOp`s.
//! Holds       it only ever goes on from the record after the last one that it read, or to where the log begins if told that its
//!             position is out of range.
//! Not here    groups, and judgement of what it reads.

use super::Got;
use super::link::{Link, PATIENCE, ask_metadata, draw_version, ids_in, topic_name};
use super::producer::uuid_of;
use crate::batch;
use crate::checks::Id;
use crate::history::{ListOp, Place, ReadOp};
use crate::world::Sim;
use ottla_core::io::Chunk;
use ottla_core::rng::Rng;
use ottla_core::wire::{ApiKey, FetchReply, Request, Response, msg};
use std::collections::BTreeMap;

/// How a consumer behaves.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerConfig {
    pub topics: Vec<(String, i32)>,
    pub sessions: bool,
    pub by_id: bool,
    pub max_bytes: i32,
    pub min_bytes: i32,
    pub max_wait_ms: i32,
    pub think_ms: u64,
    pub patience_ms: u64,
    /// ListOffsets in a hundred turns.
    pub lists_percent: u64,
    /// It begins after everybody else has ended, and reads everything once.
    pub last: bool,
}

const TURN: u64 = 2;
/// The error code in the history for records that are no whole batches.
pub(crate) const TORN: i16 = -1000;

#[derive(Debug)]
enum Sent {
    Metadata,
    List { place: Place, timestamp: i64, invoked: u64, reset: bool },
    Fetch { asked: Vec<(Place, i64)>, invoked: u64 },
}

#[derive(Clone, Copy, Debug)]
struct Position {
    /// Where to go on; `None` until ListOffsets said where the log begins.
    next: Option<i64>,
    /// What the fetch session was last told.
    told: Option<i64>,
    /// For a last reader: the end as it was told.
    end: Option<i64>,
    high_watermark: i64,
    finished: bool,
    /// How often a last reader has asked for its bounds.
    tries: u32,
}

#[derive(Debug)]
pub(crate) struct Consumer {
    config: ConsumerConfig,
    rng: Rng,
    link: Link<Sent>,
    version: i16,
    ids: BTreeMap<String, u128>,
    known: bool,
    positions: BTreeMap<Place, Position>,
    /// What the last Metadata answer said that was taken: names, ids, numbers of partitions.
    found: Vec<(String, u128, usize)>,
    /// Id and epoch of the fetch session; (0, 0) asks for a new one, (0, -1) for none.
    session: (i32, i32),
    stopped: bool,
    waiting: bool,
    /// Fetch answers in which not every partition could be read.
    troubles: u32,
}

impl Consumer {
    pub(crate) fn new(config: ConsumerConfig, seed: u64, name: &str) -> Consumer {
        let mut rng = Rng::stream(seed, &format!("client/{name}"));
        let version = match config.by_id {
            true => draw_version(&mut rng, ApiKey::Fetch, 13, i16::MAX),
            false => draw_version(&mut rng, ApiKey::Fetch, 4, 12),
        };
        let sessions = config.sessions && version >= 7;
        Consumer {
            link: Link::new(config.patience_ms * 1_000_000),
            session: (0, if sessions { 0 } else { -1 }),
            config: ConsumerConfig { sessions, ..config },
            rng,
            version,
            ids: BTreeMap::new(),
            known: false,
            positions: BTreeMap::new(),
            found: Vec::new(),
            stopped: false,
            waiting: false,
            troubles: 0,
        }
    }

    pub(crate) fn on_start(&mut self, sim: &mut Sim, me: u32) {
        self.turn(sim, me);
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = !self.config.last;
    }

    pub(crate) fn is_done(&self) -> bool {
        if self.config.last {
            self.known && self.positions.values().all(|p| p.finished)
        } else {
            self.stopped && self.link.open() == 0
        }
    }

    /// Whether a last reader has read this log to its end.
    pub(crate) fn has_read(&self, sim: &Sim, topic: &str, partition: i32) -> bool {
        let is_it = |place: &Place| place.partition == partition && sim.history.topics[place.topic as usize] == topic;
        self.positions.iter().any(|(place, p)| is_it(place) && p.finished)
    }

    pub(crate) fn on_wake(&mut self, sim: &mut Sim, me: u32, token: u64) {
        match token {
            PATIENCE => {
                if self.link.out_of_patience(sim, me).is_some() {
                    self.forget_session();
                }
            }
            _ => self.waiting = false,
        }
        self.turn(sim, me);
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, me: u32, conn: u32) {
        if self.link.broken(conn).is_some() {
            self.forget_session();
            self.later(sim, me, 100);
        }
    }

    fn forget_session(&mut self) {
        self.session = (0, if self.config.sessions { 0 } else { -1 });
        self.positions.values_mut().for_each(|p| p.told = None);
    }

    fn later(&mut self, sim: &mut Sim, me: u32, ms: u64) {
        if !self.waiting {
            self.waiting = true;
            sim.wake_client_after(me, self.rng.below(ms * 2_000_000 + 1), TURN);
        }
    }

    fn turn(&mut self, sim: &mut Sim, me: u32) {
        if self.waiting || self.stopped || self.link.open() > 0 || self.is_done() {
            return;
        }
        if !self.known {
            let names: Vec<String> = self.config.topics.iter().map(|(n, _)| n.clone()).collect();
            let version = draw_version(&mut self.rng, ApiKey::Metadata, 10, i16::MAX);
            return self.link.send(sim, me, version, ask_metadata(&names), Sent::Metadata);
        }
        if self.config.last {
            // A log that is dead keeps no other one from being read.
            let is_open = |p: &Position| !p.finished && p.next.is_some() && p.end.is_some();
            let rest = self.positions.values().any(is_open);
            let unknown =
                self.positions.iter_mut().filter(|(_, p)| p.next.is_none() || p.end.is_none()).min_by_key(|(_, p)| p.tries);
            if let Some((place, p)) = unknown.filter(|(_, p)| !rest || p.tries <= self.troubles + 1) {
                p.tries += 1;
                let (place, timestamp) = (*place, if p.next.is_none() { -2 } else { -1 });
                return self.list(sim, me, place, timestamp, true);
            }
            return self.fetch(sim, me);
        }
        let unknown = self.positions.iter().find(|(_, p)| p.next.is_none()).map(|(place, _)| *place);
        if let Some(place) = unknown {
            return self.list(sim, me, place, -2, true);
        }
        if self.rng.below(100) < self.config.lists_percent {
            let places: Vec<Place> = self.positions.keys().copied().collect();
            if let Some(place) = self.rng.pick(&places).copied() {
                let timestamp = match self.rng.below(4) {
                    0 => -2,
                    1 => -3,
                    2 => sim.client_wall_ms(me) - self.rng.below(5_000) as i64,
                    _ => -1,
                };
                return self.list(sim, me, place, timestamp, false);
            }
        }
        self.fetch(sim, me);
    }

    fn list(&mut self, sim: &mut Sim, me: u32, place: Place, timestamp: i64, reset: bool) {
        let low = if timestamp == -3 { 7 } else { 1 };
        let version = draw_version(&mut self.rng, ApiKey::ListOffsets, low, i16::MAX);
        let partition = msg::list_offsets_request::ListOffsetsPartition::default()
            .with_partition_index(place.partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(timestamp);
        let topic = msg::list_offsets_request::ListOffsetsTopic::default()
            .with_name(topic_name(&sim.history.topics[place.topic as usize]))
            .with_partitions(vec![partition]);
        let request = msg::ListOffsetsRequest::default().with_replica_id(msg::BrokerId(-1)).with_topics(vec![topic]);
        let what = Sent::List { place, timestamp, invoked: sim.now_ns(), reset };
        self.link.send(sim, me, version, Request::ListOffsets(request), what);
    }

    fn fetch(&mut self, sim: &mut Sim, me: u32) {
        let incremental = self.session.0 != 0;
        let mut topics: Vec<msg::fetch_request::FetchTopic> = Vec::new();
        let mut asked = Vec::new();
        for (place, position) in &mut self.positions {
            let Some(next) = position.next else { continue };
            if position.finished {
                continue;
            }
            asked.push((*place, next));
            if incremental && position.told == Some(next) {
                continue;
            }
            position.told = Some(next);
            let partition = msg::fetch_request::FetchPartition::default()
                .with_partition(place.partition)
                .with_current_leader_epoch(-1)
                .with_fetch_offset(next)
                .with_last_fetched_epoch(-1)
                .with_log_start_offset(-1)
                .with_partition_max_bytes(self.config.max_bytes);
            let name = &sim.history.topics[place.topic as usize];
            let same = |t: &msg::fetch_request::FetchTopic| match self.config.by_id {
                true => t.topic_id.as_u128() == place.topic_id,
                false => t.topic.0.as_str() == name,
            };
            match topics.iter_mut().find(|t| same(t)) {
                Some(topic) => topic.partitions.push(partition),
                None => {
                    let topic = msg::fetch_request::FetchTopic::default().with_partitions(vec![partition]);
                    topics.push(match self.config.by_id {
                        true => topic.with_topic_id(uuid_of(place.topic_id)),
                        false => topic.with_topic(topic_name(name)),
                    });
                }
            }
        }
        let request = msg::FetchRequest::default()
            .with_replica_id(msg::BrokerId(-1))
            .with_max_wait_ms(if self.config.last { 100 } else { self.config.max_wait_ms })
            .with_min_bytes(if self.config.last { 0 } else { self.config.min_bytes })
            .with_max_bytes(self.config.max_bytes.saturating_mul(2))
            .with_session_id(self.session.0)
            .with_session_epoch(self.session.1)
            .with_topics(topics);
        let what = Sent::Fetch { asked, invoked: sim.now_ns() };
        self.link.send(sim, me, self.version, Request::Fetch(request), what);
    }

    pub(crate) fn on_response(&mut self, sim: &mut Sim, me: u32, conn: u32, (correlation, _, response): Got) {
        let Some(sent) = self.link.answered(conn, correlation) else { return };
        match (sent, response) {
            (Sent::Metadata, Response::Metadata(answer)) => self.on_metadata(sim, me, &answer),
            (Sent::List { place, timestamp, invoked, reset }, Response::ListOffsets(answer)) => {
                let part = answer.topics.iter().flat_map(|t| &t.partitions).next();
                let (error, offset) = part.map_or((-1, -1), |p| (p.error_code, p.offset));
                let ended = sim.now_ns();
                let last = self.config.last;
                sim.history.lists.push(ListOp { client: me, place, invoked, ended, timestamp, error, offset, last });
                if reset {
                    self.on_bound(sim, me, place, timestamp, error, offset);
                }
            }
            (Sent::Fetch { asked, invoked }, Response::Fetch(answer)) => self.on_fetch(sim, me, &asked, invoked, &answer),
            (sent, other) => {
                sim.fail(Id::Codec.name(), "an answer of another kind than its request", format!("{sent:?}: {other:?}"))
            }
        }
        if self.config.think_ms > 0 && !self.config.last {
            self.later(sim, me, self.config.think_ms);
        }
        self.turn(sim, me);
    }

    fn on_metadata(&mut self, sim: &mut Sim, me: u32, answer: &msg::MetadataResponse) {
        let found = ids_in(answer);
        if found.is_empty() && !self.config.last {
            self.later(sim, me, 200);
            return;
        }
        let retriable = answer.topics.iter().any(|t| t.error_code == 5);
        if self.config.last && retriable {
            self.later(sim, me, 200);
            return;
        }
        self.known = true;
        self.forget_session();
        if found == self.found {
            return;
        }
        self.found.clone_from(&found);
        self.ids.clear();
        let mut positions = BTreeMap::new();
        for (name, id, count) in found {
            let topic = sim.history.topic(&name);
            let topic_id = if self.config.by_id { id } else { 0 };
            self.ids.insert(name, id);
            for partition in 0..count as i32 {
                let place = Place { topic, partition, topic_id };
                let fresh = Position { next: None, told: None, end: None, high_watermark: -1, finished: false, tries: 0 };
                positions.insert(place, self.positions.get(&place).copied().unwrap_or(fresh));
            }
        }
        self.positions = positions;
    }

    fn on_bound(&mut self, sim: &mut Sim, me: u32, place: Place, timestamp: i64, error: i16, offset: i64) {
        if error != 0 || offset < 0 {
            self.known = false;
            self.later(sim, me, 100);
            return;
        }
        let Some(position) = self.positions.get_mut(&place) else { return };
        if timestamp == -2 {
            position.next = Some(offset);
        } else {
            position.end = Some(offset);
            position.finished = position.next.is_some_and(|n| n >= offset);
        }
    }

    fn on_fetch(&mut self, sim: &mut Sim, me: u32, asked: &[(Place, i64)], invoked: u64, answer: &FetchReply) {
        if answer.error_code != 0 {
            self.forget_session();
            self.later(sim, me, 20);
            return;
        }
        if self.config.sessions {
            self.session = match (self.session, answer.session_id) {
                (_, 0) => (0, 0),
                ((0, _), id) => (id, 1),
                ((_, epoch), id) => (id, if epoch == i32::MAX { 1 } else { epoch + 1 }),
            };
        }
        let mut trouble = false;
        for topic in &answer.topics {
            for part in &topic.partitions {
                let place = asked.iter().find(|(place, _)| {
                    place.partition == part.index
                        && match self.config.by_id {
                            true => place.topic_id == topic.id.0.as_u128(),
                            false => sim.history.topics[place.topic as usize] == topic.name,
                        }
                });
                let Some((place, from)) = place else {
                    sim.fail(Id::Codec.name(), "a Fetch answer with a partition that was not asked", format!("{topic:?}"));
                    return;
                };
                trouble |= self.on_part(sim, me, *place, *from, invoked, part);
            }
        }
        if trouble {
            self.troubles += 1;
            self.later(sim, me, 50);
        }
    }

    fn on_part(
        &mut self,
        sim: &mut Sim,
        me: u32,
        place: Place,
        from: i64,
        invoked: u64,
        part: &ottla_core::wire::FetchPartitionReply,
    ) -> bool {
        let start = sim.history.records.len();
        let mut error = part.error_code;
        let mut next = from;
        let joined;
        let bytes: &[u8] = match part.records.as_slice() {
            [Chunk::Bytes(bytes)] => bytes,
            chunks => {
                joined = join(chunks);
                &joined
            }
        };
        let mut end = 0;
        for (pos, head) in batch::batches(bytes) {
            end = pos + head.size;
            match batch::records(&bytes[pos..end]) {
                Some(records) => sim.history.records.extend(records.iter().filter(|(offset, _)| *offset >= from)),
                None if head.is_compressed() => {}
                None => error = TORN,
            }
            next = next.max(head.last_offset() + 1);
        }
        // A last batch may be cut off by the size limit, but the first one must be whole.
        if end == 0 && bytes.len() > batch::HEADER && batch::header(bytes).is_some() {
            error = TORN;
        }
        let records = (start, sim.history.records.len());
        sim.history.reads.push(ReadOp {
            client: me,
            place,
            invoked,
            ended: sim.now_ns(),
            from_offset: from,
            error,
            high_watermark: part.high_watermark,
            log_start: part.log_start_offset,
            records,
            last: self.config.last,
        });
        let Some(position) = self.positions.get_mut(&place) else { return false };
        position.high_watermark = part.high_watermark;
        match error {
            0 => {
                position.next = Some(next);
                if let (true, Some(end)) = (self.config.last, position.end) {
                    position.finished = next >= end;
                }
                false
            }
            // OFFSET_OUT_OF_RANGE
            1 => {
                position.next = None;
                position.end = None;
                true
            }
            // UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID
            3 | 100 => {
                self.known = false;
                position.next = None;
                position.end = None;
                true
            }
            TORN => {
                position.finished = self.config.last;
                true
            }
            _ => {
                // KAFKA_STORAGE_ERROR and the like: a last reader may have to live with it, and says so.
                position.told = None;
                true
            }
        }
    }
}

fn join(chunks: &[Chunk]) -> Vec<u8> {
    let mut all = Vec::with_capacity(chunks.iter().map(Chunk::size).sum());
    for chunk in chunks {
        if let Chunk::Bytes(bytes) = chunk {
            all.extend_from_slice(bytes);
        }
    }
    all
}
