//! Who a broadcast is for, as it was when the broadcast was called.

use roaring::RoaringBitmap;
use smallvec::SmallVec;

use crate::{ConnectionId, Members};

/// A snapshot: the union of some rooms minus the union of others. Taken in O(rooms named), whatever their size; unions and
/// exceptions are evaluated where it is used, off the event loop.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub(crate) include: SmallVec<[Members; 1]>,
    pub(crate) except: SmallVec<[Members; 1]>,
    /// Those whose packets the caller writes itself.
    pub(crate) compat: Members,
}

impl Target {
    /// The only connection that can be meant, when the target is one room with one member that the engine writes to. The
    /// most common call of real apps, `io.to(socketId)`, is this.
    pub fn single(&self) -> Option<ConnectionId> {
        match self.include.as_slice() {
            [Members::One(one)] if !self.is_excepted(*one) && !self.compat.contains(*one) => Some(*one),
            _ => None,
        }
    }

    /// The most recipients that there can be: who is in several of the rooms counts several times.
    pub fn most(&self) -> usize {
        self.include.iter().map(Members::len).sum()
    }

    /// Whether certainly nobody is meant.
    pub fn is_empty(&self) -> bool {
        self.include.iter().all(Members::is_empty)
    }

    /// Calls `visit` with each connection that the engine writes to. One that is in several of the rooms is visited
    /// several times: the caller marks those that it has seen, which costs less than making the union first.
    pub fn visit_native(&self, mut visit: impl FnMut(ConnectionId)) {
        for room in &self.include {
            room.for_each(|connection| {
                if !self.is_excepted(connection) && !self.compat.contains(connection) {
                    visit(connection);
                }
            });
        }
    }

    /// The recipients that the caller writes to, each once. O(1) when there is no compat connection at all.
    pub fn compat_recipients(&self) -> Vec<ConnectionId> {
        if self.compat.is_empty() {
            return Vec::new();
        }
        self.collect(|connection| self.compat.contains(connection))
    }

    /// All recipients, each once: in the order of the rooms named, and within a room in its order.
    pub fn recipients(&self) -> Vec<ConnectionId> {
        self.collect(|_| true)
    }

    /// Whether a connection is meant, whoever writes to it.
    pub fn contains(&self, connection: ConnectionId) -> bool {
        self.include.iter().any(|room| room.contains(connection)) && !self.is_excepted(connection)
    }

    fn collect(&self, wanted: impl Fn(ConnectionId) -> bool) -> Vec<ConnectionId> {
        let mut seen = RoaringBitmap::new();
        let several = self.include.len() > 1;
        let mut found = Vec::new();
        for room in &self.include {
            room.for_each(|connection| {
                if wanted(connection) && !self.is_excepted(connection) && (!several || seen.insert(connection)) {
                    found.push(connection);
                }
            });
        }
        found
    }

    fn is_excepted(&self, connection: ConnectionId) -> bool {
        self.except.iter().any(|room| room.contains(connection))
    }
}
