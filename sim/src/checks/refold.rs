//! The naive reading of a disk: logs folded batch by batch, and what is derived from them compared with that.
//!
//! Takes       a disk, as a reader sees it.
//! Gives       the batches of each log; the first thing derived that says something else than the log.
//! Holds       nothing is trusted but batches whose checksum is right.
//! Not here    what must be there (watch.rs).

use super::ghost::{GhostBatch, GhostLog};
use crate::batch;
use crate::disk::SimDisk;
use ottla_core::io::{FileKind, FileName, Suffix};

/// The log of every partition on the disk: its path and its batches.
pub(super) fn read_logs(disk: &SimDisk) -> Vec<(String, Vec<GhostBatch>)> {
    let paths = disk.paths().into_iter().filter(|path| super::watch::is_partition(path));
    paths.map(|path| (path.clone(), read_log(disk, &path))).collect()
}

/// The batches of a log, up to the first thing that is none or does not follow.
pub(super) fn read_log(disk: &SimDisk, path: &str) -> Vec<GhostBatch> {
    let mut segments: Vec<FileName> = disk.names_in(path);
    segments.retain(|n| n.kind == FileKind::Log && n.suffix == Suffix::None);
    segments.sort();
    let mut batches: Vec<GhostBatch> = Vec::new();
    for name in segments {
        let bytes = disk.bytes_of(path, name);
        let mut end = 0;
        for (pos, head) in batch::batches(bytes) {
            let expected = batches.last().map(|b| b.head.last_offset() + 1);
            if expected.is_some_and(|e| e != head.base_offset) {
                return batches;
            }
            end = pos + head.size;
            batches.push(GhostBatch { head, name, pos: pos as u64 });
        }
        if end < bytes.len() {
            break;
        }
    }
    batches
}

/// The first thing derived from this log that says something else than the log: site and message.
pub(super) fn derived_is_fold(disk: &SimDisk, log: &GhostLog) -> Option<(&'static str, String)> {
    epochs(disk, log).or_else(|| indexes(disk, log)).or_else(|| time_indexes(disk, log))
}

/// The epochs and their start offsets in a `leader-epoch-checkpoint`; none in anything that is not one.
pub(super) fn epoch_entries(bytes: &[u8]) -> Vec<(i32, i64)> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let entry = |(epoch, offset): (&str, &str)| Some((epoch.parse().ok()?, offset.parse().ok()?));
    text.lines().skip(2).filter_map(|line| line.split_once(' ')).filter_map(entry).collect()
}

pub(super) fn i64_at(bytes: &[u8], at: usize) -> i64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(-1, i64::from_be_bytes)
}

/// `leader-epoch-checkpoint`: a version, a count, then "epoch start-offset" per line.
fn epochs(disk: &SimDisk, log: &GhostLog) -> Option<(&'static str, String)> {
    let name = FileName { kind: FileKind::LeaderEpochs, base: 0, epoch: 0, suffix: Suffix::None };
    let entries = epoch_entries(disk.bytes_of(&log.path, name));
    if entries.windows(2).any(|w| w[0].0 >= w[1].0 || w[0].1 > w[1].1) {
        return Some(("leader epochs out of order", format!("{}: {entries:?}", log.path)));
    }
    // Each batch must belong to the epoch that the checkpoint names for its offset, as far as the checkpoint reaches.
    for b in &log.batches {
        let named = entries.iter().rev().find(|(_, start)| *start <= b.head.base_offset);
        if named.is_some_and(|(epoch, _)| *epoch < b.head.epoch) && entries.iter().any(|(e, _)| *e == b.head.epoch) {
            return Some(("a leader epoch begins later than its batches", format!("{}: {entries:?}, {:?}", log.path, b.head)));
        }
        if named.is_some_and(|(epoch, _)| *epoch > b.head.epoch) {
            return Some(("a leader epoch begins before its batches", format!("{}: {entries:?}, {:?}", log.path, b.head)));
        }
    }
    None
}

/// `N.index`: pairs of (offset - N, position), four bytes each; each must name a batch that begins at that position and holds that offset.
fn indexes(disk: &SimDisk, log: &GhostLog) -> Option<(&'static str, String)> {
    for name in disk.names_in(&log.path) {
        if name.kind != FileKind::Index || name.suffix != Suffix::None {
            continue;
        }
        let bytes = disk.bytes_of(&log.path, name);
        for entry in bytes.chunks_exact(8) {
            let relative = u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]);
            let pos = u32::from_be_bytes([entry[4], entry[5], entry[6], entry[7]]);
            let offset = name.base + i64::from(relative);
            let (low, end) = (log.batches.first()?.head.base_offset, log.end?);
            if (relative, pos) == (0, 0) || offset < low || offset >= end {
                continue;
            }
            let batch = log.batch_at(offset)?;
            if batch.name.base != name.base || batch.pos != u64::from(pos) {
                let text = format!("{} {name}: offset {offset} at {pos}, it lies in {} at {}", log.path, batch.name, batch.pos);
                return Some(("an offset index names the wrong position", text));
            }
        }
    }
    None
}

/// `N.timeindex`: (timestamp, offset - N), eight and four bytes; each must name a batch with that largest timestamp, and no batch of
/// the segment before it may have a larger one.
fn time_indexes(disk: &SimDisk, log: &GhostLog) -> Option<(&'static str, String)> {
    for name in disk.names_in(&log.path) {
        if name.kind != FileKind::TimeIndex || name.suffix != Suffix::None {
            continue;
        }
        for entry in disk.bytes_of(&log.path, name).chunks_exact(12) {
            let (timestamp, relative) = (i64_at(entry, 0), u32::from_be_bytes([entry[8], entry[9], entry[10], entry[11]]));
            let offset = name.base + i64::from(relative);
            let (low, end) = (log.batches.first()?.head.base_offset, log.end?);
            if (timestamp, relative) == (0, 0) || offset < low || offset >= end {
                continue;
            }
            let batch = log.batch_at(offset)?;
            let mut before = log.batches.iter().filter(|b| b.name == batch.name && b.pos < batch.pos);
            if batch.head.max_timestamp != timestamp || batch.name.base != name.base {
                let text = format!("{} {name}: {timestamp} at offset {offset}, where {:?} lies", log.path, batch.head);
                return Some(("a time index names the wrong batch", text));
            }
            if before.any(|b| b.head.max_timestamp > timestamp) {
                let text = format!("{} {name}: {timestamp} at offset {offset} is not the largest so far", log.path);
                return Some(("a time index leaves a larger timestamp out", text));
            }
        }
    }
    None
}
