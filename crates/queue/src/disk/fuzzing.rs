//! The fuzz target of what is read from the disk: records by themselves, and a directory that was damaged.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::checkpoint;
use super::files::{File, Files};
use super::record::{HEADER, Kind, encode};
use super::recovery::recover;
use super::segment;
use crate::record::{Change, Head, decode_message};
use crate::{Config, Damaged, Location, Machine, Replay};

/// The first byte chooses: one record, a directory with these bytes as its first segment, or one that was written and then changed.
pub fn record(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    match choice % 4 {
        0 => decode(data),
        1 => {
            let disk = Memory::default();
            let mut bytes = if choice & 4 == 0 { segment::header(1) } else { Vec::new() };
            bytes.extend_from_slice(data);
            disk.put(&segment::name(1), bytes);
            open(&disk);
        }
        _ => open(&written(data)),
    }
}

/// What is read and written again is read as the same. (Not all bytes come back: a number may have been written too long.)
fn decode(bytes: &[u8]) {
    let mut once = Vec::new();
    if let Ok((head, start)) = Head::read(bytes) {
        head.write(&mut once);
        assert_eq!(Head::read(&once), Ok((head.clone(), once.len())), "a message's head");
        let message = decode_message(bytes.to_vec().into()).unwrap_or_else(|_| panic!("its head was read"));
        assert_eq!(message.payload(), bytes.get(start..).unwrap_or_default());
        assert_eq!((message.headers(), message.key()), (head.headers, head.key));
    }
    if let Ok(change) = Change::read(bytes) {
        change.write(&mut once);
        let again = Change::read(&once).unwrap_or_else(|_| panic!("{change:?} is not read again"));
        let mut twice = Vec::new();
        again.write(&mut twice);
        assert_eq!(once, twice, "{change:?}");
        if let Change::Removed(ids) = &change {
            assert!(ids.len() <= bytes.len());
        }
    }
}

/// Two segments and a checkpoint, with records that prove themselves whatever is in them; then bytes of the files are changed, and
/// files cut.
fn written(mut data: &[u8]) -> Memory {
    let disk = Memory::default();
    let mut take = |count: usize| {
        let (taken, rest) = data.split_at(count.min(data.len()));
        data = rest;
        taken
    };
    let mut next = || take(1).first().copied().unwrap_or_default();
    let (checkpoint, changes) = (next(), next() % 4);
    let counts = [next() % 12, next() % 12];
    let mut harm = Vec::new();
    for _ in 0..changes {
        harm.push((next(), u16::from_le_bytes([next(), next()]), next()));
    }
    for (number, count) in (1..).zip(counts) {
        let mut bytes = segment::header(number);
        for _ in 0..count {
            let (kind, len) = (kind(next()), next());
            let payload: Vec<u8> = (0..len).map(|_| next()).collect();
            let offset = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            encode(&mut bytes, kind, Location { segment: number, offset }, &payload, &[]);
        }
        disk.put(&segment::name(number), bytes);
    }
    if checkpoint & 1 != 0 {
        let begin = Location { segment: u32::from(checkpoint >> 1 & 3), offset: u32::from(next()) };
        let chunk: Vec<u8> = (0..next()).map(|_| next()).collect();
        let made = checkpoint::Writer::begin(&disk, 1, begin).and_then(|mut writer| {
            writer.chunk(&chunk)?;
            writer.end(Location { segment: u32::from(next() & 3), offset: u32::from(next()) })?;
            writer.finish(&disk)
        });
        assert!(made.is_ok(), "memory takes everything");
    }
    for (file, at, to) in harm {
        disk.harm(file, at.into(), to);
    }
    disk
}

fn kind(byte: u8) -> Kind {
    match byte % 8 {
        0..=2 => Kind::Content,
        3..=4 => Kind::State,
        5 => Kind::Moved,
        6 => Kind::Durable,
        _ => Kind::End,
    }
}

/// Opens the directory, as an engine does.
fn open(disk: &Memory) {
    let before = disk.copy();
    let bytes = before.bytes();
    let files: Arc<dyn Files> = Arc::new(disk.clone());
    let mut check = Check { before, machine: Machine::new(&Config::default()), taken: 0 };
    if recover(&files, &mut check).is_ok() {
        // The log and, in a pass of its own, the checkpoint.
        assert!(check.taken <= bytes, "{} bytes were handed over from {bytes}", check.taken);
    }
}

/// What is handed over is what the files hold.
struct Check {
    before: Memory,
    machine: Machine,
    taken: usize,
}

impl Replay for Check {
    fn snapshot(&mut self, chunk: &[u8]) -> Result<(), Damaged> {
        self.taken += chunk.len();
        self.machine.snapshot(chunk)
    }

    fn record(&mut self, record: &[u8], at: Location, moved: bool) -> Result<(), Damaged> {
        self.taken += record.len();
        let file = self.before.read(&segment::name(at.segment));
        let found = file.get(at.offset as usize..).unwrap_or_default();
        let kind = match (moved, found.get(4)) {
            (true, _) => Kind::Moved,
            (false, Some(1)) => Kind::Content,
            (false, _) => Kind::State,
        };
        let mut encoded = Vec::new();
        encode(&mut encoded, kind, at, record, &[]);
        encoded.truncate(HEADER + record.len());
        assert!(found.starts_with(&encoded), "{at:?} is not what was written there");
        decode(record);
        self.machine.record(record, at, moved)
    }
}

type Bytes = Arc<Mutex<Vec<u8>>>;

/// A directory that is not on any disk.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<String, Bytes>>>);

impl Memory {
    fn put(&self, name: &str, bytes: Vec<u8>) {
        self.0.lock().insert(name.into(), Arc::new(Mutex::new(bytes)));
    }

    fn read(&self, name: &str) -> Vec<u8> {
        self.0.lock().get(name).map(|bytes| bytes.lock().clone()).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        self.0.lock().values().map(|bytes| bytes.lock().len()).sum()
    }

    fn copy(&self) -> Self {
        let copy = Self::default();
        self.0.lock().iter().for_each(|(name, bytes)| copy.put(name, bytes.lock().clone()));
        copy
    }

    /// Changes a byte, or cuts the file there.
    fn harm(&self, file: u8, at: usize, to: u8) {
        let files = self.0.lock();
        let Some(bytes) = files.values().nth(usize::from(file) % files.len().max(1)) else { return };
        let mut bytes = bytes.lock();
        let at = at % bytes.len().max(1);
        if to == 0 {
            bytes.truncate(at);
        } else if let Some(byte) = bytes.get_mut(at) {
            *byte ^= to;
        }
    }
}

impl Files for Memory {
    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn File>> {
        self.put(name, vec![0; usize::try_from(bytes).map_err(io::Error::other)?]);
        self.open(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let found = self.0.lock().get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(MemoryFile(found)))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.0.lock();
        let found = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.into(), found);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
}

struct MemoryFile(Bytes);

impl File for MemoryFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.0.lock();
        let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
        let len = into.len().min(rest.len());
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(len)
    }

    fn write_at(&self, from: &[u8], offset: u64) -> io::Result<usize> {
        let mut bytes = self.0.lock();
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        let end = bytes.len().max(at + from.len());
        bytes.resize(end, 0);
        bytes.iter_mut().skip(at).zip(from).for_each(|(to, from)| *to = *from);
        Ok(from.len())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.0.lock().resize(usize::try_from(bytes).map_err(io::Error::other)?, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().len() as u64)
    }
}
