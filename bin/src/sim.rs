//! `ottla sim`: worlds of the simulator, by story, by campaign and seed, by case.

use crate::cli::{Output, SimCommand};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::{exhaustive, list, mutants, output};
use indicatif::{ProgressBar, ProgressStyle};
use ottla_sim::campaign::{Campaign, STANDARD};
use ottla_sim::case::{self, Case, Outcome, Step, Watching};
use ottla_sim::exhaustive::{Choice, How};
use ottla_sim::mutants::Hunt;
use ottla_sim::runner::{self, Fuzz, Summary};
use ottla_sim::story::Hunk;
use ottla_sim::world::Traced;
use ottla_sim::{shrink, story};
use serde_json::json;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often Ctrl-C is looked for while nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Checks and faults that are idle in so many seeds are so by mistake, however short the time was.
const ENOUGH: u64 = 100;

pub(crate) fn run(command: &SimCommand, output: Output) -> Result<(), Failure> {
    match command {
        SimCommand::List { names } => list::run(output, names),
        SimCommand::Run { stories, rewrite } => tell(output, stories, *rewrite),
        SimCommand::Fuzz { campaign, from, seeds, time, jobs, verify, failures, bug, diverge } => {
            let count = seeds.unwrap_or(if time.is_some() { (u64::MAX - from).min(u64::MAX >> 1) } else { 100 });
            if from.checked_add(count).is_none() {
                return Err(Failure::Usage(format!("there are not {count} seeds from {from} on: they end at {}", u64::MAX)));
            }
            check_bug(bug.as_ref())?;
            let jobs = jobs_of(*jobs);
            let how = Fuzz { from: *from, seeds: count, jobs, failures_max: *failures, planted: bug.clone() };
            fuzz(output, campaign, &how, *time, verify.then_some(Other { diverge: *diverge }))
        }
        SimCommand::Exhaustive { worlds, pairs, stride, jobs, to, bug } => {
            let mut choices: Vec<Choice> = worlds.iter().copied().map(Choice::from).collect();
            if choices.is_empty() {
                choices = Choice::ALL.to_vec();
            }
            check_bug(bug.as_ref())?;
            let how = How { choices, pairs: *pairs, stride: *stride, jobs: jobs_of(*jobs), planted: bug.clone() };
            exhaustive::run(output, &how, to)
        }
        SimCommand::Plan { what } => show_plan(output, what),
        SimCommand::Replay { what, trace, bug } => replay(output, what, &planted_case(what, bug.as_ref())?, *trace),
        SimCommand::Shrink { what, runs, to, bug } => shrink_case(output, what, &planted_case(what, bug.as_ref())?, *runs, to),
        SimCommand::Hashes { campaign, from, seeds, steps, diverge } => {
            let campaign = named_campaign(campaign)?;
            print_hashes(&campaign, *from..*from + *seeds, *steps, *diverge)
        }
        SimCommand::Mutants { list: true, .. } => mutants::list(output),
        SimCommand::Mutants { bug, list: _, seeds, ranges, jobs, ratchet, shrink, campaigns } => {
            ottla_sim::mutants::can_plant().map_err(Failure::Usage)?;
            let ratchet = ratchet.as_deref().map(mutants::read_ratchet).transpose()?;
            let hunters = STANDARD.iter().map(|(name, _)| read_campaign(&campaigns.join(format!("{name}.toml"))));
            let hunters = hunters.collect::<Result<Vec<Campaign>, Failure>>()?;
            let stories = mutants::read_stories(campaigns)?;
            let hunt = Hunt {
                bugs: bug.clone(),
                seeds: *seeds,
                ranges: *ranges,
                jobs: jobs_of(*jobs),
                stories,
                ratchet,
                shrink_runs: *shrink,
            };
            mutants::hunt(output, &hunters, &hunt)
        }
    }
}

/// Whether there is such a planted bug, if one is named.
fn check_bug(bug: Option<&String>) -> Result<(), Failure> {
    let named: Vec<String> = bug.cloned().into_iter().collect();
    if named.is_empty() {
        return Ok(());
    }
    ottla_sim::mutants::can_plant().map_err(Failure::Usage)?;
    ottla_sim::mutants::bugs(&named).map(drop).map_err(Failure::Usage)
}

fn jobs_of(jobs: Option<usize>) -> usize {
    jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The commit that this program is built from; with [`DIRTY`] behind it where the code is none that the commit has.
const COMMIT: Option<&str> = option_env!("OTTLA_COMMIT");
const DIRTY: &str = "-dirty";

/// The campaign that a replay line names, and the commit that the line was made at, if it says so. A path may have an `@` of its own.
fn campaign_and_commit(name: &str) -> (&str, Option<&str>) {
    let is_commit = |word: &str| {
        let number = word.strip_suffix(DIRTY).unwrap_or(word);
        number.len() >= 4 && number.bytes().all(|b| b.is_ascii_hexdigit())
    };
    match name.rsplit_once('@') {
        Some((bare, commit)) if is_commit(commit) && !Path::new(name).exists() => (bare, Some(commit)),
        _ => (name, None),
    }
}

/// What a line that was made at one commit has to be told by a program that is built from another one, if anything.
fn another_commit(line: &str, own: &str) -> Option<String> {
    let (number, mine) = (line.strip_suffix(DIRTY).unwrap_or(line), own.strip_suffix(DIRTY).unwrap_or(own));
    // Either of them may be cut short.
    let is_same = mine.starts_with(number) || number.starts_with(mine);
    if !is_same {
        return Some(format!("this line was made at commit {number}, and this program at {mine}"));
    }
    match (line.ends_with(DIRTY), own.ends_with(DIRTY)) {
        (false, false) => None,
        (true, _) => Some(format!("this line was made with changes that commit {number} does not have")),
        (false, true) => Some(format!("this program has changes that commit {number} does not have")),
    }
}

/// A standard campaign by its name, or one in a file.
fn named_campaign(name: &str) -> Result<Campaign, Failure> {
    let (bare, commit) = campaign_and_commit(name);
    if let (Some(commit), Some(own)) = (commit, COMMIT)
        && let Some(note) = another_commit(commit, own)
    {
        eprintln!("note: {note}: a seed may be another run here");
    }
    match STANDARD.iter().find(|(n, _)| *n == bare) {
        Some((n, text)) => Campaign::parse(n, text).map_err(|d| Failure::Diagnostic(d.render(n, text))),
        None if Path::new(bare).exists() => read_campaign(Path::new(bare)),
        None => {
            let names: Vec<&str> = STANDARD.iter().map(|(n, _)| *n).collect();
            Err(Failure::Usage(format!("there is no campaign {bare}: say one of {}, or name a file", names.join(", "))))
        }
    }
}

/// `CAMPAIGN#SEED`, or the file of a story that begins with `world`.
fn case_of(what: &str) -> Result<Case, Failure> {
    match what.rsplit_once('#') {
        Some((campaign, seed)) => {
            let seed = seed.parse().map_err(|_| Failure::Usage(format!("{seed} is no seed: write CAMPAIGN#NUMBER")))?;
            Ok(named_campaign(campaign)?.case(seed))
        }
        None if STANDARD.iter().any(|(name, _)| *name == what) && !Path::new(what).exists() => {
            Err(Failure::Usage(format!("which seed of {what}? Write {what}#NUMBER")))
        }
        None => read_world(Path::new(what)),
    }
}

/// The case, with a bug planted if one is named.
fn planted_case(what: &str, bug: Option<&String>) -> Result<Case, Failure> {
    let mut case = case_of(what)?;
    check_bug(bug)?;
    if bug.is_some() {
        case.setup.planted = bug.cloned();
    }
    Ok(case)
}

pub(crate) fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|e| Failure::Usage(format!("cannot read {}: {e}", file.display())))
}

fn read_campaign(file: &Path) -> Result<Campaign, Failure> {
    let text = read(file)?;
    let name = file.file_stem().and_then(|n| n.to_str()).unwrap_or("campaign");
    Campaign::parse(name, &text).map_err(|d| Failure::Diagnostic(d.render(&file.display().to_string(), &text)))
}

fn read_world(file: &Path) -> Result<Case, Failure> {
    let text = read(file)?;
    story::case(&text).map_err(|d| Failure::Diagnostic(d.render(&file.display().to_string(), &text)))
}

fn say_outcome(output: Output, what: &str, outcome: &Outcome) -> Result<(), Failure> {
    let o = &outcome.operations;
    let sentence = format!(
        "{what}: {} events in {} virtual ms, hash {}; {} acknowledged, {} refused, {} unknown, {} records read, {} starts{}",
        outcome.events,
        outcome.virtual_ms,
        outcome.hash,
        o.acked,
        o.refused,
        o.unknown,
        o.records_read,
        o.starts,
        outcome.excused()
    );
    let idle: String = outcome.never_struck().map(|kind| format!("\nnever struck: {kind}")).collect();
    let sentence = sentence + &idle;
    let mut object = json!(outcome);
    // So that it can be told from the events before it.
    object["kind"] = json!("outcome");
    output::fact(output, &sentence, &object)?;
    let failures: Vec<String> =
        outcome.failures.iter().map(|f| format!("{what}: {} at {}: {}", f.check, f.site, f.message)).collect();
    if failures.is_empty() { Ok(()) } else { Err(Failure::Failed(failures.join("\nerror: "))) }
}

fn fuzz(output: Output, source: &str, how: &Fuzz, time: Option<Duration>, verify: Option<Other>) -> Result<(), Failure> {
    let campaign = &named_campaign(source)?;
    let (interrupt, began) = (Interrupt::watch()?, Instant::now());
    let bar = progress_bar(time.is_none().then_some(how.seeds));
    let summary = runner::fuzz(campaign, how, &|now| {
        bar.set_position(now.seeds);
        let wall = began.elapsed().as_secs_f64().max(0.001);
        bar.set_message(format!("{:.0} seeds/s, {} failed", now.seeds as f64 / wall, now.failed));
        !interrupt.came() && time.is_none_or(|limit| began.elapsed() < limit)
    });
    bar.finish_and_clear();
    let wall = began.elapsed().as_secs_f64().max(0.001);
    let said = |g: &runner::Group| {
        let what = format!("{} at {} ({} seeds): {}", g.check, g.site, g.count, g.message);
        let bug = how.planted.as_ref().map(|bug| format!(" --bug {bug}")).unwrap_or_default();
        format!("{what}\n  ottla sim replay {}{bug}", replayed(source, g.seed))
    };
    let mut failures: Vec<String> = summary.groups.iter().map(said).collect();
    if let (Some(commit), false) = (COMMIT.and_then(|own| own.strip_suffix(DIRTY)), failures.is_empty()) {
        eprintln!("note: this program has changes that commit {commit} does not have: these lines may be other runs there");
    }
    if interrupt.came() {
        failures.push(format!("stopped after {} seeds", summary.seeds));
    } else if summary.seeds >= ENOUGH.min(how.seeds) && how.failures_max == 0 {
        failures.extend(summary.idle_faults.iter().map(|k| format!("the fault {} was planned often and never struck", k.name())));
        failures.extend(summary.idle_acts.iter().map(|act| format!("`{act}` was asked for often and never acknowledged")));
        failures.extend(summary.idle_checks.iter().map(|c| format!("check {c} never looked at anything")));
    }
    if let Some(other) = verify.filter(|_| !interrupt.came()) {
        // With a limit of time: as many as there was time for.
        let ran = Fuzz { seeds: summary.seeds.min(how.seeds), ..how.clone() };
        failures.extend(compare_processes(campaign, source, &ran, other, &|| !interrupt.came()));
    }
    let per_second = [summary.seeds as f64 / wall, summary.events as f64 / wall, summary.virtual_ms as f64 / 1000.0 / wall];
    let mut object = json!(summary);
    object["wall_s"] = json!(wall);
    object["failures"] = json!(failures);
    output::fact(output, &sentence(&summary, per_second), &object)?;
    match failures.is_empty() {
        true => Ok(()),
        false if interrupt.came() => Err(Failure::Interrupted(failures.join("\nerror: "))),
        false => Err(Failure::Failed(failures.join("\nerror: "))),
    }
}

/// What replays a seed, from a clone at the commit that it names.
fn replayed(source: &str, seed: u64) -> String {
    let (bare, _) = campaign_and_commit(source);
    match COMMIT {
        Some(commit) => format!("{bare}@{commit}#{seed}"),
        None => format!("{bare}#{seed}"),
    }
}

fn sentence(summary: &Summary, [seeds, events, virtual_s]: [f64; 3]) -> String {
    let often = summary.fired.iter().filter(|(_, (in_seeds, _))| *in_seeds * 100 >= summary.seeds).count();
    format!(
        "{}: {} seeds, {} failed; {} acknowledged, {} starts, {} events; {often} kinds of faults struck in at least 1 % of the seeds; \
         {seeds:.0} seeds/s, {events:.0} events/s, virtual : wall {virtual_s:.0}",
        summary.campaign, summary.seeds, summary.failed, summary.acked, summary.starts, summary.events
    )
}

/// A bar on a terminal, nothing elsewhere.
fn progress_bar(seeds: Option<u64>) -> ProgressBar {
    let bar = seeds.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template("{elapsed} {wide_bar} {pos} seeds, {msg}") {
        bar.set_style(style);
    }
    bar
}

/// What another process is asked for.
#[derive(Clone, Copy)]
struct Other {
    /// Chance comes in at this event: for testing what notices it.
    diverge: Option<u64>,
}

impl Other {
    fn start(self, source: &str, from: u64, seeds: u64, steps: bool) -> Result<Child, Failure> {
        let exe = std::env::current_exe().map_err(|e| Failure::Failed(format!("this program cannot be found: {e}")))?;
        let mut command = Command::new(exe);
        command.args(["sim", "hashes"]).arg(source).args(["--from", &from.to_string(), "--seeds", &seeds.to_string()]);
        command.args(steps.then_some("--steps"));
        command.args(self.diverge.map(|event| format!("--diverge={event}")));
        let started = command.stdout(Stdio::piped()).spawn();
        started.map_err(|e| Failure::Failed(format!("the second process does not start: {e}")))
    }

    /// One seed, event by event.
    fn steps(self, source: &str, seed: u64) -> Result<Vec<Step>, Failure> {
        let steps: Result<Vec<Step>, _> =
            lines_of(self.start(source, seed, 1, true)?)?.iter().map(|l| serde_json::from_str(l)).collect();
        steps.map_err(|e| Failure::Failed(format!("the second process says something else than its events: {e}")))
    }
}

/// What a process prints until it ends.
fn lines_of(process: Child) -> Result<Vec<String>, Failure> {
    let ended = process.wait_with_output().map_err(|e| Failure::Failed(e.to_string()))?;
    Ok(String::from_utf8_lossy(&ended.stdout).lines().map(str::to_owned).collect())
}

/// A process that is read line by line, and ends with whoever reads.
struct Lines {
    process: Child,
    lines: Receiver<String>,
}

impl Lines {
    fn of(mut process: Child) -> Lines {
        let (tell, lines) = channel();
        if let Some(out) = process.stdout.take() {
            std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        }
        Lines { process, lines }
    }

    /// The next line; none if there is no more, or it does not go on.
    fn next(&self, goes_on: &dyn Fn() -> bool) -> Option<String> {
        while goes_on() {
            match self.lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => return Some(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        None
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn print_hashes(campaign: &Campaign, seeds: Range<u64>, steps: bool, diverge: Option<u64>) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for seed in seeds {
        if steps {
            for step in runner::steps(campaign, seed, diverge) {
                writeln!(out, "{}", json!(step))?;
            }
            continue;
        }
        let watching = Watching { trace: Some(Box::new(|_, _| {})), planted: diverge, ..Watching::default() };
        writeln!(out, "{seed} {}", runner::run_watched(campaign, seed, watching).hash)?;
        // Whoever compares goes on with each.
        out.flush()?;
    }
    Ok(out.flush()?)
}

/// Every seed once more: here without a trace, in another process with one. Says which differ, and from which event on; also where it
/// did not come to an end: what else was found is worth as much as before.
fn compare_processes(campaign: &Campaign, source: &str, how: &Fuzz, other: Other, goes_on: &dyn Fn() -> bool) -> Vec<String> {
    let process = match other.start(source, how.from, how.seeds, false) {
        Ok(process) => Lines::of(process),
        Err(failure) => return vec![failure.text().to_owned()],
    };
    let mut failures = Vec::new();
    for (done, seed) in (how.from..how.from.saturating_add(how.seeds)).enumerate() {
        let mine = format!("{seed} {}", runner::run_seed(campaign, seed).hash);
        match process.next(goes_on) {
            Some(theirs) if theirs == mine => {}
            Some(_) => failures.push(locate(campaign, source, seed, other).unwrap_or_else(|failure| failure.text().to_owned())),
            None => {
                let why = if goes_on() { "the second process ended" } else { "stopped" };
                failures.push(format!("{why} after {done} of {} seeds were compared", how.seeds));
                break;
            }
        }
    }
    failures
}

/// So many more processes are asked for the event: what makes processes differ may not do so in each.
const PROCESSES_MAX: usize = 5;

/// Where a seed is another run than the first time, in this process or in another.
fn locate(campaign: &Campaign, source: &str, seed: u64, other: Other) -> Result<String, Failure> {
    if let Some(d) = runner::verify_seed(campaign, seed) {
        return Ok(format!("seed {seed} is another run the second time: {}", json!(d)));
    }
    let mine = runner::steps(campaign, seed, None);
    for _ in 0..PROCESSES_MAX {
        if let Some(d) = runner::compare(seed, &mine, &other.steps(source, seed)?) {
            return Ok(format!("seed {seed} is another run in another process: {}", json!(d)));
        }
    }
    Ok(format!("seed {seed} was another run in another process, and the same one in {PROCESSES_MAX} more"))
}

fn shrink_case(output: Output, what: &str, case: &Case, runs: u64, to: &Path) -> Result<(), Failure> {
    let interrupt = Interrupt::watch()?;
    let bar = ProgressBar::new_spinner();
    let shrunk = shrink::shrink(case, runs, &|done, best| {
        bar.set_position(done);
        bar.set_message(format!("{done} runs, {} faults left", best.plan.entries.len()));
        !interrupt.came()
    });
    bar.finish_and_clear();
    let Some(shrunk) = shrunk else {
        return Err(Failure::Failed(format!("{what} does not fail: there is nothing to shrink")));
    };
    let comment = format!("{}, cut down from {what}: {}.", shrunk.check, shrunk.site);
    let text = shrink::to_story(&shrunk.case, &comment).map_err(Failure::Failed)?;
    std::fs::write(to, text).map_err(|e| Failure::Failed(format!("{}: {e}", to.display())))?;
    let (b, a, file) = (shrunk.before, shrunk.after, to.display().to_string());
    let sentence = format!(
        "{} at {}: {} faults, {} operations, {} clients, {} topics and {} events instead of {}, {}, {}, {} and {}, after {} runs\n  \
         ottla sim replay {file}",
        shrunk.check,
        shrunk.site,
        a.faults,
        a.operations,
        a.clients,
        a.topics,
        a.events,
        b.faults,
        b.operations,
        b.clients,
        b.topics,
        b.events,
        shrunk.runs
    );
    let mut object = json!(shrunk);
    object["file"] = json!(file);
    Ok(output::fact(output, &sentence, &object)?)
}

/// What a seed or a story of a world stands for: text that is a story itself, or an object.
fn show_plan(output: Output, what: &str) -> Result<(), Failure> {
    let case = case_of(what)?;
    let comment = format!("{what}: its world, topics and clients, and what happens at which time.");
    let text = story::of_case(&case, &comment);
    let mut object = story::object_of_case(&case);
    object["story"] = json!(text);
    Ok(output::fact(output, text.trim_end(), &object)?)
}

/// Tell stories; each must come out as it is written. One with a mistake in it keeps no other one from being told.
fn tell(output: Output, files: &[PathBuf], rewrite: bool) -> Result<(), Failure> {
    let (mut different, mut mistakes) = (0, Vec::new());
    let texts = files.iter().map(|path| read(path)).collect::<Result<Vec<_>, Failure>>()?;
    for (path, text) in files.iter().zip(texts) {
        let file = path.display().to_string();
        let told = match story::tell(&text) {
            Ok(told) => told,
            Err(mistake) => {
                mistakes.push(mistake.render(&file, &text));
                continue;
            }
        };
        let same = told == text;
        if !same && rewrite {
            std::fs::write(path, &told).map_err(|e| Failure::Failed(format!("{file}: {e}")))?;
        }
        let refuted = told.lines().any(|line| line.split(' ').take(2).any(|word| word == "REFUTED"));
        let verdict = match (same, rewrite) {
            (true, _) => "as written",
            (false, true) => "rewritten",
            (false, false) => "otherwise",
        };
        let verdict = if refuted { format!("{verdict}, and a claim is REFUTED in it") } else { verdict.to_string() };
        different += usize::from(!same && !rewrite);
        let hunks = story::differences(&text, &told);
        let object = json!({"story": file, "as_written": same, "refuted": refuted, "rewritten": !same && rewrite, "differences": hunks, "told": told});
        let mut sentence = format!("{file}: {verdict}");
        if !same && !rewrite {
            hunks.iter().for_each(|hunk| say_hunk(hunk, &mut sentence));
        }
        output::fact(output, &sentence, &object)?;
    }
    let stories = files.len();
    let otherwise = format!("{different} of {stories} stories came out otherwise (--rewrite accepts what happened)");
    match (different, mistakes.is_empty()) {
        (0, true) => Ok(()),
        (_, true) => Err(Failure::Failed(otherwise)),
        (0, false) => Err(Failure::Diagnostic(mistakes.join("\n"))),
        (_, false) => Err(Failure::Diagnostic(format!("{}\nerror: {otherwise}", mistakes.join("\n")))),
    }
}

fn say_hunk(hunk: &Hunk, text: &mut String) {
    let _ = write!(text, "\n  line {}", hunk.line);
    for (mark, lines) in [('-', &hunk.written), ('+', &hunk.told)] {
        for line in lines {
            let _ = write!(text, "\n  {mark} {line}");
        }
    }
}

/// Where the events of a world go: to the standard output, one a line.
struct Trace {
    out: BufWriter<std::io::StdoutLock<'static>>,
    output: Output,
    /// The first failure; nothing is written after it.
    failed: Option<std::io::Error>,
}

impl Trace {
    fn write(&mut self, at_ns: u64, event: &Traced<'_>) {
        if self.failed.is_some() {
            return;
        }
        let written = match self.output {
            Output::Table => writeln!(self.out, "{}", runner::line(at_ns, event)),
            Output::Json => writeln!(self.out, "{}", runner::object(at_ns, event)),
        };
        self.failed = written.err();
    }
}

fn replay(output: Output, what: &str, case: &Case, trace: bool) -> Result<(), Failure> {
    let mut watching = Watching::default();
    let written = trace.then(|| {
        let out = BufWriter::new(std::io::stdout().lock());
        Rc::new(RefCell::new(Trace { out, output, failed: None }))
    });
    if let Some(written) = &written {
        let written = Rc::clone(written);
        watching.trace = Some(Box::new(move |at, event| written.borrow_mut().write(at, event)));
    }
    let outcome = runner::quietly(|| case::run(case, watching));
    if let Some(written) = written {
        let mut written = written.borrow_mut();
        if let Some(failed) = written.failed.take() {
            return Err(failed.into());
        }
        written.out.flush()?;
    }
    say_outcome(output, what, &outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_stands_behind_the_last_at_sign() {
        for (name, parts) in [
            ("smoke", ("smoke", None)),
            ("smoke@02825b2", ("smoke", Some("02825b2"))),
            ("smoke@02825b2c0ffe-dirty", ("smoke", Some("02825b2c0ffe-dirty"))),
            ("a@b/mine.toml", ("a@b/mine.toml", None)),
            ("a@b/mine.toml@02825b2", ("a@b/mine.toml", Some("02825b2"))),
            ("smoke@", ("smoke@", None)),
        ] {
            assert_eq!(campaign_and_commit(name), parts);
        }
    }

    #[test]
    fn a_commit_may_be_cut_short() {
        assert_eq!(another_commit("02825b2", "02825b2c0ffe"), None);
        assert_eq!(another_commit("02825b2c0ffe4711", "02825b2c0ffe"), None);
        for (line, own, said) in [
            ("02825b3", "02825b2c0ffe", "made at commit 02825b3, and this program at 02825b2c0ffe"),
            ("02825b2c0ffe-dirty", "02825b2c0ffe", "this line was made with changes"),
            ("02825b2", "02825b2c0ffe-dirty", "this program has changes that commit 02825b2 does not have"),
        ] {
            assert!(another_commit(line, own).is_some_and(|note| note.contains(said)), "{line} {own}");
        }
    }
}
