//! Tests of the disk: what the calls leave in real files, and that calls which must wait do.

use super::*;
use ottla_core::io::Suffix;
use std::future::poll_fn;

struct Fixture {
    disk: RealDisk,
    dir: tempfile::TempDir,
    op: u64,
    done: Vec<Completion>,
    runtime: tokio::runtime::Runtime,
}

const DIR: DirId = DirId(1);

fn log() -> FileId {
    FileId::new(DIR, FileKind::Log, 0)
}

fn append(pos: u64, data: &'static str) -> DiskCall {
    DiskCall::Append { pos: BytePos(pos), data: vec![Bytes::from_static(data.as_bytes())] }
}

fn read(pos: u64, len: u32) -> DiskCall {
    DiskCall::Read { pos: BytePos(pos), len }
}

impl Fixture {
    fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(RealImage::open(dir.path()).unwrap(), 16);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut fixture = Fixture { disk, dir, op: 0, done: Vec::new(), runtime };
        assert_eq!(fixture.call(FileId::dir(DIR), DiskCall::MakeDir { path: "orders-0".into() }), Ok(DiskDone::Done));
        fixture
    }

    fn submit(&mut self, file: FileId, call: DiskCall) -> OpId {
        self.op += 1;
        self.disk.submit(OpId(self.op), file, call, &mut self.done);
        OpId(self.op)
    }

    fn wait(&mut self, op: OpId) -> CallResult {
        loop {
            if let Some(at) = self.done.iter().position(|c| c.op == op) {
                return self.done.swap_remove(at).result;
            }
            self.disk.flush(&mut self.done);
            if self.done.iter().any(|c| c.op == op) {
                continue;
            }
            self.runtime.block_on(poll_fn(|cx| self.disk.poll_completed(cx, &mut self.done)));
        }
    }

    fn call(&mut self, file: FileId, call: DiskCall) -> CallResult {
        let op = self.submit(file, call);
        self.wait(op)
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.dir.path().join(name)).ok()
    }
}

const LOG: &str = "orders-0/00000000000000000000.log";

#[test]
fn calls_leave_in_files_what_they_say() {
    let mut f = Fixture::new();
    assert_eq!(f.call(log(), DiskCall::Create), Ok(DiskDone::Done));
    assert_eq!(f.call(log(), append(0, "hello ")), Ok(DiskDone::Done));
    assert_eq!(f.call(log(), append(6, "world")), Ok(DiskDone::Done));
    assert_eq!(f.call(log(), DiskCall::Sync), Ok(DiskDone::Done));
    assert_eq!(f.content(LOG).unwrap(), b"hello world");
    assert_eq!(f.call(log(), read(6, 100)), Ok(DiskDone::Read(Bytes::from_static(b"world"))));
    assert_eq!(f.call(log(), read(0, 5)), Ok(DiskDone::Read(Bytes::from_static(b"hello"))));
    assert_eq!(f.call(log(), read(11, 5)), Ok(DiskDone::Read(Bytes::new())));
    assert_eq!(f.call(log(), DiskCall::Rewrite { pos: BytePos(2), len: 9 }), Ok(DiskDone::Done));
    assert_eq!(f.content(LOG).unwrap(), b"hello world");
    assert_eq!(f.call(log(), DiskCall::Rewrite { pos: BytePos(2), len: 10 }), Err(DiskFault::Io), "beyond the end");
    assert_eq!(f.call(log(), DiskCall::Truncate { len: 5 }), Ok(DiskDone::Done));
    assert_eq!(f.content(LOG).unwrap(), b"hello");
    assert_eq!(f.call(log(), DiskCall::Create), Ok(DiskDone::Done));
    assert_eq!(f.content(LOG).unwrap(), b"");
    let gone = log().with_suffix(Suffix::Deleted);
    assert_eq!(f.call(log(), DiskCall::Rename { to: gone.name }), Ok(DiskDone::Done));
    assert_eq!(f.call(FileId::dir(DIR), DiskCall::SyncDir), Ok(DiskDone::Done));
    assert_eq!(f.call(gone, append(0, "still writable")), Ok(DiskDone::Done));
    assert_eq!(f.call(gone, DiskCall::Remove), Ok(DiskDone::Done));
    assert_eq!(f.call(gone, DiskCall::Remove), Ok(DiskDone::Done), "removing what is absent is no error");
    assert_eq!(f.call(log(), append(0, "x")), Err(DiskFault::NotFound));
    assert_eq!(f.call(log(), read(0, 1)), Err(DiskFault::NotFound));
}

#[test]
fn a_directory_takes_its_files_with_it() {
    let mut f = Fixture::new();
    f.call(log(), DiskCall::Create).unwrap();
    f.call(log(), append(0, "x")).unwrap();
    f.call(FileId::dir(DIR), DiskCall::RenameDir { path: "orders-0.gone-delete".into() }).unwrap();
    f.call(log(), append(1, "y")).unwrap();
    assert_eq!(f.content("orders-0.gone-delete/00000000000000000000.log").unwrap(), b"xy");
    f.call(FileId::dir(DIR), DiskCall::RemoveDir).unwrap();
    assert!(!f.dir.path().join("orders-0.gone-delete").exists());
    f.call(FileId::dir(DIR), DiskCall::RemoveDir).unwrap();
    f.call(FileId::dir(ROOT), DiskCall::SyncDir).unwrap();
    let props = FileId::new(ROOT, FileKind::MetaProperties, 0);
    f.call(props, DiskCall::Create).unwrap();
    f.call(props, append(0, "version=1")).unwrap();
    assert_eq!(f.content("meta.properties").unwrap(), b"version=1");
}

#[test]
fn what_waits_for_a_sync_is_performed_in_order() {
    let mut f = Fixture::new();
    f.call(log(), DiskCall::Create).unwrap();
    let tmp = log().with_suffix(Suffix::Tmp);
    let mut ops = Vec::new();
    for (file, call) in [
        (log(), append(0, "old")),
        (log(), DiskCall::Sync),
        (tmp, DiskCall::Create),
        (tmp, append(0, "brand new")),
        (tmp, DiskCall::Sync),
        (tmp, DiskCall::Rename { to: log().name }),
        (FileId::dir(DIR), DiskCall::SyncDir),
        (log(), DiskCall::Truncate { len: 5 }),
        (log(), append(5, "!")),
        (log(), DiskCall::Sync),
    ] {
        ops.push(f.submit(file, call));
    }
    for op in ops {
        assert_eq!(f.wait(op), Ok(DiskDone::Done), "{op:?}");
    }
    assert_eq!(f.content(LOG).unwrap(), b"brand!");
}

#[test]
fn appends_of_many_parts_and_of_many_files_are_whole() {
    let mut f = Fixture::new();
    let data: Vec<Bytes> = (0..3000u32).map(|i| Bytes::from(i.to_be_bytes().to_vec())).chain([Bytes::new()]).collect();
    let whole: Vec<u8> = data.iter().flatten().copied().collect();
    // More files than handles are kept.
    for base in 0..50 {
        let file = FileId::new(DIR, FileKind::Log, base);
        f.call(file, DiskCall::Create).unwrap();
        f.call(file, DiskCall::Append { pos: BytePos(0), data: data.clone() }).unwrap();
    }
    for base in 0..50 {
        let file = FileId::new(DIR, FileKind::Log, base);
        f.call(file, append(12000, "end")).unwrap();
        let DiskDone::Read(bytes) = f.call(file, read(0, 20000)).unwrap() else { panic!("no bytes") };
        assert!(bytes[..12000] == whole[..] && bytes[12000..] == b"end"[..]);
    }
}

#[test]
fn a_file_that_is_being_sent_outlives_its_name() {
    let mut f = Fixture::new();
    f.call(log(), DiskCall::Create).unwrap();
    f.call(log(), append(0, "kept")).unwrap();
    let mut source = f.disk.source(log(), BytePos(0), 4).unwrap();
    source.open().unwrap();
    f.call(log(), DiskCall::Remove).unwrap();
    assert_eq!(source.read(1, 10).unwrap(), "ept");
    assert!(source.warm(0, 4).is_none(), "it was just written");
    assert!(f.disk.source(log(), BytePos(0), 4).unwrap().open().is_err());
}

#[test]
fn appends_that_follow_each_other_become_one_write_and_each_has_its_end() {
    let mut f = Fixture::new();
    let other = FileId::new(DIR, FileKind::Log, 7);
    f.call(log(), DiskCall::Create).unwrap();
    f.call(other, DiskCall::Create).unwrap();
    let first = f.submit(log(), append(0, "one "));
    let second = f.submit(log(), append(4, "two "));
    assert!(f.done.is_empty() && f.content(LOG).unwrap().is_empty(), "both wait for what may follow");
    let third = f.submit(other, append(0, "three"));
    assert_eq!(f.done.iter().map(|c| c.op).collect::<Vec<_>>(), [first, second], "another file's append does not follow");
    assert_eq!(f.wait(third), Ok(DiskDone::Done));
    let sync = f.submit(log(), append(8, "four"));
    assert_eq!(f.call(log(), DiskCall::Sync), Ok(DiskDone::Done));
    assert_eq!(f.wait(sync), Ok(DiskDone::Done));
    assert_eq!(f.content(LOG).unwrap(), b"one two four");
    let absent = FileId::new(DIR, FileKind::Log, 99);
    let (one, two) = (f.submit(absent, append(0, "x")), f.submit(absent, append(1, "y")));
    assert_eq!((f.wait(one), f.wait(two)), (Err(DiskFault::NotFound), Err(DiskFault::NotFound)));
}

#[test]
fn a_queue_of_ranges_keeps_no_file_open() {
    let mut f = Fixture::new();
    let open = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let files: Vec<FileId> = (0..200).map(|base| FileId::new(DIR, FileKind::Log, base)).collect();
    for file in &files {
        assert_eq!(f.call(*file, DiskCall::Create), Ok(DiskDone::Done));
        assert_eq!(f.call(*file, append(0, "0123456789")), Ok(DiskDone::Done));
    }
    let before = open();
    let mut sources: Vec<RealSource> =
        files.iter().map(|file| f.disk.source(*file, BytePos(2), 3).expect("it is there")).collect();
    // Other tests open files, too; none so many.
    assert!(open() < before + 100, "{} handles for {} ranges", open() - before, sources.len());
    for source in &mut sources {
        source.open().expect("its turn has come");
        assert_eq!(source.read(2, 3).expect("it reads"), "234");
    }
}

#[test]
fn a_file_is_found_under_the_name_that_its_directory_has_when_its_turn_comes() {
    let mut f = Fixture::new();
    assert_eq!(f.call(log(), DiskCall::Create), Ok(DiskDone::Done));
    assert_eq!(f.call(log(), append(0, "0123456789")), Ok(DiskDone::Done));
    let mut source = f.disk.source(log(), BytePos(2), 3).expect("it is there");
    while f.disk.files.borrow_mut().handles.close_one() {}
    assert_eq!(f.call(FileId::dir(DIR), DiskCall::RenameDir { path: "orders-0-delete".into() }), Ok(DiskDone::Done));
    source.open().expect("its turn has come");
    assert_eq!(source.read(2, 3).expect("it reads"), "234");
}

/// Whether this is a process for one test alone, since what that takes away is everybody's. If not, it has passed in one.
fn is_alone(test: &str) -> bool {
    const ALONE: &str = "OTTLA_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let done = child.args(["--exact", &format!("disk::real::tests::{test}")]).env(ALONE, "1").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    false
}

#[test]
fn files_are_opened_when_no_handle_is_left() {
    if !is_alone("files_are_opened_when_no_handle_is_left") {
        return;
    }
    let mut f = Fixture::new();
    f.disk.files.borrow_mut().handles = Handles::new(4096);
    let few = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    let files: Vec<FileId> = (0..200).map(|base| FileId::new(DIR, FileKind::Log, base)).collect();
    for file in &files {
        assert_eq!(f.call(*file, DiskCall::Create), Ok(DiskDone::Done));
    }
    for file in &files {
        assert_eq!(f.call(*file, append(0, "0123456789")), Ok(DiskDone::Done));
    }
    // On other threads, which cannot close anything, and on the loop.
    for file in &files {
        assert_eq!(f.call(*file, DiskCall::Sync), Ok(DiskDone::Done));
        assert_eq!(f.call(*file, read(3, 2)), Ok(DiskDone::Read(Bytes::from_static(b"34"))));
    }
}

#[test]
fn a_call_waits_while_nothing_is_left_to_open_its_file_with() {
    if !is_alone("a_call_waits_while_nothing_is_left_to_open_its_file_with") {
        return;
    }
    let mut f = Fixture::new();
    assert_eq!(f.call(log(), DiskCall::Create), Ok(DiskDone::Done));
    assert_eq!(f.call(log(), append(0, "0123456789")), Ok(DiskDone::Done));
    while f.disk.files.borrow_mut().handles.close_one() {}
    let limit = |current| {
        let limit = rustix::process::Rlimit { current: Some(current), maximum: Some(1000) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    };
    limit(0);
    let dir = FileId::dir(DIR);
    let calls = [(log(), DiskCall::Sync), (log(), DiskCall::Rewrite { pos: BytePos(0), len: 9 }), (dir, DiskCall::SyncDir)];
    let mut ops: Vec<OpId> = calls.into_iter().map(|(file, call)| f.submit(file, call)).collect();
    ops.push(f.submit(dir, DiskCall::RemoveDir));
    let from = Instant::now();
    while from.elapsed() < 3 * SHORT_PAUSE {
        f.runtime.block_on(poll_fn(|cx| Poll::Ready(f.disk.poll_completed(cx, &mut f.done).is_ready())));
        assert!(f.done.is_empty(), "{:?}", f.done);
        std::thread::yield_now();
    }
    limit(1000);
    for op in ops {
        assert_eq!(f.wait(op), Ok(DiskDone::Done), "{op:?}");
    }
}

#[test]
fn calls_that_wait_hold_no_file_open() {
    let mut f = Fixture::new();
    let files: Vec<FileId> = (0..1000).map(|base| FileId::new(DIR, FileKind::Log, base)).collect();
    for file in &files {
        assert_eq!(f.call(*file, DiskCall::Create), Ok(DiskDone::Done));
    }
    let syncs: Vec<OpId> = files.iter().map(|file| f.submit(*file, DiskCall::Sync)).collect();
    assert_eq!((f.disk.syncs.given, f.disk.syncs.waiting.len()), (16, 984));
    for op in syncs {
        assert_eq!(f.wait(op), Ok(DiskDone::Done));
    }
    assert_eq!(f.disk.syncs.given, 0);
}
