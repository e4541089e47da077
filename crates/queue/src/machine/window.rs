//! Rate limits.

use std::collections::VecDeque;

use crate::Rate;

/// Counts what happened in the last `per` milliseconds, in slices of a 64th: at most 66 counters, whatever the rate. A slice counts
/// until its end is `per` ago, so the limit holds for every span of that length, wherever it begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// (number of the slice, how many).
    slices: VecDeque<(u64, u32)>,
    total: u32,
}

fn slice_len(rate: Rate) -> u64 {
    rate.per.div_ceil(64).max(1)
}

impl Window {
    fn forget(&mut self, rate: Rate, now: u64) {
        while let Some((slice, count)) = self.slices.front().copied() {
            if ends(rate, slice) > now {
                break;
            }
            self.total -= count;
            self.slices.pop_front();
        }
    }

    /// Whether one more may happen now. If not, when to ask again.
    pub(crate) fn free(&mut self, rate: Rate, now: u64) -> Result<(), u64> {
        self.forget(rate, now);
        if self.total < rate.max {
            return Ok(());
        }
        Err(self.slices.front().map_or(now, |(slice, _)| ends(rate, *slice)).max(now + 1))
    }

    /// Counts one more.
    pub(crate) fn count(&mut self, rate: Rate, now: u64) {
        let slice = now / slice_len(rate);
        self.total = self.total.saturating_add(1);
        match self.slices.back_mut() {
            Some((last, count)) if *last >= slice => *count = count.saturating_add(1),
            _ => self.slices.push_back((slice, 1)),
        }
    }

    /// When nothing counts any more.
    pub(crate) fn empty_at(&self, rate: Rate) -> Option<u64> {
        self.slices.back().map(|(slice, _)| ends(rate, *slice))
    }
}

fn ends(rate: Rate, slice: u64) -> u64 {
    (slice.saturating_add(1)).saturating_mul(slice_len(rate)).saturating_add(rate.per)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_limit_holds_for_every_span_and_is_reached(max in 1_u32..20, per in 1_u64..2_000, steps in proptest::collection::vec(0_u64..100, 1..300)) {
            let rate = Rate { max, per };
            let mut window = Window::default();
            let (mut now, mut taken) = (0, Vec::new());
            for step in steps {
                now += step;
                match window.free(rate, now) {
                    Ok(()) => {
                        window.count(rate, now);
                        taken.push(now);
                    }
                    Err(again) => prop_assert!(again > now && again <= now + per + per.div_ceil(64).max(1)),
                }
                prop_assert!(window.slices.len() <= 66);
            }
            for (index, end) in taken.iter().enumerate() {
                let within = taken[..=index].iter().filter(|at| **at + per > *end).count();
                prop_assert!(within <= max as usize);
            }
            prop_assert!(window.free(rate, now + 2 * per + 2).is_ok());
        }
    }
}
