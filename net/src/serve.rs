//! A broker on this machine, from its configuration to its end.
//!
//! Takes       `ServeConfig`.
//! Gives       `Bound` as soon as clients can connect; how it ended.
//! Holds       the data directory is locked before it is read; nobody is let in before recovery is done.
//! Not here    flags and files of settings (`ottla`), waiting (`run.rs`).

use crate::address::{host_port, reachable};
use crate::alarm::Alarm;
use crate::disk::{DirLock, LockError, RealDisk, RealImage};
use crate::edge::{Clock, Edge, ExitReason};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::run::{Stop, run_and_tell};
use crate::{http, sock};
use ottla_core::config::{SettingError, Settings};
use ottla_core::time::Timestamp;
use ottla_core::{Node, NodeConfig};
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};

/// What a broker is told at its start.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Created if it is absent.
    pub data_dir: PathBuf,
    /// HOST:PORT to listen on; port 0 takes a free one.
    pub listen: String,
    /// HOST:PORT that clients are told to use; by default what is listened on.
    pub advertise: Option<String>,
    /// HOST:PORT for `/metrics` and `/healthz`.
    pub http: Option<String>,
    pub node_id: i32,
    /// Broker settings that were given; the rest have their defaults.
    pub settings: Settings,
}

/// Where a broker can be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    pub listen: SocketAddr,
    pub advertised: (String, u16),
    pub http: Option<SocketAddr>,
    /// What bounds its memory.
    pub limits: Limits,
}

/// Why a broker did not start. What it prints says what to do.
#[derive(Debug)]
pub enum ServeError {
    /// Not HOST:PORT, or no address of this machine.
    Address {
        what: &'static str,
        given: String,
        why: String,
    },
    /// The address is taken or not allowed.
    Bind {
        what: &'static str,
        addr: SocketAddr,
        why: std::io::Error,
    },
    DataDir {
        dir: PathBuf,
        why: String,
    },
    /// Another process has the data directory.
    Locked {
        dir: PathBuf,
        pid: Option<u32>,
    },
    /// What is in the data directory cannot be served.
    Recover {
        dir: PathBuf,
        why: String,
    },
    /// A setting that no broker can start with.
    Setting(SettingError),
    /// The operating system refused something that every process needs.
    System(std::io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Address { what, given, why } => {
                write!(f, "{what} {given:?} is no HOST:PORT that can be used ({why}); try 127.0.0.1:9092")
            }
            ServeError::Bind { what, addr, why } if why.kind() == std::io::ErrorKind::AddrInUse => {
                write!(f, "{what} {addr} is in use by another process; stop it, or choose another port (0 takes a free one)")
            }
            ServeError::Bind { what, addr, why } => write!(f, "cannot listen on {what} {addr}: {why}"),
            ServeError::DataDir { dir, why } => {
                write!(
                    f,
                    "data directory {} cannot be used: {why}; it must be a directory that this user may write to",
                    dir.display()
                )
            }
            ServeError::Locked { dir, pid } => {
                write!(f, "data directory {} is in use by another process", dir.display())?;
                if let Some(pid) = pid {
                    write!(f, " (pid {pid})")?;
                }
                f.write_str("; stop it, or choose another directory")
            }
            ServeError::Recover { dir, why } => write!(f, "data directory {} cannot be served: {why}", dir.display()),
            ServeError::Setting(why) => why.fmt(f),
            ServeError::System(why) => write!(f, "the operating system refused a resource: {why}"),
        }
    }
}

impl std::error::Error for ServeError {}

/// Run a broker until it ends: by itself, or because `stop` says so. `on_ready` is told the addresses when clients can connect and are
/// served.
pub fn serve(config: ServeConfig, stop: Stop, on_ready: impl FnOnce(&Bound)) -> Result<ExitReason, ServeError> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).map_err(ServeError::System)?;
    runtime.block_on(serve_here(config, stop, on_ready))
}

async fn serve_here(config: ServeConfig, stop: Stop, on_ready: impl FnOnce(&Bound)) -> Result<ExitReason, ServeError> {
    if let Some(wrong) = config.settings.unservable().into_iter().next() {
        return Err(ServeError::Setting(wrong));
    }
    let dir = &config.data_dir;
    let _lock = lock(dir)?;
    let listener = bind("listen address", &config.listen)?;
    let http = config.http.as_deref().map(|addr| bind("HTTP address", addr)).transpose()?;
    let local = |listener: &TcpListener| listener.local_addr().map_err(ServeError::System);
    let listen = local(&listener)?;
    let bound = Bound {
        listen,
        advertised: advertised(config.advertise.as_deref(), &config.listen, listen)?,
        http: http.as_ref().map(local).transpose()?,
        limits: Limits::read(&config.settings, raise_file_limit()),
    };

    if bound.limits.connections_max == 0 && config.settings.int("max.connections") > 0 {
        return Err(ServeError::System(std::io::Error::other(
            "so few files may be open that none are left for connections; raise the limit (ulimit -n)",
        )));
    }
    let clock = Clock::new(wall);
    let alarm = Alarm::exact().map_err(ServeError::System)?;
    let metrics = Rc::new(Metrics::default());
    let recover = |why: String| ServeError::Recover { dir: dir.clone(), why };
    let limits = bound.limits.clone();
    let mut image = RealImage::open(dir).map_err(|fault| recover(format!("{fault:?}")))?;
    let settings = told(config.settings, dir, &bound, config.advertise.is_some()).map_err(ServeError::Setting)?;
    let node_config = NodeConfig {
        node_id: config.node_id,
        advertised_host: bound.advertised.0.clone(),
        advertised_port: bound.advertised.1,
        settings,
        planted: ottla_core::planted::Planted::default(),
    };
    let seed = getrandom::u64().map_err(|e| ServeError::System(std::io::Error::other(e)))?;
    let mut effects = Vec::new();
    let node = Node::recover(node_config, seed, clock.now(), &mut image, &mut effects).map_err(|e| recover(e.0))?;
    let disk = RealDisk::new(image, limits.open_files_max);
    tracing::info!("bounds: {limits}");
    let edge = Edge::new(node, effects, disk, clock, limits, Rc::clone(&metrics));
    if let Some(http) = http {
        tokio::task::spawn_local(http::serve(http, metrics));
    }
    let (host, port) = &bound.advertised;
    if config.advertise.is_none() && bound.listen.ip().is_unspecified() {
        tracing::warn!("clients are told to connect to {host}:{port}: those on other machines need --advertise HOST:PORT");
    }
    let on_serving = || {
        tracing::info!(listen = %bound.listen, advertised = %format_args!("{host}:{port}"), "serving");
        on_ready(&bound);
    };
    Ok(run_and_tell(edge, listener, alarm, stop, on_serving).await)
}

/// The settings as clients shall see them: with the directory and the addresses that are in use, whatever was given.
fn told(mut settings: Settings, dir: &Path, bound: &Bound, is_advertised: bool) -> Result<Settings, SettingError> {
    let path = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    settings.insert("log.dirs", &path.to_string_lossy())?;
    settings.insert("listeners", &format!("PLAINTEXT://{}", bound.listen))?;
    if is_advertised {
        let (host, port) = &bound.advertised;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        settings.insert("advertised.listeners", &format!("PLAINTEXT://{host}:{port}"))?;
    }
    Ok(settings)
}

fn lock(dir: &Path) -> Result<DirLock, ServeError> {
    let unusable = |why: std::io::Error| ServeError::DataDir { dir: dir.to_owned(), why: why.to_string() };
    std::fs::create_dir_all(dir).map_err(unusable)?;
    // What can only be read would be served until the first checkpoint is due.
    let access = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(dir, access).map_err(|e| unusable(e.into()))?;
    DirLock::take(dir).map_err(|e| match e {
        LockError::Held { pid } => ServeError::Locked { dir: dir.to_owned(), pid },
        LockError::Io(why) => unusable(why),
    })
}

fn bind(what: &'static str, given: &str) -> Result<TcpListener, ServeError> {
    let address = |why: String| ServeError::Address { what, given: given.to_owned(), why };
    let (host, port) = host_port(given).map_err(|why| address(why.to_string()))?;
    // As Kafka has it: no host is every address.
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let mut found = (host, port).to_socket_addrs().map_err(|e| address(e.to_string()))?;
    let addr = found.next().ok_or_else(|| address("no address".into()))?;
    sock::listen(addr).map_err(|why| ServeError::Bind { what, addr, why })
}

/// What clients are told: what was asked for, else the name that was given to listen on with the port that it got.
fn advertised(advertise: Option<&str>, listen: &str, bound: SocketAddr) -> Result<(String, u16), ServeError> {
    // Nobody can connect to a wildcard.
    let found = match advertise {
        None if bound.ip().is_unspecified() => Ok(("localhost", bound.port())),
        _ => reachable(advertise.unwrap_or(listen)),
    };
    let given = advertise.unwrap_or(listen).to_owned();
    let (host, port) = found.map_err(|why| ServeError::Address { what: "advertised address", given, why: why.to_string() })?;
    let port = if port == 0 { bound.port() } else { port };
    Ok((host.to_owned(), port))
}

/// A handle per open file and per connection: take what the system lets us have. How many that is.
fn raise_file_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_ok();
    let files_max = if raised { limit.maximum } else { limit.current };
    files_max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX))
}

fn wall() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_a_name_that_they_can_connect_to() {
        let told =
            |advertise: Option<&str>, listen: &str, bound: &str| advertised(advertise, listen, bound.parse().unwrap()).ok();
        let name = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(told(None, "127.0.0.1:0", "127.0.0.1:4711"), name("127.0.0.1", 4711));
        assert_eq!(told(None, "0.0.0.0:9092", "0.0.0.0:9092"), name("localhost", 9092));
        assert_eq!(told(None, "[::1]:9092", "[::1]:9092"), name("::1", 9092));
        assert_eq!(told(Some("kafka.example:19092"), "0.0.0.0:9092", "0.0.0.0:9092"), name("kafka.example", 19092));
        assert_eq!(told(Some("kafka.example:0"), "0.0.0.0:0", "0.0.0.0:7"), name("kafka.example", 7));
        assert_eq!(told(Some("kafka.example"), "0.0.0.0:0", "0.0.0.0:7"), None);
        assert_eq!(told(Some(":1"), "0.0.0.0:0", "0.0.0.0:7"), None);
        assert_eq!(told(None, ":0", "0.0.0.0:7"), name("localhost", 7));
        for wildcard in ["0.0.0.0:9", "[::]:9", "[0:0::0]:9"] {
            assert_eq!(told(Some(wildcard), "127.0.0.1:0", "127.0.0.1:7"), None, "{wildcard}");
        }
    }

    #[test]
    fn clients_are_told_the_directory_and_the_addresses_that_are_in_use() {
        let mut given = Settings::default();
        for (name, value) in [("log.dirs", "elsewhere"), ("listeners", "PLAINTEXT://:9092")] {
            given.insert(name, value).unwrap();
        }
        let bound = Bound {
            listen: "[::1]:7".parse().unwrap(),
            advertised: ("::1".to_owned(), 7),
            http: None,
            limits: Limits::default(),
        };
        let settings = super::told(given, Path::new("data"), &bound, true).unwrap();
        let here = std::env::current_dir().unwrap().join("data").display().to_string();
        assert_eq!(settings.list("log.dirs"), [here]);
        assert_eq!((settings.list("listeners"), settings.list("advertised.listeners")), {
            let one = || vec!["PLAINTEXT://[::1]:7".to_owned()];
            (one(), one())
        });
    }
}
