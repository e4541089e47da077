//! How a queue and a worker behave.

/// How a queue behaves. Stored with it, so that it holds before the app has declared the queue again.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueOptions {
    /// Deliveries of a message before it is dead; at least 1.
    pub max_attempts: u16,
    /// How long a failed message waits.
    pub backoff: Backoff,
    /// Where dead messages go; made when needed. `None`: they are removed, with an event.
    pub dead_letter: Option<Box<str>>,
    /// Expired messages go to the dead-letter queue too, instead of being removed.
    pub dead_letter_expired: bool,
    /// Milliseconds after which a message that was not delivered expires, if it has no `ttl` of its own.
    pub ttl: Option<u64>,
    /// Most messages held by all consumers at once.
    pub concurrency: Option<u32>,
    /// Most messages of one key held at once. Above 1, order within a key is waived, unless it is `by_interest`.
    pub key_concurrency: u32,
    /// Messages with a key wait until the queue's worker, of which there is one, is interested in that key
    /// ([`Command::Interest`](crate::Command::Interest)). It holds up to `key_concurrency` of them, in order: what is given back goes
    /// first again, and before any other; one that failed goes alone. Their priority is of no account, and they may expire as
    /// long as they are not acknowledged.
    pub by_interest: bool,
    /// Most messages of one key, with `by_interest`; `overflow` tells what a send of one more does.
    pub key_max_length: Option<u64>,
    /// Most deliveries of the queue in any span of time.
    pub rate: Option<Rate>,
    /// Most deliveries of one key in any span of time.
    pub key_rate: Option<Rate>,
    /// Most messages in the queue, those held by consumers included.
    pub max_length: Option<u64>,
    /// Most bytes in the queue: payloads, headers, keys, and some 20 a message for the rest of its record.
    pub max_bytes: Option<u64>,
    /// What a send to a full queue does.
    pub overflow: Overflow,
    /// Most bytes of payload, headers and key of one message.
    pub max_message_bytes: u32,
    /// Milliseconds during which a second message with the same `dedup_id` is not sent.
    pub dedup_window: u64,
    /// Most dedup ids remembered; past it the oldest are forgotten early. some 80 bytes of memory each.
    pub dedup_max: u32,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            backoff: Backoff::Exponential { delay: 1_000, max: 300_000, jitter: 0.2 },
            dead_letter: None,
            dead_letter_expired: false,
            ttl: None,
            concurrency: None,
            key_concurrency: 1,
            by_interest: false,
            key_max_length: None,
            rate: None,
            key_rate: None,
            max_length: None,
            max_bytes: None,
            overflow: Overflow::Reject,
            max_message_bytes: 16 * 1024 * 1024,
            dedup_window: 300_000,
            dedup_max: 1_000_000,
        }
    }
}

/// How long a failed message waits before it is delivered again. A delay given with the failure takes precedence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backoff {
    /// Always the same.
    Fixed {
        /// Milliseconds.
        delay: u64,
        /// Up to this part of it is taken away at random, 0 to 1.
        jitter: f64,
    },
    /// Doubles with each attempt.
    Exponential {
        /// Milliseconds after the first attempt.
        delay: u64,
        /// The longest, in milliseconds.
        max: u64,
        /// Up to this part of it is taken away at random, 0 to 1.
        jitter: f64,
    },
}

/// At most `max` deliveries in any span of `per` milliseconds. Counted in 64 slices of the span, so up to a 64th stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Deliveries; at least 1.
    pub max: u32,
    /// Milliseconds; at least 1.
    pub per: u64,
}

/// What a send to a full queue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It fails with `QUEUE_FULL`.
    Reject,
    /// The oldest message that no consumer holds makes room (removed, with an event). If all are held, it fails with `QUEUE_FULL`.
    DropOldest,
    /// It waits, in order, until there is room. It is stored then, not before.
    Wait,
}

/// How a worker consumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Most messages that it holds at once, what it has prefetched included; 0 stops it for a while.
    pub concurrency: u32,
    /// Who keeps its leases alive.
    pub renewal: Renewal,
    /// Milliseconds that a lease lasts without renewal: from delivery or the last [`Command::Extend`](crate::Command::Extend) with
    /// [`Renewal::Explicit`], from the loss of the worker with [`Renewal::Engine`].
    pub visibility_timeout: u64,
    /// Milliseconds after which a delivery is ended and counts as failed, alive or not.
    pub max_run_time: Option<u64>,
    /// Deliver in batches instead of as soon as possible.
    pub batch: Option<Batch>,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self { concurrency: 1, renewal: Renewal::Engine, visibility_timeout: 30_000, max_run_time: None, batch: None }
    }
}

/// Who keeps a lease alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The engine, as long as the worker is registered: for consumers in this process, whose event loop may block.
    Engine,
    /// The consumer, by [`Command::Extend`](crate::Command::Extend): for consumers elsewhere.
    Explicit,
}

/// When a batch is delivered: at `size` messages, or when the first of fewer has waited `wait` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Messages; at least 1. No more than the worker's concurrency is ever delivered.
    pub size: u32,
    /// Milliseconds.
    pub wait: u64,
}
