//! Small worlds, completely: the losses strike where they are said to, and nothing is found.

use ottla_sim::case::{self, Watching};
use ottla_sim::disk::Loss;
use ottla_sim::exhaustive::{Choice, How, run};
use ottla_sim::runner::quietly;

fn how(choices: &[Choice], stride: usize) -> How {
    How { choices: choices.to_vec(), pairs: true, stride, jobs: 2, planted: None }
}

/// The smallest choice, and a few of its pairs; `.ci/run` has all choices, and every seventh of their pairs.
#[test]
fn no_power_loss_in_a_small_world_breaks_a_promise() {
    let result = run(&how(&[Choice::Records], 300), &|_| true);
    assert_eq!((&result.causes, &result.lacking), (&Vec::new(), &Vec::new()));
    let shown = &result.shown[0];
    assert_eq!(shown.missed, 0, "{shown:?}");
    // One for each boundary and each of the losses; what is drawn moves a few boundaries.
    assert!(shown.singles > 700 && shown.pairs > 100 && shown.boundaries > 100, "{shown:?}");
    assert_eq!(shown.idle(), None);
}

/// Without a loss, each choice shows what it is made for.
#[test]
fn the_choices_are_what_they_say() {
    let result = run(&how(&Choice::ALL, 300), &|_| false);
    assert!(result.stopped && result.lacking.is_empty(), "{:?}", result.lacking);
    assert_eq!(result.shown.len(), Choice::ALL.len());
}

/// The boundary that is named is the one at which power is lost: the trace has so many calls and ends of calls before it.
#[test]
fn power_is_lost_at_the_boundary_that_is_named() {
    use ottla_core::io::{Effect, Input};
    use ottla_sim::world::{TraceSink, Traced};
    use std::cell::RefCell;
    use std::rc::Rc;
    for choice in Choice::ALL {
        let mut case = choice.case(Loss::NOTHING_KEPT);
        for boundary in (1..=100).step_by(7) {
            case.setup.power_loss_at = vec![boundary];
            // Calls given, ends told, and whether power is lost already.
            let seen: Rc<RefCell<(u64, u64, bool)>> = Rc::default();
            let sink = Rc::clone(&seen);
            let trace: TraceSink = Box::new(move |_, what| {
                let mut seen = sink.borrow_mut();
                match what {
                    Traced::World { text } => seen.2 |= text.contains("loses power"),
                    Traced::Effect { effect: Effect::Disk { .. }, .. } if !seen.2 => seen.0 += 1,
                    Traced::Input { input: Input::Disk { .. }, .. } if !seen.2 => seen.1 += 1,
                    _ => {}
                }
            });
            let outcome = quietly(|| case::run(&case, Watching { trace: Some(trace), ..Watching::default() }));
            assert_eq!(outcome.storage.power_failures, 1, "{choice:?} at {boundary}");
            let (given, told, lost) = *seen.borrow();
            assert!(lost);
            // What was given need not have begun, and the end at which power was lost was not told.
            assert!(
                told * 2 <= boundary && boundary <= given + told + 1,
                "{choice:?} at {boundary}: {given} given, {told} ended"
            );
        }
    }
}
