//! What the clock demands, and the end of a round.

use super::slab::FIRST;
use super::{Effects, Machine, Round, Timer};
use crate::{Effect, Error, EventKind, MessageId, Now, Outcome, Store};

/// Timers of one kind that are looked at in one round: more wait for the next, so that no round is long.
const MOST: u32 = 5_000;

/// A wall clock that is further behind than this was set back.
const SET_BACK: u64 = 1_000;

/// The wall clock is looked at so often at least while something waits for it: it may be set forward.
const WALL_CHECK: u64 = 1_000;

/// A store that is stuck is asked again after this.
const STUCK_CHECK: u64 = 100;

impl Machine {
    /// Does what the clock demands, and gives messages to workers. Called once at the end of each round, and when
    /// [`Machine::next_deadline`] has passed.
    pub fn tick(&mut self, now: Now, store: &mut dyn Store, out: &mut Effects) -> Result<(), Error> {
        let cx = &mut Round { now, store, out };
        let before = std::mem::replace(&mut self.now, now);
        if now.wall + SET_BACK < before.wall + now.mono.saturating_sub(before.mono) {
            self.clock_was_set_back(now);
        }
        if self.stuck {
            self.finish(cx);
            if self.stuck {
                return self.fatal.clone().map_or(Ok(()), Err);
            }
        }
        self.expire_messages(cx);
        self.expire_leases(cx, MOST);
        self.end_delays(now, false);
        self.end_delays(now, true);
        self.run_timers(cx);
        self.run_crons(cx);
        self.run_sweep(cx);
        for queue in std::mem::take(&mut self.dirty) {
            if let Some(found) = self.queues.get_mut(queue as usize) {
                found.dirty = false;
            }
            self.admit(cx, queue);
            self.dispatch(cx, queue);
            self.emptied(cx, queue);
        }
        self.finish(cx);
        self.fatal.clone().map_or(Ok(()), Err)
    }

    fn finish(&mut self, cx: &mut Round<'_>) {
        self.stuck = self.flush(cx).is_err();
    }

    /// Milliseconds until [`Machine::tick`] has to be called; `None` if only a command can change anything.
    pub fn next_deadline(&self, now: Now) -> Option<u64> {
        if self.stuck {
            return Some(STUCK_CHECK);
        }
        if !self.dirty.is_empty() || !self.sweeps.is_empty() {
            return Some(0);
        }
        let mono = [
            self.delays.first().map(|(at, _)| at),
            self.leases.first().map(|(at, _)| at),
            self.timers.first().map(|(at, _)| *at),
        ];
        let wall = [
            self.dates.first().map(|(at, _)| at),
            self.expiries.first().map(|(at, _)| at),
            self.crons.first().map(|first| first.0),
        ];
        let mono = mono.into_iter().flatten().min().map(|at| at.saturating_sub(now.mono));
        let wall = wall.into_iter().flatten().min().map(|at| at.saturating_sub(now.wall).min(WALL_CHECK));
        mono.into_iter().chain(wall).min()
    }

    /// Makes delayed messages ready whose time has come.
    fn end_delays(&mut self, now: Now, wall: bool) {
        for _ in 0..MOST {
            let (heap, time) = if wall { (&self.dates, now.wall) } else { (&self.delays, now.mono) };
            let Some((at, slot)) = heap.first() else { return };
            if at > time {
                return;
            }
            self.detach(slot);
            let first = self.slab.at(slot).has(FIRST);
            self.make_ready(slot, first);
        }
    }

    fn expire_messages(&mut self, cx: &mut Round<'_>) {
        for _ in 0..MOST {
            match self.expiries.first() {
                Some((at, slot)) if at <= cx.now.wall => self.expire(cx, slot),
                _ => return,
            }
        }
    }

    fn run_timers(&mut self, cx: &mut Round<'_>) {
        for _ in 0..MOST {
            let Some((at, timer)) = self.timers.first().copied() else { return };
            if at > cx.now.mono {
                return;
            }
            self.timers.pop_first();
            match timer {
                Timer::Queue(queue) => {
                    if let Some(found) = self.queues.get_mut(queue as usize)
                        && found.wake.is_some_and(|wake| wake <= at)
                    {
                        found.wake = None;
                    }
                    self.touch(queue);
                }
                Timer::Request(id) => self.time_out(cx, id),
                Timer::Key(key) => {
                    if let Some(queue) = self.keys.get(key).map(|key| key.queue) {
                        self.forget_key(key, queue);
                    }
                }
                Timer::Dedup(queue) => {
                    if let Some(found) = self.queues.get_mut(queue as usize) {
                        let next = found.dedup.expire(cx.now.mono);
                        found.dedup_timer = next.is_some();
                        if let Some(at) = next {
                            self.timers.insert((at, timer));
                        }
                    }
                }
                Timer::Repeat(queue, number) => self.run_interval(cx, queue, number),
            }
        }
    }

    fn time_out(&mut self, cx: &mut Round<'_>, id: MessageId) {
        let Some(slot) = self.ids.get(id, &self.slab) else { return };
        let Some(pending) = self.take_request(slot) else { return };
        let result = Err(Error::RequestTimeout { timeout: pending.request.timeout });
        cx.out.durable.push(Effect::Replied { ticket: pending.ticket, result });
        let held = self.slab.at(slot).state() == Some(crate::State::Active);
        if pending.request.cancel && !held {
            let queue = self.slab.at(slot).queue;
            self.remove(cx, slot);
            self.event(cx, queue, id, 9, || EventKind::Removed);
        }
    }

    /// Tells that a queue has become empty.
    fn emptied(&mut self, cx: &mut Round<'_>, queue: u32) {
        let Some(found) = self.queues.get_mut(queue as usize) else { return };
        if found.len() > 0 || !found.waiting.is_empty() {
            return;
        }
        for ticket in std::mem::take(&mut found.drains) {
            cx.done(ticket, Ok(Outcome::Done));
        }
        if std::mem::take(&mut found.emptied) {
            self.event(cx, queue, MessageId(0), 13, || EventKind::Drained);
        }
    }
}
