//! Cutting a failing case down to what its failure needs, and writing what is left as a story.
//!
//! Takes       a failing case.
//! Gives       the smallest case found that fails in the same check at the same site, and how it got there.
//! Holds       every step is a run: what is left really fails. What clients drew is first replaced by a timetable of what they did, so
//!             that every single batch and act can be left out; from then on the seed only shuffles delays and losses, and another
//!             one may do as well.
//! Not here    explaining the failure.
//! Read first  `Search::cut_down`.

use crate::case::{self, Case, ClientKind, Outcome, Watching};
use crate::clients::{LibraryConfig, Reads};
use crate::disk::{Keep, Loss};
use crate::plan::Action;
use crate::runner::quietly;
use crate::story;
use serde::Serialize;
use std::ops::Range;

/// What became of a case.
#[derive(Clone, Debug, Serialize)]
pub struct Shrunk {
    #[serde(skip)]
    pub case: Case,
    pub check: String,
    pub site: String,
    pub message: String,
    pub runs: u64,
    pub before: Size,
    pub after: Size,
}

/// How big a case is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Size {
    /// Entries of the fault plan.
    pub faults: u64,
    /// Batches that producers make, and acts of administrators, but for setting up the topics.
    pub operations: u64,
    /// Clients but the administrator.
    pub clients: u64,
    pub topics: u64,
    /// Events of the run.
    pub events: u64,
}

impl Size {
    fn of(case: &Case, events: u64) -> Size {
        let mut size = Size { faults: case.plan.entries.len() as u64, events, ..Size::default() };
        size.faults += case.setup.power_loss_at.len() as u64;
        for client in &case.clients {
            size.operations += u64::from(client.kind.drawn()) + client.kind.batches().len() as u64;
            match &client.kind {
                ClientKind::Admin(a) => {
                    size.topics += a.setup.len() as u64;
                    size.operations += a.timetable.len() as u64;
                }
                _ => size.clients += 1,
            }
        }
        size
    }
}

/// So many other seeds are tried before something is kept.
const OTHER_SEEDS: u64 = 6;

struct Search<'a> {
    check: String,
    site: String,
    best: Case,
    outcome: Outcome,
    runs: u64,
    limit: u64,
    /// Seeds that are tried beside the best one's own.
    seeds: Range<u64>,
    progress: &'a dyn Fn(u64, &Case) -> bool,
    stopped: bool,
}

impl Search<'_> {
    fn fails_as_it_should(&mut self, case: &Case) -> Option<Outcome> {
        if self.stopped || self.runs >= self.limit {
            return None;
        }
        self.runs += 1;
        self.stopped = !(self.progress)(self.runs, &self.best);
        let outcome = quietly(|| case::run(case, Watching::default()));
        (outcome.first() == Some((self.check.as_str(), self.site.as_str()))).then_some(outcome)
    }

    /// Whether this case still fails as it should, under its own seed or another; then it is the best so far.
    fn try_case(&mut self, mut case: Case) -> bool {
        if case == self.best {
            return false;
        }
        let own = case.setup.seed;
        for seed in std::iter::once(own).chain(self.seeds.clone().filter(|s| *s != own)) {
            case.setup.seed = seed;
            if let Some(outcome) = self.fails_as_it_should(&case) {
                self.best = case;
                self.outcome = outcome;
                return true;
            }
        }
        false
    }

    fn edited(&mut self, edit: impl FnOnce(&mut Case)) -> bool {
        let mut case = self.best.clone();
        edit(&mut case);
        // What would strike after the end of all faults is no world that a story can tell.
        let is_within = times(&case).last().is_none_or(|last_ms| *last_ms < case.faults_ms);
        is_within && self.try_case(case)
    }

    /// Delta debugging over a list: leave out ever shorter runs of it.
    fn thin(&mut self, len: impl Fn(&Case) -> usize, leave_out: impl Fn(&mut Case, Range<usize>)) {
        let mut chunk = len(&self.best);
        while chunk > 0 {
            let mut at = 0;
            while at < len(&self.best) {
                let end = (at + chunk).min(len(&self.best));
                if !self.edited(|c| leave_out(c, at..end)) {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
    }

    fn cut_down(&mut self) {
        self.rounds(|search| {
            search.plan();
            search.clients();
        });
        self.write_timetables();
        self.rounds(Search::round);
        self.seeds = 1..OTHER_SEEDS + 1;
        self.rounds(Search::round);
        self.seeds = 0..0;
        self.tidy();
    }

    /// The same steps again until they lead nowhere.
    fn rounds(&mut self, steps: impl Fn(&mut Self)) {
        loop {
            let last = self.best.clone();
            steps(self);
            if self.best == last || self.stopped || self.runs >= self.limit {
                return;
            }
        }
    }

    fn round(&mut self) {
        self.plan();
        self.clients();
        self.timetables();
        self.calls_to_pass();
        self.topics();
        self.workload();
        self.configuration();
    }

    fn plan(&mut self) {
        self.thin(|c| c.plan.entries.len(), |c, range| drop(c.plan.entries.drain(range)));
        self.thin(|c| c.setup.power_loss_at.len(), |c, range| drop(c.setup.power_loss_at.drain(range)));
    }

    fn clients(&mut self) {
        let mut at = 0;
        while at < self.best.clients.len() {
            let removable = !matches!(self.best.clients[at].kind, ClientKind::Admin(_));
            // Entries of the plan name clients by number: those behind it move up.
            let left_out = removable
                && self.edited(|c| {
                    c.clients.remove(at);
                    c.plan.client_left_out(at as u32);
                });
            if !left_out {
                at += 1;
            }
        }
    }

    /// What producers and administrators draw becomes what they did, at the same times: of all clients, or of those of which it can.
    fn write_timetables(&mut self) {
        let own = self.best.setup.seed;
        self.seeds = own..own + OTHER_SEEDS;
        let all: Vec<usize> = (0..self.best.clients.len()).collect();
        if !self.write_timetables_of(&all) {
            for at in all {
                self.write_timetables_of(&[at]);
            }
        }
        self.seeds = 0..0;
    }

    fn write_timetables_of(&mut self, clients: &[usize]) -> bool {
        let tables = self.outcome.timetables.clone();
        self.edited(|c| {
            for at in clients {
                match &mut c.clients[*at].kind {
                    ClientKind::Producer(p) if p.batches > 0 => {
                        p.timetable.clone_from(&tables[*at].batches);
                        (p.batches, p.records_max, p.padding_max, p.think_ms) = (0, 1, 0, 1);
                    }
                    ClientKind::Library(l) if l.records > 0 => {
                        l.timetable.clone_from(&tables[*at].batches);
                        (l.records, l.burst, l.padding_max) = (0, 1, 0);
                    }
                    ClientKind::Admin(a) => {
                        a.timetable.clone_from(&tables[*at].acts);
                        (a.operations, a.think_ms, a.delete_records) = (0, 1, false);
                        a.volatile.clear();
                        a.stable = a.setup.iter().map(|(name, ..)| name.clone()).collect();
                    }
                    _ => {}
                }
            }
        })
    }

    fn timetables(&mut self) {
        for at in 0..self.best.clients.len() {
            self.thin(
                |c| match &c.clients[at].kind {
                    ClientKind::Admin(a) => a.timetable.len(),
                    other => other.batches().len(),
                },
                |c, range| match &mut c.clients[at].kind {
                    ClientKind::Admin(a) => drop(a.timetable.drain(range)),
                    other => drop(other.batches_mut().map(|batches| batches.drain(range))),
                },
            );
        }
    }

    /// A disk fault that lets calls pass first holds what makes these calls: cut both together.
    fn calls_to_pass(&mut self) {
        for at in 0..self.best.plan.entries.len() {
            let Action::Disk { after, .. } = self.best.plan.entries[at].action else { continue };
            let to = |c: &mut Case, calls: u32| {
                if let Action::Disk { after, .. } = &mut c.plan.entries[at].action {
                    *after = calls;
                }
            };
            if after == 0 || self.edited(|c| to(c, 0)) || self.edited(|c| to(c, after / 2)) || self.edited(|c| to(c, after - 1)) {
                continue;
            }
            for fewer in 1..=after.min(4) {
                for client in 0..self.best.clients.len() {
                    for batch in (0..self.best.clients[client].kind.batches().len()).rev() {
                        let done = self.edited(|c| {
                            to(c, after - fewer);
                            drop(c.clients[client].kind.batches_mut().map(|batches| batches.remove(batch)));
                        });
                        if done {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn topics(&mut self) {
        let mut at = 0;
        while let Some((topics, _)) = setup_of(&self.best, at) {
            if topics == 1 || !self.edited(|c| leave_out_topic(c, at)) {
                self.edited(|c| one_partition(c, at));
                let settings = setup_of(&self.best, at).map_or(0, |(_, settings)| settings);
                for setting in (0..settings).rev() {
                    self.edited(|c| {
                        if let ClientKind::Admin(a) = &mut c.clients[0].kind {
                            a.setup[at].2.remove(setting);
                        }
                    });
                }
                at += 1;
            }
        }
    }

    fn workload(&mut self) {
        for at in 0..self.best.clients.len() {
            for divisor in [16, 8, 4, 2] {
                self.edited(|c| {
                    if let Some(drawn) = c.clients[at].kind.drawn_mut() {
                        *drawn /= divisor;
                    }
                });
            }
            self.edited(|c| {
                if let Some(drawn) = c.clients[at].kind.drawn_mut() {
                    *drawn = drawn.saturating_sub(1);
                }
            });
            self.edited(|c| match &mut c.clients[at].kind {
                ClientKind::Hostile(h) => h.think_ms = 10,
                ClientKind::Admin(a) => a.think_ms = 1,
                _ => {}
            });
            self.edited(|c| {
                let kind = &mut c.clients[at].kind;
                kind.batches_mut().into_iter().flatten().for_each(|b| (b.records, b.padding) = (1, 0));
                match kind {
                    ClientKind::Producer(p) => (p.records_max, p.padding_max) = (1, 0),
                    ClientKind::Library(l) => (l.burst, l.padding_max) = (1, 0),
                    ClientKind::Admin(a) => a.patience_ms = story::PATIENCE_MS,
                    ClientKind::Consumer(k) => k.lists_percent = 0,
                    ClientKind::Hostile(_) | ClientKind::Inspector(_) | ClientKind::Operator(_) => {}
                }
            });
            self.edited(|c| c.clients[at].kind.batches_mut().into_iter().flatten().for_each(|b| b.to.truncate(1)));
            self.edited(|c| c.clients[at].kind.batches_mut().into_iter().flatten().for_each(|b| b.records = 1));
            // Whoever visits topics that are made again names them by id: the history could not tell their incarnations apart.
            let by_id = self.best.visits_deleted(at).is_some();
            self.edited(|c| match &mut c.clients[at].kind {
                ClientKind::Producer(p) => p.by_id = by_id,
                ClientKind::Consumer(k) => (k.sessions, k.by_id) = (false, by_id),
                _ => {}
            });
            self.edited(|c| match &mut c.clients[at].kind {
                ClientKind::Producer(p) => p.in_flight = 1,
                ClientKind::Library(l) => (l.in_flight, l.codec, l.older) = (1, Default::default(), false),
                ClientKind::Consumer(k) => (k.max_bytes, k.min_bytes, k.max_wait_ms, k.think_ms) = (1 << 20, 1, 100, 50),
                _ => {}
            });
            self.edited(|c| match &mut c.clients[at].kind {
                ClientKind::Producer(p) => (p.retries, p.patience_ms) = (true, story::PATIENCE_MS),
                ClientKind::Library(l) => (l.reads, l.asks_percent, l.linger_ms) = (Reads::Nothing, 0, 0),
                ClientKind::Consumer(k) => k.patience_ms = story::PATIENCE_MS,
                _ => {}
            });
            self.edited(|c| {
                if let ClientKind::Producer(p) = &mut c.clients[at].kind {
                    p.idempotent = false;
                }
            });
            self.edited(|c| {
                if let ClientKind::Library(l) = &mut c.clients[at].kind {
                    let usual = LibraryConfig::idle(Vec::new());
                    (l.request_ms, l.delivery_ms, l.batch_bytes) = (usual.request_ms, usual.delivery_ms, usual.batch_bytes);
                }
            });
        }
    }

    fn configuration(&mut self) {
        let names: Vec<String> = self.best.setup.settings.keys().cloned().collect();
        for name in names {
            self.edited(|c| drop(c.setup.settings.remove(&name)));
        }
        let plain = story::plain_world();
        self.edited(|c| c.setup.spurious_wakes = false);
        self.edited(|c| c.setup.net = plain.setup.net);
        self.edited(|c| c.setup.net.bytes_percent = 0);
        self.edited(|c| c.setup.disk.sync_covers_later = false);
        self.edited(|c| (c.setup.disk.call_ns, c.setup.disk.sync_ns) = (plain.setup.disk.call_ns, plain.setup.disk.sync_ns));
        self.edited(|c| c.setup.disk.call_ns = plain.setup.disk.call_ns);
        self.edited(|c| c.setup.disk.read_ns = None);
        // The plainest loss first: nothing, then only names, then anything without torn sectors.
        let plainer = [
            Loss::NOTHING_KEPT,
            Loss { names: Keep::Everything, ..Loss::NOTHING_KEPT },
            Loss { data: Keep::Everything, names: Keep::Everything, ..Loss::NOTHING_KEPT },
            Loss { data: Keep::Everything, ..Loss::NOTHING_KEPT },
        ];
        if !plainer.contains(&self.best.setup.disk.loss) {
            let found = plainer.into_iter().any(|loss| self.edited(|c| c.setup.disk.loss = loss));
            if !found {
                self.edited(|c| c.setup.disk.loss.names = Keep::Everything);
                self.edited(|c| c.setup.disk.loss.names = Keep::Nothing);
                self.edited(|c| c.setup.disk.loss.garbage = false);
                self.edited(|c| c.setup.disk.loss.shorn = false);
            }
        }
        self.edited(|c| c.faults_ms = c.faults_ms.min(last_ms(c) + 100));
    }

    /// What does not make it smaller, but easier to read.
    fn tidy(&mut self) {
        for at in 0..self.best.plan.entries.len() {
            self.edited(|c| match &mut c.plan.entries[at].action {
                Action::Crash { down_ms, .. } | Action::PowerLoss { down_ms, .. } | Action::Shutdown { down_ms, .. } => {
                    *down_ms = 100;
                }
                Action::Disk { stall_ms: for_ms, .. }
                | Action::Pause { for_ms, .. }
                | Action::DiskFull { for_ms, .. }
                | Action::PauseClient { for_ms, .. } => *for_ms = 1_000,
                _ => {}
            });
        }
        self.close_gaps();
        self.edited(|c| c.faults_ms = 1_000);
        self.edited(|c| c.setup.seed = 1);
    }

    /// What happens late happens sooner: the time before the first thing, and between one and the next, becomes 20 ms where it can.
    fn close_gaps(&mut self) {
        let mut before = 0;
        while let Some(next) = times(&self.best).into_iter().find(|at_ms| *at_ms > before) {
            let wanted = if before == 0 { 20 } else { before - before % 10 + 20 };
            let sooner = next.saturating_sub(wanted);
            let moved = sooner > 0
                && self.edited(|c| {
                    move_times(c, |at_ms| if at_ms >= next { at_ms - sooner } else { at_ms });
                    c.faults_ms = c.faults_ms.saturating_sub(sooner).max(100);
                });
            before = if moved { wanted } else { next };
        }
    }
}

/// How many topics are set up, and with how many settings the one at `at`; `None` if there are no more.
fn setup_of(case: &Case, at: usize) -> Option<(usize, usize)> {
    let ClientKind::Admin(a) = &case.clients.first()?.kind else { return None };
    Some((a.setup.len(), a.setup.get(at)?.2.len()))
}

/// Every time of the plan and of the timetables.
fn times(case: &Case) -> std::collections::BTreeSet<u64> {
    let mut times = std::collections::BTreeSet::new();
    move_times(&mut case.clone(), |at_ms| {
        times.insert(at_ms);
        at_ms
    });
    times
}

/// Give every time of the plan and of the timetables another value.
fn move_times(case: &mut Case, mut to: impl FnMut(u64) -> u64) {
    case.plan.entries.iter_mut().for_each(|e| e.at_ms = to(e.at_ms));
    for client in &mut case.clients {
        client.kind.batches_mut().into_iter().flatten().for_each(|b| b.at_ms = to(b.at_ms));
        if let ClientKind::Admin(a) = &mut client.kind {
            a.timetable.iter_mut().for_each(|a| a.at_ms = to(a.at_ms));
        }
    }
}

/// When the last thing happens that is planned.
fn last_ms(case: &Case) -> u64 {
    let clients = case.clients.iter().map(|c| match &c.kind {
        ClientKind::Hostile(_) => 0,
        // What is drawn has no known end.
        drawn if drawn.drawn() > 0 => u64::MAX >> 1,
        ClientKind::Admin(a) => a.timetable.last().map_or(0, |a| a.at_ms),
        other => other.batches().last().map_or(0, |b| b.at_ms),
    });
    clients.chain(case.plan.entries.iter().map(|e| e.at_ms)).max().unwrap_or(0)
}

/// Give a topic one partition, and let every client know it so.
fn one_partition(case: &mut Case, topic: usize) {
    let ClientKind::Admin(a) = &mut case.clients[0].kind else { return };
    a.setup[topic].1 = 1;
    let name = a.setup[topic].0.clone();
    for client in &mut case.clients {
        let topics = client.kind.topics_mut().into_iter().flatten();
        topics.filter(|(n, _)| *n == name).for_each(|(_, partitions)| *partitions = 1);
    }
}

/// Leave a topic out of the set-up and of every client's list.
fn leave_out_topic(case: &mut Case, topic: usize) {
    let ClientKind::Admin(a) = &mut case.clients[0].kind else { return };
    let (name, _, _) = a.setup.remove(topic);
    a.stable.retain(|n| *n != name);
    a.volatile.retain(|n| *n != name);
    a.timetable.retain(|entry| entry.topic != name);
    for client in &mut case.clients {
        if let Some(topics) = client.kind.topics_mut() {
            topics.retain(|(n, _)| *n != name);
        }
        if let Some(batches) = client.kind.batches_mut() {
            batches.iter_mut().for_each(|b| b.to.retain(|(n, _)| *n != name));
            batches.retain(|b| !b.to.is_empty());
        }
        if let ClientKind::Hostile(h) = &mut client.kind {
            h.topics.retain(|n| *n != name);
        }
    }
}

/// Cut a failing case down, in at most `runs_max` runs. `None` if it does not fail. `progress` gets the number of runs and the best
/// case so far, and returns `false` to stop.
pub fn shrink(case: &Case, runs_max: u64, progress: &dyn Fn(u64, &Case) -> bool) -> Option<Shrunk> {
    let outcome = quietly(|| case::run(case, Watching::default()));
    let (check, site) = outcome.first().map(|(c, s)| (c.to_string(), s.to_string()))?;
    let before = Size::of(case, outcome.events);
    let best = case.clone();
    let mut search = Search { check, site, best, outcome, runs: 1, limit: runs_max, seeds: 0..0, progress, stopped: false };
    search.cut_down();
    let after = Size::of(&search.best, search.outcome.events);
    let Search { check, site, best, outcome, runs, .. } = search;
    let message = outcome.failures.first().map(|f| f.message.clone()).unwrap_or_default();
    Some(Shrunk { case: best, check, site, message, runs, before, after })
}

/// A failing case as a story with its course, under a comment.
pub fn to_story(case: &Case, comment: &str) -> Result<String, String> {
    let text = story::of_case(case, comment);
    let told = story::tell(&text).map_err(|mistake| mistake.render("the story of a case", &text))?;
    if told.contains("REFUTED ") {
        Ok(told)
    } else {
        Err(format!("written as a story this world does not fail any more:\n{told}"))
    }
}
