//! An entry of a stream: its id, and its fields.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// As `Buffer.toString('base64')` writes it; read with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What Redis calls an entry by: milliseconds, and a number within these. It is the offset that clients have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Of Redis' clock.
    pub milliseconds: u64,
    /// Counts the entries of that millisecond.
    pub sequence: u64,
}

impl Id {
    /// Before each entry.
    pub const ZERO: Self = Self { milliseconds: 0, sequence: 0 };
    /// After each entry.
    pub const MAX: Self = Self { milliseconds: u64::MAX, sequence: u64::MAX };

    /// The next possible id.
    #[must_use]
    pub fn next(self) -> Self {
        match self.sequence.checked_add(1) {
            Some(sequence) => Self { sequence, ..self },
            None => Self { milliseconds: self.milliseconds.saturating_add(1), sequence: 0 },
        }
    }

    /// The id before this one.
    #[must_use]
    pub fn previous(self) -> Self {
        match self.sequence.checked_sub(1) {
            Some(sequence) => Self { sequence, ..self },
            None => Self { milliseconds: self.milliseconds.saturating_sub(1), sequence: u64::MAX },
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.milliseconds, self.sequence)
    }
}

/// It is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoId;

impl FromStr for Id {
    type Err = NoId;

    /// `milliseconds-sequence`, both in digits: what a client says is its offset may be anything.
    fn from_str(text: &str) -> Result<Self, NoId> {
        let (milliseconds, sequence) = text.split_once('-').ok_or(NoId)?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if plain { digits.parse().map_err(|_| NoId) } else { Err(NoId) }
        };
        Ok(Self { milliseconds: number(milliseconds)?, sequence: number(sequence)? })
    }
}

/// The fields of an entry. `None`: it has no such field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Who wrote it.
    pub uid: &'a [u8],
    /// The namespace.
    pub nsp: &'a [u8],
    /// What it is, in digits.
    pub kind: Option<u32>,
    /// JSON, or base64 of `MessagePack`.
    pub data: Option<&'a [u8]>,
    /// Counts what this writer wrote: only servers of this kind have it.
    pub number: Option<u64>,
}

impl<'a> Entry<'a> {
    /// The field in which servers of this kind count what they write.
    pub const NUMBER: &'static str = "n";

    /// Reads names and values. `None` when it names no namespace: it is not for us.
    pub fn read(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Option<Self> {
        let mut entry = Self::default();
        for (name, value) in fields {
            match name {
                b"uid" => entry.uid = value,
                b"nsp" => entry.nsp = value,
                b"type" => entry.kind = digits(value),
                b"data" => entry.data = Some(value),
                b"n" => entry.number = digits(value),
                _ => {}
            }
        }
        (!entry.nsp.is_empty()).then_some(entry)
    }
}

fn digits<T: FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The JSON or `MessagePack` that the field `data` holds. `None`: it is neither.
pub fn data_bytes(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    if field.first() == Some(&b'{') { Some(Cow::Borrowed(field)) } else { BASE64.decode(field).ok().map(Cow::Owned) }
}

/// The field `data` of JSON or `MessagePack`.
pub fn data_text(data: &[u8]) -> Cow<'_, [u8]> {
    if data.first() == Some(&b'{') { Cow::Borrowed(data) } else { Cow::Owned(BASE64.encode(data).into_bytes()) }
}
