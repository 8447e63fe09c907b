//! What happens next: one heap of (virtual time, sequence).
//!
//! State       the events to come; the present time.
//! Holds       time never goes back; events of one time happen in the order in which they were put in.
//! Not here    what the events do (the world).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something that will happen. Small, so that the heap stays cheap: what it is about lies in the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// A node's deadline, if it still is its deadline.
    Wake { node: u32, life: u32 },
    /// A turn that a node did not ask for.
    Nudge { node: u32, life: u32 },
    /// A disk call's time is over.
    Disk { node: u32, life: u32, ticket: u32 },
    /// A client's connection attempt reaches its node.
    Open { conn: u32 },
    /// A request reaches its node.
    ToNode { conn: u32, flight: u32 },
    /// An answer has been read by its client, or is given up.
    ToClient { conn: u32, flight: u32 },
    /// A node learns that a connection is gone.
    CloseAtNode { conn: u32 },
    /// A node learns that a client sends no more on a connection.
    EndAtNode { conn: u32 },
    /// A node looks whether a connection has been idle for too long.
    Idle { conn: u32 },
    /// A client learns that its connection is gone.
    CloseAtClient { conn: u32 },
    /// A client's timer.
    Client { client: u32, token: u64 },
    /// A node starts (again).
    Start { node: u32 },
    /// A paused node goes on.
    Resume { node: u32 },
    /// An entry of the fault plan is due.
    Plan { entry: u32 },
    /// The end of an entry of the fault plan that lasts for a while.
    PlanEnd { entry: u32 },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Due {
    at: u64,
    sequence: u64,
    event: Event,
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Due>,
    sequence: u64,
    now_ns: u64,
}

impl Agenda {
    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    pub(crate) fn at(&mut self, at_ns: u64, event: Event) {
        self.sequence += 1;
        self.heap.push(Due { at: at_ns.max(self.now_ns), sequence: self.sequence, event });
    }

    pub(crate) fn after(&mut self, ns: u64, event: Event) {
        self.at(self.now_ns + ns, event);
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|d| d.at)
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let due = self.heap.pop()?;
        assert!(due.at >= self.now_ns, "virtual time went back");
        self.now_ns = due.at;
        Some(due.event)
    }

    /// Let no disk call of a node that is under way take longer than this from now on.
    pub(crate) fn hasten_calls(&mut self, of: u32, at_most_ns: u64) {
        let latest = self.now_ns + at_most_ns;
        let hasten = |due: Due| match due.event {
            Event::Disk { node, .. } if node == of => Due { at: due.at.min(latest), ..due },
            _ => due,
        };
        self.heap = std::mem::take(&mut self.heap).into_iter().map(hasten).collect();
    }

    /// Let time pass with nothing happening; never beyond the next event.
    pub(crate) fn idle_until(&mut self, at_ns: u64) {
        let limit = self.next_at().unwrap_or(u64::MAX);
        self.now_ns = self.now_ns.max(at_ns.min(limit));
    }
}
