//! The layout of Fetch answers, by own code: their records are chunks, which may be file ranges.
//!
//! Holds       byte for byte what the protocol crate writes for the same answer (tested for every version).

use super::body::{Body, Layout};
use super::codec::WireError;
use super::{Aborted, FetchPartitionReply, FetchReply, FetchTopicReply, NodeEndpoint, msg};
use crate::ids::TopicId;
use crate::io::Chunk;
use bytes::{BufMut, Bytes};
use kafka_protocol::protocol::{Decodable, HeaderVersion};

/// The first version with compact lengths and tagged fields (KIP-482).
const FLEXIBLE_SINCE: i16 = 12;

impl Body for FetchReply {
    fn header_version(version: i16) -> i16 {
        <msg::FetchResponse as HeaderVersion>::header_version(version)
    }

    fn read(bytes: &mut Bytes, version: i16) -> Result<FetchReply, WireError> {
        let reply = msg::FetchResponse::decode(bytes, version).map_err(|e| WireError::Malformed(e.to_string()))?;
        Ok(FetchReply {
            throttle_time_ms: reply.throttle_time_ms,
            error_code: reply.error_code,
            session_id: reply.session_id,
            topics: reply.responses.into_iter().map(from_topic).collect(),
            node_endpoints: reply.node_endpoints.into_iter().map(from_endpoint).collect(),
        })
    }

    fn write(&self, version: i16, out: &mut Layout) -> Result<(), WireError> {
        if !(4..=18).contains(&version) {
            return Err(WireError::Unsayable(format!("a Fetch answer of version {version}")));
        }
        let flexible = version >= FLEXIBLE_SINCE;
        out.plain.put_i32(self.throttle_time_ms);
        if version >= 7 {
            out.plain.put_i16(self.error_code);
            out.plain.put_i32(self.session_id);
        }
        out.put_array_len(flexible, Some(self.topics.len()));
        for topic in &self.topics {
            write_topic(topic, version, out);
        }
        if flexible {
            write_endpoints(if version >= 16 { &self.node_endpoints } else { &[] }, out);
        }
        Ok(())
    }
}

fn write_topic(topic: &FetchTopicReply, version: i16, out: &mut Layout) {
    let flexible = version >= FLEXIBLE_SINCE;
    if version >= 13 {
        out.plain.put_slice(topic.id.0.as_bytes());
    } else {
        out.put_string(flexible, &topic.name);
    }
    out.put_array_len(flexible, Some(topic.partitions.len()));
    for partition in &topic.partitions {
        write_partition(partition, version, out);
    }
    if flexible {
        out.plain.put_u8(0);
    }
}

fn write_partition(partition: &FetchPartitionReply, version: i16, out: &mut Layout) {
    let flexible = version >= FLEXIBLE_SINCE;
    out.plain.put_i32(partition.index);
    out.plain.put_i16(partition.error_code);
    out.plain.put_i64(partition.high_watermark);
    out.plain.put_i64(partition.last_stable_offset);
    if version >= 5 {
        out.plain.put_i64(partition.log_start_offset);
    }
    out.put_array_len(flexible, partition.aborted.as_ref().map(Vec::len));
    for aborted in partition.aborted.iter().flatten() {
        out.plain.put_i64(aborted.producer_id);
        out.plain.put_i64(aborted.first_offset);
        if flexible {
            out.plain.put_u8(0);
        }
    }
    if version >= 11 {
        out.plain.put_i32(partition.preferred_read_replica);
    }
    out.put_array_len(flexible, Some(partition.records_bytes()));
    for chunk in &partition.records {
        out.chunk(chunk);
    }
    if flexible {
        write_tags(partition, out);
    }
}

/// Tag 0: where the follower's log leaves the leader's. Tag 1: who leads now. A tag is followed by the size of its field.
fn write_tags(partition: &FetchPartitionReply, out: &mut Layout) {
    // A tagged field that says "unknown" throughout is the same as none.
    let diverging = partition.diverging.filter(|d| *d != (-1, -1));
    let leader = partition.current_leader.filter(|l| *l != (-1, -1));
    out.plain.put_u8(u8::from(diverging.is_some()) + u8::from(leader.is_some()));
    if let Some((epoch, end_offset)) = diverging {
        out.plain.put_slice(&[0, 13]);
        out.plain.put_i32(epoch);
        out.plain.put_i64(end_offset);
        out.plain.put_u8(0);
    }
    if let Some((leader, epoch)) = leader {
        out.plain.put_slice(&[1, 9]);
        out.plain.put_i32(leader);
        out.plain.put_i32(epoch);
        out.plain.put_u8(0);
    }
}

fn write_endpoints(endpoints: &[NodeEndpoint], out: &mut Layout) {
    if endpoints.is_empty() {
        return out.plain.put_u8(0);
    }
    let mut field = Layout::new();
    field.plain.clear();
    field.put_compact_len(Some(endpoints.len()));
    for endpoint in endpoints {
        field.plain.put_i32(endpoint.node_id);
        field.put_string(true, &endpoint.host);
        field.plain.put_i32(endpoint.port);
        match &endpoint.rack {
            Some(rack) => field.put_string(true, rack),
            None => field.put_compact_len(None),
        }
        field.plain.put_u8(0);
    }
    out.plain.put_slice(&[1, 0]);
    out.put_unsigned_varint(u32::try_from(field.plain.len()).expect("a field fits 32 bits"));
    out.plain.put_slice(&field.plain);
}

fn from_topic(topic: msg::fetch_response::FetchableTopicResponse) -> FetchTopicReply {
    FetchTopicReply {
        name: topic.topic.to_string(),
        id: TopicId(topic.topic_id),
        partitions: topic.partitions.into_iter().map(from_partition).collect(),
    }
}

fn from_partition(partition: msg::fetch_response::PartitionData) -> FetchPartitionReply {
    let diverging = (partition.diverging_epoch.epoch, partition.diverging_epoch.end_offset);
    let leader = (partition.current_leader.leader_id.0, partition.current_leader.leader_epoch);
    let aborted =
        |t: msg::fetch_response::AbortedTransaction| Aborted { producer_id: t.producer_id.0, first_offset: t.first_offset };
    FetchPartitionReply {
        index: partition.partition_index,
        error_code: partition.error_code,
        high_watermark: partition.high_watermark,
        last_stable_offset: partition.last_stable_offset,
        log_start_offset: partition.log_start_offset,
        aborted: partition.aborted_transactions.map(|list| list.into_iter().map(aborted).collect()),
        preferred_read_replica: partition.preferred_read_replica.0,
        diverging: (diverging != (-1, -1)).then_some(diverging),
        current_leader: (leader != (-1, -1)).then_some(leader),
        records: partition.records.filter(|r| !r.is_empty()).map(Chunk::Bytes).into_iter().collect(),
    }
}

fn from_endpoint(endpoint: msg::fetch_response::NodeEndpoint) -> NodeEndpoint {
    NodeEndpoint {
        node_id: endpoint.node_id.0,
        host: endpoint.host.to_string(),
        port: endpoint.port,
        rack: endpoint.rack.map(|r| r.to_string()),
    }
}
