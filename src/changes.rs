//! Changes of a namespace, as JavaScript writes them.

use socketio_rooms::{Change, RoomKey};

/// Reads what `lib/changes.js` writes.
pub struct Changes<'a> {
    words: std::iter::Copied<std::slice::Iter<'a, u32>>,
    names: &'a [u16],
}

impl<'a> Changes<'a> {
    /// `words`: three for each change. `names`: those of the rooms that are made, without anything between.
    pub fn new(words: &'a [u32], names: &'a [u16]) -> Self {
        Self { words: words.iter().copied(), names }
    }

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
