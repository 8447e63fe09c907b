//! What transactions have left in a log that Apache Kafka has written. Nobody here begins, commits or aborts one.
//!
//! State       the aborted ones, 32 bytes each, and the open ones. It does not change while the log is open.
//! Takes       the `.txnindex` files of the segments; what recovery has folded.
//! Gives       what a reader of committed records has to be told (KIP-98).
//! Holds       such a reader sees nothing of an aborted transaction, and nothing at all behind the beginning of an open one.
//! Not here    the markers in the log: they stay where they are, and clients know them.

use crate::ids::Offset;
use crate::wire::Aborted;
use bytes::{Buf, Bytes};

/// An entry of a `.txnindex`: version, producer id, first and last offset, last stable offset.
const ENTRY_BYTES: usize = 34;
/// No batch is smaller than that, those of markers neither, of which each aborted transaction has one.
const BATCH_BYTES_MIN: u32 = 61;

/// A transaction that was aborted: `last` is its marker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub producer_id: i64,
    pub first: i64,
    pub last: i64,
}

#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// In the order of their markers, each with the least first offset from it on.
    aborted: Vec<(Entry, i64)>,
    /// Where each open one begins, and where the last batch of its producer lies.
    open: Vec<(Offset, Offset)>,
}

impl Transactions {
    pub(super) fn new(mut aborted: Vec<Entry>, open: Vec<(Offset, Offset)>) -> Transactions {
        aborted.sort_unstable_by_key(|e| e.last);
        let mut least = i64::MAX;
        let mut with_least: Vec<_> = aborted
            .into_iter()
            .rev()
            .map(|e| {
                least = least.min(e.first);
                (e, least)
            })
            .collect();
        with_least.reverse();
        Transactions { aborted: with_least, open }
    }

    /// Those of which something lies in `from..to`, where a range of `bytes` bytes is given.
    pub(super) fn aborted_in(&self, from: Offset, to: Offset, bytes: u32) -> Vec<Aborted> {
        let behind = self.aborted[self.aborted.partition_point(|(e, _)| e.last < from.0)..].iter();
        let near = behind.take_while(|(_, least)| *least < to.0).map(|(e, _)| e);
        let mut touching: Vec<_> = near.filter(|e| e.first < to.0).collect();
        touching.sort_unstable_by_key(|e| e.first);
        // So many may have begun before, and each that begins in the range has a batch in it.
        let before = touching.partition_point(|e| e.first < from.0);
        touching.truncate(before + (bytes / BATCH_BYTES_MIN) as usize + 1);
        touching.into_iter().map(|e| Aborted { producer_id: e.producer_id, first_offset: e.first }).collect()
    }

    pub(super) fn had_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Where the first open one begins of which a log has something left that begins at `log_start`. The others are over.
    pub(super) fn first_open(&self, log_start: Offset) -> Option<Offset> {
        self.open.iter().filter(|(_, last)| *last >= log_start).map(|(first, _)| *first).min()
    }
}

/// How many bytes of entries a segment of this size may have.
pub(super) fn bytes_max(segment: u64) -> u64 {
    (segment / u64::from(BATCH_BYTES_MIN) + 1) * ENTRY_BYTES as u64
}

/// The entries of the `.txnindex` of the segment that begins at `base`; `None` for what is none.
pub(super) fn parse(base: Offset, mut bytes: Bytes) -> Option<Vec<Entry>> {
    let mut entries = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
    while bytes.len() >= ENTRY_BYTES {
        let version = bytes.get_i16();
        let entry = Entry { producer_id: bytes.get_i64(), first: bytes.get_i64(), last: bytes.get_i64() };
        bytes.advance(8);
        // A marker lies behind what it ends; zeros are none.
        if version != 0 || entry.first < 0 || entry.last <= entry.first || entry.last < base.0 {
            return None;
        }
        entries.push(entry);
    }
    bytes.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(entries: &[(i64, i64, i64)]) -> Bytes {
        let entry = |(producer, first, last): &(i64, i64, i64)| {
            [&0i16.to_be_bytes()[..], &producer.to_be_bytes(), &first.to_be_bytes(), &last.to_be_bytes(), &last.to_be_bytes()]
                .concat()
        };
        entries.iter().flat_map(entry).collect::<Vec<u8>>().into()
    }

    #[test]
    fn a_reader_is_told_of_what_touches_its_range() {
        let entries = parse(Offset(0), file(&[(7, 3, 6), (8, 0, 9), (7, 10, 12)])).expect("entries");
        let all = Transactions::new(entries, Vec::new());
        let told_of =
            |from, to, bytes| all.aborted_in(Offset(from), Offset(to), bytes).iter().map(|a| a.first_offset).collect::<Vec<_>>();
        let told = |from, to| told_of(from, to, 1000);
        assert_eq!(told(0, 20), [0, 3, 10]);
        assert_eq!(told(7, 10), [0]);
        assert_eq!(told(9, 11), [0, 10]);
        assert_eq!(told(13, 20), [0; 0]);
        // In one batch one can begin; how many began before it says nothing.
        assert_eq!(told_of(0, 20, 100), [0, 3]);
        assert_eq!(told_of(5, 20, 60), [0, 3, 10]);
        let open = Transactions::new(Vec::new(), vec![(Offset(5), Offset(9)), (Offset(7), Offset(20))]);
        assert_eq!([9, 10, 21].map(|start| open.first_open(Offset(start))), [Some(Offset(5)), Some(Offset(7)), None]);
    }

    #[test]
    fn what_is_no_file_of_entries_is_not_taken_for_one() {
        let whole = file(&[(7, 3, 6), (8, 0, 9)]);
        assert_eq!(parse(Offset(0), Bytes::new()), Some(vec![]));
        for cut in 1..whole.len() {
            assert_eq!(parse(Offset(0), whole.slice(..cut)).is_some(), cut % ENTRY_BYTES == 0, "{cut}");
        }
        for bad in [(7, -1, 6), (7, 7, 6), (0, 0, 0)] {
            assert_eq!(parse(Offset(0), file(&[bad])), None);
        }
        assert_eq!(parse(Offset(0), [&[1][..], &whole[1..]].concat().into()), None);
        assert_eq!(parse(Offset(7), whole), None, "a marker before its segment");
    }
}
