//! The naive reading of a disk: logs folded batch by batch, and what is derived from them compared with that.
//!
//! Takes       a disk, as a reader sees it.
//! Gives       the batches of each log; the first thing derived that says something else than the log.
//! Holds       nothing is trusted but batches whose checksum is right.
//! Not here    what must be there (watch.rs).

use super::ghost::{GhostBatch, GhostLog};
use crate::batch;
use crate::disk::SimDisk;
use ottla_core::io::{FileId, FileKind, FileName, ROOT, Suffix};
use std::collections::BTreeMap;

/// A partition's log on the disk.
pub(super) struct FoundLog {
    pub(super) path: String,
    /// Its log start, as the checkpoint says it.
    pub(super) start: i64,
    pub(super) batches: Vec<GhostBatch>,
}

/// The log of every partition on the disk.
pub(super) fn read_logs(disk: &SimDisk) -> Vec<FoundLog> {
    let file = FileName { kind: FileKind::LogStarts, base: 0, epoch: 0, suffix: Suffix::None };
    let lines = checkpoint_lines(disk.contents(FileId { dir: ROOT, name: file }));
    let starts: BTreeMap<String, i64> = lines.into_iter().map(|(topic, index, at)| (format!("{topic}-{index}"), at)).collect();
    let paths = disk.paths().into_iter().filter(|path| super::watch::is_partition(path));
    paths
        .map(|path| {
            let start = starts.get(&path).copied().unwrap_or(0);
            FoundLog { batches: read_log(disk, &path, start), start, path }
        })
        .collect()
}

/// The batches of a log, up to the first thing that is none or does not follow. Segments wholly below the log start are none of it any
/// more: a power loss may bring them back, with a gap behind them.
pub(super) fn read_log(disk: &SimDisk, path: &str, start: i64) -> Vec<GhostBatch> {
    let mut segments: Vec<FileName> = disk.names_in(path);
    segments.retain(|n| n.kind == FileKind::Log && n.suffix == Suffix::None);
    segments.sort();
    let first = segments.iter().rposition(|n| n.base <= start).unwrap_or(0);
    let mut next = segments.get(first).map_or(0, |n| n.base);
    let mut batches: Vec<GhostBatch> = Vec::new();
    for name in segments.into_iter().skip(first) {
        let bytes = disk.bytes_of(path, name);
        let mut end = 0;
        for (pos, head) in batch::batches(bytes) {
            if head.base_offset != next {
                return batches;
            }
            next = head.last_offset() + 1;
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
    epochs(disk, log).or_else(|| indexes(disk, log)).or_else(|| time_indexes(disk, log)).or_else(|| producers(disk, log))
}

/// The lines of a checkpoint: topic, partition, offset.
pub(super) fn checkpoint_lines(text: &[u8]) -> Vec<(String, i32, i64)> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (topic, index, offset) = (words.next()?, words.next()?, words.next()?);
        Some((topic.to_string(), index.parse().ok()?, offset.parse().ok()?))
    };
    text.lines().skip(2).filter_map(line).collect()
}

/// The topic id in a `partition.metadata`: 16 bytes in base64 with the alphabet for file names (RFC 4648).
pub(super) fn topic_id(contents: &[u8]) -> Option<u128> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let id = std::str::from_utf8(contents).ok()?.lines().find_map(|line| line.strip_prefix("topic_id: "))?;
    let digits: Option<Vec<usize>> = id.bytes().map(|c| DIGITS.iter().position(|d| *d == c)).collect();
    // 22 digits are 132 bits; the last four are none of the id's.
    let (last, first) = digits.filter(|d| d.len() == 22)?.split_last().map(|(last, first)| (*last, first.to_vec()))?;
    Some(first.into_iter().fold(0, |id: u128, digit| id << 6 | digit as u128) << 2 | last as u128 >> 4)
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

/// One producer in a snapshot: id, epoch, last sequence, last offset.
type Row = (i64, i16, i32, i64);

/// The producers in `N.snapshot`, as Kafka writes them: version 1, CRC-32C of what follows it, then rows of 46 bytes.
fn snapshot_rows(bytes: &[u8]) -> Option<Vec<Row>> {
    const ROW: usize = 46;
    let crc = u32::from_be_bytes(bytes.get(2..6)?.try_into().ok()?);
    let count = usize::try_from(i32::from_be_bytes(bytes.get(6..10)?.try_into().ok()?)).ok()?;
    let rows = bytes.get(10..10 + count.checked_mul(ROW)?)?;
    if bytes[..2] != [0, 1] || crc32c::crc32c(&bytes[6..]) != crc {
        return None;
    }
    let row = |r: &[u8]| {
        let sequence = i32::from_be_bytes([r[10], r[11], r[12], r[13]]);
        (i64_at(r, 0), i16::from_be_bytes([r[8], r[9]]), sequence, i64_at(r, 14))
    };
    Some(rows.chunks_exact(ROW).map(row).collect())
}

/// The newest `N.snapshot`: each of its producers is as the batches below N leave it, where these are still there.
fn producers(disk: &SimDisk, log: &GhostLog) -> Option<(&'static str, String)> {
    let names = disk.names_in(&log.path).into_iter().filter(|n| n.kind == FileKind::Snapshot && n.suffix == Suffix::None);
    let name = names.max_by_key(|n| n.base)?;
    let dir = disk.number_of_dir(&log.path);
    if disk.damaged().iter().any(|d| Some(d.dir) == dir && d.name.kind == FileKind::Snapshot) {
        return None;
    }
    let Some(rows) = snapshot_rows(disk.bytes_of(&log.path, name)) else {
        return Some(("a snapshot of producers that cannot be read", format!("{} {name}", log.path)));
    };
    let low = log.batches.first()?.head.base_offset;
    for (id, epoch, sequence, offset) in rows {
        // Of a producer whose epoch rose it may remember no batch.
        if offset < low {
            continue;
        }
        let last = log.batches.iter().rfind(|b| b.head.producer_id == id && b.head.last_offset() < name.base).map(|b| b.head);
        let there = last.map(|h| {
            let sequence = (i64::from(h.base_sequence) + i64::from(h.last_delta)).rem_euclid(1 << 31) as i32;
            (h.producer_epoch, sequence, h.last_offset())
        });
        if there != Some((epoch, sequence, offset)) {
            let text =
                format!("{} {name}: producer {id} epoch {epoch} sequence {sequence} at {offset}, it is {there:?}", log.path);
            return Some(("a snapshot of producers says something else than the log", text));
        }
    }
    None
}
