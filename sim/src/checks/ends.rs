//! Whether what a node says of its disk, when it refuses to start or ends by itself, is so.
//!
//! State       none.
//! Takes       the sentence that the node gives; the damage on its disk, and what this start could not read; the calls of its life that
//!             failed.
//! Gives       whether that excuses it.
//! Holds       nothing excuses but what the sentence speaks of: a file that is derived from others never does, but for an index that cannot
//!             be read where it may be evidence.
//! Not here    what the node says of partitions (watch.rs): nothing of them keeps it from starting.

use super::watch::{METADATA, Watch};
use crate::disk::SimDisk;
use ottla_core::io::{Fatal, FileKind};

/// What a refusal may be about.
struct Reason {
    /// How it is known.
    says: &'static str,
    /// Kinds of files in the data directory, and in that of the metadata.
    own: &'static [FileKind],
    metadata: &'static [FileKind],
}

impl Reason {
    fn is_about(&self, path: &str, kind: FileKind) -> bool {
        (if path.is_empty() { self.own } else { self.metadata }).contains(&kind) && (path.is_empty() || path == METADATA)
    }
}

/// A file that was damaged is replaced by what was read of it: what it did goes on when it is gone. The others are what they are.
fn goes_on(kind: FileKind) -> bool {
    !matches!(kind, FileKind::QuorumState | FileKind::MetaProperties)
}

/// The first that fits counts. Checkpoints say where the metadata log begins, and up to where it was durable; they have no checksum.
const REASONS: &[Reason] = {
    use FileKind as F;
    &[
        Reason { says: "log-start-offset-checkpoint", own: &[F::LogStarts], metadata: &[] },
        Reason { says: "recovery-point-offset-checkpoint", own: &[F::RecoveryPoints], metadata: &[] },
        Reason { says: "meta.properties", own: &[F::MetaProperties], metadata: &[] },
        Reason { says: "the data directory is that of node", own: &[F::MetaProperties], metadata: &[] },
        Reason { says: "the data directory cannot be read", own: &[F::Dir], metadata: &[] },
        Reason { says: "__cluster_metadata-0 cannot be read", own: &[], metadata: &[F::Dir] },
        // The epochs of batches have no checksum.
        Reason { says: "and the log has epoch", own: &[], metadata: &[F::QuorumState, F::Log] },
        Reason { says: "quorum-state", own: &[], metadata: &[F::QuorumState] },
        Reason { says: "the newest metadata snapshot is damaged", own: &[], metadata: &[F::Checkpoint] },
        // An index may prove what was promised.
        Reason { says: "cannot be read from byte", own: &[], metadata: &[F::Log, F::Index] },
        Reason { says: "the metadata log", own: &[F::LogStarts, F::RecoveryPoints], metadata: &[F::Log, F::Checkpoint] },
        Reason { says: "__cluster_metadata-0/", own: &[F::LogStarts, F::RecoveryPoints], metadata: &[F::Log, F::Checkpoint] },
    ]
};

/// Whether a node may refuse to start for this.
pub(crate) fn may_refuse(disk: &SimDisk, why: &str) -> bool {
    let Some(reason) = REASONS.iter().find(|r| why.contains(r.says)) else { return false };
    let is_damaged = disk.damaged().iter().any(|d| {
        let is_at_work = goes_on(d.name.kind) || disk.is_in_place(d);
        is_at_work && reason.is_about(&d.path, d.name.kind)
    });
    is_damaged || disk.misread().iter().any(|(path, kind)| reason.is_about(path, *kind))
}

impl Watch {
    /// Whether a node may end like that. A full disk is a state that a node waits out, but for the marker of an orderly end.
    pub(crate) fn may_end(&self, why: &Fatal) -> bool {
        match why {
            Fatal::Shutdown => true,
            Fatal::Unclean { what } if what.ends_with("NoSpace") => self.was_full_in_life(""),
            Fatal::Unclean { .. } => self.failed_in_life(""),
            Fatal::MetadataDirFailed { what } => {
                let own = ["clean-shutdown marker", "the data directory", "meta.properties"];
                self.failed_in_life(if own.iter().any(|file| what.contains(file)) { "" } else { METADATA })
            }
        }
    }
}
