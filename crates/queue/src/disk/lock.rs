//! One process at a time: a lock of the system on a file that names its holder. It ends with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::files::failed;
use crate::Error;

pub(super) fn lock(directory: &Path) -> Result<File, Error> {
    let refused = |error| failed("cannot open the lock file", &error);
    let path = directory.join("lock");
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).ok();
            let pid = holder.split_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap_or(0);
            return Err(Error::Locked { pid });
        }
        Err(TryLockError::Error(error)) => return Err(failed("cannot lock the directory", &error)),
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{} {host}", std::process::id())
    };
    // A full disk does not keep anybody out: the name of the holder is a help, the lock is what counts.
    write(&mut file).ok();
    Ok(file)
}
