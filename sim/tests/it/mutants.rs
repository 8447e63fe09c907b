//! The planted bugs are noticed, in a build that can have them; the others say how to get one.

use crate::campaigns::campaign;
use ottla_sim::campaign::STANDARD;
use ottla_sim::case::{self, Case, ClientKind, Watching};
use ottla_sim::checks::Tally;
use ottla_sim::disk::{Keep, Loss};
use ottla_sim::mutants::{Hunt, Ratchet, Score, Verdict, hunt};

fn ratchet() -> Ratchet {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/mutants.toml");
    let text = std::fs::read_to_string(&path).expect("scenarios/mutants.toml is there");
    Ratchet::parse(&text).unwrap_or_else(|d| panic!("{}", d.render("mutants.toml", &text)))
}

fn run(bugs: &[&str], seeds: u64, ranges: u64, jobs: usize, ratchet: Option<Ratchet>) -> Result<Score, String> {
    let bugs: Vec<String> = bugs.iter().map(ToString::to_string).collect();
    let campaigns = STANDARD.map(|(name, _)| campaign(name));
    let stories = crate::stories::stories().into_iter().map(|p| {
        (p.file_stem().unwrap_or_default().to_string_lossy().into_owned(), std::fs::read_to_string(&p).expect("readable"))
    });
    let stories = if bugs.len() == 1 && seeds < 100 { Vec::new() } else { stories.collect() };
    let told = |v: &Verdict| {
        let what = v.killed.as_ref().map_or("survived".to_string(), |k| {
            format!("{} | {} | {} | median {} p90 {} ({} of {})", k.check, k.site, k.at, k.median, k.p90, k.ranges, k.of_ranges)
        });
        let story = v.story.clone().unwrap_or_default();
        eprintln!("{} | {} | {what} | story {story}", v.bug, v.seeds_run);
    };
    hunt(&campaigns, &Hunt { bugs, seeds, ranges, jobs, stories, ratchet, shrink_runs: None }, &told, &|| true)
}

#[cfg(feature = "planted-bugs")]
#[test]
fn the_canary_dies_at_once() {
    let score = run(&["canary"], 64, 1, 1, None).expect("a hunt");
    assert_eq!((score.planted, score.killed), (1, 1));
}

/// The killing seed of a planted bug fails with fewer events in the same way, and whoever stops that keeps the verdict.
#[cfg(feature = "planted-bugs")]
#[test]
fn a_killing_seed_is_cut_down() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let campaigns = [campaign("single-node")];
    let how = Hunt {
        bugs: vec!["skip-records".into()],
        seeds: 64,
        ranges: 1,
        jobs: 1,
        stories: Vec::new(),
        ratchet: None,
        shrink_runs: Some(150),
    };
    let asked = AtomicU64::new(0);
    let count = || asked.fetch_add(1, Ordering::Relaxed);
    let score = hunt(&campaigns, &how, &|_| (), &|| count() < u64::MAX).expect("a hunt");
    let killed = score.verdicts[0].killed.as_ref().expect("killed");
    let cut = killed.shrunk.as_ref().expect("cut down");
    assert!(cut.runs > 1 && cut.runs <= 150, "{cut:?}");
    assert!(cut.after.events < cut.before.events / 2 && cut.fails_without.is_none(), "{cut:?}");
    assert_eq!(case::run(&killed.case, Watching::default()).events, cut.before.events);
    let shrinking = score.shrinking.expect("something was cut down");
    assert_eq!((shrinking.bugs, shrinking.median_before, shrinking.median_after), (1, cut.before.events, cut.after.events));
    assert!(!score.stopped);
    // The runs of cutting down come last: this stops in their midst.
    let enough = asked.swap(0, Ordering::Relaxed) - 50;
    let score = hunt(&campaigns, &how, &|_| (), &|| count() < enough).expect("a hunt");
    assert!(score.stopped && score.shrinking.is_none(), "{score:?}");
    assert_eq!((score.planted, score.killed), (1, 1));
}

#[cfg(not(feature = "planted-bugs"))]
#[test]
fn a_release_build_has_no_planted_bugs() {
    assert!(run(&["canary"], 1, 1, 1, None).expect_err("no bugs").contains("--features planted-bugs"));
}

#[test]
fn the_ratchet_names_every_bug_once() {
    let ratchet = ratchet();
    for bug in ottla_core::planted::Bug::all() {
        let (killed, survives) = (ratchet.killed.contains_key(&bug.name()), ratchet.survivors.contains_key(&bug.name()));
        assert!(killed != survives, "{bug}: in scenarios/mutants.toml once, as killed or as a survivor");
    }
}

/// Not a test of its own: `BUGS=a,b SEEDS=400 RANGES=5 JOBS=2 cargo test --release -p ottla-sim --features planted-bugs --test it hunt_all -- --ignored --nocapture`
#[test]
#[ignore = "minutes"]
fn hunt_all() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let bugs = std::env::var("BUGS").unwrap_or_default();
    let bugs: Vec<&str> = bugs.split(',').filter(|b| !b.is_empty()).collect();
    let ratchet = std::env::var_os("RATCHET").map(|_| ratchet());
    let score = run(&bugs, number("SEEDS", 400), number("RANGES", 5), number("JOBS", 2) as usize, ratchet).expect("a hunt");
    eprintln!("killed {} of {}, barriers {} of {}", score.killed, score.planted, score.barriers_killed, score.barriers);
    for place in &score.known_failures {
        eprintln!("without any bug: {place:?}");
    }
    assert_eq!(score.breaches, Vec::<String>::new());
}

/// How often a check looked, over some seeds of a campaign whose worlds are changed a little.
fn looks(check: &str, name: &str, seeds: u64, change: impl Fn(&mut Case)) -> u64 {
    let mut tally = Tally::default();
    for seed in 0..seeds {
        let mut case = campaign(name).case(seed);
        change(&mut case);
        tally.add(&case::run(&case, Watching::default()).tally);
    }
    tally.iter().find(|(c, _)| c.name == check).map_or(0, |(_, n)| n)
}

/// A mutant of the simulator: power losses that take nothing. The negative control sees no loss where loss is permitted.
#[test]
fn a_power_loss_that_takes_nothing_is_noticed() {
    let everything = Loss { data: Keep::Everything, names: Keep::Everything, garbage: false, shorn: false };
    assert!(looks("permitted-loss", "power-loss", 40, |_| ()) > 0);
    assert_eq!(looks("permitted-loss", "power-loss", 40, move |case| case.setup.disk.loss = everything), 0);
}

/// Another: clients that wait for each answer. The negative control sees no batch that has changed its place.
#[test]
fn clients_with_one_batch_in_flight_are_noticed() {
    let one_by_one = |case: &mut Case| {
        for client in &mut case.clients {
            match &mut client.kind {
                ClientKind::Producer(p) => p.in_flight = 1,
                ClientKind::Library(l) => l.in_flight = 1,
                _ => {}
            }
        }
    };
    assert!(looks("permitted-reordering", "churn", 240, |_| ()) > 0);
    assert_eq!(looks("permitted-reordering", "churn", 240, one_by_one), 0);
}
