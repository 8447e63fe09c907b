//! A client that says exactly what a test wants said, one request at a time or many at once.
//!
//! Not here    retries, routing, batching (`ottla_core::client`): a test of the edge wants none of them.

use bytes::{Bytes, BytesMut};
use ottla_core::wire::batch::{self, BatchBuilder};
use ottla_core::wire::blank::Blank;
use ottla_core::wire::compress::Compression;
use ottla_core::wire::{self, ApiKey, FetchReply, Produce, ProducePartition, ProduceTopic, Request, RequestFrame, Response, msg};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub(crate) struct Client<T> {
    stream: T,
    received: BytesMut,
    next: i32,
}

/// A request with the version that it is sent in.
pub(crate) type Said = (i16, Request);

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(crate) fn new(stream: T) -> Client<T> {
        Client { stream, received: BytesMut::new(), next: 1 }
    }

    /// The bytes of a request with the next correlation id.
    pub(crate) fn encode(&mut self, (version, request): Said) -> Bytes {
        let correlation = self.next;
        self.next += 1;
        let frame = RequestFrame { correlation, version, client_id: Some("it".into()), size: 0, request };
        wire::encode_request(&frame).expect("the test says what can be said")
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Take one byte of what is sent here, whatever it belongs to.
    pub(crate) async fn trickle(&mut self) -> io::Result<u8> {
        self.stream.read_u8().await
    }

    /// Say that nothing more will be sent; answers are still read.
    pub(crate) async fn end_sending(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// The next answer, without its length.
    pub(crate) async fn receive(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(prefix) = self.received.first_chunk::<4>() {
                let len = usize::try_from(i32::from_be_bytes(*prefix)).expect("a broker sends positive lengths");
                if self.received.len() >= 4 + len {
                    return Ok(self.received.split_to(4 + len).freeze().slice(4..));
                }
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(crate) async fn call(&mut self, said: Said) -> io::Result<Response> {
        let (version, api) = (said.0, said.1.api().expect("the test asks what is served"));
        let correlation = self.next;
        let bytes = self.encode(said);
        self.send(&bytes).await?;
        let (answered, response) =
            wire::decode_response(api, version, self.receive().await?).expect("a broker sends what can be read");
        assert_eq!(answered, correlation);
        Ok(response)
    }

    /// Create a topic of one partition.
    pub(crate) async fn create(&mut self, topic: &str) {
        self.create_with(topic, 1).await;
    }

    pub(crate) async fn create_with(&mut self, topic: &str, partitions: i32) {
        let Response::CreateTopics(response) = self.call(create(topic, partitions)).await.unwrap() else {
            panic!("another answer")
        };
        assert_eq!(response.topics[0].error_code, 0, "{response:?}");
    }

    /// Append a record; its offset.
    pub(crate) async fn produce(&mut self, topic: &str, value: &[u8]) -> io::Result<i64> {
        let Response::Produce(response) = self.call(produce(topic, -1, value)).await? else { panic!("another answer") };
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, 0, "{partition:?}");
        Ok(partition.base_offset)
    }

    /// Every record's value from the beginning.
    pub(crate) async fn fetch_all(&mut self, topic: &str) -> io::Result<Vec<Bytes>> {
        let mut values = Vec::new();
        loop {
            let offset = i64::try_from(values.len()).unwrap();
            let Response::Fetch(reply) = self.call(fetch(topic, offset, 0)).await? else { panic!("another answer") };
            let more = values_of(&reply);
            if more.is_empty() {
                return Ok(values);
            }
            values.extend(more);
        }
    }
}

fn name(topic: &str) -> msg::TopicName {
    msg::TopicName(msg::StrBytes::from_string(topic.to_owned()))
}

pub(crate) fn api_versions() -> Said {
    (3, Request::ApiVersions(msg::ApiVersionsRequest::default()))
}

pub(crate) fn metadata() -> Said {
    (9, Request::Metadata(msg::MetadataRequest::blank()))
}

fn create(topic: &str, partitions: i32) -> Said {
    let topic = msg::create_topics_request::CreatableTopic::default()
        .with_name(name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(1);
    (5, Request::CreateTopics(msg::CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000)))
}

pub(crate) fn delete(topic: &str) -> Said {
    (5, Request::DeleteTopics(msg::DeleteTopicsRequest::default().with_topic_names(vec![name(topic)]).with_timeout_ms(10_000)))
}

pub(crate) fn produce(topic: &str, acks: i16, value: &[u8]) -> Said {
    let mut batch = BatchBuilder::new(Compression::default());
    batch.push(1_700_000_000_000, None, Some(value), []);
    let records = Ok(batch.build().expect("nothing to compress"));
    let topic = ProduceTopic {
        name: topic.into(),
        id: ottla_core::ids::TopicId::default(),
        partitions: vec![ProducePartition { index: 0, records }],
    };
    (9, Request::Produce(Produce { transactional_id: None, acks, timeout_ms: 30_000, topics: vec![topic] }))
}

pub(crate) fn fetch(topic: &str, offset: i64, max_wait_ms: i32) -> Said {
    let partition = msg::fetch_request::FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = msg::fetch_request::FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
    let request = msg::FetchRequest::default()
        .with_max_wait_ms(max_wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    (11, Request::Fetch(request))
}

/// The values of the records in a Fetch answer of one partition.
pub(crate) fn values_of(reply: &FetchReply) -> Vec<Bytes> {
    assert_eq!(reply.error_code, 0);
    let partition = &reply.topics[0].partitions[0];
    assert_eq!(partition.error_code, 0, "{partition:?}");
    let mut values = Vec::new();
    for chunk in &partition.records {
        let ottla_core::io::Chunk::Bytes(bytes) = chunk else { panic!("a client has bytes at hand") };
        for found in batch::batches(bytes.clone()) {
            let found = found.expect("whole batches");
            for record in batch::records(&found.info, &found.bytes).expect("readable batches") {
                values.push(record.expect("readable records").value.expect("values").clone());
            }
        }
    }
    values
}

/// The correlation id and, for the API that was asked, the rest.
pub(crate) fn correlation_of(frame: &Bytes) -> i32 {
    i32::from_be_bytes(*frame.first_chunk().expect("an answer has a header"))
}

/// The answer to a Fetch in the version of [`fetch`].
pub(crate) fn read_fetch(frame: Bytes) -> FetchReply {
    match wire::decode_response(ApiKey::Fetch, 11, frame).expect("a broker sends what can be read") {
        (_, Response::Fetch(reply)) => reply,
        (_, other) => panic!("{other:?}"),
    }
}
