//! The least there can be of a machine: numbered contents, which are put and removed.

use std::collections::BTreeMap;

use crate::disk::{DiskOptions, DiskStore};
use crate::{Class, Commit, Damaged, Error, Index, Location, ReadError, RecoveryReport, Replay, Store, SyncTask};

#[derive(Default)]
pub struct Keeper {
    pub places: BTreeMap<u64, (Location, u32)>,
}

fn parse(record: &[u8]) -> Option<(bool, u64)> {
    let (kind, rest) = record.split_first()?;
    let (id, _) = rest.split_first_chunk::<8>()?;
    Some((*kind == 1, u64::from_le_bytes(*id)))
}

pub fn content(id: u64, len: usize) -> Vec<u8> {
    let mut record = vec![1];
    record.extend_from_slice(&id.to_le_bytes());
    record.extend((0..len as u64).map(|at| u8::try_from((at * 7 + id) % 256).unwrap()));
    record
}

impl Replay for Keeper {
    fn snapshot(&mut self, chunk: &[u8]) -> Result<(), Damaged> {
        for entry in chunk.chunks_exact(20) {
            let number = |from: usize| u32::from_le_bytes(entry[from..from + 4].try_into().unwrap());
            let id = u64::from_le_bytes(entry[..8].try_into().unwrap());
            self.places.insert(id, (Location { segment: number(8), offset: number(12) }, number(16)));
        }
        Ok(())
    }

    fn record(&mut self, record: &[u8], at: Location, _moved: bool) -> Result<(), Damaged> {
        let (content, id) = parse(record).ok_or(Damaged)?;
        if content {
            self.places.insert(id, (at, u32::try_from(record.len()).unwrap()));
        } else {
            self.places.remove(&id);
        }
        Ok(())
    }
}

impl Index for Keeper {
    fn is_live(&self, record: &[u8], at: Location) -> bool {
        parse(record)
            .is_some_and(|(content, id)| content && self.places.get(&id).is_some_and(|(place, _)| *place == at))
    }

    fn moved(&mut self, record: &[u8], from: Location, to: Location) {
        let (_, id) = parse(record).unwrap();
        let place = self.places.get_mut(&id).unwrap();
        assert_eq!(place.0, from);
        place.0 = to;
    }

    fn snapshot(&mut self, cursor: u64, chunk: &mut Vec<u8>) -> Option<u64> {
        let mut rest = self.places.range(cursor..);
        for (id, (at, len)) in rest.by_ref().take(8) {
            chunk.extend_from_slice(&id.to_le_bytes());
            for number in [at.segment, at.offset, *len] {
                chunk.extend_from_slice(&number.to_le_bytes());
            }
        }
        rest.next().map(|(id, _)| *id)
    }

    fn len(&self) -> u64 {
        0
    }
}

/// Small segments, so that little makes many.
pub fn small() -> DiskOptions {
    DiskOptions {
        segment_bytes: 4096,
        checkpoint_bytes: 6000,
        reserve_bytes: 4096,
        cache_bytes: 1000,
        full_retry: std::time::Duration::ZERO,
        ..DiskOptions::new("unused")
    }
}

/// A store with its index.
pub struct Kept {
    pub store: DiskStore,
    pub index: Keeper,
    pub report: RecoveryReport,
}

impl Kept {
    pub fn open(mut store: DiskStore) -> Result<Self, Error> {
        store.checkpoints.threads = false;
        let mut index = Keeper::default();
        let report = store.recover(&mut index)?;
        store.recovered(&mut index.places.values().copied());
        Ok(Self { store, index, report })
    }

    pub fn put(&mut self, id: u64, len: usize) -> Result<(), Error> {
        let record = content(id, len);
        let (head, body) = record.split_at(record.len() / 3);
        let at = self.store.append(Class::Content, head, body)?;
        self.index.places.insert(id, (at, u32::try_from(record.len()).unwrap()));
        Ok(())
    }

    pub fn remove(&mut self, id: u64) -> Result<(), Error> {
        self.remove_at_length(id, 0)
    }

    /// With a record that is so much longer.
    pub fn remove_at_length(&mut self, id: u64, more: usize) -> Result<(), Error> {
        let mut record = vec![0];
        record.extend_from_slice(&id.to_le_bytes());
        record.resize(9 + more, 1);
        self.store.append(Class::State, &record, &[])?;
        if let Some((at, len)) = self.index.places.remove(&id) {
            self.store.discard(at, len);
        }
        Ok(())
    }

    pub fn commit(&mut self) -> Result<Option<SyncTask>, Error> {
        Ok(match self.store.commit()? {
            Commit::Done => None,
            Commit::Sync(task) => Some(task),
        })
    }

    pub fn commit_now(&mut self) -> Result<(), Error> {
        self.commit()?.map_or(Ok(()), |task| task())
    }

    pub fn maintain(&mut self) -> Result<(), Error> {
        while self.store.maintain(&mut self.index)? {}
        Ok(())
    }

    pub fn close(mut self) -> Result<(), Error> {
        self.store.close(&mut self.index)
    }

    pub fn read(&mut self, id: u64) -> Result<Vec<u8>, ReadError> {
        let (at, len) = self.index.places[&id];
        self.store.read(at, len).map(|bytes| bytes.to_vec())
    }

    /// Everything there is, by length; panics if a content is not what was put.
    pub fn contents(&mut self) -> BTreeMap<u64, usize> {
        let ids: Vec<u64> = self.index.places.keys().copied().collect();
        ids.into_iter()
            .map(|id| {
                let record = self.read(id).unwrap();
                let len = record.len() - 9;
                assert_eq!(record, content(id, len), "content {id}");
                (id, len)
            })
            .collect()
    }
}
