//! A log that Apache Kafka 4.3.1 has written: two transactions that were committed and two that were aborted, three records each and a
//! marker, by turns. The files beside it are Kafka's own, byte for byte.

use crate::disk::{DiskQueue, Owner};
use crate::ids::{BytePos, DirId, LeaderEpoch, Offset};
use crate::io::{DiskCall, DiskFault, DiskImage, FileId, FileKind};
use crate::log::{Hints, Log, LogConfig, Slice, Verdict};
use crate::time::{Instant, Now, Timestamp};
use bytes::Bytes;
use std::collections::BTreeMap;

const LOG: &[u8] = include_bytes!("kafka/transactions.log");
const TXN_INDEX: &[u8] = include_bytes!("kafka/transactions.txnindex");
const SNAPSHOT: &[u8] = include_bytes!("kafka/transactions.snapshot");
const END: i64 = 16;
const NOW: Now = Now { mono: Instant(1), wall: Timestamp(1_800_000_000_000) };
const OWNER: Owner = Owner::Controller;

/// The files of one directory.
struct Files(BTreeMap<String, Bytes>);

impl DiskImage for Files {
    fn dirs(&self) -> Result<Vec<String>, DiskFault> {
        Ok(Vec::new())
    }

    fn files(&self, _dir: Option<&str>) -> Result<Vec<(String, u64)>, DiskFault> {
        Ok(self.0.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect())
    }

    fn read(&self, _dir: Option<&str>, file: &str, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        let bytes = self.0.get(file).ok_or(DiskFault::NotFound)?;
        let from = usize::try_from(pos).expect("small").min(bytes.len());
        Ok(bytes.slice(from..from.saturating_add(len).min(bytes.len())))
    }

    fn bind(&mut self, _dir: DirId, _path: &str) {}
}

fn files(log: &[u8], txn_index: Option<&[u8]>, snapshot: bool) -> Files {
    let named = |base: i64, kind: &str, bytes: &[u8]| (format!("{base:020}.{kind}"), Bytes::copy_from_slice(bytes));
    let index = txn_index.map(|bytes| named(0, "txnindex", bytes));
    let snapshot = snapshot.then(|| named(END, "snapshot", SNAPSHOT));
    Files([named(0, "log", log)].into_iter().chain(index).chain(snapshot).collect())
}

/// As the node would, in a life whose checkpoints say this. `clean`: the recovery point of an orderly end.
fn recover(files: &Files, clean: Option<i64>, log_start: i64) -> (Log, Verdict, DiskQueue) {
    let hints = Hints {
        recovery_point: clean.map(Offset),
        log_start: Some(Offset(log_start)),
        clean: clean.is_some(),
        epoch_max: Some(LeaderEpoch(10)),
        ..Hints::default()
    };
    let mut queue = DiskQueue::default();
    let opened = Log::recover(DirId(1), "p", files, hints, LogConfig::default(), NOW, &mut queue.port(OWNER));
    let (log, verdict) = opened.expect("it lists");
    (log, verdict, queue)
}

fn told(log: &Log, from: i64) -> Vec<i64> {
    let file = FileId::new(DirId(1), FileKind::Log, 0);
    log.aborted_in(Offset(from), Slice { file, pos: BytePos(0), len: 1000 }).iter().map(|a| a.first_offset).collect()
}

#[test]
fn what_was_aborted_is_told_whether_kafka_was_stopped_in_order_or_not() {
    for (snapshot, clean) in [(true, Some(END)), (true, None), (false, None)] {
        let (log, verdict, _) = recover(&files(LOG, Some(TXN_INDEX), snapshot), clean, 0);
        assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
        assert_eq!((told(&log, 0), told(&log, 8), told(&log, 16)), (vec![4, 12], vec![12], vec![]));
        assert_eq!((log.open_transaction(), log.stable_end(log.end())), (None, Offset(END)));
    }
}

#[test]
fn an_open_transaction_ends_what_is_decided() {
    // The marker of the second transaction, at offset 7, begins at byte 302.
    let (log, verdict, _) = recover(&files(&LOG[..302], None, false), None, 0);
    assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
    assert_eq!((log.end(), log.open_transaction(), log.stable_end(log.end())), (Offset(7), Some(Offset(4)), Offset(4)));
    assert_eq!(log.stable_end(Offset(3)), Offset(3));
}

#[test]
fn what_is_not_written_down_or_damaged_is_not_served() {
    for (index, snapshot) in [(None, false), (Some(&TXN_INDEX[..34]), false)] {
        let (log, verdict, _) = recover(&files(LOG, index, snapshot), None, 0);
        assert!(matches!(verdict, Verdict::Undecided { .. }) && log.is_offline(), "{verdict:?}");
    }
    let (log, verdict, _) = recover(&files(LOG, Some(&TXN_INDEX[..60]), true), Some(END), 0);
    assert!(matches!(verdict, Verdict::Undecided { .. }) && log.is_offline(), "{verdict:?}");
}

#[test]
fn the_file_goes_with_its_segment() {
    let mut files = files(LOG, Some(TXN_INDEX), true);
    files.0.insert(format!("{END:020}.log"), Bytes::new());
    let (mut log, _, mut queue) = recover(&files, Some(END), END);
    log.on_start_durable(Offset(END), NOW, &mut queue.port(OWNER), &mut Vec::new());
    let renamed: Vec<_> = queue.take().into_iter().filter(|(_, _, call)| matches!(call, DiskCall::Rename { .. })).collect();
    assert!(renamed.iter().any(|(_, file, _)| file.name.kind == FileKind::TxnIndex), "{renamed:?}");
}

#[test]
fn a_file_without_its_segment_ends_no_other_and_goes() {
    let mut files = files(LOG, Some(TXN_INDEX), true);
    files.0.insert(format!("{:020}.txnindex", 8), Bytes::from_static(TXN_INDEX));
    files.0.insert(format!("{:020}.index", 8), Bytes::new());
    let (log, verdict, mut queue) = recover(&files, Some(END), 10);
    assert!(matches!(verdict, Verdict::Intact { .. }) && log.end() == Offset(END), "{verdict:?}");
    assert_eq!(log.size_bytes(), LOG.len() as u64);
    let removed: Vec<_> =
        queue.take().into_iter().filter(|(_, _, call)| *call == DiskCall::Remove).map(|(_, file, _)| file).collect();
    assert!(removed.contains(&FileId::new(DirId(1), FileKind::TxnIndex, 8)), "{removed:?}");
    assert!(removed.iter().all(|file| file.name.base == 8), "{removed:?}");
}
