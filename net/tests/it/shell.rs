//! A simulated host that runs the unmodified edge: turmoil's network, chaos on every socket, the simulator's disk, the real node.
//!
//! Gives       `World`: a host `broker` that can be stopped, crashed and bounced, and clients that talk to it.

use crate::chaos::{Chaos, Character};
use crate::client::Client;
use crate::disk::TimedDisk;
use ottla_core::config::Settings;
use ottla_core::time::Timestamp;
use ottla_core::{Node, NodeConfig};
use ottla_net::sock::{Listen, Stream};
use ottla_net::{Alarm, Clock, Edge, ExitReason, Limits, Metrics, run};
use ottla_sim::disk::{self, SimDisk};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use turmoil::net::{TcpListener, TcpStream};

impl Stream for Chaos<TcpStream> {}

struct ChaosListener {
    listener: TcpListener,
    broker: Broker,
    seed: Cell<u64>,
}

impl Listen for ChaosListener {
    type Stream = Chaos<TcpStream>;

    async fn accept(&self) -> io::Result<(Chaos<TcpStream>, SocketAddr)> {
        let (stream, peer) = self.listener.accept().await?;
        let character = self.broker.next.take().unwrap_or(self.broker.character);
        self.seed.set(self.seed.get() + 1);
        Ok((Chaos::new(stream, character, self.seed.get()), peer))
    }
}

/// What a test can do to the broker, from anywhere in its world.
#[derive(Clone)]
pub(crate) struct Broker {
    pub(crate) disk: Rc<RefCell<SimDisk>>,
    stop: Rc<RefCell<Option<UnboundedSender<()>>>>,
    pub(crate) ended: Rc<RefCell<Option<ExitReason>>>,
    pub(crate) metrics: Rc<RefCell<Rc<Metrics>>>,
    character: Character,
    next: Rc<Cell<Option<Character>>>,
    limits: Limits,
    seed: u64,
}

const EPOCH_MS: i64 = 1_700_000_000_000;

fn wall() -> Timestamp {
    Timestamp(EPOCH_MS + i64::try_from(turmoil::sim_elapsed().unwrap_or_default().as_millis()).unwrap())
}

impl Broker {
    pub(crate) fn new(seed: u64, character: Character, limits: Limits) -> Broker {
        let slow = disk::Character {
            call_ns: (10_000, 200_000),
            read_ns: None,
            sync_ns: (200_000, 5_000_000),
            loss: disk::Loss::NOTHING_KEPT,
            sync_covers_later: false,
        };
        Broker {
            disk: Rc::new(RefCell::new(SimDisk::new(seed, "disk", slow))),
            stop: Rc::default(),
            ended: Rc::default(),
            metrics: Rc::default(),
            character,
            next: Rc::default(),
            limits,
            seed,
        }
    }

    /// The host's whole program: what `serve` does, over simulated sockets and files.
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let listener = TcpListener::bind(("0.0.0.0", 9092)).await?;
        let clock = Clock::new(wall);
        let config = NodeConfig {
            node_id: 1,
            advertised_host: "broker".into(),
            advertised_port: 9092,
            settings: Settings::default(),
            planted: ottla_core::planted::Planted::default(),
        };
        let mut effects = Vec::new();
        self.disk.borrow_mut().process_crashed();
        let node = Node::recover(config, self.seed, clock.now(), &mut self.disk.borrow_mut().image(), &mut effects)
            .map_err(|e| e.0.clone())?;
        let (tell, stop) = unbounded_channel();
        *self.stop.borrow_mut() = Some(tell);
        let metrics = Rc::new(Metrics::default());
        *self.metrics.borrow_mut() = Rc::clone(&metrics);
        let edge = Edge::new(node, effects, TimedDisk::new(self.disk.clone()), clock, self.limits.clone(), metrics);
        let listener = ChaosListener { listener, broker: self.clone(), seed: Cell::new(self.seed) };
        let reason = run(edge, listener, Alarm::tokio(), stop).await;
        *self.ended.borrow_mut() = Some(reason);
        Ok(())
    }

    /// A signal to end.
    pub(crate) fn signal(&self) {
        self.stop.borrow().as_ref().expect("the broker runs").send(()).expect("the broker runs");
    }

    /// What the socket of the next connection that is accepted does, and no other's.
    pub(crate) fn next_connection(&self, character: Character) {
        self.next.set(Some(character));
    }

    /// The value of a counter, by its line's beginning in `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.metrics.borrow().encode();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} is not in {text}"));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }
}

/// A world with one broker.
pub(crate) fn world(broker: &Broker) -> turmoil::Sim<'static> {
    let mut sim = turmoil::Builder::new()
        .rng_seed(broker.seed)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_millis(EPOCH_MS.unsigned_abs()))
        .simulation_duration(Duration::from_secs(600))
        .tcp_capacity(256)
        .build();
    let broker = broker.clone();
    sim.host("broker", move || broker.clone().run());
    sim
}

/// Connect to the broker of this world, as soon as it listens.
pub(crate) async fn connect() -> Client<TcpStream> {
    loop {
        match TcpStream::connect("broker:9092").await {
            Ok(stream) => return Client::new(stream),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
