//! What of a log is durable, and which syncs are under way: group commit.
//!
//! State       one row per segment file that is not wholly durable (almost always one: the active segment), and the directory's sync.
//! Takes       files created and closed, wishes, completions.
//! Gives       the syncs to be asked for; the offset below which everything is durable.
//! Holds       at most one sync a file and one of the directory at a time; a file counts for nothing before its name is durable;
//!             nothing is durable behind something that is not.
//! Not here    when somebody wants durability (`append.rs`), what else waits for it.

use crate::ids::{Offset, OpId};
use std::collections::VecDeque;

/// A segment file that is not wholly durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub base: Offset,
    /// The offset at which the segment ended when the next one began.
    pub closed: Option<Offset>,
    /// Its name is durable.
    pub named: bool,
    /// A completed sync covers everything below, as far as it was written.
    pub covered: Offset,
    /// The sync under way and what it will cover.
    pub syncing: Option<(OpId, Offset)>,
    /// Somebody wants durability up to here.
    pub wanted: Offset,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Durable {
    pub rows: VecDeque<Row>,
}

impl Durable {
    pub(super) fn open(&mut self, base: Offset, named: bool) {
        assert!(self.rows.back().is_none_or(|r| r.closed == Some(base)), "a segment begins where the last one was closed");
        self.rows.push_back(Row { base, closed: None, named, covered: base, syncing: None, wanted: base });
    }

    /// A segment that recovery found: durable up to `covered`. One offset below the base: it is to be synced whatever it holds.
    pub(super) fn found(&mut self, base: Offset, covered: Offset, closed: Option<Offset>) {
        self.rows.push_back(Row { base, closed, named: true, covered, syncing: None, wanted: covered });
    }

    pub(super) fn close_active(&mut self, end: Offset) {
        let active = self.rows.back_mut().expect("the active segment has a row");
        assert!(active.closed.is_none(), "a segment is closed once");
        (active.closed, active.wanted) = (Some(end), end);
    }

    /// Somebody wants everything below `end` durable.
    pub(super) fn want(&mut self, end: Offset) {
        for row in &mut self.rows {
            row.wanted = row.wanted.max(row.closed.unwrap_or(end).min(end));
        }
    }

    /// Files whose sync is to be asked for, each with what that sync will cover: all that was given to the file.
    pub(super) fn due(&self, end: Offset) -> Vec<(Offset, Offset)> {
        let due = |r: &&Row| r.syncing.is_none() && r.wanted > r.covered;
        self.rows.iter().filter(due).map(|r| (r.base, r.closed.unwrap_or(end))).collect()
    }

    pub(super) fn row(&mut self, base: Offset) -> Option<&mut Row> {
        self.rows.iter_mut().find(|r| r.base == base)
    }

    pub(super) fn on_synced(&mut self, op: OpId) {
        if let Some(row) = self.rows.iter_mut().find(|r| r.syncing.is_some_and(|s| s.0 == op)) {
            let (_, upto) = row.syncing.take().expect("just found");
            row.covered = row.covered.max(upto);
        }
    }

    /// A sync found no file.
    pub(super) fn on_sync_lost(&mut self, op: OpId) {
        self.rows.iter_mut().filter(|r| r.syncing.is_some_and(|s| s.0 == op)).for_each(|r| r.syncing = None);
    }

    /// The offset below which everything is durable, `written` being in its files. Rows that are done are dropped.
    pub(super) fn settle(&mut self, written: Offset) -> Offset {
        loop {
            let row = self.rows.front().expect("the active segment has a row");
            if !row.named {
                return row.base;
            }
            let reached = row.covered.min(written).max(row.base);
            match row.closed {
                Some(end) if reached >= end => self.rows.pop_front(),
                _ => return reached,
            };
        }
    }

    /// Whether a sync of a file is under way.
    pub(super) fn is_syncing(&self) -> bool {
        self.rows.iter().any(|r| r.syncing.is_some())
    }

    /// The names of all segment files are durable.
    pub(super) fn is_named(&self) -> bool {
        self.rows.iter().all(|r| r.named)
    }

    /// The segment `base` and the directory were synced when nothing was under way, and the log ended in it at `end`.
    pub(super) fn on_repaired(&mut self, base: Offset, end: Offset) {
        self.rows.iter_mut().for_each(|r| r.named = true);
        let row = self.row(base).expect("the active segment has a row");
        row.covered = row.covered.max(end);
    }

    /// The log ends at `end` in the segment `base`, which is the active one now: nothing behind it exists.
    pub(super) fn cut(&mut self, base: Offset, end: Offset) {
        self.rows.retain(|r| r.base <= base);
        let last = self.rows.back_mut().expect("a cut lies in what is not durable");
        assert!(last.base == base, "a cut lies in what is not durable");
        last.closed = None;
        last.covered = last.covered.min(end);
        last.wanted = last.wanted.min(end);
        if let Some((_, upto)) = &mut last.syncing {
            *upto = (*upto).min(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_durable_behind_something_that_is_not() {
        let mut d = Durable::default();
        d.open(Offset(0), true);
        d.want(Offset(5));
        assert_eq!(d.due(Offset(7)), [(Offset(0), Offset(7))]);
        d.row(Offset(0)).expect("open").syncing = Some((OpId(1), Offset(7)));
        assert!(d.due(Offset(9)).is_empty(), "one sync at a time");
        d.close_active(Offset(9));
        d.open(Offset(9), false);
        d.want(Offset(12));
        assert_eq!(d.due(Offset(12)), [(Offset(9), Offset(12))]);
        d.row(Offset(9)).expect("open").syncing = Some((OpId(2), Offset(12)));
        d.on_synced(OpId(2));
        assert_eq!(d.settle(Offset(12)), Offset(0));
        d.on_synced(OpId(1));
        assert_eq!(d.settle(Offset(6)), Offset(6), "what is not written is not durable");
        assert_eq!(d.settle(Offset(12)), Offset(7));
        assert_eq!(d.due(Offset(12)), [(Offset(0), Offset(9))]);
        d.row(Offset(0)).expect("open").syncing = Some((OpId(3), Offset(9)));
        d.on_synced(OpId(3));
        assert_eq!(d.settle(Offset(12)), Offset(9), "the new segment's name is not durable");
        d.row(Offset(9)).expect("open").named = true;
        assert_eq!(d.settle(Offset(12)), Offset(12));
        assert_eq!(d.rows.len(), 1);
    }
}
