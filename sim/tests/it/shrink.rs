//! A failing case is cut down to what its failure needs, and what is left is a story that tells it.

use crate::campaigns::campaign;
use ottla_sim::case::Case;
use ottla_sim::plan::{Action, Entry};
use ottla_sim::shrink::{Shrunk, shrink, to_story};
use ottla_sim::story;

/// Cut it down, write it as a story, and read that again.
fn told(case: &Case, runs: u64) -> (Shrunk, String) {
    let shrunk = shrink(case, runs, &|_, _| true).expect("it fails");
    let text = to_story(&shrunk.case, "A test.").expect("a story");
    assert!(text.contains(&format!("REFUTED {} at {}", shrunk.check, shrunk.site)), "{text}");
    assert_eq!(story::tell(&text).as_ref(), Ok(&text));
    let again = story::case(&text).map_err(|d| d.render("x.story", &text));
    assert_eq!(again, Ok(Case { campaign: "story".into(), ..shrunk.case.clone() }), "{text}");
    (shrunk, text)
}

/// A fault that is planned for a time that never comes fails a world, whatever else is in it.
#[test]
fn nothing_is_left_but_what_the_failure_needs() {
    let mut case = campaign("smoke").case(3);
    case.plan.entries.push(Entry { at_ms: 100_000_000, action: Action::Crash { node: 0, down_ms: 1 } });
    let (shrunk, text) = told(&case, 600);
    assert_eq!((shrunk.check.as_str(), shrunk.site.as_str()), ("plan", "a planned fault never fired"));
    assert!(shrunk.before.faults > 2 && shrunk.before.operations > 10 && shrunk.before.clients > 1, "{:?}", shrunk.before);
    assert_eq!((shrunk.after.faults, shrunk.after.operations, shrunk.after.clients), (1, 0, 0), "{text}");
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    assert!(shrink(&campaign("smoke").case(3), 10, &|_, _| true).is_none());
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_planted_bug_is_cut_down_to_a_few_lines() {
    let mut case = campaign("single-node").case(11);
    case.setup.planted = Some("skip-records".into());
    let (shrunk, text) = told(&case, 2000);
    assert!(shrunk.after.faults + shrunk.after.operations <= 5, "{text}");
}
