//! What an answer says of a log, compared with a naive fold of the batches that were appended; and requests that wait for nothing.
//!
//! State       in `Watch`: what fetch sessions are about, leader epochs as they were told.
//! Takes       answers as they leave, with what was asked; a node whose disk has nothing to do.
//! Gives       epochs, ends of epochs and lookups by time that are wrong; requests that nothing is going to answer.
//! Holds       no code shared with `core`: a lookup is a walk over all batches.
//! Not here    records in Fetch answers (watch.rs), whole histories (history.rs).

use super::Id;
use super::ghost::{GhostBatch, GhostLog};
use super::watch::Watch;
use crate::disk::SimDisk;
use crate::world::net::{Asked, AskedFetch, FetchPart, Look, LookFor};
use ottla_core::io::{FileKind, FileName, Suffix};
use ottla_core::log::Durability;
use ottla_core::node::Node;
use ottla_core::partition::Partition;
use ottla_core::wire::{FetchReply, Response};

/// Nothing: no offset, no timestamp, no epoch.
const NOTHING: i64 = -1;

impl Watch {
    /// A request has come: remember what its answer will have to be compared with.
    pub(crate) fn on_asked(&mut self, disk: &SimDisk, asked: &mut Asked) {
        if let Some(change) = &mut asked.change {
            self.before_change(disk, change);
        }
        for part in asked.produce.iter_mut().flat_map(|p| &mut p.parts) {
            part.log = self.log_named(&part.name, part.id, part.index);
        }
        for look in &mut asked.looks {
            look.log = self.log_named(&look.name, look.id, look.index);
            look.visible = self.visible_of(look.log);
        }
        if let Some(fetch) = &mut asked.fetch {
            for part in &mut fetch.parts {
                part.log = self.log_named(&part.name, part.id, part.index);
            }
            self.know_session(fetch);
            for part in &mut fetch.parts {
                part.visible = self.visible_of(part.log);
            }
        }
    }

    /// The log that has this name, or this topic id, now.
    fn log_named(&self, name: &str, id: u128, index: i32) -> Option<usize> {
        let log = self.log_at(name, id, index)?;
        let is_other = id != 0 && self.logs[log].topic_id.is_some_and(|known| known != id);
        (!is_other).then_some(log)
    }

    /// What of a log somebody has been told of.
    fn visible_of(&self, log: Option<usize>) -> i64 {
        log.map_or(0, |log| self.logs[log].seen)
    }

    /// A Fetch request is about all that its session is about.
    fn know_session(&mut self, fetch: &mut AskedFetch) {
        fetch.known = true;
        if fetch.session == 0 || fetch.session_epoch <= 0 {
            self.sessions.remove(&fetch.session);
            return;
        }
        let Some(parts) = self.sessions.get_mut(&fetch.session) else {
            fetch.known = false;
            return;
        };
        for new in fetch.parts.drain(..) {
            match parts.iter_mut().find(|old| old.is_of(&new)) {
                Some(old) => *old = new,
                None => parts.push(new),
            }
        }
        let forgotten = |p: &FetchPart| fetch.forgotten.iter().any(|f| *f == (p.name.clone(), p.id, p.index));
        parts.retain(|p| !forgotten(p));
        fetch.parts.clone_from(parts);
    }

    /// A Fetch answer: the session that it made, or ended.
    pub(super) fn on_session(&mut self, asked: &Asked, answer: &FetchReply) {
        let Some(fetch) = &asked.fetch else { return };
        self.check_progress(fetch, answer);
        if answer.error_code != 0 {
            self.sessions.remove(&fetch.session);
        } else if fetch.session_epoch == 0 && answer.session_id != 0 {
            self.sessions.insert(answer.session_id, fetch.parts.clone());
        }
    }

    /// Nothing is under way on the disk and the node has had its turn. Whoever waits on this connection waits for something else: for
    /// time to pass, and for nothing that is there.
    pub(crate) fn on_idle(&mut self, asked: &Asked) {
        if self.anything_failed() || self.no_space {
            return;
        }
        self.tally.count(Id::Waits);
        let Some(fetch) = &asked.fetch else {
            let text = format!("correlation {}", asked.correlation);
            return self.report(Id::Waits.found("a request waits and nothing is under way on the disk", text));
        };
        if let Some((path, bytes)) = self.readable_of(fetch) {
            let text = format!("{path}: {bytes} bytes are there, {} are asked for", fetch.min_bytes);
            self.report(Id::Waits.found("a fetch waits for records that are there", text));
        }
    }

    /// Nothing is under way on the disk. Where no request is either, nothing may be left of any.
    pub(crate) fn on_rest(&mut self, node: &Node, leases_out: usize, sessions_max: i64, disk: &SimDisk) {
        let sessions = node.fetch_sessions();
        if i64::try_from(sessions).is_ok_and(|n| n > sessions_max) {
            let text = format!("{sessions} of {sessions_max}");
            self.report(Id::Bounded.found("more fetch sessions than the bound", text));
        }
        if node.open_requests() > 0 {
            return;
        }
        self.tally.count(Id::Bounded);
        let is_left = |p: &&Partition| p.parked_reads() + p.parked_produces() > 0;
        if let Some(p) = node.partitions().find(is_left) {
            let text = format!("{}: {} parts of reads, {} of produces", p.name(), p.parked_reads(), p.parked_produces());
            self.report(Id::Bounded.found("something waits for requests that are no more", text));
        }
        if node.open_leases() != leases_out {
            let text = format!("{} leases, {leases_out} answers under way", node.open_leases());
            self.report(Id::Bounded.found("a lease is kept for an answer that has left", text));
        }
        let gone =
            disk.deleted_path().filter(|_| node.is_serving() && leases_out == 0 && !self.anything_failed() && !self.no_space);
        if let Some(path) = gone.map(str::to_string) {
            self.report(Id::Bounded.found("a deleted directory is there though no answer refers to it", path));
        }
    }

    /// Nothing is under way on the disk: no record is off it for longer than the settings of its topic permit.
    pub(crate) fn check_flushes(&mut self, disk: &SimDisk, node: &Node, now_ns: u64) {
        if !node.is_serving() {
            return;
        }
        for p in node.partitions() {
            let (log, config) = (p.log(), p.log().config());
            if log.is_writable() {
                self.written.insert(p.id());
            } else if !log.is_blocked() || !self.written.contains(&p.id()) {
                // What a start waits for space to cut is looked at when that is done.
                continue;
            }
            let fsync = config.durability == Durability::Fsync;
            if !fsync && config.flush_ms.is_none() && config.flush_messages.is_none() || self.has_failed(&p.name()) {
                continue;
            }
            // What is on the medium is asked of the medium, not of the log.
            let Some(ghost) = self.by_path.get(&p.name()).map(|ghost| &self.logs[*ghost]) else { continue };
            let off = |b: &&GhostBatch| !disk.is_durable(&ghost.path, b.name, b.end_pos());
            // What found no space may be in the ghost, and is none of the log.
            let mut known = ghost.batches.iter().rev().skip_while(|b| b.head.base_offset >= log.end().0);
            let Some(first) = known.by_ref().take_while(off).last().map(|b| b.head.base_offset) else {
                self.unsynced.remove(&p.id());
                continue;
            };
            let unsynced = log.end().0 - first;
            let (seen, since) = self.unsynced.entry(p.id()).or_insert((first, now_ns));
            if *seen != first {
                (*seen, *since) = (first, now_ns);
            }
            let ms = now_ns.saturating_sub(*since) / 1_000_000;
            self.tally.count(Id::FlushedInTime);
            let many = config.flush_messages.is_some_and(|n| u64::try_from(unsynced).is_ok_and(|u| u >= n));
            let site = match config.flush_ms {
                _ if fsync => "a record waits for its fsync and nothing is under way",
                _ if many => "more records than flush.messages permits are not on the disk",
                Some(most) if ms > most => "a record is not on the disk for longer than flush.ms permits",
                _ => continue,
            };
            let text = format!("{}: {unsynced} records, {ms} ms", p.name());
            return self.report(Id::FlushedInTime.found(site, text));
        }
    }

    /// What a fetch could have, if that is all that it waits for: a partition and the bytes of all. When the disk has nothing to do, all
    /// that was appended is visible.
    fn readable_of(&self, fetch: &AskedFetch) -> Option<(String, i64)> {
        let least = i64::from(fetch.min_bytes.max(1));
        if !fetch.known || least > i64::from(fetch.bytes_max) {
            return None;
        }
        let (mut all, mut some) = (0, None);
        for part in &fetch.parts {
            let Some(log) = self.certain_log_of(part) else { continue };
            let batches = &self.logs[log].batches;
            let bytes: usize =
                batches.iter().rev().take_while(|b| b.head.last_offset() >= part.offset).map(|b| b.head.size).sum();
            if bytes > 0 {
                all += i64::try_from(bytes).unwrap_or(i64::MAX).min(i64::from(part.bytes_max));
                some = Some(log);
            }
        }
        some.filter(|_| all >= least).map(|log| (self.logs[log].path.clone(), all))
    }

    /// A Fetch answer leaves before its time is up: as much as it asks for has to be there, or something that no waiting mends.
    pub(crate) fn on_early(&mut self, disk: &SimDisk, fetch: &AskedFetch, answer: &FetchReply, at_most: i64) {
        let mut told = answer.topics.iter().flat_map(|t| &t.partitions);
        let is_told = answer.error_code != 0 || told.any(|p| p.error_code != 0 || p.diverging.is_some());
        if !fetch.known || fetch.parts.is_empty() || is_told || self.anything_failed() || self.no_space {
            return;
        }
        let mut all = 0;
        for part in &fetch.parts {
            let Some(log) = self.certain_log_of(part) else { return };
            let ghost = &self.logs[log];
            let wanted = &ghost.batches[ghost.batches.partition_point(|b| b.head.last_offset() < part.offset)..];
            let bytes: usize = wanted.iter().map(|b| b.head.size).sum();
            // As in Kafka, a read that does not reach into the newest segment, or leaves something out, is not waited for.
            let base = wanted.first().map_or(i64::MAX, |b| b.name.base);
            let is_newer = |n: &FileName| n.kind == FileKind::Log && n.suffix == Suffix::None && n.base > base;
            let topic = ghost.path.rsplit_once('-').map_or("", |(topic, _)| topic);
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            if self.is_retained(topic) || bytes > i64::from(part.bytes_max) || disk.names_in(&ghost.path).iter().any(is_newer) {
                return;
            }
            all += bytes;
        }
        self.tally.count(Id::Waits);
        let least = i64::from(fetch.min_bytes).min(i64::from(fetch.bytes_max)).min(at_most);
        if all < least {
            let text = format!("{all} bytes are there, {} are asked for", fetch.min_bytes);
            self.report(Id::Waits.found("a fetch is answered early with less than it asked for", text));
        }
    }

    /// The log that a part of a fetch is about, where no doubt is left which one that is and where it begins.
    fn certain_log_of(&self, part: &FetchPart) -> Option<usize> {
        let log = self.log_at(&part.name, part.id, part.index)?;
        let ghost = &self.logs[log];
        let certain = part.log == Some(log) && !ghost.is_damaged() && part.offset >= ghost.deletion_asked;
        certain.then_some(log)
    }

    /// A Fetch answer without any record and without an error: none of what was asked may have been there when it was asked.
    fn check_progress(&mut self, fetch: &AskedFetch, answer: &FetchReply) {
        let mut parts = answer.topics.iter().flat_map(|t| &t.partitions);
        if !fetch.known
            || fetch.bytes_max <= 0
            || answer.error_code != 0
            || parts.any(|p| p.error_code != 0 || !p.records.is_empty())
        {
            return;
        }
        self.tally.count(Id::Waits);
        for part in fetch.parts.iter().filter(|p| p.offset < p.visible && p.bytes_max > 0) {
            let Some(log) = self.certain_log_of(part) else { continue };
            let path = &self.logs[log].path;
            let topic = path.rsplit_once('-').map_or("", |(topic, _)| topic);
            let is_there = self.logs[log].batches.iter().any(|b| (part.offset..part.visible).contains(&b.head.last_offset()));
            if is_there && !self.is_retained(topic) {
                let text = format!("{path}: from {}, {} was visible", part.offset, part.visible);
                self.report(Id::Waits.found("a fetch is answered without the records that are there", text));
                return;
            }
        }
    }

    /// An answer to questions about offsets leaves.
    pub(super) fn on_looked(&mut self, asked: &Asked, response: &Response) {
        for look in &asked.looks {
            let same = |name: &str, index: i32| index == look.index && name == look.name;
            // Error, epoch, timestamp, offset.
            let found = match response {
                Response::ListOffsets(r) => r
                    .topics
                    .iter()
                    .flat_map(|t| t.partitions.iter().map(move |p| (t.name.0.as_str(), p)))
                    .find(|(name, p)| same(name, p.partition_index))
                    .map(|(_, p)| (p.error_code, p.leader_epoch, p.timestamp, p.offset)),
                Response::OffsetForLeaderEpoch(r) => r
                    .topics
                    .iter()
                    .flat_map(|t| t.partitions.iter().map(move |p| (t.topic.0.as_str(), p)))
                    .find(|(name, p)| same(name, p.partition))
                    .map(|(_, p)| (p.error_code, p.leader_epoch, NOTHING, p.end_offset)),
                Response::Fetch(r) => r
                    .topics
                    .iter()
                    .flat_map(|t| t.partitions.iter().map(move |p| (t, p)))
                    .find(|(t, p)| p.index == look.index && t.name == look.name && t.id.0.as_u128() == look.id)
                    .map(|(_, p)| (p.error_code, NOTHING as i32, NOTHING, NOTHING)),
                _ => None,
            };
            let Some((error, epoch, timestamp, offset)) = found else { continue };
            let Some(path) = self.path_of(&look.name, look.id, look.index) else { continue };
            // An answer that was read of a topic which is deleted and made again meanwhile speaks of the old one.
            let Some(log) = self.by_path.get(&path).copied().filter(|log| look.log == Some(*log)) else { continue };
            self.check_fence(&path, look, error);
            if error == 0 {
                self.check_look((&path, log), look, epoch, timestamp, offset);
            }
        }
    }

    /// All that the node does in one turn is known. As in Kafka there is no largest timestamp while its record is not visible; that record
    /// may have been appended in the same turn, and its call is given after the answers.
    pub(crate) fn end_of_turn(&mut self) {
        for (log, visible) in std::mem::take(&mut self.unseen_largest) {
            let ghost = &self.logs[log];
            let least = latest(ghost, visible);
            if least != NOTHING && latest(ghost, i64::MAX) <= least {
                let text = format!("{}: nothing, {least} is visible", ghost.path);
                self.report(Id::ByTime.found("a lookup of the largest timestamp finds nothing", text));
            }
        }
    }

    /// Whoever believes in another leader epoch than this life's must be told so.
    fn check_fence(&mut self, path: &str, look: &Look, error: i16) {
        let Some(epoch) = self.leader_epochs.get(path).copied().filter(|_| look.current_epoch >= 0) else { return };
        self.tally.count(Id::Epochs);
        if look.current_epoch != epoch && error == 0 {
            let text = format!("{path}: {} was named, the leader epoch is {epoch}", look.current_epoch);
            self.report(Id::Epochs.found("a client of another leader epoch is not fenced", text));
        }
    }

    fn check_look(&mut self, (path, log): (&str, usize), look: &Look, epoch: i32, timestamp: i64, offset: i64) {
        let topic = path.rsplit_once('-').map_or("", |(topic, _)| topic);
        let ghost = &self.logs[log];
        // Where the beginning is deleted meanwhile, the fold would have to know when: what may be deleted decides nothing.
        let damaged = ghost.is_damaged() || ghost.derived_struck;
        let decides = match look.what {
            LookFor::Epoch(asked) => ghost.batches.iter().rev().find(|b| b.head.epoch <= asked).or(ghost.batches.first()),
            LookFor::Time(at) if at >= 0 => ghost.batches.iter().find(|b| b.head.max_timestamp >= at),
            LookFor::Time(_) | LookFor::Records => ghost.batches.first(),
        };
        let is_unsure = decides.is_some_and(|b| b.head.base_offset < ghost.deletion_asked);
        if damaged || self.no_space || is_unsure || self.is_retained(topic) {
            return;
        }
        let (id, wrong) = match look.what {
            LookFor::Epoch(asked) => {
                let Some(own) = self.leader_epochs.get(path).copied() else { return };
                (Id::Epochs, end_of_epoch(ghost, look, asked, own, (epoch, offset)))
            }
            LookFor::Time(at) if at >= 0 => (Id::ByTime, at_or_after(ghost, look, at, (timestamp, offset))),
            LookFor::Time(-3) if offset == NOTHING => {
                self.tally.count(Id::ByTime);
                return self.unseen_largest.push((log, look.visible));
            }
            LookFor::Time(-3) => (Id::ByTime, largest(ghost, look, (timestamp, offset))),
            LookFor::Time(_) | LookFor::Records => return,
        };
        self.tally.count(id);
        if let Some((site, text)) = wrong {
            self.report(id.found(site, format!("{path}: {text}")));
        }
    }
}

/// The end of a leader epoch, by a walk over all batches.
fn end_of_epoch(ghost: &GhostLog, look: &Look, asked: i32, own: i32, found: (i32, i64)) -> Option<(&'static str, String)> {
    // Where a log ends that has lost all its batches only the node knows.
    let end = ghost.end.unwrap_or(i64::MAX);
    if asked > own {
        let wrong = found != (NOTHING as i32, NOTHING);
        return wrong.then(|| ("a leader epoch of the future has an end", format!("epoch {asked}: {found:?}")));
    }
    let floor = ghost.batches.iter().rev().find(|b| b.head.epoch <= asked).map_or(asked, |b| b.head.epoch);
    let floor = if asked == own { own } else { floor };
    let next = ghost.batches.iter().find(|b| b.head.epoch > asked).map(|b| b.head.base_offset);
    // Where no later epoch has records, it ends where the log ends; that moves while the answer is on its way.
    let ends = next.map_or(look.visible..=end, |next| next..=next);
    let wrong = found.0 != floor || !ends.contains(&found.1);
    wrong.then(|| {
        ("a leader epoch does not end where its batches end", format!("epoch {asked}: {found:?}, not {floor} in {ends:?}"))
    })
}

/// The first record not older than `at`: it lies in the first batch whose largest timestamp is not smaller.
fn at_or_after(ghost: &GhostLog, look: &Look, at: i64, (timestamp, offset): (i64, i64)) -> Option<(&'static str, String)> {
    let first = ghost.batches.iter().find(|b| b.head.max_timestamp >= at);
    let right = match first {
        None => offset == NOTHING,
        Some(b) if offset == NOTHING => b.head.last_offset() >= look.visible,
        Some(b) => timestamp >= at && (b.head.base_offset..=b.head.last_offset()).contains(&offset),
    };
    (!right).then(|| ("a lookup by time finds another record", format!("{at}: {timestamp} at offset {offset}, not in {first:?}")))
}

/// The first record with the largest timestamp.
fn largest(ghost: &GhostLog, look: &Look, (timestamp, offset): (i64, i64)) -> Option<(&'static str, String)> {
    let least = latest(ghost, look.visible);
    let right = timestamp >= least && ghost.batch_at(offset).is_some_and(|b| b.head.max_timestamp == timestamp);
    (!right)
        .then(|| ("a lookup of the largest timestamp finds another", format!("{timestamp} at offset {offset}, at least {least}")))
}

/// The largest timestamp of the batches below an offset.
fn latest(ghost: &GhostLog, until: i64) -> i64 {
    let below = ghost.batches.iter().take_while(|b| b.head.last_offset() < until);
    below.map(|b| b.head.max_timestamp).max().unwrap_or(NOTHING)
}

impl FetchPart {
    fn is_of(&self, other: &FetchPart) -> bool {
        (self.index, self.id, &self.name) == (other.index, other.id, &other.name)
    }
}
