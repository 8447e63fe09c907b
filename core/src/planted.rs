//! Planted bugs: one flaw at a time, switched on to ask whether the simulator notices. A release binary cannot contain them.
//!
//! State       which bug is planted in this node, if any; without the feature `planted-bugs` nothing, and every question is answered
//!             `false` at compile time.
//! Holds       correct code and planted flaw stand side by side, at the one line where they differ.
//! Not here    running them (`ottla sim mutants`), judging the result (the campaigns' checks).

use std::fmt;

macro_rules! bugs {
    ($($name:ident = $id:literal, $about:literal;)*) => {
        /// A flaw that a log like this one really had, or could have.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Bug {
            $(#[doc = $about] $name,)*
            /// This barrier is asked for and never performed.
            Skip(Barrier),
        }

        impl Bug {
            /// Every bug that can be planted.
            #[must_use]
            pub fn all() -> Vec<Bug> {
                let mut all = vec![$(Bug::$name,)*];
                all.extend(Barrier::ALL.iter().map(|b| Bug::Skip(*b)));
                all
            }

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> String {
                match self {
                    $(Bug::$name => $id.to_string(),)*
                    Bug::Skip(barrier) => format!("skip-{}", barrier.name()),
                }
            }

            /// What it does, in one sentence.
            #[must_use]
            pub fn about(self) -> String {
                match self {
                    $(Bug::$name => $about.to_string(),)*
                    Bug::Skip(barrier) => format!("{} is never performed.", barrier.about()),
                }
            }

            /// The bug of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Bug> {
                Bug::all().into_iter().find(|b| b.name() == name)
            }
        }
    };
}

macro_rules! barriers {
    ($($name:ident = $id:literal, $about:literal;)*) => {
        /// Every place where the core asks for durability. Each has a planted deletion: a barrier that nobody misses is useless,
        /// or untested.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Barrier { $(#[doc = $about] $name,)* }

        impl Barrier {
            pub const ALL: &'static [Barrier] = &[$(Barrier::$name,)*];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Barrier::$name => $id,)* }
            }

            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Barrier::$name => $about,)* }
            }
        }
    };
}

bugs! {
    Canary = "canary", "Every acks=all reply leaves before its fsync: what any campaign must notice at once.";
}

barriers! {
    Records = "records", "The fsync of a segment's records";
    SegmentName = "segment-name", "The directory fsync behind a new segment, a removed one, or new indexes";
    Indexes = "indexes", "The fsync of a closed segment's index";
    RepairData = "repair-data", "The fsync behind a cut";
    RepairName = "repair-name", "The directory fsync behind a cut";
    ReplacedData = "replaced-data", "The fsync of a file that will replace another, before its rename";
    ReplacedName = "replaced-name", "The directory fsync behind the rename of a replaced file";
    MarkerRemoved = "marker-removed", "The directory fsync behind the removal of the clean-shutdown marker";
    MetadataDir = "metadata-dir", "The directory fsync behind the new directory of the metadata log";
    TopicDir = "topic-dir", "The directory fsync behind a new, renamed or removed directory of a partition";
}

/// Which bug is planted in a node. Copied into every place that asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Planted {
    #[cfg(feature = "planted-bugs")]
    bug: Option<Bug>,
}

impl Planted {
    /// Plant one bug.
    #[cfg(feature = "planted-bugs")]
    #[must_use]
    pub fn one(bug: Bug) -> Planted {
        Planted { bug: Some(bug) }
    }

    /// Whether this bug is planted. Always `false` in a build without the feature.
    #[must_use]
    pub fn has(self, bug: Bug) -> bool {
        #[cfg(feature = "planted-bugs")]
        let planted = self.bug == Some(bug);
        #[cfg(not(feature = "planted-bugs"))]
        let planted = {
            let _ = bug;
            false
        };
        planted
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for bug in Bug::all() {
            assert_eq!(Bug::from_name(&bug.name()), Some(bug));
        }
    }

    #[test]
    fn nothing_is_planted_unless_asked() {
        assert!(Bug::all().into_iter().all(|b| !Planted::default().has(b)));
    }
}
