//! Partitions that the client reads: where it was told to begin, where it goes on, what it hands out.
//!
//! State       per assigned partition, where the next record must come from; questions for offsets whose answers are awaited.
//! Takes       the client's Fetch and ListOffsets requests as they leave, their answers, its events.
//! Gives       `ReadOp`s as the client's caller sees them; complaints where a position is not the one that it must be.
//! Holds       no code shared with the client: positions are followed on the wire.
//! Not here    whether the records are right (checks/history.rs).

use super::super::consumer::TORN;
use super::{LibraryConfig, Reads, complain};
use crate::batch;
use crate::checks::Id;
use crate::history::{Place, ReadOp};
use crate::world::Sim;
use ottla_core::client::{ClientConfig, ClientError, ClientInput, Position, ReadRecord, Reset, TopicPartition};
use ottla_core::ids::{ConnId, Offset};
use ottla_core::rng::Rng;
use ottla_core::time::Timestamp;
use ottla_core::wire::{Request, RequestFrame, Response, msg};
use std::collections::BTreeMap;

const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

/// Where a reader wants to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Want {
    At(i64),
    /// Where ListOffsets says for this timestamp, so many offsets before it.
    Told {
        timestamp: i64,
        back: i64,
    },
}

#[derive(Debug)]
struct Part {
    want: Want,
    /// Counts assignments and resets: an answer to an older question says nothing.
    turn: u64,
    /// Offsets that were answered to the right question.
    told: Vec<i64>,
    /// The next record; `None` before the first fetch.
    next: Option<i64>,
    /// Where it goes on when its position is out of range.
    reset: Option<Reset>,
    /// The id of the topic of which it has read something.
    of: Option<u128>,
    /// The end was reached, and nothing was read since.
    at_end: bool,
}

impl Part {
    /// Its position leads nowhere: it goes on where the reset setting says.
    fn begin_anew(&mut self, reset: Reset, turn: u64) {
        let timestamp = if reset == Reset::Earliest { EARLIEST } else { LATEST };
        (self.want, self.turn, self.next) = (Want::Told { timestamp, back: 0 }, turn, None);
        (self.of, self.at_end) = (None, false);
        self.told.clear();
    }

    /// Whether a reader may begin there.
    fn begins_at(&self, offset: i64) -> bool {
        match self.want {
            Want::At(at) => at == offset,
            Want::Told { .. } => self.told.contains(&offset),
        }
    }
}

#[derive(Debug)]
struct Question {
    partition: TopicPartition,
    timestamp: i64,
    turn: u64,
}

#[derive(Debug)]
pub(super) struct Reading {
    reads: Reads,
    /// Topics may be made anew: what is read is of the topic with this id.
    by_id: bool,
    reset: Option<Reset>,
    parts: BTreeMap<TopicPartition, Part>,
    turns: u64,
    questions: BTreeMap<(ConnId, i32), Vec<Question>>,
    /// When the last Fetch left, and what it asked of each partition, as the fetch session has it.
    fetch_sent: u64,
    asked: BTreeMap<TopicPartition, i64>,
    /// Names of topics by their ids, as brokers told them.
    ids: BTreeMap<u128, String>,
    /// By their names, the topics that there are: what was told last of the id and the number of partitions.
    newest: BTreeMap<String, (u128, usize)>,
}

impl Reading {
    pub(super) fn new(client: &ClientConfig, config: &LibraryConfig) -> Reading {
        Reading {
            reads: config.reads,
            by_id: config.reads_by_id(),
            reset: client.fetch.reset,
            parts: BTreeMap::new(),
            turns: 0,
            questions: BTreeMap::new(),
            fetch_sent: 0,
            asked: BTreeMap::new(),
            ids: BTreeMap::new(),
            newest: BTreeMap::new(),
        }
    }

    pub(super) fn ids(&self) -> &BTreeMap<u128, String> {
        &self.ids
    }

    /// Whether every reader was told that it has come to the end of its partition, if there is one.
    pub(super) fn is_at_end(&self) -> bool {
        let is_there =
            |p: &TopicPartition| self.newest.get(&p.topic).is_some_and(|(_, partitions)| (p.index as usize) < *partitions);
        self.parts.iter().all(|(p, part)| part.at_end || !is_there(p))
    }

    pub(super) fn assigned(&self) -> Vec<(String, i32)> {
        self.parts.keys().map(|p| (p.topic.clone(), p.index)).collect()
    }

    /// Read a partition, from its beginning or from a place that is drawn.
    pub(super) fn assign(&mut self, rng: &mut Rng, sim: &Sim, me: u32, topic: &str, index: i32) -> ClientInput {
        let told = |timestamp| Want::Told { timestamp, back: 0 };
        let (from, want) = match if self.reads == Reads::All { 0 } else { rng.below(8) } {
            0..=2 => (Position::Earliest, told(EARLIEST)),
            3 => (Position::Latest, told(LATEST)),
            4 => {
                let at = sim.client_wall_ms(me) - rng.below(8_000) as i64;
                (Position::Time(Timestamp(at)), told(at))
            }
            5 => {
                let back = rng.below(20) as i64;
                (Position::BeforeEnd(back), Want::Told { timestamp: LATEST, back })
            }
            _ => {
                let at = rng.below(30) as i64;
                (Position::At(Offset(at)), Want::At(at))
            }
        };
        let partition = TopicPartition::new(topic, index);
        // Counted from the end it may lie before the beginning.
        let reset = match want {
            Want::Told { timestamp: LATEST, .. } if matches!(from, Position::BeforeEnd(_)) => {
                self.reset.or(Some(Reset::Earliest))
            }
            _ => self.reset,
        };
        self.turns += 1;
        self.parts.insert(
            partition.clone(),
            Part { want, turn: self.turns, told: Vec::new(), next: None, reset, of: None, at_end: false },
        );
        ClientInput::Assign { partition, from }
    }

    pub(super) fn unassign(&mut self, topic: &str, index: i32) -> ClientInput {
        let partition = TopicPartition::new(topic, index);
        self.parts.remove(&partition);
        ClientInput::Unassign { partition }
    }

    pub(super) fn on_sent(&mut self, sim: &mut Sim, conn: ConnId, frame: &RequestFrame) {
        match &frame.request {
            Request::ListOffsets(request) => self.on_offsets_asked(conn, frame.correlation, request),
            Request::Fetch(request) => self.on_fetch_sent(sim, request),
            _ => {}
        }
    }

    fn on_offsets_asked(&mut self, conn: ConnId, correlation: i32, request: &msg::ListOffsetsRequest) {
        let mut questions = Vec::new();
        for topic in &request.topics {
            for asked in &topic.partitions {
                let partition = TopicPartition::new(topic.name.0.as_str(), asked.partition_index);
                let turn = self.parts.get(&partition).map_or(0, |p| p.turn);
                questions.push(Question { partition, timestamp: asked.timestamp, turn });
            }
        }
        self.questions.insert((conn, correlation), questions);
    }

    fn on_fetch_sent(&mut self, sim: &mut Sim, request: &msg::FetchRequest) {
        self.fetch_sent = sim.now_ns();
        if request.session_id == 0 || request.session_epoch <= 0 {
            self.asked.clear();
        }
        for topic in &request.forgotten_topics_data {
            if let Some(name) = self.name_of(topic.topic.0.as_str(), topic.topic_id.as_u128()) {
                self.asked.retain(|p, _| p.topic != name || !topic.partitions.contains(&p.index));
            }
        }
        for topic in &request.topics {
            let Some(name) = self.name_of(topic.topic.0.as_str(), topic.topic_id.as_u128()) else {
                return complain(sim, "a topic id is read that no broker has named", format!("{:?}", topic.topic_id));
            };
            for asked in &topic.partitions {
                self.asked.insert(TopicPartition::new(&name, asked.partition), asked.fetch_offset);
            }
        }
        for (partition, offset) in &self.asked {
            sim.watch.tally.count(Id::Library);
            let Some(part) = self.parts.get_mut(partition) else {
                return complain(sim, "a partition is read that is not assigned", partition.to_string());
            };
            let begins = part.next.is_none();
            let right = if let Some(next) = part.next { next == *offset } else { part.begins_at(*offset) };
            // A batch's base offset is outside its checksum: where bytes at rest are damaged, it may name any.
            let damaged = !begins && sim.watch.is_damaged(&format!("{}-{}", partition.topic, partition.index));
            if !right && !damaged {
                let text = format!("{partition}: asks for {offset}, {part:?}");
                let site = if begins {
                    "a reader begins elsewhere than where it was told"
                } else {
                    "a reader goes on elsewhere than where it stopped"
                };
                return complain(sim, site, text);
            }
            part.next = Some(*offset);
        }
    }

    /// The name of a topic that is called by its name or by its id.
    fn name_of(&self, name: &str, id: u128) -> Option<String> {
        if name.is_empty() { self.ids.get(&id).cloned() } else { Some(name.to_owned()) }
    }

    /// An answer arrives; the client gets it after this.
    pub(super) fn on_answer(&mut self, conn: ConnId, correlation: i32, response: &Response) {
        match response {
            Response::Metadata(answer) => {
                for topic in &answer.topics {
                    let Some(name) = topic.name.as_ref().map(|name| name.0.as_str()) else { continue };
                    match topic.error_code {
                        0 => self.on_named(name, topic.topic_id.as_u128(), topic.partitions.len()),
                        3 => drop(self.newest.remove(name)),
                        _ => {}
                    }
                }
            }
            Response::ListOffsets(answer) => {
                let questions = self.questions.remove(&(conn, correlation)).unwrap_or_default();
                for topic in &answer.topics {
                    for told in topic.partitions.iter().filter(|p| p.error_code == 0) {
                        let is_here = |q: &&Question| {
                            q.partition.index == told.partition_index && q.partition.topic == topic.name.0.as_str()
                        };
                        if let Some(question) = questions.iter().find(is_here) {
                            self.on_told(question, told.offset);
                        }
                    }
                }
            }
            Response::Fetch(answer) => {
                for topic in &answer.topics {
                    let name = self.name_of(&topic.name, topic.id.0.as_u128());
                    let Some(name) = name else { continue };
                    let id = self.newest.get(&name).map(|(id, _)| *id);
                    for told in &topic.partitions {
                        let partition = TopicPartition::new(&name, told.index);
                        match told.error_code {
                            0 => self.on_read(&partition, id),
                            1 => self.on_out_of_range(&partition),
                            _ => {}
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn on_told(&mut self, question: &Question, offset: i64) {
        let Some(part) = self.parts.get_mut(&question.partition).filter(|p| p.turn == question.turn) else { return };
        match part.want {
            // No record is that young: it begins at the end.
            Want::Told { timestamp, .. } if timestamp == question.timestamp && timestamp >= 0 && offset < 0 => {
                part.want = Want::Told { timestamp: LATEST, back: 0 };
            }
            Want::Told { timestamp, back } if timestamp == question.timestamp => part.told.push((offset - back).max(0)),
            _ => {}
        }
    }

    fn on_out_of_range(&mut self, partition: &TopicPartition) {
        let asked = self.asked.get(partition).copied();
        let Some(part) = self.parts.get_mut(partition).filter(|p| asked.is_some() && p.next == asked) else { return };
        if let Some(reset) = part.reset {
            self.turns += 1;
            part.begin_anew(reset, self.turns);
        }
    }

    /// What a partition answered is of the topic `id`: from now on its position counts there.
    fn on_read(&mut self, partition: &TopicPartition, id: Option<u128>) {
        let asked = self.asked.get(partition).copied();
        if let Some(part) = self.parts.get_mut(partition)
            && asked.is_some_and(|asked| part.next.map_or_else(|| part.begins_at(asked), |next| next == asked))
        {
            (part.of, part.reset) = (id, self.reset);
        }
    }

    /// A broker has told a topic's id. Where that is another than before, nobody may go on from an offset of the old topic: who has no
    /// setting for that is told, and asks for nothing any more.
    fn on_named(&mut self, name: &str, id: u128, partitions: usize) {
        self.ids.insert(id, name.to_owned());
        self.newest.insert(name.to_owned(), (id, partitions));
        // Brokers that are older call every topic zero.
        let is_another = |of: u128| of != id && id != 0 && of != 0;
        for (_, part) in self.parts.iter_mut().filter(|(p, part)| p.topic == name && part.of.is_some_and(is_another)) {
            self.turns += 1;
            part.begin_anew(self.reset.unwrap_or(Reset::Earliest), self.turns);
        }
    }

    pub(super) fn fetched(
        &mut self,
        sim: &mut Sim,
        me: u32,
        partition: &TopicPartition,
        records: &[ReadRecord],
        next: Offset,
        high_watermark: Offset,
    ) {
        sim.watch.tally.count(Id::Library);
        let Some(part) = self.parts.get_mut(partition) else {
            return complain(sim, "records of a partition that is not assigned", partition.to_string());
        };
        // Assigned anew where it already was, it may take the answer to what it asked before.
        let asked = self.asked.get(partition).copied();
        let same = asked.filter(|asked| part.begins_at(*asked));
        let Some(from) = part.next.or(same) else {
            return complain(sim, "records of a partition that was not asked for", partition.to_string());
        };
        // Where it goes on follows from what it read; what the client says is held against that with the next Fetch.
        part.next = Some(records.last().map_or(next.0, |r| r.offset.0 + 1));
        part.at_end = false;
        let of = part.of;
        let start = sim.history.records.len();
        for record in records {
            let value = name_of(record);
            sim.history.records.push((record.offset.0, value));
            check_dress(sim, partition, record, value);
        }
        let records = (start, sim.history.records.len());
        self.read(sim, me, (partition, of), from, 0, high_watermark.0, records);
    }

    pub(super) fn end_reached(&mut self, sim: &mut Sim, me: u32, partition: &TopicPartition, end: Offset) {
        let asked = self.asked.get(partition).copied();
        let part = self.parts.get_mut(partition);
        let at = part.as_ref().and_then(|part| part.next.or(asked.filter(|asked| part.begins_at(*asked))));
        match (part, at) {
            // It is led astray by damaged bytes.
            (Some(part), _) if sim.watch.is_damaged(&format!("{}-{}", partition.topic, partition.index)) => {
                (part.next, part.at_end) = (Some(end.0), true);
            }
            (Some(part), Some(at)) if at >= end.0 => (part.next, part.at_end) = (Some(at), true),
            (part, _) => {
                let text = format!("{partition}: {end}, {part:?}");
                return complain(sim, "an end is reached that the reader has not come to", text);
            }
        }
        let none = (sim.history.records.len(), sim.history.records.len());
        let of = self.parts.get(partition).and_then(|part| part.of);
        self.read(sim, me, (partition, of), end.0, 0, end.0, none);
    }

    pub(super) fn failed(&mut self, sim: &mut Sim, me: u32, partition: &TopicPartition, error: &ClientError) {
        let Some(part) = self.parts.remove(partition) else {
            return complain(sim, "a partition fails that is not assigned", partition.to_string());
        };
        let code = match error {
            ClientError::Broker { code, .. } => code.0,
            _ => TORN,
        };
        let none = (sim.history.records.len(), sim.history.records.len());
        self.read(sim, me, (partition, part.of), part.next.unwrap_or(-1), code, -1, none);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a ReadOp")]
    fn read(
        &self,
        sim: &mut Sim,
        me: u32,
        (partition, of): (&TopicPartition, Option<u128>),
        from_offset: i64,
        error: i16,
        high_watermark: i64,
        records: (usize, usize),
    ) {
        let topic_id = of.filter(|_| self.by_id).unwrap_or(0);
        let place = Place { topic: sim.history.topic(&partition.topic), partition: partition.index, topic_id };
        let (invoked, ended) = (self.fetch_sent, sim.now_ns());
        sim.history.reads.push(ReadOp {
            client: me,
            place,
            invoked,
            ended,
            from_offset,
            error,
            high_watermark,
            log_start: -1,
            records,
            last: false,
        });
    }
}

/// The number that names a record: the first bytes of its value, or of its key where it has no value.
fn name_of(record: &ReadRecord) -> u64 {
    let named = record.value.as_deref().or(record.key.as_deref()).unwrap_or_default();
    named.get(..8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// A record is read as it was sent: key, value and headers.
fn check_dress(sim: &mut Sim, partition: &TopicPartition, record: &ReadRecord, value: u64) {
    let Some((op, _)) = sim.history.writer_of(value) else { return };
    let writer = &sim.history.produces[op];
    let sent = if writer.dressed { batch::dress(value, writer.padding) } else { batch::plain(value, writer.padding) };
    let same = sent.key.as_deref() == record.key.as_deref()
        && sent.value.as_deref() == record.value.as_deref()
        && sent.headers.len() == record.headers.len()
        && sent.headers.iter().zip(&record.headers).all(|((k, v), h)| k[..] == h.key[..] && v.as_deref() == h.value.as_deref());
    if !same {
        let text = format!("{partition} offset {}: {record:?}, sent was {sent:?}", record.offset);
        complain(sim, "a record is read with another key, value or headers than it was sent with", text);
    }
}
