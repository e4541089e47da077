//! What the engine promises of connections with real sockets (`DESIGN.md`, section 5.2).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![cfg(unix)]

/// Everything is written by the writers' threads. `inline.rs` has the same tests with work done by the thread that hands it over.
const INLINE: usize = 0;

#[path = "../support/mod.rs"]
mod support;

mod batch;
mod churn;
mod close;
mod deflate;
mod flush;
mod lost;
mod order;
mod overflow;
mod reuse;
mod slow;
mod snapshot;
mod tickets;
mod volatile;
