//! The fuzz target of what the streams' reader gets: answers in RESP2, and the entries in them.
#![expect(clippy::indexing_slicing, clippy::expect_used, reason = "a finding is a panic")]

use std::collections::VecDeque;

use bytes::Bytes;

use super::entry::data_bytes;
use super::format::encoded;
use super::log::{self, Raw};
use super::reader;
use super::resp::Scan;
use super::{Id, is_elsewhere};
use crate::core::older;
use crate::envelope::{Envelope, Matter, broadcast, kind};
use crate::event::Event;
use crate::format::Mode;
use crate::fuzzing::Server;
use crate::incoming::{Encoded, Options};

/// The first byte chooses the server's settings, and whether a request is done at once, so that what is told belongs to the entry that came; the second how answers are cut into pieces. The rest is what Redis sends.
pub fn entries(data: &[u8]) {
    let [choice, piece, stream @ ..] = data else { return };
    let mut server = Server::new(Mode::Streams, choice & 1 != 0, choice & 2 == 0);
    let mut rest = stream;
    while let Some(len) = whole(rest, usize::from(*piece) + 1) {
        let (answer, after) = rest.split_at(len);
        rest = after;
        let mut waiting = Vec::new();
        for raw in read(answer) {
            entry(&raw);
            let events = server.entries(vec![raw.clone()]);
            if choice & 4 == 0 {
                for event in &events {
                    told(event, &raw);
                }
                done(&mut server, events);
            } else {
                waiting.extend(events);
            }
        }
        done(&mut server, waiting);
    }
}

/// The length of the first answer: found in pieces and at once.
fn whole(stream: &[u8], piece: usize) -> Option<usize> {
    let at_once = Scan::default().advance(stream);
    let mut scan = Scan::default();
    let mut in_pieces = scan.advance(&[]);
    let mut end = 0;
    while end < stream.len() && in_pieces == Some(None) {
        end = stream.len().min(end + piece);
        in_pieces = scan.advance(&stream[..end]);
    }
    assert_eq!(in_pieces, at_once);
    at_once.flatten()
}

/// The entries that an answer has: also as the client library finds them.
fn read(answer: &[u8]) -> Vec<Raw> {
    let positions = [("socket.io".to_owned(), Id::ZERO)];
    let ours = reader::entries(&Bytes::copy_from_slice(answer), &positions).ok();
    let value = redis::parse_redis_value(answer).ok();
    let theirs = value.and_then(|value| log::streams_of(value, &positions).ok());
    assert_eq!(ours, theirs);
    ours.into_iter().flatten().flat_map(|(_, entries)| entries).collect()
}

/// One entry by itself: what a look finds, is what reading it finds.
fn entry(raw: &Raw) {
    let Some(data) = raw.data.as_deref().and_then(data_bytes) else { return };
    let envelope = Envelope { uid: "other".into(), nsp: "/".into(), kind: kind::BROADCAST, data: encoded(&data) };
    let stepwise = match envelope.matter() {
        Matter::Broadcast(body) => broadcast(body),
        _ => None,
    };
    if let Some(plain) = envelope.plain_broadcast() {
        assert_eq!(Some(plain), stepwise);
    }
    if is_elsewhere(&data, Server::has_room) {
        assert_ne!(envelope.matter(), Matter::Request, "somebody waits for answers");
        let options = stepwise.map(|incoming| Options::read(incoming.options));
        // What cannot be read is for nobody.
        if let Some(Some(options)) = options {
            let any = options
                .rooms
                .iter()
                .any(|room| matches!(room.name(), socketio_rooms::RoomName::Text(name) if Server::has_room(name)));
            assert!(!options.rooms.is_empty() && !options.opaque && !any, "{options:?}");
        }
    }
    if let Some((missed, ..)) = older(raw, "/") {
        assert_eq!(missed.id, raw.id);
        assert!(missed.data.len() <= data.len());
    }
}

/// JavaScript reads the same message as was in the entry.
fn told(event: &Event, raw: &Raw) {
    let (Event::Broadcast(slot, bytes, _)
    | Event::Whole(slot, bytes)
    | Event::Request(slot, bytes)
    | Event::Response(slot, bytes)) = event
    else {
        return;
    };
    let data = raw.data.as_deref().and_then(data_bytes).expect("it has data");
    let envelope = Envelope::read(bytes).expect("it is a message");
    assert_eq!(envelope.nsp, ["/", "/a"][*slot as usize]);
    assert_eq!((&*envelope.uid, Some(envelope.kind)), (&*String::from_utf8_lossy(&raw.uid), raw.kind.map(u64::from)));
    match envelope.data.expect("it has data") {
        Encoded::Json(text) => assert_eq!(text.as_bytes(), data.trim_ascii()),
        Encoded::MessagePack(bytes) => assert_eq!(bytes, &*data),
    }
}

/// Does each request, and what waited for it.
fn done(server: &mut Server, events: Vec<Event>) {
    let mut events = VecDeque::from(events);
    while let Some(event) = events.pop_front() {
        if let Event::Request(slot, _) | Event::Whole(slot, _) = event {
            events.extend(server.done(slot as usize));
        }
    }
}
