//! Waiting, with a bound, until writers have written what they were given.

use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex};

/// Counts writers that have not finished yet.
#[derive(Debug)]
pub(crate) struct Latch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: usize,
    all_written: bool,
}

impl Latch {
    pub(crate) fn new(writers: usize) -> Self {
        Self { state: Mutex::new(State { waiting: writers, all_written: true }), changed: Condvar::new() }
    }

    /// A writer has finished: it has written all, or gave up.
    pub(crate) fn count_down(&self, all_written: bool) {
        let mut state = self.state.lock();
        state.waiting = state.waiting.saturating_sub(1);
        state.all_written &= all_written;
        self.changed.notify_all();
    }

    /// Blocks until all have counted down: true when all have written all; false also when `timeout` passes first.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.state.lock();
        while state.waiting > 0 {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.waiting == 0 && state.all_written
    }
}
