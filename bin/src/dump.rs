//! `ottla log dump`: files of a data directory as text, offline. It changes nothing and needs no broker.
//!
//! Holds       what cannot be read stops no other file; with --verify, damage of any file makes the command fail, after everything
//!             was printed. With -o json everything is an object that names its file, damage and files that were skipped, too.

use crate::cli::{LogDumpArgs, Output};
use crate::control::Control;
use crate::failure::Failure;
use crate::{control, format, metadata};
use bytes::Bytes;
use ottla_core::config::BROKER_SETTINGS;
use ottla_core::controller::records::Record as MetadataRecord;
use ottla_core::io::{DiskFault, FileKind, FileName};
use ottla_core::log::dump::{Depth, Gaps, ScanEnd, ScanStop, Unsure, Window, find_batch_behind, scan};
use ottla_core::log::epochs::Epochs;
use ottla_core::log::{index, snapshot};
use ottla_core::node::check_file;
use ottla_core::time::Timestamp;
use ottla_core::wire::batch::{BatchInfo, HEADER_BYTES, Record, records};
use serde_json::{Map, Value, json};
use std::cell::Cell;
use std::io::{BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The longest index, snapshot or checkpoint that is read: none that Kafka writes is longer.
const DERIVED_BYTES_MAX: u64 = 1 << 31;

pub(crate) fn run(args: &LogDumpArgs, output: Output) -> Result<(), Failure> {
    let mut dump = Dump {
        args,
        output,
        out: BufWriter::new(std::io::stdout().lock()),
        path: Map::new(),
        damage: Vec::new(),
        skipped: Vec::new(),
    };
    for file in &args.files {
        dump.path.clear();
        let path = Bytes::copy_from_slice(file.as_os_str().as_bytes());
        format::put(&mut dump.path, "file", Some(&path));
        if args.files.len() > 1 && output == Output::Table {
            writeln!(dump.out, "{}:", shown(file))?;
        }
        match dump.file(file) {
            Ok(()) => {}
            Err(Stop::Output(e)) => return Err(e.into()),
            Err(Stop::File(failure)) => dump.skip(failure)?,
        }
    }
    dump.out.flush()?;
    dump.conclude()
}

/// Why nothing more is printed.
enum Stop {
    /// Of anything: nobody takes it.
    Output(std::io::Error),
    /// Of this file.
    File(Failure),
}

impl From<std::io::Error> for Stop {
    fn from(e: std::io::Error) -> Stop {
        Stop::Output(e)
    }
}

/// A file that cannot be read, and why.
fn unreadable(file: &Path, why: impl std::fmt::Display) -> Stop {
    Stop::File(Failure::Failed(format!("{}: {why}", shown(file))))
}

/// A path as a terminal may have it.
fn shown(file: &Path) -> String {
    let text = file.display().to_string();
    if text.chars().any(char::is_control) { format!("{text:?}") } else { text }
}

fn open(file: &Path) -> Result<std::fs::File, Stop> {
    std::fs::File::open(file).map_err(|e| unreadable(file, e))
}

/// All of a file that is not a log.
fn read(file: &Path) -> Result<Vec<u8>, Stop> {
    let opened = open(file)?;
    let mut bytes = Vec::new();
    if opened.metadata().map_err(|e| unreadable(file, e))?.len() > DERIVED_BYTES_MAX {
        return Err(unreadable(file, "longer than 2 GiB"));
    }
    // It may grow meanwhile.
    opened.take(DERIVED_BYTES_MAX).read_to_end(&mut bytes).map_err(|e| unreadable(file, e))?;
    Ok(bytes)
}

struct Dump<'a> {
    args: &'a LogDumpArgs,
    output: Output,
    out: BufWriter<std::io::StdoutLock<'static>>,
    /// The file that is dumped, as objects name it.
    path: Map<String, Value>,
    /// What --verify found.
    damage: Vec<String>,
    /// Files that were not read to their end.
    skipped: Vec<Failure>,
}

impl Dump<'_> {
    fn file(&mut self, file: &Path) -> Result<(), Stop> {
        // A name that leads nowhere is a mistake of the command line, as it is for the other commands.
        let found = std::fs::metadata(file).map_err(|e| Stop::File(Failure::Usage(format!("{}: {e}", shown(file)))))?;
        if found.is_dir() {
            let path = shown(file);
            return Err(Stop::File(Failure::Usage(format!("{path} is a directory; name its files: {path}/*"))));
        }
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
            Some((FileKind::TxnIndex, _)) => Err(unreadable(file, "transaction indexes are not read yet")),
            // It holds nothing but its size.
            Some((FileKind::Reserve, _)) => {
                let bytes = found.len();
                let mut fields = json!({"bytes": bytes});
                // No damage: nothing is read from it, and a start makes it as long as it shall be.
                if let Some(usual) = usual_reserve().filter(|usual| *usual != bytes) {
                    fields["remark"] = json!(format!(
                        "not the {usual} bytes that ottla.reserve.bytes has by default: it is set otherwise, or the reserve was given up \
                         on a full disk; the broker fills it again"
                    ));
                }
                Ok(self.say("reserve", fields)?)
            }
            Some((kind, _)) => self.text(file, kind),
            None => Err(Stop::File(Failure::Usage(format!(
                "{} is no file of a log; there are .log, .index, .timeindex, .snapshot, .checkpoint and the checkpoint files",
                shown(file)
            )))),
        }
    }

    /// Print a fact of the file: a line, or an object.
    fn say(&mut self, kind: &str, mut fields: Value) -> std::io::Result<()> {
        match self.output {
            Output::Json => {
                fields["kind"] = json!(kind);
                if let Value::Object(fields) = &mut fields {
                    fields.extend(self.path.clone());
                }
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

    /// Tell of damage of the file, at a position if it has one.
    fn damaged(&mut self, file: &Path, position: Option<u32>, what: &str) -> std::io::Result<()> {
        if self.output == Output::Json {
            self.say("damage", json!({"position": position, "damage": what}))?;
        }
        let at = position.map(|p| format!("at position {p}: ")).unwrap_or_default();
        if self.args.verify {
            self.damage.push(format!("{}: {at}{what}", shown(file)));
        }
        Ok(())
    }

    /// Tell that the file, or what is left of it, is not read.
    fn skip(&mut self, failure: Failure) -> std::io::Result<()> {
        if self.output == Output::Json {
            self.say("skipped", json!({"position": Value::Null, "skipped": failure.text()}))?;
        }
        self.skipped.push(failure);
        Ok(())
    }

    /// What is left to be said on stderr, and the exit code. Programs have had it all on stdout.
    fn conclude(self) -> Result<(), Failure> {
        let usage =
            self.damage.is_empty() && !self.skipped.is_empty() && self.skipped.iter().all(|f| matches!(f, Failure::Usage(_)));
        let all: Vec<String> = self.damage.into_iter().chain(self.skipped.iter().map(|f| f.text().to_owned())).collect();
        let text = match (self.output, all.len()) {
            (_, 0) => return Ok(()),
            (Output::Table, _) | (Output::Json, 1) => all.join("\nerror: "),
            (Output::Json, n) => format!("{n} damages and skipped files, which stand among the objects"),
        };
        Err(if usage { Failure::Usage(text) } else { Failure::Failed(text) })
    }

    fn batches(&mut self, file: &Path, base: i64, metadata: bool) -> Result<(), Stop> {
        let opened = open(file)?;
        let bytes = opened.metadata().map_err(|e| unreadable(file, e))?.len();
        let size = u32::try_from(bytes).map_err(|_| unreadable(file, "longer than 4 GiB"))?;
        // Nobody takes what is printed: a scan ends where nothing more can be read.
        let gone = Cell::new(false);
        let mut read = |pos: u64, len: usize| if gone.get() { Err(DiskFault::Io) } else { read_at(&opened, pos, len) };
        let mut window = Window::new(&mut read, Depth::Checksums);
        let (mut failed, mut next, mut pos) = (Ok(()), base, 0);
        loop {
            let end = scan(&mut window, size, pos, next, Depth::Checksums, Gaps::Allowed, &mut |info, bytes| {
                if failed.is_ok() {
                    failed = self.gap(file, next, info).and_then(|()| self.batch(file, info, &bytes, metadata));
                    gone.set(failed.is_err());
                }
                next = info.next_offset();
            });
            std::mem::replace(&mut failed, Ok(()))?;
            if end.why == ScanStop::EndOfFile {
                break;
            }
            let why = self.fault(&mut window, size, &end);
            self.damaged(file, Some(end.pos), &why)?;
            // Damage of one batch says nothing of those behind it.
            let found = find_batch_behind(&mut window, size, end.pos, end.next);
            let Ok(Some(behind)) = found else {
                let left = size - end.pos;
                self.say("end", json!({"position": end.pos, "next_offset": end.next, "bytes_left": left}))?;
                let last = end.next - 1;
                let what = match found {
                    Err(Unsure) => {
                        format!("too much looks like batches behind offset {last}; {left} bytes are left, and not searched")
                    }
                    Ok(_) => format!("no intact batch follows offset {last}; {left} bytes are left"),
                };
                self.damaged(file, Some(end.pos), &what)?;
                break;
            };
            let skipped = json!({"position": end.pos, "bytes": behind.pos - end.pos, "next_offset": end.next, "skipped": why});
            self.say("skipped", skipped)?;
            pos = behind.pos;
        }
        if file.extension().is_some_and(|e| e == "log") {
            self.check_next_segment(file, base, next)?;
        }
        Ok(())
    }

    fn gap(&mut self, file: &Path, next: i64, info: &BatchInfo) -> std::io::Result<()> {
        if info.base_offset <= next {
            return Ok(());
        }
        self.damaged(file, Some(info.pos), &format!("offsets {next} to {} are missing", info.base_offset - 1))
    }

    /// Why no batch is where one should begin.
    fn fault(&self, window: &mut Window<'_>, size: u32, end: &ScanEnd) -> String {
        if let ScanStop::Fault(fault) = end.why {
            return format!("it cannot be read: {fault:?}");
        }
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
    fn check_next_segment(&mut self, file: &Path, base: i64, end: i64) -> Result<(), Stop> {
        let bases =
            self.segments_beside(file)?.into_iter().filter_map(|log| Some(FileName::parse(log.file_name()?.to_str()?)?.base));
        match bases.filter(|next| *next > base).min() {
            Some(next) if next != end => {
                Ok(self.damaged(file, None, &format!("it ends before offset {end}, and the next segment begins at {next}"))?)
            }
            _ => Ok(()),
        }
    }

    fn batch(&mut self, file: &Path, info: &BatchInfo, bytes: &Bytes, metadata: bool) -> std::io::Result<()> {
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
            Err(e) => return self.damaged(file, Some(info.pos), &format!("the batch at offset {}: {e}", info.base_offset)),
        };
        for record in all {
            let decoded = match (a.is_control(), metadata) {
                (true, _) => control_fields(&record),
                (false, true) => metadata_fields(&record),
                (false, false) => Ok(data_fields(&record)),
            };
            let mut fields = decoded.or_else(|undecodable| {
                self.damaged(file, Some(info.pos), &format!("the record at offset {}: {undecodable}", record.offset))?;
                let mut fields = undecodable_fields(&record, &undecodable);
                if a.is_control() {
                    fields.insert("type".to_owned(), json!(control::kind(record.key.as_deref())));
                }
                Ok::<_, std::io::Error>(fields)
            })?;
            if self.args.print_records || metadata {
                fields.insert("offset".to_owned(), json!(record.offset));
                self.say("record", Value::Object(fields))?;
            }
        }
        Ok(())
    }

    fn offset_index(&mut self, file: &Path, base: i64) -> Result<(), Stop> {
        let bytes = read(file)?;
        let heads = self.heads_beside(file, base)?;
        let mut before = None;
        for (i, entry) in index::entries(&bytes).enumerate() {
            // Kafka's indexes in use end in zeros.
            if i > 0 && entry.pos == 0 {
                break;
            }
            let offset = base.saturating_add(i64::from(entry.relative));
            let at = u32::try_from(i * index::ENTRY_BYTES as usize).ok();
            self.say("entry", json!({"offset": offset, "position": entry.pos}))?;
            if before.is_some_and(|b| b >= (offset, entry.pos)) {
                self.damaged(file, at, &format!("the entry of offset {offset} does not follow the one before"))?;
            }
            before = Some((offset, entry.pos));
            let holds = |h: &BatchInfo| h.pos == entry.pos && (h.base_offset..=h.last_offset()).contains(&offset);
            if heads.as_ref().is_some_and(|h| !h.iter().any(holds)) {
                self.damaged(file, at, &format!("no batch with offset {offset} begins at position {}", entry.pos))?;
            }
        }
        Ok(())
    }

    /// The batches of the segment of an index; only for --verify.
    fn heads_beside(&mut self, file: &Path, base: i64) -> std::io::Result<Option<Vec<BatchInfo>>> {
        match self.heads(&file.with_extension("log"), base) {
            Ok(heads) => Ok(heads),
            Err(Stop::Output(e)) => Err(e),
            Err(Stop::File(failure)) => {
                self.damaged(file, None, &format!("its segment cannot be read: {}", failure.text()))?;
                Ok(None)
            }
        }
    }

    /// The batches of a segment; only for --verify.
    fn heads(&self, log: &Path, base: i64) -> Result<Option<Vec<BatchInfo>>, Stop> {
        if !self.args.verify {
            return Ok(None);
        }
        let opened = open(log)?;
        let size = u32::try_from(opened.metadata().map_err(|e| unreadable(log, e))?.len()).unwrap_or(u32::MAX);
        let mut read = |pos: u64, len: usize| read_at(&opened, pos, len);
        let mut heads = Vec::new();
        let mut window = Window::new(&mut read, Depth::Headers);
        scan(&mut window, size, 0, base, Depth::Headers, Gaps::Allowed, &mut |info, _| {
            heads.push(*info);
        });
        Ok(Some(heads))
    }

    fn time_index(&mut self, file: &Path, base: i64) -> Result<(), Stop> {
        let bytes = read(file)?;
        let heads = self.heads_beside(file, base)?;
        let mut before = None;
        for (i, entry) in index::time_entries(&bytes).enumerate() {
            if i > 0 && entry.timestamp == 0 {
                break;
            }
            let offset = base.saturating_add(i64::from(entry.relative));
            let at = u32::try_from(i * index::TIME_ENTRY_BYTES as usize).ok();
            self.say("entry", json!({"timestamp": entry.timestamp, "offset": offset}))?;
            if before.is_some_and(|b| b >= entry.timestamp) {
                self.damaged(file, at, &format!("the entry of timestamp {} does not follow the one before", entry.timestamp))?;
            }
            before = Some(entry.timestamp);
            let holds = |h: &BatchInfo| h.max_timestamp == entry.timestamp && (h.base_offset..=h.last_offset()).contains(&offset);
            if heads.as_ref().is_some_and(|h| !h.iter().any(holds)) {
                self.damaged(file, at, &format!("no batch with offset {offset} has the largest timestamp {}", entry.timestamp))?;
            }
        }
        Ok(())
    }

    fn producers(&mut self, file: &Path) -> Result<(), Stop> {
        let bytes = read(file)?;
        let Some(producers) = snapshot::parse(&bytes, Timestamp::NONE) else {
            self.damaged(file, None, "no snapshot of producers, or its checksum is wrong")?;
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

    fn epochs(&mut self, file: &Path) -> Result<(), Stop> {
        let bytes = read(file)?;
        let Some(epochs) = Epochs::parse(&bytes) else {
            self.damaged(file, None, "no list of leader epochs")?;
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
                    self.damaged(file, None, &what)?;
                }
            }
        }
        Ok(())
    }

    /// The segments in the directory of a file; only for --verify.
    fn segments_beside(&self, file: &Path) -> Result<Vec<PathBuf>, Stop> {
        if !self.args.verify {
            return Ok(Vec::new());
        }
        let dir = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let paths = std::fs::read_dir(dir).and_then(|all| all.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>());
        Ok(paths.map_err(|e| unreadable(dir, e))?.into_iter().filter(|p| p.extension().is_some_and(|e| e == "log")).collect())
    }

    fn text(&mut self, file: &Path, kind: FileKind) -> Result<(), Stop> {
        let bytes = read(file)?;
        let text = String::from_utf8_lossy(&bytes);
        for line in text.lines() {
            self.say("line", json!({"text": line}))?;
        }
        // As a start reads it. What stands in the marker of an orderly end says nothing.
        let checked = check_file(kind, &bytes);
        if let Err(why) = checked {
            self.damaged(file, None, &why)?;
        }
        Ok(())
    }
}

/// What a control record says.
fn control_fields(record: &Record) -> Result<Map<String, Value>, String> {
    let key = record.key.as_deref();
    let mut fields = match control::decode(key, record.value.as_deref())? {
        Control::Known { version, data } => of_type(version, data),
        Control::Unknown(why) => undecodable_fields(record, &why),
    };
    fields.insert("type".to_owned(), json!(control::kind(key)));
    fields.insert("timestamp".to_owned(), json!(record.timestamp));
    Ok(fields)
}

/// What a record of the metadata log says.
fn metadata_fields(record: &Record) -> Result<Map<String, Value>, String> {
    let value = record.value.as_deref().unwrap_or_default();
    let version = MetadataRecord::version(value)?;
    let (kind, data) = metadata::object(&MetadataRecord::decode(value)?);
    let mut fields = of_type(version, data);
    fields.insert("type".to_owned(), json!(kind));
    Ok(fields)
}

fn of_type(version: impl Into<i64>, data: Value) -> Map<String, Value> {
    Map::from_iter([("version".to_owned(), json!(version.into())), ("data".to_owned(), data)])
}

fn data_fields(record: &Record) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("timestamp".to_owned(), json!(record.timestamp));
    format::put(&mut fields, "key", record.key.as_ref());
    format::put(&mut fields, "value", record.value.as_ref());
    fields.insert("headers".to_owned(), format::headers(&record.headers));
    fields
}

/// The bytes of a record that nobody understands, and why.
fn undecodable_fields(record: &Record, why: &str) -> Map<String, Value> {
    let mut fields = data_fields(record);
    fields.insert("undecodable".to_owned(), json!(why));
    fields
}

/// How long `ottla.reserve` is where nobody has set it.
fn usual_reserve() -> Option<u64> {
    BROKER_SETTINGS.iter().find(|s| s.name == "ottla.reserve.bytes").and_then(|s| s.default?.parse().ok())
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
