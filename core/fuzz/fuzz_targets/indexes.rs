//! Whole batches under indexes of any contents: reads find the same batches as without an index.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ottla_core::ids::Offset;
use ottla_core::log::dump::{Depth, Gaps, Window, scan, verify_indexes};
use ottla_core::log::{Hints, LogConfig};
use ottla_core::wire::batch::{BatchBuilder, BatchInfo, batches};
use ottla_core_fuzz::Case;
use ottla_core_fuzz::disk::Disk;
use ottla_core_fuzz::log::{Life, segment};

/// Records in the two segments, two in a batch.
const RECORDS: i64 = 80;

fuzz_target!(|data: &[u8]| {
    let mut case = Case(data);
    let how = case.u8();
    let mut disk = Disk::default();
    for base in [0, RECORDS / 2] {
        let log = batches_from(base);
        let (index, time) = (case.bytes(), case.bytes());
        disk.put("t-0", &segment(base, "log"), &log);
        disk.put("t-0", &segment(base, "index"), index);
        disk.put("t-0", &segment(base, "timeindex"), time);
        let _ = verify_indexes(base, &headers(&log, base), index, time);
    }
    let hints = Hints {
        recovery_point: match how & 3 {
            0 => None,
            1 => Some(Offset(RECORDS)),
            2 => Some(Offset(RECORDS / 2)),
            _ => Some(Offset(i64::from(case.u8()) * 2 % RECORDS)),
        },
        log_start: None,
        clean: how & 4 != 0,
        epoch_max: None,
        compacted: false,
        no_producers: false,
    };
    let mut life = Life::begin(disk, hints, LogConfig::tiny()).expect("it can be listed");
    assert_eq!(life.log.end(), Offset(RECORDS), "an index cannot change where the batches end");
    assert!(life.log.is_writable(), "an index cannot put a log out of service");
    for offset in 0..RECORDS {
        let served = life.read(Offset(offset)).expect("it is there");
        let first = batches(served).next().expect("a batch").expect("a batch").info;
        assert!(first.base_offset <= offset && offset <= first.last_offset(), "{offset} was asked for, {first:?} served");
    }
    life.look_up_some();
    life.append_some();
    life.close();
});

fn batches_from(base: i64) -> Vec<u8> {
    let mut log = Vec::new();
    for i in 0..RECORDS / 4 {
        let mut builder = BatchBuilder::new(Default::default()).base_offset(base + 2 * i).leader_epoch(0);
        builder.push(base + i, None, Some(b"one"), []);
        builder.push(base + i, None, Some(b"two"), []);
        log.extend_from_slice(&builder.build().expect("it builds").bytes);
    }
    log
}

fn headers(log: &[u8], base: i64) -> Vec<BatchInfo> {
    let mut found = Vec::new();
    let read = &mut |pos: u64, len: usize| {
        let from = usize::try_from(pos).expect("small");
        Ok(bytes::Bytes::copy_from_slice(&log[from..log.len().min(from + len)]))
    };
    let size = u32::try_from(log.len()).expect("small");
    scan(&mut Window::new(read, Depth::Headers), size, 0, base, Depth::Headers, Gaps::Damage, &mut |info, _| found.push(*info));
    found
}
