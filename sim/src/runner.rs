//! Runs cases: one seed, or many on several threads.
//!
//! State       none that outlives a call, but the place where the last panic of this thread happened.
//! Takes       a campaign, seeds, a number of threads.
//! Gives       outcomes; a summary with failures grouped by check and site.
//! Holds       the only place in this crate that starts threads; a world never sees another.
//! Not here    what a world is (world/), what it is drawn from (campaign.rs), printing.

use crate::campaign::Campaign;
use crate::case::{self, Outcome, Step, Watching};
use crate::checks::{Excuse, Tally};
use crate::plan::Kind;
use crate::world::Traced;
use serde::Serialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, Once};

thread_local! {
    static PANIC_AT: RefCell<Option<String>> = const { RefCell::new(None) };
    static QUIET: RefCell<bool> = const { RefCell::new(false) };
}

/// Panics on this thread are kept instead of printed while `work` runs: in a world a panic is a finding.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let at = info.location().map(|l| format!("{}:{}", l.file(), l.line()));
            PANIC_AT.with(|p| p.replace(at));
            if !QUIET.with(|q| *q.borrow()) {
                before(info);
            }
        }));
    });
    let outer = QUIET.with(|q| q.replace(true));
    let result = work();
    QUIET.with(|q| q.replace(outer));
    result
}

/// Where the last panic of this thread happened, and its text.
pub(crate) fn panic_site(text: &str) -> (String, String) {
    let at = PANIC_AT.with(|p| p.take());
    (at.unwrap_or_else(|| crate::checks::site_of(text)), text.to_string())
}

/// Run one seed of a campaign.
#[must_use]
pub fn run_seed(campaign: &Campaign, seed: u64) -> Outcome {
    run_watched(campaign, seed, Watching::default())
}

/// Run one seed, watched.
#[must_use]
pub fn run_watched(campaign: &Campaign, seed: u64, watching: Watching) -> Outcome {
    let case = campaign.case(seed);
    quietly(|| case::run(&case, watching))
}

/// The first event in which two runs of one seed differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Divergence {
    pub seed: u64,
    /// The number of the event, from 0.
    pub event: u64,
    /// What happened in it in the first and in the second run, as the trace says it.
    pub first: Vec<String>,
    pub second: Vec<String>,
}

/// Run a seed twice, untraced and traced; `None` if both runs are the same event by event.
#[must_use]
pub fn verify_seed(campaign: &Campaign, seed: u64) -> Option<Divergence> {
    verify_planted(campaign, seed, None)
}

/// As [`verify_seed`], with non-determinism planted into the second run at an event.
#[must_use]
pub fn verify_planted(campaign: &Campaign, seed: u64, planted: Option<u64>) -> Option<Divergence> {
    let plain = run_watched(campaign, seed, Watching { trail: true, ..Watching::default() });
    let lines: Rc<RefCell<Vec<String>>> = Rc::default();
    let sink = Rc::clone(&lines);
    let trace: crate::world::TraceSink = Box::new(move |at, what| sink.borrow_mut().push(line(at, what)));
    let traced = run_watched(campaign, seed, Watching { trail: true, trace: Some(trace), planted, ..Watching::default() });
    if plain.hash == traced.hash && plain.trail == traced.trail {
        return None;
    }
    let event = first_difference(&plain.trail, &traced.trail);
    let case = campaign.case(seed);
    let of = |planted| lines_of(&quietly(|| case::steps(&case, planted, Some(event as u64))), event);
    Some(Divergence { seed, event: event as u64, first: of(None), second: of(planted) })
}

/// Run a seed event by event, traced; with non-determinism planted at an event, if one is named.
#[must_use]
pub fn steps(campaign: &Campaign, seed: u64, planted: Option<u64>) -> Vec<Step> {
    let case = campaign.case(seed);
    quietly(|| case::steps(&case, planted, None))
}

/// Where two runs of one seed differ first, in whatever processes they were; `None` if they are the same.
#[must_use]
pub fn compare(seed: u64, first: &[Step], second: &[Step]) -> Option<Divergence> {
    let digests = |steps: &[Step]| steps.iter().map(|step| step.digest).collect::<Vec<u64>>();
    let (one, other) = (digests(first), digests(second));
    let event = first_difference(&one, &other);
    let differ = one != other;
    differ.then(|| Divergence { seed, event: event as u64, first: lines_of(first, event), second: lines_of(second, event) })
}

fn first_difference(first: &[u64], second: &[u64]) -> usize {
    let differ = first.iter().zip(second).position(|(a, b)| a != b);
    differ.unwrap_or(first.len().min(second.len()))
}

fn lines_of(steps: &[Step], event: usize) -> Vec<String> {
    steps.get(event).map(|step| step.lines.clone()).unwrap_or_default()
}

/// One line of a trace, with the time to the nanosecond: two runs may differ in nothing else.
#[must_use]
pub fn line(at_ns: u64, what: &Traced<'_>) -> String {
    let at = format!("{}.{:09}", at_ns / 1_000_000_000, at_ns % 1_000_000_000);
    match what {
        Traced::Input { node, input } => format!("{at} n{} < {input:?}", node + 1),
        Traced::Effect { node, effect } => format!("{at} n{} > {effect:?}", node + 1),
        Traced::World { text } => format!("{at} -- {text}"),
    }
}

/// The same as an object.
#[must_use]
pub fn object(at_ns: u64, what: &Traced<'_>) -> Value {
    match what {
        Traced::Input { node, input } => json!({"kind": "input", "at_ns": at_ns, "node": node + 1, "text": format!("{input:?}")}),
        Traced::Effect { node, effect } => {
            json!({"kind": "effect", "at_ns": at_ns, "node": node + 1, "text": format!("{effect:?}")})
        }
        Traced::World { text } => json!({"kind": "world", "at_ns": at_ns, "text": text}),
    }
}

/// Which seeds to run, and how.
#[derive(Clone, Debug)]
pub struct Fuzz {
    pub from: u64,
    pub seeds: u64,
    pub jobs: usize,
    /// Stop after so many failing seeds; 0 never.
    pub failures_max: u64,
    /// The planted bug in each world, by name.
    pub planted: Option<String>,
}

/// Failures of one cause.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Group {
    pub check: String,
    pub site: String,
    pub count: u64,
    /// The lowest failing seed, and its message.
    pub seed: u64,
    pub message: String,
}

/// So often a kind of fault may come to nothing before that says something about the simulator: the kind that strikes most seldom
/// comes to nothing in two cases of three, so that chance is silent so often once in 200 000 runs.
pub const IDLE_FAULT_PLANNED: u64 = 30;

/// The same for an act of an administrator, which may be refused for many reasons.
pub const IDLE_ACT_ASKED: u64 = 50;

/// What many seeds showed.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Summary {
    pub campaign: String,
    pub seeds: u64,
    pub failed: u64,
    pub events: u64,
    pub virtual_ms: u64,
    pub groups: Vec<Group>,
    pub tally: Tally,
    /// In how many seeds each kind of fault struck, and how often in all.
    pub fired: BTreeMap<Kind, (u64, u64)>,
    pub moot: BTreeMap<String, u64>,
    pub excuses: BTreeMap<Excuse, u64>,
    pub acked: u64,
    pub starts: u64,
    /// Checks that never looked although the campaign gives them something to look at.
    pub idle_checks: Vec<String>,
    /// Kinds of fault that were planned at least [`IDLE_FAULT_PLANNED`] times and never struck.
    pub idle_faults: Vec<Kind>,
    /// What administrators did: how often, and how often it was acknowledged.
    pub acts: BTreeMap<String, (u64, u64)>,
    /// What they did as often and was never acknowledged.
    pub idle_acts: Vec<String>,
}

/// How far a run of many seeds has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub seeds: u64,
    pub failed: u64,
    pub events: u64,
}

/// Run many seeds. `progress` is called after each seed, on whatever thread ran it; it returns `false` to stop.
pub fn fuzz(campaign: &Campaign, how: &Fuzz, progress: &(dyn Fn(Progress) -> bool + Sync)) -> Summary {
    let next = AtomicU64::new(how.from);
    let stop = AtomicBool::new(false);
    let summary = Mutex::new(Summary { campaign: campaign.name.clone(), ..Summary::default() });
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= how.from.saturating_add(how.seeds) {
                return;
            }
            let mut case = campaign.case(seed);
            case.setup.planted.clone_from(&how.planted);
            let outcome = quietly(|| case::run(&case, Watching::default()));
            let Ok(mut all) = summary.lock() else { return };
            all.add(seed, &outcome);
            let now = Progress { seeds: all.seeds, failed: all.failed, events: all.events };
            drop(all);
            let enough = how.failures_max > 0 && now.failed >= how.failures_max;
            if enough || !progress(now) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..how.jobs.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut summary = summary.into_inner().unwrap_or_default();
    summary.groups.sort_by(|a, b| b.count.cmp(&a.count).then(a.seed.cmp(&b.seed)));
    let idle = summary.tally.iter().filter(|(check, n)| *n == 0 && !campaign.idle_checks.iter().any(|c| c == check.name));
    let mut planned: BTreeMap<&str, u64> = BTreeMap::new();
    for (what, n) in &summary.moot {
        *planned.entry(what.split(':').next().unwrap_or_default()).or_default() += n;
    }
    let struck = |kind: &Kind| summary.fired.contains_key(kind);
    let is_idle = |kind: &&Kind| !struck(kind) && planned.get(kind.name()).is_some_and(|n| *n >= IDLE_FAULT_PLANNED);
    summary.idle_faults = campaign.faults.keys().filter(is_idle).copied().collect();
    let in_vain = |(asked, done): &(u64, u64)| *asked >= IDLE_ACT_ASKED && *done == 0;
    summary.idle_acts = summary.acts.iter().filter(|(_, n)| in_vain(n)).map(|(act, _)| act.clone()).collect();
    summary.idle_checks = idle.map(|(check, _)| check.name.to_string()).collect();
    summary
}

impl Summary {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.seeds += 1;
        self.events += outcome.events;
        self.virtual_ms += outcome.virtual_ms;
        self.acked += outcome.operations.acked;
        self.starts += outcome.operations.starts;
        self.tally.add(&outcome.tally);
        for (kind, n) in &outcome.fired {
            let entry = self.fired.entry(*kind).or_default();
            entry.0 += 1;
            entry.1 += n;
        }
        for (what, n) in &outcome.moot {
            *self.moot.entry(what.clone()).or_default() += n;
        }
        for (excuse, n) in &outcome.excuses {
            *self.excuses.entry(*excuse).or_default() += n;
        }
        for (act, (asked, done)) in &outcome.acts {
            let all = self.acts.entry(act.clone()).or_default();
            *all = (all.0 + asked, all.1 + done);
        }
        let Some(failure) = outcome.failures.first() else { return };
        self.failed += 1;
        match self.groups.iter_mut().find(|g| g.check == failure.check && g.site == failure.site) {
            Some(group) => {
                group.count += 1;
                if seed < group.seed {
                    group.seed = seed;
                    group.message.clone_from(&failure.message);
                }
            }
            None => self.groups.push(Group {
                check: failure.check.clone(),
                site: failure.site.clone(),
                count: 1,
                seed,
                message: failure.message.clone(),
            }),
        }
    }
}
