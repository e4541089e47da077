//! The index: one entry a message.

use crate::{Location, MessageId, State};

/// No slot, no key, no position.
pub(crate) const NONE: u32 = u32::MAX;

/// The errors of failed attempts are in the store.
pub(crate) const HISTORY: u8 = 0x08;
/// Somebody waits for the answer.
pub(crate) const REQUEST: u8 = 0x10;
/// It is the one (or one of those) that others of its key wait for.
pub(crate) const HOLDS: u8 = 0x20;
/// A delayed one is in the heap of the wall clock.
pub(crate) const WALL: u8 = 0x40;
/// A delayed one goes before the others when its time comes.
pub(crate) const FIRST: u8 = 0x80;

/// What memory knows of a message: 44 bytes, all 4-byte aligned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    id: [u32; 2],
    segment: u32,
    offset: u32,
    /// Bytes of its record.
    pub(crate) len: u32,
    /// The queue's index.
    pub(crate) queue: u32,
    /// The key's index, or `NONE`.
    pub(crate) key: u32,
    /// Ready and blocked: the neighbours in the list. Delayed: `prev` is the position in the heap. Active: `next` is the lease.
    pub(crate) prev: u32,
    /// See `prev`. Free slots: the next free one.
    pub(crate) next: u32,
    /// The position in the heap of expiries, or `NONE`.
    pub(crate) expiry: u32,
    /// How often it was delivered.
    pub(crate) attempts: u16,
    pub(crate) priority: u8,
    /// The state in the lower three bits, flags above.
    bits: u8,
}

const FREE: u8 = 0;
const LIMBO: u8 = 5;

impl Entry {
    const EMPTY: Self = Self {
        id: [0; 2],
        segment: 0,
        offset: 0,
        len: 0,
        queue: NONE,
        key: NONE,
        prev: NONE,
        next: NONE,
        expiry: NONE,
        attempts: 0,
        priority: 0,
        bits: FREE,
    };

    /// An entry that is in no list or heap yet.
    pub(crate) fn new(id: MessageId, queue: u32, at: Location, len: u32) -> Self {
        let mut entry = Self { queue, len, bits: LIMBO, ..Self::EMPTY };
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let halves = [id.0 as u32, (id.0 >> 32) as u32];
        entry.id = halves;
        entry.set_location(at);
        entry
    }

    pub(crate) fn id(&self) -> MessageId {
        let [low, high] = self.id;
        MessageId(u64::from(low) | u64::from(high) << 32)
    }

    pub(crate) fn location(&self) -> Location {
        Location { segment: self.segment, offset: self.offset }
    }

    pub(crate) fn set_location(&mut self, at: Location) {
        (self.segment, self.offset) = (at.segment, at.offset);
    }

    /// `None`: free, or in no list or heap.
    pub(crate) fn state(&self) -> Option<State> {
        match self.bits & 7 {
            1 => Some(State::Ready),
            2 => Some(State::Blocked),
            3 => Some(State::Delayed),
            4 => Some(State::Active),
            _ => None,
        }
    }

    pub(crate) fn set_state(&mut self, state: Option<State>) {
        let number = match state {
            Some(State::Ready) => 1,
            Some(State::Blocked) => 2,
            Some(State::Delayed) => 3,
            Some(State::Active) => 4,
            None => LIMBO,
        };
        self.bits = self.bits & !7 | number;
    }

    pub(crate) fn is_free(&self) -> bool {
        self.bits & 7 == FREE
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.bits & flag != 0
    }

    pub(crate) fn set(&mut self, flag: u8, on: bool) {
        self.bits = if on { self.bits | flag } else { self.bits & !flag };
    }
}

const CHUNK: usize = 4096;

/// Entries by slot. Grows by chunks, so nothing is ever copied; free slots are used again first.
pub(crate) struct Slab {
    chunks: Vec<Box<[Entry]>>,
    free: u32,
    slots: u32,
    live: u32,
    /// What a slot that does not exist is read as: an internal error then changes nothing, instead of ending the engine.
    nothing: Entry,
}

impl Slab {
    pub(crate) fn new() -> Self {
        Self { chunks: Vec::new(), free: NONE, slots: 0, live: 0, nothing: Entry::EMPTY }
    }

    /// How many messages there are.
    pub(crate) fn len(&self) -> u32 {
        self.live
    }

    /// One more than the largest slot that was ever used.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// `None` when 2^32 messages are there.
    pub(crate) fn insert(&mut self, entry: Entry) -> Option<u32> {
        let slot = if self.free == NONE {
            let slot = self.slots;
            if slot == NONE {
                return None;
            }
            if slot as usize == self.chunks.len() * CHUNK {
                self.chunks.push(vec![Entry::EMPTY; CHUNK].into_boxed_slice());
            }
            self.slots += 1;
            slot
        } else {
            let slot = self.free;
            self.free = self.at(slot).next;
            slot
        };
        *self.at_mut(slot) = entry;
        self.live += 1;
        Some(slot)
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        if self.at(slot).is_free() {
            return;
        }
        let free = self.free;
        *self.at_mut(slot) = Entry { next: free, ..Entry::EMPTY };
        self.free = slot;
        self.live -= 1;
    }

    pub(crate) fn at(&self, slot: u32) -> &Entry {
        let chunk = self.chunks.get(slot as usize / CHUNK);
        chunk.and_then(|chunk| chunk.get(slot as usize % CHUNK)).unwrap_or(&self.nothing)
    }

    pub(crate) fn at_mut(&mut self, slot: u32) -> &mut Entry {
        let chunk = self.chunks.get_mut(slot as usize / CHUNK);
        if let Some(entry) = chunk.and_then(|chunk| chunk.get_mut(slot as usize % CHUNK)) {
            return entry;
        }
        self.nothing = Entry::EMPTY;
        &mut self.nothing
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_44_bytes() {
        assert_eq!(size_of::<Entry>(), 44);
    }

    #[test]
    fn slots_are_used_again_and_strangers_change_nothing() {
        let mut slab = Slab::new();
        let entry = Entry::new(MessageId(u64::MAX - 5), 1, Location { segment: 2, offset: 3 }, 4);
        let first = slab.insert(entry).unwrap();
        let second = slab.insert(entry).unwrap();
        assert_eq!((slab.at(second).id(), slab.at(second).location().offset), (MessageId(u64::MAX - 5), 3));
        slab.remove(first);
        slab.remove(first);
        assert_eq!(slab.len(), 1);
        assert_eq!(slab.insert(entry), Some(first));
        slab.at_mut(1_000_000).len = 7;
        assert!(slab.at(1_000_000).is_free());
        assert_eq!(slab.slots(), 2);
    }
}
