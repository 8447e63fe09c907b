//! From the start to an orderly end: which partitions are here, when requests are served, and how a life is closed.

use super::files::Line;
use super::recovery::{Stray, Unreadable};
use super::route::{HIGH_WATERMARKS, LOG_STARTS, RECOVERY_POINTS};
use super::{Node, timers};
use crate::controller::{ControllerEvent, METADATA_TOPIC};
use crate::disk::Owner;
use crate::ids::{LeaderEpoch, Offset, OpId, PartitionId, PartitionIndex, TopicId};
use crate::io::{DiskDone, DiskFault, Effect, Fact, Fatal, Level};
use crate::log::Log;
use crate::partition::Partition;
use crate::partition::events::{PartitionEvent, PartitionIntent, PartitionSettings};
use crate::planted::Bug;
use crate::serve::{Gather, Job};
use crate::session::Answer;
use crate::time::Now;
use std::ops::Bound;
use std::time::Duration;

/// How far a life has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    /// The metadata is not active yet. Requests wait.
    Starting,
    Serving,
    /// An end was asked for: what is in progress is finished, nothing new begins.
    Draining,
    /// Logs are being closed. `unclean` is remembered in the node.
    Closing,
    /// Checkpoints, then the marker.
    Marking,
    Halted,
}

/// Partitions that one turn of the retention walk looks at.
const RETENTION_SLICE: usize = 256;

/// What the end of a life waits for.
#[derive(Debug, Default)]
pub(super) struct Ending {
    open_logs: usize,
    unclean: bool,
    checkpoints_begun: bool,
    pub(super) checkpoints_failed: u32,
    /// What could not be written although the disk was asked often enough.
    gave_up: Option<String>,
}

impl Node {
    /// The controller is active: what is not in the metadata may be removed, and what is may be served.
    pub(super) fn on_active(&mut self, now: Now) {
        self.active = true;
        for Stray { dir, path, keep } in std::mem::take(&mut self.strays) {
            let unique = self.rng.uuid();
            match keep {
                true => self.directories.put_aside(dir, path, unique, &mut self.disk),
                false => self.directories.remove(dir, path, Default::default(), unique, &mut self.disk),
            }
        }
        // The data directory was synced in this life, and with it what the checkpoint said of log starts when it began.
        let unsettled = self.partitions.values().filter(|p| p.is_directory_durable() && !p.log().is_settled());
        self.events.extend(unsettled.map(|p| (p.id(), PartitionEvent::LogStartDurable { start: p.log().log_start() })));
        let interval = self.retention_interval();
        self.timers.set(timers::Owner::Retention, Some(now.mono.after(interval)));
    }

    /// Whether this bug is planted.
    pub(super) fn has(&self, bug: Bug) -> bool {
        self.config.planted.has(bug)
    }

    fn retention_interval(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.config.settings.int("log.retention.check.interval.ms")).unwrap_or(0).max(1))
    }

    /// Whatever can go on by itself. True if something did.
    pub(super) fn maybe_progress(&mut self, now: Now, out: &mut Vec<Effect>) -> bool {
        self.write_checkpoints(now);
        if self.phase == Phase::Draining && self.controller.is_stuck(now) && self.expire_stuck(now, out) {
            return true;
        }
        match self.phase {
            Phase::Starting if self.active => {
                self.phase = Phase::Serving;
                for (request, frame) in std::mem::take(&mut self.held) {
                    self.start(now, request, frame, out);
                }
                true
            }
            Phase::Draining if self.gathers.is_empty() => {
                self.phase = Phase::Closing;
                self.ending.open_logs = self.partitions.len();
                // Of a log that this life could not open, nobody knows how the life before ended.
                self.ending.unclean |= !self.unreadable.is_empty();
                if self.has(Bug::MarkerBeforeClose) {
                    self.ending.open_logs = 0;
                    return true;
                }
                if !self.has(Bug::MarkerBeforeMetadata) {
                    self.ending.open_logs += 1;
                    self.tell_controller(now, ControllerEvent::Close);
                }
                self.events.extend(self.partitions.keys().map(|id| (*id, PartitionEvent::Close)));
                true
            }
            Phase::Closing if self.ending.open_logs == 0 && self.directories.is_quiet() => {
                self.phase = Phase::Marking;
                self.checkpoints.iter_mut().for_each(|file| file.hurry(now.mono));
                true
            }
            Phase::Marking if self.checkpoints.iter().all(|f| !f.is_writing() && f.deadline().is_none()) => {
                if !self.ending.checkpoints_begun && !self.ending.unclean {
                    self.ending.checkpoints_begun = true;
                    self.marker.write(&mut self.disk);
                    return true;
                }
                if self.ending.unclean || self.marker.is_written() {
                    let gave_up = self.ending.gave_up.take();
                    self.halt(gave_up.map_or(Fatal::Shutdown, |what| Fatal::Unclean { what }), out);
                }
                false
            }
            _ => false,
        }
    }

    /// On a full disk nobody knows when metadata will be durable: who waits for it is told that it took too long.
    fn expire_stuck(&mut self, now: Now, out: &mut Vec<Effect>) -> bool {
        let waits = |g: &Gather| matches!(g.job, Job::Controller | Job::ProducerId);
        let stuck: Vec<u64> = self.gathers.iter().filter(|(_, g)| waits(g)).map(|(n, _)| *n).collect();
        if stuck.is_empty() || self.has(Bug::AdminWaitsForEver) {
            return false;
        }
        for number in stuck {
            self.on_gather_timeout(now, number, out);
        }
        true
    }

    fn write_checkpoints(&mut self, now: Now) {
        let (partitions, unreadable) = (&self.partitions, &self.unreadable);
        let line = |id: PartitionId, name: &str, offset| Line { id, name: (name.to_owned(), id.index.0), offset };
        let lines = |offset: fn(&Partition) -> Offset, kept: fn(&Unreadable) -> Option<Offset>| {
            let open = partitions.values().map(move |p| line(p.id(), p.topic(), offset(p)));
            open.chain(unreadable.iter().filter_map(move |u| Some(line(u.id, &u.name.0, kept(u)?))))
        };
        let (metadata, disk) = (self.controller.log(), &mut self.disk);
        let and_metadata = |offset: Offset| {
            let id = PartitionId { topic: TopicId::default(), index: PartitionIndex(0) };
            std::iter::once(line(id, METADATA_TOPIC, offset))
        };
        let recovery_points = || {
            let lines = lines(|p| p.log().recovery_point(), |u| u.hints.recovery_point);
            lines.chain(and_metadata(metadata.recovery_point())).collect()
        };
        let log_starts = || {
            let lines = lines(|p| p.log().start_wanted(), |u| u.hints.log_start);
            lines.chain(and_metadata(metadata.log_start())).collect()
        };
        let high_watermarks = || lines(Partition::high_watermark_known, |u| u.high_watermark).collect();
        self.checkpoints[RECOVERY_POINTS].maybe_write(now.mono, recovery_points, disk);
        self.checkpoints[LOG_STARTS].maybe_write(now.mono, log_starts, disk);
        self.checkpoints[HIGH_WATERMARKS].maybe_write(now.mono, high_watermarks, disk);
    }

    /// Deadlines that have passed.
    pub(super) fn on_time(&mut self, now: Now, out: &mut Vec<Effect>) {
        while let Some(owner) = self.timers.pop(now.mono) {
            match owner {
                timers::Owner::Gather(number) => self.on_gather_timeout(now, number, out),
                timers::Owner::Partition(id) => self.events.push_back((id, PartitionEvent::Time)),
                timers::Owner::Retention => self.on_retention(now),
                timers::Owner::Directories => {
                    if self.phase < Phase::Closing {
                        self.directories.try_again(&mut self.disk);
                    }
                    self.wanted.append(&mut self.failed);
                    self.retry_directories(now);
                }
            }
        }
        if self.controller.deadline().is_some_and(|d| d.at <= now.mono) {
            self.tell_controller(now, ControllerEvent::Wake);
        }
    }

    /// A slice of the walk over all partitions; the next slice follows in a turn of its own.
    fn on_retention(&mut self, now: Now) {
        let from = self.retention_cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let slice: Vec<PartitionId> =
            self.partitions.range((from, Bound::Unbounded)).take(RETENTION_SLICE).map(|(id, _)| *id).collect();
        self.retention_cursor = slice.last().copied().filter(|_| slice.len() == RETENTION_SLICE);
        self.events.extend(slice.into_iter().map(|id| (id, PartitionEvent::Retain)));
        let pause = if self.retention_cursor.is_some() { Duration::from_millis(1) } else { self.retention_interval() };
        self.timers.set(timers::Owner::Retention, Some(now.mono.after(pause)));
    }

    /// The settings of a topic's partitions; `None` if there is no such topic.
    pub(super) fn settings_of(&self, topic: TopicId) -> Option<PartitionSettings> {
        let settings = self.controller.topic_settings(topic)?;
        let min_insync_replicas = u32::try_from(settings.min_insync_replicas()).unwrap_or(u32::MAX);
        Some(PartitionSettings { log: settings.log_config(), min_insync_replicas })
    }

    /// Settings for one log: the jitter of `segment.ms` is drawn here, so that the segments of a topic do not all end at once. As in Kafka
    /// below `segment.ms`, too: each segment has some time.
    pub(super) fn jittered(&mut self, mut settings: PartitionSettings) -> PartitionSettings {
        let bound = settings.log.segment_jitter_ms.min(settings.log.segment_ms);
        let bound = if self.has(Bug::JitterBeyondAge) { settings.log.segment_jitter_ms } else { bound };
        let bound = u64::try_from(bound).unwrap_or(0);
        settings.log.segment_jitter_ms = i64::try_from(self.rng.below(bound)).unwrap_or(0);
        settings
    }

    /// A partition that this node shall have and has not: make it, as soon as its name is free.
    pub(super) fn host(&mut self, now: Now, id: PartitionId) {
        let Some(topic) = self.controller.image().topics.get(&id.topic) else { return };
        let Some(replica) = self.controller.image().partition(id.topic, id.index) else { return };
        let here = crate::ids::BrokerId(self.config.node_id);
        if !replica.replicas.contains(&here) || self.partitions.contains_key(&id) {
            return;
        }
        if self.phase >= Phase::Closing {
            // The logs are being closed: the next life makes what this one has not.
            return;
        }
        let (name, leader_epoch) = (topic.name.clone(), replica.leader_epoch);
        let path = format!("{name}-{}", id.index);
        let file_name = (name.clone(), id.index.0);
        // A name that a damaged directory keeps is never free, and the checkpoints go on speaking of what it holds.
        if self.directories.is_taken(&path) {
            self.wanted.insert(id);
            let is_news = self.directories.is_kept(&path) && self.barred.insert(id);
            // Of one that could not be opened, the start has said why.
            if is_news && !self.unreadable.iter().any(|u| u.id == id) {
                let what = format!(
                    "{path}: there is a directory of that name, and it cannot be read or holds something else: the partition is \
                     offline until that is put right, or out of the way, and the broker is started again"
                );
                self.intents
                    .push_back((id, PartitionIntent::Note(Fact { level: Level::Error, name: "name-taken", detail: what })));
            }
            return;
        }
        // What a checkpoint says of an older partition of this name must never be taken for this one's (R36).
        let stale = self.checkpoints.iter_mut().filter(|f| f.names(&file_name)).map(|f| f.hurry(now.mono)).count();
        if stale > 0 && !self.has(Bug::StaleCheckpointLine) {
            self.wanted.insert(id);
            return;
        }
        let Some(settings) = self.settings_of(id.topic) else { return };
        let settings = self.jittered(settings);
        let dir = self.directories.make(id, path, &mut self.disk);
        let mut port = self.disk.port(crate::disk::Owner::Partition(id));
        let log = Log::create(dir, Offset::ZERO, settings.log.clone(), now, &mut port);
        let durable = self.has(Bug::AckBeforeDirectory);
        self.insert_partition(id, name, log, &settings, leader_epoch, Offset::ZERO, durable);
    }

    #[expect(clippy::too_many_arguments, reason = "one place that knows what a partition is made of")]
    pub(super) fn insert_partition(
        &mut self,
        id: PartitionId,
        name: String,
        log: Log,
        settings: &PartitionSettings,
        leader_epoch: LeaderEpoch,
        high_watermark: Offset,
        directory_durable: bool,
    ) {
        let partition = Partition::new(id, name, log, settings, leader_epoch, high_watermark, directory_durable);
        let before = self.partitions.insert(id, partition);
        assert!(before.is_none(), "{id:?} is here twice");
        self.touched.push(id);
    }

    /// Directories that had to wait for a name, or failed, are tried again.
    pub(super) fn retry_directories(&mut self, now: Now) {
        for id in std::mem::take(&mut self.wanted) {
            self.host(now, id);
        }
    }

    /// Take a partition off the table; whoever waits for it is told why.
    pub(super) fn unhost(&mut self, id: PartitionId, why: PartitionEvent) -> Option<Partition> {
        let mut partition = self.partitions.remove(&id)?;
        let may_return = matches!(why, PartitionEvent::DirectoryFailed);
        let mut intents = Vec::new();
        partition.handle(Now::default(), why, &mut self.disk, &mut intents);
        self.intents.extend(intents.into_iter().map(|i| (id, i)));
        self.directories.forget(id);
        // It will be made again under this id: what this one asked for is none of its successor's.
        if may_return && !self.has(Bug::SuccessorIsTold) {
            self.disk.disown(Owner::Partition(id));
        }
        self.timers.set(timers::Owner::Partition(id), None);
        Some(partition)
    }

    /// A deleted topic's partition goes, its files when their last reader has gone.
    pub(super) fn delete(&mut self, now: Now, id: PartitionId, name: &str) {
        self.wanted.remove(&id);
        self.barred.remove(&id);
        self.failed.remove(&id);
        let unreadable: Vec<Unreadable> = self.unreadable.extract_if(.., |u| u.id == id).collect();
        for dir in unreadable.into_iter().filter_map(|u| u.dir) {
            let unique = self.rng.uuid();
            self.directories.remove(dir, format!("{name}-{}", id.index), Default::default(), unique, &mut self.disk);
        }
        if let Some(partition) = self.unhost(id, PartitionEvent::Deleted) {
            let open = !partition.log().is_closed() && !partition.log().is_offline();
            if self.phase == Phase::Closing && open && !self.has(Bug::DeletedIsWaitedFor) {
                self.on_log_closed(true);
            }
            let leases = partition.leases().filter(|_| !self.has(Bug::DirectoryLeaseIgnored)).collect();
            let unique = self.rng.uuid();
            let path = format!("{name}-{}", id.index);
            self.directories.remove(partition.log().dir(), path, leases, unique, &mut self.disk);
        }
        self.checkpoints.iter_mut().for_each(|file| file.on_changed(now.mono));
    }

    /// An orderly end: finish what is in progress, begin nothing.
    pub(super) fn on_shutdown(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.phase >= Phase::Draining {
            return;
        }
        for (request, _) in std::mem::take(&mut self.held) {
            self.answer(request, Answer::Close, out);
        }
        if self.phase == Phase::Starting && !self.marker.is_absent() {
            // Nothing was done in this life that the last one's marker does not cover, but it may be half removed: no new one.
            self.ending.unclean = true;
        }
        self.phase = Phase::Draining;
        let parked: Vec<u64> = self.gathers.iter().filter(|(_, g)| g.job.is_parked_fetch()).map(|(n, _)| *n).collect();
        for number in parked {
            self.on_gather_timeout(now, number, out);
        }
        out.push(note(Level::Info, "draining", format!("{} requests in progress", self.sessions.open_requests())));
    }

    pub(super) fn on_partition_closed(&mut self, id: PartitionId, clean: bool) {
        self.on_log_closed(clean);
        self.touched.push(id);
    }

    /// A partition's log, or that of the metadata.
    pub(super) fn on_log_closed(&mut self, clean: bool) {
        self.ending.open_logs = self.ending.open_logs.saturating_sub(1);
        self.ending.unclean |= !clean && !self.has(Bug::MarkerAfterFailure);
    }

    pub(super) fn on_marker_disk(&mut self, op: OpId, result: &Result<DiskDone, DiskFault>, out: &mut Vec<Effect>) {
        let may_be_left = self.marker.is_doubtful();
        match self.marker.on_disk(op, result, &mut self.disk) {
            Ok(()) => {}
            Err(fault) if may_be_left => self.on_marker_left(fault, out),
            Err(fault) => {
                out.push(note(Level::Error, "marker-failed", format!("{fault:?}: the next start will recover")));
                self.give_up(format!("the clean-shutdown marker cannot be written: {fault:?}"));
            }
        }
    }

    /// A sync of the data directory has failed, whoever asked for it.
    pub(super) fn on_marker_names_lost(&mut self, fault: DiskFault, out: &mut Vec<Effect>) {
        if let Err(fault) = self.marker.on_names_lost(fault) {
            self.on_marker_left(fault, out);
        }
    }

    /// A marker that cannot be removed would let the next start skip recovery. Nothing may be written, and nothing was.
    fn on_marker_left(&mut self, fault: DiskFault, out: &mut Vec<Effect>) {
        let what = format!("it cannot be made sure that no clean-shutdown marker is left: {fault:?}");
        self.halt(Fatal::MetadataDirFailed { what }, out);
    }

    /// The end comes without this, and so without a marker.
    pub(super) fn give_up(&mut self, what: String) {
        self.ending.unclean = true;
        self.ending.gave_up.get_or_insert(what);
    }

    pub(super) fn halt(&mut self, fatal: Fatal, out: &mut Vec<Effect>) {
        if self.phase != Phase::Halted {
            self.phase = Phase::Halted;
            self.disk.drain_into(out);
            out.push(Effect::Halt(fatal));
        }
    }
}

pub(super) fn note(level: Level, name: &'static str, detail: String) -> Effect {
    Effect::Note(Fact { level, name, detail })
}
