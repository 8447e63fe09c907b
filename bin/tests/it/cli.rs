//! What the commands do and say, against the real broker in a process of its own.

use crate::support::{Broker, ottla, run, signal};
use insta::assert_snapshot;
use ottla_core::config::{BROKER_SETTINGS, Setting, TOPIC_SETTINGS};
use std::io::BufRead;
use std::process::Stdio;
use std::time::{Duration, Instant};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

#[test]
fn what_is_produced_is_consumed_with_every_compression() {
    let broker = Broker::start();
    let lines: String = (0..2000).map(|i| format!("record {i} {}\n", "x".repeat(i % 50))).collect();
    for codec in CODECS {
        broker.ok(&["topic", "create", codec, "-p", "1"]);
        broker.ok_with(&lines, &["produce", codec, "-z", codec]);
        assert!(broker.ok(&["consume", codec, "-e"]) == lines, "{codec}: something else came back");
    }
}

#[test]
fn what_is_not_acknowledged_is_sent_all_the_same() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    let lines: String = (0..50_000).map(|i| format!("record {i}\n")).collect();
    broker.ok_with("first\n", &["produce", "t", "-a", "0"]);
    broker.ok_with(&lines, &["produce", "t", "-a", "0"]);
    // The broker says nothing of them, so that nobody knows when they are visible.
    assert!(broker.ok(&["consume", "t", "-c", "50001"]) == format!("first\n{lines}"), "something else came back");
}

#[test]
fn keys_headers_nulls_and_times_survive() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    broker.ok_with(
        "k1:one\n:two\nk3:\n",
        &["produce", "t", "-K", ":", "-Z", "-H", "a=1", "-H", "b=", "-H", "c", "--timestamp", "1234"],
    );
    broker.ok_with(":four\nk5:\nsix\n", &["produce", "t", "-K", ":", "--timestamp", "99"]);
    let format = "%t/%p/%o %k(%K)=%s(%S) %h at %T\\n";
    assert_snapshot!(broker.ok(&["consume", "t", "-e", "-Z", "-f", format]), @r"
    t/0/0 k1(2)=one(3) a=1,b=,c=NULL at 1234
    t/0/1 NULL(-1)=two(3) a=1,b=,c=NULL at 1234
    t/0/2 k3(2)=NULL(-1) a=1,b=,c=NULL at 1234
    t/0/3 (0)=four(4)  at 99
    t/0/4 k5(2)=(0)  at 99
    t/0/5 NULL(-1)=six(3)  at 99
    ");
    let json = broker.ok(&["consume", "t", "-e", "-o", "json"]);
    broker.ok(&["topic", "create", "copy", "-p", "1"]);
    broker.ok_with(&json, &["produce", "copy", "--input", "json"]);
    assert_eq!(broker.ok(&["consume", "copy", "-e", "-o", "json"]), json.replace("\"topic\":\"t\"", "\"topic\":\"copy\""));
}

#[test]
fn json_that_is_no_text_is_sent_as_it_stands() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    let lines = r#"{"key":12345678901234567890123,"value":{"z":1.50,"a":2}}
{"key": true, "value" : [ 1e999, {"a":1,"a":2} ] }
{"key":"7","value":"\u00e9"}
"#;
    broker.ok_with(lines, &["produce", "t", "--input", "json"]);
    assert_snapshot!(broker.ok(&["consume", "t", "-e", "-K", "|"]), @r#"
    12345678901234567890123|{"z":1.50,"a":2}
    true|[ 1e999, {"a":1,"a":2} ]
    7|é
    "#);
}

#[test]
fn arguments_that_are_no_text_are_sent_as_they_are() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    let produce = |flags: &[(&str, &[u8])], input: &[u8]| {
        let mut command = ottla();
        command.args(["produce", "t", "-b", &broker.address]);
        flags.iter().for_each(|(flag, bytes)| {
            command.arg(flag).arg(OsStr::from_bytes(bytes));
        });
        run(command, input)
    };
    let sent = produce(&[("-H", b"bin=\xff\xfe"), ("-H", b"null"), ("-k", b"k\xfd")], b"one\n");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let sent = produce(&[("-K", b"\xfe\\t"), ("-D", b"\xff")], b"k\xfe\ttwo\xff");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let told = broker.ok(&["consume", "t", "-e", "-o", "json"]);
    let told: Vec<serde_json::Value> = told.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!((&told[0]["key_hex"], &told[1]["key"], &told[1]["value"]), (&"6bfd".into(), &"k".into(), &"two".into()));
    assert_eq!(
        (&told[0]["headers"][0]["value_hex"], &told[0]["headers"][1]["value"]),
        (&"fffe".into(), &serde_json::Value::Null)
    );
    let refused = produce(&[("-H", b"\xff=1")], b"");
    assert_eq!(refused.status.code(), Some(2));
    assert_snapshot!(String::from_utf8_lossy(&refused.stderr), @"error: -H '�=1': the name of a header is UTF-8; its value may be any bytes");
}

#[test]
fn reading_begins_where_it_is_told() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    for (value, time) in [("a", "1000"), ("b", "2000"), ("c", "3000")] {
        broker.ok_with(value, &["produce", "t", "--timestamp", time]);
    }
    let read = |args: &[&str]| broker.ok(&[&["consume", "t", "-e", "-f", "%s"], args].concat());
    assert_eq!(read(&[]), "abc");
    assert_eq!(read(&["-s", "1"]), "bc");
    assert_eq!(read(&["-s", "-1"]), "c");
    assert_eq!(read(&["-s", "-99"]), "abc");
    assert_eq!(read(&["-s", "@2000"]), "bc");
    assert_eq!(read(&["-s", "@1970-01-01T00:00:02.500Z"]), "c");
    assert_eq!(read(&["-s", "@9999"]), "");
    assert_eq!(read(&["-s", "end"]), "");
    assert_eq!(read(&["-c", "2"]), "ab");
    assert_eq!(read(&["-s", "77", "--reset"]), "abc");
    assert_snapshot!(broker.fails(&["consume", "t", "-s", "77", "-e"]).1, @"error: t-0: OFFSET_OUT_OF_RANGE: offset 77 is not in the log");
}

#[test]
fn a_consumer_that_waits_gets_what_comes() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    let mut consumer = ottla()
        .args(["consume", "t", "-b", &broker.address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = std::io::BufReader::new(consumer.stdout.take().expect("it is piped")).lines();
    for i in 0..3 {
        broker.ok_with(format!("late {i}\n"), &["produce", "t"]);
        assert_eq!(lines.next().expect("a line").expect("text"), format!("late {i}"));
    }
    signal(&consumer, "-INT");
    assert_eq!(consumer.wait().expect("it was ours").code(), Some(0));
}

#[test]
fn a_consumer_that_shall_end_does_not_wait_for_a_broker_that_is_gone() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    broker.ok_with(format!("{}\n", "x".repeat(999)).repeat(20_000), &["produce", "t"]);
    let mut consumer = ottla()
        .args(["consume", "t", "-e", "--timeout", "300ms", "-b", &broker.address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // What nobody takes from it, it does not fetch: with the first line the most is still to come.
    let mut out = std::io::BufReader::new(consumer.stdout.take().expect("it is piped"));
    out.read_line(&mut String::new()).expect("a line");
    broker.kill();
    let rest = out.lines().count();
    let ended = consumer.wait_with_output().expect("it was ours");
    let why = String::from_utf8_lossy(&ended.stderr);
    assert!(rest < 19_999 && ended.status.code() == Some(4) && why.contains("no broker answered"), "{rest} lines: {why}");
}

#[test]
fn topics_are_made_described_changed_and_deleted() {
    let broker = Broker::start();
    assert_snapshot!(broker.ok(&["topic", "create", "orders", "-p", "2", "-c", "retention.ms=86400000"]), @"orders created: 2 partitions, 1 replica");
    assert_snapshot!(broker.ok(&["topic", "create", "orders", "--if-not-exists"]), @"orders exists");
    assert_snapshot!(broker.fails(&["topic", "create", "orders"]).1, @"error: topic 'orders': TOPIC_ALREADY_EXISTS: Topic 'orders' already exists.");
    assert_snapshot!(broker.ok(&["topic", "create", "dry", "--dry-run"]), @"dry would be created: 1 partition, 1 replica");
    broker.ok_with("1\n2\n3\n", &["produce", "orders", "-p", "1"]);
    assert_snapshot!(broker.ok(&["topic", "offsets", "orders"]), @r"
    TOPIC   PARTITION  EARLIEST  LATEST  SPAN
    orders  0          0         0       0
    orders  1          0         3       3
    ");
    assert_snapshot!(broker.ok(&["topic", "config", "get", "orders"]), @r"
    NAME          VALUE     SOURCE
    retention.ms  86400000  topic
    ");
    broker.ok(&["topic", "config", "set", "orders", "cleanup.policy=compact", "retention.ms=5000", "--dry-run"]);
    broker.ok(&["topic", "config", "set", "orders", "segment.bytes=1048576", "retention.ms=5000"]);
    broker.ok(&["topic", "config", "unset", "orders", "segment.bytes"]);
    assert_snapshot!(broker.fails(&["topic", "config", "unset", "orders", "segment.byte"]).1, @"error: topics have no setting 'segment.byte'; 'ottla topic config get orders --all' lists all");
    assert_snapshot!(broker.fails(&["topic", "config", "set", "orders", "retention.mss=1"]).1, @"error: topic 'orders': INVALID_CONFIG: Unknown topic config name: retention.mss");
    assert_snapshot!(broker.ok(&["topic", "add-partitions", "orders", "--to", "5"]), @"orders has 5 partitions");
    assert_snapshot!(broker.ok(&["topic", "delete", "orders", "--dry-run"]), @r"
    TOPIC   PARTITIONS  SPAN  UNREADABLE
    orders  5           3     0
    ");
    assert_snapshot!(broker.fails(&["topic", "delete", "orders"]).1, @r#"error: this deletes "orders" (5 partitions, about 3 records) for good; say --yes to do it"#);
    assert_snapshot!(broker.ok(&["topic", "delete", "orders", "--yes"]), @"orders deleted");
    assert_eq!(broker.fails(&["topic", "describe", "orders"]).0, 3);
}

#[test]
fn mistakes_have_their_exit_code_and_say_what_to_do() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "2"]);
    let (code, why) = broker.fails(&["consume", "nonesuch", "-e"]);
    assert_snapshot!(why, @"error: topic 'nonesuch': UNKNOWN_TOPIC_OR_PARTITION: there is no such topic or partition on this broker");
    assert_eq!(code, 3);
    let (code, why) = broker.fails(&["consume", "t", "-p", "7", "-e"]);
    assert_snapshot!(why, @"error: topic 't' has no partition 7; it has 0 to 1");
    assert_eq!(code, 3);
    let (code, why) = broker.fails(&["consume", "t", "-f", "%q"]);
    assert_snapshot!(why, @"error: format '%q': 'q' after %; there are %s %S %R %k %K %h %t %p %o %T %e and %%");
    assert_eq!(code, 2);
    let (code, why) = broker.fails(&["consume", "t", "-s", "yesterday"]);
    assert_snapshot!(why, @"error: 'yesterday' is no offset: beginning, end, a number, -N for N before the end, or @TIME (--offset)");
    assert_eq!(code, 2);
    // It has no counterpart.
    assert_eq!(broker.fails(&["consume", "t", "-s", &i64::MIN.to_string()]).0, 2);
    for (input, flag) in [
        ("json", &["--key-delimiter", ":"][..]),
        ("json", &["--key", "k"]),
        ("json", &["--null"]),
        ("whole", &["--delimiter", ";"]),
    ] {
        let said = format!("error: {} has no meaning with --input {input}: leave one of them out\n", flag[0]);
        assert_eq!(broker.fails(&[&["produce", "t", "--input", input], flag].concat()), (2, said), "{input} {flag:?}");
    }
    for (args, flag) in [
        (&["consume", "t", "-f", "%s", "-o", "json"][..], "--format"),
        (&["-o", "json", "consume", "t", "-f", "%s"][..], "--format"),
        (&["consume", "t", "-K", ":", "-o", "json"][..], "--key-delimiter"),
    ] {
        let said = format!("error: {flag} says how to print a record, and '-o json' does so, too: leave one of them out\n");
        assert_eq!(broker.fails(args), (2, said), "{args:?}");
    }
    broker.ok(&["consume", "t", "-e", "-f", "%s", "-o", "table"]);
    let (code, why) = broker.fails(&["produce", "__cluster_metadata"]);
    assert_snapshot!(why, @"error: topic '__cluster_metadata': UNKNOWN_TOPIC_OR_PARTITION: there is no such topic or partition on this broker; __cluster_metadata is the brokers' own log, which 'ottla topic' changes and 'ottla log dump' shows: name another topic");
    assert_eq!(code, 3);
    let (code, why) = broker.fails(&["produce", "__consumer_offsets"]);
    assert_snapshot!(why, @"error: topic '__consumer_offsets' is one of the brokers' own topics, which nobody else writes to: name another topic");
    assert_eq!(code, 1);
    let (code, why) = broker.fails(&["topic", "add-partitions", "t", "--to", "100000000"]);
    assert_snapshot!(why, @"error: topic 't': UNKNOWN_SERVER_ERROR: 10000 partitions are the most that one request may add");
    assert_eq!(code, 1);
    // A file that is not there is one mistake, whoever is to read it.
    assert_eq!(broker.fails(&["produce", "t", "nonesuch.log"]).0, 2);
    assert_eq!(broker.fails(&["log", "dump", "nonesuch.log"]).0, 2);
    let (code, why) = broker.fails(&["topic", "list", "-b", "nowhere"]);
    assert_snapshot!(why, @"error: 'nowhere' is no HOST:PORT; try 127.0.0.1:9092 (--bootstrap, or OTTLA_BOOTSTRAP)");
    assert_eq!(code, 2);
    let (code, why) = broker.fails(&["topic", "list", "-b", "127.0.0.1:1", "--timeout", "300ms"]);
    assert_snapshot!(why, @"error: cluster metadata: no broker answered within 300ms (127.0.0.1:1: Connection refused (os error 111)). Is one running there? Another address goes with --bootstrap HOST:PORT.");
    assert_eq!(code, 4);
    let (code, why) = broker.fails(&["consume", "t", "-f", "a\\q"]);
    assert_snapshot!(why, @r"error: 'a\q': 'q' after \; there are \n \t \r \0 \\ and \xHH");
    assert_eq!(code, 2);
    let (code, why) = broker.fails(&["topic", "list", "-b", ""]);
    assert_snapshot!(why, @"error: '' is no HOST:PORT; try 127.0.0.1:9092 (--bootstrap, or OTTLA_BOOTSTRAP)");
    assert_eq!(code, 2);
    let (code, why) = broker.fails(&["topic", "list", "-b", ","]);
    assert_snapshot!(why, @"error: ',' is no HOST:PORT; try 127.0.0.1:9092 (--bootstrap, or OTTLA_BOOTSTRAP)");
    assert_eq!(code, 2);
    let (code, why) = broker.fails(&["topic", "list", "-b", "SSL://localhost:9092"]);
    assert_snapshot!(why, @"error: 'SSL://localhost:9092' asks for SSL; only PLAINTEXT is spoken yet");
    assert_eq!(code, 2);
    for wrong in ["localhost:0", "::1", "[::1", "plaintext://x", "http://x:1/"] {
        assert_eq!(broker.fails(&["topic", "list", "-b", wrong]).0, 2, "{wrong}");
    }
    broker.ok(&["topic", "list", "-b", &format!(" PLAINTEXT://{}, ", broker.address)]);
    let (code, why) = broker.fails(&["topic", "config", "get", "t", "nosuch"]);
    assert_snapshot!(why, @"error: topics have no setting 'nosuch'; 'ottla topic config get t --all' lists all");
    assert_eq!(code, 3);
    let (code, why) = broker.fails(&["dev", "--brokers", "3"]);
    assert_snapshot!(why, @"error: --brokers 3: a cluster of several brokers is not served yet; leave the flag out for one broker");
    assert_eq!(code, 2);
}

#[test]
fn negative_numbers_mean_what_kafka_means_or_are_refused_as_what_they_are() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "2"]);
    broker.ok_with("1\n2\n3\n", &["produce", "t", "-p", "1", "-a", "-1", "--timestamp", "99"]);
    for (word, number) in [("latest", "-1"), ("earliest", "-2"), ("max-timestamp", "-3")] {
        let asked = |time: &str| broker.ok(&["topic", "offsets", "t", "--time", time]);
        assert_eq!(asked(number), asked(word), "{number}");
    }
    assert_snapshot!(broker.ok(&["topic", "offsets", "t", "--time", "-1", "-p", "1,0"]), @r"
    TOPIC  PARTITION  OFFSET  TIMESTAMP
    t      1          3       -
    t      0          0       -
    ");
    assert_eq!(broker.ok(&["consume", "t", "-e", "-p", "0,1"]), "1\n2\n3\n");
    let refused = |args: &[&str]| {
        let (code, why) = broker.fails(args);
        assert_eq!(code, 2, "{why}");
        why.lines().next().unwrap_or_default().to_owned()
    };
    assert_snapshot!(refused(&["topic", "create", "x", "-p", "-1"]), @"error: invalid value '-1' for '--partitions <N>': -1 is not in 1..=2147483647");
    assert_snapshot!(refused(&["topic", "create", "x", "-r", "-1"]), @"error: invalid value '-1' for '--replication-factor <N>': -1 is not in 1..=32767");
    assert_snapshot!(refused(&["topic", "add-partitions", "t", "--to", "-1"]), @"error: invalid value '-1' for '--to <N>': -1 is not in 1..=2147483647");
    assert_snapshot!(refused(&["consume", "t", "-c", "-1"]), @"error: invalid value '-1' for '--count <N>': -1 is not in 0..9223372036854775807");
    assert_snapshot!(refused(&["consume", "t", "-p", "0,-1"]), @"error: invalid value '-1' for '--partition <N>': -1 is not in 0..=2147483647");
    assert_snapshot!(refused(&["topic", "offsets", "t", "--time", "-9"]), @"error: '-9' is no time: earliest (-2), latest (-1), max-timestamp (-3), milliseconds since 1970, or a date and time such as 2026-01-31T12:00:00Z");
}

#[test]
fn a_record_that_the_topic_refuses_fails_the_command() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1", "-c", "max.message.bytes=1000"]);
    let mut command = ottla();
    command.args(["produce", "t", "-b", &broker.address]);
    let output = run(command, format!("small\n{}\n", "x".repeat(2000)).as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let why = String::from_utf8_lossy(&output.stderr);
    assert_snapshot!(why, @"error: 1 of 2 records is not in the topic; topic 't': MESSAGE_TOO_LARGE: the batch is larger than the topic's max.message.bytes");
    assert_eq!(broker.ok(&["consume", "t", "-e"]), "small\n");
}

#[test]
fn a_record_that_no_broker_takes_is_refused_at_once() {
    let broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    let mut command = ottla();
    command.args(["produce", "t", "--batch-bytes", "1000", "-b", &broker.address]);
    let output = run(command, format!("small\n{}\n", "x".repeat(110_000_000)).as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let why = String::from_utf8_lossy(&output.stderr);
    assert_snapshot!(why, @"error: 1 of 2 records is not in the topic; topic 't': a batch of 110000074 bytes does not fit into a request: this client sends none of more than 104857600 bytes, which is what brokers take unless their socket.request.max.bytes says otherwise");
    assert_eq!(broker.ok(&["consume", "t", "-e"]), "small\n");
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "3"]);
    for round in 0..3 {
        let lines: String = (0..500).map(|i| format!("{round}-{i}\n")).collect();
        broker.ok_with(&lines, &["produce", "t", "-p", "1"]);
        broker.kill();
        broker.restart();
        let expected: String = (0..=round).flat_map(|r| (0..500).map(move |i| format!("{r}-{i}\n"))).collect();
        assert!(broker.ok(&["consume", "t", "-e", "-p", "1"]) == expected, "round {round}: not what was acknowledged");
    }
    assert_eq!(broker.stop(), Some(0));
    broker.restart();
    assert_eq!(broker.ok(&["consume", "t", "-e"]).lines().count(), 1500);
}

#[test]
fn a_second_broker_on_the_same_directory_is_refused() {
    let broker = Broker::start();
    let mut second = ottla();
    second.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(broker.data());
    let output = run(second, b"");
    assert_eq!(output.status.code(), Some(1));
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(why.contains("is in use by another process") && why.contains("pid"), "{why}");
}

#[test]
fn a_throw_away_broker_leaves_nothing_behind() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut process = ottla()
        .args(["dev", "-o", "json"])
        .env("TMPDIR", home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    std::io::BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
    let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let bounds = ready["bounds"].as_str().expect("they are told");
    assert!(bounds.contains("268435456 B of records that wait to be written"), "{bounds}");
    let address = ready["address"].as_str().expect("an address").to_owned();
    let mut produce = ottla();
    produce.args(["produce", "made-by-asking", "-b", &address]);
    let output = run(produce, b"hello\n");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    signal(&process, "-INT");
    assert_eq!(process.wait().expect("it was ours").code(), Some(0));
    assert_eq!(std::fs::read_dir(home.path()).expect("it is there").count(), 0);
}

#[test]
fn files_of_a_log_are_dumped_and_verified() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1", "-c", "segment.bytes=1048576"]);
    broker.ok_with("k:one\nk:two\n", &["produce", "t", "-K", ":", "-z", "lz4", "-H", "h=1"]);
    // More than a segment: its indexes are written when the next begins.
    broker.ok_with(format!("{}\n", "x".repeat(200_000)).repeat(7), &["produce", "t"]);
    assert_eq!(broker.stop(), Some(0));
    let dump = |file: &str, args: &[&str]| {
        let mut command = ottla();
        command.args(["log", "dump"]).arg(broker.data().join(file)).args(args);
        run(command, b"")
    };
    let log = "t-0/00000000000000000000.log";
    let printed = dump(log, &["--print-records", "-o", "json"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let facts: Vec<serde_json::Value> =
        String::from_utf8_lossy(&printed.stdout).lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!((&facts[0]["kind"], &facts[0]["compression"], &facts[0]["count"]), (&"batch".into(), &"lz4".into(), &2.into()));
    assert_eq!((&facts[2]["key"], &facts[2]["value"], &facts[2]["offset"]), (&"k".into(), &"two".into(), &1.into()));
    assert_eq!(facts[2]["kind"], "record");
    assert_eq!(facts[2]["headers"], serde_json::json!([{"name": "h", "value": "1"}]));
    for file in [log, "t-0/00000000000000000000.index", "t-0/00000000000000000000.timeindex", "t-0/leader-epoch-checkpoint"] {
        let verified = dump(file, &["--verify"]);
        assert!(verified.status.success(), "{file}: {}", String::from_utf8_lossy(&verified.stderr));
        assert!(!verified.stdout.is_empty(), "{file}");
    }
    let metadata = dump("__cluster_metadata-0/00000000000000000000.log", &["--verify"]);
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata = dump("__cluster_metadata-0/00000000000000000000.log", &["-o", "json"]);
    let records: Vec<serde_json::Value> =
        String::from_utf8_lossy(&metadata.stdout).lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let of = |kind: &str| records.iter().find(|r| r["type"] == kind).cloned().unwrap_or_default();
    let (topic, partition) = (of("TOPIC_RECORD"), of("PARTITION_RECORD"));
    assert_eq!((&topic["data"]["name"], &topic["version"]), (&"t".into(), &0.into()));
    assert_eq!((&partition["data"]["topicId"], &partition["data"]["leader"]), (&topic["data"]["topicId"], &1.into()));
    let config = serde_json::json!({"resourceType": 2, "resourceName": "t", "name": "segment.bytes", "value": "1048576"});
    assert!(records.iter().any(|r| r["data"] == config), "{records:?}");
    assert!(records.iter().any(|r| r["type"] == "LEADER_CHANGE"), "{records:?}");
    let reserve = dump("ottla.reserve", &[]);
    assert_eq!(String::from_utf8_lossy(&reserve.stdout), "reserve bytes=4194304\n");

    let path = broker.data().join(log);
    let mut bytes = std::fs::read(&path).expect("it is there");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).expect("it can be written");
    let damaged = dump(log, &["--verify"]);
    assert_eq!(damaged.status.code(), Some(1));
    // Which batch it is, and why; what lies behind is looked at all the same.
    assert!(String::from_utf8_lossy(&damaged.stderr).contains("does not match its CRC"));
    let facts = dump(log, &["-o", "json"]).stdout;
    let facts: Vec<serde_json::Value> =
        String::from_utf8_lossy(&facts).lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let skipped = facts.iter().position(|f| f["kind"] == "skipped").expect("it is told");
    assert!(facts[skipped..].iter().any(|f| f["kind"] == "batch"));

    // A segment that is not there shows where the one before it ends.
    let mut segments: Vec<_> = std::fs::read_dir(broker.data().join("t-0"))
        .expect("it is there")
        .map(|e| e.expect("readable").path())
        .filter(|p| p.extension().is_some_and(|e| e == "log"))
        .collect();
    segments.sort();
    std::fs::rename(&segments[1], segments[1].with_file_name("00000000000000000999.log")).expect("it can be renamed");
    let hole = dump(log, &["--verify"]);
    assert!(String::from_utf8_lossy(&hole.stderr).contains("and the next segment begins at 999"));
}

#[test]
fn a_seed_of_the_simulator_is_the_same_run_each_time() {
    let stories = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let sim = |args: &[&str]| {
        let mut command = ottla();
        command.current_dir(&stories).arg("sim").args(args);
        let output = run(command, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let once = sim(&["replay", "smoke#3"]);
    let hash = |said: &str| said.split("hash ").nth(1).map(|rest| rest.split(';').next().unwrap_or_default().to_owned());
    for seed in ["smoke#3", "disk-faults#21", "churn#6"] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (file, plan) = (dir.path().join("plan.story"), sim(&["plan", seed]));
        std::fs::write(&file, &plan).expect("it can be written");
        let file = file.display().to_string();
        assert_eq!(hash(&sim(&["replay", &file])), hash(&sim(&["replay", seed])), "{plan}");
        assert!(sim(&["run", &file, "--rewrite"]).ends_with("rewritten\n") && sim(&["run", &file]).ends_with("as written\n"));
        let object: serde_json::Value = serde_json::from_str(&sim(&["plan", seed, "-o", "json"])).expect("JSON");
        assert_eq!(object["story"].as_str().map(str::trim), Some(plan.trim()));
        assert_eq!(object["plan"].as_array().map(Vec::len), Some(plan.matches("\nat ").count()));
    }
    assert!(once.starts_with("smoke#3: "), "{once}");
    assert_eq!(sim(&["replay", "campaigns/smoke.toml#3"]).replace("campaigns/smoke.toml#3", "smoke#3"), once);
    assert!(sim(&["replay", "smoke#3", "--trace"]).ends_with(&once));
    assert!(sim(&["run", "a-torn-tail-is-cut.story"]).ends_with("as written\n"));
    assert!(sim(&["fuzz", "smoke", "--seeds", "30", "--verify"]).starts_with("smoke: 30 seeds, 0 failed"));
    assert!(sim(&["list"]).contains("power-loss") && sim(&["list"]).contains("disk-failed-halted"));
    assert_snapshot!(sim(&["list", "recency", "deleted"]), @r"
    check recency
      After an acks=all answer, every later Fetch answer has a high watermark above the record.
      why: A fresh consumer must find what is acknowledged.
      not checked: Where a power loss between the two permitted its loss; of a log that damage struck, what was told after that of the offsets from there on.
      stands for: H16, CL

    excuse deleted
      Retention or DeleteRecords moved the log's beginning past it, as the topic's settings or an administrator asked.
      excuses: a lost record
    ");
    let checks: serde_json::Value = serde_json::from_str(&sim(&["list", "checks", "-o", "json"])).expect("JSON");
    let checks = checks.as_array().expect("an array");
    assert!(checks.len() > 30 && checks.iter().all(|c| c["why"].is_string() && c["not_checked"].is_string()), "{checks:?}");
    let traced = sim(&["replay", "smoke#3", "--trace", "-o", "json"]);
    let events: Vec<serde_json::Value> = traced.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert!(["input", "effect", "world"].iter().all(|kind| events.iter().any(|e| e["kind"] == *kind)));
    assert_eq!(events.last().map(|e| &e["kind"]), Some(&"outcome".into()));
    assert!(sim(&["replay", "a-retry-outlives-the-power.story"]).contains(" acknowledged, "));
    assert!(sim(&["exhaustive", "--worlds", "records"]).contains(" worlds, 0 failed; "));
}

/// A replay line may name a commit, and the path of a campaign may have an `@` of its own.
#[test]
fn a_campaign_is_found_where_its_path_has_an_at_sign() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(dir.path().join("a@b")).expect("it can be made");
    let smoke = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/campaigns/smoke.toml");
    std::fs::copy(smoke, dir.path().join("a@b/mine.toml")).expect("it can be copied");
    let replay = |what: &str| {
        let mut command = ottla();
        command.current_dir(dir.path()).args(["sim", "replay", what]);
        let output = run(command, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let hash = String::from_utf8_lossy(&output.stdout).split("hash ").nth(1).map(|rest| rest[..32].to_owned());
        (hash.expect("a hash"), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (hash, said) = replay("a@b/mine.toml#3");
    assert_eq!(said, "");
    assert_eq!(replay("smoke#3").0, hash);
    let (same, said) = replay("a@b/mine.toml@0123456789ab#3");
    assert_eq!(same, hash);
    assert!(
        said.is_empty() || said.starts_with("note: this line was made at commit 0123456789ab, and this program at "),
        "{said}"
    );
}

/// Whether a process has a child.
#[cfg(target_os = "linux")]
fn has_child(pid: u32) -> bool {
    let stats = std::fs::read_dir("/proc").expect("it is there").flatten().map(|entry| entry.path().join("stat"));
    let mut parents = stats.filter_map(|stat| {
        let stat = std::fs::read_to_string(stat).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()
    });
    parents.any(|parent| parent == pid)
}

/// What was found is told although the comparison with the other process was stopped.
#[cfg(target_os = "linux")]
#[test]
fn a_comparison_that_is_stopped_tells_what_was_run() {
    let mut command = ottla();
    command.args(["sim", "fuzz", "smoke", "--seeds", "60", "--verify", "-o", "json"]);
    let fuzz = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !has_child(fuzz.id()) {
        assert!(Instant::now() < deadline, "no other process is asked");
        std::thread::yield_now();
    }
    signal(&fuzz, "-INT");
    let output = fuzz.wait_with_output().expect("it was ours");
    assert_eq!(output.status.code(), Some(130));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(object["seeds"], 60);
    let failures: Vec<&str> = object["failures"].as_array().expect("an array").iter().filter_map(|f| f.as_str()).collect();
    assert!(matches!(failures[..], [why] if why.starts_with("stopped after") && why.ends_with("of 60 seeds were compared")));
}

/// What differs only between two processes is named as well: the other one is given a chance event.
#[test]
fn a_seed_that_is_another_run_in_another_process_names_the_first_event_that_differs() {
    let mut command = ottla();
    command.args(["sim", "fuzz", "smoke", "--from", "3", "--seeds", "2", "--verify", "--diverge", "100", "-o", "json"]);
    let output = run(command, b"");
    assert_eq!(output.status.code(), Some(1));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let failures = object["failures"].as_array().expect("an array").iter().filter_map(|f| f.as_str());
    let failures: Vec<&str> = failures.filter(|f| f.starts_with("seed ")).collect();
    for (failure, seed) in failures.iter().zip([3, 4]) {
        let divergence = failure.strip_prefix(&format!("seed {seed} is another run in another process: ")).expect("it is said");
        let divergence: serde_json::Value = serde_json::from_str(divergence).expect("JSON");
        assert!(divergence["seed"] == seed && divergence["event"].as_u64() >= Some(99), "{divergence}");
        assert!(divergence["first"] != divergence["second"], "{divergence}");
    }
    assert_eq!(failures.len(), 2);
}

#[test]
fn a_story_that_comes_out_otherwise_says_where() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = "# A test.\n\nnode\ntopic t\nproduce t/0 a\n----\nc1: created t partitions=1\nc1: t/0 offset=7\n";
    std::fs::write(dir.path().join("x.story"), text).expect("it can be written");
    let run_it = |args: &[&str]| {
        let mut command = ottla();
        command.current_dir(dir.path()).args(["sim", "run", "x.story"]).args(args);
        let output = run(command, b"");
        assert_eq!(output.status.code(), Some(1));
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (said, why) = run_it(&[]);
    assert_snapshot!(said, @r"
    x.story: otherwise
      line 8
      - c1: t/0 offset=7
      + c1: t/0 offset=0
    ");
    assert_snapshot!(why, @"error: 1 of 1 stories came out otherwise (--rewrite accepts what happened)");
    let object: serde_json::Value = serde_json::from_str(&run_it(&["-o", "json"]).0).expect("JSON");
    assert_eq!((&object["as_written"], &object["differences"][0]["line"]), (&false.into(), &8.into()));
    assert_eq!(object["differences"][0]["told"][0], "c1: t/0 offset=0");
}

#[test]
fn whoever_reads_no_further_ends_a_trace() {
    let mut command = ottla();
    let mut process = command
        .args(["sim", "replay", "smoke#3", "--trace"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(process.stdout.take());
    let ended = process.wait_with_output().expect("it was ours");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn what_the_simulator_does_not_know_by_name_is_said() {
    let refused = |args: &[&str]| {
        let mut command = ottla();
        command.arg("sim").args(args);
        let output = run(command, b"");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_snapshot!(refused(&["list", "lost-wriet"]), @"error: nothing is called lost-wriet: did you mean lost-write?");
    assert_snapshot!(refused(&["plan", "smoke"]), @"error: which seed of smoke? Write smoke#NUMBER");
    assert_snapshot!(refused(&["plan", "smoke#x"]), @"error: x is no seed: write CAMPAIGN#NUMBER");
    assert_snapshot!(refused(&["replay", "nothing.story"]), @"error: cannot read nothing.story: No such file or directory (os error 2)");
}

/// The hashes of some seeds are the golden ones of `sim/tests`, which a debug build checks: here in the binary under test, which may
/// be a release build, in a process of its own and traced.
#[test]
fn seeds_have_their_golden_hashes_in_every_build() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/tests/golden-hashes.txt");
    let golden = std::fs::read_to_string(golden).expect("readable");
    for name in ["smoke", "power-loss"] {
        let mut command = ottla();
        command.args(["sim", "hashes", name, "--from", "0", "--seeds", "4"]);
        let output = run(command, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let of_name = golden.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('#')?.split_once(" "));
        let expected: Vec<String> =
            of_name.map(|(seed, rest)| format!("{seed} {}", rest.split(' ').next().unwrap_or_default())).collect();
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().collect::<Vec<_>>(), expected, "{name}");
    }
}

/// Settings that Kafka does not have are nowhere else to be read about.
#[test]
fn our_own_settings_are_documented() {
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("readable");
    let mut command = ottla();
    command.args(["serve", "--help"]);
    let help = String::from_utf8_lossy(&run(command, b"").stdout).into_owned();
    let topics = TOPIC_SETTINGS.iter().map(|s| s.setting.name);
    let own: Vec<&Setting> = BROKER_SETTINGS.iter().filter(|s| s.name.starts_with("ottla.")).collect();
    assert!(topics.filter(|name| name.starts_with("ottla.")).all(|name| own.iter().any(|s| s.name == name)));
    for setting in own {
        let default = setting.default.unwrap_or_default();
        let row = format!("| `{}` | `{default}` | {} |", setting.name, setting.doc);
        assert!(readme.contains(&row), "README.md lacks {row}");
        assert!(help.contains(&format!("{}={default}", setting.name)), "{help}");
    }
}

#[test]
fn completions_and_help_are_there() {
    // Nobody who reads on is no reason to panic.
    let mut unread =
        ottla().args(["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(unread.stdout.take());
    let ended = unread.wait_with_output().expect("it was ours");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
    for shell in ["bash", "zsh", "fish"] {
        let mut command = ottla();
        command.args(["completions", shell]);
        assert!(run(command, b"").stdout.len() > 1000, "{shell}");
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a file that is always full");
    let unprinted = ottla().arg("help").stdout(full).stderr(Stdio::null()).status().expect("it starts");
    assert_eq!(unprinted.code(), Some(1));
    for args in [&["--help"][..], &["serve", "--help"], &["consume", "--help"], &["topic", "offsets", "--help"]] {
        let mut command = ottla();
        command.args(args);
        let output = run(command, b"");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("Usage: ottla"), "{args:?}: {text}");
    }
    let mut command = ottla();
    command.args(["topic", "--help"]);
    let help = String::from_utf8_lossy(&run(command, b"").stdout).into_owned();
    assert!(help.contains("describe        partition, leader, epoch, replicas, isr, offline, topic_id\n"), "{help}");
}
