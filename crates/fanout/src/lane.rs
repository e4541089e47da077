//! One lane: what waits for a connection, and what was decided for it. A pure state machine; the system call is handed in.

mod conflation;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod model;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

use smallvec::SmallVec;
use socketio_wire::{Frame, OpCode};

use crate::{Config, Overflow};

use conflation::Conflated;

/// How many frames one system call takes at most. Linux allows 1,024; more than this gains nothing measurable.
const MAX_PARTS: usize = 128;

/// How many bytes one lane may write before others get their turn.
const TURN: usize = 512 * 1024;

/// An empty queue that grew past this gives its memory back.
const KEEP_CAPACITY: usize = 32;

/// How many control frames a parked lane is given at most. A pong is two bytes, and costs many times that while it waits: the
/// limit of bytes alone would let a client that sends pings and reads nothing take hundreds of megabytes.
const MAX_CONTROLS: usize = 1_000;

/// What waits for one connection.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    queue: VecDeque<Queued>,
    /// How many bytes of the first queued frame the kernel already has.
    sent: usize,
    /// Unsent bytes in the queue.
    bytes: usize,
    /// Control frames that it was given since it is parked.
    controls: usize,
    /// The kernel took no more.
    parked: bool,
    /// A close frame was given, or the stream ends: nothing follows on the wire.
    closing: bool,
    /// The tick of the event loop in which the last packet was queued.
    last_tick: Option<u32>,
    /// The last packet was dropped: what continues it is dropped too.
    dropped: bool,
    conflated: Conflated,
}

#[derive(Debug)]
struct Queued {
    frame: Frame,
    tickets: u32,
}

/// A packet's way through [`Lane::give`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Giving {
    pub(crate) volatile: bool,
    /// It continues the packet before it (an attachment): it shares that one's fate.
    pub(crate) continues: bool,
    pub(crate) tickets: u32,
    pub(crate) tick: u32,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Queued,
    /// It took the place of an older one with the same key.
    Conflated,
    /// It was volatile and the lane was busy, or it did not fit and the lane may drop.
    Dropped,
    /// The connection is closing: nobody would read it.
    Closing,
    /// It does not fit. Nothing was queued.
    Overflow,
}

/// What [`Lane::write`] did.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) bytes: usize,
    pub(crate) frames: u32,
    pub(crate) tickets: u32,
    pub(crate) calls: u32,
    pub(crate) rest: Rest,
}

/// What is left after [`Lane::write`].
#[derive(Debug, Default)]
pub(crate) enum Rest {
    /// Nothing.
    #[default]
    Nothing,
    /// More, which the kernel would take: the turn is over.
    More,
    /// More, and the kernel takes nothing now.
    Blocked,
    /// The connection is lost.
    Lost(io::Error),
}

impl Lane {
    /// Unsent bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_parked(&self) -> bool {
        self.parked
    }

    /// Whether the packet would pass the limit. The kernel may take what waits: the caller writes first, then gives.
    pub(crate) fn is_over(&self, frames: &[Frame], config: &Config) -> bool {
        let size: usize = frames.iter().map(Frame::len).sum();
        self.bytes > 0 && self.bytes + size > config.max_buffered_bytes
    }

    /// Queues a packet, or says why not. On a parked lane, one with a key takes the place of an older one with that key.
    pub(crate) fn give(&mut self, frames: &[Frame], key: Option<&Arc<str>>, giving: Giving, config: &Config) -> Given {
        let key = key.filter(|_| self.parked && !giving.volatile);
        if let (Some(key), [frame]) = (key, frames)
            && self.conflate(key, frame, giving.tickets, config)
        {
            self.dropped = false;
            self.last_tick = Some(giving.tick);
            return Given::Conflated;
        }
        let given = self.decide(frames, giving, config);
        if !matches!(given, Given::Queued) {
            return given;
        }
        if let (Some(key), [_]) = (key, frames) {
            self.conflated.remember(key, self.queue.len());
        }
        if let Some((last, first)) = frames.split_last() {
            for frame in first {
                self.queue_frame(frame, 0);
            }
            self.queue_frame(last, giving.tickets);
        }
        given
    }

    fn decide(&mut self, frames: &[Frame], giving: Giving, config: &Config) -> Given {
        if self.closing {
            return Given::Closing;
        }
        let control = frames.first().is_some_and(|frame| frame.opcode().is_control());
        if control {
            // A close frame always fits. What answers a client that sends pings and reads nothing must be bounded.
            let close = frames.iter().any(|frame| frame.opcode() == OpCode::Close);
            self.closing = close;
            self.controls += usize::from(self.parked);
            if !close && self.controls > MAX_CONTROLS {
                return Given::Overflow;
            }
            return if !close && self.is_over(frames, config) { overflow(config) } else { Given::Queued };
        }
        let fits = giving.continues || !self.is_over(frames, config);
        let unwanted = match giving {
            Giving { continues: true, .. } => self.dropped,
            // A dropped packet does not count: stock does not write it, so the next one finds the transport as it was.
            Giving { volatile, tick, .. } => volatile && (self.parked || self.last_tick == Some(tick)),
        };
        self.dropped = unwanted || !fits;
        if unwanted {
            return Given::Dropped;
        }
        if !fits {
            return overflow(config);
        }
        self.last_tick = Some(giving.tick);
        Given::Queued
    }

    /// Puts a frame in the place of an older one with the same key, when there is one that was not begun, and it fits.
    fn conflate(&mut self, key: &Arc<str>, frame: &Frame, tickets: u32, config: &Config) -> bool {
        let begun = usize::from(self.sent > 0);
        let Some(place) = self.conflated.place_of(key).filter(|place| *place >= begun) else { return false };
        let Some(queued) = self.queue.get_mut(place) else { return false };
        let bytes = self.bytes - queued.frame.len() + frame.len();
        if self.closing || (bytes > config.max_buffered_bytes && frame.len() > queued.frame.len()) {
            return false;
        }
        self.bytes = bytes;
        queued.frame = frame.clone();
        queued.tickets += tickets;
        true
    }

    fn queue_frame(&mut self, frame: &Frame, tickets: u32) {
        self.bytes += frame.len();
        self.queue.push_back(Queued { frame: frame.clone(), tickets });
    }

    /// Adds a ticket that is due when everything given so far is written: true when that is now.
    pub(crate) fn fence(&mut self) -> bool {
        match self.queue.back_mut() {
            Some(last) => {
                last.tickets += 1;
                false
            }
            None => true,
        }
    }

    /// What waits is not replaced any more.
    pub(crate) fn forget_keys(&mut self) {
        self.conflated = Conflated::default();
    }

    /// Takes nothing more: what would follow could be cut by the end of the stream.
    pub(crate) fn finish(&mut self) {
        self.closing = true;
    }

    /// Writes what waits, as much as `send` takes and the lane's turn allows.
    pub(crate) fn write(&mut self, mut send: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> Written {
        let mut written = Written::default();
        while !self.queue.is_empty() {
            if written.bytes >= TURN {
                written.rest = Rest::More;
                return written;
            }
            let (result, wanted) = {
                let (parts, wanted) = self.parts();
                (send(&parts), wanted)
            };
            written.calls += 1;
            if !self.took(result, wanted, &mut written) {
                return written;
            }
        }
        self.caught_up();
        written
    }

    /// All that waits, when that is one frame of which nothing was tried: it may be sent together with those of other lanes.
    /// The result is for [`Self::wrote`].
    pub(crate) fn only_frame(&self) -> Option<&Frame> {
        let untried = self.queue.len() == 1 && self.sent == 0 && !self.parked;
        self.queue.front().filter(|_| untried).map(|queued| &queued.frame)
    }

    /// The lane's [`Self::only_frame`] was sent, with this result.
    pub(crate) fn wrote(&mut self, result: io::Result<usize>) -> Written {
        let mut written = Written::default();
        let wanted = self.bytes;
        if self.took(result, wanted, &mut written) {
            self.caught_up();
        }
        written
    }

    /// What became of `wanted` bytes: false when the lane cannot go on now.
    fn took(&mut self, result: io::Result<usize>, wanted: usize, written: &mut Written) -> bool {
        let blocked = match result {
            Ok(taken) => {
                self.advance(taken, written);
                taken < wanted
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
            Err(error) => {
                self.clear();
                written.rest = Rest::Lost(error);
                return false;
            }
        };
        if blocked {
            self.parked = true;
            written.rest = Rest::Blocked;
        }
        !blocked
    }

    /// Nothing waits any more.
    fn caught_up(&mut self) {
        self.parked = false;
        self.controls = 0;
        self.conflated = Conflated::default();
        if self.queue.capacity() > KEEP_CAPACITY {
            self.queue = VecDeque::new();
        }
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        *self = Self { closing: true, ..Self::default() };
    }

    fn parts(&self) -> (SmallVec<[IoSlice<'_>; 32]>, usize) {
        let mut wanted = 0;
        let mut skip = self.sent;
        let mut parts = SmallVec::new();
        for queued in self.queue.iter().take(MAX_PARTS) {
            let part = queued.frame.bytes().get(std::mem::take(&mut skip)..).unwrap_or_default();
            wanted += part.len();
            parts.push(IoSlice::new(part));
            if wanted >= TURN {
                break;
            }
        }
        (parts, wanted)
    }

    fn advance(&mut self, taken: usize, written: &mut Written) {
        written.bytes += taken;
        self.bytes = self.bytes.saturating_sub(taken);
        self.sent += taken;
        while let Some(first) = self.queue.front()
            && self.sent >= first.frame.len()
        {
            self.sent -= first.frame.len();
            written.frames += 1;
            written.tickets += first.tickets;
            self.queue.pop_front();
            self.conflated.popped();
        }
    }
}

fn overflow(config: &Config) -> Given {
    match config.overflow {
        Overflow::Disconnect => Given::Overflow,
        Overflow::Drop => Given::Dropped,
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
