//! A Kafka client as a state machine: producer, reader by partition and offset, and single calls, without IO of its own.
//!
//! State       connections, metadata of the cluster, batches not yet acknowledged, positions of assigned partitions, open calls.
//! Takes       `ClientInput`: what happened on a connection, and what the caller wants, each with a `Now`.
//! Gives       `ClientOutput`: connections to make, requests to send, and `ClientEvent`s for the caller.
//! Holds       every token handed in ends with exactly one event; equal inputs and an equal seed give equal outputs.
//! Not here    sockets and clocks (the command line drives it over tokio, a world of the simulator in virtual time).
//! Read first  `Client::handle`, then connection.rs, producer.rs, fetcher.rs.

mod admin;
mod api;
mod connection;
mod error;
mod fetcher;
mod metadata;
mod partitioner;
mod producer;
#[cfg(test)]
mod tests;

pub use api::{
    Acks, ClientConfig, ClientError, ClientEvent, ClientInput, ClientOutput, FetchConfig, NewRecord, Position, ProducerConfig,
    ReadRecord, Reset, Target, Token, TopicPartition,
};
pub use error::{Certainty, Code, Verdict};

use crate::ids::ConnId;
use crate::io::Deadline;
use crate::rng::Rng;
use crate::time::{Instant, Now};
use crate::wire::{ApiKey, Request, RequestFrame, Response, WireError, encode_request, msg};
use admin::{Admin, Where};
use bytes::Bytes;
use connection::{Answered, Connections, InFlight, Lost, Peer};
use fetcher::{Asked, Fetcher, Question};
use metadata::Metadata;
use producer::{PartitionResult, Producer, Sent};

/// The machine.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    rng: Rng,
    now: Now,
    connections: Connections<Purpose>,
    metadata: Metadata,
    producer: Producer,
    fetcher: Fetcher,
    admin: Admin,
    /// The bootstrap address to try next.
    next_bootstrap: usize,
}

/// What a request is for, and what its loss would lose.
#[derive(Debug)]
enum Purpose {
    Metadata,
    Identity,
    Produce(Vec<Sent>),
    Offsets(Question, Vec<TopicPartition>),
    Fetch(Asked),
    Call(Token),
}

/// What every machine of the client may use while it handles an input.
struct Ctx<'a> {
    config: &'a ClientConfig,
    now: Now,
    rng: &'a mut Rng,
    out: &'a mut Vec<ClientOutput>,
}

impl Ctx<'_> {
    fn event(&mut self, event: ClientEvent) {
        self.out.push(ClientOutput::Event(event));
    }

    /// Until when an answer is waited for.
    fn give_up(&self) -> Instant {
        self.now.mono.after(self.config.request_timeout)
    }
}

/// The parts of a client, borrowed one by one, and the context that its machines share.
macro_rules! ctx {
    ($client:ident, $out:ident) => {
        Ctx { config: &$client.config, now: $client.now, rng: &mut $client.rng, out: $out }
    };
}

impl Client {
    /// A client that has done nothing yet. It connects when it is first asked for something.
    #[must_use]
    pub fn new(config: ClientConfig) -> Client {
        assert!(!config.bootstrap.is_empty(), "a client needs an address to begin with");
        let p = &config.producer;
        assert!(p.in_flight_max > 0, "something must be in flight");
        assert!(
            !p.idempotent || p.acks == Acks::All && p.in_flight_max <= 5,
            "idempotence needs acks=all and at most 5 in flight"
        );
        Client {
            rng: Rng::stream(config.seed, "client"),
            config,
            now: Now::default(),
            connections: Connections::new(),
            metadata: Metadata::default(),
            producer: Producer::new(),
            fetcher: Fetcher::default(),
            admin: Admin::default(),
            next_bootstrap: 0,
        }
    }

    /// The only mutation. Total, never blocks, reads no clock.
    pub fn handle(&mut self, now: Now, input: ClientInput, out: &mut Vec<ClientOutput>) {
        assert!(now.mono >= self.now.mono, "time does not go back");
        self.now = now;
        let mut ctx = ctx!(self, out);
        match input {
            ClientInput::Connected { conn } => self.connections.on_connected(&mut ctx, conn),
            ClientInput::Closed { conn, why } => {
                let lost = self.connections.on_closed(&mut ctx, conn, &why);
                lost.into_iter().for_each(|lost| self.on_lost(lost, out));
            }
            ClientInput::Response { conn, correlation, response } => self.on_response(conn, correlation, response, out),
            ClientInput::Produce { token, record } => self.producer.accept(&mut ctx, &mut self.metadata, token, record),
            ClientInput::Flush => self.producer.flush(),
            ClientInput::Assign { partition, from } => self.fetcher.assign(&ctx, &mut self.metadata, partition, from),
            ClientInput::Unassign { partition } => self.fetcher.unassign(&partition),
            ClientInput::Call { token, target, request, timeout } => {
                self.admin.call(&mut ctx, &mut self.metadata, token, (target, request, timeout));
            }
            ClientInput::Wake => {}
        }
        self.go_on(out);
        let ctx = ctx!(self, out);
        self.producer.check_invariants(&ctx);
    }

    /// When the client wants `ClientInput::Wake` at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let (mut rng, mut nothing) = (self.rng.clone(), Vec::new());
        let ctx = Ctx { config: &self.config, now: self.now, rng: &mut rng, out: &mut nothing };
        let all = [
            self.connections.deadline(),
            self.connections.next_try(self.now),
            self.metadata.deadline(&self.config),
            self.producer.deadline(&ctx, &self.metadata),
            self.fetcher.deadline(&ctx),
            self.admin.deadline(&ctx),
        ];
        // What was due was done, or waits for something else that has its own deadline or its own input.
        all.into_iter().flatten().filter(|d| d.at > self.now.mono).min_by_key(|d| d.at)
    }

    /// Whether another record may be handed in: fewer bytes wait than `buffer_bytes_max`.
    #[must_use]
    pub fn can_accept(&self) -> bool {
        self.producer.buffered_bytes() < self.config.producer.buffer_bytes_max
    }

    /// How many bytes of records are accepted and not yet ended.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.producer.buffered_bytes()
    }

    /// Decode the next frame that arrived on a connection (without its length prefix), for `ClientInput::Response`.
    /// An error means that the connection is of no more use: close it and hand in `ClientInput::Closed`.
    pub fn decode(&self, conn: ConnId, frame: Bytes) -> Result<(i32, Response), WireError> {
        self.connections.decode(conn, frame)
    }

    fn on_response(&mut self, conn: ConnId, correlation: i32, response: Response, out: &mut Vec<ClientOutput>) {
        let mut ctx = ctx!(self, out);
        match self.connections.on_response(&mut ctx, conn, correlation, &response) {
            Answered::Ready | Answered::Nothing => {}
            Answered::Lost(lost) => self.on_lost(lost, out),
            Answered::Answer(InFlight { purpose, .. }) => self.on_answer(purpose, response, out),
        }
    }

    fn on_answer(&mut self, purpose: Purpose, response: Response, out: &mut Vec<ClientOutput>) {
        let mut ctx = ctx!(self, out);
        match (purpose, response) {
            (Purpose::Call(token), response) => self.admin.on_answer(&mut ctx, &mut self.metadata, token, response),
            (Purpose::Metadata, Response::Metadata(answer)) => {
                self.metadata.on_answer(&mut ctx, &answer);
                self.producer.reroute(&mut ctx, &self.metadata);
                self.fetcher.on_metadata(&mut ctx, &self.metadata);
                let lost = self.connections.adopt(&mut ctx, &self.metadata.brokers);
                lost.into_iter().for_each(|lost| self.on_lost(lost, out));
            }
            (Purpose::Identity, Response::InitProducerId(answer)) => {
                let ok = answer.error_code == 0;
                let answer = if ok { Ok((answer.producer_id.0, answer.producer_epoch)) } else { Err(Code(answer.error_code)) };
                self.producer.on_identity(&mut ctx, answer);
            }
            (Purpose::Produce(sent), Response::Produce(answer)) => self.on_produced(&sent, &answer, out),
            (Purpose::Offsets(question, asked), Response::ListOffsets(answer)) => {
                self.fetcher.on_offsets(&mut ctx, &mut self.metadata, (question, &asked), &answer);
            }
            (Purpose::Fetch(asked), Response::Fetch(reply)) => {
                self.fetcher.on_fetched(&mut ctx, &mut self.metadata, &asked, &reply);
            }
            // An answer to another question than was asked: as good as none.
            (purpose, _) => self.lose(purpose, "the answer was to another question", out),
        }
    }

    fn on_produced(&mut self, sent: &[Sent], answer: &msg::ProduceResponse, out: &mut Vec<ClientOutput>) {
        let mut ctx = ctx!(self, out);
        let mut unanswered: Vec<Sent> = sent.to_vec();
        for topic in &answer.responses {
            let by_id = topic.name.0.is_empty();
            let name = if by_id { self.metadata.name_of(topic.topic_id) } else { Some(topic.name.0.as_str()) };
            let Some(name) = name.map(str::to_owned) else { continue };
            for told in &topic.partition_responses {
                let here = |(p, _): &Sent| p.index == told.index && p.topic == name;
                let Some(at) = unanswered.iter().position(here) else { continue };
                let which = unanswered.swap_remove(at);
                if told.current_leader.leader_id.0 >= 0 {
                    self.metadata.on_leader(&which.0, told.current_leader.leader_id.0, told.current_leader.leader_epoch);
                }
                let result = PartitionResult {
                    code: Code(told.error_code),
                    message: told.error_message.as_ref().map(ToString::to_string).filter(|m| !m.is_empty()),
                    base_offset: told.base_offset,
                    log_append_time_ms: told.log_append_time_ms,
                };
                self.producer.on_result(&mut ctx, &mut self.metadata, &which, &result);
            }
        }
        self.producer.on_lost(&mut ctx, &mut self.metadata, &unanswered, "the answer left the partition out");
    }

    /// A connection is gone: everything that was in flight on it is lost.
    fn on_lost(&mut self, lost: Lost<Purpose>, out: &mut Vec<ClientOutput>) {
        for purpose in lost.purposes {
            self.lose(purpose, &lost.why, out);
        }
        if lost.unreachable {
            let (host, port) = lost.address;
            self.admin.on_unreachable(&format!("{host}:{port}: {}", lost.why));
            out.push(ClientOutput::Event(ClientEvent::Unreachable { host, port, why: lost.why }));
        }
    }

    fn lose(&mut self, purpose: Purpose, why: &str, out: &mut Vec<ClientOutput>) {
        let mut ctx = ctx!(self, out);
        match purpose {
            Purpose::Metadata => self.metadata.on_lost(&mut ctx),
            Purpose::Identity => self.producer.identity_failed(&mut ctx),
            Purpose::Produce(sent) => self.producer.on_lost(&mut ctx, &mut self.metadata, &sent, why),
            Purpose::Offsets(question, asked) => self.fetcher.offsets_lost(&mut ctx, question, &asked),
            Purpose::Fetch(asked) => self.fetcher.fetch_lost(&mut ctx, &mut self.metadata, &asked),
            Purpose::Call(token) => self.admin.on_lost(&mut ctx, token, why),
        }
    }

    /// Whatever can be done now is done now.
    fn go_on(&mut self, out: &mut Vec<ClientOutput>) {
        let late = self.connections.expire(&mut ctx!(self, out));
        late.into_iter().for_each(|lost| self.on_lost(lost, out));
        self.producer.expire(&mut ctx!(self, out), &self.metadata);
        self.admin.expire(&mut ctx!(self, out));
        self.send_calls(out);
        self.send_metadata(out);
        self.send_identity(out);
        self.send_produce(out);
        self.send_offsets(out);
        self.send_fetches(out);
    }

    /// A ready connection to a broker; if there is none, one is made.
    fn reach_broker(&mut self, broker: i32, out: &mut Vec<ClientOutput>) -> Option<ConnId> {
        let peer = Peer::Broker(broker);
        let ready = self.connections.ready(peer);
        if ready.is_none() {
            let address = self.metadata.brokers.get(&broker)?.clone();
            self.connections.connect(&mut ctx!(self, out), peer, address);
        }
        ready
    }

    /// A ready connection to anybody; if there is none, one is made: to a known broker, else to the next bootstrap address.
    fn reach_any(&mut self, out: &mut Vec<ClientOutput>) -> Option<ConnId> {
        if let Some(conn) = self.connections.any_ready() {
            return Some(conn);
        }
        let known: Vec<i32> = self.metadata.brokers.keys().copied().collect();
        let bootstrap = 0..self.config.bootstrap.len();
        let peers = known.iter().map(|id| Peer::Broker(*id)).chain(bootstrap.map(Peer::Bootstrap));
        if peers.into_iter().any(|peer| self.connections.exists(peer)) {
            return None;
        }
        let free: Vec<i32> = known.into_iter().filter(|id| !self.connections.waits(Peer::Broker(*id), self.now)).collect();
        let (peer, address) = match self.rng.pick(&free) {
            Some(id) => (Peer::Broker(*id), self.metadata.brokers[id].clone()),
            None => {
                let index = self.next_bootstrap % self.config.bootstrap.len();
                self.next_bootstrap = index + 1;
                (Peer::Bootstrap(index), self.config.bootstrap[index].clone())
            }
        };
        self.connections.connect(&mut ctx!(self, out), peer, address);
        None
    }

    fn send_calls(&mut self, out: &mut Vec<ClientOutput>) {
        if self.admin.wants_broker() {
            self.metadata.want_brokers(self.now);
        }
        for (token, place) in self.admin.due(&mut ctx!(self, out), &mut self.metadata) {
            let conn = match place {
                Where::Any => self.reach_any(out),
                Where::Broker(id) => self.reach_broker(id, out),
            };
            let Some(conn) = conn else { continue };
            let api = self.admin.request_api(token);
            let Some((api, version)) = api.and_then(|api| Some((api, self.connections.version(conn, api)?))) else {
                let api = api.map_or("this".to_owned(), |api| format!("{api:?}"));
                self.admin.end(&mut ctx!(self, out), token, Err(ClientError::Unsupported { api }));
                continue;
            };
            let Some((request, give_up)) = self.admin.send(token) else { continue };
            // Whoever made it could not know the version.
            if let Err(what) = can_say(&request, version) {
                self.admin.end(&mut ctx!(self, out), token, Err(ClientError::Invalid { what }));
                continue;
            }
            self.connections.send(&mut ctx!(self, out), conn, version, request, Some((api, give_up, Purpose::Call(token))));
        }
    }

    /// Send a request of our own if the broker serves it at all. Without that, it is as if it had been lost.
    fn send(&mut self, conn: ConnId, api: ApiKey, request: Request, purpose: Purpose, out: &mut Vec<ClientOutput>) {
        let mut ctx = ctx!(self, out);
        match self.connections.version(conn, api) {
            Some(version) => {
                let waiting = Some((api, ctx.give_up(), purpose));
                self.connections.send(&mut ctx, conn, version, request, waiting);
            }
            None => self.lose(purpose, &format!("the broker does not serve {api:?}"), out),
        }
    }

    fn send_metadata(&mut self, out: &mut Vec<ClientOutput>) {
        if !self.metadata.is_due(&self.config, self.now) {
            return;
        }
        if let Some(conn) = self.reach_any(out) {
            // Brokers that cannot be told create whatever is asked for, as their own setting says.
            let tells = self.connections.version(conn, ApiKey::Metadata).is_none_or(|version| version >= 4);
            let request = self.metadata.request(!tells || self.config.auto_create_topics);
            self.send(conn, ApiKey::Metadata, Request::Metadata(request), Purpose::Metadata, out);
        }
    }

    fn send_identity(&mut self, out: &mut Vec<ClientOutput>) {
        if !self.producer.wants_identity(&ctx!(self, out)) {
            return;
        }
        if let Some(conn) = self.reach_any(out) {
            self.producer.on_identity_asked();
            let mut request = msg::InitProducerIdRequest::default();
            request.transactional_id = None;
            request.transaction_timeout_ms = i32::MAX;
            request.producer_id = msg::ProducerId(-1);
            request.producer_epoch = -1;
            self.send(conn, ApiKey::InitProducerId, Request::InitProducerId(request), Purpose::Identity, out);
        }
    }

    fn send_produce(&mut self, out: &mut Vec<ClientOutput>) {
        for broker in self.producer.ready_brokers(&mut ctx!(self, out), &mut self.metadata) {
            let Some(conn) = self.reach_broker(broker, out) else { continue };
            let version = self.connections.version(conn, ApiKey::Produce);
            while self.connections.in_flight(conn, ApiKey::Produce) < self.config.producer.in_flight_max {
                let mut ctx = ctx!(self, out);
                let by_id = version.is_some_and(|v| v >= 13);
                let Some((produce, sent)) = self.producer.drain(&mut ctx, &self.metadata, broker, by_id) else { break };
                let Some(version) = version else {
                    self.producer.on_unsendable(&mut ctx, &sent);
                    continue;
                };
                if self.config.producer.acks == Acks::None {
                    self.connections.send(&mut ctx, conn, version, Request::Produce(produce), None);
                    self.producer.on_sent_blind(&mut ctx, &sent);
                } else {
                    self.send(conn, ApiKey::Produce, Request::Produce(produce), Purpose::Produce(sent), out);
                }
            }
        }
    }

    fn send_offsets(&mut self, out: &mut Vec<ClientOutput>) {
        let due = self.fetcher.offsets_due(&mut ctx!(self, out), &mut self.metadata);
        for (broker, partitions) in due {
            let Some(conn) = self.reach_broker(broker, out) else { continue };
            // A broker that knows no transactions has no uncommitted records.
            let committed =
                self.config.fetch.read_committed && self.connections.version(conn, ApiKey::ListOffsets).is_none_or(|v| v >= 2);
            let (request, question) = self.fetcher.offsets_request(&ctx!(self, out), &self.metadata, &partitions, committed);
            self.send(conn, ApiKey::ListOffsets, Request::ListOffsets(request), Purpose::Offsets(question, partitions), out);
        }
    }

    fn send_fetches(&mut self, out: &mut Vec<ClientOutput>) {
        for broker in self.fetcher.brokers_due(&mut ctx!(self, out), &mut self.metadata) {
            let Some(conn) = self.reach_broker(broker, out) else { continue };
            let version = self.connections.version(conn, ApiKey::Fetch);
            if version.is_some_and(|v| v < 7) {
                // A broker that does not know sessions, or does not know them any more.
                self.fetcher.forget_session(broker);
            }
            let by_id = version.is_some_and(|v| v >= 13);
            let (request, asked) = self.fetcher.fetch_request(&ctx!(self, out), &self.metadata, broker, by_id);
            self.send(conn, ApiKey::Fetch, Request::Fetch(request), Purpose::Fetch(asked), out);
        }
    }
}

/// Whether a request can be written down in this version of its API.
fn can_say(request: &Request, version: i16) -> Result<(), String> {
    let frame = RequestFrame { correlation: 0, version, client_id: None, size: 0, request: request.clone() };
    let said = encode_request(&frame).map(|_| ());
    said.map_err(|e| format!("the broker serves version {version}, in which this cannot be said: {e}"))
}
