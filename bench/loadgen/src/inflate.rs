//! Compressed messages (RFC 7692), each of which can be inflated alone.

use flate2::{Decompress, FlushDecompress};

/// What a sender leaves out at the end of a message (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// The largest event that is sent compressed, with room to spare.
const LARGEST: usize = 1 << 20;

/// Why a message is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InflateError {
    /// Not deflate, or it refers to an earlier message.
    #[error("a compressed message cannot be inflated")]
    Corrupt,
    /// It inflates, but to no event.
    #[error("a compressed message is no event")]
    NoEvent,
}

/// Inflates messages, one after the other, into the same memory.
#[derive(Debug)]
pub struct Inflater {
    decompress: Decompress,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { decompress: Decompress::new(false), input: Vec::new(), output: Vec::new() }
    }
}

impl Inflater {
    /// The message whose compressed form is `body`.
    pub fn message(&mut self, body: &[u8]) -> Result<&[u8], InflateError> {
        self.input.clear();
        self.input.extend_from_slice(body);
        self.input.extend(TAIL);
        self.output.clear();
        self.output.reserve(LARGEST);
        self.decompress.reset(false);
        let status = self.decompress.decompress_vec(&self.input, &mut self.output, FlushDecompress::Sync);
        let all = self.decompress.total_in() == self.input.len() as u64;
        if status.is_err() || !all || self.output.len() == self.output.capacity() {
            return Err(InflateError::Corrupt);
        }
        Ok(&self.output)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use socketio_wire::{Frame, OpCode};

    #[test]
    fn messages_are_inflated_one_after_the_other() {
        let mut inflater = Inflater::default();
        for text in ["42[\"first\"]".repeat(50), "42[\"second\"]".repeat(3)] {
            let frame = Frame::new(OpCode::Text, None, text.as_bytes()).deflated(6).unwrap();
            assert_eq!(inflater.message(frame.payload()), Ok(text.as_bytes()));
        }
    }

    #[test]
    fn what_cannot_be_inflated_is_an_error_and_the_next_message_is_none() {
        let mut inflater = Inflater::default();
        let frame = Frame::new(OpCode::Text, None, &[b'x'; 500]).deflated(6).unwrap();
        assert_eq!(inflater.message(b"\xFFno deflate"), Err(InflateError::Corrupt));
        assert_eq!(inflater.message(frame.payload()), Ok([b'x'; 500].as_slice()));
    }
}
