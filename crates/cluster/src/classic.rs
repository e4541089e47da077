//! The format of `@socket.io/redis-adapter`'s `createAdapter` and of `@socket.io/redis-emitter`: channels, and broadcasts.
//!
//! A broadcast's channel is `<key>#<nsp>#` or `<key>#<nsp>#<room>#`. Names and rooms may have a `#`, so it may be that of several namespaces:
//! which one is meant, the packet says.

use std::borrow::Cow;

use crate::from_json;
use crate::incoming::{Encoded, Incoming};
use crate::msgpack::{self, Reader, Token};

/// The channels of one namespace.
#[derive(Clone, Debug)]
pub struct Channels {
    /// Before the room of a broadcast, and the channel of those without one: `<key>#<nsp>#`.
    pub broadcast: String,
    /// Requests of all servers.
    pub request: String,
    /// Answers that all servers hear.
    pub response: String,
}

impl Channels {
    /// The channels of the namespace `nsp` with the prefix `key`.
    pub fn new(key: &str, nsp: &str) -> Self {
        Self {
            broadcast: format!("{key}#{nsp}#"),
            request: format!("{key}-request#{nsp}#"),
            response: format!("{key}-response#{nsp}#"),
        }
    }

    /// Answers for one server.
    pub fn response_to(&self, uid: &str) -> String {
        format!("{}{uid}#", self.response)
    }

    /// Broadcasts to one room, or to none or several.
    pub fn broadcast_to(&self, room: Option<&str>) -> String {
        room.map_or_else(|| self.broadcast.clone(), |room| format!("{}{room}#", self.broadcast))
    }

    /// The room that a channel names: empty for none. `None` when the channel is another namespace's.
    pub fn room_of<'a>(&self, channel: &'a str) -> Option<&'a str> {
        let rest = channel.strip_prefix(&self.broadcast)?;
        if rest.is_empty() { Some("") } else { rest.strip_suffix('#') }
    }
}

/// With what the broadcasts' channels of all namespaces begin, and no other channel of this key.
pub fn prefix(key: &str) -> String {
    format!("{key}#")
}

/// The pattern of all that begins so, whatever is in it.
pub fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern
}

/// The names of the namespaces whose channel this may be; `rest` is what follows the prefix. The shortest is first, and has no `#`, the
/// next one has one, and so on.
pub fn namespaces_of(rest: &str) -> impl Iterator<Item = &str> {
    rest.match_indices('#').filter_map(|(end, _)| rest.get(..end))
}

/// The sender of a broadcast; `None` when it is not one.
pub fn sender(payload: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(payload);
    match reader.token()? {
        Token::Array(2..) => reader.text(),
        _ => None,
    }
}

/// Finds the parts of a broadcast. `None` for what is none of this format, or has another type than an event.
pub fn read(payload: &[u8]) -> Option<Incoming<'_>> {
    let mut reader = Reader::new(payload);
    let Token::Array(len @ 2..) = reader.token()? else { return None };
    reader.text()?;
    let Token::Map(fields) = reader.token()? else { return None };
    let (mut data, mut nsp, mut event) = (None, None, false);
    for _ in 0..fields {
        let key = reader.text()?;
        let value = reader.skip()?;
        match key {
            b"type" => event = value == [2],
            b"data" => data = Some(Encoded::MessagePack(value)),
            b"nsp" => nsp = Reader::new(value).text().map(String::from_utf8_lossy),
            _ => {}
        }
    }
    let options = if len > 2 { Some(Encoded::MessagePack(reader.skip()?)) } else { None };
    // Without one it is the main namespace's.
    Some(Incoming { data: data.filter(|_| event)?, nsp: nsp.or(Some("/".into())), options, id: false })
}

/// A broadcast's payload, of the text that local clients get (`2[…]` or `2/nsp,[…]`). `options`: JSON of rooms, except and
/// flags; `None` when it is for `room` alone. `None` when something is not JSON.
pub fn outgoing(uid: &str, nsp: &str, text: &str, room: Option<&str>, options: Option<&str>) -> Option<Vec<u8>> {
    let data = text.get(text.find('[')?..)?;
    let data = if nsp == "/" { data } else { text.strip_prefix('2')?.strip_prefix(nsp)?.strip_prefix(',')? };
    let mut out = Vec::with_capacity(text.len() + 96);
    msgpack::container(&mut out, false, 3);
    msgpack::text(&mut out, uid.as_bytes());
    msgpack::container(&mut out, true, 3);
    msgpack::text(&mut out, b"type");
    msgpack::number(&mut out, 2.0);
    msgpack::text(&mut out, b"data");
    from_json::transcode(data.as_bytes(), &mut out)?;
    msgpack::text(&mut out, b"nsp");
    msgpack::text(&mut out, nsp.as_bytes());
    if let Some(options) = options {
        from_json::transcode(options.as_bytes(), &mut out)?;
        return Some(out);
    }
    msgpack::container(&mut out, true, 3);
    msgpack::text(&mut out, b"rooms");
    msgpack::container(&mut out, false, u32::from(room.is_some()));
    if let Some(room) = room {
        msgpack::text(&mut out, room.as_bytes());
    }
    msgpack::text(&mut out, b"except");
    msgpack::container(&mut out, false, 0);
    msgpack::text(&mut out, b"flags");
    msgpack::container(&mut out, true, 0);
    Some(out)
}

/// What tells whose a request or an answer is.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow, default)]
    uid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    request_id: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    /// Of JSON or `MessagePack`. `None` when it is neither.
    fn read(payload: &'a [u8]) -> Option<Self> {
        if payload.first() == Some(&b'{') {
            return serde_json::from_slice(payload).ok();
        }
        let mut reader = Reader::new(payload);
        let Token::Map(fields) = reader.token()? else { return None };
        let mut head = Self::default();
        for _ in 0..fields {
            let key = reader.text()?;
            let value = Reader::new(reader.skip()?).text().map(String::from_utf8_lossy);
            match key {
                b"uid" => head.uid = value,
                b"requestId" => head.request_id = value,
                _ => {}
            }
        }
        Some(head)
    }
}

/// Whether a request is from `uid`. `None` when it is no request.
pub fn is_own_request(payload: &[u8], uid: &str) -> Option<bool> {
    Some(Head::read(payload)?.uid.as_deref() == Some(uid))
}

/// The request that an answer is for.
pub fn request_of(payload: &[u8]) -> Option<String> {
    Head::read(payload)?.request_id.map(Cow::into_owned)
}
