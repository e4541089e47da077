//! What both kinds of threads do between their connections: each reason is told once, and the waits grow.

use crate::backoff::Backoff;
use crate::event::{Event, Events};
use crate::stats::{Counters, add};
use crate::transport::Lost;

/// The attempts to be connected, one after the other.
#[derive(Default)]
pub(crate) struct Attempts {
    backoff: Backoff,
    /// Why there is no connection, as it was told.
    told: Option<&'static str>,
    connections: u64,
}

impl Attempts {
    /// There is a connection.
    pub(crate) fn succeeded(&mut self, counters: &Counters) {
        self.backoff.reset();
        self.told = None;
        add(&counters.reconnects, usize::from(self.connections > 0));
        self.connections += 1;
    }

    /// The connection is lost, or was not made. Returns once the next one may be tried.
    pub(crate) fn failed(&mut self, lost: Lost, events: &Events) -> tokio::time::Sleep {
        // Once for each reason: attempts follow each other quickly.
        if self.told.replace(lost.code) != Some(lost.code) {
            events.push(Event::Down(lost.code, lost.message));
        }
        tokio::time::sleep(self.backoff.next(chance()))
    }
}

/// A number by chance, to spread attempts.
pub(crate) fn chance() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
