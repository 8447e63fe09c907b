//! `ottla sim`: worlds of the simulator, by campaign and seed.

use crate::cli::{Output, SimCommand};
use crate::failure::Failure;
use crate::mutants;
use crate::output;
use ottla_sim::campaign::Campaign;
use ottla_sim::case::{self, Case, Outcome, Watching};
use ottla_sim::checks::CHECKS;
use ottla_sim::mutants::{HUNTERS, Hunt};
use ottla_sim::runner::{self, Fuzz};
use ottla_sim::{shrink, story};
use serde_json::json;
use std::path::Path;

pub(crate) fn run(command: &SimCommand, output: Output) -> Result<(), Failure> {
    match command {
        SimCommand::List => {
            let rows = CHECKS.iter().map(|c| vec![json!(c.name), json!(c.ids), json!(c.statement)]);
            Ok(output::rows(output, &["check", "ids", "statement"], rows.collect())?)
        }
        SimCommand::Run { campaign, seed } => {
            let campaign = read_campaign(campaign)?;
            say_outcome(output, &format!("{}#{seed}", campaign.name), &runner::run_seed(&campaign, *seed))
        }
        SimCommand::Fuzz { campaign, from, seeds, jobs, verify, failures } => {
            let campaign = read_campaign(campaign)?;
            let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            fuzz(output, &campaign, &Fuzz { from: *from, seeds: *seeds, jobs, verify: *verify, failures_max: *failures })
        }
        SimCommand::Replay { file } => {
            let case = read_case(file)?;
            say_outcome(output, &file.display().to_string(), &runner::quietly(|| case::run(&case, Watching::default())))
        }
        SimCommand::Shrink { campaign, seed, runs, to } => shrink_seed(output, &read_campaign(campaign)?, *seed, *runs, to),
        SimCommand::Story { files } => tell(files),
        SimCommand::Mutants { list: true, .. } => mutants::list(output),
        SimCommand::Mutants { bug, list: _, seeds, ranges, jobs, ratchet, campaigns } => {
            let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            let ratchet = ratchet.as_deref().map(mutants::read_ratchet).transpose()?.unwrap_or_default();
            let hunters = HUNTERS.iter().map(|name| read_campaign(&campaigns.join(format!("{name}.toml"))));
            let hunters = hunters.collect::<Result<Vec<Campaign>, Failure>>()?;
            mutants::hunt(output, &hunters, &Hunt { bugs: bug.clone(), seeds: *seeds, ranges: *ranges, jobs, ratchet })
        }
    }
}

pub(crate) fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|e| Failure::Usage(format!("cannot read {}: {e}", file.display())))
}

fn read_campaign(file: &Path) -> Result<Campaign, Failure> {
    let text = read(file)?;
    let name = file.file_stem().and_then(|n| n.to_str()).unwrap_or("campaign");
    Campaign::parse(name, &text).map_err(|d| Failure::Diagnostic(d.render(&file.display().to_string(), &text)))
}

fn read_case(file: &Path) -> Result<Case, Failure> {
    let text = read(file)?;
    shrink::from_text(&text).map_err(|d| Failure::Diagnostic(d.render(&file.display().to_string(), &text)))
}

fn say_outcome(output: Output, what: &str, outcome: &Outcome) -> Result<(), Failure> {
    let o = &outcome.operations;
    let sentence = format!(
        "{what}: {} events in {} virtual ms, hash {}; {} acknowledged, {} refused, {} unknown, {} records read, {} starts",
        outcome.events, outcome.virtual_ms, outcome.hash, o.acked, o.refused, o.unknown, o.records_read, o.starts
    );
    output::fact(output, &sentence, &json!(outcome))?;
    let failures: Vec<String> =
        outcome.failures.iter().map(|f| format!("{what}: {} at {}: {}", f.check, f.site, f.message)).collect();
    if failures.is_empty() { Ok(()) } else { Err(Failure::Failed(failures.join("\nerror: "))) }
}

fn fuzz(output: Output, campaign: &Campaign, how: &Fuzz) -> Result<(), Failure> {
    let began = std::time::Instant::now();
    let summary = runner::fuzz(campaign, how, &|_| true);
    let ms = began.elapsed().as_millis().max(1);
    let sentence = format!(
        "{}: {} seeds, {} failed, {} diverged; {} events, {} acknowledged, {} starts, {} virtual ms in {ms} ms",
        summary.campaign,
        summary.seeds,
        summary.failed,
        summary.divergences.len(),
        summary.events,
        summary.acked,
        summary.starts,
        summary.virtual_ms
    );
    output::fact(output, &sentence, &json!(summary))?;
    let mut failures: Vec<String> = summary
        .groups
        .iter()
        .map(|g| format!("{} x {} at {}: {} (ottla sim run CAMPAIGN {})", g.count, g.check, g.site, g.message, g.seed))
        .collect();
    failures.extend(summary.idle_checks.iter().map(|c| format!("check {c} never looked at anything")));
    if failures.is_empty() && summary.divergences.is_empty() {
        return Ok(());
    }
    failures.extend((!summary.divergences.is_empty()).then(|| "two runs of one seed differed".to_owned()));
    Err(Failure::Failed(failures.join("\nerror: ")))
}

fn shrink_seed(output: Output, campaign: &Campaign, seed: u64, runs: u64, to: &Path) -> Result<(), Failure> {
    let Some(shrunk) = shrink::shrink(&campaign.case(seed), runs, &|_, _| true) else {
        return Err(Failure::Failed(format!("{}#{seed} does not fail: there is nothing to shrink", campaign.name)));
    };
    let text = shrink::to_text(&shrunk.case).map_err(Failure::Failed)?;
    std::fs::write(to, text).map_err(|e| Failure::Failed(format!("{}: {e}", to.display())))?;
    let (b, a) = (shrunk.before, shrunk.after);
    let sentence = format!(
        "{} at {}: {} faults, {} clients, {} batches instead of {}, {}, {} after {} runs; ottla sim replay {}",
        shrunk.check,
        shrunk.site,
        a.actions,
        a.clients,
        a.batches,
        b.actions,
        b.clients,
        b.batches,
        shrunk.runs,
        to.display()
    );
    Ok(output::fact(
        output,
        &sentence,
        &json!({"check": shrunk.check, "site": shrunk.site, "runs": shrunk.runs, "file": to.display().to_string()}),
    )?)
}

/// Play stories; each must tell what is written.
fn tell(files: &[std::path::PathBuf]) -> Result<(), Failure> {
    let mut different = Vec::new();
    for file in files {
        let text = read(file)?;
        let told = story::tell(&text).map_err(|d| Failure::Diagnostic(d.render(&file.display().to_string(), &text)))?;
        if told == text {
            println!("{}: as written", file.display());
        } else {
            different.push(format!("{} tells something else:\n{told}", file.display()));
        }
    }
    if different.is_empty() { Ok(()) } else { Err(Failure::Failed(different.join("\n"))) }
}
