//! Fetch: long polls, limits, sessions, and what a range promises.

use crate::ids::{BytePos, DirId};
use crate::io::{DiskCall, DiskFault, FileId, FileKind, Input};
use crate::testkit::{World, batch, fetch_partition, fetch_request, name, produce_request, values_of};
use crate::wire::msg::FetchRequest;
use crate::wire::msg::fetch_request::FetchTopic;
use crate::wire::{ErrorCode, FetchReply, Request, Response};

fn fetched(response: &Response) -> &FetchReply {
    match response {
        Response::Fetch(reply) => reply,
        other => panic!("no fetch response: {other:?}"),
    }
}

fn over(topic: &str, offsets: &[(i32, i64)]) -> FetchRequest {
    let partitions = offsets.iter().map(|(i, o)| fetch_partition(*i, *o)).collect();
    FetchRequest::default()
        .with_session_epoch(0)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_topics(vec![FetchTopic::default().with_topic(name(topic)).with_partitions(partitions)])
}

#[test]
fn a_fetch_parked_for_min_bytes_is_woken_by_the_append_that_satisfies_it() {
    let mut w = World::new();
    w.create("orders");
    let conn = w.connect();
    w.send(conn, 11, fetch_request("orders", 0, 0, 60_000, 150));
    w.drive();
    w.produce("orders", 0, -1, &["a"]);
    assert!(w.replies(conn).is_empty(), "one batch of about 70 bytes is too little");
    w.produce("orders", 1, -1, &["elsewhere"]);
    w.produce("orders", 0, -1, &["b"]);
    assert!(w.replies(conn).is_empty());
    w.produce("orders", 0, -1, &["c"]);
    let replies = w.replies(conn);
    assert_eq!(values_of(&fetched(&replies[0].response).topics[0].partitions[0]), ["a", "b", "c"]);
}

#[test]
fn a_fetch_that_finds_nothing_is_answered_when_its_wait_is_over_to_the_millisecond() {
    let mut w = World::new();
    w.create("orders");
    let conn = w.connect();
    w.send(conn, 11, fetch_request("orders", 0, 0, 500, 1));
    w.drive();
    w.pass_ms(499);
    assert!(w.replies(conn).is_empty());
    w.pass_ms(1);
    let replies = w.replies(conn);
    let p = &fetched(&replies[0].response).topics[0].partitions[0];
    assert_eq!((p.error_code, p.records.len()), (0, 0));
}

#[test]
fn an_error_in_one_partition_ends_the_wait_of_all() {
    let mut w = World::new();
    w.create("orders");
    let reply = w.ask(11, Request::Fetch(over("orders", &[(0, 0), (1, 99)]).with_max_wait_ms(60_000).with_session_epoch(-1)));
    let p = &fetched(&reply).topics[0].partitions;
    assert_eq!((p[0].error_code, p[1].error_code), (0, ErrorCode::OffsetOutOfRange.code()));
    assert_eq!((p[1].high_watermark, p[1].log_start_offset), (-1, -1));
}

#[test]
fn the_first_batch_is_whole_whatever_the_limit_and_the_rest_keeps_within_it() {
    let mut w = World::new();
    w.create("orders");
    for index in [0, 0, 1] {
        w.produce("orders", index, -1, &[&"x".repeat(100)]);
    }
    let request = over("orders", &[(0, 0), (1, 0)]).with_max_bytes(10).with_session_epoch(-1);
    let reply = w.ask(11, Request::Fetch(request));
    let p = &fetched(&reply).topics[0].partitions;
    assert_eq!((values_of(&p[0]).len(), values_of(&p[1]).len()), (1, 0));
}

#[test]
fn wrong_epochs_topics_and_ids_get_kafkas_errors() {
    let mut w = World::new();
    let id = w.create("orders");
    let error = |w: &mut World, version: i16, edit: &dyn Fn(&mut FetchRequest)| {
        let mut request = over("orders", &[(0, 0)]).with_session_epoch(-1);
        edit(&mut request);
        let reply = w.ask(version, Request::Fetch(request));
        let code = fetched(&reply).topics[0].partitions[0].error_code;
        ErrorCode::from_code(code).expect("a code of Kafka's")
    };
    assert_eq!(error(&mut w, 11, &|r| r.topics[0].partitions[0].current_leader_epoch = 9), ErrorCode::UnknownLeaderEpoch);
    assert_eq!(error(&mut w, 11, &|r| r.topics[0].topic = name("nowhere")), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(error(&mut w, 11, &|r| r.topics[0].partitions[0].partition = 9), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(error(&mut w, 13, &|r| r.topics[0].topic_id = id.0), ErrorCode::None);
    assert_eq!(error(&mut w, 13, &|r| r.topics[0].topic_id = uuid::Uuid::from_u128(5)), ErrorCode::UnknownTopicId);
}

#[test]
fn an_incremental_session_tells_only_what_changed() {
    let mut w = World::new();
    w.create("orders");
    let reply = w.ask(11, Request::Fetch(over("orders", &[(0, 0), (1, 0)])));
    let id = fetched(&reply).session_id;
    assert!(id != 0 && fetched(&reply).topics[0].partitions.len() == 2);
    let next =
        |epoch| Request::Fetch(FetchRequest::default().with_session_id(id).with_session_epoch(epoch).with_max_bytes(1 << 20));
    let reply = w.ask(11, next(1));
    assert_eq!((fetched(&reply).session_id, fetched(&reply).topics.len()), (id, 0));
    w.produce("orders", 1, -1, &["a"]);
    let reply = w.ask(11, next(2));
    let topics = &fetched(&reply).topics;
    assert_eq!((topics[0].partitions.len(), topics[0].partitions[0].index), (1, 1));
    assert_eq!(fetched(&w.ask(11, next(7))).error_code, ErrorCode::InvalidFetchSessionEpoch.code());
}

#[test]
fn the_next_fetch_of_a_session_ends_the_one_before() {
    let mut w = World::new();
    w.create("orders");
    let reply = w.ask(11, Request::Fetch(over("orders", &[(0, 0), (1, 0)])));
    let id = fetched(&reply).session_id;
    let next = |epoch| {
        let request = FetchRequest::default().with_session_id(id).with_session_epoch(epoch).with_max_bytes(1 << 20);
        Request::Fetch(request.with_min_bytes(1).with_max_wait_ms(i32::MAX))
    };
    let conn = w.connect();
    for epoch in 1..=100 {
        w.send(conn, 11, next(epoch));
        w.drive();
    }
    // Kafka says the same, when their time is up.
    let codes: Vec<i16> = w.replies(conn).iter().map(|r| fetched(&r.response).error_code).collect();
    assert_eq!(codes, [ErrorCode::InvalidFetchSessionEpoch.code(); 99]);
    assert_eq!(w.node().open_requests(), 1);
    w.produce("orders", 1, -1, &["a"]);
    let replies = w.replies(conn);
    assert_eq!(values_of(&fetched(&replies[0].response).topics[0].partitions[0]), ["a"]);
}

#[test]
fn a_stale_fetch_that_reads_the_disk_gives_back_what_it_finds() {
    let mut w = World::new();
    w.create("orders");
    for i in 0..40 {
        w.produce("orders", 0, -1, &[&format!("{i}")]);
    }
    let reply = w.ask(11, Request::Fetch(over("orders", &[(0, 40), (1, 0)]).with_max_wait_ms(0)));
    let id = fetched(&reply).session_id;
    let conn = w.connect();
    let request = over("orders", &[(0, 0)]).with_session_id(id).with_session_epoch(1);
    w.hold(|_, call| matches!(call, DiskCall::Read { .. }));
    w.send(conn, 11, Request::Fetch(request));
    w.drive();
    let request = FetchRequest::default().with_session_id(id).with_session_epoch(2).with_max_bytes(1 << 20).with_min_bytes(1);
    w.send(conn, 11, Request::Fetch(request.with_max_wait_ms(1000)));
    w.drive();
    assert_eq!(w.replies(conn).len(), 1);
    w.release();
    w.drive();
    assert_eq!(fetched(&w.replies(conn)[0].response).error_code, 0);
    w.ask(11, fetch_request("orders", 1, 0, 0, 1));
    assert_eq!((w.node().open_requests(), w.node().open_leases()), (0, 0));
}

#[test]
fn a_range_stays_readable_until_its_lease_is_released_although_the_topic_is_deleted() {
    let mut w = World::new();
    w.create("orders");
    w.produce("orders", 0, -1, &["a"]);
    w.keep_leases = true;
    let conn = w.connect();
    w.send(conn, 11, fetch_request("orders", 0, 0, 0, 1));
    w.drive();
    let replies = w.replies(conn);
    assert_eq!(values_of(&fetched(&replies[0].response).topics[0].partitions[0]), ["a"]);
    let request = crate::wire::msg::DeleteTopicsRequest::default().with_timeout_ms(1000).with_topic_names(vec![name("orders")]);
    w.ask(3, Request::DeleteTopics(request));
    let left = |w: &World| w.disk.paths().into_iter().filter(|p| p.starts_with("orders-0")).collect::<Vec<_>>();
    assert!(left(&w).len() == 1 && left(&w)[0].ends_with("-delete"), "{:?}", left(&w));
    w.give(Input::Released { lease: replies[0].lease.expect("a lease") });
    w.drive();
    assert!(left(&w).is_empty(), "{:?}", left(&w));
}

#[test]
fn what_could_not_be_sent_is_read_before_it_is_promised_again() {
    let mut w = World::new();
    w.create("orders");
    w.produce("orders", 0, -1, &["a"]);
    w.produce("orders", 0, -1, &["b"]);
    let values = |w: &mut World, from: i64| {
        let (reply, values) = w.fetch("orders", 0, from);
        if reply.error_code == 0 { Ok(values) } else { Err(reply.error_code) }
    };
    let log = w.node().partitions().next().expect("a partition").log();
    let (dir, half) = (log.dir(), log.size_bytes() / 2);
    let unreadable = |dir, kind, base, pos| Input::Unreadable { file: FileId::new(dir, kind, base), pos: BytePos(pos), len: 1 };

    // What is before the place is given without a question; what holds it only when it has been read.
    w.give(unreadable(dir, FileKind::Log, 0, half));
    w.hold(|_, call| matches!(call, DiskCall::Read { .. }));
    assert_eq!(values(&mut w, 0), Ok(vec!["a".to_owned()]));
    w.release();
    w.fail(DiskFault::Io, |_, call| matches!(call, DiskCall::Read { .. }));
    assert_eq!(values(&mut w, 1), Err(ErrorCode::KafkaStorageError.code()));
    w.heal();
    w.release();
    assert_eq!(values(&mut w, 1), Ok(vec!["b".to_owned()]));
    w.hold(|_, call| matches!(call, DiskCall::Read { .. }));
    assert_eq!(values(&mut w, 0), Ok(vec!["a".to_owned(), "b".to_owned()]));

    // Files that nobody has, and places that no segment has, are nobody's.
    for input in [
        unreadable(DirId(99), FileKind::Log, 0, 0),
        unreadable(dir, FileKind::Index, 0, 0),
        unreadable(dir, FileKind::Log, 77, 0),
        unreadable(dir, FileKind::Log, 0, u64::MAX),
        unreadable(dir, FileKind::Log, 0, 1 << 31),
    ] {
        w.give(input);
    }
    assert_eq!(values(&mut w, 0), Ok(vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn a_deleted_topic_wakes_those_who_wait_for_it() {
    let mut w = World::new();
    w.create("orders");
    let conn = w.connect();
    w.send(conn, 11, fetch_request("orders", 0, 0, 60_000, 1));
    w.drive();
    let request = crate::wire::msg::DeleteTopicsRequest::default().with_timeout_ms(1000).with_topic_names(vec![name("orders")]);
    w.ask(3, Request::DeleteTopics(request));
    let replies = w.replies(conn);
    let p = &fetched(&replies[0].response).topics[0].partitions[0];
    assert_eq!(p.error_code, ErrorCode::UnknownTopicOrPartition.code());
}

#[test]
fn a_read_that_waits_for_the_disk_is_answered_when_it_is_done() {
    let mut w = World::with(&[("log.index.interval.bytes", "0")]);
    w.create("orders");
    for _ in 0..50 {
        w.produce("orders", 0, -1, &["x"]);
    }
    w.hold(|_, call| matches!(call, DiskCall::Read { .. }));
    let conn = w.connect();
    w.send(conn, 11, fetch_request("orders", 0, 25, 0, 1));
    w.drive();
    w.release();
    let replies = w.replies(conn);
    assert_eq!(values_of(&fetched(&replies[0].response).topics[0].partitions[0]).len(), 25);
    w.send(conn, 9, produce_request("orders", 0, -1, batch(&["y"])));
    w.drive();
    assert_eq!(w.replies(conn).len(), 1);
}
