//! Messages that are compressed once for all clients that take them compressed.

use flate2::{Decompress, FlushDecompress};
use socketio_fanout::{Deflate, Form, Packet};
use socketio_wire::{Frame, OpCode};
use std::os::fd::AsFd;

use crate::support::{CONFIG, Client, Engine, PATIENCE};

const COMPRESSED: u8 = 0xC1;
const PLAIN: u8 = 0x81;

fn form(threshold: usize) -> Form {
    Form { legacy: false, deflate: Some(Deflate { threshold, level: 6 }) }
}

/// The lanes that clients with and without deflate have, and what each one receives of `packet`.
fn deliver(packet: Packet) -> [Vec<u8>; 3] {
    let engine = Engine::start(CONFIG);
    let clients = [Client::unix(), Client::unix(), Client::unix()];
    for (connection, client) in (0..).zip(&clients) {
        let form = if connection < 2 { form(100) } else { Form::default() };
        engine.fanout.open(connection, client.server.as_ref().unwrap().as_fd(), form).unwrap();
        engine.namespace.enter(connection, false);
    }
    engine.broadcast_packet(&[], &[], packet);
    assert!(engine.fanout.flush(PATIENCE));
    clients.map(|mut client| client.bytes())
}

#[test]
fn each_client_gets_its_form_of_a_message() {
    let text = "abc".repeat(1000);
    let [first, second, plain] = deliver(Frame::new(OpCode::Text, Some(b'4'), text.as_bytes()).into());
    assert_eq!(first, second);
    assert_eq!(first[0], COMPRESSED);
    assert!(first.len() < text.len() / 10);
    let mut inflated = Vec::with_capacity(text.len() + 64);
    let input = [&first[2..], &[0, 0, 0xff, 0xff]].concat();
    Decompress::new(false).decompress_vec(&input, &mut inflated, FlushDecompress::Sync).unwrap();
    assert_eq!(inflated, format!("4{text}").into_bytes());
    assert_eq!(plain[0], PLAIN);
    assert_eq!(&plain[4..], format!("4{text}").into_bytes());
}

#[test]
fn short_messages_and_those_that_must_not_be_compressed_stay_plain() {
    let short = deliver(Frame::new(OpCode::Text, None, &[b'x'; 99]).into());
    assert!(short.iter().all(|bytes| bytes[0] == PLAIN && bytes.len() == 101));
    let long = Packet::from(Frame::new(OpCode::Text, None, &[b'x'; 100]));
    assert!(deliver(long.clone().compressed(false)).iter().all(|bytes| bytes[0] == PLAIN));
    assert_eq!(deliver(long)[0][0], COMPRESSED);
}
