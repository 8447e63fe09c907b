//! Reading records: batches of a byte range one after the other, and the records of one batch, decompressed.
//!
//! Holds       every length is checked against what is there; keys, values and headers are slices, not copies.
//! Not here    validation of what a client sends, which streams instead of decompressing whole batches (`check`).

use super::header::{BatchInfo, HEADER_BYTES, HeaderError};
use crate::wire::compress::{self, DECOMPRESSED_BYTES_MAX};
use bytes::{Buf, Bytes};

/// A record, as its reader sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub offset: i64,
    /// Milliseconds since 1970; -1 for none. The batch's own where the broker stamped it (LogAppendTime).
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<RecordHeader>,
}

/// A header of a record. Keys are UTF-8 by agreement, which nobody enforces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordHeader {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// A batch and its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    pub info: BatchInfo,
    pub bytes: Bytes,
}

/// Why bytes cannot be read as batches or records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadError {
    Header(HeaderError),
    /// The checksum is wrong.
    Crc {
        base_offset: i64,
    },
    /// The payload does not decompress.
    Compression(String),
    /// The payload holds no such records as the header says.
    Record(&'static str),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReadError::Header(e) => e.fmt(f),
            ReadError::Crc { base_offset } => write!(f, "the checksum of the batch at offset {base_offset} is wrong"),
            ReadError::Compression(e) => write!(f, "the records do not decompress: {e}"),
            ReadError::Record(e) => f.write_str(e),
        }
    }
}

/// The batches of `bytes`, in order. A batch that is cut off at the end (as a Fetch may leave it) is not given and is no error.
#[must_use]
pub fn batches(bytes: Bytes) -> Batches {
    Batches { bytes }
}

/// See [`batches`].
#[derive(Clone, Debug)]
pub struct Batches {
    bytes: Bytes,
}

impl Batches {
    /// What is left: empty, or the start of a batch that is cut off.
    #[must_use]
    pub fn rest(&self) -> &Bytes {
        &self.bytes
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        match BatchInfo::parse(&self.bytes, 0) {
            Ok(info) => {
                let bytes = self.bytes.split_to(info.len as usize);
                if info.crc_matches(&bytes) {
                    return Some(Ok(Batch { info, bytes }));
                }
                self.bytes.clear();
                Some(Err(ReadError::Crc { base_offset: info.base_offset }))
            }
            Err(HeaderError::Partial { .. }) => None,
            Err(e) => {
                self.bytes.clear();
                Some(Err(ReadError::Header(e)))
            }
        }
    }
}

/// The records of one batch; `bytes` is that batch, header included. Decompresses at once, at most `DECOMPRESSED_BYTES_MAX`.
pub fn records(info: &BatchInfo, bytes: &Bytes) -> Result<Records, ReadError> {
    let codec = info.attributes.codec().ok_or(ReadError::Record("unknown compression"))?;
    let stored = bytes.slice(HEADER_BYTES.min(bytes.len())..);
    let payload = if codec == compress::Codec::None {
        stored
    } else {
        compress::decompress(codec, &stored, DECOMPRESSED_BYTES_MAX).map_err(ReadError::Compression)?.into()
    };
    Ok(Records { info: *info, payload, left: info.count })
}

/// Whether this control batch is an abort: a control record's key is its version and its type, both 16 bits; type 0 is an abort (KIP-98).
#[must_use]
pub fn is_abort_marker(info: &BatchInfo, bytes: &Bytes) -> bool {
    let first = records(info, bytes).ok().and_then(|mut r| r.next()).and_then(Result::ok);
    first.and_then(|r| r.key).is_some_and(|key| key.get(2..4) == Some(&[0, 0]))
}

/// See [`records`].
#[derive(Clone, Debug)]
pub struct Records {
    info: BatchInfo,
    payload: Bytes,
    left: i32,
}

impl Iterator for Records {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        match read_record(&self.info, &mut self.payload) {
            Ok(record) => Some(Ok(record)),
            Err(e) => {
                self.left = 0;
                Some(Err(ReadError::Record(e)))
            }
        }
    }
}

fn read_record(info: &BatchInfo, payload: &mut Bytes) -> Result<Record, &'static str> {
    let len = usize::try_from(varint(payload)?).map_err(|_| "a record has a negative length")?;
    if len > payload.len() {
        return Err("a record reaches beyond its batch");
    }
    let mut body = payload.split_to(len);
    if !body.has_remaining() {
        return Err("a record has no attributes");
    }
    body.advance(1);
    let delta = varlong(&mut body)?;
    let timestamp =
        if info.attributes.is_log_append_time() { info.max_timestamp } else { info.base_timestamp.wrapping_add(delta) };
    let offset = info.base_offset.wrapping_add(i64::from(varint(&mut body)?));
    let key = nullable(&mut body)?;
    let value = nullable(&mut body)?;
    let count = usize::try_from(varint(&mut body)?).map_err(|_| "a record has a negative number of headers")?;
    // A header takes two bytes at least.
    if count > body.len() {
        return Err("a record has more headers than bytes");
    }
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count {
        let key = nullable(&mut body)?.ok_or("a header has no key")?;
        headers.push(RecordHeader { key, value: nullable(&mut body)? });
    }
    if body.has_remaining() {
        Err("a record is longer than its fields")
    } else {
        Ok(Record { offset, timestamp, key, value, headers })
    }
}

fn nullable(body: &mut Bytes) -> Result<Option<Bytes>, &'static str> {
    // Every negative length means null, as Kafka reads it.
    match usize::try_from(varint(body)?) {
        Err(_) => Ok(None),
        Ok(len) if len <= body.len() => Ok(Some(body.split_to(len))),
        Ok(_) => Err("a field reaches beyond its record"),
    }
}

fn varint(bytes: &mut Bytes) -> Result<i32, &'static str> {
    let raw = raw_varint(bytes, 5)?;
    // Kafka shifts into 32 bits and lets what is above fall off.
    #[expect(clippy::cast_possible_truncation, reason = "the bits above 32 are Kafka's to drop")]
    let raw = raw as u32;
    Ok(unzigzag32(raw))
}

fn varlong(bytes: &mut Bytes) -> Result<i64, &'static str> {
    raw_varint(bytes, 10).map(unzigzag64)
}

fn raw_varint(bytes: &mut Bytes, bytes_max: usize) -> Result<u64, &'static str> {
    let mut value = 0u64;
    for i in 0..bytes_max {
        let Some(&byte) = bytes.get(i) else { return Err("a number is cut off") };
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(i).expect("at most 9")).unwrap_or(0);
        if byte < 0x80 {
            bytes.advance(i + 1);
            return Ok(value);
        }
    }
    Err("a number is too long")
}

pub(super) fn unzigzag32(raw: u32) -> i32 {
    (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()
}

pub(super) fn unzigzag64(raw: u64) -> i64 {
    (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()
}
