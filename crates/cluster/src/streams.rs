//! The format of `@socket.io/redis-streams-adapter`: what all servers read is in a Redis stream, and what a client missed is found there.

mod entry;
pub(crate) mod format;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod held;
mod index;
pub(crate) mod log;
mod name;
mod options;
mod peek;
pub(crate) mod reader;
mod recovery;
pub(crate) mod resp;
mod tail;
mod trim;
mod waiting;
mod written;

pub use entry::{Entry, Id, data_bytes, data_text};
pub use held::{Held, Names, append_offset};
pub use index::{Index, Missed};
pub use name::{Streams, hash};
pub use options::{RecoveryOptions, StreamsOptions};
pub use peek::is_elsewhere;
pub use recovery::{CaughtUp, Log, PATIENCE, Recovery};
pub(crate) use tail::Tail;
pub use trim::{Position, Reach};
pub use waiting::{NO_OFFSET, Release, Waiting};
pub use written::Written;
