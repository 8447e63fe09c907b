//! What holds for one topic: its own settings over the broker's over the defaults.
//!
//! State       `TopicSettings`: every topic setting that has a value, resolved.
//! Gives       the typed `LogConfig` that a log reads; the check that Kafka makes before it accepts a topic's settings.
//! Not here    which settings a topic has of its own (the controller's image).

use super::Settings;
use super::topic::{TOPIC_SETTINGS, TopicSetting, topic_setting};
use crate::log::{CompressionType, Durability, LogConfig, TimestampType};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Every topic setting with its resolved value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSettings {
    /// By their rows in `TOPIC_SETTINGS`.
    resolved: Vec<Option<Cow<'static, str>>>,
    producer_id_expiration_ms: i64,
}

/// What the broker's settings give for a topic setting; `None` where there is no value at all.
#[must_use]
pub fn broker_default(setting: &TopicSetting, broker: &Settings) -> Option<Cow<'static, str>> {
    for (name, factor) in setting.from_broker {
        let Some(text) = broker.kept_text(name) else { continue };
        let is_time = *factor != 1 || *name == "log.retention.ms";
        let number = is_time.then(|| text.parse::<i64>().ok()).flatten();
        // A negative time means "for ever" in every unit.
        let scaled = number.map(|n| if n < 0 { -1 } else { n.saturating_mul(*factor) });
        return Some(scaled.map_or(text, |n| Cow::Owned(n.to_string())));
    }
    setting.setting.default.map(Cow::Borrowed)
}

/// Kafka's check of the settings that a topic shall have of its own: names, types, bounds, and what contradicts each other.
pub fn check_topic_overrides(broker: &Settings, own: &BTreeMap<String, String>) -> Result<(), String> {
    for name in own.keys() {
        if topic_setting(name).is_none() {
            return Err(format!("Unknown topic config name: {name}"));
        }
    }
    let mut resolved = Vec::with_capacity(TOPIC_SETTINGS.len());
    for row in TOPIC_SETTINGS {
        resolved.push(match own.get(row.setting.name) {
            Some(value) => Some(Cow::Owned(row.setting.parse(value)?)),
            None => broker_default(row, broker),
        });
    }
    let settings = TopicSettings { resolved, producer_id_expiration_ms: 0 };
    let (min, max) = (settings.int("min.compaction.lag.ms"), settings.int("max.compaction.lag.ms"));
    if min > max {
        return Err(format!("conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"));
    }
    if settings.text("remote.storage.enable") == Some("true") {
        return Err(
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.".into(),
        );
    }
    Ok(())
}

impl TopicSettings {
    /// Resolve: `broker` are the broker's effective settings, `own` the topic's, which were checked when they were accepted.
    #[must_use]
    pub fn new(broker: &Settings, own: &BTreeMap<String, String>) -> TopicSettings {
        let resolve = |row: &TopicSetting| {
            let own = own.get(row.setting.name).and_then(|v| row.setting.parse(v).ok());
            own.map(Cow::Owned).or_else(|| broker_default(row, broker))
        };
        let resolved = TOPIC_SETTINGS.iter().map(resolve).collect();
        TopicSettings { resolved, producer_id_expiration_ms: broker.int("producer.id.expiration.ms") }
    }

    /// A setting by its topic name; `None` where it has no value. Panics for a name that is no topic setting.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let row = TOPIC_SETTINGS.binary_search_by(|row| row.setting.name.cmp(name));
        assert!(row.is_ok(), "{name} is a topic setting");
        self.resolved.get(row.unwrap_or_default())?.as_deref()
    }

    #[must_use]
    pub fn bool(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// A number; panics where the setting is none.
    #[must_use]
    pub fn int(&self, name: &str) -> i64 {
        let value = self.text(name).and_then(|t| t.parse().ok());
        assert!(value.is_some(), "{name} is a number with a default");
        value.unwrap_or_default()
    }

    /// `min.insync.replicas`.
    #[must_use]
    pub fn min_insync_replicas(&self) -> i32 {
        i32::try_from(self.int("min.insync.replicas")).unwrap_or(i32::MAX)
    }

    /// The settings as the topic's logs read them. `segment.jitter.ms` is the bound: whoever makes a log draws from it.
    #[must_use]
    pub fn log_config(&self) -> LogConfig {
        let int = |name: &str| self.int(name);
        let size = |name: &str| u32::try_from(int(name)).unwrap_or(0);
        let level = |name: &str| i32::try_from(int(name)).unwrap_or(-1);
        let unless_never = |n: i64| (n != i64::MAX).then_some(n);
        let count = |name: &str| unless_never(int(name)).and_then(|n| u64::try_from(n).ok());
        let unless_negative = |name: &str| (int(name) >= 0).then_some(int(name));
        let policies = super::value::list(self.text("cleanup.policy").unwrap_or_default());
        let segment_bytes = self.text("internal.segment.bytes").and_then(|t| t.parse::<u32>().ok());
        LogConfig {
            segment_bytes: segment_bytes.unwrap_or_else(|| size("segment.bytes")),
            segment_ms: int("segment.ms"),
            segment_jitter_ms: int("segment.jitter.ms"),
            segment_index_bytes: size("segment.index.bytes"),
            index_interval_bytes: size("index.interval.bytes"),
            max_message_bytes: size("max.message.bytes"),
            retention_ms: unless_negative("retention.ms"),
            retention_bytes: unless_negative("retention.bytes").and_then(|n| u64::try_from(n).ok()),
            cleanup_delete: policies.contains(&"delete"),
            cleanup_compact: policies.contains(&"compact"),
            flush_messages: count("flush.messages"),
            flush_ms: count("flush.ms"),
            timestamp_type: match self.text("message.timestamp.type") {
                Some("LogAppendTime") => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            timestamp_before_max_ms: unless_never(int("message.timestamp.before.max.ms")),
            timestamp_after_max_ms: unless_never(int("message.timestamp.after.max.ms")),
            compression: match self.text("compression.type") {
                Some("uncompressed") => CompressionType::Uncompressed,
                Some("gzip") => CompressionType::Gzip,
                Some("snappy") => CompressionType::Snappy,
                Some("lz4") => CompressionType::Lz4,
                Some("zstd") => CompressionType::Zstd,
                _ => CompressionType::Producer,
            },
            gzip_level: level("compression.gzip.level"),
            lz4_level: level("compression.lz4.level"),
            zstd_level: level("compression.zstd.level"),
            durability: match self.text("ottla.durability") {
                Some("page-cache") => Durability::PageCache,
                _ => Durability::Fsync,
            },
            file_delete_delay_ms: u64::try_from(int("file.delete.delay.ms")).unwrap_or(0),
            producer_id_expiration_ms: self.producer_id_expiration_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn with_nothing_set_a_log_has_kafkas_defaults() {
        assert_eq!(TopicSettings::new(&Settings::default(), &BTreeMap::new()).log_config(), LogConfig::default());
    }

    #[test]
    fn the_finest_unit_that_is_set_gives_the_retention() {
        let mut broker = Settings::default();
        let retention = |broker: &Settings| TopicSettings::new(broker, &BTreeMap::new()).log_config().retention_ms;
        broker.insert("log.retention.hours", "2").unwrap();
        assert_eq!(retention(&broker), Some(7_200_000));
        broker.insert("log.retention.minutes", "1").unwrap();
        assert_eq!(retention(&broker), Some(60_000));
        broker.insert("log.retention.ms", "-5").unwrap();
        assert_eq!(retention(&broker), None);
        assert_eq!(TopicSettings::new(&broker, &BTreeMap::new()).text("retention.ms"), Some("-1"));
        let mut broker = Settings::default();
        broker.insert("log.retention.hours", "-1").unwrap();
        assert_eq!(retention(&broker), None);
    }

    #[test]
    fn a_topics_own_settings_win() {
        let mut broker = Settings::default();
        broker.insert("log.cleanup.policy", "compact").unwrap();
        broker.insert("ottla.durability", "page-cache").unwrap();
        let config = TopicSettings::new(&broker, &own(&[("cleanup.policy", "delete"), ("flush.ms", "10")])).log_config();
        assert_eq!((config.cleanup_delete, config.cleanup_compact, config.flush_ms), (true, false, Some(10)));
        assert_eq!(config.durability, Durability::PageCache);
        let kept_for_ever = TopicSettings::new(&broker, &own(&[("cleanup.policy", "")])).log_config();
        assert!(!kept_for_ever.cleanup_delete && !kept_for_ever.cleanup_compact);
    }

    #[test]
    fn tiny_settings_reach_the_log() {
        assert_eq!(TopicSettings::new(&Settings::tiny(), &BTreeMap::new()).log_config(), LogConfig::tiny());
    }

    #[test]
    fn contradictions_and_unknown_names_are_refused_as_kafka_does() {
        let broker = Settings::default();
        for (pairs, why) in [
            (&[("foo", "1")][..], "Unknown topic config name: foo"),
            (&[("segment.bytes", "100")], "Invalid value 100 for configuration segment.bytes: Value must be at least 1048576"),
            (
                &[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")],
                "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)",
            ),
            (
                &[("remote.storage.enable", "true")],
                "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
            ),
        ] {
            assert_eq!(check_topic_overrides(&broker, &own(pairs)), Err(why.to_owned()));
        }
        assert_eq!(check_topic_overrides(&broker, &own(&[("internal.segment.bytes", "100"), ("retention.bytes", "-7")])), Ok(()));
    }
}
