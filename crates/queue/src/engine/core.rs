//! A machine, its store and its clock: what one round does. No thread is known here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use super::outbox::Outbox;
use crate::{Command, Commit, Config, Effect, Effects, Error, Machine, MessageId, Now, Opener, Store, SyncTask};

/// What nobody waits for is made durable after so many milliseconds.
const LAZY: u64 = 50;

/// How often the store may maintain itself when it has not asked for it.
const MAINTAIN: u64 = 100;

/// Commands that are applied in place together, a microsecond each at most: more than that is not saved by it.
const SHORT: usize = 128;

pub(super) struct Core {
    clock: Clock,
    store: Box<dyn Store>,
    machine: Machine,
    out: Effects,
    /// Memory for commands.
    spare: Vec<Command>,
    pub(super) syncing: bool,
    pub(super) closing: bool,
    /// Since when something is appended and not handed to a sync; monotonic clock.
    unsynced: Option<u64>,
    maintained: u64,
    /// The store wants to be maintained.
    busy: bool,
}

/// A sync, and what to publish when it has ended.
pub(super) struct Job {
    task: SyncTask,
    effects: Vec<Effect>,
    /// What is durable then.
    newest: MessageId,
}

impl Core {
    /// Opens the store, and says how that went.
    pub(super) fn open(mut config: Config, open: Opener, outbox: &Outbox) -> Result<Self, Error> {
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
        outbox.publish(&mut vec![Effect::Opened(first)]);
        Ok(Self {
            clock,
            store: store?,
            machine,
            out: Effects::default(),
            spare: Vec::new(),
            syncing: false,
            closing: false,
            unsynced: None,
            maintained: 0,
            busy: false,
        })
    }

    /// A round. Returns the sync that it needs; to be run by the caller, without holding anything.
    pub(super) fn round(
        &mut self,
        outbox: &Outbox,
        take: impl FnOnce(Vec<Command>) -> (Vec<Command>, bool),
    ) -> Result<Option<Job>, Error> {
        let (mut commands, closing) = take(std::mem::take(&mut self.spare));
        let now = self.clock.now();
        for command in commands.drain(..) {
            self.machine.apply(command, now, &mut *self.store, &mut self.out)?;
        }
        self.spare = commands;
        self.machine.tick(now, &mut *self.store, &mut self.out)?;
        outbox.publish(&mut self.out.now);
        let job = self.commit(now, |effects| outbox.publish(effects))?;
        self.closing = closing;
        self.busy |= now.mono >= self.maintained + MAINTAIN;
        // A sync goes first: the next round maintains the store meanwhile.
        if self.busy && job.is_none() && !self.machine.is_stuck() && !closing {
            self.busy = self.store.maintain(&mut self.machine)?;
            self.maintained = self.clock.now().mono;
        }
        Ok(job)
    }

    /// Applies short commands for a store that keeps nothing. False: they are left as they were.
    pub(super) fn in_place(&mut self, outbox: &Outbox, commands: &mut Vec<Command>) -> Result<bool, Error> {
        let now = self.clock.now();
        let short = commands.len() <= SHORT && commands.iter().all(Command::is_short);
        let due = self.machine.next_deadline(now) == Some(0);
        if !short || due || self.closing || self.store.keeps_state() {
            return Ok(false);
        }
        for command in commands.drain(..) {
            self.machine.apply(command, now, &mut *self.store, &mut self.out)?;
        }
        self.machine.tick(now, &mut *self.store, &mut self.out)?;
        outbox.put(&mut self.out.now);
        if self.commit(now, |effects| outbox.put(effects))?.is_some() {
            return Err(Error::Internal { detail: "a store that keeps nothing asked for a sync".into() });
        }
        Ok(true)
    }

    /// When a round is due, if nothing happens before.
    pub(super) fn alarm(&self) -> Option<Instant> {
        let now = self.clock.now();
        if self.busy && !self.machine.is_stuck() {
            return Some(Instant::now());
        }
        let lazy = self.unsynced.filter(|_| !self.syncing).map(|since| (since + LAZY).saturating_sub(now.mono));
        let first = self.machine.next_deadline(now).into_iter().chain(lazy).min()?;
        Some(Instant::now() + Duration::from_millis(first.min(A_YEAR)))
    }

    /// What makes durable what somebody waits for, unless a sync is under way: then it is part of the next.
    fn commit(&mut self, now: Now, publish: impl Fn(&mut Vec<Effect>)) -> Result<Option<Job>, Error> {
        if self.machine.take_appended() {
            self.unsynced.get_or_insert(now.mono);
        }
        if self.syncing || self.machine.is_stuck() {
            return Ok(None);
        }
        let Some(since) = self.unsynced else {
            publish(&mut self.out.durable);
            return Ok(None);
        };
        if self.out.durable.is_empty() && now.mono < since + LAZY {
            self.store.write()?;
            return Ok(None);
        }
        self.unsynced = None;
        let newest = self.machine.newest();
        match self.store.commit()? {
            Commit::Done => {
                self.machine.synced(newest);
                publish(&mut self.out.durable);
                Ok(None)
            }
            Commit::Sync(task) => {
                self.syncing = true;
                Ok(Some(Job { task, effects: std::mem::take(&mut self.out.durable), newest }))
            }
        }
    }

    /// A sync has ended. A round is to follow: somebody may wait for the next.
    pub(super) fn synced(&mut self, result: Result<MessageId, Error>) -> Result<(), Error> {
        self.syncing = false;
        self.machine.synced(result?);
        Ok(())
    }

    /// The end: what was submitted is durable, and the store lets go of what it has.
    pub(super) fn close(mut self, outbox: &Outbox) -> Result<(), Error> {
        let now = self.clock.now();
        self.machine.close(&Error::Closed, now, &mut *self.store, &mut self.out)?;
        if let Commit::Sync(task) = self.store.commit()? {
            task()?;
        }
        outbox.publish(&mut self.out.durable);
        self.store.close(&mut self.machine)
    }

    /// The store failed: whoever waits is told.
    pub(super) fn fail(mut self, outbox: &Outbox, error: &Error) {
        self.machine.fail_all(error, &mut self.out);
        fail(&mut self.out.durable, error);
        outbox.publish(&mut self.out.now);
        outbox.publish(&mut self.out.durable);
    }
}

const A_YEAR: u64 = 365 * 24 * 3_600 * 1_000;

impl Job {
    /// Syncs, publishes, and returns what is durable now.
    pub(super) fn run(self, outbox: &Outbox) -> Result<MessageId, Error> {
        let Self { task, mut effects, newest } = self;
        let result = catch_unwind(AssertUnwindSafe(task))
            .unwrap_or_else(|_| Err(Error::Internal { detail: "a panic in the store's sync".into() }));
        if let Err(error) = &result {
            fail(&mut effects, error);
        }
        outbox.publish(&mut effects);
        result.map(|()| newest)
    }
}

/// What was to be said does not hold: answers become errors, and the rest is left out.
fn fail(effects: &mut Vec<Effect>, error: &Error) {
    effects.retain_mut(|effect| match effect {
        Effect::Done { result, .. } => {
            *result = Err(error.clone());
            true
        }
        Effect::Replied { result, .. } => {
            *result = Err(error.clone());
            true
        }
        Effect::WorkerClosed { .. } | Effect::Opened(_) => true,
        _ => false,
    });
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

/// Random bytes without a crate for it: the keys that the standard library draws for its hash maps come from the system.
fn secret() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let mut bytes = [0; 16];
    for half in bytes.chunks_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(0).to_le_bytes());
    }
    bytes
}
