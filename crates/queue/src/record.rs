//! What is written into the store, byte by byte.
//!
//! Each record begins with a version byte and a kind. Integers are varints (LEB128) unless said otherwise; text and bytes have their
//! length before them. Decoding never panics and never allocates more than the record's own size: a disk may hold anything.

mod bytes;
mod change;
mod message;
mod options;
mod schedule;

pub(crate) use self::bytes::{Reader, Writer};
pub(crate) use change::{Change, DueChange, History, ScheduleState, write_attempts, write_removed};
pub(crate) use message::{Head, Tick, decode_message};
pub(crate) use options::{read_options, write_options};
pub(crate) use schedule::{read_schedule, write_schedule};

use crate::{Damaged, MessageId};

/// The version of everything in here. A store with a larger one in its [`Kind::Genesis`] is refused.
pub(crate) const VERSION: u8 = 1;

/// What a record is about. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first record of a store: its secret.
    Genesis = 0,
    /// A queue's name, options, and whether it is paused.
    Queue = 1,
    /// A message; content.
    Message = 2,
    /// The errors of a message's failed attempts, and when it is due again; content.
    History = 3,
    /// Messages that are gone.
    Removed = 4,
    /// How often messages have been delivered.
    Attempts = 5,
    /// When a message is due.
    Due = 6,
    /// A schedule.
    Schedule = 7,
    /// A schedule has ended.
    Unschedule = 8,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        const ALL: [Kind; 9] = [
            Kind::Genesis,
            Kind::Queue,
            Kind::Message,
            Kind::History,
            Kind::Removed,
            Kind::Attempts,
            Kind::Due,
            Kind::Schedule,
            Kind::Unschedule,
        ];
        ALL.get(usize::from(byte)).copied()
    }
}

/// The kind of a record, and a reader of what follows. A newer version is damage here: the genesis was to be looked at first.
pub(crate) fn open(record: &[u8]) -> Result<(Kind, Reader<'_>), Damaged> {
    let mut reader = Reader::new(record);
    if reader.byte()? != VERSION {
        return Err(Damaged);
    }
    let kind = Kind::of(reader.byte()?).ok_or(Damaged)?;
    Ok((kind, reader))
}

/// The kind and message of a content record, without reading the rest.
pub(crate) fn content(record: &[u8]) -> Option<(Kind, MessageId)> {
    let (kind, mut reader) = open(record).ok()?;
    match kind {
        Kind::Message | Kind::History => Some((kind, MessageId(reader.fixed64().ok()?))),
        _ => None,
    }
}

/// Starts a record.
pub(crate) fn begin(out: &mut Vec<u8>, kind: Kind) -> Writer<'_> {
    out.clear();
    out.extend_from_slice(&[VERSION, kind as u8]);
    Writer::new(out)
}
