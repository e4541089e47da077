//! A store on the disk, in a directory that is gone when the test is over.

use std::cell::RefCell;
use std::path::Path;
use std::thread;
use std::time::Duration;

use socketio_queue::{DiskOptions, DiskStore, Durability, Error, Store};
use tempfile::TempDir;

thread_local! {
    /// Each test has a thread.
    static DIRECTORIES: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

/// One that several lives of a store share.
pub struct Directory(TempDir);

impl Directory {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn store(&self) -> Box<dyn Store> {
        loop {
            match open(self.0.path()) {
                Ok(store) => return Box::new(store),
                // The thread of a checkpoint holds the lock until it has ended.
                Err(Error::Locked { .. }) => thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// With little segments, so that checkpoints and compaction are part of it.
fn open(path: &Path) -> Result<DiskStore, Error> {
    DiskStore::open(DiskOptions {
        durability: Durability::None,
        segment_bytes: 4096,
        checkpoint_bytes: 4096,
        reserve_bytes: 4096,
        cache_bytes: 512,
        ..DiskOptions::new(path)
    })
}

pub fn store() -> Box<dyn Store> {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path()).unwrap();
    DIRECTORIES.with_borrow_mut(|directories| directories.push(directory));
    Box::new(store)
}
