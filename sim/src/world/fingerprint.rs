//! What of an input or an effect goes into the digest of a run.
//!
//! State       Metadata answers that were told lately, with what of them goes in.
//! Holds       the parts that could differ between two runs and that are cheap: kinds, ids, positions, checksums, codes, offsets.
//!             Answers that are rare go in as their debug text.
//! Not here    the digest itself.

use crate::digest::Digest;
use bytes::Bytes;
use ottla_core::io::{Chunk, DiskCall, DiskDone, Effect, FileId, Input, Reply};
use ottla_core::wire::msg::MetadataResponse;
use ottla_core::wire::{FetchReply, Request, RequestFrame, Response};
use std::fmt::Write as _;

struct Text<'a>(&'a mut Digest);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0.text(s);
        Ok(())
    }
}

struct Words<'a>(&'a mut Vec<u64>);

impl std::fmt::Write for Words<'_> {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0.push(Digest::word_of(s.as_bytes()));
        Ok(())
    }
}

/// So many answers are kept: one for each of the clients that ask all the time.
const TOLD_MAX: usize = 4;

/// Metadata answers are long, and the same ones are given again and again while something is amiss: what goes in of the last ones.
#[derive(Debug, Default)]
pub(super) struct Told {
    answers: Vec<(MetadataResponse, Vec<u64>)>,
    next: usize,
}

impl Told {
    fn digest(&mut self, d: &mut Digest, response: &Response, answer: &MetadataResponse) {
        let found = self.answers.iter().position(|(told, _)| told == answer);
        let at = found.unwrap_or_else(|| self.put(response, answer));
        self.answers[at].1.iter().for_each(|w| d.word(*w));
    }

    /// The oldest one gives way.
    fn put(&mut self, response: &Response, answer: &MetadataResponse) -> usize {
        let mut words = Vec::new();
        let _ = write!(Words(&mut words), "{response:?}");
        let at = self.next;
        self.next = (at + 1) % TOLD_MAX;
        match self.answers.get_mut(at) {
            Some(oldest) => *oldest = (answer.clone(), words),
            None => self.answers.push((answer.clone(), words)),
        }
        at
    }
}

fn file(d: &mut Digest, f: FileId) {
    d.word(u64::from(f.dir.0) << 16 | (f.name.kind as u64) << 8 | f.name.suffix as u64);
    d.word(f.name.base as u64 ^ (f.name.epoch as u64).rotate_left(48));
}

pub(super) fn input(d: &mut Digest, node: u32, now_ns: u64, input: &Input) {
    d.word(now_ns);
    let kind = match input {
        Input::Opened { conn, .. } => 1 | conn.0 << 8,
        Input::Request { conn, request } => {
            self::request(d, request);
            2 | conn.0 << 8
        }
        Input::Closed { conn } => 3 | conn.0 << 8,
        Input::Disk { op, result } => {
            match result {
                Ok(DiskDone::Done) => d.word(0),
                Ok(DiskDone::Read(bytes)) => d.bytes(bytes),
                Err(fault) => d.word(1 + *fault as u64),
            }
            4 | op.0 << 8
        }
        Input::Released { lease } => 5 | lease.0 << 8,
        Input::Shutdown => 6,
        Input::Wake => 7,
        Input::Volume(volume) => {
            d.word(volume.total_bytes);
            d.word(volume.usable_bytes);
            8
        }
    };
    d.word(kind << 8 | u64::from(node));
}

fn request(d: &mut Digest, frame: &RequestFrame) {
    d.word((frame.correlation as u64) << 32 | (frame.version as u64 & 0xff) << 24 | u64::from(frame.size));
    if let Request::Produce(produce) = &frame.request {
        for partition in produce.topics.iter().flat_map(|t| &t.partitions) {
            d.word(partition.index as u64);
            if let Ok(checked) = &partition.records {
                d.bytes(&checked.bytes);
            }
        }
    }
}

pub(super) fn effect(d: &mut Digest, told: &mut Told, effect: &Effect) {
    match effect {
        Effect::Reply { conn, reply } => {
            d.word(11 | conn.0 << 8);
            self::reply(d, told, reply);
        }
        Effect::Close { conn } => d.word(12 | conn.0 << 8),
        Effect::Disk { op, file: f, call } => {
            d.word(13 | op.0 << 8);
            file(d, *f);
            self::call(d, call);
        }
        Effect::Note(fact) => {
            d.word(14);
            d.text(fact.name);
            d.text(&fact.detail);
        }
        Effect::Halt(fatal) => {
            d.word(15);
            let _ = write!(Text(d), "{fatal:?}");
        }
    }
}

fn call(d: &mut Digest, call: &DiskCall) {
    match call {
        DiskCall::Create => d.word(1),
        DiskCall::Append { pos, data } => {
            d.word(2 | pos.0 << 8);
            let mut last: Option<(&Bytes, u64)> = None;
            for part in data {
                // The same bytes again and again, where a broker fills its reserve.
                let known = last.filter(|(l, _)| (l.as_ptr(), l.len()) == (part.as_ptr(), part.len()));
                let word = known.map_or_else(|| Digest::word_of(part), |(_, word)| word);
                d.word(word);
                last = Some((part, word));
            }
        }
        DiskCall::Read { pos, len } => d.word(3 | pos.0 << 8 | u64::from(*len) << 40),
        DiskCall::Sync => d.word(4),
        DiskCall::Truncate { len } => d.word(5 | len << 8),
        DiskCall::Rewrite { pos, len } => {
            d.word(12 | u64::from(*len) << 8);
            d.word(pos.0);
        }
        DiskCall::Rename { to } => d.word(6 | (to.kind as u64) << 8 | (to.suffix as u64) << 16),
        DiskCall::Remove => d.word(7),
        DiskCall::MakeDir { path } => {
            d.word(8);
            d.text(path);
        }
        DiskCall::RenameDir { path } => {
            d.word(9);
            d.text(path);
        }
        DiskCall::RemoveDir => d.word(10),
        DiskCall::SyncDir => d.word(11),
    }
}

fn reply(d: &mut Digest, told: &mut Told, reply: &Reply) {
    d.word((reply.correlation as u64) << 32 | (reply.version as u64 & 0xff) << 8 | u64::from(reply.lease.is_some()));
    d.word(reply.lease.map_or(0, |l| l.0));
    match &reply.response {
        Response::Produce(r) => {
            for p in r.responses.iter().flat_map(|t| &t.partition_responses) {
                d.word((p.index as u64) << 32 | p.error_code as u64 & 0xffff);
                d.word(p.base_offset as u64 ^ (p.log_start_offset as u64).rotate_left(40));
            }
        }
        Response::Fetch(r) => fetch(d, r),
        Response::ListOffsets(r) => {
            for p in r.topics.iter().flat_map(|t| &t.partitions) {
                d.word((p.partition_index as u64) << 32 | p.error_code as u64 & 0xffff);
                d.word(p.offset as u64 ^ (p.timestamp as u64).rotate_left(32));
            }
        }
        Response::Metadata(r) => told.digest(d, &reply.response, r),
        other => {
            let _ = write!(Text(d), "{other:?}");
        }
    }
}

fn fetch(d: &mut Digest, r: &FetchReply) {
    d.word((r.session_id as u64) << 32 | r.error_code as u64 & 0xffff);
    for p in r.topics.iter().flat_map(|t| &t.partitions) {
        d.word((p.index as u64) << 32 | p.error_code as u64 & 0xffff);
        d.word(p.high_watermark as u64 ^ (p.log_start_offset as u64).rotate_left(32));
        for chunk in &p.records {
            match chunk {
                Chunk::Bytes(bytes) => d.bytes(bytes),
                Chunk::File { file: f, pos, len } => {
                    file(d, *f);
                    d.word(pos.0 << 32 | u64::from(*len));
                }
            }
        }
    }
}
