//! Sending.

use super::dedup::Seen;
use super::place::When;
use super::queue::{Reply, Waiting};
use super::slab::{Entry, REQUEST};
use super::{Effects, Machine, Round, Timer, key};
use crate::record::{Head, Tick};
use crate::{
    Class, Effect, Error, EventKind, MAX_KEY_BYTES, MessageId, NewMessage, Now, Outcome, Overflow, QueueRef, Receipt,
    Request, State, Store, Ticket,
};

/// A request that was not answered yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub(crate) ticket: Ticket,
    pub(crate) request: Request,
    pub(crate) deadline: u64,
}

/// A batch of which some messages wait for room.
#[derive(Debug)]
pub(crate) struct WaitingBatch {
    ticket: Ticket,
    results: Vec<Result<Receipt, Error>>,
    left: u32,
}

/// What became of a message that was to be sent.
enum Sent {
    Done(Result<Receipt, Error>),
    Waits,
}

impl Machine {
    pub(super) fn send(
        &mut self,
        cx: &mut Round<'_>,
        ticket: Ticket,
        queue: QueueRef,
        message: NewMessage,
        request: Option<Request>,
    ) {
        let reply = request.map_or(Reply::One(ticket), |request| Reply::Request(ticket, request));
        let sent = match self.find(queue) {
            Ok(queue) => self.offer(cx, queue, message, reply),
            Err(error) => Sent::Done(Err(error)),
        };
        if let Sent::Done(result) = sent {
            self.answer(cx, reply, result);
        }
    }

    pub(super) fn send_batch(
        &mut self,
        cx: &mut Round<'_>,
        ticket: Ticket,
        queue: QueueRef,
        messages: Vec<NewMessage>,
    ) {
        let queue = match self.find(queue) {
            Ok(queue) => queue,
            Err(error) => return cx.done(ticket, Err(error)),
        };
        let batch = self.next_batch;
        let mut results = Vec::with_capacity(messages.len());
        let mut left = 0;
        for (place, message) in messages.into_iter().enumerate() {
            let reply = Reply::Batch(batch, u32::try_from(place).unwrap_or(u32::MAX));
            results.push(match self.offer(cx, queue, message, reply) {
                Sent::Done(result) => result,
                Sent::Waits => {
                    left += 1;
                    Err(Error::Closed)
                }
            });
        }
        if left == 0 {
            cx.done(ticket, Ok(Outcome::SentBatch(results)));
        } else {
            self.batches.insert(batch, WaitingBatch { ticket, results, left });
            self.next_batch += 1;
        }
    }

    fn answer(&mut self, cx: &mut Round<'_>, reply: Reply, result: Result<Receipt, Error>) {
        match reply {
            Reply::One(ticket) => cx.done(ticket, result.map(Outcome::Sent)),
            Reply::Request(ticket, _) => cx.done(
                ticket,
                result.and_then(|receipt| {
                    if receipt.duplicate {
                        Err(Error::RequestFailed { id: receipt.id, detail: "it was sent before".into() })
                    } else {
                        Ok(Outcome::Sent(receipt))
                    }
                }),
            ),
            Reply::Batch(index, place) => {
                let Some(batch) = self.batches.get_mut(&index) else { return };
                if let Some(known) = batch.results.get_mut(place as usize) {
                    *known = result;
                }
                batch.left -= 1;
                if batch.left == 0
                    && let Some(batch) = self.batches.remove(&index)
                {
                    cx.done(batch.ticket, Ok(Outcome::SentBatch(batch.results)));
                }
            }
        }
    }

    /// Checks a message, and stores it or lets it wait.
    fn offer(&mut self, cx: &mut Round<'_>, queue: u32, message: NewMessage, reply: Reply) -> Sent {
        let bytes = match self.check(queue, &message) {
            Ok(bytes) => bytes,
            Err(error) => return Sent::Done(Err(error)),
        };
        if let Some(id) = self.earlier(queue, &message) {
            return Sent::Done(Ok(Receipt { id, duplicate: true }));
        }
        if let Err(error) = self.key_has_room(cx, queue, message.key.as_deref()) {
            return Sent::Done(Err(error));
        }
        let most = self.config.max_waiting_sends;
        let Some(found) = self.queues.get_mut(queue as usize) else { return Sent::Done(Err(Error::Closed)) };
        if found.is_full_for(bytes) || !found.waiting.is_empty() {
            let refused = Error::Full { queue: found.name.clone() };
            let fits = match found.options.overflow {
                Overflow::Reject => !found.is_full_for(bytes),
                Overflow::Wait if found.waiting.len() < most as usize => {
                    found.waiting.push_back(Waiting { message, reply });
                    self.touch(queue);
                    return Sent::Waits;
                }
                Overflow::Wait => false,
                Overflow::DropOldest => self.make_room(cx, queue, bytes),
            };
            if !fits {
                if let Ok(found) = self.queue_mut(queue) {
                    found.stats.rejected += 1;
                }
                return Sent::Done(Err(refused));
            }
        }
        Sent::Done(self.accept(cx, queue, &message, reply))
    }

    /// Stores a message, and remembers who waits for its answer.
    fn accept(&mut self, cx: &mut Round<'_>, queue: u32, message: &NewMessage, reply: Reply) -> Result<Receipt, Error> {
        let id = self.store(cx, queue, message, None)?;
        if let Reply::Request(ticket, request) = reply
            && let Some(slot) = self.ids.get(id, &self.slab)
        {
            let deadline = cx.now.mono.saturating_add(request.timeout);
            self.slab.at_mut(slot).set(REQUEST, true);
            self.requests.insert(id, Pending { ticket, request, deadline });
            self.timers.insert((deadline, Timer::Request(id)));
        }
        Ok(Receipt { id, duplicate: false })
    }

    /// What a message counts against the limits.
    pub(super) fn check(&self, queue: u32, message: &NewMessage) -> Result<u64, Error> {
        let options = &self.queue(queue)?.options;
        for text in [&message.key, &message.dedup_id].into_iter().flatten() {
            if text.is_empty() || text.len() > MAX_KEY_BYTES {
                let detail = format!("keys and dedup ids have 1 to {MAX_KEY_BYTES} bytes, this one has {}", text.len());
                return Err(Error::OptionInvalid { detail: detail.into() });
            }
        }
        let key = message.key.as_ref().map_or(0, |key| key.len());
        let bytes = (message.payload.len() + message.headers.len() + key) as u64;
        let limit = u64::from(options.max_message_bytes).min(options.max_bytes.unwrap_or(u64::MAX));
        if bytes > limit { Err(Error::MessageTooLarge { bytes, limit }) } else { Ok(bytes) }
    }

    fn earlier(&mut self, queue: u32, message: &NewMessage) -> Option<MessageId> {
        let hash = key::hash(&self.secret, b'd', queue, message.dedup_id.as_deref()?);
        let found = self.queues.get_mut(queue as usize)?;
        let id = found.dedup.find(hash, self.now.mono)?;
        found.stats.duplicates += 1;
        Some(id)
    }

    /// Stores a message that was checked. All or nothing: a refused record changes nothing.
    pub(super) fn store(
        &mut self,
        cx: &mut Round<'_>,
        queue: u32,
        message: &NewMessage,
        tick: Option<Tick<'_>>,
    ) -> Result<MessageId, Error> {
        let (window, max, ttl) = {
            let options = &self.queue(queue)?.options;
            (options.dedup_window, options.dedup_max, message.ttl.or(options.ttl))
        };
        let id = self.newest.next(cx.now.wall);
        let (when, deliver_at) = When::of(message.due, cx.now);
        let expires_at = ttl.map(|ttl| cx.now.wall.saturating_add(ttl).min(u64::MAX - 1));
        let head = Head {
            id,
            queue,
            priority: message.priority,
            content: message.content,
            keeps_history: false,
            deliver_at,
            expires_at,
            key: message.key.as_deref(),
            dedup_id: message.dedup_id.as_deref(),
            origin: None,
            tick,
            headers: &message.headers,
        };
        head.write(&mut self.head);
        let (at, len) = self.append(cx, Class::Content, &message.payload)?;
        let mut entry = Entry::new(id, queue, at, len);
        entry.priority = message.priority;
        let slot = self.insert(entry).inspect_err(|_| cx.store.discard(at, len))?;
        self.newest = id;
        if let Some(key) = &message.key {
            self.enter_key(slot, self.key_hash(queue, key));
        }
        if let Some(at) = expires_at {
            self.set_expiry(slot, at);
        }
        self.make_delayed(slot, when, false);
        if let Some(dedup_id) = &message.dedup_id {
            let hash = key::hash(&self.secret, b'd', queue, dedup_id);
            self.remember(queue, Seen { until: cx.now.mono.saturating_add(window), hash, id }, max);
        }
        self.queue_mut(queue)?.stats.sent += 1;
        self.event(cx, queue, id, 0, || EventKind::Sent);
        Ok(id)
    }

    /// Adds to the dedup window.
    pub(super) fn remember(&mut self, queue: u32, seen: Seen, max: u32) {
        let Some(found) = self.queues.get_mut(queue as usize) else { return };
        found.dedup.insert(seen, max);
        if !std::mem::replace(&mut found.dedup_timer, true) {
            self.timers.insert((seen.until, Timer::Dedup(queue)));
        }
    }

    /// Whether a message of a schedule may be sent now.
    pub(super) fn has_room(&mut self, cx: &mut Round<'_>, queue: u32, bytes: u64) -> bool {
        let Ok(found) = self.queue(queue) else { return false };
        if !found.is_full_for(bytes) {
            return true;
        }
        found.options.overflow == Overflow::DropOldest && self.make_room(cx, queue, bytes)
    }

    /// Drops the oldest waiting messages until so many bytes fit.
    fn make_room(&mut self, cx: &mut Round<'_>, queue: u32, bytes: u64) -> bool {
        while let Some(found) = self.queues.get_mut(queue as usize)
            && found.is_full_for(bytes)
        {
            let Some(id) = found.order.pop_front() else { return false };
            let Ok(slot) = self.slot(queue, id) else { continue };
            // A held one comes back to the front when it is given back.
            if self.slab.at(slot).state() == Some(State::Active) {
                continue;
            }
            self.fail_request(cx, slot, "it made room for a newer one");
            self.remove(cx, slot);
            if let Ok(found) = self.queue_mut(queue) {
                found.stats.dropped += 1;
            }
            self.event(cx, queue, id, 6, || EventKind::Dropped);
        }
        // Those that were settled are still in the order: forget them when they are the most.
        let (slab, ids) = (&self.slab, &self.ids);
        if let Some(found) = self.queues.get_mut(queue as usize)
            && found.order.len() as u64 > found.len() * 2 + 1024
        {
            found.order.retain(|id| ids.get(*id, slab).is_some_and(|slot| slab.at(slot).queue == queue));
        }
        true
    }

    /// Stores sends that waited for room.
    pub(super) fn admit(&mut self, cx: &mut Round<'_>, queue: u32) {
        while let Some(found) = self.queues.get_mut(queue as usize)
            && let Some(first) = found.waiting.front()
        {
            let key = first.message.key.as_ref().map_or(0, |key| key.len());
            let bytes = first.message.payload.len() + first.message.headers.len() + key;
            if found.is_full_for(bytes as u64) && found.options.overflow == Overflow::Wait {
                return;
            }
            let Some(Waiting { message, reply }) = found.waiting.pop_front() else { return };
            let result = match self.earlier(queue, &message) {
                Some(id) => Ok(Receipt { id, duplicate: true }),
                None => self.accept(cx, queue, &message, reply),
            };
            self.answer(cx, reply, result);
        }
    }

    /// Tells the requester that there will be no answer.
    pub(super) fn fail_request(&mut self, cx: &mut Round<'_>, slot: u32, detail: &str) {
        if !self.slab.at(slot).has(REQUEST) {
            return;
        }
        let id = self.slab.at(slot).id();
        if let Some(pending) = self.take_request(slot) {
            let result = Err(Error::RequestFailed { id, detail: detail.into() });
            cx.out.durable.push(Effect::Replied { ticket: pending.ticket, result });
        }
    }

    /// Who waits for the answer of a message, for the last time.
    pub(super) fn take_request(&mut self, slot: u32) -> Option<Pending> {
        let entry = self.slab.at_mut(slot);
        if !entry.has(REQUEST) {
            return None;
        }
        entry.set(REQUEST, false);
        let id = entry.id();
        let pending = self.requests.remove(&id)?;
        self.timers.remove(&(pending.deadline, Timer::Request(id)));
        Some(pending)
    }

    /// The engine closes: what workers hold goes back, and everything that waits fails (sends for room, requests for answers,
    /// drains for an end).
    pub fn close(&mut self, error: &Error, now: Now, store: &mut dyn Store, out: &mut Effects) -> Result<(), Error> {
        let cx = &mut Round { now, store, out };
        self.end_all_workers(cx);
        self.flush(cx)?;
        self.fail_all(error, out);
        Ok(())
    }

    /// Fails everything that waits, whatever state the store is in.
    pub fn fail_all(&mut self, error: &Error, out: &mut Effects) {
        for (_, pending) in self.requests.drain() {
            out.durable.push(Effect::Replied { ticket: pending.ticket, result: Err(error.clone()) });
        }
        for queue in &mut self.queues {
            for ticket in queue.drains.drain(..) {
                out.durable.push(Effect::Done { ticket, result: Err(error.clone()) });
            }
            for waiting in queue.waiting.drain(..) {
                if let Reply::One(ticket) | Reply::Request(ticket, _) = waiting.reply {
                    out.durable.push(Effect::Done { ticket, result: Err(error.clone()) });
                }
            }
        }
        for (_, batch) in self.batches.drain() {
            // What was not stored is marked as closed already.
            out.durable.push(Effect::Done { ticket: batch.ticket, result: Ok(Outcome::SentBatch(batch.results)) });
        }
        for sweep in self.sweeps.drain(..) {
            out.durable.push(Effect::Done { ticket: sweep.ticket, result: Err(error.clone()) });
        }
    }
}
