//! One client: its socket, and how far its connection has come.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, Type};
use socketio_loadgen::handshake::{Greeting, Response};
use socketio_loadgen::outbox::Outbox;

use crate::inbound::Inbound;

/// How many bytes one client reads before the others get their turn.
const TURN: usize = 256 * 1024;

/// Of a narrow connection: its receive buffer, which the kernel doubles, and its longest segment, from which the server's kernel
/// derives the size of the send buffer. In bytes.
const NARROW_WINDOW: usize = 4096;
const NARROW_SEGMENT: u32 = 536;

/// Why a client is no more.
#[derive(Debug)]
pub enum End {
    /// The stream ended, or broke.
    Stream(io::Result<()>),
    /// The server said something that it may not say.
    Wrong(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Stream(Err(error))
    }
}

#[derive(Debug)]
enum Stage {
    Connecting,
    Upgrading(Response),
    Talking,
}

/// What the client itself has done to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It stays.
    Stay,
    /// It ended its half, or said goodbye: what was sent before comes, whole.
    Leave,
    /// It broke the protocol: the server may end it as it likes.
    Break,
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    stage: Stage,
    pub inbound: Inbound,
    pub outbox: Outbox,
    pub wish: Wish,
    /// It reads nothing before that.
    pub paused: Option<Instant>,
    /// It has asked to be in the other namespace.
    pub wants_side: bool,
}

impl Client {
    /// Begins to connect. For a `narrow` connection the kernels keep little: it is soon behind when it does not read.
    pub fn connect(address: SocketAddr, narrow: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if narrow {
            socket.set_recv_buffer_size(NARROW_WINDOW)?;
            socket.set_tcp_mss(NARROW_SEGMENT)?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(Self {
            stream: TcpStream::from_std(socket.into()),
            stage: Stage::Connecting,
            inbound: Inbound::new(),
            outbox: Outbox::default(),
            wish: Wish::Stay,
            paused: None,
            wants_side: false,
        })
    }

    /// Its socket, to be registered.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// It is in the namespace `/`, and the server has not ended it.
    pub fn is_ready(&self) -> bool {
        self.inbound.joined.first() == Some(&true) && !self.inbound.closed
    }

    /// The socket takes bytes.
    pub fn writable(&mut self, greeting: &Greeting) -> Result<(), End> {
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
        self.flush()
    }

    /// Sends what waits.
    pub fn flush(&mut self) -> Result<(), End> {
        Ok(self.outbox.flush(&self.stream)?)
    }

    /// Reads; `false` when there may be more, of which no event will tell. `buffer` is scratch space.
    pub fn readable(&mut self, buffer: &mut [u8]) -> Result<bool, End> {
        let mut taken = 0;
        while taken < TURN {
            let size = match self.stream.read(buffer) {
                Ok(0) => return Err(End::Stream(Ok(()))),
                Ok(size) => size,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            taken += size;
            self.take(buffer.get(..size).unwrap_or_default())?;
        }
        Ok(false)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), End> {
        let rest;
        let mut bytes = bytes;
        if let Stage::Upgrading(response) = &mut self.stage {
            let Some(after) = response.feed(bytes, false).map_err(io::Error::other)? else { return Ok(()) };
            self.stage = Stage::Talking;
            rest = after;
            bytes = &rest;
        }
        // Who has said goodbye answers nothing: what a server does not read any more would reset the connection.
        let mut unsaid = Outbox::default();
        let out = if self.wish == Wish::Stay { &mut self.outbox } else { &mut unsaid };
        self.inbound.feed(bytes, out).map_err(End::Wrong)?;
        self.flush()
    }

    /// Ends our half, when everything before it has left.
    pub fn end_half(&mut self) -> Result<(), End> {
        self.flush()?;
        if self.outbox.is_empty() {
            self.wish = Wish::Leave;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Gone, without a word: the peer gets a reset.
    pub fn reset(self) {
        // When that is refused, it is an ordinary close.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
