//! Waiting for everything to be written has a bound.

use std::time::{Duration, Instant};

use socketio_fanout::Event;

use crate::support::{CONFIG, Client, Engine, PATIENCE, frame, long};

#[test]
fn a_flush_ends_when_everything_is_written() {
    let engine = Engine::start(CONFIG);
    let mut clients: Vec<_> = (0..10).map(|index| engine.connect(index, &["room"])).collect();
    engine.broadcast(&["room"], &[], "flushed");
    // No wake: a flush needs none.
    assert!(engine.fanout.flush(PATIENCE));
    for client in &mut clients {
        client.read_now();
        assert_eq!(client.received, frame("flushed").len());
    }
}

#[test]
fn a_flush_waits_for_a_client_that_reads_late() {
    let engine = Engine::start(CONFIG);
    let mut slow = engine.adopt(0, Client::unix().narrow(), &[]);
    engine.send(0, &long("large", 1 << 20));
    engine.wait_for(Event::Parked(0));
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| engine.fanout.flush(PATIENCE));
        slow.text();
        assert!(flush.join().unwrap());
    });
    assert_eq!(engine.fanout.stats().buffered_bytes, 0);
}

#[test]
fn a_flush_says_when_a_client_never_reads() {
    let engine = Engine::start(CONFIG);
    let _slow = engine.adopt(0, Client::unix().narrow(), &[]);
    let mut other = engine.connect(1, &[]);
    engine.send(0, &long("large", 1 << 20));
    engine.send(1, "other");
    let start = Instant::now();
    assert!(!engine.fanout.flush(Duration::from_millis(100)));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(100) && took < PATIENCE, "{took:?}");
    assert_eq!(other.text(), "other");
    // A lane that is closed is waited for no longer.
    engine.fanout.close(0);
    assert!(engine.fanout.flush(PATIENCE));
}

#[test]
fn a_flush_of_a_stopped_engine_returns() {
    let engine = Engine::start(CONFIG);
    engine.stop();
    let start = Instant::now();
    engine.fanout.flush(Duration::from_millis(10));
    assert!(start.elapsed() < PATIENCE);
}
