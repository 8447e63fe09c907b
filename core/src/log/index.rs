//! The two sparse indexes of a segment, in Kafka's formats: offset to position, time to offset.
//!
//! ```text
//! N.index      8 bytes an entry: offset of a batch's last record minus N, u32; position of the batch, u32
//! N.timeindex 12 bytes an entry: largest timestamp so far, i64; offset of the batch's last record that has it, minus N, u32
//! ```
//! State       of a segment that is being written: the entries that are not in their files yet, at most a few dozen.
//! Holds       entries increase in every field. An entry goes to its file only when its batch is durable, so that an entry found after a
//!             crash is evidence of what was, whatever was promised before. Everything here is fold(batches).
//! Not here    the files (`append.rs`), searching them (`find.rs`).

use crate::ids::Offset;
use crate::wire::batch::BatchInfo;
use bytes::{BufMut, Bytes, BytesMut};

pub const ENTRY_BYTES: u32 = 8;
pub const TIME_ENTRY_BYTES: u32 = 12;

/// A batch's last offset, relative to the segment's base, and its position in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub relative: u32,
    pub pos: u32,
}

/// The largest timestamp up to here, and the last offset, relative to the segment's base, of the batch that brought it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeEntry {
    pub timestamp: i64,
    pub relative: u32,
}

/// The entries of an offset index. What is left of an entry at the end is ignored.
pub fn entries(bytes: &[u8]) -> impl DoubleEndedIterator<Item = Entry> + ExactSizeIterator {
    bytes.chunks_exact(ENTRY_BYTES as usize).map(|e| Entry { relative: u32_at(e, 0), pos: u32_at(e, 4) })
}

/// The entries of a time index.
pub fn time_entries(bytes: &[u8]) -> impl DoubleEndedIterator<Item = TimeEntry> + ExactSizeIterator {
    bytes.chunks_exact(TIME_ENTRY_BYTES as usize).map(|e| {
        let timestamp = (i64::from(u32_at(e, 0)) << 32) | i64::from(u32_at(e, 4));
        TimeEntry { timestamp, relative: u32_at(e, 8) }
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |n, b| n << 8 | u32::from(*b))
}

/// The indexes of a segment in the making: fed with every batch, it says which entries are due.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IndexWriter {
    /// Bytes appended since the last entry.
    pub bytes_since: u32,
    /// Entries made, those in the files included.
    pub count: u32,
    pub time_count: u32,
    /// The timestamp of the last time entry.
    pub last_time: Option<i64>,
    /// The largest timestamp and the relative last offset of the batch that brought it.
    pub max: Option<TimeEntry>,
    /// `max_timestamp` of the first batch, by which `segment.ms` counts.
    pub first_timestamp: Option<i64>,
    /// Not in the files yet.
    pub pending: Vec<Entry>,
    /// Each with the relative last offset of the batch with which it came: it may speak of an older one.
    pub pending_time: Vec<(TimeEntry, u32)>,
}

/// What an append changes, to be put back if it fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    bytes_since: u32,
    last_time: Option<i64>,
    max: Option<TimeEntry>,
    first_timestamp: Option<i64>,
    count: u32,
    time_count: u32,
}

impl IndexWriter {
    /// A batch lies at `pos` of the segment with this base.
    pub fn on_batch(&mut self, base: Offset, batch: &BatchInfo, pos: u32, interval_bytes: u32) {
        let relative = u32::try_from(batch.last_offset() - base.0).expect("a segment spans fewer than 2^31 offsets");
        if self.first_timestamp.is_none() {
            self.first_timestamp = Some(batch.max_timestamp);
        }
        if batch.max_timestamp > self.max.map_or(-1, |m| m.timestamp) {
            self.max = Some(TimeEntry { timestamp: batch.max_timestamp, relative });
        }
        if self.bytes_since > interval_bytes {
            self.pending.push(Entry { relative, pos });
            self.count += 1;
            self.push_time(relative);
            self.bytes_since = 0;
        }
        self.bytes_since = self.bytes_since.saturating_add(batch.len);
    }

    fn push_time(&mut self, came_with: u32) {
        let Some(max) = self.max.filter(|m| self.last_time.is_none_or(|l| m.timestamp > l)) else { return };
        self.pending_time.push((max, came_with));
        self.time_count += 1;
        self.last_time = Some(max.timestamp);
    }

    /// The segment is complete: its largest timestamp becomes the last time entry.
    pub fn close(&mut self) {
        self.push_time(self.max.map_or(0, |m| m.relative));
    }

    /// No further entry has room in files of `bytes_max` bytes each.
    #[must_use]
    pub fn is_full(&self, bytes_max: u32) -> bool {
        self.count >= bytes_max / ENTRY_BYTES || self.time_count + 1 >= bytes_max / TIME_ENTRY_BYTES
    }

    #[must_use]
    pub fn mark(&self) -> Mark {
        let IndexWriter { bytes_since, last_time, max, first_timestamp, count, time_count, .. } = *self;
        Mark { bytes_since, last_time, max, first_timestamp, count, time_count }
    }

    /// Forget what came since `mark`. None of it has gone to a file.
    pub fn back_to(&mut self, mark: &Mark) {
        let (entries, times) = ((self.count - mark.count) as usize, (self.time_count - mark.time_count) as usize);
        assert!(entries <= self.pending.len() && times <= self.pending_time.len(), "an entry of a failed append is in its file");
        self.pending.truncate(self.pending.len() - entries);
        self.pending_time.truncate(self.pending_time.len() - times);
        (self.bytes_since, self.last_time, self.max) = (mark.bytes_since, mark.last_time, mark.max);
        (self.first_timestamp, self.count, self.time_count) = (mark.first_timestamp, mark.count, mark.time_count);
    }

    /// The entries that came with batches below `limit`, as bytes for both files; they are pending no more.
    pub fn take(&mut self, base: Offset, limit: Offset) -> (Bytes, Bytes) {
        let below = |relative: u32| base.0 + i64::from(relative) < limit.0;
        let n = self.pending.partition_point(|e| below(e.relative));
        let mut index = BytesMut::with_capacity(n * ENTRY_BYTES as usize);
        for e in self.pending.drain(..n) {
            index.put_u32(e.relative);
            index.put_u32(e.pos);
        }
        let n = self.pending_time.partition_point(|(_, came_with)| below(*came_with));
        let mut time = BytesMut::with_capacity(n * TIME_ENTRY_BYTES as usize);
        for (e, _) in self.pending_time.drain(..n) {
            time.put_i64(e.timestamp);
            time.put_u32(e.relative);
        }
        (index.freeze(), time.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(base: i64, len: u32, timestamp: i64) -> BatchInfo {
        BatchInfo { base_offset: base, last_offset_delta: 1, count: 2, len, max_timestamp: timestamp, ..BatchInfo::default() }
    }

    #[test]
    fn entries_come_after_each_interval_and_time_only_grows() {
        let (mut w, mut pos) = (IndexWriter::default(), 0);
        for (i, ts) in [10, 50, 30, 70, 60].into_iter().enumerate() {
            w.on_batch(Offset(100), &batch(100 + 2 * i as i64, 80, ts), pos, 100);
            pos += 80;
        }
        assert_eq!(w.pending, [Entry { relative: 5, pos: 160 }, Entry { relative: 9, pos: 320 }]);
        assert_eq!(
            w.pending_time,
            [(TimeEntry { timestamp: 50, relative: 3 }, 5), (TimeEntry { timestamp: 70, relative: 7 }, 9)]
        );
        let mark = w.mark();
        w.on_batch(Offset(100), &batch(110, 200, 99), pos, 100);
        w.on_batch(Offset(100), &batch(112, 200, 99), pos + 200, 100);
        assert_eq!(w.pending.len(), 3);
        w.back_to(&mark);
        w.close();
        assert_eq!((w.pending.len(), w.pending_time.len()), (2, 2));
        let (index, time) = w.take(Offset(100), Offset(108));
        assert_eq!(entries(&index).collect::<Vec<_>>(), [Entry { relative: 5, pos: 160 }]);
        assert_eq!(time_entries(&time).collect::<Vec<_>>(), [TimeEntry { timestamp: 50, relative: 3 }]);
        assert_eq!(w.pending, [Entry { relative: 9, pos: 320 }]);
    }

    #[test]
    fn an_entry_that_came_with_a_batch_that_fails_is_taken_back_though_it_speaks_of_an_older_one() {
        let mut w = IndexWriter::default();
        w.on_batch(Offset(0), &batch(0, 200, 90), 0, 100);
        let mark = w.mark();
        w.on_batch(Offset(0), &batch(2, 200, 10), 200, 100);
        let (index, time) = w.take(Offset(0), Offset(2));
        assert!(index.is_empty() && time.is_empty(), "the second batch is not there yet");
        w.back_to(&mark);
        assert_eq!((w.count, w.time_count, w.pending_time.len()), (0, 0, 0));
    }
}
