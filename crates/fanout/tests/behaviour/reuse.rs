//! An index that is given to another connection, or a descriptor's number that the system gives to another file, gets no
//! stray byte.

use socketio_fanout::Event;

use crate::support::{CONFIG, Client, Engine, long, packet};

#[test]
fn a_broadcast_that_was_taken_before_does_not_reach_the_next_connection_of_an_index() {
    // Rooms of one and of several take different ways.
    for size in [1, 3] {
        let engine = Engine::start(CONFIG);
        let _others: Vec<_> = (1..size).map(|index| engine.connect(index, &["room"])).collect();
        let mut old = engine.connect(0, &["room"]);
        let epoch = engine.fanout.epoch();
        let target = engine.namespace.target(&[engine.room("room")], &[]);
        engine.broadcast(&["room"], &[], "queued before");
        engine.fanout.close(0);
        let mut new = engine.connect(0, &[]);
        // Another thread took its target before, and hands over only now.
        engine.fanout.broadcast(target, packet("taken before"), false, 0, epoch);
        engine.broadcast(&["room"], &[], "for the new one");
        engine.send(0, "for the new one, too");
        engine.fanout.wake();
        assert_eq!(new.texts(2), ["for the new one", "for the new one, too"]);
        assert_eq!(old.rest(), ["queued before"]);
    }
}

#[test]
fn what_waits_for_a_client_does_not_reach_the_next_connection_of_its_index() {
    let engine = Engine::start(CONFIG);
    let mut old = engine.adopt(0, Client::unix().narrow(), &[]);
    engine.send_ticket(0, packet(&long("large", 1 << 20)));
    engine.send_ticket(0, packet("waits"));
    engine.wait_for(Event::Parked(0));
    let before = engine.log().len();
    engine.fanout.close(0);
    let mut new = engine.connect(0, &[]);
    // The old one becomes writable while the new one has its place.
    old.read_now();
    engine.settle(0);
    engine.send(0, "new");
    engine.fanout.wake();
    assert_eq!(new.text(), "new");
    let news = engine.log()[before..].to_vec();
    assert_eq!(news, [Event::Closed(0), Event::Written(0, 1)], "only the fence is told, not the old one's tickets");
}

#[test]
fn a_lane_keeps_to_its_connection_when_the_descriptor_number_is_reused() {
    let engine = Engine::start(CONFIG);
    let mut old = engine.connect(0, &[]);
    engine.settle(0);
    // The system gives the lowest free number: the next pair takes the number of the one that is dropped here.
    old.server = None;
    let mut strangers: Vec<_> = (0..10).map(|_| Client::unix()).collect();
    for _ in 0..100 {
        engine.send(0, "for the old one");
    }
    engine.settle(0);
    assert_eq!(old.texts(100), vec!["for the old one"; 100]);
    for stranger in &mut strangers {
        stranger.read_now();
        assert_eq!(stranger.received, 0);
    }
}
