//! Random commands, clock moves and crashes against a naive model, over a log in memory and over the disk store. A failure prints its
//! seed; `QUEUE_SEED=… cargo test --test model` runs that one alone.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this test needs some of it")]
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use socketio_queue::*;
use support::disk::Directory;
use support::log::LogDisk;
use support::*;

const MAX_ATTEMPTS: u16 = 3;
const BACKOFF: u64 = 100;

/// Splitmix64: the same numbers from the same seed, everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % end as u64).unwrap()
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

/// What must be true of a message.
#[derive(Clone, Debug)]
struct Known {
    text: String,
    key: Option<String>,
    priority: u8,
    due: u64,
    expires: Option<u64>,
    attempts: u16,
    held: Option<Lease>,
    /// It waits where it was first put: order among such messages is that of their ids.
    fresh: bool,
}

#[derive(Clone, Default)]
struct Model {
    messages: BTreeMap<MessageId, Known>,
    dead: BTreeMap<MessageId, String>,
    dedup: BTreeMap<String, (MessageId, u64)>,
    concurrency: usize,
    paused: bool,
    count: u64,
}

impl Model {
    fn expire(&mut self, now: u64) {
        let late = |known: &Known| known.expires.is_some_and(|at| at <= now) && known.attempts == 0;
        self.messages.retain(|_, known| known.held.is_some() || !late(known));
    }

    fn held(&self) -> Vec<(MessageId, Lease)> {
        self.messages.iter().filter_map(|(id, known)| known.held.map(|lease| (*id, lease))).collect()
    }

    /// Whether nothing but a worker is missing.
    fn deliverable(&self, id: MessageId, now: u64) -> bool {
        let known = &self.messages[&id];
        let first = self.messages.iter().all(|(other, found)| found.key != known.key || *other >= id);
        known.held.is_none() && known.due <= now && (known.key.is_none() || first)
    }

    fn delivered(&mut self, delivery: &Delivery, now: u64) {
        let id = delivery.message.id;
        let known = self.messages.get(&id).unwrap_or_else(|| panic!("{id} should not exist"));
        assert!(self.deliverable(id, now), "{id} is not deliverable: {known:?}");
        assert!(!self.paused, "delivered while paused");
        assert_eq!(text(delivery), known.text);
        assert_eq!(delivery.message.key(), known.key.as_deref());
        assert_eq!(delivery.attempt, known.attempts + 1);
        if known.fresh && known.key.is_none() {
            let before = |(other, found): &(&MessageId, &Known)| {
                found.fresh
                    && found.key.is_none()
                    && found.priority == known.priority
                    && **other < id
                    && found.held.is_none()
            };
            assert_eq!(
                self.messages.iter().find(before),
                None::<(&MessageId, &Known)>.as_ref().copied(),
                "{id} out of turn"
            );
        }
        let known = self.messages.get_mut(&id).unwrap();
        (known.held, known.attempts, known.fresh) = (Some(delivery.lease()), delivery.attempt, false);
    }

    /// After a crash nobody holds anything, and what had its last attempt dies when it is its turn.
    fn crash(&mut self) {
        for known in self.messages.values_mut() {
            known.held = None;
        }
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// What several lives of a store share.
trait Disk {
    fn store(&self) -> Box<dyn Store>;
    /// The process ends: what was not committed is gone, if it is `exact`; else some of it may be there.
    fn crash(&self, store: Box<dyn Store>);
    fn is_exact(&self) -> bool;
    /// From now on it has room for messages, or not; where that can be chosen.
    fn set_full(&self, _full: bool) -> bool {
        false
    }
    /// Whether something was compacted.
    fn has_moved(&self, store: &dyn Store) -> bool;
}

impl Disk for LogDisk {
    fn store(&self) -> Box<dyn Store> {
        LogDisk::store(self)
    }
    fn crash(&self, _store: Box<dyn Store>) {
        LogDisk::crash(self);
    }
    fn is_exact(&self) -> bool {
        true
    }
    fn set_full(&self, full: bool) -> bool {
        self.1.store(full, Ordering::Relaxed);
        full
    }
    fn has_moved(&self, _store: &dyn Store) -> bool {
        self.2.load(Ordering::Relaxed) > 0
    }
}

impl Disk for Directory {
    fn store(&self) -> Box<dyn Store> {
        Directory::store(self)
    }
    fn crash(&self, store: Box<dyn Store>) {
        drop(store);
    }
    /// A segment that is full is written before its commit.
    fn is_exact(&self) -> bool {
        false
    }
    fn has_moved(&self, store: &dyn Store) -> bool {
        store.stats().moved_bytes > 0
    }
}

struct Test {
    rig: Rig,
    disk: Box<dyn Disk>,
    model: Model,
    random: Random,
}

fn options() -> QueueOptions {
    QueueOptions {
        max_attempts: MAX_ATTEMPTS,
        backoff: Backoff::Fixed { delay: BACKOFF, jitter: 0.0 },
        dead_letter: Some("mail.dead".into()),
        dedup_window: 500,
        ..QueueOptions::default()
    }
}

impl Test {
    fn new(seed: u64, disk: Box<dyn Disk>) -> Self {
        let rig = Rig::new(disk.store(), options());
        let mut test = Self { rig, disk, model: Model::default(), random: Random(seed) };
        test.consume();
        test
    }

    fn consume(&mut self) {
        self.model.concurrency = self.random.below(5);
        self.rig.work(u32::try_from(self.model.concurrency).unwrap());
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=6 => self.send(),
            7..=10 => self.settle(),
            11 => self.pass(),
            12 => self.change_one(),
            13 => {
                self.model.paused = self.random.chance(3);
                let action = if self.model.paused { QueueAction::Pause } else { QueueAction::Resume };
                self.rig.action(QUEUE, action).unwrap();
            }
            14 => {
                self.model.concurrency = self.random.below(6);
                let concurrency = u32::try_from(self.model.concurrency).unwrap();
                self.rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency }]);
            }
            15 => self.close_worker(),
            16 | 17 => {
                for _ in 0..self.random.below(60) {
                    self.rig.store.maintain(&mut self.rig.machine).unwrap();
                }
            }
            18 if self.random.chance(4) => self.crash(),
            _ => self.redrive(),
        }
        self.check();
    }

    fn send(&mut self) {
        self.model.count += 1;
        let mut new = message(&format!("message {}", self.model.count));
        let now = self.rig.now.wall;
        let mut known = Known {
            text: format!("message {}", self.model.count),
            key: None,
            priority: 0,
            due: 0,
            expires: None,
            attempts: 0,
            held: None,
            fresh: true,
        };
        if self.random.chance(2) {
            known.key = Some(format!("key {}", self.random.below(3)));
        } else {
            known.priority = u8::try_from(self.random.below(3)).unwrap();
            if self.random.chance(4) {
                let delay = 1 + self.random.below(300) as u64;
                new.due = if self.random.chance(2) { Due::After(delay) } else { Due::At(now + delay) };
                (known.due, known.fresh) = (now + delay, false);
            }
            if self.random.chance(5) {
                let ttl = 1 + self.random.below(400) as u64;
                new.ttl = Some(ttl);
                known.expires = Some(now + ttl);
            }
        }
        let dedup = self.random.chance(6).then(|| format!("id {}", self.random.below(4)));
        (new.key, new.priority) = (known.key.as_deref().map(Into::into), known.priority);
        new.dedup_id = dedup.as_deref().map(Into::into);
        let full = self.random.chance(10) && self.disk.set_full(true);
        let result = self.rig.try_send(new);
        self.disk.set_full(false);
        let earlier = dedup.as_ref().and_then(|dedup| self.model.dedup.get(dedup)).filter(|(_, until)| *until > now);
        if let Some((id, _)) = earlier {
            assert_eq!(result, Ok(*id));
            return;
        }
        if full {
            assert_eq!(result.unwrap_err().code(), "QUEUE_DISK_FULL");
            return;
        }
        let id = result.unwrap();
        assert!(self.model.messages.keys().all(|other| *other < id) && self.model.dead.keys().all(|other| *other < id));
        self.model.messages.insert(id, known);
        if let Some(dedup) = dedup {
            self.model.dedup.insert(dedup, (id, now + 500));
        }
    }

    fn settle(&mut self) {
        let held = self.model.held();
        if held.is_empty() {
            return;
        }
        let (id, lease) = held[self.random.below(held.len())];
        let known = self.model.messages.get_mut(&id).unwrap();
        known.held = None;
        match self.random.below(8) {
            0..=3 => {
                self.model.messages.remove(&id);
                self.rig.settle(lease, ack()).unwrap();
            }
            4 | 5 => {
                let delay = self.random.chance(3).then_some(7);
                if known.attempts >= MAX_ATTEMPTS {
                    let known = self.model.messages.remove(&id).unwrap();
                    self.model.dead.insert(id, known.text);
                } else {
                    known.due = self.rig.now.wall + delay.unwrap_or(BACKOFF);
                }
                self.rig.settle(lease, Settle::Nack { error: "no".into(), delay, dead: false }).unwrap();
            }
            6 => {
                let known = self.model.messages.remove(&id).unwrap();
                self.model.dead.insert(id, known.text);
                self.rig.settle(lease, Settle::Nack { error: "dead".into(), delay: None, dead: true }).unwrap();
            }
            _ => {
                known.attempts -= 1;
                self.model.expire(self.rig.now.wall);
                self.rig.settle(lease, Settle::Release).unwrap();
            }
        }
        // The lease may be that of a message that was delivered again, but its token is not.
        assert_eq!(self.rig.settle(lease, ack()).unwrap_err().code(), "QUEUE_LEASE_ENDED");
    }

    fn pass(&mut self) {
        let millis = self.random.below(200) as u64;
        self.model.expire(self.rig.now.wall + millis);
        self.rig.pass(millis);
    }

    fn change_one(&mut self) {
        let ids: Vec<_> = self.model.messages.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.random.below(ids.len())];
        let now = self.rig.now.wall;
        let known = self.model.messages.get_mut(&id).unwrap();
        if known.held.is_some() {
            let error = self.rig.message(QUEUE, id, MessageAction::Remove).unwrap_err();
            assert_eq!(error.code(), "QUEUE_MESSAGE_HELD");
        } else if self.random.chance(2) {
            self.model.messages.remove(&id);
            self.rig.message(QUEUE, id, MessageAction::Remove).unwrap();
        } else if known.due > now {
            (known.due, known.fresh) = (0, false);
            self.rig.message(QUEUE, id, MessageAction::Promote).unwrap();
        }
    }

    fn close_worker(&mut self) {
        for known in self.model.messages.values_mut() {
            if known.held.take().is_some() {
                known.attempts -= 1;
            }
        }
        self.model.expire(self.rig.now.wall);
        self.rig.commands(vec![Command::CloseWorker { worker: WORKER, lost: false }]);
        self.consume();
    }

    fn redrive(&mut self) {
        let Ok(Outcome::Count(count)) = self.rig.action(OTHER, QueueAction::Redrive { limit: 2 }) else { panic!() };
        assert_eq!(count, self.model.dead.len().min(2) as u64);
        let listed = self.list(OTHER);
        let back: Vec<_> = self.model.dead.keys().filter(|id| !listed.contains(id)).copied().collect();
        assert_eq!(back.len() as u64, count);
        for id in back {
            let text = self.model.dead.remove(&id).unwrap();
            // A key would have its order changed by coming back, so the model does not follow keys out of the dead letters.
            let Some(known) = self.info(id) else { panic!("{id} is lost") };
            assert_eq!(known.payload(), text.as_bytes());
            let key = known.key().map(Into::into);
            if key.is_some() {
                self.drop_one(id);
                continue;
            }
            let known = Known {
                text,
                key,
                priority: known.priority,
                due: 0,
                expires: None,
                attempts: 0,
                held: None,
                fresh: false,
            };
            self.model.messages.insert(id, known);
        }
    }

    /// Takes a message out, whoever holds it.
    fn drop_one(&mut self, id: MessageId) {
        let held = self.rig.deliveries.iter().position(|(_, delivery)| delivery.message.id == id);
        match held {
            Some(place) => {
                let (_, delivery) = self.rig.deliveries.remove(place);
                self.rig.settle(delivery.lease(), ack()).unwrap();
            }
            None => drop(self.rig.message(QUEUE, id, MessageAction::Remove).unwrap()),
        }
    }

    fn info(&mut self, id: MessageId) -> Option<Message> {
        match self.rig.message(QUEUE, id, MessageAction::Get) {
            Ok(Outcome::Message(info)) => Some(info.message),
            _ => None,
        }
    }

    fn list(&mut self, queue: QueueRef) -> Vec<MessageId> {
        let (mut ids, mut cursor) = (Vec::new(), Some(0));
        while let Some(from) = cursor {
            let list = QueueAction::List { state: None, cursor: from, limit: 7 };
            let Ok(Outcome::Page { messages, next }) = self.rig.action(queue, list) else { panic!() };
            ids.extend(messages.into_iter().map(|info| info.message.id));
            cursor = next;
        }
        ids.sort_unstable();
        ids
    }

    /// The process ends, sometimes in the middle of a round, and another one opens the store.
    fn crash(&mut self) {
        if self.disk.is_exact() && self.random.chance(2) {
            let lost = Command::Send { ticket: Ticket(0), queue: QUEUE, message: keyed("lost", "key 0") };
            let mut out = Effects::default();
            self.rig.machine.apply(lost, self.rig.now, &mut *self.rig.store, &mut out).unwrap();
            for (_, lease) in self.model.held() {
                let ack = Command::Settle { ticket: None, lease, outcome: ack() };
                self.rig.machine.apply(ack, self.rig.now, &mut *self.rig.store, &mut out).unwrap();
            }
            self.rig.machine.tick(self.rig.now, &mut *self.rig.store, &mut out).unwrap();
        }
        // None is needed any more: this one stands in until the next is open.
        let store = std::mem::replace(&mut self.rig.store, Box::new(MemoryStore::new()));
        self.disk.crash(store);
        self.model.crash();
        let mut now = self.rig.now;
        now.wall += self.random.below(50) as u64;
        now.mono = self.random.below(1_000) as u64;
        self.rig = Rig::open(self.disk.store(), now);
        self.model.expire(now.wall);
        // What has expired meanwhile is there until the first tick.
        let stored = usize::try_from(self.rig.report.messages).unwrap();
        assert!(stored >= self.model.messages.len() + self.model.dead.len());
        self.rig.declare(QUEUE, "mail", None).unwrap();
        self.rig.declare(OTHER, "mail.dead", None).unwrap();
        assert_eq!(self.rig.stats(QUEUE).paused, self.model.paused);
        self.consume();
    }

    fn check(&mut self) {
        let now = self.rig.now.wall;
        self.rig.store.maintain(&mut self.rig.machine).unwrap();
        // Those that had their last attempt in a crashed process die when it is their turn, if there is a worker.
        let there = self.list(QUEUE);
        let dying: Vec<_> =
            self.model.messages.iter().filter(|(id, _)| !there.contains(id)).map(|(id, _)| *id).collect();
        for id in dying {
            let known = self.model.messages.remove(&id).unwrap();
            assert!(known.attempts >= MAX_ATTEMPTS && known.held.is_none(), "{id} is lost: {known:?}");
            self.model.dead.insert(id, known.text);
        }
        for (_, delivery) in std::mem::take(&mut self.rig.deliveries) {
            self.model.delivered(&delivery, now);
        }
        assert_eq!(there, self.model.messages.keys().copied().collect::<Vec<_>>());
        assert_eq!(self.list(OTHER), self.model.dead.keys().copied().collect::<Vec<_>>());
        let stats = self.rig.stats(QUEUE);
        assert_eq!(stats.active, self.model.held().len() as u64);
        assert_eq!(stats.ready + stats.blocked + stats.delayed + stats.active, self.model.messages.len() as u64);
        let waits = self.model.messages.keys().any(|id| self.model.deliverable(*id, now));
        let free = !self.model.paused && self.model.held().len() < self.model.concurrency;
        assert!(!(waits && free), "somebody could take a message, and nobody got it");
    }

    fn finish(&mut self) {
        self.rig.action(QUEUE, QueueAction::Resume).unwrap();
        self.model.paused = false;
        self.model.concurrency = 5;
        self.rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency: 5 }]);
        self.check();
        while !self.model.messages.is_empty() {
            self.model.expire(self.rig.now.wall + 300);
            self.rig.pass(300);
            self.check();
            for (id, lease) in self.model.held() {
                self.model.messages.remove(&id);
                self.rig.settle(lease, ack()).unwrap();
                self.check();
            }
        }
        let stats = self.rig.stats(QUEUE);
        assert_eq!((stats.bytes, stats.keys), (0, 0));
        assert_eq!(Index::len(&self.rig.machine), self.model.dead.len() as u64);
    }
}

fn against_the_model(seeds: std::ops::Range<u64>, disk: impl Fn() -> Box<dyn Disk>) {
    let given = std::env::var("QUEUE_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let (seeds, mut moved) = (given.map_or(seeds, |seed| seed..seed + 1), 0);
    for seed in seeds.clone() {
        // Shown only if the test fails.
        eprintln!("QUEUE_SEED={seed}");
        let mut test = Test::new(seed, disk());
        for _ in 0..300 {
            test.step();
        }
        test.finish();
        moved += u64::from(test.disk.has_moved(&*test.rig.store));
    }
    // Compaction was part of it.
    assert!(given.is_some() || moved > (seeds.end - seeds.start) / 4, "{moved}");
}

#[test]
fn random_commands_clocks_and_crashes_over_a_log_in_memory() {
    against_the_model(0..400, || Box::new(LogDisk::default()));
}

#[test]
fn random_commands_clocks_and_crashes_over_the_disk_store() {
    against_the_model(1_000..1_060, || Box::new(Directory::new()));
}
