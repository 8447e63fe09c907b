//! Produces that wait for an offset, in the order of the offsets.

use super::events::{PartitionIntent, Produced, Token};
use crate::ids::Offset;
use std::collections::VecDeque;

/// A produce that will be answered with `outcome` once everything below `end` is there.
#[derive(Debug)]
struct Waiter {
    end: Offset,
    token: Token,
    outcome: Produced,
}

/// Sorted by `end`; equal ends in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Waiters(VecDeque<Waiter>);

impl Waiters {
    pub(super) fn push(&mut self, end: Offset, token: Token, outcome: Produced) {
        // Nearly always at the back; a duplicate waits for the batch that it repeats.
        let at = self.0.iter().rposition(|w| w.end <= end).map_or(0, |i| i + 1);
        self.0.insert(at, Waiter { end, token, outcome });
    }

    /// Answer everybody whose records are all below `mark`.
    pub(super) fn answer_below(&mut self, mark: Offset, log_start: Offset, out: &mut Vec<PartitionIntent>) {
        while let Some(Waiter { end, .. }) = self.0.front()
            && *end <= mark
        {
            let Some(Waiter { token, mut outcome, .. }) = self.0.pop_front() else { break };
            outcome.log_start_offset = log_start.0;
            out.push(PartitionIntent::Produced { token, outcome });
        }
    }

    /// Whoever waits for something above `from` waits no more.
    pub(super) fn take_above(&mut self, from: Offset) -> Vec<Token> {
        let at = self.0.partition_point(|w| w.end <= from);
        self.0.drain(at..).map(|w| w.token).collect()
    }

    /// Nobody waits under this token any more.
    pub(super) fn forget(&mut self, token: Token) {
        // What is over first is what has waited longest.
        if let Some(at) = self.0.iter().position(|w| w.token == token) {
            self.0.remove(at);
        }
    }

    pub(super) fn first(&self) -> Option<Offset> {
        self.0.front().map(|w| w.end)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
