//! The lock of a data directory: one process at a time.
//!
//! State       an open `.lock` file, locked as long as it is open; the kernel lets go when the process ends, however it ends. And which
//!             of these files this process has locked.
//! Holds       a second process is refused before it has read or written anything else, Kafka as well as Ottla.
//!
//! Java locks with fcntl (POSIX), and a broker of Kafka sees no other lock. A POSIX lock is the process's: it keeps nobody out who is in
//! the same process, and it goes when that closes any descriptor of the file. So the process remembers what it has, and does not open
//! that again. flock would do, too, but on NFS it is a POSIX lock of another owner, and the two shut each other out.

use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::FlockType;
use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The device and the number of a file.
type FileNumber = (u64, u64);

/// The lock files that this process has locked.
static OURS: Mutex<BTreeSet<FileNumber>> = Mutex::new(BTreeSet::new());

fn ours() -> MutexGuard<'static, BTreeSet<FileNumber>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub struct DirLock {
    file: Option<OwnedFd>,
    number: FileNumber,
}

/// Why a data directory is not ours.
#[derive(Debug)]
pub enum LockError {
    /// A process has it; its id, if that is known.
    Held { pid: Option<u32> },
    /// The lock file cannot be made or locked.
    Io(std::io::Error),
}

impl DirLock {
    /// Take the lock of `dir`, which exists.
    pub fn take(dir: &Path) -> Result<DirLock, LockError> {
        let path = dir.join(".lock");
        let number = |of: &std::fs::Metadata| (of.dev(), of.ino());
        let mut ours = ours();
        if std::fs::metadata(&path).is_ok_and(|there| ours.contains(&number(&there))) {
            return Err(LockError::Held { pid: Some(std::process::id()) });
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::from_raw_mode(0o644)).map_err(io)?;
        match rustix::fs::fcntl_lock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::ACCESS) => return Err(LockError::Held { pid: holder(&fd) }),
            Err(e) => return Err(io(e)),
        }
        let mut file = std::fs::File::from(fd);
        let number = number(&file.metadata().map_err(LockError::Io)?);
        // For people; it is the kernel that is asked.
        file.set_len(0).map_err(LockError::Io)?;
        writeln!(file, "{}", std::process::id()).map_err(LockError::Io)?;
        ours.insert(number);
        Ok(DirLock { file: Some(file.into()), number })
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        let mut ours = ours();
        drop(self.file.take());
        ours.remove(&self.number);
    }
}

fn io(error: Errno) -> LockError {
    LockError::Io(error.into())
}

fn holder(fd: &OwnedFd) -> Option<u32> {
    let holds = rustix::process::fcntl_getlk(fd, &FlockType::WriteLock.into()).ok()??;
    u32::try_from(holds.pid?.as_raw_pid()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, Read};

    #[test]
    fn the_second_to_ask_is_told_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::take(dir.path()).unwrap();
        let Err(LockError::Held { pid }) = DirLock::take(dir.path()) else { panic!("locked twice") };
        assert_eq!(pid, Some(std::process::id()));
        drop(held);
        DirLock::take(dir.path()).unwrap();
    }

    const OTHER: &str = "OTTLA_TEST_LOCK_AS_KAFKA";

    /// In a process of its own, as Java would: whether fcntl gives the lock, which is then held while `f` is called.
    fn as_kafka<R>(dir: &Path, f: impl FnOnce(bool, u32) -> R) -> R {
        let mut other = std::process::Command::new(std::env::current_exe().unwrap());
        other.args(["--nocapture", "--exact", "disk::lock::tests::kafka_and_ottla_see_each_others_lock"]).env(OTHER, dir);
        let mut child = other.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let locked = said.find_map(|line| match line.trim() {
            "locked" => Some(true),
            "refused" => Some(false),
            _ => None,
        });
        let result = f(locked.expect("it says so"), child.id());
        drop(child.stdin.take());
        said.for_each(drop);
        child.wait().unwrap();
        result
    }

    /// What the other process does.
    fn lock_as_java_does(dir: &Path) {
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(dir.join(".lock")).unwrap();
        let got = rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        println!("\n{}", if got { "locked" } else { "refused" });
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn kafka_and_ottla_see_each_others_lock() {
        if let Some(dir) = std::env::var_os(OTHER) {
            return lock_as_java_does(Path::new(&dir));
        }
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::take(dir.path()).unwrap();
        // Who is refused in the same process does not take the lock away.
        assert!(DirLock::take(dir.path()).is_err());
        as_kafka(dir.path(), |locked, _| assert!(!locked, "Kafka locked what Ottla has"));
        drop(held);
        as_kafka(dir.path(), |locked, kafka| {
            assert!(locked);
            let Err(LockError::Held { pid: Some(pid) }) = DirLock::take(dir.path()) else {
                panic!("Ottla locked what Kafka has")
            };
            assert_eq!(pid, kafka);
        });
        DirLock::take(dir.path()).unwrap();
    }
}
