//! The checks: each a claim that a run tries to refute, with a count of how often it really looked.
//!
//! State       `Watch`: how often each check looked, what was found, and the ghost state of the invariants.
//! Takes       disk calls, completions and answers as they pass; a finished history.
//! Gives       what was found wrong.
//! Holds       a check draws no randomness and changes no schedule.
//! Not here    what to do about a finding (the world stops, the runner reports).

use crate::disk::SimDisk;
use crate::world::net::Asked;
use ottla_core::io::{DiskCall, FileId, Reply};
use serde::Serialize;

/// A check, as `ottla sim list` shows it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Check {
    pub name: &'static str,
    /// The claims and invariants that it stands for.
    pub ids: &'static str,
    pub statement: &'static str,
    pub why: &'static str,
    pub not_checked: &'static str,
}

/// Every check.
pub const CHECKS: &[Check] = &[Check {
    name: "reply-order",
    ids: "S16",
    statement: "Answers leave a connection in the order of its requests, one for each that wants one.",
    why: "A client matches answers by their order.",
    not_checked: "",
}];

/// The checks at work in one world.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    counts: Vec<u64>,
    /// Check, site, message.
    pub(crate) found: Vec<(&'static str, String, String)>,
}

impl Watch {
    /// A check has looked.
    pub(crate) fn tally(&mut self, name: &str) {
        if let Some(i) = CHECKS.iter().position(|c| c.name == name) {
            if self.counts.len() <= i {
                self.counts.resize(CHECKS.len(), 0);
            }
            self.counts[i] += 1;
        }
    }

    pub(crate) fn before_start(&mut self, _disk: &SimDisk) {}

    pub(crate) fn on_call(&mut self, _disk: &SimDisk, _file: FileId, _call: &DiskCall) {}

    pub(crate) fn on_completed(&mut self, _disk: &SimDisk, _file: FileId, _ok: bool) {}

    pub(crate) fn on_reply(&mut self, _disk: &SimDisk, _asked: &Asked, _reply: &Reply) {}

    pub(crate) fn on_crash(&mut self) {}

    pub(crate) fn on_power_loss(&mut self) {}
}

/// A message without its numbers: equal for equal causes.
pub(crate) fn site_of(message: &str) -> String {
    let mut site = String::with_capacity(message.len());
    for c in message.chars() {
        if c.is_ascii_digit() {
            if !site.ends_with('#') {
                site.push('#');
            }
        } else {
            site.push(c);
        }
    }
    site
}
