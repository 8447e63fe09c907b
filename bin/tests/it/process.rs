//! The broker as a process among others: signals, links, a stderr that nobody takes, and what its commands say of damage.

use crate::support::{Broker, ottla, run, signal};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

const MARKER: &str = ".kafka_cleanshutdown";

/// `serve` on this directory with this stderr; its address when it is ready.
fn serve(data: &Path, stderr: Stdio, args: &[&str]) -> (Child, String) {
    serve_as(ottla(), data, stderr, args)
}

/// By a command that becomes the broker.
fn serve_as(mut command: Command, data: &Path, stderr: Stdio, args: &[&str]) -> (Child, String) {
    command.arg("serve").arg("--data-dir").arg(data).args(["--listen", "127.0.0.1:0"]).args(args);
    let mut process = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
    (process, line.trim().to_owned())
}

fn command(address: &str, args: &[&str]) -> Command {
    let mut command = ottla();
    command.args(args).env("OTTLA_BOOTSTRAP", address);
    command
}

/// A producer to `t` with its input, of which one record is there; nobody reads its report any more.
fn sending(address: &str, timeout: &str) -> (Child, ChildStdin) {
    let mut producer = command(address, &["produce", "t", "--report", "--timeout", timeout])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = producer.stdin.take().expect("it is piped");
    input.write_all(b"one\n").expect("it is read");
    BufReader::new(producer.stdout.take().expect("it is piped")).read_line(&mut String::new()).expect("a line");
    (producer, input)
}

#[test]
fn a_partition_behind_a_link_is_served() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    broker.ok_with("one\ntwo\n", &["produce", "t"]);
    assert_eq!(broker.stop(), Some(0));
    // Its owner keeps it on another disk now.
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let (here, there) = (broker.data().join("t-0"), elsewhere.path().join("t-0"));
    std::fs::rename(&here, &there).expect("on one file system");
    std::os::unix::fs::symlink(&there, &here).expect("a link");
    broker.restart();
    assert_eq!(broker.ok(&["consume", "t", "-e"]), "one\ntwo\n");
    broker.ok_with("three\n", &["produce", "t"]);
    assert_eq!(broker.stop(), Some(0));
    // The disk is not there: nobody puts an empty partition in its place.
    let away = elsewhere.path().join("away");
    std::fs::rename(&there, &away).expect("on one file system");
    broker.restart();
    assert_ne!(broker.fails(&["consume", "t", "-e", "--timeout", "1s"]).0, 0);
    assert_eq!(broker.stop(), Some(0));
    std::fs::rename(&away, &there).expect("on one file system");
    broker.restart();
    assert_eq!(broker.ok(&["consume", "t", "-e"]), "one\ntwo\nthree\n");
    broker.ok(&["topic", "delete", "t", "--yes"]);
    assert_eq!(broker.stop(), Some(0));
    broker.restart();
    assert!(std::fs::symlink_metadata(&here).is_err(), "the link goes with its topic");
}

#[test]
fn a_stderr_that_takes_nothing_stops_no_broker() {
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a file that is always full"));
    for gone in [false, true] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Said at once, and at each connection that is one too many.
        let (mut process, address) = serve(
            dir.path(),
            if gone { Stdio::piped() } else { full() },
            &["--set", "max.connections=2", "--log-level", "debug"],
        );
        drop(process.stderr.take());
        let taken = [(); 2].map(|()| std::net::TcpStream::connect(&address).expect("it listens"));
        for _ in 0..3 {
            // Refused, and said so.
            let mut refused = std::net::TcpStream::connect(&address).expect("it listens");
            assert!(!matches!(refused.read(&mut [0]), Ok(n) if n > 0));
        }
        drop(taken);
        // It takes a moment until the broker has noticed.
        let create = || run(command(&address, &["topic", "create", "t"]), b"");
        let created = create();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        signal(&process, "-TERM");
        assert_eq!(process.wait().expect("it was ours").code(), Some(0), "gone: {gone}");
        assert!(dir.path().join(MARKER).exists());
    }
}

#[test]
fn one_wish_to_end_may_come_as_several_signals() {
    for signals in [&["-TERM", "-TERM", "-CONT"][..], &["-INT", "-TERM"], &["-HUP"]] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Whoever runs this may have told all of it to ignore SIGHUP.
        let mut listening = Command::new("env");
        listening.arg("--default-signal=HUP").arg(ottla().get_program());
        let command = if signals == ["-HUP"] { listening } else { ottla() };
        let (mut process, _) = serve_as(command, dir.path(), Stdio::null(), &[]);
        for one in signals {
            signal(&process, one);
        }
        assert_eq!(process.wait().expect("it was ours").code(), Some(0), "{signals:?}");
        assert!(dir.path().join(MARKER).exists(), "{signals:?}");
    }
}

#[test]
fn a_hangup_that_is_ignored_ends_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut nohup = Command::new("nohup");
    nohup.arg(ottla().get_program());
    let (mut process, address) = serve_as(nohup, dir.path(), Stdio::null(), &[]);
    signal(&process, "-HUP");
    let created = run(command(&address, &["topic", "create", "t"]), b"");
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    signal(&process, "-TERM");
    assert_eq!(process.wait().expect("it was ours").code(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_stops_no_broker() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut process, address) = serve(dir.path(), Stdio::piped(), &["--set", "max.connections=1", "--log-format", "json"]);
    // Each is refused, and that is logged: more than a pipe holds, and the lines that wait for it.
    let first = TcpStream::connect(&address).expect("it listens");
    for _ in 0..3000 {
        let _ = TcpStream::connect(&address).expect("it listens").read(&mut [0]);
    }
    drop(first);
    let mut create = command(&address, &["topic", "create", "t", "--timeout", "20s"]);
    create.stdin(Stdio::null()).stdout(Stdio::null());
    assert!(create.status().expect("it runs").success());
    // Somebody reads again, and is told what is missing.
    let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines().map(|line| line.expect("text"));
    let missing = lines.find(|line| line.contains("lines of the log are missing")).expect("it is said");
    let missing: serde_json::Value = serde_json::from_str(&missing).expect("JSON, as the others");
    assert!(missing["fields"]["lines"].as_u64() > Some(100), "{missing}");
    signal(&process, "-TERM");
    lines.for_each(drop);
    assert_eq!(process.wait().expect("it was ours").code(), Some(0));
}

#[test]
fn whoever_has_read_enough_of_a_report_does_not_keep_records_back() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    let (mut producer, mut input) = sending(&broker.address, "15s");
    input.write_all("more\n".repeat(50_000).as_bytes()).expect("it is read");
    drop(input);
    assert_eq!(producer.wait().expect("it was ours").code(), Some(0));
    assert!(broker.ok(&["topic", "offsets", "t"]).contains(" 50001 "), "all of them are there");
}

#[test]
fn nobody_waits_for_a_broker_that_stands_still() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut process, address) = serve(dir.path(), Stdio::null(), &[]);
    assert!(run(command(&address, &["topic", "create", "t", "-p", "1"]), b"").status.success());
    assert!(run(command(&address, &["produce", "t"]), b"one\n").status.success());
    // It has been read, and the broker is asked for more when it stands still.
    let mut consumer = command(&address, &["consume", "t"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(consumer.stdout.take().expect("it is piped"));
    lines.read_line(&mut String::new()).expect("a line");
    let (mut producer, mut input) = sending(&address, "1h");
    signal(&process, "-STOP");
    input.write_all(b"three\n").expect("it is read");
    // The first lets it end in order, for which it waits; the second does not.
    let deadline = Instant::now() + Duration::from_secs(30);
    let ended = loop {
        signal(&producer, "-INT");
        match producer.try_wait().expect("it was ours") {
            Some(status) => break status.code(),
            None => assert!(Instant::now() < deadline, "it goes on"),
        }
    };
    assert_eq!(ended, Some(130));
    signal(&consumer, "-INT");
    assert_eq!(consumer.wait().expect("it was ours").code(), Some(0));
    let begun = Instant::now();
    let stuck = run(command(&address, &["consume", "t", "-e", "--timeout", "1s"]), b"");
    assert_eq!(stuck.status.code(), Some(4), "{}", String::from_utf8_lossy(&stuck.stderr));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    signal(&process, "-CONT");
    signal(&process, "-TERM");
    assert_eq!(process.wait().expect("it was ours").code(), Some(0));
}

#[test]
fn the_command_of_a_throw_away_broker_ends_with_it() {
    let mut process = ottla()
        .args(["dev", "--listen", "127.0.0.1:0", "--", "sh", "-c", "while read name; do ottla topic create $name -p 1; done"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut names = process.stdin.take().expect("it is piped");
    names.write_all(b"a\n").expect("it is read");
    let mut said = BufReader::new(process.stdout.take().expect("it is piped")).lines().map(|line| line.expect("text"));
    assert!(said.next().expect("a line").starts_with("a created"));
    // Ctrl-C is the command's, which may well live on.
    signal(&process, "-INT");
    names.write_all(b"b\n").expect("it is read");
    assert!(said.next().expect("a line").starts_with("b created"));
    signal(&process, "-TERM");
    // As a shell has it: 128 and the signal.
    assert_eq!(process.wait().expect("it was ours").code(), Some(128 + 15));
    drop(names);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "nothing is waited for: when it is stopped is what is tried")]
fn a_throw_away_broker_leaves_nothing_behind_whenever_it_is_stopped() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    for name in ["-INT", "-TERM"] {
        for ms in (0..40).step_by(2) {
            let mut process = ottla()
                .args(["dev", "--listen", "127.0.0.1:0"])
                .env("TMPDIR", scratch.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts");
            std::thread::sleep(Duration::from_millis(ms));
            signal(&process, name);
            // A shell that starts this test in the background has SIGINT ignored, up to the moment at which the broker listens to it.
            let deadline = Instant::now() + Duration::from_secs(30);
            while process.try_wait().expect("it was ours").is_none() {
                assert!(Instant::now() < deadline, "{name} after {ms} ms: it goes on");
                std::thread::sleep(Duration::from_millis(20));
                signal(&process, name);
            }
            let left: Vec<_> = std::fs::read_dir(scratch.path()).expect("it is there").collect();
            assert!(left.is_empty(), "{name} after {ms} ms: {left:?}");
        }
    }
}

#[test]
fn who_cannot_serve_is_not_ready() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 64; exec \"$0\" serve --listen 127.0.0.1:0 --data-dir \"$1\""])
        .arg(ottla().get_program())
        .arg(dir.path());
    let output = run(few, b"");
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.stdout.is_empty() && output.status.code() == Some(1) && why.contains("ulimit -n"), "{why}");
    // The metadata log cannot be written: what is in its place is no file.
    let mut broker = Broker::start();
    assert_eq!(broker.stop(), Some(0));
    let quorum = broker.data().join("__cluster_metadata-0/quorum-state.tmp");
    std::fs::create_dir_all(quorum.join("in the way")).expect("it can be made");
    let mut again = ottla();
    again.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data-dir"]).arg(broker.data());
    let output = run(again, b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.stdout.is_empty() && output.status.code() == Some(1), "{said}");
    for line in said.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn a_reader_that_cannot_go_on_says_why() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "2", "-c", "segment.bytes=1048576"]);
    broker.ok_with(format!("{}\n", "x".repeat(200_000)).repeat(12), &["produce", "t", "-p", "0"]);
    broker.ok_with("whole\n", &["produce", "t", "-p", "1"]);
    broker.ok(&["topic", "create", "short-lived", "-p", "1"]);
    broker.ok_with("one\n", &["produce", "short-lived"]);
    assert_eq!(broker.stop(), Some(0));
    let mut segments: Vec<_> = std::fs::read_dir(broker.data().join("t-0"))
        .expect("it is there")
        .map(|e| e.expect("readable").path())
        .filter(|p| p.extension().is_some_and(|e| e == "log"))
        .collect();
    segments.sort();
    assert!(segments.len() > 2, "{segments:?}");
    let middle = std::fs::OpenOptions::new().write(true).open(&segments[1]).expect("it can be opened");
    middle.set_len(300_000).expect("it can be cut");
    broker.restart();
    let (code, why) = broker.fails(&["consume", "t", "-e", "-p", "0", "--timeout", "2s"]);
    assert_eq!(code, 1);
    assert!(why.contains("error: t-0: CORRUPT_MESSAGE"), "{why}");
    assert_eq!(broker.ok(&["consume", "t", "-e", "-p", "1"]), "whole\n");
    let mut reader = command(&broker.address, &["consume", "short-lived", "--timeout", "1s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(reader.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "one\n");
    broker.ok(&["topic", "delete", "short-lived", "--yes"]);
    assert_eq!(reader.wait().expect("it was ours").code(), Some(3));
    // The loss is accepted by taking the damaged segment away with what is behind it.
    assert_eq!(broker.stop(), Some(0));
    for log in &segments[1..] {
        for kind in ["log", "index", "timeindex", "snapshot"] {
            let _ = std::fs::remove_file(log.with_extension(kind));
        }
    }
    broker.restart();
    assert!(broker.ok(&["consume", "t", "-e", "-p", "0"]).lines().count() > 1);
    broker.ok_with("again\n", &["produce", "t", "-p", "0"]);
    let mut why = String::new();
    reader.stderr.take().expect("it is piped").read_to_string(&mut why).expect("text");
    assert!(why.contains("error: ") && why.contains("UNKNOWN_TOPIC"), "{why}");
}

#[test]
fn a_file_that_cannot_be_sent_keeps_a_reader_from_no_other() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "2"]);
    let lines = |c: &str| format!("{}\n", c.repeat(1000)).repeat(400);
    let (broken, whole) = (lines("b"), lines("w"));
    broker.ok_with(broken.as_str(), &["produce", "t", "-p", "0"]);
    broker.ok_with(whole.as_str(), &["produce", "t", "-p", "1"]);
    let log = broker.data().join("t-0/00000000000000000000.log");
    let bytes = std::fs::read(&log).expect("it is there");
    let cut = std::fs::OpenOptions::new().write(true).open(&log).expect("it can be opened");
    cut.set_len(bytes.len() as u64 - 100_000).expect("it can be cut");

    let output = run(command(&broker.address, &["consume", "t", "-e", "--timeout", "3s"]), b"");
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().filter(|line| line.starts_with('w')).count(), 400);
    let before = said.lines().filter(|line| line.starts_with('b')).count();
    assert!((1..400).contains(&before), "{before}");
    assert!(output.status.code() == Some(1) && why.contains("t-0: KAFKA_STORAGE_ERROR"), "{why}");

    // It is there again, and nobody has to be told.
    std::fs::write(&log, &bytes).expect("it can be written");
    assert_eq!(broker.ok(&["consume", "t", "-e", "-p", "0"]), broken);
}

#[test]
fn a_reader_is_told_that_its_topic_was_made_again() {
    for resets in [false, true] {
        let broker = Broker::start();
        broker.ok(&["topic", "create", "t", "-p", "1"]);
        broker.ok_with("a\nb\n", &["produce", "t"]);
        let args = ["consume", "t", "-c", "5", "--timeout", "20s", "--reset"];
        let mut reader = command(&broker.address, if resets { &args } else { &args[..6] })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut printed = BufReader::new(reader.stdout.take().expect("it is piped")).lines().map(|line| line.expect("text"));
        assert_eq!(printed.by_ref().take(2).collect::<Vec<_>>(), ["a", "b"]);
        broker.ok(&["topic", "delete", "t", "--yes"]);
        broker.ok(&["topic", "create", "t", "-p", "1"]);
        broker.ok_with("1\n2\n3\n", &["produce", "t"]);
        let after: Vec<_> = printed.collect();
        let mut why = String::new();
        reader.stderr.take().expect("it is piped").read_to_string(&mut why).expect("text");
        let code = reader.wait().expect("it was ours").code();
        assert!(why.contains("t-0: UNKNOWN_TOPIC_ID: t was deleted, and made again"), "{why}");
        let expected: (Option<i32>, &[&str]) = if resets { (Some(0), &["1", "2", "3"]) } else { (Some(3), &[]) };
        assert_eq!((code, after.iter().map(String::as_str).collect::<Vec<_>>()), (expected.0, expected.1.to_vec()));
    }
}

#[test]
fn a_reader_that_follows_says_that_its_broker_is_gone_and_that_it_is_back() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "2"]);
    broker.ok_with("one\n", &["produce", "t"]);
    let mut reader = command(&broker.address, &["consume", "t", "-c", "2", "--timeout", "300ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut printed = BufReader::new(reader.stdout.take().expect("it is piped")).lines();
    // Of the broker; partitions have lines of their own.
    let said = BufReader::new(reader.stderr.take().expect("it is piped")).lines().map(|line| line.expect("text"));
    let mut said = said.filter(|line| line.starts_with("127."));
    assert_eq!(printed.next().expect("a line").expect("text"), "one");
    assert_eq!(broker.stop(), Some(0));
    let line = said.next().expect("a line");
    assert!(line.starts_with(&format!("{}: ", broker.address)) && line.ends_with("; trying again"), "{line}");
    broker.restart();
    // However often it was tried meanwhile: one line when it is gone, one when it is back.
    assert_eq!(said.next(), Some(format!("{}: there again", broker.address)));
    broker.ok_with("two\n", &["produce", "t"]);
    assert_eq!(printed.next().expect("a line").expect("text"), "two");
    assert_eq!(reader.wait().expect("it was ours").code(), Some(0));
    assert_eq!(said.count(), 0);
}

#[test]
fn producing_to_a_partition_makes_its_topic_and_json_keeps_the_partition() {
    let broker = Broker::start_with(&["--set", "num.partitions=3"]);
    broker.ok_with("a\n", &["produce", "new", "-p", "2"]);
    let json = broker.ok(&["consume", "new", "-e", "-o", "json"]);
    broker.ok_with(&json, &["produce", "copy", "--input", "json"]);
    assert_eq!(broker.ok(&["consume", "copy", "-e", "-p", "2"]), "a\n");
    let mut wrong = command(&broker.address, &["produce", "new", "--input", "json"]);
    wrong.env("OTTLA_BOOTSTRAP", &broker.address);
    let output = run(wrong, b"{\"value\":\"x\"}\n{\"valu\":\"x\"}\n{\"value\":\"y\"}\n");
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && why.contains("line 2: there is no field 'valu'; 1 record was sent"), "{why}");
}

#[test]
fn a_producer_that_is_stopped_has_not_sent_everything() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    let (producer, input) = sending(&broker.address, "15s");
    signal(&producer, "-INT");
    let ended = producer.wait_with_output().expect("it was ours");
    let why = String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.code() == Some(1) && why.contains("interrupted before the end of the input; 1 record was sent"),
        "{why}"
    );
    drop(input);
}
