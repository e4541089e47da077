//! A look at a store from outside: what its files hold now, whoever writes to them meanwhile.
//!
//! Everything is opened once, for reading. What recovery would repair, and whatever else is written, stays in the memory of the view:
//! nothing reaches the directory, and no lock is taken.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::files::{File, Files};

/// How often to look again while the writer makes and removes files.
const TRIES: usize = 1000;

pub(super) struct View(Mutex<HashMap<String, Arc<dyn File>>>);

impl View {
    /// Opens the files that are there at one moment. A file that is removed later stays readable.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        for _ in 0..TRIES {
            let names = list(directory)?;
            let opened = names.iter().map(|name| Ok((name.clone(), open(&directory.join(name))?)));
            match opened.collect::<io::Result<_>>() {
                // A segment may have been compacted after its checkpoint was opened.
                Ok(files) if names == list(directory)? => return Ok(Self(Mutex::new(files))),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("its files change all the time"))
    }

    fn get(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.lock().get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// What belongs to the store, in order: neither the lock nor what is not finished.
fn list(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let ours = [".log", ".checkpoint", ".copy"].iter().any(|end| name.ends_with(end));
        if ours && entry.file_type()?.is_file() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn open(path: &Path) -> io::Result<Arc<dyn File>> {
    Ok(Arc::new(Seen(OpenOptions::new().read(true).open(path)?)))
}

impl Files for View {
    fn create(&self, name: &str, _bytes: u64) -> io::Result<Arc<dyn File>> {
        let file: Arc<dyn File> = Arc::new(Made::default());
        self.0.lock().insert(name.into(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.get(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let file = self.get(from)?;
        let mut files = self.0.lock();
        files.remove(from);
        files.insert(to.into(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A file of the store. Writing to it changes nothing.
struct Seen(fs::File);

impl File for Seen {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(&self.0, into, offset)
    }

    fn write_at(&self, bytes: &[u8], _offset: u64) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn truncate(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// A file of the view only.
#[derive(Default)]
struct Made(Mutex<Vec<u8>>);

impl File for Made {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.0.lock();
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            into.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_at(&self, written: &[u8], offset: u64) -> io::Result<usize> {
        let mut bytes = self.0.lock();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + written.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        if let Some(place) = bytes.get_mut(start..end) {
            place.copy_from_slice(written);
        }
        Ok(written.len())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.0.lock().truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().len() as u64)
    }
}
