//! What the commands of a story ask a node: requests as a client would send them, answers as a line of text.
//!
//! Takes       a command with its words.
//! Gives       a request through a scripted client; the line that shows its answer.
//! Not here    grammar, waiting, faults.

use super::parse::{Command, Word};
use super::run::{Show, Stage, duration_ns, number, within};
use crate::batch as naive;
use crate::diagnostic::Diagnostic;
use ottla_core::ids::{ProducerId, TopicId};
use ottla_core::io::{Chunk, FileKind, Suffix};
use ottla_core::wire::batch::{self, BatchBuilder};
use ottla_core::wire::blank::Blank as _;
use ottla_core::wire::compress::{Codec, Compression};
use ottla_core::wire::msg::{self, StrBytes};
use ottla_core::wire::{ErrorCode, FetchReply, Produce, ProducePartition, ProduceTopic, Request, Response};
use std::fmt::Write as _;

/// What the padding of one request may come to: far more than any broker takes, and less than this machine has.
pub(super) const BATCH_BYTES_MAX: usize = 16 << 20;

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_string())
}

fn name(s: &str) -> msg::TopicName {
    msg::TopicName(text(s))
}

fn error(code: i16) -> String {
    ErrorCode::from_code(code).map_or_else(|| format!("error {code}"), |e| e.name().to_string())
}

/// Wall time as the client knows it that a command names, in milliseconds.
fn wall_ms(stage: &mut Stage, command: &Command) -> i64 {
    let client = stage.world().client(&client(command));
    stage.world().sim.client_wall_ms(client)
}

fn client(command: &Command) -> String {
    command.option("client").map_or("c1", |w| w.text.as_str()).to_string()
}

fn waits(command: &Command) -> Result<bool, Diagnostic> {
    command.option("wait").map_or(Ok(true), |w| super::commands::one_of(w, &[("no", false), ("yes", true)]))
}

/// `orders/0` as a topic and a partition.
pub(super) fn partition(word: &Word) -> Result<(String, i32), Diagnostic> {
    let mistake = || Diagnostic::new(word.span.clone(), format!("`{}` is no partition", word.text)).help("write TOPIC/NUMBER");
    let (topic, index) = word.text.split_once('/').ok_or_else(mistake)?;
    Ok((topic.to_string(), index.parse().map_err(|_| mistake())?))
}

/// The settings among a command's options.
fn settings(command: &Command) -> impl Iterator<Item = (&str, &str)> {
    command.options.iter().filter(|(k, _)| k.text.contains('.')).map(|(k, v)| (k.text.as_str(), v.text.as_str()))
}

fn ask(stage: &mut Stage, command: &Command, version: i16, request: Request, show: Show) -> Result<String, Diagnostic> {
    let (who, wait) = (client(command), waits(command)?);
    let world = stage.world();
    let client = world.client(&who);
    let Some(ticket) = world.submit(client, version, request) else {
        return Err(Diagnostic::new(command.verb.span.clone(), format!("{who} is not a client of this story")));
    };
    Ok(stage.asked(&who, ticket, wait, show))
}

/// An answer of another kind than was asked for: a bug of the node, shown rather than hidden.
fn unexpected(response: &Response) -> String {
    format!("unexpected answer {response:?}")
}

pub(super) fn create_topic(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    if stage.case.is_some() {
        return super::world::topic(stage, command);
    }
    let partitions = command.option("partitions").map_or(Ok(1), number)?;
    let configs = settings(command)
        .map(|(k, v)| msg::create_topics_request::CreatableTopicConfig::blank().with_name(text(k)).with_value(Some(text(v))));
    let topic = msg::create_topics_request::CreatableTopic::default()
        .with_name(name(&command.args[0].text))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(configs.collect());
    let request = msg::CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
    let show: Show = Box::new(|response| match response {
        Response::CreateTopics(r) => r
            .topics
            .iter()
            .map(|t| match t.error_code {
                0 => format!("created {} partitions={}", t.name.as_str(), t.num_partitions),
                code => format!("{} {}", t.name.as_str(), error(code)),
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => unexpected(other),
    });
    let own = settings(command).find(|(name, _)| *name == "ottla.durability").map(|(_, value)| value);
    stage.world().sim.watch.page_cache.on_made(&command.args[0].text, own);
    for (name, value) in settings(command) {
        stage.world().sim.watch.on_setting(Some(&command.args[0].text), name, value);
    }
    let said = ask(stage, command, 7, Request::CreateTopics(request), show)?;
    stage.world().run_until_quiet(10_000_000_000);
    Ok(said)
}

pub(super) fn delete_topic(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let request = msg::DeleteTopicsRequest::default().with_topic_names(vec![name(&command.args[0].text)]).with_timeout_ms(30_000);
    let show: Show = Box::new(|response| match response {
        Response::DeleteTopics(r) => r
            .responses
            .iter()
            .map(|t| match t.error_code {
                0 => "deleted".to_string(),
                code => error(code),
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => unexpected(other),
    });
    ask(stage, command, 5, Request::DeleteTopics(request), show)
}

pub(super) fn configure(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    use msg::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
    for (name, value) in settings(command) {
        stage.world().sim.watch.on_setting(Some(&command.args[0].text), name, value);
    }
    let configs = settings(command)
        .map(|(k, v)| AlterableConfig::blank().with_name(text(k)).with_config_operation(0).with_value(Some(text(v))));
    let resource = AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(&command.args[0].text))
        .with_configs(configs.collect());
    let request = msg::IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let show: Show = Box::new(|response| match response {
        Response::IncrementalAlterConfigs(r) => r.responses.iter().map(|t| error(t.error_code)).collect::<Vec<_>>().join(" "),
        other => unexpected(other),
    });
    ask(stage, command, 1, Request::IncrementalAlterConfigs(request), show)
}

pub(super) fn add_partitions(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let Some(total) = command.option("total") else {
        return Err(Diagnostic::new(command.verb.span.clone(), "how many in all?").help("add-partitions TOPIC total=N"));
    };
    let topic = msg::create_partitions_request::CreatePartitionsTopic::blank()
        .with_name(name(&command.args[0].text))
        .with_count(number(total)?);
    let request = msg::CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
    let show: Show = Box::new(|response| match response {
        Response::CreatePartitions(r) => r.results.iter().map(|t| error(t.error_code)).collect::<Vec<_>>().join(" "),
        other => unexpected(other),
    });
    ask(stage, command, 3, Request::CreatePartitions(request), show)
}

pub(super) fn init_producer(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let request = msg::InitProducerIdRequest::blank().with_transaction_timeout_ms(60_000);
    let who = client(command);
    let said = ask(
        stage,
        command,
        4,
        Request::InitProducerId(request),
        Box::new(|response| match response {
            Response::InitProducerId(r) if r.error_code == 0 => {
                format!("producer id={} epoch={}", r.producer_id.0, r.producer_epoch)
            }
            Response::InitProducerId(r) => error(r.error_code),
            other => unexpected(other),
        }),
    )?;
    let id = said.split_once("id=").and_then(|(_, rest)| rest.split(' ').next()).and_then(|n| n.parse().ok());
    if let Some(id) = id {
        stage.producers.insert(who, id);
    }
    Ok(said)
}

pub(super) fn produce(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    let acks = command.option("acks").map_or(Ok(-1), |w| super::commands::one_of(w, &[("all", -1), ("1", 1), ("0", 0)]))?;
    let codec =
        command.option("codec").map_or(Ok(Codec::None), |w| super::commands::one_of(w, &Codec::ALL.map(|c| (c.name(), c))))?;
    let age_ms = command.option("age").map_or(Ok(0), duration_ns)? / 1_000_000;
    let size = command.option("size").map_or(Ok(0), |word| within(word, 0, BATCH_BYTES_MAX / (command.args.len() - 1)))?;
    let key = command.option("key").map(|w| w.text.clone());
    let timestamp = wall_ms(stage, command) - i64::try_from(age_ms).unwrap_or(i64::MAX);
    let mut builder = BatchBuilder::new(Compression { codec, level: None });
    let mut again = None;
    if let Some(seq) = command.option("seq") {
        let pid = match command.option("pid") {
            Some(pid) => number(pid)?,
            None => *stage.producers.get(&client(command)).ok_or_else(|| {
                Diagnostic::new(seq.span.clone(), "this client has no producer id")
                    .help("say `init-producer` first, or give pid=N")
            })?,
        };
        let (epoch, seq) = (command.option("epoch").map_or(Ok(0), number)?, number(seq)?);
        builder = builder.producer(pid, epoch, seq);
        again = Some((topic.clone(), index, pid, epoch, seq));
    }
    for value in &command.args[1..] {
        let mut padded = value.text.clone();
        padded.extend(std::iter::repeat_n('.', size.saturating_sub(padded.len())));
        builder.push(timestamp, key.as_ref().map(String::as_bytes), Some(padded.as_bytes()), []);
    }
    let mut records = builder.build().map_err(|e| Diagnostic::new(command.args[1].span.clone(), e))?;
    if let Some(key) = again {
        // A client that sends a batch again sends the same bytes.
        records = stage.sent.entry(key).or_insert(records).clone();
    }
    let timeout_ms = command.option("timeout").map_or(Ok(30_000_000_000), duration_ns)? / 1_000_000;
    let request = Produce {
        transactional_id: None,
        acks,
        timeout_ms: i32::try_from(timeout_ms).unwrap_or(i32::MAX),
        topics: vec![ProduceTopic {
            name: topic,
            id: TopicId::default(),
            partitions: vec![ProducePartition { index, records: Ok(records) }],
        }],
    };
    let show: Show = Box::new(|response| match response {
        Response::Produce(r) => r
            .responses
            .iter()
            .flat_map(|t| {
                t.partition_responses.iter().map(|p| match p.error_code {
                    0 => format!("{}/{} offset={}", t.name.as_str(), p.index, p.base_offset),
                    code => format!("{}/{} {}", t.name.as_str(), p.index, error(code)),
                })
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => unexpected(other),
    });
    if acks == 0 {
        let who = client(command);
        let world = stage.world();
        let client = world.client(&who);
        world.submit(client, 9, Request::Produce(request));
        world.run_for_ns(10_000_000);
        return Ok(format!("{who}: sent"));
    }
    ask(stage, command, 9, Request::Produce(request), show)
}

pub(super) fn fetch(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    let from: i64 = command.option("from").map_or(Ok(0), number)?;
    let max_wait_ms = command.option("max-wait").map_or(Ok(0), duration_ns)? / 1_000_000;
    let asked = msg::fetch_request::FetchPartition::default()
        .with_partition(index)
        .with_fetch_offset(from)
        .with_current_leader_epoch(command.option("epoch").map_or(Ok(-1), number)?)
        .with_partition_max_bytes(command.option("max-bytes").map_or(Ok(1 << 20), number)?);
    let request = msg::FetchRequest::default()
        .with_max_wait_ms(i32::try_from(max_wait_ms).unwrap_or(i32::MAX))
        .with_min_bytes(command.option("min-bytes").map_or(Ok(1), number)?)
        .with_max_bytes(50 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![msg::fetch_request::FetchTopic::default().with_topic(name(&topic)).with_partitions(vec![asked])]);
    let show: Show = Box::new(move |response| match response {
        Response::Fetch(reply) => fetched(reply, from),
        other => unexpected(other),
    });
    ask(stage, command, 12, Request::Fetch(request), show)
}

/// A fetch answer on one line: the high watermark, then each record from the asked offset on.
fn fetched(reply: &FetchReply, from: i64) -> String {
    if reply.error_code != 0 {
        return error(reply.error_code);
    }
    let mut line = String::new();
    for (t, p) in reply.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p))) {
        let _ = write!(line, "{}/{}", t.name, p.index);
        if p.error_code != 0 {
            let _ = write!(line, " {}", error(p.error_code));
            continue;
        }
        let _ = write!(line, " start={} hw={}:", p.log_start_offset, p.high_watermark);
        let bytes: Vec<u8> = p
            .records
            .iter()
            .flat_map(|c| match c {
                Chunk::Bytes(b) => b.to_vec(),
                Chunk::File { .. } => Vec::new(),
            })
            .collect();
        let mut any = false;
        for batch in batch::batches(bytes.into()) {
            let read = batch.and_then(|b| batch::records(&b.info, &b.bytes)?.collect::<Result<Vec<_>, _>>());
            match read {
                Err(e) => {
                    let _ = write!(line, " BROKEN {e}");
                }
                Ok(records) => {
                    for record in records.iter().filter(|r| r.offset >= from) {
                        any = true;
                        let value = record.value.as_ref().map_or("null".into(), |v| String::from_utf8_lossy(v).into_owned());
                        let _ = write!(line, " {}={}", record.offset, shortened(&value));
                    }
                }
            }
        }
        if !any {
            line.push_str(" nothing");
        }
    }
    line
}

/// A padded value without its padding.
fn shortened(value: &str) -> String {
    let bare = value.trim_end_matches('.');
    if value.len() - bare.len() > 3 { format!("{bare}..({})", value.len()) } else { value.to_string() }
}

pub(super) fn offsets(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    let timestamp = match command.option("at") {
        None => -1,
        Some(word) => match word.text.as_str() {
            "latest" => -1,
            "earliest" => -2,
            "max" => -3,
            _ => {
                let age_ms = i64::try_from(duration_ns(word)? / 1_000_000).unwrap_or(i64::MAX);
                wall_ms(stage, command) - age_ms
            }
        },
    };
    let asked = msg::list_offsets_request::ListOffsetsPartition::default().with_partition_index(index).with_timestamp(timestamp);
    let topic = msg::list_offsets_request::ListOffsetsTopic::default().with_name(name(&topic)).with_partitions(vec![asked]);
    let request = msg::ListOffsetsRequest::default().with_replica_id(msg::BrokerId(-1)).with_topics(vec![topic]);
    let show: Show = Box::new(|response| match response {
        Response::ListOffsets(r) => r
            .topics
            .iter()
            .flat_map(|t| {
                t.partitions.iter().map(|p| match p.error_code {
                    0 => format!("{}/{} offset={}", t.name.as_str(), p.partition_index, p.offset),
                    code => format!("{}/{} {}", t.name.as_str(), p.partition_index, error(code)),
                })
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => unexpected(other),
    });
    ask(stage, command, 7, Request::ListOffsets(request), show)
}

pub(super) fn delete_records(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    let before = command.option("before").map_or(Ok(-1), number)?;
    let asked = msg::delete_records_request::DeleteRecordsPartition::default().with_partition_index(index).with_offset(before);
    let topic = msg::delete_records_request::DeleteRecordsTopic::default().with_name(name(&topic)).with_partitions(vec![asked]);
    let request = msg::DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
    let show: Show = Box::new(|response| match response {
        Response::DeleteRecords(r) => r
            .topics
            .iter()
            .flat_map(|t| {
                t.partitions.iter().map(|p| match p.error_code {
                    0 => format!("{}/{} start={}", t.name.as_str(), p.partition_index, p.low_watermark),
                    code => format!("{}/{} {}", t.name.as_str(), p.partition_index, error(code)),
                })
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => unexpected(other),
    });
    ask(stage, command, 2, Request::DeleteRecords(request), show)
}

pub(super) fn epoch_end(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    let epoch = command.option("epoch").map_or(Ok(0), number)?;
    let asked = msg::offset_for_leader_epoch_request::OffsetForLeaderPartition::default()
        .with_partition(index)
        .with_current_leader_epoch(-1)
        .with_leader_epoch(epoch);
    let topic = msg::offset_for_leader_epoch_request::OffsetForLeaderTopic::default()
        .with_topic(name(&topic))
        .with_partitions(vec![asked]);
    let request = msg::OffsetForLeaderEpochRequest::default().with_replica_id(msg::BrokerId(-1)).with_topics(vec![topic]);
    let show: Show = Box::new(|response| match response {
        Response::OffsetForLeaderEpoch(r) => r
            .topics
            .iter()
            .flat_map(|t| {
                t.partitions.iter().map(|p| match p.error_code {
                    0 => format!("{}/{} epoch={} end={}", t.topic.as_str(), p.partition, p.leader_epoch, p.end_offset),
                    code => format!("{}/{} {}", t.topic.as_str(), p.partition, error(code)),
                })
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => unexpected(other),
    });
    ask(stage, command, 4, Request::OffsetForLeaderEpoch(request), show)
}

pub(super) fn producers(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    let topic =
        msg::describe_producers_request::TopicRequest::default().with_name(name(&topic)).with_partition_indexes(vec![index]);
    let request = msg::DescribeProducersRequest::default().with_topics(vec![topic]);
    let show: Show = Box::new(|response| match response {
        Response::DescribeProducers(r) => r
            .topics
            .iter()
            .flat_map(|t| t.partitions.iter())
            .map(|p| match p.error_code {
                0 if p.active_producers.is_empty() => "none".to_string(),
                0 => p
                    .active_producers
                    .iter()
                    .map(|a| {
                        let id = ProducerId(a.producer_id.0);
                        format!("id={id} epoch={} last-seq={}", a.producer_epoch, a.last_sequence)
                    })
                    .collect::<Vec<_>>()
                    .join(", "),
                code => error(code),
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => unexpected(other),
    });
    ask(stage, command, 0, Request::DescribeProducers(request), show)
}

pub(super) fn cut_out(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    let Some(offset) = command.option("offset") else {
        return Err(Diagnostic::new(command.verb.span.clone(), "which batch?").help("cut-out TOPIC/PARTITION offset=N"));
    };
    let offset: i64 = number(offset)?;
    let path = format!("{topic}-{index}");
    let sim = &mut stage.world().sim;
    let disk = sim.disk(0);
    let mut found = None;
    for name in disk.names_in(&path).into_iter().filter(|n| n.kind == FileKind::Log && n.suffix == Suffix::None) {
        let holds = |(_, head): &(usize, naive::Head)| (head.base_offset..=head.last_offset()).contains(&offset);
        if let Some((pos, head)) = naive::batches(disk.bytes_of(&path, name)).find(holds) {
            found = Some((name, pos as u64..(pos + head.size) as u64));
        }
    }
    let done = found.is_some_and(|(name, range)| sim.disk(0).cut_out(&path, name, range));
    sim.after_disk(0);
    Ok(if done { String::new() } else { "nothing to cut out".into() })
}

pub(super) fn ends(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    Ok(match stage.world().sim.ends(0, &topic, index) {
        Some(ends) => format!(
            "{topic}/{index} start={} hw={} durable={} written={} end={}",
            ends.log_start, ends.high_watermark, ends.synced_end, ends.written_end, ends.end
        ),
        None => format!("{topic}/{index} is not served"),
    })
}

pub(super) fn files(stage: &mut Stage, command: &Command) -> Result<String, Diagnostic> {
    let (topic, index) = partition(&command.args[0])?;
    let dir = format!("{topic}-{index}");
    let mut found = stage.world().sim.disk(0).list(&dir);
    found.sort();
    Ok(if found.is_empty() {
        format!("{dir} has no files")
    } else {
        found.iter().map(|(file, len)| format!("{file} {len}")).collect::<Vec<_>>().join("\n")
    })
}

pub(super) fn directories(stage: &mut Stage, _: &Command) -> Result<String, Diagnostic> {
    let disk = stage.world().sim.disk(0);
    let mut found = disk.paths();
    found.sort();
    let segments = |path: &String| disk.list(path).into_iter().filter(|(name, _)| name.ends_with(".log")).map(|(_, len)| len);
    let lines = found.iter().map(|path| format!("{path} {}", segments(path).sum::<u64>()));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}
