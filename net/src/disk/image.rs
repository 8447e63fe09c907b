//! The data directory as recovery reads it: synchronously, before anybody is served.
//!
//! State       the data directory, the directories that were bound to ids, the file that was read last.
//! Holds       nothing is read that was not asked for: a directory costs one open, its entries, and one stat for each. Links are
//!             followed, as calls follow them; one that leads nowhere is never taken for nothing.
//! Not here    changing anything (`real.rs`), what files mean (`ottla_core::log`).

use super::fault_of;
use bytes::Bytes;
use ottla_core::ids::DirId;
use ottla_core::io::{DiskFault, DiskImage};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A data directory on this machine.
#[derive(Debug)]
pub struct RealImage {
    pub(crate) root: Arc<OwnedFd>,
    pub(crate) dirs: BTreeMap<DirId, String>,
    /// Recovery reads several parts of one file one after the other.
    last: RefCell<Option<(String, OwnedFd)>>,
}

impl RealImage {
    /// The data directory at `path`, which exists.
    pub fn open(path: &Path) -> Result<RealImage, DiskFault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(fault_of)?;
        Ok(RealImage { root: Arc::new(root), dirs: BTreeMap::new(), last: RefCell::new(None) })
    }

    /// An owned descriptor of a directory, to read its entries.
    fn open_dir(&self, dir: Option<&str>) -> Result<OwnedFd, DiskFault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(&*self.root, dir.unwrap_or("."), flags, Mode::empty()).map_err(fault_of)
    }

    /// Call `each` with every entry but the two that every directory has.
    fn entries(&self, fd: &OwnedFd, mut each: impl FnMut(&str, FileType) -> Result<(), DiskFault>) -> Result<(), DiskFault> {
        for entry in Dir::read_from(fd).map_err(fault_of)? {
            let entry = entry.map_err(fault_of)?;
            // A name that is not UTF-8 is none of ours.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name != "." && name != ".." {
                each(name, entry.file_type())?;
            }
        }
        Ok(())
    }
}

impl DiskImage for RealImage {
    fn dirs(&self) -> Result<Vec<String>, DiskFault> {
        let fd = self.open_dir(None)?;
        let mut dirs = Vec::new();
        self.entries(&fd, |name, kind| {
            let is_dir = match kind {
                FileType::Symlink | FileType::Unknown => match stat(&fd, name) {
                    Ok(stat) => stat.is_some_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::Directory),
                    // A disk that is not mounted: what is read of it fails, and nobody puts another directory in its place.
                    Err(_) => true,
                },
                kind => kind == FileType::Directory,
            };
            if is_dir {
                dirs.push(name.to_owned());
            }
            Ok(())
        })?;
        Ok(dirs)
    }

    fn files(&self, dir: Option<&str>) -> Result<Vec<(String, u64)>, DiskFault> {
        let fd = self.open_dir(dir)?;
        let mut files = Vec::new();
        self.entries(&fd, |name, kind| {
            let stat = match kind {
                FileType::RegularFile | FileType::Symlink | FileType::Unknown => match stat(&fd, name) {
                    Ok(None) => return Ok(()),
                    Ok(stat) => stat,
                    // It may stand for a directory, or for a file that nobody wants. Who wants it finds out when he reads it.
                    Err(_) if dir.is_none() => {
                        files.push((name.to_owned(), 0));
                        return Ok(());
                    }
                    Err(fault) => return Err(fault),
                },
                _ => None,
            };
            match stat.filter(|s| FileType::from_raw_mode(s.st_mode) == FileType::RegularFile) {
                Some(stat) => files.push((name.to_owned(), u64::try_from(stat.st_size).map_err(|_| DiskFault::Io)?)),
                None if dir.is_some() => files.push((format!("{name}/"), 0)),
                None => {}
            }
            Ok(())
        })?;
        Ok(files)
    }

    fn read(&self, dir: Option<&str>, file: &str, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        let path = match dir {
            Some(dir) => format!("{dir}/{file}"),
            None => file.to_owned(),
        };
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(p, _)| *p != path) {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let fd = rustix::fs::openat(&*self.root, &*path, flags, Mode::empty()).map_err(fault_of)?;
            *last = Some((path, fd));
        }
        let (_, fd) = last.as_ref().expect("set above");
        // A caller that asks for more than there is must not make us allocate it.
        let size = u64::try_from(rustix::fs::fstat(fd).map_err(fault_of)?.st_size).map_err(|_| DiskFault::Io)?;
        let len = len.min(usize::try_from(size.saturating_sub(pos)).unwrap_or(usize::MAX));
        read_at(fd, pos, len).map_err(fault_of)
    }

    fn bind(&mut self, dir: DirId, path: &str) {
        assert!(self.dirs.insert(dir, path.to_owned()).is_none(), "directory {dir} is bound twice");
    }
}

/// What is known of an entry, or of what it leads to; `None` if it has gone in the meantime.
fn stat(dir: &OwnedFd, name: &str) -> Result<Option<rustix::fs::Stat>, DiskFault> {
    match rustix::fs::statat(dir, name, AtFlags::empty()) {
        Ok(stat) => Ok(Some(stat)),
        Err(rustix::io::Errno::NOENT) => match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => Ok(None),
            // A link that leads nowhere.
            Ok(_) => Err(DiskFault::Io),
            Err(e) => Err(fault_of(e)),
        },
        Err(e) => Err(fault_of(e)),
    }
}

/// Read `len` bytes at `pos`, fewer only where the file ends. Blocks as long as the disk takes.
pub(crate) fn read_at(fd: &OwnedFd, pos: u64, len: usize) -> rustix::io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let at = pos + bytes.len() as u64;
        match rustix::io::pread(fd, rustix::buffer::spare_capacity(&mut bytes), at) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
    // The allocator may have given more room than was asked for, and the read may have filled it.
    bytes.truncate(len);
    Ok(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_sees_directories_files_and_lengths() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("orders-0")).unwrap();
        std::fs::write(dir.path().join("meta.properties"), b"v=1").unwrap();
        std::fs::write(dir.path().join("orders-0/a.log"), b"0123456789").unwrap();
        std::fs::create_dir(dir.path().join("orders-0/nested")).unwrap();
        let image = RealImage::open(dir.path()).unwrap();
        assert_eq!(image.dirs(), Ok(vec!["orders-0".to_owned()]));
        assert_eq!(image.files(None), Ok(vec![("meta.properties".to_owned(), 3)]));
        let mut files = image.files(Some("orders-0")).unwrap();
        files.sort();
        assert_eq!(files, [("a.log".to_owned(), 10), ("nested/".to_owned(), 0)]);
        let read = |pos, len| image.read(Some("orders-0"), "a.log", pos, len).unwrap();
        assert_eq!(read(0, 4), "0123");
        assert_eq!(read(8, usize::MAX), "89");
        assert_eq!(read(10, 5), "");
        assert_eq!(read(99, 5), "");
        assert_eq!(image.read(None, "absent", 0, 1), Err(DiskFault::NotFound));
        assert_eq!(image.files(Some("absent")), Err(DiskFault::NotFound));
    }

    #[test]
    fn links_are_followed_and_one_that_leads_nowhere_is_not_nothing() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(elsewhere.path().join("a.log"), b"0123456789").unwrap();
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, dir.path().join(name)).unwrap();
        link(elsewhere.path(), "orders-0");
        link(&elsewhere.path().join("unmounted"), "orders-1");
        std::fs::create_dir(dir.path().join("orders-2")).unwrap();
        link(&elsewhere.path().join("a.log"), "orders-2/b.log");
        let image = RealImage::open(dir.path()).unwrap();
        let mut dirs = image.dirs().unwrap();
        dirs.sort();
        assert_eq!(dirs, ["orders-0", "orders-1", "orders-2"]);
        assert_eq!(image.files(None), Ok(vec![("orders-1".to_owned(), 0)]));
        assert_eq!(image.files(Some("orders-0")), Ok(vec![("a.log".to_owned(), 10)]));
        assert_eq!(image.files(Some("orders-1")), Err(DiskFault::NotFound));
        assert_eq!(image.files(Some("orders-2")), Ok(vec![("b.log".to_owned(), 10)]));
        link(&elsewhere.path().join("gone"), "orders-2/c.log");
        assert_eq!(image.files(Some("orders-2")), Err(DiskFault::Io));
    }
}
