//! Everything that can be said on the command line.
//!
//! Holds       `-o` is the form of the output everywhere; an offset is `-s`. (kcat's `-o` is an offset; a flag that changes its meaning
//!             from one command to the next would be worse than one that differs from kcat's.)

use clap::builder::{RangedI64ValueParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ottla_core::config::BROKER_SETTINGS;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A distributed commit log that speaks the Apache Kafka protocol.
///
/// Exit codes: 0 done; 1 it failed; 2 the command line or a settings file is wrong; 3 a topic, a partition or a setting of a topic
/// is not there; 4 no broker answered in time; 130 a simulation was interrupted, and what it had found is printed.
#[derive(Parser, Debug)]
#[command(name = "ottla", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// The form of the output.
    #[arg(short = 'o', long, global = true, value_enum, default_value = "table", value_name = "FORM")]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs: one JSON value, or one a line where there are many.
    Json,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run a broker.
    Serve(ServeArgs),
    /// Run a throw-away broker: free ports, a temporary directory that is removed at the end.
    Dev(DevArgs),
    /// Create, list, describe, configure and delete topics.
    Topic(TopicArgs),
    /// Send records: the lines of the standard input or of files.
    Produce(ProduceArgs),
    /// Read records of partitions by offset.
    Consume(ConsumeArgs),
    /// Look into the files of a data directory, offline.
    #[command(subcommand)]
    Log(LogCommand),
    /// Run the simulator: this machine's code on simulated disks, networks and clocks, with faults.
    #[command(subcommand)]
    Sim(SimCommand),
    /// Print the completion script of a shell.
    Completions { shell: clap_complete::Shell },
}

/// The number of a partition.
fn partition() -> RangedI64ValueParser<i32> {
    clap::value_parser!(i32).range(0..)
}

/// How many of something.
fn count() -> impl TypedValueParser<Value = u64> {
    clap::value_parser!(i64).range(0..).map(i64::unsigned_abs)
}

/// Which cluster.
#[derive(Args, Debug, Clone)]
pub(crate) struct Cluster {
    /// Where to ask first: HOST:PORT, or several with commas.
    #[arg(short, long, env = "OTTLA_BOOTSTRAP", global = true, default_value = crate::driver::BOOTSTRAP, value_name = "HOST:PORT")]
    pub(crate) bootstrap: String,
    /// How long to try before giving up, e.g. 10s.
    #[arg(long, global = true, default_value = "15s", value_parser = duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct Logging {
    /// The least level of what is logged to stderr.
    #[arg(long, value_enum, default_value = "warn", value_name = "LEVEL")]
    pub(crate) log_level: LogLevel,
    /// The form of the log.
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub(crate) log_format: LogFormat,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The settings that Kafka does not have.
fn own_settings() -> String {
    let own = BROKER_SETTINGS.iter().filter(|s| s.name.starts_with("ottla."));
    let lines = own.map(|s| format!("\n  {}={}\n          {}", s.name, s.default.unwrap_or_default(), s.doc));
    format!("Settings have Kafka's names and defaults. Ottla's own, with their defaults:{}", lines.collect::<String>())
}

/// Settings by Kafka's names come from the file first, then from --set; the flags --data-dir, --listen and --advertise win over
/// log.dirs, listeners and advertised.listeners. A name that nobody knows is refused, but for one in a server.properties, which
/// may be a plugin's: it is warned of and passed over, as Kafka does, unless it looks like a setting that protects the broker.
#[derive(Args, Debug)]
#[command(after_help = format!("Examples:\n  \
    ottla serve --data-dir data --listen 127.0.0.1:9092\n  \
    ottla serve --config server.properties --http 127.0.0.1:9644\n  \
    ottla serve --data-dir data --listen 0.0.0.0:9092 --advertise broker1:9092 --set log.retention.hours=24\n\n\
    {}", own_settings()))]
pub(crate) struct ServeArgs {
    /// Where the log lives; created if it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// What clients are told to connect to, if not that.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) advertise: Option<String>,
    /// Where to serve /metrics and /healthz.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) http: Option<String>,
    /// A file of settings: TOML, or an existing server.properties.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One setting by Kafka's name; may be given many times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    #[command(flatten)]
    pub(crate) logging: Logging,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    ottla dev                       # prints its address, runs until Ctrl-C\n  \
    ottla dev --listen 127.0.0.1:9092 --set num.partitions=4\n  \
    ottla dev -o json")]
pub(crate) struct DevArgs {
    /// How many brokers. More than one is not served yet.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) brokers: u32,
    /// Where to listen, if not on a free port of the loopback address.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// One setting by Kafka's name; may be given many times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    #[command(flatten)]
    pub(crate) logging: Logging,
    /// Run this command against the broker, then stop with its exit code. It finds the address in OTTLA_BOOTSTRAP, where every
    /// `ottla` command looks, and `ottla` itself on its PATH. Ctrl-C is the command's.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) run: Vec<String>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "With -o json, every command prints one object a line, about a topic, a partition of it (partition) or a setting (name).\n\
    Each has the topic and its error: null where all is well, else an object with Kafka's code and name (null where no broker\n\
    said it) and a message. The exit code is 0 only if every error is null; what concerns no topic, such as that no broker\n\
    answers, is on stderr alone. Beside those two fields stand:\n  \
    create          created; partitions, replication_factor; topic_id, unless nothing was created\n  \
    list            partitions, replication_factor, topic_id\n  \
    describe        partition, leader, epoch, replicas, isr, offline, topic_id\n  \
    config get      name, value, source\n  \
    config set      name, value, changed (unset: the value is null)\n  \
    offsets         partition; earliest, latest, span; with --time offset, timestamp\n  \
    add-partitions  partitions, changed\n  \
    delete          deleted; with --dry-run partitions, span, unreadable"
)]
pub(crate) struct TopicArgs {
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    #[command(subcommand)]
    pub(crate) command: TopicCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum TopicCommand {
    /// Create topics.
    #[command(after_help = "Example:\n  ottla topic create orders -p 6 --config retention.ms=86400000")]
    Create {
        #[arg(required = true, value_name = "TOPIC")]
        topics: Vec<String>,
        /// How many partitions; without it, the broker's num.partitions.
        #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(1..))]
        partitions: Option<i32>,
        /// How many replicas; without it, the broker's default.replication.factor.
        #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(1..))]
        replication_factor: Option<i16>,
        /// A setting of the topic; may be given many times.
        #[arg(short, long, value_name = "NAME=VALUE")]
        config: Vec<String>,
        /// A topic that exists already is no error.
        #[arg(long)]
        if_not_exists: bool,
        /// Let the broker check it, but create nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// List topics.
    List {
        /// Internal ones, too.
        #[arg(long)]
        internal: bool,
    },
    /// Partitions, leaders and replicas.
    Describe {
        #[arg(required = true, value_name = "TOPIC")]
        topics: Vec<String>,
    },
    /// Settings of a topic.
    #[command(subcommand)]
    Config(TopicConfigCommand),
    /// The first and the next offset of each partition, or the offset at a time.
    #[command(after_help = "Examples:\n  ottla topic offsets orders\n  \
        ottla topic offsets orders --time 2026-01-31T12:00:00Z\n  ottla topic offsets orders --time max-timestamp -p 0\n  \
        ottla topic offsets orders --time -1                  # as kafka-get-offsets has it: latest")]
    Offsets {
        topic: String,
        /// Only these partitions: several with commas, or -p again.
        #[arg(short, long, value_name = "N", value_delimiter = ',', allow_negative_numbers = true, value_parser = partition())]
        partition: Vec<i32>,
        /// earliest (-2), latest (-1), max-timestamp (-3), milliseconds since 1970, or a time such as 2026-01-31T12:00:00Z.
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        time: Option<String>,
    },
    /// Add partitions to a topic. Keys that have records already may go to another partition afterwards.
    AddPartitions {
        topic: String,
        /// How many partitions the topic shall have.
        #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(1..))]
        to: i32,
        /// Let the broker check it, but add nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete topics with all their records.
    Delete {
        #[arg(required = true, value_name = "TOPIC")]
        topics: Vec<String>,
        /// Do it without asking.
        #[arg(short, long)]
        yes: bool,
        /// Say what would be deleted, but delete nothing.
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum TopicConfigCommand {
    /// Print settings: those that were set, or all, or one.
    Get {
        topic: String,
        /// Only this one.
        name: Option<String>,
        /// Defaults, too.
        #[arg(short, long)]
        all: bool,
    },
    /// Set settings.
    Set {
        topic: String,
        #[arg(required = true, value_name = "NAME=VALUE")]
        settings: Vec<String>,
        /// Let the broker check it, but change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Return settings to their defaults.
    Unset {
        topic: String,
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Let the broker check it, but change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    seq 1 10 | ottla produce numbers\n  \
    ottla produce users -K : -z zstd users.txt\n  \
    printf 'k1:\\n' | ottla produce users -K : -Z            # a tombstone\n  \
    ottla consume a -e -o json | ottla produce b --input json\n\n\
    With --input json, each line is an object: value (null makes a tombstone); key, headers (a list of objects with name and\n\
    value), timestamp and partition if you like. Bytes that are no text go as value_hex and key_hex instead. A key or a\n\
    value that is no text but a number, a list, an object or a truth value is sent as the JSON text that stands there.")]
#[command(override_usage = "ottla produce [OPTIONS] <TOPIC> [FILES]...")]
pub(crate) struct ProduceArgs {
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    pub(crate) topic: String,
    /// Files to read instead of the standard input; '-' is the standard input.
    pub(crate) files: Vec<PathBuf>,
    /// The partition; without it, the key decides, or chance.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) partition: Option<i32>,
    /// What the input holds.
    #[arg(long, value_enum, default_value = "lines", value_name = "FORM")]
    pub(crate) input: Input,
    /// What stands between key and value in a line; \t and the like are understood. Not with --input json.
    #[arg(short = 'K', long, value_name = "TEXT")]
    pub(crate) key_delimiter: Option<OsString>,
    /// The key of every record. Not with --input json.
    #[arg(short, long, conflicts_with = "key_delimiter")]
    pub(crate) key: Option<OsString>,
    /// What ends a record, if not the end of a line. Not with --input whole.
    #[arg(short = 'D', long, value_name = "TEXT")]
    pub(crate) delimiter: Option<OsString>,
    /// A header of every record; may be given many times. Without '=', its value is null.
    #[arg(short = 'H', long, value_name = "NAME=VALUE")]
    pub(crate) header: Vec<OsString>,
    /// An empty key is null, an empty value is null (a tombstone). Not with --input json.
    #[arg(short = 'Z', long)]
    pub(crate) null: bool,
    /// The time of every record, in milliseconds since 1970, if not now.
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    pub(crate) timestamp: Option<i64>,
    #[arg(short = 'z', long, value_enum, default_value = "none", value_name = "CODEC")]
    pub(crate) compression: Compression,
    /// Whom an answer waits for: all (or -1), 1, or 0.
    #[arg(short, long, value_enum, default_value = "all", value_name = "ACKS", allow_negative_numbers = true)]
    pub(crate) acks: AcksArg,
    /// Send without sequence numbers: a retry may duplicate or reorder. Implied by acks other than all.
    #[arg(long)]
    pub(crate) no_idempotence: bool,
    /// How long a batch waits for more records.
    #[arg(long, default_value = "5ms", value_parser = duration, value_name = "TIME")]
    pub(crate) linger: Duration,
    /// The size at which a batch is full, uncompressed.
    #[arg(long, default_value_t = 131_072, value_name = "BYTES")]
    pub(crate) batch_bytes: usize,
    /// Print where each record went.
    #[arg(short, long)]
    pub(crate) report: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Input {
    /// One record a line.
    Lines,
    /// One JSON object a line, as `ottla consume -o json` prints them; each goes to its partition, unless -p names another.
    Json,
    /// Each file is one record.
    Whole,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AcksArg {
    #[value(name = "0")]
    None,
    #[value(name = "1")]
    Leader,
    #[value(alias = "-1")]
    All,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Format: %s value, %S its length (-1: null), %R its length as 4 bytes, %k key, %K its length, %h headers,\n  \
    %t topic, %p partition, %o offset, %T timestamp in ms, %e leader epoch, %% a percent sign; \\n \\t \\r \\0 \\\\ \\xHH as in kcat.\n\n\
    Without -e, consume follows the topic until it is interrupted: it waits for records, and for a broker that is gone.\n\
    --timeout bounds how long it looks for the topic at its start and how long it waits for a topic that was deleted; with\n\
    -e also how long it goes on while no broker can be reached or a partition cannot be read.\n\n\
    Examples:\n  \
    ottla consume orders -e                               # everything there is, then end\n  \
    ottla consume orders -s -10 -e                        # the last ten of each partition\n  \
    ottla consume orders -s @2026-01-31T12:00:00Z -c 5\n  \
    ottla consume orders -p 0 -s end -f '%p %o %k=%s\\n'"
)]
#[command(override_usage = "ottla consume [OPTIONS] <TOPIC>")]
pub(crate) struct ConsumeArgs {
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    pub(crate) topic: String,
    /// Only these partitions: several with commas, or -p again.
    #[arg(short, long, value_name = "N", value_delimiter = ',', allow_negative_numbers = true, value_parser = partition())]
    pub(crate) partition: Vec<i32>,
    /// Where to begin: beginning, end, an offset, -N (N before the end), or @TIME (milliseconds since 1970, or a date and time).
    #[arg(short = 's', long, default_value = "beginning", allow_hyphen_values = true, value_name = "OFFSET")]
    pub(crate) offset: String,
    /// End after so many records.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = count())]
    pub(crate) count: Option<u64>,
    /// End when everything that was there is read.
    #[arg(short, long)]
    pub(crate) exit: bool,
    /// How to print a record; see below. Not with -o json.
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Print keys before values, with this between. Not with -o json.
    #[arg(short = 'K', long, value_name = "TEXT", conflicts_with = "format")]
    pub(crate) key_delimiter: Option<String>,
    /// Print null keys and values as NULL instead of nothing.
    #[arg(short = 'Z', long)]
    pub(crate) null: bool,
    /// Leave out what transactions have not committed.
    #[arg(long)]
    pub(crate) read_committed: bool,
    /// Where an offset is not in the log, or the topic is deleted and made again, go on at the beginning instead of failing.
    #[arg(long)]
    pub(crate) reset: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum LogCommand {
    /// Print segments, indexes, producer snapshots, metadata snapshots and checkpoints.
    Dump(LogDumpArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    ottla log dump data/orders-0/00000000000000000000.log --print-records\n  \
    ottla log dump data/orders-0/* --verify\n  \
    ottla log dump data/__cluster_metadata-0/*.log -o json\n\n\
    With -o json, one object a line; its kind is batch, record, entry, producer, epoch, line, reserve, end, damage, skipped\n\
    or unreadable. Each names its file as given on the command line (file_hex where that is no text). Damage has a position\n\
    (null where it has none) and a text as damage; skipped, likewise as skipped, are bytes between batches, or with the\n\
    position null the rest of a file. A remark is of what is no damage. What of this makes the command fail is only counted on stderr, if there are several.\n\n\
    Records have key, value and headers as `ottla consume -o json` prints them (key_hex, value_hex where they are no text);\n\
    those of the metadata log and control records have type, version and data, with the field names of Kafka's schemas.")]
pub(crate) struct LogDumpArgs {
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Check everything that can be checked offline; exit with 1 if anything is damaged.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Print the records of the batches, too. (Those of the metadata log are always printed.)
    #[arg(long)]
    pub(crate) print_records: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum SimCommand {
    /// List faults, checks, excuses and campaigns; show those that are named in full.
    #[command(after_help = "Examples:\n  ottla sim list\n  ottla sim list lost-write converges\n  ottla sim list checks -o json")]
    List {
        /// Names of faults, checks, excuses or campaigns; or faults, checks, excuses, campaigns for all of a kind.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Tell stories; fail if anything happens otherwise than it is written.
    #[command(after_help = "Example:\n  ottla sim run scenarios/*.story\n\n\
        The exit code is 0 if every story came out as written, 1 if one did not. Where a claim is REFUTED in what is written, that\n\
        is as written, too, and said: `ottla sim replay STORY` judges the world of a story, and fails.\n\n\
        With -o json, one object a line: the story, whether it came out as_written, its differences (line, written, told), and told.")]
    Run {
        #[arg(required = true, value_name = "STORY")]
        stories: Vec<PathBuf>,
        /// Write what happened into the stories.
        #[arg(long)]
        rewrite: bool,
    },
    /// Attack with many seeds of a campaign.
    #[command(
        after_help = "Examples:\n  ottla sim fuzz smoke --seeds 1000\n  ottla sim fuzz my-campaign.toml --time 10m --jobs 2"
    )]
    Fuzz {
        /// A standard campaign's name, or a file.
        campaign: String,
        /// The first seed.
        #[arg(long, default_value_t = 0, value_name = "SEED")]
        from: u64,
        /// How many seeds; 100 unless said.
        #[arg(long, value_name = "N", conflicts_with = "time", value_parser = clap::value_parser!(u64).range(1..))]
        seeds: Option<u64>,
        /// How long, e.g. 90s or 1h.
        #[arg(long, value_parser = duration, value_name = "TIME")]
        time: Option<Duration>,
        /// How many at a time; without it, as many as there are processors.
        #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        jobs: Option<usize>,
        /// Run every seed again in another process, traced, and compare.
        #[arg(long, requires = "seeds")]
        verify: bool,
        /// Stop after so many failing seeds; 0 never.
        #[arg(long, default_value_t = 0, value_name = "N")]
        failures: u64,
        /// First plant this bug in every world (in a build with --features planted-bugs).
        #[arg(long, value_name = "NAME", conflicts_with = "verify")]
        bug: Option<String>,
        /// Let chance into the other process at this event of every seed, to see that --verify notices.
        #[arg(long, value_name = "EVENT", requires = "verify", hide = true)]
        diverge: Option<u64>,
    },
    /// Run small worlds completely: power lost at the beginning and the end of every disk call, and with --pairs at every pair.
    #[command(
        after_help = "Examples:\n  ottla sim exhaustive\n  ottla sim exhaustive --worlds rolls,restart --pairs --stride 20"
    )]
    Exhaustive {
        /// Which worlds: records, rolls, retention, restart, recreate; all unless said.
        #[arg(long, value_enum, value_delimiter = ',', value_name = "WORLD,...", hide_possible_values = true)]
        worlds: Vec<SmallWorld>,
        /// Also every pair of losses in one world.
        #[arg(long)]
        pairs: bool,
        /// Of the pairs only every N-th second loss.
        #[arg(long, default_value_t = 1, value_name = "N", requires = "pairs")]
        #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        stride: usize,
        /// How many at a time; without it, as many as there are processors.
        #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        jobs: Option<usize>,
        /// Where to write the first world that fails, if one does.
        #[arg(long, default_value = "exhaustive.story", value_name = "FILE")]
        to: PathBuf,
        /// First plant this bug (in a build with --features planted-bugs).
        #[arg(long, value_name = "NAME")]
        bug: Option<String>,
    },
    /// Show what a seed stands for: its world, topics, clients and fault plan, as a story that can be edited and run.
    #[command(after_help = "Examples:\n  \
        ottla sim plan disk-faults#42\n  \
        ottla sim plan disk-faults#42 > mine.story && ottla sim replay mine.story     # the same run\n  \
        ottla sim run mine.story --rewrite                                           # write its course into it\n\n\
        What stands in it is in scenarios/README.md, under \"Stories of a world\".")]
    Plan {
        /// CAMPAIGN#SEED, or the file of a story that begins with `world`.
        #[arg(value_name = "CAMPAIGN#SEED")]
        what: String,
    },
    /// Run one seed of a campaign, or the world of a story that `plan` or `shrink` wrote.
    #[command(after_help = "Examples:\n  ottla sim replay smoke#42 --trace\n  ottla sim replay shrunk.story\n\n\
        With --trace -o json, one object a line: events with a kind (input, effect or world), at_ns (virtual time)\n\
        and text; the last line is the outcome.")]
    Replay {
        /// CAMPAIGN#SEED, or the file of a story that begins with `world`.
        #[arg(value_name = "CAMPAIGN#SEED")]
        what: String,
        /// Show everything that happened.
        #[arg(long)]
        trace: bool,
        /// First plant this bug (in a build with --features planted-bugs).
        #[arg(long, value_name = "NAME")]
        bug: Option<String>,
    },
    /// Cut a failing seed down to a small world that fails in the same check at the same site, and write it as a story.
    #[command(after_help = "Example:\n  ottla sim shrink smoke#42 --to small.story && ottla sim replay small.story --trace")]
    Shrink {
        /// CAMPAIGN#SEED, or the file of a story that begins with `world`.
        #[arg(value_name = "CAMPAIGN#SEED")]
        what: String,
        /// The most runs to spend on it.
        #[arg(long, default_value_t = 5000, value_name = "N")]
        runs: u64,
        /// Where to write the story.
        #[arg(long, default_value = "shrunk.story", value_name = "FILE")]
        to: PathBuf,
        /// First plant this bug (in a build with --features planted-bugs).
        #[arg(long, value_name = "NAME")]
        bug: Option<String>,
    },
    /// Print the hash of each seed's events: what `fuzz --verify` compares between processes.
    #[command(hide = true)]
    Hashes {
        campaign: String,
        #[arg(long)]
        from: u64,
        #[arg(long)]
        seeds: u64,
        /// Instead of the hash, one object for each event: the digest after it, and what the trace says of it.
        #[arg(long)]
        steps: bool,
        #[arg(long)]
        diverge: Option<u64>,
    },
    /// Ask whether the simulator notices the bugs that are planted in this build, one at a time.
    #[command(after_help = "Examples (in a build with --features planted-bugs):\n  \
        ottla sim mutants --bug skip-records --bug canary\n  \
        ottla sim mutants --ratchet scenarios/mutants.toml -o json\n  \
        ottla sim mutants --bug skip-records --shrink=300")]
    Mutants {
        /// One bug; may be given many times. Without it, all.
        #[arg(long, value_name = "NAME")]
        bug: Vec<String>,
        /// Show the bugs, and hunt none.
        #[arg(long)]
        list: bool,
        /// How many seeds a bug may live, over all campaigns together.
        #[arg(long, default_value_t = 400, value_name = "N")]
        seeds: u64,
        /// How many ranges of seeds: each gives one figure for the median.
        #[arg(long, default_value_t = 3, value_name = "N")]
        ranges: u64,
        /// How many bugs at a time; without it, as many as there are processors.
        #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
        jobs: Option<usize>,
        /// What was killed before and may not survive.
        #[arg(long, value_name = "FILE")]
        ratchet: Option<PathBuf>,
        /// Cut the seed that is shown for each killed bug down to a world that fails in the same check at the same site, in at most
        /// RUNS runs a bug (500 unless said), and tell how many events it had before and has after, with the medians over all bugs.
        #[arg(long, value_name = "RUNS", num_args = 0..=1, require_equals = true, default_missing_value = "500")]
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        shrink: Option<u64>,
        /// Where the campaigns are.
        #[arg(long, default_value = "scenarios/campaigns", value_name = "DIR")]
        campaigns: PathBuf,
    },
}

/// A choice of small worlds.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SmallWorld {
    Records,
    Rolls,
    Retention,
    Restart,
    Recreate,
}

/// A time that somebody may wait for: what is added to it is still a time.
fn duration(text: &str) -> Result<Duration, String> {
    const MOST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    match humantime::parse_duration(text) {
        Ok(longer) if longer > MOST => Err("a century is the most".to_owned()),
        parsed => parsed.map_err(|e| e.to_string()),
    }
}
