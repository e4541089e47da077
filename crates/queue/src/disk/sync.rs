//! What is durable. A sync runs on another thread; what it has achieved is noted here.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::files::{File, Files, failed};
use crate::{Error, Histogram, Location};

/// What the syncs have achieved.
#[derive(Default)]
pub(super) struct Durable {
    reached: Mutex<Reached>,
    /// One sync at a time. The system tells an error of writing to one caller only: another one that asked at the same time would
    /// take its own for a success. The engine's thread never waits for this lock.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Reached {
    /// The last commit.
    commit: u64,
    /// The end of the log then.
    end: Location,
    failed: Option<Error>,
    /// Microseconds that the syncs took.
    time: Histogram,
}

impl Durable {
    /// The last commit that is durable.
    pub(super) fn commit(&self) -> u64 {
        self.reached.lock().commit
    }

    /// Everything before this place is durable.
    pub(super) fn end(&self) -> Location {
        self.reached.lock().end
    }

    /// An error for ever after a sync has failed: what it should have written may be gone from the system's memory, so that the
    /// next one would succeed.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.reached.lock().failed.clone().map_or(Ok(()), Err)
    }

    pub(super) fn reach(&self, commit: u64, end: Location) {
        let mut reached = self.reached.lock();
        reached.commit = reached.commit.max(commit);
        reached.end = reached.end.max(end);
    }

    /// Microseconds that the syncs took.
    pub(super) fn sync_time(&self) -> Histogram {
        self.reached.lock().time
    }

    /// Fails, once and for all.
    pub(super) fn fail(&self, error: &Error) {
        self.reached.lock().failed.get_or_insert_with(|| error.clone());
    }
}

/// What is to be made durable.
pub(super) struct Pending {
    pub files: Vec<Arc<dyn File>>,
    /// The directory too: there are new names.
    pub names: Option<Arc<dyn Files>>,
    pub commit: u64,
    pub end: Location,
}

impl Pending {
    pub(super) fn sync(self, durable: &Durable) -> Result<(), Error> {
        let _turn = durable.turn.lock();
        durable.check()?;
        let began = Instant::now();
        let result = self.files.iter().try_for_each(|file| file.sync());
        let result = result.and_then(|()| self.names.as_ref().map_or(Ok(()), |names| names.sync_names()));
        match result {
            Ok(()) => {
                let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                durable.reached.lock().time.add(micros);
                durable.reach(self.commit, self.end);
                Ok(())
            }
            Err(error) => {
                // Never a full disk that one could go on with: which bytes are lost is unknown.
                let error = Error::Store { detail: format!("cannot sync the log: {error}").into() };
                durable.fail(&error);
                Err(error)
            }
        }
    }

    fn merge(&mut self, later: Self) {
        for file in later.files {
            if !self.files.iter().any(|known| Arc::ptr_eq(known, &file)) {
                self.files.push(file);
            }
        }
        self.names = self.names.take().or(later.names);
        self.commit = later.commit;
        self.end = later.end;
    }
}

/// A thread that syncs what it was given, at most `every` after it got it. It ends when this is dropped.
pub(super) struct Background(Sender<Pending>, JoinHandle<()>);

impl Background {
    pub(super) fn start(every: Duration, durable: Arc<Durable>) -> Result<Self, Error> {
        let (sender, receiver) = mpsc::channel::<Pending>();
        let run = move || {
            while let Ok(mut pending) = receiver.recv() {
                let due = Instant::now() + every;
                let ended = loop {
                    match receiver.recv_timeout(due.saturating_duration_since(Instant::now())) {
                        Ok(later) => pending.merge(later),
                        Err(error) => break error == RecvTimeoutError::Disconnected,
                    }
                };
                if pending.sync(&durable).is_err() || ended {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("queue-interval".into())
            .spawn(run)
            .map_err(|error| failed("cannot start a thread", &error))?;
        Ok(Self(sender, thread))
    }

    /// Later: an error shows in [`Durable::check`].
    pub(super) fn sync(&self, pending: Pending) {
        self.0.send(pending).ok();
    }

    /// Syncs what it was given, at once.
    pub(super) fn finish(self) {
        drop(self.0);
        self.1.join().ok();
    }
}
