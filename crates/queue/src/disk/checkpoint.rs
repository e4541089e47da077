//! Checkpoints: the index as chunks, in a file of its own.
//!
//! `magic [8] | version u32 | 0 u32 | crc u32 | begin segment u32 | begin offset u32`, then chunks `len u32 | crc u32 | bytes`, at
//! last `0xFFFF_FFFF | crc u32 | end segment u32 | end offset u32`. The crc of a chunk is over its number, too. It is written under
//! another name, and gets its own when it and everything that was appended before its end are durable. A copy of it follows: with the
//! older segments compacted, nothing else says which messages were acknowledged long ago.

use std::io;
use std::sync::Arc;

use super::files::{File, Files, read_up_to, write_all};
use super::segment::{FORMAT, version};
use crate::{Error, Location};

const MAGIC: &[u8; 8] = b"SIOQCHK\n";
const TEMPORARY: &str = "checkpoint.tmp";
const TEMPORARY_COPY: &str = "copy.tmp";
const LAST: u32 = u32::MAX;
const START: usize = 28;
/// Copied at once.
const PIECE: usize = 1 << 20;

pub(super) fn name(number: u32) -> String {
    format!("{number:010}.checkpoint")
}

pub(super) fn number(name: &str) -> Option<u32> {
    name.strip_suffix(".checkpoint")?.parse().ok()
}

pub(super) fn copy_name(number: u32) -> String {
    format!("{number:010}.copy")
}

pub(super) fn copy_number(name: &str) -> Option<u32> {
    name.strip_suffix(".copy")?.parse().ok()
}

pub(super) fn remove_unfinished(files: &dyn Files) {
    files.remove(TEMPORARY).ok();
    files.remove(TEMPORARY_COPY).ok();
}

/// Removes a checkpoint and its copy.
pub(super) fn remove(files: &dyn Files, number: u32) {
    files.remove(&name(number)).ok();
    files.remove(&copy_name(number)).ok();
}

/// The checkpoint that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub number: u32,
    /// Records from here on are replayed over it.
    pub begin: Location,
    /// Everything before this was durable when it was finished.
    pub end: Location,
    pub bytes: u64,
}

/// One that is being written.
pub(super) struct Writer {
    file: Arc<dyn File>,
    pub checkpoint: Checkpoint,
    chunks: u32,
    /// Where to go on in the index.
    pub cursor: u64,
}

impl Writer {
    pub(super) fn begin(files: &dyn Files, number: u32, begin: Location) -> io::Result<Self> {
        let mut start = MAGIC.to_vec();
        start.extend_from_slice(&FORMAT.to_le_bytes());
        start.extend_from_slice(&0_u32.to_le_bytes());
        let crc = crc32fast::hash(&start);
        start.extend_from_slice(&crc.to_le_bytes());
        start.extend_from_slice(&place(begin));
        let file = files.create(TEMPORARY, 0)?;
        write_all(&*file, &start, 0)?;
        let checkpoint = Checkpoint { number, begin, end: begin, bytes: start.len() as u64 };
        Ok(Self { file, checkpoint, chunks: 0, cursor: 0 })
    }

    pub(super) fn chunk(&mut self, chunk: &[u8]) -> io::Result<()> {
        let len = u32::try_from(chunk.len()).map_err(io::Error::other)?;
        self.put(len, chunk)
    }

    fn put(&mut self, len: u32, bytes: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(8 + bytes.len());
        frame.extend_from_slice(&len.to_le_bytes());
        frame.extend_from_slice(&sum(self.checkpoint.begin, self.chunks, len, bytes).to_le_bytes());
        frame.extend_from_slice(bytes);
        write_all(&*self.file, &frame, self.checkpoint.bytes)?;
        self.checkpoint.bytes += frame.len() as u64;
        self.chunks += 1;
        Ok(())
    }

    pub(super) fn end(&mut self, end: Location) -> io::Result<()> {
        self.checkpoint.end = end;
        self.put(LAST, &place(end))
    }

    /// Takes the place of the one before. The log must be durable up to the end.
    pub(super) fn finish(self, files: &dyn Files) -> io::Result<Checkpoint> {
        self.file.sync()?;
        files.rename(TEMPORARY, &name(self.checkpoint.number))?;
        files.sync_names()?;
        if self.copy(files).is_err() {
            // It counts without one: a disk without room for the copy is no reason to refuse it.
            files.remove(TEMPORARY_COPY).ok();
        }
        if let Some(before) = self.checkpoint.number.checked_sub(1) {
            remove(files, before);
        }
        Ok(self.checkpoint)
    }

    fn copy(&self, files: &dyn Files) -> io::Result<()> {
        let copy = files.create(TEMPORARY_COPY, 0)?;
        let mut at = 0;
        while at < self.checkpoint.bytes {
            let bytes = read_up_to(&*self.file, at, PIECE)?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            write_all(&*copy, &bytes, at)?;
            at += bytes.len() as u64;
        }
        copy.sync()?;
        files.rename(TEMPORARY_COPY, &copy_name(self.checkpoint.number))?;
        files.sync_names()
    }
}

/// Hands over the chunks, and says what the file is; `None` if it is damaged. `name`: its own, or its copy's.
pub(super) fn read(
    files: &dyn Files,
    number: u32,
    name: &str,
    take: &mut dyn FnMut(&[u8]),
) -> io::Result<Result<Option<Checkpoint>, Error>> {
    let file = files.open(name)?;
    let start = read_up_to(&*file, 0, START)?;
    match version(&start, *MAGIC) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(None)),
        Err(error) => return Ok(Err(error)),
    }
    let Some(begin) = start.get(20..).and_then(parse) else { return Ok(Ok(None)) };
    let mut at = START as u64;
    let total = file.len()?;
    for chunk in 0.. {
        let frame = read_up_to(&*file, at, 8)?;
        let Some((len, crc)) = parse(&frame).map(|frame| (frame.segment, frame.offset)) else { break };
        let size = if len == LAST { 8 } else { u64::from(len) };
        if at + 8 + size > total {
            break;
        }
        let bytes = read_up_to(&*file, at + 8, usize::try_from(size).unwrap_or(usize::MAX))?;
        if sum(begin, chunk, len, &bytes) != crc {
            break;
        }
        at += 8 + size;
        if len == LAST {
            let end = parse(&bytes).unwrap_or(begin);
            return Ok(Ok(Some(Checkpoint { number, begin, end, bytes: at })));
        }
        take(&bytes);
    }
    Ok(Ok(None))
}

fn sum(begin: Location, chunk: u32, len: u32, bytes: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&place(begin));
    hash.update(&chunk.to_le_bytes());
    hash.update(&len.to_le_bytes());
    hash.update(bytes);
    hash.finalize()
}

pub(super) fn place(at: Location) -> [u8; 8] {
    (u64::from(at.segment) | u64::from(at.offset) << 32).to_le_bytes()
}

pub(super) fn parse(bytes: &[u8]) -> Option<Location> {
    let (segment, rest) = bytes.split_first_chunk::<4>()?;
    let (offset, _) = rest.split_first_chunk::<4>()?;
    Some(Location { segment: u32::from_le_bytes(*segment), offset: u32::from_le_bytes(*offset) })
}
