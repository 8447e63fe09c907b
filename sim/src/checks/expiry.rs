//! Producers that a log may have forgotten: by the node's clock they were silent for longer than `producer.id.expiration.ms`.
//!
//! State       in `Watch`: the setting; per log when each producer's batches came.
//! Takes       the node's wall time.
//! Holds       who may be forgotten is not known to be: the node looks now and then. A clock that went back has had its latest time.
//! Not here    what that excuses (watch.rs, history.rs).

use super::Watch;

/// `producer.id.expiration.ms`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expiration(i64);

impl Default for Expiration {
    fn default() -> Expiration {
        Expiration(86_400_000)
    }
}

impl Expiration {
    pub(crate) fn of_broker(setting: Option<&str>) -> Expiration {
        setting.and_then(|value| value.parse().ok()).map_or_else(Expiration::default, Expiration)
    }
}

impl Watch {
    /// Whether a log may have forgotten a producer by now.
    pub(super) fn may_have_forgotten(&self, log: usize, producer: i64) -> bool {
        // Of whoever sent nothing that was appended here nobody knows when that was.
        let mut seen = self.logs[log].seen_at.range((producer, i64::MIN)..=(producer, i64::MAX));
        let seen = seen.next_back().map_or(i64::MIN, |(_, at)| *at);
        self.wall_now_ms.saturating_sub(seen) >= self.expiration.0
    }

    /// As that, by the name of the partition.
    pub(crate) fn may_forget(&self, topic: &str, index: i32, producer: i64) -> bool {
        self.log_at(topic, 0, index).is_none_or(|log| self.may_have_forgotten(log, producer))
    }

    /// The node's clock goes back: whoever was silent for too long until now stays so, and the others have been silent since then.
    pub(super) fn on_wall_back(&mut self, to_ms: i64) {
        let (now_ms, limit) = (self.wall_now_ms, self.expiration.0);
        for seen in self.logs.iter_mut().flat_map(|log| log.seen_at.values_mut()) {
            *seen = if now_ms.saturating_sub(*seen) >= limit { i64::MIN } else { to_ms.min(*seen) };
        }
    }
}
