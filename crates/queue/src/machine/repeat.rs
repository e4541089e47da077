//! Schedules.

use super::queue::Queue;
use super::{Machine, Round, Timer};
use crate::cron::Clockwork;
use crate::record::{Change, ScheduleState, Tick};
use crate::{Due, Error, Now, Outcome, Schedule, ScheduleInfo, Times, check_name};

/// The most bytes of a scheduled message: it is in memory.
const MOST_BYTES: usize = 64 * 1024;

/// A cron schedule whose times are closer together than this follows a clock that was set back; another one waits for a time that
/// it has not had yet.
const FREQUENT: u64 = 3_600_000;

/// A schedule of a queue.
pub(crate) struct Repeat {
    pub(crate) schedule: Schedule,
    pub(crate) state: ScheduleState,
    clockwork: Clockwork,
    /// For its timer.
    number: u64,
    next: Option<Next>,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Wall(u64),
    Mono(u64),
}

impl Repeat {
    pub(crate) fn new(schedule: Schedule, state: ScheduleState) -> Result<Self, Error> {
        let clockwork = Clockwork::new(&schedule.times)?;
        Ok(Self { schedule, state, clockwork, number: 0, next: None })
    }

    fn ended(&self, at: u64) -> bool {
        self.schedule.limit.is_some_and(|limit| self.state.sent >= limit)
            || self.schedule.until.is_some_and(|until| at > until)
    }
}

impl Queue {
    pub(crate) fn schedules(&self, now: Now) -> Vec<ScheduleInfo> {
        let info = |(name, repeat): (&str, &Repeat)| ScheduleInfo {
            name: name.into(),
            schedule: repeat.schedule.clone(),
            next: repeat.next.map(|next| match next {
                Next::Wall(at) => at,
                Next::Mono(at) => now.wall.saturating_add(at.saturating_sub(now.mono)),
            }),
            sent: repeat.state.sent,
            skipped: repeat.state.skipped,
        };
        self.repeats.iter().map(|(name, repeat)| (&**name, repeat)).map(info).collect()
    }
}

impl Machine {
    pub(super) fn schedule(
        &mut self,
        cx: &mut Round<'_>,
        queue: u32,
        name: &str,
        mut schedule: Schedule,
    ) -> Result<Outcome, Error> {
        check_name(name)?;
        schedule.message.dedup_id = None;
        schedule.message.due = Due::Now;
        let bytes = (schedule.message.payload.len() + schedule.message.headers.len()) as u64;
        if bytes > MOST_BYTES as u64 {
            return Err(Error::MessageTooLarge { bytes, limit: MOST_BYTES as u64 });
        }
        self.check(queue, &schedule.message)?;
        let limit = self.config.max_schedules;
        let found = self.queue(queue)?;
        let before = found.repeats.get(name);
        if before.is_none() && found.repeats.len() >= limit as usize {
            return Err(Error::TooMany { what: "schedules", limit: limit.into() });
        }
        let same = before.filter(|before| before.schedule.times == schedule.times);
        let state = same.map_or(ScheduleState { last: cx.now.wall, ..ScheduleState::default() }, |same| same.state);
        let repeat = Repeat::new(schedule, state)?;
        let boxed = Box::new(repeat.schedule.clone());
        self.record(cx, &Change::Schedule { queue, name: name.into(), schedule: boxed, state })?;
        self.disarm(queue, name);
        self.queue_mut(queue)?.repeats.insert(name.into(), repeat);
        self.arm(queue, name, cx.now);
        Ok(Outcome::Done)
    }

    pub(super) fn unschedule(&mut self, cx: &mut Round<'_>, queue: u32, name: &str) -> Result<Outcome, Error> {
        if !self.queue(queue)?.repeats.contains_key(name) {
            return Ok(Outcome::Count(0));
        }
        self.record(cx, &Change::Unschedule { queue, name: name.into() })?;
        self.disarm(queue, name);
        self.queue_mut(queue)?.repeats.remove(name);
        Ok(Outcome::Count(1))
    }

    fn disarm(&mut self, queue: u32, name: &str) {
        let Some(found) = self.queues.get_mut(queue as usize) else { return };
        let Some(repeat) = found.repeats.get_mut(name) else { return };
        match repeat.next.take() {
            Some(Next::Wall(at)) => {
                self.crons.remove(&(at, queue, name.into()));
            }
            Some(Next::Mono(at)) => {
                self.timers.remove(&(at, Timer::Repeat(queue, repeat.number)));
            }
            None => {}
        }
    }

    /// Sets the timer for its next time after now.
    pub(super) fn arm(&mut self, queue: u32, name: &str, now: Now) {
        self.next_repeat += 1;
        let number = self.next_repeat;
        let Some(found) = self.queues.get_mut(queue as usize) else { return };
        let Some(repeat) = found.repeats.get_mut(name) else { return };
        repeat.number = number;
        let last = repeat.state.last;
        let Some(mut next) = repeat.clockwork.next(now.wall.max(last), last) else { return };
        if let Times::Every(every) = repeat.schedule.times {
            // By the wall clock of a process before; if that was set back meanwhile, not later than one interval from now.
            next = next.min(now.wall.saturating_add(every));
        }
        if repeat.ended(next) {
            return;
        }
        match repeat.schedule.times {
            Times::Every(_) => {
                let at = now.mono.saturating_add(next.saturating_sub(now.wall));
                repeat.next = Some(Next::Mono(at));
                self.timers.insert((at, Timer::Repeat(queue, number)));
            }
            Times::Cron { .. } => {
                repeat.next = Some(Next::Wall(next));
                self.crons.insert((next, queue, name.into()));
            }
        }
    }

    pub(super) fn run_interval(&mut self, cx: &mut Round<'_>, queue: u32, number: u64) {
        let Ok(found) = self.queue_mut(queue) else { return };
        let Some((name, repeat)) = found.repeats.iter_mut().find(|(_, repeat)| repeat.number == number) else { return };
        let (name, Some(Next::Mono(due))) = (name.clone(), repeat.next.take()) else { return };
        let Times::Every(every) = repeat.schedule.times else { return };
        self.run_tick(cx, queue, &name, cx.now.wall);
        // In phase with the monotonic clock; what was missed is left out.
        let passed = cx.now.mono.saturating_sub(due) / every;
        let at = due.saturating_add((passed + 1).saturating_mul(every));
        if let Ok(found) = self.queue_mut(queue)
            && let Some(repeat) = found.repeats.get_mut(&name)
            && !repeat.ended(cx.now.wall.saturating_add(at.saturating_sub(cx.now.mono)))
        {
            repeat.next = Some(Next::Mono(at));
            self.timers.insert((at, Timer::Repeat(queue, number)));
        }
    }

    pub(super) fn run_crons(&mut self, cx: &mut Round<'_>) {
        while self.crons.first().is_some_and(|first| first.0 <= cx.now.wall) {
            let Some((at, queue, name)) = self.crons.pop_first() else { return };
            if let Ok(found) = self.queue_mut(queue)
                && let Some(repeat) = found.repeats.get_mut(&name)
            {
                repeat.next = None;
            }
            self.run_tick(cx, queue, &name, at);
            self.arm(queue, &name, cx.now);
        }
    }

    /// One time of a schedule: sends its message, unless the one before is not settled or the queue is full.
    fn run_tick(&mut self, cx: &mut Round<'_>, queue: u32, name: &str, time: u64) {
        let Ok(found) = self.queue(queue) else { return };
        let Some(repeat) = found.repeats.get(name) else { return };
        let (message, mut state) = (repeat.schedule.message.clone(), repeat.state);
        let overlaps = self.slot(queue, state.outstanding).is_ok();
        let bytes = (message.payload.len() + message.headers.len()) as u64;
        state.last = time;
        let tick = Tick { schedule: name, time, sent: state.sent + 1 };
        let sent = if overlaps || !self.has_room(cx, queue, bytes) {
            None
        } else {
            self.store(cx, queue, &message, Some(tick)).ok()
        };
        match sent {
            Some(id) => (state.sent, state.outstanding) = (state.sent + 1, id),
            None => state.skipped += 1,
        }
        if let Ok(found) = self.queue_mut(queue)
            && let Some(repeat) = found.repeats.get_mut(name)
        {
            repeat.state = state;
        }
    }

    /// The wall clock shows a time that it has shown before.
    pub(super) fn clock_was_set_back(&mut self, now: Now) {
        for (_, queue, name) in std::mem::take(&mut self.crons) {
            let Some(found) = self.queues.get_mut(queue as usize) else { continue };
            let Some(repeat) = found.repeats.get_mut(&name) else { continue };
            let last = repeat.state.last;
            repeat.next = None;
            if repeat.clockwork.next(last, last).is_some_and(|next| next - last <= FREQUENT) {
                repeat.state.last = last.min(now.wall);
            }
            self.arm(queue, &name, now);
        }
    }
}
