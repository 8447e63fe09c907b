//! A client that no honest library is: frames cut short, turned bits, absurd counts, absurd values in well-formed requests.
//!
//! State       a connection, how much it still wants to send.
//! Takes       nothing that it is told.
//! Gives       frames.
//! Holds       it writes nothing into the history: nothing that it asks is owed an answer.
//! Not here    floods: memory bounds are for the edge's own tests.

use super::Got;
use super::link::{draw_version, produce, topic_name};
use crate::batch::{self, Spec};
use crate::world::Sim;
use bytes::Bytes;
use ottla_core::rng::Rng;
use ottla_core::wire::{ApiKey, ProducePartition, ProduceTopic, Request, RequestFrame, encode_request, msg};

/// How much a hostile client sends.
#[derive(Clone, PartialEq, Debug)]
pub struct HostileConfig {
    pub topics: Vec<String>,
    pub frames: u32,
    pub think_ms: u64,
}

const TURN: u64 = 2;

#[derive(Debug)]
pub(crate) struct Hostile {
    config: HostileConfig,
    rng: Rng,
    conn: Option<u32>,
    sent: u32,
    stopped: bool,
}

impl Hostile {
    pub(crate) fn new(config: HostileConfig, seed: u64, name: &str) -> Hostile {
        Hostile { config, rng: Rng::stream(seed, &format!("client/{name}")), conn: None, sent: 0, stopped: false }
    }

    pub(crate) fn on_start(&mut self, sim: &mut Sim, me: u32) {
        sim.wake_client_after(me, self.rng.below(1_000_000_000), TURN);
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn on_response(&mut self, _sim: &mut Sim, _me: u32, _conn: u32, _got: Got) {}

    pub(crate) fn on_disconnected(&mut self, _sim: &mut Sim, _me: u32, conn: u32) {
        if self.conn == Some(conn) {
            self.conn = None;
        }
    }

    pub(crate) fn on_wake(&mut self, sim: &mut Sim, me: u32, token: u64) {
        if token != TURN || self.stopped || self.sent >= self.config.frames {
            return;
        }
        self.sent += 1;
        let conn = *self.conn.get_or_insert_with(|| sim.connect(me, 0));
        if let Some(frame) = self.frame(sim, me) {
            sim.send_raw(conn, frame);
        }
        if self.rng.chance(1, 8) {
            sim.hang_up(conn);
            self.conn = None;
        }
        sim.wake_client_after(me, self.rng.below(self.config.think_ms * 2_000_000 + 1), TURN);
    }

    fn frame(&mut self, sim: &Sim, me: u32) -> Option<Bytes> {
        let (api, request) = self.request(sim, me);
        let version = draw_version(&mut self.rng, api, 0, i16::MAX);
        let frame = RequestFrame { correlation: self.sent as i32, version, client_id: None, size: 0, request };
        let mut bytes = encode_request(&frame).ok()?.get(4..)?.to_vec();
        match self.rng.below(6) {
            0 => bytes.truncate(self.rng.below(bytes.len() as u64 + 1) as usize),
            1 | 2 => {
                for _ in 0..self.rng.between(1, 4) {
                    let at = self.rng.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << self.rng.below(8);
                }
            }
            3 => {
                let at = self.rng.below(bytes.len() as u64) as usize;
                for b in bytes.iter_mut().skip(at).take(4) {
                    *b = 0xff;
                }
            }
            _ => {}
        }
        Some(Bytes::from(bytes))
    }

    fn request(&mut self, sim: &Sim, me: u32) -> (ApiKey, Request) {
        let odd = [i64::MIN, -3, -1, 0, 1, 7, i64::from(i32::MAX), i64::MAX];
        let mut n = || self.rng.pick(&odd).copied().unwrap_or(0);
        let (a, b, c) = (n(), n() as i32, n() as i32);
        let names = ["", "orders", "no-such-topic", "..", "__cluster_metadata"];
        let name = match self.rng.below(3) {
            0 => self.rng.pick(&names).copied().unwrap_or("").to_string(),
            _ => self.rng.pick(&self.config.topics).cloned().unwrap_or_default(),
        };
        match self.rng.below(6) {
            0 => {
                let partition = msg::fetch_request::FetchPartition::default()
                    .with_partition(b)
                    .with_fetch_offset(a)
                    .with_current_leader_epoch(-1)
                    .with_partition_max_bytes(c);
                let topic =
                    msg::fetch_request::FetchTopic::default().with_topic(topic_name(&name)).with_partitions(vec![partition]);
                let request = msg::FetchRequest::default()
                    .with_replica_id(msg::BrokerId(b))
                    .with_max_wait_ms(c)
                    .with_max_bytes(b)
                    .with_session_id(c)
                    .with_session_epoch(b)
                    .with_topics(vec![topic]);
                (ApiKey::Fetch, Request::Fetch(request))
            }
            1 => {
                let partition =
                    msg::list_offsets_request::ListOffsetsPartition::default().with_partition_index(b).with_timestamp(a);
                let topic = msg::list_offsets_request::ListOffsetsTopic::default()
                    .with_name(topic_name(&name))
                    .with_partitions(vec![partition]);
                (ApiKey::ListOffsets, Request::ListOffsets(msg::ListOffsetsRequest::default().with_topics(vec![topic])))
            }
            2 => {
                // A batch of an unheard-of producer: odd epochs and sequences, values that name no operation.
                let producer = Some((a, c as i16, b));
                let spec = Spec { first_value: u64::MAX - 10, count: 1, padding: 3, timestamp: sim.client_wall_ms(me), producer };
                let mut checked = batch::build(spec);
                if self.rng.chance(1, 2) {
                    let mut torn = checked.bytes.to_vec();
                    let at = self.rng.below(torn.len() as u64) as usize;
                    torn[at] ^= 0x55;
                    checked.bytes = torn.into();
                }
                // Only where nobody reads: a partition or a topic that is not there, or acks that do not exist.
                let partition = ProducePartition { index: 77, records: Ok(checked) };
                let topic = ProduceTopic { name, id: Default::default(), partitions: vec![partition] };
                (ApiKey::Produce, produce(c as i16, b, vec![topic]))
            }
            3 => {
                let topic = msg::create_topics_request::CreatableTopic::default()
                    .with_name(topic_name("a/b"))
                    .with_num_partitions(b)
                    .with_replication_factor(c as i16);
                let request = msg::CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(b);
                (ApiKey::CreateTopics, Request::CreateTopics(request))
            }
            4 => (ApiKey::Metadata, Request::Metadata(msg::MetadataRequest::default().with_topics(None))),
            _ => (ApiKey::ApiVersions, Request::ApiVersions(msg::ApiVersionsRequest::default())),
        }
    }
}
