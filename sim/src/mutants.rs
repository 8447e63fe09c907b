//! Does the simulator bite? Every planted bug is hunted by the standard campaigns until one of them notices.
//!
//! State       none that outlives a call.
//! Takes       bugs by name, campaigns, how many seeds and how often; the ratchet, a file that says what was killed before.
//! Gives       per bug: killed, by which check in which campaign after how many seeds (median, p90 over several ranges of seeds), or
//!             survived; what the ratchet says to that; if that is asked for, to how few events the killing seed can be cut down.
//! Holds       the canary is hunted first, and nothing counts if it lives. A seed that fails without the bug, too, kills nothing.
//! Not here    the bugs (`ottla_core::planted`), what a campaign is (campaign.rs), printing.
//! Read first  `hunt`.

use crate::campaign::Campaign;
use crate::case::{self, Case, Watching};
use crate::diagnostic::{Diagnostic, nearest};
use crate::runner::{self, Fuzz, quietly};
use crate::shrink::{self, Size};
use crate::story;
use ottla_core::planted::Bug;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    pub ratchet: Option<Ratchet>,
    /// Cut the first killing seed of each bug down, in at most so many runs.
    pub shrink_runs: Option<u64>,
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
    /// The world of `at`, the bug in it.
    #[serde(skip)]
    pub case: Case,
    /// What it was cut down to, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shrunk: Option<Cut>,
}

/// A killing seed that was cut down.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Cut {
    pub before: Size,
    pub after: Size,
    pub runs: u64,
    /// It ended for want of runs, and something more might have been left out.
    pub at_limit: bool,
    /// How what is left fails without the bug, if it does: then something else has been found.
    pub fails_without: Option<String>,
}

/// Events before and after, over all killing seeds that were cut down.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Shrinking {
    pub bugs: u64,
    pub median_before: u64,
    pub median_after: u64,
    pub runs: u64,
    /// So many of them ended for want of runs.
    pub at_limit: u64,
}

impl Shrinking {
    fn of(verdicts: &[Verdict]) -> Option<Shrinking> {
        let cuts: Vec<&Cut> = verdicts.iter().filter_map(|v| v.killed.as_ref()?.shrunk.as_ref()).collect();
        let median = |events: fn(&Cut) -> u64| {
            let mut all: Vec<u64> = cuts.iter().map(|cut| events(cut)).collect();
            all.sort_unstable();
            rank(&all, 50)
        };
        (!cuts.is_empty()).then(|| Shrinking {
            bugs: cuts.len() as u64,
            median_before: median(|cut| cut.before.events),
            median_after: median(|cut| cut.after.events),
            runs: cuts.iter().map(|cut| cut.runs).sum(),
            at_limit: cuts.iter().filter(|cut| cut.at_limit).count() as u64,
        })
    }
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
    /// Killed, and not yet in the ratchet as killed, where there is one.
    pub news: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shrinking: Option<Shrinking>,
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
    let (next, verdicts, cut_short) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicBool::new(false));
    let work = || {
        while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let bound = how.ratchet.as_ref().and_then(|ratchet| ratchet.killed.get(&bug.name()));
            let seeds = bound.map_or(how.seeds, |bound| bound.seeds);
            let Some(mut verdict) = verdict_of(campaigns, &known, *bug, (seeds, how.ranges), goes_on) else { return };
            verdict.story = how.stories.iter().find(|(_, text)| is_told_otherwise(text, *bug)).map(|(name, _)| name.clone());
            if let (Some(runs_max), Some(killed)) = (how.shrink_runs, &mut verdict.killed) {
                killed.shrunk = cut_down(&killed.case, runs_max, goes_on);
                cut_short.fetch_or(killed.shrunk.is_none(), Ordering::Relaxed);
            }
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
    let stopped = verdicts.len() < bugs.len() || cut_short.into_inner();
    Ok(Score { known_failures: known, stopped, ..Score::of(verdicts, how.ratchet.as_ref()) })
}

/// `None` if it was stopped.
fn cut_down(case: &Case, runs_max: u64, goes_on: &(dyn Fn() -> bool + Sync)) -> Option<Cut> {
    let stopped = Cell::new(false);
    let shrunk = shrink::shrink(case, runs_max, &|_, _| {
        stopped.set(!goes_on());
        !stopped.get()
    });
    let shrunk = shrunk.filter(|_| !stopped.get())?;
    let mut correct = shrunk.case;
    correct.setup.planted = None;
    let outcome = quietly(|| case::run(&correct, Watching::default()));
    let fails_without = outcome.failures.first().map(|f| format!("{} at {}: {}", f.check, f.site, f.message));
    let (runs, at_limit) = (shrunk.runs, shrunk.runs >= runs_max);
    Some(Cut { before: shrunk.before, after: shrunk.after, runs, at_limit, fails_without })
}

impl Score {
    fn of(verdicts: Vec<Verdict>, ratchet: Option<&Ratchet>) -> Score {
        let mut score = Score { shrinking: Shrinking::of(&verdicts), ..Score::default() };
        for verdict in &verdicts {
            let (killed, barrier) = (verdict.is_killed(), verdict.bug.starts_with("skip-"));
            score.planted += 1;
            score.killed += u64::from(killed);
            score.killed_by_campaigns += u64::from(verdict.killed.is_some());
            score.barriers += u64::from(barrier);
            score.barriers_killed += u64::from(barrier && killed);
            score.seeds_run += verdict.seeds_run;
            let Some(ratchet) = ratchet else { continue };
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
    case: Case,
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
        case: first.case.clone(),
        shrunk: None,
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
        if !quietly(|| case::run(&campaign.case(seed), Watching::default())).failures.is_empty() {
            continue;
        }
        let at = format!("{}#{seed}", campaign.name);
        return Some(Some(Notice { seeds: i + 1, check: failure.check.clone(), site: failure.site.clone(), at, case }));
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

    fn verdict(bug: &str, events: Option<(u64, u64)>) -> Verdict {
        let of = |events| Size { events, ..Size::default() };
        let cut =
            |(before, after)| Cut { before: of(before), after: of(after), runs: 9, at_limit: after > 50, fails_without: None };
        let killed = events.map(|events| Killed {
            check: "x".into(),
            site: "y".into(),
            checks: BTreeMap::new(),
            at: "smoke#1".into(),
            replay: String::new(),
            ranges: 1,
            of_ranges: 1,
            median: 1,
            p90: 1,
            case: crate::story::plain_world(),
            shrunk: Some(cut(events)),
        });
        Verdict { bug: bug.into(), about: String::new(), killed, story: None, seeds_run: 3 }
    }

    #[test]
    fn what_was_killed_may_not_survive() {
        let ratchet = Ratchet::parse("[killed]\ncanary = { by = \"x\", seeds = 3 }\n").expect("a ratchet");
        assert_eq!(Score::of(vec![verdict("canary", None)], Some(&ratchet)).breaches.len(), 1);
        assert_eq!(Score::of(vec![verdict("canary", None)], None).breaches.len(), 0);
    }

    #[test]
    fn what_the_ratchet_does_not_know_is_news_where_there_is_one() {
        let ratchet = Ratchet::parse("[killed]\ncanary = { by = \"x\", seeds = 3 }\n").expect("a ratchet");
        let killed =
            || vec![verdict("canary", Some((9, 1))), verdict("skip-records", Some((9, 1))), verdict("latest-is-end", None)];
        assert_eq!(Score::of(killed(), Some(&ratchet)).news, ["skip-records"]);
        assert_eq!(Score::of(killed(), None).news, Vec::<String>::new());
    }

    #[test]
    fn events_before_and_after_are_medians_over_what_was_cut_down() {
        let verdicts =
            vec![verdict("a", Some((500, 20))), verdict("b", None), verdict("c", Some((100, 60))), verdict("d", Some((900, 30)))];
        let expected = Shrinking { bugs: 3, median_before: 500, median_after: 30, runs: 27, at_limit: 1 };
        assert_eq!(Score::of(verdicts, None).shrinking, Some(expected));
        assert_eq!(Score::of(vec![verdict("b", None)], None).shrinking, None);
    }
}
