//! Record batches (magic 2): header view, record iterator, validation, building.
//!
//! State       none.
//! Takes       the records of Produce requests, of Fetch answers, of segment files.
//! Gives       `Checked` batches, `Ready` batches to be appended, records to be read.
//! Holds       bytes that passed `check` parse for ever; payloads are shared slices and are not copied.
//! Not here    offsets and leader epochs (the log assigns them through `Ready::stamp`), producer state.
//! Read first  `BatchInfo`, then `check.rs` and `append.rs`. Background: KIP-98 (the format), KIP-467 (record errors).

pub mod append;
pub mod build;
pub mod check;
pub mod header;
pub mod records;
#[cfg(test)]
mod tests;

pub use append::{AppendPolicy, Ready, prepare};
pub use build::BatchBuilder;
pub use check::check;
pub(crate) use header::CRC_FROM;
pub use header::{Attributes, BatchInfo, HEADER_BYTES, HeaderError, LEADER_EPOCH_ENDS, MAGIC_PREFIX_BYTES, PREFIX_BYTES, Seen};
pub use records::{Batch, Batches, Record, RecordHeader, Records, batches, is_abort_marker, records};

use super::ErrorCode;
use bytes::Bytes;

/// Record batches that passed every check that needs no configuration: magic 2, lengths, CRC-32C, record structure inside any
/// compression, counts, offset deltas consecutive from zero.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// The batches, back to back. For a Produce request this is one batch, as it came over the wire (or rebuilt, where its inner
    /// offsets were not consecutive: Kafka does the same).
    pub bytes: Bytes,
    /// One entry a batch, in order; together they cover `bytes` exactly.
    pub batches: Vec<BatchInfo>,
}

impl Checked {
    /// Each batch with its bytes.
    pub fn iter(&self) -> impl Iterator<Item = (Bytes, &BatchInfo)> {
        self.batches.iter().map(|b| (self.bytes.slice(b.pos as usize..(b.pos + b.len) as usize), b))
    }
}

/// Why records of a Produce request cannot be appended, as Kafka says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordsError {
    pub code: ErrorCode,
    pub scope: Scope,
    /// What is wrong, for our own log lines. Kafka keeps this to itself.
    pub detail: String,
    /// The answer's `error_message`, where Kafka sets it.
    pub message: Option<String>,
    /// The answer's `record_errors` (KIP-467): index of the record in its batch, and what is wrong with it.
    pub records: Vec<(i32, String)>,
    /// The size of the batch in bytes, where Kafka looks at `max.message.bytes` before it finds this mistake; see [`Self::limited`].
    pub batch_bytes: Option<u32>,
    /// The batch calls itself a part of a transaction: Kafka looks at that before anything but how it is framed.
    pub is_transactional: bool,
}

/// How much of a Produce request a mistake refuses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// Every partition of the request is answered with this error, also those whose records are good; nothing is appended.
    Request,
    /// This partition; the answer's `log_start_offset` is -1.
    Partition,
    /// This partition; the answer says the partition's log start offset.
    Log,
}

impl RecordsError {
    #[must_use]
    pub fn new(code: ErrorCode, scope: Scope, detail: impl Into<String>) -> RecordsError {
        RecordsError {
            code,
            scope,
            detail: detail.into(),
            message: None,
            records: Vec::new(),
            batch_bytes: None,
            is_transactional: false,
        }
    }

    /// Whether it is about how the batches are framed, which Kafka looks at before the topic; at what is in them only after that.
    #[must_use]
    pub fn is_framing(&self) -> bool {
        self.scope != Scope::Log && self.batch_bytes.is_none()
    }

    /// This error, or MESSAGE_TOO_LARGE where Kafka would have found that first.
    #[must_use]
    pub fn limited(self, bytes_max: u32) -> RecordsError {
        match self.batch_bytes {
            Some(len) if len > bytes_max => RecordsError::too_large(len, bytes_max),
            _ => self,
        }
    }

    fn too_large(len: u32, bytes_max: u32) -> RecordsError {
        let detail = format!("a batch of {len} bytes, where {bytes_max} are allowed");
        RecordsError::new(ErrorCode::MessageTooLarge, Scope::Partition, detail)
    }
}

impl std::fmt::Display for RecordsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}
