//! Real sockets and an engine around them. Whatever a test waits for ends it with a panic after [`PATIENCE`].

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, sockopt};
use socketio_fanout::{Config, Event, Fanout, Form, Overflow, Packet, SendOptions};
use socketio_rooms::{ConnectionId, Namespace, RoomId, RoomKey};
use socketio_wire::{Frame, FrameDecoder, MAX_HEADER, Message, OpCode, header};

/// Far more than anything here takes, also on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A new TCP connection on the loopback interface takes so many bytes, at least, before its client reads any.
pub const TCP_TAKES: usize = if cfg!(target_os = "linux") { 1_700_000 } else { 50_000 };

pub const CONFIG: Config = Config {
    writers: 2,
    max_buffered_bytes: 64 << 20,
    overflow: Overflow::Disconnect,
    io_uring: true,
    inline: crate::INLINE,
};

/// The engine, a namespace, and all events so far.
pub struct Engine {
    pub fanout: Arc<Fanout>,
    pub namespace: Namespace,
    signals: Mutex<Receiver<()>>,
    log: Mutex<Vec<Event>>,
}

impl Engine {
    pub fn start(config: Config) -> Self {
        let (signal, signals) = mpsc::channel();
        let fanout = Fanout::start(
            config,
            Box::new(move || {
                // The test may be over.
                let _ = signal.send(());
            }),
        );
        let fanout = Arc::new(fanout.unwrap());
        // The writers have begun, and sleep: a test decides when they wake.
        assert!(fanout.flush(PATIENCE));
        Self { fanout, namespace: Namespace::new(), signals: Mutex::new(signals), log: Mutex::default() }
    }

    /// Opens a lane on a new connection, whose socket enters the namespace and joins `rooms`.
    pub fn connect(&self, connection: ConnectionId, rooms: &[&str]) -> Client {
        self.adopt(connection, Client::unix(), rooms)
    }

    pub fn adopt(&self, connection: ConnectionId, client: Client, rooms: &[&str]) -> Client {
        self.fanout.open(connection, client.server.as_ref().unwrap().as_fd(), Form::default()).unwrap();
        self.namespace.enter(connection, false);
        for room in rooms {
            self.namespace.join(connection, self.room(room));
        }
        client
    }

    pub fn room(&self, name: &str) -> RoomId {
        self.namespace.create_room(RoomKey::text(name))
    }

    pub fn send(&self, connection: ConnectionId, text: &str) {
        self.fanout.send(connection, packet(text), SendOptions::default());
    }

    /// Sends with a ticket.
    pub fn send_ticket(&self, connection: ConnectionId, packet: Packet) {
        self.fanout.send(connection, packet, SendOptions { ticket: true, ..SendOptions::default() });
    }

    pub fn broadcast(&self, rooms: &[&str], except: &[&str], text: &str) {
        self.broadcast_packet(rooms, except, packet(text));
    }

    pub fn broadcast_packet(&self, rooms: &[&str], except: &[&str], packet: Packet) {
        let epoch = self.fanout.epoch();
        let ids = |names: &[&str]| names.iter().map(|name| self.room(name)).collect::<Vec<_>>();
        let target = match rooms {
            [] => self.namespace.target_all(&ids(except)),
            rooms => self.namespace.target(&ids(rooms), &ids(except)),
        };
        self.fanout.broadcast(target, packet, false, 0, epoch);
    }

    /// Wakes the writers, and waits until the events so far fulfil a condition.
    pub fn wait_until(&self, what: &str, condition: impl Fn(&[Event]) -> bool) {
        self.fanout.wake();
        let deadline = Instant::now() + PATIENCE;
        let signals = self.signals.lock().unwrap();
        loop {
            let mut log = self.log.lock().unwrap();
            log.extend(self.fanout.events());
            if condition(&log) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(signals.recv_timeout(left).is_ok(), "waited for {what}, got {log:?}");
        }
    }

    pub fn wait_for(&self, event: Event) {
        self.wait_until(&format!("{event:?}"), |log| log.contains(&event));
    }

    /// Returns when the writer of `healthy`, whose client reads, has done all that it was given so far.
    pub fn settle(&self, healthy: ConnectionId) {
        let before = self.tickets_of(healthy);
        self.fanout.fence(healthy);
        self.wait_until("a fence", |log| tickets(log, healthy) > before);
    }

    /// The events so far.
    pub fn log(&self) -> Vec<Event> {
        let mut log = self.log.lock().unwrap();
        log.extend(self.fanout.events());
        log.clone()
    }

    pub fn tickets_of(&self, connection: ConnectionId) -> u32 {
        tickets(&self.log(), connection)
    }

    /// Lets clients read until everything is written.
    pub fn drain<'a>(&self, clients: impl IntoIterator<Item = &'a mut Client>) {
        let mut clients: Vec<_> = clients.into_iter().collect();
        let deadline = Instant::now() + PATIENCE;
        while !self.fanout.flush(Duration::from_millis(1)) {
            assert!(Instant::now() < deadline, "waited for clients that read, got {:?}", self.fanout.stats());
            for client in &mut clients {
                client.read_now();
            }
        }
    }

    /// Stops the writers, and waits for their end.
    pub fn stop(&self) {
        self.fanout.stop();
        let (fanout, (ended, end)) = (Arc::clone(&self.fanout), mpsc::channel());
        thread::spawn(move || {
            fanout.join();
            drop(fanout);
            ended.send(())
        });
        end.recv_timeout(PATIENCE).unwrap();
    }

    /// Closes a lane and waits until it is.
    pub fn close(&self, connection: ConnectionId) {
        let closed = |log: &[Event]| log.iter().filter(|event| **event == Event::Closed(connection)).count();
        let before = closed(&self.log());
        self.fanout.close(connection);
        self.wait_until("the end of a lane", |log| closed(log) > before);
    }
}

/// How many tickets of a connection were told.
pub fn tickets(log: &[Event], connection: ConnectionId) -> u32 {
    let told = |event: &Event| match event {
        Event::Written(of, count) if *of == connection => *count,
        _ => 0,
    };
    log.iter().map(told).sum()
}

pub fn frame(text: &str) -> Frame {
    Frame::new(OpCode::Text, Some(b'4'), text.as_bytes())
}

pub fn packet(text: &str) -> Packet {
    frame(text).into()
}

/// A text of `size` bytes that begins with `name`.
pub fn long(name: &str, size: usize) -> String {
    let dots = ".".repeat(size.saturating_sub(name.len()));
    format!("{name}{dots}")
}

/// The client's end of a connection, and the server's, as Node.js would hold it.
pub struct Client {
    pub server: Option<OwnedFd>,
    fd: OwnedFd,
    decoder: FrameDecoder,
    /// How many bytes the frames so far had.
    decoded: usize,
    /// How many bytes arrived.
    pub received: usize,
}

impl Client {
    pub fn unix() -> Self {
        let (server, client) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        Self::new(server.into(), client.into())
    }

    /// With the system's buffers.
    pub fn tcp() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        server.set_nodelay(true).unwrap();
        Self::new(server.into(), client.into())
    }

    fn new(server: OwnedFd, fd: OwnedFd) -> Self {
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(PATIENCE)).unwrap();
        Self { server: Some(server), fd, decoder: FrameDecoder::new(16 << 20), decoded: 0, received: 0 }
    }

    /// Makes the buffers between both ends small. Not as small as the system allows: TCP would wait for its timers.
    pub fn narrow(self) -> Self {
        sockopt::set_socket_send_buffer_size(self.server.as_ref().unwrap(), 30_000).unwrap();
        sockopt::set_socket_recv_buffer_size(&self.fd, 100_000).unwrap();
        self
    }

    /// The next frame, or `None` at the end of the stream.
    pub fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                self.decoded += header(message.opcode, message.payload.len(), &mut [0; MAX_HEADER]);
                self.decoded += message.payload.len();
                return Some(message);
            }
            if self.read(RecvFlags::empty()).unwrap() == 0 {
                return None;
            }
        }
    }

    /// The next frame, which must be a text.
    pub fn text(&mut self) -> String {
        text_of(&self.next().unwrap())
    }

    pub fn texts(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.text()).collect()
    }

    /// Lets go of the server's own descriptor, and reads the texts up to the end of the stream.
    pub fn rest(&mut self) -> Vec<String> {
        self.server = None;
        let rest = std::iter::from_fn(|| self.next()).map(|message| text_of(&message)).collect();
        assert_eq!(self.decoded, self.received, "the stream ends with a whole frame");
        rest
    }

    /// The bytes of one read.
    pub fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 16];
        let read = rustix::net::recv(&self.fd, &mut bytes[..], RecvFlags::empty()).unwrap().0;
        bytes.truncate(read);
        bytes
    }

    /// Reads what the kernel has, without waiting.
    pub fn read_now(&mut self) {
        while self.read(RecvFlags::DONTWAIT).is_ok_and(|size| size > 0) {}
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        sockopt::set_socket_linger(&self.fd, Some(Duration::ZERO)).unwrap();
    }

    fn read(&mut self, flags: RecvFlags) -> io::Result<usize> {
        let mut buffer = [0; 16 << 10];
        let (size, _) = rustix::net::recv(&self.fd, &mut buffer, flags)?;
        self.decoder.feed(&buffer[..size]);
        self.received += size;
        Ok(size)
    }
}

pub fn text_of(message: &Message) -> String {
    assert_eq!((message.opcode, message.fin, message.payload.first()), (OpCode::Text, true, Some(&b'4')));
    String::from_utf8(message.payload[1..].to_vec()).unwrap()
}

/// Numbers that look random. The seed is printed, which is seen when the test fails; `SEED=n` repeats it.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0) | 1);
        eprintln!("SEED={seed}");
        Self(seed)
    }

    /// A number below `end`: xorshift64*.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }
}
