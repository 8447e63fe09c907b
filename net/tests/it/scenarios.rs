//! What a client sees of the unmodified shell when the network does what networks do.
//!
//! Each scenario runs over several seeds and characters of the sockets. Time is virtual; nothing sleeps for real.

use crate::chaos::Character;
use crate::client::{self, api_versions, delete, fetch, metadata, produce};
use crate::shell::{Broker, connect, world};
use bytes::Bytes;
use ottla_net::{ExitReason, Limits};
use std::future::Future;
use std::time::Duration;

type ClientResult = Result<(), Box<dyn std::error::Error>>;

/// Sockets from well-behaved to as bad as TCP allows.
fn characters() -> [Character; 5] {
    let plain = Character::default();
    [
        plain,
        Character { piece_bytes_max: 1, ..plain },
        Character { piece_bytes_max: 50, spurious_one_in: 3, ..plain },
        Character { coalesce: true, spurious_one_in: 5, ..plain },
        Character { coalesce: true, piece_bytes_max: 4000, ..plain },
    ]
}

/// Run `story` as the only client of a world, for every character of the sockets.
fn each_character<F: Future<Output = ClientResult> + 'static>(limits: &Limits, story: impl Fn(Broker) -> F) {
    for (seed, character) in (1..).zip(characters()) {
        let broker = Broker::new(seed, character, limits.clone());
        let mut sim = world(&broker);
        sim.client("client", story(broker));
        sim.run().unwrap_or_else(|e| panic!("seed {seed}, {character:?}: {e}"));
    }
}

#[test]
fn framing_records_come_back_as_they_were_sent_however_the_stream_is_cut() {
    each_character(&Limits::default(), |_| async {
        let mut client = connect().await;
        client.create("orders").await;
        let values: Vec<Bytes> = [0usize, 1, 100, 5000, 70_000, 3].iter().map(|&n| Bytes::from(vec![b'v'; n])).collect();
        for (offset, value) in (0..).zip(&values) {
            assert_eq!(client.produce("orders", value).await?, offset);
        }
        assert_eq!(client.fetch_all("orders").await?, values);
        Ok(())
    });
}

#[test]
fn pipelining_answers_come_in_the_order_of_the_requests() {
    each_character(&Limits::default(), |_| async {
        let mut client = connect().await;
        client.create("orders").await;
        let mut all = Vec::new();
        for i in 0..60 {
            let said = match i % 4 {
                0 => produce("orders", -1, format!("value {i}").as_bytes()),
                1 => api_versions(),
                2 => fetch("orders", i64::from(i) / 4, 1000),
                _ => metadata(),
            };
            all.extend_from_slice(&client.encode(said));
        }
        client.send(&all).await?;
        for i in 0..60 {
            let frame = client.receive().await?;
            assert_eq!(client::correlation_of(&frame), i + 2, "the first request created the topic");
            if i % 4 == 2 {
                // Requests of one connection are served at the same time: the record before may not be committed yet.
                let values = client::values_of(&client::read_fetch(frame));
                let first = Bytes::from(format!("value {}", i - 2));
                assert!(values.first().is_none_or(|value| *value == first), "{values:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn cancellation_a_client_that_leaves_in_mid_request_leaves_nothing_behind() {
    each_character(&Limits::default(), |broker| async move {
        let mut client = connect().await;
        client.create("orders").await;
        let whole = client.encode(produce("orders", -1, b"from one who left"));
        for cut in (0..whole.len()).step_by(7) {
            let mut leaver = connect().await;
            leaver.send(&whole[..cut]).await?;
            // A parked fetch is left behind as well.
            if cut % 2 == 0 && cut == 0 {
                let parked = leaver.encode(fetch("orders", 0, 60_000));
                leaver.send(&parked).await?;
            }
            drop(leaver);
        }
        assert_eq!(client.produce("orders", b"from one who stayed").await?, 0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(broker.metric("ottla_connections"), 1);
        assert_eq!(client.fetch_all("orders").await?, [Bytes::from_static(b"from one who stayed")]);
        Ok(())
    });
}

#[test]
fn slow_reader_who_does_not_read_is_not_read_from() {
    let limits = Limits { unanswered_requests_max: 8, outgoing_bytes_max: 20_000, ..Limits::default() };
    each_character(&limits, |broker| async move {
        let mut client = connect().await;
        client.create("orders").await;
        client.produce("orders", &[b'v'; 3000]).await?;
        let mut asked = 0;
        // Ask and never read, until the broker does not take any more.
        loop {
            let request = client.encode(fetch("orders", 0, 0));
            match tokio::time::timeout(Duration::from_secs(20), client.send(&request)).await {
                Ok(sent) => sent?,
                // A piece of the request may have gone: it is finished below.
                Err(_) => break,
            }
            asked += 1;
            if asked == 4000 {
                break;
            }
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        let taken = broker.metric("ottla_requests_total{api=\"Fetch\"}");
        let outgoing = broker.metric("ottla_outgoing_bytes");
        assert!(taken < 4000, "the broker took all of {asked} requests whose answers nobody read");
        assert!(outgoing <= 20_000 + 8 * 4000, "{outgoing} bytes wait for a reader who does not read");
        // Somebody else is served meanwhile.
        let mut other = connect().await;
        assert_eq!(other.produce("orders", b"x").await?, 1);
        // And the slow one gets everything that it asked for, in order, once it reads.
        for i in 0..taken.min(200) {
            let frame = client.receive().await?;
            assert_eq!(client::correlation_of(&frame), i32::try_from(i).unwrap() + 3);
        }
        Ok(())
    });
}

#[test]
fn what_is_done_and_not_answered_counts_until_its_turn_comes() {
    let limits = Limits { unanswered_requests_max: 8, kept_back_max: 3, ..Limits::default() };
    each_character(&limits, |broker| async move {
        let taken = |api: &str| broker.metric(&format!("ottla_requests_total{{api=\"{api}\"}}"));
        let mut other = connect().await;
        other.create("quiet").await;
        other.create("orders").await;
        // Behind a fetch that waits: answers that cannot leave, and requests that get none.
        let (mut asker, mut sender) = (connect().await, connect().await);
        for client in [&mut asker, &mut sender] {
            let waits = client.encode(fetch("quiet", 0, i32::MAX));
            client.send(&waits).await?;
        }
        let before = taken("Metadata");
        for _ in 0..40 {
            let (asks, sends) = (asker.encode(metadata()), sender.encode(produce("orders", 0, b"v")));
            asker.send(&asks).await?;
            sender.send(&sends).await?;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!((taken("Metadata") - before, taken("Produce")), (3, 7));
        // What ends the waiting lets everything through, also where nothing more is answered.
        other.produce("quiet", b"now").await?;
        for i in 0..41 {
            assert_eq!(client::correlation_of(&asker.receive().await?), i + 1);
        }
        sender.receive().await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!((taken("Metadata") - before, taken("Produce")), (40, 41));
        Ok(())
    });
}

#[test]
fn shutdown_in_mid_request_keeps_what_was_acknowledged_and_ends_clean() {
    for (seed, character) in (1..).zip(characters()) {
        let broker = Broker::new(seed, character, Limits::default());
        let mut sim = world(&broker);
        let told = broker.clone();
        sim.client("client", async move {
            let mut client = connect().await;
            client.create("orders").await;
            assert_eq!(client.produce("orders", b"acknowledged").await?, 0);
            let mut parked = connect().await;
            let request = parked.encode(fetch("orders", 1, 300_000));
            parked.send(&request).await?;
            let mut half = connect().await;
            let request = half.encode(produce("orders", -1, b"never sent whole"));
            half.send(&request[..request.len() / 2]).await?;
            let request = client.encode(produce("orders", -1, b"on its way"));
            client.send(&request).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
            told.signal();
            // Everybody's connection ends, with or without an answer before.
            while client.receive().await.is_ok() {}
            while parked.receive().await.is_ok() {}
            while half.receive().await.is_ok() {}
            Ok(())
        });
        sim.run().unwrap_or_else(|e| panic!("seed {seed}, {character:?}: {e}"));
        while broker.ended.borrow().is_none() {
            sim.step().unwrap();
        }
        assert_eq!(*broker.ended.borrow(), Some(ExitReason::Shutdown));
        sim.bounce("broker");
        sim.client("reader", async move {
            let values = connect().await.fetch_all("orders").await?;
            assert_eq!(values[0], "acknowledged");
            assert!(values.len() <= 2 && values[1..].iter().all(|v| v == "on its way"), "{values:?}");
            Ok(())
        });
        sim.run().unwrap_or_else(|e| panic!("seed {seed}, {character:?}, after the restart: {e}"));
    }
}

#[test]
fn reset_at_every_byte_of_an_exchange_loses_nothing_that_was_acknowledged() {
    let broker = Broker::new(7, Character::default(), Limits::default());
    let mut sim = world(&broker);
    sim.client("client", async move {
        let mut steady = connect().await;
        steady.create("orders").await;
        let mut acknowledged = Vec::new();
        for at in 0.. {
            broker.next_connection(Character { reset_after: Some(at), ..Character::default() });
            let mut client = connect().await;
            let value = format!("before byte {at}");
            let Ok(offset) = client.produce("orders", value.as_bytes()).await else { continue };
            acknowledged.push((offset, value));
            if client.call(fetch("orders", offset, 0)).await.is_ok() {
                break;
            }
            assert!(at < 10_000, "an exchange that never ends");
        }
        let values = steady.fetch_all("orders").await?;
        for (offset, value) in acknowledged {
            assert_eq!(values[usize::try_from(offset)?], value);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(broker.metric("ottla_connections"), 1);
        Ok(())
    });
    sim.run().unwrap();
}

#[test]
fn a_frame_that_is_no_request_closes_its_connection_and_no_other() {
    each_character(&Limits::default(), |broker| async move {
        let mut client = connect().await;
        for frame in [&[0xff, 0xff, 0xff, 0xff, 0, 0][..], &[0, 0, 0, 1, 9][..], &[0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0][..]] {
            let mut hostile = connect().await;
            hostile.send(frame).await?;
            assert!(hostile.receive().await.is_err(), "{frame:?}");
        }
        client.call(api_versions()).await?;
        assert_eq!(broker.metric("ottla_requests_invalid_total"), 3);
        assert_eq!(broker.metric("ottla_connections"), 1);
        Ok(())
    });
}

#[test]
fn what_was_asked_before_a_frame_that_is_no_request_is_answered() {
    each_character(&Limits::default(), |broker| async move {
        let mut client = connect().await;
        client.create("orders").await;
        // An answer that waits for an fsync and one that waits for a deadline; then a length, or an array of Metadata, that cannot be.
        let long_array = [0, 0, 0, 15, 0, 3, 0, 1, 0, 0, 0, 9, 0, 1, b'x', 0x7f, 0xff, 0xff, 0xff];
        for (i, junk) in [&[0xff; 4][..], &long_array[..]].into_iter().enumerate() {
            let mut asker = connect().await;
            let mut all = asker.encode(produce("orders", -1, b"value")).to_vec();
            all.extend_from_slice(&asker.encode(fetch("orders", 9, 300)));
            all.extend_from_slice(junk);
            // Nobody reads this.
            all.extend_from_slice(&asker.encode(produce("orders", -1, b"behind")));
            asker.send(&all).await?;
            for correlation in [1, 2] {
                assert_eq!(client::correlation_of(&asker.receive().await?), correlation, "junk {i}");
            }
            assert!(asker.receive().await.is_err(), "junk {i}");
        }
        assert_eq!(client.fetch_all("orders").await?, ["value", "value"]);
        assert_eq!(broker.metric("ottla_requests_invalid_total"), 2);
        assert_eq!(broker.metric("ottla_connections"), 1);
        Ok(())
    });
}

#[test]
fn slow_reader_gets_what_it_asked_for_though_the_topic_was_deleted_meanwhile() {
    const ASKED: usize = 60;
    let broker = Broker::new(3, Character::default(), Limits::default());
    let mut sim = world(&broker);
    sim.client("client", async move {
        let (mut steady, mut slow) = (connect().await, connect().await);
        steady.create("orders").await;
        let value = vec![b'v'; 900_000];
        steady.produce("orders", &value).await?;
        // More than the network holds.
        for _ in 0..ASKED {
            let asks = slow.encode(fetch("orders", 0, 0));
            slow.send(&asks).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        steady.call(delete("orders")).await?;
        let is_there = || broker.disk.borrow().paths().iter().any(|path| path.starts_with("orders"));
        tokio::time::sleep(Duration::from_secs(200)).await;
        assert!(is_there(), "it waits for who still reads");
        for _ in 0..ASKED {
            assert_eq!(client::values_of(&client::read_fetch(slow.receive().await?)), [&value[..]]);
        }
        tokio::time::sleep(Duration::from_secs(200)).await;
        assert!(!is_there(), "nobody reads any more");
        Ok(())
    });
    sim.run().unwrap();
}

#[test]
fn who_is_to_be_closed_after_answers_that_he_does_not_take_is_closed_without() {
    let limits = Limits { idle_max: Duration::from_secs(60), ..Limits::default() };
    let broker = Broker::new(3, Character::default(), limits);
    let mut sim = world(&broker);
    sim.client("client", async move {
        let (mut steady, mut strange) = (connect().await, connect().await);
        steady.create("orders").await;
        steady.produce("orders", &[b'v'; 900_000]).await?;
        // More than the network holds.
        for _ in 0..60 {
            let asks = strange.encode(fetch("orders", 0, 0));
            strange.send(&asks).await?;
        }
        // An API that is not served, after which the connection is closed.
        strange.send(&[0, 0, 0, 10, 0, 99, 0, 0, 0, 0, 0, 99, 0xff, 0xff]).await?;
        for seconds in (10..=90).step_by(10) {
            tokio::time::sleep(Duration::from_secs(10)).await;
            steady.call(api_versions()).await?;
            assert!(seconds > 50 || broker.metric("ottla_connections") == 2, "after {seconds} s");
        }
        assert_eq!(broker.metric("ottla_connections"), 1);
        Ok(())
    });
    sim.run().unwrap();
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let limits = Limits { idle_max: Duration::from_secs(60), ..Limits::default() };
    let broker = Broker::new(3, Character::default(), limits);
    let mut sim = world(&broker);
    sim.client("client", async move {
        let (mut idle, mut busy, mut parked) = (connect().await, connect().await, connect().await);
        idle.call(api_versions()).await?;
        parked.create("quiet").await;
        let waits = parked.encode(fetch("quiet", 0, i32::MAX));
        parked.send(&waits).await?;
        for _ in 0..7 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            busy.call(api_versions()).await?;
        }
        assert!(idle.receive().await.is_err());
        assert!(parked.receive().await.is_err(), "who waits for weeks is as idle as anybody");
        busy.call(api_versions()).await?;
        Ok(())
    });
    sim.run().unwrap();
}

#[test]
fn who_takes_an_answer_byte_by_byte_is_closed_and_who_takes_it_slowly_is_not() {
    let limits = Limits { idle_max: Duration::from_secs(60), ..Limits::default() };
    let broker = Broker::new(3, Character::default(), limits);
    let mut sim = world(&broker);
    sim.client("client", async move {
        let (mut steady, mut trickles, mut slow) = (connect().await, connect().await, connect().await);
        steady.create("orders").await;
        steady.produce("orders", &[b'v'; 900_000]).await?;
        // More than the network holds.
        for _ in 0..16 {
            for client in [&mut trickles, &mut slow] {
                let asks = client.encode(fetch("orders", 0, 0));
                client.send(&asks).await?;
            }
        }
        for _ in 0..16 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            steady.call(api_versions()).await?;
            slow.receive().await?;
            // Bytes come and go all the time.
            let asks = trickles.encode(api_versions());
            if trickles.send(&asks).await.is_ok() {
                trickles.trickle().await.ok();
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(broker.metric("ottla_connections"), 2);
        Ok(())
    });
    sim.run().unwrap();
}
