//! The controller: cluster metadata as fold(metadata log), and the one place that changes it.
//!
//! State       the metadata log, the image of what is durable, the image with what is still being written, answers that wait.
//! Takes       `ControllerEvent`: changes with a token, disk completions, time.
//! Gives       `ControllerIntent`: answers, what changed (after it is durable), the end of the node. Never connections.
//! Holds       `image()` == fold(durable prefix of the log); an answer leaves after the sync that covers its records, in the order
//!             of the requests; each life of the node is a new leader epoch, durable before its first record.
//! Not here    which connection asked (the session), partitions' files (the node acts on `Changed`).
//! Read first  `records.rs`, `image.rs`, then `Controller::handle`; `start.rs` for recovery, `snapshot.rs`.

mod alter_configs;
mod auto_create;
mod control;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod files;
pub mod image;
pub mod query;
pub mod records;
mod refusal;
mod reserve;
mod schema;
mod snapshot;
mod start;
#[cfg(test)]
mod tests;
pub mod topic_name;

use crate::config::{Settings, TopicSettings};
use crate::disk::{DiskPort, Replacer};
use crate::ids::{BrokerId, DirId, LeaderEpoch, Offset, OpId, PartitionIndex, TopicId};
use crate::io::{Deadline, DiskCall, DiskDone, DiskFault, Fact, Fatal, FileId, FileKind, FileName, Level};
use crate::log::{Log, LogEvent, Origin};
use crate::planted::Bug;
use crate::rng::Rng;
use crate::serve::Lookup;
use crate::time::{Instant, Now};
use crate::wire::{ErrorCode, Response, msg};
use files::Identity;
pub(crate) use files::check_file;
pub use image::{Image, Resource};
use records::Record;
pub use records::{Endpoint, FeatureRange};
use refusal::Refusal;
use snapshot::Snapshots;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// The directory of the metadata log, and the topic and partition under which checkpoints know it.
pub const METADATA_DIR: &str = "__cluster_metadata-0";
pub const METADATA_TOPIC: &str = "__cluster_metadata";

/// The feature whose level says which metadata records exist, and Kafka 4.3's level of it.
pub(crate) const METADATA_VERSION: &str = "metadata.version";
const METADATA_VERSION_LEVEL: i16 = 30;
/// The lowest metadata version that Kafka 4.3 supports.
const METADATA_VERSION_MIN: i16 = 7;
/// Eligible leader replicas (KIP-966). With it, `min.insync.replicas` is a setting of the cluster.
pub(crate) const ELR_VERSION: &str = "eligible.leader.replicas.version";

/// How many records one request may cause, as in Kafka.
const RECORDS_PER_REQUEST_MAX: usize = 10_000;
/// How many producer ids are handed out at once.
const PRODUCER_ID_BLOCK: i32 = 1000;
/// How long the metadata log waits before it tries again on a full disk.
const NO_SPACE_RETRY: Duration = Duration::from_secs(1);

/// Who waits for an answer. Chosen by the asker, given back with the answer, never looked into.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// What a controller is told at its start.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    pub node: BrokerId,
    /// Where clients reach this broker. Registered at every start.
    pub endpoints: Vec<Endpoint>,
    /// The settings of this broker as they were given at its start.
    pub settings: Settings,
}

/// A request that changes metadata. Those that only ask are answered from an image by `query`.
#[derive(Clone, Debug)]
pub enum Change {
    CreateTopics {
        version: i16,
        request: msg::CreateTopicsRequest,
    },
    /// Topics that Metadata met and that auto-creation shall make: answered by `ControllerIntent::Done`.
    AutoCreate {
        names: Vec<String>,
    },
    DeleteTopics {
        version: i16,
        request: msg::DeleteTopicsRequest,
    },
    CreatePartitions {
        version: i16,
        request: msg::CreatePartitionsRequest,
    },
    AlterConfigs {
        version: i16,
        request: msg::AlterConfigsRequest,
    },
    IncrementalAlterConfigs {
        version: i16,
        request: msg::IncrementalAlterConfigsRequest,
    },
    /// The next block of producer ids: answered by `ControllerIntent::ProducerIds`.
    ProducerIds,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum ControllerEvent {
    /// Somebody asks for a change. May come before `Active`: it waits.
    Asked { token: Token, change: Change },
    /// Whoever asked waits no longer: the answer is that it took too long. What was asked may be done all the same.
    Expired { token: Token },
    /// A disk call of the controller has ended.
    Disk { op: OpId, result: Result<DiskDone, DiskFault> },
    /// Something that must be written finds no space.
    SpaceNeeded,
    /// A sync of the data directory has failed, whoever asked for it.
    NamesLost { fault: DiskFault },
    /// Time has passed.
    Wake,
    /// The node ends: make the metadata log durable as a whole, write nothing more.
    Close,
}

/// What a controller decided. Given in the order in which it became durable.
#[derive(Clone, Debug)]
pub enum ControllerIntent {
    /// This life's registration is durable: the node may serve, and may do what cannot be undone (remove deleted topics' directories).
    Active,
    /// The answer to a change.
    Reply {
        token: Token,
        response: Response,
    },
    /// The answer to `AutoCreate`: each topic exists by now, or was refused.
    Done {
        token: Token,
    },
    /// A block of `count` producer ids from `first` on, which nobody was or will be given.
    ProducerIds {
        token: Token,
        first: i64,
        count: i32,
    },
    /// The image has changed; `image()` already shows it.
    Changed(Delta),
    /// The answer to `Close`. Not clean: the next life has to look at the whole log.
    Closed {
        clean: bool,
    },
    /// Metadata cannot be made durable any more, or contradicts itself.
    Halt(Fatal),
    Note(Fact),
}

/// One change of the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delta {
    TopicCreated {
        topic: TopicId,
        name: String,
    },
    /// After `TopicCreated` for its first partitions, too: indexes `from..to`.
    PartitionsAdded {
        topic: TopicId,
        from: PartitionIndex,
        to: PartitionIndex,
    },
    /// Leader, ISR or replicas of a partition.
    PartitionChanged {
        topic: TopicId,
        index: PartitionIndex,
    },
    /// It had the partitions `0..partitions`.
    TopicDeleted {
        topic: TopicId,
        name: String,
        partitions: u32,
    },
    TopicConfigChanged {
        topic: TopicId,
    },
    /// Settings of this broker, or of all, changed: every topic's resolved settings may have.
    BrokerConfigChanged,
}

/// The machine. Recovered before anything else of a node.
#[derive(Debug)]
pub struct Controller {
    config: ControllerConfig,
    /// The settings of this broker with what `image` says of them laid over: every partition asks for them.
    effective: Settings,
    identity: Identity,
    dir: DirId,
    /// Draws topic ids and incarnations.
    rng: Rng,
    log: Log,
    /// This life's leader epoch.
    epoch: LeaderEpoch,
    /// The epoch of this broker's registration: the offset of its record.
    broker_epoch: i64,
    phase: Phase,
    closing: Closing,
    /// fold(records below `image_end`), all of which are durable.
    image: Image,
    image_end: Offset,
    /// The wall time of the last record in `image`, in milliseconds.
    image_timestamp: i64,
    /// Topics of which the log, as it was found, says that they were deleted, with their names.
    deleted: BTreeMap<TopicId, String>,
    /// `image` with the records of `pending` applied: what decisions are made on.
    working: Image,
    /// What is being written, in the order of the log.
    pending: VecDeque<Pending>,
    /// Changes that came before this life was active.
    waiting: VecDeque<(Token, Change)>,
    snapshots: Snapshots,
    reserve: reserve::Reserve,
    /// It was said that this start waits for space.
    starved: bool,
    /// Calls that nobody waits for: directories made, leftovers removed.
    errands: BTreeSet<OpId>,
    /// Files that are removed when the names of those that replace them are durable.
    leftovers: Vec<FileName>,
}

/// How far a life of the node has come.
#[derive(Debug)]
enum Phase {
    /// First start: meta.properties is being written.
    Identifying(Replacer),
    /// The disk is full: this file of the start is written as soon as there is space. `at`: when to try.
    Starved {
        at: Instant,
        file: FileKind,
    },
    /// The directory of the metadata log is being made.
    Making,
    /// The names in the data directory are being made durable: those of this start, and those that a killed process left behind.
    Naming(OpId),
    /// The new epoch is being promised.
    Voting(Replacer),
    /// The log takes nothing yet: its end is being mended after a crash, or the marker of an orderly end is not gone yet.
    Mending,
    /// The epoch's first records are being written.
    Beginning,
    Active,
    /// The disk is full: what is pending is written again as soon as the log takes it. `at`: when to try.
    Full {
        at: Instant,
        active: bool,
    },
    Halted,
}

/// How far the end of a life has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closing {
    No,
    Asked,
    Answered,
}

/// A batch that is not durable yet, and what follows when it is.
#[derive(Debug)]
struct Pending {
    /// The offset after its last record; that of the batch before it if it has no records.
    end: Offset,
    /// Records about the log itself, for a batch that has those.
    control: Vec<control::Control>,
    records: Vec<Record>,
    timestamp: i64,
    then: Then,
}

#[derive(Debug)]
enum Then {
    Nothing,
    Activate,
    Answer(ControllerIntent),
    /// Whoever asked was told that it took too long.
    Answered,
}

impl Controller {
    /// Metadata as it is durable.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Whether the log, as this life found it, says that this topic was deleted. What it does not know it may have lost.
    #[must_use]
    pub fn was_deleted(&self, topic: TopicId) -> bool {
        self.deleted.contains_key(&topic)
    }

    /// Whether a topic of this name is among them.
    #[must_use]
    pub fn was_one_deleted_of(&self, name: &str) -> bool {
        self.deleted.values().any(|deleted| deleted == name)
    }

    /// The id that the cluster got at its first start.
    #[must_use]
    pub fn cluster_id(&self) -> &str {
        &self.identity.cluster
    }

    /// The id of the data directory.
    #[must_use]
    pub fn directory_id(&self) -> uuid::Uuid {
        self.identity.directory
    }

    /// The metadata log, for checkpoints and DescribeLogDirs.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The leader epoch of this life of the node.
    #[must_use]
    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The offset after the last record that is in `image()`.
    #[must_use]
    pub fn image_end(&self) -> Offset {
        self.image_end
    }

    /// Whether this life's registration is durable.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active | Phase::Full { active: true, .. })
    }

    /// What queries are answered from.
    #[must_use]
    pub fn view<'a>(&'a self, here: Lookup<'a>) -> query::View<'a> {
        query::View {
            image: &self.image,
            here,
            settings: &self.config.settings,
            node: self.config.node,
            cluster_id: &self.identity.cluster,
        }
    }

    /// The settings of a topic.
    #[must_use]
    pub fn topic_settings(&self, topic: TopicId) -> Option<TopicSettings> {
        let own = self.topic_overrides(topic)?;
        Some(TopicSettings::new(&self.effective, &own))
    }

    /// The settings that a topic has of its own; `None` of a topic that is not there.
    #[must_use]
    pub fn topic_overrides(&self, topic: TopicId) -> Option<BTreeMap<String, String>> {
        let name = &self.image.topics.get(&topic)?.name;
        Some(self.image.config(&Resource::Topic(name.clone())).cloned().unwrap_or_default())
    }

    /// Whether the disk is so full that metadata lives on its reserve: nobody else may write until this is over.
    #[must_use]
    pub fn is_short_of_space(&self) -> bool {
        self.waits_for_space() || self.reserve.is_given_up()
    }

    fn waits_for_space(&self) -> bool {
        matches!(self.phase, Phase::Full { .. } | Phase::Starved { .. })
    }

    /// Whether the disk is full and nothing is under way that could change that: whoever waits for metadata may wait for ever.
    #[must_use]
    pub fn is_stuck(&self, now: Now) -> bool {
        let is_full = matches!(self.phase, Phase::Full { at, .. } if at > now.mono) || self.log.is_blocked();
        is_full && !self.reserve.is_being_given_up()
    }

    /// When the controller wants a turn at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let full = match self.phase {
            Phase::Halted => return None,
            // While a failed append is cleared away, the log's own events come first.
            Phase::Full { at, .. } if self.log.is_writable() => Some(Deadline { at, why: "metadata-no-space" }),
            Phase::Starved { at, .. } => Some(Deadline { at, why: "metadata-no-space" }),
            _ => None,
        };
        let keeps = self.may_keep_reserve() || self.log.has(Bug::ReserveWakesInVain);
        let reserve = self.reserve.deadline().filter(|_| keeps).map(|at| Deadline { at, why: "metadata-reserve" });
        [full, reserve, self.log.deadline()].into_iter().flatten().min_by_key(|d| d.at)
    }

    /// The only mutation.
    pub fn handle(&mut self, now: Now, event: ControllerEvent, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        if matches!(self.phase, Phase::Halted) {
            return;
        }
        match event {
            ControllerEvent::Asked { token, change } if self.takes_changes() => {
                self.decide(token, change, now, port);
                self.publish(now, port, out);
            }
            ControllerEvent::Asked { token, change } => self.on_asked_early(token, change, out),
            ControllerEvent::Expired { token } => self.on_expired(token, out),
            ControllerEvent::Disk { op, result } => self.on_disk(op, result, now, port, out),
            ControllerEvent::SpaceNeeded => drop(self.reserve.give_up(port)),
            ControllerEvent::NamesLost { fault } => self.on_names_lost(fault, out),
            ControllerEvent::Wake => self.on_time(now, port, out),
            ControllerEvent::Close => self.on_close(now, port, out),
        }
        self.maybe_give_up_reserve(port);
        self.check_invariants();
    }

    /// The marker of an orderly end speaks of the metadata log, too: it waits until that is durable with all that belongs to it.
    fn on_close(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        self.closing = Closing::Asked;
        match self.phase {
            Phase::Active | Phase::Beginning => {
                let mut events = Vec::new();
                self.log.close(now, port, &mut events);
                self.on_log_events(events, now, port, out);
            }
            // What this life found is not known to be durable, or there is no space to make it so.
            _ => self.on_closed(false, out),
        }
    }

    fn on_closed(&mut self, clean: bool, out: &mut Vec<ControllerIntent>) {
        if self.closing == Closing::Asked {
            self.closing = Closing::Answered;
            out.push(ControllerIntent::Closed { clean });
        }
    }

    /// Whether a change can be decided now. While a failed append is cleared away the log takes nothing: what is asked then waits until
    /// it is known whether there is space.
    fn takes_changes(&self) -> bool {
        matches!(self.phase, Phase::Active) && self.log.is_writable()
    }

    fn on_asked_early(&mut self, token: Token, change: Change, out: &mut Vec<ControllerIntent>) {
        match self.phase {
            // Nothing that needs space is taken while there is none. Deleting topics is what makes space: it waits and is done.
            Phase::Full { active: true, .. } if !matches!(change, Change::DeleteTopics { .. }) => {
                out.push(refuse_all(token, &change, &Refusal::new(ErrorCode::KafkaStorageError, "The disk is full.")));
            }
            // Nobody waits for it, so nothing would ever take it out: the client asks again.
            _ if matches!(change, Change::AutoCreate { .. }) => out.push(ControllerIntent::Done { token }),
            _ => self.waiting.push_back((token, change)),
        }
    }

    /// Decide on a change, on what is being written already, and write the records that say so.
    fn decide(&mut self, token: Token, change: Change, now: Now, port: &mut DiskPort<'_>) {
        let settings = effective(&self.config.settings, &self.working, self.config.node);
        let mut scene = Scene {
            image: &self.working,
            given: &self.config.settings,
            settings: &settings,
            node: self.config.node,
            rng: &mut self.rng,
        };
        let reply = |response| ControllerIntent::Reply { token, response };
        let (records, answer) = match &change {
            Change::CreateTopics { version, request } => {
                let (records, response) = create_topics::create_topics(&mut scene, *version, request);
                (records, reply(Response::CreateTopics(response)))
            }
            Change::AutoCreate { names } => (auto_create::auto_create(&mut scene, names), ControllerIntent::Done { token }),
            Change::DeleteTopics { version, request } => {
                let (records, response) = delete_topics::delete_topics(&scene, *version, request);
                (records, reply(Response::DeleteTopics(response)))
            }
            Change::CreatePartitions { version: _, request } => {
                let (records, response) = create_partitions::create_partitions(&scene, request);
                (records, reply(Response::CreatePartitions(response)))
            }
            Change::AlterConfigs { version: _, request } => {
                let (records, response) = alter_configs::alter_configs(&scene, request);
                (records, reply(Response::AlterConfigs(response)))
            }
            Change::IncrementalAlterConfigs { version: _, request } => {
                let (records, response) = alter_configs::incremental_alter_configs(&scene, request);
                (records, reply(Response::IncrementalAlterConfigs(response)))
            }
            Change::ProducerIds => {
                let (first, count) = (self.working.next_producer_id, PRODUCER_ID_BLOCK);
                let next = first + i64::from(count);
                let record = Record::ProducerIds { broker: self.config.node.0, epoch: self.broker_epoch, next };
                let records = if port.planted(Bug::ProducerIdsReissued) { Vec::new() } else { vec![record] };
                (records, ControllerIntent::ProducerIds { token, first, count })
            }
        };
        self.write(records, Then::Answer(answer), now, port);
    }

    /// Append records as one batch, so that a crash leaves all of them or none. No records: what follows waits for what is before.
    fn write(&mut self, records: Vec<Record>, then: Then, now: Now, port: &mut DiskPort<'_>) {
        let mut ignored = Vec::new();
        for record in &records {
            let applied = self.working.apply(record, &mut ignored);
            assert!(applied.is_ok(), "records fit the image that they were decided on: {applied:?}");
        }
        let timestamp = now.wall.0;
        let end = if records.is_empty() { self.log.end() } else { self.append(&records, timestamp, now, port) };
        self.pending.push_back(Pending { end, control: Vec::new(), records, timestamp, then });
    }

    /// The end of the batch in the log; where the log takes nothing now, it is written again by `write_again`.
    fn append(&mut self, records: &[Record], timestamp: i64, now: Now, port: &mut DiskPort<'_>) -> Offset {
        let batch = control::record_batch(records, 0, self.epoch.0, timestamp);
        self.append_batch(&batch, now, port)
    }

    fn append_batch(&mut self, batch: &crate::wire::batch::Checked, now: Now, port: &mut DiskPort<'_>) -> Offset {
        let appended = self.log.append(batch, Origin::Internal, self.epoch, now, port);
        match appended {
            Ok(appended) => {
                self.snapshots.grew(batch.bytes.len());
                appended.end
            }
            Err(why) => panic!("the metadata log takes its own batches: {why:?}"),
        }
    }

    fn on_disk(
        &mut self,
        op: OpId,
        result: Result<DiskDone, DiskFault>,
        now: Now,
        port: &mut DiskPort<'_>,
        out: &mut Vec<ControllerIntent>,
    ) {
        if self.errands.remove(&op) {
            return self.on_errand(&result, port, out);
        }
        if let Some(freed) = self.reserve.on_disk(op, &result, now.mono, port) {
            match &mut self.phase {
                Phase::Full { at, .. } | Phase::Starved { at, .. } if freed => *at = now.mono,
                _ => return,
            }
            self.maybe_write_again(now, port, out);
            self.maybe_start_again(now, port);
            return;
        }
        if self.on_start_disk(op, &result, now, port, out) || self.on_snapshot_disk(op, &result, now, port, out) {
            return;
        }
        let mut events = Vec::new();
        self.log.on_disk(op, result, now, port, &mut events);
        self.on_log_events(events, now, port, out);
    }

    /// What must be written waits for space, or a failed append of the log cannot even be cleared away before there is some. True if the
    /// reserve will bring it.
    fn maybe_give_up_reserve(&mut self, port: &mut DiskPort<'_>) -> bool {
        let is_blocked = self.log.is_blocked() && !port.planted(Bug::RollWaitsWithoutReserve);
        (self.waits_for_space() || is_blocked) && self.reserve.give_up(port)
    }

    /// Nothing is kept again while there may be no space for what must be written: a failed append waits for that, too, until it is
    /// cleared away.
    fn may_keep_reserve(&self) -> bool {
        !self.waits_for_space() && !self.log.is_repairing()
    }

    /// A directory that cannot be made ends the node; a file that cannot be removed is only in the way.
    fn on_errand(&mut self, result: &Result<DiskDone, DiskFault>, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        match result {
            Ok(_) if matches!(self.phase, Phase::Making) => self.maybe_sync_names(port),
            Ok(_) | Err(DiskFault::NotFound) => {}
            Err(why) if self.is_active() => out.push(note(Level::Warn, "metadata-leftover", format!("{why:?}"))),
            Err(why) => self.halt(&format!("{METADATA_DIR} cannot be made ready: {why:?}"), out),
        }
    }

    fn remove(&mut self, name: FileName, port: &mut DiskPort<'_>) {
        let op = port.call(FileId { dir: self.dir, name }, DiskCall::Remove);
        self.errands.insert(op);
    }

    fn on_time(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        let mut events = Vec::new();
        self.log.on_time(now, port, &mut events);
        self.on_log_events(events, now, port, out);
        if self.reserve.deadline().is_some_and(|at| at <= now.mono) && self.may_keep_reserve() {
            self.reserve.keep(port);
        }
        self.maybe_write_again(now, port, out);
        self.maybe_start_again(now, port);
    }

    fn maybe_write_again(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) -> bool {
        let is_time = matches!(self.phase, Phase::Full { at, .. } if at <= now.mono) && self.log.is_writable();
        if is_time {
            self.write_again(now, port, out);
        }
        is_time
    }

    fn on_log_events(&mut self, events: Vec<LogEvent>, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        for event in events {
            match event {
                LogEvent::Synced { .. } => self.publish(now, port, out),
                LogEvent::AppendsFailed { why: DiskFault::NoSpace, .. } => match self.phase {
                    Phase::Beginning | Phase::Active | Phase::Full { .. } => self.become_full(now, out),
                    // Nothing of this life was appended yet: the log has made its file by now, and the start goes its way.
                    _ => {}
                },
                LogEvent::Repaired if matches!(self.phase, Phase::Mending) => {
                    self.maybe_begin_epoch(now, port);
                }
                LogEvent::Repaired => {
                    self.maybe_write_again(now, port, out);
                }
                LogEvent::AppendsFailed { why, .. } => self.halt(&format!("an append to the metadata log failed: {why:?}"), out),
                LogEvent::Offline { what } => self.halt(&what, out),
                LogEvent::Note(fact) => out.push(ControllerIntent::Note(fact)),
                LogEvent::Closed { clean } => self.on_closed(clean, out),
                LogEvent::Written { .. }
                | LogEvent::ReadDone { .. }
                | LogEvent::LookupDone { .. }
                | LogEvent::StartWanted { .. }
                | LogEvent::SpaceNeeded
                | LogEvent::ProducersNotKept
                | LogEvent::StartAdvanced { .. } => {}
            }
        }
    }

    fn become_full(&mut self, now: Now, out: &mut Vec<ControllerIntent>) {
        let active = self.is_active();
        if !matches!(self.phase, Phase::Full { .. }) {
            out.push(note(Level::Warn, "metadata-no-space", "metadata waits for space on the disk".to_owned()));
        }
        self.on_closed(false, out);
        self.phase = Phase::Full { at: now.mono.after(NO_SPACE_RETRY), active };
        if active {
            self.refuse_what_needs_space(out);
        }
    }

    /// Whoever wants producer ids is told at once: others wait behind it, and the ids can be lost. So is everybody of whose change
    /// nothing is written yet.
    fn refuse_what_needs_space(&mut self, out: &mut Vec<ControllerIntent>) {
        for pending in &mut self.pending {
            if let Then::Answer(ControllerIntent::ProducerIds { token, .. }) = pending.then {
                pending.then = Then::Answered;
                out.push(ControllerIntent::ProducerIds { token, first: 0, count: 0 });
            }
        }
        for (token, change) in std::mem::take(&mut self.waiting) {
            self.on_asked_early(token, change, out);
        }
    }

    /// Nobody waits any longer. What is written may become durable all the same, which the answer leaves open.
    fn on_expired(&mut self, token: Token, out: &mut Vec<ControllerIntent>) {
        if let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == token)
            && let Some((_, change)) = self.waiting.remove(at)
        {
            out.push(refuse_all(token, &change, &Refusal::timed_out()));
        }
        for pending in &mut self.pending {
            if let Then::Answer(ControllerIntent::Reply { token: of, response }) = &mut pending.then
                && *of == token
            {
                time_out(response);
                let Then::Answer(answer) = std::mem::replace(&mut pending.then, Then::Answered) else { continue };
                out.push(answer);
            }
        }
    }

    /// There may be space again: write what is pending once more, in its order, at the offsets that it was promised.
    fn write_again(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        let Phase::Full { active, .. } = self.phase else { return };
        self.phase = if active { Phase::Active } else { Phase::Beginning };
        for i in 0..self.pending.len() {
            let Pending { end, control, records, timestamp, .. } = &self.pending[i];
            if (control.is_empty() && records.is_empty()) || *end <= self.log.end() {
                continue;
            }
            let (end, timestamp) = (*end, *timestamp);
            let batch = match control.is_empty() {
                true => control::record_batch(records, 0, self.epoch.0, timestamp),
                false => control::control_batch(control, 0, self.epoch.0, timestamp),
            };
            let again = self.append_batch(&batch, now, port);
            assert!(again == end, "a batch that is written again has its offsets again: {again} is not {end}");
        }
        self.take_waiting(now, port, out);
    }

    fn take_waiting(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        while self.takes_changes()
            && let Some((token, change)) = self.waiting.pop_front()
        {
            self.decide(token, change, now, port);
        }
        self.publish(now, port, out);
    }

    /// Let out what has become durable: first the changes, then the answer.
    fn publish(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        let durable = if port.planted(Bug::MetadataBeforeSync) { self.log.end() } else { self.log.synced_end() };
        while self.pending.front().is_some_and(|p| p.end <= durable) {
            let Some(Pending { end, records, timestamp, then, .. }) = self.pending.pop_front() else { break };
            let mut deltas = Vec::new();
            for record in &records {
                let applied = self.image.apply(record, &mut deltas);
                assert!(applied.is_ok(), "what was applied once applies again: {applied:?}");
            }
            if deltas.contains(&Delta::BrokerConfigChanged) {
                self.effective = effective(&self.config.settings, &self.image, self.config.node);
            }
            if end > self.image_end {
                (self.image_end, self.image_timestamp) = (end, timestamp);
            }
            out.extend(deltas.into_iter().map(ControllerIntent::Changed));
            match then {
                Then::Nothing | Then::Answered => {}
                Then::Activate => {
                    self.phase = Phase::Active;
                    self.reserve.keep(port);
                    out.push(ControllerIntent::Active);
                }
                Then::Answer(answer) => out.push(answer),
            }
        }
        if self.takes_changes() && !self.waiting.is_empty() {
            self.take_waiting(now, port, out);
        }
        if self.closing == Closing::No {
            self.maybe_snapshot(now, port);
        }
    }

    fn halt(&mut self, what: &str, out: &mut Vec<ControllerIntent>) {
        self.phase = Phase::Halted;
        out.push(ControllerIntent::Halt(Fatal::MetadataDirFailed { what: what.to_owned() }));
    }

    /// Panics if the controller contradicts itself. Cheap: meant to be called after every input.
    pub fn check_invariants(&self) {
        assert!(self.pending.iter().is_sorted_by_key(|p| p.end), "answers wait in the order of the log");
        // Until this life is registered, the image may rest on what the last one wrote and nobody has synced yet.
        let settled = !matches!(self.phase, Phase::Active) || self.pending.is_empty() || self.log.is_offline();
        let settled = settled || self.log.has(Bug::MetadataBeforeSync);
        assert!(self.image_end <= self.log.synced_end() || settled, "an image ahead of what is durable");
        if self.pending.is_empty() {
            assert!(self.image.topics.len() == self.working.topics.len(), "with nothing pending, both images are the same");
            assert!(
                self.image.next_producer_id == self.working.next_producer_id,
                "with nothing pending, both images are the same"
            );
        }
    }
}

/// What a decision is made on.
struct Scene<'a> {
    /// With everything that is being written.
    image: &'a Image,
    /// The settings of this broker as given at its start.
    given: &'a Settings,
    /// The same, with what was changed since.
    settings: &'a Settings,
    node: BrokerId,
    rng: &'a mut Rng,
}

/// A broker's settings: its own dynamic ones over the cluster's over those given at its start.
#[must_use]
pub fn effective(given: &Settings, image: &Image, node: BrokerId) -> Settings {
    let mut settings = given.clone();
    for resource in [Resource::Broker(None), Resource::Broker(Some(node))] {
        if let Some(over) = image.config(&resource) {
            settings = settings.overlaid(over);
        }
    }
    settings
}

fn note(level: Level, name: &'static str, detail: String) -> ControllerIntent {
    ControllerIntent::Note(Fact { level, name, detail })
}

/// The answer that refuses everything that a change asks for.
fn refuse_all(token: Token, change: &Change, refusal: &Refusal) -> ControllerIntent {
    let response = match change {
        Change::CreateTopics { request, .. } => Response::CreateTopics(create_topics::refuse_all(request, refusal)),
        Change::DeleteTopics { version, request } => {
            Response::DeleteTopics(delete_topics::refuse_all(*version, request, refusal))
        }
        Change::CreatePartitions { request, .. } => Response::CreatePartitions(create_partitions::refuse_all(request, refusal)),
        Change::AlterConfigs { request, .. } => Response::AlterConfigs(alter_configs::refuse_all(request, refusal)),
        Change::IncrementalAlterConfigs { request, .. } => {
            Response::IncrementalAlterConfigs(alter_configs::refuse_all_incremental(request, refusal))
        }
        Change::AutoCreate { .. } => return ControllerIntent::Done { token },
        // No ids: the asker answers with a retriable error.
        Change::ProducerIds => return ControllerIntent::ProducerIds { token, first: 0, count: 0 },
    };
    ControllerIntent::Reply { token, response }
}

/// What was done, as far as the answer says so, may not be done: it took too long.
fn time_out(response: &mut Response) {
    let late = ErrorCode::RequestTimedOut.code();
    let set = |code: &mut i16| {
        if *code == 0 {
            *code = late;
        }
    };
    match response {
        Response::CreateTopics(r) => {
            for topic in r.topics.iter_mut().filter(|t| t.error_code == 0) {
                *topic = create_topics::refused(topic.name.as_str(), &Refusal::timed_out());
            }
        }
        Response::DeleteTopics(r) => r.responses.iter_mut().for_each(|line| set(&mut line.error_code)),
        Response::CreatePartitions(r) => r.results.iter_mut().for_each(|line| set(&mut line.error_code)),
        Response::AlterConfigs(r) => r.responses.iter_mut().for_each(|line| set(&mut line.error_code)),
        Response::IncrementalAlterConfigs(r) => r.responses.iter_mut().for_each(|line| set(&mut line.error_code)),
        other => panic!("the controller answers no such request: {other:?}"),
    }
}
