//! Tests of the whole edge: the unmodified shell inside a simulated network over the simulated disk, and over real
//! sockets and files.
//!
//! Read first  `shell.rs` (a simulated host that runs the edge), `chaos.rs` (what its sockets do), then `scenarios.rs`.

mod chaos;
mod client;
mod disk;
mod real;
mod scenarios;
mod shell;
