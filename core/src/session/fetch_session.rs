//! Incremental fetch sessions (KIP-227): what a fetcher asked for and was told, so that it need repeat neither.
//!
//! State       per session: its epoch, its partitions in the order in which they are served, what the last answer said of each.
//! Takes       the session fields, partitions and forgotten partitions of a Fetch request; the answers to it.
//! Gives       the partitions to be read; which of the answers have to be sent.
//! Holds       at most `slots_max` sessions with `PARTITIONS_MAX` partitions together; a session's epoch moves by one with each request that it accepts, and makes the request before stale.
//! Not here    reading (partitions), long polling (`serve::fetch`).

use crate::ids::TopicId;
use crate::planted::{Bug, Planted};
use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::FetchPartitionReply;
use std::collections::BTreeMap;
use std::time::Duration;

/// The session id that means "no session".
pub const NO_SESSION: i32 = 0;
/// The epoch of a request that opens a session.
const INITIAL_EPOCH: i32 = 0;
/// The epoch of a request that wants no session, or closes its own.
const FINAL_EPOCH: i32 = -1;
/// So many partitions are remembered, in all sessions: at half a kilobyte each. Kafka bounds the sessions alone.
pub const PARTITIONS_MAX: usize = 1 << 18;
/// A session unused for this long gives way to any other (Kafka's constant).
const EVICTION_AFTER: Duration = Duration::from_millis(120_000);

/// How a fetcher names a partition: by name below version 13, by id from then on. The other one is empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    // What differs most often comes first: keys are compared all the time, and their order means nothing.
    pub index: i32,
    pub id: TopicId,
    pub name: String,
}

/// What a fetcher wants of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    pub key: Key,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
    pub max_bytes: i32,
    /// The partition existed when its session first asked for it.
    pub was_known: bool,
}

/// The session fields of a request.
#[derive(Clone, Copy, Debug)]
pub struct SessionFields {
    pub id: i32,
    pub epoch: i32,
    /// Version 13 and above.
    pub by_topic_id: bool,
}

/// Why a request fits no session; the whole request is answered with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionError {
    /// FETCH_SESSION_ID_NOT_FOUND
    NotFound,
    /// INVALID_FETCH_SESSION_EPOCH
    InvalidEpoch,
    /// FETCH_SESSION_TOPIC_ID_ERROR
    TopicIdMismatch,
}

/// How the answer to a request is to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// Every partition is answered, and nothing is remembered.
    Sessionless,
    /// Every partition is answered, and a session begins if there is room.
    Full { by_topic_id: bool },
    /// Only what is new is answered.
    Incremental { id: i32, epoch: i32 },
}

#[derive(Debug)]
struct Cached {
    wanted: Wanted,
    /// What the last answer said; -1 where the next answer must speak in any case.
    high_watermark: i64,
    log_start_offset: i64,
    /// Its place in the order of service.
    turn: u64,
}

#[derive(Debug)]
struct Session {
    epoch: i32,
    by_topic_id: bool,
    created: Instant,
    used: Instant,
    partitions: BTreeMap<Key, Cached>,
    /// The order of service: a partition that was served goes to the end, so that none starves behind a full one.
    turns: BTreeMap<u64, Key>,
    next_turn: u64,
    /// The request that is being answered: whoever made the job gave it this number.
    answering: Option<u64>,
}

/// All sessions of a node.
#[derive(Debug)]
pub struct FetchSessions {
    slots_max: usize,
    rng: Rng,
    sessions: BTreeMap<i32, Session>,
    planted: Planted,
}

impl FetchSessions {
    /// At most `slots_max` sessions; their ids are drawn from `rng`.
    #[must_use]
    pub fn new(slots_max: usize, rng: Rng) -> FetchSessions {
        FetchSessions { slots_max, rng, sessions: BTreeMap::new(), planted: Planted::default() }
    }

    /// The same with what is planted in the node.
    #[must_use]
    pub fn with_planted(self, planted: Planted) -> FetchSessions {
        FetchSessions { planted, ..self }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn partitions(&self) -> usize {
        self.sessions.values().map(|s| s.partitions.len()).sum()
    }

    /// A request begins: the partitions to read, in order, and how to answer.
    pub fn begin(
        &mut self,
        now: Instant,
        fields: SessionFields,
        wanted: Vec<Wanted>,
        forgotten: &[Key],
    ) -> Result<(Context, Vec<Wanted>), SessionError> {
        if fields.epoch == INITIAL_EPOCH || fields.epoch == FINAL_EPOCH {
            self.sessions.remove(&fields.id);
            let context = match fields.epoch {
                FINAL_EPOCH => Context::Sessionless,
                _ => Context::Full { by_topic_id: fields.by_topic_id },
            };
            return Ok((context, wanted));
        }
        let session = self.sessions.get_mut(&fields.id).ok_or(SessionError::NotFound)?;
        if session.epoch != fields.epoch {
            return Err(SessionError::InvalidEpoch);
        }
        if session.by_topic_id != fields.by_topic_id {
            return Err(SessionError::TopicIdMismatch);
        }
        for w in wanted {
            session.put(w, -1, -1);
        }
        for key in forgotten {
            session.forget(key);
        }
        if session.partitions.is_empty() {
            self.sessions.remove(&fields.id);
            return Ok((Context::Sessionless, Vec::new()));
        }
        session.used = now;
        session.epoch = next_epoch(session.epoch);
        let context = Context::Incremental { id: fields.id, epoch: session.epoch };
        let wanted = session.turns.values().map(|k| session.partitions[k].wanted.clone()).collect();
        if self.partitions() > PARTITIONS_MAX {
            // It has grown too large: everything is answered once more, and nothing is remembered.
            self.sessions.remove(&fields.id);
            return Ok((Context::Sessionless, wanted));
        }
        Ok((context, wanted))
    }

    /// A request with the context `Full` was answered: the id of its new session, or `NO_SESSION`. With each partition go the high
    /// watermark and the log start that were told; -1 where the next answer must speak in any case.
    pub fn remember(&mut self, now: Instant, by_topic_id: bool, wanted: Vec<(Wanted, (i64, i64))>) -> i32 {
        if !self.has_room_for(now, wanted.len()) {
            return NO_SESSION;
        }
        let id = loop {
            let id = self.rng.between(1, i32::MAX as u64) as i32;
            if !self.sessions.contains_key(&id) {
                break id;
            }
        };
        let mut session = Session {
            epoch: next_epoch(INITIAL_EPOCH),
            by_topic_id,
            created: now,
            used: now,
            partitions: BTreeMap::new(),
            turns: BTreeMap::new(),
            next_turn: 0,
            answering: None,
        };
        for (w, (high_watermark, log_start_offset)) in wanted {
            session.put(w, high_watermark, log_start_offset);
        }
        self.sessions.insert(id, session);
        id
    }

    /// The request that began last in this session is answered by the job of this number. Gives the number of the one before, which is
    /// stale now if it is not answered yet.
    pub fn answered_by(&mut self, id: i32, job: u64) -> Option<u64> {
        self.sessions.get_mut(&id)?.answering.replace(job)
    }

    /// The session has been answered with something else in the meantime, or is gone.
    #[must_use]
    pub fn is_stale(&self, id: i32, epoch: i32) -> bool {
        self.sessions.get(&id).is_none_or(|s| s.epoch != epoch)
    }

    /// Whether this answer has to be sent to the session's fetcher; remembers it as sent if so.
    pub fn select(&mut self, id: i32, key: &Key, answer: &FetchPartitionReply) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return true };
        let Some(cached) = session.partitions.get_mut(key) else { return true };
        let has_records = answer.records.iter().any(|c| c.size() > 0);
        let mut must =
            has_records && !self.planted.has(Bug::SessionForgetsRecords) || cached.high_watermark != answer.high_watermark;
        must |= cached.log_start_offset != answer.log_start_offset;
        must |= answer.preferred_read_replica != -1;
        cached.high_watermark = answer.high_watermark;
        cached.log_start_offset = answer.log_start_offset;
        if answer.error_code != 0 || answer.diverging.is_some() {
            must = true;
            // An error is repeated until it has passed, and its passing is told.
            cached.high_watermark = -1;
        }
        if has_records {
            session.turns.remove(&cached.turn);
            cached.turn = session.next_turn;
            session.turns.insert(cached.turn, key.clone());
            session.next_turn += 1;
        }
        must
    }

    /// Whether a session of `size` partitions may begin; ends another one if it must (KIP-227's rules for consumers).
    fn has_room_for(&mut self, now: Instant, size: usize) -> bool {
        while self.partitions() + size > PARTITIONS_MAX {
            if size > PARTITIONS_MAX || !self.maybe_end_stale(now) {
                return false;
            }
        }
        if self.sessions.len() < self.slots_max || self.maybe_end_stale(now) {
            return true;
        }
        let old = self.sessions.iter().filter(|(_, s)| now.since(s.created) > EVICTION_AFTER);
        let smallest = old.min_by_key(|(id, s)| (s.partitions.len(), **id)).map(|(&id, s)| (id, s.partitions.len()));
        match smallest {
            Some((id, partitions)) if partitions < size => self.sessions.remove(&id).is_some(),
            _ => false,
        }
    }

    /// End the session that has been unused for longest, if that is long.
    fn maybe_end_stale(&mut self, now: Instant) -> bool {
        let stale = self.sessions.iter().min_by_key(|(id, s)| (s.used, **id));
        let stale = stale.filter(|(_, s)| now.since(s.used) > EVICTION_AFTER).map(|(id, _)| *id);
        stale.is_some_and(|id| self.sessions.remove(&id).is_some())
    }

    /// The table is bounded, and every session's two indexes agree in size.
    pub fn check_invariants(&self, id: i32) {
        assert!(self.sessions.len() <= self.slots_max, "more fetch sessions than configured");
        assert!(self.partitions() <= PARTITIONS_MAX, "more partitions in fetch sessions than the bound");
        if let Some(s) = self.sessions.get(&id) {
            assert_eq!(s.partitions.len(), s.turns.len(), "fetch session {id} has lost a partition's turn");
        }
    }
}

impl Session {
    fn put(&mut self, wanted: Wanted, high_watermark: i64, log_start_offset: i64) {
        if let Some(cached) = self.partitions.get_mut(&wanted.key) {
            cached.wanted = Wanted { was_known: cached.wanted.was_known, ..wanted };
            return;
        }
        let (key, turn) = (wanted.key.clone(), self.next_turn);
        self.next_turn += 1;
        self.turns.insert(turn, key.clone());
        self.partitions.insert(key, Cached { wanted, high_watermark, log_start_offset, turn });
    }

    fn forget(&mut self, key: &Key) {
        if let Some(cached) = self.partitions.remove(key) {
            self.turns.remove(&cached.turn);
        }
    }
}

fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Chunk;
    use bytes::Bytes;

    fn wanted(index: i32) -> Wanted {
        Wanted {
            key: Key { name: "t".into(), id: TopicId::default(), index },
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            max_bytes: 100,
            was_known: true,
        }
    }

    fn answer(index: i32, high_watermark: i64, records: usize, error_code: i16) -> FetchPartitionReply {
        FetchPartitionReply {
            index,
            error_code,
            high_watermark,
            last_stable_offset: high_watermark,
            log_start_offset: 0,
            aborted: None,
            preferred_read_replica: -1,
            diverging: None,
            current_leader: None,
            records: vec![Chunk::Bytes(Bytes::from(vec![0; records]))],
        }
    }

    fn full(id: i32, epoch: i32) -> SessionFields {
        SessionFields { id, epoch, by_topic_id: false }
    }

    fn cache(slots_max: usize) -> FetchSessions {
        FetchSessions::new(slots_max, Rng::stream(1, "fetch-sessions"))
    }

    fn opened(f: &mut FetchSessions, n: i32, now: Instant) -> i32 {
        let (_, w) = f.begin(now, full(0, 0), (0..n).map(wanted).collect(), &[]).expect("full");
        f.remember(now, false, w.into_iter().map(|w| (w, (0, 0))).collect())
    }

    #[test]
    fn an_incremental_fetch_reads_what_was_asked_before_and_tells_only_what_changed() {
        let mut f = cache(10);
        let id = opened(&mut f, 3, Instant(0));
        assert_ne!(id, NO_SESSION);
        let (context, w) = f.begin(Instant(1), full(id, 1), vec![], &[]).expect("incremental");
        assert_eq!((context, w.len()), (Context::Incremental { id, epoch: 2 }, 3));
        assert!(!f.select(id, &w[0].key, &answer(0, 0, 0, 0)), "nothing new");
        assert!(f.select(id, &w[1].key, &answer(1, 5, 0, 0)), "a new high watermark");
        assert!(f.select(id, &w[2].key, &answer(2, 0, 9, 0)), "records");
        f.check_invariants(id);
        let (_, w) = f.begin(Instant(2), full(id, 2), vec![], &[wanted(0).key]).expect("incremental");
        assert_eq!(w.iter().map(|w| w.key.index).collect::<Vec<_>>(), vec![1, 2]);
    }

    #[test]
    fn a_served_partition_goes_to_the_end_of_the_queue() {
        let mut f = cache(10);
        let id = opened(&mut f, 3, Instant(0));
        assert!(f.select(id, &wanted(0).key, &answer(0, 1, 9, 0)));
        let (_, w) = f.begin(Instant(2), full(id, 1), vec![], &[]).expect("incremental");
        assert_eq!(w.iter().map(|w| w.key.index).collect::<Vec<_>>(), vec![1, 2, 0]);
    }

    #[test]
    fn an_error_is_told_again_and_so_is_its_end() {
        let mut f = cache(10);
        let id = opened(&mut f, 1, Instant(0));
        let key = wanted(0).key;
        assert!(f.select(id, &key, &answer(0, -1, 0, 3)));
        assert!(f.select(id, &key, &answer(0, -1, 0, 3)));
        assert!(f.select(id, &key, &answer(0, 0, 0, 0)));
        assert!(!f.select(id, &key, &answer(0, 0, 0, 0)));
    }

    #[test]
    fn wrong_ids_epochs_and_kinds_are_refused() {
        let mut f = cache(10);
        let id = opened(&mut f, 1, Instant(0));
        assert_eq!(f.begin(Instant(0), full(id + 1, 1), vec![], &[]).unwrap_err(), SessionError::NotFound);
        assert_eq!(f.begin(Instant(0), full(id, 2), vec![], &[]).unwrap_err(), SessionError::InvalidEpoch);
        let by_id = SessionFields { by_topic_id: true, ..full(id, 1) };
        assert_eq!(f.begin(Instant(0), by_id, vec![], &[]).unwrap_err(), SessionError::TopicIdMismatch);
        assert!(f.begin(Instant(0), full(id, 1), vec![], &[]).is_ok(), "refusals leave the session as it was");
    }

    #[test]
    fn forgetting_everything_or_asking_anew_ends_the_session() {
        let mut f = cache(10);
        let id = opened(&mut f, 1, Instant(0));
        let (context, w) = f.begin(Instant(0), full(id, 1), vec![], &[wanted(0).key]).expect("fits");
        assert_eq!((context, w.len(), f.len()), (Context::Sessionless, 0, 0));
        let id = opened(&mut f, 1, Instant(0));
        assert!(f.begin(Instant(0), full(id, 0), vec![wanted(0)], &[]).is_ok());
        assert_eq!(f.len(), 0);
    }

    #[test]
    fn the_table_is_bounded_and_only_old_sessions_give_way() {
        let mut f = cache(2);
        let minute = |m: u64| Instant(m * 60_000_000_000);
        let (a, b) = (opened(&mut f, 1, minute(0)), opened(&mut f, 2, minute(0)));
        assert_eq!(opened(&mut f, 9, minute(1)), NO_SESSION, "too young to give way");
        assert!(f.begin(minute(2), full(a, 1), vec![], &[]).is_ok() && f.begin(minute(2), full(b, 1), vec![], &[]).is_ok());
        assert_eq!(opened(&mut f, 1, minute(3)), NO_SESSION, "no larger than the smallest");
        assert_ne!(opened(&mut f, 2, minute(3)), NO_SESSION, "the smallest old one gave way");
        assert_eq!(f.begin(minute(3), full(a, 2), vec![], &[]).unwrap_err(), SessionError::NotFound);
        assert_ne!(opened(&mut f, 1, minute(9)), NO_SESSION, "the longest unused one gave way");
        f.check_invariants(b);
    }
    #[test]
    fn the_partitions_of_all_sessions_are_bounded_together() {
        let mut f = cache(10);
        let (most, minute) = (i32::try_from(PARTITIONS_MAX).expect("it is less"), |m: u64| Instant(m * 60_000_000_000));
        assert_eq!(opened(&mut f, most + 1, minute(0)), NO_SESSION);
        let (a, b) = (opened(&mut f, most - 3, minute(0)), opened(&mut f, 3, minute(0)));
        assert!(a != NO_SESSION && b != NO_SESSION);
        assert_eq!(opened(&mut f, 1, minute(0)), NO_SESSION);
        let (context, w) = f.begin(minute(2), full(b, 1), vec![wanted(7)], &[wanted(0).key]).expect("it fits");
        assert_eq!((context, w.len()), (Context::Incremental { id: b, epoch: 2 }, 3));
        let (context, w) = f.begin(minute(2), full(b, 2), vec![wanted(8)], &[]).expect("it is answered");
        assert_eq!((context, w.len(), f.len()), (Context::Sessionless, 4, 1));
        let c = opened(&mut f, 3, minute(2));
        assert_ne!(opened(&mut f, 4, minute(3)), NO_SESSION, "the stale one gave way");
        assert!(f.begin(minute(3), full(c, 1), vec![], &[]).is_ok());
        f.check_invariants(c);
    }
}
