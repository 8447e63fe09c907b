//! The text that stands for a case: the commands of `world.rs`, written.
//!
//! Takes       a case, a sentence about it.
//! Gives       a story without traces.
//! Holds       only what differs from what `world` and the others take for granted is written; acts and faults stand in the order of
//!             their times.
//! Not here    reading it (world.rs).

use super::world::{
    NAMED_READS, OPERATIONS, PATIENCE_MS, blank, blank_consumer, blank_inspector, blank_producer, keep_name, topics_of,
};
use crate::case::{Case, ClientKind};
use crate::clients::{
    AdminConfig, ConsumerConfig, HostileConfig, InspectorConfig, LibraryConfig, OperatorConfig, ProducerConfig,
};
use crate::disk::{Aim, Loss, Strike, Target};
use crate::history::AdminAct;
use crate::plan::{Action, Calls};
use ottla_core::io::FileKind;
use std::fmt::{Display, Write as _};

/// Disk faults by name.
pub(super) const NAMED_STRIKES: [(&str, Strike); 10] = [
    ("read-error", Strike::ReadError),
    ("write-error", Strike::WriteError),
    ("short-write", Strike::ShortWrite),
    ("no-space", Strike::NoSpace),
    ("sync-error", Strike::SyncError),
    ("sync-dir-error", Strike::SyncDirError),
    ("name-error", Strike::NameError),
    ("phantom-write", Strike::PhantomWrite),
    ("misdirected-write", Strike::MisdirectedWrite),
    ("stall", Strike::Stall),
];

/// Which files a disk fault is for, by name.
pub(super) const NAMED_TARGETS: [(&str, Target); 18] = [
    ("log", Target::Log),
    ("derived", Target::Derived),
    ("meta", Target::Meta),
    ("any", Target::Any),
    ("index", Target::Only(FileKind::Index)),
    ("time-index", Target::Only(FileKind::TimeIndex)),
    ("snapshot", Target::Only(FileKind::Snapshot)),
    ("epochs", Target::Only(FileKind::LeaderEpochs)),
    ("partition-metadata", Target::Only(FileKind::PartitionMetadata)),
    ("metadata-snapshot", Target::Only(FileKind::Checkpoint)),
    ("quorum-state", Target::Only(FileKind::QuorumState)),
    ("log-starts", Target::Only(FileKind::LogStarts)),
    ("recovery-points", Target::Only(FileKind::RecoveryPoints)),
    ("high-watermarks", Target::Only(FileKind::HighWatermarks)),
    ("meta-properties", Target::Only(FileKind::MetaProperties)),
    ("clean-shutdown", Target::Only(FileKind::CleanShutdown)),
    ("reserve", Target::Only(FileKind::Reserve)),
    ("directory", Target::Directory),
];

/// The partition whose directory has this path, as a story names it: `orders/0`.
pub(super) fn partition_of(path: &str) -> String {
    path.rsplit_once('-').map_or_else(|| path.to_string(), |(topic, index)| format!("{topic}/{index}"))
}

/// Which disk calls count, by name.
pub(super) const NAMED_CALLS: [(&str, Calls); 2] = [("any", Calls::Any), ("names", Calls::Names)];

/// The word for a value. Every value has one.
pub(super) fn named<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, v)| *v == value).map_or("?", |(name, _)| name)
}

/// A line under construction.
struct Line(String);

impl Line {
    fn new(text: impl Into<String>) -> Line {
        Line(text.into())
    }

    fn word(&mut self, word: &str) {
        let _ = write!(self.0, " {}", quoted(word));
    }

    fn option(&mut self, key: &str, value: impl Display) {
        let _ = write!(self.0, " {key}={}", quoted(&value.to_string()));
    }

    /// Where it differs from what goes without saying.
    fn unless<T: PartialEq + Copy + Display>(&mut self, key: &str, value: T, usual: T) {
        if value != usual {
            self.option(key, value);
        }
    }

    fn time(&mut self, key: &str, ms: u64, usual: u64) {
        if ms != usual {
            self.option(key, time(ms * 1_000_000));
        }
    }

    fn flag(&mut self, key: &str, value: bool, usual: bool) {
        if value != usual {
            self.option(key, if value { "yes" } else { "no" });
        }
    }
}

fn quoted(word: &str) -> String {
    if word.is_empty() || word.contains(char::is_whitespace) { format!("\"{word}\"") } else { word.to_string() }
}

fn time(ns: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    let (unit, name) = units.into_iter().find(|(unit, _)| ns != 0 && ns.is_multiple_of(*unit)).unwrap_or((1_000_000, "ms"));
    format!("{}{name}", ns / unit)
}

fn range((low, high): (u64, u64)) -> String {
    format!("{}..{}", time(low), time(high))
}

/// The story of a case, with nothing below its `----`.
#[must_use]
pub fn of_case(case: &Case, comment: &str) -> String {
    let mut text = String::new();
    for line in comment.lines() {
        let _ = writeln!(text, "# {line}");
    }
    let _ = writeln!(text, "\n{}", world(case).0);
    let all = topics_of(case);
    for spec in &case.clients {
        if let ClientKind::Admin(c) = &spec.kind {
            for (name, partitions, settings) in &c.setup {
                let mut line = Line::new("topic");
                line.word(name);
                line.unless("partitions", *partitions, 1);
                settings.iter().for_each(|(key, value)| line.option(key, value));
                let _ = writeln!(text, "{}", line.0);
            }
        }
        let line = match &spec.kind {
            ClientKind::Admin(c) => admin(c),
            ClientKind::Producer(c) => Some(producer(&spec.name, c, &all)),
            ClientKind::Consumer(c) => Some(consumer(&spec.name, c, &all)),
            ClientKind::Hostile(c) => Some(hostile(&spec.name, c, &all)),
            ClientKind::Inspector(c) => Some(inspector(&spec.name, c, &all)),
            ClientKind::Operator(c) => Some(operator(&spec.name, c)),
            ClientKind::Library(c) => Some(library(&spec.name, c, &all)),
        };
        if let Some(line) = line {
            let _ = writeln!(text, "{}", line.0);
        }
    }
    let mut timed = timetables(case);
    timed.extend(case.plan.entries.iter().map(|e| (e.at_ms, action(case, &e.action))));
    timed.sort_by_key(|(at_ms, _)| *at_ms);
    for (at_ms, line) in timed {
        let _ = writeln!(text, "at {} {}", time(at_ms * 1_000_000), line.0);
    }
    text.push_str("play\n----\n");
    text
}

fn world(case: &Case) -> Line {
    let (usual, setup) = (blank(), &case.setup);
    let mut line = Line::new("world");
    line.unless("seed", setup.seed, usual.setup.seed);
    if !setup.tiny {
        line.option("config", "default");
    }
    line.time("faults-for", case.faults_ms, usual.faults_ms);
    loss(&mut line, setup.disk.loss);
    if setup.disk.call_ns != usual.setup.disk.call_ns {
        line.option("call", range(setup.disk.call_ns));
    }
    if let Some(read_ns) = setup.disk.read_ns {
        line.option("read", range(read_ns));
    }
    if setup.disk.sync_ns != usual.setup.disk.sync_ns {
        line.option("sync", range(setup.disk.sync_ns));
    }
    line.flag("sync-covers-later", setup.disk.sync_covers_later, false);
    if setup.net.delay_ns != usual.setup.net.delay_ns {
        line.option("delay", range(setup.net.delay_ns));
    }
    line.unless("through-bytes", setup.net.bytes_percent, 0);
    line.flag("spurious-wakes", setup.spurious_wakes, false);
    if !setup.power_loss_at.is_empty() {
        let all: Vec<String> = setup.power_loss_at.iter().map(u64::to_string).collect();
        line.option("power-loss-at", all.join(","));
    }
    if let Some(bug) = &setup.planted {
        line.option("bug", bug);
    }
    setup.settings.iter().for_each(|(key, value)| line.option(key, value));
    line
}

fn loss(line: &mut Line, loss: Loss) {
    let mut keeps = keep_name(loss.data).to_string();
    keeps.push_str(if loss.garbage { "+garbage" } else { "" });
    keeps.push_str(if loss.shorn { "+shorn" } else { "" });
    if keeps != "nothing" {
        line.option("keeps", keeps);
    }
    line.unless("keeps-names", keep_name(loss.names), "nothing");
}

fn admin(c: &AdminConfig) -> Option<Line> {
    let usual = super::world::blank_admin();
    let mut line = Line::new("admin");
    line.unless("operations", c.operations, 0);
    line.time("think", c.think_ms, usual.think_ms);
    line.time("patience", c.patience_ms, usual.patience_ms);
    line.flag("delete-records", c.delete_records, false);
    if !c.volatile.is_empty() {
        line.option("volatile", c.volatile.join(","));
    }
    (line.0 != "admin").then_some(line)
}

fn topics(line: &mut Line, topics: &[(String, i32)], all: &[(String, i32)]) {
    if topics != all {
        let names: Vec<&str> = topics.iter().map(|(name, _)| name.as_str()).collect();
        line.option("topics", names.join(","));
    }
}

fn producer(name: &str, c: &ProducerConfig, all: &[(String, i32)]) -> Line {
    let usual = blank_producer(Vec::new());
    let mut line = Line::new(format!("producer {name}"));
    topics(&mut line, &c.topics, all);
    line.unless("acks", c.acks, -1);
    line.flag("idempotent", c.idempotent, false);
    line.unless("in-flight", c.in_flight, usual.in_flight);
    line.flag("retries", c.retries, true);
    line.flag("by-id", c.by_id, false);
    line.time("patience", c.patience_ms, usual.patience_ms);
    line.unless("batches", c.batches, 0);
    line.unless("records", c.records_max, usual.records_max);
    line.unless("size", c.padding_max, usual.padding_max);
    line.time("think", c.think_ms, usual.think_ms);
    line
}

fn consumer(name: &str, c: &ConsumerConfig, all: &[(String, i32)]) -> Line {
    let usual = blank_consumer(Vec::new());
    let mut line = Line::new(format!("consumer {name}"));
    topics(&mut line, &c.topics, all);
    line.flag("sessions", c.sessions, false);
    line.flag("by-id", c.by_id, false);
    line.unless("max-bytes", c.max_bytes, usual.max_bytes);
    line.unless("min-bytes", c.min_bytes, usual.min_bytes);
    line.time("max-wait", c.max_wait_ms as u64, usual.max_wait_ms as u64);
    line.time("think", c.think_ms, usual.think_ms);
    line.time("patience", c.patience_ms, usual.patience_ms);
    line.unless("lists", c.lists_percent, 0);
    line
}

fn hostile(name: &str, c: &HostileConfig, all: &[(String, i32)]) -> Line {
    let mut line = Line::new(format!("hostile {name}"));
    if !c.topics.iter().eq(all.iter().map(|(name, _)| name)) {
        line.option("topics", c.topics.join(","));
    }
    line.unless("frames", c.frames, 10);
    line.time("think", c.think_ms, 10);
    line
}

fn inspector(name: &str, c: &InspectorConfig, all: &[(String, i32)]) -> Line {
    let usual = blank_inspector(Vec::new());
    let mut line = Line::new(format!("inspector {name}"));
    topics(&mut line, &c.topics, all);
    line.time("think", c.think_ms, usual.think_ms);
    line.time("patience", c.patience_ms, usual.patience_ms);
    line
}

fn operator(name: &str, c: &OperatorConfig) -> Line {
    let mut line = Line::new(format!("operator {name}"));
    line.unless("operations", c.operations, OPERATIONS);
    line.time("think", c.think_ms, 10);
    line.time("patience", c.patience_ms, PATIENCE_MS);
    line
}

fn library(name: &str, c: &LibraryConfig, all: &[(String, i32)]) -> Line {
    let usual = LibraryConfig::idle(Vec::new());
    let mut line = Line::new(format!("library {name}"));
    topics(&mut line, &c.topics, all);
    line.unless("acks", c.acks, -1);
    line.flag("idempotent", c.idempotent, true);
    line.unless("in-flight", c.in_flight, usual.in_flight);
    line.unless("codec", c.codec.name(), usual.codec.name());
    line.time("linger", c.linger_ms, 0);
    line.unless("batch-bytes", c.batch_bytes, usual.batch_bytes);
    line.unless("records", c.records, 0);
    line.unless("burst", c.burst, usual.burst);
    line.unless("size", c.padding_max, 0);
    line.time("think", c.think_ms, usual.think_ms);
    line.time("request-timeout", c.request_ms, usual.request_ms);
    line.time("delivery-timeout", c.delivery_ms, usual.delivery_ms);
    line.unless("reads", named(&NAMED_READS, c.reads), "no");
    line.unless("asks", c.asks_percent, 0);
    line.flag("older", c.older, false);
    line
}

/// What the clients do at given times, client by client.
fn timetables(case: &Case) -> Vec<(u64, Line)> {
    let mut out = Vec::new();
    let first = case.clients.iter().find(|c| matches!(c.kind, ClientKind::Producer(_) | ClientKind::Library(_)));
    for spec in &case.clients {
        match &spec.kind {
            ClientKind::Admin(c) => out.extend(c.timetable.iter().map(|entry| (entry.at_ms, act(&entry.topic, &entry.act)))),
            ClientKind::Producer(ProducerConfig { timetable, .. }) | ClientKind::Library(LibraryConfig { timetable, .. }) => {
                for entry in timetable {
                    let mut line = Line::new("produce");
                    entry.to.iter().for_each(|(topic, partition)| line.word(&format!("{topic}/{partition}")));
                    line.unless("records", entry.records, 1);
                    line.unless("size", entry.padding, 0);
                    if first.is_some_and(|c| c.name != spec.name) {
                        line.option("client", &spec.name);
                    }
                    out.push((entry.at_ms, line));
                }
            }
            ClientKind::Consumer(_) | ClientKind::Hostile(_) | ClientKind::Inspector(_) | ClientKind::Operator(_) => {}
        }
    }
    out
}

fn act(topic: &str, act: &AdminAct) -> Line {
    let mut line = Line::new(act.name());
    match act {
        AdminAct::DeleteRecords { partition, .. } => line.word(&format!("{topic}/{partition}")),
        _ => line.word(topic),
    }
    match act {
        AdminAct::CreateTopic { partitions } => line.unless("partitions", *partitions, 1),
        AdminAct::CreatePartitions { count } => line.option("total", count),
        AdminAct::SetConfig { name, value } => line.option(name, value),
        AdminAct::DeleteRecords { before, .. } => line.unless("before", *before, -1),
        AdminAct::DeleteTopic => {}
    }
    line
}

fn action(case: &Case, action: &Action) -> Line {
    let mut line = Line::new(action.kind().name());
    let on = |line: &mut Line, aim: &Aim| {
        line.unless("on", named(&NAMED_TARGETS, aim.target), "log");
        if let Some(dir) = &aim.dir {
            line.option("in", partition_of(dir));
        }
    };
    let client = |line: &mut Line, client: u32| {
        line.option("client", case.clients.get(client as usize).map_or("admin", |c| c.name.as_str()));
    };
    let kept = |line: &mut Line, loss: Option<Loss>| {
        if let Some(loss) = loss {
            line.option("keeps", keep_name(loss.data).to_string() + marks(loss));
            line.option("keeps-names", keep_name(loss.names));
        }
    };
    let jump = |line: &mut Line, by_ms: i64| {
        let sign = if by_ms < 0 { "-" } else { "" };
        line.option("by", format!("{sign}{}", time(by_ms.unsigned_abs() * 1_000_000)));
    };
    let at_call = |line: &mut Line, after: u32, of: Calls| {
        line.unless("after", after, 0);
        line.unless("of", named(&NAMED_CALLS, of), "any");
    };
    match action {
        Action::CrashAtCall { after, of, down_ms, .. } => {
            at_call(&mut line, *after, *of);
            line.time("down", *down_ms, 100);
        }
        Action::PowerLossAtCall { after, of, down_ms, loss, .. } => {
            at_call(&mut line, *after, *of);
            line.time("down", *down_ms, 100);
            kept(&mut line, *loss);
        }
        Action::Crash { down_ms, .. } | Action::Shutdown { down_ms, .. } => line.time("down", *down_ms, 100),
        Action::PowerLoss { down_ms, loss, .. } | Action::PowerOff { down_ms, loss, .. } => {
            line.time("down", *down_ms, 100);
            kept(&mut line, *loss);
        }
        Action::Pause { for_ms, .. } => line.time("for", *for_ms, 1_000),
        Action::ClockJump { by_ms, .. } => jump(&mut line, *by_ms),
        Action::ClientSkew { client: c, by_ms } | Action::ClientClockJump { client: c, by_ms } => {
            client(&mut line, *c);
            jump(&mut line, *by_ms);
        }
        Action::Disk { strike, aim, after, stall_ms, .. } => {
            on(&mut line, aim);
            line.unless("after", *after, 0);
            if *strike == Strike::Stall {
                line.time("for", *stall_ms, 1_000);
            }
        }
        Action::BitFlip { aim, .. } | Action::LatentError { aim, .. } | Action::LostFile { aim, .. } => on(&mut line, aim),
        Action::DiskFull { bytes, for_ms, .. } => {
            line.unless("bytes", *bytes, 0);
            line.time("for", *for_ms, 1_000);
        }
        Action::Reset { client: c } | Action::HalfOpen { client: c } | Action::HalfClose { client: c } => client(&mut line, *c),
        Action::ResetAll { .. } => {}
        Action::SlowReader { client: c, by_ms, for_ms } => {
            client(&mut line, *c);
            line.option("by", time(by_ms * 1_000_000));
            line.time("for", *for_ms, 1_000);
        }
        Action::Delay { by_ms, for_ms, .. } => {
            line.option("by", time(by_ms * 1_000_000));
            line.time("for", *for_ms, 1_000);
        }
        Action::PauseClient { client: c, for_ms } => {
            client(&mut line, *c);
            line.time("for", *for_ms, 1_000);
        }
    }
    line
}

fn marks(loss: Loss) -> &'static str {
    match (loss.garbage, loss.shorn) {
        (false, false) => "",
        (true, false) => "+garbage",
        (false, true) => "+shorn",
        (true, true) => "+garbage+shorn",
    }
}
