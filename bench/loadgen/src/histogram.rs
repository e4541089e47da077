//! Delays, counted in buckets of a constant relative width.
//!
//! An own one instead of the `hdrhistogram` crate, because all that is needed is to record and to read percentiles: each
//! power of two is split into 64 buckets, so a reading is at most 1/64 (1.6 %) above the truth, over the whole range of a
//! `u64`, in 30 KiB; recording is a shift and an increment.

/// log2 of the buckets in a power of two.
const PRECISION: u32 = 6;
const SUB_BUCKETS: u64 = 1 << PRECISION;
/// One linear run below `SUB_BUCKETS`, and one for each higher power of two.
const BUCKETS: usize = (64 - PRECISION as usize + 1) << PRECISION;

/// A log-linear histogram of nanoseconds.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u64]>,
    count: u64,
    max: u64,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Self {
        Self { counts: vec![0; BUCKETS].into_boxed_slice(), count: 0, max: 0 }
    }

    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count += 1;
        }
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The highest value, exactly; 0 when empty.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value below or at which `percent` of the values lie, rounded up to its bucket's end; 0 when empty.
    pub fn percentile(&self, percent: u64) -> u64 {
        let wanted = self.count.saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return bucket_end(index).min(self.max);
            }
        }
        self.max
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.count = 0;
        self.max = 0;
    }
}

/// The bucket of a value: its highest `PRECISION` + 1 bits, and where they stand.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - PRECISION - 1).saturating_sub(value.leading_zeros());
    let index = u64::from(shift) * SUB_BUCKETS + (value >> shift);
    // Below BUCKETS, which fits.
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The highest value of a bucket.
fn bucket_end(index: usize) -> u64 {
    let index = index as u64;
    let shift = (index / SUB_BUCKETS).saturating_sub(1);
    let first = index - shift * SUB_BUCKETS;
    // The last bucket ends at 2^64 - 1: the sum wraps to zero just before the subtraction.
    ((first + 1) << shift).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_percentile_is_at_most_a_64th_above_the_truth(
            mut values in prop::collection::vec(prop_oneof![0u64..200, 0u64..10_000_000_000, any::<u64>()], 1..300),
            percent in 1u64..=100,
        ) {
            let mut histogram = Histogram::new();
            for value in &values { histogram.record(*value); }
            values.sort_unstable();
            let rank = (values.len() * usize::try_from(percent).unwrap_or(0)).div_ceil(100).max(1);
            let truth = values.get(rank - 1).copied().unwrap_or(0);
            let read = histogram.percentile(percent);
            prop_assert!(read >= truth && read - truth <= truth / 64, "{} for {}", read, truth);
            prop_assert_eq!(histogram.max(), values.last().copied().unwrap_or(0));
            prop_assert_eq!(histogram.count(), values.len() as u64);
        }

        #[test]
        fn a_bucket_holds_its_values(value in any::<u64>()) {
            let index = bucket(value);
            prop_assert!(index < BUCKETS);
            prop_assert!(bucket_end(index) >= value);
            prop_assert!(index == 0 || bucket_end(index - 1) < value);
        }
    }

    #[test]
    fn an_empty_one_reads_zero() {
        let mut histogram = Histogram::new();
        histogram.record(5);
        histogram.clear();
        assert_eq!((histogram.percentile(99), histogram.max(), histogram.count()), (0, 0, 0));
    }
}
