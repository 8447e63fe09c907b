//! Frames to requests and replies to frames, for both ends of a connection.

use super::body::Layout;
use super::{ApiKey, ErrorCode, Request, Response, msg};
use crate::io::{Chunk, Reply};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A request with its header.
#[derive(Debug, Clone)]
pub struct RequestFrame {
    pub correlation: i32,
    /// As the client sent it. Only for ApiVersions it may be one that is not served: the answer is then version 0's, with the
    /// error UNSUPPORTED_VERSION and ApiVersions itself as the only entry (KIP-511).
    pub version: i16,
    pub client_id: Option<String>,
    /// The size of the frame on the wire in bytes, which admission counts.
    pub size: u32,
    pub request: Request,
}

/// Why bytes are no request or no answer, or why there are no bytes for one. In either case the connection is closed, as Kafka does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireError {
    /// The peer's fault: fewer bytes than its own counts say, or bytes that no schema allows.
    Malformed(String),
    /// Our fault: a field is set that the version cannot carry, or the frame is too long.
    Unsayable(String),
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WireError::Malformed(what) => write!(f, "malformed: {what}"),
            WireError::Unsayable(what) => write!(f, "cannot be encoded: {what}"),
        }
    }
}

pub(super) fn malformed(what: &str) -> WireError {
    WireError::Malformed(what.to_owned())
}

/// Decode one request (the frame without its length prefix). Bytes after the request are ignored, as Kafka ignores them.
///
/// An unknown key or version gives `Request::Unsupported`, to which Kafka closes the connection; an unknown version of ApiVersions
/// gives `Request::ApiVersions` with nothing in it, because its body cannot be known (see `RequestFrame::version`).
pub fn decode_request(mut frame: Bytes) -> Result<RequestFrame, WireError> {
    let size = u32::try_from(frame.len()).map_err(|_| malformed("a frame of 4 GiB"))?;
    if frame.len() < 8 {
        return Err(malformed("a frame that is shorter than a header"));
    }
    let (api_key, version, correlation) = (frame.get_i16(), frame.get_i16(), frame.get_i32());
    let api = ApiKey::from_code(api_key);
    let Some(api) = api.filter(|api| api.serves(version) || *api == ApiKey::ApiVersions) else {
        return Ok(RequestFrame { correlation, version, client_id: None, size, request: Request::Unsupported { api_key } });
    };
    let client_id = read_client_id(&mut frame)?;
    if api.request_header_version(version) >= 2 {
        skip_tags(&mut frame)?;
    }
    if !api.serves(version) {
        let request = Request::ApiVersions(msg::ApiVersionsRequest::default());
        return Ok(RequestFrame { correlation, version, client_id, size, request });
    }
    let request = Request::read(api, version, &mut frame)?;
    Ok(RequestFrame { correlation, version, client_id, size, request })
}

/// The client id keeps the old form of strings in every version of the header (KIP-482).
fn read_client_id(frame: &mut Bytes) -> Result<Option<String>, WireError> {
    if frame.len() < 2 {
        return Err(malformed("a header that ends before its client id"));
    }
    let Ok(len) = usize::try_from(frame.get_i16()) else { return Ok(None) };
    if len > frame.len() {
        return Err(malformed("a client id that reaches beyond its frame"));
    }
    let text = frame.split_to(len);
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

pub(super) fn skip_tags(frame: &mut Bytes) -> Result<(), WireError> {
    for _ in 0..read_unsigned_varint(frame)? {
        let _tag = read_unsigned_varint(frame)?;
        let len = read_unsigned_varint(frame)? as usize;
        skip(frame, len)?;
    }
    Ok(())
}

pub(super) fn skip(frame: &mut Bytes, len: usize) -> Result<(), WireError> {
    if len > frame.len() {
        return Err(malformed("a field that reaches beyond its frame"));
    }
    frame.advance(len);
    Ok(())
}

pub(super) fn read_unsigned_varint(frame: &mut Bytes) -> Result<u32, WireError> {
    let mut value = 0u64;
    for i in 0..5 {
        if frame.is_empty() {
            return Err(malformed("a number that is cut off"));
        }
        let byte = frame.get_u8();
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return u32::try_from(value).map_err(|_| malformed("a number of more than 32 bits"));
        }
    }
    Err(malformed("a number of more than five bytes"))
}

/// Encode an answer, length prefix included. On an error (a bug of ours) the edge closes the connection.
pub fn encode_reply(reply: &Reply) -> Result<Vec<Chunk>, WireError> {
    let mut out = Layout::new();
    out.plain.put_i32(reply.correlation);
    let api = ApiKey::from_code(reply.response.api_key());
    if api.is_some_and(|api| api.response_header_version(reply.version) >= 1) {
        out.plain.put_u8(0);
    }
    reply.response.write(reply.version, &mut out)?;
    out.finish()
}

/// Encode a request of ours, length prefix included. For clients.
pub fn encode_request(frame: &RequestFrame) -> Result<Bytes, WireError> {
    let mut out = Layout::new();
    out.plain.put_i16(frame.request.api_key());
    out.plain.put_i16(frame.version);
    out.plain.put_i32(frame.correlation);
    match &frame.client_id {
        None => out.plain.put_i16(-1),
        Some(id) => out.put_string(false, id),
    }
    if frame.request.api().is_some_and(|api| api.request_header_version(frame.version) >= 2) {
        out.plain.put_u8(0);
    }
    frame.request.write(frame.version, &mut out)?;
    Ok(join(&out.finish()?))
}

fn join(chunks: &[Chunk]) -> Bytes {
    let mut all = BytesMut::with_capacity(chunks.iter().map(Chunk::size).sum());
    for chunk in chunks {
        match chunk {
            Chunk::Bytes(bytes) => all.put_slice(bytes),
            Chunk::File { .. } => panic!("a request of ours has no file ranges"),
        }
    }
    all.freeze()
}

/// Decode the answer to a request of ours (the frame without its length prefix): its correlation id and body. For clients.
///
/// A broker that does not know our version of ApiVersions answers in version 0's form, which is told by its error (KIP-511).
pub fn decode_response(api: ApiKey, version: i16, mut frame: Bytes) -> Result<(i32, Response), WireError> {
    if frame.len() < 4 {
        return Err(malformed("an answer without a correlation id"));
    }
    let correlation = frame.get_i32();
    if api.response_header_version(version) >= 1 {
        skip_tags(&mut frame)?;
    }
    let unknown_version = ErrorCode::UnsupportedVersion.code().to_be_bytes();
    let version = if api == ApiKey::ApiVersions && frame.starts_with(&unknown_version) { 0 } else { version };
    Ok((correlation, Response::read(api, version, &mut frame)?))
}
