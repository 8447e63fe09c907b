//! How a command fails: what is printed to stderr, and the exit code that a script sees.

use ottla_core::client::{ClientError, Code};
use std::io::Write;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was tried and failed.
    Failed(String),
    /// Ctrl-C came: what there is to say of what was done until then.
    Interrupted(String),
    /// The command line or a file of settings is wrong.
    Usage(String),
    /// The same, as a diagnostic that brings its own first line.
    Diagnostic(String),
    /// A topic, a partition or a setting of a topic is not there.
    NotFound(String),
    /// No broker answered in time.
    Unreachable(String),
    /// The reader of our output has gone: nothing to complain about.
    Quiet,
    /// It was said already; the exit code.
    Said(u8),
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Quiet => 0,
            Failure::Failed(_) => 1,
            Failure::Usage(_) | Failure::Diagnostic(_) => 2,
            Failure::NotFound(_) => 3,
            Failure::Unreachable(_) => 4,
            // As a shell says it of what SIGINT has ended.
            Failure::Interrupted(_) => 130,
            Failure::Said(code) => *code,
        }
    }

    /// What there is to be said.
    pub(crate) fn text(&self) -> &str {
        match self {
            Failure::Quiet | Failure::Said(_) => "",
            Failure::Failed(text)
            | Failure::Interrupted(text)
            | Failure::Usage(text)
            | Failure::Diagnostic(text)
            | Failure::NotFound(text)
            | Failure::Unreachable(text) => text,
        }
    }

    pub(crate) fn print(&self) {
        match self {
            Failure::Quiet | Failure::Said(_) => {}
            Failure::Diagnostic(text) => notice(text),
            Failure::Failed(text)
            | Failure::Interrupted(text)
            | Failure::Usage(text)
            | Failure::NotFound(text)
            | Failure::Unreachable(text) => {
                notice(&format!("error: {}", printable(text)));
            }
        }
    }

    /// A client's error, said of `what`.
    pub(crate) fn of(what: &str, error: &ClientError) -> Failure {
        let mut text = if what.is_empty() { error.to_string() } else { format!("{what}: {error}") };
        if let Some(advice) = error_name(error).and_then(|name| advice(&name)) {
            text = format!("{text}; {advice}");
        }
        match error {
            // A broker did answer.
            ClientError::TimedOut { .. } if error_name(error).is_some() => Failure::Failed(text),
            ClientError::Broker { code, .. } if *code == Code::UNKNOWN_TOPIC_OR_PARTITION || *code == Code::UNKNOWN_TOPIC_ID => {
                Failure::NotFound(text)
            }
            ClientError::TimedOut { .. } | ClientError::Disconnected { .. } => Failure::Unreachable(text),
            _ => Failure::Failed(text),
        }
    }
}

/// The name of the broker's error that made a client fail, be it that it kept coming until the time was over.
pub(crate) fn error_name(error: &ClientError) -> Option<String> {
    match error {
        ClientError::Broker { code, .. } => Some(code.to_string()),
        ClientError::TimedOut { last } => {
            let (name, _) = last.split_once(": ")?;
            let is_name = name.contains('_') && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            is_name.then(|| name.to_owned())
        }
        _ => None,
    }
}

/// What to do about a broker's error, where its own words do not say it.
pub(crate) fn advice(name: &str) -> Option<&'static str> {
    match name {
        "KAFKA_STORAGE_ERROR" => Some(
            "if it stays so, look at the space on the broker's disk, and at the broker's log: records are taken again when a full \
             disk has space, for which topics and records can be deleted; where the log says that the partition is offline, it is \
             back when the broker is started again on a sound disk, with its files restored or its topic deleted",
        ),
        "LEADER_NOT_AVAILABLE" => Some(
            "if it stays so, no replica is on a broker that serves it: that broker is down, or the partition is offline there, and \
             its log says why; it is back when the broker is started on a sound disk, with its files restored or its topic deleted",
        ),
        _ => None,
    }
}

/// A text that may hold what somebody else has written: a terminal would obey control characters.
fn printable(text: &str) -> String {
    let one = |c: char| if c.is_control() && c != '\n' { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(one).collect()
}

/// Tell the user something on stderr. That it cannot be told stops nothing.
pub(crate) fn notice(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Failure {
        if e.kind() == std::io::ErrorKind::BrokenPipe { Failure::Quiet } else { Failure::Failed(e.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_on_a_storage_error_holds_for_a_full_disk_and_for_a_failed_one() {
        let error = ClientError::Broker { code: Code::KAFKA_STORAGE_ERROR, message: None };
        let said = Failure::of("t-0", &error).text().to_owned();
        for part in ["failed, is full, or does not keep up", "when a full disk has space", "offline, it is back when"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
