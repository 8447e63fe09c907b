//! The 61 bytes before a batch's records: reading them, writing them, and the checksum that they carry.
//!
//! ```text
//!  0 base offset i64      23 last offset delta i32   51 producer epoch i16
//!  8 length i32           27 base timestamp i64      53 base sequence i32
//! 12 leader epoch i32     35 max timestamp i64       57 record count i32
//! 16 magic i8             43 producer id i64         61 records
//! 17 crc u32 (CRC-32C of everything from 21)
//! 21 attributes i16
//! ```
//! Base offset and leader epoch lie before the checksummed part, so that a broker can assign both without touching it.

use crate::wire::compress::Codec;
use bytes::{BufMut, Bytes, BytesMut};

/// The header's size in bytes, from the base offset to the record count.
pub const HEADER_BYTES: usize = 61;
/// Base offset and length: what the length does not count.
pub const PREFIX_BYTES: usize = 12;
/// Where the leader epoch ends, which no checksum covers.
pub const LEADER_EPOCH_ENDS: u32 = 16;
/// The bytes up to and including the magic number, without which nothing can be said about a batch.
pub const MAGIC_PREFIX_BYTES: usize = 17;
/// Where the checksummed part begins.
pub(crate) const CRC_FROM: usize = 21;
/// Kafka's "no producer id".
pub const NO_PRODUCER_ID: i64 = -1;
/// Kafka's "no sequence".
pub const NO_SEQUENCE: i32 = -1;

/// What a batch's header says, and, where the records were read, what they say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BatchInfo {
    /// Where the batch starts in its buffer, in bytes.
    pub pos: u32,
    /// Its length in bytes, header included.
    pub len: u32,
    pub base_offset: i64,
    pub last_offset_delta: i32,
    pub leader_epoch: i32,
    pub crc: u32,
    pub attributes: Attributes,
    pub base_timestamp: i64,
    /// As the header says.
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    /// How many records it says to hold.
    pub count: i32,
    /// What the records say; `None` where only the header was read.
    pub seen: Option<Seen>,
}

/// What the records of a batch say, so that nobody has to read them again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The lowest timestamp of a record, -1 ("none") among them.
    pub min_timestamp: i64,
    /// The highest timestamp of a record; -1 if no record has one.
    pub max_timestamp: i64,
    /// The offset delta of the first record that bears `max_timestamp`.
    pub max_timestamp_delta: i32,
    /// A record without a key is among them.
    pub keyless: bool,
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attributes(pub i16);

impl Attributes {
    const CODEC: i16 = 0x07;
    const LOG_APPEND_TIME: i16 = 0x08;
    const TRANSACTIONAL: i16 = 0x10;
    const CONTROL: i16 = 0x20;
    const DELETE_HORIZON: i16 = 0x40;

    /// The compression; `None` for the numbers 5 to 7, which mean nothing.
    #[must_use]
    pub fn codec(self) -> Option<Codec> {
        Codec::from_number(self.0 & Self::CODEC)
    }

    #[must_use]
    pub fn with_codec(self, codec: Codec) -> Attributes {
        Attributes(self.0 & !Self::CODEC | codec.number())
    }

    /// Timestamps are the broker's: each record bears the batch's maximum.
    #[must_use]
    pub fn is_log_append_time(self) -> bool {
        self.0 & Self::LOG_APPEND_TIME != 0
    }

    #[must_use]
    pub fn with_log_append_time(self, on: bool) -> Attributes {
        self.with(Self::LOG_APPEND_TIME, on)
    }

    #[must_use]
    pub fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    #[must_use]
    pub fn with_transactional(self, on: bool) -> Attributes {
        self.with(Self::TRANSACTIONAL, on)
    }

    /// The records are markers of the broker (transaction ends, quorum changes), not data.
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    #[must_use]
    pub fn with_control(self, on: bool) -> Attributes {
        self.with(Self::CONTROL, on)
    }

    /// Compaction has stored a deletion deadline in the base timestamp (KIP-534).
    #[must_use]
    pub fn has_delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }

    fn with(self, bit: i16, on: bool) -> Attributes {
        Attributes(if on { self.0 | bit } else { self.0 & !bit })
    }
}

/// Why bytes do not begin with a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// The bytes end before the batch does; it needs `need` bytes in all (at least, where its length is not readable yet).
    Partial { need: usize },
    /// A length that no batch of magic 2 can have.
    Length(i32),
    /// Not magic 2.
    Magic(i8),
}

impl std::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HeaderError::Partial { need } => write!(f, "the batch needs {need} bytes"),
            HeaderError::Length(len) => write!(f, "a batch cannot have length {len}"),
            HeaderError::Magic(magic) => write!(f, "magic {magic} instead of 2"),
        }
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

pub(crate) fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(array(bytes, at))
}

impl BatchInfo {
    /// Read the header of the batch that begins at `pos` of `bytes`, the whole of which must be there.
    pub fn parse(bytes: &[u8], pos: usize) -> Result<BatchInfo, HeaderError> {
        let here = bytes.get(pos..).unwrap_or_default();
        let info = BatchInfo::parse_header(here)?;
        if here.len() < info.len as usize {
            return Err(HeaderError::Partial { need: info.len as usize });
        }
        Ok(BatchInfo { pos: u32::try_from(pos).map_err(|_| HeaderError::Partial { need: 0 })?, ..info })
    }

    /// Read a header of which at least the first 61 bytes are there; the records need not be. `pos` is 0.
    pub fn parse_header(here: &[u8]) -> Result<BatchInfo, HeaderError> {
        if here.len() < MAGIC_PREFIX_BYTES {
            return Err(HeaderError::Partial { need: MAGIC_PREFIX_BYTES });
        }
        let length = i32_at(here, 8);
        let magic = i8::from_be_bytes(array(here, 16));
        if magic != 2 {
            return Err(HeaderError::Magic(magic));
        }
        let len = match usize::try_from(length) {
            Ok(n) if n + PREFIX_BYTES >= HEADER_BYTES => n + PREFIX_BYTES,
            _ => return Err(HeaderError::Length(length)),
        };
        if here.len() < HEADER_BYTES {
            return Err(HeaderError::Partial { need: len });
        }
        Ok(BatchInfo {
            pos: 0,
            len: u32::try_from(len).map_err(|_| HeaderError::Length(length))?,
            base_offset: i64::from_be_bytes(array(here, 0)),
            leader_epoch: i32_at(here, 12),
            crc: u32::from_be_bytes(array(here, 17)),
            attributes: Attributes(i16::from_be_bytes(array(here, 21))),
            last_offset_delta: i32_at(here, 23),
            base_timestamp: i64::from_be_bytes(array(here, 27)),
            max_timestamp: i64::from_be_bytes(array(here, 35)),
            producer_id: i64::from_be_bytes(array(here, 43)),
            producer_epoch: i16::from_be_bytes(array(here, 51)),
            base_sequence: i32_at(here, 53),
            count: i32_at(here, 57),
            seen: None,
        })
    }

    /// Whether the checksum of the batch at its place in `bytes` is right.
    #[must_use]
    pub fn crc_matches(&self, bytes: &[u8]) -> bool {
        let (from, to) = (self.pos as usize + CRC_FROM, (self.pos + self.len) as usize);
        bytes.get(from..to).is_some_and(|body| crc32c::crc32c(body) == self.crc)
    }

    /// The offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// The offset after the last record: where the next batch begins.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// The offset of the first record that bears the batch's highest timestamp, as ListOffsets says it for -3 (KIP-734). `None`
    /// where only the header was read and the timestamps are the producer's.
    #[must_use]
    pub fn max_timestamp_offset(&self) -> Option<i64> {
        if self.attributes.is_log_append_time() {
            return Some(self.base_offset);
        }
        self.seen.map(|seen| self.base_offset.saturating_add(i64::from(seen.max_timestamp_delta.max(0))))
    }

    #[must_use]
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// The sequence of the last record; sequences wrap from `i32::MAX` to 0 (KIP-98). -1 for none.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE { NO_SEQUENCE } else { sequence_after(self.base_sequence, self.last_offset_delta) }
    }

    /// Where the batch ends in its buffer, in bytes.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.pos + self.len
    }

    /// Write the header with the checksum over itself and `payload`, the records as they are stored. Sets `len` and `crc`.
    #[must_use]
    pub fn seal(&mut self, payload: &[u8]) -> [u8; HEADER_BYTES] {
        self.len = u32::try_from(HEADER_BYTES + payload.len()).expect("a batch is shorter than 2 GiB");
        self.crc = 0;
        let header = self.encode();
        self.crc = crc32c::crc32c_append(crc32c::crc32c(&header[CRC_FROM..]), payload);
        self.encode()
    }

    /// The header as it is on the wire and on disk, with the checksum that `self` says.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        let mut out = &mut header[..];
        out.put_i64(self.base_offset);
        out.put_u32(self.len - u32::try_from(PREFIX_BYTES).expect("12"));
        out.put_i32(self.leader_epoch);
        out.put_i8(2);
        out.put_u32(self.crc);
        out.put_i16(self.attributes.0);
        out.put_i32(self.last_offset_delta);
        out.put_i64(self.base_timestamp);
        out.put_i64(self.max_timestamp);
        out.put_i64(self.producer_id);
        out.put_i16(self.producer_epoch);
        out.put_i32(self.base_sequence);
        out.put_i32(self.count);
        header
    }
}

/// The sequence `by` records after `sequence`, which wraps from `i32::MAX` to 0 (KIP-98).
#[must_use]
pub fn sequence_after(sequence: i32, by: i32) -> i32 {
    let sum = (i64::from(sequence) + i64::from(by)).rem_euclid(1 << 31);
    i32::try_from(sum).expect("reduced modulo 2^31")
}

/// The same batch under another base offset and leader epoch: a fresh prefix, and the rest shared. The checksum stays valid.
#[must_use]
pub fn restamp(batch: &Bytes, base_offset: i64, leader_epoch: i32) -> [Bytes; 2] {
    assert!(batch.len() >= HEADER_BYTES, "a batch has a whole header");
    let mut prefix = BytesMut::with_capacity(16);
    prefix.put_i64(base_offset);
    prefix.put_slice(&batch[8..12]);
    prefix.put_i32(leader_epoch);
    [prefix.freeze(), batch.slice(16..)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_way_to_bytes_and_back() {
        let mut info = BatchInfo {
            base_offset: 77,
            last_offset_delta: 4,
            leader_epoch: 3,
            attributes: Attributes::default().with_codec(Codec::Lz4).with_transactional(true),
            base_timestamp: 1_000,
            max_timestamp: 2_000,
            producer_id: 9,
            producer_epoch: 2,
            base_sequence: i32::MAX - 1,
            count: 5,
            ..BatchInfo::default()
        };
        let mut bytes = info.seal(b"payload").to_vec();
        bytes.extend_from_slice(b"payload");
        assert_eq!(BatchInfo::parse(&bytes, 0), Ok(info));
        assert!(info.crc_matches(&bytes));
        assert_eq!((info.last_offset(), info.next_offset(), info.last_sequence()), (81, 82, 2));

        let [prefix, rest] = restamp(&Bytes::from(bytes.clone()), 500, 8);
        let stamped = [prefix, rest].concat();
        let read = BatchInfo::parse(&stamped, 0).expect("still a batch");
        assert_eq!((read.base_offset, read.leader_epoch, read.crc), (500, 8, info.crc));
        assert!(read.crc_matches(&stamped));

        bytes[70 - 9] ^= 1;
        assert!(!info.crc_matches(&bytes));
        for cut in 0..bytes.len() {
            assert!(matches!(BatchInfo::parse(&bytes[..cut], 0), Err(HeaderError::Partial { need }) if need > cut), "{cut}");
        }
    }

    #[test]
    fn impossible_lengths_and_old_magic_are_named() {
        let mut bytes = BatchInfo { len: 61, ..BatchInfo::default() }.encode();
        bytes[8..12].copy_from_slice(&48i32.to_be_bytes());
        assert_eq!(BatchInfo::parse(&bytes, 0), Err(HeaderError::Length(48)));
        bytes[8..12].copy_from_slice(&(-1i32).to_be_bytes());
        assert_eq!(BatchInfo::parse(&bytes, 0), Err(HeaderError::Length(-1)));
        bytes[16] = 1;
        assert_eq!(BatchInfo::parse(&bytes, 0), Err(HeaderError::Magic(1)));
    }
}
