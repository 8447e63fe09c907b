//! The real edge: sockets, files, clocks and signals around `ottla_core::Node`. It maps inputs and effects and decides nothing.
//!
//! State       one thread, one tokio runtime, one `Edge` that owns the node, its connections and its disk.
//! Takes       bytes from sockets, completions from the disk's threads, signals.
//! Gives       what the node's effects ask for; `/metrics` and `/healthz` over HTTP; log events.
//! Holds       the contract of `ottla_core::io`. No lock and no channel between a request and its partition.
//! Not here    any rule of Kafka (`ottla-core`), flags and output (`ottla`).
//! Read first  `edge.rs` (inputs and effects), `conn.rs` (one connection), `disk/mod.rs`; `serve.rs` puts them together.
//!
//! # Costs
//! Per produce request of a busy connection: one `read` (two for a frame over 64 KiB), one `pwritev`, one `writev`; the payload is copied from
//! the socket once and to the page cache once. With a durable acknowledgement one `fdatasync` on another thread and one wake-up
//! each way, shared by all that wait for it. Per fetch: one `read`, one `sendmsg` with the headers (MSG_MORE), one `sendfile` per
//! window of a file range and one `preadv2` of one byte per 64 KiB that asks whether the range is cached; payload is not copied.

mod alarm;
pub mod client;
mod conn;
pub mod disk;
mod edge;
mod frame;
mod http;
mod limits;
mod metrics;
mod outbox;
mod run;
mod serve;
pub mod sock;

pub use alarm::Alarm;
pub use edge::{Clock, Edge, ExitReason};
pub use limits::Limits;
pub use metrics::Metrics;
pub use run::{Stop, run};
pub use serve::{Bound, ServeConfig, ServeError, serve, serve_until};
