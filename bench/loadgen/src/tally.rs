//! What all clients received together since the last reset.

use crate::clock;
use crate::histogram::Histogram;
use crate::inflate::{InflateError, Inflater};
use crate::scan;
use memchr::memmem::Finder;
use serde::Serialize;

/// A server that wants its delays measured puts this key into an event, followed by its `process.hrtime.bigint()`.
const STAMP: &[u8] = b"\"t\":";
/// One compressed event in so many is inflated: to see that it is an event, and when it was sent. All of them would cost more
/// than the server that is measured.
const INFLATED_OF: u64 = 8;

/// Counters, and the delays of the events that say when they were sent.
#[derive(Debug)]
pub struct Tally {
    messages: u64,
    compressed: u64,
    inflater: Inflater,
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
    /// How many of them came compressed.
    compressed: u64,
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
            compressed: 0,
            inflater: Inflater::default(),
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
        self.count(stamp(&self.finder, payload), now);
    }

    /// Counts one compressed event that was read at `now`, and looks into some of them.
    pub fn compressed(&mut self, frame: scan::Frame<'_>, now: u64) -> Result<(), InflateError> {
        let whole = frame.head.len() as u64 == frame.len;
        self.compressed += 1;
        let mut sent = None;
        if whole && self.compressed.is_multiple_of(INFLATED_OF) {
            let payload = self.inflater.message(frame.head)?;
            if !payload.starts_with(b"42") {
                return Err(InflateError::NoEvent);
            }
            sent = stamp(&self.finder, payload);
        }
        self.count(sent, now);
        Ok(())
    }

    fn count(&mut self, sent: Option<u64>, now: u64) {
        self.messages += 1;
        self.last_ns = now;
        if let Some(sent) = sent {
            self.delays.record(now.saturating_sub(sent));
        }
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        (self.messages, self.compressed, self.bytes, self.last_ns) = (0, 0, 0, 0);
        self.delays.clear();
        self.since_ns = clock::monotonic_ns();
        self.since_cpu_ns = clock::cpu_ns();
    }

    /// What was counted.
    pub fn reading(&self) -> Reading {
        let delays = &self.delays;
        Reading {
            messages: self.messages,
            compressed: self.compressed,
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

/// When the event says that it was sent.
fn stamp(finder: &Finder<'_>, payload: &[u8]) -> Option<u64> {
    let digits = payload.get(finder.find(payload)? + STAMP.len()..)?;
    let mut value = None;
    for byte in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        value = Some(value.unwrap_or(0u64).wrapping_mul(10).wrapping_add(u64::from(byte - b'0')));
    }
    value
}

/// To the microsecond. A double holds every microsecond of a century.
#[expect(clippy::cast_precision_loss, reason = "below 2^53 microseconds nothing is lost")]
fn milliseconds(nanoseconds: u64) -> f64 {
    (nanoseconds / 1000) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use socketio_wire::{Frame, OpCode};

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
    fn compressed_events_are_counted_and_some_are_looked_into() {
        let compressed = |text: &str| Frame::new(OpCode::Text, None, text.as_bytes()).deflated(6).unwrap();
        let event = compressed(&format!(r#"42["tick",{{"t":5000000,"pad":"{}"}}]"#, "x".repeat(2000)));
        let mut tally = Tally::new();
        let mut count = |frame: &Frame, now| {
            let head = frame.payload();
            tally.compressed(scan::Frame { opcode: OpCode::Text, compressed: true, len: head.len() as u64, head }, now)
        };
        for _ in 0..2 * INFLATED_OF {
            count(&event, 12_000_000).unwrap();
        }
        let ping = compressed("2");
        let looked = (0..INFLATED_OF).map(|_| count(&ping, 0)).collect::<Vec<_>>();
        assert_eq!(looked.last(), Some(&Err(InflateError::NoEvent)));
        let reading = tally.reading();
        assert_eq!((reading.messages, reading.compressed), (23, 24));
        assert_eq!((reading.latency.count, reading.latency.max), (2, 7000));
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
