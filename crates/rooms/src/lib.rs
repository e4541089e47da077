//! Namespaces and rooms: who is where, both ways, and snapshots of it in O(1).
//!
//! A connection is an index (`u32`); in one namespace it has at most one socket, so (namespace, connection) is a socket and a
//! room is a set of indexes. Pure and synchronous: no I/O, no JavaScript.
//!
//! Any thread may look rooms up and take snapshots; usually one thread (the event loop) changes memberships. Lock order:
//! a namespace's state, then its key table.

#![forbid(unsafe_code)]

mod change;
mod key;
mod members;
mod namespace;
mod room_list;
mod state;
mod target;
mod watch;

pub use change::{Applied, Change};
pub use key::{RoomKey, RoomName};
pub use members::Members;
pub use namespace::{Left, Namespace};
pub use target::Target;
pub use watch::RoomChange;

/// The index of a connection, shared by every namespace that it joined.
pub type ConnectionId = u32;

/// The index of a room within its namespace. Reused after the room is removed.
pub type RoomId = u32;
