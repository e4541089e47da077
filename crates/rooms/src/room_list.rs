//! The rooms of one socket, in the order of joining.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::RoomId;

/// A list is scanned up to here, and has an index of positions above (a socket may be in 100,000 rooms).
const SCANNED: usize = 256;

/// The place of a room that was left, in an indexed list.
const GONE: RoomId = RoomId::MAX;

/// The rooms of one socket.
#[derive(Debug, Default)]
pub(crate) struct RoomList {
    order: SmallVec<[RoomId; 4]>,
    indexed: Option<Box<Positions>>,
}

#[derive(Debug, Default)]
struct Positions {
    of: HashMap<RoomId, u32, FxBuildHasher>,
}

impl RoomList {
    pub(crate) fn len(&self) -> usize {
        self.indexed.as_ref().map_or(self.order.len(), |positions| positions.of.len())
    }

    pub(crate) fn contains(&self, room: RoomId) -> bool {
        match &self.indexed {
            Some(positions) => positions.of.contains_key(&room),
            None => self.order.contains(&room),
        }
    }

    /// Adds a room that is not there.
    pub(crate) fn push(&mut self, room: RoomId) {
        self.order.push(room);
        if let Some(positions) = &mut self.indexed {
            positions.of.insert(room, position(self.order.len() - 1));
        } else if self.order.len() > SCANNED {
            self.reindex();
        }
    }

    /// Takes a room out; nothing happens when it is not there.
    pub(crate) fn remove(&mut self, room: RoomId) {
        let Some(positions) = &mut self.indexed else {
            self.order.retain(|other| *other != room);
            return;
        };
        let Some(at) = positions.of.remove(&room) else { return };
        if let Some(place) = self.order.get_mut(at as usize) {
            *place = GONE;
        }
        if positions.of.len() < self.order.len() / 2 {
            self.order.retain(|other| *other != GONE);
            self.order.shrink_to_fit();
            self.reindex();
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.order.iter().copied().filter(|room| *room != GONE)
    }

    fn reindex(&mut self) {
        self.indexed = (self.order.len() > SCANNED).then(|| {
            let of = self.order.iter().enumerate().map(|(at, room)| (*room, position(at))).collect();
            Box::new(Positions { of })
        });
    }
}

/// A list never has 2^32 places: each is a distinct room, or one of as many that were left.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
