//! Frames to requests and replies to frames, for both ends of a connection.

use super::{ApiKey, Request, Response};
use crate::io::{Chunk, Reply};
use bytes::Bytes;

/// A request with its header.
#[derive(Debug, Clone)]
pub struct RequestFrame {
    pub correlation: i32,
    pub version: i16,
    pub client_id: Option<String>,
    /// The size of the frame on the wire in bytes, which admission counts.
    pub size: u32,
    pub request: Request,
}

/// Why bytes are no request or no answer. The connection that sent them is closed, as Kafka does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireError {
    /// Fewer bytes than its own counts say, or bytes that no schema allows.
    Malformed(String),
}

/// Decode one request (the frame without its length prefix).
pub fn decode_request(_frame: Bytes) -> Result<RequestFrame, WireError> {
    Err(WireError::Malformed(String::new()))
}

/// Encode an answer, length prefix included.
#[must_use]
pub fn encode_reply(_reply: &Reply) -> Vec<Chunk> {
    Vec::new()
}

/// Encode a request of ours, length prefix included. For clients.
#[must_use]
pub fn encode_request(_frame: &RequestFrame) -> Bytes {
    Bytes::new()
}

/// Decode the answer to a request of ours (the frame without its length prefix). For clients.
pub fn decode_response(_api: ApiKey, _version: i16, _frame: Bytes) -> Result<(i32, Response), WireError> {
    Err(WireError::Malformed(String::new()))
}
