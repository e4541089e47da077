//! WebSocket frames as a server sends them: whole, final and unmasked (RFC 6455, section 5.2).

use std::sync::Arc;

/// What a frame holds (RFC 6455, section 11.8). Fragments (continuation frames) are never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OpCode {
    /// A fragment of an earlier frame.
    Continuation = 0x0,
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The end of the connection: nothing follows it.
    Close = 0x8,
    /// A heartbeat.
    Ping = 0x9,
    /// The answer to a heartbeat.
    Pong = 0xA,
}

impl OpCode {
    /// The opcode in the low four bits of a frame's first byte, or `None` for a reserved one.
    pub fn from_first_byte(byte: u8) -> Option<Self> {
        Some(match byte & 0x0F {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it is a control frame (close, ping, pong).
    pub fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The longest header of an unmasked frame, in bytes.
pub const MAX_HEADER: usize = 10;

/// Writes the header of an unmasked final frame with a payload of `len` bytes into `out`; returns how many bytes it takes.
pub fn header(opcode: OpCode, len: usize, out: &mut [u8; MAX_HEADER]) -> usize {
    out[0] = 0x80 | opcode as u8;
    if let Ok(short) = u8::try_from(len)
        && short < 126
    {
        out[1] = short;
        return 2;
    }
    if let Ok(medium) = u16::try_from(len) {
        out[1] = 126;
        out[2..4].copy_from_slice(&medium.to_be_bytes());
        return 4;
    }
    out[1] = 127;
    out[2..10].copy_from_slice(&(len as u64).to_be_bytes());
    10
}

/// A finished WebSocket frame, shared by every connection that it is sent to. Cloning counts a reference.
#[derive(Clone, Debug)]
pub struct Frame(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    buffer: Vec<u8>,
    /// Where the frame begins: the room before a short header stays unused.
    start: usize,
    opcode: OpCode,
}

impl Frame {
    /// A final, unmasked frame. `prefix` is a first payload byte: the Engine.IO packet type of a text frame (`b'4'` for a
    /// message), or the 4 before a binary message of Engine.IO protocol 3.
    pub fn new(opcode: OpCode, prefix: Option<u8>, payload: &[u8]) -> Self {
        let mut head = [0; MAX_HEADER];
        let size = header(opcode, payload.len() + usize::from(prefix.is_some()), &mut head);
        let mut buffer = Vec::with_capacity(size + payload.len() + 1);
        buffer.extend(head.iter().take(size));
        buffer.extend(prefix);
        buffer.extend_from_slice(payload);
        Self(Arc::new(Inner { buffer, start: 0, opcode }))
    }

    /// A final, unmasked frame with reserved bits set.
    pub(crate) fn with_bits(opcode: OpCode, bits: u8, payload: &[u8]) -> Self {
        let mut head = [0; MAX_HEADER];
        let size = header(opcode, payload.len(), &mut head);
        head[0] |= bits;
        let buffer = [head.get(..size).unwrap_or_default(), payload].concat();
        Self(Arc::new(Inner { buffer, start: 0, opcode }))
    }

    /// The same without a copy: the payload is in `buffer` already, behind `headroom` bytes of which the header and prefix
    /// take the last ones. With less than [`MAX_HEADER`] + 1 bytes of room, the payload is copied.
    pub fn with_headroom(opcode: OpCode, prefix: Option<u8>, mut buffer: Vec<u8>, headroom: usize) -> Self {
        let payload = buffer.len().saturating_sub(headroom);
        let mut head = [0; MAX_HEADER];
        let size = header(opcode, payload + usize::from(prefix.is_some()), &mut head);
        let start = headroom.checked_sub(size + usize::from(prefix.is_some()));
        let room = start.and_then(|start| Some((start, buffer.get_mut(start..headroom)?)));
        let Some((start, room)) = room else {
            return Self::new(opcode, prefix, buffer.get(headroom..).unwrap_or_default());
        };
        let bytes = head.iter().take(size).copied().chain(prefix);
        room.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        Self(Arc::new(Inner { buffer, start, opcode }))
    }

    /// A frame that `ws` has encoded, in parts. `None` when its first byte names no known opcode, or there is none.
    pub fn encoded(parts: &[&[u8]]) -> Option<Self> {
        let buffer = parts.concat();
        let opcode = OpCode::from_first_byte(*buffer.first()?)?;
        Some(Self(Arc::new(Inner { buffer, start: 0, opcode })))
    }

    /// Several frames that are sent in one piece, as one. `None` when there is none.
    pub fn joined(frames: &[Self]) -> Option<Self> {
        let opcode = frames.first()?.opcode();
        let buffer = frames.iter().map(Self::bytes).collect::<Vec<_>>().concat();
        Some(Self(Arc::new(Inner { buffer, start: 0, opcode })))
    }

    /// The frame's bytes, header included.
    pub fn bytes(&self) -> &[u8] {
        self.0.buffer.get(self.0.start..).unwrap_or_default()
    }

    /// What the frame carries, without its header.
    pub fn payload(&self) -> &[u8] {
        let bytes = self.bytes();
        let header = match bytes.get(1).map(|byte| byte & 0x7F) {
            Some(126) => 4,
            Some(127) => 10,
            _ => 2,
        };
        bytes.get(header..).unwrap_or_default()
    }

    /// The size on the wire, in bytes.
    pub fn len(&self) -> usize {
        self.0.buffer.len() - self.0.start
    }

    /// Never true: a frame has a header.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the frame holds.
    pub fn opcode(&self) -> OpCode {
        self.0.opcode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_the_same_with_and_without_a_copy() {
        for len in [0, 1, 124, 125, 126, 65_534, 65_535, 65_536] {
            for prefix in [None, Some(b'4')] {
                for headroom in [0, 2, 3, 4, 10, 11, 20] {
                    let payload = vec![7; len];
                    let mut buffer = vec![0; headroom];
                    buffer.extend(&payload);
                    let moved = Frame::with_headroom(OpCode::Text, prefix, buffer, headroom);
                    let copied = Frame::new(OpCode::Text, prefix, &payload);
                    assert_eq!(moved.bytes(), copied.bytes(), "{len} bytes, {prefix:?}, {headroom} bytes of room");
                    assert_eq!(moved.len(), copied.bytes().len());
                }
            }
        }
    }
}
