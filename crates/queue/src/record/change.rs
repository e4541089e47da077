//! Changes of state.

use super::{Kind, Reader, Writer, begin, open, read_options, read_schedule, write_options, write_schedule};
use crate::{Attempt, Damaged, MessageId, QueueOptions, Schedule};

/// A change as it is replayed. Messages are read by [`super::Head`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Genesis { version: u32, secret: [u8; 16] },
    Queue { queue: u32, name: Box<str>, options: Box<QueueOptions>, paused: bool },
    History(History),
    Removed(Vec<MessageId>),
    Attempts(Vec<(MessageId, u16)>),
    Due(DueChange),
    Schedule { queue: u32, name: Box<str>, schedule: Box<Schedule>, state: ScheduleState },
    Unschedule { queue: u32, name: Box<str> },
}

/// When a message is due; 0: at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DueChange {
    pub(crate) id: MessageId,
    pub(crate) due: u64,
}

/// What a schedule has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScheduleState {
    /// The time of its last tick, or of its making.
    pub(crate) last: u64,
    pub(crate) sent: u64,
    pub(crate) skipped: u64,
    pub(crate) outstanding: MessageId,
}

/// The failed attempts of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) id: MessageId,
    /// How often it was delivered.
    pub(crate) attempts: u16,
    /// When it is due again, wall clock.
    pub(crate) due: u64,
    pub(crate) list: Vec<Attempt>,
}

impl History {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut writer = begin(out, Kind::History);
        writer.fixed64(self.id.0);
        writer.number(u64::from(self.attempts));
        writer.number(self.due);
        writer.number(self.list.len() as u64);
        for attempt in &self.list {
            writer.number(u64::from(attempt.number));
            writer.number(attempt.failed_at);
            writer.bytes(attempt.error.as_bytes());
        }
    }

    pub(crate) fn read(record: &[u8]) -> Result<Self, Damaged> {
        match Change::read(record)? {
            Change::History(history) => Ok(history),
            _ => Err(Damaged),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut history = Self {
            id: MessageId(reader.fixed64()?),
            attempts: reader.small()?,
            due: reader.number()?,
            list: Vec::new(),
        };
        for _ in 0..reader.number()? {
            let (number, failed_at) = (reader.small()?, reader.number()?);
            history.list.push(Attempt { number, failed_at, error: reader.text()?.into() });
        }
        Ok(history)
    }
}

impl Change {
    /// Reads any record but a message's.
    pub(crate) fn read(record: &[u8]) -> Result<Self, Damaged> {
        let (kind, mut reader) = open(record)?;
        let reader = &mut reader;
        let change = match kind {
            Kind::Message => return Err(Damaged),
            Kind::Genesis => {
                Self::Genesis { version: reader.small()?, secret: reader.take(16)?.try_into().map_err(|_| Damaged)? }
            }
            Kind::Queue => Self::Queue {
                queue: reader.small()?,
                paused: reader.byte()? != 0,
                name: reader.text()?.into(),
                options: Box::new(read_options(reader)?),
            },
            Kind::History => Self::History(History::decode(reader)?),
            Kind::Removed => {
                let (mut ids, mut last) = (Vec::new(), 0_u64);
                while !reader.is_empty() {
                    last = last.wrapping_add(reader.number()?);
                    ids.push(MessageId(last));
                }
                Self::Removed(ids)
            }
            Kind::Attempts => {
                let (mut list, mut id) = (Vec::new(), 0_u64);
                while !reader.is_empty() {
                    id = id.wrapping_add(reader.number()?);
                    list.push((MessageId(id), reader.small()?));
                }
                Self::Attempts(list)
            }
            Kind::Due => Self::Due(DueChange { id: MessageId(reader.number()?), due: reader.number()? }),
            Kind::Schedule => Self::Schedule {
                queue: reader.small()?,
                name: reader.text()?.into(),
                state: ScheduleState {
                    last: reader.number()?,
                    sent: reader.number()?,
                    skipped: reader.number()?,
                    outstanding: MessageId(reader.number()?),
                },
                schedule: Box::new(read_schedule(reader)?),
            },
            Kind::Unschedule => Self::Unschedule { queue: reader.small()?, name: reader.text()?.into() },
        };
        if reader.is_empty() { Ok(change) } else { Err(Damaged) }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Genesis { version, secret } => {
                let mut writer = begin(out, Kind::Genesis);
                writer.number(u64::from(*version));
                writer.raw(secret);
            }
            Self::Queue { queue, name, options, paused } => {
                let mut writer = begin(out, Kind::Queue);
                writer.number(u64::from(*queue));
                writer.byte(u8::from(*paused));
                writer.bytes(name.as_bytes());
                write_options(options, &mut writer);
            }
            Self::History(history) => history.write(out),
            Self::Removed(ids) => write_removed(ids, out),
            Self::Attempts(list) => write_attempts(list, out),
            Self::Due(change) => {
                let mut writer = begin(out, Kind::Due);
                writer.number(change.id.0);
                writer.number(change.due);
            }
            Self::Schedule { queue, name, schedule, state } => {
                let mut writer = begin(out, Kind::Schedule);
                writer.number(u64::from(*queue));
                writer.bytes(name.as_bytes());
                for number in [state.last, state.sent, state.skipped, state.outstanding.0] {
                    writer.number(number);
                }
                write_schedule(schedule, &mut writer);
            }
            Self::Unschedule { queue, name } => {
                let mut writer = begin(out, Kind::Unschedule);
                writer.number(u64::from(*queue));
                writer.bytes(name.as_bytes());
            }
        }
    }
}

/// Ids as differences: neighbours take two or three bytes each.
pub(crate) fn write_removed(ids: &[MessageId], out: &mut Vec<u8>) {
    let mut writer = begin(out, Kind::Removed);
    let mut last = 0;
    for id in ids {
        difference(&mut writer, &mut last, *id);
    }
}

pub(crate) fn write_attempts(deliveries: &[(MessageId, u16)], out: &mut Vec<u8>) {
    let mut writer = begin(out, Kind::Attempts);
    let mut last = 0;
    for (id, attempts) in deliveries {
        difference(&mut writer, &mut last, *id);
        writer.number(u64::from(*attempts));
    }
}

fn difference(writer: &mut Writer<'_>, last: &mut u64, id: MessageId) {
    writer.number(id.0.wrapping_sub(*last));
    *last = id.0;
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{NewMessage, Times};
    use proptest::prelude::*;

    fn changes() -> impl Strategy<Value = Change> {
        let id = any::<u64>().prop_map(MessageId);
        prop_oneof![
            (any::<u32>(), any::<[u8; 16]>()).prop_map(|(version, secret)| Change::Genesis { version, secret }),
            (any::<u32>(), "[a-z]{1,9}", any::<bool>()).prop_map(|(queue, name, paused)| Change::Queue {
                queue,
                name: name.into(),
                options: Box::default(),
                paused
            }),
            (id, any::<u16>(), any::<u64>(), proptest::collection::vec((any::<u16>(), any::<u64>(), ".{0,9}"), 0..4))
                .prop_map(|(id, attempts, due, list)| {
                    let list = list
                        .into_iter()
                        .map(|(number, failed_at, error)| Attempt { number, failed_at, error: error.into() })
                        .collect();
                    Change::History(History { id, attempts, due, list })
                }),
            proptest::collection::vec(any::<u64>().prop_map(MessageId), 0..9).prop_map(Change::Removed),
            proptest::collection::vec((any::<u64>().prop_map(MessageId), any::<u16>()), 0..9)
                .prop_map(Change::Attempts),
            (any::<u64>().prop_map(MessageId), any::<u64>()).prop_map(|(id, due)| Change::Due(DueChange { id, due })),
            (any::<u32>(), ".{1,9}", 1..u64::MAX, any::<(u64, u64, u64, u64)>()).prop_map(
                |(queue, name, every, state)| {
                    Change::Schedule {
                        queue,
                        name: name.into(),
                        schedule: Box::new(Schedule {
                            times: Times::Every(every),
                            message: NewMessage::default(),
                            limit: None,
                            until: Some(7),
                        }),
                        state: ScheduleState {
                            last: state.0,
                            sent: state.1,
                            skipped: state.2,
                            outstanding: MessageId(state.3),
                        },
                    }
                }
            ),
            (any::<u32>(), ".{1,9}").prop_map(|(queue, name)| Change::Unschedule { queue, name: name.into() }),
        ]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(change in changes()) {
            let mut record = Vec::new();
            change.write(&mut record);
            prop_assert_eq!(Change::read(&record), Ok(change));
            record.push(0x81);
            prop_assert_eq!(Change::read(&record), Err(Damaged));
        }

        #[test]
        fn garbage_is_damage_and_never_a_panic(mut record: Vec<u8>, kind in 0_u8..10) {
            if record.len() > 2 {
                record[0] = super::super::VERSION;
                record[1] = kind;
            }
            let _ = Change::read(&record);
        }

        #[test]
        fn a_changed_byte_never_panics(change in changes(), at: prop::sample::Index, to: u8) {
            let mut record = Vec::new();
            change.write(&mut record);
            let at = at.index(record.len());
            record[at] = to;
            let _ = Change::read(&record);
        }
    }
}
