//! Settling and prolonging leases.

use super::fail::HELD_TOO_LONG;
use super::{Machine, Round};
use crate::{Effect, Error, EventKind, Lease, LeaseEnd, MAX_ERROR_BYTES, Renewal, Settle, State};

impl Machine {
    /// The slot of the message and the index of its lease, if the token is the one of now.
    fn held(&self, lease: Lease) -> Result<(u32, u32), Error> {
        let ended = Error::LeaseEnded { id: lease.id };
        let slot = self.ids.get(lease.id, &self.slab).ok_or(ended.clone())?;
        let entry = self.slab.at(slot);
        let index = entry.next;
        let current = entry.state() == Some(State::Active)
            && self.leases.get(index).is_some_and(|held| held.token == lease.token && held.slot == slot);
        if current { Ok((slot, index)) } else { Err(ended) }
    }

    pub(super) fn settle(&mut self, cx: &mut Round<'_>, lease: Lease, outcome: Settle) -> Result<(), Error> {
        let (slot, index) = self.held(lease)?;
        let queue = self.slab.at(slot).queue;
        match outcome {
            Settle::Ack { result } => {
                let since = self.leases.get(index).map_or(cx.now.mono, |held| held.since);
                if let Some(pending) = self.take_request(slot) {
                    let result = Ok(result.clone());
                    cx.out.durable.push(Effect::Replied { ticket: pending.ticket, result });
                }
                self.remove(cx, slot);
                let stats = &mut self.queue_mut(queue)?.stats;
                stats.completed += 1;
                stats.run_time.add(cx.now.mono.saturating_sub(since));
                self.event(cx, queue, lease.id, 2, || EventKind::Completed(result));
            }
            Settle::Nack { error, delay, dead } => self.fail(cx, slot, &error, delay, dead),
            Settle::Release => self.give_back(slot),
        }
        Ok(())
    }

    /// A held message was not processed: it goes first again, and the attempt does not count.
    pub(super) fn give_back(&mut self, slot: u32) {
        self.detach(slot);
        let entry = self.slab.at_mut(slot);
        entry.attempts = entry.attempts.saturating_sub(1);
        self.attempts.push((entry.id(), entry.attempts));
        self.back_in_order(slot);
        self.make_ready(slot, true);
        self.expire_if_late(slot);
    }

    /// A message whose time came while it was held expires now that it is not.
    pub(super) fn expire_if_late(&mut self, slot: u32) {
        let expiry = self.slab.at(slot).expiry;
        if self.expiries.time_at(expiry) == Some(HELD_TOO_LONG) {
            self.clear_expiry(slot);
            self.set_expiry(slot, 0);
        }
    }

    /// A message that was held is among those that may have to make room again.
    pub(super) fn back_in_order(&mut self, slot: u32) {
        let entry = self.slab.at(slot);
        if let Some(queue) = self.queues.get_mut(entry.queue as usize)
            && queue.options.overflow == crate::Overflow::DropOldest
        {
            queue.order.push_front(entry.id());
        }
    }

    pub(super) fn extend(&mut self, cx: &Round<'_>, lease: Lease, millis: u64) -> Result<(), Error> {
        let (_, index) = self.held(lease)?;
        let until = cx.now.mono.saturating_add(millis);
        let explicit = self
            .leases
            .get(index)
            .and_then(|held| self.workers.get(held.worker as usize)?.as_ref())
            .is_none_or(|worker| worker.options.renewal == Renewal::Explicit || worker.lost);
        self.leases.change(index, |held| {
            if explicit {
                held.expires = Some(until);
            }
            held.run_until = held.run_until.map(|run| run.max(until));
        });
        Ok(())
    }

    pub(super) fn progress(&mut self, cx: &mut Round<'_>, lease: Lease, data: &bytes::Bytes) {
        let Ok((slot, _)) = self.held(lease) else { return };
        if let Some(pending) = self.requests.get(&lease.id) {
            cx.out.now.push(Effect::Progress { ticket: pending.ticket, data: data.clone() });
        }
        self.event(cx, self.slab.at(slot).queue, lease.id, 8, || EventKind::Progress(data.clone()));
    }

    /// Ends the leases whose time has come. Returns whether there are more than were looked at.
    pub(super) fn expire_leases(&mut self, cx: &mut Round<'_>, mut most: u32) -> bool {
        while let Some((at, index)) = self.leases.first()
            && at <= cx.now.mono
        {
            if most == 0 {
                return true;
            }
            most -= 1;
            let Some(held) = self.leases.get(index).copied() else { break };
            let ran_out = held.run_until.is_some_and(|run| run <= cx.now.mono);
            let reason = if ran_out { LeaseEnd::RunTime } else { LeaseEnd::Expired };
            let entry = *self.slab.at(held.slot);
            let (id, queue) = (entry.id(), entry.queue);
            if let Some(Some(worker)) = self.workers.get(held.worker as usize)
                && !worker.lost
            {
                let lease = Lease { id, token: held.token };
                // Behind its delivery, which may wait for a commit.
                cx.out.durable.push(Effect::LeaseEnded { worker: worker.id, lease, reason });
            }
            if let Ok(found) = self.queue_mut(queue) {
                found.stats.leases_ended += 1;
            }
            self.event(cx, queue, id, 7, || EventKind::LeaseEnded(reason));
            match reason {
                LeaseEnd::RunTime => self.fail(cx, held.slot, "it ran longer than maxRunTime", None, false),
                LeaseEnd::Expired => self.fail(cx, held.slot, "its lease ended: the consumer was lost", Some(0), false),
            }
        }
        false
    }
}

/// Cuts an error's text at a character's boundary.
pub(crate) fn cut(error: &str) -> &str {
    let end = (0..=MAX_ERROR_BYTES.min(error.len())).rev().find(|end| error.is_char_boundary(*end));
    error.get(..end.unwrap_or(0)).unwrap_or_default()
}
