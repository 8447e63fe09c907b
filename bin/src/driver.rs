//! The sans-IO client over tokio: its connections are sockets, its time is the clock.
//!
//! State       the client, a task per connection and what it has still to send, events not yet taken.
//! Takes       what a command wants (`input`), what arrives, time.
//! Gives       the client's events, one at a time (`next`).
//! Holds       `next` may be dropped at any await without losing an event. A connection whose answers are not taken is not read on.
//!             What is not acknowledged is sent when `finish` says so, and not before.
//! Not here    any rule of the protocol (`ottla_core::client`).

use crate::cli::Cluster;
use crate::failure::{Failure, error_name, notice};
use bytes::Bytes;
use ottla_core::client::{Client, ClientConfig, ClientError, ClientEvent, ClientInput, ClientOutput, Target, Token};
use ottla_core::ids::ConnId;
use ottla_core::time::{Instant, Now, Timestamp};
use ottla_core::wire::{Request, Response, encode_request};
use ottla_net::address::{Wrong, host_port};
use ottla_net::client::{Receiver, Sender, connect};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What a connection's tasks report. `Sent`: the kernel has taken so many bytes.
enum Arrived {
    Connected { conn: ConnId },
    Frame { conn: ConnId, frame: Bytes },
    Sent { conn: ConnId, bytes: usize },
    Closed { conn: ConnId, why: String },
}

struct Socket {
    /// HOST:PORT.
    address: String,
    /// `None` once nothing more will be said.
    outgoing: Option<mpsc::UnboundedSender<Bytes>>,
    /// Bytes that were asked to be sent, and that the kernel has not taken.
    unsent: usize,
    task: JoinHandle<()>,
}

/// See the module.
pub(crate) struct Driver {
    client: Client,
    origin: std::time::Instant,
    sockets: BTreeMap<ConnId, Socket>,
    report: mpsc::Sender<Arrived>,
    arrived: mpsc::Receiver<Arrived>,
    events: VecDeque<ClientEvent>,
    next_token: u64,
    /// Why a connection ended that had still to send something.
    cut: Option<String>,
    /// No more records are taken while so much is still to be sent.
    unsent_bytes_max: usize,
    /// Why the last broker could not be reached, for the message of a command that gives up.
    unreachable: Option<String>,
    /// Since when no broker could be reached; `None` while one answers.
    gone_since: Option<std::time::Instant>,
    /// The brokers of which was said that they cannot be reached; `None` where nothing is said of that.
    said_gone: Option<BTreeSet<String>>,
    timeout: Duration,
}

/// Run a command's conversation with a cluster on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // A name that is still being looked up would be waited for.
    runtime.shutdown_background();
    result
}

/// Where a broker is unless somebody says otherwise.
pub(crate) const BOOTSTRAP: &str = "127.0.0.1:9092";

/// A configuration for this cluster, to be refined.
pub(crate) fn config(cluster: &Cluster) -> Result<ClientConfig, Failure> {
    // A variable that is set to nothing is not set; who says nothing with the flag has lost a word.
    let unset = |said: std::ffi::OsString| said.to_string_lossy().trim().is_empty();
    let given = if cluster.bootstrap.trim().is_empty() && std::env::var_os("OTTLA_BOOTSTRAP").is_some_and(unset) {
        BOOTSTRAP
    } else {
        &cluster.bootstrap
    };
    // A list may end with a comma, as Kafka's tools have it; one of commas alone names nothing.
    let named = || given.split(',').map(str::trim).filter(|one| !one.is_empty());
    if named().next().is_none() {
        return Err(no_address(given));
    }
    let addresses: Result<Vec<(String, u16)>, Failure> = named().map(address).collect();
    let seed = getrandom::u64().map_err(|e| Failure::Failed(format!("no randomness: {e}")))?;
    Ok(ClientConfig { bootstrap: addresses?, seed, auto_create_topics: false, ..ClientConfig::default() })
}

fn no_address(text: &str) -> Failure {
    Failure::Usage(format!("'{text}' is no HOST:PORT; try 127.0.0.1:9092 (--bootstrap, or OTTLA_BOOTSTRAP)"))
}

fn address(text: &str) -> Result<(String, u16), Failure> {
    match host_port(text) {
        Ok((host, port @ 1..)) if !host.is_empty() => Ok((host.to_owned(), port)),
        Err(Wrong::Protocol(other)) => Err(Failure::Usage(format!("'{text}' asks for {other}; only PLAINTEXT is spoken yet"))),
        _ => Err(no_address(text)),
    }
}

impl Driver {
    pub(crate) fn new(config: ClientConfig, timeout: Duration) -> Driver {
        // A bounded queue: what is not handled yet is not read from the sockets either.
        let (report, arrived) = mpsc::channel(4);
        Driver {
            unsent_bytes_max: config.producer.buffer_bytes_max,
            client: Client::new(config),
            origin: std::time::Instant::now(),
            sockets: BTreeMap::new(),
            report,
            arrived,
            events: VecDeque::new(),
            next_token: 0,
            cut: None,
            unreachable: None,
            gone_since: None,
            said_gone: None,
            timeout,
        }
    }

    /// Say from now on when a broker cannot be reached, and when it answers again: once each, however often it is tried.
    pub(crate) fn say_who_is_gone(&mut self) {
        self.said_gone.get_or_insert_default();
    }

    pub(crate) fn token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token)
    }

    /// Whether another record may be handed in. Without acknowledgements the client is done with what has not left the process yet.
    pub(crate) fn can_accept(&self) -> bool {
        self.client.can_accept() && self.sockets.values().map(|s| s.unsent).sum::<usize>() < self.unsent_bytes_max
    }

    fn now(&self) -> Now {
        let mono = Instant(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX));
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Now { mono, wall: Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)) }
    }

    /// Hand the client an input, and perform what it asks for.
    pub(crate) fn input(&mut self, input: ClientInput) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut outputs = Vec::new();
            self.client.handle(self.now(), input, &mut outputs);
            for output in outputs {
                match output {
                    ClientOutput::Connect { conn, host, port } => self.open(conn, host, port),
                    ClientOutput::Close { conn } => self.close(conn, "the connection was given up"),
                    ClientOutput::Send { conn, frame } => match encode_request(&frame) {
                        Ok(bytes) => {
                            if let Some(Socket { outgoing: Some(outgoing), unsent, .. }) = self.sockets.get_mut(&conn) {
                                *unsent += bytes.len();
                                // A socket that is gone has reported it, or will.
                                let _ = outgoing.send(bytes);
                            }
                        }
                        Err(e) => {
                            self.close(conn, &e.to_string());
                            inputs.push_back(ClientInput::Closed { conn, why: e.to_string() });
                        }
                    },
                    ClientOutput::Event(ClientEvent::Unreachable { host, port, why }) => {
                        let address = format!("{host}:{port}");
                        self.unreachable = Some(format!("{address}: {why}"));
                        if self.said_gone.as_mut().is_some_and(|said| said.insert(address)) {
                            notice(&format!("{host}:{port}: {why}; trying again"));
                        }
                        self.gone_since.get_or_insert_with(std::time::Instant::now);
                    }
                    ClientOutput::Event(event) => self.events.push_back(event),
                }
            }
        }
    }

    fn open(&mut self, conn: ConnId, host: String, port: u16) {
        let (outgoing, to_send) = mpsc::unbounded_channel();
        let address = format!("{host}:{port}");
        let task = tokio::spawn(converse(conn, (host, port), self.timeout, to_send, self.report.clone()));
        self.sockets.insert(conn, Socket { address, outgoing: Some(outgoing), unsent: 0, task });
    }

    fn close(&mut self, conn: ConnId, why: &str) {
        if let Some(socket) = self.remove(conn, why) {
            socket.task.abort();
        }
    }

    fn remove(&mut self, conn: ConnId, why: &str) -> Option<Socket> {
        let socket = self.sockets.remove(&conn)?;
        if socket.unsent > 0 {
            self.cut.get_or_insert_with(|| format!("{}: {why}", socket.address));
        }
        Some(socket)
    }

    /// Whether a connection ended that had still to send something.
    pub(crate) fn was_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Send what is still to be sent, and wait, not for ever, until the brokers have read it: they close what was closed on this side.
    /// A process that ends before may take its last bytes with it. An error: a connection ended, now or earlier, before all was sent.
    pub(crate) async fn finish(&mut self) -> Result<(), String> {
        self.sockets.values_mut().for_each(|socket| socket.outgoing = None);
        // A slow broker has as long for each frame.
        let mut give_up = tokio::time::Instant::now() + self.timeout;
        while !self.sockets.is_empty() {
            match tokio::time::timeout_at(give_up, self.arrived.recv()).await {
                Ok(Some(Arrived::Closed { conn, why })) => drop(self.remove(conn, &why)),
                Ok(Some(Arrived::Sent { conn, bytes })) => {
                    self.on_sent(conn, bytes);
                    give_up = tokio::time::Instant::now() + self.timeout;
                }
                Ok(_) => {}
                Err(_) => {
                    let late = not_read(self.timeout);
                    self.sockets.keys().copied().collect::<Vec<_>>().into_iter().for_each(|conn| self.close(conn, &late));
                }
            }
        }
        self.cut.take().map_or(Ok(()), Err)
    }

    fn on_sent(&mut self, conn: ConnId, bytes: usize) {
        if let Some(socket) = self.sockets.get_mut(&conn) {
            socket.unsent -= bytes;
        }
    }

    /// An event that is there already.
    pub(crate) fn ready(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> ClientEvent {
        loop {
            if let Some(event) = self.step(None).await {
                return event;
            }
        }
    }

    /// The next event, or the failure of a command whose broker could not be reached for as long as it tries.
    pub(crate) async fn next_in_time(&mut self, what: &str) -> Result<ClientEvent, Failure> {
        loop {
            let give_up = self.gone_since.map(|since| since + self.timeout);
            if give_up.is_some_and(|at| at <= std::time::Instant::now()) {
                return Err(self.explain(what, &ClientError::TimedOut { last: String::new() }));
            }
            if let Some(event) = self.step(give_up).await {
                return Ok(event);
            }
        }
    }

    /// One thing that happens: an event that is there, an arrival, a deadline of the client, or this instant.
    pub(crate) async fn step(&mut self, until: Option<std::time::Instant>) -> Option<ClientEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let own = self.client.deadline().map(|d| self.origin + Duration::from_nanos(d.at.0));
        let deadline = [own, until].into_iter().flatten().min();
        let deadline = deadline.unwrap_or_else(|| std::time::Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            arrived = self.arrived.recv() => {
                self.on_arrived(arrived.expect("the driver itself holds a sender"));
            }
            () = tokio::time::sleep_until(deadline.into()) => self.input(ClientInput::Wake),
        }
        None
    }

    fn on_arrived(&mut self, arrived: Arrived) {
        if let Arrived::Frame { conn, .. } = &arrived {
            self.gone_since = None;
            if let (Some(said), Some(socket)) = (&mut self.said_gone, self.sockets.get(conn))
                && said.remove(&socket.address)
            {
                notice(&format!("{}: there again", socket.address));
            }
        }
        match arrived {
            Arrived::Connected { conn } => self.input(ClientInput::Connected { conn }),
            Arrived::Sent { conn, bytes } => self.on_sent(conn, bytes),
            Arrived::Closed { conn, why } => {
                if self.remove(conn, &why).is_some() {
                    self.input(ClientInput::Closed { conn, why });
                }
            }
            Arrived::Frame { conn, frame } if self.sockets.contains_key(&conn) => match self.client.decode(conn, frame) {
                Ok((correlation, response)) => self.input(ClientInput::Response { conn, correlation, response }),
                Err(e) => {
                    self.close(conn, &e.to_string());
                    self.input(ClientInput::Closed { conn, why: e.to_string() });
                }
            },
            Arrived::Frame { .. } => {}
        }
    }

    /// Ask one thing and wait for its answer.
    pub(crate) async fn call(&mut self, what: &str, target: Target, request: Request) -> Result<Response, Failure> {
        let asked = self.token();
        let timeout = self.timeout;
        self.input(ClientInput::Call { token: asked, target, request, timeout });
        loop {
            match self.next().await {
                ClientEvent::Called { token, result } if token == asked => {
                    return result.map_err(|e| self.explain(what, &e));
                }
                // Nothing else was asked for yet, or its events are not for this command.
                _ => {}
            }
        }
    }

    /// A failure of the client, with the reason why no broker was reached where that was it.
    pub(crate) fn explain(&self, what: &str, error: &ClientError) -> Failure {
        match (error, &self.unreachable) {
            (ClientError::TimedOut { .. }, Some(why)) if error_name(error).is_none() => Failure::Unreachable(format!(
                "{what}: no broker answered within {} ({why}). Is one running there? Another address goes with --bootstrap HOST:PORT.",
                humantime::format_duration(self.timeout)
            )),
            _ => Failure::of(what, error),
        }
    }
}

/// One connection from its making to its end. Requests and answers go their ways independently: a broker that does not read on
/// before its answers are read must not stop us from reading them.
async fn converse(
    conn: ConnId,
    (host, port): (String, u16),
    timeout: Duration,
    mut to_send: mpsc::UnboundedReceiver<Bytes>,
    report: mpsc::Sender<Arrived>,
) {
    let why = match connect(&host, port).await {
        Err(e) => e.to_string(),
        Ok((mut sender, mut receiver)) => {
            if report.send(Arrived::Connected { conn }).await.is_err() {
                return;
            }
            tokio::select! {
                why = send_all(conn, &mut sender, timeout, &mut to_send, &report) => why,
                why = receive_all(conn, &mut receiver, &report) => why,
            }
        }
    };
    let _ = report.send(Arrived::Closed { conn, why }).await;
}

fn not_read(timeout: Duration) -> String {
    format!("not read on within {}", humantime::format_duration(timeout))
}

/// Ends with an error alone: where everything is said, the broker is told so, and what it has still to say is read.
async fn send_all(
    conn: ConnId,
    sender: &mut Sender,
    timeout: Duration,
    to_send: &mut mpsc::UnboundedReceiver<Bytes>,
    report: &mpsc::Sender<Arrived>,
) -> String {
    while let Some(frame) = to_send.recv().await {
        match tokio::time::timeout(timeout, sender.send(&frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return e.to_string(),
            Err(_) => return not_read(timeout),
        }
        if report.send(Arrived::Sent { conn, bytes: frame.len() }).await.is_err() {
            return "the command has ended".to_owned();
        }
    }
    match sender.finish().await {
        Ok(()) => std::future::pending().await,
        Err(e) => e.to_string(),
    }
}

async fn receive_all(conn: ConnId, receiver: &mut Receiver, report: &mpsc::Sender<Arrived>) -> String {
    loop {
        match receiver.receive().await {
            Ok(Some(frame)) => {
                if report.send(Arrived::Frame { conn, frame }).await.is_err() {
                    return "the command has ended".to_owned();
                }
            }
            Ok(None) => return "the broker closed the connection".to_owned(),
            Err(e) => return e.to_string(),
        }
    }
}
