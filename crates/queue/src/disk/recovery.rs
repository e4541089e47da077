//! Opening: the last checkpoint, then the log since it began.
//!
//! What is damaged is either a write that was torn (nobody was told that it is durable) or the fault of the disk. The log itself says
//! which: its `Durable` records. Before the last of them, a damaged record is set aside and the others live; after it, the log ends
//! at the damage, as if nothing behind had been written.

use std::sync::Arc;

use super::checkpoint::{self, Checkpoint, parse, place};
use super::files::{File, Files, failed, read_up_to, write_all};
use super::quarantine::set_aside;
use super::record::{Kind, encode};
use super::scan::{Item, Scan};
use super::segment::{self, Segment};
use crate::{Error, Location, RecoveryReport, Replay};

pub(super) struct Recovered {
    pub checkpoint: Checkpoint,
    pub segments: Vec<(u32, Segment)>,
    /// The number of the next segment.
    pub next: u32,
    pub report: RecoveryReport,
}

pub(super) fn recover(files: &Arc<dyn Files>, replay: &mut dyn Replay) -> Result<Recovered, Error> {
    let mut report = RecoveryReport::default();
    // Before anything is changed: what a newer version wrote is refused.
    let mut segments = Vec::new();
    let numbers = segment::numbers(&**files).map_err(|error| failed("cannot list the directory", &error))?;
    for number in numbers {
        let open = || {
            let file = files.open(&segment::name(number))?;
            let size = file.len()?;
            let header = read_up_to(&*file, 0, segment::HEADER as usize)?;
            Ok((file, size, header))
        };
        let (file, size, header) = open().map_err(|error| failed("cannot open a segment", &error))?;
        segment::check(&header)?;
        segments.push((number, Segment::new(file, size)));
    }
    let checkpoint = replay_checkpoint(&**files, replay, &mut report)?;
    checkpoint::remove_unfinished(&**files);
    let known = checkpoint.end;
    let mut log = Log { files: &**files, segments, durable: known, looked: false, report };
    log.replay(checkpoint.begin, replay).map_err(|error| failed("cannot read the log", &error))?;
    log.settle(checkpoint.begin).map_err(|error| failed("cannot sync the log", &error))?;
    // Without a gap: one means that a segment is missing.
    let begun = checkpoint.begin.segment + u32::from(checkpoint.begin.offset > 0);
    let next = log.segments.last().map_or(1, |(number, _)| number + 1).max(begun);
    Ok(Recovered { checkpoint, segments: log.segments, next, report: log.report })
}

/// The newest whole checkpoint, or its copy. What is damaged is set aside. With both damaged the whole log is replayed: messages may come
/// back that were acknowledged long ago, but none is lost.
fn replay_checkpoint(
    files: &dyn Files,
    replay: &mut dyn Replay,
    report: &mut RecoveryReport,
) -> Result<Checkpoint, Error> {
    let system = |error| failed("cannot read the checkpoint", &error);
    let names = files.list().map_err(system)?;
    let number = |name: &String| {
        let own = checkpoint::number(name).map(|number| (number, true));
        own.or_else(|| checkpoint::copy_number(name).map(|number| (number, false)))
    };
    // Each before its copy.
    let mut found: Vec<(u32, bool)> = names.iter().filter_map(number).collect();
    found.sort_unstable();
    let newest = found.last().map_or(0, |(number, _)| *number);
    while let Some((number, own)) = found.pop() {
        let name = if own { checkpoint::name(number) } else { checkpoint::copy_name(number) };
        if checkpoint::read(files, number, &name, &mut |_| {}).map_err(system)??.is_none() {
            report.quarantined += 1;
            set_aside(files, &name, b"");
            files.rename(&name, &format!("quarantine/{name}")).map_err(system)?;
            continue;
        }
        let mut damaged = 0;
        let mut take = |chunk: &[u8]| damaged += u64::from(replay.snapshot(chunk).is_err());
        let whole = checkpoint::read(files, number, &name, &mut take).map_err(system)??;
        report.quarantined += damaged;
        if !own {
            files.rename(&name, &checkpoint::name(number)).map_err(system)?;
        }
        for (older, _) in found.into_iter().filter(|(older, _)| *older != number) {
            checkpoint::remove(files, older);
        }
        return Ok(whole.unwrap_or_default());
    }
    Ok(Checkpoint { number: newest, ..Checkpoint::default() })
}

struct Log<'a> {
    files: &'a dyn Files,
    segments: Vec<(u32, Segment)>,
    /// Damage before this is the disk's fault.
    durable: Location,
    /// All that follows the damage was searched for what it says to be durable.
    looked: bool,
    report: RecoveryReport,
}

impl Log<'_> {
    fn replay(&mut self, begin: Location, replay: &mut dyn Replay) -> std::io::Result<()> {
        let numbers: Vec<u32> = self.segments.iter().map(|(number, _)| *number).collect();
        let mut expected = begin.segment.max(1);
        for number in numbers.into_iter().filter(|number| *number >= begin.segment) {
            let missing = Location { segment: expected, offset: 0 };
            if number != expected {
                if self.is_torn(missing)? {
                    return self.cut(missing);
                }
                // Without its checkpoint, the log may have gaps where segments were empty.
                self.report.quarantined += u64::from(begin > Location::default());
            }
            expected = number + 1;
            let from = if number == begin.segment { begin.offset } else { 0 };
            if let Some(cut) = self.segment(number, from, replay)? {
                return self.cut(cut);
            }
        }
        Ok(())
    }

    /// Replays a segment; returns where the log ends, if that is here.
    fn segment(&mut self, number: u32, from: u32, replay: &mut dyn Replay) -> std::io::Result<Option<Location>> {
        let Some((file, size)) = self.file(number) else { return Ok(None) };
        let bytes = read_up_to(&*file, 0, usize::try_from(size).unwrap_or(usize::MAX))?;
        if from == 0 && !segment::check(&bytes).unwrap_or(false) {
            let at = Location { segment: number, offset: 0 };
            if self.is_torn(at)? {
                return Ok(Some(at));
            }
            self.set_aside(at, bytes.get(..segment::HEADER as usize).unwrap_or(&bytes));
        }
        let offset = from.max(segment::HEADER) as usize;
        for item in (Scan { segment: number, offset, bytes: bytes.get(offset..).unwrap_or_default() }) {
            match item {
                Item::Record { kind: Kind::End, .. } => return Ok(None),
                Item::Record { kind: Kind::Durable, payload, .. } => {
                    self.durable = self.durable.max(parse(payload).unwrap_or_default());
                }
                Item::Record { at, kind, payload } => match replay.record(payload, at, kind == Kind::Moved) {
                    Ok(()) => self.report.replayed += 1,
                    Err(crate::Damaged) => self.set_aside(at, payload),
                },
                Item::Damage { at, bytes } | Item::Rest { at, bytes } => {
                    if self.is_torn(at)? {
                        return Ok(Some(at));
                    }
                    self.set_aside(at, used(bytes));
                }
            }
        }
        let end = Location { segment: number, offset: u32::try_from(bytes.len()).unwrap_or(u32::MAX) };
        Ok(self.is_torn(end)?.then_some(end))
    }

    fn file(&self, number: u32) -> Option<(Arc<dyn File>, u64)> {
        let (_, segment) = self.segments.iter().find(|(found, _)| *found == number)?;
        Some((Arc::clone(&segment.file), segment.size))
    }

    fn set_aside(&mut self, at: Location, bytes: &[u8]) {
        set_aside(self.files, &format!("{:010}-{:010}", at.segment, at.offset), bytes);
        self.report.quarantined += 1;
    }

    /// Whether nothing says that what is damaged here was durable.
    fn is_torn(&mut self, at: Location) -> std::io::Result<bool> {
        if at >= self.durable && !self.looked {
            self.looked = true;
            let later: Vec<_> =
                self.segments.iter().map(|(number, _)| *number).filter(|number| *number >= at.segment).collect();
            for number in later {
                let Some((file, size)) = self.file(number) else { continue };
                let bytes = read_up_to(&*file, 0, usize::try_from(size).unwrap_or(usize::MAX))?;
                let offset = segment::HEADER as usize;
                for item in (Scan { segment: number, offset, bytes: bytes.get(offset..).unwrap_or_default() }) {
                    if let Item::Record { kind: Kind::Durable, payload, .. } = item {
                        self.durable = self.durable.max(parse(payload).unwrap_or_default());
                    }
                }
            }
        }
        Ok(at >= self.durable)
    }

    /// Ends the log. What lies behind goes first, so that it cannot come back if this is interrupted.
    fn cut(&mut self, at: Location) -> std::io::Result<()> {
        for (_, segment) in self.segments.iter().filter(|(number, _)| *number <= at.segment) {
            segment.file.sync()?;
        }
        // The process before may have made a segment without syncing its name. It must be there before a later one says so.
        self.files.sync_names()?;
        while let Some((number, segment)) = self.segments.pop_if(|(number, _)| *number > at.segment) {
            self.report.torn_bytes += torn(&*segment.file, segment::HEADER.into(), segment.size)?;
            self.files.remove(&segment::name(number))?;
            self.files.sync_names()?;
        }
        let Some((number, segment)) = self.segments.last_mut().filter(|(number, _)| *number == at.segment) else {
            return Ok(());
        };
        self.report.torn_bytes += torn(&*segment.file, at.offset.max(segment::HEADER).into(), segment.size)?;
        if at.offset <= segment::HEADER {
            self.files.remove(&segment::name(*number))?;
            self.segments.pop();
            return self.files.sync_names();
        }
        segment.file.truncate(at.offset.into())?;
        // What said so may be gone: damage before this is the disk's fault the next time, too.
        let mut end = Vec::new();
        encode(&mut end, Kind::Durable, at, &place(at), &[]);
        let offset = at.offset + u32::try_from(end.len()).unwrap_or(0);
        encode(&mut end, Kind::End, Location { offset, ..at }, &[], &[]);
        write_all(&*segment.file, &end, at.offset.into())?;
        segment.size = segment.file.len()?;
        segment.file.sync()
    }

    /// What was replayed becomes durable, whatever the process before had left to the system.
    fn settle(&mut self, begin: Location) -> std::io::Result<()> {
        for (_, segment) in self.segments.iter().filter(|(number, _)| *number >= begin.segment) {
            segment.file.sync()?;
        }
        self.files.sync_names()
    }
}

/// Without the zeros at the end.
fn used(bytes: &[u8]) -> &[u8] {
    let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..len).unwrap_or(bytes)
}

fn torn(file: &dyn File, from: u64, size: u64) -> std::io::Result<u64> {
    let len = usize::try_from(size.saturating_sub(from)).unwrap_or(usize::MAX);
    Ok(used(&read_up_to(file, from, len)?).len() as u64)
}
