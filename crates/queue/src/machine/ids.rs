//! From a message's id to its slot, in 6 to 12 bytes each.

use hashbrown::HashTable;

use super::slab::Slab;
use crate::MessageId;

const SHARDS: usize = 64;

/// A hash table of slots; the ids are read from the slab. In shards, so that growing moves a 64th of it at a time.
pub(crate) struct Ids {
    shards: Box<[HashTable<u32>]>,
}

fn hash(id: MessageId) -> u64 {
    // Ids are nearly consecutive: the product spreads them over all bits, the upper ones best.
    let product = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

fn shard(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

impl Ids {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }

    pub(crate) fn insert(&mut self, id: MessageId, slot: u32, slab: &Slab) {
        let hashed = hash(id);
        if let Some(table) = self.shards.get_mut(shard(hashed)) {
            table.insert_unique(hashed, slot, |slot| hash(slab.at(*slot).id()));
        }
    }

    pub(crate) fn get(&self, id: MessageId, slab: &Slab) -> Option<u32> {
        let hashed = hash(id);
        self.shards.get(shard(hashed))?.find(hashed, |slot| slab.at(*slot).id() == id).copied()
    }

    /// Before the slab forgets the slot.
    pub(crate) fn remove(&mut self, id: MessageId, slab: &Slab) {
        let hashed = hash(id);
        let table = self.shards.get_mut(shard(hashed));
        if let Some(Ok(found)) = table.map(|table| table.find_entry(hashed, |slot| slab.at(*slot).id() == id)) {
            let (_, vacant) = found.remove();
            let table = vacant.into_table();
            // A backlog that is gone gives its memory back.
            if table.capacity() > 1024 && table.len() < table.capacity() / 16 {
                table.shrink_to(table.len() * 4, |slot| hash(slab.at(*slot).id()));
            }
        }
    }
}
