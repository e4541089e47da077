//! The owner's commands.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use socketio_queue::{
    Clockwork, Command, Due, Effect, Error, Lease, MAX_KEY_BYTES, MessageAction, NewMessage, QueueAction, QueueOptions,
    QueueRef, Schedule, Settle, State, Ticket, check_name, check_options,
};

use crate::core::{Core, LocalQueue};
use crate::op::{Arg, Reply, Then};
use crate::{options, record, schedules};

/// The most messages of a page.
const PAGE: u32 = 1_000;
/// A slice of a purge.
const SLICE: u64 = 500;
/// The most schedules of a queue.
const MOST_SCHEDULES: u64 = 10_000;
/// The most bytes of a scheduled message.
const MOST_SCHEDULED: u64 = 64 * 1024;

impl Core {
    /// Takes a command. Its answer follows, now or when Redis has answered.
    pub(crate) fn apply(&mut self, command: Command, now: Instant) {
        if self.closing.is_some() {
            if let Some(ticket) = command.ticket() {
                self.done(ticket, Err(Error::Closed));
            }
            return;
        }
        match command {
            Command::Declare { ticket, queue, name, options } => {
                if let Err(error) = self.declare(ticket, queue, &name, options.as_deref(), now) {
                    self.handles.remove(&queue);
                    self.done(ticket, Err(error));
                }
            }
            Command::Send { ticket, queue, message } => self.send(queue, &message, Reply::One(ticket), now),
            Command::Request { ticket, queue, message, request } => {
                self.send(queue, &message, Reply::Request(ticket, request), now);
            }
            Command::SendBatch { ticket, queue, messages } => self.send_batch(ticket, queue, &messages, now),
            Command::Consume { ticket, worker, queue, options } => {
                if let Err(error) = self.consume(ticket, worker, queue, options, now) {
                    self.done(ticket, Err(error));
                }
            }
            Command::Interest { ticket, worker, key, wanted } => self.interest(ticket, worker, key, wanted, now),
            Command::SetConcurrency { worker, concurrency } => {
                if let Some(worker) = self.workers.get_mut(&worker) {
                    worker.want |= concurrency > worker.options.concurrency;
                    worker.options.concurrency = concurrency;
                }
            }
            Command::CloseWorker { worker, lost } => self.close_worker(worker, lost, now),
            Command::Settle { ticket, lease, outcome } => self.settle(ticket, lease, outcome, now),
            Command::Extend { ticket, lease, millis } => match self.held(lease) {
                Ok((queue, _)) => {
                    let mut args = self.lease_args("extend", queue, lease);
                    args.push(Arg::Number(millis));
                    self.push(args, Then::Extended(ticket, lease.id, lease.token), now);
                }
                Err(error) => self.refuse(ticket, error),
            },
            Command::Progress { lease, data } => {
                if let Ok((queue, _)) = self.held(lease) {
                    let mut args = self.lease_args("progress", queue, lease);
                    args.push(Arg::Bytes(data));
                    self.push(args, Then::Nothing, now);
                }
            }
            Command::Queue { ticket, queue, action } => {
                if let Err(error) = self.manage(ticket, queue, action, now) {
                    self.done(ticket, Err(error));
                }
            }
            Command::Message { ticket, queue, id, action } => {
                let (found, to) = (self.find(queue), other(&action).map(|to| self.find(to)));
                match (found, to.transpose()) {
                    (Ok(queue), Ok(to)) => {
                        let (word, mut args) = of_message(&action, to.map(|to| self.name(to)));
                        let mut all = vec![Arg::Word(word), Arg::Name(self.name(queue)), id.into()];
                        all.append(&mut args);
                        let then = if word == "get" { Then::Get(ticket, id) } else { Then::OfMessage(ticket, id) };
                        self.push(all, then, now);
                    }
                    (Err(error), _) | (_, Err(error)) => self.done(ticket, Err(error)),
                }
            }
            Command::Subscribe { queue, events } => {
                if let Ok(index) = self.find(queue)
                    && let Some(found) = self.queues.get_mut(index)
                {
                    (found.mask, found.handle) = (events.0, Some(queue));
                    self.listen(index, now);
                }
            }
            Command::Queues { ticket } => self.push(vec![Arg::Word("names")], Then::Names(ticket), now),
            Command::Store { ticket } => self.push(vec![Arg::Word("store")], Then::Store(ticket), now),
            Command::Flush { ticket } => self.push(Vec::new(), Then::Flush(ticket), now),
            _ => {}
        }
    }

    pub(crate) fn refuse(&mut self, ticket: Option<Ticket>, error: Error) {
        if let Some(ticket) = ticket {
            self.effects.push(Effect::Done { ticket, result: Err(error) });
        }
    }

    fn lease_args(&self, word: &'static str, queue: usize, lease: Lease) -> Vec<Arg> {
        vec![Arg::Word(word), Arg::Name(self.name(queue)), lease.id.into(), lease.token.into()]
    }

    fn declare(
        &mut self,
        ticket: Ticket,
        handle: QueueRef,
        name: &str,
        options: Option<&QueueOptions>,
        now: Instant,
    ) -> Result<(), Error> {
        check_name(name)?;
        let fields = match options {
            None => Vec::new(),
            Some(options) => {
                check_options(options)?;
                options::fields(options)
            }
        };
        let name: Arc<str> = name.into();
        let index = match self.names.entry(Arc::clone(&name)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                self.queues.push(LocalQueue { name: Arc::clone(&name), ..LocalQueue::default() });
                *free.insert(self.queues.len() - 1)
            }
        };
        self.handles.insert(handle, index);
        if let Some(queue) = self.queues.get_mut(index)
            && options.is_some()
        {
            queue.options.clone_from(&fields);
            queue.by_interest = options.is_some_and(|options| options.by_interest);
        }
        let mut args = vec![Arg::Word("declare"), Arg::Name(name), Arg::Number(fields.len() as u64)];
        args.extend(fields);
        self.push(args, Then::Done(ticket), now);
        Ok(())
    }

    fn settle(&mut self, ticket: Option<Ticket>, lease: Lease, outcome: Settle, now: Instant) {
        let queue = match self.held(lease) {
            Ok((queue, _)) => queue,
            Err(error) => return self.refuse(ticket, error),
        };
        if let Some(held) = self.let_go(lease.token)
            && self.queues.get(queue).is_some_and(|queue| queue.by_interest)
        {
            // What follows it in its key is for the same worker.
            self.want_again(held.worker);
        }
        let args = match outcome {
            Settle::Ack { result } => {
                let mut args = self.lease_args("ack", queue, lease);
                args.push(Arg::Bytes(result));
                args
            }
            Settle::Nack { error, delay, dead } => {
                let mut args = self.lease_args("nack", queue, lease);
                args.push(Arg::Text(record::cut(&error).into()));
                args.push(delay.map_or(Arg::Word(""), Arg::Number));
                args.push(Arg::Number(dead.into()));
                args
            }
            Settle::Release => self.lease_args("release", queue, lease),
        };
        self.push(args, Then::Settled(ticket, lease.id), now);
    }

    fn manage(&mut self, ticket: Ticket, queue: QueueRef, action: QueueAction, now: Instant) -> Result<(), Error> {
        let index = self.find(queue)?;
        let name = Arg::Name(self.name(index));
        let (args, then) = match action {
            QueueAction::Pause => (vec![Arg::Word("pause"), name, Arg::Number(1)], Then::Done(ticket)),
            QueueAction::Resume => (vec![Arg::Word("pause"), name, Arg::Number(0)], Then::Done(ticket)),
            QueueAction::Drain => {
                // Told of before it is asked, so that its end is not missed.
                if let Some(queue) = self.queues.get_mut(index) {
                    queue.drains.push(ticket);
                }
                self.listen(index, now);
                (vec![Arg::Word("empty"), name], Then::Drain(index))
            }
            QueueAction::Purge => {
                let args = vec![Arg::Word("purge"), name, Arg::Word(""), Arg::Word(""), Arg::Number(SLICE)];
                (args, Then::Purge { queue: index, ticket, count: 0 })
            }
            QueueAction::Move { to, limit } => {
                let to = self.find(to)?;
                if to == index {
                    return Err(Error::OptionInvalid { detail: "messages are moved to another queue".into() });
                }
                let to = self.name(to);
                self.sweep(index, to, ticket, limit, now);
                return Ok(());
            }
            QueueAction::Redrive { limit } => {
                self.sweep(index, Arc::from(""), ticket, limit, now);
                return Ok(());
            }
            QueueAction::Peek { limit } => {
                (vec![Arg::Word("peek"), name, Arg::Number(limit.clamp(1, PAGE).into())], Then::Page(ticket))
            }
            QueueAction::List { state, cursor, limit } => {
                let after = if cursor == 0 { Arg::Word("") } else { socketio_queue::MessageId(cursor).into() };
                let state = state.map_or("", |state| match state {
                    State::Ready => "ready",
                    State::Blocked => "blocked",
                    State::Delayed => "delayed",
                    State::Active => "active",
                });
                let limit = Arg::Number(limit.clamp(1, PAGE).into());
                (vec![Arg::Word("list"), name, Arg::Word(state), after, limit], Then::List(ticket))
            }
            QueueAction::Stats => (vec![Arg::Word("stats"), name], Then::Stats(ticket)),
            QueueAction::Options => (vec![Arg::Word("options"), name], Then::Options(ticket)),
            QueueAction::Schedule { name: schedule, schedule: settings } => {
                (self.schedule(name, &schedule, &settings, now)?, Then::Done(ticket))
            }
            QueueAction::Unschedule { name: schedule } => {
                (vec![Arg::Word("unschedule"), name, Arg::Text(schedule)], Then::Count(ticket))
            }
            QueueAction::Schedules => (vec![Arg::Word("schedules"), name], Then::Schedules(ticket)),
            _ => return Err(Error::Unsupported { detail: "an action that is not known".into() }),
        };
        self.push(args, then, now);
        Ok(())
    }

    fn sweep(&mut self, queue: usize, to: Arc<str>, ticket: Ticket, limit: u64, now: Instant) {
        let name = Arg::Name(self.name(queue));
        let most = Arg::Number(limit.min(SLICE / 2));
        let args = vec![Arg::Word("sweep"), name, Arg::Name(Arc::clone(&to)), most, Arg::Word(""), Arg::Word("")];
        self.push(args, Then::Sweep { queue, to, ticket, left: limit, count: 0 }, now);
    }

    fn schedule(&self, queue: Arg, name: &str, schedule: &Schedule, now: Instant) -> Result<Vec<Arg>, Error> {
        check_name(name)?;
        let message = NewMessage { dedup_id: None, due: Due::Now, ..schedule.message.clone() };
        let bytes = check_message(&message)?;
        if bytes > MOST_SCHEDULED {
            return Err(Error::MessageTooLarge { bytes, limit: MOST_SCHEDULED });
        }
        let clockwork = Clockwork::new(&schedule.times)?;
        let time = self.time(now);
        let first = clockwork.next(time, time);
        let template =
            [format!("{} ", message.ttl.unwrap_or(0)).as_bytes(), &record::tail(&message, name, "")].concat();
        Ok(vec![
            Arg::Word("schedule"),
            queue,
            Arg::Text(name.into()),
            Arg::Text(schedules::settings(schedule).into()),
            first.map_or(Arg::Word(""), Arg::Number),
            Arg::Number(MOST_SCHEDULES),
            Arg::Bytes(template.into()),
        ])
    }
}

fn other(action: &MessageAction) -> Option<QueueRef> {
    if let MessageAction::Move { to } = action { Some(*to) } else { None }
}

/// The script's command, and what follows queue and id.
fn of_message(action: &MessageAction, to: Option<Arc<str>>) -> (&'static str, Vec<Arg>) {
    match action {
        MessageAction::Remove => ("remove", vec![Arg::Word("it was removed")]),
        MessageAction::Promote => ("reschedule", vec![Arg::Number(0), Arg::Number(0)]),
        MessageAction::Reschedule { due } => {
            let (kind, time) = when(*due);
            // At once, and not as it was.
            ("reschedule", vec![Arg::Number(kind.max(1)), Arg::Number(time)])
        }
        MessageAction::Move { .. } => ("move", vec![Arg::Name(to.unwrap_or_else(|| Arc::from("")))]),
        MessageAction::Redrive => ("redrive", Vec::new()),
        _ => ("get", Vec::new()),
    }
}

/// How the script is told when.
pub(crate) fn when(due: Due) -> (u64, u64) {
    match due {
        Due::Now => (0, 0),
        Due::After(millis) => (1, millis),
        Due::At(time) => (2, time),
    }
}

/// What a message counts against the limits.
pub(crate) fn check_message(message: &NewMessage) -> Result<u64, Error> {
    for text in [&message.key, &message.dedup_id].into_iter().flatten() {
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            let detail = format!("keys and dedup ids have 1 to {MAX_KEY_BYTES} bytes, this one has {}", text.len());
            return Err(Error::OptionInvalid { detail: detail.into() });
        }
    }
    let key = message.key.as_ref().map_or(0, |key| key.len());
    Ok((message.payload.len() + message.headers.len() + key) as u64)
}
