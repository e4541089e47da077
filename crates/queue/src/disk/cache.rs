//! What was written lately, so that a message that is delivered at once is not read from the disk.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::Location;

/// Runs of bytes as they were written, in order, up to a bound.
pub(super) struct Cache {
    runs: VecDeque<(Location, Bytes)>,
    bytes: usize,
    limit: usize,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { runs: VecDeque::new(), bytes: 0, limit }
    }

    pub(super) fn push(&mut self, at: Location, run: Bytes) {
        self.bytes += run.len();
        self.runs.push_back((at, run));
        while self.bytes > self.limit {
            let Some((_, run)) = self.runs.pop_front() else { break };
            self.bytes -= run.len();
        }
    }

    pub(super) fn get(&self, at: Location, len: usize) -> Option<&[u8]> {
        let after = self.runs.partition_point(|(start, _)| *start <= at);
        let (start, run) = self.runs.get(after.checked_sub(1)?)?;
        if start.segment != at.segment {
            return None;
        }
        let from = (at.offset - start.offset) as usize;
        run.get(from..from.checked_add(len)?)
    }
}
