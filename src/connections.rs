//! The indexes of connections: handed out, and taken back for reuse.

use socketio_rooms::ConnectionId;

/// Small numbers for connections.
#[derive(Debug, Default)]
pub struct Indexes {
    next: ConnectionId,
    free: Vec<ConnectionId>,
}

impl Indexes {
    /// An index that nobody has.
    pub fn take(&mut self) -> ConnectionId {
        self.free.pop().unwrap_or_else(|| {
            let index = self.next;
            self.next += 1;
            index
        })
    }

    /// Takes an index back. The caller knows that nobody uses it.
    pub fn give_back(&mut self, index: ConnectionId) {
        self.free.push(index);
        if self.free.len() == self.next as usize {
            *self = Self::default();
        }
    }
}
