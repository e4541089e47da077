//! What the event loop tells the cluster's thread.

use std::sync::Arc;

use bytes::Bytes;
use socketio_rooms::{Namespace, RoomChange};

use crate::format::Mode;
use crate::streams::{Id, Recovery, StreamsOptions};

/// The settings of a cluster's connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whom it understands.
    pub mode: Mode,
    /// The prefix of all channels.
    pub key: String,
    /// What this server's messages are known by: unique in the cluster.
    pub uid: String,
    /// What people know it by.
    pub name: String,
    /// The most messages that wait for Redis.
    pub outbox: usize,
    /// The most bytes that wait for Redis.
    pub outbox_bytes: usize,
    /// Of mode `streams`.
    pub streams: StreamsOptions,
}

/// One step. `slot` is the caller's number of a namespace, never used again.
#[derive(Debug)]
pub enum Command {
    /// A namespace begins. `native`: broadcasts may be written without the event loop.
    Join {
        /// Its number.
        slot: u32,
        /// Its name.
        nsp: String,
        /// Its rooms.
        rooms: Arc<Namespace>,
        /// Whether its packets are the standard parser's.
        native: bool,
        /// What its clients may have missed, in mode `streams`.
        recovery: Option<Arc<Recovery>>,
    },
    /// A namespace ends.
    Leave(u32),
    /// Rooms of a namespace were made, or are gone: [`crate::Node::submit`] sees to it where a mode needs it.
    Rooms {
        /// The namespace.
        slot: u32,
        /// In this order.
        changes: Vec<RoomChange>,
    },
    /// Are the rooms that were made so far subscribed? [`crate::Event::Settled`] follows when they are, or there is no connection.
    Settle(u32),
    /// Broadcasts may (not) be written without the event loop.
    Native(u32, bool),
    /// A broadcast, as local clients get it.
    Broadcast {
        /// The namespace.
        slot: u32,
        /// The packet, encoded by Socket.IO's parser.
        text: String,
        /// The one room.
        room: Option<String>,
        /// JSON of rooms, except and flags, unless it is for the one room alone.
        options: Option<String>,
    },
    /// A broadcast, as other servers get it.
    Packet {
        /// The namespace.
        slot: u32,
        /// In the mode's format.
        payload: Bytes,
        /// The one room.
        room: Option<String>,
    },
    /// A request to the other servers.
    Request {
        /// The namespace.
        slot: u32,
        /// As other servers get it.
        payload: Bytes,
        /// Its id, when answers are expected.
        expect: Option<String>,
    },
    /// No answer to this request is expected any more.
    Forget(String),
    /// An answer to another server's request.
    Answer {
        /// The namespace.
        slot: u32,
        /// Who asked; all servers hear it when this is not known.
        to: Option<String>,
        /// As it gets it.
        payload: Bytes,
    },
    /// How many servers have the namespace? [`crate::Event::Count`] follows.
    Count {
        /// The namespace.
        slot: u32,
        /// The question's number.
        ticket: u32,
    },
    /// A request that was an [`crate::Event::Request`] is done: what came after it goes on.
    Done(u32),
    /// Who writes to clients of a namespace is about to change: [`crate::Event::Turn`] follows.
    Turn(u32),
    /// [`crate::Event::Echo`] with this ticket follows all that is on its way to the event loop.
    Echo(u32),
    /// Keeps sessions, each under its key for so many milliseconds; deletes those that are `None`.
    Save(Vec<(String, Option<String>, u64)>),
    /// Takes a session, and looks what its client missed. [`crate::Event::Restored`] follows.
    Restore {
        /// The namespace.
        slot: u32,
        /// The question's number.
        ticket: u32,
        /// Of the session.
        key: String,
        /// The last that the client has.
        offset: Id,
    },
    /// Of an emitter: is what was handed over so far published, or given up? [`crate::Event::Flushed`] follows when it is.
    Flush(u32),
    /// Publishes what was handed over, within a bound, and ends.
    Close,
}
