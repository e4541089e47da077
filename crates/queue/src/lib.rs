//! Message queues: a pure state machine, the stores behind it, and the thread that runs both.
//!
//! - [`Machine`] is the state machine: commands and a clock in, effects out. It writes down what must survive in a [`Store`], and
//!   reads payloads from there; in memory it keeps an index of some fifty bytes a message.
//! - [`Store`] is what keeps records: [`MemoryStore`], or [`DiskStore`].
//! - [`Engine`] is the thread that owns both: commands are submitted in batches, each round of them is one commit, and effects are
//!   taken in batches, those that promise durability after the commit.
//!
//! `docs/design/queues.md` says how they fit together.

#![forbid(unsafe_code)]

mod clock;
mod command;
mod config;
mod cron;
mod disk;
mod effect;
mod engine;
mod error;
mod event;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod id;
mod machine;
mod message;
mod name;
mod options;
mod record;
mod schedule;
mod stats;
mod store;

pub use clock::Now;
pub use command::{Command, MessageAction, QueueAction, Settle};
pub use config::{Config, Notify, Opener};
pub use cron::Clockwork;
pub use disk::{DiskOptions, DiskStore, Durability, Verified, VerifiedFile, verify};
pub use effect::{Effect, LeaseEnd, Outcome};
pub use engine::{Engine, Outbox};
pub use error::Error;
pub use event::{Event, EventKind, EventMask};
pub use id::{Lease, MessageId, QueueRef, Ticket, Token, WorkerId};
pub use machine::{Effects, Machine, check_options};
pub use message::{
    Attempt, Delivery, Due, MAX_ERROR_BYTES, MAX_HISTORY, Message, MessageInfo, NewMessage, Parts, Receipt, Request,
    State,
};
pub use name::{MAX_KEY_BYTES, MAX_NAME_BYTES, check_name};
pub use options::{Backoff, Batch, Overflow, QueueOptions, Rate, Renewal, WorkerOptions};
pub use schedule::{Schedule, ScheduleInfo, Times};
pub use stats::{Histogram, QueueStats, RecoveryReport, Warning};
pub use store::{Class, Commit, Damaged, Index, Location, MemoryStore, ReadError, Replay, Store, StoreStats, SyncTask};
