//! The format on the disk: a directory that an earlier version wrote is read as it was meant.
//!
//! `fixtures/format-1` has each kind of record, before and after a checkpoint, and moved ones. It stays as it is; a later format gets a
//! fixture of its own: `WRITE_FIXTURE=format-2 cargo test --test format`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this test needs some of it")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use socketio_queue::*;
use support::*;

const THIRD: QueueRef = QueueRef(3);

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1")
}

fn open(path: &Path) -> Box<dyn Store> {
    let options = DiskOptions {
        segment_bytes: 4096,
        checkpoint_bytes: 6000,
        reserve_bytes: 4096,
        durability: Durability::None,
        ..DiskOptions::new(path)
    };
    Box::new(DiskStore::open(options).unwrap())
}

/// A time at which all that waits in the fixture still waits.
const LATER: Now = Now { wall: 1_000_000_100_000, mono: 9 };

fn declare(rig: &mut Rig) {
    for (queue, name) in [(QUEUE, "mail"), (OTHER, "mail.dead"), (THIRD, "Ünï/other")] {
        rig.declare(queue, name, None).unwrap();
    }
}

/// Everything there is, as text.
fn contents(rig: &mut Rig) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for queue in [QUEUE, OTHER, THIRD] {
        let stats = rig.stats(queue);
        let QueueStats { ready, blocked, delayed, active, bytes, paused, keys, .. } = stats;
        let counts =
            format!("ready {ready} blocked {blocked} delayed {delayed} active {active} bytes {bytes} keys {keys}");
        writeln!(text, "queue {} paused {paused} {counts}", queue.0).unwrap();
        let list = QueueAction::List { state: None, cursor: 0, limit: 1_000 };
        let Ok(Outcome::Page { mut messages, .. }) = rig.action(queue, list) else { panic!() };
        messages.sort_by_key(|info| info.message.id);
        for MessageInfo { message, state, attempts, history } in messages {
            let payload = message.payload();
            let shown = String::from_utf8_lossy(payload.get(..payload.len().min(20)).unwrap_or_default()).into_owned();
            let fields = (message.key(), message.priority, message.content, message.deliver_at, message.expires_at);
            let headers = String::from_utf8_lossy(message.headers());
            let from = (message.origin.as_deref(), message.schedule.as_deref());
            writeln!(
                text,
                "  {} {state:?} {attempts} {shown:?} of {} {fields:?} {headers} {from:?}",
                message.id,
                payload.len()
            )
            .unwrap();
            for attempt in history {
                writeln!(text, "    {attempt:?}").unwrap();
            }
        }
        let Ok(Outcome::Schedules(schedules)) = rig.action(queue, QueueAction::Schedules) else { panic!() };
        for ScheduleInfo { name, schedule, next, sent, skipped } in schedules {
            writeln!(text, "  {name} {:?} {:?} {:?} next {next:?}", schedule.times, schedule.limit, schedule.until)
                .unwrap();
            writeln!(text, "    {:?} sent {sent} skipped {skipped}", schedule.message).unwrap();
        }
    }
    text
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn what_format_1_has_is_read() {
    let directory = tempfile::TempDir::new().unwrap();
    copy(&fixture().join("store"), directory.path());
    let mut rig = Rig::open(open(directory.path()), LATER);
    assert_eq!((rig.report.torn_bytes, rig.report.quarantined), (0, 0));
    assert!(rig.report.replayed > 20, "records after the checkpoint: {}", rig.report.replayed);
    declare(&mut rig);
    let expected = fs::read_to_string(fixture().join("contents.txt")).unwrap();
    assert_eq!(contents(&mut rig), expected);
    // What was sent with this id within the window of deduplication is known.
    let again = NewMessage { dedup_id: Some("order 7".into()), ..message("again") };
    let sent = rig.ask(|ticket| Command::Send { ticket, queue: QUEUE, message: again }).unwrap();
    assert!(matches!(sent, Outcome::Sent(receipt) if receipt.duplicate), "{sent:?}");
    // And it goes on from there.
    rig.try_send(message("new")).unwrap();
    let Rig { mut machine, mut store, .. } = rig;
    store.close(&mut machine).unwrap();
    drop(store);
    let mut rig = Rig::open(open(directory.path()), LATER);
    declare(&mut rig);
    assert_eq!(contents(&mut rig).lines().count(), expected.lines().count() + 1);
}

#[test]
fn what_is_written_today_is_read_as_the_fixture_is() {
    let temporary = tempfile::TempDir::new().unwrap();
    let new = std::env::var_os("WRITE_FIXTURE").map(|name| fixture().with_file_name(name));
    let path = new.as_ref().map_or_else(|| temporary.path().to_owned(), |new| new.join("store"));
    fs::create_dir_all(&path).unwrap();
    write(&path);
    let copied = tempfile::TempDir::new().unwrap();
    copy(&path, copied.path());
    let mut rig = Rig::open(open(copied.path()), LATER);
    declare(&mut rig);
    let contents = contents(&mut rig);
    if let Some(new) = new {
        fs::remove_file(path.join("lock")).unwrap();
        fs::write(new.join("contents.txt"), &contents).unwrap();
    }
    assert_eq!(contents, fs::read_to_string(fixture().join("contents.txt")).unwrap());
}

/// Everything that a store can hold.
fn write(path: &Path) {
    let options = QueueOptions {
        max_attempts: 2,
        backoff: Backoff::Fixed { delay: 10, jitter: 0.0 },
        dead_letter: Some("mail.dead".into()),
        dedup_window: 10_000_000,
        max_length: Some(1_000),
        rate: Some(Rate { max: 500, per: 10 }),
        ..QueueOptions::default()
    };
    let mut rig = Rig::new(open(path), options);
    rig.declare(THIRD, "Ünï/other", Some(QueueOptions::default())).unwrap();
    // Before the checkpoint: more than a segment, most of which goes again, so that the rest is moved.
    for number in 0..100 {
        rig.send(&format!("early {number} {}", "x".repeat(60)));
    }
    rig.work(100);
    for number in 0..100 {
        let delivery = rig.next().unwrap();
        assert!(text(&delivery).starts_with(&format!("early {number} ")));
        if number % 20 != 7 {
            rig.settle(delivery.lease(), ack()).unwrap();
        }
    }
    rig.commands(vec![Command::CloseWorker { worker: WORKER, lost: false }]);
    while rig.store.stats().moved_bytes == 0 {
        // The end of a checkpoint has a thread of its own.
        std::thread::sleep(std::time::Duration::from_millis(5));
        rig.store.maintain(&mut rig.machine).unwrap();
    }
    // After it: each kind of record, and everything that a message can have.
    let full = NewMessage {
        key: Some("user:42".into()),
        priority: 9,
        content: 2,
        headers: bytes::Bytes::from_static(b"{\"trace\":\"abc\"}"),
        ttl: Some(900_000_000),
        dedup_id: Some("order 7".into()),
        due: Due::At(LATER.wall + 500_000_000),
        ..message("{\"all\":1}")
    };
    rig.try_send(full).unwrap();
    rig.try_send(keyed("first of its key", "k")).unwrap();
    rig.try_send(keyed("second of its key", "k")).unwrap();
    let promoted = rig.try_send(NewMessage { due: Due::After(400_000_000), ..message("delayed") }).unwrap();
    rig.message(QUEUE, promoted, MessageAction::Reschedule { due: Due::At(LATER.wall + 600_000_000) }).unwrap();
    let removed = rig.send("removed");
    rig.message(QUEUE, removed, MessageAction::Remove).unwrap();
    let moved = rig.send("moved");
    rig.message(QUEUE, moved, MessageAction::Move { to: THIRD }).unwrap();
    rig.try_send(NewMessage { priority: 200, ..message("dies") }).unwrap();
    rig.work(0);
    for (expected, error) in [("dies", "first ü"), ("dies", "second"), ("was tried once", "an error")] {
        if expected == "was tried once" {
            rig.try_send(NewMessage { priority: 199, ..message(expected) }).unwrap();
        }
        rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency: 1 }]);
        let delivery = rig.next().unwrap();
        rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency: 0 }]);
        assert_eq!(text(&delivery), expected);
        rig.nack(&delivery, error);
        rig.pass(20);
    }
    rig.commands(vec![Command::CloseWorker { worker: WORKER, lost: false }]);
    let cron = Times::Cron { expression: "0 9 * * MON-FRI".into(), zone: Some("Europe/Berlin".into()) };
    for (name, times) in [("daily", cron), ("often", Times::Every(800_000_000)), ("ended", Times::Every(5_000))] {
        let schedule = Schedule { times, message: keyed("tick", "k2"), limit: Some(7), until: Some(2_000_000_000_000) };
        rig.action(THIRD, QueueAction::Schedule { name: name.into(), schedule: Box::new(schedule) }).unwrap();
    }
    rig.action(THIRD, QueueAction::Unschedule { name: "ended".into() }).unwrap();
    rig.action(THIRD, QueueAction::Pause).unwrap();
}
