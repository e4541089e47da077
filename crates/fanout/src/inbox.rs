//! What a writer is to do, in order.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use socketio_rooms::{ConnectionId, Target};
use tokio::sync::Notify;

use crate::flush::Latch;
use crate::socket::Socket;
use crate::{Form, Packet};

/// A packet for the members of some rooms, shared by all writers.
#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(crate) target: Target,
    pub(crate) packet: Packet,
    pub(crate) volatile: bool,
    pub(crate) tick: u32,
    /// Lanes that opened after this moment are not meant, even when their index is in the target.
    pub(crate) epoch: u64,
}

/// A packet for one lane.
#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) connection: ConnectionId,
    pub(crate) packet: Packet,
    pub(crate) volatile: bool,
    pub(crate) continues: bool,
    pub(crate) tickets: u32,
    pub(crate) tick: u32,
    pub(crate) epoch: u64,
}

#[derive(Debug)]
pub(crate) enum Op {
    Open { connection: ConnectionId, socket: Socket, form: Form, epoch: u64 },
    Send(Send),
    Broadcast(Arc<Broadcast>),
    Fence(ConnectionId),
    Close(ConnectionId),
    Flush(Arc<Latch>, Instant),
    Stop,
}

impl Op {
    /// Nobody will do it.
    fn give_up(self) {
        if let Self::Flush(latch, _) = self {
            latch.count_down(false);
        }
    }
}

/// A first-in-first-out list with many producers and one consumer, which takes it whole.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// `None` when the writer has ended.
    ops: Mutex<Option<Vec<Op>>>,
    notify: Notify,
}

/// A writer is woken without waiting for the end of the tick when so much has piled up.
const WAKE_AT: usize = 64;

impl Default for Inbox {
    fn default() -> Self {
        Self { ops: Mutex::new(Some(Vec::new())), notify: Notify::new() }
    }
}

impl Inbox {
    /// Adds an operation. The writer sees it after [`Self::wake`], at the latest. Dropped when the writer has ended.
    pub(crate) fn push(&self, op: Op) {
        let waiting = {
            let mut ops = self.ops.lock();
            let Some(ops) = &mut *ops else { return op.give_up() };
            ops.push(op);
            ops.len()
        };
        if waiting == WAKE_AT {
            self.notify.notify_one();
        }
    }

    /// Wakes the writer if there is something to do.
    pub(crate) fn wake(&self) {
        if self.ops.lock().as_ref().is_some_and(|ops| !ops.is_empty()) {
            self.notify.notify_one();
        }
    }

    /// Wakes the writer for something that is not in the list.
    pub(crate) fn nudge(&self) {
        self.notify.notify_one();
    }

    /// Moves everything out, into the empty `taken`.
    pub(crate) fn take(&self, taken: &mut Vec<Op>) {
        if let Some(ops) = &mut *self.ops.lock() {
            std::mem::swap(ops, taken);
        }
    }

    /// The writer ends: what is here is dropped, and whatever comes.
    pub(crate) fn close(&self) {
        let ops = self.ops.lock().take();
        ops.into_iter().flatten().for_each(Op::give_up);
    }

    /// Whether the writer has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.ops.lock().is_none()
    }

    /// Returns after a [`Self::wake`] or [`Self::nudge`] since the last return.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}
