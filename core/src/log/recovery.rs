//! Opening a log: what is on disk is the whole past.
//!
//! State       none that outlives it.
//! Takes       the files of one directory, read synchronously; the recovery point, the log start, whether the last life ended in order.
//! Gives       the log, and a verdict: intact, torn tail (cut), promised bytes lost (reported), corrupt (fenced, nothing cut).
//! Holds       after an orderly end a log costs a listing and at most six small reads, and what transactions of Kafka's have left;
//!             otherwise every batch from the recovery point's segment on is checked, and their indexes, epochs and producers are folded
//!             again;
//!             every start looks where each older segment ends, two or three small reads each: a file may be gone;
//!             what is above the recovery point is written again before a sync counts for it: an fsync that failed in an earlier life
//!             may have left bytes that every reader sees and that no later fsync would bring to the disk;
//!             bytes are cut only above everything that was promised, as far as that is known: the recovery point, the producer
//!             snapshots and the index, which never run ahead of what is durable; what cannot be read of these may say anything;
//!             offsets are missing only where Kafka has compacted the log, below what was durable;
//!             offsets and leader epochs, which no checksum covers, are believed where each follows from the one before: a batch of
//!             an epoch that cannot be is damage;
//!             nothing is served or appended before a cut is durable.
//! Not here    the checkpoints of the node (it hands in `Hints`); what it means that the log does not go on (`recovery/judge.rs`).
//! Read first  `Log::recover`, then `Recovery::judge`.

mod judge;

use super::dump::{Depth, Gaps, ScanEnd, ScanStop, Window, scan};
use super::epochs::Epochs;
use super::index::{self, ENTRY_BYTES, IndexWriter, TIME_ENTRY_BYTES, TimeEntry};
use super::producers::Producers;
use super::retention::Doomed;
use super::segment::{Place, Segment};
use super::side::Mend;
use super::start::Start;
use super::transactions::{self, Entry, Transactions};
use super::{Health, Hints, Log, LogConfig, Named, Op, Verdict, snapshot};
use crate::disk::DiskPort;
use crate::ids::{BytePos, DirId, LeaderEpoch, Offset};
use crate::io::{DiskCall, DiskFault, DiskImage, FileId, FileKind, FileName, Suffix};
use crate::planted::Bug;
use crate::time::Now;
use crate::wire::batch::{self, BatchInfo, HEADER_BYTES};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// More bytes than any file has.
const WHOLE_FILE: usize = usize::MAX >> 1;

/// The sizes of a segment's files in bytes; `None` where there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    log: Option<u64>,
    index: Option<u64>,
    time: Option<u64>,
}

/// What lies in the directory.
#[derive(Debug, Default)]
struct Listing {
    segments: BTreeMap<i64, Sizes>,
    /// The segments beside which Kafka has left a `.txnindex`, be they there or not: base offset, and bytes.
    transactions: BTreeMap<i64, u64>,
    snapshots: Vec<i64>,
    epochs: bool,
    junk: Vec<FileName>,
}

/// A recovery in the making.
struct Recovery<'a> {
    path: &'a str,
    image: &'a dyn DiskImage,
    hints: Hints,
    now: Now,
    log: Log,
    scanned_bytes: u64,
    /// What the checkpoint of leader epochs says.
    file_epoch: Option<LeaderEpoch>,
    newest_snapshot: Option<Offset>,
    /// As in the listing.
    transactions: BTreeMap<i64, u64>,
    /// Transactions whose markers of abortion the fold over the producers has seen.
    aborted: Vec<Entry>,
    /// Epochs of the batches that were scanned.
    folded: Vec<(LeaderEpoch, Offset)>,
    /// Where the log began, as far as that is written down.
    begun: Option<Offset>,
    /// There was no file with records: the log goes on where the last one is known to have ended, in a file that is made now.
    made: bool,
    /// The last life ended in order, and nothing contradicts that.
    doubtless: bool,
    /// What is not known to be durable, per scanned segment: from where to where, in bytes.
    doubtful: Vec<(Offset, u32, u32)>,
    /// Derived files that must be gone for good before the log grows: one that came back after a crash might be believed then.
    misleading: Vec<FileId>,
}

/// Where scanning found that the log does not go on.
#[derive(Clone, Copy, Debug)]
struct Hole {
    segment: Offset,
    size: u32,
    end: ScanEnd,
    /// The batch here is whole but for a leader epoch that cannot be.
    impossible: bool,
}

impl Log {
    /// The log that lies in the directory at `path`, bound to `dir`. Fails only if the directory cannot be listed.
    pub fn recover(
        dir: DirId,
        path: &str,
        image: &dyn DiskImage,
        hints: Hints,
        config: LogConfig,
        now: Now,
        port: &mut DiskPort<'_>,
    ) -> Result<(Log, Verdict), DiskFault> {
        let mut listing = list(image, path)?;
        let start = hints.log_start.unwrap_or(Offset::ZERO);
        let mut log = Log::empty(dir, start, config, port.planting());
        let mut sizes: Vec<(Offset, Sizes)> = listing.segments.iter().map(|(b, s)| (Offset(*b), *s)).collect();
        // Deleted already, but for the last step: what comes before the segment in which the log begins. Indexes alone are no segment.
        let below = match port.planted(Bug::LogStartInSegmentForgotten) {
            true => sizes.iter().filter(|(base, _)| *base < start).count().min(sizes.len().saturating_sub(1)),
            false => sizes.iter().rposition(|(base, s)| s.log.is_some() && *base <= start).unwrap_or(0),
        };
        // They go one by one, as always, when it is known that the log start is on the disk: if it is not, they are needed.
        let there = |base: &Offset, s: &Sizes| {
            let of_kafka = listing.transactions.get(&base.0).copied();
            let all = [
                (FileKind::Log, s.log),
                (FileKind::Index, s.index),
                (FileKind::TimeIndex, s.time),
                (FileKind::TxnIndex, of_kafka),
            ];
            all.into_iter().filter(|k| k.1.is_some()).map(|k| k.0).collect()
        };
        log.doomed = sizes[..below].iter().map(|(base, s)| Doomed::found(*base, there(base, s))).collect();
        let (mut sizes, orphans) = sizes.split_off(below).into_iter().partition::<Vec<_>, _>(|s| s.1.log.is_some());
        // A renamed segment must not come back under its old name behind a later one that goes.
        let (renamed, junk) =
            std::mem::take(&mut listing.junk).into_iter().partition::<Vec<_>, _>(|n| n.suffix == Suffix::Deleted);
        for name in junk {
            log.call(FileId { dir, name }, DiskCall::Remove, Op::Idle, port);
        }
        let newest_snapshot = listing.snapshots.last().map(|at| Offset(*at));
        let made = sizes.is_empty();
        let promised = [hints.recovery_point, newest_snapshot].into_iter().flatten().fold(start, Offset::max);
        let untouched = orphans.is_empty() && renamed.is_empty() && newest_snapshot.is_none() && !listing.epochs;
        if made && untouched && promised == start {
            log.open_segment(start, now, port);
            return Ok((log, Verdict::Intact { scanned_bytes: 0 }));
        }
        if made {
            sizes.push((promised, Sizes { log: Some(0), ..Sizes::default() }));
        }
        let first = sizes[0].0;
        let may_be = |epoch| hints.epoch_max.is_none_or(|max| epoch <= max) || port.planted(Bug::EpochsBelieved);
        let file_epochs = if listing.epochs { read_epochs(path, image) } else { None };
        let file_epochs = file_epochs.filter(|epochs| epochs.latest().is_none_or(may_be));
        // A log start is on the disk before any file goes that lies below it. Where none was ever written down, which Kafka does not do
        // for a log that begins with its first file either, the first leader epoch begins where the log does.
        let begun = hints
            .log_start
            .or_else(|| file_epochs.as_ref()?.entries().first().map(|e| e.1).filter(|at| *at < first))
            .or(made.then_some(start));
        let missed = begun.filter(|begun| *begun < first);
        log.missing.extend(missed.map(|begun| (begun, first)));
        log.start = Start::found(start.max(first), missed);
        let misleading = orphans.iter().flat_map(|(base, _)| files_of(*base)).filter(|n| n.kind != FileKind::Log);
        // One without its segment says nothing, and would speak for another that begins there one day.
        let has_log = |base: &i64| listing.segments.get(base).is_some_and(|s| s.log.is_some());
        let (transactions, of_none) = std::mem::take(&mut listing.transactions).into_iter().partition(|(base, _)| has_log(base));
        let of_none: BTreeMap<i64, u64> = of_none;
        let of_none = of_none.keys().map(|base| FileId::new(dir, FileKind::TxnIndex, *base).name);
        let misleading = misleading.chain(renamed).chain(of_none).map(|name| FileId { dir, name }).collect();
        let mut recovery = Recovery {
            path,
            image,
            hints,
            now,
            log,
            scanned_bytes: 0,
            file_epoch: None,
            newest_snapshot,
            transactions,
            aborted: Vec::new(),
            folded: Vec::new(),
            begun,
            made,
            doubtless: false,
            doubtful: Vec::new(),
            misleading,
        };
        let mut verdict = recovery.run(&sizes, file_epochs, &mut listing, port);
        if let Verdict::Intact { .. } = verdict
            && made
            && promised > start
        {
            verdict = Verdict::LostPromised { end: start, promised };
        }
        let Recovery { mut log, hints, .. } = recovery;
        let above = hints.recovery_point.is_some_and(|point| point > log.end);
        let believed = log.is_offline() && !log.has(Bug::OfflinePointForgotten) || log.has(Bug::LostPointBelieved);
        log.overpromised = above && !believed;
        Ok((log, verdict))
    }
}

fn list(image: &dyn DiskImage, path: &str) -> Result<Listing, DiskFault> {
    let mut listing = Listing::default();
    let files = match image.files(Some(path)) {
        Err(DiskFault::NotFound) => Vec::new(),
        files => files?,
    };
    for (text, size) in files {
        let Some(name) = FileName::parse(&text) else { continue };
        if name.suffix != Suffix::None {
            listing.junk.push(name);
            continue;
        }
        match name.kind {
            FileKind::Log => listing.segments.entry(name.base).or_default().log = Some(size),
            FileKind::Index => listing.segments.entry(name.base).or_default().index = Some(size),
            FileKind::TimeIndex => listing.segments.entry(name.base).or_default().time = Some(size),
            FileKind::TxnIndex => drop(listing.transactions.insert(name.base, size)),
            FileKind::Snapshot => listing.snapshots.push(name.base),
            FileKind::LeaderEpochs => listing.epochs = true,
            _ => {}
        }
    }
    listing.snapshots.sort_unstable();
    Ok(listing)
}

/// What the checkpoint of leader epochs says, if it can be read.
fn read_epochs(path: &str, image: &dyn DiskImage) -> Option<Epochs> {
    let name = FileId::new(DirId(0), FileKind::LeaderEpochs, 0).name.to_string();
    image.read(Some(path), &name, 0, 1 << 20).ok().and_then(|text| Epochs::parse(&text))
}

fn files_of(base: Offset) -> [FileName; 3] {
    [FileKind::Log, FileKind::Index, FileKind::TimeIndex].map(|kind| FileName {
        kind,
        base: base.0,
        epoch: 0,
        suffix: Suffix::None,
    })
}

impl Recovery<'_> {
    fn has(&self, bug: Bug) -> bool {
        self.log.has(bug)
    }

    fn run(
        &mut self,
        sizes: &[(Offset, Sizes)],
        file_epochs: Option<Epochs>,
        listing: &mut Listing,
        port: &mut DiskPort<'_>,
    ) -> Verdict {
        let last = sizes.len() - 1;
        self.file_epoch = file_epochs.as_ref().and_then(Epochs::latest);
        let point = self.hints.recovery_point.unwrap_or(Offset::ZERO);
        // A segment that ends just at the recovery point may have been closed after that was written down: its indexes count as lost.
        let mut scan_from = if self.hints.clean || self.has(Bug::OnlyLastSegmentScanned) {
            last
        } else {
            sizes.partition_point(|s| s.0 < point).saturating_sub(1).min(last)
        };
        let mut hole = None;
        for (base, s) in &sizes[..scan_from] {
            // What lies behind a hole is judged, and is none of the log.
            if hole.is_some() {
                break;
            }
            hole = self.keep_closed(*base, s);
            let next = sizes.get(self.log.segments.len()).map(|s| s.0);
            if let Some(next) = next.filter(|_| hole.is_none()) {
                self.look_for_gap(*base, next);
            }
        }
        let trusted = self.hints.clean && !self.made && hole.is_none() && self.open_cleanly(sizes[last].0, &sizes[last].1);
        if trusted {
            scan_from = sizes.len();
        }
        self.doubtless = trusted;
        for (i, (base, s)) in sizes.iter().enumerate().skip(scan_from) {
            if hole.is_some() {
                break;
            }
            hole = self.scan_segment(*base, s, i == scan_from);
        }
        let end = self.log.end;
        let mut verdict = self.judge(hole, sizes);
        let start = self.hints.log_start.unwrap_or(Offset::ZERO);
        if end < start && !matches!(verdict, Verdict::Corrupt { .. } | Verdict::Unreadable { .. }) {
            verdict = Verdict::LostPromised { end, promised: start };
            self.start_over(start, sizes, listing, port);
            return verdict;
        }
        self.settle_ends(sizes.get(scan_from).map(|s| s.0));
        let folded_from = sizes.get(scan_from).map_or(end, |s| s.0);
        let folded = self.recover_epochs(file_epochs, folded_from);
        let forgiven = self.has(Bug::FoldForgivesFaults);
        let folded = folded.and_then(|()| self.recover_producers(&mut listing.snapshots));
        let folded = folded.and_then(|()| self.recover_transactions(sizes));
        if let Err(unreadable) = folded.or_else(|why| if forgiven { Ok(()) } else { Err(why) }) {
            // What is damaged in the log itself weighs more than what Kafka has not written down about it.
            let is_known = matches!((&verdict, &unreadable), (Verdict::Corrupt { .. }, Verdict::Undecided { .. }));
            verdict = if is_known { verdict } else { unreadable };
        }
        if let Verdict::Corrupt { .. } | Verdict::Undecided { .. } | Verdict::Unreadable { .. } = verdict {
            self.log.health = Health::Offline;
            // What is left of it may end below both: whoever restores its files has it begin where it began, and until then every start
            // has to see again what was durable.
            let kept = self.hints.recovery_point.filter(|_| !self.has(Bug::OfflinePointForgotten));
            self.log.recovered_point = kept.unwrap_or(Offset::ZERO);
            let kept = self.begun.filter(|_| !self.has(Bug::OfflineStartForgotten));
            self.log.start = Start::found(self.log.log_start(), kept);
            return verdict;
        }
        // What is left below it is vouched for as before: the next start must not take damage there for a torn tail.
        let point = self.hints.recovery_point.unwrap_or(Offset::ZERO);
        self.log.recovered_point = match verdict {
            Verdict::LostPromised { .. } if self.has(Bug::LossForgetsPoint) => Offset::ZERO,
            _ => point.min(end),
        };
        self.cut(hole, sizes, port);
        verdict
    }

    /// What was deleted on purpose reaches further than what is left: nothing of it is needed.
    fn start_over(&mut self, start: Offset, sizes: &[(Offset, Sizes)], listing: &Listing, port: &mut DiskPort<'_>) {
        let dir = self.log.dir;
        let mut log = Log::empty(dir, start, self.log.config.clone(), self.log.planted);
        log.ops = std::mem::take(&mut self.log.ops);
        log.doomed = std::mem::take(&mut self.log.doomed);
        log.segments.push_back(Segment::new(start, self.now));
        log.durable.open(start, false);
        log.names_due.push(Named::Segment(start));
        let snapshots = listing.snapshots.iter().map(|at| FileId::new(dir, FileKind::Snapshot, *at).name);
        let leftovers = std::mem::take(&mut self.misleading).into_iter().map(|file| file.name);
        let of_kafka = self.transactions.keys().map(|base| FileId::new(dir, FileKind::TxnIndex, *base).name);
        let all = sizes.iter().flat_map(|s| files_of(s.0)).chain(snapshots).chain(leftovers).chain(of_kafka);
        let but_its_own = all.filter(|name| name.kind != FileKind::Log || name.base != start.0 || name.suffix != Suffix::None);
        let doomed = but_its_own.map(|name| FileId { dir, name }).collect();
        log.epoch_file.dirty = listing.epochs;
        log.repair_after_recovery(log.written, true, doomed, port);
        self.log = log;
    }

    fn read(&self, base: Offset, kind: FileKind, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        self.image.read(Some(self.path), &FileId::new(self.log.dir, kind, base.0).name.to_string(), pos, len)
    }

    /// A segment below the recovery point: its batches are not looked at.
    fn keep_closed(&mut self, base: Offset, s: &Sizes) -> Option<Hole> {
        let mut segment = Segment::new(base, self.now);
        let Ok(size) = u32::try_from(s.log.unwrap_or(0)) else { return Some(self.push_unreadable(base)) };
        segment.size = size;
        let (index, time) = (s.index.unwrap_or(0), s.time.unwrap_or(0));
        let (entry, time_entry) = (u64::from(ENTRY_BYTES), u64::from(TIME_ENTRY_BYTES));
        // As many entries as batches, at the most; Kafka leaves files of their full size behind when it is killed.
        let most = u64::from(size) / HEADER_BYTES as u64;
        let long = u64::from(size) > 2 * u64::from(self.log.config.index_interval_bytes.max(self.log.config.max_message_bytes));
        let sane = index % entry == 0 && time % time_entry == 0 && index / entry <= most && time / time_entry <= most + 1;
        // A closed segment says at the least what its largest timestamp is.
        let has_time = size == 0 || time > 0;
        if sane && has_time && !(long && index == 0) {
            let count = |bytes: u64, size: u64| u32::try_from(bytes / size).unwrap_or(0);
            (segment.entries, segment.time_entries) = (count(index, entry), count(time, time_entry));
            segment.writer = None;
            self.log.segments.push_back(segment);
            return None;
        }
        let interval = self.log.config.index_interval_bytes;
        let fold = |depth| {
            let mut writer = IndexWriter::default();
            let read = &mut |pos, len| self.read(base, FileKind::Log, pos, len);
            let end = scan(&mut Window::new(read, depth), size, 0, base.0, depth, self.gaps(), &mut |info, _| {
                if info.last_offset() - base.0 <= i64::from(i32::MAX) {
                    writer.on_batch(base, info, info.pos, interval);
                }
            });
            let why = if end.next - base.0 > 1 << 31 { ScanStop::NoBatch } else { end.why };
            (ScanEnd { why, ..end }, writer)
        };
        // For an index the headers are enough. Where they do not add up, one of them is wrong before that shows: what it says of offsets
        // would decide what was promised and what was not.
        let (end, mut writer) = match fold(Depth::Headers) {
            (end, _) if end.why != ScanStop::EndOfFile && !self.has(Bug::HeadersBelieved) => fold(Depth::Checksums),
            folded => folded,
        };
        let hole = (end.why != ScanStop::EndOfFile).then_some(Hole { segment: base, size, end, impossible: false });
        if hole.is_some() {
            segment.size = end.pos;
            self.drop_indexes(base, s);
        } else {
            writer.close();
            let (index, time) = writer.take(base, Offset(i64::MAX));
            self.log.mends.push_back(Mend::new(base, index, time));
        }
        segment.writer = Some(Box::new(writer));
        self.log.segments.push_back(segment);
        self.log.end = Offset(end.next);
        hole
    }

    /// Whether the segment just kept reaches to the next one: its last index entry, and the headers behind it. Files that are gone from
    /// the middle are told, and no more: readers go on behind them. Kafka's compaction may have taken the end of a segment, too.
    fn look_for_gap(&mut self, base: Offset, next: Offset) {
        let segment = self.log.segments.back().expect("it was just kept");
        if self.hints.compacted {
            return;
        }
        let last = segment.entries.checked_sub(1).and_then(|last| {
            let (pos, len) = (u64::from(last) * u64::from(ENTRY_BYTES), ENTRY_BYTES as usize);
            index::entries(&self.read(base, FileKind::Index, pos, len).ok()?).next()
        });
        let read = &mut |pos, len| self.read(base, FileKind::Log, pos, len);
        let mut window = Window::new(read, Depth::Headers);
        // Kafka names the last of several batches that were appended at once, and where the first of them lies.
        let named = |e: &index::Entry, header: Bytes| {
            let within = |i: BatchInfo| (base.0..=base.0 + i64::from(e.relative)).contains(&i.base_offset);
            BatchInfo::parse_header(&header).is_ok_and(within)
        };
        let from = last.filter(|e| window.get(u64::from(e.pos), HEADER_BYTES).is_ok_and(|header| named(e, header)));
        let pos = from.map_or(0, |e| e.pos);
        let end = scan(&mut window, segment.size, pos, base.0, Depth::Headers, Gaps::Allowed, &mut |_, _| {});
        // What is damaged is told to whoever reads it.
        if end.why == ScanStop::EndOfFile && end.next < next.0 {
            self.log.missing.push((Offset(end.next), next));
        }
    }

    /// The indexes of a segment that will grow, or that are to be written while the recovery point lies below its end.
    fn drop_indexes(&mut self, base: Offset, s: &Sizes) {
        if self.has(Bug::OldIndexesKept) {
            return;
        }
        let there = [(FileKind::Index, s.index), (FileKind::TimeIndex, s.time)].into_iter().filter(|k| k.1.is_some());
        self.misleading.extend(there.map(|(kind, _)| FileId::new(self.log.dir, kind, base.0)));
    }

    /// A file larger than any segment of ours can be: whatever it is, nothing of it is touched.
    fn push_unreadable(&mut self, base: Offset) -> Hole {
        self.log.segments.push_back(Segment::new(base, self.now));
        self.log.end = base;
        let end = ScanEnd { pos: 0, next: base.0, why: ScanStop::Fault(DiskFault::Io) };
        Hole { segment: base, size: 0, end, impossible: false }
    }

    /// The active segment after an orderly end: its last index entry, and the headers behind it. False on any doubt.
    fn open_cleanly(&mut self, base: Offset, s: &Sizes) -> bool {
        let Ok(size) = u32::try_from(s.log.unwrap_or(0)) else { return false };
        let (index, time) = (s.index.unwrap_or(0), s.time.unwrap_or(0));
        if index % u64::from(ENTRY_BYTES) != 0 || time % u64::from(TIME_ENTRY_BYTES) != 0 || index > u64::from(size) {
            return false;
        }
        // What lies below the last entry of the one is in the other's: without it nobody would know the largest timestamp.
        if index > 0 && time == 0 {
            return false;
        }
        let tail = |kind, bytes: u64, entry: u32| match bytes {
            0 => Some(Bytes::new()),
            _ => self.read(base, kind, bytes - u64::from(entry), entry as usize).ok(),
        };
        let (Some(entry), Some(last_time)) =
            (tail(FileKind::Index, index, ENTRY_BYTES), tail(FileKind::TimeIndex, time, TIME_ENTRY_BYTES))
        else {
            return false;
        };
        let (entry, last_time) = (index::entries(&entry).next(), index::time_entries(&last_time).next());
        if entry.is_some_and(|e| e.pos >= size) || entry.is_some() != (index > 0) || last_time.is_some() != (time > 0) {
            return false;
        }
        let mut writer = IndexWriter::default();
        let (mut first_seen, mut max) = (None, last_time);
        let read = &mut |pos, len| self.read(base, FileKind::Log, pos, len);
        let mut window = Window::new(read, Depth::Headers);
        let from = entry.map_or(0, |e| e.pos);
        let begins = entry.and_then(|e| window.get(u64::from(e.pos), HEADER_BYTES).ok());
        let next = begins.and_then(|h| BatchInfo::parse_header(&h).ok()).map_or(base.0, |b| b.base_offset);
        let (mut epoch, mut plausible) = (-1, true);
        let end = scan(&mut window, size, from, next, Depth::Headers, self.gaps(), &mut |info, _| {
            first_seen.get_or_insert(*info);
            plausible &= self.may_follow(epoch, info.leader_epoch);
            epoch = info.leader_epoch;
            let later = info.max_timestamp > max.map_or(-1, |m| m.timestamp);
            if let Some(relative) = u32::try_from(info.last_offset() - base.0).ok().filter(|_| later) {
                max = Some(TimeEntry { timestamp: info.max_timestamp, relative });
            }
        });
        let named = entry.is_none_or(|e| first_seen.is_some_and(|i| i.last_offset() == base.0 + i64::from(e.relative)));
        let first =
            if from == 0 { first_seen } else { window.get(0, HEADER_BYTES).ok().and_then(|h| BatchInfo::parse_header(&h).ok()) };
        // Nothing here was looked at but headers. An orderly end left a second opinion on where the log ends and in which epoch.
        let agreed = self.hints.recovery_point.is_none_or(|point| point.0 == end.next)
            && (size == 0 || self.file_epoch.is_none_or(|e| e.0 == epoch));
        if end.why != ScanStop::EndOfFile || !named || !plausible || !agreed || (size > 0 && first.is_none()) {
            return false;
        }
        let count = |bytes: u64, entry: u32| u32::try_from(bytes / u64::from(entry)).unwrap_or(0);
        writer.bytes_since = size - from;
        (writer.count, writer.time_count) = (count(index, ENTRY_BYTES), count(time, TIME_ENTRY_BYTES));
        (writer.last_time, writer.max) = (last_time.map(|t| t.timestamp), max);
        writer.first_timestamp = first.map(|f| f.max_timestamp);
        let mut segment = Segment::new(base, self.now);
        (segment.size, segment.entries, segment.time_entries) = (size, writer.count, writer.time_count);
        segment.writer = Some(Box::new(writer));
        self.log.segments.push_back(segment);
        self.log.end = Offset(end.next);
        true
    }

    /// Check a segment batch by batch, and fold it.
    fn scan_segment(&mut self, base: Offset, s: &Sizes, is_first: bool) -> Option<Hole> {
        let Ok(size) = u32::try_from(s.log.unwrap_or(0)) else { return Some(self.push_unreadable(base)) };
        let expected = self.log.end;
        if !is_first && !self.gaps().allow(expected.0, base.0) {
            return Some(Hole::at(base, size));
        }
        let interval = self.log.config.index_interval_bytes;
        let depth = if self.has(Bug::ScanWithoutChecksums) { Depth::Headers } else { Depth::Checksums };
        let gaps = self.gaps();
        let mut epoch = self.folded.last().map_or(-1, |f| f.0.0);
        let mut impossible: Option<BatchInfo> = None;
        let (mut writer, mut folded) = (IndexWriter::default(), std::mem::take(&mut self.folded));
        let (known, mut known_pos) = (self.synced_before(), 0);
        let read = &mut |pos, len| self.read(base, FileKind::Log, pos, len);
        let mut end = scan(&mut Window::new(read, depth), size, 0, base.0, depth, gaps, &mut |info, _| {
            if impossible.is_some() || !self.may_follow(epoch, info.leader_epoch) {
                impossible.get_or_insert(*info);
                return;
            }
            epoch = info.leader_epoch;
            if info.next_offset() <= known.0 {
                known_pos = info.pos + info.len;
            }
            if info.last_offset() - base.0 <= i64::from(i32::MAX) {
                writer.on_batch(base, info, info.pos, interval);
                if folded.last().is_none_or(|f| f.0.0 < info.leader_epoch) {
                    folded.push((LeaderEpoch(info.leader_epoch), Offset(info.base_offset)));
                }
            }
        });
        if end.next - base.0 > 1 << 31 {
            end = ScanEnd { why: ScanStop::NoBatch, ..end };
        }
        if let Some(at) = impossible {
            end = ScanEnd { pos: at.pos, next: at.base_offset, why: ScanStop::NoBatch };
        }
        self.folded = folded;
        self.scanned_bytes += u64::from(end.pos);
        self.doubtful.push((base, known_pos, end.pos));
        self.drop_indexes(base, s);
        let mut segment = Segment::new(base, self.now);
        segment.size = end.pos;
        segment.writer = Some(Box::new(writer));
        self.log.segments.push_back(segment);
        self.log.end = Offset(end.next);
        (end.why != ScanStop::EndOfFile).then_some(Hole { segment: base, size, end, impossible: impossible.is_some() })
    }

    /// Whether offsets may be missing between batches: where Kafka has compacted the log, below what was durable once. What a power loss
    /// has left of batches that were not looks the same.
    fn gaps(&self) -> Gaps {
        match (self.hints.compacted, self.hints.clean) {
            _ if self.has(Bug::ScanAllowsGaps) => Gaps::Allowed,
            (false, _) => Gaps::Damage,
            (true, true) => Gaps::Allowed,
            (true, false) => Gaps::UpTo(self.known_durable().0),
        }
    }

    /// Whether a batch of one leader epoch may follow one of another.
    fn may_follow(&self, before: i32, epoch: i32) -> bool {
        (epoch >= before && self.hints.epoch_max.is_none_or(|max| epoch <= max.0)) || self.has(Bug::EpochsBelieved)
    }

    /// Everything below was durable at some time, as the checkpoints say.
    fn known_durable(&self) -> Offset {
        // Like an index entry, a snapshot is written when everything below it is durable, whatever promises rest on.
        let snapshot = self.newest_snapshot.filter(|_| !self.has(Bug::EvidenceIgnored));
        [self.hints.recovery_point, snapshot].into_iter().flatten().fold(self.log.log_start(), Offset::max)
    }

    /// As far as syncs are known to have covered the log. A log start that moved on made a recovery point of what it passed, durable
    /// or not.
    fn synced_before(&self) -> Offset {
        self.hints.recovery_point.filter(|point| *point > self.log.log_start()).unwrap_or(Offset::ZERO)
    }

    /// Give the log its ends: what was scanned is there and waits for a sync.
    fn settle_ends(&mut self, scanned_from: Option<Offset>) {
        let log = &mut self.log;
        let active = log.segments.back().expect("there is a segment");
        log.written = Place { offset: log.end, segment: active.base, pos: active.size };
        let bases: Vec<Offset> = log.segments.iter().map(|s| s.base).collect();
        for (i, base) in bases.iter().enumerate() {
            let closed = bases.get(i + 1).copied();
            if scanned_from.is_some_and(|from| *base >= from) {
                // Also where all was durable: that the last life cut the file may not be.
                log.durable.found(*base, base.plus(-1), closed);
                log.durable.row(*base).expect("just found").named = false;
                log.names_due.push(Named::Segment(*base));
                if closed.is_some() {
                    log.unindexed.push_back((*base, u32::MAX));
                    log.segments[i].writer.as_mut().expect("a scanned segment has its writer").close();
                }
            } else if closed.is_none() {
                log.durable.found(*base, log.end, closed);
            }
        }
        // A log that lost its end keeps its start: the next record follows.
        if log.end < log.log_start() {
            log.start = Start::new(log.end);
        }
        log.synced_end = log.durable.settle(log.end).max(log.log_start());
        log.durable.want(log.end);
    }

    /// The epochs of the file as far as it is believed, and those of the batches behind. If these are older, nothing of it is.
    fn recover_epochs(&mut self, file: Option<Epochs>, folded_from: Offset) -> Result<(), Verdict> {
        let first = self.log.segments[0].base;
        let mut epochs = file.clone().unwrap_or_default();
        epochs.truncate_from_end(folded_from.max(first));
        let is_refuted = self.folded.first().is_some_and(|folded| epochs.latest().is_some_and(|latest| latest > folded.0));
        let file = file.filter(|_| !is_refuted);
        if is_refuted {
            epochs = Epochs::default();
        }
        // The file may know nothing, or only what lies above a log start that was lost again.
        let known_from = epochs.entries().first().map_or(folded_from, |e| e.1);
        if known_from > self.log.log_start() {
            let file = std::mem::take(&mut epochs);
            let fold = self.fold_epochs(known_from)?;
            fold.into_iter().chain(file.entries().iter().copied()).for_each(|(epoch, start)| {
                epochs.assign(epoch, start);
            });
        }
        let lost = usize::from(self.has(Bug::FirstEpochForgotten));
        for (epoch, start) in std::mem::take(&mut self.folded).into_iter().skip(lost) {
            epochs.assign(epoch, start);
        }
        epochs.truncate_from_end(self.log.end);
        // Also what lies below a log start that is none but for missing files: the next start has to miss them, too.
        epochs.truncate_from_start(self.log.start.to_write_down());
        let saved = file.filter(|f| *f == epochs);
        self.log.epoch_file.dirty = saved.is_none() && !epochs.entries().is_empty();
        self.log.epoch_file.saved = saved.and_then(|f| f.latest());
        self.log.epochs = epochs;
        Ok(())
    }

    /// Nothing is known of the epochs below `end`: read the headers.
    fn fold_epochs(&self, end: Offset) -> Result<Vec<(LeaderEpoch, Offset)>, Verdict> {
        let mut folded: Vec<(LeaderEpoch, Offset)> = Vec::new();
        for segment in self.log.segments.iter().filter(|s| s.base < end) {
            self.walk(segment, |info| {
                let newer = folded.last().is_none_or(|f| f.0.0 < info.leader_epoch);
                if info.base_offset < end.0 && newer && self.may_follow(-1, info.leader_epoch) {
                    folded.push((LeaderEpoch(info.leader_epoch), Offset(info.base_offset)));
                }
            })?;
        }
        Ok(folded)
    }

    /// The headers of a segment, one by one. What is folded over a part of them is not to be believed.
    fn walk(&self, segment: &Segment, mut each: impl FnMut(&BatchInfo)) -> Result<(), Verdict> {
        let read = &mut |pos, len| self.read(segment.base, FileKind::Log, pos, len);
        let mut window = Window::new(read, Depth::Headers);
        let end = scan(&mut window, segment.size, 0, segment.base.0, Depth::Headers, Gaps::Allowed, &mut |info, _| each(info));
        match end.why {
            ScanStop::Fault(fault) => {
                let file = segment.file(self.log.dir, FileKind::Log);
                Err(Verdict::Unreadable { file, at: BytePos(u64::from(end.pos)), fault })
            }
            ScanStop::EndOfFile | ScanStop::NoBatch => Ok(()),
        }
    }

    /// The newest snapshot that is whole and not above the end, and the batches behind it. All other snapshots above it are removed: they
    /// are nonsense. One that cannot be read stays, and is done without where the batches still say all that it can.
    fn recover_producers(&mut self, snapshots: &mut Vec<i64>) -> Result<(), Verdict> {
        // What was deleted and still lies there says what its producers sent last, as it did in the life before.
        let all = !self.has(Bug::EmptiedLogForgetsProducers);
        let first = self.log.segments.front().map(|s| s.base).filter(|_| all);
        let lowest = first.map_or(self.log.log_start(), |base| base.min(self.log.log_start()));
        let (mut producers, mut from) = (Producers::default(), lowest);
        let (mut unread, mut unreadable) = (Vec::new(), None);
        // From here on the batches say everything.
        let mut known_from = Offset::ZERO;
        while let Some(at) = snapshots.pop() {
            let file = FileId::new(self.log.dir, FileKind::Snapshot, at);
            let contents = (at <= self.log.end.0).then(|| self.read(Offset(at), FileKind::Snapshot, 0, WHOLE_FILE));
            let found = match contents.transpose() {
                Ok(found) => found,
                Err(DiskFault::NotFound) => None,
                Err(fault) => {
                    unread.push(at);
                    unreadable = Some(Verdict::Unreadable { file, at: BytePos(0), fault });
                    continue;
                }
            };
            let empty = self.has(Bug::EmptySnapshotTrusted).then(Producers::default);
            if let Some(p) = found.and_then(|bytes| snapshot::parse(&bytes, self.now.wall).or(empty)) {
                (producers, from, known_from) = (p, Offset(at), Offset(at));
                snapshots.push(at);
                break;
            }
            if !self.has(Bug::LaterSnapshotsKept) {
                self.misleading.push(file);
            }
        }
        let nothing_is_lost = known_from >= lowest && self.log.missing.is_empty() || self.hints.no_producers;
        if let Some(unreadable) = unreadable.filter(|_| !nothing_is_lost) {
            return Err(unreadable);
        }
        self.log.snapshots.on_disk = snapshots.iter().map(|s| Offset(*s)).collect();
        self.log.snapshots.unread = unread.into_iter().map(Offset).collect();
        self.log.snapshots.durable = self.log.snapshots.on_disk.back().copied().filter(|_| self.doubtless);
        let (mut aborted, mut unread_marker) = (Vec::new(), None);
        if from < self.log.end && (from == lowest || !self.has(Bug::SnapshotNotRolledForward)) {
            let behind = self.log.segments.iter().zip(self.log.segments.iter().skip(1).map(|s| s.base).chain([self.log.end]));
            for (segment, _) in behind.filter(|(_, end)| *end > from) {
                self.walk(segment, |info| {
                    // The log may start within a batch: what is left of it counts.
                    if info.last_offset() >= from.0 {
                        match self.aborted_by(segment.base, info, &producers) {
                            Ok(met) => aborted.extend(met),
                            Err(why) => unread_marker = Some(why),
                        }
                        producers.apply(info, self.now.wall);
                    }
                })?;
            }
        }
        if let Some(unreadable) = unread_marker {
            return Err(unreadable);
        }
        self.aborted = aborted;
        self.log.producers = if self.has(Bug::ProducersForgotten) { Producers::default() } else { producers };
        Ok(())
    }

    /// The transaction that this batch ends, if it is a marker of abortion.
    fn aborted_by(&self, segment: Offset, info: &BatchInfo, producers: &Producers) -> Result<Option<Entry>, Verdict> {
        let first = producers.open_transaction(info.producer_id).filter(|_| info.attributes.is_control());
        let Some(first) = first else { return Ok(None) };
        let pos = u64::from(info.pos);
        let bytes = self.read(segment, FileKind::Log, pos, info.len as usize).map_err(|fault| {
            let file = FileId::new(self.log.dir, FileKind::Log, segment.0);
            Verdict::Unreadable { file, at: BytePos(pos), fault }
        })?;
        let is_abort = batch::is_abort_marker(&BatchInfo { pos: 0, ..*info }, &bytes);
        Ok(is_abort.then_some(Entry { producer_id: info.producer_id, first, last: info.last_offset() }))
    }

    /// What Kafka has written down of aborted transactions, which has to name all that the fold has met.
    fn recover_transactions(&mut self, sizes: &[(Offset, Sizes)]) -> Result<(), Verdict> {
        let (dir, mut aborted) = (self.log.dir, Vec::new());
        let file = |base: Offset| FileId::new(dir, FileKind::TxnIndex, base.0);
        for i in 0..self.log.segments.len() {
            let base = self.log.segments[i].base;
            let Some(bytes) = self.transactions.get(&base.0).copied() else { continue };
            self.log.segments[i].has_transactions = true;
            let undecided = Verdict::Undecided { file: file(base), offset: base };
            let size = sizes.iter().find(|s| s.0 == base).and_then(|s| s.1.log).unwrap_or(0);
            if bytes > transactions::bytes_max(size) {
                return Err(undecided);
            }
            let bytes = self.read(base, FileKind::TxnIndex, 0, WHOLE_FILE);
            let bytes = bytes.map_err(|fault| Verdict::Unreadable { file: file(base), at: BytePos(0), fault })?;
            aborted.extend(transactions::parse(base, bytes).ok_or(undecided)?);
        }
        // Where the log begins within a transaction, the fold knows another beginning.
        let named: BTreeSet<_> = aborted.iter().map(|e| (e.producer_id, e.last)).collect();
        if let Some(met) = self.aborted.iter().find(|met| !named.contains(&(met.producer_id, met.last))) {
            let (first, offset) = (self.log.segments[0].base, Offset(met.last));
            let base = self.log.segment_of(offset).map_or(first, |i| self.log.segments[i].base);
            return Err(Verdict::Undecided { file: file(base), offset });
        }
        self.log.transactions = Transactions::new(aborted, self.log.producers.open_transactions());
        Ok(())
    }

    /// The page cache may show what the disk never took: an fsync fails once, the pages count as clean from then on, and the next life
    /// reads them as if they were there. Bytes that are written again are dirty again, and the sync that follows speaks for them.
    /// In place: whole sectors are replaced by themselves, as every append does with the sector in which the last promise ends.
    fn write_again(&mut self, port: &mut DiskPort<'_>) {
        if self.has(Bug::TailTrusted) {
            return;
        }
        for (base, from, to) in self.doubtful.drain(..).filter(|(_, from, to)| from < to) {
            let file = FileId::new(self.log.dir, FileKind::Log, base.0);
            let call = DiskCall::Rewrite { pos: BytePos(u64::from(from)), len: to - from };
            self.log.call(file, call, Op::Rewrite, port);
            self.log.rewriting += 1;
        }
    }

    /// Let the disk follow where the log was cut; otherwise let it catch up.
    fn cut(&mut self, hole: Option<Hole>, sizes: &[(Offset, Sizes)], port: &mut DiskPort<'_>) {
        let (active, dir) = (self.log.segments.back().expect("there is a segment").base, self.log.dir);
        let mut doomed = std::mem::take(&mut self.misleading);
        self.write_again(port);
        let is_cut = hole.is_some() || self.made;
        if hole.is_some() {
            let later = sizes.iter().map(|s| s.0).filter(|base| *base > active).flat_map(files_of);
            doomed.extend(later.map(|name| FileId { dir, name }));
            let of_kafka = self.transactions.range(active.0 + 1..);
            doomed.extend(of_kafka.map(|(base, _)| FileId::new(dir, FileKind::TxnIndex, *base)));
        }
        // The last life may have cut the log, and not have seen that through: the page cache does not tell. Nothing is appended before
        // the end that it shows is on the disk.
        if (is_cut || !doomed.is_empty() || !self.doubtless) && !self.has(Bug::TornTailKept) {
            self.log.repair_after_recovery(self.log.written, is_cut, doomed, port);
            return;
        }
        self.log.write_indexes(port);
        self.log.sync_due(port);
        self.log.sync_names(port);
        self.log.write_side_files(port);
    }
}

impl Hole {
    fn at(segment: Offset, size: u32) -> Hole {
        Hole { segment, size, end: ScanEnd { pos: 0, next: segment.0, why: ScanStop::NoBatch }, impossible: false }
    }
}

/// Give every batch of the log at `path` that begins in `from..to` to `each`, with its bytes: for state that is a fold over records.
/// Call it after recovery, with the recovered log's end. The error is where a batch is damaged or cannot be read.
pub fn replay(
    image: &dyn DiskImage,
    path: &str,
    from: Offset,
    to: Offset,
    each: &mut dyn FnMut(&BatchInfo, Bytes),
) -> Result<(), Offset> {
    let listing = list(image, path).map_err(|_| from)?;
    let bases: Vec<i64> = listing.segments.iter().filter(|s| s.1.log.is_some()).map(|s| *s.0).collect();
    for (i, base) in bases.iter().enumerate() {
        let next = bases.get(i + 1).copied().unwrap_or(i64::MAX);
        if next <= from.0 || *base >= to.0 {
            continue;
        }
        let size = u32::try_from(listing.segments[base].log.unwrap_or(0)).map_err(|_| Offset(*base))?;
        let name = FileId::new(DirId(0), FileKind::Log, *base).name.to_string();
        let read = &mut |pos, len| image.read(Some(path), &name, pos, len);
        let end =
            scan(&mut Window::new(read, Depth::Checksums), size, 0, *base, Depth::Checksums, Gaps::Damage, &mut |info, bytes| {
                if info.base_offset >= from.0 && info.base_offset < to.0 {
                    each(info, bytes);
                }
            });
        if end.why != ScanStop::EndOfFile && end.next < to.0 {
            return Err(Offset(end.next));
        }
    }
    Ok(())
}
