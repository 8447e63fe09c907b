//! The edge over real sockets and real files.

use crate::client::{Client, api_versions, correlation_of, fetch, produce};
use ottla_core::config::Settings;
use ottla_core::wire::{ProducePartition, Request, Response};
use ottla_net::{Bound, ExitReason, ServeConfig, ServeError, serve};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

fn config(dir: &Path) -> ServeConfig {
    ServeConfig {
        data_dir: dir.to_owned(),
        listen: "127.0.0.1:0".into(),
        advertise: None,
        http: Some("127.0.0.1:0".into()),
        node_id: 1,
        settings: Settings::default(),
    }
}

/// A broker on a thread of its own.
struct Running {
    bound: Bound,
    stop: UnboundedSender<()>,
    thread: std::thread::JoinHandle<Result<ExitReason, ServeError>>,
}

impl Running {
    fn start(config: ServeConfig) -> Running {
        let (stop, stopped) = unbounded_channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread =
            std::thread::spawn(move || serve(config, stopped, |bound| tell.send(bound.clone()).expect("the test waits for it")));
        match told.recv() {
            Ok(bound) => Running { bound, stop, thread },
            Err(_) => panic!("{:?}", thread.join()),
        }
    }

    async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.bound.listen).await.unwrap())
    }

    async fn http(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.bound.http.unwrap()).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    fn end(self) -> ExitReason {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap().unwrap()
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn records_survive_an_orderly_end_and_the_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(config(dir.path()));
    block_on(async {
        let mut client = broker.connect().await;
        client.create("orders").await;
        for i in 0..100 {
            assert_eq!(client.produce("orders", format!("value {i}").as_bytes()).await.unwrap(), i);
        }
        assert_eq!(client.fetch_all("orders").await.unwrap().len(), 100);
    });
    let refused = serve(config(dir.path()), unbounded_channel().1, |_| ()).unwrap_err();
    let pid = format!("(pid {})", std::process::id());
    assert!(matches!(refused, ServeError::Locked { .. }) && refused.to_string().contains(&pid), "{refused}");
    assert_eq!(broker.end(), ExitReason::Shutdown);
    let broker = Running::start(config(dir.path()));
    block_on(async {
        assert_eq!(broker.connect().await.fetch_all("orders").await.unwrap()[99], "value 99");
    });
    assert_eq!(broker.end(), ExitReason::Shutdown);
}

#[test]
fn who_has_said_everything_still_gets_answers() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(config(dir.path()));
    block_on(async {
        let mut client = broker.connect().await;
        client.create("orders").await;
        // One answer waits for an fsync, the other for a deadline.
        for said in [produce("orders", -1, b"value"), fetch("orders", 1, 300)] {
            let bytes = client.encode(said);
            client.send(&bytes).await.unwrap();
        }
        client.end_sending().await.unwrap();
        for correlation in [2, 3] {
            assert_eq!(correlation_of(&client.receive().await.unwrap()), correlation);
        }
        assert_eq!(client.receive().await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    });
    broker.end();
}

#[test]
fn metrics_and_health_are_served_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(config(dir.path()));
    block_on(async {
        let mut client = broker.connect().await;
        client.call(api_versions()).await.unwrap();
        assert!(broker.http("/healthz").await.starts_with("HTTP/1.1 200 OK"));
        let metrics = broker.http("/metrics").await;
        assert!(metrics.contains("ottla_requests_total{api=\"ApiVersions\"} 1\n"), "{metrics}");
        assert!(metrics.contains("ottla_connections 1\n"), "{metrics}");
        assert!(broker.http("/").await.starts_with("HTTP/1.1 404"));
    });
    broker.end();
}

#[test]
fn a_partition_whose_disk_is_not_there_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(config(dir.path()));
    block_on(async {
        let mut client = broker.connect().await;
        client.create("orders").await;
        client.produce("orders", b"value").await.unwrap();
    });
    assert_eq!(broker.end(), ExitReason::Shutdown);
    let (here, away) = (dir.path().join("orders-0"), dir.path().join("away"));
    std::fs::rename(&here, &away).unwrap();
    std::os::unix::fs::symlink(dir.path().join("unmounted"), &here).unwrap();
    let broker = Running::start(config(dir.path()));
    block_on(async {
        assert!(broker.http("/healthz").await.ends_with("ok, but for 1 offline partition\n"));
        assert!(broker.http("/metrics").await.contains("ottla_offline_partitions 1\n"));
    });
    assert_eq!(broker.end(), ExitReason::Shutdown);
    std::fs::remove_file(&here).unwrap();
    std::fs::rename(&away, &here).unwrap();
    let broker = Running::start(config(dir.path()));
    block_on(async {
        assert!(broker.http("/healthz").await.ends_with("ok\n"));
        assert_eq!(broker.connect().await.fetch_all("orders").await.unwrap(), ["value"]);
    });
    broker.end();
}

/// In a process of its own, since what it takes away is everybody's.
#[test]
fn many_partitions_are_served_with_few_files() {
    const ALONE: &str = "OTTLA_TEST_WITH_FEW_FILES";
    const PARTITIONS: i32 = 1000;
    if std::env::var_os(ALONE).is_none() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let done = child.args(["--exact", "real::many_partitions_are_served_with_few_files"]).env(ALONE, "1").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        return;
    }
    let few = rustix::process::Rlimit { current: Some(256), maximum: Some(256) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Running::start(config(dir.path()));
    block_on(async {
        let mut client = broker.connect().await;
        client.create_with("orders", PARTITIONS).await;
        for offset in 0..2 {
            let (version, mut request) = produce("orders", -1, b"value");
            let Request::Produce(all) = &mut request else { panic!("another request") };
            let one = all.topics[0].partitions[0].records.clone();
            all.topics[0].partitions = (0..PARTITIONS).map(|index| ProducePartition { index, records: one.clone() }).collect();
            let Response::Produce(response) = client.call((version, request)).await.unwrap() else { panic!("another answer") };
            for partition in &response.responses[0].partition_responses {
                assert_eq!((partition.error_code, partition.base_offset), (0, offset), "{partition:?}");
            }
        }
    });
    for _ in 0..2 {
        block_on(async { assert!(broker.http("/healthz").await.ends_with("\r\n\r\nok\n")) });
        assert_eq!(broker.end(), ExitReason::Shutdown);
        broker = Running::start(config(dir.path()));
    }
    broker.end();
}

#[test]
fn http_takes_no_more_handles_than_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(config(dir.path()));
    block_on(async {
        let address = broker.bound.http.unwrap();
        let mut held = Vec::new();
        for _ in 0..32 {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        // Refused by an end or by a reset, whichever the system makes of a socket that is closed on unread bytes.
        let mut one_too_many = TcpStream::connect(address).await.unwrap();
        assert_eq!(one_too_many.read(&mut [0; 100]).await.unwrap_or(0), 0);
        drop(held);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
            let mut text = String::new();
            if asked.is_ok() && stream.read_to_string(&mut text).await.is_ok() && text.contains("ok\n") {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "nobody is let in again");
        }
    });
    broker.end();
}

#[test]
fn errors_at_the_start_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(config(dir.path()));
    let other = tempfile::tempdir().unwrap();
    let taken = ServeConfig { listen: broker.bound.listen.to_string(), ..config(other.path()) };
    let fails = |config| serve(config, unbounded_channel().1, |_| ()).unwrap_err().to_string();
    assert!(fails(taken).contains("in use by another process"));
    assert!(fails(ServeConfig { listen: "nonsense".into(), ..config(other.path()) }).contains("HOST:PORT"));
    let file = other.path().join("file");
    std::fs::write(&file, b"").unwrap();
    assert!(fails(config(&file)).contains("must be a directory"));
    broker.end();
}

/// Resident anonymous memory of this process in KiB.
fn rss_anon_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn two_thousand_idle_connections_cost_a_few_kilobytes_each() {
    const WARM: i64 = 100;
    const COUNT: i64 = 2000;
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(config(dir.path()));
    block_on(async {
        let mut clients = Vec::new();
        let mut before = 0;
        for i in 0..WARM + COUNT {
            if i == WARM {
                before = rss_anon_kib();
            }
            let mut client = broker.connect().await;
            client.call(api_versions()).await.unwrap();
            clients.push(client);
        }
        let each = (rss_anon_kib() - before) * 1024 / COUNT;
        println!("{each} bytes for each idle connection, the test's end included");
        assert!(each < 16 * 1024, "{each} bytes for each idle connection, the test's end included");
    });
    broker.end();
}
