//! Engine.IO packets inside WebSocket frames (Engine.IO protocol, revision 4): one type digit, then data, as text; a binary
//! message is a binary frame without a digit (revision 3 puts the byte 4 before it).

/// The first character of an Engine.IO text packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EnginePacket {
    /// The handshake.
    Open = b'0',
    /// The end of the transport.
    Close = b'1',
    /// The server's heartbeat (revision 4).
    Ping = b'2',
    /// The client's answer.
    Pong = b'3',
    /// A Socket.IO packet.
    Message = b'4',
    /// The switch from long-polling.
    Upgrade = b'5',
    /// Nothing: ends a poll.
    Noop = b'6',
}

impl EnginePacket {
    /// The packet type that a text frame's payload begins with.
    pub fn of(payload: &[u8]) -> Option<Self> {
        Some(match payload.first()? {
            b'0' => Self::Open,
            b'1' => Self::Close,
            b'2' => Self::Ping,
            b'3' => Self::Pong,
            b'4' => Self::Message,
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            _ => return None,
        })
    }
}
