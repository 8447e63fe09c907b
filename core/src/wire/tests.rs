//! The codec against the protocol crate, and against peers that send anything.

use super::batch::{BatchBuilder, Checked};
use super::body::Body;
use super::*;
use crate::ids::TopicId;
use crate::io::Reply;
use bytes::{Bytes, BytesMut};
use compress::Compression;
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use proptest::prelude::*;

fn frame(api: ApiKey, version: i16) -> RequestFrame {
    RequestFrame { correlation: 77, version, client_id: Some("me".to_owned()), size: 0, request: Request::empty(api) }
}

fn wire(frame: &RequestFrame) -> Bytes {
    let bytes = encode_request(frame).expect("an empty request fits every version");
    assert_eq!(i32::from_be_bytes(bytes[..4].try_into().expect("four")), i32::try_from(bytes.len() - 4).expect("small"));
    bytes.slice(4..)
}

fn reply_bytes(version: i16, response: Response) -> Bytes {
    let reply = Reply { correlation: 77, version, response, lease: None };
    let mut all = BytesMut::new();
    for chunk in encode_reply(&reply).expect("fits its version") {
        match chunk {
            Chunk::Bytes(bytes) => all.extend_from_slice(&bytes),
            Chunk::File { .. } => panic!("no files here"),
        }
    }
    all.freeze()
}

fn every_version() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::ALL.iter().flat_map(|api| (api.versions().0..=api.versions().1).map(|version| (*api, version)))
}

#[test]
fn every_request_of_every_version_survives_the_wire() {
    for (api, version) in every_version() {
        let sent = frame(api, version);
        let bytes = wire(&sent);
        let got = decode_request(bytes.clone()).unwrap_or_else(|e| panic!("{api} v{version}: {e}"));
        assert_eq!((got.correlation, got.version, got.client_id.as_deref()), (77, version, Some("me")), "{api} v{version}");
        assert_eq!((got.request.api(), got.size as usize), (Some(api), bytes.len()), "{api} v{version}");
        assert_eq!(wire(&got), bytes, "{api} v{version}");
    }
}

#[test]
fn every_response_of_every_version_survives_the_wire() {
    for (api, version) in every_version() {
        let bytes = reply_bytes(version, Response::empty(api));
        let (correlation, response) =
            decode_response(api, version, bytes.slice(4..)).unwrap_or_else(|e| panic!("{api} v{version}: {e}"));
        assert_eq!(correlation, 77);
        assert_eq!(reply_bytes(version, response), bytes, "{api} v{version}");
    }
}

#[test]
fn bytes_after_a_request_are_ignored_and_missing_ones_are_not() {
    for (api, version) in every_version() {
        let bytes = wire(&frame(api, version));
        let longer = Bytes::from([&bytes[..], b"more"].concat());
        assert!(decode_request(longer).is_ok(), "{api} v{version}");
        for cut in 0..bytes.len() {
            assert!(decode_request(bytes.slice(..cut)).is_err(), "{api} v{version} cut to {cut}");
        }
    }
}

#[test]
fn what_is_not_served_is_told_apart_from_what_is_malformed() {
    let header = |key: i16, version: i16, rest: &[u8]| {
        let mut bytes = [key.to_be_bytes(), version.to_be_bytes()].concat();
        bytes.extend_from_slice(&[0, 0, 0, 1]);
        bytes.extend_from_slice(rest);
        decode_request(bytes.into())
    };
    for (key, version) in [(999, 0), (-1, 0), (4, 5), (3, 99), (3, -1), (0, 2)] {
        let got = header(key, version, b"\0\x01c").expect("Kafka closes; the core decides so");
        assert!(matches!(got.request, Request::Unsupported { api_key } if api_key == key));
    }
    // ApiVersions of the future: only its header is known, and that is the flexible one.
    for (version, rest) in [(99, &b"\0\x01c\0anything"[..]), (-1, b"\0\x01c")] {
        let got = header(18, version, rest).expect("answered in version 0");
        assert!(matches!(got.request, Request::ApiVersions(_)) && got.version == version);
    }
    assert!(header(18, 99, b"\0\x01c").is_err());
    assert!(header(18, 99, b"\0\x01c\x05").is_err());
    assert_eq!(header(18, 0, b"\xff\xfe").expect("null").client_id, None);
    assert!(header(18, 0, b"\0\x02\xff\xfe").is_ok(), "client ids need not be UTF-8");
    assert!(header(18, 0, b"\0\x03ab").is_err());
}

#[test]
fn an_answer_that_its_version_cannot_carry_is_an_error_and_no_panic() {
    let reply = |version, response| encode_reply(&Reply { correlation: 1, version, response, lease: None });
    let cluster = msg::DescribeClusterResponse::default().with_endpoint_type(2);
    assert!(matches!(reply(0, Response::DescribeCluster(cluster.clone())), Err(WireError::Unsayable(_))));
    assert!(reply(1, Response::DescribeCluster(cluster)).is_ok());
    assert!(reply(0, Response::Unsupported { api_key: 99 }).is_err());
    assert!(reply(99, Response::Fetch(FetchReply::default())).is_err());
}

#[test]
fn the_header_of_an_answer_to_api_versions_is_always_the_old_one() {
    for version in 0..=4 {
        let bytes = reply_bytes(version, Response::ApiVersions(msg::ApiVersionsResponse::default().with_error_code(35)));
        assert_eq!(bytes[4..10], [0, 0, 0, 77, 0, 35], "v{version}");
    }
}

#[test]
fn a_client_understands_a_broker_that_is_older_than_its_api_versions() {
    // As Kafka answers version 99: the error, and ApiVersions 0 to 4.
    let answer = Bytes::from_static(&[0, 0, 0, 1, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
    let (_, response) = decode_response(ApiKey::ApiVersions, 4, answer).expect("version 0's form");
    let Response::ApiVersions(response) = response else { panic!("ApiVersions") };
    assert_eq!((response.error_code, response.api_keys[0].api_key, response.api_keys[0].max_version), (35, 18, 4));
}

#[test]
fn only_produce_may_fill_a_large_frame() {
    let most = 100 << 20;
    assert_eq!(frame_bytes_max(0, most), most);
    for api in ApiKey::ALL.iter().skip(1) {
        assert!(frame_bytes_max(*api as i16, most) <= 4 << 20, "{api}");
        assert_eq!(frame_bytes_max(*api as i16, 1_000), 1_000);
    }
    assert!(frame_bytes_max(999, most) <= 1 << 20);
}

#[test]
fn a_produce_request_without_records_is_no_longer_than_other_lists() {
    let produce = |entries: i32| {
        let partitions = (0..entries).map(|index| msg::produce_request::PartitionProduceData::default().with_index(index));
        let topic = msg::produce_request::TopicProduceData::default().with_partition_data(partitions.collect());
        let mut bytes = bytes::BytesMut::new();
        msg::ProduceRequest::default().with_topic_data(vec![topic]).encode(&mut bytes, 13).expect("it can be said");
        Produce::read(&mut bytes.freeze(), 13)
    };
    assert!(produce(500_000).is_ok());
    assert!(matches!(produce(1_000_000), Err(WireError::Malformed(_))));
}

fn batch(value: &[u8]) -> Checked {
    let mut builder = BatchBuilder::new(Compression::default());
    builder.push(1, None, Some(value), []);
    builder.build().expect("no codec")
}

#[test]
fn a_produce_request_shares_its_frame_with_its_records_and_copies_its_names() {
    let good = batch(b"hello");
    for version in 3..=13 {
        let partitions = vec![
            ProducePartition { index: 4, records: Ok(good.clone()) },
            ProducePartition {
                index: 5,
                records: Err(batch::RecordsError::new(ErrorCode::InvalidRecord, batch::Scope::Log, "")),
            },
        ];
        let name = if version < 13 { "orders".to_owned() } else { String::new() };
        let id = TopicId(uuid::Uuid::from_u128(if version < 13 { 0 } else { 9 }));
        let produce = Produce {
            transactional_id: Some("tx".to_owned()),
            acks: -1,
            timeout_ms: 30,
            topics: vec![ProduceTopic { name: name.clone(), id, partitions }],
        };
        let bytes = wire(&RequestFrame { request: Request::Produce(produce), ..frame(ApiKey::Produce, version) });
        let Request::Produce(got) = decode_request(bytes.clone()).expect("our own").request else { panic!("a Produce") };
        assert_eq!((got.transactional_id.as_deref(), got.acks, got.timeout_ms), (Some("tx"), -1, 30));
        assert_eq!((&got.topics[0].name, got.topics[0].id), (&name, id));
        let records = got.topics[0].partitions[0].records.as_ref().expect("good");
        assert_eq!(records, &good);
        assert!(bytes.as_ptr_range().contains(&records.bytes.as_ptr()), "a slice of the frame");
        assert!(got.topics[0].partitions[1].records.is_err());
        assert!(got.refusal().is_none() && !got.has_transactional_records());
    }
}

#[test]
fn one_malformed_batch_refuses_the_whole_produce_request_as_kafka_does() {
    let partition = |bytes: Bytes| ProducePartition { index: 0, records: Ok(Checked { bytes, batches: Vec::new() }) };
    let sent = |partitions| {
        let topics = vec![ProduceTopic { name: "t".to_owned(), id: TopicId::default(), partitions }];
        let request = Request::Produce(Produce { topics, ..Produce::default() });
        let bytes = wire(&RequestFrame { request, ..frame(ApiKey::Produce, 8) });
        let Request::Produce(got) = decode_request(bytes).expect("frames are fine").request else { panic!("a Produce") };
        got
    };
    let got = sent(vec![partition(batch(b"good").bytes), partition(Bytes::from_static(&[0; 12]))]);
    assert_eq!(got.refusal().map(|e| e.code), Some(ErrorCode::CorruptMessage));
    let got = sent(vec![partition(batch(b"good").bytes), partition(Bytes::new())]);
    assert!(got.refusal().is_none() && got.topics[0].partitions[1].records.is_err());
    let mut builder = BatchBuilder::new(Compression::default()).producer(1, 0, 0).transactional(true);
    builder.push(1, None, None, []);
    assert!(sent(vec![partition(builder.build().expect("no codec").bytes)]).has_transactional_records());
}

/// The answer as the protocol crate would encode it.
fn as_crate(reply: &FetchReply, version: i16) -> Bytes {
    use msg::fetch_response as m;
    let text = |s: &str| StrBytes::from_string(s.to_owned());
    let partition = |p: &FetchPartitionReply| {
        let records: Vec<u8> = p
            .records
            .iter()
            .flat_map(|c| match c {
                Chunk::Bytes(b) => b.to_vec(),
                Chunk::File { .. } => panic!("no files here"),
            })
            .collect();
        let aborted = p.aborted.as_ref().map(|list| {
            list.iter()
                .map(|a| {
                    m::AbortedTransaction::default().with_producer_id(a.producer_id.into()).with_first_offset(a.first_offset)
                })
                .collect()
        });
        let mut data = m::PartitionData::default()
            .with_partition_index(p.index)
            .with_error_code(p.error_code)
            .with_high_watermark(p.high_watermark)
            .with_last_stable_offset(p.last_stable_offset)
            .with_log_start_offset(p.log_start_offset)
            .with_aborted_transactions(aborted)
            .with_records(Some(records.into()));
        if version >= 11 {
            data = data.with_preferred_read_replica(p.preferred_read_replica.into());
        }
        if let Some((epoch, end)) = p.diverging.filter(|_| version >= 12) {
            data = data.with_diverging_epoch(m::EpochEndOffset::default().with_epoch(epoch).with_end_offset(end));
        }
        if let Some((leader, epoch)) = p.current_leader.filter(|_| version >= 12) {
            data =
                data.with_current_leader(m::LeaderIdAndEpoch::default().with_leader_id(leader.into()).with_leader_epoch(epoch));
        }
        data
    };
    let topic = |t: &FetchTopicReply| {
        m::FetchableTopicResponse::default()
            .with_topic(msg::TopicName(text(&t.name)))
            .with_topic_id(t.id.0)
            .with_partitions(t.partitions.iter().map(partition).collect())
    };
    let endpoint = |e: &NodeEndpoint| {
        m::NodeEndpoint::default()
            .with_node_id(e.node_id.into())
            .with_host(text(&e.host))
            .with_port(e.port)
            .with_rack(e.rack.as_deref().map(text))
    };
    let mut body = msg::FetchResponse::default()
        .with_throttle_time_ms(reply.throttle_time_ms)
        .with_error_code(reply.error_code)
        .with_responses(reply.topics.iter().map(topic).collect());
    if version >= 7 {
        body = body.with_session_id(reply.session_id);
    }
    if version >= 16 {
        body = body.with_node_endpoints(reply.node_endpoints.iter().map(endpoint).collect());
    }
    let mut bytes = BytesMut::new();
    body.encode(&mut bytes, version).expect("valid for its version");
    bytes.freeze()
}

fn any_partition() -> impl Strategy<Value = FetchPartitionReply> {
    let aborted = (any::<i64>(), any::<i64>()).prop_map(|(producer_id, first_offset)| Aborted { producer_id, first_offset });
    let chunk = proptest::collection::vec(any::<u8>(), 0..300).prop_map(|b| Chunk::Bytes(b.into()));
    let numbers = (any::<i32>(), any::<i16>(), any::<i64>(), any::<i64>(), any::<i64>(), any::<i32>());
    let lists = (
        proptest::option::of(proptest::collection::vec(aborted, 0..3)),
        proptest::option::of((-1i32..3, -1i64..3)),
        proptest::option::of((-1i32..3, -1i32..3)),
        proptest::collection::vec(chunk, 0..3),
    );
    (numbers, lists).prop_map(|((index, error_code, hw, lso, start, preferred), (aborted, diverging, leader, records))| {
        FetchPartitionReply {
            index,
            error_code,
            high_watermark: hw,
            last_stable_offset: lso,
            log_start_offset: start,
            aborted,
            preferred_read_replica: preferred,
            diverging,
            current_leader: leader,
            records,
        }
    })
}

fn any_fetch() -> impl Strategy<Value = FetchReply> {
    let topic = ("[a-z]{0,200}", any::<u128>(), proptest::collection::vec(any_partition(), 0..3))
        .prop_map(|(name, id, partitions)| FetchTopicReply { name, id: TopicId(uuid::Uuid::from_u128(id)), partitions });
    let endpoint = (any::<i32>(), "[a-z]{0,140}", any::<i32>(), proptest::option::of("[a-z]{0,5}"))
        .prop_map(|(node_id, host, port, rack)| NodeEndpoint { node_id, host, port, rack });
    let topics = proptest::collection::vec(topic, 0..4);
    (any::<i32>(), any::<i16>(), any::<i32>(), topics, proptest::collection::vec(endpoint, 0..3)).prop_map(
        |(throttle_time_ms, error_code, session_id, topics, node_endpoints)| FetchReply {
            throttle_time_ms,
            error_code,
            session_id,
            topics,
            node_endpoints,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn fetch_answers_are_laid_out_as_the_protocol_crate_lays_them_out(reply in any_fetch(), version in 4i16..19) {
        let bytes = reply_bytes(version, Response::Fetch(reply.clone()));
        let header = if version >= 12 { 9 } else { 8 };
        prop_assert_eq!(&bytes[header..], &as_crate(&reply, version)[..]);
        let (_, response) = decode_response(ApiKey::Fetch, version, bytes.slice(4..)).expect("our own");
        prop_assert_eq!(reply_bytes(version, response), bytes);
    }

    #[test]
    fn hostile_frames_never_panic(
        pick in any::<usize>(),
        hits in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..5),
        tail in proptest::collection::vec(any::<u8>(), 0..100),
        cut in any::<usize>(),
    ) {
        let all: Vec<(ApiKey, i16)> = every_version().collect();
        let (api, version) = all[pick % all.len()];
        let request = wire(&frame(api, version));
        let response = reply_bytes(version, Response::empty(api)).slice(4..);
        for (start, bytes) in [(4, request), (0, response)] {
            let mut bytes = bytes.to_vec();
            bytes.truncate(start + cut % (bytes.len() + 1 - start));
            bytes.extend_from_slice(&tail);
            for (at, byte) in &hits {
                let at = start + at % (bytes.len() + 1 - start);
                if at < bytes.len() {
                    bytes[at] = *byte;
                }
            }
            let _ = decode_response(api, version, bytes.clone().into());
            let _ = decode_request(bytes.into());
        }
    }

    #[test]
    fn hostile_produce_requests_never_panic(hits in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6), version in 3i16..14) {
        let partition = ProducePartition { index: 0, records: Ok(batch(b"hello")) };
        let topic = ProduceTopic { name: "t".to_owned(), id: TopicId::default(), partitions: vec![partition] };
        let produce = Produce { topics: vec![topic], ..Produce::default() };
        let sent = RequestFrame { request: Request::Produce(produce), ..frame(ApiKey::Produce, version) };
        let mut bytes = wire(&sent).to_vec();
        for (at, byte) in hits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let _ = decode_request(bytes.into());
    }

    #[test]
    fn the_records_of_a_produce_request_are_measured_as_they_are_decoded(
        topics in proptest::collection::vec(("[a-z]{0,9}", proptest::collection::vec(proptest::option::of(0usize..300), 0..5)), 0..4),
        transactional_id in proptest::option::of("[a-z]{0,200}"),
        hits in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..3),
        version in 3i16..14,
    ) {
        let partition = |records: &Option<usize>| {
            msg::produce_request::PartitionProduceData::default().with_records(records.map(|len| Bytes::from(vec![0; len])))
        };
        let topic = |(name, partitions): &(String, Vec<Option<usize>>)| {
            let name = if version < 13 { name.clone() } else { String::new() };
            msg::produce_request::TopicProduceData::default()
                .with_name(msg::TopicName(StrBytes::from_string(name)))
                .with_partition_data(partitions.iter().map(partition).collect())
        };
        let mut bytes = bytes::BytesMut::new();
        msg::ProduceRequest::default()
            .with_transactional_id(transactional_id.map(|id| StrBytes::from_string(id).into()))
            .with_topic_data(topics.iter().map(topic).collect())
            .encode(&mut bytes, version)
            .expect("it can be said");
        for (at, byte) in hits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let bytes = bytes.freeze();
        if let Ok(request) = msg::ProduceRequest::decode(&mut bytes.clone(), version) {
            let partitions = request.topic_data.iter().flat_map(|t| &t.partition_data);
            let len: usize = partitions.filter_map(|p| p.records.as_ref()).map(Bytes::len).sum();
            prop_assert_eq!(produce::records_bytes(bytes, version), Ok(len));
        }
    }
}

#[test]
fn file_ranges_stay_between_the_bytes_that_frame_them() {
    use crate::ids::{BytePos, DirId};
    use crate::io::{FileId, FileKind};
    let file = Chunk::File { file: FileId::new(DirId(1), FileKind::Log, 0), pos: BytePos(100), len: 5_000 };
    let partition = |records| FetchPartitionReply { records, ..FetchPartitionReply::default() };
    let partitions = vec![partition(vec![file.clone(), Chunk::Bytes(Bytes::from_static(b"tail"))]), partition(vec![])];
    let reply = FetchReply {
        topics: vec![FetchTopicReply { name: "t".to_owned(), partitions, ..FetchTopicReply::default() }],
        ..FetchReply::default()
    };
    let reply = Reply { correlation: 1, version: 12, response: Response::Fetch(reply), lease: None };
    let chunks = encode_reply(&reply).expect("valid");
    assert!(matches!(&chunks[..], [Chunk::Bytes(_), f, Chunk::Bytes(b), Chunk::Bytes(_)] if *f == file && &b[..] == b"tail"));
    let Chunk::Bytes(head) = &chunks[0] else { panic!("bytes first") };
    let size: usize = chunks.iter().map(Chunk::size).sum();
    assert_eq!(head[..4], u32::try_from(size - 4).expect("small").to_be_bytes());
}
