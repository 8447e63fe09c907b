//! Single calls through the client: settings, the cluster, partitions, producers, disks, telemetry; and changes of a topic of its own.
//!
//! State       the call that is open; what the topic of its own may be by now, from what was acknowledged and what is in doubt.
//! Takes       `Called` events.
//! Gives       `Call` inputs to every kind of target; complaints where an answer contradicts what was acknowledged.
//! Holds       one call at a time. Nobody else changes the topic `own`; on a damaged disk its settings are not held against anybody.
//! Not here    what topics are for (writing.rs, reading.rs).

use super::super::link::{text, topic_name};
use super::{LENIENCY_NS, complain};
use crate::checks::Id;
use crate::disk::TOTAL_BYTES;
use crate::world::Sim;
use ottla_core::client::{ClientError, ClientInput, Target, Token, TopicPartition};
use ottla_core::rng::Rng;
use ottla_core::wire::blank::Blank;
use ottla_core::wire::{Request, Response, msg};
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

/// The topic that comes to be because records are sent to it, and that nobody else knows.
pub(crate) const OWN: &str = "own";
/// A setting of it that nothing depends on, and its default.
const KNOB: (&str, &str) = ("delete.retention.ms", "86400000");
/// Tokens of calls; those of records are below.
const CALLS: u64 = 1 << 40;
const NOBODY: i32 = 77;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

#[derive(Clone, PartialEq, Debug)]
enum Ask {
    Alter(Option<String>),
    Settings { all: bool },
    Cluster,
    Partitions { limit: i32 },
    AddPartitions(i32),
    Resources { is_known: bool },
    Producers(Vec<Acked>),
    LogDirs,
    Subscription,
    Push,
}

/// The last record of a producer that was acknowledged in a partition: partition, producer id, epoch, sequence.
pub(super) type Acked = (i32, i64, i16, i32);

#[derive(Debug)]
struct Open {
    token: Token,
    ask: Ask,
    ends_by: u64,
    /// It goes to a broker that is not there.
    to_nobody: bool,
}

#[derive(Debug)]
pub(super) struct Asking {
    older: bool,
    calls: u64,
    open: Option<Open>,
    /// What the setting may be.
    knob: BTreeSet<Option<String>>,
    /// How many partitions the topic may have; empty until it is known to be there.
    partitions: BTreeSet<i32>,
    cluster_id: Option<String>,
    instance: Uuid,
    subscription: Option<i32>,
}

impl Asking {
    pub(super) fn new(older: bool) -> Asking {
        Asking {
            older,
            calls: 0,
            open: None,
            knob: BTreeSet::from([None]),
            partitions: BTreeSet::new(),
            cluster_id: None,
            instance: Uuid::nil(),
            subscription: None,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open.is_none()
    }

    /// A broker has told how many partitions the topic has.
    pub(super) fn is_there(&mut self, partitions: i32) {
        if self.partitions.is_empty() {
            self.partitions.insert(partitions);
        }
    }

    pub(super) fn check_late(&self, sim: &mut Sim) {
        if let Some(open) = self.open.as_ref().filter(|o| sim.now_ns() > o.ends_by) {
            let message = format!("{:?}", open.ask);
            complain(sim, "a call waits for longer than its timeout", message);
        }
    }

    /// The next question; `acked`: what was acknowledged in the topic of its own.
    pub(super) fn next(&mut self, sim: &Sim, rng: &mut Rng, acked: Vec<Acked>) -> Option<ClientInput> {
        if self.open.is_some() {
            return None;
        }
        let known = !self.partitions.is_empty();
        let ask = match rng.below(if known { 12 } else { 5 }) {
            0 => Ask::Cluster,
            // Whether its own topic must be among them.
            1 => Ask::Resources { is_known: known },
            2 => Ask::LogDirs,
            3 => Ask::Subscription,
            4 => Ask::Push,
            5..=6 => Ask::Alter(rng.chance(3, 4).then(|| rng.between(1, 9_999).to_string())),
            7..=8 => Ask::Settings { all: rng.chance(1, 4) },
            9 => Ask::Partitions { limit: if rng.chance(1, 2) { 1 } else { 2_000 } },
            10 => Ask::AddPartitions(self.partitions.last().copied().unwrap_or(1) + 1),
            _ => Ask::Producers(acked),
        };
        // A topic of many partitions says nothing more than one of a few.
        let ask = if matches!(ask, Ask::AddPartitions(n) if n > 4) { Ask::Settings { all: false } } else { ask };
        let request = self.request(&ask, rng);
        let target = match rng.below(16) {
            0 => Target::Broker(NOBODY),
            1..=4 => Target::Any,
            5..=8 => Target::Broker(1),
            9 if known => Target::Leader(TopicPartition::new(OWN, 0)),
            _ => Target::Controller,
        };
        let timeout_ms = rng.between(200, 10_000);
        self.calls += 1;
        let token = Token(CALLS + self.calls);
        let to_nobody = target == Target::Broker(NOBODY);
        let ends_by = sim.now_ns() + timeout_ms * 1_000_000 + LENIENCY_NS;
        self.open = Some(Open { token, ask, ends_by, to_nobody });
        Some(ClientInput::Call { token, target, request, timeout: Duration::from_millis(timeout_ms) })
    }

    fn request(&self, ask: &Ask, rng: &mut Rng) -> Request {
        match ask {
            Ask::Alter(value) => alter(value.as_deref(), rng),
            Ask::Settings { all } => settings(*all, rng),
            Ask::Cluster => {
                let request = msg::DescribeClusterRequest::default().with_include_cluster_authorized_operations(rng.chance(1, 2));
                Request::DescribeCluster(request)
            }
            Ask::Partitions { limit } => {
                let topic = msg::describe_topic_partitions_request::TopicRequest::default().with_name(topic_name(OWN));
                let request =
                    msg::DescribeTopicPartitionsRequest::default().with_topics(vec![topic]).with_response_partition_limit(*limit);
                Request::DescribeTopicPartitions(request)
            }
            Ask::AddPartitions(count) => {
                let topic =
                    msg::create_partitions_request::CreatePartitionsTopic::blank().with_name(topic_name(OWN)).with_count(*count);
                Request::CreatePartitions(msg::CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(5_000))
            }
            Ask::Resources { .. } => {
                let types = if rng.chance(1, 2) { vec![TOPIC] } else { Vec::new() };
                Request::ListConfigResources(msg::ListConfigResourcesRequest::default().with_resource_types(types))
            }
            Ask::Producers(_) => {
                let partitions = (0..self.partitions.first().copied().unwrap_or(1)).collect();
                let topic = msg::describe_producers_request::TopicRequest::default()
                    .with_name(topic_name(OWN))
                    .with_partition_indexes(partitions);
                Request::DescribeProducers(msg::DescribeProducersRequest::default().with_topics(vec![topic]))
            }
            Ask::LogDirs => {
                let topic = msg::describe_log_dirs_request::DescribableLogDirTopic::default()
                    .with_topic(topic_name(OWN))
                    .with_partitions(vec![0, 99]);
                let topics = rng.chance(1, 2).then(|| vec![topic]);
                Request::DescribeLogDirs(msg::DescribeLogDirsRequest::default().with_topics(topics))
            }
            Ask::Subscription => {
                let request = msg::GetTelemetrySubscriptionsRequest::default().with_client_instance_id(self.instance);
                Request::GetTelemetrySubscriptions(request)
            }
            Ask::Push => {
                let request = msg::PushTelemetryRequest::default()
                    .with_client_instance_id(self.instance)
                    .with_subscription_id(self.subscription.unwrap_or(1))
                    .with_metrics(vec![1, 2, 3].into());
                Request::PushTelemetry(request)
            }
        }
    }

    /// A call has ended.
    pub(super) fn called(&mut self, sim: &mut Sim, token: Token, result: Result<Response, ClientError>) {
        sim.watch.tally.count(Id::Library);
        let Some(open) = self.open.take_if(|o| o.token == token) else {
            return complain(sim, "a call ends that nobody made", format!("{token:?}"));
        };
        match result {
            Ok(_) if open.to_nobody => complain(sim, "a broker answers that is not there", format!("{:?}", open.ask)),
            Ok(response) => self.answered(sim, open.ask, response),
            Err(ClientError::TimedOut { .. }) if open.to_nobody => {}
            // Timed out: it was never sent. Disconnected: it may have been done.
            Err(ClientError::TimedOut { .. }) => {}
            Err(ClientError::Disconnected { .. }) => self.in_doubt(open.ask),
            // Kafka's brokers serve it only with a receiver for metrics, ours never.
            Err(ClientError::Unsupported { .. }) if matches!(open.ask, Ask::Subscription | Ask::Push) => {}
            // An older broker cannot be asked all that is asked here.
            Err(ClientError::Invalid { .. }) if self.older => {}
            Err(error) => complain(sim, "a call ends as none may", format!("{:?}: {error}", open.ask)),
        }
    }

    fn in_doubt(&mut self, ask: Ask) {
        match ask {
            Ask::Alter(value) => drop(self.knob.insert(value)),
            Ask::AddPartitions(count) => drop(self.partitions.insert(count)),
            _ => {}
        }
    }

    fn answered(&mut self, sim: &mut Sim, ask: Ask, response: Response) {
        if sim.disk_is_damaged() {
            return self.in_doubt(ask);
        }
        match (ask, response) {
            (Ask::Alter(value), Response::IncrementalAlterConfigs(answer)) => {
                self.altered(value, answer.responses.first().map_or(-1, |r| r.error_code));
            }
            (Ask::Alter(value), Response::AlterConfigs(answer)) => {
                self.altered(value, answer.responses.first().map_or(-1, |r| r.error_code));
            }
            (Ask::Settings { .. }, Response::DescribeConfigs(answer)) => self.check_settings(sim, &answer),
            (Ask::Cluster, Response::DescribeCluster(answer)) => self.check_cluster(sim, &answer),
            (Ask::Partitions { limit }, Response::DescribeTopicPartitions(answer)) => self.check_partitions(sim, limit, &answer),
            (Ask::AddPartitions(count), Response::CreatePartitions(answer)) => {
                match answer.results.first().map_or(-1, |r| r.error_code) {
                    0 => self.partitions.retain(|known| *known >= count),
                    7 | 56 | -1 => {}
                    _ => return,
                }
                self.partitions.insert(count);
            }
            (Ask::Resources { is_known }, Response::ListConfigResources(answer)) => {
                let own = answer.config_resources.iter().any(|r| r.resource_type == TOPIC && r.resource_name.as_str() == OWN);
                if !own && !self.older && is_known && answer.error_code == 0 {
                    complain(sim, "a topic is not among the resources that have settings", format!("{answer:?}"));
                }
            }
            (Ask::Producers(acked), Response::DescribeProducers(answer)) => check_producers(sim, &acked, &answer),
            (Ask::LogDirs, Response::DescribeLogDirs(answer)) => {
                let dirs = answer.results.iter().filter(|r| r.error_code == 0);
                let of_disk = |(total, usable): (i64, i64)| total == TOTAL_BYTES as i64 && (0..=total).contains(&usable);
                if let Some(wrong) = dirs.clone().find(|d| !self.older && !of_disk((d.total_bytes, d.usable_bytes))) {
                    complain(sim, "a volume is described that is none", format!("{wrong:?}"));
                }
                let of_own = |name: &str, index: i32| name == OWN && index == 99;
                let parts = dirs.flat_map(|d| &d.topics).flat_map(|t| t.partitions.iter().map(|p| (t.name.as_str(), p)));
                let is_wrong = |(name, p): &(&str, &msg::describe_log_dirs_response::DescribeLogDirsPartition)| {
                    p.partition_size < 0 || of_own(name, p.partition_index)
                };
                if let Some(wrong) = parts.clone().find(is_wrong) {
                    complain(sim, "a log of no size, or that nobody made, is described", format!("{wrong:?}"));
                }
            }
            (Ask::Subscription, Response::GetTelemetrySubscriptions(answer)) => {
                let known = self.subscription.is_some();
                let same = answer.client_instance_id == self.instance && Some(answer.subscription_id) == self.subscription;
                if answer.error_code != 0 || answer.client_instance_id.is_nil() || known && !same {
                    return complain(sim, "a telemetry subscription is not the client's", format!("{answer:?}"));
                }
                (self.instance, self.subscription) = (answer.client_instance_id, Some(answer.subscription_id));
            }
            (Ask::Push, Response::PushTelemetry(answer)) => {
                if answer.error_code == 0 {
                    complain(sim, "metrics are taken that nobody asked for", format!("{answer:?}"));
                }
            }
            (ask, other) => complain(sim, "a call ends with the answer to another", format!("{ask:?}: {other:?}")),
        }
    }

    fn altered(&mut self, value: Option<String>, code: i16) {
        match code {
            // What was in doubt before may still be on its way.
            0 if self.knob.len() == 1 => self.knob = BTreeSet::from([value]),
            0 | 7 | 56 | -1 => drop(self.knob.insert(value)),
            _ => {}
        }
    }

    fn check_settings(&mut self, sim: &mut Sim, answer: &msg::DescribeConfigsResponse) {
        for result in &answer.results {
            let name = result.resource_name.as_str();
            match (result.resource_type, name, result.error_code) {
                (TOPIC, OWN, 0) => {
                    let found = result.configs.iter().find(|c| c.name.as_str() == KNOB.0);
                    let value = found.and_then(|c| c.value.as_ref()).map(|v| v.as_str());
                    let known = |k: &Option<String>| k.as_deref().unwrap_or(KNOB.1) == value.unwrap_or_default();
                    if !self.knob.iter().any(known) {
                        let message = format!("{value:?}, not one of {:?}", self.knob);
                        return complain(sim, "a topic's setting is not what was acknowledged", message);
                    }
                }
                (TOPIC, OWN, _) => {}
                (TOPIC, _, 0) => return complain(sim, "settings of a topic that is not there", format!("{result:?}")),
                (BROKER, _, 0) if result.configs.is_empty() => {
                    return complain(sim, "a broker has no settings", format!("{result:?}"));
                }
                _ => {}
            }
        }
    }

    fn check_cluster(&mut self, sim: &mut Sim, answer: &msg::DescribeClusterResponse) {
        let id = answer.cluster_id.to_string();
        let known = self.cluster_id.get_or_insert_with(|| id.clone());
        let one = answer.brokers.iter().any(|b| b.broker_id.0 == 1 && b.host.as_str() == "node1" && b.port == 9092);
        if answer.error_code == 0 && (*known != id || answer.controller_id.0 != 1 || answer.brokers.len() > 1 || !one) {
            complain(sim, "the cluster is not the one that it was", format!("{answer:?}, known as {known}"));
        }
    }

    fn check_partitions(&mut self, sim: &mut Sim, limit: i32, answer: &msg::DescribeTopicPartitionsResponse) {
        let Some(topic) = answer.topics.iter().find(|t| t.error_code == 0) else { return };
        let count = topic.partitions.len() as i32;
        let in_order = topic.partitions.iter().zip(0..).all(|(p, index)| p.partition_index == index);
        let cut = answer.next_cursor.is_some();
        let right = if cut { count == limit && self.partitions.last() > Some(&count) } else { self.partitions.contains(&count) };
        if !in_order || !right {
            let message = format!("{count} of {:?}, at most {limit}, more: {cut}", self.partitions);
            complain(sim, "a topic has not as many partitions as were acknowledged", message);
        }
    }
}

/// What a partition remembers of a producer is not older than what was acknowledged to it.
fn check_producers(sim: &mut Sim, acked: &[Acked], answer: &msg::DescribeProducersResponse) {
    if sim.watch.is_retained(OWN) {
        return;
    }
    for part in answer.topics.iter().flat_map(|t| &t.partitions).filter(|p| p.error_code == 0) {
        for (_, id, epoch, sequence) in acked.iter().filter(|(partition, ..)| *partition == part.partition_index) {
            if sim.watch.may_forget(OWN, part.partition_index, *id) {
                continue;
            }
            let known = part.active_producers.iter().find(|p| p.producer_id.0 == *id);
            let (epoch, sequence) = (i32::from(*epoch), *sequence);
            if known.is_none_or(|k| (k.producer_epoch, k.last_sequence) < (epoch, sequence)) {
                let message =
                    format!("partition {}: {known:?}, acknowledged up to {sequence} of epoch {epoch}", part.partition_index);
                return complain(sim, "a partition has forgotten a producer", message);
            }
        }
    }
}

/// Set the knob, or back to its default, in the old way or in the new.
fn alter(value: Option<&str>, rng: &mut Rng) -> Request {
    let value = value.map(text);
    if rng.chance(1, 2) {
        let config = msg::incremental_alter_configs_request::AlterableConfig::default()
            .with_name(text(KNOB.0))
            .with_config_operation(i8::from(value.is_none()))
            .with_value(value);
        let resource = msg::incremental_alter_configs_request::AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(OWN))
            .with_configs(vec![config]);
        return Request::IncrementalAlterConfigs(msg::IncrementalAlterConfigsRequest::default().with_resources(vec![resource]));
    }
    // What is not named goes back to its default.
    let config = |value| msg::alter_configs_request::AlterableConfig::default().with_name(text(KNOB.0)).with_value(Some(value));
    let resource = msg::alter_configs_request::AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(OWN))
        .with_configs(value.into_iter().map(config).collect());
    Request::AlterConfigs(msg::AlterConfigsRequest::default().with_resources(vec![resource]))
}

/// Settings of the topic, now and then also of brokers and of topics that are not there.
fn settings(all: bool, rng: &mut Rng) -> Request {
    let mut asked = vec![(TOPIC, OWN)];
    let others =
        [(TOPIC, "no-such-topic"), (BROKER, "1"), (BROKER, ""), (BROKER, "77"), (BROKER, "one"), (16, "metrics"), (99, "x")];
    asked.extend(rng.pick(&others).copied().filter(|_| rng.chance(1, 2)));
    let resources = asked.into_iter().map(|(kind, name)| {
        let keys = (!all && kind == TOPIC).then(|| vec![text(KNOB.0), text("no.such.setting")]);
        msg::describe_configs_request::DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(keys)
    });
    let request = msg::DescribeConfigsRequest::default()
        .with_resources(resources.collect())
        .with_include_synonyms(rng.chance(1, 2))
        .with_include_documentation(rng.chance(1, 4));
    Request::DescribeConfigs(request)
}
