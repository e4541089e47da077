//! Rounds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Shared;
use super::sync::{Job, Syncer, fail};
use crate::{Commit, Config, Effect, Effects, Error, Machine, MessageId, Now, Opener, Store};

/// What nobody waits for is made durable after so many milliseconds.
const LAZY: u64 = 50;

/// How often the store may maintain itself when it has not asked for it.
const MAINTAIN: u64 = 100;

/// The thread's whole life.
pub(super) fn run(shared: &Arc<Shared>, config: Config, open: Opener) {
    let result = catch_unwind(AssertUnwindSafe(|| Worker::open(shared, config, open).and_then(Worker::live)));
    let error = match result {
        Ok(Ok(())) => Error::Closed,
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Error::Internal { detail: text.unwrap_or_else(|| "a panic".to_owned()).into() }
        }
    };
    let mut left = shared.inbox.end(error.clone());
    shared.refuse(&mut left, &error);
    let mut effects = Vec::new();
    if error != Error::Closed {
        effects.push(Effect::Failed(error));
    }
    effects.push(Effect::Closed);
    shared.outbox.publish(&mut effects);
}

struct Clock {
    start: Instant,
}

impl Clock {
    fn now(&self) -> Now {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, millis);
        Now { wall, mono: millis(self.start.elapsed()) }
    }
}

struct Worker<'a> {
    shared: &'a Arc<Shared>,
    clock: Clock,
    store: Box<dyn Store>,
    machine: Machine,
    out: Effects,
    syncer: Syncer,
    syncing: bool,
    /// Since when something is appended and not handed to a sync; monotonic clock.
    unsynced: Option<u64>,
    maintained: u64,
}

impl<'a> Worker<'a> {
    fn open(shared: &'a Arc<Shared>, mut config: Config, open: Opener) -> Result<Self, Error> {
        config.secret.get_or_insert_with(secret);
        let clock = Clock { start: Instant::now() };
        let mut machine = Machine::new(&config);
        let opened = open().and_then(|mut store| {
            let mut report = store.recover(&mut machine)?;
            machine.opened(clock.now(), &mut *store, &mut report)?;
            report.millis = clock.now().mono;
            Ok((store, report))
        });
        let (store, first) = match opened {
            Ok((store, report)) => (Ok(store), Ok(report)),
            Err(error) => (Err(error.clone()), Err(error)),
        };
        shared.outbox.publish(&mut vec![Effect::Opened(first)]);
        Ok(Self {
            shared,
            clock,
            store: store?,
            machine,
            out: Effects::default(),
            syncer: Syncer::default(),
            syncing: false,
            unsynced: None,
            maintained: 0,
        })
    }

    fn live(mut self) -> Result<(), Error> {
        let result = self.rounds();
        if let Err(error) = &result {
            // The sync that is under way says for itself what became of its answers.
            self.await_sync().ok();
            self.machine.fail_all(error, &mut self.out);
            fail(&mut self.out.durable, error);
            self.shared.outbox.publish(&mut self.out.now);
            self.shared.outbox.publish(&mut self.out.durable);
        }
        result
    }

    fn rounds(&mut self) -> Result<(), Error> {
        let mut commands = Vec::new();
        let mut busy = false;
        loop {
            let timeout = if busy { Some(Duration::ZERO) } else { self.timeout() };
            let mut waiting = self.shared.inbox.wait(timeout, commands, false);
            if let Some(result) = waiting.synced {
                self.synced(result)?;
            }
            let now = self.clock.now();
            for command in waiting.commands.drain(..) {
                self.machine.apply(command, now, &mut *self.store, &mut self.out)?;
            }
            commands = waiting.commands;
            self.machine.tick(now, &mut *self.store, &mut self.out)?;
            self.shared.outbox.publish(&mut self.out.now);
            self.commit(now)?;
            if waiting.closing {
                return self.close();
            }
            if !self.machine.is_stuck() && (busy || now.mono >= self.maintained + MAINTAIN) {
                busy = self.store.maintain(&mut self.machine)?;
                self.maintained = self.clock.now().mono;
            }
        }
    }

    /// How long nothing has to be done.
    fn timeout(&self) -> Option<Duration> {
        let now = self.clock.now();
        let lazy = self.unsynced.filter(|_| !self.syncing).map(|since| (since + LAZY).saturating_sub(now.mono));
        let first = self.machine.next_deadline(now).into_iter().chain(lazy).min();
        first.map(Duration::from_millis)
    }

    /// Makes durable what somebody waits for, unless a sync is under way: then it is part of the next.
    fn commit(&mut self, now: Now) -> Result<(), Error> {
        if self.machine.take_appended() {
            self.unsynced.get_or_insert(now.mono);
        }
        if self.syncing || self.machine.is_stuck() {
            return Ok(());
        }
        let Some(since) = self.unsynced else {
            self.shared.outbox.publish(&mut self.out.durable);
            return Ok(());
        };
        if self.out.durable.is_empty() && now.mono < since + LAZY {
            return self.store.write();
        }
        self.unsynced = None;
        let newest = self.machine.newest();
        match self.store.commit()? {
            Commit::Done => {
                self.machine.synced(newest);
                self.shared.outbox.publish(&mut self.out.durable);
            }
            Commit::Sync(task) => {
                let effects = std::mem::take(&mut self.out.durable);
                self.syncer.run(self.shared, Job { task, effects, newest })?;
                self.syncing = true;
            }
        }
        Ok(())
    }

    fn synced(&mut self, result: Result<MessageId, Error>) -> Result<(), Error> {
        self.syncing = false;
        self.machine.synced(result?);
        Ok(())
    }

    fn await_sync(&mut self) -> Result<(), Error> {
        while self.syncing {
            if let Some(result) = self.shared.inbox.wait(None, Vec::new(), true).synced {
                self.synced(result)?;
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.await_sync()?;
        let now = self.clock.now();
        self.machine.close(&Error::Closed, now, &mut *self.store, &mut self.out)?;
        if let Commit::Sync(task) = self.store.commit()? {
            task()?;
        }
        self.shared.outbox.publish(&mut self.out.durable);
        self.store.close(&mut self.machine)
    }
}

/// Random bytes without a crate for it: the keys that the standard library draws for its hash maps come from the system.
fn secret() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let mut bytes = [0; 16];
    for half in bytes.chunks_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(0).to_le_bytes());
    }
    bytes
}
