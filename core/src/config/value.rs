//! What a setting's value may be: types and checks, and Kafka's words for what is wrong with one.
//!
//! State       none.
//! Takes       a setting's row and a text.
//! Gives       the value in the spelling in which Kafka prints it back, or the message with which Kafka refuses it.
//! Not here    which settings there are (`topic.rs`, `broker.rs`).

/// The type of a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Bool,
    Int,
    Long,
    Short,
    Double,
    Text,
    List,
    /// Text that is never shown.
    Password,
}

/// What a value of the right type must be besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// 1 to 9, or -1 for the codec's own default.
    GzipLevel,
    /// A fraction from 0 to 1.
    Ratio,
    OneOf(&'static [&'static str]),
    /// A list of these words, none of them empty; the empty list itself is allowed.
    EachOf(&'static [&'static str]),
    /// `*`, or `partition:broker` pairs.
    ThrottledReplicas,
}

/// When a broker setting can change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Update {
    ReadOnly,
    /// While the broker runs, for one broker or for all.
    Dynamic,
}

/// One row of a table of settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub kind: Kind,
    /// `None`: there is no value unless one is given.
    pub default: Option<&'static str>,
    pub check: Check,
    pub update: Update,
    pub doc: &'static str,
}

/// Kafka's number for a type in DescribeConfigs.
impl Kind {
    #[must_use]
    pub fn code(self) -> i8 {
        match self {
            Kind::Bool => 1,
            Kind::Text => 2,
            Kind::Int => 3,
            Kind::Short => 4,
            Kind::Long => 5,
            Kind::Double => 6,
            Kind::List => 7,
            Kind::Password => 9,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Bool => "BOOLEAN",
            Kind::Text => "STRING",
            Kind::Int => "INT",
            Kind::Short => "SHORT",
            Kind::Long => "LONG",
            Kind::Double => "DOUBLE",
            Kind::List => "LIST",
            Kind::Password => "PASSWORD",
        }
    }

    fn bounds(self) -> (i64, i64) {
        match self {
            Kind::Short => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Kind::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        }
    }
}

/// The elements of a list setting, trimmed; the empty text is the empty list.
#[must_use]
pub fn list(text: &str) -> Vec<&str> {
    if text.trim().is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

impl Setting {
    fn refuse<T>(&self, value: &str, why: &str) -> Result<T, String> {
        Err(format!("Invalid value {value} for configuration {}: {why}", self.name))
    }

    /// The value as Kafka prints it back, if it is of the type and passes the check.
    pub fn parse(&self, text: &str) -> Result<String, String> {
        let trimmed = text.trim();
        match self.kind {
            Kind::Bool => {
                let lower = trimmed.to_ascii_lowercase();
                if lower == "true" || lower == "false" {
                    Ok(lower)
                } else {
                    self.refuse(text, "Expected value to be either true or false")
                }
            }
            Kind::Int | Kind::Long | Kind::Short => {
                let (low, high) = self.kind.bounds();
                let number = trimmed.parse::<i64>().ok().filter(|n| (low..=high).contains(n));
                let Some(number) = number else {
                    return self.refuse(text, &format!("Not a number of type {}", self.kind.name()));
                };
                self.check_number(number)?;
                Ok(number.to_string())
            }
            Kind::Double => self.parse_ratio(text, trimmed),
            Kind::Text | Kind::Password => {
                if let Check::OneOf(words) = self.check
                    && !words.contains(&trimmed)
                {
                    return self.refuse(trimmed, &format!("String must be one of: {}", words.join(", ")));
                }
                Ok(trimmed.to_owned())
            }
            Kind::List => self.parse_list(text),
        }
    }

    fn check_number(&self, number: i64) -> Result<(), String> {
        match self.check {
            Check::AtLeast(low) | Check::Between(low, _) if number < low => {
                self.refuse(&number.to_string(), &format!("Value must be at least {low}"))
            }
            Check::Between(_, high) if number > high => {
                self.refuse(&number.to_string(), &format!("Value must be no more than {high}"))
            }
            Check::GzipLevel if number != -1 && !(1..=9).contains(&number) => {
                self.refuse(&number.to_string(), "Value must be between 1 and 9 or equal to -1")
            }
            _ => Ok(()),
        }
    }

    fn parse_ratio(&self, text: &str, trimmed: &str) -> Result<String, String> {
        let Some(number) = trimmed.parse::<f64>().ok().filter(|n| n.is_finite()) else {
            return self.refuse(text, "Not a number of type DOUBLE");
        };
        let shown = format!("{number:?}");
        match self.check {
            Check::Ratio if number < 0.0 => self.refuse(&shown, "Value must be at least 0"),
            Check::Ratio if number > 1.0 => self.refuse(&shown, "Value must be no more than 1"),
            _ => Ok(shown),
        }
    }

    fn parse_list(&self, text: &str) -> Result<String, String> {
        let parts = list(text);
        match self.check {
            Check::EachOf(words) => {
                if parts.iter().any(|p| p.is_empty()) {
                    return Err(format!("Configuration '{}' values must not be empty.", self.name));
                }
                for part in &parts {
                    if !words.contains(part) {
                        return self.refuse(part, &format!("String must be one of: {}", words.join(", ")));
                    }
                }
            }
            Check::ThrottledReplicas => {
                let number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
                let pair = |p: &&str| p.split_once(':').is_some_and(|(a, b)| number(a) && number(b));
                if parts != ["*"] && !parts.iter().all(pair) {
                    let why = format!(
                        "{} must be the literal '*' or a list of replicas in the following format: \
                         [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                        self.name
                    );
                    return self.refuse(&format!("[{}]", parts.join(", ")), &why);
                }
            }
            _ => {}
        }
        Ok(parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(kind: Kind, check: Check) -> Setting {
        Setting { name: "x", kind, default: None, check, update: Update::ReadOnly, doc: "" }
    }

    #[test]
    fn what_kafka_accepts_is_accepted_and_spelled_as_kafka_spells_it() {
        for (kind, check, given, shown) in [
            (Kind::Long, Check::AtLeast(-1), " 100 ", "100"),
            (Kind::Int, Check::AtLeast(0), "+5", "5"),
            (Kind::Bool, Check::Any, "TRUE", "true"),
            (Kind::Double, Check::Ratio, "1", "1.0"),
            (Kind::Double, Check::Ratio, "0.5", "0.5"),
            (Kind::List, Check::EachOf(&["compact", "delete"]), " delete , compact ", "delete,compact"),
            (Kind::List, Check::EachOf(&["compact", "delete"]), "", ""),
            (Kind::List, Check::ThrottledReplicas, "0:1,1:1", "0:1,1:1"),
            (Kind::List, Check::ThrottledReplicas, "*", "*"),
            (Kind::Int, Check::GzipLevel, "-1", "-1"),
        ] {
            assert_eq!(setting(kind, check).parse(given).as_deref(), Ok(shown), "{given}");
        }
    }

    #[test]
    fn what_kafka_refuses_is_refused_in_its_words() {
        for (kind, check, given, why) in [
            (Kind::Long, Check::Any, "abc", "Invalid value abc for configuration x: Not a number of type LONG"),
            (Kind::Long, Check::Any, "", "Invalid value  for configuration x: Not a number of type LONG"),
            (Kind::Int, Check::Any, "99999999999", "Invalid value 99999999999 for configuration x: Not a number of type INT"),
            (Kind::Long, Check::AtLeast(-1), "-5", "Invalid value -5 for configuration x: Value must be at least -1"),
            (Kind::Int, Check::Between(1, 17), "18", "Invalid value 18 for configuration x: Value must be no more than 17"),
            (Kind::Double, Check::Ratio, "2", "Invalid value 2.0 for configuration x: Value must be no more than 1"),
            (Kind::Double, Check::Ratio, "x", "Invalid value x for configuration x: Not a number of type DOUBLE"),
            (
                Kind::Bool,
                Check::Any,
                "maybe",
                "Invalid value maybe for configuration x: Expected value to be either true or false",
            ),
            (Kind::Text, Check::OneOf(&["a", "b"]), "c", "Invalid value c for configuration x: String must be one of: a, b"),
            (Kind::List, Check::EachOf(&["a", "b"]), "a,c", "Invalid value c for configuration x: String must be one of: a, b"),
            (Kind::List, Check::EachOf(&["a", "b"]), "a,", "Configuration 'x' values must not be empty."),
        ] {
            assert_eq!(setting(kind, check).parse(given), Err(why.to_owned()), "{given}");
        }
    }
}
