//! One client's connection: correlation ids, what waits for an answer, patience.
//!
//! State       the connection, the requests without an answer in order, when each was sent by the client's own clock.
//! Holds       every request ends once: answered, or given back by `broken`. A clock that goes back makes nobody wait for longer than
//!             its patience from then on.
//! Not here    what the requests mean.

use crate::world::Sim;
use ottla_core::wire::{ApiKey, Produce, Request, RequestFrame, msg};
use std::collections::VecDeque;

/// The token of the timer that looks after patience.
pub(crate) const PATIENCE: u64 = 1;

/// A connection with what waits on it; `T` says what a request was for.
#[derive(Debug)]
pub(crate) struct Link<T> {
    pub(crate) conn: Option<u32>,
    next: i32,
    /// With correlation ids, and milliseconds of wall time as the client knows it.
    open: VecDeque<(i32, i64, T)>,
    patience_ns: u64,
    armed: bool,
}

impl<T> Link<T> {
    pub(crate) fn new(patience_ns: u64) -> Link<T> {
        Link { conn: None, next: 0, open: VecDeque::new(), patience_ns, armed: false }
    }

    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn open_items(&self) -> impl Iterator<Item = &T> {
        self.open.iter().map(|(_, _, t)| t)
    }

    pub(crate) fn send(&mut self, sim: &mut Sim, me: u32, version: i16, request: Request, what: T) {
        let conn = *self.conn.get_or_insert_with(|| sim.connect(me, 0));
        self.next += 1;
        let answered = !matches!(&request, Request::Produce(p) if p.acks == 0);
        if answered {
            self.open.push_back((self.next, sim.client_wall_ms(me), what));
            if !self.armed {
                self.armed = true;
                sim.wake_client_after(me, self.patience_ns, PATIENCE);
            }
        }
        let frame = RequestFrame { correlation: self.next, version, client_id: Some("sim".into()), size: 0, request };
        sim.send(conn, frame, answered);
    }

    /// The request that an answer belongs to.
    pub(crate) fn answered(&mut self, conn: u32, correlation: i32) -> Option<T> {
        if self.conn != Some(conn) || self.open.front()?.0 != correlation {
            return None;
        }
        self.open.pop_front().map(|(_, _, t)| t)
    }

    /// The connection is gone: what was waiting, in order. `None` if it was another one.
    pub(crate) fn broken(&mut self, conn: u32) -> Option<Vec<T>> {
        if self.conn != Some(conn) {
            return None;
        }
        self.conn = None;
        Some(self.open.drain(..).map(|(_, _, t)| t).collect())
    }

    /// The timer has rung. Whether the oldest request has waited too long: then the connection is given up, and what waited comes
    /// back as from `broken`.
    pub(crate) fn out_of_patience(&mut self, sim: &mut Sim, me: u32) -> Option<Vec<T>> {
        self.armed = false;
        let now = sim.client_wall_ms(me);
        self.open.iter_mut().for_each(|(_, since, _)| *since = now.min(*since));
        let (_, since, _) = self.open.front()?;
        let left_ms = since + (self.patience_ns / 1_000_000) as i64 - now;
        if left_ms > 0 {
            self.armed = true;
            sim.wake_client_after(me, left_ms.unsigned_abs() * 1_000_000, PATIENCE);
            return None;
        }
        let conn = self.conn?;
        sim.hang_up(conn);
        self.broken(conn)
    }
}

/// A topic name as the protocol crate has it.
pub(crate) fn topic_name(name: &str) -> msg::TopicName {
    msg::TopicName(msg::StrBytes::from_string(name.to_string()))
}

pub(crate) fn text(text: &str) -> msg::StrBytes {
    msg::StrBytes::from_string(text.to_string())
}

/// A version of an API that both sides have, as the client's library would speak it.
pub(crate) fn draw_version(rng: &mut ottla_core::rng::Rng, api: ApiKey, low: i16, high: i16) -> i16 {
    let (min, max) = api.versions();
    let (low, high) = (low.max(min), high.min(max));
    low + rng.below((high - low + 1) as u64) as i16
}

/// Metadata of these topics.
pub(crate) fn ask_metadata(names: &[String]) -> Request {
    let topics = names.iter().map(|n| msg::metadata_request::MetadataRequestTopic::default().with_name(Some(topic_name(n))));
    Request::Metadata(msg::MetadataRequest::default().with_topics(Some(topics.collect())).with_allow_auto_topic_creation(false))
}

/// The ids in a Metadata answer.
pub(crate) fn ids_in(answer: &msg::MetadataResponse) -> Vec<(String, u128, usize)> {
    let known = answer.topics.iter().filter(|t| t.error_code == 0);
    known.filter_map(|t| Some((t.name.as_ref()?.0.as_str().to_string(), t.topic_id.as_u128(), t.partitions.len()))).collect()
}

/// A Produce request around batches that were built here.
pub(crate) fn produce(acks: i16, timeout_ms: i32, topics: Vec<ottla_core::wire::ProduceTopic>) -> Request {
    Request::Produce(Produce { transactional_id: None, acks, timeout_ms, topics })
}
