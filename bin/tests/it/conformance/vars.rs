//! What differs from run to run: names that requests use, and the names under which answers show such values.
//!
//! Holds       a value is named at first sight and has that name from then on, so two answers that disagree about an id are seen to.

use super::node::Node;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// How far from the run's start a time may be to be called `$now`, in milliseconds.
const NOW_MS: i64 = 120_000;

/// Fields that hold times.
const TIMES: &[&str] = &["timestamp", "log_append_time_ms", "last_timestamp", "base_timestamp", "max_timestamp"];

/// Fields whose values a broker chooses, and how the values are called. `-1` and `0` and what a request itself named are not.
const CHOSEN: &[(&str, &str)] =
    &[("producer_id", "pid"), ("pid", "pid"), ("session_id", "session"), ("subscription_id", "subscription")];

/// Fields with ids in 16 bytes.
const UUIDS: &[(&str, &str)] = &[("topic_id", "id"), ("client_instance_id", "instance")];

/// Fields whose number means nothing but that it is there.
const SIZES: &[&str] = &["total_bytes", "usable_bytes", "finalized_features_epoch"];

#[derive(Clone, Debug)]
pub(crate) struct Vars {
    texts: BTreeMap<String, String>,
    numbers: BTreeMap<String, i64>,
    /// Times that requests computed, as they wrote them.
    times: std::cell::RefCell<BTreeMap<i64, String>>,
    /// Numbers that requests wrote out.
    literals: std::cell::RefCell<std::collections::BTreeSet<i64>>,
    port: u16,
}

impl Vars {
    pub(crate) fn new(port: u16) -> Vars {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        Vars {
            texts: BTreeMap::new(),
            numbers: BTreeMap::from([("now".to_owned(), now)]),
            times: std::cell::RefCell::default(),
            literals: std::cell::RefCell::default(),
            port,
        }
    }

    pub(crate) fn set_text(&mut self, name: &str, value: &str) {
        self.texts.insert(name.to_owned(), value.to_owned());
    }

    /// A word of a request with its `$name`s replaced.
    pub(crate) fn fill(&self, text: &str) -> Result<String, String> {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let tail = &rest[at + 1..];
            let (name, after) = match tail.strip_prefix('{').and_then(|t| t.split_once('}')) {
                Some(braced) => braced,
                None => {
                    let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c))).unwrap_or(tail.len());
                    tail.split_at(end)
                }
            };
            match (self.texts.get(name), self.numbers.get(name)) {
                (Some(value), _) => out.push_str(value),
                (None, Some(value)) => out.push_str(&value.to_string()),
                (None, None) => return Err(format!("`${name}` has no value yet")),
            }
            rest = after;
        }
        Ok(out + rest)
    }

    /// A number of a request: `17`, `$pid.1`, `$now-1000`.
    pub(crate) fn number(&self, text: &str) -> Result<i64, String> {
        let Some(body) = text.strip_prefix('$') else {
            let value = match text {
                "true" => 1,
                "false" => 0,
                _ => text.parse().map_err(|_| format!("no number: {text}"))?,
            };
            self.literals.borrow_mut().insert(value);
            return Ok(value);
        };
        let end = body.find(['+', '-']).unwrap_or(body.len());
        let (name, offset) = body.split_at(end);
        let base = self.numbers.get(name).ok_or_else(|| format!("`${name}` has no value yet"))?;
        let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().map_err(|_| format!("no number: {text}"))? };
        if name == "now" && offset != 0 {
            self.times.borrow_mut().insert(base + offset, text.to_owned());
        }
        Ok(base.wrapping_add(offset))
    }

    /// An answer with everything that differs from run to run replaced by its name.
    pub(crate) fn abstracted(&mut self, node: Node) -> Node {
        self.abstracted_field("", node)
    }

    fn abstracted_field(&mut self, field: &str, node: Node) -> Node {
        match node {
            Node::Null => Node::Null,
            Node::List(items) => Node::List(items.into_iter().map(|i| self.abstracted_field(field, i)).collect()),
            Node::Struct(fields) => Node::Struct(
                fields
                    .into_iter()
                    .map(|(name, value)| {
                        let value = self.abstracted_field(&name, value);
                        (name, value)
                    })
                    .collect(),
            ),
            Node::Atom(text) => Node::Atom(self.abstracted_text(field, text)),
        }
    }

    fn abstracted_text(&mut self, field: &str, text: String) -> String {
        if let Ok(value) = text.parse::<i64>() {
            return self.abstracted_number(field, value).unwrap_or(text);
        }
        let known = match field {
            "cluster_id" => Some("cluster_id".to_owned()),
            "log_dir" => Some("log_dir".to_owned()),
            _ => match UUIDS.iter().find(|(f, _)| *f == field) {
                Some((_, stem)) if text != "zero" && !self.texts.values().any(|v| *v == text) => Some(self.fresh(stem)),
                _ => None,
            },
        };
        if let Some(name) = known.filter(|n| !self.texts.contains_key(n)) {
            self.texts.insert(name, text.clone());
        }
        let mut names: Vec<(&String, &String)> = self.texts.iter().filter(|(_, v)| v.len() > 3).collect();
        names.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let text = names.iter().fold(text, |t, (name, value)| t.replace(value.as_str(), &format!("${name}")));
        let address = format!("127.0.0.1:{}", self.port);
        let text = self.without_times(&text.replace(&address, "$host:$port"));
        if field == "host" { text.replace("127.0.0.1", "$host") } else { text }
    }

    /// Times inside a sentence: `$time`, and `$time-max` for one from which the largest number has been subtracted.
    fn without_times(&self, text: &str) -> String {
        const TEN_DAYS_MS: u64 = 864_000_000;
        let now = self.numbers["now"];
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit() || c == '-') {
            out.push_str(&rest[..at]);
            let end = rest[at + 1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |n| at + 1 + n);
            let digits = &rest[at..end];
            match digits.parse::<i64>() {
                Ok(n) if n.abs_diff(now) < TEN_DAYS_MS => out.push_str("$time"),
                Ok(n) if n.wrapping_add(i64::MAX).abs_diff(now) < TEN_DAYS_MS => out.push_str("$time-max"),
                _ => out.push_str(digits),
            }
            rest = &rest[end..];
        }
        out + rest
    }

    fn abstracted_number(&mut self, field: &str, value: i64) -> Option<String> {
        if TIMES.contains(&field) {
            if let Some(text) = self.times.borrow().get(&value) {
                return Some(text.clone());
            }
            let now = self.numbers["now"];
            return ((now - NOW_MS)..(now + NOW_MS)).contains(&value).then(|| "$now".to_owned());
        }
        if SIZES.contains(&field) && value > 0 {
            return Some("$some".to_owned());
        }
        if field == "port" && value == i64::from(self.port) {
            return Some("$port".to_owned());
        }
        let (_, stem) = CHOSEN.iter().find(|(f, _)| *f == field)?;
        let of_stem = |name: &str| name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'));
        if let Some((name, _)) = self.numbers.iter().find(|(n, v)| **v == value && of_stem(n)) {
            return Some(format!("${name}"));
        }
        if value == -1 || (value == 0 && *stem != "pid") || self.literals.borrow().contains(&value) && value > 1000 {
            return None;
        }
        let name = self.fresh(stem);
        self.numbers.insert(name.clone(), value);
        Some(format!("${name}"))
    }

    fn fresh(&self, stem: &str) -> String {
        let taken = |n: &String| self.texts.contains_key(n) || self.numbers.contains_key(n);
        (1..).map(|i| format!("{stem}.{i}")).find(|n| !taken(n)).expect("there are more numbers than names")
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// An id as Kafka prints it: 22 characters of URL-safe base 64; `zero` for none.
pub(crate) fn uuid_to_text(bytes: &[u8]) -> String {
    if bytes.iter().all(|b| *b == 0) {
        return "zero".to_owned();
    }
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| (w << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * i)) as usize & 63]));
        }
    }
    out
}

pub(crate) fn uuid_from_text(text: &str) -> Result<Vec<u8>, String> {
    if text == "zero" {
        return Ok(vec![0; 16]);
    }
    let (mut out, mut bits, mut word) = (Vec::new(), 0, 0u32);
    for c in text.bytes() {
        let digit = ALPHABET.iter().position(|a| *a == c).ok_or_else(|| format!("no id: {text}"))?;
        word = (word << 6) | digit as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    if out.len() == 16 { Ok(out) } else { Err(format!("no id: {text}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back() {
        let id: Vec<u8> = (200..216).map(|b: u8| b.wrapping_mul(7)).collect();
        assert_eq!(uuid_from_text(&uuid_to_text(&id)), Ok(id));
        assert_eq!(uuid_to_text(&[0; 16]), "zero");
    }

    #[test]
    fn values_are_named_at_first_sight_and_keep_their_name() {
        let mut vars = Vars::new(9092);
        let answer = |pid: &str| Node::Struct(vec![("producer_id".into(), Node::atom(pid))]);
        assert_eq!(vars.abstracted(answer("17")), answer("$pid.1"));
        assert_eq!(vars.abstracted(answer("18")), answer("$pid.2"));
        assert_eq!(vars.abstracted(answer("17")), answer("$pid.1"));
        assert_eq!(vars.number("$pid.2+1"), Ok(19));
        assert_eq!(vars.abstracted(answer("-1")), answer("-1"));
    }
}
