//! The broker under test: the real binary in a process and a directory of its own, gone when dropped.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Broker {
    process: Child,
    pub(crate) address: SocketAddr,
    dir: tempfile::TempDir,
}

impl Broker {
    /// Start one with the settings under which Kafka was recorded, and wait until it accepts connections.
    pub(crate) fn start() -> Result<Broker, String> {
        let text = |e: std::io::Error| e.to_string();
        let dir = tempfile::tempdir().map_err(text)?;
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(text)?;
        let log = std::fs::File::create(dir.path().join("out.log")).map_err(text)?;
        let process = Command::new(env!("CARGO_BIN_EXE_ottla"))
            .arg("serve")
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            // As Kafka does by default: with acks=1 a record is visible before it is synced.
            .args(["--listen", &address.to_string(), "--set", "node.id=1", "--set", "ottla.durability=page-cache"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(text)?)
            .stderr(log)
            .spawn()
            .map_err(text)?;
        let mut broker = Broker { process, address, dir };
        let end = Instant::now() + Duration::from_secs(20);
        while !answers(address) {
            if broker.process.try_wait().map_err(text)?.is_some() || Instant::now() > end {
                return Err(format!("the broker did not start: {}", broker.output()));
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Ok(broker)
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(Some(_)))
    }

    /// The end of what it printed.
    pub(crate) fn output(&self) -> String {
        let text = std::fs::read_to_string(self.dir.path().join("out.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

/// Whether it answers a Metadata request (version 1, no topics), which no broker does before it serves.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"\0\0\0\x0e\0\x03\0\x01\0\0\0\x01\xff\xff\0\0\0\0")?;
        stream.read_exact(&mut [0; 8])
    };
    ask().is_ok()
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
