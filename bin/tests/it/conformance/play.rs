//! Plays one exchange at one version against a broker and says what it answered.

use super::codec::{Form, Reader, put_uvarint, show_bytes, unhex};
use super::node::{Node, Parser};
use super::schema::{Api, Schema};
use super::script::{Exchange, Script, Step, What};
use super::vars::{Vars, uuid_to_text};
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lists whose order means nothing, because Kafka takes it from a hash table: (API, list).
const UNORDERED: &[(&str, &str)] = &[
    ("ApiVersions", "supported_features"),
    ("ApiVersions", "finalized_features"),
    ("Metadata", "topics"),
    ("DescribeConfigs", "configs"),
    ("ListConfigResources", "config_resources"),
    ("DescribeLogDirs", "topics"),
    ("DescribeLogDirs", "partitions"),
    ("ListOffsets", "topics"),
    ("ListOffsets", "partitions"),
    ("DeleteRecords", "partitions"),
    ("CreateTopics", "topics"),
    ("CreateTopics", "configs"),
    ("DeleteTopics", "responses"),
    ("Produce", "responses"),
    ("Produce", "partition_responses"),
    ("CreatePartitions", "results"),
    ("AlterConfigs", "responses"),
    ("IncrementalAlterConfigs", "responses"),
    ("DeleteRecords", "topics"),
    ("DescribeProducers", "topics"),
    ("OffsetForLeaderEpoch", "topics"),
    ("OffsetForLeaderEpoch", "partitions"),
];

/// An answer that is owed on a connection.
struct Owed {
    correlation: i32,
    api: String,
    version: i16,
}

struct Conn {
    stream: TcpStream,
    owed: VecDeque<Owed>,
    next: i32,
}

enum Frame {
    Closed,
    /// Nothing came in time.
    Silence,
    Bytes(Vec<u8>),
}

impl Conn {
    fn open(broker: SocketAddr) -> Result<Conn, String> {
        let stream = TcpStream::connect_timeout(&broker, PATIENCE).map_err(|e| format!("cannot connect: {e}"))?;
        stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_nodelay(true)).map_err(|e| e.to_string())?;
        Ok(Conn { stream, owed: VecDeque::new(), next: 1 })
    }

    fn receive(&mut self) -> Result<Frame, String> {
        let mut len = [0; 4];
        match self.stream.read_exact(&mut len) {
            Ok(()) => {}
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return Ok(Frame::Silence);
            }
            Err(_) => return Ok(Frame::Closed),
        }
        let len = u32::from_be_bytes(len) as usize;
        if len > 200 << 20 {
            return Err(format!("an answer of {len} bytes"));
        }
        let mut bytes = vec![0; len];
        Ok(if self.stream.read_exact(&mut bytes).is_ok() { Frame::Bytes(bytes) } else { Frame::Closed })
    }
}

/// One run of one exchange.
pub(crate) struct Run<'a> {
    schema: &'a Schema,
    broker: SocketAddr,
    vars: Vars,
    conns: BTreeMap<String, Conn>,
    /// Names that were given out, to be deleted at the end.
    names: Vec<String>,
}

/// What one step of a run was answered: the part's index, and the answer.
pub(crate) type Answers = Vec<(usize, Node)>;

static RUNS: AtomicU64 = AtomicU64::new(0);

/// Play `exchange` at version `version`. An error is a failure to play at all.
pub(crate) fn play(
    schema: &Schema,
    broker: SocketAddr,
    script: &Script,
    exchange: &Exchange,
    version: i16,
) -> (Answers, Result<(), String>) {
    let mut run = Run { schema, broker, vars: Vars::new(broker.port()), conns: BTreeMap::new(), names: Vec::new() };
    let mut answers = Vec::new();
    let mut result = Ok(());
    for at in exchange.parts.clone() {
        let done = match &script.parts[at].what {
            What::Step(step) => {
                let answer = run.step(step, version).unwrap_or_else(|error| Some(Node::Atom(format!("not played: {error}"))));
                answers.extend(answer.map(|a| (at, a)));
                Ok(())
            }
            other => run.arrange(other),
        };
        if let Err(error) = done {
            result = Err(error);
            break;
        }
    }
    if !run.names.is_empty() {
        let names = run.names.join(" ");
        let _ = run.ask("DeleteTopics", 5, &format!("timeout_ms=10000 topic_names=[{names}]"));
    }
    (answers, result)
}

/// A broker that has just started may not have its first producer ids yet, and says so by an error that no exchange is about.
pub(crate) fn wait_until_ready(schema: &Schema, broker: SocketAddr) -> Result<(), String> {
    let mut run = Run { schema, broker, vars: Vars::new(broker.port()), conns: BTreeMap::new(), names: Vec::new() };
    run.until("producer ids are given", |run| {
        let answer = run.ask("InitProducerId", 5, "transactional_id=null transaction_timeout_ms=60000")?;
        Ok(answer.get("error_code").and_then(Node::text) == Some("NONE"))
    })
}

impl Run<'_> {
    fn fresh_name(&mut self, name: &str) -> String {
        let start = self.vars.number("$now").unwrap_or_default();
        let value = format!("{name}-{}-{}", start % 100_000_000, RUNS.fetch_add(1, Ordering::Relaxed));
        self.vars.set_text(name, &value);
        self.names.push(value.clone());
        value
    }

    fn arrange(&mut self, what: &What) -> Result<(), String> {
        match what {
            What::Nothing | What::Title(_) | What::Step(_) => Ok(()),
            What::Name(name) => {
                self.fresh_name(name);
                Ok(())
            }
            What::Id(name) => {
                let n = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
                let bytes: Vec<u8> =
                    (1..=2).flat_map(|i| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_mul(i)).to_be_bytes()).collect();
                self.vars.set_text(name, &uuid_to_text(&bytes));
                Ok(())
            }
            What::Topic { name, settings } => self.create_topic(name, settings),
            What::Delete(name) => {
                let value = self.vars.fill(&format!("${name}"))?;
                self.ask("DeleteTopics", 5, &format!("timeout_ms=10000 topic_names=[{value}]"))?;
                self.settle()
            }
            What::Settle => self.settle(),
        }
    }

    /// What the broker applies, it applies in order: once a new topic can be read, everything before it has been applied.
    fn settle(&mut self) -> Result<(), String> {
        self.create_topic("settle", &Node::Struct(Vec::new()))
    }

    fn create_topic(&mut self, name: &str, settings: &Node) -> Result<(), String> {
        let value = self.fresh_name(name);
        let partitions: i32 =
            settings.get("partitions").and_then(Node::text).unwrap_or("1").parse().map_err(|_| "no partitions")?;
        let configs: String = match settings.get("config") {
            Some(Node::Struct(given)) => given.iter().map(|(n, v)| format!("{{name={n} value={}}}", v.line())).collect(),
            _ => String::new(),
        };
        let request = format!(
            "timeout_ms=10000 topics=[{{name={value} num_partitions={partitions} replication_factor=1 configs=[{configs}]}}]"
        );
        let answer = self.ask("CreateTopics", 7, &request)?;
        let topic = answer.get("topics").and_then(|t| t.items().first()).ok_or("CreateTopics answered nothing")?;
        if topic.get("error_code").and_then(Node::text) != Some("NONE") {
            return Err(format!("topic {name} was not created: {}", topic.line()));
        }
        let id = topic.get("topic_id").and_then(Node::text).ok_or("a topic without an id")?;
        self.vars.set_text(&format!("{name}.id"), id);
        let wanted: String = (0..partitions).map(|p| format!("{{partition_index={p} timestamp=-1}}")).collect();
        let request = format!("replica_id=-1 topics=[{{name={value} partitions=[{wanted}]}}]");
        self.until("the topic is there", |run| {
            let answer = run.ask("ListOffsets", 1, &request)?;
            let partitions = answer.get("topics").and_then(|t| t.items().first()).and_then(|t| t.get("partitions"));
            Ok(partitions.is_some_and(|p| p.items().iter().all(|p| p.get("error_code").and_then(Node::text) == Some("NONE"))))
        })
    }

    fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> Result<bool, String>) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while !holds(self)? {
            if Instant::now() > end {
                return Err(format!("not within {PATIENCE:?}: {what}"));
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        Ok(())
    }

    /// A request of the player's own, on its own connection; the answer as it came.
    fn ask(&mut self, api: &str, version: i16, fields: &str) -> Result<Node, String> {
        let body = Node::Struct(Parser::new(fields).fields_at_end()?);
        let step = Step { api: api.to_owned(), options: BTreeMap::new(), body, goldens: Vec::new() };
        self.send("the player's own", &step, version)?;
        match self.answer("the player's own")? {
            Node::Atom(failure) => Err(format!("{api}: {failure}")),
            answer => Ok(answer),
        }
    }

    fn conn(&mut self, name: &str) -> Result<&mut Conn, String> {
        if !self.conns.contains_key(name) {
            self.conns.insert(name.to_owned(), Conn::open(self.broker)?);
        }
        self.conns.get_mut(name).ok_or_else(|| "just opened".to_owned())
    }

    fn step(&mut self, step: &Step, run: i16) -> Result<Option<Node>, String> {
        let on = step.option("on").unwrap_or("a").to_owned();
        if step.api != "Answer" {
            let version = if step.api == "Raw" { 0 } else { step.version(self.schema, run)? };
            self.send(&on, step, version).map_err(|e| format!("{}: {e}", step.api))?;
            if step.option("later").is_some() {
                return Ok(None);
            }
        }
        let within = step.number("within")?.map_or(PATIENCE, |ms| Duration::from_millis(ms as u64));
        self.conn(&on)?.stream.set_read_timeout(Some(within)).map_err(|e| e.to_string())?;
        let mut api = step.api.clone();
        if let Some(owed) = self.conn(&on)?.owed.front() {
            api.clone_from(&owed.api);
        }
        let answer = if step.option("noreply").is_some() { self.answer_or_none(&on)? } else { self.answer(&on)? };
        let answer = sorted(&api, "", self.vars.abstracted(answer));
        let answer = step.option("without").map_or(answer.clone(), |unseen| without(answer, unseen));
        Ok(Some(match step.option("only").and_then(|o| o.split_once('.')) {
            Some((list, field)) => only(answer, list, field),
            None => answer,
        }))
    }

    fn send(&mut self, on: &str, step: &Step, version: i16) -> Result<(), String> {
        if step.api == "Raw" {
            let bytes = unhex(&self.vars.fill(step.body.get("bytes").and_then(Node::text).unwrap_or_default())?)?;
            let conn = self.conn(on)?;
            conn.owed.push_back(Owed { correlation: i32::MIN, api: "Raw".to_owned(), version: 0 });
            return conn.stream.write_all(&bytes).or(Ok(()));
        }
        let api = self.schema.api(&step.api)?;
        let correlation = self.conn(on)?.next;
        let frame = self.frame(api, step, version, correlation)?;
        let reads = step.number("reads")?.map_or(step.number("as")?.map_or(version, |v| v as i16), |v| v as i16);
        let conn = self.conn(on)?;
        conn.next += 1;
        conn.owed.push_back(Owed { correlation, api: step.api.clone(), version: reads });
        // A broker that has closed the connection meanwhile is found out by reading.
        conn.stream.write_all(&frame).or(Ok(()))
    }

    fn frame(&self, api: &Api, step: &Step, version: i16, correlation: i32) -> Result<Vec<u8>, String> {
        let as_version = step.number("as")?.map_or(version, |v| v as i16);
        let flexible = api.flexible.contain(as_version);
        let mut frame = vec![0; 4];
        frame.extend(step.number("key")?.map_or(api.key, |k| k as i16).to_be_bytes());
        frame.extend(version.to_be_bytes());
        frame.extend(correlation.to_be_bytes());
        match step.option("client").unwrap_or("conformance") {
            "null" => frame.extend((-1i16).to_be_bytes()),
            name => {
                frame.extend((name.len() as i16).to_be_bytes());
                frame.extend(name.as_bytes());
            }
        }
        if flexible {
            put_uvarint(0, &mut frame);
        }
        let form = Form { schema: self.schema, version: as_version, flexible };
        form.encode(&api.request, &step.body, &self.vars, &mut frame)?;
        frame.truncate(frame.len() - step.number("cut")?.unwrap_or(0) as usize);
        frame.extend(unhex(step.option("add").unwrap_or_default())?);
        let len = step.number("frame")?.map_or(frame.len() as i32 - 4, |n| n as i32);
        frame[..4].copy_from_slice(&len.to_be_bytes());
        Ok(frame)
    }

    fn answer(&mut self, on: &str) -> Result<Node, String> {
        let conn = self.conn(on)?;
        let owed = conn.owed.pop_front().ok_or("no answer is owed")?;
        match conn.receive()? {
            Frame::Closed => {
                self.conns.remove(on);
                Ok(Node::atom("closed"))
            }
            Frame::Silence => {
                self.conns.remove(on);
                Ok(Node::atom("silence"))
            }
            Frame::Bytes(bytes) => Ok(self.read(&owed, &bytes)),
        }
    }

    /// For a request that may get no answer at all: ask for something else behind it, and see which answer comes first.
    fn answer_or_none(&mut self, on: &str) -> Result<Node, String> {
        let probe =
            Step { api: "ApiVersions".to_owned(), options: BTreeMap::new(), body: Node::Struct(Vec::new()), goldens: Vec::new() };
        self.send(on, &probe, 0)?;
        let conn = self.conn(on)?;
        let (owed, after) = (conn.owed.pop_front().ok_or("nothing is owed")?, conn.owed.pop_front().ok_or("nothing is owed")?);
        match conn.receive()? {
            Frame::Closed => {
                self.conns.remove(on);
                Ok(Node::atom("closed"))
            }
            Frame::Silence => {
                self.conns.remove(on);
                Ok(Node::atom("silence"))
            }
            Frame::Bytes(bytes) if bytes.get(..4) == Some(&after.correlation.to_be_bytes()[..]) => Ok(Node::atom("no-reply")),
            Frame::Bytes(bytes) => {
                conn.receive()?;
                Ok(self.read(&owed, &bytes))
            }
        }
    }

    fn read(&self, owed: &Owed, bytes: &[u8]) -> Node {
        if owed.api == "Raw" {
            return show_bytes(bytes);
        }
        let read = || -> Result<Node, String> {
            let api = self.schema.api(&owed.api)?;
            let mut from = Reader(bytes);
            let correlation = from.int(4)?;
            if correlation != i64::from(owed.correlation) {
                return Err(format!("correlation id {correlation} where {} is owed", owed.correlation));
            }
            let flexible = api.flexible.contain(owed.version);
            if flexible && api.name != "ApiVersions" && from.uvarint()? != 0 {
                return Err("tags in the header".to_owned());
            }
            let answer = Form { schema: self.schema, version: owed.version, flexible }.decode(&api.response, &mut from)?;
            if from.0.is_empty() { Ok(answer) } else { Err(format!("{} bytes too many after {}", from.0.len(), answer.line())) }
        };
        read().unwrap_or_else(|e| Node::Atom(format!("unreadable: {e}")))
    }
}

fn sorted(api: &str, field: &str, node: Node) -> Node {
    match node {
        Node::Struct(fields) => Node::Struct(
            fields
                .into_iter()
                .map(|(name, value)| {
                    let value = sorted(api, &name, value);
                    (name, value)
                })
                .collect(),
        ),
        Node::List(items) => {
            let mut items: Vec<Node> = items.into_iter().map(|i| sorted(api, "", i)).collect();
            if UNORDERED.contains(&(api, field)) {
                items.sort_by_key(Node::line);
            }
            Node::List(items)
        }
        plain => plain,
    }
}

/// `answer` without any of the fields `unseen` (names with commas between them).
fn without(answer: Node, unseen: &str) -> Node {
    match answer {
        Node::List(items) => Node::List(items.into_iter().map(|i| without(i, unseen)).collect()),
        Node::Struct(fields) => {
            let seen = fields.into_iter().filter(|(name, _)| unseen.split(',').all(|u| u != name));
            Node::Struct(seen.map(|(n, v)| (n, without(v, unseen))).collect())
        }
        plain => plain,
    }
}

/// `answer` with those items of the list `list` whose `field` names something of this run.
fn only(answer: Node, list: &str, field: &str) -> Node {
    let Node::Struct(fields) = answer else { return answer };
    let keep = |item: &Node| item.get(field).and_then(Node::text).is_some_and(|t| t.contains('$'));
    Node::Struct(
        fields
            .into_iter()
            .map(|(name, value)| match value {
                Node::List(items) if name == list => (name, Node::List(items.into_iter().filter(keep).collect())),
                Node::List(items) => (name, Node::List(items.into_iter().map(|i| only(i, list, field)).collect())),
                value => (name, value),
            })
            .collect(),
    )
}
