//! Looking at messages.

use super::slab::NONE;
use super::{Machine, Round};
use crate::{Error, MessageInfo, Outcome, State};

/// The most messages of a page.
const PAGE: u32 = 1_000;

/// The most entries that are looked at for a page: a rare state takes several pages, not a long pause.
const LOOK: u32 = 50_000;

impl Machine {
    /// A message and what has become of it.
    pub(super) fn info(&mut self, cx: &mut Round<'_>, slot: u32) -> Result<MessageInfo, Error> {
        let entry = *self.slab.at(slot);
        let mut message = self.read_message(cx, slot)?;
        // It may have been put off, or wait for its next attempt.
        message.deliver_at = self.due(slot, cx.now).or(message.deliver_at);
        let state = entry.state().ok_or(Error::MessageNotFound { id: entry.id() })?;
        let history = self.history(cx, slot);
        Ok(MessageInfo { message, state, attempts: entry.attempts, history })
    }

    pub(super) fn peek(&mut self, cx: &mut Round<'_>, queue: u32, limit: u32) -> Outcome {
        let limit = limit.min(PAGE) as usize;
        let mut slots = Vec::new();
        let heads: Vec<u32> =
            self.queues.get(queue as usize).map_or_else(Vec::new, |found| found.ready.heads().collect());
        for head in heads {
            let mut slot = head;
            while slot != NONE && slots.len() < limit {
                slots.push(slot);
                slot = self.slab.at(slot).next;
            }
        }
        let messages = slots.into_iter().filter_map(|slot| self.info(cx, slot).ok()).collect();
        Outcome::Page { messages, next: None }
    }

    pub(super) fn list(
        &mut self,
        cx: &mut Round<'_>,
        queue: u32,
        state: Option<State>,
        cursor: u64,
        limit: u32,
    ) -> Outcome {
        let limit = limit.clamp(1, PAGE) as usize;
        let start = u32::try_from(cursor).unwrap_or(u32::MAX);
        let end = start.saturating_add(LOOK).min(self.slab.slots());
        let mut messages = Vec::new();
        let mut slot = start;
        while slot < end && messages.len() < limit {
            let entry = self.slab.at(slot);
            let found = entry.state();
            if entry.queue == queue && found.is_some() && (state.is_none() || found == state) {
                messages.extend(self.info(cx, slot).ok());
            }
            slot += 1;
        }
        messages.sort_unstable_by_key(|info| info.message.id);
        Outcome::Page { messages, next: (slot < self.slab.slots()).then_some(slot.into()) }
    }
}
