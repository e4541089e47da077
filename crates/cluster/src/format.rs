//! What the modes differ in: which channels a namespace has, and what stands in a message. [`Core`](crate::core) has the rest.

use bytes::Bytes;

use crate::command::Config;
use crate::incoming::Unread;
use crate::outbox::Outgoing;
use crate::pubsub::PubSub;
use crate::streams::{self, StreamsOptions};

/// Whom the servers of a cluster understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `createAdapter` of `@socket.io/redis-adapter`.
    PubSub,
    /// `createAdapter` of `@socket.io/redis-streams-adapter`.
    Streams,
}

/// Something to be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subscription {
    /// `SUBSCRIBE`
    Channel(String),
    /// `PSUBSCRIBE`
    Pattern(String),
}

impl Subscription {
    /// By which a message that came is found.
    pub fn name(&self) -> &str {
        let (Self::Channel(name) | Self::Pattern(name)) = self;
        name
    }
}

/// What a message is, as far as it is known without reading all of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen<'a> {
    /// A broadcast, and the room that its channel names: empty when only its options say who is meant.
    Broadcast(&'a str, Unread<'a>),
    /// Something for JavaScript.
    Request,
    /// An answer to the request with this id.
    Response(String),
    /// Our own, or of no concern.
    Skipped,
    /// Not as it should be.
    Malformed,
}

/// One namespace in one mode.
pub(crate) trait Format: Send {
    /// What is subscribed while the namespace is there.
    fn subscriptions(&self) -> Vec<Subscription>;

    /// That of these by which the servers are counted.
    fn counted(&self) -> &str;

    /// A broadcast of the text that local clients get. `options`: JSON of rooms, except and flags; `None` when it is for `room`
    /// alone. `None` when it cannot be written.
    fn broadcast(&self, text: &str, room: Option<&str>, options: Option<&str>) -> Option<Outgoing>;

    /// A broadcast that JavaScript has encoded.
    fn packet(&self, payload: Bytes, room: Option<&str>) -> Outgoing;

    /// A request that JavaScript has encoded, to all.
    fn request(&self, payload: Bytes) -> Outgoing;

    /// An answer, to the server that asked, or to all.
    fn answer(&self, payload: Bytes, to: Option<&str>) -> Outgoing;

    /// What a message on one of the channels is.
    fn see<'a>(&self, channel: &'a str, payload: &'a [u8]) -> Seen<'a>;
}

impl Mode {
    /// Begins a namespace.
    pub(crate) fn format(self, config: &Config, nsp: &str) -> Box<dyn Format> {
        match self {
            Self::PubSub => Box::new(PubSub::new(&config.key, nsp, &config.uid)),
            Self::Streams => {
                let StreamsOptions { streams, most, .. } = &config.streams;
                Box::new(streams::format::Streams::new(&config.key, streams, *most, nsp, &config.uid))
            }
        }
    }
}
