//! What a client sends: a few small frames, and what the kernel did not take of them yet.

use socketio_wire::{MAX_HEADER, OpCode, header};
use std::io::{self, ErrorKind, Write};

/// A client must mask (RFC 6455, section 5.3). The key guards proxies against scripts in browsers; there are none here, so
/// any constant does.
const MASK: [u8; 4] = [0x5A, 0xC3, 0x17, 0x8E];

/// Bytes that wait to be written.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
}

impl Outbox {
    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a masked frame.
    pub fn frame(&mut self, opcode: OpCode, payload: &[u8]) {
        let mut head = [0; MAX_HEADER];
        let size = header(opcode, payload.len(), &mut head);
        head[1] |= 0x80;
        self.bytes.extend(head.iter().take(size));
        self.bytes.extend(MASK);
        self.bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes as much as the kernel takes. What is left goes out when the socket says that it is writable.
    pub fn flush(&mut self, mut stream: impl Write) -> io::Result<()> {
        while !self.bytes.is_empty() {
            match stream.write(&self.bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.bytes.drain(..written.min(self.bytes.len()))),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use socketio_wire::FrameDecoder;

    #[test]
    fn frames_are_masked_and_read_back() {
        let long = vec![b'x'; 300];
        let mut outbox = Outbox::default();
        outbox.frame(OpCode::Text, b"40");
        outbox.frame(OpCode::Pong, &long);
        let mut sent = Vec::new();
        outbox.flush(&mut sent).unwrap();
        assert!(outbox.is_empty());
        assert_eq!(sent.get(1), Some(&(0x80 | 2)));
        let mut decoder = FrameDecoder::new(1000);
        decoder.feed(&sent);
        assert_eq!(decoder.next().unwrap().unwrap().payload, b"40");
        assert_eq!(decoder.next().unwrap().unwrap().payload, long);
    }
}
