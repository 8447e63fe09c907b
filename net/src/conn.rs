//! One connection: reads requests while it is admitted, writes what its queue holds.
//!
//! State       the stream and the frame that is being read. Everything else that is known of a connection is the edge's.
//! Holds       a connection that ends tells the edge, however it ends: also when its task is dropped.
//! Not here    what is admitted (`edge.rs`), how bytes are sent (`outbox.rs`).

use crate::disk::Disk;
use crate::edge::{Edge, enter};
use crate::frame::FrameReader;
use crate::outbox::FileFailed;
use crate::sock::Stream;
use bytes::BytesMut;
use ottla_core::ids::ConnId;
use ottla_core::io::Input;
use ottla_core::wire::{self, RequestFrame};
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// After so many reads other connections get their turn.
const READS_PER_TURN: usize = 16;

pub(crate) struct Connection<S, D: Disk> {
    id: ConnId,
    stream: S,
    reader: FrameReader,
    /// Nothing more is read: the peer has ended, or what it sent is no request. What it asked before is still answered.
    read_out: bool,
    edge: Rc<RefCell<Edge<D>>>,
}

impl<S: Stream, D: Disk> Connection<S, D> {
    pub(crate) fn new(id: ConnId, stream: S, edge: Rc<RefCell<Edge<D>>>) -> Connection<S, D> {
        Connection { id, stream, reader: FrameReader::default(), read_out: false, edge }
    }

    /// Send what there is. `Ready`: the queue is empty.
    fn poll_send(&mut self, cx: &mut Context<'_>, edge: &mut Edge<D>) -> Poll<io::Result<()>> {
        let (mut sent, mut released) = (0, Vec::new());
        let outbox = &mut edge.conn(self.id).outbox;
        if outbox.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let held = outbox.held();
        let flushed = outbox.poll_flush(cx, &mut self.stream, &mut sent, &mut released);
        let gone = held - outbox.held();
        if let Poll::Ready(Err(error)) = &flushed
            && let Some(failed) = error.get_ref().and_then(|error| error.downcast_ref::<FileFailed>())
        {
            // What was sent before promises bytes that we cannot get: nothing that follows could be understood.
            tracing::error!(path = failed.path, error = %failed.why, "a range cannot be sent; closing the connection");
            edge.metrics.on_disk_error();
            let (file, pos, len) = (failed.file, failed.pos, failed.len);
            edge.handle(Input::Unreadable { file, pos, len });
        }
        edge.metrics.outgoing.dec_by(gone as i64);
        if sent > 0 {
            edge.metrics.bytes_out.inc_by(sent);
            edge.on_active(self.id);
        }
        edge.on_sent(self.id, sent, !released.is_empty());
        for lease in released {
            edge.on_released(lease);
        }
        flushed
    }

    /// Read once and hand in the requests that are whole. `Ready(Ok(false))`: the peer has ended.
    fn poll_receive(&mut self, cx: &mut Context<'_>, edge: &mut Edge<D>) -> Poll<io::Result<bool>> {
        let n = std::task::ready!(self.reader.poll_read(cx, &mut self.stream, &mut edge.scratch))?;
        edge.metrics.bytes_in.inc_by(n as u64);
        edge.on_active(self.id);
        Poll::Ready(Ok(n > 0))
    }

    /// Hand in the requests that have come whole, as far as they are admitted. Whether there was one, or what is none.
    fn hand_in(&mut self, edge: &mut Edge<D>) -> bool {
        edge.begin_batch();
        let mut any = false;
        while edge.may_read(self.id) {
            match self.next_request(edge) {
                Ok(Some(request)) => edge.on_request(self.id, request),
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(conn = self.id.0, %error, "no request; the connection ends when what came before is answered");
                    edge.metrics.requests_invalid.inc();
                    self.reader = FrameReader::default();
                    self.read_out = true;
                }
            }
            any = true;
        }
        edge.end_batch();
        any
    }

    fn next_request(&mut self, edge: &Edge<D>) -> Result<Option<RequestFrame>, String> {
        let Some(frame) = self.reader.next_frame(&edge.limits).map_err(|e| e.to_string())? else { return Ok(None) };
        wire::decode_request(frame).map(Some).map_err(|e| e.to_string())
    }

    /// Our end of a connection that ends well: what has come and will not be read is thrown away first, because a socket that is
    /// closed on unread bytes resets the connection, and the peer may lose the answers that it has not read yet.
    fn finish(&mut self, cx: &mut Context<'_>, scratch: &mut BytesMut) {
        let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        let mut reader = FrameReader::default();
        for _ in 0..READS_PER_TURN {
            match reader.poll_read(cx, &mut self.stream, scratch) {
                Poll::Ready(Ok(n)) if n > 0 => reader = FrameReader::default(),
                _ => break,
            }
        }
    }

    /// One turn of the connection: until both directions wait for the peer, the node, or the disk.
    fn poll_turn(&mut self, cx: &mut Context<'_>, edge: &mut Edge<D>) -> Poll<io::Result<()>> {
        for _ in 0..READS_PER_TURN {
            edge.conn(self.id).waker = None;
            let flushed = self.poll_send(cx, edge)?.is_ready();
            if flushed && edge.conn(self.id).closing {
                self.finish(cx, &mut edge.scratch);
                return Poll::Ready(Ok(()));
            }
            // What the last read brought comes before the next read.
            if self.hand_in(edge) {
                continue;
            }
            if !self.read_out && edge.may_read(self.id) {
                match self.poll_receive(cx, edge)? {
                    Poll::Ready(more) => {
                        self.read_out = !more;
                        continue;
                    }
                    Poll::Pending => {}
                }
            }
            if self.read_out && flushed && edge.is_answered(self.id) {
                self.finish(cx, &mut edge.scratch);
                return Poll::Ready(Ok(()));
            }
            if flushed && !edge.conn(self.id).outbox.is_empty() {
                continue;
            }
            edge.on_waiting(self.id, cx.waker().clone());
            return Poll::Pending;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Stream, D: Disk> Future for Connection<S, D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let edge = Rc::clone(&this.edge);
        // Without an edge there is nothing to wait for: its panic is on its way.
        let Some(turn) = enter(&edge, |edge| this.poll_turn(cx, edge)) else { return Poll::Ready(()) };
        if let Err(e) = std::task::ready!(turn) {
            tracing::debug!(conn = this.id.0, error = %e, "connection ended");
        }
        Poll::Ready(())
    }
}

impl<S, D: Disk> Drop for Connection<S, D> {
    fn drop(&mut self) {
        enter(&self.edge, |edge| edge.on_closed(self.id));
    }
}
