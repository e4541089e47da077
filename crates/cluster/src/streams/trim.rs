//! How far a stream was read, and whether what follows is still there.

use super::entry::Id;

/// What Redis says of a stream (`XINFO STREAM`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Its oldest entry.
    pub first: Option<Id>,
    /// The last one that it was given, whether it is still there or not.
    pub last: Id,
    /// How many it has.
    pub length: u64,
    /// How many it was given in its life. Redis 7 counts them.
    pub added: Option<u64>,
}

/// The last entry of a stream that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Its id.
    pub id: Id,
    /// The how manyth it was, where that is known.
    pub ordinal: Option<u64>,
}

impl Position {
    /// At the end of a stream: what comes is read, what is there is not.
    pub fn end(reach: Reach) -> Self {
        Self { id: reach.last, ordinal: reach.added }
    }

    /// One more was read.
    pub fn read(&mut self, id: Id) {
        self.id = id;
        self.ordinal = self.ordinal.map(|ordinal| ordinal + 1);
    }

    /// Looks where the stream begins now: how many entries after this position have been trimmed, and are lost (at least one, when
    /// Redis does not count them). The position moves to where reading goes on.
    pub fn check(&mut self, reach: Reach) -> u64 {
        if reach.last < self.id {
            // It was deleted, or Redis has less than it had (a snapshot, or a replica that was behind and is the primary now). What is
            // written next has a greater id than all that was read, as clocks go: what is there was read before.
            *self = Self::end(reach);
            return 0;
        }
        let Some(first) = reach.first else {
            // Nothing is there: what came since is gone.
            let lost = match (self.ordinal, reach.added) {
                (Some(ordinal), Some(added)) => added.saturating_sub(ordinal),
                _ => u64::from(reach.last > self.id),
            };
            *self = Self::end(reach);
            return lost;
        };
        if first <= self.id {
            return 0;
        }
        let before = reach.added.map(|added| added.saturating_sub(reach.length));
        let lost = match (self.ordinal, before) {
            (Some(ordinal), Some(before)) => before.saturating_sub(ordinal),
            // Before the first entry ever there was nothing to lose.
            _ => u64::from(self.id != Id::ZERO),
        };
        *self = Self { id: first.previous(), ordinal: before };
        lost
    }

    /// What was trimmed before it could be read, found out afterwards: when the last entry was read, all were. Needs Redis' counting.
    pub fn audit(&mut self, reach: Reach) -> u64 {
        let (Some(ordinal), Some(added)) = (self.ordinal, reach.added) else { return 0 };
        if self.id != reach.last {
            return 0;
        }
        self.ordinal = Some(added);
        added.saturating_sub(ordinal)
    }
}
