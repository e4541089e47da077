//! What the tests share: a store that survives a crash of its machine, and a machine with a clock that they turn.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod disk;
pub mod log;

use bytes::Bytes;
use socketio_queue::{
    Command, Config, Delivery, Due, Effect, Effects, Error, Event, EventMask, Index, Lease, Machine, MessageAction,
    MessageId, NewMessage, Now, Outcome, QueueAction, QueueOptions, QueueRef, QueueStats, RecoveryReport, Settle,
    Store, Ticket, WorkerId, WorkerOptions,
};

pub const QUEUE: QueueRef = QueueRef(1);
pub const OTHER: QueueRef = QueueRef(2);
pub const WORKER: WorkerId = WorkerId(1);

/// A machine, its store, and what came out of it.
pub struct Rig {
    pub machine: Machine,
    pub store: Box<dyn Store>,
    pub now: Now,
    pub report: RecoveryReport,
    pub deliveries: Vec<(WorkerId, Delivery)>,
    pub batches: Vec<usize>,
    pub answers: Vec<(Ticket, Result<Outcome, Error>)>,
    pub replies: Vec<(Ticket, Result<Bytes, Error>)>,
    pub events: Vec<Event>,
    pub others: Vec<Effect>,
    ticket: u64,
}

impl Rig {
    /// With `mail` as `QUEUE` and `mail.dead` as `OTHER`.
    pub fn new(store: Box<dyn Store>, options: QueueOptions) -> Self {
        let now = Now { wall: 1_000_000_000_000, mono: 5_000 };
        let mut rig = Self::open(store, now);
        rig.declare(QUEUE, "mail", Some(options)).unwrap();
        rig.declare(OTHER, "mail.dead", None).unwrap();
        rig
    }

    /// Opens a store, as a process does that begins at this time.
    pub fn open(mut store: Box<dyn Store>, now: Now) -> Self {
        let mut machine = Machine::new(&Config { secret: Some(*b"0123456789abcdef"), ..Config::default() });
        let mut report = store.recover(&mut machine).unwrap();
        machine.opened(now, &mut *store, &mut report).unwrap();
        Self {
            machine,
            store,
            now,
            report,
            deliveries: Vec::new(),
            batches: Vec::new(),
            answers: Vec::new(),
            replies: Vec::new(),
            events: Vec::new(),
            others: Vec::new(),
            ticket: 0,
        }
    }

    /// One command, one round. Returns its answer, if there is one already.
    pub fn round(&mut self, make: impl FnOnce(Ticket) -> Command) -> Option<Result<Outcome, Error>> {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        self.commands(vec![make(ticket)]);
        let place = self.answers.iter().position(|(other, _)| *other == ticket)?;
        Some(self.answers.remove(place).1)
    }

    pub fn ask(&mut self, make: impl FnOnce(Ticket) -> Command) -> Result<Outcome, Error> {
        self.round(make).unwrap()
    }

    pub fn commands(&mut self, commands: Vec<Command>) {
        let mut out = Effects::default();
        for command in commands {
            self.machine.apply(command, self.now, &mut *self.store, &mut out).unwrap();
        }
        loop {
            self.machine.tick(self.now, &mut *self.store, &mut out).unwrap();
            if self.machine.next_deadline(self.now) != Some(0) {
                break;
            }
        }
        let newest = self.machine.newest();
        self.store.commit().unwrap();
        self.machine.synced(newest);
        for effect in out.now.into_iter().chain(out.durable) {
            match effect {
                Effect::Deliver { worker, deliveries } => {
                    self.batches.push(deliveries.len());
                    self.deliveries.extend(deliveries.into_iter().map(|delivery| (worker, delivery)));
                }
                Effect::Done { ticket, result } => self.answers.push((ticket, result)),
                Effect::Replied { ticket, result } => self.replies.push((ticket, result)),
                Effect::Event(event) => self.events.push(event),
                other => self.others.push(other),
            }
        }
    }

    /// Time passes on both clocks.
    pub fn pass(&mut self, millis: u64) {
        self.now.wall += millis;
        self.now.mono += millis;
        self.commands(Vec::new());
    }

    pub fn declare(&mut self, queue: QueueRef, name: &str, options: Option<QueueOptions>) -> Result<Outcome, Error> {
        let (name, options) = (name.into(), options.map(Box::new));
        self.ask(|ticket| Command::Declare { ticket, queue, name, options })
    }

    pub fn try_send(&mut self, message: NewMessage) -> Result<MessageId, Error> {
        match self.ask(|ticket| Command::Send { ticket, queue: QUEUE, message })? {
            Outcome::Sent(receipt) => Ok(receipt.id),
            other => panic!("{other:?}"),
        }
    }

    pub fn send(&mut self, text: &str) -> MessageId {
        self.try_send(message(text)).unwrap()
    }

    pub fn consume(&mut self, options: WorkerOptions) {
        self.ask(|ticket| Command::Consume { ticket, worker: WORKER, queue: QUEUE, options }).unwrap();
    }

    /// A worker that takes so many.
    pub fn work(&mut self, concurrency: u32) {
        self.consume(WorkerOptions { concurrency, ..WorkerOptions::default() });
    }

    pub fn settle(&mut self, lease: Lease, outcome: Settle) -> Result<(), Error> {
        self.ask(|ticket| Command::Settle { ticket: Some(ticket), lease, outcome }).map(|_| ())
    }

    /// The next delivery that was not looked at.
    pub fn next(&mut self) -> Option<Delivery> {
        if self.deliveries.is_empty() { None } else { Some(self.deliveries.remove(0).1) }
    }

    /// The payloads of the deliveries that were not looked at.
    pub fn texts(&mut self) -> Vec<String> {
        self.deliveries.drain(..).map(|(_, delivery)| text(&delivery)).collect()
    }

    /// Acknowledges each delivery until nothing comes; the payloads in order.
    pub fn run_dry(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(delivery) = self.next() {
            texts.push(text(&delivery));
            self.settle(delivery.lease(), ack()).unwrap();
        }
        texts
    }

    pub fn nack(&mut self, delivery: &Delivery, error: &str) {
        self.settle(delivery.lease(), Settle::Nack { error: error.into(), delay: None, dead: false }).unwrap();
    }

    pub fn action(&mut self, queue: QueueRef, action: QueueAction) -> Result<Outcome, Error> {
        self.ask(|ticket| Command::Queue { ticket, queue, action })
    }

    pub fn message(&mut self, queue: QueueRef, id: MessageId, action: MessageAction) -> Result<Outcome, Error> {
        self.ask(|ticket| Command::Message { ticket, queue, id, action })
    }

    pub fn stats(&mut self, queue: QueueRef) -> QueueStats {
        match self.action(queue, QueueAction::Stats).unwrap() {
            Outcome::Stats(stats) => *stats,
            other => panic!("{other:?}"),
        }
    }

    pub fn subscribe(&mut self) {
        self.commands(vec![Command::Subscribe { queue: QUEUE, events: EventMask::ALL }]);
    }

    pub fn index(&mut self) -> &mut dyn Index {
        &mut self.machine
    }
}

pub fn message(text: &str) -> NewMessage {
    NewMessage { payload: Bytes::copy_from_slice(text.as_bytes()), ..NewMessage::default() }
}

pub fn keyed(text: &str, key: &str) -> NewMessage {
    NewMessage { key: Some(key.into()), ..message(text) }
}

pub fn delayed(text: &str, millis: u64) -> NewMessage {
    NewMessage { due: Due::After(millis), ..message(text) }
}

pub fn text(delivery: &Delivery) -> String {
    String::from_utf8(delivery.message.payload().to_vec()).unwrap()
}

pub fn ack() -> Settle {
    Settle::Ack { result: Bytes::new() }
}
