//! How far each stream was read, and what of ours has not been seen there.

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
    /// More comes than is read at once: entries may be trimmed before they are read.
    pub(crate) behind: bool,
}

impl Tail {
    pub(crate) fn new(streams: Vec<String>) -> Self {
        let positions = vec![None; streams.len()];
        let written = streams.iter().map(|_| Written::default()).collect();
        Self { streams, positions, written, behind: false }
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

    /// A stream has our entries up to this number, which are written to it in order. What is written to others takes other ways.
    pub(crate) fn confirm(&mut self, place: usize, number: u64) {
        if let Some(written) = self.written.get_mut(place) {
            written.confirm(number);
        }
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
        let mut lost = 0;
        for (position, reach) in self.positions.iter_mut().zip(reaches) {
            match position {
                Some(position) => lost += position.check(*reach),
                None => *position = Some(Position::end(*reach)),
            }
        }
        lost
    }

    /// In the course of reading: how many entries were trimmed before they were read.
    pub(crate) fn audit(&mut self, reaches: &[Reach]) -> u64 {
        let pairs = self.positions.iter_mut().zip(reaches);
        pairs.filter_map(|(position, reach)| Some(position.as_mut()?.audit(*reach))).sum()
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
    use super::*;

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
