//! No connection, what takes too long, and the end.

use std::time::{Duration, Instant};

use socketio_queue::{Effect, Error};

use crate::core::{Core, SOON};
use crate::op::{Arg, Op, Then};

/// At the end, Redis has so long; and so long if it was not there before.
const FAREWELL: Duration = Duration::from_secs(3);
const SHORT_FAREWELL: Duration = Duration::from_secs(1);

impl Core {
    pub(crate) fn unreachable(&self, what: &str) -> Error {
        let why = self.down.as_ref().map(|(_, error)| format!("; {error}")).unwrap_or_default();
        Error::Redis { code: "QUEUE_REDIS_UNREACHABLE", detail: format!("{what}{why}").into() }
    }

    /// The connection is lost, or was not to be had.
    pub(crate) fn lost(&mut self, error: Error, now: Instant) {
        if self.down.is_none() && self.opened {
            self.effects.push(Effect::Connection(Err(error.clone())));
        }
        let since = self.down.as_ref().map_or(now, |(since, _)| *since);
        self.down = Some((since, error));
    }

    /// There is a connection (again). What was told meanwhile was missed.
    pub(crate) fn found(&mut self, now: Instant) {
        if self.down.take().is_some() && self.opened {
            self.effects.push(Effect::Connection(Ok(())));
        }
        self.hurried = false;
        self.inbox = true;
        self.beat = now;
        self.introducing = true;
    }

    /// A batch was refused as a whole: it changed nothing.
    pub(crate) fn refused(&mut self, error: &Error, now: Instant) {
        let Some(flight) = self.flight.take() else { return };
        for op in flight.ops {
            self.failed(op, error.clone(), now);
        }
        self.alarm = self.alarm.map(|at| at.max(now + Duration::from_secs(1)));
    }

    /// Redis is out of memory: the sends under way fail, the rest is tried with the other script.
    pub(crate) fn no_memory(&mut self, error: &Error, now: Instant) {
        let Some(mut flight) = self.flight.take() else { return };
        if flight.sent > 1 && flight.number > 0 && !flight.full {
            // It may have been executed before there was none.
            flight.again = true;
            self.flight = Some(flight);
            return;
        }
        let (sends, rest): (Vec<_>, Vec<_>) = flight.ops.into_iter().partition(|op| matches!(op.then, Then::Sent(..)));
        for op in sends {
            self.failed(op, error.clone(), now);
        }
        (flight.ops, flight.full) = (rest, true);
        self.flight = Some(flight);
    }

    /// Redis has no answer to the batch under way.
    pub(crate) fn never_executed(&mut self) {
        if let Some(flight) = &mut self.flight {
            (flight.again, flight.sent) = (false, 0);
        }
    }

    /// What the clock demands here.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.end_requests(now);
        self.give_up_leases(now);
        let slow = self.flight.as_ref().is_some_and(|flight| now > flight.since + self.timeout / 10);
        if (slow || self.down.is_some()) && now >= self.checked + SOON {
            self.checked = now;
            self.give_up_commands(now);
        }
        if self.closing.is_some_and(|at| at <= now) && !self.ended {
            self.ended = true;
        }
    }

    /// Commands that have waited too long fail; what has to happen for the others' sake stays.
    fn give_up_commands(&mut self, now: Instant) {
        // Who closes a worker does not wait for a server that is not there, nor for what follows that.
        let (down, hurried) = (self.down.is_some(), self.hurried);
        let late = |op: &Op, timeout: Duration| {
            let bound = match op.then {
                Then::Closed(_) if down => timeout.min(SHORT_FAREWELL),
                Then::Flush(_) if down && hurried => Duration::ZERO,
                _ => timeout,
            };
            !op.given_up && now >= op.since + bound
        };
        let timeout = self.timeout;
        if self.pending.iter().any(|op| late(op, timeout)) {
            let error =
                self.unreachable(&format!("Redis was not there for {} ms: this was not done", timeout.as_millis()));
            for op in std::mem::take(&mut self.pending) {
                if late(&op, timeout) {
                    self.give_up(op, &error, now);
                } else {
                    self.pending.push_back(op);
                }
            }
            self.pending_bytes = self.pending.iter().map(Op::bytes).sum();
        }
        let Some(mut flight) = self.flight.take() else { return };
        let what = format!("no answer of Redis within {} ms: this may have been done or not", timeout.as_millis());
        let error = self.unreachable(&what);
        for op in &mut flight.ops {
            if late(op, timeout) {
                op.given_up = true;
                self.answer_early(op, &error, now);
            }
        }
        self.flight = Some(flight);
    }

    fn give_up(&mut self, mut op: Op, error: &Error, now: Instant) {
        let stays = matches!(
            op.then,
            Then::Settled(..)
                | Then::Closed(_)
                | Then::Alive(..)
                | Then::Interest(..)
                | Then::Nothing
                | Then::Beat
                | Then::Bye
                | Then::Inbox
        ) || matches!((&op.then, op.args.first()), (Then::Done(_), Some(Arg::Word("declare"))));
        if stays {
            if !matches!(op.then, Then::Done(_)) {
                self.answer_early(&mut op, error, now);
            }
            self.pending.push_back(op);
        } else {
            self.failed(op, error.clone(), now);
        }
    }

    /// Whoever waits is told; what remains to be done with the answer is in `op`.
    fn answer_early(&mut self, op: &mut Op, error: &Error, now: Instant) {
        match &mut op.then {
            Then::Settled(ticket, _) | Then::Extended(ticket, ..) => {
                let ticket = ticket.take();
                self.refuse(ticket, error.clone());
            }
            Then::Closed(worker) => {
                if let Some(worker) = worker.take() {
                    self.hurried = true;
                    self.workers.remove(&worker);
                    self.effects.push(Effect::WorkerClosed { worker });
                }
            }
            Then::Alive(..)
            | Then::Interest(..)
            | Then::Nothing
            | Then::Beat
            | Then::Bye
            | Then::Inbox
            | Then::Due
            | Then::Fetched { .. } => {}
            _ => {
                let told = Op { given_up: false, args: op.args.clone(), then: op.then.clone(), since: op.since };
                self.failed(told, error.clone(), now);
            }
        }
    }

    /// Begins to close: nothing is taken any more, what was is executed.
    pub(crate) fn close(&mut self, now: Instant) {
        if self.closing.is_some() {
            return;
        }
        let workers: Vec<_> = self.workers.iter().filter(|(_, worker)| !worker.closing).map(|(id, _)| *id).collect();
        for worker in workers {
            self.close_worker(worker, false, now);
        }
        self.fail_waiting(&Error::Closed, now);
        self.push(vec![Arg::Word("bye")], Then::Bye, now);
        self.said_bye = true;
        self.closing = Some(now + if self.down.is_some() { SHORT_FAREWELL } else { FAREWELL });
    }

    /// Redis answers: the end waits for the rest.
    pub(crate) fn go_on_closing(&mut self, now: Instant) {
        if let Some(at) = &mut self.closing {
            *at = now + FAREWELL;
        }
    }

    /// Those that wait for something else than Redis: replies, room, an empty queue.
    fn fail_waiting(&mut self, error: &Error, now: Instant) {
        self.deadlines.clear();
        for (_, pending) in self.requests.drain() {
            self.effects.push(Effect::Replied { ticket: pending.ticket, result: Err(error.clone()) });
        }
        for queue in 0..self.queues.len() {
            let Some(found) = self.queues.get_mut(queue) else { continue };
            let (drains, waiting) = (std::mem::take(&mut found.drains), std::mem::take(&mut found.waiting));
            for ticket in drains {
                self.done(ticket, Err(error.clone()));
            }
            for op in waiting {
                if let Then::Sent(queue, reply) = op.then {
                    self.answer(queue, reply, Err(error.clone()), now);
                }
            }
        }
    }

    /// It is over: everything that is pending fails.
    pub(crate) fn fail_all(&mut self, error: &Error, now: Instant) {
        let flight = self.flight.take().map(|flight| flight.ops).unwrap_or_default();
        for op in flight.into_iter().chain(std::mem::take(&mut self.pending)) {
            if !op.given_up {
                self.failed(op, error.clone(), now);
            }
        }
        self.pending.clear();
        self.fail_waiting(error, now);
        for (_, gathering) in std::mem::take(&mut self.gatherings) {
            self.done(gathering.ticket, Ok(socketio_queue::Outcome::SentBatch(gathering.results)));
        }
    }
}
