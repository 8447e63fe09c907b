//! A simulated disk: files, names, barriers, and everything that a real disk may do to them.
//!
//! State       files by number, directories with their names, queues of calls, armed faults, a byte budget.
//! Takes       disk calls as the contract in `ottla_core::io` defines them; the completion of a started call; crashes; damage.
//! Gives       the calls that it has started with how long they take (`Started`), results, a `DiskImage` for recovery.
//! Holds       calls on one file take effect in order; calls on different files in any order that the seed likes, so that a
//!             `SyncDir` given while a rename is under way may miss it; only `Sync` and `SyncDir` make anything durable. The
//!             contract is asserted in reverse: what a node may not ask is a `Breach`.
//! Not here    virtual time (the world), who asked and why (the node under test).
//! Read first  `SimDisk::submit` and `complete`, then file.rs.

mod content;
mod fault;
mod file;
mod image;
mod names;
mod outside;
mod queue;

pub use fault::{Aim, Armed, Strike, Target};
pub use file::{Keep, Loss, SECTOR};
pub use image::SimImage;

use bytes::Bytes;
use fault::Faults;
use file::{File, usize_of};
use names::Names;
use ottla_core::ids::{DirId, OpId};
use ottla_core::io::{DiskCall, DiskDone, DiskFault, FileId, FileName};
use ottla_core::rng::Rng;
use queue::{Call, Queues};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

/// How a disk behaves when nothing is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Character {
    /// The shortest and longest time of a call but a sync, in virtual nanoseconds.
    pub call_ns: (u64, u64),
    /// The same for reads, where those take longer: what is asked for has left the page cache.
    pub read_ns: Option<(u64, u64)>,
    /// The shortest and longest time of a sync, in virtual nanoseconds.
    pub sync_ns: (u64, u64),
    /// What a power loss leaves.
    pub loss: Loss,
    /// A sync may also cover what was written while it ran.
    pub sync_covers_later: bool,
}

/// A call that the disk has begun; the world completes it after `after_ns`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Started {
    pub ticket: u32,
    pub after_ns: u64,
}

/// A call that the contract does not allow, or a state that no correct node brings about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach(pub String);

/// Damage to a file that no call of the node's did: path of its directory, name, and the first byte that is struck.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// The path that the directory had then.
    pub path: String,
    pub name: FileName,
    /// The disk's own numbers of the directory and of the file: whatever names they have later, and whoever bears theirs.
    pub(crate) dir: usize,
    pub(crate) file: u32,
    pub from: u64,
    /// All of it, and its name, are gone.
    pub gone: bool,
}

#[derive(Clone, Debug, Default)]
struct Dir {
    path: String,
    files: Names<FileName>,
    /// Removed; calls on it are a breach.
    removed: bool,
    /// Its medium is damaged: whoever asks what is in it gets EIO.
    unlistable: bool,
}

/// How a started call will end, and what is left to do then.
#[derive(Clone, Debug)]
enum Outcome {
    Known(Result<DiskDone, DiskFault>),
    /// Sync of a file up to a length, unless a fault was to strike.
    Sync {
        number: u32,
        upto: u64,
        fault: Option<Armed>,
    },
    /// Of the changes of names with these numbers.
    SyncDir {
        dir: usize,
        files: Vec<u64>,
        subdirs: Vec<u64>,
    },
}

/// A call that an end of the process leaves half done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Divisible {
    #[default]
    Not,
    /// To a file with this number, from this position on.
    Append(u32, u64),
    /// The directory with this index, file by file.
    RemoveDir(usize),
}

/// The changes of names that a call has made: in which directory's files, and among the directories.
#[derive(Clone, Debug, Default)]
struct Touched {
    divisible: Divisible,
    files: Option<(usize, Range<u64>)>,
    subdirs: Range<u64>,
    /// It is a call that makes, changes or syncs names.
    of_names: bool,
}

/// How large a disk says to be.
pub(crate) const TOTAL_BYTES: u64 = 1 << 30;

/// The disk of one node.
#[derive(Clone, Debug)]
pub struct SimDisk {
    character: Character,
    rng: Rng,
    /// Whether a `SyncDir` covers what is still under way.
    names_rng: Rng,
    /// How far a call comes in the midst of which the process ends.
    crash_rng: Rng,
    /// Which sectors a drive lies about.
    lies_rng: Rng,
    files: Vec<File>,
    dirs: Vec<Dir>,
    /// The directories under the data directory: path to index in `dirs`.
    subdirs: Names<String>,
    /// `DirId` of the present life to index in `dirs`.
    bound: Vec<Option<usize>>,
    queues: Queues,
    outcomes: Vec<Option<(OpId, FileId, Outcome, Touched)>>,
    free_tickets: Vec<u32>,
    faults: Faults,
    started: Vec<Started>,
    breaches: Vec<Breach>,
    /// Files of which a creation or a cut has failed: what is appended to them fails until one succeeds.
    poisoned: BTreeSet<FileId>,
    /// Directories of which the making has failed: what is asked of them fails.
    unmade: BTreeSet<DirId>,
    /// Bytes that may still be written; `None` is no limit.
    budget: Option<u64>,
    /// What damage struck since the disk was made.
    damaged: Vec<Damage>,
    /// Syncs and directory syncs that took effect.
    pub barriers: u64,
    /// Calls begun and calls ended.
    boundaries: u64,
    /// Power fails when so many boundaries have been passed; ascending.
    power_failures: VecDeque<u64>,
    /// Power has failed: no call begins or ends until the world has taken notice.
    without_power: bool,
    /// How often a call has begun or ended that makes, changes or syncs names.
    pub(crate) name_boundaries: u64,
}

impl SimDisk {
    #[must_use]
    pub fn new(seed: u64, purpose: &str, character: Character) -> SimDisk {
        SimDisk {
            character,
            rng: Rng::stream(seed, purpose),
            names_rng: Rng::stream(seed, &format!("{purpose}/names")),
            crash_rng: Rng::stream(seed, &format!("{purpose}/crash")),
            lies_rng: Rng::stream(seed, &format!("{purpose}/lies")),
            files: Vec::new(),
            dirs: vec![Dir::default()],
            subdirs: Names::default(),
            bound: vec![Some(0)],
            queues: Queues::default(),
            outcomes: Vec::new(),
            free_tickets: Vec::new(),
            faults: Faults::default(),
            started: Vec::new(),
            breaches: Vec::new(),
            poisoned: BTreeSet::new(),
            unmade: BTreeSet::new(),
            budget: None,
            damaged: Vec::new(),
            barriers: 0,
            boundaries: 0,
            power_failures: VecDeque::new(),
            without_power: false,
            name_boundaries: 0,
        }
    }

    /// Take a call. What can start at once is started; see [`SimDisk::started`].
    pub fn submit(&mut self, op: OpId, file: FileId, call: DiskCall) {
        let file = if file.name.kind == ottla_core::io::FileKind::Dir { FileId::dir(file.dir) } else { file };
        self.queues.push(Call { op, file, call });
        self.start_ready();
    }

    /// The calls started since the last time that this was asked.
    pub fn started(&mut self) -> std::vec::Drain<'_, Started> {
        self.started.drain(..)
    }

    /// Breaches of the contract since the last time that this was asked.
    pub fn breaches(&mut self) -> std::vec::Drain<'_, Breach> {
        self.breaches.drain(..)
    }

    /// Whether there were breaches, or faults that struck, since the last time that these were asked.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.breaches.is_empty() || !self.faults.struck.is_empty()
    }

    /// The plan entries whose armed fault struck since the last time that this was asked.
    pub fn struck(&mut self) -> std::vec::Drain<'_, u32> {
        self.faults.struck.drain(..)
    }

    /// The time of a started call is over: its last effects happen, and what waited for it starts. `None` if nobody will ever be
    /// told: there is no such call, or power has failed.
    pub fn complete(&mut self, ticket: u32) -> Option<(OpId, FileId, Result<DiskDone, DiskFault>)> {
        if self.without_power {
            return None;
        }
        let (op, file, outcome, touched) = self.outcomes.get_mut(ticket as usize)?.take()?;
        self.free_tickets.push(ticket);
        self.name_boundaries += u64::from(touched.of_names);
        if let Some((dir, numbers)) = touched.files {
            self.dirs[dir].files.ended(numbers);
        }
        self.subdirs.ended(touched.subdirs);
        let result = match outcome {
            Outcome::Known(result) => result,
            Outcome::Sync { number, upto, fault } => self.finish_sync(number, upto, fault),
            Outcome::SyncDir { dir, files, subdirs } => {
                self.dirs[dir].files.synced(&files);
                if dir == 0 {
                    self.subdirs.synced(&subdirs);
                }
                self.barriers += 1;
                Ok(DiskDone::Done)
            }
        };
        self.queues.done(file, op);
        self.pass_boundary();
        self.start_ready();
        (!self.without_power).then_some((op, file, result))
    }

    fn start_ready(&mut self) {
        while !self.without_power {
            let Some(call) = self.queues.next_ready() else { return };
            let mut fault = self.fault_for(&call);
            let (low, high) = match &call.call {
                DiskCall::Sync | DiskCall::SyncDir => self.character.sync_ns,
                DiskCall::Read { .. } => self.character.read_ns.unwrap_or(self.character.call_ns),
                _ => self.character.call_ns,
            };
            let mut after_ns = self.rng.between(low, high);
            if let Some(stall) = fault.take_if(|f| f.strike == Strike::Stall) {
                after_ns += stall.stall_ns;
                self.faults.count(&stall);
            }
            let of_names = !matches!(call.call, DiskCall::Append { .. } | DiskCall::Read { .. } | DiskCall::Sync);
            let dir = self.dir_of(call.file.dir);
            let before = (dir.map(|d| self.dirs[d].files.mark()), self.subdirs.mark());
            let divisible = self.divisible(call.file, &call.call);
            let outcome = self.perform(call.file, call.call, fault);
            let files = dir.zip(before.0).map(|(d, from)| (d, from..self.dirs[d].files.mark()));
            let touched = Touched { divisible, files, subdirs: before.1..self.subdirs.mark(), of_names };
            self.name_boundaries += u64::from(of_names);
            let ticket = self.free_tickets.pop().unwrap_or_else(|| {
                self.outcomes.push(None);
                self.outcomes.len() as u32 - 1
            });
            self.outcomes[ticket as usize] = Some((call.op, call.file, outcome, touched));
            self.started.push(Started { ticket, after_ns });
            self.pass_boundary();
        }
    }

    fn divisible(&self, file: FileId, call: &DiskCall) -> Divisible {
        match call {
            DiskCall::Append { .. } => {
                let number = self.number_of(file);
                number.map_or(Divisible::Not, |n| Divisible::Append(n, self.files[n as usize].len()))
            }
            DiskCall::RemoveDir => self.dir_of(file.dir).map_or(Divisible::Not, Divisible::RemoveDir),
            _ => Divisible::Not,
        }
    }

    /// The process has ended in the midst of a call: what it had not come to was never done.
    fn interrupt(&mut self, touched: Touched) {
        match touched.divisible {
            Divisible::Not => {}
            Divisible::Append(number, from) => {
                let f = &mut self.files[number as usize];
                if f.len() > from && self.crash_rng.chance(1, 2) {
                    let never = f.append_interrupted(self.crash_rng.between(from, f.len()));
                    self.give_back(never);
                }
            }
            Divisible::RemoveDir(dir) => {
                let rng = &mut self.crash_rng;
                // The directory goes last: it is there as long as there is a file, and sometimes when there is none.
                if rng.chance(1, 2) && !self.subdirs.removal_interrupted(touched.subdirs, || true).is_empty() {
                    self.dirs[dir].removed = false;
                    let Some((_, numbers)) = touched.files else { return };
                    let back = self.dirs[dir].files.removal_interrupted(numbers, || rng.chance(1, 2));
                    let bytes: u64 = back.iter().map(|n| self.files[*n as usize].len()).sum();
                    self.budget = self.budget.map(|b| b.saturating_sub(bytes));
                }
            }
        }
    }

    /// The armed fault that strikes this call, if any.
    fn fault_for(&mut self, call: &Call) -> Option<Armed> {
        if !self.faults.is_any_armed() {
            return None;
        }
        let path = match &call.call {
            DiskCall::MakeDir { path } => path.clone(),
            _ => self.path_of(call.file.dir).unwrap_or_default().to_string(),
        };
        self.faults.strike(&path, call.file.name.kind, &call.call)
    }

    fn pass_boundary(&mut self) {
        self.boundaries += 1;
        if self.power_failures.front() == Some(&self.boundaries) {
            self.power_failures.pop_front();
            self.without_power = true;
        }
    }

    fn perform(&mut self, file: FileId, call: DiskCall, fault: Option<Armed>) -> Outcome {
        use DiskCall as C;
        if let C::MakeDir { path } = &call {
            if let Some(fault) = fault {
                self.faults.count(&fault);
                self.unmade.insert(file.dir);
                return Outcome::Known(Err(fault.strike.of_names()));
            }
            if self.budget == Some(0) && self.subdirs.get(path).is_none() {
                self.faults.count_full();
                self.unmade.insert(file.dir);
                return Outcome::Known(Err(DiskFault::NoSpace));
            }
            self.make_dir_id(file.dir, path);
            return Outcome::Known(Ok(DiskDone::Done));
        }
        let Some(dir) = self.dir_of(file.dir) else {
            if self.unmade.contains(&file.dir) {
                // Given before it was known.
                return Outcome::Known(Err(DiskFault::NotFound));
            }
            self.breach(format!("{call:?} on {file}: its directory was removed or never made"));
            return Outcome::Known(Err(DiskFault::NotFound));
        };
        let fault = match fault {
            // There was nothing that it could fail to write.
            Some(fault) if fault.strike == Strike::SyncDirError && !self.has_unsynced_names(dir) => {
                self.faults.put_back(fault);
                None
            }
            fault => fault,
        };
        let no_space = matches!(call, C::Create);
        let fails = fault.as_ref().filter(|f| match f.strike {
            Strike::SyncDirError | Strike::NameError | Strike::ReadError => true,
            Strike::NoSpace => no_space,
            _ => false,
        });
        if let Some(fault) = fails {
            self.faults.count(fault);
            if matches!(call, C::Create | C::Truncate { .. } | C::Rename { .. }) {
                self.poisoned.insert(file);
            }
            if fault.strike == Strike::SyncDirError {
                self.dirs[dir].files.sync_failed();
                if dir == 0 {
                    self.subdirs.sync_failed();
                }
            }
            return Outcome::Known(Err(fault.strike.of_names()));
        }
        Outcome::Known(match call {
            C::Create => self.create(dir, file),
            C::Append { pos, data } => self.append(dir, file, pos.0, &data, fault),
            C::Read { pos, len } => self.read(dir, file, pos.0, u64::from(len)),
            C::Sync => {
                let Some(number) = self.dirs[dir].files.get(&file.name) else {
                    if !self.poisoned.contains(&file) {
                        self.breach(format!("sync of {file}, which is not there"));
                    }
                    return Outcome::Known(Err(DiskFault::NotFound));
                };
                let upto = self.files[number as usize].sync_target();
                return Outcome::Sync { number, upto, fault };
            }
            C::Rewrite { pos, len } => self.rewrite(dir, file, pos.0, u64::from(len), fault),
            C::Truncate { len } => self.truncate(dir, file, len),
            C::Rename { to } => self.rename(dir, file, to),
            C::Remove => {
                if let Some(number) = self.dirs[dir].files.unlink(&file.name) {
                    self.forget(number, file, "removed");
                }
                Ok(DiskDone::Done)
            }
            C::MakeDir { .. } => Ok(DiskDone::Done), // above
            C::RenameDir { path } => self.rename_dir(dir, path),
            C::RemoveDir => self.remove_dir(dir),
            C::SyncDir => {
                let busy = self.dirs[dir].files.is_busy() || dir == 0 && self.subdirs.is_busy();
                let all = busy && self.names_rng.chance(1, 2);
                let (files, subdirs) = (self.dirs[dir].files.sync_target(all), self.subdirs.sync_target(all));
                return Outcome::SyncDir { dir, files, subdirs };
            }
        })
    }

    /// Whether a sync of a directory that is given now has something to write.
    fn has_unsynced_names(&self, dir: usize) -> bool {
        !self.dirs[dir].files.sync_target(false).is_empty() || dir == 0 && !self.subdirs.sync_target(false).is_empty()
    }

    fn create(&mut self, dir: usize, file: FileId) -> Result<DiskDone, DiskFault> {
        let name = file.name;
        self.poisoned.remove(&file);
        if let Some(number) = self.dirs[dir].files.get(&name) {
            let file = &mut self.files[number as usize];
            if file.leases > 0 {
                self.breaches.push(Breach(format!("{name} emptied while a reply still carries its bytes")));
            }
            self.give_back(self.files[number as usize].len());
            let file = &mut self.files[number as usize];
            file.truncate(0);
            file.append_failed = false;
            return Ok(DiskDone::Done);
        }
        if self.budget == Some(0) {
            self.faults.count_full();
            self.poisoned.insert(file);
            return Err(DiskFault::NoSpace);
        }
        self.files.push(File::default());
        self.dirs[dir].files.link(name, self.files.len() as u32 - 1);
        Ok(DiskDone::Done)
    }

    fn append(
        &mut self,
        dir: usize,
        file: FileId,
        pos: u64,
        data: &[Bytes],
        fault: Option<Armed>,
    ) -> Result<DiskDone, DiskFault> {
        if self.poisoned.contains(&file) {
            if let Some(fault) = fault {
                self.faults.put_back(fault);
            }
            return Err(DiskFault::Io);
        }
        let Some(number) = self.dirs[dir].files.get(&file.name) else {
            self.breach(format!("append to {file}, which is not there"));
            return Err(DiskFault::NotFound);
        };
        let f = &mut self.files[number as usize];
        if f.append_failed {
            if let Some(fault) = fault {
                self.faults.put_back(fault);
            }
            return Err(DiskFault::Io);
        }
        if pos != f.len() {
            let len = f.len();
            self.breach(format!("append to {file} at {pos}, but it has {len} bytes"));
            return Err(DiskFault::Io);
        }
        let size: usize = data.iter().map(Bytes::len).sum();
        let (limit, result) = match fault {
            Some(f) => {
                self.faults.count(&f);
                match f.strike {
                    Strike::ShortWrite => (usize_of(self.rng.below(size as u64)), Err(DiskFault::Io)),
                    Strike::NoSpace => (usize_of(self.rng.below(size as u64)), Err(DiskFault::NoSpace)),
                    _ => (0, Err(DiskFault::Io)),
                }
            }
            None if self.budget.is_some_and(|b| b < size as u64) => {
                self.faults.count_full();
                (usize_of(self.budget.unwrap_or(0)), Err(DiskFault::NoSpace))
            }
            None => (size, Ok(DiskDone::Done)),
        };
        let f = &mut self.files[number as usize];
        f.append(data, limit);
        f.append_failed = result.is_err();
        if let Some(budget) = &mut self.budget {
            *budget = budget.saturating_sub(limit as u64);
        }
        result
    }

    fn read(&mut self, dir: usize, file: FileId, pos: u64, len: u64) -> Result<DiskDone, DiskFault> {
        let number = self.dirs[dir].files.get(&file.name).ok_or(DiskFault::NotFound)?;
        let bytes = self.files[number as usize].read(pos, len).ok_or(DiskFault::Io)?;
        Ok(DiskDone::Read(Bytes::copy_from_slice(bytes)))
    }

    fn finish_sync(&mut self, number: u32, mut upto: u64, fault: Option<Armed>) -> Result<DiskDone, DiskFault> {
        let f = &mut self.files[number as usize];
        if self.character.sync_covers_later && self.rng.chance(1, 2) {
            upto = f.len();
        }
        self.barriers += 1;
        let Some(fault) = fault else {
            f.synced(upto, None);
            return Ok(DiskDone::Done);
        };
        if fault.strike == Strike::SyncError && f.is_unsynced() {
            f.sync_failed(self.character.loss, &mut self.rng);
            self.faults.count(&fault);
            return Err(DiskFault::Io);
        }
        let lies = matches!(fault.strike, Strike::PhantomWrite | Strike::MisdirectedWrite);
        if lies && self.sync_lies(number, upto, fault.strike) {
            self.faults.count(&fault);
        } else {
            // There was nothing to write, or nobody will ever read it.
            self.files[number as usize].synced(upto, None);
            self.faults.put_back(fault);
        }
        Ok(DiskDone::Done)
    }

    /// A sync says that it wrote what it did not, or elsewhere; false if it has no sector that it could lie about.
    fn sync_lies(&mut self, number: u32, upto: u64, how: Strike) -> bool {
        let f = &self.files[number as usize];
        let (pieces, lowest) = f.unwritten(upto);
        let sectors: Vec<u64> = pieces.into_iter().flat_map(|(first, last)| first..=last).collect();
        let Some(sector) = self.lies_rng.pick(&sectors).copied().filter(|_| self.is_linked(number)) else { return false };
        let end = f.len().min((sector + 1) * SECTOR);
        let bytes = f.cached.as_slice()[usize_of(sector * SECTOR)..usize_of(end)].to_vec();
        if how == Strike::MisdirectedWrite {
            let has_bytes = |n: &u32| *n != number && !self.files[*n as usize].durable.is_empty() && self.is_linked(*n);
            let others: Vec<u32> = (0..self.files.len() as u32).filter(has_bytes).collect();
            let Some(victim) = self.lies_rng.pick(&others).copied() else { return false };
            let at = self.lies_rng.below((self.files[victim as usize].durable.len() as u64).div_ceil(SECTOR));
            if !self.files[victim as usize].struck_by(at, &bytes) {
                return false;
            }
            self.damage_note(victim, at * SECTOR);
        }
        self.files[number as usize].synced(upto, Some(sector));
        self.damage_note(number, lowest.max(sector * SECTOR));
        true
    }

    /// Whether a file has a name.
    fn is_linked(&self, number: u32) -> bool {
        self.dirs.iter().any(|dir| !dir.removed && dir.files.iter().any(|(_, n)| n == number))
    }

    fn rewrite(&mut self, dir: usize, file: FileId, pos: u64, len: u64, fault: Option<Armed>) -> Result<DiskDone, DiskFault> {
        let number = self.dirs[dir].files.get(&file.name).ok_or(DiskFault::NotFound)?;
        let f = &mut self.files[number as usize];
        if pos + len > f.len() {
            let have = f.len();
            self.breach(format!("rewrite of {file} up to {}, but it has {have} bytes", pos + len));
            return Err(DiskFault::Io);
        }
        // A sector that cannot be read cannot be written over by itself either.
        let readable = f.read(pos, len).is_some();
        if let Some(fault) = fault {
            f.rewrite(pos, pos + self.rng.below(len));
            self.faults.count(&fault);
            return Err(DiskFault::Io);
        }
        if !readable {
            return Err(DiskFault::Io);
        }
        f.rewrite(pos, pos + len);
        Ok(DiskDone::Done)
    }

    fn truncate(&mut self, dir: usize, file: FileId, len: u64) -> Result<DiskDone, DiskFault> {
        let Some(number) = self.dirs[dir].files.get(&file.name) else {
            if !self.poisoned.contains(&file) {
                self.breach(format!("truncate of {file}, which is not there"));
            }
            return Err(DiskFault::NotFound);
        };
        self.poisoned.remove(&file);
        let f = &mut self.files[number as usize];
        if f.leases > 0 && f.leased_end > len {
            self.breaches.push(Breach(format!("{file} cut to {len} bytes while a reply still carries later ones")));
        }
        let f = &mut self.files[number as usize];
        let cut = f.len().saturating_sub(len);
        f.truncate(len);
        f.append_failed = false;
        self.give_back(cut);
        Ok(DiskDone::Done)
    }

    fn rename(&mut self, dir: usize, file: FileId, to: FileName) -> Result<DiskDone, DiskFault> {
        let replaced = self.dirs[dir].files.get(&to);
        if self.dirs[dir].files.get(&file.name).is_none() {
            return Err(DiskFault::NotFound);
        }
        if let Some(number) = self.dirs[dir].files.rename(&file.name, to)
            && self.files[number as usize].leases > 0
        {
            self.breach(format!("{file} renamed to {to} while a reply still names it"));
        }
        if let Some(number) = replaced {
            self.forget(number, FileId { name: to, ..file }, "replaced");
        }
        Ok(DiskDone::Done)
    }

    fn rename_dir(&mut self, dir: usize, path: String) -> Result<DiskDone, DiskFault> {
        let from = self.dirs[dir].path.clone();
        if self.subdirs.get(&path).is_some() {
            self.breach(format!("directory {from} renamed to {path}, which exists"));
            return Err(DiskFault::Io);
        }
        self.subdirs.rename(&from, path.clone());
        self.dirs[dir].path = path;
        Ok(DiskDone::Done)
    }

    fn remove_dir(&mut self, dir: usize) -> Result<DiskDone, DiskFault> {
        let files: Vec<(FileName, u32)> = self.dirs[dir].files.iter().map(|(n, i)| (*n, i)).collect();
        for (name, number) in files {
            self.dirs[dir].files.unlink(&name);
            self.forget(number, FileId { dir: DirId(u32::MAX), name }, "removed with its directory");
        }
        let path = self.dirs[dir].path.clone();
        self.subdirs.unlink(&path);
        self.dirs[dir].removed = true;
        Ok(DiskDone::Done)
    }

    fn forget(&mut self, number: u32, file: FileId, how: &str) {
        if self.files[number as usize].leases > 0 {
            self.breach(format!("{file} {how} while a reply still carries its bytes"));
        }
        self.give_back(self.files[number as usize].len());
    }

    fn give_back(&mut self, bytes: u64) {
        if let Some(budget) = &mut self.budget {
            *budget = budget.saturating_add(bytes);
        }
    }

    fn make_dir_id(&mut self, id: DirId, path: &str) {
        let index = match self.subdirs.get(path) {
            Some(index) => index as usize,
            None => {
                self.dirs.push(Dir { path: path.to_string(), ..Dir::default() });
                self.subdirs.link(path.to_string(), self.dirs.len() as u32 - 1);
                self.dirs.len() - 1
            }
        };
        self.bind(id, index);
    }

    fn bind(&mut self, id: DirId, index: usize) {
        let slot = usize_of(u64::from(id.0));
        if self.bound.len() <= slot {
            self.bound.resize(slot + 1, None);
        }
        if self.bound[slot].is_some() {
            self.breach(format!("directory id {id} bound twice"));
        }
        self.bound[slot] = Some(index);
    }

    fn dir_of(&self, id: DirId) -> Option<usize> {
        let index = (*self.bound.get(usize_of(u64::from(id.0)))?)?;
        (!self.dirs[index].removed).then_some(index)
    }

    fn breach(&mut self, what: String) {
        self.breaches.push(Breach(what));
    }

    fn damage_note(&mut self, number: u32, from: u64) {
        for (index, dir) in self.dirs.iter().enumerate() {
            if let Some((name, _)) = dir.files.iter().find(|(_, n)| *n == number) {
                let path = dir.path.clone();
                self.damaged.push(Damage { path, name: *name, dir: index, file: number, from, gone: false });
                return;
            }
        }
    }

    fn number_of(&self, file: FileId) -> Option<u32> {
        self.dirs[self.dir_of(file.dir)?].files.get(&file.name)
    }
}
