//! A campaign: ranges for worlds, workloads and faults in a TOML file; a seed picks one case out of it.
//!
//! Takes       the text of a file; a seed.
//! Gives       a `Case`: a world with its clients and its fault plan, as data, complete.
//! Holds       equal campaign and seed give equal cases. Every choice has a stream of its own, so that leaving one out moves no other.
//! Not here    running cases (case.rs), threads (runner.rs).

use crate::case::{Case, ClientKind, ClientSpec, DRAWN_MAX, FAULTS_MS_MAX, PARTITIONS_MAX};
use crate::clients::{
    AdminConfig, ConsumerConfig, HostileConfig, InspectorConfig, LibraryConfig, OperatorConfig, ProducerConfig, Reads,
};
use crate::diagnostic::Diagnostic;
use crate::disk::{Character, Keep, Loss};
use crate::plan::{Kind, Plan, Rate, Span};
use crate::world::Setup;
use crate::world::net::NetCharacter;
use ottla_core::config::{Inserted, Settings, check_topic_overrides};
use ottla_core::rng::Rng;
use ottla_core::wire::compress::Codec;
use serde::Deserialize;
use std::collections::BTreeMap;

macro_rules! standard {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../scenarios/campaigns/", $name, ".toml")))),*] };
}

/// The campaigns of this repository, by name, with their texts: they come with the program, so that a replay line works anywhere.
/// In this order they take turns when planted bugs are hunted.
pub const STANDARD: [(&str, &str); 7] =
    standard!["boundaries", "single-node", "power-loss", "churn", "disk-faults", "smoke", "mixed"];

/// The most clients of a kind, the most topics, and the most faults of a kind in one world: more is a machine's memory, and shows nothing.
const CLIENTS_MAX: u64 = 1_000;
const TOPICS_MAX: u64 = 100;
const FAULTS_MAX: u32 = 1_000;

/// A lowest and a highest value, both included.
pub type Range = (u64, u64);

/// The contents of a campaign file.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Campaign {
    #[serde(skip)]
    pub name: String,
    pub description: String,
    pub world: WorldPart,
    pub clients: ClientPart,
    pub topics: TopicPart,
    /// Broker settings: in half of the worlds one of the values, else the default.
    #[serde(default)]
    pub settings: BTreeMap<String, Vec<String>>,
    /// The most of each kind of fault in one world.
    #[serde(default)]
    pub faults: BTreeMap<Kind, u32>,
    /// Checks that this campaign gives nothing to look at.
    #[serde(default)]
    pub idle_checks: Vec<String>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WorldPart {
    /// Faults end after so many virtual milliseconds.
    pub faults_ms: Range,
    /// Worlds in a hundred that have the small limits of `config=tiny`.
    pub tiny_percent: u64,
    /// Worlds in a hundred in which reads take up to 200 ms: much changes between a question to the disk and its answer.
    #[serde(default)]
    pub slow_reads_percent: u64,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClientPart {
    pub producers: Range,
    pub consumers: Range,
    /// Batches of each producer.
    pub batches: Range,
    pub acks: Vec<i16>,
    #[serde(default)]
    pub admin_operations: Option<Range>,
    #[serde(default)]
    pub hostile_frames: Option<Range>,
    /// How many ask where leader epochs end and where times lie.
    #[serde(default)]
    pub inspectors: Option<Range>,
    /// Worlds in a hundred in which an operator tries all of administration on things of its own.
    #[serde(default)]
    pub operator_percent: u64,
    /// Worlds in a hundred in which somebody also uses the client of core.
    #[serde(default)]
    pub library_percent: u64,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TopicPart {
    pub count: Range,
    pub partitions: Range,
    /// Topics that are deleted and made again.
    #[serde(default)]
    pub volatile: Option<Range>,
    /// Settings of topics: of each, in half of the topics one of the values.
    #[serde(default)]
    pub settings: BTreeMap<String, Vec<String>>,
}

impl Campaign {
    /// Read a campaign. A mistake is shown with the word that is wrong.
    pub fn parse(name: &str, text: &str) -> Result<Campaign, Diagnostic> {
        let parsed: Result<Campaign, toml::de::Error> = toml::from_str(text);
        let mut campaign = parsed.map_err(|e| {
            let span = e.span().unwrap_or(0..text.len().min(1));
            Diagnostic::new(span, e.message().lines().next().unwrap_or("a mistake").to_string())
        })?;
        campaign.name = name.to_string();
        for (check, at) in campaign.idle_checks.iter().map(|c| (c, text.find(c.as_str()).unwrap_or(0))) {
            if !crate::checks::CHECKS.iter().any(|c| c.name == check) {
                return Err(Diagnostic::new(at..at + check.len(), format!("there is no check `{check}`")));
            }
        }
        campaign.check().map_err(|(table, word, why)| Diagnostic::new(place_of(text, table, &word), why))?;
        Ok(campaign)
    }

    /// What the types do not hold: the table, the key in it that is wrong, and why.
    fn check(&self) -> Result<(), (&'static str, String, String)> {
        let (world, clients, topics) = (&self.world, &self.clients, &self.topics);
        let (drawn, partitions) = (u64::from(DRAWN_MAX), PARTITIONS_MAX as u64);
        let ranges = [
            ("world", "faults-ms", 1, FAULTS_MS_MAX, Some(world.faults_ms)),
            ("clients", "producers", 0, CLIENTS_MAX, Some(clients.producers)),
            ("clients", "consumers", 0, CLIENTS_MAX, Some(clients.consumers)),
            ("clients", "batches", 0, drawn, Some(clients.batches)),
            ("clients", "admin-operations", 0, drawn, clients.admin_operations),
            ("clients", "hostile-frames", 0, drawn, clients.hostile_frames),
            ("clients", "inspectors", 0, CLIENTS_MAX, clients.inspectors),
            ("topics", "count", 1, TOPICS_MAX, Some(topics.count)),
            ("topics", "partitions", 1, partitions, Some(topics.partitions)),
            ("topics", "volatile", 0, TOPICS_MAX, topics.volatile),
        ];
        for (table, name, least, most, range) in ranges {
            if let Some((low, high)) = range.filter(|(low, high)| low > high || *low < least || *high > most) {
                let why = format!("{name} is a lowest and a highest number from {least} to {most}, not {low} and {high}");
                return Err((table, name.into(), why));
            }
        }
        for (table, name, percent) in [
            ("world", "tiny-percent", world.tiny_percent),
            ("world", "slow-reads-percent", world.slow_reads_percent),
            ("clients", "operator-percent", clients.operator_percent),
            ("clients", "library-percent", clients.library_percent),
        ] {
            if percent > 100 {
                return Err((table, name.into(), format!("{percent} in a hundred worlds are too many")));
            }
        }
        if clients.acks.is_empty() || clients.acks.iter().any(|a| !(-1..=1).contains(a)) {
            return Err(("clients", "acks".into(), "acks are one or more of -1, 0 and 1".into()));
        }
        if clients.producers.1 == 0 && clients.library_percent == 0 {
            let why = "nobody ever produces: there are neither producers nor clients of core (library-percent)";
            return Err(("clients", "producers".into(), why.into()));
        }
        if let Some((kind, most)) = self.faults.iter().find(|(_, most)| **most > FAULTS_MAX) {
            return Err(("faults", kind.name().into(), format!("{most} of a kind are too many: {FAULTS_MAX} at the most")));
        }
        for (table, settings) in [("settings", &self.settings), ("topics.settings", &topics.settings)] {
            if let Some((name, _)) = settings.iter().find(|(_, values)| values.is_empty()) {
                return Err((table, name.clone(), format!("{name} has no value that could be drawn")));
            }
        }
        for (name, value) in self.settings.iter().flat_map(|(name, values)| values.iter().map(move |v| (name, v))) {
            match Settings::default().insert(name, value) {
                Ok(Inserted::Used) => {}
                Ok(Inserted::Ignored(why)) => {
                    return Err(("settings", name.clone(), format!("{name} changes nothing here: {why}")));
                }
                Err(error) => return Err(("settings", name.clone(), error.to_string())),
            }
        }
        for (name, value) in topics.settings.iter().flat_map(|(name, values)| values.iter().map(move |v| (name, v))) {
            let own = BTreeMap::from([(name.clone(), value.clone())]);
            check_topic_overrides(&Settings::default(), &own).map_err(|why| ("topics.settings", name.clone(), why))?;
        }
        Ok(())
    }

    /// The case of a seed.
    #[must_use]
    pub fn case(&self, seed: u64) -> Case {
        let rng = |purpose: &str| Rng::stream(seed, purpose);
        let tiny = rng("tiny").below(100) < self.world.tiny_percent;
        let faults_ms = between(&mut rng("faults-ms"), self.world.faults_ms);
        let mut settings = BTreeMap::new();
        for (name, values) in &self.settings {
            let mut rng = rng(&format!("setting/{name}"));
            if let Some(value) = rng.pick(values).cloned().filter(|_| rng.chance(1, 2)) {
                settings.insert(name.clone(), value);
            }
        }
        let setup = Setup {
            seed,
            settings,
            tiny,
            disk: Character { read_ns: self.draw_reads(seed), ..draw_disk(&mut rng("disk-character")) },
            net: draw_net(&mut rng("net-character")),
            spurious_wakes: rng("spurious-wakes").chance(1, 2),
            power_loss_at: Vec::new(),
            planted: None,
        };
        let (stable, volatile) = self.draw_topics(seed);
        let mut clients = self.draw_clients(seed, tiny, &stable, &volatile, faults_ms);
        let rates: Vec<Rate> = self.faults.iter().map(|(kind, most)| Rate { kind: *kind, most: *most }).collect();
        let span = Span { nodes: 1, clients: clients.len() as u32, until_ms: faults_ms };
        let mut plan = Plan::draw(seed, &rates, span);
        // Whoever uses the client of core comes last, with faults of its own: it moves nothing of what the seed draws without it.
        let libraries = [self.draw_library(seed, tiny, &stable, faults_ms), self.draw_follower(seed, &volatile, faults_ms)];
        for library in libraries.into_iter().flatten() {
            let own = Rng::stream(seed, &format!("plan/{}", library.name)).next_u64();
            plan.add_for_client(Plan::draw(own, &rates, Span { clients: 1, ..span }), clients.len() as u32);
            clients.push(library);
        }
        Case { campaign: self.name.clone(), setup, clients, plan, faults_ms }
    }

    fn draw_reads(&self, seed: u64) -> Option<(u64, u64)> {
        let mut rng = Rng::stream(seed, "disk-reads");
        let slow = rng.below(100) < self.world.slow_reads_percent;
        let most = rng.pick(&[10_000_000, 50_000_000, 200_000_000]).copied().unwrap_or(10_000_000);
        slow.then_some((most / 10, most))
    }

    fn draw_library(&self, seed: u64, tiny: bool, stable: &[Topic], faults_ms: u64) -> Option<ClientSpec> {
        let mut rng = Rng::stream(seed, "clients/library");
        // Some of its records have no key.
        let takes_any = |t: &&Topic| !t.2.iter().any(|(name, value)| name == "cleanup.policy" && value.contains("compact"));
        let topics: Vec<_> = stable.iter().filter(takes_any).map(|(n, p, _)| (n.clone(), *p)).collect();
        if rng.below(100) >= self.clients.library_percent || topics.is_empty() {
            return None;
        }
        let acks = rng.pick(&self.clients.acks).copied().unwrap_or(-1);
        let records = between(&mut rng, self.clients.batches) as u32;
        let burst = if rng.chance(1, 3) { 1 } else { rng.between(2, 12) as u32 };
        let library = LibraryConfig {
            topics,
            acks,
            idempotent: acks == -1 && rng.chance(2, 3),
            in_flight: rng.between(1, 5) as usize,
            codec: if rng.chance(1, 2) { Codec::None } else { rng.pick(&Codec::ALL).copied().unwrap_or_default() },
            linger_ms: if rng.chance(1, 3) { 0 } else { rng.between(1, 40) },
            batch_bytes: rng.between(100, 2_000) as usize,
            records,
            burst,
            padding_max: if tiny { rng.between(0, 60) as u32 } else { rng.between(0, 700) as u32 },
            think_ms: (faults_ms * u64::from(burst.div_ceil(2)) / u64::from(records + 1)).max(1),
            // Longer than a fetch may wait for records, as Kafka's clients insist, and than the slowest disk takes.
            request_ms: rng.between(1_000, 15_000),
            // A record that is given up while an attempt of it is in doubt is where a client may lie.
            delivery_ms: if rng.chance(1, 2) { rng.between(100, 2_500) } else { rng.between(2_500, 40_000) },
            reads: rng.pick(&[Reads::Nothing, Reads::All, Reads::Anywhere, Reads::Anywhere]).copied().unwrap_or(Reads::All),
            asks_percent: if rng.chance(1, 2) { rng.between(5, 40) } else { 0 },
            older: rng.chance(1, 3),
            timetable: Vec::new(),
        };
        Some(ClientSpec { name: "library".into(), kind: ClientKind::Library(library) })
    }

    /// Somebody who reads, with the client of core, topics that are deleted and made again.
    fn draw_follower(&self, seed: u64, volatile: &[Topic], faults_ms: u64) -> Option<ClientSpec> {
        let mut rng = Rng::stream(seed, "clients/follower");
        if rng.below(100) >= self.clients.library_percent || volatile.is_empty() {
            return None;
        }
        let follower = LibraryConfig {
            think_ms: (faults_ms / 50).max(1),
            request_ms: rng.between(1_000, 15_000),
            reads: if rng.chance(2, 3) { Reads::All } else { Reads::Anywhere },
            ..LibraryConfig::idle(volatile.iter().map(|(n, p, _)| (n.clone(), *p)).collect())
        };
        Some(ClientSpec { name: "follower".into(), kind: ClientKind::Library(follower) })
    }

    fn draw_topics(&self, seed: u64) -> (Vec<Topic>, Vec<Topic>) {
        let draw = |kind: &str, count: Range| {
            let mut topics = Vec::new();
            for i in 0..between(&mut Rng::stream(seed, &format!("topics/{kind}")), count) {
                let mut rng = Rng::stream(seed, &format!("topic/{kind}/{i}"));
                let partitions = between(&mut rng, self.topics.partitions) as i32;
                let mut settings = Vec::new();
                for (name, values) in &self.topics.settings {
                    let mut rng = Rng::stream(seed, &format!("topic/{kind}/{i}/{name}"));
                    if let Some(value) = rng.pick(values).cloned().filter(|_| rng.chance(1, 2)) {
                        settings.push((name.clone(), value));
                    }
                }
                topics.push((format!("{kind}{i}"), partitions, settings));
            }
            topics
        };
        (draw("t", self.topics.count), self.topics.volatile.map_or(Vec::new(), |v| draw("v", v)))
    }

    fn draw_clients(&self, seed: u64, tiny: bool, stable: &[Topic], volatile: &[Topic], faults_ms: u64) -> Vec<ClientSpec> {
        let names = |topics: &[Topic]| topics.iter().map(|(n, p, _)| (n.clone(), *p)).collect::<Vec<_>>();
        let mut all = names(stable);
        all.extend(names(volatile));
        let mut clients = Vec::new();
        let mut rng = Rng::stream(seed, "clients/admin");
        let operations = self.clients.admin_operations.filter(|_| rng.chance(1, 2)).map_or(0, |r| between(&mut rng, r));
        let admin = AdminConfig {
            setup: stable.iter().chain(volatile).cloned().collect(),
            stable: stable.iter().map(|(n, _, _)| n.clone()).collect(),
            volatile: volatile.iter().map(|(n, _, _)| n.clone()).collect(),
            operations: operations as u32,
            think_ms: (faults_ms / (operations + 1)).max(1),
            patience_ms: 15_000,
            delete_records: rng.chance(1, 2),
            timetable: Vec::new(),
        };
        clients.push(ClientSpec { name: "admin".into(), kind: ClientKind::Admin(admin) });
        for i in 0..between(&mut Rng::stream(seed, "clients/producers"), self.clients.producers) {
            let mut rng = Rng::stream(seed, &format!("clients/producer/{i}"));
            // Names say nothing about which incarnation of a volatile topic is meant.
            let by_id = !volatile.is_empty() && rng.chance(1, 2);
            let batches = between(&mut rng, self.clients.batches) as u32;
            let producer = ProducerConfig {
                topics: if by_id { all.clone() } else { names(stable) },
                acks: rng.pick(&self.clients.acks).copied().unwrap_or(-1),
                idempotent: rng.chance(1, 2),
                in_flight: rng.between(1, 5) as usize,
                retries: rng.chance(2, 3),
                records_max: if rng.chance(1, 2) { 1 } else { rng.between(2, 8) as u32 },
                padding_max: if tiny { rng.between(0, 60) as u32 } else { rng.between(0, 700) as u32 },
                think_ms: if rng.chance(1, 4) { 0 } else { (faults_ms / u64::from(batches + 1)).max(1) },
                patience_ms: rng.between(500, 20_000),
                batches,
                by_id,
                timetable: Vec::new(),
            };
            // Idempotence needs acks=all, as Kafka's own clients insist.
            let producer = ProducerConfig { idempotent: producer.idempotent && producer.acks == -1, ..producer };
            clients.push(ClientSpec { name: format!("producer{i}"), kind: ClientKind::Producer(producer) });
        }
        for i in 0..between(&mut Rng::stream(seed, "clients/consumers"), self.clients.consumers) {
            let mut rng = Rng::stream(seed, &format!("clients/consumer/{i}"));
            let by_id = rng.chance(1, 2);
            let consumer = ConsumerConfig {
                topics: if by_id { all.clone() } else { names(stable) },
                sessions: rng.chance(1, 2),
                by_id,
                max_bytes: if rng.chance(1, 2) { rng.between(1, 2_000) as i32 } else { 1 << 20 },
                min_bytes: if rng.chance(1, 2) { 1 } else { rng.between(0, 1_000) as i32 },
                max_wait_ms: rng.between(0, 500) as i32,
                think_ms: if rng.chance(1, 4) { 1 } else { rng.between(5, 300) },
                patience_ms: rng.between(2_000, 20_000),
                lists_percent: 20,
                last: false,
            };
            clients.push(ClientSpec { name: format!("consumer{i}"), kind: ClientKind::Consumer(consumer) });
        }
        let mut rng = Rng::stream(seed, "clients/hostile");
        if let Some(frames) = self.clients.hostile_frames.filter(|_| rng.chance(1, 2)) {
            let frames = between(&mut rng, frames) as u32;
            let topics = stable.iter().map(|(n, _, _)| n.clone()).collect();
            let hostile = HostileConfig { topics, frames, think_ms: faults_ms / u64::from(frames + 1) };
            clients.push(ClientSpec { name: "hostile".into(), kind: ClientKind::Hostile(hostile) });
        }
        for i in 0..self.clients.inspectors.map_or(0, |range| between(&mut Rng::stream(seed, "clients/inspectors"), range)) {
            let mut rng = Rng::stream(seed, &format!("clients/inspector/{i}"));
            let (think_ms, patience_ms) = (rng.between(5, 200), rng.between(2_000, 20_000));
            let inspector = InspectorConfig { topics: all.clone(), think_ms, patience_ms };
            clients.push(ClientSpec { name: format!("inspector{i}"), kind: ClientKind::Inspector(inspector) });
        }
        let mut rng = Rng::stream(seed, "clients/operator");
        if rng.below(100) < self.clients.operator_percent {
            let operations = rng.between(20, 120) as u32;
            let think_ms = (faults_ms / u64::from(operations + 1)).max(1);
            let operator = OperatorConfig { operations, think_ms, patience_ms: rng.between(2_000, 20_000) };
            clients.push(ClientSpec { name: "operator".into(), kind: ClientKind::Operator(operator) });
        }
        clients
    }
}

/// Where a key stands, in the table that it belongs to; comments and other tables may have the same word.
fn place_of(text: &str, table: &str, key: &str) -> std::ops::Range<usize> {
    let (mut at, mut within) = (0, String::new());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        let start = at + line.len() - bare.len();
        at += line.len();
        if let Some(header) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            within = header.replace([' ', '"', '\''], "");
        }
        let quoted = usize::from(bare.starts_with(['"', '\'']));
        let rest = bare[quoted..].strip_prefix(key).map(|rest| rest.trim_start_matches(['"', '\'']).trim_start());
        if within == table && rest.is_some_and(|rest| rest.starts_with('=')) {
            return start + quoted..start + quoted + key.len();
        }
    }
    // A table that is written on one line.
    let at = text.find(key).unwrap_or(0);
    at..at + key.len().min(text.len() - at)
}

type Topic = (String, i32, Vec<(String, String)>);

fn between(rng: &mut Rng, (low, high): Range) -> u64 {
    rng.between(low, high)
}

fn draw_disk(rng: &mut Rng) -> Character {
    let call = rng.pick(&[1_000, 20_000, 300_000]).copied().unwrap_or(1_000);
    let sync = rng.pick(&[10_000, 1_000_000, 10_000_000, 80_000_000]).copied().unwrap_or(1_000_000);
    let keep = |rng: &mut Rng| match rng.below(6) {
        0 => Keep::Nothing,
        1 => Keep::Prefix,
        2 => Keep::Everything,
        _ => Keep::Subset,
    };
    Character {
        call_ns: (call / 10, call),
        read_ns: None,
        sync_ns: (sync / 10, sync),
        loss: Loss { data: keep(rng), names: keep(rng), garbage: rng.chance(1, 2), shorn: rng.chance(1, 2) },
        sync_covers_later: rng.chance(1, 2),
    }
}

fn draw_net(rng: &mut Rng) -> NetCharacter {
    let delay = rng.pick(&[10_000, 200_000, 5_000_000, 50_000_000]).copied().unwrap_or(200_000);
    NetCharacter { delay_ns: (delay / 20, delay), bytes_percent: rng.pick(&[0, 20, 100]).copied().unwrap_or(20) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
description = "a test"
[world]
faults-ms = [100, 200]
tiny-percent = 100
[clients]
producers = [1, 2]
consumers = [1, 1]
batches = [5, 10]
acks = [-1, 1]
[topics]
count = [1, 2]
partitions = [1, 2]
[faults]
crash = 2
bit-flip = 1
"#;

    #[test]
    fn a_case_is_a_function_of_campaign_and_seed() {
        let campaign = Campaign::parse("test", TEXT).expect("a campaign");
        assert_eq!(campaign.case(7), campaign.case(7));
        assert_ne!(campaign.case(7), campaign.case(8));
    }

    #[test]
    fn leaving_one_kind_of_fault_out_moves_no_other() {
        let with = Campaign::parse("test", TEXT).expect("a campaign");
        let without = Campaign::parse("test", &TEXT.replace("bit-flip = 1\n", "")).expect("a campaign");
        for seed in 0..50 {
            let (mut a, b) = (with.case(seed), without.case(seed));
            a.plan.entries.retain(|e| e.action.kind() != Kind::BitFlip);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn none_of_a_fault_is_none() {
        let campaign = Campaign::parse("test", &TEXT.replace("crash = 2", "crash = 0")).expect("a campaign");
        assert!((0..50).all(|seed| campaign.case(seed).plan.entries.iter().all(|e| e.action.kind() != Kind::Crash)));
    }

    #[test]
    fn a_mistake_points_at_the_word() {
        for (right, wrong, shown) in [
            ("bit-flip", "bit-flop", "bit-flop"),
            ("batches", "batchs", "batchs"),
            ("[100, 200]", "\"soon\"", "\"soon\""),
            ("acks = [-1, 1]", "acks = [2]", "acks"),
            ("producers = [1, 2]", "producers = [3, 1]", "producers"),
            ("count = [1, 2]", "count = [0, 0]", "count"),
            ("tiny-percent = 100", "tiny-percent = 170", "tiny-percent"),
            ("producers = [1, 2]", "producers = [0, 0]", "producers"),
            ("producers = [1, 2]", "producers = [1, 99999999]", "producers"),
            ("count = [1, 2]", "count = [1, 101]", "count"),
            ("crash = 2", "crash = 4000000000", "crash"),
            ("[faults]", "[settings]\n'log.flush.interval.messages' = []\n[faults]", "log.flush.interval.messages"),
            ("[faults]", "[topics.settings]\n\"flush.ms\" = []\n[faults]", "flush.ms"),
            ("[faults]", "[settings]\n'log.fush' = ['1']\n[faults]", "log.fush"),
            ("[faults]", "[settings]\n'log.cleaner.threads' = ['2']\n[faults]", "log.cleaner.threads"),
            ("[faults]", "[topics.settings]\n'retention.ms' = ['soon']\n[faults]", "retention.ms"),
        ] {
            let text = TEXT.replace(right, wrong);
            let mistake = Campaign::parse("test", &text).expect_err("a mistake");
            assert_eq!(&text[mistake.span.clone()], shown, "{}", mistake.render("test.toml", &text));
        }
    }

    /// A comment that names the key is none of its places, nor is a key of the same name in another table.
    #[test]
    fn a_mistake_points_at_the_word_in_its_table() {
        let text =
            TEXT.replace("[world]", "# no producers = [0, 0] here\n[world]").replace("producers = [1, 2]", " producers = [0, 0]");
        let mistake = Campaign::parse("test", &text).expect_err("a mistake");
        assert_eq!(mistake.span.start, text.find(" producers = [0, 0]\nconsumers").expect("it is there") + 1);
        assert!(Campaign::parse("test", &text.replace("acks =", "library-percent = 5\nacks =")).is_ok());
    }
}
