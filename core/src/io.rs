//! THE boundary between the machine and whoever runs it. Read first.
//!
//! Takes       `Input`: what happened (a request, a completion, time passing), one at a time, each with a `Now`.
//! Gives       `Effect`: what shall be done. Data ranges are named (`Chunk::File`), not carried.
//! Holds       the contract below, which both edges (`ottla-net`, `ottla-sim`) implement and are tested for.
//! Not here    what any of it means: `node.rs` routes, the machines decide.
//!
//! # Contract
//! 1. `Node::handle` is the only mutation. It is total, never blocks, reads no clock, and its work is bounded by its input.
//! 2. The effects of one call may be performed in any order, also after those of later calls, except:
//!    calls on one file are performed in the order in which they were given, and within one directory `MakeDir` is performed
//!    before everything given after it, `RenameDir` and `RemoveDir` after everything given before them.
//!    A `Sync` may be overtaken by later appends and reads of its file (never by a truncate, rename or removal): it covers at least
//!    what was given before it.
//! 3. An `OpId` is never reused. Its completion is delivered exactly once, or the node is dead.
//! 4. An append is visible to later calls on that file at once. `Sync`'s completion alone announces durability of a file's bytes
//!    and length; `SyncDir`'s completion alone announces durability of names (creation, rename, removal).
//! 5. A failed `Sync` is final for the log whose file it is: nobody retries an fsync. That one partition is offline from then on; a
//!    node ends itself if it is the metadata log. The others go on: Linux reports a failed writeback to each open file that it
//!    concerns, so their syncs keep their meaning, and a dying disk takes them offline one by one. Only a checkpoint of the node is
//!    written again, as a new file. What a reader sees may not be on the disk from then on, whatever a later `Sync` says, until it
//!    is written again (`Rewrite`) and that is synced.
//! 6. A `Chunk::File` range does not change until `Input::Released` names the lease of the reply that carried it.
//! 7. A peer's mistake is an error code in a reply; the environment's fault is an input; a broken invariant of our own is a panic.

use crate::ids::{BytePos, ConnId, DirId, LeaseId, OpId};
use crate::time::Instant;
use crate::wire::{RequestFrame, Response};
use bytes::Bytes;

/// What happened.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "moved once from the edge to the machine; a box would be one more allocation a request"
)]
pub enum Input {
    /// A client connected. `host` is its address as Kafka prints it ("/127.0.0.1"); `internal` stays false for clients.
    Opened { conn: ConnId, host: String },
    /// A whole request arrived and was decoded. Requests of one connection are handed in in the order of their arrival. Admission is
    /// the edge's: it stops reading a connection while `Node::unanswered` is above its budget.
    Request { conn: ConnId, request: RequestFrame },
    /// The connection is gone. Nothing that was asked on it needs an answer; what it appended stays.
    Closed { conn: ConnId },
    /// A disk call ended.
    Disk { op: OpId, result: Result<DiskDone, DiskFault> },
    /// The reply that carried this lease has left the machine, or its connection is gone: its file ranges may change.
    Released { lease: LeaseId },
    /// These bytes of a range could not be read when the reply that carried it was sent: its connection ends, and its lease is released.
    Unreadable { file: FileId, pos: BytePos, len: u32 },
    /// The volume of the data directory as the edge sees it: handed in before each request that asks for it (DescribeLogDirs). Never
    /// needed for a decision.
    Volume(Volume),
    /// An orderly end is asked for (SIGTERM): finish what was promised, close clean, then `Effect::Halt(Fatal::Shutdown)`, or `Unclean`
    /// where the disk does not let us.
    Shutdown,
    /// A deadline has passed, or the edge simply wants to give the node a turn. Always harmless.
    Wake,
}

/// How large a volume is, and how much of it this process may still fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    pub total_bytes: u64,
    pub usable_bytes: u64,
}

/// What shall be done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send this answer. Per connection the core emits replies in the order of the requests; an edge sends them in that order.
    /// With a lease, `Input::Released` is owed once the last byte has left (or never can).
    Reply { conn: ConnId, reply: Reply },
    /// Close this connection after the replies already given for it. `Input::Closed` follows as for any other end.
    Close { conn: ConnId },
    /// Perform a disk call. `Input::Disk` with the same `op` follows.
    Disk { op: OpId, file: FileId, call: DiskCall },
    /// Something that a log line, a metric or a checker may want to know. Never needed for correctness.
    Note(Fact),
    /// The node has ended itself. It gives no further effects and must be given no further inputs.
    Halt(Fatal),
}

/// An answer to one request, not yet encoded (`wire::encode_reply` does that, on any thread).
#[derive(Debug, Clone)]
pub struct Reply {
    pub correlation: i32,
    /// The version of the request, which is the version of the answer (ApiVersions' fallback sets 0).
    pub version: i16,
    pub response: Response,
    pub lease: Option<LeaseId>,
}

/// A run of bytes to be sent: bytes at hand, or a range of a file (sendfile as data).
#[derive(Clone, PartialEq, Eq)]
pub enum Chunk {
    Bytes(Bytes),
    File { file: FileId, pos: BytePos, len: u32 },
}

impl Chunk {
    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Chunk::Bytes(b) => b.len(),
            Chunk::File { len, .. } => *len as usize,
        }
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Chunk::Bytes(b) => write!(f, "{} bytes", b.len()),
            Chunk::File { file, pos, len } => write!(f, "{file}[{pos}..+{len}]"),
        }
    }
}

/// One file of the data directory: a directory and a name in it. There is nothing to open or close: an edge keeps as many
/// handles as its configuration allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    pub dir: DirId,
    pub name: FileName,
}

/// The data directory itself.
pub const ROOT: DirId = DirId(0);

impl FileId {
    #[must_use]
    pub fn new(dir: DirId, kind: FileKind, base: i64) -> FileId {
        FileId { dir, name: FileName { kind, base, epoch: 0, suffix: Suffix::None } }
    }

    /// The directory as the target of directory calls.
    #[must_use]
    pub fn dir(dir: DirId) -> FileId {
        FileId::new(dir, FileKind::Dir, 0)
    }

    /// The same file under another suffix, as the steps of a replacement or a delayed removal use it.
    #[must_use]
    pub fn with_suffix(self, suffix: Suffix) -> FileId {
        FileId { name: FileName { suffix, ..self.name }, ..self }
    }
}

/// A file's name, as data: `Display` gives Kafka's spelling and `parse` takes it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    pub kind: FileKind,
    /// The base offset of a segment file, the end offset of a metadata snapshot; zero for the rest.
    pub base: i64,
    /// The epoch of a metadata snapshot; zero for the rest.
    pub epoch: i32,
    pub suffix: Suffix,
}

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileKind {
    /// The directory itself, as the target of directory calls.
    Dir,
    /// `N.log`: record batches.
    Log,
    /// `N.index`: sparse offset index.
    Index,
    /// `N.timeindex`: sparse time index.
    TimeIndex,
    /// `N.txnindex`: aborted transactions.
    TxnIndex,
    /// `N.snapshot`: producer state as of offset N.
    Snapshot,
    /// `N-E.checkpoint`: snapshot of the cluster metadata.
    Checkpoint,
    /// `partition.metadata`: the topic id.
    PartitionMetadata,
    /// `leader-epoch-checkpoint`.
    LeaderEpochs,
    /// `quorum-state`: the vote and the epoch of the metadata quorum.
    QuorumState,
    /// `meta.properties`: cluster id, node id, directory id.
    MetaProperties,
    /// `recovery-point-offset-checkpoint`: what is known to be on disk, per partition.
    RecoveryPoints,
    /// `log-start-offset-checkpoint`: how far DeleteRecords and retention have come, per partition.
    LogStarts,
    /// `replication-offset-checkpoint`: high watermarks, per partition.
    HighWatermarks,
    /// `ottla.reserve`: space that only the metadata log may use, when there is no other left.
    Reserve,
    /// `.kafka_cleanshutdown`: present only between an orderly end and the next start.
    CleanShutdown,
}

/// The stage that a file is in, where its replacement or its removal takes several steps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Suffix {
    None,
    /// `.tmp`: being written; recovery removes it.
    Tmp,
    /// `.deleted`: removed from the log, kept for readers; recovery removes it.
    Deleted,
}

const KINDS: [(FileKind, &str); 15] = [
    (FileKind::Log, ".log"),
    (FileKind::Index, ".index"),
    (FileKind::TimeIndex, ".timeindex"),
    (FileKind::TxnIndex, ".txnindex"),
    (FileKind::Snapshot, ".snapshot"),
    (FileKind::Checkpoint, ".checkpoint"),
    (FileKind::PartitionMetadata, "partition.metadata"),
    (FileKind::LeaderEpochs, "leader-epoch-checkpoint"),
    (FileKind::QuorumState, "quorum-state"),
    (FileKind::MetaProperties, "meta.properties"),
    (FileKind::RecoveryPoints, "recovery-point-offset-checkpoint"),
    (FileKind::LogStarts, "log-start-offset-checkpoint"),
    (FileKind::HighWatermarks, "replication-offset-checkpoint"),
    (FileKind::Reserve, "ottla.reserve"),
    (FileKind::CleanShutdown, ".kafka_cleanshutdown"),
];

impl FileKind {
    fn has_base(self) -> bool {
        use FileKind as K;
        matches!(self, K::Log | K::Index | K::TimeIndex | K::TxnIndex | K::Snapshot | K::Checkpoint)
    }
}

impl FileName {
    /// The name that Kafka's spelling `text` stands for; `None` for a file that is none of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<FileName> {
        let (stem, suffix) = if let Some(stem) = text.strip_suffix(".tmp") {
            (stem, Suffix::Tmp)
        } else if let Some(stem) = text.strip_suffix(".deleted") {
            (stem, Suffix::Deleted)
        } else {
            (text, Suffix::None)
        };
        for (kind, spelling) in KINDS {
            if !kind.has_base() {
                if stem == spelling {
                    return Some(FileName { kind, base: 0, epoch: 0, suffix });
                }
                continue;
            }
            let Some(number) = stem.strip_suffix(spelling) else { continue };
            let (base, epoch) = match (kind, number.split_once('-')) {
                (FileKind::Checkpoint, Some((base, epoch))) => (base, Some(epoch)),
                (FileKind::Checkpoint, None) | (_, Some(_)) => return None,
                (_, None) => (number, None),
            };
            let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
            if !digits(base, 20) || epoch.is_some_and(|e| !digits(e, 10)) {
                return None;
            }
            let epoch = epoch.map_or(Some(0), |e| e.parse().ok())?;
            // No log comes so far that sums of offsets overflow.
            let base = base.parse().ok().filter(|base| *base < i64::MAX >> 1)?;
            return Some(FileName { kind, base, epoch, suffix });
        }
        None
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let spelling = KINDS.iter().find(|(k, _)| *k == self.kind).map_or(".", |(_, s)| s);
        match self.kind {
            FileKind::Checkpoint => write!(f, "{:020}-{:010}{spelling}", self.base, self.epoch)?,
            kind if kind.has_base() => write!(f, "{:020}{spelling}", self.base)?,
            _ => f.write_str(spelling)?,
        }
        match self.suffix {
            Suffix::None => Ok(()),
            Suffix::Tmp => f.write_str(".tmp"),
            Suffix::Deleted => f.write_str(".deleted"),
        }
    }
}

impl std::fmt::Debug for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::fmt::Display for FileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "d{}/{}", self.dir, self.name)
    }
}

impl std::fmt::Debug for FileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// One call on one file or directory.
#[derive(Clone, PartialEq, Eq)]
pub enum DiskCall {
    /// Create the file empty, or empty it. The first call of every file that is new.
    Create,
    /// Write `data`, one part after the other, at `pos`, which is the end of the file. A fault may leave any prefix behind.
    Append { pos: BytePos, data: Vec<Bytes> },
    /// Read `len` bytes at `pos`; fewer only where the file ends. Reading 0 bytes touches nothing, succeeds also where there is no
    /// such file, and ends like any other call.
    Read { pos: BytePos, len: u32 },
    /// Make all that was written to the file before durable, with its length.
    Sync,
    /// Write the `len` bytes at `pos` over themselves: unchanged for every reader, and to be covered by the next `Sync` whatever became
    /// of those before it.
    Rewrite { pos: BytePos, len: u32 },
    /// Cut the file to `len` bytes.
    Truncate { len: u64 },
    /// Give the file another name in the same directory, replacing what bears it.
    Rename { to: FileName },
    /// Remove the file. Not an error if it is absent.
    Remove,
    /// Create the directory `path` under the data directory, and bind the `DirId` to it. Not an error if it exists.
    MakeDir { path: String },
    /// Give the directory another name; its `DirId` and its files follow.
    RenameDir { path: String },
    /// Remove the directory with all that is in it. Not an error if it is absent.
    RemoveDir,
    /// Make creations, renames and removals of names *in* this directory durable.
    SyncDir,
}

impl std::fmt::Debug for DiskCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DiskCall::Create => f.write_str("create"),
            DiskCall::Append { pos, data } => write!(f, "append {}B at {pos}", data.iter().map(Bytes::len).sum::<usize>()),
            DiskCall::Read { pos, len } => write!(f, "read {len}B at {pos}"),
            DiskCall::Sync => f.write_str("sync"),
            DiskCall::Rewrite { pos, len } => write!(f, "rewrite {len}B at {pos}"),
            DiskCall::Truncate { len } => write!(f, "truncate to {len}B"),
            DiskCall::Rename { to } => write!(f, "rename to {to}"),
            DiskCall::Remove => f.write_str("remove"),
            DiskCall::MakeDir { path } => write!(f, "make dir {path}"),
            DiskCall::RenameDir { path } => write!(f, "rename dir to {path}"),
            DiskCall::RemoveDir => f.write_str("remove dir"),
            DiskCall::SyncDir => f.write_str("sync dir"),
        }
    }
}

/// How a disk call ended well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiskDone {
    /// Everything but a read.
    Done,
    /// What was read.
    Read(Bytes),
}

/// How a disk call failed. What it did before it failed is unknown, except that an append left a prefix of its data or less.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskFault {
    /// EIO and everything that is not named here.
    Io,
    /// ENOSPC, EDQUOT: trying again later may succeed.
    NoSpace,
    /// The file or directory is not there.
    NotFound,
}

/// A point in time at which the node wants `Input::Wake` at the latest, and what for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadline {
    pub at: Instant,
    /// A short name, for traces and for finding out who wakes the machine.
    pub why: &'static str,
}

/// Why a node ended itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fatal {
    /// `Input::Shutdown` was carried out.
    Shutdown,
    /// `Input::Shutdown` was carried out but for this, so that the next start has to recover.
    Unclean { what: String },
    /// The directory of the metadata log failed, so nothing can be decided any more.
    MetadataDirFailed { what: String },
}

/// Something worth a log line, a metric, or a checker's attention.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    pub level: Level,
    /// A stable name in kebab-case, e.g. `segment-rolled`.
    pub name: &'static str,
    /// A sentence's worth of detail, e.g. "orders-0 base=120 size=4096".
    pub detail: String,
}

/// How loud a fact is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// The whole past, as `Node::recover` reads it: the data directory after a start. Reading is synchronous: a node that recovers
/// serves nobody. What recovery wants *changed* it asks for by effects, like everything else.
pub trait DiskImage {
    /// The directories directly under the data directory, in any order, the data directory itself not among them. What a link leads to
    /// counts as what bears its name.
    fn dirs(&self) -> Result<Vec<String>, DiskFault>;
    /// The files of one directory (`None`: the data directory) with their lengths in bytes, names as on disk, in any order. In a
    /// directory under it, what is no file counts as one of length 0 with a `/` behind its name.
    fn files(&self, dir: Option<&str>) -> Result<Vec<(String, u64)>, DiskFault>;
    /// Up to `len` bytes at `pos`; fewer only where the file ends.
    fn read(&self, dir: Option<&str>, file: &str, pos: u64, len: usize) -> Result<Bytes, DiskFault>;
    /// Bind a directory to its id for the calls that follow; called once per directory that stays in use, before any effect names it.
    fn bind(&mut self, dir: DirId, path: &str);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_from_kafkas_spelling() {
        for (kind, _) in KINDS {
            for suffix in [Suffix::None, Suffix::Tmp, Suffix::Deleted] {
                let base = if kind.has_base() { 4711 } else { 0 };
                let epoch = if kind == FileKind::Checkpoint { 3 } else { 0 };
                let name = FileName { kind, base, epoch, suffix };
                assert_eq!(FileName::parse(&name.to_string()), Some(name));
            }
        }
        assert_eq!(FileId::new(ROOT, FileKind::Log, 42).name.to_string(), "00000000000000000042.log");
        for foreign in [
            "lost+found",
            "1.log",
            "00000000000000000000.logx",
            "-0000000000000000001.log",
            "00000000000000000001.checkpoint",
            "09223372036854775807.log",
        ] {
            assert_eq!(FileName::parse(foreign), None, "{foreign}");
        }
    }
}
