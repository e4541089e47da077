//! A writer: a thread that writes the lanes assigned to it.
//!
//! It works in rounds: take operations from the inbox (bounded), put frames on lanes, write each lane that has some once,
//! report. Rounds are made by the writer's own thread, and now and then by one that has little to hand over ([`Seat`]).

#[cfg(all(unix, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod lanes;
#[cfg(fanout_loom)]
mod models;
mod seat;
mod waiting;
mod writing;

use std::sync::Arc;
use std::time::Instant;

use socketio_rooms::ConnectionId;
use tokio::runtime::Handle;

use crate::event::EventQueue;
use crate::flush::Latch;
use crate::inbox::{Broadcast, Inbox, Op, Send};
use crate::lane::{Given, Giving};
use crate::stats::SharedStats;
use crate::sync::Mutex;
use crate::{Config, Event, Packet, Stats};

use lanes::{Lanes, Slot};
pub(crate) use seat::Seat;
use waiting::{Waiting, WaitingBytes};
use writing::Batch;

/// How many operations one round takes, so that a flood of them does not hold back lanes that have frames already.
const ROUND: usize = 256;

/// What a writer shares with those that hand work to it.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) inbox: Inbox,
    pub(crate) stats: SharedStats,
    pub(crate) waiting: WaitingBytes,
}

/// Whose thread makes a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The writer's.
    Itself,
    /// That of the event loop, say.
    Another,
}

/// What is to be done after a round.
enum Next {
    /// Another one.
    Round,
    /// Sleep until woken, or until this moment.
    Sleep(Option<Instant>),
    /// Nothing more.
    End,
}

struct Writer {
    shared: Arc<Shared>,
    /// Where parked lanes wait.
    runtime: Option<Handle>,
    events: Arc<EventQueue>,
    config: Config,
    lanes: Lanes,
    /// Taken from the inbox, not applied yet; the next one is the last.
    ops: Vec<Op>,
    spare: Vec<Op>,
    /// Lanes with frames that were not tried yet.
    dirty: Vec<ConnectionId>,
    /// Parked lanes that can be written again.
    writable: Arc<Mutex<Vec<ConnectionId>>>,
    batch: Batch,
    waiting: Waiting,
    news: Vec<Event>,
    flushes: Vec<(Arc<Latch>, Instant)>,
    stats: Stats,
    /// Counts broadcasts, to visit a lane once in each.
    broadcasts: u64,
    stopped: bool,
    ended: bool,
    /// In the place of a runtime: what it would call.
    #[cfg(fanout_loom)]
    watched: Arc<Mutex<Vec<models::OnWritable>>>,
}

impl Writer {
    /// A writer of the lanes whose index is `number` modulo `config.writers`. Parked lanes wait in `runtime`.
    fn new(
        number: usize,
        shared: Arc<Shared>,
        events: Arc<EventQueue>,
        config: Config,
        runtime: Option<Handle>,
    ) -> Self {
        Self {
            shared,
            runtime,
            events,
            config,
            lanes: Lanes::new(number, config.writers),
            ops: Vec::new(),
            spare: Vec::new(),
            dirty: Vec::new(),
            writable: Arc::default(),
            batch: Batch::default(),
            waiting: Waiting::default(),
            news: Vec::new(),
            flushes: Vec::new(),
            stats: Stats::default(),
            broadcasts: 0,
            stopped: false,
            ended: false,
            #[cfg(fanout_loom)]
            watched: Arc::default(),
        }
    }

    /// Takes operations from the inbox, writes, and reports.
    fn round(&mut self, by: By) -> Next {
        if self.ended {
            return Next::End;
        }
        if self.ops.is_empty() && !self.stopped {
            self.shared.inbox.take(&mut self.spare);
            std::mem::swap(&mut self.ops, &mut self.spare);
            self.ops.reverse();
        }
        for _ in 0..ROUND {
            let Some(op) = self.ops.pop() else { break };
            self.apply(op);
        }
        self.write_lanes(by);
        let more = !self.ops.is_empty() || !self.dirty.is_empty();
        self.shared.stats.publish(&self.stats);
        self.waiting.publish(&self.shared.waiting, &mut self.lanes);
        self.events.publish(&mut self.news);
        // Last: what was written until a flush ends has been told.
        self.end_flushes(!more && self.stats.parked_lanes == 0);
        if more {
            Next::Round
        } else if self.stopped {
            // Each lane has written all, or the kernel takes no more.
            Next::End
        } else {
            Next::Sleep(self.flushes.iter().map(|(_, deadline)| *deadline).min())
        }
    }

    /// Whether a round does no more than what is in the inbox.
    fn has_nothing_else(&self) -> bool {
        self.ops.is_empty() && self.dirty.is_empty() && self.flushes.is_empty() && self.writable.lock().is_empty()
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Open { connection, socket, form, epoch } => {
                self.lanes.insert(connection, Slot::new(socket, form, epoch));
                self.stats.lanes = self.lanes.len();
            }
            Op::Send(send) => self.send(&send),
            Op::Broadcast(broadcast) => self.broadcast(&broadcast),
            Op::Fence(connection) => {
                if let Some(slot) = self.lanes.get(connection) {
                    self.news.extend(slot.fence(connection));
                }
            }
            Op::Finish(connection) => {
                if let Some(slot) = self.lanes.get(connection) {
                    slot.lane.finish();
                    self.news.extend(slot.fence(connection));
                }
            }
            Op::ForgetKeys(connection) => {
                if let Some(slot) = self.lanes.get(connection) {
                    slot.lane.forget_keys();
                }
            }
            Op::Close(connection) => self.close(connection),
            Op::Flush(latch, deadline) => self.flushes.push((latch, deadline)),
            Op::Stop => {
                self.stopped = true;
                self.ops.drain(..).for_each(Op::give_up);
            }
        }
    }

    fn send(&mut self, send: &Send) {
        let giving =
            Giving { volatile: send.volatile, continues: send.continues, tickets: send.tickets, tick: send.tick };
        if self.lanes.get(send.connection).is_none_or(|slot| slot.epoch > send.epoch) {
            return;
        }
        let queued = self.give(send.connection, &send.packet, giving);
        if !queued
            && send.tickets > 0
            && let Some(slot) = self.lanes.get(send.connection)
        {
            // Its callback is due when what is before it is written.
            self.news.extend(slot.fence(send.connection));
        }
    }

    fn broadcast(&mut self, broadcast: &Broadcast) {
        self.broadcasts += 1;
        let number = self.broadcasts;
        let giving = Giving { volatile: broadcast.volatile, tick: broadcast.tick, ..Giving::default() };
        broadcast.target.visit_native(|connection| {
            let Some(slot) = self.lanes.get(connection) else { return };
            if slot.seen == number || slot.epoch > broadcast.epoch {
                return;
            }
            slot.seen = number;
            self.give(connection, &broadcast.packet, giving);
        });
    }

    /// Gives a packet to a lane; true when it was queued.
    fn give(&mut self, connection: ConnectionId, packet: &Packet, giving: Giving) -> bool {
        let config = self.config;
        let Some(slot) = self.lanes.get(connection) else { return false };
        let frames = packet.frames(slot.form);
        let untried = |slot: &mut Slot| slot.lane.is_over(frames, &config) && !slot.lane.is_parked();
        while self.lanes.get(connection).is_some_and(untried) {
            // What waits has only not been tried yet.
            self.write(connection);
        }
        let Some(slot) = self.lanes.get(connection) else { return false };
        let before = slot.lane.bytes();
        match slot.lane.give(frames, packet.key(), giving, &config) {
            Given::Conflated => {
                self.stats.conflated += 1;
                self.stats.buffered_bytes += slot.lane.bytes() as u64;
                self.stats.buffered_bytes -= before as u64;
                self.waiting.changed(connection);
                true
            }
            Given::Queued => {
                if slot.lane.is_parked() {
                    self.stats.buffered_bytes += (slot.lane.bytes() - before) as u64;
                    self.waiting.changed(connection);
                } else if !slot.dirty {
                    slot.dirty = true;
                    self.dirty.push(connection);
                }
                true
            }
            Given::Dropped => {
                // A packet counts once, whether its attachments come with it or after it.
                self.stats.dropped += u64::from(!giving.continues);
                false
            }
            Given::Closing => false,
            Given::Overflow => {
                self.stats.slow_disconnects += 1;
                self.lose(connection, Event::Slow(connection));
                false
            }
        }
    }

    /// Ends a lane that cannot go on. Its descriptor is let go at once, its place is kept until it is closed.
    fn lose(&mut self, connection: ConnectionId, event: Event) {
        let Some(slot) = self.lanes.get(connection) else { return };
        self.waiting.changed(connection);
        if slot.lane.is_parked() {
            self.stats.buffered_bytes -= slot.lane.bytes() as u64;
            self.stats.parked_lanes -= 1;
        }
        slot.lane.clear();
        slot.let_go();
        self.news.push(event);
    }

    /// Writes what the kernel takes now, and lets go of the descriptor.
    fn close(&mut self, connection: ConnectionId) {
        while self.write(connection) {}
        if let Some(mut slot) = self.lanes.remove(connection) {
            if slot.lane.is_parked() {
                self.waiting.changed(connection);
                self.stats.buffered_bytes -= slot.lane.bytes() as u64;
                self.stats.parked_lanes -= 1;
            }
            slot.let_go();
        }
        self.stats.lanes = self.lanes.len();
        self.news.push(Event::Closed(connection));
    }

    fn end_flushes(&mut self, all_written: bool) {
        if self.flushes.is_empty() {
            return;
        }
        let now = Instant::now();
        self.flushes.retain(|(latch, deadline)| {
            let done = all_written || now >= *deadline;
            if done {
                latch.count_down(all_written);
            }
            !done
        });
    }

    /// Lets go of everything. What is handed over from now on is dropped.
    fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        for (latch, _) in self.flushes.drain(..) {
            latch.count_down(false);
        }
        self.shared.inbox.close();
        self.lanes.clear();
        self.batch = Batch::default();
        self.runtime = None;
        self.shared.stats.publish(&Stats { lanes: 0, parked_lanes: 0, buffered_bytes: 0, ..self.stats });
        self.events.publish(&mut self.news);
    }
}
