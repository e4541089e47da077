//! What the modes differ in: which channels a namespace has, and what stands in a message. [`Core`](crate::core) has the rest.

use std::time::Instant;

use bytes::Bytes;
use socketio_rooms::RoomKey;

use crate::command::Config;
use crate::incoming::Unread;
use crate::outbox::Outgoing;
use crate::pubsub::PubSub;
use crate::sharded::{Sharded, Subscriptions};
use crate::streams::{self, StreamsOptions};

/// Whom the servers of a cluster understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `createAdapter` of `@socket.io/redis-adapter`.
    PubSub,
    /// `createAdapter` of `@socket.io/redis-streams-adapter`.
    Streams,
    /// Its `createShardedAdapter`.
    Sharded(Subscriptions),
}

/// Something to be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subscription {
    /// `SUBSCRIBE`
    Channel(String),
    /// `PSUBSCRIBE`
    Pattern(String),
    /// `SSUBSCRIBE`
    Shard(String),
}

impl Subscription {
    /// The channel, or the pattern.
    pub fn name(&self) -> &str {
        let (Self::Channel(name) | Self::Pattern(name) | Self::Shard(name)) = self;
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
    /// The channels that are subscribed while the namespace is there.
    fn subscriptions(&self) -> Vec<Subscription>;

    /// What is subscribed while this room is there, where rooms have channels of their own.
    fn room(&self, _room: &RoomKey) -> Option<Subscription> {
        None
    }

    /// That of [`Self::subscriptions`] by which the servers are counted.
    fn counted(&self) -> &str;

    /// A broadcast of the text that local clients get. `options`: JSON of rooms, except and flags; `None` when it is for `room`
    /// alone. `None` when it cannot be written.
    fn broadcast(&self, text: &str, room: Option<&str>, options: Option<&str>, now: Instant) -> Option<Outgoing>;

    /// A broadcast that JavaScript has encoded.
    fn packet(&self, payload: Bytes, room: Option<&str>, now: Instant) -> Outgoing;

    /// A request that JavaScript has encoded, to all.
    fn request(&mut self, payload: Bytes, now: Instant) -> Outgoing;

    /// An answer, to the server that asked, or to all.
    fn answer(&self, payload: Bytes, to: Option<&str>) -> Outgoing;

    /// The body of another server's broadcast in JSON, where that is seen without reading the message.
    fn plain_body<'a>(&self, _payload: &'a [u8]) -> Option<&'a [u8]> {
        None
    }

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
            Self::Sharded(which) => Box::new(Sharded::new(&config.key, nsp, &config.uid, which)),
        }
    }

    /// Whether all its channels are sharded ones.
    pub fn is_sharded(self) -> bool {
        matches!(self, Self::Sharded(_))
    }

    /// Whether rooms have channels of their own.
    pub(crate) fn has_rooms(self) -> bool {
        matches!(self, Self::Sharded(Subscriptions::Dynamic | Subscriptions::DynamicPrivate))
    }
}
