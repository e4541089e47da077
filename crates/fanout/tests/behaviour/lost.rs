//! A connection that breaks ends its own lane only.

use socketio_fanout::{Config, Event};

use crate::support::{CONFIG, Client, Engine, long, packet, tickets};

fn failed(log: &[Event], index: u32) -> Option<i32> {
    let errors = |event: &Event| match event {
        Event::Failed(of, error) if *of == index => Some(*error),
        _ => None,
    };
    log.iter().find_map(errors)
}

#[test]
fn a_reset_in_the_middle_of_a_frame_fails_that_lane_only() {
    let engine = Engine::start(Config { writers: 1, ..CONFIG });
    let broken = engine.adopt(0, Client::tcp().narrow(), &["room"]);
    let mut other = engine.connect(1, &["room"]);
    engine.send_ticket(0, packet(&long("large", 10 << 20)));
    engine.wait_for(Event::Parked(0));
    engine.broadcast(&["room"], &[], "before");
    broken.reset();
    engine.wait_until("a failure", |log| failed(log, 0).is_some());
    let error = failed(&engine.log(), 0).map(rustix::io::Errno::from_raw_os_error);
    assert!(matches!(error, Some(rustix::io::Errno::CONNRESET | rustix::io::Errno::PIPE)), "{error:?}");

    // What comes late is dropped, and no ticket of it is told.
    engine.broadcast(&["room"], &[], "after");
    engine.send_ticket(0, packet("late"));
    engine.fanout.fence(0);
    engine.settle(1);
    assert_eq!(other.texts(2), ["before", "after"]);
    let stats = engine.fanout.stats();
    assert_eq!((stats.lanes, stats.parked_lanes, stats.buffered_bytes), (2, 0, 0));
    engine.close(0);
    assert_eq!(tickets(&engine.log(), 0), 0);
    assert_eq!(engine.log().iter().filter(|event| matches!(event, Event::Failed(..))).count(), 1);
}

#[test]
fn a_write_to_a_connection_that_is_gone_fails_its_lane() {
    for client in [Client::tcp(), Client::unix()] {
        let engine = Engine::start(CONFIG);
        let client = engine.adopt(0, client, &[]);
        engine.settle(0);
        // The server's own descriptor goes with it: only the lane's is left.
        client.reset();
        engine.send(0, "is anybody there?");
        engine.wait_until("a failure", |log| failed(log, 0).is_some());
        engine.close(0);
    }
}
