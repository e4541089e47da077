//! One namespace: its rooms, and the rooms of each of its sockets.

use std::collections::HashMap;

use dashmap::DashMap;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

use crate::room_list::RoomList;
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
    state: RwLock<State>,
    /// Finds a room by name without the state's lock: a message from another server for a room that is not here costs one
    /// look-up.
    by_key: DashMap<RoomKey, RoomId>,
}

#[derive(Debug, Default)]
struct State {
    rooms: Vec<Option<Room>>,
    free: Vec<RoomId>,
    /// The rooms of each socket. A socket may be in none.
    sockets: HashMap<ConnectionId, RoomList, FxBuildHasher>,
    everyone: Members,
    compat: Members,
}

#[derive(Debug)]
struct Room {
    key: RoomKey,
    members: Members,
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
        let room = Room { key: key.clone(), members: Members::Empty };
        let id = state.put(room);
        if key != RoomKey::Opaque {
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
        let Some(place) = state.rooms.get_mut(room as usize) else { return false };
        let Some(removed) = place.take_if(|room| room.members.is_empty()) else { return false };
        state.free.push(room);
        self.by_key.remove(&removed.key);
        true
    }

    /// A socket appears. `compat`: the caller writes to it. Nothing happens to one that is here already.
    pub fn enter(&self, connection: ConnectionId, compat: bool) {
        let mut state = self.state.write();
        state.sockets.entry(connection).or_default();
        state.everyone.insert(connection);
        if compat {
            state.compat.insert(connection);
        }
    }

    /// A socket goes, and leaves each room; returns those rooms with what leaving did, in the order of joining.
    pub fn exit(&self, connection: ConnectionId) -> Vec<(RoomId, Left)> {
        let mut state = self.state.write();
        state.everyone.remove(connection);
        state.compat.remove(connection);
        let list = state.sockets.remove(&connection).unwrap_or_default();
        if state.sockets.is_empty() {
            state.sockets.shrink_to_fit();
        }
        list.iter().map(|room| (room, state.take_out(connection, room))).collect()
    }

    /// A socket joins a room. False when it was there, or the room or socket is unknown.
    pub fn join(&self, connection: ConnectionId, room: RoomId) -> bool {
        let state = &mut *self.state.write();
        let Some(Some(room_state)) = state.rooms.get_mut(room as usize) else { return false };
        let Some(list) = state.sockets.get_mut(&connection) else { return false };
        let joined = room_state.members.insert(connection);
        if joined {
            list.push(room);
        }
        joined
    }

    /// A socket leaves a room.
    pub fn leave(&self, connection: ConnectionId, room: RoomId) -> Left {
        let mut state = self.state.write();
        let left = state.take_out(connection, room);
        if left != Left::NotMember
            && let Some(list) = state.sockets.get_mut(&connection)
        {
            list.remove(room);
        }
        left
    }

    /// Chooses who writes to a socket: the caller (`true`) or the engine.
    pub fn set_compat(&self, connection: ConnectionId, compat: bool) {
        let mut state = self.state.write();
        if !compat {
            state.compat.remove(connection);
        } else if state.sockets.contains_key(&connection) {
            state.compat.insert(connection);
        }
    }

    /// Gives the socket `from` the index `to`, which has no socket here yet. Its rooms, and its place in them, stay.
    pub fn rebind(&self, from: ConnectionId, to: ConnectionId, compat: bool) {
        let state = &mut *self.state.write();
        if state.sockets.contains_key(&to) {
            return;
        }
        let Some(list) = state.sockets.remove(&from) else { return };
        for room in list.iter() {
            if let Some(Some(room)) = state.rooms.get_mut(room as usize) {
                room.members.replace(from, to);
            }
        }
        state.everyone.replace(from, to);
        state.compat.remove(from);
        if compat {
            state.compat.insert(to);
        }
        state.sockets.insert(to, list);
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
        let state = self.state.read();
        state.rooms.len() - state.free.len()
    }

    /// How many sockets there are.
    pub fn socket_count(&self) -> usize {
        self.state.read().sockets.len()
    }
}

impl State {
    fn put(&mut self, room: Room) -> RoomId {
        if let Some(id) = self.free.pop()
            && let Some(place) = self.rooms.get_mut(id as usize)
        {
            *place = Some(room);
            return id;
        }
        self.rooms.push(Some(room));
        // 2^32 rooms do not fit in memory.
        RoomId::try_from(self.rooms.len() - 1).unwrap_or(RoomId::MAX)
    }

    fn members(&self, room: RoomId) -> Members {
        self.rooms.get(room as usize).and_then(Option::as_ref).map(|room| room.members.clone()).unwrap_or_default()
    }

    fn take_out(&mut self, connection: ConnectionId, room: RoomId) -> Left {
        let Some(Some(room)) = self.rooms.get_mut(room as usize) else { return Left::NotMember };
        match room.members.remove(connection) {
            false => Left::NotMember,
            true if room.members.is_empty() => Left::LeftEmpty,
            true => Left::Left,
        }
    }
}
