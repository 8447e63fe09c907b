//! A failing case is cut down to what its failure needs, and what is left is a story that tells it.

use crate::campaigns::campaign;
use ottla_sim::shrink::shrink;

#[test]
fn what_does_not_fail_is_not_shrunk() {
    assert!(shrink(&campaign("smoke").case(3), 10, &|_, _| true).is_none());
}

/// What fails without a planted bug is mended.
#[cfg(feature = "planted-bugs")]
#[test]
fn nothing_is_left_but_what_the_failure_needs() {
    use ottla_sim::case::Case;
    use ottla_sim::shrink::to_story;
    use ottla_sim::story;
    let mut case = campaign("single-node").case(11);
    case.setup.planted = Some("skip-records".into());
    let shrunk = shrink(&case, 2000, &|_, _| true).expect("it fails");
    let text = to_story(&shrunk.case, "A test.").expect("a story");
    assert!(text.contains(&format!("REFUTED {} at {}", shrunk.check, shrunk.site)), "{text}");
    assert_eq!(story::tell(&text).as_ref(), Ok(&text));
    let again = story::case(&text).map_err(|d| d.render("x.story", &text));
    assert_eq!(again, Ok(Case { campaign: "story".into(), ..shrunk.case.clone() }), "{text}");
    assert!(shrunk.before.faults > 2 && shrunk.before.operations > 10 && shrunk.before.clients > 1, "{:?}", shrunk.before);
    assert!(shrunk.after.faults + shrunk.after.operations <= 5, "{text}");
}
