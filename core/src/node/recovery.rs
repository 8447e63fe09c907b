//! A start: from what the disk says to a node.
//!
//! Holds       directories belong to partitions by topic id, never by name (R36); a checkpoint that cannot be read is no knowledge,
//!             except for log starts, without which deleted records would come back: then the node refuses to start.
//! Read first  `recover`.

use super::directories::{Directories, is_delete_name, parse_dir, parse_metadata};
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

/// How many bytes of clients may wait for the disk where `queued.max.request.bytes` does not say it.
const UNWRITTEN_BYTES_MAX: u64 = 256 << 20;

/// More than any `partition.metadata` has.
const PARTITION_METADATA_BYTES_MAX: usize = 4096;

/// How far Kafka's cleaner has compacted each log. Nobody else compacts, and nobody here writes it.
const COMPACTED: &str = "cleaner-offset-checkpoint";

/// A partition that is there and cannot be opened in this life.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) id: PartitionId,
    pub(super) name: Name,
    /// The directory, if it is known to be this partition's: it goes when that is deleted.
    pub(super) dir: Option<DirId>,
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
    /// There is a marker, or something that one could speak for.
    is_used: bool,
    clean: bool,
    recovery_points: BTreeMap<Name, Offset>,
    log_starts: BTreeMap<Name, Offset>,
    high_watermarks: BTreeMap<Name, Offset>,
    /// The logs that Kafka has compacted. `None`: nobody knows.
    compacted: Option<BTreeSet<Name>>,
}

impl Remembered {
    /// What is known of one log.
    fn hints(&self, name: &Name) -> Hints {
        Hints {
            recovery_point: self.recovery_points.get(name).copied(),
            log_start: self.log_starts.get(name).copied(),
            clean: self.clean,
            epoch_max: None,
            compacted: self.compacted.as_ref().is_none_or(|logs| logs.contains(name)),
            no_producers: false,
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
    let unwritten_max = match u64::try_from(config.settings.int("queued.max.request.bytes")) {
        Ok(0) | Err(_) => UNWRITTEN_BYTES_MAX,
        Ok(set) => set,
    };
    let mut queue = DiskQueue::new(unwritten_max, config.planted);
    let remembered = read_own_files(config.planted, disk, out)?;
    // The marker goes first: should this life end early, the next one has to look at everything (R30).
    let marker = match remembered.is_used && !config.planted.has(Bug::MarkerKept) {
        true => Marker::begin(remembered.clean, &mut queue),
        false => Marker::Absent,
    };
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
        barred: BTreeSet::new(),
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
    host_missing(&mut node, now, &found, &remembered, out);
    out.extend(node.controller.image().topics.keys().filter_map(|topic| node.not_compacted(*topic)));
    out.push(note(Level::Info, "bounds", format!("fetch sessions <= {slots_max}; bytes that wait for the disk <= {unwritten_max} and a batch; requests by the edge's unanswered bytes")));
    Ok(node)
}

fn unreadable(what: &str, fault: DiskFault) -> RecoverError {
    RecoverError(format!("{what} cannot be read ({fault:?}): repair the disk, or restore the data directory"))
}

/// Why a checkpoint says nothing.
enum Unread {
    Fault(String),
    Nonsense(String),
}

impl Unread {
    fn text(self) -> String {
        match self {
            Unread::Fault(why) | Unread::Nonsense(why) => why,
        }
    }
}

fn read_own_files(planted: Planted, disk: &dyn DiskImage, out: &mut Vec<Effect>) -> Result<Remembered, RecoverError> {
    let files: BTreeMap<String, u64> =
        disk.files(None).map_err(|fault| unreadable("the data directory", fault))?.into_iter().collect();
    let read = |kind: FileKind| -> Result<BTreeMap<Name, Offset>, Unread> {
        let name = FileId::new(ROOT, kind, 0).name.to_string();
        let Some(len) = files.get(&name) else { return Ok(BTreeMap::new()) };
        let bytes = disk.read(None, &name, 0, *len as usize).map_err(|fault| Unread::Fault(format!("{name}: {fault:?}")))?;
        parse(&bytes).map_err(|why| Unread::Nonsense(format!("{name}: {why}")))
    };
    let log_starts = read(FileKind::LogStarts).or_else(|why| match planted.has(Bug::TornLogStartsIgnored) {
        true => Ok(BTreeMap::new()),
        false => Err(why.text()),
    });
    let log_starts = log_starts.map_err(|why| {
        RecoverError(format!("{why}. Without it deleted records would come back. Restore it, or remove it to accept that"))
    })?;
    let mut without = |why: String| {
        out.push(note(Level::Warn, "checkpoint-unreadable", format!("{why}: everything will be looked at")));
        BTreeMap::new()
    };
    let recovery_points = match read(FileKind::RecoveryPoints) {
        Ok(known) => known,
        // What it says is not gone: a life that did without it would undo what it vouches for, and the next one may read it again.
        Err(Unread::Fault(why)) if !planted.has(Bug::RecoveryPointsUnread) => {
            return Err(RecoverError(format!(
                "{why}. Start again; if it stays so, repair the disk, or remove the file: then everything is looked at, and nothing \
                 tells a torn end of a log from damage in it"
            )));
        }
        Err(why) => without(why.text()),
    };
    let high_watermarks = read(FileKind::HighWatermarks).unwrap_or_else(|why| without(why.text()));
    let clean = files.contains_key(&FileId::new(ROOT, FileKind::CleanShutdown, 0).name.to_string());
    let compacted = match files.get(COMPACTED) {
        None => Some(BTreeSet::new()),
        Some(len) => {
            let bytes = disk.read(None, COMPACTED, 0, *len as usize);
            bytes.ok().and_then(|bytes| parse(&bytes).ok()).map(|known| known.into_keys().collect())
        }
    };
    let is_used = clean || !disk.dirs().map_err(|fault| unreadable("the data directory", fault))?.is_empty();
    Ok(Remembered { is_used, clean, recovery_points, log_starts, high_watermarks, compacted })
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
        if is_delete_name(&path) && contents(disk, &path).foreign.is_none() {
            let dir = node.directories.next_id();
            disk.bind(dir, &path);
            node.directories.remove_leftover(dir, path, &mut node.disk);
            continue;
        }
        let Some((topic, index)) = parse_dir(&path) else { continue };
        let name = FileId::new(ROOT, FileKind::PartitionMetadata, 0).name.to_string();
        let id = match disk.read(Some(&path), &name, 0, PARTITION_METADATA_BYTES_MAX) {
            // A link that leads nowhere is no empty directory: its disk may be back at the next start.
            Err(DiskFault::NotFound) => match disk.files(Some(&path)) {
                // A recovery point is written down of what was promised, and that only where the topic id is on the disk. The directory
                // of another topic of that name is whole, or has another name for good.
                Ok(_)
                    if remembered.recovery_points.get(&(topic.to_owned(), index)) > Some(&Offset::ZERO)
                        && node.controller.image().names.contains_key(topic) =>
                {
                    Err("missing".to_owned())
                }
                files => files.map(|_| None).map_err(|fault| format!("{fault:?}")),
            },
            Err(fault) => Err(format!("{fault:?}")),
            Ok(bytes) => parse_metadata(&bytes).map(Some).ok_or_else(|| "damaged".to_owned()),
        };
        let id = match id {
            Ok(id) => id,
            Err(why) => {
                // It may hold what was promised: it is neither served nor removed.
                out.push(note(Level::Error, "log-unreadable", format!("{path}/{name}: {why}: not served, not removed")));
                node.directories.keep_name(path.clone());
                node.keep_what_is_known((topic.to_owned(), index), None, remembered);
                continue;
            }
        };
        let id = id.map(|topic| PartitionId { topic, index: PartitionIndex(index) });
        if id.is_none()
            && let Contents { ours: false, foreign: Some(file), .. } = contents(disk, &path)
        {
            out.push(note(
                Level::Warn,
                "foreign-directory",
                format!("{path} holds {file} and nothing of a partition: left alone"),
            ));
            node.directories.keep_name(path);
            continue;
        }
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
                let contents = contents(disk, &path);
                let deleted = id.is_some_and(|id| node.controller.was_deleted(id.topic)) || !contents.records;
                let keep = (!deleted || contents.foreign.is_some()) && !node.config.planted.has(Bug::StrayRemoved);
                let (level, what) = match (keep, contents.foreign) {
                    (true, Some(file)) => (Level::Error, format!("and {file} is none of its files: kept under another name")),
                    (true, None) => (Level::Error, "and no word of a deletion: kept under another name".to_owned()),
                    (false, _) => {
                        (Level::Info, "left over from a deletion, or from a creation that nobody was told of: removed".to_owned())
                    }
                };
                let why = if id.is_some() { "no such partition in the metadata" } else { "no topic id in it" };
                out.push(note(level, "stray-directory", format!("{path}: {why}, {what}")));
                node.directories.take_name(path.clone());
                node.strays.push(Stray { dir, path, keep });
            }
        }
    }
    Ok(found)
}

/// What a directory has in it.
struct Contents {
    /// A file that a partition has.
    ours: bool,
    /// Records. Without any, a power loss may have cut its making short.
    records: bool,
    /// A file that no partition has: whoever put it there wants it back.
    foreign: Option<String>,
}

fn contents(disk: &dyn DiskImage, path: &str) -> Contents {
    let mut found = Contents { ours: false, records: false, foreign: None };
    let Ok(files) = disk.files(Some(path)) else {
        // Nobody knows, so it may be anything.
        return Contents { ours: true, records: true, ..found };
    };
    for (name, len) in files {
        use FileKind::{Index, LeaderEpochs, Log, PartitionMetadata, Snapshot, TimeIndex, TxnIndex};
        match FileName::parse(&name).map(|n| n.kind) {
            Some(Log) => (found.ours, found.records) = (true, found.records || len > 0),
            Some(Index | TimeIndex | TxnIndex | Snapshot | PartitionMetadata | LeaderEpochs) => found.ours = true,
            _ => found.foreign = Some(name),
        }
    }
    found
}

impl Node {
    /// What the checkpoints say of a partition that cannot be opened is kept for a life that can.
    fn keep_what_is_known(&mut self, name: Name, dir: Option<DirId>, remembered: &Remembered) {
        let index = PartitionIndex(name.1);
        let Some(topic) = self.controller.image().names.get(&name.0).copied() else { return };
        let hints = remembered.hints(&name);
        let high_watermark = remembered.high_watermarks.get(&name).copied();
        self.unreadable.push(Unreadable { id: PartitionId { topic, index }, name, dir, hints, high_watermark });
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
                Verdict::LostPromised { .. }
                | Verdict::Corrupt { .. }
                | Verdict::Undecided { .. }
                | Verdict::Unreadable { .. } => Level::Error,
            };
            if !matches!(verdict, Verdict::Intact { scanned_bytes: 0 }) {
                out.push(note(level, "log-recovered", describe(path, &verdict)));
            }
            if let Some(open) = log.open_transaction() {
                let what = format!(
                    "{path}: a transaction is open since offset {open}, and nobody here ends it: readers of committed records get \
                     nothing from there on until its records are deleted. Let Kafka end it before the directory is taken over"
                );
                out.push(note(Level::Warn, "transaction-open", what));
            }
            for (from, to) in log.missing() {
                let what = format!(
                    "{path}: records from offset {from} to {to} are missing: nobody deleted them, and no file holds them. They count \
                     again when their files are put back while the broker is down"
                );
                out.push(note(Level::Error, "records-missing", what));
            }
            if log.is_overpromised() {
                node.checkpoints[RECOVERY_POINTS].wait_for(id, Offset::ZERO, now.mono);
            }
            let high_watermark = remembered.high_watermarks.get(&name).copied().unwrap_or_default();
            node.insert_partition(id, name.0, log, &settings, leader_epoch, high_watermark, true);
        }
        Err(fault) => {
            out.push(note(Level::Error, "log-unreadable", format!("{path}: {fault:?}: not served")));
            // Whoever makes this partition anew, after its topic was deleted, must not do so beside what is in there.
            let taken = !node.config.planted.has(Bug::UnlistedNameIsFree);
            if taken {
                node.directories.keep_name(path.to_owned());
            }
            node.keep_what_is_known(name, taken.then_some(dir), remembered);
        }
    }
}

/// A verdict for whoever has the data directory before him.
fn describe(path: &str, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Intact { scanned_bytes } => format!("{path}: intact, {scanned_bytes} bytes checked"),
        Verdict::TornTail { bytes, batches_behind: false } => {
            format!("{path}: {bytes} bytes behind the last whole batch, which nobody was promised, were cut away")
        }
        // What a power loss leaves of several batches that were not durable, or damage in front of some that were.
        Verdict::TornTail { bytes, batches_behind: true } => format!(
            "{path}: {bytes} bytes behind a batch that is torn or damaged were cut away, whole batches among them: nothing on the disk \
             says that they were promised"
        ),
        Verdict::LostPromised { end, promised } => {
            format!("{path}: records up to offset {promised} were on disk once, and the log ends at {end}: they are lost")
        }
        Verdict::Unreadable { file, at, fault } => format!(
            "{path}: {path}/{} cannot be read from byte {at} on ({fault:?}): the partition is offline, and nothing of it was changed; it \
             is back when the broker is started again and its files can be read",
            file.name
        ),
        Verdict::Undecided { file, offset } => format!(
            "{path}: {path}/{} does not tell the transactions that were aborted from offset {offset} on, because it is damaged, or Kafka \
             was not stopped in order: the partition is offline until Kafka has been started on this directory once more and stopped, \
             or its topic is deleted",
            file.name
        ),
        Verdict::Corrupt { file, at, offset } => format!(
            "{path}: {path}/{} is damaged at byte {at}, offset {offset}, and records follow: the partition is offline until its files \
             are restored or its topic is deleted; `ottla log dump` shows what is left",
            file.name
        ),
    }
}

/// Partitions in the metadata that have no directory: they were never promised anything, or their directory is gone.
fn host_missing(node: &mut Node, now: Now, found: &BTreeSet<PartitionId>, remembered: &Remembered, out: &mut Vec<Effect>) {
    let image = node.controller.image();
    // A checkpoint knows names only, and may speak of a partition of a topic that was deleted just before the last life ended.
    let is_known_to_be_another = |topic: &str| node.controller.was_one_deleted_of(topic);
    for ((topic, index), promised) in remembered.recovery_points.iter().filter(|(_, promised)| **promised > Offset::ZERO) {
        let Some(id) = image.names.get(topic).map(|id| PartitionId { topic: *id, index: PartitionIndex(*index) }) else {
            continue;
        };
        let path = format!("{topic}-{index}");
        let is_there = found.contains(&id) || node.directories.is_taken(&path);
        if !is_there && image.partition(id.topic, id.index).is_some() && !is_known_to_be_another(topic) {
            let verdict = Verdict::LostPromised { end: Offset::ZERO, promised: *promised };
            out.push(note(Level::Error, "log-recovered", describe(&path, &verdict)));
        }
    }
    let all = image
        .topics
        .iter()
        .flat_map(|(topic, t)| (0..t.partitions.len()).map(|i| PartitionId { topic: *topic, index: PartitionIndex(i as i32) }));
    let missing: Vec<PartitionId> = all.filter(|id| !found.contains(id)).collect();
    node.wanted.extend(missing);
    node.retry_directories(now);
}
