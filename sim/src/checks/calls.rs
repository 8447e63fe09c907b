//! What must be on the disk before a call is given: looked at with each call that replaces, removes, cuts or derives something.
//!
//! State       in `Watch`: which files this life has replaced, whether an orderly end was marked.
//! Takes       a disk call, and the disk as it is before the call.
//! Gives       what a power loss right after the call could break.
//! Holds       it looks at what the medium holds, never at what the node believes.
//! Not here    appends of batches (watch.rs), answers (answers.rs).

use super::ghost::{GhostBatch, GhostLog};
use super::refold::FoundLog;
use super::watch::{METADATA, Watch, is_partition};
use super::{Id, refold};
use crate::batch::{self, Head};
use crate::disk::SimDisk;
use bytes::Bytes;
use ottla_core::ids::DirId;
use ottla_core::io::{DiskCall, FileId, FileKind, FileName, ROOT, Suffix};
use std::collections::BTreeMap;
use std::ops::Range;

const MARKER: FileName = plain(FileKind::CleanShutdown, 0);
const EPOCHS: FileName = plain(FileKind::LeaderEpochs, 0);
const RECOVERY_POINTS: FileName = plain(FileKind::RecoveryPoints, 0);
const LOG_STARTS: FileName = plain(FileKind::LogStarts, 0);

pub(super) const fn plain(kind: FileKind, base: i64) -> FileName {
    FileName { kind, base, epoch: 0, suffix: Suffix::None }
}

impl Watch {
    /// A disk call is about to be given.
    pub(super) fn check_call(&mut self, disk: &SimDisk, file: FileId, call: &DiskCall) {
        let plain = file.name.suffix == Suffix::None;
        self.check_reserve(disk, file, call);
        match (call, file.name.kind) {
            (DiskCall::Rename { to }, _) if file.name.suffix == Suffix::Tmp && to.suffix == Suffix::None => {
                self.on_replaced(disk, file, *to);
            }
            (DiskCall::Create, _) if file.name.suffix == Suffix::Tmp => self.on_replacing(disk, file),
            (DiskCall::Append { data, .. }, FileKind::RecoveryPoints) if !plain => self.on_recovery_points(disk, data),
            (DiskCall::Append { data, .. }, FileKind::Index | FileKind::TimeIndex) => self.on_index(disk, file, data),
            (DiskCall::Create, FileKind::Index | FileKind::TimeIndex) if plain => {
                self.mended.remove(&(disk.path_of(file.dir).unwrap_or_default().to_string(), file.name));
            }
            (DiskCall::Append { .. }, FileKind::Log) if plain => self.before_append(disk, file),
            (DiskCall::Rename { to }, FileKind::Log) if plain && to.suffix == Suffix::Deleted => {
                self.on_doomed(disk, file);
                self.on_metadata_cut(disk, file);
            }
            (DiskCall::Remove, FileKind::Log) if plain => {
                self.removed.insert(file);
                self.on_metadata_cut(disk, file);
            }
            (DiskCall::Remove, FileKind::Index | FileKind::TimeIndex) if plain => {
                self.removed.insert(file);
            }
            (DiskCall::Remove, FileKind::Snapshot) if plain => self.on_snapshot_removed(disk, file),
            _ => {}
        }
    }

    /// What is freed for metadata is not for records.
    fn check_reserve(&mut self, disk: &SimDisk, file: FileId, call: &DiskCall) {
        match (call, file.name.kind) {
            (DiskCall::Truncate { .. }, FileKind::Reserve) => self.reserve_given_up = true,
            (DiskCall::Append { .. }, FileKind::Reserve) => self.reserve_given_up = false,
            (DiskCall::Append { .. }, FileKind::Log) if disk.path_of(file.dir).is_some_and(is_partition) => {
                self.tally.count(Id::Reserved);
                if self.reserve_given_up {
                    let text = format!("{}/{}", disk.path_of(file.dir).unwrap_or_default(), file.name);
                    self.report(Id::Reserved.found("records are written while the reserve is given up", text));
                }
            }
            _ => {}
        }
    }

    /// A new file is about to get the name of the one that it replaces.
    fn on_replaced(&mut self, disk: &SimDisk, file: FileId, to: FileName) {
        self.tally.count(Id::Replaced);
        self.replaced.insert(FileId { name: to, ..file });
        let path = disk.path_of(file.dir).unwrap_or_default();
        if !disk.is_synced(file) {
            let text = format!("{path}/{to}");
            self.report(Id::Replaced.found("a file gets its name before its contents are on the disk", text));
        }
        match to.kind {
            FileKind::Snapshot => self.on_snapshot(disk, FileId { name: to, ..file }),
            FileKind::CleanShutdown => self.on_marked(disk),
            FileKind::Index | FileKind::TimeIndex => {
                self.mended.insert((path.to_string(), to));
            }
            _ => {}
        }
    }

    /// A file is about to be replaced (again): in this life the last replacement must have come to its end.
    fn on_replacing(&mut self, disk: &SimDisk, file: FileId) {
        let target = FileId { name: FileName { suffix: Suffix::None, ..file.name }, ..file };
        if self.replaced.contains(&target)
            && disk.is_there(target)
            && !self.failed_in_life(disk.path_of(file.dir).unwrap_or_default())
        {
            self.tally.count(Id::Replaced);
            if !disk.keeps_whole(target) {
                let text = format!("{}/{}", disk.path_of(file.dir).unwrap_or_default(), target.name);
                self.report(Id::Replaced.found("a file is replaced again before its last replacement is on the disk", text));
            }
        }
    }

    /// A snapshot of the producers is about to get its name.
    fn on_snapshot(&mut self, disk: &SimDisk, file: FileId) {
        let Some(log) = self.log_of(disk, file.dir) else { return };
        let ghost = &self.logs[log];
        let topic = ghost.path.rsplit_once('-').map_or("", |(topic, _)| topic);
        // Where promises rest on the page cache, records may be deleted before they are on the disk: then they are nobody's loss.
        let deleted = ghost.page_cache && (ghost.deletion_asked > 0 || self.is_retained(topic));
        let Some(last) = ghost.last_below(file.name.base).copied().filter(|_| !ghost.is_damaged() && !deleted) else { return };
        self.tally.count(Id::Derived);
        if !disk.keeps(file.dir, last.name, last.end_pos()) {
            let text = format!("{}/{}: {} up to {}", ghost.path, file.name, last.name, last.end_pos());
            self.report(Id::Derived.found("a producer snapshot speaks of batches that are not on the disk", text));
        }
    }

    /// Entries are about to go to an index.
    fn on_index(&mut self, disk: &SimDisk, file: FileId, data: &[Bytes]) {
        let Some(log) = self.log_of(disk, file.dir) else { return };
        let ghost = &self.logs[log];
        let bytes = data.concat();
        let at = if file.name.kind == FileKind::Index { bytes.len().wrapping_sub(8) } else { bytes.len().wrapping_sub(4) };
        let Some(relative) = bytes.get(at..at.saturating_add(4)) else { return };
        let relative = u32::from_be_bytes([relative[0], relative[1], relative[2], relative[3]]);
        let Some(batch) = ghost.batch_at(file.name.base + i64::from(relative)).copied() else { return };
        // What rests on the page cache may be deleted before it is on the disk: an entry of that is evidence of nothing.
        let topic = ghost.path.rsplit_once('-').map_or("", |(topic, _)| topic);
        let deleted = batch.head.last_offset() < ghost.deletion_asked || self.is_retained(topic);
        if ghost.is_damaged() || ghost.page_cache && deleted {
            return;
        }
        self.tally.count(Id::Derived);
        if !disk.keeps(file.dir, batch.name, batch.end_pos()) {
            let text = format!("{}/{}: {} up to {}", ghost.path, file.name, batch.name, batch.end_pos());
            self.report(Id::Derived.found("an index entry names a batch that is not on the disk", text));
        }
    }

    /// An old snapshot goes: the newest one must be there for good.
    fn on_snapshot_removed(&mut self, disk: &SimDisk, file: FileId) {
        let Some(log) = self.log_of(disk, file.dir) else { return };
        let snapshots = disk.names(file.dir).into_iter().filter(|n| n.kind == FileKind::Snapshot && n.suffix == Suffix::None);
        let newest = snapshots.max_by_key(|n| n.base).filter(|n| n.base > file.name.base);
        let ghost = &self.logs[log];
        // One that speaks of more than the log has is removed for that; so are all, where the log begins anew behind them.
        let (Some(newest), true) = (newest, ghost.end.is_some_and(|end| file.name.base <= end)) else { return };
        if ghost.is_damaged() || ghost.deletion_asked >= newest.base {
            return;
        }
        self.tally.count(Id::Derived);
        if !disk.keeps_whole(FileId { name: newest, ..file }) {
            let text = format!("{}: {} removed, {newest} may be lost", ghost.path, file.name);
            self.report(Id::Derived.found("a producer snapshot is removed before the newest one is on the disk", text));
        }
    }

    /// A batch is about to go to a log.
    fn before_append(&mut self, disk: &SimDisk, file: FileId) {
        self.marked = false;
        let path = disk.path_of(file.dir).unwrap_or_default();
        self.tally.count(Id::OrderlyEnd);
        if disk.is_there(FileId { dir: ROOT, name: MARKER }) || disk.may_return(ROOT).any(|name| name == MARKER) {
            let text = format!("{path}/{}", file.name);
            self.report(Id::OrderlyEnd.found("a log is written while the marker of an orderly end may still be found", text));
        }
        let known = self.log_of(disk, file.dir);
        // A call that failed in an earlier life excuses nothing: the start was to make it good.
        let damaged = known.is_some_and(|log| self.logs[log].struck_from.is_some()) || self.failed_in_life(path);
        if known.is_none() && path != METADATA || damaged {
            return;
        }
        self.tally.count(Id::CutDurable);
        if let Some(name) = disk.cut_may_be_undone(file.dir) {
            let text = format!("{path}/{}: of {name}", file.name);
            self.report(Id::CutDurable.found("a log is written before its cut is on the disk", text));
        }
        let is_log = |n: &FileName| n.kind == FileKind::Log && n.suffix == Suffix::None;
        let mut returning = disk.may_return(file.dir).peekable();
        if returning.peek().is_none() {
            return;
        }
        let names = disk.names(file.dir);
        let first = names.iter().filter(|n| is_log(n)).map(|n| n.base).min();
        let is_doomed = |n: &FileName| names.iter().any(|d| d.suffix == Suffix::Deleted && d.base == n.base);
        let returns = |n: &FileName| {
            let kind = n.kind == FileKind::Log || matches!(n.kind, FileKind::Index | FileKind::TimeIndex) && !self.no_space;
            kind && n.suffix == Suffix::None
                && !is_doomed(n)
                && self.removed.contains(&FileId { dir: file.dir, name: *n })
                && first.is_some_and(|first| n.base > first || n.base == first && n.kind != FileKind::Log)
        };
        if let Some(name) = returning.find(returns) {
            let text = format!("{path}/{}: {name}", file.name);
            self.report(Id::CutDurable.found("a log is written while a file that was removed from it may come back", text));
        }
    }

    /// A segment is about to be renamed for deletion: the older ones must be gone for good, or a crash leaves a gap behind one of them.
    fn on_doomed(&mut self, disk: &SimDisk, file: FileId) {
        let known = self.log_of(disk, file.dir);
        if known.map_or(self.has_failed(METADATA), |log| self.logs[log].is_damaged()) {
            return;
        }
        self.tally.count(Id::AskedDeletion);
        let older = |n: &FileName| n.kind == FileKind::Log && n.suffix == Suffix::None && n.base < file.name.base;
        if let Some(name) = disk.may_return(file.dir).find(older) {
            let text = format!("{}: {} while {name} may come back", disk.path_of(file.dir).unwrap_or_default(), file.name);
            self.report(Id::AskedDeletion.found("a segment goes before the one below it is gone for good", text));
        }
        if let Some(log) = known {
            self.check_start_of_doomed(disk, log, file);
        }
    }

    /// Without the log start above it, a crash between the renames of two segments would look like a log that has lost its beginning.
    fn check_start_of_doomed(&mut self, disk: &SimDisk, log: usize, file: FileId) {
        let ghost = &self.logs[log];
        let last = ghost.batches.iter().rfind(|b| b.name.base == file.name.base).map(|b| b.head.last_offset());
        let is_unsure = ghost.is_back || self.failed_in_life("") || self.root_is_damaged(FileKind::LogStarts);
        let Some(last) = last.filter(|_| !is_unsure && is_partition(&ghost.path)) else { return };
        let starts = refold::checkpoint_lines(disk.durable_contents(FileId { dir: ROOT, name: LOG_STARTS }));
        let start = starts.iter().find(|(topic, index, _)| format!("{topic}-{index}") == ghost.path).map_or(0, |line| line.2);
        if start <= last {
            let text = format!("{}: {} up to offset {last}, the log start on the disk is {start}", ghost.path, file.name);
            self.report(Id::AskedDeletion.found("a segment goes before the log start above it is on the disk", text));
        }
    }

    /// The metadata log is about to lose its beginning: what it said must be in a snapshot on the disk.
    fn on_metadata_cut(&mut self, disk: &SimDisk, file: FileId) {
        if disk.path_of(file.dir) != Some(METADATA) || self.has_failed(METADATA) {
            return;
        }
        let names = disk.names(file.dir);
        let is_log = |n: &&FileName| n.kind == FileKind::Log && n.suffix == Suffix::None;
        let mut bases: Vec<i64> = names.iter().filter(is_log).map(|n| n.base).collect();
        bases.sort_unstable();
        let [first, next, ..] = bases.as_slice() else { return };
        if file.name.base != *first {
            return;
        }
        self.tally.count(Id::MetadataCut);
        let covers = |n: &&FileName| {
            n.kind == FileKind::Checkpoint
                && n.suffix == Suffix::None
                && n.base >= *next
                && disk.keeps_whole(FileId { name: **n, ..file })
        };
        if !names.iter().any(|n| covers(&n)) {
            let text = format!("{} removed, the next one begins at {next}", file.name);
            self.report(Id::MetadataCut.found("the metadata log is cut and no snapshot on the disk covers it", text));
        }
    }

    /// The marker of an orderly end is about to get its name: everything must be on the disk.
    fn on_marked(&mut self, disk: &SimDisk) {
        self.tally.count(Id::OrderlyEnd);
        self.marked = true;
        for log in 0..self.logs.len() {
            let ghost = &self.logs[log];
            if self.by_path.get(&ghost.path) != Some(&log) || !is_partition(&ghost.path) || !disk.paths().contains(&ghost.path) {
                continue;
            }
            // A stray directory, which nobody has opened in this life, holds nothing that was promised.
            let is_open = self.by_dir.contains(&Some(log));
            let Some(last) = ghost.batches.last().filter(|_| is_open) else { continue };
            if !disk.is_durable(&ghost.path, last.name, last.end_pos()) {
                let text = format!("{}: offset {}", ghost.path, last.head.last_offset());
                self.report(Id::OrderlyEnd.found("an orderly end is marked and a log is not on the disk", text));
            }
        }
    }

    /// A node says that it has ended in order. Where the sync of the marker's name has failed, it cannot say that the marker stays: it says
    /// that the next start looks at everything, and what is marked is on the disk whether the marker is found or not.
    pub(crate) fn on_ended(&mut self, disk: &SimDisk) {
        let marker = FileId { dir: ROOT, name: MARKER };
        if disk.is_there(marker) && !self.failed_in_life("") {
            self.tally.count(Id::OrderlyEnd);
            if !disk.keeps_whole(marker) {
                self.report(Id::OrderlyEnd.found("an orderly end whose marker a power loss would take", String::new()));
            }
        }
    }

    /// Recovery points are written down: below them everything must be on the disk.
    fn on_recovery_points(&mut self, disk: &SimDisk, data: &[Bytes]) {
        let text = data.concat();
        // What lies below the log start on the disk is deleted, whatever else is there.
        let starts = refold::checkpoint_lines(disk.durable_contents(FileId { dir: ROOT, name: LOG_STARTS }));
        let starts_are_sure = !self.failed_in_life("") && !self.root_is_damaged(FileKind::LogStarts);
        self.on_points_going_back(disk, &text);
        for (topic, index, point) in refold::checkpoint_lines(&text) {
            let path = format!("{topic}-{index}");
            let (Some(log), Some(dir)) = (self.by_path.get(&path).copied(), disk.id_of(&path)) else { continue };
            let ghost = &self.logs[log];
            if ghost.is_damaged() || !is_partition(&path) {
                continue;
            }
            // A recovery point that damage has made is believed, as in Kafka: it has no checksum.
            if self.root_is_damaged(FileKind::RecoveryPoints) {
                continue;
            }
            // Where that file is damaged, a log may have lost its beginning without its saying so.
            if !starts_are_sure && self.is_retained(&topic) {
                continue;
            }
            self.tally.count(Id::RecoveryPoint);
            let start = starts.iter().find(|line| (&line.0, line.1) == (&topic, index)).map_or(0, |line| line.2);
            let start = if starts_are_sure { start } else { start.max(ghost.deletion_asked) };
            let found = self.missing_below(disk, dir, ghost, start..point);
            if let Some((site, what)) = found {
                self.report(Id::RecoveryPoint.found(site, format!("{path}, recovery point {point}: {what}")));
            }
        }
    }

    /// A recovery point goes back only where what it spoke of is lost. As long as something of that is on the disk, also behind damage,
    /// every start has to see that it was durable: a start that does not would cut it away like a torn tail.
    fn on_points_going_back(&mut self, disk: &SimDisk, text: &[u8]) {
        let root = |name| refold::checkpoint_lines(disk.contents(FileId { dir: ROOT, name }));
        if self.root_is_damaged(FileKind::RecoveryPoints) || self.root_is_damaged(FileKind::LogStarts) {
            return;
        }
        let old: BTreeMap<_, _> = root(RECOVERY_POINTS).into_iter().map(|(topic, index, at)| ((topic, index), at)).collect();
        let mut starts = None;
        for (topic, index, point) in refold::checkpoint_lines(text) {
            let path = format!("{topic}-{index}");
            let name = (topic, index);
            let Some(before) = old.get(&name).copied().filter(|before| *before > point) else { continue };
            let Some(log) = self.by_path.get(&path).copied() else { continue };
            let start = starts.get_or_insert_with(|| root(LOG_STARTS)).iter().find(|l| (&l.0, l.1) == (&name.0, name.1));
            let start = start.map_or(0, |line| line.2);
            let ghost = &self.logs[log];
            if !is_partition(&path) || ghost.failed || ghost.is_back || before <= start {
                continue;
            }
            self.tally.count(Id::RecoveryPoint);
            if let Some(what) = reaches(disk, &path, start, point..before) {
                let text = format!("{path}: from {before} to {point}, {what}");
                self.report(Id::RecoveryPoint.found("a recovery point goes back though what lies below it is there", text));
            }
        }
    }

    /// A node is about to start. `found`: the logs on its disk.
    pub(super) fn check_start(&mut self, disk: &SimDisk, found: &[FoundLog]) {
        let root = |name| disk.contents(FileId { dir: ROOT, name });
        let is_marked = disk.is_there(FileId { dir: ROOT, name: MARKER });
        if is_marked {
            self.tally.count(Id::OrderlyEnd);
            if !self.marked {
                let text = "a log was written, or not closed, in the life before".to_string();
                self.report(Id::OrderlyEnd.found("a marker of an orderly end that was none", text));
            }
        }
        for (name, what) in
            [(RECOVERY_POINTS, "a recovery point above the end of its log"), (LOG_STARTS, "a log start above the end of its log")]
        {
            if self.root_is_damaged(name.kind) {
                continue;
            }
            for (topic, index, offset) in refold::checkpoint_lines(root(name)) {
                let path = format!("{topic}-{index}");
                let Some(FoundLog { batches, .. }) = found.iter().find(|f| f.path == path) else { continue };
                let is_owed = |log: &usize| !self.logs[*log].is_damaged() && !self.logs[*log].is_back;
                let Some(log) = self.by_path.get(&path).copied().filter(is_owed) else { continue };
                // Where promises rest on the page cache, records may be deleted before they are on the disk, and both move on.
                if self.logs[log].page_cache {
                    continue;
                }
                let segments = disk.names_in(&path).into_iter().filter(|n| n.kind == FileKind::Log && n.suffix == Suffix::None);
                // Removed segments may be there again, with a gap behind them: the last segment says where the log ends.
                let newest = segments.max_by_key(|n| n.base);
                let in_newest = newest.and_then(|n| crate::batch::batches(disk.bytes_of(&path, n)).last());
                let ends = [batches.last().map(|b| b.head), in_newest.map(|(_, head)| head)];
                let end = ends.into_iter().flatten().map(|head| head.last_offset() + 1).chain(newest.map(|n| n.base)).max();
                self.tally.count(Id::RecoveryPoint);
                if end.unwrap_or(0) < offset {
                    let text = format!("{path}: {offset}, the log ends at {end:?}");
                    self.report(Id::RecoveryPoint.found(what, text));
                }
            }
        }
    }

    /// A log is about to be cut. Behind damage a whole batch may not go of which something on the disk says that it was durable: that is no
    /// torn tail, and nobody may take back what was promised without a word.
    pub(super) fn on_torn(&mut self, disk: &SimDisk, log: usize, file: FileId, len: u64) {
        let ghost = &self.logs[log];
        let Some(from) = ghost.struck_from.filter(|_| !ghost.failed && !ghost.page_cache && !ghost.is_back) else { return };
        self.tally.count(Id::Recovered);
        let points = refold::checkpoint_lines(disk.contents(FileId { dir: ROOT, name: RECOVERY_POINTS }));
        let point = points.iter().find(|(topic, index, _)| format!("{topic}-{index}") == ghost.path).map_or(0, |line| line.2);
        let point = if self.root_is_damaged(FileKind::RecoveryPoints) { 0 } else { point };
        let indexed = |base: i64| -> Vec<(i64, u64)> {
            let bytes = disk.contents(FileId { name: plain(FileKind::Index, base), ..file });
            let u32_at = |e: &[u8], at: usize| u32::from_be_bytes([e[at], e[at + 1], e[at + 2], e[at + 3]]);
            bytes.chunks_exact(8).map(|e| (base + i64::from(u32_at(e, 0)), u64::from(u32_at(e, 4)))).collect()
        };
        let names = disk.names(file.dir);
        let snapshots = names.iter().filter(|n| n.kind == FileKind::Snapshot && n.suffix == Suffix::None);
        let known = snapshots.map(|n| n.base).max().unwrap_or(0).max(point);
        // A misdirected write may have put a copy of a batch there that lies where it belongs, and stays.
        let here = disk.contents(file);
        let kept = &here[..here.len().min(usize::try_from(len).unwrap_or(usize::MAX))];
        let end = batch::batches(kept).last().map_or(file.name.base, |(_, head)| head.last_offset() + 1);
        let segments = names.iter().filter(|n| n.kind == FileKind::Log && n.suffix == Suffix::None && n.base >= file.name.base);
        for segment in segments {
            let bytes = disk.contents(FileId { name: *segment, ..file });
            let first = if *segment == file.name { usize::try_from(len).unwrap_or(usize::MAX) } else { 0 };
            let entries = if ghost.derived_struck { Vec::new() } else { indexed(segment.base) };
            let heads = (first..bytes.len()).filter_map(|pos| batch::parse(&bytes[pos..]).map(|head| (pos as u64, head)));
            let is_proved = |(pos, head): &(u64, Head)| {
                // A snapshot of producers and a recovery point are written when all below is on the disk, an index entry when its batch is.
                head.base_offset > from
                    && head.base_offset >= end
                    && (head.last_offset() < known || *segment == file.name && entries.contains(&(head.last_offset(), *pos)))
            };
            if let Some((_, head)) = heads.into_iter().find(is_proved) {
                let text = format!("{}: damaged from offset {from}, {head:?}, durable up to {known}", ghost.path);
                self.report(Id::Recovered.found("damage is cut away like a torn tail, and what is durable behind it", text));
                return;
            }
        }
    }

    /// A start has succeeded: it may not have taken log starts that nobody can read for none.
    pub(crate) fn on_started(&mut self, disk: &SimDisk) {
        let file = FileId { dir: ROOT, name: LOG_STARTS };
        if !self.root_is_damaged(FileKind::LogStarts) || !disk.is_there(file) {
            return;
        }
        self.tally.count(Id::Recovered);
        let len = disk.contents(file).len() as u64;
        let readable = disk.peek(file, 0, len);
        let text = readable.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let is_whole = text.is_some_and(|text| {
            let mut lines = text.lines();
            let head = (lines.next(), lines.next().and_then(|n| n.parse::<usize>().ok()));
            head.0 == Some("0") && head.1 == Some(lines.count())
        });
        if !is_whole {
            let what = "a node starts though it cannot read where its logs begin";
            self.report(Id::Recovered.found(what, format!("{text:?}")));
        }
    }

    /// What of a log between its start and a recovery point is not on the disk for good, or does not say what the batches say.
    fn missing_below(
        &self,
        disk: &SimDisk,
        dir: DirId,
        GhostLog { path, batches, derived_struck, .. }: &GhostLog,
        Range { start, end: point }: Range<i64>,
    ) -> Option<(&'static str, String)> {
        let is_below = |b: &&GhostBatch| b.head.base_offset >= start && b.head.last_offset() < point;
        let below: Vec<&GhostBatch> = batches.iter().filter(is_below).collect();
        if let Some(last) = below.last().filter(|b| !disk.keeps(dir, b.name, b.end_pos())) {
            return Some((
                "batches below a recovery point are not on the disk",
                format!("{} up to {}", last.name, last.end_pos()),
            ));
        }
        // What a fault made of them is not the node's doing; Kafka believes them, too.
        if *derived_struck {
            return None;
        }
        let is_log = |n: &FileName| n.kind == FileKind::Log && n.suffix == Suffix::None;
        let mut bases: Vec<i64> = disk.names(dir).into_iter().filter(is_log).map(|n| n.base).collect();
        bases.sort_unstable();
        let file = FileId { dir, name: EPOCHS };
        // While it is being replaced, a power loss leaves the old contents or the new; both are true as far as they go.
        let entries = refold::epoch_entries(disk.durable_contents(file));
        for b in &below {
            let named = entries.iter().rev().find(|e| e.1 <= b.head.base_offset);
            if named.is_none_or(|e| e.0 != b.head.epoch) {
                let text = format!("epoch {} at offset {}, the file says {entries:?}", b.head.epoch, b.head.base_offset);
                return Some(("a leader epoch below a recovery point is not in the checkpoint on the disk", text));
            }
        }
        for pair in bases.windows(2).filter(|pair| pair[1] < point && pair[0] >= start) {
            let times: Vec<i64> = batches.iter().filter(|b| b.name.base == pair[0]).map(|b| b.head.max_timestamp).collect();
            let latest = times.iter().copied().max().unwrap_or(-1);
            for kind in [FileKind::Index, FileKind::TimeIndex] {
                let file = FileId { dir, name: plain(kind, pair[0]) };
                let there = disk.is_there(file);
                // One that got its name as a whole is there as a whole, or not at all, and is made anew then.
                let keeps =
                    if self.mended.contains(&(path.clone(), file.name)) { disk.is_synced(file) } else { disk.keeps_whole(file) };
                if there && !keeps {
                    return Some(("an index below a recovery point is not on the disk", format!("{}", file.name)));
                }
                // One that could not be written is given up; readers do without it.
                let given_up = self.no_space || self.has_failed(path);
                if kind == FileKind::TimeIndex && latest >= 0 && !given_up {
                    let last = disk.contents(file).chunks_exact(12).next_back().map(|e| refold::i64_at(e, 0));
                    if last != Some(latest) {
                        let text = format!("{}: it ends with {last:?}, the segment's largest timestamp is {latest}", file.name);
                        return Some(("a time index below a recovery point is not complete", text));
                    }
                }
            }
        }
        None
    }
}

/// Whether the log at `path` holds everything from `start` up to the old of two points, or, between them, a whole batch behind the first
/// thing that is missing.
fn reaches(disk: &SimDisk, path: &str, start: i64, between: std::ops::Range<i64>) -> Option<String> {
    let batches = refold::read_log(disk, path, start);
    let is_log = |n: &FileName| n.kind == FileKind::Log && n.suffix == Suffix::None;
    let mut segments: Vec<FileName> = disk.names_in(path).into_iter().filter(is_log).collect();
    segments.sort();
    let first = segments.iter().rposition(|n| n.base <= start).unwrap_or(0);
    let end = batches.last().map_or(segments.get(first)?.base, |b| b.head.last_offset() + 1);
    if end >= between.end {
        return Some(format!("and it holds all up to {end}"));
    }
    let hole = segments.iter().rposition(|n| n.base <= end).unwrap_or(first);
    let behind = |n: usize, from: usize, most: usize| {
        let bytes = disk.bytes_of(path, segments[n]);
        // In a file that ends before it a batch is a copy, which a misdirected write put there.
        let next = segments.get(n + 1).map_or(i64::MAX, |later| later.base);
        let mut heads = (from..bytes.len()).take(most).filter_map(|pos| batch::parse(&bytes[pos..]));
        heads.find(|head| (end..next).contains(&head.base_offset) && between.contains(&head.base_offset))
    };
    let cut =
        batches.last().filter(|b| b.name == segments[hole]).map_or(0, |b| usize::try_from(b.end_pos()).unwrap_or(usize::MAX));
    let found = behind(hole, cut, usize::MAX).or_else(|| (hole + 1..segments.len()).find_map(|n| behind(n, 0, 1)));
    found.map(|head| format!("it ends at {end}, and behind that lies {head:?}"))
}
