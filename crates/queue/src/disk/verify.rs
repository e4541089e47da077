//! Reads every record of a store, and says which are damaged. Changes nothing, takes no lock.

use std::io;
use std::path::Path;

use super::checkpoint::{self, parse};
use super::files::{Files, failed, read_up_to};
use super::record::Kind;
use super::scan::{Item, Scan};
use super::segment;
use super::view::View;
use crate::{Error, Location};

/// What the files of a store are worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Each file, in order: segments of the log, then checkpoints.
    pub files: Vec<VerifiedFile>,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Whole records.
    pub records: u64,
}

/// What a file is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Its name in the directory.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Whole records in it (of a checkpoint: chunks).
    pub records: u64,
    /// What was durable and cannot be read: places, and how many bytes.
    pub damaged: Vec<(u64, u64)>,
    /// Bytes behind the last record that nothing says to be durable: a write that was torn, or is being made just now.
    pub torn: u64,
}

/// Reads all files of the store in this directory. `progress` is called with the bytes read and those there are.
/// Errors: `QUEUE_STORE_FAILED`, `QUEUE_FORMAT_NEWER`.
pub fn verify(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, Error> {
    let shown = path.display();
    let system = |error: io::Error| failed(&format!("cannot read {shown}"), &error);
    let view = View::open(path).map_err(system)?;
    let names = {
        let mut names = view.list().map_err(system)?;
        // Segments first: they say what is durable.
        names.sort_by_key(|name| (segment::number(name).is_none(), name.clone()));
        names
    };
    let mut total = 0;
    for name in &names {
        total += view.open(name).and_then(|file| file.len()).map_err(system)?;
    }
    let mut durable = Location::default();
    let mut found = Vec::new();
    let mut verified = Verified::default();
    for name in names {
        let file = if let Some(number) = segment::number(&name) {
            let (file, suspect, said) = read_segment(&view, &name, number).map_err(system)??;
            durable = durable.max(said);
            found.push((verified.files.len(), number, suspect));
            file
        } else {
            let (file, end) = read_checkpoint(&view, &name).map_err(system)??;
            durable = durable.max(end);
            file
        };
        verified.bytes += file.bytes;
        verified.records += file.records;
        verified.files.push(file);
        progress(verified.bytes.min(total), total);
    }
    for (index, number, suspects) in found {
        let Some(file) = verified.files.get_mut(index) else { continue };
        for (offset, len) in suspects {
            let at = Location { segment: number, offset: u32::try_from(offset).unwrap_or(u32::MAX) };
            if at < durable {
                file.damaged.push((offset, len));
            } else {
                file.torn += len;
            }
        }
    }
    Ok(verified)
}

/// Places and lengths of what is not a record.
type Suspects = Vec<(u64, u64)>;

fn read_segment(view: &View, name: &str, number: u32) -> io::Result<Result<(VerifiedFile, Suspects, Location), Error>> {
    let file = view.open(name)?;
    let bytes = read_up_to(&*file, 0, usize::try_from(file.len()?).unwrap_or(usize::MAX))?;
    let mut verified = VerifiedFile { name: name.into(), bytes: bytes.len() as u64, ..VerifiedFile::default() };
    let (mut suspects, mut durable) = (Vec::new(), Location::default());
    match segment::check(&bytes) {
        Ok(true) => {}
        Ok(false) => suspects.push((0, segment::HEADER.into())),
        Err(error) => return Ok(Err(error)),
    }
    let offset = segment::HEADER as usize;
    for item in (Scan { segment: number, offset, bytes: bytes.get(offset..).unwrap_or_default() }) {
        match item {
            // What lies behind is of an earlier life of the space.
            Item::Record { kind: Kind::End, .. } => break,
            Item::Record { kind, payload, .. } => {
                verified.records += 1;
                if kind == Kind::Durable {
                    durable = durable.max(parse(payload).unwrap_or_default());
                }
            }
            Item::Damage { at, bytes } | Item::Rest { at, bytes } => {
                let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
                if used > 0 {
                    suspects.push((at.offset.into(), used));
                }
            }
        }
    }
    Ok(Ok((verified, suspects, durable)))
}

fn read_checkpoint(view: &View, name: &str) -> io::Result<Result<(VerifiedFile, Location), Error>> {
    let number = checkpoint::number(name).or_else(|| checkpoint::copy_number(name)).unwrap_or(0);
    let bytes = view.open(name)?.len()?;
    let mut verified = VerifiedFile { name: name.into(), bytes, ..VerifiedFile::default() };
    let whole = match checkpoint::read(view, number, name, &mut |_| verified.records += 1)? {
        Ok(whole) => whole,
        Err(error) => return Ok(Err(error)),
    };
    if whole.is_none() {
        verified.damaged.push((0, bytes));
    }
    Ok(Ok((verified, whole.unwrap_or_default().end)))
}
