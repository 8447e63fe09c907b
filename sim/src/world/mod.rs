//! A world: nodes, their disks, a network, clients, faults, in virtual time. One seed, one world, one course of events.
//!
//! State       the agenda, nodes with their disks, connections, clients, the fault plan, what the checks keep, the digest.
//! Takes       a `Setup`; then steps. Stories and campaigns use the same methods (script.rs).
//! Gives       a history, failures, counters, a digest; a trace if asked.
//! Holds       nothing but the seed and the calls made on it decides what happens; asking for a trace changes nothing.
//! Not here    what is right (checks/), what to do next (clients/, plan.rs), threads (runner.rs).
//! Read first  `World::step`, then node.rs and wires.rs.

mod agenda;
mod faults;
mod fingerprint;
pub mod net;
mod node;
mod script;
mod wires;

use crate::checks::{Excuse, Expiration, PageCache, Watch};
use crate::clients::Client;
use crate::digest::Digest;
use crate::disk::Character;
use crate::history::History;
use crate::plan::Plan;
use agenda::{Agenda, Event};
use net::{Conn, Flights, NetCharacter};
use node::NodeSlot;
use ottla_core::config::{SettingError, Settings};
use ottla_core::io::{Effect, Input};
use ottla_core::rng::Rng;
use serde::Serialize;
use std::collections::BTreeMap;

pub use faults::Fired;
pub use node::Down;
pub use script::{Answer, Ticket};

/// What a world starts with.
#[derive(Clone, PartialEq, Debug)]
pub struct Setup {
    pub seed: u64,
    /// Broker settings by Kafka's dotted names.
    pub settings: BTreeMap<String, String>,
    /// Start from the small limits of `Settings::tiny`.
    pub tiny: bool,
    pub disk: Character,
    pub net: NetCharacter,
    /// Give the node a turn now and then that it did not ask for.
    pub spurious_wakes: bool,
    /// Take power when so many disk calls have begun or ended, counted from the start of the world, while faults strike.
    pub power_loss_at: Vec<u64>,
    /// The flaw that is planted in every node (in a build that can have one).
    pub planted: Option<String>,
}

/// So many events a world may have: minutes of real time.
const EVENTS_MAX: u64 = 50_000_000;

impl Setup {
    /// The broker's settings; or the one that is refused.
    pub(crate) fn broker_settings(&self) -> Result<Settings, SettingError> {
        let mut settings = if self.tiny { Settings::tiny() } else { Settings::default() };
        for (name, value) in &self.settings {
            settings.insert(name, value)?;
        }
        Ok(settings)
    }

    /// A calm world with fast disks.
    #[must_use]
    pub fn calm(seed: u64) -> Setup {
        Setup {
            seed,
            settings: BTreeMap::new(),
            tiny: true,
            disk: Character {
                call_ns: (1_000, 100_000),
                read_ns: None,
                sync_ns: (50_000, 2_000_000),
                loss: crate::disk::Loss::ANY_SUBSET,
                sync_covers_later: false,
            },
            net: NetCharacter::default(),
            spurious_wakes: false,
            power_loss_at: Vec::new(),
            planted: None,
        }
    }
}

/// Something that a check found wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// The name of the check.
    pub check: String,
    /// Where in the check, or in the node: equal for failures of one cause, without numbers of the run.
    pub site: String,
    pub message: String,
    /// Virtual time in nanoseconds.
    pub at_ns: u64,
}

/// One thing worth a line in a trace.
#[derive(Debug)]
pub enum Traced<'a> {
    Input {
        node: u32,
        input: &'a Input,
    },
    Effect {
        node: u32,
        effect: &'a Effect,
    },
    /// Something that the world did: a crash, a fault, a start.
    World {
        text: &'a str,
    },
}

/// Takes the trace: virtual time in nanoseconds, and what happened.
pub type TraceSink = Box<dyn FnMut(u64, &Traced<'_>)>;

/// Everything in a world but its clients, which act on it.
pub struct Sim {
    pub(crate) setup: Setup,
    /// The set-up's settings, once they were read.
    settings: Option<Settings>,
    agenda: Agenda,
    pub(crate) nodes: Vec<NodeSlot>,
    pub(crate) conns: Vec<Conn>,
    flights: Flights,
    net_rng: Rng,
    wake_rng: Rng,
    pub(crate) client_names: Vec<String>,
    /// How much longer each client takes, and the entry of the plan that says so; so with the others.
    slow_ns: Vec<(u64, u32)>,
    paused_clients: Vec<(u64, u32)>,
    /// By how much each client's clock is wrong, in milliseconds.
    client_clocks: Vec<i64>,
    delay_ns: (u64, u32),
    pub(crate) plan: Plan,
    pub(crate) fired: Vec<Fired>,
    at_calls: Vec<faults::AtCall>,
    pub(crate) watch: Watch,
    /// How often power was lost at a boundary of the set-up's list.
    pub(crate) power_failures: u64,
    /// Boundaries of that list that had not come when the faults ended.
    pub(crate) never_reached: Vec<u64>,
    /// How many boundaries of disk calls there were before the faults ended.
    pub(crate) boundaries: u64,
    pub history: History,
    pub(crate) failures: Vec<Failure>,
    /// Starts that were refused and ends that came of themselves, with good reason.
    pub(crate) excuses: BTreeMap<Excuse, u64>,
    digest: Digest,
    trail: Option<Vec<u64>>,
    events: u64,
    sink: Option<TraceSink>,
    /// What the world said of itself, with virtual times, if that is kept.
    course: Option<Vec<(u64, String)>>,
    /// Where the number of the present event is written, for whoever looks for one event in a trace.
    counter: Option<std::rc::Rc<std::cell::RefCell<u64>>>,
    scratch: Vec<Effect>,
    answers: Vec<Option<Answer>>,
    /// For testing the divergence locator: with this event, something happens that no seed gave.
    pub(crate) planted: Option<u64>,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sim(seed {}, {} events, t={})", self.setup.seed, self.events, self.agenda.now_ns())
    }
}

/// A world. See the module.
#[derive(Debug)]
pub struct World {
    pub sim: Sim,
    clients: Vec<Option<Box<Client>>>,
}

impl World {
    /// A world with one node, which starts at once.
    #[must_use]
    pub fn new(setup: Setup) -> World {
        World::with_sink(setup, None)
    }

    /// A world that is traced from its first event on.
    #[must_use]
    pub fn with_sink(setup: Setup, sink: Option<TraceSink>) -> World {
        let mut sim = Sim {
            settings: None,
            agenda: Agenda::default(),
            nodes: Vec::new(),
            conns: Vec::new(),
            flights: Flights::default(),
            net_rng: Rng::stream(setup.seed, "net"),
            wake_rng: Rng::stream(setup.seed, "wakes"),
            client_names: Vec::new(),
            slow_ns: Vec::new(),
            paused_clients: Vec::new(),
            client_clocks: Vec::new(),
            delay_ns: (0, 0),
            plan: Plan::default(),
            fired: Vec::new(),
            at_calls: Vec::new(),
            watch: Watch::default(),
            power_failures: 0,
            never_reached: Vec::new(),
            boundaries: 0,
            history: History::default(),
            failures: Vec::new(),
            excuses: BTreeMap::new(),
            digest: Digest::default(),
            trail: None,
            events: 0,
            sink,
            course: None,
            counter: None,
            scratch: Vec::new(),
            answers: Vec::new(),
            planted: None,
            setup,
        };
        for (name, value) in &sim.setup.settings {
            sim.watch.on_setting(None, name, value);
        }
        sim.watch.page_cache = PageCache::of_broker(sim.setting_of_broker("ottla.durability"));
        sim.watch.expiration = Expiration::of_broker(sim.setting_of_broker("producer.id.expiration.ms"));
        sim.add_node();
        let boundaries = sim.setup.power_loss_at.clone();
        sim.disk(0).fail_power_at(boundaries);
        sim.start_node(0);
        sim.lose_power_at_boundaries();
        World { sim, clients: Vec::new() }
    }

    /// Put a client in. It starts at once.
    pub(crate) fn add_client(&mut self, name: &str, client: Client) -> u32 {
        let id = self.clients.len() as u32;
        self.sim.client_names.push(name.to_string());
        self.sim.slow_ns.push((0, 0));
        self.sim.paused_clients.push((0, 0));
        self.sim.client_clocks.push(0);
        self.clients.push(Some(Box::new(client)));
        self.with_client(id, |client, sim| client.on_start(sim, id));
        id
    }

    /// Let `act` do something with one client.
    pub(crate) fn with_client(&mut self, id: u32, act: impl FnOnce(&mut Client, &mut Sim)) {
        let Some(mut client) = self.clients.get_mut(id as usize).and_then(Option::take) else { return };
        act(&mut client, &mut self.sim);
        self.clients[id as usize] = Some(client);
    }

    /// Do what is next. `false` if nothing is ever going to happen, or a check has failed.
    pub fn step(&mut self) -> bool {
        if !self.sim.failures.is_empty() {
            return false;
        }
        let Some(event) = self.sim.agenda.pop() else { return false };
        self.sim.events += 1;
        if self.sim.events > EVENTS_MAX {
            let text = format!("{EVENTS_MAX} events in {} virtual ms", self.sim.now_ns() / 1_000_000);
            self.sim.fail("setup", "a world without end: give its clients something to think about, or less time", text);
            return false;
        }
        if self.sim.planted == Some(self.sim.events) {
            let _ = self.sim.net_rng.next_u64();
        }
        if let Some(counter) = &self.sim.counter {
            *counter.borrow_mut() = self.sim.events - 1;
        }
        self.dispatch(event);
        self.sim.lose_power_at_boundaries();
        if let Some(trail) = &mut self.sim.trail {
            trail.push(self.sim.digest.value() as u64);
        }
        true
    }

    fn dispatch(&mut self, event: Event) {
        let sim = &mut self.sim;
        match event {
            Event::Wake { node, life } => sim.on_wake(node, life),
            Event::Nudge { node, life } => sim.on_nudge(node, life),
            Event::Disk { node, life, ticket } => sim.on_disk(node, life, ticket),
            Event::Open { conn } => sim.on_open(conn),
            Event::ToNode { conn, flight } => sim.on_to_node(conn, flight),
            Event::ToClient { conn, flight } => {
                let client = sim.conns[conn as usize].client;
                if sim.deferred(client, event) {
                    return;
                }
                if let Some((correlation, api, response)) = sim.on_to_client(conn, flight) {
                    self.with_client(client, |c, sim| c.on_response(sim, client, conn, (correlation, api, response)));
                }
            }
            Event::CloseAtNode { conn } => sim.on_close_at_node(conn),
            Event::EndAtNode { conn } => sim.on_end_at_node(conn),
            Event::Idle { conn } => sim.on_idle(conn),
            Event::CloseAtClient { conn } => {
                let client = sim.conns[conn as usize].client;
                if sim.on_close_at_client(conn) {
                    self.with_client(client, |c, sim| c.on_disconnected(sim, client, conn));
                }
            }
            Event::Client { client, token } => {
                if !sim.deferred(client, event) {
                    self.with_client(client, |c, sim| c.on_wake(sim, client, token));
                }
            }
            Event::Start { node } => sim.start_node(node),
            Event::Resume { node } => sim.resume(node),
            Event::Plan { entry } => sim.on_plan(entry),
            Event::PlanEnd { entry } => sim.on_plan_end(entry),
        }
    }

    /// Step until virtual time has reached `at_ns`, or a check has failed.
    pub fn run_until_ns(&mut self, at_ns: u64) {
        while self.sim.agenda.next_at().is_some_and(|at| at <= at_ns) {
            if !self.step() {
                return;
            }
        }
        self.sim.agenda.idle_until(at_ns);
    }

    /// Step until `done`, at most until virtual time `limit_ns`. Whether it became true.
    pub fn run_while_not(&mut self, limit_ns: u64, mut done: impl FnMut(&mut World) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            if self.sim.agenda.next_at().is_none_or(|at| at > limit_ns) || !self.step() {
                return done(self);
            }
        }
    }

    /// All clients, for what they still want.
    pub(crate) fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().flatten().map(Box::as_ref)
    }

    pub(crate) fn is_client_done(&self, id: u32) -> bool {
        self.clients.get(id as usize).and_then(Option::as_deref).is_some_and(Client::is_done)
    }

    /// The number of clients.
    #[must_use]
    pub fn client_count(&self) -> u32 {
        self.clients.len() as u32
    }
}

impl Sim {
    /// Virtual time in nanoseconds since the world began.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.agenda.now_ns()
    }

    /// How many events have happened.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The fingerprint of everything that has happened.
    #[must_use]
    pub fn hash(&self) -> u128 {
        self.digest.value()
    }

    /// What checks found wrong, so far.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Send the trace there from now on.
    pub fn set_trace(&mut self, sink: TraceSink) {
        self.sink = Some(sink);
    }

    /// Write the number of the event under way there, from now on.
    pub(crate) fn count_into(&mut self, counter: std::rc::Rc<std::cell::RefCell<u64>>) {
        self.counter = Some(counter);
    }

    /// Keep the digest after every event, so that two runs can be compared.
    pub fn keep_trail(&mut self) {
        self.trail = Some(Vec::new());
    }

    /// Keep what the world says of itself. What it said before this is one start.
    pub(crate) fn keep_course(&mut self) {
        self.course = Some(Vec::new());
    }

    pub(crate) fn take_course(&mut self) -> Option<Vec<(u64, String)>> {
        self.course.take()
    }

    /// The digests after each event, if they were kept.
    #[must_use]
    pub fn trail(&self) -> &[u64] {
        self.trail.as_deref().unwrap_or(&[])
    }

    pub(crate) fn fail(&mut self, check: &str, site: impl Into<String>, message: impl Into<String>) {
        let at_ns = self.now_ns();
        self.failures.push(Failure { check: check.to_string(), site: site.into(), message: message.into(), at_ns });
    }

    /// Something that a check would blame the node for has really happened to it.
    fn excused(&mut self, why: Excuse) {
        *self.excuses.entry(why).or_default() += 1;
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.sink.is_some() || self.course.is_some()
    }

    pub(crate) fn trace(&mut self, what: &Traced<'_>) {
        let now = self.agenda.now_ns();
        if let Some(sink) = &mut self.sink {
            sink(now, what);
        }
    }

    pub(crate) fn say(&mut self, text: &str) {
        let now = self.agenda.now_ns();
        if let Some(course) = &mut self.course {
            course.push((now, text.to_string()));
        }
        self.trace(&Traced::World { text });
    }

    /// Compare everything derived on the disks with what it is derived from, if nothing is under way.
    pub fn refold(&mut self) {
        // What a power loss left is not looked at before a start has had its turn with it.
        for n in (0..self.nodes.len()).filter(|n| self.is_up(*n as u32)).collect::<Vec<_>>() {
            self.watch.refold(&self.nodes[n].disk);
        }
        for found in std::mem::take(&mut self.watch.found) {
            self.fail(found.id.name(), found.site, found.message);
        }
    }

    /// Whether bytes at rest were damaged on any disk.
    #[must_use]
    pub fn disk_is_damaged(&self) -> bool {
        self.nodes.iter().any(|n| !n.disk.damaged().is_empty())
    }

    /// What damage has struck, and when.
    pub(crate) fn damaged(&self) -> Vec<(crate::disk::Damage, u64)> {
        let all = self.nodes.iter().flat_map(|n| n.disk.damaged().iter().cloned().zip(n.damaged_at.iter().copied()));
        all.collect()
    }

    /// Wall time as a client knows it, in milliseconds.
    pub(crate) fn client_wall_ms(&self, client: u32) -> i64 {
        let wrong = self.client_clocks.get(client as usize).copied().unwrap_or(0);
        node::WALL_START_MS + (self.now_ns() / 1_000_000) as i64 + wrong
    }

    /// A client's clock is wrong by so much more from now on. Whoever measures its patience with it notices at once.
    fn move_client_clock(&mut self, client: u32, by_ms: i64) {
        if let Some(wrong) = self.client_clocks.get_mut(client as usize) {
            *wrong += by_ms;
            self.wake_client_after(client, 0, crate::clients::PATIENCE);
        }
    }

    /// Wake a client after `ns`, with a token that only it knows the meaning of.
    pub(crate) fn wake_client_after(&mut self, client: u32, ns: u64, token: u64) {
        self.agenda.after(ns, Event::Client { client, token });
    }

    /// A client that is paused gets its events when it goes on.
    fn deferred(&mut self, client: u32, event: Event) -> bool {
        let (until, entry) = self.paused_clients[client as usize];
        if until > self.now_ns() {
            self.held_up(entry);
            self.agenda.at(until, event);
            return true;
        }
        false
    }
}
