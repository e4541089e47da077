//! One message.

use super::place::When;
use super::slab::FIRST;
use super::{Machine, Round};
use crate::record::{Change, DueChange};
use crate::{Due, Error, EventKind, MessageAction, MessageId, Outcome, QueueRef, State};

impl Machine {
    pub(super) fn message(
        &mut self,
        cx: &mut Round<'_>,
        queue: QueueRef,
        id: MessageId,
        action: &MessageAction,
    ) -> Result<Outcome, Error> {
        let queue = self.find(queue)?;
        let slot = self.slot(queue, id)?;
        let state = self.slab.at(slot).state();
        if matches!(action, MessageAction::Get) {
            return self.info(cx, slot).map(|info| Outcome::Message(Box::new(info)));
        }
        if state == Some(State::Active) {
            return Err(Error::MessageHeld { id });
        }
        match action {
            MessageAction::Get => {}
            MessageAction::Remove => {
                self.fail_request(cx, slot, "it was removed");
                self.remove(cx, slot);
                self.event(cx, queue, id, 9, || EventKind::Removed);
            }
            MessageAction::Promote => {
                if state == Some(State::Delayed) {
                    self.reschedule(cx, slot, Due::Now)?;
                }
            }
            MessageAction::Reschedule { due } => self.reschedule(cx, slot, *due)?,
            MessageAction::Move { to } => {
                let to = self.find(*to)?;
                if to == queue {
                    return Err(Error::OptionInvalid { detail: "a message is moved to another queue".into() });
                }
                let message = self.read_message(cx, slot)?;
                self.rewrite(cx, slot, to, false, &message)?;
            }
            MessageAction::Redrive => {
                let message = self.read_message(cx, slot)?;
                let to = message.origin.as_ref().and_then(|name| self.names.get(name)).copied();
                let to = to.filter(|to| *to != queue).ok_or_else(|| Error::QueueNotFound {
                    detail: format!("message {id} did not die in another queue").into(),
                })?;
                self.rewrite(cx, slot, to, false, &message)?;
            }
        }
        Ok(Outcome::Done)
    }

    /// Changes when a waiting message is due.
    fn reschedule(&mut self, cx: &mut Round<'_>, slot: u32, due: Due) -> Result<(), Error> {
        let (when, stored) = When::of(due, cx.now);
        let entry = *self.slab.at(slot);
        self.record(cx, &Change::Due(DueChange { id: entry.id(), due: stored.unwrap_or(0) }))?;
        self.detach(slot);
        // One that is retried keeps its place in the order of its key; another one enters it when it is due.
        if entry.attempts == 0 && when != When::Now {
            self.release_key(slot);
        }
        let first = entry.has(FIRST) && (entry.attempts > 0 || !self.waits_for_interest(&entry));
        self.make_delayed(slot, when, first);
        Ok(())
    }
}
