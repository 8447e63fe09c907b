//! `ottla sim exhaustive`: small worlds, completely.

use crate::cli::{Output, SmallWorld};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use ottla_sim::exhaustive::{self, Choice, Exhaustive, How};
use ottla_sim::shrink;
use serde_json::json;
use std::path::Path;
use std::time::Instant;

impl From<SmallWorld> for Choice {
    fn from(world: SmallWorld) -> Choice {
        match world {
            SmallWorld::Records => Choice::Records,
            SmallWorld::Rolls => Choice::Rolls,
            SmallWorld::Retention => Choice::Retention,
            SmallWorld::Restart => Choice::Restart,
            SmallWorld::Recreate => Choice::Recreate,
        }
    }
}

pub(crate) fn run(output: Output, how: &How, to: &Path) -> Result<(), Failure> {
    let (interrupt, began) = (Interrupt::watch()?, Instant::now());
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{elapsed} {wide_bar} {pos} of {len} first losses, {msg}") {
        bar.set_style(style);
    }
    let result = exhaustive::run(how, &|now| {
        bar.set_length(now.of);
        bar.set_position(now.firsts);
        bar.set_message(format!("{} worlds, {} failed", now.worlds, now.failed));
        !interrupt.came()
    });
    bar.finish_and_clear();
    let wall = began.elapsed().as_secs_f64().max(0.001);
    say(output, &result, wall)?;
    let mut failures: Vec<String> = Vec::new();
    for c in &result.causes {
        let at = format!("power lost at {:?}, loss {}", c.power_loss_at, c.loss);
        failures.push(format!("{} at {} ({} worlds of {}): {at}: {}", c.check, c.site, c.worlds, c.choice.name(), c.message));
    }
    if let (Some(case), Some(cause)) = (result.first_case(how), result.causes.first()) {
        let comment = format!("{} in a small world ({}): {}.", cause.check, cause.choice.name(), cause.site);
        let text = shrink::to_story(&case, &comment).map_err(Failure::Failed)?;
        std::fs::write(to, text).map_err(|e| Failure::Failed(format!("{}: {e}", to.display())))?;
        if let Some(first) = failures.first_mut() {
            first.push_str(&format!("\n  ottla sim replay {}", to.display()));
        }
    }
    failures.extend(result.lacking.iter().map(|what| format!("without a loss there are not: {what}")));
    if result.stopped {
        failures.push("stopped before every world was run".to_owned());
    } else {
        failures.extend(result.shown.iter().filter_map(|s| Some(format!("{}: {}", s.choice.name(), s.idle()?))));
    }
    match failures.is_empty() {
        true => Ok(()),
        false if result.stopped => Err(Failure::Interrupted(failures.join("\nerror: "))),
        false => Err(Failure::Failed(failures.join("\nerror: "))),
    }
}

fn say(output: Output, result: &Exhaustive, wall: f64) -> Result<(), Failure> {
    let per_second = result.worlds as f64 / wall;
    if output == Output::Json {
        let mut object = json!(result);
        object["wall_s"] = json!(wall);
        return Ok(output::fact(output, "", &object)?);
    }
    let headings = [
        "worlds",
        "boundaries",
        "one loss",
        "two losses",
        "never struck",
        "failed",
        "acknowledged",
        "rolls",
        "segments given up",
        "restarts",
    ];
    let rows = result.shown.iter().map(|s| {
        let figures = [s.boundaries, s.singles, s.pairs, s.missed, s.failed, s.acked, s.rolls, s.segments_deleted, s.restarts];
        std::iter::once(json!(s.choice.name())).chain(figures.map(|n| json!(n))).collect()
    });
    output::rows(output, &headings, rows.collect())?;
    let (worlds, failed) = (result.worlds, result.failed);
    let sentence = format!("{worlds} worlds, {failed} failed; {} events; {per_second:.0} worlds/s", result.events);
    Ok(output::fact(output, &sentence, &json!(null))?)
}
