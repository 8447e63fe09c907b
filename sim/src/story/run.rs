//! A story at work: its commands carried out on a world, and the trace of each block.
//!
//! State       the world (made by the `node` command), the clients' unanswered requests in the order of asking.
//! Takes       a parsed story.
//! Gives       for each block with commands, the text that stands below its `----`; or the first mistake.
//! Holds       a story draws nothing from outside: the same text gives the same traces.
//! Not here    the grammar (`parse.rs`), what each command asks a node (`commands.rs`).

use super::commands::{self, Form};
use super::parse::{Command, Story, Word};
use crate::case::Case;
use crate::diagnostic::{Diagnostic, nearest};
use crate::world::{Answer, Fired, Ticket, Traced, World};
use ottla_core::wire::batch::Checked;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::rc::Rc;

/// How long a command waits for an answer before it says that it still waits, in virtual nanoseconds.
const PATIENCE_NS: u64 = 60_000_000_000;

/// The longest time that a word can say, in virtual nanoseconds: ten years.
const TIME_MAX_NS: u64 = 3_650 * 86_400_000_000_000;

/// A story being told.
pub(crate) struct Stage {
    pub(super) world: Option<World>,
    /// What `world` and the commands after it have said so far, in a story that begins with it.
    pub(super) case: Option<Case>,
    /// `play` was said.
    pub(super) played: bool,
    /// The command is the first of its block.
    begins: bool,
    /// Nothing is to be run.
    pub(super) only_read: bool,
    /// The bug in its nodes.
    pub(super) planted: Option<String>,
    /// Requests whose answer nobody has seen: who asked, how to show the answer.
    pub(super) open: Vec<Open>,
    /// What the node said while tracing was on.
    traced: Rc<RefCell<Vec<String>>>,
    pub(super) tracing: Rc<RefCell<bool>>,
    /// The producer id that each client was given.
    pub(super) producers: BTreeMap<String, i64>,
    /// Idempotent batches, by topic, partition, producer id, epoch and sequence.
    pub(super) sent: BTreeMap<(String, i32, i64, i16, i32), Checked>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stage({:?})", self.world)
    }
}

/// A request that has no answer yet.
pub(super) struct Open {
    pub(super) ticket: Ticket,
    pub(super) client: String,
    pub(super) show: Show,
}

/// Turns an answer into its line.
pub(super) type Show = Box<dyn Fn(&ottla_core::wire::Response) -> String>;

/// Carry a story out.
pub(super) fn run(story: &Story, planted: Option<&str>) -> Result<Vec<String>, Diagnostic> {
    let mut stage = Stage::new(planted);
    let mut traces = Vec::new();
    for block in story.blocks.iter().filter(|b| !b.commands.is_empty()) {
        let mut trace = String::new();
        for (i, command) in block.commands.iter().enumerate() {
            stage.begins = i == 0;
            let said = stage.carry_out(command)?;
            for line in stage.traced.borrow_mut().drain(..) {
                let _ = writeln!(trace, "{line}");
            }
            if !said.is_empty() {
                let _ = writeln!(trace, "{said}");
            }
            if let Some(failure) = stage.world.as_ref().and_then(|w| w.sim.failures().first()) {
                let _ = writeln!(trace, "REFUTED {}: {}", failure.check, failure.message);
            }
        }
        traces.push(trace.trim_end().to_string());
    }
    stage.check_end(story)?;
    // What waits for a disk call says so when it strikes: it is said here that it never did.
    let idle: String = stage.idle_faults().iter().map(|kind| format!("\nnever struck: {kind}")).collect();
    if let Some(last) = traces.last_mut() {
        last.push_str(&idle);
        *last = last.trim_start().to_string();
    }
    Ok(traces)
}

/// The case of a story that begins with `world`.
pub(super) fn read(story: &Story) -> Result<Case, Diagnostic> {
    let mut stage = Stage { only_read: true, ..Stage::new(None) };
    for command in story.blocks.iter().flat_map(|b| &b.commands) {
        if stage.case.is_none() && command.verb.text == "node" {
            let message = "a story that begins with `node` is told command by command";
            return Err(Diagnostic::new(command.verb.span.clone(), message).help("`ottla sim run` tells it"));
        }
        stage.carry_out(command)?;
    }
    stage.check_end(story)?;
    stage.case.ok_or_else(|| Diagnostic::new(0..0, "there is no command in this story"))
}

impl Stage {
    fn new(planted: Option<&str>) -> Stage {
        Stage {
            world: None,
            case: None,
            played: false,
            begins: true,
            only_read: false,
            planted: planted.map(str::to_string),
            open: Vec::new(),
            traced: Rc::default(),
            tracing: Rc::default(),
            producers: BTreeMap::new(),
            sent: BTreeMap::new(),
        }
    }

    /// A story that does nothing would never fail.
    fn check_end(&self, story: &Story) -> Result<(), Diagnostic> {
        match story.blocks.iter().flat_map(|b| &b.commands).next() {
            None => Err(Diagnostic::new(0..0, "there is no command in this story").help("it begins with `node` or `world`")),
            Some(first) if self.case.is_some() && !self.played => {
                Err(Diagnostic::new(first.verb.span.clone(), "this world is never run").help("`play` is its last command"))
            }
            Some(_) => Ok(()),
        }
    }

    /// The faults of a story told command by command that waited for something and never met it.
    fn idle_faults(&self) -> Vec<&'static str> {
        let Some(world) = &self.world else { return Vec::new() };
        let all = world.sim.plan.entries.iter().zip(world.sim.fired());
        let waited = |fired: &Fired| matches!(fired, Fired::NotYet | Fired::NoSuchCall | Fired::NoStart);
        all.filter(|(_, fired)| waited(fired)).map(|(entry, _)| entry.action.kind().name()).collect()
    }

    fn carry_out(&mut self, command: &Command) -> Result<String, Diagnostic> {
        let verb = command.verb.text.as_str();
        let Some(entry) = commands::TABLE.iter().find(|e| e.verb == verb) else {
            let mut mistake = Diagnostic::new(command.verb.span.clone(), format!("there is no command `{verb}`"));
            if let Some(near) = nearest(verb, commands::TABLE.iter().map(|e| e.verb)) {
                mistake = mistake.help(format!("did you mean `{near}`?"));
            }
            return Err(mistake);
        };
        self.check_form(command, entry.form)?;
        // What is to happen decides which options there are, so that its name is looked at first.
        match verb {
            "at" => super::world::check_what(command)?,
            "fault" => commands::check_kind(command)?,
            _ => {}
        }
        if let Some((key, _)) = command.options.iter().find(|(k, _)| !entry.takes(&k.text)) {
            let known: Vec<&str> = entry.options.iter().map(|(name, _)| *name).collect();
            let mut mistake = Diagnostic::new(key.span.clone(), format!("`{verb}` has no option `{}`", key.text));
            mistake = match nearest(&key.text, known.iter().copied()) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake.help(format!("its options: {}", known.join(", "))),
            };
            return Err(mistake);
        }
        let (least, most) = entry.args;
        if command.args.len() < least {
            return Err(Diagnostic::new(command.verb.span.clone(), format!("`{verb}` needs more words")).help(entry.usage));
        }
        if let Some(extra) = command.args.get(most) {
            return Err(Diagnostic::new(extra.span.clone(), format!("`{verb}` takes no further word")).help(entry.usage));
        }
        if let Some((key, value)) = command.options.iter().find(|(k, v)| k.text == "client" && v.text.is_empty()) {
            return Err(Diagnostic::new(key.span.start..value.span.end, "this names no client"));
        }
        (entry.run)(self, command)
    }

    /// A story begins with `node` or with `world`, and what follows belongs there.
    fn check_form(&self, command: &Command, form: Form) -> Result<(), Diagnostic> {
        let verb = command.verb.text.as_str();
        let wrong = |message: String| Err(Diagnostic::new(command.verb.span.clone(), message));
        let help = |mistake: Result<(), Diagnostic>, help: &str| mistake.map_err(|m| m.help(help));
        match (form, self.world.is_some(), self.case.is_some()) {
            (_, _, true) if self.played => wrong("`play` is the last command".into()),
            (Form::Node, _, true) => help(wrong(format!("`{verb}` is no command of a `world`")), "in a world: at TIME WHAT"),
            (Form::World, true, _) => wrong(format!("`{verb}` is a command of stories that begin with `world`")),
            (Form::World, false, true) if verb == "world" => wrong("a story has one `world`".into()),
            (Form::Node, true, _) if verb == "node" && !self.begins => {
                help(wrong("another `node` begins another block".into()), "behind a `----`, what came of it, and an empty line")
            }
            (_, false, false) if !["node", "world"].contains(&verb) => {
                help(wrong("a story begins with `node` or `world`".into()), "node seed=7 config=tiny")
            }
            _ => Ok(()),
        }
    }

    /// The world. The `node` command is always first, which `carry_out` has checked.
    pub(super) fn world(&mut self) -> &mut World {
        self.world.as_mut().expect("a story begins with `node`")
    }

    /// The case. The `world` command comes first, which `carry_out` has checked.
    pub(super) fn case(&mut self) -> &mut Case {
        self.case.as_mut().expect("a story of a world begins with `world`")
    }

    /// Begin the world.
    pub(super) fn set_world(&mut self, mut world: World) {
        let (lines, on) = (Rc::clone(&self.traced), Rc::clone(&self.tracing));
        world.sim.set_trace(Box::new(move |at_ns, what| {
            if *on.borrow() {
                lines.borrow_mut().push(trace_line(at_ns, what));
            }
        }));
        self.world = Some(world);
        self.open.clear();
    }

    /// Remember a request; wait for its answer unless the story does not want to.
    pub(super) fn asked(&mut self, client: &str, ticket: Ticket, wait: bool, show: Show) -> String {
        if !wait {
            self.open.push(Open { ticket, client: client.to_string(), show });
            return String::new();
        }
        match self.world().await_answer(ticket, PATIENCE_NS) {
            Answer::Got { response, .. } => format!("{client}: {}", show(&response)),
            Answer::Lost { .. } => format!("{client}: connection lost, outcome unknown"),
            Answer::Waiting => {
                self.open.push(Open { ticket, client: client.to_string(), show });
                format!("{client}: still waiting")
            }
        }
    }

    /// The answers that have come meanwhile, in the order of asking.
    pub(super) fn collect(&mut self, wait: bool) -> String {
        let mut said = Vec::new();
        for open in std::mem::take(&mut self.open) {
            let answer =
                if wait { self.world().await_answer(open.ticket, PATIENCE_NS) } else { self.world().sim.answer(open.ticket) };
            match answer {
                Answer::Got { response, .. } => said.push(format!("{}: {}", open.client, (open.show)(&response))),
                Answer::Lost { .. } => said.push(format!("{}: connection lost, outcome unknown", open.client)),
                Answer::Waiting => {
                    if wait {
                        said.push(format!("{}: still waiting", open.client));
                    }
                    self.open.push(open);
                }
            }
        }
        said.join("\n")
    }
}

fn trace_line(at_ns: u64, what: &Traced<'_>) -> String {
    let t = format!("t={}.{:06}", at_ns / 1_000_000_000, at_ns / 1_000 % 1_000_000);
    match what {
        Traced::Input { input, .. } => format!("{t} > {}", ottla_core::trace::input(input)),
        Traced::Effect { effect, .. } => format!("{t} < {}", ottla_core::trace::effect(effect)),
        Traced::World { text } => format!("{t} * {text}"),
    }
}

/// A word as a number, or the mistake that it is none.
pub(super) fn number<T: std::str::FromStr>(word: &Word) -> Result<T, Diagnostic> {
    word.text.parse().map_err(|_| Diagnostic::new(word.span.clone(), format!("`{}` is not a number that fits here", word.text)))
}

/// A word as a number within bounds, both included: where more would take the machine's memory or never end, or less means nothing.
pub(super) fn within<T>(word: &Word, least: T, most: T) -> Result<T, Diagnostic>
where
    T: std::str::FromStr + PartialOrd + Display,
{
    let help = format!("from {least} to {most}");
    match number(word) {
        Ok(n) if (&least..=&most).contains(&&n) => Ok(n),
        Ok(_) => Err(Diagnostic::new(word.span.clone(), format!("`{}` is out of bounds here", word.text)).help(help)),
        Err(mistake) => Err(mistake.help(help)),
    }
}

/// A word as a time, `10ms`, `2s`, `1h`, in nanoseconds.
pub(super) fn duration_ns(word: &Word) -> Result<u64, Diagnostic> {
    let digits = word.text.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.text.len());
    let unit = match &word.text[digits..] {
        "ns" => Some(1),
        "us" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60_000_000_000),
        "h" => Some(3_600_000_000_000),
        "d" => Some(86_400_000_000_000),
        _ => None,
    };
    let count: Option<u64> = word.text[..digits].parse().ok();
    match (count, unit) {
        // Sums of a few of them are times still.
        (Some(n), Some(unit)) if n.checked_mul(unit).is_none_or(|ns| ns > TIME_MAX_NS) => {
            Err(Diagnostic::new(word.span.clone(), format!("`{}` is too long a time", word.text)).help("3650d at the most"))
        }
        (Some(n), Some(unit)) => Ok(n * unit),
        _ => {
            let mistake = Diagnostic::new(word.span.clone(), format!("`{}` is not a time", word.text));
            Err(mistake.help("write 10ms, 2s, 5m, 1h or 7d"))
        }
    }
}
