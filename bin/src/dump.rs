//! `ottla log dump`: files of a data directory as text, offline. It changes nothing and needs no broker.
//!
//! Holds       with --verify, damage of any file makes the command fail, after everything was printed.

use crate::cli::{LogDumpArgs, Output};
use crate::failure::Failure;
use crate::{format, metadata};
use bytes::Bytes;
use ottla_core::controller::records::Record;
use ottla_core::io::{DiskFault, FileKind, FileName};
use ottla_core::log::dump::{Depth, Gaps, ScanEnd, ScanStop, Window, find_batch_behind, scan};
use ottla_core::log::epochs::Epochs;
use ottla_core::log::{index, snapshot};
use ottla_core::time::Timestamp;
use ottla_core::wire::batch::{BatchInfo, HEADER_BYTES, records};
use serde_json::{Map, Value, json};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &LogDumpArgs, output: Output) -> Result<(), Failure> {
    let mut dump = Dump { args, output, out: BufWriter::new(std::io::stdout().lock()), damage: Vec::new() };
    for file in &args.files {
        let unreadable = |e: std::io::Error| Failure::Failed(format!("{}: {e}", file.display()));
        let meta = std::fs::metadata(file).map_err(unreadable)?;
        if meta.is_dir() {
            return Err(Failure::Usage(format!("{} is a directory; name its files: {}/*", file.display(), file.display())));
        }
        if args.files.len() > 1 && output == Output::Table {
            writeln!(dump.out, "{}:", file.display())?;
        }
        dump.file(file)?;
    }
    dump.out.flush()?;
    match dump.damage.as_slice() {
        [] => Ok(()),
        damage => Err(Failure::Failed(damage.join("\nerror: "))),
    }
}

struct Dump<'a> {
    args: &'a LogDumpArgs,
    output: Output,
    out: BufWriter<std::io::StdoutLock<'static>>,
    /// What --verify found.
    damage: Vec<String>,
}

impl Dump<'_> {
    fn file(&mut self, file: &Path) -> Result<(), Failure> {
        let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let in_metadata = file
            .canonicalize()
            .ok()
            .and_then(|f| Some(f.parent()?.file_name()?.to_str()? == ottla_core::controller::METADATA_DIR));
        match FileName::parse(name).map(|n| (n.kind, n.base)) {
            Some((FileKind::Log, base)) => self.batches(file, base, in_metadata == Some(true)),
            Some((FileKind::Checkpoint, _)) => self.batches(file, 0, true),
            Some((FileKind::Index, base)) => self.offset_index(file, base),
            Some((FileKind::TimeIndex, base)) => self.time_index(file, base),
            Some((FileKind::Snapshot, _)) => self.producers(file),
            Some((FileKind::LeaderEpochs, _)) => self.epochs(file),
            Some((FileKind::TxnIndex, _)) => Err(Failure::Failed(format!("{name}: transaction indexes are not read yet"))),
            // It holds nothing but its size.
            Some((FileKind::Reserve, _)) => Ok(self.say("reserve", json!({"bytes": std::fs::metadata(file)?.len()}))?),
            Some((kind, _)) => self.text(file, kind),
            None => Err(Failure::Usage(format!(
                "{name} is no file of a log; there are .log, .index, .timeindex, .snapshot, .checkpoint and the checkpoint files"
            ))),
        }
    }

    /// Print a fact of the file: a line, or an object.
    fn say(&mut self, kind: &str, mut fields: Value) -> std::io::Result<()> {
        match self.output {
            Output::Json => {
                fields["kind"] = json!(kind);
                writeln!(self.out, "{fields}")
            }
            Output::Table => {
                // What belongs to a batch stands under it.
                let indent = if kind == "record" { "  " } else { "" };
                write!(self.out, "{indent}{kind}")?;
                for (name, value) in fields.as_object().into_iter().flatten() {
                    match value {
                        // A terminal would obey what is in there.
                        Value::String(text) if text.chars().any(char::is_control) => write!(self.out, " {name}={text:?}")?,
                        Value::String(text) => write!(self.out, " {name}={text}")?,
                        other => write!(self.out, " {name}={other}")?,
                    }
                }
                writeln!(self.out)
            }
        }
    }

    fn damaged(&mut self, file: &Path, what: &str) {
        if self.args.verify {
            self.damage.push(format!("{}: {what}", file.display()));
        }
    }

    fn batches(&mut self, file: &Path, base: i64, metadata: bool) -> Result<(), Failure> {
        let opened = std::fs::File::open(file)?;
        let size = u32::try_from(opened.metadata()?.len())
            .map_err(|_| Failure::Failed(format!("{}: longer than 4 GiB", file.display())))?;
        let mut read = |pos: u64, len: usize| read_at(&opened, pos, len);
        let mut window = Window::new(&mut read, Depth::Checksums);
        let (mut failed, mut next, mut pos) = (Ok(()), base, 0);
        loop {
            let end = scan(&mut window, size, pos, next, Depth::Checksums, Gaps::Allowed, &mut |info, bytes| {
                if info.base_offset > next {
                    let what = format!("offsets {next} to {} are missing at position {}", info.base_offset - 1, info.pos);
                    self.damaged(file, &what);
                }
                next = info.next_offset();
                if failed.is_ok() {
                    failed = self.batch(file, info, &bytes, metadata);
                }
            });
            std::mem::replace(&mut failed, Ok(()))?;
            if end.why == ScanStop::EndOfFile {
                break;
            }
            let why = self.fault(&mut window, size, &end);
            self.damaged(file, &format!("at position {}: {why}", end.pos));
            // Damage of one batch says nothing of those behind it.
            let Some(behind) = find_batch_behind(&mut window, size, end.pos, end.next) else {
                let left = size - end.pos;
                let what =
                    format!("at position {} no intact batch follows offset {}; {left} bytes are left", end.pos, end.next - 1);
                self.say("end", json!({"position": end.pos, "next_offset": end.next, "bytes_left": left}))?;
                self.damaged(file, &what);
                break;
            };
            self.say("skipped", json!({"position": end.pos, "bytes": behind.pos - end.pos, "next_offset": end.next}))?;
            pos = behind.pos;
        }
        if file.extension().is_some_and(|e| e == "log") {
            self.check_next_segment(file, base, next)?;
        }
        Ok(())
    }

    /// Why no batch is where one should begin.
    fn fault(&self, window: &mut Window<'_>, size: u32, end: &ScanEnd) -> String {
        let left = (size - end.pos) as usize;
        let header = window.get(u64::from(end.pos), left.min(HEADER_BYTES)).unwrap_or_default();
        let Ok(info) = BatchInfo::parse_header(&header) else { return "no header of a batch".to_owned() };
        let bytes = window.get(u64::from(end.pos), left.min(info.len as usize)).unwrap_or_default();
        if bytes.len() < info.len as usize {
            format!("the batch of offset {} has {} bytes, and {left} are left", info.base_offset, info.len)
        } else if info.crc_matches(&bytes) {
            format!("a batch of offset {}, where {} or a later one is expected", info.base_offset, end.next)
        } else {
            format!("the batch of offset {} does not match its CRC {:#010x}", info.base_offset, info.crc)
        }
    }

    /// The next segment begins where this one ends; only for --verify.
    fn check_next_segment(&mut self, file: &Path, base: i64, end: i64) -> Result<(), Failure> {
        let bases =
            self.segments_beside(file)?.into_iter().filter_map(|log| Some(FileName::parse(log.file_name()?.to_str()?)?.base));
        match bases.filter(|next| *next > base).min() {
            Some(next) if next != end => {
                self.damaged(file, &format!("it ends before offset {end}, and the next segment begins at {next}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn batch(&mut self, file: &Path, info: &BatchInfo, bytes: &Bytes, metadata: bool) -> Result<(), Failure> {
        let a = info.attributes;
        self.say(
            "batch",
            json!({"base_offset": info.base_offset, "last_offset": info.last_offset(), "count": info.count, "position": info.pos,
                "bytes": info.len, "leader_epoch": info.leader_epoch, "producer_id": info.producer_id,
                "producer_epoch": info.producer_epoch, "base_sequence": info.base_sequence, "max_timestamp": info.max_timestamp,
                "compression": a.codec().map_or("unknown".to_owned(), |c| format!("{c:?}").to_lowercase()),
                "log_append_time": a.is_log_append_time(), "transactional": a.is_transactional(), "control": a.is_control()}),
        )?;
        if !self.args.print_records && !self.args.verify && !metadata {
            return Ok(());
        }
        let all: Result<Vec<_>, _> = records(info, bytes).and_then(Iterator::collect);
        let all = match all {
            Ok(all) => all,
            Err(e) => {
                self.damaged(file, &format!("the batch at offset {}: {e}", info.base_offset));
                return Ok(());
            }
        };
        for record in all {
            let mut fields = Map::new();
            fields.insert("offset".to_owned(), json!(record.offset));
            let value = record.value.as_deref().unwrap_or_default();
            if metadata && !a.is_control() {
                match Record::version(value).and_then(|version| Ok((version, Record::decode(value)?))) {
                    Ok((version, decoded)) => {
                        let (kind, data) = metadata::object(&decoded);
                        fields.extend([("type".to_owned(), json!(kind)), ("version".to_owned(), json!(version))]);
                        fields.insert("data".to_owned(), data);
                    }
                    Err(e) => {
                        self.damaged(file, &format!("the metadata record at offset {}: {e}", record.offset));
                        fields.insert("undecodable".to_owned(), json!(e));
                        format::put(&mut fields, "value", record.value.as_ref());
                    }
                }
            } else if self.args.print_records || metadata {
                if a.is_control() {
                    let kind = record.key.as_deref().and_then(metadata::control);
                    fields.insert("type".to_owned(), json!(kind));
                }
                fields.insert("timestamp".to_owned(), json!(record.timestamp));
                format::put(&mut fields, "key", record.key.as_ref());
                format::put(&mut fields, "value", record.value.as_ref());
                fields.insert("headers".to_owned(), format::headers(&record.headers));
            } else {
                continue;
            }
            self.say("record", Value::Object(fields))?;
        }
        Ok(())
    }

    fn offset_index(&mut self, file: &Path, base: i64) -> Result<(), Failure> {
        let bytes = std::fs::read(file)?;
        let heads = self.heads(&file.with_extension("log"), base)?;
        let mut before = None;
        for (i, entry) in index::entries(&bytes).enumerate() {
            // Kafka's indexes in use end in zeros.
            if i > 0 && entry.pos == 0 {
                break;
            }
            let offset = base + i64::from(entry.relative);
            self.say("entry", json!({"offset": offset, "position": entry.pos}))?;
            if before.is_some_and(|b| b >= (offset, entry.pos)) {
                self.damaged(file, &format!("the entry of offset {offset} does not follow the one before"));
            }
            before = Some((offset, entry.pos));
            let holds = |h: &BatchInfo| h.pos == entry.pos && (h.base_offset..=h.last_offset()).contains(&offset);
            if heads.as_ref().is_some_and(|h| !h.iter().any(holds)) {
                self.damaged(file, &format!("no batch with offset {offset} begins at position {}", entry.pos));
            }
        }
        Ok(())
    }

    /// The batches of the segment beside a derived file; only for --verify.
    fn heads(&self, log: &Path, base: i64) -> Result<Option<Vec<BatchInfo>>, Failure> {
        if !self.args.verify {
            return Ok(None);
        }
        let opened = std::fs::File::open(log).map_err(|e| Failure::Failed(format!("{}: {e}", log.display())))?;
        let size = u32::try_from(opened.metadata()?.len()).unwrap_or(u32::MAX);
        let mut read = |pos: u64, len: usize| read_at(&opened, pos, len);
        let mut heads = Vec::new();
        let mut window = Window::new(&mut read, Depth::Headers);
        scan(&mut window, size, 0, base, Depth::Headers, Gaps::Allowed, &mut |info, _| {
            heads.push(*info);
        });
        Ok(Some(heads))
    }

    fn time_index(&mut self, file: &Path, base: i64) -> Result<(), Failure> {
        let bytes = std::fs::read(file)?;
        let heads = self.heads(&file.with_extension("log"), base)?;
        let mut before = None;
        for (i, entry) in index::time_entries(&bytes).enumerate() {
            if i > 0 && entry.timestamp == 0 {
                break;
            }
            let offset = base + i64::from(entry.relative);
            self.say("entry", json!({"timestamp": entry.timestamp, "offset": offset}))?;
            if before.is_some_and(|b| b >= entry.timestamp) {
                self.damaged(file, &format!("the entry of timestamp {} does not follow the one before", entry.timestamp));
            }
            before = Some(entry.timestamp);
            let holds = |h: &BatchInfo| h.max_timestamp == entry.timestamp && (h.base_offset..=h.last_offset()).contains(&offset);
            if heads.as_ref().is_some_and(|h| !h.iter().any(holds)) {
                self.damaged(file, &format!("no batch with offset {offset} has the largest timestamp {}", entry.timestamp));
            }
        }
        Ok(())
    }

    fn producers(&mut self, file: &Path) -> Result<(), Failure> {
        let bytes = std::fs::read(file)?;
        let Some(producers) = snapshot::parse(&bytes, Timestamp::NONE) else {
            self.damaged(file, "no snapshot of producers, or its checksum is wrong");
            return Ok(self.say("unreadable", json!({"bytes": bytes.len()}))?);
        };
        for (id, producer) in producers.iter() {
            let last = producer.batches().last();
            self.say(
                "producer",
                json!({"id": id, "epoch": producer.epoch, "last_timestamp": producer.last_timestamp,
                    "last_sequence": last.map(|b| b.last_sequence), "last_offset": last.map(|b| b.last_offset)}),
            )?;
        }
        Ok(())
    }

    fn epochs(&mut self, file: &Path) -> Result<(), Failure> {
        let bytes = std::fs::read(file)?;
        let Some(epochs) = Epochs::parse(&bytes) else {
            self.damaged(file, "no list of leader epochs");
            return Ok(self.say("unreadable", json!({"bytes": bytes.len()}))?);
        };
        for (epoch, start) in epochs.entries() {
            self.say("epoch", json!({"epoch": epoch.0, "start_offset": start.0}))?;
        }
        for log in self.segments_beside(file)? {
            let base = log.file_name().and_then(|n| FileName::parse(n.to_str()?)).map_or(0, |n| n.base);
            for head in self.heads(&log, base)?.unwrap_or_default() {
                let own = epochs.entries().iter().rev().find(|e| e.1.0 <= head.base_offset);
                if own.is_some_and(|own| own.0.0 != head.leader_epoch) {
                    let what = format!("the batch at offset {} is of leader epoch {}", head.base_offset, head.leader_epoch);
                    self.damaged(file, &what);
                }
            }
        }
        Ok(())
    }

    /// The segments in the directory of a file; only for --verify.
    fn segments_beside(&self, file: &Path) -> Result<Vec<PathBuf>, Failure> {
        if !self.args.verify {
            return Ok(Vec::new());
        }
        let dir = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let paths: Result<Vec<PathBuf>, _> =
            std::fs::read_dir(dir)?.map(|entry| Ok::<_, std::io::Error>(entry?.path())).collect();
        Ok(paths?.into_iter().filter(|p| p.extension().is_some_and(|e| e == "log")).collect())
    }

    fn text(&mut self, file: &Path, kind: FileKind) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(&std::fs::read(file)?).into_owned();
        for line in text.lines() {
            self.say("line", json!({"text": line}))?;
        }
        let is_sound = match kind {
            FileKind::RecoveryPoints | FileKind::LogStarts | FileKind::HighWatermarks => is_checkpoint(&text),
            FileKind::PartitionMetadata => text.starts_with("version: 0\ntopic_id: "),
            _ => true,
        };
        if !is_sound {
            self.damaged(file, "not what a file of this name holds");
        }
        Ok(())
    }
}

/// A version, a count, and as many lines of a topic, a partition and an offset.
fn is_checkpoint(text: &str) -> bool {
    let mut lines = text.lines();
    let (version, count) = (lines.next(), lines.next().and_then(|c| c.parse().ok()));
    let is_line = |line: &str| {
        let mut words = line.rsplit(' ');
        let numbers = [words.next(), words.next()].map(|n| n.and_then(|n| n.parse::<i64>().ok()));
        numbers.iter().all(Option::is_some) && words.next().is_some()
    };
    let rest: Vec<&str> = lines.collect();
    version == Some("0") && count == Some(rest.len()) && rest.into_iter().all(is_line)
}

fn read_at(file: &std::fs::File, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
    let mut bytes = vec![0; len];
    let mut got = 0;
    while got < len {
        match file.read_at(&mut bytes[got..], pos + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Err(DiskFault::Io),
        }
    }
    bytes.truncate(got);
    Ok(bytes.into())
}
