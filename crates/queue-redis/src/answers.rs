//! What the script answered.

use std::str::FromStr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::Value;
use socketio_queue::{Effect, Error, MessageId, Outcome, RecoveryReport, StoreStats, Ticket, Token};

use crate::core::{Core, Flight};
use crate::op::{Arg, Op, Then};
use crate::{look, options};

/// An answer that is not one of this script.
fn strange() -> Error {
    Error::Internal { detail: "an answer of the script was not understood: please report it".into() }
}

pub(crate) fn bytes(value: Value) -> Bytes {
    match value {
        Value::BulkString(bytes) => bytes.into(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.into_bytes().into(),
        Value::Int(number) => number.to_string().into_bytes().into(),
        Value::Double(number) => number.to_string().into_bytes().into(),
        _ => Bytes::new(),
    }
}

fn list(value: Value) -> Vec<Bytes> {
    if let Value::Array(values) = value { values.into_iter().map(bytes).collect() } else { Vec::new() }
}

fn int(value: &Value) -> u64 {
    match value {
        Value::Int(number) => u64::try_from(*number).unwrap_or(0),
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).unwrap_or(0),
        _ => 0,
    }
}

impl Core {
    /// The batch under way was answered.
    pub(crate) fn answered(&mut self, value: Value, now: Instant) -> Result<(), Error> {
        let Some(flight) = self.flight.take() else { return Ok(()) };
        let Flight { number, ops, since, full, .. } = flight;
        self.full = full;
        self.go_on_closing(now);
        self.trips.add(u64::try_from(now.saturating_duration_since(since).as_micros()).unwrap_or(u64::MAX));
        let Value::Array(answer) = value else { return Err(strange()) };
        let Ok([time, next, schedule, results, own, records]) = <[Value; 6]>::try_from(answer) else {
            return Err(strange());
        };
        let (Value::Array(results), Value::Array(own), Value::Array(records)) = (results, own, records) else {
            return Err(strange());
        };
        self.clock = Some((int(&time), now));
        let at = |core: &Self, time: u64| (time > 0).then(|| core.local(time, now));
        if number > 0 {
            self.alarm = at(self, int(&next));
        }
        if schedule != Value::Nil {
            self.schedules = at(self, int(&schedule));
        }
        if !self.opened {
            self.opened = true;
            self.effects.push(Effect::Opened(Ok(RecoveryReport::default())));
        }
        if results.len() != ops.iter().filter(|op| !matches!(op.then, Then::Flush(_))).count() {
            // It was executed before it was changed, by a server that was thought to be gone.
            self.flight = Some(Flight { ops, ..Flight::new(number, since) });
            self.forgotten(now);
            return Ok(());
        }
        let mut records = records.into_iter().map(bytes);
        let mut results = results.into_iter();
        for op in ops {
            if let Then::Flush(ticket) = op.then {
                if !op.given_up {
                    self.done(ticket, Ok(Outcome::Done));
                }
                continue;
            }
            let result = results.next().ok_or_else(strange)?;
            self.result(op, result, &mut records, since, now);
        }
        self.ended_early.clear();
        for frame in own {
            self.told(bytes(frame), now);
        }
        Ok(())
    }

    fn result(&mut self, op: Op, value: Value, records: &mut dyn Iterator<Item = Bytes>, since: Instant, now: Instant) {
        let refused = match &value {
            Value::BulkString(text) if text.first() == Some(&b'!') => {
                Some(self.refusal(&String::from_utf8_lossy(text), &op.then))
            }
            _ => None,
        };
        if let Some(error) = refused {
            return self.failed(op, error, now);
        }
        match op.then {
            // It waits for room, perhaps, as far as Redis knows.
            Then::Sent(queue, _) if op.given_up => _ = self.miscounted.insert(queue),
            Then::Sent(..) => {
                let text = bytes(value);
                let text = String::from_utf8_lossy(&text);
                self.sent(op, Ok(&text), now);
            }
            Then::Alive(worker, life, ticket) => {
                self.is_alive(worker, life, int(&value) == 1, since, now);
                if let Some(ticket) = ticket {
                    self.done(ticket, Ok(Outcome::Done));
                }
            }
            Then::Beat => {
                self.introducing |= int(&value) == 1;
            }
            Then::Closed(worker) => {
                if let Some(worker) = worker {
                    self.workers.remove(&worker);
                    self.effects.push(Effect::WorkerClosed { worker });
                }
            }
            Then::Fetched { worker, life, want } => {
                let found = list(value);
                let there = found.first().and_then(|there| std::str::from_utf8(there).ok()?.parse().ok()).unwrap_or(0);
                let text = |part: &Bytes| String::from_utf8_lossy(part).into_owned();
                let all = found.get(1..).unwrap_or_default().chunks_exact(3).filter_map(|one| {
                    let [id, token, attempt] = one else { return None };
                    let record = records.next()?;
                    let id = MessageId::from_str(&text(id)).ok()?;
                    Some((id, Token(text(token).parse().ok()?), text(attempt).parse().ok()?, record))
                });
                let all = all.collect();
                self.fetched((worker, life, want), there, all, now);
            }
            Then::Holds(_) => {
                let gone = list(value);
                self.gone(gone.iter().filter_map(|token| std::str::from_utf8(token).ok()?.parse().ok()));
            }
            Then::Settled(Some(ticket), _) | Then::Interest(Some(ticket), _) => self.done(ticket, Ok(Outcome::Done)),
            Then::Extended(ticket, _, token) => {
                let until = int(&value);
                if until > 0 {
                    let until = self.local(until, now);
                    self.extended(token, until);
                }
                if let Some(ticket) = ticket {
                    self.done(ticket, Ok(Outcome::Done));
                }
            }
            Then::Inbox => {
                self.asked_inbox = false;
                let found = list(value);
                self.taken = found.len() as u64;
                // Until there are none, which lets Redis forget the last.
                self.inbox = !found.is_empty();
                for frame in found {
                    self.told(frame, now);
                }
            }
            Then::Bye => self.ended = true,
            Then::Due => self.fire(&list(value), now),
            Then::Drain(queue) => {
                if int(&value) == 1 {
                    self.drained(queue, now);
                }
            }
            _ if op.given_up => {}
            Then::Done(ticket) | Then::OfMessage(ticket, _) => self.done(ticket, Ok(Outcome::Done)),
            Then::Count(ticket) => self.done(ticket, Ok(Outcome::Count(int(&value)))),
            Then::Purge { queue, ticket, count } => self.purged(queue, ticket, count, &list(value), now),
            Then::Sweep { .. } => self.swept(op, &list(value), now),
            then => self.looked(&then, value),
        }
    }

    fn looked(&mut self, then: &Then, value: Value) {
        let parts = list(value.clone());
        let (ticket, outcome) = match *then {
            Then::Page(ticket) => (ticket, Outcome::Page { messages: look::messages(&parts), next: None }),
            Then::List(ticket) => {
                let next = parts.first().and_then(|next| MessageId::from_str(std::str::from_utf8(next).ok()?).ok());
                let messages = look::messages(parts.get(1..).unwrap_or_default());
                (ticket, Outcome::Page { messages, next: next.map(|next| next.0) })
            }
            Then::Get(ticket, id) => match look::messages(&parts).pop() {
                Some(info) => (ticket, Outcome::Message(Box::new(info))),
                None => return self.done(ticket, Err(Error::MessageNotFound { id })),
            },
            Then::Stats(ticket) => (ticket, Outcome::Stats(Box::new(look::stats(&parts)))),
            Then::Options(ticket) => (ticket, Outcome::Options(Box::new(options::read(parts)))),
            Then::Names(ticket) => {
                let names = parts.iter().map(|name| String::from_utf8_lossy(name).into()).collect();
                (ticket, Outcome::Names(names))
            }
            Then::Schedules(ticket) => (ticket, Outcome::Schedules(look::schedules(&parts))),
            Then::Store(ticket) => {
                let info = bytes(value);
                let info = String::from_utf8_lossy(&info);
                let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok());
                let bytes = used.unwrap_or(0);
                let stats = StoreStats {
                    bytes,
                    live_bytes: bytes,
                    commits: self.batches,
                    sync_time: self.trips,
                    full: self.full,
                    ..StoreStats::default()
                };
                (ticket, Outcome::Store(Box::new(stats)))
            }
            _ => return,
        };
        self.done(ticket, Ok(outcome));
    }

    fn purged(&mut self, queue: usize, ticket: Ticket, count: u64, parts: &[Bytes], now: Instant) {
        let part = |index: usize| parts.get(index).cloned().unwrap_or_default();
        let more = std::str::from_utf8(&part(0)).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let (count, after) = (count + more, part(1));
        if after.is_empty() {
            return self.done(ticket, Ok(Outcome::Count(count)));
        }
        let name = Arg::Name(self.name(queue));
        let args = vec![Arg::Word("purge"), name, Arg::Bytes(part(2)), Arg::Bytes(after), Arg::Number(500)];
        self.push(args, Then::Purge { queue, ticket, count }, now);
    }

    fn swept(&mut self, op: Op, parts: &[Bytes], now: Instant) {
        let Then::Sweep { queue, to, ticket, left, count } = op.then else { return };
        let part = |index: usize| parts.get(index).cloned().unwrap_or_default();
        let number = |index: usize| std::str::from_utf8(&part(index)).ok().and_then(|text| text.parse::<u64>().ok());
        let moved = number(0).unwrap_or(0);
        let (count, left) = (count + moved, left.saturating_sub(moved));
        if left == 0 || number(3) == Some(1) && moved < 250 {
            return self.done(ticket, Ok(Outcome::Count(count)));
        }
        let args = vec![
            Arg::Word("sweep"),
            Arg::Name(self.name(queue)),
            Arg::Name(to.clone()),
            Arg::Number(left.min(250)),
            Arg::Bytes(part(1)),
            Arg::Bytes(part(2)),
        ];
        self.push(args, Then::Sweep { queue, to, ticket, left, count }, now);
    }

    /// What the script means by a text that begins with `!`.
    fn refusal(&self, text: &str, then: &Then) -> Error {
        let (word, detail) = text.split_once(' ').unwrap_or((text, ""));
        let id = match then {
            Then::OfMessage(_, id) | Then::Get(_, id) | Then::Settled(_, id) | Then::Extended(_, id, _) => *id,
            _ => MessageId::default(),
        };
        let mut numbers = detail.split(' ').map(|number| number.parse::<f64>().map_or(0, crate::frames::whole));
        match word {
            "!FULL" => {
                let queue = if let Then::Sent(queue, _) = then { self.name(*queue) } else { "".into() };
                Error::Full { queue: (&*queue).into() }
            }
            "!LARGE" => {
                let bytes = numbers.next().unwrap_or(0);
                Error::MessageTooLarge { bytes, limit: numbers.next().unwrap_or(0) }
            }
            "!NOQUEUE" => Error::QueueNotFound { detail: detail.into() },
            "!LEASE" => Error::LeaseEnded { id },
            "!NOMESSAGE" => Error::MessageNotFound { id },
            "!HELD" => Error::MessageHeld { id },
            "!OPTION" => Error::OptionInvalid { detail: detail.into() },
            "!MANY" => Error::TooMany { what: "schedules", limit: numbers.nth(1).unwrap_or(0) },
            "!CORRUPT" => Error::Corrupt { detail: detail.into() },
            "!REDIS" if detail.contains("WRONGTYPE") => {
                Error::Corrupt { detail: format!("a key in Redis is not what it should be: {detail}").into() }
            }
            _ => Error::Redis { code: "QUEUE_REDIS_REFUSED", detail: format!("Redis refused: {text}").into() },
        }
    }

    /// A command was refused, or could not be executed.
    pub(crate) fn failed(&mut self, op: Op, error: Error, now: Instant) {
        match op.then {
            Then::Sent(queue, _) if op.given_up => _ = self.miscounted.insert(queue),
            Then::Sent(..) => self.sent(op, Err(error), now),
            Then::Fetched { worker, .. } => self.not_fetched(worker),
            Then::Closed(worker) => {
                if let Some(worker) = worker {
                    self.workers.remove(&worker);
                    self.effects.push(Effect::WorkerClosed { worker });
                }
            }
            Then::Alive(worker, _, Some(ticket)) => {
                self.workers.remove(&worker);
                self.done(ticket, Err(error));
            }
            // It has lost the queue, too.
            Then::Holds(worker) => self.lose_leases(worker),
            Then::Inbox => self.asked_inbox = false,
            Then::Due => {
                self.asked_schedules = false;
                self.schedules = Some(now + Duration::from_secs(1));
            }
            Then::Bye => self.ended = true,
            Then::Drain(queue) => {
                let drains = self.queues.get_mut(queue).map(|queue| std::mem::take(&mut queue.drains));
                for ticket in drains.unwrap_or_default() {
                    self.done(ticket, Err(error.clone()));
                }
            }
            Then::Interest(ticket, worker) => self.interest_failed(ticket, worker),
            Then::Settled(ticket, _) | Then::Extended(ticket, ..) => self.refuse(ticket, error),
            _ if op.given_up => {}
            Then::Done(ticket)
            | Then::Flush(ticket)
            | Then::OfMessage(ticket, _)
            | Then::Count(ticket)
            | Then::Purge { ticket, .. }
            | Then::Sweep { ticket, .. }
            | Then::Page(ticket)
            | Then::List(ticket)
            | Then::Get(ticket, _)
            | Then::Stats(ticket)
            | Then::Options(ticket)
            | Then::Names(ticket)
            | Then::Schedules(ticket)
            | Then::Store(ticket) => self.done(ticket, Err(error)),
            Then::Nothing | Then::Alive(..) | Then::Beat => {}
        }
    }
}
