//! Raw Socket.IO clients over WebSocket, in one thread: what the benchmarks and the demo count deliveries with.
//!
//! JavaScript clients would be the bottleneck of a benchmark, and on a machine of two cores their CPU is taken from the
//! server that is measured. So this program does the least a client can do: it reads, walks the frame headers, counts,
//! and answers heartbeats. It never copies a payload, except the one that a read cut in two.
//!
//! It writes JSON lines to its standard output and obeys lines on its standard input (see [`control`]).
#![forbid(unsafe_code)]

mod args;
mod client;
mod control;
mod histogram;
mod swarm;
mod tally;

use args::{Args, USAGE};
use control::{Event, print_event};
use socketio_loadgen::{clock, handshake, inflate, outbox, scan};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            // Nothing is left to do if even the usage cannot be written.
            let _ = write!(std::io::stderr(), "{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(&error.to_string()),
    };
    clock::raise_descriptor_limit();
    match swarm::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Tells the parent why it ends. A parent that no longer listens is told nothing.
fn fail(message: &str) -> ExitCode {
    let _ = print_event(&Event::Error { message });
    ExitCode::FAILURE
}
