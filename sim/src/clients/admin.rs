//! An administrator: creates, deletes and re-creates topics, adds partitions, changes settings, deletes records, while all else goes on.
//!
//! State       a connection, one operation at a time.
//! Takes       answers, broken connections, time.
//! Gives       admin requests; `AdminOp`s.
//! Holds       an operation whose answer was lost is indeterminate, and not repeated.
//! Not here    whether the answers are right.

use super::Got;
use super::link::{Link, PATIENCE, draw_version, text, topic_name};
use crate::history::{AdminAct, AdminOp, Outcome};
use crate::world::Sim;
use ottla_core::rng::Rng;
use ottla_core::wire::blank::Blank;
use ottla_core::wire::{ApiKey, Request, Response, msg};

/// Settings of a topic: name and value.
pub(super) type Settings = Vec<(String, String)>;

/// How an administrator behaves.
#[derive(Clone, PartialEq, Debug)]
pub struct AdminConfig {
    /// Topics that are created before anybody else begins: name, partitions, settings.
    pub setup: Vec<(String, i32, Settings)>,
    /// Topics whose settings and partitions may be changed and whose records may be deleted.
    pub stable: Vec<String>,
    /// Topics that may also be deleted and made again.
    pub volatile: Vec<String>,
    pub operations: u32,
    pub think_ms: u64,
    pub patience_ms: u64,
    pub delete_records: bool,
    /// What is done at its time, or as soon after as the operation before is over, in this order and before anything that is drawn.
    pub timetable: Vec<TimedAct>,
}

/// One operation of a timetable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimedAct {
    /// Virtual milliseconds after the start of the world.
    pub at_ms: u64,
    pub topic: String,
    pub act: AdminAct,
}

const TURN: u64 = 2;
const TIMETABLE: u64 = 3;

#[derive(Debug)]
pub(crate) struct Admin {
    config: AdminConfig,
    rng: Rng,
    /// For changes of `file.delete.delay.ms` alone: they move nothing else of what the seed draws.
    delays: Rng,
    link: Link<usize>,
    set_up: usize,
    done: u32,
    /// Entries of the timetable that are done.
    timed: usize,
    waiting: bool,
    stopped: bool,
}

/// Settings that are changed on a running topic.
const KNOBS: &[(&str, &[&str])] = &[
    ("retention.bytes", &["-1", "2000", "20000"]),
    ("retention.ms", &["-1", "3000", "604800000"]),
    ("segment.ms", &["1000", "604800000"]),
    ("flush.ms", &["50", "1000", "9223372036854775807"]),
    ("flush.messages", &["1", "7", "9223372036854775807"]),
    ("max.message.bytes", &["300", "600", "1048588"]),
    ("message.timestamp.type", &["CreateTime"]),
    ("min.insync.replicas", &["1"]),
    ("no.such.setting", &["1"]),
    ("segment.bytes", &["-5"]),
];

/// How long the files of deleted segments are kept: an older one may be due after a newer one.
const DELAYS: &[&str] = &["0", "1000", "600000"];

impl Admin {
    pub(crate) fn new(config: AdminConfig, seed: u64, name: &str) -> Admin {
        let link = Link::new(config.patience_ms * 1_000_000);
        let rng = Rng::stream(seed, &format!("client/{name}"));
        let delays = Rng::stream(seed, &format!("client/{name}/delays"));
        Admin { config, rng, delays, link, set_up: 0, done: 0, timed: 0, waiting: false, stopped: false }
    }

    pub(crate) fn on_start(&mut self, sim: &mut Sim, me: u32) {
        for entry in &self.config.timetable {
            sim.wake_client_after(me, (entry.at_ms * 1_000_000).saturating_sub(sim.now_ns()), TIMETABLE);
        }
        self.turn(sim, me);
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn is_done(&self) -> bool {
        let all_done = self.timed >= self.config.timetable.len() && self.done >= self.config.operations;
        (self.stopped || all_done) && self.link.open() == 0
    }

    /// Whether the topics that were to be there from the start are there.
    pub(crate) fn is_set_up(&self) -> bool {
        self.set_up >= self.config.setup.len()
    }

    pub(crate) fn on_wake(&mut self, sim: &mut Sim, me: u32, token: u64) {
        match token {
            PATIENCE => {
                if let Some(lost) = self.link.out_of_patience(sim, me) {
                    lost.into_iter().for_each(|op| Admin::ended(sim, op, Outcome::Unknown));
                }
            }
            TURN => self.waiting = false,
            _ => {}
        }
        self.turn(sim, me);
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, me: u32, conn: u32) {
        if let Some(lost) = self.link.broken(conn) {
            lost.into_iter().for_each(|op| Admin::ended(sim, op, Outcome::Unknown));
            self.later(sim, me);
        }
    }

    fn later(&mut self, sim: &mut Sim, me: u32) {
        if !self.waiting {
            self.waiting = true;
            sim.wake_client_after(me, self.rng.below(self.config.think_ms * 2_000_000 + 1), TURN);
        }
    }

    fn ended(sim: &mut Sim, op: usize, outcome: Outcome) {
        let now = sim.now_ns();
        sim.history.admins[op].ended = now;
        sim.history.admins[op].outcome = outcome;
    }

    fn turn(&mut self, sim: &mut Sim, me: u32) {
        if self.waiting || self.link.open() > 0 {
            return;
        }
        if let Some((name, partitions, settings)) = self.config.setup.get(self.set_up).cloned() {
            return self.act(sim, me, &name, AdminAct::CreateTopic { partitions }, &settings);
        }
        if self.is_done() {
            return;
        }
        if let Some(entry) = self.config.timetable.get(self.timed).cloned() {
            if entry.at_ms * 1_000_000 > sim.now_ns() {
                return;
            }
            self.timed += 1;
            return self.act(sim, me, &entry.topic, entry.act, &[]);
        }
        self.done += 1;
        let volatile = !self.config.volatile.is_empty() && self.rng.chance(1, 2);
        let names = if volatile { &self.config.volatile } else { &self.config.stable };
        let Some(name) = self.rng.pick(names).cloned() else { return };
        let act = match self.rng.below(if volatile { 6 } else { 4 }) {
            0 => AdminAct::CreatePartitions { count: self.rng.between(1, 4) as i32 },
            1 if self.config.delete_records => {
                let partition = self.rng.below(3) as i32;
                let before = if self.rng.chance(1, 3) { -1 } else { self.rng.below(40) as i64 };
                AdminAct::DeleteRecords { partition, before }
            }
            4 => AdminAct::DeleteTopic,
            5 => AdminAct::CreateTopic { partitions: self.rng.between(1, 3) as i32 },
            // Only where the checks judge by the weaker promise anyhow.
            _ if self.began_on_page_cache(&name) && self.rng.chance(1, 3) => {
                let value = if self.rng.chance(1, 2) { "fsync" } else { "page-cache" };
                AdminAct::SetConfig { name: "ottla.durability".into(), value: value.into() }
            }
            _ => {
                let (name, values) = self.rng.pick(KNOBS).copied().unwrap_or(KNOBS[0]);
                let value = self.rng.pick(values).copied().unwrap_or("-1");
                let (name, value) = match self.delays.pick(DELAYS).filter(|_| self.delays.chance(1, 6)) {
                    Some(delay) => ("file.delete.delay.ms", *delay),
                    None => (name, value),
                };
                AdminAct::SetConfig { name: name.into(), value: value.into() }
            }
        };
        self.act(sim, me, &name, act, &[]);
    }

    fn began_on_page_cache(&self, topic: &str) -> bool {
        let rests =
            |settings: &Settings| settings.iter().any(|(name, value)| name == "ottla.durability" && value == "page-cache");
        self.config.setup.iter().any(|(name, _, settings)| name == topic && rests(settings))
    }

    fn act(&mut self, sim: &mut Sim, me: u32, topic: &str, act: AdminAct, settings: &[(String, String)]) {
        let set = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let changed = if let AdminAct::SetConfig { name, value } = &act { Some((name.as_str(), value.as_str())) } else { None };
        for (name, value) in set.chain(changed) {
            sim.watch.on_setting(Some(topic), name, value);
        }
        let (api, request) = request(topic, &act, settings);
        let version = draw_version(&mut self.rng, api, 0, i16::MAX);
        let request = match request {
            // Versions up to 5 send names, later ones states.
            Request::DeleteTopics(r) if version <= 5 => Request::DeleteTopics(r.with_topics(Vec::new())),
            Request::DeleteTopics(r) => Request::DeleteTopics(r.with_topic_names(Vec::new())),
            other => other,
        };
        let topic = sim.history.topic(topic);
        let op = sim.history.admins.len();
        let invoked = sim.now_ns();
        sim.history.admins.push(AdminOp { client: me, topic, act, invoked, ended: 0, outcome: Outcome::Open, answer: 0 });
        self.link.send(sim, me, version, request, op);
    }

    pub(crate) fn on_response(&mut self, sim: &mut Sim, me: u32, conn: u32, (correlation, _, response): Got) {
        let Some(op) = self.link.answered(conn, correlation) else { return };
        let (code, answer) = match &response {
            Response::CreateTopics(r) => r.topics.first().map_or((-1, 0), |t| (t.error_code, t.topic_id.as_u128())),
            Response::DeleteTopics(r) => r.responses.first().map_or((-1, 0), |t| (t.error_code, 0)),
            Response::CreatePartitions(r) => r.results.first().map_or((-1, 0), |t| (t.error_code, 0)),
            Response::IncrementalAlterConfigs(r) => r.responses.first().map_or((-1, 0), |t| (t.error_code, 0)),
            Response::DeleteRecords(r) => {
                r.topics.iter().flat_map(|t| &t.partitions).next().map_or((-1, 0), |p| (p.error_code, p.low_watermark as u128))
            }
            _ => (-1, 0),
        };
        let outcome = match code {
            0 => Outcome::Ok,
            // REQUEST_TIMED_OUT, KAFKA_STORAGE_ERROR, UNKNOWN_SERVER_ERROR say nothing about what was done.
            7 | 56 | -1 => Outcome::Unknown,
            code => Outcome::Failed(code),
        };
        Admin::ended(sim, op, outcome);
        sim.history.admins[op].answer = answer;
        // TOPIC_ALREADY_EXISTS is as good as created.
        if !self.is_set_up() && (code == 0 || code == 36) {
            self.set_up += 1;
        } else {
            self.later(sim, me);
        }
        self.turn(sim, me);
    }
}

fn request(topic: &str, act: &AdminAct, settings: &[(String, String)]) -> (ApiKey, Request) {
    const TIMEOUT_MS: i32 = 10_000;
    match act {
        AdminAct::CreateTopic { partitions } => {
            let configs = settings.iter().map(|(n, v)| {
                msg::create_topics_request::CreatableTopicConfig::default().with_name(text(n)).with_value(Some(text(v)))
            });
            let topic = msg::create_topics_request::CreatableTopic::default()
                .with_name(topic_name(topic))
                .with_num_partitions(*partitions)
                .with_replication_factor(1)
                .with_configs(configs.collect());
            let request = msg::CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
            (ApiKey::CreateTopics, Request::CreateTopics(request))
        }
        AdminAct::DeleteTopic => {
            let state = msg::delete_topics_request::DeleteTopicState::default().with_name(Some(topic_name(topic)));
            let request = msg::DeleteTopicsRequest::default()
                .with_topics(vec![state])
                .with_topic_names(vec![topic_name(topic)])
                .with_timeout_ms(TIMEOUT_MS);
            (ApiKey::DeleteTopics, Request::DeleteTopics(request))
        }
        AdminAct::CreatePartitions { count } => {
            let topic =
                msg::create_partitions_request::CreatePartitionsTopic::blank().with_name(topic_name(topic)).with_count(*count);
            let request = msg::CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
            (ApiKey::CreatePartitions, Request::CreatePartitions(request))
        }
        AdminAct::SetConfig { name, value } => {
            let config = msg::incremental_alter_configs_request::AlterableConfig::default()
                .with_name(text(name))
                .with_config_operation(0)
                .with_value(Some(text(value)));
            let resource = msg::incremental_alter_configs_request::AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text(topic))
                .with_configs(vec![config]);
            let request = msg::IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
            (ApiKey::IncrementalAlterConfigs, Request::IncrementalAlterConfigs(request))
        }
        AdminAct::DeleteRecords { partition, before } => {
            let partition = msg::delete_records_request::DeleteRecordsPartition::default()
                .with_partition_index(*partition)
                .with_offset(*before);
            let topic = msg::delete_records_request::DeleteRecordsTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(vec![partition]);
            let request = msg::DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
            (ApiKey::DeleteRecords, Request::DeleteRecords(request))
        }
    }
}
