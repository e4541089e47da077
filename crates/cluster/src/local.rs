//! The clients of this server: a broadcast from another one is written for them without the event loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::RwLock;
use socketio_fanout::{Fanout, Packet};
use socketio_rooms::{ConnectionId, Namespace, RoomKey, Target};
use socketio_wire::{Frame, MAX_HEADER, OpCode};

use crate::incoming::{Encoded, Incoming, Options};
use crate::streams::{Id, append_offset};
use crate::to_json;

/// The writers of a server, while there are lanes, for threads other than the event loop's.
#[derive(Default)]
pub struct Writers {
    /// The writers, while they run.
    pub running: RwLock<Option<Arc<Fanout>>>,
    /// How many lanes speak Engine.IO protocol 3.
    pub legacy_lanes: AtomicU32,
}

/// What became of a broadcast.
#[derive(Debug, PartialEq)]
pub enum Delivered {
    /// Nobody here is meant.
    Nobody,
    /// It is with the writers.
    Written,
    /// It is with the writers for some; JavaScript writes to these.
    Partly(Vec<ConnectionId>),
    /// Only JavaScript can do it.
    JavaScript,
}

/// Room for the header of a frame and the type of its packet.
pub const HEADROOM: usize = MAX_HEADER + 1;

/// The tick of broadcasts from elsewhere: none of the event loop's.
const REMOTE: u32 = 1 << 31;

/// Whether a room of that name is here, which a channel has: as a text or as a number.
pub fn has_room(namespace: &Namespace, name: &str) -> bool {
    namespace.find_room(&RoomKey::text(name)).is_some()
        || name.parse::<f64>().is_ok_and(|number| namespace.find_room(&RoomKey::number(number + 0.0)).is_some())
}

/// Whether any of the rooms that are meant is here.
fn target(namespace: &Namespace, options: &Options) -> Option<Target> {
    let find = |rooms: &[RoomKey]| rooms.iter().filter_map(|room| namespace.find_room(room)).collect::<Vec<_>>();
    let rooms = find(&options.rooms);
    if rooms.is_empty() && !options.rooms.is_empty() {
        return None;
    }
    let except = find(&options.except);
    let target = if rooms.is_empty() { namespace.target_all(&except) } else { namespace.target(&rooms, &except) };
    (!target.is_empty()).then_some(target)
}

/// Writes a broadcast, with its offset at the end if it has one. `number` counts them.
pub fn deliver(
    writers: &Writers,
    namespace: &Namespace,
    (slot, nsp): (u32, &str),
    incoming: &Incoming<'_>,
    options: &Options,
    (number, offset): (u32, Option<Id>),
) -> Delivered {
    if options.opaque {
        return Delivered::JavaScript;
    }
    let running = writers.running.read();
    // Before the target is taken: a lane that opens in between is not meant.
    let epoch = running.as_ref().map(|fanout| fanout.epoch());
    let Some(target) = target(namespace, options) else { return Delivered::Nobody };
    let compat = target.compat_recipients();
    if let (Some(fanout), Some(epoch)) = (&*running, epoch) {
        let Some(packet) = packet(nsp, incoming.data, offset, writers.legacy_lanes.load(Ordering::Relaxed) > 0) else {
            return Delivered::JavaScript;
        };
        let packet = packet.compressed(!options.plain);
        let packet = match &options.conflate {
            Some(key) => packet.conflated(format!("{slot} {key}").into()),
            None => packet,
        };
        fanout.broadcast(target, packet, options.volatile, REMOTE | number, epoch);
    }
    if compat.is_empty() { Delivered::Written } else { Delivered::Partly(compat) }
}

fn packet(nsp: &str, data: Encoded<'_>, offset: Option<Id>, legacy: bool) -> Option<Packet> {
    let mut transcoded = Vec::new();
    let mut attachments = Vec::new();
    let json = match data {
        Encoded::Json(text) => text.as_bytes(),
        Encoded::MessagePack(bytes) => {
            transcoded.reserve(bytes.len() + bytes.len() / 4 + 16);
            to_json::transcode(bytes, &mut transcoded, &mut attachments)?;
            &transcoded
        }
    };
    let mut buffer = Vec::with_capacity(HEADROOM + nsp.len() + 16 + json.len());
    buffer.resize(HEADROOM, 0);
    if attachments.is_empty() {
        buffer.push(b'2');
    } else {
        buffer.extend(format!("5{}-", attachments.len()).bytes());
    }
    if nsp != "/" {
        buffer.extend(nsp.bytes());
        buffer.push(b',');
    }
    buffer.extend_from_slice(json);
    if let Some(offset) = offset {
        append_offset(&mut buffer, offset);
    }
    let text = Frame::with_headroom(OpCode::Text, Some(b'4'), buffer, HEADROOM);
    if attachments.is_empty() {
        return Some(Packet::from(text));
    }
    let binary = |prefix| attachments.iter().map(move |data| Frame::new(OpCode::Binary, prefix, data));
    let packet = Packet::new(std::iter::once(text.clone()).chain(binary(None)));
    Some(if legacy { packet.with_legacy(std::iter::once(text).chain(binary(Some(4)))) } else { packet })
}
