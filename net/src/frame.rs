//! Cutting a stream of bytes into frames: a length of four bytes, then so many bytes.
//!
//! State       the bytes of one frame that is not whole yet.
//! Takes       what a read brought.
//! Gives       whole frames without their length prefix, as slices of the buffer that they were read into.
//! Holds       memory held is at most `GROWTH` times what was received; a connection between two frames holds none.
//! Not here    what a frame means (`ottla_core::wire`).

use crate::limits::Limits;
use bytes::{BufMut, Bytes, BytesMut};
use ottla_core::wire;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is allocated for a frame of which n bytes have come: at most this many times n.
const GROWTH: usize = 64;
/// The buffer that all connections share for first reads.
const SCRATCH_BYTES: usize = 512 * 1024;
/// Less room than this in the shared buffer, and a fresh one is taken.
const SCRATCH_ROOM_MIN: usize = 64 * 1024;
/// A first read takes no more than this: many small requests at once.
const READ_BYTES_MAX: usize = 256 * 1024;
/// After a frame that was longer than the above, a first read takes no more than this: it will be copied, and the rest of the
/// frame is read to where it stays.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// API key, API version and correlation id: no header is shorter.
const FRAME_BYTES_MIN: usize = 8;

/// Why a stream is not read on. Kafka closes the connection in the same cases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FrameError {
    /// A negative length, or one too short for a header.
    Length(i32),
    /// Longer than `socket.request.max.bytes` or than any request of its API can be.
    TooLong { len: usize, len_max: usize },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FrameError::Length(len) => write!(f, "a frame of {len} bytes cannot hold a request"),
            FrameError::TooLong { len, len_max } => write!(f, "a frame of {len} bytes, where {len_max} is the most"),
        }
    }
}

/// The reading half of one connection.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    /// What was received and not yet handed out.
    own: BytesMut,
    /// The whole size of the frame that `own` begins with, prefix included; zero while it is not known.
    need: usize,
    /// Whether `own` is a part of the shared buffer.
    shared: bool,
    /// Whether the last frame was a long one, as the next will be.
    long: bool,
}

impl FrameReader {
    /// Read once. `Ready(Ok(0))` is the end of the stream.
    pub(crate) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        scratch: &mut BytesMut,
    ) -> Poll<std::io::Result<usize>> {
        if self.own.is_empty() {
            if scratch.capacity() - scratch.len() < SCRATCH_ROOM_MIN {
                // Taken back whole if nothing of it is in use any more, else replaced.
                scratch.reserve(SCRATCH_BYTES);
            }
            let max = if self.long { HEAD_BYTES_MAX } else { READ_BYTES_MAX };
            let n = std::task::ready!(poll_read_into(cx, stream, scratch, max))?;
            self.own = scratch.split_to(n);
            self.shared = true;
            return Poll::Ready(Ok(n));
        }
        let room = if self.need == 0 { 64 } else { self.need - self.own.len() };
        if self.own.capacity() == self.own.len() {
            self.own.reserve(room.min(self.own.len().saturating_mul(GROWTH)).max(64));
        }
        let spare = self.own.capacity() - self.own.len();
        poll_read_into(cx, stream, &mut self.own, room.min(spare))
    }

    /// The next whole frame, if there is one. `None` asks for more bytes.
    pub(crate) fn next_frame(&mut self, limits: &Limits) -> Result<Option<Bytes>, FrameError> {
        if self.own.is_empty() {
            return Ok(None);
        }
        if self.need == 0 {
            self.need = check_length(&self.own, limits)?;
        }
        if self.need == 0 || self.own.len() < self.need {
            self.keep_apart();
            return Ok(None);
        }
        self.long = self.need > READ_BYTES_MAX;
        let frame = self.own.split_to(self.need).freeze().slice(4..);
        self.need = 0;
        if self.own.is_empty() {
            self.own = BytesMut::new();
        }
        Ok(Some(frame))
    }

    /// Bytes held for a frame that is not whole.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.own.capacity()
    }

    /// Move a beginning out of the shared buffer into a buffer of its own, sized by what has come.
    fn keep_apart(&mut self) {
        if !std::mem::take(&mut self.shared) {
            return;
        }
        let received = self.own.len();
        let need = if self.need == 0 { 64 } else { self.need };
        let mut apart = BytesMut::with_capacity(need.min(received.saturating_mul(GROWTH)).max(received));
        apart.extend_from_slice(&self.own);
        self.own = apart;
    }
}

/// The size of the frame that `head` begins with, prefix included; zero while that is not known for certain.
fn check_length(head: &[u8], limits: &Limits) -> Result<usize, FrameError> {
    let Some(prefix) = head.first_chunk::<4>() else { return Ok(0) };
    let claimed = i32::from_be_bytes(*prefix);
    let len = match usize::try_from(claimed) {
        Ok(len) if len >= FRAME_BYTES_MIN => len,
        _ => return Err(FrameError::Length(claimed)),
    };
    let mut len_max = limits.request_bytes_max;
    if len > len_max {
        return Err(FrameError::TooLong { len, len_max });
    }
    // Before the API's key is there, nothing is allocated by the claim.
    let Some(key) = head.get(4..6) else { return Ok(0) };
    let of_all = u32::try_from(len_max).unwrap_or(u32::MAX);
    len_max = wire::frame_bytes_max(i16::from_be_bytes([key[0], key[1]]), of_all) as usize;
    if len > len_max {
        return Err(FrameError::TooLong { len, len_max });
    }
    Ok(4 + len)
}

/// One read of at most `max` bytes to the end of `buf`.
fn poll_read_into<S: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    stream: &mut S,
    buf: &mut BytesMut,
    max: usize,
) -> Poll<std::io::Result<usize>> {
    // The future keeps nothing between polls: a read that is pending has taken nothing from the stream.
    let mut room = buf.limit(max);
    let read: Pin<&mut _> = pin!(stream.read_buf(&mut room));
    read.poll(cx)
}

#[cfg(test)]
mod tests;
