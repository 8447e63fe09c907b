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

/// The records that create those of `names`, each given once, that can be created, with the broker's defaults.
pub(super) fn auto_create(scene: &mut Scene<'_>, names: &[String]) -> Vec<Record> {
    let mut request = msg::CreateTopicsRequest::default();
    request.timeout_ms = i32::MAX;
    let topic = |name: &String| {
        let mut topic = CreatableTopic::default();
        topic.name = text(name).into();
        (topic.num_partitions, topic.replication_factor) = (-1, -1);
        topic
    };
    request.topics = names.iter().map(topic).collect();
    create_topics(scene, 7, &request).0
}
