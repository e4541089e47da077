//! The options of queues and workers as JSON, complete: `lib/queues/options.js` has filled in the defaults.

use serde::Deserialize;
use socketio_queue::{Backoff, Batch, Overflow, QueueOptions, Rate, Renewal, WorkerOptions};

/// Of a queue.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    max_attempts: u16,
    backoff: Retry,
    dead_letter: Option<Box<str>>,
    dead_letter_expired: bool,
    ttl: Option<u64>,
    concurrency: Option<u32>,
    key_concurrency: u32,
    #[serde(default)]
    by_interest: bool,
    key_max_length: Option<u64>,
    rate: Option<Limit>,
    key_rate: Option<Limit>,
    max_length: Option<u64>,
    max_bytes: Option<u64>,
    overflow: Policy,
    max_message_bytes: u32,
    dedup_window: u64,
    dedup_max: u32,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Retry {
    Fixed { delay: u64, jitter: f64 },
    Exponential { delay: u64, max: u64, jitter: f64 },
}

#[derive(Deserialize)]
struct Limit {
    max: u32,
    per: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Policy {
    Reject,
    DropOldest,
    Wait,
}

/// Of a worker.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consuming {
    concurrency: u32,
    visibility_timeout: u64,
    max_run_time: Option<u64>,
    batch: Option<Gather>,
}

#[derive(Deserialize)]
struct Gather {
    size: u32,
    wait: u64,
}

impl From<Options> for QueueOptions {
    fn from(options: Options) -> Self {
        Self {
            max_attempts: options.max_attempts,
            backoff: match options.backoff {
                Retry::Fixed { delay, jitter } => Backoff::Fixed { delay, jitter },
                Retry::Exponential { delay, max, jitter } => Backoff::Exponential { delay, max, jitter },
            },
            dead_letter: options.dead_letter,
            dead_letter_expired: options.dead_letter_expired,
            ttl: options.ttl,
            concurrency: options.concurrency,
            key_concurrency: options.key_concurrency,
            by_interest: options.by_interest,
            key_max_length: options.key_max_length,
            rate: options.rate.map(Rate::from),
            key_rate: options.key_rate.map(Rate::from),
            max_length: options.max_length,
            max_bytes: options.max_bytes,
            overflow: match options.overflow {
                Policy::Reject => Overflow::Reject,
                Policy::DropOldest => Overflow::DropOldest,
                Policy::Wait => Overflow::Wait,
            },
            max_message_bytes: options.max_message_bytes,
            dedup_window: options.dedup_window,
            dedup_max: options.dedup_max,
        }
    }
}

impl From<Limit> for Rate {
    fn from(limit: Limit) -> Self {
        Self { max: limit.max, per: limit.per }
    }
}

/// Its leases last as long as it is registered: the event loop may block.
impl From<Consuming> for WorkerOptions {
    fn from(options: Consuming) -> Self {
        Self {
            concurrency: options.concurrency,
            renewal: Renewal::Engine,
            visibility_timeout: options.visibility_timeout,
            max_run_time: options.max_run_time,
            batch: options.batch.map(|batch| Batch { size: batch.size, wait: batch.wait }),
        }
    }
}
