//! Finds the frames in what a connection sends, without copying them: at millions of frames a second a copy of each
//! payload would cost more than all else (which is why this is not `socketio_wire::FrameDecoder`).
//!
//! Invariant: between two calls, `held` is empty, or the beginning of one frame that is not whole: its header, as far as
//! it came, and at most `HEAD` bytes of its payload. `skip` counts the payload bytes after those that are still to come.

use socketio_wire::OpCode;

/// How much of a payload is looked at: all that is needed of a handshake or of the beginning of an event.
pub const HEAD: usize = 4096;
/// The bit of a message that is compressed (RSV1).
const COMPRESSED: u8 = 0x40;

/// A frame that came whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the frame holds.
    pub opcode: OpCode,
    /// Whether its payload is compressed (RFC 7692).
    pub compressed: bool,
    /// How long its payload is.
    pub len: u64,
    /// Its payload, of which at most the first [`HEAD`] bytes.
    pub head: &'a [u8],
}

/// The stream is not WebSocket from a server. The connection cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// A reserved opcode or reserved bits.
    #[error("expected a WebSocket opcode without reserved bits, got the byte {0:#04x}")]
    BadFirstByte(u8),
    /// A server never masks.
    #[error("the server masked a frame")]
    Masked,
}

/// The frame header at the beginning of some bytes.
struct Header {
    opcode: OpCode,
    compressed: bool,
    size: usize,
    len: u64,
}

impl Header {
    /// `None` until all of it is there.
    /// `deflate`: whether messages may be compressed.
    fn parse(bytes: &[u8], deflate: bool) -> Result<Option<Self>, ScanError> {
        let [first, second, after @ ..] = bytes else { return Ok(None) };
        let opcode = OpCode::from_first_byte(*first).ok_or(ScanError::BadFirstByte(*first))?;
        let compressed = first & 0x70 == COMPRESSED && deflate && matches!(opcode, OpCode::Text | OpCode::Binary);
        if first & 0x70 != 0 && !compressed {
            return Err(ScanError::BadFirstByte(*first));
        }
        let (size, len) = match *second {
            126 => {
                let Some(len) = after.first_chunk() else { return Ok(None) };
                (4, u64::from(u16::from_be_bytes(*len)))
            }
            127 => {
                let Some(len) = after.first_chunk() else { return Ok(None) };
                (10, u64::from_be_bytes(*len))
            }
            short if short < 126 => (2, u64::from(short)),
            _ => return Err(ScanError::Masked),
        };
        Ok(Some(Self { opcode, compressed, size, len }))
    }

    /// The frame with this payload, or its beginning.
    fn frame<'a>(&self, payload: &'a [u8]) -> Frame<'a> {
        let head = payload.get(..HEAD).unwrap_or(payload);
        Frame { opcode: self.opcode, compressed: self.compressed, len: self.len, head }
    }

    /// How much of the payload is kept when the frame is cut, and how much is passed over.
    fn split(&self) -> (usize, u64) {
        let kept = usize::try_from(self.len).unwrap_or(HEAD).min(HEAD);
        (kept, self.len - kept as u64)
    }
}

/// Walks the frames of one connection.
#[derive(Debug, Default)]
pub struct FrameScanner {
    deflate: bool,
    held: Vec<u8>,
    skip: u64,
}

impl FrameScanner {
    /// `deflate`: whether messages may be compressed.
    pub fn new(deflate: bool) -> Self {
        Self { deflate, ..Self::default() }
    }

    /// Calls `on_frame` for each frame that ends in `bytes`, which is what arrived after the bytes of the last call.
    pub fn scan(&mut self, bytes: &[u8], mut on_frame: impl FnMut(Frame<'_>)) -> Result<(), ScanError> {
        let mut rest = bytes;
        if !self.held.is_empty() {
            let Some(after) = self.complete_held(rest, &mut on_frame)? else { return Ok(()) };
            rest = after;
        }
        while let Some(header) = Header::parse(rest, self.deflate)? {
            let whole = usize::try_from(header.len).ok().and_then(|len| rest.get(header.size..)?.split_at_checked(len));
            let Some((payload, after)) = whole else { break };
            on_frame(header.frame(payload));
            rest = after;
        }
        if !rest.is_empty() {
            // It is the beginning of a frame, and not all of it, so nothing is left after this.
            self.complete_held(rest, &mut on_frame)?;
        }
        Ok(())
    }

    /// Adds `bytes` to the frame that is held. Returns what follows it, or `None` when it is still not whole.
    fn complete_held<'a>(
        &mut self,
        bytes: &'a [u8],
        on_frame: &mut impl FnMut(Frame<'_>),
    ) -> Result<Option<&'a [u8]>, ScanError> {
        let mut rest = bytes;
        if self.skip == 0 {
            // The header comes first, a byte at a time: its own size is not known before its second byte.
            let header = loop {
                if let Some(header) = Header::parse(&self.held, self.deflate)? {
                    break header;
                }
                let Some((byte, after)) = rest.split_first() else { return Ok(None) };
                self.held.push(*byte);
                rest = after;
            };
            let (kept, skip) = header.split();
            let missing = (header.size + kept).saturating_sub(self.held.len());
            let (head, after) = rest.split_at(missing.min(rest.len()));
            self.held.extend_from_slice(head);
            rest = after;
            if head.len() < missing {
                return Ok(None);
            }
            self.skip = skip;
        }
        let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(rest.len());
        self.skip -= passed as u64;
        rest = rest.get(passed..).unwrap_or_default();
        if self.skip > 0 {
            return Ok(None);
        }
        if let Some(header) = Header::parse(&self.held, self.deflate)? {
            on_frame(header.frame(self.held.get(header.size..).unwrap_or_default()));
        }
        self.held.clear();
        Ok(Some(rest))
    }
}

#[cfg(test)]
mod tests;
