//! The node with its connections and its disk: inputs in, effects out, on one thread.
//!
//! State       the node, a queue of inputs, per connection what is to be sent and what is unanswered, the disk.
//! Takes       decoded requests, ends of disk calls, leases that are free, time, signals.
//! Gives       bytes in outgoing queues, disk calls, wake-ups of the tasks that have something to do.
//! Holds       inputs are handed in one at a time, in the order of their coming; replies of a connection leave in the order in
//!             which the node gave them; every lease is released once.
//! Not here    sockets (`conn.rs`), waiting (`run.rs`).

use crate::disk::{Completion, Disk};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use bytes::BytesMut;
use ottla_core::Node;
use ottla_core::ids::{BrokerId, ConnId, LeaseId, PartitionId, PartitionIndex};
use ottla_core::io::{Chunk, Effect, Fact, Fatal, Input, Level, Reply};
use ottla_core::time::{Instant, Now, Timestamp};
use ottla_core::wire::{self, Request, RequestFrame};
use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

/// A signal that follows the first within this time is the same: `timeout` signals a process, and then its group.
const SAME_SIGNAL: Duration = Duration::from_secs(2);
/// How old the count of offline partitions may be while anything happens.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// So many deadlines are delivered in one turn; then connections get theirs.
const WAKES_PER_TURN: usize = 1000;
/// While answers wait, so many bytes of them have to leave within `Limits::idle_max`: whoever takes one now and then holds up the
/// deletion of what they lie in.
const PORTION_BYTES: u64 = 256 * 1024;
/// When a deadline is delivered again that was over after all these.
const STUCK_PAUSE: Duration = Duration::from_millis(100);

/// Why an edge has nothing more to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExitReason {
    /// An orderly end: the data directory is closed clean.
    Shutdown,
    /// An orderly end but for this: the next start has to recover.
    Unclean(String),
    /// Another signal came before the orderly end: as if the process had been killed.
    Killed,
    /// The node gave itself up.
    Failed(String),
}

/// Where time comes from: tokio's clock (which a simulation drives), and a wall clock.
#[derive(Clone, Copy)]
pub struct Clock {
    origin: tokio::time::Instant,
    wall: fn() -> Timestamp,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn new(wall: fn() -> Timestamp) -> Clock {
        Clock { origin: tokio::time::Instant::now(), wall }
    }

    #[must_use]
    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Now { mono: Instant(mono), wall: (self.wall)() }
    }

    /// The same instant for tokio's timers.
    pub(crate) fn when(&self, at: Instant) -> tokio::time::Instant {
        self.origin + std::time::Duration::from_nanos(at.0)
    }
}

/// What the edge knows of one connection.
pub(crate) struct Conn<F> {
    pub(crate) outbox: Outbox<F>,
    /// The correlation ids of the requests that were handed in and get an answer, oldest first.
    unanswered: VecDeque<i32>,
    /// No more is read; the connection ends when the outbox is empty.
    pub(crate) closing: bool,
    /// The last time that bytes came or went.
    active: Instant,
    /// What waits to be sent: since when the next portion of it does, and how much of that has left.
    owed: Option<(Instant, u64)>,
    pub(crate) waker: Option<Waker>,
}

impl<F> Conn<F> {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The node behind its edge.
pub struct Edge<D: Disk> {
    node: Box<Node>,
    disk: D,
    clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) metrics: Rc<Metrics>,
    conns: BTreeMap<ConnId, Conn<D::Source>>,
    conn_next: u64,
    /// Connections that are not read because of what is unanswered: some of that ends without an answer.
    held_up: BTreeSet<ConnId>,
    inbox: VecDeque<Input>,
    effects: Vec<Effect>,
    completions: Vec<Completion>,
    batching: bool,
    /// What all connections read into first.
    pub(crate) scratch: BytesMut,
    pub(crate) exit: Option<ExitReason>,
    /// It was said that a deadline does not pass.
    stuck_told: bool,
    /// Since when an end has been asked for.
    shutting_down: Option<Instant>,
    /// When the offline partitions were counted last.
    counted_at: Option<Instant>,
    /// When the task that waits for deadlines is going to wake, and how to wake it earlier.
    armed: Option<Instant>,
    runner: Option<Waker>,
    /// A broken invariant: the node must not be asked anything any more.
    panic: Option<Box<dyn Any + Send>>,
}

/// Do something with the edge, from whatever task. A runtime would swallow a task's panic and go on with a node whose invariants
/// are broken, so it is kept for `run` to go on panicking with; until then nobody gets at the edge (`None`).
pub(crate) fn enter<D: Disk, R>(edge: &RefCell<Edge<D>>, f: impl FnOnce(&mut Edge<D>) -> R) -> Option<R> {
    let mut edge = edge.borrow_mut();
    if edge.panic.is_some() {
        return None;
    }
    match catch_unwind(AssertUnwindSafe(|| f(&mut edge))) {
        Ok(result) => Some(result),
        Err(panic) => {
            edge.panic = Some(panic);
            edge.wake_runner();
            None
        }
    }
}

impl<D: Disk> Edge<D> {
    /// `effects` is what recovery asked for.
    #[must_use]
    pub fn new(node: Node, effects: Vec<Effect>, disk: D, clock: Clock, limits: Limits, metrics: Rc<Metrics>) -> Edge<D> {
        let mut edge = Edge {
            node: Box::new(node),
            disk,
            clock,
            limits,
            metrics,
            conns: BTreeMap::new(),
            conn_next: 1,
            held_up: BTreeSet::new(),
            inbox: VecDeque::new(),
            effects,
            completions: Vec::new(),
            batching: false,
            scratch: BytesMut::new(),
            exit: None,
            stuck_told: false,
            shutting_down: None,
            counted_at: None,
            armed: None,
            runner: None,
            panic: None,
        };
        edge.perform_effects();
        edge.handle_all();
        edge
    }

    /// Hand in `input` and all that follows from it at once.
    pub(crate) fn handle(&mut self, input: Input) {
        self.inbox.push_back(input);
        self.handle_all();
    }

    /// More inputs follow at once: what the disk can do better for several of them is put off until `end_batch`.
    pub(crate) fn begin_batch(&mut self) {
        self.batching = true;
    }

    pub(crate) fn end_batch(&mut self) {
        self.batching = false;
        self.handle_all();
    }

    fn handle_all(&mut self) {
        loop {
            while let Some(input) = self.inbox.pop_front() {
                if self.exit.is_some() {
                    self.inbox.clear();
                    break;
                }
                self.node.handle(self.clock.now(), input, &mut self.effects);
                self.perform_effects();
            }
            if self.batching {
                return;
            }
            self.disk.flush(&mut self.completions);
            self.take_completions();
            if self.inbox.is_empty() {
                break;
            }
        }
        self.wake_held_up();
        if self.exit.is_some() || self.node.deadline().is_some_and(|d| self.armed.is_none_or(|at| d.at < at)) {
            self.wake_runner();
        }
    }

    fn perform_effects(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Reply { conn, reply } => self.on_reply(conn, &reply),
                Effect::Close { conn } => {
                    if let Some(conn) = self.conns.get_mut(&conn) {
                        conn.closing = true;
                        conn.wake();
                    }
                }
                Effect::Disk { op, file, call } => {
                    self.disk.submit(op, file, call, &mut self.completions);
                    self.take_completions();
                }
                Effect::Note(fact) => self.on_fact(&fact),
                Effect::Halt(fatal) => {
                    self.exit = Some(match fatal {
                        Fatal::Shutdown => ExitReason::Shutdown,
                        Fatal::Unclean { what } => ExitReason::Unclean(what),
                        Fatal::MetadataDirFailed { what } => ExitReason::Failed(what),
                    });
                }
            }
        }
        self.effects = effects;
    }

    fn take_completions(&mut self) {
        for Completion { op, result, sync_took } in self.completions.drain(..) {
            if result.is_err() {
                self.metrics.on_disk_error();
            }
            if let Some(took) = sync_took {
                self.metrics.on_sync(took, result.is_ok());
            }
            self.inbox.push_back(Input::Disk { op, result });
        }
    }

    fn on_reply(&mut self, id: ConnId, reply: &Reply) {
        let lease = reply.lease;
        let Some(conn) = self.conns.get_mut(&id) else {
            self.inbox.extend(lease.map(|lease| Input::Released { lease }));
            return;
        };
        let correlation = conn.unanswered.pop_front().expect("a reply answers a request");
        assert_eq!(correlation, reply.correlation, "replies of {id:?} are out of order");
        let held = conn.outbox.held();
        let chunks = wire::encode_reply(reply).unwrap_or_else(|error| {
            tracing::error!(?error, "an answer cannot be encoded; closing the connection");
            conn.outbox.break_off();
            Vec::new()
        });
        for chunk in chunks {
            match chunk {
                Chunk::Bytes(bytes) => conn.outbox.push_bytes(bytes),
                Chunk::File { file, pos, len } => match self.disk.source(file, pos, len) {
                    Ok(source) => conn.outbox.push_file(source, pos.0, len),
                    Err(fault) => {
                        // The header promises bytes that we cannot get: nothing that follows could be understood.
                        tracing::error!(%file, ?fault, "a range to be sent cannot be opened; closing the connection");
                        self.metrics.on_disk_error();
                        conn.outbox.break_off();
                    }
                },
            }
        }
        if let Some(lease) = lease {
            conn.outbox.push_lease(lease);
        }
        self.metrics.outgoing.inc_by((conn.outbox.held() - held) as i64);
        conn.owed = conn.owed.or(Some((self.clock.now().mono, 0)));
        conn.wake();
    }

    fn on_fact(&mut self, fact: &Fact) {
        if fact.level >= Level::Warn {
            // It may be about a partition.
            self.counted_at = None;
        }
        self.metrics.on_fact(fact);
        let (name, detail) = (fact.name, &fact.detail);
        match fact.level {
            Level::Debug => tracing::debug!(target: "ottla", "{name}: {detail}"),
            Level::Info => tracing::info!(target: "ottla", "{name}: {detail}"),
            Level::Warn => tracing::warn!(target: "ottla", "{name}: {detail}"),
            Level::Error => tracing::error!(target: "ottla", "{name}: {detail}"),
        }
    }

    /// Somebody connected. `None`: there are too many.
    pub(crate) fn on_accepted(&mut self, host: String) -> Option<ConnId> {
        if self.conns.len() >= self.limits.connections_max {
            return None;
        }
        let id = ConnId(self.conn_next);
        self.conn_next += 1;
        let active = self.clock.now().mono;
        let conn =
            Conn { outbox: Outbox::default(), unanswered: VecDeque::new(), closing: false, active, owed: None, waker: None };
        self.conns.insert(id, conn);
        self.metrics.connections.set(self.conns.len() as i64);
        self.handle(Input::Opened { conn: id, host });
        Some(id)
    }

    /// A whole request came.
    pub(crate) fn on_request(&mut self, id: ConnId, request: RequestFrame) {
        let conn = self.conns.get_mut(&id).expect("a connection that reads is known");
        // The one request that Kafka never answers.
        let answered = !matches!(&request.request, Request::Produce(produce) if produce.acks == 0);
        if answered {
            conn.unanswered.push_back(request.correlation);
        }
        self.metrics.on_request(&request);
        if matches!(request.request, Request::DescribeLogDirs(_)) {
            self.inbox.extend(self.disk.volume().map(Input::Volume));
        }
        self.handle(Input::Request { conn: id, request });
    }

    /// The connection has ended, whoever ended it.
    pub(crate) fn on_closed(&mut self, id: ConnId) {
        let conn = self.conns.remove(&id).expect("a connection ends once");
        self.held_up.remove(&id);
        self.metrics.connections.set(self.conns.len() as i64);
        self.metrics.outgoing.dec_by(conn.outbox.held() as i64);
        self.inbox.extend(conn.outbox.into_leases().map(|lease| Input::Released { lease }));
        self.handle(Input::Closed { conn: id });
        self.wake_runner();
    }

    pub(crate) fn on_released(&mut self, lease: LeaseId) {
        self.handle(Input::Released { lease });
    }

    pub(crate) fn conn(&mut self, id: ConnId) -> &mut Conn<D::Source> {
        self.conns.get_mut(&id).expect("a connection's task ends before its entry goes")
    }

    /// Whether more may be read from this connection: admission.
    pub(crate) fn may_read(&self, id: ConnId) -> bool {
        let conn = &self.conns[&id];
        !conn.closing
            && self.shutting_down.is_none()
            && conn.outbox.held() < self.limits.outgoing_bytes_max
            && !self.owes_much(id)
    }

    /// Whether so much of what this connection has asked is unanswered that no more is taken from it.
    fn owes_much(&self, id: ConnId) -> bool {
        let (open, limits) = (self.node.unanswered(id), &self.limits);
        open.bytes >= limits.unanswered_bytes_max as u64
            || open.requests >= limits.unanswered_requests_max
            || open.kept_back >= limits.kept_back_max
    }

    /// The connection waits: for an answer, for its peer, or until less is unanswered.
    pub(crate) fn on_waiting(&mut self, id: ConnId, waker: Waker) {
        self.conn(id).waker = Some(waker);
        if self.owes_much(id) {
            self.held_up.insert(id);
        }
    }

    /// What is done without an answer wakes nobody by itself.
    fn wake_held_up(&mut self) {
        if self.held_up.is_empty() {
            return;
        }
        let mut held_up = std::mem::take(&mut self.held_up);
        held_up.retain(|id| {
            let owes = self.owes_much(*id);
            if let Some(conn) = self.conns.get_mut(id).filter(|_| !owes) {
                conn.wake();
            }
            owes
        });
        self.held_up = held_up;
    }

    /// Whether every request of this connection has its answer, sent or about to be sent.
    pub(crate) fn is_answered(&self, id: ConnId) -> bool {
        self.conns[&id].unanswered.is_empty()
    }

    /// A signal: the first begins an orderly end, a later one ends at once.
    pub(crate) fn on_stop(&mut self) {
        let now = self.clock.now().mono;
        match self.shutting_down {
            None => {
                self.shutting_down = Some(now);
                tracing::info!("ending in order; another signal after {} s ends at once", SAME_SIGNAL.as_secs());
                self.handle(Input::Shutdown);
            }
            // Whoever signals a process and then its group means one signal.
            Some(since) if now < since.after(SAME_SIGNAL) => {}
            Some(_) => self.exit = Some(ExitReason::Killed),
        }
    }

    /// Whether requests are being served.
    pub(crate) fn is_serving(&self) -> bool {
        self.node.is_serving()
    }

    /// Count the partitions that this node shall serve and does not.
    fn count_offline(&self) {
        let here = BrokerId(self.node.config().node_id);
        let partitions = self.node.image().topics.iter().flat_map(|(topic, t)| t.partitions.iter().zip(0..).map(|p| (*topic, p)));
        let ours = partitions.filter(|(_, (partition, _))| partition.replicas.contains(&here));
        let is_served = |topic, index, leader| {
            let id = PartitionId { topic, index: PartitionIndex(index) };
            leader == Some(here) && self.node.partition(id).is_some() && !self.node.is_offline(id)
        };
        let offline = ours.filter(|(topic, (partition, index))| !is_served(*topic, *index, partition.leader)).count();
        self.metrics.offline.set(offline as i64);
    }

    /// Close every connection after what is to be sent on it. Whether none is left.
    pub(crate) fn close_all(&mut self) -> bool {
        for conn in self.conns.values_mut().filter(|conn| !conn.closing) {
            conn.closing = true;
            conn.wake();
        }
        self.conns.is_empty()
    }

    /// Bytes came or went on a connection.
    pub(crate) fn on_active(&mut self, id: ConnId) {
        let now = self.clock.now().mono;
        self.conn(id).active = now;
    }

    /// So many bytes have left, or the last ones of an answer.
    pub(crate) fn on_sent(&mut self, id: ConnId, sent: u64, whole: bool) {
        let now = self.clock.now().mono;
        let conn = self.conn(id);
        let left = conn.owed.map_or(0, |owed| owed.1) + sent;
        conn.owed = match conn.owed {
            _ if conn.outbox.is_empty() => None,
            Some((since, _)) if !whole && left < PORTION_BYTES => Some((since, left)),
            _ => Some((now, 0)),
        };
    }

    /// Close what has been idle for too long; the time at which to look again. As with Kafka, also what waits for an answer: of a peer that
    /// is gone nothing else is ever heard, and a fetch may be parked for weeks. And what does not take its answers, also those after which
    /// its connection was to end.
    pub(crate) fn close_idle(&mut self) -> tokio::time::Instant {
        let now = self.clock.now().mono;
        let idle_max = self.limits.idle_max;
        let mut next = now.after(idle_max);
        for conn in self.conns.values_mut() {
            let at = conn.owed.map_or(conn.active, |owed| owed.0.min(conn.active)).after(idle_max);
            if at <= now {
                conn.closing = true;
                conn.outbox.give_up();
                conn.wake();
            } else {
                next = next.min(at);
            }
        }
        self.clock.when(next)
    }

    /// Take in what the disk has finished, and deliver deadlines that have passed. The time at which to come again, if nothing
    /// happens before.
    pub(crate) fn turn(&mut self, cx: &mut Context<'_>) -> Option<tokio::time::Instant> {
        let (mut wakes, mut delivered) = (0, None);
        loop {
            let mut progress = self.disk.poll_completed(cx, &mut self.completions).is_ready();
            self.take_completions();
            let now = self.clock.now().mono;
            if let Some(due) = self.node.deadline().filter(|d| wakes < WAKES_PER_TURN && d.at <= now) {
                delivered = Some(due.at);
                self.inbox.push_back(Input::Wake);
                progress = true;
                wakes += 1;
            }
            self.handle_all();
            if self.exit.is_some() || !progress {
                break;
            }
        }
        // Looking at each partition takes time, and nobody scrapes more often.
        let now = self.clock.now().mono;
        if self.counted_at.is_none_or(|at| at.after(COUNTED_EVERY) <= now) {
            self.counted_at = Some(now);
            self.count_offline();
        }
        self.metrics.serving.set(self.node.is_serving().into());
        self.runner = Some(cx.waker().clone());
        let deadline = self.node.deadline();
        self.armed = deadline.map(|d| d.at);
        if let Some(stuck) = deadline.filter(|d| wakes == WAKES_PER_TURN && delivered == Some(d.at)) {
            // A mistake of ours, which costs a part of each tenth of a second and nobody's connection.
            if !std::mem::replace(&mut self.stuck_told, true) {
                tracing::error!(deadline = stuck.why, "a deadline is over, again and again; please report this");
            }
            return Some(self.clock.when(now.after(STUCK_PAUSE)));
        }
        self.armed.map(|at| self.clock.when(at))
    }

    /// The panic of whichever task had one. The edge stays closed: the tasks that are dropped next must not get at a broken node.
    pub(crate) fn take_panic(&mut self) -> Option<Box<dyn Any + Send>> {
        self.panic.replace(Box::new("the panic was passed on"))
    }

    fn wake_runner(&mut self) {
        if let Some(runner) = self.runner.take() {
            runner.wake();
        }
    }
}
