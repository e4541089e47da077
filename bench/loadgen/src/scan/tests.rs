#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use proptest::prelude::*;
use socketio_wire::FrameDecoder;

fn encode(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    socketio_wire::Frame::new(opcode, None, payload).bytes().to_vec()
}

/// All the frames of a stream that arrives in the given pieces.
fn scan_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<(OpCode, Vec<u8>)>, ScanError> {
    let mut scanner = FrameScanner::default();
    let mut found = Vec::new();
    for piece in pieces {
        scanner.scan(piece, |frame| found.push((frame.opcode, frame.head.to_vec())))?;
        assert!(scanner.held.len() <= HEAD + 10, "what is held must stay bounded");
    }
    Ok(found)
}

fn opcode() -> impl Strategy<Value = OpCode> {
    prop::sample::select(vec![OpCode::Text, OpCode::Binary, OpCode::Ping, OpCode::Close])
}

proptest! {
    #[test]
    fn the_same_frames_are_found_however_the_bytes_are_cut(
        frames in prop::collection::vec(
            (opcode(), prop_oneof![prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(any::<u8>(), 0..70_000)]),
            1..6,
        ),
        cuts in prop::collection::vec(prop_oneof![1usize..12, 1usize..9000], 1..20),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (opcode, payload) in &frames {
            stream.extend(encode(*opcode, payload));
            expected.push((*opcode, payload.iter().copied().take(HEAD).collect::<Vec<_>>()));
        }
        let mut rest = stream.as_slice();
        let pieces = cuts.iter().cycle().map_while(|cut| {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(scan_pieces(pieces).unwrap(), expected);
    }

    #[test]
    fn garbage_is_judged_as_the_decoder_judges_it(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in 1usize..40) {
        let scanned = scan_pieces(bytes.chunks(cut));
        let mut decoder = FrameDecoder::new(usize::MAX);
        decoder.feed(&bytes);
        let mut decoded = Vec::new();
        // The decoder takes masked frames, which the scanner refuses: there the comparison ends.
        while let Ok(Some(message)) = decoder.next() {
            decoded.push((message.opcode, message.payload));
        }
        if let Ok(scanned) = scanned {
            prop_assert_eq!(scanned, decoded);
        }
    }
}

#[test]
fn a_frame_longer_than_memory_holds_only_its_head() {
    let mut scanner = FrameScanner::default();
    scanner.scan(&[0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], |_| ()).unwrap();
    let piece = vec![0; 100_000];
    for _ in 0..10 {
        scanner.scan(&piece, |_| panic!("it has not ended")).unwrap();
    }
    assert_eq!(scanner.held.len(), HEAD + 10);
}

#[test]
fn what_is_not_websocket_is_refused() {
    let scan = |bytes: &[u8]| FrameScanner::default().scan(bytes, |_| ());
    assert_eq!(scan(b"HTTP/1.1 400 Bad Request"), Err(ScanError::BadFirstByte(b'H')));
    assert_eq!(scan(&[0x81, 0x85, 1, 2, 3, 4]), Err(ScanError::Masked));
}

#[test]
fn messages_may_be_compressed_where_that_was_negotiated() {
    let scan = |deflate: bool, bytes: &[u8]| {
        let mut found = Vec::new();
        FrameScanner::new(deflate)
            .scan(bytes, |frame| found.push((frame.opcode, frame.compressed, frame.len)))
            .map(|()| found)
    };
    assert_eq!(scan(true, &[0xC1, 1, 0, 0x81, 0]), Ok(vec![(OpCode::Text, true, 1), (OpCode::Text, false, 0)]));
    assert_eq!(scan(false, &[0xC1, 1, 0]), Err(ScanError::BadFirstByte(0xC1)));
    assert_eq!(scan(true, &[0xC9, 0]), Err(ScanError::BadFirstByte(0xC9)), "a ping is never compressed");
    assert_eq!(scan(true, &[0xE1, 0]), Err(ScanError::BadFirstByte(0xE1)));
}
