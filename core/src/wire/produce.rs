//! Produce requests: between the protocol crate's type, which carries bytes, and ours, which carries checked batches.

use super::apis::LIST_BYTES_MAX;
use super::batch::check;
use super::body::{Body, Layout};
use super::codec::{WireError, malformed, read_unsigned_varint, skip, skip_tags};
use super::compress::DECOMPRESSED_BYTES_MAX;
use super::{Produce, ProducePartition, ProduceTopic, msg};
use crate::ids::TopicId;
use bytes::{Buf, Bytes};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

/// All batches of a request may decompress to so much for each of their bytes, beside what one batch may: ordinary ones do, and a
/// request of many that are made to decompress to a thousand times their size cannot hold up everybody else.
const DECOMPRESSED_PER_BYTE: usize = 64;

/// How many bytes of the request are records. Found by walking over it, so that a list that is too long is refused before it is decoded,
/// which would take many times its size.
pub(super) fn records_bytes(mut at: Bytes, version: i16) -> Result<usize, WireError> {
    let is_flexible = version >= 9;
    let skip_tags = |at: &mut Bytes| if is_flexible { skip_tags(at) } else { Ok(()) };
    let skip_text = |at: &mut Bytes| {
        let len = if is_flexible { read_compact_len(at)? } else { read_len(at, 2)? };
        skip(at, len)
    };
    let len = |at: &mut Bytes| if is_flexible { read_compact_len(at) } else { read_len(at, 4) };
    let mut records = 0;
    skip_text(&mut at)?;
    // acks, timeout
    skip(&mut at, 2 + 4)?;
    for _topic in 0..len(&mut at)? {
        if version >= 13 {
            skip(&mut at, 16)?
        } else {
            skip_text(&mut at)?
        }
        for _partition in 0..len(&mut at)? {
            skip(&mut at, 4)?;
            let of_this = len(&mut at)?;
            skip(&mut at, of_this)?;
            records += of_this;
            skip_tags(&mut at)?;
        }
        skip_tags(&mut at)?;
    }
    Ok(records)
}

/// A length or a number of elements of so many bytes; that of what is null is nothing.
fn read_len(at: &mut Bytes, width: usize) -> Result<usize, WireError> {
    if at.len() < width {
        return Err(malformed("a length that is cut off"));
    }
    Ok(usize::try_from(at.get_int(width)).unwrap_or(0))
}

fn read_compact_len(at: &mut Bytes) -> Result<usize, WireError> {
    Ok((read_unsigned_varint(at)? as usize).saturating_sub(1))
}

impl Body for Produce {
    fn header_version(version: i16) -> i16 {
        <msg::ProduceRequest as HeaderVersion>::header_version(version)
    }

    fn read(bytes: &mut Bytes, version: i16) -> Result<Produce, WireError> {
        let packed = records_bytes(bytes.clone(), version)?;
        let others = bytes.len() - packed;
        if others > LIST_BYTES_MAX as usize {
            return Err(WireError::Malformed(format!("a list of {others} bytes beside the records")));
        }
        let request = msg::ProduceRequest::decode(bytes, version).map_err(|e| WireError::Malformed(e.to_string()))?;
        let mut unpacked_left = DECOMPRESSED_BYTES_MAX.saturating_add(packed.saturating_mul(DECOMPRESSED_PER_BYTE));
        let mut partition = |p: msg::produce_request::PartitionProduceData| ProducePartition {
            index: p.index,
            records: check(p.records, version, &mut unpacked_left),
        };
        let topic = |t: msg::produce_request::TopicProduceData| ProduceTopic {
            name: t.name.to_string(),
            id: TopicId(t.topic_id),
            partitions: t.partition_data.into_iter().map(&mut partition).collect(),
        };
        Ok(Produce {
            transactional_id: request.transactional_id.map(|id| id.to_string()),
            acks: request.acks,
            timeout_ms: request.timeout_ms,
            topics: request.topic_data.into_iter().map(topic).collect(),
        })
    }

    /// Refused records are written as null.
    fn write(&self, version: i16, out: &mut Layout) -> Result<(), WireError> {
        let partition = |p: &ProducePartition| {
            msg::produce_request::PartitionProduceData::default()
                .with_index(p.index)
                .with_records(p.records.as_ref().ok().map(|c| c.bytes.clone()))
        };
        let topic = |t: &ProduceTopic| {
            msg::produce_request::TopicProduceData::default()
                .with_name(msg::TopicName(StrBytes::from_string(t.name.clone())))
                .with_topic_id(t.id.0)
                .with_partition_data(t.partitions.iter().map(partition).collect())
        };
        msg::ProduceRequest::default()
            .with_transactional_id(self.transactional_id.clone().map(|id| StrBytes::from_string(id).into()))
            .with_acks(self.acks)
            .with_timeout_ms(self.timeout_ms)
            .with_topic_data(self.topics.iter().map(topic).collect())
            .encode(&mut out.plain, version)
            .map_err(|e| WireError::Unsayable(e.to_string()))
    }
}
