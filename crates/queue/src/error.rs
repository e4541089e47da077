//! What can go wrong, each with a stable code.

use thiserror::Error;

use crate::MessageId;

/// Why a command was refused, or why the engine ended. Cheap to clone: one failure may answer many commands.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The queue has reached its limit of messages or bytes, and its policy is to reject.
    #[error("queue \"{queue}\" is full")]
    Full {
        /// The queue's name.
        queue: Box<str>,
    },
    /// The store has no room for more messages. Acknowledgements still work; sends do again when there is space.
    #[error("the disk is full: {detail}")]
    DiskFull {
        /// What the system said.
        detail: Box<str>,
    },
    /// The lease has ended, or never existed: the token is stale. The command had no effect.
    #[error("the lease of message {id} has ended")]
    LeaseEnded {
        /// The message that was to be settled or extended.
        id: MessageId,
    },
    /// Payload, headers and key together pass the queue's `max_message_bytes`.
    #[error("the message has {bytes} bytes; at most {limit} are allowed")]
    MessageTooLarge {
        /// Its bytes.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Not a name of a queue or schedule.
    #[error("invalid name: {detail}")]
    NameInvalid {
        /// What was expected, and what came.
        detail: Box<str>,
    },
    /// An option or argument outside of what is allowed.
    #[error("invalid option: {detail}")]
    OptionInvalid {
        /// What was expected, and what came.
        detail: Box<str>,
    },
    /// The handle was not declared, or there is no queue of that name.
    #[error("no such queue: {detail}")]
    QueueNotFound {
        /// The name or handle.
        detail: Box<str>,
    },
    /// There is no message with that id in the queue (any more).
    #[error("no message {id} in this queue")]
    MessageNotFound {
        /// What was asked for.
        id: MessageId,
    },
    /// The message is held by a consumer, so it cannot be moved, removed or promoted.
    #[error("message {id} is held by a consumer")]
    MessageHeld {
        /// What was asked for.
        id: MessageId,
    },
    /// The worker's number is not registered.
    #[error("no such worker: {worker}")]
    WorkerNotFound {
        /// The number.
        worker: u32,
    },
    /// A request got no answer in time.
    #[error("no answer within {timeout} ms")]
    RequestTimeout {
        /// The timeout in milliseconds.
        timeout: u64,
    },
    /// The message of a request failed for good, expired, or was removed.
    #[error("the request's message {id} failed: {detail}")]
    RequestFailed {
        /// The message.
        id: MessageId,
        /// The consumer's error, or what became of the message.
        detail: Box<str>,
    },
    /// Too many queues, keys, workers, schedules or waiting sends.
    #[error("too many {what}: at most {limit}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Another process, or another engine of this one, has the store open.
    #[error("the store is in use by process {pid}")]
    Locked {
        /// The holder, or 0 if unknown.
        pid: u32,
    },
    /// The engine was closed.
    #[error("the queues are closed")]
    Closed,
    /// The store was written by a newer version of this package.
    #[error("the store has format {found}; this version reads up to {supported}")]
    FormatNewer {
        /// The version in the store.
        found: u32,
        /// The newest that is known here.
        supported: u32,
    },
    /// The store is damaged beyond what can be set aside.
    #[error("the store is damaged: {detail}")]
    Corrupt {
        /// Where, and what.
        detail: Box<str>,
    },
    /// The stored message could not be read. It was set aside, and is in the queue no more.
    #[error("message {id} is damaged and was set aside")]
    MessageCorrupt {
        /// The message.
        id: MessageId,
    },
    /// The store cannot be used: its directory is missing or read-only, or the system reported an error.
    #[error("the store failed: {detail}")]
    Store {
        /// What was tried, and what the system said.
        detail: Box<str>,
    },
    /// Redis, as the store, cannot be used (now): it is not there, refuses, or is not what is needed.
    #[error("{detail}")]
    Redis {
        /// Stable: `QUEUE_REDIS_…`.
        code: &'static str,
        /// What was expected, and what came. Holds no secret.
        detail: Box<str>,
    },
    /// The store does not have this feature.
    #[error("not with this store: {detail}")]
    Unsupported {
        /// What was asked for.
        detail: Box<str>,
    },
    /// A bug in the engine: its thread ended. What was acknowledged is in the store.
    #[error("the engine failed: {detail}")]
    Internal {
        /// The panic's message.
        detail: Box<str>,
    },
}

impl Error {
    /// A code that stays the same across versions; texts may change.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "QUEUE_FULL",
            Self::DiskFull { .. } => "QUEUE_DISK_FULL",
            Self::LeaseEnded { .. } => "QUEUE_LEASE_ENDED",
            Self::MessageTooLarge { .. } => "QUEUE_MESSAGE_TOO_LARGE",
            Self::NameInvalid { .. } => "QUEUE_NAME_INVALID",
            Self::OptionInvalid { .. } => "QUEUE_OPTION_INVALID",
            Self::QueueNotFound { .. } => "QUEUE_NOT_FOUND",
            Self::MessageNotFound { .. } => "QUEUE_MESSAGE_NOT_FOUND",
            Self::MessageHeld { .. } => "QUEUE_MESSAGE_HELD",
            Self::WorkerNotFound { .. } => "QUEUE_WORKER_NOT_FOUND",
            Self::RequestTimeout { .. } => "QUEUE_REQUEST_TIMEOUT",
            Self::RequestFailed { .. } => "QUEUE_REQUEST_FAILED",
            Self::TooMany { .. } => "QUEUE_TOO_MANY",
            Self::Locked { .. } => "QUEUE_LOCKED",
            Self::Closed => "QUEUE_CLOSED",
            Self::FormatNewer { .. } => "QUEUE_FORMAT_NEWER",
            Self::Corrupt { .. } => "QUEUE_CORRUPT",
            Self::MessageCorrupt { .. } => "QUEUE_MESSAGE_CORRUPT",
            Self::Store { .. } => "QUEUE_STORE_FAILED",
            Self::Redis { code, .. } => code,
            Self::Unsupported { .. } => "QUEUE_UNSUPPORTED",
            Self::Internal { .. } => "QUEUE_INTERNAL",
        }
    }
}
