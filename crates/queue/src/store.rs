//! Where records are kept. The machine decides what is kept; a store knows only bytes and places.
//!
//! All methods are called by one thread, the engine's. Only a [`SyncTask`] runs on another one, and while it does, `append`,
//! `read`, `discard` and `maintain` go on; `commit` is not called again before it has ended.

mod memory;

use bytes::Bytes;

use crate::Error;

pub use memory::MemoryStore;

/// The place of a record. Only the store knows what the numbers mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// A number that grows: an older segment has a smaller one.
    pub segment: u32,
    /// Within the segment.
    pub offset: u32,
}

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The index refers to it by its location, until [`Store::discard`]. With a full disk it is refused.
    Content,
    /// A change of state. Nothing refers to it: it is needed until a checkpoint that began after it is durable, and only to be
    /// replayed. Small (below 1 KiB, the definitions of queues and schedules aside). With a full disk it is still taken, from a
    /// reserve, so that consumers can go on.
    State,
}

/// What is left to do until everything appended is durable.
pub enum Commit {
    /// Nothing: it is as durable as this store makes it.
    Done,
    /// This, on any thread (an fdatasync, usually).
    Sync(SyncTask),
}

/// Makes durable what was appended before the [`Store::commit`] that returned it. After an error nothing is known about what
/// was appended since the last success, so the engine stops using the store.
pub type SyncTask = Box<dyn FnOnce() -> Result<(), Error> + Send>;

/// Why a record could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Its bytes are not what was written. The store has set aside what there is; the machine drops the message.
    Damaged,
    /// The system refused; it may be read later.
    Store(Error),
}

/// Keeps records.
pub trait Store: Send {
    /// Hands everything that survived to `replay`: the chunks of the last complete checkpoint, then, in the order in which they
    /// were appended, all records since that checkpoint **began**. Called once, first.
    ///
    /// Cuts a torn tail, sets damaged records aside, and says so in the report (`messages`, `queues` and `millis` are left 0).
    fn recover(&mut self, replay: &mut dyn Replay) -> Result<crate::RecoveryReport, Error>;

    /// All content records that the index refers to, with their lengths. Called once, after [`Store::recover`]: a store that counts
    /// live bytes per segment starts from this.
    fn recovered(&mut self, live: &mut dyn Iterator<Item = (Location, u32)>);

    /// Takes a record, the two slices as one. It may be read at once, and is durable after the next commit.
    ///
    /// [`Error::DiskFull`] refuses this record and leaves the store usable. Any other error ends the engine.
    fn append(&mut self, class: Class, head: &[u8], body: &[u8]) -> Result<Location, Error>;

    /// The index does not refer to this content record any more. `len` is the length of head and body.
    ///
    /// The record that says so is appended before the next commit, and not durable before that: until then, the bytes must stay
    /// readable after a crash.
    fn discard(&mut self, at: Location, len: u32);

    /// Hands everything appended so far to the system, so that it survives the end of this process, but not of the machine. Called
    /// at the end of a round in which nobody waits for a commit.
    fn write(&mut self) -> Result<(), Error>;

    /// Makes everything appended so far durable, as far as this store does, or says what is left to do for it.
    fn commit(&mut self) -> Result<Commit, Error>;

    /// Reads a content record, head and body, `len` bytes. Appended records can be read before they are durable.
    fn read(&mut self, at: Location, len: u32) -> Result<Bytes, ReadError>;

    /// One bounded slice (a few milliseconds at most) of what keeps the store in shape: checkpoints and compaction. Called
    /// between rounds. Returns whether it wants to be called again soon; the engine calls it then even when nothing else happens.
    fn maintain(&mut self, index: &mut dyn Index) -> Result<bool, Error>;

    /// Whether state records are of use. A store that forgets everything anyway is not given any.
    fn keeps_state(&self) -> bool;

    /// What it holds.
    fn stats(&self) -> StoreStats;

    /// Makes everything durable and lets go of files and lock. Nothing is called afterwards. May write a checkpoint, so that the
    /// next opening is quick.
    fn close(&mut self, index: &mut dyn Index) -> Result<(), Error>;
}

/// Takes what survived, in order.
///
/// Replaying is idempotent: a record whose effect a chunk of the checkpoint already shows does no harm, as long as all records since
/// the checkpoint began follow. That is why a checkpoint can be written in slices while the index changes.
pub trait Replay {
    /// A chunk of a checkpoint.
    fn snapshot(&mut self, chunk: &[u8]) -> Result<(), Damaged>;

    /// A record. `moved`: [`Index::moved`] was called for it, so it is a copy of an older one. A record that is refused is
    /// to be set aside by the store like one with a wrong checksum, and the replay goes on.
    fn record(&mut self, record: &[u8], at: Location, moved: bool) -> Result<(), Damaged>;
}

/// These bytes mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// What a store may ask while it maintains itself.
///
/// **Compaction** of a victim segment, in slices: for each record in it, `is_live`; the live ones are appended again, marked as
/// moved, and `moved` is called for each. Records that are not live are dropped. A victim must lie entirely before
/// the start of the last *durable* checkpoint (its state records are of no use then), and is deleted when the copies **and everything
/// else that was appended up to then** are durable: the index may have let go of a record by an acknowledgement that is not yet.
///
/// **A checkpoint**: remember the position of the log; then call `snapshot` with 0, and with what it returned, slice by slice, until
/// it returns `None`; store the chunks, each with a checksum, durably; make durable everything that was appended before the last
/// chunk was made, since the chunks may show it; only then does the checkpoint take the place of the last one.
pub trait Index {
    /// Whether the index refers to this record at this place. False for state records.
    fn is_live(&self, record: &[u8], at: Location) -> bool;

    /// The live record has a new place; the old one is not read any more.
    fn moved(&mut self, record: &[u8], from: Location, to: Location);

    /// Appends the next chunk (64 KiB or so) to `chunk`, and returns where to go on: `None` after the last.
    fn snapshot(&mut self, cursor: u64, chunk: &mut Vec<u8>) -> Option<u64>;

    /// How many messages the index has: what a checkpoint will cost, 60 bytes each or so.
    fn len(&self) -> u64;

    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a store holds and has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Bytes that it occupies (of the disk, or of memory).
    pub bytes: u64,
    /// Bytes of content records that the index refers to.
    pub live_bytes: u64,
    /// Files.
    pub segments: u64,
    /// Bytes appended since it was opened, moved ones included.
    pub appended_bytes: u64,
    /// Bytes moved by compaction since it was opened.
    pub moved_bytes: u64,
    /// Commits since it was opened.
    pub commits: u64,
    /// Microseconds that the syncs took since it was opened; their number is how many there were.
    pub sync_time: crate::Histogram,
    /// Records set aside since it was opened.
    pub quarantined: u64,
    /// It refuses content records because the disk is full.
    pub full: bool,
}
