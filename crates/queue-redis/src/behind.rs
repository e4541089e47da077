//! Redis has lost what this process did last: a replica has taken the place of its server, or it has lost its power.
//!
//! The script notices by the number of the batch, and executes none before it was told what the workers hold. What else Redis takes for
//! theirs (they have settled it since) comes back; what it does not know of (it was delivered since, and may go to another one) has ended
//! here. Nobody else would: a lease lasts as long as its worker.

use std::fmt::Write as _;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};
use socketio_queue::{LeaseEnd, Token, WorkerId};

use crate::core::Core;
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
    /// The batch under way was not executed: it begins with what the workers hold, and is sent again.
    pub(crate) fn behind(&mut self, now: Instant) {
        let Some(mut flight) = self.flight.take() else { return };
        // Still to be settled, by what is not executed yet. Whose they are does not matter.
        let settling: FxHashSet<u64> = flight.ops.iter().chain(&self.pending).filter_map(Op::settles).collect();
        let mut held: FxHashMap<WorkerId, Vec<u64>> = FxHashMap::default();
        for (token, one) in &self.leases {
            held.entry(one.worker).or_default().push(token.0);
        }
        let last = self.leases.keys().map(|token| token.0).chain(settling.iter().copied()).max().unwrap_or(0);
        let mut first = vec![Op::new(vec![Arg::Word("behind"), Arg::Number(last)], Then::Nothing, now)];
        // Those that are closing give everything back.
        for (id, worker) in self.workers.iter().filter(|(_, worker)| !worker.closing) {
            let mut tokens = String::new();
            for token in held.get(id).into_iter().flatten().chain(&settling) {
                // Into a text, which takes it.
                let _ = write!(tokens, "{token} ");
            }
            let (queue, name) = (Arg::Name(self.name(worker.queue)), self.worker_name(*id, worker.life));
            let args = vec![Arg::Word("holds"), queue, name, Arg::Text(tokens.into())];
            first.push(Op::new(args, Then::Holds(*id), now));
        }
        // Of the replies that are there, others may have been taken: all are looked at again, and those that nobody waits for are nothing.
        self.taken = 0;
        for op in flight.ops.iter_mut().chain(&mut self.pending).filter(|op| matches!(op.then, Then::Inbox)) {
            op.args.truncate(1);
            op.args.push(Arg::Number(0));
        }
        first.append(&mut flight.ops);
        flight.ops = first;
        self.flight = Some(flight);
    }

    /// What of it Redis does not know.
    pub(crate) fn gone(&mut self, tokens: impl Iterator<Item = u64>) {
        for token in tokens {
            self.end_lease(Token(token), LeaseEnd::Expired);
        }
    }
}
