//! Workers: what they want, what they hold, and that they are alive.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rustc_hash::FxHashSet;
use socketio_queue::{
    Delivery, Effect, Error, Lease, LeaseEnd, MessageId, QueueRef, Renewal, Ticket, Token, WorkerId, WorkerOptions,
};

use crate::core::{BEAT, Core, Held, SOON, Worker};
use crate::interest::Interest;
use crate::op::{Arg, Op, Then};
use crate::record;

/// Most messages of one fetch.
const MOST_FETCHED: u32 = 500;
/// A worker is not taken for lost before this, whatever its options say.
const SHORTEST_TIMEOUT: u64 = 2_000;
/// A handler that runs too long is ended here, if Redis has not told it, after this.
const GRACE: Duration = Duration::from_millis(500);

impl Worker {
    fn credit(&self) -> u32 {
        if self.closing { 0 } else { self.options.concurrency.saturating_sub(self.held) }
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.options.visibility_timeout.max(SHORTEST_TIMEOUT))
    }
}

impl Core {
    pub(crate) fn consume(
        &mut self,
        ticket: Ticket,
        id: WorkerId,
        queue: QueueRef,
        options: WorkerOptions,
        now: Instant,
    ) -> Result<(), Error> {
        let queue = self.find(queue)?;
        let invalid = |detail: &str| Err(Error::OptionInvalid { detail: detail.into() });
        if options.batch.is_some_and(|batch| batch.size == 0) {
            return invalid("a batch has at least one message");
        }
        if options.renewal == Renewal::Explicit {
            return Err(Error::Unsupported { detail: "leases that the consumer renews, over Redis".into() });
        }
        if self.queues.get(queue).is_some_and(|queue| queue.by_interest)
            && (options.batch.is_some() || self.workers.values().any(|other| other.queue == queue && !other.closing))
        {
            return invalid("a queue by interest has one worker in each process, which takes no batches");
        }
        if self.workers.contains_key(&id) {
            return invalid("the worker's number is in use");
        }
        let worker = Worker {
            queue,
            options,
            held: 0,
            life: 0,
            registered: false,
            want: true,
            fetching: false,
            batch_since: None,
            renewed: now,
            closing: false,
            interests: FxHashSet::default(),
            forgotten: false,
        };
        self.workers.insert(id, worker);
        if let Some(op) = self.alive(id, Some(ticket), now) {
            self.pending_bytes += op.bytes();
            self.pending.push_back(op);
        }
        Ok(())
    }

    pub(crate) fn alive(&self, id: WorkerId, ticket: Option<Ticket>, now: Instant) -> Option<Op> {
        let worker = self.workers.get(&id)?;
        let timeout = u64::try_from(worker.timeout().as_millis()).unwrap_or(u64::MAX);
        let (name, worker_name) = (Arg::Name(self.name(worker.queue)), self.worker_name(id, worker.life));
        let args = vec![Arg::Word("alive"), name, worker_name, Arg::Number(timeout)];
        Some(Op::new(args, Then::Alive(id, worker.life, ticket), now))
    }

    /// Signs of life of this instance and its workers; they go before everything else.
    pub(crate) fn beat_now(&mut self, now: Instant) {
        let open: Vec<_> = self.workers.iter().filter(|(_, worker)| !worker.closing).map(|(id, _)| *id).collect();
        let mut pause = BEAT;
        for id in open {
            let registered = self.workers.get(&id).is_some_and(|worker| worker.registered);
            if let Some(worker) = self.workers.get_mut(&id) {
                pause = pause.min(worker.timeout() / 3);
                // Nobody else may know that there is something.
                worker.want = true;
            }
            if registered && let Some(op) = self.alive(id, None, now) {
                self.push_first(op);
            }
        }
        let forgotten: Vec<_> = self.workers.iter().filter(|(_, worker)| worker.forgotten).map(|(id, _)| *id).collect();
        for id in forgotten {
            self.tell_interests(id, now);
        }
        self.push_first(Op::new(vec![Arg::Word("beat")], Then::Beat, now));
        self.beat = now + pause;
        for queue in 0..self.queues.len() {
            self.try_waiting(queue, now);
        }
    }

    /// What was asked of a worker's life was answered. `asked`: when it was sent.
    pub(crate) fn is_alive(&mut self, id: WorkerId, life: u32, unknown: bool, asked: Instant, now: Instant) {
        let Some(worker) = self.workers.get_mut(&id).filter(|worker| worker.life == life) else { return };
        worker.renewed = asked;
        if worker.registered && unknown {
            // It was taken for lost meanwhile, and its messages were given to others.
            self.begin_anew(id, now);
        } else {
            worker.registered = true;
        }
    }

    pub(crate) fn lose_leases(&mut self, id: WorkerId) {
        let lost: Vec<_> = self.leases.iter().filter(|(_, held)| held.worker == id).map(|(token, _)| *token).collect();
        for token in lost {
            self.end_lease(token, LeaseEnd::Expired);
        }
    }

    pub(crate) fn end_lease(&mut self, token: Token, reason: LeaseEnd) {
        let Some(held) = self.let_go(token) else { return };
        if self.workers.get(&held.worker).is_some_and(|worker| !worker.closing) {
            let lease = Lease { id: held.id, token };
            self.effects.push(Effect::LeaseEnded { worker: held.worker, lease, reason });
        }
    }

    /// Leases that cannot be renewed are given up before others get their messages.
    pub(crate) fn give_up_leases(&mut self, now: Instant) {
        if now < self.checked_leases + SOON {
            return;
        }
        self.checked_leases = now;
        let late = |worker: &Worker| {
            let timeout = worker.timeout();
            worker.registered && !worker.closing && now > worker.renewed + timeout / 10 * 9
        };
        let late: Vec<_> = self.workers.iter().filter(|(_, worker)| late(worker)).map(|(id, _)| *id).collect();
        for id in late {
            self.begin_anew(id, now);
        }
        let over: Vec<_> = self
            .leases
            .iter()
            .filter(|(_, held)| held.until.is_some_and(|until| until + GRACE <= now))
            .map(|(token, _)| *token)
            .collect();
        for token in over {
            self.end_lease(token, LeaseEnd::RunTime);
        }
    }

    /// Gives up what a worker holds, or may hold: it goes on under another name.
    pub(crate) fn begin_anew(&mut self, id: WorkerId, now: Instant) {
        self.lose_leases(id);
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let (queue, life) = (worker.queue, worker.life);
        (worker.life, worker.registered, worker.want, worker.held) = (life + 1, false, true, 0);
        let name = Arg::Name(self.name(queue));
        let args = vec![Arg::Word("close"), name, self.worker_name(id, life), Arg::Number(1), Arg::Number(0)];
        self.push(args, Then::Nothing, now);
        if let Some(op) = self.alive(id, None, now) {
            self.pending_bytes += op.bytes();
            self.pending.push_back(op);
        }
        self.tell_interests(id, now);
    }

    /// The batch under way is so old that nobody knows any more whether it was executed: it is not sent again.
    pub(crate) fn forgotten(&mut self, now: Instant) {
        let error = self.unreachable("no answer of Redis for minutes: this may have been done or not");
        self.refused(&error, now);
        let open: Vec<_> = self.workers.iter().filter(|(_, worker)| !worker.closing).map(|(id, _)| *id).collect();
        for id in open {
            self.begin_anew(id, now);
        }
    }

    pub(crate) fn close_worker(&mut self, id: WorkerId, lost: bool, now: Instant) {
        let Some(worker) = self.workers.get_mut(&id).filter(|worker| !worker.closing) else {
            return self.effects.push(Effect::WorkerClosed { worker: id });
        };
        worker.closing = true;
        let (queue, life) = (worker.queue, worker.life);
        self.leases.retain(|_, held| held.worker != id);
        let others = self.workers.values().any(|other| other.queue == queue && !other.closing);
        let args = vec![
            Arg::Word("close"),
            Arg::Name(self.name(queue)),
            self.worker_name(id, life),
            Arg::Number(lost.into()),
            Arg::Number((!others).into()),
        ];
        self.push(args, Then::Closed(Some(id)), now);
    }

    /// A send goes to this queue: idle workers ask with the same batch.
    pub(crate) fn want_of(&mut self, queue: usize) {
        for worker in self.workers.values_mut().filter(|worker| worker.queue == queue) {
            worker.want = true;
        }
    }

    /// Redis says that there is something.
    pub(crate) fn woken(&mut self, name: &str, now: Instant) {
        let Some(queue) = self.names.get(name).copied() else { return };
        self.want_of(queue);
        if !self.workers.values().any(|worker| worker.queue == queue && worker.credit() > 0) {
            let args = vec![Arg::Word("pass"), Arg::Name(self.name(queue))];
            self.push(args, Then::Nothing, now);
        }
    }

    /// Asks for messages, for each worker that wants some.
    pub(crate) fn fetches(&mut self, ops: &mut Vec<Op>, now: Instant) {
        let mut asked = Vec::new();
        for (id, worker) in &mut self.workers {
            let due = |worker: &Worker, wait: u64| {
                worker.batch_since.is_some_and(|since| now >= since + Duration::from_millis(wait))
            };
            let batch = worker.options.batch;
            let waited = batch.is_some_and(|batch| due(worker, batch.wait));
            if !worker.registered || worker.fetching || !(worker.want || waited) {
                continue;
            }
            let (want, least) = match batch {
                None => (worker.credit().min(MOST_FETCHED), 1),
                Some(batch) => {
                    let size = batch.size.min(worker.options.concurrency);
                    let want = if worker.credit() < size { 0 } else { size };
                    (want, if waited || batch.wait == 0 { 1 } else { size })
                }
            };
            if want == 0 {
                continue;
            }
            (worker.want, worker.fetching) = (false, true);
            asked.push((*id, worker.queue, worker.life, want, least, worker.options.max_run_time.unwrap_or(0)));
        }
        for (id, queue, life, want, least, run) in asked {
            let args = vec![
                Arg::Word("fetch"),
                Arg::Name(self.name(queue)),
                self.worker_name(id, life),
                Arg::Number(want.into()),
                Arg::Number(least.into()),
                Arg::Number(run),
            ];
            ops.push(Op::new(args, Then::Fetched { worker: id, life, want }, now));
        }
    }

    /// What a fetch brought: (id, token, attempt) and the record of each; and how many there were.
    pub(crate) fn fetched(
        &mut self,
        to: (WorkerId, u32, u32),
        there: u64,
        all: Vec<(MessageId, Token, u16, Bytes)>,
        now: Instant,
    ) {
        let (id, life, want) = to;
        let Some(worker) = self.workers.get_mut(&id) else { return };
        worker.fetching = false;
        if worker.life != life || worker.closing {
            return;
        }
        let full = all.len() as u64 >= u64::from(want);
        worker.want |= full;
        if worker.options.batch.is_some() {
            if all.is_empty() && there > 0 {
                worker.batch_since.get_or_insert(now);
            } else {
                worker.batch_since = None;
                worker.want |= there > all.len() as u64;
            }
        }
        let until = worker.options.max_run_time.map(|time| now + Duration::from_millis(time));
        let mut deliveries = Vec::with_capacity(all.len());
        let by_interest = self.queues.get(worker.queue).is_some_and(|queue| queue.by_interest);
        let mut unwanted = FxHashSet::default();
        for (message, token, attempt, bytes) in all {
            // One that is gone was taken away after the answer was lost.
            let Some(read) = record::read(message, bytes) else { continue };
            if self.ended_early.contains(&token) {
                continue;
            }
            if let Some(key) = read.key()
                && by_interest
                && !worker.interests.contains(key)
            {
                // Redis knows of an interest that is gone here. What it gave out comes back as always.
                unwanted.insert(Box::from(key));
            }
            self.newest = self.newest.max(token.0);
            self.leases.insert(token, Held { worker: id, id: message, until });
            worker.held += 1;
            deliveries.push(Delivery { token, attempt, message: read });
        }
        if !deliveries.is_empty() {
            self.effects.push(Effect::Deliver { worker: id, deliveries });
        }
        for key in unwanted {
            self.tell_interest(None, id, key, Interest::Ended, now);
        }
    }

    /// A fetch failed: not again at once.
    pub(crate) fn not_fetched(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id) {
            // The next sign of life asks again.
            worker.fetching = false;
        }
    }

    pub(crate) fn extended(&mut self, token: Token, until: Instant) {
        if let Some(held) = self.leases.get_mut(&token) {
            held.until = Some(until);
        }
    }
}
