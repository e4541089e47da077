use arbitrary::Unstructured;
use socketio_loadgen::inflate::Inflater;
use socketio_wire::{Frame, OpCode};

/// A message that was compressed comes back, also after something that cannot be inflated.
pub fn deflate(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let (level, opcode): (u8, u8) = choices.arbitrary().unwrap_or_default();
    let (times, alone): (u8, bool) = choices.arbitrary().unwrap_or_default();
    let body = choices.take_rest();
    let mut inflater = Inflater::default();
    // What a hostile server sends: any outcome but a panic.
    let answer = inflater.message(body).map(<[u8]>::to_vec);
    assert!(answer.is_ok() || !body.is_empty(), "an empty body inflates to an empty message");
    let payload = if alone { body.to_vec() } else { body.repeat(usize::from(times)) };
    let plain = Frame::new(OpCode::from_first_byte(opcode).unwrap_or(OpCode::Text), None, &payload);
    let deflated = plain.deflated(level.into());
    assert_eq!(deflated.is_none(), plain.opcode().is_control(), "data is compressed, control frames never");
    let Some(deflated) = deflated else { return };
    assert_eq!(deflated.bytes()[0], plain.bytes()[0] | 0x40);
    // The load generator knows no larger event.
    if payload.len() < 1 << 20 {
        assert!(inflater.message(deflated.payload()).expect("inflates") == payload, "another message");
    }
}
