//! Whose promises rest on the page cache: who promised less at any time is judged by that, all the time.
//!
//! State       topics that did, by their own setting or the broker's; those that never did, though the broker's setting says so.
//! Takes       `ottla.durability` of the broker, and of topics as they are made and changed.
//! Not here    what is owed then (watch.rs, acks.rs).

#[derive(Clone, Debug, Default)]
pub(crate) struct PageCache {
    /// The broker's setting: of every topic that has none of its own.
    everywhere: bool,
    topics: Vec<String>,
    others: Vec<String>,
}

impl PageCache {
    pub(crate) fn of_broker(setting: Option<&str>) -> PageCache {
        PageCache { everywhere: setting == Some("page-cache"), ..PageCache::default() }
    }

    /// A topic is made, with this setting of its own.
    pub(crate) fn on_made(&mut self, topic: &str, own: Option<&str>) {
        let to = match own {
            Some("page-cache") => &mut self.topics,
            None if self.everywhere => &mut self.topics,
            Some(_) => &mut self.others,
            None => return,
        };
        to.push(topic.to_string());
    }

    /// A topic's setting is changed.
    pub(crate) fn on_changed(&mut self, topic: &str) {
        self.topics.push(topic.to_string());
    }

    pub(crate) fn holds(&self, topic: &str) -> bool {
        let is_in = |all: &[String]| all.iter().any(|t| t == topic);
        is_in(&self.topics) || self.everywhere && !is_in(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_as_the_broker_says_unless_it_says_otherwise_itself() {
        let (mut of_disk, mut of_cache) = (PageCache::of_broker(None), PageCache::of_broker(Some("page-cache")));
        for known in [&mut of_disk, &mut of_cache] {
            known.on_made("cached", Some("page-cache"));
            known.on_made("synced", Some("fsync"));
            known.on_made("plain", None);
        }
        for (topic, expected) in
            [("cached", [true, true]), ("synced", [false, false]), ("plain", [false, true]), ("auto", [false, true])]
        {
            assert_eq!([of_disk.holds(topic), of_cache.holds(topic)], expected, "{topic}");
        }
        of_cache.on_made("synced", None);
        assert!(of_cache.holds("synced"), "made again without a setting of its own");
    }
}
