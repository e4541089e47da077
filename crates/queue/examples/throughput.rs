//! How fast the engine alone is, in one process: `cargo run --release -p socketio-queue --example throughput [messages] [bytes]`.
//!
//! One thread submits and takes in batches, as the event loop does.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program, not the library")]

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use socketio_queue::{
    Command, Config, Effect, Effects, Engine, Machine, MemoryStore, NewMessage, Now, QueueRef, Settle, Ticket,
    WorkerId, WorkerOptions,
};

const BATCH: usize = 1_000;
const QUEUE: QueueRef = QueueRef(1);

struct Owner {
    engine: Engine,
    told: Receiver<()>,
}

impl Owner {
    fn start() -> Self {
        let (tell, told) = sync_channel(1);
        let notify = Box::new(move || {
            let _ = tell.try_send(());
        });
        let engine = Engine::start(Config::default(), Box::new(|| Ok(Box::new(MemoryStore::new()))), notify).unwrap();
        let declare = Command::Declare { ticket: Ticket(0), queue: QUEUE, name: "bench".into(), options: None };
        engine.submit(&mut vec![declare]);
        Self { engine, told }
    }

    fn wait(&self) -> Vec<Effect> {
        self.told.recv_timeout(Duration::from_secs(10)).unwrap();
        self.engine.take()
    }

    /// Sends everything, never with more than so many unanswered.
    fn send(&self, count: usize, bytes: usize, outstanding: usize) {
        let payload = Bytes::from(vec![b'x'; bytes]);
        let (mut sent, mut answered) = (0, 0);
        while answered < count {
            while sent < count && sent - answered < outstanding {
                let most = BATCH.min(count - sent).min(outstanding - (sent - answered));
                let message = || NewMessage { payload: payload.clone(), ..NewMessage::default() };
                let mut commands: Vec<_> =
                    (0..most).map(|_| Command::Send { ticket: Ticket(1), queue: QUEUE, message: message() }).collect();
                self.engine.submit(&mut commands);
                sent += most;
            }
            let done = |effect: &Effect| matches!(effect, Effect::Done { ticket: Ticket(1), result: Ok(_) });
            answered += self.wait().iter().filter(|effect| done(effect)).count();
        }
    }

    /// Takes and acknowledges everything.
    fn process(&self, count: usize, concurrency: u32, answers: bool) {
        let worker = WorkerId(1);
        let options = WorkerOptions { concurrency, ..WorkerOptions::default() };
        self.engine.submit(&mut vec![Command::Consume { ticket: Ticket(2), worker, queue: QUEUE, options }]);
        let (mut processed, mut acknowledged) = (0, 0);
        let mut acks = Vec::new();
        while processed < count || (answers && acknowledged < count) {
            for effect in self.wait() {
                match effect {
                    Effect::Deliver { deliveries, .. } => {
                        processed += deliveries.len();
                        acks.extend(deliveries.iter().map(|delivery| Command::Settle {
                            ticket: answers.then_some(Ticket(3)),
                            lease: delivery.lease(),
                            outcome: Settle::Ack { result: Bytes::new() },
                        }));
                    }
                    Effect::Done { ticket: Ticket(3), result } => {
                        result.unwrap();
                        acknowledged += 1;
                    }
                    _ => {}
                }
            }
            self.engine.submit(&mut acks);
        }
        self.engine.submit(&mut vec![Command::CloseWorker { worker, lost: false }]);
    }
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The state machine with its store, without threads: what the engine's thread itself costs.
fn machine_alone(count: usize, bytes: usize) {
    let payload = Bytes::from(vec![b'x'; bytes]);
    let mut machine = Machine::new(&Config::default());
    let mut store = MemoryStore::new();
    let mut out = Effects::default();
    let now = Now { wall: 1_700_000_000_000, mono: 0 };
    let declare = Command::Declare { ticket: Ticket(0), queue: QUEUE, name: "bench".into(), options: None };
    machine.apply(declare, now, &mut store, &mut out).unwrap();
    let start = Instant::now();
    for _ in 0..count / BATCH {
        for _ in 0..BATCH {
            let message = NewMessage { payload: payload.clone(), ..NewMessage::default() };
            let send = Command::Send { ticket: Ticket(1), queue: QUEUE, message };
            machine.apply(send, now, &mut store, &mut out).unwrap();
        }
        machine.tick(now, &mut store, &mut out).unwrap();
        machine.synced(machine.newest());
        out.durable.clear();
    }
    rate("machine alone: sends", count, start);
    let options = WorkerOptions { concurrency: 1_000, ..WorkerOptions::default() };
    let consume = Command::Consume { ticket: Ticket(0), worker: WorkerId(1), queue: QUEUE, options };
    let start = Instant::now();
    machine.apply(consume, now, &mut store, &mut out).unwrap();
    let mut processed = 0;
    while processed < count / BATCH * BATCH {
        machine.tick(now, &mut store, &mut out).unwrap();
        out.durable.clear();
        for effect in std::mem::take(&mut out.now) {
            let Effect::Deliver { deliveries, .. } = effect else { continue };
            processed += deliveries.len();
            for delivery in deliveries {
                let outcome = Settle::Ack { result: Bytes::new() };
                let settle = Command::Settle { ticket: Some(Ticket(2)), lease: delivery.lease(), outcome };
                machine.apply(settle, now, &mut store, &mut out).unwrap();
            }
        }
    }
    rate("machine alone: deliver + ack", count, start);
}

fn rate(what: &str, count: usize, start: Instant) {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = count as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("{what:<52} {rate:6.2} M/s");
}

fn main() {
    let number =
        |index: usize, default: usize| std::env::args().nth(index).map_or(default, |text| text.parse().unwrap());
    let (count, bytes) = (number(1, 1_000_000), number(2, 256));
    machine_alone(count, bytes);
    let owner = Owner::start();
    let before = resident();
    let start = Instant::now();
    owner.send(count, bytes, 100_000);
    rate("sends, 1,000 a batch", count, start);
    println!("memory per waiting message, payload included         {:6} B", (resident() - before) / count as u64);
    for (concurrency, answers) in [(1_000, false), (1_000, true), (50, true)] {
        let start = Instant::now();
        owner.process(count, concurrency, answers);
        rate(&format!("deliver + ack, concurrency {concurrency}, answered: {answers}"), count, start);
        owner.send(count, bytes, 100_000);
    }
    let start = Instant::now();
    owner.process(count, 1, true);
    rate("deliver + ack, concurrency 1", count, start);
    let start = Instant::now();
    let rounds = 20_000;
    for _ in 0..rounds {
        owner.send(1, bytes, 1);
    }
    println!(
        "one awaited send at a time                           {:6.1} µs",
        start.elapsed().as_secs_f64() / f64::from(rounds) * 1e6
    );
}
