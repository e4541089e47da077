//! What a waiting message costs, and whether a backlog slows anything down, over the memory store and over the disk store:
//! `cargo run --release -p socketio-queue --example backlog [waiting] [through] [directory]`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a program, not the library"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use socketio_queue::{
    Class, Command, Commit, Config, DiskOptions, DiskStore, Due, Effect, Effects, Error, Index, Location, Machine,
    MemoryStore, NewMessage, Now, QueueRef, ReadError, RecoveryReport, Replay, Settle, Store, StoreStats, Ticket,
    WorkerId, WorkerOptions,
};

const QUEUE: QueueRef = QueueRef(1);

/// Keeps nothing, so that what is left in memory is the index.
struct Nowhere(u32);

impl Store for Nowhere {
    fn recover(&mut self, _replay: &mut dyn Replay) -> Result<RecoveryReport, Error> {
        Ok(RecoveryReport::default())
    }
    fn recovered(&mut self, _live: &mut dyn Iterator<Item = (Location, u32)>) {}
    fn append(&mut self, _class: Class, _head: &[u8], _body: &[u8]) -> Result<Location, Error> {
        self.0 += 1;
        Ok(Location { segment: 0, offset: self.0 })
    }
    fn discard(&mut self, _at: Location, _len: u32) {}
    fn write(&mut self) -> Result<(), Error> {
        Ok(())
    }
    fn commit(&mut self) -> Result<Commit, Error> {
        Ok(Commit::Done)
    }
    fn read(&mut self, _at: Location, _len: u32) -> Result<Bytes, ReadError> {
        Err(ReadError::Damaged)
    }
    fn maintain(&mut self, _index: &mut dyn Index) -> Result<bool, Error> {
        Ok(false)
    }
    fn keeps_state(&self) -> bool {
        false
    }
    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
    fn close(&mut self, _index: &mut dyn Index) -> Result<(), Error> {
        Ok(())
    }
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

struct Bench<S> {
    machine: Machine,
    store: S,
    out: Effects,
    now: Now,
}

impl<S: Store> Bench<S> {
    fn new(store: S) -> Self {
        let now = Now { wall: 1_700_000_000_000, mono: 0 };
        let mut bench = Self { machine: Machine::new(&Config::default()), store, out: Effects::default(), now };
        bench.apply(Command::Declare { ticket: Ticket(0), queue: QUEUE, name: "bench".into(), options: None });
        bench
    }

    fn apply(&mut self, command: Command) {
        self.machine.apply(command, self.now, &mut self.store, &mut self.out).unwrap();
    }

    fn tick(&mut self) {
        self.machine.tick(self.now, &mut self.store, &mut self.out).unwrap();
        if let Commit::Sync(task) = self.store.commit().unwrap() {
            task().unwrap();
        }
        while self.store.maintain(&mut self.machine).unwrap() {}
        self.machine.synced(self.machine.newest());
        self.out.durable.clear();
        self.now.wall += 1;
        self.now.mono += 1;
    }

    fn send(&mut self, due: Due, key: Option<String>) {
        let key = key.map(Into::into);
        let message = NewMessage { payload: Bytes::from_static(&[b'x'; 64]), due, key, ..NewMessage::default() };
        self.apply(Command::Send { ticket: Ticket(0), queue: QUEUE, message });
    }
}

fn index(what: &str, count: usize, mut send: impl FnMut(&mut Bench<Nowhere>, usize)) -> Bench<Nowhere> {
    let mut bench = Bench::new(Nowhere(0));
    let before = resident();
    for number in 0..count {
        send(&mut bench, number);
        if number % 1_000 == 0 {
            bench.tick();
        }
    }
    bench.tick();
    println!("{what:<24} {:>3} B of memory each", (resident() - before) / count as u64);
    bench
}

/// As a checkpoint, and back.
fn reopen(what: &str, count: usize, mut bench: Bench<Nowhere>) {
    let (mut chunks, mut cursor, mut slowest) = (Vec::new(), Some(0), Duration::ZERO);
    while let Some(at) = cursor {
        let (mut chunk, slice) = (Vec::new(), Instant::now());
        cursor = Index::snapshot(&mut bench.machine, at, &mut chunk);
        slowest = slowest.max(slice.elapsed());
        chunks.push(chunk);
    }
    let bytes: usize = chunks.iter().map(Vec::len).sum();
    let start = Instant::now();
    let mut opened = Machine::new(&Config::default());
    for chunk in &chunks {
        Replay::snapshot(&mut opened, chunk).unwrap();
    }
    opened.opened(bench.now, &mut Nowhere(0), &mut RecoveryReport::default()).unwrap();
    assert_eq!(opened.len(), count as u64);
    println!(
        "{what:<24} checkpoint {} B each, slowest slice {:.1} ms, opened in {:.0} ms",
        bytes / count,
        slowest.as_secs_f64() * 1e3,
        start.elapsed().as_secs_f64() * 1e3,
    );
}

fn main() {
    let number =
        |index: usize, default: usize| std::env::args().nth(index).map_or(default, |text| text.parse().unwrap());
    let (waiting, through) = (number(1, 1_000_000), number(2, 10_000_000));
    // First, in a process that has used no memory yet.
    let directory = std::env::args().nth(3).map_or_else(std::env::temp_dir, Into::into).join("queue-backlog");
    std::fs::remove_dir_all(&directory).ok();
    let mut store = DiskStore::open(DiskOptions::new(&directory)).unwrap();
    store.recover(&mut Machine::new(&Config::default())).unwrap();
    pass("disk store", store, waiting, through);
    std::fs::remove_dir_all(&directory).unwrap();
    let plain = index("waiting, without a key", waiting, |bench, _| bench.send(Due::Now, None));
    let delayed = index("delayed", waiting, |bench, number| {
        bench.send(Due::After(1_000_000 + number as u64 % 7_777), None);
    });
    let keyed = index("waiting, 100,000 keys", waiting, |bench, number| {
        bench.send(Due::Now, Some(format!("{}", number % 100_000)));
    });
    reopen("waiting, without a key", waiting, plain);
    reopen("delayed", waiting, delayed);
    reopen("waiting, 100,000 keys", waiting, keyed);
    pass("memory store", MemoryStore::new(), waiting, through);
}

/// So many messages through a backlog that stays as long as it is.
fn pass<S: Store>(what: &str, store: S, waiting: usize, through: usize) {
    let mut bench = Bench::new(store);
    let before = resident();
    for number in 0..waiting {
        bench.send(Due::Now, None);
        if number % 1_000 == 0 {
            bench.tick();
        }
    }
    bench.tick();
    println!("{what:<24} {:>3} B of memory each", (resident() - before) / waiting as u64);
    let options = WorkerOptions { concurrency: 1_000, ..WorkerOptions::default() };
    bench.apply(Command::Consume { ticket: Ticket(0), worker: WorkerId(1), queue: QUEUE, options });
    let (mut done, mut rounds, mut start) = (0, Vec::new(), Instant::now());
    let mut most = (0.0, 0, 0);
    while done < through {
        let round = Instant::now();
        bench.machine.tick(bench.now, &mut bench.store, &mut bench.out).unwrap();
        rounds.push(round.elapsed());
        bench.tick();
        let stats = bench.store.stats();
        let (bytes, live) = (stats.bytes >> 20, stats.live_bytes >> 20);
        let excess = bytes.saturating_sub(live) as f64 / 64.0;
        if excess > most.0 {
            most = (excess, bytes, live);
        }
        for effect in std::mem::take(&mut bench.out.now) {
            let Effect::Deliver { deliveries, .. } = effect else { continue };
            for delivery in deliveries {
                let outcome = Settle::Ack { result: Bytes::new() };
                bench.apply(Command::Settle { ticket: None, lease: delivery.lease(), outcome });
                bench.send(Due::Now, None);
                done += 1;
                if done % 2_000_000 == 0 {
                    rounds.sort_unstable();
                    let at =
                        |part: usize| rounds.get(rounds.len() * part / 100).map_or(0.0, Duration::as_secs_f64) * 1e3;
                    println!(
                        "{:>4} M through {waiting}: {:.2} µs each, taking 1,000: p50 {:.2}, p99 {:.2} ms; {} MB resident; \
                         at most {} MB for {} MB of live data ({:.1} segments more)",
                        done / 1_000_000,
                        start.elapsed().as_secs_f64() / 2.0,
                        at(50),
                        at(99),
                        resident() >> 20,
                        most.1,
                        most.2,
                        most.0,
                    );
                    (most, start) = ((0.0, 0, 0), Instant::now());
                    rounds.clear();
                }
            }
        }
    }
}
