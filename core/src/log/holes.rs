//! Ranges of segments that could not be read when an answer that had promised them was on its way.
//!
//! State       at most [`MOST`] ranges, those that were told last.
//! Takes       what could not be sent; what could be read again.
//! Gives       the first of them that a range touches.
//! Holds       what is in here is read by the machine itself before it is promised again: an answer whose range fails has been begun, and
//!             ends its connection with all that others would have got on it.
//! Not here    who reads (`read.rs`). A segment that is deleted leaves its ranges behind: one of the same base is read where they say, and
//!             they go.

use crate::ids::Offset;
use std::collections::VecDeque;

/// So many are remembered.
const MOST: usize = 64;

/// A range of a segment: its base offset, and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hole {
    pub segment: Offset,
    pub pos: u32,
    pub len: u32,
}

impl Hole {
    fn end(&self) -> u32 {
        self.pos.saturating_add(self.len)
    }
}

#[derive(Debug, Default)]
pub(super) struct Holes {
    /// In the order in which they were told.
    known: VecDeque<Hole>,
}

impl Holes {
    pub(super) fn add(&mut self, hole: Hole) {
        self.heal(hole);
        if self.known.len() == MOST {
            self.known.pop_front();
        }
        self.known.push_back(hole);
    }

    /// It can be read after all.
    pub(super) fn heal(&mut self, hole: Hole) {
        self.known.retain(|known| *known != hole);
    }

    /// The first that touches the bytes from `from` to before `to` of a segment.
    pub(super) fn first_in(&self, segment: Offset, from: u32, to: u32) -> Option<Hole> {
        let touching = self.known.iter().filter(|hole| hole.segment == segment && hole.pos < to && hole.end() > from);
        touching.min_by_key(|hole| hole.pos).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(segment: i64, pos: u32, len: u32) -> Hole {
        Hole { segment: Offset(segment), pos, len }
    }

    #[test]
    fn the_first_that_a_range_touches_is_found() {
        let mut holes = Holes::default();
        let (low, high, other) = (hole(0, 100, 10), hole(0, 500, 1), hole(7, 0, 50));
        [high, low, other, low].into_iter().for_each(|hole| holes.add(hole));
        assert_eq!(holes.first_in(Offset(0), 0, 1000), Some(low));
        assert_eq!(holes.first_in(Offset(0), 0, 100), None);
        assert_eq!(holes.first_in(Offset(0), 0, 101), Some(low));
        assert_eq!(holes.first_in(Offset(0), 109, 1000), Some(low));
        assert_eq!(holes.first_in(Offset(0), 110, 1000), Some(high));
        assert_eq!(holes.first_in(Offset(0), 501, 1000), None);
        assert_eq!(holes.first_in(Offset(7), 0, 1), Some(other));
        holes.heal(low);
        assert_eq!(holes.first_in(Offset(0), 0, 1000), Some(high));
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let mut holes = Holes::default();
        (0..1000).for_each(|pos| holes.add(hole(0, pos, 1)));
        assert_eq!(holes.known.len(), MOST);
        assert_eq!(holes.first_in(Offset(0), 0, 1000).map(|hole| hole.pos), Some(1000 - MOST as u32));
        holes.add(hole(0, 0, u32::MAX));
        assert_eq!(holes.first_in(Offset(0), u32::MAX - 1, u32::MAX), Some(hole(0, 0, u32::MAX)));
    }
}
