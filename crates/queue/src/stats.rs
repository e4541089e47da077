//! What the engine counts.

/// A queue in numbers. Counters start with the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Messages that wait for a consumer.
    pub ready: u64,
    /// Messages that wait for an earlier one with the same key.
    pub blocked: u64,
    /// Messages that wait for their time.
    pub delayed: u64,
    /// Messages that a consumer holds.
    pub active: u64,
    /// Bytes of payload, headers and keys of all of them.
    pub bytes: u64,
    /// Sends that wait for room.
    pub waiting_sends: u64,
    /// Keys that have messages.
    pub keys: u64,
    /// Registered workers.
    pub workers: u64,
    /// No deliveries by command.
    pub paused: bool,
    /// Milliseconds since the sending of the message that is next in line (that of the highest age over the priorities).
    pub oldest_ready: Option<u64>,
    /// Messages stored.
    pub sent: u64,
    /// Sends left out by `dedup_id`.
    pub duplicates: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Acknowledgements.
    pub completed: u64,
    /// Failed attempts, those whose lease ended included.
    pub failed: u64,
    /// Attempts that were tried again.
    pub retried: u64,
    /// Messages that died.
    pub dead: u64,
    /// Messages that expired.
    pub expired: u64,
    /// Messages that made room for newer ones.
    pub dropped: u64,
    /// Sends refused because the queue was full.
    pub rejected: u64,
    /// Leases that ended without having been settled.
    pub leases_ended: u64,
    /// Messages set aside because their record could not be read.
    pub quarantined: u64,
    /// Milliseconds from when a message was due to its first delivery.
    pub wait_time: Histogram,
    /// Milliseconds from delivery to acknowledgement.
    pub run_time: Histogram,
}

/// Counts in buckets of powers of two: bucket 0 has zeros, bucket n the values from 2^(n-1) to 2^n - 1, the last all larger ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many values fell into each.
    pub buckets: [u64; 32],
    /// The sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        let bucket = (u64::BITS - value.leading_zeros()).min(31);
        if let Some(count) = self.buckets.get_mut(bucket as usize) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(value);
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The upper end of the bucket in which the value at `part` (0 to 1) of all lies; `None` without values.
    pub fn quantile(&self, part: f64) -> Option<u64> {
        let total = self.count();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank"
        )]
        let rank = (total as f64 * part.clamp(0.0, 1.0)).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.buckets.iter().enumerate().find_map(|(bucket, count)| {
            seen += count;
            (total > 0 && seen >= rank).then(|| (1_u64 << bucket) - 1)
        })
    }
}

/// What opening a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Messages in all queues.
    pub messages: u64,
    /// Queues.
    pub queues: u64,
    /// Records replayed after the last checkpoint.
    pub replayed: u64,
    /// Bytes of a torn tail that were cut: records that no commit had covered.
    pub torn_bytes: u64,
    /// Records that were damaged and set aside.
    pub quarantined: u64,
    /// Milliseconds it took.
    pub millis: u64,
}

/// Something that the owner should know of and may want to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Stable: `QUEUE_…`.
    pub code: &'static str,
    /// What was found, and what it can lose.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_upper_ends_of_buckets() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for value in [0, 1, 2, 3, 4, 100, u64::MAX] {
            histogram.add(value);
        }
        assert_eq!(histogram.count(), 7);
        assert_eq!(histogram.quantile(0.0), Some(0));
        assert_eq!(histogram.quantile(0.5), Some(3));
        assert_eq!(histogram.quantile(0.8), Some(127));
        assert_eq!(histogram.quantile(1.0), Some((1 << 31) - 1));
    }
}
