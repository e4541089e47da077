//! On the file system of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keeper::{Kept, small};
use crate::disk::{DiskOptions, DiskStore, Durability, segment};
use crate::{Error, Store};

/// A directory that is gone when the test is over.
pub struct Temporary(pub PathBuf);

impl Temporary {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("queue-disk-{}-{name}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn open(path: &Path, durability: Durability) -> Result<Kept, Error> {
    Kept::open(DiskStore::open(DiskOptions { path: path.into(), durability, ..small() })?)
}

#[test]
fn what_was_put_is_there_after_each_way_to_end() {
    for durability in [Durability::Commit, Durability::Interval(Duration::from_millis(2)), Durability::None] {
        let directory = Temporary::new("ways");
        let mut kept = open(&directory.0, durability).unwrap();
        for id in 1..=100 {
            kept.put(id, 300).unwrap();
            kept.commit_now().unwrap();
            kept.maintain().unwrap();
        }
        drop(kept);
        let mut kept = open(&directory.0, durability).unwrap();
        assert_eq!(kept.contents().len(), 100);
        for id in 1..=50 {
            kept.remove(id).unwrap();
        }
        kept.commit_now().unwrap();
        kept.close().unwrap();
        let mut kept = open(&directory.0, durability).unwrap();
        assert_eq!((kept.report.replayed, kept.report.torn_bytes), (0, 0));
        assert_eq!(kept.contents().keys().copied().collect::<Vec<_>>(), (51..=100).collect::<Vec<_>>());
        let files = fs::read_dir(&directory.0).unwrap();
        let bytes: u64 = files
            .map(|entry| entry.unwrap().metadata().unwrap())
            .filter(fs::Metadata::is_file)
            .map(|file| file.len())
            .sum();
        assert!(kept.store.stats().bytes.abs_diff(bytes) < 300, "{bytes} {:?}", kept.store.stats());
    }
}

/// Cut at every byte of its last records, the log has all before the cut.
#[test]
fn a_torn_tail_is_cut() {
    let directory = Temporary::new("tail");
    let mut kept = open(&directory.0, Durability::Commit).unwrap();
    for id in 1..=10 {
        kept.put(id, 90).unwrap();
        kept.commit_now().unwrap();
    }
    let ends: Vec<usize> =
        kept.index.places.values().map(|(at, len)| (at.offset + 12 + len).next_multiple_of(4) as usize).collect();
    drop(kept);
    let file = directory.0.join(segment::name(1));
    let whole = fs::read(&file).unwrap();
    for (garbage, at) in (ends[5]..ends[9]).flat_map(|at| [(false, at), (true, at)]) {
        let mut bytes = whole[..at].to_vec();
        if garbage {
            bytes.extend((0..400_u32).map(|at| u8::try_from((at * 31 + 7) % 251).unwrap()));
        }
        fs::remove_dir_all(&directory.0).unwrap();
        fs::create_dir(&directory.0).unwrap();
        fs::write(&file, bytes).unwrap();
        let mut kept = open(&directory.0, Durability::Commit).unwrap();
        // The padding of a record may be missing.
        let whole = ends.iter().filter(|end| **end - 2 < at + 1).count();
        let left = kept.contents().len();
        assert!(left == whole || left + 1 == whole, "cut at {at}: {left} of {whole}");
        assert_eq!(kept.report.quarantined, 0, "cut at {at}");
        kept.put(11, 90).unwrap();
        kept.commit_now().unwrap();
        drop(kept);
        let mut kept = open(&directory.0, Durability::Commit).unwrap();
        assert_eq!(kept.report.torn_bytes, 0, "cut at {at}");
        assert_eq!(kept.contents().len(), left + 1, "cut at {at}");
    }
}

#[test]
fn a_second_one_is_told_the_pid_of_the_first() {
    let directory = Temporary::new("lock");
    let kept = open(&directory.0.join("made/too"), Durability::Commit).unwrap();
    let error = open(&directory.0.join("made/too"), Durability::Commit).err().unwrap();
    assert_eq!(error, Error::Locked { pid: std::process::id() });
    drop(kept);
    open(&directory.0.join("made/too"), Durability::Commit).unwrap();
}

#[test]
fn what_is_no_directory_is_refused() {
    let directory = Temporary::new("none");
    fs::create_dir(&directory.0).unwrap();
    fs::write(directory.0.join("file"), "x").unwrap();
    let error = open(&directory.0.join("file"), Durability::Commit).err().unwrap();
    assert_eq!(error.code(), "QUEUE_STORE_FAILED");
    assert!(error.to_string().contains("file"), "{error}");
}
