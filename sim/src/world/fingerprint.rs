//! What of an input or an effect goes into the digest of a run: all of it.
//!
//! State       none.
//! Holds       no field is left out, and none can be forgotten. Structs of the core are taken apart field by field, so that a new field
//!             does not compile until it goes in, too; those of the protocol crate forbid that, and a test compares their fields with
//!             what is listed here. Whatever is rare goes in as its debug text. Of bytes their length and their checksum goes in.
//!             Lists say their length, and alternatives which one it is, so that no two values give the same words.
//! Not here    the digest itself.

use crate::digest::Digest;
use bytes::Bytes;
use ottla_core::ids::{BytePos, ConnId, DirId, LeaseId, OpId, TopicId};
use ottla_core::io::{
    Chunk, DiskCall, DiskDone, DiskFault, Effect, Fact, FileId, FileKind, FileName, Input, Level, Reply, Suffix, Volume,
};
use ottla_core::wire::batch::{Attributes, BatchInfo, Checked, RecordsError, Seen};
use ottla_core::wire::msg::{self, StrBytes};
use ottla_core::wire::{
    Aborted, FetchPartitionReply, FetchReply, FetchTopicReply, NodeEndpoint, Produce, ProducePartition, ProduceTopic, Request,
    RequestFrame, Response,
};
use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

/// Something that goes in as a whole.
trait Whole {
    fn put(&self, d: &mut Digest);
}

pub(super) fn input(d: &mut Digest, node: u32, now_ns: u64, input: &Input) {
    now_ns.put(d);
    node.put(d);
    input.put(d);
}

pub(super) fn effect(d: &mut Digest, node: u32, effect: &Effect) {
    node.put(d);
    effect.put(d);
}

/// Which of several alternatives it is, and its parts.
macro_rules! put {
    ($d:ident, $which:expr $(, $part:expr)*) => {{
        $d.word($which);
        $($part.put($d);)*
    }};
}

macro_rules! numbers {
    ($($type:ty),*) => { $(impl Whole for $type {
        fn put(&self, d: &mut Digest) {
            d.word(*self as u64);
        }
    })* };
}

// The last ones are enums whose variants carry nothing.
numbers!(bool, i8, i16, i32, i64, u32, u64, DiskFault, FileKind, Level, Suffix);

macro_rules! newtypes {
    ($($type:ty),*) => { $(impl Whole for $type {
        fn put(&self, d: &mut Digest) {
            self.0.put(d);
        }
    })* };
}

newtypes!(Attributes, BytePos, ConnId, DirId, LeaseId, OpId, TopicId, msg::BrokerId, msg::TopicName);

macro_rules! texts {
    ($($type:ty),*) => { $(impl Whole for $type {
        fn put(&self, d: &mut Digest) {
            d.text(self);
        }
    })* };
}

texts!(str, String, StrBytes);

impl Whole for uuid::Uuid {
    fn put(&self, d: &mut Digest) {
        let (high, low) = self.as_u64_pair();
        put!(d, high, low);
    }
}

impl Whole for Bytes {
    fn put(&self, d: &mut Digest) {
        d.bytes(self);
    }
}

impl<T: Whole> Whole for Option<T> {
    fn put(&self, d: &mut Digest) {
        match self {
            None => d.word(0),
            Some(value) => put!(d, 1, value),
        }
    }
}

impl<T: Whole, E: Whole> Whole for Result<T, E> {
    fn put(&self, d: &mut Digest) {
        match self {
            Ok(value) => put!(d, 0, value),
            Err(error) => put!(d, 1, error),
        }
    }
}

impl<T: Whole> Whole for Vec<T> {
    fn put(&self, d: &mut Digest) {
        d.word(self.len() as u64);
        self.iter().for_each(|item| item.put(d));
    }
}

impl<A: Whole, B: Whole> Whole for (A, B) {
    fn put(&self, d: &mut Digest) {
        self.0.put(d);
        self.1.put(d);
    }
}

impl<K: Whole, V: Whole> Whole for BTreeMap<K, V> {
    fn put(&self, d: &mut Digest) {
        d.word(self.len() as u64);
        self.iter().for_each(|(key, value)| put!(d, 0, key, value));
    }
}

/// Its debug text, piece by piece.
fn text(d: &mut Digest, value: &impl Debug) {
    struct Pieces<'a>(&'a mut Digest);
    impl std::fmt::Write for Pieces<'_> {
        fn write_str(&mut self, piece: &str) -> std::fmt::Result {
            self.0.text(piece);
            Ok(())
        }
    }
    let _ = write!(Pieces(d), "{value:?}");
    // No piece is so long.
    d.word(u64::MAX);
}

impl Whole for RecordsError {
    fn put(&self, d: &mut Digest) {
        text(d, self);
    }
}

// Structs of the core. The pattern names every field, or this does not compile.
macro_rules! ours {
    ($($type:ident { $($field:ident),* })*) => { $(impl Whole for $type {
        fn put(&self, d: &mut Digest) {
            let $type { $($field),* } = self;
            $($field.put(d);)*
        }
    })* };
}

ours! {
    RequestFrame { correlation, version, client_id, size, request }
    Produce { transactional_id, acks, timeout_ms, topics }
    ProduceTopic { name, id, partitions }
    ProducePartition { index, records }
    Checked { bytes, batches }
    BatchInfo {
        pos, len, base_offset, last_offset_delta, leader_epoch, crc, attributes, base_timestamp, max_timestamp, producer_id,
        producer_epoch, base_sequence, count, seen
    }
    Seen { min_timestamp, max_timestamp, max_timestamp_delta, keyless }
    Reply { correlation, version, response, lease }
    FetchReply { throttle_time_ms, error_code, session_id, topics, node_endpoints }
    NodeEndpoint { node_id, host, port, rack }
    FetchTopicReply { name, id, partitions }
    FetchPartitionReply {
        index, error_code, high_watermark, last_stable_offset, log_start_offset, aborted, preferred_read_replica, diverging,
        current_leader, records
    }
    Aborted { producer_id, first_offset }
    FileId { dir, name }
    FileName { kind, base, epoch, suffix }
    Fact { level, name, detail }
    Volume { total_bytes, usable_bytes }
}

/// Structs of the protocol crate, of what is frequent. It lets nobody name all fields in a pattern: the test below does instead.
macro_rules! theirs {
    ($($type:ty { $($field:ident),* })*) => {
        $(impl Whole for $type {
            fn put(&self, d: &mut Digest) {
                $(self.$field.put(d);)*
            }
        })*

        /// Debug texts, and which fields go in.
        #[cfg(test)]
        fn listed() -> Vec<(String, Vec<&'static str>)> {
            vec![$((format!("{:#?}", <$type>::default()), vec![$(stringify!($field)),*])),*]
        }
    };
}

theirs! {
    msg::FetchRequest {
        cluster_id, replica_id, replica_state, max_wait_ms, min_bytes, max_bytes, isolation_level, session_id, session_epoch, topics,
        forgotten_topics_data, rack_id, unknown_tagged_fields
    }
    msg::fetch_request::ReplicaState { replica_id, replica_epoch, unknown_tagged_fields }
    msg::fetch_request::FetchTopic { topic, topic_id, partitions, unknown_tagged_fields }
    msg::fetch_request::FetchPartition {
        partition, current_leader_epoch, fetch_offset, last_fetched_epoch, log_start_offset, partition_max_bytes,
        replica_directory_id, high_watermark, unknown_tagged_fields
    }
    msg::fetch_request::ForgottenTopic { topic, topic_id, partitions, unknown_tagged_fields }
    msg::ListOffsetsRequest { replica_id, isolation_level, topics, timeout_ms, unknown_tagged_fields }
    msg::list_offsets_request::ListOffsetsTopic { name, partitions, unknown_tagged_fields }
    msg::list_offsets_request::ListOffsetsPartition { partition_index, current_leader_epoch, timestamp, unknown_tagged_fields }
    msg::MetadataRequest {
        topics, allow_auto_topic_creation, include_cluster_authorized_operations, include_topic_authorized_operations,
        unknown_tagged_fields
    }
    msg::metadata_request::MetadataRequestTopic { topic_id, name, unknown_tagged_fields }
    msg::ProduceResponse { responses, throttle_time_ms, node_endpoints, unknown_tagged_fields }
    msg::produce_response::TopicProduceResponse { name, topic_id, partition_responses, unknown_tagged_fields }
    msg::produce_response::PartitionProduceResponse {
        index, error_code, base_offset, log_append_time_ms, log_start_offset, record_errors, error_message, current_leader,
        unknown_tagged_fields
    }
    msg::produce_response::BatchIndexAndErrorMessage { batch_index, batch_index_error_message, unknown_tagged_fields }
    msg::produce_response::LeaderIdAndEpoch { leader_id, leader_epoch, unknown_tagged_fields }
    msg::produce_response::NodeEndpoint { node_id, host, port, rack, unknown_tagged_fields }
    msg::ListOffsetsResponse { throttle_time_ms, topics, unknown_tagged_fields }
    msg::list_offsets_response::ListOffsetsTopicResponse { name, partitions, unknown_tagged_fields }
    msg::list_offsets_response::ListOffsetsPartitionResponse {
        partition_index, error_code, timestamp, offset, leader_epoch, unknown_tagged_fields
    }
    msg::MetadataResponse {
        throttle_time_ms, brokers, cluster_id, controller_id, topics, cluster_authorized_operations, error_code, unknown_tagged_fields
    }
    msg::metadata_response::MetadataResponseBroker { node_id, host, port, rack, unknown_tagged_fields }
    msg::metadata_response::MetadataResponseTopic {
        error_code, name, topic_id, is_internal, partitions, topic_authorized_operations, unknown_tagged_fields
    }
    msg::metadata_response::MetadataResponsePartition {
        error_code, partition_index, leader_id, leader_epoch, replica_nodes, isr_nodes, offline_replicas, unknown_tagged_fields
    }
    msg::ApiVersionsResponse {
        error_code, api_keys, throttle_time_ms, supported_features, finalized_features_epoch, finalized_features, zk_migration_ready,
        unknown_tagged_fields
    }
    msg::api_versions_response::ApiVersion { api_key, min_version, max_version, unknown_tagged_fields }
    msg::api_versions_response::SupportedFeatureKey { name, min_version, max_version, unknown_tagged_fields }
    msg::api_versions_response::FinalizedFeatureKey { name, max_version_level, min_version_level, unknown_tagged_fields }
}

impl Whole for Input {
    fn put(&self, d: &mut Digest) {
        match self {
            Input::Opened { conn, host } => put!(d, 1, conn, host),
            Input::Request { conn, request } => put!(d, 2, conn, request),
            Input::Closed { conn } => put!(d, 3, conn),
            Input::Disk { op, result } => put!(d, 4, op, result),
            Input::Released { lease } => put!(d, 5, lease),
            Input::Volume(volume) => put!(d, 6, volume),
            Input::Shutdown => d.word(7),
            Input::Wake => d.word(8),
            Input::Unreadable { file, pos, len } => put!(d, 9, file, pos, len),
        }
    }
}

impl Whole for Effect {
    fn put(&self, d: &mut Digest) {
        match self {
            Effect::Reply { conn, reply } => put!(d, 11, conn, reply),
            Effect::Close { conn } => put!(d, 12, conn),
            Effect::Disk { op, file, call } => put!(d, 13, op, file, call),
            Effect::Note(fact) => put!(d, 14, fact),
            Effect::Halt(fatal) => {
                d.word(15);
                text(d, fatal);
            }
        }
    }
}

impl Whole for Request {
    fn put(&self, d: &mut Digest) {
        match self {
            Request::Produce(request) => put!(d, 1, request),
            Request::Fetch(request) => put!(d, 2, request),
            Request::ListOffsets(request) => put!(d, 3, request),
            Request::Metadata(request) => put!(d, 4, request),
            other => {
                d.word(0);
                text(d, other);
            }
        }
    }
}

impl Whole for Response {
    fn put(&self, d: &mut Digest) {
        match self {
            Response::Produce(response) => put!(d, 1, response),
            Response::Fetch(response) => put!(d, 2, response),
            Response::ListOffsets(response) => put!(d, 3, response),
            Response::Metadata(response) => put!(d, 4, response),
            Response::ApiVersions(response) => put!(d, 5, response),
            other => {
                d.word(0);
                text(d, other);
            }
        }
    }
}

impl Whole for Chunk {
    fn put(&self, d: &mut Digest) {
        match self {
            Chunk::Bytes(bytes) => put!(d, 1, bytes),
            Chunk::File { file, pos, len } => put!(d, 2, file, pos, len),
        }
    }
}

impl Whole for DiskDone {
    fn put(&self, d: &mut Digest) {
        match self {
            DiskDone::Done => d.word(1),
            DiskDone::Read(bytes) => put!(d, 2, bytes),
        }
    }
}

impl Whole for DiskCall {
    fn put(&self, d: &mut Digest) {
        match self {
            DiskCall::Create => d.word(1),
            DiskCall::Append { pos, data } => {
                put!(d, 2, pos, (data.len() as u64));
                let mut last: Option<(&Bytes, u64)> = None;
                for part in data {
                    // The same bytes again and again, where a broker fills its reserve.
                    let known = last.filter(|(l, _)| (l.as_ptr(), l.len()) == (part.as_ptr(), part.len()));
                    let word = known.map_or_else(|| Digest::word_of(part), |(_, word)| word);
                    d.word(word);
                    last = Some((part, word));
                }
            }
            DiskCall::Read { pos, len } => put!(d, 3, pos, len),
            DiskCall::Sync => d.word(4),
            DiskCall::Rewrite { pos, len } => put!(d, 5, pos, len),
            DiskCall::Truncate { len } => put!(d, 6, len),
            DiskCall::Rename { to } => put!(d, 7, to),
            DiskCall::Remove => d.word(8),
            DiskCall::MakeDir { path } => put!(d, 9, path),
            DiskCall::RenameDir { path } => put!(d, 10, path),
            DiskCall::RemoveDir => d.word(11),
            DiskCall::SyncDir => d.word(12),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_core::io::{Fatal, ROOT};
    use ottla_core::wire::ErrorCode;
    use ottla_core::wire::batch::Scope;

    /// What pattern matching says of the core's structs, said of those of the protocol crate.
    #[test]
    fn every_field_of_the_protocol_crates_structs_is_listed() {
        for (shown, fields) in listed() {
            let shown_fields = shown.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(": "));
            let shown_fields: Vec<&str> = shown_fields.map(|(name, _)| name).filter(|name| !name.starts_with(' ')).collect();
            assert_eq!(shown_fields, fields, "{shown}");
        }
        assert_eq!(listed().len(), 27);
    }

    fn of(value: &impl Whole) -> u128 {
        let mut d = Digest::default();
        value.put(&mut d);
        d.value()
    }

    /// Every change gives another fingerprint than none, and than every other.
    fn all_differ<T: Whole + Clone>(base: &T, changes: &[fn(&mut T)]) {
        let changed = changes.iter().map(|change| {
            let mut value = base.clone();
            change(&mut value);
            of(&value)
        });
        let all: Vec<u128> = std::iter::once(of(base)).chain(changed).collect();
        let again = |n: &usize| all[..*n].contains(&all[*n]);
        let alike: Vec<usize> = (0..all.len()).filter(again).collect();
        assert_eq!(alike, Vec::<usize>::new(), "the change of this number changes nothing, or the same as one before it");
        assert_eq!(of(base), of(&base.clone()));
    }

    fn frame(request: Request) -> RequestFrame {
        RequestFrame { correlation: 1, version: 7, client_id: None, size: 100, request }
    }

    fn in_produce(frame: &mut RequestFrame, change: impl FnOnce(&mut Produce)) {
        if let Request::Produce(produce) = &mut frame.request {
            change(produce);
        }
    }

    fn in_batch(frame: &mut RequestFrame, change: impl Fn(&mut Checked)) {
        in_produce(frame, |p| p.topics[0].partitions[0].records.as_mut().into_iter().for_each(&change));
    }

    #[test]
    fn a_produce_request_goes_in_as_a_whole() {
        let info = BatchInfo {
            pos: 0,
            len: 61,
            base_offset: 0,
            last_offset_delta: 0,
            leader_epoch: 0,
            crc: 0,
            attributes: Attributes(0),
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            count: 1,
            seen: None,
        };
        let records = Ok(Checked { bytes: Bytes::from_static(&[7; 61]), batches: vec![info] });
        let partitions = vec![ProducePartition { index: 0, records }];
        let topics = vec![ProduceTopic { name: "t".into(), id: TopicId::default(), partitions }];
        let base = frame(Request::Produce(Produce { transactional_id: None, acks: -1, timeout_ms: 30_000, topics }));
        all_differ(
            &base,
            &[
                |f| f.correlation = 2,
                |f| f.version = 8,
                |f| f.client_id = Some(String::new()),
                |f| f.size = 101,
                |f| in_produce(f, |p| p.transactional_id = Some(String::new())),
                |f| in_produce(f, |p| p.acks = 1),
                |f| in_produce(f, |p| p.timeout_ms = 30_001),
                |f| in_produce(f, |p| p.topics.clear()),
                |f| in_produce(f, |p| p.topics[0].name = "u".into()),
                |f| in_produce(f, |p| p.topics[0].id = TopicId(uuid::Uuid::from_u128(1))),
                |f| in_produce(f, |p| p.topics[0].partitions[0].index = 1),
                |f| in_batch(f, |checked| checked.bytes = Bytes::from_static(&[8; 61])),
                |f| in_batch(f, |checked| checked.batches[0].base_sequence = 1),
                |f| in_batch(f, |checked| checked.batches[0].attributes = Attributes(8)),
                |f| in_batch(f, |checked| checked.batches.clear()),
                |f| {
                    let refused = RecordsError::new(ErrorCode::InvalidRecord, Scope::Log, "a detail");
                    in_produce(f, |p| p.topics[0].partitions[0].records = Err(refused));
                },
                |f| {
                    let refused = RecordsError::new(ErrorCode::InvalidRecord, Scope::Log, "another");
                    in_produce(f, |p| p.topics[0].partitions[0].records = Err(refused));
                },
            ],
        );
    }

    #[test]
    fn a_request_that_asks_goes_in_as_a_whole() {
        fn fetch(frame: &mut RequestFrame, change: impl FnOnce(&mut msg::FetchRequest)) {
            if let Request::Fetch(fetch) = &mut frame.request {
                change(fetch);
            }
        }
        let part = msg::fetch_request::FetchPartition::default();
        let topic = msg::fetch_request::FetchTopic::default().with_partitions(vec![part]);
        let base = frame(Request::Fetch(msg::FetchRequest::default().with_max_bytes(1 << 20).with_topics(vec![topic])));
        all_differ(
            &base,
            &[
                |f| fetch(f, |r| r.max_bytes -= 1),
                |f| fetch(f, |r| r.min_bytes += 1),
                |f| fetch(f, |r| r.max_wait_ms += 1),
                |f| fetch(f, |r| r.isolation_level = 1),
                |f| fetch(f, |r| r.session_id = 1),
                |f| fetch(f, |r| r.session_epoch = 1),
                |f| fetch(f, |r| r.rack_id = StrBytes::from_static_str("r")),
                |f| fetch(f, |r| drop(r.unknown_tagged_fields.insert(1, Bytes::new()))),
                |f| fetch(f, |r| r.forgotten_topics_data.push(Default::default())),
                |f| fetch(f, |r| r.topics.clear()),
                |f| fetch(f, |r| r.topics[0].topic_id = uuid::Uuid::from_u128(1)),
                |f| fetch(f, |r| r.topics[0].topic_id = uuid::Uuid::from_u128(1 << 64)),
                |f| fetch(f, |r| r.topics[0].partitions[0].partition = 1),
                |f| fetch(f, |r| r.topics[0].partitions[0].fetch_offset = 1),
                |f| fetch(f, |r| r.topics[0].partitions[0].partition_max_bytes = 1),
                |f| fetch(f, |r| r.topics[0].partitions[0].current_leader_epoch = 1),
                |f| f.request = Request::ListOffsets(msg::ListOffsetsRequest::default()),
                |f| f.request = Request::ListOffsets(msg::ListOffsetsRequest::default().with_isolation_level(1)),
                |f| f.request = Request::Metadata(msg::MetadataRequest::default()),
                |f| f.request = Request::Metadata(msg::MetadataRequest::default().with_topics(None)),
                |f| f.request = Request::CreateTopics(msg::CreateTopicsRequest::default()),
                |f| f.request = Request::CreateTopics(msg::CreateTopicsRequest::default().with_timeout_ms(1)),
                |f| f.request = Request::CreateTopics(msg::CreateTopicsRequest::default().with_validate_only(true)),
                |f| f.request = Request::Unsupported { api_key: 9 },
            ],
        );
    }

    #[test]
    fn an_answer_goes_in_as_a_whole() {
        fn fetch(reply: &mut Reply, change: impl FnOnce(&mut FetchReply)) {
            if let Response::Fetch(fetch) = &mut reply.response {
                change(fetch);
            }
        }
        let file = FileId::new(DirId(3), FileKind::Log, 0);
        let records = vec![Chunk::File { file, pos: BytePos(7), len: 8 }];
        let partitions = vec![FetchPartitionReply { records, ..FetchPartitionReply::default() }];
        let topics = vec![FetchTopicReply { partitions, ..FetchTopicReply::default() }];
        let response = Response::Fetch(FetchReply { topics, ..FetchReply::default() });
        let base = Reply { correlation: 1, version: 7, response, lease: None };
        all_differ(
            &base,
            &[
                |r| r.correlation = 2,
                |r| r.version = 8,
                |r| r.lease = Some(LeaseId(0)),
                |r| fetch(r, |f| f.throttle_time_ms = 1),
                |r| fetch(r, |f| f.session_id = 1),
                |r| fetch(r, |f| f.node_endpoints.push(NodeEndpoint { node_id: 1, host: "h".into(), port: 1, rack: None })),
                |r| fetch(r, |f| f.topics[0].name = "t".into()),
                |r| fetch(r, |f| f.topics[0].id = TopicId(uuid::Uuid::from_u128(1))),
                |r| fetch(r, |f| f.topics[0].partitions[0].last_stable_offset = 1),
                |r| fetch(r, |f| f.topics[0].partitions[0].aborted = None),
                |r| fetch(r, |f| f.topics[0].partitions[0].diverging = Some((1, 2))),
                |r| fetch(r, |f| f.topics[0].partitions[0].current_leader = Some((1, 2))),
                |r| fetch(r, |f| f.topics[0].partitions[0].records = vec![Chunk::Bytes(Bytes::new())]),
                |r| {
                    let file = FileId::new(DirId(4), FileKind::Log, 0);
                    fetch(r, |f| f.topics[0].partitions[0].records = vec![Chunk::File { file, pos: BytePos(7), len: 8 }]);
                },
                |r| r.response = Response::Produce(msg::ProduceResponse::default()),
                |r| r.response = Response::Produce(msg::ProduceResponse::default().with_throttle_time_ms(1)),
                |r| r.response = Response::Metadata(msg::MetadataResponse::default()),
                |r| r.response = Response::Metadata(msg::MetadataResponse::default().with_cluster_id(Some(StrBytes::default()))),
                |r| r.response = Response::ApiVersions(msg::ApiVersionsResponse::default()),
                |r| r.response = Response::InitProducerId(msg::InitProducerIdResponse::default()),
                |r| r.response = Response::InitProducerId(msg::InitProducerIdResponse::default().with_producer_epoch(3)),
            ],
        );
    }

    #[test]
    fn a_disk_call_goes_in_as_a_whole() {
        fn renamed(base: i64, epoch: i32, suffix: Suffix) -> DiskCall {
            DiskCall::Rename { to: FileName { kind: FileKind::Checkpoint, base, epoch, suffix } }
        }
        let file = FileId::new(ROOT, FileKind::Log, 0);
        let append = DiskCall::Append { pos: BytePos(1), data: vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")] };
        fn to(effect: &mut Effect, call: DiskCall) {
            if let Effect::Disk { call: given, .. } = effect {
                *given = call;
            }
        }
        fn at(effect: &mut Effect, change: impl FnOnce(&mut FileName)) {
            if let Effect::Disk { file, .. } = effect {
                change(&mut file.name);
            }
        }
        all_differ(
            &Effect::Disk { op: OpId(1), file, call: append },
            &[
                |e| at(e, |name| name.base = 1),
                |e| at(e, |name| name.epoch = 1),
                |e| at(e, |name| name.kind = FileKind::Index),
                |e| at(e, |name| name.suffix = Suffix::Tmp),
                |e| to(e, DiskCall::Append { pos: BytePos(1), data: vec![Bytes::from_static(b"abc")] }),
                |e| to(e, DiskCall::Append { pos: BytePos(2), data: vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")] }),
                |e| to(e, renamed(0, 0, Suffix::None)),
                |e| to(e, renamed(1, 0, Suffix::None)),
                |e| to(e, renamed(0, 1, Suffix::None)),
                |e| to(e, renamed(0, 0, Suffix::Tmp)),
                |e| to(e, DiskCall::Read { pos: BytePos(1), len: 2 }),
                |e| to(e, DiskCall::Read { pos: BytePos(1 << 32), len: 2 }),
                |e| to(e, DiskCall::Read { pos: BytePos(1), len: 3 }),
                |e| to(e, DiskCall::Rewrite { pos: BytePos(1), len: 3 }),
                |e| to(e, DiskCall::Truncate { len: 3 }),
                |e| to(e, DiskCall::Truncate { len: 3 | 1 << 60 }),
                |e| to(e, DiskCall::MakeDir { path: "t-0".into() }),
                |e| to(e, DiskCall::RenameDir { path: "t-0".into() }),
                |e| to(e, DiskCall::RemoveDir),
            ],
        );
    }

    #[test]
    fn whatever_else_happens_goes_in_as_a_whole() {
        let opened = |conn, host: &str| Input::Opened { conn: ConnId(conn), host: host.into() };
        let disk = |op, result| Input::Disk { op: OpId(op), result };
        let unreadable = |pos, len| Input::Unreadable { file: FileId::new(DirId(1), FileKind::Log, 0), pos: BytePos(pos), len };
        let volume = |total_bytes, usable_bytes| Input::Volume(Volume { total_bytes, usable_bytes });
        let inputs = [
            opened(1, "/10.0.0.1"),
            opened(1, "/10.0.0.2"),
            opened(1 << 60 | 1, "/10.0.0.1"),
            Input::Closed { conn: ConnId(1) },
            Input::Released { lease: LeaseId(1) },
            unreadable(1, 2),
            unreadable(1, 3),
            unreadable(2, 2),
            disk(1, Ok(DiskDone::Done)),
            disk(1, Ok(DiskDone::Read(Bytes::new()))),
            disk(1, Err(DiskFault::Io)),
            disk(1, Err(DiskFault::NotFound)),
            disk(2, Err(DiskFault::NotFound)),
            volume(1, 2),
            volume(2, 1),
            Input::Shutdown,
            Input::Wake,
        ];
        let note = |level, detail: &str| Effect::Note(Fact { level, name: "a-name", detail: detail.into() });
        let effects = [
            note(Level::Info, "a"),
            note(Level::Warn, "a"),
            note(Level::Info, "b"),
            Effect::Close { conn: ConnId(1) },
            Effect::Halt(Fatal::Shutdown),
            Effect::Halt(Fatal::Unclean { what: "a".into() }),
            Effect::Halt(Fatal::Unclean { what: "b".into() }),
        ];
        let mut all: Vec<u128> = inputs.iter().map(of).chain(effects.iter().map(of)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), inputs.len() + effects.len());
        let at = |node, now_ns| {
            let mut d = Digest::default();
            input(&mut d, node, now_ns, &Input::Wake);
            d.value()
        };
        assert!(at(0, 1) != at(0, 2) && at(0, 1) != at(1, 1));
    }
}
