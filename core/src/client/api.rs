//! What goes into a client and what comes out of it: plain data, no behaviour.
//!
//! Not here    the machine (`mod.rs`), the error codes (`error.rs`).

use super::error::{Certainty, Code};
use crate::ids::{ConnId, Offset};
use crate::planted::Planted;
use crate::time::Timestamp;
use crate::wire::batch::RecordHeader;
use crate::wire::compress::Codec;
use crate::wire::{Request, RequestFrame, Response};
use bytes::Bytes;
use std::time::Duration;

/// A partition by its topic's name, as users know it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicPartition {
    pub topic: String,
    pub index: i32,
}

impl TopicPartition {
    #[must_use]
    pub fn new(topic: &str, index: i32) -> TopicPartition {
        TopicPartition { topic: topic.to_owned(), index }
    }
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.topic, self.index)
    }
}

/// The caller's name for one thing that it asked for; the event that ends it carries the same. The caller keeps them distinct.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// What a client is told at its start. The defaults are those of Kafka's Java client, except where noted.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub client_id: String,
    /// Where to ask first, host and port. At least one.
    pub bootstrap: Vec<(String, u16)>,
    /// Feeds every random choice: which broker to ask, jitter, the sticky partition.
    pub seed: u64,
    /// How long a request may wait for its answer before its connection is given up.
    pub request_timeout: Duration,
    /// How long a connection may take to be made and to agree on versions.
    pub connect_timeout: Duration,
    /// The first wait before trying again; it doubles up to `backoff_max`, with up to a fifth of jitter.
    pub backoff: Duration,
    pub backoff_max: Duration,
    pub metadata_age_max: Duration,
    /// Whether asking about a topic may create it, where the broker allows that.
    pub auto_create_topics: bool,
    pub producer: ProducerConfig,
    pub fetch: FetchConfig,
    /// A flaw for the simulator to find; none outside of it.
    pub planted: Planted,
}

/// How records are sent.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    pub acks: Acks,
    /// Sequence numbers, so that a retry never duplicates or reorders. Needs `Acks::All` and at most five requests in flight.
    pub idempotent: bool,
    pub compression: Codec,
    /// How long a batch waits for more records.
    pub linger: Duration,
    /// A batch is closed when its records, uncompressed, would exceed this.
    pub batch_bytes_max: usize,
    /// A Produce request holds no more than this, unless one batch alone does.
    pub request_bytes_max: usize,
    /// No larger request is sent. It shall be what the brokers take, their `socket.request.max.bytes`, which they tell no client: a batch
    /// that would not fit is refused here, because a broker that is sent more closes the connection without a word.
    pub frame_bytes_max: usize,
    /// Records accepted and not yet ended; beyond it `Client::can_accept` says no.
    pub buffer_bytes_max: usize,
    /// From acceptance of a record to its end, retries included.
    pub delivery_timeout: Duration,
    /// Produce requests in flight per connection. With retries and no idempotence, more than one may reorder.
    pub in_flight_max: usize,
}

/// How records are read.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    pub wait_max: Duration,
    pub bytes_min: i32,
    pub bytes_max: i32,
    pub partition_bytes_max: i32,
    pub read_committed: bool,
    /// Where to go on when a position is out of range, or its topic was deleted and made again; `None` reports it and stops there.
    pub reset: Option<Reset>,
}

/// What a Produce request waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acks {
    /// Nothing: fire and forget.
    None,
    /// The leader's append.
    Leader,
    /// Every in-sync replica.
    All,
}

/// Where to go on when a position is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reset {
    Earliest,
    Latest,
}

/// Where reading a partition starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    At(Offset),
    Earliest,
    Latest,
    /// The first record at or after a time; the end if there is none.
    Time(Timestamp),
    /// This many offsets before the end, or the first record if there are fewer.
    BeforeEnd(i64),
}

impl Default for ClientConfig {
    fn default() -> ClientConfig {
        ClientConfig {
            client_id: "ottla".to_owned(),
            bootstrap: vec![("127.0.0.1".to_owned(), 9092)],
            seed: 0,
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(1),
            metadata_age_max: Duration::from_secs(300),
            auto_create_topics: true,
            producer: ProducerConfig::default(),
            fetch: FetchConfig::default(),
            planted: Planted::default(),
        }
    }
}

impl Default for ProducerConfig {
    fn default() -> ProducerConfig {
        ProducerConfig {
            acks: Acks::All,
            idempotent: true,
            compression: Codec::None,
            linger: Duration::from_millis(5),
            batch_bytes_max: 16 * 1024,
            request_bytes_max: 1024 * 1024,
            frame_bytes_max: 100 * 1024 * 1024,
            buffer_bytes_max: 32 * 1024 * 1024,
            delivery_timeout: Duration::from_secs(120),
            in_flight_max: 5,
        }
    }
}

impl Default for FetchConfig {
    fn default() -> FetchConfig {
        FetchConfig {
            wait_max: Duration::from_millis(500),
            bytes_min: 1,
            bytes_max: 50 * 1024 * 1024,
            partition_bytes_max: 1024 * 1024,
            read_committed: false,
            reset: None,
        }
    }
}

/// A record to be sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewRecord {
    pub topic: String,
    /// `None`: the key decides, as in Java's client; without a key, a partition that changes from batch to batch.
    pub partition: Option<i32>,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<RecordHeader>,
    /// `None`: the time at which the client accepts it.
    pub timestamp: Option<Timestamp>,
}

impl NewRecord {
    /// An upper bound of its uncompressed size in a batch, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        // Lengths, deltas and attributes of a record take at most 21 bytes as varints; each header two lengths of up to five.
        let part = |b: &Option<Bytes>| b.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|h| 10 + h.key.len() + part(&h.value)).sum();
        21 + 15 + part(&self.key) + part(&self.value) + headers
    }
}

/// A record that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadRecord {
    pub offset: Offset,
    pub timestamp: Timestamp,
    /// True where the broker set the timestamp (LogAppendTime).
    pub log_append_time: bool,
    pub leader_epoch: i32,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<RecordHeader>,
}

/// Which broker answers a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    Any,
    Controller,
    Broker(i32),
    Leader(TopicPartition),
}

/// What happened, or what the caller wants.
#[derive(Clone, Debug)]
pub enum ClientInput {
    /// The connection asked for by `ClientOutput::Connect` stands.
    Connected {
        conn: ConnId,
    },
    /// A connection ended, or could not be made.
    Closed {
        conn: ConnId,
        why: String,
    },
    /// An answer arrived (`Client::decode` makes one of a frame).
    Response {
        conn: ConnId,
        correlation: i32,
        response: Response,
    },
    /// Send a record. Ends with `Delivered` or `NotDelivered`.
    Produce {
        token: Token,
        record: NewRecord,
    },
    /// Send what is batched at once instead of waiting for the linger time.
    Flush,
    /// Read a partition from a position on, until `Unassign`. Assigning again moves the position.
    Assign {
        partition: TopicPartition,
        from: Position,
    },
    Unassign {
        partition: TopicPartition,
    },
    /// Ask one thing. Ends with `Called`.
    Call {
        token: Token,
        target: Target,
        request: Request,
        timeout: Duration,
    },
    /// A deadline has passed. Always harmless.
    Wake,
}

/// What shall be done.
#[derive(Clone, Debug)]
pub enum ClientOutput {
    /// Connect; `Connected` or `Closed` follows.
    Connect {
        conn: ConnId,
        host: String,
        port: u16,
    },
    /// Send this request (`wire::encode_request`).
    Send {
        conn: ConnId,
        frame: RequestFrame,
    },
    /// Close the connection; nothing follows for it.
    Close {
        conn: ConnId,
    },
    Event(ClientEvent),
}

/// What the caller learns.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// The record has been acknowledged as the acks setting asks. The offset is -1 where the broker did not say (acks=0, or a
    /// duplicate that it no longer remembers).
    Delivered { token: Token, partition: TopicPartition, offset: Offset, timestamp: Timestamp },
    /// The record was given up.
    NotDelivered { token: Token, error: ClientError, certainty: Certainty },
    /// Records of one partition, in order, beginning at or after the position.
    Fetched { partition: TopicPartition, records: Vec<ReadRecord>, next: Offset, high_watermark: Offset },
    /// Everything up to the end was read. Said once, and again after there was more. The reader may stand behind it, where it was
    /// assigned to what is not visible yet.
    EndReached { partition: TopicPartition, end: Offset },
    /// The position was lost, and reading goes on as `FetchConfig::reset` says. For the user's eyes.
    Moved { partition: TopicPartition, error: ClientError },
    /// A partition cannot be read any more and was unassigned.
    FetchFailed { partition: TopicPartition, error: ClientError },
    /// A partition cannot be read at the moment, and has not been for a while; the client goes on trying. For the user's eyes, and for
    /// who does not want to wait. Said once, until `Resumed`.
    Stalled { partition: TopicPartition, error: ClientError },
    /// A partition that was stalled is being read again.
    Resumed { partition: TopicPartition },
    /// A call ended.
    Called { token: Token, result: Result<Response, ClientError> },
    /// A broker could not be reached; the client goes on trying. For the user's eyes.
    Unreachable { host: String, port: u16, why: String },
}

/// Why something did not happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientError {
    /// A broker's answer.
    Broker { code: Code, message: Option<String> },
    /// Time ran out; `last` is what stood in the way.
    TimedOut { last: String },
    /// The connection was lost while the answer was awaited: what was asked may have been done.
    Disconnected { why: String },
    /// The broker does not serve this API at any version that we know.
    Unsupported { api: String },
    /// More records are waiting than `buffer_bytes_max` allows.
    BufferFull,
    /// What was asked makes no sense.
    Invalid { what: String },
    /// Bytes from the broker that cannot be what they should be.
    Malformed { what: String },
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClientError::Broker { code, message: Some(message) } => write!(f, "{code}: {message}"),
            ClientError::Broker { code, message: None } => write!(f, "{code}: {}", code.text()),
            ClientError::TimedOut { last } => write!(f, "timed out: {last}"),
            ClientError::Disconnected { why } => write!(f, "connection lost while waiting for the answer: {why}"),
            ClientError::Unsupported { api } => write!(f, "the broker does not serve {api}"),
            ClientError::BufferFull => f.write_str("too many records are waiting to be sent"),
            ClientError::Invalid { what } => f.write_str(what),
            ClientError::Malformed { what } => write!(f, "malformed answer: {what}"),
        }
    }
}
