use arbitrary::Unstructured;
use socketio_wire::{DecodeError, Frame, FrameDecoder, Message, OpCode};

use crate::pieces::pieces;

/// The decoder of frames against a walk over the whole stream; what it finds is encoded in each way, and found again.
pub fn frames(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let limit = [0, 125, 126, 1000, 65_535, 65_536, usize::MAX][usize::from(choices.arbitrary().unwrap_or(0u8)) % 7];
    let (stream, pieces) = pieces(choices);
    let mut decoder = FrameDecoder::new(limit);
    let mut found = Vec::new();
    let mut end = Ok(());
    'stream: for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next() {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(error) => {
                    end = Err(error);
                    break 'stream;
                }
            }
        }
    }
    let (expected, expected_end) = walk(stream, limit);
    assert_eq!((&found, end), (&expected, expected_end));
    found.iter().for_each(encode);
}

/// All frames of a stream, and why it cannot be read to its end (RFC 6455, section 5.2).
fn walk(mut bytes: &[u8], limit: usize) -> (Vec<Message>, Result<(), DecodeError>) {
    let mut found = Vec::new();
    while bytes.len() >= 2 {
        let (first, second) = (bytes[0], bytes[1]);
        let known = [0x0, 0x1, 0x2, 0x8, 0x9, 0xA].contains(&(first & 0x0F));
        if first & 0x70 != 0 || !known {
            return (found, Err(DecodeError::BadFirstByte(first)));
        }
        let wide = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if bytes.len() < 2 + wide {
            break;
        }
        let number = bytes[2..2 + wide].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let len = if wide == 0 { u64::from(second & 0x7F) } else { number };
        if len > limit as u64 {
            return (found, Err(DecodeError::TooLong { len, limit }));
        }
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let head = 2 + wide + mask;
        if ((bytes.len() - head.min(bytes.len())) as u64) < len || bytes.len() < head {
            break;
        }
        let end = head + usize::try_from(len).expect("no longer than the stream");
        let mut payload = bytes[head..end].to_vec();
        if mask > 0 {
            for (at, byte) in payload.iter_mut().enumerate() {
                *byte ^= bytes[head - 4 + at % 4];
            }
        }
        let opcode = OpCode::from_first_byte(first).expect("a known one");
        found.push(Message { opcode, fin: first & 0x80 != 0, payload });
        bytes = &bytes[end..];
    }
    (found, Ok(()))
}

/// Each way to make a frame of the message gives the same bytes, of which the decoder makes the message.
fn encode(message: &Message) {
    let payload = &message.payload[..];
    let plain = Frame::new(message.opcode, None, payload);
    assert_eq!(plain.payload(), payload);
    assert_eq!(plain.len(), plain.bytes().len());
    let (found, end) = walk(plain.bytes(), usize::MAX);
    assert_eq!((&found[..], end), (&[Message { fin: true, ..message.clone() }][..], Ok(())));
    let (head, tail) = plain.bytes().split_at(plain.len() - payload.len());
    assert_eq!(Frame::encoded(&[head, tail]).expect("an opcode").bytes(), plain.bytes());
    assert_eq!(Frame::joined(&[plain.clone(), plain.clone()]).expect("two").bytes(), plain.bytes().repeat(2));
    for headroom in [0, 1, 2, 3, 5, 11, 20] {
        let buffer = [&vec![0xAA; headroom], payload].concat();
        assert_eq!(Frame::with_headroom(message.opcode, None, buffer, headroom).bytes(), plain.bytes());
    }
    if let [prefix, rest @ ..] = payload {
        assert_eq!(Frame::new(message.opcode, Some(*prefix), rest).bytes(), plain.bytes());
        let buffer = [&[0; 11], rest].concat();
        assert_eq!(Frame::with_headroom(message.opcode, Some(*prefix), buffer, 11).bytes(), plain.bytes());
    }
}
