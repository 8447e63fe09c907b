//! Metadata: brokers, topics and leaders, in all versions, and which topics shall come to be.

use super::{CLUSTER_OPERATIONS, OPERATIONS_UNASKED, TOPIC_OPERATIONS, View, address, ids};
use crate::controller::create_topics::PARTITIONS_PER_REQUEST_MAX;
use crate::controller::refusal::text;
use crate::controller::{image::Topic, topic_name};
use crate::ids::{PartitionId, PartitionIndex, TopicId};
use crate::wire::{ErrorCode, msg};
use msg::metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic};
use std::collections::BTreeSet;
use uuid::Uuid;

/// How many topics one request can create at the most: each has a partition.
const AUTO_CREATED_MAX: usize = PARTITIONS_PER_REQUEST_MAX as usize;

/// The first version in which topics can be asked for by id.
const BY_ID_SINCE: i16 = 12;

/// The answer. The second value names the topics that auto-creation shall make: the caller asks the controller for them
/// (`Change::AutoCreate`) and answers at once, as Kafka does.
#[must_use]
pub fn metadata(view: View<'_>, version: i16, request: &msg::MetadataRequest) -> (msg::MetadataResponse, Vec<String>) {
    let mut response = msg::MetadataResponse::default();
    response.cluster_authorized_operations = OPERATIONS_UNASKED;
    if let Some(topics) = &request.topics
        && let Some(refused) = refuse_ids(version, topics)
    {
        // Kafka fails the request as a whole: no brokers, and an error on every topic.
        if version >= 13 {
            response.error_code = refused.first().map_or(0, |t| t.error_code);
        }
        response.topics = refused;
        response.cluster_id = None;
        response.controller_id = msg::BrokerId(-1);
        return (response, Vec::new());
    }
    for (id, broker) in view.brokers() {
        let mut line = MetadataResponseBroker::default();
        line.node_id = msg::BrokerId(id.0);
        (line.host, line.port) = address(broker);
        line.rack = broker.rack.as_deref().map(text);
        response.brokers.push(line);
    }
    response.cluster_id = Some(text(view.cluster_id));
    response.controller_id = msg::BrokerId(view.node.0);
    if (8..=10).contains(&version) && request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    let operations = match request.include_topic_authorized_operations {
        true if version >= 8 => TOPIC_OPERATIONS,
        _ => OPERATIONS_UNASKED,
    };
    let mut wanted = Vec::new();
    match &request.topics {
        // Before version 1 an empty list meant all topics.
        Some(asked) if version > 0 || !asked.is_empty() => {
            let create = (version < 4 || request.allow_auto_topic_creation) && view.settings.bool("auto.create.topics.enable");
            answer_asked(view, asked, create, operations, &mut response.topics, &mut wanted);
        }
        _ => {
            let all = view.image.names.values().filter_map(|id| Some((*id, view.image.topics.get(id)?)));
            response.topics.extend(all.map(|(id, topic)| known(view, id, topic, operations)));
        }
    }
    (response, wanted)
}

/// Topic ids where the version has none yet, and topics with neither name nor id.
fn refuse_ids(version: i16, asked: &[msg::metadata_request::MetadataRequestTopic]) -> Option<Vec<MetadataResponseTopic>> {
    let has_ids = asked.iter().any(|t| !t.topic_id.is_nil());
    let nameless = asked.iter().any(|t| t.name.is_none() && t.topic_id.is_nil());
    let code = if (10..BY_ID_SINCE).contains(&version) && (has_ids || asked.iter().any(|t| t.name.is_none())) {
        ErrorCode::InvalidRequest
    } else if nameless {
        ErrorCode::UnknownServerError
    } else {
        return None;
    };
    let line = |t: &msg::metadata_request::MetadataRequestTopic| {
        let name = t.name.as_ref().map_or("", |n| n.as_str());
        unknown(code, Some(name), t.topic_id, OPERATIONS_UNASKED)
    };
    Some(
        asked
            .iter()
            .map(line)
            .map(|mut t| {
                t.is_internal = false;
                t
            })
            .collect(),
    )
}

fn answer_asked(
    view: View<'_>,
    asked: &[msg::metadata_request::MetadataRequestTopic],
    create: bool,
    operations: i32,
    topics: &mut Vec<MetadataResponseTopic>,
    wanted: &mut Vec<String>,
) {
    let (mut seen, mut unknown_ids) = (BTreeSet::new(), Vec::new());
    for t in asked {
        // The id wins over the name, and each topic is answered once.
        if !t.topic_id.is_nil() {
            match view.image.topics.get(&TopicId(t.topic_id)) {
                Some(topic) if seen.insert(topic.name.as_str()) => {
                    topics.push(known(view, TopicId(t.topic_id), topic, operations))
                }
                Some(_) => {}
                None => unknown_ids.push(unknown(ErrorCode::UnknownTopicId, None, t.topic_id, OPERATIONS_UNASKED)),
            }
            continue;
        }
        let name = t.name.as_ref().map_or("", |n| n.as_str());
        if !seen.insert(name) {
            continue;
        }
        topics.push(match view.image.topic_by_name(name) {
            Some((id, topic)) => known(view, id, topic, operations),
            None => {
                let valid = topic_name::check(name).is_ok();
                // The brokers' own topics are not made for nobody: what would fill them, groups and transactions, is not there yet.
                // More than one request may create are refused together: there is no use in naming them all.
                if valid && create && !topic_name::is_internal(name) && wanted.len() <= AUTO_CREATED_MAX {
                    wanted.push(name.to_owned());
                }
                let code = if valid { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::InvalidTopicException };
                unknown(code, Some(name), Uuid::nil(), operations)
            }
        });
    }
    topics.extend(unknown_ids);
}

fn unknown(code: ErrorCode, name: Option<&str>, id: Uuid, operations: i32) -> MetadataResponseTopic {
    let mut line = MetadataResponseTopic::default();
    line.error_code = code.code();
    line.name = name.map(|n| text(n).into());
    line.topic_id = id;
    line.is_internal = name.is_some_and(topic_name::is_internal);
    line.topic_authorized_operations = operations;
    line
}

fn known(view: View<'_>, id: TopicId, topic: &Topic, operations: i32) -> MetadataResponseTopic {
    let mut line = unknown(ErrorCode::None, Some(&topic.name), id.0, operations);
    for (index, p) in (0..).zip(&topic.partitions) {
        let mut partition = MetadataResponsePartition::default();
        let at = PartitionId { topic: id, index: PartitionIndex(index) };
        let (code, leader) = view.leader(at, p);
        partition.error_code = code.code();
        partition.partition_index = index;
        partition.leader_id = msg::BrokerId(leader.0);
        partition.leader_epoch = p.leader_epoch.0;
        (partition.replica_nodes, partition.isr_nodes) = (ids(&p.replicas), ids(&p.isr));
        partition.offline_replicas = view.offline(at, p);
        line.partitions.push(partition);
    }
    line
}
