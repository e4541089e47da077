//! What the event loop has to know or do.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use socketio_rooms::ConnectionId;

use crate::streams::{Id, Missed};

/// News of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Connected, and all channels are subscribed.
    Up,
    /// The connection is lost, or there is none: a stable code, and what happened.
    Down(&'static str, String),
    /// A broadcast for clients that JavaScript writes to: these, or all that it means.
    Broadcast(u32, Bytes, Option<Vec<ConnectionId>>),
    /// A broadcast whose recipients only JavaScript can find, while it does not write all: others wait until
    /// [`crate::Command::Done`] follows, or they would overtake it.
    Whole(u32, Bytes),
    /// A request of another server. Broadcasts wait until [`crate::Command::Done`] follows.
    Request(u32, Bytes),
    /// The answer to [`crate::Command::Turn`]: what came before is with the writers or in the events before this one. What comes next
    /// waits until [`crate::Command::Done`] follows.
    Turn(u32),
    /// The answer to [`crate::Command::Echo`] with this ticket.
    Echo(u32),
    /// An answer to one of ours.
    Response(u32, Bytes),
    /// The answer to [`crate::Command::Count`] with this ticket.
    Count(u32, Census),
    /// A namespace's channels are subscribed.
    Joined(u32),
    /// A packet that waited for its offset is with the writers: JavaScript writes its share of it. Its token, and the offset.
    Released(u32, u32, Option<Id>),
    /// The same for somebody who has come back since it was issued.
    Late {
        /// The namespace.
        slot: u32,
        /// Of the restore.
        ticket: u32,
        /// The packet, with its offset.
        text: Bytes,
        /// What follows it.
        attachments: Vec<Vec<u8>>,
    },
    /// The answer to [`crate::Command::Restore`] with this ticket: the session, and what was missed. `None`: there is none.
    Restored(u32, Option<(Bytes, Vec<Missed>)>),
    /// What was handed over before [`crate::Command::Flush`] with this ticket is published, or given up.
    Flushed(u32),
    /// The answer to [`crate::Command::Settle`] with this ticket.
    Settled(u32),
}

/// Another server with this adapter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Member {
    /// What its messages are known by.
    pub uid: String,
    /// What people know it by: host and process.
    pub name: String,
    /// Its namespaces, unless there are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nsps: Option<Vec<String>>,
}

/// Who is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Census {
    /// How many servers have the namespace, this one included. `None`: it could not be asked.
    pub count: Option<u64>,
    /// How many had it before the connection was lost, while not all of them can be back.
    pub before: Option<u64>,
    /// Of these, those that are connected and silent: frozen.
    pub silent: Vec<Member>,
    /// Those that were there and have no connection any more, told once.
    pub gone: Vec<Member>,
}

/// The most bytes that wait for the event loop.
const MOST: usize = 64 * 1024 * 1024;

/// Events on their way. One signal for all between two calls of [`Events::take`].
pub(crate) struct Events {
    list: Mutex<(Vec<Event>, usize)>,
    signalled: AtomicBool,
    signal: Box<dyn Fn() + Send + Sync>,
}

impl Events {
    pub(crate) fn new(signal: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { list: Mutex::default(), signalled: AtomicBool::new(false), signal }
    }

    /// False when too much waits: the event is dropped.
    pub(crate) fn push(&self, event: Event) -> bool {
        let size = match &event {
            Event::Broadcast(_, bytes, _)
            | Event::Whole(_, bytes)
            | Event::Request(_, bytes)
            | Event::Response(_, bytes) => bytes.len() + 64,
            _ => 0,
        };
        {
            let (list, bytes) = &mut *self.list.lock();
            if size > 0 && *bytes + size > MOST {
                return false;
            }
            *bytes += size;
            list.push(event);
        }
        if !self.signalled.swap(true, Ordering::AcqRel) {
            (self.signal)();
        }
        true
    }

    pub(crate) fn take(&self) -> Vec<Event> {
        self.signalled.store(false, Ordering::Release);
        std::mem::take(&mut *self.list.lock()).0
    }
}
