//! A store on the disk, in a directory that is gone when the test is over.

use std::cell::RefCell;

use socketio_queue::{DiskOptions, DiskStore, Durability, Store};
use tempfile::TempDir;

thread_local! {
    /// Each test has a thread.
    static DIRECTORIES: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

/// With little segments, so that checkpoints and compaction are part of it.
pub fn store() -> Box<dyn Store> {
    let directory = TempDir::new().unwrap();
    let options = DiskOptions {
        durability: Durability::None,
        segment_bytes: 4096,
        checkpoint_bytes: 4096,
        reserve_bytes: 4096,
        cache_bytes: 512,
        ..DiskOptions::new(directory.path())
    };
    DIRECTORIES.with_borrow_mut(|directories| directories.push(directory));
    Box::new(DiskStore::open(options).unwrap())
}
