//! Files on this machine: appends and cached reads at once, everything that may wait for a disk on other threads.
//!
//! State       names of directories, open files (shared with whoever sends from them), calls that have not ended, three pools of
//!             threads and, before each, the calls that wait for it.
//! Takes       disk calls; ends of jobs.
//! Gives       completions; files to send from.
//! Holds       the order of calls is `order.rs`'s. An fsync that failed is reported as it is and never retried; one whose file could
//!             not be opened for want of handles has not begun. A call holds a file open from when it is given to a pool, which
//!             has a few for each thread: the thousands that may wait hold none.
//! Not here    which call may overtake which (`order.rs`).
//!
//! What runs on the loop: writes into the page cache, reads that the page cache answers (RWF_NOWAIT), creations and renames of
//! names, and openings of files whose handle was not kept. Measured on ext4 beside a disk that is busy with fsync, a creation or
//! a rename takes 25 us, a removal of 64 MB three milliseconds. A write may still wait where the kernel throttles writers of
//! dirty pages.

use super::handles::Handles;
use super::image::{RealImage, read_at};
use super::order::{Go, Order};
use super::pool::Pool;
use super::{Completion, Disk, Source, Ticket, fault_of};
use bytes::{Buf, Bytes};
use ottla_core::ids::{BytePos, DirId, OpId};
use ottla_core::io::{DiskCall, DiskDone, DiskFault, FileId, FileKind, ROOT, Volume};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::{Errno, ReadWriteFlags};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{IoSlice, IoSliceMut};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Threads for fsync and for changes of names and lengths.
const SYNC_THREADS_MAX: usize = 8;
/// Threads for reads that the page cache cannot answer.
const READ_THREADS_MAX: usize = 4;
/// Threads for removals, which are many at once: what waits for an fsync does not wait for them. An orderly end does.
const REMOVAL_THREADS_MAX: usize = 4;
/// A pool is given so many calls for each thread: one runs, and the next is there when it has ended.
const CALLS_PER_THREAD: usize = 2;
/// How many calls hold a file open at the most.
pub(crate) const CALLS_GIVEN_MAX: usize = (SYNC_THREADS_MAX + READ_THREADS_MAX + REMOVAL_THREADS_MAX) * CALLS_PER_THREAD;
/// The most slices in one write (`IOV_MAX`).
const SLICES_MAX: usize = 1024;
/// How much is written over itself at once.
const REWRITE_BYTES: usize = 1 << 20;
/// One byte in so many is asked for, to learn whether a range is cached.
const PROBE_BYTES: u64 = 128 * 1024;
/// Where nothing is left to open a file with, a call is tried again after so long.
const SHORT_PAUSE: Duration = Duration::from_millis(100);
/// So often: a minute. Then it has failed.
const SHORT_TRIES_MAX: u32 = 600;

type CallResult = Result<DiskDone, DiskFault>;

/// A call for another thread. Nothing that changes the name of its file or its directory starts before it has ended.
struct Job {
    op: OpId,
    file: FileId,
    call: DiskCall,
    path: String,
    /// How often it was begun where nothing was left to open its file with.
    tries: u32,
}

/// The end of a job.
struct Ended {
    job: Job,
    result: Result<DiskDone, Failed>,
    sync_took: Option<Duration>,
    /// The handle that the job opened, to be kept.
    opened: Option<Arc<OwnedFd>>,
}

/// Threads, and the jobs that wait until they are given to them.
struct Lane {
    pool: Arc<Pool>,
    waiting: VecDeque<Job>,
    given: usize,
    given_max: usize,
}

/// Files by name: those that are open, and how to open the others.
struct Files {
    root: Arc<OwnedFd>,
    dirs: BTreeMap<DirId, String>,
    handles: Handles,
}

/// Appends of one file that follow each other: one write for all.
struct Staged {
    file: FileId,
    pos: BytePos,
    data: Vec<Bytes>,
    /// The calls, each with where it ends in the file.
    ops: Vec<(OpId, BytePos)>,
}

/// A data directory on this machine.
pub struct RealDisk {
    files: Rc<RefCell<Files>>,
    order: Order,
    staged: Option<Staged>,
    /// What has ended where nobody was there to be told.
    ended: Vec<Completion>,
    syncs: Lane,
    reads: Lane,
    removals: Lane,
    tell: mpsc::UnboundedSender<Ended>,
    told: mpsc::UnboundedReceiver<Ended>,
}

impl Files {
    fn path(&self, file: FileId) -> Result<String, DiskFault> {
        if file.dir == ROOT {
            return Ok(if file.name.kind == FileKind::Dir { ".".to_owned() } else { file.name.to_string() });
        }
        let dir = self.dirs.get(&file.dir).ok_or(DiskFault::NotFound)?;
        Ok(if file.name.kind == FileKind::Dir { dir.clone() } else { format!("{dir}/{}", file.name) })
    }

    fn handle(&mut self, file: FileId) -> Result<Arc<OwnedFd>, DiskFault> {
        match self.handles.get(file) {
            Some(handle) => Ok(handle),
            None => self.open(file, OFlags::RDWR | OFlags::CLOEXEC),
        }
    }

    /// Open a file and keep the handle. Where the system has none left, those that were used longest ago are closed first.
    fn open(&mut self, file: FileId, flags: OFlags) -> Result<Arc<OwnedFd>, DiskFault> {
        let path = self.path(file)?;
        loop {
            match rustix::fs::openat(&*self.root, &*path, flags, Mode::from_raw_mode(0o644)) {
                Ok(fd) => {
                    let handle = Arc::new(fd);
                    self.handles.insert(file, Arc::clone(&handle));
                    return Ok(handle);
                }
                Err(error) if is_short(error) && self.handles.close_one() => {}
                Err(error) => return Err(fault_of(error)),
            }
        }
    }

    fn create(&mut self, file: FileId) -> Result<(), DiskFault> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        self.open(file, flags).map(drop)
    }

    fn rename(&mut self, from: FileId, to: FileId) -> Result<(), DiskFault> {
        let (old, new) = (self.path(from)?, self.path(to)?);
        rustix::fs::renameat(&*self.root, &*old, &*self.root, &*new).map_err(fault_of)?;
        self.handles.rename(from, to);
        Ok(())
    }

    fn make_dir(&mut self, dir: DirId, path: &str) -> Result<(), DiskFault> {
        match rustix::fs::mkdirat(&*self.root, path, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(fault_of(e)),
        }
        self.dirs.insert(dir, path.to_owned());
        Ok(())
    }

    fn rename_dir(&mut self, dir: DirId, path: &str) -> Result<(), DiskFault> {
        let old = self.path(FileId::dir(dir))?;
        rustix::fs::renameat(&*self.root, &*old, &*self.root, path).map_err(fault_of)?;
        self.dirs.insert(dir, path.to_owned());
        Ok(())
    }
}

impl RealDisk {
    /// Go on from what recovery has read and bound.
    #[must_use]
    pub fn new(image: RealImage, open_files_max: usize) -> RealDisk {
        let (tell, told) = mpsc::unbounded_channel();
        RealDisk {
            files: Rc::new(RefCell::new(Files { root: image.root, dirs: image.dirs, handles: Handles::new(open_files_max) })),
            order: Order::default(),
            staged: None,
            ended: Vec::new(),
            syncs: Lane::new("disk-sync", SYNC_THREADS_MAX),
            reads: Lane::new("disk-read", READ_THREADS_MAX),
            removals: Lane::new("disk-remove", REMOVAL_THREADS_MAX),
            tell,
            told,
        }
    }

    /// Say which file a call has failed on; the reason was said where the operating system gave it.
    fn tell_of(&self, file: FileId, result: &CallResult) {
        if let Err(fault @ (DiskFault::Io | DiskFault::NoSpace)) = result {
            tracing::warn!(path = self.path(file).unwrap_or_default(), ?fault, "a disk call failed on this file");
        }
    }

    /// Perform the call or hand it to a thread. `entered` says that `order` knows it already.
    fn perform(&mut self, go: Go, entered: bool) -> Option<Completion> {
        let Go { op, file, call } = go;
        let result = match self.perform_here(file, &call) {
            Some(result) => result,
            None => match self.path(file) {
                Ok(path) => {
                    self.lane(&call).waiting.push_back(Job { op, file, call: call.clone(), path, tries: 0 });
                    self.give(&call);
                    if !entered {
                        self.order.on_started(op, file, call);
                    }
                    return None;
                }
                // Its directory is gone already.
                Err(DiskFault::NotFound) if matches!(call, DiskCall::Remove | DiskCall::RemoveDir) => Ok(DiskDone::Done),
                Err(fault) => Err(fault),
            },
        };
        self.tell_of(file, &result);
        Some(Completion { op, result, sync_took: None })
    }

    /// What does not wait for a disk. `None`: this call may.
    fn perform_here(&mut self, file: FileId, call: &DiskCall) -> Option<CallResult> {
        let done = |result: Result<(), DiskFault>| Some(result.map(|()| DiskDone::Done));
        match call {
            DiskCall::Append { pos, data } => {
                done(self.files.borrow_mut().handle(file).and_then(|fd| append(&fd, *pos, data).map_err(|(_, e)| fault_of(e))))
            }
            DiskCall::Read { pos, len } => {
                let fd = self.files.borrow_mut().handles.get(file)?;
                read_cached(&fd, *pos, *len as usize).map(|bytes| Ok(DiskDone::Read(bytes)))
            }
            DiskCall::Create => done(self.files.borrow_mut().create(file)),
            DiskCall::Rename { to } => done(self.files.borrow_mut().rename(file, FileId { name: *to, ..file })),
            DiskCall::MakeDir { path } => done(self.files.borrow_mut().make_dir(file.dir, path)),
            DiskCall::RenameDir { path } => done(self.files.borrow_mut().rename_dir(file.dir, path)),
            DiskCall::Sync
            | DiskCall::Rewrite { .. }
            | DiskCall::Truncate { .. }
            | DiskCall::Remove
            | DiskCall::RemoveDir
            | DiskCall::SyncDir => None,
        }
    }

    fn path(&self, file: FileId) -> Result<String, DiskFault> {
        self.files.borrow().path(file)
    }

    /// The threads for a call that may wait for a disk.
    fn lane(&mut self, call: &DiskCall) -> &mut Lane {
        match call {
            DiskCall::Read { .. } => &mut self.reads,
            DiskCall::Remove | DiskCall::RemoveDir => &mut self.removals,
            _ => &mut self.syncs,
        }
    }

    /// Give the threads for `call` what waits for them, as much as they are to have.
    fn give(&mut self, call: &DiskCall) {
        while let Some(job) = self.lane(call).next() {
            let (mut files, tell) = (self.files.borrow_mut(), self.tell.clone());
            match job.call {
                DiskCall::Remove => drop(files.handles.remove(job.file)),
                DiskCall::RemoveDir => files.handles.remove_dir(job.file.dir),
                _ => {}
            }
            let root = Arc::clone(&files.root);
            let kept = files.handles.get(job.file);
            drop(files);
            // The other end is gone only when the node is.
            self.lane(call).pool.run(move || drop(tell.send(job.perform(&root, kept))));
        }
    }

    /// A job has ended: what to tell of it, unless it is to be done again.
    fn take_back(&mut self, ended: Ended) -> Option<(Job, CallResult)> {
        let Ended { mut job, result, opened, .. } = ended;
        self.lane(&job.call).given -= 1;
        let mut files = self.files.borrow_mut();
        if let Some(handle) = opened {
            files.handles.insert(job.file, handle);
        }
        let result = match result {
            Ok(done) => Ok(done),
            Err(Failed::With(fault)) => Err(fault),
            // Nothing was done, so nothing is lost by waiting: for a handle of ours, or until somebody gives one back.
            Err(Failed::Short(error)) => {
                let is_free = files.handles.close_one();
                if is_free || job.tries < SHORT_TRIES_MAX {
                    if !is_free && job.tries == 0 {
                        tracing::warn!(%error, path = job.path, "the system has nothing left to open a file with; waiting");
                    }
                    job.tries += u32::from(!is_free);
                    drop(files);
                    let call = job.call.clone();
                    self.lane(&call).waiting.push_front(job);
                    self.give(&call);
                    return None;
                }
                Err(fault_of(error))
            }
        };
        // What could not be removed is asked for again by the same id.
        if job.call == DiskCall::RemoveDir && result.is_ok() {
            files.dirs.remove(&job.file.dir);
        }
        drop(files);
        self.give(&job.call);
        Some((job, result))
    }

    /// Keep an append for a moment: another may follow it.
    fn stage(&mut self, op: OpId, file: FileId, pos: BytePos, mut data: Vec<Bytes>) {
        let end = pos.plus(data.iter().map(|bytes| bytes.len() as u64).sum());
        match &mut self.staged {
            Some(staged) => {
                staged.data.append(&mut data);
                staged.ops.push((op, end));
            }
            None => self.staged = Some(Staged { file, pos, data, ops: vec![(op, end)] }),
        }
    }

    /// Write what was kept. If the write fails half-way, the appends that were written whole have not failed.
    fn write_staged(&mut self) {
        let Some(Staged { file, pos, data, ops }) = self.staged.take() else { return };
        let handle = self.files.borrow_mut().handle(file);
        let (written, fault) = match handle {
            Ok(fd) => match append(&fd, pos, &data) {
                Ok(()) => (ops[ops.len() - 1].1, None),
                Err((written, error)) => (written, Some(fault_of(error))),
            },
            Err(fault) => (BytePos(0), Some(fault)),
        };
        self.tell_of(file, &fault.map_or(Ok(DiskDone::Done), Err));
        for (op, end) in ops {
            let result = match fault {
                Some(fault) if end > written || written == BytePos(0) => Err(fault),
                _ => Ok(DiskDone::Done),
            };
            self.ended.push(Completion { op, result, sync_took: None });
        }
    }

    /// A call has ended: start what waited for it, and so on.
    fn on_ended(&mut self, op: OpId, dir: DirId, done: &mut Vec<Completion>) {
        let mut ended = VecDeque::from([(op, dir)]);
        let mut free = Vec::new();
        while let Some((op, dir)) = ended.pop_front() {
            self.order.on_ended(op, dir, &mut free);
            for go in free.drain(..) {
                let (op, dir) = (go.op, go.file.dir);
                if let Some(completion) = self.perform(go, true) {
                    done.push(completion);
                    ended.push_back((op, dir));
                }
            }
        }
    }
}

impl Lane {
    fn new(name: &'static str, threads_max: usize) -> Lane {
        let pool = Arc::new(Pool::new(name, threads_max));
        Lane { pool, waiting: VecDeque::new(), given: 0, given_max: threads_max * CALLS_PER_THREAD }
    }

    /// The next job, if the pool is to have one more.
    fn next(&mut self) -> Option<Job> {
        let job = if self.given < self.given_max { self.waiting.pop_front() } else { None };
        self.given += usize::from(job.is_some());
        job
    }
}

impl Job {
    /// On a thread of its pool. `kept` is the handle of its file, if one is.
    fn perform(self, root: &OwnedFd, kept: Option<Arc<OwnedFd>>) -> Ended {
        if self.tries > 0 {
            pause();
        }
        let from = Instant::now();
        let opened = match (&self.call, &kept) {
            (DiskCall::Remove | DiskCall::RemoveDir | DiskCall::SyncDir, _) | (_, Some(_)) => Ok(None),
            (_, None) => open(root, &self.path, OFlags::RDWR).map(|fd| Some(Arc::new(fd))),
        };
        let (result, opened) = match opened {
            Ok(opened) => (self.perform_on(root, kept.as_ref().or(opened.as_ref())), opened),
            Err(failed) => (Err(failed), None),
        };
        let is_sync = matches!(self.call, DiskCall::Sync | DiskCall::SyncDir);
        let opened = opened.filter(|_| result.is_ok());
        Ended { job: self, result, sync_took: is_sync.then(|| from.elapsed()), opened }
    }

    fn perform_on(&self, root: &OwnedFd, fd: Option<&Arc<OwnedFd>>) -> Result<DiskDone, Failed> {
        let fd = || fd.expect("the file of a call that is about one is open");
        let done = |result: Result<(), Errno>| result.map(|()| DiskDone::Done).map_err(|e| Failed::With(fault_of(e)));
        match self.call {
            DiskCall::Sync => done(rustix::fs::fdatasync(fd())),
            DiskCall::Truncate { len } => done(rustix::fs::ftruncate(fd(), len)),
            DiskCall::Rewrite { pos, len } => rewrite(fd(), pos, len).map(|()| DiskDone::Done).map_err(Failed::With),
            DiskCall::Read { pos, len } => match read_at(fd(), pos.0, len as usize) {
                Ok(bytes) => Ok(DiskDone::Read(bytes)),
                Err(e) => Err(Failed::With(fault_of(e))),
            },
            DiskCall::Remove => done(remove(root, &self.path)),
            DiskCall::RemoveDir => remove_dir(root, &self.path).map(|()| DiskDone::Done),
            DiskCall::SyncDir => sync_dir(root, &self.path).map(|()| DiskDone::Done),
            DiskCall::Append { .. }
            | DiskCall::Create
            | DiskCall::Rename { .. }
            | DiskCall::MakeDir { .. }
            | DiskCall::RenameDir { .. } => unreachable!("performed on the loop"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "who gives handles back to the system tells nobody; no handle is kept that others here could use"
)]
fn pause() {
    std::thread::sleep(SHORT_PAUSE);
}

impl Staged {
    fn goes_on_with(&self, file: FileId, call: &DiskCall) -> bool {
        match call {
            DiskCall::Append { pos, .. } => file == self.file && self.ops.last().is_some_and(|(_, end)| end == pos),
            _ => false,
        }
    }
}

impl Disk for RealDisk {
    type Source = RealSource;

    fn submit(&mut self, op: OpId, file: FileId, call: DiskCall, done: &mut Vec<Completion>) {
        if !self.staged.as_ref().is_some_and(|staged| staged.goes_on_with(file, &call)) {
            self.write_staged();
        }
        if let Some(go) = self.order.admit(Go { op, file, call }) {
            if let DiskCall::Append { pos, data } = go.call {
                self.stage(op, file, pos, data);
            } else if let Some(completion) = self.perform(go, false) {
                self.ended.push(completion);
            }
        }
        done.append(&mut self.ended);
    }

    fn flush(&mut self, done: &mut Vec<Completion>) {
        self.write_staged();
        done.append(&mut self.ended);
    }

    fn poll_completed(&mut self, cx: &mut Context<'_>, done: &mut Vec<Completion>) -> Poll<()> {
        let before = done.len();
        self.flush(done);
        while let Poll::Ready(Some(ended)) = self.told.poll_recv(cx) {
            let sync_took = ended.sync_took;
            let Some((Job { op, file, .. }, result)) = self.take_back(ended) else { continue };
            self.tell_of(file, &result);
            done.push(Completion { op, result, sync_took });
            self.on_ended(op, file.dir, done);
        }
        if done.len() > before { Poll::Ready(()) } else { Poll::Pending }
    }

    fn source(&mut self, file: FileId, _pos: BytePos, _len: u32) -> Result<RealSource, DiskFault> {
        self.write_staged();
        // That there is such a file is found when its turn comes.
        self.files.borrow().path(file)?;
        Ok(RealSource { files: Rc::clone(&self.files), file, fd: None, reads: Arc::clone(&self.reads.pool) })
    }

    fn volume(&self) -> Option<Volume> {
        let at = rustix::fs::fstatvfs(&*self.files.borrow().root).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(at.f_frsize);
        Some(Volume { total_bytes: bytes(at.f_blocks), usable_bytes: bytes(at.f_bavail) })
    }
}

/// A file to send from, open when its turn has come.
pub struct RealSource {
    files: Rc<RefCell<Files>>,
    file: FileId,
    fd: Option<Arc<OwnedFd>>,
    reads: Arc<Pool>,
}

impl Source for RealSource {
    fn file(&self) -> FileId {
        self.file
    }

    fn path(&self) -> String {
        self.files.borrow().path(self.file).unwrap_or_default()
    }

    fn open(&mut self) -> std::io::Result<()> {
        let opened = self.files.borrow_mut().handle(self.file);
        self.fd = Some(opened.map_err(|fault| std::io::Error::other(format!("it cannot be opened: {fault:?}")))?);
        Ok(())
    }

    fn read_cached(&self, pos: u64, len: usize) -> Option<Bytes> {
        let fd = self.files.borrow_mut().handle(self.file).ok()?;
        read_cached(&fd, BytePos(pos), len).filter(|bytes| bytes.len() == len)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(|fd| fd.as_fd())
    }

    fn warm(&self, pos: u64, len: u32) -> Option<Ticket> {
        let fd = Arc::clone(self.fd.as_ref()?);
        let end = pos + u64::from(len);
        let mut probes = (pos..end).step_by(PROBE_BYTES as usize).chain(std::iter::once(end.saturating_sub(1)));
        if probes.all(|at| is_cached(&fd, at)) {
            return None;
        }
        let (done, ticket) = Ticket::new();
        self.reads.run(move || {
            warm(&fd, pos, end);
            drop(done);
        });
        Some(ticket)
    }

    fn read(&self, pos: u64, len: usize) -> std::io::Result<Bytes> {
        let fd = self.fd.as_ref().ok_or_else(|| std::io::Error::other("a file is read before its turn"))?;
        Ok(read_at(fd, pos, len)?)
    }
}

/// Why a job failed.
enum Failed {
    With(DiskFault),
    /// There was nothing left to open its file with.
    Short(Errno),
}

impl Failed {
    fn of(error: Errno) -> Failed {
        if is_short(error) { Failed::Short(error) } else { Failed::With(fault_of(error)) }
    }
}

/// Handles, or memory for one, may be had again when others have given theirs back.
fn is_short(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE | Errno::NOMEM)
}

fn open(root: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Failed> {
    let opened = rustix::fs::openat(root, path, flags | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(Failed::of)
}

/// Write the `len` bytes at `pos` over themselves.
fn rewrite(fd: &OwnedFd, pos: BytePos, len: u32) -> Result<(), DiskFault> {
    let (mut at, end) = (pos, pos.plus(u64::from(len)));
    while at < end {
        let bytes =
            read_at(fd, at.0, REWRITE_BYTES.min(usize::try_from(end.0 - at.0).unwrap_or(usize::MAX))).map_err(fault_of)?;
        if bytes.is_empty() {
            // The file is shorter than it was when it was looked at.
            return Err(DiskFault::Io);
        }
        let next = at.plus(bytes.len() as u64);
        append(fd, at, &[bytes]).map_err(|(_, error)| fault_of(error))?;
        at = next;
    }
    Ok(())
}

/// Write all of `data` at `pos`. An error comes with the end of what was written before it.
fn append(fd: &OwnedFd, pos: BytePos, data: &[Bytes]) -> Result<(), (BytePos, Errno)> {
    let mut at = pos.0;
    let mut rest: VecDeque<Bytes> = data.iter().filter(|b| !b.is_empty()).cloned().collect();
    while !rest.is_empty() {
        let slices: Vec<IoSlice<'_>> = rest.iter().take(SLICES_MAX).map(|b| IoSlice::new(b)).collect();
        let mut n = match rustix::io::pwritev(fd, &slices, at) {
            Ok(0) => return Err((BytePos(at), Errno::IO)),
            Ok(n) => n,
            Err(Errno::INTR) => continue,
            Err(e) => return Err((BytePos(at), e)),
        };
        at += n as u64;
        while let Some(first) = rest.front_mut() {
            if first.len() > n {
                first.advance(n);
                break;
            }
            n -= first.len();
            rest.pop_front();
        }
    }
    Ok(())
}

/// Read what the page cache holds: all that was asked for, or nothing at the end of the file; `None` where it may have to wait.
fn read_cached(fd: &OwnedFd, pos: BytePos, len: usize) -> Option<Bytes> {
    let mut bytes = vec![0; len];
    match rustix::io::preadv2(fd, &mut [IoSliceMut::new(&mut bytes)], pos.0, ReadWriteFlags::NOWAIT) {
        Ok(n) if n == len || n == 0 => {
            bytes.truncate(n);
            Some(Bytes::from(bytes))
        }
        // Either the file ends there or the cache does: a read that may wait tells.
        Ok(_) | Err(_) => None,
    }
}

fn is_cached(fd: &OwnedFd, pos: u64) -> bool {
    let mut byte = [0];
    match rustix::io::preadv2(fd, &mut [IoSliceMut::new(&mut byte)], pos, ReadWriteFlags::NOWAIT) {
        Ok(_) => true,
        // A file system that cannot answer (EOPNOTSUPP) is not asked again and again to read ahead.
        Err(e) => e != Errno::AGAIN,
    }
}

/// Read a range for the page cache's sake. What fails here fails again where it is sent.
fn warm(fd: &OwnedFd, pos: u64, end: u64) {
    let mut buffer = vec![0; 64 * 1024];
    let mut at = pos;
    while at < end {
        let room = buffer.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
        match rustix::io::pread(fd, &mut buffer[..room], at) {
            Ok(0) => return,
            Ok(n) => at += n as u64,
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn remove(root: &OwnedFd, path: &str) -> Result<(), Errno> {
    match rustix::fs::unlinkat(root, path, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(e),
    }
}

fn remove_dir(root: &OwnedFd, path: &str) -> Result<(), Failed> {
    let dir = match open(root, path, OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(dir) => dir,
        Err(Failed::With(DiskFault::NotFound)) => return Ok(()),
        Err(failed) => return Err(failed),
    };
    for entry in rustix::fs::Dir::read_from(&dir).map_err(Failed::of)? {
        let entry = entry.map_err(Failed::of)?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            rustix::fs::unlinkat(&dir, entry.file_name(), AtFlags::empty()).map_err(Failed::of)?;
        }
    }
    match rustix::fs::unlinkat(root, path, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        // A link to the directory, which its owner keeps on another disk.
        Err(Errno::NOTDIR) => remove(root, path).map_err(Failed::of),
        Err(e) => Err(Failed::of(e)),
    }
}

#[expect(clippy::disallowed_methods, reason = "a directory has no data: fdatasync need not make its entries durable")]
fn sync_dir(root: &OwnedFd, path: &str) -> Result<(), Failed> {
    let dir = open(root, path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    // Whatever this fails with: it is not tried again.
    rustix::fs::fsync(&dir).map_err(|e| Failed::With(fault_of(e)))
}

#[cfg(test)]
mod tests;
