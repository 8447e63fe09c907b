//! Settings under Kafka's names: tables of brokers' and topics' settings, and the typed values that the machines read.
//!
//! State       `Settings`: what was given, by name. Defaults live in the tables alone.
//! Takes       names and values as Kafka spells them, from a command line, a file, or an admin request.
//! Gives       typed values; or an error that names the setting, the value, the reason, and what may have been meant.
//! Holds       a `Settings` contains only names of its table with values that their checks accept.
//! Not here    where settings come from (the edge), which topic has which (the controller's image).
//! Read first  `topic.rs` and `broker.rs`: one row a setting.

pub mod broker;
pub mod foreign;
pub mod other;
pub mod properties;
pub mod resolve;
pub mod topic;
pub mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

pub use broker::{BROKER_SETTINGS, broker_setting};
pub use resolve::{TopicSettings, check_topic_overrides};
pub use topic::{TOPIC_SETTINGS, topic_setting};
pub use value::{Check, Kind, Setting, Update};

/// The name by which a setting is known today: Kafka has kept the older one of one.
#[must_use]
pub fn current_name(name: &str) -> &str {
    if name == "broker.id" { "node.id" } else { name }
}

/// Broker settings as they were given: validated against the table, defaults not filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    given: BTreeMap<&'static str, String>,
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
    /// Kafka knows it; here it changes nothing, for the reason given, be it kept and shown or not. The edge prints that.
    Ignored(&'static str),
}

impl Settings {
    /// Take one broker setting by Kafka's dotted name. A name given twice has its last value.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<Inserted, SettingError> {
        let error = |why: String, hint| SettingError { name: name.to_owned(), value: value.to_owned(), why, hint };
        if let Some((_, neutral, why)) = foreign::REFUSED.iter().find(|(n, _, _)| *n == name) {
            return if neutral.contains(&value.trim()) {
                Ok(Inserted::Ignored("It asks for nothing."))
            } else {
                Err(error((*why).to_owned(), Some(format!("remove {name}"))))
            };
        }
        let parse = |setting: &Setting| {
            setting.parse(value).map_err(|why| {
                // The message begins with the name and the value, which the error carries anyway.
                let why =
                    why.rsplit_once(&format!("configuration {}: ", setting.name)).map_or(why.clone(), |(_, w)| w.to_owned());
                error(why, setting.default.map(|d| format!("the default is {d}")))
            })
        };
        if let Some(why) = foreign::ignored(name) {
            foreign::foreign_setting(name).map(parse).transpose()?;
            return Ok(Inserted::Ignored(why));
        }
        let name = current_name(name);
        if name == "process.roles" && value::list(value) == ["broker"] {
            self.given.remove(name);
            return Ok(Inserted::Ignored("There is no quorum to join yet: this node is its own controller."));
        }
        let Some(setting) = broker_setting(name) else {
            let hint = match nearest(name) {
                Some(near) => Some(format!("did you mean {near}?")),
                None if topic_setting(name).is_some() => Some(format!("{name} is a setting of topics")),
                None => None,
            };
            return Err(error("there is no setting of this name".to_owned(), hint));
        };
        let value = parse(setting)?;
        self.given.insert(setting.name, value);
        let kept = foreign::KEPT.iter().find(|(n, _)| *n == setting.name);
        Ok(kept.map_or(Inserted::Used, |(_, why)| Inserted::Ignored(why)))
    }

    /// Every setting of the table that was given, sorted by name.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.given.iter().map(|(n, v)| (*n, v.as_str()))
    }

    /// The value of a setting if it was given.
    #[must_use]
    pub fn given_value(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// What Kafka refuses of the values taken together, in its words, with the setting that is to blame. Each value has passed its own
    /// check.
    #[must_use]
    pub fn contradictions(&self) -> Vec<SettingError> {
        let number = |name| self.given_value(name).and_then(|text| text.parse::<i64>().ok());
        let first = |name| broker::synonyms(name).iter().find_map(|n| Some((*n, number(n)?)));
        let mut wrong = Vec::new();
        let mut refuse = |name: &str, why: String| {
            let value = self.given_value(name).unwrap_or_default().to_owned();
            wrong.push(SettingError { name: name.to_owned(), value, why, hint: None });
        };
        for (name, least) in [("log.roll.ms", 1), ("log.roll.jitter.ms", 0)] {
            if number(name).is_some_and(|n| n < least) {
                refuse(name, format!("{name} must be greater than or equal to {least}"));
            }
        }
        // Any negative number is for ever.
        if let Some((name, 0)) = first("log.retention.ms") {
            refuse(name, "log.retention.ms must be unlimited (-1) or, greater than or equal to 1".to_owned());
        }
        // Otherwise one request would be too much.
        if number("queued.max.request.bytes").is_some_and(|n| n > 0 && n < self.int("socket.request.max.bytes")) {
            let why = "queued.max.request.bytes must be larger or equal to socket.request.max.bytes";
            refuse("queued.max.request.bytes", why.to_owned());
        }
        wrong
    }

    /// What no broker can start with: contradictions, and what is asked of it and not served.
    #[must_use]
    pub fn unservable(&self) -> Vec<SettingError> {
        let mut wrong = self.contradictions();
        let mut refuse = |name: &str, why: &str, hint: &str| {
            let value = self.given_value(name).unwrap_or_default().to_owned();
            wrong.push(SettingError { name: name.to_owned(), value, why: why.to_owned(), hint: Some(hint.to_owned()) });
        };
        // Kafka looks at it as at a default of topics.
        let flush = broker::synonyms("log.flush.interval.ms").iter().find_map(|name| Some((*name, self.given_value(name)?)));
        if let Some((name, _)) = flush.filter(|(_, value)| value.starts_with('-')) {
            refuse(name, "Value must be at least 0", "remove it to flush by other rules alone");
        }
        if self.given_value("connections.max.idle.ms") == Some("0") {
            refuse("connections.max.idle.ms", "no connection would live", "a negative number is no bound");
        }
        if self.given_value("process.roles").is_some_and(|roles| !value::list(roles).contains(&"broker")) {
            refuse("process.roles", "only a node that is a broker, too, is served yet", "a single node is broker,controller");
        }
        wrong
    }

    /// These settings with others laid over them, as far as those are settings with an effect.
    #[must_use]
    pub fn overlaid(&self, over: &BTreeMap<String, String>) -> Settings {
        let mut settings = self.clone();
        for (name, value) in over {
            if let Some(setting) = broker_setting(name)
                && let Ok(value) = setting.parse(value)
            {
                settings.given.insert(setting.name, value);
            }
        }
        settings
    }

    /// Small limits, so that every boundary is met within a few records: for simulated worlds and tests.
    #[must_use]
    pub fn tiny() -> Settings {
        let mut settings = Settings::default();
        for (name, value) in [
            ("internal.log.segment.bytes", "1024"),
            ("log.index.size.max.bytes", "64"),
            ("log.index.interval.bytes", "100"),
            ("message.max.bytes", "600"),
            ("log.segment.delete.delay.ms", "1000"),
            ("log.retention.check.interval.ms", "1000"),
            ("internal.metadata.log.segment.bytes", "1024"),
            ("metadata.log.max.record.bytes.between.snapshots", "2048"),
            ("max.incremental.fetch.session.cache.slots", "4"),
            ("ottla.reserve.bytes", "4096"),
            ("queued.max.request.bytes", "3000"),
        ] {
            let inserted = settings.insert(name, value);
            assert!(inserted == Ok(Inserted::Used), "{name} is a setting");
        }
        settings
    }

    /// The value of a setting as text: as given, or its default; `None` where neither is.
    ///
    /// This and the other getters panic for a name that is not in the table, or not of the type asked for.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let setting = row(name);
        self.given.get(name).map(String::as_str).or(setting.default)
    }

    /// As [`Settings::text`], for whoever keeps it.
    fn kept_text(&self, name: &str) -> Option<Cow<'static, str>> {
        let given = self.given.get(name).map(|value| Cow::Owned(value.clone()));
        given.or(row(name).default.map(Cow::Borrowed))
    }

    #[must_use]
    pub fn bool(&self, name: &str) -> bool {
        assert!(row(name).kind == Kind::Bool, "{name} is a truth value");
        self.text(name) == Some("true")
    }

    /// A number; panics where there is neither a value nor a default (`maybe_int` for those).
    #[must_use]
    pub fn int(&self, name: &str) -> i64 {
        let value = self.maybe_int(name);
        assert!(value.is_some(), "{name} has a value");
        value.unwrap_or_default()
    }

    #[must_use]
    pub fn maybe_int(&self, name: &str) -> Option<i64> {
        assert!(matches!(row(name).kind, Kind::Int | Kind::Long | Kind::Short), "{name} is a number");
        self.text(name).map(|text| {
            let value = text.parse();
            assert!(value.is_ok(), "{name} was checked when it was given");
            value.unwrap_or_default()
        })
    }

    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        assert!(row(name).kind == Kind::List, "{name} is a list");
        self.text(name).map(|t| value::list(t).into_iter().map(str::to_owned).collect()).unwrap_or_default()
    }
}

fn row(name: &str) -> &'static Setting {
    let setting = broker_setting(name);
    assert!(setting.is_some(), "{name} is a broker setting");
    setting.unwrap_or(&BROKER_SETTINGS[0])
}

/// The known name that is written most like `name`, if any is near.
fn nearest(name: &str) -> Option<&'static str> {
    let ignored = foreign::IGNORED.iter().flat_map(|(_, rows)| rows.iter().map(|s| s.name));
    let refused = foreign::REFUSED.iter().map(|(name, ..)| *name);
    nearest_of(name, BROKER_SETTINGS.iter().map(|s| s.name).chain(ignored).chain(refused))
}

/// The one of some names that is written most like `name`, if any is near.
fn nearest_of(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let limit = (name.len() / 4).clamp(1, 4);
    let is_as_long = |k: &&str| k.len().abs_diff(name.len()) <= limit;
    known.filter(is_as_long).map(|k| (distance(name, k), k)).filter(|(d, _)| *d <= limit).min().map(|(_, k)| k)
}

/// Insertions, deletions and replacements that make `a` out of `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid value {:?} for {}: {}", self.value, self.name, self.why)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_their_defaults_pass_their_own_checks() {
        assert!(BROKER_SETTINGS.is_sorted_by(|a, b| a.name < b.name));
        assert!(TOPIC_SETTINGS.is_sorted_by(|a, b| a.setting.name < b.setting.name));
        for setting in BROKER_SETTINGS.iter().chain(TOPIC_SETTINGS.iter().map(|t| &t.setting)) {
            if let Some(default) = setting.default {
                assert_eq!(setting.parse(default).as_deref(), Ok(default), "{}", setting.name);
            }
        }
        for setting in foreign::IGNORED.iter().flat_map(|(_, rows)| rows.iter()) {
            assert!(broker_setting(setting.name).is_none());
            assert!(setting.default.is_none_or(|d| setting.parse(d).is_ok()), "{}", setting.name);
        }
        for topic in TOPIC_SETTINGS {
            assert!(topic.from_broker.iter().all(|(name, _)| broker_setting(name).is_some()), "{}", topic.setting.name);
        }
    }

    #[test]
    fn a_misspelled_name_is_refused_with_the_nearest_one() {
        let error = Settings::default().insert("num.partition", "3").unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean num.partitions?"));
        assert_eq!(Settings::default().insert("xyz", "3").unwrap_err().hint, None);
        let error = Settings::default().insert("retention.ms", "3").unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("retention.ms is a setting of topics"));
    }

    #[test]
    fn a_name_without_effect_is_accepted_with_its_reason() {
        let mut settings = Settings::default();
        assert!(matches!(settings.insert("num.network.threads", "3"), Ok(Inserted::Ignored(why)) if why.contains("event loop")));
        assert!(matches!(settings.insert("zookeeper.connect", "x:2181"), Ok(Inserted::Ignored(_))));
        let error = settings.insert("num.network.threads", "many").unwrap_err();
        assert_eq!((error.why.as_str(), error.hint.as_deref()), ("Not a number of type INT", Some("the default is 3")));
        assert_eq!(settings.given().count(), 0);
        // One that is shown is kept, too.
        for (name, why) in foreign::KEPT {
            let default = row(name).default.expect("it has one");
            assert_eq!(settings.insert(name, default), Ok(Inserted::Ignored(why)));
            assert_eq!(settings.given_value(name), Some(default));
        }
    }

    #[test]
    fn what_would_open_the_broker_if_it_were_ignored_is_refused() {
        let mut settings = Settings::default();
        assert!(settings.insert("authorizer.class.name", "org.example.Authorizer").is_err());
        assert!(settings.insert("authorizer.class.name", "").is_ok());
        for name in
            ["authorizer.class.name", "authorizer.clas.name", "super.user", "listners", "ottla.durabilty", "num.partitions"]
        {
            assert!(!foreign::may_be_ignored(name), "{name}");
        }
        assert!(foreign::may_be_ignored("confluent.telemetry.enabled") && foreign::may_be_ignored("num.partitons"));
    }

    #[test]
    fn an_impossible_value_says_why() {
        let error = Settings::default().insert("num.partitions", "0").unwrap_err();
        assert_eq!(error.to_string(), "invalid value \"0\" for num.partitions: Value must be at least 1 (the default is 1)");
    }

    #[test]
    fn values_that_no_broker_can_start_with_are_told_with_the_one_to_blame() {
        let blamed = |given: &[(&str, &str)]| {
            let mut settings = Settings::default();
            given.iter().for_each(|(name, value)| assert!(settings.insert(name, value).is_ok(), "{name}={value}"));
            settings.unservable().into_iter().map(|e| e.name).collect::<Vec<_>>().join(" ")
        };
        for given in [
            &[][..],
            &[("log.retention.ms", "-5")],
            &[("log.retention.ms", "1"), ("log.retention.hours", "0")],
            &[("log.roll.ms", "1"), ("log.roll.jitter.ms", "0"), ("log.flush.interval.ms", "0")],
            &[("queued.max.request.bytes", "104857600")],
            &[("queued.max.request.bytes", "5"), ("socket.request.max.bytes", "5")],
            &[("connections.max.idle.ms", "-1")],
            &[("process.roles", "controller,broker")],
            &[("process.roles", "controller"), ("process.roles", "broker")],
            &[("log.flush.scheduler.interval.ms", "-1"), ("log.flush.interval.ms", "5")],
        ] {
            assert_eq!(blamed(given), "", "{given:?}");
        }
        for (given, to_blame) in [
            (&[("log.retention.ms", "0")][..], "log.retention.ms"),
            (&[("log.retention.hours", "0")], "log.retention.hours"),
            (&[("log.retention.hours", "1"), ("log.retention.minutes", "0")], "log.retention.minutes"),
            (&[("log.roll.ms", "0"), ("log.roll.jitter.ms", "-4")], "log.roll.ms log.roll.jitter.ms"),
            (&[("log.flush.scheduler.interval.ms", "-1")], "log.flush.scheduler.interval.ms"),
            (&[("connections.max.idle.ms", "0")], "connections.max.idle.ms"),
            (&[("queued.max.request.bytes", "5")], "queued.max.request.bytes"),
            (&[("process.roles", "controller")], "process.roles"),
            (&[("process.roles", "")], "process.roles"),
        ] {
            assert_eq!(blamed(given), to_blame, "{given:?}");
        }
    }

    #[test]
    fn getters_give_what_was_given_or_the_default() {
        let mut settings = Settings::default();
        assert_eq!((settings.int("num.partitions"), settings.bool("auto.create.topics.enable")), (1, true));
        settings.insert("num.partitions", " 4 ").unwrap();
        settings.insert("log.cleanup.policy", "compact, delete").unwrap();
        assert_eq!(settings.int("num.partitions"), 4);
        assert_eq!(settings.list("log.cleanup.policy"), ["compact", "delete"]);
        assert_eq!((settings.text("broker.rack"), settings.maybe_int("log.retention.ms")), (None, None));
        settings.insert("broker.id", "7").unwrap();
        assert_eq!(settings.int("node.id"), 7);
    }
}
