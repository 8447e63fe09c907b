//! The ack oracle: which losses the configuration permits under the failures that really happened.
//!
//! Takes       an acknowledged operation, the mishaps of the world, what is known of its topic.
//! Gives       the reason why its record may be gone, if there is one.
//! Holds       the list of reasons is closed.
//! Not here    whether it is gone (history.rs).

use super::PageCache;
use crate::history::{AdminAct, History, Mishap, Outcome, Place, ProduceOp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

macro_rules! excuses {
    ($($excuse:ident = $name:literal, $lets:literal, $doc:literal;)*) => {
        /// Why something may be as it is.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Excuse { $(#[doc = $doc] $excuse,)* }

        impl Excuse {
            /// Every excuse: the list is closed.
            pub const ALL: &'static [Excuse] = &[$(Excuse::$excuse,)*];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Excuse::$excuse => $name,)* }
            }

            /// What it excuses.
            #[must_use]
            pub fn lets(self) -> &'static str {
                match self { $(Excuse::$excuse => $lets,)* }
            }

            /// What must really have happened in the world, in one sentence.
            #[must_use]
            pub fn describe(self) -> &'static str {
                match self { $(Excuse::$excuse => $doc,)* }
            }
        }
    };
}

excuses! {
    PowerLostUnsynced = "power-lost-unsynced", "a lost record",
        "The promise rested on the page cache (acks=1, or ottla.durability=page-cache), and power was lost after it.";
    Deleted = "deleted", "a lost record",
        "Retention or DeleteRecords moved the log's beginning past it, as the topic's settings or an administrator asked.";
    TopicDeleted = "topic-deleted", "a lost record",
        "The topic was deleted, or its deletion was asked and may have been done.";
    Damaged = "damaged", "a lost record; a log that cannot be written or read at the end, and who waits for it",
        "A fault damaged bytes of this log, or of what speaks of every log, at rest, or took a file away: with one \
         replica nobody can mend that.";
    StartRefused = "start-refused", "a start that a node refuses",
        "A fault damaged a file without which no node may start, or kept it from being read, and the refusal speaks of it.";
    DiskFailed = "disk-failed", "an end that nobody asked for, or one that leaves no marker",
        "A call of this life failed, or for want of space wrote no marker, in the directory of which the node says so.";
    DiskFailedHalted = "disk-failed-halted", "a world that does not converge",
        "A disk call failed, or a start found its files damaged, and the node has said so and is down.";
}

/// How far damage excuses a log: from which offset on, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Struck {
    pub(crate) from: i64,
    pub(crate) at: u64,
}

impl Struck {
    /// What either of two excuses.
    pub(crate) fn and(self, other: Struck) -> Struck {
        Struck { from: self.from.min(other.from), at: self.at.min(other.at) }
    }
}

/// The logs that damage has struck, each of one incarnation of its topic: damage to a deleted topic excuses nothing of the one that was
/// made under its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct StruckLogs {
    /// By path (topic-partition) and topic id; 0 where nobody knows whose the directory was.
    logs: BTreeMap<(String, u128), Struck>,
}

impl StruckLogs {
    pub(crate) fn add(&mut self, path: &str, topic_id: u128, struck: Struck) {
        let known = self.logs.entry((path.to_owned(), topic_id)).or_insert(struck);
        *known = known.and(struck);
    }

    /// How far damage excuses a log of this path; of any incarnation where the id is 0.
    pub(crate) fn get(&self, path: &str, topic_id: u128) -> Option<Struck> {
        let of_path = self.logs.range((path.to_owned(), 0)..=(path.to_owned(), u128::MAX));
        let fits = |id: u128| id == 0 || topic_id == 0 || id == topic_id;
        of_path.filter(|((_, id), _)| fits(*id)).map(|(_, struck)| *struck).reduce(Struck::and)
    }
}

/// What the oracle knows besides the history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ground {
    pub(crate) page_cache: PageCache,
    pub(crate) damaged: StruckLogs,
    /// When damage struck what speaks of every log.
    pub(crate) damaged_all: Option<u64>,
    /// An excuse ended the world before anybody looked at what is left.
    pub(crate) ended_early: bool,
    /// Topics under retention.
    pub(crate) retention: Vec<String>,
    /// Paths of logs that took a batch of a producer that they may have forgotten.
    pub(crate) forgetful: BTreeSet<String>,
}

impl Ground {
    /// How far damage excuses the log of a lane, if at all.
    pub(super) fn struck(&self, history: &History, Place { topic, partition, topic_id }: Place) -> Option<Struck> {
        let own = self.damaged.get(&format!("{}-{partition}", history.topics[topic as usize]), topic_id);
        let all = self.damaged_all.map(|at| Struck { from: 0, at });
        own.into_iter().chain(all).reduce(Struck::and)
    }

    /// Whether damage excuses what is at this offset of a lane, or missing there; -1 where nobody knows the offset.
    pub(super) fn is_damaged_at(&self, history: &History, lane: Place, offset: i64) -> bool {
        self.struck(history, lane).is_some_and(|struck| offset < 0 || offset >= struck.from)
    }

    /// Whether what this operation was told rests on the page cache.
    pub(crate) fn is_weak(&self, history: &History, op: &ProduceOp) -> bool {
        op.acks == 1 || self.rests_on_page_cache(&history.topics[op.place.topic as usize])
    }

    /// Whether the log of a lane may have forgotten a producer for being silent: it takes a repetition for something new then.
    pub(super) fn is_forgetful(&self, history: &History, Place { topic, partition, .. }: Place) -> bool {
        self.forgetful.contains(&format!("{}-{partition}", history.topics[topic as usize]))
    }

    pub(crate) fn rests_on_page_cache(&self, topic: &str) -> bool {
        self.page_cache.holds(topic)
    }

    /// Why an acknowledged operation of a lane may be gone: `log_start` is where the log begins for the last reader; `is_last` if the lane
    /// is of the incarnation of its topic that has to be there at the end.
    pub(crate) fn may_be_lost(
        &self,
        history: &History,
        (lane, op): (Place, &ProduceOp),
        offset: i64,
        (log_start, is_last): (i64, bool),
    ) -> Option<Excuse> {
        let topic = &history.topics[op.place.topic as usize];
        if !is_last && deleted_since(history, op.place.topic, op.invoked) {
            return Some(Excuse::TopicDeleted);
        }
        if offset < log_start && (self.retention.contains(topic) || records_deleted(history, op, offset)) {
            return Some(Excuse::Deleted);
        }
        if self.is_weak(history, op) && power_lost_after(history, op.sent).is_some() {
            return Some(Excuse::PowerLostUnsynced);
        }
        if self.is_damaged_at(history, lane, offset) {
            return Some(Excuse::Damaged);
        }
        None
    }
}

/// The first power loss at or after a time.
pub(crate) fn power_lost_after(history: &History, at: u64) -> Option<u64> {
    history.mishaps.iter().find(|(t, m)| *t >= at && *m == Mishap::PowerLoss).map(|(t, _)| *t)
}

/// Whether power was lost between two times.
pub(crate) fn power_lost_between(history: &History, from: u64, to: u64) -> bool {
    history.mishaps.iter().any(|(t, m)| (from..=to).contains(t) && *m == Mishap::PowerLoss)
}

/// Whether somebody asked for a topic's deletion, and it was not refused.
pub(crate) fn deletion_asked(history: &History, topic: u16) -> bool {
    history.admins.iter().any(|a| a.topic == topic && a.act == AdminAct::DeleteTopic && !matches!(a.outcome, Outcome::Failed(_)))
}

/// Whether a deletion of the topic that was asked may have been done at that time or later.
fn deleted_since(history: &History, topic: u16, at: u64) -> bool {
    let may = |a: &&crate::history::AdminOp| match a.outcome {
        Outcome::Failed(_) => false,
        Outcome::Ok => a.ended >= at,
        Outcome::Open | Outcome::Unknown => true,
    };
    let asked = history.admins.iter().filter(|a| a.topic == topic && a.act == AdminAct::DeleteTopic);
    asked.filter(may).count() > 0
}

fn records_deleted(history: &History, op: &ProduceOp, offset: i64) -> bool {
    history.admins.iter().any(|a| {
        a.topic == op.place.topic
            && !matches!(a.outcome, Outcome::Failed(_))
            && matches!(a.act, AdminAct::DeleteRecords { partition, before } if partition == op.place.partition && (before == -1 || before > offset))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_to_a_deleted_topic_excuses_nothing_of_its_successor() {
        let mut logs = StruckLogs::default();
        logs.add("orders-0", 7, Struck { from: 3, at: 100 });
        logs.add("orders-0", 7, Struck { from: 5, at: 50 });
        let both = Some(Struck { from: 3, at: 50 });
        assert_eq!(logs.get("orders-0", 7), both);
        assert_eq!(logs.get("orders-0", 8), None, "the next topic of that name");
        assert_eq!(logs.get("orders-1", 7), None, "another partition");
        assert_eq!(logs.get("orders-0", 0), both, "whichever it was");
        logs.add("orders-0", 0, Struck { from: 9, at: 20 });
        assert_eq!(logs.get("orders-0", 8), Some(Struck { from: 9, at: 20 }), "nobody knows whose that was");
    }
}
