//! A stream that does what TCP allows: pieces of any size, pieces joined, wake-ups for nothing, an end at any byte.
//!
//! State       the stream below, bytes that were taken from it and not given yet, the seed's stream of choices.
//! Holds       no byte is lost, doubled or moved, until the reset that was asked for.
//! Not here    delay and loss of connections between hosts (turmoil).

use ottla_core::rng::Rng;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a stream does to bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Character {
    /// The most bytes that one read or write takes; zero is no bound.
    pub(crate) piece_bytes_max: usize,
    /// One poll in so many is pending for nothing; zero is none.
    pub(crate) spurious_one_in: u64,
    /// Reads take everything that has come, however many segments it came in.
    pub(crate) coalesce: bool,
    /// After so many bytes in both directions the stream is reset.
    pub(crate) reset_after: Option<u64>,
}

pub(crate) struct Chaos<T> {
    inner: Option<T>,
    character: Character,
    rng: Rng,
    taken: Vec<u8>,
    ended: bool,
    passed: u64,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Chaos<T> {
    pub(crate) fn new(inner: T, character: Character, seed: u64) -> Chaos<T> {
        let rng = Rng::stream(seed, "chaos");
        Chaos { inner: Some(inner), character, rng, taken: Vec::new(), ended: false, passed: 0 }
    }

    fn is_spurious(&mut self, cx: &mut Context<'_>) -> bool {
        let spurious = self.character.spurious_one_in > 0 && self.rng.chance(1, self.character.spurious_one_in);
        if spurious {
            cx.waker().wake_by_ref();
        }
        spurious
    }

    /// How many of `wanted` bytes pass at once.
    fn piece(&mut self, wanted: usize) -> usize {
        let max = match self.character.piece_bytes_max {
            0 => wanted,
            max => usize::try_from(self.rng.between(1, max as u64)).unwrap(),
        };
        let left = self.character.reset_after.map_or(u64::MAX, |at| at - self.passed);
        wanted.min(max).min(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// The stream below, unless it was reset.
    fn inner(&mut self) -> io::Result<&mut T> {
        if self.character.reset_after.is_some_and(|at| self.passed >= at) {
            self.inner = None;
        }
        self.inner.as_mut().ok_or_else(|| io::ErrorKind::ConnectionReset.into())
    }

    /// Take from below: one segment, or all that are there.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ended && (self.taken.is_empty() || self.character.coalesce) {
            let mut segment = [0; 4096];
            let mut buf = ReadBuf::new(&mut segment);
            match Pin::new(self.inner()?).poll_read(cx, &mut buf) {
                Poll::Ready(read) => read?,
                Poll::Pending if self.taken.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
            self.ended = buf.filled().is_empty();
            self.taken.extend_from_slice(buf.filled());
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Chaos<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.inner()?;
        if self.is_spurious(cx) {
            return Poll::Pending;
        }
        ready!(self.poll_take(cx))?;
        let available = self.taken.len().min(buf.remaining());
        let n = self.piece(available);
        self.passed += n as u64;
        let given: Vec<u8> = self.taken.drain(..n).collect();
        buf.put_slice(&given);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Chaos<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.inner()?;
        if self.is_spurious(cx) {
            return Poll::Pending;
        }
        let n = self.piece(bytes.len());
        let n = ready!(Pin::new(self.inner()?).poll_write(cx, &bytes[..n]))?;
        self.passed += n as u64;
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.inner()?).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.inner()?).poll_shutdown(cx)
    }
}
