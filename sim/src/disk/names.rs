//! The names of one directory: what a lookup sees, and what the medium holds.
//!
//! State       cached and durable entries, and the changes between them, in order, each with whether its call has ended.
//! Holds       a rename is one change; after a power loss the directory is the durable one with some of the changes applied, in
//!             their order. A rename may therefore be there without the creation that it followed, or a creation be gone.
//!             What a failed sync was to cover, no later one of the same life does.
//!             A sync covers what had ended when it was given; what was still under way it may cover, or not.
//! Not here    what the names stand for (numbers that mod.rs hands out).

use super::file::{Keep, usize_of};
use ottla_core::rng::Rng;
use std::borrow::Borrow;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Change<K> {
    Link(K, u32),
    Rename(K, K, u32),
    Unlink(K, u32),
}

impl<K> Change<K> {
    /// The name that it is about.
    fn name(&self) -> &K {
        match self {
            Change::Link(name, _) | Change::Unlink(name, _) | Change::Rename(_, name, _) => name,
        }
    }

    /// What that stands for.
    fn target(&self) -> u32 {
        match self {
            Change::Link(_, target) | Change::Unlink(_, target) | Change::Rename(_, _, target) => *target,
        }
    }
}

/// A change that no sync has covered.
#[derive(Clone, Debug)]
struct Pending<K> {
    number: u64,
    change: Change<K>,
    /// The call that made it has ended.
    ended: bool,
    /// A sync that was to cover it has failed: no later one does, for as long as nobody does it again.
    lost: bool,
}

/// Names and the numbers that they stand for.
#[derive(Clone, Debug)]
pub(crate) struct Names<K> {
    cached: BTreeMap<K, u32>,
    durable: BTreeMap<K, u32>,
    changes: Vec<Pending<K>>,
    /// How many changes there have been.
    count: u64,
}

impl<K: Ord + Clone> Default for Names<K> {
    fn default() -> Names<K> {
        Names { cached: BTreeMap::new(), durable: BTreeMap::new(), changes: Vec::new(), count: 0 }
    }
}

impl<K: Ord + Clone> Names<K> {
    pub(crate) fn get<Q: Ord + ?Sized>(&self, name: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        self.cached.get(name).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.cached.iter().map(|(k, n)| (k, *n))
    }

    pub(crate) fn link(&mut self, name: K, target: u32) {
        self.cached.insert(name.clone(), target);
        self.push(Change::Link(name, target));
    }

    /// The number that `from` stood for; `None` if there is no such name.
    pub(crate) fn rename(&mut self, from: &K, to: K) -> Option<u32> {
        let target = self.cached.remove(from)?;
        self.cached.insert(to.clone(), target);
        self.push(Change::Rename(from.clone(), to, target));
        Some(target)
    }

    pub(crate) fn unlink(&mut self, name: &K) -> Option<u32> {
        let target = self.cached.remove(name)?;
        self.push(Change::Unlink(name.clone(), target));
        Some(target)
    }

    fn push(&mut self, change: Change<K>) {
        self.changes.push(Pending { number: self.count, change, ended: false, lost: false });
        self.count += 1;
    }

    /// The number of the next change.
    pub(crate) fn mark(&self) -> u64 {
        self.count
    }

    /// The call that made the changes with these numbers has ended.
    pub(crate) fn ended(&mut self, numbers: std::ops::Range<u64>) {
        self.changes.iter_mut().filter(|c| numbers.contains(&c.number)).for_each(|c| c.ended = true);
    }

    /// A removal of names has ended in its midst: of the names that it took away, as far as no sync knows of it, those for which
    /// `left` says so are there as before. Gives the numbers that they stand for.
    pub(crate) fn removal_interrupted(&mut self, numbers: std::ops::Range<u64>, mut left: impl FnMut() -> bool) -> Vec<u32> {
        let mut back = Vec::new();
        for pending in std::mem::take(&mut self.changes) {
            match &pending.change {
                Change::Unlink(name, target) if numbers.contains(&pending.number) && left() => {
                    self.cached.insert(name.clone(), *target);
                    back.push(*target);
                }
                _ => self.changes.push(pending),
            }
        }
        back
    }

    /// Nothing is under way any more: whoever syncs next comes after all of it.
    pub(crate) fn all_ended(&mut self) {
        self.changes.iter_mut().for_each(|c| (c.ended, c.lost) = (true, false));
    }

    /// A sync of what had ended has failed. Linux tells that once, and may have dropped what it was to write: what is there by now is seen
    /// by everybody, and need not be there after a power loss, whatever syncs follow in this life.
    pub(crate) fn sync_failed(&mut self) {
        self.changes.iter_mut().filter(|c| c.ended).for_each(|c| c.lost = true);
    }

    /// Whether calls that change names are under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.changes.iter().any(|c| !c.ended)
    }

    /// What a sync given now makes durable: all that has ended, and with `all` what is under way, too.
    pub(crate) fn sync_target(&self, all: bool) -> Vec<u64> {
        self.changes.iter().filter(|c| !c.lost && (all || c.ended)).map(|c| c.number).collect()
    }

    /// A sync of the changes with these numbers has taken effect.
    pub(crate) fn synced(&mut self, numbers: &[u64]) {
        let pending = std::mem::take(&mut self.changes);
        let is_covered = |p: &Pending<K>| !p.lost && numbers.binary_search(&p.number).is_ok();
        for (i, p) in pending.iter().enumerate() {
            let later = || pending[i + 1..].iter().filter(|later| is_covered(later)).map(|later| &later.change);
            // What is done with the same thing afterwards shows where it was; what is done with the same name replaces it.
            let shown = p.lost && later().any(|c| c.target() == p.change.target());
            let replaced = p.lost && later().any(|c| c.name() == p.change.name());
            if is_covered(p) || shown {
                apply(&mut self.durable, p.change.clone());
            } else if !replaced {
                self.changes.push(p.clone());
            }
        }
    }

    pub(crate) fn is_dirty(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Whether the medium has this name for the same thing, and nothing that is under way touches it. A rename takes away what it moved,
    /// and nothing that has the name since.
    pub(crate) fn is_durable<Q: Ord + ?Sized>(&self, name: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.cached.get(name).is_some_and(|n| {
            self.durable.get(name) == Some(n)
                && !self.changes.iter().any(|c| match &c.change {
                    Change::Link(k, _) | Change::Unlink(k, _) => k.borrow() == name,
                    Change::Rename(from, to, moved) => from.borrow() == name && moved == n || to.borrow() == name,
                })
        })
    }

    /// What the medium has under this name.
    pub(crate) fn durable(&self, name: &K) -> Option<u32> {
        self.durable.get(name).copied()
    }

    /// Names that the medium has and a lookup does not see.
    pub(crate) fn may_return(&self) -> impl Iterator<Item = &K> {
        // Both are in order.
        let mut seen = self.cached.keys().peekable();
        self.durable.keys().filter(move |name| {
            while seen.next_if(|s| s < name).is_some() {}
            seen.peek() != Some(name)
        })
    }

    /// Somebody else takes a name away, for good: nothing is under way, and all that was done before is on the medium, too.
    pub(crate) fn lose(&mut self, name: &K) {
        for pending in std::mem::take(&mut self.changes) {
            apply(&mut self.durable, pending.change);
        }
        self.cached.remove(name);
        self.durable.remove(name);
    }

    pub(crate) fn power_lost(&mut self, keep: Keep, rng: &mut Rng) {
        if self.changes.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut self.changes);
        let cut = rng.between(0, changes.len() as u64);
        for (i, Pending { change, .. }) in changes.into_iter().enumerate() {
            let survives = match keep {
                Keep::Nothing => false,
                Keep::Everything => true,
                Keep::Prefix => i < usize_of(cut),
                Keep::Subset => rng.chance(1, 2),
            };
            if survives {
                apply(&mut self.durable, change);
            }
        }
        self.cached.clone_from(&self.durable);
    }
}

fn apply<K: Ord>(entries: &mut BTreeMap<K, u32>, change: Change<K>) {
    match change {
        Change::Link(name, target) => {
            entries.insert(name, target);
        }
        Change::Rename(_, to, target) => {
            // The name `from` may by now stand for something that was created after the rename. Where an earlier rename was lost, the
            // thing has another name than `from`: it never has two.
            entries.retain(|_, named| *named != target);
            entries.insert(to, target);
        }
        Change::Unlink(name, _) => {
            entries.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced() -> Names<&'static str> {
        let mut n = Names::default();
        n.link("state", 1);
        n.synced(&n.sync_target(true));
        n.link("state.tmp", 2);
        n.rename(&"state.tmp", "state");
        n
    }

    #[test]
    fn a_replacement_is_there_or_not_and_the_name_never_vanishes() {
        let mut rng = Rng::stream(1, "test");
        let (mut old, mut new) = (0, 0);
        for _ in 0..100 {
            let mut n = replaced();
            assert!(!n.is_durable(&"state"));
            n.power_lost(Keep::Subset, &mut rng);
            match n.get(&"state") {
                Some(1) => old += 1,
                Some(2) => new += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(old > 10 && new > 10);
        let mut n = replaced();
        n.synced(&n.sync_target(true));
        n.power_lost(Keep::Nothing, &mut rng);
        assert_eq!((n.get(&"state"), n.get(&"state.tmp")), (Some(2), None));
    }

    #[test]
    fn a_sync_need_not_cover_what_was_under_way() {
        let mut n = replaced();
        n.ended(0..2);
        n.synced(&n.sync_target(false));
        assert_eq!(n.mark(), 3);
        n.power_lost(Keep::Nothing, &mut Rng::stream(3, "test"));
        assert_eq!(n.get(&"state"), Some(1), "the rename had not ended");
    }

    #[test]
    fn what_a_failed_sync_may_have_dropped_is_covered_by_none_before_it_is_done_again() {
        let mut n = replaced();
        n.ended(0..n.mark());
        n.sync_failed();
        n.synced(&n.sync_target(true));
        assert!(!n.is_durable(&"state"));
        n.link("state.tmp", 3);
        n.rename(&"state.tmp", "state");
        n.synced(&n.sync_target(true));
        assert!(n.is_durable(&"state") && !n.is_dirty());
        n.rename(&"state", "old");
        n.ended(0..n.mark());
        n.sync_failed();
        n.unlink(&"old");
        n.synced(&n.sync_target(true));
        n.power_lost(Keep::Nothing, &mut Rng::stream(5, "test"));
        assert_eq!((n.get(&"state"), n.get(&"old")), (None, None));
        n.link("topic", 6);
        n.synced(&n.sync_target(true));
        n.rename(&"topic", "topic-stray");
        n.ended(0..n.mark());
        n.sync_failed();
        n.link("topic", 7);
        n.synced(&n.sync_target(true));
        assert!(n.is_durable(&"topic") && n.is_dirty(), "whatever becomes of the one that was renamed");
        let mut twice = Names::default();
        twice.link("topic", 1);
        twice.synced(&twice.sync_target(true));
        twice.rename(&"topic", "gone");
        twice.rename(&"gone", "gone again");
        let Some(Pending { change: last, .. }) = twice.changes.pop() else { panic!("two renames") };
        apply(&mut twice.durable, last);
        assert_eq!((twice.durable(&"topic"), twice.durable(&"gone again")), (None, Some(1)), "the first rename is lost");
        n.link("new", 4);
        n.ended(0..n.mark());
        n.sync_failed();
        n.all_ended();
        n.synced(&n.sync_target(true));
        assert!(n.is_durable(&"new"), "the next life's syncs count");
    }

    #[test]
    fn a_removal_that_was_interrupted_leaves_what_it_had_not_come_to() {
        let mut n = Names::default();
        (0..3).for_each(|i| n.link(["a", "b", "c"][i], i as u32));
        n.synced(&n.sync_target(true));
        let from = n.mark();
        ["a", "b", "c"].iter().for_each(|name| assert!(n.unlink(name).is_some()));
        let mut left = [true, false, true].into_iter();
        assert_eq!(n.removal_interrupted(from..n.mark(), || left.next() == Some(true)), [0, 2]);
        assert_eq!((n.get(&"a"), n.get(&"b"), n.get(&"c")), (Some(0), None, Some(2)));
        n.synced(&n.sync_target(true));
        n.power_lost(Keep::Nothing, &mut Rng::stream(4, "test"));
        assert_eq!((n.get(&"a"), n.get(&"b"), n.get(&"c")), (Some(0), None, Some(2)), "what was left is not removed by a sync");
    }

    #[test]
    fn what_somebody_takes_away_does_not_come_back() {
        let mut n = replaced();
        n.lose(&"state");
        assert!(n.get(&"state").is_none() && n.get(&"state.tmp").is_none() && !n.is_dirty());
        n.power_lost(Keep::Subset, &mut Rng::stream(4, "test"));
        assert_eq!((n.get(&"state"), n.get(&"state.tmp")), (None, None));
    }

    #[test]
    fn removals_that_were_not_synced_may_come_back_one_by_one() {
        let mut rng = Rng::stream(2, "test");
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let mut n = Names::default();
            n.link("a", 1);
            n.link("b", 2);
            n.synced(&n.sync_target(true));
            n.unlink(&"a");
            n.unlink(&"b");
            n.power_lost(Keep::Subset, &mut rng);
            seen.insert((n.get(&"a").is_some(), n.get(&"b").is_some()));
        }
        assert_eq!(seen.len(), 4);
    }
}
