//! Many changes of a namespace under one lock.
//!
//! A change by itself takes less time than what calls for it from JavaScript, so `lib/membership.js` collects them. The
//! caller numbers the rooms here, so that it needs no answer to go on.

use std::collections::HashSet;

use rustc_hash::FxBuildHasher;

use crate::state::State;
use crate::{ConnectionId, Left, Namespace, RoomChange, RoomId, RoomKey};

/// One step of [`Namespace::apply`]. What cannot be done, does nothing.
#[derive(Clone, Debug)]
pub enum Change {
    /// As [`Namespace::enter`].
    Enter(ConnectionId, bool),
    /// As [`Namespace::exit`], and removes the rooms that are empty then.
    Exit(ConnectionId),
    /// Makes a room of that number, which no room has. A name that another room has is not found by name.
    Create(RoomId, RoomKey),
    /// As [`Namespace::join`].
    Join(ConnectionId, RoomId),
    /// As [`Namespace::leave`], and removes the room if it is empty then.
    Leave(ConnectionId, RoomId),
    /// Removes a room that is empty.
    Remove(RoomId),
    /// As [`Namespace::set_compat`].
    Compat(ConnectionId, bool),
    /// As [`Namespace::rebind`].
    Rebind(ConnectionId, ConnectionId, bool),
}

/// What [`Namespace::apply`] did, besides what was asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Rooms that ended and began anew, in the order of that: to the stock adapter they are new rooms behind the others. From
    /// the first of them, also those that were made.
    pub begun: Vec<RoomId>,
    /// Rooms that are removed. Their numbers are free.
    pub removed: Vec<RoomId>,
}

/// Rooms that are to be removed unless somebody joins before all changes are made.
#[derive(Default)]
struct Ended {
    now: HashSet<RoomId, FxBuildHasher>,
    /// Also those that began anew. Rooms made together are together in memory: they are removed in the order of their end.
    order: Vec<RoomId>,
}

impl Ended {
    fn insert(&mut self, room: RoomId) {
        if self.now.insert(room) {
            self.order.push(room);
        }
    }

    fn begins_anew(&mut self, room: RoomId) -> bool {
        !self.now.is_empty() && self.now.remove(&room)
    }
}

impl Namespace {
    /// Makes `changes`, one after the other. Other threads see all or none.
    pub fn apply(&self, changes: impl IntoIterator<Item = Change>) -> Applied {
        let mut seen = self.watch.is_set().then(Vec::new);
        let applied = self.apply_all(changes, &mut seen);
        self.watch.tell(seen.unwrap_or_default());
        applied
    }

    /// `seen`: what a watcher is told.
    fn apply_all(&self, changes: impl IntoIterator<Item = Change>, seen: &mut Option<Vec<RoomChange>>) -> Applied {
        let state = &mut *self.state.write();
        let mut applied = Applied::default();
        let mut ended = Ended::default();
        for change in changes {
            match change {
                Change::Create(room, key) => {
                    if self.place(state, room, key, seen) && !applied.begun.is_empty() {
                        applied.begun.push(room);
                    }
                }
                Change::Join(connection, room) => {
                    if state.join(connection, room) && ended.begins_anew(room) {
                        applied.begun.push(room);
                    }
                }
                Change::Leave(connection, room) => {
                    if state.leave(connection, room) == Left::LeftEmpty {
                        ended.insert(room);
                    }
                }
                Change::Exit(connection) => {
                    state.exit(connection, |room, left| {
                        if left == Left::LeftEmpty {
                            ended.insert(room);
                        }
                    });
                }
                Change::Remove(room) => {
                    ended.insert(room);
                }
                Change::Enter(connection, compat) => state.enter(connection, compat),
                Change::Compat(connection, compat) => state.set_compat(connection, compat),
                Change::Rebind(from, to, compat) => state.rebind(from, to, compat),
            }
        }
        for room in ended.order {
            if let Some(key) = state.remove_if_empty(room) {
                let named = self.by_key.remove_if(&key, |_, named| *named == room);
                if let (Some(seen), Some((key, _))) = (seen.as_mut(), named) {
                    seen.push(RoomChange::Gone(key));
                }
                applied.removed.push(room);
            }
        }
        applied
    }

    fn place(&self, state: &mut State, room: RoomId, key: RoomKey, seen: &mut Option<Vec<RoomChange>>) -> bool {
        if !state.place(room, key.clone()) {
            return false;
        }
        if key != RoomKey::OPAQUE {
            if let (Some(seen), false) = (seen, self.by_key.contains_key(&key)) {
                seen.push(RoomChange::Made(key.clone()));
            }
            self.by_key.entry(key).or_insert(room);
        }
        true
    }
}
