//! Every bound of the edge and the node's for what waits for the disk and for fetch sessions, in one place, so that the memory that a node may take can be printed at its start.
//!
//! Not here    the broker's settings by Kafka's names (`ottla_core::config`); `Limits::read` takes the few that are the edge's.

use ottla_core::config::Settings;
use ottla_core::session::fetch_session::PARTITIONS_MAX;
use std::time::Duration;

/// The bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `socket.request.max.bytes`: the longest frame that is taken, without its prefix.
    pub request_bytes_max: usize,
    /// `max.connections`: more are closed as soon as they are accepted.
    pub connections_max: usize,
    /// `connections.max.idle.ms`: a connection on which no byte came or went for so long is closed, whatever it waits for.
    pub idle_max: Duration,
    /// A connection is not read while so many bytes of its requests are unanswered. A longer request is taken alone.
    pub unanswered_bytes_max: usize,
    /// A connection is not read while so many of its requests are unanswered.
    pub unanswered_requests_max: usize,
    /// A connection is not read while so many of its answers wait for that of an earlier request: a few bytes may ask for many.
    pub kept_back_max: usize,
    /// A connection is not read while so many bytes of answers (ranges of files not counted) wait to be sent on it.
    pub outgoing_bytes_max: usize,
    /// How many handles of files are kept open.
    pub open_files_max: usize,
    /// `queued.max.request.bytes`: no records are taken while so many bytes of them wait to be written. The node holds to it; here it
    /// is only told.
    pub unwritten_bytes_max: usize,
    /// How long answers may take to leave after the node has ended.
    pub drain_max: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request_bytes_max: 100 * 1024 * 1024,
            connections_max: 10_000,
            idle_max: Duration::from_secs(600),
            unanswered_bytes_max: 4 * 1024 * 1024,
            unanswered_requests_max: 1024,
            kept_back_max: 16,
            outgoing_bytes_max: 4 * 1024 * 1024,
            open_files_max: 4096,
            unwritten_bytes_max: 256 * 1024 * 1024,
            drain_max: Duration::from_secs(5),
        }
    }
}

/// Handles that are neither of connections nor of kept files: those of scrapes, those that disk calls on other threads hold, the runtime's.
const OTHER_FILES: usize = crate::http::CONNECTIONS_MAX + crate::disk::real::CALLS_GIVEN_MAX + 32;

impl Limits {
    /// The bounds that broker settings name, and the rest as they are. `files_max` is how many files the system lets us open:
    /// more connections than that leaves, with a file each that is being sent, are not taken, so that the log can always open its own.
    #[must_use]
    pub fn read(settings: &Settings, files_max: usize) -> Limits {
        let number = |name| usize::try_from(settings.int(name)).unwrap_or(0);
        let open_files_max = number("ottla.open.files.max").min(files_max / 2).max(1);
        // Kafka takes a negative idle time for no bound.
        let idle_ms = u64::try_from(settings.int("connections.max.idle.ms")).unwrap_or(u64::MAX / 1_000_000);
        let queued = Some(number("queued.max.request.bytes")).filter(|bytes| *bytes > 0);
        Limits {
            request_bytes_max: number("socket.request.max.bytes"),
            unwritten_bytes_max: queued.unwrap_or(Limits::default().unwritten_bytes_max),
            connections_max: number("max.connections").min(files_max.saturating_sub(open_files_max + OTHER_FILES) / 2),
            idle_max: Duration::from_millis(idle_ms),
            open_files_max,
            ..Limits::default()
        }
    }
}

/// One line for the log at the start: what bounds the memory.
impl std::fmt::Display for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "per connection: one request of at most {} B, read on while under {} B in {} requests unanswered, {} answers \
             behind a slower one and {} B to be sent; {} connections; {} open files; {} B of records that wait to be written; \
             {PARTITIONS_MAX} partitions in fetch sessions",
            self.request_bytes_max,
            self.unanswered_bytes_max,
            self.unanswered_requests_max,
            self.kept_back_max,
            self.outgoing_bytes_max,
            self.connections_max,
            self.open_files_max,
            self.unwritten_bytes_max
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_files_left_whatever_the_number_of_connections() {
        let limits = Limits::read(&Settings::default(), 1024);
        assert_eq!((limits.open_files_max, limits.connections_max), (512, 208));
        assert_eq!(limits.request_bytes_max, 104_857_600);
        assert!(limits.to_string().contains("; 268435456 B of records that wait to be written; "), "{limits}");
        let mut settings = Settings::default();
        settings.insert("queued.max.request.bytes", "300000000").expect("a setting");
        assert_eq!(Limits::read(&settings, 1024).unwritten_bytes_max, 300_000_000);
        assert_eq!(Limits::read(&Settings::default(), 1 << 20).open_files_max, 4096);
    }
}
