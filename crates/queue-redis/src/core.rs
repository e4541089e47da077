//! What one process knows, and its next batch. No I/O, no clock: the time is handed in.
//!
//! Invariants:
//! - One batch is under way at a time, and it is sent again until it is answered: the script remembers the answer to the last one.
//! - A worker holds no more than its concurrency: `held` counts leases that were delivered and not settled by a command that is pending.
//! - A queue of which this process wants messages is either in `want`, or is being fetched from, or Redis will wake this instance.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};
use socketio_queue::{
    Effect, Error, Histogram, Lease, MessageId, QueueRef, Receipt, Request, Ticket, Token, WorkerId, WorkerOptions,
};

use crate::op::{Arg, Op, Then};
use crate::script::Script;

/// A batch has no more commands, and not many more bytes. Redis does nothing else meanwhile: that is some milliseconds.
const MOST_OPS: usize = 1_000;
const MOST_BYTES: usize = 2 * 1024 * 1024;
const MOST_READS: usize = 64;
/// Times beyond this are this.
const A_LONG_TIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// The script remembers its last answer for ten minutes.
const REMEMBERED: Duration = Duration::from_secs(540);
/// A sign of life so often at least.
pub(crate) const BEAT: Duration = Duration::from_secs(1);
/// So often it is looked at what waits for Redis too long, and at leases.
pub(crate) const SOON: Duration = Duration::from_millis(100);
/// So much may wait for Redis; what comes then is refused.
const MOST_PENDING: usize = 256 * 1024 * 1024;

/// A queue that this process has named.
#[derive(Default)]
pub(crate) struct LocalQueue {
    pub(crate) name: Arc<str>,
    pub(crate) handle: Option<QueueRef>,
    /// The events that the owner wants to hear of, and those that Redis was told of.
    pub(crate) mask: u16,
    pub(crate) listening: u32,
    /// The options that this process has given.
    pub(crate) options: Vec<Arg>,
    pub(crate) by_interest: bool,
    pub(crate) drains: Vec<Ticket>,
    /// Sends that wait for room. The first `returned` have come back from another attempt, of which `trying` are under way.
    pub(crate) waiting: VecDeque<Op>,
    pub(crate) returned: usize,
    pub(crate) trying: usize,
}

#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct Worker {
    pub(crate) queue: usize,
    pub(crate) options: WorkerOptions,
    pub(crate) held: u32,
    /// Which name it has in Redis: another one after its leases were lost.
    pub(crate) life: u32,
    pub(crate) registered: bool,
    /// There may be messages for it.
    pub(crate) want: bool,
    pub(crate) fetching: bool,
    pub(crate) batch_since: Option<Instant>,
    /// Since then it is known to be alive for its timeout.
    pub(crate) renewed: Instant,
    pub(crate) closing: bool,
    /// The keys whose messages it takes, of a queue by interest.
    pub(crate) interests: FxHashSet<Box<str>>,
    /// Redis may not know of all of them.
    pub(crate) forgotten: bool,
}

/// A delivery that is not settled.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) worker: WorkerId,
    pub(crate) id: MessageId,
    /// When it has to be given up if nothing is heard before.
    pub(crate) until: Option<Instant>,
}

pub(crate) struct Pending {
    pub(crate) ticket: Ticket,
    pub(crate) request: Request,
    pub(crate) deadline: Instant,
    pub(crate) queue: usize,
}

pub(crate) struct Gathering {
    pub(crate) ticket: Ticket,
    pub(crate) results: Vec<Result<Receipt, Error>>,
    pub(crate) left: usize,
}

/// A batch under way.
pub(crate) struct Flight {
    /// 0: it only reads.
    pub(crate) number: u64,
    pub(crate) ops: Vec<Op>,
    pub(crate) since: Instant,
    /// Redis is out of memory.
    pub(crate) full: bool,
    /// How often it was sent.
    pub(crate) sent: u32,
    /// It is asked for its answer only: it may have been executed when it was sent before.
    pub(crate) again: bool,
}

impl Flight {
    pub(crate) fn new(number: u64, since: Instant) -> Self {
        Self { number, ops: Vec::new(), since, full: false, sent: 0, again: false }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(crate) struct Core {
    pub(crate) instance: String,
    pub(crate) prefix: String,
    pub(crate) timeout: Duration,
    pub(crate) effects: Vec<Effect>,
    pub(crate) pending: VecDeque<Op>,
    pub(crate) pending_bytes: usize,
    pub(crate) flight: Option<Flight>,
    pub(crate) batches: u64,
    pub(crate) queues: Vec<LocalQueue>,
    pub(crate) names: FxHashMap<Arc<str>, usize>,
    pub(crate) handles: FxHashMap<QueueRef, usize>,
    pub(crate) workers: FxHashMap<WorkerId, Worker>,
    pub(crate) leases: FxHashMap<Token, Held>,
    /// Leases that have ended before their delivery was heard of: it is under way.
    pub(crate) ended_early: FxHashSet<Token>,
    pub(crate) requests: FxHashMap<MessageId, Pending>,
    pub(crate) deadlines: BTreeSet<(Instant, MessageId)>,
    pub(crate) gatherings: FxHashMap<u64, Gathering>,
    pub(crate) next_gathering: u64,
    /// Redis's clock, and when it was read.
    pub(crate) clock: Option<(u64, Instant)>,
    /// When Redis has something to do.
    pub(crate) alarm: Option<Instant>,
    pub(crate) schedules: Option<Instant>,
    pub(crate) asked_schedules: bool,
    pub(crate) beat: Instant,
    /// Replies that were taken and not yet forgotten by Redis; whether there may be more; whether that was asked.
    pub(crate) taken: u64,
    pub(crate) inbox: bool,
    pub(crate) asked_inbox: bool,
    /// Since when there is no connection, and why.
    pub(crate) down: Option<(Instant, Error)>,
    pub(crate) opened: bool,
    /// Somebody has closed a worker while there was no connection.
    pub(crate) hurried: bool,
    pub(crate) checked: Instant,
    pub(crate) checked_leases: Instant,
    pub(crate) closing: Option<Instant>,
    pub(crate) said_bye: bool,
    pub(crate) ended: bool,
    pub(crate) trips: Histogram,
    pub(crate) full: bool,
    /// Queues of which Redis may have counted another number of sends that wait.
    pub(crate) miscounted: FxHashSet<usize>,
    /// The greatest token that was given.
    pub(crate) newest: u64,
    /// Redis may have lost what it knew, or this process what it was told: with the next batch, both tell each other.
    pub(crate) introducing: bool,
}

impl Core {
    pub(crate) fn new(instance: String, prefix: String, timeout: Duration, now: Instant) -> Self {
        Self {
            instance,
            prefix,
            timeout,
            effects: Vec::new(),
            pending: VecDeque::new(),
            pending_bytes: 0,
            flight: None,
            batches: 0,
            queues: Vec::new(),
            names: FxHashMap::default(),
            handles: FxHashMap::default(),
            workers: FxHashMap::default(),
            leases: FxHashMap::default(),
            ended_early: FxHashSet::default(),
            requests: FxHashMap::default(),
            deadlines: BTreeSet::new(),
            gatherings: FxHashMap::default(),
            next_gathering: 0,
            clock: None,
            alarm: None,
            schedules: None,
            asked_schedules: false,
            beat: now,
            taken: 0,
            inbox: false,
            asked_inbox: false,
            down: None,
            opened: false,
            hurried: false,
            checked: now,
            checked_leases: now,
            closing: None,
            said_bye: false,
            ended: false,
            trips: Histogram::default(),
            full: false,
            miscounted: FxHashSet::default(),
            newest: 0,
            introducing: false,
        }
    }

    /// The channel on which this instance is told of things.
    pub(crate) fn channel(&self) -> String {
        format!("{}:instance:{}", self.prefix, self.instance)
    }

    pub(crate) fn done(&mut self, ticket: Ticket, result: Result<socketio_queue::Outcome, Error>) {
        self.effects.push(Effect::Done { ticket, result });
    }

    pub(crate) fn push(&mut self, args: Vec<Arg>, then: Then, now: Instant) {
        let op = Op::new(args, then, now);
        self.pending_bytes += op.bytes();
        self.pending.push_back(op);
    }

    pub(crate) fn push_first(&mut self, op: Op) {
        self.pending_bytes += op.bytes();
        self.pending.push_front(op);
    }

    /// Whether no more sends are taken: Redis does not keep up, or is not there.
    pub(crate) fn is_overfull(&self) -> bool {
        self.pending_bytes > MOST_PENDING
    }

    pub(crate) fn name(&self, queue: usize) -> Arc<str> {
        self.queues.get(queue).map_or_else(|| Arc::from(""), |queue| Arc::clone(&queue.name))
    }

    pub(crate) fn worker_name(&self, worker: WorkerId, life: u32) -> Arg {
        Arg::Text(format!("{}:{}.{life}", self.instance, worker.0).into())
    }

    pub(crate) fn find(&self, queue: QueueRef) -> Result<usize, Error> {
        let found = self.handles.get(&queue).copied();
        found.ok_or_else(|| Error::QueueNotFound { detail: format!("handle {}", queue.0).into() })
    }

    /// A time of Redis's clock as one of this process.
    pub(crate) fn local(&self, time: u64, now: Instant) -> Instant {
        self.clock.map_or(now, |(known, read)| {
            let ahead = Duration::from_millis(time.saturating_sub(known)).min(A_LONG_TIME);
            read + ahead
        })
    }

    /// Redis's clock now.
    pub(crate) fn time(&self, now: Instant) -> u64 {
        self.clock.map_or(0, |(known, read)| {
            known + u64::try_from(now.saturating_duration_since(read).as_millis()).unwrap_or(0)
        })
    }

    /// The batch to send: the one that is under way (to be sent again), or the next. `None`: there is nothing to ask.
    pub(crate) fn batch(&mut self, script: &Script, now: Instant) -> Option<redis::Cmd> {
        if self.flight.as_ref().is_some_and(|flight| now > flight.since + REMEMBERED) {
            self.forgotten(now);
        }
        if self.flight.is_none() {
            self.flight = self.build(now);
        }
        let flight = self.flight.as_mut()?;
        flight.sent += 1;
        let mut command = redis::cmd(script.command);
        let [usual, without_memory] = &script.names;
        command
            .arg(if flight.full || flight.again { without_memory } else { usual })
            .arg(1)
            .arg(&self.prefix)
            .arg(&self.instance);
        command.arg(flight.number).arg(crate::engine::chance() >> 33);
        if flight.again {
            command.arg("again");
            return Some(command);
        }
        for op in &flight.ops {
            for arg in &op.args {
                arg.write(&mut command);
            }
        }
        Some(command)
    }

    fn build(&mut self, now: Instant) -> Option<Flight> {
        self.prepare(now);
        let mut ops = Vec::new();
        let reads = self.pending.front().is_some_and(|op| op.then.only_reads());
        let mut bytes = 0;
        while let Some(op) = self.pending.front()
            && op.then.only_reads() == reads
            && ops.len() < if reads { MOST_READS } else { MOST_OPS }
            && bytes < MOST_BYTES
            && let Some(op) = self.pending.pop_front()
        {
            bytes += op.bytes();
            self.pending_bytes = self.pending_bytes.saturating_sub(op.bytes());
            if let Then::Sent(queue, _) = op.then {
                self.want_of(queue);
            }
            ops.push(op);
        }
        if !reads {
            self.fetches(&mut ops, now);
        }
        if ops.is_empty() {
            self.alarm.filter(|at| *at <= now)?;
        }
        let number = if reads {
            0
        } else {
            self.alarm = None;
            self.batches += 1;
            self.batches
        };
        Some(Flight { ops, ..Flight::new(number, now) })
    }

    /// What is asked without a command of the owner.
    fn prepare(&mut self, now: Instant) {
        if now >= self.beat && !self.said_bye {
            self.beat_now(now);
        }
        self.recount(now);
        if std::mem::take(&mut self.introducing) {
            self.introduce(now);
        }
        if self.inbox && !self.asked_inbox {
            self.asked_inbox = true;
            let args = vec![Arg::Word("inbox"), Arg::Number(self.taken)];
            self.push_first(Op::new(args, Then::Inbox, now));
        }
        if self.schedules.is_some_and(|at| at <= now) && !self.asked_schedules && self.closing.is_none() {
            self.asked_schedules = true;
            self.push(vec![Arg::Word("due")], Then::Due, now);
        }
    }

    /// A lease that this process knows of.
    pub(crate) fn held(&self, lease: Lease) -> Result<(usize, Held), Error> {
        let found = self.leases.get(&lease.token).filter(|held| held.id == lease.id).copied();
        let held = found.ok_or(Error::LeaseEnded { id: lease.id })?;
        let worker = self.workers.get(&held.worker).ok_or(Error::LeaseEnded { id: lease.id })?;
        Ok((worker.queue, held))
    }

    /// It is settled, or lost.
    pub(crate) fn let_go(&mut self, token: Token) -> Option<Held> {
        let held = self.leases.remove(&token)?;
        if let Some(worker) = self.workers.get_mut(&held.worker) {
            worker.held = worker.held.saturating_sub(1);
        }
        Some(held)
    }

    /// When something has to be looked at, if nothing happens before. Never a time that has passed: what was due then was done, or waits
    /// for an answer or a connection, and looking for it again and again would take the processor from those who give them.
    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        let waits = self.workers.values().filter_map(|worker| {
            let batch = worker.options.batch?;
            Some(worker.batch_since? + Duration::from_millis(batch.wait))
        });
        let waiting = self.down.is_some() || self.flight.is_some();
        let most = now + if waiting { SOON } else { BEAT };
        let schedules = self.schedules.filter(|_| !self.asked_schedules);
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let all = [Some(self.beat), self.alarm, schedules, self.closing, deadline];
        all.into_iter().flatten().chain(waits).filter(|at| *at > now).fold(most, Instant::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread that looks for what it cannot do anything about takes the processor from Redis.
    #[test]
    fn the_next_look_is_never_in_the_past() {
        let begin = Instant::now();
        let mut core = Core::new("one".to_owned(), "{queues}".to_owned(), Duration::from_secs(5), begin);
        let script = Script { command: "EVALSHA", names: Default::default() };
        let looks = |core: &mut Core, what: &str| {
            for millis in [0, 1, 99, 100, 999, 1_000, 4_000, 60_000] {
                let now = begin + Duration::from_millis(millis);
                core.tick(now);
                assert!(core.next_look(now) > now, "{what}, after {millis} ms");
            }
        };
        looks(&mut core, "before the first connection");
        core.found(begin);
        assert!(core.batch(&script, begin).is_some());
        core.alarm = Some(begin);
        core.schedules = Some(begin);
        looks(&mut core, "while an answer is awaited");
        core.lost(Error::Closed, begin);
        looks(&mut core, "without a connection");
    }
}
