//! Tests of sending: whatever a stream takes at a time, the same bytes leave in the same order, and leases after their bytes.

use super::*;
use ottla_core::io::{FileKind, ROOT};
use std::pin::Pin;
use std::task::Waker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that takes at most so many bytes at each call, and is pending at every other.
struct Sink {
    taken: Vec<u8>,
    at_most: usize,
    pending: bool,
    /// Whether each call announced that more follows.
    more: Vec<bool>,
}

impl AsyncRead for Sink {
    fn poll_read(self: Pin<&mut Self>, _cx: &mut Context<'_>, _buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Sink {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.pending = !self.pending;
        if self.pending {
            return Poll::Pending;
        }
        let n = buf.len().min(self.at_most);
        self.taken.extend_from_slice(&buf[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Stream for Sink {
    fn poll_send(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>], more: bool) -> Poll<io::Result<usize>> {
        self.more.push(more);
        let all: Vec<u8> = bufs.iter().flat_map(|b| b.iter().copied()).collect();
        Pin::new(self).poll_write(cx, &all)
    }
}

fn sink(at_most: usize) -> Sink {
    Sink { taken: Vec::new(), at_most, pending: false, more: Vec::new() }
}

/// A file in memory, cold or not.
struct Memory {
    bytes: Bytes,
    cold: std::cell::RefCell<Option<Ticket>>,
}

impl Source for Memory {
    fn file(&self) -> FileId {
        FileId::new(ROOT, FileKind::Log, 0)
    }

    fn path(&self) -> String {
        "memory".to_owned()
    }

    fn fd(&self) -> Option<rustix::fd::BorrowedFd<'_>> {
        None
    }

    fn warm(&self, _pos: u64, _len: u32) -> Option<Ticket> {
        self.cold.take()
    }

    fn read(&self, pos: u64, len: usize) -> io::Result<Bytes> {
        let from = usize::try_from(pos).unwrap().min(self.bytes.len());
        Ok(self.bytes.slice(from..(from + len).min(self.bytes.len())))
    }
}

fn memory(bytes: &[u8]) -> Memory {
    Memory { bytes: Bytes::copy_from_slice(bytes), cold: None.into() }
}

fn flush(outbox: &mut Outbox<Memory>, sink: &mut Sink, released: &mut Vec<LeaseId>) -> (Poll<io::Result<()>>, u64) {
    let mut sent = 0;
    let poll = outbox.poll_flush(&mut Context::from_waker(Waker::noop()), sink, &mut sent, released);
    (poll, sent)
}

#[test]
fn bytes_leave_in_order_once_and_leases_after_them_whatever_a_write_takes() {
    let file: Vec<u8> = (0..200).collect();
    for at_most in 1..=64 {
        let (mut outbox, mut sink, mut released, mut sent) = (Outbox::default(), sink(at_most), Vec::new(), 0);
        let mut expected = Vec::new();
        for reply in 0..5u8 {
            outbox.push_bytes(Bytes::from(vec![reply; 7]));
            outbox.push_file(memory(&file), 10, 30 + u32::from(reply));
            outbox.push_bytes(Bytes::from(vec![100 + reply; 3]));
            outbox.push_lease(LeaseId(u64::from(reply)));
            expected.extend(vec![reply; 7]);
            expected.extend_from_slice(&file[10..40 + usize::from(reply)]);
            expected.extend(vec![100 + reply; 3]);
            // A lease is free exactly when the bytes before it have left.
            let due = expected.len();
            loop {
                let (poll, n) = flush(&mut outbox, &mut sink, &mut released);
                sent += n;
                assert_eq!(released.len() == usize::from(reply) + 1, sink.taken.len() == due);
                if poll.is_ready() {
                    poll_ok(poll);
                    break;
                }
            }
        }
        assert_eq!(sink.taken, expected);
        assert_eq!(sent, expected.len() as u64);
        assert_eq!(released, (0..5).map(LeaseId).collect::<Vec<_>>());
        assert!(outbox.is_empty() && outbox.held() == 0);
    }
}

fn poll_ok(poll: Poll<io::Result<()>>) {
    assert!(matches!(poll, Poll::Ready(Ok(()))), "{poll:?}");
}

#[test]
fn small_answers_leave_together_and_a_header_waits_for_its_file() {
    let (mut outbox, mut sink, mut released) = (Outbox::default(), sink(usize::MAX), Vec::new());
    for i in 0..20 {
        outbox.push_bytes(Bytes::from(vec![i; 5]));
        outbox.push_lease(LeaseId(u64::from(i)));
    }
    outbox.push_file(memory(b"file"), 0, 4);
    while flush(&mut outbox, &mut sink, &mut released).0.is_pending() {}
    assert_eq!(sink.taken.len(), 104);
    assert_eq!(sink.more, [true, true, false, false], "one call for all answers and one for the file, each after a pending one");
    assert_eq!(released.len(), 20);
}

#[test]
fn a_cold_range_is_sent_when_it_has_been_read() {
    let (mut outbox, mut sink, mut released) = (Outbox::default(), sink(usize::MAX), Vec::new());
    let (done, ticket) = Ticket::new();
    outbox.push_file(Memory { bytes: Bytes::from_static(b"cold"), cold: Some(ticket).into() }, 0, 4);
    for _ in 0..3 {
        assert!(flush(&mut outbox, &mut sink, &mut released).0.is_pending());
        assert!(sink.more.is_empty(), "nothing is sent from a cold range");
    }
    drop(done);
    while flush(&mut outbox, &mut sink, &mut released).0.is_pending() {}
    assert_eq!(sink.taken, b"cold");
}

#[test]
fn a_range_that_its_file_does_not_have_ends_the_connection() {
    let (mut outbox, mut sink, mut released) = (Outbox::default(), sink(usize::MAX), Vec::new());
    outbox.push_file(memory(b"1234"), 2, 4);
    let mut poll = flush(&mut outbox, &mut sink, &mut released).0;
    while poll.is_pending() {
        poll = flush(&mut outbox, &mut sink, &mut released).0;
    }
    let Poll::Ready(Err(error)) = poll else { panic!("{poll:?}") };
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let failed = error.get_ref().and_then(|error| error.downcast_ref::<FileFailed>());
    assert!(failed.is_some_and(|f| (f.pos, f.len) == (BytePos(4), 1)), "it is told what of which file: {error:?}");
}

#[test]
fn a_connection_that_ends_gives_back_the_leases_of_what_it_did_not_send() {
    let mut outbox = Outbox::default();
    for lease in 0..3 {
        outbox.push_file(memory(b"1234"), 0, 4);
        outbox.push_lease(LeaseId(lease));
    }
    assert_eq!(outbox.into_leases().collect::<Vec<_>>(), (0..3).map(LeaseId).collect::<Vec<_>>());
}

#[test]
fn a_real_file_leaves_by_sendfile_whole_whether_it_is_cached_or_not() {
    use crate::disk::{Disk, RealDisk, RealImage};
    use tokio::io::AsyncReadExt;

    const LEN: u32 = 9_000_001;
    let dir = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..LEN + 7).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let path = dir.path().join("meta.properties");
    std::fs::write(&path, &content).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    file.sync_data().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut reader = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut stream = listener.accept().await.unwrap().0;
        let mut disk = RealDisk::new(RealImage::open(dir.path()).unwrap(), 4);
        let mut outbox = Outbox::default();
        for _ in 0..2 {
            let source = disk.source(FileId::new(ROOT, FileKind::MetaProperties, 0), BytePos(3), LEN).unwrap();
            outbox.push_bytes(Bytes::from_static(b"header"));
            outbox.push_file(source, 3, LEN);
            outbox.push_lease(LeaseId(1));
        }
        let (mut sent, mut released) = (0, Vec::new());
        let send = std::future::poll_fn(|cx| outbox.poll_flush(cx, &mut stream, &mut sent, &mut released));
        let receive = async {
            for _ in 0..2 {
                let mut bytes = vec![0; 6 + LEN as usize];
                reader.read_exact(&mut bytes).await.unwrap();
                assert!(bytes[..6] == *b"header" && bytes[6..] == content[3..3 + LEN as usize]);
            }
        };
        let (flushed, ()) = tokio::join!(send, receive);
        flushed.unwrap();
        assert_eq!((sent, released.len()), (2 * (6 + u64::from(LEN)), 2));
    });
}

#[test]
fn a_file_is_open_while_its_range_is_the_first_one() {
    use std::cell::Cell;
    use std::rc::Rc;

    struct Counted {
        open: Rc<Cell<(u32, u32)>>,
        is_open: bool,
    }
    impl Source for Counted {
        fn file(&self) -> FileId {
            FileId::new(ROOT, FileKind::Log, 0)
        }
        fn path(&self) -> String {
            "counted".to_owned()
        }
        fn open(&mut self) -> io::Result<()> {
            let (now, most) = self.open.get();
            self.open.set((now + 1, most.max(now + 1)));
            self.is_open = true;
            Ok(())
        }
        fn fd(&self) -> Option<rustix::fd::BorrowedFd<'_>> {
            None
        }
        fn warm(&self, _pos: u64, _len: u32) -> Option<Ticket> {
            None
        }
        fn read(&self, _pos: u64, len: usize) -> io::Result<Bytes> {
            assert!(self.is_open);
            Ok(Bytes::from(vec![7; len]))
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            let (now, most) = self.open.get();
            self.open.set((now - u32::from(self.is_open), most));
        }
    }

    let open = Rc::new(Cell::new((0, 0)));
    let (mut outbox, mut sink, mut released) = (Outbox::default(), sink(100), Vec::new());
    for _ in 0..1000 {
        outbox.push_file(Counted { open: Rc::clone(&open), is_open: false }, 0, 300);
    }
    assert_eq!(open.get(), (0, 0));
    let mut sent = 0;
    let mut cx = Context::from_waker(Waker::noop());
    while outbox.poll_flush(&mut cx, &mut sink, &mut sent, &mut released).is_pending() {
        assert!(open.get().0 <= 1, "a slow reader holds one file open");
    }
    assert_eq!((sent, open.get()), (300_000, (0, 1)));
}
