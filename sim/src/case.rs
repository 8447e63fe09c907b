//! One case: a world, its clients and its fault plan as data, and what running it shows.
//!
//! State       none: a case is a value that can be printed, edited, cut down and run again.
//! Takes       a case and how to watch it.
//! Gives       an `Outcome`: a digest, events, failures, counters.
//! Holds       set up; faults; heal; everything must converge within bounded virtual time; a fresh reader reads all; judgement.
//! Not here    where cases come from (campaign.rs), threads (runner.rs), cutting down (shrink.rs).

use crate::checks::{self, Excuse, Incarnations, Tally, is_later};
use crate::clients::{
    Admin, AdminConfig, Client, Consumer, ConsumerConfig, Hostile, HostileConfig, Inspector, InspectorConfig, Library,
    LibraryConfig, Operator, OperatorConfig, Producer, ProducerConfig, TimedAct, TimedBatch,
};
use crate::disk::Damage;
use crate::history::{AdminAct, Outcome as Ended};
use crate::plan::{Kind, Plan};
use crate::world::{Failure, Fired, Setup, TraceSink, World};
use ottla_core::ids::Offset;
use ottla_core::io::FileKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const MS: u64 = 1_000_000;
/// What a client does as the seed says goes on for so long at the most, in batches, records, frames or operations.
pub(crate) const DRAWN_MAX: u32 = 1_000_000;
/// The most partitions of a topic of a world: each gets a client of its own when all is healed.
pub(crate) const PARTITIONS_MAX: i32 = 1_000;
/// How long faults strike, at the most: thirty days, in virtual milliseconds.
pub(crate) const FAULTS_MS_MAX: u64 = 30 * 86_400_000;
/// Virtual time in which a healed world must converge.
pub const CONVERGE_MS: u64 = 180_000;

/// One client, as data.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientSpec {
    pub name: String,
    pub kind: ClientKind,
}

#[derive(Clone, PartialEq, Debug)]
pub enum ClientKind {
    Admin(AdminConfig),
    Producer(ProducerConfig),
    Consumer(ConsumerConfig),
    Hostile(HostileConfig),
    Inspector(InspectorConfig),
    Operator(OperatorConfig),
    Library(LibraryConfig),
}

impl ClientKind {
    /// How much it does as the seed says: batches, records, operations or frames.
    #[must_use]
    pub fn drawn(&self) -> u32 {
        match self {
            ClientKind::Admin(c) => c.operations,
            ClientKind::Producer(c) => c.batches,
            ClientKind::Hostile(c) => c.frames,
            ClientKind::Library(c) => c.records,
            ClientKind::Operator(c) => c.operations,
            ClientKind::Consumer(_) | ClientKind::Inspector(_) => 0,
        }
    }

    pub(crate) fn drawn_mut(&mut self) -> Option<&mut u32> {
        match self {
            ClientKind::Admin(c) => Some(&mut c.operations),
            ClientKind::Producer(c) => Some(&mut c.batches),
            ClientKind::Hostile(c) => Some(&mut c.frames),
            ClientKind::Library(c) => Some(&mut c.records),
            ClientKind::Operator(c) => Some(&mut c.operations),
            ClientKind::Consumer(_) | ClientKind::Inspector(_) => None,
        }
    }

    /// What it sends at given times; nothing if it is none that sends.
    #[must_use]
    pub fn batches(&self) -> &[TimedBatch] {
        match self {
            ClientKind::Producer(ProducerConfig { timetable, .. }) | ClientKind::Library(LibraryConfig { timetable, .. }) => {
                timetable
            }
            ClientKind::Admin(_)
            | ClientKind::Consumer(_)
            | ClientKind::Hostile(_)
            | ClientKind::Inspector(_)
            | ClientKind::Operator(_) => &[],
        }
    }

    pub(crate) fn batches_mut(&mut self) -> Option<&mut Vec<TimedBatch>> {
        match self {
            ClientKind::Producer(ProducerConfig { timetable, .. }) | ClientKind::Library(LibraryConfig { timetable, .. }) => {
                Some(timetable)
            }
            ClientKind::Admin(_)
            | ClientKind::Consumer(_)
            | ClientKind::Hostile(_)
            | ClientKind::Inspector(_)
            | ClientKind::Operator(_) => None,
        }
    }

    /// The topics that it visits, with their partitions.
    pub(crate) fn topics_mut(&mut self) -> Option<&mut Vec<(String, i32)>> {
        match self {
            ClientKind::Producer(c) => Some(&mut c.topics),
            ClientKind::Consumer(c) => Some(&mut c.topics),
            ClientKind::Inspector(c) => Some(&mut c.topics),
            ClientKind::Library(c) => Some(&mut c.topics),
            ClientKind::Admin(_) | ClientKind::Hostile(_) | ClientKind::Operator(_) => None,
        }
    }
}

/// A world with its clients and its fault plan.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// The campaign that it came from.
    pub campaign: String,
    /// Faults end here, in virtual milliseconds.
    pub faults_ms: u64,
    pub setup: Setup,
    pub clients: Vec<ClientSpec>,
    pub plan: Plan,
}

impl Case {
    /// The first topic of a client's that may be deleted. Such a client has to name topics by id: the history cannot tell incarnations
    /// of one name apart.
    #[must_use]
    pub fn visits_deleted(&self, client: usize) -> Option<&str> {
        let visited = match &self.clients.get(client)?.kind {
            ClientKind::Producer(p) => &p.topics,
            ClientKind::Consumer(c) => &c.topics,
            ClientKind::Library(c) => &c.topics,
            ClientKind::Admin(_) | ClientKind::Hostile(_) | ClientKind::Inspector(_) | ClientKind::Operator(_) => return None,
        };
        let deletes = |admin: &AdminConfig, name: &String| {
            let timed = |a: &TimedAct| a.topic == *name && a.act == AdminAct::DeleteTopic;
            admin.volatile.contains(name) || admin.timetable.iter().any(timed)
        };
        let admins = self.clients.iter().filter_map(|c| if let ClientKind::Admin(a) = &c.kind { Some(a) } else { None });
        let is_deleted = |name: &&String| admins.clone().any(|a| deletes(a, name));
        visited.iter().map(|(name, _)| name).find(is_deleted).map(String::as_str)
    }

    /// Whether a client names topics by id, which it must where they may be deleted.
    #[must_use]
    pub fn names_by_id(&self, client: usize) -> bool {
        match self.clients.get(client).map(|c| &c.kind) {
            Some(ClientKind::Producer(p)) => p.by_id,
            Some(ClientKind::Consumer(c)) => c.by_id,
            Some(ClientKind::Library(c)) => c.reads_by_id(),
            _ => true,
        }
    }
}

/// How to watch a run; none of it changes the run.
#[derive(Default)]
pub struct Watching {
    pub trace: Option<TraceSink>,
    /// Keep the digest after every event.
    pub trail: bool,
    /// Tell the course: see `Outcome::course`.
    pub course: bool,
    /// Something that no seed gave: with this event, counted from 1, the network's stream loses a number, so that every delay after
    /// it is another one. For testing the divergence locator.
    pub planted: Option<u64>,
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watching")
    }
}

/// One event of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Step {
    /// The digest after it.
    pub digest: u64,
    /// What the trace says of it.
    pub lines: Vec<String>,
}

/// What a run showed.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Outcome {
    /// 128 bits over all inputs and effects, in hexadecimal.
    pub hash: String,
    pub events: u64,
    pub virtual_ms: u64,
    pub failures: Vec<Failure>,
    pub tally: Tally,
    /// How often each kind of fault struck.
    pub fired: BTreeMap<Kind, u64>,
    /// Entries of the plan that came to nothing, by kind and reason.
    pub moot: BTreeMap<String, u64>,
    /// Losses and halts that something excuses, by reason.
    pub excuses: BTreeMap<Excuse, u64>,
    /// Operations by how they ended.
    pub operations: Operations,
    /// What an administrator did: how often, and how often it was acknowledged.
    pub acts: BTreeMap<String, (u64, u64)>,
    pub storage: Storage,
    #[serde(skip)]
    pub trail: Vec<u64>,
    /// What clients were told, what struck and how it ended, in lines, if that was asked for.
    #[serde(skip)]
    pub course: Vec<String>,
    /// Of a run that failed: what each client of the case did and when, so that it can be done again at the same times.
    #[serde(skip)]
    pub timetables: Vec<Timetable>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Operations {
    pub acked: u64,
    pub refused: u64,
    pub unknown: u64,
    pub records_read: u64,
    pub admin: u64,
    pub starts: u64,
}

/// What the disk was put through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Storage {
    /// Disk calls begun and ended before the faults ended.
    pub boundaries: u64,
    /// Power losses at a boundary that the set-up named.
    pub power_failures: u64,
    /// Segments begun behind another one.
    pub rolls: u64,
    /// Segments given up, by retention or because their records were deleted.
    pub segments_deleted: u64,
}

impl Outcome {
    /// The check and site of the first failure.
    #[must_use]
    pub fn first(&self) -> Option<(&str, &str)> {
        self.failures.first().map(|f| (f.check.as_str(), f.site.as_str()))
    }
}

/// Run a case.
#[must_use]
pub fn run(case: &Case, watching: Watching) -> Outcome {
    let mut run = Run::begin(case, watching);
    let excuse = run.through();
    run.finish(excuse)
}

struct Run<'a> {
    case: &'a Case,
    world: World,
    /// How often damage kept a client, a probe or the reader at the end from what it wanted.
    damage_excused: u64,
}

impl<'a> Run<'a> {
    fn begin(case: &'a Case, watching: Watching) -> Run<'a> {
        let mut world = World::with_sink(case.setup.clone(), watching.trace);
        if watching.trail {
            world.sim.keep_trail();
        }
        world.sim.planted = watching.planted;
        if watching.course {
            world.sim.keep_course();
        }
        let page_cache = &mut world.sim.watch.page_cache;
        for spec in &case.clients {
            let ClientKind::Admin(admin) = &spec.kind else { continue };
            for (name, _, settings) in &admin.setup {
                let own = settings.iter().find(|(n, _)| n == "ottla.durability");
                page_cache.on_made(name, own.map(|(_, v)| v.as_str()));
            }
            // Whoever deletes them may make them again, without settings.
            admin.volatile.iter().for_each(|name| page_cache.on_made(name, None));
            for TimedAct { topic, act, .. } in &admin.timetable {
                match act {
                    AdminAct::SetConfig { name, .. } if name == "ottla.durability" => page_cache.on_changed(topic),
                    AdminAct::CreateTopic { .. } => page_cache.on_made(topic, None),
                    _ => {}
                }
            }
        }
        Run { case, world, damage_excused: 0 }
    }

    /// The whole course. `Some` excuse if the world may end without converging.
    fn through(&mut self) -> Option<Excuse> {
        if !self.set_up() {
            return None;
        }
        let seed = self.case.setup.seed;
        let planted = self.world.sim.planted();
        let deletes = self.world.sim.setting_of_broker("delete.topic.enable").is_none_or(|v| v == "true");
        for spec in &self.case.clients {
            let client = match &spec.kind {
                ClientKind::Admin(_) => continue,
                ClientKind::Producer(c) => Client::Producer(Producer::new(c.clone(), seed, &spec.name)),
                ClientKind::Consumer(c) => Client::Consumer(Consumer::new(c.clone(), seed, &spec.name)),
                ClientKind::Hostile(c) => Client::Hostile(Hostile::new(c.clone(), seed, &spec.name)),
                ClientKind::Inspector(c) => Client::Inspector(Inspector::new(c.clone(), seed, &spec.name)),
                ClientKind::Operator(c) => Client::Operator(Operator::new(c.clone(), seed, &spec.name, deletes)),
                ClientKind::Library(c) => Client::Library(Box::new(Library::new(c.clone(), seed, &spec.name, planted))),
            };
            self.world.add_client(&spec.name, client);
        }
        self.world.sim.set_plan(self.case.plan.clone());
        let start = self.world.sim.now_ns();
        let mut at = start;
        while at < start + self.case.faults_ms * MS && self.world.sim.failures().is_empty() {
            at += self.case.faults_ms * MS / 4 + 1;
            self.world.run_until_ns(at.min(start + self.case.faults_ms * MS));
            self.world.sim.refold();
        }
        self.heal()
    }

    /// Topics are made before anything breaks.
    fn set_up(&mut self) -> bool {
        let seed = self.case.setup.seed;
        let Some((name, config)) = self.case.clients.iter().find_map(|c| match &c.kind {
            ClientKind::Admin(config) => Some((c.name.clone(), config.clone())),
            _ => None,
        }) else {
            return true;
        };
        let me = self.world.add_client(&name, Client::Admin(Admin::new(config, seed, &name)));
        let done = self.world.run_while_not(60_000 * MS, |w| {
            let mut done = false;
            w.with_client(me, |c, _| done = matches!(c, Client::Admin(a) if a.is_set_up()));
            done
        });
        if !done && self.world.sim.failures().is_empty() {
            self.world.sim.fail("converges", "topics cannot be created in a world without faults", String::new());
        }
        done
    }

    fn heal(&mut self) -> Option<Excuse> {
        let world = &mut self.world;
        if !world.sim.failures().is_empty() {
            return None;
        }
        let restart = world.sim.disk_faults_seen();
        world.sim.heal();
        for id in 0..world.client_count() {
            world.with_client(id, |c, _| c.stop());
        }
        if restart {
            // After a disk fault the operator restarts the machine; what a node had to take offline may come back.
            world.run_for_ns(5_000 * MS);
            if world.sim.failures().is_empty() && world.sim.is_up(0) {
                world.sim.lose_power(0, None);
            }
            world.sim.start_node(0);
        }
        if !world.sim.failures().is_empty() {
            return None;
        }
        let deadline = world.sim.now_ns() + CONVERGE_MS * MS;
        // One that was asked to end before is only then the one that stays.
        let stays = |sim: &crate::world::Sim| sim.is_up(0) && !sim.is_asked_to_end(0);
        let calm = world.run_while_not(deadline, |w| stays(&w.sim) && w.clients().all(Client::is_done));
        let world = &mut self.world;
        if !world.sim.failures().is_empty() {
            return None;
        }
        if world.sim.shutdown_is_stuck() {
            world.sim.fail("converges", "an orderly end does not end", String::new());
            return None;
        }
        if let crate::world::Down::Refused(_) | crate::world::Down::Halted(_) = world.sim.down(0) {
            // A start on a damaged disk may be refused; the world has checked that it is damaged.
            return Some(Excuse::DiskFailedHalted);
        }
        if !calm {
            let waiting: Vec<u32> = (0..world.client_count()).filter(|id| !world.is_client_done(*id)).collect();
            let world = &mut self.world;
            let struck = Dead::of(&world.sim);
            let excused = |id: &u32| self.case.clients.get(*id as usize).is_some_and(|c| struck.excuses_client(&c.kind));
            if !waiting.iter().all(excused) {
                let who: Vec<&str> = waiting.iter().map(|id| world.sim.client_names[*id as usize].as_str()).collect();
                let text = format!("not done after {CONVERGE_MS} ms: {who:?}");
                world.sim.fail("converges", "a client still waits long after all faults have ended", text);
                return None;
            }
            self.damage_excused += 1;
        }
        self.probe_and_read();
        self.look_for_administration();
        None
    }

    /// Every log can be written again, and read to its end by somebody who has never read it.
    fn probe_and_read(&mut self) {
        let topics = self.topics();
        if topics.is_empty() {
            return;
        }
        let logs: Vec<(String, i32)> =
            topics.iter().flat_map(|(name, has)| (0..*has).map(|partition| (name.clone(), partition))).collect();
        self.probe(&logs);
        if !self.world.sim.failures().is_empty() {
            return;
        }
        let (seed, world) = (self.case.setup.seed, &mut self.world);
        // What was acknowledged with acks=1 becomes visible once it is on the disk.
        let deadline = world.sim.now_ns() + CONVERGE_MS * MS;
        world.run_for_ns(100 * MS);
        world.run_while_not(deadline, |w| w.sim.is_quiet());
        let reader = ConsumerConfig {
            topics,
            sessions: false,
            by_id: true,
            max_bytes: 1 << 20,
            min_bytes: 0,
            max_wait_ms: 0,
            think_ms: 0,
            patience_ms: 20_000,
            lists_percent: 0,
            last: true,
        };
        let consumer = world.add_client("reader", Client::Consumer(Consumer::new(reader, seed, "reader")));
        let deadline = world.sim.now_ns() + CONVERGE_MS * MS;
        world.run_while_not(deadline, |w| w.is_client_done(consumer));
        if !world.sim.failures().is_empty() {
            return;
        }
        let struck = Dead::of(&world.sim);
        let mut left = Vec::new();
        world.with_client(consumer, |c, sim| {
            if let Client::Consumer(c) = c {
                left = logs.iter().filter(|(name, partition)| !c.has_read(sim, name, *partition)).collect();
            }
        });
        for _ in &logs {
            world.sim.watch.tally.count(checks::Id::Converges);
        }
        let (excused, wrong): (Vec<_>, Vec<_>) = left.into_iter().partition(|(name, p)| struck.excuses(name, *p));
        self.damage_excused += excused.len() as u64;
        if !wrong.is_empty() {
            world.sim.fail("converges", "a log cannot be read to its end after all faults have ended", format!("{wrong:?}"));
        }
        world.run_for_ns(2_000 * MS);
        world.sim.refold();
    }

    /// Write one batch to every log, each by a client of its own: one that is dead keeps no other one from being written.
    fn probe(&mut self, logs: &[(String, i32)]) {
        let (seed, world) = (self.case.setup.seed, &mut self.world);
        let mut probes = Vec::new();
        for (name, partition) in logs {
            let log = (name.clone(), *partition);
            let probe = ProducerConfig {
                think_ms: 0,
                timetable: vec![TimedBatch { at_ms: 0, to: vec![log], records: 1, padding: 0 }],
                ..ProducerConfig::patient(vec![(name.clone(), partition + 1)], 20_000)
            };
            let stream = format!("probe/{name}-{partition}");
            probes.push(world.add_client("probe", Client::Producer(Producer::new(probe, seed, &stream))));
        }
        let deadline = world.sim.now_ns() + CONVERGE_MS * MS;
        world.run_while_not(deadline, |w| probes.iter().all(|probe| w.is_client_done(*probe)));
        if !world.sim.failures().is_empty() {
            return;
        }
        let struck = Dead::of(&world.sim);
        let mut wrong = Vec::new();
        for (probe, (name, partition)) in probes.into_iter().zip(logs) {
            world.sim.watch.tally.count(checks::Id::Converges);
            let ended = world.sim.history.produces.iter().find(|op| op.client == probe).map(|op| op.outcome);
            if ended == Some(Ended::Ok) {
                continue;
            }
            if struck.excuses(name, *partition) {
                self.damage_excused += 1;
            } else {
                wrong.push(format!("{name}-{partition}: {ended:?}"));
            }
        }
        if !wrong.is_empty() {
            world.sim.fail("converges", "a log cannot be written after all faults have ended", wrong.join(", "));
        }
    }

    /// What an administrator was told is done is so at the end, unless something that came later, or may have, undid it.
    fn look_for_administration(&mut self) {
        let sim = &mut self.world.sim;
        let struck = Dead::of(sim);
        if !sim.failures().is_empty() || struck.all || !sim.is_up(0) {
            return;
        }
        let mut wrong = None;
        for (n, op) in sim.history.admins.iter().enumerate().filter(|(_, op)| op.outcome == Ended::Ok) {
            let topic = sim.history.topics[op.topic as usize].as_str();
            let later = |undoes: fn(&AdminAct, &AdminAct) -> bool| {
                let mut others = sim.history.admins.iter().enumerate().filter(|(other, _)| *other != n).map(|(_, other)| other);
                others.any(|other| other.topic == op.topic && undoes(&op.act, &other.act) && is_later(other, op))
            };
            let site = match &op.act {
                // One that damage struck may be offline.
                AdminAct::CreatePartitions { count } if struck.excuses(topic, count - 1) => continue,
                AdminAct::CreatePartitions { count } if !later(|_, act| *act == AdminAct::DeleteTopic) => {
                    let is_there = sim.ends(0, topic, count - 1).is_some();
                    (!is_there).then_some("partitions whose creation was acknowledged are not there at the end")
                }
                AdminAct::DeleteTopic if !later(|_, act| matches!(act, AdminAct::CreateTopic { .. })) => {
                    let is_there = sim.setting(0, topic, "").is_some() || sim.ends(0, topic, 0).is_some();
                    is_there.then_some("a topic whose deletion was acknowledged is there at the end")
                }
                AdminAct::SetConfig { name, value } if !later(undoes_setting) => {
                    let is_so = sim.setting(0, topic, name) == Some(Some(value));
                    (!is_so).then_some("a setting whose change was acknowledged is not so at the end")
                }
                _ => continue,
            };
            sim.watch.tally.count(checks::Id::AdminDurable);
            wrong = wrong.or(site.map(|site| (site, format!("operation {n}: {topic}: {:?}", op.act))));
        }
        if let Some((site, text)) = wrong {
            sim.fail(checks::Id::AdminDurable.name(), site, text);
        }
    }

    /// The topics that must be there at the end: created, and not deleted since; with their partitions.
    fn topics(&self) -> Vec<(String, i32)> {
        let history = &self.world.sim.history;
        let mut topics = Vec::new();
        for (topic, last) in Incarnations::of(history).all() {
            let name = &history.topics[topic as usize];
            let added =
                history.admins.iter().filter(|op| op.topic == topic && op.outcome == Ended::Ok && op.invoked >= last.since);
            let added = added.filter_map(|op| if let AdminAct::CreatePartitions { count } = op.act { Some(count) } else { None });
            let mut has = added.fold(last.partitions, i32::max);
            // Whoever asked for more may not have heard the answer, and somebody may have written there.
            while self.world.sim.ends(0, name, has).is_some() {
                has += 1;
            }
            topics.push((name.clone(), has));
        }
        topics
    }

    fn finish(mut self, excuse: Option<Excuse>) -> Outcome {
        let sim = &mut self.world.sim;
        let mut excuses: BTreeMap<Excuse, u64> = excuse.into_iter().map(|e| (e, 1)).collect();
        // A world that an excuse ends has no end to look at, but what clients saw until then is judged all the same.
        if sim.failures().is_empty() {
            let ground = checks::Ground {
                page_cache: sim.watch.page_cache.clone(),
                damaged: damaged_logs(sim),
                damaged_all: all_damaged(sim),
                ended_early: excuse.is_some(),
                retention: sim.history.topics.iter().filter(|topic| sim.watch.is_retained(topic)).cloned().collect(),
                forgetful: sim.watch.forgetful.clone(),
            };
            let (found, more) = checks::judge(&sim.history, &ground, &mut sim.watch.tally);
            for found in found {
                sim.fail(found.id.name(), found.site, found.message);
            }
            for (why, n) in more.into_iter().chain(std::mem::take(&mut sim.excuses)) {
                *excuses.entry(why).or_default() += n;
            }
        }
        if self.damage_excused > 0 && sim.failures().is_empty() {
            *excuses.entry(Excuse::Damaged).or_default() += self.damage_excused;
        }
        let (mut fired, mut moot) = (BTreeMap::new(), BTreeMap::new());
        for (entry, what) in sim.plan.entries.iter().zip(sim.fired()) {
            let kind = entry.action.kind();
            match what {
                Fired::Struck => *fired.entry(kind).or_default() += 1,
                reason => *moot.entry(format!("{}: {reason:?}", kind.name())).or_default() += 1,
            }
        }
        moot.extend(sim.never_reached.iter().map(|boundary| (format!("power-loss-at={boundary}: {:?}", Fired::NoSuchCall), 1)));
        if sim.failures().is_empty() && sim.fired().contains(&Fired::NotYet) {
            sim.fail("plan", "a planned fault never fired", format!("{:?}", sim.fired()));
        }
        let mut operations = Operations { records_read: sim.history.records.len() as u64, ..Operations::default() };
        for op in &sim.history.produces {
            match op.outcome {
                Ended::Ok => operations.acked += 1,
                Ended::Failed(_) => operations.refused += 1,
                Ended::Open | Ended::Unknown => operations.unknown += 1,
            }
        }
        operations.admin = sim.history.admins.len() as u64;
        let mut acts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for op in &sim.history.admins {
            let (asked, done) = acts.entry(op.act.name().to_owned()).or_default();
            (*asked, *done) = (*asked + 1, *done + u64::from(op.outcome == Ended::Ok));
        }
        operations.starts = sim.nodes.iter().map(|n| u64::from(n.starts)).sum();
        let storage = Storage {
            boundaries: sim.boundaries,
            power_failures: sim.power_failures,
            rolls: sim.watch.rolls,
            segments_deleted: sim.watch.segments_deleted,
        };
        Outcome {
            hash: format!("{:032x}", sim.hash()),
            events: sim.events(),
            virtual_ms: sim.now_ns() / MS,
            failures: sim.failures().to_vec(),
            tally: sim.watch.tally.clone(),
            fired,
            moot,
            excuses,
            operations,
            acts,
            storage,
            trail: sim.trail().to_vec(),
            timetables: if sim.failures().is_empty() { Vec::new() } else { timetables(self.case, &sim.history) },
            course: match sim.take_course() {
                Some(said) => crate::course::tell(said, &sim.history, &sim.client_names, sim.failures()),
                None => Vec::new(),
            },
        }
    }
}

/// Whether one act may leave a topic without the setting that another one gave it.
fn undoes_setting(set: &AdminAct, act: &AdminAct) -> bool {
    match (set, act) {
        (AdminAct::SetConfig { name, .. }, AdminAct::SetConfig { name: other, .. }) => name == other,
        (_, act) => *act == AdminAct::DeleteTopic,
    }
}

impl Outcome {
    /// Kinds of fault of which an entry of the plan waited for a call or a start that did not come, or found nothing that it could strike;
    /// and the boundaries of disk calls that were to take power, and never came.
    pub fn never_struck(&self) -> impl Iterator<Item = &str> {
        let of = |what: &String| [": NoSuchCall", ": NothingToStrike", ": NoStart"].iter().any(|end| what.ends_with(end));
        self.moot.keys().filter(move |what| of(what)).filter_map(|what| what.split(':').next())
    }

    /// What was excused, for the end of a sentence.
    #[must_use]
    pub fn excused(&self) -> String {
        let all: Vec<String> = self.excuses.iter().map(|(why, n)| format!("{n} {}", why.name())).collect();
        if all.is_empty() { String::new() } else { format!("; excused: {}", all.join(", ")) }
    }
}

/// What damage has struck, as far as it excuses that a world does not converge.
struct Dead {
    all: bool,
    /// Paths (topic-partition) of those of which the last incarnation is struck, or cannot be made.
    logs: Vec<String>,
}

impl Dead {
    fn of(sim: &crate::world::Sim) -> Dead {
        let last = Incarnations::of(&sim.history);
        let mut logs = Vec::new();
        // Where records were deleted, a snapshot says of their producers what no batch says any more.
        let is_told_alone = |d: &Damage| {
            let (topic, index) = d.path.rsplit_once('-').unwrap_or_default();
            let ends = index.parse().ok().and_then(|index| sim.ends(0, topic, index));
            d.name.kind == FileKind::Snapshot && !d.gone && ends.is_some_and(|e| e.log_start > Offset::ZERO)
        };
        let told_alone = sim.damaged().into_iter().map(|(damage, _)| damage).filter(is_told_alone);
        let told_alone = told_alone.map(|d| (sim.watch.topic_of_dir(d.dir).unwrap_or(0), d.path, d.dir));
        for (topic_id, path, dir) in wounds(sim).into_iter().map(|w| (w.topic_id, w.path, w.dir)).chain(told_alone) {
            let Some((name, _)) = path.rsplit_once('-') else { continue };
            let topic = sim.history.topics.iter().position(|t| t == name);
            let there = topic.and_then(|topic| last.last(topic as u16)).map_or(0, |last| last.id);
            // Nobody knows whose a damaged directory is, or what is in it: while it is there, it keeps the name from every other one.
            let in_the_way = sim.nodes.iter().any(|n| n.disk.number_of_dir(&path) == Some(dir));
            if topic_id == 0 || there == 0 || topic_id == there || in_the_way {
                logs.push(path);
            }
        }
        Dead { all: all_damaged(sim).is_some(), logs }
    }

    /// Whether a log may be dead.
    fn excuses(&self, topic: &str, partition: i32) -> bool {
        self.all || self.logs.contains(&format!("{topic}-{partition}"))
    }

    /// Whether a client may wait for ever: one of the logs that it visits may be dead. Who asks and loses patience never waits.
    fn excuses_client(&self, client: &ClientKind) -> bool {
        let visited = match client {
            ClientKind::Producer(c) => &c.topics,
            ClientKind::Consumer(c) => &c.topics,
            ClientKind::Inspector(c) => &c.topics,
            ClientKind::Library(c) => &c.topics,
            ClientKind::Admin(_) | ClientKind::Operator(_) | ClientKind::Hostile(_) => return false,
        };
        let struck = |topic: &str| self.logs.iter().any(|path| path.rsplit_once('-').is_some_and(|(name, _)| name == topic));
        self.all || visited.iter().any(|(topic, _)| struck(topic))
    }
}

/// What damage did to a log.
struct Wound {
    /// Topic-partition, as its directory was called then.
    path: String,
    /// The disk's own number of that.
    dir: usize,
    /// Whose it is; 0 where nobody was ever told.
    topic_id: u128,
    struck: checks::Struck,
}

/// Every damage to a log, with the incarnation whose it was. A file that is derived from the batches excuses nothing.
fn wounds(sim: &crate::world::Sim) -> Vec<Wound> {
    let mut all = Vec::new();
    for (damage, at) in sim.damaged() {
        let from = match damage.name.kind {
            FileKind::Log => sim.watch.struck_from(damage.dir).unwrap_or(0),
            FileKind::Index | FileKind::TimeIndex | FileKind::TxnIndex | FileKind::Snapshot | FileKind::LeaderEpochs => continue,
            _ => 0,
        };
        let topic_id = sim.watch.topic_of_dir(damage.dir).unwrap_or(0);
        all.push(Wound { path: damage.path, dir: damage.dir, topic_id, struck: checks::Struck { from, at } });
    }
    all
}

/// From which offset on, and since when, damage excuses a log.
fn damaged_logs(sim: &crate::world::Sim) -> checks::StruckLogs {
    let mut logs = checks::StruckLogs::default();
    for Wound { path, topic_id, struck, .. } in wounds(sim) {
        logs.add(&path, topic_id, struck);
    }
    logs
}

/// Since when damage excuses every log: it took metadata, struck what is no log of it, or struck a checkpoint that, as in Kafka, is
/// believed for all of them. What is derived from the metadata log excuses nothing, nor does the log itself while all of it is there.
fn all_damaged(sim: &crate::world::Sim) -> Option<u64> {
    use FileKind as F;
    let is_lost = sim.watch.is_metadata_lost();
    let is_it = |d: &Damage| match d.name.kind {
        F::LogStarts | F::RecoveryPoints | F::HighWatermarks => d.path.is_empty(),
        F::Log => is_lost && d.path.starts_with("__"),
        F::Index | F::TimeIndex | F::TxnIndex | F::Snapshot | F::LeaderEpochs => false,
        _ => d.path.starts_with("__"),
    };
    let at = sim.damaged().into_iter().filter(|(d, _)| is_it(d)).map(|(_, at)| at).min();
    // However it was lost.
    at.or(is_lost.then_some(0))
}

/// What one client did: the batches of a producer, the acts of an administrator.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Timetable {
    pub batches: Vec<TimedBatch>,
    pub acts: Vec<TimedAct>,
}

/// What each client of the case did, but for setting the world up.
fn timetables(case: &Case, history: &crate::history::History) -> Vec<Timetable> {
    let mut all = vec![Timetable::default(); case.clients.len()];
    let mut last = None;
    for op in &history.produces {
        // The probe at the end is no client of the case.
        let Some(table) = all.get_mut(op.client as usize) else { continue };
        // Nobody knows where the client's partitioner would have put it.
        if op.place.partition < 0 {
            continue;
        }
        let to = (history.topics[op.place.topic as usize].clone(), op.place.partition);
        // Batches of one moment left in one request. The client of core is handed records one by one.
        let one_by_one = matches!(case.clients[op.client as usize].kind, ClientKind::Library(_));
        match table.batches.last_mut().filter(|_| last == Some((op.client, op.invoked))) {
            Some(batch) if one_by_one && batch.to == [to.clone()] && batch.padding == op.padding => batch.records += 1,
            Some(batch) if !one_by_one && !batch.to.contains(&to) => batch.to.push(to),
            _ => table.batches.push(TimedBatch { at_ms: op.invoked / MS, to: vec![to], records: op.count, padding: op.padding }),
        }
        last = Some((op.client, op.invoked));
    }
    let mut setting_up: Vec<&str> = case
        .clients
        .iter()
        .flat_map(|c| match &c.kind {
            ClientKind::Admin(admin) => admin.setup.iter().map(|(name, ..)| name.as_str()).collect(),
            _ => Vec::new(),
        })
        .collect();
    for op in &history.admins {
        let topic = &history.topics[op.topic as usize];
        if let Some(at) = setting_up.iter().position(|name| name == topic) {
            setting_up.remove(at);
            continue;
        }
        if let Some(table) = all.get_mut(op.client as usize) {
            table.acts.push(TimedAct { at_ms: op.invoked / MS, topic: topic.clone(), act: op.act.clone() });
        }
    }
    all
}

/// Run a case event by event, as far as events go; with what the trace says of one of them, or of all.
pub(crate) fn steps(case: &Case, planted: Option<u64>, only: Option<u64>) -> Vec<Step> {
    use std::cell::RefCell;
    use std::rc::Rc;
    // Every line under the number of the event in which it was written; the sink is told by a shared counter.
    let lines: Rc<RefCell<BTreeMap<u64, Vec<String>>>> = Rc::default();
    let sink = Rc::clone(&lines);
    let counted: Rc<RefCell<u64>> = Rc::default();
    let counter = Rc::clone(&counted);
    let trace: TraceSink = Box::new(move |at, what| {
        let event = *counter.borrow();
        if only.is_none_or(|only| only == event) {
            sink.borrow_mut().entry(event).or_default().push(crate::runner::line(at, what));
        }
    });
    let mut run = Run::begin(case, Watching { trace: Some(trace), trail: true, planted, ..Watching::default() });
    run.world.sim.count_into(counted);
    let _ = run.through();
    let mut lines = lines.take();
    let digests = run.world.sim.trail().iter().zip(0..);
    digests.map(|(digest, event)| Step { digest: *digest, lines: lines.remove(&event).unwrap_or_default() }).collect()
}
