//! AlterConfigs and IncrementalAlterConfigs: settings of topics, brokers, client metrics and groups.
//!
//! State       none: pure functions of the scene and the request.
//! Holds       codes and sentences are those of Kafka 4.3; a resource changes as a whole or not at all.
//! Not here    which settings there are (`config`), what follows from a change (the node acts on `Delta`).

use super::image::Resource;
use super::records::Record;
use super::refusal::{Refusal, text};
use super::{ELR_VERSION, RECORDS_PER_REQUEST_MAX, Scene, topic_name};
use crate::config::other::{client_metrics_setting, group_setting};
use crate::config::{Kind, Update, broker_setting, check_topic_overrides, current_name, foreign, topic_setting};
use crate::ids::BrokerId;
use crate::wire::{ErrorCode, msg};
use msg::alter_configs_response::AlterConfigsResourceResponse as AlterLine;
use msg::incremental_alter_configs_response::AlterConfigsResourceResponse as IncrementalLine;
use std::collections::{BTreeMap, BTreeSet};

/// What shall happen to one setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Set,
    Delete,
    Append,
    Subtract,
}

impl Op {
    fn from_code(code: i8) -> Option<Op> {
        [Op::Set, Op::Delete, Op::Append, Op::Subtract].into_iter().nth(usize::try_from(code).ok()?)
    }

    fn name(self) -> &'static str {
        match self {
            Op::Set => "SET",
            Op::Delete => "DELETE",
            Op::Append => "APPEND",
            Op::Subtract => "SUBTRACT",
        }
    }
}

/// One resource of either request.
struct Asked<'a> {
    kind: i8,
    name: &'a str,
    /// Setting, operation as it is on the wire, value.
    settings: Vec<(&'a str, i8, Option<&'a str>)>,
    /// AlterConfigs: what is not named is deleted.
    replaces: bool,
}

type Own = BTreeMap<String, String>;

/// The records of an IncrementalAlterConfigs, and the answer.
pub(super) fn incremental_alter_configs(
    scene: &Scene<'_>,
    request: &msg::IncrementalAlterConfigsRequest,
) -> (Vec<Record>, msg::IncrementalAlterConfigsResponse) {
    let asked: Vec<Asked<'_>> = request
        .resources
        .iter()
        .map(|r| Asked {
            kind: r.resource_type,
            name: r.resource_name.as_str(),
            settings: r
                .configs
                .iter()
                .map(|c| (c.name.as_str(), c.config_operation, c.value.as_ref().map(|v| v.as_str())))
                .collect(),
            replaces: false,
        })
        .collect();
    let (records, outcomes) = alter(scene, &asked, request.validate_only);
    let mut response = msg::IncrementalAlterConfigsResponse::default();
    response.responses = asked.iter().zip(&outcomes).map(|(a, o)| incremental_line(a.kind, a.name, o.as_ref().err())).collect();
    (records, response)
}

/// The records of an AlterConfigs, and the answer.
pub(super) fn alter_configs(scene: &Scene<'_>, request: &msg::AlterConfigsRequest) -> (Vec<Record>, msg::AlterConfigsResponse) {
    let asked: Vec<Asked<'_>> = request
        .resources
        .iter()
        .map(|r| Asked {
            kind: r.resource_type,
            name: r.resource_name.as_str(),
            settings: r.configs.iter().map(|c| (c.name.as_str(), 0, c.value.as_ref().map(|v| v.as_str()))).collect(),
            replaces: true,
        })
        .collect();
    let (records, outcomes) = alter(scene, &asked, request.validate_only);
    let mut response = msg::AlterConfigsResponse::default();
    response.responses = asked.iter().zip(&outcomes).map(|(a, o)| alter_line(a.kind, a.name, o.as_ref().err())).collect();
    (records, response)
}

fn alter(scene: &Scene<'_>, asked: &[Asked<'_>], validate_only: bool) -> (Vec<Record>, Vec<Result<(), Refusal>>) {
    let mut seen = BTreeMap::new();
    for a in asked {
        *seen.entry((a.kind, a.name)).or_insert(0) += 1;
    }
    let (mut records, mut outcomes) = (Vec::new(), Vec::new());
    for a in asked {
        let outcome = if seen[&(a.kind, a.name)] > 1 {
            Err(Refusal::new(ErrorCode::InvalidRequest, "Each resource must appear at most once."))
        } else {
            alter_resource(scene, a)
        };
        outcomes.push(outcome.map(|more| records.extend(more)));
    }
    if records.len() > RECORDS_PER_REQUEST_MAX {
        let refuse = |_| Err(Refusal::bare(ErrorCode::UnknownServerError));
        return (Vec::new(), asked.iter().map(refuse).collect());
    }
    if validate_only {
        records.clear();
    }
    (records, outcomes)
}

fn alter_resource(scene: &Scene<'_>, asked: &Asked<'_>) -> Result<Vec<Record>, Refusal> {
    let mut names = BTreeSet::new();
    if !asked.settings.iter().all(|(name, ..)| names.insert(*name)) {
        return Err(Refusal::new(ErrorCode::InvalidRequest, "Error due to duplicate config keys"));
    }
    let is_null = |(_, op, value): &&(&str, i8, Option<&str>)| value.is_none() && Op::from_code(*op) != Some(Op::Delete);
    let nulls: Vec<&str> = asked.settings.iter().filter(is_null).map(|(name, ..)| *name).collect();
    if !nulls.is_empty() {
        let why = format!("Null value not supported for : {}", nulls.join(", "));
        return Err(Refusal::new(ErrorCode::InvalidRequest, why));
    }
    let resource = match asked.kind {
        Resource::TOPIC => Resource::Topic(asked.name.to_owned()),
        Resource::BROKER => Resource::Broker(broker_of(scene, asked.name)?),
        Resource::CLIENT_METRICS => Resource::ClientMetrics(asked.name.to_owned()),
        Resource::GROUP => Resource::Group(asked.name.to_owned()),
        Resource::BROKER_LOGGER if !asked.replaces => return alter_loggers(scene, asked),
        other => return Err(Refusal::new(ErrorCode::InvalidRequest, format!("Unknown resource type {other}"))),
    };
    let own = scene.image.config(&resource).cloned().unwrap_or_default();
    let mut changes = changes(&resource, asked, &own)?;
    if asked.replaces {
        let gone = own.keys().filter(|name| !names.contains(name.as_str()));
        changes.extend(gone.map(|name| (name.clone(), None)));
    }
    let mut wanted = own;
    for (name, value) in &changes {
        match value {
            Some(value) => wanted.insert(name.clone(), value.clone()),
            None => wanted.remove(name),
        };
    }
    check(scene, &resource, &wanted, &changes)?;
    let (resource_type, resource_name) = resource.to_kafka();
    let record = |(name, value)| Record::Config { resource_type, resource_name: resource_name.clone(), name, value };
    Ok(changes.into_iter().map(record).collect())
}

/// The broker that a resource name means; only this node takes changes for itself.
fn broker_of(scene: &Scene<'_>, name: &str) -> Result<Option<BrokerId>, Refusal> {
    if name.is_empty() {
        return Ok(None);
    }
    match name.parse::<i32>() {
        Ok(id) if id == scene.node.0 => Ok(Some(scene.node)),
        Ok(_) => {
            let why = format!("Unexpected broker id, expected {}, but received {name}", scene.node);
            Err(Refusal::new(ErrorCode::InvalidRequest, why))
        }
        Err(_) => Err(Refusal::new(ErrorCode::InvalidRequest, format!("Node id must be an integer, but it is: {name}"))),
    }
}

/// There are no loggers that could be changed.
fn alter_loggers(scene: &Scene<'_>, asked: &Asked<'_>) -> Result<Vec<Record>, Refusal> {
    broker_of(scene, asked.name)?;
    match asked.settings.first() {
        Some((logger, ..)) => Err(Refusal::new(ErrorCode::InvalidConfig, format!("Logger {logger} does not exist!"))),
        None => Ok(Vec::new()),
    }
}

/// What the operations come to: new values, and `None` for what is deleted. What stays as it is is left out, but for brokers
/// (Kafka writes their settings anew, so that a changed key file is read again).
fn changes(resource: &Resource, asked: &Asked<'_>, own: &Own) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let mut changes = Vec::new();
    for (name, op, value) in &asked.settings {
        let Some(op) = Op::from_code(*op) else {
            return Err(match resource {
                Resource::Broker(_) => Refusal::new(ErrorCode::InvalidRequest, format!("Unknown operations type {op}")),
                _ => Refusal::bare(ErrorCode::UnknownServerError),
            });
        };
        let current = own.get(*name);
        let value = value.unwrap_or_default();
        let new = match op {
            Op::Set => Some(value.to_owned()),
            Op::Delete => None,
            Op::Append | Op::Subtract => Some(edit_list(resource, name, op, value, current)?),
        };
        if new.as_ref() != current || matches!(resource, Resource::Broker(_)) {
            changes.push(((*name).to_owned(), new));
        }
    }
    Ok(changes)
}

fn edit_list(resource: &Resource, name: &str, op: Op, value: &str, current: Option<&String>) -> Result<String, Refusal> {
    let setting = match resource {
        Resource::Topic(_) => topic_setting(name).map(|t| &t.setting),
        Resource::Broker(_) => broker_setting(name).or_else(|| foreign::foreign_setting(name)),
        Resource::ClientMetrics(_) => client_metrics_setting(name),
        Resource::Group(_) => group_setting(name),
    };
    let Some(setting) = setting.filter(|s| s.kind == Kind::List) else {
        let why = match resource {
            Resource::Broker(_) => {
                format!("Config value {} is not allowed for config key: {name}", op.name().to_ascii_lowercase())
            }
            _ => format!("Can't {} to key {name} because its type is not LIST.", op.name()),
        };
        return Err(Refusal::new(ErrorCode::InvalidConfig, why));
    };
    let before = current.map(String::as_str).or(setting.default).unwrap_or_default();
    let mut parts: Vec<&str> = before.split(',').filter(|p| !p.is_empty()).collect();
    if op == Op::Append {
        let mut there: BTreeSet<&str> = parts.iter().copied().collect();
        parts.extend(value.split(',').filter(|part| there.insert(part)));
    } else {
        // Each takes one of its kind away.
        let mut gone: BTreeMap<&str, usize> = BTreeMap::new();
        value.split(',').for_each(|part| *gone.entry(part).or_default() += 1);
        parts.retain(|part| match gone.get_mut(part) {
            Some(left @ 1..) => {
                *left -= 1;
                false
            }
            _ => true,
        });
    }
    Ok(parts.join(","))
}

/// Whether a resource may have the settings `wanted`.
fn check(scene: &Scene<'_>, resource: &Resource, wanted: &Own, changes: &[(String, Option<String>)]) -> Result<(), Refusal> {
    let invalid = |why: String| Refusal::new(ErrorCode::InvalidConfig, why);
    match resource {
        Resource::Topic(name) => {
            if name.is_empty() {
                return Err(Refusal::new(ErrorCode::InvalidRequest, "Default topic resources are not allowed."));
            }
            topic_name::check(name).map_err(|why| Refusal::new(ErrorCode::InvalidTopicException, why))?;
            check_topic_overrides(scene.settings, wanted).map_err(invalid)?;
            if !scene.image.names.contains_key(name) {
                let why = format!("The topic '{name}' does not exist.");
                return Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, why));
            }
            Ok(())
        }
        Resource::Broker(broker) => check_broker(scene, *broker, wanted, changes),
        Resource::ClientMetrics(name) => check_client_metrics(name, wanted),
        Resource::Group(name) => {
            if name.is_empty() {
                return Err(Refusal::new(ErrorCode::InvalidRequest, "Default group resources are not allowed."));
            }
            for (key, value) in wanted {
                let Some(setting) = group_setting(key) else {
                    return Err(invalid(format!("Unknown group config name: {key}")));
                };
                setting.parse(value).map_err(invalid)?;
            }
            Ok(())
        }
    }
}

fn check_broker(
    scene: &Scene<'_>,
    broker: Option<BrokerId>,
    wanted: &Own,
    changes: &[(String, Option<String>)],
) -> Result<(), Refusal> {
    let invalid = |why: String| Err(Refusal::new(ErrorCode::InvalidRequest, why));
    let row = |name: &str| broker_setting(current_name(name)).or_else(|| foreign::foreign_setting(name));
    let is_fixed = |name: &str| foreign::is_refused(name) || row(name).is_some_and(|s| s.update == Update::ReadOnly);
    let is_for_all = broker.is_none();
    for (is_wrong, why) in [
        (&is_fixed as &dyn Fn(&str) -> bool, "Cannot update these configs dynamically"),
        (
            &foreign::is_per_listener,
            "These security configs can be dynamically updated only per-listener using the listener prefix",
        ),
    ] {
        let wrong: Vec<&str> = wanted.keys().map(String::as_str).filter(|n| is_wrong(n)).collect();
        if !wrong.is_empty() {
            return invalid(format!("{why}: [{}]", wrong.join(", ")));
        }
    }
    for (name, value) in wanted {
        if let Some(Err(why)) = row(name).map(|setting| setting.parse(value)) {
            return invalid(why);
        }
    }
    let of_one: Vec<&str> = wanted.keys().map(String::as_str).filter(|n| is_for_all && foreign::is_per_broker(n)).collect();
    if !of_one.is_empty() {
        let why = "Cannot update these configs at default cluster level, broker id must be specified";
        return invalid(format!("{why}: [{}]", of_one.join(", ")));
    }
    // What the start was given has been checked; what is wrong now, the change has brought.
    let empty = Own::new();
    let of = |broker| scene.image.config(&Resource::Broker(broker)).unwrap_or(&empty);
    let (all, own) = if is_for_all { (wanted, of(Some(scene.node))) } else { (of(None), wanted) };
    let before = scene.given.contradictions();
    if let Some(wrong) =
        scene.given.overlaid(all).overlaid(own).contradictions().into_iter().find(|wrong| !before.contains(wrong))
    {
        return invalid(format!("requirement failed: {}", wrong.why));
    }
    if scene.image.feature(ELR_VERSION) > 0
        && let Some((_, value)) = changes.iter().find(|(name, _)| name == "min.insync.replicas")
    {
        let why = match (broker, value) {
            (Some(_), _) => "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
            (None, None) => "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.",
            (None, Some(_)) => return Ok(()),
        };
        return Err(Refusal::new(ErrorCode::InvalidConfig, why));
    }
    Ok(())
}

/// Which clients a subscription can choose by.
const MATCHERS: [&str; 6] = [
    "client_id",
    "client_instance_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

fn check_client_metrics(name: &str, wanted: &Own) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::new(ErrorCode::InvalidRequest, "Subscription name can't be empty"));
    }
    for (key, value) in wanted {
        let Some(setting) = client_metrics_setting(key) else {
            return Err(Refusal::new(ErrorCode::InvalidRequest, format!("Unknown client metrics configuration: {key}")));
        };
        let value = setting.parse(value).map_err(|why| Refusal::new(ErrorCode::InvalidConfig, why))?;
        match key.as_str() {
            "interval.ms" if !value.parse::<i64>().is_ok_and(|n| (100..=3_600_000).contains(&n)) => {
                let why = format!("Invalid value {value} for interval.ms, interval must be between 100 and 3600000 (1 hour)");
                return Err(Refusal::new(ErrorCode::InvalidRequest, why));
            }
            "match" => {
                for pattern in crate::config::value::list(&value) {
                    if !pattern.split_once('=').is_some_and(|(field, _)| MATCHERS.contains(&field.trim())) {
                        let why = format!("Illegal client matching pattern: {pattern}");
                        return Err(Refusal::new(ErrorCode::InvalidConfig, why));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn incremental_line(kind: i8, name: &str, refusal: Option<&Refusal>) -> IncrementalLine {
    let mut line = IncrementalLine::default();
    (line.resource_type, line.resource_name) = (kind, text(name));
    line.error_code = refusal.map_or(0, |r| r.code.code());
    line.error_message = refusal.and_then(Refusal::text);
    line
}

fn alter_line(kind: i8, name: &str, refusal: Option<&Refusal>) -> AlterLine {
    let mut line = AlterLine::default();
    (line.resource_type, line.resource_name) = (kind, text(name));
    line.error_code = refusal.map_or(0, |r| r.code.code());
    line.error_message = refusal.and_then(Refusal::text);
    line
}

/// The same refusal for every resource of a request.
pub(super) fn refuse_all(request: &msg::AlterConfigsRequest, refusal: &Refusal) -> msg::AlterConfigsResponse {
    let mut response = msg::AlterConfigsResponse::default();
    let line = |r: &msg::alter_configs_request::AlterConfigsResource| {
        alter_line(r.resource_type, r.resource_name.as_str(), Some(refusal))
    };
    response.responses = request.resources.iter().map(line).collect();
    response
}

/// The same refusal for every resource of a request.
pub(super) fn refuse_all_incremental(
    request: &msg::IncrementalAlterConfigsRequest,
    refusal: &Refusal,
) -> msg::IncrementalAlterConfigsResponse {
    let mut response = msg::IncrementalAlterConfigsResponse::default();
    let line = |r: &msg::incremental_alter_configs_request::AlterConfigsResource| {
        incremental_line(r.resource_type, r.resource_name.as_str(), Some(refusal))
    };
    response.responses = request.resources.iter().map(line).collect();
    response
}
