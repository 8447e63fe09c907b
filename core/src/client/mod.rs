//! A Kafka client as a state machine: producer, reader by partition and offset, and single calls, without IO of its own.
//!
//! State       connections, metadata of the cluster, batches not yet acknowledged, positions of assigned partitions, open calls.
//! Takes       `ClientInput`: what happened on a connection, and what the caller wants, each with a `Now`.
//! Gives       `ClientOutput`: connections to make, requests to send, and `ClientEvent`s for the caller.
//! Holds       every token handed in ends with exactly one event; equal inputs and an equal seed give equal outputs.
//! Not here    sockets and clocks (the command line drives it over tokio, a world of the simulator in virtual time).
//! Read first  `Client::handle`, then connection.rs, producer.rs, fetcher.rs.

mod api;
mod error;

pub use api::{
    Acks, ClientConfig, ClientError, ClientEvent, ClientInput, ClientOutput, Compression, FetchConfig, NewRecord, Position,
    ProducerConfig, ReadRecord, Reset, Target, Token, TopicPartition,
};
pub use error::{Certainty, ErrorCode, Verdict};

use crate::ids::ConnId;
use crate::io::Deadline;
use crate::time::Now;
use crate::wire::{Response, WireError};
use bytes::Bytes;

/// The machine.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
}

impl Client {
    /// A client that has done nothing yet. It connects when it is first asked for something.
    #[must_use]
    pub fn new(config: ClientConfig) -> Client {
        Client { config }
    }

    /// The only mutation. Total, never blocks, reads no clock.
    pub fn handle(&mut self, now: Now, input: ClientInput, out: &mut Vec<ClientOutput>) {
        let _ = (&self.config, now, input, out);
    }

    /// When the client wants `ClientInput::Wake` at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// Whether another record may be handed in: fewer bytes wait than `buffer_bytes_max`.
    #[must_use]
    pub fn can_accept(&self) -> bool {
        true
    }

    /// Decode the next frame that arrived on a connection (without its length prefix), for `ClientInput::Response`.
    /// An error means that the connection is of no more use: close it and hand in `ClientInput::Closed`.
    pub fn decode(&self, conn: ConnId, frame: Bytes) -> Result<(i32, Response), WireError> {
        let _ = (conn, frame);
        Err(WireError::Malformed("no request is waiting for an answer".to_owned()))
    }
}
