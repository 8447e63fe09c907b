//! The metadata log as the disk was given it: what of it is durable when an answer leaves has to be there after every start.
//!
//! State       in `Watch`: its batches, what of them was durable, the last record of each partition.
//! Takes       disk calls on its files, answers that leave, starts.
//! Gives       durable metadata that is cut or gone.
//! Holds       no code shared with `core`.
//! Not here    what an administrator was told (metadata.rs), other logs (watch.rs).

use super::ghost::{GhostBatch, appended};
use super::watch::{METADATA, Watch};
use super::{Id, refold};
use crate::batch;
use crate::disk::{Damage, SECTOR, SimDisk};
use ottla_core::io::{DiskCall, FileId, FileKind, Suffix};

impl Watch {
    pub(super) fn on_metadata_call(&mut self, file: FileId, call: &DiskCall) {
        let place = |b: &GhostBatch| (b.name.base, b.pos);
        match call {
            DiskCall::Append { pos, data } => {
                let bytes = data.concat();
                for batch in appended(file.name, pos.0, data).unwrap_or_default() {
                    let records = batch::partition_records(&bytes[usize::try_from(batch.pos - pos.0).unwrap_or(0)..]);
                    self.last_record.extend(records.into_iter().flatten().map(|(offset, id, index)| ((id, index), offset)));
                    let overwritten = self.metadata.batches.partition_point(|b| place(b) < place(&batch));
                    self.metadata.cut_from(overwritten);
                    self.metadata.batches.push(batch);
                    self.tally.count(Id::OneWriter);
                    let (past, now) = self.metadata_epochs;
                    self.metadata_epochs.1 = now.max(batch.head.epoch + 1);
                    if batch.head.epoch < past {
                        let text = format!("metadata: epoch {} at offset {}", batch.head.epoch, batch.head.base_offset);
                        self.report(
                            Id::OneWriter.found("two lives of a node write in one leader epoch of the metadata log", text),
                        );
                    }
                }
            }
            DiskCall::Truncate { len } => {
                let kept = self.metadata.batches.partition_point(|b| (b.name.base, b.end_pos()) <= (file.name.base, *len));
                if let Some(end) = self.metadata.cut_from(kept) {
                    self.cut_metadata(end);
                }
            }
            DiskCall::Create => {
                let kept = self.metadata.batches.partition_point(|b| b.name.base < file.name.base);
                if let Some(end) = self.metadata.cut_from(kept) {
                    self.cut_metadata(end);
                }
            }
            _ => {}
        }
    }

    /// Metadata from `end` on is cut off; nothing that an answer may have rested on may be among it.
    pub(super) fn cut_metadata(&mut self, end: i64) {
        let promised = self.metadata.promised;
        self.metadata.promised = promised.min(end);
        self.last_record.retain(|_, offset| *offset < end);
        if end < promised && !self.metadata.failed && !self.failed_in_life(METADATA) {
            let text = format!("metadata: cut from offset {end}, durable up to {promised}");
            self.report(Id::Recovered.found("durable metadata is cut off", text));
        }
    }

    /// An answer leaves: what of the metadata is durable now may be what it rests on.
    pub(super) fn know_metadata(&mut self, disk: &SimDisk) {
        let known = self.metadata.promised;
        let from = self.metadata.batches.partition_point(|b| b.head.base_offset < known);
        if from == self.metadata.batches.len() {
            return;
        }
        // What is in a file that is gone, before those that are there, is in a snapshot, which has its own check.
        let logs = disk.names_in(METADATA).into_iter().filter(|n| n.kind == FileKind::Log && n.suffix == Suffix::None);
        let first = logs.map(|n| n.base).min().unwrap_or(0);
        let is_durable = |b: &&GhostBatch| b.name.base < first || disk.is_durable(METADATA, b.name, b.end_pos());
        let durable = self.metadata.batches[from..].iter().take_while(is_durable);
        if let Some(last) = durable.last() {
            self.metadata.promised = last.head.last_offset() + 1;
        }
    }

    /// Before a start: is the metadata there that an answer may have rested on?
    pub(super) fn compare_metadata(&mut self, disk: &SimDisk) {
        let promised = self.metadata.promised;
        let (files, there) = (disk.names_in(METADATA), refold::read_log(disk, METADATA, 0));
        let log_end = there.last().map_or(0, |b| b.head.last_offset() + 1);
        // What a snapshot holds may have been removed from the log.
        let snapshots = files.iter().filter(|n| n.kind == FileKind::Checkpoint && n.suffix == Suffix::None);
        let end = snapshots.map(|n| n.base).max().unwrap_or(0).max(log_end);
        self.last_record.retain(|_, offset| *offset < end);
        // Damage took what is gone if it struck a sector in which the first batch lies that is not there any more.
        let gone = self.metadata.batches.iter().find(|b| b.head.base_offset >= end);
        let is_struck = |b: &GhostBatch, d: &Damage| {
            let sector = d.from < b.end_pos() && b.pos < (d.from / SECTOR + 1) * SECTOR;
            d.path == METADATA && d.name == b.name && (d.gone || sector)
        };
        if gone.is_some_and(|b| disk.damaged().iter().any(|d| is_struck(b, d))) {
            self.metadata_taken = true;
            self.logs.iter_mut().for_each(|log| log.forget_epochs(end));
        }
        self.metadata.failed |= disk.damaged().iter().any(|d| d.path == METADATA);
        if end < promised && self.metadata.failed {
            self.metadata_lost = true;
            self.logs.iter_mut().for_each(|log| log.failed = true);
        }
        if self.metadata.failed || self.failed_in_life(METADATA) {
            self.metadata.promised = promised.min(end);
            self.metadata.batches = there;
            return;
        }
        self.tally.count(Id::Recovered);
        if end < promised {
            let text = format!("metadata: up to {end}, of what was durable up to {promised}");
            self.report(Id::Recovered.found("durable metadata is not on the disk after a start", text));
        }
        self.metadata.promised = promised.min(end);
        self.metadata.batches = there;
    }
}
