//! What is read from the streams, and who comes back for what it missed.

use std::borrow::Cow;
use std::time::Instant;

use bytes::Bytes;
use socketio_rooms::RoomKey;

use super::inbound::{LARGEST, Waits};
use super::{Core, Place};
use crate::envelope::{self, Envelope, Matter, kind};
use crate::event::Event;
use crate::incoming::{Encoded, Incoming, Options};
use crate::local::{Delivered, deliver};
use crate::stats::{add, set};
use crate::streams::format::{encoded, is_whole, whole};
use crate::streams::log::{Raw, Read};
use crate::streams::{Id, Missed, Reach, data_bytes, is_elsewhere};

/// An entry for one of our namespaces.
#[derive(Debug)]
pub(crate) struct Arrived {
    id: Id,
    uid: Bytes,
    kind: u64,
    /// JSON or `MessagePack`.
    data: Bytes,
    /// Ours: its number.
    own: Option<u64>,
}

impl Arrived {
    pub(super) fn len(&self) -> usize {
        self.uid.len() + self.data.len()
    }

    /// To be kept for longer: it shares nothing with what was read together with it.
    fn detached(self) -> Self {
        Self { uid: Bytes::copy_from_slice(&self.uid), data: Bytes::copy_from_slice(&self.data), ..self }
    }
}

/// A packet for the index: with its rooms, and those that are left out.
type Logged = (Missed, Vec<RoomKey>, Vec<RoomKey>);

/// Whether clients get an offset with it.
fn has_offset(incoming: &Incoming<'_>, options: &Options) -> bool {
    !incoming.id && !options.volatile
}

fn logged(id: Id, incoming: &Incoming<'_>, options: &Options) -> Logged {
    let data = match incoming.data {
        Encoded::Json(text) => text.as_bytes(),
        Encoded::MessagePack(bytes) => bytes,
    };
    (Missed { id, data: Bytes::copy_from_slice(data) }, options.rooms.clone(), options.except.clone())
}

/// An older entry, if it is a packet of the namespace `nsp` that clients can have missed.
pub(crate) fn older(raw: &Raw, nsp: &str) -> Option<Logged> {
    let Raw { nsp: name, kind: Some(3), data: Some(data), .. } = raw else { return None };
    let data = data_bytes(data).filter(|_| name == nsp.as_bytes())?;
    let envelope = Envelope { uid: "".into(), nsp: nsp.into(), kind: kind::BROADCAST, data: Some(encoded(&data)?) };
    let Matter::Broadcast(body) = envelope.matter() else { return None };
    let incoming = envelope::broadcast(body)?;
    let options = Options::read(incoming.options)?;
    has_offset(&incoming, &options).then(|| logged(raw.id, &incoming, &options))
}

impl Core {
    /// The streams' reach on a new connection: where reading begins, or goes on.
    pub(crate) fn begin_reading(&mut self, reaches: &[Reach]) {
        let lost = self.tail.begin(reaches);
        self.trimmed(lost);
        let fresh: Vec<_> = self.places.keys().copied().collect();
        for slot in fresh {
            self.begin_index(slot, lost > 0);
        }
    }

    /// Reading goes on: how far it is behind what was trimmed.
    pub(crate) fn audit(&mut self, reaches: &[Reach]) {
        self.set_stream_lag(self.tail.lag(reaches));
        let lost = self.tail.audit(reaches);
        self.trimmed(lost);
        if lost > 0 {
            let slots: Vec<_> = self.places.keys().copied().collect();
            for slot in slots {
                self.begin_index(slot, true);
            }
        }
    }

    pub(crate) fn set_stream_lag(&self, milliseconds: u64) {
        set(&self.counters.stream_lag, usize::try_from(milliseconds).unwrap_or(usize::MAX));
    }

    fn trimmed(&self, lost: u64) {
        add(&self.counters.trimmed, usize::try_from(lost).unwrap_or(usize::MAX));
    }

    /// A namespace's index knows what is read from now on. `anew`: what it has does not join on.
    pub(super) fn begin_index(&mut self, slot: u32, anew: bool) {
        let Some(place) = self.places.get(&slot) else { return };
        let Some(recovery) = &place.recovery else { return };
        let Some(position) = self.tail.position(&self.config.streams.streams.of(&place.nsp)) else { return };
        let mut log = recovery.lock();
        if anew || log.index.from() == Id::MAX {
            log.index.begin(position);
        }
    }

    /// All of ours that are in the streams have been read: the rest of what was on its way has not arrived.
    pub(crate) fn write_again(&mut self) {
        let rest = self.tail.rest();
        add(&self.counters.rewritten, rest.len());
        self.outbox.put_back(rest.into_iter());
        self.measure();
    }

    /// Whether packets wait for their entries.
    pub(crate) fn set_reading(&mut self, reading: bool) {
        for recovery in self.places.values().filter_map(|place| place.recovery.as_ref()) {
            recovery.set_reading(reading);
        }
        self.reading = reading;
    }

    /// Lets go of what waits too long; returns when to look again.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Instant> {
        self.places.values().filter_map(|place| place.recovery.as_ref()?.expire(now)).min()
    }

    /// Lets go of what is too old for the indexes.
    pub(super) fn forget_old(&mut self) {
        let Some(options) = self.config.streams.recovery else { return };
        let window = u64::try_from(options.window.as_millis()).unwrap_or(u64::MAX);
        for recovery in self.places.values().filter_map(|place| place.recovery.as_ref()) {
            let mut log = recovery.lock();
            let milliseconds = log.index.last().milliseconds.saturating_sub(window);
            log.index.forget(Id { milliseconds, sequence: 0 });
        }
    }

    /// Entries came. Returns how many.
    pub(crate) fn entries(&mut self, read: Read) -> usize {
        let mut count = 0;
        for (place, entries) in read {
            count += entries.len();
            self.tail.behind |= entries.len() >= self.config.streams.read;
            for raw in entries {
                self.tail.read(place, raw.id);
                self.entry(place, raw);
            }
        }
        count
    }

    fn entry(&mut self, place: usize, raw: Raw) {
        add(&self.counters.received, 1);
        if raw.nsp.is_empty() {
            return add(&self.counters.malformed, 1);
        }
        let size = raw.data.as_ref().map_or(0, Bytes::len);
        add(&self.counters.received_bytes, size);
        let own = raw.number.filter(|_| raw.uid == self.config.uid);
        if let Some(number) = own {
            self.tail.read_own(place, number);
        }
        let name = String::from_utf8_lossy(&raw.nsp);
        let Some(slot) = self.by_name.get(&*name).copied() else { return add(&self.counters.skipped, 1) };
        let Some(data) = raw.data else {
            // Heartbeats of older versions have none.
            return add(&self.counters.skipped, 1);
        };
        let decoded = match data_bytes(&data) {
            Some(Cow::Owned(decoded)) => Some(decoded.into()),
            Some(Cow::Borrowed(_)) => Some(data),
            None => None,
        };
        match (raw.kind, decoded) {
            (Some(kind), Some(data)) if size <= LARGEST => {
                self.arrived(slot, Arrived { id: raw.id, uid: raw.uid, kind: kind.into(), data, own });
            }
            _ => add(&self.counters.malformed, 1),
        }
    }

    /// An entry has its turn, or waits for a request that came before it.
    pub(super) fn arrived(&mut self, slot: u32, arrived: Arrived) {
        self.number = self.number.wrapping_add(1);
        let Some(place) = self.places.get(&slot) else { return };
        if place.undone > 0 {
            return self.hold(slot, Waits::Entry(arrived.detached()));
        }
        let ours = arrived.uid == self.config.uid;
        if ours && place.recovery.is_none() {
            return add(&self.counters.skipped, 1);
        }
        let is_here = |room: &str| place.rooms.find_room(&RoomKey::text(room)).is_some();
        let passes = place.native && place.recovery.is_none() && arrived.kind == kind::BROADCAST;
        if passes && is_elsewhere(&arrived.data, is_here) {
            return add(&self.counters.skipped, 1);
        }
        let envelope = Envelope {
            uid: String::from_utf8_lossy(&arrived.uid),
            nsp: Cow::Borrowed(&place.nsp),
            kind: arrived.kind,
            data: encoded(&arrived.data),
        };
        if let Some(incoming) = envelope.plain_broadcast() {
            if self.packet(slot, &arrived, &envelope, Some(&incoming)) {
                self.wait_for(slot);
            }
            return;
        }
        match envelope.matter() {
            Matter::Broadcast(body) => {
                if self.packet(slot, &arrived, &envelope, envelope::broadcast(body).as_ref()) {
                    self.wait_for(slot);
                }
            }
            _ if ours => add(&self.counters.skipped, 1),
            // All else was read to its end.
            Matter::Request if !is_whole(envelope.data) => add(&self.counters.malformed, 1),
            Matter::Request => self.request(slot, whole(&envelope, None)),
            Matter::Response(id) if self.expected.contains(&id) => {
                self.wake(Event::Response(slot, whole(&envelope, None)));
            }
            Matter::Malformed => add(&self.counters.malformed, 1),
            Matter::Response(_) | Matter::Other => add(&self.counters.skipped, 1),
        }
    }

    /// Returns whether what follows has to wait.
    fn packet(&self, slot: u32, arrived: &Arrived, envelope: &Envelope<'_>, incoming: Option<&Incoming<'_>>) -> bool {
        let read = incoming.and_then(|incoming| Some((incoming, Options::read(incoming.options)?)));
        let Some((incoming, options)) = read else {
            add(&self.counters.malformed, 1);
            return false;
        };
        if envelope.uid == self.config.uid {
            self.own_entry(slot, arrived, incoming, &options);
            return false;
        }
        self.remote_entry(slot, arrived, envelope, incoming, &options)
    }

    /// What this server has written: those that it is for here may have it now.
    fn own_entry(&self, slot: u32, arrived: &Arrived, incoming: &Incoming<'_>, options: &Options) {
        add(&self.counters.skipped, 1);
        let Some(recovery) = self.places.get(&slot).and_then(|place| place.recovery.as_ref()) else { return };
        let mut log = recovery.lock();
        if has_offset(incoming, options) {
            let (missed, rooms, except) = logged(arrived.id, incoming, options);
            log.index.push(missed, rooms, except);
        }
        if let Some(number) = arrived.own {
            recovery.own(&mut log, number, arrived.id);
        }
    }

    /// Returns whether what follows has to wait.
    fn remote_entry(
        &self,
        slot: u32,
        arrived: &Arrived,
        envelope: &Envelope<'_>,
        incoming: &Incoming<'_>,
        options: &Options,
    ) -> bool {
        let Some(place) = self.places.get(&slot) else { return false };
        if incoming.nsp.as_ref().is_some_and(|nsp| *nsp != place.nsp) {
            add(&self.counters.skipped, 1);
            return false;
        }
        let mut log = place.recovery.as_ref().map(|recovery| recovery.lock());
        let offset = log.as_mut().filter(|_| has_offset(incoming, options)).map(|log| {
            let (missed, rooms, except) = logged(arrived.id, incoming, options);
            log.index.push(missed, rooms, except);
            log.offset(arrived.id)
        });
        let delivered = self.deliver_entry(slot, place, incoming, options, offset);
        let offset = offset.map(|offset| offset.to_string());
        // Under the lock: what waits for JavaScript is in the order of the entries.
        self.delivered(slot, delivered, || whole(envelope, offset.as_deref()))
    }

    fn deliver_entry(
        &self,
        slot: u32,
        place: &Place,
        incoming: &Incoming<'_>,
        options: &Options,
        offset: Option<Id>,
    ) -> Delivered {
        if !place.native {
            return Delivered::JavaScript;
        }
        deliver(&self.writers, &place.rooms, (slot, &place.nsp), incoming, options, (self.number, offset))
    }
}
