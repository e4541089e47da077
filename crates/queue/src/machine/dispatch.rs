//! Giving messages to workers.

use super::lease::Held;
use super::place::When;
use super::slab::FIRST;
use super::{Machine, Round, Timer};
use crate::record::decode_message;
use crate::{Delivery, Effect, Error, EventKind, Message, MessageId, ReadError, Renewal, State, Token};

/// After an error of the system, a queue is not read for so many milliseconds.
const READ_PAUSE: u64 = 1_000;

/// What came of looking at the first message.
enum Step {
    Given,
    /// It went elsewhere; look at the next.
    Gone,
    /// Nothing more can be delivered now.
    Stop,
}

impl Machine {
    /// Delivers what a queue has to those that may take it.
    pub(super) fn dispatch(&mut self, cx: &mut Round<'_>, queue: u32) {
        let mut touched = Vec::new();
        // Workers that wait for a fuller batch have had their turn when they come round again.
        let mut passed = 0;
        while let Some(found) = self.queues.get_mut(queue as usize)
            && passed < found.idle.len()
            && let Some(worker) = found.idle.pop_front()
        {
            let wanted = self.wanted(cx, queue, worker);
            let mut stopped = false;
            let mut given = 0;
            while given < wanted && !stopped {
                match self.deliver_first(cx, queue, worker) {
                    Step::Given => given += 1,
                    Step::Gone => {}
                    Step::Stop => stopped = true,
                }
            }
            if let Some(Some(entry)) = self.workers.get_mut(worker as usize) {
                entry.idle = false;
                if given > 0 {
                    entry.batch_since = None;
                    touched.push(worker);
                }
            }
            passed = if given > 0 { 0 } else { passed + 1 };
            self.seat(worker);
            if stopped {
                break;
            }
        }
        self.hand_over(cx, &touched);
    }

    /// How many messages to give to a worker in its turn: one, or a whole batch, or none while its batch is too small.
    fn wanted(&mut self, cx: &Round<'_>, queue: u32, index: u32) -> u32 {
        let ready = self.queues.get(queue as usize).map_or(0, |queue| queue.count(State::Ready));
        let Some(Some(worker)) = self.workers.get_mut(index as usize) else { return 0 };
        let Some(batch) = worker.options.batch else { return worker.credit().min(1) };
        let size = batch.size.min(worker.options.concurrency);
        if ready == 0 || worker.credit() < size {
            worker.batch_since = None;
            return 0;
        }
        let since = *worker.batch_since.get_or_insert(cx.now.mono);
        let due = since.saturating_add(batch.wait);
        if ready >= u64::from(size) || cx.now.mono >= due {
            return size;
        }
        self.timers.insert((due, Timer::Queue(queue)));
        0
    }

    fn deliver_first(&mut self, cx: &mut Round<'_>, queue: u32, worker: u32) -> Step {
        let Some(found) = self.queues.get_mut(queue as usize) else { return Step::Stop };
        let busy = found.options.concurrency.is_some_and(|most| found.count(State::Active) >= u64::from(most));
        if found.paused || busy || found.wake.is_some_and(|at| at > cx.now.mono) {
            return Step::Stop;
        }
        let Some(slot) = found.ready.head() else {
            let Some((key, slot)) = self.take_turn(queue) else { return Step::Stop };
            let step = self.deliver(cx, queue, worker, slot);
            self.next_turn(key);
            return step;
        };
        self.deliver(cx, queue, worker, slot)
    }

    fn deliver(&mut self, cx: &mut Round<'_>, queue: u32, worker: u32, slot: u32) -> Step {
        let Some(found) = self.queues.get_mut(queue as usize) else { return Step::Stop };
        if let Some(rate) = found.options.rate
            && let Err(again) = found.window.free(rate, cx.now.mono)
        {
            self.wake(queue, again);
            return Step::Stop;
        }
        let (max_attempts, rate, key_rate) = (found.options.max_attempts, found.options.rate, found.options.key_rate);
        let entry = *self.slab.at(slot);
        if entry.attempts >= max_attempts {
            // The process ended in its last attempt, or the number of attempts was lowered.
            self.die(cx, slot, "no attempt is left: the process ended in the last one, or maxAttempts was lowered");
            return Step::Gone;
        }
        if let Some(rate) = key_rate
            && let Some(key) = self.keys.get_mut(entry.key)
        {
            let window = key.window.get_or_insert_default();
            if let Err(again) = window.free(rate, cx.now.mono) {
                self.detach(slot);
                self.make_delayed(slot, When::Mono(again), true);
                return Step::Gone;
            }
        }
        let message = match self.read_message(cx, slot) {
            Ok(message) => message,
            Err(Error::MessageCorrupt { .. }) => return Step::Gone,
            Err(_) => {
                self.wake(queue, cx.now.mono + READ_PAUSE);
                return Step::Stop;
            }
        };
        if let Some((rate, key)) = key_rate.zip(self.keys.get_mut(entry.key))
            && let Some(window) = &mut key.window
        {
            window.count(rate, cx.now.mono);
        }
        if let Ok(found) = self.queue_mut(queue)
            && let Some(rate) = rate
        {
            found.window.count(rate, cx.now.mono);
        }
        self.give(cx, slot, worker, message);
        Step::Given
    }

    /// Reads a message's record. One that is damaged is removed.
    pub(super) fn read_message(&mut self, cx: &mut Round<'_>, slot: u32) -> Result<Message, Error> {
        let entry = *self.slab.at(slot);
        let id = entry.id();
        let read = cx.store.read(entry.location(), entry.len);
        match read.and_then(|record| decode_message(record).map_err(|_| ReadError::Damaged)) {
            Ok(message) if message.id == id => Ok(message),
            Ok(_) | Err(ReadError::Damaged) => {
                self.fail_request(cx, slot, "its record is damaged");
                self.remove(cx, slot);
                if let Ok(queue) = self.queue_mut(entry.queue) {
                    queue.stats.quarantined += 1;
                }
                self.event(cx, entry.queue, id, 10, || EventKind::Quarantined);
                Err(Error::MessageCorrupt { id })
            }
            Err(ReadError::Store(error)) => Err(error),
        }
    }

    fn give(&mut self, cx: &mut Round<'_>, slot: u32, index: u32, message: Message) {
        self.detach(slot);
        let Some(Some(worker)) = self.workers.get_mut(index as usize) else { return self.make_ready(slot, true) };
        self.next_token += 1;
        let token = Token(self.next_token);
        let mut held = Held::new(slot, token, index, cx.now.mono);
        if worker.options.renewal == Renewal::Explicit {
            held.expires = Some(cx.now.mono.saturating_add(worker.options.visibility_timeout));
        }
        held.run_until = worker.options.max_run_time.map(|time| cx.now.mono.saturating_add(time));
        let lease = self.leases.insert(held, &mut worker.leases);
        worker.held += 1;
        self.activate(slot, lease);
        let entry = self.slab.at_mut(slot);
        entry.attempts = entry.attempts.saturating_add(1);
        entry.set(FIRST, false);
        let (id, attempt, queue) = (entry.id(), entry.attempts, entry.queue);
        self.attempts.push((id, attempt));
        if let Some(found) = self.queues.get_mut(queue as usize) {
            found.stats.delivered += 1;
            if attempt == 1 {
                let due = message.deliver_at.unwrap_or_default().max(id.millis());
                found.stats.wait_time.add(cx.now.wall.saturating_sub(due));
            }
        }
        self.event(cx, queue, id, 1, || EventKind::Delivered(attempt));
        // What another round publishes at once would overtake an earlier one of the key that waits for its commit.
        let waits = usize::from(id > self.durable || self.is_by_interest(queue));
        if let Some(Some(worker)) = self.workers.get_mut(index as usize)
            && let Some(given) = worker.given.get_mut(waits)
        {
            given.push(Delivery { token, attempt, message });
        }
    }

    /// Makes effects of what the workers were given. With batches, those that are not durable hold back the others.
    fn hand_over(&mut self, cx: &mut Round<'_>, touched: &[u32]) {
        for index in touched {
            let Some(Some(worker)) = self.workers.get_mut(*index as usize) else { continue };
            let id = worker.id;
            let [mut durable, waits] = std::mem::take(&mut worker.given);
            if worker.options.batch.is_some() && !waits.is_empty() {
                durable.extend(waits);
                Self::batches(worker.options.batch, durable, id, &mut cx.out.durable);
                continue;
            }
            Self::batches(worker.options.batch, durable, id, &mut cx.out.now);
            Self::batches(worker.options.batch, waits, id, &mut cx.out.durable);
        }
    }

    fn batches(
        batch: Option<crate::Batch>,
        mut deliveries: Vec<Delivery>,
        worker: crate::WorkerId,
        out: &mut Vec<Effect>,
    ) {
        let size = batch.map_or(usize::MAX, |batch| batch.size.max(1) as usize);
        while deliveries.len() > size {
            let rest = deliveries.split_off(size);
            out.push(Effect::Deliver { worker, deliveries });
            deliveries = rest;
        }
        if !deliveries.is_empty() {
            out.push(Effect::Deliver { worker, deliveries });
        }
    }

    /// Looks at a queue again later, and not before.
    fn wake(&mut self, queue: u32, at: u64) {
        if let Some(found) = self.queues.get_mut(queue as usize) {
            found.wake = Some(at);
            self.timers.insert((at, Timer::Queue(queue)));
        }
    }

    /// The oldest of the first messages of each priority.
    pub(super) fn oldest_ready(&self, queue: u32) -> Option<MessageId> {
        self.queues.get(queue as usize)?.ready.heads().map(|slot| self.slab.at(slot).id()).min()
    }
}
