//! Where a message is: into a place, out of it, and out of the queue.

use super::slab::{Entry, FIRST, HISTORY, HOLDS, NONE, WALL};
use super::{Machine, Round, Timer, key};
use crate::{Due, Error, Location, MessageId, Now, Overflow, State};

/// When a message is due, on which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    Mono(u64),
    Wall(u64),
}

impl When {
    /// The two forms of a time: for the timers of this process, and for the store (`None`: at once).
    pub(crate) fn of(due: Due, now: Now) -> (Self, Option<u64>) {
        match due {
            Due::Now | Due::After(0) => (Self::Now, None),
            Due::After(millis) => (Self::Mono(now.mono.saturating_add(millis)), Some(now.wall.saturating_add(millis))),
            Due::At(at) if at <= now.wall => (Self::Now, None),
            Due::At(at) => (Self::Wall(at), Some(at)),
        }
    }
}

impl Machine {
    fn set_state(&mut self, slot: u32, state: Option<State>) {
        let entry = self.slab.at_mut(slot);
        let (before, queue) = (entry.state(), entry.queue);
        entry.set_state(state);
        if let Some(queue) = self.queues.get_mut(queue as usize) {
            queue.recount(before, state);
        }
    }

    /// Puts a message that is nowhere among those that wait; behind an earlier one of its key, if there is one.
    pub(super) fn make_ready(&mut self, slot: u32, first: bool) {
        let entry = *self.slab.at(slot);
        if self.waits_for_interest(&entry) {
            self.wait_in_key(slot, first);
            self.set_state(slot, Some(State::Blocked));
            return self.next_turn(entry.key);
        }
        let Some(queue) = self.queues.get_mut(entry.queue as usize) else { return };
        if !entry.has(HOLDS)
            && let Some(key) = self.keys.get_mut(entry.key)
        {
            if key.held >= queue.options.key_concurrency {
                if first {
                    key.blocked.push_front(slot, &mut self.slab);
                } else {
                    key.blocked.push_back(slot, &mut self.slab);
                }
                self.set_state(slot, Some(State::Blocked));
                return;
            }
            key.held += 1;
            self.slab.at_mut(slot).set(HOLDS, true);
        }
        queue.ready.push(slot, first, &mut self.slab);
        self.set_state(slot, Some(State::Ready));
        self.touch(entry.queue);
    }

    /// Lets a message that is nowhere wait for its time; `first`: it is then delivered before others.
    pub(super) fn make_delayed(&mut self, slot: u32, when: When, first: bool) {
        let (at, wall) = match when {
            When::Now => return self.make_ready(slot, first),
            When::Mono(at) => (at, false),
            When::Wall(at) => (at, true),
        };
        let entry = self.slab.at_mut(slot);
        entry.set(WALL, wall);
        entry.set(FIRST, first);
        let (heap, slab) = (if wall { &mut self.dates } else { &mut self.delays }, &mut self.slab);
        heap.push(at, slot, &mut |slot, position| slab.at_mut(slot).prev = position);
        self.set_state(slot, Some(State::Delayed));
        let entry = *self.slab.at(slot);
        if first && self.waits_for_interest(&entry) {
            self.stall_key(entry.key, true);
        }
    }

    /// When a delayed message's time comes, by the wall clock.
    pub(super) fn due(&self, slot: u32, now: Now) -> Option<u64> {
        let entry = self.slab.at(slot);
        if entry.state() != Some(State::Delayed) {
            return None;
        }
        if entry.has(WALL) {
            return self.dates.time_at(entry.prev);
        }
        let at = self.delays.time_at(entry.prev)?;
        Some(now.wall.saturating_add(at.saturating_sub(now.mono)))
    }

    /// Takes a message out of where it is. It keeps its hold on its key.
    pub(super) fn detach(&mut self, slot: u32) {
        let entry = *self.slab.at(slot);
        match entry.state() {
            Some(State::Ready) => {
                if let Some(queue) = self.queues.get_mut(entry.queue as usize) {
                    queue.ready.remove(slot, &mut self.slab);
                }
            }
            Some(State::Blocked) => {
                if let Some(key) = self.keys.get_mut(entry.key) {
                    key.blocked.remove(slot, &mut self.slab);
                }
            }
            Some(State::Delayed) => {
                let (heap, slab) = (if entry.has(WALL) { &mut self.dates } else { &mut self.delays }, &mut self.slab);
                heap.remove(entry.prev, &mut |slot, position| slab.at_mut(slot).prev = position);
            }
            Some(State::Active) => self.end_lease(entry.next),
            None => return,
        }
        self.set_state(slot, None);
        if self.waits_for_interest(&entry) {
            match entry.state() {
                Some(State::Active) => self.key_got_back(entry.key),
                Some(State::Delayed) if entry.has(FIRST) => self.stall_key(entry.key, false),
                _ => self.next_turn(entry.key),
            }
        }
    }

    /// A message that is nowhere is held now.
    pub(super) fn activate(&mut self, slot: u32, lease: u32) {
        self.slab.at_mut(slot).next = lease;
        self.set_state(slot, Some(State::Active));
        let entry = *self.slab.at(slot);
        if self.waits_for_interest(&entry) {
            self.key_gave(entry.key, entry.attempts);
        }
    }

    fn end_lease(&mut self, lease: u32) {
        let Some(held) = self.leases.get(lease).copied() else { return };
        let Some(Some(worker)) = self.workers.get_mut(held.worker as usize) else { return };
        self.leases.remove(lease, &mut worker.leases);
        worker.held = worker.held.saturating_sub(1);
        let (queue, gone) = (worker.queue, worker.lost && worker.held == 0);
        if gone && let Some(place) = self.workers.get_mut(held.worker as usize) {
            *place = None;
        } else {
            self.seat(held.worker);
        }
        self.touch(queue);
    }

    /// Puts a worker with credit into the ring of its queue.
    pub(super) fn seat(&mut self, index: u32) {
        if let Some(Some(worker)) = self.workers.get_mut(index as usize)
            && !worker.idle
            && worker.credit() > 0
            && let Some(queue) = self.queues.get_mut(worker.queue as usize)
        {
            worker.idle = true;
            queue.idle.push_back(index);
        }
    }

    /// Lets the others of its key go on.
    pub(super) fn release_key(&mut self, slot: u32) {
        let entry = self.slab.at_mut(slot);
        let (index, queue) = (entry.key, entry.queue);
        if !entry.has(HOLDS) {
            return;
        }
        entry.set(HOLDS, false);
        let limit = self.queues.get(queue as usize).map_or(1, |queue| queue.options.key_concurrency);
        if let Some(key) = self.keys.get_mut(index) {
            key.held = key.held.saturating_sub(1);
        }
        while let Some(key) = self.keys.get_mut(index)
            && key.held < limit
            && !key.blocked.is_empty()
        {
            let next = key.blocked.head;
            key.blocked.remove(next, &mut self.slab);
            self.set_state(next, None);
            self.make_ready(next, false);
        }
    }

    /// Gives a message its key.
    pub(super) fn enter_key(&mut self, slot: u32, hash: u128) {
        let entry = self.slab.at_mut(slot);
        let index = self.keys.enter(hash, entry.queue);
        entry.key = index;
        if self.keys.get(index).is_some_and(|key| key.messages == 1 && key.window.is_none())
            && let Some(queue) = self.queues.get_mut(entry.queue as usize)
        {
            queue.keys += 1;
        }
    }

    pub(super) fn key_hash(&self, queue: u32, key: &str) -> u128 {
        key::hash(&self.secret, b'k', queue, key)
    }

    pub(super) fn leave_key(&mut self, slot: u32, now: Now) {
        self.release_key(slot);
        let entry = self.slab.at_mut(slot);
        let (index, queue) = (std::mem::replace(&mut entry.key, NONE), entry.queue);
        if index == NONE || !self.keys.leave(index) {
            return;
        }
        if self.is_by_interest(queue) {
            if let Some(queue) = self.queues.get_mut(queue as usize) {
                queue.keys = queue.keys.saturating_sub(1);
            }
            self.keys.forget(index);
            return;
        }
        let rate = self.queues.get(queue as usize).and_then(|queue| queue.options.key_rate);
        let window = self.keys.get(index).and_then(|key| key.window.as_ref());
        match rate.zip(window).and_then(|(rate, window)| window.empty_at(rate)) {
            // Its rate limit still counts.
            Some(at) if at > now.mono => {
                self.timers.insert((at, Timer::Key(index)));
            }
            _ => self.forget_key(index, queue),
        }
    }

    pub(super) fn forget_key(&mut self, index: u32, queue: u32) {
        if self.keys.forget(index)
            && let Some(queue) = self.queues.get_mut(queue as usize)
        {
            queue.keys = queue.keys.saturating_sub(1);
        }
    }

    /// Sets when a message expires.
    pub(super) fn set_expiry(&mut self, slot: u32, at: u64) {
        let slab = &mut self.slab;
        self.expiries.push(at, slot, &mut |slot, position| slab.at_mut(slot).expiry = position);
    }

    /// It expires no more.
    pub(super) fn clear_expiry(&mut self, slot: u32) {
        let slab = &mut self.slab;
        let position = std::mem::replace(&mut slab.at_mut(slot).expiry, NONE);
        self.expiries.remove(position, &mut |slot, position| slab.at_mut(slot).expiry = position);
    }

    /// Adds an entry to the index; it is nowhere yet.
    pub(super) fn insert(&mut self, entry: Entry) -> Result<u32, Error> {
        let too_many = Error::TooMany { what: "messages", limit: NONE.into() };
        let slot = self.slab.insert(entry).ok_or(too_many)?;
        self.ids.insert(entry.id(), slot, &self.slab);
        self.count_in(slot);
        Ok(slot)
    }

    /// Counts a message's bytes, and its age if that decides who makes room.
    pub(super) fn count_in(&mut self, slot: u32) {
        let entry = self.slab.at(slot);
        if let Some(queue) = self.queues.get_mut(entry.queue as usize) {
            queue.bytes += u64::from(entry.len);
            if queue.options.overflow == Overflow::DropOldest {
                queue.order.push_back(entry.id());
            }
        }
    }

    fn count_out(&mut self, slot: u32) {
        let entry = self.slab.at(slot);
        let queue = entry.queue;
        if let Some(found) = self.queues.get_mut(queue as usize) {
            found.bytes = found.bytes.saturating_sub(u64::from(entry.len));
            found.emptied |= found.len() == 0;
            if !found.waiting.is_empty() || found.emptied {
                self.touch(queue);
            }
        }
    }

    /// Takes a message out of its queue, but not out of the index.
    pub(super) fn leave_queue(&mut self, slot: u32, now: Now) {
        self.detach(slot);
        self.clear_expiry(slot);
        self.leave_key(slot, now);
        self.count_out(slot);
    }

    /// Forgets the errors of failed attempts.
    pub(super) fn drop_history(&mut self, cx: &mut Round<'_>, slot: u32) {
        let entry = self.slab.at_mut(slot);
        if entry.has(HISTORY) {
            entry.set(HISTORY, false);
            if let Some((at, len)) = self.histories.remove(&slot) {
                cx.store.discard(at, len);
            }
        }
    }

    /// Removes a message for good. The record of it is written at the end of the round.
    pub(super) fn remove(&mut self, cx: &mut Round<'_>, slot: u32) {
        self.leave_queue(slot, cx.now);
        self.drop_history(cx, slot);
        let entry = *self.slab.at(slot);
        self.ids.remove(entry.id(), &self.slab);
        self.slab.remove(slot);
        cx.store.discard(entry.location(), entry.len);
        self.gone.push(entry.id());
    }

    /// A content record has a new version.
    pub(super) fn replace(&mut self, cx: &mut Round<'_>, slot: u32, (at, len): (Location, u32)) {
        let entry = self.slab.at_mut(slot);
        let (old, old_len) = (entry.location(), entry.len);
        entry.set_location(at);
        entry.len = len;
        cx.store.discard(old, old_len);
    }

    /// The slot of a message of a queue.
    pub(super) fn slot(&self, queue: u32, id: MessageId) -> Result<u32, Error> {
        let slot = self.ids.get(id, &self.slab).filter(|slot| self.slab.at(*slot).queue == queue);
        slot.ok_or(Error::MessageNotFound { id })
    }
}
