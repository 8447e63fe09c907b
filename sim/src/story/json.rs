//! The object that stands for a case: what `text.rs` writes as a story, as JSON for programs.
//!
//! Takes       a case.
//! Gives       a JSON object with every field of the case, under names that carry their units.
//! Holds       clients are named, not numbered; nothing is left out because it goes without saying.
//! Not here    reading it back: that is what a story is for.

use super::text::{NAMED_CALLS, NAMED_TARGETS, named, partition_of};
use super::world::{NAMED_READS, keep_name};
use crate::case::{Case, ClientKind, ClientSpec};
use crate::clients::{
    AdminConfig, ConsumerConfig, HostileConfig, InspectorConfig, LibraryConfig, OperatorConfig, ProducerConfig, TimedAct,
    TimedBatch,
};
use crate::disk::{Aim, Character, Loss};
use crate::plan::{Action, Entry};
use crate::world::Setup;
use crate::world::net::NetCharacter;
use serde_json::{Value, json};

/// A case, complete.
#[must_use]
pub fn object_of_case(case: &Case) -> Value {
    let Case { campaign, faults_ms, setup, clients, plan } = case;
    json!({
        "campaign": campaign,
        "faults_ms": faults_ms,
        "world": world(setup),
        "clients": clients.iter().map(client).collect::<Vec<_>>(),
        "plan": plan.entries.iter().map(|e| entry(case, e)).collect::<Vec<_>>(),
    })
}

fn world(setup: &Setup) -> Value {
    let Setup { seed, settings, tiny, disk, net, spurious_wakes, power_loss_at, planted } = setup;
    let Character { call_ns, read_ns, sync_ns, loss, sync_covers_later } = disk;
    let NetCharacter { delay_ns, bytes_percent } = net;
    json!({
        "seed": seed,
        "config": if *tiny { "tiny" } else { "default" },
        "settings": settings,
        "disk": {"call_ns": call_ns, "read_ns": read_ns, "sync_ns": sync_ns, "power_loss_keeps": kept(*loss), "sync_covers_later": sync_covers_later},
        "net": {"delay_ns": delay_ns, "through_bytes_percent": bytes_percent},
        "spurious_wakes": spurious_wakes,
        "power_loss_at": power_loss_at,
        "bug": planted,
    })
}

fn kept(loss: Loss) -> Value {
    let Loss { data, names, garbage, shorn } = loss;
    json!({"contents": keep_name(data), "names": keep_name(names), "garbage": garbage, "shorn": shorn})
}

fn topics(topics: &[(String, i32)]) -> Value {
    topics.iter().map(|(name, partitions)| json!({"name": name, "partitions": partitions})).collect()
}

fn batches(timetable: &[TimedBatch]) -> Value {
    let one = |batch: &TimedBatch| {
        let TimedBatch { at_ms, to, records, padding } = batch;
        let to: Vec<Value> = to.iter().map(|(topic, partition)| json!({"topic": topic, "partition": partition})).collect();
        json!({"at_ms": at_ms, "to": to, "records": records, "padding_bytes": padding})
    };
    timetable.iter().map(one).collect()
}

fn client(spec: &ClientSpec) -> Value {
    let (kind, mut object) = match &spec.kind {
        ClientKind::Admin(c) => ("admin", admin(c)),
        ClientKind::Producer(c) => ("producer", producer(c)),
        ClientKind::Consumer(c) => ("consumer", consumer(c)),
        ClientKind::Hostile(HostileConfig { topics, frames, think_ms }) => {
            ("hostile", json!({"topics": topics, "frames": frames, "think_ms": think_ms}))
        }
        ClientKind::Inspector(InspectorConfig { topics: visited, think_ms, patience_ms }) => {
            ("inspector", json!({"topics": topics(visited), "think_ms": think_ms, "patience_ms": patience_ms}))
        }
        ClientKind::Library(c) => ("library", library(c)),
        ClientKind::Operator(OperatorConfig { operations, think_ms, patience_ms }) => {
            ("operator", json!({"operations": operations, "think_ms": think_ms, "patience_ms": patience_ms}))
        }
    };
    object["name"] = json!(spec.name);
    object["kind"] = json!(kind);
    object
}

fn admin(c: &AdminConfig) -> Value {
    let AdminConfig { setup, stable, volatile, operations, think_ms, patience_ms, delete_records, timetable } = c;
    let made = setup.iter().map(|(name, partitions, settings)| {
        let settings: serde_json::Map<String, Value> = settings.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        json!({"name": name, "partitions": partitions, "settings": settings})
    });
    let acts = timetable.iter().map(|TimedAct { at_ms, topic, act }| json!({"at_ms": at_ms, "topic": topic, "act": act}));
    json!({
        "creates": made.collect::<Vec<_>>(),
        "changes": stable,
        "deletes": volatile,
        "operations": operations,
        "think_ms": think_ms,
        "patience_ms": patience_ms,
        "delete_records": delete_records,
        "timetable": acts.collect::<Vec<_>>(),
    })
}

fn producer(c: &ProducerConfig) -> Value {
    let ProducerConfig {
        topics: visited,
        acks,
        idempotent,
        in_flight,
        retries,
        records_max,
        padding_max,
        think_ms,
        patience_ms,
        batches: drawn,
        by_id,
        timetable,
    } = c;
    json!({
        "topics": topics(visited),
        "acks": acks,
        "idempotent": idempotent,
        "in_flight_max": in_flight,
        "retries": retries,
        "records_max": records_max,
        "padding_bytes_max": padding_max,
        "think_ms": think_ms,
        "patience_ms": patience_ms,
        "batches": drawn,
        "by_id": by_id,
        "timetable": batches(timetable),
    })
}

fn consumer(c: &ConsumerConfig) -> Value {
    let ConsumerConfig {
        topics: visited,
        sessions,
        by_id,
        max_bytes,
        min_bytes,
        max_wait_ms,
        think_ms,
        patience_ms,
        lists_percent,
        // Only the reader at the end of every world is the last one.
        last: _,
    } = c;
    json!({
        "topics": topics(visited),
        "sessions": sessions,
        "by_id": by_id,
        "max_bytes": max_bytes,
        "min_bytes": min_bytes,
        "max_wait_ms": max_wait_ms,
        "think_ms": think_ms,
        "patience_ms": patience_ms,
        "lists_percent": lists_percent,
    })
}

fn library(c: &LibraryConfig) -> Value {
    let LibraryConfig {
        topics: visited,
        acks,
        idempotent,
        in_flight,
        codec,
        linger_ms,
        batch_bytes,
        records,
        burst,
        padding_max,
        think_ms,
        request_ms,
        delivery_ms,
        reads,
        asks_percent,
        older,
        timetable,
    } = c;
    json!({
        "topics": topics(visited),
        "acks": acks,
        "idempotent": idempotent,
        "in_flight_max": in_flight,
        "codec": codec.name(),
        "linger_ms": linger_ms,
        "batch_bytes": batch_bytes,
        "records": records,
        "burst_max": burst,
        "padding_bytes_max": padding_max,
        "think_ms": think_ms,
        "request_timeout_ms": request_ms,
        "delivery_timeout_ms": delivery_ms,
        "reads": named(&NAMED_READS, *reads),
        "asks_percent": asks_percent,
        "older": older,
        "timetable": batches(timetable),
    })
}

fn entry(case: &Case, entry: &Entry) -> Value {
    let Entry { at_ms, action } = entry;
    let client = |client: u32| case.clients.get(client as usize).map(|c| c.name.as_str());
    let mut object = match action {
        Action::Crash { node: _, down_ms } | Action::Shutdown { node: _, down_ms } => json!({"down_ms": down_ms}),
        Action::PowerLoss { node: _, down_ms, loss } | Action::PowerOff { node: _, down_ms, loss } => {
            json!({"down_ms": down_ms, "keeps": loss.map(kept)})
        }
        Action::PowerLossAtCall { node: _, after, of, down_ms, loss } => {
            json!({"after": after, "of": named(&NAMED_CALLS, *of), "down_ms": down_ms, "keeps": loss.map(kept)})
        }
        Action::CrashAtCall { node: _, after, of, down_ms } => {
            json!({"after": after, "of": named(&NAMED_CALLS, *of), "down_ms": down_ms})
        }
        Action::Pause { node: _, for_ms } => json!({"for_ms": for_ms}),
        Action::ClockJump { node: _, by_ms } => json!({"by_ms": by_ms}),
        // The kind says what strikes.
        Action::Disk { node: _, strike: _, aim: Aim { target, dir }, after, stall_ms } => {
            json!({"on": named(&NAMED_TARGETS, *target), "in": dir.as_deref().map(partition_of), "after": after, "stall_ms": stall_ms})
        }
        Action::BitFlip { node: _, aim: Aim { target, dir } }
        | Action::LatentError { node: _, aim: Aim { target, dir } }
        | Action::LostFile { node: _, aim: Aim { target, dir } } => {
            json!({"on": named(&NAMED_TARGETS, *target), "in": dir.as_deref().map(partition_of)})
        }
        Action::DiskFull { node: _, bytes, for_ms } => json!({"bytes": bytes, "for_ms": for_ms}),
        Action::Reset { client: c } | Action::HalfOpen { client: c } | Action::HalfClose { client: c } => {
            json!({"client": client(*c)})
        }
        Action::ResetAll { node: _ } => json!({}),
        Action::SlowReader { client: c, by_ms, for_ms } => json!({"client": client(*c), "by_ms": by_ms, "for_ms": for_ms}),
        Action::Delay { node: _, by_ms, for_ms } => json!({"by_ms": by_ms, "for_ms": for_ms}),
        Action::PauseClient { client: c, for_ms } => json!({"client": client(*c), "for_ms": for_ms}),
        Action::ClientSkew { client: c, by_ms } | Action::ClientClockJump { client: c, by_ms } => {
            json!({"client": client(*c), "by_ms": by_ms})
        }
    };
    object["at_ms"] = json!(at_ms);
    object["kind"] = json!(action.kind());
    object
}
