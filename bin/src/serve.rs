//! `ottla serve` and `ottla dev`: a broker in this process.

use crate::cli::{DevArgs, LogFormat, LogLevel, Logging, Output, ServeArgs};
use crate::failure::{Failure, notice};
use crate::interrupt;
use crate::lines::{Drain, Lines};
use crate::output;
use crate::settings::{self, Gathered};
use ottla_net::{Bound, ExitReason, ServeConfig, Stop};
use rustix::process::{Pid, Signal};
use serde_json::json;
use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tracing_subscriber::filter::LevelFilter;

pub(crate) fn serve(args: &ServeArgs, output: Output) -> Result<(), Failure> {
    let mut gathered = settings::gather(args.config.as_deref(), &args.set)?;
    let data_dir = args.data_dir.clone().or_else(|| gathered.data_dir());
    let listen = args.listen.clone().or_else(|| gathered.listener("listeners")).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let advertise = args.advertise.clone().or_else(|| gathered.listener("advertised.listeners"));
    gathered.check()?;
    let data_dir = data_dir.ok_or_else(|| {
        Failure::Usage("where shall the log live? Say --data-dir DIR, or log.dirs in the settings file".to_owned())
    })?;
    let stop = interrupt::stop(Arc::default())?;
    let _written = start_logging(&args.logging);
    warn_of_ignored(&gathered);
    let config = config(&gathered, data_dir, listen, advertise, args.http.clone())?;
    run(config, stop, output, args.logging.log_format)
}

pub(crate) fn dev(args: &DevArgs, output: Output) -> Result<ExitCode, Failure> {
    if args.brokers != 1 {
        return Err(Failure::Usage(format!(
            "--brokers {}: a cluster of several brokers is not served yet; leave the flag out for one broker",
            args.brokers
        )));
    }
    let mut gathered = settings::gather(None, &args.set)?;
    for (name, why) in [
        ("log.dirs", "a throw-away broker has a directory of its own; 'ottla serve' takes one"),
        ("log.dir", "a throw-away broker has a directory of its own; 'ottla serve' takes one"),
        ("listeners", "--listen says where a throw-away broker listens"),
        ("advertised.listeners", "a throw-away broker is reached where it listens; 'ottla serve' advertises"),
    ] {
        gathered.refuse_given(name, why);
    }
    gathered.check()?;
    let _written = start_logging(&args.logging);
    warn_of_ignored(&gathered);
    // Before there is anything that would be left behind.
    let taken = Arc::<AtomicBool>::default();
    let stop = interrupt::stop(Arc::clone(&taken))?;
    let dir = Scratch::new()?;
    let config = config(&gathered, dir.0.clone(), args.listen.clone(), None, None)?;
    if args.run.is_empty() {
        run(config, stop, output, args.logging.log_format)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut guest = None;
    let ended = ottla_net::serve(config, stop, |bound| {
        // As with system(3), Ctrl-C is the command's while it runs. What it does not survive ends it, and the broker with it.
        taken.store(true, Ordering::Relaxed);
        guest = Some(Guest::start(&args.run, &address(bound), taken));
    });
    match guest {
        Some(guest) => {
            let code = guest?.end()?;
            reason(ended).map(|()| code)
        }
        None if ended.is_err() => reason(ended).map(|()| ExitCode::SUCCESS),
        None => Err(Failure::Failed("the broker ended before the command began".to_owned())),
    }
}

fn warn_of_ignored(gathered: &Gathered) {
    for ignored in &gathered.ignored {
        tracing::warn!(setting = ignored.name, at = ignored.place, "has no effect: {}", ignored.why);
    }
}

/// A command that runs beside the broker, and with whose end the broker ends.
struct Guest {
    pid: Pid,
    /// Hangs up when it has ended.
    ended: Receiver<()>,
    thread: std::thread::JoinHandle<std::io::Result<std::process::ExitStatus>>,
}

impl Guest {
    /// Start it. `taken` is set while Ctrl-C is its own.
    fn start(command: &[String], address: &str, taken: Arc<AtomicBool>) -> Result<Guest, Failure> {
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        if let Ok(exe) = std::env::current_exe() {
            let own = exe.parent().map(Path::to_path_buf);
            path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).unwrap_or(path);
        }
        let child =
            std::process::Command::new(&command[0]).args(&command[1..]).env("OTTLA_BOOTSTRAP", address).env("PATH", path).spawn();
        let stop = || {
            // The broker ends as it always does: by the signal that asks it to.
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::TERM);
        };
        match child {
            Ok(mut child) => {
                let pid = Pid::from_child(&child);
                let (hung_up, ended) = channel::<()>();
                let thread = std::thread::spawn(move || {
                    let status = child.wait();
                    taken.store(false, Ordering::Relaxed);
                    drop(hung_up);
                    stop();
                    status
                });
                Ok(Guest { pid, ended, thread })
            }
            Err(e) => {
                stop();
                Err(Failure::Usage(format!("cannot run {}: {e}", command[0])))
            }
        }
    }

    /// The broker has ended: so does the command, if it is still there, and whether it wants to or not.
    fn end(self) -> Result<ExitCode, Failure> {
        for (signal, patience) in [(Signal::TERM, Duration::from_secs(5)), (Signal::KILL, Duration::ZERO)] {
            if self.ended.recv_timeout(Duration::ZERO) == Err(RecvTimeoutError::Timeout) {
                let _ = rustix::process::kill_process(self.pid, signal);
                let _ = self.ended.recv_timeout(patience);
            }
        }
        let status = self.thread.join().map_err(|_| Failure::Failed("the command's thread panicked".to_owned()))?;
        let status = status.map_err(|e| Failure::Failed(format!("the command cannot be waited for: {e}")))?;
        // As a shell has it: a command that a signal ended, ended with 128 and the signal's number.
        let code = status.code().or_else(|| status.signal().map(|s| 128 + s));
        Ok(ExitCode::from(code.and_then(|c| u8::try_from(c).ok()).unwrap_or(1)))
    }
}

fn config(
    gathered: &Gathered,
    data_dir: PathBuf,
    listen: String,
    advertise: Option<String>,
    http: Option<String>,
) -> Result<ServeConfig, Failure> {
    let node_id = i32::try_from(gathered.settings.int("node.id")).map_err(|e| Failure::Usage(format!("node.id: {e}")))?;
    Ok(ServeConfig { data_dir, listen, advertise, http, node_id, settings: gathered.settings.clone() })
}

fn run(config: ServeConfig, stop: Stop, output: Output, format: LogFormat) -> Result<(), Failure> {
    let dir = config.data_dir.clone();
    let ended = ottla_net::serve(config, stop, |bound| {
        // Nobody may be reading: that must not stop a broker.
        let _ = say_ready(output, format, bound, &dir);
    });
    let failure = match reason(ended) {
        Ok(()) => return Ok(()),
        Err(failure) => failure,
    };
    match format {
        LogFormat::Text => Err(failure),
        // Whoever reads stderr as JSON shall be able to read all of it.
        LogFormat::Json => {
            tracing::error!("{}", failure.text());
            Err(Failure::Said(failure.code()))
        }
    }
}

fn reason(ended: Result<ExitReason, ottla_net::ServeError>) -> Result<(), Failure> {
    match ended {
        Ok(ExitReason::Shutdown) => Ok(()),
        Ok(ExitReason::Unclean(what)) => Err(Failure::Failed(format!("ended, and the next start will recover: {what}"))),
        Ok(ExitReason::Killed) => Err(Failure::Failed("ended at the second signal, before everything was closed".to_owned())),
        Ok(ExitReason::Failed(why)) => Err(Failure::Failed(format!("the broker gave up: {why}"))),
        Err(e @ (ottla_net::ServeError::Address { .. } | ottla_net::ServeError::Setting(_))) => {
            Err(Failure::Usage(e.to_string()))
        }
        Err(e) => Err(Failure::Failed(e.to_string())),
    }
}

/// Where clients reach the broker.
fn address(bound: &Bound) -> String {
    let (host, port) = &bound.advertised;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn say_ready(output: Output, format: LogFormat, bound: &Bound, dir: &Path) -> std::io::Result<()> {
    let address = address(bound);
    let object = json!({
        "address": address,
        "listen": bound.listen.to_string(),
        "http": bound.http.map(|a| a.to_string()),
        "data_dir": dir.display().to_string(),
        "pid": std::process::id(),
        "bounds": bound.limits.to_string(),
    });
    output::fact(output, &address, &object)?;
    if (output, format) == (Output::Table, LogFormat::Text) {
        let http = bound.http.map(|a| format!(", http://{a}/metrics")).unwrap_or_default();
        notice(&format!("ottla {} ready on {}{http}; data in {}", env!("CARGO_PKG_VERSION"), bound.listen, dir.display()));
        notice(&format!("memory bounds: {}", bound.limits));
    }
    Ok(())
}

/// What is returned waits at its end until everything is written.
fn start_logging(logging: &Logging) -> Drain {
    let level = match logging.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let lines = Lines::start();
    let drain = Drain(lines.clone());
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(lines).with_ansi(std::io::stderr().is_terminal());
    match logging.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    drain
}

/// A directory that goes with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Failure> {
        let number = getrandom::u64().map_err(|e| Failure::Failed(format!("no randomness: {e}")))?;
        let dir = std::env::temp_dir().join(format!("ottla-dev-{number:016x}"));
        std::fs::create_dir(&dir).map_err(|e| Failure::Failed(format!("cannot create {}: {e}", dir.display())))?;
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
