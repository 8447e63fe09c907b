//! One replica of one partition: what it has, what is committed, who waits for what.
//!
//! State       its log, the leader epoch, the high watermark, parked produces, watching fetches, reads that wait for the disk.
//! Takes       `PartitionEvent`: produces, fetches, disk completions, settings, time.
//! Gives       `PartitionIntent`: answers by token, facts. Disk calls through its port.
//! Holds       log start <= high watermark <= what the replica promises to hold; an acks=all answer rests on the high watermark, and
//!             nothing is answered before the partition's directory would be found again.
//! Not here    choosing leaders (controller), segment files (log), who asked (gathers).
//! Read first  `Partition::handle`, then `produce.rs`, `fetch.rs`.

pub mod events;
mod fetch;
mod offsets;
mod produce;
mod waiters;

use crate::disk::{DiskQueue, Owner};
use crate::ids::{LeaderEpoch, LeaseId, Offset, PartitionId};
use crate::io::{Deadline, Fact, FileId, Level};
use crate::log::{Log, LogEvent, Ticket};
use crate::planted::Bug;
use crate::time::Now;
use crate::wire::ErrorCode;
use events::{FetchAsk, Fetched, Listed, PartitionEvent, PartitionIntent, PartitionSettings, Produced, Token};
use std::collections::{BTreeMap, VecDeque};
use waiters::Waiters;

/// The machine. It leads its partition: the only role of a single node.
#[derive(Debug)]
pub struct Partition {
    id: PartitionId,
    /// The topic's name, for messages.
    topic: String,
    log: Log,
    leader_epoch: LeaderEpoch,
    min_insync_replicas: u32,
    high_watermark: Offset,
    /// What the checkpoint said of it, where the log was offline from the start: that stays said.
    high_watermark_kept: Option<Offset>,
    /// The directory and the topic id in it survive a power loss.
    directory_durable: bool,
    /// Where the log ended when this life began. The lives before may have told a high watermark up to here, so nobody is told one
    /// below it: until it is promised again, this replica does not lead.
    recovered_end: Offset,
    /// No more appends: the node ends, or the partition is deleted.
    closing: bool,
    /// `Close` is answered.
    closed: bool,
    /// Appends that are not visible yet: (end offset, bytes), by offset.
    unseen: VecDeque<(Offset, u64)>,
    /// Bytes that ever became visible in this life.
    seen_bytes: u64,
    /// acks=1: wait for the append.
    on_written: Waiters,
    /// acks=all: wait for the high watermark.
    on_committed: Waiters,
    /// Fetches that wait for more, with the `seen_bytes` that they know of.
    watchers: BTreeMap<Token, u64>,
    /// With the bytes that had become visible when the read began: what came since is not in it.
    reads: BTreeMap<Ticket, (Token, FetchAsk, u64)>,
    lookups: BTreeMap<Ticket, (Token, Offset)>,
    /// The files pinned by each lease.
    leases: BTreeMap<LeaseId, Vec<FileId>>,
    /// DeleteRecords that wait for the checkpoint of the log start they asked for.
    deletes: Vec<(Offset, Token)>,
    /// What was last said with `Checkpoint`: (high watermark, recovery point).
    told: (Offset, Offset),
    /// Where a reader met damage last: each asks again and again, and it is said once.
    damaged_at: Option<Offset>,
}

impl Partition {
    /// A partition whose log is there already. `high_watermark` as the checkpoint knew it.
    #[must_use]
    pub fn new(
        id: PartitionId,
        topic: String,
        log: Log,
        settings: &PartitionSettings,
        leader_epoch: LeaderEpoch,
        high_watermark: Offset,
        directory_durable: bool,
    ) -> Partition {
        let high_watermark_kept = Some(high_watermark).filter(|_| log.is_offline());
        let high_watermark = high_watermark.clamp(log.log_start(), log.promised_end().max(log.log_start()));
        let mut partition = Partition {
            id,
            topic,
            leader_epoch,
            min_insync_replicas: settings.min_insync_replicas,
            high_watermark,
            high_watermark_kept,
            directory_durable,
            recovered_end: log.end(),
            closing: false,
            closed: false,
            unseen: VecDeque::new(),
            seen_bytes: 0,
            on_written: Waiters::default(),
            on_committed: Waiters::default(),
            watchers: BTreeMap::new(),
            reads: BTreeMap::new(),
            lookups: BTreeMap::new(),
            leases: BTreeMap::new(),
            deletes: Vec::new(),
            told: (Offset::ZERO, Offset::ZERO),
            damaged_at: None,
            log,
        };
        partition.told = (partition.high_watermark, partition.log.recovery_point());
        partition.maybe_advance_high_watermark(&mut Vec::new());
        partition
    }

    /// The only mutation.
    pub fn handle(&mut self, now: Now, event: PartitionEvent, disk: &mut DiskQueue, out: &mut Vec<PartitionIntent>) {
        use PartitionEvent as E;
        let mut events = Vec::new();
        let mut port = disk.port(Owner::Partition(self.id));
        match event {
            E::Produce { token, acks, records } => self.on_produce(now, token, acks, &records, &mut port, out),
            E::Fetch { token, ask } => self.on_fetch(token, ask, &mut port, out),
            E::Watch { token, seen_bytes } => self.on_watch(token, seen_bytes, out),
            E::Unwatch { token } => drop(self.watchers.remove(&token)),
            E::Unwait { token } => {
                [&mut self.on_written, &mut self.on_committed].into_iter().for_each(|w| w.forget(token));
                self.deletes.retain(|(_, waits)| *waits != token);
            }
            E::ListOffsets { token, current_leader_epoch, timestamp, committed_only } => {
                self.on_list_offsets(token, current_leader_epoch, (timestamp, committed_only), &mut port, out);
            }
            E::OffsetForLeaderEpoch { token, current_leader_epoch, epoch } => {
                self.on_offset_for_leader_epoch(token, current_leader_epoch, epoch, out);
            }
            E::DeleteRecords { token, offset } => self.on_delete_records(now, token, offset, &mut port, &mut events, out),
            E::LogStartDurable { start } => self.on_log_start_durable(now, start, &mut port, &mut events, out),
            E::RecoveryPointDurable => self.log.on_point_durable(),
            E::DirectoryDurable => {
                self.directory_durable = true;
                self.log.on_start_durable(self.log.log_start(), now, &mut port, &mut events);
                if !self.log.has(Bug::ParkedAckForgotten) {
                    self.on_progress(out);
                }
            }
            E::Released { lease } => {
                for file in self.leases.remove(&lease).unwrap_or_default() {
                    self.log.release(file, now, &mut port);
                }
            }
            E::Unreadable { segment, pos, len } => self.log.on_unreadable(segment, pos, len),
            E::Configured { settings } => {
                self.min_insync_replicas = settings.min_insync_replicas;
                self.log.configure(settings.log, now, &mut port);
                self.on_progress(out);
            }
            E::LeaderEpoch { leader_epoch } => {
                assert!(leader_epoch >= self.leader_epoch, "{}: the leader epoch went back to {leader_epoch}", self.name());
                self.leader_epoch = leader_epoch;
            }
            E::Retain => self.log.retain(self.high_watermark, now, &mut port, &mut events),
            E::Disk { op, result } => self.log.on_disk(op, result, now, &mut port, &mut events),
            E::Time => self.log.on_time(now, &mut port, &mut events),
            E::Close => {
                self.closing = true;
                if self.log.is_offline() {
                    self.on_closed(false, out);
                } else {
                    self.log.close(now, &mut port, &mut events);
                }
            }
            // As Kafka: who waits is looked for when the metadata does not know the topic any more.
            E::Deleted => self.on_gone(ErrorCode::UnknownTopicOrPartition, ErrorCode::UnknownTopicOrPartition, out),
            E::DirectoryFailed if self.log.has(Bug::FailedDirectoryIsDeleted) => {
                self.on_gone(ErrorCode::NotLeaderOrFollower, ErrorCode::NotLeaderOrFollower, out)
            }
            // Written, and promised by fewer replicas than it takes: clients take that for an error which leaves it open, and ask again.
            E::DirectoryFailed => self.on_gone(ErrorCode::NotEnoughReplicasAfterAppend, ErrorCode::KafkaStorageError, out),
        }
        for event in events {
            self.on_log_event(event, out);
        }
        if self.log.is_blocked() && !self.log.has(Bug::RollWaitsWithoutReserve) {
            // Nobody knows when there is space, so nobody waits for it: it is left open what became of the records.
            self.fail_waiters(self.log.end(), ErrorCode::NotEnoughReplicasAfterAppend, out);
        }
        if self.told != (self.high_watermark, self.log.recovery_point()) {
            self.told = (self.high_watermark, self.log.recovery_point());
            out.push(PartitionIntent::Checkpoint);
        }
    }

    fn on_closed(&mut self, clean: bool, out: &mut Vec<PartitionIntent>) {
        if !std::mem::replace(&mut self.closed, true) {
            out.push(PartitionIntent::Closed { clean });
        }
    }

    fn on_log_event(&mut self, event: LogEvent, out: &mut Vec<PartitionIntent>) {
        match event {
            LogEvent::Written { .. } | LogEvent::Synced { .. } => self.on_progress(out),
            LogEvent::AppendsFailed { from, why, certain } => {
                let text = format!("{}: appends from {from} on failed: {why:?}, certain={certain}", self.name());
                out.push(note(Level::Error, "appends-failed", text));
                self.unseen.retain(|(end, _)| *end <= from);
                // Clients take the second for an error which leaves it open what became of the records.
                let error = if certain { ErrorCode::KafkaStorageError } else { ErrorCode::NotEnoughReplicasAfterAppend };
                self.fail_waiters(from, error, out);
            }
            LogEvent::Repaired => {
                out.push(note(Level::Info, "log-repaired", format!("{}: appends are taken again", self.name())))
            }
            LogEvent::Offline { what } => {
                out.push(note(Level::Error, "log-offline", format!("{}: {what}", self.name())));
                self.fail_waiters(Offset(i64::MIN), ErrorCode::NotEnoughReplicasAfterAppend, out);
                // The checkpoint may still be written, and the next life begin there: the code leaves that open.
                if !self.log.has(Bug::DeletionsUnheard) {
                    self.fail_deletes(ErrorCode::KafkaStorageError, out);
                }
                self.disturb(out);
                if self.closing {
                    self.on_closed(false, out);
                }
            }
            LogEvent::ReadDone { ticket, outcome } => self.on_read_done(ticket, outcome, out),
            LogEvent::LookupDone { ticket, outcome } => self.on_lookup_done(ticket, outcome, out),
            LogEvent::StartWanted { start } => out.push(PartitionIntent::LogStartWanted { start }),
            LogEvent::SpaceNeeded => out.push(PartitionIntent::SpaceNeeded),
            LogEvent::ProducersNotKept => {
                let text = format!(
                    "{}: records are deleted, and there is no space to write down who sent them: a retry after a crash may be stored twice",
                    self.name()
                );
                out.push(note(Level::Warn, "producers-not-kept", text));
            }
            LogEvent::StartAdvanced { start } => {
                // Everything below the log start is decided: nobody can wait for it or read it any more.
                self.high_watermark = self.high_watermark.max(start);
                // With its records a transaction is over that was open: what follows it is visible now.
                if self.log.had_open_transactions() {
                    self.disturb(out);
                }
            }
            LogEvent::Closed { clean } => self.on_closed(clean, out),
            LogEvent::Note(fact) => out.push(PartitionIntent::Note(fact)),
        }
    }

    /// One of the log's ends, or what a promise rests on, has moved.
    fn on_progress(&mut self, out: &mut Vec<PartitionIntent>) {
        self.maybe_advance_high_watermark(out);
        if self.directory_durable {
            let (written, start) = (self.log.written_end(), self.log.log_start());
            self.on_written.answer_below(written, start, out);
        }
    }

    /// The high watermark is the least end that the in-sync replicas promise: of this one alone.
    fn maybe_advance_high_watermark(&mut self, out: &mut Vec<PartitionIntent>) -> bool {
        let promised = if self.log.has(Bug::EndIsCommitted) { self.log.end() } else { self.log.promised_end() };
        if !self.directory_durable || promised <= self.high_watermark {
            return false;
        }
        self.high_watermark = promised;
        while let Some((end, bytes)) = self.unseen.front().copied()
            && end <= promised
        {
            self.unseen.pop_front();
            self.seen_bytes += bytes;
        }
        let start = self.log.log_start();
        self.on_committed.answer_below(promised, start, out);
        for (token, known) in &mut self.watchers {
            let more_bytes = self.seen_bytes.saturating_sub(*known);
            *known = self.seen_bytes.max(*known);
            out.push(PartitionIntent::Readable { token: *token, more_bytes, disturbed: false });
        }
        true
    }

    /// Whoever watches should look again.
    fn disturb(&mut self, out: &mut Vec<PartitionIntent>) {
        let watchers = self.watchers.keys();
        out.extend(watchers.map(|token| PartitionIntent::Readable { token: *token, more_bytes: 0, disturbed: true }));
    }

    fn fail_waiters(&mut self, from: Offset, error: ErrorCode, out: &mut Vec<PartitionIntent>) {
        for waiters in [&mut self.on_written, &mut self.on_committed] {
            for token in waiters.take_above(from) {
                out.push(PartitionIntent::Produced { token, outcome: Produced::refused(error) });
            }
        }
    }

    fn fail_deletes(&mut self, error: ErrorCode, out: &mut Vec<PartitionIntent>) {
        let tokens = std::mem::take(&mut self.deletes).into_iter().map(|(_, token)| token);
        out.extend(tokens.map(|token| PartitionIntent::Deleted { token, error, low_watermark: -1 }));
    }

    /// Nobody will hear of this partition again: whoever waits is told now, a producer by `produced`.
    fn on_gone(&mut self, produced: ErrorCode, error: ErrorCode, out: &mut Vec<PartitionIntent>) {
        (self.closing, self.closed) = (true, true);
        self.fail_waiters(Offset(i64::MIN), produced, out);
        self.disturb(out);
        self.fail_deletes(error, out);
        for (token, ..) in std::mem::take(&mut self.reads).into_values() {
            out.push(PartitionIntent::Fetched { token, found: Fetched::refused(error) });
        }
        for (token, _) in std::mem::take(&mut self.lookups).into_values() {
            out.push(PartitionIntent::Listed { token, found: Listed::refused(error) });
        }
    }

    /// Kafka's check of the epoch that a client believes in; -1 is no belief.
    fn check_epoch(&self, current_leader_epoch: i32) -> Result<(), ErrorCode> {
        let leads = self.high_watermark >= self.recovered_end.min(self.log.end()) || self.log.has(Bug::HighWatermarkForgotten);
        if !leads && !self.log.is_offline() {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        match current_leader_epoch {
            -1 => Ok(()),
            _ if self.log.has(Bug::EpochNotFenced) => Ok(()),
            e if e < self.leader_epoch.0 => Err(ErrorCode::FencedLeaderEpoch),
            e if e > self.leader_epoch.0 => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    // --- getters: for routing, for descriptions, and for whoever checks from outside ---

    #[must_use]
    pub fn id(&self) -> PartitionId {
        self.id
    }

    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// `topic-index`, as Kafka prints it and as its directory is called.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.topic, self.id.index)
    }

    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    #[must_use]
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// What the checkpoint of high watermarks shall say.
    #[must_use]
    pub fn high_watermark_known(&self) -> Offset {
        self.high_watermark_kept.unwrap_or(self.high_watermark)
    }

    #[must_use]
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    #[must_use]
    pub fn is_directory_durable(&self) -> bool {
        self.directory_durable
    }

    /// The leases of replies under way that refer to this partition's files.
    pub fn leases(&self) -> impl Iterator<Item = LeaseId> {
        self.leases.keys().copied()
    }

    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.log.deadline()
    }

    /// Produces that wait here.
    #[must_use]
    pub fn parked_produces(&self) -> usize {
        self.on_written.len() + self.on_committed.len()
    }

    /// Parts of fetches and lookups that wait here.
    #[must_use]
    pub fn parked_reads(&self) -> usize {
        self.watchers.len() + self.reads.len() + self.lookups.len()
    }

    /// What must hold after every event.
    pub fn check_invariants(&self) {
        self.log.check_invariants();
        let (start, end) = (self.log.log_start(), self.log.promised_end());
        let name = || self.name();
        assert!(start <= self.high_watermark, "{}: log start {start} above high watermark {}", name(), self.high_watermark);
        assert!(
            self.high_watermark <= end.max(start),
            "{}: high watermark {} above what is promised, {end}",
            name(),
            self.high_watermark
        );
        assert!(self.on_committed.first().is_none_or(|e| e > self.high_watermark || !self.directory_durable));
        assert!(self.unseen.iter().all(|(e, _)| *e > self.high_watermark || !self.directory_durable));
    }
}

fn note(level: Level, name: &'static str, detail: String) -> PartitionIntent {
    PartitionIntent::Note(Fact { level, name, detail })
}
