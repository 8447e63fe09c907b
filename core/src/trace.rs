//! Inputs and effects as text, one line each: the golden trace format of stories and of `--trace`.
//!
//! State       none.
//! Holds       a line depends on the input or effect alone: no clock, no addresses, no order of a hash.
//! Not here    times and node numbers, which the edge puts in front.

use crate::io::{DiskDone, Effect, Fatal, Input, Reply};
use crate::wire::{ErrorCode, Request, RequestFrame, Response};
use std::fmt::Write as _;

/// What happened, as one line.
#[must_use]
pub fn input(input: &Input) -> String {
    match input {
        Input::Opened { conn, host } => format!("c{conn} connects from {host}"),
        Input::Request { conn, request } => format!("c{conn}#{} {}", request.correlation, frame(request)),
        Input::Closed { conn } => format!("c{conn} is gone"),
        Input::Disk { op, result: Ok(DiskDone::Done) } => format!("op {op} done"),
        Input::Disk { op, result: Ok(DiskDone::Read(bytes)) } => format!("op {op} read {}B", bytes.len()),
        Input::Disk { op, result: Err(fault) } => format!("op {op} failed: {fault:?}"),
        Input::Released { lease } => format!("lease {lease} released"),
        Input::Unreadable { file, pos, len } => format!("{file}[{pos}..+{len}] unreadable"),
        Input::Volume(v) => format!("volume of {}B, {}B usable", v.total_bytes, v.usable_bytes),
        Input::Shutdown => "shutdown".to_string(),
        Input::Wake => "wake".to_string(),
    }
}

/// What shall be done, as one line.
#[must_use]
pub fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Reply { conn, reply } => format!("c{conn}#{} {}", reply.correlation, answer(reply)),
        Effect::Close { conn } => format!("c{conn} close"),
        Effect::Disk { op, file, call } => format!("op {op} {file} {call:?}"),
        Effect::Note(fact) => format!("note {}: {}", fact.name, fact.detail),
        Effect::Halt(Fatal::Shutdown) => "halt".to_string(),
        Effect::Halt(Fatal::Unclean { what }) => format!("halt, unclean: {what}"),
        Effect::Halt(Fatal::MetadataDirFailed { what }) => format!("halt: {what}"),
    }
}

/// The name of a variant with fields: what stands before its first parenthesis or brace.
fn variant(debug: &str) -> &str {
    debug.split(['(', '{', ' ']).next().unwrap_or(debug)
}

fn frame(frame: &RequestFrame) -> String {
    let mut line = match &frame.request {
        Request::Unsupported { api_key } => format!("unsupported api {api_key}"),
        other => variant(&format!("{other:?}")).to_string(),
    };
    let _ = write!(line, " v{}", frame.version);
    match &frame.request {
        Request::Produce(p) => {
            let _ = write!(line, " acks={}", if p.acks == -1 { "all".to_string() } else { p.acks.to_string() });
            for (t, p) in p.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p))) {
                let _ = match &p.records {
                    Ok(r) => write!(line, " {}/{} {}B", topic(&t.name, &t.id), p.index, r.bytes.len()),
                    Err(e) => write!(line, " {}/{} {}", topic(&t.name, &t.id), p.index, e.code.name()),
                };
            }
        }
        Request::Fetch(f) => {
            for (t, p) in f.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p))) {
                let _ = write!(line, " {}/{}@{}", t.topic.as_str(), p.partition, p.fetch_offset);
            }
        }
        Request::CreateTopics(r) => r.topics.iter().for_each(|t| {
            let _ = write!(line, " {}", t.name.as_str());
        }),
        _ => {}
    }
    line
}

fn topic(name: &str, id: &crate::ids::TopicId) -> String {
    if name.is_empty() { id.to_string() } else { name.to_string() }
}

fn error(code: i16) -> &'static str {
    ErrorCode::from_code(code).map_or("unknown error", ErrorCode::name)
}

fn answer(reply: &Reply) -> String {
    let mut line = match &reply.response {
        Response::Unsupported { api_key } => format!("unsupported api {api_key}"),
        other => variant(&format!("{other:?}")).to_string(),
    };
    match &reply.response {
        Response::Produce(r) => {
            for (t, p) in r.responses.iter().flat_map(|t| t.partition_responses.iter().map(move |p| (t, p))) {
                let _ = match p.error_code {
                    0 => write!(line, " {}/{} offset={}", t.name.as_str(), p.index, p.base_offset),
                    code => write!(line, " {}/{} {}", t.name.as_str(), p.index, error(code)),
                };
            }
        }
        Response::Fetch(r) => {
            if r.error_code != 0 {
                let _ = write!(line, " {}", error(r.error_code));
            }
            for (t, p) in r.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p))) {
                let bytes: usize = p.records.iter().map(crate::io::Chunk::size).sum();
                let _ = write!(line, " {}/{} hw={} {bytes}B", topic(&t.name, &t.id), p.index, p.high_watermark);
                if p.error_code != 0 {
                    let _ = write!(line, " {}", error(p.error_code));
                }
            }
            if let Some(lease) = reply.lease {
                let _ = write!(line, " lease={lease}");
            }
        }
        _ => {}
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BytePos, ConnId, DirId, OpId};
    use crate::io::{DiskCall, DiskFault, FileId, FileKind};

    #[test]
    fn a_line_says_what_happened() {
        let failed = Input::Disk { op: OpId(3), result: Err(DiskFault::NoSpace) };
        assert_eq!(input(&failed), "op 3 failed: NoSpace");
        assert_eq!(input(&Input::Opened { conn: ConnId(1), host: "/127.0.0.1".into() }), "c1 connects from /127.0.0.1");
        let call = DiskCall::Append { pos: BytePos(9), data: vec![bytes::Bytes::from_static(b"ab")] };
        let append = Effect::Disk { op: OpId(4), file: FileId::new(DirId(2), FileKind::Log, 7), call };
        assert_eq!(effect(&append), "op 4 d2/00000000000000000007.log append 2B at 9");
        assert_eq!(effect(&Effect::Halt(Fatal::Shutdown)), "halt");
    }
}
