//! Per-message deflate (RFC 7692) of frames that many connections share.
//!
//! Without context take-over each message is compressed for itself, so the compressed frame is the same for every connection.

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::Frame;

/// What ends a message that was flushed; it is left out on the wire (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

impl Frame {
    /// The same message compressed, with the bit that says so. `None` when it is a control frame or cannot be compressed.
    /// `level` is zlib's, 0 to 9. The window has its full size (15 bits).
    pub fn deflated(&self, level: u32) -> Option<Self> {
        if self.opcode().is_control() {
            return None;
        }
        let payload = self.payload();
        let mut compress = Compress::new(Compression::new(level.min(9)), false);
        let mut out = Vec::with_capacity(payload.len() / 2 + 64);
        loop {
            let taken = usize::try_from(compress.total_in()).ok()?;
            let status = compress.compress_vec(payload.get(taken..)?, &mut out, FlushCompress::Sync).ok()?;
            let all = usize::try_from(compress.total_in()).ok()? == payload.len();
            // With room left, everything has been flushed.
            if status != Status::BufError && all && out.len() < out.capacity() {
                break;
            }
            out.reserve(out.capacity());
        }
        let body = out.strip_suffix(&TAIL)?;
        Some(Self::with_bits(self.opcode(), 0x40, body))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
    use super::*;
    use crate::OpCode;
    use flate2::{Decompress, FlushDecompress};
    use proptest::prelude::*;

    /// As a client inflates it.
    fn inflate(frame: &Frame, size: usize) -> Vec<u8> {
        let mut input = frame.payload().to_vec();
        input.extend(TAIL);
        let mut out = Vec::with_capacity(size + 64);
        Decompress::new(false).decompress_vec(&input, &mut out, FlushDecompress::Sync).unwrap();
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_client_gets_the_message_back(payload in prop::collection::vec(0u8..20, 0..20_000), level in 0u32..12) {
            let plain = Frame::new(OpCode::Text, Some(b'4'), &payload);
            let deflated = plain.deflated(level).unwrap();
            prop_assert_eq!(deflated.bytes()[0], 0x80 | 0x40 | OpCode::Text as u8);
            prop_assert_eq!(inflate(&deflated, payload.len()), plain.payload());
        }
    }

    #[test]
    fn noise_of_every_size_around_the_buffer_comes_back() {
        for len in (0..400).chain([65_000, 200_000]) {
            let noise: Vec<u8> = (0..len).map(|n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
            let plain = Frame::new(OpCode::Binary, None, &noise);
            assert_eq!(inflate(&plain.deflated(6).unwrap(), noise.len()), noise, "{len} bytes");
        }
    }

    #[test]
    fn a_control_frame_stays_as_it_is() {
        assert!(Frame::new(OpCode::Ping, None, b"x").deflated(6).is_none());
    }
}
