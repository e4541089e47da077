//! Records of messages: what `script/place.lua` reads too.
//!
//! `1 deliverAt expiresAt priority content`, the lengths of key, origin, schedule, requester and headers, then these and the payload.

use std::str::FromStr;

use bytes::{BufMut, Bytes, BytesMut};
use socketio_queue::{Attempt, Message, MessageId, MessageInfo, NewMessage, Parts, State};

/// A record from the priority on: the script puts the times before it.
pub(crate) fn tail(message: &NewMessage, schedule: &str, requester: &str) -> Bytes {
    let key = message.key.as_deref().unwrap_or_default();
    let head = format!(
        "{} {} {} 0 {} {} {} ",
        message.priority,
        message.content,
        key.len(),
        schedule.len(),
        requester.len(),
        message.headers.len()
    );
    let texts = head.len() + key.len() + schedule.len() + requester.len();
    let mut record = BytesMut::with_capacity(texts + message.headers.len() + message.payload.len());
    for part in [head.as_bytes(), key.as_bytes(), schedule.as_bytes(), requester.as_bytes()] {
        record.put_slice(part);
    }
    record.put_slice(&message.headers);
    record.put_slice(&message.payload);
    record.freeze()
}

/// `None`: it is not a record.
pub(crate) fn read(id: MessageId, record: Bytes) -> Option<Message> {
    let mut numbers = [0_u64; 10];
    let mut at = 0;
    for number in &mut numbers {
        let rest = record.get(at..)?;
        let end = rest.iter().take(21).position(|byte| *byte == b' ')?;
        *number = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
        at += end + 1;
    }
    let [1, deliver, expires, priority, content, lengths @ ..] = numbers else { return None };
    let mut next = u32::try_from(at).ok()?;
    let mut part = |length: u64| {
        let start = next;
        next = next.checked_add(u32::try_from(length).ok()?)?;
        Some(start..next)
    };
    let [key, origin, schedule, requester, headers] = lengths;
    let (key, origin, schedule) = (part(key)?, part(origin)?, part(schedule)?);
    part(requester)?;
    let headers = part(headers)?;
    let length = u32::try_from(record.len()).ok()?;
    if headers.end > length {
        return None;
    }
    let text = |range: std::ops::Range<u32>| {
        let bytes = record.get(range.start as usize..range.end as usize).unwrap_or_default();
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into())
    };
    let (origin, schedule) = (text(origin), text(schedule));
    let parts = Parts { key, payload: headers.end..length, headers };
    let mut message = Message::of_record(id, u8::try_from(content).ok()?, u8::try_from(priority).ok()?, record, parts);
    message.deliver_at = (deliver > 0).then_some(deliver);
    message.expires_at = (expires > 0).then_some(expires);
    (message.origin, message.schedule) = (origin, schedule);
    Some(message)
}

/// A message as `info` in `script/look.lua` tells of it.
pub(crate) fn info(parts: [Bytes; 5]) -> Option<MessageInfo> {
    let [id, state, attempts, errors, record] = parts;
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let mut message = read(MessageId::from_str(&text(&id)).ok()?, record)?;
    let state = text(&state);
    let (state, due) = state.split_once(' ').unwrap_or((&state, ""));
    // It may have been put off, or wait for its next attempt.
    message.deliver_at = due.parse().ok().map(millis).or(message.deliver_at);
    let state = match state {
        "ready" => State::Ready,
        "delayed" => State::Delayed,
        "active" => State::Active,
        _ => State::Blocked,
    };
    let list: Vec<(u64, f64, String)> = serde_json::from_slice(&errors).unwrap_or_default();
    let history = list.into_iter().map(|(number, failed_at, error)| Attempt {
        number: u16::try_from(number).unwrap_or(u16::MAX),
        failed_at: millis(failed_at),
        error: error.into(),
    });
    Some(MessageInfo { message, state, attempts: text(&attempts).parse().unwrap_or(0), history: history.collect() })
}

/// A time that Lua wrote.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
fn millis(number: f64) -> u64 {
    number as u64
}

/// Cuts an error's text at a character's boundary.
pub(crate) fn cut(error: &str) -> &str {
    let most = socketio_queue::MAX_ERROR_BYTES.min(error.len());
    let end = (0..=most).rev().find(|end| error.is_char_boundary(*end)).unwrap_or(0);
    error.get(..end).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        let new = NewMessage {
            payload: Bytes::from_static(b"pay 1 2 load"),
            headers: Bytes::from_static(b"{}"),
            content: 2,
            priority: 255,
            key: Some("user: 42".into()),
            ..NewMessage::default()
        };
        let record = [b"1 5 0 ", &tail(&new, "s", "r")[..]].concat();
        let message = read(MessageId(7), record.into()).unwrap();
        assert_eq!(
            (message.payload(), message.headers(), message.key()),
            (&b"pay 1 2 load"[..], &b"{}"[..], Some("user: 42"))
        );
        assert_eq!(
            (message.priority, message.content, message.deliver_at, message.expires_at),
            (255, 2, Some(5), None)
        );
        assert_eq!((message.schedule.as_deref(), message.origin), (Some("s"), None));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let number = "9".repeat(30);
        for bad in [
            "",
            "1",
            "2 0 0 0 0 0 0 0 0 0 x",
            "1 0 0 0 0 5 0 0 0 0 x",
            "1 0 0 256 0 0 0 0 0 0 ",
            "1 0 0 0 0 4294967295 1 0 0 0 x",
            &number,
        ] {
            assert_eq!(read(MessageId(1), Bytes::copy_from_slice(bad.as_bytes())), None, "{bad}");
        }
    }
}
