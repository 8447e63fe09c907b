//! Unmodified Kafka clients against the real binary: each writes with every codec it has, each reads what every other wrote.
//!
//! Takes       the clients that `.ci/install-clients` put into target/clients; their contract is in .ci/clients/README.md.
//! Gives       a table: writers, codecs, readers, administration, and Kafka's console tools; every mismatch at once.
//! Holds       a client that is not installed is skipped loudly, and is a failure where CI=true.
//! Not here    what the broker answers to mistakes (conformance).

use crate::support::Broker;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ALL: &[&str] = &["none", "gzip", "snappy", "lz4", "zstd"];
/// A client's whole command: all its topics, on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(60);

/// One client: how it is started, and what it cannot say.
struct Client {
    name: &'static str,
    start: Start,
    codecs: &'static [&'static str],
    /// Records that it cannot write; the others it must.
    unsaid: &'static [Unsaid],
    /// What it cannot read, as writer and codec; Apache Kafka gives it the same bytes.
    unread: &'static [(&'static str, &'static str)],
    admin: bool,
}

#[derive(Clone, Copy)]
enum Start {
    Python(&'static str),
    Node,
    Java,
    Binary(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unsaid {
    NullHeader,
    Nothing,
    EmptyKeyOrHeader,
}

use Unsaid::{EmptyKeyOrHeader, Nothing, NullHeader};

const CLIENTS: &[Client] = &[
    // A key on a command line cannot be empty but not null; a header there has a text.
    Client {
        name: "kcat",
        start: Start::Python("kcat.py"),
        codecs: ALL,
        unsaid: &[Nothing, EmptyKeyOrHeader],
        unread: &[],
        admin: false,
    },
    Client { name: "confluent-kafka", start: Start::Python("confluent.py"), codecs: ALL, unsaid: &[], unread: &[], admin: true },
    // Both refuse a record without key and value.
    Client {
        name: "kafka-python",
        start: Start::Python("kafkapython.py"),
        codecs: ALL,
        unsaid: &[Nothing, NullHeader],
        unread: &[],
        admin: true,
    },
    Client { name: "aiokafka", start: Start::Python("aio.py"), codecs: ALL, unsaid: &[Nothing], unread: &[], admin: true },
    // Its package for lz4 fails on aiokafka's frames.
    Client {
        name: "kafkajs",
        start: Start::Node,
        codecs: ALL,
        unsaid: &[NullHeader],
        unread: &[("aiokafka", "lz4")],
        admin: true,
    },
    Client { name: "rdkafka", start: Start::Binary("rdkafka"), codecs: ALL, unsaid: &[], unread: &[], admin: true },
    Client { name: "franz-go", start: Start::Binary("franz-go"), codecs: ALL, unsaid: &[], unread: &[], admin: true },
    Client { name: "sarama", start: Start::Binary("sarama"), codecs: ALL, unsaid: &[], unread: &[], admin: true },
    Client { name: "java", start: Start::Java, codecs: ALL, unsaid: &[], unread: &[], admin: true },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bin/ lies in the workspace").to_path_buf()
}

impl Client {
    /// Its command, if it is installed.
    fn command(&self) -> Option<Command> {
        let (installed, sources) = (root().join("target/clients"), root().join(".ci/clients"));
        let (program, args, needed) = match self.start {
            Start::Python(file) => {
                let program = installed.join("venv/bin/python");
                (program.clone(), vec![sources.join("python").join(file).into_os_string()], program)
            }
            Start::Node => {
                let needed = installed.join("kafkajs/node_modules/kafkajs");
                (PathBuf::from("node"), vec![installed.join("kafkajs/client.js").into_os_string()], needed)
            }
            Start::Java => {
                let path = format!("{}:{}/*", installed.join("java").display(), root().join("target/kafka/lib").display());
                let quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", "-cp", &path, "Client"];
                let args = quick.iter().map(|a| std::ffi::OsString::from(*a)).collect();
                (PathBuf::from("java"), args, installed.join("java/Client.class"))
            }
            Start::Binary(file) => (installed.join(file), Vec::new(), installed.join(file)),
        };
        let on_path = self.name != "kcat" || Command::new("kcat").arg("-V").output().is_ok();
        (needed.exists() && on_path).then(|| {
            let mut command = Command::new(program);
            command.args(args).env("PYTHONDONTWRITEBYTECODE", "1");
            command
        })
    }
}

/// What a client's command printed, or what went wrong. It is ended when it takes too long.
#[expect(
    clippy::disallowed_methods,
    reason = "a condition with a deadline: the end of a process, which can only be polled for one"
)]
fn run(mut command: Command) -> Result<String, String> {
    let mut out = tempfile::tempfile().expect("a temporary file");
    let mut process = command
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a second handle"))
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("does not start: {e}"))?;
    let mut said = process.stderr.take().expect("it is piped");
    let listener = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = std::io::Read::read_to_end(&mut said, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match process.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if Instant::now() > end => {
                let _ = process.kill();
                let _ = process.wait();
                return Err(format!("did not end in {PATIENCE:?}"));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let why = listener.join().expect("it does not panic");
    let mut text = String::new();
    std::io::Seek::rewind(&mut out).map_err(|e| e.to_string())?;
    std::io::Read::read_to_string(&mut out, &mut text).map_err(|e| e.to_string())?;
    if status.success() {
        return Ok(text);
    }
    let lines: Vec<&str> = why.lines().collect();
    Err(format!("{status}: {}", lines[lines.len().saturating_sub(12)..].join("\n      ")))
}

fn is_missing_text(v: &Value) -> bool {
    v.as_str().is_none_or(str::is_empty)
}

fn says(record: &Value, what: Unsaid) -> bool {
    let headers = record["headers"].as_array().expect("a list of headers");
    let no_value = record["value_size"].is_null() && is_missing_text(&record["value"]);
    match what {
        NullHeader => headers.iter().any(|h| h[1].is_null()),
        Nothing => record["key"].is_null() && no_value,
        EmptyKeyOrHeader => record["key"] == "" || headers.iter().any(|h| is_missing_text(&h[1])),
    }
}

/// The canonical records without those that a client cannot say.
fn records_for(client: &Client) -> Vec<Value> {
    let text = fs::read_to_string(root().join(".ci/clients/records.jsonl")).expect("the records");
    let all = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("a JSON object a line"));
    all.filter(|r| !client.unsaid.iter().any(|u| says(r, *u))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("x"), |mut all, b| {
        let _ = write!(all, "{b:02x}");
        all
    })
}

/// The line that every reader must print for a record: see the contract.
fn line(offset: usize, record: &Value) -> String {
    let value = match (record["value_size"].as_u64(), record["value"].as_str()) {
        (Some(n), _) => Some((0..n).map(|i| ((i * 131 + i / 251 + n) & 255) as u8).collect()),
        (None, text) => text.map(|t| t.as_bytes().to_vec()),
    };
    let key = record["key"].as_str().map_or("-".to_owned(), |t| hex(t.as_bytes()));
    let value = value.map_or("-".to_owned(), |v: Vec<u8>| format!("{}:{:08x}", v.len(), crc32(&v)));
    let headers = record["headers"].as_array().expect("a list of headers").iter();
    let headers: Vec<String> = headers
        .map(|h| format!("{}={}", h[0].as_str().expect("a name"), h[1].as_str().map_or("-".to_owned(), |t| hex(t.as_bytes()))))
        .collect();
    let headers = if headers.is_empty() { "-".to_owned() } else { headers.join(",") };
    format!("{offset} {key} {value} {headers}")
}

/// CRC-32 as zlib has it, a bit at a time: an opinion of its own.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0u32, |crc, b| (0..8).fold(crc ^ u32::from(*b), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 }))
}

/// Where the broker is: the real binary, or another that OTTLA_CLIENTS_BROKER names (to try the clients against Apache Kafka).
enum Target {
    Ours(Broker),
    Other(String),
}

impl Target {
    fn start() -> Target {
        match std::env::var("OTTLA_CLIENTS_BROKER") {
            Ok(address) => Target::Other(address),
            Err(_) => {
                // A small metadata log: what dumps it finds a snapshot, too.
                let settings = ["auto.create.topics.enable=false", "metadata.log.max.record.bytes.between.snapshots=1000"];
                Target::Ours(Broker::start_with(&settings.map(|s| ["--set", s]).concat()))
            }
        }
    }

    fn address(&self) -> &str {
        match self {
            Target::Ours(broker) => &broker.address,
            Target::Other(address) => address,
        }
    }
}

struct Found {
    bad: Vec<String>,
    skipped: usize,
}

impl Found {
    fn skip(&mut self, name: &str) {
        crate::say_loudly(format_args!("SKIPPED: {name} is not installed; .ci/install-clients does it"));
        self.skipped += 1;
        if std::env::var("CI").is_ok_and(|v| v == "true") {
            self.bad.push(format!("{name} is not installed, and CI=true"));
        }
    }

    fn end(self, what: &str) {
        crate::say_loudly(format_args!("{what}: {} failed, {} skipped", self.bad.len(), self.skipped));
        assert!(self.bad.is_empty(), "{what}:\n  {}", self.bad.join("\n  "));
    }
}

/// What one client wrote: its topic has a partition for each codec.
struct Written {
    by: &'static str,
    topic: String,
    codecs: &'static [&'static str],
    lines: Vec<String>,
}

fn create(address: &str, topic: &str, partitions: usize) {
    let mut command = crate::support::ottla();
    command.args(["topic", "create", topic, "--partitions", &partitions.to_string()]).env("OTTLA_BOOTSTRAP", address);
    run(command).unwrap_or_else(|why| panic!("the topic {topic} is not created: {why}"));
    // Apache Kafka leads a partition some time after it answered.
    let end = Instant::now() + PATIENCE;
    loop {
        let mut command = crate::support::ottla();
        command.args(["topic", "offsets", topic]).env("OTTLA_BOOTSTRAP", address);
        match run(command) {
            Ok(_) => return,
            Err(why) => assert!(Instant::now() < end, "the topic {topic} does not appear: {why}"),
        }
    }
}

fn write(client: &Client, command: Command, address: &str, dir: &Path, unique: u128) -> Result<Written, String> {
    let records = records_for(client);
    let file = dir.join(format!("{}.jsonl", client.name));
    let text: Vec<String> = records.iter().map(Value::to_string).collect();
    fs::write(&file, text.join("\n") + "\n").map_err(|e| e.to_string())?;
    let topic = format!("clients.{}.{unique}", client.name);
    create(address, &topic, client.codecs.len());
    let mut command = command;
    command.args([address, "write"]).arg(&file);
    for (partition, codec) in client.codecs.iter().enumerate() {
        command.arg(format!("{topic}:{partition}:{codec}"));
    }
    run(command)?;
    let lines = records.iter().enumerate().map(|(i, r)| line(i, r)).collect();
    Ok(Written { by: client.name, topic, codecs: client.codecs, lines })
}

/// Read everything that was written, from the beginning and (of the first codec) from an offset in the middle of a batch.
fn read(client: &Client, address: &str, written: &[Written]) -> Vec<String> {
    let mut bad = Vec::new();
    for from in [0, 3] {
        let mut counts: Vec<usize> = written.iter().map(|w| w.lines.len() - from).collect();
        counts.sort_unstable();
        counts.dedup();
        for count in counts {
            let these = || written.iter().filter(|w| w.lines.len() - from == count);
            let codecs = if from == 0 { usize::MAX } else { 1 };
            let mut command = client.command().expect("it was there");
            command.args([address, "read", &count.to_string()]);
            let mut wanted = Vec::new();
            for w in these() {
                for (partition, codec) in w.codecs.iter().enumerate().take(codecs) {
                    if client.unread.contains(&(w.by, *codec)) {
                        continue;
                    }
                    command.arg(format!("{}:{partition}:{from}", w.topic));
                    wanted.extend(w.lines[from..].iter().map(|l| (format!("{} {codec}", w.topic), l)));
                }
            }
            let text = match run(command) {
                Ok(text) => text,
                Err(why) => {
                    bad.push(why);
                    continue;
                }
            };
            let got: Vec<&str> = text.lines().collect();
            for (i, (place, want)) in wanted.iter().enumerate() {
                let got = got.get(i).copied().unwrap_or("nothing");
                if got != *want {
                    bad.push(format!("{place}: read {got}, written {want}"));
                    break;
                }
            }
        }
    }
    bad
}

/// Our own consumer as one more reader, in the same lines.
fn read_ours(address: &str, written: &Written) -> Result<String, String> {
    let mut lines = String::new();
    for partition in 0..written.codecs.len() {
        let mut command = crate::support::ottla();
        command
            .args(["consume", &written.topic, "-e", "-o", "json", "-p", &partition.to_string()])
            .env("OTTLA_BOOTSTRAP", address);
        for text in run(command)?.lines() {
            let r: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
            let bytes = |object: &Value, name: &str| match (object[format!("{name}_hex")].as_str(), object[name].as_str()) {
                (Some(hex), _) => (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).ok()).collect(),
                (None, text) => text.map(|t| t.as_bytes().to_vec()),
            };
            let hexed = |b: Option<Vec<u8>>| b.map_or("-".to_owned(), |b| hex(&b));
            let value = bytes(&r, "value").map_or("-".to_owned(), |v| format!("{}:{:08x}", v.len(), crc32(&v)));
            let headers = r["headers"].as_array().ok_or("no list of headers")?.iter();
            let headers: Vec<String> =
                headers.map(|h| format!("{}={}", h["name"].as_str().unwrap_or("?"), hexed(bytes(h, "value")))).collect();
            let headers = if headers.is_empty() { "-".to_owned() } else { headers.join(",") };
            let _ = writeln!(lines, "{} {} {value} {headers}", r["offset"], hexed(bytes(&r, "key")));
        }
    }
    Ok(lines)
}

fn unique() -> u128 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970").as_millis()
}

#[test]
fn real_clients_read_what_others_wrote() {
    let (target, unique) = (Target::start(), unique());
    let address = target.address();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut found, mut written) = (Found { bad: Vec::new(), skipped: 0 }, Vec::new());
    let mut here: Vec<&Client> = Vec::new();
    for client in CLIENTS {
        let Some(command) = client.command() else {
            found.skip(client.name);
            continue;
        };
        here.push(client);
        let start = Instant::now();
        match write(client, command, address, dir.path(), unique) {
            Ok(w) => {
                eprintln!(
                    "{:<16} wrote {} records with each of {} ({:.1?})",
                    client.name,
                    w.lines.len(),
                    w.codecs.join(" "),
                    start.elapsed()
                );
                written.push(w);
            }
            Err(why) => found.bad.push(format!("{} write: {why}", client.name)),
        }
    }
    for client in &here {
        let start = Instant::now();
        let bad = read(client, address, &written);
        let partitions = written.iter().map(|w| w.codecs.len()).sum::<usize>() - client.unread.len();
        eprintln!("{:<16} read {partitions} partitions, {} differ ({:.1?})", client.name, bad.len(), start.elapsed());
        found.bad.extend(bad.into_iter().map(|b| format!("{} read: {b}", client.name)));
        if client.admin {
            let mut command = client.command().expect("it was there");
            command.args([address, "admin", &format!("admin.{}.{unique}", client.name)]);
            match run(command) {
                Ok(_) => eprintln!("{:<16} administers", client.name),
                Err(why) => found.bad.push(format!("{} admin: {why}", client.name)),
            }
        }
    }
    for w in &written {
        let wanted = w.lines.iter().map(|l| format!("{l}\n")).collect::<String>().repeat(w.codecs.len());
        match read_ours(address, w) {
            Ok(got) if got == wanted => {}
            Ok(got) => found.bad.push(format!("ottla read of {}: {got}instead of\n{wanted}", w.topic)),
            Err(why) => found.bad.push(format!("ottla read of {}: {why}", w.topic)),
        }
    }
    found.end("real clients");
}

/// Kafka's console tools by their class names, all in one JVM; DumpLogSegments reads our files.
#[test]
fn kafkas_console_tools_work_on_us() {
    let mut found = Found { bad: Vec::new(), skipped: 0 };
    let java = CLIENTS.iter().find(|c| c.name == "java").expect("it is in the table");
    let Some(mut command) = java.command() else {
        found.skip("java (console tools)");
        return found.end("console tools");
    };
    let target = Target::start();
    command.args([target.address(), "tools", &format!("tools.{}", unique())]);
    if let Target::Ours(broker) = &target {
        command.arg(broker.data());
    }
    match run(command) {
        Ok(text) => eprint!("{text}"),
        Err(why) => found.bad.push(why),
    }
    found.end("console tools");
}

#[test]
fn the_contracts_checksum_is_zlibs() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    assert_eq!(line(3, &json!({"key": "k", "value": null, "headers": [["n", null], ["e", ""]]})), "3 x6b - n=-,e=x");
}
