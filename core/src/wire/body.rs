//! How one body becomes bytes and back: the protocol crate's types by its own code, ours beside their layout.

use super::codec::WireError;
use crate::io::Chunk;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion};

/// A request or response without its header.
pub(super) trait Body: Sized {
    /// The version of the header that goes before it.
    fn header_version(version: i16) -> i16;
    /// Take a body off the front of `bytes`.
    fn read(bytes: &mut Bytes, version: i16) -> Result<Self, WireError>;
    fn write(&self, version: i16, out: &mut Layout) -> Result<(), WireError>;
}

impl<T: Encodable + Decodable + HeaderVersion> Body for T {
    fn header_version(version: i16) -> i16 {
        <T as HeaderVersion>::header_version(version)
    }

    fn read(bytes: &mut Bytes, version: i16) -> Result<T, WireError> {
        T::decode(bytes, version).map_err(|e| WireError::Malformed(e.to_string()))
    }

    fn write(&self, version: i16, out: &mut Layout) -> Result<(), WireError> {
        self.encode(&mut out.plain, version).map_err(|e| WireError::Unsayable(e.to_string()))
    }
}

/// A frame in the making: plain bytes in one buffer, with the places where other chunks go between them.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) plain: BytesMut,
    /// After so many plain bytes, this chunk.
    between: Vec<(usize, Chunk)>,
}

impl Layout {
    /// An empty frame with room for its length.
    pub(super) fn new() -> Layout {
        let mut plain = BytesMut::with_capacity(256);
        plain.put_u32(0);
        Layout { plain, between: Vec::new() }
    }

    pub(super) fn chunk(&mut self, chunk: &Chunk) {
        if chunk.size() > 0 {
            self.between.push((self.plain.len(), chunk.clone()));
        }
    }

    /// Fill in the length and cut the plain bytes at the chunks.
    pub(super) fn finish(mut self) -> Result<Vec<Chunk>, WireError> {
        let size = self.plain.len() - 4 + self.between.iter().map(|(_, c)| c.size()).sum::<usize>();
        let size = i32::try_from(size).map_err(|_| WireError::Unsayable(format!("a frame of {size} bytes")))?;
        self.plain[..4].copy_from_slice(&size.to_be_bytes());
        let mut plain = self.plain.freeze();
        let mut chunks = Vec::with_capacity(2 * self.between.len() + 1);
        let mut done = 0;
        for (at, chunk) in self.between {
            if at > done {
                chunks.push(Chunk::Bytes(plain.split_to(at - done)));
                done = at;
            }
            chunks.push(chunk);
        }
        if !plain.is_empty() {
            chunks.push(Chunk::Bytes(plain));
        }
        Ok(chunks)
    }

    pub(super) fn put_unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.plain.put_u8(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
            value >>= 7;
        }
        self.plain.put_u8(u8::try_from(value).expect("seven bits"));
    }

    /// The count before an array, or the length before a string or bytes, in the flexible form (KIP-482); `None` is null.
    pub(super) fn put_compact_len(&mut self, len: Option<usize>) {
        let raw = len.map_or(0, |n| u32::try_from(n + 1).expect("a length fits 32 bits"));
        self.put_unsigned_varint(raw);
    }

    /// The same in the form of old versions: 32 bits.
    pub(super) fn put_array_len(&mut self, flexible: bool, len: Option<usize>) {
        if flexible {
            self.put_compact_len(len);
        } else {
            self.plain.put_i32(len.map_or(-1, |n| i32::try_from(n).expect("a length fits 31 bits")));
        }
    }

    pub(super) fn put_string(&mut self, flexible: bool, text: &str) {
        if flexible {
            self.put_compact_len(Some(text.len()));
        } else {
            self.plain.put_i16(i16::try_from(text.len()).expect("a name fits 15 bits"));
        }
        self.plain.put_slice(text.as_bytes());
    }
}
