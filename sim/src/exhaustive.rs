//! Small worlds, completely: power lost at every boundary of every disk call, and at every pair of boundaries.
//!
//! Takes       nothing but a choice of worlds: up to six records, with rolls, retention, an orderly restart.
//! Gives       how many worlds were run, and which failed.
//! Holds       a boundary is the start or the end of a disk call; the worlds of one choice differ in nothing but where power is lost
//!             and in what survives.
//! Not here    larger worlds: those are sampled (campaign.rs).

use crate::case::{self, Case, ClientKind, ClientSpec, Watching};
use crate::checks::Tally;
use crate::clients::{AdminConfig, ConsumerConfig, ProducerConfig};
use crate::disk::{Keep, Loss};
use crate::plan::{Action, Entry, Plan};
use crate::runner::{Group, quietly};
use crate::world::Setup;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an exhaustive run showed.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Exhaustive {
    pub worlds: u64,
    pub failed: u64,
    pub events: u64,
    /// Boundaries of the undisturbed world, by name of the choice.
    pub boundaries: BTreeMap<String, u64>,
    pub groups: Vec<Group>,
    pub tally: Tally,
    /// The case of the first failing world.
    #[serde(skip)]
    pub first: Option<Case>,
}

/// A choice of worlds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Choice {
    /// Six records of one producer.
    Records,
    /// Six idempotent records over several segments.
    Rolls,
    /// Records, retention by size, DeleteRecords.
    Retention,
    /// Records before and after an orderly restart.
    Restart,
}

impl Choice {
    pub const ALL: [Choice; 4] = [Choice::Records, Choice::Rolls, Choice::Retention, Choice::Restart];

    fn name(self) -> &'static str {
        match self {
            Choice::Records => "records",
            Choice::Rolls => "rolls",
            Choice::Retention => "retention",
            Choice::Restart => "restart",
        }
    }

    /// The undisturbed world.
    #[must_use]
    pub fn case(self, loss: Loss) -> Case {
        let mut setup = Setup::calm(1);
        setup.disk.loss = loss;
        setup.net.bytes_percent = 0;
        let topics = vec![("t".to_string(), 1)];
        let settings = match self {
            Choice::Retention => vec![("retention.bytes".to_string(), "600".to_string())],
            _ => Vec::new(),
        };
        let admin = AdminConfig {
            setup: vec![("t".into(), 1, settings)],
            stable: vec!["t".into()],
            volatile: Vec::new(),
            operations: if self == Choice::Retention { 2 } else { 0 },
            think_ms: 500,
            patience_ms: 5_000,
            delete_records: true,
        };
        let producer = ProducerConfig {
            topics: topics.clone(),
            acks: -1,
            idempotent: self == Choice::Rolls,
            in_flight: 2,
            retries: true,
            records_max: 1,
            padding_max: if self == Choice::Records { 0 } else { 400 },
            think_ms: if self == Choice::Records { 0 } else { 300 },
            patience_ms: 5_000,
            batches: 6,
            by_id: false,
        };
        let consumer = ConsumerConfig {
            topics,
            sessions: false,
            by_id: false,
            max_bytes: 1 << 20,
            min_bytes: 1,
            max_wait_ms: 200,
            think_ms: 50,
            patience_ms: 5_000,
            lists_percent: 10,
            last: false,
        };
        let spec = |name: &str, kind| ClientSpec { name: name.into(), kind };
        let mut plan = Plan::default();
        if self == Choice::Restart {
            plan.entries.push(Entry { at_ms: 800, action: Action::Shutdown { node: 0, down_ms: 10 } });
        }
        Case {
            campaign: format!("exhaustive/{}", self.name()),
            faults_ms: 2_500,
            setup,
            clients: vec![
                spec("admin", ClientKind::Admin(admin)),
                spec("producer", ClientKind::Producer(producer)),
                spec("consumer", ClientKind::Consumer(consumer)),
            ],
            plan,
        }
    }
}

/// What may survive in the worlds that are run: nothing, everything, names without data, data without names, some of each.
const LOSSES: [Loss; 5] = [
    Loss::NOTHING_KEPT,
    Loss { data: Keep::Everything, names: Keep::Everything, garbage: false, shorn: false },
    Loss { data: Keep::Nothing, names: Keep::Everything, garbage: false, shorn: false },
    Loss { data: Keep::Everything, names: Keep::Nothing, garbage: false, shorn: false },
    Loss::ANY_SUBSET,
];

/// Run every world of these choices: power lost once at each boundary, and with `pairs` also at each pair of boundaries (of these
/// every `stride`-th second one). `progress` gets the number of worlds run so far, and returns `false` to stop.
pub fn run(choices: &[Choice], pairs: bool, stride: usize, jobs: usize, progress: &(dyn Fn(u64) -> bool + Sync)) -> Exhaustive {
    let mut result = Exhaustive::default();
    let mut cases = Vec::new();
    for choice in choices {
        for loss in LOSSES {
            let case = choice.case(loss);
            let boundaries = quietly(|| case::boundaries(&case));
            result.boundaries.insert(choice.name().to_string(), boundaries);
            for first in 1..=boundaries {
                cases.push(at(&case, vec![first]));
                // What follows the first loss has its own boundaries, about as many again.
                if pairs && loss != LOSSES[1] {
                    cases.extend(
                        (first + 1..first + boundaries).step_by(stride.max(1)).map(|second| at(&case, vec![first, second])),
                    );
                }
            }
        }
    }
    let (next, result) = (AtomicUsize::new(0), Mutex::new(result));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = quietly(|| case::run(case, Watching::default()));
            let Ok(mut all) = result.lock() else { return };
            all.worlds += 1;
            all.events += outcome.events;
            all.tally.add(&outcome.tally);
            if let Some(failure) = outcome.failures.first() {
                all.failed += 1;
                all.first.get_or_insert_with(|| case.clone());
                match all.groups.iter_mut().find(|g| g.check == failure.check && g.site == failure.site) {
                    Some(group) => group.count += 1,
                    None => all.groups.push(Group {
                        check: failure.check.clone(),
                        site: failure.site.clone(),
                        count: 1,
                        seed: case.setup.seed,
                        message: format!("{} at {:?}: {}", case.campaign, case.setup.power_loss_at, failure.message),
                    }),
                }
            }
            let worlds = all.worlds;
            drop(all);
            if !progress(worlds) {
                next.store(cases.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.max(1) {
            scope.spawn(work);
        }
        work();
    });
    result.into_inner().unwrap_or_default()
}

fn at(case: &Case, boundaries: Vec<u64>) -> Case {
    let mut case = case.clone();
    case.setup.power_loss_at = boundaries;
    case
}
