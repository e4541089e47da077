//! Messages.

use bytes::Bytes;

use super::{Kind, begin, open};
use crate::{Damaged, Message, MessageId};

const DELIVER_AT: u8 = 1;
const EXPIRES_AT: u8 = 2;
const KEY: u8 = 4;
const DEDUP: u8 = 8;
const ORIGIN: u8 = 16;
const TICK: u8 = 32;
const HEADERS: u8 = 64;
const KEEPS_HISTORY: u8 = 128;

/// Everything of a message's record but the payload, which follows it.
///
/// `version, kind, id (8 bytes), flags, queue, priority (byte), content (byte)`, then what the flags announce, in the order of
/// the fields below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) id: MessageId,
    pub(crate) queue: u32,
    pub(crate) priority: u8,
    pub(crate) content: u8,
    /// The failed attempts of before belong to it: it has died.
    pub(crate) keeps_history: bool,
    pub(crate) deliver_at: Option<u64>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) key: Option<&'a str>,
    pub(crate) dedup_id: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) tick: Option<Tick<'a>>,
    pub(crate) headers: &'a [u8],
}

/// That a schedule sent it. It also says what the schedule has done, so that both are one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick<'a> {
    pub(crate) schedule: &'a str,
    /// Its time, wall clock.
    pub(crate) time: u64,
    /// How many it has sent, with this one.
    pub(crate) sent: u64,
}

impl<'a> Head<'a> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let flag = |present: bool, bit: u8| if present { bit } else { 0 };
        let flags = flag(self.deliver_at.is_some(), DELIVER_AT)
            | flag(self.expires_at.is_some(), EXPIRES_AT)
            | flag(self.key.is_some(), KEY)
            | flag(self.dedup_id.is_some(), DEDUP)
            | flag(self.origin.is_some(), ORIGIN)
            | flag(self.tick.is_some(), TICK)
            | flag(!self.headers.is_empty(), HEADERS)
            | flag(self.keeps_history, KEEPS_HISTORY);
        let mut writer = begin(out, Kind::Message);
        writer.fixed64(self.id.0);
        writer.byte(flags);
        writer.number(u64::from(self.queue));
        writer.byte(self.priority);
        writer.byte(self.content);
        for number in [self.deliver_at, self.expires_at].into_iter().flatten() {
            writer.number(number);
        }
        for text in [self.key, self.dedup_id, self.origin].into_iter().flatten() {
            writer.bytes(text.as_bytes());
        }
        if let Some(tick) = self.tick {
            writer.bytes(tick.schedule.as_bytes());
            writer.number(tick.time);
            writer.number(tick.sent);
        }
        if !self.headers.is_empty() {
            writer.bytes(self.headers);
        }
    }

    /// Reads a head, and returns where the payload begins.
    pub(crate) fn read(record: &'a [u8]) -> Result<(Self, usize), Damaged> {
        let (Kind::Message, mut reader) = open(record)? else { return Err(Damaged) };
        let id = MessageId(reader.fixed64()?);
        let flags = reader.byte()?;
        let has = |bit: u8| flags & bit != 0;
        let head = Self {
            id,
            queue: reader.small()?,
            priority: reader.byte()?,
            content: reader.byte()?,
            keeps_history: has(KEEPS_HISTORY),
            deliver_at: if has(DELIVER_AT) { Some(reader.number()?) } else { None },
            expires_at: if has(EXPIRES_AT) { Some(reader.number()?) } else { None },
            // An empty one is none, as it is for who reads the message.
            key: if has(KEY) { Some(reader.text()?).filter(|key| !key.is_empty()) } else { None },
            dedup_id: if has(DEDUP) { Some(reader.text()?) } else { None },
            origin: if has(ORIGIN) { Some(reader.text()?) } else { None },
            tick: if has(TICK) {
                Some(Tick { schedule: reader.text()?, time: reader.number()?, sent: reader.number()? })
            } else {
                None
            },
            headers: if has(HEADERS) { reader.bytes()? } else { &[] },
        };
        Ok((head, reader.position()))
    }
}

/// Reads a whole message, sharing the record's memory.
pub(crate) fn decode_message(record: Bytes) -> Result<Message, Damaged> {
    let (head, payload) = Head::read(&record)?;
    let end = u32::try_from(record.len()).map_err(|_| Damaged)?;
    let payload = u32::try_from(payload).map_err(|_| Damaged)?;
    // Headers are the last part before the payload; the key is found by its address within the record.
    let headers = payload - u32::try_from(head.headers.len()).map_err(|_| Damaged)?..payload;
    let key = head.key.map_or(0..0, |key| {
        let start = key.as_ptr().addr().wrapping_sub(record.as_ptr().addr());
        u32::try_from(start).map_or(0..0, |start| start..start.saturating_add(u32::try_from(key.len()).unwrap_or(0)))
    });
    Ok(Message {
        id: head.id,
        content: head.content,
        priority: head.priority,
        deliver_at: head.deliver_at,
        expires_at: head.expires_at,
        origin: head.origin.map(Into::into),
        schedule: head.tick.map(|tick| tick.schedule.into()),
        key,
        headers,
        payload: payload..end,
        record,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::option::of;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            numbers: (u64, u32, u8, u8), times in (of(any::<u64>()), of(any::<u64>())),
            key in of(".{1,20}"), dedup in of(".{1,20}"), origin in of(".{1,20}"),
            tick in of((".{1,9}", any::<u64>(), any::<u64>())),
            headers: Vec<u8>, payload: Vec<u8>, keeps_history: bool,
        ) {
            let head = Head {
                id: MessageId(numbers.0), queue: numbers.1, priority: numbers.2, content: numbers.3, keeps_history,
                deliver_at: times.0, expires_at: times.1,
                key: key.as_deref(), dedup_id: dedup.as_deref(), origin: origin.as_deref(),
                tick: tick.as_ref().map(|(schedule, time, sent)| Tick { schedule, time: *time, sent: *sent }),
                headers: &headers,
            };
            let mut record = Vec::new();
            head.write(&mut record);
            let start = record.len();
            record.extend_from_slice(&payload);
            prop_assert_eq!(Head::read(&record), Ok((head.clone(), start)));
            let message = decode_message(record.into()).unwrap();
            prop_assert_eq!(message.payload(), &payload[..]);
            prop_assert_eq!(message.headers(), &headers[..]);
            prop_assert_eq!(message.key(), key.as_deref());
        }

        #[test]
        fn garbage_is_damage_and_never_a_panic(mut record: Vec<u8>, forged: bool) {
            if forged && record.len() > 2 {
                record[0] = super::super::VERSION;
                record[1] = Kind::Message as u8;
            }
            let _ = decode_message(record.into());
        }
    }
}
