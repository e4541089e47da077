//! Lanes and writers: the outgoing half of WebSocket connections, written by threads of its own.
//!
//! A **lane** owns a duplicate of a connection's descriptor and is the only writer of it. Each **writer** thread has one
//! first-in-first-out **inbox**; everything for its lanes passes through it, so frames reach the wire in the order in which they
//! were handed over, whatever their kind. A writer takes what waits in its inbox, puts each frame on the lanes that it is for,
//! and writes each lane once: when it is behind, a lane's frames leave in one system call.
//!
//! Nothing here blocks the caller: handing over is a push to a list under a lock that is held for nanoseconds.

#![deny(unsafe_code)]

mod config;
mod event;
mod fanout;
mod flush;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod inbox;
mod lane;
mod packet;
#[cfg_attr(not(unix), path = "socket_none.rs")]
mod socket;
mod stats;
mod sync;
mod writer;

pub use config::{Config, Overflow};
pub use event::Event;
pub use fanout::{Fanout, OpenError, SendOptions};
pub use packet::{Deflate, Form, Packet};
pub use socket::RawSocket;
pub use stats::Stats;
