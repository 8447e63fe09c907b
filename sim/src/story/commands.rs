//! The commands of stories: one table with usage and meaning, from which the help and `scenarios/README.md` are checked.
//!
//! Takes       a command with its words.
//! Gives       the line or lines that it says.
//! Not here    requests to a node (`asks.rs`), waiting and collecting (`run.rs`).

use super::asks;
use super::parse::{Command, Word};
use super::run::{Stage, duration_ns, number};
use super::text::{NAMED_CALLS, NAMED_STRIKES, NAMED_TARGETS, partition_of};
use super::world;
use crate::diagnostic::{Diagnostic, nearest};
use crate::disk::{Aim, Keep, Loss, Strike, Target};
use crate::plan::{Action, Calls, Kind};
use crate::world::{Down, Fired, Setup, World};
use ottla_core::config::{Inserted, Settings, TOPIC_SETTINGS, check_topic_overrides, topic_setting};
use ottla_core::io::FileKind;
use std::collections::BTreeMap;

/// How the stories begin that a command belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// With `node`: told command by command.
    Node,
    /// With `world`: its clients act by themselves.
    World,
    Both,
}

/// One command.
#[derive(Debug)]
pub struct Entry {
    pub verb: &'static str,
    pub usage: &'static str,
    pub about: &'static str,
    /// The fewest and the most words.
    pub args: (usize, usize),
    /// Options with their meaning. A name that ends in `*` stands for every setting.
    pub options: &'static [(&'static str, &'static str)],
    /// The stories that it belongs to.
    pub form: Form,
    pub(super) run: fn(&mut Stage, &Command) -> Result<String, Diagnostic>,
}

impl Entry {
    /// Whether the command has this option.
    #[must_use]
    pub fn takes(&self, option: &str) -> bool {
        self.options.iter().any(|(name, _)| *name == option || *name == "SETTING" && option.contains('.'))
    }
}

const CLIENT: (&str, &str) = ("client", "who asks; c1 unless said");
const LOSE: &str = "unsynced (unless said); any: the seed chooses what survives; contents, or names: only those";
const LOSSES: [(&str, Loss); 4] = [
    ("unsynced", Loss::NOTHING_KEPT),
    ("any", Loss::ANY_SUBSET),
    ("contents", Loss { data: Keep::Nothing, names: Keep::Everything, garbage: false, shorn: false }),
    ("names", Loss { data: Keep::Everything, names: Keep::Nothing, garbage: false, shorn: false }),
];
const WAIT: (&str, &str) = ("wait", "no: go on at once; the answer comes with `await`");

/// Every command.
pub const TABLE: &[Entry] = &[
    Entry {
        verb: "node",
        usage: "node [seed=N] [config=tiny|default] [SETTING=VALUE]...",
        about: "Begin a world with one broker on an empty disk. The first command, unless it is `world`.",
        args: (0, 0),
        options: &[
            ("seed", "a number; 1 unless said"),
            ("config", "tiny (unless said) or default"),
            ("SETTING", "a broker setting"),
        ],
        form: Form::Node,
        run: node,
    },
    Entry {
        verb: "topic",
        usage: "topic NAME [partitions=N] [SETTING=VALUE]...",
        about: "Create a topic.",
        args: (1, 1),
        options: &[("partitions", "how many; 1 unless said"), CLIENT, WAIT, ("SETTING", "a topic setting")],
        form: Form::Both,
        run: asks::create_topic,
    },
    Entry {
        verb: "delete-topic",
        usage: "delete-topic NAME",
        about: "Delete a topic.",
        args: (1, 1),
        options: &[CLIENT],
        form: Form::Node,
        run: asks::delete_topic,
    },
    Entry {
        verb: "configure",
        usage: "configure TOPIC SETTING=VALUE...",
        about: "Change settings of a topic (IncrementalAlterConfigs).",
        args: (1, 1),
        options: &[CLIENT, ("SETTING", "a topic setting")],
        form: Form::Node,
        run: asks::configure,
    },
    Entry {
        verb: "add-partitions",
        usage: "add-partitions TOPIC total=N",
        about: "Give a topic more partitions.",
        args: (1, 1),
        options: &[("total", "how many it has then"), CLIENT],
        form: Form::Node,
        run: asks::add_partitions,
    },
    Entry {
        verb: "init-producer",
        usage: "init-producer [client=NAME]",
        about: "Ask for a producer id; later idempotent produces of this client use it.",
        args: (0, 0),
        options: &[CLIENT],
        form: Form::Node,
        run: asks::init_producer,
    },
    Entry {
        verb: "produce",
        usage: "produce TOPIC/PARTITION VALUE... [acks=all|1|0] [seq=N]",
        about: "Append one batch of records.",
        args: (2, 100),
        options: &[
            ("acks", "all (unless said), 1 or 0"),
            ("seq", "an idempotent batch with this base sequence"),
            ("pid", "the producer id, where it is not the client's own"),
            ("epoch", "the producer epoch; 0 unless said"),
            ("key", "the key of every record; null unless said"),
            ("codec", "none (unless said), gzip, snappy, lz4 or zstd"),
            ("age", "how old the records say to be, e.g. 2h; nothing unless said"),
            ("size", "pad each value with `.` to this many bytes"),
            ("timeout", "how long the broker may take, e.g. 100ms; 30s unless said"),
            CLIENT,
            WAIT,
        ],
        form: Form::Node,
        run: asks::produce,
    },
    Entry {
        verb: "fetch",
        usage: "fetch TOPIC/PARTITION from=N [max-wait=TIME] [min-bytes=N] [max-bytes=N]",
        about: "Read from an offset, and show what came.",
        args: (1, 1),
        options: &[
            ("from", "the offset; 0 unless said"),
            ("max-wait", "how long the broker may wait for min-bytes; 0ms unless said"),
            ("min-bytes", "1 unless said"),
            ("max-bytes", "per partition; 1048576 unless said"),
            ("epoch", "the leader epoch that the client knows"),
            CLIENT,
            WAIT,
        ],
        form: Form::Node,
        run: asks::fetch,
    },
    Entry {
        verb: "offsets",
        usage: "offsets TOPIC/PARTITION at=earliest|latest|max|AGE",
        about: "Look an offset up (ListOffsets); AGE as in `2h` asks for the first record not older than that.",
        args: (1, 1),
        options: &[("at", "latest unless said"), CLIENT, WAIT],
        form: Form::Node,
        run: asks::offsets,
    },
    Entry {
        verb: "delete-records",
        usage: "delete-records TOPIC/PARTITION before=N",
        about: "Move the log start offset (DeleteRecords).",
        args: (1, 1),
        options: &[("before", "the new log start offset; -1 is the high watermark"), CLIENT, WAIT],
        form: Form::Node,
        run: asks::delete_records,
    },
    Entry {
        verb: "epoch-end",
        usage: "epoch-end TOPIC/PARTITION epoch=N",
        about: "Ask where a leader epoch ends (OffsetForLeaderEpoch).",
        args: (1, 1),
        options: &[("epoch", "the leader epoch"), CLIENT],
        form: Form::Node,
        run: asks::epoch_end,
    },
    Entry {
        verb: "producers",
        usage: "producers TOPIC/PARTITION",
        about: "Show the producers that a partition remembers (DescribeProducers).",
        args: (1, 1),
        options: &[CLIENT],
        form: Form::Node,
        run: asks::producers,
    },
    Entry {
        verb: "await",
        usage: "await",
        about: "Wait for every answer that is still owed, and show them in the order of asking.",
        args: (0, 0),
        options: &[],
        form: Form::Node,
        run: |stage, _| Ok(stage.collect(true)),
    },
    Entry {
        verb: "run",
        usage: "run TIME | run until-quiet",
        about: "Let virtual time pass; show the answers that came.",
        args: (1, 1),
        options: &[],
        form: Form::Node,
        run: run_time,
    },
    Entry {
        verb: "crash",
        usage: "crash",
        about: "The process dies (kill -9). What it wrote stays in the page cache. `start` starts it again.",
        args: (0, 0),
        options: &[],
        form: Form::Node,
        run: crash,
    },
    Entry {
        verb: "power-loss",
        usage: "power-loss [lose=unsynced|any|contents|names]",
        about: "The machine loses power: everything that no fsync covered is gone, or any part of it survives. Also while the broker is down.",
        args: (0, 0),
        options: &[("lose", LOSE)],
        form: Form::Node,
        run: power_loss,
    },
    Entry {
        verb: "shutdown",
        usage: "shutdown",
        about: "An orderly end (SIGTERM), waited for.",
        args: (0, 0),
        options: &[],
        form: Form::Node,
        run: shutdown,
    },
    Entry {
        verb: "start",
        usage: "start",
        about: "Start the broker on what its disk holds.",
        args: (0, 0),
        options: &[],
        form: Form::Node,
        run: start,
    },
    Entry {
        verb: "fault",
        usage: "fault KIND [on=log|derived|meta|any|...] [in=TOPIC/PARTITION] [after=N] [for=TIME] [bytes=N] [client=NAME]",
        about: "Let a fault strike: a disk fault at the next call that fits it, others at once. `ottla sim list` names all \
          kinds.",
        args: (1, 1),
        options: &[
            ("on", "which files: log (unless said), derived, meta, any, or a kind of its own as listed [below](#faults)"),
            ("in", "of which partition; of all unless said. __cluster_metadata/0 is the metadata log"),
            ("of", "for power-loss-at-call and crash-at-call: which calls count, any (unless said) or names"),
            ("lose", LOSE),
            ("after", "how many fitting calls (for those two: beginnings and ends of calls) pass first; 0 unless said"),
            ("for", "how long it lasts, for faults that last; 1s unless said"),
            ("bytes", "for disk-full: how many bytes may still be written; 0 unless said"),
            ("by", "for jumps and skew of clocks: how far, e.g. 2h or -2h; for slow-reader: how much longer"),
            CLIENT,
        ],
        form: Form::Node,
        run: fault,
    },
    Entry {
        verb: "cut-out",
        usage: "cut-out TOPIC/PARTITION offset=N",
        about: "The batch with this offset vanishes from its file at rest, and what follows moves up: damage that no checksum shows.",
        args: (1, 1),
        options: &[("offset", "any offset of the batch")],
        form: Form::Node,
        run: asks::cut_out,
    },
    Entry {
        verb: "trace",
        usage: "trace on|off",
        about: "Show every input and effect of the node.",
        args: (1, 1),
        options: &[],
        form: Form::Node,
        run: trace,
    },
    Entry {
        verb: "ends",
        usage: "ends TOPIC/PARTITION",
        about: "Show where the log starts, what is readable, what is durable, and where it ends, as the node sees it.",
        args: (1, 1),
        options: &[],
        form: Form::Node,
        run: asks::ends,
    },
    Entry {
        verb: "files",
        usage: "files TOPIC/PARTITION",
        about: "List the files of a partition with their sizes in bytes.",
        args: (1, 1),
        options: &[],
        form: Form::Node,
        run: asks::files,
    },
    Entry {
        verb: "directories",
        usage: "directories",
        about: "List the directories of the data directory with the bytes of their segments.",
        args: (0, 0),
        options: &[],
        form: Form::Node,
        run: asks::directories,
    },
    Entry {
        verb: "world",
        usage: "world [seed=N] [config=tiny|default] [faults-for=TIME] [keeps=WHAT] [SETTING=VALUE]...",
        about: "Begin a world whose clients act by themselves while faults strike. The first command, unless it is `node`; \
          `play` lets it run.",
        args: (0, 0),
        options: &[
            ("seed", "a number; 1 unless said"),
            ("config", "tiny (unless said) or default"),
            ("faults-for", "how long faults strike and clients act; then everything must heal; 1s unless said"),
            (
                "keeps",
                "which bytes that no fsync covered survive a power loss: nothing (unless said), everything, prefix or any; \
                  with +garbage and +shorn sectors",
            ),
            ("keeps-names", "the same for names: nothing (unless said), everything, prefix or any"),
            ("call", "how long a disk call takes; 10us..100us unless said"),
            ("read", "how long a read takes, e.g. 10ms..1s; as any call unless said"),
            ("sync", "how long an fsync takes; 100us..1ms unless said"),
            ("sync-covers-later", "yes: an fsync may cover what was written while it ran"),
            ("delay", "how long a message takes; 50us..200us unless said"),
            ("through-bytes", "connections in a hundred whose frames are encoded and decoded; 0 unless said"),
            ("spurious-wakes", "yes: the node gets turns that it did not ask for"),
            ("power-loss-at", "power is lost when so many disk calls have begun or ended, e.g. 12,40"),
            ("bug", "the planted bug (in a build with planted bugs)"),
            ("SETTING", "a broker setting"),
        ],
        form: Form::World,
        run: world::world,
    },
    Entry {
        verb: "admin",
        usage: "admin [operations=N] [volatile=TOPIC,...]",
        about: "Let an administrator change topics as the seed says; the topics that are volatile are also deleted and made \
          again.",
        args: (0, 0),
        options: &[
            ("operations", "how many; 0 unless said"),
            ("volatile", "topics, of those above"),
            ("delete-records", "yes: it deletes records, too"),
            ("think", "time between operations, on the average; 1ms unless said"),
            ("patience", "how long a client waits for an answer; 15s unless said"),
        ],
        form: Form::World,
        run: world::admin,
    },
    Entry {
        verb: "producer",
        usage: "producer NAME [acks=all|1|0] [batches=N] [topics=TOPIC,...]",
        about: "Put a producer in. It sends what `at TIME produce` says, then batches as the seed says.",
        args: (1, 1),
        options: &[
            ("topics", "of those above; all unless said"),
            ("acks", "all (unless said), 1 or 0"),
            ("idempotent", "yes: with a producer id and sequences"),
            ("in-flight", "requests that may be under way at a time, 1 to 5; 1 unless said"),
            ("retries", "no: a batch without a definite answer is not sent again"),
            ("by-id", "yes: it names topics by id"),
            ("batches", "how many as the seed says; 0 unless said"),
            ("records", "at most so many in each of these; 1 unless said"),
            ("size", "at most so many bytes of padding in each record; 0 unless said"),
            ("think", "time between batches, on the average; 1ms unless said"),
            ("patience", "how long a client waits for an answer; 15s unless said"),
        ],
        form: Form::World,
        run: world::producer,
    },
    Entry {
        verb: "consumer",
        usage: "consumer NAME [topics=TOPIC,...]",
        about: "Put a consumer in, which reads all the time.",
        args: (1, 1),
        options: &[
            ("topics", "of those above; all unless said"),
            ("sessions", "yes: with fetch sessions"),
            ("by-id", "yes: it names topics by id"),
            ("max-bytes", "per partition; 1048576 unless said"),
            ("min-bytes", "1 unless said"),
            ("max-wait", "how long the broker may wait for min-bytes; 100ms unless said"),
            ("lists", "ListOffsets in a hundred turns; 0 unless said"),
            ("think", "time between answers and questions, on the average; 50ms unless said"),
            ("patience", "how long a client waits for an answer; 15s unless said"),
        ],
        form: Form::World,
        run: world::consumer,
    },
    Entry {
        verb: "hostile",
        usage: "hostile NAME [frames=N]",
        about: "Put a client in that sends malformed requests.",
        args: (1, 1),
        options: &[
            ("topics", "of those above; all unless said"),
            ("frames", "how many; 10 unless said"),
            ("think", "time between frames, on the average; 10ms unless said"),
        ],
        form: Form::World,
        run: world::hostile,
    },
    Entry {
        verb: "inspector",
        usage: "inspector NAME [topics=TOPIC,...]",
        about: "Put a client in that asks where leader epochs end and where times lie, and names epochs that are right, stale, or \
          of the future.",
        args: (1, 1),
        options: &[
            ("topics", "of those above; all unless said"),
            ("think", "time between questions, on the average; 10ms unless said"),
            ("patience", "how long a client waits for an answer; 15s unless said"),
        ],
        form: Form::World,
        run: world::inspector,
    },
    Entry {
        verb: "operator",
        usage: "operator NAME [operations=N]",
        about: "Put a client in that tries all of administration, right and wrong, on topics, settings and batches of its own, and \
          knows what each must be answered.",
        args: (1, 1),
        options: &[
            ("operations", "how many; 10 unless said"),
            ("think", "time between operations, on the average; 10ms unless said"),
            ("patience", "how long a client waits for an answer; 15s unless said"),
        ],
        form: Form::World,
        run: world::operator,
    },
    Entry {
        verb: "library",
        usage: "library NAME [records=N] [reads=all] [topics=TOPIC,...]",
        about: "Put the client of core in, the one that `ottla produce` and `ottla consume` drive. It is handed what `at TIME produce` \
          says, record by record, then records as the seed says.",
        args: (1, 1),
        options: &[
            ("topics", "of those above; all unless said"),
            ("acks", "all (unless said), 1 or 0"),
            ("idempotent", "no: without a producer id and sequences"),
            ("in-flight", "requests that may be under way at a time, 1 to 5; 1 unless said"),
            ("codec", "none (unless said), gzip, snappy, lz4 or zstd"),
            ("linger", "how long a batch waits for more records; 0ms unless said"),
            ("batch-bytes", "what a batch may hold; 16384 unless said"),
            ("records", "how many as the seed says; 0 unless said"),
            ("burst", "at most so many at a time; 1 unless said"),
            ("size", "at most so many bytes of padding in each record; 0 unless said"),
            ("think", "time between turns, on the average; 10ms unless said"),
            ("request-timeout", "how long it waits for an answer; 5s unless said"),
            ("delivery-timeout", "how long it tries to deliver a record; 30s unless said"),
            ("reads", "no (unless said); all: it also reads, from the beginning; anywhere: from here or there, as the seed says"),
            ("asks", "single calls in a hundred turns; 0 unless said. With any, it also has a topic of its own, `own`"),
            ("older", "yes: the broker names lower versions to it than it serves"),
        ],
        form: Form::World,
        run: world::library,
    },
    Entry {
        verb: "at",
        usage: "at TIME WHAT [client=NAME]",
        about: "Something that happens at a time after the world began: a fault of any kind, or `produce TOPIC/PARTITION...`, \
          `create TOPIC`, `delete TOPIC`, `add-partitions TOPIC total=N`, `configure TOPIC SETTING=VALUE`, `delete-records \
          TOPIC/PARTITION before=N`.",
        args: (2, 100),
        options: &[
            ("client", "whose connection, or which producer; the first producer unless said"),
            ("records", "of a batch; 1 unless said"),
            ("size", "bytes of padding in each record; 0 unless said"),
            ("partitions", "of a topic; 1 unless said"),
            ("total", "how many partitions it has then"),
            ("before", "the new log start offset; -1 is the high watermark"),
            ("down", "how long the broker stays down; 100ms unless said"),
            ("keeps", "what survives this power loss; as `world` says unless said"),
            ("keeps-names", "which names survive this power loss"),
            ("on", "which files a disk fault is for; log unless said"),
            ("in", "of which partition; of all unless said"),
            ("of", "for power-loss-at-call and crash-at-call: which calls count, any (unless said) or names"),
            ("after", "how many fitting calls pass first; 0 unless said"),
            ("for", "how long it lasts, for faults that last; 1s unless said"),
            ("by", "for jumps and skew of clocks: how far, e.g. 2h or -2h; for delay and slow-reader: how much longer"),
            ("bytes", "for disk-full: how many bytes may still be written; 0 unless said"),
            ("SETTING", "a topic setting"),
        ],
        form: Form::World,
        run: world::at,
    },
    Entry {
        verb: "play",
        usage: "play",
        about: "Let the world run until its faults have ended, everything has healed and a fresh reader has read all; show \
          its course. The last command.",
        args: (0, 0),
        options: &[],
        form: Form::World,
        run: world::play,
    },
];

fn node(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let mut setup = Setup { planted: stage.planted.clone(), ..Setup::calm(1) };
    for (key, value) in &command.options {
        match key.text.as_str() {
            "seed" => setup.seed = number(value)?,
            "config" => setup.tiny = one_of(value, &[("tiny", true), ("default", false)])?,
            _ => {
                check_setting(key, value)?;
                setup.settings.insert(key.text.clone(), value.text.clone());
            }
        }
    }
    stage.set_world(World::scripted(setup));
    stage.world().run_until_quiet(10_000_000_000);
    Ok(String::new())
}

/// A broker setting must be one.
pub(super) fn check_setting(key: &Word, value: &Word) -> Result<(), Diagnostic> {
    let why = match Settings::default().insert(&key.text, &value.text) {
        Ok(Inserted::Used) => return Ok(()),
        Ok(Inserted::Ignored(why)) => format!("{} changes nothing here: {why}", key.text),
        Err(refused) => refused.to_string(),
    };
    Err(Diagnostic::new(key.span.start..value.span.end, why))
}

/// Whether a topic can have this setting, beside those that it has already, as the broker of this world would say.
pub(super) fn check_topic_setting(
    world: &Setup,
    others: &[(String, String)],
    key: &Word,
    value: &Word,
) -> Result<(), Diagnostic> {
    let mut own: BTreeMap<String, String> = others.iter().cloned().collect();
    own.insert(key.text.clone(), value.text.clone());
    check_topic_overrides(&world.broker_settings().unwrap_or_default(), &own).map_err(|why| {
        let unknown = topic_setting(&key.text).is_none();
        let wrong = Diagnostic::new(if unknown { key.span.clone() } else { value.span.clone() }, why);
        match nearest(&key.text, TOPIC_SETTINGS.iter().map(|s| s.setting.name)).filter(|_| unknown) {
            Some(near) => wrong.help(format!("did you mean `{near}`?")),
            None => wrong,
        }
    })
}

fn run_time(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    if command.args[0].text == "until-quiet" {
        if !stage.world().run_until_quiet(600_000_000_000) {
            return Ok("not quiet after 10 minutes".into());
        }
    } else {
        let ns = duration_ns(&command.args[0])?;
        stage.world().run_for_ns(ns);
    }
    Ok(stage.collect(false))
}

/// Whether the broker is up, or down, as a command takes for granted: what has happened already would happen without a word.
fn check_is_up(stage: &mut Stage, command: &Command, up: bool) -> Result<(), Diagnostic> {
    let sim = &stage.world().sim;
    // Where a claim was refuted nothing goes on, and an end that does not come has been told.
    if sim.is_up(0) == up || !sim.failures().is_empty() || sim.is_asked_to_end(0) {
        return Ok(());
    }
    let state = match sim.down(0) {
        Down::Halted(why) | Down::Refused(why) => format!("the broker is down already: {why}"),
        Down::Stopped => "the broker is down already".into(),
        Down::Up => "the broker is up already".into(),
    };
    Err(Diagnostic::new(command.verb.span.clone(), state))
}

fn crash(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    check_is_up(stage, command, true)?;
    stage.world().sim.crash(0);
    stage.world().run_for_ns(1_000_000);
    Ok(stage.collect(false))
}

fn power_loss(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let loss = match command.option("lose") {
        None => Loss::NOTHING_KEPT,
        Some(word) => one_of(word, &LOSSES)?,
    };
    stage.world().sim.lose_power(0, Some(loss));
    stage.world().run_for_ns(1_000_000);
    Ok(stage.collect(false))
}

fn shutdown(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    const FOR_EVER: u64 = 1 << 62;
    check_is_up(stage, command, true)?;
    let world = stage.world();
    world.sim.shut_down(0, FOR_EVER);
    let limit = world.sim.now_ns() + 600_000_000_000;
    let ended = world.run_while_not(limit, |w| !w.sim.is_up(0));
    let said = stage.collect(false);
    Ok(if ended { said } else { format!("{said}\nstill up after 10 minutes").trim_start().to_string() })
}

fn start(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    check_is_up(stage, command, false)?;
    let world = stage.world();
    world.sim.start_node(0);
    world.run_until_quiet(60_000_000_000);
    Ok(if world.sim.is_up(0) { String::new() } else { format!("node 1 is down: {:?}", world.sim.down(0)) })
}

/// Which options a kind of fault takes, and which of them it needs. Where power goes, a story of one node says `lose`, a world `keeps`.
fn options_of(kind: Kind) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        Kind::Crash | Kind::Shutdown => (&["down"], &[]),
        Kind::CrashAtCall => (&["after", "of", "down"], &[]),
        Kind::PowerLoss | Kind::PowerOff => (&["down", "lose", "keeps", "keeps-names"], &[]),
        Kind::PowerLossAtCall => (&["after", "of", "down", "lose", "keeps", "keeps-names"], &[]),
        Kind::Pause => (&["for"], &[]),
        Kind::ClockJump => (&["by"], &["by"]),
        Kind::BitFlip | Kind::LatentError | Kind::LostFile => (&["on", "in"], &[]),
        Kind::DiskFull => (&["bytes", "for"], &[]),
        Kind::ResetAll => (&[], &[]),
        Kind::Reset | Kind::HalfOpen | Kind::HalfClose => (&["client"], &[]),
        Kind::SlowReader => (&["client", "by", "for"], &["by"]),
        Kind::Delay => (&["by", "for"], &["by"]),
        Kind::PauseClient => (&["client", "for"], &[]),
        Kind::ClientSkew | Kind::ClientClockJump => (&["client", "by"], &["by"]),
        Kind::Stall => (&["on", "in", "after", "for"], &[]),
        Kind::ReadError
        | Kind::WriteError
        | Kind::ShortWrite
        | Kind::NoSpace
        | Kind::SyncError
        | Kind::SyncDirError
        | Kind::NameError
        | Kind::PhantomWrite
        | Kind::MisdirectedWrite => (&["on", "in", "after"], &[]),
    }
}

/// Whether a fault is told all that it needs, and nothing that it would not heed. `word` names it.
pub(super) fn check_fault(kind: Kind, word: &Word, command: &Command) -> Result<(), Diagnostic> {
    let (takes, needs) = options_of(kind);
    let elsewhere: &[&str] = if command.verb.text == "at" { &["lose"] } else { &["down", "keeps", "keeps-names"] };
    let takes: Vec<&str> = takes.iter().copied().filter(|option| !elsewhere.contains(option)).collect();
    only(&takes, word, command)?;
    if let Some(on) = command.option("on").filter(|on| on.text == "directory" && kind != Kind::LatentError) {
        let mistake = Diagnostic::new(on.span.clone(), format!("`{}` strikes no directory", word.text));
        return Err(mistake.help("`on=directory` is for latent-error alone"));
    }
    if let Some(by) = command.option("by").filter(|by| by.text.starts_with('-') && matches!(kind, Kind::Delay | Kind::SlowReader))
    {
        return Err(Diagnostic::new(by.span.clone(), format!("`{}` makes nobody faster", word.text)));
    }
    match needs.iter().find(|need| command.option(need).is_none()) {
        Some(need) => Err(Diagnostic::new(word.span.clone(), format!("`{}` needs `{need}=`", word.text))),
        None => Ok(()),
    }
}

/// Which files a fault is for: `on=` and `in=`.
pub(super) fn aim_of(stage: &mut Stage, command: &Command) -> Result<Aim, Diagnostic> {
    let target = command.option("on").map_or(Ok(Target::Log), |word| one_of(word, &NAMED_TARGETS))?;
    let Some(word) = command.option("in") else { return Ok(target.into()) };
    let (topic, index) = asks::partition(word)?;
    let dir = format!("{topic}-{index}");
    let known = match stage.case.is_some() {
        true => world::partitions_of(stage.case()),
        false => stage.world().sim.disk(0).paths(),
    };
    if !known.contains(&dir) {
        let mistake = Diagnostic::new(word.span.clone(), format!("there is no partition `{}` here", word.text));
        let names: Vec<String> = known.iter().map(|path| partition_of(path)).collect();
        let near = nearest(&word.text, names.iter().map(String::as_str));
        return Err(match near {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake.help(format!("one of: {}", names.join(", "))),
        });
    }
    // What these are for is none of a partition's.
    if !IN_PARTITIONS.contains(&target) && topic != "__cluster_metadata" {
        return Err(Diagnostic::new(word.span.clone(), "a partition has no such file").help("leave `in=` out"));
    }
    Ok(Aim { target, dir: Some(dir.into()) })
}

/// Files that lie in the directory of a partition.
const IN_PARTITIONS: [Target; 10] = [
    Target::Log,
    Target::Derived,
    Target::Meta,
    Target::Any,
    Target::Directory,
    Target::Only(FileKind::Index),
    Target::Only(FileKind::TimeIndex),
    Target::Only(FileKind::Snapshot),
    Target::Only(FileKind::LeaderEpochs),
    Target::Only(FileKind::PartitionMetadata),
];

/// Whether all options of a command are among those that `word` takes.
pub(super) fn only(takes: &[&str], word: &Word, command: &Command) -> Result<(), Diagnostic> {
    let takes_setting = |key: &str| takes.contains(&"SETTING") && key.contains('.');
    match command.options.iter().find(|(key, _)| !takes.contains(&key.text.as_str()) && !takes_setting(&key.text)) {
        None => Ok(()),
        Some((key, _)) => {
            let wrong = Diagnostic::new(key.span.clone(), format!("`{}` does not take `{}=`", word.text, key.text));
            Err(match nearest(&key.text, takes.iter().copied()) {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None if takes.is_empty() => wrong.help("it takes no option"),
                None => wrong.help(format!("it takes: {}", takes.join(", "))),
            })
        }
    }
}

/// Faults of a story of one node beside those that wait for a disk call.
const OTHERS: [&str; 15] = [
    "power-loss-at-call",
    "crash-at-call",
    "bit-flip",
    "latent-error",
    "lost-file",
    "disk-full",
    "reset",
    "half-open",
    "half-close",
    "slow-reader",
    "pause",
    "clock-jump",
    "pause-client",
    "client-skew",
    "client-clock-jump",
];

/// Whether a story of one node has the fault that is named, and the fault all that it needs.
pub(super) fn check_kind(command: &Command) -> Result<(), Diagnostic> {
    let Some(word) = command.args.first() else { return Ok(()) };
    let kind = Kind::ALL.iter().find(|kind| kind.name() == word.text);
    let mut known = NAMED_STRIKES.iter().map(|(name, _)| *name).chain(OTHERS);
    match kind.filter(|_| known.clone().any(|name| name == word.text)) {
        Some(kind) => check_fault(*kind, word, command),
        None => {
            let mistake = Diagnostic::new(word.span.clone(), format!("there is no fault `{}`", word.text));
            Err(match nearest(&word.text, known.by_ref()) {
                _ if kind.is_some() => mistake.help(format!("only in a story that begins with `world`: at TIME {}", word.text)),
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake,
            })
        }
    }
}

fn fault(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    const OF_CONNECTIONS: [&str; 3] = ["reset", "half-open", "half-close"];
    const FOR_EVER_MS: u64 = 1 << 40;
    let kind = &command.args[0];
    let aim = aim_of(stage, command)?;
    let of = command.option("of").map_or(Ok(Calls::Any), |w| one_of(w, &NAMED_CALLS))?;
    let loss = Some(command.option("lose").map_or(Ok(Loss::NOTHING_KEPT), |w| one_of(w, &LOSSES))?);
    let after = command.option("after").map_or(Ok(0), number)?;
    let for_ms = command.option("for").map_or(Ok(1_000_000_000), duration_ns)? / 1_000_000;
    let bytes = command.option("bytes").map_or(Ok(0), number)?;
    let name = match command.option("client") {
        Some(word) if OF_CONNECTIONS.contains(&kind.text.as_str()) && !stage.world().has_client(&word.text) => {
            let mistake = Diagnostic::new(word.span.clone(), format!("no client `{}` has asked anything yet", word.text));
            return Err(mistake.help("this fault strikes a connection: it comes behind the client's first command"));
        }
        word => word.map_or("c1", |w| w.text.as_str()).to_string(),
    };
    let by_ms = command.option("by").map_or(Ok(0), signed_ms)?;
    let client = stage.world().client(&name);
    let action = match kind.text.as_str() {
        "power-loss-at-call" => Action::PowerLossAtCall { node: 0, after, of, down_ms: FOR_EVER_MS, loss },
        "crash-at-call" => Action::CrashAtCall { node: 0, after, of, down_ms: FOR_EVER_MS },
        "bit-flip" => Action::BitFlip { node: 0, aim },
        "latent-error" => Action::LatentError { node: 0, aim },
        "lost-file" => Action::LostFile { node: 0, aim },
        "disk-full" => Action::DiskFull { node: 0, bytes, for_ms },
        "reset" => Action::Reset { client },
        "half-open" => Action::HalfOpen { client },
        "half-close" => Action::HalfClose { client },
        "slow-reader" => Action::SlowReader { client, by_ms: u64::try_from(by_ms).unwrap_or(0), for_ms },
        "pause" => Action::Pause { node: 0, for_ms },
        "clock-jump" => Action::ClockJump { node: 0, by_ms },
        "pause-client" => Action::PauseClient { client, for_ms },
        "client-skew" => Action::ClientSkew { client, by_ms },
        "client-clock-jump" => Action::ClientClockJump { client, by_ms },
        word => match NAMED_STRIKES.iter().find(|(n, _)| *n == word) {
            Some((_, strike)) => {
                let stall_ms = if *strike == Strike::Stall { for_ms } else { 0 };
                Action::Disk { node: 0, strike: *strike, aim, after, stall_ms }
            }
            // `check_kind` has looked at the word.
            None => return Err(Diagnostic::new(kind.span.clone(), format!("there is no fault `{word}`"))),
        },
    };
    let fired = stage.world().sim.inject(action);
    let missed = matches!(fired, Fired::NothingToStrike | Fired::NodeDown | Fired::NoConnection);
    Ok(if missed { "nothing to strike".into() } else { String::new() })
}

fn trace(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    *stage.tracing.borrow_mut() = one_of(&command.args[0], &[("on", true), ("off", false)])?;
    Ok(String::new())
}

/// The value that a word stands for.
pub(super) fn one_of<T: Copy>(word: &Word, known: &[(&str, T)]) -> Result<T, Diagnostic> {
    known.iter().find(|(name, _)| *name == word.text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        Diagnostic::new(word.span.clone(), format!("`{}` is not known here", word.text))
            .help(format!("one of: {}", names.join(", ")))
    })
}

/// A time that may be negative, in milliseconds.
pub(super) fn signed_ms(word: &Word) -> Result<i64, Diagnostic> {
    let (sign, rest) = word.text.strip_prefix('-').map_or((1, word.text.as_str()), |r| (-1, r));
    let ns = duration_ns(&Word { text: rest.to_string(), span: word.span.clone() })?;
    Ok(sign * i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX))
}
