//! What waits to be published, within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

/// How a message leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `PUBLISH` on this channel.
    Channel(String),
    /// `SPUBLISH` on this channel.
    Shard(String),
    /// `XADD` to a stream, the payload as `data` unless it is empty.
    Stream {
        /// Which one, and who writes.
        origin: Arc<Origin>,
        /// What it is: the field `type`.
        kind: u64,
        /// What it is recognised by when it is read: each one's is greater than that of the one before.
        number: u64,
    },
}

/// What the entries of a namespace have in common. Shared: each is kept until it is confirmed.
#[derive(Debug, PartialEq, Eq)]
pub struct Origin {
    /// The stream's key.
    pub name: String,
    /// About so many entries are kept in it.
    pub most: u64,
    /// Who writes.
    pub uid: String,
    /// The namespace.
    pub nsp: String,
}

impl Route {
    /// The channel, or the stream.
    pub fn name(&self) -> &str {
        match self {
            Self::Channel(name) | Self::Shard(name) => name,
            Self::Stream { origin, .. } => &origin.name,
        }
    }
}

/// The names of an entry's fields, and their short values, in bytes.
const FIELDS: usize = 20;

/// A message, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub route: Route,
    /// What.
    pub payload: Bytes,
}

impl Outgoing {
    /// Of an entry of a stream.
    pub(crate) fn number(&self) -> Option<u64> {
        match self.route {
            Route::Stream { number, .. } => Some(number),
            _ => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        let route = match &self.route {
            Route::Channel(name) | Route::Shard(name) => name.len(),
            Route::Stream { origin, .. } => origin.name.len() + origin.uid.len() + origin.nsp.len() + FIELDS,
        };
        route + self.payload.len()
    }
}

/// A first-in-first-out list. When it is full, the oldest go.
#[derive(Debug)]
pub struct Outbox {
    list: VecDeque<Outgoing>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

impl Outbox {
    /// At most so many messages and bytes.
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self { list: VecDeque::new(), bytes: 0, most, most_bytes }
    }

    /// Adds a message; returns how many had to go.
    pub fn push(&mut self, message: Outgoing) -> usize {
        self.bytes += message.len();
        self.list.push_back(message);
        let mut gone = 0;
        while self.list.len() > self.most || self.bytes > self.most_bytes {
            let Some(oldest) = self.list.pop_front() else { break };
            self.bytes -= oldest.len();
            gone += 1;
        }
        gone
    }

    /// Puts messages back that were taken and have not arrived.
    pub(crate) fn put_back(&mut self, messages: impl DoubleEndedIterator<Item = Outgoing>) {
        for message in messages.rev() {
            self.bytes += message.len();
            self.list.push_front(message);
        }
    }

    /// Takes the oldest ones.
    pub fn take(&mut self, most: usize) -> Vec<Outgoing> {
        let taken: Vec<_> = self.list.drain(..most.min(self.list.len())).collect();
        self.bytes -= taken.iter().map(Outgoing::len).sum::<usize>();
        taken
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The size of all, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
