//! Does the simulator bite? Every planted bug is hunted by the standard campaigns until one of them notices.
//!
//! State       none that outlives a call.
//! Takes       bugs by name, campaigns, how many seeds and how often; the ratchet, a file that says what was killed before.
//! Gives       per bug: killed, by which check in which campaign after how many seeds (median, p90 over several ranges of seeds), or
//!             survived; what the ratchet says to that.
//! Holds       the canary is hunted first, and nothing counts if it lives. A seed that fails without the bug, too, kills nothing.
//! Not here    the bugs (`ottla_core::planted`), what a campaign is (campaign.rs), printing.
//! Read first  `hunt`.

use crate::campaign::Campaign;
use crate::case::{self, Watching};
use crate::diagnostic::{Diagnostic, nearest};
use crate::runner::{self, Fuzz, quietly};
use crate::story;
use ottla_core::planted::Bug;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many seeds the canary may live.
const CANARY_SEEDS: u64 = 64;
/// Ranges of seeds lie so far apart that they never meet.
const RANGE_STRIDE: u64 = 1_000_000;
/// How many ranges have to find nothing before a bug has survived.
const SURVIVED_AFTER: u64 = 2;

/// How to hunt.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// Names of bugs; all if empty.
    pub bugs: Vec<String>,
    /// Seeds of one range, over all campaigns together.
    pub seeds: u64,
    /// So many ranges of seeds: each gives one figure for the median.
    pub ranges: u64,
    pub jobs: usize,
    /// Stories that have to come out as written: name and text.
    pub stories: Vec<(String, String)>,
    /// Where a bug that was killed before has to be killed again.
    pub ratchet: Ratchet,
}

/// What became of one planted bug.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verdict {
    pub bug: String,
    pub about: String,
    /// `None`: it survived.
    pub killed: Option<Killed>,
    /// The first story in which somebody gets another answer than is written.
    pub story: Option<String>,
    /// The seeds that were run.
    pub seeds_run: u64,
}

impl Verdict {
    /// Whether a campaign or a story noticed.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.killed.is_some() || self.story.is_some()
    }
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Killed {
    /// The check that noticed in most ranges, and where.
    pub check: String,
    pub site: String,
    /// All checks that noticed first in some range.
    pub checks: BTreeMap<String, u64>,
    /// The first seed that noticed, as `campaign#seed`.
    pub at: String,
    /// What shows it again, in this build.
    pub replay: String,
    /// In so many of the ranges.
    pub ranges: u64,
    pub of_ranges: u64,
    /// Seeds needed. A range that noticed nothing counts as all its seeds.
    pub median: u64,
    pub p90: u64,
}

/// The whole hunt.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Score {
    pub planted: u64,
    /// By a campaign, or by a story.
    pub killed: u64,
    /// By a campaign.
    pub killed_by_campaigns: u64,
    pub barriers: u64,
    pub barriers_killed: u64,
    pub seeds_run: u64,
    pub verdicts: Vec<Verdict>,
    /// Killed before, and not this time.
    pub breaches: Vec<String>,
    /// Where the correct code fails, too: check and site. Such a failure kills nothing.
    pub known_failures: Vec<Place>,
    /// Killed, and not yet in the ratchet as killed.
    pub news: Vec<String>,
    /// It was stopped before every bug was hunted: there are verdicts about the others.
    pub stopped: bool,
}

/// What was killed before: `scenarios/mutants.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratchet {
    #[serde(default)]
    pub killed: BTreeMap<String, Bound>,
    /// Bugs that nothing notices, each with the reason.
    #[serde(default)]
    pub survivors: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The check that noticed it when this was written: for the reader.
    pub by: String,
    /// It has to be noticed within so many seeds, in one range at least.
    pub seeds: u64,
}

impl Ratchet {
    /// Read the file. A mistake is shown with the word that is wrong.
    pub fn parse(text: &str) -> Result<Ratchet, Diagnostic> {
        let parsed: Result<Ratchet, toml::de::Error> = toml::from_str(text);
        let ratchet = parsed.map_err(|e| {
            let span = e.span().unwrap_or(0..text.len().min(1));
            Diagnostic::new(span, e.message().lines().next().unwrap_or("a mistake").to_string())
        })?;
        for name in ratchet.killed.keys().chain(ratchet.survivors.keys()) {
            if Bug::from_name(name).is_none() {
                let at = text.find(name.as_str()).unwrap_or(0);
                return Err(Diagnostic::new(at..at + name.len(), format!("there is no planted bug `{name}`")));
            }
        }
        Ok(ratchet)
    }
}

/// The bugs of these names; all, the canary first, if there are none.
pub fn bugs(names: &[String]) -> Result<Vec<Bug>, String> {
    if names.is_empty() {
        return Ok(Bug::all());
    }
    let find = |name: &String| {
        Bug::from_name(name).ok_or_else(|| {
            let all: Vec<String> = Bug::all().into_iter().map(Bug::name).collect();
            match nearest(name, all.iter().map(String::as_str)) {
                Some(near) => format!("there is no planted bug `{name}`: did you mean `{near}`?"),
                None => format!("there is no planted bug `{name}`: `ottla sim mutants --list` shows them"),
            }
        })
    };
    names.iter().map(find).collect()
}

/// Whether this build can have planted bugs at all.
pub fn can_plant() -> Result<(), String> {
    if cfg!(feature = "planted-bugs") {
        return Ok(());
    }
    Err("this build can have no planted bugs: build it with `cargo build --release --features planted-bugs`".into())
}

/// Hunt. `progress` is called with each verdict, on whatever thread reached it; `goes_on` before each seed: it returns `false` to stop.
pub fn hunt(
    campaigns: &[Campaign],
    how: &Hunt,
    progress: &(dyn Fn(&Verdict) + Sync),
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Result<Score, String> {
    can_plant()?;
    if campaigns.is_empty() {
        return Err("no campaign to hunt with".into());
    }
    let bugs = bugs(&how.bugs)?;
    let stopped = Score { stopped: true, ..Score::default() };
    let Some(canary) = verdict_of(campaigns, &[], Bug::Canary, (CANARY_SEEDS, 1), goes_on) else { return Ok(stopped) };
    progress(&canary);
    if canary.killed.is_none() {
        return Err(format!(
            "the canary lives after {} seeds: the simulator notices nothing, and no result counts",
            canary.seeds_run
        ));
    }
    let known = known_failures(campaigns, how.seeds, how.jobs, goes_on);
    let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let seeds = how.ratchet.killed.get(&bug.name()).map_or(how.seeds, |bound| bound.seeds);
            let Some(mut verdict) = verdict_of(campaigns, &known, *bug, (seeds, how.ranges), goes_on) else { return };
            verdict.story = how.stories.iter().find(|(_, text)| is_told_otherwise(text, *bug)).map(|(name, _)| name.clone());
            progress(&verdict);
            let Ok(mut all) = verdicts.lock() else { return };
            all.push(verdict);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..how.jobs.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let mut verdicts = verdicts.into_inner().unwrap_or_default();
    verdicts.sort_by_key(|v| bugs.iter().position(|b| b.name() == v.bug));
    let stopped = verdicts.len() < bugs.len();
    Ok(Score { known_failures: known, stopped, ..Score::of(verdicts, &how.ratchet) })
}

impl Score {
    fn of(verdicts: Vec<Verdict>, ratchet: &Ratchet) -> Score {
        let mut score = Score::default();
        for verdict in &verdicts {
            let (killed, barrier) = (verdict.is_killed(), verdict.bug.starts_with("skip-"));
            score.planted += 1;
            score.killed += u64::from(killed);
            score.killed_by_campaigns += u64::from(verdict.killed.is_some());
            score.barriers += u64::from(barrier);
            score.barriers_killed += u64::from(barrier && killed);
            score.seeds_run += verdict.seeds_run;
            match ratchet.killed.get(&verdict.bug) {
                Some(bound) if !killed => {
                    score.breaches.push(format!("{} was killed by {} and survives now", verdict.bug, bound.by));
                }
                None if killed => score.news.push(verdict.bug.clone()),
                _ => {}
            }
        }
        score.verdicts = verdicts;
        score
    }
}

/// A check and the site at which it failed.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Place {
    pub campaign: String,
    pub check: String,
    pub site: String,
    /// In one of so many seeds of its campaign.
    pub one_in: u64,
}

/// Where the campaigns find something without any planted bug: a bug that leads there, too, is not noticed by that.
fn known_failures(campaigns: &[Campaign], seeds: u64, jobs: usize, goes_on: &(dyn Fn() -> bool + Sync)) -> Vec<Place> {
    let mut known = Vec::new();
    for campaign in campaigns {
        let how = Fuzz { from: 0, seeds, jobs, failures_max: 0, planted: None };
        let groups = runner::fuzz(campaign, &how, &|_| goes_on()).groups;
        known.extend(groups.into_iter().map(|g| {
            let (campaign, one_in) = (campaign.name.clone(), seeds / g.count.max(1));
            Place { campaign, check: g.check, site: g.site, one_in }
        }));
    }
    known
}

/// The first notice in one range of seeds.
struct Notice {
    seeds: u64,
    check: String,
    site: String,
    at: String,
}

/// `None` if it was stopped before it came to one.
fn verdict_of(
    campaigns: &[Campaign],
    known: &[Place],
    bug: Bug,
    (seeds, ranges): (u64, u64),
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Option<Verdict> {
    let (mut notices, mut needed, mut seeds_run) = (Vec::new(), Vec::new(), 0);
    for range in 0..ranges.max(1) {
        let notice = first_notice(campaigns, known, bug, (range, seeds), goes_on)?;
        let used = notice.as_ref().map_or(seeds, |n| n.seeds);
        seeds_run += used;
        needed.push(used);
        notices.extend(notice);
        if notices.is_empty() && range + 1 >= SURVIVED_AFTER {
            break;
        }
    }
    needed.sort_unstable();
    let of_ranges = needed.len() as u64;
    let mut checks: BTreeMap<String, u64> = BTreeMap::new();
    for notice in &notices {
        *checks.entry(notice.check.clone()).or_default() += 1;
    }
    let most = checks.iter().max_by_key(|(_, n)| **n).map(|(check, _)| check.clone());
    let killed = notices.iter().find(|n| Some(&n.check) == most.as_ref()).map(|first| Killed {
        check: first.check.clone(),
        site: first.site.clone(),
        at: first.at.clone(),
        replay: format!("ottla sim replay {} --bug {bug}", first.at),
        ranges: notices.len() as u64,
        of_ranges,
        median: rank(&needed, 50),
        p90: rank(&needed, 90),
        checks,
    });
    Some(Verdict { bug: bug.name(), about: bug.about(), killed, story: None, seeds_run })
}

/// Whether somebody in the story gets another answer than is written, what goes on inside the node aside.
fn is_told_otherwise(text: &str, bug: Bug) -> bool {
    let answers = |told: &str| told.lines().filter(|line| !line.starts_with("t=")).map(str::to_string).collect::<Vec<_>>();
    let tell = || quietly(|| std::panic::catch_unwind(|| story::tell_with(text, Some(&bug.name()))));
    match tell() {
        Ok(Ok(told)) => answers(&told) != answers(text),
        Ok(Err(_)) | Err(_) => true,
    }
}

/// The nearest rank of a percentile in sorted figures.
fn rank(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(at).copied().unwrap_or(0)
}

/// `None` if it was stopped before anything was noticed.
fn first_notice(
    campaigns: &[Campaign],
    known: &[Place],
    bug: Bug,
    (range, seeds): (u64, u64),
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Option<Option<Notice>> {
    let turns = campaigns.len() as u64;
    for i in 0..seeds {
        if !goes_on() {
            return None;
        }
        let campaign = &campaigns[(i % turns) as usize];
        let seed = range * RANGE_STRIDE + i / turns;
        let mut case = campaign.case(seed);
        case.setup.planted = Some(bug.name());
        let outcome = quietly(|| case::run(&case, Watching::default()));
        let Some(failure) = outcome.failures.first() else { continue };
        // What the correct code does once in many seeds counts only where it comes far too soon to be that.
        let is_known = |k: &&Place| k.campaign == campaign.name && k.check == failure.check && k.site == failure.site;
        if known.iter().find(is_known).is_some_and(|k| (i / turns + 1) * 20 > k.one_in) {
            continue;
        }
        case.setup.planted = None;
        if !quietly(|| case::run(&case, Watching::default())).failures.is_empty() {
            continue;
        }
        let at = format!("{}#{seed}", campaign.name);
        return Some(Some(Notice { seeds: i + 1, check: failure.check.clone(), site: failure.site.clone(), at }));
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!((rank(&[1, 2, 3], 50), rank(&[1, 2, 3], 90), rank(&[7], 50), rank(&[], 50)), (2, 3, 7, 0));
    }

    #[test]
    fn an_unknown_bug_is_a_mistake_that_shows_the_nearest() {
        let mistake = bugs(&["cannary".to_string()]).expect_err("no such bug");
        assert!(mistake.contains("did you mean `canary`?"), "{mistake}");
        let text = "[killed]\ncannary = { by = \"x\", seeds = 3 }\n";
        assert_eq!(Ratchet::parse(text).expect_err("no such bug").span, 9..16);
    }

    #[test]
    fn what_was_killed_may_not_survive() {
        let ratchet = Ratchet::parse("[killed]\ncanary = { by = \"x\", seeds = 3 }\n").expect("a ratchet");
        let survived = Verdict { bug: "canary".into(), about: String::new(), killed: None, story: None, seeds_run: 3 };
        assert_eq!(Score::of(vec![survived], &ratchet).breaches.len(), 1);
    }
}
