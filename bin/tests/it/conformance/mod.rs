//! Conformance exchanges: scripted requests with Kafka's recorded answers, played against the real binary and compared field by field.
//!
//! Takes       `bin/tests/conformance/`: messages.txt (the second codec's schema), exchanges/*.txt, differences.txt, known-wrong.txt.
//! Gives       a table: same, differing on purpose, known to be wrong, wrong. Fails on wrong, and on a listed difference that is none.
//! Read first  `script.rs` for the form of an exchange file.
//!
//! `OTTLA_ORACLE=HOST:PORT` plays against that broker (Apache Kafka) in place of ours: what it does not answer as recorded fails.
//! `REWRITE=1` with it records its answers anew. `OTTLA_EXCHANGES=WORD` plays only exchanges whose name contains it.

mod broker;
mod codec;
mod compare;
mod node;
mod play;
mod records;
mod schema;
mod script;
mod vars;

use compare::{Expected, differences};
use node::Node;
use schema::Schema;
use script::{Script, What};
use std::collections::BTreeMap;
use std::env::var;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_default()
}

struct File {
    name: String,
    script: Script,
}

fn load(schema: &Schema) -> Vec<File> {
    let entries = fs::read_dir(folder().join("exchanges")).expect("exchanges are here");
    let mut names: Vec<String> = entries
        .map(|e| e.expect("readable").file_name().to_string_lossy().into_owned())
        .filter_map(|n| n.strip_suffix(".txt").map(str::to_owned))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let script = Script::parse(&name, &read(&format!("exchanges/{name}.txt")), schema).unwrap_or_else(|e| panic!("{e}"));
            File { name, script }
        })
        .collect()
}

/// One run to be done, and what came of it.
struct Job {
    file: usize,
    exchange: usize,
    version: i16,
}

struct Played {
    job: Job,
    answers: play::Answers,
    result: Result<(), String>,
}

fn play_all(schema: &Schema, broker: SocketAddr, files: &[File]) -> Vec<Played> {
    let wanted = var("OTTLA_EXCHANGES").unwrap_or_default();
    let mut jobs = Vec::new();
    for (f, file) in files.iter().enumerate() {
        for (x, exchange) in file.script.exchanges.iter().enumerate().filter(|(_, e)| e.id.contains(&wanted)) {
            jobs.extend(exchange.versions.iter().map(|v| Job { file: f, exchange: x, version: *v }));
        }
    }
    play::wait_until_ready(schema, broker).unwrap_or_else(|e| panic!("{e}"));
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(&Job { file, exchange, version }) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let script = &files[file].script;
                    let (answers, result) = play::play(schema, broker, script, &script.exchanges[exchange], version);
                    done.lock().expect("no panic").push(Played { job: Job { file, exchange, version }, answers, result });
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no panic");
    done.sort_by_key(|p| (p.job.file, p.job.exchange, p.job.version));
    done
}

fn rewrite(schema: &Schema, files: &[File], played: &[Played]) {
    for (f, file) in files.iter().enumerate() {
        let mut answers: BTreeMap<usize, BTreeMap<i16, Node>> = BTreeMap::new();
        for run in played.iter().filter(|p| p.job.file == f) {
            if let Err(error) = &run.result {
                println!("{} v{}: {error}", file.script.exchanges[run.job.exchange].id, run.job.version);
            }
            for (part, answer) in &run.answers {
                answers.entry(*part).or_default().insert(run.job.version, answer.clone());
            }
        }
        if !answers.is_empty() {
            let path = folder().join(format!("exchanges/{}.txt", file.name));
            fs::write(path, file.script.rewritten(schema, &answers)).expect("writable");
        }
    }
}

/// How many exchanges ended how.
#[derive(Default, Clone, Copy)]
struct Count {
    same: usize,
    on_purpose: usize,
    known_wrong: usize,
    wrong: usize,
}

#[derive(Default)]
struct Tally {
    by_api: BTreeMap<String, Count>,
    wrong: Vec<String>,
}

struct Lists {
    on_purpose: Expected,
    known_wrong: Expected,
}

fn judge(schema: &Schema, files: &[File], played: &[Played], lists: &Lists) -> Tally {
    let mut tally = Tally::default();
    for run in played {
        let script = &files[run.job.file].script;
        let exchange = &script.exchanges[run.job.exchange];
        let mut number = 0;
        for at in exchange.parts.clone() {
            let What::Step(step) = &script.parts[at].what else { continue };
            number += 1;
            if step.option("later").is_some() {
                continue;
            }
            let id = format!("{}/{number}.{}", exchange.id, step.api);
            let version = run.job.version;
            let missing = Node::Atom(format!("not played: {}", run.result.as_ref().err().map_or("", String::as_str)));
            let ours = run.answers.iter().find(|(part, _)| *part == at).map_or(&missing, |(_, answer)| answer);
            let found = differences(&step.golden(schema, version).unwrap_or(Node::atom("not recorded")), ours);
            let count = tally.by_api.entry(step.api.clone()).or_default();
            let (wanted, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|d| lists.on_purpose.covers(&id, version, d));
            let (known, wrong): (Vec<_>, Vec<_>) = rest.into_iter().partition(|d| lists.known_wrong.covers(&id, version, d));
            match (wanted.is_empty(), known.is_empty(), wrong.is_empty()) {
                (true, true, true) => count.same += 1,
                (false, true, true) => count.on_purpose += 1,
                (_, false, true) => count.known_wrong += 1,
                (_, _, false) => count.wrong += 1,
            }
            for d in wrong {
                tally.wrong.push(format!("{id} v{version} {}\n    Kafka: {}\n    ours:  {}", d.path, d.kafka, d.ours));
            }
        }
    }
    tally
}

fn table(tally: &Tally) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:<28}{:>7}{:>12}{:>13}{:>7}", "exchanges", "same", "on purpose", "known wrong", "wrong");
    let mut all = Count::default();
    for (api, c) in &tally.by_api {
        let _ = writeln!(out, "{api:<28}{:>7}{:>12}{:>13}{:>7}", c.same, c.on_purpose, c.known_wrong, c.wrong);
        all.same += c.same;
        all.on_purpose += c.on_purpose;
        all.known_wrong += c.known_wrong;
        all.wrong += c.wrong;
    }
    let _ = writeln!(out, "{:<28}{:>7}{:>12}{:>13}{:>7}", "all", all.same, all.on_purpose, all.known_wrong, all.wrong);
    out
}

#[test]
fn every_exchange_is_answered_as_kafka_answers_it() {
    let schema = Schema::parse(&read("messages.txt")).expect("messages.txt is well formed");
    let files = load(&schema);
    let oracle: Option<SocketAddr> = var("OTTLA_ORACLE").ok().map(|a| a.parse().expect("OTTLA_ORACLE is an address"));
    if let (Some(oracle), Ok(_)) = (oracle, var("REWRITE")) {
        return rewrite(&schema, &files, &play_all(&schema, oracle, &files));
    }
    let list = |file: &str| Expected::parse(&read(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let none = || Expected::parse("").expect("empty");
    let (played, lists, ours) = match oracle {
        Some(oracle) => (play_all(&schema, oracle, &files), Lists { on_purpose: none(), known_wrong: none() }, None),
        None => {
            let broker = broker::Broker::start().unwrap_or_else(|e| panic!("{e}"));
            let lists = Lists { on_purpose: list("differences.txt"), known_wrong: list("known-wrong.txt") };
            (play_all(&schema, broker.address, &files), lists, Some(broker))
        }
    };
    let tally = judge(&schema, &files, &played, &lists);
    println!(
        "{}{} patterns of wanted differences, {} of known faults",
        table(&tally),
        lists.on_purpose.len(),
        lists.known_wrong.len()
    );
    if let Some(mut broker) = ours {
        assert!(!broker.has_ended(), "the broker ended by itself:\n{}", broker.output());
    }
    assert!(tally.wrong.is_empty(), "{} fields are wrong:\n{}", tally.wrong.len(), tally.wrong.join("\n"));
    if var("OTTLA_EXCHANGES").is_err() {
        let unused: Vec<String> = lists.on_purpose.unused().into_iter().chain(lists.known_wrong.unused()).collect();
        assert!(unused.is_empty(), "listed differences that are none any more:\n{}", unused.join("\n"));
    }
}
