//! What a writer is to do, in order.

use std::sync::Arc;
use std::time::Instant;

use socketio_rooms::{ConnectionId, Target};

use crate::flush::Latch;
use crate::socket::Socket;
use crate::sync::{AtomicUsize, Mutex, Notify, Ordering};
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
    Open {
        connection: ConnectionId,
        socket: Socket,
        form: Form,
        epoch: u64,
    },
    Send(Send),
    Broadcast(Arc<Broadcast>),
    Fence(ConnectionId),
    /// A fence, after which the lane takes nothing.
    Finish(ConnectionId),
    /// What waits keeps its place: packets with a key that come later are newer than something in between.
    ForgetKeys(ConnectionId),
    Close(ConnectionId),
    Flush(Arc<Latch>, Instant),
    Stop,
}

/// A packet of so many bytes is large in any case.
const LARGE: usize = 16 * 1024;

/// The weight of what only the writer's own thread does.
const HEAVY: usize = 1 << 20;

impl Op {
    /// How much it is to do: the number of small frames to write, or more. Never 0.
    fn weight(&self, large: usize) -> usize {
        match self {
            Self::Send(send) if send.packet.len() < large => 1,
            Self::Broadcast(broadcast) if broadcast.packet.len() < large => broadcast.target.most().max(1),
            Self::Open { .. } | Self::Fence(_) | Self::Finish(_) | Self::ForgetKeys(_) | Self::Close(_) => 1,
            Self::Send(_) | Self::Broadcast(_) | Self::Flush(..) | Self::Stop => HEAVY,
        }
    }

    /// Nobody will do it.
    pub(crate) fn give_up(self) {
        if let Self::Flush(latch, _) = self {
            latch.count_down(false);
        }
    }
}

/// A first-in-first-out list with many producers and one consumer, which takes it whole.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// `None` when the writer has ended.
    list: Mutex<Option<List>>,
    notify: Notify,
    /// From how many bytes on a packet is more than a small frame to write.
    large: AtomicUsize,
}

#[derive(Debug, Default)]
struct List {
    ops: Vec<Op>,
    /// How much there is to do, in small frames to write.
    weight: usize,
}

/// A writer is woken without waiting for the end of the tick when so much has piled up.
const WAKE_AT: usize = 64;

impl Default for Inbox {
    fn default() -> Self {
        Self { list: Mutex::new(Some(List::default())), notify: Notify::new(), large: AtomicUsize::new(LARGE) }
    }
}

impl Inbox {
    /// Adds an operation. The writer sees it after it is woken, at the latest. Dropped when the writer has ended.
    pub(crate) fn push(&self, op: Op) {
        let large = self.large.load(Ordering::Relaxed);
        let waiting = {
            let mut list = self.list.lock();
            let Some(list) = &mut *list else { return op.give_up() };
            list.weight = list.weight.saturating_add(op.weight(large));
            list.ops.push(op);
            list.ops.len()
        };
        if waiting == WAKE_AT {
            self.notify.notify_one();
        }
    }

    /// Some lanes compress packets from so many bytes on: that is not little to do.
    pub(crate) fn compresses_from(&self, threshold: usize) {
        self.large.fetch_min(threshold, Ordering::Relaxed);
    }

    /// How much there is to do, in small frames to write: 0 when there is nothing.
    pub(crate) fn weight(&self) -> usize {
        self.list.lock().as_ref().map_or(0, |list| list.weight)
    }

    /// Wakes the writer.
    pub(crate) fn nudge(&self) {
        self.notify.notify_one();
    }

    /// Moves everything out, into the empty `taken`.
    pub(crate) fn take(&self, taken: &mut Vec<Op>) {
        if let Some(list) = &mut *self.list.lock() {
            std::mem::swap(&mut list.ops, taken);
            list.weight = 0;
        }
    }

    /// The writer ends: what is here is dropped, and whatever comes.
    pub(crate) fn close(&self) {
        let list = self.list.lock().take();
        list.into_iter().flat_map(|list| list.ops).for_each(Op::give_up);
    }

    /// Whether the writer has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.list.lock().is_none()
    }

    /// Returns after a [`Self::nudge`] since the last return.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}
