//! What comes back: partitions' and the controller's intents, completions, and time.

use super::directories::DirEvent;
use super::lifecycle::Phase;
use super::{Node, requests, timers};
use crate::controller::{Change, ControllerEvent, ControllerIntent, Delta, Token as ControllerToken};
use crate::disk::Owner;
use crate::ids::{BytePos, ConnId, LeaseId, Offset, OpId, PartitionId, PartitionIndex, TopicId};
use crate::io::{DiskDone, DiskFault, Effect, Fact, FileId, FileKind, Level, Reply};
use crate::partition::events::{PartitionEvent, PartitionIntent, Token};
use crate::planted::Bug;
use crate::serve::Job;
use crate::serve::fetch::{self, Step};
use crate::session::Answer;
use crate::time::Now;
use crate::wire::{ErrorCode, Response};

/// The checkpoints by their place in `Node::checkpoints`.
pub(super) const RECOVERY_POINTS: usize = 0;
pub(super) const LOG_STARTS: usize = 1;
pub(super) const HIGH_WATERMARKS: usize = 2;

/// How many replacements of checkpoints may fail before an end comes without them. They are a second apart.
const TRIES_AT_THE_END: u32 = 5;

/// More than any input sets in motion, at the largest start or end: machines that answer each other for ever must not pass for work.
const TURNS_MAX: u64 = 100_000_000;

impl Node {
    /// Carry out everything that an input set in motion.
    pub(super) fn run(&mut self, now: Now, out: &mut Vec<Effect>) {
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "an input set more in motion than ever comes to rest");
            if let Some((id, event)) = self.events.pop_front() {
                self.tell_partition(now, id, event);
            } else if let Some(intent) = self.intents.pop_front() {
                self.on_partition_intent(now, intent.0, intent.1, out);
            } else if !self.decided.is_empty() {
                for intent in std::mem::take(&mut self.decided) {
                    self.on_controller_intent(now, intent, out);
                }
            } else if !self.maybe_progress(now, out) {
                break;
            }
        }
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for id in touched.drain(..) {
            if let Some(partition) = self.partitions.get(&id) {
                partition.check_invariants();
                let at = partition.deadline().map(|d| d.at);
                self.timers.set(timers::Owner::Partition(id), at);
            }
        }
        self.touched = touched;
        self.disk.drain_into(out);
    }

    fn tell_partition(&mut self, now: Now, id: PartitionId, event: PartitionEvent) {
        let Some(partition) = self.partitions.get_mut(&id) else {
            // It was deleted since the event was sent: whoever waits is told so.
            return self.bounce(id, &event);
        };
        partition.handle(now, event, &mut self.disk, &mut self.given);
        self.intents.extend(self.given.drain(..).map(|intent| (id, intent)));
        self.touched.push(id);
    }

    /// The answer of a partition that is not here.
    fn bounce(&mut self, id: PartitionId, event: &PartitionEvent) {
        use crate::partition::events::{Fetched, Listed, Produced};
        let error = match self.controller.image().partition(id.topic, id.index) {
            Some(_) => ErrorCode::NotLeaderOrFollower,
            None => ErrorCode::UnknownTopicOrPartition,
        };
        let intent = match event {
            PartitionEvent::Produce { token, .. } => {
                PartitionIntent::Produced { token: *token, outcome: Produced::refused(error) }
            }
            PartitionEvent::Fetch { token, .. } => PartitionIntent::Fetched { token: *token, found: Fetched::refused(error) },
            PartitionEvent::Watch { token, .. } => PartitionIntent::Readable { token: *token, more_bytes: 0, disturbed: true },
            PartitionEvent::ListOffsets { token, .. } => PartitionIntent::Listed { token: *token, found: Listed::refused(error) },
            PartitionEvent::OffsetForLeaderEpoch { token, .. } => {
                PartitionIntent::EpochEnd { token: *token, error, epoch: -1, end_offset: -1 }
            }
            PartitionEvent::DeleteRecords { token, .. } => PartitionIntent::Deleted { token: *token, error, low_watermark: -1 },
            _ => return,
        };
        self.intents.push_back((id, intent));
    }

    fn on_partition_intent(&mut self, now: Now, id: PartitionId, intent: PartitionIntent, out: &mut Vec<Effect>) {
        use PartitionIntent as I;
        match intent {
            I::Produced { token, outcome } => {
                self.on_part(token, out, |job, part| match job {
                    Job::Produce(job) => job.on_produced(part, outcome),
                    _ => false,
                });
            }
            I::Listed { token, found } => self.on_part(token, out, |job, part| match job {
                Job::ListOffsets(job) => {
                    job.on_listed(part, found);
                    true
                }
                _ => false,
            }),
            I::EpochEnd { token, error, epoch, end_offset } => self.on_part(token, out, |job, part| match job {
                Job::EpochEnds(job) => {
                    job.on_epoch_end(part, error, epoch, end_offset);
                    true
                }
                _ => false,
            }),
            I::Deleted { token, error, low_watermark } => self.on_part(token, out, |job, part| match job {
                Job::DeleteRecords(job) => job.on_deleted(part, error, low_watermark),
                _ => false,
            }),
            I::Fetched { token, found } => match self.gathers.get_mut(&token.gather).map(|g| &mut g.job) {
                Some(Job::Fetch(job)) => {
                    job.on_fetched(token.part, found);
                    self.step_fetch(now, token.gather, out);
                }
                // Its connection went away during the read.
                _ => {
                    if let Some(lease) = found.lease {
                        self.release(lease, [id]);
                    }
                }
            },
            I::Readable { token, more_bytes, disturbed } => self.on_readable(now, token, more_bytes, disturbed, out),
            I::LogStartWanted { start } => self.checkpoints[LOG_STARTS].wait_for(id, start, now.mono),
            I::SpaceNeeded => self.tell_controller(now, ControllerEvent::SpaceNeeded),
            I::Checkpoint => {
                self.checkpoints[HIGH_WATERMARKS].on_changed(now.mono);
                self.checkpoints[RECOVERY_POINTS].on_changed(now.mono);
            }
            I::Closed { clean } => self.on_partition_closed(id, clean),
            I::Note(fact) => out.push(Effect::Note(fact)),
        }
    }

    /// One part of a gather is answered.
    fn on_part(&mut self, token: Token, out: &mut Vec<Effect>, take: impl FnOnce(&mut Job, u32) -> bool) {
        let Some(gather) = self.gathers.get_mut(&token.gather) else { return };
        if take(&mut gather.job, token.part) {
            gather.out = gather.out.checked_sub(1).expect("a gather had more answers than parts");
            self.maybe_finish(token.gather, out);
        }
    }

    /// Answer a gather of which nothing is out any more.
    pub(super) fn maybe_finish(&mut self, number: u64, out: &mut Vec<Effect>) -> bool {
        if self.gathers.get(&number).is_none_or(|g| g.out > 0) {
            return false;
        }
        let Some(gather) = self.take_gather(number) else { return false };
        let response = match gather.job {
            Job::Produce(job) if job.acks == 0 => {
                let answer = if job.has_failed() { Answer::Close } else { Answer::Silent };
                self.answer(gather.request, answer, out);
                return true;
            }
            Job::Produce(job) => Response::Produce(job.into_response()),
            Job::ListOffsets(job) => Response::ListOffsets(job.into_response()),
            Job::EpochEnds(job) => Response::OffsetForLeaderEpoch(job.into_response()),
            Job::DeleteRecords(job) => Response::DeleteRecords(job.into_response()),
            Job::Fetch(_) | Job::Controller | Job::ProducerId => panic!("this gather is finished in another way"),
        };
        let (correlation, version) = (gather.correlation, gather.version);
        self.answer(gather.request, Answer::Reply(Reply { correlation, version, response, lease: None }), out);
        true
    }

    /// Go on with a fetch as far as it goes without waiting.
    pub(super) fn step_fetch(&mut self, now: Now, number: u64, out: &mut Vec<Effect>) {
        let Some(gather) = self.gathers.get_mut(&number) else { return };
        let Job::Fetch(job) = &mut gather.job else { return };
        let ends = self.phase >= Phase::Draining && !self.config.planted.has(Bug::ParksAtTheEnd);
        match job.step(number, ends) {
            Step::Ask(id, event) => self.events.push_back((id, event)),
            Step::Park(watches) => {
                if !watches.is_empty() {
                    gather.deadline = Some(now.mono.after(job.max_wait));
                    self.timers.set(timers::Owner::Gather(number), gather.deadline);
                    self.events.extend(watches);
                }
            }
            Step::Answer => {
                let Some(gather) = self.take_gather(number) else { return };
                let Job::Fetch(job) = gather.job else { return };
                let lease = job.lease().map(|(lease, owners)| (lease, owners.to_vec()));
                let reply = job.into_reply(now.mono, &mut self.fetch_sessions);
                let lease = lease.map(|(lease, owners)| {
                    self.leases.insert(lease, owners);
                    lease
                });
                let (correlation, version) = (gather.correlation, gather.version);
                let reply = Reply { correlation, version, response: Response::Fetch(reply), lease };
                self.answer(gather.request, Answer::Reply(reply), out);
            }
        }
    }

    fn on_readable(&mut self, now: Now, token: Token, more_bytes: u64, disturbed: bool, out: &mut Vec<Effect>) {
        let Some(gather) = self.gathers.get_mut(&token.gather) else { return };
        let Job::Fetch(job) = &mut gather.job else { return };
        if job.on_readable(token.part, more_bytes, disturbed) {
            self.look_again(now, token.gather, out);
        }
    }

    /// A parked fetch reads once more, and answers with what there is.
    pub(super) fn look_again(&mut self, now: Now, number: u64, out: &mut Vec<Effect>) {
        let lease = self.next_lease();
        let Some(gather) = self.gathers.get_mut(&number) else { return };
        let Job::Fetch(job) = &mut gather.job else { return };
        let (old, watches) = job.look_again(number, lease);
        gather.deadline = None;
        self.timers.set(timers::Owner::Gather(number), None);
        self.events.extend(watches);
        if let Some((lease, owners)) = old {
            self.release(lease, owners);
        }
        self.step_fetch(now, number, out);
    }

    /// The last byte of a reply has left, or never will.
    pub(super) fn on_released(&mut self, lease: LeaseId) {
        let owners = self.leases.remove(&lease).unwrap_or_default();
        self.release(lease, owners);
    }

    /// A lease ends: whoever pinned something under it hears of it, and so does what is left of partitions that are gone.
    fn release(&mut self, lease: LeaseId, owners: impl IntoIterator<Item = PartitionId>) {
        self.events.extend(owners.into_iter().map(|id| (id, PartitionEvent::Released { lease })));
        self.directories.on_released(lease, &mut self.disk);
    }

    /// A range could not be sent: whose file it is hears of it.
    pub(super) fn on_unreadable(&mut self, file: FileId, pos: BytePos, len: u32) {
        let owner = self.partitions.values().find(|p| p.log().dir() == file.dir);
        if let Some(partition) = owner.filter(|_| file.name.kind == FileKind::Log) {
            let segment = Offset(file.name.base);
            self.events.push_back((partition.id(), PartitionEvent::Unreadable { segment, pos, len }));
        }
    }

    /// What was asked on a connection that is gone needs no answer.
    pub(super) fn on_closed(&mut self, conn: ConnId) {
        let (open, leases) = self.sessions.close(conn);
        self.held.retain(|(request, _)| request.conn != conn);
        for lease in leases {
            self.on_released(lease);
        }
        for request in open {
            let Some(number) = self.gather_of.get(&request).copied() else { continue };
            let Some(gather) = self.take_gather(number) else { continue };
            match &gather.job {
                Job::Produce(job) => self.events.extend(job.unwait(number)),
                Job::DeleteRecords(job) => self.events.extend(job.unwait(number)),
                _ => {}
            }
            let Job::Fetch(job) = gather.job else { continue };
            self.drop_fetch(number, &job);
        }
    }

    /// Nothing that this fetch has read is sent.
    fn drop_fetch(&mut self, number: u64, job: &fetch::Job) {
        self.events.extend(job.unwatch(number));
        if let Some((lease, owners)) = job.lease() {
            self.release(lease, owners.iter().copied());
        }
    }

    /// Its fetch session has gone on, so that it would be told INVALID_FETCH_SESSION_EPOCH, as by Kafka, whenever it is answered: at once,
    /// since sixty bytes may ask for every partition that there is, and wait as long as they like.
    pub(super) fn end_stale_fetch(&mut self, now: Now, number: u64, out: &mut Vec<Effect>) {
        if !matches!(self.gathers.get(&number).map(|g| &g.job), Some(Job::Fetch(_))) {
            return;
        }
        let Some(gather) = self.take_gather(number) else { return };
        let Job::Fetch(job) = gather.job else { return };
        self.drop_fetch(number, &job);
        let reply = job.into_reply(now.mono, &mut self.fetch_sessions);
        let (correlation, version) = (gather.correlation, gather.version);
        self.answer(
            gather.request,
            Answer::Reply(Reply { correlation, version, response: Response::Fetch(reply), lease: None }),
            out,
        );
    }

    /// A disk call ended: its owner goes on.
    pub(super) fn on_disk(&mut self, now: Now, op: OpId, result: Result<DiskDone, DiskFault>, out: &mut Vec<Effect>) {
        let mut happened = Vec::new();
        let is_of_root = self.disk.take_root_sync(op);
        let names_lost = result.as_ref().err().copied().filter(|_| is_of_root);
        let owner = self.disk.take_owner(op);
        match owner {
            None => panic!("a completion of {op:?}, which was never asked for or has ended before"),
            Some(Owner::Partition(id)) => {
                if !self.directories.on_partition_disk(id, op, &result, &mut self.disk, &mut happened)
                    && self.partitions.contains_key(&id)
                {
                    self.tell_partition(now, id, PartitionEvent::Disk { op, result });
                }
            }
            Some(Owner::Controller) => {
                self.tell_controller(now, ControllerEvent::Disk { op, result });
            }
            Some(Owner::Nobody) => {}
            Some(Owner::Node(FileKind::Dir)) => self.directories.on_disk(op, &result, &mut self.disk, &mut happened),
            Some(Owner::Node(FileKind::CleanShutdown)) => self.on_marker_disk(op, &result, out),
            Some(Owner::Node(kind)) => self.on_checkpoint_disk(now, kind, op, &result, out),
        }
        let is_theirs = owner == Some(Owner::Node(FileKind::Dir));
        if let Some(fault) = names_lost.filter(|_| is_theirs || !self.has(Bug::NamesLostUnheard)) {
            self.on_names_lost(now, fault, &mut happened, out);
        }
        for event in happened {
            self.on_dir_event(now, event, out);
        }
    }

    /// A sync of the data directory has failed, whoever asked for it.
    fn on_names_lost(&mut self, now: Now, fault: DiskFault, happened: &mut Vec<DirEvent>, out: &mut Vec<Effect>) {
        self.on_marker_names_lost(fault, out);
        if self.phase == Phase::Halted {
            return;
        }
        self.tell_controller(now, ControllerEvent::NamesLost { fault });
        self.checkpoints.iter_mut().for_each(|file| file.on_names_lost(fault));
        self.directories.on_names_lost(fault, &mut self.disk, happened);
    }

    fn on_checkpoint_disk(
        &mut self,
        now: Now,
        kind: FileKind,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        out: &mut Vec<Effect>,
    ) {
        let which = match kind {
            FileKind::RecoveryPoints => RECOVERY_POINTS,
            FileKind::LogStarts => LOG_STARTS,
            FileKind::HighWatermarks => HIGH_WATERMARKS,
            other => panic!("a completion for a file that the node does not write: {other:?}"),
        };
        match self.checkpoints[which].on_disk(now.mono, op, result, &mut self.disk) {
            None => {}
            Some(Ok(covers)) => {
                let event = |offset| match kind {
                    FileKind::RecoveryPoints => PartitionEvent::RecoveryPointDurable,
                    _ => PartitionEvent::LogStartDurable { start: offset },
                };
                self.events.extend(covers.into_iter().map(|(id, offset)| (id, event(offset))));
                // A name may be free of its old meaning now.
                self.retry_directories(now);
            }
            Some(Err(fault)) => {
                if (fault, kind) == (DiskFault::NoSpace, FileKind::LogStarts) {
                    // Without it nothing can be deleted.
                    self.tell_controller(now, ControllerEvent::SpaceNeeded);
                }
                let is_last = self.phase == Phase::Marking && self.ending.checkpoints_failed + 1 >= TRIES_AT_THE_END;
                let then = if is_last { "given up: the next start will recover" } else { "trying again" };
                let detail = format!("{kind:?}: {fault:?}, {then}");
                out.push(Effect::Note(Fact { level: Level::Error, name: "checkpoint-failed", detail }));
                if self.phase == Phase::Marking {
                    self.ending.checkpoints_failed += 1;
                }
                if is_last {
                    self.checkpoints[which].give_up();
                    self.give_up(format!("{kind:?} cannot be written: {fault:?}"));
                }
            }
        }
    }

    fn on_dir_event(&mut self, now: Now, event: DirEvent, out: &mut Vec<Effect>) {
        match event {
            DirEvent::Durable(id) => self.events.push_back((id, PartitionEvent::DirectoryDurable)),
            DirEvent::Freed(_) => self.retry_directories(now),
            DirEvent::Failed(id, fault) => {
                let name = self.partitions.get(&id).map(crate::partition::Partition::name).unwrap_or_default();
                let detail = format!("{name}: {fault:?}, trying again");
                out.push(Effect::Note(Fact { level: Level::Error, name: "directory-failed", detail }));
                let gone = self.unhost(id, PartitionEvent::DirectoryFailed);
                if self.phase == Phase::Closing && gone.is_some_and(|p| !p.log().is_closed() && !p.log().is_offline()) {
                    self.on_partition_closed(id, false);
                }
                self.failed.insert(id);
                self.timers.set(timers::Owner::Directories, Some(requests::after_ms(now.mono, 1000)));
            }
            DirEvent::Leftover { path, fault, is_first } => {
                if is_first {
                    let detail = format!("{path}: {fault:?}, trying again");
                    out.push(Effect::Note(Fact { level: Level::Warn, name: "directory-left-over", detail }));
                }
                if !self.has(Bug::NameLostForLife) {
                    self.timers.set(timers::Owner::Directories, Some(requests::after_ms(now.mono, 1000)));
                }
            }
        }
    }

    pub(super) fn ask_controller(&mut self, now: Now, token: ControllerToken, change: Change) {
        self.tell_controller(now, ControllerEvent::Asked { token, change });
    }

    pub(super) fn tell_controller(&mut self, now: Now, event: ControllerEvent) {
        self.controller.handle(now, event, &mut self.disk.port(Owner::Controller), &mut self.decided);
        let is_short = self.controller.is_short_of_space();
        if self.disk.reserve(is_short) != is_short {
            let (level, name, what) = match is_short {
                true => {
                    (Level::Warn, "disk-full", "no space but what is kept for metadata: records are refused until there is more")
                }
                false => (Level::Info, "disk-has-space", "there is space again: records are taken"),
            };
            self.decided.push(ControllerIntent::Note(Fact { level, name, detail: what.to_owned() }));
        }
    }

    fn on_controller_intent(&mut self, now: Now, intent: ControllerIntent, out: &mut Vec<Effect>) {
        match intent {
            ControllerIntent::Active => self.on_active(now),
            ControllerIntent::Reply { token, response } => self.finish(token.0, response, None, out),
            ControllerIntent::Done { .. } => {}
            ControllerIntent::ProducerIds { first, count, .. } => self.on_producer_ids(now, first, count, out),
            ControllerIntent::Changed(delta) => self.on_delta(now, delta, out),
            ControllerIntent::Closed { clean } => self.on_log_closed(clean),
            ControllerIntent::Halt(fatal) => self.halt(fatal, out),
            ControllerIntent::Note(fact) => out.push(Effect::Note(fact)),
        }
    }

    fn on_delta(&mut self, now: Now, delta: Delta, out: &mut Vec<Effect>) {
        match delta {
            Delta::TopicCreated { topic, .. } => {
                // A policy of its own is told of below.
                let own = self.controller.topic_overrides(topic).unwrap_or_default();
                out.extend(self.not_compacted(topic).filter(|_| !own.contains_key("cleanup.policy")));
            }
            Delta::PartitionsAdded { topic, from, to } => {
                for index in from.0..to.0 {
                    self.host(now, PartitionId { topic, index: PartitionIndex(index) });
                }
            }
            Delta::TopicDeleted { topic, name, partitions } => {
                for index in 0..partitions as i32 {
                    self.delete(now, PartitionId { topic, index: PartitionIndex(index) }, &name);
                }
            }
            Delta::PartitionChanged { topic, index } => {
                let id = PartitionId { topic, index };
                if let Some(replica) = self.controller.image().partition(topic, index) {
                    let leader_epoch = replica.leader_epoch;
                    self.events.push_back((id, PartitionEvent::LeaderEpoch { leader_epoch }));
                }
            }
            Delta::TopicConfigChanged { topic } => {
                out.extend(self.not_compacted(topic));
                let first = PartitionId { topic, index: PartitionIndex(0) };
                let last = PartitionId { topic, index: PartitionIndex(i32::MAX) };
                let ids: Vec<PartitionId> = self.partitions.range(first..=last).map(|(id, _)| *id).collect();
                self.configure(&ids);
            }
            Delta::BrokerConfigChanged => {
                let ids: Vec<PartitionId> = self.partitions.keys().copied().collect();
                self.configure(&ids);
            }
        }
    }

    /// That a topic shall be compacted, which nobody does yet.
    pub(super) fn not_compacted(&self, topic: TopicId) -> Option<Effect> {
        let name = &self.controller.image().topics.get(&topic)?.name;
        let is_wanted = self.settings_of(topic)?.log.cleanup_compact;
        let detail = format!("{name}: cleanup.policy has compact, and nothing is compacted yet: old values of its keys stay");
        is_wanted.then(|| Effect::Note(Fact { level: Level::Warn, name: "not-compacted", detail }))
    }

    fn configure(&mut self, ids: &[PartitionId]) {
        for id in ids {
            if let Some(settings) = self.settings_of(id.topic) {
                let settings = Box::new(self.jittered(settings));
                self.events.push_back((*id, PartitionEvent::Configured { settings }));
            }
        }
    }
}
