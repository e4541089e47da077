//! What carries messages between servers.

#[cfg(test)]
pub(crate) mod memory;

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use crate::format::Subscription;
use crate::outbox::Outgoing;
use crate::streams::log::{Identity, Raw, Read};
use crate::streams::{Id, Reach};

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Lost {
    /// Stable: `ERR_CLUSTER_…`.
    pub code: &'static str,
    /// What was expected and what came. Holds no secret.
    pub message: String,
}

/// One connection (of perhaps several sockets) that publishes, subscribes and counts. When it is lost, a new one is made.
pub(crate) trait Transport: Sized {
    /// Publishes messages in this order, after those of earlier calls. Begins when the future is polled first.
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static;

    /// How many servers have subscribed to each of these channels, patterns not counted.
    fn count(&self, channels: Vec<String>) -> impl Future<Output = Result<Vec<u64>, Lost>> + 'static;

    /// Whether this connection's own subscriptions to these channels are in force.
    fn holds(&self, channels: Vec<String>) -> impl Future<Output = Result<bool, Lost>> + 'static {
        let counting = self.count(channels);
        async move { Ok(!counting.await?.contains(&0)) }
    }

    /// Subscribes (true) and ends subscriptions, in this order; ready when all is confirmed, which takes [`Self::receive`]. Begins
    /// when the future is polled first, and only one at a time.
    fn change(&self, changes: Vec<(Subscription, bool)>) -> impl Future<Output = Result<(), Lost>> + 'static;

    /// What a mode with a log needs.
    type Log: Log;

    /// The log, on connections of its own. `None`: it has none.
    fn log(&self) -> Option<Self::Log>;

    /// Waits for a message, and hands those that are there to `take` (channel, payload), some at most.
    fn receive(&mut self, take: impl FnMut(&str, &[u8])) -> impl Future<Output = Result<(), Lost>>;
}

/// Streams that all servers read, and sessions.
pub(crate) trait Log {
    /// Connects, if that is not done, and ends the connections of before in Redis, which may not have noticed that they are lost.
    fn open(&mut self, before: Vec<Identity>) -> impl Future<Output = Result<Vec<Identity>, Lost>>;

    /// How far streams reach.
    fn reaches(&self, streams: Vec<String>) -> impl Future<Output = Result<Vec<Reach>, Lost>> + 'static;

    /// Waits, at most for `block`, for what comes after these ids, and reads it.
    fn read(
        &self,
        positions: Vec<(String, Id)>,
        count: usize,
        block: Option<Duration>,
    ) -> impl Future<Output = Result<Read, Lost>> + 'static;

    /// Entries between two ids, in order, at most so many.
    fn range(
        &self,
        stream: String,
        section: (Id, Id),
        count: usize,
    ) -> impl Future<Output = Result<Vec<Raw>, Lost>> + 'static;

    /// Keeps sessions, or deletes them.
    fn save(&self, sessions: Vec<(String, Option<String>, u64)>) -> impl Future<Output = Result<(), Lost>> + 'static;

    /// Takes a session away, and looks whether a stream has an entry.
    fn take(
        &self,
        key: String,
        entry: (String, Id),
    ) -> impl Future<Output = Result<(Option<Vec<u8>>, bool), Lost>> + 'static;
}

/// There is none.
impl Log for Infallible {
    async fn open(&mut self, _: Vec<Identity>) -> Result<Vec<Identity>, Lost> {
        match *self {}
    }

    fn reaches(&self, _: Vec<String>) -> impl Future<Output = Result<Vec<Reach>, Lost>> + 'static {
        let never = *self;
        async move { match never {} }
    }

    fn read(
        &self,
        _: Vec<(String, Id)>,
        _: usize,
        _: Option<Duration>,
    ) -> impl Future<Output = Result<Read, Lost>> + 'static {
        let never = *self;
        async move { match never {} }
    }

    fn range(&self, _: String, _: (Id, Id), _: usize) -> impl Future<Output = Result<Vec<Raw>, Lost>> + 'static {
        let never = *self;
        async move { match never {} }
    }

    fn save(&self, _: Vec<(String, Option<String>, u64)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let never = *self;
        async move { match never {} }
    }

    fn take(
        &self,
        _: String,
        _: (String, Id),
    ) -> impl Future<Output = Result<(Option<Vec<u8>>, bool), Lost>> + 'static {
        let never = *self;
        async move { match never {} }
    }
}

/// What is begun first is sent first: with the budget of its task used up, a future would be passed over and have its turn after others.
pub(crate) fn in_order<F: Future>(future: F) -> impl Future<Output = F::Output> {
    tokio::task::unconstrained(future)
}
