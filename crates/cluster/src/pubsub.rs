//! Mode `pubsub`: the classic format on its channels. Broadcasts come by one pattern for all namespaces, which is
//! [`Core`](crate::core)'s: Redis looks at each pattern for each message.

use std::time::Instant;

use bytes::Bytes;

use crate::classic::{self, Channels};
use crate::format::{Format, Seen, Subscription};
use crate::incoming::Unread;
use crate::outbox::{Outgoing, Route};

pub(crate) struct PubSub {
    uid: String,
    nsp: String,
    channels: Channels,
}

impl PubSub {
    pub(crate) fn new(key: &str, nsp: &str, uid: &str) -> Self {
        Self { uid: uid.to_owned(), nsp: nsp.to_owned(), channels: Channels::new(key, nsp) }
    }
}

impl Format for PubSub {
    fn subscriptions(&self) -> Vec<Subscription> {
        let own = self.channels.response_to(&self.uid);
        let channels = [self.channels.request.clone(), self.channels.response.clone(), own];
        channels.into_iter().map(Subscription::Channel).collect()
    }

    fn counted(&self) -> &str {
        &self.channels.request
    }

    fn broadcast(&self, text: &str, room: Option<&str>, options: Option<&str>, now: Instant) -> Option<Outgoing> {
        let payload = classic::outgoing(&self.uid, &self.nsp, text, room, options)?;
        Some(self.packet(payload.into(), room, now))
    }

    fn packet(&self, payload: Bytes, room: Option<&str>, _now: Instant) -> Outgoing {
        Outgoing { route: Route::Channel(self.channels.broadcast_to(room)), payload }
    }

    fn request(&mut self, payload: Bytes, _now: Instant) -> Outgoing {
        Outgoing { route: Route::Channel(self.channels.request.clone()), payload }
    }

    fn answer(&self, payload: Bytes, to: Option<&str>) -> Outgoing {
        let shared = || self.channels.response.clone();
        let channel = to.map_or_else(shared, |uid| self.channels.response_to(uid));
        Outgoing { route: Route::Channel(channel), payload }
    }

    fn see<'a>(&self, channel: &'a str, payload: &'a [u8]) -> Seen<'a> {
        if channel == self.channels.request {
            return match classic::is_own_request(payload, &self.uid) {
                Some(false) => Seen::Request,
                Some(true) => Seen::Skipped,
                None => Seen::Malformed,
            };
        }
        if channel.starts_with(&self.channels.response) {
            return classic::request_of(payload).map_or(Seen::Malformed, Seen::Response);
        }
        let Some(room) = self.channels.room_of(channel) else { return Seen::Skipped };
        if classic::sender(payload) == Some(self.uid.as_bytes()) {
            return Seen::Skipped;
        }
        Seen::Broadcast(room, Unread::Classic(payload))
    }
}
