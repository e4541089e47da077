//! What other servers send. A request is a barrier: what comes after it in its namespace waits until the event loop has done it.

use std::time::Instant;

use bytes::Bytes;
use socketio_rooms::RoomKey;

use super::entries::Arrived;
use super::{Core, Place};
use crate::classic;
use crate::event::Event;
use crate::format::Seen;
use crate::incoming::{Options, Unread};
use crate::local::{Delivered, deliver, has_room};
use crate::stats::add;
use crate::streams;

/// The most bytes of one namespace that wait until the event loop has done a request.
const MOST_HELD: usize = 64 * 1024 * 1024;
/// Larger messages are ignored.
pub(super) const LARGEST: usize = 128 * 1024 * 1024;

impl Core {
    /// A message came.
    pub(crate) fn message(&mut self, channel: &str, payload: &[u8], now: Instant) {
        add(&self.counters.received, 1);
        add(&self.counters.received_bytes, payload.len());
        if payload.len() > LARGEST {
            return add(&self.counters.malformed, 1);
        }
        if let Some(slot) = self.owners.get(channel).copied() {
            return self.dispatch(slot, channel, payload);
        }
        if let Some(rest) = self.broadcasts.as_ref().and_then(|prefix| channel.strip_prefix(&**prefix)) {
            return self.by_pattern(channel, rest, payload);
        }
        if !self.hear(payload, now) {
            add(&self.counters.malformed, 1);
        }
    }

    /// A broadcast of any namespace. `rest`: its channel without the prefix.
    fn by_pattern(&mut self, channel: &str, rest: &str, payload: &[u8]) {
        let mut nobody = true;
        // No name has more of these.
        for name in classic::namespaces_of(rest).take(self.hashes + 1) {
            if let Some(slot) = self.by_name.get(name).copied() {
                nobody = false;
                self.dispatch(slot, channel, payload);
            }
        }
        if nobody {
            add(&self.counters.skipped, 1);
        }
    }

    fn dispatch(&mut self, slot: u32, channel: &str, payload: &[u8]) {
        let Some(place) = self.places.get(&slot) else { return };
        if place.native && place.undone == 0 && is_elsewhere(place, payload) {
            return add(&self.counters.skipped, 1);
        }
        match place.format.see(channel, payload) {
            Seen::Malformed => add(&self.counters.malformed, 1),
            Seen::Response(id) if self.expected.contains(&id) => {
                self.wake(Event::Response(slot, Bytes::copy_from_slice(payload)));
            }
            Seen::Skipped | Seen::Response(_) => add(&self.counters.skipped, 1),
            // It has its turn after what waits.
            Seen::Request | Seen::Broadcast(..) if place.undone > 0 => {
                self.hold(slot, Waits::Message(channel.to_owned(), Bytes::copy_from_slice(payload)));
            }
            Seen::Request => self.request(slot, Bytes::copy_from_slice(payload)),
            Seen::Broadcast(room, broadcast) => self.broadcast(slot, room, broadcast, payload),
        }
    }

    pub(super) fn request(&mut self, slot: u32, payload: Bytes) {
        if self.wake(Event::Request(slot, payload)) {
            self.wait_for(slot);
        }
    }

    /// What comes next waits until what was handed over is done.
    pub(super) fn wait_for(&mut self, slot: u32) {
        if let Some(place) = self.places.get_mut(&slot) {
            place.undone += 1;
        }
    }

    /// Who writes to clients changes: what JavaScript still has to write goes first, so what comes next waits for it.
    pub(super) fn turn(&mut self, slot: u32) {
        if self.places.contains_key(&slot) {
            self.wake(Event::Turn(slot));
            self.wait_for(slot);
        }
    }

    pub(super) fn set_native(&mut self, slot: u32, native: bool) {
        let Some(place) = self.places.get_mut(&slot) else { return };
        let was_native = std::mem::replace(&mut place.native, native);
        if native && !was_native {
            self.turn(slot);
        }
    }

    pub(super) fn wake(&self, event: Event) -> bool {
        let taken = self.events.push(event);
        add(if taken { &self.counters.woken } else { &self.counters.inbound_dropped }, 1);
        taken
    }

    pub(super) fn hold(&mut self, slot: u32, waits: Waits) {
        let Some(place) = self.places.get_mut(&slot) else { return };
        if place.held_bytes + waits.len() > MOST_HELD {
            return add(&self.counters.inbound_dropped, 1);
        }
        place.held_bytes += waits.len();
        place.held.push_back(waits);
    }

    /// The event loop has done a request, or what else others wait for.
    pub(super) fn done(&mut self, slot: u32) {
        if let Some(place) = self.places.get_mut(&slot) {
            place.undone = place.undone.saturating_sub(1);
        }
        while let Some(waits) = self.places.get_mut(&slot).and_then(next_held) {
            match waits {
                Waits::Message(channel, payload) => self.dispatch(slot, &channel, &payload),
                Waits::Entry(arrived) => self.arrived(slot, arrived),
            }
        }
    }

    fn broadcast(&mut self, slot: u32, room: &str, broadcast: Unread<'_>, payload: &[u8]) {
        let Some(place) = self.places.get(&slot) else { return };
        if !room.is_empty() && !has_room(&place.rooms, room) {
            return add(&self.counters.skipped, 1);
        }
        let read = broadcast.read().and_then(|incoming| Some((Options::read(incoming.options)?, incoming)));
        let Some((options, incoming)) = read else { return add(&self.counters.malformed, 1) };
        if incoming.nsp.as_ref().is_some_and(|nsp| *nsp != place.nsp) {
            return add(&self.counters.skipped, 1);
        }
        self.number = self.number.wrapping_add(1);
        let delivered = if place.native {
            deliver(&self.writers, &place.rooms, (slot, &place.nsp), &incoming, &options, (self.number, None))
        } else {
            Delivered::JavaScript
        };
        if self.delivered(slot, delivered, || Bytes::copy_from_slice(payload)) {
            self.wait_for(slot);
        }
    }

    /// A broadcast is written, or what JavaScript has to write is handed over: `payload`. Returns whether what follows has to wait, not to
    /// overtake it.
    pub(super) fn delivered(&self, slot: u32, delivered: Delivered, payload: impl FnOnce() -> Bytes) -> bool {
        match delivered {
            Delivered::Nobody => add(&self.counters.skipped, 1),
            Delivered::Written => add(&self.counters.native, 1),
            Delivered::Partly(connections) => {
                self.wake(Event::Broadcast(slot, payload(), Some(connections)));
            }
            Delivered::JavaScript if self.places.get(&slot).is_some_and(|place| place.native) => {
                return self.wake(Event::Whole(slot, payload()));
            }
            Delivered::JavaScript => {
                self.wake(Event::Broadcast(slot, payload(), None));
            }
        }
        false
    }
}

/// Whether it is seen at a glance that a message is for rooms that are not here.
fn is_elsewhere(place: &Place, payload: &[u8]) -> bool {
    let is_here = |room: &str| place.rooms.find_room(&RoomKey::text(room)).is_some();
    place.format.plain_body(payload).is_some_and(|body| streams::is_elsewhere(body, is_here))
}

fn next_held(place: &mut Place) -> Option<Waits> {
    if place.undone > 0 {
        return None;
    }
    let waits = place.held.pop_front()?;
    place.held_bytes -= waits.len();
    Some(waits)
}

/// What came after a request.
pub(super) enum Waits {
    /// A message, after its channel.
    Message(String, Bytes),
    /// An entry of a stream.
    Entry(Arrived),
}

impl Waits {
    fn len(&self) -> usize {
        match self {
            Self::Message(channel, payload) => channel.len() + payload.len(),
            Self::Entry(arrived) => arrived.len(),
        }
    }
}
