//! The thread that owns a machine and its store, and the handle by which others reach it.
//!
//! A round: take the inbox whole, apply it, tick, append, commit. Effects that promise durability are held back until the sync has
//! ended; it runs on a thread of its own, while the next rounds go on and their commits gather into one.

use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::{Command, Config, Effect, Error, Notify, Opener};

/// A running engine. Dropping it closes it and waits for its thread.
pub struct Engine {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    inbox: Mutex<Vec<Command>>,
    outbox: Mutex<Vec<Effect>>,
}

impl Engine {
    /// Starts the thread and returns at once. The first effect is [`Effect::Opened`]; commands may be submitted before it.
    ///
    /// `notify` is called from other threads whenever there is something to [`take`](Engine::take), once until it was taken.
    pub fn start(_config: Config, _open: Opener, _notify: Notify) -> Result<Self, Error> {
        let shared = Arc::new(Shared { inbox: Mutex::default(), outbox: Mutex::default() });
        Ok(Self { shared, thread: None })
    }

    /// Hands commands over, in order, leaving `commands` empty. Never blocks. After the end each is answered with `QUEUE_CLOSED`.
    pub fn submit(&self, commands: &mut Vec<Command>) {
        self.shared.inbox.lock().append(commands);
    }

    /// Takes what has come out.
    pub fn take(&self) -> Vec<Effect> {
        std::mem::take(&mut self.shared.outbox.lock())
    }

    /// Begins to close: what was submitted is executed and made durable; sends that wait for room and requests are answered with
    /// `QUEUE_CLOSED`; messages held by workers go back, their attempt not counted. [`Effect::Closed`] is the last effect.
    pub fn close(&self) {}

    /// Closes and waits for the thread; effects can still be taken.
    pub fn join(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // A panic on it was reported as an effect.
            drop(thread.join());
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.join();
    }
}
