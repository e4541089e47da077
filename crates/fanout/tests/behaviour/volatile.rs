//! Volatile packets are for clients that are ready for them.

use socketio_fanout::{Config, Event, SendOptions};

use crate::support::{CONFIG, Client, Engine, long, packet};

fn volatile(tick: u32) -> SendOptions {
    SendOptions { volatile: true, tick, ..SendOptions::default() }
}

#[test]
fn a_lane_that_was_given_a_packet_in_the_same_tick_gets_no_volatile_one() {
    let engine = Engine::start(CONFIG);
    let mut clients = [engine.connect(0, &["room"]), engine.connect(1, &["room"])];
    let broadcast = |text: &str, volatile, tick| {
        let (epoch, target) = (engine.fanout.epoch(), engine.namespace.target(&[engine.room("room")], &[]));
        engine.fanout.broadcast(target, packet(text), volatile, tick, epoch);
    };
    engine.fanout.send(0, packet("first"), volatile(1));
    engine.fanout.send(0, packet("attachment"), SendOptions { volatile: false, continues: true, ..volatile(1) });
    broadcast("only to the other", true, 1);
    engine.fanout.send(0, packet("dropped"), volatile(1));
    engine.fanout.send(0, packet("its attachment"), SendOptions { continues: true, ..volatile(1) });
    broadcast("to both", false, 1);
    broadcast("next tick", true, 2);
    engine.settle(0);
    engine.settle(1);
    assert_eq!(clients[0].texts(4), ["first", "attachment", "to both", "next tick"]);
    assert_eq!(clients[1].texts(3), ["only to the other", "to both", "next tick"]);
    assert_eq!(engine.fanout.stats().dropped, 2);
}

#[test]
fn a_parked_lane_gets_no_volatile_packet_and_others_do() {
    let engine = Engine::start(Config { writers: 1, ..CONFIG });
    let mut slow = engine.adopt(0, Client::unix().narrow(), &["room"]);
    let mut healthy = engine.connect(1, &["room"]);
    engine.send(0, &long("large", 1 << 20));
    engine.wait_for(Event::Parked(0));
    for tick in 1..=3 {
        let (epoch, target) = (engine.fanout.epoch(), engine.namespace.target(&[engine.room("room")], &[]));
        engine.fanout.broadcast(target, packet("volatile"), true, tick, epoch);
        engine.fanout.send(0, packet("volatile"), volatile(tick));
        engine.fanout.send(0, packet("attachment"), SendOptions { continues: true, ..volatile(tick) });
        engine.settle(1);
    }
    engine.send(0, "kept");
    engine.settle(1);
    assert_eq!(healthy.texts(3), ["volatile"; 3]);
    assert!(slow.text().starts_with("large"));
    assert_eq!(slow.text(), "kept");
    engine.wait_for(Event::Resumed(0));
    engine.fanout.send(0, packet("ready again"), volatile(9));
    engine.fanout.wake();
    assert_eq!(slow.text(), "ready again");
    assert_eq!(engine.fanout.stats().dropped, 6);
}
