//! The settings of one log, typed, with Kafka's defaults.
//!
//! State       none.
//! Holds       times in milliseconds, sizes in bytes; `None` is Kafka's -1 (no limit) or `Long.MAX_VALUE` (never).
//! Not here    dotted names and parsing (the settings table).

/// How a log is kept. Kafka's topic settings, one field each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// `segment.bytes`: a segment is rolled before it grows beyond this.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment is rolled by an append whose timestamp is this much later than the segment's first.
    pub segment_ms: i64,
    /// `segment.jitter.ms`, already drawn: taken off `segment_ms`.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`: the size at which an index is full, which rolls the segment.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: an index entry is made after each run of this many bytes.
    pub index_interval_bytes: u32,
    /// `max.message.bytes`: the largest batch.
    pub max_message_bytes: u32,
    /// `retention.ms`.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`.
    pub retention_bytes: Option<u64>,
    /// `cleanup.policy` has `delete`.
    pub cleanup_delete: bool,
    /// `cleanup.policy` has `compact`.
    pub cleanup_compact: bool,
    /// `flush.messages`: with [`Durability::PageCache`], records after which a sync is asked for.
    pub flush_messages: Option<u64>,
    /// `flush.ms`: with [`Durability::PageCache`], time after which a sync is asked for.
    pub flush_ms: Option<u64>,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`; `None`: any age.
    pub timestamp_before_max_ms: Option<i64>,
    /// `message.timestamp.after.max.ms`; `None`: any time in the future.
    pub timestamp_after_max_ms: Option<i64>,
    /// `compression.type`.
    pub compression: CompressionType,
    /// `compression.gzip.level`.
    pub gzip_level: i32,
    /// `compression.lz4.level`.
    pub lz4_level: i32,
    /// `compression.zstd.level`.
    pub zstd_level: i32,
    /// `ottla.durability`: what a promise rests on.
    pub durability: Durability,
    /// `file.delete.delay.ms`: how long the file of a deleted segment is kept.
    pub file_delete_delay_ms: u64,
    /// `producer.id.expiration.ms` (a broker setting): how long an idle producer is remembered.
    pub producer_id_expiration_ms: i64,
}

/// Whose time a record bears.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimestampType {
    #[default]
    CreateTime,
    LogAppendTime,
}

/// What appended batches are compressed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CompressionType {
    /// As the producer did.
    #[default]
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// What counts as held by a replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// Every append asks for a sync (group-committed): what is promised survives a power loss.
    #[default]
    Fsync,
    /// Kafka's: syncs happen at a roll, by `flush.messages` and by `flush.ms`; a power loss may take what was promised.
    PageCache,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: (1 << 20) + 12,
            retention_ms: Some(7 * 24 * 3_600_000),
            retention_bytes: None,
            cleanup_delete: true,
            cleanup_compact: false,
            flush_messages: None,
            flush_ms: None,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: None,
            timestamp_after_max_ms: Some(3_600_000),
            compression: CompressionType::Producer,
            gzip_level: -1,
            lz4_level: 9,
            zstd_level: 3,
            durability: Durability::Fsync,
            file_delete_delay_ms: 60_000,
            producer_id_expiration_ms: 24 * 3_600_000,
        }
    }
}

impl LogConfig {
    /// Limits so small that every edge of them is met within a few records.
    #[must_use]
    pub fn tiny() -> LogConfig {
        LogConfig {
            segment_bytes: 1024,
            segment_index_bytes: 64,
            index_interval_bytes: 100,
            max_message_bytes: 600,
            file_delete_delay_ms: 1000,
            ..LogConfig::default()
        }
    }
}
