//! The simulator's disk under the edge: its calls take virtual time, which tokio's paused clock keeps.
//!
//! State       the disk, which outlives the node; the calls that it has started and when they end.

use bytes::Bytes;
use ottla_core::ids::{BytePos, OpId};
use ottla_core::io::{DiskCall, DiskFault, FileId};
use ottla_net::disk::{Completion, Disk, Source, Ticket};
use ottla_sim::disk::SimDisk;
use rustix::fd::BorrowedFd;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

pub(crate) struct TimedDisk {
    disk: Rc<RefCell<SimDisk>>,
    running: BTreeSet<(Instant, u32)>,
    sleep: Pin<Box<Sleep>>,
    waker: Option<Waker>,
}

impl TimedDisk {
    pub(crate) fn new(disk: Rc<RefCell<SimDisk>>) -> TimedDisk {
        TimedDisk { disk, running: BTreeSet::new(), sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), waker: None }
    }

    fn take_started(&mut self) {
        let now = Instant::now();
        for started in self.disk.borrow_mut().started() {
            self.running.insert((now + Duration::from_nanos(started.after_ns), started.ticket));
        }
        let breaches: Vec<_> = self.disk.borrow_mut().breaches().collect();
        assert!(breaches.is_empty(), "{breaches:?}");
    }
}

impl Disk for TimedDisk {
    type Source = Peeked;

    fn submit(&mut self, op: OpId, file: FileId, call: DiskCall, _done: &mut Vec<Completion>) {
        self.disk.borrow_mut().submit(op, file, call);
        self.take_started();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll_completed(&mut self, cx: &mut Context<'_>, done: &mut Vec<Completion>) -> Poll<()> {
        let before = done.len();
        while let Some(&(at, ticket)) = self.running.first() {
            self.sleep.as_mut().reset(at);
            if self.sleep.as_mut().poll(cx).is_pending() {
                break;
            }
            self.running.remove(&(at, ticket));
            if let Some((op, _, result)) = self.disk.borrow_mut().complete(ticket) {
                done.push(Completion { op, result, sync_took: None });
            }
            self.take_started();
        }
        self.waker = Some(cx.waker().clone());
        if done.len() > before { Poll::Ready(()) } else { Poll::Pending }
    }

    fn source(&mut self, file: FileId, _pos: BytePos, _len: u32) -> Result<Peeked, DiskFault> {
        self.disk.borrow().peek(file, 0, 0).ok_or(DiskFault::NotFound)?;
        Ok(Peeked { disk: Rc::clone(&self.disk), file })
    }
}

/// A range of a simulated file, which is read when it is sent: until then the file has to be where it is.
pub(crate) struct Peeked {
    disk: Rc<RefCell<SimDisk>>,
    file: FileId,
}

impl Source for Peeked {
    fn file(&self) -> FileId {
        self.file
    }

    fn path(&self) -> String {
        self.file.to_string()
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn warm(&self, _pos: u64, _len: u32) -> Option<Ticket> {
        None
    }

    fn read(&self, pos: u64, len: usize) -> io::Result<Bytes> {
        self.disk.borrow().peek(self.file, pos, len as u64).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
