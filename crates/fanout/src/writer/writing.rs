//! The second half of a writer's round: each lane that has frames is written once.

use std::io;
use std::sync::Arc;

use socketio_rooms::ConnectionId;

use super::{By, Writer};
use crate::Event;
use crate::lane::{Rest, Written};
use crate::socket::{CAPACITY, Outgoing, Ring};

/// Below this, system calls of their own cost less than a batch.
const LEAST: usize = 4;

/// Lanes with one frame each: what a broadcast, or a turn of direct emits, is when the writer is not behind.
#[derive(Default)]
pub(super) struct Batch {
    ring: Option<Ring>,
    lanes: Vec<ConnectionId>,
    sends: Vec<Outgoing>,
}

impl Batch {
    /// To be called on the writer's thread. `wanted`: use what the kernel offers for it.
    pub(super) fn new(wanted: bool) -> Self {
        Self { ring: wanted.then(Ring::new).flatten(), ..Self::default() }
    }
}

impl Writer {
    /// Only the writer's own thread uses the ring: `io_uring` interrupts blocking system calls of the threads that made or use one, also
    /// those that have nothing to do with it, and Node.js makes some.
    pub(super) fn write_lanes(&mut self, by: By) {
        let batches = by == By::Itself && self.batch.ring.is_some();
        let writable = std::mem::take(&mut *self.writable.lock());
        for connection in writable {
            self.write(connection);
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        for connection in dirty.drain(..) {
            let Some(slot) = self.lanes.get(connection) else { continue };
            // It was written meanwhile, or is in the batch.
            if !slot.dirty {
                continue;
            }
            let frame = slot.lane.only_frame().filter(|_| batches);
            let (Some(frame), Some(socket)) = (frame, &slot.socket) else {
                self.write(connection);
                continue;
            };
            slot.dirty = false;
            self.batch.lanes.push(connection);
            self.batch.sends.push(Outgoing { socket: socket.clone(), frame: frame.clone(), result: None });
            if self.batch.sends.len() == CAPACITY {
                self.write_batch();
            }
        }
        self.write_batch();
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
    }

    fn write_batch(&mut self) {
        if self.batch.sends.len() >= LEAST
            && let Some(ring) = &mut self.batch.ring
        {
            self.stats.system_calls += u64::from(ring.send(&mut self.batch.sends));
        }
        let mut lanes = std::mem::take(&mut self.batch.lanes);
        let mut sends = std::mem::take(&mut self.batch.sends);
        for (connection, send) in lanes.drain(..).zip(sends.drain(..)) {
            match send.result {
                // It was not tried.
                None => {
                    self.write(connection);
                }
                Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                    self.write(connection);
                }
                Some(result) => {
                    if let Some(slot) = self.lanes.get(connection) {
                        let before = slot.lane.bytes();
                        let written = slot.lane.wrote(result);
                        self.stats.batched += u64::from(written.frames);
                        self.account(connection, written, false, before);
                    }
                }
            }
        }
        self.batch.lanes = lanes;
        self.batch.sends = sends;
    }

    /// Writes what a lane has, for one turn; true when it has more, which the kernel would take.
    pub(super) fn write(&mut self, connection: ConnectionId) -> bool {
        let Some(slot) = self.lanes.get(connection) else { return false };
        slot.dirty = false;
        let Some(socket) = &slot.socket else { return false };
        let (was_parked, before) = (slot.lane.is_parked(), slot.lane.bytes());
        let written = slot.lane.write(|parts| socket.send(parts));
        self.stats.system_calls += u64::from(written.calls);
        self.account(connection, written, was_parked, before)
    }

    /// Counts and tells what a write did to a lane that had `before` bytes; true when it has more, which the kernel would take.
    fn account(&mut self, connection: ConnectionId, written: Written, was_parked: bool, before: usize) -> bool {
        let Some(slot) = self.lanes.get(connection) else { return false };
        self.stats.frames += u64::from(written.frames);
        self.stats.bytes += written.bytes as u64;
        if was_parked || slot.lane.is_parked() {
            self.waiting.changed(connection);
        }
        if was_parked {
            self.stats.buffered_bytes -= before as u64;
            self.stats.parked_lanes -= 1;
        }
        if slot.lane.is_parked() {
            self.stats.buffered_bytes += slot.lane.bytes() as u64;
            self.stats.parked_lanes += 1;
        }
        if written.tickets > 0 {
            self.news.push(Event::Written(connection, written.tickets));
        }
        match written.rest {
            Rest::Nothing if was_parked => {
                slot.unwatch();
                self.news.push(Event::Resumed(connection));
            }
            Rest::More => {
                slot.dirty = true;
                self.dirty.push(connection);
                return true;
            }
            Rest::Blocked if !was_parked => {
                let (writable, shared) = (Arc::clone(&self.writable), Arc::clone(&self.shared));
                let on_writable = move || {
                    writable.lock().push(connection);
                    shared.inbox.nudge();
                };
                #[cfg(fanout_loom)]
                self.watched.lock().push(Box::new(on_writable.clone()));
                if let Some(runtime) = &self.runtime {
                    slot.watch(runtime, on_writable);
                }
                self.news.push(Event::Parked(connection));
            }
            Rest::Nothing | Rest::Blocked => {}
            Rest::Lost(error) => {
                slot.let_go();
                self.news.push(Event::Failed(connection, error.raw_os_error().unwrap_or_default()));
            }
        }
        false
    }
}
