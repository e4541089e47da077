//! A store that forgets everything when it is closed.

use bytes::Bytes;

use super::{Class, Commit, Index, Location, ReadError, Replay, Store, StoreStats};
use crate::{Error, RecoveryReport};

/// Keeps records in memory: one allocation each, freed when it is discarded.
#[derive(Default)]
pub struct MemoryStore {
    /// By place; `None` is free.
    records: Vec<Vec<Option<Bytes>>>,
    free: Vec<Location>,
    stats: StoreStats,
}

/// Records per segment: growing never copies more than this many references.
const SEGMENT: usize = 4096;

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn place(&mut self) -> Result<Location, Error> {
        if let Some(at) = self.free.pop() {
            return Ok(at);
        }
        if self.records.last().is_none_or(|segment| segment.len() == SEGMENT) {
            self.records.push(Vec::with_capacity(SEGMENT));
        }
        let number = self.records.len() - 1;
        let segment =
            u32::try_from(number).map_err(|_| Error::DiskFull { detail: "too many records in memory".into() })?;
        let last = self.records.last_mut().ok_or(Error::Closed)?;
        last.push(None);
        Ok(Location { segment, offset: u32::try_from(last.len() - 1).unwrap_or(u32::MAX) })
    }

    fn slot(&mut self, at: Location) -> Option<&mut Option<Bytes>> {
        self.records.get_mut(at.segment as usize)?.get_mut(at.offset as usize)
    }
}

impl Store for MemoryStore {
    fn recover(&mut self, _replay: &mut dyn Replay) -> Result<RecoveryReport, Error> {
        Ok(RecoveryReport::default())
    }

    fn recovered(&mut self, _live: &mut dyn Iterator<Item = (Location, u32)>) {}

    fn append(&mut self, class: Class, head: &[u8], body: &[u8]) -> Result<Location, Error> {
        if class == Class::State {
            return Ok(Location::default());
        }
        let mut bytes = Vec::with_capacity(head.len() + body.len());
        bytes.extend_from_slice(head);
        bytes.extend_from_slice(body);
        let at = self.place()?;
        self.stats.live_bytes += bytes.len() as u64;
        self.stats.appended_bytes += bytes.len() as u64;
        if let Some(slot) = self.slot(at) {
            *slot = Some(bytes.into());
        }
        Ok(at)
    }

    fn discard(&mut self, at: Location, _len: u32) {
        let record = self.slot(at).and_then(Option::take);
        if let Some(record) = record {
            self.stats.live_bytes -= record.len() as u64;
            self.free.push(at);
        }
    }

    fn write(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn commit(&mut self) -> Result<Commit, Error> {
        self.stats.commits += 1;
        Ok(Commit::Done)
    }

    fn read(&mut self, at: Location, _len: u32) -> Result<Bytes, ReadError> {
        self.slot(at).and_then(|record| record.clone()).ok_or(ReadError::Damaged)
    }

    fn maintain(&mut self, _index: &mut dyn Index) -> Result<bool, Error> {
        Ok(false)
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn stats(&self) -> StoreStats {
        StoreStats { bytes: self.stats.live_bytes, segments: self.records.len() as u64, ..self.stats.clone() }
    }

    fn close(&mut self, _index: &mut dyn Index) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_discarded_record_gives_its_memory_and_place_back() {
        let mut store = MemoryStore::new();
        let first = store.append(Class::Content, b"head", b"body").unwrap();
        let second = store.append(Class::Content, b"", b"x").unwrap();
        assert_eq!(store.read(first, 8).unwrap(), b"headbody"[..]);
        store.discard(first, 8);
        store.discard(first, 8);
        assert_eq!(store.read(first, 8), Err(ReadError::Damaged));
        assert_eq!(store.stats().live_bytes, 1);
        assert_eq!(store.append(Class::Content, b"again", b"").unwrap(), first);
        assert_ne!(store.append(Class::Content, b"more", b"").unwrap(), first);
        assert_eq!(store.read(second, 1).unwrap(), b"x"[..]);
    }
}
