//! Where a log begins, and where it is to begin: a log start is wanted, told to the owner, written down, and only then in force.
//!
//! State       the log start in force; the next one, and how far it has come.
//! Takes       wishes, how much is durable, the word that a log start is on the disk.
//! Gives       the log start to be told, once; what the checkpoint of log starts shall say.
//! Holds       `at <= told < wanted` while a log start is due, and none is told that is not durable: a log start is evidence of what lay
//!             below it, whatever that rested on. One that is kept for missing files is nobody's wish, so it excludes every other.
//! Not here    deleting what lies below (`retention.rs`).

use crate::ids::Offset;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Start {
    at: Offset,
    next: Next,
}

/// What is to become of a log start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    /// Nobody wants another one.
    Stays,
    /// As `Stays`, and the checkpoint goes on saying this: the log begins elsewhere only because files are missing or damaged.
    Kept(Offset),
    /// The owner is writing it down.
    Told(Offset),
    /// What lies below `wanted` is not on the disk yet. The owner may be writing down `told`; nothing if the log begins there. `nearest` was
    /// wanted first: whoever waits for it does not wait for all that were wanted later.
    Due { told: Offset, nearest: Offset, wanted: Offset },
}

impl Start {
    pub(super) fn new(at: Offset) -> Start {
        Start { at, next: Next::Stays }
    }

    /// The log begins at `at` because files are missing or damaged: `kept` is what the checkpoint says, until somebody wants another one.
    pub(super) fn found(at: Offset, kept: Option<Offset>) -> Start {
        Start { at, next: kept.map_or(Next::Stays, Next::Kept) }
    }

    /// The first offset that can be read.
    pub(super) fn at(self) -> Offset {
        self.at
    }

    /// Where the log begins once that is on the disk.
    pub(super) fn wanted(self) -> Offset {
        match self.next {
            Next::Stays | Next::Kept(_) => self.at,
            Next::Told(wanted) | Next::Due { wanted, .. } => wanted,
        }
    }

    /// What the checkpoint shall say.
    pub(super) fn to_write_down(self) -> Offset {
        match self.next {
            Next::Stays => self.at,
            Next::Kept(start) | Next::Told(start) | Next::Due { told: start, .. } => start,
        }
    }

    /// Whether records are to be deleted that are not on the disk yet.
    pub(super) fn is_due(self) -> bool {
        matches!(self.next, Next::Due { .. })
    }

    /// Somebody wants the log to begin at `to`, further than anybody before. What is to be told: nothing before all below is on the
    /// disk, which is so below `durable`.
    pub(super) fn want(&mut self, to: Offset, durable: Offset) -> Option<Offset> {
        assert!(to > self.wanted(), "a log start is wanted once");
        let (told, nearest) = match self.next {
            Next::Stays | Next::Kept(_) => (self.at, to),
            Next::Told(told) => (told, to),
            Next::Due { told, nearest, .. } => (told, nearest),
        };
        self.next = Next::Due { told, nearest, wanted: to };
        self.on_durable(durable)
    }

    /// Everything below `durable` is on the disk. What is to be told.
    pub(super) fn on_durable(&mut self, durable: Offset) -> Option<Offset> {
        match self.next {
            Next::Due { wanted, .. } if wanted <= durable => {
                self.next = Next::Told(wanted);
                Some(wanted)
            }
            Next::Due { nearest, wanted, .. } if nearest <= durable => {
                self.next = Next::Due { told: nearest, nearest: wanted, wanted };
                Some(nearest)
            }
            _ => None,
        }
    }

    /// Somebody wants what lies below `to` to be gone, though the log begins there or above already: of files that are missing, which do
    /// not come back then. What is to be told.
    pub(super) fn give_up_missing(&mut self, to: Offset) -> Option<Offset> {
        match self.next {
            Next::Kept(kept) if kept < to && to <= self.at => {
                self.next = Next::Stays;
                Some(self.at)
            }
            _ => None,
        }
    }

    /// This start, which is further on than the last one, is on the disk: it is in force.
    pub(super) fn begin(&mut self, at: Offset) {
        assert!(at > self.at && at <= self.wanted(), "the log start only moves on, and to where it is wanted");
        self.next = match self.next {
            Next::Told(wanted) if wanted > at => Next::Told(wanted),
            Next::Due { told, nearest, wanted } if wanted > at => Next::Due { told: told.max(at), nearest, wanted },
            _ => Next::Stays,
        };
        self.at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(n: i64) -> Offset {
        Offset(n)
    }

    #[test]
    fn what_is_durable_is_told_at_once_and_holds_when_it_is_written_down() {
        let mut start = Start::new(at(3));
        assert_eq!(start.want(at(5), at(5)), Some(at(5)));
        assert_eq!((start.at(), start.wanted(), start.to_write_down(), start.is_due()), (at(3), at(5), at(5), false));
        start.begin(at(5));
        assert_eq!(start, Start::new(at(5)));
    }

    #[test]
    fn what_was_wanted_first_does_not_wait_for_what_was_wanted_later() {
        let mut start = Start::new(at(0));
        assert_eq!((start.want(at(5), at(0)), start.want(at(7), at(0)), start.want(at(9), at(0))), (None, None, None));
        assert_eq!(start.on_durable(at(6)), Some(at(5)));
        assert_eq!((start.on_durable(at(8)), start.to_write_down(), start.wanted()), (None, at(5), at(9)));
        start.begin(at(5));
        assert_eq!((start.at(), start.is_due(), start.on_durable(at(9))), (at(5), true, Some(at(9))));
        start.begin(at(9));
        assert_eq!(start, Start::new(at(9)));
    }

    #[test]
    fn what_is_not_durable_is_told_once_when_it_is() {
        let mut start = Start::new(at(0));
        assert_eq!(start.want(at(5), at(4)), None);
        assert_eq!((start.wanted(), start.to_write_down(), start.is_due()), (at(5), at(0), true));
        assert_eq!(start.on_durable(at(4)), None);
        assert_eq!(start.on_durable(at(7)), Some(at(5)));
        assert_eq!((start.on_durable(at(8)), start.to_write_down(), start.is_due()), (None, at(5), false));
    }

    #[test]
    fn what_was_told_is_written_down_while_the_next_one_is_due() {
        let mut start = Start::new(at(0));
        assert_eq!(start.want(at(4), at(6)), Some(at(4)));
        assert_eq!(start.want(at(9), at(6)), None);
        assert_eq!((start.wanted(), start.to_write_down(), start.is_due()), (at(9), at(4), true));
        start.begin(at(4));
        assert_eq!((start.at(), start.to_write_down(), start.is_due()), (at(4), at(4), true));
        assert_eq!(start.on_durable(at(9)), Some(at(9)));
        start.begin(at(9));
        assert_eq!(start, Start::new(at(9)));
    }

    #[test]
    fn an_older_one_on_the_disk_leaves_the_newer_one_told() {
        let mut start = Start::new(at(0));
        assert_eq!((start.want(at(4), at(9)), start.want(at(6), at(9))), (Some(at(4)), Some(at(6))));
        start.begin(at(4));
        assert_eq!((start.at(), start.wanted(), start.to_write_down()), (at(4), at(6), at(6)));
        start.begin(at(6));
        assert_eq!(start, Start::new(at(6)));
    }

    #[test]
    fn what_is_kept_for_missing_files_stays_until_somebody_wants_more() {
        let mut start = Start::found(at(10), Some(at(2)));
        assert_eq!((start.at(), start.wanted(), start.to_write_down(), start.is_due()), (at(10), at(10), at(2), false));
        assert_eq!((start.give_up_missing(at(2)), start.give_up_missing(at(11))), (None, None));
        assert_eq!(start.give_up_missing(at(3)), Some(at(10)));
        assert_eq!((start.to_write_down(), start.give_up_missing(at(3))), (at(10), None));
        let mut start = Start::found(at(10), Some(at(2)));
        assert_eq!(start.want(at(11), at(10)), None);
        assert_eq!((start.to_write_down(), start.give_up_missing(at(9))), (at(10), None));
        assert_eq!(Start::found(at(10), None), Start::new(at(10)));
    }

    #[test]
    #[should_panic(expected = "only moves on")]
    fn a_log_begins_nowhere_that_nobody_wanted() {
        Start::new(at(1)).begin(at(2));
    }
}
