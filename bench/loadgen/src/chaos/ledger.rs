//! What one connection received, compared with what the server says that it sent. Pure.
//!
//! The server counts all that it emits. Now and then it sends a connection a statement: the numbers of what it sent to it since
//! the last one, in order. What came in between must be that, with the promise that each packet was sent with.

use std::collections::HashMap;

use serde_json::Value;

/// What the server promises for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It comes, in its place.
    Reliable,
    /// It comes in its place, or not at all.
    Volatile,
    /// In its place comes this one or a newer one with the same key, which then has no place of its own.
    Newest(u64),
}

/// A packet of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Counts all packets of the server.
    pub number: u64,
    /// What it was sent with.
    pub promise: Promise,
}

impl Numbered {
    /// As packets say it: 0, -1, or the key.
    pub fn tagged(number: u64, tag: i64) -> Self {
        let promise = match tag {
            0 => Promise::Reliable,
            -1 => Promise::Volatile,
            key => Promise::Newest(key.unsigned_abs()),
        };
        Self { number, promise }
    }

    /// As statements say it: a number, a negative number, or a key and a number.
    pub fn stated(value: &Value) -> Option<Self> {
        if let Some(signed) = value.as_i64() {
            return Some(Self::tagged(signed.unsigned_abs(), if signed < 0 { -1 } else { 0 }));
        }
        let pair = value.as_array()?;
        Some(Self { number: pair.get(1)?.as_u64()?, promise: Promise::Newest(pair.first()?.as_u64()?) })
    }
}

#[derive(Debug, Default)]
struct Progress {
    stated: u64,
    received: u64,
}

/// The account of one connection.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Since the last statement.
    received: Vec<Numbered>,
    statements: u64,
    keys: HashMap<u64, Progress>,
}

impl Ledger {
    /// A packet came.
    pub fn receive(&mut self, packet: Numbered) {
        self.received.push(packet);
    }

    /// A statement came, the one with this number. Says what does not agree.
    pub fn settle(&mut self, number: u64, sent: &[Numbered]) -> Result<(), String> {
        if number != self.statements {
            return Err(format!("expected statement {}, got {number}", self.statements));
        }
        self.statements += 1;
        let received = std::mem::take(&mut self.received);
        self.compare(&received, sent).map_err(|what| {
            format!("{what} in statement {number}:\n  sent     {}\n  received {}", listed(sent), listed(&received))
        })
    }

    fn compare(&mut self, received: &[Numbered], sent: &[Numbered]) -> Result<(), String> {
        let mut received = received.iter().peekable();
        for packet in sent {
            let is_it = received.peek().is_some_and(|next| *next == packet);
            let came = match packet.promise {
                Promise::Reliable => is_it,
                Promise::Volatile if !is_it => continue,
                Promise::Volatile => true,
                Promise::Newest(key) => {
                    let progress = self.keys.entry(key).or_default();
                    progress.stated = packet.number;
                    if progress.received >= packet.number {
                        continue;
                    }
                    let next = received.peek().filter(|next| next.promise == packet.promise);
                    progress.received = next.map_or(0, |next| next.number);
                    progress.received >= packet.number
                }
            };
            if !came {
                return Err(format!("expected {packet:?}, got {:?}", received.peek()));
            }
            received.next();
        }
        received.next().map_or(Ok(()), |stray| Err(format!("expected nothing more, got {stray:?}")))
    }

    /// After the last statement: a packet with a key that came early was sent, too.
    pub fn close(&self) -> Result<(), String> {
        if let Some(stray) = self.received.first() {
            return Err(format!("expected nothing after the last statement, got {stray:?}"));
        }
        match self.keys.iter().find(|(_, progress)| progress.received != progress.stated) {
            Some((key, progress)) => Err(format!("expected the newest of key {key}, got {progress:?}")),
            None => Ok(()),
        }
    }
}

fn listed(packets: &[Numbered]) -> String {
    let one = |packet: &Numbered| match packet.promise {
        Promise::Reliable => format!("{}", packet.number),
        Promise::Volatile => format!("{}?", packet.number),
        Promise::Newest(key) => format!("{}:{key}", packet.number),
    };
    packets.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "7" is reliable, "7?" volatile, "7:2" has the key 2.
    fn packets(line: &str) -> Vec<Numbered> {
        let number = |text: &str| text.parse().unwrap_or(0);
        line.split_whitespace()
            .map(|word| match word.split_once(':') {
                Some((count, key)) => Numbered { number: number(count), promise: Promise::Newest(number(key)) },
                None => Numbered::tagged(number(word.trim_end_matches('?')), -i64::from(word.ends_with('?'))),
            })
            .collect()
    }

    /// Pairs of what was sent and what came, one for each statement.
    fn agrees(statements: &[(&str, &str)]) -> bool {
        let mut ledger = Ledger::default();
        let all = (0u64..).zip(statements).all(|(number, (sent, received))| {
            for packet in packets(received) {
                ledger.receive(packet);
            }
            ledger.settle(number, &packets(sent)).is_ok()
        });
        all && ledger.close().is_ok()
    }

    #[test]
    fn reliable_packets_come_once_and_in_order() {
        assert!(agrees(&[("1 2 3", "1 2 3"), ("", ""), ("9", "9")]));
        for wrong in ["1 3", "1 2", "2 1 3", "1 2 2 3", "1 2 3 4", "1 2? 3", ""] {
            assert!(!agrees(&[("1 2 3", wrong)]), "{wrong}");
        }
        assert!(!agrees(&[("1 2", "1"), ("", "2")]));
    }

    #[test]
    fn volatile_packets_come_in_their_place_or_not_at_all() {
        for right in ["1 2? 3 4?", "1 3", "1 3 4?", "1 2? 3"] {
            assert!(agrees(&[("1 2? 3 4?", right)]), "{right}");
        }
        for wrong in ["1 3 2?", "2? 1 3", "1 2? 2? 3", "1 3 5?", "1 2 3"] {
            assert!(!agrees(&[("1 2? 3 4?", wrong)]), "{wrong}");
        }
    }

    #[test]
    fn a_newer_packet_may_come_in_the_place_of_an_older_one_with_its_key() {
        for right in ["1:7 2 3:7 4", "3:7 2 4"] {
            assert!(agrees(&[("1:7 2 3:7 4", right)]), "{right}");
        }
        assert!(agrees(&[("1:7 2", "4:7 2"), ("3 4:7 5", "3 5")]));
        for wrong in ["2 3:7 4", "1:7 2 4", "3:7 2 3:7 4", "3:7 1:7 2 4", "2 4", "3:8 2 4", "9:7 2 4"] {
            assert!(!agrees(&[("1:7 2 3:7 4", wrong)]), "{wrong}");
        }
    }
}
