//! Random lives of a log against the model.

use super::world::{T0, World};
use crate::ids::Offset;
use crate::io::DiskFault;
use crate::log::{Durability, LogConfig, TimestampTarget, Verdict};
use crate::time::Timestamp;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Do {
    Append { records: usize, size: usize, late: i64, producer: Option<i64> },
    Retry { producer: i64, back: usize },
    Steps(usize),
    Settle,
    Flush,
    Checkpoint,
    NewEpoch,
    Pass(u64),
    Read { at: u64, limit: u64, bytes_max: u32, whole: bool },
    Lookup { late: i64 },
    LookupLargest,
    Delete { at: u64 },
    Retain,
    NoSpace,
    NoSpaceToCreate,
    Kill,
    PowerLoss,
    Restart,
}

fn action() -> impl Strategy<Value = Do> {
    let producer = prop_oneof![Just(None), Just(Some(1)), Just(Some(2))];
    prop_oneof![
        10 => (1usize..4, 0usize..120, -500i64..1000, producer)
            .prop_map(|(records, size, late, producer)| Do::Append { records, size, late, producer }),
        2 => (1i64..3, 0usize..5).prop_map(|(producer, back)| Do::Retry { producer, back }),
        6 => (1usize..6).prop_map(Do::Steps),
        2 => Just(Do::Settle),
        1 => Just(Do::Flush),
        1 => Just(Do::Checkpoint),
        1 => Just(Do::NewEpoch),
        2 => (1u64..2000).prop_map(Do::Pass),
        6 => (0u64..100, 0u64..100, 0u32..900, any::<bool>())
            .prop_map(|(at, limit, bytes_max, whole)| Do::Read { at, limit, bytes_max, whole }),
        2 => (-500i64..20_000).prop_map(|late| Do::Lookup { late }),
        1 => Just(Do::LookupLargest),
        1 => (0u64..100).prop_map(|at| Do::Delete { at }),
        1 => Just(Do::Retain),
        1 => Just(Do::NoSpace),
        1 => Just(Do::NoSpaceToCreate),
        1 => Just(Do::Kill),
        2 => Just(Do::PowerLoss),
        1 => Just(Do::Restart),
    ]
}

fn next_sequence(w: &World, producer: i64) -> i32 {
    // What a client remembers of its batches is what the log has accepted; those that retention has taken count too.
    let last = w.log.producers().into_iter().find(|p| p.id.0 == producer);
    last.map_or(0, |p| p.last_sequence + 1)
}

fn at(w: &World, percent: u64) -> i64 {
    let (start, end) = (w.log.log_start().0, w.log.end().0);
    start - 1 + ((end - start + 3) as u64 * percent / 100) as i64
}

/// A border of batches, at or below what is written.
fn border(w: &World, percent: u64) -> i64 {
    let wanted = at(w, percent);
    w.model.iter().map(|b| b.next).filter(|n| *n <= wanted.max(w.log.log_start().0)).max().unwrap_or(0)
}

fn perform(w: &mut World, action: &Do) {
    match *action {
        Do::Append { records, size, late, producer } => {
            let writable = w.log.is_writable();
            let timestamps: Vec<i64> = (0..records as i64).map(|i| w.now.wall.0 + late - 7 * i).collect();
            let producer = producer.map(|id| (id, 0, next_sequence(w, id)));
            let result = w.append(size, &timestamps, producer);
            assert_eq!(result.is_ok(), writable, "{result:?}");
        }
        Do::Retry { producer, back } => {
            let start = w.log.log_start().0;
            let sent = w.model.iter().rev().filter(|b| b.producer.is_some_and(|p| p.0 == producer));
            let Some(b) = sent.clone().nth(back).filter(|b| b.base >= start && w.log.is_writable()).cloned() else { return };
            let again = w.append(3, &b.timestamps, b.producer).expect("a retry is answered");
            assert!(again.duplicate && again.base.0 == b.base && again.end.0 == b.next, "{again:?} of {b:?}");
        }
        Do::Steps(n) => {
            for _ in 0..n {
                w.step();
            }
        }
        Do::Settle => {
            w.settle();
            w.check_everything();
        }
        Do::Flush => w.with(|log, _, port, _| log.flush(port)),
        Do::Checkpoint => w.checkpoint(),
        Do::NewEpoch => w.epoch += 1,
        Do::Pass(ms) => w.pass(ms),
        Do::Read { at: a, limit, bytes_max, whole } => {
            let (from, limit) = (at(w, a), border(w, limit));
            if limit >= w.log.log_start().0 {
                w.check_read(from, limit, bytes_max, whole);
            }
        }
        Do::Lookup { late } => w.check_lookup(TimestampTarget::AtOrAfter(Timestamp(T0 + late))),
        Do::LookupLargest => w.check_lookup(TimestampTarget::Largest),
        Do::Delete { at: a } => {
            let (to, limit) = (Offset(at(w, a)), w.log.promised_end());
            let done = w.with(|log, _, port, out| log.delete_records(to, limit, port, out));
            assert!(!done || w.log.log_start() == to || w.log.start.is_due(), "it holds, or waits for the disk");
        }
        Do::Retain => {
            let limit = w.log.promised_end();
            w.with(|log, now, port, out| log.retain(limit, now, port, out));
        }
        Do::NoSpaceToCreate => w.disk.fail_creates.push(DiskFault::NoSpace),
        Do::NoSpace => w.disk.fail_appends.push(DiskFault::NoSpace),
        Do::Kill => {
            w.disk.kill();
            let verdict = w.reopen(false);
            assert!(matches!(verdict, Verdict::Intact { .. } | Verdict::TornTail { .. }), "{verdict:?}");
        }
        Do::PowerLoss => {
            w.disk.lose_power(&mut w.rng);
            let start_ahead = w.config.durability == Durability::PageCache && w.checkpoint.1 > 0;
            let verdict = w.reopen(false);
            let lost = matches!(verdict, Verdict::LostPromised { .. });
            assert!(matches!(verdict, Verdict::Intact { .. } | Verdict::TornTail { .. }) || lost && start_ahead, "{verdict:?}");
        }
        Do::Restart => {
            w.disk.fail_appends.clear();
            w.disk.fail_creates.clear();
            w.with(|log, now, port, out| log.close(now, port, out));
            for _ in 0..4 {
                w.settle();
                w.pass(1000);
            }
            assert!(w.events.contains(&crate::log::LogEvent::Closed { clean: true }), "{:?}", w.events);
            w.disk.fail_appends.clear();
            w.checkpoint();
            // Even the power may go now.
            w.disk.lose_power(&mut w.rng);
            let verdict = w.reopen(true);
            assert_eq!(verdict, Verdict::Intact { scanned_bytes: 0 });
        }
    }
    w.log.check_deeply();
}

fn live(config: LogConfig, seed: u64, actions: &[Do]) {
    let mut w = World::new(config, seed);
    for action in actions {
        perform(&mut w, action);
    }
    w.settle();
    w.pass(1000);
    w.settle();
    w.check_everything();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_agrees_with_the_model(seed in any::<u64>(), actions in prop::collection::vec(action(), 1..120)) {
        live(LogConfig { retention_ms: Some(5000), timestamp_after_max_ms: None, ..LogConfig::tiny() }, seed, &actions);
    }

    #[test]
    fn a_log_on_the_page_cache_agrees_with_the_model(seed in any::<u64>(), actions in prop::collection::vec(action(), 1..80)) {
        let config = LogConfig {
            durability: Durability::PageCache,
            flush_messages: Some(7),
            flush_ms: Some(700),
            retention_bytes: Some(3000),
            timestamp_after_max_ms: None,
            ..LogConfig::tiny()
        };
        live(config, seed, &actions);
    }
}
