//! What clients asked and what they were told, as they saw it: the only thing that the history checks may look at.
//!
//! State       one entry per operation, with virtual times in nanoseconds; records read, in one arena.
//! Holds       an operation without a definite answer is indeterminate and stays so. A record's value names the operation that
//!             wrote it (`ProduceOp` number and index in it), so that a record read anywhere leads back to its writer.
//! Not here    judgement (checks/).

use serde::Serialize;

/// How an operation ended for the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Outcome {
    /// No answer yet.
    Open,
    Ok,
    /// A definite error code.
    Failed(i16),
    /// The connection or the client's patience ended first, or the error code says nothing definite.
    Unknown,
}

/// One partition of one topic name. Incarnations of a topic are told apart by `topic_id`, zero where the client named no id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Place {
    /// Index into [`History::topics`].
    pub topic: u16,
    /// -1 where the client's partitioner decides and has not decided yet.
    pub partition: i32,
    pub topic_id: u128,
}

/// One batch that a producer wanted appended, over all its attempts.
#[derive(Clone, Debug, Serialize)]
pub struct ProduceOp {
    pub client: u32,
    pub place: Place,
    pub acks: i16,
    pub count: u32,
    /// Bytes of padding in each record.
    pub padding: u32,
    /// (producer id, epoch, base sequence), if idempotent.
    pub producer: Option<(i64, i16, i32)>,
    pub invoked: u64,
    /// When the last attempt began, if whoever made it knows: what was acknowledged was there then, or later.
    pub sent: u64,
    pub ended: u64,
    pub outcome: Outcome,
    /// The base offset that the answer named; -1 where it named none.
    pub base_offset: i64,
    /// How often it was sent.
    pub attempts: u32,
    /// Rises with the operations that its client wanted appended to this place, in the order in which it wanted them.
    pub order: u32,
    /// Its records have keys and headers as `batch::dress` says of their names; else all are `batch::plain`.
    pub dressed: bool,
}

/// One partition of one fetch answer.
#[derive(Clone, Debug, Serialize)]
pub struct ReadOp {
    pub client: u32,
    pub place: Place,
    pub invoked: u64,
    pub ended: u64,
    pub from_offset: i64,
    pub error: i16,
    pub high_watermark: i64,
    pub log_start: i64,
    /// Where its records are in [`History::records`].
    pub records: (usize, usize),
    /// Read by the fresh consumer at the end, that reads everything.
    pub last: bool,
}

/// One ListOffsets answer.
#[derive(Clone, Debug, Serialize)]
pub struct ListOp {
    pub client: u32,
    pub place: Place,
    pub invoked: u64,
    pub ended: u64,
    /// -1 latest, -2 earliest, -3 maximal timestamp, else a timestamp.
    pub timestamp: i64,
    pub error: i16,
    pub offset: i64,
    /// Asked by the fresh consumer at the end.
    pub last: bool,
}

/// What an administrator asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminAct {
    CreateTopic { partitions: i32 },
    DeleteTopic,
    CreatePartitions { count: i32 },
    SetConfig { name: String, value: String },
    DeleteRecords { partition: i32, before: i64 },
}

impl AdminAct {
    /// What it is called where acts are counted.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            AdminAct::CreateTopic { .. } => "create",
            AdminAct::DeleteTopic => "delete",
            AdminAct::CreatePartitions { .. } => "add-partitions",
            AdminAct::SetConfig { .. } => "configure",
            AdminAct::DeleteRecords { .. } => "delete-records",
        }
    }
}

/// One administrative operation on one topic.
#[derive(Clone, Debug, Serialize)]
pub struct AdminOp {
    pub client: u32,
    pub topic: u16,
    pub act: AdminAct,
    pub invoked: u64,
    pub ended: u64,
    pub outcome: Outcome,
    /// CreateTopics: the id; DeleteRecords: the low watermark.
    pub answer: u128,
}

/// A failure that really happened to a node, as an operator would know it. The ack oracle attributes losses to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Mishap {
    ProcessCrash,
    PowerLoss,
    /// A call failed or bytes were damaged on the disk; the name of the fault.
    Disk(String),
}

/// Everything that clients saw in one world.
#[derive(Clone, Debug, Default, Serialize)]
pub struct History {
    pub topics: Vec<String>,
    pub produces: Vec<ProduceOp>,
    pub reads: Vec<ReadOp>,
    /// (offset, value) of every record read.
    pub records: Vec<(i64, u64)>,
    pub lists: Vec<ListOp>,
    pub admins: Vec<AdminOp>,
    pub mishaps: Vec<(u64, Mishap)>,
}

/// The largest number of records in one operation.
pub const COUNT_MAX: u32 = 1 << 12;

impl History {
    /// The number of a topic name.
    pub fn topic(&mut self, name: &str) -> u16 {
        let found = self.topics.iter().position(|t| t == name);
        found.unwrap_or_else(|| {
            self.topics.push(name.to_string());
            self.topics.len() - 1
        }) as u16
    }

    /// The value of the first record of operation `op`.
    #[must_use]
    pub fn value_of(op: usize) -> u64 {
        (op as u64 + 1) * u64::from(COUNT_MAX)
    }

    /// The operation that wrote a value, and which of its records it is; `None` for a value that nobody ever sent.
    #[must_use]
    pub fn writer_of(&self, value: u64) -> Option<(usize, u32)> {
        let (op, index) = (value / u64::from(COUNT_MAX), (value % u64::from(COUNT_MAX)) as u32);
        let op = usize::try_from(op.checked_sub(1)?).ok()?;
        (index < self.produces.get(op)?.count).then_some((op, index))
    }
}
