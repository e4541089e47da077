//! What waits for the owner.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::{Effect, Notify};

/// Effects on their way. The owner is told once for all effects between two calls of [`Outbox::take`].
pub struct Outbox {
    waiting: Mutex<Waiting>,
    told: AtomicBool,
    notify: Notify,
    max_events: usize,
}

#[derive(Default)]
struct Waiting {
    effects: Vec<Effect>,
    events: usize,
    lost: u64,
}

impl Outbox {
    /// Without anything in it. More events than `max_events` are left out.
    pub fn new(notify: Notify, max_events: usize) -> Self {
        Self { waiting: Mutex::default(), told: AtomicBool::new(false), notify, max_events }
    }

    /// Moves `effects` out. Events beyond the limit are left out; everything else is bounded by what the owner has asked for.
    pub fn publish(&self, effects: &mut Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        self.put(effects);
        if !self.told.swap(true, Ordering::AcqRel) {
            (self.notify)();
        }
    }

    /// Like [`Outbox::publish`], for an owner who takes them at once without being told.
    pub(super) fn put(&self, effects: &mut Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        let is_event = |effect: &Effect| matches!(effect, Effect::Event(_));
        let events = effects.iter().filter(|effect| is_event(effect)).count();
        let room = self.max_events.saturating_sub(waiting.events);
        if events > room {
            waiting.lost += (events - room) as u64;
            let mut kept = 0;
            effects.retain(|effect| {
                kept += usize::from(is_event(effect));
                !is_event(effect) || kept <= room
            });
        }
        waiting.events += events.min(room);
        waiting.effects.append(effects);
    }

    /// Takes what has come out.
    pub fn take(&self) -> Vec<Effect> {
        // First the flag: what is published in between is either in this list, or told again.
        self.told.store(false, Ordering::Release);
        let Waiting { mut effects, lost, .. } = std::mem::take(&mut *self.waiting.lock());
        if lost > 0 {
            effects.push(Effect::EventsLost(lost));
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::{Event, EventKind, MessageId, QueueRef, Ticket};

    fn event() -> Effect {
        Effect::Event(Event { queue: QueueRef(0), id: MessageId(1), kind: EventKind::Sent })
    }

    #[test]
    fn the_owner_is_told_once_until_it_takes() {
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let outbox = Outbox::new(
            Box::new(move || {
                counter.fetch_add(1, Ordering::Relaxed);
            }),
            10,
        );
        outbox.publish(&mut vec![event()]);
        outbox.publish(&mut vec![event()]);
        outbox.publish(&mut vec![]);
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert_eq!(outbox.take().len(), 2);
        outbox.publish(&mut vec![event()]);
        assert_eq!(told.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn events_are_bounded_and_answers_are_not() {
        let outbox = Outbox::new(Box::new(|| {}), 2);
        let answer = || Effect::Done { ticket: Ticket(1), result: Ok(crate::Outcome::Done) };
        outbox.publish(&mut vec![event(), answer(), event(), event()]);
        outbox.publish(&mut vec![event(), answer()]);
        let effects = outbox.take();
        assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Done { .. })).count(), 2);
        assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Event(_))).count(), 2);
        assert!(matches!(effects.last(), Some(Effect::EventsLost(2))));
        outbox.publish(&mut vec![event()]);
        assert!(matches!(outbox.take()[..], [Effect::Event(_)]));
    }
}
