//! Commands about many messages, in slices: other work goes on between them.

use super::slab::NONE;
use super::{Machine, Round};
use crate::{Error, EventKind, MessageId, Outcome, State, Ticket};

/// Messages of a slice that are changed, and entries that are looked at.
const CHANGE: u32 = 1_000;
const LOOK: u32 = 50_000;

/// What is to happen to the messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Those up to this one are removed.
    Purge { newest: MessageId },
    /// They go to this queue: those that wait in order, then those that are delayed.
    Move { to: u32 },
    /// They go back to where they died.
    Redrive,
}

/// A command that is being executed. One at a time, in order.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) ticket: Ticket,
    queue: u32,
    goal: Goal,
    left: u64,
    count: u64,
    /// Messages in order that are still to be looked at; `None` until it begins.
    in_line: Option<u64>,
    /// The next entry to be looked at.
    slot: u32,
}

impl Sweep {
    pub(crate) fn new(ticket: Ticket, queue: u32, goal: Goal, limit: u64) -> Self {
        Self { ticket, queue, goal, left: limit, count: 0, in_line: None, slot: 0 }
    }
}

impl Machine {
    pub(super) fn run_sweep(&mut self, cx: &mut Round<'_>) {
        let Some(mut sweep) = self.sweeps.pop_front() else { return };
        match self.slice(cx, &mut sweep) {
            Ok(true) => cx.done(sweep.ticket, Ok(Outcome::Count(sweep.count))),
            Ok(false) => self.sweeps.push_front(sweep),
            Err(error) => cx.done(sweep.ticket, Err(error)),
        }
    }

    /// Returns whether it has ended.
    fn slice(&mut self, cx: &mut Round<'_>, sweep: &mut Sweep) -> Result<bool, Error> {
        let mut changes = CHANGE;
        if !matches!(sweep.goal, Goal::Purge { .. }) {
            let found = self.queue(sweep.queue)?;
            let waiting = found.count(State::Ready) + found.count(State::Blocked);
            let in_line = sweep.in_line.get_or_insert(waiting);
            while *in_line > 0 && sweep.left > 0 && changes > 0 {
                let Some(slot) = self.queue(sweep.queue)?.ready.head() else { break };
                *in_line -= 1;
                changes -= 1;
                if self.forward(cx, sweep.queue, sweep.goal, slot)? {
                    sweep.count += 1;
                    sweep.left -= 1;
                }
            }
            if changes == 0 {
                return Ok(false);
            }
        }
        let end = sweep.slot.saturating_add(LOOK).min(self.slab.slots());
        while sweep.slot < end && changes > 0 && sweep.left > 0 {
            let slot = sweep.slot;
            sweep.slot += 1;
            let entry = *self.slab.at(slot);
            let waits = match sweep.goal {
                Goal::Purge { newest } => {
                    entry.state().is_some_and(|state| state != State::Active) && entry.id() <= newest
                }
                Goal::Move { .. } | Goal::Redrive => {
                    entry.state() == Some(State::Delayed) || self.is_blocked_by_interest(&entry)
                }
            };
            if entry.queue == NONE || entry.queue != sweep.queue || !waits {
                continue;
            }
            changes -= 1;
            if self.forward(cx, sweep.queue, sweep.goal, slot)? {
                sweep.count += 1;
                sweep.left -= 1;
            }
        }
        Ok(sweep.left == 0 || sweep.slot >= self.slab.slots())
    }

    /// Does it to one message. Returns whether it was done: a message that did not die here cannot go back, and stays, behind the
    /// others.
    fn forward(&mut self, cx: &mut Round<'_>, queue: u32, goal: Goal, slot: u32) -> Result<bool, Error> {
        let id = self.slab.at(slot).id();
        if let Goal::Purge { .. } = goal {
            self.fail_request(cx, slot, "the queue was purged");
            self.remove(cx, slot);
            self.event(cx, queue, id, 9, || EventKind::Removed);
            return Ok(true);
        }
        let message = match self.read_message(cx, slot) {
            Err(Error::MessageCorrupt { .. }) => return Ok(false),
            read => read?,
        };
        let target = match goal {
            Goal::Move { to } => Some(to),
            _ => message.origin.as_ref().and_then(|name| self.names.get(name)).copied().filter(|to| *to != queue),
        };
        if let Some(target) = target {
            self.rewrite(cx, slot, target, false, &message)?;
            return Ok(true);
        }
        if self.slab.at(slot).state() == Some(State::Ready) {
            self.detach(slot);
            self.make_ready(slot, false);
        }
        Ok(false)
    }
}
