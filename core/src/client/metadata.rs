//! What the client knows of the cluster: brokers, and of each topic of interest its id, its partitions and their leaders.
//!
//! State       the last answers; topics of interest; when to ask again.
//! Takes       Metadata answers, and machines' doubts (`doubt`).
//! Gives       Metadata requests that are due.
//! Holds       a partition's leader epoch never goes back while its topic's id stays (KIP-320).

use super::Ctx;
use super::api::{ClientConfig, TopicPartition};
use super::connection::backoff;
use super::error::Code;
use crate::io::Deadline;
use crate::planted::Bug;
use crate::time::{Instant, Now};
use crate::wire::msg;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What is known of a topic.
#[derive(Debug, Clone, Default)]
pub(super) struct Topic {
    pub id: Uuid,
    pub error: Code,
    pub partitions: BTreeMap<i32, Partition>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Partition {
    pub leader: Option<i32>,
    pub epoch: i32,
}

/// The cache.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub brokers: BTreeMap<i32, (String, u16)>,
    pub controller: Option<i32>,
    topics: BTreeMap<String, Topic>,
    wanted: BTreeSet<String>,
    /// Topics not asked for yet, or doubted.
    unsure: BTreeSet<String>,
    /// Ask as soon as this time has come.
    ask_at: Option<Instant>,
    /// Requests so far.
    asked: u64,
    /// A request is in flight for these topics.
    asking: Option<BTreeSet<String>>,
    answered_at: Option<Instant>,
    failures: u32,
}

impl Metadata {
    /// Be interested in a topic from now on.
    pub(super) fn want(&mut self, now: Now, topic: &str) {
        if self.wanted.insert(topic.to_owned()) {
            self.unsure.insert(topic.to_owned());
            self.ask_at = Some(self.ask_at.map_or(now.mono, |at| at.min(now.mono)));
        }
    }

    /// A broker's answer says that what is known of a topic is wrong.
    pub(super) fn doubt(&mut self, ctx: &mut Ctx<'_>, topic: &str) {
        if ctx.config.planted.has(Bug::ClientMetadataKept) && self.topic(topic).is_some_and(|t| !t.partitions.is_empty()) {
            return;
        }
        if self.wanted.contains(topic) && self.unsure.insert(topic.to_owned()) && self.asking.is_none() {
            self.schedule(ctx);
        }
    }

    /// How often brokers were asked.
    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    /// Something that needs the cluster's brokers waits for them.
    pub(super) fn want_brokers(&mut self, now: Now) {
        if self.brokers.is_empty() && self.ask_at.is_none() && self.asking.is_none() {
            self.ask_at = Some(now.mono);
        }
    }

    /// The controller turned out to be another.
    pub(super) fn doubt_controller(&mut self, ctx: &mut Ctx<'_>) {
        self.controller = None;
        if self.asking.is_none() {
            self.schedule(ctx);
        }
    }

    fn schedule(&mut self, ctx: &mut Ctx<'_>) {
        if self.ask_at.is_none() {
            self.failures += 1;
            self.ask_at = Some(ctx.now.mono.after(backoff(ctx.config, self.failures, ctx.rng)));
        }
    }

    /// Whether a request should go out now.
    pub(super) fn is_due(&self, config: &ClientConfig, now: Now) -> bool {
        self.asking.is_none() && self.ask_time(config).is_some_and(|at| at <= now.mono)
    }

    fn ask_time(&self, config: &ClientConfig) -> Option<Instant> {
        let aged = self.answered_at.filter(|_| !self.wanted.is_empty()).map(|at| at.after(config.metadata_age_max));
        match (self.ask_at, aged) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    pub(super) fn deadline(&self, config: &ClientConfig) -> Option<Deadline> {
        let at = self.ask_time(config).filter(|_| self.asking.is_none())?;
        Some(Deadline { at, why: "metadata" })
    }

    /// The request that is due: the topics in doubt, or all of interest when they have aged. `auto_create`: they may come to be by that.
    pub(super) fn request(&mut self, auto_create: bool) -> msg::MetadataRequest {
        let topics = if self.unsure.is_empty() { self.wanted.clone() } else { std::mem::take(&mut self.unsure) };
        let mut request = msg::MetadataRequest::default();
        let named = topics.iter().map(|name| {
            let mut topic = msg::metadata_request::MetadataRequestTopic::default();
            topic.name = Some(topic_name(name));
            topic
        });
        request.topics = Some(named.collect());
        request.allow_auto_topic_creation = auto_create;
        self.ask_at = None;
        self.asked += 1;
        self.asking = Some(topics);
        request
    }

    pub(super) fn on_answer(&mut self, ctx: &mut Ctx<'_>, answer: &msg::MetadataResponse) {
        let asked = self.asking.take().unwrap_or_default();
        self.answered_at = Some(ctx.now.mono);
        if !answer.brokers.is_empty() {
            let address = |b: &msg::metadata_response::MetadataResponseBroker| {
                Some((b.node_id.0, (b.host.to_string(), u16::try_from(b.port).ok()?)))
            };
            self.brokers = answer.brokers.iter().filter_map(address).collect();
        }
        self.controller = Some(answer.controller_id.0).filter(|id| self.brokers.contains_key(id));
        for topic in &answer.topics {
            let Some(name) = &topic.name else { continue };
            self.learn(name.0.as_str(), topic);
        }
        // What is not settled yet is asked for again, after a pause that grows.
        let again = asked.into_iter().filter(|name| self.wanted.contains(name) && !self.is_settled(name));
        self.unsure.extend(again.collect::<Vec<_>>());
        if self.unsure.is_empty() && !self.brokers.is_empty() {
            self.failures = 0;
        } else {
            self.schedule(ctx);
        }
    }

    fn is_settled(&self, name: &str) -> bool {
        let Some(topic) = self.topics.get(name) else { return false };
        match topic.error {
            Code::NONE => topic.partitions.values().all(|p| p.leader.is_some()),
            Code::UNKNOWN_TOPIC_OR_PARTITION | Code::LEADER_NOT_AVAILABLE | Code::UNKNOWN_TOPIC_ID => false,
            _ => true,
        }
    }

    fn learn(&mut self, name: &str, answer: &msg::metadata_response::MetadataResponseTopic) {
        let before = self.topics.get(name).filter(|t| t.id == answer.topic_id);
        let mut topic = Topic { id: answer.topic_id, error: Code(answer.error_code), partitions: BTreeMap::new() };
        for p in &answer.partitions {
            let leader = Some(p.leader_id.0).filter(|id| *id >= 0 && self.brokers.contains_key(id));
            let told = Partition { leader, epoch: p.leader_epoch };
            let known = before.and_then(|t| t.partitions.get(&p.partition_index)).copied();
            // An answer of a broker that lags must not lead back to a deposed leader.
            let newest = known.filter(|k| k.epoch > told.epoch && told.epoch >= 0).unwrap_or(told);
            topic.partitions.insert(p.partition_index, newest);
        }
        self.topics.insert(name.to_owned(), topic);
    }

    /// The request was lost.
    pub(super) fn on_lost(&mut self, ctx: &mut Ctx<'_>) {
        let Some(asked) = self.asking.take() else { return };
        self.unsure.extend(asked);
        self.schedule(ctx);
    }

    /// A broker or a client names the leader in an answer (KIP-951).
    pub(super) fn on_leader(&mut self, partition: &TopicPartition, leader: i32, epoch: i32) {
        let known = self.topics.get_mut(&partition.topic).and_then(|t| t.partitions.get_mut(&partition.index));
        if let Some(known) = known
            && epoch > known.epoch
            && self.brokers.contains_key(&leader)
        {
            *known = Partition { leader: Some(leader), epoch };
        }
    }

    /// What is known of a topic; `None` before the first answer.
    pub(super) fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// The topic's id, as far as is known; nil where brokers do not say.
    pub(super) fn id_of(&self, name: &str) -> Option<Uuid> {
        Some(self.topics.get(name)?.id)
    }

    pub(super) fn partition(&self, p: &TopicPartition) -> Option<Partition> {
        self.topics.get(&p.topic)?.partitions.get(&p.index).copied()
    }

    pub(super) fn leader(&self, p: &TopicPartition) -> Option<i32> {
        self.partition(p)?.leader
    }

    /// Why nobody leads the partition, as far as is known; `None` where somebody does, and before the first answer.
    pub(super) fn why_leaderless(&self, p: &TopicPartition) -> Option<Code> {
        let topic = self.topics.get(&p.topic)?;
        match (topic.error, topic.partitions.get(&p.index)) {
            (Code::NONE, Some(known)) => known.leader.is_none().then_some(Code::LEADER_NOT_AVAILABLE),
            (Code::NONE, None) => Some(Code::UNKNOWN_TOPIC_OR_PARTITION),
            (code, _) => Some(code),
        }
    }

    /// The name of the topic with this id.
    pub(super) fn name_of(&self, id: Uuid) -> Option<&str> {
        self.topics.iter().find(|(_, t)| t.id == id).map(|(name, _)| name.as_str())
    }
}

/// A topic's name as the protocol crate wants it.
pub(super) fn topic_name(name: &str) -> msg::TopicName {
    msg::TopicName(msg::StrBytes::from_string(name.to_owned()))
}
