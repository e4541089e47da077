//! What each fuzz target does with its input: decode it, or take it for steps of a state machine, and compare with a model that is
//! too simple to be wrong. A difference panics.
//!
//! libFuzzer calls these functions with inputs that it makes up (`fuzz/targets`), the tests with those that were kept
//! (`fuzz/corpus`). No input may reach the network, the disk or the clock.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a finding is a panic"
)]

mod changes;
mod deflate;
mod frames;
mod handshake;
mod pieces;
mod scan;

pub use changes::changes;
pub use deflate::deflate;
pub use frames::frames;
pub use handshake::handshake;
pub use scan::scan;
pub use socketio_cluster::fuzzing::{entries, messages};
pub use socketio_fanout::fuzzing::lane;
#[cfg(unix)]
pub use socketio_fanout::fuzzing::writer;
pub use socketio_queue::fuzzing::record;
