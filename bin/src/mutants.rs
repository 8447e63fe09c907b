//! `ottla sim mutants`: which planted bugs the simulator notices, as a table, and what the ratchet says to it.

use crate::cli::Output;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{output, sim};
use ottla_sim::campaign::Campaign;
use ottla_sim::mutants::{self, Hunt, Ratchet, Shrinking, Verdict};
use serde_json::json;
use std::fmt::Write as _;
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
            let cut_down = how.shrink_runs.is_some();
            let columns = if cut_down { &HEADINGS[..] } else { &HEADINGS[..HEADINGS.len() - OF_SHRINKING] };
            let rows = score.verdicts.iter().map(|verdict| {
                let mut row = row(verdict);
                row.truncate(columns.len());
                row
            });
            output::rows(output, columns, rows.collect())?;
            println!(
                "killed {} ({} of them by campaigns) of {} planted bugs, {} of {} deleted barriers among them, in {} seeds",
                score.killed, score.killed_by_campaigns, score.planted, score.barriers_killed, score.barriers, score.seeds_run
            );
            if let Some(shrinking) = &score.shrinking {
                println!("{}", shrinking_sentence(shrinking));
            }
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
            let mut line =
                format!("{}: {} at {} after {} seeds (p90 {})\n  {}", verdict.bug, k.check, k.at, k.median, k.p90, k.replay);
            if let Some(cut) = &k.shrunk {
                let _ = write!(line, "\n  {} events cut down to {}, in {} runs", cut.before.events, cut.after.events, cut.runs);
                if let Some(failure) = &cut.fails_without {
                    let _ = write!(line, "\n  what is left fails without the bug, too: {failure}");
                }
            }
            line
        }
        None => format!("{}: survived {} seeds", verdict.bug, verdict.seeds_run),
    }
}

fn shrinking_sentence(s: &Shrinking) -> String {
    let whole = match s.at_limit {
        0 => String::new(),
        n => format!("; {n} of them ended at the limit of runs"),
    };
    format!(
        "{} killing seeds cut down in {} runs: {} events before and {} after, in the median{whole}",
        s.bugs, s.runs, s.median_before, s.median_after
    )
}

const HEADINGS: [&str; 10] = ["bug", "killed by", "median", "p90", "in", "at", "story", "events before", "events after", "runs"];
/// So many of them, the last ones, are only there if seeds are cut down.
const OF_SHRINKING: usize = 3;

fn row(verdict: &Verdict) -> Vec<serde_json::Value> {
    let killed = verdict.killed.as_ref();
    let cut = killed.and_then(|k| k.shrunk.as_ref());
    let by = killed.map_or_else(|| format!("survived {} seeds", verdict.seeds_run), |k| k.check.clone());
    vec![
        json!(verdict.bug),
        json!(by),
        json!(killed.map(|k| k.median)),
        json!(killed.map(|k| k.p90)),
        json!(killed.map(|k| format!("{}/{}", k.ranges, k.of_ranges))),
        json!(killed.map(|k| &k.at)),
        json!(verdict.story),
        json!(cut.map(|cut| cut.before.events)),
        json!(cut.map(|cut| cut.after.events)),
        json!(cut.map(|cut| cut.runs)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_has_a_cell_under_every_heading() {
        let survived = Verdict { bug: "b".into(), about: String::new(), killed: None, story: None, seeds_run: 3 };
        assert_eq!(row(&survived).len(), HEADINGS.len());
        assert_eq!(row(&survived)[1], json!("survived 3 seeds"));
    }

    #[test]
    fn what_ended_for_want_of_runs_is_said() {
        let said =
            |at_limit| shrinking_sentence(&Shrinking { bugs: 4, median_before: 900, median_after: 30, runs: 800, at_limit });
        assert_eq!(said(0), "4 killing seeds cut down in 800 runs: 900 events before and 30 after, in the median");
        assert!(said(2).ends_with("; 2 of them ended at the limit of runs"));
    }
}
