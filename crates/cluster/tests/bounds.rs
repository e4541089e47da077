//! What waits is bounded, and attempts are spread.

use std::time::Duration;

use socketio_cluster::{Backoff, Outbox, Outgoing, Route};

fn message(number: usize) -> Outgoing {
    Outgoing { route: Route::Channel("c".into()), payload: number.to_string().into() }
}

#[test]
fn the_oldest_go_when_the_outbox_is_full() {
    let mut outbox = Outbox::new(3, 1000);
    assert_eq!((0..5).map(|number| outbox.push(message(number))).sum::<usize>(), 2);
    assert_eq!(outbox.take(10), [message(2), message(3), message(4)]);
    assert_eq!((outbox.len(), outbox.bytes()), (0, 0));
}

#[test]
fn bytes_count_too() {
    let mut outbox = Outbox::new(100, 10);
    let dropped: usize = (0..10).map(|number| outbox.push(message(number))).sum();
    assert_eq!((dropped, outbox.len(), outbox.bytes()), (5, 5, 10));
}

#[test]
fn waits_grow_to_a_limit_and_differ() {
    let mut backoff = Backoff::default();
    let longest: Vec<_> = (0..9).map(|_| backoff.next(0)).collect();
    assert_eq!(longest.first(), Some(&Duration::from_millis(100)));
    assert_eq!(longest.last(), Some(&Duration::from_secs(2)));
    assert!(longest.is_sorted());
    assert!(backoff.next(499) < Duration::from_millis(1100));
    backoff.reset();
    assert_eq!(backoff.next(0), Duration::from_millis(100));
}
