//! What a partition's configuration asks of a checked batch before it is appended: size, keys, timestamps, compression.
//!
//! Takes       a checked batch and the partition's `AppendPolicy`.
//! Gives       a `Ready` batch, which only lacks its offset and leader epoch, or Kafka's refusal.
//! Holds       a payload is copied only where `compression.type` asks for another codec than the producer's.

use super::build::BatchBuilder;
use super::header::{Attributes, BatchInfo, HEADER_BYTES, Seen};
use super::records::records;
use super::{Checked, RecordsError, Scope};
use crate::time::Timestamp;
use crate::wire::ErrorCode;
use crate::wire::compress::{Codec, Compression};
use bytes::{BufMut, Bytes, BytesMut};

/// The part of a topic's configuration that decides about a client's batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppendPolicy {
    /// `max.message.bytes`: of a whole batch, header included.
    pub bytes_max: u32,
    /// `compression.type`; `None` is `producer`.
    pub compression: Option<Compression>,
    /// `message.timestamp.type=LogAppendTime`.
    pub log_append_time: bool,
    /// `message.timestamp.before.max.ms` (KIP-937).
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms` (KIP-937).
    pub timestamp_after_max_ms: i64,
    /// `cleanup.policy` contains `compact`: every record needs a key.
    pub compacted: bool,
}

/// A batch as it will be stored, but for its offset and leader epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ready {
    /// `pos` is 0.
    pub info: BatchInfo,
    header: [u8; HEADER_BYTES],
    payload: Bytes,
}

impl Ready {
    /// Assign offset and leader epoch: the info, and the bytes to be appended, one part after the other.
    #[must_use]
    pub fn stamp(self, base_offset: i64, leader_epoch: i32) -> (BatchInfo, [Bytes; 2]) {
        let info = BatchInfo { base_offset, leader_epoch, ..self.info };
        let mut header = BytesMut::with_capacity(HEADER_BYTES);
        header.put_i64(base_offset);
        header.put_slice(&self.header[8..12]);
        header.put_i32(leader_epoch);
        header.put_slice(&self.header[16..]);
        (info, [header.freeze(), self.payload])
    }

    /// Keep the checksum that the batch came with, right or wrong: for a planted bug.
    pub(crate) fn keep_checksum_of(&mut self, batch: &Bytes) {
        let crc = 17..21;
        self.header[crc.clone()].copy_from_slice(&batch[crc]);
    }

    /// Take a batch as it is: for batches of our own and of other brokers, to which no policy applies.
    #[must_use]
    pub fn verbatim(info: &BatchInfo, batch: &Bytes) -> Ready {
        assert!(batch.len() == info.len as usize, "the bytes are this batch and nothing else");
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&batch[..HEADER_BYTES]);
        Ready { info: BatchInfo { pos: 0, ..*info }, header, payload: batch.slice(HEADER_BYTES..) }
    }
}

/// Apply a policy to a client's records (one batch). `topic` and `partition` appear in Kafka's messages.
///
/// Errors, in Kafka's order: `MESSAGE_TOO_LARGE`; per record `INVALID_RECORD` (no key on a compacted topic) and
/// `INVALID_TIMESTAMP`; `MESSAGE_TOO_LARGE` again after recompression.
pub fn prepare(
    checked: &Checked,
    policy: &AppendPolicy,
    topic: &str,
    partition: i32,
    now: Timestamp,
) -> Result<Ready, RecordsError> {
    assert!(checked.batches.len() == 1, "a client's records are one batch");
    let info = checked.batches[0];
    check_size(&info, policy)?;
    let seen = info.seen.expect("a checked batch of a client has been read");
    check_records(checked, &info, &seen, policy, &format_args!("{topic}-{partition}"), now)?;

    let source = info.attributes.codec().expect("a checked batch has a known codec");
    let mut ready = Ready::verbatim(&info, &checked.bytes);
    if let Some(target) = policy.compression.filter(|t| t.codec != source) {
        ready = rebuild(&info, &checked.bytes, target)?;
        check_size(&ready.info, policy)?;
    }
    let (attributes, max_timestamp) = if policy.log_append_time {
        (ready.info.attributes.with_log_append_time(true), now.0)
    } else {
        // Kafka trusts the records, not the header, and makes both agree.
        (ready.info.attributes.with_log_append_time(false), seen_max(&info, &seen))
    };
    if (attributes, max_timestamp) != (ready.info.attributes, ready.info.max_timestamp) {
        (ready.info.attributes, ready.info.max_timestamp) = (known(attributes), max_timestamp);
        ready.header = ready.info.seal(&ready.payload);
    }
    Ok(ready)
}

/// Kafka writes back only the bits that it knows when it rewrites attributes.
fn known(attributes: Attributes) -> Attributes {
    Attributes(attributes.0 & 0x7f)
}

/// The highest timestamp as the records' reader sees it: the header's, where the producer claims LogAppendTime.
fn seen_max(info: &BatchInfo, seen: &Seen) -> i64 {
    if info.attributes.is_log_append_time() { info.max_timestamp } else { seen.max_timestamp }
}

fn check_size(info: &BatchInfo, policy: &AppendPolicy) -> Result<(), RecordsError> {
    if info.len <= policy.bytes_max { Ok(()) } else { Err(RecordsError::too_large(info.len, policy.bytes_max)) }
}

/// Store the records of a batch anew, with another codec or with consecutive offsets.
pub(super) fn rebuild(info: &BatchInfo, batch: &Bytes, target: Compression) -> Result<Ready, RecordsError> {
    let failed = |e: String| RecordsError::new(ErrorCode::UnknownServerError, Scope::Log, e);
    let mut builder = BatchBuilder::new(target)
        .leader_epoch(info.leader_epoch)
        .producer(info.producer_id, info.producer_epoch, info.base_sequence)
        .transactional(info.attributes.is_transactional());
    for record in records(info, batch).map_err(|e| failed(e.to_string()))? {
        builder.push_record(&record.map_err(|e| failed(e.to_string()))?);
    }
    let (info, header, payload) = builder.parts().map_err(failed)?;
    let mut ready = Ready { info, header: [0; HEADER_BYTES], payload };
    ready.header.copy_from_slice(&header);
    Ok(ready)
}

fn check_records(
    checked: &Checked,
    info: &BatchInfo,
    seen: &Seen,
    policy: &AppendPolicy,
    partition: &dyn std::fmt::Display,
    now: Timestamp,
) -> Result<(), RecordsError> {
    let bounds = Bounds { now: now.0, before_ms: policy.timestamp_before_max_ms, after_ms: policy.timestamp_after_max_ms };
    let claims_append_time = info.attributes.is_log_append_time();
    let (min, max) =
        if claims_append_time { (info.max_timestamp, info.max_timestamp) } else { (seen.min_timestamp, seen.max_timestamp) };
    // Between two times that pass and are not negative, all pass.
    let in_bounds = !policy.log_append_time && min >= 0 && bounds.contain(min) && bounds.contain(max);
    let timestamps_pass = in_bounds || (policy.log_append_time && !claims_append_time);
    if timestamps_pass && !(policy.compacted && seen.keyless) {
        return Ok(());
    }
    let failed = |e: super::records::ReadError| RecordsError::new(ErrorCode::UnknownServerError, Scope::Log, e.to_string());
    let source = info.attributes.codec().unwrap_or_default();
    let kept_packed = source != Codec::None && policy.compression.is_none_or(|target| target.codec == source);
    let mut errors = Vec::new();
    let mut code = ErrorCode::InvalidRecord;
    for (index, record) in records(info, &checked.bytes).map_err(failed)?.enumerate() {
        let record = record.map_err(failed)?;
        let index = i32::try_from(index).expect("records are counted in 32 bits");
        if policy.compacted && record.key.is_none() {
            errors.push((index, format!("Compacted topic cannot accept message without key in topic partition {partition}")));
        } else if !policy.log_append_time && record.timestamp != Timestamp::NONE.0 {
            if !bounds.contain(record.timestamp) {
                code = ErrorCode::InvalidTimestamp;
                let (from, to) = (bounds.now.wrapping_sub(bounds.before_ms), bounds.now.wrapping_add(bounds.after_ms));
                errors.push((
                    index,
                    format!(
                        "Timestamp {} of message with offset {} is out of range. The timestamp should be within [{from}, {to}]",
                        record.timestamp, record.offset
                    ),
                ));
            }
        } else if claims_append_time {
            code = ErrorCode::InvalidTimestamp;
            // Kafka prints its own class, which is another one where it need not keep keys and values.
            let class = if kept_packed { "PartialDefaultRecord" } else { "DefaultRecord" };
            let (key, value) = (record.key.as_ref().map_or(0, Bytes::len), record.value.as_ref().map_or(0, Bytes::len));
            errors.push((
                index,
                format!(
                    "Invalid timestamp type in message {class}(offset={}, timestamp={}, key={key} bytes, value={value} bytes). \
                     Producer should not set timestamp type to LogAppendTime.",
                    record.offset, record.timestamp
                ),
            ));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(refusal(code, errors)) }
}

/// The times that a record may bear, in Kafka's arithmetic, which wraps.
struct Bounds {
    now: i64,
    before_ms: i64,
    after_ms: i64,
}

impl Bounds {
    fn contain(&self, timestamp: i64) -> bool {
        self.now.wrapping_sub(timestamp) <= self.before_ms && timestamp.wrapping_sub(self.now) <= self.after_ms
    }
}

fn refusal(code: ErrorCode, records: Vec<(i32, String)>) -> RecordsError {
    let message = match code {
        ErrorCode::InvalidTimestamp => "One or more records have been rejected due to invalid timestamp".to_owned(),
        _ => {
            let shown: Vec<String> =
                records.iter().take(3).map(|(i, m)| format!("RecordError(batchIndex={i}, message='{m}')")).collect();
            format!(
                "One or more records have been rejected due to {} record errors in total, and only showing the first three \
                 errors at most: [{}]",
                records.len(),
                shown.join(", ")
            )
        }
    };
    RecordsError { message: Some(message.clone()), records, ..RecordsError::new(code, Scope::Log, message) }
}
