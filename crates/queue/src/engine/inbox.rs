//! What waits for the engine's threads.

use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::{Command, Error};

/// Commands, the wish to close, and when something has to be done without either.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    commands: Vec<Command>,
    closing: bool,
    /// When a round is due at the latest.
    alarm: Option<Instant>,
    /// A thread has the turn: it does a round, and looks here again after it.
    taken: bool,
    /// Nobody takes commands any more.
    ended: Option<Error>,
}

impl Waiting {
    fn has_work(&self) -> bool {
        !self.commands.is_empty() || self.closing || self.ended.is_some()
    }
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
        let wake = first && !waiting.taken;
        drop(waiting);
        if wake {
            self.changed.notify_one();
        }
        Ok(())
    }

    pub(super) fn close(&self) {
        self.waiting.lock().closing = true;
        self.changed.notify_one();
    }

    /// Whether there is nothing to do before what comes next, and that is taken.
    pub(super) fn is_idle(&self) -> bool {
        !self.waiting.lock().has_work()
    }

    /// Waits for something to do, and takes the turn. False: it is the end.
    pub(super) fn wait(&self) -> bool {
        let mut waiting = self.waiting.lock();
        while waiting.ended.is_none() {
            let alarm = waiting.alarm.filter(|_| !waiting.taken);
            if !waiting.taken && (waiting.has_work() || alarm.is_some_and(|at| Instant::now() >= at)) {
                waiting.taken = true;
                return true;
            }
            match alarm {
                Some(at) => drop(self.changed.wait_until(&mut waiting, at)),
                None => self.changed.wait(&mut waiting),
            }
        }
        false
    }

    /// Gives the turn back. The next round is due at `alarm`, if nothing happens before; the caller does not come for it at once if
    /// it is `leaving`.
    pub(super) fn done(&self, alarm: Option<Instant>, leaving: bool) {
        let mut waiting = self.waiting.lock();
        waiting.alarm = alarm;
        waiting.taken = false;
        let wake = leaving && (waiting.has_work() || alarm.is_some());
        drop(waiting);
        if wake {
            self.changed.notify_one();
        }
    }

    /// The commands, and whether to close after them. `commands` is empty and lends its memory.
    pub(super) fn take(&self, commands: Vec<Command>) -> (Vec<Command>, bool) {
        let mut waiting = self.waiting.lock();
        (std::mem::replace(&mut waiting.commands, commands), waiting.closing)
    }

    /// A round is due at this time, if nothing happens before. Wakes one who waits if that is earlier than it knew.
    pub(super) fn set_alarm(&self, alarm: Option<Instant>) {
        let mut waiting = self.waiting.lock();
        let known = std::mem::replace(&mut waiting.alarm, alarm);
        drop(waiting);
        if alarm.is_some_and(|at| known.is_none_or(|known| at < known)) {
            self.changed.notify_one();
        }
    }

    /// Nothing is taken any more. Returns what was; `None` if it has ended before.
    pub(super) fn end(&self, error: Error) -> Option<Vec<Command>> {
        let mut waiting = self.waiting.lock();
        if waiting.ended.is_some() {
            return None;
        }
        waiting.ended = Some(error);
        let left = std::mem::take(&mut waiting.commands);
        drop(waiting);
        self.changed.notify_all();
        Some(left)
    }
}
