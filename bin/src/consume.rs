//! `ottla consume`: records of partitions, from an offset on.

use crate::cli::{ConsumeArgs, Output};
use crate::driver::{self, Driver};
use crate::failure::Failure;
use crate::format::{Format, to_json};
use crate::topic::{parse_time, partitions};
use ottla_core::client::{ClientEvent, ClientInput, Position, ReadRecord, Reset, TopicPartition};
use ottla_core::ids::Offset;
use ottla_core::time::Timestamp;
use std::collections::BTreeSet;
use std::io::Write;

pub(crate) fn run(args: &ConsumeArgs, output: Output) -> Result<(), Failure> {
    let from = position(&args.offset)?;
    let printer = match output {
        Output::Json => Printer::Json,
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
        let mut driver = Driver::new(config, args.cluster.timeout);
        let partitions = partitions(&mut driver, &args.topic, &args.partition).await?;
        for index in &partitions {
            driver.input(ClientInput::Assign { partition: TopicPartition::new(&args.topic, *index), from });
        }
        let unfinished = partitions.into_iter().collect();
        Consuming { driver, topic: args.topic.clone(), printer, left: args.count, exit: args.exit, unfinished, out: Vec::new() }
            .run()
            .await
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
        n if text.starts_with('-') => Ok(Position::BeforeEnd(-n)),
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
    out: Vec<u8>,
}

/// Who wants to come to an end must not wait for ever; who follows a topic waits until its broker is back.
async fn next(driver: &mut Driver, exit: bool, topic: &str) -> Result<ClientEvent, Failure> {
    if exit { driver.next_in_time(&format!("topic '{topic}'")).await } else { Ok(driver.next().await) }
}

impl Consuming {
    async fn run(mut self) -> Result<(), Failure> {
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            // What is printed goes out before anything is waited for.
            let event = match self.driver.ready() {
                Some(event) => event,
                None => {
                    self.flush()?;
                    tokio::select! {
                        _ = &mut interrupted => return Ok(()),
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
                ClientEvent::FetchFailed { partition, error } => {
                    self.flush()?;
                    return Err(Failure::of(&partition.to_string(), &error));
                }
                _ => {}
            }
        }
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
