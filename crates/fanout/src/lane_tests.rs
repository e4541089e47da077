//! Any packets and any kernel: a lane does what its model does.

use proptest::prelude::*;

use super::model::{Answer, Model, Step, frames, size_of};
use super::*;

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        30 => Just(Answer::All),
        15 => any::<u8>().prop_map(Answer::Part),
        15 => (0usize..300).prop_map(Answer::Bytes),
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
        6 => (packet, giving.clone()).prop_map(|(packet, giving)| Step::Give(packet, giving)),
        2 => (0u8..4, 0usize..300, giving).prop_map(|(key, size, giving)| {
            Step::Keyed(key, size, Giving { continues: false, ..giving })
        }),
        1 => (1usize..600).prop_map(Step::Pongs),
        2 => Just(Step::Fence),
        1 => prop::sample::select(vec![Step::ForgetKeys, Step::ForgetKeys, Step::ForgetKeys, Step::Finish]),
        1 => answer().prop_map(Step::Batch),
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
        for step in steps {
            model.step(&step);
        }
        model.finish();
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
