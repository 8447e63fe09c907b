//! DescribeTopicPartitions (KIP-966): topics in the order of their names, page by page.

use super::{OPERATIONS_UNASKED, TOPIC_OPERATIONS, View, ids};
use crate::controller::refusal::text;
use crate::controller::topic_name;
use crate::ids::{PartitionId, PartitionIndex};
use crate::wire::{ErrorCode, msg};
use msg::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use std::collections::BTreeSet;
use std::ops::Bound;
use uuid::Uuid;

#[must_use]
pub fn describe_topic_partitions(
    view: View<'_>,
    request: &msg::DescribeTopicPartitionsRequest,
) -> msg::DescribeTopicPartitionsResponse {
    let mut response = msg::DescribeTopicPartitionsResponse::default();
    response.next_cursor = None;
    let cursor = request.cursor.as_ref().map(|c| (c.topic_name.as_str(), c.partition_index));
    let asked: BTreeSet<&str> = request.topics.iter().map(|t| t.name.as_str()).collect();
    if let Some(code) = refusal(&asked, cursor) {
        response.topics = request.topics.iter().map(|t| line(code, t.name.as_str(), Uuid::nil(), OPERATIONS_UNASKED)).collect();
        return response;
    }
    let from = cursor.map_or("", |(name, _)| name);
    let names: Vec<&str> = if asked.is_empty() {
        view.image.names.range::<str, _>((Bound::Included(from), Bound::Unbounded)).map(|(n, _)| n.as_str()).collect()
    } else {
        asked.into_iter().filter(|n| *n >= from).collect()
    };
    let limit = view.settings.int("max.request.partition.size.limit").min(i64::from(request.response_partition_limit)).max(1);
    let mut left = usize::try_from(limit).unwrap_or(1);
    for name in names {
        let first = match cursor {
            Some((at, index)) if at == name => usize::try_from(index).unwrap_or(0),
            _ => 0,
        };
        if left == 0 {
            response.next_cursor = Some(next(name, first));
            return response;
        }
        let Some((id, topic)) = view.image.topic_by_name(name) else {
            let code = match topic_name::check(name) {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::InvalidTopicException,
            };
            response.topics.push(line(code, name, Uuid::nil(), TOPIC_OPERATIONS));
            continue;
        };
        let mut topic_line = line(ErrorCode::None, name, id.0, TOPIC_OPERATIONS);
        for (index, p) in topic.partitions.iter().enumerate().skip(first).take(left) {
            let mut partition = DescribeTopicPartitionsResponsePartition::default();
            let index = i32::try_from(index).unwrap_or(i32::MAX);
            let at = PartitionId { topic: id, index: PartitionIndex(index) };
            let (code, leader) = view.leader(at, p);
            partition.error_code = code.code();
            partition.partition_index = index;
            partition.leader_id = msg::BrokerId(leader.0);
            partition.leader_epoch = p.leader_epoch.0;
            (partition.replica_nodes, partition.isr_nodes) = (ids(&p.replicas), ids(&p.isr));
            partition.eligible_leader_replicas = Some(ids(&p.elr));
            partition.last_known_elr = Some(ids(&p.last_known_elr));
            partition.offline_replicas = view.offline(at, p);
            topic_line.partitions.push(partition);
        }
        let given = topic_line.partitions.len();
        response.topics.push(topic_line);
        left -= given;
        if first + given < topic.partitions.len() {
            response.next_cursor = Some(next(name, first + given));
            return response;
        }
    }
    response
}

/// A cursor that is not among what is asked, and names that Kafka's server trips over.
fn refusal(asked: &BTreeSet<&str>, cursor: Option<(&str, i32)>) -> Option<ErrorCode> {
    match cursor {
        Some((_, index)) if index < 0 => Some(ErrorCode::InvalidRequest),
        Some((name, _)) if !asked.is_empty() && !asked.contains(name) => Some(ErrorCode::InvalidRequest),
        _ if asked.contains("") => Some(ErrorCode::UnknownServerError),
        _ => None,
    }
}

fn next(topic: &str, partition: usize) -> Cursor {
    let mut cursor = Cursor::default();
    cursor.topic_name = text(topic).into();
    cursor.partition_index = i32::try_from(partition).unwrap_or(i32::MAX);
    cursor
}

fn line(code: ErrorCode, name: &str, id: Uuid, operations: i32) -> DescribeTopicPartitionsResponseTopic {
    let mut line = DescribeTopicPartitionsResponseTopic::default();
    line.error_code = code.code();
    line.name = Some(text(name).into());
    line.topic_id = id;
    line.is_internal = topic_name::is_internal(name);
    line.topic_authorized_operations = operations;
    line
}
