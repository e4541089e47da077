//! What all clients received together since the last reset.

use crate::clock;
use crate::histogram::Histogram;
use memchr::memmem::Finder;
use serde::Serialize;

/// A server that wants its delays measured puts this key into an event, followed by its `process.hrtime.bigint()`.
const STAMP: &[u8] = b"\"t\":";

/// Counters, and the delays of the events that say when they were sent.
#[derive(Debug)]
pub struct Tally {
    messages: u64,
    bytes: u64,
    delays: Histogram,
    finder: Finder<'static>,
    since_ns: u64,
    since_cpu_ns: u64,
    last_ns: u64,
}

/// Delays in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    p50: u64,
    p99: u64,
    max: u64,
    /// How many events said when they were sent.
    count: u64,
}

/// A reading of a [`Tally`].
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// Events, each with its attachments as one.
    messages: u64,
    /// Bytes of everything that was read, headers included.
    bytes: u64,
    latency: Latency,
    /// Milliseconds since the last reset.
    ms: f64,
    /// Milliseconds from the last reset to the last event; 0 without one.
    last_ms: f64,
    /// CPU time of this program since the last reset, in milliseconds.
    cpu_ms: f64,
}

impl Tally {
    /// One that begins now.
    pub fn new() -> Self {
        Self {
            messages: 0,
            bytes: 0,
            delays: Histogram::new(),
            finder: Finder::new(STAMP),
            since_ns: clock::monotonic_ns(),
            since_cpu_ns: clock::cpu_ns(),
            last_ns: 0,
        }
    }

    /// Counts the bytes of one read.
    pub fn read(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Counts one event that was read at `now`, and its delay if it says when it was sent.
    pub fn event(&mut self, payload: &[u8], now: u64) {
        self.messages += 1;
        self.last_ns = now;
        if let Some(sent) = self.stamp(payload) {
            self.delays.record(now.saturating_sub(sent));
        }
    }

    fn stamp(&self, payload: &[u8]) -> Option<u64> {
        let digits = payload.get(self.finder.find(payload)? + STAMP.len()..)?;
        let mut value = None;
        for byte in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
            value = Some(value.unwrap_or(0u64).wrapping_mul(10).wrapping_add(u64::from(byte - b'0')));
        }
        value
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        (self.messages, self.bytes, self.last_ns) = (0, 0, 0);
        self.delays.clear();
        self.since_ns = clock::monotonic_ns();
        self.since_cpu_ns = clock::cpu_ns();
    }

    /// What was counted.
    pub fn reading(&self) -> Reading {
        let delays = &self.delays;
        Reading {
            messages: self.messages,
            bytes: self.bytes,
            latency: Latency {
                p50: delays.percentile(50) / 1000,
                p99: delays.percentile(99) / 1000,
                max: delays.max() / 1000,
                count: delays.count(),
            },
            ms: milliseconds(clock::monotonic_ns().saturating_sub(self.since_ns)),
            last_ms: milliseconds(self.last_ns.saturating_sub(self.since_ns)),
            cpu_ms: milliseconds(clock::cpu_ns().saturating_sub(self.since_cpu_ns)),
        }
    }
}

/// To the microsecond. A double holds every microsecond of a century.
#[expect(clippy::cast_precision_loss, reason = "below 2^53 microseconds nothing is lost")]
fn milliseconds(nanoseconds: u64) -> f64 {
    (nanoseconds / 1000) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_with_a_stamp_is_timed() {
        let mut tally = Tally::new();
        tally.event(br#"42["tick",{"t":5000000,"pad":"xx"}]"#, 12_000_000);
        tally.event(br#"42["tick",{"at":5000000,"pad":"xx"}]"#, 12_000_000);
        tally.event(br#"42["tick",{"t":"5000000"}]"#, 12_000_000);
        let reading = tally.reading();
        assert_eq!((reading.messages, reading.latency.count), (3, 1));
        assert_eq!((reading.latency.p50, reading.latency.max), (7000, 7000));
    }

    #[test]
    fn a_reset_forgets() {
        let mut tally = Tally::new();
        tally.read(100);
        tally.event(br#"42["tick",{"t":1}]"#, 2);
        tally.reset();
        let reading = tally.reading();
        assert_eq!((reading.messages, reading.bytes, reading.latency.count), (0, 0, 0));
    }
}
