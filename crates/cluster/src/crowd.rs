//! Whether those who were there before the connection was lost are back. Redis keeps nothing for who is not subscribed: what waited in the
//! outbox is published when they can hear it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Longer than the longest backoff. Who is not back then has perhaps ended.
const PATIENCE: Duration = Duration::from_millis(2500);
/// A Redis that stood still counts connections that have ended meanwhile, until it has looked at them.
const STALE: Duration = Duration::from_millis(100);
/// How often they are counted meanwhile.
pub(crate) const LOOK: Duration = Duration::from_millis(25);

/// How many servers have subscribed to some channels, as long as all is well.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    before: HashMap<String, u64>,
    /// When the waiting has begun.
    since: Option<Instant>,
}

impl Crowd {
    /// A connection has begun.
    pub(crate) fn expect(&mut self, now: Instant) {
        self.since = self.before.values().any(|count| *count > 1).then_some(now);
    }

    /// Whether somebody is not back yet, and may come.
    pub(crate) fn is_awaited(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now < since + PATIENCE)
    }

    /// How many had subscribed to a channel when all was well.
    pub(crate) fn before(&self, channel: &str) -> Option<u64> {
        self.before.get(channel).copied()
    }

    /// So many have subscribed to these.
    pub(crate) fn counted(&mut self, channels: Vec<String>, counts: Vec<u64>, now: Instant) {
        let before = |channel: &String| self.before.get(channel).copied().unwrap_or_default();
        let missing = || channels.iter().zip(&counts).any(|(channel, count)| *count < before(channel));
        let early = self.since.is_some_and(|since| now < since + STALE);
        if self.is_awaited(now) && (early || missing()) {
            return;
        }
        self.since = None;
        self.before = channels.into_iter().zip(counts).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(crowd: &mut Crowd, counts: [u64; 2], now: Instant) {
        crowd.counted(vec!["a".into(), "b".into()], counts.into(), now);
    }

    #[test]
    fn who_was_there_is_awaited_for_a_while() {
        let (mut crowd, start) = (Crowd::default(), Instant::now());
        let later = start + STALE;
        crowd.expect(start);
        assert!(!crowd.is_awaited(start), "nobody was known");
        counted(&mut crowd, [3, 1], start);
        assert!(!crowd.is_awaited(start), "nothing was lost");
        crowd.expect(start);
        counted(&mut crowd, [3, 1], start);
        assert!(crowd.is_awaited(start), "they may be connections that have ended");
        counted(&mut crowd, [2, 1], later);
        assert!(crowd.is_awaited(later), "one is missing");
        counted(&mut crowd, [3, 1], later);
        assert!(!crowd.is_awaited(later), "it is back");
        crowd.expect(start);
        counted(&mut crowd, [1, 5], later);
        assert!(crowd.is_awaited(later), "others are not those");
        assert!(!crowd.is_awaited(start + PATIENCE), "they do not come");
        counted(&mut crowd, [1, 1], start + PATIENCE);
        crowd.expect(start + PATIENCE);
        assert!(!crowd.is_awaited(start + PATIENCE), "nobody else was there the last time");
    }

    #[test]
    fn a_namespace_that_has_begun_since_is_not_awaited() {
        let (mut crowd, start) = (Crowd::default(), Instant::now());
        crowd.counted(vec!["a".into()], vec![2], start);
        crowd.expect(start);
        counted(&mut crowd, [2, 0], start + STALE);
        assert!(!crowd.is_awaited(start + STALE));
    }
}
