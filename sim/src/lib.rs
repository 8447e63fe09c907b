//! Worlds for the machine: virtual time, a simulated network and disk, clients, faults, and checks that try to refute every claim.

pub mod diagnostic;
pub mod story;
