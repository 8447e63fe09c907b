//! A node on a disk in memory, with time that passes as it is told.

use crate::disk::Disk;
use bytes::Bytes;
use ottla_core::config::Settings;
use ottla_core::ids::{ConnId, OpId};
use ottla_core::io::{DiskCall, Effect, Fatal, FileId, Input, Reply};
use ottla_core::node::RecoverError;
use ottla_core::time::{Instant, Now, Timestamp};
use ottla_core::wire::batch::{BatchBuilder, Checked};
use ottla_core::wire::compress::Compression;
use ottla_core::wire::msg::fetch_request::{FetchPartition, FetchTopic};
use ottla_core::wire::msg::{FetchRequest, MetadataRequest, StrBytes, TopicName, metadata_request};
use ottla_core::wire::{
    ApiKey, Produce, ProducePartition, ProduceTopic, Request, RequestFrame, Response, decode_request, encode_reply,
    encode_request,
};
use ottla_core::{Node, NodeConfig};
use std::collections::VecDeque;

/// One life of a node.
#[derive(Debug)]
pub struct World {
    pub disk: Disk,
    pub now: Now,
    pub halted: Option<Fatal>,
    /// Every answer, with what a fetch has served in place of file ranges.
    pub replies: Vec<(ConnId, Reply, Vec<Bytes>)>,
    node: Option<Node>,
    calls: VecDeque<(OpId, FileId, DiskCall)>,
    closed: Vec<ConnId>,
}

/// Settings so small that every limit is met.
#[must_use]
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    let small = [("num.partitions", "2"), ("log.segment.bytes", "1048576"), ("ottla.reserve.bytes", "4096")];
    for (name, value) in small {
        settings.insert(name, value).expect("a setting");
    }
    settings
}

impl World {
    /// A life that begins on what the disk has.
    pub fn start(mut disk: Disk, settings: Settings) -> Result<World, RecoverError> {
        disk.dirs.clear();
        let config = NodeConfig {
            node_id: 1,
            advertised_host: "localhost".into(),
            advertised_port: 9092,
            settings,
            planted: Default::default(),
        };
        let now = Now { mono: Instant(1_000_000_000), wall: Timestamp(1_700_000_000_000) };
        let mut out = Vec::new();
        let node = Node::recover(config, 1, now, &mut disk, &mut out)?;
        let mut world =
            World { disk, now, halted: None, replies: Vec::new(), node: Some(node), calls: VecDeque::new(), closed: Vec::new() };
        world.take(out);
        world.drive();
        Ok(world)
    }

    /// Open a connection.
    pub fn open(&mut self, conn: ConnId) {
        self.closed.retain(|c| *c != conn);
        self.give(Input::Opened { conn, host: "/127.0.0.1".into() });
    }

    /// A frame's bytes, without its length. An edge closes the connection where they are no request.
    pub fn frame(&mut self, conn: ConnId, bytes: Bytes) {
        if self.closed.contains(&conn) || self.node.is_none() {
            return;
        }
        match decode_request(bytes) {
            Ok(request) => self.give(Input::Request { conn, request }),
            Err(_) => self.close(conn),
        }
    }

    /// The peer has gone.
    pub fn close(&mut self, conn: ConnId) {
        if !self.closed.contains(&conn) {
            self.closed.push(conn);
            self.give(Input::Closed { conn });
        }
    }

    pub fn shutdown(&mut self) {
        self.give(Input::Shutdown);
        self.drive();
        for _ in 0..100 {
            if self.node.is_none() {
                break;
            }
            self.pass(100);
        }
    }

    fn give(&mut self, input: Input) {
        let Some(node) = &mut self.node else { return };
        let mut out = Vec::new();
        node.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { conn, reply } => self.on_reply(conn, reply),
                Effect::Close { conn } => self.close(conn),
                Effect::Disk { op, file, call } => self.calls.push_back((op, file, call)),
                Effect::Note(_) => {}
                Effect::Halt(fatal) => {
                    self.halted = Some(fatal);
                    self.node = None;
                    self.calls.clear();
                    return;
                }
            }
        }
    }

    fn on_reply(&mut self, conn: ConnId, reply: Reply) {
        let mut served = Vec::new();
        if let Response::Fetch(fetched) = &reply.response {
            for partition in fetched.topics.iter().flat_map(|t| &t.partitions) {
                let parts: Vec<u8> = partition.records.iter().flat_map(|c| self.disk.range(c)).collect();
                served.push(Bytes::from(parts));
            }
        }
        let lease = reply.lease;
        let _ = encode_reply(&reply);
        self.replies.push((conn, reply, served));
        if let Some(lease) = lease {
            self.give(Input::Released { lease });
        }
    }

    /// Perform up to `n` disk calls.
    pub fn perform(&mut self, n: usize) {
        for _ in 0..n {
            let Some((op, file, call)) = self.calls.pop_front() else { return };
            let result = self.disk.perform(file, &call);
            self.give(Input::Disk { op, result });
        }
    }

    /// Perform all of them.
    pub fn drive(&mut self) {
        for round in 0.. {
            assert!(round < 100_000, "the node never becomes quiet");
            if self.calls.is_empty() || self.node.is_none() {
                return;
            }
            self.perform(1);
        }
    }

    /// Let time pass, with a wake-up at each deadline.
    pub fn pass(&mut self, ms: u64) {
        let end = Instant(self.now.mono.0 + ms * 1_000_000);
        for round in 0.. {
            assert!(round < 10_000, "the node wants too many wake-ups");
            let Some(deadline) = self.node.as_ref().and_then(Node::deadline).filter(|d| d.at <= end) else { break };
            self.advance_to(deadline.at.max(self.now.mono));
            self.give(Input::Wake);
            self.drive();
        }
        self.advance_to(end);
    }

    fn advance_to(&mut self, at: Instant) {
        let ms = i64::try_from(at.0 / 1_000_000 - self.now.mono.0 / 1_000_000).expect("small");
        self.now = Now { mono: at, wall: Timestamp(self.now.wall.0 + ms) };
    }
}

/// A frame of this API and version with this body. `tags`: the header has (no) tagged fields.
#[must_use]
pub fn frame(api: ApiKey, version: i16, tags: bool, body: &[u8]) -> Bytes {
    let mut frame = Vec::new();
    frame.extend_from_slice(&(api as i16).to_be_bytes());
    frame.extend_from_slice(&version.to_be_bytes());
    frame.extend_from_slice(&1i32.to_be_bytes());
    frame.extend_from_slice(&(-1i16).to_be_bytes());
    if tags {
        frame.push(0);
    }
    frame.extend_from_slice(body);
    frame.into()
}

/// A request as a frame.
#[must_use]
pub fn encoded(version: i16, request: Request) -> Bytes {
    let frame = RequestFrame { correlation: 1, version, client_id: None, size: 100, request };
    // Without its length.
    encode_request(&frame).expect("it can be said").slice(4..)
}

/// One batch of these values.
#[must_use]
pub fn batch(values: &[&[u8]]) -> Checked {
    let mut builder = BatchBuilder::new(Compression::default());
    for (i, value) in values.iter().enumerate() {
        builder.push(1_700_000_000_000 + i as i64, None, Some(value), []);
    }
    builder.build().expect("it builds")
}

/// Metadata of a topic, which creates it.
#[must_use]
pub fn metadata(topic: &str) -> Request {
    let wanted = metadata_request::MetadataRequestTopic::default().with_name(Some(name(topic)));
    Request::Metadata(MetadataRequest::default().with_topics(Some(vec![wanted])).with_allow_auto_topic_creation(true))
}

#[must_use]
pub fn produce(topic: &str, records: Checked) -> Request {
    let partitions = vec![ProducePartition { index: 0, records: Ok(records) }];
    let topics = vec![ProduceTopic { name: topic.into(), id: Default::default(), partitions }];
    Request::Produce(Produce { transactional_id: None, acks: -1, timeout_ms: 1000, topics })
}

#[must_use]
pub fn fetch(topic: &str, offset: i64) -> Request {
    let partition =
        FetchPartition::default().with_fetch_offset(offset).with_current_leader_epoch(-1).with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
    let fetch = FetchRequest::default().with_max_bytes(50 << 20).with_session_epoch(-1).with_topics(vec![topic]);
    Request::Fetch(fetch)
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// The data directory that a life with the topic `t` has left, in order or not: three batches in its first partition, and a
/// snapshot of the metadata.
#[must_use]
pub fn lived(in_order: bool) -> Disk {
    let mut settings = settings();
    settings.insert("metadata.log.max.record.bytes.between.snapshots", "1").expect("a setting");
    let mut world = World::start(Disk::default(), settings).expect("an empty directory");
    let conn = ConnId(1);
    world.open(conn);
    world.frame(conn, encoded(12, metadata("t")));
    world.drive();
    for values in [&[&b"one"[..], b"two"][..], &[b"three"], &[b"four", b"five", b"six"]] {
        world.frame(conn, encoded(9, produce("t", batch(values))));
        world.drive();
    }
    let Some((_, Reply { response: Response::Produce(last), .. }, _)) = world.replies.last() else { panic!("no answer") };
    assert_eq!(last.responses[0].partition_responses[0].error_code, 0, "it is appended");
    world.pass(61_000);
    if in_order {
        world.shutdown();
        assert_eq!(world.halted, Some(Fatal::Shutdown));
    }
    world.disk
}
