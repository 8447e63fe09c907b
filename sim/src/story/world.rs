//! Stories of a world whose clients act by themselves: a campaign's case as commands, and the commands as a case.
//!
//! State       the case so far, in the stage.
//! Takes       `world`, `topic`, `admin`, `producer`, `consumer`, `hostile`, `inspector`, `operator`, `library`, `at`, `play`; or a case.
//! Gives       the case, and its course; or the text that stands for it.
//! Holds       a case that is written down and read again is the same case, but for the name of its campaign.
//! Not here    running a case (case.rs), cutting it down (shrink.rs).

use super::asks::BATCH_BYTES_MAX;
use super::commands::{self, one_of};
use super::parse::{Command, Word};
use super::run::{Stage, duration_ns, number, within};
use super::text::{NAMED_CALLS, NAMED_STRIKES, named};
use crate::case::{self, Case, ClientKind, ClientSpec, DRAWN_MAX, FAULTS_MS_MAX, PARTITIONS_MAX, Watching};
use crate::clients::{
    AdminConfig, ConsumerConfig, HostileConfig, InspectorConfig, LibraryConfig, OperatorConfig, ProducerConfig, Reads, TimedAct,
    TimedBatch,
};
use crate::diagnostic::{Diagnostic, nearest};
use crate::disk::{Character, Keep, Loss};
use crate::history::AdminAct;
use crate::plan::{Action, Calls, Entry, Kind, Plan};
use crate::runner::quietly;
use crate::world::Setup;
use crate::world::net::NetCharacter;
use ottla_core::controller::topic_name;
use ottla_core::wire::compress::Codec;
use std::collections::BTreeMap;

const MS: u64 = 1_000_000;
/// The patience of clients of whom nothing else is said.
pub(crate) const PATIENCE_MS: u64 = 15_000;

/// What `world` alone stands for.
pub(crate) fn blank() -> Case {
    Case {
        campaign: "story".into(),
        faults_ms: 1_000,
        setup: Setup {
            disk: Character {
                call_ns: (10_000, 100_000),
                read_ns: None,
                sync_ns: (100_000, 1_000_000),
                loss: Loss::NOTHING_KEPT,
                sync_covers_later: false,
            },
            net: NetCharacter { delay_ns: (50_000, 200_000), bytes_percent: 0 },
            ..Setup::calm(1)
        },
        clients: vec![ClientSpec { name: "admin".into(), kind: ClientKind::Admin(blank_admin()) }],
        plan: Plan::default(),
    }
}

pub(super) fn blank_admin() -> AdminConfig {
    AdminConfig {
        setup: Vec::new(),
        stable: Vec::new(),
        volatile: Vec::new(),
        operations: 0,
        think_ms: 1,
        patience_ms: PATIENCE_MS,
        delete_records: false,
        timetable: Vec::new(),
    }
}

pub(super) fn blank_producer(topics: Vec<(String, i32)>) -> ProducerConfig {
    ProducerConfig::patient(topics, PATIENCE_MS)
}

pub(super) fn blank_consumer(topics: Vec<(String, i32)>) -> ConsumerConfig {
    ConsumerConfig {
        topics,
        sessions: false,
        by_id: false,
        max_bytes: 1 << 20,
        min_bytes: 1,
        max_wait_ms: 100,
        think_ms: 50,
        patience_ms: PATIENCE_MS,
        lists_percent: 0,
        last: false,
    }
}

pub(super) fn blank_inspector(topics: Vec<(String, i32)>) -> InspectorConfig {
    InspectorConfig { topics, think_ms: 10, patience_ms: PATIENCE_MS }
}

/// What an operator does, unless said.
pub(super) const OPERATIONS: u32 = 10;

/// Acknowledgements, by name.
const ACKS: [(&str, i16); 3] = [("all", -1), ("1", 1), ("0", 0)];

/// What the client of core reads, by name.
pub(super) const NAMED_READS: [(&str, Reads); 3] = [("no", Reads::Nothing), ("all", Reads::All), ("anywhere", Reads::Anywhere)];

/// The topics that are set up, with their partitions.
pub(super) fn topics_of(case: &Case) -> Vec<(String, i32)> {
    let ClientKind::Admin(admin) = &case.clients[0].kind else { return Vec::new() };
    admin.setup.iter().map(|(name, partitions, _)| (name.clone(), *partitions)).collect()
}

fn yes(word: &Word) -> Result<bool, Diagnostic> {
    one_of(word, &[("yes", true), ("no", false)])
}

fn ms(word: &Word) -> Result<u64, Diagnostic> {
    Ok(duration_ns(word)? / MS)
}

fn at_least_one(word: &Word) -> Result<i32, Diagnostic> {
    match partitions(word)? {
        n if n > 0 => Ok(n),
        _ => Err(mistake(word, "a topic has one partition at least".into())),
    }
}

/// How many partitions a topic is to have. Too few is for the broker to say.
fn partitions(word: &Word) -> Result<i32, Diagnostic> {
    match number(word)? {
        n if n <= PARTITIONS_MAX => Ok(n),
        n => Err(mistake(word, format!("{n} partitions are too many for a world")).help(format!("{PARTITIONS_MAX} at the most"))),
    }
}

/// As many records one batch, or one burst, has at the most.
const RECORDS_MAX: u32 = 100_000;
/// The bytes of padding in one record, at the most.
const PADDING_MAX: u32 = 1 << 20;

/// Whether what is sent at once, so many records with so much padding each, fits into this machine.
fn check_bytes(command: &Command, records: u64, padding: u32) -> Result<(), Diagnostic> {
    match command.option("size") {
        Some(word) if records.saturating_mul(u64::from(padding)) > BATCH_BYTES_MAX as u64 => {
            let message = format!("{records} records of {padding} bytes are too much at once");
            Err(mistake(word, message).help(format!("{BATCH_BYTES_MAX} bytes at the most")))
        }
        _ => Ok(()),
    }
}

fn mistake(word: &Word, message: String) -> Diagnostic {
    Diagnostic::new(word.span.clone(), message)
}

/// `1us..2ms`.
fn range_ns(word: &Word) -> Result<(u64, u64), Diagnostic> {
    let Some(at) = word.text.find("..") else {
        return Err(mistake(word, format!("`{}` is no range", word.text)).help("write 10us..2ms"));
    };
    let part = |text: &str| duration_ns(&Word { text: text.to_string(), span: word.span.clone() });
    let (low, high) = (part(&word.text[..at])?, part(&word.text[at + 2..])?);
    if low > high {
        return Err(mistake(word, "the lower end stands first".into()));
    }
    Ok((low, high))
}

const KEEPS: [(&str, Keep); 4] =
    [("nothing", Keep::Nothing), ("everything", Keep::Everything), ("prefix", Keep::Prefix), ("any", Keep::Subset)];

/// The word for what is kept.
pub(super) fn keep_name(keep: Keep) -> &'static str {
    named(&KEEPS, keep)
}

/// `nothing`, `everything`, `prefix` or `any`, with `+garbage` and `+shorn`.
fn keeps(word: &Word, loss: &mut Loss) -> Result<(), Diagnostic> {
    let mut parts = word.text.split('+');
    let first = Word { text: parts.next().unwrap_or_default().to_string(), span: word.span.clone() };
    loss.data = one_of(&first, &KEEPS)?;
    for part in parts {
        match part {
            "garbage" => loss.garbage = true,
            "shorn" => loss.shorn = true,
            _ => return Err(mistake(word, format!("`{part}` is not known here")).help("one of: garbage, shorn")),
        }
    }
    Ok(())
}

pub(super) fn world(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let mut case = blank();
    case.setup.planted.clone_from(&stage.planted);
    for (key, value) in &command.options {
        let setup = &mut case.setup;
        match key.text.as_str() {
            "seed" => setup.seed = number(value)?,
            "config" => setup.tiny = one_of(value, &[("tiny", true), ("default", false)])?,
            "faults-for" => {
                case.faults_ms = ms(value)?;
                if case.faults_ms > FAULTS_MS_MAX {
                    return Err(mistake(value, "clients would act for ever".into()).help("30d at the most"));
                }
            }
            "keeps" => keeps(value, &mut setup.disk.loss)?,
            "keeps-names" => setup.disk.loss.names = one_of(value, &KEEPS)?,
            "call" => setup.disk.call_ns = range_ns(value)?,
            "read" => setup.disk.read_ns = Some(range_ns(value)?),
            "sync" => setup.disk.sync_ns = range_ns(value)?,
            "sync-covers-later" => setup.disk.sync_covers_later = yes(value)?,
            "delay" => setup.net.delay_ns = range_ns(value)?,
            "through-bytes" => setup.net.bytes_percent = within(value, 0, 100)?,
            "spurious-wakes" => setup.spurious_wakes = yes(value)?,
            "power-loss-at" => {
                // The first call that begins is the first boundary.
                let one = |text: &str| within(&Word { text: text.to_string(), span: value.span.clone() }, 1, u64::MAX);
                setup.power_loss_at = value.text.split(',').map(one).collect::<Result<_, _>>()?;
            }
            "bug" => {
                if let Err(why) = crate::mutants::bugs(std::slice::from_ref(&value.text)) {
                    return Err(mistake(value, why));
                }
                if !cfg!(feature = "planted-bugs") {
                    return Err(mistake(value, "this build can have no planted bug".into()).help("--features planted-bugs"));
                }
                setup.planted = Some(value.text.clone());
            }
            _ => {
                commands::check_setting(key, value)?;
                setup.settings.insert(key.text.clone(), value.text.clone());
            }
        }
    }
    stage.case = Some(case);
    Ok(String::new())
}

fn admin_of(stage: &mut Stage) -> &mut AdminConfig {
    match &mut stage.case().clients[0].kind {
        ClientKind::Admin(admin) => admin,
        _ => panic!("the first client of a story's world is its administrator"),
    }
}

pub(super) fn topic(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let partitions = command.option("partitions").map_or(Ok(1), at_least_one)?;
    let mut settings = Vec::new();
    for (key, value) in &command.options {
        match key.text.as_str() {
            "partitions" => {}
            "client" | "wait" => return Err(mistake(key, "in a world topics are made by `admin`".into())),
            _ => {
                // The administrator would be refused, and would try again for ever.
                commands::check_topic_setting(&stage.case().setup, &settings, key, value)?;
                settings.push((key.text.clone(), value.text.clone()));
            }
        }
    }
    let name = &command.args[0];
    topic_name::check(&name.text).map_err(|why| mistake(name, why))?;
    let admin = admin_of(stage);
    if admin.setup.iter().any(|(n, ..)| *n == name.text) {
        return Err(mistake(name, format!("there is a topic `{}` already", name.text)));
    }
    admin.setup.push((name.text.clone(), partitions, settings));
    admin.stable.push(name.text.clone());
    Ok(String::new())
}

pub(super) fn admin(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let admin = admin_of(stage);
    for (key, value) in &command.options {
        match key.text.as_str() {
            "operations" => admin.operations = within(value, 0, DRAWN_MAX)?,
            "think" => admin.think_ms = ms(value)?,
            "patience" => admin.patience_ms = ms(value)?,
            "delete-records" => admin.delete_records = yes(value)?,
            _ => {
                // Topics that are deleted and made again; the others are only changed.
                for name in value.text.split(',') {
                    if !admin.setup.iter().any(|(n, ..)| n == name) {
                        return Err(mistake(value, format!("there is no topic `{name}` above")));
                    }
                    admin.stable.retain(|n| n != name);
                    admin.volatile.push(name.to_string());
                }
            }
        }
    }
    Ok(String::new())
}

/// `t0,t1`, or every topic above.
fn topics(stage: &mut Stage, command: &Command) -> Result<Vec<(String, i32)>, Diagnostic> {
    let known = topics_of(stage.case());
    let Some(word) = command.option("topics") else { return Ok(known) };
    if word.text.is_empty() {
        return Ok(Vec::new());
    }
    let find = |name: &str| {
        let found = known.iter().find(|(n, _)| n == name).cloned();
        found.ok_or_else(|| mistake(word, format!("there is no topic `{name}` above")))
    };
    word.text.split(',').map(find).collect()
}

fn add(stage: &mut Stage, name: &Word, kind: ClientKind) -> Result<String, Diagnostic> {
    let clients = &mut stage.case().clients;
    if name.text.is_empty() {
        return Err(mistake(name, "a client has a name".into()));
    }
    if clients.iter().any(|c| c.name == name.text) {
        return Err(mistake(name, format!("there is a client `{}` already", name.text)));
    }
    clients.push(ClientSpec { name: name.text.clone(), kind });
    Ok(String::new())
}

pub(super) fn producer(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let mut c = blank_producer(topics(stage, command)?);
    for (key, value) in &command.options {
        match key.text.as_str() {
            "acks" => c.acks = one_of(value, &ACKS)?,
            "idempotent" => c.idempotent = yes(value)?,
            "in-flight" => c.in_flight = within(value, 1, 5)?,
            "retries" => c.retries = yes(value)?,
            "by-id" => c.by_id = yes(value)?,
            "patience" => c.patience_ms = ms(value)?,
            "batches" => c.batches = within(value, 0, DRAWN_MAX)?,
            "records" => c.records_max = within(value, 1, RECORDS_MAX)?,
            "size" => c.padding_max = within(value, 0, PADDING_MAX)?,
            "think" => c.think_ms = ms(value)?,
            _ => {}
        }
    }
    check_bytes(command, u64::from(c.records_max), c.padding_max)?;
    add(stage, &command.args[0], ClientKind::Producer(c))
}

pub(super) fn consumer(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let mut c = blank_consumer(topics(stage, command)?);
    for (key, value) in &command.options {
        match key.text.as_str() {
            "sessions" => c.sessions = yes(value)?,
            "by-id" => c.by_id = yes(value)?,
            "max-bytes" => c.max_bytes = number(value)?,
            "min-bytes" => c.min_bytes = number(value)?,
            "max-wait" => c.max_wait_ms = i32::try_from(ms(value)?).unwrap_or(i32::MAX),
            "think" => c.think_ms = ms(value)?,
            "patience" => c.patience_ms = ms(value)?,
            "lists" => c.lists_percent = within(value, 0, 100)?,
            _ => {}
        }
    }
    add(stage, &command.args[0], ClientKind::Consumer(c))
}

pub(super) fn hostile(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let topics = topics(stage, command)?.into_iter().map(|(name, _)| name).collect();
    let frames = command.option("frames").map_or(Ok(10), |word| within(word, 0, DRAWN_MAX))?;
    let think_ms = command.option("think").map_or(Ok(10), ms)?;
    add(stage, &command.args[0], ClientKind::Hostile(HostileConfig { topics, frames, think_ms }))
}

pub(super) fn inspector(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let mut c = blank_inspector(topics(stage, command)?);
    c.think_ms = command.option("think").map_or(Ok(c.think_ms), ms)?;
    c.patience_ms = command.option("patience").map_or(Ok(c.patience_ms), ms)?;
    add(stage, &command.args[0], ClientKind::Inspector(c))
}

pub(super) fn operator(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let operations = command.option("operations").map_or(Ok(OPERATIONS), |word| within(word, 0, DRAWN_MAX))?;
    let think_ms = command.option("think").map_or(Ok(10), ms)?;
    let patience_ms = command.option("patience").map_or(Ok(PATIENCE_MS), ms)?;
    add(stage, &command.args[0], ClientKind::Operator(OperatorConfig { operations, think_ms, patience_ms }))
}

pub(super) fn library(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let mut c = LibraryConfig::idle(topics(stage, command)?);
    for (key, value) in &command.options {
        match key.text.as_str() {
            "acks" => c.acks = one_of(value, &ACKS)?,
            "idempotent" => c.idempotent = yes(value)?,
            "in-flight" => c.in_flight = within(value, 1, 5)?,
            "codec" => c.codec = one_of(value, &Codec::ALL.map(|codec| (codec.name(), codec)))?,
            "linger" => c.linger_ms = ms(value)?,
            "batch-bytes" => c.batch_bytes = within(value, 0, BATCH_BYTES_MAX)?,
            "records" => c.records = within(value, 0, DRAWN_MAX)?,
            "burst" => c.burst = within(value, 1, RECORDS_MAX)?,
            "size" => c.padding_max = within(value, 0, PADDING_MAX)?,
            "think" => c.think_ms = ms(value)?,
            "request-timeout" => c.request_ms = ms(value)?,
            "delivery-timeout" => c.delivery_ms = ms(value)?,
            "reads" => c.reads = one_of(value, &NAMED_READS)?,
            "asks" => c.asks_percent = within(value, 0, 100)?,
            "older" => c.older = yes(value)?,
            _ => {}
        }
    }
    if c.idempotent && c.acks != -1 {
        return Err(mistake(&command.args[0], "idempotence needs acks=all".into()).help("give it idempotent=no"));
    }
    check_bytes(command, u64::from(c.burst), c.padding_max)?;
    add(stage, &command.args[0], ClientKind::Library(c))
}

/// What clients do at given times, with the options that each act takes. Whatever else happens is a fault.
const ACTS: [(&str, &[&str]); 6] = [
    ("produce", &["client", "records", "size"]),
    ("create", &["partitions"]),
    ("delete", &[]),
    ("add-partitions", &["total"]),
    ("configure", &["SETTING"]),
    ("delete-records", &["before"]),
];

/// Whether `at TIME WHAT` names a time, and something that there is, with options that it takes.
pub(super) fn check_what(command: &Command) -> Result<(), Diagnostic> {
    let [time, what, ..] = &command.args[..] else { return Ok(()) };
    duration_ns(time)?;
    if let Some((_, takes)) = ACTS.iter().find(|(act, _)| *act == what.text) {
        return commands::only(takes, what, command);
    }
    if let Some(kind) = Kind::ALL.iter().find(|kind| kind.name() == what.text) {
        return commands::check_fault(*kind, what, command);
    }
    let wrong = mistake(what, format!("there is no fault and no act `{}`", what.text));
    let known = Kind::ALL.iter().map(|kind| kind.name()).chain(ACTS.iter().map(|(act, _)| *act));
    Err(match nearest(&what.text, known) {
        Some(near) => wrong.help(format!("did you mean `{near}`?")),
        None => wrong,
    })
}

/// `at TIME WHAT ...`: an entry of the fault plan, or of a client's timetable.
pub(super) fn at(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let at_ms = ms(&command.args[0])?;
    let faults_ms = stage.case().faults_ms;
    if at_ms >= faults_ms {
        let late = mistake(&command.args[0], format!("nothing strikes and nobody acts after {faults_ms} ms"));
        return Err(late.help("`world faults-for=TIME` says how long this goes on"));
    }
    let what = &command.args[1];
    let further = |least: usize| match command.args.get(2 + least) {
        Some(extra) if what.text != "produce" => Err(mistake(extra, format!("`{}` takes no further word", what.text))),
        _ if command.args.len() < 2 + least => Err(mistake(what, format!("`{}` needs more words", what.text))),
        _ => Ok(()),
    };
    let act = match what.text.as_str() {
        "produce" => {
            further(1)?;
            timed_batch(stage, command, at_ms)?;
            None
        }
        "create" => {
            further(1)?;
            Some((
                &command.args[2],
                AdminAct::CreateTopic { partitions: command.option("partitions").map_or(Ok(1), partitions)? },
            ))
        }
        "delete" => {
            further(1)?;
            Some((&command.args[2], AdminAct::DeleteTopic))
        }
        "add-partitions" => {
            further(1)?;
            let total = command.option("total").ok_or_else(|| mistake(what, "how many in all?".into()).help("total=N"))?;
            Some((&command.args[2], AdminAct::CreatePartitions { count: partitions(total)? }))
        }
        "configure" => {
            further(1)?;
            let mut settings = command.options.iter();
            let (name, value) = settings.next().ok_or_else(|| mistake(what, "which setting?".into()).help("SETTING=VALUE"))?;
            if let Some((another, _)) = settings.next() {
                return Err(mistake(another, "an administrator changes one setting at a time".into()).help("write another `at`"));
            }
            Some((&command.args[2], AdminAct::SetConfig { name: name.text.clone(), value: value.text.clone() }))
        }
        "delete-records" => {
            further(1)?;
            let (topic, partition) = super::asks::partition(&command.args[2])?;
            let before = command.option("before").map_or(Ok(-1), number)?;
            let act = AdminAct::DeleteRecords { partition, before };
            admin_of(stage).timetable.push(TimedAct { at_ms, topic, act });
            None
        }
        _ => {
            further(0)?;
            let action = action(stage, command)?;
            stage.case().plan.entries.push(Entry { at_ms, action });
            None
        }
    };
    if let Some((topic, act)) = act {
        admin_of(stage).timetable.push(TimedAct { at_ms, topic: topic.text.clone(), act });
    }
    Ok(String::new())
}

fn timed_batch(stage: &mut Stage, command: &Command, at_ms: u64) -> Result<(), Diagnostic> {
    let to = command.args[2..].iter().map(super::asks::partition).collect::<Result<Vec<_>, _>>()?;
    // No client puts two batches of one partition into one request, nor a batch without records: the protocol has no answer to it.
    if let Some(second) = (1..to.len()).find(|n| to[..*n].contains(&to[*n])) {
        let word = &command.args[2 + second];
        return Err(mistake(word, format!("`{}` stands here twice", word.text)).help("a request has one batch for a partition"));
    }
    let records = command.option("records").map_or(Ok(1), |word| within(word, 1, RECORDS_MAX))?;
    let padding = command.option("size").map_or(Ok(0), |word| within(word, 0, PADDING_MAX))?;
    check_bytes(command, u64::from(records) * to.len() as u64, padding)?;
    let batch = TimedBatch { at_ms, to, records, padding };
    let name = command.option("client");
    let producers = stage.case().clients.iter_mut().filter_map(|c| match &mut c.kind {
        ClientKind::Producer(p) => Some((c.name.as_str(), &mut p.timetable)),
        ClientKind::Library(l) => Some((c.name.as_str(), &mut l.timetable)),
        _ => None,
    });
    let mut producers = producers.filter(|(n, _)| name.is_none_or(|w| w.text == *n));
    match (producers.next(), name) {
        (Some((_, timetable)), _) => timetable.push(batch),
        (None, Some(word)) => return Err(mistake(word, format!("there is no producer `{}` above", word.text))),
        (None, None) => return Err(mistake(&command.args[1], "there is no producer above".into()).help("producer NAME")),
    }
    Ok(())
}

/// The paths of the partitions that there are in this world at some time, as far as they stand above.
pub(super) fn partitions_of(case: &Case) -> Vec<String> {
    let mut most: BTreeMap<&str, i32> = BTreeMap::from([("__cluster_metadata", 1)]);
    for spec in &case.clients {
        let ClientKind::Admin(admin) = &spec.kind else { continue };
        let made = admin.setup.iter().map(|(name, partitions, _)| (name.as_str(), *partitions));
        let later = admin.timetable.iter().filter_map(|act| match act.act {
            AdminAct::CreateTopic { partitions } => Some((act.topic.as_str(), partitions)),
            AdminAct::CreatePartitions { count } => Some((act.topic.as_str(), count)),
            _ => None,
        });
        for (topic, partitions) in made.chain(later) {
            let known = most.entry(topic).or_default();
            *known = partitions.max(*known);
        }
    }
    most.into_iter().flat_map(|(topic, n)| (0..n).map(move |i| format!("{topic}-{i}"))).collect()
}

/// What an entry of the plan does.
fn action(stage: &mut Stage, command: &Command) -> Result<Action, Diagnostic> {
    let kind = &command.args[1];
    let node = 0;
    let down_ms = command.option("down").map_or(Ok(100), ms)?;
    let for_ms = command.option("for").map_or(Ok(1_000), ms)?;
    let by_ms = command.option("by").map_or(Ok(0), commands::signed_ms)?;
    let late_ms = u64::try_from(by_ms).unwrap_or(0);
    // `check_what` has looked at the word.
    let Some(known) = Kind::ALL.iter().find(|k| k.name() == kind.text) else {
        return Err(mistake(kind, format!("there is no fault `{}`", kind.text)));
    };
    let aim = commands::aim_of(stage, command)?;
    let after = command.option("after").map_or(Ok(0), number)?;
    let of = command.option("of").map_or(Ok(Calls::Any), |w| one_of(w, &NAMED_CALLS))?;
    let mut loss = None;
    if let Some(word) = command.option("keeps") {
        keeps(word, loss.get_or_insert(Loss::NOTHING_KEPT))?;
    }
    if let Some(word) = command.option("keeps-names") {
        loss.get_or_insert(Loss::NOTHING_KEPT).names = one_of(word, &KEEPS)?;
    }
    Ok(match known {
        Kind::Crash => Action::Crash { node, down_ms },
        Kind::CrashAtCall => Action::CrashAtCall { node, after, of, down_ms },
        Kind::PowerLoss => Action::PowerLoss { node, down_ms, loss },
        Kind::PowerLossAtCall => Action::PowerLossAtCall { node, after, of, down_ms, loss },
        Kind::PowerOff => Action::PowerOff { node, down_ms, loss },
        Kind::Shutdown => Action::Shutdown { node, down_ms },
        Kind::Pause => Action::Pause { node, for_ms },
        Kind::ClockJump => Action::ClockJump { node, by_ms },
        Kind::BitFlip => Action::BitFlip { node, aim },
        Kind::LatentError => Action::LatentError { node, aim },
        Kind::LostFile => Action::LostFile { node, aim },
        Kind::DiskFull => Action::DiskFull { node, bytes: command.option("bytes").map_or(Ok(0), number)?, for_ms },
        Kind::ResetAll => Action::ResetAll { node },
        Kind::Delay => Action::Delay { node, by_ms: late_ms, for_ms },
        Kind::Reset => Action::Reset { client: client(stage, command)? },
        Kind::HalfOpen => Action::HalfOpen { client: client(stage, command)? },
        Kind::HalfClose => Action::HalfClose { client: client(stage, command)? },
        Kind::SlowReader => Action::SlowReader { client: client(stage, command)?, by_ms: late_ms, for_ms },
        Kind::PauseClient => Action::PauseClient { client: client(stage, command)?, for_ms },
        Kind::ClientSkew => Action::ClientSkew { client: client(stage, command)?, by_ms },
        Kind::ClientClockJump => Action::ClientClockJump { client: client(stage, command)?, by_ms },
        disk => {
            let strike = NAMED_STRIKES.iter().find(|(name, _)| *name == disk.name()).map(|(_, strike)| *strike);
            let strike = strike.ok_or_else(|| mistake(kind, format!("`{}` is no fault of a disk", kind.text)))?;
            Action::Disk { node, strike, aim, after, stall_ms: if *known == Kind::Stall { for_ms } else { 0 } }
        }
    })
}

/// The number of the client that is named.
fn client(stage: &mut Stage, command: &Command) -> Result<u32, Diagnostic> {
    let Some(word) = command.option("client") else {
        return Err(mistake(&command.args[1], "whose?".into()).help("client=NAME"));
    };
    let found = stage.case().clients.iter().position(|c| c.name == word.text);
    found.map(|n| n as u32).ok_or_else(|| mistake(word, format!("there is no client `{}` above", word.text)))
}

/// Run the world, and tell its course.
pub(super) fn play(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    stage.played = true;
    let case = stage.case();
    for (client, spec) in case.clients.iter().enumerate() {
        if let Some(topic) = case.visits_deleted(client).filter(|_| !case.names_by_id(client)) {
            let message = format!("{} visits {topic}, which is deleted: nobody could tell its incarnations apart", spec.name);
            return Err(Diagnostic::new(command.verb.span.clone(), message).help("give the client by-id=yes, or other topics"));
        }
    }
    if stage.only_read {
        return Ok(String::new());
    }
    let case = stage.case().clone();
    let mut outcome = quietly(|| case::run(&case, Watching { course: true, ..Watching::default() }));
    let mut lines = std::mem::take(&mut outcome.course);
    if outcome.failures.is_empty() {
        let o = outcome.operations;
        let (starts, excused) = (o.starts, outcome.excused());
        lines.push(format!("held: {} acknowledged, {} records read, {starts} starts{excused}", o.acked, o.records_read));
    }
    lines.extend(outcome.never_struck().map(|kind| format!("never struck: {kind}")));
    Ok(lines.join("\n"))
}
