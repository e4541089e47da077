//! A set of connections that is cheap to keep and free to share.
//!
//! Most rooms hold one socket (each socket is in the room of its own id), a few hold everybody: up to three indexes are kept
//! inline, some in an array in the order of joining, many in a compressed bitmap. Cloning counts a reference; a change copies the set
//! only while a clone of it is alive.

use std::slice;
use std::sync::Arc;

use roaring::RoaringBitmap;
use smallvec::SmallVec;

use crate::ConnectionId;

/// An array up to here, a bitmap above. A scan of this many indexes costs less than a look-up in a bitmap.
const FEW: usize = 64;

/// A bitmap goes back to an array below this, so that a room around the limit does not change its form at each step.
const FEW_AGAIN: usize = 32;

/// So many are kept without an allocation: what fits beside the form.
const INLINE: usize = 3;

type Few = SmallVec<[ConnectionId; 6]>;

/// A set of connections.
#[derive(Clone, Debug, Default)]
pub enum Members {
    /// Nobody.
    #[default]
    Empty,
    /// One, inline.
    One(ConnectionId),
    /// Two, inline, in the order of joining.
    Two([ConnectionId; 2]),
    /// Three, inline, in the order of joining.
    Three([ConnectionId; 3]),
    /// Some, in the order of joining.
    Few(Arc<Few>),
    /// Many, in the order of their indexes.
    Many(Arc<RoaringBitmap>),
}

const _: () = assert!(size_of::<Members>() == 16, "three indexes and the form");

impl Members {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Many(many) => usize::try_from(many.len()).unwrap_or(usize::MAX),
            few => few.as_slice().len(),
        }
    }

    /// All of them, but for the form of many.
    fn as_slice(&self) -> &[ConnectionId] {
        match self {
            Self::Empty | Self::Many(_) => &[],
            Self::One(one) => slice::from_ref(one),
            Self::Two(two) => two,
            Self::Three(three) => three,
            Self::Few(few) => few,
        }
    }

    /// The smallest form of some.
    fn from_slice(members: &[ConnectionId]) -> Self {
        match *members {
            [] => Self::Empty,
            [one] => Self::One(one),
            [first, second] => Self::Two([first, second]),
            [first, second, third] => Self::Three([first, second, third]),
            _ => Self::Few(Arc::new(SmallVec::from_slice(members))),
        }
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether `connection` is one of them.
    pub fn contains(&self, connection: ConnectionId) -> bool {
        match self {
            Self::Many(many) => many.contains(connection),
            few => few.as_slice().contains(&connection),
        }
    }

    /// Adds a connection; false when it was there.
    pub fn insert(&mut self, connection: ConnectionId) -> bool {
        if let Self::Many(many) = self {
            // Before it is copied for a snapshot's sake.
            return !many.contains(connection) && Arc::make_mut(many).insert(connection);
        }
        if self.contains(connection) {
            return false;
        }
        match self {
            Self::Empty => *self = Self::One(connection),
            Self::One(one) => *self = Self::Two([*one, connection]),
            Self::Two([first, second]) => *self = Self::Three([*first, *second, connection]),
            Self::Three([first, second, third]) => *self = Self::from_slice(&[*first, *second, *third, connection]),
            Self::Few(few) if few.len() < FEW => Arc::make_mut(few).push(connection),
            Self::Few(few) => {
                let mut many: RoaringBitmap = few.iter().copied().collect();
                many.insert(connection);
                *self = Self::Many(Arc::new(many));
            }
            Self::Many(_) => {}
        }
        true
    }

    /// Takes a connection out; false when it was not there.
    pub fn remove(&mut self, connection: ConnectionId) -> bool {
        if !self.contains(connection) {
            return false;
        }
        match self {
            Self::Empty | Self::One(_) => *self = Self::Empty,
            Self::Two([one, other]) => *self = Self::One(if *one == connection { *other } else { *one }),
            Self::Three(three) => {
                let mut rest = SmallVec::<[ConnectionId; 3]>::from(*three);
                rest.retain(|member| *member != connection);
                *self = Self::from_slice(&rest);
            }
            Self::Few(few) => {
                Arc::make_mut(few).retain(|member| *member != connection);
                if few.len() <= INLINE {
                    *self = Self::from_slice(few);
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
        if matches!(self, Self::Many(_)) || self.contains(to) {
            self.remove(from);
            self.insert(to);
            return;
        }
        let members: &mut [ConnectionId] = match self {
            Self::Empty | Self::Many(_) => &mut [],
            Self::One(one) => slice::from_mut(one),
            Self::Two(two) => two,
            Self::Three(three) => three,
            Self::Few(few) => Arc::make_mut(few).as_mut_slice(),
        };
        members.iter_mut().filter(|member| **member == from).for_each(|member| *member = to);
    }

    /// Calls `visit` with each.
    pub fn for_each(&self, mut visit: impl FnMut(ConnectionId)) {
        match self {
            Self::Many(many) => many.iter().for_each(&mut visit),
            few => few.as_slice().iter().copied().for_each(&mut visit),
        }
    }

    /// All of them.
    pub fn to_vec(&self) -> Vec<ConnectionId> {
        let mut all = Vec::with_capacity(self.len());
        self.for_each(|connection| all.push(connection));
        all
    }
}
