//! The simulated data directory as a starting node reads it.
//!
//! State       a borrow of the disk, and its armed faults: a read error may strike a start as any other call.
//! Holds       the directories and files in an order that has nothing to do with their names: recovery must not depend on it.
//! Not here    what recovery makes of it.

use super::fault::{Faults, Strike};
use super::file::usize_of;
use super::{Armed, SimDisk};
use bytes::Bytes;
use ottla_core::ids::BytePos;
use ottla_core::ids::DirId;
use ottla_core::io::{DiskCall, DiskFault, DiskImage, FileKind, FileName};
use std::cell::RefCell;

/// A `DiskImage` over a simulated disk.
#[derive(Debug)]
pub struct SimImage<'a> {
    disk: &'a mut SimDisk,
    faults: RefCell<Faults>,
}

impl Drop for SimImage<'_> {
    fn drop(&mut self) {
        self.disk.faults = self.faults.take();
    }
}

impl<'a> SimImage<'a> {
    pub(super) fn of(disk: &'a mut SimDisk) -> SimImage<'a> {
        let mut faults = std::mem::take(&mut disk.faults);
        faults.misread.clear();
        let faults = RefCell::new(faults);
        SimImage { disk, faults }
    }

    /// A passing error strikes, or it does not.
    fn ask(&self, path: &str, kind: FileKind) -> Result<(), DiskFault> {
        let mut faults = self.faults.borrow_mut();
        let read = DiskCall::Read { pos: BytePos(0), len: 0 };
        let struck: Option<Armed> = faults.strike_only(Strike::ReadError, path, kind, &read);
        struck.map_or(Ok(()), |fault| {
            faults.count(&fault);
            faults.misread.push((path.to_owned(), kind));
            Err(DiskFault::Io)
        })
    }

    fn dir(&self, dir: Option<&str>) -> Result<usize, DiskFault> {
        match dir {
            None => Ok(0),
            Some(path) => self.disk.subdirs.get(&path.to_string()).map(|n| n as usize).ok_or(DiskFault::NotFound),
        }
    }
}

impl DiskImage for SimImage<'_> {
    fn dirs(&self) -> Result<Vec<String>, DiskFault> {
        self.ask("", FileKind::Dir)?;
        Ok(self.disk.subdirs.iter().map(|(path, _)| path.clone()).rev_by_parity(self.disk.barriers))
    }

    fn files(&self, dir: Option<&str>) -> Result<Vec<(String, u64)>, DiskFault> {
        self.ask(dir.unwrap_or_default(), FileKind::Dir)?;
        let dir = &self.disk.dirs[self.dir(dir)?];
        if dir.unlistable {
            return Err(DiskFault::Io);
        }
        let files = dir.files.iter().map(|(name, n)| (name.to_string(), self.disk.files[n as usize].len()));
        Ok(files.rev_by_parity(self.disk.barriers))
    }

    fn read(&self, dir: Option<&str>, file: &str, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        let name = FileName::parse(file).ok_or(DiskFault::NotFound)?;
        let number = self.disk.dirs[self.dir(dir)?].files.get(&name).ok_or(DiskFault::NotFound)?;
        self.ask(dir.unwrap_or_default(), name.kind)?;
        let file = &self.disk.files[usize_of(u64::from(number))];
        file.read(pos, len as u64).map(Bytes::copy_from_slice).ok_or(DiskFault::Io)
    }

    fn bind(&mut self, dir: DirId, path: &str) {
        if let Some(index) = self.disk.subdirs.get(&path.to_string()) {
            self.disk.bind(dir, index as usize);
        } else {
            self.disk.breach(format!("directory id {dir} bound to {path}, which is not there"));
        }
    }
}

trait RevByParity: Iterator + Sized {
    /// The items, backwards in half of the cases.
    fn rev_by_parity(self, n: u64) -> Vec<Self::Item> {
        let mut all: Vec<Self::Item> = self.collect();
        if n % 2 == 1 {
            all.reverse();
        }
        all
    }
}

impl<I: Iterator> RevByParity for I {}
