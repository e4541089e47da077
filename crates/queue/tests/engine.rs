//! The thread: rounds, syncs, failures, the end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use socketio_queue::*;

const QUEUE: QueueRef = QueueRef(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// A memory store whose syncs end when the test says so.
struct Slow {
    inner: MemoryStore,
    syncs: Arc<AtomicUsize>,
    gate: Arc<Mutex<Receiver<Result<(), Error>>>>,
    panics: Arc<AtomicBool>,
}

impl Store for Slow {
    fn recover(&mut self, replay: &mut dyn Replay) -> Result<RecoveryReport, Error> {
        self.inner.recover(replay)
    }
    fn recovered(&mut self, _live: &mut dyn Iterator<Item = (Location, u32)>) {}
    fn append(&mut self, class: Class, head: &[u8], body: &[u8]) -> Result<Location, Error> {
        assert!(!self.panics.load(Ordering::Relaxed), "the store has a bug");
        self.inner.append(class, head, body)
    }
    fn discard(&mut self, at: Location, len: u32) {
        self.inner.discard(at, len);
    }
    fn write(&mut self) -> Result<(), Error> {
        Ok(())
    }
    fn commit(&mut self) -> Result<Commit, Error> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let gate = Arc::clone(&self.gate);
        Ok(Commit::Sync(Box::new(move || gate.lock().unwrap().recv().unwrap_or(Ok(())))))
    }
    fn read(&mut self, at: Location, len: u32) -> Result<Bytes, ReadError> {
        self.inner.read(at, len)
    }
    fn maintain(&mut self, _index: &mut dyn Index) -> Result<bool, Error> {
        Ok(false)
    }
    fn keeps_state(&self) -> bool {
        true
    }
    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }
    fn close(&mut self, _index: &mut dyn Index) -> Result<(), Error> {
        Ok(())
    }
}

struct Owner {
    engine: Engine,
    told: Receiver<()>,
    effects: Vec<Effect>,
}

impl Owner {
    fn start(open: Opener) -> Self {
        let (tell, told) = channel();
        let engine =
            Engine::start(Config::default(), open, Box::new(move || tell.send(()).unwrap_or_default())).unwrap();
        Self { engine, told, effects: Vec::new() }
    }

    fn memory() -> Self {
        let mut owner = Self::start(Box::new(|| Ok(Box::new(MemoryStore::new()))));
        owner.declare();
        owner
    }

    fn submit(&self, command: Command) {
        self.engine.submit(&mut vec![command]);
    }

    fn declare(&mut self) {
        self.submit(Command::Declare { ticket: Ticket(0), queue: QUEUE, name: "mail".into(), options: None });
    }

    fn send(&self, ticket: u64) {
        let message = NewMessage { payload: Bytes::from_static(b"x"), ..NewMessage::default() };
        self.submit(Command::Send { ticket: Ticket(ticket), queue: QUEUE, message });
    }

    fn consume(&self, concurrency: u32) {
        let options = WorkerOptions { concurrency, ..WorkerOptions::default() };
        self.submit(Command::Consume { ticket: Ticket(0), worker: WorkerId(1), queue: QUEUE, options });
    }

    /// Waits for an effect, and takes it out.
    fn wait(&mut self, wanted: impl Fn(&Effect) -> bool) -> Effect {
        loop {
            if let Some(place) = self.effects.iter().position(&wanted) {
                return self.effects.remove(place);
            }
            self.told.recv_timeout(PATIENCE).unwrap();
            self.effects.extend(self.engine.take());
        }
    }

    fn answer(&mut self, ticket: u64) -> Result<Outcome, Error> {
        match self.wait(|effect| matches!(effect, Effect::Done { ticket: Ticket(other), .. } if *other == ticket)) {
            Effect::Done { result, .. } => result,
            other => panic!("{other:?}"),
        }
    }

    fn delivery(&mut self) -> Delivery {
        match self.wait(|effect| matches!(effect, Effect::Deliver { .. })) {
            Effect::Deliver { mut deliveries, .. } if deliveries.len() == 1 => deliveries.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn has_answer(&mut self, ticket: u64) -> bool {
        self.effects.extend(self.engine.take());
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Done { ticket: Ticket(other), .. } if *other == ticket))
    }
}

/// How a sync ends.
type Gate = Sender<Result<(), Error>>;

fn slow() -> (Owner, Gate, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (open_gate, gate) = channel();
    let (syncs, panics) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let gate = Arc::new(Mutex::new(gate));
    let store = Slow { inner: MemoryStore::new(), syncs: Arc::clone(&syncs), gate, panics: Arc::clone(&panics) };
    let mut owner = Owner::start(Box::new(move || Ok(Box::new(store))));
    owner.declare();
    open_gate.send(Ok(())).unwrap();
    owner.answer(0).unwrap();
    (owner, open_gate, syncs, panics)
}

#[test]
fn from_send_to_acknowledgement() {
    let mut owner = Owner::memory();
    owner.send(1);
    owner.consume(1);
    let Ok(Outcome::Sent(receipt)) = owner.answer(1) else { panic!() };
    let delivery = owner.delivery();
    assert_eq!(delivery.message.id, receipt.id);
    owner.submit(Command::Settle {
        ticket: Some(Ticket(2)),
        lease: delivery.lease(),
        outcome: Settle::Ack { result: Bytes::new() },
    });
    assert!(owner.answer(2).is_ok());
    owner.engine.close();
    owner.wait(|effect| matches!(effect, Effect::Closed));
}

#[test]
fn what_is_not_durable_is_neither_answered_nor_delivered() {
    let (mut owner, gate, syncs, _) = slow();
    // Nothing of a worker is stored, so its answer waits for no sync.
    owner.consume(1);
    owner.answer(0).unwrap();
    let before = syncs.load(Ordering::Relaxed);
    owner.send(1);
    while syncs.load(Ordering::Relaxed) == before {
        std::thread::yield_now();
    }
    // More gather into one commit, while the first sync is under way.
    for ticket in 2..100 {
        owner.send(ticket);
    }
    assert!(!owner.has_answer(1) && owner.effects.iter().all(|effect| !matches!(effect, Effect::Deliver { .. })));
    gate.send(Ok(())).unwrap();
    owner.answer(1).unwrap();
    owner.delivery();
    gate.send(Ok(())).unwrap();
    for ticket in 2..100 {
        owner.answer(ticket).unwrap();
    }
    assert!(syncs.load(Ordering::Relaxed) <= before + 3, "{} syncs", syncs.load(Ordering::Relaxed) - before);
    drop(gate);
}

#[test]
fn a_failed_sync_fails_what_waited_and_everything_after_it() {
    let (mut owner, gate, ..) = slow();
    owner.send(1);
    gate.send(Err(Error::Store { detail: "input/output error".into() })).unwrap();
    assert_eq!(owner.answer(1).unwrap_err().code(), "QUEUE_STORE_FAILED");
    owner.wait(|effect| matches!(effect, Effect::Failed(Error::Store { .. })));
    owner.wait(|effect| matches!(effect, Effect::Closed));
    owner.send(2);
    assert_eq!(owner.answer(2).unwrap_err().code(), "QUEUE_STORE_FAILED");
}

#[test]
fn a_bug_ends_the_engine_and_nothing_else() {
    let (mut owner, _gate, _, panics) = slow();
    panics.store(true, Ordering::Relaxed);
    owner.send(1);
    let failed = owner.wait(|effect| matches!(effect, Effect::Failed(_)));
    assert!(matches!(failed, Effect::Failed(Error::Internal { detail }) if &*detail == "the store has a bug"));
    owner.wait(|effect| matches!(effect, Effect::Closed));
    owner.send(2);
    assert_eq!(owner.answer(2).unwrap_err().code(), "QUEUE_INTERNAL");
}

#[test]
fn a_store_that_does_not_open_answers_what_was_submitted() {
    let (go, wait) = channel::<()>();
    let mut owner = Owner::start(Box::new(move || {
        wait.recv().unwrap();
        Err(Error::Locked { pid: 7 })
    }));
    owner.declare();
    owner.send(1);
    go.send(()).unwrap();
    assert!(matches!(
        owner.wait(|effect| matches!(effect, Effect::Opened(_))),
        Effect::Opened(Err(Error::Locked { pid: 7 }))
    ));
    assert_eq!(owner.answer(1).unwrap_err().code(), "QUEUE_LOCKED");
    owner.wait(|effect| matches!(effect, Effect::Closed));
}

#[test]
fn closing_answers_everything() {
    let mut owner = Owner::memory();
    let options = QueueOptions { max_length: Some(1), overflow: Overflow::Wait, ..QueueOptions::default() };
    let options = Some(Box::new(options));
    owner.submit(Command::Declare { ticket: Ticket(0), queue: QUEUE, name: "mail".into(), options });
    for ticket in 1..=50 {
        owner.send(ticket);
    }
    owner.engine.join();
    assert!(owner.answer(1).is_ok());
    for ticket in 2..=50 {
        assert_eq!(owner.answer(ticket).unwrap_err(), Error::Closed);
    }
    owner.wait(|effect| matches!(effect, Effect::Closed));
    owner.send(51);
    assert_eq!(owner.answer(51).unwrap_err(), Error::Closed);
}

#[test]
fn delays_end_without_a_command() {
    let mut owner = Owner::memory();
    owner.consume(1);
    let message = NewMessage { due: Due::After(20), ..NewMessage::default() };
    owner.submit(Command::Send { ticket: Ticket(1), queue: QUEUE, message });
    let Ok(Outcome::Sent(receipt)) = owner.answer(1) else { panic!() };
    assert_eq!(owner.delivery().message.id, receipt.id);
}

#[test]
fn many_threads_submit() {
    let mut owner = Owner::memory();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let owner = &owner.engine;
            scope.spawn(move || {
                for number in 0..1_000 {
                    let ticket = Ticket(1 + thread * 1_000 + number);
                    owner.submit(&mut vec![Command::Send { ticket, queue: QUEUE, message: NewMessage::default() }]);
                }
            });
        }
    });
    let mut last = MessageId(0);
    for ticket in 1..=4_000 {
        let Ok(Outcome::Sent(receipt)) = owner.answer(ticket) else { panic!() };
        // In the order in which each thread submitted.
        assert!(ticket % 1_000 == 1 || receipt.id > last);
        last = receipt.id;
    }
}

#[test]
fn short_commands_to_memory_are_applied_in_place() {
    let mut owner = Owner::memory();
    owner.consume(1_000);
    owner.answer(0).unwrap();
    owner.answer(0).unwrap();
    let message = || NewMessage { payload: Bytes::from_static(b"x"), ..NewMessage::default() };
    let send = |ticket| Command::Send { ticket: Ticket(ticket), queue: QUEUE, message: message() };
    // The thread may still be at the end of its round.
    let mut commands = vec![send(1), send(2)];
    while !owner.engine.submit_in_place(&mut commands) {
        owner.answer(1).unwrap();
        owner.answer(2).unwrap();
        owner.effects.clear();
        while owner.told.try_recv().is_ok() {}
        commands = vec![send(1), send(2)];
    }
    assert!(commands.is_empty());
    owner.effects = owner.engine.take();
    assert!(owner.has_answer(1) && owner.has_answer(2));
    let delivered = owner.wait(|effect| matches!(effect, Effect::Deliver { .. }));
    let Effect::Deliver { deliveries, .. } = delivered else { panic!() };
    let [delivery, _] = &deliveries[..] else { panic!("{deliveries:?}") };
    assert!(owner.told.try_recv().is_err(), "who takes what came of it at once is not told");
    // What is not short, or waits behind something, takes the usual way, in order.
    let mut others = vec![Command::Queue { ticket: Ticket(3), queue: QUEUE, action: QueueAction::Purge }];
    assert!(!owner.engine.submit_in_place(&mut others));
    let ack = Settle::Ack { result: Bytes::new() };
    let settle = Command::Settle { ticket: Some(Ticket(4)), lease: delivery.lease(), outcome: ack };
    let _ = owner.engine.submit_in_place(&mut vec![settle]);
    owner.answer(3).unwrap();
    owner.answer(4).unwrap();
}

#[test]
fn what_is_applied_in_place_overtakes_nothing() {
    let mut owner = Owner::memory();
    let mut in_place = 0;
    for ticket in 1..=2_000 {
        let mut send = vec![Command::Send { ticket: Ticket(ticket), queue: QUEUE, message: NewMessage::default() }];
        if ticket % 3 == 0 {
            owner.engine.submit(&mut send);
        } else {
            in_place += usize::from(owner.engine.submit_in_place(&mut send));
        }
    }
    owner.submit(Command::Flush { ticket: Ticket(2_001) });
    owner.answer(2_001).unwrap();
    let mut last = MessageId(0);
    for ticket in 1..=2_000 {
        let Ok(Outcome::Sent(receipt)) = owner.answer(ticket) else { panic!() };
        assert!(receipt.id > last, "{in_place} in place");
        last = receipt.id;
    }
}

#[test]
fn a_delay_that_was_asked_for_in_place_ends_in_time() {
    let mut owner = Owner::memory();
    owner.consume(1_000);
    owner.answer(0).unwrap();
    let message = || NewMessage { due: Due::After(20), ..NewMessage::default() };
    // The thread may still be at the end of its round.
    for ticket in 1.. {
        let mut send = vec![Command::Send { ticket: Ticket(ticket), queue: QUEUE, message: message() }];
        let in_place = owner.engine.submit_in_place(&mut send);
        if in_place {
            break;
        }
        owner.answer(ticket).unwrap();
        owner.delivery();
    }
    owner.delivery();
}
