//! Finding the batch that holds an offset, or a time, in one segment: a machine that asks for small reads.
//!
//! State       a range of index blocks, then a position in the segment. Nothing is kept of what was read.
//! Takes       what was read.
//! Gives       the next read, the batch found, or that there is none.
//! Holds       index entries are taken as hints: what they point at must be a batch, and if it is not, or the index makes no sense,
//!             the search starts over from the segment's first byte, without the index.
//! Not here    which segment (`read.rs`, `lookup.rs`), the newest batches, whose positions are in memory.

use super::index::{self, ENTRY_BYTES};
use crate::ids::{BytePos, Offset};
use crate::io::FileKind;
use crate::wire::batch::{BatchInfo, HEADER_BYTES};

/// Entries read at a time: 4 KiB.
const BLOCK: u32 = 512;
/// Bytes of the segment read at a time: enough to cross one index interval.
const CHUNK: u32 = 8192;

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Goal {
    /// The first batch whose last offset is this or above.
    Offset(Offset),
    /// The first batch from offset `from` on whose largest timestamp is this or later.
    Timestamp { timestamp: i64, from: Offset },
    /// All headers, for the largest timestamp.
    Largest,
}

/// What the search needs or has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Read {
        kind: FileKind,
        pos: BytePos,
        len: u32,
    },
    /// The batch, with `pos` as its position in the file.
    Found(BatchInfo),
    /// Nothing in this segment. With `Goal::Largest`: the largest timestamp and the last offset of its batch, if there is one.
    Absent {
        largest: Option<(i64, i64)>,
    },
    /// There is no batch where one must be.
    Corrupt {
        at: u32,
    },
}

/// A segment as a search sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct View {
    pub base: Offset,
    /// Where the next segment begins, or the log ends: no batch of this segment reaches it.
    pub end: Offset,
    /// How much of it can be read.
    pub bytes: u32,
    /// Entries of its offset index to be believed.
    pub entries: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Search {
    view: View,
    goal: Goal,
    stage: Stage,
    largest: Option<(i64, i64)>,
    /// The index was of no use.
    pub doubted: bool,
    /// Nobody asks what lies at this position or behind it.
    pub until: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The block that holds the entry lies in `low..high`; `best` is the best entry so far. Asked for: block `asked`.
    Blocks { low: u32, high: u32, asked: u32, best: Option<index::Entry> },
    /// A header is expected at `pos`; all batches before it end below `next`. `entry` led here: it names this batch's last offset.
    Walk { pos: u32, next: i64, entry: Option<u32> },
}

impl Search {
    /// Begin; `start` is a position where a batch is known to begin at or before the goal.
    pub(super) fn new(view: View, goal: Goal, start: Option<u32>) -> (Search, Step) {
        let blocks = view.entries.div_ceil(BLOCK);
        let stage = match start {
            None if blocks > 0 && goal != Goal::Largest => {
                Stage::Blocks { low: 0, high: blocks, asked: (blocks - 1) / 2, best: None }
            }
            _ => Stage::Walk { pos: start.unwrap_or(0), next: view.base.0, entry: None },
        };
        let mut search = Search { view, goal, stage, largest: None, doubted: false, until: view.bytes };
        let step = search.ask();
        (search, step)
    }

    /// What was asked for last is a part of the index.
    pub(super) fn reads_index(&self) -> bool {
        matches!(self.stage, Stage::Blocks { .. })
    }

    /// It looks at every header.
    pub(super) fn walks(&self) -> bool {
        self.goal == Goal::Largest
    }

    fn least_offset(&self) -> Offset {
        match self.goal {
            Goal::Offset(o) | Goal::Timestamp { from: o, .. } => o,
            Goal::Largest => self.view.base,
        }
    }

    fn ask(&mut self) -> Step {
        match self.stage {
            Stage::Blocks { asked, .. } => {
                let first = asked * BLOCK;
                let len = (self.view.entries - first).min(BLOCK) * ENTRY_BYTES;
                Step::Read { kind: FileKind::Index, pos: BytePos(u64::from(first) * u64::from(ENTRY_BYTES)), len }
            }
            Stage::Walk { pos, .. } if pos >= self.until => Step::Absent { largest: self.largest },
            Stage::Walk { pos, .. } => {
                let len = CHUNK.min(self.view.bytes - pos);
                Step::Read { kind: FileKind::Log, pos: BytePos(u64::from(pos)), len }
            }
        }
    }

    /// What was asked for has been read.
    pub(super) fn on_read(&mut self, bytes: &[u8]) -> Step {
        match self.stage {
            Stage::Blocks { low, high, asked, best } => self.on_block(low, high, asked, best, bytes),
            Stage::Walk { pos, next, entry } => self.on_chunk(pos, next, entry, bytes),
        }
    }

    /// Forget the index and start over from the first batch.
    pub(super) fn without_index(&mut self) -> Step {
        self.doubted = true;
        self.largest = None;
        self.stage = Stage::Walk { pos: 0, next: self.view.base.0, entry: None };
        self.ask()
    }

    fn on_block(&mut self, low: u32, high: u32, asked: u32, best: Option<index::Entry>, bytes: &[u8]) -> Step {
        let entries: Vec<_> = index::entries(bytes).collect();
        let increasing = entries.windows(2).all(|w| w[0].relative < w[1].relative && w[0].pos < w[1].pos);
        if entries.is_empty() || !increasing {
            return self.without_index();
        }
        // An entry above what can be read yet is true all the same, and not used.
        let target = self.least_offset().0 - self.view.base.0;
        let usable = entries.partition_point(|e| i64::from(e.relative) <= target && e.pos < self.view.bytes);
        let here = usable.checked_sub(1).map(|i| entries[i]);
        if here.zip(best).is_some_and(|(here, best)| here.relative <= best.relative || here.pos <= best.pos) {
            return self.without_index();
        }
        let best = here.or(best);
        let (low, high) = match usable {
            0 => (low, asked),
            n if n < entries.len() => (asked, asked),
            _ => (asked + 1, high),
        };
        self.stage = if low < high {
            Stage::Blocks { low, high, asked: low + (high - low - 1) / 2, best }
        } else {
            Stage::Walk { pos: best.map_or(0, |e| e.pos), next: self.view.base.0, entry: best.map(|e| e.relative) }
        };
        self.ask()
    }

    fn on_chunk(&mut self, mut pos: u32, mut next: i64, mut entry: Option<u32>, bytes: &[u8]) -> Step {
        let start = pos;
        loop {
            let here = bytes.get((pos - start) as usize..).unwrap_or_default();
            if here.len() < HEADER_BYTES || pos >= self.until {
                break;
            }
            // No segment holds offsets of the next one, nor any further from its base than its indexes can name.
            let near =
                |i: &BatchInfo| i.last_offset() < self.view.end.0 && i.last_offset() - self.view.base.0 <= i64::from(i32::MAX);
            let whole = |i: &BatchInfo| i.len <= self.view.bytes - pos && i.last_offset_delta >= 0;
            let fits = |i: &BatchInfo| i.base_offset >= next && i.base_offset < i64::MAX >> 1 && whole(i) && near(i);
            let named = |i: &BatchInfo| entry.is_none_or(|e| i.last_offset() == self.view.base.0 + i64::from(e));
            let info = match BatchInfo::parse_header(here) {
                Ok(info) if fits(&info) && named(&info) => BatchInfo { pos, ..info },
                _ => return self.doubt(pos),
            };
            if self.is_reached(&info) {
                return Step::Found(info);
            }
            if info.max_timestamp > self.largest.map_or(-1, |l| l.0) {
                self.largest = Some((info.max_timestamp, info.last_offset()));
            }
            (pos, next, entry) = (pos + info.len, info.next_offset(), None);
        }
        if pos == start {
            // A file that ends within a header is shorter than it was said to be.
            return self.doubt(pos);
        }
        self.stage = Stage::Walk { pos, next, entry };
        self.ask()
    }

    /// There is no batch at `pos`: because the index led there, or because the segment is damaged.
    fn doubt(&mut self, pos: u32) -> Step {
        if self.doubted || self.view.entries == 0 { Step::Corrupt { at: pos } } else { self.without_index() }
    }

    fn is_reached(&self, info: &BatchInfo) -> bool {
        match self.goal {
            Goal::Offset(o) => info.last_offset() >= o.0,
            Goal::Timestamp { timestamp, from } => info.last_offset() >= from.0 && info.max_timestamp >= timestamp,
            Goal::Largest => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::batch::BatchBuilder;
    use bytes::{BufMut, BytesMut};

    /// A segment of `n` batches of two records, with an entry for every third batch.
    fn segment(n: i64) -> (Vec<u8>, Vec<u8>, Vec<(i64, u32)>) {
        let (mut log, mut index, mut places) = (Vec::new(), BytesMut::new(), Vec::new());
        for i in 0..n {
            let mut b = BatchBuilder::new(Default::default()).base_offset(100 + 2 * i);
            for _ in 0..2 {
                b.push(1000 + i, None, Some(&[7; 20]), []);
            }
            let pos = u32::try_from(log.len()).expect("small");
            if i % 3 == 2 {
                index.put_u32(u32::try_from(2 * i + 1).expect("small"));
                index.put_u32(pos);
            }
            places.push((100 + 2 * i, pos));
            log.extend_from_slice(&b.build().expect("it builds").bytes);
        }
        (log, index.to_vec(), places)
    }

    fn find(log: &[u8], index: &[u8], goal: Goal) -> (Step, usize, bool) {
        let entries = u32::try_from(index.len()).expect("small") / ENTRY_BYTES;
        let view = View { base: Offset(100), end: Offset(i64::MAX), bytes: u32::try_from(log.len()).expect("small"), entries };
        let (mut search, mut step) = Search::new(view, goal, None);
        let mut reads = 0;
        while let Step::Read { kind, pos, len } = step {
            reads += 1;
            let from = if kind == FileKind::Index { index } else { log };
            let pos = usize::try_from(pos.0).expect("small");
            step = search.on_read(&from[pos..from.len().min(pos + len as usize)]);
        }
        (step, reads, search.doubted)
    }

    #[test]
    fn every_offset_is_found_with_few_reads() {
        let (log, index, places) = segment(6000);
        for offset in (100..12_100).step_by(7) {
            let (Step::Found(info), reads, doubted) = find(&log, &index, Goal::Offset(Offset(offset))) else {
                panic!("{offset}")
            };
            let (base, pos) = places[usize::try_from((offset - 100) / 2).expect("small")];
            assert_eq!((info.base_offset, info.pos, doubted), (base, pos, false));
            assert!(reads <= 5, "{reads}");
        }
        assert!(matches!(find(&log, &index, Goal::Offset(Offset(12_100))).0, Step::Absent { .. }));
        let (Step::Found(info), ..) = find(&log, &index, Goal::Timestamp { timestamp: 1700, from: Offset(100) }) else {
            panic!()
        };
        assert_eq!(info.base_offset, 1500);
        assert_eq!(find(&log, &index, Goal::Largest).0, Step::Absent { largest: Some((6999, 12_099)) });
    }

    #[test]
    fn a_batch_further_from_its_base_than_an_index_can_name_is_damage() {
        for base in [100 + (1 << 33), i64::MAX - 8] {
            let (mut log, ..) = segment(3);
            let at = log.len() / 3 * 2;
            log[at..at + 8].copy_from_slice(&base.to_be_bytes());
            for goal in [Goal::Largest, Goal::Offset(Offset(base)), Goal::Timestamp { timestamp: 1_002, from: Offset(100) }] {
                assert_eq!(find(&log, &[], goal).0, Step::Corrupt { at: at as u32 }, "{goal:?}");
            }
        }
    }

    #[test]
    fn a_batch_that_reaches_into_the_next_segment_is_damage() {
        let (log, ..) = segment(3);
        let last = log.len() / 3 * 2;
        let view = View { base: Offset(100), end: Offset(105), bytes: log.len() as u32, entries: 0 };
        for goal in [Goal::Largest, Goal::Offset(Offset(104)), Goal::Timestamp { timestamp: 1_002, from: Offset(100) }] {
            let (mut search, _) = Search::new(view, goal, None);
            assert_eq!(search.on_read(&log), Step::Corrupt { at: last as u32 }, "{goal:?}");
        }
    }

    #[test]
    fn a_damaged_index_costs_time_and_nothing_else() {
        let (log, index, places) = segment(600);
        let mut damaged: Vec<Vec<u8>> = vec![vec![0; index.len()], index.iter().map(|b| !b).collect()];
        damaged.extend([20, 801].map(|at| index.iter().enumerate().map(|(i, b)| if i == at { b ^ 8 } else { *b }).collect()));
        damaged.push(index[8..].iter().copied().chain([0; 8]).collect());
        for index in &damaged {
            for (offset, pos) in &places {
                let (Step::Found(info), ..) = find(&log, index, Goal::Offset(Offset(*offset))) else { panic!("{offset}") };
                assert_eq!((info.base_offset, info.pos), (*offset, *pos));
            }
        }
    }
}
