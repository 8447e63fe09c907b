//! The checks: each a claim that a run tries to refute, with a count of how often it really looked.
//!
//! State       `Tally`: how often each check looked.
//! Takes       disk calls and answers as they pass (watch.rs); a finished history (history.rs).
//! Gives       what was found wrong: check, site, message.
//! Holds       a check draws no randomness and changes no schedule.
//! Not here    what to do about a finding (the world stops, the runner reports).
//! Read first  the table below, then watch.rs for invariants and history.rs for what clients can see.

mod acks;
mod answers;
mod calls;
mod ends;
mod expiry;
mod ghost;
mod history;
mod incarnations;
mod metadata;
mod metadata_log;
mod page_cache;
mod refold;
mod retention;
mod watch;

pub use acks::Excuse;
pub(crate) use acks::{Ground, Struck, StruckLogs};
pub(crate) use ends::may_refuse;
pub(crate) use expiry::Expiration;
pub(crate) use history::judge;
pub(crate) use incarnations::{Incarnations, is_later};
pub(crate) use page_cache::PageCache;
pub(crate) use watch::{METADATA, Watch};

use serde::Serialize;

/// A check, as `ottla sim list` shows it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Check {
    pub name: &'static str,
    /// The claims and invariants that it stands for.
    pub ids: &'static str,
    pub statement: &'static str,
    pub why: &'static str,
    pub not_checked: &'static str,
}

macro_rules! checks {
    ($($id:ident = $name:literal, $ids:literal: $statement:literal, $why:literal, $not:literal;)*) => {
        /// A check by its place in [`CHECKS`].
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Id { $($id,)* }

        /// Every check.
        pub const CHECKS: &[Check] = &[
            $(Check { name: $name, ids: $ids, statement: $statement, why: $why, not_checked: $not },)*
        ];
    };
}

checks! {
    Started = "recovery", "S8, CB":
        "A node starts on every disk but one on which damage struck, or an error kept from being read, the very file for which it refuses; what somebody took out of the middle of a log it names.",
        "A broker that does not start serves nobody; one that starts without a word on less than there was hides the loss.",
        "Which damage of that file it was, and whether the sentence helps.";
    Ended = "halt", "S8, CD":
        "A node ends only where it was asked to, or where a call of this life has failed in the directory of which it says so; it leaves no marker of an orderly end only where a call on the data directory has failed or found no space.",
        "An end is an outage, and an end without a marker a long start.",
        "Whether it ends where it should: see converges and promise-before-durable.";
    Panicked = "panic", "S8, S16":
        "Nothing that a node is handed, at its start or later, makes it panic, and nothing the client of core.",
        "A panic is an outage that whoever sent the input can repeat.",
        "Inputs of which no client, disk or clock here is capable.";
    BusyWait = "busy-wait", "S16":
        "A node does not ask for turns at a time that is over, again and again.",
        "It would take a processor for itself, and do nothing.",
        "Fewer than 10,000 such turns in a row.";
    Codec = "codec", "io.rs":
        "Every request of a client and every answer of a node encodes, and an answer decodes, as what was asked.",
        "What does not encode is never answered, and what does not decode ends the connection.",
        "Bytes against Kafka's (the conformance tests compare them).";
    ReplyOrder = "reply-order", "S16":
        "Answers leave a connection in the order of its requests, one for each that wants one.",
        "A client matches answers to requests by their order alone.",
        "That a request is answered at all (see converges).";
    LeasePin = "lease-pin", "S16":
        "A range of a file that an answer carries is neither cut, emptied, renamed nor removed before the answer has left.",
        "With sendfile the bytes are read when the socket takes them, not when the answer is made.",
        "Bytes that only pass through memory.";
    Bounded = "bounded-queues", "S16":
        "What a node keeps for requests goes with them: nothing waits for a request that is no more, every lease is one of an answer under way, and a deleted directory is gone when no answer refers to it. No more records wait for the disk than `queued.max.request.bytes` and a batch, and there are no more fetch sessions than `max.incremental.fetch.session.cache.slots`.",
        "What is kept for ever fills the memory, or the disk, of a broker that runs for months.",
        "The edge's part: it reads no more from a connection whose unanswered requests are too many or too large; deleted directories once a disk call has failed or the disk was full.";
    FlushedInTime = "flushed-in-time", "CD":
        "When the disk has nothing to do, no log has as many records that are not on the medium as flush.messages says, or has had one for longer than flush.ms, or has any by default.",
        "A topic that rests on the page cache loses no more than these settings permit.",
        "Logs on which a disk call has failed in this world, or that take no appends but for want of space; how long a sync takes.";
    Reserved = "reserve-is-for-metadata", "CD":
        "No record is given to the disk between the reserve's being given up and its being kept again.",
        "What is freed is needed to delete topics and records, which alone makes space.",
        "Indexes, snapshots and checkpoints.";
    DiskContract = "disk-contract", "io.rs":
        "Appends go to the end of a file that is there; nothing is asked of a directory that is removed or not yet made.",
        "A real edge would write into a hole, or into another topic's directory.",
        "The order of calls across files, which the disk shuffles instead.";
    LogAppend = "log-append", "S8, CO":
        "Every batch appended to a log begins at the offset after the one before.",
        "An offset names one record for ever; a gap or an overlap breaks every reader.",
        "Logs of metadata; compacted logs.";
    OneWriter = "one-writer-per-epoch", "S6":
        "Leader epochs never decrease along a log, and two lives of a node never write in the same one.",
        "Two writers of one epoch make two histories, and a reader of what was lost does not notice.",
        "Several replicas: there is one; an epoch whose record damage took from the metadata log, or of which only a vote knew that was lost.";
    Sequences = "sequence-integrity", "S12, CI":
        "Per producer id and epoch, the sequences of a log have no gap and no repetition; a new epoch begins at zero.",
        "This is what idempotence means in the log itself, whoever retried what.",
        "Producers whose records were deleted on a full disk, where that was said; those that were silent for `producer.id.expiration.ms` by the node's clock, which it may forget; transactions.";
    AckedPlace = "acked-place", "S12":
        "The offset in a successful Produce answer is where the batch lies, byte for byte as it was sent.",
        "A producer that commits that offset elsewhere relies on it.",
        "Batches that the broker rewrites (LogAppendTime, recompression).";
    PromiseDurable = "promise-before-durable", "S15, CA-4":
        "When an acks=all answer leaves, its batch, the name of its file and its directory's are on the disk (default durability), and the topic id beside it.",
        "Otherwise a power loss takes back what was promised.",
        "Topics that have ottla.durability=page-cache at any time, where the promise is another.";
    VisibleDurable = "visible-is-durable", "S13, CV":
        "The high watermark in a Fetch answer covers only bytes that are on the disk (default durability).",
        "What a consumer has read must never be replaced by something else.",
        "Topics that have ottla.durability=page-cache at any time.";
    ReadBound = "read-bound", "S13":
        "No Fetch answer contains a record at or above its high watermark, and no high watermark lies above the end of the log.",
        "Only committed records are given out.",
        "Isolation of transactions.";
    Replaced = "replaced-whole", "S8, L06, L23":
        "A file that is replaced as a whole gets its name only when its contents are on the disk, and is replaced again only when the last replacement is.",
        "A crash must leave the old contents or the new.",
        "Replacements across the end of a process; that the newest replacement of all comes to its end.";
    OrderlyEnd = "orderly-end", "S8, R30":
        "The marker of an orderly end gets its name only when every log is on the disk, survives a power loss once the node says that it has ended, and is gone for good before a log is written.",
        "A start that finds it looks at nothing.",
        "That the marker stays, where a call on the data directory has failed.";
    RecoveryPoint = "recovery-point", "S8, R17, L12":
        "When a recovery point is written down, batches, leader epochs and time indexes below it are on the disk, complete and true; no recovery point and no log start lies above its log's end; none goes back while what it spoke of is on the disk, also behind damage.",
        "Recovery looks at nothing below it, and cuts nothing away.",
        "That offset indexes are complete; the beginning of logs under retention; logs on which a disk call has failed or whose batches damage struck; indexes and leader epochs that damage struck; all logs, once damage struck the checkpoint of recovery points.";
    Derived = "derived-after-durable", "S8, L08":
        "A producer snapshot gets its name, and an index entry goes to its file, only when the batches that it speaks of are on the disk; a snapshot goes only when the newest one is on the disk.",
        "After a power loss they would be believed.",
        "Index entries of topics with ottla.durability=page-cache, which recovery does not take for evidence.";
    CutDurable = "cut-before-append", "S8":
        "Nothing is appended to a log before its last cut, and the removal of what lay behind it, are on the disk.",
        "What comes back lies between what is promised, or behind it in an older leader epoch.",
        "Logs on which a disk call has failed for good.";
    AskedDeletion = "deleted-as-asked", "S8, K12, R36":
        "A log begins at zero and loses its beginning only where somebody asked for it, or a segment is too old for retention, the default included, or the log too large without it; its segments go oldest first, each for good before the next, and none before the log start above it is on the disk.",
        "A power loss between two renames would leave a gap; what is behind a gap is cut.",
        "Of retention, limits that were loosened again or lifted (the default counts in any case), and worlds in which a disk was full or a call has failed; what goes with a damaged batch, which may say that it is ancient; logs on which a disk call has failed; log starts, where damage struck their checkpoint: it has no checksum, and Kafka believes it, too.";
    MetadataCut = "metadata-cut", "S7, L19, Q16":
        "The metadata log loses its beginning only when a snapshot that covers it is on the disk.",
        "A power loss would leave neither the records nor the snapshot.",
        "What is in the snapshot.";
    Waits = "nobody-waits-in-vain", "CL, H14, R55":
        "When nothing is under way on the disk, nobody waits but a fetch for records that are not there; a Fetch answer without records leaves out none that were visible before it was asked, and one that does not wait has as many bytes as were to be waited for, an error, or more than one read gives.",
        "A lost wake-up is late answers for ever, which clients mend by asking again and nobody notices.",
        "Worlds in which a disk was full or a disk call has failed, but for answers without records; logs under retention; answers to whoever asks beyond what anybody was told, while a node ends, or where a segment ends, that they wait.";
    Epochs = "leader-epochs", "S6, R04, R12":
        "Whoever names another leader epoch than this life's is fenced; OffsetForLeaderEpoch says what a walk over all batches says.",
        "Clients find out by it whether what they have read is still there.",
        "Logs that lost their beginning; leader epochs that damage struck: as in Kafka their checkpoint has no checksum.";
    ByTime = "lookup-by-time", "S8, L12":
        "ListOffsets by time finds the record that a walk over all batches finds.",
        "Time indexes are sparse, and wrong ones skip records.",
        "Which record of its batch; logs that lost their beginning; indexes that damage struck: as in Kafka they have no checksum.";
    Recovered = "storage-refinement", "S8":
        "After every start the log is a run of what was appended; everything promised and not deleted is in it; nothing promised is cut, and damage is not taken for a torn tail.",
        "Recovery may cut a torn tail, and nothing else.",
        "Logs on which a disk call has failed; what damage struck in a log, and what lies behind it; all logs, once damage took metadata that was durable.";
    Refold = "refold", "S6, S8":
        "Leader-epoch checkpoints, offset indexes, time indexes and the newest snapshot of producers on the disk say nothing that the log does not say.",
        "Derived state that is trusted and wrong serves wrong bytes.",
        "Producers that a snapshot leaves out, for they expire, and its window of older batches; state that is only in memory, but for what it answers; what damage struck.";
    LostWrite = "lost-write", "H1, C1, CA, CD":
        "Every acknowledged record is read at its offset by a fresh consumer at the end, or something that really happened permits its loss.",
        "This is what a log is for.",
        "Records with acks=0; topics of which nobody knows whether they were deleted at the end; which of several power losses took a record.";
    PermittedLoss = "permitted-loss", "C1":
        "Where a configuration permits loss at a power loss, loss is seen (a negative control: not a claim about one world).",
        "A simulator that cannot lose data where that is allowed proves nothing where it is not.",
        "How much is lost.";
    OneValue = "one-offset-one-value", "H2, CO, CV":
        "Two reads of one offset, and an acknowledgement and a read, see the same record.",
        "An offset is a name.",
        "Observations with a power loss between them where the first rested on the page cache; of a log that damage struck, what was told after that of the offsets from there on.";
    Duplicate = "duplicate", "H3, CI":
        "No record is in the log twice, unless its producer sent it twice and was not idempotent.",
        "Exactly one copy is the promise of idempotence.",
        "Of a log that damage struck, the offsets from there on, and records of which nobody knows whether they belong there; repetitions in a log that took a batch of a producer after `producer.id.expiration.ms` of silence.";
    Order = "order", "H4, CO":
        "What was acknowledged before something else was sent lies before it; what one idempotent producer sends lies in its order, across epochs.",
        "Per-partition order is the promise of a partition.",
        "Two batches in flight at once from different clients; of a log that damage struck, the offsets from there on; idempotent producers in a log that took a batch of one after `producer.id.expiration.ms` of silence.";
    PermittedReordering = "permitted-reordering", "H4, CO":
        "Where a producer that is not idempotent has several batches in flight, a retry behind a later one is seen (a negative control: not a claim about one world).",
        "A simulator in which nothing changes its place where that is allowed proves nothing where it is not.",
        "How often.";
    Skip = "poll-skip", "H5":
        "The records of a Fetch answer begin where the client asked and leave none out.",
        "A consumer that goes on from the last one it got would miss the rest.",
        "Compacted logs and transaction markers, of which there are none; of a log that damage struck, what was told after that of the offsets from there on.";
    MonotoneEnd = "monotone-list-offsets", "H12":
        "The log's beginning and its high watermark never go back, from one answer to any later question.",
        "Clients store these offsets.",
        "Ends with a power loss between them where the topic rests on the page cache; of a log that damage struck, what was told after that of the offsets from there on.";
    Honesty = "error-honesty", "H15, CH":
        "A record whose every attempt was refused is never read; a record that is read was sent, to that partition.",
        "After a definite error a client sends something else.",
        "Errors that say nothing definite; whole batches that a misdirected write put into another partition's file, for they do not say whose they are.";
    Recency = "recency", "H16, CL":
        "After an acks=all answer, every later Fetch answer has a high watermark above the record.",
        "A fresh consumer must find what is acknowledged.",
        "Where a power loss between the two permitted its loss; of a log that damage struck, what was told after that of the offsets from there on.";
    Administration = "administration", "CD, H15":
        "An operator's request, right or wrong, is answered with Kafka's error code; what was acknowledged to it is what is described.",
        "Tools decide by error codes, and a setting that is shown and was not given misleads whoever looks for a mistake.",
        "Error messages (the conformance tests compare them); damaged disks.";
    Library = "client-library", "CL, CI":
        "What the client of core is handed ends once and in time; a record goes to one partition; a reader begins where it was told and goes on where it stopped; keys, values and headers come back as they went.",
        "People use the client, not the protocol: a promise that it forgets on the way is broken.",
        "What it does after a broker's answer that no broker gives.";
    AdminDurable = "admin-durable", "CM":
        "When a change of topics, partitions or settings is acknowledged, its record is on the disk; topics and partitions that were made, deletions and settings are there at the end, unless a later change was asked.",
        "Metadata is a log too.",
        "AlterConfigs of old; at the end, partitions that damage struck, all of it where damage struck what speaks of every log, and operations that overlap others of the same topic.";
    Converges = "converges", "CL, H14":
        "After the faults end, within bounded time, every request is answered, every log takes a batch and can be read to its end.",
        "A system that is safe because it does nothing is no use.",
        "How long it takes, up to the bound; topics of which nobody knows whether they were deleted; logs that damage struck; where the node is down for good, what is left of its logs: only what clients saw until then is judged.";
}

/// What also ends a world and is no check: a mistake of the world itself, not of the node. Of `setup`, settings or a planted bug that
/// this build does not have; of `plan`, an entry that could never strike.
pub const MISTAKES: &[&str] = &["plan", "setup"];

/// How often each check looked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally(Vec<u64>);

/// As a map from the name of the check.
impl Serialize for Tally {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(check, n)| (check.name, n)))
    }
}

impl Default for Tally {
    fn default() -> Tally {
        Tally(vec![0; CHECKS.len()])
    }
}

impl Tally {
    pub(crate) fn count(&mut self, id: Id) {
        self.0[id as usize] += 1;
    }

    /// Add another world's.
    pub fn add(&mut self, other: &Tally) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a += b;
        }
    }

    /// Each check with how often it looked.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Check, u64)> {
        CHECKS.iter().zip(self.0.iter().copied())
    }
}

/// Something found wrong.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: Id,
    /// Equal for equal causes: no numbers of the run.
    pub(crate) site: String,
    pub(crate) message: String,
}

impl Id {
    pub(crate) fn name(self) -> &'static str {
        CHECKS[self as usize].name
    }

    pub(crate) fn found(self, site: &str, message: String) -> Found {
        Found { id: self, site: site.to_string(), message }
    }
}

/// A message without its numbers: equal for equal causes.
pub(crate) fn site_of(message: &str) -> String {
    let mut site = String::with_capacity(message.len());
    for c in message.chars() {
        if c.is_ascii_digit() {
            if !site.ends_with('#') {
                site.push('#');
            }
        } else {
            site.push(c);
        }
    }
    site
}
