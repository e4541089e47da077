//! What a server decides, and what must hold whatever it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use socketio_rooms::{Namespace, RoomChange, RoomKey};

use crate::command::{Command, Config};
use crate::core::Core;
use crate::event::{Event, Events};
use crate::format::Mode;
use crate::local::Writers;
use crate::stats::Counters;
use crate::streams::log::Raw;
use crate::streams::{Recovery, RecoveryOptions, Streams, StreamsOptions};

/// A server with the namespaces `/` (its number is 0) and `/a` (1), whose clients JavaScript writes to.
pub(crate) struct Server {
    core: Core,
    events: Arc<Events>,
    counters: Arc<Counters>,
    now: Instant,
    /// What other servers said of themselves, and could be read: no counter has it.
    heard: u64,
    /// Of each namespace: what the event loop has not done yet.
    undone: [u32; 2],
}

impl Server {
    pub(crate) const UID: &str = "me";
    /// The id of the only request that waits for answers.
    pub(crate) const EXPECTED: &str = "ask";

    /// `keeps`: what its clients miss is kept. `native`: their packets are the standard parser's.
    pub(crate) fn new(mode: Mode, keeps: bool, native: bool) -> Self {
        let (events, counters) = (Arc::new(Events::new(Box::new(|| {}))), Arc::new(Counters::default()));
        let (writers, now) = (Arc::new(Writers::default()), Instant::now());
        let options = RecoveryOptions { most: 100, most_bytes: 10_000, window: Duration::from_secs(120) };
        let recovery = Some(options).filter(|_| keeps && mode == Mode::Streams);
        let streams = Streams { name: "socket.io".into(), count: 1 };
        let block = Duration::from_secs(5);
        let config = Config {
            mode,
            key: "socket.io".into(),
            uid: Self::UID.into(),
            name: "this one".into(),
            outbox: 100,
            outbox_bytes: 100_000,
            streams: StreamsOptions { streams, most: 1000, read: 100, block, recovery },
        };
        let mut core = Core::new(config, Arc::clone(&events), Arc::clone(&counters), Arc::clone(&writers), now);
        for (slot, nsp) in [(0, "/"), (1, "/a")] {
            let recovery = recovery.map(|RecoveryOptions { most, most_bytes, .. }| {
                Arc::new(Recovery::new(slot, (most, most_bytes), Arc::clone(&events), Arc::clone(&writers)))
            });
            let command = Command::Join { slot, nsp: nsp.into(), rooms: Arc::new(rooms()), native, recovery };
            core.command(slot.into(), command, now);
        }
        if mode.has_rooms() {
            let changes = NAMES.map(|name| RoomChange::Made(RoomKey::text(name))).into();
            core.command(2, Command::Rooms { slot: 0, changes }, now);
        }
        let (payload, expect) = ("{}".into(), Some(Self::EXPECTED.into()));
        core.command(2, Command::Request { slot: 0, payload, expect }, now);
        Self { core, events, counters, now, heard: 0, undone: [0; 2] }
    }

    /// A message came; returns what the event loop hears of.
    pub(crate) fn message(&mut self, channel: &str, payload: &[u8]) -> Vec<Event> {
        let malformed = self.counters.read().malformed;
        self.core.message(channel, payload, self.now);
        if channel == "socket.io-native#" && self.counters.read().malformed == malformed {
            self.heard += 1;
        }
        self.check()
    }

    /// Entries of the only stream came.
    pub(crate) fn entries(&mut self, entries: Vec<Raw>) -> Vec<Event> {
        let count = entries.len();
        assert_eq!(self.core.entries(vec![(0, entries)]), count);
        self.check()
    }

    /// The event loop has done something of a namespace.
    pub(crate) fn done(&mut self, slot: usize) -> Vec<Event> {
        self.core.command(3, Command::Done(u32::try_from(slot).expect("a small one")), self.now);
        self.undone[slot] = self.undone[slot].saturating_sub(1);
        self.check()
    }

    /// Whether a room of that name is here.
    pub(crate) fn has_room(name: &str) -> bool {
        NAMES.contains(&name)
    }

    /// Nothing overtakes what has to be done first, and what came is counted once.
    fn check(&mut self) -> Vec<Event> {
        let events = self.events.take();
        for event in &events {
            match event {
                Event::Request(slot, _) | Event::Whole(slot, _) => {
                    assert_eq!(self.undone[*slot as usize], 0, "{event:?} overtakes");
                    self.undone[*slot as usize] += 1;
                }
                Event::Broadcast(slot, ..) => assert_eq!(self.undone[*slot as usize], 0, "{event:?} overtakes"),
                Event::Response(..) => {}
                _ => panic!("nobody asked for {event:?}"),
            }
        }
        let stats = self.counters.read();
        let counted = stats.skipped + stats.native + stats.woken + stats.malformed + stats.inbound_dropped + self.heard;
        assert!(counted <= stats.received, "counted twice: {stats:?}");
        if self.undone == [0; 2] {
            assert_eq!(counted, stats.received, "lost: {stats:?}");
        }
        events
    }
}

/// The rooms that are texts. There is also one that is a number.
const NAMES: [&str; 2] = ["here", "ä"];

/// Each room has a client, which JavaScript writes to.
fn rooms() -> Namespace {
    let namespace = Namespace::new();
    let keys = NAMES.into_iter().map(RoomKey::text).chain([RoomKey::number(7.0)]);
    for (connection, key) in (0..).zip(keys) {
        namespace.enter(connection, true);
        let room = namespace.create_room(key);
        namespace.join(connection, room);
    }
    namespace
}
