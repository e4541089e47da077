//! What the lock of a namespace protects.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use crate::room_list::RoomList;
use crate::{ConnectionId, Left, Members, RoomId, RoomKey};

/// Rooms by number, and the sockets. A room has a socket exactly when the socket has the room.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) rooms: Vec<Option<Room>>,
    /// Numbers of removed rooms, where the namespace numbers them.
    pub(crate) free: Vec<RoomId>,
    /// The rooms of each socket. A socket may be in none.
    pub(crate) sockets: HashMap<ConnectionId, RoomList, FxBuildHasher>,
    pub(crate) everyone: Members,
    pub(crate) compat: Members,
    pub(crate) count: usize,
}

/// A million rooms are a million of these.
#[derive(Debug)]
pub(crate) struct Room {
    key: RoomKey,
    members: Members,
}

const _: () = assert!(size_of::<Option<Room>>() == 32, "the name's two words and the members' two");

impl State {
    /// Makes a room of the next number.
    pub(crate) fn put(&mut self, key: RoomKey) -> RoomId {
        // 2^32 rooms do not fit in memory.
        let room = self.free.pop().unwrap_or_else(|| RoomId::try_from(self.rooms.len()).unwrap_or(RoomId::MAX));
        self.place(room, key);
        room
    }

    /// Makes a room of that number; false when there is one.
    pub(crate) fn place(&mut self, room: RoomId, key: RoomKey) -> bool {
        let index = room as usize;
        if index >= self.rooms.len() {
            self.rooms.resize_with(index + 1, || None);
        }
        let Some(place @ None) = self.rooms.get_mut(index) else { return false };
        *place = Some(Room { key, members: Members::Empty });
        self.count += 1;
        true
    }

    pub(crate) fn remove_if_empty(&mut self, room: RoomId) -> Option<RoomKey> {
        let removed = self.rooms.get_mut(room as usize)?.take_if(|room| room.members.is_empty())?;
        self.count -= 1;
        if self.count == 0 {
            self.rooms = Vec::new();
            self.free = Vec::new();
        }
        Some(removed.key)
    }

    pub(crate) fn enter(&mut self, connection: ConnectionId, compat: bool) {
        self.sockets.entry(connection).or_default();
        self.everyone.insert(connection);
        if compat {
            self.compat.insert(connection);
        }
    }

    pub(crate) fn exit(&mut self, connection: ConnectionId, mut left: impl FnMut(RoomId, Left)) {
        let Some(list) = self.sockets.remove(&connection) else { return };
        self.everyone.remove(connection);
        self.compat.remove(connection);
        if self.sockets.is_empty() {
            self.sockets.shrink_to_fit();
        }
        for room in list.iter() {
            left(room, self.take_out(connection, room));
        }
    }

    pub(crate) fn join(&mut self, connection: ConnectionId, room: RoomId) -> bool {
        let Some(Some(room_state)) = self.rooms.get_mut(room as usize) else { return false };
        let Some(list) = self.sockets.get_mut(&connection) else { return false };
        let joined = room_state.members.insert(connection);
        if joined {
            list.push(room);
        }
        joined
    }

    pub(crate) fn leave(&mut self, connection: ConnectionId, room: RoomId) -> Left {
        let left = self.take_out(connection, room);
        if left != Left::NotMember
            && let Some(list) = self.sockets.get_mut(&connection)
        {
            list.remove(room);
        }
        left
    }

    pub(crate) fn set_compat(&mut self, connection: ConnectionId, compat: bool) {
        if !compat {
            self.compat.remove(connection);
        } else if self.sockets.contains_key(&connection) {
            self.compat.insert(connection);
        }
    }

    pub(crate) fn rebind(&mut self, from: ConnectionId, to: ConnectionId, compat: bool) {
        if self.sockets.contains_key(&to) {
            return;
        }
        let Some(list) = self.sockets.remove(&from) else { return };
        for room in list.iter() {
            if let Some(Some(room)) = self.rooms.get_mut(room as usize) {
                room.members.replace(from, to);
            }
        }
        self.everyone.replace(from, to);
        self.compat.remove(from);
        if compat {
            self.compat.insert(to);
        }
        self.sockets.insert(to, list);
    }

    pub(crate) fn members(&self, room: RoomId) -> Members {
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
