//! A log's directory with any segments: recovery judges it without a panic, and what is served from it is intact.
//!
//! The input is a list of files, and of batches in them that are well formed but for what the input says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ottla_core::ids::{LeaderEpoch, Offset};
use ottla_core::log::dump::{Depth, Gaps, Window, find_batch_behind, scan};
use ottla_core::log::{Hints, LogConfig};
use ottla_core::wire::batch::{Attributes, BatchBuilder, BatchInfo, HEADER_BYTES};
use ottla_core_fuzz::disk::Disk;
use ottla_core_fuzz::log::{Life, segment};
use ottla_core_fuzz::{Case, assert_intact};

fuzz_target!(|data: &[u8]| {
    let mut case = Case(data);
    let how = case.u8();
    let hints = Hints {
        recovery_point: (how & 1 != 0).then(|| Offset(case.number().max(0) >> 2)),
        log_start: (how & 2 != 0).then(|| Offset(case.number().max(0) >> 2)),
        clean: how & 4 != 0,
        epoch_max: (how & 8 != 0).then_some(LeaderEpoch(1)),
        compacted: how & 16 != 0,
        no_producers: how & 32 != 0,
    };
    let mut disk = Disk::default();
    disk.paths.insert("t-0".into());
    let (mut base, mut next, mut file) = (0i64, 0i64, Vec::new());
    while !case.0.is_empty() {
        match case.u8() {
            0..128 => {
                let batch = batch(&mut case, next);
                next += i64::from(case.u8() % 8) + 1;
                file.extend_from_slice(&batch);
            }
            128..160 => file.extend_from_slice(case.bytes()),
            160..192 => file.truncate(file.len().saturating_sub(usize::from(case.u16()))),
            192..224 => {
                // The next segment.
                disk.put("t-0", &segment(base, "log"), &file);
                base = if case.u8() & 3 == 0 { case.number().max(0) >> 2 } else { next };
                (next, file) = (base, Vec::new());
            }
            kind => {
                let ext = ["index", "timeindex", "snapshot", "txnindex", "log.deleted", "index.tmp"][usize::from(kind) % 6];
                let contents = case.bytes();
                disk.put("t-0", &segment(base, ext), contents);
                if kind == 224 {
                    disk.put("t-0", "leader-epoch-checkpoint", contents);
                }
            }
        }
    }
    scan_it(&file, next);
    disk.put("t-0", &segment(base, "log"), &file);
    // What was not looked at may be damaged: whoever reads it checks it.
    let all_checked = !hints.clean && hints.recovery_point.is_none();
    let Some(mut life) = Life::begin(disk, hints, LogConfig::tiny()) else { return };
    for served in life.read_all() {
        if all_checked {
            assert_intact(served);
        }
    }
    life.look_up_some();
    life.append_some();
    life.close();
    let end = life.log.end();
    let good = life.log.is_writable();
    let hints = Hints { log_start: Some(life.log.log_start()), ..Hints::default() };
    let again = Life::begin(life.disk, hints, LogConfig::tiny()).expect("it can be listed");
    if all_checked && good {
        assert_eq!(again.log.end(), end, "what was whole is whole after the next start");
    }
});

/// A batch at `next` with the fields that the input says, and a checksum that matches (or not).
fn batch(case: &mut Case<'_>, next: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Default::default()).base_offset(next).leader_epoch(0);
    for _ in 0..=case.u8() % 4 {
        builder.push(case.number(), None, Some(b"v"), []);
    }
    let built = builder.build().expect("it builds").bytes;
    let mut info = BatchInfo::parse_header(&built).expect("it parses");
    let fields = case.u8();
    let set = |bit: u8| fields & (1 << bit) != 0;
    if set(0) {
        info.base_offset = case.number();
    }
    if set(1) {
        info.last_offset_delta = i32::try_from(case.number()).unwrap_or(i32::MIN);
    }
    if set(2) {
        info.leader_epoch = i32::try_from(case.number()).unwrap_or(i32::MIN);
    }
    if set(3) {
        info.producer_id = case.number();
        info.producer_epoch = i16::from(case.u8()) - 1;
        info.base_sequence = i32::try_from(case.number()).unwrap_or(i32::MIN);
    }
    if set(4) {
        info.max_timestamp = case.number();
    }
    if set(5) {
        info.attributes = Attributes(i16::from(case.u8()));
    }
    if set(6) {
        info.count = i32::try_from(case.number()).unwrap_or(i32::MIN);
    }
    let header = info.seal(&built[HEADER_BYTES..]);
    let mut bytes = [&header, &built[HEADER_BYTES..]].concat();
    if set(7) {
        let at = usize::from(case.u8()) % bytes.len();
        bytes[at] ^= case.u8();
    }
    bytes
}

/// The readers that tools use as well.
fn scan_it(file: &[u8], next: i64) {
    let size = u32::try_from(file.len()).expect("small");
    for depth in [Depth::Headers, Depth::Checksums] {
        for gaps in [Gaps::Allowed, Gaps::UpTo(next), Gaps::Damage] {
            let read = &mut |pos: u64, len: usize| {
                let from = usize::try_from(pos).expect("small").min(file.len());
                Ok(bytes::Bytes::copy_from_slice(&file[from..file.len().min(from + len)]))
            };
            let end = scan(&mut Window::new(read, depth), size, 0, 0, depth, gaps, &mut |info, bytes| {
                let alone = BatchInfo { pos: 0, ..*info };
                assert!(depth == Depth::Headers || alone.crc_matches(&bytes), "a batch passed whose checksum is wrong");
            });
            assert!(end.pos <= size, "a scan ends in the file");
            let _ = find_batch_behind(&mut Window::new(read, Depth::Checksums), size, end.pos, next);
        }
    }
}
