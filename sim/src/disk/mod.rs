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
mod queue;

pub use fault::{Armed, Strike, Target};
pub use file::{Keep, Loss, SECTOR};
pub use image::SimImage;

use bytes::Bytes;
use fault::Faults;
use file::{File, usize_of};
use names::Names;
use ottla_core::ids::{DirId, OpId};
use ottla_core::io::{DiskCall, DiskDone, DiskFault, FileId, FileKind, FileName, ROOT, Suffix, Volume};
use ottla_core::rng::Rng;
use queue::{Call, Queues};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

/// How a disk behaves when nothing is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Character {
    /// The shortest and longest time of a call but a sync, in virtual nanoseconds.
    pub call_ns: (u64, u64),
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
    pub path: String,
    pub name: FileName,
    pub from: u64,
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

/// The changes of names that a call has made: in which directory's files, and among the directories.
#[derive(Clone, Debug, Default)]
struct Touched {
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
            let barrier = matches!(call.call, DiskCall::Sync | DiskCall::SyncDir);
            let mut fault = self.faults.strike(call.file, &call.call);
            let (low, high) = if barrier { self.character.sync_ns } else { self.character.call_ns };
            let mut after_ns = self.rng.between(low, high);
            if let Some(stall) = fault.filter(|f| f.strike == Strike::Stall) {
                after_ns += stall.stall_ns;
                self.faults.count(&stall);
                fault = None;
            }
            let of_names = !matches!(call.call, DiskCall::Append { .. } | DiskCall::Read { .. } | DiskCall::Sync);
            let dir = self.dir_of(call.file.dir);
            let before = (dir.map(|d| self.dirs[d].files.mark()), self.subdirs.mark());
            let outcome = self.perform(call.file, call.call, fault);
            let files = dir.zip(before.0).map(|(d, from)| (d, from..self.dirs[d].files.mark()));
            let touched = Touched { files, subdirs: before.1..self.subdirs.mark(), of_names };
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
                return Outcome::Known(Err(DiskFault::Io));
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
        let fails = fault.filter(|f| matches!(f.strike, Strike::SyncDirError | Strike::NameError | Strike::ReadError));
        if let Some(fault) = fails {
            self.faults.count(&fault);
            if matches!(call, C::Create | C::Truncate { .. } | C::Rename { .. }) {
                self.poisoned.insert(file);
            }
            return Outcome::Known(Err(DiskFault::Io));
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
            None if self.budget.is_some_and(|b| b < size as u64) => (usize_of(self.budget.unwrap_or(0)), Err(DiskFault::NoSpace)),
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
        if fault.strike == Strike::SyncError {
            f.sync_failed(self.character.loss, &mut self.rng);
            self.faults.count(&fault);
            return Err(DiskFault::Io);
        }
        // A phantom or misdirected write needs a sector that this sync writes.
        if !f.is_dirty() || upto == 0 {
            f.synced(upto, None);
            self.faults.put_back(fault);
            return Ok(DiskDone::Done);
        }
        let sector = (upto - 1) / SECTOR;
        let bytes = f.cached.as_slice()[usize_of(sector * SECTOR)..usize_of(upto)].to_vec();
        f.synced(upto, Some(sector));
        self.damage_note(number, sector * SECTOR);
        if fault.strike == Strike::MisdirectedWrite {
            let others: Vec<u32> =
                (0..self.files.len() as u32).filter(|n| *n != number && !self.files[*n as usize].durable.is_empty()).collect();
            if let Some(victim) = self.rng.pick(&others).copied() {
                let sectors = (self.files[victim as usize].durable.len() as u64).div_ceil(SECTOR);
                let at = self.rng.below(sectors);
                if self.files[victim as usize].struck_by(at, &bytes) {
                    self.damage_note(victim, at * SECTOR);
                }
            }
        }
        self.faults.count(&fault);
        Ok(DiskDone::Done)
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
        for dir in &self.dirs {
            if let Some((name, _)) = dir.files.iter().find(|(_, n)| *n == number) {
                self.damaged.push(Damage { path: dir.path.clone(), name: *name, from });
                return;
            }
        }
    }

    fn number_of(&self, file: FileId) -> Option<u32> {
        self.dirs[self.dir_of(file.dir)?].files.get(&file.name)
    }
}

/// What the world and its checks may ask and do; none of it is visible to the node as a call.
impl SimDisk {
    /// The node's process died. Calls that were not performed never will be; the page cache stays.
    pub fn process_crashed(&mut self) {
        self.queues = Queues::default();
        self.outcomes.clear();
        self.free_tickets.clear();
        self.started.clear();
        self.without_power = false;
        self.bound = vec![Some(0)];
        self.poisoned.clear();
        self.unmade.clear();
        self.dirs.iter_mut().for_each(|d| d.files.all_ended());
        self.subdirs.all_ended();
        for f in &mut self.files {
            f.leases = 0;
            f.leased_end = 0;
            f.append_failed = false;
        }
    }

    /// The machine lost power: bytes and names that no barrier covered are lost as the disk's character says.
    pub fn power_lost(&mut self) {
        let loss = self.character.loss;
        self.power_lost_with(loss);
    }

    /// As [`SimDisk::power_lost`], with a given loss.
    pub fn power_lost_with(&mut self, loss: Loss) {
        self.process_crashed();
        for f in &mut self.files {
            f.power_lost(loss, &mut self.rng);
        }
        for dir in &mut self.dirs {
            dir.files.power_lost(loss.names, &mut self.rng);
        }
        self.subdirs.power_lost(loss.names, &mut self.rng);
        let mut paths = vec![None; self.dirs.len()];
        for (path, index) in self.subdirs.iter() {
            paths[index as usize] = Some(path.clone());
        }
        for (dir, path) in self.dirs.iter_mut().zip(paths).skip(1) {
            dir.removed = path.is_none();
            dir.path = path.unwrap_or_default();
        }
    }

    /// Let power fail when so many calls have begun or ended, each counted, since the disk was made: nothing comes between the
    /// boundary and the failure. The world sees it by [`SimDisk::is_without_power`].
    pub fn fail_power_at(&mut self, mut boundaries: Vec<u64>) {
        boundaries.sort_unstable();
        boundaries.dedup();
        self.power_failures = boundaries.into();
    }

    /// Whether power has failed, and the world has not taken notice.
    #[must_use]
    pub fn is_without_power(&self) -> bool {
        self.without_power
    }

    /// How many calls have begun or ended.
    #[must_use]
    pub fn boundaries(&self) -> u64 {
        self.boundaries
    }

    /// Let a fault wait for its call.
    pub fn arm(&mut self, fault: Armed) {
        self.faults.arm(fault);
    }

    /// No fault strikes any more: none that is armed, and none that a sync under way was to end with.
    pub fn disarm_all(&mut self) {
        self.faults.disarm_all();
        for (_, _, outcome, _) in self.outcomes.iter_mut().flatten() {
            if let Outcome::Sync { fault, .. } = outcome {
                *fault = None;
            }
        }
    }

    /// Limit the bytes that may still be written; `None` lifts the limit.
    pub fn set_budget(&mut self, bytes: Option<u64>) {
        self.budget = bytes;
    }

    /// How large the disk is, and how much of it is free, as statvfs says it.
    #[must_use]
    pub fn volume(&self) -> Volume {
        let there = self.dirs.iter().filter(|d| !d.removed).flat_map(|d| d.files.iter());
        let used: u64 = there.map(|(_, n)| self.files[n as usize].len()).sum();
        let free = TOTAL_BYTES.saturating_sub(used);
        Volume { total_bytes: TOTAL_BYTES, usable_bytes: self.budget.map_or(free, |b| b.min(free)) }
    }

    /// Damage a random file that fits: a flipped bit, or (`unreadable`) a sector that gives EIO; where any may be struck, sometimes
    /// one of its directory. Names what it struck.
    pub fn damage(&mut self, target: Target, unreadable: bool) -> Option<(String, FileName)> {
        if target == Target::Directory {
            return self.damage_directory(None);
        }
        let mut all = Vec::new();
        for dir in self.dirs.iter().filter(|d| !d.removed) {
            for (name, number) in dir.files.iter() {
                if target.fits(FileId { dir: ROOT, name: *name }) && !self.files[number as usize].durable.is_empty() {
                    all.push((dir.path.clone(), *name, number));
                }
            }
        }
        let (path, name, number) = self.rng.pick(&all)?.clone();
        let f = &mut self.files[number as usize];
        let pos = self.rng.below(f.durable.len() as u64);
        let bit = self.rng.below(8) as u8;
        if unreadable && target == Target::Any && bit < 2 {
            return self.damage_directory(Some(&path));
        }
        let struck = if unreadable { f.make_unreadable(pos / SECTOR) } else { f.flip_bit(pos, bit) };
        if !struck {
            return None;
        }
        let from = if unreadable { pos / SECTOR * SECTOR } else { pos };
        self.damaged.push(Damage { path: path.clone(), name, from });
        Some((path, name))
    }

    /// Damage the directory of a log, a random one unless it is said: what is in it can be read by whoever knows its name, and not
    /// listed.
    fn damage_directory(&mut self, which: Option<&str>) -> Option<(String, FileName)> {
        let log = |files: &Names<FileName>| files.iter().map(|(name, _)| *name).find(|name| name.kind == FileKind::Log);
        let is_partition = |path: &str| !path.is_empty() && path != crate::checks::METADATA && which.is_none_or(|w| w == path);
        let all = self.dirs.iter().enumerate().filter(|(_, d)| !d.removed && !d.unlistable && is_partition(&d.path));
        let all: Vec<(usize, FileName)> = all.filter_map(|(index, d)| Some((index, log(&d.files)?))).collect();
        let (index, name) = *self.rng.pick(&all)?;
        self.dirs[index].unlistable = true;
        let path = self.dirs[index].path.clone();
        self.damaged.push(Damage { path: path.clone(), name, from: 0 });
        Some((path, name))
    }

    /// Take bytes out of the middle of a file at rest; what follows moves up, as after a careless repair of a file system.
    pub fn cut_out(&mut self, path: &str, name: FileName, range: Range<u64>) -> bool {
        let dir = self.subdirs.get(path);
        let Some(number) = dir.and_then(|d| self.dirs[d as usize].files.get(&name)) else { return false };
        self.damaged.push(Damage { path: path.to_string(), name, from: range.start });
        self.files[number as usize].cut_out(range)
    }

    /// What damage at rest, a phantom or a misdirected write has struck.
    #[must_use]
    pub fn damaged(&self) -> &[Damage] {
        &self.damaged
    }

    /// Whether a power loss now would certainly leave the bytes of a file below `end`, and its name, and its directory's.
    #[must_use]
    pub fn is_durable(&self, path: &str, name: FileName, end: u64) -> bool {
        let Some(dir) = self.subdirs.get(path) else { return false };
        let files = &self.dirs[dir as usize].files;
        let Some(number) = files.get(&name) else { return false };
        self.files[number as usize].durable_to(end) && files.is_durable(&name) && self.subdirs.is_durable(path)
    }

    /// Whether a power loss now would certainly leave the bytes of a file below `end`, under this name, if it leaves its directory.
    #[must_use]
    pub fn keeps(&self, dir: DirId, name: FileName, end: u64) -> bool {
        let Some(dir) = self.dir_of(dir) else { return false };
        let files = &self.dirs[dir].files;
        files.get(&name).is_some_and(|n| self.files[n as usize].durable_to(end)) && files.is_durable(&name)
    }

    /// As [`SimDisk::keeps`], for all of a file.
    #[must_use]
    pub fn keeps_whole(&self, file: FileId) -> bool {
        self.number_of(file).is_some_and(|n| self.keeps(file.dir, file.name, self.files[n as usize].len()))
    }

    /// Whether everything in a file is on the medium, whatever its name.
    #[must_use]
    pub fn is_synced(&self, file: FileId) -> bool {
        self.number_of(file).is_some_and(|n| self.files[n as usize].durable_to(self.files[n as usize].len()))
    }

    /// Whether there is such a file for a running process.
    #[must_use]
    pub fn is_there(&self, file: FileId) -> bool {
        self.number_of(file).is_some()
    }

    /// The id by which the present life knows a directory.
    #[must_use]
    pub fn id_of(&self, path: &str) -> Option<DirId> {
        let dir = self.subdirs.get(path)? as usize;
        self.bound.iter().position(|b| *b == Some(dir)).and_then(|slot| u32::try_from(slot).ok()).map(DirId)
    }

    /// Names that are gone for a running process and that a power loss now may bring back.
    pub fn may_return(&self, dir: DirId) -> impl Iterator<Item = FileName> {
        self.dir_of(dir).into_iter().flat_map(|d| self.dirs[d].files.may_return().copied())
    }

    /// A log's file of which a cut may be undone by a power loss now.
    #[must_use]
    pub fn cut_may_be_undone(&self, dir: DirId) -> Option<FileName> {
        let files = &self.dirs[self.dir_of(dir)?].files;
        let mut logs = files.iter().filter(|(name, _)| name.kind == FileKind::Log && name.suffix == Suffix::None);
        logs.find(|(_, n)| self.files[*n as usize].has_unsynced_cut()).map(|(name, _)| *name)
    }

    /// Whether the entry of a directory in the data directory would survive a power loss now.
    #[must_use]
    pub fn is_dir_durable(&self, path: &str) -> bool {
        self.subdirs.is_durable(path)
    }

    /// All bytes of a file as a reader sees them; none if it is not there.
    #[must_use]
    pub fn contents(&self, file: FileId) -> &[u8] {
        self.number_of(file).map_or(&[], |n| self.files[n as usize].cached.as_slice())
    }

    /// What the medium holds under a file's name, if nothing of what is not synced survives.
    #[must_use]
    pub fn durable_contents(&self, file: FileId) -> &[u8] {
        let number = self.dir_of(file.dir).and_then(|d| self.dirs[d].files.durable(&file.name));
        number.map_or(&[], |n| self.files[n as usize].durable.as_slice())
    }

    /// The files of a directory of the present life, by name.
    #[must_use]
    pub fn names(&self, dir: DirId) -> Vec<FileName> {
        self.dir_of(dir).map_or(Vec::new(), |d| self.dirs[d].files.iter().map(|(n, _)| *n).collect())
    }

    /// The bytes of a range as a reader of the file sees them now; `None` if it is not all there or cannot be read.
    #[must_use]
    pub fn peek(&self, file: FileId, pos: u64, len: u64) -> Option<Bytes> {
        let bytes = self.files[self.number_of(file)? as usize].read(pos, len)?;
        (bytes.len() as u64 == len).then(|| Bytes::copy_from_slice(bytes))
    }

    /// The directories under the data directory.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.subdirs.iter().map(|(path, _)| path.clone()).collect()
    }

    /// A directory that bears the name of a deleted one, if there is any.
    #[must_use]
    pub fn deleted_path(&self) -> Option<&str> {
        self.subdirs.iter().map(|(path, _)| path.as_str()).find(|path| path.ends_with("-delete"))
    }

    /// The files of a directory, by name.
    #[must_use]
    pub fn names_in(&self, path: &str) -> Vec<FileName> {
        let dir = self.subdirs.get(path);
        dir.map(|d| self.dirs[d as usize].files.iter().map(|(n, _)| *n).collect()).unwrap_or_default()
    }

    /// All bytes of a file as a reader sees them; none if it is not there.
    #[must_use]
    pub fn bytes_of(&self, path: &str, name: FileName) -> &[u8] {
        let dir = self.subdirs.get(path);
        let number = dir.and_then(|d| self.dirs[d as usize].files.get(&name));
        number.map_or(&[], |n| self.files[n as usize].cached.as_slice())
    }

    /// A reply carries this range until [`SimDisk::unpin`]; the number says which file it was.
    pub fn pin(&mut self, file: FileId, end: u64) -> Option<u32> {
        let number = self.number_of(file)?;
        let f = &mut self.files[number as usize];
        f.leases += 1;
        f.leased_end = f.leased_end.max(end);
        Some(number)
    }

    /// The reply that carried a range of this file is gone.
    pub fn unpin(&mut self, number: u32) {
        if let Some(f) = self.files.get_mut(number as usize) {
            f.leases = f.leases.saturating_sub(1);
            if f.leases == 0 {
                f.leased_end = 0;
            }
        }
    }

    /// The path of a bound directory, empty for the data directory itself.
    #[must_use]
    pub fn path_of(&self, id: DirId) -> Option<&str> {
        Some(&self.dirs[self.dir_of(id)?].path)
    }

    /// The files of a directory with their lengths in bytes, as a running process sees them.
    #[must_use]
    pub fn list(&self, path: &str) -> Vec<(String, u64)> {
        let Some(dir) = self.subdirs.get(path) else { return Vec::new() };
        let files = self.dirs[dir as usize].files.iter();
        files.map(|(name, n)| (name.to_string(), self.files[n as usize].len())).collect()
    }

    /// Calls given and not yet completed.
    #[must_use]
    pub fn calls_open(&self) -> usize {
        self.queues.open()
    }

    /// Whether anything would be lost by a power loss now.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.subdirs.is_dirty() || self.dirs.iter().any(|d| d.files.is_dirty()) || self.files.iter().any(File::is_dirty)
    }

    /// The data directory as recovery reads it.
    pub fn image(&mut self) -> SimImage<'_> {
        SimImage { disk: self }
    }
}
