//! The handle on the writers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use socketio_rooms::{ConnectionId, Target};

use crate::event::EventQueue;
use crate::flush::Latch;
use crate::inbox::{Broadcast, Op, Send};
use crate::socket::{RawSocket, Socket};
use crate::writer::{Seat, Shared};
use crate::{Config, Event, Form, Packet, Stats};

/// Why a lane could not be opened. The connection can go on without one.
#[derive(Debug, thiserror::Error)]
#[error("expected to duplicate the connection's descriptor, got: {0}")]
pub struct OpenError(#[from] pub io::Error);

/// How [`Fanout::send`] treats a packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct SendOptions {
    /// Drop it when the lane is parked, or was given a packet in the same tick.
    pub volatile: bool,
    /// It continues the packet before it (an attachment), and is dropped together with that one.
    pub continues: bool,
    /// Report with [`Event::Written`] when the kernel has its bytes. When it is dropped, what was before it counts.
    pub ticket: bool,
    /// The tick of the event loop: any number that changes between ticks.
    pub tick: u32,
}

/// Writer threads and the way to hand work to them. Dropping it stops them.
pub struct Fanout {
    writers: Vec<Seat>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    events: Arc<EventQueue>,
    /// Moments: each opened lane begins a new one.
    epoch: AtomicU64,
}

impl Fanout {
    /// Starts the writers. `signal` is called from their threads when there are events to take; it must not block.
    pub fn start(config: Config, signal: Box<dyn Fn() + std::marker::Send + Sync>) -> io::Result<Self> {
        let events = Arc::new(EventQueue::new(signal));
        let mut fanout = Self { writers: Vec::new(), threads: Mutex::default(), events, epoch: AtomicU64::new(0) };
        let config = Config { writers: config.writers.max(1), ..config };
        for number in 0..config.writers {
            let (seat, thread) = Seat::start(number, &fanout.events, config)?;
            fanout.writers.push(seat);
            fanout.threads.lock().push(thread);
        }
        Ok(fanout)
    }

    /// How many writers there are. The lanes of writer `n` are those whose index is `n` modulo this.
    pub fn writers(&self) -> usize {
        self.writers.len()
    }

    /// Opens the lane of a connection: from now on nobody else may write to its socket. `form`: what its client
    /// understands.
    pub fn open(&self, connection: ConnectionId, raw: RawSocket<'_>, form: Form) -> Result<(), OpenError> {
        let Some(shared) = self.writer_of(connection).filter(|shared| !shared.inbox.is_closed()) else {
            return Err(io::Error::other("a writer that has ended").into());
        };
        let socket = Socket::duplicate(raw)?;
        let epoch = self.epoch.fetch_add(1, Ordering::AcqRel) + 1;
        if let Some(deflate) = form.deflate {
            shared.inbox.compresses_from(deflate.threshold);
        }
        shared.inbox.push(Op::Open { connection, socket, form, epoch });
        Ok(())
    }

    /// Hands a packet for one lane over.
    pub fn send(&self, connection: ConnectionId, packet: Packet, options: SendOptions) {
        let SendOptions { volatile, continues, ticket, tick } = options;
        let send =
            Send { connection, packet, volatile, continues, tickets: u32::from(ticket), tick, epoch: self.epoch() };
        self.push(connection, Op::Send(send));
    }

    /// The moment to give to [`Self::broadcast`]: read it before the target is taken.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Hands a packet for each member of `target` over. O(writers), whatever the size of the rooms.
    pub fn broadcast(&self, target: Target, packet: Packet, volatile: bool, tick: u32, epoch: u64) {
        if let Some(connection) = target.single() {
            let send = Send { connection, packet, volatile, continues: false, tickets: 0, tick, epoch };
            return self.push(connection, Op::Send(send));
        }
        let broadcast = Arc::new(Broadcast { target, packet, volatile, tick, epoch });
        for seat in &self.writers {
            seat.shared.inbox.push(Op::Broadcast(Arc::clone(&broadcast)));
        }
    }

    /// Issues a ticket that is due when everything handed over before is written.
    pub fn fence(&self, connection: ConnectionId) {
        self.push(connection, Op::Fence(connection));
    }

    /// The stream is about to end: a fence, after which the lane takes nothing.
    pub fn finish(&self, connection: ConnectionId) {
        self.push(connection, Op::Finish(connection));
    }

    /// A packet with a key was handed over without it: what waited before must not be replaced by what comes after.
    pub fn forget_keys(&self, connection: ConnectionId) {
        self.push(connection, Op::ForgetKeys(connection));
    }

    /// Closes a lane: what waits is tried once more, then its descriptor is closed. Ends with [`Event::Closed`].
    pub fn close(&self, connection: ConnectionId) {
        self.push(connection, Op::Close(connection));
    }

    /// Wakes the writers that have something to do, or does it here when it is little. To be called at the end of a tick in
    /// which something was handed over.
    pub fn wake(&self) {
        self.writers.iter().for_each(Seat::wake);
    }

    /// Blocks until everything handed over is written, or `timeout` has passed (then false).
    pub fn flush(&self, timeout: Duration) -> bool {
        let latch = Arc::new(Latch::new(self.writers.len()));
        let deadline = Instant::now() + timeout;
        for Seat { shared, .. } in &self.writers {
            shared.inbox.push(Op::Flush(Arc::clone(&latch), deadline));
            shared.inbox.nudge();
        }
        // Writers answer at the deadline even when a client is behind; the rest is for a machine that is busy.
        latch.wait(timeout + Duration::from_millis(200))
    }

    /// Takes the events since the last call.
    pub fn events(&self) -> Vec<Event> {
        self.events.take()
    }

    /// How many bytes wait for a connection: 0 unless its lane is parked.
    pub fn buffered_bytes(&self, connection: ConnectionId) -> u64 {
        let waiting = self.writer_of(connection).and_then(|shared| shared.waiting.lock().get(&connection).copied());
        waiting.unwrap_or_default()
    }

    /// Reads the counters, at most one round old.
    pub fn stats(&self) -> Stats {
        self.writers.iter().map(|seat| seat.shared.stats.read()).fold(Stats::default(), Stats::plus)
    }

    /// Stops the writers when they have done what was handed over. What is handed over later is dropped.
    pub fn stop(&self) {
        for Seat { shared, .. } in &self.writers {
            shared.inbox.push(Op::Stop);
            shared.inbox.nudge();
        }
    }

    /// Waits for the end of the writers, which must have been stopped.
    pub fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // A writer that panicked has said so with an event.
            let _ = thread.join();
        }
    }

    fn push(&self, connection: ConnectionId, op: Op) {
        if let Some(shared) = self.writer_of(connection) {
            shared.inbox.push(op);
        }
    }

    fn writer_of(&self, connection: ConnectionId) -> Option<&Shared> {
        self.writers.get(connection as usize % self.writers.len().max(1)).map(|seat| &*seat.shared)
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        self.stop();
    }
}
