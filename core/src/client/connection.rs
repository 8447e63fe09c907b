//! The client's connections: making them, agreeing on versions, requests in flight, giving up, waiting before the next try.
//!
//! State       a connection per peer; the requests in flight on each, in the order in which their answers must come; a wait per peer.
//! Takes       what became of a connection; requests to send; time.
//! Gives       `Connect`, `Send`, `Close`; for each request exactly one of: its answer's purpose, or its loss.
//! Holds       correlation ids of a connection only grow; an answer that is not the oldest one due ends the connection.
//! Not here    what a request is for (the `Purpose` is handed back as it was given).

use super::Ctx;
use super::api::{ClientConfig, ClientOutput};
use crate::ids::ConnId;
use crate::io::Deadline;
use crate::rng::Rng;
use crate::time::{Instant, Now};
use crate::wire::{ApiKey, Request, RequestFrame, Response, WireError, decode_response, msg};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Whom a connection leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Peer {
    /// One of the configured addresses, by its index.
    Bootstrap(usize),
    /// A broker that metadata named.
    Broker(i32),
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct InFlight<P> {
    pub correlation: i32,
    pub api: ApiKey,
    pub version: i16,
    give_up: Instant,
    pub purpose: P,
}

#[derive(Debug)]
enum State {
    Connecting,
    /// ApiVersions is in flight at this version.
    Negotiating {
        version: i16,
    },
    Ready,
}

#[derive(Debug)]
struct Connection<P> {
    peer: Peer,
    address: (String, u16),
    state: State,
    /// Until when it must be ready.
    ready_by: Instant,
    versions: BTreeMap<i16, (i16, i16)>,
    in_flight: VecDeque<InFlight<P>>,
    next_correlation: i32,
}

/// How long a peer is left alone after failures in a row.
#[derive(Debug, Clone, Copy)]
struct Wait {
    failures: u32,
    until: Instant,
}

/// A connection that is gone, with what was in flight on it.
#[derive(Debug)]
pub(super) struct Lost<P> {
    pub peer: Peer,
    pub address: (String, u16),
    /// Whether it had never become ready.
    pub unreachable: bool,
    pub why: String,
    pub purposes: Vec<P>,
}

/// What an answer was to the connections.
#[derive(Debug)]
pub(super) enum Answered<P> {
    /// The versions are agreed; requests may be sent.
    Ready,
    Answer(InFlight<P>),
    /// Nothing for anybody: the connection is unknown by now, or goes on negotiating.
    Nothing,
    Lost(Lost<P>),
}

/// All connections of a client.
#[derive(Debug)]
pub(super) struct Connections<P> {
    connections: BTreeMap<ConnId, Connection<P>>,
    by_peer: BTreeMap<Peer, ConnId>,
    waits: BTreeMap<Peer, Wait>,
    next_id: u64,
}

/// The doubled wait after `failures` failures in a row, with up to a fifth of jitter.
pub(super) fn backoff(config: &ClientConfig, failures: u32, rng: &mut Rng) -> Duration {
    let doubled = config.backoff.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(config.backoff_max);
    let jitter = u64::try_from(doubled.as_nanos() / 5).unwrap_or(0);
    doubled + Duration::from_nanos(rng.between(0, jitter))
}

impl<P> Connections<P> {
    pub(super) fn new() -> Connections<P> {
        Connections { connections: BTreeMap::new(), by_peer: BTreeMap::new(), waits: BTreeMap::new(), next_id: 0 }
    }

    /// The connection to a peer if requests can be sent on it.
    pub(super) fn ready(&self, peer: Peer) -> Option<ConnId> {
        let conn = *self.by_peer.get(&peer)?;
        matches!(self.connections[&conn].state, State::Ready).then_some(conn)
    }

    /// Any connection that is ready, the smallest broker first.
    pub(super) fn any_ready(&self) -> Option<ConnId> {
        let brokers_first = self.by_peer.iter().rev();
        brokers_first.map(|(_, conn)| *conn).find(|conn| matches!(self.connections[conn].state, State::Ready))
    }

    /// Whether a connection is being made or stands.
    pub(super) fn exists(&self, peer: Peer) -> bool {
        self.by_peer.contains_key(&peer)
    }

    /// Whether a peer is left alone for now.
    pub(super) fn waits(&self, peer: Peer, now: Now) -> bool {
        self.waits.get(&peer).is_some_and(|w| w.until > now.mono)
    }

    /// How many requests of an API are in flight on a connection.
    pub(super) fn in_flight(&self, conn: ConnId, api: ApiKey) -> usize {
        self.connections.get(&conn).map_or(0, |c| c.in_flight.iter().filter(|f| f.api == api).count())
    }

    /// Begin to connect to a peer, unless a connection exists or the peer is to be left alone for now.
    pub(super) fn connect(&mut self, ctx: &mut Ctx<'_>, peer: Peer, address: (String, u16)) {
        if self.exists(peer) || self.waits(peer, ctx.now) {
            return;
        }
        let conn = ConnId(self.next_id);
        self.next_id += 1;
        ctx.out.push(ClientOutput::Connect { conn, host: address.0.clone(), port: address.1 });
        let connection = Connection {
            peer,
            address,
            state: State::Connecting,
            ready_by: ctx.now.mono.after(ctx.config.connect_timeout),
            versions: BTreeMap::new(),
            in_flight: VecDeque::new(),
            next_correlation: 0,
        };
        self.connections.insert(conn, connection);
        self.by_peer.insert(peer, conn);
    }

    /// The highest version of an API that both ends know.
    pub(super) fn version(&self, conn: ConnId, api: ApiKey) -> Option<i16> {
        let (their_min, their_max) = *self.connections.get(&conn)?.versions.get(&(api as i16))?;
        let (our_min, our_max) = api.versions();
        let version = our_max.min(their_max);
        (version >= our_min && version >= their_min).then_some(version)
    }

    /// Send a request on a ready connection. Without a purpose, no answer is expected (acks=0).
    pub(super) fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        version: i16,
        request: Request,
        waiting: Option<(ApiKey, Instant, P)>,
    ) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let correlation = connection.next_correlation;
        connection.next_correlation = correlation.wrapping_add(1) & i32::MAX;
        if let Some((api, give_up, purpose)) = waiting {
            connection.in_flight.push_back(InFlight { correlation, api, version, give_up, purpose });
        }
        let client_id = Some(ctx.config.client_id.clone());
        ctx.out.push(ClientOutput::Send { conn, frame: RequestFrame { correlation, version, client_id, size: 0, request } });
    }

    /// The transport stands: ask for versions first, at the highest that we know.
    pub(super) fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if matches!(connection.state, State::Connecting) {
            connection.ask_versions(ctx, conn, ApiKey::ApiVersions.versions().1);
        }
    }

    pub(super) fn on_response(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, correlation: i32, response: &Response) -> Answered<P> {
        let Some(connection) = self.connections.get_mut(&conn) else { return Answered::Nothing };
        if let State::Negotiating { version } = connection.state {
            let Response::ApiVersions(answer) = response else {
                return self.drop_connection(ctx, conn, "the first answer was not ApiVersions");
            };
            return match answer.error_code {
                0 => {
                    connection.versions = answer.api_keys.iter().map(|k| (k.api_key, (k.min_version, k.max_version))).collect();
                    connection.state = State::Ready;
                    let peer = connection.peer;
                    self.waits.remove(&peer);
                    Answered::Ready
                }
                // KIP-511: the broker says in the oldest form what it does serve.
                35 if version > 0 => {
                    let key = answer.api_keys.iter().find(|k| k.api_key == ApiKey::ApiVersions as i16);
                    let theirs = key.map_or(0, |k| k.max_version.min(version - 1));
                    connection.ask_versions(ctx, conn, theirs);
                    Answered::Nothing
                }
                code => {
                    let why = format!("ApiVersions was answered with {}", super::Code(code));
                    self.drop_connection(ctx, conn, &why)
                }
            };
        }
        match connection.in_flight.pop_front() {
            Some(oldest) if oldest.correlation == correlation => Answered::Answer(oldest),
            Some(other) => {
                connection.in_flight.push_front(other);
                self.drop_connection(ctx, conn, "an answer came out of order")
            }
            None => self.drop_connection(ctx, conn, "an answer came to no question"),
        }
    }

    /// Decode the next frame of a connection by the request that it must answer.
    pub(super) fn decode(&self, conn: ConnId, frame: Bytes) -> Result<(i32, Response), WireError> {
        let connection =
            self.connections.get(&conn).ok_or_else(|| WireError::Malformed("the connection is not ours any more".to_owned()))?;
        let (api, version) = match connection.state {
            State::Negotiating { version } => {
                // Behind the correlation id: 35 says that the answer has the oldest form (KIP-511).
                let fallback = frame.get(4..6) == Some(&[0, 35]);
                (ApiKey::ApiVersions, if fallback { 0 } else { version })
            }
            _ => match connection.in_flight.front() {
                Some(oldest) => (oldest.api, oldest.version),
                None => return Err(WireError::Malformed("an answer came to no question".to_owned())),
            },
        };
        decode_response(api, version, frame)
    }

    /// The transport is gone.
    pub(super) fn on_closed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, why: &str) -> Option<Lost<P>> {
        let connection = self.connections.remove(&conn)?;
        self.by_peer.remove(&connection.peer);
        let failures = self.waits.get(&connection.peer).map_or(0, |w| w.failures) + 1;
        let until = ctx.now.mono.after(backoff(ctx.config, failures, ctx.rng));
        self.waits.insert(connection.peer, Wait { failures, until });
        Some(Lost {
            peer: connection.peer,
            address: connection.address,
            unreachable: !matches!(connection.state, State::Ready),
            why: why.to_owned(),
            purposes: connection.in_flight.into_iter().map(|f| f.purpose).collect(),
        })
    }

    /// Give up a connection from our side.
    pub(super) fn drop_connection(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, why: &str) -> Answered<P> {
        ctx.out.push(ClientOutput::Close { conn });
        self.on_closed(ctx, conn, why).map_or(Answered::Nothing, Answered::Lost)
    }

    /// Give up what has waited too long.
    pub(super) fn expire(&mut self, ctx: &mut Ctx<'_>) -> Vec<Lost<P>> {
        let late: Vec<(ConnId, &str)> = self
            .connections
            .iter()
            .filter(|(_, c)| c.give_up().is_some_and(|at| at <= ctx.now.mono))
            .map(|(id, c)| {
                let why = match c.state {
                    State::Ready => "an answer did not come in time",
                    _ => "the connection was not ready in time",
                };
                (*id, why)
            })
            .collect();
        let lost = late.into_iter().filter_map(|(id, why)| {
            ctx.out.push(ClientOutput::Close { conn: id });
            self.on_closed(ctx, id, why)
        });
        lost.collect()
    }

    /// Bootstrap connections become those of the brokers whom they turned out to reach; the rest close when they are idle.
    /// A connection to a broker whose address has changed closes too, and what was in flight on it is lost.
    pub(super) fn adopt(&mut self, ctx: &mut Ctx<'_>, brokers: &BTreeMap<i32, (String, u16)>) -> Vec<Lost<P>> {
        let mut close = Vec::new();
        for (peer, conn) in self.by_peer.clone() {
            let connection = self.connections.get_mut(&conn).expect("every peer's connection exists");
            match peer {
                Peer::Bootstrap(_) => {
                    let broker =
                        brokers.iter().find(|(_, address)| **address == connection.address).map(|(id, _)| Peer::Broker(*id));
                    match broker {
                        Some(broker) if !self.by_peer.contains_key(&broker) => {
                            connection.peer = broker;
                            self.by_peer.remove(&peer);
                            self.by_peer.insert(broker, conn);
                        }
                        _ if connection.in_flight.is_empty() && !brokers.is_empty() => close.push(conn),
                        _ => {}
                    }
                }
                Peer::Broker(id) => {
                    if brokers.get(&id) != Some(&connection.address) {
                        close.push(conn);
                    }
                }
            }
        }
        let mut lost = Vec::new();
        for conn in close {
            ctx.out.push(ClientOutput::Close { conn });
            let gone = self.on_closed(ctx, conn, "the broker has another address now");
            if let Some(gone) = gone {
                // Nobody failed: there is no reason to wait.
                self.waits.remove(&gone.peer);
                lost.push(gone);
            }
        }
        lost
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let give_up = self.connections.values().filter_map(Connection::give_up).map(|at| Deadline { at, why: "request-timeout" });
        give_up.min_by_key(|d| d.at)
    }

    /// When the first of the peers that are left alone may be tried again.
    pub(super) fn next_try(&self, now: Now) -> Option<Deadline> {
        let waits = self.waits.values().map(|w| w.until).filter(|until| *until > now.mono);
        waits.min().map(|at| Deadline { at, why: "reconnect" })
    }
}

impl<P> Connection<P> {
    fn ask_versions(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, version: i16) {
        let mut ask = msg::ApiVersionsRequest::default();
        if version >= 3 {
            ask.client_software_name = "ottla".into();
            ask.client_software_version = env!("CARGO_PKG_VERSION").into();
        }
        self.state = State::Negotiating { version };
        let correlation = self.next_correlation;
        self.next_correlation += 1;
        let request = Request::ApiVersions(ask);
        let client_id = Some(ctx.config.client_id.clone());
        ctx.out.push(ClientOutput::Send { conn, frame: RequestFrame { correlation, version, client_id, size: 0, request } });
    }

    fn give_up(&self) -> Option<Instant> {
        match self.state {
            State::Ready => self.in_flight.iter().map(|f| f.give_up).min(),
            _ => Some(self.ready_by),
        }
    }
}
