//! Timers that can be taken back.

/// A 4-ary min-heap of (time, item), 12 bytes each. Each item keeps its position, told by `place` whenever it changes, so that it can
/// be removed in O(log n). Nothing that is settled early leaves a timer behind.
#[derive(Default)]
pub(crate) struct Heap {
    items: Vec<[u32; 3]>,
}

fn time([low, high, _]: [u32; 3]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

impl Heap {
    pub(crate) fn first(&self) -> Option<(u64, u32)> {
        self.items.first().map(|item| (time(*item), item[2]))
    }

    /// The time of the item at a position.
    pub(crate) fn time_at(&self, position: u32) -> Option<u64> {
        self.items.get(position as usize).map(|item| time(*item))
    }

    pub(crate) fn push(&mut self, at: u64, item: u32, place: &mut dyn FnMut(u32, u32)) {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        self.items.push([at as u32, (at >> 32) as u32, item]);
        self.rise(self.items.len() - 1, place);
    }

    pub(crate) fn remove(&mut self, position: u32, place: &mut dyn FnMut(u32, u32)) {
        let position = position as usize;
        if position >= self.items.len() {
            return;
        }
        self.items.swap_remove(position);
        if position < self.items.len() {
            let sunk = self.sink(position, place);
            if sunk == position {
                self.rise(position, place);
            }
        }
        if self.items.capacity() > 1024 && self.items.len() < self.items.capacity() / 16 {
            self.items.shrink_to(self.items.len() * 4);
        }
    }

    fn key(&self, position: usize) -> u64 {
        self.items.get(position).map_or(u64::MAX, |item| time(*item))
    }

    fn told(&self, position: usize, place: &mut dyn FnMut(u32, u32)) {
        if let Some(item) = self.items.get(position) {
            place(item[2], u32::try_from(position).unwrap_or(u32::MAX));
        }
    }

    fn rise(&mut self, mut position: usize, place: &mut dyn FnMut(u32, u32)) {
        while position > 0 {
            let parent = (position - 1) / 4;
            if self.key(parent) <= self.key(position) {
                break;
            }
            self.items.swap(parent, position);
            self.told(position, place);
            position = parent;
        }
        self.told(position, place);
    }

    fn sink(&mut self, mut position: usize, place: &mut dyn FnMut(u32, u32)) -> usize {
        loop {
            let children = position * 4 + 1..(position * 4 + 5).min(self.items.len());
            let Some(least) = children.min_by_key(|child| self.key(*child)) else { break };
            if self.key(position) <= self.key(least) {
                break;
            }
            self.items.swap(least, position);
            self.told(position, place);
            position = least;
        }
        self.told(position, place);
        position
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn like_a_sorted_list(commands in proptest::collection::vec((any::<bool>(), 0_u64..50, any::<prop::sample::Index>()), 0..200)) {
            let mut heap = Heap::default();
            let mut places = vec![u32::MAX; 200];
            let mut model: Vec<(u64, u32)> = Vec::new();
            for (number, (push, at, which)) in commands.into_iter().enumerate() {
                let mut place = |item: u32, position: u32| places[item as usize] = position;
                if push || model.is_empty() {
                    let item = u32::try_from(number).unwrap();
                    heap.push(at, item, &mut place);
                    model.push((at, item));
                } else {
                    let (at, item) = model.swap_remove(which.index(model.len()));
                    let position = places[item as usize];
                    prop_assert_eq!(heap.time_at(position), Some(at));
                    heap.remove(position, &mut |item, position| places[item as usize] = position);
                }
                prop_assert_eq!(heap.first().map(|(at, _)| at), model.iter().map(|(at, _)| *at).min());
                for (at, item) in &model {
                    prop_assert_eq!(heap.time_at(places[*item as usize]), Some(*at));
                }
            }
        }
    }
}
