//! Lists through the entries of the index, and the lists of a queue's priorities.

use super::slab::{NONE, Slab};

/// A doubly linked list of slots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(crate) head: u32,
    tail: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { head: NONE, tail: NONE }
    }
}

impl List {
    pub(crate) fn is_empty(self) -> bool {
        self.head == NONE
    }

    pub(crate) fn push_back(&mut self, slot: u32, slab: &mut Slab) {
        let entry = slab.at_mut(slot);
        (entry.prev, entry.next) = (self.tail, NONE);
        if self.tail == NONE {
            self.head = slot;
        } else {
            slab.at_mut(self.tail).next = slot;
        }
        self.tail = slot;
    }

    pub(crate) fn push_front(&mut self, slot: u32, slab: &mut Slab) {
        let entry = slab.at_mut(slot);
        (entry.prev, entry.next) = (NONE, self.head);
        if self.head == NONE {
            self.tail = slot;
        } else {
            slab.at_mut(self.head).prev = slot;
        }
        self.head = slot;
    }

    /// Before `next`, which is in the list; `NONE`: at the end.
    pub(crate) fn insert_before(&mut self, next: u32, slot: u32, slab: &mut Slab) {
        if next == NONE {
            return self.push_back(slot, slab);
        }
        let prev = slab.at(next).prev;
        if prev == NONE {
            return self.push_front(slot, slab);
        }
        let entry = slab.at_mut(slot);
        (entry.prev, entry.next) = (prev, next);
        slab.at_mut(prev).next = slot;
        slab.at_mut(next).prev = slot;
    }

    pub(crate) fn remove(&mut self, slot: u32, slab: &mut Slab) {
        let entry = slab.at_mut(slot);
        let (prev, next) = (entry.prev, entry.next);
        (entry.prev, entry.next) = (NONE, NONE);
        if prev == NONE {
            self.head = next;
        } else {
            slab.at_mut(prev).next = next;
        }
        if next == NONE {
            self.tail = prev;
        } else {
            slab.at_mut(next).prev = prev;
        }
    }
}

/// One list for each priority in use, highest first. At most 256.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels(Vec<(u8, List)>);

impl Levels {
    /// Puts a slot into the list of its priority.
    pub(crate) fn push(&mut self, slot: u32, first: bool, slab: &mut Slab) {
        let priority = slab.at(slot).priority;
        let found = self.0.binary_search_by(|(other, _)| priority.cmp(other));
        let place = found.unwrap_or_else(|place| {
            self.0.insert(place, (priority, List::default()));
            place
        });
        if let Some((_, list)) = self.0.get_mut(place) {
            if first { list.push_front(slot, slab) } else { list.push_back(slot, slab) }
        }
    }

    pub(crate) fn remove(&mut self, slot: u32, slab: &mut Slab) {
        let priority = slab.at(slot).priority;
        if let Ok(place) = self.0.binary_search_by(|(other, _)| priority.cmp(other))
            && let Some((_, list)) = self.0.get_mut(place)
        {
            list.remove(slot, slab);
            if list.is_empty() {
                self.0.remove(place);
            }
        }
    }

    /// The first of all.
    pub(crate) fn head(&self) -> Option<u32> {
        self.0.first().map(|(_, list)| list.head)
    }

    /// The first of each priority, highest first.
    pub(crate) fn heads(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(_, list)| list.head)
    }
}
