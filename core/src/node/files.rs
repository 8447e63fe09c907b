//! The files of the node as a whole: checkpoints of offsets per partition, and the marker of an orderly end.
//!
//! State       per checkpoint: which partitions its copy on disk names, the replacement under way, when the next is due; the marker.
//! Takes       that something moved; completions; time.
//! Gives       replacements through `disk::Replacer`; what of that which somebody waits for is durable by now.
//! Holds       the marker is gone durably before anything is appended in this life, and is written only when everything is closed
//!             (R30). A checkpoint never names a partition that it was not told of.
//! Not here    what recovery makes of a checkpoint (`recovery.rs`), directories (`directories.rs`).

use crate::disk::{DiskQueue, Owner, Progress, Replacer};
use crate::ids::{Offset, OpId, PartitionId};
use crate::io::{DiskCall, DiskDone, DiskFault, FileId, FileKind, ROOT};
use crate::planted::{Barrier, Bug};
use crate::time::Instant;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// A partition by the name that Kafka's checkpoint files know it by.
pub(super) type Name = (String, i32);

/// How long after a failed replacement the next one is tried.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One checkpoint file.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    kind: FileKind,
    interval: Duration,
    /// The partitions that the file on disk may name.
    names: BTreeSet<Name>,
    writing: Option<Writing>,
    due: Option<Instant>,
    /// What somebody waits for: that the file says this offset of a partition, or a later one.
    awaited: Vec<(PartitionId, Offset)>,
}

#[derive(Debug)]
struct Writing {
    replacer: Replacer,
    names: BTreeSet<Name>,
    covers: Vec<(PartitionId, Offset)>,
}

/// One line of a checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: PartitionId,
    pub(super) name: Name,
    pub(super) offset: Offset,
}

impl CheckpointFile {
    pub(super) fn new(kind: FileKind, interval: Duration, names: BTreeSet<Name>) -> CheckpointFile {
        CheckpointFile { kind, interval, names, writing: None, due: None, awaited: Vec::new() }
    }

    /// Something that the file says has changed.
    pub(super) fn on_changed(&mut self, now: Instant) {
        let due = now.after(self.interval);
        self.due = Some(self.due.map_or(due, |d| d.min(due)));
    }

    /// The file has to be replaced at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// Somebody waits until this offset, or a later one, is on disk.
    pub(super) fn wait_for(&mut self, id: PartitionId, offset: Offset, now: Instant) {
        self.awaited.push((id, offset));
        self.hurry(now);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.writing.is_some() { None } else { self.due }
    }

    /// It is not written any more.
    pub(super) fn give_up(&mut self) {
        self.due = None;
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Whether the file on disk may still name this partition.
    pub(super) fn names(&self, name: &Name) -> bool {
        self.names.contains(name) || self.writing.as_ref().is_some_and(|w| w.names.contains(name))
    }

    /// Write `lines` if it is time.
    pub(super) fn maybe_write(&mut self, now: Instant, lines: impl FnOnce() -> Vec<Line>, disk: &mut DiskQueue) -> bool {
        if self.writing.is_some() || self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        let lines = lines();
        let file = FileId::new(ROOT, self.kind, 0);
        let replacer = Replacer::start(file, render(&lines), &mut disk.port(Owner::Node(self.kind)));
        let awaited = std::mem::take(&mut self.awaited);
        let offsets: BTreeMap<PartitionId, Offset> = lines.iter().map(|l| (l.id, l.offset)).collect();
        let (covers, later) = awaited.into_iter().partition(|(id, start)| offsets.get(id).is_none_or(|o| o >= start));
        self.awaited = later;
        self.writing = Some(Writing { replacer, names: lines.into_iter().map(|l| l.name).collect(), covers });
        true
    }

    /// A sync of the data directory has failed, whoever asked for it: what has its name by now is written anew.
    pub(super) fn on_names_lost(&mut self, fault: DiskFault) {
        self.writing.iter_mut().for_each(|writing| writing.replacer.on_names_lost(fault));
    }

    /// A completion. `Some` when a replacement ended: what became durable, or what failed.
    pub(super) fn on_disk(
        &mut self,
        now: Instant,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        disk: &mut DiskQueue,
    ) -> Option<Result<Vec<(PartitionId, Offset)>, DiskFault>> {
        let writing = self.writing.as_mut()?;
        match writing.replacer.on_disk(op, result, &mut disk.port(Owner::Node(self.kind))) {
            Progress::NotMine | Progress::Going => None,
            Progress::Done => {
                let writing = self.writing.take()?;
                self.names = writing.names;
                Some(Ok(writing.covers))
            }
            Progress::Failed(fault) | Progress::Unnamed(fault) => {
                let writing = self.writing.take()?;
                // Either copy may be found after a crash.
                self.names.extend(writing.names);
                self.awaited.extend(writing.covers);
                self.due = Some(now.after(RETRY_AFTER));
                Some(Err(fault))
            }
        }
    }
}

/// Kafka's text: a version, a count, a line for each partition.
fn render(lines: &[Line]) -> Bytes {
    let mut text = String::with_capacity(16 + lines.len() * 32);
    let _ = writeln!(text, "0\n{}", lines.len());
    for Line { name: (topic, index), offset, .. } in lines {
        let _ = writeln!(text, "{topic} {index} {offset}");
    }
    Bytes::from(text)
}

/// No log comes so far that sums of offsets overflow.
const OFFSET_MAX: i64 = i64::MAX >> 1;

/// Whether a start can read these bytes as the file of this kind; why not. Nothing is asked of files of other kinds.
pub fn check_file(kind: FileKind, bytes: &[u8]) -> Result<(), String> {
    match kind {
        FileKind::RecoveryPoints | FileKind::LogStarts | FileKind::HighWatermarks => parse(bytes).map(drop),
        FileKind::PartitionMetadata => {
            super::directories::parse_metadata(bytes).map(drop).ok_or_else(|| "no version and topic id".to_owned())
        }
        kind => crate::controller::check_file(kind, bytes),
    }
}

/// What a checkpoint says; an error for anything that Kafka would not have written.
pub(super) fn parse(bytes: &[u8]) -> Result<BTreeMap<Name, Offset>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not text".to_string())?;
    let mut lines = text.lines();
    if lines.next() != Some("0") {
        return Err("an unknown version".to_string());
    }
    let count: usize = lines.next().and_then(|l| l.parse().ok()).ok_or("no count of entries")?;
    let mut entries = BTreeMap::new();
    for line in lines {
        let mut words = line.split(' ');
        let (topic, index, offset) = (words.next(), words.next(), words.next());
        let parsed = match (topic, index.map(str::parse), offset.map(str::parse), words.next()) {
            (Some(topic), Some(Ok(index)), Some(Ok(offset @ 0..=OFFSET_MAX)), None) => {
                ((topic.to_string(), index), Offset(offset))
            }
            _ => return Err(format!("a malformed line {line:?}")),
        };
        entries.insert(parsed.0, parsed.1);
    }
    if entries.len() != count {
        return Err(format!("{} entries where {count} were announced", entries.len()));
    }
    Ok(entries)
}

/// The clean-shutdown marker.
#[derive(Debug)]
pub(super) enum Marker {
    /// Not on disk, durably.
    Absent,
    Removing(OpId),
    /// It is not there, and a power loss may yet bring it back.
    Forgetting(OpId),
    Writing(Replacer),
    Written,
}

impl Marker {
    /// Begin a life on a directory that has been used: no marker may be found by the next one, and before that is so nothing else is
    /// asked of the disk. A marker that is not there may only have been removed, by a life that was killed before that was on the disk: it
    /// would come back with a power loss, and speak for what this life had begun to change.
    pub(super) fn begin(present: bool, disk: &mut DiskQueue) -> Marker {
        let owner = Owner::Node(FileKind::CleanShutdown);
        let goes_first = !disk.planting().has(Bug::ServesBeforeMarkerGone);
        disk.let_first(goes_first.then_some(owner));
        let mut port = disk.port(owner);
        match present {
            true => Marker::Removing(port.call(FileId::new(ROOT, FileKind::CleanShutdown, 0), DiskCall::Remove)),
            false => Marker::Forgetting(port.barrier(Barrier::MarkerRemoved, FileId::dir(ROOT), DiskCall::SyncDir)),
        }
    }

    /// End a life of which everything is durable.
    pub(super) fn write(&mut self, disk: &mut DiskQueue) {
        assert!(matches!(self, Marker::Absent), "a marker is written once, and only after the old one is gone");
        let file = FileId::new(ROOT, FileKind::CleanShutdown, 0);
        // Kafka's contents: the epoch of the broker is not known here, which it writes as -1.
        let contents = Bytes::from_static(b"{\"version\":0,\"brokerEpoch\":-1}");
        *self = Marker::Writing(Replacer::start(file, contents, &mut disk.port(Owner::Node(FileKind::CleanShutdown))));
    }

    /// A completion. An error is final: the marker cannot be trusted to be gone, or to be there.
    pub(super) fn on_disk(
        &mut self,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        disk: &mut DiskQueue,
    ) -> Result<(), DiskFault> {
        let mut port = disk.port(Owner::Node(FileKind::CleanShutdown));
        *self = match std::mem::replace(self, Marker::Absent) {
            Marker::Removing(mine) if mine == op => {
                result.clone()?;
                Marker::Forgetting(port.barrier(Barrier::MarkerRemoved, FileId::dir(ROOT), DiskCall::SyncDir))
            }
            Marker::Forgetting(mine) if mine == op => {
                result.clone()?;
                disk.let_first(None);
                Marker::Absent
            }
            Marker::Writing(mut replacer) => match replacer.on_disk(op, result, &mut port) {
                Progress::Done => Marker::Written,
                Progress::Failed(fault) | Progress::Unnamed(fault) => return Err(fault),
                Progress::Going | Progress::NotMine => Marker::Writing(replacer),
            },
            other => other,
        };
        Ok(())
    }

    /// A sync of the data directory has failed, whoever asked for it. An error is final, as that of its own would be.
    pub(super) fn on_names_lost(&mut self, fault: DiskFault) -> Result<(), DiskFault> {
        match self {
            Marker::Removing(_) | Marker::Forgetting(_) => Err(fault),
            Marker::Writing(replacer) => {
                replacer.on_names_lost(fault);
                Ok(())
            }
            Marker::Absent | Marker::Written => Ok(()),
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Marker::Absent)
    }

    /// Whether that of the last life may still be found.
    pub(super) fn is_doubtful(&self) -> bool {
        matches!(self, Marker::Removing(_) | Marker::Forgetting(_))
    }

    pub(super) fn is_written(&self) -> bool {
        matches!(self, Marker::Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_the_way_to_text_and_back() {
        let line = |topic: &str, index, offset| Line {
            id: PartitionId { topic: Default::default(), index: Default::default() },
            name: (topic.to_string(), index),
            offset: Offset(offset),
        };
        let text = render(&[line("a.b-c", 3, 17), line("x", 0, 0)]);
        assert_eq!(&text[..], b"0\n2\na.b-c 3 17\nx 0 0\n");
        let parsed = parse(&text).expect("parses");
        assert_eq!(parsed[&("a.b-c".to_string(), 3)], Offset(17));
        assert_eq!(parsed.len(), 2);
    }

    #[test]
    fn what_kafka_would_not_have_written_is_refused() {
        for bad in
            ["", "1\n0\n", "0\n", "0\n1\n", "0\n1\na 1\n", "0\n1\na 1 2 3\n", "0\n0\na 1 2\n", "0\n1\na x 2\n", "0\n1\na 0 -1\n"]
        {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
