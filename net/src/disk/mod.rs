//! The disk as the edge sees it: calls with completions, and files to send from.
//!
//! Gives       the traits `Disk` and `Source`; `RealDisk`, which implements them with files and threads.
//! Holds       the disk clauses of the contract in `ottla_core::io`: order per file and per directory, one completion per call.
//! Not here    what is in a file (`ottla_core::log`); the simulated disk (this crate's tests adapt it to `Disk`).
//! Read first  `order.rs` (which call may overtake which), then `real.rs`.

mod handles;
mod image;
mod lock;
mod order;
mod pool;
pub(crate) mod real;

pub use image::RealImage;
pub use lock::{DirLock, LockError};
pub use real::RealDisk;

use bytes::Bytes;
use ottla_core::ids::{BytePos, OpId};
use ottla_core::io::{DiskCall, DiskDone, DiskFault, FileId, Volume};
use rustix::fd::BorrowedFd;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// How a disk call ended.
#[derive(Debug)]
pub struct Completion {
    pub op: OpId,
    pub result: Result<DiskDone, DiskFault>,
    /// How long an fsync took, for the metrics.
    pub sync_took: Option<Duration>,
}

/// Somebody who performs disk calls.
pub trait Disk: 'static {
    type Source: Source;

    /// Perform a call, or start it. What ends at once is put into `done`.
    fn submit(&mut self, op: OpId, file: FileId, call: DiskCall, done: &mut Vec<Completion>);

    /// Perform what was put off to be done together with what follows. Called when nothing follows at once.
    fn flush(&mut self, done: &mut Vec<Completion>) {
        let _ = done;
    }

    /// Collect into `done` what has ended since; `Ready` says that there was something.
    fn poll_completed(&mut self, cx: &mut Context<'_>, done: &mut Vec<Completion>) -> Poll<()>;

    /// A file to send this range of, when its turn comes. Until then nothing is kept open for it: a reply has a lease, so that the file is
    /// where it is.
    fn source(&mut self, file: FileId, pos: BytePos, len: u32) -> Result<Self::Source, DiskFault>;

    /// The volume of the data directory as it is now, where there is one.
    fn volume(&self) -> Option<Volume> {
        None
    }
}

/// A file to send from.
pub trait Source: 'static {
    /// The file, to be told where sending it fails.
    fn file(&self) -> FileId;

    /// Its path, for the operator.
    fn path(&self) -> String;

    /// The range is what is sent next: have the file open from now on.
    fn open(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The file for sendfile, where there is one.
    fn fd(&self) -> Option<BorrowedFd<'_>>;

    /// Have the range read into memory by another thread, unless it is there already.
    fn warm(&self, pos: u64, len: u32) -> Option<Ticket>;

    /// The whole range, if that takes no waiting.
    fn read_cached(&self, pos: u64, len: usize) -> Option<Bytes> {
        let _ = (pos, len);
        None
    }

    /// The bytes at `pos`, for streams that cannot send files. Fewer only where the file ends.
    fn read(&self, pos: u64, len: usize) -> io::Result<Bytes>;
}

/// A range that is being read into memory.
#[derive(Debug)]
pub struct Ticket(tokio::sync::oneshot::Receiver<()>);

impl Ticket {
    /// A ticket, and what is dropped when the range is in memory (or cannot be read: sending it will tell).
    #[must_use]
    pub fn new() -> (tokio::sync::oneshot::Sender<()>, Ticket) {
        let (done, ticket) = tokio::sync::oneshot::channel();
        (done, Ticket(ticket))
    }

    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

/// What an error of the operating system means to the node.
fn fault_of(error: rustix::io::Errno) -> DiskFault {
    use rustix::io::Errno;
    match error {
        Errno::NOSPC | Errno::DQUOT => DiskFault::NoSpace,
        Errno::NOENT => DiskFault::NotFound,
        // What others hold now and will give back says nothing about the disk: as when there is no space, it is tried again.
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
            tracing::warn!(%error, "the system has nothing left to open a file with");
            DiskFault::NoSpace
        }
        _ => {
            // The node acts alike on all of these; whoever repairs it does not.
            tracing::warn!(%error, "a disk call failed");
            DiskFault::Io
        }
    }
}
