//! What is counted, for `/metrics`.
//!
//! State       counters and gauges; those of the request path are looked up once, here, and only incremented there.
//! Not here    HTTP (`http.rs`).

use ottla_core::io::{Fact, Level};
use ottla_core::wire::{ApiKey, RequestFrame};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Api {
    api: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Named {
    name: &'static str,
    level: &'static str,
}

/// The counters of one edge.
pub struct Metrics {
    registry: Registry,
    requests: BTreeMap<i16, Counter>,
    requests_unsupported: Counter,
    pub(crate) requests_invalid: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) connections: Gauge,
    /// Partitions that shall be served here and are not.
    pub(crate) offline: Gauge,
    /// 1 while requests are being served.
    pub(crate) serving: Gauge,
    /// Bytes in memory that wait to be sent, on all connections.
    pub(crate) outgoing: Gauge,
    syncs: Counter,
    sync_errors: Counter,
    sync_seconds: Histogram,
    disk_errors: Counter,
    facts: Family<Named, Counter>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("ottla");
        let by_api = Family::<Api, Counter>::default();
        let counter = |name: &str, help: &str, registry: &mut Registry| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        registry.register("requests", "Requests that were handed to the node, by API", by_api.clone());
        let requests =
            ApiKey::ALL.iter().map(|&api| (api as i16, by_api.get_or_create(&Api { api: format!("{api:?}") }).clone())).collect();
        let connections = Gauge::default();
        registry.register("connections", "Open client connections", connections.clone());
        let offline = Gauge::default();
        registry.register("offline_partitions", "Partitions that this broker shall serve and does not", offline.clone());
        let serving = Gauge::default();
        registry.register("serving", "Whether requests are being served", serving.clone());
        let outgoing = Gauge::default();
        registry.register("outgoing_bytes", "Bytes of answers in memory that clients have not taken yet", outgoing.clone());
        // From a disk with a battery to one that stalls.
        let sync_seconds =
            Histogram::new([50e-6, 100e-6, 200e-6, 400e-6, 800e-6, 1.6e-3, 3.2e-3, 6.4e-3, 12.8e-3, 0.05, 0.2, 1.0]);
        registry.register_with_unit("fsync", "How long an fsync took", Unit::Seconds, sync_seconds.clone());
        let facts = Family::<Named, Counter>::default();
        registry.register("facts", "What the node noted, by name", facts.clone());
        Metrics {
            requests,
            requests_unsupported: by_api.get_or_create(&Api { api: "unsupported".into() }).clone(),
            requests_invalid: counter(
                "requests_invalid",
                "Frames that were no requests; their connections were closed",
                &mut registry,
            ),
            bytes_in: counter("bytes_in", "Bytes received from clients", &mut registry),
            bytes_out: counter("bytes_out", "Bytes sent to clients", &mut registry),
            connections,
            offline,
            serving,
            outgoing,
            syncs: counter("fsyncs", "Calls of fsync that have ended", &mut registry),
            sync_errors: counter("fsync_errors", "Calls of fsync that failed", &mut registry),
            sync_seconds,
            disk_errors: counter("disk_errors", "Disk calls that failed", &mut registry),
            facts,
            registry,
        }
    }
}

impl Metrics {
    pub(crate) fn on_request(&self, request: &RequestFrame) {
        match self.requests.get(&request.request.api_key()) {
            Some(counter) => counter.inc(),
            None => self.requests_unsupported.inc(),
        };
    }

    pub(crate) fn on_sync(&self, took: Duration, ok: bool) {
        self.syncs.inc();
        self.sync_errors.inc_by(u64::from(!ok));
        self.sync_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn on_disk_error(&self) {
        self.disk_errors.inc();
    }

    pub(crate) fn on_fact(&self, fact: &Fact) {
        let level = match fact.level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        self.facts.get_or_create(&Named { name: fact.name, level }).inc();
    }

    /// All of it, as Prometheus reads it.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("a string takes all that is written to it");
        text
    }
}
