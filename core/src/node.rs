//! One node: routes inputs to machines and the machines' intents to effects. Nothing else.
//!
//! State       the machines: sessions, gathers, partitions, controller; the node's own files and directories; who waits until when.
//! Takes       `Input`.
//! Gives       `Effect`.
//! Holds       every request gets a slot, and one gather or an answer; a token names a part of a gather; after every input the
//!             invariants of what it touched hold.
//! Not here    what any of it means: the machines decide.
//! Read first  `Node::handle`, then `requests.rs` (what a request becomes) and `route.rs` (what comes back).

mod directories;
mod files;
mod lifecycle;
mod recovery;
mod requests;
mod route;
#[cfg(test)]
mod tests;
mod timers;

use crate::controller::{Controller, ControllerIntent, Image};
use crate::disk::DiskQueue;
use crate::ids::{ConnId, LeaseId, PartitionId};
use crate::io::{Deadline, DiskImage, Effect, Input, Volume};
use crate::partition::Partition;
use crate::partition::events::{PartitionEvent, PartitionIntent};
use crate::planted::Planted;
use crate::rng::Rng;
use crate::serve::{Gather, Lookup};
use crate::session::fetch_session::FetchSessions;
use crate::session::{RequestId, Sessions, Unanswered};
use crate::time::Now;
use crate::wire::RequestFrame;
use directories::Directories;
pub use files::check_file;
use files::{CheckpointFile, Marker};
use lifecycle::{Ending, Phase};
use recovery::Stray;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use timers::Timers;

/// What a node is told at its start and never again. Everything that can change later lives in the metadata log.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    pub node_id: i32,
    /// Where clients reach this node: what Metadata answers.
    pub advertised_host: String,
    pub advertised_port: u16,
    /// Broker settings that were given, by Kafka's dotted name; the rest have their defaults.
    pub settings: crate::config::Settings,
    /// A flaw to be found by the simulator; nothing in a release.
    pub planted: Planted,
}

/// The machine.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    phase: Phase,
    /// The controller is active.
    active: bool,
    ending: Ending,
    disk: DiskQueue,
    sessions: Sessions,
    /// Requests that came before the node could serve.
    held: VecDeque<(RequestId, RequestFrame)>,
    gathers: BTreeMap<u64, Gather>,
    next_gather: u64,
    /// The gather of each request that waits for one: how a closed connection finds what it leaves behind.
    gather_of: BTreeMap<RequestId, u64>,
    fetch_sessions: FetchSessions,
    /// Who pinned ranges under each lease.
    leases: BTreeMap<LeaseId, Vec<PartitionId>>,
    next_lease: u64,
    controller: Controller,
    partitions: BTreeMap<PartitionId, Partition>,
    /// Partitions whose directory has to wait for the old owner of its name.
    wanted: BTreeSet<PartitionId>,
    /// Those of them whose name belongs to a directory that nobody can read, and that stays: they are offline.
    barred: BTreeSet<PartitionId>,
    /// Partitions whose directory could not be made: wanted again when the pause is over.
    failed: BTreeSet<PartitionId>,
    /// Directories of partitions that the metadata does not know: removed or put aside once this life is registered.
    strays: Vec<Stray>,
    /// Partitions whose logs could not be read: what checkpoints say of them is kept for a better day.
    unreadable: Vec<recovery::Unreadable>,
    fetch_limits: crate::serve::fetch::Limits,
    /// The last partition that the retention walk has looked at; `None` between walks.
    retention_cursor: Option<PartitionId>,
    producer_ids: requests::ProducerIds,
    /// As the edge saw it last.
    volume: Option<Volume>,
    directories: Directories,
    checkpoints: [CheckpointFile; 3],
    marker: Marker,
    timers: Timers,
    rng: Rng,
    // What one input set in motion; empty between inputs.
    events: VecDeque<(PartitionId, PartitionEvent)>,
    intents: VecDeque<(PartitionId, PartitionIntent)>,
    given: Vec<PartitionIntent>,
    decided: Vec<ControllerIntent>,
    touched: Vec<PartitionId>,
}

/// Why a data directory cannot be served. The message says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoverError(pub String);

impl std::fmt::Display for RecoverError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RecoverError {}

impl Node {
    /// Read the whole past from `disk`. Repairs are asked for in `out`; inputs may be handed in at once.
    /// `seed` feeds every random choice of this life of the node (ids, session ids).
    pub fn recover(
        config: NodeConfig,
        seed: u64,
        now: Now,
        disk: &mut dyn DiskImage,
        out: &mut Vec<Effect>,
    ) -> Result<Node, RecoverError> {
        let mut node = recovery::recover(config, seed, now, disk, out)?;
        node.run(now, out);
        Ok(node)
    }

    /// The only mutation. See the contract in `io.rs`.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        assert!(self.phase != Phase::Halted, "a node that has halted was given an input");
        let mut conn_touched = None;
        match input {
            Input::Opened { conn, host } => self.sessions.open(conn, host),
            Input::Request { conn, request } => {
                conn_touched = Some(conn);
                self.on_request(now, conn, request, out);
            }
            Input::Closed { conn } => self.on_closed(conn),
            Input::Disk { op, result } => self.on_disk(now, op, result, out),
            Input::Released { lease } => self.on_released(lease),
            Input::Unreadable { file, pos, len } => self.on_unreadable(file, pos, len),
            Input::Volume(volume) => self.volume = Some(volume),
            Input::Shutdown => self.on_shutdown(now, out),
            Input::Wake => {}
        }
        self.on_time(now, out);
        self.run(now, out);
        if let Some(conn) = conn_touched {
            self.sessions.check_invariants(conn);
        }
        let (open, known) = (self.sessions.open_requests(), self.held.len() + self.gathers.len());
        assert!(open == known || self.phase == Phase::Halted, "{open} requests are open, and {known} are being worked on");
    }

    /// When the node wants a turn at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let own = self.timers.first();
        let files =
            self.checkpoints.iter().filter_map(CheckpointFile::deadline).min().map(|at| Deadline { at, why: "checkpoint" });
        let controller = self.controller.deadline();
        [own, files, controller].into_iter().flatten().min_by_key(|d| d.at)
    }

    fn lookup(&self) -> Lookup<'_> {
        Lookup { image: self.controller.image(), hosted: &self.partitions, barred: &self.barred }
    }

    // --- getters: for edges, and for whoever checks from outside ---

    /// This connection's requests that have no answer yet. An edge stops reading a connection that is above its budget, and looks
    /// again after each of its replies and after inputs that may have ended a request without one (acks=0).
    #[must_use]
    pub fn unanswered(&self, conn: ConnId) -> Unanswered {
        self.sessions.unanswered(conn)
    }

    /// Whether requests are being served: metadata is active, and nothing of the last life can be mistaken for this one's.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.phase == Phase::Serving
    }

    /// The partitions that live here, in the order of their ids.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.values()
    }

    #[must_use]
    pub fn partition(&self, id: PartitionId) -> Option<&Partition> {
        self.partitions.get(&id)
    }

    /// Whether this node has the partition, and cannot serve it.
    #[must_use]
    pub fn is_offline(&self, id: PartitionId) -> bool {
        self.lookup().is_offline(id)
    }

    /// Cluster metadata as it is durable.
    #[must_use]
    pub fn image(&self) -> &Image {
        self.controller.image()
    }

    #[must_use]
    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// Requests in progress, for metrics and for checks of bounds.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.sessions.open_requests()
    }

    /// Fetch sessions that are kept, for checks of bounds.
    #[must_use]
    pub fn fetch_sessions(&self) -> usize {
        self.fetch_sessions.len()
    }

    /// Answers whose ranges of files have not been released.
    #[must_use]
    pub fn open_leases(&self) -> usize {
        self.leases.len()
    }

    /// Disk calls that have not ended.
    #[must_use]
    pub fn pending_disk_calls(&self) -> usize {
        self.disk.pending()
    }
}
