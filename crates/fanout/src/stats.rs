//! Counters of the writers. Written by one thread each, read by any.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A reading. `lanes`, `parked_lanes` and `buffered_bytes` are of the moment; the others only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Open lanes.
    pub lanes: u64,
    /// Lanes on which the kernel took no more.
    pub parked_lanes: u64,
    /// Bytes that wait on parked lanes.
    pub buffered_bytes: u64,
    /// Frames that the kernel took, whole.
    pub frames: u64,
    /// Bytes that it took.
    pub bytes: u64,
    /// System calls that wrote them, or tried to.
    pub system_calls: u64,
    /// Frames that left many to a system call, by `io_uring`: 0 where the kernel does not offer it.
    pub batched: u64,
    /// Packets dropped: volatile ones, and those past the limit of a buffer.
    pub dropped: u64,
    /// Packets that took the place of an older one with the same key.
    pub conflated: u64,
    /// Lanes that failed because they would have passed the limit.
    pub slow_disconnects: u64,
}

impl Stats {
    /// The sum of two readings.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            lanes: self.lanes + other.lanes,
            parked_lanes: self.parked_lanes + other.parked_lanes,
            buffered_bytes: self.buffered_bytes + other.buffered_bytes,
            frames: self.frames + other.frames,
            bytes: self.bytes + other.bytes,
            system_calls: self.system_calls + other.system_calls,
            batched: self.batched + other.batched,
            dropped: self.dropped + other.dropped,
            conflated: self.conflated + other.conflated,
            slow_disconnects: self.slow_disconnects + other.slow_disconnects,
        }
    }
}

macro_rules! counters {
    ($($name:ident),*) => {
        /// One writer's counters, as others may read them.
        #[derive(Debug, Default)]
        pub(crate) struct SharedStats {
            $($name: AtomicU64,)*
        }

        impl SharedStats {
            pub(crate) fn publish(&self, stats: &Stats) {
                $(self.$name.store(stats.$name, Ordering::Relaxed);)*
            }

            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters!(
    lanes,
    parked_lanes,
    buffered_bytes,
    frames,
    bytes,
    system_calls,
    batched,
    dropped,
    conflated,
    slow_disconnects
);
