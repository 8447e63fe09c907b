//! The lock of a data directory: one process at a time.
//!
//! State       an open `.lock` file, locked as long as it is open; the kernel lets go when the process ends, however it ends.
//! Holds       a second process is refused before it has read or written anything else.

use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::io::{Read, Write};
use std::path::Path;

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub struct DirLock {
    _file: OwnedFd,
}

/// Why a data directory is not ours.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it; its id, if it wrote one.
    Held { pid: Option<u32> },
    /// The lock file cannot be made or locked.
    Io(std::io::Error),
}

impl DirLock {
    /// Take the lock of `dir`, which exists.
    pub fn take(dir: &Path) -> Result<DirLock, LockError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let fd = rustix::fs::open(dir.join(".lock"), flags, Mode::from_raw_mode(0o644)).map_err(io)?;
        match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Held { pid: read_pid(fd) }),
            Err(e) => return Err(io(e)),
        }
        let mut file = std::fs::File::from(fd);
        file.set_len(0).map_err(LockError::Io)?;
        writeln!(file, "{}", std::process::id()).map_err(LockError::Io)?;
        Ok(DirLock { _file: file.into() })
    }
}

fn io(error: rustix::io::Errno) -> LockError {
    LockError::Io(error.into())
}

fn read_pid(fd: OwnedFd) -> Option<u32> {
    let mut text = String::new();
    std::fs::File::from(fd).take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_ask_is_told_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::take(dir.path()).unwrap();
        let Err(LockError::Held { pid }) = DirLock::take(dir.path()) else { panic!("locked twice") };
        assert_eq!(pid, Some(std::process::id()));
        drop(held);
        DirLock::take(dir.path()).unwrap();
    }
}
