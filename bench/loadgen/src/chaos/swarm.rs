//! All the clients, and the loop that polls them.
//!
//! Invariant: `clients[i]` is registered with token `i` while it is `Some`; a client that ends is dropped at once, which closes
//! its socket, and (while there is chaos) its successor connects at once, so that the server uses descriptor numbers again.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use socketio_loadgen::handshake::Greeting;

use crate::args::Args;
use crate::client::{Client, End, Wish};
use crate::control::{Command, Commands, Event, Fates, print};
use crate::dice::Dice;
use crate::mischief::{Outcome, act};

const COMMANDS: Token = Token(usize::MAX);
const READ_BUFFER: usize = 64 * 1024;
/// How long the loop sleeps at most: pauses end, and mischief is due.
const TICK: Duration = Duration::from_millis(5);

/// How long a command may take, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Swarm {
    args: Args,
    greeting: Greeting,
    poll: Poll,
    clients: Vec<Option<Client>>,
    /// Those whose last read may have left something.
    again: Vec<usize>,
    paused: Vec<usize>,
    buffer: Box<[u8]>,
    dice: Dice,
    /// What the parent waits for, and since when.
    command: Option<(Command, Instant)>,
    /// New clients connect in the place of those that ended.
    refills: bool,
    mischief: bool,
    /// When mischief was last done.
    acted: Instant,
    fates: Fates,
    connects: u64,
    acts: u64,
}

/// Obeys until told to quit.
pub fn run(args: Args) -> io::Result<()> {
    let poll = Poll::new()?;
    let commands = Commands::listen(Waker::new(poll.registry(), COMMANDS)?)?;
    let mut swarm = Swarm {
        greeting: Greeting::new(&args.address.to_string(), "/socket.io/", "/", false),
        poll,
        clients: (0..args.clients).map(|_| None).collect(),
        again: Vec::new(),
        paused: Vec::new(),
        buffer: vec![0; READ_BUFFER].into_boxed_slice(),
        dice: Dice::new(args.seed),
        command: None,
        refills: false,
        mischief: false,
        acted: Instant::now(),
        fates: Fates::default(),
        connects: 0,
        acts: 0,
        args,
    };
    let mut events = Events::with_capacity(1024);
    loop {
        swarm.connect_missing()?;
        swarm.wait(&mut events)?;
        for event in &events {
            match event.token() {
                COMMANDS => {}
                Token(index) => {
                    swarm.serve(index, event.is_readable() || event.is_read_closed(), event.is_writable())?;
                }
            }
        }
        for index in std::mem::take(&mut swarm.again) {
            swarm.serve(index, true, false)?;
        }
        swarm.resume()?;
        swarm.make_mischief()?;
        if !swarm.obey(&commands)? {
            return Ok(());
        }
    }
}

impl Swarm {
    fn connect_missing(&mut self) -> io::Result<()> {
        if !self.refills {
            return Ok(());
        }
        let is_new = |client: &&Client| !client.is_ready() && client.wish == Wish::Stay;
        let under_way = self.clients.iter().flatten().filter(is_new).count();
        let free: Vec<usize> =
            (0..self.clients.len()).filter(|index| matches!(self.clients.get(*index), Some(None))).collect();
        for index in free.into_iter().take(self.args.in_flight.saturating_sub(under_way)) {
            let mut client = Client::connect(self.args.address, self.dice.below(3) == 0)?;
            self.connects += 1;
            self.poll.registry().register(client.stream(), Token(index), Interest::READABLE | Interest::WRITABLE)?;
            self.put(index, client);
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = if self.again.is_empty() { TICK } else { Duration::ZERO };
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            result => result,
        }
    }

    /// Lets a client write and read what it can.
    fn serve(&mut self, index: usize, readable: bool, writable: bool) -> io::Result<()> {
        let Some(Some(client)) = self.clients.get_mut(index) else { return Ok(()) };
        let written = if writable { client.writable(&self.greeting) } else { Ok(()) };
        // What a paused client does not read is read when it resumes, whether or not there is another event.
        if readable && client.paused.is_none() && written.is_ok() {
            match client.readable(&mut self.buffer) {
                Ok(true) => {}
                Ok(false) => self.again.push(index),
                Err(end) => return self.end(index, &end),
            }
        }
        written.or_else(|end| self.end(index, &end))
    }

    fn resume(&mut self) -> io::Result<()> {
        let now = Instant::now();
        for index in std::mem::take(&mut self.paused) {
            let Some(Some(client)) = self.clients.get_mut(index) else { continue };
            if client.paused.is_some_and(|until| until > now && self.mischief) {
                self.paused.push(index);
            } else if client.paused.take().is_some() {
                self.serve(index, true, false)?;
            }
        }
        Ok(())
    }

    fn make_mischief(&mut self) -> io::Result<()> {
        let due = self.acted.elapsed().as_micros() * u128::from(self.args.mischief) / 1_000_000;
        if !self.mischief || due == 0 {
            return Ok(());
        }
        self.acted = Instant::now();
        for _ in 0..due {
            let index = self.dice.below(self.clients.len());
            let Some(Some(client)) = self.clients.get_mut(index) else { continue };
            if !client.is_ready() || client.wish != Wish::Stay || client.paused.is_some() {
                continue;
            }
            self.acts += 1;
            match act(client, &mut self.dice) {
                Outcome::Stays if client.paused.is_some() => self.paused.push(index),
                Outcome::Stays => {}
                Outcome::Ended(end) => self.end(index, &end)?,
                Outcome::Closes => self.close(index, false)?,
                Outcome::Resets => self.close(index, true)?,
            }
        }
        Ok(())
    }

    /// A client closes its socket.
    fn close(&mut self, index: usize, reset: bool) -> io::Result<()> {
        let Some(client) = self.clients.get_mut(index).and_then(Option::take) else { return Ok(()) };
        let fate = if client.inbound.settled { &mut self.fates.settled } else { &mut self.fates.own };
        fate.push(client.inbound.id.clone());
        if reset {
            client.reset();
        } else {
            drop(client);
        }
        self.connect_missing()
    }

    /// A client's connection has ended.
    fn end(&mut self, index: usize, end: &End) -> io::Result<()> {
        let Some(client) = self.clients.get_mut(index).and_then(Option::take) else { return Ok(()) };
        let id = client.inbound.id.clone();
        let end = match end {
            End::Wrong(what) => return print(&Event::Failure { message: format!("connection {id}: {what}") }),
            End::Stream(end) => end,
        };
        if client.wish == Wish::Leave && (client.inbound.is_cut() || end.is_err()) {
            self.fates.cut.push((id.clone(), format!("{end:?}")));
        }
        if client.inbound.settled {
            self.fates.settled.push(id);
        } else if client.wish != Wish::Stay {
            self.fates.own.push(id);
        } else {
            let how = end.as_ref().map_or_else(ToString::to_string, |()| "end of stream".to_owned());
            self.fates.server.push((id, how));
        }
        drop(client);
        self.connect_missing()
    }

    fn put(&mut self, index: usize, client: Client) {
        if let Some(place) = self.clients.get_mut(index) {
            *place = Some(client);
        }
    }

    /// Carries out what the parent asked for. `false` to quit.
    fn obey(&mut self, commands: &Commands) -> io::Result<bool> {
        let Some((command, since)) = self.command else {
            let Some(command) = commands.next() else { return Ok(true) };
            self.command = Some((command, Instant::now()));
            self.begin(command)?;
            return Ok(command != Command::Quit);
        };
        if self.is_done(command) {
            self.command = None;
            if command == Command::Chaos {
                self.mischief = true;
                self.acted = Instant::now();
            }
            print(&Event::Done { command, fates: &self.fates, connects: self.connects, acts: self.acts })?;
        } else if since.elapsed() > PATIENCE {
            let waits: Vec<_> =
                self.clients.iter().flatten().filter(|client| !client.inbound.settled).take(3).collect();
            return Err(io::Error::other(format!("{command:?} takes too long: {waits:?}")));
        }
        Ok(true)
    }

    fn begin(&mut self, command: Command) -> io::Result<()> {
        match command {
            Command::Chaos => {
                self.fates = Fates::default();
                self.refills = true;
            }
            Command::Calm => self.mischief = false,
            Command::Over => (self.mischief, self.refills) = (false, false),
            Command::Leave => {
                (self.mischief, self.refills) = (false, false);
                for index in 0..self.clients.len() {
                    let reset = self.dice.below(2) == 0;
                    self.close(index, reset)?;
                }
            }
            Command::Settle | Command::Quit => self.refills = false,
        }
        Ok(())
    }

    fn is_done(&self, command: Command) -> bool {
        let mut open = self.clients.iter().flatten();
        match command {
            Command::Chaos | Command::Calm => {
                let stays = |client: &Client| client.is_ready() && client.wish == Wish::Stay;
                self.clients.iter().all(|client| client.as_ref().is_some_and(stays)) && self.paused.is_empty()
            }
            Command::Settle => open.all(|client| client.inbound.settled),
            Command::Leave | Command::Over | Command::Quit => open.next().is_none(),
        }
    }
}
