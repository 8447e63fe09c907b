//! `ottla sim mutants`: which planted bugs the simulator notices, as a table, and what the ratchet says to it.

use crate::cli::Output;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{output, sim};
use ottla_sim::campaign::Campaign;
use ottla_sim::mutants::{self, Hunt, Ratchet, Verdict};
use serde_json::json;
use std::path::Path;

pub(crate) fn read_ratchet(file: &Path) -> Result<Ratchet, Failure> {
    let text = sim::read(file)?;
    Ratchet::parse(&text).map_err(|d| Failure::Diagnostic(d.render(&file.display().to_string(), &text)))
}

/// The stories, which lie in the folder above the campaigns.
pub(crate) fn read_stories(campaigns: &Path) -> Result<Vec<(String, String)>, Failure> {
    let folder = campaigns.join("..");
    let found = std::fs::read_dir(&folder).map_err(|e| Failure::Usage(format!("cannot read {}: {e}", folder.display())))?;
    let mut paths: Vec<_> = found.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "story")).collect();
    paths.sort();
    paths.iter().map(|p| Ok((p.file_stem().unwrap_or_default().to_string_lossy().into_owned(), sim::read(p)?))).collect()
}

/// The bugs that can be planted.
pub(crate) fn list(output: Output) -> Result<(), Failure> {
    let bugs = mutants::bugs(&[]).map_err(Failure::Usage)?;
    let rows = bugs.into_iter().map(|bug| vec![json!(bug.name()), json!(bug.about())]);
    Ok(output::rows(output, &["bug", "what it does"], rows.collect())?)
}

pub(crate) fn hunt(output: Output, campaigns: &[Campaign], how: &Hunt) -> Result<(), Failure> {
    mutants::bugs(&how.bugs).map_err(Failure::Usage)?;
    let interrupt = Interrupt::watch()?;
    let told = |verdict: &Verdict| eprintln!("{}", line(verdict));
    let score = mutants::hunt(campaigns, how, &told, &|| !interrupt.came()).map_err(Failure::Failed)?;
    match output {
        Output::Json => output::fact(output, "", &json!(score))?,
        Output::Table => {
            output::rows(
                output,
                &["bug", "killed by", "median", "p90", "in", "at", "story"],
                score.verdicts.iter().map(row).collect(),
            )?;
            println!(
                "killed {} ({} of them by campaigns) of {} planted bugs, {} of {} deleted barriers among them, in {} seeds",
                score.killed, score.killed_by_campaigns, score.planted, score.barriers_killed, score.barriers, score.seeds_run
            );
        }
    }
    for bug in &score.news {
        eprintln!("{bug} is killed: write it down in the ratchet");
    }
    let mut wrong = score.breaches;
    if score.stopped {
        wrong.push(format!("stopped after {} planted bugs", score.planted));
        return Err(Failure::Interrupted(wrong.join("\nerror: ")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Failed(wrong.join("\nerror: "))) }
}

fn line(verdict: &Verdict) -> String {
    match &verdict.killed {
        Some(k) => {
            format!("{}: {} at {} after {} seeds (p90 {})\n  {}", verdict.bug, k.check, k.at, k.median, k.p90, k.replay)
        }
        None => format!("{}: survived {} seeds", verdict.bug, verdict.seeds_run),
    }
}

fn row(verdict: &Verdict) -> Vec<serde_json::Value> {
    match &verdict.killed {
        Some(k) => {
            let ranges = format!("{}/{}", k.ranges, k.of_ranges);
            vec![
                json!(verdict.bug),
                json!(k.check),
                json!(k.median),
                json!(k.p90),
                json!(ranges),
                json!(k.at),
                json!(verdict.story),
            ]
        }
        None => {
            let lived = format!("survived {} seeds", verdict.seeds_run);
            vec![json!(verdict.bug), json!(lived), json!(null), json!(null), json!(null), json!(null), json!(verdict.story)]
        }
    }
}
