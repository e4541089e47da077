//! What the cluster's thread decides: no I/O, no clock. The caller hands in commands, messages and the time, and takes out what
//! is to be subscribed, asked and published.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustc_hash::FxBuildHasher;
use socketio_rooms::Namespace;

use crate::classic::{self, Channels, Incoming};
use crate::command::{Command, Config};
use crate::event::{Census, Event, Events, Member};
use crate::local::{Delivered, Writers, deliver, has_room};
use crate::members::Members;
use crate::outbox::{Outbox, Outgoing};
use crate::stats::{Counters, add, set};

/// The most bytes of one namespace that wait until the event loop has done a request.
const MOST_HELD: usize = 64 * 1024 * 1024;
/// Larger messages are ignored.
const LARGEST: usize = 128 * 1024 * 1024;
/// More namespaces are not named.
const NAMED: usize = 64;

struct Place {
    nsp: String,
    channels: Channels,
    rooms: Arc<Namespace>,
    native: bool,
    /// Requests that the event loop has not done yet: what came after them waits.
    undone: u32,
    held: VecDeque<(String, Bytes)>,
    held_bytes: usize,
    subscribed: bool,
}

/// Which channel a subscription is for.
#[derive(Clone, Copy)]
enum Kind {
    Request,
    Response,
}

/// How many servers have a namespace, and who is gone.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) ticket: u32,
    /// The namespace's, then that of each of `members`.
    pub(crate) channels: Vec<String>,
    members: Vec<(Member, bool)>,
}

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) outbox: Outbox,
    pub(crate) questions: Vec<Question>,
    /// Channels and patterns to subscribe, to unsubscribe.
    pub(crate) subscribe: (Vec<String>, Vec<String>),
    pub(crate) unsubscribe: (Vec<String>, Vec<String>),
    /// Our own voice came back.
    pub(crate) heard: Instant,
    pub(crate) closing: bool,
    places: HashMap<u32, Place, FxBuildHasher>,
    patterns: HashMap<String, u32, FxBuildHasher>,
    channels: HashMap<String, (u32, Kind), FxBuildHasher>,
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
            subscribe: Default::default(),
            unsubscribe: Default::default(),
            heard: now,
            closing: false,
            places: HashMap::default(),
            patterns: HashMap::default(),
            channels: HashMap::default(),
            expected: HashSet::default(),
            members: Members::default(),
            events,
            counters,
            writers,
            number: 0,
        }
    }

    fn presence(&self) -> String {
        format!("{}-native#", self.config.key)
    }

    /// What says whether a server is connected: nothing is sent there.
    fn presence_of(&self, uid: &str) -> String {
        format!("{}-native#{uid}#", self.config.key)
    }

    fn member(&self) -> Member {
        let nsps = (self.places.len() <= NAMED).then(|| self.places.values().map(|place| place.nsp.clone()).collect());
        Member { uid: self.config.uid.clone(), name: self.config.name.clone(), nsps }
    }

    /// Says that this server is there, or leaves.
    pub(crate) fn hello(&mut self, bye: bool) {
        let Outgoing { channel, payload } = self.greeting(bye);
        self.publish(channel, payload);
    }

    pub(crate) fn greeting(&self, bye: bool) -> Outgoing {
        Outgoing { channel: self.presence(), payload: Members::hello(&self.member(), bye).into() }
    }

    pub(crate) fn excuse(&mut self, now: Instant) {
        self.heard = now;
        self.members.excuse(now);
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        self.members.tick(now);
    }

    /// All channels, for a new connection; and those whose subscription is checked.
    pub(crate) fn begin(&mut self, now: Instant) -> Vec<String> {
        self.excuse(now);
        self.unsubscribe = Default::default();
        let mut channels = vec![self.presence(), self.presence_of(&self.config.uid)];
        let checked = self.places.values().map(|place| place.channels.request.clone()).collect();
        for place in self.places.values_mut() {
            place.subscribed = false;
        }
        channels.extend(self.channels.keys().cloned());
        self.subscribe = (channels, self.patterns.keys().cloned().collect());
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

    fn publish(&mut self, channel: String, payload: Bytes) {
        let gone = self.outbox.push(Outgoing { channel, payload });
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
                let uid = &self.config.uid;
                match classic::outgoing(uid, &place.nsp, &text, room.as_deref(), options.as_deref()) {
                    Some(payload) => self.publish(place.channels.broadcast_to(room.as_deref()), payload.into()),
                    None => add(&self.counters.malformed, 1),
                }
            }
            Command::Packet { slot, payload, room } => {
                if let Some(place) = self.places.get(&slot) {
                    self.publish(place.channels.broadcast_to(room.as_deref()), payload);
                }
            }
            Command::Request { slot, payload, expect } => {
                self.expected.extend(expect);
                if let Some(place) = self.places.get(&slot) {
                    self.publish(place.channels.request.clone(), payload);
                }
            }
            Command::Forget(id) => {
                self.expected.remove(&id);
            }
            Command::Answer { slot, to, payload } => {
                if let Some(place) = self.places.get(&slot) {
                    let shared = || place.channels.response.clone();
                    self.publish(to.map_or_else(shared, |uid| place.channels.response_to(&uid)), payload);
                }
            }
            Command::Count { slot, ticket } => {
                let Some(place) = self.places.get(&slot) else {
                    self.events.push(Event::Count(ticket, Census::default()));
                    return;
                };
                let mut members = self.members.of(&place.nsp, &self.config.uid, now);
                members.truncate(NAMED);
                let each = members.iter().map(|(member, _)| self.presence_of(&member.uid));
                let channels = std::iter::once(place.channels.request.clone()).chain(each).collect();
                self.questions.push(Question { ticket, channels, members });
            }
            Command::Done(slot) => self.done(slot),
            Command::Close => {
                self.hello(true);
                self.closing = true;
            }
        }
    }

    /// The answer to a question, `None` when there is none.
    pub(crate) fn answer(&mut self, question: Question, counts: Option<Vec<u64>>) {
        let Some(counts) = counts else {
            self.events.push(Event::Count(question.ticket, Census::default()));
            return;
        };
        let mut counts = counts.into_iter();
        let mut census = Census { count: counts.next(), ..Census::default() };
        for ((member, silent), connections) in question.members.into_iter().zip(counts) {
            if connections == 0 {
                self.members.remove(&member.uid);
                census.gone.push(member);
            } else if silent {
                census.silent.push(member);
            }
        }
        self.events.push(Event::Count(question.ticket, census));
    }

    fn join(&mut self, slot: u32, nsp: String, rooms: Arc<Namespace>, native: bool) {
        let channels = Channels::new(&self.config.key, &nsp);
        let own = channels.response_to(&self.config.uid);
        self.patterns.insert(channels.pattern.clone(), slot);
        self.channels.insert(channels.request.clone(), (slot, Kind::Request));
        self.channels.insert(channels.response.clone(), (slot, Kind::Response));
        self.channels.insert(own.clone(), (slot, Kind::Response));
        self.subscribe.0.extend([channels.request.clone(), channels.response.clone(), own]);
        self.subscribe.1.push(channels.pattern.clone());
        let (held, undone, held_bytes, subscribed) = (VecDeque::new(), 0, 0, false);
        self.places.insert(slot, Place { nsp, channels, rooms, native, undone, held, held_bytes, subscribed });
    }

    fn leave(&mut self, slot: u32) {
        let Some(place) = self.places.remove(&slot) else { return };
        let own = place.channels.response_to(&self.config.uid);
        if self.patterns.get(&place.channels.pattern) == Some(&slot) {
            self.patterns.remove(&place.channels.pattern);
            self.unsubscribe.1.push(place.channels.pattern);
        }
        for channel in [place.channels.request, place.channels.response, own] {
            if self.channels.get(&channel).is_some_and(|(owner, _)| *owner == slot) {
                self.channels.remove(&channel);
                self.unsubscribe.0.push(channel);
            }
        }
    }

    /// A message came. `pattern`: by which it was found.
    pub(crate) fn message(&mut self, channel: &str, pattern: Option<&str>, payload: &[u8], now: Instant) {
        add(&self.counters.received, 1);
        add(&self.counters.received_bytes, payload.len());
        if payload.len() > LARGEST {
            return add(&self.counters.malformed, 1);
        }
        if let Some(pattern) = pattern {
            let Some(slot) = self.patterns.get(pattern).copied() else { return };
            return self.broadcast(slot, channel, payload);
        }
        if let Some((slot, kind)) = self.channels.get(channel).copied() {
            return match kind {
                Kind::Request => self.request(slot, payload),
                Kind::Response => self.response(slot, payload),
            };
        }
        match self.members.hear(payload, now) {
            Some(uid) if uid == self.config.uid => self.heard = now,
            Some(_) => {}
            None => add(&self.counters.malformed, 1),
        }
    }

    fn wake(&self, event: Event) -> bool {
        let taken = self.events.push(event);
        add(if taken { &self.counters.woken } else { &self.counters.inbound_dropped }, 1);
        taken
    }

    fn request(&mut self, slot: u32, payload: &[u8]) {
        let Some(place) = self.places.get(&slot) else { return };
        match classic::is_own_request(payload, &self.config.uid) {
            Some(false) => {}
            Some(true) => return add(&self.counters.skipped, 1),
            None => return add(&self.counters.malformed, 1),
        }
        if place.undone > 0 {
            // It has its turn after the broadcasts that wait.
            return self.hold(slot, String::new(), payload);
        }
        self.forward(slot, Bytes::copy_from_slice(payload));
    }

    fn forward(&mut self, slot: u32, payload: Bytes) {
        if self.wake(Event::Request(slot, payload))
            && let Some(place) = self.places.get_mut(&slot)
        {
            place.undone += 1;
        }
    }

    fn response(&mut self, slot: u32, payload: &[u8]) {
        match classic::request_of(payload) {
            Some(id) if self.expected.contains(&id) => {
                self.wake(Event::Response(slot, Bytes::copy_from_slice(payload)));
            }
            Some(_) => add(&self.counters.skipped, 1),
            None => add(&self.counters.malformed, 1),
        }
    }

    fn hold(&mut self, slot: u32, channel: String, payload: &[u8]) {
        let Some(place) = self.places.get_mut(&slot) else { return };
        if place.held_bytes + payload.len() > MOST_HELD {
            return add(&self.counters.inbound_dropped, 1);
        }
        place.held_bytes += payload.len();
        place.held.push_back((channel, Bytes::copy_from_slice(payload)));
    }

    fn done(&mut self, slot: u32) {
        let Some(place) = self.places.get_mut(&slot) else { return };
        place.undone = place.undone.saturating_sub(1);
        while let Some(place) = self.places.get_mut(&slot).filter(|place| place.undone == 0) {
            let Some((channel, payload)) = place.held.pop_front() else { return };
            place.held_bytes -= payload.len();
            if channel.is_empty() { self.forward(slot, payload) } else { self.broadcast(slot, &channel, &payload) }
        }
    }

    fn broadcast(&mut self, slot: u32, channel: &str, payload: &[u8]) {
        let Some(place) = self.places.get(&slot) else { return };
        // A namespace may be named like a pattern.
        let Some(room) = place.channels.room_of(channel) else { return add(&self.counters.skipped, 1) };
        if classic::sender(payload) == Some(self.config.uid.as_bytes()) {
            return add(&self.counters.skipped, 1);
        }
        if place.undone > 0 {
            return self.hold(slot, channel.to_owned(), payload);
        }
        if !room.is_empty() && !has_room(&place.rooms, room) {
            return add(&self.counters.skipped, 1);
        }
        let read = Incoming::read(payload).and_then(|incoming| Some((incoming, incoming.options()?)));
        let Some((incoming, options)) = read else { return add(&self.counters.malformed, 1) };
        if incoming.nsp != place.nsp.as_bytes() {
            return add(&self.counters.skipped, 1);
        }
        self.number = self.number.wrapping_add(1);
        let delivered = if place.native {
            deliver(&self.writers, &place.rooms, (slot, &place.nsp), &incoming, &options, self.number)
        } else {
            Delivered::JavaScript
        };
        let to = match delivered {
            Delivered::Nobody => return add(&self.counters.skipped, 1),
            Delivered::Written => return add(&self.counters.native, 1),
            Delivered::Partly(connections) => Some(connections),
            Delivered::JavaScript => None,
        };
        self.wake(Event::Broadcast(slot, Bytes::copy_from_slice(payload), to));
    }
}
