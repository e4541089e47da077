//! Messages that are sent again and again.

use crate::NewMessage;

/// When to send, and what. A tick is left out while the message of the one before is not settled (counted as skipped), and
/// those of the time in which no engine ran are not made up for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When.
    pub times: Times,
    /// What, at most 64 KiB. Its `due` and `dedup_id` are ignored.
    pub message: NewMessage,
    /// So many messages, then it ends.
    pub limit: Option<u64>,
    /// Nothing is sent after this; wall clock.
    pub until: Option<u64>,
}

/// When a schedule sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Times {
    /// Each so many milliseconds, at least 1, first when that time has passed.
    Every(u64),
    /// By a cron expression of five fields, or six with seconds.
    Cron {
        /// Such as `0 9 * * MON-FRI`.
        expression: Box<str>,
        /// A name of the IANA database such as `Europe/Berlin`; `None` is UTC.
        zone: Option<Box<str>>,
    },
}

/// A schedule and what it has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleInfo {
    /// Its name.
    pub name: Box<str>,
    /// What it does.
    pub schedule: Schedule,
    /// Its next time, wall clock; `None` when it has none.
    pub next: Option<u64>,
    /// Messages sent.
    pub sent: u64,
    /// Ticks left out because the message before was not settled.
    pub skipped: u64,
}
