//! Fuzz targets of what comes from Redis (`fuzz/bodies` has the others).
#![expect(clippy::indexing_slicing, clippy::expect_used, reason = "a finding is a panic")]

mod codecs;
mod messages;
mod model;
mod server;

pub use self::messages::messages;
pub(crate) use self::server::Server;
pub use crate::streams::fuzzing::entries;
