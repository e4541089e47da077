//! What waits to be published, within bounds.

use std::collections::VecDeque;

use bytes::Bytes;

/// A message for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub channel: String,
    /// What.
    pub payload: Bytes,
}

impl Outgoing {
    pub(crate) fn len(&self) -> usize {
        self.channel.len() + self.payload.len()
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
