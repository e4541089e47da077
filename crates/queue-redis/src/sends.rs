//! Sends: on their way, waiting for room, answered.

use std::time::{Duration, Instant};

use socketio_queue::{Effect, Error, NewMessage, Outcome, QueueRef, Receipt, Ticket};

use crate::commands::{check_message, when};
use crate::core::{Core, Gathering, Pending};
use crate::op::{Arg, Op, Reply, Then};
use crate::record;

/// More sends of a queue that wait for room are refused.
const MOST_WAITING: usize = 100_000;
/// So many are tried at once when there is room.
const TRIED: usize = 200;
/// Where a send's command says, with its last digit, whether it has waited before.
const NUMBERS: usize = 2;
/// Redis is told of this with the events: there is room in a queue.
pub(crate) const ROOM: u32 = 1 << 14;

impl Core {
    pub(crate) fn send(&mut self, queue: QueueRef, message: &NewMessage, reply: Reply, now: Instant) {
        if let Err(error) = self.try_send(queue, message, reply, now) {
            self.answer(usize::MAX, reply, Err(error), now);
        }
    }

    fn try_send(&mut self, queue: QueueRef, message: &NewMessage, reply: Reply, now: Instant) -> Result<(), Error> {
        let queue = self.find(queue)?;
        let size = check_message(message)?;
        if self.is_overfull() {
            return Err(self.unreachable("too much waits for Redis"));
        }
        let requester = if matches!(reply, Reply::Request(..)) { &*self.instance } else { "" };
        let tail = record::tail(message, "", requester);
        let (kind, time) = when(message.due);
        let args = vec![
            Arg::Word("send"),
            Arg::Name(self.name(queue)),
            Arg::Text(format!("{kind} {time} {} {size} {} 0", message.ttl.unwrap_or(0), message.priority).into()),
            message.dedup_id.clone().map_or(Arg::Word(""), Arg::Text),
            message.key.clone().map_or(Arg::Word(""), Arg::Text),
            Arg::Bytes(tail),
        ];
        let op = Op::new(args, Then::Sent(queue, reply), now);
        let name = self.name(queue);
        let Some(found) = self.queues.get_mut(queue) else { return Ok(()) };
        if found.waiting.is_empty() && found.trying == 0 {
            self.pending_bytes += op.bytes();
            self.pending.push_back(op);
            return Ok(());
        }
        if found.waiting.len() >= MOST_WAITING {
            return Err(Error::Full { queue: (&*name).into() });
        }
        // Behind those that wait.
        found.waiting.push_back(waited(op));
        self.push(vec![Arg::Word("unwait"), Arg::Name(name), Arg::Word("-1")], Then::Nothing, now);
        Ok(())
    }

    pub(crate) fn send_batch(&mut self, ticket: Ticket, queue: QueueRef, messages: &[NewMessage], now: Instant) {
        if let Err(error) = self.find(queue) {
            return self.done(ticket, Err(error));
        }
        if messages.is_empty() {
            return self.done(ticket, Ok(Outcome::SentBatch(Vec::new())));
        }
        let number = self.next_gathering;
        self.next_gathering += 1;
        let results = messages.iter().map(|_| Err(Error::Closed)).collect();
        self.gatherings.insert(number, Gathering { ticket, results, left: messages.len() });
        for (place, message) in messages.iter().enumerate() {
            self.send(queue, message, Reply::Batch(number, u32::try_from(place).unwrap_or(u32::MAX)), now);
        }
    }

    /// What the script said to a send.
    pub(crate) fn sent(&mut self, op: Op, result: Result<&str, Error>, now: Instant) {
        let Then::Sent(queue, reply) = op.then else { return };
        let again = matches!(op.args.get(NUMBERS), Some(Arg::Text(text)) if text.ends_with('1'));
        if again && let Some(queue) = self.queues.get_mut(queue) {
            queue.trying = queue.trying.saturating_sub(1);
        }
        if again && result.is_err() {
            // It may count as one that waits.
            self.miscounted.insert(queue);
        }
        let answer = match result {
            Ok("W") => {
                self.wait_for_room(queue, op, again, now);
                None
            }
            Ok(text) => {
                let (duplicate, id) = text.strip_prefix('D').map_or((false, text), |id| (true, id));
                Some(id.parse().map(|id| Receipt { id, duplicate }))
            }
            Err(error) => Some(Err(error)),
        };
        if let Some(queue) = self.queues.get_mut(queue)
            && queue.trying == 0
        {
            queue.returned = 0;
        }
        if again {
            // Perhaps there is room for more.
            self.listen(queue, now);
            if answer.as_ref().is_some_and(Result::is_ok) {
                self.try_waiting(queue, now);
            }
        }
        if let Some(answer) = answer {
            self.answer(queue, reply, answer, now);
        }
    }

    fn wait_for_room(&mut self, queue: usize, op: Op, again: bool, now: Instant) {
        // Those that were to follow it follow it.
        let mut behind = Vec::new();
        if !again && self.queues.get(queue).is_some_and(|queue| queue.waiting.is_empty()) {
            let (of_queue, others) =
                std::mem::take(&mut self.pending).into_iter().partition::<std::collections::VecDeque<_>, _>(
                    |op| matches!(op.then, Then::Sent(of, _) if of == queue),
                );
            self.pending = others;
            behind.extend(of_queue);
        }
        let name = self.name(queue);
        let Some(found) = self.queues.get_mut(queue) else { return };
        if again {
            let place = found.returned.min(found.waiting.len());
            found.waiting.insert(place, op);
            found.returned += 1;
        } else {
            found.waiting.push_back(waited(op));
        }
        if !behind.is_empty() {
            let count = behind.len();
            self.pending_bytes = self.pending_bytes.saturating_sub(behind.iter().map(Op::bytes).sum());
            found.waiting.extend(behind.into_iter().map(waited));
            let args = vec![Arg::Word("unwait"), Arg::Name(name), Arg::Text(format!("-{count}").into())];
            self.push(args, Then::Nothing, now);
        }
        self.listen(queue, now);
    }

    /// There may be room.
    pub(crate) fn try_waiting(&mut self, queue: usize, now: Instant) {
        let Some(found) = self.queues.get_mut(queue) else { return };
        if found.trying > 0 {
            return;
        }
        let count = found.waiting.len().min(TRIED);
        found.trying = count;
        for op in found.waiting.drain(..count).collect::<Vec<_>>().into_iter().rev() {
            self.push_first(Op { since: now, ..op });
        }
    }

    /// Tells Redis how many wait, before anything else is asked.
    pub(crate) fn recount(&mut self, now: Instant) {
        for queue in std::mem::take(&mut self.miscounted) {
            let op = self.waits(queue, now);
            self.push_first(op);
        }
    }

    pub(crate) fn waits(&self, queue: usize, now: Instant) -> Op {
        let count = self.queues.get(queue).map_or(0, |queue| queue.waiting.len() + queue.trying);
        let args = vec![Arg::Word("waits"), Arg::Name(self.name(queue)), Arg::Number(count as u64)];
        Op::new(args, Then::Nothing, now)
    }

    pub(crate) fn answer(&mut self, queue: usize, reply: Reply, result: Result<Receipt, Error>, now: Instant) {
        match reply {
            Reply::One(ticket) => self.done(ticket, result.map(Outcome::Sent)),
            Reply::Request(ticket, request) => match result {
                Ok(receipt) if receipt.duplicate => {
                    let error = Error::RequestFailed { id: receipt.id, detail: "it was sent before".into() };
                    self.done(ticket, Err(error));
                }
                Ok(receipt) => {
                    let deadline = now + Duration::from_millis(request.timeout).min(Duration::from_secs(31_536_000));
                    self.deadlines.insert((deadline, receipt.id));
                    self.requests.insert(receipt.id, Pending { ticket, request, deadline, queue });
                    self.done(ticket, Ok(Outcome::Sent(receipt)));
                }
                Err(error) => self.done(ticket, Err(error)),
            },
            Reply::Batch(number, place) => {
                let Some(gathering) = self.gatherings.get_mut(&number) else { return };
                if let Some(known) = gathering.results.get_mut(place as usize) {
                    *known = result;
                }
                gathering.left = gathering.left.saturating_sub(1);
                if gathering.left == 0
                    && let Some(gathering) = self.gatherings.remove(&number)
                {
                    self.done(gathering.ticket, Ok(Outcome::SentBatch(gathering.results)));
                }
            }
        }
    }

    /// Requests that have waited long enough.
    pub(crate) fn end_requests(&mut self, now: Instant) {
        while let Some((at, id)) = self.deadlines.first().copied()
            && at <= now
        {
            self.deadlines.pop_first();
            let Some(pending) = self.requests.remove(&id) else { continue };
            let result = Err(Error::RequestTimeout { timeout: pending.request.timeout });
            self.effects.push(Effect::Replied { ticket: pending.ticket, result });
            if pending.request.cancel {
                let name = Arg::Name(self.name(pending.queue));
                self.push(vec![Arg::Word("remove"), name, id.into(), Arg::Word("")], Then::Nothing, now);
            }
        }
    }
}

fn waited(mut op: Op) -> Op {
    if let Some(Arg::Text(numbers)) = op.args.get_mut(NUMBERS) {
        *numbers = format!("{}1", numbers.trim_end_matches(|last| last != ' ')).into();
    }
    op
}
