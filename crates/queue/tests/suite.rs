//! Every feature, over each store.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this test needs some of it")]
mod support;

use bytes::Bytes;
use socketio_queue::*;
use support::*;

/// Each of these functions is a test for each store.
macro_rules! over_each_store {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&|| Box::new(socketio_queue::MemoryStore::new())); })*
        }
        mod log {
            $(#[test] fn $name() { super::$name(&|| super::support::log::LogDisk::default().store()); })*
        }
        mod disk {
            $(#[test] fn $name() { super::$name(&super::support::disk::store); })*
        }
    };
}

over_each_store!(
    first_in_first_out_and_higher_priorities_first,
    a_key_is_in_order_one_at_a_time,
    a_retried_message_blocks_its_key_only,
    a_key_with_concurrency,
    delays_and_dates,
    expired_messages_go,
    dedup_within_the_window,
    a_stale_token_changes_nothing,
    retries_back_off_until_dead,
    dead_letters_keep_their_history_and_are_redriven,
    engine_leases_last_while_the_worker_does,
    explicit_leases_must_be_extended,
    a_hanging_handler_is_ended,
    closed_workers_give_back_in_order,
    concurrency_of_the_queue,
    rates_of_queue_and_key,
    batches_by_size_or_time,
    pause_and_resume,
    drain_tells_when_empty,
    purge_removes_what_nobody_holds,
    a_full_queue_rejects,
    a_full_queue_drops_the_oldest,
    a_full_queue_lets_sends_wait,
    look_and_list,
    one_message_at_a_time,
    move_to_another_queue,
    requests_are_answered,
    requests_time_out,
    schedules_repeat_without_overlap,
    cron_when_the_clock_is_set_back,
    a_clock_that_jumps_stops_nothing,
    events_tell_what_happened,
    bad_input_is_refused,
);

type Make<'a> = &'a dyn Fn() -> Box<dyn Store>;

fn rig(make: Make<'_>) -> Rig {
    let backoff = Backoff::Fixed { delay: 100, jitter: 0.0 };
    Rig::new(make(), QueueOptions { backoff, max_attempts: 3, ..QueueOptions::default() })
}

fn rig_with(make: Make<'_>, change: impl FnOnce(&mut QueueOptions)) -> Rig {
    let backoff = Backoff::Fixed { delay: 100, jitter: 0.0 };
    let mut options = QueueOptions { backoff, max_attempts: 3, ..QueueOptions::default() };
    change(&mut options);
    Rig::new(make(), options)
}

fn first_in_first_out_and_higher_priorities_first(make: Make<'_>) {
    let mut rig = rig(make);
    for (text, priority) in [("a", 0), ("b", 5), ("c", 0), ("d", 9), ("e", 5)] {
        rig.try_send(NewMessage { priority, ..message(text) }).unwrap();
    }
    rig.work(1);
    assert_eq!(rig.run_dry(), ["d", "b", "e", "a", "c"]);
    let stats = rig.stats(QUEUE);
    assert_eq!((stats.sent, stats.completed, stats.bytes, stats.ready, stats.active), (5, 5, 0, 0, 0));
}

fn a_key_is_in_order_one_at_a_time(make: Make<'_>) {
    let mut rig = rig(make);
    for (text, key) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a"), ("b2", "b")] {
        rig.try_send(keyed(text, key)).unwrap();
    }
    rig.work(10);
    let first = rig.next().unwrap();
    assert_eq!((text(&first), first.message.key()), ("a1".into(), Some("a")));
    assert_eq!(rig.texts(), ["b1"]);
    assert_eq!(rig.stats(QUEUE).blocked, 3);
    rig.settle(first.lease(), ack()).unwrap();
    assert_eq!(rig.texts(), ["a2"]);
}

fn a_retried_message_blocks_its_key_only(make: Make<'_>) {
    let mut rig = rig(make);
    for (text, key) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        rig.try_send(keyed(text, key)).unwrap();
    }
    rig.work(1);
    let first = rig.next().unwrap();
    rig.nack(&first, "no");
    let other = rig.next().unwrap();
    assert_eq!(text(&other), "b1");
    rig.settle(other.lease(), ack()).unwrap();
    assert!(rig.next().is_none());
    rig.pass(100);
    assert_eq!(rig.run_dry(), ["a1", "a2"]);
}

fn a_key_with_concurrency(make: Make<'_>) {
    let mut rig = rig_with(make, |options| options.key_concurrency = 2);
    for number in 0..5 {
        rig.try_send(keyed(&number.to_string(), "k")).unwrap();
    }
    rig.work(10);
    assert_eq!(rig.deliveries.len(), 2);
    assert_eq!(rig.run_dry().len(), 5);
    assert_eq!(rig.stats(QUEUE).keys, 0);
}

fn delays_and_dates(make: Make<'_>) {
    let mut rig = rig(make);
    let at = rig.now.wall + 50;
    rig.try_send(delayed("later", 100)).unwrap();
    rig.try_send(NewMessage { due: Due::At(at), ..message("date") }).unwrap();
    rig.try_send(NewMessage { due: Due::At(1), ..message("past") }).unwrap();
    rig.work(10);
    assert_eq!(rig.texts(), ["past"]);
    assert_eq!(rig.stats(QUEUE).delayed, 2);
    rig.pass(49);
    assert!(rig.next().is_none());
    rig.pass(1);
    assert_eq!(rig.texts(), ["date"]);
    rig.pass(50);
    assert_eq!(rig.texts(), ["later"]);
}

fn expired_messages_go(make: Make<'_>) {
    let mut rig = rig_with(make, |options| {
        options.dead_letter = Some("mail.dead".into());
        options.dead_letter_expired = true;
    });
    rig.try_send(NewMessage { ttl: Some(10), ..message("short") }).unwrap();
    rig.try_send(NewMessage { ttl: Some(1_000), ..message("long") }).unwrap();
    rig.pass(10);
    assert_eq!((rig.stats(QUEUE).expired, rig.stats(OTHER).ready), (1, 1));
    // One that is held does not expire, and neither does it after a failure.
    rig.work(1);
    let held = rig.next().unwrap();
    rig.pass(1_000);
    rig.nack(&held, "no");
    rig.pass(100);
    assert_eq!(rig.texts(), ["long"]);
}

fn dedup_within_the_window(make: Make<'_>) {
    let mut rig = rig_with(make, |options| options.dedup_window = 100);
    let once = |text: &str| NewMessage { dedup_id: Some("x".into()), ..message(text) };
    let first = rig.try_send(once("a")).unwrap();
    rig.work(1);
    assert_eq!(rig.run_dry(), ["a"]);
    assert_eq!(rig.try_send(once("b")).unwrap(), first);
    rig.pass(100);
    assert_ne!(rig.try_send(once("c")).unwrap(), first);
    assert_eq!(rig.run_dry(), ["c"]);
    assert_eq!(rig.stats(QUEUE).duplicates, 1);
}

fn a_stale_token_changes_nothing(make: Make<'_>) {
    let mut rig = rig(make);
    rig.send("a");
    rig.work(1);
    let first = rig.next().unwrap();
    rig.settle(first.lease(), Settle::Release).unwrap();
    let second = rig.next().unwrap();
    assert_eq!(second.attempt, 1);
    for outcome in [ack(), Settle::Release, Settle::Nack { error: "".into(), delay: None, dead: true }] {
        assert_eq!(rig.settle(first.lease(), outcome).unwrap_err().code(), "QUEUE_LEASE_ENDED");
    }
    rig.settle(second.lease(), ack()).unwrap();
    assert_eq!(rig.settle(second.lease(), ack()).unwrap_err().code(), "QUEUE_LEASE_ENDED");
    assert_eq!(rig.stats(QUEUE).completed, 1);
}

fn retries_back_off_until_dead(make: Make<'_>) {
    let mut rig = rig_with(make, |options| {
        options.backoff = Backoff::Exponential { delay: 10, max: 15, jitter: 0.0 };
        options.max_attempts = 4;
    });
    rig.send("a");
    rig.work(1);
    for (attempt, wait) in [(1, 10), (2, 15), (3, 15)] {
        let delivery = rig.next().unwrap();
        assert_eq!(delivery.attempt, attempt);
        rig.nack(&delivery, "no");
        rig.pass(wait - 1);
        assert!(rig.next().is_none());
        rig.pass(1);
    }
    let last = rig.next().unwrap();
    rig.nack(&last, "no");
    rig.pass(100_000);
    assert!(rig.next().is_none());
    let stats = rig.stats(QUEUE);
    assert_eq!((stats.failed, stats.retried, stats.dead, stats.ready + stats.delayed), (4, 3, 1, 0));
    // A delay that is given takes the backoff's place, and `dead` ends it at once.
    rig.send("b");
    let delivery = rig.next().unwrap();
    rig.settle(delivery.lease(), Settle::Nack { error: "x".into(), delay: Some(3), dead: false }).unwrap();
    rig.pass(3);
    let delivery = rig.next().unwrap();
    rig.settle(delivery.lease(), Settle::Nack { error: "x".into(), delay: None, dead: true }).unwrap();
    assert_eq!(rig.stats(QUEUE).dead, 2);
}

fn dead_letters_keep_their_history_and_are_redriven(make: Make<'_>) {
    let mut rig = rig_with(make, |options| options.dead_letter = Some("mail.dead".into()));
    let id = rig.try_send(NewMessage { headers: Bytes::from_static(b"h"), ..keyed("a", "k") }).unwrap();
    rig.work(1);
    for error in ["one", "two", "three"] {
        let delivery = rig.next().unwrap();
        rig.nack(&delivery, error);
        rig.pass(100);
    }
    let Outcome::Message(info) = rig.message(OTHER, id, MessageAction::Get).unwrap() else { panic!() };
    assert_eq!(info.history.iter().map(|attempt| &*attempt.error).collect::<Vec<_>>(), ["one", "two", "three"]);
    assert_eq!((info.message.origin.as_deref(), info.attempts, info.state), (Some("mail"), 0, State::Ready));
    assert_eq!((info.message.payload(), info.message.headers(), info.message.key()), (&b"a"[..], &b"h"[..], Some("k")));
    assert!(matches!(rig.action(OTHER, QueueAction::Redrive { limit: 10 }), Ok(Outcome::Count(1))));
    let delivery = rig.next().unwrap();
    assert_eq!((delivery.message.id, delivery.attempt), (id, 1));
    let Outcome::Message(info) = rig.message(QUEUE, id, MessageAction::Get).unwrap() else { panic!() };
    assert_eq!(info.history, []);
}

fn engine_leases_last_while_the_worker_does(make: Make<'_>) {
    let mut rig = rig(make);
    rig.send("a");
    rig.work(1);
    let delivery = rig.next().unwrap();
    rig.pass(3_600_000);
    assert!(rig.next().is_none());
    rig.commands(vec![Command::CloseWorker { worker: WORKER, lost: true }]);
    assert!(matches!(rig.others.pop(), Some(Effect::WorkerClosed { worker: WORKER })));
    rig.work(1);
    rig.pass(29_999);
    assert!(rig.next().is_none());
    rig.pass(1);
    let again = rig.next().unwrap();
    assert_eq!(again.attempt, 2);
    assert_eq!(rig.settle(delivery.lease(), ack()).unwrap_err().code(), "QUEUE_LEASE_ENDED");
    rig.settle(again.lease(), ack()).unwrap();
}

fn explicit_leases_must_be_extended(make: Make<'_>) {
    let mut rig = rig(make);
    rig.send("a");
    rig.consume(WorkerOptions { renewal: Renewal::Explicit, visibility_timeout: 100, ..WorkerOptions::default() });
    let lease = rig.next().unwrap().lease();
    rig.pass(99);
    rig.ask(|ticket| Command::Extend { ticket: Some(ticket), lease, millis: 100 }).unwrap();
    rig.pass(99);
    assert!(rig.next().is_none());
    rig.pass(1);
    assert_eq!(rig.next().unwrap().attempt, 2);
    assert!(
        matches!(rig.others[..], [Effect::LeaseEnded { reason: LeaseEnd::Expired, lease: ended, .. }] if ended == lease)
    );
    let late = rig.ask(|ticket| Command::Extend { ticket: Some(ticket), lease, millis: 100 });
    assert_eq!(late.unwrap_err().code(), "QUEUE_LEASE_ENDED");
}

fn a_hanging_handler_is_ended(make: Make<'_>) {
    let mut rig = rig(make);
    rig.send("a");
    rig.consume(WorkerOptions { max_run_time: Some(50), ..WorkerOptions::default() });
    let lease = rig.next().unwrap().lease();
    rig.pass(50);
    assert!(matches!(rig.others[..], [Effect::LeaseEnded { reason: LeaseEnd::RunTime, .. }]));
    assert_eq!(rig.settle(lease, ack()).unwrap_err().code(), "QUEUE_LEASE_ENDED");
    rig.pass(100);
    assert_eq!(rig.next().unwrap().attempt, 2);
}

fn closed_workers_give_back_in_order(make: Make<'_>) {
    let mut rig = rig(make);
    for text in ["a", "b", "c", "d"] {
        rig.send(text);
    }
    rig.work(3);
    assert_eq!(rig.texts(), ["a", "b", "c"]);
    rig.commands(vec![Command::CloseWorker { worker: WORKER, lost: false }]);
    rig.work(1);
    let first = rig.next().unwrap();
    assert_eq!((text(&first), first.attempt), ("a".into(), 1));
    rig.settle(first.lease(), ack()).unwrap();
    assert_eq!(rig.run_dry(), ["b", "c", "d"]);
}

fn concurrency_of_the_queue(make: Make<'_>) {
    let mut rig = rig_with(make, |options| options.concurrency = Some(2));
    for number in 0..4 {
        rig.send(&number.to_string());
    }
    rig.work(10);
    assert_eq!(rig.deliveries.len(), 2);
    assert_eq!(rig.run_dry(), ["0", "1", "2", "3"]);
}

fn rates_of_queue_and_key(make: Make<'_>) {
    let mut rig = rig_with(make, |options| {
        options.rate = Some(Rate { max: 3, per: 640 });
        options.key_rate = Some(Rate { max: 1, per: 640 });
        options.key_concurrency = 10;
    });
    for text in ["a1", "a2", "b1", "c1", "d1"] {
        rig.try_send(keyed(text, &text[..1])).unwrap();
    }
    rig.work(10);
    assert_eq!(rig.run_dry(), ["a1", "b1", "c1"]);
    rig.pass(639);
    assert!(rig.next().is_none());
    rig.pass(11);
    assert_eq!(rig.run_dry(), ["a2", "d1"]);
    rig.pass(1_000);
    assert_eq!(rig.stats(QUEUE).keys, 0);
}

fn batches_by_size_or_time(make: Make<'_>) {
    let mut rig = rig(make);
    let batch = Some(Batch { size: 3, wait: 50 });
    rig.consume(WorkerOptions { concurrency: 6, batch, ..WorkerOptions::default() });
    rig.send("a");
    rig.send("b");
    assert_eq!(rig.batches, []);
    rig.send("c");
    assert_eq!(rig.batches, [3]);
    rig.send("d");
    rig.pass(49);
    assert_eq!(rig.batches, [3]);
    rig.pass(1);
    assert_eq!(rig.batches, [3, 1]);
    assert_eq!(rig.run_dry(), ["a", "b", "c", "d"]);
}

fn pause_and_resume(make: Make<'_>) {
    let mut rig = rig(make);
    rig.action(QUEUE, QueueAction::Pause).unwrap();
    rig.send("a");
    rig.work(1);
    assert!(rig.next().is_none());
    assert!(rig.stats(QUEUE).paused);
    rig.action(QUEUE, QueueAction::Resume).unwrap();
    assert_eq!(rig.run_dry(), ["a"]);
}

fn drain_tells_when_empty(make: Make<'_>) {
    let mut rig = rig(make);
    rig.send("a");
    let drain = |ticket| Command::Queue { ticket, queue: QUEUE, action: QueueAction::Drain };
    assert!(rig.round(drain).is_none());
    rig.work(1);
    assert_eq!(rig.run_dry(), ["a"]);
    assert!(matches!(rig.answers[..], [(_, Ok(Outcome::Done))]));
    assert!(matches!(rig.round(drain), Some(Ok(Outcome::Done))));
}

fn purge_removes_what_nobody_holds(make: Make<'_>) {
    let mut rig = rig(make);
    rig.work(1);
    for number in 0..2_500 {
        rig.try_send(NewMessage { due: if number % 2 == 0 { Due::Now } else { Due::After(9) }, ..keyed("x", "k") })
            .unwrap();
    }
    assert!(matches!(rig.action(QUEUE, QueueAction::Purge), Ok(Outcome::Count(2_499))));
    let stats = rig.stats(QUEUE);
    assert_eq!((stats.active, stats.ready, stats.delayed, stats.blocked), (1, 0, 0, 0));
    rig.send("after");
    assert_eq!(rig.run_dry(), ["x", "after"]);
}

fn a_full_queue_rejects(make: Make<'_>) {
    let mut rig = rig_with(make, |options| options.max_length = Some(2));
    rig.send("a");
    rig.send("b");
    assert_eq!(rig.try_send(message("c")).unwrap_err().code(), "QUEUE_FULL");
    rig.work(1);
    // What is held counts.
    assert_eq!(rig.try_send(message("c")).unwrap_err().code(), "QUEUE_FULL");
    assert_eq!(rig.run_dry(), ["a", "b"]);
    rig.send("c");
    assert_eq!(rig.stats(QUEUE).rejected, 2);
    let mut rig = rig_with(make, |options| options.max_bytes = Some(100));
    assert_eq!(rig.try_send(message(&"x".repeat(101))).unwrap_err().code(), "QUEUE_MESSAGE_TOO_LARGE");
    rig.send(&"x".repeat(60));
    assert_eq!(rig.try_send(message(&"x".repeat(60))).unwrap_err().code(), "QUEUE_FULL");
}

fn a_full_queue_drops_the_oldest(make: Make<'_>) {
    let mut rig = rig_with(make, |options| {
        options.max_length = Some(3);
        options.overflow = Overflow::DropOldest;
    });
    rig.try_send(keyed("a", "k")).unwrap();
    rig.work(1);
    for text in ["b", "c", "d", "e"] {
        rig.try_send(keyed(text, "k")).unwrap();
    }
    assert_eq!(rig.stats(QUEUE).dropped, 2);
    let held = rig.next().unwrap();
    rig.settle(held.lease(), Settle::Release).unwrap();
    rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency: 0 }]);
    let held = rig.next().unwrap();
    rig.settle(held.lease(), Settle::Release).unwrap();
    // "a" waits again, and is the oldest.
    rig.send("f");
    rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency: 1 }]);
    assert_eq!(rig.run_dry(), ["d", "f", "e"]);
}

fn a_full_queue_lets_sends_wait(make: Make<'_>) {
    let mut rig = rig_with(make, |options| {
        options.max_length = Some(1);
        options.overflow = Overflow::Wait;
    });
    rig.send("a");
    let send = |text: &'static str| move |ticket| Command::Send { ticket, queue: QUEUE, message: message(text) };
    assert!(rig.round(send("b")).is_none());
    let batch = vec![message("c"), message("d")];
    assert!(rig.round(|ticket| Command::SendBatch { ticket, queue: QUEUE, messages: batch }).is_none());
    assert_eq!(rig.stats(QUEUE).waiting_sends, 3);
    rig.work(1);
    assert_eq!(rig.run_dry(), ["a", "b", "c", "d"]);
    assert!(matches!(rig.answers[0].1, Ok(Outcome::Sent(_))));
    assert!(
        matches!(&rig.answers[1].1, Ok(Outcome::SentBatch(results)) if results.len() == 2 && results.iter().all(Result::is_ok))
    );
    // Those that wait when the engine closes are told.
    rig.send("e");
    assert!(rig.round(send("f")).is_none());
    let mut out = Effects::default();
    rig.machine.close(&Error::Closed, rig.now, &mut *rig.store, &mut out).unwrap();
    assert!(out.durable.iter().any(|effect| matches!(effect, Effect::Done { result: Err(Error::Closed), .. })));
}

fn look_and_list(make: Make<'_>) {
    let mut rig = rig(make);
    for number in 0..5 {
        rig.send(&number.to_string());
    }
    rig.try_send(delayed("late", 10)).unwrap();
    rig.work(1);
    let Ok(Outcome::Page { messages, .. }) = rig.action(QUEUE, QueueAction::Peek { limit: 2 }) else { panic!() };
    assert_eq!(messages.iter().map(|info| info.message.payload()).collect::<Vec<_>>(), [b"1", b"2"]);
    let (mut seen, mut cursor) = (Vec::new(), Some(0));
    while let Some(from) = cursor {
        let list = QueueAction::List { state: Some(State::Ready), cursor: from, limit: 3 };
        let Ok(Outcome::Page { messages, next }) = rig.action(QUEUE, list) else { panic!() };
        seen.extend(messages.into_iter().map(|info| info.message.payload().to_vec()));
        cursor = next;
    }
    assert_eq!(seen, [b"1", b"2", b"3", b"4"]);
}

fn one_message_at_a_time(make: Make<'_>) {
    let mut rig = rig(make);
    let held = rig.send("held");
    let ready = rig.send("ready");
    let late = rig.try_send(delayed("late", 1_000)).unwrap();
    rig.work(1);
    assert_eq!(rig.message(QUEUE, held, MessageAction::Remove).unwrap_err().code(), "QUEUE_MESSAGE_HELD");
    rig.message(QUEUE, ready, MessageAction::Remove).unwrap();
    assert_eq!(rig.message(QUEUE, ready, MessageAction::Get).unwrap_err().code(), "QUEUE_MESSAGE_NOT_FOUND");
    rig.message(QUEUE, late, MessageAction::Promote).unwrap();
    assert_eq!(rig.run_dry(), ["held", "late"]);
    let again = rig.try_send(delayed("again", 5)).unwrap();
    rig.message(QUEUE, again, MessageAction::Reschedule { due: Due::After(50) }).unwrap();
    rig.pass(49);
    assert!(rig.next().is_none());
    rig.pass(1);
    assert_eq!(rig.run_dry(), ["again"]);
}

fn move_to_another_queue(make: Make<'_>) {
    let mut rig = rig(make);
    for text in ["a", "b", "c"] {
        rig.try_send(keyed(text, "k")).unwrap();
    }
    rig.try_send(delayed("late", 100)).unwrap();
    assert!(matches!(rig.action(QUEUE, QueueAction::Move { to: OTHER, limit: 2 }), Ok(Outcome::Count(2))));
    assert!(matches!(rig.action(QUEUE, QueueAction::Move { to: OTHER, limit: 9 }), Ok(Outcome::Count(2))));
    assert!(rig.action(QUEUE, QueueAction::Move { to: QUEUE, limit: 9 }).is_err());
    let options = WorkerOptions { concurrency: 9, ..WorkerOptions::default() };
    rig.ask(|ticket| Command::Consume { ticket, worker: WORKER, queue: OTHER, options }).unwrap();
    assert_eq!(rig.run_dry(), ["a", "b", "c"]);
    rig.pass(100);
    assert_eq!(rig.run_dry(), ["late"]);
}

fn ask(rig: &mut Rig, text: &str, timeout: u64, cancel: bool) -> MessageId {
    let (message, request) = (message(text), Request { timeout, cancel });
    match rig.ask(|ticket| Command::Request { ticket, queue: QUEUE, message, request }) {
        Ok(Outcome::Sent(receipt)) => receipt.id,
        other => panic!("{other:?}"),
    }
}

fn requests_are_answered(make: Make<'_>) {
    let mut rig = rig(make);
    let id = ask(&mut rig, "question", 100, false);
    rig.work(1);
    let lease = rig.next().unwrap().lease();
    rig.commands(vec![Command::Progress { lease, data: Bytes::from_static(b"half") }]);
    assert!(matches!(&rig.others[..], [Effect::Progress { data, .. }] if data == "half"));
    rig.settle(lease, Settle::Ack { result: Bytes::from_static(b"answer") }).unwrap();
    assert!(matches!(&rig.replies[..], [(_, Ok(answer))] if answer == "answer"));
    rig.pass(1_000);
    assert_eq!(rig.replies.len(), 1);
    // A message that dies, or is removed, fails its request.
    let dying = ask(&mut rig, "dies", 100, false);
    assert_ne!(id, dying);
    let lease = rig.next().unwrap().lease();
    rig.settle(lease, Settle::Nack { error: "no answer".into(), delay: None, dead: true }).unwrap();
    assert!(matches!(&rig.replies[1].1, Err(Error::RequestFailed { detail, .. }) if &**detail == "no answer"));
}

fn requests_time_out(make: Make<'_>) {
    let mut rig = rig(make);
    ask(&mut rig, "keep", 10, false);
    ask(&mut rig, "cancel", 10, true);
    rig.pass(10);
    assert_eq!(rig.replies.len(), 2);
    assert!(
        rig.replies
            .iter()
            .all(|(_, result)| result.as_ref().is_err_and(|error| error.code() == "QUEUE_REQUEST_TIMEOUT"))
    );
    rig.work(1);
    assert_eq!(rig.run_dry(), ["keep"]);
    assert_eq!(rig.replies.len(), 2);
}

fn every(millis: u64, text: &str) -> QueueAction {
    let schedule = Schedule { times: Times::Every(millis), message: message(text), limit: None, until: None };
    QueueAction::Schedule { name: "tick".into(), schedule: Box::new(schedule) }
}

fn schedules(rig: &mut Rig) -> ScheduleInfo {
    match rig.action(QUEUE, QueueAction::Schedules) {
        Ok(Outcome::Schedules(mut list)) => list.remove(0),
        other => panic!("{other:?}"),
    }
}

fn schedules_repeat_without_overlap(make: Make<'_>) {
    let mut rig = rig(make);
    rig.action(QUEUE, every(100, "x")).unwrap();
    rig.work(1);
    rig.pass(99);
    assert!(rig.next().is_none());
    rig.pass(1);
    let held = rig.next().unwrap();
    assert_eq!(held.message.schedule.as_deref(), Some("tick"));
    rig.pass(100);
    rig.pass(1_050);
    assert!(rig.next().is_none());
    rig.settle(held.lease(), ack()).unwrap();
    rig.pass(49);
    assert!(rig.next().is_none());
    rig.pass(1);
    assert_eq!(rig.run_dry(), ["x"]);
    let info = schedules(&mut rig);
    assert_eq!((info.sent, info.skipped, info.next), (2, 2, Some(rig.now.wall + 100)));
    assert!(matches!(rig.action(QUEUE, QueueAction::Unschedule { name: "tick".into() }), Ok(Outcome::Count(1))));
    rig.pass(1_000);
    assert!(rig.next().is_none());
}

fn cron_when_the_clock_is_set_back(make: Make<'_>) {
    let mut rig = rig(make);
    let cron = |expression: &str| Times::Cron { expression: expression.into(), zone: None };
    let schedule = |times| Box::new(Schedule { times, message: message("x"), limit: None, until: None });
    rig.action(QUEUE, QueueAction::Schedule { name: "minute".into(), schedule: schedule(cron("* * * * *")) }).unwrap();
    rig.work(1);
    rig.pass(60_000);
    assert_eq!(rig.run_dry(), ["x"]);
    rig.now.wall -= 3_600_000;
    rig.pass(0);
    assert!(rig.next().is_none());
    rig.pass(60_000);
    assert_eq!(rig.run_dry(), ["x"]);
    rig.action(QUEUE, QueueAction::Unschedule { name: "minute".into() }).unwrap();
    // One that is rare does not have the same time twice.
    let day = 86_400_000;
    rig.action(QUEUE, QueueAction::Schedule { name: "day".into(), schedule: schedule(cron("0 0 * * *")) }).unwrap();
    rig.pass(day - rig.now.wall % day);
    assert_eq!(rig.run_dry(), ["x"]);
    rig.now.wall -= 3_600_000;
    rig.pass(0);
    rig.pass(3_600_000);
    assert!(rig.next().is_none());
    rig.pass(day);
    assert_eq!(rig.run_dry(), ["x"]);
}

fn a_clock_that_jumps_stops_nothing(make: Make<'_>) {
    for jump in [-3_600_000_i64, 3_600_000] {
        let mut rig = rig(make);
        rig.try_send(delayed("delayed", 100)).unwrap();
        rig.action(QUEUE, every(200, "tick")).unwrap();
        rig.send("failed");
        rig.consume(WorkerOptions { renewal: Renewal::Explicit, visibility_timeout: 500, ..WorkerOptions::default() });
        let held = rig.next().unwrap();
        rig.now.wall = rig.now.wall.checked_add_signed(jump).unwrap();
        rig.pass(0);
        // The lease goes on.
        assert!(rig.others.is_empty());
        rig.nack(&held, "no");
        rig.pass(99);
        assert!(rig.next().is_none());
        rig.pass(1);
        let mut texts = rig.run_dry();
        texts.sort();
        assert_eq!(texts, ["delayed", "failed"]);
        rig.pass(100);
        assert_eq!(rig.run_dry(), ["tick"]);
        let (first, second) = (rig.send("a"), rig.send("b"));
        assert!(first < second);
        assert_eq!(rig.run_dry(), ["a", "b"]);
    }
}

fn events_tell_what_happened(make: Make<'_>) {
    let mut rig = rig(make);
    rig.subscribe();
    let id = rig.send("a");
    rig.work(1);
    let delivery = rig.next().unwrap();
    rig.nack(&delivery, "no");
    rig.pass(100);
    rig.run_dry();
    let kinds: Vec<_> = rig.events.drain(..).map(|event| event.kind).collect();
    let retried = EventKind::Retried { attempt: 1, error: "no".into(), delay: 100 };
    let expected = [
        EventKind::Sent,
        EventKind::Delivered(1),
        retried,
        EventKind::Delivered(2),
        EventKind::Completed(Bytes::new()),
        EventKind::Drained,
    ];
    assert_eq!(kinds, expected);
    rig.commands(vec![Command::Subscribe { queue: QUEUE, events: EventMask::of(&EventKind::Sent) }]);
    let second = rig.send("b");
    assert!(second > id);
    assert_eq!(rig.events.len(), 1);
}

fn bad_input_is_refused(make: Make<'_>) {
    let mut rig = rig(make);
    assert_eq!(rig.declare(QueueRef(9), "no name", None).unwrap_err().code(), "QUEUE_NAME_INVALID");
    let unknown = rig.ask(|ticket| Command::Send { ticket, queue: QueueRef(9), message: message("x") });
    assert_eq!(unknown.unwrap_err().code(), "QUEUE_NOT_FOUND");
    for options in [
        QueueOptions { max_attempts: 0, ..QueueOptions::default() },
        QueueOptions { key_concurrency: 0, ..QueueOptions::default() },
        QueueOptions { rate: Some(Rate { max: 0, per: 1 }), ..QueueOptions::default() },
        QueueOptions { backoff: Backoff::Fixed { delay: 1, jitter: f64::NAN }, ..QueueOptions::default() },
    ] {
        assert_eq!(rig.declare(QUEUE, "mail", Some(options)).unwrap_err().code(), "QUEUE_OPTION_INVALID");
    }
    rig.declare(QUEUE, "mail", Some(QueueOptions { max_message_bytes: 4, ..QueueOptions::default() })).unwrap();
    assert_eq!(rig.try_send(message("12345")).unwrap_err().code(), "QUEUE_MESSAGE_TOO_LARGE");
    for key in ["", &"k".repeat(1_025)] {
        assert_eq!(rig.try_send(keyed("x", key)).unwrap_err().code(), "QUEUE_OPTION_INVALID");
    }
    let far = [Due::After(u64::MAX), Due::At(u64::MAX)];
    for due in far {
        rig.try_send(NewMessage { due, ttl: Some(u64::MAX), ..message("x") }).unwrap();
    }
    let lease = Lease { id: MessageId(1), token: Token(1) };
    assert_eq!(rig.settle(lease, ack()).unwrap_err().code(), "QUEUE_LEASE_ENDED");
    rig.commands(vec![Command::CloseWorker { worker: WorkerId(77), lost: true }]);
    rig.pass(u64::from(u32::MAX));
    assert_eq!(rig.stats(QUEUE).delayed, 2);
}
