//! What comes out of the engine.

use bytes::Bytes;

use crate::{
    Delivery, Error, Event, Lease, MessageInfo, QueueOptions, QueueStats, Receipt, RecoveryReport, ScheduleInfo,
    StoreStats, Ticket, WorkerId,
};

/// What comes out of the engine, in batches.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Effect {
    /// The store is open (or is not, and the engine has ended). The first effect of all.
    Opened(Result<RecoveryReport, Error>),
    /// The answer to a command.
    Done {
        /// The command's.
        ticket: Ticket,
        /// What was asked for, or why not.
        result: Result<Outcome, Error>,
    },
    /// Messages for a worker: at least one, with [`Batch`](crate::Batch) together one batch.
    Deliver {
        /// For whom.
        worker: WorkerId,
        /// What.
        deliveries: Vec<Delivery>,
    },
    /// A lease ended without having been settled: whoever works on it should stop, and settling it has no effect.
    LeaseEnded {
        /// Whose.
        worker: WorkerId,
        /// Which.
        lease: Lease,
        /// Why.
        reason: LeaseEnd,
    },
    /// The worker is gone. Nothing is delivered to it any more, and its number may be used again.
    WorkerClosed {
        /// Which.
        worker: WorkerId,
    },
    /// The consumer's answer to a request, in the moment in which its acknowledgement is durable.
    Replied {
        /// The request's.
        ticket: Ticket,
        /// What the consumer returned.
        result: Result<Bytes, Error>,
    },
    /// How far the message of a request is.
    Progress {
        /// The request's.
        ticket: Ticket,
        /// Opaque.
        data: Bytes,
    },
    /// Something that a subscriber wants to know.
    Event(Event),
    /// The store is elsewhere, and the connection to it was lost (and why) or is there again.
    Connection(Result<(), Error>),
    /// Something is not as it should be, and the store goes on.
    Warning(crate::Warning),
    /// So many events were left out here, because the owner does not take them.
    EventsLost(u64),
    /// The store failed for good, or the engine did. What was not answered before this will not be: the owner fails it with this
    /// error. Commands that are submitted afterwards are answered with it. [`Effect::Closed`] follows.
    Failed(Error),
    /// The engine has ended: what was submitted before has been answered. The last effect of all.
    Closed,
}

/// What a command was answered with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It is done.
    Done,
    /// The message is stored.
    Sent(Receipt),
    /// One result for each message of the batch.
    SentBatch(Vec<Result<Receipt, Error>>),
    /// How many it were.
    Count(u64),
    /// The message that was asked for.
    Message(Box<MessageInfo>),
    /// Messages, and where to go on: `None` at the end.
    Page {
        /// What was found.
        messages: Vec<MessageInfo>,
        /// For the next page.
        next: Option<u64>,
    },
    /// What is known of a queue.
    Stats(Box<QueueStats>),
    /// The schedules of a queue.
    Schedules(Vec<ScheduleInfo>),
    /// The names of all queues.
    Names(Vec<Box<str>>),
    /// How a queue behaves.
    Options(Box<QueueOptions>),
    /// What is known of the store.
    Store(Box<StoreStats>),
}

/// Why a lease ended without having been settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseEnd {
    /// It was not renewed in time.
    Expired,
    /// `max_run_time` has passed.
    RunTime,
}
