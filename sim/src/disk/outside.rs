//! The disk as the world and its checks see it: what a crash and a power loss leave, damage, and what is on the medium.
//!
//! State       none of its own.
//! Gives       the end of a process, power losses, damage at rest, bounds; questions about what is cached and what is durable.
//! Not here    the node's calls (mod.rs), which fault strikes them (fault.rs).

use super::file::{File, Loss, SECTOR};
use super::names::Names;
use super::queue::Queues;
use super::{Aim, Armed, Damage, Outcome, SimDisk, SimImage, TOTAL_BYTES, Target};
use bytes::Bytes;
use ottla_core::ids::DirId;
use ottla_core::io::{FileId, FileKind, FileName, Suffix, Volume};
use std::ops::Range;

/// What the world and its checks may ask and do; none of it is visible to the node as a call.
impl SimDisk {
    /// The node's process died. Calls that were not performed never will be, and those under way end in their midst; the page cache
    /// stays.
    pub fn process_crashed(&mut self) {
        self.queues = Queues::default();
        for (_, _, _, touched) in std::mem::take(&mut self.outcomes).into_iter().flatten() {
            self.interrupt(touched);
        }
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

    /// Let power fail at none of the boundaries any more that have not come. Names them.
    pub fn fail_power_no_more(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.power_failures).into()
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

    /// How long a call takes at the most that nothing holds up.
    #[must_use]
    pub fn longest_call_ns(&self) -> u64 {
        let c = &self.character;
        c.call_ns.1.max(c.sync_ns.1).max(c.read_ns.map_or(0, |(_, most)| most))
    }

    /// Limit the bytes that may still be written, as an entry of the plan says; it strikes when that is felt.
    pub fn set_budget(&mut self, bytes: u64, by: u32) {
        self.budget = Some(bytes);
        self.faults.full_by = Some(by);
    }

    /// There is space again.
    pub fn lift_budget(&mut self) {
        self.budget = None;
        self.faults.full_by = None;
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
    pub fn damage(&mut self, aim: &Aim, unreadable: bool) -> Option<(String, FileName)> {
        if aim.target == Target::Directory {
            return self.damage_directory(aim.dir.as_deref());
        }
        let mut all = Vec::new();
        for (index, dir) in self.dirs.iter().enumerate().filter(|(_, d)| !d.removed && aim.is_at(&d.path)) {
            for (name, number) in dir.files.iter() {
                if aim.target.fits(name.kind) && !self.files[number as usize].durable.is_empty() {
                    all.push((index, *name, number));
                }
            }
        }
        let (dir, name, file) = *self.rng.pick(&all)?;
        let path = self.dirs[dir].path.clone();
        let f = &mut self.files[file as usize];
        let pos = self.rng.below(f.durable.len() as u64);
        let bit = self.rng.below(8) as u8;
        if unreadable && aim.target == Target::Any && bit < 2 {
            return self.damage_directory(Some(&path));
        }
        let struck = if unreadable { f.make_unreadable(pos / SECTOR) } else { f.flip_bit(pos, bit) };
        if !struck {
            return None;
        }
        let from = if unreadable { pos / SECTOR * SECTOR } else { pos };
        self.damaged.push(Damage { path: path.clone(), name, dir, file, from, gone: false });
        Some((path, name))
    }

    /// Damage the directory of a log, a random one unless it is said: what is in it can be read by whoever knows its name, and not
    /// listed.
    fn damage_directory(&mut self, which: Option<&str>) -> Option<(String, FileName)> {
        let log = |files: &Names<FileName>| {
            let mut all = files.iter().map(|(name, file)| (*name, file));
            all.find(|(name, _)| name.kind == FileKind::Log)
        };
        let is_partition = |path: &str| !path.is_empty() && path != crate::checks::METADATA && which.is_none_or(|w| w == path);
        let all = self.dirs.iter().enumerate().filter(|(_, d)| !d.removed && !d.unlistable && is_partition(&d.path));
        let all: Vec<(usize, (FileName, u32))> = all.filter_map(|(index, d)| Some((index, log(&d.files)?))).collect();
        let (dir, (name, file)) = *self.rng.pick(&all)?;
        self.dirs[dir].unlistable = true;
        let path = self.dirs[dir].path.clone();
        self.damaged.push(Damage { path: path.clone(), name, dir, file, from: 0, gone: false });
        Some((path, name))
    }

    /// Take a random file that fits away while no process runs, as somebody does who cleans up by hand: for good, no power loss brings it
    /// back. What was done to the names of its directory before is on the disk then. Names what is gone.
    pub fn lose_file(&mut self, aim: &Aim) -> Option<(String, FileName)> {
        let mut all = Vec::new();
        for (index, dir) in self.dirs.iter().enumerate().filter(|(_, d)| !d.removed && aim.is_at(&d.path)) {
            let fits = |name: &&FileName| name.suffix == Suffix::None && aim.target.fits(name.kind);
            all.extend(dir.files.iter().filter(|(name, _)| fits(name)).map(|(name, file)| (index, *name, file)));
        }
        let (dir, name, file) = *self.rng.pick(&all)?;
        self.dirs[dir].files.lose(&name);
        let path = self.dirs[dir].path.clone();
        self.damaged.push(Damage { path: path.clone(), name, dir, file, from: 0, gone: true });
        Some((path, name))
    }

    /// Take bytes out of the middle of a file at rest; what follows moves up, as after a careless repair of a file system.
    pub fn cut_out(&mut self, path: &str, name: FileName, range: Range<u64>) -> bool {
        let Some(dir) = self.subdirs.get(path).map(|d| d as usize) else { return false };
        let Some(file) = self.dirs[dir].files.get(&name) else { return false };
        self.damaged.push(Damage { path: path.to_string(), name, dir, file, from: range.start, gone: false });
        self.files[file as usize].cut_out(range)
    }

    /// What damage at rest, a phantom or a misdirected write has struck.
    #[must_use]
    pub fn damaged(&self) -> &[Damage] {
        &self.damaged
    }

    /// Whether what damage struck still lies under the name of the file that it was to be, or is missed there.
    #[must_use]
    pub fn is_in_place(&self, damage: &Damage) -> bool {
        let there = self.dirs[damage.dir].files.get(&FileName { suffix: Suffix::None, ..damage.name });
        if damage.gone { there.is_none() } else { there == Some(damage.file) }
    }

    /// The files, by the paths of their directories and their kinds, of which this start could not read what it wanted, though it may
    /// the next time.
    pub(crate) fn misread(&self) -> &[(String, FileKind)] {
        &self.faults.misread
    }

    /// The disk's own number of the directory that has this path now.
    pub(crate) fn number_of_dir(&self, path: &str) -> Option<usize> {
        if path.is_empty() { Some(0) } else { self.subdirs.get(path).map(|dir| dir as usize) }
    }

    /// As [`SimDisk::number_of_dir`], by the id of the present life.
    pub(crate) fn number_of_bound(&self, dir: DirId) -> Option<usize> {
        self.dir_of(dir)
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
        SimImage::of(self)
    }
}
