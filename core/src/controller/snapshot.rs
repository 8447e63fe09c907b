//! Snapshots of the metadata: written so that the log may be cut, read at the next start.
//!
//! State       `Snapshots`: how much log was written since the last one, and the one that is being written.
//! Holds       the log is cut, and older snapshots are removed, only when the new one is durable under its name.
//! Not here    what a snapshot says (`Image::records`).

use super::control::{Control, control_batch, record_batch};
use super::image::Image;
use super::records::Record;
use super::{Controller, ControllerIntent, METADATA_DIR, note};
use crate::disk::{DiskPort, Progress, Replacer};
use crate::ids::{Offset, OpId};
use crate::io::{DiskDone, DiskFault, DiskImage, FileId, FileKind, FileName, Level, Suffix};
use crate::log::LogEvent;
use crate::planted::Bug;
use crate::time::Now;
use crate::wire::batch::{batches, records};
use bytes::{Bytes, BytesMut};

/// Records in one batch of a snapshot: some hundred KB.
const RECORDS_PER_BATCH: usize = 4096;

/// When snapshots are taken, and the one under way.
#[derive(Debug)]
pub(super) struct Snapshots {
    every_bytes: usize,
    since_bytes: usize,
    latest: Option<FileName>,
    writing: Option<Replacer>,
}

impl Snapshots {
    pub(super) fn new(every_bytes: usize, since_bytes: usize, latest: Option<FileName>) -> Snapshots {
        Snapshots { every_bytes, since_bytes, latest, writing: None }
    }

    /// The log has grown.
    pub(super) fn grew(&mut self, bytes: usize) {
        self.since_bytes += bytes;
    }
}

/// A snapshot as it was read.
pub(super) struct Loaded {
    pub(super) name: FileName,
    pub(super) end: Offset,
    pub(super) last_timestamp: i64,
    pub(super) image: Image,
}

/// The bytes of a snapshot, as Kafka lays it out: a header, the records, a footer.
pub(super) fn print(image: &Image, epoch: i32, last_timestamp: i64, head: &[Control], timestamp: i64) -> Bytes {
    let mut bytes = BytesMut::new();
    let mut control = vec![Control::SnapshotHeader { last_timestamp }];
    control.extend_from_slice(head);
    bytes.extend_from_slice(&control_batch(&control, 0, epoch, timestamp).bytes);
    let mut base = i64::try_from(control.len()).unwrap_or(0);
    for part in image.records().chunks(RECORDS_PER_BATCH) {
        bytes.extend_from_slice(&record_batch(part, base, epoch, timestamp).bytes);
        base += i64::try_from(part.len()).unwrap_or(0);
    }
    bytes.extend_from_slice(&control_batch(&[Control::SnapshotFooter], base, epoch, timestamp).bytes);
    bytes.freeze()
}

/// Read a snapshot. It is whole if every batch is, the header is its first record and the footer its last.
pub(super) fn load(disk: &dyn DiskImage, name: FileName, len: u64) -> Result<Loaded, String> {
    let bad = |why: String| format!("{METADATA_DIR}/{name}: {why}");
    let len = usize::try_from(len).map_err(|_| bad("too large".to_owned()))?;
    let contents = disk.read(Some(METADATA_DIR), &name.to_string(), 0, len).map_err(|f| bad(format!("{f:?}")))?;
    parse(contents).map_err(bad).map(|(image, last_timestamp)| Loaded { name, end: Offset(name.base), last_timestamp, image })
}

fn parse(contents: Bytes) -> Result<(Image, i64), String> {
    let (mut image, mut ignored) = (Image::default(), Vec::new());
    let (mut last_timestamp, mut footer) = (None, false);
    let mut all = batches(contents);
    for batch in all.by_ref() {
        let batch = batch.map_err(|e| e.to_string())?;
        for record in records(&batch.info, &batch.bytes).map_err(|e| e.to_string())? {
            let record = record.map_err(|e| e.to_string())?;
            let value = record.value.unwrap_or_default();
            if footer {
                return Err("records follow the footer".to_owned());
            }
            if batch.info.attributes.is_control() {
                match (record.key.as_deref(), last_timestamp) {
                    (Some([0, 0, 0, 3]), None) if value.len() >= 10 => {
                        let mut timestamp = [0; 8];
                        timestamp.copy_from_slice(&value[2..10]);
                        last_timestamp = Some(i64::from_be_bytes(timestamp));
                    }
                    (Some([0, 0, 0, 4]), Some(_)) => footer = true,
                    (Some([0, 0, 0, 5 | 6]), Some(_)) => {}
                    (key, _) => return Err(format!("control record {key:?} out of place")),
                }
            } else if last_timestamp.is_none() {
                return Err("it does not begin with a header".to_owned());
            } else {
                Record::decode(&value).and_then(|r| image.apply(&r, &mut ignored))?;
                ignored.clear();
            }
        }
    }
    match last_timestamp {
        _ if !all.rest().is_empty() => Err("its last batch is cut off".to_owned()),
        Some(timestamp) if footer && image.is_settled() => Ok((image, timestamp)),
        _ => Err("it has no footer".to_owned()),
    }
}

impl Controller {
    /// Write a snapshot of what is durable, if enough was written since the last one.
    pub(super) fn maybe_snapshot(&mut self, now: Now, port: &mut DiskPort<'_>) -> bool {
        let s = &self.snapshots;
        let due = s.since_bytes >= s.every_bytes && s.writing.is_none() && self.is_active();
        if !due || s.latest.is_some_and(|l| l.base >= self.image_end.0) {
            return false;
        }
        let mut name = FileId::new(self.dir, FileKind::Checkpoint, self.image_end.0).name;
        name.epoch = self.epoch.0;
        let head = self.quorum_controls();
        let contents = print(&self.image, self.epoch.0, self.image_timestamp, &head, self.image_timestamp);
        self.snapshots.writing = Some(Replacer::start(FileId { dir: self.dir, name }, contents, port));
        self.snapshots.since_bytes = 0;
        if port.planted(Bug::LogCutBeforeSnapshot) {
            self.begin_log_at(Offset(name.base), now, port, &mut Vec::new());
        }
        true
    }

    /// A completion of the snapshot that is being written; false if it is none of its own.
    pub(super) fn on_snapshot_disk(
        &mut self,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        now: Now,
        port: &mut DiskPort<'_>,
        out: &mut Vec<ControllerIntent>,
    ) -> bool {
        let Some(replacer) = &mut self.snapshots.writing else { return false };
        let file = replacer.file();
        match replacer.on_disk(op, result, port) {
            Progress::NotMine => return false,
            Progress::Going => {}
            Progress::Failed(DiskFault::NoSpace) => {
                // The log stays as it is, and the next one is tried when as much was written again.
                self.snapshots.writing = None;
                out.push(note(Level::Warn, "metadata-snapshot-failed", format!("{}: no space", file.name)));
            }
            Progress::Failed(why) | Progress::Unnamed(why) => {
                self.halt(&format!("a snapshot of the metadata cannot be written: {why:?}"), out)
            }
            Progress::Done => self.on_snapshot_written(file, now, port, out),
        }
        true
    }

    /// What lies below `start` is in a snapshot on the disk, and a start begins with that: the log may begin there at once.
    fn begin_log_at(&mut self, start: Offset, now: Now, port: &mut DiskPort<'_>, events: &mut Vec<LogEvent>) {
        if self.log.delete_records(start, self.log.synced_end(), port, events) {
            self.log.on_start_durable(start, now, port, events);
        }
    }

    fn on_snapshot_written(&mut self, file: FileId, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<ControllerIntent>) {
        self.snapshots.writing = None;
        if let Some(old) = self.snapshots.latest.replace(file.name) {
            self.remove(old, port);
        }
        let end = Offset(file.name.base);
        assert!(end <= self.log.synced_end(), "a snapshot holds durable records only");
        let mut events = Vec::new();
        let end = if port.planted(Bug::LogCutPastSnapshot) { self.log.synced_end() } else { end };
        self.begin_log_at(end, now, port, &mut events);
        out.push(note(Level::Info, "metadata-snapshot", file.name.to_string()));
        self.on_log_events(events, now, port, out);
        assert!(file.name.suffix == Suffix::None, "a snapshot has its final name");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(topics: u128) -> Image {
        let (mut image, mut deltas) = (Image::default(), Vec::new());
        for n in 1..=topics {
            let record = Record::Topic { name: format!("t{n}"), id: uuid::Uuid::from_u128(n) };
            image.apply(&record, &mut deltas).unwrap();
        }
        image
    }

    #[test]
    fn a_snapshot_reads_back() {
        for topics in [0, 1, 10_000] {
            let bytes = print(&image(topics), 3, 77, &[Control::KRaftVersion { level: 1 }], 78);
            assert_eq!(parse(bytes), Ok((image(topics), 77)));
        }
    }

    #[test]
    fn a_snapshot_that_is_cut_anywhere_or_damaged_is_refused() {
        let bytes = print(&image(3), 3, 77, &[], 78);
        for cut in 0..bytes.len() {
            assert!(parse(bytes.slice(..cut)).is_err(), "cut at {cut}");
        }
        for at in 16..bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1;
            // Bits above the checksum's reach (the epoch of a batch) change nothing that is read.
            if let Ok((read, _)) = parse(flipped.into()) {
                assert_eq!(read, image(3), "flipped at {at}");
            }
        }
        let mut twice = bytes.to_vec();
        twice.extend_from_slice(&bytes);
        assert!(parse(twice.into()).is_err());
    }
}
