//! Building batches: for clients, for the metadata log, for compression by the broker, and for tests.

use super::Checked;
use super::header::{Attributes, BatchInfo, NO_PRODUCER_ID, NO_SEQUENCE, Seen};
use super::records::Record;
use crate::wire::compress::{self, Compression};
use bytes::{BufMut, Bytes, BytesMut};

/// One batch in the making. Records are appended as they come; `build` compresses and seals.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    compression: Compression,
    info: BatchInfo,
    seen: Seen,
    body: BytesMut,
}

impl BatchBuilder {
    /// An empty batch at offset 0, of leader epoch -1 and no producer: what a client sends.
    #[must_use]
    pub fn new(compression: Compression) -> BatchBuilder {
        BatchBuilder {
            compression,
            info: BatchInfo {
                leader_epoch: -1,
                attributes: Attributes::default().with_codec(compression.codec),
                base_timestamp: -1,
                max_timestamp: -1,
                last_offset_delta: -1,
                producer_id: NO_PRODUCER_ID,
                producer_epoch: -1,
                base_sequence: NO_SEQUENCE,
                ..BatchInfo::default()
            },
            seen: Seen { min_timestamp: i64::MAX, max_timestamp: -1, max_timestamp_delta: -1, keyless: false },
            body: BytesMut::new(),
        }
    }

    /// The offset of the first record.
    #[must_use]
    pub fn base_offset(mut self, offset: i64) -> BatchBuilder {
        self.info.base_offset = offset;
        self
    }

    #[must_use]
    pub fn leader_epoch(mut self, epoch: i32) -> BatchBuilder {
        self.info.leader_epoch = epoch;
        self
    }

    /// The idempotent producer that sends it, and the sequence of its first record.
    #[must_use]
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> BatchBuilder {
        (self.info.producer_id, self.info.producer_epoch, self.info.base_sequence) = (id, epoch, base_sequence);
        self
    }

    #[must_use]
    pub fn transactional(mut self, on: bool) -> BatchBuilder {
        self.info.attributes = self.info.attributes.with_transactional(on);
        self
    }

    /// Its records are markers of the broker.
    #[must_use]
    pub fn control(mut self, on: bool) -> BatchBuilder {
        self.info.attributes = self.info.attributes.with_control(on);
        self
    }

    /// Append a record at the next offset. `timestamp` is in milliseconds, -1 for none.
    pub fn push<'h>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h [u8], Option<&'h [u8]>)> + Clone,
    ) {
        let delta = self.info.count;
        if delta == 0 {
            self.info.base_timestamp = timestamp;
        }
        let timestamp_delta = timestamp.wrapping_sub(self.info.base_timestamp);
        let mut fields = Sizer::default();
        write_fields(&mut fields, timestamp_delta, delta, key, value, headers.clone());
        put_varint(&mut self.body, i64::try_from(fields.0).expect("a record is shorter than 2 GiB"));
        self.body.reserve(fields.0);
        write_fields(&mut self.body, timestamp_delta, delta, key, value, headers);

        self.info.count += 1;
        self.info.last_offset_delta = delta;
        if timestamp > self.seen.max_timestamp {
            (self.seen.max_timestamp, self.seen.max_timestamp_delta) = (timestamp, delta);
        }
        self.seen.min_timestamp = self.seen.min_timestamp.min(timestamp);
        self.seen.keyless |= key.is_none();
    }

    /// Append a record that was read, at the next offset and with its own timestamp.
    pub fn push_record(&mut self, record: &Record) {
        let headers = record.headers.iter().map(|h| (&h.key[..], h.value.as_deref()));
        self.push(record.timestamp, record.key.as_deref(), record.value.as_deref(), headers);
    }

    /// How many records it has.
    #[must_use]
    pub fn count(&self) -> i32 {
        self.info.count
    }

    /// Its size in bytes before compression, header included.
    #[must_use]
    pub fn uncompressed_bytes(&self) -> usize {
        super::HEADER_BYTES + self.body.len()
    }

    /// Compress and seal. Errors only where a codec refuses its level. An empty batch is our mistake, and panics.
    pub fn build(self) -> Result<Checked, String> {
        let (info, header, payload) = self.parts()?;
        let mut bytes = BytesMut::with_capacity(header.len() + payload.len());
        bytes.put_slice(&header);
        bytes.put_slice(&payload);
        Ok(Checked { bytes: bytes.freeze(), batches: vec![info] })
    }

    pub(super) fn parts(mut self) -> Result<(BatchInfo, Bytes, Bytes), String> {
        assert!(self.info.count > 0, "a batch has a record");
        let payload = match self.compression.codec {
            compress::Codec::None => self.body.freeze(),
            _ => compress::compress(self.compression, &self.body)?.into(),
        };
        self.info.max_timestamp = self.seen.max_timestamp;
        let header = Bytes::copy_from_slice(&self.info.seal(&payload));
        self.info.seen = Some(self.seen);
        Ok((self.info, header, payload))
    }
}

fn write_fields<'h>(
    out: &mut impl Out,
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: impl IntoIterator<Item = (&'h [u8], Option<&'h [u8]>)> + Clone,
) {
    out.bytes(&[0]);
    put_varint(out, timestamp_delta);
    put_varint(out, i64::from(offset_delta));
    put_nullable(out, key);
    put_nullable(out, value);
    put_varint(out, headers.clone().into_iter().count().try_into().expect("a record's headers are counted in 32 bits"));
    for (key, value) in headers {
        put_nullable(out, Some(key));
        put_nullable(out, value);
    }
}

fn put_nullable(out: &mut impl Out, field: Option<&[u8]>) {
    match field {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, i64::try_from(bytes.len()).expect("a field is shorter than 2 GiB"));
            out.bytes(bytes);
        }
    }
}

/// Zigzag, then seven bits a byte, lowest first. The 32-bit form is the same for values of 32 bits.
fn put_varint(out: &mut impl Out, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let (mut buffer, mut len) = ([0u8; 10], 0);
    loop {
        let low = u8::try_from(raw & 0x7f).expect("seven bits");
        raw >>= 7;
        buffer[len] = if raw == 0 { low } else { low | 0x80 };
        len += 1;
        if raw == 0 {
            return out.bytes(&buffer[..len]);
        }
    }
}

trait Out {
    fn bytes(&mut self, bytes: &[u8]);
}

impl Out for BytesMut {
    fn bytes(&mut self, bytes: &[u8]) {
        self.put_slice(bytes);
    }
}

/// Counts what would be written: a record begins with its own length.
#[derive(Default)]
struct Sizer(usize);

impl Out for Sizer {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}
