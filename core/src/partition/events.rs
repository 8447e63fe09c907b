//! What a partition is asked and what it answers: typed messages, so that it does not matter on which loop it lives.

use crate::ids::{BytePos, LeaderEpoch, LeaseId, Offset, OpId};
use crate::io::{Chunk, DiskDone, DiskFault, Fact};
use crate::log::LogConfig;
use crate::wire::batch::Checked;
use crate::wire::{Aborted, ErrorCode};

/// Who waits for an answer: one part of one gather. Chosen by the asker, given back with the answer, never looked into here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token {
    pub gather: u64,
    pub part: u32,
}

/// What a Produce waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acks {
    /// The append (acks 0 and 1; under acks=0 the answer is dropped by the session).
    Leader,
    /// The high watermark (acks -1).
    All,
}

/// What happened to a partition.
#[derive(Debug)]
pub enum PartitionEvent {
    Produce {
        token: Token,
        acks: Acks,
        records: Checked,
    },
    Fetch {
        token: Token,
        ask: FetchAsk,
    },
    /// The fetch of this token found too little: tell what becomes visible beyond `seen_bytes` (as `Fetched` gave it).
    Watch {
        token: Token,
        seen_bytes: u64,
    },
    Unwatch {
        token: Token,
    },
    ListOffsets {
        token: Token,
        current_leader_epoch: i32,
        timestamp: i64,
        committed_only: bool,
    },
    OffsetForLeaderEpoch {
        token: Token,
        current_leader_epoch: i32,
        epoch: LeaderEpoch,
    },
    DeleteRecords {
        token: Token,
        offset: i64,
    },
    /// The log start that `LogStartWanted` told is written down durably.
    LogStartDurable {
        start: Offset,
    },
    /// The recovery point is written down durably, where the log was [`crate::log::Log::is_overpromised`].
    RecoveryPointDurable,
    /// The partition's directory, its name and its topic id survive a power loss from now on.
    DirectoryDurable,
    Released {
        lease: LeaseId,
    },
    /// These bytes of a segment could not be read when they were sent.
    Unreadable {
        segment: Offset,
        pos: BytePos,
        len: u32,
    },
    /// Other settings from now on.
    Configured {
        settings: Box<PartitionSettings>,
    },
    /// The controller chose this leader, itself, for a new term.
    LeaderEpoch {
        leader_epoch: LeaderEpoch,
    },
    /// Retention is due.
    Retain,
    /// Nobody waits for this produce any more, whose records stay where they are, or for this deletion, which is made all the same.
    Unwait {
        token: Token,
    },
    /// A disk call of this partition ended.
    Disk {
        op: OpId,
        result: Result<DiskDone, DiskFault>,
    },
    /// A deadline of this partition passed.
    Time,
    /// The end of this life: make everything durable, take no more appends.
    Close,
    /// The partition is deleted: whoever waits is told.
    Deleted,
    /// Its directory could not be made durable, and this life of the partition ends: whoever waits is told that it is left open what
    /// became of its request, because what was written may be there again with the directory.
    DirectoryFailed,
}

/// What a partition reads of its topic's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSettings {
    pub log: LogConfig,
    /// `min.insync.replicas`
    pub min_insync_replicas: u32,
}

/// A read of one partition.
#[derive(Clone, Copy, Debug)]
pub struct FetchAsk {
    pub current_leader_epoch: i32,
    /// The epoch of the last record before `offset` that the fetcher has; negative: it does not say (KIP-595).
    pub last_fetched_epoch: i32,
    pub offset: Offset,
    pub max_bytes: u32,
    /// One whole batch is wanted even if it is larger than `max_bytes`.
    pub at_least_one: bool,
    /// Only decided transactions: up to the last stable offset, with the aborted ones listed.
    pub read_committed: bool,
    /// What pins the ranges handed out.
    pub lease: LeaseId,
}

/// What a partition gives. Every event with a token is answered exactly once, but for `Watch`, which is answered whenever there is
/// something to tell until `Unwatch`.
#[derive(Debug)]
pub enum PartitionIntent {
    Produced {
        token: Token,
        outcome: Produced,
    },
    Fetched {
        token: Token,
        found: Fetched,
    },
    /// More bytes became visible to the watcher; with `disturbed` something else changed, and it should look again at once.
    Readable {
        token: Token,
        more_bytes: u64,
        disturbed: bool,
    },
    Listed {
        token: Token,
        found: Listed,
    },
    EpochEnd {
        token: Token,
        error: ErrorCode,
        epoch: i32,
        end_offset: i64,
    },
    Deleted {
        token: Token,
        error: ErrorCode,
        low_watermark: i64,
    },
    /// The log is to begin here: write that down; `LogStartDurable` shall follow.
    LogStartWanted {
        start: Offset,
    },
    /// A log start waits for a file that finds no space: without it nothing can be deleted.
    SpaceNeeded,
    /// The high watermark or the recovery point has moved since the checkpoints were told last.
    Checkpoint,
    /// `Close` is done; `clean`: everything is durable.
    Closed {
        clean: bool,
    },
    Note(Fact),
}

/// What became of the records of a Produce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Produced {
    pub error: ErrorCode,
    pub message: Option<String>,
    /// (index in the batch, message) of the records at fault.
    pub record_errors: Vec<(i32, String)>,
    pub base_offset: i64,
    pub log_append_time: i64,
    pub log_start_offset: i64,
}

impl Produced {
    /// Nothing was appended.
    #[must_use]
    pub fn refused(error: ErrorCode) -> Produced {
        Produced { error, base_offset: -1, log_append_time: -1, log_start_offset: -1, ..Produced::default() }
    }
}

/// What a read found.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub error: ErrorCode,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub aborted: Option<Vec<Aborted>>,
    pub records: Vec<Chunk>,
    /// (epoch, end offset) where the fetcher's log leaves this one.
    pub diverging: Option<(i32, i64)>,
    /// The lease of the ask, if ranges were handed out under it.
    pub lease: Option<LeaseId>,
    /// More is there than could be given: the records lie in an older segment than the end of what is visible, or the first batch has no
    /// room. What follows needs another fetch.
    pub more_is_there: bool,
    /// The count of all bytes that ever became visible, for `Watch`.
    pub seen_bytes: u64,
}

impl Fetched {
    #[must_use]
    pub fn refused(error: ErrorCode) -> Fetched {
        Fetched {
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted: None,
            records: Vec::new(),
            diverging: None,
            lease: None,
            more_is_there: false,
            seen_bytes: 0,
        }
    }

    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.records.iter().map(|c| c.size() as u64).sum()
    }
}

/// What a search by timestamp found; -1 throughout for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub error: ErrorCode,
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

impl Listed {
    #[must_use]
    pub fn refused(error: ErrorCode) -> Listed {
        Listed { error, timestamp: -1, offset: -1, leader_epoch: -1 }
    }
}
