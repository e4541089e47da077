//! Message queues in Redis, which several processes share.
//!
//! The state is in Redis, and scripts there ([`script`]) do what `socketio_queue::Machine` does for one process. Here are the commands of
//! one process on their way there, in batches, and what it has to know by itself: its workers and what they hold, who waits for
//! answers, when to look again. [`Core`] decides, [`RedisEngine`] has the thread and the connection.
//!
//! `docs/design/queues-redis.md` says how they fit together, and names the keys.

#![forbid(unsafe_code)]

mod answers;
mod behind;
mod close;
mod commands;
mod core;
mod engine;
mod frames;
mod interest;
mod link;
mod look;
mod op;
mod options;
mod record;
mod schedules;
mod script;
mod sends;
mod workers;

pub use engine::{RedisEngine, RedisOptions};
