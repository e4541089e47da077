//! Where damaged bytes are set aside, named by their place, for whoever wants to look at them.

use super::files::{Files, write_all};

/// Keeps the bytes. That they cannot be kept is no reason to stop: they are damaged already.
pub(super) fn set_aside(files: &dyn Files, place: &str, bytes: &[u8]) {
    if let Ok(file) = files.create(&format!("quarantine/{place}"), 0) {
        write_all(&*file, bytes, 0).ok();
    }
}
