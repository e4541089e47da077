//! What is sent, and what is read back.

use std::ops::Range;

use bytes::Bytes;

use crate::MessageId;

/// A message to send. Payload and headers are opaque here: the caller encodes them, `content` says how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// The body.
    pub payload: Bytes,
    /// The headers, encoded by the caller; empty for none.
    pub headers: Bytes,
    /// The caller's tag for the payload's encoding (bytes, text, JSON …).
    pub content: u8,
    /// Higher is delivered earlier. Within a key, order goes before priority.
    pub priority: u8,
    /// When it may be delivered.
    pub due: Due,
    /// Milliseconds after which it expires, if it was not delivered before. Counted from now, also if it is delayed.
    pub ttl: Option<u64>,
    /// Messages with one key are processed in order, one at a time. 1 to 1,024 bytes.
    pub key: Option<Box<str>>,
    /// A second message with this id within the queue's `dedup_window` is not sent; its receipt names the first. 1 to 1,024 bytes.
    pub dedup_id: Option<Box<str>>,
}

/// When a message may be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Due {
    /// At once.
    #[default]
    Now,
    /// After so many milliseconds, whatever the wall clock does meanwhile.
    After(u64),
    /// When the wall clock shows so many milliseconds since 1970. It enters the order of its key then.
    At(u64),
}

/// That a message is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message, or the earlier one with the same `dedup_id`.
    pub id: MessageId,
    /// It was not sent, since the earlier one was.
    pub duplicate: bool,
}

/// What answer a send waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Milliseconds until it fails with `QUEUE_REQUEST_TIMEOUT`.
    pub timeout: u64,
    /// Then remove the message, if no consumer holds it.
    pub cancel: bool,
}

/// A stored message as it was read from the store. The bytes are shared, not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub id: MessageId,
    /// The caller's tag for the payload's encoding.
    pub content: u8,
    /// Higher is delivered earlier.
    pub priority: u8,
    /// When it was to be delivered, if it was delayed; wall clock.
    pub deliver_at: Option<u64>,
    /// When it expires; wall clock.
    pub expires_at: Option<u64>,
    /// The queue in which it died or from which it was moved, if it was.
    pub origin: Option<Box<str>>,
    /// The schedule that made it, if one did.
    pub schedule: Option<Box<str>>,
    pub(crate) record: Bytes,
    pub(crate) key: Range<u32>,
    pub(crate) headers: Range<u32>,
    pub(crate) payload: Range<u32>,
}

/// Where the parts of a message are in its record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Empty: it has no key.
    pub key: Range<u32>,
    /// Empty: it has no headers.
    pub headers: Range<u32>,
    /// The body.
    pub payload: Range<u32>,
}

impl Message {
    /// A message without times and origin, as another store keeps it. Parts beyond the record are empty.
    pub fn of_record(id: MessageId, content: u8, priority: u8, record: Bytes, parts: Parts) -> Self {
        let Parts { key, headers, payload } = parts;
        Self {
            id,
            content,
            priority,
            deliver_at: None,
            expires_at: None,
            origin: None,
            schedule: None,
            record,
            key,
            headers,
            payload,
        }
    }

    fn part(&self, range: &Range<u32>) -> &[u8] {
        self.record.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// The key, if it has one.
    pub fn key(&self) -> Option<&str> {
        if self.key.is_empty() { None } else { std::str::from_utf8(self.part(&self.key)).ok() }
    }

    /// The headers as the producer encoded them.
    pub fn headers(&self) -> &[u8] {
        self.part(&self.headers)
    }

    /// The body.
    pub fn payload(&self) -> &[u8] {
        self.part(&self.payload)
    }

    /// The body as a reference that keeps the record's memory alive.
    pub fn payload_bytes(&self) -> Bytes {
        self.record.slice(self.payload.start as usize..self.payload.end as usize)
    }
}

/// A message given to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message and the fencing token; both are needed to settle it.
    pub token: crate::Token,
    /// 1 for the first delivery.
    pub attempt: u16,
    /// The message.
    pub message: Message,
}

impl Delivery {
    /// What settles it.
    pub fn lease(&self) -> crate::Lease {
        crate::Lease { id: self.message.id, token: self.token }
    }
}

/// One failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first delivery.
    pub number: u16,
    /// When it failed; wall clock.
    pub failed_at: u64,
    /// The consumer's error, cut to [`MAX_ERROR_BYTES`].
    pub error: Box<str>,
}

/// The most bytes of an error that are kept.
pub const MAX_ERROR_BYTES: usize = 1024;

/// The most attempts of a message whose errors are kept: the first and the latest.
pub const MAX_HISTORY: usize = 16;

/// Where a message is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for a consumer.
    Ready,
    /// Waits for an earlier message with the same key.
    Blocked,
    /// Waits for its time: delayed, retried later, or over its key's rate.
    Delayed,
    /// A consumer holds it.
    Active,
}

/// A message and what has become of it so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageInfo {
    /// The message.
    pub message: Message,
    /// Where it is.
    pub state: State,
    /// How often it was delivered.
    pub attempts: u16,
    /// The errors of failed attempts, oldest first.
    pub history: Vec<Attempt>,
}
