//! Live records move out of sparse segments, so that one old message cannot keep a whole one.

use super::files::{failed, read_up_to};
use super::log::Log;
use super::quarantine::set_aside;
use super::record::{Header, Kind, stored};
use super::segment;
use crate::{Error, Index, Location};

/// Bytes looked at in one slice; few in the tests, so that a segment takes some.
const SLICE: usize = if cfg!(test) { 1 << 10 } else { 256 << 10 };

/// A segment that is being emptied.
pub(super) struct Victim {
    pub number: u32,
    offset: usize,
}

/// The sparsest segment before `before`, if one is sparse enough: below a quarter live, or all together hold more than a segment
/// and a quarter of the live data in dead bytes.
pub(super) fn victim(log: &Log, before: u32, segment_bytes: u64) -> Option<Victim> {
    let candidates = || log.segments.range(..before).filter(|(_, segment)| segment.live > 0 && !segment.stuck);
    let (number, sparsest) = candidates().min_by(|(_, a), (_, b)| {
        (u128::from(a.live) * u128::from(b.size)).cmp(&(u128::from(b.live) * u128::from(a.size)))
    })?;
    let live: u64 = candidates().map(|(_, segment)| segment.live).sum();
    let dead = candidates().map(|(_, segment)| segment.size).sum::<u64>().saturating_sub(live);
    let sparse = sparsest.live * 4 < sparsest.size;
    let much = dead > segment_bytes + live / 4 && sparsest.live * 10 < sparsest.size * 9;
    (sparse || much).then_some(Victim { number: *number, offset: segment::HEADER as usize })
}

/// What a slice came to.
pub(super) enum Step {
    More,
    /// Nothing live is left in it.
    Empty,
    /// Not now: the disk is full, or does not let it be read.
    Refused,
}

impl Victim {
    /// Moves what is live in the next part of it; the copies are durable after the commit that follows `commit`. Returns how many damaged spans were set aside, too.
    pub(super) fn step(
        &mut self,
        log: &mut Log,
        index: &mut dyn Index,
        durable: Location,
        commit: u64,
    ) -> Result<(Step, u64), Error> {
        let mut aside = 0;
        let Some(segment) = log.segments.get(&self.number) else { return Ok((Step::Empty, aside)) };
        let file = std::sync::Arc::clone(&segment.file);
        let read = |offset: usize, len| read_up_to(&*file, offset as u64, len);
        let Ok(mut window) = read(self.offset, SLICE) else { return Ok((Step::Refused, aside)) };
        let base = self.offset;
        let mut damage: Option<usize> = None;
        loop {
            let at = Location { segment: self.number, offset: u32::try_from(self.offset).unwrap_or(u32::MAX) };
            let rest = window.get(self.offset - base..).unwrap_or_default();
            let Some(header) = Header::decode(rest, at) else {
                if rest.len() < super::record::HEADER {
                    break;
                }
                if rest.iter().take(4).any(|byte| *byte != 0) {
                    damage.get_or_insert(self.offset);
                }
                self.offset += 4;
                continue;
            };
            let size = stored(header.len);
            if rest.len() < size {
                if self.offset > base {
                    break;
                }
                // Longer than a slice.
                let Ok(longer) = read(self.offset, size) else { return Ok((Step::Refused, aside)) };
                if longer.len() == window.len() {
                    break;
                }
                window = longer;
                continue;
            }
            if let Some(from) = damage.take() {
                aside += 1;
                keep(log, self.number, from, window.get(from - base..self.offset - base));
            }
            match header.payload(rest) {
                None => {
                    aside += 1;
                    keep(log, self.number, self.offset, rest.get(..size));
                }
                Some(payload) if matches!(header.kind, Kind::Content | Kind::Moved) && index.is_live(payload, at) => {
                    let to = match log.append(Kind::Moved, payload, &[], durable) {
                        Ok(to) => to,
                        Err(Error::DiskFull { .. }) => return Ok((Step::Refused, aside)),
                        Err(error) => return Err(error),
                    };
                    index.moved(payload, at, to);
                    log.moved += size as u64;
                    if let Some(segment) = log.segments.get_mut(&self.number) {
                        segment.live = segment.live.saturating_sub(size as u64);
                        segment.free_after = commit + 1;
                    }
                }
                Some(_) => {}
            }
            self.offset += size;
        }
        if let Some(from) = damage {
            aside += 1;
            keep(log, self.number, from, window.get(from - base..));
        }
        let length = file.len().map_err(|error| failed("cannot read a segment", &error))?;
        let ended = self.offset + super::record::HEADER > usize::try_from(length).unwrap_or(usize::MAX);
        Ok((if ended || self.offset == base { Step::Empty } else { Step::More }, aside))
    }
}

fn keep(log: &Log, number: u32, offset: usize, bytes: Option<&[u8]>) {
    set_aside(&*log.files, &format!("{number:010}-{offset:010}"), bytes.unwrap_or_default());
}
