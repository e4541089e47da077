//! What waits for the engine's thread.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::{Command, Error, MessageId};

/// Commands, the end of a sync, and the wish to close.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// What there is to do.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) commands: Vec<Command>,
    pub(super) synced: Option<Result<MessageId, Error>>,
    pub(super) closing: bool,
    /// Nobody takes commands any more.
    ended: Option<Error>,
}

impl Inbox {
    /// Takes the commands, unless the engine has ended.
    pub(super) fn push(&self, commands: &mut Vec<Command>) -> Result<(), Error> {
        let mut waiting = self.waiting.lock();
        if let Some(error) = &waiting.ended {
            return Err(error.clone());
        }
        if waiting.closing {
            return Err(Error::Closed);
        }
        let first = waiting.commands.is_empty();
        if first {
            std::mem::swap(&mut waiting.commands, commands);
        } else {
            waiting.commands.append(commands);
        }
        drop(waiting);
        if first {
            self.changed.notify_one();
        }
        Ok(())
    }

    pub(super) fn synced(&self, result: Result<MessageId, Error>) {
        self.waiting.lock().synced = Some(result);
        self.changed.notify_one();
    }

    pub(super) fn close(&self) {
        self.waiting.lock().closing = true;
        self.changed.notify_one();
    }

    /// Waits at most so long for something to do. `commands` is empty and lends its memory.
    pub(super) fn wait(&self, timeout: Option<Duration>, commands: Vec<Command>, only_sync: bool) -> Waiting {
        let mut waiting = self.waiting.lock();
        let idle = |waiting: &mut Waiting| {
            waiting.synced.is_none() && (only_sync || waiting.commands.is_empty() && !waiting.closing)
        };
        match timeout {
            Some(timeout) => {
                self.changed.wait_while_for(&mut waiting, idle, timeout);
            }
            None => self.changed.wait_while(&mut waiting, idle),
        }
        if only_sync {
            return Waiting { synced: waiting.synced.take(), commands, ..Waiting::default() };
        }
        Waiting {
            commands: std::mem::replace(&mut waiting.commands, commands),
            synced: waiting.synced.take(),
            closing: waiting.closing,
            ended: None,
        }
    }

    /// Nothing is taken any more. Returns what was.
    pub(super) fn end(&self, error: Error) -> Vec<Command> {
        let mut waiting = self.waiting.lock();
        waiting.ended = Some(error);
        std::mem::take(&mut waiting.commands)
    }
}
