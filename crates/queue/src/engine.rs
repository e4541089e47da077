//! The threads that own a machine and its store, and the handle by which others reach them.
//!
//! A round: take the inbox whole, apply it, tick, append, commit. Effects that promise durability are held back until the sync has
//! ended, while the next rounds go on and their commits gather into one.
//!
//! **Two threads.** Both wait for commands, and one at a time does rounds. When a round asks for a sync, that thread syncs itself
//! while the other waits: handing the sync to a thread of its own would cost each awaited send one more wake-up. The second
//! thread is started with the first sync, so a memory store has one.
//!
//! **In place.** A store that keeps nothing (memory) has nothing to wait for: a few short commands are then applied by the thread
//! that submits them, if nobody else is at it, and both wake-ups are saved.
//!
//! Locks, in this order: the core's, then for a swap of lists the inbox's or the outbox's.

mod core;
mod inbox;
pub(crate) mod outbox;
mod run;

use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use self::core::Core;
use self::inbox::Inbox;
pub use self::outbox::Outbox;
use crate::{Command, Config, Effect, Error, Notify, Opener};

/// A running engine. Dropping it closes it and waits for its threads.
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    inbox: Inbox,
    outbox: Outbox,
    /// `None` until the store is open, and after the end.
    core: Mutex<Option<Core>>,
    /// A sync has ended.
    synced: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// Starts the thread and returns at once. The first effect is [`Effect::Opened`]; commands may be submitted before it.
    ///
    /// `notify` is called from other threads whenever there is something to [`take`](Engine::take), once until it was taken.
    pub fn start(config: Config, open: Opener, notify: Notify) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            inbox: Inbox::default(),
            outbox: Outbox::new(notify, config.max_events),
            core: Mutex::default(),
            synced: Condvar::new(),
            threads: Mutex::default(),
        });
        run::start(&shared, config, open)?;
        Ok(Self { shared })
    }

    /// Hands commands over, in order, leaving `commands` empty. Never blocks. After the end each is answered with an error.
    pub fn submit(&self, commands: &mut Vec<Command>) {
        if let Err(error) = self.shared.inbox.push(commands) {
            self.shared.refuse(commands, &error);
        }
    }

    /// Like [`Engine::submit`], but a few short commands are applied at once if that waits for nothing. Returns whether they were:
    /// their effects are then there to [`take`](Engine::take), and `notify` is not called for them.
    #[must_use]
    pub fn submit_in_place(&self, commands: &mut Vec<Command>) -> bool {
        if run::in_place(&self.shared, commands) {
            return true;
        }
        self.submit(commands);
        false
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

    /// Closes and waits for the threads; effects can still be taken.
    pub fn join(&mut self) {
        self.close();
        loop {
            let thread = self.shared.threads.lock().pop();
            // A panic on it was reported as an effect.
            let Some(thread) = thread else { return };
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
