//! Many servers as one: the wire formats of Socket.IO clusters, and the thread that speaks them with Redis.
//!
//! Pure parts decide ([`msgpack`], [`classic`], [`envelope`], `Core`); one thread does the I/O ([`Node`]) over a `Transport`. What other
//! servers send is hostile: a decoder never panics, and what is kept is bounded. Broadcasts go to the writers of
//! [`socketio_fanout`] directly; the event loop hears of what only JavaScript can do.

#![forbid(unsafe_code)]

mod attempts;
mod backoff;
mod bus;
pub mod classic;
mod command;
mod core;
mod crowd;
mod emitter;
pub mod envelope;
mod event;
mod format;
pub mod from_json;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod incoming;
mod local;
mod lookout;
mod members;
pub mod msgpack;
mod node;
mod nodes;
mod outbox;
mod pubsub;
mod redis;
mod redis_log;
mod sentinel;
mod sharded;
mod shards;
mod slots;
mod spread;
mod stats;
pub mod streams;
mod subscriber;
mod tls;
pub mod to_json;
mod transport;
mod worker;

pub use backoff::Backoff;
pub use command::{Command, Config};
pub use event::{Census, Event, Member};
pub use format::{Mode, Subscription};
pub use incoming::{Encoded, Incoming, Options};
pub use local::{HEADROOM, Writers};
pub use lookout::Lookout;
pub use node::Node;
pub use outbox::{Outbox, Outgoing, Route};
pub use redis::{Redis, Settings};
pub use sharded::Subscriptions;
pub use stats::Stats;
pub use transport::Lost;
