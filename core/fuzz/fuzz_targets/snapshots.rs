//! The files that a life begins with, one or more of them replaced or damaged: the node says why it does not start, or it serves.
//!
//! The input's first byte says whether a parser is asked alone, or a node starts on a whole directory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ottla_core::controller::Image;
use ottla_core::controller::records::Record;
use ottla_core::ids::ConnId;
use ottla_core::log::{epochs::Epochs, snapshot};
use ottla_core::time::Timestamp;
use ottla_core_fuzz::disk::Disk;
use ottla_core_fuzz::world::{World, batch, encoded, fetch, lived, metadata, produce, settings};
use ottla_core_fuzz::{Case, sealed};
use std::sync::OnceLock;

static LIVED: OnceLock<[Disk; 2]> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let mut case = Case(data);
    match case.u8() {
        0..16 => producers(case.0),
        16..32 => epochs(case.0),
        32..64 => records(&mut case),
        how => node(how, &mut case),
    }
});

fn producers(data: &[u8]) {
    let _ = snapshot::parse(data, Timestamp(0));
    let mut file = data.to_vec();
    if file.len() >= 6 {
        let crc = crc32c::crc32c(&file[6..]);
        file[..2].copy_from_slice(&1i16.to_be_bytes());
        file[2..6].copy_from_slice(&crc.to_be_bytes());
    }
    if let Some(producers) = snapshot::parse(&file, Timestamp(0)) {
        let again = snapshot::encode(&producers);
        let parsed = snapshot::parse(&again, Timestamp(0)).expect("what was understood can be written");
        assert_eq!(snapshot::encode(&parsed), again, "and read again");
    }
}

fn epochs(data: &[u8]) {
    if let Some(epochs) = Epochs::parse(data) {
        assert_eq!(Epochs::parse(&epochs.encode()), Some(epochs), "what was understood can be written");
    }
}

fn records(case: &mut Case<'_>) {
    let (mut image, mut deltas) = (Image::default(), Vec::new());
    while !case.0.is_empty() {
        let Ok(record) = Record::decode(case.bytes()) else { continue };
        let again = Record::decode(&record.encode()).expect("what was understood can be written");
        assert_eq!(again, record, "and read again");
        let before = image.clone();
        if image.apply(&record, &mut deltas).is_err() {
            assert_eq!(image, before, "a record that is refused changes nothing");
        } else if image.is_settled() {
            image.check_invariants();
        }
    }
    if image.is_settled() {
        let mut copy = Image::default();
        for record in image.records() {
            copy.apply(&record, &mut deltas).expect("a snapshot of an image gives that image");
        }
        assert_eq!(copy, image, "a snapshot of an image gives that image");
    }
}

fn node(how: u8, case: &mut Case<'_>) {
    let mut disk = LIVED.get_or_init(|| [lived(true), lived(false)])[usize::from(how & 1)].clone();
    let names: Vec<(String, String)> = disk.files.keys().cloned().collect();
    for _ in 0..4 {
        if case.0.is_empty() {
            break;
        }
        let name = names[usize::from(case.u8()) % names.len()].clone();
        let old = disk.files.get(&name).cloned().unwrap_or_default();
        let what = case.u8();
        let new = match what % 8 {
            0 => case.bytes().to_vec(),
            1 => old[..usize::from(case.u16()) % (old.len() + 1)].to_vec(),
            2 => [&old[..], case.bytes()].concat(),
            3 => {
                disk.files.remove(&name);
                continue;
            }
            _ => {
                let mut new = old;
                let at = usize::from(case.u16()) % (new.len() + 1);
                let over = case.take(usize::from(what >> 4) + 1);
                let end = new.len().min(at + over.len());
                new[at..end].copy_from_slice(&over[..end - at]);
                new
            }
        };
        let keeps_seal = what & 8 != 0 || !(name.1.ends_with(".log") || name.1.ends_with(".checkpoint"));
        disk.files.insert(name, if keeps_seal { new } else { sealed(&new) });
    }
    let Ok(mut world) = World::start(disk, settings()) else { return };
    let conn = ConnId(1);
    world.open(conn);
    for request in [encoded(12, metadata("t")), encoded(9, produce("t", batch(&[b"more"])))] {
        world.frame(conn, request);
        world.drive();
    }
    for offset in 0..8 {
        world.frame(conn, encoded(11, fetch("t", offset)));
        world.drive();
    }
    world.pass(2_000);
    world.shutdown();
}
