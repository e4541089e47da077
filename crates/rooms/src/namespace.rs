//! One namespace: its rooms, and the rooms of each of its sockets.
//!
//! Either the namespace numbers its rooms ([`Namespace::create_room`], [`Namespace::remove_if_empty`]), or the caller does
//! ([`Namespace::apply`]).

use dashmap::DashMap;
use parking_lot::RwLock;

use crate::room_list::RoomList;
use crate::state::State;
use crate::watch::Watch;
use crate::{ConnectionId, Members, RoomId, RoomKey, Target};

/// What [`Namespace::leave`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The socket was not in the room.
    NotMember,
    /// It left.
    Left,
    /// It left, and was the last. The room stays until [`Namespace::remove_if_empty`].
    LeftEmpty,
}

/// A namespace's rooms and memberships.
#[derive(Debug, Default)]
pub struct Namespace {
    pub(crate) state: RwLock<State>,
    /// Finds a room by name without the state's lock: a message from another server for a room that is not here costs one
    /// look-up.
    pub(crate) by_key: DashMap<RoomKey, RoomId>,
    pub(crate) watch: Watch,
}

impl Namespace {
    /// An empty namespace.
    pub fn new() -> Self {
        Self::default()
    }

    /// The room of that name, made if needed. An opaque key makes a room each time.
    pub fn create_room(&self, key: RoomKey) -> RoomId {
        let mut state = self.state.write();
        if let Some(room) = self.find_room(&key) {
            return room;
        }
        let id = state.put(key.clone());
        if key != RoomKey::OPAQUE {
            self.by_key.insert(key, id);
        }
        id
    }

    /// The room of that name. Takes no lock that a change of memberships holds.
    pub fn find_room(&self, key: &RoomKey) -> Option<RoomId> {
        self.by_key.get(key).map(|entry| *entry.value())
    }

    /// Removes a room that has no member; false when it has one, or is gone.
    pub fn remove_if_empty(&self, room: RoomId) -> bool {
        let mut state = self.state.write();
        let Some(key) = state.remove_if_empty(room) else { return false };
        if state.count > 0 {
            state.free.push(room);
        }
        self.by_key.remove(&key);
        true
    }

    /// A socket appears. `compat`: the caller writes to it. Nothing happens to one that is here already.
    pub fn enter(&self, connection: ConnectionId, compat: bool) {
        self.state.write().enter(connection, compat);
    }

    /// A socket goes, and leaves each room; returns those rooms with what leaving did, in the order of joining.
    pub fn exit(&self, connection: ConnectionId) -> Vec<(RoomId, Left)> {
        let mut all = Vec::new();
        self.state.write().exit(connection, |room, left| all.push((room, left)));
        all
    }

    /// A socket joins a room. False when it was there, or the room or socket is unknown.
    pub fn join(&self, connection: ConnectionId, room: RoomId) -> bool {
        self.state.write().join(connection, room)
    }

    /// A socket leaves a room.
    pub fn leave(&self, connection: ConnectionId, room: RoomId) -> Left {
        self.state.write().leave(connection, room)
    }

    /// Chooses who writes to a socket: the caller (`true`) or the engine.
    pub fn set_compat(&self, connection: ConnectionId, compat: bool) {
        self.state.write().set_compat(connection, compat);
    }

    /// Gives the socket `from` the index `to`, which has no socket here yet. Its rooms, and its place in them, stay.
    pub fn rebind(&self, from: ConnectionId, to: ConnectionId, compat: bool) {
        self.state.write().rebind(from, to, compat);
    }

    /// Snapshot of who is in any of `rooms` (everybody when there is none) and in none of `except`. Unknown rooms are empty.
    pub fn target(&self, rooms: &[RoomId], except: &[RoomId]) -> Target {
        let state = self.state.read();
        Target {
            include: rooms.iter().map(|room| state.members(*room)).collect(),
            except: except.iter().map(|room| state.members(*room)).filter(|room| !room.is_empty()).collect(),
            compat: state.compat.clone(),
        }
    }

    /// Snapshot of everybody but who is in one of `except`.
    pub fn target_all(&self, except: &[RoomId]) -> Target {
        let mut target = self.target(&[], except);
        target.include.push(self.state.read().everyone.clone());
        target
    }

    /// The members of a room: in the order of joining up to 64, by index above. Empty when it is unknown.
    pub fn members(&self, room: RoomId) -> Members {
        self.state.read().members(room)
    }

    /// The rooms of a socket, in the order of joining.
    pub fn rooms_of(&self, connection: ConnectionId) -> Vec<RoomId> {
        self.state.read().sockets.get(&connection).map(|list| list.iter().collect()).unwrap_or_default()
    }

    /// How many rooms a socket is in.
    pub fn room_count_of(&self, connection: ConnectionId) -> usize {
        self.state.read().sockets.get(&connection).map_or(0, RoomList::len)
    }

    /// Whether a socket is in a room.
    pub fn is_member(&self, connection: ConnectionId, room: RoomId) -> bool {
        self.state.read().sockets.get(&connection).is_some_and(|list| list.contains(room))
    }

    /// How many rooms there are.
    pub fn room_count(&self) -> usize {
        self.state.read().count
    }

    /// How many sockets there are.
    pub fn socket_count(&self) -> usize {
        self.state.read().sockets.len()
    }
}
