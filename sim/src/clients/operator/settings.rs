//! Settings as Kafka takes and refuses them: values by hand, and a naive model of the four operations on them.
//!
//! State       `Own`: what a resource was given, by name.
//! Holds       no code of `ottla_core::config`: the tables are a second opinion on the broker's.
//! Not here    requests (mod.rs).

use ottla_core::rng::Rng;
use std::collections::BTreeMap;

pub(super) const UNKNOWN_SERVER_ERROR: i16 = -1;
pub(super) const INVALID_CONFIG: i16 = 40;
pub(super) const INVALID_REQUEST: i16 = 42;

/// What a resource was given: name and value as it is shown.
pub(super) type Own = BTreeMap<String, String>;

/// A setting, a value as a client writes it, and as it is shown; `None`: it is refused.
type Row = (&'static str, &'static str, Option<&'static str>);

const TOPIC: &[Row] = &[
    ("cleanup.policy", "compact", Some("compact")),
    ("cleanup.policy", "compact,delete", Some("compact,delete")),
    ("cleanup.policy", "", Some("")),
    ("cleanup.policy", "compost", None),
    ("cleanup.policy", "delete,", None),
    ("compression.gzip.level", "-1", Some("-1")),
    ("compression.gzip.level", "9", Some("9")),
    ("compression.gzip.level", "0", None),
    ("compression.lz4.level", "17", Some("17")),
    ("compression.lz4.level", "18", None),
    ("compression.lz4.level", "0", None),
    ("compression.type", "snappy", Some("snappy")),
    ("compression.type", "brotli", None),
    ("compression.zstd.level", "-131072", Some("-131072")),
    ("compression.zstd.level", "99999999999", None),
    ("delete.retention.ms", "+5", Some("5")),
    ("delete.retention.ms", "-1", None),
    ("follower.replication.throttled.replicas", "*", Some("*")),
    ("leader.replication.throttled.replicas", "0:1,1:1", Some("0:1,1:1")),
    ("leader.replication.throttled.replicas", "0:x", None),
    ("max.compaction.lag.ms", "4000", Some("4000")),
    ("max.compaction.lag.ms", "0", None),
    ("max.message.bytes", " 500 ", Some("500")),
    ("max.message.bytes", "-1", None),
    ("message.timestamp.type", "LogAppendTime", Some("LogAppendTime")),
    ("message.timestamp.type", "logappendtime", None),
    ("min.cleanable.dirty.ratio", "1", Some("1.0")),
    ("min.cleanable.dirty.ratio", "0.25", Some("0.25")),
    ("min.cleanable.dirty.ratio", "-0.1", None),
    ("min.cleanable.dirty.ratio", "1.5", None),
    ("min.cleanable.dirty.ratio", "half", None),
    ("min.compaction.lag.ms", "5000", Some("5000")),
    ("min.insync.replicas", "2", Some("2")),
    ("min.insync.replicas", "0", None),
    ("no.such.setting", "1", None),
    ("preallocate", "TRUE", Some("true")),
    ("preallocate", "maybe", None),
    ("remote.storage.enable", "true", None),
    ("remote.storage.enable", "false", Some("false")),
    ("retention.bytes", "-7", Some("-7")),
    ("retention.ms", "-2", None),
    ("retention.ms", "soon", None),
    ("retention.ms", "99999999999999999999", None),
    ("segment.bytes", "100", None),
    ("segment.ms", "60000", Some("60000")),
    ("unclean.leader.election.enable", "true", Some("true")),
];

const METRICS: &[Row] = &[
    ("interval.ms", "500", Some("500")),
    ("interval.ms", "50", None),
    ("interval.ms", "often", None),
    ("match", "client_id=abc,client_software_name=x.*", Some("client_id=abc,client_software_name=x.*")),
    ("match", "everybody", None),
    (
        "metrics",
        "org.apache.kafka.producer.,org.apache.kafka.consumer.",
        Some("org.apache.kafka.producer.,org.apache.kafka.consumer."),
    ),
    ("metrics", "", Some("")),
    ("no.such.setting", "1", None),
];

const GROUP: &[Row] = &[
    ("consumer.session.timeout.ms", "50000", Some("50000")),
    ("consumer.session.timeout.ms", "0", None),
    ("share.isolation.level", "read_committed", Some("read_committed")),
    ("share.isolation.level", "dirty", None),
    ("share.renew.acknowledge.enable", "False", Some("false")),
    ("streams.num.standby.replicas", "two", None),
    ("no.such.setting", "1", None),
];

/// Settings of the broker that nothing here depends on, and some that cannot be changed.
const BROKER: &[Row] = &[
    ("log.cleaner.max.compaction.lag.ms", "70000", Some("70000")),
    ("log.cleaner.max.compaction.lag.ms", "0", None),
    ("log.cleaner.min.cleanable.ratio", "0.75", Some("0.75")),
    ("log.cleaner.min.cleanable.ratio", "2", None),
    ("compression.zstd.level", "7", Some("7")),
    ("node.id", "3", None),
    ("num.partitions", "0", None),
    ("auto.create.topics.enable", "false", None),
    ("a.setting.of.somebody.else", "x", Some("x")),
];

/// The kinds of resources that have settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    Topic,
    Broker,
    Metrics,
    Group,
}

impl Of {
    /// Kafka's number of it.
    pub(super) fn code(self) -> i8 {
        match self {
            Of::Topic => 2,
            Of::Broker => 4,
            Of::Metrics => 16,
            Of::Group => 32,
        }
    }

    fn rows(self) -> &'static [Row] {
        match self {
            Of::Topic => TOPIC,
            Of::Broker => BROKER,
            Of::Metrics => METRICS,
            Of::Group => GROUP,
        }
    }

    /// How a value is refused.
    fn refusal(self, name: &str, value: &str) -> i16 {
        match (self, name) {
            (Of::Topic | Of::Group, _) => INVALID_CONFIG,
            (Of::Metrics, "no.such.setting") => INVALID_REQUEST,
            (Of::Metrics, "interval.ms") if value.parse::<i64>().is_ok() => INVALID_REQUEST,
            (Of::Metrics, _) => INVALID_CONFIG,
            (Of::Broker, _) => INVALID_REQUEST,
        }
    }

    /// What a list is before it is given anything; `None` for a setting that is no list.
    fn list(self, name: &str) -> Option<&'static str> {
        match name {
            "cleanup.policy" => Some("delete"),
            "follower.replication.throttled.replicas" | "leader.replication.throttled.replicas" => Some(""),
            "match" | "metrics" if self == Of::Metrics => Some(""),
            _ => None,
        }
    }

    /// A value of such a setting as it is shown; `None` if it is refused.
    fn shown(self, name: &str, value: &str) -> Option<String> {
        if let Some((.., shown)) = self.rows().iter().find(|(n, v, _)| *n == name && *v == value) {
            return shown.map(str::to_owned);
        }
        // What lists become by appending and subtracting.
        let parts: Vec<&str> = if value.is_empty() { Vec::new() } else { value.split(',').collect() };
        let good = match name {
            "cleanup.policy" => parts.iter().all(|p| ["compact", "delete"].contains(p)),
            "match" => parts.iter().all(|p| p.starts_with("client_")),
            "metrics" => true,
            _ => value == "*" || parts.iter().all(|p| *p == "0:1" || *p == "1:1"),
        };
        good.then(|| value.to_owned())
    }
}

/// One setting in a request: name, operation, value.
pub(super) type Change = (&'static str, i8, Option<&'static str>);

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;

/// Some changes; most of them right. `all_set`: AlterConfigs knows no other operation.
pub(super) fn draw(of: Of, rng: &mut Rng, all_set: bool) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let wrong_is_rare = rng.chance(1, 2);
    for _ in 0..rng.between(1, 3) {
        let Some((name, value, shown)) = rng.pick(of.rows()).copied() else { continue };
        if wrong_is_rare && shown.is_none() {
            continue;
        }
        let op = match rng.below(12) {
            _ if all_set => SET,
            0..=6 => SET,
            7..=8 => DELETE,
            9 => APPEND,
            10 => APPEND + 1,
            _ if wrong_is_rare => SET,
            _ => 9,
        };
        let value = match op {
            DELETE => rng.chance(1, 2).then_some(value),
            _ => (wrong_is_rare || !rng.chance(1, 10)).then_some(value),
        };
        // A name twice is refused.
        if wrong_is_rare && changes.iter().any(|(n, ..)| *n == name) {
            continue;
        }
        changes.push((name, op, value));
    }
    changes
}

/// What comes of changes: the new settings, or the error code. `replaces`: what is not named goes.
pub(super) fn apply(of: Of, own: &Own, changes: &[Change], replaces: bool) -> Result<Own, i16> {
    let names: Vec<&str> = changes.iter().map(|(n, ..)| *n).collect();
    let twice = names.iter().enumerate().any(|(i, n)| names[..i].contains(n));
    if twice || changes.iter().any(|(_, op, value)| value.is_none() && *op != DELETE) {
        return Err(INVALID_REQUEST);
    }
    let mut wanted = if replaces { Own::new() } else { own.clone() };
    for (name, op, value) in changes {
        let value = value.unwrap_or_default();
        match *op {
            SET => drop(wanted.insert((*name).to_owned(), value.to_owned())),
            DELETE => drop(wanted.remove(*name)),
            2 | 3 => {
                let default = of.list(name).ok_or(INVALID_CONFIG)?;
                let before = own.get(*name).map_or(default, String::as_str);
                let mut parts: Vec<&str> = before.split(',').filter(|p| !p.is_empty()).collect();
                for part in value.split(',') {
                    if *op == 3 {
                        parts.retain(|p| *p != part);
                    } else if !parts.contains(&part) {
                        parts.push(part);
                    }
                }
                wanted.insert((*name).to_owned(), parts.join(","));
            }
            _ => return Err(if of == Of::Broker { INVALID_REQUEST } else { UNKNOWN_SERVER_ERROR }),
        }
    }
    let mut shown = Own::new();
    for (name, value) in wanted {
        // What was there before was found right then.
        let is_old = own.get(&name) == Some(&value) && !changes.iter().any(|(n, ..)| *n == name);
        let right = if is_old { Some(value.clone()) } else { of.shown(&name, &value) };
        let Some(right) = right else { return Err(of.refusal(&name, &value)) };
        shown.insert(name, right);
    }
    let number = |name: &str, usual| shown.get(name).and_then(|v| v.parse().ok()).unwrap_or(usual);
    if of == Of::Topic && number("min.compaction.lag.ms", 0) > number("max.compaction.lag.ms", i64::MAX) {
        return Err(INVALID_CONFIG);
    }
    Ok(shown)
}
