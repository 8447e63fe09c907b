//! What was really asked of the disk, per partition's log: the checks' own memory of every batch.
//!
//! State       per log the batches appended and neither cut nor removed, with where they lie; what was promised about them.
//! Takes       disk calls on `.log` files as they are given.
//! Holds       batches are in the order of their offsets.
//! Not here    judgement (watch.rs).

use crate::batch::{self, Head};
use ottla_core::io::FileName;
use std::collections::BTreeMap;

/// One appended batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GhostBatch {
    pub(crate) head: Head,
    pub(crate) name: FileName,
    pub(crate) pos: u64,
}

impl GhostBatch {
    pub(crate) fn end_pos(&self) -> u64 {
        self.pos + self.head.size as u64
    }
}

/// What is known of one producer in one log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Last {
    pub(crate) epoch: i16,
    pub(crate) sequence: i32,
    /// The offset of its last record.
    pub(crate) offset: i64,
}

/// One log.
#[derive(Clone, Debug, Default)]
pub(crate) struct GhostLog {
    pub(crate) path: String,
    /// As `partition.metadata` was given to the disk.
    pub(crate) topic_id: Option<u128>,
    /// The node has removed or renamed its directory, and a power loss has brought it back: nothing is owed of it.
    pub(crate) is_back: bool,
    pub(crate) batches: Vec<GhostBatch>,
    /// The offset after the last batch, also where retention has removed all.
    pub(crate) end: Option<i64>,
    pub(crate) epoch: i32,
    /// The highest epoch that was ever written when this life began, and now; one more than that, for there is an epoch 0. A batch that
    /// a power loss took has had its epoch all the same: somebody may have read it.
    pub(crate) epochs: (i32, i32),
    /// The epochs in which it was written, each with the offset of the record of metadata that gave it, if that is known.
    pub(crate) given: Vec<(i32, Option<i64>)>,
    /// Below this, an answer promised that a power loss takes nothing.
    pub(crate) promised: i64,
    /// Below this, an answer promised that a process crash takes nothing.
    pub(crate) told: i64,
    /// The highest high watermark that a consumer was told.
    pub(crate) seen: i64,
    pub(crate) producers: BTreeMap<i64, Last>,
    /// The node's wall time when each producer's batches came, by its id and their last offsets; as early as possible where that clock
    /// went back since. What is cut off never came: a node takes an append back that failed.
    pub(crate) seen_at: BTreeMap<(i64, i64), i64>,
    /// It was said in this life that records are deleted and their producers may be forgotten.
    pub(crate) producers_not_kept: bool,
    /// The log start that the present life has found on the disk.
    pub(crate) start: i64,
    /// Below this, somebody asked for the records to be deleted: it may be where the log begins for the next life.
    pub(crate) deletion_asked: i64,
    /// Promises rest on the page cache.
    pub(crate) page_cache: bool,
    /// Damage struck what says whose it is, or the metadata that speaks of it: what it holds is not the node's doing alone.
    pub(crate) failed: bool,
    /// A call on it failed in this life. The next start has to make that good: what was promised is there, and what follows is sound.
    pub(crate) failing: bool,
    /// Damage struck its batches: the first offset that it struck. What lies below has to be there all the same.
    pub(crate) struck_from: Option<i64>,
    /// Segment files that somebody has taken away since the last start.
    pub(crate) gone: Vec<FileName>,
    /// Damage struck an index or its leader epochs.
    pub(crate) derived_struck: bool,
    /// Damage struck a snapshot of its producers.
    pub(crate) snapshot_struck: bool,
}

impl GhostLog {
    /// Whether what it holds is not the node's doing alone, at any offset.
    pub(crate) fn is_damaged(&self) -> bool {
        self.failed || self.failing || self.struck_from.is_some()
    }

    /// Whether what it holds at `offset` is not the node's doing alone.
    pub(crate) fn is_damaged_at(&self, offset: i64) -> bool {
        self.failed || self.failing || self.struck_from.is_some_and(|from| offset >= from)
    }

    /// Damage struck this file of it from this byte on: the first offset that it struck.
    pub(crate) fn strike(&mut self, name: FileName, from: u64) -> i64 {
        let first = self.batches.iter().find(|b| b.name == name && b.end_pos() > from);
        // Behind the last batch that is known, or in a segment of which nothing is known.
        let in_it = self.batches.iter().rfind(|b| b.name == name).map_or(name.base, |b| b.head.last_offset() + 1);
        let at = first.map_or(in_it, |b| b.head.base_offset);
        self.struck_from = Some(self.struck_from.map_or(at, |known| known.min(at)));
        at
    }

    /// Damage took the metadata from this offset on: nobody knows any more that there was an epoch that was given there.
    pub(crate) fn forget_epochs(&mut self, from: i64) {
        while self.given.pop_if(|given| given.1.is_some_and(|at| at >= from)).is_some() {
            let last = self.given.last().map_or(0, |given| given.0 + 1);
            self.epochs = (last, last);
        }
    }

    pub(crate) fn new(path: &str) -> GhostLog {
        GhostLog { path: path.to_string(), ..GhostLog::default() }
    }

    /// The batch that holds `offset`.
    pub(crate) fn batch_at(&self, offset: i64) -> Option<&GhostBatch> {
        let i = self.batches.partition_point(|b| b.head.last_offset() < offset);
        self.batches.get(i).filter(|b| b.head.base_offset <= offset)
    }

    /// The last batch that lies wholly below `offset`.
    pub(crate) fn last_below(&self, offset: i64) -> Option<&GhostBatch> {
        let i = self.batches.partition_point(|b| b.head.last_offset() < offset);
        self.batches.get(i.checked_sub(1)?)
    }

    /// Drop the batches from index `from` on. The lowest offset that is dropped.
    pub(crate) fn cut_from(&mut self, from: usize) -> Option<i64> {
        let first = self.batches.get(from)?.head.base_offset;
        self.batches.truncate(from);
        self.seen_at.retain(|(_, offset), _| *offset < first);
        self.end = Some(first);
        self.refold();
        Some(first)
    }

    /// Forget producers and epoch, and learn them again from the batches.
    pub(crate) fn refold(&mut self) {
        self.producers.clear();
        self.epoch = 0;
        for i in 0..self.batches.len() {
            let head = self.batches[i].head;
            self.epoch = head.epoch;
            // Also what is deleted, as long as it is there: whose it was is known as well as before.
            self.learn(&head);
        }
    }

    pub(crate) fn learn(&mut self, head: &Head) {
        if head.producer_id >= 0 {
            let sequence = (i64::from(head.base_sequence) + i64::from(head.last_delta)).rem_euclid(1 << 31) as i32;
            self.producers.insert(head.producer_id, Last { epoch: head.producer_epoch, sequence, offset: head.last_offset() });
        }
    }
}

/// The batches in the bytes of one append, where they will lie. `None` if they are not whole batches.
pub(crate) fn appended(name: FileName, pos: u64, data: &[bytes::Bytes]) -> Option<Vec<GhostBatch>> {
    // A batch may be given in parts: a rewritten header and the rest as it came.
    let joined;
    let bytes: &[u8] = match data {
        [one] => one,
        parts => {
            joined = parts.concat();
            &joined
        }
    };
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let head = batch::header(&bytes[at..])?;
        out.push(GhostBatch { head, name, pos: pos + at as u64 });
        at += head.size;
    }
    Some(out)
}
