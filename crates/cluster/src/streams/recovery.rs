//! Connection state recovery of one namespace, shared by the cluster's thread, which reads the stream, and the event loop.
//!
//! One lock: an entry is put into the index and handed to the writers in one step, so that a client that comes back is told what it
//! missed up to an entry, and gets what comes after it. The lock is held for such a step, never while JavaScript runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use rustc_hash::FxBuildHasher;
use socketio_rooms::{RoomKey, Target};

use super::entry::Id;
use super::held::Held;
use super::index::{Index, Missed};
use super::waiting::{NO_OFFSET, Release, Waiting};
use crate::event::{Event, Events};
use crate::local::Writers;

/// So long a packet waits for its offset.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// The event loop pauses reading for less than this, or it is stuck.
const PAUSED: Duration = Duration::from_millis(500);
/// The most packets that wait.
const MOST_WAITING: usize = 100_000;
/// Who came back is forgotten when it does not connect (its middlewares may take long).
const RETURNING: Duration = Duration::from_secs(60);

/// Somebody who is about to be connected again.
#[derive(Debug)]
struct Returning {
    rooms: Vec<RoomKey>,
    /// What it was told ends here.
    told: Id,
    since: Instant,
    /// A packet for it was written before its entry came back, when it was not here yet.
    passed_by: bool,
}

/// Who comes back, by the tickets of their restores.
#[derive(Debug, Default)]
struct Comers {
    /// Restored, and not connected yet.
    returning: HashMap<u32, Returning, FxBuildHasher>,
    /// How many packets the event loop was told to write to one that is connected, and when, lately.
    late: HashMap<u32, (u32, Instant), FxBuildHasher>,
}

impl Comers {
    /// A packet is written. Who is not connected yet is not among its recipients, and does not find it in the stream if it is written
    /// before its entry has come back.
    fn pass_by(&mut self, Release { packet, offset }: &Release<Held>) {
        if *offset == Some(NO_OFFSET) {
            for returning in self.returning.values_mut() {
                returning.passed_by |= packet.names.mean(&returning.rooms);
            }
        }
    }

    fn tell(&mut self, ticket: u32, now: Instant) {
        let (count, last) = self.late.entry(ticket).or_insert((0, now));
        *count = count.wrapping_add(1);
        *last = now;
    }

    fn told(&self, ticket: u32) -> u32 {
        self.late.get(&ticket).map_or(0, |(count, _)| *count)
    }

    fn forget(&mut self, now: Instant) {
        let is_recent = |since| now.saturating_duration_since(since) < RETURNING;
        self.returning.retain(|_, returning| is_recent(returning.since));
        self.late.retain(|_, (_, last)| is_recent(*last));
    }
}

/// What the lock protects.
#[derive(Debug)]
pub struct Log {
    /// What was sent.
    pub index: Index,
    waiting: Waiting<Held>,
    comers: Comers,
    /// Entries come: there is something to wait for.
    reading: bool,
    paused: bool,
}

/// The recovery of a namespace.
pub struct Recovery {
    slot: u32,
    log: Mutex<Log>,
    resumed: Condvar,
    events: Arc<Events>,
    writers: Arc<Writers>,
}

impl std::fmt::Debug for Recovery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Recovery").field("slot", &self.slot).finish_non_exhaustive()
    }
}

/// What somebody missed between being told and being connected.
#[derive(Debug, Default, PartialEq)]
pub struct CaughtUp {
    /// In order.
    pub missed: Vec<Missed>,
    /// Packets that wait, which JavaScript writes to it as well: their tokens.
    pub tokens: Vec<u32>,
    /// The last entry that was handled: what is told to the event loop of this or an earlier one is not for it.
    pub until: Id,
    /// It has missed something that is not in the stream yet, and was written to others: it has to come again.
    pub too_early: bool,
}

impl Recovery {
    /// Of the namespace with that number. `most` packets and bytes are kept in its index.
    pub(crate) fn new(
        slot: u32,
        (most, most_bytes): (usize, usize),
        events: Arc<Events>,
        writers: Arc<Writers>,
    ) -> Self {
        let log = Log {
            index: Index::new(Id::MAX, most, most_bytes),
            waiting: Waiting::default(),
            comers: Comers::default(),
            reading: false,
            paused: false,
        };
        Self { slot, log: Mutex::new(log), resumed: Condvar::new(), events, writers }
    }

    /// For the cluster's thread: waits while the event loop connects somebody.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Log> {
        let mut log = self.log.lock();
        let deadline = Instant::now() + PAUSED;
        while log.paused && !self.resumed.wait_until(&mut log, deadline).timed_out() {}
        log
    }

    fn write(&self, comers: &mut Comers, release: Release<Held>) {
        comers.pass_by(&release);
        let Release { mut packet, offset } = release;
        for ticket in std::mem::take(&mut packet.late) {
            let (text, attachments) = (packet.text(offset).into(), packet.attachments.clone());
            comers.tell(ticket, Instant::now());
            self.events.push(Event::Late { slot: self.slot, ticket, text, attachments });
        }
        packet.write(offset, &self.writers);
        if let Some(token) = packet.token {
            self.events.push(Event::Released(self.slot, token, offset));
        }
    }

    /// A packet of this server is issued. `submit` hands its message over to be published, and returns its number. It has an offset
    /// if `recoverable`. Returns whether it waits; else it was handed to the writers, and JavaScript writes its share now.
    pub fn issue(&self, packet: Held, recoverable: bool, now: Instant, submit: impl FnOnce() -> Option<u64>) -> bool {
        let log = &mut *self.log.lock();
        // Its entry cannot come back before it is in the list.
        let number = submit().filter(|_| recoverable);
        let hold = log.reading && log.waiting.len() < MOST_WAITING;
        let release = log.waiting.push(packet, number, now + PATIENCE, hold);
        if log.waiting.len() >= MOST_WAITING {
            self.flush_all(log);
            return true;
        }
        let Some(mut release) = release else { return true };
        if release.offset.is_some() && release.packet.token.is_some() {
            // JavaScript appends the offset, too.
            self.write(&mut log.comers, release);
            return true;
        }
        log.comers.pass_by(&release);
        release.packet.write(release.offset, &self.writers);
        false
    }

    /// This server's entry with that number came back.
    pub(crate) fn own(&self, log: &mut Log, number: u64, id: Id) {
        let Log { waiting, comers, .. } = log;
        waiting.own(number, id, |release| self.write(comers, release));
    }

    /// Entries come, or do not any more: then nothing waits.
    pub(crate) fn set_reading(&self, reading: bool) {
        let log = &mut *self.lock();
        log.reading = reading;
        if !reading {
            self.flush_all(log);
        }
    }

    fn flush_all(&self, Log { waiting, comers, .. }: &mut Log) {
        waiting.flush(|release| self.write(comers, release));
    }

    /// Lets go of what has waited too long, and of who did not connect. Returns when to look again.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let Log { waiting, comers, .. } = &mut *self.lock();
        waiting.expire(now, |release| self.write(comers, release));
        comers.forget(now);
        waiting.due()
    }

    /// Whether packets wait.
    pub fn waits(&self) -> bool {
        !self.log.lock().waiting.is_empty()
    }

    /// The namespace ends: nothing waits any more.
    pub fn flush(&self) {
        self.flush_all(&mut self.log.lock());
    }

    /// A socket goes: what was issued for its connection is written first.
    pub fn flush_for(&self, connection: u32) {
        let Log { waiting, comers, .. } = &mut *self.log.lock();
        waiting.flush_for(|held| held.is_for(connection), |release| self.write(comers, release));
    }

    /// The event loop is about to connect somebody: no entry is handled, and nothing is let go, until [`Self::resume`].
    pub fn pause(&self) {
        self.log.lock().paused = true;
    }

    /// Goes on.
    pub fn resume(&self) {
        self.log.lock().paused = false;
        self.resumed.notify_all();
    }

    /// Somebody who was told what it missed (see [`Log::tell`]) is in its rooms again. Its own room's members are `target`, as of
    /// `epoch`; `native` if the engine writes to it. What it missed is to be written before [`Self::resume`].
    pub fn catch_up(&self, ticket: u32, target: &Target, epoch: u64, native: bool) -> CaughtUp {
        let mut log = self.log.lock();
        let mut caught_up = CaughtUp::default();
        if let Some(Returning { rooms, told, passed_by, .. }) = log.comers.returning.remove(&ticket) {
            // With all entries back the index has that packet.
            caught_up.too_early = passed_by && !log.is_exact();
            caught_up.missed = log.index.missed(&rooms, told);
            // Issued while it was not here, and not in the index yet.
            for held in log.waiting.numbered().filter(|held| held.names.mean(&rooms)) {
                if held.text.is_empty() {
                    caught_up.tokens.extend(held.token);
                } else if native {
                    held.recipients.push((target.clone(), epoch));
                } else {
                    held.late.push(ticket);
                }
            }
        }
        caught_up.until = log.index.last();
        caught_up
    }

    /// Whether [`Self::adopt`] would find all of `tokens`, and all that was kept for somebody since the restore with the ticket `late`, of
    /// which JavaScript has written so many: else what was let go is on its way to JavaScript.
    pub fn is_adoptable(&self, tokens: &[u32], late: Option<(u32, u32)>) -> bool {
        let log = &mut *self.log.lock();
        let mut tokens = tokens.iter().peekable();
        for held in log.waiting.packets() {
            tokens.next_if(|token| held.token == Some(**token));
        }
        tokens.next().is_none() && late.is_none_or(|(ticket, written)| log.comers.told(ticket) == written)
    }

    /// The engine writes to a client from now on, to which JavaScript did: what waits goes the same way, or what follows would overtake
    /// it. That is the packets with these `tokens`, in their order, and what was kept for it since its restore. The rest is as for
    /// [`Self::catch_up`].
    pub fn adopt(&self, tokens: &[u32], ticket: Option<u32>, target: &Target, epoch: u64) {
        let mut log = self.log.lock();
        let mut tokens = tokens.iter().peekable();
        for held in log.waiting.packets().filter(|held| !held.text.is_empty()) {
            let late = held.late.iter().position(|late| Some(*late) == ticket).map(|at| held.late.swap_remove(at));
            if tokens.next_if(|token| held.token == Some(**token)).is_some() || late.is_some() {
                held.recipients.push((target.clone(), epoch));
            }
        }
    }
}

impl Log {
    /// The offset that clients get with an entry of another server.
    pub(crate) fn offset(&self, id: Id) -> Id {
        self.waiting.offset(id)
    }

    /// Whether offsets are known: else a client may have got what the stream does not have yet.
    pub(crate) fn is_exact(&self) -> bool {
        self.waiting.offset(Id::MAX) == Id::MAX
    }

    /// What somebody in `rooms` missed after `offset`, which the index reaches. What comes from now on it gets by [`Recovery::catch_up`].
    pub(crate) fn tell(&mut self, ticket: u32, rooms: Vec<RoomKey>, offset: Id, now: Instant) -> Vec<Missed> {
        let missed = self.index.missed(&rooms, offset);
        let told = self.index.last();
        self.comers.returning.insert(ticket, Returning { rooms, told, since: now, passed_by: false });
        missed
    }
}
