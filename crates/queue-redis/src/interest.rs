//! Queues by interest: which keys a worker takes. What is known here counts, and Redis is told again when it may not know.

use std::time::Instant;

use socketio_queue::{Outcome, Ticket, WorkerId};

use crate::core::Core;
use crate::op::{Arg, Then};

/// What the script is told of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interest {
    Ended,
    /// It begins: the worker has the key before others have it.
    New,
    /// Redis may have forgotten it.
    AsBefore,
}

impl Core {
    pub(crate) fn interest(&mut self, ticket: Option<Ticket>, id: WorkerId, key: Box<str>, wanted: bool, now: Instant) {
        let by_interest = self
            .workers
            .get(&id)
            .and_then(|worker| self.queues.get(worker.queue))
            .is_some_and(|queue| queue.by_interest);
        match self.workers.get_mut(&id) {
            Some(worker) if by_interest && !worker.closing => {
                let interest = if wanted {
                    worker.interests.insert(key.clone());
                    Interest::New
                } else {
                    worker.interests.remove(&key);
                    Interest::Ended
                };
                worker.want |= wanted;
                self.tell_interest(ticket, id, key, interest, now);
            }
            _ => self.interested(ticket),
        }
    }

    pub(crate) fn tell_interest(
        &mut self,
        ticket: Option<Ticket>,
        id: WorkerId,
        key: Box<str>,
        interest: Interest,
        now: Instant,
    ) {
        let Some(worker) = self.workers.get(&id) else { return };
        let args = vec![
            Arg::Word("interest"),
            Arg::Name(self.name(worker.queue)),
            self.worker_name(id, worker.life),
            Arg::Text(key),
            Arg::Word(match interest {
                Interest::Ended => "0",
                Interest::New => "1",
                Interest::AsBefore => "2",
            }),
        ];
        self.push(args, Then::Interest(ticket, id), now);
    }

    /// All that a worker wants, to a Redis that may not know (all of) it.
    pub(crate) fn tell_interests(&mut self, id: WorkerId, now: Instant) {
        let Some(worker) = self.workers.get_mut(&id).filter(|worker| !worker.closing) else { return };
        worker.forgotten = false;
        for key in worker.interests.iter().cloned().collect::<Vec<_>>() {
            self.tell_interest(None, id, key, Interest::AsBefore, now);
        }
    }

    /// Redis was not told, or did not take it: it is told with the next sign of life.
    pub(crate) fn interest_failed(&mut self, ticket: Option<Ticket>, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.forgotten = true;
        }
        self.interested(ticket);
    }

    /// Whoever asked goes by the place of the answer among the deliveries, so there always is one.
    fn interested(&mut self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            self.done(ticket, Ok(Outcome::Done));
        }
    }

    /// There may be more for this worker: it asks with the next batch.
    pub(crate) fn want_again(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.want = true;
        }
    }
}
