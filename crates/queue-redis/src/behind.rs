//! What is told after each new connection, and when Redis has lost what this process did last: a replica has taken the place of its server,
//! or it has lost its power.
//!
//! The latter the script notices by the number of the batch, and executes none before it was told what the workers hold. What else Redis
//! takes for theirs (they have settled it since) comes back; what it does not know of (it was delivered since, and may go to another one) has
//! ended here. Nobody else would: a lease lasts as long as its worker.

use std::fmt::Write as _;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};
use socketio_queue::{LeaseEnd, Token, WorkerId};

use crate::core::{Core, LocalQueue, Worker};
use crate::op::{Arg, Op, Then};

impl Op {
    /// The lease that it settles.
    fn settles(&self) -> Option<u64> {
        match (&self.then, self.args.get(3)) {
            (Then::Settled(..), Some(Arg::Number(token))) => Some(*token),
            _ => None,
        }
    }
}

impl Core {
    /// The batch under way was not executed: it begins with what Redis has to know before, and is sent again.
    pub(crate) fn behind(&mut self, now: Instant) {
        let Some(mut flight) = self.flight.take() else { return };
        let mut first = vec![Op::new(vec![Arg::Word("behind"), Arg::Number(self.newest)], Then::Nothing, now)];
        first.append(&mut self.restores(now));
        // Alive, whatever Redis knows of them: what they hold is looked at next.
        let alive = self.known().filter_map(|(id, _)| self.alive(id, None, now));
        first.extend(alive.map(|op| Op { then: Then::Nothing, ..op }));
        first.append(&mut self.holds(&flight.ops, now));
        // Of the replies that are there, others may have been taken: all are looked at again, and those that nobody waits for are nothing.
        self.taken = 0;
        for op in flight.ops.iter_mut().chain(&mut self.pending).filter(|op| matches!(op.then, Then::Inbox)) {
            op.args.truncate(1);
            op.args.push(Arg::Number(0));
        }
        first.append(&mut flight.ops);
        (flight.ops, flight.again) = (first, false);
        self.flight = Some(flight);
    }

    /// The next batch begins with what Redis may have lost, and this process not heard: which queues there are, what is held; what it wants
    /// to hear follows.
    pub(crate) fn introduce(&mut self, now: Instant) {
        let mut first = self.restores(now);
        first.append(&mut self.holds(&[], now));
        first.extend((0..self.queues.len()).map(|queue| self.waits(queue, now)));
        for op in first.into_iter().rev() {
            self.push_first(op);
        }
        for queue in 0..self.queues.len() {
            let Some(found) = self.queues.get_mut(queue) else { continue };
            let drains = !found.drains.is_empty();
            if std::mem::take(&mut found.listening) != 0 {
                self.listen(queue, now);
            }
            if drains {
                let args = vec![Arg::Word("empty"), Arg::Name(self.name(queue))];
                self.push(args, Then::Drain(queue), now);
            }
        }
        let workers: Vec<_> = self.workers.keys().copied().collect();
        for worker in workers {
            self.tell_interests(worker, now);
        }
    }

    /// The queues, should they be lost.
    fn restores(&self, now: Instant) -> Vec<Op> {
        let restore = |queue: &LocalQueue| {
            let mut args = vec![Arg::Word("restore"), Arg::Name(queue.name.clone())];
            args.push(Arg::Number(queue.options.len() as u64));
            args.extend(queue.options.iter().cloned());
            Op::new(args, Then::Nothing, now)
        };
        self.queues.iter().map(restore).collect()
    }

    /// The workers that Redis should know of. Those that are closing give everything back.
    fn known(&self) -> impl Iterator<Item = (WorkerId, &Worker)> {
        self.workers.iter().filter(|(_, worker)| worker.registered && !worker.closing).map(|(id, worker)| (*id, worker))
    }

    /// What each worker holds. `before`: what is executed before all that is pending.
    fn holds(&self, before: &[Op], now: Instant) -> Vec<Op> {
        // Still to be settled. Whose they are does not matter.
        let settling: FxHashSet<u64> = before.iter().chain(&self.pending).filter_map(Op::settles).collect();
        let mut held: FxHashMap<WorkerId, Vec<u64>> = FxHashMap::default();
        for (token, one) in &self.leases {
            held.entry(one.worker).or_default().push(token.0);
        }
        let holds = self.known().map(|(id, worker)| {
            let mut tokens = String::new();
            for token in held.get(&id).into_iter().flatten().chain(&settling) {
                // Into a text, which takes it.
                let _ = write!(tokens, "{token} ");
            }
            let (queue, name) = (Arg::Name(self.name(worker.queue)), self.worker_name(id, worker.life));
            Op::new(vec![Arg::Word("holds"), queue, name, Arg::Text(tokens.into())], Then::Holds(id), now)
        });
        holds.collect()
    }

    /// What of it Redis does not know.
    pub(crate) fn gone(&mut self, tokens: impl Iterator<Item = u64>) {
        for token in tokens {
            self.end_lease(Token(token), LeaseEnd::Expired);
        }
    }
}
