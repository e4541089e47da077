//! What was handed over before the end of a lane, or of the engine, is written before it.

use std::os::fd::AsFd;

use socketio_fanout::{Config, Event, Form};

use crate::support::{CONFIG, Client, Engine, TCP_TAKES, long, packet, tickets};

fn is_about(event: Event, index: u32) -> bool {
    let (Event::Written(of, _)
    | Event::Failed(of, _)
    | Event::Parked(of)
    | Event::Resumed(of)
    | Event::Slow(of)
    | Event::Closed(of)) = event
    else {
        return false;
    };
    of == index
}

#[test]
fn what_was_given_before_arrives_and_then_the_peer_sees_the_end() {
    // The last is more than one turn writes.
    for (client, size) in [(Client::unix(), 100), (Client::tcp(), 100), (Client::tcp(), TCP_TAKES / 60)] {
        let engine = Engine::start(CONFIG);
        let mut client = engine.adopt(0, client, &["room"]);
        let texts: Vec<_> = (0..50).map(|number| long(&number.to_string(), size)).collect();
        for text in &texts {
            engine.broadcast(&["room"], &[], text);
        }
        engine.close(0);
        assert_eq!(client.rest(), texts, "of {size} bytes each");
        assert_eq!(engine.fanout.stats().lanes, 0);
    }
}

#[test]
fn the_end_of_a_parked_lane_lets_its_descriptor_go() {
    let engine = Engine::start(CONFIG);
    let mut client = engine.adopt(0, Client::unix().narrow(), &[]);
    engine.send(0, &long("large", 1 << 20));
    engine.wait_for(Event::Parked(0));
    engine.close(0);
    let stats = engine.fanout.stats();
    assert_eq!((stats.lanes, stats.parked_lanes, stats.buffered_bytes), (0, 0, 0));
    client.server = None;
    assert!(client.next().is_none(), "the frame is torn, and the stream ends");
    assert!(client.received > 0);
}

#[test]
fn closed_is_the_last_event_of_a_lane() {
    let engine = Engine::start(Config { writers: 1, max_buffered_bytes: 1000, ..CONFIG });
    let _other = engine.connect(9, &[]);
    let (large, small) = (long("large", 1 << 20), "small");
    for texts in [&[][..], &[small], &[&large], &[&large, small], &[small, &large, &large, small]] {
        let client = engine.adopt(0, Client::unix().narrow(), &["room"]);
        let before = engine.log().len();
        for text in texts {
            engine.send_ticket(0, packet(text));
        }
        engine.fanout.close(0);
        // The owner may not know yet that the lane is closed.
        engine.send_ticket(0, packet("late"));
        engine.broadcast(&["room"], &[], "late");
        engine.fanout.fence(0);
        engine.settle(9);
        let news = engine.log()[before..].to_vec();
        let last = news.iter().rev().find(|event| is_about(**event, 0));
        assert_eq!(last, Some(&Event::Closed(0)), "{news:?}");
        drop(client);
    }
}

#[test]
fn a_lane_that_finishes_takes_nothing_more() {
    let engine = Engine::start(Config { writers: 1, ..CONFIG });
    let mut slow = engine.adopt(0, Client::unix().narrow(), &["room"]);
    let _healthy = engine.connect(1, &[]);
    let large = long("large", 1 << 20);
    engine.send_ticket(0, packet(&large));
    engine.wait_for(Event::Parked(0));
    engine.fanout.finish(0);
    engine.broadcast(&["room"], &[], "late");
    engine.send_ticket(0, packet("later"));
    engine.settle(1);
    assert_eq!(engine.tickets_of(0), 0, "bytes wait");
    assert_eq!(slow.text(), large);
    engine.wait_until("all tickets", |log| tickets(log, 0) == 3);
    engine.fanout.close(0);
    engine.wait_for(Event::Closed(0));
    assert!(slow.rest().is_empty(), "nothing was written after that");
}

#[test]
fn a_stop_first_does_what_was_handed_over() {
    // More than one round takes, or more than one turn writes.
    for (count, size) in [(1000, 100), (50, TCP_TAKES / 60)] {
        let engine = Engine::start(CONFIG);
        let mut clients: Vec<_> = (0..4).map(|index| engine.adopt(index, Client::tcp(), &["room"])).collect();
        let texts: Vec<_> = (0..count).map(|number| long(&number.to_string(), size)).collect();
        for text in &texts {
            engine.broadcast(&["room"], &[], text);
        }
        engine.stop();
        for client in &mut clients {
            assert_eq!(client.rest(), texts, "of {size} bytes each");
        }
        assert_eq!(engine.fanout.stats().lanes, 0);
    }
}

#[test]
fn what_is_handed_over_after_a_stop_is_let_go() {
    let engine = Engine::start(CONFIG);
    let mut before = engine.connect(0, &["room"]);
    engine.fanout.stop();
    let mut between = Client::unix();
    // Too late for the one that has stopped, or refused by the one that has ended: the test cannot know which it is.
    let _ = engine.fanout.open(1, between.server.as_ref().unwrap().as_fd(), Form::default());
    engine.stop();
    let after = Client::unix();
    assert!(engine.fanout.open(2, after.server.as_ref().unwrap().as_fd(), Form::default()).is_err());
    engine.broadcast(&["room"], &[], "late");
    engine.fanout.close(0);
    engine.fanout.wake();
    for client in [&mut before, &mut between] {
        assert!(client.rest().is_empty());
    }
}
