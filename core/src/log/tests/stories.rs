//! What a log does in the situations that have broken others, by their entries in the catalogue of such bugs (L01, K12, T02, ...).

use super::world::{T0, World};
use crate::disk::{DiskQueue, Owner};
use crate::ids::{LeaderEpoch, Offset};
use crate::io::{DiskCall, DiskFault, FileKind};
use crate::log::{
    AppendRefusal, Durability, Hints, Log, LogConfig, LogEvent, Origin, TimestampTarget, TimestampType, Verdict, snapshot,
};
use crate::time::Timestamp;
use crate::wire::batch::batches;

const FIRST: &str = "00000000000000000000.log";

fn world() -> World {
    World::new(LogConfig::tiny(), 1)
}

/// `n` batches of one record and `size` bytes, all durable.
fn filled(config: LogConfig, n: usize, size: usize) -> World {
    let mut w = World::new(config, 1);
    for _ in 0..n {
        w.append(size, &[T0], None).expect("it is taken");
        w.settle();
    }
    w
}

/// A log of three segments, written in this leader epoch.
fn rolled(epoch: i32) -> World {
    let mut w = World::new(LogConfig::tiny(), 1);
    w.epoch = epoch;
    while w.log.segments.len() < 3 {
        w.append(50, &[T0], None).expect("it is taken");
        w.settle();
    }
    w
}

/// What a start after a crash makes of what is on the disk, if that is all that was promised.
fn recovered(w: &World, promised: Offset) -> (Log, Verdict, DiskQueue) {
    let hints = Hints { recovery_point: Some(promised), epoch_max: Some(LeaderEpoch(w.epoch)), ..Hints::default() };
    let mut queue = DiskQueue::default();
    let mut port = queue.port(Owner::Controller);
    let (log, verdict) = Log::recover(w.log.dir(), "p", &w.disk, hints, w.config.clone(), w.now, &mut port).expect("it lists");
    (log, verdict, queue)
}

fn producer(sequence: i32) -> Option<(i64, i16, i32)> {
    Some((9, 0, sequence))
}

#[test]
fn what_is_not_synced_is_not_promised() {
    let mut w = world();
    w.append(10, &[T0], None).expect("it is taken");
    assert_eq!((w.log.end(), w.log.written_end(), w.log.synced_end()), (Offset(1), Offset(0), Offset(0)));
    w.settle();
    assert_eq!((w.log.written_end(), w.log.synced_end(), w.log.recovery_point()), (Offset(1), Offset(1), Offset(1)));
    let written = w.events.iter().position(|e| *e == LogEvent::Written { end: Offset(1) });
    let synced = w.events.iter().position(|e| *e == LogEvent::Synced { end: Offset(1) });
    assert!(written < synced && written.is_some());
    assert_eq!((w.log.pending(), w.log.deadline()), (0, None), "an idle log wants nothing");
}

#[test]
fn one_sync_serves_all_that_wait() {
    let mut w = World::new(LogConfig::default(), 1);
    for _ in 0..50 {
        w.append(10, &[T0], None).expect("it is taken");
    }
    w.disk.accept(&mut w.queue);
    let syncs = w.disk.pending.iter().filter(|c| c.2 == DiskCall::Sync && c.1.name.kind == FileKind::Log).count();
    assert_eq!(syncs, 1, "at most one is under way");
    w.settle();
    assert_eq!(w.log.synced_end(), Offset(50));
}

#[test]
fn l01_a_torn_tail_is_cut_durably_before_anything_is_served() {
    let mut w = filled(LogConfig::tiny(), 3, 50);
    w.checkpoint();
    let len = w.disk.contents(FIRST).expect("there").len();
    w.append(50, &[T0], None).expect("it is taken");
    w.settle();
    w.disk.contents_mut(FIRST)[len + 30] ^= 1;
    // As if the last batch's sync had never ended.
    w.model.pop();
    w.disk.remove("00000000000000000000.index");
    let (log, verdict, mut queue) = recovered(&w, Offset(3));
    assert!(matches!(verdict, Verdict::TornTail { bytes: 119, batches_behind: false }), "{verdict:?}");
    assert!(!log.is_writable());
    let calls = queue.take();
    assert!(calls.iter().any(|c| c.2 == DiskCall::Truncate { len: len as u64 }), "{calls:?}");
}

#[test]
fn l01_corruption_below_the_promise_is_fenced_and_nothing_is_cut() {
    let mut w = filled(LogConfig::tiny(), 4, 50);
    w.checkpoint();
    let before = w.disk.contents(FIRST).expect("there").len();
    w.disk.contents_mut(FIRST)[150] ^= 1;
    let verdict = w.reopen(false);
    let Verdict::Corrupt { offset, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(offset, Offset(1));
    assert!(w.log.is_offline());
    assert_eq!(w.append(1, &[T0], None), Err(AppendRefusal::Offline));
    assert_eq!(w.disk.contents(FIRST).expect("there").len(), before);
}

#[test]
fn a_limit_that_is_far_away_costs_no_reads() {
    let mut w = filled(LogConfig::default(), 2000, 50);
    w.with(|log, now, port, out| log.close(now, port, out));
    w.settle();
    w.checkpoint();
    w.reopen(true);
    for (from, bytes_max) in [(0, 1000), (0, 1), (700, 20_000)] {
        w.disk.calls_read = 0;
        let slice = w.read(from, 1900, bytes_max, true).expect("readable").expect("something");
        assert!(slice.len <= bytes_max.max(200), "{slice:?}");
        assert!(w.disk.calls_read <= 8, "{} reads from {from}", w.disk.calls_read);
    }
}

#[test]
fn one_whole_batch_behind_damage_is_enough_wherever_it_lies() {
    // The last batch of a segment is damaged, and so is the first of the one behind.
    let mut w = filled(LogConfig { segment_bytes: 400, ..LogConfig::tiny() }, 8, 50);
    w.checkpoint();
    let names = w.disk.names();
    let logs: Vec<_> = names.iter().filter(|name| name.ends_with(".log")).collect();
    assert_eq!(logs.len(), 3, "{names:?}");
    for name in &logs[1..] {
        w.disk.contents_mut(name)[100] ^= 1;
    }
    let first = w.disk.contents_mut(logs[0]);
    let len = first.len();
    first[len - 1] ^= 1;
    let verdict = w.reopen(false);
    assert!(matches!(verdict, Verdict::Corrupt { .. }), "{verdict:?}");
    assert_eq!(w.disk.names(), names, "nothing is removed");
}

#[test]
fn what_cannot_be_read_behind_damage_may_be_what_was_promised() {
    let mut w = filled(LogConfig::default(), 3, 700_000);
    w.checkpoint();
    let len = w.disk.contents(FIRST).expect("there").len();
    w.disk.contents_mut(FIRST)[150] ^= 1;
    w.disk.contents_mut(FIRST)[len / 3 + 150] ^= 1;
    w.disk.unreadable = Some(1_500_000);
    let verdict = w.reopen(false);
    assert!(matches!(verdict, Verdict::Corrupt { offset: Offset(0), .. }), "{verdict:?}");
    assert_eq!(w.disk.contents(FIRST).expect("there").len(), len, "nothing is cut");
}

#[test]
fn a_leader_epoch_that_cannot_be_is_damage_wherever_it_is() {
    // The checksum does not cover it: bytes 12 to 15 of a batch.
    for (batch, clean, checkpointed) in [(1, false, true), (3, false, true), (3, false, false), (3, true, true)] {
        let mut w = filled(LogConfig::tiny(), 4, 50);
        if clean {
            w.with(|log, now, port, out| log.close(now, port, out));
            w.settle();
        }
        if checkpointed {
            w.checkpoint();
        }
        let len = w.disk.contents(FIRST).expect("there").len();
        w.disk.contents_mut(FIRST)[batch * len / 4 + 12] ^= 0x40;
        let verdict = w.reopen(clean);
        assert!(matches!(verdict, Verdict::Corrupt { .. }), "{verdict:?}");
        assert_eq!(w.disk.contents(FIRST).expect("there").len(), len, "nothing is cut");
        assert!(w.log.latest_epoch().is_none_or(|e| e.0 == 0), "it is not believed");
    }
}

#[test]
fn a_leader_epoch_that_a_sector_ends_with_may_be_torn() {
    let size = |bytes: &usize| filled(LogConfig::default(), 1, *bytes).disk.contents(FIRST).expect("there").len() == 512 - 16;
    let mut w = filled(LogConfig::default(), 1, (400..450).find(size).expect("there is a size"));
    w.append(50, &[T0], None).expect("it is taken");
    w.settle();
    w.disk.contents_mut(FIRST)[512 - 4] ^= 0x40;
    for (promised, is_torn) in [(1, true), (2, false)] {
        let (log, verdict, _) = recovered(&w, Offset(promised));
        assert_eq!(matches!(verdict, Verdict::TornTail { bytes: 119, .. }), is_torn, "{verdict:?}");
        assert_eq!(log.is_offline(), !is_torn);
    }
}

#[test]
fn epochs_that_the_batches_refute_are_folded_again() {
    let mut w = rolled(1);
    let text = w.disk.contents_mut("leader-epoch-checkpoint");
    let at = text.iter().rposition(|b| *b == b'1').expect("its one entry");
    text[at] = b'3';
    w.epoch = 5;
    let (log, verdict, _) = recovered(&w, w.log.end());
    assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
    assert_eq!(log.epochs().entries(), [(LeaderEpoch(1), Offset(0))]);
}

#[test]
fn a_closed_segment_without_its_indexes_gets_them_again_also_after_an_orderly_end() {
    const TIME: &str = "00000000000000000000.timeindex";
    let mut w = rolled(0);
    w.with(|log, now, port, out| log.close(now, port, out));
    w.settle();
    w.checkpoint();
    let before = w.disk.contents(TIME).expect("there").to_vec();
    w.disk.remove(TIME);
    let verdict = w.reopen(true);
    assert!(matches!(verdict, Verdict::Intact { scanned_bytes: 0 }), "{verdict:?}");
    assert_eq!(w.disk.contents(TIME).expect("there again"), before);
}

#[test]
fn a_damaged_header_in_a_closed_segment_without_indexes_does_not_say_where_the_log_ends() {
    let mut w = rolled(0);
    w.checkpoint();
    for kind in ["index", "timeindex"] {
        w.disk.remove(&format!("00000000000000000000.{kind}"));
    }
    // A bit of the first batch's last offset delta: the log seems to reach far beyond what was promised.
    w.disk.contents_mut(FIRST)[24] ^= 1;
    let verdict = w.reopen(false);
    assert!(matches!(verdict, Verdict::Corrupt { offset: Offset(0), .. }), "{verdict:?}");
}

#[test]
fn batches_may_be_missing_only_where_kafka_has_compacted_what_was_durable() {
    let gone = Verdict::Intact { scanned_bytes: 357 };
    for (compacted, point, expected) in [(true, 4, Some(gone)), (true, 1, None), (false, 4, None)] {
        let config = LogConfig { cleanup_compact: true, ..LogConfig::tiny() };
        let mut w = filled(config.clone(), 4, 50);
        let len = w.disk.contents(FIRST).expect("there").len() / 4;
        w.disk.contents_mut(FIRST).drain(len..2 * len);
        let hints = crate::log::Hints { recovery_point: Some(Offset(point)), compacted, ..crate::log::Hints::default() };
        let mut queue = crate::disk::DiskQueue::default();
        let mut port = queue.port(crate::disk::Owner::Controller);
        let (log, verdict) = Log::recover(w.log.dir(), "p", &w.disk, hints, config, w.now, &mut port).expect("it lists");
        match (expected, point) {
            (Some(expected), _) => assert_eq!((verdict, log.end()), (expected, Offset(4))),
            (None, 1) => assert!(matches!(verdict, Verdict::TornTail { batches_behind: true, .. }), "{verdict:?}"),
            (None, _) => assert!(matches!(verdict, Verdict::Corrupt { offset: Offset(1), .. }), "{verdict:?}"),
        }
    }
}

#[test]
fn headers_are_not_believed_after_an_orderly_end_if_the_checkpoint_knows_better() {
    // A bit of the last batch's base offset, and one of its last offset delta, which nobody checks a checksum for.
    for byte in [5, 7, 25, 26] {
        let mut w = filled(LogConfig::tiny(), 4, 50);
        w.with(|log, now, port, out| log.close(now, port, out));
        w.settle();
        w.checkpoint();
        let len = w.disk.contents(FIRST).expect("there").len();
        w.disk.contents_mut(FIRST)[3 * len / 4 + byte] ^= 4;
        let verdict = w.reopen(true);
        // A whole batch that does not follow is kept for whoever can mend it; one whose checksum is wrong is as good as gone.
        match byte {
            5 | 7 => assert!(matches!(verdict, Verdict::Corrupt { offset: Offset(3), .. }), "{verdict:?}"),
            _ => assert_eq!(verdict, Verdict::LostPromised { end: Offset(3), promised: Offset(4) }),
        }
    }
}

#[test]
fn what_is_not_known_to_be_durable_is_written_again_and_only_that() {
    let mut w = filled(LogConfig::tiny(), 2, 50);
    w.checkpoint();
    for _ in 0..2 {
        w.append(50, &[T0], None).expect("it is taken");
        w.settle();
    }
    let len = w.disk.contents(FIRST).expect("there").len() as u32;
    let hints = crate::log::Hints { recovery_point: Some(Offset(2)), ..crate::log::Hints::default() };
    let mut queue = crate::disk::DiskQueue::default();
    let mut port = queue.port(crate::disk::Owner::Controller);
    let (log, _) = Log::recover(w.log.dir(), "p", &w.disk, hints, LogConfig::tiny(), w.now, &mut port).expect("it lists");
    let calls: Vec<DiskCall> = queue.take().into_iter().filter(|c| c.1.name.kind == FileKind::Log).map(|c| c.2).collect();
    let pos = crate::ids::BytePos(u64::from(len / 2));
    assert!(calls.contains(&DiskCall::Rewrite { pos, len: len / 2 }), "{calls:?}");
    assert!(log.synced_end() <= Offset(2), "nothing is promised before that is synced");
}

#[test]
fn l01_the_index_is_evidence_where_the_recovery_point_is_old() {
    let mut w = filled(LogConfig::default(), 300, 500);
    // The checkpoint is as old as the log, but index entries are written only behind syncs.
    assert_eq!(w.checkpoint, (0, 0));
    assert!(w.disk.contents("00000000000000000000.index").is_some_and(|i| i.len() > 200));
    w.disk.contents_mut(FIRST)[1000] ^= 1;
    assert!(matches!(w.reopen(false), Verdict::Corrupt { .. }));
}

#[test]
fn promised_bytes_that_are_gone_are_reported() {
    let mut w = filled(LogConfig::tiny(), 4, 50);
    w.checkpoint();
    w.disk.contents_mut(FIRST).truncate(200);
    assert_eq!(w.reopen(false), Verdict::LostPromised { end: Offset(1), promised: Offset(4) });
    assert_eq!(w.log.recovery_point(), Offset(1), "what is left was durable");
    assert!(w.append(1, &[T0], None).is_ok());
}

#[test]
fn l02_a_full_disk_takes_back_all_appends_behind_the_failed_one() {
    for seed in 0..30 {
        let mut w = World::new(LogConfig::tiny(), seed);
        w.append(20, &[T0], producer(0)).expect("it is taken");
        w.settle();
        w.disk.fail_appends.push(DiskFault::NoSpace);
        for sequence in 1..5 {
            w.append(300, &[T0], producer(sequence)).expect("it is taken");
        }
        w.settle();
        let failed = w.events.iter().find_map(|e| match e {
            LogEvent::AppendsFailed { from, why: DiskFault::NoSpace, certain: true } => Some(*from),
            _ => None,
        });
        let from = failed.expect("one append failed");
        assert_eq!(w.events.last(), Some(&LogEvent::Synced { end: from }).filter(|_| from.0 > 1).or(Some(&LogEvent::Repaired)));
        assert_eq!((w.log.end(), w.log.written_end(), w.log.synced_end()), (from, from, from), "no offset is skipped");
        let next = from.0 as i32;
        assert_eq!(w.log.producers()[0].last_sequence, next - 1);
        let again = w.append(300, &[T0], producer(next)).expect("the producer tries again");
        assert_eq!((again.base, again.duplicate), (from, false));
        w.settle();
        w.check_everything();
        w.disk.lose_power(&mut w.rng);
        w.reopen(false);
    }
}

#[test]
fn a_disk_that_fails_to_write_takes_the_log_offline() {
    let mut w = world();
    w.disk.fail_appends.push(DiskFault::Io);
    w.append(20, &[T0], None).expect("it is taken");
    while w.step() {}
    assert!(w.events.iter().any(|e| matches!(e, LogEvent::AppendsFailed { from: Offset(0), certain: false, .. })));
    assert!(w.log.is_offline());
}

#[test]
fn l20_a_failed_sync_is_final() {
    let mut w = filled(LogConfig::tiny(), 1, 20);
    w.disk.fail_syncs = true;
    w.append(20, &[T0], None).expect("it is taken");
    while w.step() {}
    assert!(w.log.is_offline());
    w.disk.fail_syncs = false;
    assert_eq!(w.append(20, &[T0], None), Err(AppendRefusal::Offline));
    assert_eq!(w.log.synced_end(), Offset(1));
    assert!(w.events.iter().any(|e| matches!(e, LogEvent::AppendsFailed { from: Offset(1), certain: false, .. })));
}

#[test]
fn t02_five_batches_can_be_retried_across_every_kind_of_restart() {
    for clean in [false, true] {
        let mut w = world();
        for sequence in 0..7 {
            w.append(100, &[T0], producer(sequence)).expect("it is taken");
        }
        w.settle();
        if clean {
            w.with(|log, now, port, out| log.close(now, port, out));
            w.settle();
            w.checkpoint();
        }
        w.disk.lose_power(&mut w.rng);
        w.reopen(clean);
        for sequence in 2..7 {
            let again = w.append(100, &[T0], producer(sequence)).expect("it is known");
            assert_eq!((again.duplicate, again.base), (true, Offset(i64::from(sequence))), "clean: {clean}");
        }
        assert!(matches!(w.append(100, &[T0], producer(1)), Err(AppendRefusal::OutOfOrderSequence { .. })));
        assert!(!w.append(100, &[T0], producer(7)).expect("it is next").duplicate);
    }
}

#[test]
fn t01_a_retry_of_what_is_still_in_flight_waits_for_it() {
    let mut w = world();
    let first = w.append(10, &[T0], producer(0)).expect("it is taken");
    let again = w.append(10, &[T0], producer(0)).expect("it is a duplicate");
    assert!(again.duplicate && again.base == first.base && again.end == first.end);
    assert!(w.log.synced_end() < again.end, "no promise yet");
}

#[test]
fn l06_l08_snapshots_that_are_torn_or_above_the_end_are_not_believed() {
    let mut w = world();
    for sequence in 0..20 {
        w.append(100, &[T0], producer(sequence)).expect("it is taken");
        w.settle();
    }
    let snapshots: Vec<String> = w.disk.names().into_iter().filter(|n| n.ends_with(".snapshot")).collect();
    assert_eq!(snapshots.len(), 2, "{snapshots:?}");
    w.disk.contents_mut(&snapshots[1]).fill(0);
    let above = "00000000000000009999.snapshot";
    let empty = snapshot::encode(&Default::default());
    let copy = snapshots[0].clone();
    w.disk.link(&copy, above);
    w.disk.contents_mut(above).extend_from_slice(&empty[..0]);
    w.reopen(false);
    assert_eq!(w.log.producers()[0].last_sequence, 19);
    assert!(!w.disk.names().contains(&above.to_string()) && !w.disk.names().contains(&snapshots[1]));
}

#[test]
fn l12_no_index_is_trusted_against_the_batches() {
    for damage in 0..4 {
        let mut w = filled(LogConfig { segment_index_bytes: 4096, ..LogConfig::tiny() }, 60, 40);
        let indexes: Vec<String> = w.disk.names().into_iter().filter(|n| n.ends_with("index")).collect();
        assert!(indexes.len() > 4);
        for name in &indexes {
            match damage {
                0 => w.disk.contents_mut(name).fill(0),
                1 => w.disk.contents_mut(name).iter_mut().for_each(|b| *b = !*b),
                2 => w.disk.contents_mut(name).clear(),
                _ => w.disk.remove(name),
            }
        }
        w.with(|log, now, port, out| log.close(now, port, out));
        w.settle();
        w.checkpoint();
        w.reopen(true);
        for offset in 0..60 {
            w.check_read(offset, 60, 1 << 20, false);
        }
        w.check_lookup(TimestampTarget::AtOrAfter(Timestamp(T0)));
    }
}

#[test]
fn a_lookup_by_time_begins_near_its_time() {
    let config = LogConfig { segment_bytes: 1 << 20, segment_index_bytes: 1 << 20, ..LogConfig::tiny() };
    let mut w = World::new(config, 1);
    // Times that run ahead and fall back.
    let time = |i: i64| T0 + 10 * i - (i % 7) * 25;
    for i in 0..1500 {
        w.append(200, &[time(i)], None).expect("it is taken");
        w.settle();
    }
    for i in (3..1500).step_by(97) {
        w.disk.calls_read = 0;
        w.check_lookup(TimestampTarget::AtOrAfter(Timestamp(time(i))));
        assert!(w.disk.calls_read <= 12, "{} reads for the time of {i}", w.disk.calls_read);
    }
    w.disk.calls_read = 0;
    w.check_lookup(TimestampTarget::Largest);
    assert!(w.disk.calls_read <= 12, "{} reads for the largest", w.disk.calls_read);
    // Entries that no batch bears out cost time and nothing else.
    let name = w.disk.names().into_iter().find(|n| n.ends_with(".timeindex")).expect("there is one");
    let sound = w.disk.contents_mut(&name).clone();
    for at in (0..sound.len()).step_by(31) {
        w.disk.contents_mut(&name)[at] ^= 4;
        for i in [3, 700, 1400] {
            w.check_lookup(TimestampTarget::AtOrAfter(Timestamp(time(i))));
        }
        w.disk.contents_mut(&name).clone_from(&sound);
    }
}

#[test]
fn l15_deleting_into_the_middle_of_a_batch_leaves_the_rest_readable() {
    let mut w = world();
    w.append(20, &[T0, T0, T0], None).expect("it is taken");
    w.append(20, &[T0 + 5], None).expect("it is taken");
    w.settle();
    assert!(!w.with(|log, _, port, out| log.delete_records(Offset(5), Offset(4), port, out)), "above the high watermark");
    assert!(w.with(|log, _, port, out| log.delete_records(Offset(1), Offset(4), port, out)));
    assert!(w.events.contains(&LogEvent::StartAdvanced { start: Offset(1) }));
    w.check_read(0, 4, 1000, false);
    w.check_read(1, 4, 1000, false);
    let found = w.lookup(TimestampTarget::AtOrAfter(Timestamp(T0))).expect("there");
    assert_eq!(found.offset, Offset(1));
    w.disk.lose_power(&mut w.rng);
    w.checkpoint();
    w.reopen(false);
    assert_eq!(w.log.log_start(), Offset(1));
}

#[test]
fn k12_a_segment_is_kept_while_a_reply_refers_to_it() {
    let mut w = filled(LogConfig::tiny(), 30, 90);
    let slice = w.read(0, 30, 500, true).expect("in range").expect("there");
    w.with(|log, _, _, _| log.pin(slice.file));
    let limit = Offset(30);
    assert!(w.with(|log, _, port, out| log.delete_records(limit, limit, port, out)));
    for _ in 0..5 {
        w.settle();
        w.pass(2000);
    }
    assert!(w.disk.contents(FIRST).is_some(), "a reply still refers to it");
    w.with(|log, now, port, _| log.release(slice.file, now, port));
    for _ in 0..40 {
        w.settle();
        w.pass(2000);
    }
    let left: Vec<String> = w.disk.names().into_iter().filter(|n| n.contains(".log")).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(w.log.deadline(), None);
}

#[test]
fn retention_goes_by_size_and_by_the_records_time() {
    let mut w = filled(LogConfig { retention_bytes: Some(2500), ..LogConfig::tiny() }, 30, 90);
    let before = w.log.size_bytes();
    w.with(|log, now, port, out| log.retain(Offset(30), now, port, out));
    assert!(before > 4000 && w.log.size_bytes() >= 2500 && w.log.size_bytes() < 2500 + 1024, "{}", w.log.size_bytes());
    let mut w = filled(LogConfig { retention_ms: Some(1000), ..LogConfig::tiny() }, 30, 90);
    w.pass(1500);
    w.with(|log, now, port, out| log.retain(Offset(17), now, port, out));
    assert!(w.log.log_start() > Offset(0) && w.log.log_start() <= Offset(17), "nothing above the high watermark goes");
    for _ in 0..20 {
        w.with(|log, now, port, out| log.retain(Offset(30), now, port, out));
        w.settle();
    }
    assert_eq!((w.log.log_start(), w.log.size_bytes()), (Offset(30), 0), "the active segment goes too");
    w.append(1, &[T0 + 3000], None).expect("it goes on");
    w.settle();
    w.checkpoint();
    w.reopen(false);
    assert_eq!((w.log.log_start(), w.log.end()), (Offset(30), Offset(31)));
}

#[test]
fn without_timestamps_a_segment_is_as_old_as_its_file() {
    let config = LogConfig { retention_ms: Some(1000), segment_ms: 500, ..LogConfig::default() };
    let mut w = World::new(config, 1);
    for _ in 0..2 {
        w.append(10, &[-1], None).expect("it is taken");
        w.settle();
        w.pass(600);
    }
    assert_eq!(w.disk.names().iter().filter(|name| name.ends_with(".log")).count(), 2, "a segment is rolled by its own age");
    w.with(|log, now, port, out| log.retain(Offset(2), now, port, out));
    w.settle();
    assert_eq!(
        (w.log.log_start(), w.log.end()),
        (Offset(1), Offset(2)),
        "the first has not grown for 1.2 s, the second for 0.6 s"
    );
    w.pass(1000);
    for _ in 0..3 {
        w.with(|log, now, port, out| log.retain(Offset(2), now, port, out));
        w.settle();
    }
    assert_eq!((w.log.log_start(), w.log.size_bytes()), (Offset(2), 0));
}

#[test]
fn where_nothing_is_to_be_kept_the_active_segment_goes_too() {
    let mut w = filled(LogConfig { retention_bytes: Some(0), ..LogConfig::default() }, 3, 50);
    for _ in 0..3 {
        w.with(|log, now, port, out| log.retain(Offset(3), now, port, out));
        w.settle();
    }
    assert_eq!((w.log.log_start(), w.log.end(), w.log.size_bytes()), (Offset(3), Offset(3), 0));
}

#[test]
fn flush_settings_count_for_what_was_written_before_them() {
    let none = LogConfig { durability: Durability::PageCache, ..LogConfig::default() };
    for (settings, ms) in [
        (LogConfig { flush_ms: Some(50), ..none.clone() }, 50),
        (LogConfig { flush_messages: Some(2), ..none.clone() }, 0),
        (LogConfig { durability: Durability::Fsync, ..none.clone() }, 0),
    ] {
        let mut w = filled(none.clone(), 2, 50);
        w.pass(100);
        w.settle();
        assert_eq!(w.log.synced_end(), Offset(0));
        w.with(|log, now, port, _| log.configure(settings, now, port));
        w.pass(ms);
        w.settle();
        assert_eq!(w.log.synced_end(), Offset(2));
    }
}

#[test]
fn flush_ms_is_a_deadline_and_only_of_a_log_that_was_written() {
    let config = LogConfig { durability: Durability::PageCache, flush_ms: Some(50), ..LogConfig::default() };
    let mut w = World::new(config, 1);
    assert_eq!(w.log.deadline(), None);
    w.append(10, &[T0], None).expect("it is taken");
    w.settle();
    assert_eq!((w.log.promised_end(), w.log.synced_end()), (Offset(1), Offset(0)));
    assert_eq!(w.log.deadline().map(|d| d.why), Some("flush-ms"));
    w.pass(50);
    w.settle();
    assert_eq!((w.log.synced_end(), w.log.deadline()), (Offset(1), None));
}

#[test]
fn the_broker_stamps_records_where_the_topic_says_so() {
    let mut w = World::new(LogConfig { timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() }, 1);
    w.pass(77);
    let appended = w.append(10, &[5, 6], None).expect("it is taken");
    assert_eq!(appended.append_time, Timestamp(T0 + 77));
    w.settle();
    let batch = batches(w.disk.contents(FIRST).expect("there").to_vec().into()).next().expect("one").expect("whole");
    assert!(batch.info.attributes.is_log_append_time());
    assert_eq!((batch.info.max_timestamp, batch.info.leader_epoch), (T0 + 77, 0));
}

#[test]
fn l14_a_replicated_batch_must_continue_the_log() {
    let mut w = filled(LogConfig::tiny(), 3, 20);
    let mut records = World::checked(1, 5, &[T0], None, 1);
    for (base, ok) in [(2, false), (3, true)] {
        let mut bytes = records.bytes.to_vec();
        bytes[..8].copy_from_slice(&i64::to_be_bytes(base));
        bytes[12..16].copy_from_slice(&7i32.to_be_bytes());
        (records.bytes, records.batches[0].base_offset, records.batches[0].leader_epoch) = (bytes.into(), base, 7);
        let r = w.with(|log, now, port, _| log.append(&records, Origin::Replication, LeaderEpoch(7), now, port));
        assert_eq!(r.is_ok(), ok, "{r:?}");
    }
    assert_eq!(w.log.latest_epoch(), Some(LeaderEpoch(7)));
    w.settle();
}

#[test]
fn opening_a_log_after_an_orderly_end_takes_a_handful_of_reads() {
    for (n, reads_max) in [(0, 0), (1, 3), (2000, 7)] {
        let mut w = World::new(LogConfig::default(), 1);
        for sequence in 0..n {
            w.append(600, &[T0], producer(sequence)).expect("it is taken");
            w.settle();
        }
        w.with(|log, now, port, out| log.close(now, port, out));
        w.settle();
        assert!(w.events.contains(&LogEvent::Closed { clean: true }));
        w.checkpoint();
        w.disk.reads.set(0);
        let hints = crate::log::Hints { recovery_point: Some(w.log.end()), clean: true, ..crate::log::Hints::default() };
        let mut queue = crate::disk::DiskQueue::default();
        let mut port = queue.port(crate::disk::Owner::Controller);
        let (log, verdict) =
            Log::recover(w.log.dir(), "p", &w.disk, hints, LogConfig::default(), w.now, &mut port).expect("it lists");
        assert_eq!((verdict, log.end()), (Verdict::Intact { scanned_bytes: 0 }, Offset(i64::from(n))));
        assert!(w.disk.reads.get() <= reads_max, "{} reads for {n} batches", w.disk.reads.get());
        assert_eq!(queue.take().len(), 0, "and asks for nothing");
    }
}

#[test]
fn files_that_are_gone_are_told_and_count_again_when_they_are_put_back() {
    let mut w = filled(LogConfig::tiny(), 40, 100);
    let point = w.log.recovery_point();
    let bases: Vec<i64> = w.disk.names().iter().filter_map(|n| n.strip_suffix(".log")?.parse().ok()).collect();
    let files = |base: i64| [".log", ".index", ".timeindex"].map(|kind| format!("{base:020}{kind}"));
    assert!(bases.len() >= 5, "{bases:?}");
    let start = |w: &World| {
        let hints = crate::log::Hints { recovery_point: Some(point), log_start: Some(Offset(0)), ..crate::log::Hints::default() };
        let mut queue = crate::disk::DiskQueue::default();
        let mut port = queue.port(crate::disk::Owner::Controller);
        let opened = Log::recover(w.log.dir(), "p", &w.disk, hints, LogConfig::tiny(), w.now, &mut port);
        opened.expect("it lists").0
    };
    let gap = |i: usize| (Offset(bases[i]), Offset(bases[i + 1]));
    assert_eq!(start(&w).missing(), []);
    let kept = w.disk.names();
    for gone in [0, 2] {
        files(bases[gone]).iter().for_each(|name| w.disk.hide(name));
    }
    let mut log = start(&w);
    assert_eq!(log.missing(), [gap(0), gap(2)]);
    assert_eq!((log.log_start(), log.start_wanted(), log.end()), (Offset(bases[1]), Offset(0), Offset(40)));
    log.check_deeply();
    let mut queue = crate::disk::DiskQueue::default();
    let mut port = queue.port(crate::disk::Owner::Controller);
    assert!(log.delete_records(Offset(bases[1] + 1), Offset(40), &mut port, &mut Vec::new()));
    assert_eq!(log.start_wanted(), Offset(bases[1] + 1), "what is deleted is deleted");
    w.disk.show();
    assert_eq!(w.disk.names(), kept);
    let log = start(&w);
    assert_eq!((log.missing(), log.log_start()), (&[][..], Offset(0)));
}

#[test]
fn an_idle_log_is_small() {
    assert!(size_of::<Log>() <= 1200, "{}", size_of::<Log>());
    assert!(size_of::<super::super::segment::Segment>() <= 80);
    let hot = (super::super::append::HOT_MAX + 1) * size_of::<super::super::append::Hot>();
    let writer = size_of::<super::super::index::IndexWriter>() + 32 * (8 + 16);
    let all = size_of::<Log>() + hot + 4 * size_of::<super::super::segment::Segment>() + writer;
    assert!(all <= 4096, "{all}");
}

#[test]
fn nothing_happens_to_a_log_that_is_closed() {
    let mut w = filled(LogConfig::tiny(), 5, 50);
    w.with(|log, now, port, out| log.close(now, port, out));
    w.settle();
    assert_eq!(w.append(1, &[T0], None), Err(AppendRefusal::Repairing));
    w.check_read(0, 5, 100, true);
}

#[test]
fn the_indexes_of_a_log_say_what_its_batches_say() {
    let mut w = filled(LogConfig::tiny(), 60, 40);
    w.with(|log, now, port, out| log.close(now, port, out));
    w.settle();
    for name in w.disk.names().into_iter().filter(|n| n.ends_with(".log")) {
        let base: i64 = name[..20].parse().expect("a number");
        let log = w.disk.contents(&name).expect("there").to_vec();
        let mut pos = 0;
        let infos: Vec<_> = batches(log.into())
            .map(|b| {
                let info = b.expect("whole").info;
                pos += info.len;
                crate::wire::batch::BatchInfo { pos: pos - info.len, ..info }
            })
            .collect();
        let of = |kind: &str| w.disk.contents(&name.replace(".log", kind)).unwrap_or_default().to_vec();
        let (index, mut time) = (of(".index"), of(".timeindex"));
        let verify = crate::log::dump::verify_indexes;
        assert_eq!(verify(base, &infos, &index, &time), Vec::<String>::new());
        if let Some(b) = time.get_mut(7) {
            *b ^= 1;
            assert!(!verify(base, &infos, &index, &time).is_empty());
        }
    }
}
