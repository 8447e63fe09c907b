//! Real Kafka clients against the real binary: everything that one writes, every other reads; and each one's admin commands.
//!
//! The clients are the programs of `.ci/clients` (its README has their contract), installed by `.ci/install-clients`. One that is not installed
//! is skipped loudly, except in CI (`CI=true`), where that is a failure.

use crate::support::{Broker, ottla, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const TOPIC: &str = "matrix";

/// How a client's records differ from what it was given, because it cannot say it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unsaid {
    Nothing,
    /// Headers whose value is null are left out.
    NullHeaders,
    /// The same, and headers of one name stand side by side.
    NullHeadersAndOrder,
}

struct Client {
    name: &'static str,
    command: fn(&Path, &Path) -> Command,
    /// What must be there for it to run, in `target/clients` or on the path.
    needs: &'static str,
    codecs: usize,
    unsaid: Unsaid,
    reads: bool,
    admin: bool,
}

fn python(to: &Path, here: &Path, script: &str) -> Command {
    let mut command = Command::new(to.join("venv/bin/python"));
    command.arg(here.join("python").join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn java(to: &Path, _: &Path) -> Command {
    let mut command = Command::new("java");
    let path = format!("{0}/java/classes:{0}/java/lib/*", to.display());
    command.args(["-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", &path, "Client"]);
    command
}

const ALL: Client = Client {
    name: "",
    command: |_, _| Command::new("false"),
    needs: "",
    codecs: CODECS.len(),
    unsaid: Unsaid::Nothing,
    reads: true,
    admin: true,
};

const CLIENTS: [Client; 9] = [
    Client { name: "kcat", command: |to, here| python(to, here, "kcat.py"), needs: "kcat", admin: false, ..ALL },
    Client { name: "confluent-kafka", command: |to, here| python(to, here, "confluent.py"), needs: "venv", ..ALL },
    Client {
        name: "kafka-python",
        command: |to, here| python(to, here, "kafkapython.py"),
        needs: "venv",
        unsaid: Unsaid::NullHeaders,
        ..ALL
    },
    Client { name: "aiokafka", command: |to, here| python(to, here, "aio.py"), needs: "venv", ..ALL },
    Client { name: "java", command: java, needs: "java/classes", ..ALL },
    Client { name: "franz-go", command: |to, _| Command::new(to.join("franz-go")), needs: "franz-go", ..ALL },
    Client { name: "sarama", command: |to, _| Command::new(to.join("sarama")), needs: "sarama", ..ALL },
    Client { name: "rdkafka", command: |to, _| Command::new(to.join("rdkafka")), needs: "rdkafka", ..ALL },
    Client {
        name: "kafkajs",
        command: |to, _| {
            let mut command = Command::new("node");
            command.arg(to.join("kafkajs/client.js"));
            command
        },
        needs: "kafkajs/node_modules",
        // none, gzip and snappy
        codecs: 3,
        unsaid: Unsaid::NullHeadersAndOrder,
        reads: false,
        ..ALL
    },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bin/ lies in the workspace").to_path_buf()
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// The clients that can run here. In CI, all of them.
fn installed(to: &Path) -> Vec<&'static Client> {
    let mut here = Vec::new();
    let mut missing = Vec::new();
    for client in &CLIENTS {
        // kcat comes with the system, and its program here is Python.
        let there =
            if client.name == "kcat" { on_path("kcat") && to.join("venv").exists() } else { to.join(client.needs).exists() };
        if there { here.push(client) } else { missing.push(client.name) }
    }
    if !missing.is_empty() {
        eprintln!("SKIPPED {} of {} clients, which are not installed: {}", missing.len(), CLIENTS.len(), missing.join(", "));
        eprintln!("        .ci/install-clients installs them");
    }
    assert!(missing.is_empty() || std::env::var("CI").as_deref() != Ok("true"), "in CI no client may be missing: {missing:?}");
    here
}

/// Run a client to its end; it must end well. What it prints.
fn client(of: &Client, broker: &Broker, args: &[String]) -> String {
    let mut command = (of.command)(&root().join("target/clients"), &root().join(".ci/clients"));
    command.arg(&broker.address).args(args);
    let output = run(command, b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {args:?} ended with {}: {said}", of.name, output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The records of the file, as lines of `read` without offsets.
fn expected(records: &str, unsaid: Unsaid) -> Vec<String> {
    let hex = |v: &Value| match v.as_str() {
        None => "-".to_owned(),
        Some(text) => format!("x{}", text.bytes().map(|b| format!("{b:02x}")).collect::<String>()),
    };
    let line = |line: &str| {
        let r: Value = serde_json::from_str(line).expect("JSON");
        let value: Option<Vec<u8>> = match r["value_size"].as_u64() {
            Some(n) => Some((0..n).map(|i| u8::try_from((i * 131 + i / 251 + n) % 256).expect("a byte")).collect()),
            None => r["value"].as_str().map(|v| v.as_bytes().to_vec()),
        };
        let value = value.map_or("-".to_owned(), |v| {
            let mut crc = flate2::Crc::new();
            crc.update(&v);
            format!("{}:{:08x}", v.len(), crc.sum())
        });
        let mut headers: Vec<&Value> = r["headers"].as_array().expect("a list").iter().collect();
        if unsaid != Unsaid::Nothing {
            headers.retain(|h| !h[1].is_null());
        }
        if unsaid == Unsaid::NullHeadersAndOrder {
            headers.sort_by_key(|h| h[0].as_str());
        }
        let headers: Vec<String> = headers.iter().map(|h| format!("{}={}", h[0].as_str().expect("a name"), hex(&h[1]))).collect();
        format!("{} {value} {}", hex(&r["key"]), if headers.is_empty() { "-".to_owned() } else { headers.join(",") })
    };
    records.lines().map(line).collect()
}

/// What a reader must print of one writer's partition, from an offset on.
fn lines(writer: &Client, records: &str, from: usize, count: usize) -> String {
    let once = expected(records, writer.unsaid);
    (from..from + count).map(|offset| format!("{offset} {}\n", once[offset % once.len()])).collect()
}

/// Our own consumer as one more reader, in the same lines.
fn read_ours(broker: &Broker, partition: usize) -> String {
    let mut command = ottla();
    command.args(["consume", TOPIC, "-e", "-o", "json", "-b", &broker.address, "-p", &partition.to_string()]);
    let output = run(command, b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = |object: &Value, name: &str| match (&object[name], &object[format!("{name}_hex")]) {
        (_, Value::String(hex)) => {
            Some((0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect::<Vec<u8>>())
        }
        (Value::String(text), _) => Some(text.as_bytes().to_vec()),
        _ => None,
    };
    let hex = |b: Option<Vec<u8>>| {
        b.map_or("-".to_owned(), |b| format!("x{}", b.iter().map(|b| format!("{b:02x}")).collect::<String>()))
    };
    let line = |line: &str| {
        let r: Value = serde_json::from_str(line).expect("JSON");
        let value = bytes(&r, "value").map_or("-".to_owned(), |v| {
            let mut crc = flate2::Crc::new();
            crc.update(&v);
            format!("{}:{:08x}", v.len(), crc.sum())
        });
        let headers: Vec<String> = r["headers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|h| format!("{}={}", h["name"].as_str().expect("a name"), hex(bytes(h, "value"))))
            .collect();
        let headers = if headers.is_empty() { "-".to_owned() } else { headers.join(",") };
        format!("{} {} {value} {headers}\n", r["offset"], hex(bytes(&r, "key")))
    };
    String::from_utf8_lossy(&output.stdout).lines().map(line).collect()
}

#[test]
fn what_one_client_writes_every_other_reads() {
    let here = installed(&root().join("target/clients"));
    let broker = Broker::start();
    let file = root().join(".ci/clients/records.jsonl");
    let records = std::fs::read_to_string(&file).expect("it is in the repository");
    let per_codec = records.lines().count();
    broker.ok(&["topic", "create", TOPIC, "-p", &here.len().max(1).to_string()]);
    std::thread::scope(|scope| {
        for (partition, writer) in here.iter().enumerate() {
            let (broker, file) = (&broker, &file);
            scope.spawn(move || {
                let targets = CODECS[..writer.codecs].iter().map(|codec| format!("{TOPIC}:{partition}:{codec}"));
                let mut args = vec!["write".to_owned(), file.display().to_string()];
                args.extend(targets);
                assert_eq!(client(writer, broker, &args).trim(), "ok", "{}", writer.name);
            });
        }
    });
    for (partition, writer) in here.iter().enumerate() {
        assert_eq!(
            read_ours(&broker, partition),
            lines(writer, &records, 0, per_codec * writer.codecs),
            "ottla reads {}",
            writer.name
        );
    }
    std::thread::scope(|scope| {
        for reader in here.iter().filter(|c| c.reads) {
            let (broker, here, records) = (&broker, &here, &records);
            scope.spawn(move || {
                // From the start, what every writer has written; then from the middle, the codecs that not every writer has.
                let common = per_codec * 3;
                for (from, count) in [(0, common), (common, per_codec * CODECS.len() - common)] {
                    let all = here.iter().enumerate().filter(|(_, w)| per_codec * w.codecs >= from + count);
                    let (sources, expected): (Vec<String>, Vec<String>) =
                        all.map(|(i, w)| (format!("{TOPIC}:{i}:{from}"), lines(w, records, from, count))).unzip();
                    let mut args = vec!["read".to_owned(), count.to_string()];
                    args.extend(sources);
                    let read = client(reader, broker, &args);
                    assert!(
                        read == expected.concat(),
                        "{} reads from {from}:\n{read}\ninstead of\n{}",
                        reader.name,
                        expected.concat()
                    );
                }
            });
        }
    });
    eprintln!("matrix: {} writers, {} readers", here.len(), here.iter().filter(|c| c.reads).count() + 1);
}

#[test]
fn every_client_administers() {
    let here = installed(&root().join("target/clients"));
    let broker = Broker::start();
    std::thread::scope(|scope| {
        for admin in here.iter().filter(|c| c.admin) {
            let broker = &broker;
            scope.spawn(move || {
                let args = ["admin".to_owned(), format!("admin-{}", admin.name)];
                assert_eq!(client(admin, broker, &args).trim(), "ok", "{}", admin.name);
            });
        }
    });
    if let Some(java) = here.iter().find(|c| c.name == "java") {
        assert_eq!(client(java, &broker, &["tools".to_owned(), "tools".to_owned()]).trim(), "ok", "Kafka's console tools");
    }
    assert_eq!(broker.ok(&["topic", "list", "-o", "json"]).trim(), "[]");
}
