//! What names a room.

use std::sync::Arc;

/// The name of a room. JavaScript apps use strings, and also numbers and other values: `1` and `"1"` are different rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomKey(Name);

/// Two words: a namespace keeps each twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Text(Arc<str>),
    /// A number, by its bits.
    Number(u64),
}

/// A NaN that [`RoomKey::number`] never gives.
const OPAQUE: u64 = u64::MAX;

/// What a [`RoomKey`] is the key of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RoomName<'a> {
    /// A string.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// Any other value.
    Opaque,
}

impl RoomKey {
    /// Any other value than a string or a number: the caller tells them apart, and only it can find the room again.
    pub const OPAQUE: Self = Self(Name::Number(OPAQUE));

    /// The key of a string, well-formed.
    pub fn text(name: &str) -> Self {
        Self(Name::Text(name.into()))
    }

    /// The key of a number. JavaScript's `Map` holds `0` and `-0` for one key: the caller passes `0`. Any `NaN` is the same.
    pub fn number(value: f64) -> Self {
        Self(Name::Number(if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }))
    }

    /// Its value.
    pub fn name(&self) -> RoomName<'_> {
        match &self.0 {
            Name::Text(text) => RoomName::Text(text),
            Name::Number(OPAQUE) => RoomName::Opaque,
            Name::Number(bits) => RoomName::Number(f64::from_bits(*bits)),
        }
    }
}
