//! What the engine can be told.

use bytes::Bytes;

use crate::{
    Due, EventMask, Lease, MessageId, NewMessage, QueueOptions, QueueRef, Request, Schedule, State, Ticket, WorkerId,
    WorkerOptions,
};

/// A command. Those with a ticket are answered by one [`Effect::Done`](crate::Effect::Done), in any order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Names a queue: makes it if there is none, takes over the options if there is. Answer: `Done`.
    ///
    /// The handle may be used in commands right behind this one; if the declaration fails, they fail with `QUEUE_NOT_FOUND`.
    Declare {
        /// Finds the answer.
        ticket: Ticket,
        /// The number by which the caller will refer to it.
        queue: QueueRef,
        /// Its name.
        name: Box<str>,
        /// `None` leaves an existing queue's options as they are, and gives a new one the defaults.
        options: Option<Box<QueueOptions>>,
    },
    /// Stores a message. Answer, when it is durable: `Sent`.
    Send {
        /// Finds the answer.
        ticket: Ticket,
        /// Where to.
        queue: QueueRef,
        /// What.
        message: NewMessage,
    },
    /// Stores messages in one commit. Answer, when they are durable: `SentBatch`, with one result each. With
    /// [`Overflow::Wait`](crate::Overflow::Wait) it is answered when the last one has been stored.
    SendBatch {
        /// Finds the answer.
        ticket: Ticket,
        /// Where to.
        queue: QueueRef,
        /// What.
        messages: Vec<NewMessage>,
    },
    /// Stores a message whose answer the caller waits for. Answers: `Sent` when it is durable; then, with the same ticket, one
    /// [`Effect::Replied`](crate::Effect::Replied). If it is not sent, only the failed `Done`. A duplicate (`dedup_id`) fails at
    /// once: the answer goes to the first request.
    Request {
        /// Finds the answers.
        ticket: Ticket,
        /// Where to.
        queue: QueueRef,
        /// What.
        message: NewMessage,
        /// How long to wait.
        request: Request,
    },
    /// Registers a worker. Answer: `Done`; deliveries follow as [`Effect::Deliver`](crate::Effect::Deliver).
    Consume {
        /// Finds the answer.
        ticket: Ticket,
        /// The number by which the caller will refer to it.
        worker: WorkerId,
        /// Of which queue.
        queue: QueueRef,
        /// How.
        options: WorkerOptions,
    },
    /// Says whether a worker takes the messages of a key, in a queue that is
    /// [`by_interest`](crate::QueueOptions::by_interest). At first it takes those of none, and with its end interest in all ends.
    /// Answer, between the deliveries under the interest before and those under this one: `Done`.
    Interest {
        /// Finds the answer.
        ticket: Option<Ticket>,
        /// Which.
        worker: WorkerId,
        /// Of which key.
        key: Box<str>,
        /// Whether it does. What it holds already stays with it.
        wanted: bool,
    },
    /// Changes a worker's concurrency. 0 stops deliveries; what it holds stays with it.
    SetConcurrency {
        /// Which.
        worker: WorkerId,
        /// The new number.
        concurrency: u32,
    },
    /// Ends a worker. What it still holds is given back at once or, with `lost`, when the visibility timeout has passed.
    /// Answer: [`Effect::WorkerClosed`](crate::Effect::WorkerClosed), after which nothing is delivered to it.
    CloseWorker {
        /// Which.
        worker: WorkerId,
        /// The consumer may still be working: keep its leases for their visibility timeout (settling them still works).
        lost: bool,
    },
    /// Ends a lease. Answer, when it is durable: `Done`, or `QUEUE_LEASE_ENDED`. Without a ticket there is no answer.
    Settle {
        /// Finds the answer.
        ticket: Option<Ticket>,
        /// Which.
        lease: Lease,
        /// How.
        outcome: Settle,
    },
    /// Prolongs a lease: [`Renewal::Explicit`](crate::Renewal::Explicit) to `millis` from now; in any case the end of
    /// `max_run_time` to `millis` from now, if that is later.
    Extend {
        /// Finds the answer.
        ticket: Option<Ticket>,
        /// Which.
        lease: Lease,
        /// How long.
        millis: u64,
    },
    /// Tells the requester (and listeners) how far a message is. Not stored.
    Progress {
        /// Which.
        lease: Lease,
        /// Opaque.
        data: Bytes,
    },
    /// Does something with a queue as a whole.
    Queue {
        /// Finds the answer.
        ticket: Ticket,
        /// Which.
        queue: QueueRef,
        /// What.
        action: QueueAction,
    },
    /// Does something with one message.
    Message {
        /// Finds the answer.
        ticket: Ticket,
        /// The queue in which it is.
        queue: QueueRef,
        /// Which.
        id: MessageId,
        /// What.
        action: MessageAction,
    },
    /// Which events of a queue to report. None are until this. Each call replaces the last.
    Subscribe {
        /// Which queue.
        queue: QueueRef,
        /// Which kinds.
        events: EventMask,
    },
    /// The names of all queues that the store knows. Answer: `Names`.
    Queues {
        /// Finds the answer.
        ticket: Ticket,
    },
    /// What the store holds and has done. Answer: `Store`.
    Store {
        /// Finds the answer.
        ticket: Ticket,
    },
    /// Answered with `Done` when everything before it is durable.
    Flush {
        /// Finds the answer.
        ticket: Ticket,
    },
}

impl Command {
    /// Whether its cost does not depend on how much there is: it takes a microsecond or so.
    pub(crate) fn is_short(&self) -> bool {
        matches!(
            self,
            Self::Send { .. }
                | Self::Request { .. }
                | Self::Settle { .. }
                | Self::Extend { .. }
                | Self::Progress { .. }
                | Self::Interest { .. }
        )
    }

    /// The ticket of a command that expects an answer.
    pub fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Declare { ticket, .. }
            | Self::Send { ticket, .. }
            | Self::SendBatch { ticket, .. }
            | Self::Request { ticket, .. }
            | Self::Consume { ticket, .. }
            | Self::Queue { ticket, .. }
            | Self::Message { ticket, .. }
            | Self::Queues { ticket }
            | Self::Store { ticket }
            | Self::Flush { ticket } => Some(*ticket),
            Self::Settle { ticket, .. } | Self::Extend { ticket, .. } | Self::Interest { ticket, .. } => *ticket,
            Self::SetConcurrency { .. } | Self::CloseWorker { .. } | Self::Progress { .. } | Self::Subscribe { .. } => {
                None
            }
        }
    }
}

/// How a lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settle {
    /// Processed. The result goes to the requester, if any, and to the `Completed` event.
    Ack {
        /// Opaque; empty for none.
        result: Bytes,
    },
    /// Failed: it is delivered again later or, after the last attempt, dead.
    Nack {
        /// Why, as text.
        error: Box<str>,
        /// Milliseconds until the next delivery, instead of the queue's backoff.
        delay: Option<u64>,
        /// No more attempts.
        dead: bool,
    },
    /// Given back without having been processed: the attempt does not count, and it is delivered again first.
    Release,
}

/// What can be done with a queue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum QueueAction {
    /// No deliveries until `Resume`; stored. Answer: `Done`.
    Pause,
    /// Deliveries again. Answer: `Done`.
    Resume,
    /// Answered with `Done` once the queue has no message left, delayed ones included. Stops nothing: pause the producers.
    Drain,
    /// Removes all messages that no consumer holds. Answer: `Count`.
    Purge,
    /// The first messages that would be delivered, without delivering them. Answer: `Page`.
    Peek {
        /// At most; no more than 1,000.
        limit: u32,
    },
    /// Messages in a state. Whoever asks for page after page finds each message that is in that state all the while exactly once.
    /// A page may have fewer messages than the limit, even none, and still not be the last. Answer: `Page`.
    List {
        /// `None`: in any.
        state: Option<State>,
        /// Where the last page ended; 0 to begin.
        cursor: u64,
        /// At most; no more than 1,000.
        limit: u32,
    },
    /// Moves what no consumer holds to another queue, where it begins anew (attempts, history). At most `limit` (or all) per call.
    /// Answer: `Count`.
    Move {
        /// The other queue.
        to: QueueRef,
        /// At most.
        limit: u64,
    },
    /// Moves dead letters back to the queue in which they died, where they begin anew. Answer: `Count`.
    Redrive {
        /// At most.
        limit: u64,
    },
    /// Counters, ages, latencies. Answer: `Stats`.
    Stats,
    /// How it behaves, as it is stored. Answer: `Options`.
    Options,
    /// Sends a message again and again; replaces a schedule of that name (and keeps its phase, if the times are the same).
    /// Stored. Answer: `Done`.
    Schedule {
        /// The schedule's name, unique in the queue.
        name: Box<str>,
        /// When and what.
        schedule: Box<Schedule>,
    },
    /// Ends a schedule; what it has sent stays. Answer: `Count`, 0 if there was none.
    Unschedule {
        /// Its name.
        name: Box<str>,
    },
    /// Answer: `Schedules`.
    Schedules,
}

/// What can be done with one message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MessageAction {
    /// Reads it. Answer: `Message`.
    Get,
    /// Removes it, unless it is held. Answer: `Done`.
    Remove,
    /// Makes a delayed one ready. Answer: `Done`, also if it was ready.
    Promote,
    /// Changes when a waiting one is due. Answer: `Done`.
    Reschedule {
        /// The new time.
        due: Due,
    },
    /// Moves it to another queue, where it begins anew, unless it is held. Answer: `Done`.
    Move {
        /// The other queue.
        to: QueueRef,
    },
    /// Moves a dead letter back to the queue in which it died. Answer: `Done`.
    Redrive,
}
