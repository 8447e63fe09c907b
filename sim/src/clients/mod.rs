//! The clients of a world: workloads that ask, remember what they were told, and go on when things break.
//!
//! State       one machine per client; what they were told lies in the world's `History`.
//! Takes       starts, timers, answers, broken connections.
//! Gives       requests; operations in the history with their outcomes.
//! Holds       a client draws from its own stream, so that one more client moves no other.
//! Not here    judgement of what they were told (checks/).

mod scripted;

pub(crate) use scripted::Scripted;

use crate::world::Sim;
use ottla_core::wire::{ApiKey, Response};

/// An answer as a client gets it: the correlation id, the API that was asked, the answer.
pub(crate) type Got = (i32, ApiKey, Response);

/// One client.
#[derive(Debug)]
pub(crate) enum Client {
    Scripted(Scripted),
}

macro_rules! each {
    ($client:expr, $c:ident => $act:expr) => {
        match $client {
            Client::Scripted($c) => $act,
        }
    };
}

impl Client {
    pub(crate) fn on_start(&mut self, sim: &mut Sim, me: u32) {
        each!(self, c => c.on_start(sim, me));
    }

    pub(crate) fn on_wake(&mut self, sim: &mut Sim, me: u32, token: u64) {
        each!(self, c => c.on_wake(sim, me, token));
    }

    pub(crate) fn on_response(&mut self, sim: &mut Sim, me: u32, conn: u32, got: Got) {
        each!(self, c => c.on_response(sim, me, conn, got));
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, me: u32, conn: u32) {
        each!(self, c => c.on_disconnected(sim, me, conn));
    }
}
