//! The real binary as a process: a broker on a free port, and commands against it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A command of the binary under test: the one built with the tests, or that which OTTLA_BIN names.
pub(crate) fn ottla() -> Command {
    let mut command = Command::new(std::env::var_os("OTTLA_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_ottla").into()));
    command.env_remove("OTTLA_BOOTSTRAP").env("RUST_BACKTRACE", "0");
    command
}

/// A broker in a process of its own, killed when dropped.
pub(crate) struct Broker {
    process: Child,
    /// HOST:PORT, from its ready line.
    pub(crate) address: String,
    data: PathBuf,
    listen: String,
    /// Owns the data directory, unless another broker does.
    _dir: Option<tempfile::TempDir>,
}

impl Broker {
    /// A fresh one.
    pub(crate) fn start() -> Broker {
        Broker::start_with(&[])
    }

    /// A fresh one with further arguments.
    pub(crate) fn start_with(args: &[&str]) -> Broker {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        let (process, address) =
            spawn(&data, "127.0.0.1:0", args).unwrap_or_else(|why| panic!("the broker did not start: {why}"));
        Broker { process, listen: address.clone(), address, data, _dir: Some(dir) }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// As a power switch would end it, had the machine not one.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it was ours");
    }

    /// Start again on the same directory and the same address.
    pub(crate) fn restart(&mut self) {
        assert_eq!(self.restart_with(&[]), self.address);
    }

    /// The same with further arguments. The address that it gives to clients.
    pub(crate) fn restart_with(&mut self, args: &[&str]) -> String {
        let (process, address) = spawn(&self.data, &self.listen, args).unwrap_or_else(|why| panic!("no second start: {why}"));
        self.process = process;
        address
    }

    /// An orderly end; its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        signal(&self.process, "-TERM");
        self.process.wait().expect("it was ours").code()
    }

    /// Run a command against this broker; it must end well. What it prints.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        self.ok_with("", args)
    }

    /// The same, with something to read.
    pub(crate) fn ok_with<S: AsRef<OsStr>>(&self, input: impl AsRef<[u8]>, args: &[S]) -> String {
        let output = self.run(input, args);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let why = String::from_utf8_lossy(&output.stderr);
        let args: Vec<_> = args.iter().map(|a| a.as_ref().to_string_lossy()).collect();
        assert!(output.status.success(), "{args:?} ended with {}: {text}{why}", output.status);
        text
    }

    /// Run a command against this broker; it must fail. Its exit code and what it says.
    pub(crate) fn fails<S: AsRef<OsStr>>(&self, args: &[S]) -> (i32, String) {
        let output = self.run("", args);
        assert!(!output.status.success(), "it ended well: {}", String::from_utf8_lossy(&output.stdout));
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn run<S: AsRef<OsStr>>(&self, input: impl AsRef<[u8]>, args: &[S]) -> Output {
        let mut command = ottla();
        command.args(args).env("OTTLA_BOOTSTRAP", &self.address);
        run(command, input.as_ref())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(data: &Path, listen: &str, args: &[&str]) -> Result<(Child, String), String> {
    let mut command = ottla();
    command.arg("serve").arg("--data-dir").arg(data).args(["--listen", listen]).args(args);
    let mut process =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line).map_err(|e| e.to_string())?;
    if line.is_empty() {
        let mut why = String::new();
        process.stderr.take().expect("it is piped").read_to_string(&mut why).map_err(|e| e.to_string())?;
        process.wait().map_err(|e| e.to_string())?;
        return Err(why);
    }
    // Nobody reads on: a broker must not be blocked by that, so what it says goes to a thread that forgets it.
    let mut said = process.stderr.take().expect("it is piped");
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    Ok((process, line.trim().to_owned()))
}

/// Send a process a signal, e.g. `-TERM`.
pub(crate) fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// Run a command to its end with this input. It must end within a minute.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Output {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
    let mut stdin = process.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writing = std::thread::spawn(move || {
        // A command that does not read to the end says so by its exit code, not by our panic.
        let _ = stdin.write_all(&input);
    });
    let id = process.id().to_string();
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(60)).is_err() {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
    });
    let output = process.wait_with_output().expect("it was ours");
    let _ = done.send(());
    watch.join().expect("it does not panic");
    writing.join().expect("it does not panic");
    output
}
