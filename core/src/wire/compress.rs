//! The four codecs of record batches, both ways, as Kafka's clients frame them.
//!
//! State       none.
//! Holds       a hostile payload yields an error: never a panic, and never more memory than its caller allows.
//! Not here    which records are compressed (`batch`).

mod snappy;

use std::io::{Read, Write};

/// The most that one batch may decompress to, in bytes. Kafka has no such bound; ours exists because a batch of a megabyte can
/// decompress to a thousand times that, and is generous enough for any batch that Kafka's own clients build (they bound the
/// uncompressed batch by `max.request.size` times their compression ratio).
pub const DECOMPRESSED_BYTES_MAX: usize = 128 << 20;

/// The compression of a batch, by its number in the attributes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Codec {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

/// A codec with its level, where it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Compression {
    pub codec: Codec,
    /// In the codec's own counting, as `compression.<codec>.level` gives it; `None` is Kafka's default. Snappy has no levels; for lz4
    /// any level is taken and the fast one is used (a reader cannot tell).
    pub level: Option<i32>,
}

impl Codec {
    pub const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    /// The codec with this number in a batch's attributes.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Codec> {
        Codec::ALL.into_iter().find(|c| c.number() == number)
    }

    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// As configurations spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Gzip => "gzip",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }
}

/// Compress a batch's records. Errors where the codec does not know the level.
pub fn compress(compression: Compression, plain: &[u8]) -> Result<Vec<u8>, String> {
    let text = |e: std::io::Error| e.to_string();
    match compression.codec {
        Codec::None => Ok(plain.to_vec()),
        Codec::Gzip => {
            let level = match compression.level {
                None | Some(-1) => flate2::Compression::default(),
                Some(n) => flate2::Compression::new(u32::try_from(n).ok().filter(|n| *n <= 9).ok_or("no such gzip level")?),
            };
            let mut out = flate2::write::GzEncoder::new(Vec::new(), level);
            out.write_all(plain).map_err(text)?;
            out.finish().map_err(text)
        }
        Codec::Snappy => snappy::compress(plain),
        Codec::Lz4 => {
            let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
            let mut out = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            out.write_all(plain).map_err(text)?;
            out.finish().map_err(|e| e.to_string())
        }
        Codec::Zstd => zstd::stream::encode_all(plain, compression.level.unwrap_or(3)).map_err(text),
    }
}

/// Decompress a batch's records at once; an error if they come to more than `bytes_max`.
pub fn decompress(codec: Codec, packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    reader(codec, packed, bytes_max)?.read_to_end(&mut plain).map_err(|e| e.to_string())?;
    Ok(plain)
}

/// Decompress a batch's records as they are read; reading beyond `bytes_max` is an error.
pub fn reader(codec: Codec, packed: &[u8], bytes_max: usize) -> Result<Capped<'_>, String> {
    let inner: Box<dyn Read + '_> = match codec {
        Codec::None => Box::new(packed),
        // Java reads nothing out of nothing here.
        Codec::Zstd if packed.is_empty() => Box::new(packed),
        Codec::Gzip => Box::new(Gzip(flate2::bufread::GzDecoder::new(packed))),
        Codec::Snappy => Box::new(snappy::Reader::new(packed, bytes_max)?),
        Codec::Lz4 => {
            check_lz4_blocks_independent(packed)?;
            Box::new(lz4_flex::frame::FrameDecoder::new(packed))
        }
        Codec::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed).map_err(|e| e.to_string())?),
    };
    Ok(Capped { inner, left: Some(bytes_max) })
}

/// Java's clients and Apache Kafka read no lz4 frame whose blocks need each other: a batch of one, once in the log, would stop every Java
/// consumer for good. The flag is in the byte after the magic number.
fn check_lz4_blocks_independent(frame: &[u8]) -> Result<(), String> {
    const INDEPENDENT: u8 = 0x20;
    match frame.get(4) {
        Some(flags) if flags & INDEPENDENT == 0 => Err("an lz4 frame with dependent blocks".to_owned()),
        _ => Ok(()),
    }
}

/// Gzip members one after the other. What follows the last one is ignored, as Java ignores it.
struct Gzip<'a>(flate2::bufread::GzDecoder<&'a [u8]>);

impl Read for Gzip<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let got = self.0.read(out)?;
            let rest: &[u8] = self.0.get_ref();
            if got > 0 || out.is_empty() || !rest.starts_with(&[0x1f, 0x8b]) {
                return Ok(got);
            }
            self.0 = flate2::bufread::GzDecoder::new(rest);
        }
    }
}

/// A stream that fails where it would go on for too long. See [`reader`].
pub struct Capped<'a> {
    inner: Box<dyn Read + 'a>,
    /// `None`: there was more.
    left: Option<usize>,
}

impl Capped<'_> {
    /// How much more may be read, in bytes; `None` if there was more than might be.
    #[must_use]
    pub fn left(&self) -> Option<usize> {
        self.left
    }
}

impl Read for Capped<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let got = self.inner.read(out)?;
        self.left = self.left.and_then(|left| left.checked_sub(got));
        self.left.map(|_| got).ok_or_else(|| std::io::Error::other("it decompresses to too much"))
    }
}
