//! Frames reach each client in the order in which one thread issued them, whatever their kind.

use std::os::fd::AsFd;

use socketio_fanout::{Config, Form, Packet, SendOptions};
use socketio_wire::{Frame, OpCode};

use crate::support::{CONFIG, Client, Engine, Random, frame, long, packet};

const CLIENTS: usize = 40;
const ROOMS: [&str; 4] = ["a", "b", "c", "d"];

/// What the test does, and what each client must see because of it.
struct Script {
    engine: Engine,
    clients: Vec<Client>,
    expected: Vec<Vec<String>>,
    rooms: Vec<Vec<bool>>,
    random: Random,
}

impl Script {
    fn start() -> Self {
        let engine = Engine::start(Config { writers: 3, ..CONFIG });
        // Some of the clients are slow, so that frames wait.
        let client = |index: usize| if index.is_multiple_of(4) { Client::unix().narrow() } else { Client::unix() };
        let clients = (0u32..).zip((0..CLIENTS).map(client));
        let clients = clients.map(|(index, client)| engine.adopt(index, client, &[])).collect();
        let expected = vec![Vec::new(); CLIENTS];
        Self { engine, clients, expected, rooms: vec![vec![false; CLIENTS]; ROOMS.len()], random: Random::new() }
    }

    fn pick_rooms(&mut self) -> Vec<usize> {
        (0..self.random.below(3)).map(|_| self.random.below(ROOMS.len())).collect()
    }

    fn direct(&mut self, name: &str) {
        let client = self.random.below(CLIENTS);
        let index = u32::try_from(client).unwrap();
        for part in 0..=self.random.below(3) {
            let text = format!("{name} part {part}");
            let options = SendOptions { continues: part > 0, ..SendOptions::default() };
            self.engine.fanout.send(index, packet(&text), options);
            self.expected[client].push(text);
        }
    }

    fn broadcast(&mut self, name: &str) {
        let (rooms, except) = (self.pick_rooms(), self.pick_rooms());
        let texts = [long(name, 100), format!("{name} attachment")];
        let names = |rooms: &[usize]| rooms.iter().map(|room| ROOMS[*room]).collect::<Vec<_>>();
        let frames = texts.iter().map(|text| frame(text));
        self.engine.broadcast_packet(&names(&rooms), &names(&except), Packet::new(frames));
        for (client, expected) in self.expected.iter_mut().enumerate() {
            let is_in = |room: &usize| self.rooms[*room][client];
            if (rooms.is_empty() || rooms.iter().any(is_in)) && !except.iter().any(is_in) {
                expected.extend(texts.clone());
            }
        }
    }

    fn change_room(&mut self) {
        let (room, client) = (self.random.below(ROOMS.len()), self.random.below(CLIENTS));
        let (id, index) = (self.engine.room(ROOMS[room]), u32::try_from(client).unwrap());
        self.rooms[room][client] ^= true;
        if self.rooms[room][client] {
            self.engine.namespace.join(index, id);
        } else {
            self.engine.namespace.leave(index, id);
        }
    }
}

#[test]
fn each_client_sees_its_exact_sequence() {
    let mut script = Script::start();
    for number in 0..3000 {
        let name = number.to_string();
        match script.random.below(10) {
            0..3 => script.direct(&name),
            3..6 => script.broadcast(&name),
            6..9 => script.change_room(),
            _ => script.engine.fanout.wake(),
        }
    }
    script.engine.fanout.wake();
    for (client, expected) in script.clients.iter_mut().zip(&script.expected) {
        assert_eq!(&client.texts(expected.len()), expected);
    }
    for (index, client) in (0u32..).zip(&mut script.clients) {
        script.engine.close(index);
        assert!(client.rest().is_empty(), "nothing more came");
    }
}

#[test]
fn control_frames_keep_their_place_and_nothing_follows_a_close_frame() {
    let engine = Engine::start(CONFIG);
    let mut client = engine.connect(0, &["room"]);
    let send = |opcode| engine.fanout.send(0, Frame::new(opcode, None, b"x").into(), SendOptions::default());
    engine.send(0, "direct");
    send(OpCode::Pong);
    engine.broadcast(&["room"], &[], "broadcast");
    send(OpCode::Close);
    engine.send(0, "late");
    engine.broadcast(&["room"], &[], "late");
    send(OpCode::Ping);
    engine.close(0);
    client.server = None;
    let opcodes: Vec<_> = std::iter::from_fn(|| client.next()).map(|message| message.opcode).collect();
    assert_eq!(opcodes, [OpCode::Text, OpCode::Pong, OpCode::Text, OpCode::Close]);
}

#[test]
fn a_client_of_protocol_3_gets_its_own_form() {
    let engine = Engine::start(CONFIG);
    let (mut new, mut old) = (engine.connect(0, &["room"]), Client::unix());
    engine.fanout.open(1, old.server.as_ref().unwrap().as_fd(), Form { legacy: true, deflate: None }).unwrap();
    engine.namespace.enter(1, false);
    engine.namespace.join(1, engine.room("room"));
    engine.broadcast_packet(&["room"], &[], packet("new").with_legacy([frame("old"), frame("more")]));
    engine.broadcast(&["room"], &[], "same");
    engine.fanout.wake();
    assert_eq!(new.texts(2), ["new", "same"]);
    assert_eq!(old.texts(3), ["old", "more", "same"]);
}

#[test]
fn what_piles_up_is_written_before_the_end_of_the_tick() {
    let engine = Engine::start(CONFIG);
    let mut client = engine.connect(0, &[]);
    for number in 0..1000 {
        engine.send(0, &number.to_string());
    }
    // No wake yet.
    assert_eq!(client.texts(60)[59], "59");
    engine.fanout.wake();
    assert_eq!(client.texts(940)[939], "999");
}
