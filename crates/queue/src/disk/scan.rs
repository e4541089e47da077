//! Walks through the bytes of a segment, over what is damaged.

use super::record::{Header, Kind, stored};
use crate::Location;

pub(super) enum Item<'a> {
    Record {
        at: Location,
        kind: Kind,
        payload: &'a [u8],
    },
    /// Something that was one record or more; a whole one follows.
    Damage {
        at: Location,
        bytes: &'a [u8],
    },
    /// The rest: no whole record follows. Nothing but zeros is the usual end.
    Rest {
        at: Location,
        bytes: &'a [u8],
    },
}

pub(super) struct Scan<'a> {
    pub segment: u32,
    /// Where `bytes` begin in the segment.
    pub offset: usize,
    pub bytes: &'a [u8],
}

impl<'a> Scan<'a> {
    fn at(&self, skip: usize) -> Location {
        Location { segment: self.segment, offset: u32::try_from(self.offset + skip).unwrap_or(u32::MAX) }
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at(len.min(self.bytes.len()));
        self.bytes = rest;
        self.offset += taken.len();
        taken
    }

    /// The record that begins after so many bytes, if it is whole.
    fn whole(&self, skip: usize) -> Option<(Header, &'a [u8])> {
        let bytes = self.bytes.get(skip..)?;
        let header = Header::decode(bytes, self.at(skip))?;
        Some((header, header.payload(bytes)?))
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.bytes.is_empty() {
            return None;
        }
        let at = self.at(0);
        if let Some((header, payload)) = self.whole(0) {
            self.take(stored(header.len));
            return Some(Item::Record { at, kind: header.kind, payload });
        }
        // A header that proves itself says where the next one is, even if its payload is damaged.
        let known = Header::decode(self.bytes, at).map(|header| stored(header.len));
        let next = known
            .filter(|step| *step <= self.bytes.len())
            .or_else(|| (4..self.bytes.len()).step_by(4).find(|skip| self.whole(*skip).is_some()));
        Some(match next {
            Some(skip) => Item::Damage { at, bytes: self.take(skip) },
            None => Item::Rest { at, bytes: self.take(self.bytes.len()) },
        })
    }
}
