//! From a TCP connection to a joined namespace: the bytes of the HTTP upgrade and of the Socket.IO CONNECT packet.

/// Longer response headers are not from a Socket.IO server.
const MAX_RESPONSE: usize = 16 * 1024;
/// What Chromium offers.
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
/// What the answer must say then: each message can be inflated alone.
const ACCEPTED: [&str; 2] = ["permessage-deflate", "server_no_context_takeover"];

/// What every client sends, made once.
#[derive(Debug)]
pub struct Greeting {
    /// The HTTP upgrade. Unless it offers deflate the server never compresses.
    pub upgrade: String,
    /// Whether it offers deflate, so that an answer without it is refused.
    pub deflate: bool,
    /// The CONNECT packet, inside its Engine.IO message.
    pub connect: String,
}

impl Greeting {
    /// The greeting for a server. The key is the RFC's own example: nobody checks it for freshness.
    pub fn new(host: &str, path: &str, namespace: &str, deflate: bool) -> Self {
        let extensions = if deflate { OFFER } else { "" };
        let upgrade = format!(
            "GET {path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
        );
        let connect = if namespace == "/" { "40".to_owned() } else { format!("40{namespace},") };
        Self { upgrade, deflate, connect }
    }
}

/// The server's answer to the upgrade, as it arrives.
#[derive(Debug, Default)]
pub struct Response {
    bytes: Vec<u8>,
}

impl Response {
    /// Adds bytes. Returns what follows the answer once it is whole and accepts the upgrade, and an error text when it does not.
    /// `deflate`: whether the answer must accept it.
    pub fn feed(&mut self, bytes: &[u8], deflate: bool) -> Result<Option<Vec<u8>>, String> {
        self.bytes.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(&self.bytes, b"\r\n\r\n") else {
            return if self.bytes.len() > MAX_RESPONSE { Err(self.refusal()) } else { Ok(None) };
        };
        if !self.bytes.starts_with(b"HTTP/1.1 101 ") {
            return Err(self.refusal());
        }
        let head = self.bytes.get(..end).unwrap_or_default();
        if deflate && !ACCEPTED.iter().all(|word| memchr::memmem::find(head, word.as_bytes()).is_some()) {
            return Err("the server does not compress each message for itself".to_owned());
        }
        Ok(Some(self.bytes.get(end + 4..).unwrap_or_default().to_vec()))
    }

    fn refusal(&self) -> String {
        let line = self.bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line: String = String::from_utf8_lossy(line).chars().take(100).collect();
        format!("the server refused the upgrade: {line}")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_follows_the_answer_is_handed_back() {
        let mut response = Response::default();
        assert_eq!(
            response.feed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r", false).unwrap(),
            None
        );
        assert_eq!(response.feed(b"\n\x81\x01", false).unwrap(), Some(vec![0x81, 1]));
    }

    #[test]
    fn a_refusal_is_quoted() {
        let refused = Response::default().feed(b"HTTP/1.1 404 Not Found\r\n\r\n", false).unwrap_err();
        assert!(refused.ends_with("HTTP/1.1 404 Not Found"), "{refused}");
        assert!(Response::default().feed(&vec![b'x'; MAX_RESPONSE + 1], false).is_err());
    }

    #[test]
    fn deflate_that_was_offered_must_be_accepted_without_context_take_over() {
        let answer = |extension: &str| {
            let answer = format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: {extension}\r\n\r\n");
            Response::default().feed(answer.as_bytes(), true)
        };
        assert!(answer("permessage-deflate; server_no_context_takeover").is_ok());
        assert!(answer("permessage-deflate").is_err());
        assert!(Response::default().feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", true).is_err());
    }
}
