//! What happened, for whoever listens.

use bytes::Bytes;

use crate::{MessageId, QueueRef};

/// Something that happened to a message or queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where: the handle under which it was subscribed to.
    pub queue: QueueRef,
    /// The message; 0 for an event of the queue as a whole.
    pub id: MessageId,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A message was stored.
    Sent,
    /// It was given to a consumer; the number of the attempt.
    Delivered(u16),
    /// It was acknowledged, with this result.
    Completed(Bytes),
    /// An attempt failed and it will be delivered again.
    Retried {
        /// The attempt.
        attempt: u16,
        /// The consumer's error.
        error: Box<str>,
        /// Milliseconds until it may be delivered.
        delay: u64,
    },
    /// It will not be delivered any more.
    Dead {
        /// The last attempt.
        attempt: u16,
        /// Its error.
        error: Box<str>,
        /// It is in this queue now; `None`: removed.
        queue: Option<Box<str>>,
    },
    /// It was not delivered within its ttl.
    Expired,
    /// It made room for a newer one.
    Dropped,
    /// The lease ended without having been settled.
    LeaseEnded(crate::LeaseEnd),
    /// Its consumer reports progress.
    Progress(Bytes),
    /// It was removed by command.
    Removed,
    /// Its record could not be read; it was set aside.
    Quarantined,
    /// The queue was paused.
    Paused,
    /// The queue was resumed.
    Resumed,
    /// The queue became empty.
    Drained,
}

/// A set of kinds of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventMask(pub u16);

impl EventMask {
    /// All kinds.
    pub const ALL: Self = Self(u16::MAX);

    /// The set of the kind alone.
    pub fn of(kind: &EventKind) -> Self {
        Self(1 << kind.number())
    }

    /// Whether the kind is in the set.
    pub fn has(self, kind: &EventKind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }
}

impl EventKind {
    /// Its bit in an [`EventMask`]: the order of the variants.
    pub fn number(&self) -> u8 {
        match self {
            Self::Sent => 0,
            Self::Delivered(_) => 1,
            Self::Completed(_) => 2,
            Self::Retried { .. } => 3,
            Self::Dead { .. } => 4,
            Self::Expired => 5,
            Self::Dropped => 6,
            Self::LeaseEnded(_) => 7,
            Self::Progress(_) => 8,
            Self::Removed => 9,
            Self::Quarantined => 10,
            Self::Paused => 11,
            Self::Resumed => 12,
            Self::Drained => 13,
        }
    }
}
