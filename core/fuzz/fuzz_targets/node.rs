//! Any bytes on connections of a node: it answers or closes, and what it leaves behind is a data directory.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ottla_core::ids::ConnId;
use ottla_core::io::Fatal;
use ottla_core::wire::ApiKey;
use ottla_core_fuzz::disk::Disk;
use ottla_core_fuzz::world::{World, encoded, fetch, frame, lived, settings};
use ottla_core_fuzz::{Case, assert_intact, sealed};
use std::sync::OnceLock;

/// Steps in one case: a longer one says nothing that a short one does not.
const STEPS_MAX: usize = 64;

static LIVED: OnceLock<Disk> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let mut case = Case(data);
    let disk = LIVED.get_or_init(|| lived(true)).clone();
    let mut world = World::start(disk, settings()).expect("an orderly end");
    (0..4).for_each(|c| world.open(ConnId(c)));
    let mut next = 4;
    for _ in 0..STEPS_MAX {
        if case.0.is_empty() {
            break;
        }
        let step = case.u8();
        let conn = ConnId(next - 1 - u64::from(step >> 6));
        match step & 0x3f {
            0..16 => world.frame(conn, Bytes::copy_from_slice(case.bytes())),
            api @ 16..40 => {
                let api = ApiKey::ALL[(usize::from(api) - 16 + usize::from(case.u8() & 1) * 24) % ApiKey::ALL.len()];
                let (version, tags) = (i16::from(case.u8()), case.u8() & 1 == 0);
                let (min, max) = api.versions();
                world.frame(conn, frame(api, min + version % (max - min + 1), tags, case.bytes()));
            }
            40..44 => world.perform(usize::from(case.u8())),
            44..47 => world.pass(u64::from(case.u16())),
            47 => {
                world.close(conn);
                world.open(ConnId(next));
                next += 1;
            }
            48..56 => {
                // What a producer would send, with any records in a batch whose length and checksum are right.
                let records = sealed(case.bytes());
                let mut body =
                    vec![0xff, 0xff, 0xff, (step & 3).wrapping_sub(1), 0, 0, 3, 0xe8, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1];
                if body[3] != 0xff {
                    body[2] = 0;
                }
                body.extend_from_slice(&u32::from(case.u8() & 1).to_be_bytes());
                body.extend_from_slice(&u32::try_from(records.len()).expect("small").to_be_bytes());
                body.extend_from_slice(&records);
                world.frame(conn, frame(ApiKey::Produce, 8, false, &body));
            }
            56..60 => world.frame(conn, encoded(11, fetch("t", case.number()))),
            _ => world.drive(),
        }
    }
    world.drive();
    world.pass(2_000);
    world.drive();
    let halted = world.halted.take();
    assert!(halted.is_none(), "no peer can end a node: {halted:?}");
    let in_order = data.len() % 2 == 0;
    if in_order {
        world.shutdown();
        assert_eq!(world.halted, Some(Fatal::Shutdown), "an end that was asked for comes");
    }
    for (_, _, served) in std::mem::take(&mut world.replies) {
        served.into_iter().for_each(assert_intact);
    }
    World::start(world.disk, settings()).expect("the next life begins on what this one has left");
});
