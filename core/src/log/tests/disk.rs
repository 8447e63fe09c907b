//! A disk in memory that honours the contract of `io.rs` and can lose what was not synced.
//!
//! Holds       calls are performed late and in any order that the contract allows; a power loss keeps any prefix of a file's unsynced
//!             appends, perhaps with a hole in it, and any subset of unsynced names.
//! Not here    sectors, bit rot, stalls: the simulator's disk has them.

use crate::disk::DiskQueue;
use crate::ids::{DirId, OpId};
use crate::io::{DiskCall, DiskDone, DiskFault, DiskImage, FileId, FileKind, FileName};
use crate::rng::Rng;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Default)]
struct Inode {
    live: Vec<u8>,
    synced: Vec<u8>,
}

/// One directory.
#[derive(Debug)]
pub(in crate::log) struct TestDisk {
    inodes: Vec<Inode>,
    names: BTreeMap<FileName, usize>,
    synced_names: BTreeMap<FileName, usize>,
    hidden: BTreeMap<FileName, usize>,
    /// Given and not performed.
    pub pending: Vec<(OpId, FileId, DiskCall)>,
    /// The next appends to fail, and how.
    pub fail_appends: Vec<DiskFault>,
    /// The next creations to fail, and how.
    pub fail_creates: Vec<DiskFault>,
    pub fail_syncs: bool,
    /// In every file that is so long, no read that goes over this position succeeds.
    pub unreadable: Option<u64>,
    pub reads: std::cell::Cell<usize>,
    /// Reads that the log asked for.
    pub calls_read: usize,
}

impl TestDisk {
    pub(in crate::log) fn new() -> TestDisk {
        TestDisk {
            inodes: Vec::new(),
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            hidden: BTreeMap::new(),
            pending: Vec::new(),
            fail_appends: Vec::new(),
            fail_creates: Vec::new(),
            unreadable: None,
            fail_syncs: false,
            reads: std::cell::Cell::new(0),
            calls_read: 0,
        }
    }

    pub(in crate::log) fn accept(&mut self, queue: &mut DiskQueue) {
        self.pending.extend(queue.take());
    }

    /// Perform one of the calls that may come next.
    pub(in crate::log) fn perform_one(&mut self, rng: &mut Rng) -> Option<(OpId, Result<DiskDone, DiskFault>)> {
        let mut busy = BTreeSet::new();
        let ready: Vec<usize> = (0..self.pending.len()).filter(|i| busy.insert(self.pending[*i].1)).collect();
        let i = *rng.pick(&ready)?;
        let (op, file, call) = self.pending.remove(i);
        Some((op, self.perform(file, call)))
    }

    fn inode(&mut self, name: FileName) -> Result<&mut Inode, DiskFault> {
        let i = *self.names.get(&name).ok_or(DiskFault::NotFound)?;
        Ok(&mut self.inodes[i])
    }

    fn perform(&mut self, file: FileId, call: DiskCall) -> Result<DiskDone, DiskFault> {
        let name = file.name;
        match call {
            DiskCall::Create if !self.fail_creates.is_empty() => {
                return Err(self.fail_creates.pop().expect("just seen"));
            }
            DiskCall::Create => match self.names.get(&name) {
                Some(i) => self.inodes[*i].live.clear(),
                None => {
                    self.names.insert(name, self.inodes.len());
                    self.inodes.push(Inode::default());
                }
            },
            DiskCall::Append { pos, data } => {
                let fault = if name.kind == FileKind::Log { self.fail_appends.pop() } else { None };
                let live = &mut self.inode(name)?.live;
                if live.len() as u64 != pos.0 {
                    // Somebody appends behind an append that failed.
                    return Err(DiskFault::Io);
                }
                let data = data.concat();
                if let Some(fault) = fault {
                    live.extend_from_slice(&data[..data.len() / 2]);
                    return Err(fault);
                }
                live.extend_from_slice(&data);
            }
            DiskCall::Read { pos, len } => {
                self.calls_read += 1;
                let live = &self.inode(name)?.live;
                let from = usize::try_from(pos.0).expect("small").min(live.len());
                let to = (from + len as usize).min(live.len());
                return Ok(DiskDone::Read(Bytes::copy_from_slice(&live[from..to])));
            }
            DiskCall::Sync if self.fail_syncs => return Err(DiskFault::Io),
            DiskCall::Sync => {
                let inode = self.inode(name)?;
                inode.synced.clone_from(&inode.live);
            }
            DiskCall::Rewrite { pos, len } => {
                let end = usize::try_from(pos.0).expect("small") + len as usize;
                assert!(self.inode(name)?.live.len() >= end, "a rewrite goes beyond the end of {file}");
            }
            DiskCall::Truncate { len } => {
                let len = usize::try_from(len).expect("small");
                let live = &mut self.inode(name)?.live;
                assert!(live.len() >= len, "a truncate makes {file} longer");
                live.truncate(len);
            }
            DiskCall::Rename { to } => {
                let i = self.names.remove(&name).ok_or(DiskFault::NotFound)?;
                self.names.insert(to, i);
            }
            DiskCall::Remove => {
                self.names.remove(&name);
            }
            DiskCall::SyncDir => self.synced_names.clone_from(&self.names),
            DiskCall::MakeDir { .. } | DiskCall::RenameDir { .. } | DiskCall::RemoveDir => {}
        }
        Ok(DiskDone::Done)
    }

    /// The process dies: what was performed stays, what was not is gone.
    pub(in crate::log) fn kill(&mut self) {
        self.pending.clear();
        self.fail_appends.clear();
        self.fail_creates.clear();
    }

    /// The power goes.
    pub(in crate::log) fn lose_power(&mut self, rng: &mut Rng) {
        self.kill();
        let all: BTreeSet<FileName> = self.names.keys().chain(self.synced_names.keys()).copied().collect();
        let mut names = BTreeMap::new();
        for name in all {
            let (live, synced) = (self.names.get(&name), self.synced_names.get(&name));
            let kept = if rng.chance(1, 2) { live } else { synced };
            if let Some(i) = kept {
                names.insert(name, *i);
            }
        }
        // A rename that got half way is one or the other.
        for (name, i) in &self.synced_names {
            if !names.values().any(|kept| kept == i) && self.names.values().any(|live| live == i) {
                names.insert(*name, *i);
            }
        }
        for inode in &mut self.inodes {
            let common = inode.live.iter().zip(&inode.synced).take_while(|(a, b)| a == b).count();
            if common < inode.synced.len() {
                // Cut or replaced, not synced: either.
                if rng.chance(1, 2) {
                    inode.live.clone_from(&inode.synced);
                }
            } else {
                let new = inode.live.len() - common;
                inode.live.truncate(common + usize::try_from(rng.below(new as u64 + 1)).expect("small"));
                if rng.chance(1, 2) && inode.live.len() > common {
                    let at = common + usize::try_from(rng.below((inode.live.len() - common) as u64)).expect("small");
                    let to = (at + 64).min(inode.live.len());
                    inode.live[at..to].fill(0);
                }
            }
            inode.synced.clone_from(&inode.live);
        }
        (self.names, self.synced_names) = (names.clone(), names);
    }

    pub(in crate::log) fn contents(&self, name: &str) -> Option<&[u8]> {
        let i = self.names.get(&FileName::parse(name)?)?;
        Some(&self.inodes[*i].live)
    }

    pub(in crate::log) fn contents_mut(&mut self, name: &str) -> &mut Vec<u8> {
        let i = self.names[&FileName::parse(name).expect("a name")];
        &mut self.inodes[i].live
    }

    /// A copy of a file under another name.
    pub(in crate::log) fn link(&mut self, name: &str, copy: &str) {
        let inode = self.inodes[self.names[&FileName::parse(name).expect("a name")]].clone();
        self.names.insert(FileName::parse(copy).expect("a name"), self.inodes.len());
        self.inodes.push(inode);
    }

    pub(in crate::log) fn remove(&mut self, name: &str) {
        self.names.remove(&FileName::parse(name).expect("a name"));
    }

    /// Somebody puts a file aside, if there is one of that name.
    pub(in crate::log) fn hide(&mut self, name: &str) {
        self.hidden.extend(self.names.remove_entry(&FileName::parse(name).expect("a name")));
    }

    /// What was put aside is put back.
    pub(in crate::log) fn show(&mut self) {
        self.names.append(&mut self.hidden);
    }

    pub(in crate::log) fn names(&self) -> Vec<String> {
        self.names.keys().map(ToString::to_string).collect()
    }

    pub(in crate::log) fn range(&self, file: FileId, pos: u64, len: u32) -> &[u8] {
        let pos = usize::try_from(pos).expect("small");
        &self.inodes[self.names[&file.name]].live[pos..pos + len as usize]
    }
}

impl DiskImage for TestDisk {
    fn dirs(&self) -> Result<Vec<String>, DiskFault> {
        Ok(vec!["p".into()])
    }

    fn files(&self, _dir: Option<&str>) -> Result<Vec<(String, u64)>, DiskFault> {
        Ok(self.names.iter().map(|(n, i)| (n.to_string(), self.inodes[*i].live.len() as u64)).collect())
    }

    fn read(&self, _dir: Option<&str>, file: &str, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        self.reads.set(self.reads.get() + 1);
        let live = self.contents(file).ok_or(DiskFault::NotFound)?;
        let from = usize::try_from(pos).expect("small").min(live.len());
        if self.unreadable.is_some_and(|at| (pos..pos + len as u64).contains(&at) && at < live.len() as u64) {
            return Err(DiskFault::Io);
        }
        Ok(Bytes::copy_from_slice(&live[from..live.len().min(from + len)]))
    }

    fn bind(&mut self, _dir: DirId, _path: &str) {}
}
