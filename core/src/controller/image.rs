//! Cluster metadata as it stands after some prefix of the metadata log.

use crate::ids::{BrokerId, LeaderEpoch, Offset, PartitionIndex, TopicId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Topics, partitions, brokers, settings, features, and the next producer id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    pub topics: BTreeMap<TopicId, Topic>,
    pub names: BTreeMap<String, TopicId>,
    pub brokers: BTreeMap<BrokerId, Broker>,
    pub configs: BTreeMap<Resource, BTreeMap<String, String>>,
    pub features: BTreeMap<String, i16>,
    /// The first producer id that no block has been given from.
    pub next_producer_id: i64,
    /// The offset of the last record that is in the image; -1 for none.
    pub offset: i64,
    pub epoch: LeaderEpoch,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    /// By partition index, without gaps.
    pub partitions: Vec<Partition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub replicas: Vec<BrokerId>,
    pub isr: Vec<BrokerId>,
    /// `None`: nobody leads.
    pub leader: Option<BrokerId>,
    pub leader_epoch: LeaderEpoch,
    /// Grows with every change of the partition.
    pub partition_epoch: i32,
    /// The log directory of each replica.
    pub directories: Vec<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    pub incarnation: Uuid,
    pub epoch: i64,
    pub endpoints: Vec<super::Endpoint>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub log_dirs: Vec<Uuid>,
}

/// What a configuration belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Topic(String),
    /// `None`: the default of all brokers.
    Broker(Option<BrokerId>),
    ClientMetrics(String),
    Group(String),
}

impl Image {
    #[must_use]
    pub fn topic_by_name(&self, name: &str) -> Option<(TopicId, &Topic)> {
        let id = *self.names.get(name)?;
        Some((id, &self.topics[&id]))
    }

    #[must_use]
    pub fn partition(&self, topic: TopicId, index: PartitionIndex) -> Option<&Partition> {
        self.topics.get(&topic)?.partitions.get(usize::try_from(index.0).ok()?)
    }

    /// The settings that a resource has of its own.
    #[must_use]
    pub fn config(&self, resource: &Resource) -> Option<&BTreeMap<String, String>> {
        self.configs.get(resource)
    }

    /// The end offset that a snapshot of this image has.
    #[must_use]
    pub fn end(&self) -> Offset {
        Offset(self.offset + 1)
    }
}
