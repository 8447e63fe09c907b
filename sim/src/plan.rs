//! The fault plan of a world: a list of timed actions, as data that can be printed, edited, replayed and cut down.
//!
//! State       none: a plan is a value.
//! Holds       drawing a plan uses streams of its own, one per kind of fault: leaving one kind out moves no other.
//! Not here    carrying the actions out (world/faults.rs).

use crate::disk::{Aim, Keep, Loss, Strike, Target};
use ottla_core::rng::Rng;
use serde::{Deserialize, Serialize};

/// Which disk calls count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Calls {
    Any,
    /// Those that make, change, remove or sync names: between two of them lies most of what can go wrong.
    Names,
}

/// What is done to the world at one moment.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// The process dies; the page cache survives. It starts again after `down_ms`.
    Crash { node: u32, down_ms: u64 },
    /// The machine loses power. Without `loss`, what survives is as the disk's character says.
    PowerLoss { node: u32, down_ms: u64, loss: Option<Loss> },
    /// The machine loses power right where a disk call begins or ends, after so many more of those that count.
    PowerLossAtCall { node: u32, after: u32, of: Calls, down_ms: u64, loss: Option<Loss> },
    /// The process dies there.
    CrashAtCall { node: u32, after: u32, of: Calls, down_ms: u64 },
    /// An orderly end (SIGTERM), then a start after `down_ms`.
    Shutdown { node: u32, down_ms: u64 },
    /// An orderly end, and power is lost right behind it.
    PowerOff { node: u32, down_ms: u64, loss: Option<Loss> },
    /// The process is stopped for a while and knows nothing of it (GC, SIGSTOP).
    Pause { node: u32, for_ms: u64 },
    /// Wall time jumps, forward or back.
    ClockJump { node: u32, by_ms: i64 },
    /// A disk fault waits for its call.
    Disk { node: u32, strike: Strike, aim: Aim, after: u32, stall_ms: u64 },
    /// Damage to bytes at rest: a flipped bit.
    BitFlip { node: u32, aim: Aim },
    /// Damage to bytes at rest: a sector that cannot be read any more.
    LatentError { node: u32, aim: Aim },
    /// A file is taken away while the process is down: at once, or before the next start.
    LostFile { node: u32, aim: Aim },
    /// Only so many bytes may still be written, for a while.
    DiskFull { node: u32, bytes: u64, for_ms: u64 },
    /// A client's connection breaks, at any byte.
    Reset { client: u32 },
    /// Every connection of a node breaks.
    ResetAll { node: u32 },
    /// A client vanishes without a word: its peer keeps the connection until it has been idle for too long.
    HalfOpen { client: u32 },
    /// A client ends its sending side alone: what it has asked is still answered, and then the connection ends.
    HalfClose { client: u32 },
    /// A client reads its answers slowly for a while.
    SlowReader { client: u32, by_ms: u64, for_ms: u64 },
    /// The network of a node takes longer for a while.
    Delay { node: u32, by_ms: u64, for_ms: u64 },
    /// A client does nothing for a while, then goes on with what it knew.
    PauseClient { client: u32, for_ms: u64 },
    /// A client's clock is wrong by so much.
    ClientSkew { client: u32, by_ms: i64 },
    /// A client's clock jumps, forward or back.
    ClientClockJump { client: u32, by_ms: i64 },
}

impl Action {
    /// The kind, as counters and campaigns name it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Action::Crash { .. } => Kind::Crash,
            Action::PowerLoss { .. } => Kind::PowerLoss,
            Action::PowerLossAtCall { .. } => Kind::PowerLossAtCall,
            Action::CrashAtCall { .. } => Kind::CrashAtCall,
            Action::Shutdown { .. } => Kind::Shutdown,
            Action::PowerOff { .. } => Kind::PowerOff,
            Action::Pause { .. } => Kind::Pause,
            Action::ClockJump { .. } => Kind::ClockJump,
            Action::Disk { strike, .. } => match strike {
                Strike::ReadError => Kind::ReadError,
                Strike::WriteError => Kind::WriteError,
                Strike::ShortWrite => Kind::ShortWrite,
                Strike::NoSpace => Kind::NoSpace,
                Strike::SyncError => Kind::SyncError,
                Strike::SyncDirError => Kind::SyncDirError,
                Strike::NameError => Kind::NameError,
                Strike::PhantomWrite => Kind::PhantomWrite,
                Strike::MisdirectedWrite => Kind::MisdirectedWrite,
                Strike::Stall => Kind::Stall,
            },
            Action::BitFlip { .. } => Kind::BitFlip,
            Action::LatentError { .. } => Kind::LatentError,
            Action::LostFile { .. } => Kind::LostFile,
            Action::DiskFull { .. } => Kind::DiskFull,
            Action::Reset { .. } => Kind::Reset,
            Action::ResetAll { .. } => Kind::ResetAll,
            Action::HalfOpen { .. } => Kind::HalfOpen,
            Action::HalfClose { .. } => Kind::HalfClose,
            Action::SlowReader { .. } => Kind::SlowReader,
            Action::Delay { .. } => Kind::Delay,
            Action::PauseClient { .. } => Kind::PauseClient,
            Action::ClientSkew { .. } => Kind::ClientSkew,
            Action::ClientClockJump { .. } => Kind::ClientClockJump,
        }
    }

    /// The client that it strikes, if it strikes one.
    fn client_mut(&mut self) -> Option<&mut u32> {
        match self {
            Action::Reset { client }
            | Action::HalfOpen { client }
            | Action::HalfClose { client }
            | Action::SlowReader { client, .. }
            | Action::PauseClient { client, .. }
            | Action::ClientSkew { client, .. }
            | Action::ClientClockJump { client, .. } => Some(client),
            _ => None,
        }
    }
}

macro_rules! kinds {
    ($($kind:ident = $name:literal, $doc:literal;)*) => {
        /// Every kind of fault.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind { $(#[doc = $doc] $kind,)* }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)* }
            }

            /// One sentence for `ottla sim list`.
            #[must_use]
            pub fn describe(self) -> &'static str {
                match self { $(Kind::$kind => $doc,)* }
            }
        }
    };
}

kinds! {
    Crash = "crash", "The process dies; what it wrote stays in the page cache.";
    PowerLoss = "power-loss", "The machine loses power; of what no fsync covered, any part may survive.";
    PowerLossAtCall = "power-loss-at-call", "The machine loses power right where a disk call begins or ends.";
    CrashAtCall = "crash-at-call", "The process dies right where a disk call begins or ends.";
    Shutdown = "shutdown", "An orderly end and a new start.";
    PowerOff = "power-off", "An orderly end, and power is lost right behind it.";
    Pause = "pause", "The process stands still and does not know it.";
    ClockJump = "clock-jump", "Wall time jumps, forward or back.";
    ReadError = "read-error", "A read of a file ends with EIO.";
    WriteError = "write-error", "A write ends with EIO, nothing written.";
    ShortWrite = "short-write", "A write ends with EIO after a part of its bytes.";
    NoSpace = "no-space", "A write finds no space in mid-batch, once.";
    SyncError = "sync-error", "An fsync fails: reported once, dirty pages dropped.";
    SyncDirError = "sync-dir-error", "An fsync of a directory fails.";
    NameError = "name-error", "A create, rename, remove or truncate ends with EIO.";
    PhantomWrite = "phantom-write", "An fsync succeeds, but a sector was never written.";
    MisdirectedWrite = "misdirected-write", "An fsync succeeds, but a sector went to another file.";
    Stall = "stall", "A disk call takes seconds.";
    BitFlip = "bit-flip", "A bit of a file at rest turns over.";
    LatentError = "latent-error", "A sector at rest cannot be read any more.";
    LostFile = "lost-file", "A file is taken away while the broker is down.";
    DiskFull = "disk-full", "The disk is full for a while.";
    Reset = "reset", "A client's connection breaks; of the messages under way some still arrive.";
    ResetAll = "reset-all", "Every connection breaks.";
    HalfOpen = "half-open", "A client vanishes without closing its connection.";
    HalfClose = "half-close", "A client ends its sending side alone.";
    SlowReader = "slow-reader", "A client takes long to read its answers.";
    Delay = "delay", "Messages take longer.";
    PauseClient = "pause-client", "A client stands still, then goes on with what it knew.";
    ClientSkew = "client-skew", "A client's clock is wrong from the beginning.";
    ClientClockJump = "client-clock-jump", "A client's clock jumps, forward or back.";
}

/// One entry of a plan.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Virtual milliseconds after the start of the world.
    pub at_ms: u64,
    pub action: Action,
}

/// A list of timed actions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    pub entries: Vec<Entry>,
}

/// How often a kind of fault is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rate {
    pub kind: Kind,
    /// The most that one world gets.
    pub most: u32,
}

/// What a plan is drawn for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    pub nodes: u32,
    pub clients: u32,
    /// Faults are planned up to here, in virtual milliseconds.
    pub until_ms: u64,
}

impl Plan {
    /// Draw a plan: of each kind in `rates` up to its number, and in about half of the worlds none (swarm testing: with every fault
    /// always on, a system never gets far enough to break in the interesting places).
    #[must_use]
    pub fn draw(seed: u64, rates: &[Rate], span: Span) -> Plan {
        let mut entries = Vec::new();
        for rate in rates {
            let mut rng = Rng::stream(seed, &format!("plan/{}", rate.kind.name()));
            if rng.chance(1, 2) || rate.most == 0 {
                continue;
            }
            for _ in 0..rng.between(1, u64::from(rate.most)) {
                // A clock that is wrong is so from the beginning.
                let at_ms = if rate.kind == Kind::ClientSkew { 0 } else { rng.between(1, span.until_ms) };
                entries.push(Entry { at_ms, action: draw_action(rate.kind, &mut rng, span) });
            }
        }
        entries.sort_by_key(|e| e.at_ms);
        Plan { entries }
    }
}

impl Plan {
    /// Add of another plan, which was drawn for one client alone, what strikes a client: this one.
    pub(crate) fn add_for_client(&mut self, other: Plan, number: u32) {
        for mut entry in other.entries {
            let Some(client) = entry.action.client_mut() else { continue };
            *client = number;
            self.entries.push(entry);
        }
        self.entries.sort_by_key(|e| e.at_ms);
    }

    /// A client was left out of the world: what was planned for it goes, and those behind it move up.
    pub(crate) fn client_left_out(&mut self, gone: u32) {
        self.entries.retain_mut(|e| e.action.client_mut().is_none_or(|client| *client != gone));
        for client in self.entries.iter_mut().filter_map(|e| e.action.client_mut()).filter(|client| **client > gone) {
            *client -= 1;
        }
    }
}

/// Which boundary of which calls: often a near one, so that several follow each other closely.
fn draw_boundary(rng: &mut Rng) -> (Calls, u32) {
    let of = if rng.chance(2, 3) { Calls::Names } else { Calls::Any };
    let far = rng.pick(&[4, 20, 100]).copied().unwrap_or(20);
    (of, rng.below(far) as u32)
}

fn draw_loss(rng: &mut Rng) -> Loss {
    const KEEPS: [Keep; 4] = [Keep::Nothing, Keep::Prefix, Keep::Everything, Keep::Subset];
    let mut keep = || rng.pick(&KEEPS).copied().unwrap_or(Keep::Subset);
    let (data, names) = (keep(), keep());
    Loss { data, names, garbage: rng.chance(1, 2), shorn: rng.chance(1, 2) }
}

fn draw_action(kind: Kind, rng: &mut Rng, span: Span) -> Action {
    let node = rng.below(u64::from(span.nodes)) as u32;
    let client = rng.below(u64::from(span.clients.max(1))) as u32;
    let down_ms = rng.between(1, 2_000);
    let for_ms = rng.between(10, 5_000);
    let target = match rng.below(4) {
        0 => Target::Any,
        1 => Target::Derived,
        2 => Target::Meta,
        _ => Target::Log,
    };
    let after = rng.below(20) as u32;
    let disk = |strike| Action::Disk { node, strike, aim: target.into(), after, stall_ms: 0 };
    // A sector or a space error of interest is one in a log; syncs of index files are rare.
    let log = |strike| Action::Disk { node, strike, aim: Target::Any.into(), after, stall_ms: 0 };
    match kind {
        Kind::Crash => Action::Crash { node, down_ms },
        Kind::PowerLoss => Action::PowerLoss { node, down_ms, loss: None },
        Kind::PowerLossAtCall => {
            let (of, after) = draw_boundary(rng);
            // What survives is drawn anew: names without contents and contents without names are what barriers are for.
            Action::PowerLossAtCall { node, after, of, down_ms: rng.between(1, 300), loss: Some(draw_loss(rng)) }
        }
        Kind::CrashAtCall => {
            let (of, after) = draw_boundary(rng);
            Action::CrashAtCall { node, after, of, down_ms: rng.between(1, 300) }
        }
        Kind::Shutdown => Action::Shutdown { node, down_ms },
        Kind::PowerOff => Action::PowerOff { node, down_ms, loss: Some(draw_loss(rng)) },
        Kind::Pause => Action::Pause { node, for_ms },
        Kind::ClockJump => {
            // All jumps of one world together stay below a day: then idle producers expire, and their repetitions are new records.
            let far = [1_000, 60_000, 3_600_000, 18_000_000];
            let by = rng.pick(&far).copied().unwrap_or(1_000) + rng.below(1_000) as i64;
            Action::ClockJump { node, by_ms: if rng.chance(1, 2) { by } else { -by } }
        }
        Kind::ReadError => log(Strike::ReadError),
        Kind::WriteError => disk(Strike::WriteError),
        Kind::ShortWrite => disk(Strike::ShortWrite),
        Kind::NoSpace => disk(Strike::NoSpace),
        Kind::SyncError => log(Strike::SyncError),
        Kind::SyncDirError => log(Strike::SyncDirError),
        Kind::NameError => log(Strike::NameError),
        Kind::PhantomWrite => log(Strike::PhantomWrite),
        Kind::MisdirectedWrite => log(Strike::MisdirectedWrite),
        Kind::Stall => {
            Action::Disk { node, strike: Strike::Stall, aim: target.into(), after, stall_ms: rng.between(100, 20_000) }
        }
        Kind::BitFlip => Action::BitFlip { node, aim: target.into() },
        Kind::LatentError => Action::LatentError { node, aim: target.into() },
        Kind::LostFile => Action::LostFile { node, aim: target.into() },
        Kind::DiskFull => Action::DiskFull { node, bytes: rng.below(4_000), for_ms },
        Kind::Reset => Action::Reset { client },
        Kind::ResetAll => Action::ResetAll { node },
        Kind::HalfOpen => Action::HalfOpen { client },
        Kind::HalfClose => Action::HalfClose { client },
        Kind::SlowReader => Action::SlowReader { client, by_ms: rng.between(10, 3_000), for_ms },
        Kind::Delay => Action::Delay { node, by_ms: rng.between(5, 500), for_ms },
        Kind::PauseClient => Action::PauseClient { client, for_ms },
        Kind::ClientSkew => Action::ClientSkew { client, by_ms: draw_step(rng) },
        Kind::ClientClockJump => Action::ClientClockJump { client, by_ms: draw_step(rng) },
    }
}

/// How far a client's clock is off: up to minutes, both ways.
fn draw_step(rng: &mut Rng) -> i64 {
    let far = rng.pick(&[300, 5_000, 60_000, 300_000]).copied().unwrap_or(5_000);
    let by = 1 + rng.below(far) as i64;
    if rng.chance(1, 2) { by } else { -by }
}
