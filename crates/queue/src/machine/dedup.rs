//! Which dedup ids were sent lately.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::MessageId;

/// The window of one queue, oldest first.
#[derive(Default)]
pub(crate) struct Dedup {
    seen: FxHashMap<u128, MessageId>,
    order: VecDeque<Seen>,
    /// How many have left `order` at the front, ever: positions of a snapshot stay valid while the window moves.
    gone: u64,
}

/// One id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// When it is forgotten; monotonic clock.
    pub(crate) until: u64,
    pub(crate) hash: u128,
    pub(crate) id: MessageId,
}

impl Dedup {
    /// The message that was sent with this id within the window.
    pub(crate) fn find(&mut self, hash: u128, now: u64) -> Option<MessageId> {
        self.expire(now);
        self.seen.get(&hash).copied()
    }

    pub(crate) fn insert(&mut self, seen: Seen, max: u32) {
        match self.seen.entry(seen.hash) {
            // A replay says it twice.
            Entry::Occupied(known) if *known.get() == seen.id => return,
            Entry::Occupied(mut known) => *known.get_mut() = seen.id,
            Entry::Vacant(free) => {
                free.insert(seen.id);
            }
        }
        self.order.push_back(seen);
        while self.order.len() > max as usize {
            self.pop();
        }
    }

    /// Forgets what is out of the window. Returns when the next one will be.
    pub(crate) fn expire(&mut self, now: u64) -> Option<u64> {
        while self.order.front().is_some_and(|seen| seen.until <= now) {
            self.pop();
        }
        if self.order.is_empty() && self.seen.capacity() > 1024 {
            (self.seen, self.order) = Default::default();
        }
        self.order.front().map(|seen| seen.until)
    }

    fn pop(&mut self) {
        if let Some(seen) = self.order.pop_front() {
            self.gone += 1;
            // The id may have been sent again since, with a place of its own.
            if self.seen.get(&seen.hash) == Some(&seen.id) {
                self.seen.remove(&seen.hash);
            }
        }
    }

    /// Those from a position on, and the position itself (later, if that has left the window).
    pub(crate) fn from(&self, position: u64) -> (u64, impl Iterator<Item = &Seen>) {
        let skipped = position.saturating_sub(self.gone);
        let skip = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.order.len());
        (self.gone + skip as u64, self.order.range(skip..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_forgotten_after_its_window_or_when_there_are_too_many() {
        let mut dedup = Dedup::default();
        for number in 0..4 {
            dedup.insert(Seen { until: 10 + number, hash: u128::from(number), id: MessageId(number) }, 3);
        }
        assert_eq!((dedup.find(0, 0), dedup.find(1, 0)), (None, Some(MessageId(1))));
        assert_eq!(dedup.find(1, 11), None);
        assert_eq!(dedup.expire(11), Some(12));
        assert_eq!(dedup.from(0).0, 2);
        assert_eq!(dedup.from(3).1.map(|seen| seen.id.0).collect::<Vec<_>>(), [3]);
        assert_eq!(dedup.expire(13), None);
        assert_eq!(dedup.from(0).1.count(), 0);
    }
}
