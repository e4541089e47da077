//! One queue.

use std::collections::{BTreeMap, VecDeque};

use super::dedup::Dedup;
use super::list::Levels;
use super::repeat::Repeat;
use super::window::Window;
use crate::{EventMask, MessageId, NewMessage, QueueOptions, QueueRef, QueueStats, Request, State, Ticket};

/// A queue; its messages are in the index.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct Queue {
    pub(crate) name: Box<str>,
    pub(crate) options: QueueOptions,
    pub(crate) paused: bool,
    pub(crate) ready: Levels,
    /// Messages by state: ready, blocked, delayed, active.
    counts: [u64; 4],
    pub(crate) bytes: u64,
    /// Workers that may take a message, in turn.
    pub(crate) idle: VecDeque<u32>,
    pub(crate) workers: u32,
    /// With `by_interest`: keys that may go on, each once.
    pub(crate) turns: VecDeque<u32>,
    pub(crate) keys: u64,
    pub(crate) window: Window,
    pub(crate) dedup: Dedup,
    /// With `Overflow::DropOldest`: the waiting messages by age, and some that are not any more.
    pub(crate) order: VecDeque<MessageId>,
    /// With `Overflow::Wait`: sends that wait for room.
    pub(crate) waiting: VecDeque<Waiting>,
    pub(crate) drains: Vec<Ticket>,
    pub(crate) repeats: BTreeMap<Box<str>, Repeat>,
    pub(crate) mask: EventMask,
    /// Under which handle events are reported.
    pub(crate) handle: QueueRef,
    /// Counters; the rest is filled in when somebody asks.
    pub(crate) stats: QueueStats,
    /// It has become empty, and nobody was told yet.
    pub(crate) emptied: bool,
    /// It is in the machine's list of queues to look at.
    pub(crate) dirty: bool,
    /// A timer for its next look at a rate limit, or after a read error, is set for then.
    pub(crate) wake: Option<u64>,
    /// A timer for its dedup window is set.
    pub(crate) dedup_timer: bool,
}

/// A send that waits for room.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) message: NewMessage,
    pub(crate) reply: Reply,
}

/// Who is told that a message was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    One(Ticket),
    Request(Ticket, Request),
    /// A place in a batch of which others wait too.
    Batch(u64, u32),
}

impl Queue {
    pub(crate) fn new(name: Box<str>, options: QueueOptions) -> Self {
        Self {
            name,
            options,
            paused: false,
            ready: Levels::default(),
            counts: [0; 4],
            bytes: 0,
            idle: VecDeque::new(),
            workers: 0,
            turns: VecDeque::new(),
            keys: 0,
            window: Window::default(),
            dedup: Dedup::default(),
            order: VecDeque::new(),
            waiting: VecDeque::new(),
            drains: Vec::new(),
            repeats: BTreeMap::new(),
            mask: EventMask::default(),
            handle: QueueRef(0),
            stats: QueueStats::default(),
            emptied: false,
            dirty: false,
            wake: None,
            dedup_timer: false,
        }
    }

    fn place(state: State) -> usize {
        match state {
            State::Ready => 0,
            State::Blocked => 1,
            State::Delayed => 2,
            State::Active => 3,
        }
    }

    pub(crate) fn count(&self, state: State) -> u64 {
        self.counts.get(Self::place(state)).copied().unwrap_or(0)
    }

    pub(crate) fn recount(&mut self, from: Option<State>, to: Option<State>) {
        for (state, up) in [(from, false), (to, true)] {
            if let Some(count) = state.and_then(|state| self.counts.get_mut(Self::place(state))) {
                *count = if up { *count + 1 } else { count.saturating_sub(1) };
            }
        }
    }

    /// All messages.
    pub(crate) fn len(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether a message of so many bytes would pass a limit.
    pub(crate) fn is_full_for(&self, bytes: u64) -> bool {
        self.options.max_length.is_some_and(|max| self.len() >= max)
            || self.options.max_bytes.is_some_and(|max| self.bytes + bytes > max)
    }
}
