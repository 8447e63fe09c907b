//! Fetch: reads of one request, one partition after the other against one budget of bytes; long polling; sessions.
//!
//! State       per partition what was asked, what was found, and how much more became visible since.
//! Takes       `Fetched` and `Readable` of partitions; the passing of `max_wait_ms`.
//! Gives       `Step`: the next read, a wait, or the end.
//! Holds       the first batch found is given whole whatever the limits say; all later ones keep within them (KIP-74).
//!             A parked fetch looks again only when enough has become visible, something went wrong, or time is up.
//! Not here    what is visible (partitions), the table of sessions (`session::fetch_session`).
//! Read first  `Job::step`.

use super::{Ask, Lookup, last_of_each, token};
use crate::ids::{LeaseId, Offset, PartitionId, TopicId};
use crate::partition::events::{FetchAsk, Fetched, PartitionEvent};
use crate::session::fetch_session::{Context, FetchSessions, Key, NO_SESSION, SessionError, SessionFields, Wanted};
use crate::time::Instant;
use crate::wire::msg::FetchRequest;
use crate::wire::{ErrorCode, FetchPartitionReply, FetchReply, FetchTopicReply};
use std::time::Duration;

/// A Fetch in progress.
#[derive(Debug)]
pub struct Job {
    context: Context,
    read_committed: bool,
    min_bytes: u64,
    max_bytes: u64,
    pub max_wait: Duration,
    /// What pins the ranges of the round under way.
    lease: LeaseId,
    /// Who pinned something under it.
    leased: Vec<PartitionId>,
    parts: Vec<Part>,
    /// The part that is read next.
    next: usize,
    /// What the round under way has found.
    found_bytes: u64,
    /// The sum of the parts' `ready_bytes`.
    ready_bytes: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The round of reads is answered whatever it finds, if `last`.
    Reading {
        last: bool,
    },
    Parked,
}

#[derive(Debug)]
struct Part {
    wanted: Wanted,
    partition: Result<PartitionId, Refusal>,
    /// (leader, epoch), which a refused fetcher is told from version 16 on (KIP-951).
    leader: Option<(i32, i32)>,
    found: Option<Fetched>,
    /// What a read would find now, as far as is known.
    ready_bytes: u64,
}

/// Why a partition is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal {
    /// There is no such partition. As in Kafka this does not end the wait for others.
    Unknown(ErrorCode),
    /// Kafka finds this when it reads, which ends the wait.
    Unreadable(ErrorCode),
}

/// What a Fetch does next.
#[derive(Debug)]
pub enum Step {
    Ask(PartitionId, PartitionEvent),
    /// Nothing until a partition says so or time is up. The watches to be set.
    Park(Vec<Ask>),
    Answer,
}

/// A lease and the partitions that pinned something under it.
pub type Pinned = (LeaseId, Vec<PartitionId>);

/// Limits of the broker.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `fetch.max.bytes`
    pub fetch_max_bytes: u64,
}

/// The job, or the answer if the request fits no session.
pub fn begin(
    now: Instant,
    lookup: Lookup<'_>,
    sessions: &mut FetchSessions,
    lease: LeaseId,
    limits: Limits,
    version: i16,
    request: FetchRequest,
) -> Result<Job, FetchReply> {
    let by_topic_id = version >= 13;
    let fields = SessionFields { id: request.session_id, epoch: request.session_epoch, by_topic_id };
    let fields = if version < 7 { SessionFields { id: NO_SESSION, epoch: -1, by_topic_id } } else { fields };
    let key = |name: &str, id: uuid::Uuid, index: i32| match by_topic_id {
        true => Key { name: String::new(), id: TopicId(id), index },
        false => Key { name: name.to_owned(), id: TopicId::default(), index },
    };
    let mut wanted = Vec::with_capacity(request.topics.iter().map(|t| t.partitions.len()).sum());
    if !matches!(request.isolation_level, 0 | 1) {
        return Err(refused_whole(version, &request));
    }
    for topic in &request.topics {
        wanted.extend(topic.partitions.iter().map(|p| Wanted {
            key: key(&topic.topic, topic.topic_id, p.partition),
            current_leader_epoch: p.current_leader_epoch,
            fetch_offset: p.fetch_offset,
            last_fetched_epoch: p.last_fetched_epoch,
            log_start_offset: p.log_start_offset,
            max_bytes: p.partition_max_bytes,
            was_known: false,
        }));
    }
    let forgotten = request.forgotten_topics_data.iter();
    let forgotten: Vec<Key> = forgotten.flat_map(|t| t.partitions.iter().map(move |p| key(&t.topic, t.topic_id, *p))).collect();
    let wanted = last_of_each(wanted, |w| w.key.clone());
    let (context, wanted) = match sessions.begin(now, fields, wanted, &forgotten) {
        Ok(begun) => begun,
        Err(error) => {
            let code = match error {
                SessionError::NotFound => ErrorCode::FetchSessionIdNotFound,
                SessionError::InvalidEpoch => ErrorCode::InvalidFetchSessionEpoch,
                SessionError::TopicIdMismatch => ErrorCode::FetchSessionTopicIdError,
            };
            return Err(FetchReply { error_code: code.code(), ..FetchReply::default() });
        }
    };
    let replica = if version >= 15 { request.replica_state.replica_id.0 } else { request.replica_id.0 };
    let parts = wanted.into_iter().map(|wanted| {
        let found = match by_topic_id {
            true => lookup.by_id(wanted.key.id, wanted.key.index),
            false => lookup.by_name(&wanted.key.name, wanted.key.index),
        };
        let partition = match found {
            Err(ErrorCode::UnknownTopicId) if wanted.was_known => Err(Refusal::Unknown(ErrorCode::UnknownTopicOrPartition)),
            // What the metadata knows goes to the replica manager in Kafka, and an error from there is told at once.
            Err(error @ (ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower)) => Err(Refusal::Unreadable(error)),
            Err(error) => Err(Refusal::Unknown(error)),
            // No other replica is assigned anything here.
            Ok(_) if replica >= 0 => Err(Refusal::Unreadable(ErrorCode::NotLeaderOrFollower)),
            Ok(_) if wanted.max_bytes < 0 || request.max_bytes < 0 => Err(Refusal::Unreadable(ErrorCode::UnknownServerError)),
            Ok(id) => Ok(id),
        };
        let leader = found.ok().filter(|_| version >= 16).and_then(|id| {
            let p = lookup.image.partition(id.topic, id.index)?;
            Some((p.leader?.0, p.leader_epoch.0))
        });
        Part { wanted, partition, leader, found: None, ready_bytes: 0 }
    });
    let max_bytes = u64::try_from(request.max_bytes).unwrap_or(0).min(limits.fetch_max_bytes);
    Ok(Job {
        context,
        read_committed: request.isolation_level == 1,
        min_bytes: u64::try_from(request.min_bytes).unwrap_or(0).min(max_bytes),
        max_bytes,
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)),
        lease,
        leased: Vec::new(),
        parts: parts.collect(),
        next: 0,
        found_bytes: 0,
        ready_bytes: 0,
        state: State::Reading { last: request.max_wait_ms <= 0 },
    })
}

impl Job {
    /// What to do next. `gather` is this job's number. `ends`: nobody waits any more, since the node ends.
    pub fn step(&mut self, gather: u64, ends: bool) -> Step {
        let State::Reading { last } = self.state else { return Step::Park(Vec::new()) };
        while let Some(part) = self.parts.get(self.next) {
            if let (None, Ok(partition)) = (&part.found, part.partition) {
                return Step::Ask(partition, PartitionEvent::Fetch { token: token(gather, self.next), ask: self.ask_of(part) });
            }
            self.next += 1;
        }
        if last || ends || self.must_answer_now() {
            return Step::Answer;
        }
        self.state = State::Parked;
        let watches = self.parts.iter().enumerate().filter_map(|(i, part)| {
            let (partition, found) = (part.partition.ok()?, part.found.as_ref()?);
            Some((partition, PartitionEvent::Watch { token: token(gather, i), seen_bytes: found.seen_bytes }))
        });
        Step::Park(watches.collect())
    }

    fn ask_of(&self, part: &Part) -> FetchAsk {
        let room = self.max_bytes.saturating_sub(self.found_bytes);
        let max_bytes = u64::try_from(part.wanted.max_bytes).unwrap_or(0).min(room);
        FetchAsk {
            // In Kafka's Fetch, and only there, every negative epoch is none.
            current_leader_epoch: part.wanted.current_leader_epoch.max(-1),
            last_fetched_epoch: part.wanted.last_fetched_epoch,
            offset: Offset(part.wanted.fetch_offset),
            max_bytes: u32::try_from(max_bytes).unwrap_or(u32::MAX),
            at_least_one: self.found_bytes == 0,
            read_committed: self.read_committed,
            lease: self.lease,
        }
    }

    /// As Kafka: enough bytes, an error, nothing to wait for, or more than one read can give.
    fn must_answer_now(&self) -> bool {
        let found = || self.parts.iter().filter_map(|p| p.found.as_ref());
        found().next().is_none()
            || self.parts.iter().any(|p| matches!(p.partition, Err(Refusal::Unreadable(_))))
            || found().any(|f| f.error != ErrorCode::None || f.diverging.is_some())
            || found().any(|f| f.more_is_there)
            || self.found_bytes >= self.min_bytes
    }

    /// The session in which it is asked, if it is a later request of one.
    #[must_use]
    pub fn session(&self) -> Option<i32> {
        if let Context::Incremental { id, .. } = self.context { Some(id) } else { None }
    }

    /// A partition was read.
    pub fn on_fetched(&mut self, part: u32, found: Fetched) {
        let part = &mut self.parts[part as usize];
        assert!(part.found.is_none(), "a part of a fetch was read twice in one round");
        part.ready_bytes = found.bytes();
        self.found_bytes += part.ready_bytes;
        self.ready_bytes += part.ready_bytes;
        if let (Some(_), Ok(partition)) = (found.lease, part.partition) {
            self.leased.push(partition);
        }
        part.found = Some(found);
    }

    /// A watched partition has more. True if that is enough for another look.
    pub fn on_readable(&mut self, part: u32, more_bytes: u64, disturbed: bool) -> bool {
        if self.state != State::Parked {
            return false;
        }
        let part = &mut self.parts[part as usize];
        let limit = u64::try_from(part.wanted.max_bytes).unwrap_or(0).max(1);
        let before = part.ready_bytes;
        part.ready_bytes = before.saturating_add(more_bytes).min(limit.max(before));
        self.ready_bytes += part.ready_bytes - before;
        disturbed || self.ready_bytes >= self.min_bytes
    }

    /// Look again, for the last time, under a new lease. The old one, if anything was pinned under it, and the watches to end.
    pub fn look_again(&mut self, gather: u64, lease: LeaseId) -> (Option<Pinned>, Vec<Ask>) {
        assert!(self.state == State::Parked, "a fetch that reads cannot begin to read");
        let watches = self.unwatch(gather);
        let old = (!self.leased.is_empty()).then(|| (self.lease, std::mem::take(&mut self.leased)));
        self.lease = lease;
        self.next = 0;
        (self.found_bytes, self.ready_bytes) = (0, 0);
        self.state = State::Reading { last: true };
        for part in &mut self.parts {
            (part.found, part.ready_bytes) = (None, 0);
        }
        (old, watches)
    }

    /// The watches that a parked fetch has set.
    #[must_use]
    pub fn unwatch(&self, gather: u64) -> Vec<Ask> {
        if self.state != State::Parked {
            return Vec::new();
        }
        let parts = self.parts.iter().enumerate();
        parts.filter_map(|(i, p)| Some((p.partition.ok()?, PartitionEvent::Unwatch { token: token(gather, i) }))).collect()
    }

    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.state == State::Parked
    }

    /// What is pinned, and by whom, when the job is dropped or answered.
    #[must_use]
    pub fn lease(&self) -> Option<(LeaseId, &[PartitionId])> {
        (!self.leased.is_empty()).then_some((self.lease, self.leased.as_slice()))
    }

    /// The answer, after which the session has moved on.
    #[must_use]
    pub fn into_reply(self, now: Instant, sessions: &mut FetchSessions) -> FetchReply {
        if let Context::Incremental { id, epoch } = self.context
            && sessions.is_stale(id, epoch)
        {
            return FetchReply {
                error_code: ErrorCode::InvalidFetchSessionEpoch.code(),
                session_id: id,
                ..FetchReply::default()
            };
        }
        let mut reply = FetchReply::default();
        let mut remembered = Vec::new();
        // Kafka tells the partitions that it knows first.
        let (known, unknown): (Vec<Part>, Vec<Part>) =
            self.parts.into_iter().partition(|p| !matches!(p.partition, Err(Refusal::Unknown(_))));
        for part in known.into_iter().chain(unknown) {
            let answer = part_reply(part.wanted.key.index, part.partition, part.found, part.leader);
            match self.context {
                Context::Incremental { id, .. } if !sessions.select(id, &part.wanted.key, &answer) => continue,
                Context::Full { .. } => {
                    let told = if answer.error_code == 0 { (answer.high_watermark, answer.log_start_offset) } else { (-1, -1) };
                    let was_known = part.partition != Err(Refusal::Unknown(ErrorCode::UnknownTopicId));
                    remembered.push((Wanted { was_known, ..part.wanted.clone() }, told));
                }
                _ => {}
            }
            let key = part.wanted.key;
            match reply.topics.last_mut() {
                Some(last) if last.name == key.name && last.id == key.id => last.partitions.push(answer),
                _ => reply.topics.push(FetchTopicReply { name: key.name, id: key.id, partitions: vec![answer] }),
            }
        }
        reply.session_id = match self.context {
            Context::Sessionless => NO_SESSION,
            Context::Incremental { id, .. } => id,
            Context::Full { by_topic_id } => sessions.remember(now, by_topic_id, remembered),
        };
        reply
    }
}

fn part_reply(
    index: i32,
    partition: Result<PartitionId, Refusal>,
    found: Option<Fetched>,
    leader: Option<(i32, i32)>,
) -> FetchPartitionReply {
    let found = match (partition, found) {
        // Kafka gives an empty list of aborted transactions for what it does not know, and none for what it could not read.
        (Err(Refusal::Unknown(error)), _) => Fetched { aborted: Some(Vec::new()), ..Fetched::refused(error) },
        (Err(Refusal::Unreadable(error)), _) => Fetched::refused(error),
        (Ok(_), found) => found.expect("a fetch is answered after all of it was read"),
    };
    let asks_elsewhere = matches!(found.error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
    FetchPartitionReply {
        index,
        error_code: found.error.code(),
        high_watermark: found.high_watermark,
        last_stable_offset: found.last_stable_offset,
        log_start_offset: found.log_start_offset,
        aborted: found.aborted,
        preferred_read_replica: -1,
        diverging: found.diverging,
        current_leader: leader.filter(|_| asks_elsewhere),
        records: found.records,
    }
}

/// An isolation level that does not exist: Kafka fails on it before it looks at anything.
fn refused_whole(version: i16, request: &FetchRequest) -> FetchReply {
    let mut reply = FetchReply { error_code: ErrorCode::UnknownServerError.code(), ..FetchReply::default() };
    if version < 13 {
        let refused = Err(Refusal::Unknown(ErrorCode::UnknownServerError));
        reply.topics.extend(request.topics.iter().map(|t| FetchTopicReply {
            name: t.topic.to_string(),
            id: TopicId::default(),
            partitions: t.partitions.iter().map(|p| part_reply(p.partition, refused, None, None)).collect(),
        }));
    }
    reply
}
