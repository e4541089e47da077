//! What the cluster's thread decides: no I/O, no clock. The caller hands in commands, messages and the time, and takes out what
//! is to be subscribed, asked and published. What the modes differ in is [`Format`]'s.

mod census;
mod inbound;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustc_hash::FxBuildHasher;
use socketio_rooms::Namespace;

pub(crate) use self::census::Question;
use crate::command::{Command, Config};
use crate::event::{Event, Events};
use crate::format::{Format, Subscription};
use crate::local::Writers;
use crate::members::Members;
use crate::outbox::{Outbox, Outgoing};
use crate::stats::{Counters, add, set};

/// A namespace.
struct Place {
    nsp: String,
    format: Box<dyn Format>,
    rooms: Arc<Namespace>,
    native: bool,
    /// Requests that the event loop has not done yet: what came after them waits, with its channel.
    undone: u32,
    held: VecDeque<(String, Bytes)>,
    held_bytes: usize,
    subscribed: bool,
}

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) outbox: Outbox,
    pub(crate) questions: Vec<Question>,
    pub(crate) subscribe: Vec<Subscription>,
    pub(crate) unsubscribe: Vec<Subscription>,
    /// Our own voice came back.
    pub(crate) heard: Instant,
    pub(crate) closing: bool,
    places: HashMap<u32, Place, FxBuildHasher>,
    /// Whose a channel or pattern is.
    owners: HashMap<String, u32, FxBuildHasher>,
    expected: HashSet<String, FxBuildHasher>,
    members: Members,
    events: Arc<Events>,
    counters: Arc<Counters>,
    writers: Arc<Writers>,
    number: u32,
}

impl Core {
    pub(crate) fn new(
        config: Config,
        events: Arc<Events>,
        counters: Arc<Counters>,
        writers: Arc<Writers>,
        now: Instant,
    ) -> Self {
        Self {
            outbox: Outbox::new(config.outbox, config.outbox_bytes),
            config,
            questions: Vec::new(),
            subscribe: Vec::new(),
            unsubscribe: Vec::new(),
            heard: now,
            closing: false,
            places: HashMap::default(),
            owners: HashMap::default(),
            expected: HashSet::default(),
            members: Members::default(),
            events,
            counters,
            writers,
            number: 0,
        }
    }

    /// Everything is to be subscribed on a new connection; returns the channels whose subscription is checked.
    pub(crate) fn begin(&mut self, now: Instant) -> Vec<String> {
        self.excuse(now);
        self.unsubscribe.clear();
        self.subscribe = self.presence_subscriptions();
        let mut checked = Vec::new();
        for place in self.places.values_mut() {
            place.subscribed = false;
            checked.push(place.format.counted().to_owned());
            self.subscribe.extend(place.format.subscriptions());
        }
        checked
    }

    /// What was in `subscribe` is subscribed.
    pub(crate) fn subscribed(&mut self) {
        for (slot, place) in &mut self.places {
            if !std::mem::replace(&mut place.subscribed, true) {
                self.events.push(Event::Joined(*slot));
            }
        }
    }

    fn publish(&mut self, message: Outgoing) {
        let gone = self.outbox.push(message);
        add(&self.counters.outbox_dropped, gone);
        self.measure();
    }

    pub(crate) fn measure(&self) {
        set(&self.counters.outbox, self.outbox.len());
        set(&self.counters.outbox_bytes, self.outbox.bytes());
    }

    pub(crate) fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Join { slot, nsp, rooms, native } => self.join(slot, nsp, rooms, native),
            Command::Leave(slot) => self.leave(slot),
            Command::Native(slot, native) => {
                if let Some(place) = self.places.get_mut(&slot) {
                    place.native = native;
                }
            }
            Command::Broadcast { slot, text, room, options } => {
                let Some(place) = self.places.get(&slot) else { return };
                match place.format.broadcast(&text, room.as_deref(), options.as_deref()) {
                    Some(message) => self.publish(message),
                    None => add(&self.counters.malformed, 1),
                }
            }
            Command::Packet { slot, payload, room } => {
                self.send(slot, |format| format.packet(payload, room.as_deref()));
            }
            Command::Request { slot, payload, expect } => {
                self.expected.extend(expect);
                self.send(slot, |format| format.request(payload));
            }
            Command::Forget(id) => {
                self.expected.remove(&id);
            }
            Command::Answer { slot, to, payload } => self.send(slot, |format| format.answer(payload, to.as_deref())),
            Command::Count { slot, ticket } => self.count(slot, ticket, now),
            Command::Done(slot) => self.done(slot),
            Command::Close => {
                self.hello(true);
                self.closing = true;
            }
        }
    }

    fn send(&mut self, slot: u32, message: impl FnOnce(&dyn Format) -> Outgoing) {
        if let Some(place) = self.places.get(&slot) {
            let message = message(&*place.format);
            self.publish(message);
        }
    }

    fn join(&mut self, slot: u32, nsp: String, rooms: Arc<Namespace>, native: bool) {
        let format = self.config.mode.format(&self.config, &nsp);
        for subscription in format.subscriptions() {
            self.owners.insert(subscription.name().to_owned(), slot);
            self.subscribe.push(subscription);
        }
        let (held, undone, held_bytes, subscribed) = (VecDeque::new(), 0, 0, false);
        self.places.insert(slot, Place { nsp, format, rooms, native, undone, held, held_bytes, subscribed });
    }

    fn leave(&mut self, slot: u32) {
        let Some(place) = self.places.remove(&slot) else { return };
        for subscription in place.format.subscriptions() {
            // A namespace of the same name may have begun.
            if self.owners.get(subscription.name()) == Some(&slot) {
                self.owners.remove(subscription.name());
                self.unsubscribe.push(subscription);
            }
        }
    }
}
