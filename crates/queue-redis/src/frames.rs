//! What instances are told: with an answer, by another instance's script, or from the inbox.

use std::time::Instant;

use bytes::Bytes;
use socketio_queue::{Effect, Error, Event, EventKind, LeaseEnd, MessageId, Outcome, Token, Warning};

use crate::core::Core;
use crate::op::{Arg, Then};
use crate::sends::ROOM;

/// `length:text` for each part. Ends at what is none.
pub(crate) fn parts(mut text: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let colon = text.iter().take(12).position(|byte| *byte == b':')?;
        let length: usize = std::str::from_utf8(text.get(..colon)?).ok()?.parse().ok()?;
        let _ = text.split_to(colon + 1);
        (length <= text.len()).then(|| text.split_to(length))
    })
}

fn text(part: Option<Bytes>) -> Box<str> {
    String::from_utf8_lossy(&part.unwrap_or_default()).into()
}

fn number<T: std::str::FromStr>(part: Option<Bytes>) -> Option<T> {
    std::str::from_utf8(&part?).ok()?.parse().ok()
}

impl Core {
    /// Frames that another instance sent, one after another.
    pub(crate) fn heard(&mut self, payload: Vec<u8>, now: Instant) {
        for frame in parts(payload.into()) {
            self.told(frame, now);
        }
    }

    /// One frame. What is not understood is ignored: a newer version may have sent it.
    pub(crate) fn told(&mut self, frame: Bytes, now: Instant) {
        let mut parts = parts(frame);
        match parts.next().as_deref() {
            Some(b"W") => {
                let name = text(parts.next());
                self.woken(&name, now);
            }
            Some(b"I") => self.inbox = true,
            Some(b"O") => {
                if let Some(queue) = self.names.get(&*text(parts.next())).copied() {
                    self.try_waiting(queue, now);
                }
            }
            Some(b"L") => {
                let _worker = parts.next();
                let Some(token) = number(parts.next()) else { return };
                let _id = parts.next();
                let reason = if number(parts.next()) == Some(1) { LeaseEnd::RunTime } else { LeaseEnd::Expired };
                if self.flight.is_some() && !self.leases.contains_key(&Token(token)) {
                    self.ended_early.insert(Token(token));
                }
                self.end_lease(Token(token), reason);
            }
            Some(b"P") => {
                let Some(id) = number::<MessageId>(parts.next()) else { return };
                if let (Some(pending), Some(data)) = (self.requests.get(&id), parts.next()) {
                    self.effects.push(Effect::Progress { ticket: pending.ticket, data });
                }
            }
            Some(b"R") => {
                let Some(id) = number::<MessageId>(parts.next()) else { return };
                let (done, data) = (number(parts.next()) == Some(1), parts.next().unwrap_or_default());
                let Some(pending) = self.requests.remove(&id) else { return };
                self.deadlines.remove(&(pending.deadline, id));
                let result = if done { Ok(data) } else { Err(Error::RequestFailed { id, detail: text(Some(data)) }) };
                self.effects.push(Effect::Replied { ticket: pending.ticket, result });
            }
            Some(b"E") => self.event(&mut parts, now),
            Some(b"X") => {
                let (queue, problem) = (text(parts.next()), text(parts.next()));
                let message = format!("queue \"{queue}\" in Redis is damaged: {problem}");
                self.effects.push(Effect::Warning(Warning { code: "QUEUE_CORRUPT", message }));
            }
            _ => {}
        }
    }

    fn event(&mut self, parts: &mut impl Iterator<Item = Bytes>, now: Instant) {
        let Some(index) = self.names.get(&*text(parts.next())).copied() else { return };
        let (Some(bit), id) = (number::<u32>(parts.next()), parts.next()) else { return };
        let id = number::<MessageId>(id).unwrap_or_default();
        if bit == 13 {
            self.drained(index, now);
        }
        let Some(queue) = self.queues.get(index) else { return };
        let (Some(handle), true) = (queue.handle, bit < 16 && queue.mask & 1 << bit != 0) else { return };
        let kind = match bit {
            0 => EventKind::Sent,
            1 => EventKind::Delivered(number(parts.next()).unwrap_or(1)),
            2 => EventKind::Completed(parts.next().unwrap_or_default()),
            3 => EventKind::Retried {
                attempt: number(parts.next()).unwrap_or(1),
                error: text(parts.next()),
                delay: number::<f64>(parts.next()).map_or(0, whole),
            },
            4 => EventKind::Dead {
                attempt: number(parts.next()).unwrap_or(0),
                error: text(parts.next()),
                queue: Some(text(parts.next())).filter(|name| !name.is_empty()),
            },
            5 => EventKind::Expired,
            6 => EventKind::Dropped,
            7 => EventKind::LeaseEnded(match number(parts.next()) {
                Some(1) => LeaseEnd::RunTime,
                _ => LeaseEnd::Expired,
            }),
            8 => EventKind::Progress(parts.next().unwrap_or_default()),
            9 => EventKind::Removed,
            10 => EventKind::Quarantined,
            11 => EventKind::Paused,
            12 => EventKind::Resumed,
            13 => EventKind::Drained,
            _ => return,
        };
        self.effects.push(Effect::Event(Event { queue: handle, id, kind }));
    }

    /// Tells Redis what this instance wants to hear of a queue, if that has changed.
    pub(crate) fn listen(&mut self, index: usize, now: Instant) {
        let Some(queue) = self.queues.get_mut(index) else { return };
        let mut mask = u32::from(queue.mask & 0x3fff);
        if !queue.drains.is_empty() {
            mask |= 1 << 13;
        }
        if !queue.waiting.is_empty() || queue.trying > 0 {
            mask |= ROOM;
        }
        if mask == queue.listening {
            return;
        }
        queue.listening = mask;
        let args = vec![Arg::Word("listen"), Arg::Name(self.name(index)), Arg::Number(mask.into())];
        self.push(args, Then::Nothing, now);
    }

    pub(crate) fn drained(&mut self, index: usize, now: Instant) {
        let drains = self.queues.get_mut(index).map(|queue| std::mem::take(&mut queue.drains)).unwrap_or_default();
        for ticket in drains {
            self.done(ticket, Ok(Outcome::Done));
        }
        self.listen(index, now);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_back_and_garbage_ends_them() {
        let all = |text: &'static str| parts(Bytes::from_static(text.as_bytes())).collect::<Vec<_>>();
        assert_eq!(all("1:a0:2:b:"), ["a", "", "b:"]);
        assert_eq!(all("1:a9:x"), ["a"]);
        for bad in ["x", "-1:a", "99999999999999999999:a", ":a", "1a"] {
            assert!(all(bad).is_empty(), "{bad}");
        }
    }
}
