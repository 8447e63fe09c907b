//! Cutting a failing case down to what its failure needs: fewer faults, fewer clients, fewer batches, plainer configuration.
//!
//! Takes       a failing case.
//! Gives       the smallest case found that fails in the same check at the same site, and how it got there.
//! Holds       every step is a run: what is left really fails. Nothing is kept that could be left out alone.
//! Not here    explaining the failure.

use crate::case::{self, Case, ClientKind, Outcome, Watching};
use crate::runner::quietly;
use serde::Serialize;

/// What became of a case.
#[derive(Clone, Debug, Serialize)]
pub struct Shrunk {
    pub case: Case,
    pub outcome: Outcome,
    pub check: String,
    pub site: String,
    pub runs: u64,
    /// Plan entries, clients, batches and events before and after.
    pub before: Size,
    pub after: Size,
}

/// How big a case is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Size {
    pub actions: usize,
    pub clients: usize,
    pub batches: u64,
    pub events: u64,
}

fn size(case: &Case, events: u64) -> Size {
    let batches = case.clients.iter().map(|c| match &c.kind {
        ClientKind::Producer(p) => u64::from(p.batches),
        ClientKind::Admin(a) => u64::from(a.operations),
        _ => 0,
    });
    Size { actions: case.plan.entries.len(), clients: case.clients.len(), batches: batches.sum(), events }
}

struct Search<'a> {
    check: String,
    site: String,
    best: Case,
    outcome: Outcome,
    runs: u64,
    limit: u64,
    progress: &'a dyn Fn(u64, &Case) -> bool,
    stopped: bool,
}

impl Search<'_> {
    /// Whether this case still fails as it should; then it is the best so far.
    fn try_case(&mut self, case: Case) -> bool {
        if self.stopped || case == self.best || self.runs >= self.limit {
            return false;
        }
        self.runs += 1;
        let outcome = quietly(|| case::run(&case, Watching::default()));
        if outcome.first() != Some((self.check.as_str(), self.site.as_str())) {
            return false;
        }
        self.best = case;
        self.outcome = outcome;
        self.stopped = !(self.progress)(self.runs, &self.best);
        true
    }

    fn edited(&mut self, edit: impl FnOnce(&mut Case)) -> bool {
        let mut case = self.best.clone();
        edit(&mut case);
        self.try_case(case)
    }

    /// Delta debugging over the plan: leave out ever smaller runs of entries.
    fn plan(&mut self) {
        let mut chunk = self.best.plan.entries.len();
        while chunk > 0 {
            let mut at = 0;
            while at < self.best.plan.entries.len() {
                let end = (at + chunk).min(self.best.plan.entries.len());
                if !self.edited(|c| drop(c.plan.entries.drain(at..end))) {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
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

    fn workload(&mut self) {
        for at in 0..self.best.clients.len() {
            for divisor in [16, 8, 4, 2] {
                self.edited(|c| match &mut c.clients[at].kind {
                    ClientKind::Producer(p) => p.batches = (p.batches / divisor).max(1),
                    ClientKind::Admin(a) => a.operations /= divisor,
                    ClientKind::Hostile(h) => h.frames /= divisor,
                    ClientKind::Consumer(_) => {}
                });
            }
            self.edited(|c| match &mut c.clients[at].kind {
                ClientKind::Producer(p) => (p.records_max, p.padding_max) = (1, 0),
                ClientKind::Admin(a) => a.operations = 0,
                ClientKind::Consumer(k) => k.lists_percent = 0,
                ClientKind::Hostile(_) => {}
            });
            // Whoever visits topics that are made again names them by id: the history could not tell their incarnations apart.
            let by_id = visits_volatile(&self.best, at);
            self.edited(|c| match &mut c.clients[at].kind {
                ClientKind::Producer(p) => (p.in_flight, p.by_id) = (1, by_id),
                ClientKind::Consumer(k) => (k.sessions, k.by_id) = (false, by_id),
                _ => {}
            });
            while let ClientKind::Admin(a) = &self.best.clients[at].kind {
                let topics = a.setup.len();
                let fewer = (0..topics).any(|i| topics > 1 && self.edited(|c| leave_out_topic(c, at, i)));
                if !fewer {
                    break;
                }
            }
        }
    }

    fn configuration(&mut self) {
        let names: Vec<String> = self.best.setup.settings.keys().cloned().collect();
        for name in names {
            self.edited(|c| drop(c.setup.settings.remove(&name)));
        }
        self.edited(|c| c.setup.spurious_wakes = false);
        self.edited(|c| c.setup.net.bytes_percent = 0);
        self.edited(|c| c.setup.disk.sync_covers_later = false);
        self.edited(|c| (c.setup.disk.loss.garbage, c.setup.disk.loss.shorn) = (false, false));
        self.edited(|c| c.setup.disk.loss.data = crate::disk::Keep::Nothing);
        self.edited(|c| c.setup.disk.loss.names = crate::disk::Keep::Everything);
        self.edited(|c| c.faults_ms = c.plan.entries.last().map_or(100, |e| e.at_ms + 100).min(c.faults_ms));
    }
}

/// Whether a client asks for topics that come and go.
fn visits_volatile(case: &Case, client: usize) -> bool {
    let visited = match &case.clients[client].kind {
        ClientKind::Producer(p) => &p.topics,
        ClientKind::Consumer(c) => &c.topics,
        _ => return false,
    };
    let volatile =
        |name: &String| case.clients.iter().any(|c| matches!(&c.kind, ClientKind::Admin(a) if a.volatile.contains(name)));
    visited.iter().any(|(name, _)| volatile(name))
}

/// Leave a topic out of the set-up and of every client's list.
fn leave_out_topic(case: &mut Case, admin: usize, topic: usize) {
    let ClientKind::Admin(a) = &mut case.clients[admin].kind else { return };
    let (name, _, _) = a.setup.remove(topic);
    a.stable.retain(|n| *n != name);
    a.volatile.retain(|n| *n != name);
    for client in &mut case.clients {
        match &mut client.kind {
            ClientKind::Producer(p) => p.topics.retain(|(n, _)| *n != name),
            ClientKind::Consumer(c) => c.topics.retain(|(n, _)| *n != name),
            ClientKind::Hostile(h) => h.topics.retain(|n| *n != name),
            ClientKind::Admin(_) => {}
        }
    }
}

/// Cut a failing case down, in at most `runs_max` runs. `None` if it does not fail. `progress` gets the number of runs and the best
/// case so far, and returns `false` to stop.
pub fn shrink(case: &Case, runs_max: u64, progress: &dyn Fn(u64, &Case) -> bool) -> Option<Shrunk> {
    let outcome = quietly(|| case::run(case, Watching::default()));
    let (check, site) = outcome.first().map(|(c, s)| (c.to_string(), s.to_string()))?;
    let before = size(case, outcome.events);
    let mut search = Search { check, site, best: case.clone(), outcome, runs: 1, limit: runs_max, progress, stopped: false };
    loop {
        let (runs, last) = (search.runs, search.best.clone());
        search.plan();
        search.clients();
        search.workload();
        search.configuration();
        if search.best == last || search.runs == runs || search.stopped || search.runs >= search.limit {
            break;
        }
    }
    let after = size(&search.best, search.outcome.events);
    let Search { check, site, best, outcome, runs, .. } = search;
    Some(Shrunk { case: best, outcome, check, site, runs, before, after })
}

/// A case as a file that `ottla sim replay` takes.
pub fn to_text(case: &Case) -> Result<String, String> {
    toml::to_string(case).map_err(|e| e.to_string())
}

/// The case in such a file.
pub fn from_text(text: &str) -> Result<Case, crate::diagnostic::Diagnostic> {
    toml::from_str(text).map_err(|e: toml::de::Error| {
        let span = e.span().unwrap_or(0..text.len().min(1));
        crate::diagnostic::Diagnostic::new(span, e.message().lines().next().unwrap_or("a mistake").to_string())
    })
}
