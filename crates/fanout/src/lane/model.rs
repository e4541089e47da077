//! A lane beside a model that decides by the rules as `DESIGN.md` says them, and knows nothing of places and parts: what the
//! kernel is offered is what waits, in order, and each ticket is told when it is due. A difference panics.

#![expect(clippy::indexing_slicing, reason = "a difference panics")]

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use socketio_wire::{Frame, OpCode};

use super::{Given, Giving, Lane, MAX_CONTROLS, MAX_PARTS, Rest, TURN, Written};
use crate::{Config, Overflow};

/// What the kernel answers to one system call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// It takes all that is offered.
    All,
    /// It takes so many of 256 parts of it.
    Part(u8),
    /// It takes so many bytes, if so many are offered.
    Bytes(usize),
    Block,
    Fail,
}

impl Answer {
    fn to(self, offered: usize) -> io::Result<usize> {
        match self {
            Self::All => Ok(offered),
            Self::Part(part) => Ok(offered * usize::from(part) / 256),
            Self::Bytes(bytes) => Ok(bytes.min(offered)),
            Self::Block => Err(io::ErrorKind::WouldBlock.into()),
            Self::Fail => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A packet of frames with these sizes.
    Give(Vec<(OpCode, usize)>, Giving),
    /// A packet of one frame with this key and size.
    Keyed(u8, usize, Giving),
    /// So many pongs.
    Pongs(usize),
    Fence,
    Finish,
    ForgetKeys,
    Write(Vec<Answer>),
    /// A batch of sends takes the lane's frame along, if it waits alone.
    Batch(Answer),
}

/// A frame that waits.
struct Waiting {
    bytes: Vec<u8>,
    /// It can be replaced by one with this key.
    key: Option<u8>,
    tickets: u32,
}

#[expect(clippy::struct_excessive_bools, reason = "each is one word of the rules")]
pub(crate) struct Model {
    pub(crate) lane: Lane,
    pub(crate) config: Config,
    waiting: VecDeque<Waiting>,
    /// How much of the first frame the kernel has.
    begun: usize,
    /// Tickets that were issued, and those that were told.
    issued: u32,
    told: u32,
    controls: usize,
    parked: bool,
    closing: bool,
    lost: bool,
    accepted_tick: Option<u32>,
    last_accepted: bool,
    /// Each frame gets a content of its own.
    steps: u8,
}

impl Model {
    pub(crate) fn new(max_buffered_bytes: usize, overflow: Overflow) -> Self {
        Self {
            lane: Lane::default(),
            config: Config { writers: 1, max_buffered_bytes, overflow, io_uring: false, inline: 0 },
            waiting: VecDeque::new(),
            begun: 0,
            issued: 0,
            told: 0,
            controls: 0,
            parked: false,
            closing: false,
            lost: false,
            accepted_tick: None,
            last_accepted: true,
            steps: 0,
        }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        self.steps = self.steps.wrapping_add(1);
        match step {
            Step::Give(sizes, giving) => self.give(&frames(sizes, self.steps), *giving),
            Step::Keyed(key, size, giving) => self.give_keyed(*key, *size, *giving),
            Step::Pongs(count) => {
                let pong = frames(&[(OpCode::Pong, 0)], 0);
                (0..*count).for_each(|_| self.give(&pong, Giving::default()));
            }
            Step::Fence => self.fence(),
            Step::Finish => {
                self.lane.finish();
                self.closing = true;
            }
            Step::ForgetKeys => {
                self.lane.forget_keys();
                self.waiting.iter_mut().for_each(|waiting| waiting.key = None);
            }
            Step::Write(answers) => self.write(answers),
            Step::Batch(answer) => self.batch(*answer),
        }
        assert_eq!(self.lane.bytes(), self.unsent());
        assert_eq!(self.lane.is_parked(), self.parked);
    }

    /// A kernel that takes everything.
    pub(crate) fn finish(&mut self) {
        while self.unsent() > 0 {
            self.step(&Step::Write(vec![Answer::All; 1000]));
        }
        if !self.lost {
            assert_eq!(self.told, self.issued, "every ticket is told");
        }
    }

    fn unsent(&self) -> usize {
        self.waiting.iter().map(|waiting| waiting.bytes.len()).sum::<usize>() - self.begun
    }

    fn expected(&self, packet: &[Frame], giving: Giving) -> Given {
        let fits = self.unsent() == 0 || self.unsent() + size_of(packet) <= self.config.max_buffered_bytes;
        let opcode = packet[0].opcode();
        let past = if self.config.overflow == Overflow::Drop { Given::Dropped } else { Given::Overflow };
        let busy = self.parked || self.accepted_tick == Some(giving.tick);
        match () {
            () if self.closing => Given::Closing,
            () if opcode == OpCode::Close => Given::Queued,
            () if opcode.is_control() && self.parked && self.controls >= MAX_CONTROLS => Given::Overflow,
            () if opcode.is_control() && fits => Given::Queued,
            () if opcode.is_control() => past,
            () if giving.continues && self.last_accepted => Given::Queued,
            () if giving.continues || (giving.volatile && busy) => Given::Dropped,
            () if fits => Given::Queued,
            () => past,
        }
    }

    pub(crate) fn give(&mut self, packet: &[Frame], giving: Giving) {
        let expected = self.expected(packet, giving);
        assert_eq!(self.lane.give(packet, None, giving, &self.config), expected);
        self.given(packet, None, giving, expected);
    }

    fn give_keyed(&mut self, key: u8, size: usize, giving: Giving) {
        let packet = frames(&[(OpCode::Text, size)], self.steps);
        let name: Arc<str> = key.to_string().into();
        let older = self.replaceable(key, packet[0].len()).filter(|_| !giving.volatile);
        let expected = if older.is_some() { Given::Conflated } else { self.expected(&packet, giving) };
        assert_eq!(self.lane.give(&packet, Some(&name), giving, &self.config), expected);
        if let Some(older) = older {
            self.waiting[older].bytes = packet[0].bytes().to_vec();
            self.waiting[older].tickets += giving.tickets;
            self.issued += giving.tickets;
            (self.last_accepted, self.accepted_tick) = (true, Some(giving.tick));
        } else {
            let key = Some(key).filter(|_| self.parked && !giving.volatile);
            self.given(&packet, key, giving, expected);
        }
    }

    /// Where the newest frame with a key waits that was not begun, if one of this size in its place would fit.
    fn replaceable(&self, key: u8, size: usize) -> Option<usize> {
        let place = self.waiting.iter().rposition(|waiting| waiting.key == Some(key))?;
        let begun = place == 0 && self.begun > 0;
        if begun || !self.parked || self.closing {
            return None;
        }
        let old = self.waiting[place].bytes.len();
        let fits = size <= old || self.unsent() - old + size <= self.config.max_buffered_bytes;
        Some(place).filter(|_| fits)
    }

    fn given(&mut self, packet: &[Frame], key: Option<u8>, giving: Giving, given: Given) {
        let opcode = packet[0].opcode();
        if given == Given::Queued {
            let wait = |frame: &Frame| Waiting { bytes: frame.bytes().to_vec(), key, tickets: 0 };
            self.waiting.extend(packet.iter().map(wait));
            if let Some(last) = self.waiting.back_mut() {
                last.tickets += giving.tickets;
            }
            self.issued += giving.tickets;
        }
        if opcode.is_control() {
            self.controls += usize::from(self.parked && !self.closing);
        } else if !self.closing {
            self.last_accepted = given == Given::Queued;
            self.accepted_tick = if self.last_accepted { Some(giving.tick) } else { self.accepted_tick };
        }
        self.closing |= opcode == OpCode::Close;
    }

    fn fence(&mut self) {
        let now = self.lane.fence();
        assert_eq!(now, self.unsent() == 0, "a fence is due at once when nothing waits");
        if let Some(last) = self.waiting.back_mut() {
            last.tickets += 1;
            self.issued += 1;
        }
    }

    pub(crate) fn write(&mut self, answers: &[Answer]) {
        let mut answers = answers.iter();
        let mut sent = Vec::new();
        let (mut calls, mut blocked) = (0, false);
        let waits: Vec<u8> = self.waiting.iter().flat_map(|waiting| &waiting.bytes).copied().skip(self.begun).collect();
        let written = self.lane.write(|parts| {
            let offered: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            assert!(!offered.is_empty() && !blocked, "a system call for nothing");
            assert!(waits[sent.len()..].starts_with(&offered), "offered something that does not wait next");
            let all = sent.len() + offered.len() == waits.len();
            assert!(all || offered.len() >= TURN || parts.len() == MAX_PARTS, "what waits leaves together");
            calls += 1;
            let answer = answers.next().copied().unwrap_or(Answer::Block).to(offered.len());
            let taken = answer.as_ref().copied().unwrap_or(0);
            blocked = taken < offered.len();
            sent.extend_from_slice(&offered[..taken]);
            answer
        });
        assert_eq!(written.calls, calls);
        self.wrote(&written, sent.len());
        match written.rest {
            Rest::Lost(_) | Rest::Nothing => {}
            Rest::Blocked => assert!(blocked),
            Rest::More => assert!(!blocked && sent.len() >= TURN && sent.len() < waits.len()),
        }
    }

    fn batch(&mut self, answer: Answer) {
        let frame = self.lane.only_frame().cloned();
        let alone = self.waiting.len() == 1 && self.begun == 0 && !self.parked;
        assert_eq!(frame.is_some(), alone);
        let Some(frame) = frame else { return };
        assert_eq!(frame.bytes(), self.waiting[0].bytes);
        let answer = answer.to(frame.len());
        let taken = answer.as_ref().copied().unwrap_or(0);
        let written = self.lane.wrote(answer);
        self.wrote(&written, taken);
        assert!(!matches!(written.rest, Rest::More));
    }

    /// The kernel took so many bytes.
    fn wrote(&mut self, written: &Written, taken: usize) {
        let (mut frames, mut tickets) = (0, 0);
        self.begun += taken;
        while let Some(first) = self.waiting.front().filter(|first| first.bytes.len() <= self.begun) {
            self.begun -= first.bytes.len();
            (frames, tickets) = (frames + 1, tickets + first.tickets);
            self.waiting.pop_front();
        }
        assert_eq!((written.bytes, written.frames), (taken, frames));
        assert_eq!(written.tickets, tickets, "tickets are told when their bytes are taken");
        self.told += tickets;
        match &written.rest {
            Rest::Lost(error) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                self.waiting.clear();
                self.begun = 0;
                (self.lost, self.closing, self.parked) = (true, true, false);
            }
            Rest::Nothing => {
                assert_eq!(self.unsent(), 0);
                self.parked = false;
                self.controls = 0;
            }
            Rest::Blocked => {
                assert!(self.unsent() > 0);
                self.parked = true;
            }
            Rest::More => assert!(self.unsent() > 0),
        }
    }
}

/// Frames of these sizes. `fill` makes them differ from others.
pub(crate) fn frames(sizes: &[(OpCode, usize)], fill: u8) -> Vec<Frame> {
    let payload = |size: usize| (0..size).map(|at| fill.wrapping_add(at.to_le_bytes()[0])).collect::<Vec<_>>();
    sizes.iter().map(|(opcode, size)| Frame::new(*opcode, None, &payload(*size))).collect()
}

pub(crate) fn size_of(frames: &[Frame]) -> usize {
    frames.iter().map(Frame::len).sum()
}
