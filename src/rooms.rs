//! Namespaces and rooms, for `lib/`.

use std::sync::Arc;

use napi::bindgen_prelude::{Result, Uint32Array};
use napi_derive::napi;
use socketio_rooms::{Change, Left, Namespace, RoomKey, Target};

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

/// Reads what `lib/changes.js` writes.
pub struct Changes<'a> {
    pub words: std::iter::Copied<std::slice::Iter<'a, u32>>,
    pub names: &'a [u16],
}

impl Changes<'_> {
    /// A name takes the next `len` units.
    fn name(&mut self, len: u32) -> Option<String> {
        let (name, rest) = self.names.split_at_checked(len as usize)?;
        self.names = rest;
        String::from_utf16(name).ok()
    }

    /// JavaScript's strings may hold lone surrogates: no other thread asks for such a room.
    fn text(&mut self, len: u32) -> RoomKey {
        self.name(len).map_or(RoomKey::OPAQUE, |name| RoomKey::text(&name))
    }

    /// JavaScript writes a number so that reading it gives the same number, as Rust does.
    fn number(&mut self, len: u32) -> RoomKey {
        self.name(len).and_then(|name| name.parse().ok()).map_or(RoomKey::OPAQUE, RoomKey::number)
    }
}

impl Iterator for Changes<'_> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        let (kind, first, second) = (self.words.next()?, self.words.next()?, self.words.next()?);
        Some(match kind {
            0 => Change::Enter(first, second != 0),
            1 => Change::Exit(first),
            2 => Change::Join(first, second),
            3 => Change::Leave(first, second),
            4 => Change::Remove(first),
            5 => Change::Compat(first, second != 0),
            6 => Change::Rebind(first, second, true),
            7 => Change::Create(first, self.text(second)),
            8 => Change::Create(first, self.number(second)),
            _ => Change::Create(first, RoomKey::OPAQUE),
        })
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
