//! Faults that wait for a disk call to strike, and what they do to it.
//!
//! State       the armed faults of one disk, in the order of arming, and how often each kind struck.
//! Takes       a call about to be performed.
//! Gives       the first armed fault that fits it; it is then spent.
//! Holds       every strike is counted: a fault that was armed and never struck is visible.
//! Not here    damage to bytes at rest (`SimDisk::damage`), power loss (file.rs, names.rs).

use ottla_core::io::{DiskCall, DiskFault, FileKind};
use std::sync::Arc;

/// Which files a fault waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Any,
    /// `.log` files.
    Log,
    /// Index and snapshot files of logs.
    Derived,
    /// Everything else: checkpoints, properties, votes, directories.
    Meta,
    /// Files of one kind alone.
    Only(FileKind),
    /// The directory of a partition, for damage at rest: it cannot be listed any more.
    Directory,
}

impl Target {
    #[must_use]
    pub fn fits(self, kind: FileKind) -> bool {
        use FileKind as K;
        match self {
            Target::Any => true,
            Target::Log => kind == K::Log,
            Target::Derived => matches!(kind, K::Index | K::TimeIndex | K::TxnIndex | K::Snapshot),
            Target::Only(one) => kind == one,
            Target::Directory => false,
            Target::Meta => !matches!(kind, K::Log | K::Index | K::TimeIndex | K::TxnIndex | K::Snapshot),
        }
    }
}

/// What a fault is for: files of these kinds, wherever they are, or in one directory alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aim {
    pub target: Target,
    /// The directory's path, as in `orders-0`.
    pub dir: Option<Arc<str>>,
}

impl Aim {
    /// Whether it is for the files of the directory at `path`.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        self.dir.as_deref().is_none_or(|dir| dir == path)
    }
}

impl From<Target> for Aim {
    fn from(target: Target) -> Aim {
        Aim { target, dir: None }
    }
}

/// What an armed fault does to the call that it strikes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Strike {
    /// A read ends with EIO.
    ReadError,
    /// An append ends with EIO, nothing written; a rewrite, with a part of it done.
    WriteError,
    /// An append ends with EIO after a part of its bytes.
    ShortWrite,
    /// An append finds no space after a part of its bytes, or there is none for a new file or directory.
    NoSpace,
    /// A sync fails: reported once, the dirty pages are dropped, later syncs succeed.
    SyncError,
    /// A directory sync fails.
    SyncDirError,
    /// Creating, renaming, removing or cutting ends with EIO, nothing done.
    NameError,
    /// A sync succeeds, but one of its sectors never reached the medium.
    PhantomWrite,
    /// A sync succeeds, but one of its sectors went to another file's place.
    MisdirectedWrite,
    /// The call takes very long.
    Stall,
}

impl Strike {
    /// How a call ends that makes or changes names.
    pub(crate) fn of_names(self) -> DiskFault {
        if self == Strike::NoSpace { DiskFault::NoSpace } else { DiskFault::Io }
    }

    fn fits(self, call: &DiskCall) -> bool {
        match self {
            Strike::ReadError => matches!(call, DiskCall::Read { .. }),
            Strike::WriteError => matches!(call, DiskCall::Append { .. } | DiskCall::Rewrite { .. }),
            Strike::ShortWrite => matches!(call, DiskCall::Append { .. }),
            Strike::NoSpace => matches!(call, DiskCall::Append { .. } | DiskCall::Create | DiskCall::MakeDir { .. }),
            Strike::SyncError | Strike::PhantomWrite | Strike::MisdirectedWrite => matches!(call, DiskCall::Sync),
            Strike::SyncDirError => matches!(call, DiskCall::SyncDir),
            Strike::NameError => matches!(
                call,
                DiskCall::Create
                    | DiskCall::Rename { .. }
                    | DiskCall::Remove
                    | DiskCall::Truncate { .. }
                    | DiskCall::MakeDir { .. }
                    | DiskCall::RenameDir { .. }
                    | DiskCall::RemoveDir
            ),
            Strike::Stall => true,
        }
    }
}

/// A fault that waits for its call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Armed {
    /// Who armed it, for the counters: the index of a plan entry.
    pub by: u32,
    pub strike: Strike,
    pub aim: Aim,
    /// How many fitting calls it lets pass first.
    pub after: u32,
    /// For `Stall`: how long, in virtual nanoseconds.
    pub stall_ns: u64,
}

/// The armed faults of one disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    /// The plan entries whose fault struck, in order.
    pub(crate) struck: Vec<u32>,
    /// What the present life could not read when it started: the paths of the directories, and the kinds of the files.
    pub(crate) misread: Vec<(String, FileKind)>,
    /// The entry that limits the space, until there was none for the first time.
    pub(crate) full_by: Option<u32>,
}

impl Faults {
    pub(crate) fn arm(&mut self, fault: Armed) {
        self.armed.push(fault);
    }

    pub(crate) fn disarm_all(&mut self) {
        self.armed.clear();
    }

    /// Whether any fault waits for its call.
    pub(crate) fn is_any_armed(&self) -> bool {
        !self.armed.is_empty()
    }

    /// The fault that strikes this call, if any: one on a file of this kind in the directory at `path`.
    pub(crate) fn strike(&mut self, path: &str, kind: FileKind, call: &DiskCall) -> Option<Armed> {
        self.strike_of(|_| true, path, kind, call)
    }

    /// As [`Faults::strike`], for whom no other kind of fault can strike.
    pub(crate) fn strike_only(&mut self, only: Strike, path: &str, kind: FileKind, call: &DiskCall) -> Option<Armed> {
        self.strike_of(|strike| strike == only, path, kind, call)
    }

    fn strike_of(&mut self, can: impl Fn(Strike) -> bool, path: &str, kind: FileKind, call: &DiskCall) -> Option<Armed> {
        let mut hit = None;
        for (i, fault) in self.armed.iter_mut().enumerate() {
            if !can(fault.strike) || !fault.strike.fits(call) || !fault.aim.target.fits(kind) || !fault.aim.is_at(path) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
            } else if hit.is_none() {
                hit = Some(i);
            }
        }
        let fault = self.armed.remove(hit?);
        Some(fault)
    }

    pub(crate) fn count(&mut self, fault: &Armed) {
        self.struck.push(fault.by);
    }

    /// There was no space within the limit that is set.
    pub(crate) fn count_full(&mut self) {
        self.struck.extend(self.full_by.take());
    }

    /// Put a fault back that could not do anything to the call that it was taken for.
    pub(crate) fn put_back(&mut self, fault: Armed) {
        self.armed.push(fault);
    }
}
