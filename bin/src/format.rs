//! kcat's format strings, and records as JSON, both ways.

use crate::failure::Failure;
use bytes::Bytes;
use ottla_core::client::{NewRecord, ReadRecord, TopicPartition};
use ottla_core::time::Timestamp;
use ottla_core::wire::batch::RecordHeader;
use serde_json::{Map, Value, json};

/// A part of a format string.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(Vec<u8>),
    Key,
    KeyLen,
    Value,
    ValueLen,
    ValueLenBytes,
    Headers,
    Topic,
    Partition,
    Offset,
    Timestamp,
    LeaderEpoch,
}

/// How a record is printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    parts: Vec<Part>,
    /// Stands for null keys and values.
    null: &'static [u8],
}

impl Format {
    pub(crate) fn parse(text: &str, null: bool) -> Result<Format, Failure> {
        let mut parts: Vec<Part> = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                plain.push(c);
                continue;
            }
            let part = match chars.next() {
                Some('s') => Part::Value,
                Some('S') => Part::ValueLen,
                Some('R') => Part::ValueLenBytes,
                Some('k') => Part::Key,
                Some('K') => Part::KeyLen,
                Some('h') => Part::Headers,
                Some('t') => Part::Topic,
                Some('p') => Part::Partition,
                Some('o') => Part::Offset,
                Some('T') => Part::Timestamp,
                Some('e') => Part::LeaderEpoch,
                Some('%') => {
                    plain.push('%');
                    continue;
                }
                other => {
                    let what = other.map_or("an end".to_owned(), |c| format!("'{c}'"));
                    return Err(Failure::Usage(format!(
                        "format '{text}': {what} after %; there are %s %S %R %k %K %h %t %p %o %T %e and %%"
                    )));
                }
            };
            if !plain.is_empty() {
                parts.push(Part::Text(unescape(std::mem::take(&mut plain).as_bytes())?));
            }
            parts.push(part);
        }
        if !plain.is_empty() {
            parts.push(Part::Text(unescape(plain.as_bytes())?));
        }
        Ok(Format { parts, null: if null { b"NULL" } else { b"" } })
    }

    /// Append a record as this format prints it.
    pub(crate) fn print(&self, at: &TopicPartition, record: &ReadRecord, out: &mut Vec<u8>) {
        let length = |bytes: Option<&Bytes>| bytes.map_or(-1, |b| i64::try_from(b.len()).unwrap_or(i64::MAX));
        for part in &self.parts {
            let number = match part {
                Part::Text(text) => {
                    out.extend_from_slice(text);
                    continue;
                }
                Part::Key | Part::Value => {
                    let bytes = if *part == Part::Key { &record.key } else { &record.value };
                    out.extend_from_slice(bytes.as_deref().unwrap_or(self.null));
                    continue;
                }
                Part::Topic => {
                    out.extend_from_slice(at.topic.as_bytes());
                    continue;
                }
                Part::Headers => {
                    self.headers(record, out);
                    continue;
                }
                Part::ValueLenBytes => {
                    let len = i32::try_from(length(record.value.as_ref())).unwrap_or(i32::MAX);
                    out.extend_from_slice(&len.to_be_bytes());
                    continue;
                }
                Part::KeyLen => length(record.key.as_ref()),
                Part::ValueLen => length(record.value.as_ref()),
                Part::Partition => i64::from(at.index),
                Part::Offset => record.offset.0,
                Part::Timestamp => record.timestamp.0,
                Part::LeaderEpoch => i64::from(record.leader_epoch),
            };
            out.extend_from_slice(number.to_string().as_bytes());
        }
    }

    fn headers(&self, record: &ReadRecord, out: &mut Vec<u8>) {
        for (i, header) in record.headers.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&header.key);
            out.push(b'=');
            out.extend_from_slice(header.value.as_deref().unwrap_or(b"NULL"));
        }
    }
}

/// \n \t \r \0 \\ \xHH; nothing else may stand after a backslash.
pub(crate) fn unescape(text: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        if c != b'\\' {
            out.push(c);
            continue;
        }
        let hex = rest.get(1..3).filter(|h| h.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        let (byte, used) = match (rest.first(), hex) {
            (Some(b'n'), _) => (b'\n', 1),
            (Some(b't'), _) => (b'\t', 1),
            (Some(b'r'), _) => (b'\r', 1),
            (Some(b'0'), _) => (0, 1),
            (Some(b'\\'), _) => (b'\\', 1),
            (Some(b'x'), Some(byte)) => (byte, 3),
            _ => {
                let what = String::from_utf8_lossy(rest).chars().next().map_or("an end".to_owned(), |c| format!("'{c}'"));
                let text = String::from_utf8_lossy(text);
                return Err(Failure::Usage(format!("'{text}': {what} after \\; there are \\n \\t \\r \\0 \\\\ and \\xHH")));
            }
        };
        out.push(byte);
        rest = &rest[used..];
    }
    Ok(out)
}

/// Bytes under `name` where they are text, else in hexadecimal under `name_hex`. Null is null.
pub(crate) fn put(object: &mut Map<String, Value>, name: &str, bytes: Option<&Bytes>) {
    match bytes.map(|b| std::str::from_utf8(b).map_err(|_| b)) {
        None => object.insert(name.to_owned(), Value::Null),
        Some(Ok(text)) => object.insert(name.to_owned(), json!(text)),
        Some(Err(bytes)) => {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            object.insert(format!("{name}_hex"), json!(hex))
        }
    };
}

fn get(object: &Map<String, Value>, name: &str) -> Result<Option<Bytes>, String> {
    if let Some(hex) = object.get(&format!("{name}_hex")) {
        if object.contains_key(name) {
            return Err(format!("both '{name}' and '{name}_hex'"));
        }
        let hex = hex.as_str().filter(|h| h.is_ascii() && h.len() % 2 == 0).ok_or(format!("'{name}_hex' is not hexadecimal"))?;
        let pairs = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16));
        let bytes: Result<Vec<u8>, _> = pairs.collect();
        return Ok(Some(bytes.map_err(|_| format!("'{name}_hex' is not hexadecimal"))?.into()));
    }
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Bytes::from(text.clone()))),
        // A value that is JSON itself is taken as its text.
        Some(other) => Ok(Some(Bytes::from(other.to_string()))),
    }
}

/// A record as a JSON object.
pub(crate) fn to_json(at: &TopicPartition, record: &ReadRecord) -> Value {
    let mut object = Map::new();
    object.insert("topic".to_owned(), json!(at.topic));
    object.insert("partition".to_owned(), json!(at.index));
    object.insert("offset".to_owned(), json!(record.offset.0));
    object.insert("timestamp".to_owned(), json!(record.timestamp.0));
    let kind = if record.log_append_time { "log-append" } else { "create" };
    object.insert("timestamp_type".to_owned(), json!(kind));
    put(&mut object, "key", record.key.as_ref());
    put(&mut object, "value", record.value.as_ref());
    object.insert("headers".to_owned(), headers(&record.headers));
    Value::Object(object)
}

/// The headers of a record as a JSON array.
pub(crate) fn headers(headers: &[RecordHeader]) -> Value {
    let one = |h: &RecordHeader| {
        let mut header = Map::new();
        header.insert("name".to_owned(), json!(String::from_utf8_lossy(&h.key)));
        put(&mut header, "value", h.value.as_ref());
        Value::Object(header)
    };
    headers.iter().map(one).collect()
}

/// A field that nobody knows is a mistake: a record without what it was to say.
fn only(object: &Map<String, Value>, known: &[&str], bytes: &[&str]) -> Result<(), String> {
    let is_known = |name: &str| known.contains(&name) || bytes.contains(&name.strip_suffix("_hex").unwrap_or(name));
    object.keys().find(|name| !is_known(name)).map_or(Ok(()), |name| Err(format!("there is no field '{name}'")))
}

/// The record of a JSON object: its partition, key, value, headers and timestamp.
pub(crate) fn from_json(topic: &str, line: &[u8]) -> Result<NewRecord, String> {
    let value: Value = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let object = value.as_object().ok_or("not a JSON object")?;
    only(object, &["topic", "partition", "offset", "timestamp", "timestamp_type", "headers"], &["key", "value"])?;
    // Who forgets it has not asked for a tombstone.
    if !object.contains_key("value") && !object.contains_key("value_hex") {
        return Err("there is no 'value'; null makes a tombstone".to_owned());
    }
    let given = |name: &str| object.get(name).filter(|v| !v.is_null());
    let whole = |name: &str| given(name).map(|v| v.as_i64().ok_or(format!("'{name}' is not a whole number"))).transpose();
    let partition = whole("partition")?.map(|p| i32::try_from(p).ok().filter(|p| *p >= 0).ok_or("'partition' is no partition"));
    let mut headers = Vec::new();
    let given = given("headers").map(|h| h.as_array().ok_or("'headers' is not an array")).transpose()?;
    for header in given.into_iter().flatten() {
        let header = header.as_object().ok_or("a header is an object with a name and a value")?;
        only(header, &["name"], &["value"])?;
        let name = header.get("name").and_then(Value::as_str).ok_or("a header has a name")?;
        headers.push(RecordHeader { key: Bytes::from(name.to_owned()), value: get(header, "value")? });
    }
    Ok(NewRecord {
        topic: topic.to_owned(),
        partition: partition.transpose()?,
        key: get(object, "key")?,
        value: get(object, "value")?,
        headers,
        timestamp: whole("timestamp")?.map(Timestamp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_core::ids::Offset;

    fn record() -> ReadRecord {
        ReadRecord {
            offset: Offset(42),
            timestamp: Timestamp(1_700_000_000_000),
            log_append_time: false,
            leader_epoch: 3,
            key: None,
            value: Some(Bytes::from_static(b"hello")),
            headers: vec![
                RecordHeader { key: Bytes::from_static(b"a"), value: Some(Bytes::from_static(b"1")) },
                RecordHeader { key: Bytes::from_static(b"b"), value: None },
            ],
        }
    }

    #[test]
    fn formats_print_as_in_kcat() {
        let print = |text: &str, null| {
            let mut out = Vec::new();
            Format::parse(text, null).expect("a format").print(&TopicPartition::new("t", 7), &record(), &mut out);
            out
        };
        let all = print("%t [%p] %o %k:%K %s:%S %T %h %e 100%%\\n", true);
        assert_eq!(String::from_utf8_lossy(&all), "t [7] 42 NULL:-1 hello:5 1700000000000 a=1,b=NULL 3 100%\n");
        assert_eq!(print("%k|%R\\x41\\t", false), b"|\0\0\0\x05A\t");
        assert!(Format::parse("%q", false).is_err());
        assert!(Format::parse("50%", false).is_err());
        for wrong in ["\\q", "a\\", "\\%s", "\\x4", "\\xzz"] {
            assert!(Format::parse(wrong, false).is_err(), "{wrong}");
        }
    }

    #[test]
    fn json_keeps_what_text_cannot() {
        let mut record = record();
        record.value = Some(Bytes::from_static(b"\xff\x00"));
        let line = to_json(&TopicPartition::new("t", 7), &record).to_string();
        let back = from_json("u", line.as_bytes()).expect("our own JSON");
        assert_eq!((back.key, back.value, back.headers), (record.key, record.value, record.headers));
        assert_eq!((back.timestamp, back.partition), (Some(record.timestamp), Some(7)));
    }

    #[test]
    fn what_is_no_text_in_json_becomes_its_json() {
        let record = from_json("t", br#"{"key":7,"value":{"a":[1, true]}}"#).expect("it is a record");
        assert_eq!((record.key.as_deref(), record.value.as_deref()), (Some(&b"7"[..]), Some(&br#"{"a":[1,true]}"#[..])));
    }

    #[test]
    fn mistakes_in_json_are_refused() {
        let why = |line: &str| from_json("t", line.as_bytes()).err().unwrap_or_default();
        assert_eq!(why(r#"{"value":"x"}"#), "");
        assert_eq!(why(r#"{"value":null,"timestamp":null,"headers":null}"#), "");
        assert_eq!(why(r#"{"valu":"x"}"#), "there is no field 'valu'");
        assert_eq!(why(r#"{"key":"x"}"#), "there is no 'value'; null makes a tombstone");
        assert_eq!(why(r#"{"value":"x","timestamp":"abc"}"#), "'timestamp' is not a whole number");
        assert_eq!(why(r#"{"value":"x","headers":"foo"}"#), "'headers' is not an array");
        assert_eq!(why(r#"{"value":"x","headers":[{"name":"a","valu":"b"}]}"#), "there is no field 'valu'");
        assert_eq!(why(r#"{"value":"x","value_hex":"00"}"#), "both 'value' and 'value_hex'");
        assert_eq!(why(r#"{"value":"x","headers":[{"name":"a","value":null,"value_hex":""}]}"#), "both 'value' and 'value_hex'");
        assert_eq!(why(r#"{"value":"x","partition":-1}"#), "'partition' is no partition");
    }
}
