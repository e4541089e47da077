//! A log in memory that several lives of a store share: what a disk store promises, without a disk.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use socketio_queue::{Class, Commit, Error, Index, Location, ReadError, RecoveryReport, Replay, Store, StoreStats};

#[derive(Clone)]
struct Record {
    bytes: Bytes,
    moved: bool,
}

/// One segment; its records by their place.
type Segment = Vec<Record>;

#[derive(Clone, Default)]
struct Checkpoint {
    chunks: Vec<Vec<u8>>,
    /// Where it began.
    from: (usize, usize),
}

#[derive(Default)]
struct Disk {
    segments: Vec<Option<Segment>>,
    /// Records up to here survive.
    durable: (usize, usize),
    checkpoint: Option<Checkpoint>,
}

/// Segments of so many records: small, so that checkpoints and compaction happen often.
const SEGMENT: usize = 16;

/// A store over a shared disk. Each `maintain` does one slice of what is to be done.
pub struct LogStore {
    disk: Arc<Mutex<Disk>>,
    making: Option<(Checkpoint, u64)>,
    victim: Option<(usize, usize)>,
    /// Deleted after the next commit.
    doomed: Option<usize>,
    pub full: Arc<AtomicBool>,
    pub moved: Arc<AtomicUsize>,
}

/// What survives the store.
#[derive(Clone, Default)]
pub struct LogDisk(Arc<Mutex<Disk>>, pub Arc<AtomicBool>, pub Arc<AtomicUsize>);

impl LogDisk {
    /// What was not committed is gone.
    pub fn crash(&self) {
        let mut disk = self.0.lock().unwrap();
        let (segment, record) = disk.durable;
        disk.segments.truncate(segment + 1);
        if let Some(Some(last)) = disk.segments.get_mut(segment) {
            last.truncate(record);
        }
    }

    /// Destroys the records that end like this.
    pub fn damage(&self, end: &[u8]) {
        let mut disk = self.0.lock().unwrap();
        for record in disk.segments.iter_mut().flatten().flatten().filter(|record| record.bytes.ends_with(end)) {
            record.bytes = Bytes::from_static(b"?");
        }
    }

    pub fn store(&self) -> Box<dyn Store> {
        let disk = Arc::clone(&self.0);
        let (full, moved) = (Arc::clone(&self.1), Arc::clone(&self.2));
        Box::new(LogStore { disk, making: None, victim: None, doomed: None, full, moved })
    }
}

fn location(segment: usize, offset: usize) -> Location {
    Location { segment: u32::try_from(segment).unwrap(), offset: u32::try_from(offset).unwrap() }
}

impl Disk {
    fn end(&self) -> (usize, usize) {
        let last = self.segments.len().saturating_sub(1);
        (last, self.segments.last().and_then(Option::as_ref).map_or(0, Vec::len))
    }

    fn push(&mut self, record: Record) -> Location {
        if self.segments.last().is_none_or(|last| last.as_ref().is_none_or(|last| last.len() >= SEGMENT)) {
            self.segments.push(Some(Vec::new()));
        }
        let segment = self.segments.len() - 1;
        let last = self.segments.last_mut().unwrap().as_mut().unwrap();
        last.push(record);
        location(segment, last.len() - 1)
    }
}

impl Store for LogStore {
    fn recover(&mut self, replay: &mut dyn Replay) -> Result<RecoveryReport, Error> {
        let disk = self.disk.lock().unwrap();
        let mut report = RecoveryReport::default();
        let checkpoint = disk.checkpoint.clone().unwrap_or_default();
        for chunk in &checkpoint.chunks {
            replay.snapshot(chunk).unwrap();
        }
        for (number, segment) in disk.segments.iter().enumerate() {
            for (place, record) in segment.iter().flatten().enumerate() {
                if (number, place) >= checkpoint.from {
                    replay.record(&record.bytes, location(number, place), record.moved).unwrap();
                    report.replayed += 1;
                }
            }
        }
        Ok(report)
    }

    fn recovered(&mut self, live: &mut dyn Iterator<Item = (Location, u32)>) {
        for (at, len) in live {
            assert_eq!(self.read(at, len).map(|bytes| bytes.len()), Ok(len as usize));
        }
    }

    fn append(&mut self, class: Class, head: &[u8], body: &[u8]) -> Result<Location, Error> {
        if class == Class::Content && self.full.load(Ordering::Relaxed) {
            return Err(Error::DiskFull { detail: "by the test".into() });
        }
        let bytes = [head, body].concat().into();
        Ok(self.disk.lock().unwrap().push(Record { bytes, moved: false }))
    }

    fn discard(&mut self, _at: Location, _len: u32) {}

    fn write(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn commit(&mut self) -> Result<Commit, Error> {
        let mut disk = self.disk.lock().unwrap();
        disk.durable = disk.end();
        if let Some(doomed) = self.doomed.take() {
            disk.segments[doomed] = None;
        }
        Ok(Commit::Done)
    }

    fn read(&mut self, at: Location, _len: u32) -> Result<Bytes, ReadError> {
        let disk = self.disk.lock().unwrap();
        let segment = disk.segments.get(at.segment as usize).and_then(Option::as_ref);
        segment
            .and_then(|segment| segment.get(at.offset as usize))
            .map(|record| record.bytes.clone())
            .ok_or(ReadError::Damaged)
    }

    fn maintain(&mut self, index: &mut dyn Index) -> Result<bool, Error> {
        let mut disk = self.disk.lock().unwrap();
        if let Some((mut checkpoint, cursor)) = self.making.take() {
            let mut chunk = Vec::new();
            let next = index.snapshot(cursor, &mut chunk);
            checkpoint.chunks.push(chunk);
            if let Some(cursor) = next {
                self.making = Some((checkpoint, cursor));
            } else {
                // It may show everything that was appended before it ended, so that has to be durable first.
                disk.durable = disk.end();
                disk.checkpoint = Some(checkpoint);
            }
            return Ok(true);
        }
        if let Some((segment, place)) = self.victim.take() {
            let record = disk.segments[segment].as_ref().and_then(|records| records.get(place)).cloned();
            match record {
                Some(record) => {
                    let from = location(segment, place);
                    if index.is_live(&record.bytes, from) {
                        let to = disk.push(Record { bytes: record.bytes.clone(), moved: true });
                        index.moved(&record.bytes, from, to);
                        self.moved.fetch_add(1, Ordering::Relaxed);
                    }
                    self.victim = Some((segment, place + 1));
                }
                None => self.doomed = Some(segment),
            }
            return Ok(true);
        }
        let before = disk.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.from.0);
        let oldest = disk.segments.iter().take(before).position(Option::is_some);
        if let Some(oldest) = oldest.filter(|_| self.doomed.is_none()) {
            self.victim = Some((oldest, 0));
        } else {
            self.making = Some((Checkpoint { chunks: Vec::new(), from: disk.end() }, 0));
        }
        Ok(true)
    }

    fn keeps_state(&self) -> bool {
        true
    }

    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }

    fn close(&mut self, _index: &mut dyn Index) -> Result<(), Error> {
        self.commit().map(|_| ())
    }
}
