//! The client against a scripted broker: what it asks, and what it makes of the answers.

use super::*;
use crate::ids::{Offset, TopicId};
use crate::io::Chunk;
use crate::time::Timestamp;
use crate::wire::batch::{BatchBuilder, records};
use crate::wire::compress::{Codec, Compression};
use crate::wire::{FetchPartitionReply, FetchReply, FetchTopicReply, Produce, RequestFrame, encode_request};
use std::time::Duration;
use uuid::Uuid;

const TOPIC: &str = "orders";
const TOPIC_ID: Uuid = Uuid::from_u128(77);

/// A client, the clock, and one broker (or more) whose answers the test decides.
struct Bench {
    client: Client,
    now: Now,
    /// Requests that wait for an answer, in the order in which they were sent.
    asked: Vec<(ConnId, RequestFrame)>,
    events: Vec<ClientEvent>,
    connects: Vec<(ConnId, u16)>,
    closed: Vec<ConnId>,
    partitions: i32,
    topic_id: Uuid,
    /// The highest version that the broker serves of each API.
    serves: fn(ApiKey) -> Option<i16>,
    next_token: u64,
}

impl Bench {
    fn new(change: impl FnOnce(&mut ClientConfig)) -> Bench {
        let mut config = ClientConfig { bootstrap: vec![("broker".to_owned(), 1)], seed: 1, ..ClientConfig::default() };
        config.producer.linger = Duration::ZERO;
        change(&mut config);
        Bench {
            client: Client::new(config),
            now: Now { mono: Instant(0), wall: Timestamp(1000) },
            asked: Vec::new(),
            events: Vec::new(),
            connects: Vec::new(),
            closed: Vec::new(),
            partitions: 1,
            topic_id: TOPIC_ID,
            serves: |api| Some(api.versions().1),
            next_token: 0,
        }
    }

    fn input(&mut self, input: ClientInput) {
        let mut out = Vec::new();
        self.client.handle(self.now, input, &mut out);
        for output in out {
            match output {
                ClientOutput::Connect { conn, port, .. } => self.connects.push((conn, port)),
                ClientOutput::Send { conn, frame } => {
                    encode_request(&frame).expect("whatever is sent can be written down");
                    self.asked.push((conn, frame));
                }
                ClientOutput::Close { conn } => self.closed.push(conn),
                ClientOutput::Event(event) => self.events.push(event),
            }
        }
    }

    fn wait(&mut self, ms: u64) {
        self.now.mono = self.now.mono.after(Duration::from_millis(ms));
        self.input(ClientInput::Wake);
    }

    /// Let time pass to the client's own deadline.
    fn wait_for_deadline(&mut self) -> &'static str {
        let deadline = self.client.deadline().expect("the client waits for something");
        self.now.mono = self.now.mono.max(deadline.at);
        self.input(ClientInput::Wake);
        deadline.why
    }

    fn produce(&mut self, value: &str) -> Token {
        self.produce_record(NewRecord {
            topic: TOPIC.to_owned(),
            partition: Some(0),
            value: Some(Bytes::from(value.to_owned())),
            ..NewRecord::default()
        })
    }

    fn produce_record(&mut self, record: NewRecord) -> Token {
        self.next_token += 1;
        let token = Token(self.next_token);
        self.input(ClientInput::Produce { token, record });
        token
    }

    fn answer(&mut self, (conn, frame): (ConnId, RequestFrame), response: Response) {
        self.input(ClientInput::Response { conn, correlation: frame.correlation, response });
    }

    /// Answer a question for the offset of partition 0.
    fn answer_offset(&mut self, asked: (ConnId, RequestFrame), offset: i64) {
        let mut told = msg::list_offsets_response::ListOffsetsPartitionResponse::default();
        told.offset = offset;
        let mut topic = msg::list_offsets_response::ListOffsetsTopicResponse::default();
        topic.name = msg::TopicName(TOPIC.into());
        topic.partitions = vec![told];
        let mut answer = msg::ListOffsetsResponse::default();
        answer.topics = vec![topic];
        self.answer(asked, Response::ListOffsets(answer));
    }

    /// Take the oldest request of a kind off the list.
    fn take(&mut self, what: fn(&Request) -> bool) -> (ConnId, RequestFrame) {
        let at = self.asked.iter().position(|(_, f)| what(&f.request));
        let at = at.unwrap_or_else(|| panic!("not asked; asked was {:?}", self.asked));
        self.asked.remove(at)
    }

    /// Accept connections, and answer everything but Produce, Fetch and ListOffsets like one healthy broker.
    fn settle(&mut self) {
        loop {
            if let Some((conn, _)) = self.connects.pop() {
                self.input(ClientInput::Connected { conn });
                continue;
            }
            let routine = |r: &Request| matches!(r, Request::ApiVersions(_) | Request::Metadata(_) | Request::InitProducerId(_));
            let Some(at) = self.asked.iter().position(|(_, f)| routine(&f.request)) else { return };
            let asked = self.asked.remove(at);
            let response = match &asked.1.request {
                Request::ApiVersions(_) => versions(self.serves),
                Request::Metadata(request) => self.metadata(request),
                _ => producer_id(9, 0),
            };
            self.answer(asked, response);
        }
    }

    fn metadata(&self, request: &msg::MetadataRequest) -> Response {
        let mut answer = msg::MetadataResponse::default();
        let mut broker = msg::metadata_response::MetadataResponseBroker::default();
        (broker.node_id, broker.host, broker.port) = (msg::BrokerId(1), "broker".into(), 1);
        answer.brokers = vec![broker];
        answer.controller_id = msg::BrokerId(1);
        for asked in request.topics.iter().flatten() {
            let mut topic = msg::metadata_response::MetadataResponseTopic::default();
            topic.name.clone_from(&asked.name);
            topic.topic_id = self.topic_id;
            for index in 0..self.partitions {
                let mut partition = msg::metadata_response::MetadataResponsePartition::default();
                (partition.partition_index, partition.leader_id, partition.leader_epoch) = (index, msg::BrokerId(1), 4);
                topic.partitions.push(partition);
            }
            answer.topics.push(topic);
        }
        Response::Metadata(answer)
    }

    /// The oldest Produce request: its batches as (sequence, values).
    fn produced(&mut self) -> (ConnId, RequestFrame, Sent) {
        let (conn, frame) = self.take(|r| matches!(r, Request::Produce(_)));
        let Request::Produce(produce) = &frame.request else { unreachable!("it was taken as one") };
        let sent = Sent::of(produce);
        (conn, frame, sent)
    }

    fn answer_produce(&mut self, (conn, frame, _): (ConnId, RequestFrame, Sent), code: i16, base_offset: i64) {
        let mut partition = msg::produce_response::PartitionProduceResponse::default();
        (partition.error_code, partition.base_offset, partition.log_append_time_ms) = (code, base_offset, -1);
        let mut topic = msg::produce_response::TopicProduceResponse::default();
        topic.topic_id = self.topic_id;
        topic.partition_responses = vec![partition];
        let mut answer = msg::ProduceResponse::default();
        answer.responses = vec![topic];
        self.answer((conn, frame), Response::Produce(answer));
    }

    /// A record that the leader has from this producer already.
    fn deliver_first(&mut self, value: &str) {
        self.produce(value);
        self.settle();
        let first = self.produced();
        self.answer_produce(first, 0, 0);
    }

    fn fetched(&mut self) -> (ConnId, RequestFrame, msg::FetchRequest) {
        let (conn, frame) = self.take(|r| matches!(r, Request::Fetch(_)));
        let Request::Fetch(request) = frame.request.clone() else { unreachable!("it was taken as one") };
        (conn, frame, request)
    }

    fn answer_fetch(
        &mut self,
        asked: (ConnId, RequestFrame, msg::FetchRequest),
        session_id: i32,
        partition: FetchPartitionReply,
    ) {
        let topic =
            FetchTopicReply { id: crate::ids::TopicId(TOPIC_ID), partitions: vec![partition], ..FetchTopicReply::default() };
        let reply = FetchReply { session_id, topics: vec![topic], ..FetchReply::default() };
        self.answer((asked.0, asked.1), Response::Fetch(reply));
    }

    fn delivered(&mut self) -> Vec<(u64, i64)> {
        let delivered = self.events.extract_if(.., |e| matches!(e, ClientEvent::Delivered { .. }));
        let offsets = delivered.map(|e| match e {
            ClientEvent::Delivered { token, offset, .. } => (token.0, offset.0),
            _ => unreachable!("it was taken as one"),
        });
        offsets.collect()
    }

    fn failed(&mut self) -> Vec<(u64, Certainty)> {
        let failed = self.events.extract_if(.., |e| matches!(e, ClientEvent::NotDelivered { .. }));
        let tokens = failed.map(|e| match e {
            ClientEvent::NotDelivered { token, certainty, .. } => (token.0, certainty),
            _ => unreachable!("it was taken as one"),
        });
        tokens.collect()
    }
}

/// What one batch of a Produce request says.
#[derive(PartialEq, Eq, Debug)]
struct Sent {
    producer: (i64, i16),
    sequence: i32,
    values: Vec<String>,
}

impl Sent {
    fn of(produce: &Produce) -> Sent {
        let checked = produce.topics[0].partitions[0].records.as_ref().expect("we built them");
        let (bytes, info) = checked.iter().next().expect("one batch");
        let values = records(info, &bytes).expect("we compressed them").map(|r| {
            let value = r.expect("we wrote it").value.expect("a value");
            String::from_utf8_lossy(&value).into_owned()
        });
        Sent { producer: (info.producer_id, info.producer_epoch), sequence: info.base_sequence, values: values.collect() }
    }
}

fn sent(epoch: i16, sequence: i32, values: &[&str]) -> Sent {
    Sent { producer: (9, epoch), sequence, values: values.iter().map(|v| (*v).to_owned()).collect() }
}

fn versions(max: impl Fn(ApiKey) -> Option<i16>) -> Response {
    let mut answer = msg::ApiVersionsResponse::default();
    for api in ApiKey::ALL {
        if let Some(max) = max(*api) {
            let mut key = msg::api_versions_response::ApiVersion::default();
            (key.api_key, key.min_version, key.max_version) = (*api as i16, 0, max);
            answer.api_keys.push(key);
        }
    }
    Response::ApiVersions(answer)
}

fn producer_id(id: i64, epoch: i16) -> Response {
    let mut answer = msg::InitProducerIdResponse::default();
    (answer.producer_id, answer.producer_epoch) = (msg::ProducerId(id), epoch);
    Response::InitProducerId(answer)
}

fn partition_reply(records: Vec<Chunk>, high_watermark: i64) -> FetchPartitionReply {
    FetchPartitionReply {
        index: 0,
        error_code: 0,
        high_watermark,
        last_stable_offset: high_watermark,
        log_start_offset: 0,
        aborted: None,
        preferred_read_replica: -1,
        diverging: None,
        current_leader: None,
        records,
    }
}

fn batch(base: i64, values: &[&str]) -> Chunk {
    let mut builder = BatchBuilder::new(Compression::default()).base_offset(base);
    for value in values {
        builder.push(5, None, Some(value.as_bytes()), []);
    }
    Chunk::Bytes(builder.build().expect("no codec").bytes)
}

#[test]
fn a_record_finds_its_way_from_nothing() {
    let mut b = Bench::new(|_| {});
    let token = b.produce("a");
    assert_eq!(b.connects, [(ConnId(0), 1)]);
    b.settle();
    let asked = b.produced();
    assert_eq!(asked.2, sent(0, 0, &["a"]));
    assert_eq!(asked.1.version, 13);
    b.answer_produce(asked, 0, 41);
    assert_eq!(b.delivered(), [(token.0, 41)]);
    assert_eq!(b.client.buffered_bytes(), 0);
}

#[test]
fn an_older_broker_is_asked_in_its_own_versions() {
    let mut b = Bench::new(|_| {});
    b.produce("a");
    let (conn, _) = b.connects.pop().expect("it connects");
    b.input(ClientInput::Connected { conn });
    let asked = b.asked.remove(0);
    assert_eq!(asked.1.version, ApiKey::ApiVersions.versions().1);
    let Response::ApiVersions(mut refusal) = versions(|api| Some(api.versions().1.min(2))) else { unreachable!("made as one") };
    refusal.error_code = 35;
    b.answer(asked, Response::ApiVersions(refusal));
    let asked = b.asked.remove(0);
    assert_eq!(asked.1.version, 2);
    b.answer(asked, versions(|api| Some(api.versions().1.min(9))));
    b.settle();
    let asked = b.produced();
    assert_eq!(asked.1.version, 9);
    let Request::Produce(produce) = &asked.1.request else { unreachable!("it was taken as one") };
    assert_eq!((produce.topics[0].name.as_str(), produce.topics[0].id.0), (TOPIC, Uuid::nil()));
}

#[test]
fn an_older_broker_is_asked_only_what_its_versions_can_carry() {
    let mut b = Bench::new(|c| (c.auto_create_topics, c.fetch.read_committed) = (false, true));
    b.serves = |api| Some(api.versions().0);
    b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::Earliest });
    b.produce("a");
    b.settle();
    let offsets = b.take(|r| matches!(r, Request::ListOffsets(_)));
    b.answer_offset(offsets, 0);
    // Each request was encoded as it left.
    let fetch = b.fetched();
    assert_eq!((fetch.1.version, b.produced().1.version), (ApiKey::Fetch.versions().0, ApiKey::Produce.versions().0));
}

#[test]
fn a_call_that_an_older_broker_cannot_be_asked_ends() {
    let mut b = Bench::new(|_| {});
    b.serves = |api| Some(api.versions().0);
    let request = Request::ListConfigResources(msg::ListConfigResourcesRequest::default().with_resource_types(vec![2]));
    b.input(ClientInput::Call { token: Token(1), target: Target::Any, request, timeout: Duration::from_secs(60) });
    b.settle();
    let ended = |e: &ClientEvent| matches!(e, ClientEvent::Called { result: Err(ClientError::Invalid { .. }), .. });
    assert!(b.events.iter().any(ended), "{:?}", b.events);
}

#[test]
fn a_record_for_a_broker_that_takes_no_produce_request_is_not_delivered() {
    for acks in [Acks::None, Acks::Leader] {
        let mut b = Bench::new(|c| (c.producer.acks, c.producer.idempotent) = (acks, false));
        b.serves = |api| Some(api.versions().1).filter(|_| api != ApiKey::Produce);
        b.produce("a");
        b.settle();
        assert_eq!((b.delivered(), b.failed()), (vec![], vec![(1, Certainty::NotDone)]));
    }
}

/// A reader that has read up to 3, and then the topic is made anew: what a broker says to its next Fetch, by ids or by names.
fn made_anew(b: &mut Bench) {
    b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::At(Offset(3)) });
    b.settle();
    let first = b.fetched();
    let by_id = first.1.version >= 13;
    let of_topic = |partition, id| {
        let (name, id) = if by_id { (String::new(), id) } else { (TOPIC.to_owned(), Uuid::nil()) };
        let topic = FetchTopicReply { name, id: TopicId(id), partitions: vec![partition] };
        Response::Fetch(FetchReply { session_id: 5, topics: vec![topic], ..FetchReply::default() })
    };
    b.answer((first.0, first.1), of_topic(partition_reply(vec![], 3), TOPIC_ID));
    b.topic_id = Uuid::from_u128(78);
    let second = b.fetched();
    let gone = if by_id { Code::UNKNOWN_TOPIC_ID } else { Code::UNKNOWN_TOPIC_OR_PARTITION };
    b.answer((second.0, second.1), of_topic(FetchPartitionReply { error_code: gone.0, ..partition_reply(vec![], 3) }, TOPIC_ID));
    b.events.clear();
    b.wait(2000);
    b.settle();
}

#[test]
fn a_topic_that_is_made_anew_by_names_is_not_forgotten() {
    let mut b = Bench::new(|c| c.fetch.reset = Some(Reset::Earliest));
    b.serves = |api| Some(if api == ApiKey::Fetch { 12 } else { api.versions().1 });
    made_anew(&mut b);
    let offsets = b.take(|r| matches!(r, Request::ListOffsets(_)));
    b.answer_offset(offsets, 0);
    b.wait(2000);
    let third = b.fetched().2;
    assert_eq!((third.session_id, third.forgotten_topics_data.len()), (5, 0));
}

#[test]
fn a_position_says_nothing_of_a_topic_that_was_made_anew() {
    let lost = |event: &ClientEvent| match event {
        ClientEvent::Moved { error, .. } => Some((true, error.to_string())),
        ClientEvent::FetchFailed { error, .. } => Some((false, error.to_string())),
        _ => None,
    };
    let why = "UNKNOWN_TOPIC_ID: orders was deleted, and made again".to_owned();
    for version in [12, 13] {
        for reset in [None, Some(Reset::Earliest)] {
            let mut b = Bench::new(|c| c.fetch.reset = reset);
            b.serves = match version {
                12 => |api| Some(if api == ApiKey::Fetch { 12 } else { api.versions().1 }),
                _ => |api| Some(api.versions().1),
            };
            made_anew(&mut b);
            let told: Vec<_> = b.events.iter().filter_map(lost).collect();
            assert_eq!(told, [(reset.is_some(), why.clone())]);
            b.wait(2000);
            if reset.is_none() {
                assert!(b.asked.is_empty(), "{:?}", b.asked);
                continue;
            }
            let offsets = b.take(|r| matches!(r, Request::ListOffsets(_)));
            b.answer_offset(offsets, 1);
            b.wait(2000);
            let topic = &b.fetched().2.topics[0];
            let id = if version == 13 { Uuid::from_u128(78) } else { Uuid::nil() };
            assert_eq!((topic.partitions[0].fetch_offset, topic.topic_id), (1, id));
        }
    }
}

#[test]
fn a_lost_request_is_sent_again_with_its_sequence() {
    let mut b = Bench::new(|_| {});
    b.produce("a");
    b.settle();
    let (conn, _, first) = b.produced();
    b.input(ClientInput::Closed { conn, why: "reset".to_owned() });
    assert!(b.events.is_empty());
    while b.connects.is_empty() {
        b.wait_for_deadline();
    }
    b.settle();
    while !b.asked.iter().any(|(_, f)| matches!(f.request, Request::Produce(_))) {
        b.wait_for_deadline();
        b.settle();
    }
    let again = b.produced();
    assert_eq!(again.2, first);
    b.answer_produce(again, 0, 7);
    assert_eq!(b.delivered(), [(1, 7)]);
}

#[test]
fn until_the_leader_knows_the_producer_one_batch_is_in_flight() {
    let mut b = Bench::new(|_| {});
    b.settle();
    b.produce("a");
    b.settle();
    b.produce("b");
    let first = b.produced();
    assert!(b.asked.is_empty(), "a leader takes any sequence of a producer that it does not know: {:?}", b.asked);
    b.answer_produce(first, 0, 0);
    assert_eq!(b.produced().2, sent(0, 1, &["b"]));
}

#[test]
fn a_topic_made_anew_does_not_know_the_producer_of_the_old_one() {
    let mut b = Bench::new(|_| {});
    b.deliver_first("z");
    b.topic_id = Uuid::from_u128(78);
    b.produce("a");
    let gone = b.produced();
    b.answer_produce(gone, 100, -1);
    b.wait(2000);
    b.settle();
    b.produce("b");
    b.wait(2000);
    let first = b.produced();
    assert_eq!(first.2, sent(0, 1, &["a"]));
    assert!(b.asked.is_empty(), "the new log takes any sequence, so b could overtake a: {:?}", b.asked);
    b.answer_produce(first, 0, 0);
    assert_eq!(b.produced().2, sent(0, 2, &["b"]));
}

#[test]
fn what_follows_a_batch_that_comes_back_waits_for_it() {
    let mut b = Bench::new(|_| {});
    b.deliver_first("z");
    b.produce("a");
    b.produce("b");
    let (first, second) = (b.produced(), b.produced());
    assert_eq!((&first.2, &second.2), (&sent(0, 1, &["a"]), &sent(0, 2, &["b"])));
    b.answer_produce(first, 6, -1);
    b.answer_produce(second, 45, -1);
    b.settle();
    b.wait(2000);
    b.settle();
    b.wait(2000);
    let first = b.produced();
    assert_eq!(first.2, sent(0, 1, &["a"]));
    assert!(b.asked.is_empty(), "b waits for a: {:?}", b.asked);
    b.answer_produce(first, 0, 1);
    let second = b.produced();
    assert_eq!(second.2, sent(0, 2, &["b"]));
    b.answer_produce(second, 0, 2);
    assert_eq!(b.delivered(), [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn a_gap_before_the_oldest_batch_starts_a_new_epoch() {
    let mut b = Bench::new(|_| {});
    b.deliver_first("a");
    b.produce("b");
    b.produce("c");
    let (second, third) = (b.produced(), b.produced());
    b.answer_produce(second, 45, -1);
    assert!(b.asked.is_empty(), "nothing is numbered anew while something is in flight");
    b.answer_produce(third, 45, -1);
    b.wait(2000);
    let second = b.produced();
    assert_eq!(second.2, sent(1, 0, &["b"]));
    b.answer_produce(second, 0, 1);
    assert_eq!(b.produced().2, sent(1, 1, &["c"]));
}

#[test]
fn a_batch_that_may_arrive_late_is_never_numbered_anew() {
    let mut b = Bench::new(|_| {});
    b.deliver_first("a");
    b.produce("b");
    let lost = b.produced();
    b.answer_produce(lost, 7, -1);
    b.wait(2000);
    let again = b.produced();
    b.answer_produce(again, 45, -1);
    b.wait(2000);
    assert_eq!(b.failed(), [(2, Certainty::Unknown)]);
}

#[test]
fn a_duplicate_counts_as_delivered() {
    let mut b = Bench::new(|_| {});
    b.produce("a");
    b.settle();
    let first = b.produced();
    b.answer_produce(first, 46, -1);
    assert_eq!(b.delivered(), [(1, -1)]);
}

#[test]
fn a_batch_that_is_too_large_goes_in_halves_with_the_same_numbers() {
    let mut b = Bench::new(|c| c.producer.linger = Duration::from_millis(10));
    b.produce("a");
    b.produce("b");
    b.produce("c");
    b.settle();
    b.wait(10);
    b.settle();
    let all = b.produced();
    assert_eq!(all.2, sent(0, 0, &["a", "b", "c"]));
    b.answer_produce(all, 10, -1);
    let one = b.produced();
    assert_eq!(one.2, sent(0, 0, &["a"]));
    b.answer_produce(one, 0, 0);
    let rest = b.produced();
    assert_eq!(rest.2, sent(0, 1, &["b", "c"]));
    b.answer_produce(rest, 10, -1);
    let two = b.produced();
    assert_eq!(two.2, sent(0, 1, &["b"]));
    b.answer_produce(two, 10, -1);
    assert_eq!(b.failed(), [(2, Certainty::NotDone)]);
    // Its number is missing now, so what follows begins anew.
    assert_eq!(b.produced().2, sent(1, 0, &["c"]));
}

#[test]
fn a_refusal_is_certain_and_a_server_error_is_not() {
    let mut b = Bench::new(|_| {});
    b.produce("a");
    b.settle();
    let first = b.produced();
    b.answer_produce(first, 87, -1);
    assert_eq!(b.failed(), [(1, Certainty::NotDone)]);
    b.produce("b");
    let second = b.produced();
    b.answer_produce(second, -1, -1);
    assert_eq!(b.failed(), [(2, Certainty::Unknown)]);
}

#[test]
fn a_leader_that_leads_no_more_may_have_appended_before() {
    for code in [Code::NOT_LEADER_OR_FOLLOWER, Code::UNKNOWN_TOPIC_OR_PARTITION] {
        let mut b = Bench::new(|c| c.producer.delivery_timeout = Duration::from_secs(1));
        b.produce("a");
        b.settle();
        let first = b.produced();
        b.answer_produce(first, code.0, -1);
        b.wait(1000);
        assert_eq!(b.failed(), [(1, Certainty::Unknown)], "{code}");
    }
}

#[test]
fn a_record_ends_at_its_delivery_timeout_whether_or_not_anybody_answers() {
    let mut b = Bench::new(|c| c.producer.delivery_timeout = Duration::from_secs(3));
    b.produce("a");
    for _ in 0..100 {
        while let Some((conn, _)) = b.connects.pop() {
            b.input(ClientInput::Closed { conn, why: "refused".to_owned() });
        }
        if b.client.buffered_bytes() == 0 {
            break;
        }
        b.wait_for_deadline();
    }
    assert_eq!(b.failed(), [(1, Certainty::NotDone)]);
    assert_eq!(b.now.mono.since(Instant(0)), Duration::from_secs(3));
}

#[test]
fn no_more_than_five_batches_of_a_producer_are_in_flight() {
    let mut b = Bench::new(|_| {});
    b.deliver_first("0");
    for i in 1..10 {
        b.produce(&i.to_string());
    }
    assert_eq!(b.asked.len(), 5);
    let first = b.produced();
    b.answer_produce(first, 0, 0);
    assert_eq!(b.asked.len(), 5);
}

#[test]
fn without_acknowledgements_a_record_ends_when_it_is_sent() {
    let mut b = Bench::new(|c| (c.producer.acks, c.producer.idempotent) = (Acks::None, false));
    b.produce("a");
    b.settle();
    assert_eq!(b.delivered(), [(1, -1)]);
    let (_, frame, _) = b.produced();
    let Request::Produce(produce) = &frame.request else { unreachable!("it was taken as one") };
    assert_eq!(produce.acks, 0);
}

#[test]
fn a_full_buffer_refuses_and_makes_room_again() {
    let mut b = Bench::new(|c| c.producer.buffer_bytes_max = 50);
    b.produce("a");
    assert!(b.client.can_accept());
    b.produce("b");
    assert!(!b.client.can_accept());
    b.produce("c");
    assert_eq!(b.failed(), [(3, Certainty::NotDone)]);
}

#[test]
fn keys_choose_their_partition_and_a_partition_that_is_not_there_is_refused() {
    let mut b = Bench::new(|_| {});
    b.partitions = 3;
    let record = |key: &'static [u8]| NewRecord {
        topic: TOPIC.to_owned(),
        key: Some(Bytes::from_static(key)),
        value: Some(Bytes::from_static(b"v")),
        ..NewRecord::default()
    };
    b.produce_record(record(b"foobar"));
    b.settle();
    let (_, frame, _) = b.produced();
    let Request::Produce(produce) = &frame.request else { unreachable!("it was taken as one") };
    // Java's murmur2 of the key is -790332482.
    assert_eq!(produce.topics[0].partitions[0].index, (-790_332_482_i32 & i32::MAX) % 3);
    b.produce_record(NewRecord { partition: Some(3), ..record(b"k") });
    assert_eq!(b.failed(), [(2, Certainty::NotDone)]);
}

#[test]
fn an_answer_that_does_not_come_costs_the_connection() {
    let mut b = Bench::new(|_| {});
    b.produce("a");
    b.settle();
    let (conn, ..) = b.produced();
    b.wait(30_000);
    assert_eq!(b.closed, [conn]);
}

#[test]
fn an_answer_out_of_order_costs_the_connection() {
    let mut b = Bench::new(|_| {});
    b.produce("a");
    b.settle();
    let (conn, mut frame, sent) = b.produced();
    frame.correlation += 1;
    b.answer_produce((conn, frame, sent), 0, 0);
    assert_eq!((b.closed.clone(), b.delivered()), (vec![conn], vec![]));
}

#[test]
fn reading_goes_on_incrementally_and_says_once_that_the_end_is_reached() {
    let mut b = Bench::new(|_| {});
    let partition = TopicPartition::new(TOPIC, 0);
    b.input(ClientInput::Assign { partition: partition.clone(), from: Position::At(Offset(1)) });
    b.settle();
    let first = b.fetched();
    assert_eq!((first.2.session_id, first.2.session_epoch, first.2.topics[0].partitions[0].fetch_offset), (0, 0, 1));
    assert_eq!((first.2.topics[0].topic_id, first.2.topics[0].partitions[0].current_leader_epoch), (TOPIC_ID, 4));
    b.answer_fetch(first, 5, partition_reply(vec![batch(0, &["a", "b", "c"])], 3));
    let values: Vec<(i64, Bytes)> = b
        .events
        .iter()
        .flat_map(|e| match e {
            ClientEvent::Fetched { records, .. } => records.clone(),
            _ => Vec::new(),
        })
        .map(|r| (r.offset.0, r.value.expect("a value")))
        .collect();
    assert_eq!(values, [(1, Bytes::from_static(b"b")), (2, Bytes::from_static(b"c"))]);
    assert!(matches!(b.events[1], ClientEvent::EndReached { end: Offset(3), .. }));
    let second = b.fetched();
    assert_eq!((second.2.session_id, second.2.session_epoch, second.2.topics[0].partitions[0].fetch_offset), (5, 1, 3));
    b.answer_fetch(second, 5, partition_reply(vec![], 3));
    assert_eq!(b.events.len(), 2);
    let third = b.fetched();
    assert_eq!((third.2.session_epoch, third.2.topics.len()), (2, 0));
    b.input(ClientInput::Unassign { partition });
    b.answer_fetch(third, 5, partition_reply(vec![batch(3, &["d"])], 4));
    assert_eq!(b.events.len(), 2, "nothing of a partition that is not wanted any more");
}

#[test]
fn an_offset_that_cannot_be_is_not_followed() {
    let told = |offsets: [i64; 3]| {
        let mut b = Bench::new(|_| {});
        b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::At(Offset(0)) });
        b.settle();
        let asked = b.fetched();
        b.answer_fetch(asked, 5, partition_reply(offsets.map(|base| batch(base, &["a"])).to_vec(), 20));
        b.events.pop()
    };
    let back = told([0, 16, 2]);
    assert!(matches!(back, Some(ClientEvent::FetchFailed { error: ClientError::Malformed { .. }, .. })), "{back:?}");
    // Kafka may read further than the high watermark that it names: what lies behind that is read the next time, if it is there.
    let beyond = told([0, 1, 20]);
    assert!(matches!(beyond, Some(ClientEvent::Fetched { next: Offset(2), .. })), "{beyond:?}");
    let none = told([20, 21, 22]);
    assert!(matches!(none, None | Some(ClientEvent::Stalled { .. })), "{none:?}");
}

#[test]
fn what_comes_before_a_damaged_batch_is_read_first() {
    let mut b = Bench::new(|_| {});
    b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::At(Offset(0)) });
    b.settle();
    let asked = b.fetched();
    let damaged = || {
        let Chunk::Bytes(bytes) = batch(1, &["b"]) else { unreachable!("a batch is bytes") };
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().expect("not empty") ^= 1;
        Chunk::Bytes(bytes.into())
    };
    b.answer_fetch(asked, 5, partition_reply(vec![batch(0, &["a"]), damaged()], 3));
    assert!(
        matches!(&b.events[..], [ClientEvent::Fetched { next: Offset(1), records, .. }] if records.len() == 1),
        "{:?}",
        b.events
    );
    let asked = b.fetched();
    assert_eq!(asked.2.topics[0].partitions[0].fetch_offset, 1);
    b.answer_fetch(asked, 5, partition_reply(vec![damaged(), batch(2, &["c"])], 3));
    assert!(matches!(b.events[1..], [ClientEvent::FetchFailed { error: ClientError::Malformed { .. }, .. }]), "{:?}", b.events);
}

#[test]
fn an_answer_to_an_older_question_says_nothing() {
    let mut b = Bench::new(|_| {});
    let partition = TopicPartition::new(TOPIC, 0);
    b.input(ClientInput::Assign { partition: partition.clone(), from: Position::Latest });
    b.settle();
    let older = b.take(|r| matches!(r, Request::ListOffsets(_)));
    b.input(ClientInput::Assign { partition, from: Position::Earliest });
    let newer = b.take(|r| matches!(r, Request::ListOffsets(_)));
    b.answer_offset(older, 41);
    assert!(b.asked.is_empty(), "41 is the end, and the beginning was asked for: {:?}", b.asked);
    b.answer_offset(newer, 7);
    assert_eq!(b.fetched().2.topics[0].partitions[0].fetch_offset, 7);
}

#[test]
fn whoever_is_assigned_to_the_end_is_told_so_again() {
    let mut b = Bench::new(|_| {});
    let partition = TopicPartition::new(TOPIC, 0);
    let ends = |b: &Bench| b.events.iter().filter(|e| matches!(e, ClientEvent::EndReached { end: Offset(3), .. })).count();
    b.input(ClientInput::Assign { partition: partition.clone(), from: Position::At(Offset(3)) });
    b.settle();
    let first = b.fetched();
    b.answer_fetch(first, 5, partition_reply(vec![], 3));
    assert_eq!(ends(&b), 1);
    b.input(ClientInput::Assign { partition, from: Position::At(Offset(3)) });
    let second = b.fetched();
    // The session holds the partition at this offset already: the answer leaves it out.
    b.answer((second.0, second.1), Response::Fetch(FetchReply { session_id: 5, ..FetchReply::default() }));
    assert_eq!(ends(&b), 2);
}

#[test]
fn a_forgotten_session_is_begun_anew() {
    let mut b = Bench::new(|_| {});
    b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::At(Offset(0)) });
    b.settle();
    let first = b.fetched();
    b.answer_fetch(first, 5, partition_reply(vec![], 0));
    let second = b.fetched();
    let forgotten = FetchReply { error_code: 70, ..FetchReply::default() };
    b.answer((second.0, second.1), Response::Fetch(forgotten));
    let third = b.fetched();
    assert_eq!((third.2.session_id, third.2.session_epoch, third.2.topics.len()), (0, 0, 1));
}

#[test]
fn a_position_out_of_range_follows_the_reset_setting() {
    for (reset, asked) in [(None, None), (Some(Reset::Earliest), Some(-2)), (Some(Reset::Latest), Some(-1))] {
        let mut b = Bench::new(|c| c.fetch.reset = reset);
        b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::At(Offset(99)) });
        b.settle();
        let first = b.fetched();
        b.answer_fetch(first, 0, FetchPartitionReply { error_code: 1, ..partition_reply(vec![], 3) });
        let timestamps: Vec<i64> = b
            .asked
            .iter()
            .filter_map(|(_, f)| match &f.request {
                Request::ListOffsets(r) => Some(r.topics[0].partitions[0].timestamp),
                _ => None,
            })
            .collect();
        assert_eq!(timestamps, asked.into_iter().collect::<Vec<_>>());
        assert_eq!(b.events.iter().any(|e| matches!(e, ClientEvent::FetchFailed { .. })), reset.is_none());
    }
}

#[test]
fn out_of_range_for_an_older_assignment_moves_no_new_reader() {
    let mut b = Bench::new(|c| c.fetch.reset = Some(Reset::Latest));
    let partition = TopicPartition::new(TOPIC, 0);
    b.input(ClientInput::Assign { partition: partition.clone(), from: Position::At(Offset(24)) });
    b.settle();
    let older = b.fetched();
    b.input(ClientInput::Unassign { partition: partition.clone() });
    b.input(ClientInput::Assign { partition, from: Position::At(Offset(24)) });
    b.answer_fetch(older, 0, FetchPartitionReply { error_code: 1, ..partition_reply(vec![], 3) });
    assert!(
        b.asked.iter().all(|(_, f)| !matches!(f.request, Request::ListOffsets(_))),
        "the end is not asked for: {:?}",
        b.asked
    );
    assert_eq!(b.fetched().2.topics[0].partitions[0].fetch_offset, 24);
}

#[test]
fn positions_counted_from_the_end_never_lie_before_the_start() {
    let mut b = Bench::new(|_| {});
    b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::BeforeEnd(10) });
    b.settle();
    let asked = b.take(|r| matches!(r, Request::ListOffsets(_)));
    b.answer_offset(asked, 4);
    assert_eq!(b.fetched().2.topics[0].partitions[0].fetch_offset, 0);
}

#[test]
fn a_call_that_changes_something_is_not_repeated_when_its_answer_is_lost() {
    let calls = [
        (Request::CreateTopics(msg::CreateTopicsRequest::default()), false),
        (Request::AlterConfigs(msg::AlterConfigsRequest::default()), false),
        (Request::DescribeCluster(msg::DescribeClusterRequest::default()), true),
    ];
    for (request, repeated) in calls {
        let mut b = Bench::new(|_| {});
        let timeout = Duration::from_secs(60);
        b.input(ClientInput::Call { token: Token(1), target: Target::Controller, request, timeout });
        b.settle();
        let (conn, _) = b.asked.remove(0);
        b.input(ClientInput::Closed { conn, why: "reset".to_owned() });
        while b.asked.is_empty() && !b.events.iter().any(|e| matches!(e, ClientEvent::Called { .. })) {
            b.wait_for_deadline();
            b.settle();
        }
        let ended =
            b.events.iter().any(|e| matches!(e, ClientEvent::Called { result: Err(ClientError::Disconnected { .. }), .. }));
        assert_eq!((ended, b.asked.len()), if repeated { (false, 1) } else { (true, 0) });
    }
}

#[test]
fn equal_seeds_give_equal_conversations() {
    let run = || {
        let mut b = Bench::new(|c| c.producer.compression = Codec::Lz4);
        b.partitions = 4;
        for i in 0..20 {
            b.produce_record(NewRecord {
                topic: TOPIC.to_owned(),
                value: Some(Bytes::from(i.to_string())),
                ..NewRecord::default()
            });
        }
        b.settle();
        b.wait(5);
        format!("{:?} {:?} {:?}", b.asked, b.events, b.client.deadline())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_partition_that_cannot_be_read_for_long_is_said_to_be_stalled_once() {
    let mut b = Bench::new(|_| {});
    b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::At(Offset(0)) });
    b.settle();
    let refuse = |b: &mut Bench, error_code: i16| {
        while !b.asked.iter().any(|(_, f)| matches!(f.request, Request::Fetch(_))) {
            b.wait_for_deadline();
            b.settle();
        }
        let asked = b.fetched();
        b.answer_fetch(asked, 0, FetchPartitionReply { error_code, ..partition_reply(vec![], 0) });
    };
    let names =
        |b: &Bench| -> Vec<String> { b.events.iter().map(|e| format!("{e:?}").split(' ').next().unwrap().into()).collect() };
    // A leader that starts again is away for a moment.
    refuse(&mut b, Code::NOT_LEADER_OR_FOLLOWER.0);
    refuse(&mut b, 0);
    assert_eq!(names(&b), ["EndReached"]);
    for _ in 0..20 {
        refuse(&mut b, Code::KAFKA_STORAGE_ERROR.0);
    }
    assert_eq!(names(&b), ["EndReached", "Stalled"]);
    refuse(&mut b, 0);
    assert_eq!(names(&b), ["EndReached", "Stalled", "Resumed"]);
    // What is damaged is said at once.
    refuse(&mut b, Code::CORRUPT_MESSAGE.0);
    assert_eq!(names(&b), ["EndReached", "Stalled", "Resumed", "Stalled"]);
}

#[test]
fn a_topic_that_is_gone_is_said_to_be_stalled() {
    let mut b = Bench::new(|_| {});
    b.input(ClientInput::Assign { partition: TopicPartition::new(TOPIC, 0), from: Position::At(Offset(0)) });
    b.settle();
    b.partitions = 0;
    let asked = b.fetched();
    b.answer_fetch(asked, 0, FetchPartitionReply { error_code: Code::UNKNOWN_TOPIC_ID.0, ..partition_reply(vec![], 0) });
    for _ in 0..40 {
        b.wait_for_deadline();
        b.settle();
    }
    let [ClientEvent::Stalled { error: ClientError::Broker { code, .. }, .. }] = &b.events[..] else { panic!("{:?}", b.events) };
    assert_eq!(*code, Code::UNKNOWN_TOPIC_OR_PARTITION);
}
