//! `ottla log dump` of several files, of control records, and of what nobody should have put there.

use crate::support::{Broker, ottla, run};
use insta::assert_snapshot;
use ottla_core::wire::batch::BatchBuilder;
use ottla_core::wire::compress::Compression;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Output, Stdio};

fn dump<S: AsRef<OsStr>>(dir: &Path, args: &[S]) -> Output {
    let mut command = ottla();
    command.current_dir(dir).args(["log", "dump"]).args(args);
    run(command, b"")
}

fn objects(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The batches of a log: of one record each, a control record where it says so.
fn log(records: &[(bool, &[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (offset, (control, key, value)) in (0..).zip(records) {
        let mut batch = BatchBuilder::new(Compression::default()).base_offset(offset).control(*control);
        batch.push(5, Some(key), Some(value), []);
        bytes.extend_from_slice(&batch.build().expect("it builds").iter().next().expect("one").0);
    }
    bytes
}

#[test]
fn every_object_names_its_file_and_nothing_is_left_out() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).expect("it can be written");
    std::fs::create_dir(dir.path().join("t-0")).expect("it can be made");
    let whole = log(&[(false, b"a", b"1"), (false, b"b", b"2"), (false, b"c", b"3")]);
    let mut torn = whole.clone();
    torn[whole.len() / 2] ^= 1;
    write("t-0/00000000000000000000.log", &torn);
    write("t-0/00000000000000000003.log", b"");
    write("t-0/00000000000000000003.index", &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    write("t-0/notes.txt", b"mine");
    write("t-0/00000000000000000009.txnindex", b"");
    let files = [
        "t-0/00000000000000000000.log",
        "t-0/00000000000000000003.log",
        "t-0/00000000000000000003.index",
        "t-0/notes.txt",
        "t-0",
        "t-0/00000000000000000009.txnindex",
        "t-0/00000000000000000099.log",
    ];
    let verified = dump(dir.path(), &[&["-o", "json", "--verify"], &files[..]].concat());
    let told = objects(&verified);
    assert!(told.iter().all(|o| files.iter().any(|f| o["file"] == **f) && o["kind"].is_string()), "{told:?}");
    let of = |kind: &str, file: &str| told.iter().filter(|o| o["kind"] == kind && o["file"] == file).cloned().collect::<Vec<_>>();
    assert_eq!(of("batch", files[0]).len(), 2);
    let position = whole.len() / 3;
    let [damage, missing] = &of("damage", files[0])[..] else { panic!("{told:?}") };
    assert_eq!((&missing["damage"], &missing["position"]), (&"offsets 1 to 1 are missing".into(), &(2 * position).into()));
    assert_eq!(damage["position"], position);
    assert!(damage["damage"].as_str().is_some_and(|d| d.contains("does not match its CRC")), "{damage}");
    let [skipped] = &of("skipped", files[0])[..] else { panic!("{told:?}") };
    assert_eq!((&skipped["position"], &skipped["bytes"]), (&position.into(), &position.into()));
    assert_eq!(skipped["skipped"], damage["damage"]);
    let of_index: Vec<Value> = of("damage", files[2]).iter().map(|d| d["position"].clone()).collect();
    assert_eq!(of_index, [json!(0), json!(8), json!(8)]);
    for file in &files[3..] {
        let [skipped] = &of("skipped", file)[..] else { panic!("{file}: {told:?}") };
        assert!(skipped["position"].is_null() && skipped["skipped"].as_str().is_some_and(|s| s.contains(file)), "{skipped}");
    }
    assert_eq!(verified.status.code(), Some(1));
    assert_snapshot!(stderr(&verified), @"error: 9 damages and skipped files, which stand among the objects");

    // One file is no other case; damage is told without --verify, too, which alone makes it a failure.
    let one = dump(dir.path(), &["-o", "json", files[0]]);
    assert_eq!((one.status.code(), stderr(&one)), (Some(0), String::new()));
    let of_one: Vec<Value> = told.iter().filter(|o| o["file"] == files[0]).cloned().collect();
    assert_eq!(objects(&one), of_one);
    // For people, stderr has it.
    let table = dump(dir.path(), &[&["--verify"], &files[..]].concat());
    assert_eq!(table.status.code(), Some(1));
    assert_eq!(stderr(&table).lines().filter(|l| l.starts_with("error: ")).count(), 9, "{}", stderr(&table));
    assert!(!String::from_utf8_lossy(&table.stdout).contains("damage"));
    let usage = dump(dir.path(), &["t-0/notes.txt", "t-0/00000000000000000003.log", "t-0"]);
    assert_eq!(usage.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&usage.stdout).lines().count(), 3, "the others are dumped");
}

#[test]
fn the_small_files_of_a_directory_are_verified_as_a_start_reads_them() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    assert_eq!(broker.stop(), Some(0));
    let verify = |file: &str| {
        let verified = dump(broker.data(), &["--verify", file]);
        (verified.status.code(), stderr(&verified))
    };
    let small = [
        "meta.properties",
        "__cluster_metadata-0/quorum-state",
        "t-0/partition.metadata",
        "recovery-point-offset-checkpoint",
        ".kafka_cleanshutdown",
    ];
    for file in small {
        assert_eq!(verify(file), (Some(0), String::new()), "{file}");
    }
    // What each would be without what makes it one; the last says all by being there.
    for (file, text) in small.into_iter().zip(["version=1\n", "{\"data_version\":1}", "version: 0\ntopic_id: x", "0\n1\n"]) {
        for bytes in [text.as_bytes(), b"\xff\xfe\x00\x9c", b""] {
            std::fs::write(broker.data().join(file), bytes).expect("it can be written");
            let (code, why) = verify(file);
            assert!(code == Some(1) && why.starts_with(&format!("error: {file}: ")), "{file} {bytes:?}: {why}");
        }
    }
    let (_, why) = verify("meta.properties");
    assert_snapshot!(why, @"error: meta.properties: version is missing");

    // A reserve that was given up is none that is damaged.
    let reserve = |args: &[&str]| dump(broker.data(), &[args, &["--verify", "ottla.reserve"]].concat());
    assert_eq!(String::from_utf8_lossy(&reserve(&[]).stdout), "reserve bytes=4194304\n");
    std::fs::write(broker.data().join("ottla.reserve"), b"").expect("it can be written");
    let told = reserve(&["-o", "json"]);
    let [object] = &objects(&told)[..] else { panic!("one object") };
    assert_eq!((told.status.code(), &object["bytes"]), (Some(0), &0.into()));
    let remark = object["remark"].as_str().expect("it is told");
    assert!(remark.starts_with("not the 4194304 bytes that ottla.reserve.bytes has by default: "), "{remark}");
}

#[test]
fn a_name_that_is_no_text_or_would_command_a_terminal_is_named_all_the_same() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let odd = OsStr::from_bytes(b"\xff-0");
    std::fs::create_dir(dir.path().join(odd)).expect("it can be made");
    let file = Path::new(odd).join("00000000000000000000.log");
    std::fs::write(dir.path().join(&file), log(&[(false, b"a", b"1")])).expect("it can be written");
    let told = objects(&dump(dir.path(), &[OsStr::new("-o"), OsStr::new("json"), file.as_os_str()]));
    let hex: String = file.as_os_str().as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!((told.len(), &told[0]["file_hex"]), (1, &hex.into()));
    std::fs::write(dir.path().join("\u{1b}[2J.log"), b"").expect("it can be written");
    let refused = dump(dir.path(), &["\u{1b}[2J.log"]);
    assert!(refused.status.code() == Some(2) && !refused.stderr.contains(&0x1b), "{}", stderr(&refused));
}

#[test]
fn control_records_are_decoded() {
    let mut broker = Broker::start();
    broker.ok(&["topic", "create", "t", "-p", "1"]);
    assert_eq!(broker.stop(), Some(0));
    let dir = broker.data().join("__cluster_metadata-0");
    let log_file = "00000000000000000000.log";
    let told = objects(&dump(&dir, &["-o", "json", "--verify", log_file]));
    let of = |kind: &str| told.iter().find(|r| r["type"] == kind).cloned().unwrap_or_default();
    let leader = of("LEADER_CHANGE");
    let one = json!([{"voterId": 1}]);
    assert_eq!(leader["data"], json!({"version": 0, "leaderId": 1, "voters": one, "grantingVoters": one}), "{told:?}");
    assert_eq!((&leader["version"], &leader["kind"], &leader["file"]), (&0.into(), &"record".into(), &log_file.into()));
    assert!(leader.get("value_hex").is_none() && leader["timestamp"].is_i64());
    let lines = String::from_utf8_lossy(&dump(&dir, &[log_file]).stdout).into_owned();
    assert!(
        lines.lines().any(|l| l.starts_with("  record data={\"grantingVoters\"") && l.contains("type=LEADER_CHANGE")),
        "{lines}"
    );
    // A snapshot begins and ends with them.
    let mut broker = Broker::start_with(&["--set", "metadata.log.max.record.bytes.between.snapshots=1000"]);
    for topic in ["a", "b", "c"] {
        broker.ok(&["topic", "create", topic, "-p", "20"]);
    }
    assert_eq!(broker.stop(), Some(0));
    let dir = broker.data().join("__cluster_metadata-0");
    let names: Vec<_> = std::fs::read_dir(&dir).expect("it is there").map(|e| e.expect("readable").file_name()).collect();
    let snapshot = names.iter().find(|n| n.to_string_lossy().ends_with(".checkpoint")).expect("there is one");
    let told = objects(&dump(&dir, &[OsStr::new("-o"), OsStr::new("json"), OsStr::new("--verify"), snapshot]));
    let types: Vec<&str> = told.iter().filter_map(|r| r["type"].as_str()).collect();
    assert_eq!((types.first(), types.last()), (Some(&"SNAPSHOT_HEADER"), Some(&"SNAPSHOT_FOOTER")), "{told:?}");
    for kind in ["SNAPSHOT_HEADER", "KRAFT_VERSION", "KRAFT_VOTERS", "SNAPSHOT_FOOTER"] {
        let found = told.iter().find(|r| r["type"] == kind).unwrap_or_else(|| panic!("{kind}: {types:?}"));
        assert!(found["data"]["version"] == 0 && found.get("undecodable").is_none(), "{found}");
    }
}

#[test]
fn markers_of_transactions_and_hostile_control_records_are_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = "00000000000000000000.log";
    let records: [(bool, &[u8], &[u8]); 6] = [
        (true, &[0, 0, 0, 1], &[0, 0, 0, 0, 0, 9]),
        (true, &[0, 0, 0, 0], &[0, 0, 0, 0, 0, 10]),
        (true, &[0, 0, 0, 9], &[0, 0]),
        (true, &[0, 0, 0, 6], &[0, 0, 255, 255, 255, 255, 15]),
        (true, &[0], b""),
        (false, b"k", b"v"),
    ];
    std::fs::write(dir.path().join(file), log(&records)).expect("it can be written");
    let told = objects(&dump(dir.path(), &["-o", "json", "--print-records", file]));
    let records: Vec<&Value> = told.iter().filter(|o| o["kind"] == "record").collect();
    let told_of = |i: usize| (records[i]["type"].as_str().unwrap_or_default(), records[i]["data"]["coordinatorEpoch"].as_i64());
    assert_eq!([told_of(0), told_of(1)], [("COMMIT", Some(9)), ("ABORT", Some(10))]);
    let undecodable = |i: usize| (records[i]["type"].as_str(), records[i]["undecodable"].as_str());
    assert_eq!(undecodable(2), (Some("UNKNOWN"), Some("control records of type 9 are not known")));
    let hostile = "KRAFT_VOTERS: a list of 4294967294 elements in 0 bytes";
    assert_eq!(undecodable(3), (Some("KRAFT_VOTERS"), Some(hostile)));
    assert_eq!(records[3]["value_hex"], "0000ffffffff0f");
    let key = "the key of a control record: 2 bytes expected, 1 left";
    assert_eq!(undecodable(4), (Some("UNKNOWN"), Some(key)));
    assert_eq!((&records[5]["value"], records[5].get("type")), (&"v".into(), None));
    let verified = dump(dir.path(), &["--verify", file]);
    assert_eq!(verified.status.code(), Some(1));
    let text = stderr(&verified);
    assert!(text.lines().count() == 2 && text.contains(hostile) && text.contains(key), "{text}");
}

#[test]
fn whoever_reads_no_further_ends_a_dump() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let records: Vec<(bool, &[u8], &[u8])> = vec![(false, b"k", b"v"); 5000];
    let file = dir.path().join("00000000000000000000.log");
    std::fs::write(&file, log(&records)).expect("it can be written");
    let mut process = ottla()
        .args(["log", "dump", "-o", "json"])
        .args([&file, &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(process.stdout.take());
    let ended = process.wait_with_output().expect("it was ours");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", stderr(&ended));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a file that is always full");
    let unprinted = ottla().args(["log", "dump"]).arg(&file).stdout(full).stderr(Stdio::null()).status().expect("it starts");
    assert_eq!(unprinted.code(), Some(1));
}
