//! What a log remembers of its idempotent producers: their epochs and last batches, to tell a retry from a gap.
//!
//! State       one `Producer` per producer id, at most 5 batches each: under 250 bytes a producer, map included.
//! Takes       headers of batches, in the order of the log.
//! Gives       new | duplicate | refused, as Kafka's broker decides; DescribeProducers' rows.
//! Holds       it is what a fold over the batches gives (but for `last_seen`), expiry and the window's length aside.
//! Not here    handing out producer ids (controller), transactions' markers.
//! Read first  `check`. Background: KIP-98, KIP-360.

use super::api::{AppendRefusal, ProducerInfo};
use crate::ids::{Offset, ProducerEpoch, ProducerId};
use crate::planted::{Bug, Planted};
use crate::time::Timestamp;
use crate::wire::batch::BatchInfo;
use std::collections::BTreeMap;

/// How many batches are remembered per producer: as many as an idempotent producer may have in flight.
pub const WINDOW: usize = 5;

/// A batch as its producer's entry remembers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Remembered {
    pub last_sequence: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
}

impl Remembered {
    /// Sequences wrap from `i32::MAX` to 0.
    #[must_use]
    pub fn first_sequence(&self) -> i32 {
        match self.last_sequence.checked_sub(self.offset_delta) {
            Some(first) if first >= 0 => first,
            _ => i32::MAX - (self.offset_delta - self.last_sequence) + 1,
        }
    }

    #[must_use]
    pub fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}

/// One producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Producer {
    pub epoch: i16,
    /// -1 where no marker was seen.
    pub coordinator_epoch: i32,
    /// The largest timestamp of the last batch.
    pub last_timestamp: i64,
    /// The broker's clock at the last append, or at recovery. Expiry goes by the later of both, so that a producer of old
    /// timestamps is not forgotten between two of its batches (KAFKA-9144 is of this family).
    pub last_seen: i64,
    /// The first offset of the open transaction, -1 for none.
    pub txn_first_offset: i64,
    len: u8,
    batches: [Remembered; WINDOW],
}

impl Producer {
    #[must_use]
    pub fn new(epoch: i16, last_seen: i64) -> Producer {
        Producer {
            epoch,
            coordinator_epoch: -1,
            last_timestamp: -1,
            last_seen,
            txn_first_offset: -1,
            len: 0,
            batches: [Remembered::default(); WINDOW],
        }
    }

    /// The batches remembered, oldest first.
    #[must_use]
    pub fn batches(&self) -> &[Remembered] {
        &self.batches[..usize::from(self.len)]
    }

    pub(super) fn remember(&mut self, batch: Remembered) {
        if usize::from(self.len) == WINDOW {
            self.batches.rotate_left(1);
            self.len -= 1;
        }
        self.batches[usize::from(self.len)] = batch;
        self.len += 1;
    }

    fn last_sequence(&self) -> i32 {
        self.batches().last().map_or(-1, |b| b.last_sequence)
    }
}

/// What a batch is to its producer's past.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    New,
    /// It is there already, as this.
    Duplicate(Remembered),
}

/// The producers of one log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Producers {
    map: BTreeMap<i64, Producer>,
}

impl Producers {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.map.iter().map(|(id, p)| (*id, p))
    }

    pub(super) fn insert(&mut self, id: i64, producer: Producer) {
        self.map.insert(id, producer);
    }

    /// Whether a client's batch continues what its producer sent before.
    pub fn check(&self, batch: &BatchInfo, planted: Planted) -> Result<Check, AppendRefusal> {
        if !batch.has_producer_id() {
            return Ok(Check::New);
        }
        // Of a producer that nobody remembers (expired, or its records deleted) any sequence is taken (KIP-360).
        let Some(known) = self.map.get(&batch.producer_id) else { return Ok(Check::New) };
        let producer = ProducerId(batch.producer_id);
        let (first, last) = (batch.base_sequence, batch.last_sequence());
        let window = if planted.has(Bug::WindowOfOne) { 1 } else { WINDOW };
        let same = known.batches().iter().rev().take(window).find(|b| b.first_sequence() == first && b.last_sequence == last);
        if let Some(same) = same.filter(|_| batch.producer_epoch == known.epoch) {
            if planted.has(Bug::DuplicateRefused) {
                let expected_after = known.last_sequence();
                return Err(AppendRefusal::OutOfOrderSequence { producer, expected_after, got: first });
            }
            return Ok(Check::Duplicate(*same));
        }
        if batch.producer_epoch < known.epoch && !planted.has(Bug::OldEpochAccepted) {
            let (epoch, current) = (ProducerEpoch(batch.producer_epoch), ProducerEpoch(known.epoch));
            return Err(AppendRefusal::InvalidProducerEpoch { producer, epoch, current });
        }
        let expected_after = if batch.producer_epoch == known.epoch { known.last_sequence() } else { -1 };
        let continues = match expected_after {
            i32::MAX => first == 0,
            last => first == last + 1,
        };
        let continues = continues || planted.has(Bug::GapAccepted);
        if continues { Ok(Check::New) } else { Err(AppendRefusal::OutOfOrderSequence { producer, expected_after, got: first }) }
    }

    /// A batch with its final offsets was appended. Gives what was known of its producer before, for `restore`.
    pub fn apply(&mut self, batch: &BatchInfo, seen: Timestamp) -> Option<(i64, Option<Producer>)> {
        if !batch.has_producer_id() {
            return None;
        }
        let before = self.map.get(&batch.producer_id).copied();
        let mut now = match before {
            Some(p) if p.epoch == batch.producer_epoch => p,
            // A new epoch does not end a transaction: its marker does.
            Some(p) => Producer {
                coordinator_epoch: p.coordinator_epoch,
                txn_first_offset: p.txn_first_offset,
                ..Producer::new(batch.producer_epoch, seen.0)
            },
            None => Producer::new(batch.producer_epoch, seen.0),
        };
        now.last_seen = seen.0;
        now.last_timestamp = batch.max_timestamp;
        if batch.attributes.is_control() {
            now.txn_first_offset = -1;
        } else {
            now.remember(Remembered {
                last_sequence: batch.last_sequence(),
                last_offset: batch.last_offset(),
                offset_delta: batch.last_offset_delta,
                timestamp: batch.max_timestamp,
            });
            if batch.attributes.is_transactional() && now.txn_first_offset < 0 {
                now.txn_first_offset = batch.base_offset;
            }
        }
        self.map.insert(batch.producer_id, now);
        Some((batch.producer_id, before))
    }

    /// Take an `apply` back. The last one first.
    pub fn restore(&mut self, undo: (i64, Option<Producer>)) {
        match undo.1 {
            Some(before) => self.map.insert(undo.0, before),
            None => self.map.remove(&undo.0),
        };
    }

    /// Forget who has been silent for `expiration_ms`, by the broker's clock and by its records' timestamps.
    pub fn expire(&mut self, now: Timestamp, expiration_ms: i64, planted: Planted) {
        let seen = |p: &Producer| if planted.has(Bug::ExpiryByRecordTime) { i64::MIN } else { p.last_seen };
        self.map.retain(|_, p| p.txn_first_offset >= 0 || now.0.saturating_sub(seen(p).max(p.last_timestamp)) < expiration_ms);
    }

    /// Where the oldest batch lies of those that are remembered and end at or above `from`: its last offset.
    pub(super) fn oldest_from(&self, from: Offset) -> Option<Offset> {
        let batches = self.map.values().flat_map(Producer::batches);
        batches.map(|b| Offset(b.last_offset)).filter(|last| *last >= from).min()
    }

    /// The first offset of the transaction that a producer has open.
    pub(super) fn open_transaction(&self, id: i64) -> Option<i64> {
        self.map.get(&id).map(|p| p.txn_first_offset).filter(|first| *first >= 0)
    }

    /// The open transactions: where each begins, and where the last batch of its producer lies.
    pub(super) fn open_transactions(&self) -> Vec<(Offset, Offset)> {
        let last = |p: &Producer| p.batches().last().map_or(i64::MAX, |b| b.last_offset);
        let open = self.map.values().filter(|p| p.txn_first_offset >= 0);
        open.map(|p| (Offset(p.txn_first_offset), Offset(last(p)))).collect()
    }

    /// The rows of DescribeProducers.
    #[must_use]
    pub fn describe(&self) -> Vec<ProducerInfo> {
        let row = |(id, p): (i64, &Producer)| ProducerInfo {
            id: ProducerId(id),
            epoch: ProducerEpoch(p.epoch),
            last_sequence: p.last_sequence(),
            last_timestamp: Timestamp(p.last_timestamp),
            coordinator_epoch: p.coordinator_epoch,
            current_txn_start: (p.txn_first_offset >= 0).then_some(Offset(p.txn_first_offset)),
        };
        self.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: i16, first: i32, count: i32, offset: i64) -> BatchInfo {
        BatchInfo {
            producer_id: 7,
            producer_epoch: epoch,
            base_sequence: first,
            last_offset_delta: count - 1,
            count,
            base_offset: offset,
            max_timestamp: 1000,
            ..BatchInfo::default()
        }
    }

    fn code(p: &Producers, b: &BatchInfo) -> &'static str {
        match p.check(b, Planted::default()) {
            Ok(Check::New) => "new",
            Ok(Check::Duplicate(_)) => "duplicate",
            Err(AppendRefusal::InvalidProducerEpoch { .. }) => "fenced",
            Err(AppendRefusal::OutOfOrderSequence { .. }) => "gap",
            Err(_) => "other",
        }
    }

    #[test]
    fn five_batches_in_flight_can_all_be_retried() {
        let mut p = Producers::default();
        for i in 0..6 {
            p.apply(&batch(0, i * 2, 2, i64::from(i) * 2), Timestamp(0));
        }
        assert_eq!(code(&p, &batch(0, 0, 2, 0)), "gap", "the sixth last is forgotten");
        for i in 1..6 {
            let Ok(Check::Duplicate(d)) = p.check(&batch(0, i * 2, 2, 99), Planted::default()) else { panic!("{i}") };
            assert_eq!((d.first_offset(), d.last_offset), (i64::from(i) * 2, i64::from(i) * 2 + 1));
        }
        assert_eq!(code(&p, &batch(0, 12, 1, 0)), "new");
        assert_eq!(code(&p, &batch(0, 13, 1, 0)), "gap");
        assert_eq!(code(&p, &batch(0, 11, 1, 0)), "gap", "part of a batch is no duplicate");
    }

    #[test]
    fn epochs_fence_and_restart_sequences() {
        let mut p = Producers::default();
        assert_eq!(code(&p, &batch(3, 17, 1, 0)), "new", "of an unknown producer any sequence is taken");
        p.apply(&batch(3, 17, 1, 0), Timestamp(0));
        assert_eq!(code(&p, &batch(2, 18, 1, 0)), "fenced");
        assert_eq!(code(&p, &batch(2, 17, 1, 0)), "fenced", "an old epoch's batch is no duplicate");
        assert_eq!(code(&p, &batch(4, 18, 1, 0)), "gap");
        assert_eq!(code(&p, &batch(4, 0, 1, 0)), "new");
        let undo = p.apply(&batch(4, 0, 1, 1), Timestamp(0)).expect("it has a producer");
        assert_eq!(code(&p, &batch(3, 18, 1, 0)), "fenced");
        p.restore(undo);
        assert_eq!(code(&p, &batch(3, 18, 1, 0)), "new");
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let mut p = Producers::default();
        p.apply(&batch(0, i32::MAX - 1, 4, 10), Timestamp(0));
        assert_eq!(p.describe()[0].last_sequence, 1);
        assert_eq!(code(&p, &batch(0, i32::MAX - 1, 4, 0)), "duplicate");
        assert_eq!(code(&p, &batch(0, 2, 1, 0)), "new");
        let mut q = Producers::default();
        q.apply(&batch(0, i32::MAX, 1, 10), Timestamp(0));
        assert_eq!(code(&q, &batch(0, 0, 1, 0)), "new");
        assert_eq!(code(&q, &batch(0, 1, 1, 0)), "gap");
    }

    #[test]
    fn expiry_goes_by_the_later_of_clock_and_records() {
        let mut p = Producers::default();
        p.apply(&batch(0, 0, 1, 0), Timestamp(50_000));
        p.expire(Timestamp(50_500), 1000, Planted::default());
        assert!(!p.is_empty(), "its records are old, but it is alive");
        p.expire(Timestamp(51_000), 1000, Planted::default());
        assert!(p.is_empty());
    }
}
