//! The beginning of a life: what the disk says, and the promise and the records by which a new leader epoch begins.
//!
//! State       none of its own: `Phase` of the controller.
//! Takes       the disk as it was found; the completions of what is written before the epoch's first records.
//! Gives       a controller that is on its way to `Active`.
//! Holds       the epoch is durable before a record bears it; nothing is reset because it cannot be read;
//!             every partition that this node leads gets a new leader epoch, durable before the node serves.
//! Not here    what a live controller does (`mod.rs`).

use super::control::{Control, Voter, control_batch};
use super::files::{Identity, QuorumState};
use super::image::{Image, Partition};
use super::records::{FeatureRange, PartitionChange, Record, RegisterBroker, RegisterController};
use super::reserve::Reserve;
use super::snapshot::{self, Snapshots};
use super::{
    Closing, Controller, ControllerConfig, ControllerIntent, Delta, ELR_VERSION, METADATA_DIR, METADATA_VERSION,
    METADATA_VERSION_LEVEL, METADATA_VERSION_MIN, NO_SPACE_RETRY, Pending, Phase, RECORDS_PER_REQUEST_MAX, Then, effective, note,
};
use crate::config::Settings;
use crate::disk::{DiskPort, Progress, Replacer};
use crate::ids::{BrokerId, DirId, LeaderEpoch, Offset, OpId, TopicId, base64_id};
use crate::io::{DiskCall, DiskDone, DiskFault, DiskImage, FileId, FileKind, FileName, Level, ROOT, Suffix};
use crate::log::{Hints, Log, LogConfig, Verdict};
use crate::planted::{Barrier, Bug, Planted};
use crate::rng::Rng;
use crate::time::Now;
use crate::wire::batch::{Batch, batches, records};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// More than any of the small files ever has.
const SMALL_FILE_BYTES_MAX: usize = 1 << 16;

/// How the metadata log is kept. A segment is not larger than what is written between two snapshots, so that a snapshot frees
/// what it replaces.
fn log_config(settings: &Settings) -> LogConfig {
    let between_snapshots = settings.int("metadata.log.max.record.bytes.between.snapshots");
    let given = settings.maybe_int("internal.metadata.log.segment.bytes").unwrap_or(settings.int("metadata.log.segment.bytes"));
    LogConfig {
        segment_bytes: u32::try_from(given.min(between_snapshots)).unwrap_or(u32::MAX),
        max_message_bytes: u32::MAX,
        retention_ms: None,
        cleanup_delete: false,
        file_delete_delay_ms: 0,
        ..LogConfig::default()
    }
}

fn read_small(disk: &dyn DiskImage, dir: Option<&str>, name: &str) -> Result<Option<String>, String> {
    match disk.read(dir, name, 0, SMALL_FILE_BYTES_MAX) {
        Ok(bytes) => String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| format!("{name} is no text")),
        Err(DiskFault::NotFound) => Ok(None),
        Err(fault) => Err(format!("{name} cannot be read: {fault:?}")),
    }
}

/// The metadata directory as it was found.
#[derive(Default)]
struct Found {
    /// The newest snapshot that is whole.
    snapshot: Option<snapshot::Loaded>,
    /// The newest of those that are newer and damaged: up to where it reached, and what is wrong with it.
    broken: Option<(Offset, String)>,
    /// Snapshots that are older or were never finished, and other leftovers.
    leftovers: Vec<FileName>,
    segments: Vec<i64>,
    quorum: Option<QuorumState>,
}

fn find(planted: Planted, disk: &dyn DiskImage) -> Result<Found, String> {
    let files = disk.files(Some(METADATA_DIR)).map_err(|f| format!("{METADATA_DIR} cannot be read: {f:?}"))?;
    let mut names: Vec<(FileName, u64)> = files.iter().filter_map(|(n, len)| Some((FileName::parse(n)?, *len))).collect();
    names.sort();
    let mut found = Found::default();
    for (name, len) in names.iter().rev() {
        match (name.kind, name.suffix) {
            (FileKind::Checkpoint, Suffix::None) if found.snapshot.is_none() => match snapshot::load(disk, *name, *len) {
                Ok(loaded) => found.snapshot = Some(loaded),
                Err(why) => drop(found.broken.get_or_insert((Offset(name.base), why))),
            },
            (FileKind::Checkpoint, _) | (FileKind::QuorumState, Suffix::Tmp) => found.leftovers.push(*name),
            (FileKind::Log, Suffix::None) => found.segments.push(name.base),
            _ => {}
        }
    }
    found.segments.reverse();
    // An older snapshot serves as well if the log reaches back to it.
    let covered = found.snapshot.as_ref().map_or(0, |s| s.end.0);
    if let Some((_, why)) = &found.broken
        && found.segments.first().is_none_or(|first| *first > covered)
    {
        return Err(format!("the newest metadata snapshot is damaged, and the log does not reach back to an older one: {why}"));
    }
    if let Some(text) = read_small(disk, Some(METADATA_DIR), "quorum-state")? {
        let parsed = QuorumState::parse(&text).map_err(|why| format!("{METADATA_DIR}/quorum-state: {why}"));
        found.quorum = if planted.has(Bug::TornQuorumStateIgnored) { parsed.ok() } else { Some(parsed?) };
    }
    Ok(found)
}

/// Whether a first start was cut short before anything was promised or written.
fn is_untouched(disk: &dyn DiskImage) -> Result<bool, String> {
    let files = disk.files(Some(METADATA_DIR)).map_err(|f| format!("{METADATA_DIR} cannot be read: {f:?}"))?;
    let is_something = |(name, len): &(String, u64)| {
        FileName::parse(name).is_some_and(|n| match n.kind {
            FileKind::Log => *len > 0,
            FileKind::Checkpoint | FileKind::QuorumState => n.suffix == Suffix::None,
            _ => false,
        })
    };
    Ok(!files.iter().any(is_something))
}

/// What replaying the log on a snapshot gave.
#[derive(Default)]
struct Replayed {
    image: Image,
    timestamp: i64,
    /// How many bytes of log follow the snapshot.
    bytes: usize,
    /// Topics that this log says were deleted, with their names.
    deleted: BTreeMap<TopicId, String>,
}

fn replay(disk: &dyn DiskImage, found: &mut Found, log: &Log) -> Result<Replayed, String> {
    let (mut image, from, mut timestamp) = match found.snapshot.as_mut() {
        Some(s) => (std::mem::take(&mut s.image), s.end, s.last_timestamp),
        None => (Image::default(), Offset::ZERO, -1),
    };
    if log.log_start() > from {
        return Err(format!("the metadata log begins at {}, and no snapshot covers what is before", log.log_start()));
    }
    if log.end() < from {
        return Err(format!("the metadata log ends at {}, before its snapshot at {from}", log.end()));
    }
    // A snapshot is made of what is durable: what it held is gone if the log does not have it.
    if let Some((end, why)) = found.broken.as_ref().filter(|broken| broken.0 > log.end()) {
        return Err(format!(
            "the newest metadata snapshot is damaged, and the log ends at {}, before it, which is at {end}: {why}. Restore \
             one of them, or remove the snapshot to go on with what the log has",
            log.end()
        ));
    }
    let (mut next, mut bytes, mut deleted, mut deltas) = (from, 0, BTreeMap::new(), Vec::new());
    for base in &found.segments {
        let name = FileId::new(log.dir(), FileKind::Log, *base).name.to_string();
        let contents = read_all(disk, &name)?;
        for batch in batches(contents) {
            // What lies behind the end was cut away, though the disk as it was found still shows it.
            let is_behind = |b: &Batch| b.info.base_offset >= log.end().0;
            let batch = match batch {
                Err(_) if next >= log.end() => break,
                Err(why) => return Err(format!("{METADATA_DIR}/{name}: {why}")),
                Ok(batch) if is_behind(&batch) => break,
                Ok(batch) => batch,
            };
            if batch.info.next_offset() <= next.0 {
                continue;
            }
            if batch.info.base_offset != next.0 {
                return Err(format!("{METADATA_DIR}/{name}: offset {} follows {next}", batch.info.base_offset));
            }
            (next, bytes) = (Offset(batch.info.next_offset()), bytes + batch.bytes.len());
            timestamp = batch.info.max_timestamp;
            if batch.info.attributes.is_control() {
                continue;
            }
            for record in records(&batch.info, &batch.bytes).map_err(|why| format!("{METADATA_DIR}/{name}: {why}"))? {
                let record = record.map_err(|why| format!("{METADATA_DIR}/{name}: {why}"))?;
                let value = record.value.unwrap_or_default();
                Record::decode(&value)
                    .and_then(|decoded| image.apply(&decoded, &mut deltas))
                    .map_err(|why| format!("{METADATA_DIR}/{name}, offset {}: {why}", record.offset))?;
                deleted.extend(deltas.drain(..).filter_map(|delta| match delta {
                    Delta::TopicDeleted { topic, name, .. } => Some((topic, name)),
                    _ => None,
                }));
            }
        }
    }
    if next < log.end() {
        return Err(format!("the metadata log says to end at {} and has batches up to {next}", log.end()));
    }
    if !image.is_settled() {
        return Err("the metadata log ends within a metadata transaction".to_owned());
    }
    Ok(Replayed { image, timestamp, bytes, deleted })
}

fn read_all(disk: &dyn DiskImage, name: &str) -> Result<Bytes, String> {
    let (mut all, mut pos) = (Vec::new(), 0u64);
    loop {
        let part = disk.read(Some(METADATA_DIR), name, pos, 1 << 20).map_err(|f| format!("{METADATA_DIR}/{name}: {f:?}"))?;
        if part.is_empty() {
            return Ok(all.into());
        }
        pos += part.len() as u64;
        all.extend_from_slice(&part);
    }
}

impl Controller {
    /// Read the metadata of the data directory, or begin a new cluster where there is none, and set out for a new leader epoch.
    /// `dir` becomes the id of the metadata directory; `hints` are what the checkpoints say of its log.
    /// `image()` is what the disk says: open what it names, remove nothing before `Active`.
    ///
    /// Of a directory in which there is a metadata log already, the names have been synced in this life before any of these calls is
    /// performed (`DiskQueue::let_first`).
    ///
    /// An error is a sentence for the operator: nothing was changed.
    pub fn recover(
        config: ControllerConfig,
        dir: DirId,
        mut rng: Rng,
        hints: Hints,
        now: Now,
        disk: &mut dyn DiskImage,
        port: &mut DiskPort<'_>,
    ) -> Result<Controller, String> {
        let identity = match read_small(disk, None, "meta.properties")? {
            Some(text) => Some(Identity::parse(&text).map_err(|why| format!("meta.properties: {why}"))?),
            None => None,
        };
        if let Some(identity) = &identity
            && identity.node != config.node.0
        {
            return Err(format!("the data directory is that of node {}, this is node {}", identity.node, config.node));
        }
        let dirs = disk.dirs().map_err(|f| format!("the data directory cannot be read: {f:?}"))?;
        let has_dir = dirs.iter().any(|d| d == METADATA_DIR);
        let (identity, phase) = match identity {
            Some(identity) if has_dir => (identity, None),
            Some(identity) => {
                // A first start that was cut short has promised nothing, and so has no partitions.
                let is_partition = |d: &&String| {
                    let files = disk.files(Some(d)).unwrap_or_default();
                    files.iter().any(|(name, _)| FileName::parse(name).is_some_and(|n| n.kind == FileKind::PartitionMetadata))
                };
                if let Some(partition) = dirs.iter().find(is_partition) {
                    return Err(format!(
                        "{METADATA_DIR} is missing, and {partition} is there: without it nobody knows what the data is. Restore it"
                    ));
                }
                (identity, None)
            }
            None if has_dir && !is_untouched(disk)? => {
                return Err(format!("meta.properties is missing, and {METADATA_DIR} has records: whose directory is this?"));
            }
            None => {
                let identity = Identity { cluster: base64_id(&rng.uuid()), node: config.node.0, directory: rng.uuid() };
                let identifying = Phase::Identifying(identify(&identity, port));
                (identity, Some(identifying))
            }
        };
        let mut errands = BTreeSet::new();
        let (log, found, replayed) = if has_dir {
            disk.bind(dir, METADATA_DIR);
            let mut found = find(port.planting(), disk)?;
            let hints = Hints { no_producers: true, ..hints };
            let (log, verdict) = Log::recover(dir, METADATA_DIR, disk, hints, log_config(&config.settings), now, port)
                .map_err(|f| format!("{METADATA_DIR} cannot be read: {f:?}"))?;
            check_verdict(&verdict)?;
            let replayed = replay(disk, &mut found, &log)?;
            (log, found, replayed)
        } else {
            // Nobody writes to the log before the names above it are durable.
            errands.insert(port.call(FileId::dir(dir), DiskCall::MakeDir { path: METADATA_DIR.to_owned() }));
            (Log::create(dir, Offset::ZERO, log_config(&config.settings), now, port), Found::default(), Replayed::default())
        };
        let step = if port.planted(Bug::EpochResumed) && log.end() > Offset::ZERO { 0 } else { 1 };
        let epoch = LeaderEpoch(promised(&found, &log)? + step);
        let phase = match phase {
            Some(identifying) => identifying,
            None if !errands.is_empty() => Phase::Making,
            // All names that were there have been synced.
            None => Phase::Voting(vote(&identity, dir, epoch, port)),
        };
        let every = usize::try_from(config.settings.int("metadata.log.max.record.bytes.between.snapshots")).unwrap_or(usize::MAX);
        Ok(Controller {
            // The seed may be the same in every life: ids must differ all the same.
            rng: Rng::stream(rng.next_u64(), &format!("epoch {epoch}")),
            closing: Closing::No,
            phase,
            starved: false,
            snapshots: Snapshots::new(every, replayed.bytes, found.snapshot.map(|s| s.name)),
            reserve: Reserve::recover(disk, usize::try_from(config.settings.int("ottla.reserve.bytes")).unwrap_or(0)),
            leftovers: found.leftovers,
            errands,
            effective: effective(&config.settings, &replayed.image, config.node),
            config,
            identity,
            dir,
            epoch,
            broker_epoch: -1,
            image_end: log.end(),
            log,
            image_timestamp: replayed.timestamp,
            deleted: replayed.deleted,
            working: replayed.image.clone(),
            image: replayed.image,
            pending: VecDeque::new(),
            waiting: VecDeque::new(),
        })
    }

    /// A completion while the life begins; false if it is none of the start's.
    pub(super) fn on_start_disk(
        &mut self,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        now: Now,
        port: &mut DiskPort<'_>,
        out: &mut Vec<ControllerIntent>,
    ) -> bool {
        let replacer = match &mut self.phase {
            Phase::Naming(sync) if *sync == op => {
                match result {
                    Ok(_) => self.phase = Phase::Voting(vote(&self.identity, self.dir, self.epoch, port)),
                    Err(why) => self.halt(&format!("the data directory cannot be synced: {why:?}"), out),
                }
                return true;
            }
            Phase::Identifying(replacer) | Phase::Voting(replacer) => replacer,
            _ => return false,
        };
        let file = replacer.file();
        match replacer.on_disk(op, result, port) {
            Progress::NotMine => return false,
            Progress::Going => {}
            Progress::Failed(DiskFault::NoSpace) if !port.planted(Bug::FullDiskEndsStart) => {
                self.starve(file.name.kind, now, out);
            }
            Progress::Failed(why) | Progress::Unnamed(why) => self.halt(&format!("{file} cannot be written: {why:?}"), out),
            Progress::Done if matches!(self.phase, Phase::Identifying(_)) => {
                self.phase = Phase::Making;
                self.maybe_sync_names(port);
            }
            Progress::Done => {
                self.phase = Phase::Mending;
                self.maybe_begin_epoch(now, port);
            }
        }
        true
    }

    /// There is no space for a file of the start: it is written again later.
    fn starve(&mut self, file: FileKind, now: Now, out: &mut Vec<ControllerIntent>) {
        if !std::mem::replace(&mut self.starved, true) {
            let what = format!("{file:?} waits for space on the disk, and this start for it");
            out.push(note(Level::Warn, "metadata-no-space", what));
        }
        self.phase = Phase::Starved { at: now.mono.after(NO_SPACE_RETRY), file };
    }

    /// There may be space by now.
    pub(super) fn maybe_start_again(&mut self, now: Now, port: &mut DiskPort<'_>) -> bool {
        let Phase::Starved { at, file } = self.phase else { return false };
        if at > now.mono {
            return false;
        }
        self.phase = match file {
            FileKind::QuorumState => Phase::Voting(vote(&self.identity, self.dir, self.epoch, port)),
            _ => Phase::Identifying(identify(&self.identity, port)),
        };
        true
    }

    /// Names in the data directory may be lost that this start has given or found, and no later sync says that they are not.
    pub(super) fn on_names_lost(&mut self, fault: DiskFault, out: &mut Vec<ControllerIntent>) {
        if matches!(self.phase, Phase::Identifying(_) | Phase::Making | Phase::Naming(_)) {
            self.halt(&format!("the data directory cannot be synced: {fault:?}"), out);
        }
    }

    /// All names of this start are there: make them durable.
    pub(super) fn maybe_sync_names(&mut self, port: &mut DiskPort<'_>) {
        if self.errands.is_empty() {
            self.phase = Phase::Naming(port.barrier(Barrier::MetadataDir, FileId::dir(ROOT), DiskCall::SyncDir));
        }
    }

    /// Begin the epoch if it is durable, the log is in order, and the node does not end already.
    pub(super) fn maybe_begin_epoch(&mut self, now: Now, port: &mut DiskPort<'_>) -> bool {
        let begins = matches!(self.phase, Phase::Mending) && self.closing == Closing::No && self.log.is_writable();
        if begins {
            self.begin_epoch(now, port);
        }
        begins
    }

    /// The epoch is durable: write its first records.
    fn begin_epoch(&mut self, now: Now, port: &mut DiskPort<'_>) {
        self.phase = Phase::Beginning;
        // The data directory was synced in this life, and with it what the checkpoint says of where the log begins.
        self.log.on_start_durable(self.log.log_start(), now, port, &mut Vec::new());
        for name in std::mem::take(&mut self.leftovers) {
            self.remove(name, port);
        }
        let voter = Voter { id: self.config.node.0, directory: self.identity.directory };
        let mut control = vec![Control::LeaderChange { leader: voter.id }];
        let mut first = Vec::new();
        if self.working.features.is_empty() {
            control.extend([Control::KRaftVersion { level: 1 }, self.voters(voter)]);
            first.extend([feature(METADATA_VERSION, METADATA_VERSION_LEVEL), feature(ELR_VERSION, 1)]);
            // With eligible leader replicas the least number of replicas is the cluster's to say, so it is written down.
            first.push(Record::Config {
                resource_type: super::Resource::BROKER,
                resource_name: String::new(),
                name: "min.insync.replicas".to_owned(),
                value: self.config.settings.text("min.insync.replicas").map(str::to_owned),
            });
        }
        let timestamp = now.wall.0;
        let end = self.append_batch(&control_batch(&control, 0, self.epoch.0, timestamp), now, port);
        self.pending.push_back(Pending { end, control, records: Vec::new(), timestamp, then: Then::Nothing });
        self.register(first, now, port);
    }

    /// What a snapshot says of the quorum.
    pub(super) fn quorum_controls(&self) -> Vec<Control> {
        let voter = Voter { id: self.config.node.0, directory: self.identity.directory };
        vec![Control::KRaftVersion { level: 1 }, self.voters(voter)]
    }

    fn voters(&self, voter: Voter) -> Control {
        let at = self.config.endpoints.first();
        Control::Voters {
            voter,
            listener: "CONTROLLER".to_owned(),
            host: at.map_or_else(|| "localhost".to_owned(), |e| e.host.clone()),
            port: at.map_or(0, |e| e.port),
        }
    }

    /// Register this life as a broker and as a controller, and as the leader of what it led before.
    fn register(&mut self, mut records: Vec<Record>, now: Now, port: &mut DiskPort<'_>) {
        let incarnation = self.rng.uuid();
        let features = vec![
            FeatureRange { name: ELR_VERSION.to_owned(), min: 0, max: 1 },
            FeatureRange { name: "kraft.version".to_owned(), min: 0, max: 1 },
            FeatureRange { name: METADATA_VERSION.to_owned(), min: METADATA_VERSION_MIN, max: METADATA_VERSION_LEVEL },
        ];
        records.push(Record::RegisterController(RegisterController {
            controller: self.config.node.0,
            incarnation,
            zk_migration_ready: false,
            endpoints: self.config.endpoints.clone(),
            features: features.clone(),
        }));
        let end = self.log.end().plus(i64::try_from(records.len()).unwrap_or(0));
        self.broker_epoch = end.0;
        records.push(Record::RegisterBroker(RegisterBroker {
            broker: self.config.node.0,
            incarnation,
            epoch: end.0,
            endpoints: self.config.endpoints.clone(),
            features,
            rack: self.config.settings.text("broker.rack").map(str::to_owned),
            fenced: false,
            in_controlled_shutdown: false,
            log_dirs: vec![self.identity.directory],
            cordoned_log_dirs: Some(Vec::new()),
        }));
        let led = if port.planted(Bug::LeaderEpochResumed) { Vec::new() } else { self.led_again() };
        let mut batches = std::iter::once(records).chain(led.chunks(RECORDS_PER_REQUEST_MAX).map(<[Record]>::to_vec)).peekable();
        while let Some(records) = batches.next() {
            let then = if batches.peek().is_some() { Then::Nothing } else { Then::Activate };
            self.write(records, then, now, port);
        }
    }

    /// The elections by which this life leads its partitions. Naming the leader, also the same one, makes a new leader epoch: a power
    /// loss may have taken records that were read in the last one, and their readers have to notice that others follow (KIP-320).
    fn led_again(&self) -> Vec<Record> {
        let here = self.config.node;
        let partitions = self.working.topics.iter().flat_map(|(topic, t)| t.partitions.iter().zip(0..).map(|p| (topic.0, p)));
        let elected = partitions.filter_map(|(topic, (partition, index))| {
            let change = if partition.leader == Some(here) { Some(lead(here)) } else { elect(partition, here) };
            change.map(|change| Record::PartitionChange(PartitionChange { topic, index, ..change }))
        });
        elected.collect()
    }
}

fn lead(here: BrokerId) -> PartitionChange {
    PartitionChange { leader: Some(here.0), ..PartitionChange::default() }
}

/// The election of this broker for a partition that nobody leads, as Kafka leaves all of them when it ends in order. It leads if it is
/// in sync, or eligible (KIP-966), or was the last that was known to be; and where nobody else has a replica nobody else can know more.
fn elect(partition: &Partition, here: BrokerId) -> Option<PartitionChange> {
    let Partition { replicas, isr, elr, last_known_elr, .. } = partition;
    if partition.leader.is_some() || !replicas.contains(&here) {
        return None;
    }
    if isr.contains(&here) {
        return Some(lead(here));
    }
    let is_last_known = isr.is_empty() && elr.is_empty() && **last_known_elr == [here];
    let may = elr.contains(&here) || is_last_known || **replicas == [here];
    let without = |ids: &[BrokerId]| Some(ids.iter().filter(|id| **id != here).map(|id| id.0).collect::<Vec<i32>>());
    may.then(|| PartitionChange {
        isr: Some(vec![here.0]),
        elr: without(elr),
        last_known_elr: without(last_known_elr),
        ..lead(here)
    })
}

fn feature(name: &str, level: i16) -> Record {
    Record::FeatureLevel { name: name.to_owned(), level }
}

/// Its name is made durable together with that of the metadata log's directory, before anything is promised.
fn identify(identity: &Identity, port: &mut DiskPort<'_>) -> Replacer {
    Replacer::start_but_name(FileId::new(ROOT, FileKind::MetaProperties, 0), Bytes::from(identity.print()), port)
}

fn vote(identity: &Identity, dir: DirId, epoch: LeaderEpoch, port: &mut DiskPort<'_>) -> Replacer {
    let state = QuorumState { leader: -1, epoch: epoch.0, voted: identity.node, voted_directory: identity.directory };
    Replacer::start(FileId::new(dir, FileKind::QuorumState, 0), Bytes::from(state.print()), port)
}

/// What this voter has promised before. The log proves that there was a promise; without its record nothing may be promised again.
fn promised(found: &Found, log: &Log) -> Result<i32, String> {
    let latest = log.latest_epoch().map_or(0, |e| e.0).max(found.snapshot.as_ref().map_or(0, |s| s.name.epoch));
    match &found.quorum {
        Some(state) if state.epoch < latest => {
            Err(format!("{METADATA_DIR}/quorum-state says epoch {}, and the log has epoch {latest}", state.epoch))
        }
        Some(state) => Ok(state.epoch),
        None if latest == 0 || log.has(Bug::TornQuorumStateIgnored) => Ok(latest),
        None => Err(format!("{METADATA_DIR}/quorum-state is missing, and the log has epoch {latest}")),
    }
}

fn check_verdict(verdict: &Verdict) -> Result<(), String> {
    match verdict {
        Verdict::Intact { .. } | Verdict::TornTail { .. } => Ok(()),
        Verdict::LostPromised { end, promised } => {
            Err(format!("the metadata log ends at {end}, and everything below {promised} was durable once: bytes were lost"))
        }
        Verdict::Undecided { file, offset } => {
            Err(format!("the metadata log has transactions from offset {offset} on ({})", file.name))
        }
        Verdict::Corrupt { file, at, offset } => {
            Err(format!("the metadata log is damaged at offset {offset} ({}, byte {at}), and records follow", file.name))
        }
        Verdict::Unreadable { file, at, fault } => {
            Err(format!("{METADATA_DIR}/{} cannot be read from byte {at} on ({fault:?})", file.name))
        }
    }
}
