//! Past the limit of its buffer a lane ends, or loses whole packets, as configured. Nobody else notices.

use socketio_fanout::{Config, Event, Overflow, Packet, SendOptions};

use crate::support::{CONFIG, Client, Engine, TCP_TAKES, frame, long, packet, text_of};

const LIMIT: Config = Config { writers: 1, max_buffered_bytes: 100_000, ..CONFIG };

#[test]
fn a_client_that_falls_too_far_behind_is_given_up_and_others_get_everything() {
    let engine = Engine::start(LIMIT);
    let mut slow = engine.adopt(0, Client::unix().narrow(), &["room"]);
    let mut other = engine.connect(1, &["room"]);
    let texts: Vec<_> = (0..300).map(|number| long(&number.to_string(), 1000)).collect();
    for text in &texts {
        engine.broadcast(&["room"], &[], text);
        engine.fanout.wake();
        assert_eq!(&other.text(), text);
    }
    engine.wait_for(Event::Slow(0));
    engine.send(0, "late");
    engine.settle(1);
    let stats = engine.fanout.stats();
    assert_eq!((stats.slow_disconnects, stats.parked_lanes, stats.buffered_bytes, stats.dropped), (1, 0, 0, 0));
    assert_eq!(engine.log().iter().filter(|event| **event == Event::Slow(0)).count(), 1);

    // The owner closes the connection: the client finds some of the texts, and the end, which may tear a frame.
    slow.server = None;
    let got: Vec<_> = std::iter::from_fn(|| slow.next()).map(|message| text_of(&message)).collect();
    assert!(got.len() < 300 - 90 && texts.starts_with(&got));
    engine.close(0);
}

#[test]
fn a_lane_that_may_drop_loses_whole_packets_only() {
    let engine = Engine::start(Config { overflow: Overflow::Drop, ..LIMIT });
    let mut slow = engine.adopt(0, Client::unix().narrow(), &["room"]);
    let mut other = engine.connect(1, &["room"]);
    let texts_of = |number: usize| ["head", "first", "second"].map(|part| long(&format!("{number} {part}"), 500));
    for number in 0..500 {
        let texts = texts_of(number);
        if number % 2 == 0 {
            engine.broadcast_packet(&["room"], &[], Packet::new(texts.iter().map(|text| frame(text))));
        } else {
            for (part, text) in texts.iter().enumerate() {
                for index in 0..2 {
                    let options = SendOptions { continues: part > 0, ..SendOptions::default() };
                    engine.fanout.send(index, packet(text), options);
                }
            }
        }
        engine.fanout.wake();
        assert_eq!(other.texts(3), texts);
    }
    engine.settle(1);
    let stats = engine.fanout.stats();
    assert!(stats.buffered_bytes <= 100_000 + 1100, "attachments may pass the limit, heads may not: {stats:?}");
    assert!(stats.dropped > 300 && stats.slow_disconnects == 0, "{stats:?}");

    engine.drain([&mut slow]);
    engine.send(0, "now it fits");
    engine.fanout.wake();
    let (mut last, mut kept) = (None, 0);
    loop {
        let head = slow.text();
        if head == "now it fits" {
            break;
        }
        let number: usize = head.split_once(' ').unwrap().0.parse().unwrap();
        assert!(last < Some(number), "in order");
        assert_eq!([head, slow.text(), slow.text()], texts_of(number));
        (last, kept) = (Some(number), kept + 1);
    }
    assert_eq!((kept > 50, kept + stats.dropped), (true, 500), "each is counted once");
}

#[test]
fn a_packet_larger_than_the_limit_reaches_a_client_that_keeps_up() {
    let engine = Engine::start(LIMIT);
    let mut client = engine.connect(0, &[]);
    for number in 0..5 {
        let text = long(&number.to_string(), 1_000_000);
        engine.send(0, &text);
        engine.fanout.wake();
        assert_eq!(client.text(), text);
        engine.settle(0);
    }
    assert_eq!(engine.fanout.stats().slow_disconnects, 0);
}

#[test]
fn what_the_kernel_takes_does_not_count_however_much_was_handed_over_at_once() {
    // It takes several turns to find out that the kernel takes all of it.
    let part = TCP_TAKES / 18;
    let engine = Engine::start(Config { max_buffered_bytes: 11 * part, ..CONFIG });
    let mut client = engine.adopt(0, Client::tcp(), &[]);
    let sizes = [[part; 10].as_slice(), &[7 * part]].concat();
    for size in &sizes {
        engine.send(0, &long("text", *size));
    }
    engine.settle(0);
    assert_eq!(engine.fanout.stats().slow_disconnects, 0);
    assert_eq!(client.texts(sizes.len()).iter().map(String::len).collect::<Vec<_>>(), sizes);
}
