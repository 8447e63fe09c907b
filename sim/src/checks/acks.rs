//! The ack oracle: which losses the configuration permits under the failures that really happened.
//!
//! Takes       an acknowledged operation, the mishaps of the world, what is known of its topic.
//! Gives       the reason why its record may be gone, if there is one.
//! Holds       the list of reasons is closed.
//! Not here    whether it is gone (history.rs).

use crate::history::{AdminAct, History, Mishap, Outcome, ProduceOp};
use serde::Serialize;
use std::collections::BTreeMap;

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
    DiskFailedHalted = "disk-failed-halted", "a world that does not converge",
        "A disk call failed, the disk was full, or a start found its files damaged, and the node has said so and is down.";
}

/// How far damage excuses a log: from which offset on, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Struck {
    pub(crate) from: i64,
    pub(crate) at: u64,
}

/// What the oracle knows besides the history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ground {
    /// Topics whose promises rest on the page cache.
    pub(crate) page_cache: Vec<String>,
    /// Paths (topic-partition) of logs that damage has struck.
    pub(crate) damaged: BTreeMap<String, Struck>,
    /// When damage struck what speaks of every log.
    pub(crate) damaged_all: Option<u64>,
    /// Damage has struck any file.
    pub(crate) damaged_any: bool,
    /// An excuse ended the world before anybody looked at what is left.
    pub(crate) ended_early: bool,
    /// Topics with a retention setting, from the start or set later.
    pub(crate) retention: Vec<String>,
}

impl Ground {
    /// How far damage excuses a log, if at all.
    pub(super) fn struck(&self, topic: &str, partition: i32) -> Option<Struck> {
        let own = self.damaged.get(&format!("{topic}-{partition}")).copied();
        let all = self.damaged_all.map(|at| Struck { from: 0, at });
        match (own, all) {
            (Some(own), Some(all)) => Some(Struck { from: 0, at: own.at.min(all.at) }),
            (own, all) => own.or(all),
        }
    }

    /// Whether damage excuses what is at this offset of a log, or missing there; -1 where nobody knows the offset.
    pub(super) fn is_damaged_at(&self, topic: &str, partition: i32, offset: i64) -> bool {
        self.struck(topic, partition).is_some_and(|struck| offset < 0 || offset >= struck.from)
    }

    /// Whether what this operation was told rests on the page cache.
    pub(crate) fn is_weak(&self, history: &History, op: &ProduceOp) -> bool {
        op.acks == 1 || self.rests_on_page_cache(&history.topics[op.place.topic as usize])
    }

    pub(crate) fn rests_on_page_cache(&self, topic: &str) -> bool {
        self.page_cache.iter().any(|t| t == topic)
    }

    /// Why an acknowledged operation may be gone: `log_start` is where the log begins for the last reader; `is_last` if it was done on the
    /// incarnation of its topic that has to be there at the end.
    pub(crate) fn may_be_lost(
        &self,
        history: &History,
        op: &ProduceOp,
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
        if self.is_damaged_at(topic, op.place.partition, offset) {
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
