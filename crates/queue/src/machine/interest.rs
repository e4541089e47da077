//! Queues whose messages wait for interest in their key.
//!
//! Invariants, of a key in such a queue (`by_interest`):
//! - Its waiting messages are in its blocked list and nowhere else: those that were given back first, by id, then the others in
//!   the order in which they were sent or became due. The queue's ready lists hold only messages without a key.
//! - Interest that begins anew waits until what was held under the one before is settled, and is answered behind all deliveries
//!   of that one: so a worker can tell them apart, and give back what is from before.
//! - `held` of them are with the worker; `stalled` wait for a retry, and none is delivered meanwhile.
//! - A key that can go on is in the queue's `turns`, or its `queued` is unset and somebody is about to look at it.
//!
//! So a key that nobody is interested in costs nothing, however many messages it has, and interest costs the same.

use super::slab::{Entry, FIRST, NONE};
use super::{Machine, Round};
use crate::{Error, EventKind, Overflow, State, WorkerId};

impl Machine {
    pub(super) fn is_by_interest(&self, queue: u32) -> bool {
        self.queues.get(queue as usize).is_some_and(|queue| queue.options.by_interest)
    }

    /// Whether a message waits for interest in its key.
    pub(super) fn waits_for_interest(&self, entry: &Entry) -> bool {
        entry.key != NONE && self.is_by_interest(entry.queue)
    }

    /// A worker takes the messages of a key, or does not any more.
    pub(super) fn interest(&mut self, worker: WorkerId, key: &str, wanted: bool) {
        let Some(index) = self.worker_numbers.get(&worker.0) else { return };
        let Some(Some(worker)) = self.workers.get(*index as usize) else { return };
        let queue = worker.queue;
        if !self.is_by_interest(queue) {
            return;
        }
        let hash = self.key_hash(queue, key);
        let known = self.keys.find(hash);
        let index = match known {
            Some(index) => index,
            None if wanted => self.keys.make(hash, queue),
            None => return,
        };
        if let Some(key) = self.keys.get_mut(index) {
            key.draining = wanted && (key.draining || !key.wanted) && key.held > 0;
            key.wanted = wanted;
        }
        self.next_turn(index);
        self.keys.forget(index);
    }

    /// Nobody wants anything of the queue any more. Looks at all keys: for the end of a worker.
    pub(super) fn no_interest(&mut self, queue: u32) {
        self.keys.all(|index, keys| {
            if let Some(key) = keys.get_mut(index).filter(|key| key.queue == queue) {
                (key.wanted, key.queued) = (false, false);
                keys.forget(index);
            }
        });
        if let Some(found) = self.queues.get_mut(queue as usize) {
            found.turns.clear();
        }
    }

    /// A message that waits for interest, and is nowhere, takes its place in its key; `first`: among those that were given back.
    pub(super) fn wait_in_key(&mut self, slot: u32, first: bool) {
        let entry = self.slab.at_mut(slot);
        entry.set(FIRST, first);
        let (index, id) = (entry.key, entry.id());
        let Some(key) = self.keys.get_mut(index) else { return };
        if first {
            // No more of them than were with the worker.
            let mut next = key.blocked.head;
            while next != NONE && self.slab.at(next).has(FIRST) && self.slab.at(next).id() < id {
                next = self.slab.at(next).next;
            }
            key.blocked.insert_before(next, slot, &mut self.slab);
        } else {
            key.blocked.push_back(slot, &mut self.slab);
        }
    }

    /// A message of the key is with the worker. One that failed before goes alone, until it is settled.
    pub(super) fn key_gave(&mut self, index: u32, attempts_before: u16) {
        if let Some(key) = self.keys.get_mut(index) {
            key.held += 1;
            key.alone = attempts_before > 0;
        }
    }

    /// It is not any more.
    pub(super) fn key_got_back(&mut self, index: u32) {
        if let Some(key) = self.keys.get_mut(index) {
            key.held = key.held.saturating_sub(1);
            key.alone = false;
            key.draining &= key.held > 0;
        }
        self.next_turn(index);
    }

    pub(super) fn stall_key(&mut self, index: u32, stalled: bool) {
        if let Some(key) = self.keys.get_mut(index) {
            key.stalled = if stalled { key.stalled + 1 } else { key.stalled.saturating_sub(1) };
        }
        self.next_turn(index);
    }

    fn can_go_on(&self, index: u32) -> bool {
        let Some(key) = self.keys.get(index) else { return false };
        let window = self.queues.get(key.queue as usize).map_or(0, |queue| queue.options.key_concurrency);
        key.wanted
            && !key.alone
            && !key.draining
            && key.stalled == 0
            && key.held < window
            && !key.blocked.is_empty()
            && (key.held == 0 || self.slab.at(key.blocked.head).attempts == 0)
    }

    /// Looks at a key after any change of it.
    pub(super) fn next_turn(&mut self, index: u32) {
        if !self.can_go_on(index) {
            return;
        }
        let Some(key) = self.keys.get_mut(index) else { return };
        let queue = key.queue;
        if !std::mem::replace(&mut key.queued, true)
            && let Some(found) = self.queues.get_mut(queue as usize)
        {
            found.turns.push_back(index);
        }
        self.touch(queue);
    }

    /// The key whose turn it is, and its first message. To be followed by [`Machine::next_turn`].
    pub(super) fn take_turn(&mut self, queue: u32) -> Option<(u32, u32)> {
        while let Some(index) = self.queues.get_mut(queue as usize)?.turns.pop_front() {
            if let Some(key) = self.keys.get_mut(index) {
                key.queued = false;
            }
            if self.can_go_on(index) {
                return Some((index, self.keys.get(index)?.blocked.head));
            }
            self.keys.forget(index);
        }
        None
    }

    /// Makes sure that one more message of a key is allowed.
    pub(super) fn key_has_room(&mut self, cx: &mut Round<'_>, queue: u32, key: Option<&str>) -> Result<(), Error> {
        let found = self.queue(queue)?;
        let (Some(most), Some(key)) = (found.options.key_max_length, key) else { return Ok(()) };
        let (drop_oldest, refused) =
            (found.options.overflow == Overflow::DropOldest, Error::Full { queue: found.name.clone() });
        let Some(index) = self.keys.find(self.key_hash(queue, key)) else { return Ok(()) };
        while self.keys.get(index).is_some_and(|key| u64::from(key.messages) >= most) {
            let oldest = self.keys.get(index).map_or(NONE, |key| key.blocked.head);
            if !drop_oldest || oldest == NONE {
                self.queue_mut(queue)?.stats.rejected += 1;
                return Err(refused);
            }
            let id = self.slab.at(oldest).id();
            self.fail_request(cx, oldest, "it made room for a newer one");
            self.remove(cx, oldest);
            self.queue_mut(queue)?.stats.dropped += 1;
            self.event(cx, queue, id, 6, || EventKind::Dropped);
        }
        Ok(())
    }

    /// Whether a message waits for interest now.
    pub(super) fn is_blocked_by_interest(&self, entry: &Entry) -> bool {
        entry.state() == Some(State::Blocked) && self.waits_for_interest(entry)
    }
}
