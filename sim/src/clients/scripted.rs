//! A client that does what a script says: one connection, requests with tickets.
//!
//! State       the connection, tickets by correlation id.
//! Holds       every ticket ends: with its answer, or lost with the connection.
//! Not here    retries: a script says what it wants.

use super::Got;
use crate::world::{Answer, Sim, Ticket};
use ottla_core::wire::RequestFrame;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Scripted {
    conn: Option<u32>,
    next: i32,
    open: BTreeMap<i32, Ticket>,
}

impl Scripted {
    pub(crate) fn on_start(&mut self, _sim: &mut Sim, _me: u32) {}

    pub(crate) fn on_wake(&mut self, _sim: &mut Sim, _me: u32, _token: u64) {}

    pub(crate) fn stop(&mut self) {}

    pub(crate) fn send(&mut self, sim: &mut Sim, me: u32, mut frame: RequestFrame, ticket: Ticket, answered: bool) {
        let conn = *self.conn.get_or_insert_with(|| sim.connect(me, 0));
        self.next += 1;
        frame.correlation = self.next;
        if answered {
            self.open.insert(self.next, ticket);
        } else {
            sim.settle(ticket, Answer::Lost { at_ns: sim.now_ns() });
        }
        sim.send(conn, frame, answered);
    }

    pub(crate) fn on_response(&mut self, sim: &mut Sim, _me: u32, _conn: u32, (correlation, _, response): Got) {
        if let Some(ticket) = self.open.remove(&correlation) {
            sim.settle(ticket, Answer::Got { at_ns: sim.now_ns(), response: Box::new(response) });
        }
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, _me: u32, conn: u32) {
        if self.conn == Some(conn) {
            self.conn = None;
            for (_, ticket) in std::mem::take(&mut self.open) {
                sim.settle(ticket, Answer::Lost { at_ns: sim.now_ns() });
            }
        }
    }
}
