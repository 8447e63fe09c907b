//! Kafka's wire protocol: bytes to typed requests, typed replies to bytes. Pure functions, callable on any thread.
//!
//! State       none.
//! Takes       frames without their length prefix; replies of the core.
//! Gives       `RequestFrame`; chunks to be sent, length prefix included; for clients the same in the other direction.
//! Holds       nothing that a peer sends panics or allocates more than a small multiple of its own size.
//! Not here    what a request means (the machines), sockets (the edges). The protocol crate is named nowhere outside this folder
//!             but through `wire::msg`.
//! Read first  `apis.rs` (the one table of what is served), then `codec.rs`, `batch.rs`.

pub mod apis;
pub mod batch;
pub mod codec;
pub mod compress;
pub mod error;

pub use apis::{ApiKey, Request, Response};
pub use codec::{RequestFrame, WireError, decode_request, decode_response, encode_reply, encode_request};
pub use error::ErrorCode;

/// The protocol crate's message types, under the one name by which the rest of the core knows them.
pub mod msg {
    pub use kafka_protocol::messages::*;
    pub use kafka_protocol::protocol::StrBytes;
}

use crate::ids::TopicId;
use crate::io::Chunk;
use batch::{Checked, RecordsError};

/// A Produce request whose record batches have been checked on the connection's side.
#[derive(Debug, Clone, Default)]
pub struct Produce {
    pub transactional_id: Option<String>,
    /// 0, 1 or -1; anything else is for the core to refuse.
    pub acks: i16,
    pub timeout_ms: i32,
    pub topics: Vec<ProduceTopic>,
}

#[derive(Debug, Clone)]
pub struct ProduceTopic {
    /// Empty from version 13 on.
    pub name: String,
    /// Zero below version 13.
    pub id: TopicId,
    pub partitions: Vec<ProducePartition>,
}

#[derive(Debug, Clone)]
pub struct ProducePartition {
    pub index: i32,
    pub records: Result<Checked, RecordsError>,
}

/// A Fetch answer whose records are chunks. Everything else is as in Kafka's schema.
#[derive(Debug, Clone, Default)]
pub struct FetchReply {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub session_id: i32,
    pub topics: Vec<FetchTopicReply>,
}

#[derive(Debug, Clone, Default)]
pub struct FetchTopicReply {
    pub name: String,
    pub id: TopicId,
    pub partitions: Vec<FetchPartitionReply>,
}

#[derive(Debug, Clone)]
pub struct FetchPartitionReply {
    pub index: i32,
    pub error_code: i16,
    pub high_watermark: i64,
    /// -1 where it is not known.
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    /// `None` is null on the wire (read_uncommitted), `Some(vec![])` an empty list.
    pub aborted: Option<Vec<Aborted>>,
    /// -1: this one.
    pub preferred_read_replica: i32,
    /// (epoch, end offset) where the follower's log leaves the leader's.
    pub diverging: Option<(i32, i64)>,
    /// (leader id, epoch), where the asked one is not the leader any more.
    pub current_leader: Option<(i32, i32)>,
    pub records: Vec<Chunk>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    pub producer_id: i64,
    pub first_offset: i64,
}
