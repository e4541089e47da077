//! The files of the log: a header, then records. Their numbers grow and are never used again.

use std::sync::Arc;

use super::files::{File, Files};
use crate::Error;

pub(super) const FORMAT: u32 = 1;
/// `magic [8] | version u32 | number u32 | crc u32 of these | zeros`.
pub(super) const HEADER: u32 = 32;
const MAGIC: &[u8; 8] = b"SIOQLOG\n";

/// A file of the log.
pub(super) struct Segment {
    pub file: Arc<dyn File>,
    /// Bytes it occupies.
    pub size: u64,
    /// Bytes of records that the index refers to, their headers included.
    pub live: u64,
    /// A commit with this number (or a later one) must have been made durable before the file may go.
    pub free_after: u64,
    /// Compaction could not empty it.
    pub stuck: bool,
}

impl Segment {
    pub(super) fn new(file: Arc<dyn File>, size: u64) -> Self {
        Self { file, size, live: 0, free_after: 0, stuck: false }
    }
}

pub(super) fn name(number: u32) -> String {
    format!("{number:010}.log")
}

pub(super) fn number(name: &str) -> Option<u32> {
    name.strip_suffix(".log")?.parse().ok()
}

/// The numbers of the segments there are, in order.
pub(super) fn numbers(files: &dyn Files) -> std::io::Result<Vec<u32>> {
    let mut numbers: Vec<u32> = files.list()?.iter().filter_map(|name| number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn header(number: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.resize(HEADER as usize, 0);
    bytes
}

/// Whether these bytes begin a segment; an error if a newer version wrote it.
pub(super) fn check(bytes: &[u8]) -> Result<bool, Error> {
    version(bytes, *MAGIC)
}

/// Whether the bytes begin with `magic | version u32 | … u32 | crc u32`.
pub(super) fn version(bytes: &[u8], magic: [u8; 8]) -> Result<bool, Error> {
    let (Some(said), Some(crc)) = (bytes.get(..16), bytes.get(16..20)) else { return Ok(false) };
    if !said.starts_with(&magic) || crc != crc32fast::hash(said).to_le_bytes() {
        return Ok(false);
    }
    let found = said.get(8..12).and_then(|found| found.try_into().ok()).map_or(0, u32::from_le_bytes);
    if found > FORMAT {
        return Err(Error::FormatNewer { found, supported: FORMAT });
    }
    Ok(true)
}
