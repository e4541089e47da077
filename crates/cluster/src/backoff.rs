//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// Doubles from a tenth of a second up to two seconds; each wait is shortened by chance by up to a half, so that the servers of
/// a cluster do not all come back at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

impl Backoff {
    /// The next wait. `chance`: any number.
    pub fn next(&mut self, chance: u64) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        let thousandths = u32::try_from(chance % 500).unwrap_or_default();
        longest * (1000 - thousandths) / 1000
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}
