//! Small worlds, completely: power lost at every boundary of every disk call, and at every pair of boundaries.
//!
//! Takes       choices of worlds: six records each, with segments that roll, retention, restarts, a topic that is made again; how much
//!             of the pairs.
//! Gives       per choice how many worlds were run, what happened in them, and which failed; the case of the first that failed.
//! Holds       a boundary is the moment after a disk call began (its bytes are in the page cache, its name is changed), or after it
//!             ended (a sync has taken effect) and before the node knows. The worlds of one choice differ in nothing but where power
//!             is lost and in what survives; a second loss is counted only where it struck.
//! Not here    larger worlds: those are sampled (campaign.rs).

use crate::case::{self, Case, ClientKind, ClientSpec, Outcome, Watching};
use crate::checks::Tally;
use crate::clients::{AdminConfig, ConsumerConfig, ProducerConfig, TimedAct, TimedBatch};
use crate::disk::{Keep, Loss};
use crate::history::AdminAct;
use crate::plan::{Action, Entry, Plan};
use crate::runner::quietly;
use crate::world::Setup;
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A choice of worlds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Six records, three of them at once.
    Records,
    /// Six idempotent records over several segments.
    Rolls,
    /// Six records over several segments, retention by size, DeleteRecords.
    Retention,
    /// Records before, between and after an orderly restart and a kill -9.
    Restart,
    /// Records of a topic that is deleted, and of the one that is made with its name at once.
    Recreate,
}

impl Choice {
    pub const ALL: [Choice; 5] = [Choice::Records, Choice::Rolls, Choice::Retention, Choice::Restart, Choice::Recreate];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Choice::Records => "records",
            Choice::Rolls => "rolls",
            Choice::Retention => "retention",
            Choice::Restart => "restart",
            Choice::Recreate => "recreate",
        }
    }

    /// The choice of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Choice> {
        Choice::ALL.into_iter().find(|c| c.name() == name)
    }

    /// The world in which no power is lost; `loss` says what would survive.
    #[must_use]
    pub fn case(self, loss: Loss) -> Case {
        let mut setup = Setup::calm(1);
        setup.disk.loss = loss;
        setup.net.bytes_percent = 0;
        setup.settings.insert("log.retention.check.interval.ms".into(), "200".into());
        setup.settings.insert("log.segment.delete.delay.ms".into(), "100".into());
        // What a checkpoint says of a topic must not be taken for its successor's.
        if self == Choice::Recreate {
            setup.settings.insert("log.flush.offset.checkpoint.interval.ms".into(), "20".into());
        }
        let settings = match self {
            Choice::Retention => vec![("retention.bytes".to_string(), "1100".to_string())],
            _ => Vec::new(),
        };
        // In the middle of a segment that has another one behind it, then in the last one.
        let deletions = [(700, 3), (850, 5)].map(|(at_ms, before)| {
            let act = AdminAct::DeleteRecords { partition: 0, before };
            TimedAct { at_ms, topic: "t".into(), act }
        });
        let made_again = [(270, AdminAct::DeleteTopic), (280, AdminAct::CreateTopic { partitions: 1 })]
            .map(|(at_ms, act)| TimedAct { at_ms, topic: "t".into(), act });
        let topics = vec!["t".to_string()];
        let (stable, volatile) = if self == Choice::Recreate { (Vec::new(), topics) } else { (topics, Vec::new()) };
        let admin = AdminConfig {
            setup: vec![("t".into(), 1, settings)],
            stable,
            volatile,
            operations: 0,
            think_ms: 1,
            patience_ms: 5_000,
            delete_records: true,
            timetable: match self {
                Choice::Retention => deletions.to_vec(),
                Choice::Recreate => made_again.to_vec(),
                _ => Vec::new(),
            },
        };
        let at_ms: [u64; 6] = match self {
            // The first three at once, as soon as there is a topic.
            Choice::Records => [0, 0, 0, 40, 60, 80],
            _ => [20, 120, 220, 320, 420, 520],
        };
        let padding = if self == Choice::Records { 0 } else { 400 };
        let batch = |at_ms| TimedBatch { at_ms, to: vec![("t".into(), 0)], records: 1, padding };
        let producer = ProducerConfig {
            topics: vec![("t".into(), 1)],
            acks: -1,
            idempotent: self == Choice::Rolls,
            in_flight: 3,
            retries: true,
            records_max: 1,
            padding_max: 0,
            think_ms: 1,
            patience_ms: 5_000,
            batches: 0,
            by_id: self == Choice::Recreate,
            timetable: at_ms.map(batch).to_vec(),
        };
        let consumer = ConsumerConfig {
            topics: vec![("t".into(), 1)],
            sessions: false,
            by_id: self == Choice::Recreate,
            max_bytes: 1 << 20,
            min_bytes: 1,
            max_wait_ms: 100,
            think_ms: 50,
            patience_ms: 5_000,
            lists_percent: 10,
            last: false,
        };
        let spec = |name: &str, kind| ClientSpec { name: name.into(), kind };
        let mut plan = Plan::default();
        if self == Choice::Restart {
            plan.entries.push(Entry { at_ms: 170, action: Action::Shutdown { node: 0, down_ms: 10 } });
            plan.entries.push(Entry { at_ms: 370, action: Action::Crash { node: 0, down_ms: 10 } });
        }
        Case {
            campaign: format!("exhaustive/{}", self.name()),
            faults_ms: 1_000,
            setup,
            clients: vec![
                spec("admin", ClientKind::Admin(admin)),
                spec("producer", ClientKind::Producer(producer)),
                spec("consumer", ClientKind::Consumer(consumer)),
            ],
            plan,
        }
    }

    /// What an undisturbed world of this choice must have shown, or it is none.
    fn lacks(self, undisturbed: &Outcome) -> Option<&'static str> {
        let (o, s) = (&undisturbed.operations, &undisturbed.storage);
        let shown = [
            // One more is written when all is healed, to see that it can be.
            (self != Choice::Recreate, o.acked > 6, "six acknowledged records"),
            (matches!(self, Choice::Rolls | Choice::Retention), s.rolls >= 2, "segments that roll"),
            (self == Choice::Retention, s.segments_deleted >= 2, "segments that are given up"),
            (self == Choice::Retention, o.admin >= 3, "records that are deleted"),
            (self == Choice::Restart, o.starts >= 3, "restarts"),
            (self == Choice::Recreate, o.admin >= 3, "a topic that is deleted and made again"),
        ];
        shown.into_iter().find(|(wanted, there, _)| *wanted && !there).map(|(.., what)| what)
    }
}

const NAMES_ONLY: Loss = Loss { data: Keep::Nothing, names: Keep::Everything, garbage: false, shorn: false };
const DATA_ONLY: Loss = Loss { data: Keep::Everything, names: Keep::Nothing, garbage: false, shorn: false };
const EVERYTHING: Loss = Loss { data: Keep::Everything, names: Keep::Everything, garbage: false, shorn: false };

/// What survives of what no fsync covered: nothing, everything, names without data, data without names, any of it (drawn three times).
pub const LOSSES: [Loss; 7] =
    [Loss::NOTHING_KEPT, EVERYTHING, NAMES_ONLY, DATA_ONLY, Loss::ANY_SUBSET, Loss::ANY_SUBSET, Loss::ANY_SUBSET];

/// Which worlds to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct How {
    pub choices: Vec<Choice>,
    /// Also two losses in one world.
    pub pairs: bool,
    /// Of the second losses every so-many-th, beginning elsewhere for each first loss.
    pub stride: usize,
    pub jobs: usize,
    /// A bug in every node, in a build that can have one.
    pub planted: Option<String>,
}

/// What the worlds of one choice showed.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Shown {
    pub choice: Choice,
    /// Boundaries of the undisturbed world.
    pub boundaries: u64,
    /// Worlds with one loss, and with two.
    pub singles: u64,
    pub pairs: u64,
    /// Worlds in which a loss never struck: no worlds of this kind, and not counted as such.
    pub missed: u64,
    pub failed: u64,
    /// In all worlds together.
    pub acked: u64,
    pub rolls: u64,
    pub segments_deleted: u64,
    /// Starts that no power loss made necessary, but for the first.
    pub restarts: u64,
}

/// Failures of one cause.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Cause {
    pub choice: Choice,
    pub check: String,
    pub site: String,
    pub worlds: u64,
    /// The first world that failed so: what survived (an index of [`LOSSES`]), and where power was lost.
    pub loss: usize,
    pub power_loss_at: Vec<u64>,
    pub message: String,
}

/// What an exhaustive run showed.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Exhaustive {
    pub worlds: u64,
    pub failed: u64,
    pub events: u64,
    pub shown: Vec<Shown>,
    pub causes: Vec<Cause>,
    pub tally: Tally,
    /// A choice whose undisturbed world is not what it says, and what it lacks.
    pub lacking: Vec<String>,
    /// It was stopped before every world was run.
    pub stopped: bool,
}

impl How {
    fn case(&self, choice: Choice, loss: usize, power_loss_at: &[u64]) -> Case {
        let mut case = choice.case(LOSSES[loss]);
        case.setup.seed += loss as u64;
        case.setup.power_loss_at = power_loss_at.to_vec();
        case.setup.planted.clone_from(&self.planted);
        case
    }
}

impl Exhaustive {
    /// The first world that failed.
    #[must_use]
    pub fn first_case(&self, how: &How) -> Option<Case> {
        let cause = self.causes.first()?;
        Some(how.case(cause.choice, cause.loss, &cause.power_loss_at))
    }

    fn add(&mut self, choice: Choice, loss: usize, case: &Case, outcome: &Outcome) {
        let at = &case.setup.power_loss_at;
        let Some(shown) = self.shown.iter_mut().find(|s| s.choice == choice) else { return };
        self.events += outcome.events;
        self.tally.add(&outcome.tally);
        let failure = outcome.failures.first();
        if outcome.storage.power_failures < at.len() as u64 && failure.is_none() {
            shown.missed += 1;
            return;
        }
        self.worlds += 1;
        match at.len() {
            0 => {}
            1 => shown.singles += 1,
            _ => shown.pairs += 1,
        }
        shown.acked += outcome.operations.acked;
        shown.rolls += outcome.storage.rolls;
        shown.segments_deleted += outcome.storage.segments_deleted;
        shown.restarts += outcome.operations.starts.saturating_sub(1 + outcome.storage.power_failures);
        let Some(failure) = failure else { return };
        shown.failed += 1;
        self.failed += 1;
        let same = |c: &&mut Cause| c.choice == choice && c.check == failure.check && c.site == failure.site;
        let cause = match self.causes.iter_mut().find(same) {
            Some(cause) => cause,
            None => {
                self.causes.push(Cause {
                    choice,
                    check: failure.check.clone(),
                    site: failure.site.clone(),
                    worlds: 0,
                    loss,
                    power_loss_at: at.clone(),
                    message: failure.message.clone(),
                });
                let last = self.causes.len() - 1;
                &mut self.causes[last]
            }
        };
        cause.worlds += 1;
        if (at.len(), loss, at) < (cause.power_loss_at.len(), cause.loss, &cause.power_loss_at) {
            (cause.loss, cause.power_loss_at) = (loss, at.clone());
            cause.message.clone_from(&failure.message);
        }
    }
}

/// How far an exhaustive run has come: of all first losses so many are done with.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub firsts: u64,
    pub of: u64,
    pub worlds: u64,
    pub failed: u64,
}

/// Run every world. `progress` is called after each world, on whatever thread ran it; it returns `false` to stop.
pub fn run(how: &How, progress: &(dyn Fn(Progress) -> bool + Sync)) -> Exhaustive {
    let mut result = Exhaustive::default();
    let mut firsts = Vec::new();
    for choice in &how.choices {
        for loss in 0..LOSSES.len() {
            let undisturbed = quietly(|| case::run(&how.case(*choice, loss, &[]), Watching::default()));
            if loss == 0 {
                result.shown.push(Shown::new(*choice, undisturbed.storage.boundaries));
            }
            if undisturbed.failures.is_empty() {
                let lacks = choice.lacks(&undisturbed).filter(|_| loss == 0);
                result.lacking.extend(lacks.map(|what| format!("{}: {what}", choice.name())));
            } else {
                // It needs no power loss at all to fail.
                result.add(*choice, loss, &how.case(*choice, loss, &[]), &undisturbed);
            }
            firsts.extend((1..=undisturbed.storage.boundaries).map(|first| (*choice, loss, first)));
        }
    }
    let (next, done, stop, result) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(result));
    // One world; `None` to stop.
    let world = |choice: Choice, loss: usize, boundaries: &[u64]| -> Option<Outcome> {
        let case = how.case(choice, loss, boundaries);
        let outcome = quietly(|| case::run(&case, Watching::default()));
        let mut all = result.lock().ok()?;
        all.add(choice, loss, &case, &outcome);
        let (worlds, failed) = (all.worlds, all.failed);
        drop(all);
        let now = Progress { firsts: done.load(Ordering::Relaxed) as u64, of: firsts.len() as u64, worlds, failed };
        if !progress(now) {
            stop.store(true, Ordering::Relaxed);
        }
        Some(outcome)
    };
    let work = || {
        while let Some((choice, loss, first)) = firsts.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let Some(outcome) = world(choice, loss, &[first]) else { return };
            if how.pairs && outcome.failures.is_empty() {
                // Up to the second loss the world is the same, so that its boundaries are known exactly.
                let stride = how.stride.max(1);
                let begin = first + 1 + first % stride as u64;
                for second in (begin..=outcome.storage.boundaries).step_by(stride) {
                    if stop.load(Ordering::Relaxed) || world(choice, loss, &[first, second]).is_none() {
                        return;
                    }
                }
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..how.jobs.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut result = result.into_inner().unwrap_or_default();
    result.stopped = stop.into_inner();
    let order = |c: &Cause| (how.choices.iter().position(|choice| *choice == c.choice), c.power_loss_at.len(), c.loss);
    result.causes.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.power_loss_at.cmp(&b.power_loss_at)));
    result
}

impl Shown {
    fn new(choice: Choice, boundaries: u64) -> Shown {
        let (singles, pairs, missed, failed, acked, rolls, segments_deleted, restarts) = Default::default();
        Shown { choice, boundaries, singles, pairs, missed, failed, acked, rolls, segments_deleted, restarts }
    }

    /// What never happened in any of the worlds, although the choice is made for it.
    #[must_use]
    pub fn idle(&self) -> Option<&'static str> {
        let shown = [
            (true, self.acked, "no record was acknowledged"),
            (matches!(self.choice, Choice::Rolls | Choice::Retention), self.rolls, "no segment rolled"),
            (self.choice == Choice::Retention, self.segments_deleted, "no segment was given up"),
            (self.choice == Choice::Restart, self.restarts, "no node restarted"),
        ];
        shown.into_iter().find(|(wanted, n, _)| *wanted && *n == 0).map(|(.., what)| what)
    }
}
