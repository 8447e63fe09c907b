//! How much retention takes: nothing that is neither too old nor too much.
//!
//! State       in `Watch`: the tightest limits that each topic has had, the latest wall time, the oldest record, the log starts that were judged.
//! Takes       settings as they are given; checkpoints of log starts as they are written.
//! Holds       the limits are the tightest that ever were: a setting that was loosened again excuses, one that was never there does not.
//! Not here    whether anybody asked for retention at all, and the order of what goes (watch.rs).

use super::refold;
use super::{Id, Watch};
use crate::batch::Head;
use bytes::Bytes;
use ottla_core::io::FileKind;

/// `retention.ms` unless anybody says otherwise.
const DEFAULT_MS: i64 = 7 * 24 * 3_600_000;

/// The tightest limits of a topic, or of the broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    ms: i64,
    bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { ms: DEFAULT_MS, bytes: u64::MAX }
    }
}

impl Limits {
    fn tightened(self, other: Limits) -> Limits {
        Limits { ms: self.ms.min(other.ms), bytes: self.bytes.min(other.bytes) }
    }

    /// Whether they let go what the default keeps.
    fn are_tight(self) -> bool {
        self.ms < DEFAULT_MS || self.bytes < u64::MAX
    }

    /// As a setting says, under its name of the topic or of the broker.
    fn of(name: &str, value: &str) -> Limits {
        let none = Limits::default();
        let Some(value) = value.parse::<i64>().ok().filter(|v| *v >= 0) else { return none };
        match name.trim_start_matches("log.") {
            "retention.ms" => Limits { ms: value, ..none },
            "retention.minutes" => Limits { ms: value.saturating_mul(60_000), ..none },
            "retention.hours" => Limits { ms: value.saturating_mul(3_600_000), ..none },
            "retention.bytes" => Limits { bytes: value.unsigned_abs(), ..none },
            _ => none,
        }
    }
}

impl Watch {
    /// A setting is given to this topic; to the broker, if there is no name. It may be one of retention, or any other.
    pub(crate) fn on_setting(&mut self, topic: Option<&str>, setting: &str, value: &str) {
        let given = Limits::of(setting, value);
        if given.are_tight() {
            let limits = self.limits.entry(topic.map(str::to_string)).or_default();
            *limits = limits.tightened(given);
        }
    }

    /// Whether retention may take the beginning of this topic's logs: a setting says so, or one of its records has ever been older than
    /// the default permits.
    pub(crate) fn is_retained(&self, topic: &str) -> bool {
        let is_aged = self.oldest_ms.get(topic).is_some_and(|oldest| self.wall_ms.saturating_sub(*oldest) > DEFAULT_MS);
        is_aged || self.limits.keys().any(|name| name.as_deref().is_none_or(|name| name == topic))
    }

    /// A batch is appended to this log.
    pub(super) fn know_age(&mut self, log: usize, head: &Head) {
        let topic = self.logs[log].path.rsplit_once('-').map_or("", |(topic, _)| topic);
        // One without timestamps is as old as its file.
        let written = if head.max_timestamp >= 0 { head.max_timestamp } else { self.wall_ms };
        match self.oldest_ms.get_mut(topic) {
            Some(oldest) => *oldest = written.min(*oldest),
            None => drop(self.oldest_ms.insert(topic.to_string(), written)),
        }
    }

    /// The wall time of a node that takes its turn.
    pub(crate) fn on_wall(&mut self, wall_ms: i64) {
        if wall_ms < self.wall_now_ms {
            self.on_wall_back(wall_ms);
        }
        self.wall_now_ms = wall_ms;
        self.wall_ms = self.wall_ms.max(wall_ms);
    }

    /// Log starts are written down: whatever lies below, and did not before, retention took, or somebody asked for that.
    pub(super) fn on_log_starts(&mut self, data: &[Bytes]) {
        for (topic, index, start) in refold::checkpoint_lines(&data.concat()) {
            let Some(log) = self.by_path.get(&format!("{topic}-{index}")).copied() else { continue };
            let ghost = &self.logs[log];
            if start < ghost.start && !ghost.is_back && !self.root_is_damaged(FileKind::LogStarts) {
                let text = format!("{}: {start}, this life has found {}", ghost.path, ghost.start);
                self.report(Id::AskedDeletion.found("a log start goes back in the checkpoint", text));
            }
            let ghost = &self.logs[log];
            let known = self.judged_starts.get(&log).copied().unwrap_or(0).max(ghost.start).max(ghost.deletion_asked);
            if start <= known || !self.is_retained(&topic) {
                continue;
            }
            self.judged_starts.insert(log, start);
            // What a failed append left, and was cut away since, counted when retention looked.
            if ghost.is_damaged() || ghost.is_back || self.was_full(&ghost.path) || self.has_failed(&ghost.path) {
                continue;
            }
            self.tally.count(Id::AskedDeletion);
            if let Some(text) = self.taken_too_early(log, &topic, known, start) {
                self.report(Id::AskedDeletion.found("retention takes a segment that is neither too old nor too much", text));
            }
        }
    }

    /// The first segment between two log starts that no limit lets go.
    fn taken_too_early(&self, log: usize, topic: &str, from: i64, to: i64) -> Option<String> {
        let limits = |name: Option<&str>| self.limits.get(&name.map(str::to_string)).copied().unwrap_or_default();
        let limits = limits(Some(topic)).tightened(limits(None));
        let batches = &self.logs[log].batches;
        let mut at = batches.partition_point(|b| b.head.last_offset() < from);
        while let Some(first) = batches.get(at).filter(|b| b.head.base_offset < to) {
            let end = batches.partition_point(|b| b.name.base <= first.name.base);
            let segment = &batches[at..end];
            let newest = segment.iter().map(|b| b.head.max_timestamp).max().unwrap_or(-1);
            let left: u64 = batches[end..].iter().map(|b| b.head.size as u64).sum();
            if self.wall_ms.saturating_sub(newest) <= limits.ms && left < limits.bytes {
                let (path, base) = (&self.logs[log].path, first.name.base);
                return Some(format!(
                    "{path}: segment {base}, newest {newest} at {}, {left} bytes behind it, {limits:?}",
                    self.wall_ms
                ));
            }
            at = end;
        }
        None
    }
}
