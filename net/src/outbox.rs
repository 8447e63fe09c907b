//! What is to be sent on one connection: runs of bytes and ranges of files, in order.
//!
//! State       the queue, and how far its first entry has come.
//! Takes       the chunks of encoded replies; a stream that takes what it likes.
//! Gives       leases whose last byte has left.
//! Holds       bytes leave in the order in which they were given, each once, whatever a write takes; a file range that is not
//!             cached is read by another thread first, so that the loop does not wait for a disk.
//!             A file is open while its range is the first one, so that a slow reader holds one handle whatever it has asked for.
//! Not here    which file is behind a range (`disk`), when to stop reading (`conn.rs`).

use crate::disk::{Source, Ticket};
use crate::sock::Stream;
use bytes::{Buf, Bytes};
use ottla_core::ids::{BytePos, LeaseId};
use ottla_core::io::FileId;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

/// Runs of bytes that go into one call.
const SLICES_MAX: usize = 32;
/// The part of a file range that is asked about, warmed and handed to the kernel at once.
const WINDOW_BYTES: u32 = 512 * 1024;
/// A shorter range of a file is copied and leaves with its header in one call and one packet: sendfile would take three.
const COPIED_BYTES_MAX: u32 = 32 * 1024;
/// While so many bytes wait in memory, short ranges are not copied either.
const COPIED_HELD_MAX: usize = 256 * 1024;
/// After so many windows other connections get their turn.
const WINDOWS_PER_TURN: usize = 8;

enum Item<F> {
    Bytes(Bytes),
    File(Range<F>),
    /// Everything before has left.
    Lease(LeaseId),
    /// What should follow cannot be had: the connection ends here.
    Broken,
}

struct Range<F> {
    source: F,
    pos: u64,
    left: u32,
    /// Its turn has come, and the file is open.
    open: bool,
    /// How much of what is left is known to be cached.
    warm: u32,
    /// The read that another thread does for us.
    ticket: Option<Ticket>,
}

/// A range cannot be sent because of its file, not of the peer: the error inside that of the connection.
#[derive(Debug)]
pub(crate) struct FileFailed {
    pub(crate) path: String,
    pub(crate) file: FileId,
    /// What could not be read.
    pub(crate) pos: BytePos,
    pub(crate) len: u32,
    pub(crate) why: io::Error,
}

impl fmt::Display for FileFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a range of {} cannot be sent: {}", self.path, self.why)
    }
}

impl std::error::Error for FileFailed {}

/// Sendfile fails for either of two that it works between: with these for the peer's sake.
fn is_of_peer(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(
        kind,
        K::BrokenPipe
            | K::ConnectionAborted
            | K::ConnectionReset
            | K::HostUnreachable
            | K::NetworkDown
            | K::NetworkUnreachable
            | K::NotConnected
            | K::TimedOut
    )
}

/// The outgoing queue of one connection.
pub(crate) struct Outbox<F> {
    items: VecDeque<Item<F>>,
    /// Bytes in memory.
    held: usize,
}

impl<F: Source> Default for Outbox<F> {
    fn default() -> Outbox<F> {
        Outbox { items: VecDeque::new(), held: 0 }
    }
}

impl<F: Source> Outbox<F> {
    pub(crate) fn push_bytes(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.held += bytes.len();
            self.items.push_back(Item::Bytes(bytes));
        }
    }

    pub(crate) fn push_file(&mut self, source: F, pos: u64, len: u32) {
        let copied =
            if len <= COPIED_BYTES_MAX && self.held < COPIED_HELD_MAX { source.read_cached(pos, len as usize) } else { None };
        if let Some(bytes) = copied {
            self.push_bytes(bytes);
        } else if len > 0 {
            self.items.push_back(Item::File(Range { source, pos, left: len, open: false, warm: 0, ticket: None }));
        }
    }

    pub(crate) fn push_lease(&mut self, lease: LeaseId) {
        self.items.push_back(Item::Lease(lease));
    }

    /// The connection shall end after what was pushed so far.
    pub(crate) fn break_off(&mut self) {
        self.items.push_back(Item::Broken);
    }

    /// Nothing that waits is sent any more.
    pub(crate) fn give_up(&mut self) {
        if !self.items.is_empty() {
            self.items.push_front(Item::Broken);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes in memory that wait to be sent.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// The connection is gone: the leases that nobody will read from any more.
    pub(crate) fn into_leases(self) -> impl Iterator<Item = LeaseId> {
        self.items.into_iter().filter_map(|item| match item {
            Item::Lease(lease) => Some(lease),
            Item::Bytes(_) | Item::File(_) | Item::Broken => None,
        })
    }

    /// Send until the queue is empty (`Ready(Ok)`), the stream takes no more, or a range has to be read first.
    /// `sent` counts bytes, `released` collects leases; both hold also when the stream is pending or fails.
    pub(crate) fn poll_flush<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        sent: &mut u64,
        released: &mut Vec<LeaseId>,
    ) -> Poll<io::Result<()>> {
        let mut windows = 0;
        loop {
            match self.items.front_mut() {
                None => {
                    // A long queue is not kept for a connection that may idle from now on.
                    if self.items.capacity() > 64 {
                        self.items = VecDeque::new();
                    }
                    return Poll::Ready(Ok(()));
                }
                Some(Item::Lease(lease)) => {
                    released.push(*lease);
                    self.items.pop_front();
                }
                Some(Item::Broken) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Some(Item::Bytes(_)) => {
                    let n = ready!(self.poll_send_bytes(cx, stream))?;
                    self.held -= n;
                    *sent += n as u64;
                    self.advance(n);
                }
                Some(Item::File(range)) => {
                    windows += 1;
                    if windows > WINDOWS_PER_TURN {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    *sent += u64::from(ready!(range.poll_send(cx, stream))?);
                    if range.left == 0 {
                        self.items.pop_front();
                    }
                }
            }
        }
    }

    fn poll_send_bytes<S: Stream>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let (mut count, mut more) = (0, false);
        for item in &self.items {
            match item {
                Item::Bytes(_) if count == SLICES_MAX => more = true,
                Item::Bytes(bytes) => {
                    slices[count] = IoSlice::new(bytes);
                    count += 1;
                    continue;
                }
                Item::File(_) => more = true,
                Item::Lease(_) => continue,
                Item::Broken => {}
            }
            break;
        }
        match ready!(stream.poll_send(cx, &slices[..count], more))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            n => Poll::Ready(Ok(n)),
        }
    }

    /// Drop `n` bytes from the front. Leases among them are passed over: one that stands between bytes that were sent and bytes
    /// that were not is at the front next.
    fn advance(&mut self, mut n: usize) {
        let mut passed = 0;
        while n > 0 {
            match self.items.get_mut(passed) {
                Some(Item::Lease(_)) => passed += 1,
                Some(Item::Bytes(bytes)) if bytes.len() > n => {
                    bytes.advance(n);
                    n = 0;
                }
                Some(Item::Bytes(bytes)) => {
                    n -= bytes.len();
                    self.items.remove(passed);
                }
                Some(Item::File(_) | Item::Broken) | None => panic!("a stream took more bytes than it was given"),
            }
        }
    }
}

impl<F: Source> Range<F> {
    /// Send some of the next window. Zero bytes of a file that should have more is an error: somebody cut it.
    fn poll_send<S: Stream>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<u32>> {
        if !self.open {
            self.source.open().map_err(|why| self.failed(1, why))?;
            self.open = true;
        }
        if self.warm == 0 {
            ready!(self.poll_warm(cx))?;
        }
        let window = self.warm as usize;
        let sent = match self.source.fd() {
            Some(fd) => stream.poll_send_file(cx, fd, self.pos, window),
            None => None,
        };
        let n = match sent {
            Some(sent) => ready!(sent).map_err(|why| if is_of_peer(why.kind()) { why } else { self.failed(1, why) })?,
            None => {
                // What the stream does not take is read again at the next turn: nothing is kept between two turns.
                let len = self.warm.min(64 * 1024);
                let bytes = self.source.read(self.pos, len as usize).map_err(|why| self.failed(len, why))?;
                if bytes.is_empty() { 0 } else { ready!(stream.poll_send(cx, &[IoSlice::new(&bytes)], false))? }
            }
        };
        let n = u32::try_from(n).map_err(io::Error::other)?;
        if n == 0 {
            let why = io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than the range");
            return Poll::Ready(Err(self.failed(1, why)));
        }
        assert!(n <= self.warm, "a stream took more bytes than it was given");
        self.pos += u64::from(n);
        self.left -= n;
        self.warm -= n;
        Poll::Ready(Ok(n))
    }

    /// The `len` bytes at the position that has been reached cannot be read. Sendfile tells nothing but that position.
    fn failed(&self, len: u32, why: io::Error) -> io::Error {
        let (path, file) = (self.source.path(), self.source.file());
        io::Error::new(why.kind(), FileFailed { path, file, pos: BytePos(self.pos), len, why })
    }

    /// Make sure that the next window is in memory.
    fn poll_warm(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let window = self.left.min(WINDOW_BYTES);
        let ticket = match self.ticket.take() {
            Some(ticket) => Some(ticket),
            None => self.source.warm(self.pos, window),
        };
        if let Some(mut ticket) = ticket
            && ticket.poll_done(cx).is_pending()
        {
            self.ticket = Some(ticket);
            return Poll::Pending;
        }
        self.warm = window;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
