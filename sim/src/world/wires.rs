//! Connections at work: frames from clients to nodes and back, and everything that breaks them.
//!
//! State       in `Sim`: connections, frames in flight.
//! Holds       a client sees its answers in order; a node sees `Closed` for every connection that it saw `Opened`; `Released` follows
//!             every answer with a lease.
//! Not here    the shapes of connections and flights (net.rs).

use super::Sim;
use super::agenda::Event;
use super::net::{Asked, AskedChange, AskedFetch, AskedPart, AskedProduce, Break, Conn, FetchPart, Flight, Look, LookFor};
use crate::checks::Id;
use crate::disk::SECTOR;
use bytes::Bytes;
use ottla_core::ids::{BytePos, ConnId, LeaseId};
use ottla_core::io::{Chunk, FileId, Input, Reply};
use ottla_core::wire::{
    ApiKey, Produce, Request, RequestFrame, Response, decode_request, decode_response, encode_reply, encode_request, msg,
};

/// After so long a client that vanished looks for its connection, and finds none, in virtual nanoseconds.
const SILENT_NS: u64 = 3_000_000_000;

impl Sim {
    /// Connect a client to a node. What is sent before the node has accepted waits.
    pub fn connect(&mut self, client: u32, node: u32) -> u32 {
        let by_bytes = self.net_rng.below(100) < self.setup.net.bytes_percent;
        let arrives = self.now_ns() + self.draw_delay();
        self.conns.push(Conn {
            client,
            node,
            life: 0,
            client_side: true,
            node_side: false,
            sends: true,
            silent: false,
            ended: false,
            active: 0,
            stuck: Vec::new(),
            by_bytes,
            closing: false,
            last_to_node: arrives,
            last_to_client: 0,
            broken: None,
            asked: Default::default(),
            awaited: Default::default(),
        });
        let conn = self.conns.len() as u32 - 1;
        self.agenda.at(arrives, Event::Open { conn });
        conn
    }

    fn draw_delay(&mut self) -> u64 {
        let (low, high) = self.setup.net.delay_ns;
        let (more, entry) = self.delay_ns;
        if more > 0 {
            self.held_up(entry);
        }
        self.net_rng.between(low, high) + more
    }

    /// Let every message take that much longer from now on, as an entry of the plan says.
    pub(crate) fn set_delay_ns(&mut self, ns: u64, entry: u32) {
        self.delay_ns = (ns, entry);
    }

    /// Let a client take that much longer to read each answer from now on.
    pub(crate) fn set_slow_ns(&mut self, client: u32, ns: u64, entry: u32) {
        self.slow_ns[client as usize] = (ns, entry);
    }

    /// Let a client stand still for a while.
    pub(crate) fn pause_client(&mut self, client: u32, for_ns: u64, entry: u32) {
        self.paused_clients[client as usize] = (self.now_ns() + for_ns, entry);
    }

    /// Send a request on a connection. `acks_none`: no answer will come.
    pub(crate) fn send(&mut self, conn: u32, mut frame: RequestFrame, answered: bool) {
        let c = &mut self.conns[conn as usize];
        if !c.client_side {
            return;
        }
        if let (true, Some(api)) = (answered, api_of(&frame.request)) {
            c.awaited.push_back((frame.correlation, api, frame.version));
        }
        let flight = if c.by_bytes || has_unchecked(&frame.request) {
            self.watch.tally.count(Id::Codec);
            match encode_request(&frame) {
                Ok(bytes) => Flight::Raw(bytes.slice(4..)),
                Err(error) => {
                    self.fail(Id::Codec.name(), "a client's request does not encode", format!("{error:?}"));
                    return;
                }
            }
        } else {
            frame.size = frame.size.max(size_of(&frame.request));
            Flight::Request(frame)
        };
        self.send_flight(conn, flight);
    }

    /// Send bytes that may be no request at all (without length prefix).
    pub(crate) fn send_raw(&mut self, conn: u32, bytes: Bytes) {
        if self.conns[conn as usize].client_side {
            self.send_flight(conn, Flight::Raw(bytes));
        }
    }

    fn send_flight(&mut self, conn: u32, flight: Flight) {
        if !self.conns[conn as usize].sends {
            return;
        }
        let at = (self.now_ns() + self.draw_delay()).max(self.conns[conn as usize].last_to_node);
        self.conns[conn as usize].last_to_node = at;
        let flight = self.flights.put(flight);
        self.agenda.at(at, Event::ToNode { conn, flight });
    }

    pub(super) fn on_open(&mut self, conn: u32) {
        let node = self.conns[conn as usize].node;
        if self.held(node, Event::Open { conn }) {
            return;
        }
        if !self.is_up(node) {
            let delay = self.draw_delay();
            self.agenda.after(delay, Event::CloseAtClient { conn });
            return;
        }
        let c = &mut self.conns[conn as usize];
        if !c.client_side {
            return;
        }
        c.life = self.nodes[node as usize].life;
        c.node_side = true;
        c.active = self.agenda.now_ns();
        if let Some(idle_ns) = self.nodes[node as usize].idle_ns {
            self.agenda.after(idle_ns, Event::Idle { conn });
        }
        let host = format!("/10.0.0.{}", c.client + 1);
        self.input(node, Input::Opened { conn: ConnId(u64::from(conn) + 1), host });
    }

    pub(super) fn on_to_node(&mut self, conn: u32, flight: u32) {
        let node = self.conns[conn as usize].node;
        if self.held(node, Event::ToNode { conn, flight }) {
            return;
        }
        let Some(flight) = self.flights.take(flight) else { return };
        let c = &mut self.conns[conn as usize];
        if !c.node_side || c.silent || c.life != self.nodes[node as usize].life {
            return;
        }
        if let Some(b) = &mut c.broken {
            if b.to_node == 0 {
                return;
            }
            b.to_node -= 1;
        }
        c.active = self.agenda.now_ns();
        let frame = match flight {
            Flight::Request(frame) => Ok(frame),
            Flight::Raw(bytes) => decode_request(bytes),
            Flight::Reply { .. } => return,
        };
        match frame {
            Ok(frame) => {
                if matches!(frame.request, Request::DescribeLogDirs(_)) {
                    let volume = self.nodes[node as usize].disk.volume();
                    self.input(node, Input::Volume(volume));
                }
                let asked = asked_of(&frame, self.agenda.now_ns());
                if let Request::DeleteRecords(request) = &frame.request {
                    let at_once = self.nodes[node as usize].node.as_ref().is_some_and(ottla_core::node::Node::is_serving);
                    for topic in &request.topics {
                        for p in &topic.partitions {
                            self.watch.on_delete_records(topic.name.0.as_str(), p.partition_index, p.offset, at_once);
                        }
                    }
                }
                if let Some(mut asked) = asked {
                    self.watch.on_asked(&self.nodes[node as usize].disk, &mut asked);
                    self.conns[conn as usize].asked.push_back(asked);
                }
                self.input(node, Input::Request { conn: ConnId(u64::from(conn) + 1), request: frame });
            }
            // Bytes that are no request: the edge closes the connection, as Kafka does.
            Err(_) => self.close(conn, false),
        }
    }

    pub(super) fn on_reply(&mut self, n: u32, conn_id: ConnId, reply: Reply) {
        let conn = (conn_id.0 as u32).wrapping_sub(1);
        let Some(c) = self.conns.get_mut(conn as usize).filter(|c| c.node == n && c.node_side) else {
            self.watch.found.push(Id::ReplyOrder.found("an answer on a connection that is not there", format!("{conn_id:?}")));
            return;
        };
        self.watch.tally.count(Id::ReplyOrder);
        let asked = c.asked.pop_front();
        let ends = self.is_asked_to_end(n);
        match asked {
            Some(asked) if asked.correlation == reply.correlation => {
                let slot = &self.nodes[n as usize];
                self.watch.on_reply(&slot.disk, &asked, &reply);
                // Nobody waits while a node ends.
                if let (Some(fetch), Response::Fetch(answer)) = (&asked.fetch, &reply.response)
                    && self.agenda.now_ns() < fetch.until_ns
                    && !ends
                {
                    let at_most = self.settings.as_ref().map_or(i64::MAX, |s| s.int("fetch.max.bytes"));
                    self.watch.on_early(&slot.disk, fetch, answer, at_most);
                }
            }
            Some(asked) => {
                let text = format!("{conn_id}: {} was asked before {}", asked.correlation, reply.correlation);
                self.watch.found.push(Id::ReplyOrder.found("answers leave in another order than their requests came", text));
            }
            None => {
                let text = format!("{conn_id}: correlation {}", reply.correlation);
                self.watch.found.push(Id::ReplyOrder.found("an answer that nobody asked for", text));
            }
        }
        let mut pins = Vec::new();
        if let Response::Fetch(fetch) = &reply.response {
            for p in fetch.topics.iter().flat_map(|t| &t.partitions) {
                for chunk in &p.records {
                    if let Chunk::File { file, pos, len } = chunk {
                        self.watch.tally.count(Id::LeasePin);
                        match self.nodes[n as usize].disk.pin(*file, pos.0 + u64::from(*len)) {
                            Some(number) => pins.push(number),
                            None => {
                                let text = format!("{file} at {pos}");
                                self.watch.found.push(Id::LeasePin.found("a range of a file that is not there", text));
                            }
                        }
                        if reply.lease.is_none() {
                            let text = format!("{file} at {pos}");
                            self.watch.found.push(Id::LeasePin.found("a range of a file without a lease", text));
                        }
                    }
                }
            }
        }
        let client = self.conns[conn as usize].client;
        let (slow_ns, entry) = self.slow_ns[client as usize];
        if slow_ns > 0 {
            self.held_up(entry);
        }
        let at = self.now_ns() + self.draw_delay() + slow_ns;
        let at = at.max(self.conns[conn as usize].last_to_client);
        self.conns[conn as usize].last_to_client = at;
        self.nodes[n as usize].leases_out += usize::from(reply.lease.is_some());
        let flight = self.flights.put(Flight::Reply { reply, pins });
        self.agenda.at(at, Event::ToClient { conn, flight });
        if self.conns[conn as usize].ended {
            self.end_when_answered(conn);
        }
    }

    /// An answer's last byte has left, or never can: its client gets it if it is there, its lease ends.
    pub(super) fn on_to_client(&mut self, conn: u32, flight: u32) -> Option<(i32, ApiKey, Response)> {
        let Some(Flight::Reply { mut reply, pins }) = self.flights.take(flight) else { return None };
        let c = &mut self.conns[conn as usize];
        let (node, life) = (c.node, c.life);
        let same_life = life == self.nodes[node as usize].life && self.is_up(node);
        let c = &mut self.conns[conn as usize];
        let mut arrives = c.client_side && !c.silent;
        if let Some(b) = &mut c.broken {
            arrives &= b.to_client > 0;
            b.to_client = b.to_client.saturating_sub(1);
        }
        // Bytes of a dead process that were not sent yet are gone with it.
        arrives &= same_life;
        let lease = reply.lease;
        // Answers to frames that no honest client sent are not awaited.
        let expected = c.awaited.front().copied().filter(|(correlation, ..)| arrives && *correlation == reply.correlation);
        if expected.is_some() {
            c.awaited.pop_front();
        }
        let answer = expected.and_then(|(_, api, version)| self.resolve(node, conn, api, version, &mut reply));
        let c = &mut self.conns[conn as usize];
        if let Some(lease) = lease.filter(|_| same_life && c.silent && c.node_side) {
            // Nobody takes these bytes: they stay where they are until the node gives the connection up.
            c.stuck.push((lease, pins));
            return None;
        }
        c.active = self.agenda.now_ns();
        if same_life {
            self.release(node, lease, pins);
        }
        answer
    }

    fn release(&mut self, node: u32, lease: Option<LeaseId>, pins: Vec<u32>) {
        for number in pins {
            self.nodes[node as usize].disk.unpin(number);
        }
        if let Some(lease) = lease {
            self.nodes[node as usize].leases_out -= 1;
            self.input(node, Input::Released { lease });
        }
    }

    /// The answer as the client reads it: file ranges become bytes; on half of the connections through the codec.
    fn resolve(&mut self, node: u32, conn: u32, api: ApiKey, version: i16, reply: &mut Reply) -> Option<(i32, ApiKey, Response)> {
        let by_bytes = self.conns[conn as usize].by_bytes;
        if by_bytes {
            self.watch.tally.count(Id::Codec);
        }
        let disk = &self.nodes[node as usize].disk;
        let mut unreadable = None;
        let mut peek = |file, pos: BytePos, len: u32| {
            let bytes = disk.peek(file, pos.0, u64::from(len));
            if bytes.is_none() {
                unreadable.get_or_insert((file, pos.0, len));
            }
            bytes
        };
        if by_bytes {
            let mut all = Vec::new();
            let chunks = match encode_reply(reply) {
                Ok(chunks) => chunks,
                Err(error) => {
                    let site = format!("{api:?} version {version}");
                    self.fail(Id::Codec.name(), site, format!("an answer of ours does not encode: {error:?}"));
                    return None;
                }
            };
            for chunk in chunks {
                match chunk {
                    Chunk::Bytes(bytes) => all.extend_from_slice(&bytes),
                    Chunk::File { file, pos, len } => all.extend_from_slice(&peek(file, pos, len).unwrap_or_default()),
                }
            }
            if let Some(range) = unreadable {
                self.cannot_send(conn, range);
                return None;
            }
            let body = Bytes::from(all).slice(4..);
            match decode_response(api, reply.version, body) {
                Ok((correlation, response)) => Some((correlation, api, response)),
                Err(error) => {
                    let site = format!("{api:?} version {version}");
                    self.fail(Id::Codec.name(), site, format!("an answer of ours does not decode: {error:?}"));
                    None
                }
            }
        } else {
            if let Response::Fetch(fetch) = &mut reply.response {
                for chunk in fetch.topics.iter_mut().flat_map(|t| &mut t.partitions).flat_map(|p| &mut p.records) {
                    if let Chunk::File { file, pos, len } = chunk {
                        *chunk = Chunk::Bytes(peek(*file, *pos, *len).unwrap_or_default());
                    }
                }
            }
            if let Some(range) = unreadable {
                self.cannot_send(conn, range);
                return None;
            }
            let placeholder = Response::Unsupported { api_key: -1 };
            Some((reply.correlation, api, std::mem::replace(&mut reply.response, placeholder)))
        }
    }

    /// A range that an answer promised cannot be read: with sendfile the edge can only tell where, and close the connection.
    fn cannot_send(&mut self, conn: u32, (file, pos, len): (FileId, u64, u32)) {
        let node = self.conns[conn as usize].node;
        let disk = &self.nodes[node as usize].disk;
        // What comes before it has been sent.
        let mut places = std::iter::once(pos).chain((pos + 1..pos + u64::from(len)).filter(|at| at % SECTOR == 0));
        let pos = places.find(|at| disk.peek(file, *at, 1).is_none()).unwrap_or(pos);
        let dir = disk.number_of_bound(file.dir);
        if !disk.damaged().iter().any(|d| Some(d.dir) == dir) {
            self.fail(Id::LeasePin.name(), "a leased range cannot be read", format!("connection {conn}: {file}"));
        }
        self.input(node, Input::Unreadable { file, pos: BytePos(pos), len: 1 });
        self.close(conn, false);
    }

    /// The node wants a connection closed after the answers already given.
    pub(super) fn on_close_effect(&mut self, conn_id: ConnId) {
        let conn = (conn_id.0 as u32).wrapping_sub(1);
        if (conn as usize) < self.conns.len() {
            self.close_after_answers(conn);
        }
    }

    /// A connection ends when the answers already given have left.
    fn close_after_answers(&mut self, conn: u32) {
        let c = &mut self.conns[conn as usize];
        c.closing = true;
        let at = c.last_to_client.max(self.agenda.now_ns());
        self.agenda.at(at, Event::CloseAtNode { conn });
        self.agenda.at(at, Event::CloseAtClient { conn });
    }

    /// Break a connection. `at_any_byte`: of the frames in flight some still arrive.
    pub fn close(&mut self, conn: u32, at_any_byte: bool) {
        if self.conns[conn as usize].broken.is_some() {
            return;
        }
        let (to_node, to_client) =
            if at_any_byte { (self.net_rng.below(4) as u32, self.net_rng.below(4) as u32) } else { (0, 0) };
        self.conns[conn as usize].broken = Some(Break { to_node, to_client });
        let (at_node, at_client) = (self.draw_delay(), self.draw_delay());
        self.agenda.after(at_node, Event::CloseAtNode { conn });
        self.agenda.after(at_client, Event::CloseAtClient { conn });
    }

    /// The client goes away in good order.
    pub(crate) fn hang_up(&mut self, conn: u32) {
        let c = &mut self.conns[conn as usize];
        if !c.client_side {
            return;
        }
        c.client_side = false;
        let at = c.last_to_node.max(self.agenda.now_ns());
        self.agenda.at(at, Event::CloseAtNode { conn });
    }

    /// The client vanishes: no more bytes in either direction, and the node never learns of it. What it holds for the client ends
    /// when the connection has been idle for too long.
    pub fn go_silent(&mut self, conn: u32) {
        self.conns[conn as usize].silent = true;
        self.agenda.after(SILENT_NS, Event::CloseAtClient { conn });
    }

    /// The client ends its sending side: what is on its way still arrives, and what it has asked is still answered.
    pub fn end_sending(&mut self, conn: u32) {
        let c = &mut self.conns[conn as usize];
        if std::mem::replace(&mut c.sends, false) {
            let at = c.last_to_node.max(self.agenda.now_ns());
            self.agenda.at(at, Event::EndAtNode { conn });
        }
    }

    pub(super) fn on_end_at_node(&mut self, conn: u32) {
        let node = self.conns[conn as usize].node;
        if self.held(node, Event::EndAtNode { conn }) {
            return;
        }
        let c = &mut self.conns[conn as usize];
        if c.node_side && !c.silent && c.life == self.nodes[node as usize].life {
            c.ended = true;
            self.end_when_answered(conn);
        }
    }

    /// As the edge does it: who has said everything gets every answer, and then the connection ends.
    fn end_when_answered(&mut self, conn: u32) {
        let c = &mut self.conns[conn as usize];
        if c.asked.is_empty() && !c.closing {
            self.close_after_answers(conn);
        }
    }

    /// As the edge does it: a connection on which nothing has come or gone for so long ends,
    /// whatever it waits for.
    pub(super) fn on_idle(&mut self, conn: u32) {
        let node = self.conns[conn as usize].node;
        if self.held(node, Event::Idle { conn }) {
            return;
        }
        let slot = &self.nodes[node as usize];
        let c = &self.conns[conn as usize];
        let Some(idle_ns) = slot.idle_ns.filter(|_| c.node_side && c.life == slot.life && !c.closing) else { return };
        let now = self.agenda.now_ns();
        if c.active + idle_ns > now {
            self.agenda.at(c.active + idle_ns, Event::Idle { conn });
        } else {
            self.close(conn, false);
        }
    }

    pub(super) fn on_close_at_node(&mut self, conn: u32) {
        let node = self.conns[conn as usize].node;
        if self.held(node, Event::CloseAtNode { conn }) {
            return;
        }
        let c = &mut self.conns[conn as usize];
        if c.broken.is_none() {
            c.broken = Some(Break { to_node: 0, to_client: 0 });
        }
        if c.node_side {
            c.node_side = false;
            c.asked.clear();
            let stuck = std::mem::take(&mut c.stuck);
            if c.life == self.nodes[node as usize].life && self.is_up(node) {
                for (lease, pins) in stuck {
                    self.release(node, Some(lease), pins);
                }
                self.input(node, Input::Closed { conn: ConnId(u64::from(conn) + 1) });
            }
        }
    }

    /// Whether the client has just learnt of it.
    pub(super) fn on_close_at_client(&mut self, conn: u32) -> bool {
        let c = &mut self.conns[conn as usize];
        c.awaited.clear();
        std::mem::replace(&mut c.client_side, false)
    }

    /// A node's process is gone, and its connections with it.
    pub(super) fn drop_node_conns(&mut self, n: u32) {
        for conn in 0..self.conns.len() as u32 {
            let c = &mut self.conns[conn as usize];
            if c.node == n && c.node_side {
                c.node_side = false;
                c.asked.clear();
                c.stuck.clear();
                c.broken = Some(Break { to_node: 0, to_client: 0 });
                let delay = self.draw_delay();
                self.agenda.after(delay, Event::CloseAtClient { conn });
            }
        }
    }

    /// Nothing is under way on a node's disk: who waits all the same?
    pub(super) fn look_for_waiters(&mut self, n: u32) {
        let life = self.nodes[n as usize].life;
        for conn in self.conns.iter().filter(|c| c.node == n && c.node_side && c.life == life && !c.closing) {
            if let Some(asked) = conn.asked.front() {
                self.watch.on_idle(asked);
            }
        }
        let now_ns = self.now_ns();
        let slot = &self.nodes[n as usize];
        // What is due now gets its turn now: settings may just have changed.
        if let Some(node) = slot.node.as_ref().filter(|node| node.deadline().is_none_or(|d| d.at > slot.now(now_ns).mono)) {
            self.watch.check_flushes(&slot.disk, node, now_ns);
        }
        // What a connection that the node wants closed keeps goes when it is.
        let closing = self.conns.iter().any(|c| c.node == n && c.node_side && c.life == life && c.closing);
        if let Some(node) = slot.node.as_ref().filter(|_| !closing) {
            let sessions_max = self.settings.as_ref().map_or(i64::MAX, |s| s.int("max.incremental.fetch.session.cache.slots"));
            self.watch.on_rest(node, slot.leases_out, sessions_max, &slot.disk);
        }
    }

    /// The connections that a client has now.
    pub(crate) fn conns_of(&self, client: u32) -> Vec<u32> {
        (0..self.conns.len() as u32)
            .filter(|c| self.conns[*c as usize].client == client && self.conns[*c as usize].client_side)
            .collect()
    }
}

/// The key of a request, if it is one that is served.
pub(crate) fn api_of(request: &Request) -> Option<ApiKey> {
    macro_rules! keys {
        ($($name:ident)*) => {
            match request {
                $(Request::$name(_) => Some(ApiKey::$name),)*
                Request::Unsupported { .. } => None,
            }
        };
    }
    keys!(Produce Fetch ListOffsets Metadata ApiVersions CreateTopics DeleteTopics DeleteRecords InitProducerId
        OffsetForLeaderEpoch DescribeConfigs AlterConfigs DescribeLogDirs CreatePartitions IncrementalAlterConfigs
        DescribeCluster DescribeProducers GetTelemetrySubscriptions PushTelemetry ListConfigResources DescribeTopicPartitions)
}

/// Records that nobody has checked have to travel as bytes.
fn has_unchecked(request: &Request) -> bool {
    let Request::Produce(produce) = request else { return false };
    let mut parts = produce.topics.iter().flat_map(|t| &t.partitions);
    parts.any(|p| p.records.as_ref().is_ok_and(|r| r.batches.is_empty()))
}

fn size_of(request: &Request) -> u32 {
    match request {
        Request::Produce(Produce { topics, .. }) => {
            let bytes: usize =
                topics.iter().flat_map(|t| &t.partitions).map(|p| p.records.as_ref().map_or(0, |r| r.bytes.len())).sum();
            100 + bytes as u32
        }
        _ => 100,
    }
}

/// What the checks need to know of a request when its answer leaves; `None` if no answer will.
fn asked_of(frame: &RequestFrame, now_ns: u64) -> Option<Asked> {
    let produce = match &frame.request {
        Request::Produce(produce) if produce.acks == 0 => return None,
        Request::Produce(produce) => {
            let mut parts = Vec::new();
            for topic in &produce.topics {
                for p in &topic.partitions {
                    let Ok(checked) = &p.records else { continue };
                    let Some(head) = crate::batch::header(&checked.bytes) else { continue };
                    parts.push(AskedPart {
                        name: topic.name.clone(),
                        id: topic.id.0.as_u128(),
                        index: p.index,
                        crc: head.crc,
                        codec: head.attributes & 7,
                        count: head.count,
                        log: None,
                    });
                }
            }
            Some(Box::new(AskedProduce { acks: produce.acks, parts }))
        }
        _ => None,
    };
    let fetch = match &frame.request {
        Request::Fetch(request) => Some(Box::new(asked_fetch(request, now_ns))),
        _ => None,
    };
    let (looks, change) = (looks_of(&frame.request, frame.version), asked_change(&frame.request));
    Some(Asked { correlation: frame.correlation, produce, fetch, looks, change })
}

/// What the checks need to know of a request that changes metadata.
fn asked_change(request: &Request) -> Option<AskedChange> {
    let (validate_only, topics) = match request {
        Request::CreateTopics(r) => (r.validate_only, Vec::new()),
        Request::DeleteTopics(_) => (false, Vec::new()),
        Request::CreatePartitions(r) => {
            (r.validate_only, r.topics.iter().map(|t| (t.name.0.as_str().to_owned(), None)).collect())
        }
        Request::IncrementalAlterConfigs(r) => (r.validate_only, Vec::new()),
        _ => return None,
    };
    let mut settings = Vec::new();
    if let Request::IncrementalAlterConfigs(r) = request {
        let text = |s: &str| s.to_owned();
        for of in &r.resources {
            // What is added to a list, or taken from one, makes a value that the request does not say.
            let plain = of.configs.iter().filter(|c| c.config_operation <= 1);
            let value = |c: &msg::incremental_alter_configs_request::AlterableConfig| {
                c.value.as_deref().filter(|_| c.config_operation == 0).map(text)
            };
            settings.extend(plain.map(|c| (of.resource_type, text(&of.resource_name), text(&c.name), value(c))));
        }
    }
    Some(AskedChange { validate_only, topics, settings, end: None })
}

fn asked_fetch(request: &msg::FetchRequest, now_ns: u64) -> AskedFetch {
    let mut parts = Vec::new();
    for topic in &request.topics {
        parts.extend(topic.partitions.iter().map(|p| FetchPart {
            name: topic.topic.0.as_str().to_string(),
            id: topic.topic_id.as_u128(),
            index: p.partition,
            offset: p.fetch_offset,
            bytes_max: p.partition_max_bytes,
            visible: 0,
            log: None,
        }));
    }
    let forgotten = request
        .forgotten_topics_data
        .iter()
        .flat_map(|t| t.partitions.iter().map(|index| (t.topic.0.as_str().to_string(), t.topic_id.as_u128(), *index)));
    AskedFetch {
        min_bytes: request.min_bytes,
        bytes_max: request.max_bytes,
        until_ns: now_ns.saturating_add(u64::try_from(request.max_wait_ms).unwrap_or(0) * 1_000_000),
        session: request.session_id,
        session_epoch: request.session_epoch,
        parts,
        forgotten: forgotten.collect(),
        known: false,
    }
}

/// Questions whose answers are compared with the log: those of one partition each that a version with leader epochs asks.
fn looks_of(request: &Request, version: i16) -> Vec<Look> {
    let look = |what, name: &str, id, index, current_epoch| {
        let name = name.to_string();
        Look { what, name, id, index, current_epoch, visible: 0, log: None }
    };
    match request {
        Request::ListOffsets(r) => {
            let epoch = |e| if version >= 4 { e } else { -1 };
            let parts = r.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p)));
            parts
                .map(|(t, p)| {
                    look(LookFor::Time(p.timestamp), t.name.0.as_str(), 0, p.partition_index, epoch(p.current_leader_epoch))
                })
                .collect()
        }
        Request::OffsetForLeaderEpoch(r) => {
            let parts = r.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p)));
            parts
                .map(|(t, p)| look(LookFor::Epoch(p.leader_epoch), t.topic.0.as_str(), 0, p.partition, p.current_leader_epoch))
                .collect()
        }
        Request::Fetch(r) if version >= 9 => {
            let parts = r.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p)));
            parts
                .filter(|(_, p)| p.current_leader_epoch >= 0)
                .map(|(t, p)| {
                    let id = t.topic_id.as_u128();
                    look(LookFor::Records, t.topic.0.as_str(), id, p.partition, p.current_leader_epoch)
                })
                .collect()
        }
        _ => Vec::new(),
    }
}
