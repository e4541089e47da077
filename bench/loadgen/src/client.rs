//! One client: from connecting to counting.

use crate::clock;
use crate::handshake::{Greeting, Response};
use crate::inflate::InflateError;
use crate::outbox::Outbox;
use crate::scan::{Frame, FrameScanner, ScanError};
use crate::tally::Tally;
use mio::net::TcpStream;
use socketio_wire::{EnginePacket, OpCode};
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;

/// Why a client is no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server did not speak WebSocket.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A compressed message that is none.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// The server said no.
    #[error("{0}")]
    Refused(String),
    /// The server ended the connection.
    #[error("the server closed the connection")]
    Closed,
}

/// How far a client has come.
#[derive(Debug)]
enum Stage {
    /// TCP is being connected.
    Connecting,
    /// The HTTP upgrade was sent.
    Upgrading(Response),
    /// The Engine.IO open packet is waited for.
    Opening,
    /// The CONNECT packet was sent.
    Joining,
    /// In the namespace: what comes is counted.
    Ready,
    /// The server ended it, and why.
    Over(ClientError),
}

/// What is left after a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The kernel has no more: the next readiness event will tell.
    Drained,
    /// The buffer was filled, so there may be more, and no event will tell.
    More,
}

/// A connection to the server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    stage: Stage,
    scanner: FrameScanner,
    outbox: Outbox,
}

impl Client {
    /// Begins to connect. `deflate`: whether it will offer compression.
    pub fn connect(address: SocketAddr, deflate: bool) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let scanner = FrameScanner::new(deflate);
        Ok(Self { stream, stage: Stage::Connecting, scanner, outbox: Outbox::default() })
    }

    /// Its socket, to be registered.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether it has joined the namespace.
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready)
    }

    /// The socket takes bytes: either the connection was made, or a full send buffer has room again.
    pub fn writable(&mut self, greeting: &Greeting) -> Result<(), ClientError> {
        if matches!(self.stage, Stage::Connecting) {
            if let Some(error) = self.stream.take_error()? {
                return Err(error.into());
            }
            match self.stream.peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            self.stream.set_nodelay(true)?;
            self.outbox.raw(greeting.upgrade.as_bytes());
            self.stage = Stage::Upgrading(Response::default());
        }
        if !self.outbox.is_empty() {
            self.outbox.flush(&self.stream)?;
        }
        Ok(())
    }

    /// The socket has bytes: reads once. `buffer` is scratch space.
    pub fn readable(
        &mut self,
        buffer: &mut [u8],
        greeting: &Greeting,
        tally: &mut Tally,
    ) -> Result<Progress, ClientError> {
        let size = match self.stream.read(buffer) {
            Ok(0) => return Err(ClientError::Closed),
            Ok(size) => size,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Drained),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Progress::More),
            Err(error) => return Err(error.into()),
        };
        tally.read(size);
        let bytes = buffer.get(..size).unwrap_or_default();
        if let Stage::Upgrading(response) = &mut self.stage {
            if let Some(rest) = response.feed(bytes, greeting.deflate).map_err(ClientError::Refused)? {
                self.stage = Stage::Opening;
                self.frames(&rest, greeting, tally)?;
            }
        } else {
            self.frames(bytes, greeting, tally)?;
        }
        // With edge-triggered readiness a short read means drained: what arrives later is a new edge (epoll(7)).
        Ok(if size < buffer.len() { Progress::Drained } else { Progress::More })
    }

    fn frames(&mut self, bytes: &[u8], greeting: &Greeting, tally: &mut Tally) -> Result<(), ClientError> {
        let now = clock::monotonic_ns();
        let (stage, outbox) = (&mut self.stage, &mut self.outbox);
        self.scanner.scan(bytes, |frame| on_frame(frame, stage, outbox, greeting, tally, now))?;
        if let Stage::Over(error) = &mut self.stage {
            return Err(std::mem::replace(error, ClientError::Closed));
        }
        if !self.outbox.is_empty() {
            self.outbox.flush(&self.stream)?;
        }
        Ok(())
    }
}

fn on_frame(
    frame: Frame<'_>,
    stage: &mut Stage,
    outbox: &mut Outbox,
    greeting: &Greeting,
    tally: &mut Tally,
    now: u64,
) {
    match frame.opcode {
        // Only events are long enough to be compressed.
        OpCode::Text if frame.compressed => {
            if let Err(error) = tally.compressed(frame, now) {
                *stage = Stage::Over(error.into());
            }
        }
        OpCode::Text => match (EnginePacket::of(frame.head), &*stage) {
            (Some(EnginePacket::Message), _) => on_packet(frame.head, stage, tally, now),
            (Some(EnginePacket::Ping), _) => outbox.frame(OpCode::Text, b"3"),
            (Some(EnginePacket::Open), Stage::Opening) => {
                outbox.frame(OpCode::Text, greeting.connect.as_bytes());
                *stage = Stage::Joining;
            }
            (Some(EnginePacket::Close), _) => *stage = Stage::Over(ClientError::Closed),
            _ => {}
        },
        OpCode::Ping => outbox.frame(OpCode::Pong, frame.head),
        OpCode::Close => *stage = Stage::Over(ClientError::Closed),
        // Attachments belong to the event before them; nothing else is sent in fragments.
        OpCode::Binary | OpCode::Continuation | OpCode::Pong => {}
    }
}

/// A Socket.IO packet, by its type digit after the Engine.IO one.
fn on_packet(payload: &[u8], stage: &mut Stage, tally: &mut Tally, now: u64) {
    match (payload.get(1), &*stage) {
        (Some(b'2' | b'5'), Stage::Ready) => tally.event(payload, now),
        (Some(b'0'), Stage::Joining) => *stage = Stage::Ready,
        (Some(b'1'), _) => *stage = Stage::Over(ClientError::Closed),
        (Some(b'4'), _) => {
            let text: String = String::from_utf8_lossy(payload).chars().take(200).collect();
            *stage = Stage::Over(ClientError::Refused(format!("the namespace refused the client: {text}")));
        }
        _ => {}
    }
}
