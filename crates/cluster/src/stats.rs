//! Counters, written by the cluster's thread and read by any.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters of a cluster's connection.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// A reading of the counters.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters!(
    /// 1 while connected and subscribed.
    connected,
    /// How often the connection was made again after it was lost.
    reconnects,
    /// Messages handed to Redis, and confirmed.
    published,
    /// Bytes of these.
    published_bytes,
    /// Messages on their way when the connection was lost: they have arrived, or not.
    unconfirmed,
    /// Messages that wait for Redis.
    outbox,
    /// Bytes of these.
    outbox_bytes,
    /// Messages dropped because the outbox was full.
    outbox_dropped,
    /// Messages that came.
    received,
    /// Bytes of these.
    received_bytes,
    /// Broadcasts for namespaces and rooms that are not here, and our own.
    skipped,
    /// Broadcasts that the event loop had no part in.
    native,
    /// Messages that the event loop was woken for.
    woken,
    /// Messages that could not be read, and were ignored.
    malformed,
    /// Messages dropped because the event loop did not take them.
    inbound_dropped,
    /// How long the latest sign of life took to come back through Redis, in microseconds; or how long the one that is missing takes.
    lag,
    /// How far the end of a stream is ahead of what was read, in milliseconds of its ids, as of the latest second.
    stream_lag,
    /// Entries of a stream that were trimmed before this server could read them.
    trimmed,
    /// Entries that were written again, since they had not arrived when a connection was lost.
    rewritten,
);

pub(crate) fn add(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}

pub(crate) fn set(counter: &AtomicU64, to: usize) {
    counter.store(to as u64, Ordering::Relaxed);
}
