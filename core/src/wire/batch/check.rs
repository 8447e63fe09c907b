//! The checks that Kafka makes of a Produce request's records whatever the topic's configuration, in Kafka's order, and with
//! Kafka's answer to each mistake.
//!
//! | mistake | answer | to |
//! |---|---|---|
//! | no batch at all, or its bytes are cut off | INVALID_RECORD | partition |
//! | a length under 14, or magic beyond 2 | CORRUPT_MESSAGE, with a message | request |
//! | a length under 39 | UNKNOWN_SERVER_ERROR | request |
//! | magic 0 or 1 | INVALID_RECORD | partition |
//! | zstd below Produce v7 (an unknown codec there) | UNSUPPORTED_COMPRESSION_TYPE (UNKNOWN_SERVER_ERROR) | partition (request) |
//! | a second batch | INVALID_RECORD | partition |
//! | a second batch that is malformed | CORRUPT_MESSAGE | partition |
//! | base offset not 0 | INVALID_RECORD | log |
//! | (larger than `max.message.bytes`) | (MESSAGE_TOO_LARGE) | partition |
//! | shorter than a header, or the CRC is wrong | CORRUPT_MESSAGE | partition |
//! | an unknown codec, or a payload that does not decompress | UNKNOWN_SERVER_ERROR | log |
//! | offset range empty, count not positive, or both disagree | INVALID_RECORD | log |
//! | a control batch, a producer id without a sequence | INVALID_RECORD | log |
//! | a payload that decompresses to more than `DECOMPRESSED_BYTES_MAX` (ours alone) | MESSAGE_TOO_LARGE, with a message | partition |
//! | records that do not parse, or too few, or too many | INVALID_RECORD | log |
//! | inner offsets that are not consecutive, compressed | UNKNOWN_SERVER_ERROR | log |
//!
//! All of it was observed of Kafka 4.3.1. It never answers records that are null; we say INVALID_RECORD. It accepts compressed
//! records whose own length is wrong, which no consumer can read; we say INVALID_RECORD. It stores uncompressed records with inner
//! offsets that are not consecutive as they are; we number them anew.
//!
//! Bytes after the batch that are too few to be another one are ignored, as Kafka ignores them.
//!
//! A compressed payload is validated as a stream: memory is bounded by the codec's window, time by `DECOMPRESSED_BYTES_MAX` and by what the whole
//! request may decompress to.

use super::append::rebuild;
use super::header::{BatchInfo, CRC_FROM, HEADER_BYTES, MAGIC_PREFIX_BYTES, PREFIX_BYTES, Seen, i32_at};
use super::records::{unzigzag32, unzigzag64};
use super::{Checked, RecordsError, Scope};
use crate::wire::ErrorCode;
use crate::wire::compress::{self, Codec, Compression, DECOMPRESSED_BYTES_MAX};
use bytes::Bytes;
use std::io::{BufRead, BufReader};

/// The smallest length that Kafka lets any batch have, from the oldest format.
const LENGTH_MIN: i32 = 14;
/// The length that Kafka needs at least to look for a producer id, which it does before anything else but for the old formats, which have none.
const LENGTH_READABLE: usize = 39;
/// The bit of a batch's attributes.
const TRANSACTIONAL: u8 = 1 << 4;
/// The first version of Produce that may carry zstd (KIP-110).
const ZSTD_SINCE: i16 = 7;

/// Check the records of one partition in a Produce request of this version. `unpacked_left`: what the batches of the request may still
/// decompress to, in bytes.
pub fn check(records: Option<Bytes>, produce_version: i16, unpacked_left: &mut usize) -> Result<Checked, RecordsError> {
    let bytes = records.ok_or_else(|| refuse(ErrorCode::InvalidRecord, Scope::Partition, "null for records"))?;
    let (bytes, codec) = check_framing(bytes, produce_version)?;
    let is_transactional = bytes[CRC_FROM + 1] & TRANSACTIONAL != 0;
    if i64::from_be_bytes(bytes[..8].try_into().expect("eight bytes")) != 0 {
        return Err(RecordsError { is_transactional, ..invalid("the base offset is not 0") });
    }
    let batch_bytes = Some(u32::try_from(bytes.len()).expect("a batch is shorter than 2 GiB"));
    check_batch(bytes, codec, unpacked_left).map_err(|e| RecordsError { batch_bytes, is_transactional, ..e })
}

/// What can be said without the batch's contents. Gives the one batch without what follows it, and its codec.
fn check_framing(bytes: Bytes, produce_version: i16) -> Result<(Bytes, Option<Codec>), RecordsError> {
    let partition = |code, detail| refuse(code, Scope::Partition, detail);
    let whole = |code, detail: &str| refuse(code, Scope::Request, detail);
    let first = next_len(&bytes).map_err(|message| RecordsError {
        message: Some(message.clone()),
        ..refuse(ErrorCode::CorruptMessage, Scope::Request, message)
    })?;
    let len = first.ok_or_else(|| partition(ErrorCode::InvalidRecord, "no whole batch"))?;
    if bytes[MAGIC_PREFIX_BYTES - 1] != 2 {
        return Err(partition(ErrorCode::InvalidRecord, "a message format before 2"));
    }
    if len < PREFIX_BYTES + LENGTH_READABLE {
        return Err(whole(ErrorCode::UnknownServerError, "a batch without a producer id"));
    }
    let codec = Codec::from_number(i16::from(bytes[CRC_FROM + 1] & 7));
    if produce_version < ZSTD_SINCE && codec == Some(Codec::Zstd) {
        return Err(partition(ErrorCode::UnsupportedCompressionType, "zstd before Produce version 7"));
    }
    if produce_version < ZSTD_SINCE && codec.is_none() {
        return Err(whole(ErrorCode::UnknownServerError, "an unknown codec"));
    }
    match next_len(&bytes[len..]) {
        Ok(None) => Ok((bytes.slice(..len), codec)),
        Ok(Some(_)) => Err(partition(ErrorCode::InvalidRecord, "more than one batch")),
        Err(message) => Err(refuse(ErrorCode::CorruptMessage, Scope::Partition, message)),
    }
}

fn check_batch(bytes: Bytes, codec: Option<Codec>, unpacked_left: &mut usize) -> Result<Checked, RecordsError> {
    let corrupt = |detail: String| refuse(ErrorCode::CorruptMessage, Scope::Partition, detail);
    let mut info = BatchInfo::parse(&bytes, 0).map_err(|e| corrupt(e.to_string()))?;
    if !info.crc_matches(&bytes) {
        return Err(corrupt(format!("the checksum is not {:#010x}", info.crc)));
    }
    let codec = codec.ok_or_else(|| unreadable("an unknown codec"))?;
    check_header(&info)?;
    let (seen, consecutive) = check_payload(&info, codec, &bytes, unpacked_left)?;
    info.seen = Some(seen);
    match (consecutive, codec) {
        (true, _) => Ok(Checked { bytes, batches: vec![info] }),
        (false, Codec::None) => renumber(&info, &bytes),
        (false, _) => Err(unreadable("compressed records with offsets that are not consecutive")),
    }
}

fn refuse(code: ErrorCode, scope: Scope, detail: impl Into<String>) -> RecordsError {
    RecordsError::new(code, scope, detail)
}

fn invalid(detail: impl Into<String>) -> RecordsError {
    refuse(ErrorCode::InvalidRecord, Scope::Log, detail)
}

/// What trips Kafka, and what it says then.
fn unreadable(detail: impl Into<String>) -> RecordsError {
    refuse(ErrorCode::UnknownServerError, Scope::Log, detail)
}

/// Ours alone: Kafka unpacks whatever it is sent.
fn unpacks_to_too_much(allowed: usize) -> RecordsError {
    let whose =
        if allowed < DECOMPRESSED_BYTES_MAX { "what is left of what the batches of one request may" } else { "what a batch may" };
    let message = format!("The records decompress to more than {allowed} bytes, {whose}.");
    RecordsError { message: Some(message.clone()), ..refuse(ErrorCode::MessageTooLarge, Scope::Partition, message) }
}

/// The length of the batch at the start of `bytes`, if it is there whole. The errors are in Kafka's words: it sends them.
fn next_len(bytes: &[u8]) -> Result<Option<usize>, String> {
    if bytes.len() < PREFIX_BYTES {
        return Ok(None);
    }
    let length = i32_at(bytes, 8);
    if length < LENGTH_MIN {
        return Err(format!("Record size {length} is less than the minimum record overhead ({LENGTH_MIN})"));
    }
    if bytes.len() < MAGIC_PREFIX_BYTES {
        return Ok(None);
    }
    let magic = i8::from_be_bytes([bytes[MAGIC_PREFIX_BYTES - 1]]);
    if !(0..=2).contains(&magic) {
        return Err(format!("Invalid magic found in record: {magic}"));
    }
    let len = usize::try_from(length).expect("not negative") + PREFIX_BYTES;
    Ok((len <= bytes.len()).then_some(len))
}

fn check_header(info: &BatchInfo) -> Result<(), RecordsError> {
    let range = i64::from(info.last_offset_delta) + 1;
    if range <= 0 {
        return Err(invalid(format!("a last offset delta of {}", info.last_offset_delta)));
    }
    if info.count <= 0 {
        return Err(invalid(format!("a record count of {}", info.count)));
    }
    if range != i64::from(info.count) {
        return Err(invalid(format!("{} records in a range of {range} offsets", info.count)));
    }
    if info.attributes.is_control() {
        return Err(invalid("a control batch from a client"));
    }
    if info.has_producer_id() && info.base_sequence < 0 {
        return Err(invalid(format!("sequence {} of producer {}", info.base_sequence, info.producer_id)));
    }
    Ok(())
}

/// Read all records: what they say, and whether their offset deltas count up from zero.
fn check_payload(info: &BatchInfo, codec: Codec, bytes: &Bytes, unpacked_left: &mut usize) -> Result<(Seen, bool), RecordsError> {
    let payload = &bytes[HEADER_BYTES..];
    if codec == Codec::None {
        // A length of too many bytes is the one number that trips Kafka, and only here.
        return scan(info, &mut { payload }, ErrorCode::UnknownServerError);
    }
    // To Java an empty zstd stream holds nothing; the others need a header.
    if payload.is_empty() && codec != Codec::Zstd {
        return Err(unreadable("an empty compressed payload"));
    }
    let allowed = DECOMPRESSED_BYTES_MAX.min(*unpacked_left);
    let stream =
        compress::reader(codec, payload, allowed).map_err(|e| unreadable(format!("the records do not decompress: {e}")))?;
    let mut input = BufReader::new(stream);
    let scanned = scan(info, &mut input, ErrorCode::InvalidRecord);
    let left = input.into_inner().left();
    *unpacked_left -= allowed - left.unwrap_or(0);
    // Whoever sent it learns at least what is wrong with it, and that to send it again changes nothing.
    left.map_or_else(|| Err(unpacks_to_too_much(allowed)), |_| scanned)
}

fn scan(info: &BatchInfo, input: &mut impl BufRead, long_number: ErrorCode) -> Result<(Seen, bool), RecordsError> {
    let mut seen = Seen { min_timestamp: i64::MAX, max_timestamp: -1, max_timestamp_delta: -1, keyless: false };
    let mut consecutive = true;
    for index in 0..info.count {
        let record = match scan_whole(input.fill_buf().map_err(|e| broken_stream(&e))?) {
            Some((record, len)) => {
                input.consume(len);
                record
            }
            None => scan_record(input, long_number)?,
        };
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
        Ok(_) => Err(invalid("more bytes than records")),
        Err(e) => Err(broken_stream(&e)),
    }
}

struct Scanned {
    timestamp_delta: i64,
    offset_delta: i32,
    keyless: bool,
}

/// A record that lies whole and faultless at the beginning of `there`, and its length: nearly every one, at a fraction of the cost of
/// reading it byte by byte. `None` means nothing: `scan_record` finds out what is the matter.
fn scan_whole(there: &[u8]) -> Option<(Scanned, usize)> {
    let mut at = 0;
    let length = usize::try_from(int(there, &mut at)?).ok()?;
    let end = at.checked_add(length)?;
    let record = there.get(..end)?;
    at += 1;
    let timestamp_delta = unzigzag64(number(record, &mut at, 10)?);
    let offset_delta = int(record, &mut at)?;
    let keyless = !skip(record, &mut at)?;
    skip(record, &mut at)?;
    let headers = int(record, &mut at)?;
    if headers < 0 {
        return None;
    }
    for _ in 0..headers {
        if !skip(record, &mut at)? {
            return None;
        }
        skip(record, &mut at)?;
    }
    (at == end).then_some((Scanned { timestamp_delta, offset_delta, keyless }, end))
}

/// Pass over a field; false if it is null.
#[inline]
fn skip(record: &[u8], at: &mut usize) -> Option<bool> {
    let Ok(len) = usize::try_from(int(record, at)?) else { return Some(false) };
    *at = at.checked_add(len)?;
    Some(true)
}

#[inline]
fn int(bytes: &[u8], at: &mut usize) -> Option<i32> {
    let raw = number(bytes, at, 5)?;
    #[expect(clippy::cast_possible_truncation, reason = "the bits above 32 are Kafka's to drop")]
    Some(unzigzag32(raw as u32))
}

/// A number of at most so many bytes.
#[inline]
fn number(bytes: &[u8], at: &mut usize, bytes_max: u32) -> Option<u64> {
    let mut value = 0u64;
    for i in 0..bytes_max {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn scan_record(input: &mut impl BufRead, long_number: ErrorCode) -> Result<Scanned, RecordsError> {
    let length = Body { input, left: usize::MAX, long_number }.varint()?;
    let left = usize::try_from(length).map_err(|_| invalid("a record of negative length"))?;
    let mut body = Body { input, left, long_number: ErrorCode::InvalidRecord };
    body.byte()?;
    let timestamp_delta = body.varlong()?;
    let offset_delta = body.varint()?;
    let keyless = !body.skip_nullable()?;
    body.skip_nullable()?;
    let headers = body.varint()?;
    if usize::try_from(headers).map_or(true, |n| n > body.left) {
        return Err(invalid(format!("{headers} record headers")));
    }
    for _ in 0..headers {
        if !body.skip_nullable()? {
            return Err(invalid("a header without a key"));
        }
        body.skip_nullable()?;
    }
    match body.left {
        0 => Ok(Scanned { timestamp_delta, offset_delta, keyless }),
        _ => Err(invalid("a record is longer than its fields")),
    }
}

/// The rest of one record in a stream.
struct Body<'a, R> {
    input: &'a mut R,
    left: usize,
    /// What is said of a number that is too long.
    long_number: ErrorCode,
}

impl<R: BufRead> Body<'_, R> {
    fn byte(&mut self) -> Result<u8, RecordsError> {
        if self.left == 0 {
            return Err(invalid("a field reaches beyond its record"));
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
        Err(refuse(self.long_number, Scope::Log, "a number is too long"))
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
        self.left = self.left.checked_sub(len).ok_or_else(|| invalid("a field reaches beyond its record"))?;
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
    invalid("the records end early")
}

fn broken_stream(e: &std::io::Error) -> RecordsError {
    unreadable(format!("the records do not decompress: {e}"))
}

fn renumber(info: &BatchInfo, bytes: &Bytes) -> Result<Checked, RecordsError> {
    let ready = rebuild(info, bytes, Compression::default())?;
    let (info, parts) = ready.stamp(0, info.leader_epoch);
    Ok(Checked { bytes: parts.concat().into(), batches: vec![info] })
}
