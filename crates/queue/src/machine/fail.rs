//! Failed attempts: try again, or die.

use super::place::When;
use super::settle::cut;
use super::slab::{HISTORY, NONE};
use super::{Machine, Round};
use crate::record::{Change, DueChange, Head, History};
use crate::{Attempt, Backoff, Class, Due, Error, EventKind, MAX_HISTORY, Message, MessageId, QueueOptions, State};

/// The time at which a message expires whose time came while it was held: never, until it is given back.
pub(super) const HELD_TOO_LONG: u64 = u64::MAX;

impl Machine {
    /// An attempt of a held message failed.
    pub(super) fn fail(&mut self, cx: &mut Round<'_>, slot: u32, error: &str, delay: Option<u64>, dead: bool) {
        let entry = *self.slab.at(slot);
        let (queue, id, attempt) = (entry.queue, entry.id(), entry.attempts);
        let Some(found) = self.queues.get_mut(queue as usize) else { return };
        found.stats.failed += 1;
        if dead || attempt >= found.options.max_attempts {
            self.die(cx, slot, error);
            return;
        }
        found.stats.retried += 1;
        let backoff = found.options.backoff;
        let delay = delay.unwrap_or_else(|| self.backoff(backoff, attempt));
        self.detach(slot);
        if self.waits_for_interest(&entry) {
            // Until somebody has acknowledged it, nobody knows whether it arrived.
            self.expire_if_late(slot);
        } else {
            // It was delivered, so it does not expire any more.
            self.clear_expiry(slot);
        }
        let due = if delay == 0 { 0 } else { cx.now.wall.saturating_add(delay) };
        if self.add_history(cx, slot, error, due).is_err() {
            // No room for the error: the time alone is a change of state, which is still taken.
            let _ = self.record(cx, &Change::Due(DueChange { id, due }));
        }
        self.back_in_order(slot);
        let when = if delay == 0 { When::Now } else { When::Mono(cx.now.mono.saturating_add(delay)) };
        match when {
            When::Now => self.make_ready(slot, true),
            _ => self.make_delayed(slot, when, self.slab.at(slot).key != NONE),
        }
        self.event(cx, queue, id, 3, || EventKind::Retried { attempt, error: cut(error).into(), delay });
    }

    fn backoff(&mut self, backoff: Backoff, attempt: u16) -> u64 {
        let (delay, jitter) = match backoff {
            Backoff::Fixed { delay, jitter } => (delay, jitter),
            Backoff::Exponential { delay, max, jitter } => {
                let doubled = 1_u64.checked_shl(u32::from(attempt.saturating_sub(1))).unwrap_or(u64::MAX);
                (delay.saturating_mul(doubled).min(max), jitter)
            }
        };
        let part = self.random() * jitter.clamp(0.0, 1.0);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part"
        )]
        let less = (delay as f64 * part) as u64;
        delay.saturating_sub(less)
    }

    /// Writes down a failed attempt, with those before it.
    fn add_history(&mut self, cx: &mut Round<'_>, slot: u32, error: &str, due: u64) -> Result<(), Error> {
        let entry = *self.slab.at(slot);
        let mut list = self.history(cx, slot);
        if list.len() >= MAX_HISTORY {
            // The first says how it began, the latest how it goes.
            list.remove(1);
        }
        list.push(Attempt { number: entry.attempts, failed_at: cx.now.wall, error: cut(error).into() });
        History { id: entry.id(), attempts: entry.attempts, due, list }.write(&mut self.head);
        let place = self.append(cx, Class::Content, &[])?;
        if let Some((at, len)) = self.histories.insert(slot, place) {
            cx.store.discard(at, len);
        }
        self.slab.at_mut(slot).set(HISTORY, true);
        Ok(())
    }

    /// The errors of a message's failed attempts.
    pub(super) fn history(&self, cx: &mut Round<'_>, slot: u32) -> Vec<Attempt> {
        let place = self.histories.get(&slot).filter(|_| self.slab.at(slot).has(HISTORY));
        let record = place.and_then(|(at, len)| cx.store.read(*at, *len).ok());
        record.and_then(|record| History::read(&record).ok()).map_or_else(Vec::new, |history| history.list)
    }

    /// A message will not be delivered any more: to the dead letters, or away.
    pub(super) fn die(&mut self, cx: &mut Round<'_>, slot: u32, error: &str) {
        const AGAIN: u64 = 1_000;
        let entry = *self.slab.at(slot);
        let (queue, id, attempt) = (entry.queue, entry.id(), entry.attempts);
        match self.bury(cx, slot, error) {
            Ok(()) => {}
            // It was set aside just now.
            Err(Error::MessageCorrupt { .. }) => return,
            Err(_) => {
                // The disk is full. It is not lost: it dies when there is room.
                self.detach(slot);
                self.make_delayed(slot, When::Mono(cx.now.mono + AGAIN), false);
                return;
            }
        }
        self.fail_request(cx, slot, error);
        let name = (self.slab.at(slot).queue != queue).then(|| self.slab.at(slot).queue);
        let name = name.and_then(|index| self.queue(index).ok().map(|queue| queue.name.clone()));
        if name.is_none() {
            self.remove(cx, slot);
        }
        if let Ok(found) = self.queue_mut(queue) {
            found.stats.dead += 1;
        }
        self.event(cx, queue, id, 4, || EventKind::Dead { attempt, error: cut(error).into(), queue: name });
    }

    /// Puts a message among the dead letters, if its queue has some.
    fn bury(&mut self, cx: &mut Round<'_>, slot: u32, error: &str) -> Result<(), Error> {
        let Some(target) = self.dead_letters(cx, self.slab.at(slot).queue)? else { return Ok(()) };
        let message = self.read_message(cx, slot)?;
        self.add_history(cx, slot, error, 0)?;
        self.rewrite(cx, slot, target, true, &message)
    }

    /// The queue for a queue's dead letters, made if there is none; `None` if it has none.
    pub(super) fn dead_letters(&mut self, cx: &mut Round<'_>, queue: u32) -> Result<Option<u32>, Error> {
        let found = self.queue(queue)?;
        let Some(name) = found.options.dead_letter.clone().filter(|name| *name != found.name) else { return Ok(None) };
        match self.names.get(&name) {
            Some(index) => Ok(Some(*index)),
            None => self.make_queue(cx, name, QueueOptions::default()).map(Some),
        }
    }

    /// Writes a message anew, into another queue, where it begins anew and waits. Nothing changes if the store refuses.
    pub(super) fn rewrite(
        &mut self,
        cx: &mut Round<'_>,
        slot: u32,
        target: u32,
        dead: bool,
        message: &Message,
    ) -> Result<(), Error> {
        // What was delivered before belongs to the old version.
        self.flush(cx)?;
        let before = *self.slab.at(slot);
        // A delay goes with it, the pause before a retry does not.
        let delayed = !dead && before.attempts == 0 && before.state() == Some(State::Delayed);
        let deliver_at = self.due(slot, cx.now).filter(|_| delayed);
        let origin = self.queue(self.slab.at(slot).queue)?.name.clone();
        let head = Head {
            id: message.id,
            queue: target,
            priority: message.priority,
            content: message.content,
            keeps_history: dead,
            deliver_at,
            expires_at: None,
            key: message.key(),
            dedup_id: None,
            origin: if dead { Some(&origin) } else { None },
            tick: None,
            headers: message.headers(),
        };
        head.write(&mut self.head);
        let place = self.append(cx, Class::Content, message.payload())?;
        self.leave_queue(slot, cx.now);
        self.replace(cx, slot, place);
        if !dead {
            self.drop_history(cx, slot);
        }
        let entry = self.slab.at_mut(slot);
        (entry.queue, entry.attempts) = (target, 0);
        if let Some(key) = message.key() {
            self.enter_key(slot, self.key_hash(target, key));
        }
        self.count_in(slot);
        let (when, _) = When::of(deliver_at.map_or(Due::Now, Due::At), cx.now);
        self.make_delayed(slot, when, false);
        Ok(())
    }

    /// A message was not delivered in time.
    pub(super) fn expire(&mut self, cx: &mut Round<'_>, slot: u32) {
        let entry = *self.slab.at(slot);
        let (queue, id): (u32, MessageId) = (entry.queue, entry.id());
        self.clear_expiry(slot);
        if entry.state() == Some(State::Active) {
            // It goes if it is given back unprocessed.
            self.set_expiry(slot, HELD_TOO_LONG);
            return;
        }
        if let Ok(found) = self.queue_mut(queue) {
            found.stats.expired += 1;
        }
        self.event(cx, queue, id, 5, || EventKind::Expired);
        if self.queue(queue).is_ok_and(|found| found.options.dead_letter_expired && found.options.dead_letter.is_some())
        {
            self.die(cx, slot, "it expired before it was delivered");
        } else {
            self.fail_request(cx, slot, "it expired before it was delivered");
            self.remove(cx, slot);
        }
    }
}
