//! Produce requests: between the protocol crate's type, which carries bytes, and ours, which carries checked batches.

use super::apis::LIST_BYTES_MAX;
use super::batch::check;
use super::body::{Body, Layout};
use super::codec::WireError;
use super::compress::DECOMPRESSED_BYTES_MAX;
use super::{Produce, ProducePartition, ProduceTopic, msg};
use crate::ids::TopicId;
use bytes::Bytes;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

/// All batches of a request may decompress to so much for each of their bytes, beside what one batch may: ordinary ones do, and a
/// request of many that are made to decompress to a thousand times their size cannot hold up everybody else.
const DECOMPRESSED_PER_BYTE: usize = 64;

impl Body for Produce {
    fn header_version(version: i16) -> i16 {
        <msg::ProduceRequest as HeaderVersion>::header_version(version)
    }

    fn read(bytes: &mut Bytes, version: i16) -> Result<Produce, WireError> {
        let size = bytes.len();
        let request = msg::ProduceRequest::decode(bytes, version).map_err(|e| WireError::Malformed(e.to_string()))?;
        let packed = |t: &msg::produce_request::TopicProduceData| {
            t.partition_data.iter().filter_map(|p| p.records.as_ref()).map(Bytes::len).sum::<usize>()
        };
        let packed: usize = request.topic_data.iter().map(packed).sum();
        if size.saturating_sub(packed) > LIST_BYTES_MAX as usize {
            return Err(WireError::Malformed(format!("a list of {} bytes beside the records", size - packed)));
        }
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
