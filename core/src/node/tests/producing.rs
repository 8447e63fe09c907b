//! Produce: what is answered when, and what an error means.

use crate::io::{DiskCall, DiskFault, FileId, FileKind};
use crate::testkit::{World, batch, batch_of, produce_request, produced};
use crate::wire::batch::BatchBuilder;
use crate::wire::compress::Compression;
use crate::wire::{ErrorCode, Request, Response};

fn is_log_sync(file: &crate::io::FileId, call: &DiskCall) -> bool {
    file.name.kind == FileKind::Log && *call == DiskCall::Sync
}

#[test]
fn acks_all_waits_for_the_sync_and_acks_1_for_the_append() {
    let mut w = World::new();
    w.create("orders");
    w.hold_syncs();
    let (all, one) = (w.connect(), w.connect());
    w.send(all, 9, produce_request("orders", 0, -1, batch(&["a"])));
    w.send(one, 9, produce_request("orders", 0, 1, batch(&["b"])));
    w.drive();
    assert!(w.replies(all).is_empty());
    assert_eq!(produced(&w.replies(one)[0].response), (0, 1));
    assert!(w.fetch("orders", 0, 0).1.is_empty(), "nothing is visible before it is promised");
    w.release();
    assert_eq!(produced(&w.replies(all)[0].response), (0, 0));
    assert_eq!(w.fetch("orders", 0, 0).1, ["a", "b"]);
}

#[test]
fn one_sync_serves_everything_that_waits() {
    let mut w = World::new();
    w.create("orders");
    w.hold_syncs();
    let conns: Vec<_> = (0..5).map(|_| w.connect()).collect();
    for conn in &conns {
        w.send(*conn, 9, produce_request("orders", 0, -1, batch(&["x"])));
        w.drive();
    }
    w.release();
    for (i, conn) in conns.iter().enumerate() {
        assert_eq!(produced(&w.replies(*conn)[0].response), (0, i as i64));
    }
}

#[test]
fn in_page_cache_mode_acks_all_does_not_wait_for_a_sync() {
    let mut w = World::with(&[("ottla.durability", "page-cache")]);
    w.create("orders");
    w.hold_syncs();
    assert_eq!(w.produce("orders", 0, -1, &["a"]).error_code, 0);
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"]);
}

#[test]
fn a_produce_that_is_not_committed_in_time_times_out_and_may_appear_later() {
    let mut w = World::new();
    w.create("orders");
    w.hold_syncs();
    let conn = w.connect();
    w.send(conn, 9, produce_request("orders", 0, -1, batch(&["a"])));
    w.drive();
    w.pass_ms(29_999);
    assert!(w.replies(conn).is_empty());
    w.pass_ms(1);
    assert_eq!(produced(&w.replies(conn)[0].response), (ErrorCode::RequestTimedOut.code(), -1));
    w.release();
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"]);
}

#[test]
fn acks_0_gets_no_reply_and_an_error_under_it_ends_the_connection() {
    let mut w = World::new();
    w.create("orders");
    let conn = w.connect();
    w.send(conn, 9, produce_request("orders", 0, 0, batch(&["a"])));
    w.drive();
    assert!(w.replies(conn).is_empty() && w.closed.is_empty());
    assert_eq!(w.node().unanswered(conn).bytes, 0);
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"]);
    w.send(conn, 9, produce_request("nowhere", 0, 0, batch(&["a"])));
    w.drive();
    assert_eq!(w.closed, [conn]);
}

#[test]
fn mistakes_get_kafkas_errors_and_append_nothing() {
    let mut w = World::with(&[("message.max.bytes", "200")]);
    w.create("orders");
    let cases = [
        ("nowhere", 0, 1, batch(&["a"]), ErrorCode::UnknownTopicOrPartition),
        ("orders", 7, 1, batch(&["a"]), ErrorCode::UnknownTopicOrPartition),
        ("orders", 0, 2, batch(&["a"]), ErrorCode::InvalidRequiredAcks),
        ("orders", 0, 1, batch(&[&"x".repeat(300)]), ErrorCode::MessageTooLarge),
        (
            "orders",
            0,
            1,
            batch_of(BatchBuilder::new(Compression::default()).producer(5, 0, 0).transactional(true), &["a"]),
            ErrorCode::TransactionalIdAuthorizationFailed,
        ),
    ];
    for (topic, index, acks, records, expected) in cases {
        let answer = w.ask(9, produce_request(topic, index, acks, records));
        assert_eq!(produced(&answer), (expected.code(), -1), "{topic}-{index} acks={acks}");
    }
    assert_eq!(w.list_offset("orders", 0, -1).2, 0);
}

#[test]
fn no_more_in_sync_replicas_are_asked_for_than_there_are_replicas() {
    let mut w = World::with(&[("min.insync.replicas", "2")]);
    w.create("orders");
    assert_eq!(w.produce("orders", 0, -1, &["a"]).error_code, 0);
}

#[test]
fn a_repeated_batch_of_an_idempotent_producer_is_answered_as_the_first() {
    let mut w = World::new();
    w.create("orders");
    let send = |w: &mut World, sequence| {
        let builder = BatchBuilder::new(Compression::default()).producer(9, 0, sequence);
        produced(&w.ask(9, produce_request("orders", 0, -1, batch_of(builder, &["a", "b"]))))
    };
    assert_eq!(send(&mut w, 0), (0, 0));
    assert_eq!(send(&mut w, 2), (0, 2));
    assert_eq!(send(&mut w, 0), (0, 0));
    assert_eq!(send(&mut w, 9).0, ErrorCode::OutOfOrderSequenceNumber.code());
    assert_eq!(w.fetch("orders", 0, 0).1.len(), 4);
}

#[test]
fn by_topic_id_the_name_does_not_matter_and_an_unknown_id_is_named_so() {
    let mut w = World::new();
    let id = w.create("orders");
    let with_id = |id| {
        let Request::Produce(mut request) = produce_request("", 0, 1, batch(&["a"])) else { panic!("a produce") };
        request.topics[0].id = id;
        Request::Produce(request)
    };
    assert_eq!(produced(&w.ask(13, with_id(id))), (0, 0));
    let unknown = crate::ids::TopicId(uuid::Uuid::from_u128(4711));
    assert_eq!(produced(&w.ask(13, with_id(unknown))).0, ErrorCode::UnknownTopicId.code());
}

#[test]
fn a_failed_sync_takes_the_log_offline_and_nobody_is_told_ok() {
    let mut w = World::new();
    w.create("orders");
    assert_eq!(w.produce("orders", 0, -1, &["a"]).error_code, 0);
    w.fail(DiskFault::Io, is_log_sync);
    assert_eq!(w.produce("orders", 0, -1, &["b"]).error_code, ErrorCode::NotEnoughReplicasAfterAppend.code(), "it may be there");
    w.heal();
    assert_eq!(w.produce("orders", 0, -1, &["c"]).error_code, ErrorCode::KafkaStorageError.code());
    assert_eq!(w.fetch("orders", 0, 0).0.error_code, ErrorCode::KafkaStorageError.code());
    assert_eq!(w.produce("orders", 1, -1, &["d"]).error_code, 0, "other logs go on");
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_again() {
    let mut w = World::new();
    w.create("orders");
    assert_eq!(w.produce("orders", 0, -1, &["a"]).error_code, 0);
    w.fail(DiskFault::NoSpace, |file, call| file.name.kind == FileKind::Log && matches!(call, DiskCall::Append { .. }));
    let refused = w.produce("orders", 0, -1, &["b"]).error_code;
    assert_eq!(refused, ErrorCode::KafkaStorageError.code());
    assert!(ErrorCode::from_code(refused).is_some_and(ErrorCode::is_retriable));
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"], "reads go on");
    w.heal();
    w.pass_ms(10_000);
    assert_eq!(w.produce("orders", 0, -1, &["c"]).base_offset, 1);
    assert_eq!(w.fetch("orders", 0, 0).1, ["a", "c"]);
}

#[test]
fn a_produce_into_a_directory_that_fails_is_left_open() {
    let mut w = World::new();
    let is_name = |file: &FileId, call: &DiskCall| file.name.kind == FileKind::Dir && *call == DiskCall::SyncDir;
    w.hold(is_name);
    w.create("orders");
    let conn = w.connect();
    w.send(conn, 9, produce_request("orders", 0, 1, batch(&["a"])));
    w.drive();
    assert!(w.replies(conn).is_empty(), "its directory is not durable");
    w.fail(DiskFault::Io, is_name);
    w.release();
    let replies = w.replies(conn);
    let Response::Produce(answer) = &replies[0].response else { panic!("{replies:?}") };
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ErrorCode::NotEnoughReplicasAfterAppend.code(), "it was written, and may be found again");
}
