//! The binding: gives `lib/` the engine crates. It converts, calls and converts back; it decides nothing.
//!
//! One [`engine::NativeEngine`] belongs to one Socket.IO server, one set of [`queues`] to one `createQueues()`. Everything here runs
//! on the JavaScript thread that made it, except the signals that there is something to take, which the engines' threads give.

#![expect(clippy::needless_pass_by_value, reason = "N-API makes strings and objects for one call")]

mod calls;
mod changes;
pub mod cluster;
mod connections;
mod engine;
mod events;
mod fanout;
mod ffi;
mod functions;
pub mod queues;
mod recovery;
mod rooms;
