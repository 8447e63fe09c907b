//! Planted bugs: one flaw at a time, switched on to ask whether the simulator notices. A release binary cannot contain them.
//!
//! State       which bug is planted in this node, if any; without the feature `planted-bugs` nothing, and every question is answered
//!             `false` at compile time.
//! Holds       correct code and planted flaw stand side by side, at the one line where they differ.
//! Not here    running them (`ottla sim mutants`), judging the result (the campaigns' checks).

use crate::io::FileKind;
use std::fmt;

macro_rules! bugs {
    ($($name:ident = $id:literal, $about:literal;)*) => {
        /// A flaw that a log like this one really had, or could have.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Bug {
            $(#[doc = $about] $name,)*
            /// This barrier is asked for and never performed.
            Skip(Barrier),
        }

        impl Bug {
            /// Every bug that can be planted.
            #[must_use]
            pub fn all() -> Vec<Bug> {
                let mut all = vec![$(Bug::$name,)*];
                all.extend(Barrier::ALL.iter().map(|b| Bug::Skip(*b)));
                all
            }

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> String {
                match self {
                    $(Bug::$name => $id.to_string(),)*
                    Bug::Skip(barrier) => format!("skip-{}", barrier.name()),
                }
            }

            /// What it does, in one sentence.
            #[must_use]
            pub fn about(self) -> String {
                match self {
                    $(Bug::$name => $about.to_string(),)*
                    Bug::Skip(barrier) => format!("{} is never performed.", barrier.about()),
                }
            }

            /// The bug of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Bug> {
                Bug::all().into_iter().find(|b| b.name() == name)
            }
        }
    };
}

macro_rules! barriers {
    ($($name:ident = $id:literal, $about:literal;)*) => {
        /// Every place where the core asks for durability. Each has a planted deletion: a barrier that nobody misses is useless,
        /// or untested.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Barrier { $(#[doc = $about] $name,)* }

        impl Barrier {
            pub const ALL: &'static [Barrier] = &[$(Barrier::$name,)*];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Barrier::$name => $id,)* }
            }

            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Barrier::$name => $about,)* }
            }
        }
    };
}

bugs! {
    Canary = "canary", "Every acks=all reply leaves before its fsync: what any campaign must notice at once.";
    // --- recovery ---
    ScanWithoutChecksums = "scan-without-checksums", "L01: recovery believes every batch whose header looks right, whatever its checksum.";
    HeadersBelieved = "headers-believed", "A header that is damaged says where the log ends, if the indexes of its closed segment have to be made anew.";
    ScanAllowsGaps = "scan-allows-gaps", "L14: recovery takes batches whose offsets leave a gap.";
    TornTailKept = "torn-tail-kept", "L01: recovery ends the log before a torn tail and leaves the bytes in the file.";
    OnlyLastSegmentScanned = "only-last-segment-scanned", "L12: recovery looks at the last segment only, whatever the recovery point says.";
    CorruptionIsTornTail = "corruption-is-torn-tail", "R37: damage below what was promised is cut away like a torn tail.";
    TailTrusted = "tail-trusted", "L20: recovery trusts a page cache that an fsync of an earlier life may have failed to bring to the disk.";
    StartAheadOfDisk = "start-ahead-of-disk", "A log start is written down before what lies below it is on the disk, where that rests on the page cache.";
    StartForgetsProducers = "start-forgets-producers", "A log start is written down, and segments go, before a snapshot remembers whose batches they hold.";
    NamesLostUnheard = "names-lost-unheard", "A failed sync of the data directory counts only for whoever asked for it.";
    LossForgetsPoint = "loss-forgets-point", "A log that has lost its end forgets the recovery point of what is left.";
    FoldForgivesFaults = "fold-forgives-faults", "Recovery folds producers and leader epochs over the batches that it can read, and goes on.";
    RecoveryPointsUnread = "recovery-points-unread", "A start does without recovery points that cannot be read, and leaves them where the next one may read them.";
    OfflineStartForgotten = "offline-start-forgotten", "The checkpoint of log starts says of a log that is offline where what is left of it ends.";
    OfflinePointForgotten = "offline-point-forgotten", "The checkpoint of recovery points says of a log that is offline that nothing of it was durable.";
    CutTrusted = "cut-trusted", "L20: recovery trusts the length of a file that an fsync of an earlier life may have failed to bring to the disk.";
    EpochsBelieved = "epochs-believed", "Recovery believes every leader epoch that a batch claims, though no checksum covers it.";
    EvidenceIgnored = "evidence-ignored", "Recovery does not ask the offset index how far the log was durable.";
    ProducersForgotten = "producers-forgotten", "L10: recovery begins with no producers at all.";
    SnapshotNotRolledForward = "snapshot-not-rolled-forward", "L10: the batches behind a producer snapshot are not folded on top of it.";
    EmptiedLogForgetsProducers = "emptied-log-forgets-producers", "L10: a start knows nothing of the producers whose records are all deleted.";
    EmptySnapshotTrusted = "empty-snapshot-trusted", "L06: a producer snapshot that cannot be read counts as one of no producers.";
    LaterSnapshotsKept = "later-snapshots-kept", "L08: producer snapshots above the end of a recovered log stay, and are believed when the log has grown past them.";
    OldIndexesKept = "old-indexes-kept", "L12: the indexes of a segment that was folded again stay on the disk.";
    FirstEpochForgotten = "first-epoch-forgotten", "R14: epochs that are folded from the batches lack the first one.";
    LogStartInSegmentForgotten = "log-start-in-segment-forgotten", "L15: recovery removes the segment in which the log start lies.";
    DirectoryByName = "directory-by-name", "R36: a directory belongs to the topic of its name, whatever topic id it holds.";
    EmptiedUnderOldName = "emptied-under-old-name", "A deleted directory is emptied before its new name is on the disk.";
    StrayRemoved = "stray-removed", "R35: a directory whose topic the metadata does not know is removed, whether or not its deletion is on record.";
    StaleCheckpointLine = "stale-checkpoint-line", "R36: what a checkpoint says of a deleted partition is taken for its successor's of the same name.";
    TornLogStartsIgnored = "torn-log-starts-ignored", "L23: a checkpoint of log starts that cannot be read counts as empty.";
    TornQuorumStateIgnored = "torn-quorum-state-ignored", "L23: a quorum-state that cannot be read counts as absent, and an absent one as no promise.";
    HighWatermarkForgotten = "high-watermark-forgotten", "A restarted leader serves before what it recovered is promised again.";
    // --- the log ---
    FailedAppendCounts = "failed-append-counts", "L02: an append that the disk cut short counts as done.";
    FailedAppendKeepsProducers = "failed-append-keeps-producers", "L04: an append that failed stays in its producer's memory, so that the retry is taken for a duplicate.";
    EndIsCommitted = "end-is-committed", "L05: the high watermark follows the end of the log, not what is durable.";
    GroupCommitCoversAll = "group-commit-covers-all", "A sync's completion covers what was appended after the sync was asked for.";
    FailedSyncRetried = "failed-sync-retried", "L20: an fsync that failed is tried again, and its success believed.";
    SegmentNameNotAwaited = "segment-name-not-awaited", "Records count as durable before the name of their file is.";
    SnapshotBeforeDurable = "snapshot-before-durable", "L08: a producer snapshot is written before the batches below it are durable.";
    IndexBeforeDurable = "index-before-durable", "Index entries are written before their batches are durable.";
    IndexOfThePromised = "index-of-the-promised", "Where promises rest on the page cache, index entries are written before their batches are durable.";
    HalfIndexForgotten = "half-index-forgotten", "The recovery point does not wait for the removal of an index that the disk had no room for.";
    PromiseTakenBack = "promise-taken-back", "A topic whose promises are to rest on fsync from now on takes back those that rested on the page cache.";
    EndWaitsForSpace = "end-waits-for-space", "An orderly end waits until there is space on the disk.";
    BlockedIsNotSynced = "blocked-is-not-synced", "What is written and whole waits for its fsync until a failed roll has space, and so does what is to be deleted.";
    DeletionsUnheard = "deletions-unheard", "Who waits for a deletion of records is not told that the log has failed.";
    RecoveryPointUnsettled = "recovery-point-unsettled", "A recovery point moves before a power loss would leave the log's directory and log start.";
    LostPointBelieved = "lost-point-believed", "A log that lost promised bytes grows while the checkpoint's recovery point still lies above its end.";
    ClosedBeforeNamed = "closed-before-named", "A log is closed in order while the name of its newest segment is not durable.";
    TimeIndexBelieved = "time-index-believed", "The last entry of a time index is believed though no batch bears it out.";
    UnwrittenWithoutBound = "unwritten-without-bound", "Records are taken without end from clients while the disk stands still.";
    DyingLeaseForgotten = "dying-lease-forgotten", "A lease that ends while the directory of its deleted partition is being renamed is not heard of.";
    UnreadableIsNothing = "unreadable-is-nothing", "R37: a segment behind a damaged batch that cannot be read counts as lost, and is removed.";
    FlushTimeForgotten = "flush-time-forgotten", "What flush.ms asks to flush waits for somebody who asks for more.";
    FailedDirectoryIsDeleted = "failed-directory-is-deleted", "Who waits for a partition whose directory failed is refused, though its records may be there.";
    DeletedIsWaitedFor = "deleted-is-waited-for", "An orderly end waits for the log of a partition that is deleted meanwhile.";
    RollsBeforeNamed = "rolls-before-named", "A new log begins its second segment while the name of its first one is not durable.";
    RecoveryPointIgnoresIndexes = "recovery-point-ignores-indexes", "The recovery point passes segments whose indexes are not durable.";
    RecoveryPointIgnoresEpochs = "recovery-point-ignores-epochs", "R17: the recovery point passes epochs that are not in the durable checkpoint.";
    DoomedRenamedAtOnce = "doomed-renamed-at-once", "Segments are renamed for deletion without waiting for one another, so that a crash may leave a gap.";
    OldestIsNotFirst = "oldest-is-not-first", "A deleted segment waits for the removal of an older one, and its own time is asked for again and again.";
    PinIgnored = "pin-ignored", "A deleted segment's file goes while a reply still refers to it.";
    DirectoryLeaseIgnored = "directory-lease-ignored", "A deleted topic's files go while a reply still refers to them.";
    RetentionByEnd = "retention-by-end", "K12: retention deletes up to the end of the log, not up to the high watermark.";
    EmptySegmentRolled = "empty-segment-rolled", "L13: retention closes a segment without records: the next one begins at the same offset, in the same file.";
    EmptySegmentCut = "empty-segment-cut", "L13: a segment that is to be empty is cut, and not made, though its file may not be there.";
    JitterBeyondAge = "jitter-beyond-age", "The jitter of segment.ms is drawn without looking at segment.ms: each batch may be a segment of its own.";
    RetentionTakesOneMore = "retention-takes-one-more", "K12: retention takes one segment more than age and size ask for.";
    RetentionBeforeCheckpoint = "retention-before-checkpoint", "Retention deletes before the new log start is on the disk.";
    ReplacedInPlace = "replaced-in-place", "L23: small files are written over in place, without the rename.";
    AppendTimeWithoutChecksum = "append-time-without-checksum", "A batch that gets its append time keeps the checksum that it came with.";
    // --- producers ---
    DuplicateRefused = "duplicate-refused", "T01: a duplicate is answered OUT_OF_ORDER_SEQUENCE_NUMBER.";
    WindowOfOne = "window-of-one", "T02: only the last batch of a producer is remembered.";
    TimeoutIsDefinite = "timeout-is-definite", "T03: an append that took too long is answered with an error that says it was not done.";
    DuplicateAppended = "duplicate-appended", "No batch is ever taken for a duplicate.";
    GapAccepted = "gap-accepted", "A gap in a producer's sequences is taken.";
    OldEpochAccepted = "old-epoch-accepted", "T05: a producer of an older epoch is not fenced.";
    ExpiryByRecordTime = "expiry-by-record-time", "T05: a producer of old timestamps is forgotten between two of its batches.";
    ProducerIdsReissued = "producer-ids-reissued", "Blocks of producer ids are handed out and not written down.";
    // --- answers ---
    AckBeforeWritten = "ack-before-written", "An acks=1 reply leaves before the append has ended.";
    AckBeforeDirectory = "ack-before-directory", "Replies do not wait for the directory of a new partition.";
    ParkedAckForgotten = "parked-ack-forgotten", "R55: a new partition's directory becomes durable and nobody looks at the parked replies.";
    SliceOfTheGone = "slice-of-the-gone", "A read whose end is found on the disk gives a range of a segment that was deleted meanwhile.";
    LaterByFirstBatch = "later-by-first-batch", "Whether records lie behind damage is seen from the first batch of each later segment alone.";
    UnreadableForgotten = "unreadable-forgotten", "What could not be sent is promised again as if nothing had been.";
    ReadToEnd = "read-to-end", "R45: reads are bound by what is written, not by the high watermark.";
    LatestIsEnd = "latest-is-end", "ListOffsets tells the end of the log as the latest offset.";
    OwnEpochUnknown = "own-epoch-unknown", "R12: an epoch without records is unknown to OffsetForLeaderEpoch.";
    EpochNotFenced = "epoch-not-fenced", "R04: the leader epoch that a client believes in is not looked at.";
    DeletionBeforeCheckpoint = "deletion-before-checkpoint", "DeleteRecords is answered before the new log start is on the disk.";
    DeletionBeyondHighWatermark = "deletion-beyond-high-watermark", "R53: DeleteRecords may go beyond the high watermark.";
    ReplyOrderSwapped = "reply-order-swapped", "An answer leaves its connection as soon as it is ready.";
    SessionForgetsRecords = "session-forgets-records", "A fetch session keeps an answer back when only its records are new.";
    WaitWithoutEnd = "wait-without-end", "A parked fetch is not woken when its time is up.";
    WakeLost = "wake-lost", "A fetch that parks just after an append has become visible is not told of it.";
    // --- the client ---
    ClientNumbersAnew = "client-numbers-anew", "T02: the client gives a batch whose answer was lost a new sequence when it sends it again.";
    ClientLossIsCertain = "client-loss-is-certain", "T03: the client calls a record not done whose answer was lost.";
    ClientOffsetsOfBatch = "client-offsets-of-batch", "The client tells each record of a batch the offset of the first.";
    ClientResetToEnd = "client-reset-to-end", "A reader whose position was out of range goes on at the end, whatever its setting says.";
    ClientPositionKept = "client-position-kept", "A reader goes on at its offset in a topic that was deleted and made again.";
    ClientMetadataKept = "client-metadata-kept", "R04: the client never asks again for the leaders of a topic that it has seen.";
    // --- metadata and the node ---
    MetadataBeforeSync = "metadata-before-sync", "Q01: metadata counts as committed, and is answered, before its fsync.";
    LeaderEpochResumed = "leader-epoch-resumed", "Q02, KIP-320: a restarted leader goes on in the leader epoch of its last life.";
    EpochResumed = "epoch-resumed", "Q02: a restarted controller goes on in the epoch of its last life.";
    LogCutBeforeSnapshot = "log-cut-before-snapshot", "L19: the metadata log is cut before the snapshot that replaces it is durable.";
    LogCutPastSnapshot = "log-cut-past-snapshot", "Q16: the metadata log is cut past its newest snapshot.";
    MarkerKept = "marker-kept", "R30: the marker of an orderly end stays when the next life begins.";
    MarkerAfterFailure = "marker-after-failure", "R30: the marker of an orderly end is written although a log could not be closed.";
    MarkerBeforeClose = "marker-before-close", "R30: the marker of an orderly end is written without closing the logs.";
    MarkerBeforeMetadata = "marker-before-metadata", "R30: the marker of an orderly end does not wait for the metadata log.";
    AdminWaitsForEver = "admin-waits-for-ever", "Who asks for a change is not answered before it is durable, however long that takes.";
    ReserveLentToRecords = "reserve-lent-to-records", "Records are taken into the space that was given up for metadata.";
    ReserveWakesInVain = "reserve-wakes-in-vain", "The time to keep the reserve again wakes a controller that does not keep it while the disk is full.";
    RollWaitsWithoutReserve = "roll-waits-without-reserve", "A roll on a full disk tells nobody: the reserve stays, and whoever waits for the log, or for its end, waits for space.";
    FullDiskEndsStart = "full-disk-ends-start", "A start ends when there is no space for its vote.";
    UnlistedNameIsFree = "unlisted-name-is-free", "The name of a directory that could not be read at the start is given to another.";
    SuccessorIsTold = "successor-is-told", "A disk call of a partition that was given up ends, and the partition that was made instead is told.";
    NameLostForLife = "name-lost-for-life", "A deleted directory that could not be renamed once keeps its name until the next start.";
    ParksAtTheEnd = "parks-at-the-end", "A fetch that reads when the end is asked for waits afterwards for as long as it likes.";
    ServesBeforeMarkerGone = "serves-before-marker-gone", "R30: a node serves before the old marker is durably gone.";
}

barriers! {
    Records = "records", "The fsync of a segment's records";
    MetadataRecords = "metadata-records", "Q01, L17: the fsync of the metadata log's records";
    SegmentName = "segment-name", "The directory fsync behind a new segment";
    MetadataSegmentName = "metadata-segment-name", "The directory fsync behind a new segment of the metadata log";
    IndexName = "index-name", "The directory fsync behind a closed segment's indexes";
    DeletedName = "deleted-name", "The directory fsync behind a segment that is renamed for deletion";
    Index = "index", "The fsync of a closed segment's offset index";
    TimeIndex = "time-index", "The fsync of a closed segment's time index";
    MendedIndex = "mended-index", "The fsync of an index that is made anew at a start, before it gets its name";
    RepairData = "repair-data", "The fsync behind the cut of a failed append";
    RepairName = "repair-name", "The directory fsync behind the cut of a failed append";
    RecoveryData = "recovery-data", "The fsync behind the cut of a torn tail";
    RecoveryName = "recovery-name", "The directory fsync behind the cut of a torn tail";
    SnapshotData = "snapshot-data", "L06: the fsync of a producer snapshot, before its rename";
    SnapshotName = "snapshot-name", "The directory fsync behind the rename of a producer snapshot";
    EpochsData = "epochs-data", "R17: the fsync of a leader-epoch checkpoint, before its rename";
    EpochsName = "epochs-name", "The directory fsync behind the rename of a leader-epoch checkpoint";
    RecoveryPointsData = "recovery-points-data", "The fsync of the checkpoint of recovery points, before its rename";
    RecoveryPointsName = "recovery-points-name", "The directory fsync behind the rename of the checkpoint of recovery points";
    LogStartsData = "log-starts-data", "The fsync of the checkpoint of log starts, before its rename";
    LogStartsName = "log-starts-name", "The directory fsync behind the rename of the checkpoint of log starts";
    HighWatermarksData = "high-watermarks-data", "The fsync of the checkpoint of high watermarks, before its rename";
    HighWatermarksName = "high-watermarks-name", "The directory fsync behind the rename of the checkpoint of high watermarks";
    TopicIdData = "topic-id-data", "The fsync of partition.metadata, before its rename";
    TopicIdName = "topic-id-name", "The directory fsync behind the rename of partition.metadata";
    IdentityData = "identity-data", "The fsync of meta.properties, before its rename";
    VoteData = "vote-data", "Q06: the fsync of quorum-state, before its rename";
    VoteName = "vote-name", "Q06: the directory fsync behind the rename of quorum-state";
    MarkerData = "marker-data", "The fsync of the clean-shutdown marker, before its rename";
    MarkerName = "marker-name", "The directory fsync behind the rename of the clean-shutdown marker";
    MetadataSnapshotData = "metadata-snapshot-data", "The fsync of a metadata snapshot, before its rename";
    MetadataSnapshotName = "metadata-snapshot-name", "The directory fsync behind the rename of a metadata snapshot";
    MarkerRemoved = "marker-removed", "The directory fsync behind the removal of the clean-shutdown marker";
    MetadataDir = "metadata-dir", "The directory fsync behind the rename of meta.properties and the new directory of the metadata log";
    TopicDir = "topic-dir", "The directory fsync behind a new, renamed or removed directory of a partition";
}

impl Barrier {
    /// The two barriers of a file that is replaced as a whole: that of its contents and that of its name.
    #[must_use]
    pub fn of_replaced(kind: FileKind) -> (Barrier, Barrier) {
        match kind {
            FileKind::Snapshot => (Barrier::SnapshotData, Barrier::SnapshotName),
            FileKind::LeaderEpochs => (Barrier::EpochsData, Barrier::EpochsName),
            FileKind::RecoveryPoints => (Barrier::RecoveryPointsData, Barrier::RecoveryPointsName),
            FileKind::LogStarts => (Barrier::LogStartsData, Barrier::LogStartsName),
            FileKind::HighWatermarks => (Barrier::HighWatermarksData, Barrier::HighWatermarksName),
            FileKind::PartitionMetadata => (Barrier::TopicIdData, Barrier::TopicIdName),
            // Its name is synced with that of the metadata log's directory.
            FileKind::MetaProperties => (Barrier::IdentityData, Barrier::MetadataDir),
            FileKind::QuorumState => (Barrier::VoteData, Barrier::VoteName),
            FileKind::CleanShutdown => (Barrier::MarkerData, Barrier::MarkerName),
            FileKind::Checkpoint => (Barrier::MetadataSnapshotData, Barrier::MetadataSnapshotName),
            FileKind::Index | FileKind::TimeIndex => (Barrier::MendedIndex, Barrier::IndexName),
            other => panic!("{other:?} is not replaced as a whole"),
        }
    }

    /// The same barrier of the metadata log.
    #[must_use]
    pub fn of_metadata(self) -> Barrier {
        match self {
            Barrier::Records => Barrier::MetadataRecords,
            Barrier::SegmentName => Barrier::MetadataSegmentName,
            other => other,
        }
    }
}

/// Which bug is planted in a node. Copied into every place that asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Planted {
    #[cfg(feature = "planted-bugs")]
    bug: Option<Bug>,
}

impl Planted {
    /// Plant one bug.
    #[cfg(feature = "planted-bugs")]
    #[must_use]
    pub fn one(bug: Bug) -> Planted {
        Planted { bug: Some(bug) }
    }

    /// Whether this bug is planted. Always `false` in a build without the feature.
    #[must_use]
    pub fn has(self, bug: Bug) -> bool {
        #[cfg(feature = "planted-bugs")]
        let planted = self.bug == Some(bug);
        #[cfg(not(feature = "planted-bugs"))]
        let planted = {
            let _ = bug;
            false
        };
        planted
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for bug in Bug::all() {
            assert_eq!(Bug::from_name(&bug.name()), Some(bug));
        }
    }

    #[test]
    fn nothing_is_planted_unless_asked() {
        assert!(Bug::all().into_iter().all(|b| !Planted::default().has(b)));
    }
}
