//! Cluster metadata as it stands after some prefix of the metadata log: the fold of its records, and nothing else.
//!
//! State       topics, partitions, brokers, controllers, settings, features, the next producer id.
//! Takes       records in the order of the log (`apply`).
//! Gives       `Delta`s; the records of a snapshot (`records`), whose fold is the same image.
//! Holds       a name and an id mean the same topic; partitions have no gaps; a record that contradicts the image is an error.
//! Not here    deciding (the files named after requests), the log (`Controller`).

use super::Delta;
use super::records::{
    BrokerChange, Endpoint, FeatureRange, PartitionChange, PartitionRecord, Record, RegisterBroker, RegisterController,
};
use crate::ids::{BrokerId, LeaderEpoch, PartitionIndex, TopicId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everything that the metadata log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    pub topics: BTreeMap<TopicId, Topic>,
    pub names: BTreeMap<String, TopicId>,
    pub brokers: BTreeMap<BrokerId, Broker>,
    pub controllers: BTreeMap<i32, RegisterController>,
    /// Settings of resources that have any.
    pub configs: BTreeMap<Resource, BTreeMap<String, String>>,
    /// Finalized levels; a feature at level 0 is absent.
    pub features: BTreeMap<String, i16>,
    /// The first producer id of the next block.
    pub next_producer_id: i64,
    /// The records since a `BeginTransaction` that nothing has ended. Ottla writes none: its requests are single batches.
    open: Option<Vec<Record>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    /// By partition index, without gaps.
    pub partitions: Vec<Partition>,
}

/// One partition. Kept small: a node may have ten thousand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// In the order of preference.
    pub replicas: Box<[BrokerId]>,
    pub isr: Box<[BrokerId]>,
    pub removing: Box<[BrokerId]>,
    pub adding: Box<[BrokerId]>,
    /// Eligible leaders outside the ISR (KIP-966).
    pub elr: Box<[BrokerId]>,
    pub last_known_elr: Box<[BrokerId]>,
    /// The log directory of each replica.
    pub directories: Box<[Uuid]>,
    /// `None`: nobody leads.
    pub leader: Option<BrokerId>,
    pub leader_epoch: LeaderEpoch,
    /// Grows with every change of the partition.
    pub partition_epoch: i32,
    /// The leader was elected uncleanly and has not recovered yet.
    pub recovering: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    pub incarnation: Uuid,
    /// The offset of its registration.
    pub epoch: i64,
    pub endpoints: Vec<Endpoint>,
    pub features: Vec<FeatureRange>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

/// What a setting belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Topic(String),
    /// `None`: the default of all brokers.
    Broker(Option<BrokerId>),
    ClientMetrics(String),
    Group(String),
}

impl Resource {
    pub const TOPIC: i8 = 2;
    pub const BROKER: i8 = 4;
    pub const BROKER_LOGGER: i8 = 8;
    pub const CLIENT_METRICS: i8 = 16;
    pub const GROUP: i8 = 32;

    /// From Kafka's number and name.
    fn from_kafka(kind: i8, name: &str) -> Result<Resource, String> {
        match kind {
            Resource::TOPIC => Ok(Resource::Topic(name.to_owned())),
            Resource::BROKER if name.is_empty() => Ok(Resource::Broker(None)),
            Resource::BROKER => match name.parse() {
                Ok(id) => Ok(Resource::Broker(Some(BrokerId(id)))),
                Err(_) => Err(format!("settings of broker {name:?}, which is no number")),
            },
            Resource::CLIENT_METRICS => Ok(Resource::ClientMetrics(name.to_owned())),
            Resource::GROUP => Ok(Resource::Group(name.to_owned())),
            _ => Err(format!("settings of a resource of type {kind}, which is not known here")),
        }
    }

    /// Kafka's number and name.
    #[must_use]
    pub fn to_kafka(&self) -> (i8, String) {
        match self {
            Resource::Topic(name) => (Resource::TOPIC, name.clone()),
            Resource::Broker(None) => (Resource::BROKER, String::new()),
            Resource::Broker(Some(id)) => (Resource::BROKER, id.to_string()),
            Resource::ClientMetrics(name) => (Resource::CLIENT_METRICS, name.clone()),
            Resource::Group(name) => (Resource::GROUP, name.clone()),
        }
    }
}

fn brokers(ids: &[i32]) -> Box<[BrokerId]> {
    ids.iter().map(|n| BrokerId(*n)).collect()
}

fn numbers(ids: &[BrokerId]) -> Vec<i32> {
    ids.iter().map(|b| b.0).collect()
}

fn leader(id: i32) -> Option<BrokerId> {
    (id >= 0).then_some(BrokerId(id))
}

impl Image {
    #[must_use]
    pub fn topic_by_name(&self, name: &str) -> Option<(TopicId, &Topic)> {
        let id = *self.names.get(name)?;
        Some((id, self.topics.get(&id)?))
    }

    #[must_use]
    pub fn partition(&self, topic: TopicId, index: PartitionIndex) -> Option<&Partition> {
        self.topics.get(&topic)?.partitions.get(usize::try_from(index.0).ok()?)
    }

    /// The settings that a resource has of its own.
    #[must_use]
    pub fn config(&self, resource: &Resource) -> Option<&BTreeMap<String, String>> {
        self.configs.get(resource)
    }

    /// The level of a feature; 0 if it is not finalized.
    #[must_use]
    pub fn feature(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    /// Apply the next record of the log. An error means that the log contradicts itself or says what is not known here.
    pub fn apply(&mut self, record: &Record, deltas: &mut Vec<Delta>) -> Result<(), String> {
        match (record, self.open.as_mut()) {
            (Record::BeginTransaction { .. }, None) => self.open = Some(Vec::new()),
            (Record::BeginTransaction { .. }, Some(_)) => return Err("a metadata transaction within another".to_owned()),
            (Record::EndTransaction | Record::AbortTransaction { .. }, None) => {
                return Err("the end of a metadata transaction that did not begin".to_owned());
            }
            (Record::EndTransaction, Some(_)) => {
                for record in self.open.take().unwrap_or_default() {
                    self.apply_now(&record, deltas)?;
                }
            }
            (Record::AbortTransaction { .. }, Some(_)) => self.open = None,
            (_, Some(open)) => open.push(record.clone()),
            (_, None) => self.apply_now(record, deltas)?,
        }
        Ok(())
    }

    /// Whether every record was applied: no metadata transaction is open.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.open.is_none()
    }

    fn apply_now(&mut self, record: &Record, deltas: &mut Vec<Delta>) -> Result<(), String> {
        match record {
            Record::Topic { name, id } => self.apply_topic(name, TopicId(*id), deltas),
            Record::Partition(r) => self.apply_partition(r, deltas),
            Record::PartitionChange(r) => self.apply_partition_change(r, deltas),
            Record::RemoveTopic { id } => self.apply_remove_topic(TopicId(*id), deltas),
            Record::Config { resource_type, resource_name, name, value } => {
                self.apply_config(Resource::from_kafka(*resource_type, resource_name)?, name, value.as_deref(), deltas);
                Ok(())
            }
            Record::RegisterBroker(r) => {
                self.apply_register_broker(r);
                Ok(())
            }
            Record::BrokerChange(r) => self.apply_broker_change(r),
            Record::FenceBroker { broker, .. } => self.broker_mut(*broker).map(|b| b.fenced = true),
            Record::UnfenceBroker { broker, .. } => self.broker_mut(*broker).map(|b| b.fenced = false),
            Record::UnregisterBroker { broker, .. } => {
                let removed = self.brokers.remove(&BrokerId(*broker));
                removed.map(|_| ()).ok_or_else(|| format!("broker {broker} leaves and is not there"))
            }
            Record::RegisterController(r) => {
                self.controllers.insert(r.controller, r.clone());
                Ok(())
            }
            Record::FeatureLevel { name, level } => {
                if *level == 0 {
                    self.features.remove(name);
                } else {
                    self.features.insert(name.clone(), *level);
                }
                Ok(())
            }
            Record::ProducerIds { next, .. } => {
                if *next < self.next_producer_id {
                    return Err(format!("producer ids go back from {} to {next}", self.next_producer_id));
                }
                self.next_producer_id = *next;
                Ok(())
            }
            Record::ClearElr { topic_name } => {
                self.apply_clear_elr(topic_name);
                Ok(())
            }
            Record::NoOp | Record::BeginTransaction { .. } | Record::EndTransaction | Record::AbortTransaction { .. } => Ok(()),
        }
    }

    fn apply_topic(&mut self, name: &str, id: TopicId, deltas: &mut Vec<Delta>) -> Result<(), String> {
        if self.topics.contains_key(&id) {
            return Err(format!("topic id {id} a second time"));
        }
        if self.names.insert(name.to_owned(), id).is_some() {
            return Err(format!("topic {name} a second time"));
        }
        self.topics.insert(id, Topic { name: name.to_owned(), partitions: Vec::new() });
        deltas.push(Delta::TopicCreated { topic: id, name: name.to_owned() });
        Ok(())
    }

    fn apply_partition(&mut self, r: &PartitionRecord, deltas: &mut Vec<Delta>) -> Result<(), String> {
        let id = TopicId(r.topic);
        let Some(topic) = self.topics.get_mut(&id) else {
            return Err(format!("a partition of topic {id}, which is not there"));
        };
        let partition = Partition {
            replicas: brokers(&r.replicas),
            isr: brokers(&r.isr),
            removing: brokers(&r.removing),
            adding: brokers(&r.adding),
            elr: brokers(r.elr.as_deref().unwrap_or_default()),
            last_known_elr: brokers(r.last_known_elr.as_deref().unwrap_or_default()),
            directories: r.directories.clone().into_boxed_slice(),
            leader: leader(r.leader),
            leader_epoch: LeaderEpoch(r.leader_epoch),
            partition_epoch: r.partition_epoch,
            recovering: r.recovery_state == 1,
        };
        let at = usize::try_from(r.index).map_err(|_| format!("partition {} of {}", r.index, topic.name))?;
        let index = PartitionIndex(r.index);
        match at.cmp(&topic.partitions.len()) {
            std::cmp::Ordering::Less => {
                topic.partitions[at] = partition;
                deltas.push(Delta::PartitionChanged { topic: id, index });
            }
            std::cmp::Ordering::Equal => {
                topic.partitions.push(partition);
                let next = PartitionIndex(r.index + 1);
                match deltas.last_mut() {
                    Some(Delta::PartitionsAdded { topic, to, .. }) if *topic == id && *to == index => *to = next,
                    _ => deltas.push(Delta::PartitionsAdded { topic: id, from: index, to: next }),
                }
            }
            std::cmp::Ordering::Greater => {
                return Err(format!("partition {} of {}, which has {}", r.index, topic.name, topic.partitions.len()));
            }
        }
        Ok(())
    }

    fn apply_partition_change(&mut self, r: &PartitionChange, deltas: &mut Vec<Delta>) -> Result<(), String> {
        let id = TopicId(r.topic);
        let partition = usize::try_from(r.index).ok().and_then(|i| self.topics.get_mut(&id)?.partitions.get_mut(i));
        let Some(p) = partition else {
            return Err(format!("a change of partition {} of topic {id}, which is not there", r.index));
        };
        for (field, change) in [
            (&mut p.replicas, &r.replicas),
            (&mut p.isr, &r.isr),
            (&mut p.removing, &r.removing),
            (&mut p.adding, &r.adding),
            (&mut p.elr, &r.elr),
            (&mut p.last_known_elr, &r.last_known_elr),
        ] {
            if let Some(ids) = change {
                *field = brokers(ids);
            }
        }
        if let Some(directories) = &r.directories {
            p.directories = directories.clone().into_boxed_slice();
        }
        if let Some(to) = r.leader {
            p.leader = leader(to);
            p.leader_epoch = LeaderEpoch(p.leader_epoch.0 + 1);
        }
        if let Some(state) = r.recovery_state {
            p.recovering = state == 1;
        }
        p.partition_epoch += 1;
        deltas.push(Delta::PartitionChanged { topic: id, index: PartitionIndex(r.index) });
        Ok(())
    }

    fn apply_remove_topic(&mut self, id: TopicId, deltas: &mut Vec<Delta>) -> Result<(), String> {
        let Some(topic) = self.topics.remove(&id) else {
            return Err(format!("topic {id} is removed and is not there"));
        };
        self.names.remove(&topic.name);
        self.configs.remove(&Resource::Topic(topic.name.clone()));
        let partitions = u32::try_from(topic.partitions.len()).unwrap_or(0);
        deltas.push(Delta::TopicDeleted { topic: id, name: topic.name, partitions });
        Ok(())
    }

    fn apply_config(&mut self, resource: Resource, name: &str, value: Option<&str>, deltas: &mut Vec<Delta>) {
        match &resource {
            Resource::Topic(topic) => {
                if let Some(topic) = self.names.get(topic)
                    && deltas.last() != Some(&Delta::TopicConfigChanged { topic: *topic })
                {
                    deltas.push(Delta::TopicConfigChanged { topic: *topic });
                }
            }
            Resource::Broker(_) if deltas.last() != Some(&Delta::BrokerConfigChanged) => deltas.push(Delta::BrokerConfigChanged),
            _ => {}
        }
        match value {
            Some(value) => {
                self.configs.entry(resource).or_default().insert(name.to_owned(), value.to_owned());
            }
            None => {
                if let Some(settings) = self.configs.get_mut(&resource) {
                    settings.remove(name);
                    if settings.is_empty() {
                        self.configs.remove(&resource);
                    }
                }
            }
        }
    }

    fn apply_register_broker(&mut self, r: &RegisterBroker) {
        let broker = Broker {
            incarnation: r.incarnation,
            epoch: r.epoch,
            endpoints: r.endpoints.clone(),
            features: r.features.clone(),
            rack: r.rack.clone(),
            fenced: r.fenced,
            in_controlled_shutdown: r.in_controlled_shutdown,
            log_dirs: r.log_dirs.clone(),
            cordoned_log_dirs: r.cordoned_log_dirs.clone(),
        };
        self.brokers.insert(BrokerId(r.broker), broker);
    }

    fn broker_mut(&mut self, id: i32) -> Result<&mut Broker, String> {
        self.brokers.get_mut(&BrokerId(id)).ok_or_else(|| format!("broker {id} changes and is not there"))
    }

    fn apply_broker_change(&mut self, r: &BrokerChange) -> Result<(), String> {
        let broker = self.broker_mut(r.broker)?;
        if broker.epoch != r.epoch {
            return Err(format!("broker {} has epoch {} and changes in epoch {}", r.broker, broker.epoch, r.epoch));
        }
        match r.fenced {
            -1 => broker.fenced = false,
            1 => broker.fenced = true,
            _ => {}
        }
        broker.in_controlled_shutdown |= r.in_controlled_shutdown == 1;
        if !r.log_dirs.is_empty() {
            broker.log_dirs.clone_from(&r.log_dirs);
        }
        if r.cordoned_log_dirs.is_some() {
            broker.cordoned_log_dirs.clone_from(&r.cordoned_log_dirs);
        }
        Ok(())
    }

    fn apply_clear_elr(&mut self, topic_name: &str) {
        for topic in self.topics.values_mut().filter(|t| topic_name.is_empty() || t.name == topic_name) {
            for p in &mut topic.partitions {
                (p.elr, p.last_known_elr) = (Box::default(), Box::default());
            }
        }
    }

    /// The records whose fold is this image: the contents of a snapshot.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        assert!(self.is_settled(), "a snapshot lies between metadata transactions");
        let mut all = Vec::new();
        // Whoever reads a snapshot must learn first which records it may hold.
        let (first, rest): (Vec<_>, Vec<_>) = self.features.iter().partition(|(name, _)| *name == super::METADATA_VERSION);
        for (name, level) in first.into_iter().chain(rest) {
            all.push(Record::FeatureLevel { name: name.clone(), level: *level });
        }
        for (id, b) in &self.brokers {
            all.push(Record::RegisterBroker(RegisterBroker {
                broker: id.0,
                incarnation: b.incarnation,
                epoch: b.epoch,
                endpoints: b.endpoints.clone(),
                features: b.features.clone(),
                rack: b.rack.clone(),
                fenced: b.fenced,
                in_controlled_shutdown: b.in_controlled_shutdown,
                log_dirs: b.log_dirs.clone(),
                cordoned_log_dirs: b.cordoned_log_dirs.clone(),
            }));
        }
        all.extend(self.controllers.values().cloned().map(Record::RegisterController));
        for (id, topic) in &self.topics {
            all.push(Record::Topic { name: topic.name.clone(), id: id.0 });
            all.extend(topic.partitions.iter().zip(0..).map(|(p, index)| Record::Partition(p.record(*id, index))));
        }
        for (resource, settings) in &self.configs {
            let (resource_type, resource_name) = resource.to_kafka();
            all.extend(settings.iter().map(|(name, value)| Record::Config {
                resource_type,
                resource_name: resource_name.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            }));
        }
        if self.next_producer_id > 0 {
            all.push(Record::ProducerIds { broker: -1, epoch: -1, next: self.next_producer_id });
        }
        all
    }

    /// Panics if the image contradicts itself.
    pub fn check_invariants(&self) {
        assert!(self.names.len() == self.topics.len(), "a name and an id for each topic");
        for (name, id) in &self.names {
            assert!(self.topics.get(id).is_some_and(|t| t.name == *name), "{name} and {id} mean the same topic");
        }
        for topic in self.topics.values() {
            for (i, p) in topic.partitions.iter().enumerate() {
                assert!(p.isr.iter().all(|b| p.replicas.contains(b)), "the ISR of {}-{i} are replicas", topic.name);
                assert!(p.leader.is_none_or(|l| p.isr.contains(&l)), "the leader of {}-{i} is in sync", topic.name);
            }
        }
    }
}

impl Partition {
    fn record(&self, topic: TopicId, index: i32) -> PartitionRecord {
        let unless_empty = |ids: &[BrokerId]| (!ids.is_empty()).then(|| numbers(ids));
        PartitionRecord {
            topic: topic.0,
            index,
            replicas: numbers(&self.replicas),
            isr: numbers(&self.isr),
            removing: numbers(&self.removing),
            adding: numbers(&self.adding),
            leader: self.leader.map_or(-1, |b| b.0),
            recovery_state: i8::from(self.recovering),
            leader_epoch: self.leader_epoch.0,
            partition_epoch: self.partition_epoch,
            directories: self.directories.to_vec(),
            elr: unless_empty(&self.elr),
            last_known_elr: unless_empty(&self.last_known_elr),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(records: &[Record]) -> Result<(Image, Vec<Delta>), String> {
        let (mut image, mut deltas) = (Image::default(), Vec::new());
        for r in records {
            image.apply(r, &mut deltas)?;
            image.check_invariants();
        }
        Ok((image, deltas))
    }

    fn topic(n: u128, name: &str) -> Record {
        Record::Topic { name: name.into(), id: Uuid::from_u128(n) }
    }

    fn partition(n: u128, index: i32) -> Record {
        Record::Partition(PartitionRecord {
            topic: Uuid::from_u128(n),
            index,
            replicas: vec![1],
            isr: vec![1],
            leader: 1,
            directories: vec![Uuid::from_u128(9)],
            ..PartitionRecord::default()
        })
    }

    fn config(kind: i8, resource: &str, name: &str, value: Option<&str>) -> Record {
        let value = value.map(str::to_owned);
        Record::Config { resource_type: kind, resource_name: resource.into(), name: name.into(), value }
    }

    fn feature(name: &str, level: i16) -> Record {
        Record::FeatureLevel { name: name.into(), level }
    }

    fn story() -> Vec<Record> {
        vec![
            feature("group.version", 1),
            feature("metadata.version", 30),
            topic(1, "a"),
            config(2, "a", "retention.ms", Some("5")),
            partition(1, 0),
            partition(1, 1),
            topic(2, "b"),
            partition(2, 0),
            config(4, "", "message.max.bytes", Some("7")),
            config(4, "1", "log.retention.ms", Some("7")),
            Record::ProducerIds { broker: 1, epoch: 1, next: 1000 },
            Record::PartitionChange(PartitionChange {
                topic: Uuid::from_u128(1),
                isr: Some(vec![]),
                leader: Some(-1),
                elr: Some(vec![1]),
                ..PartitionChange::default()
            }),
        ]
    }

    #[test]
    fn a_snapshot_folds_to_the_image_that_it_was_taken_of() {
        let (image, _) = fold(&story()).unwrap();
        let records = image.records();
        assert_eq!(fold(&records).unwrap().0, image);
        assert_eq!(records[0], feature("metadata.version", 30));
        let p = image.partition(TopicId(Uuid::from_u128(1)), PartitionIndex(0)).unwrap();
        assert_eq!((p.leader, p.leader_epoch, p.partition_epoch), (None, LeaderEpoch(1), 1));
    }

    #[test]
    fn deltas_say_what_changed() {
        let (a, b) = (TopicId(Uuid::from_u128(1)), TopicId(Uuid::from_u128(2)));
        let mut records = story();
        records.push(Record::RemoveTopic { id: a.0 });
        let (image, deltas) = fold(&records).unwrap();
        let index = PartitionIndex;
        assert_eq!(
            deltas,
            [
                Delta::TopicCreated { topic: a, name: "a".into() },
                Delta::TopicConfigChanged { topic: a },
                Delta::PartitionsAdded { topic: a, from: index(0), to: index(2) },
                Delta::TopicCreated { topic: b, name: "b".into() },
                Delta::PartitionsAdded { topic: b, from: index(0), to: index(1) },
                Delta::BrokerConfigChanged,
                Delta::PartitionChanged { topic: a, index: index(0) },
                Delta::TopicDeleted { topic: a, name: "a".into(), partitions: 2 },
            ]
        );
        assert_eq!(image.config(&Resource::Topic("a".into())), None, "settings go with their topic");
    }

    #[test]
    fn records_that_contradict_the_image_are_errors() {
        for (records, why) in [
            (vec![topic(1, "a"), topic(1, "b")], "a second time"),
            (vec![topic(1, "a"), topic(2, "a")], "a second time"),
            (vec![partition(1, 0)], "not there"),
            (vec![topic(1, "a"), partition(1, 1)], "which has 0"),
            (vec![Record::RemoveTopic { id: Uuid::nil() }], "not there"),
            (vec![config(3, "x", "y", None)], "type 3"),
            (vec![Record::EndTransaction], "did not begin"),
            (
                vec![
                    Record::ProducerIds { broker: 1, epoch: 1, next: 1000 },
                    Record::ProducerIds { broker: 1, epoch: 1, next: 999 },
                ],
                "go back",
            ),
        ] {
            assert!(fold(&records).unwrap_err().contains(why), "{why}");
        }
    }

    #[test]
    fn a_metadata_transaction_is_all_or_nothing() {
        let begin = Record::BeginTransaction { name: None };
        let (open, _) = fold(&[begin.clone(), topic(1, "a")]).unwrap();
        assert!(open.topics.is_empty() && !open.is_settled());
        let (ended, _) = fold(&[begin.clone(), topic(1, "a"), Record::EndTransaction]).unwrap();
        assert_eq!(ended.topics.len(), 1);
        let (aborted, _) = fold(&[begin, topic(1, "a"), Record::AbortTransaction { reason: None }]).unwrap();
        assert!(aborted.topics.is_empty() && aborted.is_settled());
    }

    #[test]
    fn a_setting_that_is_deleted_leaves_nothing() {
        let (image, _) = fold(&[config(4, "", "a", Some("1")), config(4, "", "a", None)]).unwrap();
        assert!(image.configs.is_empty());
    }
}
