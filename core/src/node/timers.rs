//! Who wants a turn when. One entry an owner, so that an idle partition costs nothing and wakes nobody.

use crate::ids::PartitionId;
use crate::io::Deadline;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// Whose deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Owner {
    /// A request is answered with what there is.
    Gather(u64),
    Partition(PartitionId),
    /// The next slice of the walk that enforces retention.
    Retention,
    /// Directories that could not be made are tried again.
    Directories,
}

impl Owner {
    fn why(self) -> &'static str {
        match self {
            Owner::Gather(_) => "request",
            Owner::Partition(_) => "log",
            Owner::Retention => "retention",
            Owner::Directories => "directories",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Instant, Owner)>,
    by_owner: BTreeMap<Owner, Instant>,
}

impl Timers {
    /// The owner's one deadline from now on.
    pub(super) fn set(&mut self, owner: Owner, at: Option<Instant>) {
        if self.by_owner.get(&owner) == at.as_ref() {
            return;
        }
        let old = match at {
            Some(at) => {
                self.by_time.insert((at, owner));
                self.by_owner.insert(owner, at)
            }
            None => self.by_owner.remove(&owner),
        };
        if let Some(old) = old {
            self.by_time.remove(&(old, owner));
        }
    }

    /// The next owner whose time has come; its deadline is gone.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Owner> {
        let &(at, owner) = self.by_time.first()?;
        if at > now {
            return None;
        }
        self.set(owner, None);
        Some(owner)
    }

    pub(super) fn first(&self) -> Option<Deadline> {
        self.by_time.first().map(|&(at, owner)| Deadline { at, why: owner.why() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_has_one_deadline_and_they_come_in_order() {
        let mut t = Timers::default();
        t.set(Owner::Gather(1), Some(Instant(5)));
        t.set(Owner::Gather(2), Some(Instant(3)));
        t.set(Owner::Gather(1), Some(Instant(9)));
        t.set(Owner::Retention, Some(Instant(4)));
        t.set(Owner::Retention, None);
        assert_eq!(t.first().map(|d| d.at), Some(Instant(3)));
        assert_eq!(t.pop(Instant(2)), None);
        assert_eq!(
            (t.pop(Instant(9)), t.pop(Instant(9)), t.pop(Instant(9))),
            (Some(Owner::Gather(2)), Some(Owner::Gather(1)), None)
        );
    }
}
