//! All the clients, and the loop that polls them.
//!
//! Invariant: `clients[i]` is registered with token `i` while it is `Some`; a client that ends is dropped at once, which
//! closes its socket. `attempted = connecting + ready + errors` while connecting.

use crate::args::Args;
use crate::client::{Client, ClientError, Progress};
use crate::control::{Command, Commands, Event, print_event};
use crate::handshake::Greeting;
use crate::tally::Tally;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// The token of the command thread.
const COMMANDS: Token = Token(usize::MAX);
/// Fits the second-level cache of what this runs on, and holds hundreds of small frames: one system call for all of them.
const READ_BUFFER: usize = 64 * 1024;
/// Readiness events taken per poll.
const EVENTS: usize = 1024;

/// Why the program fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwarmError {
    /// Polling or printing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Not all clients could connect.
    #[error("connected {ready} of {clients} clients in {ms} ms; {errors} failed, the last with: {last}")]
    Connect {
        /// How many did.
        ready: usize,
        /// How many should.
        clients: usize,
        /// How long it was tried.
        ms: u128,
        /// How many failed; the others were not done in time.
        errors: usize,
        /// The last failure.
        last: String,
    },
}

struct Swarm<'a> {
    args: &'a Args,
    greeting: Greeting,
    poll: Poll,
    clients: Vec<Option<Client>>,
    /// Clients whose last read filled the buffer.
    again: Vec<usize>,
    tally: Tally,
    buffer: Box<[u8]>,
    /// Handshakes under way.
    connecting: usize,
    ready: usize,
    errors: usize,
    last_error: String,
    begun: Instant,
    /// Whether the parent was told that all are connected.
    complete: bool,
}

/// Connects the clients, counts and obeys until told to quit.
pub fn run(args: &Args) -> Result<(), SwarmError> {
    let poll = Poll::new()?;
    let commands = Commands::listen(Waker::new(poll.registry(), COMMANDS)?)?;
    let mut swarm = Swarm {
        args,
        greeting: Greeting::new(&args.host, &args.path, &args.namespace, args.deflate),
        poll,
        clients: Vec::with_capacity(args.clients),
        again: Vec::new(),
        tally: Tally::new(),
        buffer: vec![0; READ_BUFFER].into_boxed_slice(),
        connecting: 0,
        ready: 0,
        errors: 0,
        last_error: "none".to_owned(),
        begun: Instant::now(),
        complete: false,
    };
    let mut events = Events::with_capacity(EVENTS);
    loop {
        if !swarm.complete {
            swarm.keep_connecting()?;
        }
        swarm.wait(&mut events)?;
        let mut commanded = false;
        for event in &events {
            match event.token() {
                COMMANDS => commanded = true,
                Token(index) => swarm.serve(index, event.is_readable(), event.is_writable(), event.is_read_closed()),
            }
        }
        for index in std::mem::take(&mut swarm.again) {
            swarm.serve(index, true, false, false);
        }
        if commanded && !swarm.obey(&commands)? {
            return Ok(());
        }
    }
}

impl Swarm<'_> {
    /// Starts handshakes up to the limit, and tells the parent when the last has ended.
    fn keep_connecting(&mut self) -> Result<(), SwarmError> {
        while self.connecting < self.args.in_flight && self.clients.len() < self.args.clients {
            let client = self.connect(self.clients.len()).map_err(|error| self.failed(&error.into())).ok();
            self.connecting += usize::from(client.is_some());
            self.clients.push(client);
        }
        let elapsed = self.begun.elapsed();
        let settled = self.connecting == 0 && self.clients.len() == self.args.clients;
        if (settled && self.errors > 0) || (!settled && elapsed >= self.args.connect_timeout) {
            return Err(SwarmError::Connect {
                ready: self.ready,
                clients: self.args.clients,
                ms: elapsed.as_millis(),
                errors: self.errors,
                last: std::mem::take(&mut self.last_error),
            });
        }
        if settled {
            self.complete = true;
            let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            print_event(&Event::Connected { clients: self.ready, ms })?;
        }
        Ok(())
    }

    fn connect(&self, index: usize) -> io::Result<Client> {
        let mut client = Client::connect(self.args.address, self.args.deflate)?;
        self.poll.registry().register(client.stream(), Token(index), Interest::READABLE | Interest::WRITABLE)?;
        Ok(client)
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = if self.again.is_empty() {
            (!self.complete).then(|| self.args.connect_timeout.saturating_sub(self.begun.elapsed()))
        } else {
            Some(Duration::ZERO)
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            result => result,
        }
    }

    /// Lets a client write and read what it can.
    fn serve(&mut self, index: usize, readable: bool, writable: bool, closed: bool) {
        let Some(Some(client)) = self.clients.get_mut(index) else { return };
        let was_ready = client.is_ready();
        let slow = was_ready && index >= self.args.clients.saturating_sub(self.args.slow);
        let mut result = Ok(Progress::Drained);
        if writable {
            result = client.writable(&self.greeting).map(|()| Progress::Drained);
        }
        if slow {
            // It reads nothing, but it does learn that the server gave up on it.
            if closed {
                result = Err(ClientError::Closed);
            }
        } else if result.is_ok() && (readable || closed) {
            result = client.readable(&mut self.buffer, &self.greeting, &mut self.tally);
        }
        let is_ready = client.is_ready();
        if is_ready && !was_ready {
            self.connecting -= 1;
            self.ready += 1;
        }
        match result {
            // After a close the rest is read to its end, which no further event announces.
            Ok(progress) if progress == Progress::More || (closed && !slow) => self.again.push(index),
            Ok(_) => {}
            Err(error) => self.end(index, is_ready || was_ready, &error),
        }
    }

    fn end(&mut self, index: usize, was_ready: bool, error: &ClientError) {
        if was_ready {
            self.ready -= 1;
        } else {
            self.connecting -= 1;
        }
        self.failed(error);
        if let Some(client) = self.clients.get_mut(index) {
            *client = None;
        }
    }

    fn failed(&mut self, error: &ClientError) {
        self.errors += 1;
        self.last_error = error.to_string();
    }

    /// Carries out what the parent asked for. `false` to quit.
    fn obey(&mut self, commands: &Commands) -> io::Result<bool> {
        while let Some(command) = commands.next() {
            match command {
                Command::Reset => {
                    self.tally.reset();
                    print_event(&Event::Reset)?;
                }
                Command::Report => {
                    let (open, errors) = (self.ready, self.errors);
                    print_event(&Event::Report { reading: self.tally.reading(), open, errors })?;
                }
                Command::Quit => return Ok(false),
            }
        }
        Ok(true)
    }
}
