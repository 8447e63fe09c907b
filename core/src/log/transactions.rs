//! What transactions have left in a log that Apache Kafka has written. Nobody here begins, commits or aborts one.
//!
//! State       the aborted ones, and where the first open one begins. It does not change while the log is open.
//! Takes       the `.txnindex` files of the segments; what recovery has folded.
//! Gives       what a reader of committed records has to be told (KIP-98).
//! Holds       such a reader sees nothing of an aborted transaction, and nothing at all behind the beginning of an open one.
//! Not here    the markers in the log: they stay where they are, and clients know them.

use crate::ids::Offset;
use crate::wire::Aborted;
use bytes::{Buf, Bytes};

/// An entry of a `.txnindex`: version, producer id, first and last offset, last stable offset.
const ENTRY_BYTES: usize = 34;
/// More than so many bytes of entries no segment has.
pub(super) const FILE_BYTES_MAX: usize = 64 << 20;

/// A transaction that was aborted: `last` is its marker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub producer_id: i64,
    pub first: i64,
    pub last: i64,
}

#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// In the order of their first offsets.
    aborted: Vec<Entry>,
    pub open: Option<Offset>,
}

impl Transactions {
    pub(super) fn new(mut aborted: Vec<Entry>, open: Option<Offset>) -> Transactions {
        aborted.sort_unstable_by_key(|e| e.first);
        Transactions { aborted, open }
    }

    /// Those of which something lies in `from..to`.
    pub(super) fn aborted_in(&self, from: Offset, to: Offset) -> Vec<Aborted> {
        let touching = self.aborted.iter().take_while(|e| e.first < to.0).filter(|e| e.last >= from.0);
        touching.map(|e| Aborted { producer_id: e.producer_id, first_offset: e.first }).collect()
    }
}

/// The entries of a `.txnindex`; `None` for what is none.
pub(super) fn parse(mut bytes: Bytes) -> Option<Vec<Entry>> {
    let mut entries = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
    while bytes.len() >= ENTRY_BYTES {
        let version = bytes.get_i16();
        let entry = Entry { producer_id: bytes.get_i64(), first: bytes.get_i64(), last: bytes.get_i64() };
        bytes.advance(8);
        if version != 0 || entry.first < 0 || entry.last < entry.first {
            return None;
        }
        entries.push(entry);
    }
    bytes.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn file(entries: &[(i64, i64, i64)]) -> Bytes {
        let entry = |(producer, first, last): &(i64, i64, i64)| {
            [&0i16.to_be_bytes()[..], &producer.to_be_bytes(), &first.to_be_bytes(), &last.to_be_bytes(), &last.to_be_bytes()]
                .concat()
        };
        entries.iter().flat_map(entry).collect::<Vec<u8>>().into()
    }

    #[test]
    fn a_reader_is_told_of_what_touches_its_range() {
        let entries = parse(file(&[(7, 3, 6), (8, 0, 9), (7, 10, 12)])).expect("entries");
        let all = Transactions::new(entries, None);
        let told = |from, to| all.aborted_in(Offset(from), Offset(to)).iter().map(|a| a.first_offset).collect::<Vec<_>>();
        assert_eq!(told(0, 20), [0, 3, 10]);
        assert_eq!(told(7, 10), [0]);
        assert_eq!(told(9, 11), [0, 10]);
        assert_eq!(told(13, 20), [0; 0]);
    }

    #[test]
    fn what_is_no_file_of_entries_is_not_taken_for_one() {
        let whole = file(&[(7, 3, 6), (8, 0, 9)]);
        assert_eq!(parse(Bytes::new()), Some(vec![]));
        for cut in 1..whole.len() {
            assert_eq!(parse(whole.slice(..cut)).is_some(), cut % ENTRY_BYTES == 0, "{cut}");
        }
        for bad in [(7, -1, 6), (7, 7, 6)] {
            assert_eq!(parse(file(&[bad])), None);
        }
        assert_eq!(parse([&[1][..], &whole[1..]].concat().into()), None);
    }
}
