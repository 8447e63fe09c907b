//! rdkafka (librdkafka from Rust). The contract is in ../README.md.

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use std::time::{Duration, Instant};

type Done = Result<(), Box<dyn std::error::Error>>;

struct Record {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn text(v: &Value) -> Option<Vec<u8>> {
    v.as_str().map(|s| s.as_bytes().to_vec())
}

fn records(path: &str) -> Result<Vec<Record>, Box<dyn std::error::Error>> {
    let mut all = Vec::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let r: Value = serde_json::from_str(line)?;
        let value = match r["value_size"].as_u64() {
            Some(n) => Some((0..n).map(|i| (i * 131 + i / 251 + n) as u8).collect()),
            None => text(&r["value"]),
        };
        let headers = r["headers"].as_array().into_iter().flatten();
        let headers = headers.map(|h| (h[0].as_str().unwrap_or_default().to_owned(), text(&h[1]))).collect();
        all.push(Record { key: text(&r["key"]), value, headers });
    }
    Ok(all)
}

fn split(spec: &str) -> Result<(&str, i32, &str), Box<dyn std::error::Error>> {
    let mut parts = spec.rsplitn(3, ':');
    let (third, partition) = (parts.next().ok_or("no third")?, parts.next().ok_or("no partition")?);
    Ok((parts.next().ok_or("no topic")?, partition.parse()?, third))
}

async fn write(address: &str, records: &[Record], target: &str) -> Done {
    let (topic, partition, codec) = split(target)?;
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("compression.type", codec)
        .set("enable.idempotence", "true")
        .set("message.max.bytes", "1500000")
        .create()?;
    let mut sent = Vec::new();
    for r in records {
        let mut record = FutureRecord::<[u8], [u8]>::to(topic).partition(partition);
        record.key = r.key.as_deref();
        record.payload = r.value.as_deref();
        let mut headers = OwnedHeaders::new();
        for (key, value) in &r.headers {
            headers = headers.insert(Header { key, value: value.as_ref() });
        }
        if !r.headers.is_empty() {
            record = record.headers(headers);
        }
        sent.push(producer.send_result(record).map_err(|(e, _)| e)?);
    }
    for one in sent {
        one.await?.map_err(|(e, _)| e)?;
    }
    Ok(())
}

fn hex(bytes: Option<&[u8]>) -> String {
    bytes.map_or("-".to_owned(), |b| format!("x{}", b.iter().map(|b| format!("{b:02x}")).collect::<String>()))
}

fn read(address: &str, count: usize, source: &str) -> Done {
    let (topic, partition, offset) = split(source)?;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", "none")
        .set("enable.auto.commit", "false")
        .set("fetch.message.max.bytes", "2000000")
        .create()?;
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(topic, partition, Offset::Offset(offset.parse()?))?;
    consumer.assign(&from)?;
    for _ in 0..count {
        let m = consumer.poll(Duration::from_secs(20)).ok_or("nothing came")??;
        let value = m.payload().map_or("-".to_owned(), |v| format!("{}:{:08x}", v.len(), crc32fast::hash(v)));
        let headers: Vec<String> =
            m.headers().into_iter().flat_map(|h| h.iter()).map(|h| format!("{}={}", h.key, hex(h.value))).collect();
        let headers = if headers.is_empty() { "-".to_owned() } else { headers.join(",") };
        println!("{} {} {value} {headers}", m.offset(), hex(m.key()));
    }
    Ok(())
}

async fn admin(address: &str, topic: &str) -> Done {
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", address).create()?;
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    let new = NewTopic::new(topic, 3, TopicReplication::Fixed(1)).set("retention.ms", "86400000");
    for r in admin.create_topics([&new], &options).await? {
        r.map_err(|(topic, code)| format!("{topic}: {code}"))?;
    }
    let timeout = Duration::from_secs(20);
    let end = Instant::now() + timeout;
    while admin.inner().fetch_metadata(Some(topic), timeout)?.topics()[0].partitions().len() != 3 {
        if Instant::now() > end {
            return Err("the topic does not appear".into());
        }
    }
    for r in admin.describe_configs([&ResourceSpecifier::Topic(topic)], &options).await? {
        let config = r?;
        let value = config.get("retention.ms").and_then(|e| e.value.clone());
        if value.as_deref() != Some("86400000") {
            return Err(format!("retention.ms is {value:?}").into());
        }
    }
    for r in admin.create_partitions([&NewPartitions::new(topic, 5)], &options).await? {
        r.map_err(|(topic, code)| format!("{topic}: {code}"))?;
    }
    if admin.inner().fetch_watermarks(topic, 0, timeout)? != (0, 0) {
        return Err("the topic is not empty".into());
    }
    for r in admin.delete_topics(&[topic], &options).await? {
        r.map_err(|(topic, code)| format!("{topic}: {code}"))?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [address, "write", path, targets @ ..] => {
            let records = records(path)?;
            for target in targets {
                write(address, &records, target).await?;
            }
        }
        [address, "read", count, sources @ ..] => {
            for source in sources {
                read(address, count.parse()?, source)?;
            }
            return Ok(());
        }
        [address, "admin", topic] => admin(address, topic).await?,
        _ => return Err("write, read or admin".into()),
    }
    println!("ok");
    Ok(())
}
