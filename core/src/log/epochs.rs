//! The leader epochs of a log and where each began: what tells a follower how far it agrees with its leader.
//!
//! State       (epoch, start offset) pairs, both strictly increasing.
//! Holds       it is what a fold over the batches gives; in doubt it is folded again.
//! Not here    writing the checkpoint file (`mod.rs` owns the `Replacer`).
//! Read first  `end_offset_for`. Background: KIP-101, KIP-279.

use crate::ids::{LeaderEpoch, Offset};
use bytes::Bytes;
use std::fmt::Write as _;

/// Epochs with their start offsets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Epochs {
    entries: Vec<(LeaderEpoch, Offset)>,
}

impl Epochs {
    #[must_use]
    pub fn entries(&self) -> &[(LeaderEpoch, Offset)] {
        &self.entries
    }

    /// The newest epoch.
    #[must_use]
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|e| e.0)
    }

    /// A batch of `epoch` begins at `start`. True if the epoch is new. Epochs below the newest change nothing.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if epoch.0 < 0 || self.latest().is_some_and(|e| epoch <= e) {
            return false;
        }
        // An epoch in which nothing was appended has no batches to speak for.
        while self.entries.last().is_some_and(|e| e.1 >= start) {
            self.entries.pop();
        }
        self.entries.push((epoch, start));
        true
    }

    /// The log ends at `end` now. True if that removed an epoch.
    pub fn truncate_from_end(&mut self, end: Offset) -> bool {
        let before = self.entries.len();
        self.entries.retain(|e| e.1 < end);
        before != self.entries.len()
    }

    /// The log starts at `start` now. True if that changed anything.
    pub fn truncate_from_start(&mut self, start: Offset) -> bool {
        let below = self.entries.partition_point(|e| e.1 <= start);
        let Some(floor) = below.checked_sub(1) else { return false };
        if floor == 0 && self.entries[0].1 == start {
            return false;
        }
        self.entries[floor].1 = start;
        self.entries.drain(..floor);
        true
    }

    /// The largest epoch that is not above `asked`, and the offset at which it ends, as a leader of epoch `own` knows it. `None` where
    /// Kafka says undefined: nobody has led in `asked` yet.
    #[must_use]
    pub fn end_offset_for(&self, asked: LeaderEpoch, own: LeaderEpoch, log_end: Offset) -> Option<(LeaderEpoch, Offset)> {
        if asked.0 < 0 || asked > own {
            return None;
        }
        if asked == own {
            return Some((own, log_end));
        }
        // An epoch of which nothing is left was replaced where the next leader began, at the log's end.
        let known = &self.entries[..self.entries.partition_point(|e| e.1 < log_end)];
        let above = known.partition_point(|e| e.0 <= asked);
        // A leader that has written nothing began where the log ends.
        let end = known.get(above).map_or(log_end, |next| next.1);
        // Below all that is known, what the asked epoch had can only have ended before the first one began.
        Some((above.checked_sub(1).map_or(asked, |floor| known[floor].0), end))
    }

    /// The first epoch above `saved` (all epochs, if nothing is saved): where it starts.
    #[must_use]
    pub fn first_start_above(&self, saved: Option<LeaderEpoch>) -> Option<Offset> {
        self.entries.iter().find(|e| saved.is_none_or(|s| e.0 > s)).map(|e| e.1)
    }

    /// Kafka's `leader-epoch-checkpoint`: version, count, one "epoch offset" a line.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut text = format!("0\n{}\n", self.entries.len());
        for (epoch, start) in &self.entries {
            let _ = writeln!(text, "{epoch} {start}");
        }
        text.into()
    }

    /// The inverse of [`Epochs::encode`]; `None` for anything but an intact file.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Epochs> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != "0" {
            return None;
        }
        let count: usize = lines.next()?.parse().ok()?;
        let mut epochs = Epochs::default();
        for line in lines {
            let (epoch, start) = line.split_once(' ')?;
            let (epoch, start) = (LeaderEpoch(epoch.parse().ok()?), Offset(start.parse().ok()?));
            if epochs.entries.last().is_some_and(|l| l.0 >= epoch || l.1 >= start) || epoch.0 < 0 || start.0 < 0 {
                return None;
            }
            epochs.entries.push((epoch, start));
        }
        (epochs.entries.len() == count).then_some(epochs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(of: &[(i32, i64)]) -> Epochs {
        Epochs { entries: of.iter().map(|e| (LeaderEpoch(e.0), Offset(e.1))).collect() }
    }

    #[test]
    fn an_epoch_ends_where_the_next_one_that_wrote_begins() {
        let e = epochs(&[(2, 10), (4, 20), (7, 30)]);
        let asked_of = |own, epoch| e.end_offset_for(LeaderEpoch(epoch), LeaderEpoch(own), Offset(42)).map(|(e, o)| (e.0, o.0));
        let ask = |epoch| asked_of(7, epoch);
        assert_eq!(ask(-1), None);
        assert_eq!(ask(1), Some((1, 10)));
        assert_eq!(ask(2), Some((2, 20)));
        assert_eq!(ask(3), Some((2, 20)));
        assert_eq!(ask(5), Some((4, 30)));
        assert_eq!(ask(7), Some((7, 42)));
        assert_eq!(ask(8), None);
        // A leader of epoch 9 has written nothing yet.
        assert_eq!([7, 8, 9, 10].map(|epoch| asked_of(9, epoch)), [Some((7, 42)), Some((7, 42)), Some((9, 42)), None]);
        // All that was written is deleted: of epochs 2 to 7 nothing is left.
        let mut emptied = e.clone();
        assert!(emptied.truncate_from_start(Offset(42)));
        let ask = |own, epoch| emptied.end_offset_for(LeaderEpoch(epoch), LeaderEpoch(own), Offset(42)).map(|(e, o)| (e.0, o.0));
        assert_eq!([3, 7, 8, 9].map(|epoch| ask(9, epoch)), [Some((3, 42)), Some((7, 42)), Some((8, 42)), Some((9, 42))]);
        assert_eq!([3, 7].map(|epoch| ask(7, epoch)), [Some((3, 42)), Some((7, 42))]);
        let none = |asked| Epochs::default().end_offset_for(LeaderEpoch(asked), LeaderEpoch(1), Offset(5));
        assert_eq!([0, 1, 2].map(none), [Some((LeaderEpoch(0), Offset(5))), Some((LeaderEpoch(1), Offset(5))), None]);
    }

    #[test]
    fn both_ends_can_be_cut() {
        let mut e = epochs(&[(2, 10), (4, 20), (7, 30)]);
        assert!(!e.truncate_from_end(Offset(31)));
        assert!(e.truncate_from_end(Offset(30)));
        assert!(e.truncate_from_start(Offset(25)));
        assert_eq!(e, epochs(&[(4, 25)]));
        assert!(!e.truncate_from_start(Offset(25)));
        assert!(!e.truncate_from_start(Offset(3)));
        assert!(!e.assign(LeaderEpoch(4), Offset(50)));
        assert!(e.assign(LeaderEpoch(5), Offset(50)));
        assert!(e.assign(LeaderEpoch(6), Offset(50)), "epoch 5 wrote nothing");
        assert_eq!(e, epochs(&[(4, 25), (6, 50)]));
    }

    #[test]
    fn the_checkpoint_is_kafkas_and_damage_is_noticed() {
        let e = epochs(&[(0, 0), (3, 17)]);
        assert_eq!(&e.encode()[..], b"0\n2\n0 0\n3 17\n");
        assert_eq!(Epochs::parse(&e.encode()), Some(e.clone()));
        for cut in 0..e.encode().len() {
            assert_eq!(Epochs::parse(&e.encode()[..cut]), None, "{cut}");
        }
        for bad in ["1\n0\n", "0\n1\n", "0\n2\n3 1\n2 5\n", "0\n1\nx 1\n", "\0\0\0\0"] {
            assert_eq!(Epochs::parse(bad.as_bytes()), None);
        }
    }
}
