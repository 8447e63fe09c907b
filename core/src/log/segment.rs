//! One segment as its log knows it: where it begins, how long it is, what its indexes hold.
//!
//! State       some 80 bytes a segment; an `IndexWriter` more while the segment is written or its indexes are not complete on disk.
//! Holds       `size` counts what was given to the disk, not what is known to be there.
//! Not here    contents: those are read from disk when somebody asks.

use super::index::{IndexWriter, TimeEntry};
use crate::ids::{DirId, Offset};
use crate::io::{FileId, FileKind};
use crate::time::Now;

/// A place at the border of two batches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub offset: Offset,
    /// The base offset of the segment in which it lies.
    pub segment: Offset,
    pub pos: u32,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub base: Offset,
    /// In bytes.
    pub size: u32,
    /// Entries in the index files (or on the way there).
    pub entries: u32,
    pub time_entries: u32,
    /// The largest timestamp with the offset beside it in the time index. `None`: not read yet. The timestamp is -1 if no record has one.
    pub max: Option<TimeEntry>,
    /// The wall time at which it was begun, or found by this life: how old it is where its records have no timestamps.
    pub begun: i64,
    /// The wall time at which it has grown last, or was found by this life. Kafka asks the file system (`lastModified`).
    pub grew: i64,
    /// Replies that refer to the file.
    pub pins: u32,
    /// The index files were written by us or have passed every look at them so far.
    pub indexed: bool,
    /// Kafka has left a `.txnindex` beside it.
    pub has_transactions: bool,
    /// Until the segment is closed and its indexes are complete.
    pub writer: Option<Box<IndexWriter>>,
}

impl Segment {
    pub(super) fn new(base: Offset, now: Now) -> Segment {
        let (writer, wall) = (Some(Box::default()), now.wall.0);
        Segment {
            base,
            size: 0,
            entries: 0,
            time_entries: 0,
            max: None,
            begun: wall,
            grew: wall,
            pins: 0,
            indexed: true,
            has_transactions: false,
            writer,
        }
    }

    pub(super) fn file(&self, dir: DirId, kind: FileKind) -> FileId {
        FileId::new(dir, kind, self.base.0)
    }

    /// The files that the segment has.
    pub(super) fn kinds(&self) -> Vec<FileKind> {
        let indexes = [(FileKind::Index, self.entries), (FileKind::TimeIndex, self.time_entries)];
        let made = indexes.into_iter().filter(|(_, entries)| self.indexed && *entries > 0).map(|(kind, _)| kind);
        let of_kafka = self.has_transactions.then_some(FileKind::TxnIndex);
        std::iter::once(FileKind::Log).chain(made).chain(of_kafka).collect()
    }

    /// The largest timestamp, as far as it is known without asking the disk.
    pub(super) fn max_known(&self) -> Option<TimeEntry> {
        let none = TimeEntry { timestamp: -1, relative: 0 };
        self.writer.as_ref().map(|w| w.max.unwrap_or(none)).or(self.max)
    }
}
