//! Segment bytes as batches, one after the other, with every check: for recovery, and for tools that look at files offline.
//!
//! State       a window over the file that is being read, a megabyte at most (or one batch, if that is larger).
//! Takes       anything that can read a range of a file.
//! Gives       headers with positions, and the bytes of whole batches where asked for; where and why the batches end.
//! Holds       a length is believed only as far as the file reaches; a search for a batch reads a file no more than a few times.
//! Not here    what to do about damage (`recovery.rs`).

use super::index::{self, Entry, TimeEntry};
use crate::io::DiskFault;
use crate::wire::batch::{BatchInfo, CRC_FROM, HEADER_BYTES};
use bytes::Bytes;

/// Bytes read at once where all are checked, and where only headers are.
const WINDOW: usize = 1 << 20;
const HEADER_WINDOW: usize = 8192;

/// How often the bytes behind damage are read, at the most, in search of a batch: once for a batch that takes all of them, and the rest
/// for what only looks like one.
const SEARCH_FACTOR: u64 = 4;

/// Drives fail by sectors, of this many bytes at the least.
pub(super) const SECTOR: u32 = 512;

/// How much of each batch is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    Headers,
    /// Everything, with its checksum.
    Checksums,
}

/// Where the batches of a file end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScanEnd {
    /// The position behind the last whole batch.
    pub pos: u32,
    /// The offset behind the last whole batch.
    pub next: i64,
    pub why: ScanStop,
}

/// Why a scan came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScanStop {
    /// The file ends here too.
    EndOfFile,
    /// No whole, intact batch that continues the offsets is here.
    NoBatch,
    /// The disk cannot be read here.
    Fault(DiskFault),
}

/// A way to read a range of one file: up to the number of bytes asked for, fewer only at its end.
pub type ReadAt<'a> = dyn FnMut(u64, usize) -> Result<Bytes, DiskFault> + 'a;

/// A window over a file.
pub struct Window<'a> {
    read: &'a mut ReadAt<'a>,
    at: u64,
    bytes: Bytes,
    least: usize,
}

impl std::fmt::Debug for Window<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "window of {} bytes at {}", self.bytes.len(), self.at)
    }
}

impl<'a> Window<'a> {
    pub fn new(read: &'a mut ReadAt<'a>, depth: Depth) -> Window<'a> {
        let least = if depth == Depth::Checksums { WINDOW } else { HEADER_WINDOW };
        Window { read, at: 0, bytes: Bytes::new(), least }
    }

    /// The `len` bytes at `pos`; fewer if the file ends.
    pub fn get(&mut self, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        let inside = pos >= self.at && pos + len as u64 <= self.at + self.bytes.len() as u64;
        if !inside {
            self.bytes = (self.read)(pos, len.max(self.least))?;
            self.at = pos;
        }
        let from = usize::try_from(pos - self.at).expect("a window is small");
        Ok(self.bytes.slice(from.min(self.bytes.len())..(from + len).min(self.bytes.len())))
    }
}

/// Whether offsets may be missing between batches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gaps {
    Allowed,
    /// Only up to this offset, in front of a batch that begins at or below it.
    UpTo(i64),
    Damage,
}

impl Gaps {
    /// Whether what begins at `found` may follow where `next` is expected.
    #[must_use]
    pub fn allow(self, next: i64, found: i64) -> bool {
        let may_jump = match self {
            Gaps::Allowed => true,
            Gaps::UpTo(limit) => found <= limit,
            Gaps::Damage => false,
        };
        found == next || found > next && may_jump
    }
}

/// Go through the batches of a file of `size` bytes from `pos` on, where the offset `next` or a later one is expected. `each` gets a
/// header with its position, and the batch's bytes with [`Depth::Checksums`] (else none). `gaps`: whether offsets may be missing, as
/// after a compaction; the checksum does not cover a batch's base offset, so where they may not, each must follow the one before.
pub fn scan(
    window: &mut Window<'_>,
    size: u32,
    mut pos: u32,
    mut next: i64,
    depth: Depth,
    gaps: Gaps,
    each: &mut dyn FnMut(&BatchInfo, Bytes),
) -> ScanEnd {
    loop {
        let end = |why| ScanEnd { pos, next, why };
        if pos == size {
            return end(ScanStop::EndOfFile);
        }
        let header = match window.get(u64::from(pos), HEADER_BYTES.min((size - pos) as usize)) {
            Ok(header) => header,
            Err(fault) => return end(ScanStop::Fault(fault)),
        };
        let fits = |i: &BatchInfo| {
            gaps.allow(next, i.base_offset)
                && i.last_offset_delta >= 0
                && i.count >= 0
                && i.len <= size - pos
                && i.base_offset < i64::MAX >> 1
        };
        let Some(info) = BatchInfo::parse_header(&header).ok().filter(fits) else { return end(ScanStop::NoBatch) };
        let mut bytes = Bytes::new();
        if depth == Depth::Checksums {
            bytes = match window.get(u64::from(pos), info.len as usize) {
                Ok(bytes) => bytes,
                Err(fault) => return end(ScanStop::Fault(fault)),
            };
            if !info.crc_matches(&bytes) {
                return end(ScanStop::NoBatch);
            }
        }
        each(&BatchInfo { pos, ..info }, bytes);
        (pos, next) = (pos + info.len, info.next_offset());
    }
}

/// More of a file looks like batches than is worth reading: whether one of them is whole was not found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsure;

/// The first whole, intact batch at or behind `pos` whose offset is at or above `next`: position and header. For telling a torn tail from
/// damage in the middle.
///
/// Values can look like headers, and each of those claims bytes that have to be read. No more than [`SEARCH_FACTOR`] times what lies
/// behind `pos` is read for them.
pub fn find_batch_behind(window: &mut Window<'_>, size: u32, pos: u32, next: i64) -> Result<Option<BatchInfo>, Unsure> {
    let plausible = |i: &BatchInfo| i.base_offset >= next && i.base_offset - next < 1 << 31 && i.last_offset_delta >= 0;
    // One at `pos` itself is whole and does not follow: what was between is missing.
    let mut at = pos;
    let mut left = u64::from(size - pos.min(size)) * SEARCH_FACTOR;
    while size - at.min(size) >= HEADER_BYTES as u32 {
        let Ok(chunk) = window.get(u64::from(at), HEADER_WINDOW.min((size - at) as usize)) else {
            at = at.saturating_add(SECTOR);
            continue;
        };
        let candidates = chunk.len().saturating_sub(HEADER_BYTES - 1);
        for i in (0..candidates).filter(|i| chunk[i + 16] == 2) {
            let here = at + u32::try_from(i).expect("a window is small");
            let Some(info) = BatchInfo::parse_header(&chunk[i..]).ok().filter(plausible) else { continue };
            if info.len > size - here {
                continue;
            }
            left = left.checked_sub(u64::from(info.len)).ok_or(Unsure)?;
            if is_whole(window, here, &info) == Ok(true) {
                return Ok(Some(BatchInfo { pos: here, ..info }));
            }
        }
        at += u32::try_from(candidates.max(1)).expect("a window is small");
    }
    Ok(None)
}

/// Whether the checksum of the batch at `pos` is right. A length that damage made up costs no memory.
pub fn is_whole(window: &mut Window<'_>, pos: u32, info: &BatchInfo) -> Result<bool, DiskFault> {
    let (mut at, end) = (u64::from(pos) + CRC_FROM as u64, u64::from(pos) + u64::from(info.len));
    let mut crc = 0;
    while at < end {
        let piece = window.get(at, usize::try_from(end - at).unwrap_or(WINDOW).min(WINDOW))?;
        if piece.is_empty() {
            return Ok(false);
        }
        crc = crc32c::crc32c_append(crc, &piece);
        at += piece.len() as u64;
    }
    Ok(crc == info.crc)
}

/// What the indexes of a segment say that its batches do not: nothing, where all is well. `batches` are the segment's, in order, with
/// positions; the indexes are given as their files' contents. For `log dump --verify`.
#[must_use]
pub fn verify_indexes(base: i64, batches: &[BatchInfo], index: &[u8], time_index: &[u8]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut last: Option<Entry> = None;
    for e in index::entries(index) {
        if last.is_some_and(|l| e.relative <= l.relative || e.pos <= l.pos) {
            wrong.push(format!("index: the entry of offset {} does not increase", base + i64::from(e.relative)));
        }
        let named = batches
            .binary_search_by_key(&e.pos, |b| b.pos)
            .is_ok_and(|i| batches[i].last_offset() == base + i64::from(e.relative));
        if !named {
            wrong.push(format!("index: no batch at {} ends with offset {}", e.pos, base + i64::from(e.relative)));
        }
        last = Some(e);
    }
    let mut latest: Option<TimeEntry> = None;
    for e in index::time_entries(time_index) {
        let offset = base + i64::from(e.relative);
        if latest.is_some_and(|l| e.timestamp <= l.timestamp || e.relative < l.relative) {
            wrong.push(format!("timeindex: the entry of {} does not increase", e.timestamp));
        }
        let behind = batches.partition_point(|b| b.last_offset() <= offset);
        if batches[..behind].iter().map(|b| b.max_timestamp).max() != Some(e.timestamp) {
            wrong.push(format!("timeindex: {} is not the largest timestamp up to offset {offset}", e.timestamp));
        }
        latest = Some(e);
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::batch::BatchBuilder;
    use crate::wire::compress::Compression;

    /// A whole batch at offset 7.
    fn batch(size: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new(Compression::default()).base_offset(7);
        builder.push(1, None, Some(&vec![b'v'; size]), []);
        builder.build().expect("it builds").bytes.to_vec()
    }

    /// What looks like the header of a batch of so many bytes.
    fn fake(len: usize) -> Vec<u8> {
        let mut header = batch(1)[..HEADER_BYTES].to_vec();
        header[8..12].copy_from_slice(&i32::try_from(len - 12).expect("small").to_be_bytes());
        header
    }

    #[test]
    fn a_search_reads_a_file_a_few_times_at_the_most() {
        for (fakes, size, found) in [(0, 50_000, true), (3, 50_000, true), (2000, 50, false), (20_000, 50, false)] {
            let whole = batch(size);
            let mut file = vec![b'?'; 500];
            for left in (0..fakes).rev() {
                file.extend(fake((left + 1) * HEADER_BYTES + whole.len()));
            }
            let at = file.len();
            file.extend(&whole);
            let mut bytes_read = 0;
            let read = &mut |pos: u64, len: usize| {
                let from = usize::try_from(pos).expect("small").min(file.len());
                let to = file.len().min(from + len);
                bytes_read += to - from;
                Ok(Bytes::copy_from_slice(&file[from..to]))
            };
            let end = u32::try_from(file.len()).expect("small");
            let behind = find_batch_behind(&mut Window::new(read, Depth::Headers), end, 0, 3);
            match found {
                true => assert_eq!(behind.map(|b| b.map(|b| (b.pos as usize, b.base_offset))), Ok(Some((at, 7)))),
                false => assert_eq!(behind, Err(Unsure)),
            }
            assert!(bytes_read < 10 * file.len() + 100_000, "{bytes_read} of {} for {fakes}", file.len());
        }
    }

    #[test]
    fn a_search_goes_on_behind_what_cannot_be_read() {
        let (mut file, whole) = (vec![b'?'; 40_000], batch(50));
        file.extend(&whole);
        let mut reads = 0;
        let read = &mut |pos: u64, len: usize| {
            reads += 1;
            let from = usize::try_from(pos).expect("small");
            let to = file.len().min(from + len);
            match (from..to).contains(&9000) {
                true => Err(DiskFault::Io),
                false => Ok(Bytes::copy_from_slice(&file[from..to])),
            }
        };
        let end = u32::try_from(file.len()).expect("small");
        let behind = find_batch_behind(&mut Window::new(read, Depth::Headers), end, 0, 3);
        assert_eq!(behind.map(|b| b.map(|b| b.pos)), Ok(Some(40_000)));
        assert!(reads < 40, "{reads}");
    }
}
