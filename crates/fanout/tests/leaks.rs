//! After its end the engine holds no thread and no descriptor. Alone in its process, which it counts them in.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

/// Everything is written by the writers' threads.
const INLINE: usize = 0;

#[expect(dead_code, reason = "this test needs some of it")]
mod support;

use std::time::Instant;

use socketio_fanout::{Config, Event};
use support::{CONFIG, Client, Engine, PATIENCE, long};

/// How many descriptors and threads this process has.
fn held() -> [usize; 2] {
    ["/proc/self/fd", "/proc/self/task"].map(|list| std::fs::read_dir(list).unwrap().count())
}

/// Lanes that are idle, parked, lost, closed, and opened anew; what is returned are the clients.
fn use_engine(engine: &Engine) -> Vec<Client> {
    let mut clients: Vec<_> = (0..100).map(|index| engine.connect(index, &["room"])).collect();
    for index in 100..110 {
        clients.push(engine.adopt(index, Client::unix().narrow(), &["room"]));
        engine.send(index, &long("large", 1 << 20));
    }
    engine.broadcast(&["room"], &[], "text");
    for index in 100..110 {
        engine.wait_for(Event::Parked(index));
    }
    for index in (0..110).step_by(5) {
        engine.close(index);
        clients[index as usize] = engine.connect(index, &["room"]);
    }
    clients.drain(50..60).for_each(Client::reset);
    engine.broadcast(&["room"], &[], "text");
    engine.wait_until("lost connections", |log| {
        log.iter().filter(|event| matches!(event, Event::Failed(..))).count() == 10
    });
    clients
}

#[test]
fn no_thread_and_no_descriptor_is_left() {
    let before = held();
    for _ in 0..3 {
        let engine = Engine::start(Config { writers: 3, ..CONFIG });
        let clients = use_engine(&engine);
        engine.stop();
        drop(clients);
        // The engine itself is still there.
        wait_for(before);
    }

    // Dropping it does the same, without waiting for the end.
    let engine = Engine::start(CONFIG);
    let clients = use_engine(&engine);
    drop((engine, clients));
    wait_for(before);
}

/// A thread that was joined is listed until the system has buried it.
fn wait_for(before: [usize; 2]) {
    let deadline = Instant::now() + PATIENCE;
    while held() != before {
        assert!(Instant::now() < deadline, "{:?}, before {before:?}", held());
        std::thread::yield_now();
    }
}
