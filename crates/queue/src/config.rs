//! What an engine is started with.

use crate::{Error, Store};

/// What an engine is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Random bytes: the secret of the hashes by which keys and dedup ids are told apart, and the seed of jitter. A store
    /// that exists keeps its secret. `None` takes some from the system.
    pub secret: Option<[u8; 16]>,
    /// Most queues.
    pub max_queues: u32,
    /// Most workers.
    pub max_workers: u32,
    /// Most schedules of a queue.
    pub max_schedules: u32,
    /// Most sends of a queue that wait for room ([`Overflow::Wait`](crate::Overflow::Wait)); more are refused with `QUEUE_FULL`.
    pub max_waiting_sends: u32,
    /// Most events that wait to be taken; more are left out and counted.
    pub max_events: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            secret: None,
            max_queues: 65_536,
            max_workers: 65_536,
            max_schedules: 10_000,
            max_waiting_sends: 100_000,
            max_events: 10_000,
        }
    }
}

/// Opens the store, on the engine's thread: the caller does not wait for a disk.
pub type Opener = Box<dyn FnOnce() -> Result<Box<dyn Store>, Error> + Send>;

/// Tells the owner that there is something to take, from any of the engine's threads. Once, until it is taken.
pub type Notify = Box<dyn Fn() + Send + Sync>;
