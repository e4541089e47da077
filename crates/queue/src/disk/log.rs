//! The end of the log: records gather in a buffer, which goes to the file in one write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::files::{File, Files, failed, write_all};
use super::record::{self, Kind, encode, stored};
use super::segment::{self, Segment};
use crate::{Error, Location};

/// The buffer is written when it is longer than this, commit or not.
const BUFFER: usize = 1 << 20;
const END: usize = stored(0);
const DURABLE: usize = stored(8);
const RESERVE: &str = "reserve";

pub(super) struct Log {
    pub files: Arc<dyn Files>,
    pub segments: BTreeMap<u32, Segment>,
    current: Option<Current>,
    /// The number of the next segment.
    next: u32,
    pub cache: Cache,
    /// Files with bytes that no commit has taken.
    pub dirty: Vec<Arc<dyn File>>,
    /// So are names.
    pub new_names: bool,
    segment_bytes: u32,
    reserve_bytes: u32,
    reserved: bool,
    retry: Duration,
    /// No room for content; tried again then.
    full: Option<Instant>,
    /// For ever, after a write has failed.
    failed: Option<Error>,
    /// What the log has said to be durable.
    said: Location,
    pub appended: u64,
    pub moved: u64,
}

/// The segment that is written to.
struct Current {
    number: u32,
    file: Arc<dyn File>,
    capacity: usize,
    /// Where the next record goes; what the buffer holds lies before that.
    end: usize,
    buffer: Vec<u8>,
}

impl Current {
    fn place(&self) -> Location {
        Location { segment: self.number, offset: u32::try_from(self.end).unwrap_or(u32::MAX) }
    }

    fn written(&self) -> usize {
        self.end - self.buffer.len()
    }

    fn put(&mut self, kind: Kind, head: &[u8], body: &[u8]) -> Location {
        let at = self.place();
        encode(&mut self.buffer, kind, at, head, body);
        self.end += stored(head.len() + body.len());
        at
    }
}

impl Log {
    pub(super) fn new(files: Arc<dyn Files>, options: &super::DiskOptions) -> Self {
        Self {
            files,
            segments: BTreeMap::new(),
            current: None,
            next: 1,
            cache: Cache::new(options.cache_bytes),
            dirty: Vec::new(),
            new_names: false,
            segment_bytes: options.segment_bytes.clamp(4 << 10, 1 << 30),
            reserve_bytes: options.reserve_bytes.clamp(4 << 10, 1 << 30),
            reserved: false,
            retry: options.full_retry,
            full: None,
            failed: None,
            said: Location::default(),
            appended: 0,
            moved: 0,
        }
    }

    /// Goes on after what was recovered.
    pub(super) fn start(&mut self, next: u32) {
        self.next = next;
        let bytes = self.files.open(RESERVE).and_then(|file| file.len());
        self.reserved = bytes.is_ok_and(|bytes| bytes == u64::from(self.reserve_bytes));
    }

    /// Where the next record goes, at the earliest.
    pub(super) fn end(&self) -> Location {
        self.current.as_ref().map_or(Location { segment: self.next, offset: 0 }, Current::place)
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.is_some()
    }

    /// Bytes kept for state records.
    pub(super) fn reserve(&self) -> u64 {
        if self.reserved { self.reserve_bytes.into() } else { 0 }
    }

    /// The first record of a buffer says what is `durable`.
    pub(super) fn append(
        &mut self,
        kind: Kind,
        head: &[u8],
        body: &[u8],
        durable: Location,
    ) -> Result<Location, Error> {
        if head.len() + body.len() > 1 << 30 {
            return Err(Error::Store { detail: "a record has more than 1 GiB".into() });
        }
        let need = stored(head.len() + body.len());
        let content = kind != Kind::State;
        let refused = content && self.full.is_some();
        if refused || !self.fits(need) {
            self.roll(need, content)?;
        }
        let says = self.said < durable && self.fits(DURABLE + need);
        let Some(current) = &mut self.current else { return Err(Error::Closed) };
        if says && current.buffer.len() <= segment::HEADER as usize {
            let mut place = durable.segment.to_le_bytes().to_vec();
            place.extend_from_slice(&durable.offset.to_le_bytes());
            current.put(Kind::Durable, &place, &[]);
            self.said = durable;
        }
        let at = current.put(kind, head, body);
        let buffered = current.buffer.len();
        self.appended += need as u64;
        if content && let Some(segment) = self.segments.get_mut(&at.segment) {
            segment.live += need as u64;
        }
        if buffered > BUFFER {
            self.write()?;
        }
        Ok(at)
    }

    fn fits(&self, need: usize) -> bool {
        self.current.as_ref().is_some_and(|current| current.end + need + END <= current.capacity)
    }

    /// Begins the next segment.
    fn roll(&mut self, need: usize, content: bool) -> Result<(), Error> {
        let least = segment::HEADER as usize + need + END;
        let (file, capacity) = match self.create(least) {
            Ok(created) => created,
            Err(Error::DiskFull { .. }) if !content && self.reserved && least <= self.reserve_bytes as usize => {
                let take = || {
                    self.files.rename(RESERVE, &segment::name(self.next))?;
                    self.files.open(&segment::name(self.next))
                };
                self.reserved = false;
                (take().map_err(|error| failed("cannot take the reserve", &error))?, self.reserve_bytes as usize)
            }
            Err(error) => return Err(error),
        };
        self.seal()?;
        self.segments.insert(self.next, Segment::new(Arc::clone(&file), capacity as u64));
        let buffer = segment::header(self.next);
        self.current = Some(Current { number: self.next, file, capacity, end: buffer.len(), buffer });
        self.next += 1;
        self.new_names = true;
        Ok(())
    }

    fn create(&mut self, least: usize) -> Result<(Arc<dyn File>, usize), Error> {
        let now = Instant::now();
        if self.full.is_some_and(|retry| now < retry) {
            return Err(Error::DiskFull { detail: "there is no room for another segment".into() });
        }
        let capacity = least.max(self.segment_bytes as usize);
        let mut create = || {
            if !self.reserved {
                self.files.create(RESERVE, self.reserve_bytes.into())?;
                self.reserved = true;
            }
            self.files.create(&segment::name(self.next), capacity as u64)
        };
        match create() {
            Ok(file) => {
                self.full = None;
                Ok((file, capacity))
            }
            Err(error) => {
                let error = failed("cannot make another segment", &error);
                if matches!(error, Error::DiskFull { .. }) {
                    self.full = Some(now + self.retry);
                }
                Err(error)
            }
        }
    }

    /// Ends the segment that is written to; the next record begins another one.
    pub(super) fn seal(&mut self) -> Result<(), Error> {
        let Some(current) = &mut self.current else { return Ok(()) };
        current.put(Kind::End, &[], &[]);
        self.write()?;
        let Some(current) = self.current.take() else { return Ok(()) };
        if current.end + 4096 < current.capacity {
            let end = current.end as u64;
            current.file.truncate(end).map_err(|error| failed("cannot cut a segment", &error))?;
            if let Some(segment) = self.segments.get_mut(&current.number) {
                segment.size = end;
            }
        }
        Ok(())
    }

    /// Hands the buffer to the system.
    pub(super) fn write(&mut self) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.buffer.is_empty() {
            return Ok(());
        }
        let from = current.written();
        if let Err(error) = write_all(&*current.file, &current.buffer, from as u64) {
            // Never a full disk that one could go on with: which bytes are there is unknown.
            let error = Error::Store { detail: format!("cannot write the log: {error}").into() };
            self.failed = Some(error.clone());
            return Err(error);
        }
        let at = Location { segment: current.number, offset: u32::try_from(from).unwrap_or(u32::MAX) };
        let run = std::mem::take(&mut current.buffer);
        if !self.dirty.last().is_some_and(|last| Arc::ptr_eq(last, &current.file)) {
            self.dirty.push(Arc::clone(&current.file));
        }
        self.cache.push(at, run.into());
        Ok(())
    }

    /// The payload of a record, if it is still in memory.
    pub(super) fn recent(&self, at: Location, len: usize) -> Option<&[u8]> {
        let size = record::HEADER + len;
        let buffered = self.current.as_ref().filter(|current| current.number == at.segment).and_then(|current| {
            let from = (at.offset as usize).checked_sub(current.written())?;
            current.buffer.get(from..from + size)
        });
        let bytes = buffered.or_else(|| self.cache.get(at, size))?;
        record::Header::decode(bytes, at).filter(|header| header.len == len)?;
        bytes.get(record::HEADER..)
    }
}
