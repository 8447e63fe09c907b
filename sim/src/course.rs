//! The course of a world as a person tells it: what clients were told, what struck, how it ended.
//!
//! Takes       what the world said of itself while it ran, the history of its clients, its failures.
//! Gives       lines with virtual times, in the order of time.
//! Holds       a line depends on the world alone: the course of a case is a golden trace.
//! Not here    inputs and effects of the node (`ottla_core::trace`).

use crate::clients::{GIVEN_UP, TORN};
use crate::history::{AdminAct, AdminOp, History, Outcome, ProduceOp, ReadOp};
use crate::world::Failure;
use ottla_core::wire::ErrorCode;
use std::fmt::Write as _;

/// Everything that there is to tell. `said`: what the world said, with its times in nanoseconds.
pub(crate) fn tell(said: Vec<(u64, String)>, history: &History, names: &[String], failures: &[Failure]) -> Vec<String> {
    let name = |client: u32| names.get(client as usize).map_or("?", String::as_str);
    // What struck shows itself, and what waits for its disk call says so when it strikes.
    let shows_itself = |line: &str| line.starts_with("plan: ") && (line.ends_with(" Struck") || line.ends_with(" NotYet"));
    let mut lines = said;
    lines.retain(|(_, line)| !shows_itself(line));
    for (number, op) in history.produces.iter().enumerate() {
        let at = if op.outcome == Outcome::Open { u64::MAX } else { op.ended };
        lines.push((at, format!("{}: {}", name(op.client), produced(history, number, op))));
    }
    for op in &history.admins {
        let at = if op.outcome == Outcome::Open { u64::MAX } else { op.ended };
        lines.push((at, format!("{}: {}", name(op.client), administered(history, op))));
    }
    let told = history.reads.iter().filter(|r| r.records.0 < r.records.1 || r.error != 0);
    lines.extend(told.map(|r| (r.ended, format!("{}: {}", name(r.client), read(history, r)))));
    // Of one moment: first what somebody was told, then what the world did.
    lines.sort_by_key(|(at, _)| *at);
    let failed = failures.iter().map(|f| (f.at_ns, format!("REFUTED {} at {}: {}", f.check, f.site, f.message)));
    lines.extend(failed);
    let end = lines.iter().map(|(at, _)| *at).filter(|at| *at != u64::MAX).max().unwrap_or(0);
    lines.into_iter().map(|(at, line)| format!("t={} {}", seconds(at.min(end)), line.trim_end())).collect()
}

/// Virtual time to the millisecond: what the node does within one is its own affair, and changes more often than the course does.
fn seconds(at_ns: u64) -> String {
    format!("{}.{:03}", at_ns / 1_000_000_000, at_ns / 1_000_000 % 1_000)
}

fn error(code: i16) -> String {
    match code {
        TORN => "records that are no whole batches".to_string(),
        GIVEN_UP => "given up before it was done".to_string(),
        _ => ErrorCode::from_code(code).map_or_else(|| format!("error {code}"), |e| e.name().to_string()),
    }
}

fn produced(history: &History, number: usize, op: &ProduceOp) -> String {
    let mut line = format!("#{} to {}/{}", number + 1, history.topics[op.place.topic as usize], op.place.partition);
    let _ = match op.count {
        1 => Ok(()),
        count => write!(line, ", {count} records"),
    };
    let _ = match op.outcome {
        Outcome::Ok => write!(line, ": offset {}", op.base_offset),
        Outcome::Failed(code) => write!(line, ": {}", error(code)),
        Outcome::Open | Outcome::Unknown => write!(line, ": outcome unknown"),
    };
    if op.attempts > 1 {
        let _ = write!(line, " after {} attempts", op.attempts);
    }
    line
}

fn administered(history: &History, op: &AdminOp) -> String {
    let topic = &history.topics[op.topic as usize];
    let act = match &op.act {
        AdminAct::CreateTopic { partitions } => format!("create {topic} partitions={partitions}"),
        AdminAct::DeleteTopic => format!("delete {topic}"),
        AdminAct::CreatePartitions { count } => format!("add-partitions {topic} total={count}"),
        AdminAct::SetConfig { name, value } => format!("configure {topic} {name}={value}"),
        AdminAct::DeleteRecords { partition, before: -1 } => format!("delete-records {topic}/{partition}"),
        AdminAct::DeleteRecords { partition, before } => format!("delete-records {topic}/{partition} before={before}"),
    };
    match op.outcome {
        Outcome::Ok => format!("{act}: done"),
        Outcome::Failed(code) => format!("{act}: {}", error(code)),
        Outcome::Open | Outcome::Unknown => format!("{act}: outcome unknown"),
    }
}

/// Offsets and the batches that they belong to.
fn read(history: &History, op: &ReadOp) -> String {
    let mut line = format!("reads {}/{} from {}:", history.topics[op.place.topic as usize], op.place.partition, op.from_offset);
    if op.error != 0 {
        let _ = write!(line, " {}", error(op.error));
        return line;
    }
    let mut last = None;
    for (offset, value) in &history.records[op.records.0..op.records.1] {
        let writer = history.writer_of(*value).map(|(op, _)| op);
        // The further records of a batch go without saying.
        if last.is_none() || writer != last {
            let _ = match writer {
                Some(op) => write!(line, " {offset}=#{}", op + 1),
                None => write!(line, " {offset}=?"),
            };
        }
        last = writer;
    }
    let _ = write!(line, ", high watermark {}", op.high_watermark);
    line
}
