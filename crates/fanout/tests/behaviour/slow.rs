//! A client that does not read hurts nobody.

use socketio_fanout::{Config, Event};

use crate::support::{CONFIG, Client, Engine, frame, long};

const PACKETS: usize = 200;

fn parked(log: &[Event], index: u32) -> (usize, usize) {
    let count = |wanted| log.iter().filter(|event| **event == wanted).count();
    (count(Event::Parked(index)), count(Event::Resumed(index)))
}

#[test]
fn a_slow_client_is_parked_while_others_get_everything() {
    for slow in [Client::unix(), Client::tcp()] {
        let engine = Engine::start(Config { writers: 1, ..CONFIG });
        let mut slow = engine.adopt(0, slow.narrow(), &["room"]);
        let mut others: Vec<_> = (1..5).map(|index| engine.connect(index, &["room"])).collect();
        let text = |number: usize| long(&number.to_string(), 10_000);
        let expected: Vec<_> = (0..PACKETS).map(text).collect();
        for number in &expected {
            engine.broadcast(&["room"], &[], number);
            engine.fanout.wake();
        }
        for other in &mut others {
            assert_eq!(other.texts(PACKETS), expected);
        }
        engine.wait_for(Event::Parked(0));
        engine.settle(1);
        let stats = engine.fanout.stats();
        let (all, sent) = ((5 * PACKETS * frame(&text(0)).len()) as u64, stats.bytes);
        assert_eq!((stats.lanes, stats.parked_lanes, stats.buffered_bytes), (5, 1, all - sent));
        assert!(stats.buffered_bytes > 0);

        assert_eq!(slow.texts(PACKETS), expected);
        engine.settle(0);
        let (parked, resumed) = parked(&engine.log(), 0);
        assert!(parked > 0 && parked == resumed);
        let stats = engine.fanout.stats();
        assert_eq!((stats.parked_lanes, stats.buffered_bytes, stats.bytes), (0, 0, all));
        assert_eq!(stats.frames, (5 * PACKETS) as u64);
    }
}

#[test]
fn a_lane_is_parked_and_resumed_again_and_again() {
    let engine = Engine::start(CONFIG);
    let mut client = engine.adopt(0, Client::unix().narrow(), &[]);
    for times in 1..=100 {
        engine.send(0, &long("a", 30_000));
        engine.send(0, &long("b", 30_000));
        engine.wait_until("a full buffer", |log| parked(log, 0).0 == times);
        assert_eq!(client.texts(2), [long("a", 30_000), long("b", 30_000)]);
        engine.wait_until("an empty queue", |log| parked(log, 0).1 == times);
    }
}

#[test]
fn a_lane_with_much_to_write_leaves_others_their_turn() {
    let engine = Engine::start(Config { writers: 1, ..CONFIG });
    let mut busy = engine.adopt(0, Client::tcp(), &[]);
    let mut other = engine.connect(1, &[]);
    let texts: Vec<_> = (0..60).map(|number| long(&number.to_string(), 100_000)).collect();
    for text in &texts {
        engine.send(0, text);
    }
    engine.send(1, "other");
    engine.fanout.wake();
    assert_eq!(other.text(), "other");
    assert_eq!(busy.texts(texts.len()), texts);
}
