//! Exchange files: what is sent, and what Kafka answered, as one readable text that can be rewritten in place.
//!
//!     ## Title of an exchange
//!     topic t partitions=2 config={retention.ms=1000}     a topic under a fresh name: $t, and its id: $t.id
//!     name n                                              a fresh name that nothing bears: $n
//!     id i                                                a fresh id that nothing bears: $i
//!     delete t                                            deletes a topic and waits until it is gone
//!     settle                                              waits until the broker has applied what was decided before
//!     > API v=VERSIONS OPTIONS FIELDS                     a request; lines that go on are indented
//!     < VERSIONS ANSWER                                   what Kafka answered, in which versions of the exchange
//!
//! An exchange runs once for each version of its sweeping step (`v=all` or a range), each time with fresh names and connections.
//! Other steps without `v=` use the API's latest version.
//! Options: on=CONNECTION later=true (its answer is taken by a step `Answer`) noreply=true only=LIST.FIELD (what names none of ours is
//! left out) without=FIELD,.. (not looked at) client=NAME (the client id; null for none) as=VERSION (encode so) reads=VERSION (decode so)
//! within=MS (how long to wait for an answer; `silence` if none comes) key=N frame=N (wrong length) cut=N (bytes lost) add=HEX (bytes too many).

use super::node::{Node, Parser};
use super::schema::{Field, Schema, Versions};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const OPTIONS: &[&str] =
    &["v", "on", "later", "noreply", "only", "as", "reads", "key", "frame", "cut", "add", "within", "without", "client"];

#[derive(Debug)]
pub(crate) struct Step {
    /// The name of an API, or `Answer` (take what is owed), or `Raw` (bytes as they are).
    pub(crate) api: String,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) body: Node,
    pub(crate) goldens: Vec<(Versions, Node)>,
}

#[derive(Debug)]
pub(crate) enum What {
    /// Comments and empty lines.
    Nothing,
    Title(String),
    Topic {
        name: String,
        settings: Node,
    },
    Name(String),
    Id(String),
    Delete(String),
    Settle,
    Step(Step),
}

#[derive(Debug)]
pub(crate) struct Part {
    /// The text as it stands, without answers.
    source: String,
    pub(crate) what: What,
}

/// One exchange: a title and what happens under it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) versions: Vec<i16>,
    pub(crate) parts: std::ops::Range<usize>,
}

#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) parts: Vec<Part>,
    pub(crate) exchanges: Vec<Exchange>,
}

impl Step {
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, String> {
        self.option(name).map(|t| t.parse().map_err(|_| format!("{name}={t} is no number"))).transpose()
    }

    /// The versions over which the step sweeps, if it does.
    fn sweep(&self, schema: &Schema) -> Result<Option<Versions>, String> {
        match self.option("v") {
            Some("all") => Ok(Some(schema.api(&self.api)?.versions)),
            Some(range) if range.contains('-') && !range.starts_with('-') => Versions::parse(range, i16::MAX).map(Some),
            _ => Ok(None),
        }
    }

    /// The version to send when the exchange runs at `run`.
    pub(crate) fn version(&self, schema: &Schema, run: i16) -> Result<i16, String> {
        if let Some(Versions(low, high)) = self.sweep(schema)? {
            return Ok(run.clamp(low, high));
        }
        match self.number("v")? {
            Some(v) => Ok(v as i16),
            None => Ok(schema.api(&self.api)?.versions.1),
        }
    }

    /// What Kafka answers in the run at version `run`.
    pub(crate) fn golden(&self, schema: &Schema, run: i16) -> Option<Node> {
        let (_, node) = self.goldens.iter().find(|(v, _)| v.contain(run))?;
        match (schema.api(&self.api), self.sweep(schema)) {
            (Ok(api), Ok(Some(_))) => Some(project(&api.response, self.version(schema, run).ok()?, node)),
            _ => Some(node.clone()),
        }
    }
}

impl Script {
    pub(crate) fn parse(file: &str, text: &str, schema: &Schema) -> Result<Script, String> {
        let mut parts: Vec<Part> = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while at < lines.len() {
            let start = at;
            at += 1;
            while "<>".contains(lines[start].chars().next().unwrap_or(' ')) && lines.get(at).is_some_and(|l| l.starts_with("  "))
            {
                at += 1;
            }
            let whole = lines[start..at].join("\n");
            parse_part(&whole, &mut parts).map_err(|e| format!("{file}.txt:{}: {e}", start + 1))?;
        }
        let titles: Vec<usize> = (0..parts.len()).filter(|i| matches!(parts[*i].what, What::Title(_))).collect();
        let mut exchanges = Vec::new();
        for (i, from) in titles.iter().enumerate() {
            let range = from + 1..titles.get(i + 1).copied().unwrap_or(parts.len());
            let What::Title(title) = &parts[*from].what else { continue };
            let id = format!("{file}/{}", slug(title));
            let mut versions = vec![0];
            for part in &parts[range.clone()] {
                let What::Step(step) = &part.what else { continue };
                if let Some(Versions(low, high)) = step.sweep(schema).map_err(|e| format!("{id}: {e}"))? {
                    versions = (low..=high).collect();
                    break;
                }
            }
            exchanges.push(Exchange { id, versions, parts: range });
        }
        let mut ids: Vec<&String> = exchanges.iter().map(|e| &e.id).collect();
        ids.sort();
        match ids.windows(2).find(|w| w[0] == w[1]) {
            Some(twice) => Err(format!("{file}: two exchanges are called {}", twice[0])),
            None => Ok(Script { parts, exchanges }),
        }
    }

    /// The file with the answers `answers`, by part and version of the run; a part without new answers keeps its own.
    pub(crate) fn rewritten(&self, schema: &Schema, answers: &BTreeMap<usize, BTreeMap<i16, Node>>) -> String {
        let mut out = String::new();
        for (i, part) in self.parts.iter().enumerate() {
            let _ = writeln!(out, "{}", part.source);
            let What::Step(step) = &part.what else { continue };
            match answers.get(&i) {
                Some(by_version) => write_answers(step, schema, by_version, &mut out),
                None => step.goldens.iter().for_each(|(v, node)| write_answer(*v, node, &mut out)),
            }
        }
        out
    }
}

fn write_answer(versions: Versions, node: &Node, out: &mut String) {
    let label = match versions {
        Versions(i16::MIN, _) => String::new(),
        Versions(a, b) if a == b => format!("v{a} "),
        Versions(a, b) => format!("v{a}-{b} "),
    };
    let _ = writeln!(out, "< {label}{}", node.pretty(2));
}

/// Neighbouring versions whose answers differ only by what fields they have share one; if all do, it names none.
fn write_answers(step: &Step, schema: &Schema, by_version: &BTreeMap<i16, Node>, out: &mut String) {
    let fields = schema.api(&step.api).map(|a| a.response.as_slice()).unwrap_or_default();
    let mut groups: Vec<(Versions, Node)> = Vec::new();
    for (run, node) in by_version {
        let sweeping = matches!(step.sweep(schema), Ok(Some(_)));
        let version = step.version(schema, *run).unwrap_or_default();
        let merged = groups.last().and_then(|(versions, old)| match sweeping {
            _ if old == node => Some(node.clone()),
            true => merge(fields, (*versions, old), (version, node)),
            false => None,
        });
        match (merged, groups.last_mut()) {
            (Some(merged), Some((versions, old))) => (versions.1, *old) = (*run, merged),
            _ => groups.push((Versions(*run, *run), node.clone())),
        }
    }
    if let [(versions, _)] = &mut groups[..] {
        *versions = Versions(i16::MIN, i16::MAX);
    }
    groups.iter().for_each(|(versions, node)| write_answer(*versions, node, out));
}

/// One node for the versions of `old` and for `version`: every field that one of them has, if those that both have agree.
fn merge(fields: &[Field], old: (Versions, &Node), new: (i16, &Node)) -> Option<Node> {
    match (old.1, new.1) {
        (Node::List(a), Node::List(b)) if a.len() == b.len() => {
            a.iter().zip(b).map(|(a, b)| merge(fields, (old.0, a), (new.0, b))).collect::<Option<_>>().map(Node::List)
        }
        (Node::Struct(a), Node::Struct(b)) => {
            if b.iter().any(|(n, _)| !fields.iter().any(|f| f.name == *n)) {
                return (a == b).then(|| new.1.clone());
            }
            let mut merged = Vec::new();
            for field in fields {
                let value = match (old.1.get(&field.name), new.1.get(&field.name)) {
                    (None, None) => continue,
                    (Some(a), Some(b)) => merge(field.fields(), (old.0, a), (new.0, b))?,
                    (Some(a), None) if !field.versions.contain(new.0) => a.clone(),
                    (None, Some(b)) if field.versions.0 > old.0.1 || field.versions.1 < old.0.0 => b.clone(),
                    _ => return None,
                };
                merged.push((field.name.clone(), value));
            }
            Some(Node::Struct(merged))
        }
        (a, b) => (a == b).then(|| b.clone()),
    }
}

/// What `node` says about `version`: without the fields that are not in it.
fn project(fields: &[Field], version: i16, node: &Node) -> Node {
    match node {
        Node::List(items) => Node::List(items.iter().map(|i| project(fields, version, i)).collect()),
        Node::Struct(given) => Node::Struct(
            given
                .iter()
                .filter_map(|(name, value)| match fields.iter().find(|f| f.name == *name) {
                    Some(f) if !f.versions.contain(version) => None,
                    Some(f) => Some((name.clone(), project(f.fields(), version, value))),
                    None => Some((name.clone(), value.clone())),
                })
                .collect(),
        ),
        plain => plain.clone(),
    }
}

fn slug(title: &str) -> String {
    let words: Vec<String> =
        title.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    words.join("-")
}

fn parse_part(whole: &str, parts: &mut Vec<Part>) -> Result<(), String> {
    let source = whole.to_owned();
    if let Some(answer) = whole.strip_prefix("< ") {
        let Some(Part { what: What::Step(step), .. }) = parts.last_mut() else {
            return Err("an answer without a request".to_owned());
        };
        let (versions, text) = match answer.split_once(' ') {
            Some((v, rest)) if v.starts_with('v') && v[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                (Versions::parse(&v[1..], i16::MAX)?, rest)
            }
            _ => (Versions(i16::MIN, i16::MAX), answer),
        };
        step.goldens.push((versions, Parser::new(text).value_at_end()?));
        return Ok(());
    }
    let (head, rest) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
    let what = match head {
        "##" => What::Title(rest.to_owned()),
        _ if head.is_empty() || head.starts_with('#') => What::Nothing,
        "topic" => {
            let (name, settings) = rest.split_once(' ').unwrap_or((rest, ""));
            What::Topic { name: name.to_owned(), settings: Node::Struct(Parser::new(settings).fields_at_end()?) }
        }
        "name" => What::Name(rest.to_owned()),
        "id" => What::Id(rest.to_owned()),
        "delete" => What::Delete(rest.to_owned()),
        "settle" => What::Settle,
        ">" => What::Step(parse_step(rest)?),
        other => return Err(format!("what is `{other}`?")),
    };
    parts.push(Part { source, what });
    Ok(())
}

fn parse_step(text: &str) -> Result<Step, String> {
    let (api, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (options, fields): (Vec<_>, Vec<_>) =
        Parser::new(rest).fields_at_end()?.into_iter().partition(|(name, _)| OPTIONS.contains(&name.as_str()));
    let options = options.into_iter().map(|(name, value)| (name, value.text().unwrap_or_default().to_owned())).collect();
    Ok(Step { api: api.to_owned(), options, body: Node::Struct(fields), goldens: Vec::new() })
}
