//! Where an answer differs from Kafka's, field by field, and which of that we want.

use super::node::Node;
use super::schema::Versions;
use std::cell::Cell;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// e.g. `responses[0].partition_responses[0].error_code`; a list of named things is indexed by name.
    pub(crate) path: String,
    pub(crate) kafka: String,
    pub(crate) ours: String,
}

pub(crate) fn differences(kafka: &Node, ours: &Node) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", kafka, ours, &mut found);
    found
}

fn say(path: &str, kafka: String, ours: String, found: &mut Vec<Difference>) {
    let path = if path.is_empty() { "answer" } else { path }.to_owned();
    found.push(Difference { path, kafka, ours });
}

fn compare(path: &str, kafka: &Node, ours: &Node, found: &mut Vec<Difference>) {
    match (kafka, ours) {
        (Node::Struct(a), Node::Struct(b)) => {
            let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            for (name, value) in a {
                match ours.get(name) {
                    Some(other) => compare(&at(name), value, other, found),
                    None => say(&at(name), value.line(), "absent".to_owned(), found),
                }
            }
            for (name, value) in b.iter().filter(|(n, _)| kafka.get(n).is_none()) {
                say(&at(name), "absent".to_owned(), value.line(), found);
            }
        }
        (Node::List(a), Node::List(b)) => match (names(a), names(b)) {
            (Some(x), Some(y)) if !a.is_empty() && !b.is_empty() => compare_named(path, (a, &x), (b, &y), found),
            _ if a.len() == b.len() => {
                a.iter().zip(b).enumerate().for_each(|(i, (x, y))| compare(&format!("{path}[{i}]"), x, y, found));
            }
            _ => say(path, kafka.line(), ours.line(), found),
        },
        (a, b) if a == b => {}
        (a, b) => say(path, a.line(), b.line(), found),
    }
}

/// The names of a list's items, if each has one and no two the same.
fn names(items: &[Node]) -> Option<Vec<&str>> {
    let names: Vec<&str> = items.iter().map(|i| i.get("name").or(i.get("api_key"))?.text()).collect::<Option<_>>()?;
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    (sorted.len() == names.len()).then_some(names)
}

fn compare_named(path: &str, (a, x): (&[Node], &[&str]), (b, y): (&[Node], &[&str]), found: &mut Vec<Difference>) {
    for (item, name) in a.iter().zip(x) {
        let at = format!("{path}[{name}]");
        match y.iter().position(|n| n == name) {
            Some(i) => compare(&at, item, &b[i], found),
            None => say(&at, item.line(), "absent".to_owned(), found),
        }
    }
    for (item, name) in b.iter().zip(y).filter(|(_, n)| !x.contains(n)) {
        say(&format!("{path}[{name}]"), "absent".to_owned(), item.line(), found);
    }
    let common =
        |of: &[&str], other: &[&str]| of.iter().filter(|n| other.contains(n)).map(|n| (*n).to_owned()).collect::<Vec<String>>();
    let (p, q) = (common(x, y), common(y, x));
    if p != q {
        say(&format!("{path}.order"), p.join(" "), q.join(" "), found);
    }
}

/// A line of a list of differences: where it may occur.
#[derive(Debug)]
struct Pattern {
    line: usize,
    exchange: String,
    versions: Versions,
    path: String,
    used: Cell<usize>,
}

/// A list of differences with their reasons:
///
///     = reason
///       EXCHANGE/STEP.API VERSIONS PATH      each with `*` for anything
#[derive(Debug)]
pub(crate) struct Expected {
    patterns: Vec<Pattern>,
}

impl Expected {
    pub(crate) fn parse(text: &str) -> Result<Expected, String> {
        let (mut patterns, mut reason) = (Vec::new(), false);
        for (i, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] => {}
                ["=", _, ..] => reason = true,
                [first, ..] if first.starts_with('#') => {}
                [exchange, versions, path] if reason => patterns.push(Pattern {
                    line: i + 1,
                    exchange: exchange.to_owned(),
                    versions: if versions == "*" {
                        Versions(i16::MIN, i16::MAX)
                    } else {
                        Versions::parse(&versions[1..], i16::MAX)?
                    },
                    path: path.to_owned(),
                    used: Cell::new(0),
                }),
                _ => return Err(format!("line {}: neither `= reason` nor `exchange versions path` below one: {line}", i + 1)),
            }
        }
        Ok(Expected { patterns })
    }

    /// Whether the list has it; every pattern that does counts it.
    pub(crate) fn covers(&self, exchange: &str, version: i16, difference: &Difference) -> bool {
        let mut covered = false;
        for p in &self.patterns {
            if p.versions.contain(version) && glob(&p.exchange, exchange) && glob(&p.path, &difference.path) {
                p.used.set(p.used.get() + 1);
                covered = true;
            }
        }
        covered
    }

    pub(crate) fn unused(&self) -> Vec<String> {
        let unused = self.patterns.iter().filter(|p| p.used.get() == 0);
        unused.map(|p| format!("line {}: {} {}", p.line, p.exchange, p.path)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.patterns.len()
    }
}

/// `*` stands for anything, also for nothing.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            rest.is_empty() || (0..=tail.len()).filter(|i| tail.is_char_boundary(*i)).any(|i| glob(rest, &tail[i..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::Parser;
    use super::*;

    #[test]
    fn a_difference_names_its_field() {
        let node = |t: &str| Parser::new(t).value_at_end().expect("parses");
        let found = differences(&node("{a=1 l=[{name=x v=1} {name=y v=2}]}"), &node("{a=1 l=[{name=y v=3} {name=x v=1}]}"));
        let paths: Vec<&str> = found.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(paths, ["l[y].v", "l.order"]);
    }

    #[test]
    fn a_list_says_which_of_its_lines_were_never_needed() {
        let list = Expected::parse("= because\n  a/*.Fetch v3+ x.*\n  b/* * *\n").expect("parses");
        let difference = Difference { path: "x.y".into(), kafka: String::new(), ours: String::new() };
        assert!(!list.covers("a/one/1.Fetch", 2, &difference));
        assert!(list.covers("a/one/1.Fetch", 3, &difference));
        assert_eq!(list.unused(), ["line 3: b/* *"]);
    }
}
