//! Batches as no honest producer makes them, each with the error code that Kafka answers it with.
//!
//! State       none.
//! Gives       bytes of a Produce request's records, and what they must be answered.
//! Holds       built with no code of `ottla_core::wire` but the codecs: the table of answers is a second opinion on the broker's.
//! Not here    sending them (mod.rs).

use crate::batch::{put_varint, seal};
use ottla_core::rng::Rng;
use ottla_core::wire::compress::{Codec, Compression, compress};

const UNKNOWN_SERVER_ERROR: i16 = -1;
const CORRUPT_MESSAGE: i16 = 2;
const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i16 = 53;
const INVALID_RECORD: i16 = 87;

/// What is wrong with a batch, if anything is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flaw {
    None,
    NoBytes,
    Cut,
    ShortLength,
    NoProducerId,
    UnknownMagic,
    OldMagic,
    UnknownCodec,
    TwoBatches,
    BrokenSecond,
    Trailing,
    BaseOffset,
    Checksum,
    Count,
    LastOffset,
    TooFewOffsets,
    Control,
    Transactional,
    NoSequence,
    MoreBytes,
    FewerRecords,
    LongRecord,
    NegativeRecord,
    LongNumber,
    NegativeHeaders,
    ManyHeaders,
    HeaderWithoutKey,
    Offsets,
    Garbage,
    EmptyPayload,
}

const FLAWS: &[Flaw] = &[
    Flaw::None,
    Flaw::NoBytes,
    Flaw::Cut,
    Flaw::ShortLength,
    Flaw::NoProducerId,
    Flaw::UnknownMagic,
    Flaw::OldMagic,
    Flaw::UnknownCodec,
    Flaw::TwoBatches,
    Flaw::BrokenSecond,
    Flaw::Trailing,
    Flaw::BaseOffset,
    Flaw::Checksum,
    Flaw::Count,
    Flaw::LastOffset,
    Flaw::TooFewOffsets,
    Flaw::Control,
    Flaw::Transactional,
    Flaw::NoSequence,
    Flaw::MoreBytes,
    Flaw::FewerRecords,
    Flaw::LongRecord,
    Flaw::NegativeRecord,
    Flaw::LongNumber,
    Flaw::NegativeHeaders,
    Flaw::ManyHeaders,
    Flaw::HeaderWithoutKey,
    Flaw::Offsets,
    Flaw::Garbage,
    Flaw::EmptyPayload,
];

/// Every record has this value: it names no operation of any history.
const VALUE: u64 = u64::MAX - 10;

impl Flaw {
    pub(super) fn draw(rng: &mut Rng) -> Flaw {
        if rng.chance(1, 4) { Flaw::None } else { rng.pick(FLAWS).copied().unwrap_or(Flaw::None) }
    }

    /// What Kafka answers. `keys`: every record must have a key, and `keyed`: it has one.
    pub(super) fn answer(self, codec: Codec, keys: bool, keyed: bool) -> i16 {
        let plain = codec == Codec::None;
        match self {
            Flaw::None | Flaw::Trailing if keys && !keyed => INVALID_RECORD,
            Flaw::Offsets if plain && keys && !keyed => INVALID_RECORD,
            Flaw::None | Flaw::Trailing => 0,
            Flaw::Offsets if plain => 0,
            Flaw::NoProducerId | Flaw::UnknownCodec | Flaw::Offsets => UNKNOWN_SERVER_ERROR,
            // Without records there are too few.
            Flaw::EmptyPayload if plain => INVALID_RECORD,
            // To Java an empty zstd stream holds nothing; the others need a header.
            Flaw::EmptyPayload if codec == Codec::Zstd => INVALID_RECORD,
            Flaw::Garbage | Flaw::EmptyPayload => UNKNOWN_SERVER_ERROR,
            Flaw::LongNumber if plain => UNKNOWN_SERVER_ERROR,
            Flaw::ShortLength | Flaw::UnknownMagic | Flaw::BrokenSecond | Flaw::Checksum => CORRUPT_MESSAGE,
            Flaw::Transactional => TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            _ => INVALID_RECORD,
        }
    }

    /// A batch with this flaw and no other.
    pub(super) fn batch(self, rng: &mut Rng, codec: Codec, keyed: bool, timestamp: i64) -> Vec<u8> {
        let n = rng.between(1, 3) as i32;
        let mut plain = Vec::new();
        for i in 0..n {
            plain.extend(self.record(rng, i, keyed));
        }
        match self {
            Flaw::MoreBytes => plain.extend([7; 5]),
            // No codec begins so, and as a number it has no end.
            Flaw::Garbage => plain = vec![0xee; 9],
            _ => {}
        }
        let packed = match (self, codec) {
            (Flaw::EmptyPayload, _) => Vec::new(),
            (Flaw::Garbage, _) | (_, Codec::None) => plain,
            _ => compress(Compression { codec, level: None }, &plain).unwrap_or_default(),
        };
        let more = i32::from(self == Flaw::FewerRecords);
        let count = match self {
            Flaw::Count => -(rng.below(2) as i32),
            Flaw::TooFewOffsets => n + 1,
            _ => n + more,
        };
        let last = if self == Flaw::LastOffset { -1 } else { n + more - 1 };
        let attributes = codec_number(codec)
            | match self {
                Flaw::Control => 0x20,
                Flaw::Transactional => 0x10,
                _ => 0,
            };
        let attributes = if self == Flaw::UnknownCodec { 5 + rng.below(3) as i16 } else { attributes };
        let (producer, epoch, sequence) = match self {
            Flaw::Transactional => (1 << 40, 0, 0),
            Flaw::NoSequence => (1 << 40, 0, -1),
            _ => (-1, -1, -1),
        };
        let mut out = Vec::new();
        out.extend_from_slice(&(if self == Flaw::BaseOffset { 5i64 } else { 0 }).to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(-1i32).to_be_bytes());
        out.push(match self {
            Flaw::UnknownMagic => rng.pick(&[3, 9, 0xff]).copied().unwrap_or(3),
            Flaw::OldMagic => rng.below(2) as u8,
            _ => 2,
        });
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&attributes.to_be_bytes());
        out.extend_from_slice(&last.to_be_bytes());
        out.extend_from_slice(&timestamp.to_be_bytes());
        out.extend_from_slice(&timestamp.to_be_bytes());
        out.extend_from_slice(&i64::to_be_bytes(producer));
        out.extend_from_slice(&i16::to_be_bytes(epoch));
        out.extend_from_slice(&i32::to_be_bytes(sequence));
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&packed);
        seal(&mut out);
        self.after(rng, out)
    }

    /// Flaws of the finished batch.
    fn after(self, rng: &mut Rng, mut out: Vec<u8>) -> Vec<u8> {
        match self {
            Flaw::NoBytes => out.clear(),
            Flaw::Cut => out.truncate(out.len() - rng.between(1, 30) as usize),
            Flaw::ShortLength => {
                let length = rng.pick(&[13, 0, -5]).copied().unwrap_or(13);
                out[8..12].copy_from_slice(&i32::to_be_bytes(length));
            }
            Flaw::NoProducerId => out[8..12].copy_from_slice(&20i32.to_be_bytes()),
            Flaw::TwoBatches => out.extend_from_within(..),
            Flaw::BrokenSecond => {
                out.extend_from_slice(&0i64.to_be_bytes());
                out.extend_from_slice(&3i32.to_be_bytes());
                out.extend_from_slice(&[0; 8]);
            }
            Flaw::Trailing => out.extend([0; 7]),
            Flaw::Checksum => {
                let at = 17 + rng.below(out.len() as u64 - 17) as usize;
                // Not where the codec stands, which is looked at before the checksum.
                let at = if at == 22 { 17 } else { at };
                out[at] ^= 0x55;
            }
            _ => {}
        }
        out
    }

    fn record(self, rng: &mut Rng, index: i32, keyed: bool) -> Vec<u8> {
        let mut body = vec![0];
        put_varint(&mut body, 0);
        put_varint(&mut body, i64::from(if self == Flaw::Offsets { index * 2 + 1 } else { index }));
        if keyed {
            put_varint(&mut body, 1);
            body.push(b'a' + rng.below(3) as u8);
        } else {
            put_varint(&mut body, -1);
        }
        put_varint(&mut body, 8);
        body.extend_from_slice(&VALUE.to_be_bytes());
        let headers = i64::from(rng.chance(1, 3));
        match self {
            Flaw::NegativeHeaders => put_varint(&mut body, -1),
            Flaw::ManyHeaders => put_varint(&mut body, 1 << 20),
            Flaw::HeaderWithoutKey => {
                put_varint(&mut body, 1);
                put_varint(&mut body, -1);
                put_varint(&mut body, -1);
            }
            _ => {
                put_varint(&mut body, headers);
                if headers > 0 {
                    put_varint(&mut body, 1);
                    body.push(b'h');
                    put_varint(&mut body, -1);
                }
            }
        }
        let mut out = Vec::new();
        match self {
            Flaw::LongRecord => put_varint(&mut out, body.len() as i64 + 5),
            Flaw::NegativeRecord => put_varint(&mut out, -3),
            Flaw::LongNumber => out.extend([0xff; 6]),
            _ => put_varint(&mut out, body.len() as i64),
        }
        out.extend(body);
        out
    }
}

fn codec_number(codec: Codec) -> i16 {
    match codec {
        Codec::None => 0,
        Codec::Gzip => 1,
        Codec::Snappy => 2,
        Codec::Lz4 => 3,
        Codec::Zstd => 4,
    }
}
