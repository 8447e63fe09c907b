//! The planted bugs are noticed, in a build that can have them; the others say how to get one.

use crate::campaigns::campaign;
use ottla_sim::campaign::STANDARD;
use ottla_sim::case::{self, Watching};
use ottla_sim::checks::Tally;
use ottla_sim::disk::{Keep, Loss};
use ottla_sim::mutants::{Hunt, Ratchet, Score, Verdict, hunt};

fn ratchet() -> Ratchet {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/mutants.toml");
    let text = std::fs::read_to_string(&path).expect("scenarios/mutants.toml is there");
    Ratchet::parse(&text).unwrap_or_else(|d| panic!("{}", d.render("mutants.toml", &text)))
}

fn run(bugs: &[&str], seeds: u64, ranges: u64, jobs: usize, ratchet: Ratchet) -> Result<Score, String> {
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
    hunt(&campaigns, &Hunt { bugs, seeds, ranges, jobs, stories, ratchet }, &told, &|| true)
}

#[cfg(feature = "planted-bugs")]
#[test]
fn the_canary_dies_at_once() {
    let score = run(&["canary"], 64, 1, 1, Ratchet::default()).expect("a hunt");
    assert_eq!((score.planted, score.killed), (1, 1));
}

#[cfg(not(feature = "planted-bugs"))]
#[test]
fn a_release_build_has_no_planted_bugs() {
    assert!(run(&["canary"], 1, 1, 1, Ratchet::default()).expect_err("no bugs").contains("--features planted-bugs"));
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
    let ratchet = if std::env::var_os("RATCHET").is_some() { ratchet() } else { Ratchet::default() };
    let score = run(&bugs, number("SEEDS", 400), number("RANGES", 5), number("JOBS", 2) as usize, ratchet).expect("a hunt");
    eprintln!("killed {} of {}, barriers {} of {}", score.killed, score.planted, score.barriers_killed, score.barriers);
    for place in &score.known_failures {
        eprintln!("without any bug: {place:?}");
    }
    assert_eq!(score.breaches, Vec::<String>::new());
}

/// A mutant of the simulator: power losses that take nothing. The negative control sees no loss where loss is permitted.
#[test]
fn a_power_loss_that_takes_nothing_is_noticed() {
    let losses = |keep: Option<Keep>| {
        let mut tally = Tally::default();
        for seed in 0..40 {
            let mut case = campaign("power-loss").case(seed);
            if let Some(keep) = keep {
                case.setup.disk.loss = Loss { data: keep, names: keep, garbage: false, shorn: false };
            }
            tally.add(&case::run(&case, Watching::default()).tally);
        }
        tally.iter().find(|(check, _)| check.name == "permitted-loss").map_or(0, |(_, n)| n)
    };
    assert!(losses(None) > 0);
    assert_eq!(losses(Some(Keep::Everything)), 0);
}
