//! With recovery, clients get a packet together with its offset, the id of its entry: so a packet of this server waits until its
//! own entry comes back, in the one order that all servers read. What follows it waits behind it. Not for ever: see [`Waiting::expire`].

use std::collections::VecDeque;
use std::time::Instant;

use super::entry::Id;

/// In the place of an offset that is not known: no entry has this id, so a client whose last packet has it begins a new session, here
/// and at JavaScript servers. It would get something twice otherwise.
pub const NO_OFFSET: Id = Id::ZERO;

/// A packet that may be written, with its offset if it is one that has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release<T> {
    /// The packet.
    pub packet: T,
    /// What is appended to its data.
    pub offset: Option<Id>,
}

#[derive(Debug)]
struct Item<T> {
    packet: T,
    /// Of its entry, when it has one that is waited for.
    number: Option<u64>,
    due: Instant,
}

/// The packets of a namespace that wait, in the order in which they were issued.
#[derive(Debug)]
pub struct Waiting<T> {
    list: VecDeque<Item<T>>,
    /// Up to this number they were written without an offset, and their entries have not come back yet.
    early: Option<u64>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { list: VecDeque::new(), early: None }
    }
}

impl<T> Waiting<T> {
    /// A packet is issued, whose entry has this number, if it has an offset. It waits until `due`, if at all: it is returned when it may
    /// be written now. `hold` is false when there is nothing to wait for: Redis is away.
    pub fn push(&mut self, packet: T, number: Option<u64>, due: Instant, hold: bool) -> Option<Release<T>> {
        if self.list.is_empty() && (number.is_none() || !hold) {
            return Some(self.release(packet, number));
        }
        self.list.push_back(Item { packet, number, due });
        None
    }

    fn release(&mut self, packet: T, number: Option<u64>) -> Release<T> {
        self.early = self.early.max(number);
        Release { packet, offset: number.map(|_| NO_OFFSET) }
    }

    /// This server's entry with that number was read, as `id`: calls `write` with what may be written now.
    pub fn own(&mut self, number: u64, id: Id, mut write: impl FnMut(Release<T>)) {
        self.early = self.early.filter(|early| *early > number);
        while let Some(item) = self.take_if(|item| item.number.is_none_or(|own| own <= number)) {
            // An entry that was passed over was never written: it was too much for the outbox.
            let offset = item.number.map(|own| if own == number { self.offset(id) } else { NO_OFFSET });
            write(Release { packet: item.packet, offset });
        }
    }

    fn take_if(&mut self, wanted: impl FnOnce(&mut Item<T>) -> bool) -> Option<Item<T>> {
        if self.list.front_mut().is_some_and(wanted) { self.list.pop_front() } else { None }
    }

    /// Calls `write` with what has waited long enough.
    pub fn expire(&mut self, now: Instant, write: impl FnMut(Release<T>)) {
        self.release_while(|item| item.number.is_none() || item.due <= now, write);
    }

    /// Calls `write` with everything: there is nothing to wait for any more.
    pub fn flush(&mut self, write: impl FnMut(Release<T>)) {
        self.release_while(|_| true, write);
    }

    /// Calls `write` with everything up to the last packet that is `wanted`.
    pub fn flush_for(&mut self, mut wanted: impl FnMut(&T) -> bool, write: impl FnMut(Release<T>)) {
        let Some(last) = self.list.iter().rposition(|item| wanted(&item.packet)) else { return };
        let mut left = last + 1;
        let next = |item: &mut Item<T>| {
            let taken = left > 0 || item.number.is_none();
            left = left.saturating_sub(1);
            taken
        };
        self.release_while(next, write);
    }

    fn release_while(&mut self, mut next: impl FnMut(&mut Item<T>) -> bool, mut write: impl FnMut(Release<T>)) {
        while let Some(item) = self.take_if(&mut next) {
            write(self.release(item.packet, item.number));
        }
    }

    /// The offset that clients get with another server's entry.
    pub fn offset(&self, id: Id) -> Id {
        // What was written early has a later one than this, and would be missed once more.
        if self.early.is_some() { NO_OFFSET } else { id }
    }

    /// When [`Self::expire`] has something to do.
    pub fn due(&self) -> Option<Instant> {
        self.list.front().map(|item| item.due)
    }

    /// All of them.
    pub fn packets(&mut self) -> impl Iterator<Item = &mut T> {
        self.list.iter_mut().map(|item| &mut item.packet)
    }

    /// Those that wait for their entries.
    pub fn numbered(&mut self) -> impl Iterator<Item = &mut T> {
        self.list.iter_mut().filter(|item| item.number.is_some()).map(|item| &mut item.packet)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
