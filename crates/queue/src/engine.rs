//! The thread that owns a machine and its store, and the handle by which others reach it.
//!
//! A round: take the inbox whole, apply it, tick, append, commit. Effects that promise durability are held back until the sync has
//! ended; it runs on a thread of its own, while the next rounds go on and their commits gather into one.
//!
//! Locks: the inbox's and the outbox's, each held for a swap of lists, never both, and neither while anything is called.

mod inbox;
mod outbox;
mod run;
mod sync;

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use self::inbox::Inbox;
use self::outbox::Outbox;
use crate::{Command, Config, Effect, Error, Notify, Opener};

/// A running engine. Dropping it closes it and waits for its thread.
pub struct Engine {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    inbox: Inbox,
    outbox: Outbox,
}

impl Engine {
    /// Starts the thread and returns at once. The first effect is [`Effect::Opened`]; commands may be submitted before it.
    ///
    /// `notify` is called from other threads whenever there is something to [`take`](Engine::take), once until it was taken.
    pub fn start(config: Config, open: Opener, notify: Notify) -> Result<Self, Error> {
        let shared = Arc::new(Shared { inbox: Inbox::default(), outbox: Outbox::new(notify, config.max_events) });
        let owned = Arc::clone(&shared);
        let thread = Builder::new()
            .name("queues".to_owned())
            .spawn(move || run::run(&owned, config, open))
            .map_err(|error| Error::Internal { detail: format!("no thread: {error}").into() })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Hands commands over, in order, leaving `commands` empty. Never blocks. After the end each is answered with an error.
    pub fn submit(&self, commands: &mut Vec<Command>) {
        if let Err(error) = self.shared.inbox.push(commands) {
            self.shared.refuse(commands, &error);
        }
    }

    /// Takes what has come out.
    pub fn take(&self) -> Vec<Effect> {
        self.shared.outbox.take()
    }

    /// Begins to close: what was submitted is executed and made durable; sends that wait for room and requests are answered with
    /// `QUEUE_CLOSED`; messages held by workers go back, their attempt not counted. [`Effect::Closed`] is the last effect (but for
    /// answers to commands that are submitted afterwards).
    pub fn close(&self) {
        self.shared.inbox.close();
    }

    /// Closes and waits for the thread; effects can still be taken.
    pub fn join(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // A panic on it was reported as an effect.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn refuse(&self, commands: &mut Vec<Command>, error: &Error) {
        let answers = commands.drain(..).filter_map(|command| command.ticket());
        let mut effects: Vec<_> = answers.map(|ticket| Effect::Done { ticket, result: Err(error.clone()) }).collect();
        self.outbox.publish(&mut effects);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.join();
    }
}
