use arbitrary::Unstructured;
use socketio_loadgen::handshake::Response;

use crate::pieces::pieces;

/// Longer answers may be refused before their end.
const SURELY_READ: usize = 16 * 1024;

/// The answer to an upgrade means the same however it is cut.
pub fn handshake(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let deflate = choices.arbitrary().unwrap_or(false);
    let (stream, pieces) = pieces(choices);
    let mut response = Response::default();
    let mut fed = 0;
    let mut answer = Ok(None);
    for piece in pieces {
        fed += piece.len();
        answer = response.feed(piece, deflate);
        if !matches!(answer, Ok(None)) {
            break;
        }
    }
    let end = stream.windows(4).position(|four| four == b"\r\n\r\n").filter(|end| end + 4 <= fed);
    match (answer, end) {
        (Ok(Some(rest)), Some(end)) => {
            let head = String::from_utf8_lossy(&stream[..end]);
            let has = |word| head.contains(word);
            assert!(head.starts_with("HTTP/1.1 101 "));
            assert!(!deflate || (has("permessage-deflate") && has("server_no_context_takeover")));
            assert!(stream[end + 4..fed] == rest, "what follows the answer belongs to the frames");
        }
        (Ok(Some(_)), None) => panic!("accepted before its end"),
        (Ok(None), end) => assert!(end.is_none() && stream.len() <= SURELY_READ),
        (Err(error), None) => assert!(fed > SURELY_READ, "{error}"),
        (Err(_), Some(end)) => {
            let head = String::from_utf8_lossy(&stream[..end]);
            let takes = head.contains("permessage-deflate") && head.contains("server_no_context_takeover");
            let accepted = head.starts_with("HTTP/1.1 101 ") && (takes || !deflate);
            assert!(!accepted, "an answer that accepts was refused");
        }
    }
}
