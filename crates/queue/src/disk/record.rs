//! How a record lies in a segment: `len u32 | kind u8 | check u24 | crc u32 | payload | padding to 4`, little-endian.
//!
//! `check` is over length, kind and place, so a header proves itself: a damaged payload is stepped over, and after a damaged
//! header the next one is found by looking at each fourth byte. `crc` is over the check and the payload. As both depend on
//! segment and offset, bytes that lie elsewhere than they were written mean nothing.

use crate::Location;

pub(super) const HEADER: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Content = 1,
    State = 2,
    /// A copy of an older content record.
    Moved = 3,
    /// Says up to where the log was durable when it was written: damage before that is no torn write.
    Durable = 4,
    /// The last of its segment.
    End = 5,
}

/// A header that proves itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub kind: Kind,
    pub len: usize,
    check: [u8; 4],
    crc: u32,
}

/// What a record of `len` bytes takes.
pub(super) const fn stored(len: usize) -> usize {
    (HEADER + len).next_multiple_of(4)
}

/// Appends the record that will lie at `at`.
pub(super) fn encode(into: &mut Vec<u8>, kind: Kind, at: Location, head: &[u8], body: &[u8]) {
    let len = head.len() + body.len();
    let word = u32::try_from(len).unwrap_or(u32::MAX);
    let check = check(word, kind as u8, at);
    into.reserve(stored(len));
    into.extend_from_slice(&word.to_le_bytes());
    into.extend_from_slice(&check);
    into.extend_from_slice(&sum(check, head, body).to_le_bytes());
    into.extend_from_slice(head);
    into.extend_from_slice(body);
    into.resize(into.len() + stored(len) - HEADER - len, 0);
}

impl Header {
    /// The header at the start of `bytes`, if it is one that was written at this place.
    pub(super) fn decode(bytes: &[u8], at: Location) -> Option<Self> {
        let (word, rest) = bytes.split_first_chunk::<4>()?;
        let (found, rest) = rest.split_first_chunk::<4>()?;
        let (crc, _) = rest.split_first_chunk::<4>()?;
        let kind = match found[0] {
            1 => Kind::Content,
            2 => Kind::State,
            3 => Kind::Moved,
            4 => Kind::Durable,
            5 => Kind::End,
            _ => return None,
        };
        let len = u32::from_le_bytes(*word);
        (check(len, found[0], at) == *found).then_some(Self {
            kind,
            len: len as usize,
            check: *found,
            crc: u32::from_le_bytes(*crc),
        })
    }

    /// The payload, if `bytes` (which begin with the header) hold it whole.
    pub(super) fn payload<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let payload = bytes.get(HEADER..HEADER.checked_add(self.len)?)?;
        (sum(self.check, payload, &[]) == self.crc).then_some(payload)
    }
}

fn check(len: u32, kind: u8, at: Location) -> [u8; 4] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&len.to_le_bytes());
    hash.update(&[kind]);
    hash.update(&at.segment.to_le_bytes());
    hash.update(&at.offset.to_le_bytes());
    let [a, b, c, _] = hash.finalize().to_le_bytes();
    [kind, a, b, c]
}

fn sum(check: [u8; 4], head: &[u8], body: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new_with_initial(u32::from_le_bytes(check));
    hash.update(head);
    hash.update(body);
    hash.finalize()
}
