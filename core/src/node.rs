//! One node: routes inputs to machines and the machines' intents to effects. Nothing else.

use crate::io::{Deadline, DiskImage, Effect, Input};
use crate::time::Now;

/// What a node is told at its start and never again. Everything that can change later lives in the metadata log.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    pub node_id: i32,
    /// Where clients reach this node: what Metadata answers.
    pub advertised_host: String,
    pub advertised_port: u16,
    /// Broker settings that were given, by Kafka's dotted name; the rest have their defaults.
    pub settings: crate::config::Settings,
}

/// The machine.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
}

/// Why a data directory cannot be served. The message says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoverError(pub String);

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
        let _ = (seed, now, disk, out);
        Ok(Node { config })
    }

    /// The only mutation. See the contract in `io.rs`.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        let _ = (&self.config, now, input, out);
    }

    /// When the node wants a turn at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        None
    }
}
