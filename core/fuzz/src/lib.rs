//! What the fuzz targets share: a disk in memory, a node on it, and how bytes become a case.
//!
//! Holds       what a fetch serves is looked at before its lease is released, as an edge would send it.
//! Not here    what may go wrong: each target says so.

pub mod disk;
pub mod log;
pub mod world;

use bytes::Bytes;
use ottla_core::wire::batch::{BatchInfo, HEADER_BYTES, batches};

/// Takes bytes off the front of a fuzzer's input; zeros where there are none left.
#[derive(Debug)]
pub struct Case<'a>(pub &'a [u8]);

impl<'a> Case<'a> {
    pub fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub fn u16(&mut self) -> u16 {
        u16::from(self.u8()) << 8 | u16::from(self.u8())
    }

    /// At most `n` bytes.
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A number that is small, or one at an edge.
    pub fn number(&mut self) -> i64 {
        let n = self.u8();
        match n {
            240..=255 => self.take(8).iter().fold(0, |n, b| n << 8 | i64::from(*b)),
            236..=239 => i64::MAX - i64::from(n - 236),
            232..=235 => i64::MIN + i64::from(n - 232),
            228..=231 => i64::from(i32::MAX) + i64::from(n) - 229,
            227 => -1,
            n => i64::from(n),
        }
    }

    /// Bytes with their length before them; what is left, if the length says more.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.u16());
        self.take(len)
    }
}

/// The same batches, with lengths as they are and checksums that match, as far as there are any.
#[must_use]
pub fn sealed(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let mut pos = 0;
    while file.len() - pos >= HEADER_BYTES {
        let Ok(mut info) = BatchInfo::parse_header(&file[pos..]) else { break };
        let end = pos + info.len as usize;
        if end > file.len() {
            break;
        }
        let payload = file[pos + HEADER_BYTES..end].to_vec();
        let header = info.seal(&payload);
        file[pos..pos + HEADER_BYTES].copy_from_slice(&header);
        pos = end;
    }
    file
}

/// Every whole batch of what was served has the checksum that it says.
pub fn assert_intact(served: Bytes) {
    for batch in batches(served) {
        let batch = batch.expect("what is served begins with a batch, and goes on with batches");
        assert!(batch.info.crc_matches(&batch.bytes), "a batch was served whose checksum is wrong: {:?}", batch.info);
    }
}
