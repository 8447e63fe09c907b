//! `ottla produce`: records from the standard input or from files.
//!
//! Holds       at most a bounded number of records is read ahead; the command ends well only if every record was acknowledged.

use crate::cli::{AcksArg, Compression, Input, Output, ProduceArgs};
use crate::driver::{self, Driver};
use crate::failure::Failure;
use crate::format;
use crate::interrupt;
use crate::output;
use crate::topic::{chosen, partitions};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use ottla_core::client::{Acks, Certainty, ClientConfig, ClientError, ClientEvent, ClientInput, Code, NewRecord, Token};
use ottla_core::controller::{METADATA_TOPIC, topic_name};
use ottla_core::ids::Offset;
use ottla_core::time::Timestamp;
use ottla_core::wire::batch::RecordHeader;
use ottla_core::wire::compress::Codec;
use serde_json::json;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

pub(crate) fn run(args: &ProduceArgs, output: Output) -> Result<(), Failure> {
    let reader = Reader::new(args)?;
    driver::block_on(async {
        let mut config = driver::config(&args.cluster)?;
        configure(&mut config, args);
        let mut driver = Driver::new(config, args.cluster.timeout);
        check_topic(&mut driver, args).await?;
        let (give, records) = mpsc::channel(256);
        std::thread::spawn(move || reader.read_all(&give));
        Producing {
            args,
            output,
            driver,
            sent: 0,
            acknowledged: 0,
            failed: 0,
            first_failure: None,
            untold: None,
            progress: progress(),
        }
        .run(records)
        .await
    })
}

fn configure(config: &mut ClientConfig, args: &ProduceArgs) {
    let p = &mut config.producer;
    p.acks = match args.acks {
        AcksArg::None => Acks::None,
        AcksArg::Leader => Acks::Leader,
        AcksArg::All => Acks::All,
    };
    p.idempotent = p.acks == Acks::All && !args.no_idempotence;
    p.compression = match args.compression {
        Compression::None => Codec::None,
        Compression::Gzip => Codec::Gzip,
        Compression::Snappy => Codec::Snappy,
        Compression::Lz4 => Codec::Lz4,
        Compression::Zstd => Codec::Zstd,
    };
    p.linger = args.linger;
    p.batch_bytes_max = args.batch_bytes;
    p.delivery_timeout = args.cluster.timeout.max(Duration::from_secs(1));
    config.request_timeout = config.request_timeout.min(p.delivery_timeout);
    config.auto_create_topics = true;
}

/// Refuse at once what the broker would refuse in the end. A topic that is not there may be created by asking for it, if the broker does that.
async fn check_topic(driver: &mut Driver, args: &ProduceArgs) -> Result<(), Failure> {
    if topic_name::is_internal(&args.topic) {
        let why = "is one of the brokers' own topics, which nobody else writes to: name another topic";
        return Err(Failure::Failed(format!("topic '{}' {why}", args.topic)));
    }
    match partitions(driver, &args.topic, &[]).await {
        // It is never there to be produced to, and nobody can create it.
        Err(Failure::NotFound(why)) if args.topic == METADATA_TOPIC => Err(Failure::NotFound(format!(
            "{why}; {METADATA_TOPIC} is the brokers' own log, which 'ottla topic' changes and 'ottla log dump' shows: name another topic"
        ))),
        Err(Failure::NotFound(_)) => Ok(()),
        Err(failure) => Err(failure),
        Ok(all) => Ok(chosen(&args.topic, all, args.partition.as_slice()).map(drop)?),
    }
}

/// Progress on stderr, where somebody is looking and the output itself does not go.
fn progress() -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() || std::io::stdin().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {pos} records acknowledged, {per_sec}, {elapsed}");
    style.map(|style| bar.with_style(style)).ok()
}

struct Producing<'a> {
    args: &'a ProduceArgs,
    output: Output,
    driver: Driver,
    sent: u64,
    acknowledged: u64,
    failed: u64,
    first_failure: Option<(ClientError, Certainty)>,
    /// Why no more is reported: what is to be sent is sent all the same.
    untold: Option<std::io::Error>,
    progress: Option<ProgressBar>,
}

impl Producing<'_> {
    async fn run(mut self, mut records: mpsc::Receiver<Result<NewRecord, Failure>>) -> Result<(), Failure> {
        interrupt::second_ends()?;
        let (mut reading, mut stopped) = (true, false);
        let mut input_failure = None;
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        while reading || self.sent > self.acknowledged + self.failed {
            tokio::select! {
                biased;
                _ = &mut interrupted, if reading => {
                    (reading, stopped) = (false, true);
                    self.driver.input(ClientInput::Flush);
                }
                event = self.driver.step(None) => event.into_iter().for_each(|event| self.on_event(event)),
                record = records.recv(), if reading && self.driver.can_accept() => match record {
                    Some(Ok(record)) => self.send(record),
                    end => {
                        reading = false;
                        input_failure = end.and_then(Result::err);
                        self.driver.input(ClientInput::Flush);
                    }
                },
            }
            // A record that a topic without a broker's consent can never take is no reason to read on; nor is one that was lost.
            let lost = self.args.acks == AcksArg::None && self.driver.was_cut();
            if (self.first_failure.is_some() || lost) && reading {
                reading = false;
                self.driver.input(ClientInput::Flush);
            }
        }
        if let Some(bar) = self.progress.take() {
            bar.finish_and_clear();
        }
        if stopped {
            input_failure = Some(Failure::Failed("interrupted before the end of the input".to_owned()));
        }
        let unsent = if self.args.acks == AcksArg::None { self.driver.finish().await.err() } else { None };
        let unsent = unsent.map(|why| {
            let sent = output::count(self.sent, "record");
            Failure::Failed(format!("not all of {sent} may be in topic '{}': {why}", self.args.topic))
        });
        let untold = self.untold.take();
        let sent = output::count(self.acknowledged, "record");
        self.conclude(input_failure)?;
        unsent.map_or(Ok(()), Err)?;
        match untold {
            // Whoever reads the report has seen enough of it.
            Some(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Some(e) => Err(Failure::Failed(format!("{sent} sent, and not all are reported: {e}"))),
            None => Ok(()),
        }
    }

    fn send(&mut self, record: NewRecord) {
        let token: Token = self.driver.token();
        self.sent += 1;
        self.driver.input(ClientInput::Produce { token, record });
    }

    fn on_event(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Delivered { partition, offset, timestamp, .. } => {
                self.acknowledged += 1;
                if let Some(bar) = &self.progress {
                    bar.set_position(self.acknowledged);
                }
                if self.args.report && self.untold.is_none() {
                    let at = if offset == Offset(-1) { "an unknown offset".to_owned() } else { format!("offset {offset}") };
                    let object = json!({"topic": partition.topic, "partition": partition.index, "offset": offset.0,
                        "timestamp": timestamp.0});
                    self.untold = output::fact(self.output, &format!("{partition} at {at}"), &object).err();
                }
            }
            ClientEvent::NotDelivered { error, certainty, .. } => {
                self.failed += 1;
                let first = self.first_failure.get_or_insert((error, certainty));
                first.1 = first.1.max(certainty);
            }
            _ => {}
        }
    }

    fn conclude(self, input_failure: Option<Failure>) -> Result<(), Failure> {
        if let Some((error, certainty)) = &self.first_failure {
            let fate = match (certainty, self.failed) {
                (Certainty::NotDone, 1) => "is not in the topic",
                (Certainty::NotDone, _) => "are not in the topic",
                (Certainty::Unknown, _) => "may or may not be in the topic",
            };
            let sent = output::count(self.sent, "record");
            let what = format!("{} of {sent} {fate}; topic '{}'", self.failed, self.args.topic);
            return Err(match error {
                ClientError::TimedOut { last } => match self.driver.explain(&what, error) {
                    _ if last.contains(Code::UNKNOWN_TOPIC_OR_PARTITION.text()) => Failure::NotFound(format!(
                        "{what}: it does not exist, and the broker did not create it; 'ottla topic create {}' does",
                        self.args.topic
                    )),
                    other => other,
                },
                _ => Failure::of(&what, error),
            });
        }
        match input_failure {
            Some(Failure::Failed(why)) => {
                let were = if self.acknowledged == 1 { "was" } else { "were" };
                Err(Failure::Failed(format!("{why}; {} {were} sent", output::count(self.acknowledged, "record"))))
            }
            Some(other) => Err(other),
            None => Ok(()),
        }
    }
}

/// What reads the input, on a thread of its own because files and terminals block.
struct Reader {
    topic: String,
    files: Vec<PathBuf>,
    input: Input,
    delimiter: Vec<u8>,
    key_delimiter: Option<Vec<u8>>,
    key: Option<Bytes>,
    headers: Vec<RecordHeader>,
    null: bool,
    partition: Option<i32>,
    timestamp: Option<Timestamp>,
}

impl Reader {
    fn new(args: &ProduceArgs) -> Result<Reader, Failure> {
        if let Some(wrong) = args.timestamp.filter(|t| *t < 0) {
            return Err(Failure::Usage(format!("--timestamp {wrong}: a time is in milliseconds since 1970, and not negative")));
        }
        if let Some(wrong) = args.partition.filter(|p| *p < 0) {
            return Err(Failure::Usage(format!("-p {wrong} is no partition; without -p the key decides, or chance")));
        }
        for (input, name, flag, is_given) in [
            (Input::Json, "json", "--key-delimiter", args.key_delimiter.is_some()),
            (Input::Json, "json", "--key", args.key.is_some()),
            (Input::Json, "json", "--null", args.null),
            (Input::Whole, "whole", "--delimiter", args.delimiter.is_some()),
        ] {
            if args.input == input && is_given {
                return Err(Failure::Usage(format!("{flag} has no meaning with --input {name}: leave one of them out")));
            }
        }
        let bytes = |t: &Option<OsString>| {
            t.as_ref().filter(|t| !t.is_empty()).map(|t| format::unescape(t.as_encoded_bytes())).transpose()
        };
        let headers: Result<Vec<RecordHeader>, Failure> = args.header.iter().map(|h| header(h.as_encoded_bytes())).collect();
        for file in &args.files {
            let unreadable = match std::fs::metadata(file) {
                _ if file == Path::new("-") => continue,
                Ok(there) if there.is_dir() => "it is a directory".to_owned(),
                Ok(_) => continue,
                Err(e) => e.to_string(),
            };
            return Err(Failure::Usage(format!("{} is no file that can be read: {unreadable}", file.display())));
        }
        Ok(Reader {
            topic: args.topic.clone(),
            files: if args.files.is_empty() { vec![PathBuf::from("-")] } else { args.files.clone() },
            input: args.input,
            delimiter: bytes(&args.delimiter)?.unwrap_or_else(|| b"\n".to_vec()),
            key_delimiter: bytes(&args.key_delimiter)?,
            key: args.key.clone().map(|k| Bytes::from(k.into_encoded_bytes())),
            headers: headers?,
            null: args.null,
            partition: args.partition,
            timestamp: args.timestamp.map(Timestamp),
        })
    }

    /// Give every record, until the input ends or nobody takes them.
    fn read_all(self, give: &mpsc::Sender<Result<NewRecord, Failure>>) {
        for file in &self.files {
            let opened: std::io::Result<Box<dyn BufRead>> = if file == Path::new("-") {
                Ok(Box::new(BufReader::with_capacity(1 << 16, std::io::stdin())))
            } else {
                File::open(file).map(|f| Box::new(BufReader::with_capacity(1 << 16, f)) as Box<dyn BufRead>)
            };
            let read = opened.map_err(Failure::from).and_then(|from| self.read(from, give));
            if let Err(failure) = read {
                let failure = match failure {
                    Failure::Failed(why) => Failure::Failed(format!("{}: {why}", file.display())),
                    other => other,
                };
                let _ = give.blocking_send(Err(failure));
                return;
            }
        }
    }

    fn read(&self, mut from: Box<dyn BufRead>, give: &mpsc::Sender<Result<NewRecord, Failure>>) -> Result<(), Failure> {
        if self.input == Input::Whole {
            let mut whole = Vec::new();
            (&mut from).take(RECORD_BYTES_MAX + 1).read_to_end(&mut whole)?;
            if whole.len() as u64 > RECORD_BYTES_MAX {
                return Err(too_long());
            }
            let _ = give.blocking_send(Ok(self.record(&whole)));
            return Ok(());
        }
        let mut number = 0u64;
        let mut line = Vec::new();
        loop {
            line.clear();
            if !read_until(&mut from, &self.delimiter, &mut line)? {
                return Ok(());
            }
            number += 1;
            let record = match self.input {
                Input::Json if line.iter().all(u8::is_ascii_whitespace) => continue,
                Input::Json => {
                    let mut record =
                        format::from_json(&self.topic, &line).map_err(|why| Failure::Failed(format!("line {number}: {why}")))?;
                    record.partition = self.partition.or(record.partition);
                    record.headers.extend(self.headers.iter().cloned());
                    record.timestamp = self.timestamp.or(record.timestamp);
                    record
                }
                _ => self.record(&line),
            };
            if give.blocking_send(Ok(record)).is_err() {
                return Ok(());
            }
        }
    }

    fn record(&self, line: &[u8]) -> NewRecord {
        let split =
            self.key_delimiter.as_ref().and_then(|d| line.windows(d.len()).position(|w| w == d).map(|at| (at, at + d.len())));
        let (key, value) = match split {
            Some((end, start)) => (Some(Bytes::copy_from_slice(&line[..end])), &line[start..]),
            None => (self.key.clone(), line),
        };
        NewRecord {
            topic: self.topic.clone(),
            partition: self.partition,
            key: key.filter(|k| !(self.null && k.is_empty())),
            value: Some(Bytes::copy_from_slice(value)).filter(|v| !(self.null && v.is_empty())),
            headers: self.headers.clone(),
            timestamp: self.timestamp,
        }
    }
}

/// NAME=VALUE, or a name alone. Names are text, values any bytes.
fn header(given: &[u8]) -> Result<RecordHeader, Failure> {
    let (name, value) = match given.iter().position(|b| *b == b'=') {
        Some(at) => (&given[..at], Some(Bytes::copy_from_slice(&given[at + 1..]))),
        None => (given, None),
    };
    if std::str::from_utf8(name).is_err() {
        let why = format!("-H '{}': the name of a header is UTF-8; its value may be any bytes", String::from_utf8_lossy(given));
        return Err(Failure::Usage(why));
    }
    Ok(RecordHeader { key: Bytes::copy_from_slice(name), value })
}

/// So much is read for one record at the most. Brokers take less, unless somebody says otherwise (`socket.request.max.bytes` is 100 MiB).
const RECORD_BYTES_MAX: u64 = 256 << 20;

fn too_long() -> Failure {
    Failure::Failed(format!("a record of more than {RECORD_BYTES_MAX} bytes: so much is not read for one"))
}

/// Read up to a delimiter, which is left out. False at the end of the input.
fn read_until(mut from: &mut dyn BufRead, delimiter: &[u8], line: &mut Vec<u8>) -> Result<bool, Failure> {
    let last = *delimiter.last().expect("a delimiter is not empty");
    loop {
        let left = (RECORD_BYTES_MAX + 1).saturating_sub(line.len() as u64);
        if left == 0 {
            return Err(too_long());
        }
        if (&mut from).take(left).read_until(last, line)? == 0 {
            return Ok(!line.is_empty());
        }
        if line.ends_with(delimiter) {
            line.truncate(line.len() - delimiter.len());
            return Ok(true);
        }
    }
}
