//! ListOffsets and OffsetForLeaderEpoch.

use super::{Ask, Lookup, Place, token};
use crate::ids::LeaderEpoch;
use crate::partition::events::{Listed, PartitionEvent};
use crate::wire::ErrorCode;
use crate::wire::msg::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use crate::wire::msg::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use crate::wire::msg::{ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use std::collections::BTreeSet;

/// A ListOffsets in progress.
#[derive(Debug)]
pub struct ListJob {
    version: i16,
    response: ListOffsetsResponse,
    places: Vec<Place>,
}

/// The highest timestamp-like code that a version may carry, as Kafka checks it: -3 from 7, -4 from 8, -5 from 9, -6 from 11.
fn version_of(timestamp: i64) -> i16 {
    match timestamp {
        -3 => 7,
        -4 => 8,
        -5 => 9,
        -6 => 11,
        _ => 1,
    }
}

/// The job, and what each partition is asked.
pub fn split_list(lookup: Lookup<'_>, gather: u64, version: i16, request: ListOffsetsRequest) -> (ListJob, Vec<Ask>) {
    let mut job = ListJob { version, response: ListOffsetsResponse::default(), places: Vec::new() };
    let mut asks = Vec::new();
    let twice = repeated(request.topics.iter().flat_map(|t| t.partitions.iter().map(|p| (t.name.as_str(), p.partition_index))));
    let mut told = BTreeSet::new();
    for topic in request.topics.iter().filter(|t| !t.partitions.is_empty()) {
        let t = job.response.topics.len();
        let mut answer = ListOffsetsTopicResponse::default().with_name(topic.name.clone());
        for partition in &topic.partitions {
            let (index, p) = (partition.partition_index, answer.partitions.len());
            if twice.contains(&(topic.name.as_str(), index)) && !told.insert((topic.name.as_str(), index)) {
                continue;
            }
            let refused = match lookup.by_name(&topic.name, index) {
                _ if !matches!(request.isolation_level, 0 | 1) => Listed::refused(ErrorCode::UnknownServerError),
                _ if twice.contains(&(topic.name.as_str(), index)) => Listed::refused(ErrorCode::InvalidRequest),
                Err(error) => Listed::refused(error),
                Ok(_) if version < version_of(partition.timestamp) || partition.timestamp < -6 => {
                    Listed::refused(ErrorCode::UnsupportedVersion)
                }
                Ok(id) => {
                    let event = PartitionEvent::ListOffsets {
                        token: token(gather, job.places.len()),
                        current_leader_epoch: partition.current_leader_epoch,
                        timestamp: partition.timestamp,
                        committed_only: request.isolation_level == 1,
                    };
                    asks.push((id, event));
                    job.places.push((t as u32, p as u32));
                    Listed::refused(ErrorCode::UnknownServerError)
                }
            };
            answer.partitions.push(listed(version, index, refused));
        }
        job.response.topics.push(answer);
    }
    (job, asks)
}

impl ListJob {
    /// The answer of one part.
    pub fn on_listed(&mut self, part: u32, found: Listed) {
        let (t, p) = self.places[part as usize];
        let slot = &mut self.response.topics[t as usize].partitions[p as usize];
        *slot = listed(self.version, slot.partition_index, found);
    }

    #[must_use]
    pub fn into_response(self) -> ListOffsetsResponse {
        self.response
    }
}

/// The leader epoch is told from version 4 on (KIP-320).
fn listed(version: i16, index: i32, found: Listed) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse::default()
        .with_partition_index(index)
        .with_error_code(found.error.code())
        .with_timestamp(found.timestamp)
        .with_offset(found.offset)
        .with_leader_epoch(if version >= 4 { found.leader_epoch } else { -1 })
}

/// What occurs more than once.
fn repeated<T: Ord + Copy>(items: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    items.filter(|i| !seen.insert(*i)).collect()
}

/// An OffsetForLeaderEpoch in progress.
#[derive(Debug, Default)]
pub struct EpochJob {
    response: OffsetForLeaderEpochResponse,
    places: Vec<Place>,
}

/// The job, and what each partition is asked.
pub fn split_epochs(lookup: Lookup<'_>, gather: u64, request: OffsetForLeaderEpochRequest) -> (EpochJob, Vec<Ask>) {
    let (mut job, mut asks) = (EpochJob::default(), Vec::new());
    for (t, topic) in request.topics.iter().enumerate() {
        let mut answer = OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone());
        for (p, partition) in topic.partitions.iter().enumerate() {
            let error = match lookup.by_name(&topic.topic, partition.partition) {
                Err(error) => error,
                Ok(id) => {
                    let event = PartitionEvent::OffsetForLeaderEpoch {
                        token: token(gather, job.places.len()),
                        current_leader_epoch: partition.current_leader_epoch,
                        epoch: LeaderEpoch(partition.leader_epoch),
                    };
                    asks.push((id, event));
                    job.places.push((t as u32, p as u32));
                    ErrorCode::None
                }
            };
            answer.partitions.push(epoch_end(partition.partition, error, -1, -1));
        }
        job.response.topics.push(answer);
    }
    (job, asks)
}

impl EpochJob {
    /// The answer of one part.
    pub fn on_epoch_end(&mut self, part: u32, error: ErrorCode, epoch: i32, end_offset: i64) {
        let (t, p) = self.places[part as usize];
        let slot = &mut self.response.topics[t as usize].partitions[p as usize];
        *slot = epoch_end(slot.partition, error, epoch, end_offset);
    }

    #[must_use]
    pub fn into_response(self) -> OffsetForLeaderEpochResponse {
        self.response
    }
}

fn epoch_end(partition: i32, error: ErrorCode, epoch: i32, end_offset: i64) -> EpochEndOffset {
    EpochEndOffset::default()
        .with_partition(partition)
        .with_error_code(error.code())
        .with_leader_epoch(epoch)
        .with_end_offset(end_offset)
}
