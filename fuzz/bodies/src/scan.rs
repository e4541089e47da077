use arbitrary::Unstructured;
use socketio_loadgen::scan::{FrameScanner, HEAD, ScanError};
use socketio_wire::OpCode;

use crate::pieces::pieces;

type Found = (OpCode, bool, u64, Vec<u8>);

/// The load generator's scanner, which copies as little as it can, against a walk over the whole stream.
pub fn scan(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let deflate = choices.arbitrary().unwrap_or(false);
    let (stream, pieces) = pieces(choices);
    let mut scanner = FrameScanner::new(deflate);
    let mut found: Vec<Found> = Vec::new();
    let mut end = Ok(());
    for piece in pieces {
        end = scanner.scan(piece, |frame| found.push((frame.opcode, frame.compressed, frame.len, frame.head.to_vec())));
        if end.is_err() {
            break;
        }
    }
    assert_eq!((found, end), walk(stream, deflate));
}

fn walk(mut bytes: &[u8], deflate: bool) -> (Vec<Found>, Result<(), ScanError>) {
    let mut found = Vec::new();
    while bytes.len() >= 2 {
        let (first, second) = (bytes[0], bytes[1]);
        let message = [0x1, 0x2].contains(&(first & 0x0F));
        let compressed = first & 0x70 == 0x40 && deflate && message;
        let Some(opcode) = OpCode::from_first_byte(first).filter(|_| compressed || first & 0x70 == 0) else {
            return (found, Err(ScanError::BadFirstByte(first)));
        };
        let (head, len) = match second {
            128.. => return (found, Err(ScanError::Masked)),
            127 if bytes.len() < 10 => break,
            127 => (10, u64::from_be_bytes(bytes[2..10].try_into().expect("eight"))),
            126 if bytes.len() < 4 => break,
            126 => (4, u64::from(bytes[2]) << 8 | u64::from(bytes[3])),
            short => (2, u64::from(short)),
        };
        let payload = &bytes[head..];
        if (payload.len() as u64) < len {
            break;
        }
        let (payload, rest) = payload.split_at(usize::try_from(len).expect("no longer than the stream"));
        found.push((opcode, compressed, len, payload[..payload.len().min(HEAD)].to_vec()));
        bytes = rest;
    }
    (found, Ok(()))
}
