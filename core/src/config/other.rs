//! The settings of client metrics subscriptions and of groups: kept and described as Kafka does, though nothing acts on them yet.
//!
//! Holds       the names, types, defaults and checks of Apache Kafka 4.3.

use super::value::{Check, Kind, Setting, Update};

use Check::{Any, AtLeast, OneOf};
use Kind::{Bool, Int, List, Text};

const fn row(name: &'static str, kind: Kind, default: &'static str, check: Check, doc: &'static str) -> Setting {
    Setting { name, kind, default: Some(default), check, update: Update::Dynamic, doc }
}

/// The settings of a client metrics subscription (KIP-714), sorted by name.
pub const CLIENT_METRICS_SETTINGS: &[Setting] = &[
    row("interval.ms", Int, "300000", Any, "How often clients push their metrics."),
    row("match", List, "", Any, "Which clients are meant, as name=pattern pairs; empty means all."),
    row("metrics", List, "", Any, "Which metrics are wanted, by prefix."),
];

/// The settings of a group (KIP-848, KIP-932, KIP-1071), sorted by name. Each has a broker setting for its default, whose name
/// is this one with `group.` before it, but for those in [`GROUP_SETTINGS_WITHOUT_BROKERS`].
pub const GROUP_SETTINGS: &[Setting] = &[
    row("consumer.assignment.interval.ms", Int, "1000", AtLeast(0), "How long at least between two assignments."),
    row("consumer.heartbeat.interval.ms", Int, "5000", AtLeast(1), "How often members send a heartbeat."),
    row("consumer.session.timeout.ms", Int, "45000", AtLeast(1), "How long a silent member stays in the group."),
    row("share.assignment.interval.ms", Int, "1000", AtLeast(0), "How long at least between two assignments of a share group."),
    row("share.auto.offset.reset", Text, "latest", Any, "Where a share group starts to read."),
    row("share.delivery.count.limit", Int, "5", AtLeast(2), "How often a record is delivered at most."),
    row("share.heartbeat.interval.ms", Int, "5000", AtLeast(1), "How often members of a share group send a heartbeat."),
    row(
        "share.isolation.level",
        Text,
        "read_uncommitted",
        OneOf(&["read_committed", "read_uncommitted"]),
        "Whether a share group sees records of open transactions.",
    ),
    row("share.partition.max.record.locks", Int, "2000", AtLeast(100), "How many records of a partition are locked at most."),
    row("share.record.lock.duration.ms", Int, "30000", AtLeast(1000), "How long a delivered record is locked."),
    row("share.renew.acknowledge.enable", Bool, "true", Any, "Whether locks can be renewed."),
    row("share.session.timeout.ms", Int, "45000", AtLeast(1), "How long a silent member stays in a share group."),
    row(
        "streams.assignment.interval.ms",
        Int,
        "1000",
        AtLeast(0),
        "How long at least between two assignments of a streams group.",
    ),
    row("streams.heartbeat.interval.ms", Int, "5000", AtLeast(1), "How often members of a streams group send a heartbeat."),
    row("streams.initial.rebalance.delay.ms", Int, "3000", AtLeast(0), "How long a new streams group waits for more members."),
    row("streams.num.standby.replicas", Int, "0", AtLeast(0), "How many standby tasks each task has."),
    row("streams.session.timeout.ms", Int, "45000", AtLeast(1), "How long a silent member stays in a streams group."),
];

/// Group settings whose default no broker setting gives: Kafka shows them as their own synonyms.
pub const GROUP_SETTINGS_WITHOUT_BROKERS: &[&str] =
    &["share.auto.offset.reset", "share.isolation.level", "share.renew.acknowledge.enable"];

#[must_use]
pub fn client_metrics_setting(name: &str) -> Option<&'static Setting> {
    CLIENT_METRICS_SETTINGS.iter().find(|s| s.name == name)
}

#[must_use]
pub fn group_setting(name: &str) -> Option<&'static Setting> {
    GROUP_SETTINGS.iter().find(|s| s.name == name)
}
