//! An operator: tries the whole of administration, right and wrong, on things of its own, and knows what each must be answered.
//!
//! State       a connection; what its topic, its subscription to metrics and its group have by now, as a naive model says.
//! Takes       answers, broken connections, time.
//! Gives       requests, one at a time; complaints where an answer is not Kafka's, or contradicts what was acknowledged.
//! Holds       nobody else changes what is its own. Where an answer was lost, what is its own is given up for new names: nothing is ever
//!             in doubt. It writes nothing into the history.
//! Not here    topics that others use (admin.rs), frames that are no requests (hostile.rs).
//! Read first  `Ask`, then `next`.

mod batches;
mod settings;

use super::Got;
use super::link::{Link, PATIENCE, draw_version, produce, text, topic_name};
use crate::checks::Id;
use crate::world::Sim;
use batches::Flaw;
use bytes::Bytes;
use ottla_core::rng::Rng;
use ottla_core::wire::batch::Checked;
use ottla_core::wire::blank::Blank;
use ottla_core::wire::compress::Codec;
use ottla_core::wire::{ApiKey, ProducePartition, ProduceTopic, Request, Response, msg};
use settings::{Change, INVALID_CONFIG, INVALID_REQUEST, Of, Own, UNKNOWN_SERVER_ERROR};
use uuid::Uuid;

/// How an operator behaves.
#[derive(Clone, PartialEq, Debug)]
pub struct OperatorConfig {
    pub operations: u32,
    pub think_ms: u64,
    pub patience_ms: u64,
}

const TURN: u64 = 2;
/// So often it begins anew under other names; then it only looks.
const NAMES_MAX: u32 = 12;
const PARTITIONS_MAX: i32 = 5;
const TIMEOUT_MS: i32 = 10_000;

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const REQUEST_TIMED_OUT: i16 = 7;
const INVALID_TOPIC_EXCEPTION: i16 = 17;
const INVALID_REQUIRED_ACKS: i16 = 21;
const INVALID_TIMESTAMP: i16 = 32;
const UNSUPPORTED_VERSION: i16 = 35;
const TOPIC_ALREADY_EXISTS: i16 = 36;
const INVALID_PARTITIONS: i16 = 37;
const INVALID_REPLICATION_FACTOR: i16 = 38;
const INVALID_REPLICA_ASSIGNMENT: i16 = 39;
const POLICY_VIOLATION: i16 = 44;
const TOPIC_DELETION_DISABLED: i16 = 73;
const UNKNOWN_TOPIC_ID: i16 = 100;

/// What a broker may say at any time, and what it says nothing about: LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER, REQUEST_TIMED_OUT,
/// NOT_ENOUGH_REPLICAS_AFTER_APPEND, NOT_CONTROLLER, KAFKA_STORAGE_ERROR.
const TROUBLE: [i16; 6] = [5, 6, REQUEST_TIMED_OUT, 20, 41, 56];

/// A topic of its own.
#[derive(Clone, PartialEq, Debug)]
struct Topic {
    id: Uuid,
    partitions: i32,
    own: Own,
}

/// A request, what it must be answered, and what follows if it is.
#[derive(Debug)]
struct Ask {
    what: String,
    api: ApiKey,
    versions: (i16, i16),
    request: Request,
    /// The error code of each line of the answer, or of the answer as a whole where it has but one.
    right: Vec<i16>,
    then: Then,
}

#[derive(Clone, PartialEq, Debug)]
enum Then {
    /// It only looks, or changes nothing that anybody looks at.
    Nothing,
    Created(Topic),
    Mill(bool),
    Grown(i32),
    Deleted,
    Set(Of, Own),
    /// The settings of these are shown.
    Shown(Vec<Of>),
    /// Its own are among the resources.
    Listed,
    /// A page of its topic.
    Page(i32),
    Subscribed,
}

#[derive(Debug)]
pub(crate) struct Operator {
    config: OperatorConfig,
    /// `delete.topic.enable`.
    deletes: bool,
    rng: Rng,
    link: Link<(String, Vec<i16>, Then)>,
    name: String,
    /// The number in the names of what is its own.
    number: u32,
    topic: Option<Topic>,
    /// A topic for batches is there, and whether its records must have keys.
    mill: Option<bool>,
    metrics: Own,
    group: Own,
    instance: Uuid,
    done: u32,
    waiting: bool,
    stopped: bool,
}

impl Operator {
    pub(crate) fn new(config: OperatorConfig, seed: u64, name: &str, deletes: bool) -> Operator {
        Operator {
            link: Link::new(config.patience_ms * 1_000_000),
            config,
            deletes,
            rng: Rng::stream(seed, &format!("client/{name}")),
            name: name.to_owned(),
            number: 0,
            topic: None,
            mill: None,
            metrics: Own::new(),
            group: Own::new(),
            instance: Uuid::nil(),
            done: 0,
            waiting: false,
            stopped: false,
        }
    }

    pub(crate) fn on_start(&mut self, sim: &mut Sim, me: u32) {
        self.later(sim, me);
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn is_done(&self) -> bool {
        (self.stopped || self.done >= self.config.operations) && self.link.open() == 0
    }

    pub(crate) fn on_wake(&mut self, sim: &mut Sim, me: u32, token: u64) {
        match token {
            PATIENCE => {
                if let Some(lost) = self.link.out_of_patience(sim, me) {
                    self.lost(lost);
                }
            }
            _ => self.waiting = false,
        }
        self.turn(sim, me);
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, me: u32, conn: u32) {
        if let Some(lost) = self.link.broken(conn) {
            self.lost(lost);
            self.later(sim, me);
        }
    }

    fn later(&mut self, sim: &mut Sim, me: u32) {
        if !self.waiting {
            self.waiting = true;
            sim.wake_client_after(me, self.rng.below(self.config.think_ms * 2_000_000 + 1), TURN);
        }
    }

    fn lost(&mut self, lost: Vec<(String, Vec<i16>, Then)>) {
        if lost.iter().any(|(.., then)| then.changes()) {
            self.renew();
        }
    }

    /// What became of a change is not known: everything begins anew under other names.
    fn renew(&mut self) {
        self.number += 1;
        (self.topic, self.mill) = (None, None);
        (self.metrics, self.group) = (Own::new(), Own::new());
    }

    fn turn(&mut self, sim: &mut Sim, me: u32) {
        if self.waiting || self.stopped || self.link.open() > 0 || self.done >= self.config.operations {
            return;
        }
        self.done += 1;
        let ask = self.next(sim, me);
        let (low, high) = ask.versions;
        let version = draw_version(&mut self.rng, ask.api, low, high);
        self.link.send(sim, me, version, ask.request, (ask.what, ask.right, ask.then));
    }

    fn topic_name(&self) -> String {
        format!("{}.{}", self.name, self.number)
    }

    fn mill_name(&self) -> String {
        format!("{}-mill-{}", self.name, self.number)
    }

    fn next(&mut self, sim: &Sim, me: u32) -> Ask {
        let spent = self.number >= NAMES_MAX;
        match self.rng.below(20) {
            _ if spent => self.look(),
            0..=1 if self.topic.is_none() => self.create(),
            0 => self.create(),
            1 | 2 => self.grow(),
            3 => self.delete(),
            4..=8 => self.alter(),
            9..=11 => self.batch(sim, me),
            _ => self.look(),
        }
    }

    fn look(&mut self) -> Ask {
        match self.rng.below(6) {
            0..=1 => self.describe(),
            2 => self.resources(),
            3 => self.metadata(),
            4 => self.page(),
            _ => self.telemetry(),
        }
    }

    fn create(&mut self) -> Ask {
        use msg::create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig};
        let named = self.topic_name();
        let exists = self.topic.is_some();
        let (mut own, mut refused) = (Own::new(), None);
        let mut topic = CreatableTopic::default().with_name(topic_name(&named)).with_num_partitions(2).with_replication_factor(1);
        let assign = |index, brokers: &[i32]| {
            let brokers = brokers.iter().map(|b| msg::BrokerId(*b)).collect();
            CreatableReplicaAssignment::default().with_partition_index(index).with_broker_ids(brokers)
        };
        let by_hand =
            |topic: CreatableTopic, all| topic.with_num_partitions(-1).with_replication_factor(-1).with_assignments(all);
        let mut partitions = Some(2);
        let mut timeout_ms = TIMEOUT_MS;
        let mut twice = false;
        match self.rng.below(24) {
            0 => topic.num_partitions = *self.rng.pick(&[0, -2]).unwrap_or(&0),
            1 => topic.replication_factor = *self.rng.pick(&[0, -2, 2]).unwrap_or(&0),
            2 => topic.name = topic_name(self.rng.pick(&["a/b", "", ".", ".."]).copied().unwrap_or("")),
            3 => topic.name = topic_name("__cluster_metadata"),
            4 => topic = by_hand(topic, vec![assign(0, &[1]), assign(1, &[1]), assign(2, &[1])]),
            5 => topic = by_hand(topic, vec![assign(1, &[1])]),
            6 => topic = by_hand(topic, vec![assign(0, &[])]),
            7 => topic = by_hand(topic, vec![assign(0, &[77])]),
            8 => topic = by_hand(topic, vec![assign(0, &[1, 1])]),
            9 => topic = by_hand(topic, vec![assign(0, &[1]), assign(0, &[1])]),
            10 => topic.assignments = vec![assign(0, &[1])],
            11 => topic.num_partitions = 20_000,
            12 => timeout_ms = *self.rng.pick(&[0, -1]).unwrap_or(&0),
            13 => twice = true,
            14 => {
                topic.configs = vec![CreatableTopicConfig::blank().with_name(text("retention.ms"))];
                refused = Some(INVALID_CONFIG);
            }
            // Metrics of the two would have one name.
            15 if exists => topic.name = topic_name(&named.replace('.', "_")),
            16 => (topic.num_partitions, topic.replication_factor, partitions) = (-1, -1, None),
            17..=18 => {
                let changes = settings::draw(Of::Topic, &mut self.rng, true);
                let given = changes
                    .iter()
                    .map(|(name, _, value)| CreatableTopicConfig::default().with_name(text(name)).with_value(value.map(text)));
                topic.configs = given.collect();
                // The last of a name that is given twice counts.
                let mut last: Vec<Change> = Vec::new();
                for change in &changes {
                    last.retain(|(name, ..)| *name != change.0);
                    last.push(*change);
                }
                let null = changes.iter().any(|(.., value)| value.is_none());
                match settings::apply(Of::Topic, &Own::new(), &last, false) {
                    Ok(shown) => own = shown,
                    Err(code) => refused = Some(code),
                }
                refused = refused.or(null.then_some(INVALID_CONFIG)).map(|_| INVALID_CONFIG);
            }
            _ => {}
        }
        let is_own = topic.name.0.as_str() == named;
        let early = match &topic {
            _ if timeout_ms <= 0 => Some(REQUEST_TIMED_OUT),
            t if t.num_partitions > 10_000 => Some(POLICY_VIOLATION),
            _ if twice => Some(INVALID_REQUEST),
            t if t.name.0.as_str() == "__cluster_metadata" => Some(INVALID_REQUEST),
            _ if !is_own => Some(INVALID_TOPIC_EXCEPTION),
            _ if exists => Some(TOPIC_ALREADY_EXISTS),
            _ => refused,
        };
        let late = match &topic {
            t if !t.assignments.is_empty() && t.num_partitions != -1 => Some(INVALID_REQUEST),
            t if !t.assignments.is_empty() => {
                partitions = Some(t.assignments.len() as i32);
                let mut all = t.assignments.iter().zip(0..);
                let right = all.all(|(a, i)| a.partition_index == i && a.broker_ids == [msg::BrokerId(1)]);
                (!right).then_some(INVALID_REPLICA_ASSIGNMENT)
            }
            t if t.num_partitions == 0 || t.num_partitions < -1 => Some(INVALID_PARTITIONS),
            t if ![1, -1].contains(&t.replication_factor) => Some(INVALID_REPLICATION_FACTOR),
            _ => None,
        };
        let wrong = early.or(late);
        let only = self.rng.chance(1, 4);
        let then = match wrong {
            None if !only => Then::Created(Topic { id: Uuid::nil(), partitions: partitions.unwrap_or(-1), own }),
            _ => Then::Nothing,
        };
        let topics = if twice { vec![topic.clone(), topic] } else { vec![topic] };
        let request =
            msg::CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(timeout_ms).with_validate_only(only);
        let right = match wrong {
            // Before anything is looked at, each entry is refused.
            Some(REQUEST_TIMED_OUT) => vec![REQUEST_TIMED_OUT; request.topics.len()],
            code => vec![code.unwrap_or(0)],
        };
        let request = Request::CreateTopics(request);
        // Versions from 7 on say the id, from 1 on they can only look, from 4 on -1 is a default.
        Ask { what: "CreateTopics".to_owned(), api: ApiKey::CreateTopics, versions: (7, i16::MAX), request, right, then }
    }

    /// A topic for batches: with another codec than theirs, by the broker's clock, or for records with keys.
    fn create_mill(&mut self) -> Ask {
        use msg::create_topics_request::{CreatableTopic, CreatableTopicConfig};
        let keys = self.rng.chance(1, 3);
        let codec = self.rng.pick(&["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]).copied().unwrap_or("producer");
        let mut given = vec![("compression.type", codec)];
        given.extend(keys.then_some(("cleanup.policy", "compact")));
        given.extend(self.rng.chance(1, 3).then_some(("message.timestamp.type", "LogAppendTime")));
        given.extend(self.rng.chance(1, 3).then_some(("compression.gzip.level", "1")));
        given.extend(self.rng.chance(1, 3).then_some(("compression.zstd.level", "1")));
        let config =
            |(name, value): (&str, &str)| CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)));
        let topic = CreatableTopic::default()
            .with_name(topic_name(&self.mill_name()))
            .with_num_partitions(1)
            .with_replication_factor(1)
            .with_configs(given.into_iter().map(config).collect());
        let request = msg::CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
        Ask {
            what: "CreateTopics for batches".to_owned(),
            api: ApiKey::CreateTopics,
            versions: (0, i16::MAX),
            request: Request::CreateTopics(request),
            right: vec![0],
            then: Then::Mill(keys),
        }
    }

    fn grow(&mut self) -> Ask {
        use msg::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
        let has = self.topic.as_ref().map_or(0, |t| t.partitions);
        let assign = |brokers: &[i32]| {
            CreatePartitionsAssignment::default().with_broker_ids(brokers.iter().map(|b| msg::BrokerId(*b)).collect())
        };
        let mut topic = CreatePartitionsTopic::blank().with_name(topic_name(&self.topic_name())).with_count(has + 1);
        let (mut timeout_ms, mut twice) = (TIMEOUT_MS, false);
        let mut right = if has < PARTITIONS_MAX { 0 } else { INVALID_PARTITIONS };
        match self.rng.below(12) {
            0 => (topic.count, right) = (has, INVALID_PARTITIONS),
            1 => (topic.count, right) = (has - 1, INVALID_PARTITIONS),
            2 => (topic.count, right) = (i32::MIN, INVALID_PARTITIONS),
            3 => (topic.assignments, right) = (Some(Vec::new()), INVALID_REPLICA_ASSIGNMENT),
            4 => (topic.assignments, right) = (Some(vec![assign(&[1]), assign(&[1])]), INVALID_REPLICA_ASSIGNMENT),
            5 => (topic.assignments, right) = (Some(vec![assign(&[])]), INVALID_REPLICA_ASSIGNMENT),
            6 => (topic.assignments, right) = (Some(vec![assign(&[77])]), INVALID_REPLICA_ASSIGNMENT),
            7 if has < PARTITIONS_MAX => topic.assignments = Some(vec![assign(&[1])]),
            8 => (topic.name, right) = (topic_name("no-such-topic"), UNKNOWN_TOPIC_OR_PARTITION),
            9 => (timeout_ms, right) = (0, REQUEST_TIMED_OUT),
            10 => (twice, right) = (true, INVALID_REQUEST),
            11 => (topic.count, right) = (i32::MAX, UNKNOWN_SERVER_ERROR),
            _ if has >= PARTITIONS_MAX => topic.count = has,
            _ => {}
        }
        if self.topic.is_none() && timeout_ms > 0 && !twice {
            right = UNKNOWN_TOPIC_OR_PARTITION;
        }
        let only = self.rng.chance(1, 4);
        let then = if right == 0 && !only { Then::Grown(topic.count) } else { Then::Nothing };
        let topics = if twice { vec![topic.clone(), topic] } else { vec![topic] };
        let request =
            msg::CreatePartitionsRequest::default().with_topics(topics).with_timeout_ms(timeout_ms).with_validate_only(only);
        Ask {
            what: "CreatePartitions".to_owned(),
            api: ApiKey::CreatePartitions,
            versions: (0, i16::MAX),
            request: Request::CreatePartitions(request),
            right: vec![right],
            then,
        }
    }

    fn delete(&mut self) -> Ask {
        use msg::delete_topics_request::DeleteTopicState;
        let nobody = Uuid::from_u128(0x77);
        let named = |name: &str| DeleteTopicState::default().with_name(Some(topic_name(name)));
        let by_id = |id| DeleteTopicState::default().with_name(None).with_topic_id(id);
        let id = self.topic.as_ref().map_or(nobody, |t| t.id);
        let there = self.topic.is_some();
        let (name, mut timeout_ms) = (self.topic_name(), TIMEOUT_MS);
        let (topics, right) = match self.rng.below(9) {
            0 => (vec![named("no-such-topic")], vec![UNKNOWN_TOPIC_OR_PARTITION]),
            1 => (vec![by_id(nobody)], vec![UNKNOWN_TOPIC_ID]),
            2 => (vec![by_id(Uuid::nil())], vec![INVALID_REQUEST]),
            3 => (vec![named(&name).with_topic_id(nobody)], vec![INVALID_REQUEST]),
            4 => (vec![named(&name), named(&name)], vec![INVALID_REQUEST]),
            5 => (vec![by_id(nobody), by_id(nobody)], vec![INVALID_REQUEST]),
            6 => {
                timeout_ms = 0;
                (vec![named(&name)], vec![REQUEST_TIMED_OUT])
            }
            7 if there => (vec![named(&name), by_id(id)], vec![INVALID_REQUEST]),
            _ if there && self.rng.chance(1, 2) => (vec![by_id(id)], vec![0]),
            _ if there => (vec![named(&name)], vec![0]),
            _ => (vec![named(&name)], vec![UNKNOWN_TOPIC_OR_PARTITION]),
        };
        // Asked before anything else.
        let right = if self.deletes { right } else { vec![TOPIC_DELETION_DISABLED; topics.len()] };
        let then = if right == [0] { Then::Deleted } else { Then::Nothing };
        let request = msg::DeleteTopicsRequest::default().with_topics(topics).with_timeout_ms(timeout_ms);
        let request = Request::DeleteTopics(request);
        Ask { what: "DeleteTopics".to_owned(), api: ApiKey::DeleteTopics, versions: (6, i16::MAX), request, right, then }
    }

    /// A resource of a kind that is its own, and what it has.
    fn own_of(&self, of: Of) -> (String, Own) {
        match of {
            Of::Topic => (self.topic_name(), self.topic.as_ref().map(|t| t.own.clone()).unwrap_or_default()),
            Of::Broker => ("1".to_owned(), Own::new()),
            Of::Metrics => (format!("{}-metrics-{}", self.name, self.number), self.metrics.clone()),
            Of::Group => (format!("{}-group-{}", self.name, self.number), self.group.clone()),
        }
    }

    fn alter(&mut self) -> Ask {
        let kinds = [Of::Topic, Of::Topic, Of::Topic, Of::Broker, Of::Metrics, Of::Group];
        let of = self.rng.pick(&kinds).copied().unwrap_or(Of::Topic);
        let replaces = self.rng.chance(1, 4);
        let changes = settings::draw(of, &mut self.rng, replaces);
        let (mut name, own) = self.own_of(of);
        let mut kind = of.code();
        let outcome = settings::apply(of, &own, &changes, replaces);
        // Names twice and null values are found before anybody looks at the resource.
        let names: Vec<&str> = changes.iter().map(|(n, ..)| *n).collect();
        let twice = names.iter().enumerate().any(|(i, n)| names[..i].contains(n));
        let first = twice || changes.iter().any(|(_, op, value)| value.is_none() && *op != 1);
        let mut repeated = false;
        let wrong = match self.rng.below(14) {
            _ if first => Some(INVALID_REQUEST),
            0 => {
                kind = 99;
                Some(INVALID_REQUEST)
            }
            1 => {
                repeated = true;
                Some(INVALID_REQUEST)
            }
            2 if of == Of::Broker => {
                name = self.rng.pick(&["77", "one"]).copied().unwrap_or("77").to_owned();
                Some(INVALID_REQUEST)
            }
            2..=3 if of == Of::Broker => {
                // Loggers, of which there are none.
                kind = 8;
                let unknown = if changes.is_empty() { 0 } else { INVALID_CONFIG };
                Some(if replaces { INVALID_REQUEST } else { unknown })
            }
            4 if of == Of::Broker => {
                name.clear();
                // With eligible leader replicas (KIP-966) the cluster keeps min.insync.replicas, which is not named here and would go.
                outcome.as_ref().err().copied().or(replaces.then_some(INVALID_CONFIG))
            }
            2 if of != Of::Broker && outcome.is_ok() => {
                name.clear();
                Some(INVALID_REQUEST)
            }
            3 if of == Of::Topic && outcome.is_ok() => {
                name = "a/b".to_owned();
                Some(INVALID_TOPIC_EXCEPTION)
            }
            _ => match &outcome {
                Err(code) => Some(*code),
                Ok(_) if of == Of::Topic && self.topic.is_none() => Some(UNKNOWN_TOPIC_OR_PARTITION),
                Ok(_) => None,
            },
        };
        let only = self.rng.chance(1, 5);
        let then = match (wrong, outcome) {
            (None, Ok(own)) if !only && of != Of::Broker => Then::Set(of, own),
            _ if of == Of::Broker => Then::Nothing,
            _ => Then::Nothing,
        };
        let count = if repeated { 2 } else { 1 };
        let right = vec![wrong.unwrap_or(0); count];
        let (what, api, request) = if replaces {
            use msg::alter_configs_request::{AlterConfigsResource, AlterableConfig};
            let config = |(name, _, value): &Change| AlterableConfig::default().with_name(text(name)).with_value(value.map(text));
            let resource = AlterConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(text(&name))
                .with_configs(changes.iter().map(config).collect());
            let request = msg::AlterConfigsRequest::default().with_resources(vec![resource; count]).with_validate_only(only);
            ("AlterConfigs".to_owned(), ApiKey::AlterConfigs, Request::AlterConfigs(request))
        } else {
            use msg::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
            let config = |(name, op, value): &Change| {
                AlterableConfig::blank().with_name(text(name)).with_config_operation(*op).with_value(value.map(text))
            };
            let resource = AlterConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(text(&name))
                .with_configs(changes.iter().map(config).collect());
            let request =
                msg::IncrementalAlterConfigsRequest::default().with_resources(vec![resource; count]).with_validate_only(only);
            ("IncrementalAlterConfigs".to_owned(), ApiKey::IncrementalAlterConfigs, Request::IncrementalAlterConfigs(request))
        };
        Ask { what, api, versions: (0, i16::MAX), request, right, then }
    }

    fn batch(&mut self, sim: &Sim, me: u32) -> Ask {
        let Some(keys) = self.mill else { return self.create_mill() };
        let codec = self.rng.pick(&Codec::ALL).copied().unwrap_or_default();
        let (flaw, keyed) = (Flaw::draw(&mut self.rng), self.rng.chance(2, 3));
        let bytes = flaw.batch(&mut self.rng, codec, keyed, sim.client_wall_ms(me));
        let (mut index, mut acks, mut name) = (0, -1, self.mill_name());
        let mut right = flaw.answer(codec, keys, keyed);
        if right == 0 {
            match self.rng.below(12) {
                0 => (index, right) = (99, UNKNOWN_TOPIC_OR_PARTITION),
                1 => (acks, right) = (2, INVALID_REQUIRED_ACKS),
                2 => (name, right) = ("no-such-topic".to_owned(), UNKNOWN_TOPIC_OR_PARTITION),
                3 => acks = 1,
                _ => {}
            }
        }
        // Bytes that nobody has checked.
        let records = Ok(Checked { bytes: Bytes::from(bytes), batches: Vec::new() });
        let partition = ProducePartition { index, records };
        let topic = ProduceTopic { name, id: Default::default(), partitions: vec![partition] };
        // Before version 7 zstd is refused whatever else is wrong.
        let low = if codec == Codec::Zstd { 7 } else { 3 };
        let request = produce(acks, TIMEOUT_MS, vec![topic]);
        Ask {
            what: format!("a batch with {flaw:?}, {codec:?}"),
            api: ApiKey::Produce,
            versions: (low, 12),
            request,
            right: vec![right],
            then: Then::Nothing,
        }
    }

    fn describe(&mut self) -> Ask {
        let strange: [(i8, &str, i16); 13] = [
            (2, "a/b", INVALID_TOPIC_EXCEPTION),
            (2, "no-such-topic", UNKNOWN_TOPIC_OR_PARTITION),
            (4, "77", INVALID_REQUEST),
            (4, "one", INVALID_REQUEST),
            (4, "1", 0),
            (4, "", 0),
            (8, "", INVALID_REQUEST),
            (8, "one", INVALID_REQUEST),
            (8, "77", INVALID_REQUEST),
            (8, "1", 0),
            (16, "", INVALID_REQUEST),
            (32, "", INVALID_REQUEST),
            (99, "x", INVALID_REQUEST),
        ];
        let all = [Of::Topic, Of::Metrics, Of::Group].map(|of| {
            let code = if of == Of::Topic && self.topic.is_none() { UNKNOWN_TOPIC_OR_PARTITION } else { 0 };
            (of.code(), self.own_of(of).0, code)
        });
        let mut asked = all.to_vec();
        if let Some((kind, name, code)) = self.rng.pick(&strange) {
            asked.push((*kind, (*name).to_owned(), *code));
        }
        let resource = |(kind, name, _): &(i8, String, i16)| {
            msg::describe_configs_request::DescribeConfigsResource::blank()
                .with_resource_type(*kind)
                .with_resource_name(text(name))
        };
        let request = msg::DescribeConfigsRequest::default()
            .with_resources(asked.iter().map(resource).collect())
            .with_include_synonyms(self.rng.chance(1, 2));
        Ask {
            what: "DescribeConfigs".to_owned(),
            api: ApiKey::DescribeConfigs,
            versions: (1, i16::MAX),
            request: Request::DescribeConfigs(request),
            right: asked.iter().map(|(.., code)| *code).collect(),
            then: Then::Shown(vec![Of::Topic, Of::Metrics, Of::Group]),
        }
    }

    fn resources(&mut self) -> Ask {
        let asked = match self.rng.below(4) {
            0 => vec![99],
            1 => vec![2, 16, 32],
            2 => vec![2, 4, 8, 16, 32],
            _ => Vec::new(),
        };
        let (right, then) = if asked == [99] { (UNSUPPORTED_VERSION, Then::Nothing) } else { (0, Then::Listed) };
        let request = msg::ListConfigResourcesRequest::default().with_resource_types(asked);
        Ask {
            what: "ListConfigResources".to_owned(),
            api: ApiKey::ListConfigResources,
            versions: (1, 1),
            request: Request::ListConfigResources(request),
            right: vec![right],
            then,
        }
    }

    fn metadata(&mut self) -> Ask {
        use msg::metadata_request::MetadataRequestTopic;
        let there = self.topic.is_some();
        let missing = if there { 0 } else { UNKNOWN_TOPIC_OR_PARTITION };
        let named = |name: &str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let by_id = |id| MetadataRequestTopic::blank().with_topic_id(id);
        let id = self.topic.as_ref().map_or(Uuid::from_u128(0x77), |t| t.id);
        let name = self.topic_name();
        let (versions, topics, right) = match self.rng.below(7) {
            0 => ((12, i16::MAX), vec![by_id(id), by_id(id)], if there { vec![0] } else { vec![UNKNOWN_TOPIC_ID; 2] }),
            1 => ((12, i16::MAX), vec![by_id(Uuid::from_u128(0x78)), named(&name)], vec![missing, UNKNOWN_TOPIC_ID]),
            2 => ((10, 11), vec![by_id(id)], vec![INVALID_REQUEST]),
            3 => ((12, i16::MAX), vec![by_id(Uuid::nil()), named(&name)], vec![UNKNOWN_SERVER_ERROR; 2]),
            4 => (
                (4, i16::MAX),
                vec![named("a/b"), named("no-such-topic")],
                vec![INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION],
            ),
            5 => ((8, 10), vec![named(&name), named(&name)], vec![missing]),
            _ => ((4, i16::MAX), vec![named(&name)], vec![missing]),
        };
        let with_operations = versions == (8, 10);
        let mut request = msg::MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(false);
        request.include_cluster_authorized_operations = with_operations;
        request.include_topic_authorized_operations = with_operations;
        let request = Request::Metadata(request);
        Ask { what: "Metadata".to_owned(), api: ApiKey::Metadata, versions, request, right, then: Then::Nothing }
    }

    fn page(&mut self) -> Ask {
        use msg::describe_topic_partitions_request::{Cursor, TopicRequest};
        let name = self.topic_name();
        let asked = |name: &str| TopicRequest::default().with_name(topic_name(name));
        let cursor = |name: &str, index| Some(Cursor::default().with_topic_name(topic_name(name)).with_partition_index(index));
        let right = if self.topic.is_some() { 0 } else { UNKNOWN_TOPIC_OR_PARTITION };
        let first = self.rng.below(3) as i32;
        let (topics, at, right, then) = match self.rng.below(6) {
            0 => (vec![asked("")], None, vec![UNKNOWN_SERVER_ERROR], Then::Nothing),
            1 => (vec![asked("a/b")], None, vec![INVALID_TOPIC_EXCEPTION], Then::Nothing),
            2 => (vec![asked(&name)], cursor(&name, -1), vec![INVALID_REQUEST], Then::Nothing),
            3 => (vec![asked(&name)], cursor("no-such-topic", 0), vec![INVALID_REQUEST], Then::Nothing),
            4 => (vec![asked(&name)], cursor(&name, first), vec![right], Then::Page(first)),
            _ => (vec![asked(&name)], None, vec![right], Then::Page(0)),
        };
        let limit = if self.rng.chance(1, 2) { 1 } else { 2_000 };
        let request = msg::DescribeTopicPartitionsRequest::default()
            .with_topics(topics)
            .with_response_partition_limit(limit)
            .with_cursor(at);
        Ask {
            what: "DescribeTopicPartitions".to_owned(),
            api: ApiKey::DescribeTopicPartitions,
            versions: (0, i16::MAX),
            request: Request::DescribeTopicPartitions(request),
            right,
            then,
        }
    }

    fn telemetry(&mut self) -> Ask {
        let (api, request, right, then) = if self.rng.chance(1, 2) {
            let request = msg::GetTelemetrySubscriptionsRequest::default().with_client_instance_id(self.instance);
            (ApiKey::GetTelemetrySubscriptions, Request::GetTelemetrySubscriptions(request), 0, Then::Subscribed)
        } else {
            let request = msg::PushTelemetryRequest::default()
                .with_client_instance_id(self.instance)
                .with_subscription_id(1)
                .with_metrics(vec![1, 2, 3].into());
            (ApiKey::PushTelemetry, Request::PushTelemetry(request), INVALID_REQUEST, Then::Nothing)
        };
        Ask { what: "telemetry".to_owned(), api, versions: (0, i16::MAX), request, right: vec![right], then }
    }

    pub(crate) fn on_response(&mut self, sim: &mut Sim, me: u32, conn: u32, (correlation, _, response): Got) {
        let Some((what, right, then)) = self.link.answered(conn, correlation) else { return };
        self.later(sim, me);
        let codes = codes(&response);
        let troubled = codes.iter().any(|code| TROUBLE.contains(code)) && codes != right;
        if troubled || sim.disk_is_damaged() {
            if then.changes() {
                self.renew();
            }
            return;
        }
        sim.watch.tally.count(Id::Administration);
        // The broker's clock and the client's are up to hours apart.
        let too_far_off = right == [0] && codes == [INVALID_TIMESTAMP] && matches!(response, Response::Produce(_));
        if codes != right && !too_far_off {
            let message = format!("{what}: {codes:?}, not {right:?}: {response:?}");
            return complain(sim, "a request is answered otherwise than Kafka answers it", message);
        }
        self.follow(sim, then, &response);
    }

    fn follow(&mut self, sim: &mut Sim, then: Then, response: &Response) {
        match (then, response) {
            (Then::Created(topic), Response::CreateTopics(answer)) => {
                let Some(line) = answer.topics.first() else { return };
                if topic.partitions >= 0 && line.num_partitions != topic.partitions {
                    complain(sim, "a topic is created otherwise than it was asked for", format!("{topic:?}: {line:?}"));
                }
                self.topic = Some(Topic { id: line.topic_id, partitions: line.num_partitions, ..topic });
            }
            (Then::Mill(keys), _) => self.mill = Some(keys),
            (Then::Grown(count), _) => self.topic.iter_mut().for_each(|t| t.partitions = count),
            // Its name is not used again: what was deleted may be told of by whoever asks at once.
            (Then::Deleted, _) => self.renew(),
            (Then::Set(Of::Topic, own), _) => self.topic.iter_mut().for_each(|t| t.own.clone_from(&own)),
            (Then::Set(Of::Metrics, own), _) => self.metrics = own,
            (Then::Set(Of::Group, own), _) => self.group = own,
            (Then::Shown(all), Response::DescribeConfigs(answer)) => {
                for (of, line) in all.into_iter().zip(&answer.results).filter(|(_, line)| line.error_code == 0) {
                    self.check_shown(sim, of, line);
                }
            }
            (Then::Listed, Response::ListConfigResources(answer)) => {
                for of in [Of::Topic, Of::Metrics, Of::Group] {
                    let (name, own) = self.own_of(of);
                    let there = if of == Of::Topic { self.topic.is_some() } else { !own.is_empty() };
                    let found = answer
                        .config_resources
                        .iter()
                        .any(|r| (r.resource_type, r.resource_name.as_str()) == (of.code(), name.as_str()));
                    if found != there {
                        complain(sim, "a resource is listed otherwise than it was made", format!("{name}: {answer:?}"));
                    }
                }
            }
            (Then::Page(first), Response::DescribeTopicPartitions(answer)) => self.check_page(sim, first, answer),
            (Then::Subscribed, Response::GetTelemetrySubscriptions(answer)) => {
                let kept = self.instance.is_nil() || answer.client_instance_id == self.instance;
                if !kept || answer.client_instance_id.is_nil() {
                    complain(sim, "a client instance is told of another", format!("{answer:?}"));
                }
                self.instance = answer.client_instance_id;
            }
            _ => {}
        }
    }

    /// What a resource shows as its own is what it was given, no more and no less.
    fn check_shown(&self, sim: &mut Sim, of: Of, line: &msg::describe_configs_response::DescribeConfigsResult) {
        // DYNAMIC_TOPIC_CONFIG, DYNAMIC_CLIENT_METRICS_CONFIG, DYNAMIC_GROUP_CONFIG
        let source = match of {
            Of::Topic => 1,
            Of::Metrics => 7,
            _ => 8,
        };
        let shown = line.configs.iter().filter(|c| c.config_source == source);
        let shown: Own =
            shown.map(|c| (c.name.to_string(), c.value.as_ref().map(|v| v.to_string()).unwrap_or_default())).collect();
        let (name, own) = self.own_of(of);
        if shown != own {
            complain(
                sim,
                "settings are described otherwise than they were acknowledged",
                format!("{name}: {shown:?}, not {own:?}"),
            );
        }
    }

    fn check_page(&self, sim: &mut Sim, first: i32, answer: &msg::DescribeTopicPartitionsResponse) {
        let Some(has) = self.topic.as_ref().map(|t| t.partitions) else { return };
        let given: Vec<i32> = answer.topics.iter().flat_map(|t| &t.partitions).map(|p| p.partition_index).collect();
        let end = first + given.len() as i32;
        let in_order = given.iter().copied().eq(first..end);
        let goes_on = answer.next_cursor.as_ref().map(|c| c.partition_index);
        let right = if end < has { goes_on == Some(end) } else { goes_on.is_none() };
        if !in_order || !right || end > has.max(first) {
            let message = format!("{has} partitions, from {first}: {answer:?}");
            complain(sim, "a page of a topic is not as it was acknowledged", message);
        }
    }
}

impl Then {
    /// Whether it may have changed something of its own.
    fn changes(&self) -> bool {
        matches!(self, Then::Created(_) | Then::Mill(_) | Then::Grown(_) | Then::Deleted | Then::Set(..))
    }
}

/// The error codes of an answer, line by line.
fn codes(response: &Response) -> Vec<i16> {
    match response {
        Response::CreateTopics(r) => r.topics.iter().map(|t| t.error_code).collect(),
        Response::CreatePartitions(r) => r.results.iter().map(|t| t.error_code).collect(),
        Response::DeleteTopics(r) => r.responses.iter().map(|t| t.error_code).collect(),
        Response::AlterConfigs(r) => r.responses.iter().map(|t| t.error_code).collect(),
        Response::IncrementalAlterConfigs(r) => r.responses.iter().map(|t| t.error_code).collect(),
        Response::DescribeConfigs(r) => r.results.iter().map(|t| t.error_code).collect(),
        Response::Metadata(r) => r.topics.iter().map(|t| t.error_code).collect(),
        Response::DescribeTopicPartitions(r) => r.topics.iter().map(|t| t.error_code).collect(),
        Response::Produce(r) => r.responses.iter().flat_map(|t| &t.partition_responses).map(|p| p.error_code).collect(),
        Response::ListConfigResources(r) => vec![r.error_code],
        Response::GetTelemetrySubscriptions(r) => vec![r.error_code],
        Response::PushTelemetry(r) => vec![r.error_code],
        _ => Vec::new(),
    }
}

fn complain(sim: &mut Sim, site: &str, message: String) {
    sim.fail(Id::Administration.name(), site, message);
}
