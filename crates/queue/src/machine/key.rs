//! Keys: whose messages are processed one at a time.

use std::hash::Hasher;

use hashbrown::HashTable;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::list::List;
use super::window::Window;

/// A key of a queue. Its text is in the messages' records; here it is 128 bits of a keyed hash, so nobody can find two that collide.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct Key {
    pub(crate) hash: u128,
    /// Whose it is.
    pub(crate) queue: u32,
    /// Messages with this key, in whatever state.
    pub(crate) messages: u32,
    /// Those of them that others wait for: ready, active, or waiting for a retry. With `by_interest`: active.
    pub(crate) held: u32,
    pub(crate) blocked: List,
    /// With `by_interest`: a worker takes its messages.
    pub(crate) wanted: bool,
    /// It is in the queue's `turns`.
    pub(crate) queued: bool,
    /// The one that is held failed before: no other until it is settled.
    pub(crate) alone: bool,
    /// Interest began anew while messages of the interest before were held: those come back first.
    pub(crate) draining: bool,
    /// With `by_interest`: those that wait for a retry.
    pub(crate) stalled: u32,
    pub(crate) window: Option<Box<Window>>,
}

/// The keys that have messages (or a rate limit that still counts).
#[derive(Default)]
pub(crate) struct Keys {
    slots: Vec<Option<Key>>,
    free: Vec<u32>,
    table: HashTable<u32>,
}

/// A keyed hash of a text of a queue; `domain` tells keys from dedup ids.
pub(crate) fn hash(secret: &[u8; 16], domain: u8, queue: u32, text: &str) -> u128 {
    let mut hasher = SipHasher13::new_with_key(secret);
    hasher.write_u8(domain);
    hasher.write_u32(queue.to_le());
    hasher.write(text.as_bytes());
    hasher.finish128().as_u128()
}

fn short(hash: u128) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "half of it is enough for a table")]
    let short = hash as u64;
    short
}

impl Keys {
    pub(crate) fn get(&self, key: u32) -> Option<&Key> {
        self.slots.get(key as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: u32) -> Option<&mut Key> {
        self.slots.get_mut(key as usize)?.as_mut()
    }

    /// The key's index, made if it is new; one more message has it.
    pub(crate) fn enter(&mut self, hash: u128, queue: u32) -> u32 {
        let index = self.find(hash).unwrap_or_else(|| self.make(hash, queue));
        if let Some(key) = self.get_mut(index) {
            key.messages += 1;
        }
        index
    }

    pub(crate) fn find(&self, hash: u128) -> Option<u32> {
        let known = |key: &u32| self.get(*key).map_or(0, |key| key.hash);
        self.table.find(short(hash), |key| known(key) == hash).copied()
    }

    /// A key that is not known yet, without messages.
    pub(crate) fn make(&mut self, hash: u128, queue: u32) -> u32 {
        let new = Key {
            hash,
            queue,
            messages: 0,
            held: 0,
            blocked: List::default(),
            wanted: false,
            queued: false,
            alone: false,
            draining: false,
            stalled: 0,
            window: None,
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(slot) = self.slots.get_mut(index as usize) {
            *slot = Some(new);
        }
        let slots = &self.slots;
        let known = |key: &u32| slots.get(*key as usize).and_then(Option::as_ref).map_or(0, |key| short(key.hash));
        self.table.insert_unique(short(hash), index, known);
        index
    }

    /// One message less. Returns whether the key is unused now: to be forgotten at once, or when its window is empty.
    pub(crate) fn leave(&mut self, key: u32) -> bool {
        self.get_mut(key).is_some_and(|key| {
            key.messages = key.messages.saturating_sub(1);
            key.messages == 0
        })
    }

    /// Calls `look` with the index of each key there may be.
    pub(crate) fn all(&mut self, mut look: impl FnMut(u32, &mut Self)) {
        (0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX)).for_each(|index| look(index, self));
    }

    /// Forgets an unused key. Returns whether it did.
    pub(crate) fn forget(&mut self, key: u32) -> bool {
        let unused = |key: &&Key| key.messages == 0 && !key.wanted && !key.queued;
        let Some(hash) = self.get(key).filter(unused).map(|key| key.hash) else { return false };
        if let Ok(found) = self.table.find_entry(short(hash), |other| *other == key) {
            found.remove();
        }
        if let Some(slot) = self.slots.get_mut(key as usize) {
            *slot = None;
            self.free.push(key);
        }
        true
    }
}
