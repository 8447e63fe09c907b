//! A broker that is killed with -9 again and again under acks=all load keeps what it acknowledged, by history.
//!
//! Takes       rounds and milliseconds of a seed (OTTLA_KILL9_ROUNDS, OTTLA_KILL9_SEED); a few rounds without them.
//! Holds       every acknowledged record lies at the offset that was acknowledged; an idempotent producer's records are there once, in order.
//! Not here    power loss: a killed process loses nothing that it has written. The simulator loses it.

use crate::support::{Broker, ottla};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// What was acknowledged: number of the record, offset. Numbers are given in the order of sending.
type Acknowledged = Arc<Mutex<BTreeMap<u64, i64>>>;

/// A producer at work in a process of its own.
struct Load {
    process: Child,
    acknowledged: Acknowledged,
    /// Everything that it said against its work.
    complaints: Arc<Mutex<Vec<String>>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

fn listen(from: impl Read + Send + 'static, mut each: impl FnMut(String) + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).for_each(&mut each))
}

impl Load {
    /// `parse` makes a number and an offset of a line that it prints; a line that is neither these nor "ok" is a complaint.
    fn start(mut command: Command, parse: fn(&str, u64) -> Option<(u64, i64)>, feed: bool) -> Load {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the producer starts");
        let (acknowledged, complaints) = (Acknowledged::default(), Arc::new(Mutex::new(Vec::new())));
        let stop = Arc::new(AtomicBool::new(false));
        let (ours, against) = (acknowledged.clone(), complaints.clone());
        let out = listen(process.stdout.take().expect("it is piped"), move |line| {
            let mut ours = ours.lock().expect("nobody panics");
            let next = ours.len() as u64;
            match parse(&line, next) {
                Some((number, offset)) => drop(ours.insert(number, offset)),
                None if line == "ok" => {}
                None => against.lock().expect("nobody panics").push(line),
            }
        });
        // What librdkafka says of lost connections is no complaint.
        let err = listen(process.stderr.take().expect("it is piped"), drop);
        let mut input = process.stdin.take().expect("it is piped");
        let stopped = stop.clone();
        let feeder = std::thread::spawn(move || {
            let mut number = 0u64;
            while !stopped.load(Ordering::SeqCst) {
                if feed {
                    if writeln!(input, "{number}").and_then(|()| input.flush()).is_err() {
                        return;
                    }
                    number += 1;
                    if number.is_multiple_of(20) {
                        std::thread::park_timeout(Duration::from_millis(2));
                    }
                } else {
                    std::thread::park_timeout(Duration::from_millis(20));
                }
            }
        });
        Load { process, acknowledged, complaints, threads: vec![out, err, feeder], stop }
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().expect("nobody panics").len()
    }

    /// No more records; wait for what is under way. It must end by itself.
    fn finish(mut self, name: &str) -> BTreeMap<u64, i64> {
        self.stop.store(true, Ordering::SeqCst);
        let id = self.process.id().to_string();
        let (done, ended) = mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            if ended.recv_timeout(Duration::from_secs(90)).is_err() {
                let _ = Command::new("kill").args(["-KILL", &id]).status();
            }
        });
        let status = self.process.wait().expect("it was ours");
        let _ = done.send(());
        watch.join().expect("it does not panic");
        for thread in self.threads.drain(..) {
            thread.join().expect("it does not panic");
        }
        let complaints = self.complaints.lock().expect("nobody panics");
        assert!(complaints.is_empty(), "{name}: {} complaints, the first: {}", complaints.len(), complaints[0]);
        assert!(status.success(), "{name} ended with {status}");
        std::mem::take(&mut *self.acknowledged.lock().expect("nobody panics"))
    }
}

/// A number between `from` and `to`, by a seed: splitmix64.
struct Draw(u64);

impl Draw {
    fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + (z ^ (z >> 31)) % (to - from)
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name}={v} is not a number")))
}

/// The whole log against the history.
fn check(name: &str, broker: &Broker, topic: &str, acknowledged: &BTreeMap<u64, i64>) {
    let text = broker.ok(&["consume", topic, "-p", "0", "-e", "-f", "%o %s\\n"]);
    let log: Vec<(i64, u64)> = text
        .lines()
        .map(|l| l.split_once(' ').and_then(|(o, v)| Some((o.parse().ok()?, v.parse().ok()?))).expect("offset and number"))
        .collect();
    let at: BTreeMap<i64, u64> = log.iter().copied().collect();
    let lost: Vec<_> = acknowledged.iter().filter(|(number, offset)| at.get(offset) != Some(number)).take(5).collect();
    assert!(lost.is_empty(), "{name}: acknowledged, but not where it was acknowledged (number, offset): {lost:?}");
    // Sent once, in order, by one idempotent producer: the log is 0, 1, 2 and so on without a gap.
    let odd = log.iter().enumerate().find(|(i, (offset, number))| (*i as i64, *i as u64) != (*offset, *number));
    assert!(odd.is_none(), "{name}: duplicates, gaps or a changed order; the first at (place, (offset, number)): {odd:?}");
}

fn rounds(name: &str, command: impl Fn(&Broker) -> Command, parse: fn(&str, u64) -> Option<(u64, i64)>, feed: bool) {
    let (rounds, seed) = (setting("OTTLA_KILL9_ROUNDS", 3), setting("OTTLA_KILL9_SEED", 1));
    let mut draw = Draw(seed);
    let mut broker = Broker::start_with(&["--set", "auto.create.topics.enable=false"]);
    // Small segments: kills also meet rolls, indexes and snapshots.
    broker.ok(&["topic", "create", "load", "-p", "1", "--config", "segment.bytes=1048576"]);
    let load = Load::start(command(&broker), parse, feed);
    for round in 0..rounds {
        let before = load.count();
        let wait = Duration::from_millis(draw.between(50, 600));
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        // Every round sees acknowledgements before its kill: a loop that kills an idle broker shows nothing.
        while load.count() == before {
            assert!(std::time::Instant::now() < deadline, "{name}: nothing acknowledged in round {round} of seed {seed}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        std::thread::park_timeout(wait);
        broker.kill();
        broker.restart();
    }
    let acknowledged = load.finish(name);
    check(name, &broker, "load", &acknowledged);
    eprintln!("kill -9, {name}: {rounds} rounds of seed {seed}, {} acknowledged, all of them there", acknowledged.len());
}

#[test]
fn our_own_producer_survives_kills() {
    let command = |broker: &Broker| {
        let mut command = ottla();
        command.args(["produce", "load", "-p", "0", "--report", "-o", "json"]).env("OTTLA_BOOTSTRAP", &broker.address);
        command
    };
    // It reports in the order of sending.
    let parse = |line: &str, next: u64| {
        let offset = serde_json::from_str::<serde_json::Value>(line).ok()?["offset"].as_i64()?;
        Some((next, offset))
    };
    rounds("ottla produce", command, parse, true);
}

#[test]
fn librdkafkas_idempotent_producer_survives_kills() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bin/ lies in the workspace");
    let python = root.join("target/clients/venv/bin/python");
    if !python.exists() {
        crate::say_loudly(format_args!("SKIPPED: confluent-kafka is not installed; .ci/install-clients does it"));
        assert!(std::env::var("CI").as_deref() != Ok("true"), "in CI no client may be missing");
        return;
    }
    let command = |broker: &Broker| {
        let mut command = Command::new(&python);
        command.arg(root.join(".ci/clients/python/load.py")).args([broker.address.as_str(), "load"]);
        command
    };
    let parse = |line: &str, _| {
        let (number, offset) = line.split_once(' ')?;
        Some((number.parse().ok()?, offset.parse().ok()?))
    };
    rounds("confluent-kafka", command, parse, false);
}
