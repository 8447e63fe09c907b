//! DescribeLogDirs and DescribeProducers: what the partitions of this node look like from outside.

use super::{Lookup, text};
use crate::controller::topic_name;
use crate::ids::PartitionId;
use crate::io::Volume;
use crate::partition::Partition;
use crate::wire::ErrorCode;
use crate::wire::msg::describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic};
use crate::wire::msg::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use crate::wire::msg::{
    DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeProducersRequest, DescribeProducersResponse, ProducerId, TopicName,
};
use std::collections::{BTreeMap, BTreeSet};

/// The one log directory with the partitions asked for; `None` asks for all.
#[must_use]
pub fn log_dirs(
    lookup: Lookup<'_>,
    dir: &str,
    volume: Option<Volume>,
    request: &DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    // Before an edge has said it, it is unknown: Kafka's -1.
    let bytes = |figure: fn(Volume) -> u64| volume.map_or(-1, |v| i64::try_from(figure(v)).unwrap_or(i64::MAX));
    let mut topics: BTreeMap<&str, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    let mut add = |partition: &Partition| {
        let entry = DescribeLogDirsPartition::default()
            .with_partition_index(partition.id().index.0)
            .with_partition_size(i64::try_from(partition.log().size_bytes()).unwrap_or(i64::MAX));
        let name = lookup.image.topics.get(&partition.id().topic).map_or("", |t| t.name.as_str());
        topics.entry(name).or_default().push(entry);
    };
    match &request.topics {
        None => lookup.hosted.values().for_each(&mut add),
        Some(asked) => {
            // Each once, as in Kafka.
            let found = asked.iter().flat_map(|topic| topic.partitions.iter().map(|index| lookup.by_name(&topic.topic, *index)));
            let found: BTreeSet<PartitionId> = found.flatten().collect();
            found.iter().filter_map(|id| lookup.hosted.get(id)).for_each(&mut add);
        }
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| DescribeLogDirsTopic::default().with_name(TopicName(text(name))).with_partitions(partitions));
    let result = DescribeLogDirsResult::default()
        .with_log_dir(text(dir))
        .with_topics(topics.collect())
        .with_total_bytes(bytes(|v| v.total_bytes))
        .with_usable_bytes(bytes(|v| v.usable_bytes));
    DescribeLogDirsResponse::default().with_results(vec![result])
}

/// The producers that each partition remembers (KIP-664).
#[must_use]
pub fn producers(lookup: Lookup<'_>, request: &DescribeProducersRequest) -> DescribeProducersResponse {
    // Kafka tells of a partition as often as it is named. No client asks for that, and the answer may be some thousand times as large
    // as the question.
    let mut told = BTreeSet::new();
    let topics = request.topics.iter().map(|topic| {
        let new: Vec<i32> =
            topic.partition_indexes.iter().copied().filter(|index| told.insert((topic.name.as_str(), *index))).collect();
        let partitions = new.iter().map(|index| {
            let answer = PartitionResponse::default().with_partition_index(*index);
            let invalid = topic_name::check(&topic.name).err();
            // Of an offline one nobody knows its producers: none would be a claim.
            let found = lookup.by_name(&topic.name, *index).and_then(|id| match lookup.is_offline(id) {
                true => Err(ErrorCode::KafkaStorageError),
                false => Ok(id),
            });
            match (invalid, found) {
                (Some(why), _) => {
                    answer.with_error_code(ErrorCode::InvalidTopicException.code()).with_error_message(Some(text(&why)))
                }
                (None, Err(error)) => {
                    let is_known = lookup.image.names.contains_key(&*topic.name.0);
                    let why = (!is_known).then(|| text("This server does not host this topic-partition."));
                    answer.with_error_code(error.code()).with_error_message(why)
                }
                (None, Ok(id)) => answer.with_error_message(None).with_active_producers(states(&lookup.hosted[&id])),
            }
        });
        TopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}

fn states(partition: &Partition) -> Vec<ProducerState> {
    let producers = partition.log().producers().into_iter();
    let states = producers.map(|p| {
        ProducerState::default()
            .with_producer_id(ProducerId(p.id.0))
            .with_producer_epoch(i32::from(p.epoch.0))
            .with_last_sequence(p.last_sequence)
            .with_last_timestamp(p.last_timestamp.0)
            .with_coordinator_epoch(p.coordinator_epoch)
            .with_current_txn_start_offset(p.current_txn_start.map_or(-1, |o| o.0))
    });
    states.collect()
}
