//! A broadcast of another server, whatever the mode: looked at no further than needed.

use std::borrow::Cow;

use serde_json::value::RawValue;
use socketio_rooms::RoomKey;

use crate::msgpack::{Reader, Token};
use crate::{classic, envelope};

/// A value as it came: whole, and nothing behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoded<'a> {
    /// JSON that was found to be that.
    Json(&'a str),
    /// Its structure was found to be whole, not the texts in it.
    MessagePack(&'a [u8]),
}

/// A broadcast's parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming<'a> {
    /// Of the packet: `[event, ...arguments]`.
    pub data: Encoded<'a>,
    /// The namespace that the packet names, if it does.
    pub nsp: Option<Cow<'a, str>>,
    /// Who is meant, and how.
    pub options: Option<Encoded<'a>>,
    /// It has an id: whoever it is for acknowledges it, but not to us.
    pub id: bool,
}

/// A message that is a broadcast, before its parts are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unread<'a> {
    /// `[uid, packet, options]`.
    Classic(&'a [u8]),
    /// The data of an envelope.
    Body(Encoded<'a>),
}

impl<'a> Unread<'a> {
    pub(crate) fn read(self) -> Option<Incoming<'a>> {
        match self {
            Self::Classic(payload) => classic::read(payload),
            Self::Body(body) => envelope::broadcast(body),
        }
    }
}

/// Who is meant, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// In any of these; everybody when there is none.
    pub rooms: Vec<RoomKey>,
    /// And in none of these.
    pub except: Vec<RoomKey>,
    /// May be dropped.
    pub volatile: bool,
    /// Must not be compressed.
    pub plain: bool,
    /// On a client that is behind, replaces what has the same key.
    pub conflate: Option<String>,
    /// A room is neither a text nor a number: only JavaScript can find it.
    pub opaque: bool,
}

impl Options {
    /// Each part may be missing. `None` for what cannot be read.
    pub fn read(encoded: Option<Encoded<'_>>) -> Option<Self> {
        match encoded {
            None => Some(Self::default()),
            Some(Encoded::MessagePack(bytes)) => packed(bytes),
            Some(Encoded::Json(text)) => json(text),
        }
    }
}

fn packed(bytes: &[u8]) -> Option<Options> {
    let mut options = Options::default();
    let mut reader = Reader::new(bytes);
    let Token::Map(fields) = reader.token()? else { return Some(options) };
    for _ in 0..fields {
        let key = reader.text()?;
        let value = reader.skip()?;
        match key {
            b"rooms" => packed_rooms(value, &mut options.rooms, &mut options.opaque)?,
            b"except" => packed_rooms(value, &mut options.except, &mut options.opaque)?,
            b"flags" => packed_flags(value, &mut options)?,
            _ => {}
        }
    }
    Some(options)
}

pub(crate) fn packed_rooms(bytes: &[u8], rooms: &mut Vec<RoomKey>, opaque: &mut bool) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let Token::Array(len) = reader.token()? else { return Some(()) };
    for _ in 0..len {
        let value = reader.skip()?;
        match Reader::new(value).token()? {
            Token::Text(name) => rooms.push(RoomKey::text(&String::from_utf8_lossy(name))),
            #[expect(clippy::cast_precision_loss, reason = "as JavaScript does")]
            Token::Uint(name) => rooms.push(RoomKey::number(name as f64)),
            #[expect(clippy::cast_precision_loss, reason = "as JavaScript does")]
            Token::Int(name) => rooms.push(RoomKey::number(name as f64)),
            // One key for 0 and -0.
            Token::Float(name) => rooms.push(RoomKey::number(name + 0.0)),
            _ => *opaque = true,
        }
    }
    Some(())
}

fn packed_flags(bytes: &[u8], options: &mut Options) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let Token::Map(fields) = reader.token()? else { return Some(()) };
    for _ in 0..fields {
        let key = reader.text()?;
        let value = Reader::new(reader.skip()?).token()?;
        match (key, value) {
            (b"volatile", Token::Bool(volatile)) => options.volatile = volatile,
            (b"compress", Token::Bool(compress)) => options.plain = !compress,
            (b"conflate", Token::Text(key)) => options.conflate = Some(String::from_utf8_lossy(key).into_owned()),
            _ => {}
        }
    }
    Some(())
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct JsonOptions<'a> {
    #[serde(borrow)]
    rooms: Option<&'a RawValue>,
    #[serde(borrow)]
    except: Option<&'a RawValue>,
    #[serde(borrow)]
    flags: Option<&'a RawValue>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct JsonFlags<'a> {
    #[serde(borrow)]
    volatile: Option<&'a RawValue>,
    #[serde(borrow)]
    compress: Option<&'a RawValue>,
    #[serde(borrow)]
    conflate: Option<&'a RawValue>,
}

/// As most are written: each part of its own type, and no text with an escape.
#[derive(serde::Deserialize)]
struct PlainOptions<'a> {
    #[serde(borrow)]
    rooms: Vec<&'a str>,
    #[serde(borrow)]
    except: Vec<&'a str>,
    #[serde(borrow)]
    flags: PlainFlags<'a>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct PlainFlags<'a> {
    volatile: bool,
    compress: Option<bool>,
    conflate: Option<&'a str>,
}

impl PlainOptions<'_> {
    fn read(self) -> Options {
        let keys = |rooms: Vec<&str>| rooms.into_iter().map(RoomKey::text).collect();
        let PlainFlags { volatile, compress, conflate } = self.flags;
        let (rooms, except) = (keys(self.rooms), keys(self.except));
        let (plain, conflate) = (compress == Some(false), conflate.map(str::to_owned));
        Options { rooms, except, volatile, plain, conflate, opaque: false }
    }
}

fn json(text: &str) -> Option<Options> {
    if !text.starts_with('{') {
        return Some(Options::default());
    }
    if let Ok(plain) = serde_json::from_str::<PlainOptions<'_>>(text) {
        return Some(plain.read());
    }
    let JsonOptions { rooms, except, flags } = serde_json::from_str(text).ok()?;
    let mut options = Options::default();
    json_rooms(rooms, &mut options.rooms, &mut options.opaque)?;
    json_rooms(except, &mut options.except, &mut options.opaque)?;
    if let Some(flags) = flags.map(RawValue::get).filter(|flags| flags.starts_with('{')) {
        let JsonFlags { volatile, compress, conflate } = serde_json::from_str(flags).ok()?;
        options.volatile = volatile.is_some_and(|value| value.get() == "true");
        options.plain = compress.is_some_and(|value| value.get() == "false");
        options.conflate = conflate.and_then(|key| serde_json::from_str(key.get()).ok());
    }
    Some(options)
}

fn json_rooms(list: Option<&RawValue>, rooms: &mut Vec<RoomKey>, opaque: &mut bool) -> Option<()> {
    let Some(list) = list.map(RawValue::get).filter(|list| list.starts_with('[')) else { return Some(()) };
    for room in serde_json::from_str::<Vec<&RawValue>>(list).ok()? {
        let room = room.get();
        if room.starts_with('"') {
            // JavaScript's strings may hold lone surrogates.
            match serde_json::from_str::<Cow<'_, str>>(room) {
                Ok(name) => rooms.push(RoomKey::text(&name)),
                Err(_) => *opaque = true,
            }
        } else if let Ok(number) = room.parse::<f64>() {
            // One key for 0 and -0.
            rooms.push(RoomKey::number(number + 0.0));
        } else {
            *opaque = true;
        }
    }
    Some(())
}
