//! What survives, what is set aside, and what a full disk means.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this test needs some of it")]
mod support;

use std::sync::atomic::Ordering;

use bytes::Bytes;
use proptest::prelude::*;
use socketio_queue::*;
use support::log::LogDisk;
use support::*;

fn options() -> QueueOptions {
    QueueOptions {
        max_attempts: 3,
        backoff: Backoff::Fixed { delay: 100, jitter: 0.0 },
        dead_letter: Some("mail.dead".into()),
        ..QueueOptions::default()
    }
}

/// A queue with something of everything.
fn filled(disk: &LogDisk) -> (Rig, Vec<MessageId>) {
    let mut rig = Rig::new(disk.store(), options());
    let every = Schedule { times: Times::Every(1_000), message: message("tick"), limit: Some(5), until: None };
    rig.action(QUEUE, QueueAction::Schedule { name: "tick".into(), schedule: Box::new(every) }).unwrap();
    let mut ids = vec![rig.try_send(keyed("dies", "k")).unwrap()];
    rig.work(1);
    for error in ["one", "two", "three"] {
        let delivery = rig.next().unwrap();
        rig.nack(&delivery, error);
        rig.pass(100);
    }
    ids.push(rig.try_send(keyed("retried", "k")).unwrap());
    let delivery = rig.next().unwrap();
    rig.nack(&delivery, "again");
    ids.push(rig.try_send(keyed("blocked", "k")).unwrap());
    rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency: 0 }]);
    ids.push(rig.try_send(delayed("delayed", 5_000)).unwrap());
    ids.push(
        rig.try_send(NewMessage { dedup_id: Some("once".into()), ttl: Some(9_000), priority: 3, ..message("plain") })
            .unwrap(),
    );
    rig.action(QUEUE, QueueAction::Pause).unwrap();
    (rig, ids)
}

fn check(mut rig: Rig, ids: &[MessageId]) {
    rig.declare(QUEUE, "mail", None).unwrap();
    rig.declare(OTHER, "mail.dead", None).unwrap();
    let stats = rig.stats(QUEUE);
    assert_eq!((stats.paused, stats.ready, stats.blocked, stats.delayed), (true, 1, 1, 2));
    let again = rig.try_send(NewMessage { dedup_id: Some("once".into()), ..message("plain") });
    assert_eq!(again, Ok(ids[4]));
    let Outcome::Message(dead) = rig.message(OTHER, ids[0], MessageAction::Get).unwrap() else { panic!() };
    assert_eq!(dead.history.iter().map(|attempt| &*attempt.error).collect::<Vec<_>>(), ["one", "two", "three"]);
    let Outcome::Message(retried) = rig.message(QUEUE, ids[1], MessageAction::Get).unwrap() else { panic!() };
    assert_eq!((retried.attempts, &*retried.history[0].error), (1, "again"));
    rig.action(QUEUE, QueueAction::Resume).unwrap();
    rig.work(1);
    assert_eq!(rig.run_dry(), ["plain"]);
    rig.pass(100);
    assert_eq!(rig.run_dry(), ["retried", "blocked"]);
    let Ok(Outcome::Schedules(schedules)) = rig.action(QUEUE, QueueAction::Schedules) else { panic!() };
    assert_eq!((schedules[0].sent, schedules[0].schedule.limit), (0, Some(5)));
    rig.pass(700);
    assert_eq!(rig.run_dry(), ["tick"]);
    rig.pass(4_200);
    assert!(rig.run_dry().contains(&"delayed".to_owned()));
}

#[test]
fn everything_survives_in_the_log() {
    let disk = LogDisk::default();
    let (rig, ids) = filled(&disk);
    let now = rig.now;
    drop(rig);
    disk.crash();
    check(Rig::open(disk.store(), now), &ids);
}

#[test]
fn everything_survives_in_a_checkpoint_and_after_compaction() {
    let disk = LogDisk::default();
    let (mut rig, ids) = filled(&disk);
    for _ in 0..500 {
        rig.store.maintain(&mut rig.machine).unwrap();
        rig.commands(vec![Command::Queues { ticket: Ticket(0) }]);
    }
    rig.answers.clear();
    let now = rig.now;
    drop(rig);
    disk.crash();
    let rig = Rig::open(disk.store(), now);
    assert!(rig.report.replayed < 20, "{:?}", rig.report);
    check(rig, &ids);
}

#[test]
fn a_message_that_ends_the_process_each_time_dies() {
    let disk = LogDisk::default();
    let mut rig = Rig::new(disk.store(), options());
    let id = rig.send("poison");
    for attempt in 1..=3 {
        rig.work(1);
        assert_eq!(rig.next().unwrap().attempt, attempt);
        let now = rig.now;
        drop(rig);
        disk.crash();
        rig = Rig::open(disk.store(), now);
        rig.declare(QUEUE, "mail", None).unwrap();
        rig.declare(OTHER, "mail.dead", None).unwrap();
    }
    rig.work(1);
    assert!(rig.next().is_none());
    let Outcome::Message(dead) = rig.message(OTHER, id, MessageAction::Get).unwrap() else { panic!() };
    assert!(dead.history[0].error.contains("the process ended"), "{:?}", dead.history);
}

#[test]
fn a_message_that_was_given_back_and_moved_in_one_round_begins_anew() {
    let disk = LogDisk::default();
    let mut rig = Rig::new(disk.store(), options());
    let id = rig.send("a");
    rig.work(1);
    for _ in 0..2 {
        let delivery = rig.next().unwrap();
        rig.nack(&delivery, "no");
        rig.pass(100);
    }
    let lease = rig.next().unwrap().lease();
    let release = Command::Settle { ticket: None, lease, outcome: Settle::Release };
    let to_other = MessageAction::Move { to: OTHER };
    rig.commands(vec![release, Command::Message { ticket: Ticket(0), queue: QUEUE, id, action: to_other }]);
    let now = rig.now;
    drop(rig);
    disk.crash();
    let mut rig = Rig::open(disk.store(), now);
    rig.declare(OTHER, "mail.dead", None).unwrap();
    let Outcome::Message(moved) = rig.message(OTHER, id, MessageAction::Get).unwrap() else { panic!() };
    assert_eq!((moved.attempts, moved.history), (0, Vec::new()));
}

#[test]
fn a_full_disk_refuses_sends_only() {
    let disk = LogDisk::default();
    let mut rig = Rig::new(disk.store(), options());
    for text in ["a", "b"] {
        rig.send(text);
    }
    rig.work(2);
    disk.1.store(true, Ordering::Relaxed);
    assert_eq!(rig.try_send(message("c")).unwrap_err().code(), "QUEUE_DISK_FULL");
    let (first, second) = (rig.next().unwrap(), rig.next().unwrap());
    rig.settle(first.lease(), ack()).unwrap();
    rig.nack(&second, "no");
    rig.pass(100);
    // It cannot be moved to the dead letters, and it is not lost.
    let second = rig.next().unwrap();
    rig.settle(second.lease(), Settle::Nack { error: "dead".into(), delay: None, dead: true }).unwrap();
    assert_eq!((rig.stats(QUEUE).delayed, rig.stats(OTHER).ready), (1, 0));
    disk.1.store(false, Ordering::Relaxed);
    rig.send("c");
    assert_eq!(rig.run_dry(), ["c"]);
    rig.pass(1_000);
    let again = rig.next().unwrap();
    assert_eq!((text(&again), again.attempt), ("b".into(), 3));
    rig.nack(&again, "last");
    assert_eq!((rig.stats(QUEUE).dead, rig.stats(OTHER).ready), (1, 1));
}

#[test]
fn a_newer_format_is_refused() {
    let mut store = MemoryStore::new();
    let mut machine = Machine::new(&Config::default());
    let genesis = [&[1, 0, 9][..], &[0; 16]].concat();
    machine.record(&genesis, Location::default(), false).unwrap();
    let opened = machine.opened(Now::default(), &mut store, &mut RecoveryReport::default());
    assert_eq!(opened.unwrap_err(), Error::FormatNewer { found: 9, supported: 1 });
}

#[test]
fn a_message_that_cannot_be_read_is_set_aside_and_the_others_live() {
    let disk = LogDisk::default();
    let mut rig = Rig::new(disk.store(), options());
    rig.subscribe();
    rig.send("a");
    let broken = rig.try_send(keyed("broken", "k")).unwrap();
    rig.try_send(keyed("b", "k")).unwrap();
    disk.damage(b"broken");
    rig.work(1);
    assert_eq!(rig.run_dry(), ["a", "b"]);
    assert_eq!(rig.stats(QUEUE).quarantined, 1);
    assert!(rig.events.iter().any(|event| event.id == broken && event.kind == EventKind::Quarantined));
}

proptest! {
    #[test]
    fn hostile_records_never_panic(
        records in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..60), 0_u8..10, any::<bool>()), 0..20),
        chunks in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..60), 0_u8..5), 0..5),
    ) {
        let mut machine = Machine::new(&Config { max_queues: 100, ..Config::default() });
        for (body, section) in chunks {
            let _ = Replay::snapshot(&mut machine, &[&[1, section][..], &body].concat());
        }
        for (body, kind, moved) in records {
            let _ = machine.record(&[&[1, kind][..], &body].concat(), Location::default(), moved);
        }
        let mut store = MemoryStore::new();
        if machine.opened(Now { wall: 1_000, mono: 0 }, &mut store, &mut RecoveryReport::default()).is_ok() {
            let mut out = Effects::default();
            let now = Now { wall: 2_000, mono: 1_000 };
            let consume = Command::Consume { ticket: Ticket(0), worker: WORKER, queue: QUEUE, options: WorkerOptions::default() };
            let declare = Command::Declare { ticket: Ticket(0), queue: QUEUE, name: "a".into(), options: None };
            machine.apply(declare, now, &mut store, &mut out).unwrap();
            machine.apply(consume, now, &mut store, &mut out).unwrap();
            machine.tick(now, &mut store, &mut out).unwrap();
            let (mut cursor, mut chunk) = (Some(0), Vec::new());
            while let Some(at) = cursor {
                cursor = Index::snapshot(&mut machine, at, &mut chunk);
            }
        }
    }
}

/// No command may look at what it does not change: a million blocked messages cost nothing.
#[test]
fn many_blocked_messages_are_not_looked_at() {
    let mut rig = Rig::new(Box::new(MemoryStore::new()), QueueOptions::default());
    let send = |text: String, key: String| Command::Send {
        ticket: Ticket(0),
        queue: QUEUE,
        message: NewMessage { payload: Bytes::from(text), key: Some(key.into()), ..NewMessage::default() },
    };
    rig.commands((0..100_000).map(|number| send(String::new(), format!("key {number}"))).collect());
    rig.commands((0..400_000).map(|number| send(number.to_string(), "busy".to_owned())).collect());
    assert!(rig.answers.drain(..).all(|(_, result)| result.is_ok()));
    assert_eq!(rig.stats(QUEUE).blocked, 399_999);
    rig.work(100_001);
    assert_eq!(rig.deliveries.len(), 100_001);
    // With a scan of the blocked ones, each of these would take milliseconds, and the test hours.
    let held: Vec<_> = rig.deliveries.drain(..).map(|(_, delivery)| delivery.lease()).collect();
    rig.commands(held.into_iter().map(|lease| Command::Settle { ticket: None, lease, outcome: ack() }).collect());
    for number in 1..10_000 {
        let delivery = rig.next().unwrap();
        assert_eq!(text(&delivery), number.to_string());
        rig.settle(delivery.lease(), ack()).unwrap();
    }
}
