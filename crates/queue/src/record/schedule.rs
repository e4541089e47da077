//! Schedules.

use bytes::Bytes;

use super::{Reader, Writer};
use crate::{Damaged, Due, NewMessage, Schedule, Times};

pub(crate) fn write_schedule(schedule: &Schedule, writer: &mut Writer<'_>) {
    let Schedule { times, message, limit, until } = schedule;
    match times {
        Times::Every(millis) => {
            writer.byte(0);
            writer.number(*millis);
        }
        Times::Cron { expression, zone } => {
            writer.byte(1);
            writer.bytes(expression.as_bytes());
            writer.bytes(zone.as_deref().unwrap_or_default().as_bytes());
        }
    }
    writer.option(*limit);
    writer.option(*until);
    let NewMessage { payload, headers, content, priority, due: _, ttl, key, dedup_id: _ } = message;
    writer.byte(*content);
    writer.byte(*priority);
    writer.option(*ttl);
    writer.bytes(key.as_deref().unwrap_or_default().as_bytes());
    writer.bytes(headers);
    writer.bytes(payload);
}

pub(crate) fn read_schedule(reader: &mut Reader<'_>) -> Result<Schedule, Damaged> {
    let text = |text: &str| if text.is_empty() { None } else { Some(text.into()) };
    let times = match reader.byte()? {
        0 => Times::Every(reader.number()?),
        1 => Times::Cron { expression: reader.text()?.into(), zone: text(reader.text()?) },
        _ => return Err(Damaged),
    };
    let (limit, until) = (reader.option()?, reader.option()?);
    let message = NewMessage {
        content: reader.byte()?,
        priority: reader.byte()?,
        ttl: reader.option()?,
        key: text(reader.text()?),
        headers: Bytes::copy_from_slice(reader.bytes()?),
        payload: Bytes::copy_from_slice(reader.bytes()?),
        due: Due::Now,
        dedup_id: None,
    };
    Ok(Schedule { times, message, limit, until })
}
