//! Readable requests to bytes, and bytes to readable answers, by the schema. Knows nothing of the broker's own codec.

use super::node::Node;
use super::records;
use super::schema::{Field, Schema, Type};
use super::vars::Vars;

/// The nodes of a message at one version.
#[derive(Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) version: i16,
    pub(crate) flexible: bool,
}

pub(crate) fn put_uvarint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_varint(value: i64, out: &mut Vec<u8>) {
    put_uvarint(((value << 1) ^ (value >> 63)) as u64, out);
}

impl Form<'_> {
    /// Append the fields of `node` to `out`; what `node` does not name gets its default.
    pub(crate) fn encode(&self, fields: &[Field], node: &Node, vars: &Vars, out: &mut Vec<u8>) -> Result<(), String> {
        let Node::Struct(given) = node else { return Err(format!("a structure is expected, not {}", node.line())) };
        if let Some((name, _)) = given.iter().find(|(n, _)| n != "+tags" && !fields.iter().any(|f| f.name == *n)) {
            return Err(format!("no such field: `{name}`"));
        }
        let here = |f: &&Field| f.versions.contain(self.version);
        let tag_of = |f: &Field| f.tag.filter(|(_, v)| v.contain(self.version)).map(|(t, _)| t);
        for field in fields.iter().filter(here).filter(|f| tag_of(f).is_none()) {
            self.encode_field(field, node.get(&field.name), vars, out).map_err(|e| format!("{}: {e}", field.name))?;
        }
        if self.flexible {
            let mut tagged: Vec<(u32, Vec<u8>)> = Vec::new();
            for field in fields.iter().filter(here) {
                let (Some(tag), Some(value)) = (tag_of(field), node.get(&field.name)) else { continue };
                let mut bytes = Vec::new();
                self.encode_field(field, Some(value), vars, &mut bytes).map_err(|e| format!("{}: {e}", field.name))?;
                tagged.push((tag, bytes));
            }
            for extra in node.get("+tags").map(Node::items).unwrap_or_default() {
                let (tag, bytes) = extra.text().and_then(|t| t.split_once(':')).ok_or("an extra tag is written TAG:HEX")?;
                tagged.push((tag.parse().map_err(|_| "no tag")?, unhex(bytes)?));
            }
            tagged.sort();
            put_uvarint(tagged.len() as u64, out);
            for (tag, bytes) in tagged {
                put_uvarint(u64::from(tag), out);
                put_uvarint(bytes.len() as u64, out);
                out.extend(bytes);
            }
        }
        Ok(())
    }

    fn encode_field(&self, field: &Field, node: Option<&Node>, vars: &Vars, out: &mut Vec<u8>) -> Result<(), String> {
        let default;
        let node = match node {
            Some(node) => node,
            None => {
                default = default_of(field);
                &default
            }
        };
        if let (Type::Struct(fields), true) = (&field.kind, field.nullable.contain(self.version)) {
            if *node == Node::Null {
                out.push(0xff);
                return Ok(());
            }
            out.push(1);
            return self.encode(fields, node, vars, out);
        }
        self.encode_value(&field.kind, node, vars, out)
    }

    /// A length, or -1 for null, as this version writes it.
    fn put_len(&self, wide: bool, len: Option<usize>, out: &mut Vec<u8>) {
        match (self.flexible, wide) {
            (true, _) => put_uvarint(len.map_or(0, |n| n as u64 + 1), out),
            (false, true) => out.extend(len.map_or(-1, |n| n as i32).to_be_bytes()),
            (false, false) => out.extend(len.map_or(-1, |n| n as i16).to_be_bytes()),
        }
    }

    fn encode_value(&self, kind: &Type, node: &Node, vars: &Vars, out: &mut Vec<u8>) -> Result<(), String> {
        match (kind, node) {
            (Type::String, Node::Null) => self.put_len(false, None, out),
            (Type::String, Node::Atom(text)) => {
                let bytes = bytes_of(&vars.fill(text)?)?;
                self.put_len(false, Some(bytes.len()), out);
                out.extend(bytes);
            }
            (Type::Bytes | Type::Records | Type::Array(_), Node::Null) => self.put_len(true, None, out),
            (Type::Bytes, Node::Atom(text)) => {
                let bytes = bytes_of(&vars.fill(text)?)?;
                self.put_len(true, Some(bytes.len()), out);
                out.extend(bytes);
            }
            (Type::Records, node) => {
                let bytes = records::encode(node, vars)?;
                self.put_len(true, Some(bytes.len()), out);
                out.extend(bytes);
            }
            (Type::Array(kind), Node::List(items)) => {
                self.put_len(true, Some(items.len()), out);
                for (i, item) in items.iter().enumerate() {
                    self.encode_value(kind, item, vars, out).map_err(|e| format!("[{i}]: {e}"))?;
                }
            }
            (Type::Struct(fields), node) => self.encode(fields, node, vars, out)?,
            (kind, Node::Atom(text)) => encode_plain(kind, text, vars, out)?,
            (kind, node) => return Err(format!("{} is no {kind:?}", node.line())),
        }
        Ok(())
    }
}

fn encode_plain(kind: &Type, text: &str, vars: &Vars, out: &mut Vec<u8>) -> Result<(), String> {
    match kind {
        Type::Bool => out.push(u8::from(text.parse::<bool>().map_err(|_| format!("neither true nor false: {text}"))?)),
        Type::Int(size) => out.extend(&vars.number(text)?.to_be_bytes()[8 - usize::from(*size)..]),
        Type::UInt16 => out.extend((vars.number(text)? as u16).to_be_bytes()),
        Type::Float64 => out.extend(text.parse::<f64>().map_err(|_| format!("no number: {text}"))?.to_be_bytes()),
        Type::Uuid => out.extend(super::vars::uuid_from_text(&vars.fill(text)?)?),
        other => return Err(format!("`{text}` is no {other:?}")),
    }
    Ok(())
}

fn default_of(field: &Field) -> Node {
    match (&field.default, &field.kind) {
        (Some(text), _) if text == "null" => Node::Null,
        (Some(text), _) => Node::atom(text),
        (None, Type::Bool) => Node::atom("false"),
        (None, Type::Int(_) | Type::UInt16 | Type::Float64) => Node::atom("0"),
        (None, Type::String | Type::Bytes) => Node::atom(""),
        (None, Type::Uuid) => Node::atom("zero"),
        (None, Type::Array(_) | Type::Records) => Node::List(Vec::new()),
        (None, Type::Struct(_)) => Node::Struct(Vec::new()),
    }
}

/// Bytes from their readable form: `hex:..`, `@N` for N times `x`, else the text's own bytes.
pub(crate) fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    if let Some(hex) = text.strip_prefix("hex:") {
        return unhex(hex);
    }
    if let Some(n) = text.strip_prefix('@') {
        return Ok(vec![b'x'; n.parse().map_err(|_| format!("no length: {text}"))?]);
    }
    Ok(text.as_bytes().to_vec())
}

pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b" _".contains(b)).collect();
    let pairs = digits
        .chunks(2)
        .map(|p| std::str::from_utf8(p).ok().filter(|p| p.len() == 2).and_then(|p| u8::from_str_radix(p, 16).ok()));
    pairs.collect::<Option<_>>().ok_or_else(|| format!("no hexadecimal bytes: {text}"))
}

/// The readable form of bytes; the reverse of `bytes_of` as far as that matters to a reader.
pub(crate) fn show_bytes(bytes: &[u8]) -> Node {
    if bytes.len() > 64 && bytes.iter().all(|b| *b == b'x') {
        return Node::Atom(format!("@{}", bytes.len()));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => Node::atom(text),
        _ => Node::Atom(format!("hex:{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())),
    }
}

/// What is left to read of an answer.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        if n > self.0.len() {
            return Err(format!("{n} bytes are wanted where {} are left", self.0.len()));
        }
        let (head, rest) = self.0.split_at(n);
        self.0 = rest;
        Ok(head)
    }

    /// A big-endian signed number of `n` bytes.
    pub(crate) fn int(&mut self, n: usize) -> Result<i64, String> {
        let bytes = self.take(n)?;
        let sign = if bytes.first().is_some_and(|b| b & 0x80 != 0) { -1 } else { 0 };
        Ok(bytes.iter().fold(sign, |v, b| (v << 8) | i64::from(*b)))
    }

    pub(crate) fn uvarint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a varint does not end".to_owned())
    }

    pub(crate) fn varint(&mut self) -> Result<i64, String> {
        let raw = self.uvarint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }
}

impl Form<'_> {
    /// Read the fields of one structure, as a node.
    pub(crate) fn decode(&self, fields: &[Field], from: &mut Reader<'_>) -> Result<Node, String> {
        let mut out = Vec::new();
        let is_tagged = |f: &Field| f.tag.is_some_and(|(_, v)| v.contain(self.version));
        for field in fields.iter().filter(|f| f.versions.contain(self.version) && !is_tagged(f)) {
            let value = self.decode_field(field, from).map_err(|e| format!("{}: {e}", field.name))?;
            out.push((field.name.clone(), value));
        }
        if self.flexible {
            for _ in 0..from.uvarint()? {
                let tag = from.uvarint()?;
                let len = from.uvarint()? as usize;
                let mut bytes = Reader(from.take(len)?);
                let field = fields.iter().find(|f| is_tagged(f) && f.tag.is_some_and(|(t, _)| u64::from(t) == tag));
                match field {
                    Some(field) => out.push((field.name.clone(), self.decode_field(field, &mut bytes)?)),
                    None => out.push((format!("tag_{tag}"), show_bytes(bytes.0))),
                }
            }
        }
        Ok(Node::Struct(out))
    }

    fn decode_field(&self, field: &Field, from: &mut Reader<'_>) -> Result<Node, String> {
        if let (Type::Struct(fields), true) = (&field.kind, field.nullable.contain(self.version)) {
            return if from.int(1)? < 0 { Ok(Node::Null) } else { self.decode(fields, from) };
        }
        let value = self.decode_value(&field.kind, from)?;
        if value == Node::Null && !field.nullable.contain(self.version) {
            return Err("null is not allowed here".to_owned());
        }
        if let (true, Some(code)) = (field.name == "error_code", value.text().and_then(|t| t.parse().ok())) {
            return Ok(self.schema.error_name(code).map_or(value, Node::atom));
        }
        Ok(value)
    }

    fn len(&self, wide: bool, from: &mut Reader<'_>) -> Result<Option<usize>, String> {
        let len = match (self.flexible, wide) {
            (true, _) => from.uvarint()? as i64 - 1,
            (false, true) => from.int(4)?,
            (false, false) => from.int(2)?,
        };
        Ok(usize::try_from(len).ok())
    }

    fn decode_value(&self, kind: &Type, from: &mut Reader<'_>) -> Result<Node, String> {
        Ok(match kind {
            Type::Bool => Node::atom(if from.int(1)? == 0 { "false" } else { "true" }),
            Type::Int(size) => Node::Atom(from.int(usize::from(*size))?.to_string()),
            Type::UInt16 => Node::Atom((from.int(2)? as u16).to_string()),
            Type::Float64 => Node::Atom(f64::from_bits(from.int(8)? as u64).to_string()),
            Type::Uuid => Node::Atom(super::vars::uuid_to_text(from.take(16)?)),
            Type::String => match self.len(false, from)? {
                Some(n) => Node::Atom(String::from_utf8(from.take(n)?.to_vec()).map_err(|e| e.to_string())?),
                None => Node::Null,
            },
            Type::Bytes => match self.len(true, from)? {
                Some(n) => show_bytes(from.take(n)?),
                None => Node::Null,
            },
            Type::Records => match self.len(true, from)? {
                Some(n) => records::decode(from.take(n)?),
                None => Node::Null,
            },
            Type::Struct(fields) => self.decode(fields, from)?,
            Type::Array(kind) => match self.len(true, from)? {
                Some(n) if n > from.0.len() => return Err(format!("{n} items in {} bytes", from.0.len())),
                Some(n) => Node::List((0..n).map(|_| self.decode_value(kind, from)).collect::<Result<_, _>>()?),
                None => Node::Null,
            },
        })
    }
}
