//! Topics that come to be because a client asked for them.
//!
//! Holds       a name that cannot be a topic's, or is there already, is passed over: nobody waits for its answer.
//! Not here    which requests may create (`query::metadata`).

use super::Scene;
use super::create_topics::create_topics;
use super::records::Record;
use super::refusal::text;
use crate::wire::msg;
use msg::create_topics_request::CreatableTopic;
use std::collections::BTreeSet;

/// The records that create those of `names` that can be created, each once, with the broker's defaults.
pub(super) fn auto_create(scene: &mut Scene<'_>, names: &[String]) -> Vec<Record> {
    let mut request = msg::CreateTopicsRequest::default();
    request.timeout_ms = i32::MAX;
    let topic = |name: &String| {
        let mut topic = CreatableTopic::default();
        topic.name = text(name).into();
        (topic.num_partitions, topic.replication_factor) = (-1, -1);
        topic
    };
    let mut seen = BTreeSet::new();
    request.topics = names.iter().filter(|name| seen.insert(name.as_str())).map(topic).collect();
    create_topics(scene, 7, &request).0
}
