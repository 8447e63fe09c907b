//! Requests over several partitions: split into one event per partition, gathered from their answers, answered once.
//!
//! State       one `Gather` per request in progress: what its answer holds already, and how many parts are still out.
//! Takes       requests with the image to resolve names against; partitions' answers by token.
//! Gives       events for partitions; a finished response.
//! Holds       each part is answered once; a gather is finished exactly when no part is out.
//! Not here    order of replies (`session`), what a partition does (`partition`), admin requests (`controller`).
//! Read first  `Gather`, then `produce.rs`, `fetch.rs`.

pub mod api_versions;
pub mod delete_records;
pub mod describe;
pub mod fetch;
pub mod offsets;
pub mod produce;
pub mod telemetry;

use crate::controller::{Image, topic_name};
use crate::ids::{PartitionId, PartitionIndex, TopicId};
use crate::partition::Partition;
use crate::partition::events::{PartitionEvent, Token};
use crate::session::RequestId;
use crate::time::Instant;
use crate::wire::ErrorCode;
use crate::wire::msg::StrBytes;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What goes to which partition.
pub type Ask = (PartitionId, PartitionEvent);

/// One request in progress.
#[derive(Debug)]
pub struct Gather {
    pub request: RequestId,
    pub correlation: i32,
    pub version: i16,
    /// When it is answered with what there is.
    pub deadline: Option<Instant>,
    /// Parts that have not been answered.
    pub out: u32,
    pub job: Job,
}

/// What is being gathered.
#[derive(Debug)]
pub enum Job {
    Produce(produce::Job),
    Fetch(Box<fetch::Job>),
    ListOffsets(offsets::ListJob),
    EpochEnds(offsets::EpochJob),
    DeleteRecords(delete_records::Job),
    /// An answer that the controller gives.
    Controller,
    /// A producer id out of the controller's next block.
    ProducerId,
}

impl Job {
    /// Whether it is a fetch that waits for data.
    #[must_use]
    pub fn is_parked_fetch(&self) -> bool {
        matches!(self, Job::Fetch(job) if job.is_parked())
    }
}

/// Where the answer of a part belongs: (topic, partition) positions in the response.
pub type Place = (u32, u32);

/// What a request names, each once: of what is named twice Kafka keeps the last, in the place of the first.
fn last_of_each<T, K: Ord>(named: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    if named.len() < 2 {
        return named;
    }
    let (mut place, mut each) = (BTreeMap::new(), Vec::with_capacity(named.len()));
    for one in named {
        match place.entry(key(&one)) {
            Entry::Occupied(at) => each[*at.get()] = one,
            Entry::Vacant(free) => {
                free.insert(each.len());
                each.push(one);
            }
        }
    }
    each
}

/// The topics of a request with their partitions, each once. Kafka drops topics without partitions.
fn merged<K: Ord + Clone, P>(topics: Vec<(K, Vec<P>)>, index: impl Fn(&P) -> i32) -> Vec<(K, Vec<P>)> {
    let mut all: Vec<(K, Vec<P>)> = Vec::with_capacity(topics.len());
    // Put together first: a topic may be named as often as there are bytes for it.
    let mut place = BTreeMap::new();
    for (key, given) in topics.into_iter().filter(|(_, given)| !given.is_empty()) {
        match place.get(&key) {
            Some(at) => {
                let (_, partitions): &mut (K, Vec<P>) = &mut all[*at];
                partitions.extend(given);
            }
            None => {
                place.insert(key.clone(), all.len());
                all.push((key, given));
            }
        }
    }
    all.into_iter().map(|(key, given)| (key, last_of_each(given, &index))).collect()
}

/// Names and ids to partitions that are served here.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    pub image: &'a Image,
    pub hosted: &'a BTreeMap<PartitionId, Partition>,
    /// Those that should be, and cannot: a directory that nobody can read has their name.
    pub barred: &'a BTreeSet<PartitionId>,
}

impl Lookup<'_> {
    /// Whether this broker has the partition, and cannot serve it: its log is offline, or its directory out of reach.
    pub fn is_offline(&self, id: PartitionId) -> bool {
        self.barred.contains(&id) || self.hosted.get(&id).is_some_and(|p| p.log().is_offline())
    }

    /// Whether a partition is of a topic that the brokers keep for themselves.
    pub fn is_internal(&self, id: PartitionId) -> bool {
        self.image.topics.get(&id.topic).is_some_and(|topic| topic_name::is_internal(&topic.name))
    }

    /// The partition of that name.
    pub fn by_name(&self, name: &str, index: i32) -> Result<PartitionId, ErrorCode> {
        let topic = *self.image.names.get(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        self.partition(topic, index)
    }

    /// The partition of that topic id.
    pub fn by_id(&self, topic: TopicId, index: i32) -> Result<PartitionId, ErrorCode> {
        if !self.image.topics.contains_key(&topic) {
            return Err(ErrorCode::UnknownTopicId);
        }
        self.partition(topic, index)
    }

    fn partition(&self, topic: TopicId, index: i32) -> Result<PartitionId, ErrorCode> {
        let index = PartitionIndex(index);
        let id = PartitionId { topic, index };
        if self.hosted.contains_key(&id) {
            return Ok(id);
        }
        match self.image.partition(topic, index) {
            // As of a replica in a directory that failed.
            Some(_) if self.is_offline(id) => Err(ErrorCode::KafkaStorageError),
            Some(_) => Err(ErrorCode::NotLeaderOrFollower),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }
}

/// The token of part number `part`.
fn token(gather: u64, part: usize) -> Token {
    Token { gather, part: u32::try_from(part).expect("a request has fewer parts than bytes") }
}

/// A string of ours as the wire's type.
pub(crate) fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_names_twice_is_asked_once_and_the_last_counts() {
        let given =
            [("a", vec![(0, 1), (1, 2)]), ("b", vec![]), ("c", vec![(0, 3)]), ("a", vec![(1, 4), (2, 5)]), ("c", vec![(0, 6)])];
        let all = merged(given.to_vec(), |p: &(i32, i32)| p.0);
        assert_eq!(all, [("a", vec![(0, 1), (1, 4), (2, 5)]), ("c", vec![(0, 6)])]);
    }

    #[test]
    fn a_topic_that_is_named_for_each_of_its_partitions_costs_no_more_than_its_bytes() {
        // Minutes, were the partitions before gone through for each.
        let all = merged((0..300_000).map(|index| ("t", vec![index])).collect(), |p| *p);
        assert_eq!((all.len(), all[0].1.len()), (1, 300_000));
    }
}
