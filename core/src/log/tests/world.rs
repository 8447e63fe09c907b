//! A log, its disk, and beside them the naive model: a list of the batches that were appended.
//!
//! Holds       after every step the log agrees with the model about what can be read, where its ends are, and who may append what.
//! Not here    the sequences of steps (`random.rs`, `stories.rs`).

use super::disk::TestDisk;
use crate::disk::{DiskQueue, Owner};
use crate::ids::{DirId, LeaderEpoch, Offset};
use crate::log::{
    AppendRefusal, Appended, Hints, Log, LogConfig, LogEvent, LookupOutcome, Origin, ReadOutcome, Slice, TimestampOffset,
};
use crate::log::{Durability, ReadFault};
use crate::log::{TimestampTarget, Verdict, replay};
use crate::rng::Rng;
use crate::time::{Instant, Now, Timestamp};
use crate::wire::batch::{BatchBuilder, Checked};
use crate::wire::compress::Compression;
use std::time::Duration;

/// A batch of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::log) struct Batch {
    pub base: i64,
    pub next: i64,
    pub epoch: i32,
    /// (id, epoch, first sequence)
    pub producer: Option<(i64, i16, i32)>,
    pub timestamps: Vec<i64>,
    pub fill: u8,
}

pub(in crate::log) struct World {
    pub log: Log,
    pub disk: TestDisk,
    pub queue: DiskQueue,
    pub rng: Rng,
    pub now: Now,
    pub events: Vec<LogEvent>,
    pub model: Vec<Batch>,
    pub config: LogConfig,
    pub epoch: i32,
    /// What has been heard of the ends.
    pub written: i64,
    pub synced: i64,
    pub checkpoint: (i64, i64),
    pub fills: u8,
}

pub(in crate::log) const T0: i64 = 1_700_000_000_000;
const OWNER: Owner = Owner::Controller;

impl World {
    pub(in crate::log) fn new(config: LogConfig, seed: u64) -> World {
        let mut queue = DiskQueue::default();
        let now = Now { mono: Instant(1), wall: Timestamp(T0) };
        let log = Log::create(DirId(1), Offset(0), config.clone(), now, &mut queue.port(OWNER));
        let (disk, rng) = (TestDisk::new(), Rng::stream(seed, "log-test"));
        let mut world = World {
            log,
            disk,
            queue,
            rng,
            now,
            events: Vec::new(),
            model: Vec::new(),
            config,
            epoch: 0,
            written: 0,
            synced: 0,
            checkpoint: (0, 0),
            fills: 0,
        };
        world.settle();
        // The node has synced the data directory.
        world.with(|log, now, port, out| log.on_start_durable(Offset(0), now, port, out));
        world
    }

    /// One disk call is performed and its completion handed in. False if there is none.
    pub(in crate::log) fn step(&mut self) -> bool {
        self.disk.accept(&mut self.queue);
        let Some((op, result)) = self.disk.perform_one(&mut self.rng) else { return false };
        assert_eq!(self.queue.take_owner(op), Some(OWNER));
        let mut out = Vec::new();
        self.log.on_disk(op, result, self.now, &mut self.queue.port(OWNER), &mut out);
        self.take_in(out);
        self.disk.accept(&mut self.queue);
        true
    }

    pub(in crate::log) fn settle(&mut self) {
        while self.step() {}
    }

    fn take_in(&mut self, out: Vec<LogEvent>) {
        for event in out {
            if let LogEvent::StartWanted { start } = event {
                // The node writes it down.
                self.checkpoint.1 = start.0;
                self.with(|log, now, port, out| log.on_start_durable(start, now, port, out));
            }
            match &event {
                LogEvent::Written { end } => self.written = end.0,
                LogEvent::Synced { end } => self.synced = end.0,
                LogEvent::AppendsFailed { from, .. } => self.model.retain(|b| b.base < from.0),
                _ => {}
            }
            self.events.push(event);
        }
        self.log.check_deeply();
        assert!(self.synced == self.log.synced_end().0 || self.log.log_start() == self.log.synced_end());
    }

    pub(in crate::log) fn checked(
        records: usize,
        size: usize,
        timestamps: &[i64],
        producer: Option<(i64, i16, i32)>,
        fill: u8,
    ) -> Checked {
        let mut b = BatchBuilder::new(Compression::default());
        if let Some((id, epoch, sequence)) = producer {
            b = b.producer(id, epoch, sequence);
        }
        for timestamp in &timestamps[..records] {
            b.push(*timestamp, Some(b"k"), Some(&vec![fill; size.max(1)]), []);
        }
        b.build().expect("it builds")
    }

    pub(in crate::log) fn append(
        &mut self,
        size: usize,
        timestamps: &[i64],
        producer: Option<(i64, i16, i32)>,
    ) -> Result<Appended, AppendRefusal> {
        self.fills = self.fills.wrapping_add(1);
        let checked = World::checked(timestamps.len(), size, timestamps, producer, self.fills);
        let (origin, epoch) = (Origin::Client { topic: "t", partition: 0 }, LeaderEpoch(self.epoch));
        let end = self.log.end();
        let result = self.log.append(&checked, origin, epoch, self.now, &mut self.queue.port(OWNER));
        if let Ok(a) = result.as_ref().filter_ok(|a| !a.duplicate) {
            assert_eq!((a.base, a.end), (end, end.plus(timestamps.len() as i64)));
            let (base, next, epoch, fill) = (a.base.0, a.end.0, self.epoch, self.fills);
            self.model.push(Batch { base, next, epoch, producer, timestamps: timestamps.to_vec(), fill });
        }
        self.take_in(Vec::new());
        result
    }

    pub(in crate::log) fn with<T>(
        &mut self,
        f: impl FnOnce(&mut Log, Now, &mut crate::disk::DiskPort<'_>, &mut Vec<LogEvent>) -> T,
    ) -> T {
        let mut out = Vec::new();
        let result = f(&mut self.log, self.now, &mut self.queue.port(OWNER), &mut out);
        self.take_in(out);
        result
    }

    pub(in crate::log) fn pass(&mut self, ms: u64) {
        self.now.mono = self.now.mono.after(Duration::from_millis(ms));
        self.now.wall.0 += i64::try_from(ms).expect("small");
        self.with(|log, now, port, out| log.on_time(now, port, out));
    }

    /// What the node's checkpoints say: written now and then.
    pub(in crate::log) fn checkpoint(&mut self) {
        self.checkpoint = (self.log.recovery_point().0, self.log.log_start().0);
    }

    /// Start again on what the disk has. Everything that was promised must be there.
    pub(in crate::log) fn reopen(&mut self, clean: bool) -> Verdict {
        // With the page cache, a log start that moved over what was not durable counts as durable: there is nothing to lose.
        let moved = self.config.durability == Durability::PageCache && self.log.log_start() == self.log.synced_end();
        let promised = match clean {
            true => self.log.end(),
            false if moved => Offset(0),
            false => self.log.synced_end(),
        };
        let hints = Hints {
            recovery_point: Some(Offset(self.checkpoint.0)),
            log_start: Some(Offset(self.checkpoint.1)),
            clean,
            epoch_max: Some(LeaderEpoch(self.epoch)),
            compacted: false,
            no_producers: false,
        };
        self.queue = DiskQueue::default();
        let (dir, config, now) = (DirId(1), self.config.clone(), self.now);
        let opened = Log::recover(dir, "p", &self.disk, hints, config, now, &mut self.queue.port(OWNER));
        let (log, verdict) = opened.expect("it lists");
        (self.written, self.synced) = (log.written_end().0, log.synced_end().0);
        self.log = log;
        self.events.clear();
        self.take_in(Vec::new());
        self.settle();
        if !matches!(verdict, Verdict::Corrupt { .. }) {
            if self.log.is_overpromised() {
                assert!(matches!(verdict, Verdict::LostPromised { .. }) && !self.log.is_writable(), "{verdict:?}");
                // The node writes down what is true.
                self.log.on_point_durable();
            }
            assert!(self.log.is_writable(), "{verdict:?}");
            let end = self.log.end();
            self.model.retain(|b| b.base < end.0);
            if self.log.log_start() == end {
                self.model.clear();
            }
            if let Verdict::Intact { .. } | Verdict::TornTail { .. } = verdict {
                assert!(end >= promised, "{end} was {promised}: {verdict:?}");
                assert_eq!(self.model.last().map_or(self.log.log_start().0, |b| b.next).max(self.log.log_start().0), end.0);
            }
            (self.written, self.synced) = (end.0, end.0);
            assert_eq!(self.log.synced_end(), end);
            // The node syncs its directory before it serves.
            self.with(|log, now, port, out| log.on_start_durable(log.log_start(), now, port, out));
            self.checkpoint();
            self.check_everything();
        }
        verdict
    }

    /// Compare the whole log on disk with the model, and what is derived with a fold over the model.
    pub(in crate::log) fn check_everything(&mut self) {
        let (start, end) = (self.log.log_start(), self.log.written_end());
        let wanted = |b: &&Batch| b.next > start.0 && b.base < end.0;
        let model: Vec<_> = self.model.iter().filter(wanted).map(|b| (b.base, b.next, b.epoch, b.fill)).collect();
        // Segments that end below the log start are on their way out: nobody reads them, and a page cache may never have written them.
        let from = model.first().map_or(start, |b| Offset(b.0));
        let mut there = Vec::new();
        replay(&self.disk, "p", from, end, &mut |info, bytes| {
            let fill = bytes[bytes.len() - 2];
            there.push((info.base_offset, info.next_offset(), info.leader_epoch, fill));
        })
        .expect("the log is whole");
        there.retain(|b| b.1 > start.0);
        assert_eq!(there, model);
        if !self.log.is_writable() {
            // What has failed is taken back; the model hears of it when that is durable.
            return;
        }
        for p in self.log.producers() {
            if let Some(last) = self.model.iter().rfind(|b| b.producer.is_some_and(|q| q.0 == p.id.0) && b.base >= start.0) {
                let (_, epoch, first) = last.producer.expect("just seen");
                assert_eq!((p.epoch.0, p.last_sequence), (epoch, first + (last.next - last.base) as i32 - 1));
            }
        }
        let mut epochs: Vec<(i32, i64)> = Vec::new();
        for b in self.model.iter().filter(|b| b.next > start.0) {
            if epochs.last().is_none_or(|e| e.0 < b.epoch) {
                epochs.push((b.epoch, b.base.max(start.0)));
            }
        }
        if self.log.written_end() == self.log.end() && !epochs.is_empty() {
            let have: Vec<_> = self.log.epochs().entries().iter().map(|e| (e.0.0, e.1.0)).collect();
            assert_eq!(have, epochs, "epochs are a fold over the log");
        }
    }

    fn event<T>(&mut self, mut find: impl FnMut(&LogEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = self.events.iter().find_map(&mut find) {
                return found;
            }
            assert!(self.step(), "an answer is owed");
        }
    }

    pub(in crate::log) fn read(&mut self, from: i64, limit: i64, bytes_max: u32, whole: bool) -> Result<Option<Slice>, String> {
        match self.with(|log, _, port, _| log.read(Offset(from), Offset(limit), bytes_max, whole, port)) {
            ReadOutcome::OutOfRange => Err("out of range".into()),
            ReadOutcome::Ready(slice) => Ok(slice),
            ReadOutcome::Pending(wanted) => self.event(|e| match e {
                LogEvent::ReadDone { ticket, outcome } if *ticket == wanted => Some(outcome.map_err(|e| format!("{e:?}"))),
                _ => None,
            }),
        }
    }

    pub(in crate::log) fn lookup(&mut self, target: TimestampTarget) -> Option<TimestampOffset> {
        let outcome = match self.with(|log, _, port, _| log.lookup(target, port)) {
            LookupOutcome::Ready(found) => Ok(found),
            LookupOutcome::Pending(wanted) => self.event(|e| match e {
                LogEvent::LookupDone { ticket, outcome } if *ticket == wanted => Some(*outcome),
                _ => None,
            }),
        };
        match outcome {
            Err(ReadFault::Moved) => self.lookup(target),
            outcome => outcome.expect("readable"),
        }
    }

    /// A read, compared with the model.
    pub(in crate::log) fn check_read(&mut self, from: i64, limit: i64, bytes_max: u32, whole: bool) {
        if self.log.start.is_due() {
            // The log's beginning would move on while it reads.
            self.settle();
        }
        let (start, end) = (self.log.log_start().0, limit.min(self.log.written_end().0));
        let got = self.read(from, limit, bytes_max, whole);
        if from < start || from > end {
            return assert_eq!(got, Err("out of range".into()));
        }
        let expected: Vec<Batch> = self.model.iter().filter(|b| b.next > from && b.base < end).cloned().collect();
        let Some(slice) = got.expect("in range") else {
            let first = expected.first().map_or(0, |b| 61 + 8 * b.timestamps.len());
            return assert!(expected.is_empty() || !whole && (bytes_max as usize) < first + 1000, "nothing at {from} of {end}");
        };
        let bytes = self.disk.range(slice.file, slice.pos.0, slice.len).to_vec();
        let batches: Vec<_> = crate::wire::batch::batches(bytes.into()).map(|b| b.expect("whole").info).collect();
        assert!(!batches.is_empty() && (slice.len <= bytes_max || batches.len() == 1 && whole));
        assert!(batches.len() <= expected.len());
        for (got, want) in batches.iter().zip(&expected) {
            assert_eq!((got.base_offset, got.next_offset()), (want.base, want.next));
        }
    }

    /// A lookup, compared with the model.
    pub(in crate::log) fn check_lookup(&mut self, target: TimestampTarget) {
        if self.log.start.is_due() {
            // The log's beginning would move on while it looks.
            self.settle();
        }
        let (start, end) = (self.log.log_start().0, self.log.written_end().0);
        if self.log.written_end() < self.log.end() {
            return;
        }
        let records: Vec<(i64, i64)> = (self.model.iter())
            .flat_map(|b| b.timestamps.iter().enumerate().map(|(i, t)| (b.base + i as i64, *t)))
            .filter(|r| r.0 >= start && r.0 < end)
            .collect();
        let wanted = match target {
            TimestampTarget::AtOrAfter(t) => records.iter().find(|r| r.1 >= t.0).copied(),
            TimestampTarget::Largest => {
                let largest = records.iter().map(|r| r.1).max();
                records.iter().find(|r| Some(r.1) == largest).copied()
            }
        };
        let got = self.lookup(target).map(|f| (f.offset.0, f.timestamp.0));
        if target == TimestampTarget::Largest && got.is_none() && start > 0 {
            // The largest lay in a batch of which only a part is left.
            return;
        }
        assert_eq!(got, wanted, "{target:?}");
    }
}

trait FilterOk<T> {
    fn filter_ok(self, f: impl FnOnce(&T) -> bool) -> Result<T, ()>;
}

impl<T, E> FilterOk<T> for Result<T, E> {
    fn filter_ok(self, f: impl FnOnce(&T) -> bool) -> Result<T, ()> {
        self.map_err(|_| ()).and_then(|t| if f(&t) { Ok(t) } else { Err(()) })
    }
}
