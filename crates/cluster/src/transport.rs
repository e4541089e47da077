//! What carries messages between servers.

use std::future::Future;

use crate::format::Subscription;
use crate::outbox::Outgoing;

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
///
/// What a mode with requests of its own or a log needs comes with that mode.
pub trait Transport: Sized {
    /// Publishes messages in this order, after those of earlier calls. Begins when the future is polled first.
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static;

    /// How many servers have subscribed to each of these channels, patterns not counted.
    fn count(&self, channels: Vec<String>) -> impl Future<Output = Result<Vec<u64>, Lost>> + 'static;

    /// Subscribes; returns when it is confirmed.
    fn subscribe(&mut self, subscriptions: &[Subscription]) -> impl Future<Output = Result<(), Lost>>;

    /// Ends subscriptions.
    fn unsubscribe(&mut self, subscriptions: &[Subscription]) -> impl Future<Output = Result<(), Lost>>;

    /// Waits for a message, and hands those that are there to `take` (channel, pattern, payload), some at most.
    fn receive(&mut self, take: impl FnMut(&str, Option<&str>, &[u8])) -> impl Future<Output = Result<(), Lost>>;
}
