//! Queues by interest: random commands, clocks and crashes against a naive model, over a log in memory and over the disk store. A
//! failure prints its seed; `QUEUE_SEED=… cargo test --test interest` runs that one alone.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this test needs some of it")]
mod support;

use std::collections::BTreeMap;

use socketio_queue::*;
use support::disk::Directory;
use support::log::LogDisk;
use support::*;

const WINDOW: u32 = 3;
const KEY_MAX: usize = 12;

fn options() -> QueueOptions {
    QueueOptions {
        max_attempts: u16::MAX,
        backoff: Backoff::Fixed { delay: 100, jitter: 0.0 },
        key_concurrency: WINDOW,
        by_interest: true,
        key_max_length: Some(KEY_MAX as u64),
        ..QueueOptions::default()
    }
}

fn interest(rig: &mut Rig, key: &str, wanted: bool) {
    rig.commands(vec![Command::Interest { ticket: None, worker: WORKER, key: key.into(), wanted }]);
}

fn new_rig() -> Rig {
    Rig::new(LogDisk::default().store(), options())
}

#[test]
fn only_keys_of_interest_are_delivered_and_in_order_up_to_the_window() {
    let mut rig = new_rig();
    for number in 1..=5 {
        rig.try_send(keyed(&format!("a{number}"), "a")).unwrap();
        rig.try_send(keyed(&format!("b{number}"), "b")).unwrap();
    }
    rig.work(100);
    assert!(rig.next().is_none());
    interest(&mut rig, "b", true);
    let held: Vec<_> = rig.deliveries.drain(..).map(|(_, delivery)| delivery).collect();
    assert_eq!(held.iter().map(text).collect::<Vec<_>>(), ["b1", "b2", "b3"]);
    rig.settle(held[1].lease(), ack()).unwrap();
    assert_eq!(rig.texts(), ["b4"]);
    interest(&mut rig, "b", false);
    rig.settle(held[0].lease(), ack()).unwrap();
    assert!(rig.next().is_none());
    interest(&mut rig, "a", true);
    assert_eq!(rig.texts(), ["a1", "a2", "a3"]);
}

#[test]
fn what_is_given_back_comes_again_in_order_before_anything_newer() {
    let mut rig = new_rig();
    rig.work(100);
    interest(&mut rig, "a", true);
    for number in 1..=5 {
        rig.try_send(keyed(&format!("a{number}"), "a")).unwrap();
    }
    let held: Vec<_> = rig.deliveries.drain(..).map(|(_, delivery)| delivery).collect();
    interest(&mut rig, "a", false);
    for place in [1, 0, 2] {
        rig.settle(held[place].lease(), Settle::Release).unwrap();
    }
    interest(&mut rig, "a", true);
    assert_eq!(rig.run_dry(), ["a1", "a2", "a3", "a4", "a5"]);
}

#[test]
fn one_that_failed_is_tried_alone_and_nothing_overtakes_it() {
    let mut rig = new_rig();
    rig.work(100);
    interest(&mut rig, "a", true);
    for number in 1..=4 {
        rig.try_send(keyed(&format!("a{number}"), "a")).unwrap();
    }
    let held: Vec<_> = rig.deliveries.drain(..).map(|(_, delivery)| delivery).collect();
    rig.nack(&held[0], "no answer");
    for other in &held[1..] {
        rig.settle(other.lease(), Settle::Release).unwrap();
    }
    assert!(rig.next().is_none());
    rig.pass(100);
    let again = rig.next().unwrap();
    assert_eq!((text(&again), again.attempt), ("a1".into(), 2));
    assert!(rig.next().is_none());
    rig.settle(again.lease(), ack()).unwrap();
    assert_eq!(rig.run_dry(), ["a2", "a3", "a4"]);
    interest(&mut rig, "a", false);
    assert_eq!(rig.stats(QUEUE).keys, 0);
}

#[test]
fn offline_keys_stop_nobody_and_interest_does_not_look_at_them() {
    let mut rig = Rig::new(Box::new(MemoryStore::new()), options());
    for number in 0..50_000 {
        rig.try_send(keyed("x", &format!("offline {number}"))).unwrap();
    }
    rig.work(10);
    interest(&mut rig, "here", true);
    for number in 0..1_000 {
        rig.try_send(keyed(&number.to_string(), "here")).unwrap();
        assert_eq!(rig.run_dry(), [number.to_string()]);
    }
    assert_eq!(rig.stats(QUEUE).blocked, 50_000);
}

#[test]
fn a_key_has_a_bound_that_rejects_or_drops_the_oldest() {
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        let options = QueueOptions { key_max_length: Some(4), overflow, ..options() };
        let mut rig = Rig::new(LogDisk::default().store(), options);
        rig.work(2);
        interest(&mut rig, "a", true);
        for number in 1..=4 {
            rig.try_send(keyed(&format!("a{number}"), "a")).unwrap();
        }
        let fifth = rig.try_send(keyed("a5", "a"));
        rig.try_send(keyed("b1", "b")).unwrap();
        // Two of them are held.
        if overflow == Overflow::Reject {
            assert_eq!(fifth.unwrap_err().code(), "QUEUE_FULL");
            assert_eq!(rig.run_dry(), ["a1", "a2", "a3", "a4"]);
        } else {
            fifth.unwrap();
            assert_eq!(rig.run_dry(), ["a1", "a2", "a4", "a5"]);
            assert_eq!(rig.stats(QUEUE).dropped, 1);
        }
    }
}

#[test]
fn a_message_that_nobody_acknowledges_expires() {
    let mut rig = new_rig();
    rig.work(2);
    interest(&mut rig, "a", true);
    rig.try_send(NewMessage { ttl: Some(150), ..keyed("a1", "a") }).unwrap();
    let first = rig.next().unwrap();
    rig.nack(&first, "no answer");
    rig.pass(100);
    let second = rig.next().unwrap();
    rig.pass(60);
    rig.nack(&second, "no answer");
    rig.pass(0);
    assert_eq!((rig.stats(QUEUE).expired, rig.stats(QUEUE).delayed), (1, 0));
}

#[test]
fn it_has_one_worker_and_is_what_it_is_from_the_beginning() {
    let mut rig = new_rig();
    rig.work(1);
    let consume =
        |ticket| Command::Consume { ticket, worker: WorkerId(7), queue: QUEUE, options: WorkerOptions::default() };
    assert_eq!(rig.ask(consume).unwrap_err().code(), "QUEUE_OPTION_INVALID");
    rig.send("x");
    let other =
        rig.declare(QUEUE, "mail", Some(QueueOptions { by_interest: false, key_max_length: None, ..options() }));
    assert_eq!(other.unwrap_err().code(), "QUEUE_OPTION_INVALID");
    for wrong in [
        QueueOptions { key_rate: Some(Rate { max: 1, per: 1 }), ..options() },
        QueueOptions { overflow: Overflow::Wait, ..options() },
        QueueOptions { key_max_length: Some(0), ..options() },
        QueueOptions { by_interest: false, ..options() },
    ] {
        assert_eq!(rig.declare(OTHER, "other", Some(wrong)).unwrap_err().code(), "QUEUE_OPTION_INVALID");
    }
}

#[test]
fn its_messages_can_be_moved_and_purged() {
    let mut rig = new_rig();
    for number in 1..=3 {
        rig.try_send(keyed(&format!("a{number}"), "a")).unwrap();
    }
    let Ok(Outcome::Count(moved)) = rig.action(QUEUE, QueueAction::Move { to: OTHER, limit: 2 }) else { panic!() };
    let Ok(Outcome::Count(purged)) = rig.action(QUEUE, QueueAction::Purge) else { panic!() };
    assert_eq!((moved, purged), (2, 1));
    assert_eq!((rig.stats(QUEUE).keys, rig.stats(QUEUE).blocked, rig.stats(OTHER).keys), (0, 0, 1));
}

// The model.

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

#[derive(Clone)]
struct Known {
    attempts: u16,
    expires: Option<u64>,
}

/// A key: its messages, each in one place.
#[derive(Default)]
struct KeyModel {
    wanted: bool,
    /// What was held when interest began anew has to come back first.
    draining: bool,
    known: BTreeMap<MessageId, Known>,
    /// In the order in which they are to come; true: it was given back.
    waiting: Vec<(MessageId, bool)>,
    /// When due; true: it failed, and nothing overtakes it.
    delayed: BTreeMap<MessageId, (u64, bool)>,
    held: BTreeMap<MessageId, (Lease, bool)>,
}

impl KeyModel {
    fn can_go_on(&self) -> bool {
        let Some((first, _)) = self.waiting.first() else { return false };
        self.wanted
            && !self.draining
            && self.held.len() < WINDOW as usize
            && !self.delayed.values().any(|(_, failed)| *failed)
            && !self.held.values().any(|(_, alone)| *alone)
            && (self.held.is_empty() || self.known[first].attempts == 0)
    }

    fn want(&mut self, wanted: bool) {
        self.draining = wanted && (self.draining || !self.wanted) && !self.held.is_empty();
        self.wanted = wanted;
    }

    fn settled(&mut self) {
        self.draining &= !self.held.is_empty();
    }

    fn back(&mut self, id: MessageId) {
        let place = self.waiting.iter().take_while(|(other, back)| *back && *other < id).count();
        self.waiting.insert(place, (id, true));
    }

    fn due(&mut self, now: u64) {
        let due: Vec<_> =
            self.delayed.iter().filter(|(_, (at, _))| *at <= now).map(|(id, (at, _))| (*at, *id)).collect();
        for (_, id) in due {
            let (_, failed) = self.delayed.remove(&id).unwrap();
            if failed { self.back(id) } else { self.waiting.push((id, false)) }
        }
    }

    fn expire(&mut self, now: u64) {
        let late = |known: &Known| known.expires.is_some_and(|at| at <= now);
        let gone: Vec<_> = self.known.iter().filter(|(id, known)| late(known) && !self.held.contains_key(id)).collect();
        for id in gone.into_iter().map(|(id, _)| *id).collect::<Vec<_>>() {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: MessageId) {
        self.known.remove(&id);
        self.held.remove(&id);
        self.settled();
        self.delayed.remove(&id);
        self.waiting.retain(|(other, _)| *other != id);
    }

    fn crash(&mut self, now: u64) {
        self.want(false);
        self.held.clear();
        self.delayed.retain(|_, (at, _)| *at > now);
        self.waiting = self.known.keys().filter(|id| !self.delayed.contains_key(id)).map(|id| (*id, false)).collect();
    }
}

struct Test<D> {
    rig: Rig,
    disk: D,
    reopen: fn(&D, Box<dyn Store>) -> Box<dyn Store>,
    keys: Vec<KeyModel>,
    random: Random,
    concurrency: usize,
}

impl<D> Test<D> {
    fn consume(&mut self) {
        self.concurrency = 1 + self.random.below(9);
        self.rig.work(u32::try_from(self.concurrency).unwrap());
    }

    fn held(&self) -> Vec<(usize, MessageId, Lease)> {
        let keys = self.keys.iter().enumerate();
        keys.flat_map(|(key, model)| model.held.iter().map(move |(id, (lease, _))| (key, *id, *lease))).collect()
    }

    fn step(&mut self) {
        let key = self.random.below(self.keys.len());
        let now = self.rig.now.wall;
        match self.random.below(20) {
            0..=6 => self.send(key),
            7..=11 => self.settle(),
            12 | 13 => {
                let wanted = self.random.chance(2);
                self.keys[key].want(wanted);
                interest(&mut self.rig, &format!("key {key}"), wanted);
            }
            14 => {
                // A room whose last socket has gone: nothing more, and back with what there is, in any order.
                self.keys[key].want(false);
                interest(&mut self.rig, &format!("key {key}"), false);
                while !self.keys[key].held.is_empty() {
                    let place = self.random.below(self.keys[key].held.len());
                    let (id, (lease, _)) =
                        self.keys[key].held.iter().nth(place).map(|(id, held)| (*id, *held)).unwrap();
                    self.release(key, id, lease);
                }
            }
            15 => {
                let millis = self.random.below(200) as u64;
                for model in &mut self.keys {
                    model.expire(now + millis);
                    model.due(now + millis);
                }
                self.rig.pass(millis);
            }
            16 => {
                self.concurrency = self.random.below(9);
                let concurrency = u32::try_from(self.concurrency).unwrap();
                self.rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency }]);
            }
            17 => {
                for model in &mut self.keys {
                    model.want(false);
                    for (id, _) in std::mem::take(&mut model.held) {
                        model.known.get_mut(&id).unwrap().attempts -= 1;
                        model.back(id);
                    }
                    model.expire(now);
                }
                self.rig.commands(vec![Command::CloseWorker { worker: WORKER, lost: false }]);
                self.consume();
            }
            18 if self.random.chance(3) => self.crash(),
            18 => {
                for _ in 0..self.random.below(60) {
                    self.rig.store.maintain(&mut self.rig.machine).unwrap();
                }
            }
            _ => self.change_one(key),
        }
        self.check();
    }

    fn send(&mut self, key: usize) {
        let (now, model) = (self.rig.now.wall, &mut self.keys[key]);
        let mut new = keyed("x", &format!("key {key}"));
        // Which of several that are due in one round comes first is left open.
        let one = model.delayed.values().all(|(_, failed)| *failed);
        let delay = (self.random.chance(6) && one).then(|| 1 + self.random.below(300) as u64);
        new.due = delay.map_or(Due::Now, Due::After);
        new.ttl = self.random.chance(6).then(|| 1 + self.random.below(500) as u64);
        let expires = new.ttl.map(|ttl| now + ttl);
        match self.rig.try_send(new) {
            Ok(id) => {
                model.known.insert(id, Known { attempts: 0, expires });
                match delay {
                    Some(delay) => drop(model.delayed.insert(id, (now + delay, false))),
                    None => model.waiting.push((id, false)),
                }
                assert!(model.known.len() <= KEY_MAX);
            }
            Err(error) => assert_eq!((error.code(), model.known.len()), ("QUEUE_FULL", KEY_MAX)),
        }
    }

    fn release(&mut self, key: usize, id: MessageId, lease: Lease) {
        let model = &mut self.keys[key];
        model.held.remove(&id);
        model.settled();
        model.known.get_mut(&id).unwrap().attempts -= 1;
        model.back(id);
        model.expire(self.rig.now.wall);
        self.rig.settle(lease, Settle::Release).unwrap();
        self.taken();
    }

    fn settle(&mut self) {
        let held = self.held();
        if held.is_empty() {
            return;
        }
        let (key, id, lease) = held[self.random.below(held.len())];
        match self.random.below(6) {
            0..=3 => {
                self.keys[key].forget(id);
                self.rig.settle(lease, ack()).unwrap();
            }
            4 => {
                let (now, delay) = (self.rig.now.wall, self.random.below(3) as u64 * 60);
                let model = &mut self.keys[key];
                model.held.remove(&id);
                model.settled();
                model.delayed.insert(id, (now + delay, true));
                model.expire(now);
                model.due(now);
                let nack = Settle::Nack { error: "no answer".into(), delay: Some(delay), dead: false };
                self.rig.settle(lease, nack).unwrap();
            }
            _ => self.release(key, id, lease),
        }
        assert_eq!(self.rig.settle(lease, ack()).unwrap_err().code(), "QUEUE_LEASE_ENDED");
    }

    fn change_one(&mut self, key: usize) {
        let ids: Vec<_> = self.keys[key].known.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.random.below(ids.len())];
        let result = self.rig.message(QUEUE, id, MessageAction::Remove);
        if self.keys[key].held.contains_key(&id) {
            assert_eq!(result.unwrap_err().code(), "QUEUE_MESSAGE_HELD");
        } else {
            result.unwrap();
            self.keys[key].forget(id);
        }
    }

    fn crash(&mut self) {
        let now = self.rig.now;
        let store = std::mem::replace(&mut self.rig.store, Box::new(MemoryStore::new()));
        let store = (self.reopen)(&self.disk, store);
        self.rig = Rig::open(store, Now { wall: now.wall, mono: 77 });
        self.rig.declare(QUEUE, "mail", None).unwrap();
        for model in &mut self.keys {
            model.crash(now.wall);
            model.expire(now.wall);
        }
        self.consume();
    }

    /// What was delivered was to be delivered next.
    fn taken(&mut self) {
        for (_, delivery) in std::mem::take(&mut self.rig.deliveries) {
            let key: usize = delivery.message.key().unwrap().strip_prefix("key ").unwrap().parse().unwrap();
            let model = &mut self.keys[key];
            let id = delivery.message.id;
            assert!(model.can_go_on(), "{id} of key {key} is not to be delivered");
            assert_eq!(model.waiting.remove(0).0, id, "out of order");
            let known = model.known.get_mut(&id).unwrap();
            let alone = known.attempts > 0;
            known.attempts += 1;
            assert_eq!(delivery.attempt, known.attempts);
            model.held.insert(id, (delivery.lease(), alone));
        }
    }

    fn check(&mut self) {
        self.taken();
        let stats = self.rig.stats(QUEUE);
        let sum = |count: fn(&KeyModel) -> usize| self.keys.iter().map(count).sum::<usize>() as u64;
        assert_eq!(stats.active, sum(|model| model.held.len()));
        assert_eq!(stats.delayed, sum(|model| model.delayed.len()));
        assert_eq!(stats.blocked, sum(|model| model.waiting.len()));
        assert_eq!(stats.keys, sum(|model| usize::from(!model.known.is_empty())));
        let free = self.held().len() < self.concurrency;
        assert!(
            !(free && self.keys.iter().any(KeyModel::can_go_on)),
            "somebody could take a message, and did not get it"
        );
    }

    fn finish(&mut self) {
        self.concurrency = 100;
        self.rig.commands(vec![Command::SetConcurrency { worker: WORKER, concurrency: 100 }]);
        for key in 0..self.keys.len() {
            self.keys[key].want(true);
            interest(&mut self.rig, &format!("key {key}"), true);
            self.taken();
        }
        while self.keys.iter().any(|model| !model.known.is_empty()) {
            let now = self.rig.now.wall + 300;
            for model in &mut self.keys {
                model.expire(now);
                model.due(now);
            }
            self.rig.pass(300);
            self.check();
            for (key, id, lease) in self.held() {
                self.keys[key].forget(id);
                self.rig.settle(lease, ack()).unwrap();
                self.check();
            }
        }
        assert_eq!((self.rig.stats(QUEUE).bytes, self.rig.stats(QUEUE).keys), (0, 0));
    }
}

fn against_the_model<D>(
    seeds: std::ops::Range<u64>,
    new: fn() -> (D, Box<dyn Store>),
    reopen: fn(&D, Box<dyn Store>) -> Box<dyn Store>,
) {
    let given = std::env::var("QUEUE_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    for seed in given.map_or(seeds, |seed| seed..seed + 1) {
        // Shown only if the test fails.
        eprintln!("QUEUE_SEED={seed}");
        let (disk, store) = new();
        let keys = (0..4).map(|_| KeyModel::default()).collect();
        let rig = Rig::new(store, options());
        let mut test = Test { rig, disk, reopen, keys, random: Random(seed), concurrency: 0 };
        test.consume();
        for _ in 0..300 {
            test.step();
        }
        test.finish();
    }
}

#[test]
fn random_commands_clocks_and_crashes_over_a_log_in_memory() {
    let new = || {
        let disk = LogDisk::default();
        let store = disk.store();
        (disk, store)
    };
    against_the_model(0..400, new, |disk, _| {
        disk.crash();
        disk.store()
    });
}

#[test]
fn random_commands_clocks_and_crashes_over_the_disk_store() {
    let new = || {
        let disk = Directory::new();
        let store = disk.store();
        (disk, store)
    };
    against_the_model(1_000..1_060, new, |disk, store| {
        drop(store);
        disk.store()
    });
}
