//! Leases: who holds which message, and until when.

use super::heap::Heap;
use crate::Token;

/// One delivery that is not settled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) slot: u32,
    pub(crate) token: Token,
    /// The worker's index; it may be gone.
    pub(crate) worker: u32,
    /// When it was delivered; monotonic clock, like all of these.
    pub(crate) since: u64,
    /// When it ends unless it is renewed.
    pub(crate) expires: Option<u64>,
    /// When it ends in any case.
    pub(crate) run_until: Option<u64>,
    timer: u32,
    /// The neighbours among the leases of the worker.
    prev: u32,
    next: u32,
}

impl Held {
    pub(crate) fn new(slot: u32, token: Token, worker: u32, since: u64) -> Self {
        let none = u32::MAX;
        Self { slot, token, worker, since, expires: None, run_until: None, timer: none, prev: none, next: none }
    }

    fn ends(&self) -> Option<u64> {
        match (self.expires, self.run_until) {
            (Some(expires), Some(run)) => Some(expires.min(run)),
            (one, other) => one.or(other),
        }
    }
}

/// All leases, by index. Those of a worker are a list.
#[derive(Default)]
pub(crate) struct Leases {
    slots: Vec<Option<Held>>,
    free: Vec<u32>,
    timers: Heap,
}

fn place(slots: &mut [Option<Held>]) -> impl FnMut(u32, u32) {
    |lease, position| {
        if let Some(Some(held)) = slots.get_mut(lease as usize) {
            held.timer = position;
        }
    }
}

impl Leases {
    pub(crate) fn get(&self, lease: u32) -> Option<&Held> {
        self.slots.get(lease as usize)?.as_ref()
    }

    fn get_mut(&mut self, lease: u32) -> Option<&mut Held> {
        self.slots.get_mut(lease as usize)?.as_mut()
    }

    /// `first` is the head of the worker's list.
    pub(crate) fn insert(&mut self, mut held: Held, first: &mut u32) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        held.next = *first;
        if let Some(next) = self.get_mut(*first) {
            next.prev = index;
        }
        *first = index;
        let ends = held.ends();
        if let Some(slot) = self.slots.get_mut(index as usize) {
            *slot = Some(held);
        }
        if let Some(at) = ends {
            self.timers.push(at, index, &mut place(&mut self.slots));
        }
        index
    }

    /// Changes when it ends.
    pub(crate) fn change(&mut self, lease: u32, change: impl FnOnce(&mut Held)) {
        let Some(held) = self.get_mut(lease) else { return };
        change(held);
        let (ends, timer) = (held.ends(), std::mem::replace(&mut held.timer, u32::MAX));
        self.timers.remove(timer, &mut place(&mut self.slots));
        if let Some(at) = ends {
            self.timers.push(at, lease, &mut place(&mut self.slots));
        }
    }

    pub(crate) fn remove(&mut self, lease: u32, first: &mut u32) {
        let Some(held) = self.slots.get_mut(lease as usize).and_then(Option::take) else { return };
        self.timers.remove(held.timer, &mut place(&mut self.slots));
        match self.get_mut(held.prev) {
            Some(prev) => prev.next = held.next,
            None if *first == lease => *first = held.next,
            None => {}
        }
        if let Some(next) = self.get_mut(held.next) {
            next.prev = held.prev;
        }
        self.free.push(lease);
    }

    /// The first that ends.
    pub(crate) fn first(&self) -> Option<(u64, u32)> {
        self.timers.first()
    }

    /// The leases of a worker's list.
    pub(crate) fn list(&self, first: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(first), |lease| self.get(*lease).map(|held| held.next))
            .take_while(|lease| self.get(*lease).is_some())
    }
}
