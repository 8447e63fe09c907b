//! Requests that only ask, with the answers that Apache Kafka 4.3.1 gave.

use super::*;
use crate::controller::refusal::text;
use crate::ids::PartitionId;
use crate::partition::Partition;
use crate::serve::Lookup;
use uuid::Uuid;

/// Of a broker that has no partition yet.
fn view_of(controller: &Controller) -> query::View<'_> {
    static HOSTED: BTreeMap<PartitionId, Partition> = BTreeMap::new();
    static BARRED: BTreeSet<PartitionId> = BTreeSet::new();
    controller.view(Lookup { image: controller.image(), hosted: &HOSTED, barred: &BARRED })
}

fn world() -> World {
    let mut w = World::active();
    w.create(&[("t1", 2), ("cc.dd", 5), ("a", 1)]);
    w
}

fn metadata(w: &World, version: i16, topics: Option<&[(Option<&str>, Uuid)]>) -> (msg::MetadataResponse, Vec<String>) {
    let mut request = msg::MetadataRequest::default();
    request.allow_auto_topic_creation = true;
    request.topics = topics.map(|topics| {
        let one = |(name, id): &(Option<&str>, Uuid)| {
            let mut t = msg::metadata_request::MetadataRequestTopic::default();
            (t.name, t.topic_id) = (name.map(|n| text(n).into()), *id);
            t
        };
        topics.iter().map(one).collect()
    });
    query::metadata(view_of(w.controller()), version, &request)
}

fn codes(r: &msg::MetadataResponse) -> Vec<(Option<String>, i16, usize)> {
    let line = |t: &msg::metadata_response::MetadataResponseTopic| {
        (t.name.as_ref().map(|n| n.as_str().to_owned()), t.error_code, t.partitions.len())
    };
    r.topics.iter().map(line).collect()
}

const NIL: Uuid = Uuid::nil();

#[test]
fn metadata_of_all_topics_none_and_some() {
    let w = world();
    let (all, wanted) = metadata(&w, 12, None);
    assert_eq!(all.topics.len(), 3);
    assert!(wanted.is_empty());
    assert_eq!((all.controller_id.0, all.brokers.len(), all.brokers[0].port), (1, 1, 9092));
    assert_eq!(all.cluster_id.as_ref().map(|c| c.as_str()), Some(w.controller().cluster_id()));
    assert_eq!(metadata(&w, 0, Some(&[])).0.topics.len(), 3, "before version 1 an empty list means all");
    assert_eq!(metadata(&w, 1, Some(&[])).0.topics.len(), 0);
    let (some, wanted) = metadata(&w, 4, Some(&[(Some("t1"), NIL), (Some("new"), NIL), (Some("a b"), NIL), (Some("t1"), NIL)]));
    let line = |n: &str, c, p| (Some(n.to_owned()), c, p);
    assert_eq!(codes(&some), [line("t1", 0, 2), line("new", 3, 0), line("a b", 17, 0)]);
    assert_eq!(wanted, ["new"]);
    assert_eq!(some.cluster_authorized_operations, i32::MIN);
    let (own, wanted) = metadata(&w, 4, Some(&[(Some("__consumer_offsets"), NIL)]));
    assert_eq!(
        (codes(&own), wanted),
        (vec![line("__consumer_offsets", 3, 0)], vec![]),
        "the brokers' own topics are not made for nobody"
    );
}

#[test]
fn metadata_by_id() {
    let w = world();
    let id = w.controller().image().names["t1"].0;
    let strange = Uuid::from_u128(99);
    let (r, _) = metadata(&w, 12, Some(&[(None, id), (Some("t1"), NIL), (None, strange), (Some("other"), id)]));
    assert_eq!(codes(&r), [(Some("t1".to_owned()), 0, 2), (None, 100, 0)]);
    assert_eq!(r.topics[1].topic_id, strange);
    // Ids in versions that have the field but not its use fail the request as a whole.
    let (r, _) = metadata(&w, 10, Some(&[(Some("t1"), id)]));
    assert_eq!(codes(&r), [(Some("t1".to_owned()), 42, 0)]);
    assert!(r.brokers.is_empty() && r.controller_id.0 == -1 && r.cluster_id.is_none());
    let (r, _) = metadata(&w, 12, Some(&[(None, NIL)]));
    assert_eq!(codes(&r), [(Some(String::new()), -1, 0)]);
}

#[test]
fn metadata_says_what_may_be_done_where_it_is_asked() {
    let w = world();
    let mut request = msg::MetadataRequest::default();
    request.topics = None;
    (request.include_topic_authorized_operations, request.include_cluster_authorized_operations) = (true, true);
    let (r, _) = query::metadata(view_of(w.controller()), 8, &request);
    assert_eq!((r.topics[0].topic_authorized_operations, r.cluster_authorized_operations), (3576, 8096));
    let (r, _) = query::metadata(view_of(w.controller()), 11, &request);
    assert_eq!(r.cluster_authorized_operations, i32::MIN, "from version 11 on, DescribeCluster says that");
}

#[test]
fn describe_cluster_answers_and_refuses_as_kafka_does() {
    let w = world();
    let ask = |endpoint, operations| {
        let mut request = msg::DescribeClusterRequest::default();
        (request.endpoint_type, request.include_cluster_authorized_operations) = (endpoint, operations);
        query::describe_cluster(view_of(w.controller()), 2, &request)
    };
    let r = ask(1, true);
    assert_eq!((r.error_code, r.cluster_authorized_operations, r.brokers.len(), r.brokers[0].is_fenced), (0, 8096, 1, false));
    assert_eq!((ask(2, false).error_code, ask(3, false).error_code), (114, 115));
    assert_eq!(ask(3, false).error_message.unwrap().as_str(), "Unsupported endpoint type 3");
}

/// Topic and partition that the next page begins with.
type Next = Option<(String, i32)>;

fn partitions(w: &World, topics: &[&str], limit: i32, cursor: Option<(&str, i32)>) -> (Vec<(String, i16, Vec<i32>)>, Next) {
    let mut request = msg::DescribeTopicPartitionsRequest::default();
    request.response_partition_limit = limit;
    for name in topics {
        let mut t = msg::describe_topic_partitions_request::TopicRequest::default();
        t.name = text(name).into();
        request.topics.push(t);
    }
    request.cursor = cursor.map(|(name, index)| {
        let mut c = msg::describe_topic_partitions_request::Cursor::default();
        (c.topic_name, c.partition_index) = (text(name).into(), index);
        c
    });
    let r = query::describe_topic_partitions(view_of(w.controller()), &request);
    let line = |t: &msg::describe_topic_partitions_response::DescribeTopicPartitionsResponseTopic| {
        let name = t.name.as_ref().map(|n| n.as_str().to_owned()).unwrap_or_default();
        (name, t.error_code, t.partitions.iter().map(|p| p.partition_index).collect())
    };
    (r.topics.iter().map(line).collect(), r.next_cursor.map(|c| (c.topic_name.as_str().to_owned(), c.partition_index)))
}

#[test]
fn topic_partitions_come_page_by_page_in_the_order_of_names() {
    let w = world();
    let line = |n: &str, c: i16, p: &[i32]| (n.to_owned(), c, p.to_vec());
    let next = |n: &str, p: i32| Some((n.to_owned(), p));
    for (topics, limit, cursor, lines, then) in [
        (
            &["t1", "nope", "a b", "cc.dd"][..],
            2000,
            None,
            vec![line("a b", 17, &[]), line("cc.dd", 0, &[0, 1, 2, 3, 4]), line("nope", 3, &[]), line("t1", 0, &[0, 1])],
            None,
        ),
        (&["cc.dd"], 2, None, vec![line("cc.dd", 0, &[0, 1])], next("cc.dd", 2)),
        (&["cc.dd"], 2, Some(("cc.dd", 2)), vec![line("cc.dd", 0, &[2, 3])], next("cc.dd", 4)),
        (&["cc.dd", "t1"], 1, Some(("cc.dd", 4)), vec![line("cc.dd", 0, &[4])], next("t1", 0)),
        (&["t1"], 0, None, vec![line("t1", 0, &[0])], next("t1", 1)),
        (&["t1", "cc.dd"], 2000, Some(("m", 0)), vec![line("t1", 42, &[]), line("cc.dd", 42, &[])], None),
        (&[], 2000, Some(("m", 0)), vec![line("t1", 0, &[0, 1])], None),
        (&["t1"], 2000, Some(("t1", 7)), vec![line("t1", 0, &[])], None),
        (&["t1"], 2000, Some(("t1", -1)), vec![line("t1", 42, &[])], None),
        (&["t1", "t1"], 2000, None, vec![line("t1", 0, &[0, 1])], None),
        (&[""], 2000, None, vec![line("", -1, &[])], None),
        (&["cc.dd", "t1"], 5, None, vec![line("cc.dd", 0, &[0, 1, 2, 3, 4])], next("t1", 0)),
        (&["nope", "t1"], 1, None, vec![line("nope", 3, &[]), line("t1", 0, &[0])], next("t1", 1)),
    ] {
        assert_eq!(partitions(&w, topics, limit, cursor), (lines, then), "{topics:?} {limit} {cursor:?}");
    }
}

type Described = (String, Option<String>, bool, i8, i8, Vec<(String, Option<String>, i8)>);

fn describe(w: &World, kind: i8, name: &str, keys: Option<&[&str]>) -> (i16, String, Vec<Described>) {
    let mut request = msg::DescribeConfigsRequest::default();
    request.include_synonyms = true;
    let mut resource = msg::describe_configs_request::DescribeConfigsResource::default();
    (resource.resource_type, resource.resource_name) = (kind, text(name));
    resource.configuration_keys = keys.map(|k| k.iter().map(|k| text(k)).collect());
    request.resources.push(resource);
    let r = query::describe_configs(view_of(w.controller()), 4, &request);
    let result = &r.results[0];
    let string = |s: &Option<msg::StrBytes>| s.as_ref().map(|s| s.as_str().to_owned());
    let one = |c: &msg::describe_configs_response::DescribeConfigsResourceResult| {
        let synonyms = c.synonyms.iter().map(|s| (s.name.as_str().to_owned(), string(&s.value), s.source)).collect();
        (c.name.as_str().to_owned(), string(&c.value), c.read_only, c.config_source, c.config_type, synonyms)
    };
    (result.error_code, string(&result.error_message).unwrap(), result.configs.iter().map(one).collect())
}

fn set(w: &mut World, kind: i8, name: &str, setting: &str, value: &str) {
    let mut resource = msg::incremental_alter_configs_request::AlterConfigsResource::default();
    (resource.resource_type, resource.resource_name) = (kind, text(name));
    let mut config = msg::incremental_alter_configs_request::AlterableConfig::default();
    (config.name, config.value) = (text(setting), Some(text(value)));
    resource.configs.push(config);
    let mut request = msg::IncrementalAlterConfigsRequest::default();
    request.resources.push(resource);
    let Response::IncrementalAlterConfigs(r) = w.answer(Change::IncrementalAlterConfigs { version: 1, request }) else {
        panic!()
    };
    assert_eq!(r.responses[0].error_code, 0, "{:?}", r.responses[0].error_message);
}

fn synonyms(of: &[(&str, &str, i8)]) -> Vec<(String, Option<String>, i8)> {
    of.iter().map(|(n, v, s)| ((*n).to_owned(), Some((*v).to_owned()), *s)).collect()
}

#[test]
fn topic_settings_say_where_they_are_from() {
    let mut w = world();
    let (code, message, all) = describe(&w, 2, "t1", None);
    assert_eq!((code, message.as_str(), all.len()), (0, "", 34));
    assert_eq!(describe(&w, 2, "t1", Some(&[])).2.len(), 34, "no keys are all keys");
    let retention = &describe(&w, 2, "t1", Some(&["retention.ms"])).2[0];
    assert_eq!(*retention, ("retention.ms".into(), Some("604800000".into()), false, 5, 5, vec![]));
    let replicas = &describe(&w, 2, "t1", Some(&["min.insync.replicas"])).2[0];
    assert_eq!(replicas.5, synonyms(&[("min.insync.replicas", "1", 3), ("min.insync.replicas", "1", 5)]));
    set(&mut w, 4, "1", "log.retention.ms", "100000");
    set(&mut w, 2, "t1", "retention.ms", "77");
    set(&mut w, 2, "t1", "cleanup.policy", "compact");
    let retention = &describe(&w, 2, "t1", Some(&["retention.ms"])).2[0];
    let expected = synonyms(&[("retention.ms", "77", 1), ("log.retention.ms", "100000", 2), ("log.retention.hours", "168", 5)]);
    assert_eq!(*retention, ("retention.ms".into(), Some("77".into()), false, 1, 5, expected));
    let policy = &describe(&w, 2, "t1", Some(&["cleanup.policy"])).2[0];
    assert_eq!(policy.5, synonyms(&[("cleanup.policy", "compact", 1), ("log.cleanup.policy", "delete", 5)]));
    assert_eq!(policy.4, 7);
}

#[test]
fn broker_settings_say_where_they_are_from() {
    let mut settings = Settings::default();
    settings.insert("message.max.bytes", "3000").unwrap();
    let mut w = World::new(settings);
    w.start().unwrap();
    w.drive();
    set(&mut w, 4, "", "message.max.bytes", "2000000");
    set(&mut w, 4, "1", "a", "b");
    let max = &describe(&w, 4, "1", Some(&["message.max.bytes"])).2[0];
    let all =
        synonyms(&[("message.max.bytes", "2000000", 3), ("message.max.bytes", "3000", 4), ("message.max.bytes", "1048588", 5)]);
    assert_eq!(*max, ("message.max.bytes".into(), Some("2000000".into()), false, 3, 3, all));
    let hours = &describe(&w, 4, "1", Some(&["log.retention.hours"])).2[0];
    assert_eq!((hours.1.as_deref(), hours.2, hours.3), (Some("168"), true, 5));
    let millis = &describe(&w, 4, "1", Some(&["log.retention.ms"])).2[0];
    assert_eq!((millis.1.as_deref(), millis.3, millis.5.len()), (None, 5, 0));
    // What is not known might be a secret.
    assert_eq!(describe(&w, 4, "1", Some(&["a"])).2[0].1, None);
    let of_all: Vec<String> = describe(&w, 4, "", None).2.into_iter().map(|c| c.0).collect();
    assert_eq!(of_all, ["message.max.bytes", "min.insync.replicas"]);
}

#[test]
fn resources_that_cannot_be_described_are_refused_as_kafka_does() {
    let w = world();
    let malformed = "This most likely occurs because of a request being malformed by the client library or the message was sent to \
                     an incompatible broker. See the broker logs for more details.";
    for (kind, name, code, why) in [
        (2, "nope", 3, ""),
        (2, "", 17, "Topic name is invalid: the empty string is not allowed"),
        (4, "2", 42, "Unexpected broker id, expected 1 or empty string, but received 2"),
        (4, "x", 42, "Broker id must be an integer, but it is: x"),
        (8, "2", 42, "Unexpected broker id, expected 1 but received 2"),
        (8, "", 42, "Broker id must not be empty"),
        (16, "", 42, "Client metrics subscription name must not be empty"),
        (32, "", 42, "Group name must not be empty"),
        (3, "x", 42, malformed),
    ] {
        assert_eq!(describe(&w, kind, name, None), (code, why.to_owned(), vec![]), "{kind} {name:?}");
    }
}

#[test]
fn groups_and_client_metrics_have_their_defaults() {
    let mut w = world();
    assert_eq!(describe(&w, 16, "m1", None).2.len(), 3);
    assert_eq!(describe(&w, 32, "g1", None).2.len(), 17);
    set(&mut w, 32, "g1", "consumer.session.timeout.ms", "50000");
    set(&mut w, 16, "m1", "interval.ms", "5000");
    let timeout = &describe(&w, 32, "g1", Some(&["consumer.session.timeout.ms"])).2[0];
    let all = synonyms(&[("consumer.session.timeout.ms", "50000", 8), ("group.consumer.session.timeout.ms", "45000", 5)]);
    assert_eq!(*timeout, ("consumer.session.timeout.ms".into(), Some("50000".into()), false, 8, 3, all));
    let interval = &describe(&w, 16, "m1", Some(&["interval.ms"])).2[0];
    assert_eq!((interval.1.as_deref(), interval.3), (Some("5000"), 7));
    let mut request = msg::ListConfigResourcesRequest::default();
    let ask = |request: &_, version| query::list_config_resources(view_of(w.controller()), version, request);
    let kinds: Vec<i8> = ask(&request, 1).config_resources.iter().map(|r| r.resource_type).collect();
    assert_eq!(kinds, [32, 16, 8, 4, 2, 2, 2]);
    assert_eq!(ask(&request, 0).config_resources.len(), 1);
    request.resource_types = vec![2, 99];
    assert_eq!((ask(&request, 1).error_code, ask(&request, 1).config_resources.len()), (35, 0));
}

#[test]
fn every_answer_can_be_said_in_every_version() {
    let mut w = world();
    set(&mut w, 2, "t1", "retention.ms", "77");
    let view = |w: &World| (w.controller().image().names["t1"].0, w.controller().cluster_id().to_owned());
    let (id, _) = view(&w);
    let mut answers: Vec<(i16, Response)> = Vec::new();
    for version in 0..=13 {
        let both = [(Some("t1"), NIL), (Some("nope"), NIL)];
        let by_id = [(None, id), (None, Uuid::from_u128(5))];
        let asked: &[_] = if version >= 12 { &by_id } else { &both };
        answers.push((version, Response::Metadata(metadata(&w, version, Some(asked)).0)));
    }
    for version in 0..=2 {
        let request = msg::DescribeClusterRequest::default();
        answers.push((version, Response::DescribeCluster(query::describe_cluster(view_of(w.controller()), version, &request))));
    }
    for version in 1..=4 {
        let mut request = msg::DescribeConfigsRequest::default();
        (request.include_synonyms, request.include_documentation) = (true, true);
        for (kind, name) in [(2, "t1"), (4, "1"), (4, "x")] {
            let mut resource = msg::describe_configs_request::DescribeConfigsResource::default();
            (resource.resource_type, resource.resource_name, resource.configuration_keys) = (kind, text(name), None);
            request.resources.push(resource);
        }
        answers.push((version, Response::DescribeConfigs(query::describe_configs(view_of(w.controller()), version, &request))));
    }
    for version in 0..=1 {
        let request = msg::ListConfigResourcesRequest::default();
        let answer = query::list_config_resources(view_of(w.controller()), version, &request);
        answers.push((version, Response::ListConfigResources(answer)));
    }
    for version in 2..=7 {
        let Change::CreateTopics { mut request, .. } = create(&[("t1", 1), ("new", 2), ("a b", 1)]) else { panic!() };
        request.validate_only = true;
        answers.push((version, w.answer(Change::CreateTopics { version, request })));
    }
    for version in 1..=6 {
        let mut request = msg::DeleteTopicsRequest::default();
        request.timeout_ms = 1000;
        let mut topic = msg::delete_topics_request::DeleteTopicState::default();
        topic.name = Some(text("nope").into());
        request.topics.push(topic);
        request.topic_names.push(text("nope").into());
        answers.push((version, w.answer(Change::DeleteTopics { version, request })));
    }
    for (version, response) in answers {
        let said = format!("{response:?}");
        let reply = crate::io::Reply { correlation: 1, version, response, lease: None };
        let encoded = crate::wire::encode_reply(&reply);
        assert!(encoded.is_ok(), "version {version}: {:?} of {said}", encoded.err());
    }
}

#[test]
fn no_more_topics_are_wanted_than_one_request_can_create() {
    let w = world();
    let names: Vec<String> = (0..20_000).map(|i| format!("n{i}")).collect();
    let asked: Vec<(Option<&str>, Uuid)> = names.iter().map(|n| (Some(n.as_str()), NIL)).collect();
    let (r, wanted) = metadata(&w, 4, Some(&asked));
    assert_eq!((r.topics.len(), wanted.len()), (20_000, 10_001));
}

#[test]
fn the_same_question_is_answered_once() {
    let w = world();
    let mut request = msg::DescribeConfigsRequest::default();
    let resource = |name: &str, keys: Option<&[&str]>| {
        let mut resource = msg::describe_configs_request::DescribeConfigsResource::default();
        (resource.resource_type, resource.resource_name) = (Resource::TOPIC, text(name));
        resource.configuration_keys = keys.map(|k| k.iter().map(|k| text(k)).collect());
        resource
    };
    let some = ["retention.ms", "segment.bytes"];
    let turned = ["segment.bytes", "retention.ms"];
    let of_t1 = [None, Some(&[][..]), Some(&some[..]), Some(&turned[..]), Some(&some[..1])].map(|keys| resource("t1", keys));
    request.resources.extend(of_t1.into_iter().chain([resource("a", None), resource("nope", None), resource("nope", None)]));
    let r = query::describe_configs(view_of(w.controller()), 4, &request);
    let all = r.results[0].configs.len();
    let lines: Vec<_> = r.results.iter().map(|r| (r.resource_name.as_str(), r.error_code, r.configs.len())).collect();
    assert_eq!(lines, [("t1", 0, all), ("t1", 0, 2), ("t1", 0, 1), ("a", 0, all), ("nope", 3, 0)]);
}
