//! Mode `pubsub`: whose a broadcast is that came by the one pattern of all namespaces.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use socketio_rooms::{Namespace, RoomKey};

use super::Core;
use crate::classic;
use crate::command::{Command, Config};
use crate::event::{Event, Events};
use crate::format::{Mode, Subscription};
use crate::stats::Counters;
use crate::streams::{Streams, StreamsOptions};

/// A server whose namespaces have these names and rooms, and clients that JavaScript writes to: slot 0, 1 and so on.
struct Server {
    core: Core,
    events: Arc<Events>,
    counters: Arc<Counters>,
}

impl Server {
    fn new(key: &str, namespaces: &[(&str, &[&str])]) -> Self {
        let (events, counters) = (Arc::new(Events::new(Box::new(|| {}))), Arc::new(Counters::default()));
        let streams = Streams { name: String::new(), count: 1 };
        let block = Duration::from_secs(5);
        let config = Config {
            mode: Mode::PubSub,
            key: key.into(),
            uid: "me".into(),
            name: String::new(),
            outbox: 10,
            outbox_bytes: 1000,
            streams: StreamsOptions { streams, most: 0, read: 0, block, recovery: None },
        };
        let core = Core::new(config, Arc::clone(&events), Arc::clone(&counters), Arc::default(), Instant::now());
        let mut server = Self { core, events, counters };
        for (slot, (name, rooms)) in (0..).zip(namespaces) {
            server.join(slot, name, rooms);
        }
        server
    }

    fn join(&mut self, slot: u32, name: &str, names: &[&str]) {
        let rooms = Arc::new(Namespace::new());
        rooms.enter(0, true);
        for room in names {
            rooms.join(0, rooms.create_room(RoomKey::text(room)));
        }
        let join = Command::Join { slot, nsp: name.into(), rooms, native: true, recovery: None };
        self.core.command(1, join, Instant::now());
    }

    /// The slots of those that get what another server sends from a namespace to a room, or to all.
    fn hear(&mut self, key: &str, nsp: &str, room: Option<&str>) -> Vec<u32> {
        let text = if nsp == "/" { r#"2["e"]"#.to_owned() } else { format!(r#"2{nsp},["e"]"#) };
        let payload = classic::outgoing("other", nsp, &text, room, None).expect("a packet");
        let channel = classic::Channels::new(key, nsp).broadcast_to(room);
        self.events.take();
        self.core.message(&channel, &payload, Instant::now());
        let slot = |event| match event {
            Event::Broadcast(slot, ..) => slot,
            other => panic!("expected broadcasts, got {other:?}"),
        };
        self.events.take().into_iter().map(slot).collect()
    }
}

#[test]
fn one_pattern_is_subscribed_before_the_channels_by_which_servers_are_counted() {
    let mut server = Server::new("app*", &[("/", &[]), ("/one", &[]), ("/two", &[])]);
    server.core.begin(Instant::now());
    let changes = server.core.next_changes().expect("subscriptions");
    let is_pattern = |subscription: &&Subscription| matches!(subscription, Subscription::Pattern(_));
    let all: Vec<_> = changes.into_iter().map(|(subscription, _)| subscription).collect();
    assert_eq!(all.first(), Some(&Subscription::Pattern(r"app\*#*".into())));
    assert_eq!(all.iter().filter(is_pattern).count(), 1);
    server.core.confirmed();
    server.join(3, "/three", &[]);
    let later = server.core.next_changes().expect("channels of the new one");
    assert!(later.iter().all(|(subscription, _)| matches!(subscription, Subscription::Channel(_))), "{later:?}");
}

#[test]
fn a_broadcast_is_its_namespaces_whatever_is_in_the_names() {
    let rooms: &[&str] = &["b", "b#c", "#"];
    let mut server = Server::new("app", &[("/", rooms), ("/a", rooms), ("/a#b", rooms), ("/a#", rooms)]);
    for (slot, nsp) in (0..).zip(["/", "/a", "/a#b", "/a#"]) {
        for room in [None, Some("b"), Some("b#c"), Some("#")] {
            assert_eq!(server.hear("app", nsp, room), [slot], "{nsp} {room:?}");
        }
        assert_eq!(server.hear("app", nsp, Some("c")), [0; 0], "{nsp} has no such room");
    }
}

#[test]
fn what_is_for_others_is_skipped_without_being_read() {
    let mut server = Server::new("app", &[("/", &[]), ("/a", &[])]);
    for (key, nsp) in [("app", "/b"), ("app", "/a#b"), ("app#x", "/"), ("app#x", "/a")] {
        assert_eq!(server.hear(key, nsp, None), [0; 0]);
        assert_eq!(server.hear(key, nsp, Some("room")), [0; 0]);
    }
    for channel in ["app#/b#", "app#", "app#/", "app#x-request#/#"] {
        server.core.message(channel, b"\xc1 nothing that can be read", Instant::now());
    }
    let stats = server.counters.read();
    assert_eq!((stats.received, stats.skipped, stats.malformed), (12, 12, 0));
}

#[test]
fn a_namespace_is_heard_from_when_it_begins_until_it_ends() {
    let mut server = Server::new("app", &[("/", &[])]);
    server.core.begin(Instant::now());
    server.core.next_changes();
    server.core.confirmed();
    assert_eq!(server.hear("app", "/new", None), [0; 0]);
    server.join(1, "/new", &[]);
    assert_eq!(server.hear("app", "/new", None), [1], "its channels are not confirmed yet");
    server.join(2, "/new", &[]);
    assert_eq!(server.hear("app", "/new", None), [2], "it has begun anew");
    server.core.command(2, Command::Leave(1), Instant::now());
    assert_eq!(server.hear("app", "/new", None), [2], "what has ended is the one before");
    server.core.command(3, Command::Leave(2), Instant::now());
    assert_eq!(server.hear("app", "/new", None), [0; 0]);
}
