//! A node as its clients meet it: requests in, disk calls performed or held back, replies out.

mod fetching;
mod lives;
mod producing;

use crate::io::Input;
use crate::testkit::World;
use crate::wire::msg::{ApiVersionsRequest, StrBytes};
use crate::wire::{ApiKey, ErrorCode, Request, Response};

fn api_versions() -> Request {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("test"))
        .with_client_software_version(StrBytes::from_static_str("1"));
    Request::ApiVersions(request)
}

#[test]
fn a_client_finds_its_way_from_versions_to_a_record_read_back() {
    let mut w = World::new();
    match w.ask(3, api_versions()) {
        Response::ApiVersions(r) => {
            assert_eq!(r.error_code, 0);
            assert!(r.api_keys.iter().any(|k| k.api_key == ApiKey::Produce as i16 && k.min_version == 0));
            assert!(r.api_keys.iter().all(|k| k.api_key != ApiKey::PushTelemetry as i16), "no reporter, no telemetry");
        }
        other => panic!("{other:?}"),
    }
    w.create("orders");
    let p = w.produce("orders", 0, -1, &["a", "b"]);
    assert_eq!((p.error_code, p.base_offset, p.log_start_offset, p.log_append_time_ms), (0, 0, 0, -1));
    assert_eq!(w.produce("orders", 0, 1, &["c"]).base_offset, 2);
    let (p, values) = w.fetch("orders", 0, 0);
    assert_eq!((p.error_code, p.high_watermark, p.last_stable_offset, p.log_start_offset), (0, 3, 3, 0));
    assert_eq!(values, ["a", "b", "c"]);
    assert_eq!(w.list_offset("orders", 0, -1), (0, -1, 3, 0));
    assert_eq!(w.list_offset("orders", 0, -2), (0, -1, 0, 0));
}

#[test]
fn an_unserved_request_ends_its_connection_as_in_kafka() {
    let mut w = World::new();
    let conn = w.connect();
    w.send(conn, 0, Request::Unsupported { api_key: 999 });
    assert_eq!(w.closed, [conn]);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let mut w = World::new();
    w.create("orders");
    let conn = w.connect();
    w.hold_syncs();
    let a = w.send(conn, 9, crate::testkit::produce_request("orders", 0, -1, crate::testkit::batch(&["a"])));
    let b = w.send(conn, 3, api_versions());
    w.drive();
    assert!(w.replies(conn).is_empty(), "the second reply waits for the first");
    assert_eq!(w.node().unanswered(conn).bytes, 200);
    w.release();
    assert_eq!(w.replies(conn).iter().map(|r| r.correlation).collect::<Vec<_>>(), [a, b]);
    assert_eq!(w.node().unanswered(conn).bytes, 0);
}

#[test]
fn what_a_closed_connection_asked_for_is_forgotten_but_what_it_appended_stays() {
    let mut w = World::new();
    w.create("orders");
    let conn = w.connect();
    w.hold_syncs();
    w.send(conn, 9, crate::testkit::produce_request("orders", 0, -1, crate::testkit::batch(&["a"])));
    w.send(conn, 11, crate::testkit::fetch_request("orders", 0, 0, 1000, 1));
    w.drive();
    w.give(Input::Closed { conn });
    w.release();
    assert!(w.replies(conn).is_empty());
    assert_eq!(w.node().open_requests(), 0);
    assert_eq!(w.fetch("orders", 0, 0).1, ["a"]);
}

#[test]
fn an_idempotent_producer_gets_ids_that_are_never_given_twice() {
    let mut w = World::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        for _ in 0..2 {
            let request = crate::wire::msg::InitProducerIdRequest::default()
                .with_transactional_id(None)
                .with_producer_id(crate::wire::msg::ProducerId(-1))
                .with_producer_epoch(-1);
            let Response::InitProducerId(r) = w.ask(4, Request::InitProducerId(request)) else { panic!("no answer") };
            assert_eq!((r.error_code, r.producer_epoch), (0, 0));
            assert!(seen.insert(r.producer_id.0), "{:?} twice", r.producer_id);
        }
        w.kill();
        w.start();
    }
}

#[test]
fn a_transactional_producer_is_refused_and_told_so() {
    let mut w = World::new();
    let request = crate::wire::msg::InitProducerIdRequest::default()
        .with_transactional_id(Some(StrBytes::from_static_str("tx").into()))
        .with_producer_id(crate::wire::msg::ProducerId(-1))
        .with_producer_epoch(-1);
    let Response::InitProducerId(r) = w.ask(4, Request::InitProducerId(request)) else { panic!("no answer") };
    assert_eq!((r.error_code, r.producer_id.0), (ErrorCode::UnsupportedVersion.code(), -1));
}

#[test]
fn a_partition_is_described_once_however_often_it_is_named() {
    use crate::wire::msg::describe_log_dirs_request::DescribableLogDirTopic;
    use crate::wire::msg::describe_producers_request::TopicRequest;
    use crate::wire::msg::{DescribeLogDirsRequest, DescribeProducersRequest};
    let mut w = World::new();
    w.create("orders");
    let topic =
        |indexes: Vec<i32>| TopicRequest::default().with_name(crate::testkit::name("orders")).with_partition_indexes(indexes);
    let request = DescribeProducersRequest::default().with_topics(vec![topic(vec![0, 0, 9, 9]), topic(vec![9, 0])]);
    let Response::DescribeProducers(r) = w.ask(0, Request::DescribeProducers(request)) else { panic!("no answer") };
    let told: Vec<Vec<i32>> = r.topics.iter().map(|t| t.partitions.iter().map(|p| p.partition_index).collect()).collect();
    assert_eq!(told, [vec![0, 9], vec![]]);
    let topic = DescribableLogDirTopic::default().with_topic(crate::testkit::name("orders")).with_partitions(vec![0, 0, 9]);
    let request = DescribeLogDirsRequest::default().with_topics(Some(vec![topic]));
    let Response::DescribeLogDirs(r) = w.ask(4, Request::DescribeLogDirs(request)) else { panic!("no answer") };
    assert_eq!(r.results[0].topics[0].partitions.len(), 1);
}
