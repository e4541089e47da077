//! Any packets and any kernel: what the kernel took is what was queued, in order, and each ticket is told when it is due.
//! The model counts bytes and decides by the rules as `DESIGN.md` says them; it knows nothing of queues and parts.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

/// What the kernel answers to one system call.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// It takes all that is offered.
    All,
    /// It takes so many of 256 parts of it.
    Part(u8),
    Block,
    Fail,
}

#[derive(Clone, Debug)]
enum Step {
    Give(Vec<(OpCode, usize)>, Giving),
    Fence,
    Write(Vec<Answer>),
}

fn frames(sizes: &[(OpCode, usize)], fill: usize) -> Vec<Frame> {
    let payload = |size: usize| (0..size).map(|at| (fill + at).to_le_bytes()[0]).collect::<Vec<_>>();
    sizes.iter().map(|(opcode, size)| Frame::new(*opcode, None, &payload(*size))).collect()
}

fn size_of(frames: &[Frame]) -> usize {
    frames.iter().map(Frame::len).sum()
}

#[expect(clippy::struct_excessive_bools, reason = "each is one word of the rules")]
struct Model {
    lane: Lane,
    config: Config,
    /// All that was queued, and how much of it the kernel has.
    queued: Vec<u8>,
    wire: usize,
    /// Where each frame ends, and the place that each ticket waits for.
    ends: Vec<usize>,
    tickets: Vec<usize>,
    told: usize,
    parked: bool,
    closing: bool,
    lost: bool,
    accepted_tick: Option<u32>,
    last_accepted: bool,
}

impl Model {
    fn new(max_buffered_bytes: usize, overflow: Overflow) -> Self {
        Self {
            lane: Lane::default(),
            config: Config { writers: 1, max_buffered_bytes, overflow, io_uring: false, inline: 0 },
            queued: Vec::new(),
            wire: 0,
            ends: Vec::new(),
            tickets: Vec::new(),
            told: 0,
            parked: false,
            closing: false,
            lost: false,
            accepted_tick: None,
            last_accepted: true,
        }
    }

    fn unsent(&self) -> usize {
        if self.lost { 0 } else { self.queued.len() - self.wire }
    }

    fn expected(&self, packet: &[Frame], giving: Giving) -> Given {
        let fits = self.unsent() == 0 || self.unsent() + size_of(packet) <= self.config.max_buffered_bytes;
        let opcode = packet[0].opcode();
        let past = if self.config.overflow == Overflow::Drop { Given::Dropped } else { Given::Overflow };
        let busy = self.parked || self.accepted_tick == Some(giving.tick);
        match () {
            () if self.closing => Given::Closing,
            () if opcode == OpCode::Close => Given::Queued,
            () if opcode.is_control() && fits => Given::Queued,
            () if opcode.is_control() => past,
            () if giving.continues && self.last_accepted => Given::Queued,
            () if giving.continues || (giving.volatile && busy) => Given::Dropped,
            () if fits => Given::Queued,
            () => past,
        }
    }

    fn give(&mut self, packet: &[Frame], giving: Giving) {
        let expected = self.expected(packet, giving);
        assert_eq!(self.lane.give(packet, None, giving, &self.config), expected);
        let queued = expected == Given::Queued;
        if queued {
            for frame in packet {
                self.queued.extend_from_slice(frame.bytes());
                self.ends.push(self.queued.len());
            }
            self.tickets.extend((0..giving.tickets).map(|_| self.queued.len()));
        }
        if packet[0].opcode() == OpCode::Close {
            self.closing = true;
        } else if !packet[0].opcode().is_control() && !self.closing {
            self.last_accepted = queued;
            self.accepted_tick = if queued { Some(giving.tick) } else { self.accepted_tick };
        }
    }

    fn fence(&mut self) {
        let now = self.lane.fence();
        assert_eq!(now, self.unsent() == 0, "a fence is due at once when nothing waits");
        if !now {
            self.tickets.push(self.queued.len());
        }
    }

    fn write(&mut self, answers: &[Answer]) {
        let mut answers = answers.iter();
        let (before, mut calls, mut last) = (self.wire, 0, Answer::All);
        let written = self.lane.write(|parts| {
            let offered: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            assert!(!offered.is_empty(), "a system call for nothing");
            assert!(self.queued[self.wire..].starts_with(&offered), "offered something that was not queued next");
            calls += 1;
            last = answers.next().copied().unwrap_or(Answer::Block);
            let taken = match last {
                Answer::All => offered.len(),
                Answer::Part(part) => offered.len() * usize::from(part) / 256,
                Answer::Block => return Err(io::ErrorKind::WouldBlock.into()),
                Answer::Fail => return Err(io::ErrorKind::ConnectionReset.into()),
            };
            self.wire += taken;
            Ok(taken)
        });
        assert_eq!((written.bytes, written.calls), (self.wire - before, calls));
        let between = |places: &[usize]| places.iter().filter(|end| (before + 1..=self.wire).contains(end)).count();
        assert_eq!(written.frames as usize, between(&self.ends));
        assert_eq!(written.tickets as usize, between(&self.tickets), "tickets are told when their bytes are taken");
        self.told += written.tickets as usize;
        match written.rest {
            Rest::Lost(error) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                (self.lost, self.closing, self.parked) = (true, true, false);
            }
            Rest::Nothing => {
                assert_eq!(self.unsent(), 0);
                self.parked = false;
            }
            Rest::Blocked => {
                assert!(matches!(last, Answer::Part(_) | Answer::Block));
                self.parked = true;
            }
            Rest::More => assert!(matches!(last, Answer::All) && self.wire - before >= TURN),
        }
    }

    fn check(&self) {
        assert_eq!(self.lane.bytes(), self.unsent());
        assert_eq!(self.lane.is_parked(), self.parked);
    }

    /// A kernel that takes everything.
    fn finish(&mut self) {
        for _ in 0..=self.queued.len() / TURN {
            self.write(&[Answer::All; 1000]);
        }
        assert_eq!(self.unsent(), 0);
        if !self.lost {
            assert_eq!(self.told, self.tickets.len(), "every ticket is told");
        }
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        30 => Just(Answer::All),
        30 => any::<u8>().prop_map(Answer::Part),
        10 => Just(Answer::Block),
        1 => Just(Answer::Fail),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![20 => 0usize..200, 4 => 0usize..3000, 1 => 60_000usize..300_000];
    let data = prop::collection::vec((prop_oneof![Just(OpCode::Text), Just(OpCode::Binary)], size), 1..4);
    let heartbeat = prop_oneof![Just(OpCode::Ping), Just(OpCode::Pong)].prop_map(|opcode| vec![(opcode, 60)]);
    let packet = prop_oneof![
        40 => data,
        10 => heartbeat,
        1 => Just(vec![(OpCode::Close, 2)]),
    ];
    let giving = (any::<bool>(), prop::bool::weighted(0.2), 0u32..3, 0u32..4);
    let giving = giving.prop_map(|(volatile, continues, tickets, tick)| Giving { volatile, continues, tickets, tick });
    prop_oneof![
        6 => (packet, giving).prop_map(|(packet, giving)| Step::Give(packet, giving)),
        1 => Just(Step::Fence),
        3 => prop::collection::vec(answer(), 0..4).prop_map(Step::Write),
    ]
}

proptest! {
    #[test]
    fn the_kernel_gets_what_was_queued_and_each_ticket_is_told(
        limit in prop_oneof![1usize..5000, 400_000usize..1_000_000],
        drop in any::<bool>(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut model = Model::new(limit, if drop { Overflow::Drop } else { Overflow::Disconnect });
        for (fill, step) in steps.into_iter().enumerate() {
            match step {
                Step::Give(sizes, giving) => model.give(&frames(&sizes, fill), giving),
                Step::Fence => model.fence(),
                Step::Write(answers) => model.write(&answers),
            }
            model.check();
        }
        model.finish();
        model.check();
    }
}

const TEXT: Giving = Giving { volatile: false, continues: false, tickets: 0, tick: 0 };
const VOLATILE: Giving = Giving { volatile: true, ..TEXT };
const ATTACHMENT: Giving = Giving { continues: true, ..TEXT };

fn one(opcode: OpCode, size: usize) -> Vec<Frame> {
    frames(&[(opcode, size)], 0)
}

#[test]
fn a_volatile_packet_and_its_attachments_are_dropped_while_the_kernel_takes_nothing() {
    let mut model = Model::new(10_000, Overflow::Disconnect);
    model.give(&one(OpCode::Text, 50), TEXT);
    model.write(&[Answer::Part(128)]);
    let (head, attachment) = (one(OpCode::Text, 20), one(OpCode::Binary, 20));
    let config = model.config;
    assert_eq!(model.lane.give(&head, None, Giving { tick: 1, ..VOLATILE }, &config), Given::Dropped);
    assert_eq!(model.lane.give(&attachment, None, Giving { tick: 1, ..ATTACHMENT }, &config), Given::Dropped);
    model.write(&[Answer::All]);
    // Nothing was accepted in this tick, so this one finds a lane that is free.
    assert_eq!(model.lane.give(&head, None, Giving { tick: 1, ..VOLATILE }, &config), Given::Queued);
    assert_eq!(model.lane.give(&attachment, None, Giving { tick: 1, ..ATTACHMENT }, &config), Given::Queued);
    assert_eq!(model.lane.give(&head, None, Giving { tick: 1, ..VOLATILE }, &config), Given::Dropped);
    assert_eq!(model.lane.give(&head, None, Giving { tick: 2, ..VOLATILE }, &config), Given::Queued);
}

#[test]
fn a_frame_larger_than_the_limit_passes_an_empty_lane_only() {
    for (overflow, past) in [(Overflow::Disconnect, Given::Overflow), (Overflow::Drop, Given::Dropped)] {
        let mut model = Model::new(100, overflow);
        let (large, config) = (one(OpCode::Text, 500), model.config);
        assert_eq!(model.lane.give(&large, None, TEXT, &config), Given::Queued);
        assert_eq!(model.lane.give(&one(OpCode::Text, 0), None, TEXT, &config), past);
        assert_eq!(model.lane.bytes(), size_of(&large), "what does not fit leaves nothing behind");
    }
}

#[test]
fn a_flood_of_pongs_is_bounded_and_a_close_frame_always_fits_and_is_the_last() {
    let mut model = Model::new(100, Overflow::Drop);
    let (pong, config) = (one(OpCode::Pong, 8), model.config);
    let pongs = (0..1000).filter(|_| model.lane.give(&pong, None, TEXT, &config) == Given::Queued).count();
    assert_eq!(pongs, 10);
    assert_eq!(model.lane.give(&one(OpCode::Close, 2), None, TEXT, &config), Given::Queued);
    for opcode in [OpCode::Text, OpCode::Pong, OpCode::Close] {
        assert_eq!(model.lane.give(&one(opcode, 0), None, TEXT, &config), Given::Closing);
    }
}

#[test]
fn pongs_of_a_parked_lane_are_bounded_by_number_whatever_the_policy() {
    let mut model = Model::new(usize::MAX, Overflow::Drop);
    let (pong, config) = (one(OpCode::Pong, 0), model.config);
    model.give(&pong, TEXT);
    model.write(&[Answer::Block]);
    for _ in 0..MAX_CONTROLS {
        assert_eq!(model.lane.give(&pong, None, TEXT, &config), Given::Queued);
    }
    assert_eq!(model.lane.give(&pong, None, TEXT, &config), Given::Overflow);
    assert_eq!(model.lane.give(&one(OpCode::Text, 0), None, TEXT, &config), Given::Queued);
    while !matches!(model.lane.write(|parts| Ok(parts.iter().map(|part| part.len()).sum())).rest, Rest::Nothing) {}
    assert_eq!(model.lane.give(&pong, None, TEXT, &config), Given::Queued, "the client reads again");
}

#[test]
fn waiting_frames_leave_together_and_a_long_queue_gives_others_their_turn() {
    let mut model = Model::new(usize::MAX, Overflow::Disconnect);
    for _ in 0..MAX_PARTS {
        model.give(&one(OpCode::Text, 100), TEXT);
    }
    let written = model.lane.write(|parts| Ok(parts.iter().map(|part| part.len()).sum()));
    assert_eq!((written.calls, written.frames as usize), (1, MAX_PARTS));
    let large = one(OpCode::Binary, TURN / 4);
    for _ in 0..8 {
        assert_eq!(model.lane.give(&large, None, TEXT, &model.config), Given::Queued);
    }
    let written = model.lane.write(|parts| Ok(parts.iter().map(|part| part.len()).sum()));
    assert!(matches!(written.rest, Rest::More) && written.frames == 4, "{written:?}");
    assert_eq!(model.lane.bytes(), 4 * size_of(&large));
}
