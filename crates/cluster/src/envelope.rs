//! The message of Socket.IO's cluster adapters, which the modes `sharded` and `streams` carry: `{uid, nsp, type, data}` as JSON or
//! `MessagePack`, told apart by the first byte.
//!
//! No recursion, and nothing is copied that need not be: parts are found, each when it is needed.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::incoming::{Encoded, Incoming};
use crate::msgpack::{Reader, Token};

/// What a message is (`MessageType` of `socket.io-adapter`). Numbers that are not here are ignored.
pub mod kind {
    #![expect(missing_docs, reason = "their names are Socket.IO's")]
    pub const INITIAL_HEARTBEAT: u64 = 1;
    pub const HEARTBEAT: u64 = 2;
    pub const BROADCAST: u64 = 3;
    pub const SOCKETS_JOIN: u64 = 4;
    pub const SOCKETS_LEAVE: u64 = 5;
    pub const DISCONNECT_SOCKETS: u64 = 6;
    pub const FETCH_SOCKETS: u64 = 7;
    pub const FETCH_SOCKETS_RESPONSE: u64 = 8;
    pub const SERVER_SIDE_EMIT: u64 = 9;
    pub const SERVER_SIDE_EMIT_RESPONSE: u64 = 10;
    pub const BROADCAST_CLIENT_COUNT: u64 = 11;
    pub const BROADCAST_ACK: u64 = 12;
    pub const ADAPTER_CLOSE: u64 = 13;
}

/// A message, its data not looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope<'a> {
    /// Who sent it.
    pub uid: Cow<'a, str>,
    /// The namespace.
    pub nsp: Cow<'a, str>,
    /// One of [`kind`], or another number.
    pub kind: u64,
    /// What it depends on.
    pub data: Option<Encoded<'a>>,
}

/// What is to be done with a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Matter<'a> {
    /// A broadcast that nobody acknowledges: this is its body, for [`broadcast`].
    Broadcast(Encoded<'a>),
    /// Something for JavaScript.
    Request,
    /// An answer to the request with this id.
    Response(String),
    /// Of no concern: heartbeats, which nobody needs, and what newer versions may say.
    Other,
    /// Not as it should be.
    Malformed,
}

#[derive(serde::Deserialize)]
struct JsonEnvelope<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow)]
    nsp: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: u64,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Finds the parts. `None` for what is no such message.
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        if payload.first() == Some(&b'{') {
            let JsonEnvelope { uid, nsp, kind, data } =
                serde_json::from_str(std::str::from_utf8(payload).ok()?).ok()?;
            return Some(Self { uid, nsp, kind, data: data.map(|data| Encoded::Json(data.get())) });
        }
        let mut reader = Reader::new(payload);
        let (mut uid, mut nsp, mut kind, mut data) = (None, None, None, None);
        each(&mut reader, |key, value| match key {
            b"uid" => uid = text(value),
            b"nsp" => nsp = text(value),
            b"type" => kind = uint(value),
            b"data" => data = Some(Encoded::MessagePack(value)).filter(|_| value != [NIL]),
            _ => {}
        })?;
        reader.rest().is_empty().then_some(())?;
        Some(Self { uid: uid?, nsp: nsp?, kind: kind?, data })
    }

    /// The parts of a broadcast in JSON that nobody acknowledges, in one go, as most are. `None` for all else: see [`Self::matter`].
    pub fn plain_broadcast(&self) -> Option<Incoming<'a>> {
        let Some(Encoded::Json(text)) = self.data.filter(|_| self.kind == kind::BROADCAST) else { return None };
        let PlainBody { packet, opts, request_id } = serde_json::from_str(text).ok()?;
        if request_id.is_some() { None } else { packet.read(opts) }
    }

    /// What is to be done with it.
    pub fn matter(&self) -> Matter<'a> {
        match (self.kind, self.data) {
            (kind::BROADCAST, Some(body)) => match request_id(body) {
                Some(RequestId::None) => Matter::Broadcast(body),
                Some(_) => Matter::Request,
                None => Matter::Malformed,
            },
            (kind::SOCKETS_JOIN..=kind::FETCH_SOCKETS | kind::SERVER_SIDE_EMIT, Some(_)) => Matter::Request,
            (kind::FETCH_SOCKETS_RESPONSE | kind::SERVER_SIDE_EMIT_RESPONSE..=kind::BROADCAST_ACK, Some(body)) => {
                match request_id(body) {
                    Some(RequestId::Text(id)) => Matter::Response(id.into_owned()),
                    _ => Matter::Malformed,
                }
            }
            (kind::BROADCAST..=kind::BROADCAST_ACK, None) => Matter::Malformed,
            _ => Matter::Other,
        }
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct JsonBody<'a> {
    #[serde(borrow)]
    packet: Option<&'a RawValue>,
    #[serde(borrow)]
    opts: Option<&'a RawValue>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct JsonPacket<'a> {
    #[serde(rename = "type")]
    kind: u64,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    nsp: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainBody<'a> {
    #[serde(borrow)]
    packet: JsonPacket<'a>,
    #[serde(borrow, default)]
    opts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    request_id: Option<&'a RawValue>,
}

impl<'a> JsonPacket<'a> {
    fn read(self, opts: Option<&'a RawValue>) -> Option<Incoming<'a>> {
        let Self { kind, data, nsp, id } = self;
        let data = data.filter(|data| kind == 2 && data.get().starts_with('['))?;
        let nsp = nsp.and_then(|nsp| serde_json::from_str(nsp.get()).ok());
        let options = opts.map(|opts| Encoded::Json(opts.get()));
        Some(Incoming { data: Encoded::Json(data.get()), nsp, options, id: id.is_some() })
    }
}

/// The parts of a broadcast's body. `None` for what is none, or has another type than an event.
pub fn broadcast(body: Encoded<'_>) -> Option<Incoming<'_>> {
    match body {
        Encoded::Json(text) => {
            let JsonBody { packet, opts } = serde_json::from_str(text).ok()?;
            serde_json::from_str::<JsonPacket<'_>>(packet?.get()).ok()?.read(opts)
        }
        Encoded::MessagePack(bytes) => {
            let (mut packet, mut options) = (None, None);
            each(&mut Reader::new(bytes), |key, value| match key {
                b"packet" => packet = Some(value),
                b"opts" => options = Some(Encoded::MessagePack(value)),
                _ => {}
            })?;
            let (mut data, mut nsp, mut event, mut id) = (None, None, false, false);
            each(&mut Reader::new(packet?), |key, value| match key {
                b"type" => event = value == [2],
                b"data" => data = Some(value).filter(|_| matches!(Reader::new(value).token(), Some(Token::Array(_)))),
                b"nsp" => nsp = text(value),
                b"id" => id = value != [NIL],
                _ => {}
            })?;
            Some(Incoming { data: Encoded::MessagePack(data.filter(|_| event)?), nsp, options, id })
        }
    }
}

enum RequestId<'a> {
    None,
    Text(Cow<'a, str>),
    /// Neither a text nor absent.
    Other,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonId<'a> {
    #[serde(borrow, default)]
    request_id: Option<&'a RawValue>,
}

/// `None` when the body is none.
fn request_id(body: Encoded<'_>) -> Option<RequestId<'_>> {
    match body {
        Encoded::Json(text) => {
            let JsonId { request_id } = serde_json::from_str(text).ok()?;
            Some(match request_id {
                None => RequestId::None,
                Some(id) => serde_json::from_str(id.get()).map_or(RequestId::Other, RequestId::Text),
            })
        }
        Encoded::MessagePack(bytes) => {
            let mut id = RequestId::None;
            each(&mut Reader::new(bytes), |key, value| {
                if key == b"requestId" && value != [NIL] {
                    id = text(value).map_or(RequestId::Other, RequestId::Text);
                }
            })?;
            Some(id)
        }
    }
}

/// `null` and `undefined` in `MessagePack`.
const NIL: u8 = 0xc0;

/// Each entry of a map. `None` when it is none, or is cut off.
fn each<'a>(reader: &mut Reader<'a>, mut entry: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
    let Token::Map(fields) = reader.token()? else { return None };
    for _ in 0..fields {
        let key = reader.text()?;
        entry(key, reader.skip()?);
    }
    Some(())
}

fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    Reader::new(value).text().map(String::from_utf8_lossy)
}

fn uint(value: &[u8]) -> Option<u64> {
    match Reader::new(value).token()? {
        Token::Uint(value) => Some(value),
        _ => None,
    }
}

/// The data of a broadcast as JSON, of the text that local clients get (`2[…]` or `2/nsp,[…]`), which is copied as it is.
/// `options`: JSON of rooms, except and flags; `None` when it is for `room` alone. `None` when the text is no such text.
pub fn broadcast_data(nsp: &str, text: &str, room: Option<&str>, options: Option<&str>) -> Option<String> {
    let data = text.strip_prefix('2')?;
    let data = if nsp == "/" { data } else { data.strip_prefix(nsp)?.strip_prefix(',')? };
    if !data.starts_with('[') {
        return None;
    }
    let rooms = room.map_or_else(String::new, quote);
    let rest = rooms.len() + options.map_or(0, str::len);
    let mut out = String::with_capacity(data.len() + rest + 80);
    out.push_str(r#"{"packet":{"type":2,"data":"#);
    out.push_str(data);
    out.push_str(r#"},"opts":"#);
    if let Some(options) = options {
        out.push_str(options);
    } else {
        out.push_str(r#"{"rooms":["#);
        out.push_str(&rooms);
        out.push_str(r#"],"except":[],"flags":{}}"#);
    }
    out.push('}');
    Some(out)
}

/// A whole message as JSON, in the order of keys in which the JavaScript adapters write it.
pub fn message(uid: &str, nsp: &str, kind: u64, data: &str) -> String {
    let end = ending(uid, nsp);
    let mut out = String::with_capacity(data.len() + end.len() + 24);
    out.push_str(r#"{"type":"#);
    out.push_str(&kind.to_string());
    out.push_str(r#","data":"#);
    out.push_str(data);
    out.push_str(&end);
    out
}

/// With what a message of [`message`] ends: who has sent it is seen without reading it.
pub fn ending(uid: &str, nsp: &str) -> String {
    format!(r#","uid":{},"nsp":{}}}"#, quote(uid), quote(nsp))
}

/// The same, behind the uid.
pub fn place(nsp: &str) -> String {
    format!(r#"","nsp":{}}}"#, quote(nsp))
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
