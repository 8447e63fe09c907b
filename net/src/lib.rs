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
//! Counted with strace on librdkafka's traffic.
//!
//! - Produce, one request at a time: `epoll_wait`, `read`, `pwritev`, `writev`. Nothing else, and no allocation by the system.
//! - Produce, 16 KiB batches under load: one `read` of up to 256 KiB takes what has come; the appends of one read that follow
//!   each other in a file are one `pwritev`, their answers one `writev`.
//! - Produce, 1 MB batches: two `read`s (the head, then the rest to where it stays), one `pwritev`, one `writev`. The payload is
//!   copied from the socket once and to the page cache once.
//! - A durable acknowledgement adds one `fdatasync` on another thread and a wake-up each way, shared by all that wait for it.
//! - Fetch: one `read`; a range of up to 32 KiB costs one `preadv2` and leaves with its headers in one `writev`; a longer one a
//!   `sendmsg` for the headers (MSG_MORE), a `sendfile` for each 512 KiB, and a `preadv2` of one byte for each 128 KiB, which
//!   asks whether the range is cached. Its payload is not copied.
//! - A long poll that is answered in time costs no call for its timer.
//! - An idle connection: about 2 KiB of memory and one descriptor.

pub mod address;
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
pub use serve::{Bound, ServeConfig, ServeError, serve};
