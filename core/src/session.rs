//! One connection's order and weight: a queue of slots, one per request, whose replies leave in the order of the requests.
//!
//! State       per connection: its slots from the oldest unanswered one on, and the bytes of the requests in them.
//! Takes       requests as they arrive; answers in any order; connections' ends.
//! Gives       `Effect::Reply` in request order; the leases of replies that will never leave.
//! Holds       one slot per request, answered once; unanswered bytes are the sum over the slots; an answer to a closed
//!             connection finds nothing and harms nobody.
//! Not here    what a request means (`serve`), stopping to read (the edge, by `Node::unanswered`).

pub mod fetch_session;

use crate::ids::{ConnId, LeaseId};
use crate::io::{Effect, Reply};
use crate::planted::{Bug, Planted};
use std::collections::{BTreeMap, VecDeque};

/// One request of one connection. Never reused within the life of a node, because connection ids are not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RequestId {
    pub conn: ConnId,
    /// The position of the request in its connection, from zero.
    pub seq: u64,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Answer {
    Reply(Reply),
    /// The request is done and gets no answer (acks=0).
    Silent,
    /// The request is done, gets no answer, and ends its connection (an error under acks=0; Kafka does the same).
    Close,
}

/// What a connection has asked for and not got yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unanswered {
    /// The bytes of these requests.
    pub bytes: u64,
    pub requests: usize,
    /// So many of them are done, and their answers wait for that of an earlier one.
    pub kept_back: usize,
}

#[derive(Debug)]
struct Slot {
    size_bytes: u32,
    answer: Option<Answer>,
}

#[derive(Debug, Default)]
struct Conn {
    host: String,
    /// The `seq` of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    unanswered_bytes: u64,
    /// Replies behind a slot without an answer.
    kept_back: usize,
    /// `Effect::Close` was given: nothing further leaves.
    closing: bool,
}

/// All connections of a node.
#[derive(Debug, Default)]
pub struct Sessions {
    planted: Planted,
    conns: BTreeMap<ConnId, Conn>,
    /// Requests that have neither been answered nor lost their connection.
    open_requests: usize,
}

impl Sessions {
    /// No connections yet, in a node in which this is planted.
    #[must_use]
    pub fn with_planted(planted: Planted) -> Sessions {
        Sessions { planted, ..Sessions::default() }
    }

    /// A connection begins.
    pub fn open(&mut self, conn: ConnId, host: String) {
        let before = self.conns.insert(conn, Conn { host, ..Conn::default() });
        assert!(before.is_none(), "connection {conn} was opened twice: ids are never reused");
    }

    /// A request of `size_bytes` arrives. `None` if its connection is unknown or on its way out.
    pub fn admit(&mut self, conn: ConnId, size_bytes: u32) -> Option<RequestId> {
        let c = self.conns.get_mut(&conn).filter(|c| !c.closing)?;
        let seq = c.first + c.slots.len() as u64;
        c.slots.push_back(Slot { size_bytes, answer: None });
        c.unanswered_bytes += u64::from(size_bytes);
        self.open_requests += 1;
        Some(RequestId { conn, seq })
    }

    /// The request is done. Emits whatever may leave now; returns the lease of an answer that cannot leave any more.
    #[must_use = "a lease that is not released pins its files for ever"]
    pub fn answer(&mut self, request: RequestId, answer: Answer, out: &mut Vec<Effect>) -> Option<LeaseId> {
        let Some(c) = self.conns.get_mut(&request.conn) else {
            return lease_of(&answer);
        };
        let index = request.seq.checked_sub(c.first).expect("a request that was answered already");
        let slot = c.slots.get_mut(index as usize).expect("a request that never arrived");
        assert!(slot.answer.is_none(), "request {request:?} was answered twice");
        self.open_requests -= 1;
        if c.closing {
            slot.answer = Some(Answer::Silent);
            return lease_of(&answer);
        }
        if self.planted.has(Bug::ReplyOrderSwapped)
            && index > 0
            && let Answer::Reply(reply) = answer
        {
            slot.answer = Some(Answer::Silent);
            out.push(Effect::Reply { conn: request.conn, reply });
            return None;
        }
        c.kept_back += usize::from(matches!(answer, Answer::Reply(_)));
        slot.answer = Some(answer);
        while let Some(Slot { answer: Some(_), .. }) = c.slots.front() {
            let Some(Slot { size_bytes, answer: Some(answer) }) = c.slots.pop_front() else { break };
            c.first += 1;
            c.kept_back -= usize::from(matches!(answer, Answer::Reply(_)));
            c.unanswered_bytes -= u64::from(size_bytes);
            match answer {
                Answer::Reply(reply) => out.push(Effect::Reply { conn: request.conn, reply }),
                Answer::Silent => {}
                Answer::Close => {
                    c.closing = true;
                    out.push(Effect::Close { conn: request.conn });
                    break;
                }
            }
        }
        None
    }

    /// The connection is gone. The requests still open on it, and the leases of answers that waited for their turn.
    pub fn close(&mut self, conn: ConnId) -> (Vec<RequestId>, Vec<LeaseId>) {
        let (mut open, mut leases) = (Vec::new(), Vec::new());
        let Some(c) = self.conns.remove(&conn) else { return (open, leases) };
        for (i, slot) in c.slots.iter().enumerate() {
            match &slot.answer {
                None => open.push(RequestId { conn, seq: c.first + i as u64 }),
                Some(answer) => leases.extend(lease_of(answer)),
            }
        }
        self.open_requests -= open.len();
        (open, leases)
    }

    /// The address that the connection came from.
    #[must_use]
    pub fn host(&self, conn: ConnId) -> Option<&str> {
        self.conns.get(&conn).map(|c| c.host.as_str())
    }

    /// The requests of this connection that wait for their answer, or for their turn to be answered.
    #[must_use]
    pub fn unanswered(&self, conn: ConnId) -> Unanswered {
        let of = |c: &Conn| Unanswered { bytes: c.unanswered_bytes, requests: c.slots.len(), kept_back: c.kept_back };
        self.conns.get(&conn).map_or(Unanswered::default(), of)
    }

    /// Requests in progress on all connections.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.open_requests
    }

    #[must_use]
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// What must hold of one connection after every input that concerned it.
    pub fn check_invariants(&self, conn: ConnId) {
        let Some(c) = self.conns.get(&conn) else { return };
        assert!(
            c.closing || c.slots.front().is_none_or(|s| s.answer.is_none()),
            "an answer that may leave was kept back on connection {conn}"
        );
        assert!(c.slots.len() < 64 || c.unanswered_bytes > 0, "slots without weight on connection {conn}");
    }
}

fn lease_of(answer: &Answer) -> Option<LeaseId> {
    match answer {
        Answer::Reply(reply) => reply.lease,
        Answer::Silent | Answer::Close => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Response;

    const C: ConnId = ConnId(1);

    fn reply(correlation: i32) -> Answer {
        let lease = Some(LeaseId(correlation as u64));
        Answer::Reply(Reply { correlation, version: 0, response: Response::Unsupported { api_key: 0 }, lease })
    }

    fn sent(out: &[Effect]) -> Vec<i32> {
        out.iter()
            .map(|e| match e {
                Effect::Reply { reply, .. } => reply.correlation,
                Effect::Close { .. } => -1,
                other => panic!("unexpected {other:?}"),
            })
            .collect()
    }

    #[test]
    fn replies_leave_in_request_order_whatever_the_order_of_completion() {
        let (mut s, mut out) = (Sessions::default(), Vec::new());
        s.open(C, String::new());
        let ids: Vec<RequestId> = (0..4).map(|_| s.admit(C, 10).expect("open")).collect();
        for (i, expected) in [(2, vec![]), (1, vec![]), (0, vec![0, 1, 2]), (3, vec![0, 1, 2, 3])] {
            assert_eq!(s.answer(ids[i], reply(i as i32), &mut out), None);
            assert_eq!(sent(&out), expected);
            s.check_invariants(C);
        }
        assert_eq!((s.unanswered(C).bytes, s.open_requests()), (0, 0));
    }

    #[test]
    fn a_silent_request_gets_no_reply_but_holds_its_place() {
        let (mut s, mut out) = (Sessions::default(), Vec::new());
        s.open(C, String::new());
        let (a, b) = (s.admit(C, 100).expect("open"), s.admit(C, 1).expect("open"));
        assert_eq!(s.answer(b, reply(7), &mut out), None);
        assert_eq!((sent(&out), s.unanswered(C).bytes), (vec![], 101));
        assert_eq!(s.answer(a, Answer::Silent, &mut out), None);
        assert_eq!((sent(&out), s.unanswered(C).bytes), (vec![7], 0));
    }

    #[test]
    fn after_a_close_nothing_leaves_and_leases_come_back() {
        let (mut s, mut out) = (Sessions::default(), Vec::new());
        s.open(C, String::new());
        let ids: Vec<RequestId> = (0..3).map(|_| s.admit(C, 1).expect("open")).collect();
        assert_eq!(s.answer(ids[1], reply(1), &mut out), None);
        assert_eq!(s.answer(ids[0], Answer::Close, &mut out), None);
        assert_eq!(sent(&out), vec![-1]);
        assert_eq!(s.answer(ids[2], reply(2), &mut out), Some(LeaseId(2)));
        assert_eq!(s.admit(C, 1), None);
        let (_, leases) = s.close(C);
        assert_eq!(leases, vec![LeaseId(1)]);
        assert_eq!(s.answer(ids[2], reply(2), &mut out), Some(LeaseId(2)));
        assert_eq!(sent(&out), vec![-1]);
    }
}
