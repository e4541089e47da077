//! The conversation with the parent: line commands in, JSON lines out.
//!
//! Standard input is read by a thread of its own that sleeps there: a pipe, a file, a terminal and `/dev/null` all work,
//! and the parent's descriptor is not made non-blocking behind its back. It wakes the poll loop for each command.

use crate::tally::Reading;
use mio::Waker;
use serde::Serialize;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

/// What the parent asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Zero the counters.
    Reset,
    /// Print the counters.
    Report,
    /// End; also the end of the input.
    Quit,
}

/// What is told to the parent.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event<'a> {
    /// All clients are in the namespace.
    Connected {
        /// How many.
        clients: usize,
        /// How long that took, in milliseconds.
        ms: u64,
    },
    /// The counters are zero.
    Reset,
    /// The counters.
    Report {
        /// What was received.
        #[serde(flatten)]
        reading: Reading,
        /// Clients that are connected.
        open: usize,
        /// Clients that could not connect or that were disconnected, since the start.
        errors: usize,
    },
    /// Why the program ends with a failure.
    Error {
        /// For a person.
        message: &'a str,
    },
}

/// Prints a line. It fails when the parent is gone.
pub fn print_event(event: &Event<'_>) -> io::Result<()> {
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
        thread::Builder::new().name("commands".to_owned()).spawn(move || read_commands(&sender, &shared))?;
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

fn read_commands(sender: &Sender<Command>, waker: &Waker) {
    for line in io::stdin().lock().lines() {
        let command = match line.as_deref().map(str::trim) {
            Ok("reset") => Command::Reset,
            Ok("report") => Command::Report,
            Ok("quit") | Err(_) => break,
            Ok(other) => {
                let message = format!("unknown command {other:?}: expected reset, report or quit");
                let _ = print_event(&Event::Error { message: &message });
                continue;
            }
        };
        if sender.send(command).is_err() || waker.wake().is_err() {
            return;
        }
    }
    // If the loop is gone already, so is what should end.
    let _ = sender.send(Command::Quit);
    let _ = waker.wake();
}
