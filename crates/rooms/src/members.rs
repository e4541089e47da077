//! A set of connections that is cheap to keep and free to share.
//!
//! Most rooms hold one socket (each socket is in the room of its own id), a few hold everybody: one index is kept inline, some
//! in an array in the order of joining, many in a compressed bitmap. Cloning counts a reference; a change copies the set
//! only while a clone of it is alive.

use std::sync::Arc;

use roaring::RoaringBitmap;
use smallvec::SmallVec;

use crate::ConnectionId;

/// An array up to here, a bitmap above. A scan of this many indexes costs less than a look-up in a bitmap.
const FEW: usize = 64;

/// A bitmap goes back to an array below this, so that a room around the limit does not change its form at each step.
const FEW_AGAIN: usize = 32;

type Few = SmallVec<[ConnectionId; 6]>;

/// A set of connections.
#[derive(Clone, Debug, Default)]
pub enum Members {
    /// Nobody.
    #[default]
    Empty,
    /// One, inline.
    One(ConnectionId),
    /// Some, in the order of joining.
    Few(Arc<Few>),
    /// Many, in the order of their indexes.
    Many(Arc<RoaringBitmap>),
}

impl Members {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Few(few) => few.len(),
            Self::Many(many) => usize::try_from(many.len()).unwrap_or(usize::MAX),
        }
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether `connection` is one of them.
    pub fn contains(&self, connection: ConnectionId) -> bool {
        match self {
            Self::Empty => false,
            Self::One(one) => *one == connection,
            Self::Few(few) => few.contains(&connection),
            Self::Many(many) => many.contains(connection),
        }
    }

    /// Adds a connection; false when it was there.
    pub fn insert(&mut self, connection: ConnectionId) -> bool {
        if self.contains(connection) {
            return false;
        }
        match self {
            Self::Empty => *self = Self::One(connection),
            Self::One(one) => *self = Self::Few(Arc::new(SmallVec::from_slice(&[*one, connection]))),
            Self::Few(few) if few.len() < FEW => Arc::make_mut(few).push(connection),
            Self::Few(few) => {
                let mut many: RoaringBitmap = few.iter().copied().collect();
                many.insert(connection);
                *self = Self::Many(Arc::new(many));
            }
            Self::Many(many) => {
                Arc::make_mut(many).insert(connection);
            }
        }
        true
    }

    /// Takes a connection out; false when it was not there.
    pub fn remove(&mut self, connection: ConnectionId) -> bool {
        if !self.contains(connection) {
            return false;
        }
        match self {
            Self::Empty => {}
            Self::One(_) => *self = Self::Empty,
            Self::Few(few) => {
                Arc::make_mut(few).retain(|member| *member != connection);
                if let [one] = few.as_slice() {
                    *self = Self::One(*one);
                }
            }
            Self::Many(many) => {
                Arc::make_mut(many).remove(connection);
                if self.len() < FEW_AGAIN {
                    *self = Self::Few(Arc::new(self.to_vec().into()));
                }
            }
        }
        true
    }

    /// Puts `to` in the place of `from`, which must be there.
    pub fn replace(&mut self, from: ConnectionId, to: ConnectionId) {
        match self {
            Self::One(one) if *one == from => *one = to,
            Self::Few(few) if !few.contains(&to) => {
                Arc::make_mut(few).iter_mut().filter(|member| **member == from).for_each(|member| *member = to);
            }
            _ => {
                self.remove(from);
                self.insert(to);
            }
        }
    }

    /// Calls `visit` with each.
    pub fn for_each(&self, mut visit: impl FnMut(ConnectionId)) {
        match self {
            Self::Empty => {}
            Self::One(one) => visit(*one),
            Self::Few(few) => few.iter().copied().for_each(visit),
            Self::Many(many) => many.iter().for_each(visit),
        }
    }

    /// All of them.
    pub fn to_vec(&self) -> Vec<ConnectionId> {
        let mut all = Vec::with_capacity(self.len());
        self.for_each(|connection| all.push(connection));
        all
    }
}
