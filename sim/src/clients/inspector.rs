//! An inspector: asks where leader epochs end and where times lie, and names leader epochs that are right, stale, or of the future.
//!
//! State       a connection, the leader epoch of each partition as it was told.
//! Takes       answers, broken connections, time.
//! Gives       Metadata, OffsetForLeaderEpoch, ListOffsets and Fetch requests, one at a time.
//! Not here    whether the answers are right: the checks compare them with the log as they leave (checks/answers.rs).

use super::Got;
use super::link::{Link, PATIENCE, ask_metadata, draw_version, topic_name};
use crate::world::Sim;
use ottla_core::rng::Rng;
use ottla_core::wire::{ApiKey, Request, Response, msg};

/// How an inspector behaves.
#[derive(Clone, PartialEq, Debug)]
pub struct InspectorConfig {
    pub topics: Vec<(String, i32)>,
    pub think_ms: u64,
    pub patience_ms: u64,
}

const TURN: u64 = 2;

#[derive(Debug)]
pub(crate) struct Inspector {
    config: InspectorConfig,
    rng: Rng,
    link: Link<()>,
    /// Topic, partition and its leader epoch. Nothing: it has to ask.
    known: Vec<(String, i32, i32)>,
    waiting: bool,
    stopped: bool,
}

impl Inspector {
    pub(crate) fn new(config: InspectorConfig, seed: u64, name: &str) -> Inspector {
        let link = Link::new(config.patience_ms * 1_000_000);
        let rng = Rng::stream(seed, &format!("client/{name}"));
        Inspector { config, rng, link, known: Vec::new(), waiting: false, stopped: false }
    }

    pub(crate) fn on_start(&mut self, sim: &mut Sim, me: u32) {
        self.turn(sim, me);
    }

    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.stopped && self.link.open() == 0
    }

    pub(crate) fn on_wake(&mut self, sim: &mut Sim, me: u32, token: u64) {
        match token {
            PATIENCE => drop(self.link.out_of_patience(sim, me)),
            _ => self.waiting = false,
        }
        self.turn(sim, me);
    }

    pub(crate) fn on_disconnected(&mut self, sim: &mut Sim, me: u32, conn: u32) {
        if self.link.broken(conn).is_some() {
            self.later(sim, me);
        }
    }

    fn later(&mut self, sim: &mut Sim, me: u32) {
        if !self.waiting {
            self.waiting = true;
            sim.wake_client_after(me, self.rng.below(self.config.think_ms * 2_000_000 + 1), TURN);
        }
    }

    fn turn(&mut self, sim: &mut Sim, me: u32) {
        if self.waiting || self.stopped || self.link.open() > 0 {
            return;
        }
        let Some((topic, partition, epoch)) = self.rng.pick(&self.known).cloned().filter(|_| self.rng.chance(7, 8)) else {
            let names: Vec<String> = self.config.topics.iter().map(|(n, _)| n.clone()).collect();
            let version = draw_version(&mut self.rng, ApiKey::Metadata, 10, i16::MAX);
            return self.link.send(sim, me, version, ask_metadata(&names), ());
        };
        // What it knows may be of a former life: then it is told so.
        let current = match self.rng.below(8) {
            0 => -1,
            1 if epoch > 0 => self.rng.below(epoch as u64) as i32,
            2 => epoch + 1 + self.rng.below(3) as i32,
            _ => epoch,
        };
        let (version, request) = match self.rng.below(8) {
            0 => self.fetch(&topic, partition, current),
            1..=3 => self.times(sim, me, &topic, partition, current),
            _ => self.epoch_end(&topic, partition, current, epoch),
        };
        self.link.send(sim, me, version, request, ());
    }

    fn epoch_end(&mut self, topic: &str, partition: i32, current: i32, epoch: i32) -> (i16, Request) {
        let asked = self.rng.below(epoch as u64 + 3) as i32;
        let partition = msg::offset_for_leader_epoch_request::OffsetForLeaderPartition::default()
            .with_partition(partition)
            .with_current_leader_epoch(current)
            .with_leader_epoch(asked);
        let topic = msg::offset_for_leader_epoch_request::OffsetForLeaderTopic::default()
            .with_topic(topic_name(topic))
            .with_partitions(vec![partition]);
        let request = msg::OffsetForLeaderEpochRequest::default().with_replica_id(msg::BrokerId(-1)).with_topics(vec![topic]);
        (draw_version(&mut self.rng, ApiKey::OffsetForLeaderEpoch, 3, i16::MAX), Request::OffsetForLeaderEpoch(request))
    }

    fn times(&mut self, sim: &Sim, me: u32, topic: &str, partition: i32, current: i32) -> (i16, Request) {
        let timestamp = match self.rng.below(6) {
            0 => -1,
            1 => -3,
            _ => sim.client_wall_ms(me) - self.rng.below(12_000) as i64,
        };
        let partition = msg::list_offsets_request::ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_current_leader_epoch(current)
            .with_timestamp(timestamp);
        let topic =
            msg::list_offsets_request::ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
        let request = msg::ListOffsetsRequest::default().with_replica_id(msg::BrokerId(-1)).with_topics(vec![topic]);
        (draw_version(&mut self.rng, ApiKey::ListOffsets, 7, i16::MAX), Request::ListOffsets(request))
    }

    fn fetch(&mut self, topic: &str, partition: i32, current: i32) -> (i16, Request) {
        let partition = msg::fetch_request::FetchPartition::default()
            .with_partition(partition)
            .with_current_leader_epoch(current)
            .with_fetch_offset(self.rng.below(40) as i64)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(1 << 16);
        let topic = msg::fetch_request::FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
        let request = msg::FetchRequest::default()
            .with_replica_id(msg::BrokerId(-1))
            .with_max_bytes(1 << 16)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        (draw_version(&mut self.rng, ApiKey::Fetch, 9, 12), Request::Fetch(request))
    }

    pub(crate) fn on_response(&mut self, sim: &mut Sim, me: u32, conn: u32, (correlation, _, response): Got) {
        if self.link.answered(conn, correlation).is_none() {
            return;
        }
        if let Response::Metadata(answer) = &response {
            self.known.clear();
            for topic in answer.topics.iter().filter(|t| t.error_code == 0) {
                let Some(name) = &topic.name else { continue };
                let led = topic.partitions.iter().filter(|p| p.error_code == 0 && p.leader_epoch >= 0);
                self.known.extend(led.map(|p| (name.0.as_str().to_string(), p.partition_index, p.leader_epoch)));
            }
        }
        self.later(sim, me);
    }
}
