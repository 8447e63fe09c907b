//! A start: from what the disk says to a node.
//!
//! Holds       directories belong to partitions by topic id, never by name (R36); a checkpoint that cannot be read is no knowledge,
//!             except for log starts, without which deleted records would come back: then the node refuses to start.
//! Read first  `recover`.

use super::directories::{Directories, parse_dir, parse_metadata};
use super::files::{CheckpointFile, Marker, Name, parse};
use super::lifecycle::{Ending, Phase, note};
use super::requests::ProducerIds;
use super::route::RECOVERY_POINTS;
use super::timers::Timers;
use super::{Node, NodeConfig, RecoverError};
use crate::controller::{Controller, ControllerConfig, Endpoint, METADATA_DIR, METADATA_TOPIC};
use crate::disk::{DiskQueue, Owner};
use crate::ids::{BrokerId, DirId, Offset, PartitionId, PartitionIndex};
use crate::io::{DiskFault, DiskImage, Effect, FileId, FileKind, FileName, Level, ROOT};
use crate::log::{Hints, Log, Verdict};
use crate::planted::{Bug, Planted};
use crate::rng::Rng;
use crate::serve::fetch::Limits;
use crate::session::Sessions;
use crate::session::fetch_session::FetchSessions;
use crate::time::Now;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// More than any `partition.metadata` has.
const PARTITION_METADATA_BYTES_MAX: usize = 4096;

/// A partition that is there and cannot be opened in this life.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) id: PartitionId,
    pub(super) name: Name,
    pub(super) hints: Hints,
    pub(super) high_watermark: Option<Offset>,
}

/// A directory of a partition that the metadata does not know.
#[derive(Debug)]
pub(super) struct Stray {
    pub(super) dir: DirId,
    pub(super) path: String,
    /// Nothing says that it may go: it is the metadata that may have lost something.
    pub(super) keep: bool,
}

/// What the node's own files remember.
struct Remembered {
    clean: bool,
    recovery_points: BTreeMap<Name, Offset>,
    log_starts: BTreeMap<Name, Offset>,
    high_watermarks: BTreeMap<Name, Offset>,
}

impl Remembered {
    /// What is known of one log.
    fn hints(&self, name: &Name) -> Hints {
        Hints {
            recovery_point: self.recovery_points.get(name).copied(),
            log_start: self.log_starts.get(name).copied(),
            clean: self.clean,
            epoch_max: None,
        }
    }
}

pub(super) fn recover(
    config: NodeConfig,
    seed: u64,
    now: Now,
    disk: &mut dyn DiskImage,
    out: &mut Vec<Effect>,
) -> Result<Node, RecoverError> {
    let mut queue = DiskQueue::with_planted(config.planted);
    let remembered = read_own_files(config.planted, disk, out)?;
    // The marker goes first: should this life end early, the next one has to look at everything (R30).
    let marker = Marker::begin(remembered.clean && !config.planted.has(Bug::MarkerKept), &mut queue);
    let controller_config = ControllerConfig {
        node: BrokerId(config.node_id),
        endpoints: vec![Endpoint {
            listener: "PLAINTEXT".into(),
            host: config.advertised_host.clone(),
            port: config.advertised_port,
            security: 0,
        }],
        settings: config.settings.clone(),
    };
    let mut directories = Directories::default();
    let metadata = (METADATA_TOPIC.to_owned(), 0);
    let hints = remembered.hints(&metadata);
    let controller = Controller::recover(
        controller_config,
        directories.next_id(),
        Rng::stream(seed, "controller"),
        hints,
        now,
        disk,
        &mut queue.port(Owner::Controller),
    )
    .map_err(RecoverError)?;
    let settings = &config.settings;
    let millis = |name: &str| Duration::from_millis(u64::try_from(settings.int(name)).unwrap_or(0));
    let checkpoint = |kind, interval, known: &BTreeMap<Name, Offset>| {
        CheckpointFile::new(kind, millis(interval), known.keys().cloned().collect::<BTreeSet<Name>>())
    };
    let checkpoints = [
        checkpoint(FileKind::RecoveryPoints, "log.flush.offset.checkpoint.interval.ms", &remembered.recovery_points),
        checkpoint(FileKind::LogStarts, "log.flush.start.offset.checkpoint.interval.ms", &remembered.log_starts),
        checkpoint(FileKind::HighWatermarks, "replica.high.watermark.checkpoint.interval.ms", &remembered.high_watermarks),
    ];
    let slots_max = usize::try_from(settings.int("max.incremental.fetch.session.cache.slots")).unwrap_or(0);
    let mut node = Node {
        phase: Phase::Starting,
        active: false,
        ending: Ending::default(),
        volume: None,
        disk: queue,
        sessions: Sessions::with_planted(config.planted),
        held: VecDeque::new(),
        gathers: BTreeMap::new(),
        next_gather: 0,
        gather_of: BTreeMap::new(),
        fetch_sessions: FetchSessions::new(slots_max, Rng::stream(seed, "fetch-sessions")).with_planted(config.planted),
        leases: BTreeMap::new(),
        next_lease: 0,
        controller,
        partitions: BTreeMap::new(),
        wanted: BTreeSet::new(),
        failed: BTreeSet::new(),
        strays: Vec::new(),
        unreadable: Vec::new(),
        fetch_limits: Limits { fetch_max_bytes: u64::try_from(config.settings.int("fetch.max.bytes")).unwrap_or(0) },
        retention_cursor: None,
        producer_ids: ProducerIds::default(),
        directories,
        checkpoints,
        marker,
        timers: Timers::default(),
        rng: Rng::stream(seed, "node"),
        events: VecDeque::new(),
        intents: VecDeque::new(),
        given: Vec::new(),
        decided: Vec::new(),
        touched: Vec::new(),
        config,
    };
    let found = open_directories(&mut node, now, disk, &remembered, out)?;
    host_missing(&mut node, now, &found);
    out.push(note(Level::Info, "bounds", format!("fetch sessions <= {slots_max}; requests by the edge's unanswered bytes")));
    Ok(node)
}

fn unreadable(what: &str, fault: DiskFault) -> RecoverError {
    RecoverError(format!("{what} cannot be read ({fault:?}): repair the disk, or restore the data directory"))
}

fn read_own_files(planted: Planted, disk: &dyn DiskImage, out: &mut Vec<Effect>) -> Result<Remembered, RecoverError> {
    let files: BTreeMap<String, u64> =
        disk.files(None).map_err(|fault| unreadable("the data directory", fault))?.into_iter().collect();
    let read = |kind: FileKind| -> Result<BTreeMap<Name, Offset>, String> {
        let name = FileId::new(ROOT, kind, 0).name.to_string();
        let Some(len) = files.get(&name) else { return Ok(BTreeMap::new()) };
        let bytes = disk.read(None, &name, 0, *len as usize).map_err(|fault| format!("{name}: {fault:?}"))?;
        parse(&bytes).map_err(|why| format!("{name}: {why}"))
    };
    let log_starts = read(FileKind::LogStarts).or_else(|why| match planted.has(Bug::TornLogStartsIgnored) {
        true => Ok(BTreeMap::new()),
        false => Err(why),
    });
    let log_starts = log_starts.map_err(|why| {
        RecoverError(format!("{why}. Without it deleted records would come back. Restore it, or remove it to accept that"))
    })?;
    let mut or_nothing = |kind| match read(kind) {
        Ok(known) => known,
        Err(why) => {
            out.push(note(Level::Warn, "checkpoint-unreadable", format!("{why}: everything will be looked at")));
            BTreeMap::new()
        }
    };
    let recovery_points = or_nothing(FileKind::RecoveryPoints);
    let high_watermarks = or_nothing(FileKind::HighWatermarks);
    let clean = files.contains_key(&FileId::new(ROOT, FileKind::CleanShutdown, 0).name.to_string());
    Ok(Remembered { clean, recovery_points, log_starts, high_watermarks })
}

/// Every directory is a partition's by its topic id, a deleted one's, a stray, or none of ours.
fn open_directories(
    node: &mut Node,
    now: Now,
    disk: &mut dyn DiskImage,
    remembered: &Remembered,
    out: &mut Vec<Effect>,
) -> Result<BTreeSet<PartitionId>, RecoverError> {
    let mut found = BTreeSet::new();
    let mut paths = disk.dirs().map_err(|fault| unreadable("the data directory", fault))?;
    paths.sort_unstable();
    for path in paths {
        if path == METADATA_DIR {
            continue;
        }
        if path.ends_with("-delete") {
            let dir = node.directories.next_id();
            disk.bind(dir, &path);
            node.directories.remove_leftover(dir, path, &mut node.disk);
            continue;
        }
        let Some((topic, index)) = parse_dir(&path) else { continue };
        let name = FileId::new(ROOT, FileKind::PartitionMetadata, 0).name.to_string();
        let id = match disk.read(Some(&path), &name, 0, PARTITION_METADATA_BYTES_MAX) {
            Err(DiskFault::NotFound) => Ok(None),
            Err(fault) => Err(format!("{fault:?}")),
            Ok(bytes) => parse_metadata(&bytes).map(Some).ok_or_else(|| "damaged".to_owned()),
        };
        let id = match id {
            Ok(id) => id,
            Err(why) => {
                // It may hold what was promised: it is neither served nor removed. Without the file it never held any promise.
                out.push(note(Level::Error, "log-unreadable", format!("{path}/{name}: {why}: not served, not removed")));
                node.directories.take_name(path.clone());
                node.keep_what_is_known((topic.to_owned(), index), remembered);
                continue;
            }
        };
        let id = id.map(|topic| PartitionId { topic, index: PartitionIndex(index) });
        let dir = node.directories.next_id();
        disk.bind(dir, &path);
        let image = node.controller.image();
        let named = image.topics.iter().find(|(_, t)| t.name == topic && node.config.planted.has(Bug::DirectoryByName));
        let id = named.map(|(topic, _)| PartitionId { topic: *topic, index: PartitionIndex(index) }).or(id);
        let known = id.filter(|id| {
            image.topics.get(&id.topic).is_some_and(|t| t.name == topic) && image.partition(id.topic, id.index).is_some()
        });
        match known {
            Some(id) => {
                found.insert(id);
                open_partition(node, now, disk, id, dir, &path, remembered, out);
            }
            None => {
                let deleted = id.is_some_and(|id| node.controller.was_deleted(id.topic)) || holds_nothing(disk, &path);
                let keep = !deleted && !node.config.planted.has(Bug::StrayRemoved);
                let (level, what) = match keep {
                    true => (Level::Error, "and no word of a deletion: kept under another name"),
                    false => (Level::Info, "left over from a deletion, or from a creation that nobody was told of: removed"),
                };
                out.push(note(level, "stray-directory", format!("{path}: no such partition in the metadata, {what}")));
                node.directories.take_name(path.clone());
                node.strays.push(Stray { dir, path, keep });
            }
        }
    }
    Ok(found)
}

/// Whether no record was ever written in this directory, as when a power loss cut its making short.
fn holds_nothing(disk: &dyn DiskImage, path: &str) -> bool {
    let has_records = |(name, len): &(String, u64)| FileName::parse(name).is_some_and(|n| n.kind == FileKind::Log) && *len > 0;
    disk.files(Some(path)).is_ok_and(|files| !files.iter().any(has_records))
}

impl Node {
    /// What the checkpoints say of a partition that cannot be opened is kept for a life that can.
    fn keep_what_is_known(&mut self, name: Name, remembered: &Remembered) {
        let index = PartitionIndex(name.1);
        let Some(topic) = self.controller.image().names.get(&name.0).copied() else { return };
        let hints = remembered.hints(&name);
        let high_watermark = remembered.high_watermarks.get(&name).copied();
        self.unreadable.push(Unreadable { id: PartitionId { topic, index }, name, hints, high_watermark });
    }
}

#[expect(clippy::too_many_arguments, reason = "one step of recovery with all that it reads")]
fn open_partition(
    node: &mut Node,
    now: Now,
    disk: &dyn DiskImage,
    id: PartitionId,
    dir: DirId,
    path: &str,
    remembered: &Remembered,
    out: &mut Vec<Effect>,
) {
    let (Some(settings), Some(replica)) = (node.settings_of(id.topic), node.controller.image().partition(id.topic, id.index))
    else {
        return;
    };
    let leader_epoch = replica.leader_epoch;
    let settings = node.jittered(settings);
    let Some((topic, index)) = parse_dir(path) else { return };
    let name = (topic.to_owned(), index);
    let hints = Hints { epoch_max: Some(leader_epoch), ..remembered.hints(&name) };
    let mut port = node.disk.port(Owner::Partition(id));
    match Log::recover(dir, path, disk, hints, settings.log.clone(), now, &mut port) {
        Ok((log, verdict)) => {
            let level = match verdict {
                Verdict::Intact { .. } => Level::Debug,
                Verdict::TornTail { .. } => Level::Warn,
                Verdict::LostPromised { .. } | Verdict::Corrupt { .. } => Level::Error,
            };
            if !matches!(verdict, Verdict::Intact { scanned_bytes: 0 }) {
                out.push(note(level, "log-recovered", format!("{path}: {verdict:?}")));
            }
            if log.is_overpromised() {
                node.checkpoints[RECOVERY_POINTS].wait_for(id, Offset::ZERO, now.mono);
            }
            let high_watermark = remembered.high_watermarks.get(&name).copied().unwrap_or_default();
            node.insert_partition(id, name.0, log, &settings, leader_epoch, high_watermark, true);
        }
        Err(fault) => {
            out.push(note(Level::Error, "log-unreadable", format!("{path}: {fault:?}: not served")));
            node.keep_what_is_known(name, remembered);
        }
    }
}

/// Partitions in the metadata that have no directory: they were never promised anything, or their directory is gone.
fn host_missing(node: &mut Node, now: Now, found: &BTreeSet<PartitionId>) {
    let image = node.controller.image();
    let all = image
        .topics
        .iter()
        .flat_map(|(topic, t)| (0..t.partitions.len()).map(|i| PartitionId { topic: *topic, index: PartitionIndex(i as i32) }));
    let missing: Vec<PartitionId> = all.filter(|id| !found.contains(id)).collect();
    node.wanted.extend(missing);
    node.retry_directories(now);
}
