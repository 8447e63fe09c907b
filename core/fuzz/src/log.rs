//! One log on a disk in memory.

use crate::disk::Disk;
use bytes::Bytes;
use ottla_core::disk::{DiskQueue, Owner};
use ottla_core::ids::{DirId, Offset, PartitionId};
use ottla_core::io::{Chunk, DiskImage};
use ottla_core::log::{Hints, Log, LogConfig, LogEvent, LookupOutcome, Origin, ReadOutcome, Slice, TimestampTarget};
use ottla_core::time::{Instant, Now, Timestamp};
use ottla_core::wire::batch::BatchBuilder;

const NOW: Now = Now { mono: Instant(1_000_000_000), wall: Timestamp(1_700_000_000_000) };
const DIR: DirId = DirId(1);
const OWNER: Owner = Owner::Partition(PartitionId {
    topic: ottla_core::ids::TopicId(uuid::Uuid::nil()),
    index: ottla_core::ids::PartitionIndex(0),
});

/// The name of a segment's file.
#[must_use]
pub fn segment(base: i64, ext: &str) -> String {
    format!("{base:020}.{ext}")
}

/// A log that was recovered from `t-0`, all of its calls performed.
#[derive(Debug)]
pub struct Life {
    pub disk: Disk,
    pub log: Log,
    queue: DiskQueue,
    events: Vec<LogEvent>,
}

impl Life {
    /// `None` if the directory cannot be listed.
    #[must_use]
    pub fn begin(mut disk: Disk, hints: Hints, config: LogConfig) -> Option<Life> {
        disk.bind(DIR, "t-0");
        let mut queue = DiskQueue::default();
        let (log, _) = Log::recover(DIR, "t-0", &disk, hints, config, NOW, &mut queue.port(OWNER)).ok()?;
        let mut life = Life { disk, log, queue, events: Vec::new() };
        life.drive();
        life.log.check_invariants();
        life.log.check_deeply();
        Some(life)
    }

    fn drive(&mut self) {
        for round in 0.. {
            assert!(round < 10_000, "the log never becomes quiet");
            let calls = self.queue.take();
            if calls.is_empty() {
                return;
            }
            for (op, file, call) in calls {
                let result = self.disk.perform(file, &call);
                self.queue.take_owner(op);
                self.log.on_disk(op, result, NOW, &mut self.queue.port(OWNER), &mut self.events);
            }
        }
    }

    /// The slice from this offset on; `None` where the log says that it has none, or an error.
    pub fn read(&mut self, from: Offset) -> Option<Bytes> {
        let limit = self.log.written_end();
        let slice = match self.log.read(from, limit, 1 << 20, true, &mut self.queue.port(OWNER)) {
            ReadOutcome::Ready(slice) => slice,
            ReadOutcome::OutOfRange => None,
            ReadOutcome::Pending(ticket) => {
                self.drive();
                let done = self.events.drain(..).find_map(|e| match e {
                    LogEvent::ReadDone { ticket: t, outcome } if t == ticket => Some(outcome),
                    _ => None,
                });
                done.expect("every read ends").ok().flatten()
            }
        };
        slice.map(|Slice { file, pos, len }| self.disk.range(&Chunk::File { file, pos, len }))
    }

    /// What is served from the start, the middle and the end.
    pub fn read_all(&mut self) -> Vec<Bytes> {
        let (start, end) = (self.log.log_start().0, self.log.written_end().0);
        let few = (start..end).take(64);
        let last = end.saturating_sub(8).max(start)..end;
        let middle = start + (end - start) / 2;
        few.chain(last).chain([middle]).filter_map(|o| self.read(Offset(o))).collect()
    }

    /// Lookups by time: whatever is found lies in the log.
    pub fn look_up_some(&mut self) {
        for target in [0, 1, 100, i64::MAX, 1_700_000_000_000] {
            self.look_up(TimestampTarget::AtOrAfter(Timestamp(target)));
        }
        self.look_up(TimestampTarget::Largest);
    }

    fn look_up(&mut self, target: TimestampTarget) {
        let found = match self.log.lookup(target, &mut self.queue.port(OWNER)) {
            LookupOutcome::Ready(found) => found,
            LookupOutcome::Pending(ticket) => {
                self.drive();
                let done = self.events.drain(..).find_map(|e| match e {
                    LogEvent::LookupDone { ticket: t, outcome } if t == ticket => Some(outcome),
                    _ => None,
                });
                done.expect("every lookup ends").ok().flatten()
            }
        };
        if let Some(found) = found {
            assert!(found.offset >= self.log.log_start() && found.offset < self.log.end(), "{found:?} is not in the log");
        }
    }

    /// Appends, enough to roll a segment.
    pub fn append_some(&mut self) {
        for i in 0..12 {
            let mut builder = BatchBuilder::new(Default::default());
            builder.push(1_700_000_000_000 + i, None, Some(&[7; 100]), []);
            let batch = builder.build().expect("it builds");
            let epoch = self.log.latest_epoch().unwrap_or_default();
            let _ = self.log.append(&batch, Origin::Internal, epoch, NOW, &mut self.queue.port(OWNER));
            self.drive();
            self.log.check_invariants();
        }
    }

    pub fn close(&mut self) {
        self.log.close(NOW, &mut self.queue.port(OWNER), &mut self.events);
        self.drive();
        self.log.check_deeply();
    }
}
