//! A world by hand: what stories and tests do with it.
//!
//! State       in `Sim`: the answers that scripted clients got, by ticket.
//! Takes       named clients, requests, times, conditions, faults.
//! Gives       answers, as typed responses with file ranges already read.
//! Not here    any grammar (story/), any judgement.

use super::{Setup, Sim, World};
use crate::clients::{Client, Scripted};
use ottla_core::wire::{Request, RequestFrame, Response};

/// One request of a scripted client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(pub u32);

/// What became of it.
#[derive(Clone, Debug)]
pub enum Answer {
    Waiting,
    /// With the virtual time of its arrival in nanoseconds.
    Got {
        at_ns: u64,
        response: Box<Response>,
    },
    /// The connection ended first.
    Lost {
        at_ns: u64,
    },
}

impl World {
    /// A world for a script. `World::new` with a name that says so.
    #[must_use]
    pub fn scripted(setup: Setup) -> World {
        World::new(setup)
    }

    /// The client of that name, made at first use. It has one connection at a time to node 0, made again when it was lost.
    pub fn client(&mut self, name: &str) -> u32 {
        match self.sim.client_names.iter().position(|n| n == name) {
            Some(n) => n as u32,
            None => self.add_client(name, Client::Scripted(Scripted::default())),
        }
    }

    /// Whether a client of this name is there already.
    #[must_use]
    pub fn has_client(&self, name: &str) -> bool {
        self.sim.client_names.iter().any(|n| n == name)
    }

    /// Let a scripted client send a request now. `None` is returned for a client that is none of the script's.
    pub fn submit(&mut self, client: u32, version: i16, request: Request) -> Option<Ticket> {
        let ticket = Ticket(self.sim.answers.len() as u32);
        self.sim.answers.push(Some(Answer::Waiting));
        let mut taken = false;
        self.with_client(client, |c, sim| {
            if let Client::Scripted(scripted) = c {
                let answered = !matches!(&request, Request::Produce(p) if p.acks == 0);
                let frame = RequestFrame { correlation: 0, version, client_id: Some("story".into()), size: 0, request };
                scripted.send(sim, client, frame, ticket, answered);
                taken = true;
            }
        });
        taken.then_some(ticket)
    }

    /// Run until a request has its answer, at most for `limit_ns`.
    pub fn await_answer(&mut self, ticket: Ticket, limit_ns: u64) -> Answer {
        let until = self.sim.now_ns() + limit_ns;
        self.run_while_not(until, |w| !matches!(w.sim.answer(ticket), Answer::Waiting));
        self.sim.answer(ticket)
    }

    /// Run for a while of virtual time.
    pub fn run_for_ns(&mut self, ns: u64) {
        self.run_until_ns(self.sim.now_ns() + ns);
    }

    /// Run until nothing is under way on any disk or connection, at most for `limit_ns`. Whether that came about.
    pub fn run_until_quiet(&mut self, limit_ns: u64) -> bool {
        let until = self.sim.now_ns() + limit_ns;
        self.run_while_not(until, |w| w.sim.is_quiet())
    }
}

impl Sim {
    /// What became of a scripted request.
    #[must_use]
    pub fn answer(&self, ticket: Ticket) -> Answer {
        self.answers.get(ticket.0 as usize).cloned().flatten().unwrap_or(Answer::Waiting)
    }

    pub(crate) fn settle(&mut self, ticket: Ticket, answer: Answer) {
        if let Some(slot) = self.answers.get_mut(ticket.0 as usize) {
            *slot = Some(answer);
        }
    }

    /// Whether no disk call is under way and no scripted request waits.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.nodes.iter().all(|n| n.disk.calls_open() == 0) && !self.answers.iter().any(|a| matches!(a, Some(Answer::Waiting)))
    }
}
