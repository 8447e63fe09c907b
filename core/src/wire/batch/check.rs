//! The checks that Kafka makes of a Produce request's records whatever the topic's configuration, in Kafka's order, and with
//! Kafka's answer to each mistake.
//!
//! | mistake | answer |
//! |---|---|
//! | no batch at all, or its bytes are cut off | INVALID_RECORD |
//! | a length under 14 | CORRUPT_MESSAGE |
//! | magic 0 or 1 | INVALID_RECORD |
//! | magic beyond 2 | CORRUPT_MESSAGE |
//! | zstd below Produce v7 | UNSUPPORTED_COMPRESSION_TYPE |
//! | a second batch | INVALID_RECORD |
//! | base offset not 0 | INVALID_RECORD |
//! | shorter than a header, or the CRC is wrong | CORRUPT_MESSAGE |
//! | an unknown codec, or a payload that does not decompress | UNKNOWN_SERVER_ERROR |
//! | offset range empty, count not positive, or both disagree | INVALID_RECORD |
//! | a control batch, a producer id without a sequence | INVALID_RECORD |
//! | records that do not parse, or too few, or too many | INVALID_RECORD |
//!
//! Bytes after the batch that are too few to be another one are ignored, as Kafka ignores them. Inner offsets that are not
//! consecutive are no mistake to Kafka; the batch is stored anew with offsets that are (Kafka does so for compressed batches and
//! stores uncompressed ones as they are; we do so for both).
//!
//! A compressed payload is validated as a stream: memory is bounded by the codec's window, time by `DECOMPRESSED_BYTES_MAX`.

use super::append::rebuild;
use super::header::{BatchInfo, CRC_FROM, HEADER_BYTES, MAGIC_PREFIX_BYTES, PREFIX_BYTES, Seen, i32_at};
use super::records::{unzigzag32, unzigzag64};
use super::{Checked, HeaderError, RecordsError};
use crate::wire::ErrorCode;
use crate::wire::compress::{self, Codec, Compression, DECOMPRESSED_BYTES_MAX};
use bytes::Bytes;
use std::io::{BufRead, BufReader};

/// The smallest length that Kafka lets any batch have, from the oldest format.
const LENGTH_MIN: i32 = 14;
/// The first version of Produce that may carry zstd (KIP-110).
const ZSTD_SINCE: i16 = 7;

/// Check the records of one partition in a Produce request of this version.
pub fn check(records: Option<Bytes>, produce_version: i16) -> Result<Checked, RecordsError> {
    // A null where Kafka expects records trips it, and its answer says so.
    let bytes = records.ok_or_else(|| refuse(ErrorCode::UnknownServerError, "no records"))?;
    let len = next_len(&bytes)?.ok_or_else(|| refuse(ErrorCode::InvalidRecord, "no whole batch"))?;
    if bytes[MAGIC_PREFIX_BYTES - 1] != 2 {
        return Err(refuse(ErrorCode::InvalidRecord, "a message format before 2"));
    }
    let codec = if len >= CRC_FROM + 2 { Codec::from_number(i16::from(bytes[CRC_FROM + 1] & 7)) } else { None };
    if produce_version < ZSTD_SINCE && codec == Some(Codec::Zstd) {
        return Err(refuse(ErrorCode::UnsupportedCompressionType, "zstd before Produce version 7"));
    }
    if next_len(&bytes[len..])?.is_some() {
        return Err(refuse(ErrorCode::InvalidRecord, "more than one batch"));
    }
    let bytes = bytes.slice(..len);
    if i64::from_be_bytes(bytes[..8].try_into().expect("eight bytes")) != 0 {
        return Err(refuse(ErrorCode::InvalidRecord, "the base offset is not 0"));
    }
    let mut info = BatchInfo::parse(&bytes, 0).map_err(|e: HeaderError| refuse(ErrorCode::CorruptMessage, e.to_string()))?;
    if !info.crc_matches(&bytes) {
        return Err(refuse(ErrorCode::CorruptMessage, format!("the checksum is not {:#010x}", info.crc)));
    }
    let codec = codec.ok_or_else(|| refuse(ErrorCode::UnknownServerError, "an unknown codec"))?;
    check_header(&info)?;
    let (seen, consecutive) = check_payload(&info, codec, &bytes)?;
    info.seen = Some(seen);
    if consecutive { Ok(Checked { bytes, batches: vec![info] }) } else { renumber(&info, codec, &bytes) }
}

fn refuse(code: ErrorCode, detail: impl Into<String>) -> RecordsError {
    RecordsError::new(code, detail)
}

/// The length of the batch at the start of `bytes`, if it is there whole.
fn next_len(bytes: &[u8]) -> Result<Option<usize>, RecordsError> {
    if bytes.len() < PREFIX_BYTES {
        return Ok(None);
    }
    let length = i32_at(bytes, 8);
    if length < LENGTH_MIN {
        return Err(refuse(ErrorCode::CorruptMessage, format!("a batch of length {length}")));
    }
    if bytes.len() < MAGIC_PREFIX_BYTES {
        return Ok(None);
    }
    let magic = bytes[MAGIC_PREFIX_BYTES - 1];
    if magic > 2 {
        return Err(refuse(ErrorCode::CorruptMessage, format!("magic {magic}")));
    }
    let len = usize::try_from(length).expect("not negative") + PREFIX_BYTES;
    Ok((len <= bytes.len()).then_some(len))
}

fn check_header(info: &BatchInfo) -> Result<(), RecordsError> {
    let invalid = |detail: String| Err(refuse(ErrorCode::InvalidRecord, detail));
    let range = i64::from(info.last_offset_delta) + 1;
    if range <= 0 {
        return invalid(format!("a last offset delta of {}", info.last_offset_delta));
    }
    if info.count <= 0 {
        return invalid(format!("a record count of {}", info.count));
    }
    if range != i64::from(info.count) {
        return invalid(format!("{} records in a range of {range} offsets", info.count));
    }
    if info.attributes.is_control() {
        return invalid("a control batch from a client".to_owned());
    }
    if info.has_producer_id() && info.base_sequence < 0 {
        return invalid(format!("sequence {} of producer {}", info.base_sequence, info.producer_id));
    }
    Ok(())
}

/// Read all records: what they say, and whether their offset deltas count up from zero.
fn check_payload(info: &BatchInfo, codec: Codec, bytes: &Bytes) -> Result<(Seen, bool), RecordsError> {
    let payload = &bytes[HEADER_BYTES..];
    if codec == Codec::None {
        return scan(info, &mut { payload });
    }
    let stream = compress::reader(codec, payload, DECOMPRESSED_BYTES_MAX)
        .map_err(|e| refuse(ErrorCode::UnknownServerError, format!("the records do not decompress: {e}")))?;
    scan(info, &mut BufReader::new(stream))
}

fn scan(info: &BatchInfo, input: &mut impl BufRead) -> Result<(Seen, bool), RecordsError> {
    let mut seen = Seen { min_timestamp: i64::MAX, max_timestamp: -1, max_timestamp_delta: -1, keyless: false };
    let mut consecutive = true;
    for index in 0..info.count {
        let record = scan_record(input)?;
        let timestamp = info.base_timestamp.wrapping_add(record.timestamp_delta);
        if timestamp > seen.max_timestamp {
            (seen.max_timestamp, seen.max_timestamp_delta) = (timestamp, index);
        }
        seen.min_timestamp = seen.min_timestamp.min(timestamp);
        seen.keyless |= record.keyless;
        consecutive &= record.offset_delta == index;
    }
    match input.fill_buf() {
        Ok([]) => Ok((seen, consecutive)),
        Ok(_) => Err(refuse(ErrorCode::InvalidRecord, "more bytes than records")),
        Err(e) => Err(broken_stream(&e)),
    }
}

struct Scanned {
    timestamp_delta: i64,
    offset_delta: i32,
    keyless: bool,
}

fn scan_record(input: &mut impl BufRead) -> Result<Scanned, RecordsError> {
    // The length itself is at most five bytes.
    let mut head = Body { input, left: 5 };
    let length = head.varint()?;
    let left = usize::try_from(length).map_err(|_| refuse(ErrorCode::InvalidRecord, "a record of negative length"))?;
    let mut body = Body { input, left };
    body.byte()?;
    let timestamp_delta = body.varlong()?;
    let offset_delta = body.varint()?;
    let keyless = !body.skip_nullable()?;
    body.skip_nullable()?;
    let headers = body.varint()?;
    if usize::try_from(headers).map_or(true, |n| n > body.left) {
        return Err(refuse(ErrorCode::InvalidRecord, format!("{headers} record headers")));
    }
    for _ in 0..headers {
        if !body.skip_nullable()? {
            return Err(refuse(ErrorCode::InvalidRecord, "a header without a key"));
        }
        body.skip_nullable()?;
    }
    match body.left {
        0 => Ok(Scanned { timestamp_delta, offset_delta, keyless }),
        _ => Err(refuse(ErrorCode::InvalidRecord, "a record is longer than its fields")),
    }
}

/// The rest of one record in a stream.
struct Body<'a, R> {
    input: &'a mut R,
    left: usize,
}

impl<R: BufRead> Body<'_, R> {
    fn byte(&mut self) -> Result<u8, RecordsError> {
        if self.left == 0 {
            return Err(refuse(ErrorCode::InvalidRecord, "a field reaches beyond its record"));
        }
        let byte = *self.input.fill_buf().map_err(|e| broken_stream(&e))?.first().ok_or_else(ended)?;
        self.input.consume(1);
        self.left -= 1;
        Ok(byte)
    }

    fn raw(&mut self, bytes_max: u32) -> Result<u64, RecordsError> {
        let mut value = 0u64;
        for i in 0..bytes_max {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(refuse(ErrorCode::InvalidRecord, "a number is too long"))
    }

    fn varint(&mut self) -> Result<i32, RecordsError> {
        let raw = self.raw(5)?;
        #[expect(clippy::cast_possible_truncation, reason = "the bits above 32 are Kafka's to drop")]
        Ok(unzigzag32(raw as u32))
    }

    fn varlong(&mut self) -> Result<i64, RecordsError> {
        self.raw(10).map(unzigzag64)
    }

    /// Skip a field; false if it is null.
    fn skip_nullable(&mut self) -> Result<bool, RecordsError> {
        // Every negative length means null, as Kafka reads it.
        let Ok(len) = usize::try_from(self.varint()?) else { return Ok(false) };
        self.left =
            self.left.checked_sub(len).ok_or_else(|| refuse(ErrorCode::InvalidRecord, "a field reaches beyond its record"))?;
        let mut skip = len;
        while skip > 0 {
            let there = self.input.fill_buf().map_err(|e| broken_stream(&e))?.len();
            if there == 0 {
                return Err(ended());
            }
            let step = there.min(skip);
            self.input.consume(step);
            skip -= step;
        }
        Ok(true)
    }
}

fn ended() -> RecordsError {
    refuse(ErrorCode::InvalidRecord, "the records end early")
}

fn broken_stream(e: &std::io::Error) -> RecordsError {
    refuse(ErrorCode::UnknownServerError, format!("the records do not decompress: {e}"))
}

fn renumber(info: &BatchInfo, codec: Codec, bytes: &Bytes) -> Result<Checked, RecordsError> {
    let ready = rebuild(info, bytes, Compression { codec, level: None })?;
    let (info, parts) = ready.stamp(0, info.leader_epoch);
    Ok(Checked { bytes: parts.concat().into(), batches: vec![info] })
}
