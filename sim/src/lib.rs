//! Worlds for the machine: virtual time, a simulated network and disk, clients, faults, and checks that try to refute every claim.
//!
//! Read `world/mod.rs` first. Nothing in a world reads a clock, starts a thread or draws a number that the seed did not give;
//! only `runner` starts threads, one world at a time on each.

pub mod batch;
pub mod campaign;
pub mod case;
pub mod checks;
pub mod clients;
mod course;
pub mod diagnostic;
pub mod digest;
pub mod disk;
pub mod exhaustive;
pub mod history;
pub mod mutants;
pub mod plan;
pub mod runner;
pub mod shrink;
pub mod story;
pub mod world;
