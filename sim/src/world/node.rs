//! A node in its world: its lives, its clocks, its disk; inputs in, effects out.
//!
//! State       per node: the machine (if it runs), its disk, the number of its life, clocks, its next deadline.
//! Takes       inputs; crashes, power losses, pauses.
//! Gives       effects, carried out: disk calls started, answers sent.
//! Holds       a panic of the machine is a failure of the world, never of the process that runs it.
//! Not here    connections (wires.rs), the fault plan (faults.rs).

use super::agenda::Event;
use super::{Sim, Traced, fingerprint};
use crate::checks::{self, Excuse, Id};
use crate::disk::SimDisk;
use crate::history::Mishap;
use ottla_core::config::Settings;
use ottla_core::controller::Resource;
use ottla_core::ids::{Offset, OpId};
use ottla_core::io::{DiskCall, DiskFault, Effect, Fatal, FileId, FileKind, Input, Level};
use ottla_core::planted::{Bug, Planted};
use ottla_core::rng::Rng;
use ottla_core::time::{Instant, Now, Timestamp};
use ottla_core::{Node, NodeConfig};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Wall time at the start of every world: 2026-01-01T00:00:00Z, in milliseconds.
pub(super) const WALL_START_MS: i64 = 1_767_225_600_000;

/// Why a node is down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Down {
    /// It runs.
    Up,
    /// It was crashed, lost power, or was shut down; a start is under way unless the plan says otherwise.
    Stopped,
    /// It ended itself because its disk failed it.
    Halted(String),
    /// It would not start on what it found on its disk.
    Refused(String),
}

/// The ends of one log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    pub log_start: Offset,
    pub high_watermark: Offset,
    pub synced_end: Offset,
    pub written_end: Offset,
    pub end: Offset,
}

pub(crate) struct NodeSlot {
    pub(crate) disk: SimDisk,
    pub(super) node: Option<Node>,
    pub(crate) life: u32,
    pub(crate) down: Down,
    /// The monotonic clock at the start of this life, and when that was in the world.
    mono_origin: (u64, u64),
    pub(crate) wall_offset_ms: i64,
    /// The virtual time of the deadline that is on the agenda.
    wake_at: Option<u64>,
    /// Wake-ups without virtual time passing: a machine that asks for them again and again is busy waiting.
    wakes_in_place: u32,
    pub(crate) paused_until: u64,
    held: Vec<Event>,
    /// Answers with ranges of files that are on their way.
    pub(super) leases_out: usize,
    /// Appends to partitions' logs that have not ended, with their bytes.
    unwritten: BTreeMap<OpId, u64>,
    /// When an orderly end was asked for.
    shutdown_at: Option<u64>,
    /// Power is lost right behind an orderly end, and what that takes.
    pub(crate) power_off: Option<Option<crate::disk::Loss>>,
    /// How long it stays down after it ended by itself.
    pub(crate) down_ns: u64,
    pub(crate) starts: u32,
    /// When damage struck, for as much of it as the checks know of.
    pub(super) damaged_at: Vec<u64>,
    /// `connections.max.idle.ms` of this life; `None` is no bound.
    pub(crate) idle_ns: Option<u64>,
}

impl std::fmt::Debug for NodeSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeSlot(life {}, {:?})", self.life, self.down)
    }
}

/// How long an orderly end may take, in virtual nanoseconds.
const SHUTDOWN_NS: u64 = 120_000_000_000;
/// How long a node stays down, unless somebody says otherwise.
pub(super) const DOWN_NS: u64 = 1_000_000_000;

impl Sim {
    pub(super) fn add_node(&mut self) {
        let n = self.nodes.len() as u32;
        let disk = SimDisk::new(self.setup.seed, &format!("disk/{n}"), self.setup.disk);
        self.nodes.push(NodeSlot {
            disk,
            node: None,
            life: 0,
            down: Down::Stopped,
            mono_origin: (0, 0),
            wall_offset_ms: 0,
            wake_at: None,
            wakes_in_place: 0,
            paused_until: 0,
            held: Vec::new(),
            leases_out: 0,
            unwritten: BTreeMap::new(),
            shutdown_at: None,
            power_off: None,
            down_ns: DOWN_NS,
            starts: 0,
            damaged_at: Vec::new(),
            idle_ns: None,
        });
    }

    fn node_config(&mut self, n: u32) -> NodeConfig {
        let settings = match self.settings.clone() {
            Some(settings) => settings,
            None => self.read_settings(),
        };
        NodeConfig {
            node_id: n as i32 + 1,
            advertised_host: format!("node{}", n + 1),
            advertised_port: 9092,
            settings,
            planted: self.planted(),
        }
    }

    fn read_settings(&mut self) -> Settings {
        let settings = self.setup.broker_settings().unwrap_or_else(|refused| {
            self.fail("setup", "setting refused", refused.to_string());
            Settings::default()
        });
        self.settings = Some(settings.clone());
        settings
    }

    /// The flaw that the set-up names, in a build that can have one.
    pub(crate) fn planted(&mut self) -> Planted {
        let Some(name) = self.setup.planted.clone() else { return Planted::default() };
        let Some(bug) = Bug::from_name(&name) else {
            self.fail("setup", "no such planted bug", name);
            return Planted::default();
        };
        #[cfg(feature = "planted-bugs")]
        return Planted::one(bug);
        #[cfg(not(feature = "planted-bugs"))]
        {
            self.fail("setup", "this build can have no planted bug", bug.name());
            Planted::default()
        }
    }

    /// Start a node on what its disk holds. Nothing happens if it runs.
    pub fn start_node(&mut self, n: u32) {
        if self.nodes[n as usize].node.is_some() {
            return;
        }
        let config = self.node_config(n);
        let now_ns = self.now_ns();
        let slot = &mut self.nodes[n as usize];
        slot.life += 1;
        slot.starts += 1;
        // Each life has its own origin of monotonic time, as after a reboot.
        let mut rng = Rng::stream(self.setup.seed, &format!("life/{n}/{}", slot.life));
        slot.mono_origin = (rng.below(1 << 40), now_ns);
        slot.wake_at = None;
        slot.paused_until = 0;
        slot.held.clear();
        slot.leases_out = 0;
        slot.unwritten.clear();
        slot.shutdown_at = None;
        slot.power_off = None;
        slot.idle_ns = u64::try_from(config.settings.int("connections.max.idle.ms")).ok().map(|ms| ms.saturating_mul(1_000_000));
        let seed = rng.next_u64();
        let now = slot.now(now_ns);
        self.lose_files(n);
        self.watch.before_start(&self.nodes[n as usize].disk);
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        self.watch.tally.count(Id::Panicked);
        self.watch.tally.count(Id::Started);
        let slot = &mut self.nodes[n as usize];
        let started = catch_unwind(AssertUnwindSafe(|| {
            let mut image = slot.disk.image();
            Node::recover(config, seed, now, &mut image, &mut out)
        }));
        match started {
            Ok(Ok(node)) => {
                self.watch.on_started(&slot.disk);
                slot.node = Some(node);
                slot.down = Down::Up;
                let life = slot.life;
                self.look_for_word(n, &out);
                self.digest.word(u64::from(life) << 32 | 21);
                self.say(&format!("node {} starts, life {life}", n + 1));
                self.effects(n, &mut out);
                self.reschedule(n);
            }
            Ok(Err(why)) => {
                // The process has ended: what it called its directories means nothing to the next one.
                slot.disk.process_crashed();
                slot.down = Down::Refused(why.0.clone());
                // A read that failed may work the next time: whoever watches over the process starts it again.
                let has_passed = slot.disk.has_news();
                let down_ns = slot.down_ns;
                let excused = checks::may_refuse(&slot.disk, &why.0);
                self.say(&format!("node {} will not start: {}", n + 1, why.0));
                if excused {
                    self.excused(Excuse::StartRefused);
                } else {
                    self.fail(Id::Started.name(), "a node refuses to start, and no damage is what it says", why.0);
                }
                self.after_disk(n);
                if has_passed {
                    self.agenda.after(down_ns, Event::Start { node: n });
                }
            }
            Err(panic) => self.panicked(n, &panic),
        }
        self.scratch = out;
    }

    /// A start that serves a log without what somebody has taken away, in its middle and below what was promised, has to say so.
    fn look_for_word(&mut self, n: u32, out: &[Effect]) {
        for path in std::mem::take(&mut self.watch.owed_word) {
            // Where nothing on the disk says that it was promised, what lies behind the file is cut away, and that is a warning.
            let is_loud = |level: Level| matches!(level, Level::Error | Level::Warn);
            let said = |e: &Effect| matches!(e, Effect::Note(f) if is_loud(f.level) && f.detail.starts_with(&format!("{path}:")));
            let place = path.rsplit_once('-').and_then(|(topic, index)| Some((topic, index.parse().ok()?)));
            self.watch.tally.count(Id::Recovered);
            if place.is_some_and(|(topic, index)| self.ends(n, topic, index).is_some()) && !out.iter().any(said) {
                self.fail(Id::Started.name(), "a start says nothing of a segment file that is gone", path);
            }
        }
    }

    /// Hand one input to a node; carry out what it wants.
    pub(super) fn input(&mut self, n: u32, input: Input) {
        let now_ns = self.now_ns();
        let slot = &mut self.nodes[n as usize];
        if slot.node.is_none() {
            return;
        }
        let now = slot.now(now_ns);
        self.watch.on_wall(now.wall.0);
        fingerprint::input(&mut self.digest, n, now_ns, &input);
        if self.sink.is_some() {
            self.trace(&Traced::Input { node: n, input: &input });
        }
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        self.watch.tally.count(Id::Panicked);
        let Some(node) = self.nodes[n as usize].node.as_mut() else { return };
        let done = catch_unwind(AssertUnwindSafe(|| node.handle(now, input, &mut out)));
        if let Err(panic) = done {
            self.panicked(n, &panic);
        } else {
            self.effects(n, &mut out);
            self.reschedule(n);
            if self.is_up(n) && self.nodes[n as usize].disk.calls_open() == 0 {
                self.look_for_waiters(n);
            }
        }
        self.scratch = out;
    }

    fn effects(&mut self, n: u32, out: &mut Vec<Effect>) {
        for effect in out.drain(..) {
            fingerprint::effect(&mut self.digest, n, &effect);
            if self.sink.is_some() {
                self.trace(&Traced::Effect { node: n, effect: &effect });
            }
            match effect {
                Effect::Reply { conn, reply } => self.on_reply(n, conn, reply),
                Effect::Close { conn } => self.on_close_effect(conn),
                Effect::Disk { op, file, call } => {
                    self.watch.tally.count(Id::DiskContract);
                    self.watch.on_call(&self.nodes[n as usize].disk, file, &call);
                    self.count_unwritten(n, op, file, &call);
                    self.nodes[n as usize].disk.submit(op, file, call);
                }
                Effect::Note(fact) if fact.name == "producers-not-kept" => {
                    self.watch.on_producers_not_kept(fact.detail.split(':').next().unwrap_or_default());
                }
                Effect::Note(_) => {}
                Effect::Halt(why) => self.halted(n, &why),
            }
        }
        self.watch.end_of_turn();
        self.after_disk(n);
    }

    /// Put started disk calls on the agenda; see what the disk has noticed.
    pub(crate) fn after_disk(&mut self, n: u32) {
        let slot = &mut self.nodes[n as usize];
        let life = slot.life;
        for started in slot.disk.started() {
            self.agenda.after(started.after_ns, Event::Disk { node: n, life, ticket: started.ticket });
        }
        let damaged = slot.disk.damaged();
        for damage in &damaged[slot.damaged_at.len().min(damaged.len())..] {
            self.watch.on_damage(damage);
        }
        slot.damaged_at.resize(damaged.len(), self.agenda.now_ns());
        if !slot.disk.has_news() && self.watch.found.is_empty() {
            return;
        }
        let breaches: Vec<_> = slot.disk.breaches().collect();
        let struck: Vec<_> = slot.disk.struck().collect();
        for breach in breaches {
            let lease = breach.0.contains("while a reply");
            let check = if lease { "lease-pin" } else { "disk-contract" };
            self.fail(check, crate::checks::site_of(&breach.0), breach.0);
        }
        for entry in struck {
            self.plan_struck(n, entry);
        }
        let failed: Vec<_> = std::mem::take(&mut self.watch.found);
        for found in failed {
            self.fail(found.id.name(), found.site, found.message);
        }
    }

    fn reschedule(&mut self, n: u32) {
        let now_ns = self.now_ns();
        let slot = &mut self.nodes[n as usize];
        let Some(node) = &slot.node else { return };
        let Some(deadline) = node.deadline() else {
            slot.wake_at = None;
            return;
        };
        let at = (deadline.at.0.saturating_sub(slot.mono_origin.0)).saturating_add(slot.mono_origin.1).max(now_ns);
        if at == u64::MAX {
            slot.wake_at = None;
            return;
        }
        self.watch.tally.count(Id::BusyWait);
        if at > now_ns {
            slot.wakes_in_place = 0;
        } else {
            slot.wakes_in_place += 1;
            if slot.wakes_in_place > 10_000 {
                self.fail(Id::BusyWait.name(), deadline.why, format!("the deadline {:?} is over, again and again", deadline.why));
                return;
            }
        }
        if slot.wake_at != Some(at) {
            slot.wake_at = Some(at);
            let life = slot.life;
            self.agenda.at(at, Event::Wake { node: n, life });
        }
        if self.setup.spurious_wakes && self.wake_rng.chance(1, 50) {
            let (life, after) = (self.nodes[n as usize].life, self.wake_rng.below(3_000_000));
            self.agenda.after(after, Event::Nudge { node: n, life });
        }
    }

    pub(super) fn on_nudge(&mut self, n: u32, life: u32) {
        if self.nodes[n as usize].life == life && !self.held(n, Event::Nudge { node: n, life }) {
            self.input(n, Input::Wake);
        }
    }

    pub(super) fn on_wake(&mut self, n: u32, life: u32) {
        if self.held(n, Event::Wake { node: n, life }) {
            return;
        }
        let slot = &mut self.nodes[n as usize];
        // A pause may have made it late; a deadline that was moved makes it stale.
        if slot.life != life || slot.wake_at.is_none_or(|at| at > self.agenda.now_ns()) {
            return;
        }
        slot.wake_at = None;
        self.input(n, Input::Wake);
    }

    pub(super) fn on_disk(&mut self, n: u32, life: u32, ticket: u32) {
        if self.nodes[n as usize].life != life || self.nodes[n as usize].node.is_none() {
            return;
        }
        if self.held(n, Event::Disk { node: n, life, ticket }) {
            return;
        }
        let Some((op, file, result)) = self.nodes[n as usize].disk.complete(ticket) else { return };
        if let Err(fault @ (DiskFault::Io | DiskFault::NoSpace)) = result {
            self.watch.on_failed(&self.nodes[n as usize].disk, file, fault);
        }
        self.after_disk(n);
        self.nodes[n as usize].unwritten.remove(&op);
        self.input(n, Input::Disk { op, result });
    }

    /// A client's records are handed to a disk: not while more than the bound wait for it already.
    fn count_unwritten(&mut self, n: u32, op: OpId, file: FileId, call: &DiskCall) {
        let slot = &mut self.nodes[n as usize];
        let DiskCall::Append { data, .. } = call else { return };
        let is_log = file.name.kind == FileKind::Log && slot.disk.path_of(file.dir) != Some(crate::checks::METADATA);
        let Some(settings) = self.settings.as_ref().filter(|_| is_log) else { return };
        let Ok(bound) = u64::try_from(settings.int("queued.max.request.bytes")) else { return };
        // A list of batches is one request to one log, and two appends where it rolls.
        let segment = settings.text("internal.log.segment.bytes").or(settings.text("log.segment.bytes"));
        let more: u64 = segment.and_then(|text| text.parse().ok()).unwrap_or(0);
        let waiting: u64 = slot.unwritten.values().sum();
        slot.unwritten.insert(op, data.iter().map(|part| part.len() as u64).sum());
        if waiting >= bound + more {
            let text = format!("{waiting} bytes wait for the disk, {bound} are the bound");
            self.fail("bounded-queues", "records are taken though the disk takes none", text);
        }
    }

    /// A paused node's events wait until it goes on.
    pub(super) fn held(&mut self, n: u32, event: Event) -> bool {
        let slot = &mut self.nodes[n as usize];
        if slot.paused_until > self.agenda.now_ns() {
            slot.held.push(event);
            return true;
        }
        false
    }

    /// Stop a node's process from running for a while, without its knowing.
    pub fn pause_node(&mut self, n: u32, for_ns: u64) {
        let until = self.now_ns() + for_ns;
        self.nodes[n as usize].paused_until = until;
        self.agenda.at(until, Event::Resume { node: n });
        self.say(&format!("node {} stands still", n + 1));
    }

    pub(super) fn resume(&mut self, n: u32) {
        if self.nodes[n as usize].paused_until > self.now_ns() {
            return;
        }
        for event in std::mem::take(&mut self.nodes[n as usize].held) {
            self.agenda.after(0, event);
        }
        // The wake-up that came in between was held; if there was none, the node is due as before.
        self.say(&format!("node {} goes on", n + 1));
    }

    /// Ask a node for an orderly end.
    pub fn shut_down(&mut self, n: u32, down_ns: u64) {
        self.nodes[n as usize].down_ns = down_ns;
        self.nodes[n as usize].shutdown_at = Some(self.now_ns());
        self.input(n, Input::Shutdown);
    }

    /// Kill a node's process; what it wrote stays in the page cache.
    pub fn crash(&mut self, n: u32) {
        self.history.mishaps.push((self.now_ns(), Mishap::ProcessCrash));
        self.say(&format!("node {} crashes", n + 1));
        self.stop(n, Down::Stopped);
        self.nodes[n as usize].disk.process_crashed();
        self.watch.on_crash();
    }

    /// Take power from a node's machine.
    pub fn lose_power(&mut self, n: u32, loss: Option<crate::disk::Loss>) {
        self.history.mishaps.push((self.now_ns(), Mishap::PowerLoss));
        self.say(&format!("node {} loses power", n + 1));
        self.stop(n, Down::Stopped);
        let loss = loss.unwrap_or(self.setup.disk.loss);
        self.watch.on_power_loss(&self.nodes[n as usize].disk);
        self.nodes[n as usize].disk.power_lost_with(loss);
    }

    /// Take power from the machines whose disks have come to a boundary at which it is to be lost.
    pub(super) fn lose_power_at_boundaries(&mut self) {
        for n in 0..self.nodes.len() as u32 {
            if self.nodes[n as usize].disk.is_without_power() {
                self.power_failures += 1;
                self.lose_power(n, None);
                self.agenda.after(1_000_000, Event::Start { node: n });
            }
        }
        self.end_at_call();
    }

    fn stop(&mut self, n: u32, down: Down) {
        let slot = &mut self.nodes[n as usize];
        slot.node = None;
        slot.down = down;
        slot.held.clear();
        slot.paused_until = 0;
        self.drop_node_conns(n);
    }

    fn halted(&mut self, n: u32, why: &Fatal) {
        self.say(&format!("node {} ends: {why:?}", n + 1));
        let down_ns = self.nodes[n as usize].down_ns;
        self.watch.tally.count(Id::Ended);
        let may = self.watch.may_end(why);
        if may && *why != Fatal::Shutdown {
            self.excused(Excuse::DiskFailed);
        }
        match why {
            Fatal::Shutdown | Fatal::Unclean { .. } => {
                if self.nodes[n as usize].shutdown_at.is_none() {
                    let text = "Halt(Shutdown) without Input::Shutdown";
                    self.fail(Id::Ended.name(), "an orderly end that nobody asked for", text);
                }
                if let (Fatal::Unclean { what }, false) = (why, may) {
                    self.fail(Id::Ended.name(), "an end that is not clean without a disk fault", what.clone());
                }
                self.watch.on_ended(&self.nodes[n as usize].disk);
                let is_power_off = std::mem::take(&mut self.nodes[n as usize].power_off);
                self.stop(n, Down::Stopped);
                self.nodes[n as usize].disk.process_crashed();
                self.watch.on_crash();
                if let Some(loss) = is_power_off {
                    self.lose_power(n, loss);
                }
            }
            Fatal::MetadataDirFailed { what } => {
                if !may {
                    self.fail(Id::Ended.name(), "the metadata directory failed without a disk fault", what.clone());
                }
                // Somebody restarts the machine whose disk failed, or whoever watches over the process just starts it again: then the
                // page cache holds bytes that the medium may not have, and that no fsync will write.
                let stream = format!("halt/{n}/{}", self.nodes[n as usize].life);
                if Rng::stream(self.setup.seed, &stream).chance(1, 2) {
                    self.lose_power(n, None);
                } else {
                    self.crash(n);
                }
                self.nodes[n as usize].down = Down::Halted(what.clone());
            }
        }
        self.agenda.after(down_ns, Event::Start { node: n });
    }

    fn panicked(&mut self, n: u32, panic: &Box<dyn std::any::Any + Send>) {
        let (site, message) = crate::runner::panic_site(text_of(&**panic));
        self.stop(n, Down::Stopped);
        self.fail(Id::Panicked.name(), site, message);
    }

    /// The client of core that a workload drives has panicked.
    pub(crate) fn client_panicked(&mut self, client: u32, panic: &(dyn std::any::Any + Send)) {
        let (site, message) = crate::runner::panic_site(text_of(panic));
        let name = self.client_names.get(client as usize).cloned().unwrap_or_default();
        self.fail(Id::Panicked.name(), site, format!("{name}: {message}"));
    }

    /// Whether the node runs.
    #[must_use]
    pub fn is_up(&self, n: u32) -> bool {
        self.nodes[n as usize].node.is_some()
    }

    /// Whether an orderly end was asked for that has not come.
    #[must_use]
    pub fn is_asked_to_end(&self, n: u32) -> bool {
        self.nodes[n as usize].node.is_some() && self.nodes[n as usize].shutdown_at.is_some()
    }

    /// Why a node is down, if it is.
    #[must_use]
    pub fn down(&self, n: u32) -> &Down {
        &self.nodes[n as usize].down
    }

    /// How far the log of a partition has come, as the node itself sees it. `None` if it is down or has no such partition.
    #[must_use]
    pub fn ends(&self, n: u32, topic: &str, index: i32) -> Option<Ends> {
        let node = self.nodes[n as usize].node.as_ref()?;
        let partition = node.partitions().find(|p| p.topic() == topic && p.id().index.0 == index)?;
        let log = partition.log();
        Some(Ends {
            log_start: log.log_start(),
            high_watermark: partition.high_watermark(),
            synced_end: log.synced_end(),
            written_end: log.written_end(),
            end: log.end(),
        })
    }

    /// A setting that a topic has of its own, as the node itself sees it; the outer `None` if there is no such topic.
    #[must_use]
    pub fn setting(&self, n: u32, topic: &str, name: &str) -> Option<Option<&str>> {
        let image = self.nodes[n as usize].node.as_ref()?.image();
        image.names.get(topic)?;
        Some(image.config(&Resource::Topic(topic.to_owned())).and_then(|all| all.get(name)).map(String::as_str))
    }

    /// A setting of the broker, as the set-up gives it.
    pub(crate) fn setting_of_broker(&self, name: &str) -> Option<&str> {
        self.setup.settings.get(name).map(String::as_str)
    }

    /// A node's disk, for stories and checks.
    pub fn disk(&mut self, n: u32) -> &mut SimDisk {
        &mut self.nodes[n as usize].disk
    }

    /// Whether an orderly end that was asked for takes too long.
    pub(crate) fn shutdown_is_stuck(&self) -> bool {
        self.nodes.iter().any(|s| s.node.is_some() && s.shutdown_at.is_some_and(|at| self.now_ns() > at + SHUTDOWN_NS))
    }
}

impl NodeSlot {
    pub(super) fn now(&self, now_ns: u64) -> Now {
        Now {
            mono: Instant(self.mono_origin.0 + now_ns - self.mono_origin.1),
            wall: Timestamp(WALL_START_MS + (now_ns / 1_000_000) as i64 + self.wall_offset_ms),
        }
    }
}

/// What a panic says.
fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text")
}
