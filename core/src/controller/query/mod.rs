//! Requests that only ask: answered from an image, changing nothing.
//!
//! State       none: pure functions of a `View` and a request.
//! Holds       codes and sentences are those of Kafka 4.3; where Kafka's order is that of a hash table, ours is sorted.
//! Not here    requests that change metadata (`Controller::handle`).

mod cluster;
mod configs;
mod metadata;
mod topic_partitions;

pub use cluster::describe_cluster;
pub use configs::{describe_configs, list_config_resources};
pub use metadata::metadata;
pub use topic_partitions::describe_topic_partitions;

use super::image::{Broker, Image, Partition};
use super::refusal::text;
use crate::config::Settings;
use crate::ids::{BrokerId, PartitionId};
use crate::serve::Lookup;
use crate::wire::ErrorCode;
use crate::wire::msg;

/// What an answer is made from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub image: &'a Image,
    /// The partitions of this broker: the image does not know which of them are offline.
    pub here: Lookup<'a>,
    /// This broker's settings as given at its start.
    pub settings: &'a Settings,
    pub node: BrokerId,
    pub cluster_id: &'a str,
}

/// No access control: everybody may do whatever can be done to a topic (read, write, create, delete, alter, describe, and
/// describe and alter its settings), as a bit field.
const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// The same for the cluster.
const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;
/// The bit field where nobody asked for it.
const OPERATIONS_UNASKED: i32 = i32::MIN;

impl View<'_> {
    /// The brokers that are up, with where they are.
    fn brokers(&self) -> impl Iterator<Item = (BrokerId, &Broker)> {
        self.image.brokers.iter().filter(|(_, b)| !b.fenced).map(|(id, b)| (*id, b))
    }

    fn is_up(&self, broker: BrokerId) -> bool {
        self.image.brokers.get(&broker).is_some_and(|b| !b.fenced)
    }

    /// Whether the broker serves its replica of the partition, as far as this broker knows. One whose log is offline does not:
    /// Kafka's controller takes the leadership of replicas in a failed directory away (KIP-112, KIP-858).
    fn serves(&self, broker: BrokerId, id: PartitionId) -> bool {
        self.is_up(broker) && !(broker == self.node && self.here.is_offline(id))
    }

    /// The leader as clients may see it, and the error that goes with it.
    fn leader(&self, id: PartitionId, partition: &Partition) -> (ErrorCode, BrokerId) {
        match partition.leader {
            Some(leader) if self.serves(leader, id) => (ErrorCode::None, leader),
            _ => (ErrorCode::LeaderNotAvailable, BrokerId(-1)),
        }
    }

    fn offline(&self, id: PartitionId, partition: &Partition) -> Vec<msg::BrokerId> {
        partition.replicas.iter().filter(|b| !self.serves(**b, id)).map(|b| msg::BrokerId(b.0)).collect()
    }
}

fn ids(brokers: &[BrokerId]) -> Vec<msg::BrokerId> {
    brokers.iter().map(|b| msg::BrokerId(b.0)).collect()
}

/// Where clients reach a broker. With more listeners than one, the first: there is one kind of client listener.
fn address(broker: &Broker) -> (msg::StrBytes, i32) {
    match broker.endpoints.first() {
        Some(e) => (text(&e.host), i32::from(e.port)),
        None => (text(""), -1),
    }
}
