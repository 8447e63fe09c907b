//! What the edge needs of a network: so little that tokio's sockets and a simulated network's both have it.
//!
//! Gives       `Listen` and `Stream`, and their implementation over tokio's TCP with sendfile and MSG_MORE.
//! Holds       a stream that cannot send files itself says so, and the edge reads and writes instead, with the same bookkeeping.
//! Not here    turmoil's sockets and the byte chaos (the tests of this crate implement both traits for them).

use rustix::fd::{AsFd, BorrowedFd};
use rustix::net::{SendAncillaryBuffer, SendFlags};
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::{TcpListener, TcpStream};

/// Somebody who takes connections.
pub trait Listen: 'static {
    type Stream: Stream;
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;
}

/// One connection.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Write some of `bufs`. `more` says that something else follows at once, so that a short header need not leave alone.
    fn poll_send(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>], more: bool) -> Poll<io::Result<usize>> {
        let _ = more;
        Pin::new(self).poll_write_vectored(cx, bufs)
    }

    /// Send up to `len` bytes of a file from `pos` on. `None`: this stream cannot, read the bytes and write them.
    fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        file: BorrowedFd<'_>,
        pos: u64,
        len: usize,
    ) -> Option<Poll<io::Result<usize>>> {
        let _ = (cx, file, pos, len);
        None
    }
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }
}

impl Stream for TcpStream {
    fn poll_send(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>], more: bool) -> Poll<io::Result<usize>> {
        if !more {
            return Pin::new(self).poll_write_vectored(cx, bufs);
        }
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        poll_io(self, cx, |stream| Ok(rustix::net::sendmsg(stream, bufs, &mut SendAncillaryBuffer::default(), flags)?))
    }

    fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        file: BorrowedFd<'_>,
        pos: u64,
        len: usize,
    ) -> Option<Poll<io::Result<usize>>> {
        Some(poll_io(self, cx, |stream| {
            let mut at = pos;
            Ok(rustix::fs::sendfile(stream.as_fd(), file, Some(&mut at), len)?)
        }))
    }
}

/// Try `io` whenever the socket may be written to, until it does not say that it would block.
fn poll_io(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    mut io: impl FnMut(&TcpStream) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match stream.try_io(Interest::WRITABLE, || io(stream)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return Poll::Ready(done),
        }
    }
}

/// A listening TCP socket on `addr`, as servers want it: address reuse, a long backlog.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(addr), socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}
