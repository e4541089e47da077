//! Mode `streams`: what is to last goes into the namespace's stream, requests and answers go over channels.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::entry::data_text;
use crate::envelope::{self, Envelope, Matter, kind};
use crate::format::{Format, Seen, Subscription};
use crate::incoming::Encoded;
use crate::msgpack::{self, Reader};
use crate::outbox::{Origin, Outgoing, Route};
use crate::{from_json, streams};

pub(crate) struct Streams {
    origin: Arc<Origin>,
    all: String,
    own: String,
}

impl Streams {
    pub(crate) fn new(prefix: &str, streams: &streams::Streams, most: u64, nsp: &str, uid: &str) -> Self {
        let all = format!("{prefix}#{nsp}#");
        let own = format!("{all}{uid}#");
        let origin = Origin { name: streams.of(nsp), most, uid: uid.to_owned(), nsp: nsp.to_owned() };
        Self { origin: Arc::new(origin), all, own }
    }

    /// An entry of the stream. Its number is the outbox's to give.
    fn entry(&self, kind: u64, payload: Bytes) -> Outgoing {
        Outgoing { route: Route::Stream { origin: Arc::clone(&self.origin), kind, number: 0 }, payload }
    }

    /// What JavaScript has encoded: an entry, unless it is a request that only those answer who are there.
    fn outgoing(&self, payload: Bytes) -> Outgoing {
        let entry = Envelope::read(&payload).and_then(|envelope| {
            let data = envelope.data?;
            let lasts = match envelope.kind {
                kind::BROADCAST => matches!(envelope.matter(), Matter::Broadcast(_)),
                kind => (kind::SOCKETS_JOIN..=kind::DISCONNECT_SOCKETS).contains(&kind),
            };
            lasts.then(|| {
                let payload = match data_text(bytes(&data)) {
                    Cow::Borrowed(text) => Bytes::copy_from_slice(text),
                    Cow::Owned(text) => text.into(),
                };
                self.entry(envelope.kind, payload)
            })
        });
        entry.unwrap_or_else(|| Self::message(self.all.clone(), payload))
    }

    /// A message for a channel: JavaScript servers read only `MessagePack` there.
    fn message(channel: String, payload: Bytes) -> Outgoing {
        let payload = if payload.first() == Some(&b'{') {
            let mut packed = Vec::with_capacity(payload.len());
            // What JavaScript has written is JSON.
            let written = from_json::transcode(&payload, &mut packed);
            if written.is_some() { packed.into() } else { payload }
        } else {
            payload
        };
        Outgoing { route: Route::Channel(channel), payload }
    }
}

fn bytes<'a>(data: &Encoded<'a>) -> &'a [u8] {
    match data {
        Encoded::Json(text) => text.as_bytes(),
        Encoded::MessagePack(bytes) => bytes,
    }
}

impl Format for Streams {
    fn subscriptions(&self) -> Vec<Subscription> {
        vec![Subscription::Channel(self.all.clone()), Subscription::Channel(self.own.clone())]
    }

    fn counted(&self) -> &str {
        &self.all
    }

    fn broadcast(&self, text: &str, room: Option<&str>, options: Option<&str>, _now: Instant) -> Option<Outgoing> {
        let data = envelope::broadcast_data(&self.origin.nsp, text, room, options)?;
        Some(self.entry(kind::BROADCAST, data.into()))
    }

    fn packet(&self, payload: Bytes, _room: Option<&str>, _now: Instant) -> Outgoing {
        self.outgoing(payload)
    }

    fn request(&mut self, payload: Bytes, _now: Instant) -> Outgoing {
        self.outgoing(payload)
    }

    fn answer(&self, payload: Bytes, to: Option<&str>) -> Outgoing {
        let channel = to.map_or_else(|| self.all.clone(), |uid| format!("{}{uid}#", self.all));
        Self::message(channel, payload)
    }

    fn see<'a>(&self, _channel: &'a str, payload: &'a [u8]) -> Seen<'a> {
        let Some(envelope) = Envelope::read(payload) else { return Seen::Malformed };
        if envelope.uid == self.origin.uid || envelope.nsp != self.origin.nsp {
            return Seen::Skipped;
        }
        seen(&envelope)
    }
}

/// What a message is, or an entry.
pub(crate) fn seen<'a>(envelope: &Envelope<'a>) -> Seen<'a> {
    use crate::incoming::Unread;
    match envelope.matter() {
        Matter::Broadcast(body) => Seen::Broadcast("", Unread::Body(body)),
        Matter::Request => Seen::Request,
        Matter::Response(id) => Seen::Response(id),
        Matter::Other => Seen::Skipped,
        Matter::Malformed => Seen::Malformed,
    }
}

/// The data of an entry, as it is encoded: what begins like JSON is not read to its end. `None`: as neither.
pub(crate) fn encoded(data: &[u8]) -> Option<Encoded<'_>> {
    if data.first() == Some(&b'{') {
        return std::str::from_utf8(data).ok().map(Encoded::Json);
    }
    let mut reader = Reader::new(data);
    reader.skip()?;
    reader.rest().is_empty().then_some(Encoded::MessagePack(data))
}

/// Whether the data of an entry is what it looks like.
pub(crate) fn is_whole(data: Option<Encoded<'_>>) -> bool {
    match data {
        Some(Encoded::Json(text)) => serde_json::from_str::<&RawValue>(text).is_ok(),
        Some(Encoded::MessagePack(_)) => true,
        None => false,
    }
}

/// An entry as a message, for JavaScript: with its offset, if clients are to get it.
pub(crate) fn whole(envelope: &Envelope<'_>, offset: Option<&str>) -> Bytes {
    let offset = offset.unwrap_or_default();
    match envelope.data {
        Some(Encoded::MessagePack(data)) => {
            let mut out = Vec::with_capacity(data.len() + 80);
            msgpack::container(&mut out, true, 5);
            let texts = [("uid", &*envelope.uid), ("nsp", &*envelope.nsp), ("offset", offset)];
            for (name, value) in texts {
                msgpack::text(&mut out, name.as_bytes());
                msgpack::text(&mut out, value.as_bytes());
            }
            msgpack::text(&mut out, b"type");
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            msgpack::number(&mut out, envelope.kind as f64);
            msgpack::text(&mut out, b"data");
            out.extend_from_slice(data);
            out.into()
        }
        Some(Encoded::Json(data)) => {
            let mut message = envelope::message(&envelope.uid, &envelope.nsp, envelope.kind, data);
            message.pop();
            message.push_str(r#","offset":""#);
            message.push_str(offset);
            message.push_str("\"}");
            message.into()
        }
        None => Bytes::from_static(b"{}"),
    }
}
