//! A client's connection to a broker: frames out, frames in. What they mean is the sans-IO client's (`ottla_core::client`).
//!
//! State       the two halves of a TCP stream, which block independently; what was received of the next frame.
//! Holds       answers longer than the bound are refused before anything is allocated for them; `receive` may be dropped at any
//!             await without losing bytes.

use bytes::{Bytes, BytesMut};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// The longest answer that is taken: fetches bound their own answers, and exceed the bound by one batch at most.
const FRAME_BYTES_MAX: usize = 1 << 30;

/// The half of a connection on which requests leave. Dropping it ends the connection in this direction.
#[derive(Debug)]
pub struct Sender {
    stream: OwnedWriteHalf,
}

/// The half of a connection on which answers arrive.
#[derive(Debug)]
pub struct Receiver {
    stream: OwnedReadHalf,
    received: BytesMut,
}

/// Connect to `host:port`; every address that the name has is tried.
pub async fn connect(host: &str, port: u16) -> io::Result<(Sender, Receiver)> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    Ok((Sender { stream: write }, Receiver { stream: read, received: BytesMut::new() }))
}

impl Sender {
    /// Send `frame`, which begins with its length.
    pub async fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(frame).await
    }

    /// Nothing more will be sent. What was sent is on its way; a broker that has read it all ends the connection.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

impl Receiver {
    /// The next frame, without its length. `None`: the broker has closed the connection between two frames.
    pub async fn receive(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(prefix) = self.received.first_chunk::<4>() {
                let len = usize::try_from(i32::from_be_bytes(*prefix)).ok().filter(|len| *len <= FRAME_BYTES_MAX);
                let len =
                    len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the broker sent an impossible length"))?;
                if self.received.len() >= 4 + len {
                    return Ok(Some(self.received.split_to(4 + len).freeze().slice(4..)));
                }
                // Never more than was received already, so that a claim alone costs nothing.
                let missing = 4 + len - self.received.len();
                self.received.reserve(missing.min(self.received.len().max(64 * 1024)));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return if self.received.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}
