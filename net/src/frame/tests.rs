//! Tests of the framing: every split of a stream gives the same frames, and claims cost nothing.

use super::*;
use std::task::Waker;

/// A stream that gives its pieces one read at a time, and is pending after them.
struct Pieces(std::collections::VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut tokio::io::ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let Some(piece) = self.0.front_mut() else { return Poll::Pending };
        let n = piece.len().min(buf.remaining());
        buf.put_slice(&piece[..n]);
        piece.drain(..n);
        if piece.is_empty() {
            self.0.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// Read all that the pieces hold; the frames, and the most memory held in between.
fn read_all(pieces: Vec<Vec<u8>>, limits: &Limits) -> (Result<Vec<Bytes>, FrameError>, usize) {
    let mut reader = FrameReader::default();
    let mut scratch = BytesMut::new();
    let mut stream = Pieces(pieces.into());
    let mut cx = Context::from_waker(Waker::noop());
    let (mut frames, mut held) = (Vec::new(), 0);
    while let Poll::Ready(read) = reader.poll_read(&mut cx, &mut stream, &mut scratch) {
        assert!(read.unwrap() > 0);
        loop {
            match reader.next_frame(limits) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(e) => return (Err(e), held),
            }
        }
        held = held.max(reader.held());
    }
    (Ok(frames), held)
}

#[test]
fn frames_are_the_same_however_the_stream_is_cut() {
    let bodies: Vec<Vec<u8>> = (0..6u8).map(|i| vec![i; 8 + usize::from(i) * 3]).collect();
    let stream: Vec<u8> = bodies.iter().flat_map(|b| frame(b)).collect();
    for size in 1..=stream.len() {
        let (frames, _) = read_all(stream.chunks(size).map(<[u8]>::to_vec).collect(), &Limits::default());
        assert_eq!(frames.unwrap(), bodies, "cut every {size} bytes");
    }
}

#[test]
fn a_large_frame_is_whole_and_its_buffer_grows_with_what_came() {
    let body: Vec<u8> = (0..3_000_000u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let (frames, held) = read_all(vec![frame(&body), frame(b"12345678")], &Limits::default());
    let frames = frames.unwrap();
    assert_eq!(frames.len(), 2);
    assert!(frames[0] == body && frames[1] == b"12345678"[..]);
    assert!(held <= 3_100_000, "{held}");
}

#[test]
fn a_claim_of_a_hundred_megabytes_costs_next_to_nothing() {
    for received in [4, 5, 6, 7, 20, 100] {
        let mut bytes = 100_000_000i32.to_be_bytes().to_vec();
        bytes.resize(received, 0);
        let (frames, held) = read_all(bytes.chunks(1).map(<[u8]>::to_vec).collect(), &Limits::default());
        assert_eq!(frames, Ok(vec![]));
        assert!(held <= received.max(4) * GROWTH + 64, "{received} bytes made it hold {held}");
    }
}

#[test]
fn impossible_lengths_are_refused_as_soon_as_they_are_read() {
    let limits = Limits { request_bytes_max: 1000, ..Limits::default() };
    for (claim, error) in [
        (-1, FrameError::Length(-1)),
        (i32::MIN, FrameError::Length(i32::MIN)),
        (0, FrameError::Length(0)),
        (7, FrameError::Length(7)),
        (1001, FrameError::TooLong { len: 1001, len_max: 1000 }),
        (i32::MAX, FrameError::TooLong { len: i32::MAX as usize, len_max: 1000 }),
    ] {
        assert_eq!(read_all(vec![claim.to_be_bytes().to_vec()], &limits).0, Err(error));
    }
}

#[test]
fn a_connection_between_two_frames_holds_no_memory() {
    let mut reader = FrameReader::default();
    let mut scratch = BytesMut::new();
    let mut stream = Pieces(vec![frame(&[7; 100])].into());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(reader.poll_read(&mut cx, &mut stream, &mut scratch).is_ready());
    assert!(reader.next_frame(&Limits::default()).unwrap().is_some());
    assert_eq!(reader.next_frame(&Limits::default()), Ok(None));
    assert_eq!(reader.held(), 0);
}
