//! A cluster's connection, as the rest of the process sees it: a thread that takes commands and gives events.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use socketio_rooms::{Namespace, RoomChange};
use tokio::sync::Notify;

use crate::bus::Bus;
use crate::command::{Command, Config};
use crate::core::Core;
use crate::emitter::Emitter;
use crate::event::{Event, Events};
use crate::format::Mode;
use crate::local::Writers;
use crate::lookout::Lookout;
use crate::redis::Settings;
use crate::shards::Shards;
use crate::stats::{Counters, Stats};
use crate::streams::{Recovery, RecoveryOptions};
use crate::worker::Worker;

/// Commands on their way to the thread, and the number of the last one.
#[derive(Default)]
pub(crate) struct Inbox {
    list: Mutex<(u64, Vec<Command>)>,
    pub(crate) notify: Notify,
}

impl Inbox {
    /// Adds one; returns its number.
    pub(crate) fn push(&self, command: Command) -> u64 {
        let (last, waiting) = &mut *self.list.lock();
        waiting.push(command);
        *last += 1;
        *last
    }

    /// The commands with their numbers.
    pub(crate) fn take(&self) -> impl Iterator<Item = (u64, Command)> + use<> {
        let (last, commands) = {
            let (last, waiting) = &mut *self.list.lock();
            (*last, std::mem::take(waiting))
        };
        let first = last + 1 - commands.len() as u64;
        (first..).zip(commands)
    }
}

/// A cluster's connection and its thread. Dropping it ends both, after what was handed over is published (within a second).
pub struct Node {
    mode: Mode,
    inbox: Arc<Inbox>,
    events: Arc<Events>,
    counters: Arc<Counters>,
    writers: Arc<Writers>,
    recovery: Option<RecoveryOptions>,
    thread: Option<JoinHandle<()>>,
    ended: mpsc::Receiver<()>,
}

impl Node {
    /// Starts the thread, which connects: a server's, with its writers, or an emitter's, which hears nothing. `signal` is called from it
    /// when there are events to take; it must not block.
    pub fn start(
        config: Config,
        settings: Settings,
        writers: Option<Arc<Writers>>,
        signal: Box<dyn Fn() + Send + Sync>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (inbox, counters) = (Arc::new(Inbox::default()), Arc::new(Counters::default()));
        let events = Arc::new(Events::new(signal));
        let (end, ended) = mpsc::channel();
        let recovery = config.streams.recovery.filter(|_| config.mode == Mode::Streams);
        let mode = config.mode;
        let told = Arc::clone(&events);
        let shared = (Arc::clone(&inbox), Arc::clone(&events), Arc::clone(&counters));
        let (serves, writers) = (writers.is_some(), writers.unwrap_or_default());
        let lanes = Arc::clone(&writers);
        let spread = !settings.seeds().is_empty();
        let streams = if mode == Mode::Streams { config.streams.streams.all() } else { Vec::new() };
        let sessions = recovery.is_some();
        let work = async move || {
            let lookout = Lookout::new(settings.clone());
            let (inbox, events, counters) = shared;
            if !serves {
                let emitter = Emitter::new(config, inbox, events, counters);
                return match mode {
                    Mode::Sharded(_) => emitter.run(async || Shards::connect(&lookout).await).await,
                    _ if spread => emitter.run(async || Bus::connect(&lookout, &streams, sessions).await).await,
                    Mode::PubSub | Mode::Streams => emitter.run(async || settings.connect().await).await,
                };
            }
            let core =
                Core::new(config, Arc::clone(&events), Arc::clone(&counters), Arc::clone(&lanes), Instant::now());
            let worker = Worker::new(core, inbox, events, counters, lanes);
            match mode {
                Mode::Sharded(_) => worker.run(async || Shards::connect(&lookout).await).await,
                _ if spread => worker.run(async || Bus::connect(&lookout, &streams, sessions).await).await,
                Mode::PubSub | Mode::Streams => worker.run(async || settings.connect().await).await,
            }
        };
        let thread = thread::Builder::new().name("sio-cluster".into()).spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| runtime.block_on(work()))).is_err() {
                let message = "the cluster's thread ended by a bug: please report it".into();
                told.push(Event::Down("ERR_NATIVE_FAILURE", message));
            }
            // Nobody waits when the other end is gone.
            let _ = end.send(());
        })?;
        Ok(Self { mode, inbox, events, counters, writers, recovery, thread: Some(thread), ended })
    }

    /// Hands a command over. It is seen after [`Self::wake`], at the latest. Returns its number, by which its entry in a stream is
    /// recognised.
    pub fn submit(&self, command: Command) -> u64 {
        let watched = match &command {
            Command::Join { slot, rooms, .. } if self.mode.has_rooms() => Some((*slot, Arc::clone(rooms))),
            _ => None,
        };
        let number = self.inbox.push(command);
        if let Some((slot, rooms)) = watched {
            self.watch(slot, &rooms);
        }
        number
    }

    fn watch(&self, slot: u32, rooms: &Namespace) {
        // Weak: the rooms may outlive this.
        let inbox = Arc::downgrade(&self.inbox);
        rooms.watch(move |changes| {
            let Some(inbox) = inbox.upgrade() else { return };
            // What is subscribed too long harms nobody.
            let urgent = changes.iter().any(|change| matches!(change, RoomChange::Made(_)));
            inbox.push(Command::Rooms { slot, changes });
            if urgent {
                inbox.notify.notify_one();
            }
        });
    }

    /// The recovery of a namespace that begins, in mode `streams` of a server with recovery.
    pub fn recovery(&self, slot: u32) -> Option<Arc<Recovery>> {
        let options = self.recovery?;
        let bounds = (options.most, options.most_bytes);
        Some(Arc::new(Recovery::new(slot, bounds, Arc::clone(&self.events), Arc::clone(&self.writers))))
    }

    /// Wakes the thread when there is something for it.
    pub fn wake(&self) {
        if !self.inbox.list.lock().1.is_empty() {
            self.inbox.notify.notify_one();
        }
    }

    /// Takes the events since the last call.
    pub fn events(&self) -> Vec<Event> {
        self.events.take()
    }

    /// Reads the counters.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// Begins the end: what was handed over is published, within a second.
    pub fn close(&self) {
        self.submit(Command::Close);
        self.wake();
    }

    /// Waits for the end, at most so long.
    pub fn join(&mut self, timeout: Duration) {
        if self.ended.recv_timeout(timeout).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A panic has been told.
            let _ = thread.join();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.close();
    }
}
