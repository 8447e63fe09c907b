//! One replica's log.
//!
//! Takes       batches to append, reads and lookups, disk completions, time.
//! Gives       disk calls through a `DiskPort`, `LogEvent`s to its owner.
//! Holds       log_start <= synced_end <= written_end <= end.
//! Not here    high watermark and waiting requests (the partition), requests (sessions).

pub mod api;
pub mod config;

pub use api::*;
pub use config::{CompressionType, Durability, LogConfig, TimestampType};

use crate::disk::DiskPort;
use crate::ids::{DirId, LeaderEpoch, Offset, OpId};
use crate::io::{Deadline, DiskDone, DiskFault, DiskImage, FileId};
use crate::time::Now;
use crate::wire::batch::Checked;

/// One replica's log.
#[derive(Debug)]
pub struct Log {
    dir: DirId,
    config: LogConfig,
    log_start: Offset,
    synced_end: Offset,
    written_end: Offset,
    end: Offset,
}

impl Log {
    /// A new log in the new directory `dir`, whose first record will have offset `start`.
    pub fn create(dir: DirId, start: Offset, config: LogConfig, _now: Now, _port: &mut DiskPort<'_>) -> Log {
        Log { dir, config, log_start: start, synced_end: start, written_end: start, end: start }
    }

    /// The log that lies in the directory at `path`, bound to `dir`.
    pub fn recover(
        dir: DirId,
        _path: &str,
        _image: &dyn DiskImage,
        hints: Hints,
        config: LogConfig,
        now: Now,
        port: &mut DiskPort<'_>,
    ) -> Result<(Log, Verdict), DiskFault> {
        Ok((Log::create(dir, hints.log_start.unwrap_or_default(), config, now, port), Verdict::Intact { scanned_bytes: 0 }))
    }

    // --- what it is ---

    #[must_use]
    pub fn dir(&self) -> DirId {
        self.dir
    }

    #[must_use]
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// The first offset that can be read (Kafka's log start offset).
    #[must_use]
    pub fn log_start(&self) -> Offset {
        self.log_start
    }

    /// Everything below is durable.
    #[must_use]
    pub fn synced_end(&self) -> Offset {
        self.synced_end
    }

    /// Everything below is in its file and can be read.
    #[must_use]
    pub fn written_end(&self) -> Offset {
        self.written_end
    }

    /// The offset that the next record gets. Above `written_end` by what is being written.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.end
    }

    /// What this replica may promise to hold: `synced_end`, or `written_end` with [`Durability::PageCache`].
    #[must_use]
    pub fn promised_end(&self) -> Offset {
        match self.config.durability {
            Durability::Fsync => self.synced_end,
            Durability::PageCache => self.written_end,
        }
    }

    /// From here on recovery has to look at every batch: what the recovery-point checkpoint shall say.
    #[must_use]
    pub fn recovery_point(&self) -> Offset {
        self.synced_end
    }

    /// Whether appends are taken; false while a failed append is repaired, and after the log has failed.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        false
    }

    /// Whether the log has failed for good.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        false
    }

    /// The size of all segments' batches in bytes, as DescribeLogDirs counts.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        0
    }

    /// The epoch of the last batch; `None` of a log that never had one.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        None
    }

    /// OffsetForLeaderEpoch (KIP-101, KIP-279): the largest epoch that is not above `asked`, and where it ends. `None` is undefined.
    #[must_use]
    pub fn end_offset_for_epoch(&self, _asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        None
    }

    /// The producers that are remembered, by id.
    #[must_use]
    pub fn producers(&self) -> Vec<ProducerInfo> {
        Vec::new()
    }

    // --- what it is told ---

    /// Append batches. What is returned has an offset, and is not there yet: see [`Appended`].
    pub fn append(
        &mut self,
        _records: &Checked,
        _origin: Origin<'_>,
        _epoch: LeaderEpoch,
        _now: Now,
        _port: &mut DiskPort<'_>,
    ) -> Result<Appended, AppendRefusal> {
        Err(AppendRefusal::Offline)
    }

    /// Read from the batch that holds `from`: at most `bytes_max` bytes, nothing at or above `limit`, which is the end of a batch
    /// (high watermark, or an end of this log). `whole_batch`: the first batch is given whole even if it is larger than `bytes_max`.
    pub fn read(
        &mut self,
        _from: Offset,
        _limit: Offset,
        _bytes_max: u32,
        _whole_batch: bool,
        _port: &mut DiskPort<'_>,
    ) -> ReadOutcome {
        ReadOutcome::OutOfRange
    }

    /// The file of a slice must not change until `release`. Counted.
    pub fn pin(&mut self, _file: FileId) {}

    /// The end of one `pin`. Unknown files are none of this log's any more and are ignored.
    pub fn release(&mut self, _file: FileId, _now: Now, _port: &mut DiskPort<'_>) {}

    /// Look for a record by its time.
    pub fn lookup(&mut self, _target: TimestampTarget, _port: &mut DiskPort<'_>) -> LookupOutcome {
        LookupOutcome::Ready(None)
    }

    /// Move the log start to `to` (DeleteRecords), which is not above `limit`, the high watermark. False if it is below already.
    pub fn delete_records(
        &mut self,
        _to: Offset,
        _limit: Offset,
        _now: Now,
        _port: &mut DiskPort<'_>,
        _out: &mut Vec<LogEvent>,
    ) -> bool {
        false
    }

    /// Delete the oldest segments as `retention.ms` and `retention.bytes` ask, none that reaches above `limit`, the high watermark;
    /// forget producers that have expired. The owner calls it every `log.retention.check.interval.ms`.
    pub fn retain(&mut self, _limit: Offset, _now: Now, _port: &mut DiskPort<'_>, _out: &mut Vec<LogEvent>) {}

    /// Ask for everything to become durable.
    pub fn flush(&mut self, _port: &mut DiskPort<'_>) {}

    /// Make everything durable and write a snapshot of the producers; then `LogEvent::Closed`. No appends after this.
    pub fn close(&mut self, _now: Now, _port: &mut DiskPort<'_>, _out: &mut Vec<LogEvent>) {}

    /// Other settings from now on.
    pub fn configure(&mut self, config: LogConfig, _now: Now, _port: &mut DiskPort<'_>) {
        self.config = config;
    }

    /// A disk call of this log has ended.
    pub fn on_disk(
        &mut self,
        _op: OpId,
        _result: Result<DiskDone, DiskFault>,
        _now: Now,
        _port: &mut DiskPort<'_>,
        _out: &mut Vec<LogEvent>,
    ) {
    }

    /// Time has passed.
    pub fn on_time(&mut self, _now: Now, _port: &mut DiskPort<'_>, _out: &mut Vec<LogEvent>) {}

    /// When the log wants a turn at the latest. `None` of an idle log.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// Panics if the log contradicts itself. Cheap: meant to be called after every input.
    pub fn check_invariants(&self) {
        assert!(self.log_start <= self.synced_end && self.synced_end <= self.written_end && self.written_end <= self.end);
    }
}
