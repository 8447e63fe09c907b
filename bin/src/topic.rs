//! `ottla topic`: administration of topics.
//!
//! Holds       with -o json, one object a line; each has the topic that it is about, and its error, which is null where all is well.
//!             The command ends well only if every error is null. What concerns no topic (no broker answers) is on stderr alone.

use crate::cli::{Output, TopicArgs, TopicCommand, TopicConfigCommand};
use crate::driver::{self, Driver};
use crate::failure::{Failure, advice};
use crate::output;
use ottla_core::client::{Code, Target, TopicPartition};
use ottla_core::ids::{TopicId, base64_id};
use ottla_core::wire::msg::{self, StrBytes, TopicName};
use ottla_core::wire::{Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

/// The type of a topic among the resources that have settings.
const TOPIC_RESOURCE: i8 = 2;
/// The source of a setting that was set on the topic itself.
const SET_ON_TOPIC: i8 = 1;
/// What ListOffsets takes for the first offset and for the next one.
const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

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
                topics.unset(&topic, names, dry_run).await
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

/// As Kafka has it.
const ADDED_MAX: i32 = 10_000;

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

/// What stands against one thing that was asked for.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Kafka's, where a broker said it.
    code: Option<Code>,
    message: String,
    failure: Failure,
}

impl Refusal {
    fn json(&self) -> Value {
        json!({"code": self.code.map(|c| c.0), "name": self.code.map(|c| c.to_string()), "message": self.message})
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        refusal.failure
    }
}

/// What a broker said of one thing, as a refusal or as nothing.
fn check(what: &str, code: i16, message: Option<&StrBytes>) -> Result<(), Refusal> {
    let code = Code(code);
    if code.is_ok() {
        return Ok(());
    }
    let mut message = message.map(|m| m.to_string()).filter(|m| !m.is_empty()).unwrap_or_else(|| code.text().to_owned());
    if let Some(advice) = advice(&code.to_string()) {
        message = format!("{message}; {advice}");
    }
    let text = format!("{what}: {code}: {message}");
    let failure = match code {
        Code::UNKNOWN_TOPIC_OR_PARTITION | Code::UNKNOWN_TOPIC_ID => Failure::NotFound(text),
        _ => Failure::Failed(text),
    };
    Err(Refusal { code: Some(code), message, failure })
}

/// What we know to be not there.
fn absent(text: String) -> Refusal {
    Refusal { code: None, message: text.clone(), failure: Failure::NotFound(text) }
}

/// Why there is no answer: the broker refused, or it was not asked.
enum Trouble {
    Refused(Refusal),
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::Failed(failure)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Trouble {
        Trouble::Refused(refusal)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        match trouble {
            Trouble::Refused(refusal) => refusal.failure,
            Trouble::Failed(failure) => failure,
        }
    }
}

/// An object about a topic: what there is to say, and what stands against it.
fn about(topic: &str, refusal: Option<&Refusal>, mut fields: Value) -> Value {
    fields["topic"] = json!(topic);
    fields["error"] = refusal.map_or(Value::Null, Refusal::json);
    fields
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
                self.say(&format!("{topic_name} exists"), &about(topic_name, None, json!({"created": false})))?;
                continue;
            }
            match check(&format!("topic '{topic_name}'"), topic.error_code, topic.error_message.as_ref()) {
                Ok(()) => {
                    let verb = if dry_run { "would be created" } else { "created" };
                    let partitions = output::count(topic.num_partitions, "partition");
                    let replicas = output::count(topic.replication_factor, "replica");
                    let sentence = format!("{topic_name} {verb}: {partitions}, {replicas}");
                    let mut fields = json!({"created": !dry_run, "partitions": topic.num_partitions,
                        "replication_factor": topic.replication_factor});
                    // What is not created will get another id when it is.
                    if !dry_run {
                        fields["topic_id"] = json!(base64_id(&topic.topic_id));
                    }
                    self.say(&sentence, &about(topic_name, None, fields))?;
                }
                Err(refusal) => result = last(result, self.refused(topic_name, refusal, json!({"created": false}))?),
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
            let name = t.name.as_ref().map(|n| n.0.to_string()).unwrap_or_default();
            let fields = json!({"partitions": t.partitions.len(), "replication_factor": replicas,
                "topic_id": TopicId(t.topic_id).to_string()});
            about(&name, None, fields)
        });
        let rows: Vec<Value> = rows.collect();
        Ok(self.rows(&["topic", "partitions", "replication factor", "topic id"], &rows)?)
    }

    async fn describe(&mut self, names: &[String]) -> Result<(), Failure> {
        let answer = metadata(&mut self.driver, Some(names)).await?;
        let mut rows = Vec::new();
        let mut result = Ok(());
        for topic in &answer.topics {
            let topic_name = topic.name.as_ref().map(|n| n.0.to_string()).unwrap_or_default();
            if let Err(refusal) = check(&format!("topic '{topic_name}'"), topic.error_code, None) {
                rows.push(about(&topic_name, Some(&refusal), json!({})));
                result = last(result, refusal.into());
                continue;
            }
            let mut partitions: Vec<_> = topic.partitions.iter().collect();
            partitions.sort_by_key(|p| p.partition_index);
            let refusals = self.refusals(&topic_name, &partitions).await;
            let ids = |ids: &[msg::BrokerId]| json!(ids.iter().map(|b| b.0).collect::<Vec<_>>());
            for p in partitions {
                let refusal = refusals.get(&p.partition_index);
                let leader = if p.leader_id.0 >= 0 { json!(p.leader_id.0) } else { Value::Null };
                let fields = json!({"partition": p.partition_index, "leader": leader, "epoch": p.leader_epoch,
                    "replicas": ids(&p.replica_nodes), "isr": ids(&p.isr_nodes), "offline": ids(&p.offline_replicas),
                    "topic_id": TopicId(topic.topic_id).to_string()});
                rows.push(about(&topic_name, refusal, fields));
            }
            for refusal in refusals.into_values() {
                result = last(result, refusal.into());
            }
        }
        let headings = ["topic", "partition", "leader", "epoch", "replicas", "isr", "offline", "topic id", "error"];
        self.rows_if_any(&headings, &rows)?;
        result
    }

    /// Why partitions cannot be read or written: they have no leader, or their leader says so. Metadata is what the controller
    /// knows; only the leader knows of its disk.
    async fn refusals(
        &mut self,
        topic: &str,
        partitions: &[&msg::metadata_response::MetadataResponsePartition],
    ) -> BTreeMap<i32, Refusal> {
        let mut refusals = BTreeMap::new();
        let mut led: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for p in partitions {
            match check(&format!("{topic}-{}", p.partition_index), p.error_code, None) {
                Err(refusal) => drop(refusals.insert(p.partition_index, refusal)),
                Ok(()) => led.entry(p.leader_id.0).or_default().push(p.partition_index),
            }
        }
        for indexes in led.into_values() {
            match self.ask_offsets(topic, &indexes, LATEST).await {
                Ok(told) => {
                    for p in told {
                        if let Err(refusal) = check(&format!("{topic}-{}", p.partition_index), p.error_code, None) {
                            refusals.insert(p.partition_index, refusal);
                        }
                    }
                }
                Err(failure) => {
                    let (code, message) = (failure.code(), failure.text().to_owned());
                    // Said once, of all that one leader leads.
                    let mut unsaid = Some(failure);
                    for index in indexes {
                        let failure = unsaid.take().unwrap_or(Failure::Said(code));
                        refusals.insert(index, Refusal { code: None, message: message.clone(), failure });
                    }
                }
            }
        }
        refusals
    }

    /// What the broker says of a topic's settings: of all, or of these.
    async fn settings(
        &mut self,
        topic: &str,
        only: Option<&[String]>,
    ) -> Result<Vec<msg::describe_configs_response::DescribeConfigsResourceResult>, Trouble> {
        let mut resource = msg::describe_configs_request::DescribeConfigsResource::default();
        resource.resource_type = TOPIC_RESOURCE;
        resource.resource_name = text(topic);
        resource.configuration_keys = only.map(|names| names.iter().map(|n| text(n)).collect());
        let mut request = msg::DescribeConfigsRequest::default();
        request.resources = vec![resource];
        let Response::DescribeConfigs(answer) =
            self.driver.call("topic settings", Target::Any, Request::DescribeConfigs(request)).await?
        else {
            return Err(unexpected().into());
        };
        for resource in &answer.results {
            check(&format!("topic '{topic}'"), resource.error_code, resource.error_message.as_ref())?;
        }
        let found: Vec<_> = answer.results.into_iter().flat_map(|r| r.configs).collect();
        for wanted in only.unwrap_or_default() {
            if !found.iter().any(|c| *c.name == **wanted) {
                let why = format!("topics have no setting '{wanted}'; 'ottla topic config get {topic} --all' lists all");
                return Err(absent(why).into());
            }
        }
        Ok(found)
    }

    async fn get(&mut self, topic: &str, only: Option<String>, all: bool) -> Result<(), Failure> {
        let only = only.map(|name| vec![name]);
        let settings = self.settings(topic, only.as_deref()).await;
        let settings = settings.or_else(|trouble| Err(self.troubled(topic, trouble, json!({}))?))?;
        let mut rows = Vec::new();
        for c in settings {
            if c.config_source == SET_ON_TOPIC || all || only.is_some() {
                let value = c.value.as_ref().map(ToString::to_string);
                let fields = json!({"name": c.name.to_string(), "value": value, "source": source(c.config_source)});
                rows.push(about(topic, None, fields));
            }
        }
        rows.sort_by_key(|row| row["name"].to_string());
        Ok(self.rows(&["name", "value", "source"], &rows)?)
    }

    async fn unset(&mut self, topic: &str, names: Vec<String>, dry_run: bool) -> Result<(), Failure> {
        // A broker takes the return of a setting that does not exist for done; a person has mistyped it.
        if let Err(trouble) = self.settings(topic, Some(&names)).await {
            return Err(self.troubled(topic, trouble, json!({"changed": false}))?);
        }
        self.alter(topic, names.into_iter().map(|n| (n, None)).collect(), dry_run).await
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
            if let Err(refusal) = check(&format!("topic '{topic}'"), r.error_code, r.error_message.as_ref()) {
                return Err(self.refused(topic, refusal, json!({"changed": false}))?);
            }
        }
        for (n, v) in changes {
            let would = if dry_run { "would be " } else { "" };
            let sentence = match &v {
                Some(v) => format!("{topic}: {n} {would}set to {v}"),
                None => format!("{topic}: {n} {would}returned to its default"),
            };
            self.say(&sentence, &about(topic, None, json!({"name": n, "value": v, "changed": !dry_run})))?;
        }
        Ok(())
    }

    async fn offsets(&mut self, topic: &str, only: &[i32], time: Option<&str>) -> Result<(), Failure> {
        let at = time.map(parse_time).transpose()?;
        let partitions = self.partitions(topic, only).await?;
        let mut rows = Vec::new();
        let mut result = Ok(());
        for (index, code) in partitions {
            match self.offsets_of(topic, index, code, at).await {
                Ok(row) => rows.push(row),
                // The other partitions can be asked all the same.
                Err(Trouble::Refused(refusal)) => {
                    rows.push(about(topic, Some(&refusal), json!({"partition": index})));
                    result = last(result, refusal.into());
                }
                Err(Trouble::Failed(failure)) => return Err(failure),
            }
        }
        let headings: &[&str] = match at {
            Some(_) => &["topic", "partition", "offset", "timestamp"],
            None => &["topic", "partition", "earliest", "latest", "span"],
        };
        self.rows_if_any(headings, &rows)?;
        result
    }

    /// The partitions of a topic, or those asked for, each with the error that Metadata has for it.
    async fn partitions(&mut self, topic: &str, only: &[i32]) -> Result<Vec<(i32, i16)>, Failure> {
        let found = find(&mut self.driver, topic, only).await;
        found.or_else(|trouble| Err(self.troubled(topic, trouble, json!({}))?))
    }

    /// What is asked about a partition. One without a leader (`code` says so) has nobody to ask, and waiting for one helps nobody
    /// who wants to see how things are.
    async fn offsets_of(&mut self, topic: &str, index: i32, code: i16, at: Option<i64>) -> Result<Value, Trouble> {
        check(&format!("{topic}-{index}"), code, None)?;
        let Some(at) = at else {
            let (first, _) = self.offset(topic, index, EARLIEST).await?;
            let (next, _) = self.offset(topic, index, LATEST).await?;
            let fields = json!({"partition": index, "earliest": first, "latest": next, "span": next - first});
            return Ok(about(topic, None, fields));
        };
        let (offset, timestamp) = self.offset(topic, index, at).await?;
        let some = |n: i64| if n < 0 { Value::Null } else { json!(n) };
        Ok(about(topic, None, json!({"partition": index, "offset": some(offset), "timestamp": some(timestamp)})))
    }

    async fn offset(&mut self, topic: &str, index: i32, at: i64) -> Result<(i64, i64), Trouble> {
        let told = self.ask_offsets(topic, &[index], at).await?;
        let told = told.first().ok_or_else(unexpected)?;
        check(&format!("{topic}-{index}"), told.error_code, None)?;
        Ok((told.offset, told.timestamp))
    }

    /// Ask for offsets of partitions that have one leader.
    async fn ask_offsets(
        &mut self,
        topic: &str,
        indexes: &[i32],
        at: i64,
    ) -> Result<Vec<msg::list_offsets_response::ListOffsetsPartitionResponse>, Failure> {
        let Some(first) = indexes.first() else { return Ok(Vec::new()) };
        let mut of_topic = msg::list_offsets_request::ListOffsetsTopic::default();
        of_topic.name = name(topic);
        for index in indexes {
            let mut partition = msg::list_offsets_request::ListOffsetsPartition::default();
            partition.partition_index = *index;
            partition.current_leader_epoch = -1;
            partition.timestamp = at;
            of_topic.partitions.push(partition);
        }
        let mut request = msg::ListOffsetsRequest::default();
        request.replica_id = msg::BrokerId(-1);
        request.topics = vec![of_topic];
        request.timeout_ms = self.timeout_ms;
        let target = Target::Leader(TopicPartition::new(topic, *first));
        let Response::ListOffsets(answer) = self.driver.call("list offsets", target, Request::ListOffsets(request)).await? else {
            return Err(unexpected());
        };
        Ok(answer.topics.into_iter().flat_map(|t| t.partitions).collect())
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
            // Kafka has no word for this one.
            let many = format!("{ADDED_MAX} partitions are the most that one request may add");
            let unsaid = (to > ADDED_MAX && r.error_code == -1 && r.error_message.is_none()).then(|| text(&many));
            if let Err(refusal) = check(&format!("topic '{topic}'"), r.error_code, r.error_message.as_ref().or(unsaid.as_ref())) {
                return Err(self.refused(topic, refusal, json!({"changed": false}))?);
            }
        }
        let verb = if dry_run { "would have" } else { "has" };
        let object = about(topic, None, json!({"partitions": to, "changed": !dry_run}));
        Ok(self.say(&format!("{topic} {verb} {}", output::count(to, "partition")), &object)?)
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
                Ok(()) => self.say(&format!("{n} deleted"), &about(&n, None, json!({"deleted": true})))?,
                Err(refusal) => result = last(result, self.refused(&n, refusal, json!({"deleted": false}))?),
            }
        }
        result
    }

    /// Say what would be deleted. Whether somebody at a terminal wants it.
    async fn preview_delete(&mut self, names: &[String], dry_run: bool) -> Result<bool, Failure> {
        let mut rows = Vec::new();
        let mut said = Vec::new();
        let mut result = Ok(());
        for topic in names {
            let partitions = match find(&mut self.driver, topic, &[]).await {
                Ok(partitions) => partitions,
                Err(Trouble::Failed(failure)) => return Err(failure),
                Err(Trouble::Refused(refusal)) => {
                    rows.push(about(topic, Some(&refusal), json!({"deleted": false})));
                    result = last(result, refusal.into());
                    continue;
                }
            };
            let (mut span, mut unread) = (0, 0);
            for (index, code) in &partitions {
                // A topic whose files are damaged can be deleted, too: for some it is the remedy.
                match self.offsets_of(topic, *index, *code, None).await {
                    Ok(told) => span += told["span"].as_i64().unwrap_or(0),
                    Err(Trouble::Refused(_)) => unread += 1,
                    Err(Trouble::Failed(failure)) => return Err(failure),
                }
            }
            let more = if unread == 0 { String::new() } else { format!(" and those of {unread} that cannot be read") };
            let size = output::count(partitions.len(), "partition");
            said.push(format!("\"{topic}\" ({size}, about {}{more})", output::count(span, "record")));
            let fields = json!({"deleted": false, "partitions": partitions.len(), "span": span, "unreadable": unread});
            rows.push(about(topic, None, fields));
        }
        if dry_run {
            self.rows_if_any(&["topic", "partitions", "span", "unreadable"], &rows)?;
            return result.map(|()| false);
        }
        if let Err(failure) = result {
            // Nothing is deleted where a name is wrong; whoever reads objects is told of every topic.
            if self.output == Output::Json {
                self.rows(&[], &rows)?;
            }
            return Err(failure);
        }
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

    /// Print one fact: a sentence, or an object.
    fn say(&self, sentence: &str, object: &Value) -> std::io::Result<()> {
        output::fact(self.output, sentence, object)
    }

    /// Print what stands against a topic, where objects are printed; it is the failure of the command, too.
    fn refused(&self, topic: &str, refusal: Refusal, fields: Value) -> Result<Failure, Failure> {
        if self.output == Output::Json {
            self.say("", &about(topic, Some(&refusal), fields))?;
        }
        Ok(refusal.failure)
    }

    fn troubled(&self, topic: &str, trouble: Trouble, fields: Value) -> Result<Failure, Failure> {
        match trouble {
            Trouble::Refused(refusal) => self.refused(topic, refusal, fields),
            Trouble::Failed(failure) => Ok(failure),
        }
    }

    /// Print objects, one a line; or a table of those that have what its headings name.
    fn rows(&self, headings: &[&str], objects: &[Value]) -> std::io::Result<()> {
        if self.output == Output::Json {
            let mut out = std::io::stdout().lock();
            return objects.iter().try_for_each(|object| writeln!(out, "{object}"));
        }
        output::rows(self.output, headings, table(headings, objects))
    }

    /// The same, but no headings over nothing.
    fn rows_if_any(&self, headings: &[&str], objects: &[Value]) -> std::io::Result<()> {
        if self.output == Output::Table && table(headings, objects).is_empty() { Ok(()) } else { self.rows(headings, objects) }
    }
}

/// The rows of a table. Of an error it has the name; what nobody answered has none.
fn table(headings: &[&str], objects: &[Value]) -> Vec<Vec<Value>> {
    let cell = |object: &Value, heading: &&str| match (*heading, object.get(heading.replace(' ', "_"))) {
        ("error", Some(error)) => {
            Some(if error.is_null() || error["name"].is_string() { error["name"].clone() } else { json!("unanswered") })
        }
        (_, value) => value.cloned(),
    };
    objects.iter().filter_map(|object| headings.iter().map(|h| cell(object, h)).collect()).collect()
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
    Ok(find(driver, topic, only).await?.into_iter().map(|(index, _)| index).collect())
}

/// With the error that Metadata has for each.
async fn find(driver: &mut Driver, topic: &str, only: &[i32]) -> Result<Vec<(i32, i16)>, Trouble> {
    let answer = metadata(driver, Some(&[topic.to_owned()])).await?;
    let told = answer.topics.first().ok_or_else(unexpected)?;
    check(&format!("topic '{topic}'"), told.error_code, None)?;
    let codes: BTreeMap<i32, i16> = told.partitions.iter().map(|p| (p.partition_index, p.error_code)).collect();
    let wanted = chosen(topic, codes.keys().copied().collect(), only)?;
    Ok(wanted.into_iter().map(|index| (index, codes[&index])).collect())
}

/// Those asked for, if they are among all; all if none was.
pub(crate) fn chosen(topic: &str, all: Vec<i32>, only: &[i32]) -> Result<Vec<i32>, Refusal> {
    match only.iter().find(|index| !all.contains(index)) {
        Some(index) => {
            Err(absent(format!("topic '{topic}' has no partition {index}; it has 0 to {}", all.len().saturating_sub(1))))
        }
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
        // One distance is enough.
        Some((text, _)) if text.ends_with('Z') => return None,
        Some(zoned) => zoned,
        None => (text, 0),
    };
    let whole = if text.len() == "2026-01-31".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let since = humantime::parse_rfc3339_weak(&whole).ok()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // Numbers below zero are words.
    Some(i64::try_from(since.as_millis()).ok()? - minutes * 60_000).filter(|ms| *ms >= 0)
}

/// +HH:MM or -HH:MM, as minutes.
fn zone_minutes(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u8>().ok()).flatten().map(i64::from);
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
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
        for wrong in ["1970-01-02T00:00:00Z+02:00", "1970-01-02T00:00:00+99:99", "1970-01-01T00:00:00+02:00"] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
        for wrong in ["yesterday", "1970-01-02T", "1970-01-02T00:00:00+2", "1970-13-02", "+02:00", ""] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }
}
