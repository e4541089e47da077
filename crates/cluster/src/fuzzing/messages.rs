//! The fuzz target of messages: each goes through the codecs by itself, and to a server that has what came before.

use memchr::memmem;

use super::Server;
use super::codecs::{json, json_as_packed, packed};
use crate::event::Event;
use crate::format::Mode;
use crate::sharded::Subscriptions;

/// Between two messages: a byte that `MessagePack` never uses, and JSON has not in its first place.
const BETWEEN: &[u8] = b"\xc1\xc1";

/// The first byte chooses the mode. The first of a message is its channel, or the event loop has done something.
pub fn messages(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let mode = match choice % 5 {
        0 => Mode::PubSub,
        1 => Mode::Streams,
        2 => Mode::Sharded(Subscriptions::Static),
        3 => Mode::Sharded(Subscriptions::Dynamic),
        _ => Mode::Sharded(Subscriptions::DynamicPrivate),
    };
    let mut server = Server::new(mode, choice & 0x80 != 0, choice & 0x40 == 0);
    let mut order = Order::default();
    for (place, payload) in split(data) {
        packed(payload);
        if let Ok(text) = std::str::from_utf8(payload) {
            json(text);
            json_as_packed(text);
        }
        order.came.push(payload);
        for event in step(&mut server, place, payload, mode) {
            order.heard(&event);
        }
    }
}

/// The parts of all messages.
fn split(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let ends = memmem::find_iter(data, BETWEEN).chain([data.len()]);
    let mut from = 0;
    ends.filter_map(move |end| {
        let message = data.get(from..end).unwrap_or_default();
        from = end + BETWEEN.len();
        message.split_first().map(|(place, payload)| (*place, payload))
    })
}

/// What the event loop hears of is what came, in that order within a namespace. Answers wait for nothing.
#[derive(Default)]
struct Order<'a> {
    came: Vec<&'a [u8]>,
    /// Of each namespace: those before were heard of.
    next: [usize; 2],
}

impl Order<'_> {
    fn heard(&mut self, event: &Event) {
        match event {
            Event::Broadcast(slot, bytes, _) | Event::Whole(slot, bytes) | Event::Request(slot, bytes) => {
                let next = &mut self.next[*slot as usize];
                let at = self.came[*next..].iter().position(|payload| payload == bytes).expect("in order, once");
                *next += at + 1;
            }
            _ => {}
        }
    }
}

fn step(server: &mut Server, place: u8, payload: &[u8], mode: Mode) -> Vec<Event> {
    const PRESENCE: &str = "socket.io-native#";
    let channels = match mode {
        Mode::PubSub => {
            ["socket.io#/#here#", "socket.io#/#there#", "socket.io#/#7#", "socket.io#/a#", "socket.io#/#me#"]
        }
        Mode::Sharded(Subscriptions::Dynamic | Subscriptions::DynamicPrivate) => {
            ["socket.io#/#here#", "socket.io#/#ä#", "socket.io#/#me#", "socket.io#/a#", "socket.io#/#"]
        }
        _ => ["socket.io#/#me#", "socket.io#/a#", "socket.io#/a#me#", PRESENCE, "socket.io#/#"],
    };
    let requests = match mode {
        Mode::PubSub => ["socket.io-request#/#", "socket.io-response#/#", "socket.io-response#/#me#"],
        _ => ["socket.io#/#", "socket.io#/#me#", "socket.io#/a#me#"],
    };
    match usize::from(place % 12) {
        0 => server.message("socket.io#/#", payload),
        place @ 1..=5 => server.message(channels[place - 1], payload),
        place @ 6..=8 => server.message(requests[place - 6], payload),
        9 => server.message(PRESENCE, payload),
        place => server.done(place - 10),
    }
}
