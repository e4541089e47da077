//! How a disk store is opened.

use std::path::PathBuf;
use std::time::Duration;

/// When what was appended is made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before a command is answered. A loss of power loses nothing that was answered.
    #[default]
    Commit,
    /// At most this long after it was answered: that is what a loss of power loses. The end of the process loses nothing.
    Interval(Duration),
    /// When the system pleases. The end of the process loses nothing; a loss of power, whatever the system had not written,
    /// and records whose bytes are missing in the middle end the log there.
    None,
}

/// How a disk store is opened.
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// The directory; it is made if it is missing.
    pub path: PathBuf,
    /// When what was appended is made durable.
    pub durability: Durability,
    /// Bytes of a segment of the log, at least 4 KiB; a larger record gets a larger segment.
    pub segment_bytes: u32,
    /// A checkpoint follows after so many bytes of log (or as many as it is long itself, whichever is more).
    pub checkpoint_bytes: u64,
    /// Bytes kept for state records when the disk is full.
    pub reserve_bytes: u32,
    /// Bytes of fresh records kept in memory, so that a message that is delivered at once is not read from the disk.
    pub cache_bytes: usize,
    /// How long after the disk was found full it is tried again.
    pub full_retry: Duration,
}

impl DiskOptions {
    /// The defaults, in this directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            durability: Durability::Commit,
            segment_bytes: 64 << 20,
            checkpoint_bytes: 48 << 20,
            reserve_bytes: 4 << 20,
            cache_bytes: 8 << 20,
            full_retry: Duration::from_millis(100),
        }
    }
}
