//! Opening a store: from records to an index.

use rustc_hash::FxHashMap;

use super::dedup::Seen;
use super::place::When;
use super::queue::Queue;
use super::repeat::Repeat;
use super::slab::{Entry, HISTORY, HOLDS};
use super::{Effects, Machine, Round, key};
use crate::record::{self, Change, Head, Kind, VERSION};
use crate::{Damaged, Error, Location, MessageId, Now, QueueOptions, RecoveryReport, Replay, Store};

/// What is needed only until the index is complete.
#[derive(Default)]
pub(crate) struct Replaying {
    /// When messages are due, and when they expire, by slot; wall clock.
    pub(crate) due: FxHashMap<u32, u64>,
    pub(crate) expires: FxHashMap<u32, u64>,
    pub(crate) keys: FxHashMap<u32, u128>,
    /// Queue, hash, message.
    pub(crate) seen: Vec<(u32, u128, MessageId)>,
    pub(crate) genesis: bool,
    /// The store is of this newer version.
    newer: Option<u32>,
}

impl Machine {
    /// After the replay: puts the messages in order and tells the store which records live. Fills in `messages` and `queues`.
    pub fn opened(&mut self, now: Now, store: &mut dyn Store, report: &mut RecoveryReport) -> Result<(), Error> {
        self.now = now;
        if let Some(found) = self.replaying.newer {
            return Err(Error::FormatNewer { found, supported: VERSION.into() });
        }
        let mut replaying = std::mem::take(&mut self.replaying);
        let out = &mut Effects::default();
        if !replaying.genesis {
            let cx = &mut Round { now, store, out };
            self.record(cx, &Change::Genesis { version: VERSION.into(), secret: self.secret })?;
        }
        self.durable = self.newest;
        self.name_lost_queues(&mut Round { now, store, out })?;
        self.place_all(now, &mut replaying);
        replaying.seen.sort_unstable_by_key(|(_, _, id)| *id);
        for (queue, hash, id) in replaying.seen {
            let Ok(found) = self.queue(queue) else { continue };
            let (window, max) = (found.options.dedup_window, found.options.dedup_max);
            let left = window.saturating_sub(now.wall.saturating_sub(id.millis())).min(window);
            if left > 0 {
                self.remember(queue, Seen { until: now.mono.saturating_add(left), hash, id }, max);
            }
        }
        for queue in 0..u32::try_from(self.queues.len()).unwrap_or(0) {
            let names: Vec<_> = self.queue(queue)?.repeats.keys().cloned().collect();
            for name in names {
                self.arm(queue, &name, now);
            }
        }
        let entries = (0..self.slab.slots()).map(|slot| self.slab.at(slot)).filter(|entry| !entry.is_free());
        let messages = entries.map(|entry| (entry.location(), entry.len));
        store.recovered(&mut messages.chain(self.histories.values().copied()));
        report.messages = u64::from(self.slab.len());
        report.queues = self.queues.len() as u64;
        Ok(())
    }

    /// Gives queues whose record is lost a name by which their messages can be reached.
    fn name_lost_queues(&mut self, cx: &mut Round<'_>) -> Result<(), Error> {
        for index in 0..self.queues.len() {
            let Some(queue) = self.queues.get(index).filter(|queue| queue.name.starts_with('.')) else { continue };
            let (old, options, paused) = (queue.name.clone(), Box::new(queue.options.clone()), queue.paused);
            let mut name: Box<str> = format!("lost{old}").into();
            while self.names.contains_key(&name) {
                name = format!("{name}-").into();
            }
            let queue = u32::try_from(index).unwrap_or(u32::MAX);
            self.record(cx, &Change::Queue { queue, name: name.clone(), options, paused })?;
            self.names.remove(&old);
            self.names.insert(name.clone(), queue);
            self.queue_mut(queue)?.name = name;
        }
        Ok(())
    }

    /// Puts every message where it waits. In the order of ids; those that were delivered before come first, and what is retried
    /// later holds its key until then.
    fn place_all(&mut self, now: Now, replaying: &mut Replaying) {
        let mut slots: Vec<(bool, MessageId, u32)> = (0..self.slab.slots())
            .filter(|slot| !self.slab.at(*slot).is_free())
            .map(|slot| {
                let entry = self.slab.at(slot);
                // A key's order is that of the ids, whichever of them were delivered.
                let last =
                    entry.attempts == 0 || replaying.keys.contains_key(&slot) && self.is_by_interest(entry.queue);
                (last, entry.id(), slot)
            })
            .collect();
        slots.sort_unstable();
        for (_, _, slot) in slots {
            let fresh = self.slab.at(slot).attempts == 0;
            self.count_in(slot);
            if let Some(hash) = replaying.keys.get(&slot) {
                self.enter_key(slot, *hash);
            }
            let by_interest = self.waits_for_interest(self.slab.at(slot));
            if (fresh || by_interest)
                && let Some(at) = replaying.expires.get(&slot)
            {
                self.set_expiry(slot, *at);
            }
            let due = replaying.due.get(&slot).copied().filter(|due| *due > now.wall);
            let entry = *self.slab.at(slot);
            let limit = self.queues.get(entry.queue as usize).map_or(1, |queue| queue.options.key_concurrency);
            if by_interest {
                let retried = !fresh && due.is_some();
                self.make_delayed(slot, due.map_or(When::Now, When::Wall), retried);
                continue;
            }
            if !fresh
                && due.is_some()
                && let Some(key) = self.keys.get_mut(entry.key)
                && key.held < limit
            {
                key.held += 1;
                self.slab.at_mut(slot).set(HOLDS, true);
            }
            self.make_delayed(slot, due.map_or(When::Now, When::Wall), !fresh);
        }
    }

    /// A queue by its index; made, with a name that no app can give, if its record comes later or is lost.
    pub(super) fn known_queue(&mut self, index: u32) -> Result<&mut Queue, Damaged> {
        if index >= self.config.max_queues {
            return Err(Damaged);
        }
        while self.queues.len() <= index as usize {
            let name: Box<str> = format!(".{}", self.queues.len()).into();
            if let Ok(number) = u32::try_from(self.queues.len()) {
                self.names.insert(name.clone(), number);
            }
            self.queues.push(Queue::new(name, QueueOptions::default()));
        }
        self.queues.get_mut(index as usize).ok_or(Damaged)
    }

    fn replay_message(&mut self, head: &Head<'_>, at: Location, len: u32) -> Result<(), Damaged> {
        self.known_queue(head.queue)?;
        self.newest = self.newest.max(head.id);
        let slot = self.replay_entry(head.id, head.queue, at, len)?;
        let entry = self.slab.at_mut(slot);
        (entry.priority, entry.attempts) = (head.priority, 0);
        if !head.keeps_history {
            entry.set(HISTORY, false);
            self.histories.remove(&slot);
        }
        let key = head.key.map(|key| self.key_hash(head.queue, key));
        set(&mut self.replaying.keys, slot, key);
        set(&mut self.replaying.due, slot, head.deliver_at);
        set(&mut self.replaying.expires, slot, head.expires_at);
        if let Some(dedup_id) = head.dedup_id {
            let hash = key::hash(&self.secret, b'd', head.queue, dedup_id);
            self.replaying.seen.push((head.queue, hash, head.id));
        }
        if let Some(tick) = head.tick
            && let Some(repeat) = self.known_queue(head.queue)?.repeats.get_mut(tick.schedule)
        {
            (repeat.state.last, repeat.state.sent, repeat.state.outstanding) = (tick.time, tick.sent, head.id);
        }
        Ok(())
    }

    /// The entry of a message, made if there is none.
    pub(super) fn replay_entry(&mut self, id: MessageId, queue: u32, at: Location, len: u32) -> Result<u32, Damaged> {
        let slot = if let Some(slot) = self.ids.get(id, &self.slab) {
            slot
        } else {
            let slot = self.slab.insert(Entry::new(id, queue, at, len)).ok_or(Damaged)?;
            self.ids.insert(id, slot, &self.slab);
            slot
        };
        let entry = self.slab.at_mut(slot);
        entry.set_location(at);
        (entry.len, entry.queue) = (len, queue);
        Ok(slot)
    }

    fn replay_removed(&mut self, id: MessageId) {
        self.newest = self.newest.max(id);
        let Some(slot) = self.ids.get(id, &self.slab) else { return };
        self.ids.remove(id, &self.slab);
        self.slab.remove(slot);
        self.histories.remove(&slot);
        self.replaying.keys.remove(&slot);
        self.replaying.due.remove(&slot);
        self.replaying.expires.remove(&slot);
    }

    /// A live record is somewhere else now.
    pub(super) fn relocate(&mut self, record: &[u8], from: Option<Location>, to: Location) {
        let Some((kind, id)) = record::content(record) else { return };
        let Some(slot) = self.ids.get(id, &self.slab) else { return };
        if kind == Kind::Message {
            let entry = self.slab.at_mut(slot);
            if from.is_none_or(|from| entry.location() == from) {
                entry.set_location(to);
            }
        } else if let Some((at, _)) = self.histories.get_mut(&slot)
            && from.is_none_or(|from| *at == from)
        {
            *at = to;
        }
    }

    pub(super) fn replay_change(&mut self, change: Change, at: Location, len: u32) -> Result<(), Damaged> {
        match change {
            Change::Genesis { version, secret } => {
                self.replaying.genesis = true;
                if version > u32::from(VERSION) {
                    self.replaying.newer = Some(version);
                }
                self.secret = secret;
            }
            Change::Queue { queue, name, options, paused } => {
                let found = self.known_queue(queue)?;
                (found.options, found.paused) = (*options, paused);
                let old = std::mem::replace(&mut found.name, name.clone());
                self.names.remove(&old);
                self.names.insert(name, queue);
            }
            Change::History(history) => {
                let Some(slot) = self.ids.get(history.id, &self.slab) else { return Ok(()) };
                let entry = self.slab.at_mut(slot);
                entry.attempts = history.attempts;
                entry.set(HISTORY, true);
                self.histories.insert(slot, (at, len));
                set(&mut self.replaying.due, slot, Some(history.due));
            }
            Change::Removed(ids) => ids.into_iter().for_each(|id| self.replay_removed(id)),
            Change::Attempts(list) => {
                for (id, attempts) in list {
                    if let Some(slot) = self.ids.get(id, &self.slab) {
                        self.slab.at_mut(slot).attempts = attempts;
                    }
                }
            }
            Change::Due(change) => {
                if let Some(slot) = self.ids.get(change.id, &self.slab) {
                    set(&mut self.replaying.due, slot, Some(change.due));
                }
            }
            Change::Schedule { queue, name, schedule, state } => {
                let repeat = Repeat::new(*schedule, state).map_err(|_| Damaged)?;
                self.known_queue(queue)?.repeats.insert(name, repeat);
            }
            Change::Unschedule { queue, name } => {
                self.known_queue(queue)?.repeats.remove(&name);
            }
        }
        Ok(())
    }
}

fn set<T>(map: &mut FxHashMap<u32, T>, slot: u32, value: Option<T>) {
    match value {
        Some(value) => map.insert(slot, value),
        None => map.remove(&slot),
    };
}

impl Replay for Machine {
    fn snapshot(&mut self, chunk: &[u8]) -> Result<(), Damaged> {
        self.replay_chunk(chunk)
    }

    fn record(&mut self, record: &[u8], at: Location, moved: bool) -> Result<(), Damaged> {
        let len = u32::try_from(record.len()).map_err(|_| Damaged)?;
        let kind = match record::open(record) {
            Ok((kind, _)) => kind,
            Err(damaged) => return Err(damaged),
        };
        if moved {
            self.relocate(record, None, at);
            return Ok(());
        }
        if kind == Kind::Message {
            let (head, _) = Head::read(record)?;
            return self.replay_message(&head, at, len);
        }
        self.replay_change(Change::read(record)?, at, len)
    }
}
