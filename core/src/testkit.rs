//! A world in memory for unit tests: a disk that honours `io.rs`, a node on it, and clients that speak in typed requests.
//!
//! State       files and directories by name, calls that have not been performed, replies by connection, the time.
//! Takes       what a test says: requests, time, which calls the disk shall hold back or fail.
//! Gives       replies; a node after `kill` and `start`.
//! Holds       calls on one file are performed in order; what a completion says is what the disk did.
//! Not here    faults by chance, power loss sector by sector, many nodes: those are the simulator's.

use crate::config::Settings;
use crate::ids::{ConnId, DirId, OpId, TopicId};
use crate::io::{Chunk, DiskCall, DiskDone, DiskFault, DiskImage, Effect, Fact, Fatal, FileId, FileKind, Input, Reply};
use crate::node::{Node, NodeConfig};
use crate::time::{Instant, Now, Timestamp};
use crate::wire::batch::{BatchBuilder, Checked, records};
use crate::wire::compress::Compression;
use crate::wire::msg::fetch_request::{FetchPartition, FetchTopic};
use crate::wire::msg::{
    FetchRequest, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest, MetadataResponse, ProduceResponse, StrBytes,
    TopicName, list_offsets_request, metadata_request, produce_response,
};
use crate::wire::{FetchPartitionReply, FetchReply, Produce, ProducePartition, ProduceTopic, Request, RequestFrame, Response};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Files by directory path ("" is the data directory) and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemDisk {
    dirs: BTreeMap<DirId, String>,
    files: BTreeMap<(String, String), Vec<u8>>,
    paths: std::collections::BTreeSet<String>,
}

impl MemDisk {
    fn key(&self, file: FileId) -> Result<(String, String), DiskFault> {
        let dir =
            if file.dir == DirId(0) { String::new() } else { self.dirs.get(&file.dir).cloned().ok_or(DiskFault::NotFound)? };
        Ok((dir, file.name.to_string()))
    }

    pub(crate) fn perform(&mut self, file: FileId, call: &DiskCall) -> Result<DiskDone, DiskFault> {
        let key = match call {
            DiskCall::MakeDir { path } => {
                self.dirs.insert(file.dir, path.clone());
                self.paths.insert(path.clone());
                return Ok(DiskDone::Done);
            }
            _ => self.key(file)?,
        };
        match call {
            DiskCall::Create => drop(self.files.insert(key, Vec::new())),
            DiskCall::Append { pos, data } => {
                let bytes = self.files.get_mut(&key).ok_or(DiskFault::NotFound)?;
                assert_eq!(pos.0, bytes.len() as u64, "an append to {file} that is not at its end");
                data.iter().for_each(|part| bytes.extend_from_slice(part));
            }
            DiskCall::Read { pos, len } => {
                let bytes = self.files.get(&key).ok_or(DiskFault::NotFound)?;
                return Ok(DiskDone::Read(slice(bytes, pos.0, *len as usize)));
            }
            DiskCall::Rewrite { .. } => drop(self.files.get(&key).ok_or(DiskFault::NotFound)?),
            DiskCall::Truncate { len } => self.files.get_mut(&key).ok_or(DiskFault::NotFound)?.truncate(*len as usize),
            DiskCall::Rename { to } => {
                let bytes = self.files.remove(&key).ok_or(DiskFault::NotFound)?;
                self.files.insert((key.0, to.to_string()), bytes);
            }
            DiskCall::Remove => drop(self.files.remove(&key)),
            DiskCall::RenameDir { path } => {
                let old = self.dirs.insert(file.dir, path.clone()).ok_or(DiskFault::NotFound)?;
                self.paths.remove(&old);
                self.paths.insert(path.clone());
                let moved: Vec<_> = self.files.keys().filter(|k| k.0 == old).cloned().collect();
                for key in moved {
                    let bytes = self.files.remove(&key).expect("listed");
                    self.files.insert((path.clone(), key.1), bytes);
                }
            }
            DiskCall::RemoveDir => {
                self.files.retain(|k, _| k.0 != key.0);
                self.paths.remove(&key.0);
            }
            DiskCall::Sync => drop(self.files.get(&key).ok_or(DiskFault::NotFound)?),
            DiskCall::SyncDir | DiskCall::MakeDir { .. } => {}
        }
        Ok(DiskDone::Done)
    }

    /// The directories, as paths.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.paths.iter().cloned().collect()
    }

    /// Make a directory behind the node's back.
    pub(crate) fn make_dir(&mut self, path: &str) {
        self.paths.insert(path.to_string());
    }

    /// Remove a directory with all that is in it behind the node's back.
    pub(crate) fn remove_dir(&mut self, path: &str) {
        self.paths.remove(path);
        self.files.retain(|k, _| k.0 != path);
    }

    /// Put a file there behind the node's back.
    pub(crate) fn perform_by_path(&mut self, dir: &str, name: &str, contents: &[u8]) {
        self.files.insert((dir.to_string(), name.to_string()), contents.to_vec());
    }

    /// A file by path and name.
    pub(crate) fn file(&self, dir: &str, name: &str) -> Option<&[u8]> {
        self.files.get(&(dir.to_string(), name.to_string())).map(Vec::as_slice)
    }

    fn range(&self, chunk: &Chunk) -> Bytes {
        match chunk {
            Chunk::Bytes(bytes) => bytes.clone(),
            Chunk::File { file, pos, len } => {
                let key = self.key(*file).expect("a chunk of a directory that is there");
                let bytes = self.files.get(&key).unwrap_or_else(|| panic!("a chunk of {file}, which is gone"));
                let found = slice(bytes, pos.0, *len as usize);
                assert_eq!(found.len(), *len as usize, "a chunk that reaches beyond {file}");
                found
            }
        }
    }
}

fn slice(bytes: &[u8], pos: u64, len: usize) -> Bytes {
    let from = usize::try_from(pos).expect("small").min(bytes.len());
    Bytes::copy_from_slice(&bytes[from..bytes.len().min(from + len)])
}

impl DiskImage for MemDisk {
    fn dirs(&self) -> Result<Vec<String>, DiskFault> {
        Ok(self.paths())
    }

    fn files(&self, dir: Option<&str>) -> Result<Vec<(String, u64)>, DiskFault> {
        let dir = dir.unwrap_or("");
        if !dir.is_empty() && !self.paths.contains(dir) {
            return Err(DiskFault::NotFound);
        }
        Ok(self.files.iter().filter(|(k, _)| k.0 == dir).map(|(k, v)| (k.1.clone(), v.len() as u64)).collect())
    }

    fn read(&self, dir: Option<&str>, file: &str, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        let bytes = self.files.get(&(dir.unwrap_or("").to_string(), file.to_string())).ok_or(DiskFault::NotFound)?;
        Ok(slice(bytes, pos, len))
    }

    fn bind(&mut self, dir: DirId, path: &str) {
        self.dirs.insert(dir, path.to_string());
    }
}

/// A call that the disk has not performed.
type Call = (OpId, FileId, DiskCall);
/// Which calls are held back, or fail.
type Which = Box<dyn Fn(&FileId, &DiskCall) -> bool>;

/// One node, its disk, its clients.
pub(crate) struct World {
    pub(crate) settings: Settings,
    node: Option<Node>,
    pub(crate) disk: MemDisk,
    pub(crate) now: Now,
    calls: Vec<Call>,
    held: Option<Which>,
    failing: Option<(Which, DiskFault)>,
    replies: BTreeMap<ConnId, Vec<Reply>>,
    pub(crate) closed: Vec<ConnId>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) halted: Option<Fatal>,
    /// Leases of replies are released as soon as the reply is given, unless this is set.
    pub(crate) keep_leases: bool,
    next_conn: u64,
    next_correlation: i32,
    lives: u64,
}

impl World {
    /// An empty disk, and a node that serves.
    pub(crate) fn new() -> World {
        World::with(&[])
    }

    /// With broker settings.
    pub(crate) fn with(settings: &[(&str, &str)]) -> World {
        let mut given = Settings::default();
        given.insert("num.partitions", "2").expect("a setting");
        for (name, value) in settings {
            given.insert(name, value).expect("a setting");
        }
        let mut world = World {
            settings: given,
            node: None,
            disk: MemDisk::default(),
            now: Now { mono: Instant(1_000_000_000), wall: Timestamp(1_700_000_000_000) },
            calls: Vec::new(),
            held: None,
            failing: None,
            replies: BTreeMap::new(),
            closed: Vec::new(),
            facts: Vec::new(),
            halted: None,
            keep_leases: false,
            next_conn: 0,
            next_correlation: 0,
            lives: 0,
        };
        world.start();
        world
    }

    /// Begin a life on what the disk has, and let it become quiet.
    pub(crate) fn start(&mut self) {
        assert!(self.node.is_none(), "one life at a time");
        self.lives += 1;
        self.halted = None;
        let config = NodeConfig {
            node_id: 1,
            advertised_host: "localhost".into(),
            advertised_port: 9092,
            settings: self.settings.clone(),
            planted: Default::default(),
        };
        let mut out = Vec::new();
        let node = Node::recover(config, self.lives, self.now, &mut self.disk, &mut out);
        self.node = Some(node.expect("recovers"));
        self.take(out);
        self.drive();
    }

    /// End a life as kill -9 does: what was performed stays, the rest never happens.
    pub(crate) fn kill(&mut self) {
        self.node = None;
        self.calls.clear();
        self.held = None;
        self.failing = None;
    }

    pub(crate) fn node(&self) -> &Node {
        self.node.as_ref().expect("alive")
    }

    /// Hold back the calls that `which` names until `release`.
    pub(crate) fn hold(&mut self, which: impl Fn(&FileId, &DiskCall) -> bool + 'static) {
        self.held = Some(Box::new(which));
    }

    /// The calls that the disk has not performed.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.calls.iter().map(|(_, file, call)| format!("{} {call:?}", file.name)).collect()
    }

    /// Hold back syncs of segment files.
    pub(crate) fn hold_syncs(&mut self) {
        self.hold(|file, call| file.name.kind == FileKind::Log && *call == DiskCall::Sync);
    }

    /// Perform what was held back.
    pub(crate) fn release(&mut self) {
        self.held = None;
        self.drive();
    }

    /// Let the calls that `which` names fail.
    pub(crate) fn fail(&mut self, fault: DiskFault, which: impl Fn(&FileId, &DiskCall) -> bool + 'static) {
        self.failing = Some((Box::new(which), fault));
    }

    /// Let nothing fail any more.
    pub(crate) fn heal(&mut self) {
        self.failing = None;
    }

    pub(crate) fn give(&mut self, input: Input) {
        let mut out = Vec::new();
        self.node.as_mut().expect("alive").handle(self.now, input, &mut out);
        self.take(out);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { conn, reply } => {
                    let lease = reply.lease;
                    self.replies.entry(conn).or_default().push(reply);
                    if let (Some(lease), false) = (lease, self.keep_leases) {
                        self.resolve_last(conn);
                        self.give(Input::Released { lease });
                    }
                }
                Effect::Close { conn } => {
                    self.closed.push(conn);
                    self.give(Input::Closed { conn });
                }
                Effect::Disk { op, file, call } => self.calls.push((op, file, call)),
                Effect::Note(fact) => self.facts.push(fact),
                Effect::Halt(fatal) => {
                    self.halted = Some(fatal);
                    self.node = None;
                    self.calls.clear();
                    return;
                }
            }
        }
    }

    /// Read the file ranges of the last reply, as an edge would before it releases the lease.
    fn resolve_last(&mut self, conn: ConnId) {
        let Some(reply) = self.replies.get_mut(&conn).and_then(|r| r.last_mut()) else { return };
        resolve(&self.disk, reply);
    }

    /// Perform disk calls until nothing happens any more.
    pub(crate) fn drive(&mut self) {
        while self.node.is_some() {
            let held = &self.held;
            let blocked = |file: &FileId, call: &DiskCall| held.as_ref().is_some_and(|h| h(file, call));
            // Order within a file: a call behind one that is held back waits, but for appends and reads behind a sync.
            let mut stuck: Vec<FileId> = Vec::new();
            let mut found = None;
            for (i, (_, file, call)) in self.calls.iter().enumerate() {
                let behind = stuck.contains(file) && !matches!(call, DiskCall::Append { .. } | DiskCall::Read { .. });
                if behind || blocked(file, call) {
                    stuck.push(*file);
                    continue;
                }
                found = Some(i);
                break;
            }
            let Some(i) = found else { break };
            let (op, file, call) = self.calls.remove(i);
            let failing = self.failing.as_ref().filter(|(which, _)| which(&file, &call)).map(|(_, fault)| *fault);
            let result = match failing {
                Some(fault) => Err(fault),
                None => self.disk.perform(file, &call),
            };
            self.give(Input::Disk { op, result });
        }
    }

    /// Let time pass, with a wake-up at each deadline, and let everything become quiet.
    pub(crate) fn pass_ms(&mut self, ms: u64) {
        let end = Instant(self.now.mono.0 + ms * 1_000_000);
        while let Some(deadline) = self.node.as_ref().and_then(Node::deadline).filter(|d| d.at <= end) {
            self.advance_to(deadline.at.max(self.now.mono));
            self.give(Input::Wake);
            self.drive();
            let again = self.node.as_ref().and_then(Node::deadline);
            assert!(again != Some(deadline), "{deadline:?} was not served by a wake-up");
        }
        self.advance_to(end);
    }

    fn advance_to(&mut self, at: Instant) {
        let ms = (at.0 / 1_000_000) as i64 - (self.now.mono.0 / 1_000_000) as i64;
        self.now = Now { mono: at, wall: Timestamp(self.now.wall.0 + ms) };
    }

    // --- clients ---

    pub(crate) fn connect(&mut self) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.give(Input::Opened { conn, host: "/127.0.0.1".into() });
        conn
    }

    /// Send without waiting for anything. The correlation id.
    pub(crate) fn send(&mut self, conn: ConnId, version: i16, request: Request) -> i32 {
        self.next_correlation += 1;
        let correlation = self.next_correlation;
        let frame = RequestFrame { correlation, version, client_id: None, size: 100, request };
        self.give(Input::Request { conn, request: frame });
        correlation
    }

    /// The replies that came on a connection since the last time.
    pub(crate) fn replies(&mut self, conn: ConnId) -> Vec<Reply> {
        let mut replies = self.replies.remove(&conn).unwrap_or_default();
        if self.keep_leases {
            replies.iter_mut().for_each(|r| resolve(&self.disk, r));
        }
        replies
    }

    /// Send on a connection of its own, let everything become quiet, and take the one reply.
    pub(crate) fn ask(&mut self, version: i16, request: Request) -> Response {
        let conn = self.connect();
        self.send(conn, version, request);
        self.drive();
        let mut replies = self.replies(conn);
        assert_eq!(replies.len(), 1, "one reply to one request");
        self.give(Input::Closed { conn });
        replies.remove(0).response
    }

    /// Metadata of one topic, which creates it.
    pub(crate) fn metadata(&mut self, topic: &str) -> MetadataResponse {
        let wanted = metadata_request::MetadataRequestTopic::default().with_name(Some(name(topic)));
        let request = MetadataRequest::default().with_topics(Some(vec![wanted])).with_allow_auto_topic_creation(true);
        match self.ask(12, Request::Metadata(request)) {
            Response::Metadata(response) => response,
            other => panic!("no metadata: {other:?}"),
        }
    }

    /// A topic that exists when this returns; its id.
    pub(crate) fn create(&mut self, topic: &str) -> TopicId {
        self.metadata(topic);
        let found = self.metadata(topic);
        assert_eq!(found.topics[0].error_code, 0, "{topic} was not created");
        TopicId(found.topics[0].topic_id)
    }

    /// Produce and take the answer.
    pub(crate) fn produce(
        &mut self,
        topic: &str,
        index: i32,
        acks: i16,
        values: &[&str],
    ) -> produce_response::PartitionProduceResponse {
        match self.ask(9, produce_request(topic, index, acks, batch(values))) {
            Response::Produce(mut response) => response.responses.remove(0).partition_responses.remove(0),
            other => panic!("no produce response: {other:?}"),
        }
    }

    /// Fetch without waiting; the values found.
    pub(crate) fn fetch(&mut self, topic: &str, index: i32, offset: i64) -> (FetchPartitionReply, Vec<String>) {
        match self.ask(11, fetch_request(topic, index, offset, 0, 1)) {
            Response::Fetch(mut reply) => {
                let partition = reply.topics.remove(0).partitions.remove(0);
                let values = values_of(&partition);
                (partition, values)
            }
            other => panic!("no fetch response: {other:?}"),
        }
    }

    /// ListOffsets of one partition.
    pub(crate) fn list_offset(&mut self, topic: &str, index: i32, timestamp: i64) -> (i16, i64, i64, i32) {
        let partition = list_offsets_request::ListOffsetsPartition::default()
            .with_partition_index(index)
            .with_current_leader_epoch(-1)
            .with_timestamp(timestamp);
        let topic = list_offsets_request::ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![partition]);
        match self.ask(10, Request::ListOffsets(ListOffsetsRequest::default().with_topics(vec![topic]))) {
            Response::ListOffsets(ListOffsetsResponse { topics, .. }) => {
                let p = &topics[0].partitions[0];
                (p.error_code, p.timestamp, p.offset, p.leader_epoch)
            }
            other => panic!("no offsets: {other:?}"),
        }
    }
}

fn resolve(disk: &MemDisk, reply: &mut Reply) {
    let Response::Fetch(FetchReply { topics, .. }) = &mut reply.response else { return };
    for partition in topics.iter_mut().flat_map(|t| t.partitions.iter_mut()) {
        for chunk in &mut partition.records {
            *chunk = Chunk::Bytes(disk.range(chunk));
        }
    }
}

/// The wire's name for a topic.
pub(crate) fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_string()))
}

/// One batch without keys.
pub(crate) fn batch(values: &[&str]) -> Checked {
    batch_of(BatchBuilder::new(Compression::default()), values)
}

/// One batch, continued from a builder.
pub(crate) fn batch_of(mut builder: BatchBuilder, values: &[&str]) -> Checked {
    for (i, value) in values.iter().enumerate() {
        builder.push(1_700_000_000_000 + i as i64, None, Some(value.as_bytes()), []);
    }
    builder.build().expect("builds")
}

pub(crate) fn produce_request(topic: &str, index: i32, acks: i16, records: Checked) -> Request {
    let partitions = vec![ProducePartition { index, records: Ok(records) }];
    let topics = vec![ProduceTopic { name: topic.into(), id: TopicId::default(), partitions }];
    Request::Produce(Produce { transactional_id: None, acks, timeout_ms: 30_000, topics })
}

pub(crate) fn fetch_partition(index: i32, offset: i64) -> FetchPartition {
    FetchPartition::default()
        .with_partition(index)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_partition_max_bytes(1 << 20)
}

pub(crate) fn fetch_request(topic: &str, index: i32, offset: i64, max_wait_ms: i32, min_bytes: i32) -> Request {
    let topic = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![fetch_partition(index, offset)]);
    let request = FetchRequest::default()
        .with_max_wait_ms(max_wait_ms)
        .with_min_bytes(min_bytes)
        .with_max_bytes(50 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    Request::Fetch(request)
}

/// The values of the records in a fetched partition.
pub(crate) fn values_of(partition: &FetchPartitionReply) -> Vec<String> {
    let mut values = Vec::new();
    for chunk in &partition.records {
        let Chunk::Bytes(bytes) = chunk else { panic!("unresolved {chunk:?}") };
        for batch in crate::wire::batch::batches(bytes.clone()) {
            let batch = batch.expect("whole batches");
            for record in records(&batch.info, &batch.bytes).expect("readable") {
                let value = record.expect("readable").value.unwrap_or_default();
                values.push(String::from_utf8_lossy(&value).into_owned());
            }
        }
    }
    values
}

/// The answer of a produce's one partition.
pub(crate) fn produced(response: &Response) -> (i16, i64) {
    match response {
        Response::Produce(ProduceResponse { responses, .. }) => {
            let p = &responses[0].partition_responses[0];
            (p.error_code, p.base_offset)
        }
        other => panic!("no produce response: {other:?}"),
    }
}
