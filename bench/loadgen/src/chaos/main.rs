//! Thousands of Socket.IO clients that behave badly at random, and check every byte that they get.
//!
//! They stop reading, resume, reset their connection in the middle of a frame, end their half of it, say goodbye, talk
//! nonsense, and are replaced at once. The server of the test (`__test__/chaos`) says in each packet enough to check it.
#![forbid(unsafe_code)]

mod args;
mod client;
mod control;
mod dice;
mod inbound;
mod ledger;
mod mischief;
mod packet;
mod swarm;

use std::io::Write;
use std::process::ExitCode;

use args::{Args, USAGE};
use socketio_loadgen::clock;

fn main() -> ExitCode {
    let Some(args) = Args::parse(std::env::args().skip(1)) else {
        let _ = writeln!(std::io::stderr(), "{USAGE}");
        return ExitCode::from(2);
    };
    clock::raise_descriptor_limit();
    match swarm::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!("the clients cannot go on: {error}");
            let _ = control::print(&control::Event::Failure { message });
            ExitCode::FAILURE
        }
    }
}
