//! One file's bytes: what a reader sees (the page cache) and what the medium holds.
//!
//! State       cached bytes, durable bytes, from where on they may differ, what was overwritten before it was synced.
//! Takes       writes at the end, rewrites in place, truncates, syncs, a power loss, damage.
//! Holds       a process crash changes nothing here; a power loss makes cached = durable, both chosen sector by sector among
//!             what may be on the medium. Bytes that were synced and not touched since always survive a power loss, also in a
//!             sector that was being rewritten (drives with power-safe overwrite; others lose acknowledged data under any log).
//!             A sector that is rewritten by the same bytes is after a power loss what it was or what it was to be, or the
//!             beginning of the one and the end of the other; the same bytes either way, unless a failed sync had dropped them.
//! Not here    names (names.rs), order of calls (queue.rs), which fault strikes when (fault.rs).

use super::content::Content;
use ottla_core::rng::Rng;
use std::collections::BTreeSet;

/// The unit of what a disk writes at once, in bytes.
pub const SECTOR: u64 = 512;

/// How much of what was not synced a power loss leaves on the medium.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Nothing: exactly what was synced.
    Nothing,
    /// Everything: as after a process crash.
    Everything,
    /// The writes up to some point in time, as an ordered file system does.
    Prefix,
    /// Any subset, in any order.
    Subset,
}

/// What a power loss may do to bytes and names that were not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    pub data: Keep,
    pub names: Keep,
    /// Sectors may hold bytes that nobody wrote.
    pub garbage: bool,
    /// Sectors may hold the beginning of the new bytes and the end of the old.
    pub shorn: bool,
}

impl Loss {
    pub const NOTHING_KEPT: Loss = Loss { data: Keep::Nothing, names: Keep::Nothing, garbage: false, shorn: false };
    pub const ANY_SUBSET: Loss = Loss { data: Keep::Subset, names: Keep::Subset, garbage: true, shorn: true };
}

/// One file.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) cached: Content,
    pub(crate) durable: Content,
    /// The lowest position written or cut since the last sync took effect.
    dirty_from: Option<u64>,
    /// Ranges below that were written over by themselves since the last sync took effect.
    rewritten: Vec<(u64, u64)>,
    /// Cached and durable may differ below `dirty_from`, and no sync will mend it.
    diverged: bool,
    /// Where that is so because a sync failed, which the node was told.
    dropped: Option<(u64, u64)>,
    /// Bytes that were written and cut off again, all since the last sync: a sector may still hold them.
    superseded: Vec<(u64, Content)>,
    /// Lengths that the file had since the last sync.
    lengths: Vec<u64>,
    /// It was cut since the last sync.
    cut: bool,
    /// Sectors that cannot be read, until they are written again.
    unreadable: BTreeSet<u64>,
    /// An append failed and left an unknown prefix: further appends fail until the file is cut or recreated.
    pub(crate) append_failed: bool,
    /// Leases on ranges of this file: how many, and the furthest end in bytes.
    pub(crate) leases: u32,
    pub(crate) leased_end: u64,
}

impl File {
    pub(crate) fn len(&self) -> u64 {
        self.cached.len() as u64
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty_from.is_some() || self.diverged || !self.rewritten.is_empty()
    }

    fn is_being_rewritten(&self, from: u64, to: u64) -> bool {
        self.rewritten.iter().any(|(a, b)| *a < to && from < *b)
    }

    fn dirtied(&mut self, from: u64) {
        self.dirty_from = Some(self.dirty_from.map_or(from, |d| d.min(from)));
        self.lengths.push(self.cached.len() as u64);
    }

    pub(crate) fn append(&mut self, parts: &[bytes::Bytes], limit: usize) {
        let from = self.len();
        let mut left = limit;
        for part in parts {
            let take = part.len().min(left);
            self.cached.push_bytes(&part[..take]);
            left -= take;
        }
        if self.len() > from {
            self.dirtied(from);
        }
    }

    /// The process ended in the midst of the last append: it came to `end` and no further, or to where a sync has found it. Gives
    /// how many bytes were never written.
    pub(crate) fn append_interrupted(&mut self, end: u64) -> u64 {
        let len = self.len();
        let Some(dirty_from) = self.dirty_from.filter(|_| end < len) else { return 0 };
        let end = end.max(dirty_from);
        self.cached.truncate(usize_of(end));
        self.lengths.pop();
        if end == dirty_from && !self.cut {
            self.dirty_from = None;
        } else {
            self.lengths.push(end);
        }
        len - end
    }

    /// Bytes are written over by themselves: they are dirty again.
    pub(crate) fn rewrite(&mut self, from: u64, to: u64) {
        let to = to.min(self.dirty_from.unwrap_or(self.len()));
        if from < to {
            self.rewritten.push((from, to));
        }
    }

    pub(crate) fn truncate(&mut self, len: u64) {
        // A length that is set again is dirty again, as bytes are that are written again.
        let is_again = len == self.len() && self.has_unsynced_cut();
        if len >= self.len() && !is_again {
            return;
        }
        self.rewritten.iter_mut().for_each(|(_, to)| *to = len.min(*to));
        self.rewritten.retain(|(from, to)| from < to);
        self.dropped = self.dropped.map(|(from, to)| (from, to.min(len))).filter(|(from, to)| from < to);
        let old = self.dirty_from.map_or(u64::MAX, |d| d.max(len));
        if old < self.len() && self.superseded.len() < 8 {
            let mut cut = Content::default();
            cut.push_range(&self.cached, old, self.len());
            self.superseded.push((old, cut));
        }
        self.cached.truncate(usize_of(len));
        self.dirtied(len);
        self.cut = true;
    }

    /// Whether a power loss may undo a cut: it was not synced, or the sync failed, and readers see a shorter file than the medium has.
    pub(crate) fn has_unsynced_cut(&self) -> bool {
        self.cut || self.dirty_from.is_none() && self.durable.len() > self.cached.len()
    }

    /// What `Sync` given now must make durable: everything up to this length.
    pub(crate) fn sync_target(&self) -> u64 {
        self.len()
    }

    /// The sectors that a sync of everything up to `upto` writes, a range for each piece; and the lowest byte of them.
    pub(crate) fn unwritten(&self, upto: u64) -> (Vec<(u64, u64)>, u64) {
        let dirty = self.dirty_from.map(|from| (from, upto.min(self.len()))).filter(|(from, to)| from < to);
        let all = self.rewritten.iter().copied().chain(dirty);
        let lowest = all.clone().map(|(from, _)| from).min().unwrap_or(0);
        (all.map(|(from, to)| (from / SECTOR, (to - 1) / SECTOR)).collect(), lowest)
    }

    /// Whether a sync has anything to write or to cut off.
    pub(crate) fn is_unsynced(&self) -> bool {
        self.dirty_from.is_some() || !self.rewritten.is_empty()
    }

    /// A sync of everything up to `upto` has taken effect (bytes appended since may stay dirty). The medium is told to write the
    /// dirty range except the sectors in `skip` (phantom and misdirected writes).
    pub(crate) fn synced(&mut self, upto: u64, skip: Option<u64>) {
        let kept = skip.map(|sector| self.durable_sector(sector));
        let lowest = self.rewritten.iter().map(|r| r.0).chain(self.dirty_from).min();
        for (from, to) in std::mem::take(&mut self.rewritten) {
            let (a, b) = (usize_of(from), usize_of(to));
            self.durable.resize(self.durable.len().max(b));
            self.durable.make_mut()[a..b].copy_from_slice(&self.cached.as_slice()[a..b]);
            self.unreadable.retain(|s| *s < from / SECTOR || *s > (to - 1) / SECTOR);
            // Nothing is left of what was dropped where its beginning and its end are here again.
            self.dropped = self.dropped.map(|d| if from <= d.0 { (d.0.max(to), d.1) } else { d }).filter(|d| d.0 < d.1);
        }
        if let (None, Some(sector), Some(old), Some(lowest)) = (self.dirty_from, skip, &kept, lowest) {
            self.overwrite_durable(sector, old, lowest);
            self.diverged = true;
        }
        let Some(from) = self.dirty_from else { return };
        let upto = upto.min(self.len());
        self.durable.resize(usize_of(from));
        if upto > from {
            self.durable.push_range(&self.cached, from, upto);
        }
        for sector in from / SECTOR..=upto / SECTOR {
            self.unreadable.remove(&sector);
        }
        if let (Some(sector), Some(old)) = (skip, kept) {
            self.overwrite_durable(sector, &old, lowest.unwrap_or(from));
            self.diverged = true;
        }
        self.lengths.clear();
        self.superseded.clear();
        self.cut = false;
        self.dirty_from = (upto < self.len()).then_some(upto);
    }

    /// A sync has failed: the pages count as clean, readers still see them, the medium may have any of them, and no later sync
    /// will write them (Linux reports a write-back error once and drops the dirty bits).
    pub(crate) fn sync_failed(&mut self, loss: Loss, rng: &mut Rng) {
        let low = self.rewritten.iter().filter(|(a, b)| !self.is_on_medium(*a, *b)).map(|r| r.0).chain(self.dirty_from).min();
        self.rewritten_in_part(loss, rng);
        let Some(low) = low else { return };
        if self.dirty_from.is_some() {
            self.lose(loss, rng);
        }
        self.diverged = true;
        let (from, to) = self.dropped.unwrap_or((low, 0));
        // A cut that was not synced drops nothing that a reader sees.
        self.dropped = Some((from.min(low), to.max(self.len()))).filter(|(from, to)| from < to);
        self.dirty_from = None;
        self.lengths.clear();
        self.superseded.clear();
        self.cut = false;
    }

    /// The machine lost power: what is on the medium is all there is.
    pub(crate) fn power_lost(&mut self, loss: Loss, rng: &mut Rng) {
        let differ = self.diverged || !self.rewritten.is_empty();
        self.rewritten_in_part(loss, rng);
        // So much is the same on the medium and in the page cache, and stays so.
        let mut same = 0;
        if let Some(dirty_from) = self.dirty_from {
            same = if differ { 0 } else { usize_of(dirty_from).min(self.durable.len()) };
            self.lose(loss, rng);
        } else if !differ {
            return;
        }
        self.cached.truncate(same.min(self.durable.len()));
        self.cached.push_range(&self.durable, self.len(), self.durable.len() as u64);
        self.diverged = false;
        self.dropped = None;
        self.dirty_from = None;
        self.lengths.clear();
        self.superseded.clear();
        self.cut = false;
    }

    /// Whether the medium has these bytes as readers see them.
    fn is_on_medium(&self, from: u64, to: u64) -> bool {
        let range = usize_of(from)..usize_of(to);
        self.durable.as_slice().get(range.clone()) == self.cached.as_slice().get(range)
    }

    /// Of what was being rewritten, each sector is the new one, the old one, or the beginning of the one and the end of the other.
    fn rewritten_in_part(&mut self, loss: Loss, rng: &mut Rng) {
        for (from, to) in std::mem::take(&mut self.rewritten) {
            for sector in from / SECTOR..=(to - 1) / SECTOR {
                let (a, b) = ((sector * SECTOR).max(from), ((sector + 1) * SECTOR).min(to));
                let end = match (loss.data, rng.below(4)) {
                    (Keep::Nothing, _) => a,
                    (Keep::Everything, _) => b,
                    (_, 0) if loss.shorn => rng.between(a, b),
                    (_, 0 | 1) => a,
                    (_, _) => b,
                };
                if end > a {
                    let range = usize_of(a)..usize_of(end);
                    self.durable.resize(self.durable.len().max(range.end));
                    self.durable.make_mut()[range.clone()].copy_from_slice(&self.cached.as_slice()[range]);
                }
            }
        }
    }

    /// The medium gets a content that it may have, given what was not synced.
    fn lose(&mut self, loss: Loss, rng: &mut Rng) {
        let low = self.dirty_from.unwrap_or(self.len());
        match loss.data {
            Keep::Nothing => return,
            Keep::Everything => {
                // What an earlier failed sync dropped stays lost.
                self.durable.resize(usize_of(low));
                self.durable.push_range(&self.cached, low, self.len());
                return;
            }
            Keep::Prefix | Keep::Subset => {}
        }
        let durable_len = self.durable.len() as u64;
        let longest = self.lengths.iter().copied().chain([durable_len, self.len()]).max().unwrap_or(0);
        let len = match rng.below(4) {
            0 => rng.pick(&self.lengths).copied().unwrap_or(self.len()),
            1 => durable_len,
            2 => rng.between(low.min(longest), longest),
            _ => self.len(),
        };
        let sectors = if len > low { (len - 1) / SECTOR - low / SECTOR + 1 } else { 0 };
        let cut = rng.between(0, sectors);
        // What is above `low`; below it, nothing changes.
        let mut tail = Content::default();
        for i in 0..sectors {
            let sector = low / SECTOR + i;
            let (from, to) = ((sector * SECTOR).max(low), ((sector + 1) * SECTOR).min(len));
            if loss.data == Keep::Prefix {
                let source = if i < cut { &self.cached } else { &self.durable };
                tail.push_range(source, from, to);
            } else {
                self.lose_sector(&mut tail, from, to, loss, rng);
            }
        }
        self.durable.resize(usize_of(low.min(len)));
        self.durable.push_range(&tail, 0, tail.len() as u64);
    }

    fn lose_sector(&self, out: &mut Content, from: u64, to: u64, loss: Loss, rng: &mut Rng) {
        match rng.below(10) {
            0..=4 => out.push_range(&self.cached, from, to),
            5 if loss.garbage => {
                let mut sources = [&self.cached, &self.durable].into_iter().chain(self.superseded.iter().map(|(_, bytes)| bytes));
                out.push_drawn(usize_of(to - from), rng, sources.any(Content::is_described));
            }
            6 if loss.shorn => {
                let middle = rng.between(from, to);
                out.push_range(&self.cached, from, middle);
                out.push_range(&self.durable, middle, to);
            }
            7 if !self.superseded.is_empty() => {
                let n = usize_of(rng.below(self.superseded.len() as u64));
                let (at, bytes) = &self.superseded[n];
                // Zeros where there were no bytes, below them and above.
                let middle = from.max((*at).min(to));
                out.push_zeros(usize_of(middle - from));
                out.push_range(bytes, middle.saturating_sub(*at), to.saturating_sub(*at));
            }
            _ => out.push_range(&self.durable, from, to),
        }
    }

    /// Bytes at `pos`; `None` if a sector of them cannot be read.
    pub(crate) fn read(&self, pos: u64, len: u64) -> Option<&[u8]> {
        let end = pos.saturating_add(len).min(self.len());
        let pos = pos.min(end);
        if !self.unreadable.is_empty() && pos < end && self.unreadable.range(pos / SECTOR..=(end - 1) / SECTOR).next().is_some() {
            return None;
        }
        Some(&self.cached.as_slice()[usize_of(pos)..usize_of(end)])
    }

    fn durable_sector(&self, sector: u64) -> Vec<u8> {
        let (from, to) = (usize_of(sector * SECTOR), usize_of((sector + 1) * SECTOR));
        let durable = self.durable.as_slice();
        durable[from.min(durable.len())..to.min(durable.len())].to_vec()
    }

    /// Put `bytes` over a sector of the medium from `not_before` on, zeros beyond them, without changing its length.
    fn overwrite_durable(&mut self, sector: u64, bytes: &[u8], not_before: u64) {
        let start = sector * SECTOR;
        let durable = self.durable.make_mut();
        for pos in start.max(not_before)..((sector + 1) * SECTOR).min(durable.len() as u64) {
            durable[usize_of(pos)] = bytes.get(usize_of(pos - start)).copied().unwrap_or(0);
        }
    }

    /// Somebody else's sector landed here. Readers see it once the page has been evicted, which happens at once.
    pub(crate) fn struck_by(&mut self, sector: u64, bytes: &[u8]) -> bool {
        if sector * SECTOR >= self.durable.len() as u64 || self.dirty_from.is_some_and(|d| d < (sector + 1) * SECTOR) {
            return false;
        }
        if self.is_being_rewritten(sector * SECTOR, (sector + 1) * SECTOR) {
            return false;
        }
        self.overwrite_durable(sector, bytes, 0);
        self.evict(sector);
        true
    }

    /// One bit of the medium turns over; `false` if there is nothing at that place, or it will be overwritten by a write under way.
    pub(crate) fn flip_bit(&mut self, pos: u64, bit: u8) -> bool {
        let clean = self.dirty_from.is_none_or(|d| pos < d) && !self.is_being_rewritten(pos, pos + 1);
        let Some(byte) = self.durable.make_mut().get_mut(usize_of(pos)).filter(|_| clean) else { return false };
        *byte ^= 1 << (bit & 7);
        self.evict(pos / SECTOR);
        true
    }

    /// Bytes vanish from the medium; `false` if they are not all there, or not only there.
    pub(crate) fn cut_out(&mut self, range: std::ops::Range<u64>) -> bool {
        if self.is_dirty() || range.end > self.durable.len() as u64 {
            return false;
        }
        self.durable.make_mut().drain(usize_of(range.start)..usize_of(range.end));
        self.cached.clone_from(&self.durable);
        true
    }

    /// A sector goes bad: reading it is an error until it is written again.
    pub(crate) fn make_unreadable(&mut self, sector: u64) -> bool {
        sector * SECTOR < self.durable.len() as u64 && self.unreadable.insert(sector)
    }

    /// Forget the cached page of a sector, as far as it is clean.
    fn evict(&mut self, sector: u64) {
        let clean_end = self.dirty_from.unwrap_or(u64::MAX);
        let end = ((sector + 1) * SECTOR).min(clean_end).min(self.len()).min(self.durable.len() as u64);
        let range = usize_of((sector * SECTOR).min(end))..usize_of(end);
        self.cached.make_mut()[range.clone()].copy_from_slice(&self.durable.as_slice()[range]);
    }

    /// Whether every byte below `end` is on the medium as readers see it, as far as the node can know.
    pub(crate) fn durable_to(&self, end: u64) -> bool {
        let len = self.durable.len() as u64;
        self.dropped.is_none_or(|(from, _)| end <= from) && end <= len && self.dirty_from.is_none_or(|d| end <= d)
    }
}

pub(crate) fn usize_of(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn written(synced: &[u8], more: &[u8]) -> File {
        let mut f = File::default();
        f.append(&[Bytes::copy_from_slice(synced)], usize::MAX);
        f.synced(f.sync_target(), None);
        f.append(&[Bytes::copy_from_slice(more)], usize::MAX);
        f
    }

    #[test]
    fn synced_bytes_survive_every_power_loss() {
        let mut rng = Rng::stream(1, "test");
        for _ in 0..500 {
            let mut f = written(&[7; 700], &[9; 1500]);
            f.power_lost(Loss::ANY_SUBSET, &mut rng);
            assert!(f.durable.len() >= 700 && f.durable.as_slice()[..700] == [7; 700]);
            assert_eq!(f.cached.as_slice(), f.durable.as_slice());
        }
    }

    #[test]
    fn unsynced_bytes_may_be_there_may_be_old_and_may_be_nonsense() {
        let mut rng = Rng::stream(2, "test");
        let (mut whole, mut none, mut zeros, mut other) = (0, 0, 0, 0);
        for _ in 0..500 {
            let mut f = written(&[7; 10], &[9; 100]);
            f.power_lost(Loss::ANY_SUBSET, &mut rng);
            match &f.cached.as_slice()[10..] {
                [] => none += 1,
                tail if tail.len() == 100 && tail.iter().all(|b| *b == 9) => whole += 1,
                tail if tail.iter().all(|b| *b == 0) => zeros += 1,
                _ => other += 1,
            }
        }
        assert!(whole > 20 && none > 20 && zeros > 20 && other > 20, "{whole} {none} {zeros} {other}");
    }

    #[test]
    fn a_failed_sync_drops_the_pages_and_the_next_one_does_not_bring_them_back() {
        let mut rng = Rng::stream(3, "test");
        let mut f = written(&[7; 10], &[9; 100]);
        f.sync_failed(Loss::NOTHING_KEPT, &mut rng);
        assert_eq!(f.len(), 110, "readers still see them");
        f.append(&[Bytes::from_static(&[5; 4])], usize::MAX);
        f.synced(f.sync_target(), None);
        assert!(!f.durable_to(20));
        f.power_lost(Loss::NOTHING_KEPT, &mut rng);
        assert_eq!(f.cached.as_slice()[10..110], [0; 100], "a hole where the dropped pages were");
        assert_eq!(f.cached.as_slice()[110..], [5; 4]);
    }

    #[test]
    fn what_is_rewritten_after_a_failed_sync_is_there_after_the_next_one() {
        let mut rng = Rng::stream(7, "test");
        for loss in [Loss::NOTHING_KEPT, Loss::ANY_SUBSET] {
            let mut f = written(&[7; 700], &[9; 1000]);
            f.sync_failed(loss, &mut rng);
            f.append(&[Bytes::from_static(&[5; 4])], usize::MAX);
            f.rewrite(600, 1700);
            assert!(!f.durable_to(701) && f.durable_to(700));
            f.synced(f.sync_target(), None);
            assert!(f.durable_to(1704));
            f.power_lost(loss, &mut rng);
            assert_eq!(
                (&f.cached.as_slice()[..700], &f.cached.as_slice()[700..1700], &f.cached.as_slice()[1700..]),
                (&[7; 700][..], &[9; 1000][..], &[5; 4][..])
            );
        }
    }

    #[test]
    fn a_power_loss_in_the_middle_of_a_rewrite_takes_nothing_that_was_durable() {
        let mut rng = Rng::stream(8, "test");
        let (mut old, mut new) = (0, 0);
        for _ in 0..200 {
            let mut f = written(&[7; 700], &[9; 1000]);
            f.sync_failed(Loss::NOTHING_KEPT, &mut rng);
            f.rewrite(0, 1700);
            f.power_lost(Loss::ANY_SUBSET, &mut rng);
            assert_eq!(f.cached.as_slice()[..700], [7; 700]);
            old += u32::from(f.cached.as_slice().get(1000) != Some(&9));
            new += u32::from(f.cached.as_slice().get(1000) == Some(&9));
        }
        assert!(old > 20 && new > 20, "{old} {new}");
    }

    #[test]
    fn a_truncate_that_was_not_synced_may_be_undone() {
        let mut rng = Rng::stream(4, "test");
        let (mut undone, mut kept) = (0, 0);
        for _ in 0..200 {
            let mut f = written(&[7; 600], &[]);
            f.truncate(100);
            f.power_lost(Loss::ANY_SUBSET, &mut rng);
            undone += u32::from(f.len() == 600);
            kept += u32::from(f.len() == 100);
        }
        assert!(undone > 10 && kept > 10, "{undone} {kept}");
    }

    #[test]
    fn a_truncate_whose_sync_failed_is_made_good_by_another() {
        let mut rng = Rng::stream(5, "test");
        for again in [false, true] {
            let mut f = written(&[7; 600], &[]);
            f.truncate(100);
            f.sync_failed(Loss::NOTHING_KEPT, &mut rng);
            assert!(f.has_unsynced_cut() && f.len() == 100);
            if again {
                f.truncate(100);
            }
            f.synced(f.sync_target(), None);
            assert_eq!(f.has_unsynced_cut(), !again, "a sync alone has nothing to write");
            f.power_lost(Loss::NOTHING_KEPT, &mut rng);
            assert_eq!(f.len(), if again { 100 } else { 600 });
        }
    }

    #[test]
    fn an_append_in_the_midst_of_which_the_process_ended_has_a_beginning_and_was_never_longer() {
        let mut rng = Rng::stream(6, "test");
        for _ in 0..100 {
            let mut f = written(&[7; 600], &[9; 1000]);
            assert_eq!(f.append_interrupted(900), 700);
            assert_eq!((f.len(), f.sync_target(), f.is_dirty()), (900, 900, true));
            f.power_lost(Loss::ANY_SUBSET, &mut rng);
            assert!((600..=900).contains(&f.len()), "{}", f.len());
        }
        let mut f = written(&[7; 600], &[9; 1000]);
        assert_eq!((f.append_interrupted(100), f.len(), f.is_dirty()), (1000, 600, false), "what was there before stays");
        let mut f = written(&[7; 600], &[9; 1000]);
        f.synced(f.sync_target(), None);
        assert_eq!((f.append_interrupted(900), f.len()), (0, 1600), "what a sync has found was written");
    }

    #[test]
    fn a_bit_flips_on_the_medium_and_is_seen() {
        let mut f = written(&[0; 1000], &[]);
        assert!(f.flip_bit(600, 3));
        assert_eq!(f.read(600, 1), Some(&[8u8][..]));
        assert!(!f.flip_bit(1000, 0));
        assert!(f.make_unreadable(1));
        assert_eq!(f.read(0, 1000), None);
        assert_eq!(f.read(0, 512).map(<[u8]>::len), Some(512));
    }
}
