//! All that a server may say to one client, and nothing else: each byte of a connection passes through here.
//!
//! Events of the server: `["p", number, tag, text, sizes, …attachments]` is a numbered packet; `["s", connection, statement, list,
//! number, text, sizes, …attachments]` a statement (see [`crate::ledger`]), and with `"last"` instead of `"s"` the last one.

use std::collections::VecDeque;

use serde_json::Value;
use socketio_loadgen::outbox::Outbox;
use socketio_wire::{EnginePacket, FrameDecoder, Message, OpCode};

use crate::ledger::{Ledger, Numbered};
use crate::packet::{Packet, are_bytes_of, is_text_of};

/// The server of the test sends nothing that is longer.
const LONGEST: usize = 1024 * 1024;

/// A packet whose attachments are coming.
#[derive(Debug)]
struct Partial {
    number: u64,
    sizes: VecDeque<u64>,
    attachments: u64,
    then: Then,
}

/// What to do with a packet that is whole.
#[derive(Debug)]
enum Then {
    Receive(Numbered),
    Settle { statement: u64, list: Vec<Numbered>, last: bool },
}

/// The conversation of one connection.
#[derive(Debug)]
pub struct Inbound {
    decoder: FrameDecoder,
    partial: Option<Partial>,
    ledger: Ledger,
    /// Of the Engine.IO connection: empty until the server has said it.
    pub id: String,
    /// The namespaces that it is in: `/` and `/side`.
    pub joined: [bool; 2],
    /// The last statement came, and it was right.
    pub settled: bool,
    /// The server has closed the conversation.
    pub closed: bool,
    /// Payloads of pings that were not answered.
    pub pings: VecDeque<Vec<u8>>,
    /// Events that wait for their acknowledgement.
    pub asks: VecDeque<u64>,
}

type Checked<T = ()> = Result<T, String>;

impl Inbound {
    pub fn new() -> Self {
        Self {
            decoder: FrameDecoder::new(LONGEST),
            partial: None,
            ledger: Ledger::default(),
            id: String::new(),
            joined: [false; 2],
            settled: false,
            closed: false,
            pings: VecDeque::new(),
            asks: VecDeque::new(),
        }
    }

    /// Whether a frame or a packet has begun and not ended.
    pub fn is_cut(&self) -> bool {
        self.decoder.rest() > 0 || self.partial.is_some()
    }

    /// Bytes came. Answers go to `out`. An error is a proof that the server is wrong.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Outbox) -> Checked {
        self.decoder.feed(bytes);
        while let Some(message) = self.decoder.next().map_err(|error| error.to_string())? {
            let (opcode, size) = (message.opcode, message.payload.len());
            let head: String = message.payload.iter().take(60).map(|byte| char::from(*byte)).collect();
            self.take(message, out).map_err(|what| format!("{what} (at {opcode:?} of {size} bytes: {head})"))?;
        }
        Ok(())
    }

    fn take(&mut self, message: Message, out: &mut Outbox) -> Checked {
        let Message { opcode, fin, payload } = message;
        require(!self.closed, "nothing after the end")?;
        require(fin, "a whole message in each frame")?;
        match opcode {
            OpCode::Text => {
                require(self.partial.is_none(), "an attachment")?;
                self.text(std::str::from_utf8(&payload).map_err(|error| error.to_string())?, out)
            }
            OpCode::Binary => self.attachment(&payload),
            OpCode::Pong => require(self.pings.pop_front().as_ref() == Some(&payload), "the pong of the oldest ping"),
            OpCode::Close => {
                out.frame(OpCode::Close, payload.get(..2).unwrap_or_default());
                self.closed = true;
                Ok(())
            }
            OpCode::Continuation | OpCode::Ping => Err("expected no such frame".to_owned()),
        }
    }

    fn text(&mut self, text: &str, out: &mut Outbox) -> Checked {
        match EnginePacket::of(text.as_bytes()) {
            Some(EnginePacket::Open) => {
                require(self.id.is_empty(), "one open packet")?;
                let open: Value = serde_json::from_str(text.get(1..).unwrap_or_default()).map_err(|e| e.to_string())?;
                open.get("sid").and_then(Value::as_str).unwrap_or_default().clone_into(&mut self.id);
                require(!self.id.is_empty(), "an id")?;
                out.frame(OpCode::Text, b"40");
                Ok(())
            }
            Some(EnginePacket::Ping) => {
                out.frame(OpCode::Text, b"3");
                require(text.len() == 1, "a ping without a text")
            }
            Some(EnginePacket::Message) => {
                let packet = Packet::parse(text.get(1..).unwrap_or_default()).ok_or("expected a Socket.IO packet")?;
                self.packet(&packet, out)
            }
            _ => Err("expected an Engine.IO packet of a server".to_owned()),
        }
    }

    fn packet(&mut self, packet: &Packet<'_>, out: &mut Outbox) -> Checked {
        require(!self.id.is_empty(), "the open packet first")?;
        let side = packet.namespace == "/side";
        require(side || packet.namespace == "/", "a known namespace")?;
        let [root_joined, side_joined] = &mut self.joined;
        let joined = if side { side_joined } else { root_joined };
        match packet.kind {
            b'0' => require(!std::mem::replace(joined, true), "one CONNECT"),
            b'1' => require(std::mem::replace(joined, false), "CONNECT before DISCONNECT"),
            b'2' | b'5' => {
                require(*joined, "CONNECT before events")?;
                self.event(packet, out)
            }
            b'3' => {
                let arguments: Vec<u64> = serde_json::from_str(packet.data).map_err(|error| error.to_string())?;
                require(
                    packet.id.is_some() && self.asks.pop_front() == packet.id,
                    "the answer to the oldest question",
                )?;
                require(arguments.first().copied() == packet.id, "the right answer")
            }
            _ => Err("expected no such packet".to_owned()),
        }
    }

    fn event(&mut self, packet: &Packet<'_>, out: &mut Outbox) -> Checked {
        let event: Vec<Value> = serde_json::from_str(packet.data).map_err(|error| error.to_string())?;
        let text = |at: usize| event.get(at).and_then(Value::as_str);
        let count =
            |at: usize| event.get(at).and_then(Value::as_u64).ok_or_else(|| format!("expected a number at {at}"));
        // Where the number is, and where the content begins.
        let (then, number, at) = match text(0) {
            Some("p") => {
                let tag = event.get(2).and_then(Value::as_i64).ok_or("expected a tag")?;
                (Then::Receive(Numbered::tagged(count(1)?, tag)), count(1)?, 3)
            }
            Some(name @ ("s" | "last")) => {
                require(text(1) == Some(self.id.as_str()), "a statement for this connection")?;
                let list = event.get(3).and_then(Value::as_array).ok_or("expected a list")?;
                let list = list.iter().map(Numbered::stated).collect::<Option<_>>().ok_or("expected numbers")?;
                (Then::Settle { statement: count(2)?, list, last: name == "last" }, count(4)?, 5)
            }
            _ => return Err("expected a known event".to_owned()),
        };
        require(is_text_of(number, text(at).ok_or("expected a text")?), "the text of that packet")?;
        let sizes = event.get(at + 1).and_then(Value::as_array).ok_or("expected sizes")?;
        let sizes: VecDeque<u64> = sizes.iter().filter_map(Value::as_u64).collect();
        require(sizes.len() == packet.attachments, "a size for each attachment")?;
        // With connection state recovery an offset follows.
        let end = event.len() - usize::from(event.last().is_some_and(Value::is_string));
        require(end == at + 2 + sizes.len(), "a place for each attachment")?;
        if let Some(id) = packet.id {
            let namespace = if packet.namespace == "/" { String::new() } else { format!("{},", packet.namespace) };
            out.frame(OpCode::Text, format!("43{namespace}{id}[{number}]").as_bytes());
        }
        self.partial = Some(Partial { number, sizes, attachments: 0, then });
        self.complete()
    }

    fn attachment(&mut self, bytes: &[u8]) -> Checked {
        let partial = self.partial.as_mut().ok_or("expected no attachment")?;
        require(partial.sizes.pop_front() == Some(bytes.len() as u64), "an attachment of the right size")?;
        require(are_bytes_of(partial.number + partial.attachments, bytes), "the attachment of that packet")?;
        partial.attachments += 1;
        self.complete()
    }

    fn complete(&mut self) -> Checked {
        let Some(partial) = self.partial.take_if(|partial| partial.sizes.is_empty()) else { return Ok(()) };
        match partial.then {
            Then::Receive(packet) => self.ledger.receive(packet),
            Then::Settle { statement, list, last } => {
                self.ledger.settle(statement, &list)?;
                if last {
                    self.ledger.close()?;
                    self.settled = true;
                }
            }
        }
        Ok(())
    }
}

fn require(holds: bool, expected: &str) -> Checked {
    if holds { Ok(()) } else { Err(format!("expected {expected}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socketio_wire::Frame;

    /// The server's texts; `#3` is an attachment of three bytes, which count up from 7.
    fn said(lines: &[&str]) -> Checked<Inbound> {
        let mut inbound = Inbound::new();
        let (mut out, mut bytes) = (Outbox::default(), Vec::new());
        for line in ["0{\"sid\":\"me\"}", "40{\"sid\":\"x\"}"].iter().chain(lines) {
            let frame = match line.strip_prefix('#').and_then(|size| size.parse::<u8>().ok()) {
                Some(size) => Frame::new(OpCode::Binary, None, &(7..7 + size).collect::<Vec<_>>()),
                None => Frame::new(OpCode::Text, None, line.as_bytes()),
            };
            bytes.extend_from_slice(frame.bytes());
        }
        bytes.chunks(3).try_for_each(|piece| inbound.feed(piece, &mut out))?;
        Ok(inbound)
    }

    const WITH_ATTACHMENTS: &str =
        r#"452-["p",7,0,"hij",[3,2],{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;

    #[test]
    fn what_the_server_may_say_is_accepted() {
        let last = r#"42["last","me",0,[7,[2,8]],9,"",[]]"#;
        let inbound = said(&[r#"42["p",7,0,"hij",[]]"#, r#"42["p",8,2,"",[]]"#, last, "41"]);
        assert!(inbound.is_ok_and(|inbound| inbound.settled && !inbound.is_cut() && inbound.joined == [false, false]));
        assert!(said(&[WITH_ATTACHMENTS, "#3"]).is_ok_and(|inbound| inbound.is_cut()));
    }

    #[test]
    fn what_the_server_may_not_say_is_refused() {
        for wrong in [
            [r#"42["p",7,0,"hij",[]]"#, r#"42["last","me",0,[],9,"",[]]"#],
            [r#"42["p",7,0,"hij",[]]"#, r#"42["last","me",0,[8],9,"",[]]"#],
            [r#"42["last","you",0,[],9,"",[]]"#, "41"],
            [r#"42["last","me",1,[],9,"",[]]"#, "41"],
            [r#"42/side,["p",7,0,"hij",[]]"#, "41"],
            [r#"42["p",7,0,"hiy",[]]"#, "41"],
            [WITH_ATTACHMENTS, "#2"],
            [WITH_ATTACHMENTS, "41"],
            ["41", r#"42["p",7,0,"hij",[]]"#],
            ["439[9]", "41"],
            ["4", "41"],
            ["#3", "41"],
        ] {
            assert!(said(&wrong).is_err(), "{wrong:?}");
        }
        assert!(said(&[WITH_ATTACHMENTS, "#3", "#2"]).is_err());
    }
}
