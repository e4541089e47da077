//! The bytes that Socket.IO connections exchange: WebSocket frames (RFC 6455) that carry Engine.IO packets.
//!
//! Pure: no I/O, no clock, no JavaScript. A decoder takes hostile bytes: it never panics, and what it keeps is bounded by
//! the limit that its caller gives.

#![forbid(unsafe_code)]

mod decode;
mod deflate;
mod frame;
mod packet;

pub use decode::{DecodeError, FrameDecoder, Message};
pub use frame::{Frame, MAX_HEADER, OpCode, header};
pub use packet::EnginePacket;
