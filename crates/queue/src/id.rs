//! The numbers by which things are named.

use std::fmt;
use std::str::FromStr;

/// A message's number: milliseconds since 1970 in the upper 44 bits, a sequence within the millisecond in the lower 20.
///
/// Larger ids were sent later to the same store, also across restarts and when the clock goes back. As text it is 16
/// hexadecimal digits, which sort as the numbers do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

impl MessageId {
    /// Bits of the sequence.
    pub(crate) const SEQUENCE_BITS: u32 = 20;

    /// When the message was sent, in milliseconds since 1970 (or a little later, if the clock went back before).
    pub fn millis(self) -> u64 {
        self.0 >> Self::SEQUENCE_BITS
    }

    /// The first id of a message sent at `millis` that is also larger than this one.
    pub(crate) fn next(self, millis: u64) -> Self {
        let first = millis.min(u64::MAX >> Self::SEQUENCE_BITS) << Self::SEQUENCE_BITS;
        Self(first.max(self.0.saturating_add(1)))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for MessageId {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = if digits { u64::from_str_radix(text, 16).ok() } else { None };
        number.map(Self).ok_or_else(|| crate::Error::OptionInvalid {
            detail: "a message id is 16 lower-case hexadecimal digits".into(),
        })
    }
}

/// The fencing token of one lease: a message that is delivered again has another. Fits a JavaScript number (53 bits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// One delivery of a message. Settling needs both: the token proves that it was not given to another meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The message.
    pub id: MessageId,
    /// The delivery.
    pub token: Token,
}

/// Chosen by the caller to find the answer to a command; comes back in [`Effect::Done`](crate::Effect::Done). The engine
/// keeps no table of them: two commands with one ticket get two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A queue, by a number that the caller chose in [`Command::Declare`](crate::Command::Declare). Valid until the engine closes, so
/// commands can follow a declaration without waiting for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueRef(pub u32);

/// A worker, by a number that the caller chose in [`Command::Consume`](crate::Command::Consume). Not to be used again before its
/// [`Effect::WorkerClosed`](crate::Effect::WorkerClosed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u32);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_when_the_clock_stands_still_or_goes_back() {
        let first = MessageId::default().next(1_000);
        assert_eq!(first.millis(), 1_000);
        assert!(first.next(1_000) > first);
        assert!(first.next(1) > first);
        assert_eq!(first.next(2_000).millis(), 2_000);
    }

    #[test]
    fn text_sorts_like_the_number_and_reads_back() {
        let (small, large) = (MessageId(0xff), MessageId(0x100));
        assert!(small.to_string() < large.to_string());
        assert_eq!(small.to_string().parse(), Ok(small));
        for bad in ["", "ff", "00000000000000FF", "0000000000000_ff", "+00000000000000f"] {
            assert_eq!(bad.parse::<MessageId>().unwrap_err().code(), "QUEUE_OPTION_INVALID");
        }
    }
}
