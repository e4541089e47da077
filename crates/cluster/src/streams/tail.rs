//! How far each stream was read, and what of ours has not been seen there.

use std::ops::RangeInclusive;

use super::entry::Id;
use super::trim::{Position, Reach};
use super::written::Written;
use crate::outbox::Outgoing;

/// The reading end of a cluster's streams.
#[derive(Debug)]
pub(crate) struct Tail {
    streams: Vec<String>,
    /// None until the first connection.
    positions: Vec<Option<Position>>,
    /// On their way to each.
    written: Vec<Written<Outgoing>>,
    /// Of each: entries were trimmed before they were read, ours perhaps among them.
    gaps: Vec<bool>,
    /// More comes than is read at once: entries may be trimmed before they are read.
    pub(crate) behind: bool,
}

impl Tail {
    pub(crate) fn new(streams: Vec<String>) -> Self {
        let positions = vec![None; streams.len()];
        let written = streams.iter().map(|_| Written::default()).collect();
        let gaps = vec![false; streams.len()];
        Self { streams, positions, written, gaps, behind: false }
    }

    /// The place of the stream of that name.
    fn place(&self, stream: &str) -> Option<usize> {
        self.streams.iter().position(|name| name == stream)
    }

    /// An entry leaves; returns the place of its stream. `None`: it is no entry.
    pub(crate) fn leaves(&mut self, message: &Outgoing) -> Option<(usize, u64)> {
        let number = message.number()?;
        let place = self.place(message.route.name())?;
        self.written.get_mut(place)?.push(number, message.clone());
        Some((place, number))
    }

    /// A stream has our entries with these numbers.
    pub(crate) fn confirm(&mut self, place: usize, numbers: RangeInclusive<u64>) {
        if let Some(written) = self.written.get_mut(place) {
            written.confirm(numbers);
        }
    }

    /// One of ours was read. Those before it were read, too, or trimmed, or have not arrived: with a gap it is not known which, and nothing
    /// is written twice.
    pub(crate) fn read_own(&mut self, place: usize, number: u64) {
        let has_gap = self.gaps.get_mut(place).is_some_and(std::mem::take);
        self.confirm(place, if has_gap { 0 } else { number }..=number);
    }

    /// The streams were read to their ends: these of ours are not there. In the order in which they were handed over.
    pub(crate) fn rest(&mut self) -> Vec<Outgoing> {
        let mut rest: Vec<_> = self.written.iter_mut().flat_map(Written::rest).collect();
        rest.sort_by_key(|(number, _)| *number);
        rest.into_iter().map(|(_, message)| message).collect()
    }

    pub(crate) fn streams(&self) -> &[String] {
        &self.streams
    }

    /// After which entries to read.
    pub(crate) fn from(&self) -> Vec<(String, Id)> {
        let ids = self.positions.iter().map(|position| position.unwrap_or_default().id);
        self.streams.iter().cloned().zip(ids).collect()
    }

    /// Where the stream of that name was read up to.
    pub(crate) fn position(&self, stream: &str) -> Option<Id> {
        let place = self.place(stream)?;
        self.positions.get(place).copied().flatten().map(|position| position.id)
    }

    /// On a new connection: where reading begins, or goes on. How many entries were trimmed meanwhile.
    pub(crate) fn begin(&mut self, reaches: &[Reach]) -> u64 {
        let look = |position: &mut Option<Position>, reach| {
            let known = position.is_some();
            let position = position.get_or_insert_with(|| Position::end(reach));
            if known { position.check(reach) } else { 0 }
        };
        self.trimmed(reaches, look)
    }

    /// In the course of reading: how many entries were trimmed before they were read.
    pub(crate) fn audit(&mut self, reaches: &[Reach]) -> u64 {
        self.trimmed(reaches, |position, reach| position.as_mut().map_or(0, |position| position.audit(reach)))
    }

    fn trimmed(&mut self, reaches: &[Reach], mut look: impl FnMut(&mut Option<Position>, Reach) -> u64) -> u64 {
        let places = self.positions.iter_mut().zip(&mut self.gaps);
        let each = places.zip(reaches).map(|((position, gap), reach)| {
            let lost = look(position, *reach);
            *gap |= lost > 0;
            lost
        });
        each.sum()
    }

    /// How far the streams' ends are ahead of what was read, in milliseconds of their ids.
    pub(crate) fn lag(&self, reaches: &[Reach]) -> u64 {
        let positions = self.positions.iter().map(|position| position.unwrap_or_default().id);
        let each =
            reaches.iter().zip(positions).map(|(reach, id)| reach.last.milliseconds.saturating_sub(id.milliseconds));
        each.max().unwrap_or(0)
    }

    pub(crate) fn read(&mut self, place: usize, id: Id) {
        if let Some(Some(position)) = self.positions.get_mut(place) {
            position.read(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::outbox::{Origin, Route};

    #[test]
    fn with_a_gap_nothing_is_written_twice() {
        let id = |milliseconds| Id { milliseconds, sequence: 0 };
        let origin = Arc::new(Origin { name: "a".into(), most: 100, uid: "u".into(), nsp: "/".into() });
        let rest = |first| {
            let mut tail = Tail::new(vec!["a".into()]);
            tail.begin(&[Reach { last: id(10), added: Some(10), ..Reach::default() }]);
            for number in 1..=4 {
                let route = Route::Stream { origin: Arc::clone(&origin), kind: 3, number };
                tail.leaves(&Outgoing { route, payload: "{}".into() });
            }
            let lost =
                tail.begin(&[Reach { first: Some(id(first)), last: id(13), length: 14 - first, added: Some(13) }]);
            tail.read_own(0, 3);
            (lost, tail.rest().len())
        };
        assert_eq!(rest(11), (0, 3), "all are there, but for those that are not");
        assert_eq!(rest(13), (2, 1), "the first two may have been trimmed");
    }

    #[test]
    fn it_lags_behind_the_stream_that_is_farthest_ahead() {
        let id = |milliseconds| Id { milliseconds, sequence: 0 };
        let reach = |milliseconds| Reach { last: id(milliseconds), ..Reach::default() };
        let mut tail = Tail::new(vec!["a".into(), "b".into()]);
        tail.begin(&[reach(100), reach(100)]);
        tail.read(0, id(150));
        assert_eq!(tail.lag(&[reach(170), reach(140)]), 40);
        assert_eq!(tail.lag(&[reach(150), reach(100)]), 0);
        // Redis was started again, with less.
        assert_eq!(tail.lag(&[reach(1), reach(1)]), 0);
    }
}
