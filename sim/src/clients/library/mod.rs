//! A workload over the client of `ottla_core::client`: what the command line drives over sockets, here driven in virtual time.
//!
//! State       the client under test, its connections, what it was handed and has not ended, what it reads.
//! Takes       answers, broken connections, time, its own deadlines.
//! Gives       inputs to the client, its requests to the network; operations in the history as the client reported them.
//! Holds       what the client says is written down as it says it. It is never told anything that did not happen; it may be told by a
//!             broker that seems older, and that some of its addresses lead nowhere.
//! Not here    records and their fate (writing.rs), positions (reading.rs), single calls (asking.rs), whether the log agrees (checks/history.rs).

mod asking;
mod reading;
mod writing;

use super::Got;
use super::producer::TimedBatch;
use crate::checks::Id;
use crate::history::{AdminAct, AdminOp, Outcome};
use crate::world::Sim;
use asking::Asking;
use ottla_core::client::{
    Acks, Client as Core, ClientConfig, ClientEvent, ClientInput, ClientOutput, FetchConfig, ProducerConfig, Reset,
};
use ottla_core::ids::ConnId;
use ottla_core::planted::Planted;
use ottla_core::rng::Rng;
use ottla_core::time::{Instant, Now, Timestamp};
use ottla_core::wire::compress::Codec;
use ottla_core::wire::{ApiKey, Request, RequestFrame, Response, msg};
use reading::Reading;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use writing::Writing;

pub(crate) use writing::GIVEN_UP;

/// How a workload over the client behaves, and how the client is configured.
#[derive(Clone, PartialEq, Debug)]
pub struct LibraryConfig {
    pub topics: Vec<(String, i32)>,
    pub acks: i16,
    pub idempotent: bool,
    /// Produce requests in flight at most.
    pub in_flight: usize,
    pub codec: Codec,
    pub linger_ms: u64,
    pub batch_bytes: usize,
    /// Records in all, as the seed says, and at most so many at a time.
    pub records: u32,
    pub burst: u32,
    /// Bytes of padding in each record, at most.
    pub padding_max: u32,
    /// Time between turns, on the average, in virtual milliseconds.
    pub think_ms: u64,
    /// The client's request and delivery timeouts, in virtual milliseconds.
    pub request_ms: u64,
    pub delivery_ms: u64,
    pub reads: Reads,
    /// Single calls in a hundred turns; with any, it also has a topic of its own, which comes to be because records are sent to it.
    pub asks_percent: u64,
    /// The broker seems to be older than it is: it names lower versions.
    pub older: bool,
    /// Records that are handed in at their times, before any that is drawn.
    pub timetable: Vec<TimedBatch>,
}

impl LibraryConfig {
    /// Nothing is written and nothing is read.
    pub(crate) fn idle(topics: Vec<(String, i32)>) -> LibraryConfig {
        LibraryConfig {
            topics,
            acks: -1,
            idempotent: true,
            in_flight: 1,
            codec: Codec::None,
            linger_ms: 0,
            batch_bytes: 16 * 1024,
            records: 0,
            burst: 1,
            padding_max: 0,
            think_ms: 10,
            request_ms: 5_000,
            delivery_ms: 30_000,
            reads: Reads::Nothing,
            asks_percent: 0,
            older: false,
            timetable: Vec::new(),
        }
    }

    /// Whether what it does is told by topic ids: it writes by names, as its caller knows them, and brokers that are older know no ids.
    #[must_use]
    pub fn reads_by_id(&self) -> bool {
        self.records == 0 && self.timetable.is_empty() && !self.older
    }
}

/// What it reads beside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reads {
    Nothing,
    /// Everything, from the beginning on.
    All,
    /// From here or there, changing its mind now and then.
    Anywhere,
}

const WAKE: u64 = 1;
const TURN: u64 = 2;
const TIMETABLE: u64 = 3;
/// With a connection's number: it stands, or it never will.
const STANDS: u64 = 1 << 32;
const REFUSED: u64 = 2 << 32;
/// What the network may keep from the client while the time of a record or of a call runs out: it is paused, or reads slowly.
const LENIENCY_NS: u64 = 20_000_000_000;
/// A bootstrap address at which nobody listens.
const NOWHERE: &str = "nowhere";

#[derive(Debug)]
pub(crate) struct Library {
    config: LibraryConfig,
    rng: Rng,
    client: Core,
    /// The network's number of each of the client's connections; `None` for one that leads nowhere.
    conns: BTreeMap<ConnId, Option<u32>>,
    /// When the client is woken next.
    armed_at: Option<u64>,
    writing: Writing,
    reading: Reading,
    asking: Asking,
    /// Entries of the timetable that are done.
    timed: usize,
    waiting: bool,
    stopped: bool,
    /// Everything is done: connections are closed, nothing is handed in any more.
    over: bool,
    out: Vec<ClientOutput>,
}

impl Library {
    pub(crate) fn new(config: LibraryConfig, seed: u64, name: &str, planted: Planted) -> Library {
        let mut rng = Rng::stream(seed, &format!("client/{name}"));
        let ms = Duration::from_millis;
        let mut bootstrap = vec![(if rng.chance(1, 2) { "node1" } else { "bootstrap" }.to_owned(), 9092)];
        if rng.chance(1, 3) {
            bootstrap.insert(0, (NOWHERE.to_owned(), 9092));
        }
        let usual = ClientConfig::default();
        let wanted = ClientConfig {
            client_id: name.to_owned(),
            bootstrap,
            seed: rng.next_u64(),
            request_timeout: ms(config.request_ms),
            connect_timeout: ms(rng.between(500, 5_000)),
            backoff: ms(rng.between(5, 150)),
            backoff_max: ms(rng.between(150, 1_000)),
            metadata_age_max: ms(rng.between(1_000, 300_000)),
            auto_create_topics: config.asks_percent > 0,
            producer: ProducerConfig {
                acks: match config.acks {
                    0 => Acks::None,
                    1 => Acks::Leader,
                    _ => Acks::All,
                },
                idempotent: config.idempotent,
                compression: config.codec,
                linger: ms(config.linger_ms),
                batch_bytes_max: config.batch_bytes,
                delivery_timeout: ms(config.delivery_ms),
                in_flight_max: config.in_flight,
                buffer_bytes_max: if rng.chance(1, 4) { rng.between(500, 5_000) as usize } else { 1 << 20 },
                ..usual.producer
            },
            fetch: FetchConfig {
                wait_max: ms(rng.between(20, 500)),
                bytes_min: if rng.chance(3, 4) { 1 } else { rng.between(1, 500) as i32 },
                bytes_max: if rng.chance(1, 2) { rng.between(200, 4_000) as i32 } else { 1 << 20 },
                partition_bytes_max: if rng.chance(1, 2) { rng.between(1, 2_000) as i32 } else { 1 << 20 },
                read_committed: rng.chance(1, 2),
                reset: match rng.below(3) {
                    0 if config.reads != Reads::All => None,
                    1 if config.reads != Reads::All => Some(Reset::Latest),
                    _ => Some(Reset::Earliest),
                },
            },
            planted,
        };
        Library {
            writing: Writing::new(&config),
            reading: Reading::new(&wanted, &config),
            asking: Asking::new(config.older),
            config,
            rng,
            client: Core::new(wanted),
            conns: BTreeMap::new(),
            armed_at: None,
            timed: 0,
            waiting: false,
            stopped: false,
            over: false,
            out: Vec::new(),
        }
    }

    pub(crate) fn on_start(&mut self, sim: &mut Sim, me: u32) {
        for entry in &self.config.timetable {
            sim.wake_client_after(me, (entry.at_ms * 1_000_000).saturating_sub(sim.now_ns()), TIMETABLE);
        }
        if self.config.reads != Reads::Nothing {
            for (topic, partitions) in self.config.topics.clone() {
                for index in 0..partitions {
                    let input = self.reading.assign(&mut self.rng, sim, me, &topic, index);
                    self.input(sim, me, input);
                }
            }
        }
        self.later(sim, me);
    }

    /// Nothing new is handed in; what the client holds comes to its end.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.over || self.stopped && self.writing.open() == 0 && self.asking.is_idle() && self.reading.is_at_end()
    }

    pub(crate) fn on_wake(&mut self, sim: &mut Sim, me: u32, token: u64) {
        if self.over {
            return;
        }
        let of_conn = (token & !(STANDS | REFUSED)) as u32;
        match token {
            WAKE => {
                let now = sim.now_ns();
                self.armed_at = self.armed_at.filter(|at| *at > now);
                match self.client.deadline() {
                    Some(deadline) if deadline.at.0 <= now => self.input(sim, me, ClientInput::Wake),
                    _ => self.arm(sim, me),
                }
            }
            TURN => {
                self.waiting = false;
                self.turn(sim, me);
            }
            TIMETABLE => self.keep_to_timetable(sim, me),
            token if token & STANDS != 0 => {
                if let Some(conn) = self.conn_of(of_conn) {
                    self.input(sim, me, ClientInput::Connected { conn });
                }
            }
            _ => {
                let conn = ConnId(u64::from(of_conn));
                if self.conns.remove(&conn).is_some() {
                    self.input(sim, me, ClientInput::Closed { conn, why: "connection refused".to_owned() });
                }
            }
        }
    }

    fn conn_of(&self, network: u32) -> Option<ConnId> {
        self.conns.iter().find(|(_, n)| **n == Some(network)).map(|(conn, _)| *conn)
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, me: u32, conn: u32) {
        if let Some(conn) = self.conn_of(conn) {
            self.conns.remove(&conn);
            self.input(sim, me, ClientInput::Closed { conn, why: "connection reset".to_owned() });
        }
    }

    pub(crate) fn on_response(&mut self, sim: &mut Sim, me: u32, conn: u32, (correlation, _, response): Got) {
        let Some(conn) = self.conn_of(conn) else { return };
        let response = match response {
            Response::ApiVersions(answer) if self.config.older => Response::ApiVersions(self.as_of_an_older_broker(answer)),
            other => other,
        };
        self.reading.on_answer(conn, correlation, &response);
        if let Response::Metadata(answer) = &response {
            self.look_for_own(sim, me, answer);
        }
        self.input(sim, me, ClientInput::Response { conn, correlation, response });
    }

    /// What a broker would say that serves the same, in versions from before topics had ids on the wire. Now and then it is too old to
    /// take records from this client at all.
    fn as_of_an_older_broker(&mut self, mut answer: msg::ApiVersionsResponse) -> msg::ApiVersionsResponse {
        for key in &mut answer.api_keys {
            let known = ApiKey::from_code(key.api_key).map_or(key.min_version, |api| api.versions().0);
            let before_ids = match key.api_key {
                0 | 1 => 12,
                3 => 9,
                _ => key.max_version,
            };
            let most = before_ids.min(key.max_version);
            let least = known.max(key.min_version).min(most);
            key.max_version = least + self.rng.below((most - least) as u64 + 1) as i16;
            if key.api_key == 0 && self.rng.chance(1, 16) {
                key.max_version = key.min_version;
            }
        }
        answer
    }

    /// The topic that was not created but used: once a broker shows it, it is there for good.
    fn look_for_own(&mut self, sim: &mut Sim, me: u32, answer: &msg::MetadataResponse) {
        let is_own = |t: &&msg::metadata_response::MetadataResponseTopic| {
            t.error_code == 0 && t.name.as_ref().is_some_and(|n| n.0.as_str() == asking::OWN)
        };
        let Some(own) = answer.topics.iter().find(is_own) else { return };
        let count = own.partitions.len() as i32;
        self.asking.is_there(count);
        let topic = sim.history.topic(asking::OWN);
        // Whoever has nothing more to do may learn of it when the last reader has begun already.
        let over = self.stopped && self.writing.open() == 0;
        if !over && !sim.history.admins.iter().any(|a| a.topic == topic) {
            let (now, act) = (sim.now_ns(), AdminAct::CreateTopic { partitions: count });
            let answer = own.topic_id.as_u128();
            sim.history.admins.push(AdminOp { client: me, topic, act, invoked: now, ended: now, outcome: Outcome::Ok, answer });
        }
    }

    fn later(&mut self, sim: &mut Sim, me: u32) {
        if !self.waiting {
            self.waiting = true;
            sim.wake_client_after(me, self.rng.below(self.config.think_ms * 2_000_000 + 1), TURN);
        }
    }

    /// Hand the client an input, and do what it asks for.
    fn input(&mut self, sim: &mut Sim, me: u32, input: ClientInput) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = Now { mono: Instant(sim.now_ns()), wall: Timestamp(sim.client_wall_ms(me)) };
            let mut out = std::mem::take(&mut self.out);
            sim.watch.tally.count(Id::Panicked);
            let client = &mut self.client;
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| client.handle(now, input, &mut out))) {
                sim.client_panicked(me, &*panic);
                self.over = true;
                return;
            }
            for output in out.drain(..) {
                match output {
                    ClientOutput::Connect { conn, host, .. } => self.connect(sim, me, conn, &host),
                    ClientOutput::Close { conn } => {
                        if let Some(network) = self.conns.remove(&conn).flatten() {
                            sim.hang_up(network);
                        }
                    }
                    ClientOutput::Send { conn, frame } => self.send(sim, conn, frame),
                    ClientOutput::Event(event) => self.on_event(sim, me, event),
                }
            }
            self.out = out;
        }
        self.arm(sim, me);
    }

    fn connect(&mut self, sim: &mut Sim, me: u32, conn: ConnId, host: &str) {
        if host == NOWHERE {
            self.conns.insert(conn, None);
            sim.wake_client_after(me, self.rng.between(10_000, 2_000_000), REFUSED | conn.0);
            return;
        }
        let network = sim.connect(me, 0);
        self.conns.insert(conn, Some(network));
        sim.wake_client_after(me, self.rng.between(10_000, 2_000_000), STANDS | u64::from(network));
    }

    fn send(&mut self, sim: &mut Sim, conn: ConnId, frame: RequestFrame) {
        let answered = !matches!(&frame.request, Request::Produce(p) if p.acks == 0);
        match &frame.request {
            Request::Produce(produce) => self.writing.on_sent(sim, produce, self.reading.ids()),
            _ => self.reading.on_sent(sim, conn, &frame),
        }
        if let Some(network) = self.conns.get(&conn).copied().flatten() {
            sim.send(network, frame, answered);
        }
    }

    fn on_event(&mut self, sim: &mut Sim, me: u32, event: ClientEvent) {
        match event {
            ClientEvent::Delivered { token, partition, offset, .. } => self.writing.delivered(sim, token, &partition, offset),
            ClientEvent::NotDelivered { token, error, certainty } => self.writing.not_delivered(sim, token, &error, certainty),
            ClientEvent::Fetched { partition, records, next, high_watermark } => {
                self.reading.fetched(sim, me, &partition, &records, next, high_watermark);
            }
            ClientEvent::EndReached { partition, end } => self.reading.end_reached(sim, me, &partition, end),
            ClientEvent::FetchFailed { partition, error } => self.reading.failed(sim, me, &partition, &error),
            ClientEvent::Called { token, result } => self.asking.called(sim, token, result),
            // Where it goes on is seen on the wire.
            ClientEvent::Moved { .. }
            | ClientEvent::Stalled { .. }
            | ClientEvent::Resumed { .. }
            | ClientEvent::Unreachable { .. } => {}
        }
    }

    /// See to it that the client gets its turn when it wants one.
    fn arm(&mut self, sim: &mut Sim, me: u32) {
        let Some(deadline) = self.client.deadline() else { return };
        if self.armed_at.is_none_or(|at| deadline.at.0 < at) {
            self.armed_at = Some(deadline.at.0);
            sim.wake_client_after(me, deadline.at.0.saturating_sub(sim.now_ns()), WAKE);
        }
    }

    fn turn(&mut self, sim: &mut Sim, me: u32) {
        if self.stopped {
            return self.wind_up(sim, me);
        }
        let left = self.config.records.saturating_sub(self.writing.made());
        if left > 0 {
            let burst = self.rng.between(1, u64::from(self.config.burst.clamp(1, left))) as u32;
            for _ in 0..burst {
                let own = self.config.asks_percent > 0 && self.rng.chance(1, 4);
                let input = self.writing.record(sim, me, &mut self.rng, own.then_some(asking::OWN));
                self.input(sim, me, input);
            }
            if self.rng.chance(1, 8) {
                self.input(sim, me, ClientInput::Flush);
            }
        }
        if self.config.reads == Reads::Anywhere && self.rng.chance(1, 8) {
            self.move_about(sim, me);
        }
        if self.rng.below(100) < self.config.asks_percent {
            let acked = self.writing.acked(sim, asking::OWN);
            if let Some(input) = self.asking.next(sim, &mut self.rng, acked) {
                self.input(sim, me, input);
            }
        }
        self.check_late(sim);
        self.later(sim, me);
    }

    fn check_late(&self, sim: &mut Sim) {
        self.writing.check_late(sim);
        self.asking.check_late(sim);
    }

    /// Stop reading a partition, or read it from elsewhere; begin with one that failed.
    fn move_about(&mut self, sim: &mut Sim, me: u32) {
        let Some((topic, partitions)) = self.rng.pick(&self.config.topics).cloned() else { return };
        let index = self.rng.below(partitions as u64) as i32;
        let input = match self.rng.below(3) {
            0 => self.reading.unassign(&topic, index),
            _ => self.reading.assign(&mut self.rng, sim, me, &topic, index),
        };
        self.input(sim, me, input);
        if self.rng.chance(1, 3) {
            // At once again, before anything of it was answered.
            let input = self.reading.assign(&mut self.rng, sim, me, &topic, index);
            self.input(sim, me, input);
        }
    }

    fn keep_to_timetable(&mut self, sim: &mut Sim, me: u32) {
        while let Some(entry) = self.config.timetable.get(self.timed).cloned().filter(|_| !self.stopped) {
            if entry.at_ms * 1_000_000 > sim.now_ns() {
                return;
            }
            self.timed += 1;
            for (topic, partition) in &entry.to {
                for _ in 0..entry.records {
                    let input = self.writing.record_to(sim, me, topic, Some(*partition), entry.padding);
                    self.input(sim, me, input);
                }
            }
        }
    }

    /// When everything has ended and everything is read, hang up.
    fn wind_up(&mut self, sim: &mut Sim, me: u32) {
        self.check_late(sim);
        if self.is_done() {
            for (topic, index) in self.reading.assigned() {
                let input = self.reading.unassign(&topic, index);
                self.input(sim, me, input);
            }
            self.over = true;
            std::mem::take(&mut self.conns).into_values().flatten().for_each(|conn| sim.hang_up(conn));
        } else {
            self.later(sim, me);
        }
    }
}

/// Something that the client must not do.
fn complain(sim: &mut Sim, site: &str, message: String) {
    sim.fail(Id::Library.name(), site, message);
}
