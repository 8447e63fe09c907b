//! The controller as a whole: lives on a disk that can lose what was not synced, and requests with Kafka's answers.

mod admin;
mod lives;
mod queries;

use super::records::Endpoint;
use super::*;
use crate::disk::{DiskQueue, Owner};
use crate::io::{DiskCall, DiskImage, FileId, FileKind};
use crate::log::Hints;
use crate::time::{Instant, Timestamp};
use bytes::Bytes;
use std::collections::BTreeMap;

type Path = (String, String);

/// A disk that performs calls in their order, and forgets at a power loss whatever was not synced.
#[derive(Clone, Debug, Default)]
struct Disk {
    dirs: BTreeMap<DirId, String>,
    live: BTreeMap<Path, Vec<u8>>,
    live_dirs: Vec<String>,
    synced_dirs: Vec<String>,
    /// Names that a `SyncDir` covered.
    durable: BTreeMap<Path, Vec<u8>>,
    fail: Vec<(FileKind, &'static str, DiskFault)>,
    /// How many bytes there is room for.
    capacity: Option<usize>,
}

impl Disk {
    fn path(&self, file: FileId) -> Path {
        let dir = if file.dir == crate::io::ROOT { String::new() } else { self.dirs[&file.dir].clone() };
        (dir, file.name.to_string())
    }

    fn perform(&mut self, file: FileId, call: &DiskCall) -> Result<DiskDone, DiskFault> {
        let verb = format!("{call:?}");
        if let Some(at) = self.fail.iter().position(|(kind, v, _)| *kind == file.name.kind && verb.starts_with(v)) {
            return Err(self.fail.remove(at).2);
        }
        if let DiskCall::MakeDir { path } = call {
            self.dirs.insert(file.dir, path.clone());
            self.live_dirs.push(path.clone());
            return Ok(DiskDone::Done);
        }
        let path = self.path(file);
        match call {
            DiskCall::Create => drop(self.live.insert(path, Vec::new())),
            DiskCall::Append { data, .. } if self.is_too_much(data.iter().map(Bytes::len).sum()) => {
                return Err(DiskFault::NoSpace);
            }
            DiskCall::Append { pos, data } => {
                let bytes = self.live.get_mut(&path).ok_or(DiskFault::NotFound)?;
                assert_eq!(bytes.len() as u64, pos.0, "{file}");
                data.iter().for_each(|d| bytes.extend_from_slice(d));
            }
            DiskCall::Sync => {
                let bytes = self.live.get(&path).ok_or(DiskFault::NotFound)?.clone();
                // The bytes are safe under whatever durable name the file has or will have.
                if let Some(durable) = self.durable.get_mut(&path) {
                    *durable = bytes;
                }
            }
            DiskCall::SyncDir => {
                let here = |p: &Path| p.0 == path.0;
                self.durable.retain(|p, _| !here(p));
                self.durable.extend(self.live.iter().filter(|(p, _)| here(p)).map(|(p, b)| (p.clone(), b.clone())));
                self.synced_dirs.clone_from(&self.live_dirs);
            }
            DiskCall::Rename { to } => {
                let bytes = self.live.remove(&path).ok_or(DiskFault::NotFound)?;
                self.live.insert((path.0, to.to_string()), bytes);
            }
            DiskCall::Remove => drop(self.live.remove(&path)),
            DiskCall::Rewrite { .. } => drop(self.live.get(&path).ok_or(DiskFault::NotFound)?),
            DiskCall::Truncate { len } => self.live.get_mut(&path).ok_or(DiskFault::NotFound)?.truncate(*len as usize),
            other => panic!("{other:?}"),
        }
        Ok(DiskDone::Done)
    }

    fn is_too_much(&self, more: usize) -> bool {
        self.capacity.is_some_and(|c| self.live.values().map(Vec::len).sum::<usize>() + more > c)
    }

    fn lose_power(&mut self) {
        self.live = self.durable.clone();
        self.live_dirs = self.synced_dirs.clone();
        let dirs = self.live_dirs.clone();
        self.live.retain(|(dir, _), _| dir.is_empty() || dirs.contains(dir));
    }
}

impl DiskImage for Disk {
    fn dirs(&self) -> Result<Vec<String>, DiskFault> {
        Ok(self.live_dirs.clone())
    }

    fn files(&self, dir: Option<&str>) -> Result<Vec<(String, u64)>, DiskFault> {
        let here = self.live.iter().filter(|((d, _), _)| d == dir.unwrap_or_default());
        Ok(here.map(|((_, n), b)| (n.clone(), b.len() as u64)).collect())
    }

    fn read(&self, dir: Option<&str>, file: &str, pos: u64, len: usize) -> Result<Bytes, DiskFault> {
        let bytes = self.live.get(&(dir.unwrap_or_default().to_owned(), file.to_owned())).ok_or(DiskFault::NotFound)?;
        let from = bytes.len().min(usize::try_from(pos).unwrap());
        Ok(Bytes::copy_from_slice(&bytes[from..bytes.len().min(from + len)]))
    }

    fn bind(&mut self, dir: DirId, path: &str) {
        self.dirs.insert(dir, path.to_owned());
    }
}

/// A controller on a disk.
struct World {
    disk: Disk,
    queue: DiskQueue,
    controller: Option<Controller>,
    settings: Settings,
    node: i32,
    /// Which calls the disk holds back.
    held: Option<&'static str>,
    waiting: Vec<(OpId, FileId, DiskCall)>,
    now: Now,
    lives: u64,
}

impl World {
    fn new(settings: Settings) -> World {
        World {
            disk: Disk::default(),
            queue: DiskQueue::default(),
            controller: None,
            settings,
            node: 1,
            held: None,
            waiting: Vec::new(),
            now: Now { mono: Instant(1), wall: Timestamp(1_000) },
            lives: 0,
        }
    }

    /// A world that has reached `Active`.
    fn active() -> World {
        let mut w = World::new(Settings::default());
        w.start().unwrap();
        assert!(matches!(w.drive()[..], [.., ControllerIntent::Active]));
        w
    }

    fn start(&mut self) -> Result<(), String> {
        self.lives += 1;
        (self.queue, self.waiting) = (DiskQueue::default(), Vec::new());
        let endpoint = Endpoint { listener: "PLAINTEXT".into(), host: "localhost".into(), port: 9092, security: 0 };
        let config = ControllerConfig { node: BrokerId(self.node), endpoints: vec![endpoint], settings: self.settings.clone() };
        let rng = Rng::stream(self.lives, "controller");
        let mut port = self.queue.port(Owner::Controller);
        let recovered = Controller::recover(config, DirId(7), rng, Hints::default(), self.now, &mut self.disk, &mut port);
        self.controller = Some(recovered?);
        Ok(())
    }

    fn controller(&self) -> &Controller {
        self.controller.as_ref().unwrap()
    }

    fn handle(&mut self, event: ControllerEvent) -> Vec<ControllerIntent> {
        let mut out = Vec::new();
        let controller = self.controller.as_mut().unwrap();
        controller.handle(self.now, event, &mut self.queue.port(Owner::Controller), &mut out);
        out
    }

    /// Perform disk calls until there are none, or only ones that are held back.
    fn drive(&mut self) -> Vec<ControllerIntent> {
        let mut out = Vec::new();
        loop {
            self.waiting.extend(self.queue.take());
            let held = |call: &DiskCall| self.held.is_some_and(|h| format!("{call:?}").starts_with(h));
            let Some(at) = self.waiting.iter().position(|(.., call)| !held(call)) else { return out };
            let (op, file, call) = self.waiting.remove(at);
            let result = self.disk.perform(file, &call);
            self.queue.take_owner(op);
            out.extend(self.handle(ControllerEvent::Disk { op, result }));
        }
    }

    fn ask(&mut self, token: u64, change: Change) -> Vec<ControllerIntent> {
        self.handle(ControllerEvent::Asked { token: Token(token), change })
    }

    /// Ask, and let the disk work until the answer is there.
    fn answer(&mut self, change: Change) -> Response {
        let mut out = self.ask(1, change);
        out.extend(self.drive());
        let reply = out.into_iter().find_map(|i| match i {
            ControllerIntent::Reply { response, .. } => Some(response),
            _ => None,
        });
        reply.expect("an answer")
    }

    fn create(&mut self, topics: &[(&str, i32)]) -> msg::CreateTopicsResponse {
        match self.answer(create(topics)) {
            Response::CreateTopics(r) => r,
            other => panic!("{other:?}"),
        }
    }

    fn topics(&self) -> Vec<String> {
        self.controller().image().names.keys().cloned().collect()
    }
}

fn create(topics: &[(&str, i32)]) -> Change {
    let mut request = msg::CreateTopicsRequest::default();
    request.timeout_ms = 1000;
    for (name, partitions) in topics {
        let mut topic = msg::create_topics_request::CreatableTopic::default();
        topic.name = refusal::text(name).into();
        (topic.num_partitions, topic.replication_factor) = (*partitions, -1);
        request.topics.push(topic);
    }
    Change::CreateTopics { version: 7, request }
}
