//! A data directory in memory that does at once what it is asked, as `io.rs` says.

use bytes::Bytes;
use ottla_core::ids::DirId;
use ottla_core::io::{Chunk, DiskCall, DiskDone, DiskFault, DiskImage, FileId, ROOT};
use std::collections::{BTreeMap, BTreeSet};

/// Files by directory ("" is the data directory) and name.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub dirs: BTreeMap<DirId, String>,
    pub paths: BTreeSet<String>,
    pub files: BTreeMap<(String, String), Vec<u8>>,
}

impl Disk {
    /// Put a file there behind the machine's back.
    pub fn put(&mut self, dir: &str, name: &str, contents: &[u8]) {
        if !dir.is_empty() {
            self.paths.insert(dir.to_owned());
        }
        self.files.insert((dir.to_owned(), name.to_owned()), contents.to_vec());
    }

    fn key(&self, file: FileId) -> Result<(String, String), DiskFault> {
        let dir = if file.dir == ROOT { String::new() } else { self.dirs.get(&file.dir).cloned().ok_or(DiskFault::NotFound)? };
        Ok((dir, file.name.to_string()))
    }

    /// Do it.
    pub fn perform(&mut self, file: FileId, call: &DiskCall) -> Result<DiskDone, DiskFault> {
        if let DiskCall::MakeDir { path } = call {
            self.dirs.insert(file.dir, path.clone());
            self.paths.insert(path.clone());
            return Ok(DiskDone::Done);
        }
        let key = self.key(file)?;
        match call {
            DiskCall::Create => drop(self.files.insert(key, Vec::new())),
            DiskCall::Append { pos, data } => {
                let bytes = self.files.get_mut(&key).ok_or(DiskFault::NotFound)?;
                assert_eq!(pos.0, bytes.len() as u64, "an append to {file} that is not at its end");
                data.iter().for_each(|part| bytes.extend_from_slice(part));
            }
            DiskCall::Read { len: 0, .. } => return Ok(DiskDone::Read(Bytes::new())),
            DiskCall::Read { pos, len } => {
                let bytes = self.files.get(&key).ok_or(DiskFault::NotFound)?;
                return Ok(DiskDone::Read(slice(bytes, pos.0, *len as usize)));
            }
            DiskCall::Rewrite { .. } => drop(self.files.get(&key).ok_or(DiskFault::NotFound)?),
            DiskCall::Truncate { len } => {
                let bytes = self.files.get_mut(&key).ok_or(DiskFault::NotFound)?;
                bytes.truncate(usize::try_from(*len).expect("small"));
            }
            DiskCall::Rename { to } => {
                let bytes = self.files.remove(&key).ok_or(DiskFault::NotFound)?;
                self.files.insert((key.0, to.to_string()), bytes);
            }
            DiskCall::Remove => drop(self.files.remove(&key)),
            DiskCall::RenameDir { path } => {
                let old = self.dirs.insert(file.dir, path.clone()).ok_or(DiskFault::NotFound)?;
                self.paths.remove(&old);
                self.paths.insert(path.clone());
                let (moved, kept) = std::mem::take(&mut self.files).into_iter().partition(|(k, _)| k.0 == old);
                let moved: BTreeMap<(String, String), Vec<u8>> = moved;
                self.files = kept;
                self.files.extend(moved.into_iter().map(|(k, v)| ((path.clone(), k.1), v)));
            }
            DiskCall::RemoveDir => {
                self.files.retain(|k, _| k.0 != key.0);
                self.paths.remove(&key.0);
            }
            DiskCall::Sync => drop(self.files.get(&key).ok_or(DiskFault::NotFound)?),
            DiskCall::SyncDir | DiskCall::MakeDir { .. } => {}
        }
        Ok(DiskDone::Done)
    }

    /// The bytes that a reply names.
    pub fn range(&self, chunk: &Chunk) -> Bytes {
        let Chunk::File { file, pos, len } = chunk else {
            let Chunk::Bytes(bytes) = chunk else { unreachable!("there are two kinds") };
            return bytes.clone();
        };
        let key = self.key(*file).expect("a chunk of a directory that is there");
        let found = slice(self.files.get(&key).expect("a chunk of a file that is there"), pos.0, *len as usize);
        assert_eq!(found.len(), *len as usize, "a chunk that reaches beyond {file}");
        found
    }
}

fn slice(bytes: &[u8], pos: u64, len: usize) -> Bytes {
    let from = usize::try_from(pos).unwrap_or(usize::MAX).min(bytes.len());
    Bytes::copy_from_slice(&bytes[from..bytes.len().min(from.saturating_add(len))])
}

impl DiskImage for Disk {
    fn dirs(&self) -> Result<Vec<String>, DiskFault> {
        Ok(self.paths.iter().cloned().collect())
    }

    fn files(&self, dir: Option<&str>) -> Result<Vec<(String, u64)>, DiskFault> {
        let dir = dir.unwrap_or("");
        if !dir.is_empty() && !self.paths.contains(dir) {
            return Err(DiskFault::NotFound);
        }
        Ok(self.files.iter().filter(|(k, _)| k.0 == dir).map(|(k, v)| (k.1.clone(), v.len() as u64)).collect())
    }

    fn read(&self, dir: Option<&str>, file: &str, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        let bytes = self.files.get(&(dir.unwrap_or("").to_owned(), file.to_owned())).ok_or(DiskFault::NotFound)?;
        Ok(slice(bytes, pos, len))
    }

    fn bind(&mut self, dir: DirId, path: &str) {
        self.dirs.insert(dir, path.to_owned());
    }
}
