//! Reads WebSocket frames from a stream of bytes: what a client of the server sees (the load generator, the tests), and
//! what a server reads from clients (masked).

use crate::OpCode;

/// Why a stream is not WebSocket. The connection cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A reserved opcode or reserved bits.
    #[error("expected a WebSocket opcode without reserved bits, got the byte {0:#04x}")]
    BadFirstByte(u8),
    /// A frame longer than the limit of the decoder.
    #[error("expected a frame of at most {limit} bytes, got {len}")]
    TooLong {
        /// What the frame says.
        len: u64,
        /// What the decoder allows.
        limit: usize,
    },
}

/// One frame as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What the frame holds.
    pub opcode: OpCode,
    /// Whether it is the last fragment of its message.
    pub fin: bool,
    /// Its payload, unmasked.
    pub payload: Vec<u8>,
}

/// An incremental decoder: feed it what arrives, take the frames that are whole.
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    taken: usize,
    limit: usize,
}

impl FrameDecoder {
    /// A decoder that refuses frames with a payload of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), taken: 0, limit }
    }

    /// Adds bytes that arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken.min(self.buffer.len()));
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes of a frame that is not whole yet.
    pub fn rest(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// The next whole frame, or `None` until more bytes arrive.
    ///
    /// Not an `Iterator`: `None` is not the end.
    #[expect(clippy::should_implement_trait, reason = "None means not yet, and an error is final")]
    pub fn next(&mut self) -> Result<Option<Message>, DecodeError> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let [first, second, after @ ..] = rest else { return Ok(None) };
        let opcode = OpCode::from_first_byte(*first).filter(|_| first & 0x70 == 0);
        let opcode = opcode.ok_or(DecodeError::BadFirstByte(*first))?;
        let (len, after, mut used) = match second & 0x7F {
            126 => {
                let Some((bytes, after)) = after.split_first_chunk::<2>() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*bytes)), after, 4)
            }
            127 => {
                let Some((bytes, after)) = after.split_first_chunk::<8>() else { return Ok(None) };
                (u64::from_be_bytes(*bytes), after, 10)
            }
            short => (u64::from(short), after, 2),
        };
        let too_long = DecodeError::TooLong { len, limit: self.limit };
        let len = usize::try_from(len).ok().filter(|len| *len <= self.limit).ok_or(too_long)?;
        let (mask, after) = if second & 0x80 == 0 {
            ([0; 4], after)
        } else {
            let Some((mask, after)) = after.split_first_chunk::<4>() else { return Ok(None) };
            used += 4;
            (*mask, after)
        };
        let Some(payload) = after.get(..len) else { return Ok(None) };
        let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let message = Message { opcode, fin: first & 0x80 != 0, payload };
        self.taken += used + len;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::Frame;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_frame_comes_back_however_the_bytes_are_cut(
            payloads in prop::collection::vec((any::<bool>(), prop::option::of(any::<u8>()), prop::collection::vec(any::<u8>(), 0..70_000)), 1..4),
            cuts in prop::collection::vec(1usize..5000, 1..20),
        ) {
            let mut stream = Vec::new();
            let mut expected = Vec::new();
            for (binary, prefix, payload) in payloads {
                let opcode = if binary { OpCode::Binary } else { OpCode::Text };
                stream.extend_from_slice(Frame::new(opcode, prefix, &payload).bytes());
                expected.push(Message { opcode, fin: true, payload: prefix.into_iter().chain(payload).collect() });
            }
            let mut decoder = FrameDecoder::new(1 << 20);
            let mut got = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                decoder.feed(head);
                while let Some(message) = decoder.next().unwrap() { got.push(message); }
                rest = tail;
            }
            prop_assert_eq!(decoder.rest(), 0);
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut decoder = FrameDecoder::new(1000);
            decoder.feed(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
        }
    }

    #[test]
    fn a_masked_frame_is_unmasked() {
        let mut decoder = FrameDecoder::new(100);
        // RFC 6455, section 5.7: a single-frame masked text message that says "Hello".
        decoder.feed(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        assert_eq!(decoder.next().unwrap().unwrap().payload, b"Hello");
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_before_its_payload_arrives() {
        let mut decoder = FrameDecoder::new(100);
        decoder.feed(&[0x82, 126, 0, 101]);
        assert!(matches!(decoder.next(), Err(DecodeError::TooLong { limit: 100, .. })));
    }
}
