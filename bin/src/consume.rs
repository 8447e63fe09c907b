//! `ottla consume`: records of partitions, from an offset on.

use crate::cli::{ConsumeArgs, Output};
use crate::driver::{self, Driver};
use crate::failure::{Failure, notice};
use crate::format::{Format, to_json};
use crate::interrupt;
use crate::topic::{parse_time, partitions};
use ottla_core::client::{ClientError, ClientEvent, ClientInput, Code, Position, ReadRecord, Reset, TopicPartition};
use ottla_core::ids::Offset;
use ottla_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, Instant};

/// Why two flags do not go together.
const AS_WELL: &str = "says how to print a record, and '-o json' does so, too: leave one of them out";

pub(crate) fn run(args: &ConsumeArgs, output: Output) -> Result<(), Failure> {
    let from = position(&args.offset)?;
    let printer = match output {
        // Not left to the parser: it would not see a -o that stands before the command, nor that -o table is no contradiction.
        Output::Json => match (&args.format, &args.key_delimiter) {
            (Some(_), _) => return Err(Failure::Usage(format!("--format {AS_WELL}"))),
            (_, Some(_)) => return Err(Failure::Usage(format!("--key-delimiter {AS_WELL}"))),
            (None, None) => Printer::Json,
        },
        Output::Table => {
            let between = args.key_delimiter.as_ref().map(|d| format!("%k{}", d.replace('%', "%%")));
            let default = format!("{}%s\\n", between.unwrap_or_default());
            Printer::Text(Format::parse(args.format.as_deref().unwrap_or(&default), args.null)?)
        }
    };
    if args.count == Some(0) {
        return Ok(());
    }
    driver::block_on(async {
        let mut config = driver::config(&args.cluster)?;
        config.fetch.read_committed = args.read_committed;
        config.fetch.reset = args.reset.then_some(Reset::Earliest);
        // Who says how long he waits is not kept waiting longer by one broker that says nothing.
        config.request_timeout = config.request_timeout.min(args.cluster.timeout);
        config.fetch.wait_max = config.fetch.wait_max.min(config.request_timeout / 2);
        let mut driver = Driver::new(config, args.cluster.timeout);
        let partitions = partitions(&mut driver, &args.topic, &args.partition).await?;
        driver.say_who_is_gone();
        for index in &partitions {
            driver.input(ClientInput::Assign { partition: TopicPartition::new(&args.topic, *index), from });
        }
        let unfinished = partitions.into_iter().collect();
        let (topic, timeout, stalled) = (args.topic.clone(), args.cluster.timeout, BTreeMap::new());
        let (left, exit, out) = (args.count, args.exit, Vec::new());
        Consuming { driver, topic, printer, left, exit, unfinished, stalled, timeout, out }.run().await
    })
}

/// beginning, end, N, -N or @TIME.
fn position(text: &str) -> Result<Position, Failure> {
    let usage = || {
        Failure::Usage(format!("'{text}' is no offset: beginning, end, a number, -N for N before the end, or @TIME (--offset)"))
    };
    match text {
        "beginning" | "earliest" => return Ok(Position::Earliest),
        "end" | "latest" => return Ok(Position::Latest),
        _ => {}
    }
    if let Some(time) = text.strip_prefix('@') {
        return parse_time(time).map(|ms| Position::Time(Timestamp(ms)));
    }
    match text.parse::<i64>().map_err(|_| usage())? {
        // The least number has no counterpart.
        n if text.starts_with('-') => n.checked_neg().map(Position::BeforeEnd).ok_or_else(usage),
        n => Ok(Position::At(Offset(n))),
    }
}

enum Printer {
    Json,
    Text(Format),
}

struct Consuming {
    driver: Driver,
    topic: String,
    printer: Printer,
    /// How many records are still wanted.
    left: Option<u64>,
    /// End at the end.
    exit: bool,
    /// The partitions whose end has not been reached.
    unfinished: BTreeSet<i32>,
    /// The partitions that cannot be read at the moment: since when, and why.
    stalled: BTreeMap<TopicPartition, (Instant, ClientError)>,
    timeout: Duration,
    out: Vec<u8>,
}

fn code_of(error: &ClientError) -> Option<Code> {
    match error {
        ClientError::Broker { code, .. } => Some(*code),
        _ => None,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Who wants to come to an end must not wait for ever; who follows a topic waits until its broker is back.
async fn next(driver: &mut Driver, exit: bool, topic: &str) -> Result<ClientEvent, Failure> {
    if exit { driver.next_in_time(&format!("topic '{topic}'")).await } else { Ok(driver.next().await) }
}

impl Consuming {
    async fn run(mut self) -> Result<(), Failure> {
        interrupt::second_ends()?;
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            // What is printed goes out before anything is waited for.
            let event = match self.driver.ready() {
                Some(event) => event,
                None => {
                    self.flush()?;
                    let hopeless = self.hopeless();
                    tokio::select! {
                        _ = &mut interrupted => return Ok(()),
                        () = until(hopeless.as_ref().map(|(at, _)| *at)) => return Err(hopeless.expect("its time has come").1),
                        event = next(&mut self.driver, self.exit, &self.topic) => event?,
                    }
                }
            };
            match event {
                ClientEvent::Fetched { partition, records, .. } => {
                    let enough = self.print(&partition, &records)?;
                    if enough {
                        return Ok(());
                    }
                }
                ClientEvent::EndReached { partition, .. } if self.exit => {
                    self.unfinished.remove(&partition.index);
                    self.driver.input(ClientInput::Unassign { partition });
                    if self.unfinished.is_empty() {
                        return Ok(self.flush()?);
                    }
                }
                ClientEvent::Stalled { partition, error } if code_of(&error) != Some(Code::CORRUPT_MESSAGE) => {
                    self.flush()?;
                    notice(&format!("{partition}: {error}; trying again"));
                    self.stalled.insert(partition, (Instant::now(), error));
                }
                ClientEvent::Resumed { partition } if self.stalled.remove(&partition).is_some() => {
                    notice(&format!("{partition}: reading again"));
                }
                ClientEvent::Moved { partition, error } => {
                    self.flush()?;
                    self.stalled.remove(&partition);
                    notice(&format!("{partition}: {error}; going on at its beginning"));
                }
                ClientEvent::FetchFailed { partition, error } | ClientEvent::Stalled { partition, error } => {
                    self.flush()?;
                    return Err(Failure::of(&partition.to_string(), &error));
                }
                _ => {}
            }
        }
    }

    /// The partition that is not waited for any longer first, and when: any for whoever wants to come to an end, and one whose topic
    /// is gone for whoever follows.
    fn hopeless(&self) -> Option<(Instant, Failure)> {
        let is_gone =
            |error: &ClientError| matches!(code_of(error), Some(Code::UNKNOWN_TOPIC_OR_PARTITION | Code::UNKNOWN_TOPIC_ID));
        let given_up = self.stalled.iter().filter(|(_, (_, error))| self.exit || is_gone(error));
        let (partition, (since, error)) = given_up.min_by_key(|(_, (since, _))| *since)?;
        Some((*since + self.timeout, Failure::of(&partition.to_string(), error)))
    }

    /// Print records. True when enough are printed.
    fn print(&mut self, partition: &TopicPartition, records: &[ReadRecord]) -> Result<bool, Failure> {
        for record in records {
            match &self.printer {
                Printer::Json => {
                    self.out.extend_from_slice(to_json(partition, record).to_string().as_bytes());
                    self.out.push(b'\n');
                }
                Printer::Text(format) => format.print(partition, record, &mut self.out),
            }
            if let Some(left) = &mut self.left {
                *left -= 1;
                if *left == 0 {
                    self.flush()?;
                    return Ok(true);
                }
            }
            if self.out.len() > 1 << 16 {
                self.flush()?;
            }
        }
        Ok(false)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if !self.out.is_empty() {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&self.out)?;
            stdout.flush()?;
            self.out.clear();
        }
        Ok(())
    }
}
