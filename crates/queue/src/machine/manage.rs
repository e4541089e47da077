//! Queues as a whole.

use super::queue::Queue;
use super::sweep::{Goal, Sweep};
use super::{Machine, Round};
use crate::record::Change;
use crate::{
    Backoff, Error, EventKind, MessageId, Outcome, QueueAction, QueueOptions, QueueRef, QueueStats, State, Ticket,
    check_name,
};

impl Machine {
    pub(super) fn declare(
        &mut self,
        cx: &mut Round<'_>,
        handle: QueueRef,
        name: Box<str>,
        options: Option<Box<QueueOptions>>,
    ) -> Result<Outcome, Error> {
        self.handles.remove(&handle);
        check_name(&name)?;
        if let Some(options) = &options {
            check_options(options)?;
        }
        let index = match (self.names.get(&name).copied(), options) {
            (None, options) => {
                self.make_queue(cx, name, options.map_or_else(QueueOptions::default, |options| *options))?
            }
            (Some(index), Some(options)) => {
                self.set_options(cx, index, *options)?;
                index
            }
            (Some(index), None) => index,
        };
        self.handles.insert(handle, index);
        Ok(Outcome::Done)
    }

    pub(super) fn make_queue(
        &mut self,
        cx: &mut Round<'_>,
        name: Box<str>,
        options: QueueOptions,
    ) -> Result<u32, Error> {
        let limit = self.config.max_queues;
        let index = u32::try_from(self.queues.len()).ok().filter(|index| *index < limit);
        let index = index.ok_or(Error::TooMany { what: "queues", limit: limit.into() })?;
        let change =
            Change::Queue { queue: index, name: name.clone(), options: Box::new(options.clone()), paused: false };
        self.record(cx, &change)?;
        self.queues.push(Queue::new(name.clone(), options));
        self.names.insert(name, index);
        Ok(index)
    }

    fn set_options(&mut self, cx: &mut Round<'_>, index: u32, options: QueueOptions) -> Result<(), Error> {
        let found = self.queue(index)?;
        if found.options == options {
            return Ok(());
        }
        if found.options.by_interest != options.by_interest && (found.len() > 0 || found.workers > 0) {
            let detail = "a queue is by interest from its beginning, or becomes so without messages and workers";
            return Err(Error::OptionInvalid { detail: detail.into() });
        }
        let (name, paused) = (found.name.clone(), found.paused);
        self.record(cx, &Change::Queue { queue: index, name, options: Box::new(options.clone()), paused })?;
        let found = self.queue_mut(index)?;
        let ordered = found.options.overflow == crate::Overflow::DropOldest;
        found.options = options;
        if !ordered && found.options.overflow == crate::Overflow::DropOldest {
            self.put_in_order(index);
        }
        self.touch(index);
        Ok(())
    }

    /// Finds out which messages of a queue are the oldest. Once, when its policy becomes to drop them.
    fn put_in_order(&mut self, index: u32) {
        let slots = (0..self.slab.slots()).map(|slot| self.slab.at(slot));
        let mut order: Vec<_> =
            slots.filter(|entry| !entry.is_free() && entry.queue == index).map(super::slab::Entry::id).collect();
        order.sort_unstable();
        if let Some(found) = self.queues.get_mut(index as usize) {
            found.order = order.into();
        }
    }

    pub(super) fn manage(&mut self, cx: &mut Round<'_>, ticket: Ticket, queue: QueueRef, action: QueueAction) {
        let index = match self.find(queue) {
            Ok(index) => index,
            Err(error) => return cx.done(ticket, Err(error)),
        };
        let newest = self.newest;
        let result = match action {
            QueueAction::Pause => self.pause(cx, index, true),
            QueueAction::Resume => self.pause(cx, index, false),
            QueueAction::Drain => {
                self.touch(index);
                match self.queue_mut(index) {
                    Ok(found) => return found.drains.push(ticket),
                    Err(error) => Err(error),
                }
            }
            QueueAction::Purge => {
                return self.sweeps.push_back(Sweep::new(ticket, index, Goal::Purge { newest }, u64::MAX));
            }
            QueueAction::Move { to, limit } => match self.find(to) {
                Ok(to) if to != index => {
                    return self.sweeps.push_back(Sweep::new(ticket, index, Goal::Move { to }, limit));
                }
                Ok(_) => Err(Error::OptionInvalid { detail: "messages are moved to another queue".into() }),
                Err(error) => Err(error),
            },
            QueueAction::Redrive { limit } => {
                return self.sweeps.push_back(Sweep::new(ticket, index, Goal::Redrive, limit));
            }
            QueueAction::Peek { limit } => Ok(self.peek(cx, index, limit)),
            QueueAction::List { state, cursor, limit } => Ok(self.list(cx, index, state, cursor, limit)),
            QueueAction::Stats => self.stats(cx, index).map(|stats| Outcome::Stats(Box::new(stats))),
            QueueAction::Options => self.queue(index).map(|found| Outcome::Options(Box::new(found.options.clone()))),
            QueueAction::Schedule { name, schedule } => self.schedule(cx, index, &name, *schedule),
            QueueAction::Unschedule { name } => self.unschedule(cx, index, &name),
            QueueAction::Schedules => self.queue(index).map(|found| Outcome::Schedules(found.schedules(cx.now))),
        };
        cx.done(ticket, result);
    }

    fn pause(&mut self, cx: &mut Round<'_>, index: u32, paused: bool) -> Result<Outcome, Error> {
        let found = self.queue(index)?;
        if found.paused == paused {
            return Ok(Outcome::Done);
        }
        let (name, options) = (found.name.clone(), Box::new(found.options.clone()));
        self.record(cx, &Change::Queue { queue: index, name, options, paused })?;
        self.queue_mut(index)?.paused = paused;
        if paused {
            self.event(cx, index, MessageId(0), 11, || EventKind::Paused);
        } else {
            self.event(cx, index, MessageId(0), 12, || EventKind::Resumed);
        }
        self.touch(index);
        Ok(Outcome::Done)
    }

    fn stats(&self, cx: &Round<'_>, index: u32) -> Result<QueueStats, Error> {
        let found = self.queue(index)?;
        let mut stats = found.stats.clone();
        stats.ready = found.count(State::Ready);
        stats.blocked = found.count(State::Blocked);
        stats.delayed = found.count(State::Delayed);
        stats.active = found.count(State::Active);
        stats.bytes = found.bytes;
        stats.waiting_sends = found.waiting.len() as u64;
        stats.keys = found.keys;
        stats.workers = found.workers.into();
        stats.paused = found.paused;
        stats.oldest_ready = self.oldest_ready(index).map(|id| cx.now.wall.saturating_sub(id.millis()));
        Ok(stats)
    }
}

/// Whether a queue can behave like that.
pub fn check_options(options: &QueueOptions) -> Result<(), Error> {
    let jitter = match options.backoff {
        Backoff::Fixed { jitter, .. } | Backoff::Exponential { jitter, .. } => jitter,
    };
    let rates = [options.rate, options.key_rate];
    let wrong = if options.max_attempts == 0 {
        "maxAttempts is at least 1"
    } else if options.key_concurrency == 0 || options.concurrency == Some(0) {
        "concurrency is at least 1"
    } else if !(0.0..=1.0).contains(&jitter) {
        "jitter is a number from 0 to 1"
    } else if rates.into_iter().flatten().any(|rate| rate.max == 0 || rate.per == 0) {
        "a rate allows at least 1 message in at least 1 ms"
    } else if options.by_interest && (options.key_rate.is_some() || options.overflow == crate::Overflow::Wait) {
        "a queue by interest has no keyRate, and does not let sends wait"
    } else if options.key_max_length.is_some_and(|most| !options.by_interest || most == 0) {
        "keyMaxLength is at least 1, and only for a queue by interest"
    } else if options.max_message_bytes > 1 << 30 {
        "maxMessageBytes is at most 1 GiB"
    } else {
        return options.dead_letter.as_deref().map_or(Ok(()), check_name);
    };
    Err(Error::OptionInvalid { detail: wrong.into() })
}
