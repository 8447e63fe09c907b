//! What `ottla topic` prints for programs, in success, in part and in failure; and what is said of a partition that is offline.

use crate::support::{Broker, ottla, run};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// A command with -o json: its exit code, its objects, and what it says on stderr.
fn told(broker: &Broker, args: &[&str]) -> (i32, Vec<Value>, String) {
    let mut command = ottla();
    command.args(args).args(["-o", "json"]).env("OTTLA_BOOTSTRAP", &broker.address);
    let output = run(command, b"");
    let text = String::from_utf8(output.stdout).expect("text");
    let objects: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    let code = output.status.code().unwrap_or(-1);
    let is_well = objects.iter().all(|o| o["error"].is_null());
    for object in &objects {
        assert!(object["topic"].is_string() && object.get("error").is_some(), "{args:?}: {object}");
        if let Some(error) = object["error"].as_object() {
            let names: Vec<&String> = error.keys().collect();
            assert!(names == ["code", "message", "name"] && error["message"].is_string(), "{args:?}: {object}");
        }
    }
    assert!(objects.is_empty() || is_well == (code == 0), "{args:?}: exit code {code}: {text}");
    (code, objects, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn one(broker: &Broker, args: &[&str]) -> Value {
    let (_, mut objects, why) = told(broker, args);
    assert!(objects.len() == 1, "{args:?}: {objects:?} {why}");
    objects.remove(0)
}

fn without_ids(mut object: Value) -> Value {
    if let Some(id) = object.as_object_mut().and_then(|o| o.remove("topic_id")) {
        assert!(id.as_str().is_some_and(|id| id.len() == 22), "{id}");
    }
    object
}

#[test]
fn every_command_prints_objects_with_their_topic_and_their_error() {
    let mut broker = Broker::start();
    let exists = json!({"code": 36, "name": "TOPIC_ALREADY_EXISTS", "message": "Topic 'a' already exists."});
    let unknown =
        json!({"code": 3, "name": "UNKNOWN_TOPIC_OR_PARTITION", "message": "there is no such topic or partition on this broker"});
    let made = json!({"topic": "a", "error": null, "created": true, "partitions": 2, "replication_factor": 1});
    assert_eq!(without_ids(one(&broker, &["topic", "create", "a", "-p", "2"])), made);
    let dry = json!({"topic": "b", "error": null, "created": false, "partitions": 1, "replication_factor": 1});
    assert_eq!(one(&broker, &["topic", "create", "b", "--dry-run"]), dry);
    let there = json!({"topic": "a", "error": null, "created": false});
    assert_eq!(one(&broker, &["topic", "create", "a", "--if-not-exists"]), there);
    let (code, partly, why) = told(&broker, &["topic", "create", "a", "c"]);
    assert_eq!((code, &partly[0]), (1, &json!({"topic": "a", "error": exists, "created": false})));
    assert_eq!((partly.len(), &partly[1]["created"]), (2, &true.into()));
    assert_snapshot!(why, @"error: topic 'a': TOPIC_ALREADY_EXISTS: Topic 'a' already exists.");

    let (code, list, _) = told(&broker, &["topic", "list"]);
    let listed = |topic: &str, n: i32| json!({"topic": topic, "error": null, "partitions": n, "replication_factor": 1});
    assert_eq!(code, 0);
    assert_eq!(list.into_iter().map(without_ids).collect::<Vec<_>>(), [listed("a", 2), listed("c", 1)]);

    let (code, described, _) = told(&broker, &["topic", "describe", "a", "nonesuch"]);
    let partition = |n: i32| json!({"topic": "a", "error": null, "partition": n, "leader": 1, "epoch": 0, "replicas": [1], "isr": [1], "offline": []});
    let absent = json!({"topic": "nonesuch", "error": unknown});
    let described: Vec<Value> = described.into_iter().map(without_ids).collect();
    assert_eq!((code, described), (3, vec![partition(0), partition(1), absent.clone()]));

    broker.ok_with("1\n2\n3\n", &["produce", "a", "-p", "1"]);
    let (_, offsets, _) = told(&broker, &["topic", "offsets", "a"]);
    let span = |n: i32, latest: i64| json!({"topic": "a", "error": null, "partition": n, "earliest": 0, "latest": latest, "span": latest});
    assert_eq!(offsets, [span(0, 0), span(1, 3)]);
    let at_end = json!({"topic": "a", "error": null, "partition": 1, "offset": 3, "timestamp": null});
    assert_eq!(one(&broker, &["topic", "offsets", "a", "-p", "1", "--time", "latest"]), at_end);
    assert_eq!(one(&broker, &["topic", "offsets", "nonesuch"]), absent);
    let message = "topic 'a' has no partition 9; it has 0 to 1";
    let no_partition = json!({"topic": "a", "error": {"code": null, "name": null, "message": message}});
    assert_eq!(one(&broker, &["topic", "offsets", "a", "-p", "9"]), no_partition);

    let set = json!({"topic": "a", "error": null, "name": "retention.ms", "value": "5000", "changed": true});
    assert_eq!(one(&broker, &["topic", "config", "set", "a", "retention.ms=5000"]), set);
    let got = json!({"topic": "a", "error": null, "name": "retention.ms", "value": "5000", "source": "topic"});
    assert_eq!(one(&broker, &["topic", "config", "get", "a"]), got);
    let unset = json!({"topic": "a", "error": null, "name": "retention.ms", "value": null, "changed": true});
    assert_eq!(one(&broker, &["topic", "config", "unset", "a", "retention.ms"]), unset);
    assert_eq!(told(&broker, &["topic", "config", "get", "a"]).1, Vec::<Value>::new());
    let wrong = one(&broker, &["topic", "config", "set", "a", "retention.mss=1"]);
    let invalid = json!({"code": 40, "name": "INVALID_CONFIG", "message": "Unknown topic config name: retention.mss"});
    assert_eq!(wrong, json!({"topic": "a", "error": invalid, "changed": false}));
    for verb in ["get", "unset"] {
        let wrong = one(&broker, &["topic", "config", verb, "a", "nosuch"]);
        let message = "topics have no setting 'nosuch'; 'ottla topic config get a --all' lists all";
        assert_eq!(wrong["error"], json!({"code": null, "name": null, "message": message}));
    }

    let more = json!({"topic": "a", "error": null, "partitions": 3, "changed": true});
    assert_eq!(one(&broker, &["topic", "add-partitions", "a", "--to", "3"]), more);
    let fewer = one(&broker, &["topic", "add-partitions", "a", "--to", "1"]);
    assert_eq!((&fewer["error"]["name"], &fewer["changed"]), (&"INVALID_PARTITIONS".into(), &false.into()));

    let preview = json!({"topic": "a", "error": null, "deleted": false, "partitions": 3, "span": 3, "unreadable": 0});
    assert_eq!(one(&broker, &["topic", "delete", "a", "--dry-run"]), preview);
    let (code, asked, _) = told(&broker, &["topic", "delete", "nonesuch", "a"]);
    let absent = json!({"topic": "nonesuch", "error": absent["error"], "deleted": false});
    assert_eq!((code, asked), (3, vec![absent, preview]));
    let (code, partly, _) = told(&broker, &["topic", "delete", "a", "nonesuch", "--yes"]);
    assert_eq!((code, &partly[0]), (3, &json!({"topic": "a", "error": null, "deleted": true})));
    assert_eq!((&partly[1]["error"]["code"], &partly[1]["deleted"]), (&3.into(), &false.into()));
    let (_, why) = broker.fails(&["topic", "create", "a\u{1b}[2J"]);
    assert!(why.starts_with("error: topic 'a\\u{1b}[2J': INVALID_TOPIC_EXCEPTION: ") && !why.contains('\u{1b}'), "{why}");
    // Of no topic there is nothing to print.
    let (code, nothing, why) = told(&broker, &["topic", "list", "-b", "127.0.0.1:1", "--timeout", "200ms"]);
    assert!(code == 4 && nothing.is_empty() && why.contains("no broker answered"), "{why}");

    // A broker that gives an address where nobody is: what metadata says is shown, what only the leader knows is not, and said once.
    broker.ok(&["topic", "create", "d", "-p", "2"]);
    assert_eq!(broker.stop(), Some(0));
    assert_eq!(broker.restart_with(&["--advertise", "127.0.0.1:1"]), "127.0.0.1:1");
    let unanswered = "list offsets: no broker answered within 300ms (127.0.0.1:1: Connection refused (os error 111)). \
                      Is one running there? Another address goes with --bootstrap HOST:PORT.";
    let (code, described, why) = told(&broker, &["topic", "describe", "d", "--timeout", "300ms"]);
    assert_eq!((code, why), (4, format!("error: {unanswered}\n")));
    let refusal = json!({"code": null, "name": null, "message": unanswered});
    for (n, partition) in (0..).zip(&described) {
        assert_eq!((&partition["partition"], &partition["leader"], &partition["error"]), (&json!(n), &json!(1), &refusal));
    }
    assert_eq!(described.len(), 2);
    for args in [&["topic", "offsets", "d"][..], &["topic", "delete", "d", "--dry-run"], &["consume", "d", "-e"]] {
        assert_eq!(broker.fails(&[args, &["--timeout", "300ms"]].concat()).0, 4, "{args:?}");
    }
}

#[test]
fn a_partition_that_is_offline_is_told_as_that() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "2"]);
    broker.ok_with(format!("{}\n", "x".repeat(200_000)).repeat(9), &["produce", "t", "-p", "0"]);
    broker.ok_with("whole\n", &["produce", "t", "-p", "1"]);
    assert_eq!(broker.stop(), Some(0));
    // A start that checks what it promised before.
    std::fs::remove_file(broker.data().join(".kafka_cleanshutdown")).expect("it is there");
    let log = broker.data().join("t-0/00000000000000000000.log");
    let mut bytes = std::fs::read(&log).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, bytes).expect("it can be written");
    broker.restart();

    let remedy = "if it stays so, no replica is on a broker that serves it: that broker is down, or the partition is offline there, and \
                  its log says why; it is back when the broker is started on a sound disk, with its files restored or its topic deleted";
    let said = format!("LEADER_NOT_AVAILABLE: the partition has no leader at the moment; {remedy}\n");
    let (code, partitions, why) = told(&broker, &["topic", "describe", "t"]);
    assert_eq!((code, why), (1, format!("error: t-0: {said}")));
    assert_eq!(
        (&partitions[0]["error"]["code"], &partitions[0]["leader"], &partitions[0]["offline"]),
        (&5.into(), &Value::Null, &json!([1]))
    );
    assert_eq!(
        (&partitions[1]["error"], &partitions[1]["leader"], &partitions[1]["offline"]),
        (&Value::Null, &1.into(), &json!([]))
    );
    let table = run(
        {
            let mut command = ottla();
            command.args(["topic", "describe", "t", "-b", &broker.address]);
            command
        },
        b"",
    );
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    let last: Vec<&str> = table.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(last, ["ERROR", "LEADER_NOT_AVAILABLE", "-"], "{table}");
    let (code, offsets, _) = told(&broker, &["topic", "offsets", "t"]);
    assert_eq!((code, &offsets[0]["error"]["name"], &offsets[1]["latest"]), (1, &"LEADER_NOT_AVAILABLE".into(), &1.into()));

    let mut produce = ottla();
    produce.args(["produce", "t", "-p", "0", "--timeout", "1s", "-b", &broker.address]);
    let output = run(produce, b"x\n");
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "a broker did answer: {why}");
    assert!(why.starts_with("error: 1 of 1 record ") && why.ends_with(&said), "{why}");
    let (code, why) = broker.fails(&["consume", "t", "-e", "-p", "0", "--timeout", "1s"]);
    assert!(code == 1 && why.ends_with(&format!("error: t-0: {said}")), "{why}");

    // To delete the topic is a remedy.
    let (code, why) = broker.fails(&["topic", "delete", "t"]);
    assert_eq!(code, 2);
    assert_snapshot!(why, @r#"error: this deletes "t" (2 partitions, about 1 record and those of 1 that cannot be read) for good; say --yes to do it"#);
    broker.ok(&["topic", "delete", "t", "--yes"]);
}
