//! kcat's format strings, and records as JSON, both ways.

use crate::failure::Failure;
use bytes::Bytes;
use ottla_core::client::{NewRecord, ReadRecord, TopicPartition};
use ottla_core::time::Timestamp;
use ottla_core::wire::batch::RecordHeader;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

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

/// The fields of a JSON object, each as it stands: a number that is read and printed again may be another one.
struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Fields<'de>, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("'{name}' stands there twice")));
                    }
                    fields.insert(name, value);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Reading)
    }
}

impl<'a> Fields<'a> {
    fn of(json: &'a RawValue, otherwise: &str) -> Result<Fields<'a>, String> {
        if !json.get().starts_with('{') {
            return Err(otherwise.to_owned());
        }
        serde_json::from_str(json.get()).map_err(|e| e.to_string())
    }

    /// What stands there, unless that is null.
    fn given(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|raw| raw.get()).filter(|text| *text != "null")
    }

    /// A field that nobody knows is a mistake: a record without what it was to say.
    fn only(&self, known: &[&str], bytes: &[&str]) -> Result<(), String> {
        let is_known = |name: &str| known.contains(&name) || bytes.contains(&name.strip_suffix("_hex").unwrap_or(name));
        self.0.keys().find(|name| !is_known(name)).map_or(Ok(()), |name| Err(format!("there is no field '{name}'")))
    }

    fn whole(&self, name: &str) -> Result<Option<i64>, String> {
        let read = |text: &str| serde_json::from_str::<i64>(text).map_err(|_| format!("'{name}' is not a whole number"));
        self.given(name).map(read).transpose()
    }

    /// The bytes of `name`, or of `name_hex`.
    fn bytes(&self, name: &str) -> Result<Option<Bytes>, String> {
        let hex_name = format!("{name}_hex");
        if let Some(hex) = self.0.get(&hex_name) {
            if self.0.contains_key(name) {
                return Err(format!("both '{name}' and '{name}_hex'"));
            }
            let wrong = || format!("'{name}_hex' is not hexadecimal");
            let hex: String = serde_json::from_str(hex.get()).map_err(|_| wrong())?;
            if !hex.len().is_multiple_of(2) || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            let pairs = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16));
            let bytes: Result<Vec<u8>, _> = pairs.collect();
            return Ok(Some(bytes.map_err(|_| wrong())?.into()));
        }
        match self.given(name) {
            None => Ok(None),
            Some(text) if text.starts_with('"') => {
                let text: String = serde_json::from_str(text).map_err(|e| format!("'{name}': {e}"))?;
                Ok(Some(text.into()))
            }
            Some(other) => Ok(Some(Bytes::copy_from_slice(other.as_bytes()))),
        }
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

/// The record of a JSON object: its partition, key, value, headers and timestamp.
pub(crate) fn from_json(topic: &str, line: &[u8]) -> Result<NewRecord, String> {
    let json: &RawValue = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let object = Fields::of(json, "not a JSON object")?;
    object.only(&["topic", "partition", "offset", "timestamp", "timestamp_type", "headers"], &["key", "value"])?;
    // Who forgets it has not asked for a tombstone.
    if !object.0.contains_key("value") && !object.0.contains_key("value_hex") {
        return Err("there is no 'value'; null makes a tombstone".to_owned());
    }
    let partition =
        object.whole("partition")?.map(|p| i32::try_from(p).ok().filter(|p| *p >= 0).ok_or("'partition' is no partition"));
    let mut headers = Vec::new();
    let given: Vec<&RawValue> = match object.given("headers") {
        None => Vec::new(),
        Some(text) => serde_json::from_str(text).map_err(|_| "'headers' is not an array")?,
    };
    for header in given {
        let header = Fields::of(header, "a header is an object with a name and a value")?;
        header.only(&["name"], &["value"])?;
        let name: Option<String> = header.given("name").and_then(|text| serde_json::from_str(text).ok());
        headers.push(RecordHeader { key: name.ok_or("a header has a name")?.into(), value: header.bytes("value")? });
    }
    Ok(NewRecord {
        topic: topic.to_owned(),
        partition: partition.transpose()?,
        key: object.bytes("key")?,
        value: object.bytes("value")?,
        headers,
        timestamp: object.whole("timestamp")?.map(Timestamp),
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
    fn what_is_no_text_in_json_is_sent_as_it_stands() {
        let sent = |line: &str| {
            let record = from_json("t", line.as_bytes()).unwrap_or_else(|why| panic!("{line}: {why}"));
            (record.key, record.value.expect("it is there"))
        };
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        for text in ["7", "12345678901234567890123", "1.50", "1e999", "true", r#"{"z":1.50, "a" :[1, 2],"a":"\ud800"}"#, "[ ]"] {
            let line = format!(r#" {{"key": {text} ,"value":{text}}} "#);
            assert_eq!(sent(&line), (Some(bytes(text)), bytes(text)), "{line}");
        }
        assert_eq!(sent(r#"{"key":null,"value":" \u00e9\n\""}"#), (None, bytes(" \u{e9}\n\"")));
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
        assert_eq!(why("[1]"), "not a JSON object");
        assert!(why(r#"{"value":1,"value":1}"#).starts_with("'value' stands there twice"));
        assert!(why(r#"{"value":"\ud800"}"#).starts_with("'value': "));
        assert_eq!(why(r#"{"value":"x","headers":[7]}"#), "a header is an object with a name and a value");
        assert_eq!(why(r#"{"value":"x","headers":[{"name":7}]}"#), "a header has a name");
        assert_eq!(why(r#"{"value_hex":"+1"}"#), "'value_hex' is not hexadecimal");
        assert!(from_json("t", b"{\"value\":[\"\xff\"]}").is_err() && from_json("t", b"{\"value\":[1}").is_err());
        assert_ne!(why(r#"{"value":01}"#), "");
    }
}
