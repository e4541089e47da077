//! Redis in memory, for tests: it does what it is told to, when it is told to. One connection at a time, and its clock is tokio's.

use std::cell::{RefCell, RefMut};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Log, Lost, Transport};
use crate::format::Subscription;
use crate::outbox::{Outgoing, Route};
use crate::streams::log::{Identity, Raw, Read};
use crate::streams::{Id, Reach};

/// What has happened, and what is to happen. Tests look at the former and set the latter.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that tests choose")]
pub(crate) struct State {
    /// When it was tried to connect.
    pub(crate) attempts: Vec<Instant>,
    /// Attempts fail, with this code.
    pub(crate) refuses: Option<&'static str>,
    /// The connection that is open: they are counted from 1.
    open: Option<usize>,
    /// What arrived, in order, and by which connection.
    pub(crate) arrived: Vec<(usize, Outgoing)>,
    /// What is published does not arrive, nor is it answered.
    pub(crate) loses: bool,
    /// What is asked and published waits for its answer.
    pub(crate) is_slow: bool,
    /// But for so many batches, from the first one on.
    pub(crate) answers: usize,
    pub(crate) batches: usize,
    /// This one is refused, and does not arrive.
    pub(crate) refused: Option<usize>,
    /// Nobody is told of new entries.
    pub(crate) is_unread: bool,
    /// Those that waited were answered when the connection was lost.
    pub(crate) has_answered: bool,
    /// So many batches are on their way, and were at most.
    under_way: usize,
    pub(crate) most_under_way: usize,
    /// Of the open connection.
    subscribed: HashSet<Subscription>,
    /// Each change of subscriptions, with its connection.
    pub(crate) changes: Vec<(usize, Vec<(Subscription, bool)>)>,
    /// Subscriptions are confirmed, but nobody is counted for them.
    pub(crate) is_forgetful: bool,
    /// Nobody hears what is published.
    pub(crate) is_deaf: bool,
    /// How many other servers have subscribed to a channel.
    pub(crate) others: HashMap<String, u64>,
    /// How often it was counted.
    pub(crate) counted: usize,
    /// On the way to the server.
    messages: VecDeque<(String, Vec<u8>)>,
    /// Its only stream.
    pub(crate) stream: Vec<Raw>,
    /// Connections that were ended in Redis.
    pub(crate) fenced: Vec<String>,
    /// Sessions.
    pub(crate) sessions: HashMap<String, Option<String>>,
}

#[derive(Default)]
struct Shared {
    state: RefCell<State>,
    changed: Notify,
}

/// A handle of it.
#[derive(Clone, Default)]
pub(crate) struct Memory(Rc<Shared>);

/// A connection.
pub(crate) struct Link {
    memory: Memory,
    number: usize,
}

fn lost(code: &'static str) -> Lost {
    Lost { code, message: "expected a connection".into() }
}

impl Memory {
    /// Its state; who waits for something looks at it again when this has been dropped.
    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.0.changed.notify_waiters();
        self.0.state.borrow_mut()
    }

    pub(crate) fn connect(&self) -> Result<Link, Lost> {
        let mut state = self.state();
        state.attempts.push(Instant::now());
        if let Some(code) = state.refuses {
            return Err(lost(code));
        }
        let number = state.attempts.len();
        state.open = Some(number);
        state.under_way = 0;
        state.subscribed.clear();
        state.messages.clear();
        Ok(Link { memory: self.clone(), number })
    }

    /// The connection is lost. Who waits for answers gets none.
    pub(crate) fn lose(&self) {
        self.state().open = None;
    }

    /// Another server says something.
    pub(crate) fn say(&self, channel: &str, payload: &str) {
        self.state().messages.push_back((channel.into(), payload.into()));
    }

    /// Waits until there is something.
    async fn until<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.0.state.borrow_mut()) {
                return found;
            }
            changed.await;
        }
    }

    /// The answer to something that a connection has sent.
    async fn answer(&self, number: usize) -> Result<(), Lost> {
        self.answer_of(number, None).await
    }

    /// The same of a batch, by its number.
    async fn answer_of(&self, number: usize, batch: Option<usize>) -> Result<(), Lost> {
        self.until(|state| {
            if state.open != Some(number) {
                return Some(if state.has_answered { Ok(()) } else { Err(lost("ERR_CLUSTER_UNREACHABLE")) });
            }
            if batch.is_some() && batch == state.refused {
                return Some(Err(lost("ERR_CLUSTER_REFUSED")));
            }
            let is_answered = !state.is_slow || batch.is_some_and(|batch| batch < state.answers);
            (is_answered && !state.loses).then_some(Ok(()))
        })
        .await
    }
}

impl State {
    /// Returns the batch's number.
    fn arrive(&mut self, number: usize, batch: Vec<Outgoing>) -> usize {
        self.batches += 1;
        self.under_way += 1;
        self.most_under_way = self.most_under_way.max(self.under_way);
        if self.loses || self.open != Some(number) || self.refused == Some(self.batches - 1) {
            return self.batches - 1;
        }
        for message in batch {
            match &message.route {
                Route::Stream { origin, kind, number } => self.stream.push(Raw {
                    id: Id { milliseconds: 1, sequence: self.stream.len() as u64 + 1 },
                    uid: origin.uid.clone().into(),
                    nsp: origin.nsp.clone().into(),
                    kind: u32::try_from(*kind).ok(),
                    data: Some(message.payload.clone()),
                    number: Some(*number),
                }),
                Route::Channel(name) | Route::Shard(name) if self.has(name) && !self.is_deaf => {
                    self.messages.push_back((name.clone(), message.payload.to_vec()));
                }
                _ => {}
            }
            self.arrived.push((number, message));
        }
        self.batches - 1
    }

    fn has(&self, channel: &str) -> bool {
        self.subscribed.iter().any(|subscription| subscription.name() == channel)
    }

    fn reach(&self) -> Reach {
        let length = self.stream.len() as u64;
        let ends = (self.stream.first(), self.stream.last());
        Reach {
            first: ends.0.map(|entry| entry.id),
            last: ends.1.map(|entry| entry.id).unwrap_or_default(),
            length,
            added: Some(length),
        }
    }
}

impl Transport for Link {
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let (memory, number) = (self.memory.clone(), self.number);
        async move {
            let batch = memory.state().arrive(number, batch);
            let answer = memory.answer_of(number, Some(batch)).await;
            let mut state = memory.state();
            state.under_way = state.under_way.saturating_sub(1);
            answer
        }
    }

    fn count(&self, channels: Vec<String>) -> impl Future<Output = Result<Vec<u64>, Lost>> + 'static {
        let (memory, number) = (self.memory.clone(), self.number);
        async move {
            memory.answer(number).await?;
            let mut state = memory.state();
            state.counted += 1;
            let count = |channel: &String| {
                let own = u64::from(state.has(channel) && !state.is_forgetful);
                own + state.others.get(channel).copied().unwrap_or_default()
            };
            Ok(channels.iter().map(count).collect())
        }
    }

    fn change(&self, changes: Vec<(Subscription, bool)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let (memory, number) = (self.memory.clone(), self.number);
        async move {
            memory.state().changes.push((number, changes.clone()));
            memory.answer(number).await?;
            let mut state = memory.state();
            for (subscription, on) in changes {
                if on {
                    state.subscribed.insert(subscription);
                } else {
                    state.subscribed.remove(&subscription);
                }
            }
            Ok(())
        }
    }

    type Log = Stream;

    fn log(&self) -> Option<Stream> {
        Some(Stream { memory: self.memory.clone(), number: self.number })
    }

    async fn receive(&mut self, mut take: impl FnMut(&str, &[u8])) -> Result<(), Lost> {
        let message = self.memory.until(|state| {
            if state.open != Some(self.number) {
                return Some(Err(lost("ERR_CLUSTER_UNREACHABLE")));
            }
            state.messages.pop_front().map(Ok)
        });
        let (channel, payload) = message.await?;
        take(&channel, &payload);
        Ok(())
    }
}

/// The stream, and sessions.
pub(crate) struct Stream {
    memory: Memory,
    number: usize,
}

impl Stream {
    fn once<T, F: FnOnce(&mut State) -> T>(&self, then: F) -> impl Future<Output = Result<T, Lost>> + use<T, F> {
        let (memory, number) = (self.memory.clone(), self.number);
        async move {
            memory.answer(number).await?;
            Ok(then(&mut memory.state()))
        }
    }
}

impl Log for Stream {
    async fn open(&mut self, before: Vec<Identity>) -> Result<Vec<Identity>, Lost> {
        self.memory.state().fenced.extend(before.into_iter().map(|identity| identity.number));
        let (server, number, address) = ("memory".into(), self.number.to_string(), "here".into());
        Ok(vec![Identity { server, number, address }])
    }

    fn reaches(&self, _: Vec<String>) -> impl Future<Output = Result<Vec<Reach>, Lost>> + 'static {
        self.once(|state| vec![state.reach()])
    }

    fn read(
        &self,
        positions: Vec<(String, Id)>,
        count: usize,
        block: Option<Duration>,
    ) -> impl Future<Output = Result<Read, Lost>> + 'static {
        let (memory, number) = (self.memory.clone(), self.number);
        let after = positions.first().map(|(_, id)| *id).unwrap_or_default();
        async move {
            memory
                .until(|state| {
                    if state.open != Some(number) {
                        return Some(Err(lost("ERR_CLUSTER_UNREACHABLE")));
                    }
                    let entries: Vec<_> =
                        state.stream.iter().filter(|entry| entry.id > after).take(count).cloned().collect();
                    match (entries.is_empty() || (state.is_unread && block.is_some()), block) {
                        (true, None) => Some(Ok(Vec::new())),
                        (true, Some(_)) => None,
                        (false, _) => Some(Ok(vec![(0, entries)])),
                    }
                })
                .await
        }
    }

    fn range(
        &self,
        _: String,
        (from, until): (Id, Id),
        count: usize,
    ) -> impl Future<Output = Result<Vec<Raw>, Lost>> + 'static {
        self.once(move |state| {
            let entries = state.stream.iter().filter(|entry| (from..=until).contains(&entry.id));
            entries.take(count).cloned().collect()
        })
    }

    fn save(&self, sessions: Vec<(String, Option<String>, u64)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        self.once(|state| {
            for (key, session, _) in sessions {
                state.sessions.insert(key, session);
            }
        })
    }

    fn take(
        &self,
        key: String,
        (_, id): (String, Id),
    ) -> impl Future<Output = Result<(Option<Vec<u8>>, bool), Lost>> + 'static {
        self.once(move |state| {
            let session = state.sessions.remove(&key).flatten();
            (session.map(String::into_bytes), state.stream.iter().any(|entry| entry.id == id))
        })
    }
}
