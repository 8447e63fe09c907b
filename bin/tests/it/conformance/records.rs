//! Record batches in readable form, and every way to get one wrong that a request may ask for.
//!
//! A batch:  compression pid epoch seq transactional control timestamp_type leader_epoch base_offset records=[RECORD..]
//! Wrong on purpose: crc=bad magic=N count=N last_offset_delta=N length=+N (header says more) cut=N (bytes lost at the end)
//! attributes=N (as they are) base_timestamp=N max_timestamp=N garble=N (compressed payload damaged).
//! A record: key value timestamp headers=[{key value}..] repeat=N delta=N (offset delta) length=+N headers_count=N key_length=N value_length=N

use super::codec::{Reader, bytes_of, put_varint, show_bytes};
use super::node::Node;
use super::vars::Vars;
use std::io::{Read as _, Write as _};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
/// Where the checksummed part of a batch begins.
const CHECKED_FROM: usize = 21;
const HEADER: usize = 61;

const BATCH_FIELDS: &[&str] = &[
    "compression",
    "pid",
    "epoch",
    "seq",
    "transactional",
    "control",
    "timestamp_type",
    "leader_epoch",
    "base_offset",
    "records",
    "crc",
    "magic",
    "count",
    "last_offset_delta",
    "length",
    "cut",
    "attributes",
    "base_timestamp",
    "max_timestamp",
    "garble",
];
const RECORD_FIELDS: &[&str] = &[
    "key",
    "value",
    "timestamp",
    "headers",
    "repeat",
    "delta",
    "length",
    "headers_count",
    "key_length",
    "value_length",
    "timestamp_delta",
];

/// The bytes of a list of batches, or of an atom as they are.
pub(crate) fn encode(node: &Node, vars: &Vars) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    match node {
        Node::Atom(text) => return bytes_of(&vars.fill(text)?),
        Node::List(batches) => {
            for batch in batches {
                encode_batch(batch, vars, &mut out)?;
            }
        }
        _ => return Err("records are a list of batches".to_owned()),
    }
    Ok(out)
}

struct Given<'a> {
    node: &'a Node,
    vars: &'a Vars,
}

impl Given<'_> {
    fn new<'a>(node: &'a Node, vars: &'a Vars, known: &[&str]) -> Result<Given<'a>, String> {
        let Node::Struct(fields) = node else { return Err(format!("a structure is expected, not {}", node.line())) };
        match fields.iter().find(|(n, _)| !known.contains(&n.as_str())) {
            Some((name, _)) => Err(format!("records have no `{name}`")),
            None => Ok(Given { node, vars }),
        }
    }

    fn number(&self, name: &str, default: i64) -> Result<i64, String> {
        self.node.get(name).and_then(Node::text).map_or(Ok(default), |t| self.vars.number(t))
    }

    /// `+N` and `-N` are relative to `actual`, `N` replaces it.
    fn length(&self, name: &str, actual: i64) -> Result<i64, String> {
        match self.node.get(name).and_then(Node::text) {
            Some(t) if t.starts_with(['+', '~']) => Ok(actual + t.replace('~', "-").parse::<i64>().map_err(|e| e.to_string())?),
            Some(t) => t.parse().map_err(|_| format!("no number: {t}")),
            None => Ok(actual),
        }
    }

    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self.node.get(name) {
            None | Some(Node::Null) => Ok(None),
            Some(node) => bytes_of(&self.vars.fill(node.text().unwrap_or_default())?).map(Some),
        }
    }

    fn word(&self, name: &str) -> &str {
        self.node.get(name).and_then(Node::text).unwrap_or_default()
    }
}

fn encode_batch(node: &Node, vars: &Vars, out: &mut Vec<u8>) -> Result<(), String> {
    let batch = Given::new(node, vars, BATCH_FIELDS)?;
    let start = out.len();
    let magic = batch.number("magic", 2)?;
    let mut records: Vec<Given<'_>> = Vec::new();
    for record in node.get("records").map(Node::items).unwrap_or_default() {
        for _ in 0..Given::new(record, vars, RECORD_FIELDS)?.number("repeat", 1)? {
            records.push(Given { node: record, vars });
        }
    }
    if magic < 2 {
        for (i, record) in records.iter().enumerate() {
            encode_old(record, magic, i as i64, out)?;
        }
        return Ok(());
    }
    let now = vars.number("$now")?;
    let first = records.first().map_or(Ok(now), |r| r.number("timestamp", now))?;
    let base_timestamp = batch.number("base_timestamp", first)?;
    let (mut plain, mut latest) = (Vec::new(), i64::MIN);
    for (i, record) in records.iter().enumerate() {
        let timestamp = record.number("timestamp", now)?;
        latest = latest.max(timestamp);
        encode_record(record, timestamp.wrapping_sub(base_timestamp), i as i64, &mut plain)?;
    }
    let codec = match batch.word("compression") {
        "" => 0,
        name => CODECS.iter().position(|c| *c == name).ok_or_else(|| format!("no compression: {name}"))?,
    };
    let mut payload = compress(codec, &plain)?;
    let garble = batch.number("garble", 0)? as usize;
    if let Some(byte) = payload.len().checked_sub(garble).and_then(|at| payload.get_mut(at)) {
        *byte ^= 0xff;
    }
    let flag = |name: &str, bit: i64| if batch.word(name) == "true" { bit } else { 0 };
    let append_time = if batch.word("timestamp_type") == "append" { 8 } else { 0 };
    let attributes = codec as i64 | append_time | flag("transactional", 16) | flag("control", 32);
    out.extend(batch.number("base_offset", 0)?.to_be_bytes());
    out.extend((batch.length("length", (HEADER - 12 + payload.len()) as i64)? as i32).to_be_bytes());
    out.extend((batch.number("leader_epoch", -1)? as i32).to_be_bytes());
    out.push(magic as u8);
    out.extend([0; 4]);
    out.extend((batch.number("attributes", attributes)? as i16).to_be_bytes());
    out.extend((batch.number("last_offset_delta", records.len() as i64 - 1)? as i32).to_be_bytes());
    out.extend(base_timestamp.to_be_bytes());
    out.extend(batch.number("max_timestamp", if records.is_empty() { -1 } else { latest })?.to_be_bytes());
    out.extend(batch.number("pid", -1)?.to_be_bytes());
    out.extend((batch.number("epoch", -1)? as i16).to_be_bytes());
    out.extend((batch.number("seq", -1)? as i32).to_be_bytes());
    out.extend((batch.number("count", records.len() as i64)? as i32).to_be_bytes());
    out.extend(payload);
    let crc = crc32c::crc32c(&out[start + CHECKED_FROM..]) ^ u32::from(batch.word("crc") == "bad");
    out[start + 17..start + CHECKED_FROM].copy_from_slice(&crc.to_be_bytes());
    out.truncate(out.len().saturating_sub(batch.number("cut", 0)? as usize).max(start));
    Ok(())
}

fn encode_record(record: &Given<'_>, timestamp_delta: i64, delta: i64, out: &mut Vec<u8>) -> Result<(), String> {
    let mut body = vec![0];
    put_varint(record.number("timestamp_delta", timestamp_delta)?, &mut body);
    put_varint(record.number("delta", delta)?, &mut body);
    for (name, length) in [("key", "key_length"), ("value", "value_length")] {
        let bytes = record.bytes(name)?;
        put_varint(record.length(length, bytes.as_ref().map_or(-1, |b| b.len() as i64))?, &mut body);
        body.extend(bytes.unwrap_or_default());
    }
    let headers = record.node.get("headers").map(Node::items).unwrap_or_default();
    put_varint(record.length("headers_count", headers.len() as i64)?, &mut body);
    for header in headers {
        let header = Given::new(header, record.vars, &["key", "value"])?;
        for name in ["key", "value"] {
            let bytes = header.bytes(name)?;
            put_varint(bytes.as_ref().map_or(-1, |b| b.len() as i64), &mut body);
            body.extend(bytes.unwrap_or_default());
        }
    }
    put_varint(record.length("length", body.len() as i64)?, out);
    out.extend(body);
    Ok(())
}

/// A message of the formats before batches. Its checksum is not computed: nobody reads that far.
fn encode_old(record: &Given<'_>, magic: i64, offset: i64, out: &mut Vec<u8>) -> Result<(), String> {
    let mut body = vec![0, 0, 0, 0, magic as u8, 0];
    if magic == 1 {
        body.extend(record.number("timestamp", record.vars.number("$now")?)?.to_be_bytes());
    }
    for name in ["key", "value"] {
        let bytes = record.bytes(name)?;
        body.extend(bytes.as_ref().map_or(-1, |b| b.len() as i32).to_be_bytes());
        body.extend(bytes.unwrap_or_default());
    }
    out.extend(offset.to_be_bytes());
    out.extend((body.len() as i32).to_be_bytes());
    out.extend(body);
    Ok(())
}

fn compress(codec: usize, plain: &[u8]) -> Result<Vec<u8>, String> {
    let text = |e: std::io::Error| e.to_string();
    match codec {
        1 => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            gzip.write_all(plain).map_err(text)?;
            gzip.finish().map_err(text)
        }
        2 => {
            let block = snap::raw::Encoder::new().compress_vec(plain).map_err(|e| e.to_string())?;
            let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
            out.extend((block.len() as i32).to_be_bytes());
            out.extend(block);
            Ok(out)
        }
        3 => {
            let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
            lz4.write_all(plain).map_err(text)?;
            lz4.finish().map_err(|e| e.to_string())
        }
        4 => zstd::encode_all(plain, 3).map_err(text),
        _ => Ok(plain.to_vec()),
    }
}

fn decompress(codec: usize, packed: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let text = |e: std::io::Error| e.to_string();
    match codec {
        0 => return Ok(packed.to_vec()),
        1 => flate2::read::MultiGzDecoder::new(packed).read_to_end(&mut out).map_err(text)?,
        2 if packed.starts_with(b"\x82SNAPPY\0") => {
            let mut blocks = Reader(packed.get(16..).ok_or("a snappy stream ends early")?);
            while !blocks.0.is_empty() {
                let len = blocks.int(4)? as usize;
                out.extend(snap::raw::Decoder::new().decompress_vec(blocks.take(len)?).map_err(|e| e.to_string())?);
            }
            0
        }
        2 => return snap::raw::Decoder::new().decompress_vec(packed).map_err(|e| e.to_string()),
        3 => lz4_flex::frame::FrameDecoder::new(packed).read_to_end(&mut out).map_err(text)?,
        4 => return zstd::decode_all(packed).map_err(text),
        _ => return Err(format!("no such compression: {codec}")),
    };
    Ok(out)
}

/// Batches as a list; what is no whole batch at the end as `{partial=BYTES}`.
pub(crate) fn decode(bytes: &[u8]) -> Node {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let len = rest.get(8..12).map(|b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize + 12);
        let Some(batch) = len.filter(|n| *n >= HEADER).and_then(|n| rest.get(..n)) else {
            out.push(Node::Struct(vec![("partial".to_owned(), Node::Atom(rest.len().to_string()))]));
            break;
        };
        out.push(decode_batch(batch).unwrap_or_else(|e| Node::Struct(vec![("unreadable".to_owned(), Node::Atom(e))])));
        rest = &rest[batch.len()..];
    }
    Node::List(out)
}

fn decode_batch(batch: &[u8]) -> Result<Node, String> {
    let mut from = Reader(batch);
    let base_offset = from.int(8)?;
    from.take(4)?;
    let leader_epoch = from.int(4)?;
    let magic = from.int(1)?;
    let crc = from.int(4)? as u32;
    let attributes = from.int(2)?;
    let last_offset_delta = from.int(4)?;
    let (base_timestamp, max_timestamp) = (from.int(8)?, from.int(8)?);
    let (pid, epoch, seq, count) = (from.int(8)?, from.int(2)?, from.int(4)?, from.int(4)?);
    let mut out: Vec<(String, Node)> = Vec::new();
    let mut say = |name: &str, value: String| out.push((name.to_owned(), Node::Atom(value)));
    say("base_offset", base_offset.to_string());
    say("leader_epoch", leader_epoch.to_string());
    if magic != 2 {
        say("magic", magic.to_string());
    }
    if crc != crc32c::crc32c(&batch[CHECKED_FROM..]) {
        say("crc", "bad".to_owned());
    }
    let codec = (attributes & 7) as usize;
    if codec != 0 {
        say("compression", CODECS.get(codec).map_or(codec.to_string(), |c| (*c).to_owned()));
    }
    let append_time = attributes & 8 != 0;
    for (name, value, shown) in [
        ("timestamp_type", "append", append_time),
        ("transactional", "true", attributes & 16 != 0),
        ("control", "true", attributes & 32 != 0),
    ] {
        if shown {
            say(name, value.to_owned());
        }
    }
    if pid != -1 {
        say("pid", pid.to_string());
        say("epoch", epoch.to_string());
        say("seq", seq.to_string());
    }
    let plain = decompress(codec, from.0)?;
    let mut inner = Reader(&plain);
    let (mut records, mut latest) = (Vec::new(), i64::MIN);
    for _ in 0..count {
        let (record, timestamp) = decode_record(&mut inner, base_offset, if append_time { None } else { Some(base_timestamp) })?;
        latest = latest.max(timestamp);
        records.push(record);
    }
    if append_time || latest != max_timestamp {
        say("max_timestamp", max_timestamp.to_string());
    }
    if last_offset_delta != count - 1 {
        say("last_offset_delta", last_offset_delta.to_string());
    }
    if !inner.0.is_empty() {
        say("left_over", inner.0.len().to_string());
    }
    out.push(("records".to_owned(), runs(records)));
    Ok(Node::Struct(out))
}

/// Equal records in a row become one with `repeat`, from three on.
fn runs(records: Vec<Node>) -> Node {
    let without_offset = |r: &Node| match r {
        Node::Struct(fields) => Node::Struct(fields.iter().filter(|(n, _)| n != "offset").cloned().collect()),
        other => other.clone(),
    };
    let mut out: Vec<Node> = Vec::new();
    let mut at = 0;
    while at < records.len() {
        let same = without_offset(&records[at]);
        let run = records[at..].iter().take_while(|r| without_offset(r) == same).count();
        if run > 2 {
            if let Node::Struct(mut fields) = records[at].clone() {
                fields.push(("repeat".to_owned(), Node::Atom(run.to_string())));
                out.push(Node::Struct(fields));
            }
        } else {
            out.extend_from_slice(&records[at..at + run]);
        }
        at += run;
    }
    Node::List(out)
}

fn decode_record(from: &mut Reader<'_>, base_offset: i64, base_timestamp: Option<i64>) -> Result<(Node, i64), String> {
    let len = from.varint()? as usize;
    let mut body = Reader(from.take(len)?);
    body.take(1)?;
    let timestamp_delta = body.varint()?;
    let timestamp = base_timestamp.unwrap_or(0).wrapping_add(timestamp_delta);
    let mut out = vec![("offset".to_owned(), Node::Atom((base_offset + body.varint()?).to_string()))];
    if base_timestamp.is_some() {
        out.push(("timestamp".to_owned(), Node::Atom(timestamp.to_string())));
    }
    let blob = |body: &mut Reader<'_>| -> Result<Node, String> {
        match usize::try_from(body.varint()?) {
            Ok(n) => Ok(show_bytes(body.take(n)?)),
            Err(_) => Ok(Node::Null),
        }
    };
    for name in ["key", "value"] {
        let value = blob(&mut body)?;
        if name == "value" || value != Node::Null {
            out.push((name.to_owned(), value));
        }
    }
    let mut headers = Vec::new();
    for _ in 0..body.varint()? {
        let key = blob(&mut body)?;
        headers.push(Node::Struct(vec![("key".to_owned(), key), ("value".to_owned(), blob(&mut body)?)]));
    }
    if !headers.is_empty() {
        out.push(("headers".to_owned(), Node::List(headers)));
    }
    Ok((Node::Struct(out), timestamp))
}
