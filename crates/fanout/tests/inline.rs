//! The tests of `behaviour`, with little work done by the thread that hands it over.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![cfg(unix)]

const INLINE: usize = 16;

mod support;

#[path = "behaviour/batch.rs"]
mod batch;
#[path = "behaviour/churn.rs"]
mod churn;
#[path = "behaviour/close.rs"]
mod close;
#[path = "behaviour/deflate.rs"]
mod deflate;
#[path = "behaviour/flush.rs"]
mod flush;
#[path = "behaviour/lost.rs"]
mod lost;
#[path = "behaviour/order.rs"]
mod order;
#[path = "behaviour/overflow.rs"]
mod overflow;
#[path = "behaviour/reuse.rs"]
mod reuse;
#[path = "behaviour/slow.rs"]
mod slow;
#[path = "behaviour/snapshot.rs"]
mod snapshot;
#[path = "behaviour/tickets.rs"]
mod tickets;
#[path = "behaviour/volatile.rs"]
mod volatile;
