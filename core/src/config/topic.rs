//! The settings of a topic: one row a setting, with the broker settings that give its default.
//!
//! Holds       the names, types, defaults and checks of Apache Kafka 4.3, and `ottla.durability`, which is ours.
//! Not here    how a topic's value is found (`resolve.rs`).

use super::value::{Check, Kind, Setting, Update};

/// A topic setting and where its default comes from.
#[derive(Clone, Copy, Debug)]
pub struct TopicSetting {
    pub setting: Setting,
    /// Broker settings that give the default, the first that is set winning, with the factor to the topic's unit. Empty: none does.
    pub from_broker: &'static [(&'static str, i64)],
    /// Kafka's hidden settings are accepted, and shown only where they are set.
    pub internal: bool,
}

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    check: Check,
    from_broker: &'static [(&'static str, i64)],
    doc: &'static str,
) -> TopicSetting {
    let setting = Setting { name, kind, default: Some(default), check, update: Update::Dynamic, doc };
    TopicSetting { setting, from_broker, internal: false }
}

/// The largest long: Kafka's spelling of "never".
pub(super) const NEVER: &str = "9223372036854775807";

pub(super) const POLICIES: &[&str] = &["compact", "delete"];
pub(super) const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
pub(super) const TIMESTAMPS: &[&str] = &["CreateTime", "LogAppendTime"];
pub(super) const DURABILITIES: &[&str] = &["fsync", "page-cache"];

use Check::{Any, AtLeast, Between, EachOf, GzipLevel, OneOf, Ratio, ThrottledReplicas};
use Kind::{Bool, Double, Int, List, Long, Text};

/// Every topic setting, sorted by name.
pub const TOPIC_SETTINGS: &[TopicSetting] = &[
    row(
        "cleanup.policy",
        List,
        "delete",
        EachOf(POLICIES),
        &[("log.cleanup.policy", 1)],
        "What happens to old segments: they are deleted by age and size, compacted by key, both, or (empty) kept for ever.",
    ),
    row(
        "compression.gzip.level",
        Int,
        "-1",
        GzipLevel,
        &[("compression.gzip.level", 1)],
        "How hard gzip works where the broker compresses: 1 to 9, or -1 for its own default.",
    ),
    row(
        "compression.lz4.level",
        Int,
        "9",
        Between(1, 17),
        &[("compression.lz4.level", 1)],
        "How hard lz4 works where the broker compresses.",
    ),
    row(
        "compression.type",
        Text,
        "producer",
        OneOf(CODECS),
        &[("compression.type", 1)],
        "The codec in which batches are stored; `producer` keeps whatever the producer chose.",
    ),
    row(
        "compression.zstd.level",
        Int,
        "3",
        Between(-131_072, 22),
        &[("compression.zstd.level", 1)],
        "How hard zstd works where the broker compresses.",
    ),
    row(
        "delete.retention.ms",
        Long,
        "86400000",
        AtLeast(0),
        &[("log.cleaner.delete.retention.ms", 1)],
        "How long a tombstone stays in a compacted topic after cleaning, so that readers see it.",
    ),
    row(
        "file.delete.delay.ms",
        Long,
        "60000",
        AtLeast(0),
        &[("log.segment.delete.delay.ms", 1)],
        "How long the file of a deleted segment stays on disk.",
    ),
    row(
        "flush.messages",
        Long,
        NEVER,
        AtLeast(1),
        &[("log.flush.interval.messages", 1)],
        "The log is flushed after this many records, whatever the producer asked for.",
    ),
    row(
        "flush.ms",
        Long,
        NEVER,
        AtLeast(0),
        &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)],
        "The log is flushed at the latest this long after a record was appended.",
    ),
    row(
        "follower.replication.throttled.replicas",
        List,
        "",
        ThrottledReplicas,
        &[],
        "The followers whose replication is throttled, as partition:broker pairs, or * for all.",
    ),
    row(
        "index.interval.bytes",
        Int,
        "4096",
        AtLeast(0),
        &[("log.index.interval.bytes", 1)],
        "How many bytes of log lie between two entries of the offset index, about.",
    ),
    TopicSetting {
        setting: Setting {
            name: "internal.segment.bytes",
            kind: Int,
            default: None,
            check: Any,
            update: Update::Dynamic,
            doc: "The size of a segment without the lower limit of segment.bytes. For tests.",
        },
        from_broker: &[("internal.log.segment.bytes", 1)],
        internal: true,
    },
    row(
        "leader.replication.throttled.replicas",
        List,
        "",
        ThrottledReplicas,
        &[],
        "The leaders whose replication is throttled, as partition:broker pairs, or * for all.",
    ),
    row(
        "local.retention.bytes",
        Long,
        "-2",
        AtLeast(-2),
        &[("log.local.retention.bytes", 1)],
        "How many bytes of a partition stay on local disk where there is tiered storage; -2 follows retention.bytes.",
    ),
    row(
        "local.retention.ms",
        Long,
        "-2",
        AtLeast(-2),
        &[("log.local.retention.ms", 1)],
        "How long segments stay on local disk where there is tiered storage; -2 follows retention.ms.",
    ),
    row(
        "max.compaction.lag.ms",
        Long,
        NEVER,
        AtLeast(1),
        &[("log.cleaner.max.compaction.lag.ms", 1)],
        "How long a record of a compacted topic may stay out of the cleaner's reach.",
    ),
    row(
        "max.message.bytes",
        Int,
        "1048588",
        AtLeast(0),
        &[("message.max.bytes", 1)],
        "The largest batch that is accepted, in bytes, as it is stored.",
    ),
    row(
        "message.timestamp.after.max.ms",
        Long,
        "3600000",
        AtLeast(0),
        &[("log.message.timestamp.after.max.ms", 1)],
        "How far a producer's timestamp may lie in the broker's future.",
    ),
    row(
        "message.timestamp.before.max.ms",
        Long,
        NEVER,
        AtLeast(0),
        &[("log.message.timestamp.before.max.ms", 1)],
        "How far a producer's timestamp may lie in the broker's past.",
    ),
    row(
        "message.timestamp.type",
        Text,
        "CreateTime",
        OneOf(TIMESTAMPS),
        &[("log.message.timestamp.type", 1)],
        "Whose clock a record's timestamp is from: the producer's, or the broker's at the append.",
    ),
    row(
        "min.cleanable.dirty.ratio",
        Double,
        "0.5",
        Ratio,
        &[("log.cleaner.min.cleanable.ratio", 1)],
        "Which part of a compacted log must be uncleaned before the cleaner takes it up.",
    ),
    row(
        "min.compaction.lag.ms",
        Long,
        "0",
        AtLeast(0),
        &[("log.cleaner.min.compaction.lag.ms", 1)],
        "How long a record of a compacted topic is safe from the cleaner.",
    ),
    row(
        "min.insync.replicas",
        Int,
        "1",
        AtLeast(1),
        &[("min.insync.replicas", 1)],
        "How many replicas must be in sync for a write with acks=all to be accepted.",
    ),
    row(
        "ottla.durability",
        Text,
        "fsync",
        OneOf(DURABILITIES),
        &[("ottla.durability", 1)],
        "What an acknowledgement of acks=all rests on: `fsync` means on disk, `page-cache` means Kafka's own semantics.",
    ),
    row(
        "preallocate",
        Bool,
        "false",
        Any,
        &[("log.preallocate", 1)],
        "Whether a new segment takes its whole size on disk at once. It is kept and has no effect here.",
    ),
    row(
        "remote.log.copy.disable",
        Bool,
        "false",
        Any,
        &[],
        "With tiered storage: whether tiered data is only read, and nothing more is copied.",
    ),
    row(
        "remote.log.delete.on.disable",
        Bool,
        "false",
        Any,
        &[],
        "With tiered storage: whether tiered data is deleted when tiering is turned off.",
    ),
    row("remote.storage.enable", Bool, "false", Any, &[], "Whether the topic's segments go to tiered storage."),
    row(
        "retention.bytes",
        Long,
        "-1",
        Any,
        &[("log.retention.bytes", 1)],
        "How large a partition may grow before its oldest segments are deleted; -1 for no limit.",
    ),
    row(
        "retention.ms",
        Long,
        "604800000",
        AtLeast(-1),
        &[("log.retention.ms", 1), ("log.retention.minutes", MINUTE_MS), ("log.retention.hours", HOUR_MS)],
        "How long a record is kept before its segment may be deleted; -1 for ever.",
    ),
    row(
        "segment.bytes",
        Int,
        "1073741824",
        AtLeast(1_048_576),
        &[("log.segment.bytes", 1)],
        "How large a segment grows before the next one is begun.",
    ),
    row(
        "segment.index.bytes",
        Int,
        "10485760",
        AtLeast(4),
        &[("log.index.size.max.bytes", 1)],
        "How large an index of a segment grows before the next segment is begun.",
    ),
    row(
        "segment.jitter.ms",
        Long,
        "0",
        AtLeast(0),
        &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", HOUR_MS)],
        "By how much at most segment.ms is shortened at random, so that partitions do not roll together.",
    ),
    row(
        "segment.ms",
        Long,
        "604800000",
        AtLeast(1),
        &[("log.roll.ms", 1), ("log.roll.hours", HOUR_MS)],
        "How old a segment grows before the next one is begun.",
    ),
    row(
        "unclean.leader.election.enable",
        Bool,
        "false",
        Any,
        &[("unclean.leader.election.enable", 1)],
        "Whether a replica that may lack acknowledged records can become leader when no other is there.",
    ),
];

/// The row of a topic setting.
#[must_use]
pub fn topic_setting(name: &str) -> Option<&'static TopicSetting> {
    TOPIC_SETTINGS.binary_search_by(|t| t.setting.name.cmp(name)).ok().map(|i| &TOPIC_SETTINGS[i])
}
