//! A ticket is told when the kernel has the bytes, and not before.

use std::time::Instant;

use socketio_fanout::{Config, Event};

use crate::support::{CONFIG, Client, Engine, PATIENCE, Random, frame, long, packet, tickets};

#[test]
fn a_ticket_waits_for_its_bytes_and_for_those_before_it() {
    let engine = Engine::start(Config { writers: 1, ..CONFIG });
    let mut slow = engine.adopt(0, Client::unix().narrow(), &[]);
    let _healthy = engine.connect(1, &[]);
    engine.fanout.fence(0);
    engine.wait_for(Event::Written(0, 1));
    engine.send_ticket(0, packet(&long("large", 1 << 20)));
    engine.fanout.fence(0);
    engine.send_ticket(0, packet("small"));
    engine.wait_for(Event::Parked(0));
    engine.settle(1);
    assert_eq!(engine.tickets_of(0), 1, "only the first fence");
    assert_eq!(slow.texts(2)[1], "small");
    engine.wait_until("all tickets", |log| tickets(log, 0) == 4);
}

#[test]
fn the_ticket_of_a_dropped_packet_is_told_with_what_is_before_it() {
    let engine = Engine::start(Config { writers: 1, max_buffered_bytes: 10_000, ..CONFIG });
    let mut slow = engine.adopt(0, Client::unix().narrow(), &[]);
    let _healthy = engine.connect(1, &[]);
    engine.send(0, &long("large", 1 << 20));
    engine.wait_for(Event::Parked(0));
    let volatile = socketio_fanout::SendOptions { volatile: true, ticket: true, tick: 1, ..Default::default() };
    engine.fanout.send(0, packet("dropped"), volatile);
    engine.settle(1);
    assert_eq!((engine.tickets_of(0), engine.fanout.stats().dropped), (0, 1));
    slow.text();
    engine.wait_until("its ticket", |log| tickets(log, 0) == 1);
}

#[test]
fn no_ticket_is_told_before_the_client_can_read_its_bytes() {
    let engine = Engine::start(CONFIG);
    let mut client = engine.adopt(0, Client::unix().narrow(), &[]);
    let mut random = Random::new();
    let mut ends = vec![0];
    for number in 0..400 {
        let text = long(&number.to_string(), 1 + random.below(20_000));
        ends.push(ends[number] + frame(&text).len());
        engine.send_ticket(0, packet(&text));
        if random.below(4) == 0 {
            engine.fanout.wake();
        }
    }
    engine.fanout.wake();
    let deadline = Instant::now() + PATIENCE;
    let mut told = 0;
    while told < 400 {
        told = engine.tickets_of(0) as usize;
        // On a Unix socket, what the kernel has can be read at once.
        client.read_now();
        assert!(client.received >= ends[told], "{told} tickets, {} bytes", client.received);
        assert!(Instant::now() < deadline, "{told} tickets of 400");
        std::thread::yield_now();
    }
    assert_eq!(client.received, ends[400]);
}

#[test]
fn each_ticket_is_told_once_whatever_waits() {
    let engine = Engine::start(CONFIG);
    let mut clients: Vec<_> = (0..6).map(|index| engine.adopt(index, Client::unix().narrow(), &["room"])).collect();
    let mut random = Random::new();
    let mut issued = [0; 6];
    for number in 0..600u32 {
        let index = number % 6;
        match random.below(4) {
            0 => {
                engine.broadcast(&["room"], &[], &long("broadcast", 500));
                engine.fanout.fence(index);
            }
            1 => engine.fanout.fence(index),
            _ => engine.send_ticket(index, packet(&long("direct", random.below(3000)))),
        }
        engine.send_ticket(index, packet("end"));
        issued[index as usize] += 2;
        engine.fanout.wake();
    }
    engine.drain(&mut clients);
    let told = [0, 1, 2, 3, 4, 5].map(|index| engine.tickets_of(index));
    assert_eq!(told, issued);
}
