//! Which incarnation of a topic somebody spoke of, where a topic was deleted and made again.
//!
//! State       per topic that is certainly there at the end: since when, with which id.
//! Takes       the administrators' part of a history.
//! Holds       a topic is certainly there if its creation was acknowledged and no deletion may have been done after that.
//! Not here    what is judged of an incarnation (history.rs, case.rs).

use super::acks::deletion_asked;
use crate::history::{AdminAct, AdminOp, History, Outcome, Place};
use std::collections::BTreeMap;

/// The incarnation of a topic that is there at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Incarnation {
    /// Zero where nobody asked for the topic's deletion: it needs no telling apart.
    pub(crate) id: u128,
    /// When its creation was acknowledged: who speaks of the topic by name from here on speaks of this one.
    pub(crate) since: u64,
    pub(crate) partitions: i32,
}

/// The topics that are certainly there at the end.
#[derive(Clone, Debug)]
pub(crate) struct Incarnations {
    last: BTreeMap<u16, Incarnation>,
    /// Topics whose deletion somebody asked for.
    deleted: Vec<u16>,
}

impl Incarnations {
    pub(crate) fn of(history: &History) -> Incarnations {
        let (mut last, mut deleted) = (BTreeMap::new(), Vec::new());
        for (n, op) in history.admins.iter().enumerate() {
            let AdminAct::CreateTopic { partitions } = op.act else { continue };
            let is_deleted = deletion_asked(history, op.topic);
            if is_deleted && !deleted.contains(&op.topic) {
                deleted.push(op.topic);
            }
            let mut others = history.admins.iter().enumerate().filter(|(other, o)| *other != n && o.topic == op.topic);
            let is_gone = others.any(|(_, other)| other.act == AdminAct::DeleteTopic && is_later(other, op));
            // Without an id nobody can tell it from the one before.
            if op.outcome == Outcome::Ok && !is_gone && (op.answer != 0 || !is_deleted) {
                let id = if is_deleted { op.answer } else { 0 };
                last.entry(op.topic).or_insert(Incarnation { id, since: op.ended, partitions });
            }
        }
        Incarnations { last, deleted }
    }

    /// The incarnation of a topic that has to be there at the end.
    pub(crate) fn last(&self, topic: u16) -> Option<Incarnation> {
        self.last.get(&topic).copied()
    }

    /// Those that have to be there at the end, by topic.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u16, Incarnation)> {
        self.last.iter().map(|(topic, last)| (*topic, *last))
    }

    /// Whether a lane is of an incarnation that has to be there at the end.
    pub(crate) fn is_last(&self, lane: Place) -> bool {
        self.last(lane.topic).is_some_and(|last| last.id == lane.topic_id)
    }

    /// A place as it is compared with others: with the incarnation, where a topic has had more than one. What was named by its name
    /// alone is of an incarnation that is known only if that was made before, and nothing was damaged by then that may have brought an
    /// earlier one back.
    pub(crate) fn lane(&self, place: Place, invoked: u64, damaged: Option<u64>) -> Place {
        if !self.deleted.contains(&place.topic) {
            return Place { topic_id: 0, ..place };
        }
        match self.last(place.topic) {
            Some(last) if place.topic_id == 0 && invoked >= last.since && damaged.is_none_or(|at| invoked < at) => {
                Place { topic_id: last.id, ..place }
            }
            _ => place,
        }
    }
}

/// Whether an operation was done after another one, or may have been.
pub(crate) fn is_later(other: &AdminOp, op: &AdminOp) -> bool {
    match other.outcome {
        Outcome::Failed(_) => false,
        Outcome::Ok => other.ended >= op.invoked,
        Outcome::Open | Outcome::Unknown => true,
    }
}
