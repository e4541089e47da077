//! Many servers as one: the wire formats of Socket.IO clusters, and the thread that speaks them with Redis.
//!
//! Pure parts decide ([`msgpack`], [`classic`], `Core`); one thread does the I/O ([`Node`]) over a [`Transport`]. What other
//! servers send is hostile: a decoder never panics, and what is kept is bounded. Broadcasts go to the writers of
//! [`socketio_fanout`] directly; the event loop hears of what only JavaScript can do.

#![forbid(unsafe_code)]

mod backoff;
pub mod classic;
mod command;
mod core;
mod event;
pub mod from_json;
mod local;
mod members;
pub mod msgpack;
mod node;
mod outbox;
mod redis;
mod stats;
pub mod to_json;
mod transport;

pub use backoff::Backoff;
pub use command::{Command, Config};
pub use event::{Census, Event, Member};
pub use local::Writers;
pub use node::Node;
pub use outbox::{Outbox, Outgoing};
pub use redis::{Redis, Settings};
pub use stats::Stats;
pub use transport::{Lost, Transport};
