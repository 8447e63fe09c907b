//! Starts, crashes, snapshots, full disks.

use super::*;

fn replies(intents: &[ControllerIntent]) -> Vec<u64> {
    let token = |i: &ControllerIntent| match i {
        ControllerIntent::Reply { token, .. }
        | ControllerIntent::Done { token }
        | ControllerIntent::ProducerIds { token, .. } => Some(token.0),
        _ => None,
    };
    intents.iter().filter_map(token).collect()
}

#[test]
fn the_first_start_makes_a_cluster_without_a_format_step() {
    let w = World::active();
    let c = w.controller();
    assert_eq!(c.cluster_id().len(), 22);
    assert_eq!(c.image().feature(METADATA_VERSION), METADATA_VERSION_LEVEL);
    let broker = &c.image().brokers[&BrokerId(1)];
    assert!(!broker.fenced && broker.log_dirs == [c.directory_id()]);
    let path = |dir: &str, name: &str| (dir.to_owned(), name.to_owned());
    assert!(w.disk.durable.contains_key(&path("", "meta.properties")));
    let state = &w.disk.durable[&path(METADATA_DIR, "quorum-state")];
    assert!(String::from_utf8_lossy(state).contains("\"leaderEpoch\":1,\"votedId\":1"));
}

#[test]
fn a_broker_s_epoch_is_the_offset_of_its_registration() {
    let w = World::active();
    let epoch = w.controller().image().brokers[&BrokerId(1)].epoch;
    assert_eq!(epoch, w.controller().log().end().0 - 1);
}

#[test]
fn each_life_is_a_new_epoch_that_is_durable_before_its_first_record() {
    let mut w = World::active();
    for life in 2..5 {
        w.held = Some("sync");
        let end = w.controller().log().end();
        w.start().unwrap();
        w.drive();
        assert_eq!(w.controller().log().end(), end, "nothing is written before the vote is synced");
        // A power loss here forgets the vote, and nobody has relied on it.
        w.held = None;
        assert!(matches!(w.drive()[..], [.., ControllerIntent::Active]));
        assert_eq!((w.controller().epoch(), w.controller().log().latest_epoch()), (LeaderEpoch(life), Some(LeaderEpoch(life))));
        w.disk.lose_power();
    }
}

#[test]
fn a_power_loss_before_the_vote_is_durable_forgets_it_and_after_it_does_not() {
    let mut w = World::active();
    w.start().unwrap();
    w.held = Some("sync dir");
    w.drive();
    w.disk.lose_power();
    w.start().unwrap();
    assert_eq!(w.controller().epoch(), LeaderEpoch(2));
    w.held = None;
    w.drive();
    w.disk.lose_power();
    w.start().unwrap();
    assert_eq!(w.controller().epoch(), LeaderEpoch(3));
}

#[test]
fn a_first_start_that_is_cut_anywhere_can_be_started_again() {
    for cut in 0..40 {
        let mut w = World::new(Settings::default());
        w.start().unwrap();
        for _ in 0..cut {
            w.waiting.extend(w.queue.take());
            if w.waiting.is_empty() {
                break;
            }
            let (op, file, call) = w.waiting.remove(0);
            let result = w.disk.perform(file, &call);
            w.handle(ControllerEvent::Disk { op, result });
        }
        let mut crashed = w.disk.clone();
        crashed.lose_power();
        for disk in [w.disk.clone(), crashed] {
            w.disk = disk;
            w.start().unwrap_or_else(|why| panic!("cut after {cut}: {why}"));
            assert!(matches!(w.drive()[..], [.., ControllerIntent::Active]), "cut after {cut}");
            assert_eq!(w.controller().image().brokers.len(), 1);
        }
    }
}

#[test]
fn an_answer_waits_for_the_sync_of_its_records() {
    let mut w = World::active();
    w.held = Some("sync");
    let mut out = w.ask(5, create(&[("a", 3)]));
    out.extend(w.drive());
    assert!(out.is_empty() && w.topics().is_empty(), "{out:?}");
    w.held = None;
    let out = w.drive();
    let [
        ControllerIntent::Changed(Delta::TopicCreated { name, .. }),
        ControllerIntent::Changed(Delta::PartitionsAdded { from: PartitionIndex(0), to: PartitionIndex(3), .. }),
        ControllerIntent::Reply { token: Token(5), .. },
    ] = &out[..]
    else {
        panic!("{out:?}")
    };
    assert_eq!(name, "a");
}

#[test]
fn requests_in_flight_see_each_other_and_are_answered_in_order() {
    let mut w = World::active();
    w.held = Some("sync");
    w.ask(1, create(&[("a", 1)]));
    w.ask(2, create(&[("a", 1)]));
    w.ask(3, Change::ProducerIds);
    w.ask(4, Change::ProducerIds);
    assert!(replies(&w.drive()).is_empty());
    w.held = None;
    let out = w.drive();
    assert_eq!(replies(&out), [1, 2, 3, 4]);
    let codes: Vec<i16> = out
        .iter()
        .filter_map(|i| match i {
            ControllerIntent::Reply { response: Response::CreateTopics(r), .. } => Some(r.topics[0].error_code),
            _ => None,
        })
        .collect();
    assert_eq!(codes, [0, ErrorCode::TopicAlreadyExists.code()]);
}

#[test]
fn requests_before_the_start_is_done_wait_for_it() {
    let mut w = World::new(Settings::default());
    w.start().unwrap();
    assert!(w.ask(1, create(&[("a", 1)])).is_empty());
    let out = w.drive();
    let active = out.iter().position(|i| matches!(i, ControllerIntent::Active)).unwrap();
    let reply = out.iter().position(|i| matches!(i, ControllerIntent::Reply { .. })).unwrap();
    assert!(active < reply);
}

#[test]
fn what_was_answered_survives_a_power_loss_and_what_was_not_may_go() {
    let mut w = World::active();
    w.create(&[("kept", 2)]);
    let image = w.controller().image().clone();
    w.held = Some("sync");
    w.ask(9, create(&[("lost", 1)]));
    w.drive();
    w.disk.lose_power();
    w.held = None;
    w.start().unwrap();
    assert_eq!(w.controller().image(), &image, "the image is the fold of the durable log");
    w.drive();
    assert_eq!(w.topics(), ["kept"]);
}

#[test]
fn a_process_crash_keeps_what_was_written() {
    let mut w = World::active();
    w.held = Some("sync");
    w.ask(9, create(&[("written", 1)]));
    w.drive();
    w.held = None;
    w.start().unwrap();
    w.drive();
    assert_eq!(w.topics(), ["written"]);
}

#[test]
fn producer_ids_are_never_given_twice() {
    let mut w = World::active();
    let mut given = Vec::new();
    for round in 0..6 {
        let mut out = w.ask(1, Change::ProducerIds);
        out.extend(w.drive());
        for intent in out {
            if let ControllerIntent::ProducerIds { first, count, .. } = intent {
                assert_eq!(count, 1000);
                given.push(first);
            }
        }
        if round % 2 == 1 {
            w.disk.lose_power();
            w.start().unwrap();
            w.drive();
        }
    }
    assert_eq!(given, [0, 1000, 2000, 3000, 4000, 5000]);
}

/// What an election of the same leader changes.
fn lead_again(image: &mut Image) {
    for partition in image.topics.values_mut().flat_map(|t| &mut t.partitions) {
        partition.leader_epoch = LeaderEpoch(partition.leader_epoch.0 + 1);
        partition.partition_epoch += 1;
    }
}

#[test]
fn each_life_is_a_new_leader_epoch_of_every_partition_before_anything_is_served() {
    let mut w = World::active();
    w.create(&[("a", 6000)]);
    w.create(&[("b", 6000)]);
    let mut image = w.controller().image().clone();
    w.start().unwrap();
    let out = w.drive();
    let changed = out.iter().filter(|i| matches!(i, ControllerIntent::Changed(Delta::PartitionChanged { .. }))).count();
    assert_eq!(changed, 12_000);
    assert!(matches!(out[..], [.., ControllerIntent::Active]));
    lead_again(&mut image);
    assert_eq!(w.controller().image().topics, image.topics);
    w.disk.lose_power();
    w.start().unwrap();
    assert_eq!(w.controller().image().topics, image.topics, "the new epochs are durable");
}

#[test]
fn snapshots_cut_the_log_and_bring_back_the_same_image() {
    let mut w = World::new(Settings::tiny());
    w.start().unwrap();
    w.drive();
    for n in 0..60 {
        w.create(&[(&format!("topic-{n}"), 2)]);
    }
    let files: Vec<String> = w.disk.files(Some(METADATA_DIR)).unwrap().into_iter().map(|(n, _)| n).collect();
    assert_eq!(files.iter().filter(|n| n.ends_with(".checkpoint")).count(), 1, "{files:?}");
    assert!(w.controller().log().log_start() > Offset::ZERO, "{files:?}");
    let mut image = w.controller().image().clone();
    for power in [false, true] {
        if power {
            w.disk.lose_power();
        }
        w.start().unwrap();
        assert_eq!(w.controller().image().topics, image.topics);
        w.drive();
        lead_again(&mut image);
        assert_eq!(w.controller().image().topics, image.topics);
        assert_eq!(w.controller().image().next_producer_id, image.next_producer_id);
    }
}

#[test]
fn the_log_is_not_cut_before_the_snapshot_is_durable() {
    let mut w = World::new(Settings::tiny());
    w.start().unwrap();
    w.drive();
    w.held = Some("rename");
    for n in 0..60 {
        w.create(&[(&format!("topic-{n}"), 2)]);
    }
    assert_eq!(w.controller().log().log_start(), Offset::ZERO);
    w.disk.lose_power();
    w.held = None;
    w.start().unwrap();
    w.drive();
    assert_eq!(w.topics().len(), 60);
    assert!(!w.disk.live.keys().any(|(_, n)| n.ends_with(".checkpoint.tmp")), "leftovers are removed");
}

#[test]
fn a_damaged_snapshot_is_refused_when_the_log_does_not_reach_back() {
    let mut w = World::new(Settings::tiny());
    w.start().unwrap();
    w.drive();
    for n in 0..60 {
        w.create(&[(&format!("topic-{n}"), 2)]);
    }
    let checkpoint = w.disk.live.iter_mut().find(|((_, n), _)| n.ends_with(".checkpoint")).unwrap();
    checkpoint.1[100] ^= 1;
    assert!(w.start().unwrap_err().contains("snapshot is damaged"));
}

#[test]
fn a_damaged_snapshot_says_how_far_the_metadata_reached() {
    let mut w = World::active();
    w.create(&[("orders", 2)]);
    let end = w.controller().log().end().0;
    for (reached, is_refused) in [(end, false), (end + 1, true)] {
        let whole = w.disk.clone();
        w.disk.live.insert((METADATA_DIR.to_owned(), format!("{reached:020}-0000000001.checkpoint")), b"damaged".to_vec());
        match w.start() {
            Ok(()) => assert!(!is_refused),
            Err(why) => assert!(is_refused && why.contains("snapshot is damaged, and the log ends at"), "{why}"),
        }
        w.disk = whole;
    }
}

#[test]
fn a_directory_of_another_node_or_with_a_part_missing_is_refused() {
    let mut w = World::active();
    let whole = w.disk.clone();
    w.node = 2;
    assert!(w.start().unwrap_err().contains("node 1"));
    w.node = 1;
    w.disk.live.remove(&(String::new(), "meta.properties".into()));
    assert!(w.start().unwrap_err().contains("meta.properties is missing"));
    w.disk = whole.clone();
    w.disk.live.remove(&(METADATA_DIR.into(), "quorum-state".into()));
    assert!(w.start().unwrap_err().contains("quorum-state is missing"));
    w.disk = whole;
    let state = w.disk.live.get_mut(&(METADATA_DIR.to_owned(), "quorum-state".to_owned())).unwrap();
    *state = String::from_utf8_lossy(state).replace("\"leaderEpoch\":1", "\"leaderEpoch\":0").into_bytes();
    assert!(w.start().unwrap_err().contains("epoch"));
}

#[test]
fn a_failed_sync_halts() {
    let mut w = World::active();
    w.disk.fail.push((FileKind::Log, "sync", DiskFault::Io));
    let mut out = w.ask(1, create(&[("a", 1)]));
    out.extend(w.drive());
    assert!(matches!(out[..], [.., ControllerIntent::Halt(_)]), "{out:?}");
    assert!(w.ask(2, create(&[("b", 1)])).is_empty(), "a halted controller does nothing");
    assert!(w.topics().is_empty());
}

#[test]
fn a_full_disk_delays_and_refuses_and_then_everything_goes_on() {
    let mut w = World::active();
    w.disk.fail.extend([(FileKind::Log, "append", DiskFault::NoSpace), (FileKind::Log, "append", DiskFault::NoSpace)]);
    let mut out = w.ask(1, create(&[("a", 1)]));
    out.extend(w.drive());
    assert!(replies(&out).is_empty(), "{out:?}");
    let out = w.ask(2, create(&[("b", 1)]));
    let [ControllerIntent::Reply { response: Response::CreateTopics(refused), .. }] = &out[..] else { panic!("{out:?}") };
    assert_eq!(refused.topics[0].error_code, ErrorCode::KafkaStorageError.code());
    for _ in 0..4 {
        let Some(deadline) = w.controller().deadline() else { break };
        w.now.mono = w.now.mono.max(deadline.at);
        let mut out = w.handle(ControllerEvent::Wake);
        out.extend(w.drive());
        if replies(&out) == [1] {
            break;
        }
    }
    assert_eq!(w.topics(), ["a"]);
    let image = w.controller().image().clone();
    w.create(&[("c", 1)]);
    w.start().unwrap();
    w.drive();
    assert_eq!(w.topics(), ["a", "c"]);
    assert!(image.names.contains_key("a"));
}

#[test]
fn on_a_full_disk_topics_can_be_deleted_and_the_reserve_is_kept_again_later() {
    let mut settings = Settings::default();
    settings.insert("ottla.reserve.bytes", "2000").unwrap();
    let mut w = World::new(settings);
    w.start().unwrap();
    w.drive();
    w.create(&[("a", 1)]);
    let used = w.disk.live.values().map(Vec::len).sum::<usize>();
    w.disk.capacity = Some(used);
    let mut request = msg::DeleteTopicsRequest::default();
    request.timeout_ms = 1000;
    request.topic_names.push(refusal::text("a").into());
    let Response::DeleteTopics(r) = w.answer(Change::DeleteTopics { version: 5, request }) else { panic!() };
    assert_eq!(r.responses[0].error_code, 0);
    assert!(w.topics().is_empty() && w.controller().is_short_of_space());
    for full in [true, false] {
        w.disk.capacity = full.then_some(used);
        w.now.mono = w.controller().deadline().unwrap().at;
        w.handle(ControllerEvent::Wake);
        w.drive();
        assert_eq!(w.controller().is_short_of_space(), full);
    }
    w.start().unwrap();
    w.drive();
    assert!(!w.controller().is_short_of_space());
}

#[test]
fn the_reserve_is_not_kept_again_while_a_roll_of_the_log_waits_for_space() {
    let mut settings = Settings::tiny();
    settings.insert("ottla.reserve.bytes", "2000").unwrap();
    let mut w = World::new(settings);
    w.start().unwrap();
    w.drive();
    // Whatever the reserve frees is taken by others.
    w.disk.fail.extend([(FileKind::Log, "create", DiskFault::NoSpace); 200]);
    for n in 0..100 {
        if !w.controller().log().is_blocked() {
            w.ask(n, create(&[(&format!("topic-{n}"), 2)]));
            w.drive();
        }
    }
    assert!(w.controller().log().is_blocked() && w.controller().is_short_of_space());
    let until = w.now.mono.after(Duration::from_secs(100));
    while w.now.mono < until {
        w.now.mono = w.controller().deadline().unwrap().at;
        w.handle(ControllerEvent::Wake);
        w.waiting.extend(w.queue.take());
        assert!(w.waiting.iter().all(|(_, file, _)| file.name.kind != FileKind::Reserve), "{:?}", w.waiting);
        w.drive();
    }
    w.disk.fail.clear();
    for _ in 0..10 {
        let Some(deadline) = w.controller().deadline() else { break };
        w.now.mono = w.now.mono.max(deadline.at);
        w.handle(ControllerEvent::Wake);
        w.drive();
    }
    assert!(!w.controller().is_short_of_space() && !w.controller().log().is_repairing());
}

#[test]
fn a_vote_whose_name_cannot_be_synced_ends_the_start_also_for_want_of_space() {
    let mut w = World::new(Settings::default());
    w.start().unwrap();
    w.held = Some("sync dir");
    let mut out = w.drive();
    let end = |w: &mut World, result: Result<DiskDone, DiskFault>| {
        let held = std::mem::take(&mut w.waiting);
        let mut out: Vec<_> =
            held.into_iter().flat_map(|(op, ..)| w.handle(ControllerEvent::Disk { op, result: result.clone() })).collect();
        out.extend(w.drive());
        out
    };
    while !w.disk.live.contains_key(&(METADATA_DIR.to_owned(), "quorum-state".to_owned())) {
        assert!(!w.waiting.is_empty());
        out.extend(end(&mut w, Ok(DiskDone::Done)));
    }
    // A later sync says nothing about the names that this one was to cover.
    out.extend(end(&mut w, Err(DiskFault::NoSpace)));
    assert!(matches!(out[..], [.., ControllerIntent::Halt(_)]), "{out:?}");
}

#[test]
fn partitions_that_nobody_leads_are_led_by_the_replica_that_may() {
    // As Kafka's controlled shutdown and its registration after an unclean end leave a partition whose only replica is here.
    let left = [(vec![1], vec![], vec![]), (vec![], vec![1], vec![]), (vec![], vec![], vec![1]), (vec![], vec![], vec![])];
    let mut w = World::active();
    w.create(&[("a", 6)]);
    let topic = w.controller().image().names["a"];
    let nobody = |index: i32, isr: &[i32], elr: &[i32], last: &[i32], replicas: Option<Vec<i32>>| {
        let (isr, elr, last_known_elr) = (Some(isr.to_vec()), Some(elr.to_vec()), Some(last.to_vec()));
        let change = records::PartitionChange {
            topic: topic.0,
            index,
            leader: Some(-1),
            isr,
            elr,
            last_known_elr,
            replicas,
            ..Default::default()
        };
        Record::PartitionChange(change)
    };
    let mut records: Vec<Record> =
        left.iter().zip(0..).map(|((isr, elr, last), index)| nobody(index, isr, elr, last, None)).collect();
    // Broker 2 may know more, and is not here.
    records.push(nobody(4, &[2], &[], &[], Some(vec![1, 2])));
    records.push(nobody(5, &[], &[2], &[1], Some(vec![1, 2])));
    let now = w.now;
    w.controller.as_mut().unwrap().write(records, Then::Nothing, now, &mut w.queue.port(Owner::Controller));
    w.drive();
    w.start().unwrap();
    w.drive();
    let partitions = &w.controller().image().topics[&topic].partitions;
    for p in &partitions[..4] {
        assert_eq!((p.leader, &*p.isr, &*p.elr, &*p.last_known_elr), (Some(BrokerId(1)), &[BrokerId(1)][..], &[][..], &[][..]));
        assert_eq!(p.leader_epoch, LeaderEpoch(2));
    }
    assert_eq!((partitions[4].leader, partitions[5].leader), (None, None));
}

#[test]
fn without_its_metadata_a_directory_with_partitions_is_refused() {
    let mut w = World::active();
    w.disk.live_dirs.clear();
    w.disk.live.retain(|(dir, _), _| dir.is_empty());
    let whole = w.disk.clone();
    w.start().unwrap();
    w.disk = whole;
    w.disk.live_dirs.push("a-0".into());
    w.disk.live.insert(("a-0".into(), "partition.metadata".into()), Vec::new());
    assert!(w.start().unwrap_err().contains("__cluster_metadata-0 is missing, and a-0 is there"));
}

#[test]
fn a_start_on_a_full_disk_takes_the_reserve_and_without_one_waits() {
    for reserve in ["2000", "0"] {
        let mut settings = Settings::default();
        settings.insert("ottla.reserve.bytes", reserve).unwrap();
        let mut w = World::new(settings);
        w.start().unwrap();
        w.drive();
        w.create(&[("a", 1)]);
        w.disk.capacity = Some(w.disk.live.values().map(Vec::len).sum::<usize>());
        w.start().unwrap();
        let mut out = w.drive();
        assert!(out.iter().any(|i| matches!(i, ControllerIntent::Note(f) if f.name == "metadata-no-space")), "{out:?}");
        assert_eq!(w.controller().is_active(), reserve != "0", "{out:?}");
        for _ in 0..3 {
            w.now.mono = w.controller().deadline().unwrap().at;
            out.extend(w.handle(ControllerEvent::Wake));
            out.extend(w.drive());
        }
        w.disk.capacity = None;
        w.now.mono = w.controller().deadline().unwrap().at;
        out.extend(w.handle(ControllerEvent::Wake));
        out.extend(w.drive());
        let notes = out.iter().filter(|i| matches!(i, ControllerIntent::Note(f) if f.name == "metadata-no-space")).count();
        assert_eq!((w.controller().is_active(), notes), (true, 1), "said once: {out:?}");
        w.create(&[("b", 1)]);
        assert_eq!(w.topics(), ["a", "b"]);
    }
}

#[test]
fn who_waits_for_a_full_disk_is_told_when_its_time_is_up_and_the_change_may_follow() {
    let mut settings = Settings::default();
    settings.insert("ottla.reserve.bytes", "0").unwrap();
    let mut w = World::new(settings);
    w.start().unwrap();
    w.drive();
    w.disk.capacity = Some(w.disk.live.values().map(Vec::len).sum::<usize>());
    let mut out = w.ask(7, create(&[("a", 1), ("__cluster_metadata", 1)]));
    out.extend(w.ask(8, Change::ProducerIds));
    out.extend(w.drive());
    let refused = |i: &ControllerIntent| matches!(i, ControllerIntent::ProducerIds { token: Token(8), count: 0, .. });
    assert_eq!(out.iter().filter(|i| refused(i)).count(), 1, "ids are refused at once: {out:?}");
    assert!(w.controller().is_stuck(w.now));
    let out = w.handle(ControllerEvent::Expired { token: Token(7) });
    let [ControllerIntent::Reply { token: Token(7), response: Response::CreateTopics(r) }] = &out[..] else { panic!("{out:?}") };
    assert_eq!(r.topics.iter().map(|t| t.error_code).collect::<Vec<_>>(), [7, 42]);
    w.disk.capacity = None;
    w.now.mono = w.controller().deadline().unwrap().at;
    let mut out = w.handle(ControllerEvent::Wake);
    out.extend(w.drive());
    assert!(!out.iter().any(|i| matches!(i, ControllerIntent::Reply { .. })), "nobody is answered twice: {out:?}");
    assert_eq!(w.topics(), ["a"]);
}

/// Nobody waits for topics that a client asked about: while the log takes nothing they are not kept, however many are named.
#[test]
fn topics_that_were_only_asked_about_do_not_wait_for_the_log() {
    let mut w = World::active();
    w.disk.fail.push((FileKind::Log, "append", DiskFault::NoSpace));
    w.held = Some("truncate");
    w.ask(1, create(&[("orders", 1)]));
    w.drive();
    assert!(!w.controller().takes_changes(), "the failed append is not cleared away");
    for token in 2..100 {
        let out = w.ask(token, Change::AutoCreate { names: vec![format!("topic-{token}")] });
        assert!(matches!(out[..], [ControllerIntent::Done { token: Token(of) }] if of == token), "{out:?}");
    }
    assert!(w.controller().waiting.is_empty());
}
