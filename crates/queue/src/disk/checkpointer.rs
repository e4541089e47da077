//! When a checkpoint is written, and by whom: the chunks by the engine's thread, slice by slice; what blocks by one of its own.

use std::fs;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::DiskOptions;
use super::checkpoint::{Checkpoint, Writer};
use super::files::failed;
use super::log::Log;
use super::sync::{Durable, Pending};
use crate::{Error, Index};

/// What a message takes in a checkpoint, or so.
const MESSAGE: u64 = 60;

pub(super) struct Checkpointer {
    /// The one that counts.
    pub last: Checkpoint,
    /// Bytes of log that were replayed after it.
    pub replayed: u64,
    writing: Option<Writer>,
    finishing: Option<JoinHandle<Result<Checkpoint, Error>>>,
    /// Bytes appended when the last one began.
    appended: u64,
    /// Bytes appended when the one that is being written began.
    begun: u64,
    every: u64,
    retry: Duration,
    /// The disk was full.
    not_before: Option<Instant>,
    chunk: Vec<u8>,
    /// Whether a thread may be used; tests that must be repeatable do without.
    pub threads: bool,
}

impl Checkpointer {
    pub(super) fn new(options: &DiskOptions) -> Self {
        Self {
            last: Checkpoint::default(),
            replayed: 0,
            writing: None,
            finishing: None,
            appended: 0,
            begun: 0,
            every: options.checkpoint_bytes,
            retry: options.full_retry,
            not_before: None,
            chunk: Vec::new(),
            threads: true,
        }
    }

    fn since(&self, log: &Log) -> u64 {
        self.replayed + log.appended - self.appended
    }

    /// One slice; whether there is more to do.
    pub(super) fn step(
        &mut self,
        log: &mut Log,
        index: &mut dyn Index,
        durable: &Arc<Durable>,
        commit: u64,
        lock: Option<&Arc<fs::File>>,
    ) -> Result<bool, Error> {
        if let Some(thread) = self.finishing.take_if(|thread| thread.is_finished()) {
            self.settle(log, thread.join())?;
        }
        if self.finishing.is_some() {
            return Ok(false);
        }
        let since = self.since(log);
        // On a full disk, what was acknowledged gives its space back only after a checkpoint.
        let due = since >= self.every.max(index.len() * MESSAGE) || (log.is_full() && since > 0);
        if self.writing.is_none() && due && self.not_before.is_none_or(|retry| retry <= Instant::now()) {
            self.begin(log)?;
        }
        let Some(mut writer) = self.writing.take() else { return Ok(false) };
        match self.slice(&mut writer, index) {
            Ok(true) => self.writing = Some(writer),
            Ok(false) => self.end(writer, log, durable, commit, lock)?,
            Err(error) => self.refused(log, error)?,
        }
        Ok(self.writing.is_some())
    }

    /// Writes one to the end, whatever the policy says, unless nothing has changed.
    pub(super) fn finish(
        &mut self,
        log: &mut Log,
        index: &mut dyn Index,
        durable: &Arc<Durable>,
        commit: u64,
        lock: Option<&Arc<fs::File>>,
    ) -> Result<(), Error> {
        if let Some(thread) = self.finishing.take() {
            self.settle(log, thread.join())?;
        }
        self.writing = None;
        let changed = self.since(log) > 0 || self.last == Checkpoint::default();
        if !changed {
            return Ok(());
        }
        self.begin(log)?;
        while let Some(mut writer) = self.writing.take() {
            match self.slice(&mut writer, index) {
                Ok(true) => self.writing = Some(writer),
                Ok(false) => self.end(writer, log, durable, commit, lock)?,
                Err(error) => self.refused(log, error)?,
            }
        }
        match self.finishing.take() {
            Some(thread) => self.settle(log, thread.join()),
            None => Ok(()),
        }
    }

    fn begin(&mut self, log: &mut Log) -> Result<(), Error> {
        match Writer::begin(&*log.files, self.last.number + 1, log.end()) {
            Ok(writer) => {
                self.begun = log.appended;
                self.writing = Some(writer);
                Ok(())
            }
            Err(error) => self.refused(log, failed("cannot write a checkpoint", &error)),
        }
    }

    /// The next chunk; whether there is another one.
    fn slice(&mut self, writer: &mut Writer, index: &mut dyn Index) -> Result<bool, Error> {
        self.chunk.clear();
        let next = index.snapshot(writer.cursor, &mut self.chunk);
        writer.chunk(&self.chunk).map_err(|error| failed("cannot write a checkpoint", &error))?;
        writer.cursor = next.unwrap_or(0);
        Ok(next.is_some())
    }

    /// Everything that the chunks may speak of must be durable before them.
    fn end(
        &mut self,
        mut writer: Writer,
        log: &mut Log,
        durable: &Arc<Durable>,
        commit: u64,
        lock: Option<&Arc<fs::File>>,
    ) -> Result<(), Error> {
        log.write()?;
        let end = log.end();
        if let Err(error) = writer.end(end) {
            return self.refused(log, failed("cannot write a checkpoint", &error));
        }
        let files = log.segments.range(self.last.begin.segment..).map(|(_, segment)| Arc::clone(&segment.file));
        let names = Some(Arc::clone(&log.files));
        let pending = Pending { files: files.collect(), names, commit, end };
        let (files, durable, lock) = (Arc::clone(&log.files), Arc::clone(durable), lock.cloned());
        let run = move || {
            pending.sync(&durable)?;
            let checkpoint = writer.finish(&*files).map_err(|error| failed("cannot finish a checkpoint", &error));
            drop(lock);
            checkpoint
        };
        if self.threads {
            let thread = thread::Builder::new().name("queue-checkpoint".into()).spawn(run);
            self.finishing = Some(thread.map_err(|error| failed("cannot start a thread", &error))?);
            return Ok(());
        }
        let result = run();
        self.settle(log, Ok(result))
    }

    fn settle(&mut self, log: &Log, result: thread::Result<Result<Checkpoint, Error>>) -> Result<(), Error> {
        match result {
            Ok(Ok(checkpoint)) => {
                self.last = checkpoint;
                (self.appended, self.replayed) = (self.begun, 0);
                self.not_before = log.is_full().then(|| Instant::now() + self.retry * 10);
                Ok(())
            }
            Ok(Err(error)) => self.refused(log, error),
            Err(_) => Err(Error::Internal { detail: "the thread of a checkpoint panicked".into() }),
        }
    }

    /// Without room for a checkpoint, the one before counts on.
    fn refused(&mut self, log: &Log, error: Error) -> Result<(), Error> {
        if !matches!(error, Error::DiskFull { .. }) {
            return Err(error);
        }
        super::checkpoint::remove_unfinished(&*log.files);
        self.not_before = Some(Instant::now() + self.retry * 10);
        Ok(())
    }
}
