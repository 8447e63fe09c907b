//! Snappy as Kafka's clients frame it: Java's framing (a magic header, then blocks with their lengths), or none at all.

use std::io::{Error, Read};

/// Java's framing begins with these bytes, its version and the oldest version that can read it.
const MAGIC: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
/// What is compressed at a time, in bytes; the default of Java's clients.
const BLOCK_BYTES: usize = 32 << 10;
/// The most that a byte of raw snappy can stand for: a copy of 64 bytes takes three bytes, and there is always slack for the rest.
const EXPANSION_MAX: usize = 32;

pub(super) fn compress(plain: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = MAGIC.to_vec();
    let mut encoder = snap::raw::Encoder::new();
    for block in plain.chunks(BLOCK_BYTES) {
        let packed = encoder.compress_vec(block).map_err(|e| e.to_string())?;
        out.extend_from_slice(&u32::try_from(packed.len()).expect("a block is small").to_be_bytes());
        out.extend_from_slice(&packed);
    }
    Ok(out)
}

/// Decompresses block by block.
pub(super) struct Reader<'a> {
    packed: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    at: usize,
    bytes_max: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(packed: &'a [u8], bytes_max: usize) -> Result<Reader<'a>, String> {
        // Only the first eight bytes are fixed; the versions after them are not ours to judge.
        let framed = packed.starts_with(&MAGIC[..8]);
        let packed = if framed { packed.get(16..).ok_or("a snappy header is cut off")? } else { packed };
        Ok(Reader { packed, framed, block: Vec::new(), at: 0, bytes_max })
    }

    fn next_block(&mut self) -> Result<(), String> {
        let block = if self.framed {
            // A header may be repeated where streams were put one after the other.
            while self.packed.starts_with(&MAGIC[..8]) {
                self.packed = self.packed.get(16..).ok_or("a snappy header is cut off")?;
            }
            if self.packed.is_empty() {
                (self.block, self.at) = (Vec::new(), 0);
                return Ok(());
            }
            let (len, rest) = self.packed.split_first_chunk::<4>().ok_or("a snappy block's length is cut off")?;
            let len = u32::from_be_bytes(*len) as usize;
            let block = rest.get(..len).ok_or("a snappy block is cut off")?;
            self.packed = &rest[len..];
            block
        } else {
            std::mem::take(&mut self.packed)
        };
        let plain = snap::raw::decompress_len(block).map_err(|e| e.to_string())?;
        if plain > self.bytes_max.min(block.len().saturating_mul(EXPANSION_MAX)) {
            return Err(format!("a snappy block of {} bytes says that it holds {plain}", block.len()));
        }
        self.block.resize(plain, 0);
        snap::raw::Decoder::new().decompress(block, &mut self.block).map_err(|e| e.to_string())?;
        self.at = 0;
        Ok(())
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.block.len() && !self.packed.is_empty() {
            self.next_block().map_err(Error::other)?;
        }
        let got = out.len().min(self.block.len() - self.at);
        out[..got].copy_from_slice(&self.block[self.at..self.at + got]);
        self.at += got;
        Ok(got)
    }
}
