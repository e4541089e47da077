//! What the programs of this crate share: the clock, the way into a namespace, and what a client sends;
//! and what reads a server's bytes, for the fuzz targets.
#![forbid(unsafe_code)]

pub mod clock;
pub mod handshake;
pub mod inflate;
pub mod outbox;
pub mod scan;
