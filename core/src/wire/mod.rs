//! Kafka's wire protocol: bytes to typed requests, typed replies to bytes. Pure functions, callable on any thread.
//!
//! State       none.
//! Takes       frames without their length prefix; replies of the core.
//! Gives       `RequestFrame`; chunks to be sent, length prefix included; for clients the same in the other direction.
//! Holds       nothing that a peer sends panics or allocates more than a small multiple of its own size.
//! Not here    what a request means (the machines), sockets (the edges). The protocol crate is named nowhere outside this folder
//!             but through `wire::msg`.
//! Costs       a Produce request: one frame (the edge's), the crate's structs, ours (a vector per topic and partition), the names
//!             copied; the records are slices of the frame, read once for CRC and once for structure, never copied. Appending
//!             them copies 61 bytes of header (`Ready::stamp`). A Fetch reply: one buffer for everything but records, one vector
//!             of chunks; records are passed on as they are.
//! Read first  `apis.rs` (the one table of what is served), then `codec.rs`, `batch.rs`.

pub mod apis;
pub mod batch;
pub mod blank;
mod body;
pub mod codec;
pub mod compress;
pub mod error;
mod fetch;
mod produce;
#[cfg(test)]
mod tests;

pub use apis::{ApiKey, Request, Response, frame_bytes_max};
pub use codec::{RequestFrame, WireError, decode_request, decode_response, encode_reply, encode_request};
pub use error::ErrorCode;

/// The protocol crate's message types, under the one name by which the rest of the core knows them.
///
/// Three traps. Its `Default` puts `Some("")` into most nullable fields, where Kafka's schema says null: begin with
/// [`blank::Blank::blank`] instead. A few fields may be set only from some version on, or `encode_reply` fails: ListOffsets
/// `leader_epoch` (4), Metadata `topic_authorized_operations` (8) and `cluster_authorized_operations` (8 to 10), DescribeCluster
/// `endpoint_type` (1) and `is_fenced` (2). And its strings are slices of the frame that they came in: copy what outlives the request.
pub mod msg {
    pub use kafka_protocol::messages::*;
    pub use kafka_protocol::protocol::StrBytes;
}

use crate::ids::TopicId;
use crate::io::Chunk;
use batch::{Checked, RecordsError, Scope};

/// A Produce request whose record batches have been checked on the connection's side.
#[derive(Debug, Clone, Default)]
pub struct Produce {
    pub transactional_id: Option<String>,
    /// 0, 1 or -1; anything else is for the core to refuse.
    pub acks: i16,
    pub timeout_ms: i32,
    pub topics: Vec<ProduceTopic>,
}

impl Produce {
    fn partitions(&self) -> impl Iterator<Item = &ProducePartition> {
        self.topics.iter().flat_map(|t| &t.partitions)
    }

    /// The mistake for which every partition of the request is refused, if one of them has such a mistake.
    #[must_use]
    pub fn refusal(&self) -> Option<&RecordsError> {
        self.partitions().filter_map(|p| p.records.as_ref().err()).find(|e| e.scope == Scope::Request)
    }

    /// Whether a batch belongs to a transaction. Without a transactional id Kafka refuses the whole request
    /// (TRANSACTIONAL_ID_AUTHORIZATION_FAILED).
    #[must_use]
    pub fn has_transactional_records(&self) -> bool {
        let of_one = |checked: &Checked| checked.batches.iter().any(|b| b.attributes.is_transactional());
        self.partitions().any(|p| p.records.as_ref().map_or_else(|e| e.is_transactional, of_one))
    }
}

/// One topic of a Produce request.
#[derive(Debug, Clone)]
pub struct ProduceTopic {
    /// Empty from version 13 on.
    pub name: String,
    /// Zero below version 13.
    pub id: TopicId,
    pub partitions: Vec<ProducePartition>,
}

/// One partition of a Produce request.
#[derive(Debug, Clone)]
pub struct ProducePartition {
    pub index: i32,
    /// What Kafka would refuse whatever the topic's configuration is refused here already. The rest of the request stands, but for
    /// the mistakes that `Produce::refusal` finds.
    pub records: Result<Checked, RecordsError>,
}

/// A Fetch answer whose records are chunks. Everything else is as in Kafka's schema.
#[derive(Debug, Clone, Default)]
pub struct FetchReply {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub session_id: i32,
    pub topics: Vec<FetchTopicReply>,
    /// Where the leaders named in `current_leader` listen (v16 and later; KIP-951).
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

/// One topic of a Fetch answer.
#[derive(Debug, Clone, Default)]
pub struct FetchTopicReply {
    /// On the wire up to version 12.
    pub name: String,
    /// On the wire from version 13 on.
    pub id: TopicId,
    pub partitions: Vec<FetchPartitionReply>,
}

/// One partition of a Fetch answer. The default is Kafka's answer of an error: everything unknown, no records.
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
    /// Batches, the last of which may be cut off. Empty is empty on the wire, never null.
    pub records: Vec<Chunk>,
}

impl Default for FetchPartitionReply {
    fn default() -> FetchPartitionReply {
        FetchPartitionReply {
            index: 0,
            error_code: 0,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted: Some(Vec::new()),
            preferred_read_replica: -1,
            diverging: None,
            current_leader: None,
            records: Vec::new(),
        }
    }
}

impl FetchPartitionReply {
    /// The answer for a partition that cannot be read.
    #[must_use]
    pub fn error(index: i32, code: ErrorCode) -> FetchPartitionReply {
        FetchPartitionReply { index, error_code: code.code(), ..FetchPartitionReply::default() }
    }

    /// The size of its records in bytes.
    #[must_use]
    pub fn records_bytes(&self) -> usize {
        self.records.iter().map(Chunk::size).sum()
    }
}

/// A transaction whose records a reader must drop: from `first_offset` to its abort marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    pub producer_id: i64,
    pub first_offset: i64,
}
