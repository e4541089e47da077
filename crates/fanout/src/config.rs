//! What a user can choose.

/// The settings of a [`crate::Fanout`].
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Number of writer threads, at least 1.
    pub writers: usize,
    /// The most bytes that may wait on one lane. A packet on an empty lane may be larger.
    pub max_buffered_bytes: usize,
    /// What happens to a lane that would pass it.
    pub overflow: Overflow,
    /// Send in batches by `io_uring`, where the kernel offers it.
    pub io_uring: bool,
    /// Up to so many small frames are written by the thread that hands them over, when the writer sleeps and little was handed
    /// over lately: waking a thread takes longer. 0: never.
    pub inline: usize,
}

/// What happens to a lane that would pass [`Config::max_buffered_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It fails with [`crate::Event::Slow`].
    Disconnect,
    /// The packet that does not fit is dropped, whole.
    Drop,
}
