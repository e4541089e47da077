//! What was handed to Redis and is not confirmed: after a lost connection the stream itself says what has arrived.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// Messages on their way, in the order of their numbers.
#[derive(Debug)]
pub struct Written<T> {
    list: VecDeque<(u64, T)>,
}

impl<T> Default for Written<T> {
    fn default() -> Self {
        Self { list: VecDeque::new() }
    }
}

impl<T> Written<T> {
    /// A message leaves. Numbers grow.
    pub fn push(&mut self, number: u64, message: T) {
        self.list.push_back((number, message));
    }

    /// Redis has confirmed these, or they were found in the stream. It says nothing of those before: a full memory may have refused them.
    pub fn confirm(&mut self, numbers: RangeInclusive<u64>) {
        let start = self.list.partition_point(|(number, _)| number < numbers.start());
        let end = self.list.partition_point(|(number, _)| number <= numbers.end());
        self.list.drain(start..end);
    }

    /// The stream was read to its end: the rest has not arrived, and is to be written again.
    pub fn rest(&mut self) -> Vec<(u64, T)> {
        std::mem::take(&mut self.list).into()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
