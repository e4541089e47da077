//! What the programs of this crate share: the clock, the way into a namespace, and what a client sends.
#![forbid(unsafe_code)]

pub mod clock;
pub mod handshake;
pub mod outbox;
