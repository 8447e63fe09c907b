//! The producers of a log as a file, `N.snapshot`: Kafka's format, with what Kafka forgets behind it.
//!
//! ```text
//!  0 version i16 = 1
//!  2 crc u32 (CRC-32C of everything from 6)
//!  6 count i32, then per producer 46 bytes: id i64, epoch i16, last sequence i32, last offset i64, offset delta i32,
//!    timestamp i64, coordinator epoch i32, first offset of the open transaction i64
//!  . window: magic "OTLW", count i32, then per remembered batch but each producer's last, oldest first, 32 bytes:
//!    producer id i64, last sequence i32, last offset i64, offset delta i32, timestamp i64
//! ```
//! Kafka reads the first part and does not look behind it. The window lets a producer retry all its batches in flight across a
//! restart, where Kafka remembers only the last one.

use super::producers::{Producer, Producers, Remembered};
use crate::time::Timestamp;
use bytes::{Buf, BufMut, Bytes, BytesMut};

const VERSION: i16 = 1;
const CRC_AT: usize = 2;
const BODY_AT: usize = 6;
const ROW_BYTES: usize = 46;
const WINDOW_MAGIC: &[u8; 4] = b"OTLW";
const WINDOW_ROW_BYTES: usize = 32;

/// The file's contents.
#[must_use]
pub fn encode(producers: &Producers) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(VERSION);
    out.put_u32(0);
    out.put_i32(count(producers.iter().count()));
    for (id, p) in producers.iter() {
        let last = p.batches().last().copied().unwrap_or(Remembered {
            last_sequence: -1,
            last_offset: -1,
            offset_delta: 0,
            timestamp: -1,
        });
        out.put_i64(id);
        out.put_i16(p.epoch);
        out.put_i32(last.last_sequence);
        out.put_i64(last.last_offset);
        out.put_i32(last.offset_delta);
        out.put_i64(p.last_timestamp);
        out.put_i32(p.coordinator_epoch);
        out.put_i64(p.txn_first_offset);
    }
    let older = |p: &Producer| p.batches().len().saturating_sub(1);
    out.put_slice(WINDOW_MAGIC);
    out.put_i32(count(producers.iter().map(|(_, p)| older(p)).sum()));
    for (id, p) in producers.iter() {
        for b in &p.batches()[..older(p)] {
            out.put_i64(id);
            out.put_i32(b.last_sequence);
            out.put_i64(b.last_offset);
            out.put_i32(b.offset_delta);
            out.put_i64(b.timestamp);
        }
    }
    let crc = crc32c::crc32c(&out[BODY_AT..]);
    out[CRC_AT..BODY_AT].copy_from_slice(&crc.to_be_bytes());
    out.freeze()
}

fn count(n: usize) -> i32 {
    i32::try_from(n).expect("producers are counted in 32 bits")
}

/// The inverse of [`encode`], also of what Kafka wrote. `None` for anything but an intact file. Expiry counts from `seen`.
#[must_use]
pub fn parse(file: &[u8], seen: Timestamp) -> Option<Producers> {
    let mut bytes = file;
    if bytes.len() < BODY_AT + 4 || bytes.get_i16() != VERSION || bytes.get_u32() != crc32c::crc32c(&file[BODY_AT..]) {
        return None;
    }
    let rows = usize::try_from(bytes.get_i32()).ok()?;
    if bytes.len() / ROW_BYTES < rows {
        return None;
    }
    let (mut main, mut window) = bytes.split_at(rows * ROW_BYTES);
    let mut older: Vec<(i64, Remembered)> = Vec::new();
    if window.len() >= 8 && window.starts_with(WINDOW_MAGIC) {
        window.advance(4);
        let n = usize::try_from(window.get_i32()).ok()?;
        if window.len() != n.checked_mul(WINDOW_ROW_BYTES)? {
            return None;
        }
        older.extend((0..n).map(|_| (window.get_i64(), row(&mut window))));
    } else if !window.is_empty() {
        return None;
    }
    let mut older = older.into_iter().peekable();
    let mut producers = Producers::default();
    for _ in 0..rows {
        let (id, epoch) = (main.get_i64(), main.get_i16());
        let last = row(&mut main);
        let mut p = Producer::new(epoch, seen.0);
        p.last_timestamp = last.timestamp;
        p.coordinator_epoch = main.get_i32();
        p.txn_first_offset = main.get_i64();
        while let Some((_, b)) = older.next_if(|(of, _)| *of == id) {
            p.remember(b);
        }
        if last.last_offset >= 0 {
            p.remember(last);
        }
        producers.insert(id, p);
    }
    older.next().is_none().then_some(producers)
}

fn row(from: &mut &[u8]) -> Remembered {
    Remembered {
        last_sequence: from.get_i32(),
        last_offset: from.get_i64(),
        offset_delta: from.get_i32(),
        timestamp: from.get_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::batch::BatchInfo;

    fn producers() -> Producers {
        let mut p = Producers::default();
        for (id, batches) in [(4, 7), (9, 1), (11, 3)] {
            for i in 0..batches {
                let b = BatchInfo {
                    producer_id: id,
                    producer_epoch: 2,
                    base_sequence: i,
                    base_offset: id * 100 + i64::from(i),
                    count: 1,
                    max_timestamp: 5000,
                    ..BatchInfo::default()
                };
                p.apply(&b, Timestamp(77));
            }
        }
        p
    }

    #[test]
    fn a_snapshot_keeps_the_whole_window() {
        for p in [Producers::default(), producers()] {
            assert_eq!(parse(&encode(&p), Timestamp(77)), Some(p));
        }
    }

    #[test]
    fn every_torn_or_flipped_snapshot_is_refused() {
        let file = encode(&producers());
        for len in 0..file.len() {
            assert_eq!(parse(&file[..len], Timestamp(0)), None);
            let mut zeroed = file[..len].to_vec();
            zeroed.resize(file.len(), 0);
            assert!(parse(&zeroed, Timestamp(0)).is_none_or(|p| encode(&p) == file));
            let mut flipped = file.to_vec();
            flipped[len] ^= 4;
            assert_eq!(parse(&flipped, Timestamp(0)), None);
        }
    }
}
