//! The inputs that were kept find nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use socketio_fuzz_bodies as bodies;

/// Every file of a corpus, in the order of their names.
fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 10, "expected the corpus of {target} in {}", folder.display());
    for file in files {
        let input = fs::read(&file).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| body(&input)));
        assert!(outcome.is_ok(), "{target} fails with {}", file.display());
    }
}

macro_rules! corpora {
    ($($(#[$attribute:meta])* $target:ident),*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $target() {
                replay(stringify!($target), bodies::$target);
            }
        )*
    };
}

corpora!(
    frames,
    scan,
    deflate,
    handshake,
    changes,
    lane,
    record,
    messages,
    entries,
    #[cfg(unix)]
    writer
);
