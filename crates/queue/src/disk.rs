//! A store on the disk: a log in segments, with checkpoints of the index. `docs/design/queue-log.md` has the format, and what
//! survives what.
//!
//! The engine's thread is the only one that writes to the log. Syncs run on another thread, and so does the end of a checkpoint;
//! what they have achieved is in [`Durable`].

mod cache;
mod checkpoint;
mod checkpointer;
mod compaction;
mod files;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod lock;
mod log;
mod options;
mod quarantine;
mod reader;
mod record;
mod recovery;
mod scan;
mod segment;
mod sync;
#[cfg(test)]
mod tests;
mod verify;
mod view;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Class, Commit, Error, Index, Location, ReadError, RecoveryReport, Replay, Store, StoreStats};
use checkpointer::Checkpointer;
use compaction::{Step, Victim, victim};
use files::{Directory, Files, failed};
use log::Log;
pub use options::{DiskOptions, Durability};
use reader::Reader;
use record::{Kind, stored};
use sync::{Background, Durable, Pending};
pub use verify::{Verified, VerifiedFile, verify};
use view::View;

/// A store in a directory, which it locks.
pub struct DiskStore {
    options: DiskOptions,
    log: Log,
    reader: Reader,
    durable: Arc<Durable>,
    background: Option<Background>,
    /// Commits begun.
    commit: u64,
    checkpoints: Checkpointer,
    victim: Option<Victim>,
    quarantined: u64,
    /// It is only looked at.
    view: bool,
    /// Held as long as anything may write to the directory.
    lock: Option<Arc<fs::File>>,
}

impl DiskStore {
    /// Locks the directory, which is made if it is missing. Errors: `QUEUE_LOCKED`, `QUEUE_STORE_FAILED`, `QUEUE_DISK_FULL`.
    pub fn open(options: DiskOptions) -> Result<Self, Error> {
        let shown = options.path.display().to_string();
        fs::create_dir_all(&options.path).map_err(|error| failed(&format!("cannot make {shown}"), &error))?;
        let lock = lock::lock(&options.path)?;
        let files = Arc::new(Directory(options.path.clone()));
        Self::with(options, files, Some(Arc::new(lock)))
    }

    /// Looks at the store in a directory, without its lock: another process may go on writing to it. Recovery repairs nothing, and what
    /// is changed stays in memory. Errors: `QUEUE_STORE_FAILED`.
    pub fn view(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let options = DiskOptions { durability: Durability::None, ..DiskOptions::new(path) };
        let shown = options.path.display().to_string();
        let files = View::open(&options.path).map_err(|error| failed(&format!("cannot read {shown}"), &error))?;
        let mut store = Self::with(options, Arc::new(files), None)?;
        store.view = true;
        Ok(store)
    }

    fn with(options: DiskOptions, files: Arc<dyn Files>, lock: Option<Arc<fs::File>>) -> Result<Self, Error> {
        let durable = Arc::new(Durable::default());
        let background = match options.durability {
            Durability::Interval(every) => Some(Background::start(every, Arc::clone(&durable))?),
            Durability::Commit | Durability::None => None,
        };
        Ok(Self {
            log: Log::new(files, &options),
            reader: Reader::default(),
            durable,
            background,
            commit: 0,
            checkpoints: Checkpointer::new(&options),
            victim: None,
            quarantined: 0,
            view: false,
            lock,
            options,
        })
    }

    /// What was appended and written, and no commit has taken.
    fn pending(&mut self) -> Option<Pending> {
        if self.log.dirty.is_empty() && !self.log.new_names {
            return None;
        }
        let names = std::mem::take(&mut self.log.new_names).then(|| Arc::clone(&self.log.files));
        let files = std::mem::take(&mut self.log.dirty);
        Some(Pending { files, names, commit: self.commit, end: self.log.end() })
    }

    /// Deletes segments in which nothing is live, if nothing that survives a crash can need them.
    fn sweep(&mut self) -> Result<(), Error> {
        let commit = self.durable.commit();
        let before = self.checkpoints.last.begin.segment;
        let empty = |segment: &segment::Segment| segment.live == 0 && segment.free_after <= commit;
        let gone: Vec<u32> = self
            .log
            .segments
            .range(..before)
            .filter(|(_, segment)| empty(segment))
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            let name = segment::name(number);
            self.log.files.remove(&name).map_err(|error| failed("cannot delete a segment", &error))?;
            self.log.segments.remove(&number);
        }
        Ok(())
    }

    /// One slice of compaction; whether there is more to do.
    fn compact(&mut self, index: &mut dyn Index) -> Result<bool, Error> {
        if self.victim.is_none() && !self.log.is_full() {
            let before = self.checkpoints.last.begin.segment;
            self.victim = victim(&self.log, before, self.options.segment_bytes.into());
        }
        let Some(mut victim) = self.victim.take() else { return Ok(false) };
        let (step, aside) = victim.step(&mut self.log, index, self.durable.end(), self.commit)?;
        self.quarantined += aside;
        match step {
            Step::More => self.victim = Some(victim),
            Step::Empty => {
                if let Some(segment) = self.log.segments.get_mut(&victim.number) {
                    segment.live = 0;
                    segment.free_after = self.commit + 1;
                }
            }
            Step::Refused => {
                if !self.log.is_full()
                    && let Some(segment) = self.log.segments.get_mut(&victim.number)
                {
                    segment.stuck = true;
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn set_aside(&mut self, at: Location, bytes: &[u8]) {
        quarantine::set_aside(&*self.log.files, &format!("{:010}-{:010}", at.segment, at.offset), bytes);
        self.quarantined += 1;
    }
}

impl Store for DiskStore {
    fn recover(&mut self, replay: &mut dyn Replay) -> Result<RecoveryReport, Error> {
        let recovered = recovery::recover(&self.log.files, replay)?;
        self.log.segments.extend(recovered.segments);
        self.log.start(recovered.next);
        self.durable.reach(0, self.log.end());
        self.checkpoints.last = recovered.checkpoint;
        // What was replayed need not be once more after the next checkpoint, which is due when there is much of it.
        let begin = recovered.checkpoint.begin.segment;
        self.checkpoints.replayed = self.log.segments.range(begin..).map(|(_, segment)| segment.size).sum();
        self.quarantined = recovered.report.quarantined;
        Ok(recovered.report)
    }

    fn recovered(&mut self, live: &mut dyn Iterator<Item = (Location, u32)>) {
        for (at, len) in live {
            if let Some(segment) = self.log.segments.get_mut(&at.segment) {
                segment.live += stored(len as usize) as u64;
            }
        }
    }

    fn append(&mut self, class: Class, head: &[u8], body: &[u8]) -> Result<Location, Error> {
        let kind = match class {
            Class::Content => Kind::Content,
            Class::State => Kind::State,
        };
        self.log.append(kind, head, body, self.durable.end())
    }

    fn discard(&mut self, at: Location, len: u32) {
        let after = self.commit + 1;
        if let Some(segment) = self.log.segments.get_mut(&at.segment) {
            segment.live = segment.live.saturating_sub(stored(len as usize) as u64);
            segment.free_after = after;
        }
    }

    fn write(&mut self) -> Result<(), Error> {
        self.durable.check()?;
        self.log.write()
    }

    fn commit(&mut self) -> Result<Commit, Error> {
        self.write()?;
        self.commit += 1;
        if self.options.durability == Durability::None {
            return Ok(Commit::Done);
        }
        let Some(pending) = self.pending() else {
            // Nothing was appended since the last one, which has ended.
            if self.background.is_none() {
                self.durable.reach(self.commit, self.log.end());
            }
            return Ok(Commit::Done);
        };
        if let Some(background) = &self.background {
            background.sync(pending);
            return Ok(Commit::Done);
        }
        let durable = Arc::clone(&self.durable);
        Ok(Commit::Sync(Box::new(move || pending.sync(&durable))))
    }

    fn read(&mut self, at: Location, len: u32) -> Result<Bytes, ReadError> {
        if let Some(payload) = self.log.recent(at, len as usize) {
            return Ok(Bytes::copy_from_slice(payload));
        }
        let Some(segment) = self.log.segments.get(&at.segment) else { return Err(ReadError::Damaged) };
        self.reader.read(&*segment.file, at, len as usize).map_err(|(error, found)| {
            if error == ReadError::Damaged {
                self.set_aside(at, &found);
            }
            error
        })
    }

    fn maintain(&mut self, index: &mut dyn Index) -> Result<bool, Error> {
        if self.view {
            return Ok(false);
        }
        self.durable.check()?;
        let busy = self.checkpoints.step(&mut self.log, index, &self.durable, self.commit, self.lock.as_ref())?;
        self.sweep()?;
        Ok(busy || self.compact(index)?)
    }

    fn keeps_state(&self) -> bool {
        true
    }

    fn stats(&self) -> StoreStats {
        let segments = self.log.segments.values();
        let bytes = segments.clone().map(|segment| segment.size).sum::<u64>();
        StoreStats {
            // The checkpoint has a copy.
            bytes: bytes + 2 * self.checkpoints.last.bytes + self.log.reserve(),
            live_bytes: segments.map(|segment| segment.live).sum(),
            segments: self.log.segments.len() as u64,
            appended_bytes: self.log.appended,
            moved_bytes: self.log.moved,
            commits: self.commit,
            sync_time: self.durable.sync_time(),
            quarantined: self.quarantined,
            full: self.log.is_full(),
        }
    }

    fn close(&mut self, index: &mut dyn Index) -> Result<(), Error> {
        if self.view {
            return Ok(());
        }
        self.durable.check()?;
        self.log.seal()?;
        if let Some(background) = self.background.take() {
            background.finish();
            self.durable.check()?;
        }
        self.commit += 1;
        let commit = self.commit;
        self.checkpoints.finish(&mut self.log, index, &self.durable, commit, self.lock.as_ref())?;
        // Without room for a checkpoint, at least what it would have covered.
        let files = self.log.segments.range(self.checkpoints.last.begin.segment..);
        let files = files.map(|(_, segment)| Arc::clone(&segment.file)).collect();
        let names = Some(Arc::clone(&self.log.files));
        Pending { files, names, commit, end: self.log.end() }.sync(&self.durable)?;
        self.sweep()?;
        self.lock = None;
        Ok(())
    }
}
