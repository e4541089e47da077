//! What names a room.

use std::sync::Arc;

/// The name of a room. JavaScript apps use strings, and also numbers and other values: `1` and `"1"` are different rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoomKey {
    /// A string, well-formed.
    Text(Arc<str>),
    /// A number, by its bits. JavaScript's `Map` holds `0` and `-0` for one key: the caller passes `0`.
    Number(u64),
    /// Any other value: the caller tells them apart, and only it can find the room again.
    Opaque,
}

impl RoomKey {
    /// The key of a string.
    pub fn text(name: &str) -> Self {
        Self::Text(name.into())
    }

    /// The key of a number.
    pub fn number(value: f64) -> Self {
        Self::Number(value.to_bits())
    }
}
