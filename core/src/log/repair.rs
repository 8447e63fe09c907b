//! After an append has failed: take it and all later ones back, in memory and on disk, before anything else is appended.
//!
//! State       which step the repair is at, and the disk calls that it waits for.
//! Takes       a failed append or creation of a segment file; completions.
//! Gives       `AppendsFailed`, then `Repaired`; or `Offline`.
//! Holds       it never cuts below `written_end`, so nothing that was ever readable moves; offsets are not skipped; appends are taken
//!             again only when the cut is durable, so that nothing of what failed can come back after a crash.
//! Not here    who waits for the failed appends (the owner, by `AppendsFailed`).
//! Read first  `maybe_repair`.

use super::append::Sent;
use super::segment::Place;
use super::{Health, Log, LogEvent, Named, Op};
use crate::disk::DiskPort;
use crate::ids::{Offset, OpId};
use crate::io::{DiskCall, DiskFault, FileId, FileKind};
use crate::planted::{Barrier, Bug};
use crate::time::Now;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the log waits before it tries again on a full disk.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Repair {
    why: DiskFault,
    /// Nobody waits for what recovery cuts away.
    of_recovery: bool,
    step: Step,
    waiting: BTreeSet<OpId>,
    /// Where the log ends when it is repaired; known when all appends have ended.
    cut: Option<Place>,
    /// Files to be removed.
    doomed: Vec<FileId>,
    /// Directory entries that its sync of the directory covers, too.
    names: Vec<Named>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Appends are still under way.
    Draining,
    /// Files are being cut and removed.
    Cutting,
    /// The cut is being made durable.
    Syncing,
    /// The disk was full even for the repair: tried again later.
    Blocked,
}

impl Repair {
    fn of(why: DiskFault) -> Repair {
        let (step, waiting) = (Step::Draining, BTreeSet::new());
        Repair { why, of_recovery: false, step, waiting, cut: None, doomed: Vec::new(), names: Vec::new() }
    }

    /// For recovery: the log has been cut in memory already.
    pub(super) fn after_recovery(cut: Place, doomed: Vec<FileId>) -> Repair {
        Repair { of_recovery: true, cut: Some(cut), doomed, ..Repair::of(DiskFault::Io) }
    }
}

impl Log {
    pub(super) fn begin_repair(&mut self, why: DiskFault) {
        if matches!(self.health, Health::Good) {
            self.health = Health::Repairing(Box::new(Repair::of(why)));
        }
    }

    /// Take the next step of a repair whose last one is done.
    pub(super) fn maybe_repair(&mut self, now: Now, port: &mut DiskPort<'_>, out: &mut Vec<LogEvent>) {
        // Creations too: one that ends late would be taken for that of the segment's successor.
        let creating = self.ops.values().any(|op| matches!(op, Op::Create(_)));
        let draining = creating || self.inflight.iter().any(|f| f.state == Sent::Pending);
        let Health::Repairing(repair) = &mut self.health else { return };
        if !repair.waiting.is_empty() {
            return;
        }
        match repair.step {
            Step::Draining if draining => {}
            Step::Draining if repair.cut.is_some() => self.cut_files(port),
            Step::Draining => {
                let why = repair.why;
                if why != DiskFault::NoSpace {
                    return self.fail(&format!("an append failed: {why:?}"), out);
                }
                self.take_back();
                self.cut_files(port);
            }
            // A sync before that would say nothing about what is written again.
            Step::Cutting if self.rewriting > 0 => {}
            Step::Cutting => self.sync_cut(port),
            Step::Syncing => {
                let (why, of_recovery, names) = (repair.why, repair.of_recovery, std::mem::take(&mut repair.names));
                let cut = repair.cut.expect("a cut that is synced has a place");
                self.health = Health::Good;
                self.durable.on_repaired(cut.segment, cut.offset);
                self.durable.want(self.end);
                self.name(names, now);
                if of_recovery {
                    // Its sync of the directory covered the name of the last life's.
                    self.snapshots.durable = self.snapshots.durable.max(self.snapshots.on_disk.back().copied());
                } else {
                    out.push(LogEvent::AppendsFailed { from: cut.offset, why, certain: true });
                }
                out.push(LogEvent::Repaired);
                self.rename_doomed(port);
            }
            Step::Blocked if self.retry_at.is_none() => self.retry_at = Some(now.mono.after(RETRY_AFTER)),
            Step::Blocked => {}
        }
    }

    /// Undo in memory what was appended from the first failed append on.
    fn take_back(&mut self) {
        let cut = self.inflight.front().map_or(self.written, |f| f.at);
        assert!(cut == self.written, "what fails first lies where the written part ends");
        let dropped = self.segments.iter().filter(|s| s.base > cut.segment).map(|s| s.base).collect::<Vec<_>>();
        while let Some(failed) = self.inflight.pop_back() {
            let undo = if self.planted.has(Bug::FailedAppendKeepsProducers) { Vec::new() } else { failed.undo };
            undo.into_iter().rev().for_each(|u| self.producers.restore(u));
            if failed.at.segment == cut.segment {
                let segment = self.segment_at(cut.segment).expect("the cut's segment is there");
                segment.writer.as_mut().expect("a segment that is not written is not complete").back_to(&failed.mark);
            }
        }
        self.segments.retain(|s| s.base <= cut.segment);
        self.active().size = cut.pos;
        self.end = cut.offset;
        self.hot.retain(|h| h.at.offset < cut.offset);
        self.unindexed.retain(|u| u.0 < cut.segment);
        let stays = |name: &Named| !matches!(name, Named::Segment(base) if *base > cut.segment);
        self.names_due.retain(stays);
        self.names_syncing.iter_mut().for_each(|names| names.retain(stays));
        self.durable.cut(cut.segment, cut.offset);
        self.snapshots.cut(cut.offset);
        if self.epochs.truncate_from_end(cut.offset) {
            self.epoch_file.void(self.epochs.latest());
        }
        let files = dropped.into_iter().flat_map(|base| [FileKind::Log, FileKind::Index, FileKind::TimeIndex].map(|k| (base, k)));
        let doomed = files.map(|(base, kind)| self.file(base, kind)).collect();
        let Health::Repairing(repair) = &mut self.health else { unreachable!("a repair is under way") };
        (repair.cut, repair.doomed) = (Some(cut), doomed);
    }

    fn cut_files(&mut self, port: &mut DiskPort<'_>) {
        let Health::Repairing(repair) = &self.health else { unreachable!("a repair is under way") };
        let (cut, doomed) = (repair.cut.expect("the cut is known"), repair.doomed.clone());
        let file = self.file(cut.segment, FileKind::Log);
        // The file may never have come into being.
        let made = cut.pos == 0 && !self.has(Bug::EmptySegmentCut);
        let call = if made { DiskCall::Create } else { DiskCall::Truncate { len: u64::from(cut.pos) } };
        let mut waiting = BTreeSet::from([self.call(file, call, Op::Repair, port)]);
        for file in doomed {
            waiting.insert(self.call(file, DiskCall::Remove, Op::Repair, port));
        }
        self.set_step(Step::Cutting, waiting);
    }

    fn sync_cut(&mut self, port: &mut DiskPort<'_>) {
        let Health::Repairing(repair) = &mut self.health else { unreachable!("a repair is under way") };
        repair.names.append(&mut self.names_due);
        let file = FileId::new(self.dir, FileKind::Log, repair.cut.expect("the cut is known").segment.0);
        let (data, name) = match repair.of_recovery {
            true => (Barrier::RecoveryData, Barrier::RecoveryName),
            false => (Barrier::RepairData, Barrier::RepairName),
        };
        let log = self.barrier(data, file, DiskCall::Sync, Op::Repair, port);
        let dir = self.barrier(name, FileId::dir(self.dir), DiskCall::SyncDir, Op::Repair, port);
        self.set_step(Step::Syncing, BTreeSet::from([log, dir]));
    }

    fn set_step(&mut self, to: Step, waiting_for: BTreeSet<OpId>) {
        let Health::Repairing(repair) = &mut self.health else { unreachable!("a repair is under way") };
        (repair.step, repair.waiting) = (to, waiting_for);
    }

    pub(super) fn on_repair_step(
        &mut self,
        op: OpId,
        fault: Option<DiskFault>,
        _now: Now,
        _port: &mut DiskPort<'_>,
        out: &mut Vec<LogEvent>,
    ) {
        let Health::Repairing(repair) = &mut self.health else { return };
        repair.waiting.remove(&op);
        match (fault, repair.step) {
            (None, _) => {}
            (Some(DiskFault::NoSpace), Step::Cutting) => {
                // Waits for its companions, and then for the clock.
                repair.step = Step::Blocked;
            }
            (Some(_), Step::Blocked) => {}
            (Some(why), _) => self.fail(&format!("a failed append could not be cleared away: {why:?}"), out),
        }
    }

    /// Whether a failed append is being cleared away, or the end of an earlier life.
    #[must_use]
    pub fn is_repairing(&self) -> bool {
        matches!(self.health, Health::Repairing(_))
    }

    /// Whether what has failed cannot be cleared away before there is space: a segment that a roll has begun has no file yet.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        matches!(&self.health, Health::Repairing(repair) if repair.step == Step::Blocked)
    }

    /// Whether a repair waits for space, and for nothing else.
    pub(super) fn is_repair_blocked(&self) -> bool {
        self.is_blocked() && matches!(&self.health, Health::Repairing(repair) if repair.waiting.is_empty())
    }

    /// Where the segment begins that a repair waits for space to cut, or to make anew: those below are whole, and it leaves them alone.
    pub(super) fn blocked_at(&self) -> Option<Offset> {
        match &self.health {
            Health::Repairing(repair) if self.is_repair_blocked() => repair.cut.map(|cut| cut.segment),
            _ => None,
        }
    }

    /// Whether a repair of recovery is under way, which may have older files still to remove.
    pub(super) fn is_of_recovery(&self) -> bool {
        matches!(&self.health, Health::Repairing(repair) if repair.of_recovery)
    }

    pub(super) fn retry_repair(&mut self, port: &mut DiskPort<'_>) {
        if self.is_repair_blocked() {
            self.cut_files(port);
        }
    }

    /// Recovery has found that the log ends at `cut`: let the disk follow. Also where the file seems to end there: a cut of the last life
    /// whose fsync failed is seen by every reader, and no later fsync brings it to the disk unless the length is set again.
    pub(super) fn repair_after_recovery(&mut self, cut: Place, is_cut: bool, doomed: Vec<FileId>, port: &mut DiskPort<'_>) {
        assert!(cut.offset == self.end, "recovery cuts where the log ends");
        let is_cut = is_cut || !doomed.is_empty();
        self.health = Health::Repairing(Box::new(Repair::after_recovery(cut, doomed)));
        match is_cut || !self.has(Bug::CutTrusted) {
            true => self.cut_files(port),
            false if self.rewriting > 0 => self.set_step(Step::Cutting, BTreeSet::new()),
            false => self.sync_cut(port),
        }
    }
}
