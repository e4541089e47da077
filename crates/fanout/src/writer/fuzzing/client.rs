//! Both ends of a connection, and what its client was issued.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::net::sockopt;
use socketio_wire::{Frame, FrameDecoder, OpCode};

use crate::socket::Socket;

/// A frame for a client.
pub(super) struct Issued {
    bytes: Vec<u8>,
    /// It must arrive, unless the connection ends, or a newer one with its key does.
    sure: bool,
    /// With the number of times that keys were forgotten before.
    key: Option<(u8, u32)>,
    close: bool,
}

impl Issued {
    pub(super) fn new(frame: &Frame, sure: bool, key: Option<u8>) -> Self {
        let close = frame.opcode() == OpCode::Close;
        // A close frame always fits.
        Self { bytes: frame.bytes().to_vec(), sure: sure || close, key: key.map(|key| (key, 0)), close }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is something that happened")]
pub(super) struct Client {
    /// Node's own end; the lane has a duplicate of it.
    _server: UnixStream,
    peer: Option<UnixStream>,
    decoder: FrameDecoder,
    received: usize,
    /// What may still arrive, and before `passed` what cannot any more.
    issued: Vec<Issued>,
    passed: usize,
    /// How many bytes were issued.
    bytes: usize,
    /// No frame was issued that may be dropped or replaced.
    exact: bool,
    generation: u32,
    /// For each ticket, how many bytes were issued before; `None` where that is not known to be exact.
    tickets: Vec<Option<usize>>,
    told: usize,
    parked: bool,
    lost: bool,
    /// A close frame was issued: what comes later is not.
    ending: bool,
    closing: bool,
}

impl Client {
    pub(super) fn connect() -> (Self, Socket) {
        let (server, peer) = UnixStream::pair().expect("two descriptors");
        server.set_nonblocking(true).expect("a socket");
        peer.set_nonblocking(true).expect("a socket");
        sockopt::set_socket_send_buffer_size(&server, 4096).expect("a socket");
        let socket = Socket::duplicate(server.as_fd()).expect("a descriptor");
        let client = Self {
            _server: server,
            peer: Some(peer),
            decoder: FrameDecoder::new(usize::MAX),
            received: 0,
            issued: Vec::new(),
            passed: 0,
            bytes: 0,
            exact: true,
            generation: 0,
            tickets: Vec::new(),
            told: 0,
            parked: false,
            lost: false,
            ending: false,
            closing: false,
        };
        (client, socket)
    }

    pub(super) fn issue(&mut self, mut issued: Issued, ticket: bool) {
        if self.closing {
            return;
        }
        if !self.ending {
            self.ending = issued.close;
            issued.key = issued.key.map(|(key, _)| (key, self.generation));
            self.exact &= issued.sure && issued.key.is_none();
            self.bytes += issued.bytes.len();
            self.issued.push(issued);
        }
        if ticket {
            self.fence();
        }
    }

    pub(super) fn fence(&mut self) {
        if self.closing {
            return;
        }
        self.tickets.push(self.exact.then_some(self.bytes));
    }

    /// The stream ends: a fence, and nothing more.
    pub(super) fn end(&mut self) {
        self.fence();
        self.ending = true;
    }

    /// What was issued is not replaced by what comes.
    pub(super) fn forget_keys(&mut self) {
        self.generation += 1;
    }

    /// False when that was asked before.
    pub(super) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closing, true)
    }

    pub(super) fn reset(&mut self) {
        self.peer = None;
    }

    pub(super) fn read(&mut self, mut most: usize) {
        let mut buffer = [0; 4096];
        while most > 0
            && let Some(peer) = &mut self.peer
            && let Ok(read @ 1..) = peer.read(&mut buffer[..most.min(4096)])
        {
            most -= read;
            self.received += read;
            self.decoder.feed(&buffer[..read]);
            while let Some(message) = self.decoder.next().expect("frames") {
                let frame = Frame::new(message.opcode, None, &message.payload);
                self.take(&frame);
            }
        }
    }

    /// The next frame on the wire. One with a key may be in the place of the oldest with that key.
    fn take(&mut self, frame: &Frame) {
        let waits = self.issued.iter().skip(self.passed);
        let place = waits.clone().position(|issued| issued.bytes == frame.bytes());
        let place = place.expect("a frame that was issued to this client, after those before it") + self.passed;
        let key = self.issued[place].key;
        let oldest = waits.clone().position(|issued| key.is_some() && issued.key == key);
        let oldest = oldest.map_or(place, |oldest| oldest + self.passed);
        self.all_outdated(oldest);
        let mut at = 0;
        self.issued.retain(|issued| {
            at += 1;
            !(oldest..=place).contains(&(at - 1)) || (issued.key != key && at - 1 < place)
        });
        self.passed = oldest;
    }

    /// Whether a newer frame with its key waits.
    fn is_outdated(&self, place: usize) -> bool {
        let key = self.issued[place].key;
        key.is_some() && self.issued[place + 1..].iter().any(|other| other.key == key)
    }

    /// What waits before this place need not arrive.
    fn all_outdated(&self, end: usize) {
        let missing = (self.passed..end).find(|place| self.issued[*place].sure && !self.is_outdated(*place));
        assert_eq!(missing, None, "a frame is missing");
    }

    /// The kernel has the bytes of so many more tickets.
    pub(super) fn written(&mut self, tickets: u32) {
        assert!(!self.lost, "nothing is written any more");
        self.told += tickets as usize;
        let ticket = *self.tickets.get(self.told - 1).expect("a ticket that was issued");
        if let (Some(position), Some(peer)) = (ticket, &self.peer) {
            let taken = rustix::io::ioctl_fionread(peer).expect("a socket");
            assert!(self.received as u64 + taken >= position as u64, "told before the kernel had the bytes");
        }
    }

    pub(super) fn parked(&mut self, parked: bool) {
        assert!(!self.lost && self.parked != parked, "parked and resumed in turn");
        self.parked = parked;
    }

    pub(super) fn lost(&mut self, failed: bool) {
        assert!(!self.lost, "lost once");
        assert!(!failed || self.peer.is_none(), "the connection is not broken");
        self.lost = true;
    }

    /// Nothing waits: each frame has arrived, and each ticket was told.
    pub(super) fn has_all(&mut self) {
        if self.lost || self.closing || self.peer.is_none() {
            return;
        }
        self.read(usize::MAX);
        self.all_outdated(self.issued.len());
        assert_eq!(self.told, self.tickets.len(), "a ticket is not told");
    }

    /// The lane is closed: the stream ends, when Node's end does.
    pub(super) fn closed(mut self) {
        assert!(self.closing, "closed without being asked");
        self.read(usize::MAX);
        let Self { _server: server, peer, .. } = self;
        drop(server);
        if let Some(mut peer) = peer {
            assert!(matches!(peer.read(&mut [0]), Ok(0)), "the lane holds the descriptor");
        }
    }
}
