//! The command line.

use std::net::SocketAddr;
use std::str::FromStr;

/// What it says when it cannot be obeyed.
pub const USAGE: &str = "socketio-chaos ADDRESS:PORT CLIENTS SEED ACTS-OF-MISCHIEF-PER-SECOND HANDSHAKES-AT-ONCE";

/// What to do.
#[derive(Debug)]
pub struct Args {
    pub address: SocketAddr,
    pub clients: usize,
    pub seed: u64,
    /// Acts per second, of all clients together.
    pub mischief: u32,
    /// How many handshakes may be under way at once.
    pub in_flight: usize,
}

impl Args {
    /// Reads the arguments after the program's name.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        Some(Self {
            address: next(&mut words)?,
            clients: next(&mut words)?,
            seed: next(&mut words)?,
            mischief: next(&mut words)?,
            in_flight: next(&mut words)?,
        })
    }
}

fn next<T: FromStr>(words: &mut impl Iterator<Item = String>) -> Option<T> {
    words.next()?.parse().ok()
}
