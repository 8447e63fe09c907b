//! A seed is one course of events: run twice, traced or not, in debug or release, alone or after others.

use crate::campaigns::campaign;
use ottla_sim::case::{self, Watching};
use ottla_sim::runner::{Fuzz, Summary, compare, fuzz, run_seed, steps, verify_planted, verify_seed};
use ottla_sim::story;
use std::fmt::Write as _;

#[test]
fn seeds_run_twice_are_the_same_traced_or_not() {
    let campaign = campaign("smoke");
    for seed in 0..8 {
        assert_eq!(verify_seed(&campaign, seed), None);
    }
}

#[test]
fn a_seed_alone_is_the_same_as_after_others() {
    let campaign = campaign("smoke");
    let alone = run_seed(&campaign, 5).hash;
    for seed in 0..5 {
        let _ = run_seed(&campaign, seed);
    }
    assert_eq!(run_seed(&campaign, 5).hash, alone);
}

#[test]
fn the_locator_names_the_first_event_that_differs() {
    let campaign = campaign("smoke");
    // From an event on, messages take another time in the second run: the first difference is the next one that is sent, which may be
    // a while where nobody speaks.
    let mut nearest = u64::MAX;
    let events = run_seed(&campaign, 3).events;
    for planted in (50..events - 50).step_by(50) {
        let divergence = verify_planted(&campaign, 3, Some(planted)).expect("it diverges");
        assert!(divergence.event + 1 >= planted, "what came before is the same: {divergence:?}");
        // One of the two may be over there.
        assert!(divergence.first != divergence.second, "{divergence:?}");
        nearest = nearest.min(divergence.event.abs_diff(planted));
    }
    assert!(nearest < 20, "named {nearest} events late, at the best");
}

/// What two processes compare, when the hash says that they differ.
#[test]
fn steps_of_two_runs_name_the_first_event_that_differs() {
    let campaign = campaign("smoke");
    let outcome = run_seed(&campaign, 3);
    let (mine, again) = (steps(&campaign, 3, None), steps(&campaign, 3, None));
    assert_eq!((mine.len() as u64, compare(3, &mine, &again)), (outcome.events, None));
    let located = verify_planted(&campaign, 3, Some(100)).expect("it diverges");
    assert_eq!(compare(3, &mine, &steps(&campaign, 3, Some(100))), Some(located));
    let shorter = compare(3, &mine, &mine[..7]).expect("one of them ends");
    assert_eq!((shorter.event, &shorter.first, &shorter.second), (7, &mine[7].lines, &Vec::new()));
}

/// What is asked goes into the hash, also where it changes nothing else.
#[test]
fn worlds_that_differ_only_in_what_is_asked_have_different_hashes() {
    let outcome = |max_bytes: u32| {
        let text =
            format!("# A test.\n\nworld seed=5\ntopic t0\nproducer p batches=20\nconsumer c max-bytes={max_bytes}\nplay\n----\n");
        case::run(&story::case(&text).expect("a world"), Watching::default())
    };
    let (more, less) = (outcome(1_048_576), outcome(1_048_575));
    assert_eq!((more.events, more.operations), (less.events, less.operations));
    assert_ne!(more.hash, less.hash);
}

/// Whoever runs a seed, and beside whom: the worlds of a run on several threads are those of the seeds alone.
#[test]
fn threads_change_nothing() {
    let campaign = campaign("power-loss");
    let how = |jobs| Fuzz { from: 3, seeds: 12, jobs, failures_max: 0, planted: None };
    let summary = |jobs| {
        let Summary { events, virtual_ms, tally, fired, acked, .. } = fuzz(&campaign, &how(jobs), &|_| true);
        (events, virtual_ms, tally, fired, acked)
    };
    assert_eq!(summary(1), summary(3));
}

/// The hashes of some seeds, as committed; equal in debug and release: `.ci/run` runs this in both. `REWRITE=1` writes them anew, when
/// the core behaves otherwise.
#[test]
fn golden_hashes() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-hashes.txt");
    let mut text = String::new();
    for name in ["smoke", "power-loss"] {
        let campaign = campaign(name);
        for seed in 0..4 {
            let outcome = run_seed(&campaign, seed);
            let _ = writeln!(text, "{name}#{seed} {} {} events", outcome.hash, outcome.events);
        }
    }
    if std::env::var("REWRITE").is_ok() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden, text, "the course of these seeds has changed; if that is meant: REWRITE=1 cargo test -p ottla-sim golden");
}
