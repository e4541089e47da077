//! Who is there: what this server says of itself, and how many others there are.

use std::time::Instant;

use super::{Core, NAMED};
use crate::event::{Census, Event, Member};
use crate::format::Subscription;
use crate::members::Members;
use crate::outbox::{Outgoing, Route};
use crate::stats::set;

/// How many servers have a namespace, and who is gone.
#[derive(Debug)]
pub(crate) struct Question {
    ticket: u32,
    /// The namespace's, then that of each of `members`.
    pub(crate) channels: Vec<String>,
    members: Vec<(Member, bool)>,
}

impl Core {
    fn presence(&self) -> String {
        format!("{}-native#", self.config.key)
    }

    /// What says whether a server is connected: nothing is sent there.
    fn presence_of(&self, uid: &str) -> String {
        format!("{}-native#{uid}#", self.config.key)
    }

    pub(super) fn presence_subscriptions(&self) -> Vec<Subscription> {
        let kind = if self.config.mode.is_sharded() { Subscription::Shard } else { Subscription::Channel };
        vec![kind(self.presence()), kind(self.presence_of(&self.config.uid))]
    }

    fn member(&self) -> Member {
        let nsps = (self.places.len() <= NAMED).then(|| self.places.values().map(|place| place.nsp.clone()).collect());
        Member { uid: self.config.uid.clone(), name: self.config.name.clone(), nsps }
    }

    /// Says that this server is there, or leaves.
    pub(crate) fn hello(&mut self, bye: bool) {
        let greeting = self.greeting(bye);
        self.publish(greeting);
    }

    pub(crate) fn greeting(&self, bye: bool) -> Outgoing {
        let route = if self.config.mode.is_sharded() { Route::Shard } else { Route::Channel };
        Outgoing { route: route(self.presence()), payload: Members::hello(&self.member(), bye).into() }
    }

    /// Says so once a second, and measures how long that takes.
    pub(crate) fn beat(&mut self, now: Instant) {
        self.said.get_or_insert(now);
        self.hello(false);
    }

    pub(crate) fn excuse(&mut self, now: Instant) {
        self.heard = now;
        self.said = None;
        self.members.excuse(now);
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        self.members.tick(now);
        self.measure_lag(now);
        self.forget_old();
    }

    /// A server says something of itself. False when it cannot be read.
    pub(super) fn hear(&mut self, payload: &[u8], now: Instant) -> bool {
        let Some((uid, new)) = self.members.hear(payload, now) else { return false };
        self.newcomer |= new;
        if uid == self.config.uid {
            self.heard = now;
            self.measure_lag(now);
            self.said = None;
        }
        true
    }

    fn measure_lag(&self, now: Instant) {
        if let Some(said) = self.said {
            let lag = now.saturating_duration_since(said).as_micros();
            set(&self.counters.lag, usize::try_from(lag).unwrap_or(usize::MAX));
        }
    }

    pub(super) fn count(&mut self, slot: u32, ticket: u32, now: Instant) {
        let Some(place) = self.places.get(&slot) else {
            self.events.push(Event::Count(ticket, Census::default()));
            return;
        };
        let mut members = self.members.of(&place.nsp, &self.config.uid, now);
        members.truncate(NAMED);
        let each = members.iter().map(|(member, _)| self.presence_of(&member.uid));
        let channels = std::iter::once(place.format.counted().to_owned()).chain(each).collect();
        self.questions.push(Question { ticket, channels, members });
    }

    /// The answer to a question, `None` when there is none; `before`: how many there were before the connection was lost.
    pub(crate) fn answer(&mut self, question: Question, counts: Option<Vec<u64>>, before: Option<u64>) {
        let mut counts = counts.unwrap_or_default().into_iter();
        let mut census = Census { count: counts.next(), before, ..Census::default() };
        for ((member, silent), connections) in question.members.into_iter().zip(counts) {
            if connections == 0 {
                self.members.remove(&member.uid);
                census.gone.push(member);
            } else if silent {
                census.silent.push(member);
            }
        }
        self.events.push(Event::Count(question.ticket, census));
    }
}
