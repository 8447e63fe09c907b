//! What it means that a log does not go on: a torn tail, promised bytes that are lost, or damage in the middle.
//!
//! State       none.
//! Takes       the hole that recovery has found, the checkpoints, what lies behind.
//! Gives       the verdict. Nothing is changed here.
//! Holds       what cannot be read may be anything, and counts as what was promised.
//! Not here    finding the hole, cutting (`recovery.rs`).

use super::{Hole, Recovery, Sizes};
use crate::ids::{BytePos, Offset};
use crate::io::{DiskFault, FileId, FileKind};
use crate::log::Verdict;
use crate::log::dump::{Depth, SECTOR, ScanStop, Unsure, Window, find_batch_behind, is_whole};
use crate::log::index::{self, ENTRY_BYTES};
use crate::planted::Bug;
use crate::wire::batch::{BatchInfo, HEADER_BYTES, LEADER_EPOCH_ENDS};
use bytes::Bytes;

impl Recovery<'_> {
    /// What a hole means. Nothing is changed here.
    pub(super) fn judge(&self, hole: Option<Hole>, sizes: &[(Offset, Sizes)]) -> Verdict {
        let (end, point) = (self.log.end, self.known_durable());
        let Some(hole) = hole else {
            return if end < point {
                Verdict::LostPromised { end, promised: point }
            } else {
                Verdict::Intact { scanned_bytes: self.scanned_bytes }
            };
        };
        let file = FileId::new(self.log.dir, FileKind::Log, hole.segment.0);
        let at = BytePos(u64::from(hole.end.pos));
        let corrupt = Verdict::Corrupt { file, at, offset: end };
        // A power loss within a sector leaves all of a batch but its leader epoch only where that is the last thing in the sector.
        let may_be_torn = (hole.end.pos + LEADER_EPOCH_ENDS).is_multiple_of(SECTOR);
        match hole.end.why {
            _ if hole.impossible && !may_be_torn => return corrupt,
            ScanStop::Fault(fault) => return Verdict::Unreadable { file, at, fault },
            ScanStop::EndOfFile | ScanStop::NoBatch => {}
        }
        let later = sizes.iter().filter(|s| s.0 > hole.segment);
        let later_bytes: u64 = later.clone().map(|s| s.1.log.unwrap_or(0)).sum();
        let in_later = |base: Offset, s: &Sizes| match u32::try_from(s.log.unwrap_or(0)) {
            Ok(size) if self.has(Bug::LaterByFirstBatch) => self.may_begin_with_batch(base, size),
            Ok(size) => self.batch_behind(base, size, 0, end.max(base)),
            // Whatever is in a file of that size.
            Err(_) => true,
        };
        let behind = self.batch_behind(hole.segment, hole.size, hole.end.pos, end) || later.clone().any(|s| in_later(s.0, &s.1));
        let promised = match self.evidence(hole) {
            Ok(evidence) => evidence.max(point),
            // It would change nothing: what cannot be restored from here goes, promised or not.
            Err(_) if end < point || !behind || self.has(Bug::UnreadableIsNothing) => point,
            Err(unreadable) => return unreadable,
        };
        let bytes = u64::from(hole.size - hole.end.pos) + later_bytes;
        match (end < promised, behind) {
            (true, true) if self.has(Bug::CorruptionIsTornTail) => Verdict::TornTail { bytes, batches_behind: true },
            (true, true) => corrupt,
            (true, false) => Verdict::LostPromised { end, promised },
            (false, batches_behind) => Verdict::TornTail { bytes, batches_behind },
        }
    }

    /// Whether a batch at or above `end` lies at or behind a position of a segment, or may.
    fn batch_behind(&self, base: Offset, size: u32, pos: u32, end: Offset) -> bool {
        if pos == 0 && self.may_begin_with_batch(base, size) {
            return true;
        }
        let mut unreadable = None;
        let read = &mut |pos, len| match unreadable {
            Some(fault) => Err(fault),
            None => {
                let bytes = self.read(base, FileKind::Log, pos, len);
                unreadable = bytes.as_ref().err().copied().filter(|_| !self.has(Bug::UnreadableIsNothing));
                bytes
            }
        };
        let found = find_batch_behind(&mut Window::new(read, Depth::Headers), size, pos, end.0);
        // What cannot be read may be anything: somebody may still read it from this drive, if it is not removed.
        matches!(found, Ok(Some(_)) | Err(Unsure)) || unreadable.is_some()
    }

    /// As there, what cannot be read counts.
    fn may_begin_with_batch(&self, base: Offset, size: u32) -> bool {
        if (size as usize) < HEADER_BYTES {
            return false;
        }
        let read = &mut |pos, len| self.read(base, FileKind::Log, pos, len);
        let mut window = Window::new(read, Depth::Headers);
        let Ok(header) = window.get(0, HEADER_BYTES) else { return !self.has(Bug::UnreadableIsNothing) };
        let Ok(info) = BatchInfo::parse_header(&header) else { return false };
        info.len <= size && is_whole(&mut window, 0, &info).unwrap_or(!self.has(Bug::UnreadableIsNothing))
    }

    /// How far the offset index proves that its segment was durable: its entries are written after their batches' sync. An index that
    /// cannot be read may prove anything.
    fn evidence(&self, hole: Hole) -> Result<Offset, Verdict> {
        if self.has(Bug::EvidenceIgnored) {
            return Ok(Offset::ZERO);
        }
        let unreadable = |kind, pos, fault| Verdict::Unreadable {
            file: FileId::new(self.log.dir, kind, hole.segment.0),
            at: BytePos(pos),
            fault,
        };
        let entries_max = hole.size as usize / HEADER_BYTES + 1;
        let bytes = match self.read(hole.segment, FileKind::Index, 0, entries_max * ENTRY_BYTES as usize) {
            Err(DiskFault::NotFound) => Bytes::new(),
            bytes => bytes.map_err(|fault| unreadable(FileKind::Index, 0, fault))?,
        };
        // The end of the index itself may be what a power loss left: an entry counts if it names the very hole, or a batch behind it.
        let read = &mut |pos, len| self.read(hole.segment, FileKind::Log, pos, len);
        let mut window = Window::new(read, Depth::Headers);
        for e in index::entries(&bytes).rev() {
            let (last, pos) = (hole.segment.plus(i64::from(e.relative)), u64::from(e.pos));
            let is_hole = e.pos == hole.end.pos && e.pos > 0;
            if is_hole {
                return Ok(last.plus(1));
            }
            if e.pos > hole.end.pos && e.pos < hole.size {
                let header = window.get(pos, HEADER_BYTES).map_err(|fault| unreadable(FileKind::Log, pos, fault))?;
                if BatchInfo::parse_header(&header).is_ok_and(|i| i.last_offset() == last.0) {
                    return Ok(last.plus(1));
                }
            }
        }
        Ok(Offset::ZERO)
    }
}
