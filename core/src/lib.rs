//! The machine: Ottla's commit log, broker and metadata quorum as one deterministic state machine.
//!
//! Read `io.rs` first: it is the whole boundary. `Node` (in `node.rs`) is the one type that an edge drives:
//! the real edge is `ottla-net`, the simulated one is `ottla-sim`. Nothing in this crate performs IO, reads a
//! clock, spawns, locks, logs, or draws a random number that was not handed in as a seed.

pub mod client;
pub mod config;
pub mod controller;
pub mod disk;
pub mod ids;
pub mod io;
pub mod log;
pub mod node;
pub mod partition;
pub mod planted;
pub mod rng;
pub mod serve;
pub mod session;
#[cfg(test)]
pub(crate) mod testkit;
pub mod time;
pub mod trace;
pub mod wire;

pub use node::{Node, NodeConfig};
