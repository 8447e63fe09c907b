//! Space on the disk for what must be written when there is no other: a file that is emptied then, and filled again later.
//!
//! State       whether the space is kept, given up, or being kept again: it counts as given up until that has succeeded.
//! Holds       the reserve is given up only for the metadata log, and for the checkpoint of log starts and the snapshots that it waits for,
//!             without which nothing can be deleted; filling it fails harmlessly.
//! Not here    keeping records off the space that was given up (the node tells `DiskQueue::reserve`).

use crate::disk::DiskPort;
use crate::ids::{BytePos, OpId};
use crate::io::{DiskCall, DiskDone, DiskFault, DiskImage, FileId, FileKind, ROOT};
use crate::time::Instant;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long it takes, after the space was given up or could not be had, until it is kept again.
const KEEP_AGAIN: Duration = Duration::from_secs(5);
/// The file is filled in pieces of this many bytes, which all are the same zeros.
const PIECE_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Reserve {
    bytes: usize,
    state: State,
    /// Given up in this life, and not whole again since.
    lent: bool,
    /// Calls that have not ended.
    calls: BTreeSet<OpId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// There is none, and none is to be had before somebody asks for it.
    Absent,
    /// An earlier life left one of another size: half filled, or by another setting. What it holds can be given up all the same.
    Left,
    Filling(OpId),
    Kept,
    Emptying(OpId),
    /// To be filled again then.
    Empty(Instant),
}

impl Reserve {
    /// The reserve as an earlier life left it.
    pub(super) fn recover(disk: &dyn DiskImage, bytes: usize) -> Reserve {
        let name = Reserve::file().name.to_string();
        let found = disk.files(None).unwrap_or_default().into_iter().find(|(n, _)| *n == name);
        let state = match found.map(|(_, len)| len) {
            None => State::Absent,
            Some(0) if bytes > 0 => State::Absent,
            Some(len) if bytes > 0 && len == bytes as u64 => State::Kept,
            Some(_) => State::Left,
        };
        Reserve { bytes, state, lent: false, calls: BTreeSet::new() }
    }

    /// Whether the space was given up and is not kept again yet.
    pub(super) fn is_given_up(&self) -> bool {
        self.lent
    }

    /// Whether there will be space in a moment.
    pub(super) fn is_being_given_up(&self) -> bool {
        matches!(self.state, State::Emptying(_))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Empty(at) => Some(at),
            _ => None,
        }
    }

    fn file() -> FileId {
        FileId::new(ROOT, FileKind::Reserve, 0)
    }

    fn call(&mut self, call: DiskCall, port: &mut DiskPort<'_>) -> OpId {
        let op = port.call(Reserve::file(), call);
        self.calls.insert(op);
        op
    }

    /// Take the space, unless that is done or under way. Where none is to be kept, what is left of one goes.
    pub(super) fn keep(&mut self, port: &mut DiskPort<'_>) {
        if !matches!(self.state, State::Absent | State::Left | State::Empty(_)) {
            return;
        }
        if self.bytes == 0 {
            if std::mem::replace(&mut self.state, State::Absent) != State::Absent {
                self.call(DiskCall::Remove, port);
            }
            self.lent = false;
            return;
        }
        self.call(DiskCall::Create, port);
        let zeros = Bytes::from(vec![0; PIECE_BYTES.min(self.bytes)]);
        let mut data = vec![zeros.clone(); self.bytes / PIECE_BYTES];
        data.extend(Some(zeros.slice(..self.bytes % PIECE_BYTES)).filter(|rest| !rest.is_empty()));
        self.state = State::Filling(self.call(DiskCall::Append { pos: BytePos(0), data }, port));
    }

    /// Give the space up; false if that brings none.
    pub(super) fn give_up(&mut self, port: &mut DiskPort<'_>) -> bool {
        if !matches!(self.state, State::Kept | State::Left | State::Filling(_)) {
            return false;
        }
        self.state = State::Emptying(self.call(DiskCall::Truncate { len: 0 }, port));
        self.lent = true;
        true
    }

    /// A disk call has ended; `None` if it is none of the reserve's. True: there is space that was not there before.
    pub(super) fn on_disk(
        &mut self,
        op: OpId,
        result: &Result<DiskDone, DiskFault>,
        now: Instant,
        port: &mut DiskPort<'_>,
    ) -> Option<bool> {
        if !self.calls.remove(&op) {
            return None;
        }
        match self.state {
            State::Filling(filling) if filling == op && result.is_ok() => {
                (self.state, self.lent) = (State::Kept, false);
            }
            // What was filled already is let go again: somebody needs it more.
            State::Filling(filling) if filling == op => {
                self.give_up(port);
            }
            State::Emptying(emptying) if emptying == op => {
                self.state = State::Empty(now.after(KEEP_AGAIN));
                return Some(true);
            }
            _ => {}
        }
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{DiskQueue, Owner};

    fn calls(queue: &mut DiskQueue) -> Vec<(OpId, String)> {
        queue.take().into_iter().map(|(op, _, call)| (op, format!("{call:?}"))).collect()
    }

    #[test]
    fn space_is_kept_given_up_once_and_kept_again_later() {
        let (mut queue, done) = (DiskQueue::default(), Ok(DiskDone::Done));
        let mut reserve = Reserve { bytes: PIECE_BYTES + 5, state: State::Absent, lent: false, calls: BTreeSet::new() };
        reserve.keep(&mut queue.port(Owner::Controller));
        let filling = calls(&mut queue);
        assert_eq!((filling[0].1.as_str(), filling[1].1.as_str()), ("create", "append 1048581B at 0"));
        for (op, _) in &filling {
            assert_eq!(reserve.on_disk(*op, &done, Instant(1), &mut queue.port(Owner::Controller)), Some(false));
        }
        assert!(!reserve.is_given_up());
        assert!(reserve.give_up(&mut queue.port(Owner::Controller)));
        assert!(!reserve.give_up(&mut queue.port(Owner::Controller)), "it can be given up once");
        let emptying = calls(&mut queue)[0].0;
        assert_eq!(reserve.on_disk(emptying, &done, Instant(1), &mut queue.port(Owner::Controller)), Some(true));
        assert!(reserve.is_given_up() && reserve.deadline().is_some());
        reserve.keep(&mut queue.port(Owner::Controller));
        let (op, _) = calls(&mut queue).pop().unwrap();
        // There is no space yet.
        reserve.on_disk(op, &Err(DiskFault::NoSpace), Instant(2), &mut queue.port(Owner::Controller));
        assert_eq!(calls(&mut queue)[0].1, "truncate to 0B");
        assert!(reserve.is_given_up());
    }

    #[test]
    fn what_is_left_of_another_size_is_given_up_and_then_filled_or_removed() {
        for (bytes, then) in [(100, vec!["create", "append 100B at 0"]), (0, vec!["remove"])] {
            let (mut queue, done) = (DiskQueue::default(), Ok(DiskDone::Done));
            let mut reserve = Reserve { bytes, state: State::Left, lent: false, calls: BTreeSet::new() };
            assert!(reserve.give_up(&mut queue.port(Owner::Controller)));
            let emptying = calls(&mut queue).remove(0);
            assert_eq!(emptying.1, "truncate to 0B");
            assert_eq!(reserve.on_disk(emptying.0, &done, Instant(1), &mut queue.port(Owner::Controller)), Some(true));
            assert!(reserve.is_given_up() && reserve.deadline().is_some());
            reserve.keep(&mut queue.port(Owner::Controller));
            assert_eq!(calls(&mut queue).into_iter().map(|c| c.1).collect::<Vec<_>>(), then);
            assert_eq!((reserve.is_given_up(), reserve.deadline()), (bytes > 0, None));
            let mut reserve = Reserve { bytes, state: State::Left, lent: false, calls: BTreeSet::new() };
            reserve.keep(&mut queue.port(Owner::Controller));
            assert_eq!(calls(&mut queue).into_iter().map(|c| c.1).collect::<Vec<_>>(), then);
        }
    }

    #[test]
    fn no_reserve_is_no_calls() {
        let mut queue = DiskQueue::default();
        let mut reserve = Reserve { bytes: 0, state: State::Absent, lent: false, calls: BTreeSet::new() };
        reserve.keep(&mut queue.port(Owner::Controller));
        assert!(!reserve.give_up(&mut queue.port(Owner::Controller)) && calls(&mut queue).is_empty());
    }
}
