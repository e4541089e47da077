//! Lanes with one frame each are sent together, where the kernel offers it; each one's result is its own.

use socketio_fanout::{Config, Event};

use crate::support::{CONFIG, Client, Engine, long};

#[test]
fn a_broadcast_takes_few_system_calls() {
    for io_uring in [true, false] {
        let engine = Engine::start(Config { writers: 1, io_uring, ..CONFIG });
        let mut clients: Vec<_> = (0..300).map(|index| engine.connect(index, &["room"])).collect();
        engine.settle(0);
        let before = engine.fanout.stats();
        engine.broadcast(&["room"], &[], "text");
        engine.fanout.wake();
        for client in &mut clients {
            assert_eq!(client.text(), "text");
        }
        engine.settle(0);
        let after = engine.fanout.stats();
        let (batched, calls) = (after.batched - before.batched, after.system_calls - before.system_calls);
        assert_eq!(after.frames - before.frames, 300);
        // Where io_uring is forbidden, none is batched.
        match batched {
            0 => assert_eq!(calls, 300),
            _ => assert!(io_uring && batched == 300 && calls < 10, "{batched} frames, {calls} calls"),
        }
    }
}

#[test]
fn a_lane_that_is_full_or_lost_is_so_alone() {
    let engine = Engine::start(Config { writers: 1, ..CONFIG });
    let mut clients: Vec<_> = (0..20).map(|index| engine.connect(index, &["room"])).collect();
    let mut full = engine.adopt(20, Client::unix().narrow(), &["room"]);
    engine.settle(0);
    clients.remove(7).reset();
    let large = long("large", 1 << 20);
    engine.broadcast(&["room"], &[], &large);
    engine.wait_for(Event::Parked(20));
    engine.wait_until("the lost one", |log| log.iter().any(|event| matches!(event, Event::Failed(7, _))));
    for client in &mut clients {
        assert_eq!(client.text(), large);
    }
    assert_eq!(full.text(), large);
    let log = engine.log();
    assert_eq!(log.iter().filter(|event| matches!(event, Event::Failed(..))).count(), 1, "{log:?}");
    engine.broadcast(&["room"], &[], "small");
    engine.fanout.wake();
    for client in clients.iter_mut().chain([&mut full]) {
        assert_eq!(client.text(), "small");
    }
}
