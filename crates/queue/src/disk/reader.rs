//! Reads records back. One that follows the last is likely the next of a backlog, so more is read than was asked for.

use bytes::Bytes;

use super::files::{File, failed, read_up_to};
use super::record::{Header, stored};
use crate::{Location, ReadError};

const AHEAD: usize = 256 << 10;

/// What was read last.
#[derive(Default)]
pub(super) struct Reader {
    start: Location,
    window: Vec<u8>,
    /// Where the last record that was asked for ended.
    last: Location,
}

impl Reader {
    /// The payload. `Damaged` has what was found instead.
    pub(super) fn read(&mut self, file: &dyn File, at: Location, len: usize) -> Result<Bytes, (ReadError, Vec<u8>)> {
        let size = stored(len);
        // Records that nobody wants may lie between.
        let near = self.last.offset as usize..=self.last.offset as usize + AHEAD / 4;
        let follows = at.segment == self.last.segment && near.contains(&(at.offset as usize));
        self.last = Location { offset: u32::try_from(at.offset as usize + size).unwrap_or(u32::MAX), ..at };
        if let Some(payload) = self.payload(at, len) {
            return Ok(payload);
        }
        // Either it was not read yet, or not written yet when it was.
        let bytes = read_up_to(file, at.offset.into(), if follows { size.max(AHEAD) } else { size });
        self.window = bytes.map_err(|error| (ReadError::Store(failed("cannot read a message", &error)), Vec::new()))?;
        self.start = at;
        self.payload(at, len).ok_or_else(|| {
            let found = self.window(at, size).unwrap_or(&self.window).to_vec();
            self.window.clear();
            (ReadError::Damaged, found)
        })
    }

    fn payload(&self, at: Location, len: usize) -> Option<Bytes> {
        let found = self.window(at, stored(len))?;
        let header = Header::decode(found, at).filter(|header| header.len == len)?;
        header.payload(found).map(Bytes::copy_from_slice)
    }

    fn window(&self, at: Location, size: usize) -> Option<&[u8]> {
        if at.segment != self.start.segment {
            return None;
        }
        let from = (at.offset as usize).checked_sub(self.start.offset as usize)?;
        self.window.get(from..from.checked_add(size)?)
    }
}
