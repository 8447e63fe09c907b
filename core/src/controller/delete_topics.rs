//! DeleteTopics: by name or by id, each topic once.
//!
//! State       none: a pure function of the scene and the request.
//! Holds       codes and sentences are those of Kafka 4.3; Kafka shuffles its answers, these are in the order of the request.

use super::Scene;
use super::records::Record;
use super::refusal::{Refusal, text};
use crate::ids::TopicId;
use crate::wire::{ErrorCode, msg};
use msg::delete_topics_response::DeletableTopicResult;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What one entry of a request names.
struct Asked {
    name: Option<String>,
    id: Uuid,
}

fn asked(version: i16, request: &msg::DeleteTopicsRequest) -> Vec<Asked> {
    if version >= 6 {
        let one = |t: &msg::delete_topics_request::DeleteTopicState| Asked {
            name: t.name.as_ref().map(|n| n.as_str().to_owned()),
            id: t.topic_id,
        };
        request.topics.iter().map(one).collect()
    } else {
        request.topic_names.iter().map(|n| Asked { name: Some(n.as_str().to_owned()), id: Uuid::nil() }).collect()
    }
}

/// The records that remove the topics, and the answer.
pub(super) fn delete_topics(
    scene: &Scene<'_>,
    version: i16,
    request: &msg::DeleteTopicsRequest,
) -> (Vec<Record>, msg::DeleteTopicsResponse) {
    if !scene.settings.bool("delete.topic.enable") {
        let refusal = if version < 3 {
            Refusal::bare(ErrorCode::InvalidRequest)
        } else {
            Refusal::new(ErrorCode::TopicDeletionDisabled, "Topic deletion is disabled.")
        };
        return (Vec::new(), refuse_all(version, request, &refusal));
    }
    if request.timeout_ms <= 0 {
        return (Vec::new(), refuse_all(version, request, &Refusal::timed_out()));
    }
    let entries = asked(version, request);
    let (mut names, mut ids) = (BTreeMap::new(), BTreeMap::new());
    for entry in &entries {
        match &entry.name {
            Some(name) if entry.id.is_nil() => *names.entry(name.as_str()).or_insert(0) += 1,
            None if !entry.id.is_nil() => *ids.entry(entry.id).or_insert(0) += 1,
            _ => {}
        }
    }
    let (mut records, mut results, mut answered) = (Vec::new(), Vec::new(), BTreeSet::new());
    let named: BTreeSet<Uuid> =
        names.keys().filter_map(|n| scene.image.names.get(*n)).map(|id| id.0).filter(|id| ids.contains_key(id)).collect();
    for entry in &entries {
        let outcome = match &entry.name {
            None if entry.id.is_nil() => {
                Err(Refusal::new(ErrorCode::InvalidRequest, "Neither topic name nor id were specified."))
            }
            Some(_) if !entry.id.is_nil() => {
                Err(Refusal::new(ErrorCode::InvalidRequest, "You may not specify both topic name and topic id."))
            }
            _ if !answered.insert((entry.name.clone(), entry.id)) => continue,
            Some(name) if names[name.as_str()] > 1 => Err(Refusal::new(ErrorCode::InvalidRequest, "Duplicate topic name.")),
            None if ids[&entry.id] > 1 => Err(Refusal::new(ErrorCode::InvalidRequest, "Duplicate topic id.")),
            // Given by its id as well: one answer, which is the name's.
            None if named.contains(&entry.id) => continue,
            Some(name) => match scene.image.names.get(name) {
                None => {
                    let why = "This server does not host this topic-partition.";
                    Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, why))
                }
                Some(id) if named.contains(&id.0) => {
                    let why = "The provided topic name maps to an ID that was already supplied.";
                    Err(Refusal::new(ErrorCode::InvalidRequest, why))
                }
                Some(id) => Ok(*id),
            },
            None => Some(TopicId(entry.id))
                .filter(|id| scene.image.topics.contains_key(id))
                .ok_or_else(|| Refusal::new(ErrorCode::UnknownTopicId, "This server does not host this topic ID.")),
        };
        results.push(match outcome {
            Ok(id) => {
                records.push(Record::RemoveTopic { id: id.0 });
                let name = scene.image.topics.get(&id).map(|t| t.name.as_str());
                line(name, id.0, None)
            }
            Err(refusal) => {
                let by_name = entry.name.as_ref().and_then(|n| scene.image.names.get(n)).filter(|id| named.contains(&id.0));
                line(entry.name.as_deref(), by_name.map_or(entry.id, |id| id.0), Some(&refusal))
            }
        });
    }
    let mut response = msg::DeleteTopicsResponse::default();
    response.responses = results;
    (records, response)
}

fn line(name: Option<&str>, id: Uuid, refusal: Option<&Refusal>) -> DeletableTopicResult {
    let mut result = DeletableTopicResult::default();
    result.name = name.map(|n| text(n).into());
    result.topic_id = id;
    result.error_code = refusal.map_or(0, |r| r.code.code());
    result.error_message = refusal.and_then(Refusal::text);
    result
}

/// The same refusal for everything that a request names.
pub(super) fn refuse_all(version: i16, request: &msg::DeleteTopicsRequest, refusal: &Refusal) -> msg::DeleteTopicsResponse {
    let mut response = msg::DeleteTopicsResponse::default();
    response.responses = asked(version, request).iter().map(|a| line(a.name.as_deref(), a.id, Some(refusal))).collect();
    response
}
