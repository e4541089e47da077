//! Namespaces and rooms, for `lib/`.

use std::sync::Arc;

use napi::bindgen_prelude::{Result, Uint32Array};
use napi_derive::napi;
use socketio_rooms::{Left, Namespace, Target};

use crate::engine::NativeEngine;

/// The rooms that a call names: the first `rooms` of `ids` are meant (all sockets if none), the next `except` are excepted.
pub fn target(namespace: &Namespace, ids: &[u32], rooms: u32, except: u32) -> Target {
    let (include, rest) = ids.split_at_checked(rooms as usize).unwrap_or((ids, &[]));
    let without = rest.get(..except as usize).unwrap_or(rest);
    if include.is_empty() { namespace.target_all(without) } else { namespace.target(include, without) }
}

fn code(left: Left) -> u32 {
    match left {
        Left::NotMember => 0,
        Left::Left => 1,
        Left::LeftEmpty => 2,
    }
}

#[napi]
impl NativeEngine {
    /// Opens a namespace; returns its number.
    #[napi(catch_unwind)]
    pub fn open_namespace(&self) -> u32 {
        let mut namespaces = self.namespaces.borrow_mut();
        let place = namespaces.iter().position(Option::is_none).unwrap_or_else(|| {
            namespaces.push(None);
            namespaces.len() - 1
        });
        if let Some(slot) = namespaces.get_mut(place) {
            *slot = Some(Arc::new(Namespace::new()));
        }
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// Closes a namespace with its rooms.
    #[napi(catch_unwind)]
    pub fn close_namespace(&self, namespace: u32) {
        if let Some(slot) = self.namespaces.borrow_mut().get_mut(namespace as usize) {
            *slot = None;
        }
    }

    /// A socket goes: pairs of a room that it left and what that did (1: left, 2: it was the last).
    #[napi(catch_unwind)]
    pub fn exit(&self, namespace: u32, index: u32) -> Result<Uint32Array> {
        let left = self.namespace(namespace)?.exit(index);
        Ok(left.into_iter().flat_map(|(room, left)| [room, code(left)]).collect::<Vec<_>>().into())
    }

    /// A socket joins a room; false when it was there.
    #[napi(catch_unwind)]
    pub fn join(&self, namespace: u32, index: u32, room: u32) -> Result<bool> {
        Ok(self.namespace(namespace)?.join(index, room))
    }

    /// A socket leaves a room: 0 was not there, 1 left, 2 was the last.
    #[napi(catch_unwind)]
    pub fn leave(&self, namespace: u32, index: u32, room: u32) -> Result<u32> {
        Ok(code(self.namespace(namespace)?.leave(index, room)))
    }

    /// The members of a room.
    #[napi(catch_unwind)]
    pub fn members(&self, namespace: u32, room: u32) -> Result<Uint32Array> {
        Ok(self.namespace(namespace)?.members(room).to_vec().into())
    }

    /// How many members a room has.
    #[napi(catch_unwind)]
    pub fn member_count(&self, namespace: u32, room: u32) -> Result<u32> {
        Ok(u32::try_from(self.namespace(namespace)?.members(room).len()).unwrap_or(u32::MAX))
    }

    /// Whether a socket is in a room.
    #[napi(catch_unwind)]
    pub fn is_member(&self, namespace: u32, index: u32, room: u32) -> Result<bool> {
        Ok(self.namespace(namespace)?.is_member(index, room))
    }

    /// The rooms of a socket, in the order of joining.
    #[napi(catch_unwind)]
    pub fn rooms_of(&self, namespace: u32, index: u32) -> Result<Uint32Array> {
        Ok(self.namespace(namespace)?.rooms_of(index).into())
    }

    /// How many rooms a socket is in.
    #[napi(catch_unwind)]
    pub fn room_count_of(&self, namespace: u32, index: u32) -> Result<u32> {
        Ok(u32::try_from(self.namespace(namespace)?.room_count_of(index)).unwrap_or(u32::MAX))
    }

    /// The sockets in any of the first `rooms` of `ids` (all if none) and in none of the next `except`, each once.
    #[napi(catch_unwind)]
    pub fn recipients(&self, namespace: u32, ids: &[u32], rooms: u32, except: u32) -> Result<Uint32Array> {
        Ok(target(&*self.namespace(namespace)?, ids, rooms, except).recipients().into())
    }
}
