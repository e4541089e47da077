//! What the cluster's thread decides: no I/O, no clock. The caller hands in commands, messages and the time, and takes out what
//! is to be subscribed, asked and published. What the modes differ in is [`Format`]'s.

mod census;
mod entries;
mod inbound;
mod restore;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxBuildHasher;
use socketio_rooms::Namespace;

pub(crate) use self::census::Question;
#[cfg(feature = "fuzzing")]
pub(crate) use self::entries::older;
use self::inbound::Waits;
use self::restore::Pass;
pub(crate) use self::restore::{CHUNK, Job, Section};
use self::subscriptions::Subscriptions;
use crate::classic;
use crate::command::{Command, Config};
use crate::event::{Event, Events};
use crate::format::{Format, Mode};
use crate::local::Writers;
use crate::members::Members;
use crate::outbox::{Outbox, Outgoing, Route};
use crate::stats::{Counters, add, set};
use crate::streams::{Recovery, Tail};

/// More namespaces, or servers, are not named at once.
pub(crate) const NAMED: usize = 64;

/// A namespace.
struct Place {
    nsp: String,
    format: Box<dyn Format>,
    rooms: Arc<Namespace>,
    native: bool,
    /// Requests that the event loop has not done yet: what came after them waits.
    undone: u32,
    held: VecDeque<Waits>,
    held_bytes: usize,
    /// Of its rooms: a number and its text have the same.
    channels: HashMap<Arc<str>, u32, FxBuildHasher>,
    recovery: Option<Arc<Recovery>>,
}

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) outbox: Outbox,
    pub(crate) questions: Vec<Question>,
    subscriptions: Subscriptions,
    /// Our own voice came back.
    pub(crate) heard: Instant,
    /// The sign of life that has not come back yet.
    said: Option<Instant>,
    pub(crate) closing: bool,
    /// A server has come.
    pub(crate) newcomer: bool,
    places: HashMap<u32, Place, FxBuildHasher>,
    /// Whose a channel is.
    owners: HashMap<Arc<str>, u32, FxBuildHasher>,
    /// The reading of the streams.
    pub(crate) tail: Tail,
    pub(crate) restores: Vec<Job>,
    /// Their tickets, until they are answered.
    restoring: HashSet<u32, FxBuildHasher>,
    pub(crate) sections: Vec<Section>,
    /// Sessions to save, each under its key for so many milliseconds; `None`: to delete.
    sessions: HashMap<String, (Option<String>, u64), FxBuildHasher>,
    passes: HashMap<u32, Pass, FxBuildHasher>,
    by_name: HashMap<String, u32, FxBuildHasher>,
    /// With what the broadcasts' channels of all namespaces begin, in mode `pubsub`.
    broadcasts: Option<String>,
    /// The most `#` in a namespace's name so far.
    hashes: usize,
    /// Entries of the streams come.
    reading: bool,
    /// Of the command that is done.
    command: u64,
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
        let broadcasts = (config.mode == Mode::PubSub).then(|| classic::prefix(&config.key));
        let streams = if config.mode == Mode::Streams { config.streams.streams.all() } else { Vec::new() };
        Self {
            tail: Tail::new(streams),
            restores: Vec::new(),
            restoring: HashSet::default(),
            sections: Vec::new(),
            sessions: HashMap::default(),
            passes: HashMap::default(),
            by_name: HashMap::default(),
            broadcasts,
            hashes: 0,
            reading: false,
            command: 0,
            outbox: Outbox::new(config.outbox, config.outbox_bytes),
            config,
            questions: Vec::new(),
            subscriptions: Subscriptions::default(),
            heard: now,
            said: None,
            closing: false,
            newcomer: false,
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

    /// The channels by which it is seen who is there; not all when there are many.
    pub(crate) fn counted(&self) -> Vec<String> {
        self.places.values().take(NAMED).map(|place| place.format.counted().to_owned()).collect()
    }

    fn publish(&mut self, mut message: Outgoing) {
        if let Route::Stream { number, .. } = &mut message.route {
            *number = self.command;
        }
        let gone = self.outbox.push(message);
        add(&self.counters.outbox_dropped, gone);
        self.measure();
    }

    pub(crate) fn measure(&self) {
        set(&self.counters.outbox, self.outbox.len());
        set(&self.counters.outbox_bytes, self.outbox.bytes());
    }

    /// Does a command. Numbers grow.
    pub(crate) fn command(&mut self, number: u64, command: Command, now: Instant) {
        self.command = number;
        match command {
            Command::Join { slot, nsp, rooms, native, recovery } => self.join(slot, nsp, (rooms, recovery), native),
            Command::Leave(slot) => self.leave(slot),
            Command::Rooms { slot, changes } => self.rooms(slot, changes),
            Command::Settle(ticket) => self.settle(ticket),
            Command::Native(slot, native) => self.set_native(slot, native),
            Command::Broadcast { slot, text, room, options } => {
                let Some(place) = self.places.get(&slot) else { return };
                match place.format.broadcast(&text, room.as_deref(), options.as_deref(), now) {
                    Some(message) => self.publish(message),
                    None => add(&self.counters.malformed, 1),
                }
            }
            Command::Packet { slot, payload, room } => {
                self.send(slot, |format| format.packet(payload, room.as_deref(), now));
            }
            Command::Request { slot, payload, expect } => {
                self.expected.extend(expect);
                self.send(slot, |format| format.request(payload, now));
            }
            Command::Forget(id) => {
                self.expected.remove(&id);
            }
            Command::Answer { slot, to, payload } => self.send(slot, |format| format.answer(payload, to.as_deref())),
            Command::Count { slot, ticket } => self.count(slot, ticket, now),
            Command::Done(slot) => self.done(slot),
            Command::Turn(slot) => self.turn(slot),
            Command::Echo(ticket) => drop(self.events.push(Event::Echo(ticket))),
            Command::Save(sessions) => self.save(sessions),
            Command::Restore { slot, ticket, key, offset } => self.restore(slot, ticket, key, offset),
            // Only emitters are asked.
            Command::Flush(ticket) => drop(self.events.push(Event::Flushed(ticket))),
            Command::Close => {
                self.hello(true);
                self.closing = true;
            }
        }
    }

    fn send(&mut self, slot: u32, message: impl FnOnce(&mut dyn Format) -> Outgoing) {
        if let Some(place) = self.places.get_mut(&slot) {
            let message = message(&mut *place.format);
            self.publish(message);
        }
    }
}
