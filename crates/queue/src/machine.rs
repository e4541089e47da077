//! The state machine: commands and a clock in, effects out.
//!
//! Invariants:
//! - A message is in exactly one place: its queue's ready lists, its key's blocked list, a heap of delays, or a lease.
//! - Of a key, no more than `key_concurrency` messages are ready, held, or waiting for a retry (`HOLDS`); the others are blocked, or
//!   delayed and not yet in the key's order. With `by_interest` there is another order of a key: see `interest`.
//! - A record is appended before the index changes, so a refused record changes nothing.

mod dedup;
mod dispatch;
mod fail;
mod heap;
mod ids;
mod interest;
mod key;
mod lease;
mod list;
mod manage;
mod message;
mod place;
mod queue;
mod read;
mod repeat;
mod replay;
mod send;
mod settle;
mod slab;
mod snapshot;
mod sweep;
mod tick;
mod window;
mod work;
mod worker;

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

pub use self::manage::check_options;

use self::heap::Heap;
use self::ids::Ids;
use self::key::Keys;
use self::lease::Leases;
use self::queue::Queue;
use self::replay::Replaying;
use self::send::{Pending, WaitingBatch};
use self::slab::Slab;
use self::snapshot::Cursor;
use self::sweep::Sweep;
use self::worker::Worker;
use crate::record::{Change, write_attempts, write_removed};
use crate::{
    Class, Command, Config, Effect, Error, Event, EventKind, Location, MessageId, Now, Outcome, QueueRef, Store, Ticket,
};

/// What a round has to tell.
#[derive(Debug, Default)]
pub struct Effects {
    /// To be published at once.
    pub now: Vec<Effect>,
    /// To be published when everything appended so far is durable.
    pub durable: Vec<Effect>,
}

/// What a method of the machine is handed from outside.
pub(crate) struct Round<'a> {
    pub(crate) now: Now,
    pub(crate) store: &'a mut dyn Store,
    pub(crate) out: &'a mut Effects,
}

impl Round<'_> {
    fn done(&mut self, ticket: Ticket, result: Result<Outcome, Error>) {
        self.out.durable.push(Effect::Done { ticket, result });
    }
}

/// Something that is to be looked at again; monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A queue may deliver again.
    Queue(u32),
    /// A request has waited long enough.
    Request(MessageId),
    /// A key's rate limit counts nothing any more.
    Key(u32),
    /// The oldest dedup id of a queue leaves the window.
    Dedup(u32),
    /// A schedule by interval; the queue, and a number of its own.
    Repeat(u32, u64),
}

/// All queues of one store. Pure: it has no clock and no thread, and its only I/O is the store that it is handed.
///
/// Life: [`Machine::new`], [`Store::recover`] with it, [`Machine::opened`], then rounds of [`Machine::apply`] and one
/// [`Machine::tick`], a [`Store::commit`], and [`Machine::synced`] when that is durable.
///
/// An `Err` from a method means that the store failed for good; the machine must not be used any more.
pub struct Machine {
    config: Config,
    secret: [u8; 16],
    random: u64,
    now: Now,
    slab: Slab,
    ids: Ids,
    keys: Keys,
    leases: Leases,
    queues: Vec<Queue>,
    names: FxHashMap<Box<str>, u32>,
    handles: FxHashMap<QueueRef, u32>,
    workers: Vec<Option<Worker>>,
    worker_numbers: FxHashMap<u32, u32>,
    /// Delayed messages by the monotonic clock, and by the wall clock.
    delays: Heap,
    dates: Heap,
    /// Messages by when they expire; wall clock.
    expiries: Heap,
    timers: BTreeSet<(u64, Timer)>,
    /// Cron schedules by their next time; wall clock.
    crons: BTreeSet<(u64, u32, Box<str>)>,
    /// Where the errors of failed attempts are, by slot.
    histories: FxHashMap<u32, (Location, u32)>,
    requests: FxHashMap<MessageId, Pending>,
    batches: FxHashMap<u64, WaitingBatch>,
    next_batch: u64,
    sweeps: VecDeque<Sweep>,
    /// Queues that may have something to deliver, or room for a waiting send.
    dirty: Vec<u32>,
    /// What was not written down yet: messages that are gone, and numbers of deliveries.
    gone: Vec<MessageId>,
    attempts: Vec<(MessageId, u16)>,
    /// The store refused even changes of state: nothing is delivered and nothing promised until it takes them.
    stuck: bool,
    /// Something was appended since [`Machine::take_appended`].
    appended: bool,
    newest: MessageId,
    durable: MessageId,
    next_token: u64,
    next_repeat: u64,
    head: Vec<u8>,
    fatal: Option<Error>,
    replaying: Replaying,
    cursor: Cursor,
}

impl Machine {
    /// An empty machine. Without a secret in the configuration it is all zeros: keys can then be forged to collide.
    pub fn new(config: &Config) -> Self {
        let secret = config.secret.unwrap_or_default();
        let random = u64::from_le_bytes(std::array::from_fn(|index| secret.get(index).copied().unwrap_or(0)));
        Self {
            config: config.clone(),
            secret,
            random,
            now: Now::default(),
            slab: Slab::new(),
            ids: Ids::new(),
            keys: Keys::default(),
            leases: Leases::default(),
            queues: Vec::new(),
            names: FxHashMap::default(),
            handles: FxHashMap::default(),
            workers: Vec::new(),
            worker_numbers: FxHashMap::default(),
            delays: Heap::default(),
            dates: Heap::default(),
            expiries: Heap::default(),
            timers: BTreeSet::new(),
            crons: BTreeSet::new(),
            histories: FxHashMap::default(),
            requests: FxHashMap::default(),
            batches: FxHashMap::default(),
            next_batch: 0,
            sweeps: VecDeque::new(),
            dirty: Vec::new(),
            gone: Vec::new(),
            attempts: Vec::new(),
            stuck: false,
            appended: false,
            newest: MessageId::default(),
            durable: MessageId::default(),
            // Tokens of an earlier life are not mistaken for those of this one.
            next_token: (random >> 52) << 40,
            next_repeat: 0,
            head: Vec::new(),
            fatal: None,
            replaying: Replaying::default(),
            cursor: Cursor::default(),
        }
    }

    /// Executes a command.
    pub fn apply(&mut self, command: Command, now: Now, store: &mut dyn Store, out: &mut Effects) -> Result<(), Error> {
        self.now = now;
        let cx = &mut Round { now, store, out };
        match command {
            Command::Declare { ticket, queue, name, options } => {
                let result = self.declare(cx, queue, name, options);
                cx.done(ticket, result);
            }
            Command::Send { ticket, queue, message } => self.send(cx, ticket, queue, message, None),
            Command::SendBatch { ticket, queue, messages } => self.send_batch(cx, ticket, queue, messages),
            Command::Request { ticket, queue, message, request } => {
                self.send(cx, ticket, queue, message, Some(request));
            }
            Command::Consume { ticket, worker, queue, options } => {
                let result = self.consume(worker, queue, options);
                cx.done(ticket, result);
            }
            Command::Interest { ticket, worker, key, wanted } => {
                self.interest(worker, &key, wanted);
                if let Some(ticket) = ticket {
                    // Behind the deliveries under the interest before.
                    cx.done(ticket, Ok(Outcome::Done));
                }
            }
            Command::SetConcurrency { worker, concurrency } => self.set_concurrency(worker, concurrency),
            Command::CloseWorker { worker, lost } => self.close_worker(cx, worker, lost),
            Command::Settle { ticket, lease, outcome } => {
                let result = self.settle(cx, lease, outcome);
                if let Some(ticket) = ticket {
                    cx.done(ticket, result.map(|()| Outcome::Done));
                }
            }
            Command::Extend { ticket, lease, millis } => {
                let result = self.extend(cx, lease, millis);
                if let Some(ticket) = ticket {
                    cx.out.now.push(Effect::Done { ticket, result: result.map(|()| Outcome::Done) });
                }
            }
            Command::Progress { lease, data } => self.progress(cx, lease, &data),
            Command::Queue { ticket, queue, action } => self.manage(cx, ticket, queue, action),
            Command::Message { ticket, queue, id, action } => {
                let result = self.message(cx, queue, id, &action);
                cx.done(ticket, result);
            }
            Command::Subscribe { queue, events } => {
                if let Ok(index) = self.find(queue)
                    && let Some(found) = self.queues.get_mut(index as usize)
                {
                    (found.mask, found.handle) = (events, queue);
                }
            }
            Command::Queues { ticket } => {
                let names = self.queues.iter().map(|queue| queue.name.clone()).collect();
                cx.done(ticket, Ok(Outcome::Names(names)));
            }
            Command::Store { ticket } => {
                let stats = Box::new(cx.store.stats());
                cx.out.now.push(Effect::Done { ticket, result: Ok(Outcome::Store(stats)) });
            }
            Command::Flush { ticket } => cx.done(ticket, Ok(Outcome::Done)),
        }
        self.fatal.clone().map_or(Ok(()), Err)
    }

    /// The id of the newest message: ask before a commit, and hand it to [`Machine::synced`] after it.
    pub fn newest(&self) -> MessageId {
        self.newest
    }

    /// Everything up to this message is durable, so it may be delivered without waiting for a commit.
    pub fn synced(&mut self, newest: MessageId) {
        self.durable = self.durable.max(newest);
    }

    /// The store takes nothing, not even a change of state: what is to be published when durable has to wait, and
    /// [`Machine::tick`] to be called again.
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Whether anything was appended to the store since this was asked last.
    pub fn take_appended(&mut self) -> bool {
        std::mem::take(&mut self.appended)
    }

    /// The queue behind a handle.
    fn find(&self, queue: QueueRef) -> Result<u32, Error> {
        let found = self.handles.get(&queue).copied();
        found.ok_or_else(|| Error::QueueNotFound { detail: format!("handle {}", queue.0).into() })
    }

    fn queue(&self, index: u32) -> Result<&Queue, Error> {
        let found = self.queues.get(index as usize);
        found.ok_or_else(|| Error::QueueNotFound { detail: format!("number {index}").into() })
    }

    fn queue_mut(&mut self, index: u32) -> Result<&mut Queue, Error> {
        let found = self.queues.get_mut(index as usize);
        found.ok_or_else(|| Error::QueueNotFound { detail: format!("number {index}").into() })
    }

    /// Looks at the queue before the round ends.
    fn touch(&mut self, queue: u32) {
        if let Some(found) = self.queues.get_mut(queue as usize)
            && !found.dirty
        {
            found.dirty = true;
            self.dirty.push(queue);
        }
    }

    /// Tells subscribers; `kind` is made only for them.
    fn event(&self, cx: &mut Round<'_>, queue: u32, id: MessageId, bit: u8, kind: impl FnOnce() -> EventKind) {
        if let Some(found) = self.queues.get(queue as usize)
            && found.mask.0 & 1 << bit != 0
        {
            cx.out.durable.push(Effect::Event(Event { queue: found.handle, id, kind: kind() }));
        }
    }

    /// Appends what `self.head` holds, and a body.
    fn append(&mut self, cx: &mut Round<'_>, class: Class, body: &[u8]) -> Result<(Location, u32), Error> {
        let len = self.head.len() + body.len();
        let len =
            u32::try_from(len).map_err(|_| Error::MessageTooLarge { bytes: len as u64, limit: u32::MAX.into() })?;
        match cx.store.append(class, &self.head, body) {
            Ok(at) => {
                self.appended = true;
                Ok((at, len))
            }
            Err(error) => {
                if !matches!(error, Error::DiskFull { .. }) {
                    self.fatal = Some(error.clone());
                }
                Err(error)
            }
        }
    }

    /// Appends a change of state.
    fn record(&mut self, cx: &mut Round<'_>, change: &Change) -> Result<(), Error> {
        if !cx.store.keeps_state() {
            return Ok(());
        }
        change.write(&mut self.head);
        self.append(cx, Class::State, &[]).map(|_| ())
    }

    /// Writes down what was gathered: one record for many messages.
    fn flush(&mut self, cx: &mut Round<'_>) -> Result<(), Error> {
        // Three bytes each, usually; a record of state stays below a KiB.
        const MOST: usize = 85;
        if !cx.store.keeps_state() {
            self.gone.clear();
            self.attempts.clear();
            return Ok(());
        }
        for (gone, attempts) in [(false, true), (true, false)] {
            loop {
                let count = if gone { self.gone.len() } else { self.attempts.len() }.min(MOST);
                if count == 0 {
                    break;
                }
                if gone {
                    write_removed(self.gone.get(..count).unwrap_or_default(), &mut self.head);
                }
                if attempts {
                    write_attempts(self.attempts.get(..count).unwrap_or_default(), &mut self.head);
                }
                self.append(cx, Class::State, &[])?;
                if gone {
                    self.gone.drain(..count);
                } else {
                    self.attempts.drain(..count);
                }
            }
        }
        Ok(())
    }

    /// A random number from 0 up to 1 (splitmix64).
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let part = ((mixed ^ mixed >> 31) >> 11) as f64 / (1_u64 << 53) as f64;
        part
    }
}
