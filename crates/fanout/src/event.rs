//! What writers tell the owner of the lanes.

use socketio_rooms::ConnectionId;

use crate::sync::{AtomicBool, Mutex, Ordering};

/// News of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The kernel has the bytes of so many more tickets, in the order in which they were issued.
    Written(ConnectionId, u32),
    /// The kernel took no more: bytes wait.
    Parked(ConnectionId),
    /// A parked lane has written everything.
    Resumed(ConnectionId),
    /// The connection is lost; the number is the system's error code. Nothing more is written.
    Failed(ConnectionId, i32),
    /// The lane would have passed the limit of its buffer. Nothing more is written.
    Slow(ConnectionId),
    /// The lane let go of its descriptor, as asked. The last event of a lane.
    Closed(ConnectionId),
    /// A writer thread ended by a bug: each of its lanes is lost. The number is the writer's.
    WriterLost(u32),
}

/// Events on their way. The signal is given once for all events between two calls of [`EventQueue::take`].
pub(crate) struct EventQueue {
    events: Mutex<Vec<Event>>,
    signalled: AtomicBool,
    signal: Box<dyn Fn() + Send + Sync>,
}

impl EventQueue {
    pub(crate) fn new(signal: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { events: Mutex::default(), signalled: AtomicBool::new(false), signal }
    }

    /// Moves `events` out and signals.
    pub(crate) fn publish(&self, events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        self.events.lock().append(events);
        if !self.signalled.swap(true, Ordering::AcqRel) {
            (self.signal)();
        }
    }

    pub(crate) fn take(&self) -> Vec<Event> {
        // First the flag: an event published in between is either in this list, or signalled again.
        self.signalled.store(false, Ordering::Release);
        std::mem::take(&mut self.events.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn one_signal_for_all_events_until_they_are_taken() {
        let signals = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&signals);
        let queue = EventQueue::new(Box::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        queue.publish(&mut vec![Event::Parked(1)]);
        queue.publish(&mut vec![Event::Parked(2)]);
        queue.publish(&mut vec![]);
        assert_eq!(signals.load(Ordering::Relaxed), 1);
        assert_eq!(queue.take(), [Event::Parked(1), Event::Parked(2)]);
        queue.publish(&mut vec![Event::Resumed(1)]);
        assert_eq!(signals.load(Ordering::Relaxed), 2);
    }
}
