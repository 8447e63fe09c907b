//! CreateTopics: names, settings and placement are checked, and topics become records.
//!
//! State       none: a pure function of the scene and the request (and of the draws for topic ids).
//! Holds       codes and sentences are those of Kafka 4.3.
//! Not here    auto-creation's rules (`auto_create.rs`), which comes through here.

use super::image::{Image, Resource};
use super::records::{PartitionRecord, Record};
use super::refusal::{Refusal, text};
use super::topic_name;
use super::{METADATA_TOPIC, RECORDS_PER_REQUEST_MAX, Scene};
use crate::config::topic::TopicSetting;
use crate::config::{TOPIC_SETTINGS, check_topic_overrides};
use crate::ids::BrokerId;
use crate::wire::{ErrorCode, msg};
use msg::create_topics_request::CreatableTopic;
use msg::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many partitions one request may create, as in Kafka.
pub(super) const PARTITIONS_PER_REQUEST_MAX: i64 = 10_000;

/// Where a setting's value is from, as DescribeConfigs and CreateTopics say it.
pub(super) mod source {
    pub(crate) const TOPIC: i8 = 1;
    pub(crate) const BROKER: i8 = 2;
    pub(crate) const DEFAULT_BROKER: i8 = 3;
    pub(crate) const STATIC_BROKER: i8 = 4;
    pub(crate) const DEFAULT: i8 = 5;
    pub(crate) const CLIENT_METRICS: i8 = 7;
    pub(crate) const GROUP: i8 = 8;
}

/// The records of all topics that can be created, and the answer.
pub(super) fn create_topics(
    scene: &mut Scene<'_>,
    version: i16,
    request: &msg::CreateTopicsRequest,
) -> (Vec<Record>, msg::CreateTopicsResponse) {
    if request.timeout_ms <= 0 {
        return (Vec::new(), refuse_all(request, &Refusal::timed_out()));
    }
    if total_partitions(scene, request) > PARTITIONS_PER_REQUEST_MAX {
        let refusal = Refusal::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request.");
        return (Vec::new(), refuse_all(request, &refusal));
    }
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for topic in &request.topics {
        if !seen.insert(topic.name.as_str()) {
            twice.insert(topic.name.as_str());
        }
    }
    let (mut records, mut results) = (Vec::new(), Vec::new());
    let collisions = Collisions::of(scene.image, request);
    for topic in &request.topics {
        let name = topic.name.as_str();
        if twice.contains(name) || name == METADATA_TOPIC {
            continue;
        }
        match create_topic(scene, topic, &collisions) {
            Ok((more, result)) => {
                records.extend(more);
                results.push(result);
            }
            Err(refusal) => results.push(refused(name, &refusal)),
        }
        if records.len() > RECORDS_PER_REQUEST_MAX {
            let refusal = Refusal::new(ErrorCode::PolicyViolation, "Unable to perform excessively large batch operation.");
            return (Vec::new(), refuse_all(request, &refusal));
        }
    }
    let duplicate = Refusal::new(ErrorCode::InvalidRequest, "Duplicate topic name.");
    results.extend(twice.iter().map(|name| refused(name, &duplicate)));
    if seen.contains(METADATA_TOPIC) && !twice.contains(METADATA_TOPIC) {
        let why = format!("Creation of internal topic {METADATA_TOPIC} is prohibited.");
        results.push(refused(METADATA_TOPIC, &Refusal::new(ErrorCode::InvalidRequest, why)));
    }
    if version < 5 {
        for result in &mut results {
            result.configs = Some(Vec::new());
        }
    }
    if request.validate_only {
        records.clear();
    }
    let mut response = msg::CreateTopicsResponse::default();
    response.topics = results;
    (records, response)
}

/// The same refusal for every topic of a request.
pub(super) fn refuse_all(request: &msg::CreateTopicsRequest, refusal: &Refusal) -> msg::CreateTopicsResponse {
    let mut response = msg::CreateTopicsResponse::default();
    response.topics = request.topics.iter().map(|t| refused(t.name.as_str(), refusal)).collect();
    response
}

pub(super) fn refused(name: &str, refusal: &Refusal) -> CreatableTopicResult {
    let mut result = CreatableTopicResult::default();
    result.name = text(name).into();
    result.error_code = refusal.code.code();
    result.error_message = refusal.text();
    (result.num_partitions, result.replication_factor) = (-1, -1);
    result.configs = Some(Vec::new());
    result
}

fn total_partitions(scene: &Scene<'_>, request: &msg::CreateTopicsRequest) -> i64 {
    let of = |t: &CreatableTopic| match t.num_partitions {
        _ if !t.assignments.is_empty() => i64::try_from(t.assignments.len()).unwrap_or(i64::MAX),
        -1 => scene.settings.int("num.partitions"),
        n => i64::from(n.max(0)),
    };
    request.topics.iter().map(of).fold(0, i64::saturating_add)
}

/// The records that create one topic, and its line in the answer.
fn create_topic(
    scene: &mut Scene<'_>,
    topic: &CreatableTopic,
    collisions: &Collisions,
) -> Result<(Vec<Record>, CreatableTopicResult), Refusal> {
    let name = topic.name.as_str();
    check_new_name(scene.image, name, collisions)?;
    let own = own_settings(topic)?;
    check_topic_overrides(scene.settings, &own).map_err(|why| Refusal::new(ErrorCode::InvalidConfig, why))?;
    let partitions = if topic.assignments.is_empty() { placed(scene, topic)? } else { assigned(scene, topic)? };
    let id = scene.rng.uuid();
    let mut result = CreatableTopicResult::default();
    result.name = text(name).into();
    result.topic_id = id;
    result.error_message = None;
    result.num_partitions = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
    result.replication_factor = partitions.first().and_then(|p| i16::try_from(p.len()).ok()).unwrap_or(-1);
    result.configs = Some(effective_settings(scene, &own));

    let mut records = vec![Record::Topic { name: name.to_owned(), id }];
    records.extend(own.into_iter().map(|(key, value)| Record::Config {
        resource_type: Resource::TOPIC,
        resource_name: name.to_owned(),
        name: key,
        value: Some(value),
    }));
    for (index, replicas) in (0..).zip(partitions) {
        records.push(Record::Partition(partition_record(scene.image, id, index, replicas)));
    }
    Ok((records, result))
}

/// The topics there are, by what their names are in metrics: so that each new name costs one look, however many there are.
struct Collisions(BTreeMap<String, String>);

impl Collisions {
    /// Of no use, and empty, where no new name can collide.
    fn of(image: &Image, request: &msg::CreateTopicsRequest) -> Collisions {
        let is_needed = request.topics.iter().any(|t| topic_name::has_collision_chars(t.name.as_str()));
        let names = image.names.keys().rev().filter(|_| is_needed);
        // The first of several, in the order of their names, is the one that is named.
        Collisions(names.map(|name| (topic_name::in_metrics(name), name.clone())).collect())
    }
}

fn check_new_name(image: &Image, name: &str, collisions: &Collisions) -> Result<(), Refusal> {
    topic_name::check(name).map_err(|why| Refusal::new(ErrorCode::InvalidTopicException, why))?;
    if image.names.contains_key(name) {
        return Err(Refusal::new(ErrorCode::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
    }
    if topic_name::has_collision_chars(name)
        && let Some(other) = collisions.0.get(&topic_name::in_metrics(name))
    {
        let why = format!("Topic '{name}' collides with existing topic: {other}");
        return Err(Refusal::new(ErrorCode::InvalidTopicException, why));
    }
    Ok(())
}

/// The settings that the request gives; the last of a name that is given twice.
fn own_settings(topic: &CreatableTopic) -> Result<BTreeMap<String, String>, Refusal> {
    let nulls: Vec<&str> = topic.configs.iter().filter(|c| c.value.is_none()).map(|c| c.name.as_str()).collect();
    if !nulls.is_empty() {
        let why = format!("Null value not supported for topic configs: {}", nulls.join(","));
        return Err(Refusal::new(ErrorCode::InvalidConfig, why));
    }
    let value = |v: &Option<msg::StrBytes>| v.as_ref().map(|v| v.as_str().to_owned()).unwrap_or_default();
    Ok(topic.configs.iter().map(|c| (c.name.as_str().to_owned(), value(&c.value))).collect())
}

/// Replicas by partition, as the request assigns them.
fn assigned(scene: &Scene<'_>, topic: &CreatableTopic) -> Result<Vec<Vec<BrokerId>>, Refusal> {
    for (wrong, what) in [(topic.replication_factor != -1, "replication factor"), (topic.num_partitions != -1, "numPartitions")] {
        if wrong {
            let why = format!("A manual partition assignment was specified, but {what} was not set to -1.");
            return Err(Refusal::new(ErrorCode::InvalidRequest, why));
        }
    }
    let (mut by_index, mut factor) = (BTreeMap::new(), None);
    for assignment in &topic.assignments {
        let index = assignment.partition_index;
        if by_index.contains_key(&index) {
            let why = format!("Found multiple manual partition assignments for partition {index}");
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, why));
        }
        let replicas: Vec<BrokerId> = assignment.broker_ids.iter().map(|b| BrokerId(b.0)).collect();
        check_assignment(scene.image, &replicas, factor, index)?;
        factor = Some(replicas.len());
        by_index.insert(index, replicas);
    }
    if !by_index.keys().copied().eq(0..i32::try_from(by_index.len()).unwrap_or(i32::MAX)) {
        let why = "partitions should be a consecutive 0-based integer sequence";
        return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, why));
    }
    Ok(by_index.into_values().collect())
}

/// Kafka's check of replicas that a request names. `factor`: how many the partitions before it have.
pub(super) fn check_assignment(image: &Image, replicas: &[BrokerId], factor: Option<usize>, index: i32) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, why));
    if replicas.is_empty() {
        return refuse("The manual partition assignment includes an empty replica list.".to_owned());
    }
    let mut sorted = replicas.to_vec();
    sorted.sort_unstable();
    for (i, broker) in sorted.iter().enumerate() {
        if !image.brokers.contains_key(broker) {
            return refuse(format!(
                "The manual partition assignment includes broker {broker}, but no such broker is registered."
            ));
        }
        if i > 0 && sorted[i - 1] == *broker {
            return refuse(format!("The manual partition assignment includes the broker {broker} more than once."));
        }
    }
    if let Some(factor) = factor
        && factor != replicas.len()
    {
        return refuse(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with previous \
             partitions, which have {factor} replica(s).",
            replicas.len()
        ));
    }
    if !replicas.iter().any(|b| is_active(image, *b)) {
        return refuse(format!(
            "All brokers specified in the manual partition assignment for partition {index} are fenced or in controlled shutdown."
        ));
    }
    Ok(())
}

fn is_active(image: &Image, broker: BrokerId) -> bool {
    image.brokers.get(&broker).is_some_and(|b| !b.fenced && !b.in_controlled_shutdown)
}

/// Replicas by partition, as the controller places them.
fn placed(scene: &Scene<'_>, topic: &CreatableTopic) -> Result<Vec<Vec<BrokerId>>, Refusal> {
    if topic.replication_factor < -1 || topic.replication_factor == 0 {
        let why = "Replication factor must be larger than 0, or -1 to use the default value.";
        return Err(Refusal::new(ErrorCode::InvalidReplicationFactor, why));
    }
    if topic.num_partitions < -1 || topic.num_partitions == 0 {
        let why = "Number of partitions was set to an invalid non-positive value.";
        return Err(Refusal::new(ErrorCode::InvalidPartitions, why));
    }
    let count = match topic.num_partitions {
        -1 => scene.settings.int("num.partitions"),
        n => i64::from(n),
    };
    let factor = match topic.replication_factor {
        -1 => scene.settings.int("default.replication.factor"),
        n => i64::from(n),
    };
    place(scene.image, 0, usize::try_from(count).unwrap_or(0), usize::try_from(factor).unwrap_or(0))
}

/// Place `count` partitions, the first of them the topic's number `from`: one broker after the other, all brokers in turn.
pub(super) fn place(image: &Image, from: usize, count: usize, factor: usize) -> Result<Vec<Vec<BrokerId>>, Refusal> {
    let refuse = |why: String| {
        let why = format!("Unable to replicate the partition {factor} time(s): {why}");
        Err(Refusal::new(ErrorCode::InvalidReplicationFactor, why))
    };
    let registered = image.brokers.len();
    if factor > registered {
        return refuse(format!(
            "The target replication factor of {factor} cannot be reached because only {registered} broker(s) are registered or \
             some brokers have all their log directories cordoned."
        ));
    }
    // Those that are up come first, so that a partition begins with as many in sync as can be.
    let (up, down): (Vec<BrokerId>, Vec<BrokerId>) = image.brokers.keys().partition(|b| is_active(image, **b));
    if up.is_empty() {
        return refuse("All brokers are currently fenced.".to_owned());
    }
    let replicas = |partition: usize| {
        let turned = (0..up.len()).map(|i| up[(partition + i) % up.len()]);
        turned.chain(down.iter().copied()).take(factor).collect()
    };
    Ok((from..from + count).map(replicas).collect())
}

/// A new partition: led by the first replica that is up, in sync with all that are.
pub(super) fn partition_record(image: &Image, topic: Uuid, index: i32, replicas: Vec<BrokerId>) -> PartitionRecord {
    let isr: Vec<i32> = replicas.iter().filter(|b| is_active(image, **b)).map(|b| b.0).collect();
    let directory = |b: &BrokerId| image.brokers.get(b).and_then(|b| b.log_dirs.first()).copied().unwrap_or_default();
    PartitionRecord {
        topic,
        index,
        leader: isr.first().copied().unwrap_or(-1),
        isr,
        directories: replicas.iter().map(directory).collect(),
        replicas: replicas.iter().map(|b| b.0).collect(),
        ..PartitionRecord::default()
    }
}

/// Every setting of a topic that has `own`, with where it is from: what CreateTopics answers (KIP-525).
fn effective_settings(scene: &Scene<'_>, own: &BTreeMap<String, String>) -> Vec<CreatableTopicConfigs> {
    let shown = TOPIC_SETTINGS.iter().filter(|row| !row.internal || own.contains_key(row.setting.name));
    let line = |row: &TopicSetting| {
        let (value, source) = effective_setting(scene, row, own);
        let mut config = CreatableTopicConfigs::default();
        config.name = text(row.setting.name);
        config.value = value.as_deref().map(text);
        config.config_source = source;
        (config.read_only, config.is_sensitive) = (false, false);
        config
    };
    shown.map(line).collect()
}

fn effective_setting(scene: &Scene<'_>, row: &TopicSetting, own: &BTreeMap<String, String>) -> (Option<String>, i8) {
    if let Some(value) = own.get(row.setting.name) {
        return (Some(value.clone()), source::TOPIC);
    }
    let dynamic = |broker| scene.image.config(&Resource::Broker(broker));
    let (node, all) = (dynamic(Some(scene.node)), dynamic(None));
    let lookup = |name: &str, from: i8| match from {
        source::BROKER => node.and_then(|c| c.get(name)).map(String::as_str),
        source::DEFAULT_BROKER => all.and_then(|c| c.get(name)).map(String::as_str),
        _ => scene.given.given_value(name),
    };
    for from in [source::BROKER, source::DEFAULT_BROKER, source::STATIC_BROKER] {
        for (name, factor) in row.from_broker {
            let Some(value) = lookup(name, from) else { continue };
            let scaled = match value.parse::<i64>() {
                Ok(n) if *factor != 1 => n.saturating_mul(*factor).to_string(),
                _ => value.to_owned(),
            };
            return (Some(scaled), from);
        }
    }
    (row.setting.default.map(str::to_owned), source::DEFAULT)
}
