//! Time as it is handed in: a monotonic instant for waiting, a wall timestamp for Kafka's semantics.
//!
//! Holds       `Instant` never goes back. `Timestamp` may jump either way and is never used for ordering, waiting or leases.
//! Not here    clocks. The edge reads them and passes a `Now` with every input.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since an origin that the edge chose. Only differences mean anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

/// Wall-clock milliseconds since the Unix epoch, as record timestamps count them. Kafka uses -1 for "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Timestamp(pub i64);

/// Both clocks, read once per input.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Now {
    pub mono: Instant,
    pub wall: Timestamp,
}

impl Instant {
    /// The instant `d` later; saturates at the end of time, which no run reaches.
    #[must_use]
    pub fn after(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Timestamp {
    /// Kafka's "no timestamp".
    pub const NONE: Timestamp = Timestamp(-1);
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Seconds with microseconds, as traces print them.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000_000, self.0 / 1_000 % 1_000_000)
    }
}
