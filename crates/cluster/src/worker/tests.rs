//! The worker with Redis in memory, on a clock that jumps to what is next.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod barriers;
mod connecting;
mod endings;
mod publishing;
mod streams;

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use socketio_rooms::Namespace;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use super::*;
use crate::command::{Command, Config};
use crate::stats::Stats;
use crate::streams::{RecoveryOptions, Streams, StreamsOptions};
use crate::transport::memory::{Memory, State};

/// No test waits for longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with the namespace `/`, and its Redis.
struct Server {
    memory: Memory,
    inbox: Arc<Inbox>,
    events: Arc<Events>,
    counters: Arc<Counters>,
    heard: RefCell<Vec<Event>>,
    worker: JoinHandle<()>,
}

fn run(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test());
}

impl Server {
    /// A server in this mode, that has not been able to connect yet.
    fn new(mode: Mode, memory: &Memory, change: impl FnOnce(&mut Config)) -> Self {
        let (events, counters) = (Arc::new(Events::new(Box::new(|| {}))), Arc::new(Counters::default()));
        let (inbox, writers) = (Arc::new(Inbox::default()), Arc::new(Writers::default()));
        let streams = Streams { name: "stream".into(), count: 1 };
        let recovery = RecoveryOptions { most: 100, most_bytes: 10_000, window: Duration::from_secs(120) };
        let streams =
            StreamsOptions { streams, most: 1000, read: 10, block: Duration::from_secs(5), recovery: Some(recovery) };
        let (key, uid, name) = ("key".into(), "me".into(), "this one".into());
        let mut config = Config { mode, key, uid, name, outbox: 10_000, outbox_bytes: 1_000_000, streams };
        change(&mut config);
        let core = Core::new(config, Arc::clone(&events), Arc::clone(&counters), Arc::clone(&writers), now());
        let worker = Worker::new(core, Arc::clone(&inbox), Arc::clone(&events), Arc::clone(&counters), writers);
        let redis = memory.clone();
        let worker = spawn_local(async move { worker.run(async || redis.connect()).await });
        let server = Self { memory: memory.clone(), inbox, events, counters, heard: RefCell::default(), worker };
        let rooms = Arc::new(Namespace::new());
        server.tell(Command::Join { slot: 0, nsp: "/".into(), rooms, native: true, recovery: None });
        server
    }

    /// One that is connected, and has said all that it says then.
    async fn connected(mode: Mode) -> Self {
        let server = Self::new(mode, &Memory::default(), |_| {});
        server.up(1).await;
        server
    }

    /// Waits for a connection, and until it is quiet there.
    async fn up(&self, number: usize) {
        self.until("a connection", |state| state.attempts.len() == number && self.stats().connected == 1).await;
        self.settled().await;
    }

    async fn up_again(&self) {
        let made = self.memory.state().attempts.len();
        self.up(made + 1).await;
    }

    /// The connection is lost, and it has noticed.
    async fn lose(&self) {
        self.memory.lose();
        self.settled().await;
        assert_eq!(self.stats().connected, 0);
    }

    fn tell(&self, command: Command) {
        self.inbox.push(command);
        self.inbox.notify.notify_one();
    }

    /// Broadcasts these numbers.
    fn broadcast(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.inbox.push(Command::Broadcast { slot: 0, text: format!("2[{number}]"), room: None, options: None });
        }
        self.inbox.notify.notify_one();
    }

    fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// Lets everybody do what can be done now: the clock moves when nobody can do anything.
    async fn settled(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Waits until Redis is so.
    async fn until(&self, what: &str, mut is_so: impl FnMut(&State) -> bool) {
        let end = now() + PATIENCE;
        while !is_so(&self.memory.state()) {
            assert!(now() < end, "expected {what}");
            self.settled().await;
        }
    }

    async fn until_published(&self, number: u32) {
        let is_it = |(_, message): &(usize, Outgoing)| number_of(message) == Some(number);
        self.until("a broadcast", |state| state.arrived.iter().any(is_it)).await;
    }

    /// All that the event loop was told so far.
    fn heard(&self) -> Vec<Event> {
        let mut heard = self.heard.borrow_mut();
        heard.extend(self.events.take());
        heard.clone()
    }

    /// What broadcasts arrived by which connection.
    fn arrived(&self) -> Vec<(usize, u32)> {
        let state = self.memory.state();
        state.arrived.iter().filter_map(|(connection, message)| Some((*connection, number_of(message)?))).collect()
    }

    /// The same, whatever the connection.
    fn numbers(&self) -> Vec<u32> {
        self.arrived().into_iter().map(|(_, number)| number).collect()
    }
}

/// That of a broadcast.
fn number_of(message: &Outgoing) -> Option<u32> {
    let Some(incoming) = crate::classic::read(&message.payload) else { return json_number(&message.payload) };
    let crate::Encoded::MessagePack(data) = incoming.data else { return None };
    let mut json = Vec::new();
    crate::to_json::transcode(data, &mut json, &mut Vec::new())?;
    serde_json::from_slice::<[u32; 1]>(&json).ok().map(|[number]| number)
}

fn json_number(payload: &Bytes) -> Option<u32> {
    json_text(payload, r#"{"packet":{"type":2,"data":["#)?.parse().ok()
}

/// What stands behind `before`, up to the next quote or bracket.
fn json_text<'a>(payload: &'a Bytes, before: &str) -> Option<&'a str> {
    let (_, rest) = std::str::from_utf8(payload).ok()?.split_once(before)?;
    rest.split(['"', ']']).next()
}

/// What this server says of itself.
fn is_hello(message: &Outgoing) -> bool {
    message.route.name() == "key-native#"
}
