//! The campaigns of this repository parse, run, and find nothing; what they draw is a function of the seed.

use ottla_sim::campaign::{Campaign, STANDARD};
use ottla_sim::runner::{Fuzz, Summary, fuzz};
use ottla_sim::story;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/campaigns")
}

pub(crate) fn campaign(name: &str) -> Campaign {
    let path = folder().join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    Campaign::parse(name, &text).unwrap_or_else(|d| panic!("{}", d.render(&path.display().to_string(), &text)))
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn run(name: &str, seeds: u64) -> Summary {
    let how = Fuzz {
        from: number("FROM", 0),
        seeds: number("SEEDS", seeds),
        jobs: number("JOBS", 2) as usize,
        failures_max: number("FAILURES_MAX", 0),
        planted: None,
    };
    let started = std::time::Instant::now();
    let summary = fuzz(&campaign(name), &how, &|_| true);
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{}", serde_json::to_string_pretty(&summary).unwrap());
    let (seeds, events) = (summary.seeds as f64 / seconds, summary.events as f64 / seconds);
    eprintln!("{seeds:.0} seeds/s, {events:.0} events/s, {:.0}x", summary.virtual_ms as f64 / 1e3 / seconds);
    summary
}

/// The program carries every campaign of the folder, and CI runs every one.
#[test]
fn no_campaign_is_left_out() {
    let mut here: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    here.sort();
    let mut carried: Vec<&str> = STANDARD.iter().map(|(name, _)| *name).collect();
    carried.sort_unstable();
    assert_eq!(here, carried);
    let ci = std::fs::read_to_string(folder().join("../../.ci/run")).unwrap();
    let is_run = |name: &&str| ci.split([' ', ';', '\n']).any(|word| word == *name);
    assert_eq!(carried.iter().filter(|name| !is_run(name)).collect::<Vec<_>>(), Vec::<&&str>::new(), ".ci/run leaves them out");
}

#[test]
fn every_campaign_parses_and_its_cases_survive_being_written_down() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        let campaign = campaign(&name);
        for seed in 0..20 {
            let mut case = campaign.case(seed);
            let text = story::of_case(&case, "A seed.");
            case.campaign = "story".into();
            let object = story::object_of_case(&case);
            assert_eq!(
                (&object["plan"].as_array().map(Vec::len), &object["world"]["seed"]),
                (&Some(case.plan.entries.len()), &seed.into())
            );
            assert!(!object.to_string().contains("\"?\""), "something has no word: {object}");
            assert_eq!(story::case(&text).map_err(|d| d.render("x.story", &text)), Ok(case), "{text}");
        }
        count += 1;
    }
    assert!(count >= 1);
}

#[test]
fn smoke() {
    let summary = run("smoke", 30);
    assert_eq!(summary.failed, 0);
    assert_eq!(summary.idle_checks, Vec::<String>::new());
}

/// Not a test of its own: `CAMPAIGN=power-loss SEEDS=1000 cargo test --release -p ottla-sim --test it fuzz -- --ignored --nocapture`
#[test]
#[ignore = "as long as one likes"]
fn fuzz_one() {
    let name = std::env::var("CAMPAIGN").unwrap_or_else(|_| "smoke".into());
    assert_eq!(run(&name, 1000).failed, 0);
}

/// Not a test of its own: prints the trace of one seed. `CAMPAIGN=smoke SEED=7 cargo test -p ottla-sim --test it trace -- --ignored --nocapture`
#[test]
#[ignore = "prints a trace for a person"]
fn trace() {
    let campaign = campaign(&std::env::var("CAMPAIGN").unwrap_or_else(|_| "smoke".into()));
    let sink: ottla_sim::world::TraceSink = Box::new(|at, what| eprintln!("{}", ottla_sim::runner::line(at, what)));
    let watching = ottla_sim::case::Watching { trace: Some(sink), ..Default::default() };
    let outcome = ottla_sim::runner::run_watched(&campaign, number("SEED", 0), watching);
    eprintln!("{}", serde_json::to_string_pretty(&outcome).unwrap());
}
