//! The clients of a world: workloads that ask, remember what they were told, and go on when things break.
//!
//! State       one machine per client; what they were told lies in the world's `History`.
//! Takes       starts, timers, answers, broken connections.
//! Gives       requests; operations in the history with their outcomes.
//! Holds       a client draws from its own stream, so that one more client moves no other.
//! Not here    judgement of what they were told (checks/).

mod admin;
mod consumer;
mod hostile;
mod inspector;
mod library;
mod link;
mod operator;
mod producer;
mod scripted;

pub use admin::{AdminConfig, TimedAct};
pub use consumer::ConsumerConfig;
pub use hostile::HostileConfig;
pub use inspector::InspectorConfig;
pub use library::{LibraryConfig, Reads};
pub use operator::OperatorConfig;
pub use producer::{ProducerConfig, TimedBatch};

pub(crate) use admin::Admin;
pub(crate) use consumer::{Consumer, TORN};
pub(crate) use hostile::Hostile;
pub(crate) use inspector::Inspector;
pub(crate) use library::{GIVEN_UP, Library};
pub(crate) use link::PATIENCE;
pub(crate) use operator::Operator;
pub(crate) use producer::Producer;
pub(crate) use scripted::Scripted;

use crate::world::Sim;
use ottla_core::wire::{ApiKey, Response};

/// An answer as a client gets it: the correlation id, the API that was asked, the answer.
pub(crate) type Got = (i32, ApiKey, Response);

/// One client.
#[derive(Debug)]
pub(crate) enum Client {
    Scripted(Scripted),
    Producer(Producer),
    Consumer(Consumer),
    Admin(Admin),
    Hostile(Hostile),
    Inspector(Inspector),
    Operator(Operator),
    Library(Box<Library>),
}

macro_rules! each {
    ($client:expr, $c:ident => $act:expr) => {
        match $client {
            Client::Scripted($c) => $act,
            Client::Producer($c) => $act,
            Client::Consumer($c) => $act,
            Client::Admin($c) => $act,
            Client::Hostile($c) => $act,
            Client::Inspector($c) => $act,
            Client::Operator($c) => $act,
            Client::Library($c) => $act,
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

    /// Begin nothing new.
    pub(crate) fn stop(&mut self) {
        each!(self, c => c.stop());
    }

    /// Whether it has nothing more to do or to wait for.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Client::Scripted(_) | Client::Hostile(_) => true,
            Client::Producer(c) => c.is_done(),
            Client::Consumer(c) => c.is_done(),
            Client::Admin(c) => c.is_done(),
            Client::Inspector(c) => c.is_done(),
            Client::Operator(c) => c.is_done(),
            Client::Library(c) => c.is_done(),
        }
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, me: u32, conn: u32) {
        each!(self, c => c.on_disconnected(sim, me, conn));
    }
}
