//! Lives of a node: what survives, what is cleaned up, and how an orderly end looks.

use crate::io::{DiskCall, DiskFault, Fatal, FileId, FileKind, Input, ROOT};
use crate::testkit::{MemDisk, World, batch, name, produce_request, produced};
use crate::wire::msg::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use crate::wire::msg::{DeleteRecordsRequest, DeleteTopicsRequest};
use crate::wire::{ErrorCode, Request, Response};

const MARKER: &str = ".kafka_cleanshutdown";

fn delete_records(w: &mut World, topic: &str, offset: i64) -> (i16, i64) {
    let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(offset);
    let topic = DeleteRecordsTopic::default().with_name(name(topic)).with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000);
    let Response::DeleteRecords(r) = w.ask(2, Request::DeleteRecords(request)) else { panic!("no answer") };
    let p = &r.topics[0].partitions[0];
    (p.error_code, p.low_watermark)
}

fn shutdown(w: &mut World) {
    w.give(Input::Shutdown);
    w.drive();
    w.pass_ms(2000);
    assert_eq!(w.halted, Some(Fatal::Shutdown));
}

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    let mut w = World::new();
    w.create("orders");
    for i in 0..5 {
        assert_eq!(w.produce("orders", 0, -1, &["a"]).base_offset, i);
    }
    for lives in 1..4 {
        w.kill();
        w.start();
        assert_eq!(w.fetch("orders", 0, 0).1.len(), 4 + lives);
        assert_eq!(w.produce("orders", 0, -1, &["b"]).error_code, 0);
    }
}

#[test]
fn an_orderly_end_leaves_a_marker_which_the_next_life_removes_before_it_writes() {
    let mut w = World::new();
    w.create("orders");
    w.produce("orders", 0, -1, &["a"]);
    assert!(w.disk.file("", MARKER).is_none());
    shutdown(&mut w);
    assert!(w.disk.file("", MARKER).is_some());
    w.hold(|file, _| file.name.kind == FileKind::CleanShutdown);
    w.start();
    let conn = w.connect();
    w.send(conn, 9, produce_request("orders", 0, -1, batch(&["b"])));
    w.drive();
    assert!(w.replies(conn).is_empty(), "nothing is appended while the marker may be found");
    w.release();
    assert_eq!(produced(&w.replies(conn)[0].response), (0, 1));
    assert!(w.disk.file("", MARKER).is_none());
}

#[test]
fn a_life_asks_nothing_of_the_disk_before_no_marker_can_come_back() {
    for orderly in [true, false] {
        let mut w = World::new();
        w.create("orders");
        w.produce("orders", 0, -1, &["a"]);
        match orderly {
            true => shutdown(&mut w),
            false => w.kill(),
        }
        w.hold(|file, call| file.dir == ROOT && *call == DiskCall::SyncDir);
        w.start();
        let conn = w.connect();
        w.send(conn, 9, produce_request("orders", 0, -1, batch(&["b"])));
        w.drive();
        assert_eq!(w.asked(), [". sync dir"], "orderly: {orderly}");
        w.release();
        assert_eq!(produced(&w.replies(conn)[0].response), (0, 1));
    }
}

#[test]
fn a_marker_that_speaks_for_nothing_is_removed_too() {
    let mut w = World::new();
    w.kill();
    w.disk = MemDisk::default();
    w.disk.perform(FileId::new(ROOT, FileKind::CleanShutdown, 0), &DiskCall::Create).unwrap();
    w.start();
    w.create("orders");
    assert!(w.disk.file("", MARKER).is_none());
}

#[test]
fn an_end_does_not_wait_behind_a_marker_that_cannot_be_removed() {
    let mut w = World::new();
    w.create("orders");
    shutdown(&mut w);
    w.hold(|file, _| file.name.kind == FileKind::CleanShutdown);
    w.start();
    w.give(Input::Shutdown);
    w.fail(DiskFault::Io, |file, _| file.name.kind == FileKind::CleanShutdown);
    w.release();
    assert!(matches!(w.halted, Some(Fatal::MetadataDirFailed { .. })), "{:?}", w.halted);
}

#[test]
fn an_end_waits_for_what_is_in_progress_and_takes_nothing_new() {
    let mut w = World::new();
    w.create("orders");
    w.hold_syncs();
    let (old, parked, new) = (w.connect(), w.connect(), w.connect());
    w.send(old, 9, produce_request("orders", 0, -1, batch(&["a"])));
    w.send(parked, 11, crate::testkit::fetch_request("orders", 1, 0, 60_000, 1));
    w.drive();
    w.give(Input::Shutdown);
    w.drive();
    assert_eq!(w.replies(parked).len(), 1, "a long poll ends at once");
    w.send(new, 9, produce_request("orders", 0, -1, batch(&["b"])));
    assert_eq!(w.closed, [new]);
    assert!(w.halted.is_none() && w.replies(old).is_empty());
    w.release();
    w.pass_ms(2000);
    assert_eq!(produced(&w.replies(old)[0].response), (0, 0));
    assert_eq!(w.halted, Some(Fatal::Shutdown));
}

#[test]
fn deleted_records_stay_deleted_and_the_answer_waits_for_that() {
    let mut w = World::new();
    w.create("orders");
    for _ in 0..4 {
        w.produce("orders", 0, -1, &["a"]);
    }
    assert_eq!(delete_records(&mut w, "orders", 9), (ErrorCode::OffsetOutOfRange.code(), -1));
    w.hold(|file, call| file.name.kind == FileKind::LogStarts && *call == DiskCall::Sync);
    let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(2);
    let topic = DeleteRecordsTopic::default().with_name(name("orders")).with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000);
    let conn = w.connect();
    w.send(conn, 2, Request::DeleteRecords(request));
    w.drive();
    assert!(w.replies(conn).is_empty(), "not durable yet");
    w.release();
    let Response::DeleteRecords(r) = w.replies(conn).remove(0).response else { panic!("no answer") };
    assert_eq!((r.topics[0].partitions[0].error_code, r.topics[0].partitions[0].low_watermark), (0, 2));
    w.kill();
    w.start();
    assert_eq!(w.list_offset("orders", 0, -2).2, 2);
    assert_eq!(w.fetch("orders", 0, 1).0.error_code, ErrorCode::OffsetOutOfRange.code());
    assert_eq!(delete_records(&mut w, "orders", -1), (0, 4));
    assert_eq!(w.list_offset("orders", 0, -2).2, 4);
    assert_eq!(w.produce("orders", 0, -1, &["b"]).base_offset, 4);
}

#[test]
fn a_topic_that_is_made_again_has_nothing_of_the_old_one() {
    let mut w = World::new();
    let old = w.create("orders");
    for _ in 0..3 {
        w.produce("orders", 0, -1, &["old"]);
    }
    delete_records(&mut w, "orders", 2);
    w.pass_ms(61_000);
    let request = DeleteTopicsRequest::default().with_timeout_ms(1000).with_topic_names(vec![name("orders")]);
    w.ask(3, Request::DeleteTopics(request));
    let new = w.create("orders");
    assert_ne!(old, new);
    w.pass_ms(1000);
    assert_eq!(w.produce("orders", 0, -1, &["new"]).base_offset, 0);
    w.kill();
    w.start();
    assert_eq!(w.fetch("orders", 0, 0).1, ["new"]);
    assert_eq!(w.list_offset("orders", 0, -2).2, 0);
}

#[test]
fn a_directory_of_another_incarnation_is_removed_and_not_served() {
    let mut w = World::new();
    w.create("orders");
    w.produce("orders", 0, -1, &["a"]);
    w.kill();
    // Another topic of the same name had its directory here: the id in it says so.
    w.disk.perform_by_path("orders-0", "partition.metadata", b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
    w.start();
    w.pass_ms(1000);
    assert!(w.fetch("orders", 0, 0).1.is_empty());
    assert_eq!(w.produce("orders", 0, -1, &["b"]).base_offset, 0);
    assert!(w.disk.paths().iter().all(|p| !p.ends_with("-delete")), "{:?}", w.disk.paths());
}

#[test]
fn an_idle_node_wants_no_turn_but_for_retention() {
    let mut w = World::new();
    w.create("orders");
    w.produce("orders", 0, -1, &["a"]);
    w.pass_ms(120_000);
    let deadline = w.node().deadline().expect("retention");
    assert_eq!(deadline.why, "retention");
}

#[test]
fn a_directory_that_cannot_be_made_is_tried_again_and_does_not_hold_up_an_end() {
    let mut w = World::new();
    w.fail(DiskFault::NoSpace, |_, call| matches!(call, DiskCall::MakeDir { .. }));
    w.create("orders");
    w.pass_ms(5000);
    assert_ne!(w.produce("orders", 0, 1, &["a"]).error_code, 0);
    w.heal();
    w.pass_ms(5000);
    assert_eq!(w.produce("orders", 0, -1, &["a"]).error_code, 0);
    w.fail(DiskFault::NoSpace, |_, call| matches!(call, DiskCall::MakeDir { .. }));
    w.create("late");
    w.give(Input::Shutdown);
    w.drive();
    w.pass_ms(5000);
    assert_eq!(w.halted, Some(Fatal::Shutdown));
    w.heal();
    w.start();
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"]);
    assert_eq!(w.produce("late", 0, -1, &["b"]).error_code, 0);
}

/// A life that finds the topic id of a directory with a record damaged, and what was in that file.
fn with_a_damaged_topic_id() -> (World, Vec<u8>) {
    let mut w = World::new();
    w.create("orders");
    assert_eq!(w.produce("orders", 0, -1, &["a"]).error_code, 0);
    let whole = w.disk.file("orders-0", "partition.metadata").expect("there").to_vec();
    w.kill();
    w.disk.perform_by_path("orders-0", "partition.metadata", b"versioN: 0");
    w.start();
    (w, whole)
}

#[test]
fn a_directory_whose_topic_id_is_damaged_is_not_served_and_not_removed() {
    let (mut w, whole) = with_a_damaged_topic_id();
    w.pass_ms(5000);
    assert_ne!(w.produce("orders", 0, -1, &["b"]).error_code, 0);
    assert_eq!(w.produce("orders", 1, -1, &["c"]).error_code, 0);
    w.kill();
    w.disk.perform_by_path("orders-0", "partition.metadata", &whole);
    w.start();
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"]);
}

/// How the life before ended, nobody has looked at there: an orderly end of the next one says nothing of it.
#[test]
fn an_orderly_end_beside_a_log_that_could_not_be_opened_leaves_no_marker() {
    let (mut w, whole) = with_a_damaged_topic_id();
    shutdown(&mut w);
    assert!(w.disk.file("", MARKER).is_none());
    w.disk.perform_by_path("orders-0", "partition.metadata", &whole);
    w.start();
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"]);
    shutdown(&mut w);
    assert!(w.disk.file("", MARKER).is_some());
}

#[test]
fn a_directory_that_cannot_be_finished_goes_before_it_is_made_again() {
    let mut w = World::new();
    w.fail(DiskFault::Io, |file, call| file.name.kind == FileKind::PartitionMetadata && *call == DiskCall::Sync);
    w.create("orders");
    w.pass_ms(2000);
    w.heal();
    w.pass_ms(5000);
    assert_eq!(w.produce("orders", 0, -1, &["a"]).error_code, 0);
    w.kill();
    w.start();
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"]);
}

#[test]
fn only_what_is_ours_is_removed() {
    let mut w = World::new();
    w.create("orders");
    shutdown(&mut w);
    let stray = "orders-7.0123456789abcdef0123456789abcdef-delete";
    for dir in ["photos-1", "a b-0", "photos-to-delete", stray, "empty-0", "mixed-0"] {
        w.disk.make_dir(dir);
    }
    for (dir, file) in [
        ("photos-1", "p.jpg"),
        ("a b-0", "00000000000000000000.log"),
        ("photos-to-delete", "p.jpg"),
        (stray, "p.jpg"),
        ("empty-0", "00000000000000000000.log"),
        ("mixed-0", "00000000000000000000.log"),
        ("mixed-0", "nested/"),
    ] {
        w.disk.perform_by_path(dir, file, b"");
    }
    w.start();
    w.pass_ms(5000);
    let paths = w.disk.paths();
    for dir in ["photos-1", "a b-0", "photos-to-delete", stray] {
        assert!(paths.iter().any(|p| p == dir), "{dir} is gone from {paths:?}");
    }
    assert!(paths.iter().any(|p| p.starts_with("mixed-0.") && p.ends_with("-stray")), "{paths:?}");
    assert!(!paths.iter().any(|p| p.starts_with("empty-0")), "{paths:?}");
    assert!(w.facts.iter().any(|f| f.name == "foreign-directory" && f.detail.contains("p.jpg")), "{:?}", w.facts);
    // A partition of that name has to wait until the directory is out of the way.
    w.create("photos");
    assert_ne!(w.produce("photos", 1, -1, &["a"]).error_code, 0);
    assert_eq!(w.disk.file("photos-1", "p.jpg"), Some(&b""[..]));
}

#[test]
fn a_directory_that_is_gone_with_what_was_promised_is_reported() {
    let mut w = World::new();
    w.create("orders");
    w.produce("orders", 0, -1, &["a"]);
    shutdown(&mut w);
    w.disk.remove_dir("orders-0");
    w.start();
    let told = |w: &World| {
        let lost = |f: &&crate::io::Fact| f.level == crate::io::Level::Error && f.name == "log-recovered";
        w.facts.iter().filter(lost).map(|f| f.detail.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(&w), ["orders-0: records up to offset 1 were on disk once, and the log ends at 0: they are lost"]);
    // It is said once, and the next life knows nothing of it.
    shutdown(&mut w);
    w.start();
    assert_eq!(told(&w).len(), 1);
}

#[test]
fn a_log_may_have_gaps_if_kafkas_cleaner_left_word_of_it() {
    for known in ["orders 0 2", "orders 1 2"] {
        let mut w = World::new();
        w.create("orders");
        for value in ["a", "b", "c"] {
            w.produce("orders", 0, -1, &[value]);
        }
        shutdown(&mut w);
        w.start();
        w.kill();
        let log = "00000000000000000000.log";
        let mut bytes = w.disk.file("orders-0", log).expect("it is there").to_vec();
        let len = bytes.len() / 3;
        bytes.drain(len..2 * len);
        w.disk.perform_by_path("orders-0", log, &bytes);
        w.disk.perform_by_path("", "cleaner-offset-checkpoint", format!("0\n1\n{known}\n").as_bytes());
        w.start();
        let (partition, values) = w.fetch("orders", 0, 0);
        match known {
            "orders 0 2" => assert_eq!(values, ["a", "c"]),
            _ => assert_eq!((partition.error_code, values.len()), (ErrorCode::KafkaStorageError as i16, 0)),
        }
    }
}

#[test]
fn an_end_does_not_wait_for_ever_for_a_checkpoint_that_cannot_be_written() {
    let mut w = World::new();
    w.create("orders");
    w.produce("orders", 0, -1, &["a"]);
    w.fail(DiskFault::Io, |file, _| file.name.kind == FileKind::RecoveryPoints);
    w.give(Input::Shutdown);
    w.drive();
    w.pass_ms(3000);
    assert_eq!(w.halted, None, "it may pass");
    w.pass_ms(10_000);
    assert_eq!(w.halted, Some(Fatal::Unclean { what: "RecoveryPoints cannot be written: Io".into() }));
    assert!(w.disk.file("", MARKER).is_none());
}
