//! The settings of mode `streams`.

use std::time::Duration;

use super::name::Streams;

/// As the JavaScript adapter's options.
#[derive(Clone, Debug)]
pub struct StreamsOptions {
    /// `streamName` and `streamCount`.
    pub streams: Streams,
    /// `maxLen`: about so many entries are kept in a stream.
    pub most: u64,
    /// `readCount`: so many are read at once.
    pub read: usize,
    /// `blockTimeInMs`: how long one command waits for entries.
    pub block: Duration,
    /// Of connection state recovery, if the server has it.
    pub recovery: Option<RecoveryOptions>,
}

/// What is kept for clients that come back.
#[derive(Clone, Copy, Debug)]
pub struct RecoveryOptions {
    /// The most packets of a namespace.
    pub most: usize,
    /// The most bytes of these.
    pub most_bytes: usize,
    /// How long: later ones are looked for in the stream.
    pub window: Duration,
}
