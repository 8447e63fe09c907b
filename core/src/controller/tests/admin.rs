//! Requests that change metadata, with the codes and sentences that Apache Kafka 4.3.1 answered.

use super::*;
use crate::controller::refusal::text;
use msg::create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig};

const NO_BROKER: &str = "The manual partition assignment includes broker 2, but no such broker is registered.";

fn topic(name: &str) -> CreatableTopic {
    let mut topic = CreatableTopic::default();
    topic.name = text(name).into();
    (topic.num_partitions, topic.replication_factor) = (1, 1);
    topic
}

fn sized(name: &str, partitions: i32, factor: i16) -> CreatableTopic {
    let mut topic = topic(name);
    (topic.num_partitions, topic.replication_factor) = (partitions, factor);
    topic
}

fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let mut topic = sized(name, -1, -1);
    for (index, brokers) in assignments {
        let mut assignment = CreatableReplicaAssignment::default();
        assignment.partition_index = *index;
        assignment.broker_ids = brokers.iter().map(|b| msg::BrokerId(*b)).collect();
        topic.assignments.push(assignment);
    }
    topic
}

fn with(name: &str, configs: &[(&str, Option<&str>)]) -> CreatableTopic {
    let mut topic = topic(name);
    for (name, value) in configs {
        let mut config = CreatableTopicConfig::default();
        (config.name, config.value) = (text(name), value.map(text));
        topic.configs.push(config);
    }
    topic
}

fn creates(w: &mut World, topics: Vec<CreatableTopic>, validate_only: bool) -> msg::CreateTopicsResponse {
    let mut request = msg::CreateTopicsRequest::default();
    (request.timeout_ms, request.validate_only, request.topics) = (1000, validate_only, topics);
    match w.answer(Change::CreateTopics { version: 7, request }) {
        Response::CreateTopics(r) => r,
        other => panic!("{other:?}"),
    }
}

/// Name, code and sentence of each line.
fn lines(r: &msg::CreateTopicsResponse) -> Vec<(String, i16, String)> {
    let message = |m: &Option<msg::StrBytes>| m.as_ref().map(|m| m.as_str().to_owned()).unwrap_or_default();
    r.topics.iter().map(|t| (t.name.as_str().to_owned(), t.error_code, message(&t.error_message))).collect()
}

fn expect(w: &mut World, topics: Vec<CreatableTopic>, expected: &[(&str, i16, &str)]) {
    let got = lines(&creates(w, topics, true));
    let expected: Vec<_> = expected.iter().map(|(n, c, m)| ((*n).to_owned(), *c, (*m).to_owned())).collect();
    assert_eq!(got, expected);
}

#[test]
fn create_topics_places_and_answers_with_settings() {
    let mut w = World::active();
    let r = creates(&mut w, vec![with("a", &[("retention.ms", Some("1000"))]), sized("b", -1, -1)], false);
    let a = &r.topics[0];
    assert_eq!((a.error_code, a.num_partitions, a.replication_factor, a.error_message.clone()), (0, 1, 1, None));
    let configs = a.configs.as_ref().unwrap();
    // Kafka's 33 and ours.
    assert_eq!(configs.len(), 34);
    let of = |name: &str| configs.iter().find(|c| c.name.as_str() == name).map(|c| (c.value.clone().unwrap(), c.config_source));
    assert_eq!(of("retention.ms"), Some((text("1000"), 1)));
    assert_eq!(of("min.insync.replicas"), Some((text("1"), 3)));
    assert_eq!(of("segment.bytes"), Some((text("1073741824"), 5)));
    let (id, made) = w.controller().image().topic_by_name("a").unwrap();
    assert_eq!(id.0, a.topic_id);
    let p = &made.partitions[0];
    assert_eq!((&p.replicas[..], &p.isr[..], p.leader), (&[BrokerId(1)][..], &[BrokerId(1)][..], Some(BrokerId(1))));
    assert_eq!(p.directories[..], [w.controller().directory_id()]);
    assert_eq!(w.controller().topic_settings(id).unwrap().log_config().retention_ms, Some(1000));
}

#[test]
fn create_topics_refuses_names_and_counts_as_kafka_does() {
    let mut w = World::active();
    w.create(&[("t1", 1), ("aa.bb", 1)]);
    let too_few = "Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached because only 1 \
                   broker(s) are registered or some brokers have all their log directories cordoned.";
    let factor = "Replication factor must be larger than 0, or -1 to use the default value.";
    let count = "Number of partitions was set to an invalid non-positive value.";
    expect(
        &mut w,
        vec![
            topic("t1"),
            topic("."),
            topic("aa_bb"),
            sized("p0", 0, 1),
            sized("p-2", -2, 1),
            sized("rf0", 1, 0),
            sized("rf2", 1, 2),
            sized("fine", -1, -1),
            topic("__cluster_metadata"),
            topic("dup"),
            topic("dup"),
        ],
        &[
            ("t1", 36, "Topic 't1' already exists."),
            (".", 17, "Topic name is invalid: '.' is not allowed"),
            ("aa_bb", 17, "Topic 'aa_bb' collides with existing topic: aa.bb"),
            ("p0", 37, count),
            ("p-2", 37, count),
            ("rf0", 38, factor),
            ("rf2", 38, too_few),
            ("fine", 0, ""),
            ("dup", 42, "Duplicate topic name."),
            ("__cluster_metadata", 42, "Creation of internal topic __cluster_metadata is prohibited."),
        ],
    );
    assert_eq!(w.topics(), ["aa.bb", "t1"], "validate_only creates nothing");
}

#[test]
fn create_topics_refuses_assignments_as_kafka_does() {
    let mut w = World::active();
    let mut both = assigned("both", &[(0, &[1])]);
    both.replication_factor = 1;
    let mut count = assigned("count", &[(0, &[1])]);
    count.num_partitions = 1;
    expect(
        &mut w,
        vec![
            assigned("ok", &[(1, &[1]), (0, &[1])]),
            both,
            count,
            assigned("gap", &[(1, &[1])]),
            assigned("twice", &[(0, &[1]), (0, &[1])]),
            assigned("unknown", &[(0, &[2])]),
            assigned("same", &[(0, &[1, 1])]),
            assigned("empty", &[(0, &[])]),
        ],
        &[
            ("ok", 0, ""),
            ("both", 42, "A manual partition assignment was specified, but replication factor was not set to -1."),
            ("count", 42, "A manual partition assignment was specified, but numPartitions was not set to -1."),
            ("gap", 39, "partitions should be a consecutive 0-based integer sequence"),
            ("twice", 39, "Found multiple manual partition assignments for partition 0"),
            ("unknown", 39, NO_BROKER),
            ("same", 39, "The manual partition assignment includes the broker 1 more than once."),
            ("empty", 39, "The manual partition assignment includes an empty replica list."),
        ],
    );
}

#[test]
fn create_topics_refuses_settings_as_kafka_does() {
    let mut w = World::active();
    expect(
        &mut w,
        vec![
            with("a", &[("retention.ms", Some("abc"))]),
            with("b", &[("foo", Some("bar"))]),
            with("c", &[("retention.ms", None), ("segment.ms", None)]),
            with("d", &[("cleanup.policy", Some(""))]),
            with("e", &[("retention.ms", Some("1")), ("retention.ms", Some("2"))]),
        ],
        &[
            ("a", 40, "Invalid value abc for configuration retention.ms: Not a number of type LONG"),
            ("b", 40, "Unknown topic config name: foo"),
            ("c", 40, "Null value not supported for topic configs: retention.ms,segment.ms"),
            ("d", 0, ""),
            ("e", 0, ""),
        ],
    );
}

#[test]
fn too_many_partitions_and_no_time_at_all_refuse_a_request_as_a_whole() {
    let mut w = World::active();
    let many = "Excessively large number of partitions per request.";
    expect(&mut w, vec![sized("a", 5000, 1), sized("b", 5001, 1)], &[("a", 44, many), ("b", 44, many)]);
    // A topic is a record, too, and 10,000 records are the limit.
    expect(&mut w, vec![sized("a", 10_000, 1)], &[("a", 44, "Unable to perform excessively large batch operation.")]);
    let mut request = msg::CreateTopicsRequest::default();
    (request.timeout_ms, request.topics) = (0, vec![topic("a")]);
    let Response::CreateTopics(r) = w.answer(Change::CreateTopics { version: 7, request }) else { panic!() };
    assert_eq!((r.topics[0].error_code, r.topics[0].error_message.clone()), (ErrorCode::RequestTimedOut.code(), None));
}

#[test]
fn auto_creation_makes_what_can_be_made() {
    let mut settings = Settings::default();
    settings.insert("num.partitions", "4").unwrap();
    let mut w = World::new(settings);
    w.start().unwrap();
    w.drive();
    let names = ["new", "new", "a b", "__cluster_metadata"].map(str::to_owned).to_vec();
    let mut out = w.ask(3, Change::AutoCreate { names });
    out.extend(w.drive());
    assert!(matches!(out[..], [.., ControllerIntent::Done { token: Token(3) }]));
    assert_eq!(w.topics(), ["new"]);
    assert_eq!(w.controller().image().topic_by_name("new").unwrap().1.partitions.len(), 4);
}

fn deletes(w: &mut World, version: i16, topics: &[(Option<&str>, uuid::Uuid)]) -> Vec<(String, i16, String)> {
    let mut request = msg::DeleteTopicsRequest::default();
    request.timeout_ms = 1000;
    for (name, id) in topics {
        let mut topic = msg::delete_topics_request::DeleteTopicState::default();
        (topic.name, topic.topic_id) = (name.map(|n| text(n).into()), *id);
        request.topics.push(topic);
        request.topic_names.extend(name.map(|n| text(n).into()));
    }
    let Response::DeleteTopics(r) = w.answer(Change::DeleteTopics { version, request }) else { panic!() };
    let text = |t: &Option<msg::StrBytes>| t.as_ref().map(|m| m.as_str().to_owned()).unwrap_or_default();
    let name = |t: &Option<msg::TopicName>| t.as_ref().map_or("-".to_owned(), |n| n.as_str().to_owned());
    r.responses.iter().map(|t| (name(&t.name), t.error_code, text(&t.error_message))).collect()
}

#[test]
fn delete_topics_by_name_and_by_id() {
    let mut w = World::active();
    w.create(&[("a", 2), ("b", 1), ("c", 1)]);
    let id = |w: &World, name: &str| w.controller().image().names[name].0;
    let (nil, strange) = (uuid::Uuid::nil(), uuid::Uuid::from_u128(77));
    let (a, b) = (id(&w, "a"), id(&w, "b"));
    let line = |n: &str, c: i16, m: &str| (n.to_owned(), c, m.to_owned());
    assert_eq!(
        deletes(
            &mut w,
            6,
            &[(None, a), (Some("b"), b), (None, nil), (None, strange), (Some("nope"), nil), (Some("c"), nil), (Some("c"), nil)]
        ),
        [
            line("a", 0, ""),
            line("b", 42, "You may not specify both topic name and topic id."),
            line("-", 42, "Neither topic name nor id were specified."),
            line("-", 100, "This server does not host this topic ID."),
            line("nope", 3, "This server does not host this topic-partition."),
            line("c", 42, "Duplicate topic name."),
        ]
    );
    assert_eq!(w.topics(), ["b", "c"]);
    let both = deletes(&mut w, 6, &[(None, b), (Some("b"), nil)]);
    assert_eq!(both, [line("b", 42, "The provided topic name maps to an ID that was already supplied.")]);
    assert_eq!(deletes(&mut w, 6, &[(None, b), (None, b)]), [line("-", 42, "Duplicate topic id.")]);
    assert_eq!(deletes(&mut w, 3, &[(Some("b"), nil), (Some("c"), nil)]), [line("b", 0, ""), line("c", 0, "")]);
    assert!(w.topics().is_empty());
}

#[test]
fn a_topic_that_is_made_again_is_another_one_without_the_old_settings() {
    let mut w = World::active();
    creates(&mut w, vec![with("a", &[("retention.ms", Some("5"))])], false);
    let first = w.controller().image().names["a"];
    deletes(&mut w, 5, &[(Some("a"), uuid::Uuid::nil())]);
    w.create(&[("a", 1)]);
    let second = w.controller().image().names["a"];
    assert_ne!(first, second);
    assert!(w.controller().topic_overrides(second).unwrap().is_empty());
}

#[test]
fn topics_cannot_be_deleted_where_that_is_turned_off() {
    let mut settings = Settings::default();
    settings.insert("delete.topic.enable", "false").unwrap();
    let mut w = World::new(settings);
    w.start().unwrap();
    w.drive();
    w.create(&[("a", 1)]);
    let nil = uuid::Uuid::nil();
    assert_eq!(deletes(&mut w, 5, &[(Some("a"), nil)])[0].1, ErrorCode::TopicDeletionDisabled.code());
    assert_eq!(deletes(&mut w, 2, &[(Some("a"), nil)])[0].1, ErrorCode::InvalidRequest.code());
}

/// Topic, count, brokers of each new partition.
type Growth<'a> = (&'a str, i32, Option<&'a [&'a [i32]]>);

#[test]
fn create_partitions_grows_and_refuses_as_kafka_does() {
    let mut w = World::active();
    w.create(&[("t", 2)]);
    let ask = |w: &mut World, asked: &[Growth<'_>], validate_only| {
        let mut request = msg::CreatePartitionsRequest::default();
        (request.timeout_ms, request.validate_only) = (1000, validate_only);
        for (name, count, assignments) in asked {
            let mut t = msg::create_partitions_request::CreatePartitionsTopic::default();
            (t.name, t.count) = (text(name).into(), *count);
            t.assignments = assignments.map(|all| {
                let one = |brokers: &&[i32]| {
                    let mut a = msg::create_partitions_request::CreatePartitionsAssignment::default();
                    a.broker_ids = brokers.iter().map(|b| msg::BrokerId(*b)).collect();
                    a
                };
                all.iter().map(one).collect()
            });
            request.topics.push(t);
        }
        let Response::CreatePartitions(r) = w.answer(Change::CreatePartitions { version: 3, request }) else { panic!() };
        let text = |t: &Option<msg::StrBytes>| t.as_ref().map(|m| m.as_str().to_owned()).unwrap_or_default();
        r.results.iter().map(|t| (t.name.as_str().to_owned(), t.error_code, text(&t.error_message))).collect::<Vec<_>>()
    };
    for (count, assignments, code, why) in [
        (2, None, 37, "Topic already has 2 partition(s)."),
        (1, None, 37, "The topic t currently has 2 partition(s); 1 would not be an increase."),
        (-1, None, 37, "The topic t currently has 2 partition(s); -1 would not be an increase."),
        (
            3,
            Some(&[&[1][..], &[1]][..]),
            39,
            "Attempted to add 1 additional partition(s), but only 2 assignment(s) were specified.",
        ),
        (3, Some(&[&[2][..]][..]), 39, NO_BROKER),
        (3, Some(&[&[][..]][..]), 39, "The manual partition assignment includes an empty replica list."),
        (20_000, None, -1, ""),
        (3, Some(&[&[1][..]][..]), 0, ""),
    ] {
        assert_eq!(ask(&mut w, &[("t", count, assignments)], true), [("t".to_owned(), code, why.to_owned())]);
    }
    let twice = ask(&mut w, &[("t", 3, None), ("z", 4, None), ("t", 4, None)], true);
    assert_eq!(twice, [("t".to_owned(), 42, "Duplicate topic name.".to_owned()), ("z".to_owned(), 3, String::new())]);
    assert_eq!(w.controller().image().topic_by_name("t").unwrap().1.partitions.len(), 2);
    assert_eq!(ask(&mut w, &[("t", 5, None)], false)[0].1, 0);
    assert_eq!(w.controller().image().topic_by_name("t").unwrap().1.partitions.len(), 5);
}

type Op<'a> = (&'a str, i8, Option<&'a str>);

fn alters(w: &mut World, kind: i8, name: &str, ops: &[Op<'_>]) -> (i16, String) {
    let mut resource = msg::incremental_alter_configs_request::AlterConfigsResource::default();
    (resource.resource_type, resource.resource_name) = (kind, text(name));
    for (name, op, value) in ops {
        let mut config = msg::incremental_alter_configs_request::AlterableConfig::default();
        (config.name, config.config_operation, config.value) = (text(name), *op, value.map(text));
        resource.configs.push(config);
    }
    let mut request = msg::IncrementalAlterConfigsRequest::default();
    request.resources.push(resource);
    let Response::IncrementalAlterConfigs(r) = w.answer(Change::IncrementalAlterConfigs { version: 1, request }) else {
        panic!()
    };
    let line = &r.responses[0];
    assert_eq!((line.resource_type, line.resource_name.as_str()), (kind, name));
    (line.error_code, line.error_message.as_ref().map(|m| m.as_str().to_owned()).unwrap_or_default())
}

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

#[test]
fn settings_of_topics_change_one_by_one() {
    let mut w = World::active();
    w.create(&[("t1", 1)]);
    let own = |w: &World| w.controller().image().config(&Resource::Topic("t1".into())).cloned().unwrap_or_default();
    let ok = (0, String::new());
    assert_eq!(alters(&mut w, 2, "t1", &[("retention.ms", SET, Some("5000"))]), ok);
    assert_eq!(alters(&mut w, 2, "t1", &[("cleanup.policy", APPEND, Some("compact"))]), ok);
    assert_eq!(own(&w)["cleanup.policy"], "delete,compact");
    assert_eq!(alters(&mut w, 2, "t1", &[("cleanup.policy", SUBTRACT, Some("delete"))]), ok);
    assert_eq!(own(&w)["cleanup.policy"], "compact");
    assert_eq!(alters(&mut w, 2, "t1", &[("retention.ms", DELETE, None), ("cleanup.policy", DELETE, Some("zz"))]), ok);
    assert!(own(&w).is_empty());
    assert_eq!(alters(&mut w, 2, "t1", &[("foo", DELETE, None)]), ok);
}

#[test]
fn settings_are_refused_as_kafka_does() {
    let mut w = World::active();
    w.create(&[("t1", 1)]);
    let invalid_name =
        "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
    let retention: Op<'_> = ("retention.ms", SET, Some("5"));
    let a: Op<'_> = ("a", SET, Some("b"));
    let cases: &[(i8, &str, &[Op<'_>], i16, &str)] = &[
        (2, "nope", &[retention], 3, "The topic 'nope' does not exist."),
        (2, "", &[retention], 42, "Default topic resources are not allowed."),
        (2, "a b", &[retention], 17, invalid_name),
        (2, "t1", &[("retention.ms", APPEND, Some("5"))], 40, "Can't APPEND to key retention.ms because its type is not LIST."),
        (
            2,
            "t1",
            &[("cleanup.policy", APPEND, Some("foo"))],
            40,
            "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        (2, "t1", &[("foo", SET, Some("x"))], 40, "Unknown topic config name: foo"),
        (2, "t1", &[("retention.ms", SET, None)], 42, "Null value not supported for : retention.ms"),
        (2, "t1", &[retention, retention], 42, "Error due to duplicate config keys"),
        (2, "t1", &[("retention.ms", 9, Some("1"))], -1, ""),
        (3, "t1", &[a], 42, "Unknown resource type 3"),
        (4, "x", &[a], 42, "Node id must be an integer, but it is: x"),
        (4, "7", &[a], 42, "Unexpected broker id, expected 1, but received 7"),
        (4, "1", &[a], 0, ""),
        (
            4,
            "1",
            &[("log.retention.ms", SET, Some("abc"))],
            42,
            "Invalid value abc for configuration log.retention.ms: Not a number of type LONG",
        ),
        (4, "", &[("num.partitions", SET, Some("3"))], 42, "Cannot update these configs dynamically: [num.partitions]"),
        (4, "1", &[("broker.id", SET, Some("1"))], 42, "Cannot update these configs dynamically: [broker.id]"),
        (4, "", &[("log.roll.ms", SET, Some("0"))], 42, "requirement failed: log.roll.ms must be greater than or equal to 1"),
        (4, "", &[("num.io.threads", SET, Some("9"))], 0, ""),
        (
            4,
            "1",
            &[("num.io.threads", SET, Some("0"))],
            42,
            "Invalid value 0 for configuration num.io.threads: Value must be at least 1",
        ),
        (4, "", &[("queued.max.requests", SET, Some("9"))], 42, "Cannot update these configs dynamically: [queued.max.requests]"),
        (4, "1", &[("sasl.jaas.config", SET, Some("x"))], 0, ""),
        (
            4,
            "",
            &[("sasl.jaas.config", SET, Some("x"))],
            42,
            "Cannot update these configs at default cluster level, broker id must be specified: [sasl.jaas.config]",
        ),
        (
            4,
            "1",
            &[("ssl.keystore.location", SET, Some("/x"))],
            42,
            "These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.keystore.location]",
        ),
        (
            4,
            "1",
            &[("log.retention.ms", APPEND, Some("1"))],
            40,
            "Config value append is not allowed for config key: log.retention.ms",
        ),
        (4, "1", &[("log.cleanup.policy", APPEND, Some("compact"))], 0, ""),
        (
            4,
            "1",
            &[("min.insync.replicas", SET, Some("2"))],
            40,
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
        ),
        (
            4,
            "",
            &[("min.insync.replicas", DELETE, None)],
            40,
            "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.",
        ),
        (4, "", &[("min.insync.replicas", SET, Some("2"))], 0, ""),
        (8, "1", &[("kafka", SET, Some("DEBUG"))], 40, "Logger kafka does not exist!"),
        (16, "", &[("interval.ms", SET, Some("5000"))], 42, "Subscription name can't be empty"),
        (16, "m", &[("foo", SET, Some("5000"))], 42, "Unknown client metrics configuration: foo"),
        (
            16,
            "m",
            &[("interval.ms", SET, Some("5"))],
            42,
            "Invalid value 5 for interval.ms, interval must be between 100 and 3600000 (1 hour)",
        ),
        (16, "m", &[("match", SET, Some("foo"))], 40, "Illegal client matching pattern: foo"),
        (32, "", &[a], 42, "Default group resources are not allowed."),
        (32, "g", &[("foo", SET, Some("1"))], 40, "Unknown group config name: foo"),
        (32, "g", &[("consumer.session.timeout.ms", SET, Some("50000"))], 0, ""),
    ];
    for (kind, name, ops, code, why) in cases {
        assert_eq!(alters(&mut w, *kind, name, ops), (*code, (*why).to_owned()), "{kind} {name:?} {ops:?}");
    }
}

#[test]
fn alter_configs_replaces_and_each_resource_comes_once() {
    let mut w = World::active();
    w.create(&[("t1", 1), ("t2", 1)]);
    let ask = |w: &mut World, resources: &[(&str, &[(&str, &str)])], validate_only| {
        let mut request = msg::AlterConfigsRequest::default();
        request.validate_only = validate_only;
        for (name, configs) in resources {
            let mut resource = msg::alter_configs_request::AlterConfigsResource::default();
            (resource.resource_type, resource.resource_name) = (2, text(name));
            for (name, value) in *configs {
                let mut config = msg::alter_configs_request::AlterableConfig::default();
                (config.name, config.value) = (text(name), Some(text(value)));
                resource.configs.push(config);
            }
            request.resources.push(resource);
        }
        let Response::AlterConfigs(r) = w.answer(Change::AlterConfigs { version: 2, request }) else { panic!() };
        r.responses.iter().map(|l| l.error_code).collect::<Vec<_>>()
    };
    let own = |w: &World| w.controller().image().config(&Resource::Topic("t1".into())).cloned().unwrap_or_default();
    assert_eq!(ask(&mut w, &[("t1", &[("retention.ms", "10"), ("segment.ms", "100")])], false), [0]);
    assert_eq!(ask(&mut w, &[("t1", &[("segment.ms", "200")])], true), [0]);
    assert_eq!(own(&w).len(), 2, "validate_only changes nothing");
    assert_eq!(ask(&mut w, &[("t1", &[("segment.ms", "200")])], false), [0]);
    assert_eq!(own(&w).into_iter().collect::<Vec<_>>(), [("segment.ms".to_owned(), "200".to_owned())]);
    assert_eq!(ask(&mut w, &[("t1", &[]), ("nope", &[]), ("t1", &[]), ("t2", &[])], false), [42, 3, 42, 0]);
    assert_eq!(own(&w).len(), 1);
}

#[test]
fn a_broker_setting_reaches_every_topic_that_has_none_of_its_own() {
    let mut w = World::active();
    w.create(&[("t1", 1)]);
    let id = w.controller().image().names["t1"];
    let retention = |w: &World| w.controller().topic_settings(id).unwrap().log_config().retention_ms;
    let mut request = msg::IncrementalAlterConfigsRequest::default();
    let mut resource = msg::incremental_alter_configs_request::AlterConfigsResource::default();
    (resource.resource_type, resource.resource_name) = (4, text(""));
    let mut config = msg::incremental_alter_configs_request::AlterableConfig::default();
    (config.name, config.value) = (text("log.retention.ms"), Some(text("77")));
    resource.configs.push(config);
    request.resources.push(resource);
    let mut out = w.ask(1, Change::IncrementalAlterConfigs { version: 1, request });
    out.extend(w.drive());
    assert!(
        matches!(out[..], [ControllerIntent::Changed(Delta::BrokerConfigChanged), ControllerIntent::Reply { .. }]),
        "{out:?}"
    );
    assert_eq!(retention(&w), Some(77));
    alters(&mut w, 4, "1", &[("log.retention.ms", SET, Some("88"))]);
    assert_eq!(retention(&w), Some(88), "a broker's own setting wins over that of all brokers");
    w.disk.lose_power();
    w.start().unwrap();
    w.drive();
    assert_eq!(retention(&w), Some(88));
}

/// Where each entry of such a request looks through all others, this test takes minutes.
#[test]
fn a_request_of_very_many_entries_takes_no_longer_than_it_is_long() {
    let mut w = World::active();
    w.create(&[("a.b", 1)]);
    let names: Vec<String> = (0..300_000).map(|i| format!("n_{i}")).collect();
    let done = w.ask(1, Change::AutoCreate { names: names.clone() });
    assert!(matches!(done[..], [ControllerIntent::Done { .. }]));
    assert_eq!(w.topics(), ["a.b"], "more than a request may create is refused as a whole");

    let mut request = msg::CreatePartitionsRequest::default();
    request.timeout_ms = 1000;
    for name in names.iter().chain(&names) {
        let mut topic = msg::create_partitions_request::CreatePartitionsTopic::default();
        (topic.name, topic.count, topic.assignments) = (text(name).into(), 2, None);
        request.topics.push(topic);
    }
    let Response::CreatePartitions(r) = w.answer(Change::CreatePartitions { version: 3, request }) else { panic!() };
    assert_eq!((r.results.len(), r.results[0].error_code), (300_000, ErrorCode::InvalidRequest.code()));

    let list = names.join(",");
    let refused = edit(&mut w, "cleanup.policy", 2, &list);
    assert_eq!(refused, ErrorCode::InvalidConfig.code());
    assert_eq!(edit(&mut w, "cleanup.policy", 3, &list), 0, "what is not there need not be subtracted");
}

/// The code that a change of one setting of a topic is answered with.
fn edit(w: &mut World, setting: &str, operation: i8, value: &str) -> i16 {
    let mut config = msg::incremental_alter_configs_request::AlterableConfig::default();
    (config.name, config.config_operation, config.value) = (text(setting), operation, Some(text(value)));
    let mut resource = msg::incremental_alter_configs_request::AlterConfigsResource::default();
    (resource.resource_type, resource.resource_name) = (Resource::TOPIC, text("a.b"));
    resource.configs.push(config);
    let mut request = msg::IncrementalAlterConfigsRequest::default();
    request.resources.push(resource);
    let Response::IncrementalAlterConfigs(r) = w.answer(Change::IncrementalAlterConfigs { version: 1, request }) else {
        panic!()
    };
    r.responses[0].error_code
}

#[test]
fn a_list_takes_what_it_has_not_and_gives_what_it_has() {
    let mut w = World::active();
    w.create(&[("a.b", 1)]);
    let policy = |w: &World| {
        let topic = w.controller().image().names["a.b"];
        w.controller().topic_overrides(topic).unwrap().get("cleanup.policy").cloned()
    };
    for (operation, value, then) in
        [(2, "compact,delete,compact", "delete,compact"), (3, "delete,delete", "compact"), (2, "compact", "compact")]
    {
        assert_eq!(edit(&mut w, "cleanup.policy", operation, value), 0);
        assert_eq!(policy(&w).as_deref(), Some(then), "{operation} {value}");
    }
}
