//! CreatePartitions: a topic grows, never shrinks.
//!
//! State       none: a pure function of the scene and the request.
//! Holds       codes and sentences are those of Kafka 4.3.

use super::create_topics::{check_assignment, partition_record, place};
use super::records::Record;
use super::refusal::{Refusal, text};
use super::{RECORDS_PER_REQUEST_MAX, Scene};
use crate::ids::{BrokerId, TopicId};
use crate::wire::{ErrorCode, msg};
use msg::create_partitions_request::CreatePartitionsTopic;
use msg::create_partitions_response::CreatePartitionsTopicResult;
use std::collections::BTreeSet;

/// The records of all partitions that can be added, and the answer.
pub(super) fn create_partitions(
    scene: &Scene<'_>,
    request: &msg::CreatePartitionsRequest,
) -> (Vec<Record>, msg::CreatePartitionsResponse) {
    if request.timeout_ms <= 0 {
        return (Vec::new(), refuse_all(request, &Refusal::timed_out()));
    }
    let (mut seen, mut twice, mut results) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let duplicate = Refusal::new(ErrorCode::InvalidRequest, "Duplicate topic name.");
    for topic in &request.topics {
        let name = topic.name.as_str();
        if !seen.insert(name) && twice.insert(name) {
            results.push(line(name, Some(&duplicate)));
        }
    }
    let mut records = Vec::new();
    for topic in request.topics.iter().filter(|t| !twice.contains(t.name.as_str())) {
        match grow(scene, topic) {
            Ok(more) => {
                records.extend(more);
                results.push(line(topic.name.as_str(), None));
            }
            Err(refusal) => results.push(line(topic.name.as_str(), Some(&refusal))),
        }
        // At once: every topic there is may ask for as many as one request may have.
        if records.len() > RECORDS_PER_REQUEST_MAX {
            return (Vec::new(), refuse_all(request, &Refusal::bare(ErrorCode::UnknownServerError)));
        }
    }
    if request.validate_only {
        records.clear();
    }
    let mut response = msg::CreatePartitionsResponse::default();
    response.results = results;
    (records, response)
}

fn grow(scene: &Scene<'_>, topic: &CreatePartitionsTopic) -> Result<Vec<Record>, Refusal> {
    let name = topic.name.as_str();
    let Some((id, now)) = scene.image.topic_by_name(name) else {
        return Err(Refusal::bare(ErrorCode::UnknownTopicOrPartition));
    };
    let has = i32::try_from(now.partitions.len()).unwrap_or(i32::MAX);
    if topic.count == has {
        return Err(Refusal::new(ErrorCode::InvalidPartitions, format!("Topic already has {has} partition(s).")));
    }
    if topic.count < has {
        let why = format!("The topic {name} currently has {has} partition(s); {} would not be an increase.", topic.count);
        return Err(Refusal::new(ErrorCode::InvalidPartitions, why));
    }
    let more = usize::try_from(topic.count - has).unwrap_or(0);
    if more > RECORDS_PER_REQUEST_MAX {
        return Err(Refusal::bare(ErrorCode::UnknownServerError));
    }
    let factor = now.partitions.first().map_or(1, |p| p.replicas.len());
    let replicas = match &topic.assignments {
        None => place(scene.image, now.partitions.len(), more, factor)?,
        Some(assignments) if assignments.len() != more => {
            let why = format!(
                "Attempted to add {more} additional partition(s), but only {} assignment(s) were specified.",
                assignments.len()
            );
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, why));
        }
        Some(assignments) => {
            let mut all = Vec::new();
            for (index, assignment) in (has..).zip(assignments) {
                let replicas: Vec<BrokerId> = assignment.broker_ids.iter().map(|b| BrokerId(b.0)).collect();
                check_assignment(scene.image, &replicas, Some(factor), index)?;
                all.push(replicas);
            }
            all
        }
    };
    Ok(records(scene, id, has, replicas))
}

fn records(scene: &Scene<'_>, topic: TopicId, from: i32, replicas: Vec<Vec<BrokerId>>) -> Vec<Record> {
    (from..).zip(replicas).map(|(index, r)| Record::Partition(partition_record(scene.image, topic.0, index, r))).collect()
}

fn line(name: &str, refusal: Option<&Refusal>) -> CreatePartitionsTopicResult {
    let mut result = CreatePartitionsTopicResult::default();
    result.name = text(name).into();
    result.error_code = refusal.map_or(0, |r| r.code.code());
    result.error_message = refusal.and_then(Refusal::text);
    result
}

/// The same refusal for every topic of a request.
pub(super) fn refuse_all(request: &msg::CreatePartitionsRequest, refusal: &Refusal) -> msg::CreatePartitionsResponse {
    let mut response = msg::CreatePartitionsResponse::default();
    response.results = request.topics.iter().map(|t| line(t.name.as_str(), Some(refusal))).collect();
    response
}
