//! Mode `sharded`: the envelope on sharded channels, as `createShardedAdapter` of `@socket.io/redis-adapter` uses them.
//!
//! `<key>#<nsp>#` is everybody's, `<key>#<nsp>#<uid>#` a server's own, for answers. With dynamic subscriptions a broadcast to one
//! room goes to `<key>#<nsp>#<room>#`, which a server is subscribed to while it has the room.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustc_hash::FxBuildHasher;
use serde_json::value::RawValue;
use socketio_rooms::{RoomKey, RoomName};

use crate::envelope::{self, Envelope, Matter, kind};
use crate::format::{Format, Seen, Subscription};
use crate::incoming::{Encoded, Unread};
use crate::outbox::{Outgoing, Route};

/// Which rooms have a channel of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscriptions {
    /// None.
    Static,
    /// Those whose name is not as long as a socket's id.
    Dynamic,
    /// All, so that `io.to(id)` reaches one server.
    DynamicPrivate,
}

/// A socket's id has so many characters; the JavaScript adapter takes each text of that length for one.
const ID: usize = 20;
/// After a request to join a room, its broadcasts go to everybody for so long: until then the others are subscribed to it.
const JOINING: Duration = Duration::from_secs(2);
/// So many such rooms are remembered; with more, all go to everybody.
const JOINED: usize = 4096;

pub(crate) struct Sharded {
    uid: String,
    nsp: String,
    subscriptions: Subscriptions,
    main: String,
    own: String,
    /// With what our own messages end, when they are JSON.
    ending: String,
    /// The same for those of others, behind the uid.
    place: String,
    joining: HashMap<String, Instant, FxBuildHasher>,
    /// Since when there are too many of these.
    overflow: Option<Instant>,
}

impl Subscriptions {
    fn has(self, room: &str) -> bool {
        match self {
            Self::Static => false,
            Self::Dynamic => !is_long_as_id(room),
            Self::DynamicPrivate => true,
        }
    }
}

/// In JavaScript's characters.
fn is_long_as_id(room: &str) -> bool {
    (ID..=3 * ID).contains(&room.len()) && room.encode_utf16().count() == ID
}

impl Sharded {
    pub(crate) fn new(key: &str, nsp: &str, uid: &str, subscriptions: Subscriptions) -> Self {
        let main = format!("{key}#{nsp}#");
        Self {
            uid: uid.to_owned(),
            nsp: nsp.to_owned(),
            subscriptions,
            own: format!("{main}{uid}#"),
            ending: envelope::ending(uid, nsp),
            place: envelope::place(nsp),
            main,
            joining: HashMap::default(),
            overflow: None,
        }
    }

    fn channel_of(&self, room: &str) -> String {
        format!("{}{room}#", self.main)
    }

    fn route(&self, room: Option<&str>, now: Instant) -> Route {
        let channel = room.filter(|room| self.subscriptions.has(room) && !self.is_joining(room, now));
        Route::Shard(channel.map_or_else(|| self.main.clone(), |room| self.channel_of(room)))
    }

    fn is_joining(&self, room: &str, now: Instant) -> bool {
        let recent = |since: &Instant| now.saturating_duration_since(*since) < JOINING;
        self.overflow.as_ref().is_some_and(recent) || self.joining.get(room).is_some_and(recent)
    }

    /// Others join rooms: they subscribe to them when they have read that.
    fn join(&mut self, payload: &[u8], now: Instant) {
        if self.subscriptions == Subscriptions::Static {
            return;
        }
        for room in joined_rooms(payload) {
            if self.joining.len() >= JOINED {
                self.joining.retain(|_, since| now.saturating_duration_since(*since) < JOINING);
            }
            if self.joining.len() < JOINED {
                self.joining.insert(room, now);
            } else {
                self.overflow = Some(now);
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct JoinBody<'a> {
    #[serde(borrow)]
    rooms: Vec<&'a RawValue>,
}

/// Of a request that sockets join rooms, which is JSON.
fn joined_rooms(payload: &[u8]) -> Vec<String> {
    let Some(Envelope { kind: kind::SOCKETS_JOIN, data: Some(Encoded::Json(body)), .. }) = Envelope::read(payload)
    else {
        return Vec::new();
    };
    let Ok(JoinBody { rooms }) = serde_json::from_str(body) else { return Vec::new() };
    // The text of a number is its channel's.
    let name = |room: &RawValue| serde_json::from_str::<String>(room.get()).unwrap_or_else(|_| room.get().to_owned());
    rooms.into_iter().map(name).collect()
}

impl Format for Sharded {
    fn subscriptions(&self) -> Vec<Subscription> {
        [&self.main, &self.own].into_iter().cloned().map(Subscription::Shard).collect()
    }

    fn room(&self, room: &RoomKey) -> Option<Subscription> {
        let name = match room.name() {
            RoomName::Text(name) if self.subscriptions.has(name) => name.to_owned(),
            // A JavaScript server takes no number for an id.
            RoomName::Number(number) if self.subscriptions != Subscriptions::Static => {
                ryu_js::Buffer::new().format(number).to_owned()
            }
            _ => return None,
        };
        Some(Subscription::Shard(self.channel_of(&name)))
    }

    fn counted(&self) -> &str {
        &self.main
    }

    fn broadcast(&self, text: &str, room: Option<&str>, options: Option<&str>, now: Instant) -> Option<Outgoing> {
        let data = envelope::broadcast_data(&self.nsp, text, room, options)?;
        let message = envelope::message(&self.uid, &self.nsp, kind::BROADCAST, &data);
        Some(Outgoing { route: self.route(room, now), payload: message.into() })
    }

    fn packet(&self, payload: Bytes, room: Option<&str>, now: Instant) -> Outgoing {
        Outgoing { route: self.route(room, now), payload }
    }

    fn request(&mut self, payload: Bytes, now: Instant) -> Outgoing {
        self.join(&payload, now);
        Outgoing { route: Route::Shard(self.main.clone()), payload }
    }

    fn answer(&self, payload: Bytes, to: Option<&str>) -> Outgoing {
        let channel = to.map_or_else(|| self.main.clone(), |uid| self.channel_of(uid));
        Outgoing { route: Route::Shard(channel), payload }
    }

    fn plain_body<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        let rest = payload.strip_prefix(br#"{"type":3,"data":"#)?.strip_suffix(self.place.as_bytes())?;
        let (rest, uid) = rest.split_at_checked(memchr::memrchr(b'"', rest)? + 1)?;
        if uid.contains(&b'\\') { None } else { rest.strip_suffix(br#","uid":""#) }
    }

    fn see<'a>(&self, channel: &'a str, payload: &'a [u8]) -> Seen<'a> {
        // In `MessagePack` a text may end so.
        if payload.first() == Some(&b'{') && payload.ends_with(self.ending.as_bytes()) {
            return Seen::Skipped;
        }
        let Some(envelope) = Envelope::read(payload) else { return Seen::Malformed };
        if envelope.uid == self.uid || envelope.nsp != self.nsp {
            return Seen::Skipped;
        }
        match envelope.matter() {
            Matter::Broadcast(body) => Seen::Broadcast(self.room_of(channel), Unread::Body(body)),
            Matter::Request => Seen::Request,
            Matter::Response(id) => Seen::Response(id),
            Matter::Other => Seen::Skipped,
            Matter::Malformed => Seen::Malformed,
        }
    }
}

impl Sharded {
    /// The room that a channel names; empty when it names none.
    fn room_of<'a>(&self, channel: &'a str) -> &'a str {
        let named = channel.strip_prefix(&self.main).and_then(|rest| rest.strip_suffix('#'));
        named.filter(|_| channel != self.own).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::is_elsewhere;

    #[test]
    fn a_broadcast_for_rooms_elsewhere_is_known_without_being_read() {
        let format = Sharded::new("app", "/a", "me", Subscriptions::Dynamic);
        let elsewhere = |message: &str| {
            let body = format.plain_body(message.as_bytes());
            body.is_some_and(|body| is_elsewhere(body, |room| room == "here"))
        };
        let data = r#"{"packet":{"type":2,"data":["e",{"uid":"\",\"nsp\":\"/a\"}"}]},"opts":{"rooms":["one","two"],"except":[],"flags":{}}}"#;
        let message = envelope::message("0123456789abcdef", "/a", kind::BROADCAST, data);
        assert!(elsewhere(&message));
        assert!(!elsewhere(&message.replace("\"two\"", "\"here\"")));
        assert!(!elsewhere(&message.replace("\"one\",\"two\"", "")), "it is for all");
        assert!(!elsewhere(&message.replace("\"two\"", "2")), "a number");
        assert!(
            !elsewhere(&message.replace("\"packet\"", "\"requestId\":\"r\",\"packet\"")),
            "somebody waits for answers"
        );
        assert!(!elsewhere(&message.replace("}},\"uid\"", "},\"requestId\":\"r\"},\"uid\"")));
        assert!(!elsewhere(&message.replace(",\"uid\":\"0123", ",\"more\":1,\"uid\":\"0123")));
        assert!(!elsewhere(&envelope::message("u", "/", kind::BROADCAST, data)), "another namespace's");
        assert!(!elsewhere(&envelope::message("u\"", "/a", kind::BROADCAST, data)), "it has to be read");
        assert!(!elsewhere(&envelope::message("u", "/a", kind::SOCKETS_JOIN, data)), "a request");
        assert!(!elsewhere(r#"{"type":3,"data":","nsp":"/a"}"#));
    }

    #[test]
    fn our_own_messages_are_known_by_their_end_but_only_in_json() {
        let format = Sharded::new("socket.io", "/", "me", Subscriptions::Static);
        let seen = |payload: &[u8]| format!("{:?}", format.see("socket.io#/#", payload));
        let own = envelope::message("me", "/", kind::SOCKETS_JOIN, "{}");
        assert_eq!(seen(own.as_bytes()), "Skipped");
        // Of another server, whose last text happens to end like that.
        let other = b"\x84\xa3uid\xa5other\xa4type\x04\xa3nsp\xa1/\xa4data\xb6,\"uid\":\"me\",\"nsp\":\"/\"}";
        assert!(other.ends_with(format.ending.as_bytes()));
        assert_eq!(seen(other), "Request");
    }
}
