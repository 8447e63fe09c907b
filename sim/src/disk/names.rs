//! The names of one directory: what a lookup sees, and what the medium holds.
//!
//! State       cached and durable entries, and the changes between them, in order.
//! Holds       a rename is one change; after a power loss the directory is the durable one with some of the changes applied, in
//!             their order. A rename may therefore be there without the creation that it followed, or a creation be gone.
//! Not here    what the names stand for (numbers that mod.rs hands out).

use super::file::{Keep, usize_of};
use ottla_core::rng::Rng;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Change<K> {
    Link(K, u32),
    Rename(K, K, u32),
    Unlink(K),
}

/// Names and the numbers that they stand for.
#[derive(Clone, Debug)]
pub(crate) struct Names<K> {
    cached: BTreeMap<K, u32>,
    durable: BTreeMap<K, u32>,
    changes: Vec<Change<K>>,
}

impl<K: Ord + Clone> Default for Names<K> {
    fn default() -> Names<K> {
        Names { cached: BTreeMap::new(), durable: BTreeMap::new(), changes: Vec::new() }
    }
}

impl<K: Ord + Clone> Names<K> {
    pub(crate) fn get(&self, name: &K) -> Option<u32> {
        self.cached.get(name).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.cached.iter().map(|(k, n)| (k, *n))
    }

    pub(crate) fn link(&mut self, name: K, target: u32) {
        self.cached.insert(name.clone(), target);
        self.changes.push(Change::Link(name, target));
    }

    /// The number that `from` stood for; `None` if there is no such name.
    pub(crate) fn rename(&mut self, from: &K, to: K) -> Option<u32> {
        let target = self.cached.remove(from)?;
        self.cached.insert(to.clone(), target);
        self.changes.push(Change::Rename(from.clone(), to, target));
        Some(target)
    }

    pub(crate) fn unlink(&mut self, name: &K) -> Option<u32> {
        let target = self.cached.remove(name)?;
        self.changes.push(Change::Unlink(name.clone()));
        Some(target)
    }

    /// How many changes a sync given now must make durable.
    pub(crate) fn sync_target(&self) -> usize {
        self.changes.len()
    }

    /// A sync of the first `count` changes has taken effect.
    pub(crate) fn synced(&mut self, count: usize) {
        let rest = self.changes.split_off(count.min(self.changes.len()));
        for change in std::mem::replace(&mut self.changes, rest) {
            apply(&mut self.durable, change);
        }
    }

    pub(crate) fn is_dirty(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Whether the medium has this name for the same thing, and nothing that is under way touches it.
    pub(crate) fn is_durable(&self, name: &K) -> bool {
        self.cached.get(name).is_some_and(|n| self.durable.get(name) == Some(n))
            && !self.changes.iter().any(|c| match c {
                Change::Link(k, _) | Change::Unlink(k) => k == name,
                Change::Rename(from, to, _) => from == name || to == name,
            })
    }

    pub(crate) fn power_lost(&mut self, keep: Keep, rng: &mut Rng) {
        if self.changes.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut self.changes);
        let cut = rng.between(0, changes.len() as u64);
        for (i, change) in changes.into_iter().enumerate() {
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
        Change::Rename(from, to, target) => {
            // The name `from` may by now stand for something that was created after the rename.
            if entries.get(&from) == Some(&target) {
                entries.remove(&from);
            }
            entries.insert(to, target);
        }
        Change::Unlink(name) => {
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
        n.synced(n.sync_target());
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
        n.synced(n.sync_target());
        n.power_lost(Keep::Nothing, &mut rng);
        assert_eq!((n.get(&"state"), n.get(&"state.tmp")), (Some(2), None));
    }

    #[test]
    fn removals_that_were_not_synced_may_come_back_one_by_one() {
        let mut rng = Rng::stream(2, "test");
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let mut n = Names::default();
            n.link("a", 1);
            n.link("b", 2);
            n.synced(n.sync_target());
            n.unlink(&"a");
            n.unlink(&"b");
            n.power_lost(Keep::Subset, &mut rng);
            seen.insert((n.get(&"a").is_some(), n.get(&"b").is_some()));
        }
        assert_eq!(seen.len(), 4);
    }
}
