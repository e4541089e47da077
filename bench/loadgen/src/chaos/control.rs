//! The conversation with the parent: line commands in, JSON lines out.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use mio::Waker;
use serde::Serialize;

/// What the parent asks for. Each is answered by the event of the same name when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Connect all clients, and begin the mischief.
    Chaos,
    /// No more mischief: wait until all clients are connected, and read, and stay.
    Calm,
    /// Wait until each client has the last statement.
    Settle,
    /// Close all clients.
    Leave,
    /// The server is gone: wait until all clients have seen the end.
    Over,
    /// End; also the end of the input.
    Quit,
}

/// How connections ended, by their ids, since the mischief began.
#[derive(Debug, Default, Serialize)]
pub struct Fates {
    /// They got the last statement.
    pub settled: Vec<String>,
    /// They were ended by themselves, before that.
    pub own: Vec<String>,
    /// The server ended them, and how.
    pub server: Vec<(String, String)>,
    /// They ended with grace, but what was sent to them was cut, and how.
    pub cut: Vec<(String, String)>,
}

/// What is told to the parent.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event<'a> {
    /// A command is done.
    Done {
        command: Command,
        #[serde(flatten)]
        fates: &'a Fates,
        /// Connections made so far.
        connects: u64,
        /// Acts of mischief so far.
        acts: u64,
    },
    /// The server did something wrong.
    Failure { message: String },
}

/// Prints a line. It fails when the parent is gone.
pub fn print(event: &Event<'_>) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// The commands that came, in order.
#[derive(Debug)]
pub struct Commands {
    receiver: Receiver<Command>,
    /// A waker that is dropped takes its wake-ups with it, so it must outlive the thread that wakes.
    _waker: Arc<Waker>,
}

impl Commands {
    /// Begins to listen; `waker` is woken for each command.
    pub fn listen(waker: Waker) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let waker = Arc::new(waker);
        let shared = Arc::clone(&waker);
        thread::Builder::new().name("commands".to_owned()).spawn(move || read(&sender, &shared))?;
        Ok(Self { receiver, _waker: waker })
    }

    /// The next command, or `None` when there is none yet.
    pub fn next(&self) -> Option<Command> {
        match self.receiver.try_recv() {
            Ok(command) => Some(command),
            Err(TryRecvError::Disconnected) => Some(Command::Quit),
            Err(TryRecvError::Empty) => None,
        }
    }
}

fn read(sender: &Sender<Command>, waker: &Waker) {
    for line in io::stdin().lock().lines() {
        let command = match line.as_deref().map(str::trim) {
            Ok("chaos") => Command::Chaos,
            Ok("calm") => Command::Calm,
            Ok("settle") => Command::Settle,
            Ok("leave") => Command::Leave,
            Ok("over") => Command::Over,
            _ => break,
        };
        if sender.send(command).is_err() || waker.wake().is_err() {
            return;
        }
    }
    // If the loop is gone already, so is what should end.
    let _ = sender.send(Command::Quit);
    let _ = waker.wake();
}
