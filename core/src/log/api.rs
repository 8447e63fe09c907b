//! What a log says and is told: the types of its boundary, without its state.
//!
//! Holds       every refusal is one variant with Kafka's error code; every fact that its owner must act upon is a `LogEvent`.
//! Not here    the log (`mod.rs`).

use crate::ids::{BytePos, LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use crate::io::{DiskFault, Fact, FileId};
use crate::time::Timestamp;
use crate::wire::ErrorCode;

/// Who hands in batches to be appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin<'a> {
    /// A producer: everything is checked, offsets are assigned. The names appear in Kafka's error messages.
    Client { topic: &'a str, partition: i32 },
    /// The broker itself (metadata log, coordinators): offsets are assigned, no limits of topics apply.
    Internal,
    /// The leader's log: offsets and epochs are kept as they are.
    Replication,
}

/// Where batches went. That they are *there* is what `LogEvent::Written` and `LogEvent::Synced` say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// The offset of the first record.
    pub base: Offset,
    /// The offset after the last record: done when `written_end` or `synced_end` has reached it, as the promise demands.
    pub end: Offset,
    /// With LogAppendTime, the time that the records were given; else `Timestamp::NONE`.
    pub append_time: Timestamp,
    /// How many bytes are stored, which is not what was sent where the topic compresses otherwise; 0 of a duplicate.
    pub bytes: u64,
    /// The batch was there already (same producer, epoch and sequences): nothing was appended. `base` and `end` are the first one's,
    /// whose disk calls may still be under way.
    pub duplicate: bool,
}

/// Why nothing was appended. The log is as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppendRefusal {
    /// All batches together are larger than a segment.
    ListTooLarge { size: u64, max: u64 },
    /// What the records themselves have wrong, with Kafka's code and texts.
    Records(crate::wire::batch::RecordsError),
    /// The producer was fenced by a newer epoch.
    InvalidProducerEpoch { producer: ProducerId, epoch: ProducerEpoch, current: ProducerEpoch },
    /// A gap in a producer's sequences.
    OutOfOrderSequence { producer: ProducerId, expected_after: i32, got: i32 },
    /// Offsets or epochs of a replicated batch do not continue the log.
    NotContiguous { expected: Offset, got: Offset },
    /// A failed append is being cleared away, or the disk is full: try again.
    Repairing,
    /// The log has failed.
    Offline,
}

/// A piece of a segment file to be sent. Valid until `limit` moves back; pin it (`Log::pin`) while a reply refers to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slice {
    pub file: FileId,
    pub pos: BytePos,
    pub len: u32,
}

/// Names a read or lookup that waits for the disk. Never reused within the life of a log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// The answer to a read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadOutcome {
    /// Here it is; `None` where there is nothing (at the limit, or `bytes_max` is zero).
    Ready(Option<Slice>),
    /// `LogEvent::ReadDone` will follow with this ticket.
    Pending(Ticket),
    /// Below the log start, or above the limit.
    OutOfRange,
}

/// What a lookup by time found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampOffset {
    pub timestamp: Timestamp,
    pub offset: Offset,
    pub epoch: LeaderEpoch,
}

/// What to look for by time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampTarget {
    /// The first record whose timestamp is this or later.
    AtOrAfter(Timestamp),
    /// The first record that has the largest timestamp of the log (KIP-734).
    Largest,
}

/// The answer to a lookup by time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookupOutcome {
    /// `None`: no such record.
    Ready(Option<TimestampOffset>),
    /// `LogEvent::LookupDone` will follow with this ticket.
    Pending(Ticket),
}

/// Something that the log's owner must know, in the order in which it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogEvent {
    /// Everything below `end` is in its file (`written_end`).
    Written {
        end: Offset,
    },
    /// Everything below `end` is durable (`synced_end`).
    Synced {
        end: Offset,
    },
    /// Every append at or above `from` has failed and is gone: whoever waits for one of them is told so. `certain`: it cannot
    /// reappear, not even after a crash.
    AppendsFailed {
        from: Offset,
        why: DiskFault,
        certain: bool,
    },
    /// Appends are taken again.
    Repaired,
    /// The log has failed for good: nothing can be appended, and nothing more becomes durable.
    Offline {
        what: String,
    },
    ReadDone {
        ticket: Ticket,
        outcome: Result<Option<Slice>, ReadFault>,
    },
    LookupDone {
        ticket: Ticket,
        outcome: Result<Option<TimestampOffset>, ReadFault>,
    },
    /// The log is to begin here: write that down, and say so with `Log::on_start_durable`.
    StartWanted {
        start: Offset,
    },
    /// A log start waits for a file that finds no space.
    SpaceNeeded,
    /// That did not help, and records are deleted all the same: the next life may not know who sent them.
    ProducersNotKept,
    /// `log_start` has moved.
    StartAdvanced {
        start: Offset,
    },
    /// `Log::close` is done; `clean`: everything is durable. Otherwise the disk had no room for that, and the next life has to look.
    Closed {
        clean: bool,
    },
    /// Something worth a line.
    Note(Fact),
}

/// Why a read that waited for the disk has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadFault {
    /// The disk could not be read.
    Io,
    /// What was read is no batch, or the wrong one: CORRUPT_MESSAGE.
    Corrupt,
    /// The log has moved away under the read: ask again.
    Moved,
}

/// What is remembered outside the log, when it is recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hints {
    /// Everything below was durable, indexes and checkpoints included. `None`: not known.
    pub recovery_point: Option<Offset>,
    /// As far as records were deleted. `None`: not known.
    pub log_start: Option<Offset>,
    /// The last life ended in order, and nobody has written since.
    pub clean: bool,
    /// The newest leader epoch that anybody can have led in. `None`: not known.
    pub epoch_max: Option<LeaderEpoch>,
    /// Kafka has compacted this log: batches may be missing from the middle of what was durable.
    pub compacted: bool,
    /// Nobody with a producer id writes to this log: what a snapshot of producers would say is not missed.
    pub no_producers: bool,
}

/// What recovery found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing was missing. `scanned_bytes` were checked batch by batch.
    Intact { scanned_bytes: u64 },
    /// Behind the last whole batch lay `bytes` that nobody had been promised; they are cut away. `batches_behind`: whole batches were
    /// among them, as a power loss may leave them.
    TornTail { bytes: u64, batches_behind: bool },
    /// The log ends at `end` though everything below `promised` was known to be durable.
    LostPromised { end: Offset, promised: Offset },
    /// Bytes below the promise are damaged, and batches follow, or a whole batch claims a leader epoch that cannot be: nothing was
    /// cut, the log is offline.
    Corrupt { file: FileId, at: BytePos, offset: Offset },
    /// Kafka's `file` does not tell the transaction that was aborted at `offset`, or is damaged: nobody knows what was aborted. The log
    /// is offline.
    Undecided { file: FileId, offset: Offset },
    /// A file could not be read from `at` on: it may hold anything. Nothing was cut, the log is offline.
    Unreadable { file: FileId, at: BytePos, fault: DiskFault },
}

/// A producer as DescribeProducers shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerInfo {
    pub id: ProducerId,
    pub epoch: ProducerEpoch,
    pub last_sequence: i32,
    pub last_timestamp: Timestamp,
    /// -1 where no transaction marker was seen.
    pub coordinator_epoch: i32,
    /// `None` outside a transaction.
    pub current_txn_start: Option<Offset>,
}

impl AppendRefusal {
    /// Kafka's error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            AppendRefusal::ListTooLarge { .. } => ErrorCode::RecordListTooLarge,
            AppendRefusal::Records(e) => e.code,
            AppendRefusal::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            AppendRefusal::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
            AppendRefusal::NotContiguous { .. } => ErrorCode::CorruptMessage,
            AppendRefusal::Repairing | AppendRefusal::Offline => ErrorCode::KafkaStorageError,
        }
    }
}
