//! A packet of this server that waits for its offset, with those it is for: as it was when it was issued.

use std::sync::atomic::Ordering;

use socketio_fanout::{Fanout, Packet};
use socketio_rooms::{ConnectionId, RoomKey, Target};
use socketio_wire::{Frame, OpCode};

use super::entry::Id;
use crate::local::{HEADROOM, Writers};

/// Recipients, and the moment of the writers when they were these: a lane that opens later is not meant.
type Recipients = (Target, u64);

/// A packet for the writers, and for JavaScript.
#[derive(Debug, Default)]
pub struct Held {
    /// Empty when JavaScript writes to all.
    pub recipients: Vec<Recipients>,
    /// Whom it is for, in case that somebody comes back who should have been among these.
    pub names: Names,
    /// Room for the header of a frame, then the packet as text.
    pub text: Vec<u8>,
    /// What follows it.
    pub attachments: Vec<Vec<u8>>,
    /// Must not be compressed.
    pub plain: bool,
    /// May be dropped.
    pub volatile: bool,
    /// In which it was issued.
    pub tick: u32,
    /// On a client that is behind, it replaces what has the same key.
    pub key: Option<String>,
    /// By which JavaScript knows it, if it writes to somebody.
    pub token: Option<u32>,
    /// Who has come back meanwhile, and is written to by JavaScript: the tickets of their restores.
    pub late: Vec<u32>,
}

/// The rooms that a packet is for, as they are published.
#[derive(Debug, Default)]
pub struct Names {
    /// In any of these; everybody when there is none.
    pub rooms: Vec<RoomKey>,
    /// And in none of these.
    pub except: Vec<RoomKey>,
}

impl Names {
    /// Whether somebody in `rooms` is meant.
    pub fn mean(&self, rooms: &[RoomKey]) -> bool {
        let any = |names: &[RoomKey]| names.iter().any(|name| rooms.contains(name));
        (self.rooms.is_empty() || any(&self.rooms)) && !any(&self.except)
    }
}

/// Puts an offset at the end of the data of a packet, which is a JSON array and the last part of its text.
pub fn append_offset(text: &mut Vec<u8>, id: Id) {
    let comma = if text.ends_with(b"[]") { "" } else { "," };
    if text.pop_if(|last| *last == b']').is_some() {
        text.extend(format!("{comma}\"{id}\"]").bytes());
    }
}

impl Held {
    /// Whether it is for this connection.
    pub fn is_for(&self, connection: ConnectionId) -> bool {
        self.recipients.iter().any(|(target, _)| target.contains(connection))
    }

    /// The packet's text, with its offset.
    pub fn text(&self, offset: Option<Id>) -> Vec<u8> {
        let mut text = self.text.get(HEADROOM..).unwrap_or_default().to_vec();
        if let Some(id) = offset {
            append_offset(&mut text, id);
        }
        text
    }

    /// Hands it to the writers.
    pub fn write(&mut self, offset: Option<Id>, writers: &Writers) {
        let running = writers.running.read();
        let Some(fanout) = &*running else { return };
        if self.recipients.iter().all(|(target, _)| target.is_empty()) {
            return;
        }
        if let Some(id) = offset {
            append_offset(&mut self.text, id);
        }
        let packet = self.packet(writers.legacy_lanes.load(Ordering::Relaxed) > 0);
        self.broadcast(fanout, &packet);
    }

    fn broadcast(&mut self, fanout: &Fanout, packet: &Packet) {
        for (target, epoch) in self.recipients.drain(..) {
            fanout.broadcast(target, packet.clone(), self.volatile, self.tick, epoch);
        }
    }

    fn packet(&mut self, legacy: bool) -> Packet {
        let text = Frame::with_headroom(OpCode::Text, Some(b'4'), std::mem::take(&mut self.text), HEADROOM);
        let binary = |prefix| self.attachments.iter().map(move |data| Frame::new(OpCode::Binary, prefix, data));
        let packet = if self.attachments.is_empty() {
            Packet::from(text)
        } else {
            let packet = Packet::new(std::iter::once(text.clone()).chain(binary(None)));
            if legacy { packet.with_legacy(std::iter::once(text).chain(binary(Some(4)))) } else { packet }
        };
        let packet = packet.compressed(!self.plain);
        match self.key.take() {
            Some(key) => packet.conflated(key.into()),
            None => packet,
        }
    }
}
