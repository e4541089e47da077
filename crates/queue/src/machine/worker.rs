//! Workers.

use crate::{Delivery, WorkerId, WorkerOptions};

/// A registered consumer, or one whose leases still run.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) queue: u32,
    pub(crate) options: WorkerOptions,
    pub(crate) held: u32,
    /// The head of the list of its leases.
    pub(crate) leases: u32,
    /// It is in its queue's ring of workers that may take a message.
    pub(crate) idle: bool,
    /// Registered no more; it stays until its last lease has ended.
    pub(crate) lost: bool,
    /// Since when it could have had a batch that is too small; monotonic clock.
    pub(crate) batch_since: Option<u64>,
    /// What this dispatch gives it: durable messages, and others.
    pub(crate) given: [Vec<Delivery>; 2],
}

impl Worker {
    pub(crate) fn new(id: WorkerId, queue: u32, options: WorkerOptions) -> Self {
        Self {
            id,
            queue,
            options,
            held: 0,
            leases: u32::MAX,
            idle: false,
            lost: false,
            batch_since: None,
            given: Default::default(),
        }
    }

    /// How many messages it would take now.
    pub(crate) fn credit(&self) -> u32 {
        if self.lost { 0 } else { self.options.concurrency.saturating_sub(self.held) }
    }
}
