//! `ottla topic`: administration of topics.

use crate::cli::{Output, TopicArgs, TopicCommand, TopicConfigCommand};
use crate::driver::{self, Driver};
use crate::failure::Failure;
use crate::output;
use ottla_core::client::{Code, Target, TopicPartition};
use ottla_core::ids::{TopicId, base64_id};
use ottla_core::wire::msg::{self, StrBytes, TopicName};
use ottla_core::wire::{Request, Response};
use serde_json::{Value, json};
use std::io::IsTerminal;

/// The type of a topic among the resources that have settings.
const TOPIC_RESOURCE: i8 = 2;
/// The source of a setting that was set on the topic itself.
const SET_ON_TOPIC: i8 = 1;

pub(crate) fn run(args: TopicArgs, output: Output) -> Result<(), Failure> {
    driver::block_on(async {
        let driver = Driver::new(driver::config(&args.cluster)?, args.cluster.timeout);
        let timeout_ms = i32::try_from(args.cluster.timeout.as_millis()).unwrap_or(i32::MAX);
        let mut topics = Topics { driver, output, timeout_ms };
        match args.command {
            TopicCommand::Create { topics: names, partitions, replication_factor, config, if_not_exists, dry_run } => {
                let counts = (partitions.unwrap_or(-1), replication_factor.unwrap_or(-1));
                topics.create(&names, counts, &config, if_not_exists, dry_run).await
            }
            TopicCommand::List { internal } => topics.list(internal).await,
            TopicCommand::Describe { topics: names } => topics.describe(&names).await,
            TopicCommand::Config(TopicConfigCommand::Get { topic, name, all }) => topics.get(&topic, name, all).await,
            TopicCommand::Config(TopicConfigCommand::Set { topic, settings, dry_run }) => {
                let changes: Result<Vec<_>, Failure> =
                    settings.iter().map(|s| name_value(s).map(|(n, v)| (n.to_owned(), Some(v.to_owned())))).collect();
                topics.alter(&topic, changes?, dry_run).await
            }
            TopicCommand::Config(TopicConfigCommand::Unset { topic, names, dry_run }) => {
                // A broker takes the return of a setting that does not exist for done; a person has mistyped it.
                topics.settings(&topic, Some(&names)).await?;
                topics.alter(&topic, names.into_iter().map(|n| (n, None)).collect(), dry_run).await
            }
            TopicCommand::Offsets { topic, partition, time } => topics.offsets(&topic, &partition, time.as_deref()).await,
            TopicCommand::AddPartitions { topic, to, dry_run } => topics.add_partitions(&topic, to, dry_run).await,
            TopicCommand::Delete { topics: names, yes, dry_run } => topics.delete(&names, yes, dry_run).await,
        }
    })
}

struct Topics {
    driver: Driver,
    output: Output,
    timeout_ms: i32,
}

/// NAME=VALUE.
pub(crate) fn name_value(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=').ok_or_else(|| Failure::Usage(format!("'{text}' is not NAME=VALUE")))
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

fn name(s: &str) -> TopicName {
    TopicName(text(s))
}

/// What a broker said of one thing, as a failure or as nothing.
fn check(what: &str, code: i16, message: Option<&StrBytes>) -> Result<(), Failure> {
    let code = Code(code);
    if code.is_ok() {
        return Ok(());
    }
    let detail = message.map(|m| m.to_string()).filter(|m| !m.is_empty()).unwrap_or_else(|| code.text().to_owned());
    let text = format!("{what}: {code}: {detail}");
    match code {
        Code::UNKNOWN_TOPIC_OR_PARTITION | Code::UNKNOWN_TOPIC_ID => Err(Failure::NotFound(text)),
        _ => Err(Failure::Failed(text)),
    }
}

fn unexpected() -> Failure {
    Failure::Failed("the broker answered another question than was asked".to_owned())
}

/// What is known of topics: all of them, or those named, none of which is created by asking.
pub(crate) async fn metadata(driver: &mut Driver, topics: Option<&[String]>) -> Result<msg::MetadataResponse, Failure> {
    let mut request = msg::MetadataRequest::default();
    request.topics = topics.map(|names| {
        let named = names.iter().map(|n| {
            let mut topic = msg::metadata_request::MetadataRequestTopic::default();
            topic.name = Some(name(n));
            topic
        });
        named.collect()
    });
    request.allow_auto_topic_creation = false;
    match driver.call("cluster metadata", Target::Any, Request::Metadata(request)).await? {
        Response::Metadata(answer) => Ok(answer),
        _ => Err(unexpected()),
    }
}

impl Topics {
    async fn create(
        &mut self,
        names: &[String],
        (partitions, replicas): (i32, i16),
        config: &[String],
        if_not_exists: bool,
        dry_run: bool,
    ) -> Result<(), Failure> {
        let mut request = msg::CreateTopicsRequest::default();
        for topic_name in names {
            let mut topic = msg::create_topics_request::CreatableTopic::default();
            topic.name = name(topic_name);
            topic.num_partitions = partitions;
            topic.replication_factor = replicas;
            for setting in config {
                let (n, v) = name_value(setting)?;
                let mut one = msg::create_topics_request::CreatableTopicConfig::default();
                one.name = text(n);
                one.value = Some(text(v));
                topic.configs.push(one);
            }
            request.topics.push(topic);
        }
        request.timeout_ms = self.timeout_ms;
        request.validate_only = dry_run;
        let Response::CreateTopics(answer) =
            self.driver.call("create topics", Target::Controller, Request::CreateTopics(request)).await?
        else {
            return Err(unexpected());
        };
        let mut result = Ok(());
        for topic in &answer.topics {
            let topic_name = topic.name.0.as_str();
            if if_not_exists && Code(topic.error_code) == Code::TOPIC_ALREADY_EXISTS {
                output::fact(self.output, &format!("{topic_name} exists"), &json!({"topic": topic_name, "created": false}))?;
                continue;
            }
            match check(&format!("topic '{topic_name}'"), topic.error_code, topic.error_message.as_ref()) {
                Ok(()) => {
                    let verb = if dry_run { "would be created" } else { "created" };
                    let sentence = format!(
                        "{topic_name} {verb}: {} partitions, {} replicas",
                        topic.num_partitions, topic.replication_factor
                    );
                    let mut object = json!({"topic": topic_name, "created": !dry_run, "partitions": topic.num_partitions,
                        "replication_factor": topic.replication_factor});
                    // What is not created will get another id when it is.
                    if !dry_run {
                        object["topic_id"] = json!(base64_id(&topic.topic_id));
                    }
                    output::fact(self.output, &sentence, &object)?;
                }
                Err(failure) => result = last(result, failure),
            }
        }
        result
    }

    async fn list(&mut self, internal: bool) -> Result<(), Failure> {
        let answer = metadata(&mut self.driver, None).await?;
        let mut topics: Vec<_> = answer.topics.iter().filter(|t| internal || !t.is_internal).collect();
        topics.sort_by_key(|t| t.name.as_ref().map(|n| n.0.to_string()));
        let rows = topics.into_iter().map(|t| {
            let replicas = t.partitions.iter().map(|p| p.replica_nodes.len()).max().unwrap_or(0);
            vec![
                json!(t.name.as_ref().map(|n| n.0.to_string())),
                json!(t.partitions.len()),
                json!(replicas),
                json!(TopicId(t.topic_id).to_string()),
            ]
        });
        Ok(output::rows(self.output, &["topic", "partitions", "replicas", "id"], rows.collect())?)
    }

    async fn describe(&mut self, names: &[String]) -> Result<(), Failure> {
        let answer = metadata(&mut self.driver, Some(names)).await?;
        let mut rows = Vec::new();
        let mut result = Ok(());
        for topic in &answer.topics {
            let topic_name = topic.name.as_ref().map(|n| n.0.to_string()).unwrap_or_default();
            if let Err(failure) = check(&format!("topic '{topic_name}'"), topic.error_code, None) {
                result = last(result, failure);
                continue;
            }
            let mut partitions: Vec<_> = topic.partitions.iter().collect();
            partitions.sort_by_key(|p| p.partition_index);
            let ids = |ids: &[msg::BrokerId]| json!(ids.iter().map(|b| b.0).collect::<Vec<_>>());
            for p in partitions {
                let leader = if p.leader_id.0 >= 0 { json!(p.leader_id.0) } else { Value::Null };
                rows.push(vec![
                    json!(topic_name),
                    json!(p.partition_index),
                    leader,
                    json!(p.leader_epoch),
                    ids(&p.replica_nodes),
                    ids(&p.isr_nodes),
                    json!(TopicId(topic.topic_id).to_string()),
                ]);
            }
        }
        if !rows.is_empty() {
            output::rows(self.output, &["topic", "partition", "leader", "epoch", "replicas", "isr", "topic id"], rows)?;
        }
        result
    }

    /// What the broker says of a topic's settings: of all, or of these.
    async fn settings(
        &mut self,
        topic: &str,
        only: Option<&[String]>,
    ) -> Result<Vec<msg::describe_configs_response::DescribeConfigsResourceResult>, Failure> {
        let mut resource = msg::describe_configs_request::DescribeConfigsResource::default();
        resource.resource_type = TOPIC_RESOURCE;
        resource.resource_name = text(topic);
        resource.configuration_keys = only.map(|names| names.iter().map(|n| text(n)).collect());
        let mut request = msg::DescribeConfigsRequest::default();
        request.resources = vec![resource];
        let Response::DescribeConfigs(answer) =
            self.driver.call("topic settings", Target::Any, Request::DescribeConfigs(request)).await?
        else {
            return Err(unexpected());
        };
        for resource in &answer.results {
            check(&format!("topic '{topic}'"), resource.error_code, resource.error_message.as_ref())?;
        }
        let found: Vec<_> = answer.results.into_iter().flat_map(|r| r.configs).collect();
        for wanted in only.unwrap_or_default() {
            if !found.iter().any(|c| *c.name == **wanted) {
                return Err(Failure::NotFound(format!(
                    "topics have no setting '{wanted}'; 'ottla topic config get {topic} --all' lists all"
                )));
            }
        }
        Ok(found)
    }

    async fn get(&mut self, topic: &str, only: Option<String>, all: bool) -> Result<(), Failure> {
        let only = only.map(|name| vec![name]);
        let mut rows = Vec::new();
        for c in self.settings(topic, only.as_deref()).await? {
            if c.config_source == SET_ON_TOPIC || all || only.is_some() {
                let value = c.value.as_ref().map(ToString::to_string);
                rows.push(vec![json!(c.name.to_string()), json!(value), json!(source(c.config_source))]);
            }
        }
        rows.sort_by_key(|row| row[0].to_string());
        Ok(output::rows(self.output, &["name", "value", "source"], rows)?)
    }

    async fn alter(&mut self, topic: &str, changes: Vec<(String, Option<String>)>, dry_run: bool) -> Result<(), Failure> {
        let mut resource = msg::incremental_alter_configs_request::AlterConfigsResource::default();
        resource.resource_type = TOPIC_RESOURCE;
        resource.resource_name = text(topic);
        for (n, v) in &changes {
            let mut one = msg::incremental_alter_configs_request::AlterableConfig::default();
            one.name = text(n);
            // 0 sets, 1 deletes (KIP-339).
            one.config_operation = i8::from(v.is_none());
            one.value = v.as_deref().map(text);
            resource.configs.push(one);
        }
        let mut request = msg::IncrementalAlterConfigsRequest::default();
        request.resources = vec![resource];
        request.validate_only = dry_run;
        let Response::IncrementalAlterConfigs(answer) =
            self.driver.call("alter settings", Target::Controller, Request::IncrementalAlterConfigs(request)).await?
        else {
            return Err(unexpected());
        };
        for r in &answer.responses {
            check(&format!("topic '{topic}'"), r.error_code, r.error_message.as_ref())?;
        }
        for (n, v) in changes {
            let would = if dry_run { "would be " } else { "" };
            let sentence = match &v {
                Some(v) => format!("{topic}: {n} {would}set to {v}"),
                None => format!("{topic}: {n} {would}returned to its default"),
            };
            output::fact(self.output, &sentence, &json!({"topic": topic, "name": n, "value": v, "changed": !dry_run}))?;
        }
        Ok(())
    }

    async fn offsets(&mut self, topic: &str, only: &[i32], time: Option<&str>) -> Result<(), Failure> {
        let partitions = partitions(&mut self.driver, topic, only).await?;
        let mut rows = Vec::new();
        let at = time.map(parse_time).transpose()?;
        let mut result = Ok(());
        for index in partitions {
            match self.offsets_of(topic, index, at).await {
                Ok(row) => rows.push(row),
                // The other partitions can be asked all the same.
                Err(failure @ Failure::Failed(_)) => result = last(result, failure),
                Err(failure) => return Err(failure),
            }
        }
        let headings: &[&str] = match at {
            Some(_) => &["topic", "partition", "offset", "timestamp"],
            None => &["topic", "partition", "earliest", "latest", "span"],
        };
        if !rows.is_empty() {
            output::rows(self.output, headings, rows)?;
        }
        result
    }

    /// A row about one partition.
    async fn offsets_of(&mut self, topic: &str, index: i32, at: Option<i64>) -> Result<Vec<Value>, Failure> {
        let Some(at) = at else {
            let (first, _) = self.offset(topic, index, -2).await?;
            let (next, _) = self.offset(topic, index, -1).await?;
            return Ok(vec![json!(topic), json!(index), json!(first), json!(next), json!(next - first)]);
        };
        let (offset, timestamp) = self.offset(topic, index, at).await?;
        let some = |n: i64| if n < 0 { Value::Null } else { json!(n) };
        Ok(vec![json!(topic), json!(index), some(offset), some(timestamp)])
    }

    async fn offset(&mut self, topic: &str, index: i32, at: i64) -> Result<(i64, i64), Failure> {
        let mut partition = msg::list_offsets_request::ListOffsetsPartition::default();
        partition.partition_index = index;
        partition.current_leader_epoch = -1;
        partition.timestamp = at;
        let mut of_topic = msg::list_offsets_request::ListOffsetsTopic::default();
        of_topic.name = name(topic);
        of_topic.partitions = vec![partition];
        let mut request = msg::ListOffsetsRequest::default();
        request.replica_id = msg::BrokerId(-1);
        request.topics = vec![of_topic];
        request.timeout_ms = self.timeout_ms;
        let target = Target::Leader(TopicPartition::new(topic, index));
        let Response::ListOffsets(answer) = self.driver.call("list offsets", target, Request::ListOffsets(request)).await? else {
            return Err(unexpected());
        };
        let told = answer.topics.iter().flat_map(|t| &t.partitions).next().ok_or_else(unexpected)?;
        check(&format!("{topic}-{index}"), told.error_code, None)?;
        Ok((told.offset, told.timestamp))
    }

    async fn add_partitions(&mut self, topic: &str, to: i32, dry_run: bool) -> Result<(), Failure> {
        let mut one = msg::create_partitions_request::CreatePartitionsTopic::default();
        one.name = name(topic);
        one.count = to;
        one.assignments = None;
        let mut request = msg::CreatePartitionsRequest::default();
        request.topics = vec![one];
        request.timeout_ms = self.timeout_ms;
        request.validate_only = dry_run;
        let Response::CreatePartitions(answer) =
            self.driver.call("add partitions", Target::Controller, Request::CreatePartitions(request)).await?
        else {
            return Err(unexpected());
        };
        for r in &answer.results {
            check(&format!("topic '{topic}'"), r.error_code, r.error_message.as_ref())?;
        }
        let verb = if dry_run { "would have" } else { "has" };
        let object = json!({"topic": topic, "partitions": to, "changed": !dry_run});
        Ok(output::fact(self.output, &format!("{topic} {verb} {to} partitions"), &object)?)
    }

    async fn delete(&mut self, names: &[String], yes: bool, dry_run: bool) -> Result<(), Failure> {
        if !yes && !self.preview_delete(names, dry_run).await? {
            return Ok(());
        }
        let mut request = msg::DeleteTopicsRequest::default();
        request.timeout_ms = self.timeout_ms;
        for n in names {
            let mut topic = msg::delete_topics_request::DeleteTopicState::default();
            topic.name = Some(name(n));
            request.topics.push(topic);
        }
        let Response::DeleteTopics(answer) =
            self.driver.call("delete topics", Target::Controller, Request::DeleteTopics(request)).await?
        else {
            return Err(unexpected());
        };
        let mut result = Ok(());
        for r in &answer.responses {
            let n = r.name.as_ref().map(|n| n.0.to_string()).unwrap_or_default();
            match check(&format!("topic '{n}'"), r.error_code, r.error_message.as_ref()) {
                Ok(()) => output::fact(self.output, &format!("{n} deleted"), &json!({"topic": n, "deleted": true}))?,
                Err(failure) => result = last(result, failure),
            }
        }
        result
    }

    /// Say what would be deleted. Whether somebody at a terminal wants it.
    async fn preview_delete(&mut self, names: &[String], dry_run: bool) -> Result<bool, Failure> {
        let mut rows = Vec::new();
        for topic in names {
            let partitions = partitions(&mut self.driver, topic, &[]).await?;
            let mut span = 0;
            for index in &partitions {
                span += self.offset(topic, *index, -1).await?.0 - self.offset(topic, *index, -2).await?.0;
            }
            rows.push(vec![json!(topic), json!(partitions.len()), json!(span)]);
        }
        if dry_run {
            output::rows(self.output, &["topic", "partitions", "span"], rows)?;
            return Ok(false);
        }
        let said: Vec<String> = rows.iter().map(|r| format!("{} ({} partitions, about {} records)", r[0], r[1], r[2])).collect();
        let said = format!("this deletes {} for good", said.join(", "));
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Failure::Usage(format!("{said}; say --yes to do it")));
        }
        eprint!("{said}. Go on? [y/N] ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        let wanted = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        if wanted { Ok(true) } else { Err(Failure::Failed("nothing was deleted".to_owned())) }
    }
}

/// The failure that a command with several topics ends with: the last one; earlier ones are printed.
fn last(before: Result<(), Failure>, failure: Failure) -> Result<(), Failure> {
    if let Err(before) = before {
        before.print();
    }
    Err(failure)
}

fn source(code: i8) -> &'static str {
    match code {
        1 => "topic",
        2 => "broker",
        3 => "cluster",
        4 => "server.properties",
        5 => "default",
        _ => "unknown",
    }
}

/// The partitions of a topic, or those asked for if it has them.
pub(crate) async fn partitions(driver: &mut Driver, topic: &str, only: &[i32]) -> Result<Vec<i32>, Failure> {
    let answer = metadata(driver, Some(&[topic.to_owned()])).await?;
    let told = answer.topics.first().ok_or_else(unexpected)?;
    check(&format!("topic '{topic}'"), told.error_code, None)?;
    let mut all: Vec<i32> = told.partitions.iter().map(|p| p.partition_index).collect();
    all.sort_unstable();
    chosen(topic, all, only)
}

/// Those asked for, if they are among all; all if none was.
pub(crate) fn chosen(topic: &str, all: Vec<i32>, only: &[i32]) -> Result<Vec<i32>, Failure> {
    match only.iter().find(|index| !all.contains(index)) {
        Some(absent) => Err(Failure::NotFound(format!(
            "topic '{topic}' has no partition {absent}; it has 0 to {}",
            all.len().saturating_sub(1)
        ))),
        None if only.is_empty() => Ok(all),
        None => Ok(only.to_vec()),
    }
}

/// A time as ListOffsets takes it.
pub(crate) fn parse_time(text: &str) -> Result<i64, Failure> {
    match text {
        "earliest" | "beginning" => return Ok(-2),
        "latest" | "end" => return Ok(-1),
        "max-timestamp" => return Ok(-3),
        _ => {}
    }
    // Kafka's numbers for the three words are among the whole numbers; the others below zero are no times.
    if let Some(ms) = text.parse::<i64>().ok().filter(|ms| *ms >= -3) {
        return Ok(ms);
    }
    date_time(text).ok_or_else(|| {
        Failure::Usage(format!(
            "'{text}' is no time: earliest (-2), latest (-1), max-timestamp (-3), milliseconds since 1970, or a date and time such as 2026-01-31T12:00:00Z"
        ))
    })
}

/// Milliseconds since 1970 of a date, or a date and a time, in UTC or with its distance from it (+02:00).
fn date_time(text: &str) -> Option<i64> {
    let zone =
        text.len().checked_sub("+00:00".len()).filter(|at| *at > "2026-01-31T".len()).and_then(|at| text.split_at_checked(at));
    let (text, minutes) = match zone.and_then(|(text, zone)| Some((text, zone_minutes(zone)?))) {
        Some(zoned) => zoned,
        None => (text, 0),
    };
    let whole = if text.len() == "2026-01-31".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let since = humantime::parse_rfc3339_weak(&whole).ok()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Some(i64::try_from(since.as_millis()).ok()? - minutes * 60_000)
}

/// +HH:MM or -HH:MM, as minutes.
fn zone_minutes(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u8>().ok()).flatten().map(i64::from);
    Some(sign * (number(hours)? * 60 + number(minutes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_as_people_write_them() {
        let ms = |text: &str| parse_time(text).ok();
        assert_eq!((ms("1234"), ms("latest")), (Some(1234), Some(-1)));
        assert_eq!([ms("-1"), ms("-2"), ms("-3"), ms("-4")], [ms("latest"), ms("earliest"), ms("max-timestamp"), None]);
        assert_eq!((ms("1970-01-02"), ms("1970-01-02T00:00:00Z")), (Some(86_400_000), Some(86_400_000)));
        assert_eq!(ms("1970-01-02 00:00:01"), Some(86_401_000));
        assert_eq!((ms("1970-01-02T02:00:00+02:00"), ms("1970-01-01T22:30:00-01:30")), (Some(86_400_000), Some(86_400_000)));
        for wrong in ["yesterday", "1970-01-02T", "1970-01-02T00:00:00+2", "1970-13-02", "+02:00", ""] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }
}
