//! Kafka record batches (magic 2) as a client and a checker see them: a small builder and a small, careful parser.
//!
//! State       none.
//! Holds       parses with no code of `ottla_core::wire`: it is a second opinion. Record values begin with the eight bytes of a `u64`
//!             that names the record for the checks; a record without a value is named so by its key.
//! Not here    transactions. Decompression is the codecs' own, as core wraps them.

use bytes::Bytes;
use ottla_core::wire::batch::{Attributes, BatchInfo, Checked, Seen};
use ottla_core::wire::compress::{Codec, decompress};
use std::borrow::Cow;

/// Bytes before the first record of a batch.
pub const HEADER: usize = 61;
const CRC_AT: usize = 17;
const CRC_FROM: usize = 21;

/// What a batch's header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    pub base_offset: i64,
    /// The whole batch, in bytes.
    pub size: usize,
    pub epoch: i32,
    pub crc: u32,
    pub attributes: i16,
    pub last_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub count: i32,
}

impl Head {
    /// The offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_delta)
    }

    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.attributes & 7 != 0
    }
}

fn at<const N: usize>(bytes: &[u8], pos: usize) -> Option<[u8; N]> {
    bytes.get(pos..pos + N)?.try_into().ok()
}

/// The batch at the beginning of `bytes`; `None` if there is no whole one with a right checksum.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Head> {
    let head = header(bytes)?;
    (crc32c::crc32c(&bytes[CRC_FROM..head.size]) == head.crc).then_some(head)
}

/// As [`parse`], for bytes whose checksum need not be looked at.
#[must_use]
pub fn header(bytes: &[u8]) -> Option<Head> {
    let length = usize::try_from(i32::from_be_bytes(at(bytes, 8)?)).ok()?;
    let size = length.checked_add(12)?;
    if size < HEADER || size > bytes.len() || bytes[16] != 2 {
        return None;
    }
    Some(Head {
        base_offset: i64::from_be_bytes(at(bytes, 0)?),
        size,
        epoch: i32::from_be_bytes(at(bytes, 12)?),
        crc: u32::from_be_bytes(at(bytes, CRC_AT)?),
        attributes: i16::from_be_bytes(at(bytes, 21)?),
        last_delta: i32::from_be_bytes(at(bytes, 23)?),
        base_timestamp: i64::from_be_bytes(at(bytes, 27)?),
        max_timestamp: i64::from_be_bytes(at(bytes, 35)?),
        producer_id: i64::from_be_bytes(at(bytes, 43)?),
        producer_epoch: i16::from_be_bytes(at(bytes, 51)?),
        base_sequence: i32::from_be_bytes(at(bytes, 53)?),
        count: i32::from_be_bytes(at(bytes, 57)?),
    })
}

/// Every whole batch at the beginning of `bytes`, with its position, up to the first that is none.
pub fn batches(bytes: &[u8]) -> impl Iterator<Item = (usize, Head)> {
    let mut pos = 0;
    std::iter::from_fn(move || {
        let head = parse(&bytes[pos..])?;
        let here = pos;
        pos += head.size;
        Some((here, head))
    })
}

/// What records may come to when they are decompressed.
const PLAIN_BYTES_MAX: usize = 1 << 24;

/// The offsets and names of one batch's records; `None` if they are not as its header says.
#[must_use]
pub fn records(batch: &[u8]) -> Option<Vec<(i64, u64)>> {
    each_record(batch, |offset, key, value| Some((offset, u64::from_be_bytes(at(value.or(key)?, 0)?))))
}

/// The records of metadata in a batch that speak of a partition (PartitionRecord, PartitionChangeRecord): the offset of each, and the
/// topic id and index in it. None if they are not as the batch's header says.
pub(crate) fn partition_records(batch: &[u8]) -> Option<Vec<(i64, u128, i32)>> {
    // The version of the frame, the key and the version of the record, each a byte; then the index and the topic id.
    let speaks = |value: &[u8]| match value.get(1)? {
        3 | 5 => Some((u128::from_be_bytes(at(value, 7)?), i32::from_be_bytes(at(value, 3)?))),
        _ => None,
    };
    let all = each_record(batch, |offset, _, value| Some((offset, value.and_then(speaks))))?;
    Some(all.into_iter().filter_map(|(offset, of)| of.map(|(id, index)| (offset, id, index))).collect())
}

/// What `read` makes of the offset, the key and the value of each record of a batch.
fn each_record<T>(batch: &[u8], mut read: impl FnMut(i64, Option<&[u8]>, Option<&[u8]>) -> Option<T>) -> Option<Vec<T>> {
    let head = header(batch)?;
    let packed = &batch[HEADER..head.size];
    let plain = match Codec::from_number(head.attributes & 7)? {
        Codec::None => Cow::Borrowed(packed),
        codec => Cow::Owned(decompress(codec, packed, PLAIN_BYTES_MAX).ok()?),
    };
    let mut rest = plain.as_ref();
    let mut out = Vec::with_capacity(usize::try_from(head.count).ok()?.min(rest.len()));
    for _ in 0..head.count {
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        let mut body = rest.get(..length)?;
        rest = &rest[length..];
        body = body.get(1..)?;
        let _timestamp = varint(&mut body)?;
        let delta = varint(&mut body)?;
        let key = field(&mut body)?;
        let value = field(&mut body)?;
        out.push(read(head.base_offset + delta, key, value)?);
    }
    rest.is_empty().then_some(out)
}

/// A key or a value, which may be null; `None` if it is cut off.
fn field<'a>(body: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let size = varint(body)?;
    if size < 0 {
        return Some(None);
    }
    let size = usize::try_from(size).ok()?;
    let found = body.get(..size)?;
    *body = &body[size..];
    Some(Some(found))
}

/// What a record consists of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dress {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// The record of this name as [`build`] makes it: a value, and an empty key, without which no topic takes it that is to be compacted.
#[must_use]
pub fn plain(name: u64, padding: u32) -> Dress {
    let mut value = name.to_be_bytes().to_vec();
    value.resize(8 + padding as usize, b'.');
    Dress { key: Some(Vec::new()), value: Some(value), ..Dress::default() }
}

/// The record of this name with a key or none, with headers or none, now and then without a value: as its name says, so that
/// whoever reads it knows what was sent.
#[must_use]
pub fn dress(name: u64, padding: u32) -> Dress {
    let drawn = name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let header = |key: &[u8], value: Option<&[u8]>| (key.to_vec(), value.map(<[u8]>::to_vec));
    let headers = match drawn >> 8 & 7 {
        0 => vec![header(b"trace", None)],
        1 => vec![header(b"k", Some(b"1")), header(b"k", Some(b"")), header(b"", Some(b"x"))],
        _ => Vec::new(),
    };
    if drawn & 7 == 0 {
        return Dress { key: Some(name.to_be_bytes().to_vec()), value: None, headers };
    }
    let key = match drawn >> 3 & 3 {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(vec![b'a' + (drawn >> 16 & 3) as u8]),
        _ => Some(name.to_string().into_bytes()),
    };
    Dress { key, headers, ..plain(name, padding) }
}

fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut raw = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        raw |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((raw >> 1) as i64 ^ -((raw & 1) as i64));
        }
    }
    None
}

/// A number as records have it, zigzag.
pub(crate) fn put_varint(out: &mut Vec<u8>, n: i64) {
    let mut raw = ((n << 1) ^ (n >> 63)) as u64;
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// What a producer puts into one batch.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The values are `first_value`, `first_value + 1`, ...
    pub first_value: u64,
    pub count: u32,
    /// Bytes of padding after each value.
    pub padding: u32,
    pub timestamp: i64,
    /// (producer id, epoch, base sequence) of an idempotent producer.
    pub producer: Option<(i64, i16, i32)>,
}

/// Fill in the length and the checksum of a batch; the checksum.
pub(crate) fn seal(batch: &mut [u8]) -> u32 {
    let length = (batch.len() - 12) as i32;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[CRC_FROM..]);
    batch[CRC_AT..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
    crc
}

/// A batch as a producer sends it: base offset 0, leader epoch -1.
#[must_use]
pub fn build(spec: Spec) -> Checked {
    let (id, epoch, sequence) = spec.producer.unwrap_or((-1, -1, -1));
    let mut out = Vec::with_capacity(HEADER + spec.count as usize * (20 + spec.padding as usize));
    out.extend_from_slice(&0i64.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(-1i32).to_be_bytes());
    out.push(2);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&0i16.to_be_bytes());
    out.extend_from_slice(&(spec.count as i32 - 1).to_be_bytes());
    out.extend_from_slice(&spec.timestamp.to_be_bytes());
    out.extend_from_slice(&spec.timestamp.to_be_bytes());
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&epoch.to_be_bytes());
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&(spec.count as i32).to_be_bytes());
    let mut body = Vec::with_capacity(20 + spec.padding as usize);
    for i in 0..spec.count {
        body.clear();
        body.push(0);
        put_varint(&mut body, 0);
        put_varint(&mut body, i64::from(i));
        put_varint(&mut body, 0);
        put_varint(&mut body, 8 + i64::from(spec.padding));
        body.extend_from_slice(&(spec.first_value + u64::from(i)).to_be_bytes());
        body.resize(body.len() + spec.padding as usize, b'.');
        put_varint(&mut body, 0);
        put_varint(&mut out, body.len() as i64);
        out.extend_from_slice(&body);
    }
    let crc = seal(&mut out);
    let info = BatchInfo {
        pos: 0,
        len: out.len() as u32,
        base_offset: 0,
        last_offset_delta: spec.count as i32 - 1,
        leader_epoch: -1,
        crc,
        attributes: Attributes(0),
        base_timestamp: spec.timestamp,
        max_timestamp: spec.timestamp,
        producer_id: id,
        producer_epoch: epoch,
        base_sequence: sequence,
        count: spec.count as i32,
        seen: Some(Seen { min_timestamp: spec.timestamp, max_timestamp: spec.timestamp, max_timestamp_delta: 0, keyless: true }),
    };
    Checked { bytes: Bytes::from(out), batches: vec![info] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_parses_back() {
        let spec = Spec { first_value: 77, count: 3, padding: 200, timestamp: 5, producer: Some((9, 2, 41)) };
        let built = build(spec);
        let head = parse(&built.bytes).expect("a whole batch");
        assert_eq!((head.size, head.count, head.last_offset()), (built.bytes.len(), 3, 2));
        assert_eq!((head.producer_id, head.producer_epoch, head.base_sequence), (9, 2, 41));
        assert_eq!(records(&built.bytes), Some(vec![(0, 77), (1, 78), (2, 79)]));
    }

    #[test]
    fn no_prefix_and_no_flipped_bit_is_a_batch() {
        let built = build(Spec { first_value: 1, count: 2, padding: 3, timestamp: 5, producer: None }).bytes;
        for cut in 0..built.len() {
            assert_eq!(parse(&built[..cut]), None);
        }
        for bit in CRC_AT * 8..built.len() * 8 {
            let mut torn = built.to_vec();
            torn[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&torn), None, "bit {bit}");
        }
        assert_eq!(batches(&[built.as_ref(), built.as_ref(), &[0; 100]].concat()).count(), 2);
    }
}
