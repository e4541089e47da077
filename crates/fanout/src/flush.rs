//! Waiting, with a bound, until writers have written what they were given.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Counts writers that have not finished yet.
#[derive(Debug)]
pub(crate) struct Latch {
    waiting: Mutex<usize>,
    changed: Condvar,
}

impl Latch {
    pub(crate) fn new(writers: usize) -> Self {
        Self { waiting: Mutex::new(writers), changed: Condvar::new() }
    }

    pub(crate) fn count_down(&self) {
        let mut waiting = self.waiting.lock();
        *waiting = waiting.saturating_sub(1);
        self.changed.notify_all();
    }

    /// Blocks until all have counted down; false when `timeout` passes first.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut waiting = self.waiting.lock();
        while *waiting > 0 {
            if self.changed.wait_until(&mut waiting, deadline).timed_out() {
                return *waiting == 0;
            }
        }
        true
    }
}
