//! Record batches (magic 2): header view, record iterator, validation, building.

use bytes::Bytes;

/// Record batches that passed every check that needs no configuration: magic 2, lengths, CRC-32C, record structure inside any
/// compression, offsets and counts consistent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// The batches, back to back, as they came over the wire.
    pub bytes: Bytes,
    /// One entry a batch, in order; together they cover `bytes` exactly.
    pub batches: Vec<BatchInfo>,
}

/// What a batch's header says, and what its records say where the header does not bind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BatchInfo {
    /// Where the batch starts in its buffer, in bytes.
    pub pos: u32,
    /// Its length in bytes, header included.
    pub len: u32,
    pub base_offset: i64,
    pub last_offset_delta: i32,
    pub leader_epoch: i32,
    pub attributes: Attributes,
    pub base_timestamp: i64,
    /// As the header says.
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    /// How many records it says to hold.
    pub count: i32,
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attributes(pub i16);

/// Why records of a Produce request cannot be appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordsError {
    /// CORRUPT_MESSAGE.
    Corrupt(String),
    /// INVALID_RECORD.
    Invalid(String),
    /// UNSUPPORTED_FOR_MESSAGE_FORMAT.
    OldFormat,
    /// UNSUPPORTED_COMPRESSION_TYPE.
    Compression(String),
    /// Null records.
    Missing,
}
