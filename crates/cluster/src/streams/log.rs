//! The commands about streams and sessions, and what Redis answers. All that knows the client's types of these is here.

use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value, cmd};

use super::entry::{Entry, Id};
use super::trim::Reach;

/// An entry as it came: its id, and the fields that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) id: Id,
    pub(crate) uid: Bytes,
    /// Empty: it names none.
    pub(crate) nsp: Bytes,
    pub(crate) kind: Option<u32>,
    pub(crate) data: Option<Bytes>,
    pub(crate) number: Option<u64>,
}

impl Raw {
    /// `bytes` makes a value that is kept of one that was read.
    pub(crate) fn new<'a>(
        id: Id,
        fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        bytes: impl Fn(&'a [u8]) -> Bytes,
    ) -> Self {
        let Some(Entry { uid, nsp, kind, data, number }) = Entry::read(fields) else {
            return Self { id, ..Self::default() };
        };
        Self { id, uid: bytes(uid), nsp: bytes(nsp), kind, data: data.map(bytes), number }
    }
}

/// Entries by the place of their stream in the list that was asked for.
pub(crate) type Read = Vec<(usize, Vec<Raw>)>;

pub(crate) fn odd(what: &'static str) -> RedisError {
    (ErrorKind::UnexpectedReturnType, what).into()
}

/// What reads after these ids. With `block` it waits so long for something; the connection serves nothing else meanwhile.
pub(super) fn reading(positions: &[(String, Id)], count: usize, block: Option<Duration>) -> Cmd {
    let mut command = cmd("XREAD");
    command.arg("COUNT").arg(count);
    if let Some(block) = block {
        command.arg("BLOCK").arg(u64::try_from(block.as_millis()).unwrap_or(u64::MAX));
    }
    command.arg("STREAMS");
    for (stream, _) in positions {
        command.arg(stream);
    }
    for (_, id) in positions {
        command.arg(id.to_string());
    }
    command
}

/// The place of a stream in what was asked for.
pub(super) fn place_of(positions: &[(String, Id)], name: &[u8]) -> RedisResult<usize> {
    let place = positions.iter().position(|(stream, _)| stream.as_bytes() == name);
    place.ok_or_else(|| odd("expected a stream that was asked for"))
}

/// The entries of an answer that the client library has read, by the places of their streams: `reader.rs` is compared with this.
#[cfg(feature = "fuzzing")]
pub(super) fn streams_of(answer: Value, positions: &[(String, Id)]) -> RedisResult<Read> {
    let streams = match answer {
        Value::Nil => return Ok(Vec::new()),
        Value::Array(streams) => streams,
        _ => return Err(odd("expected a list of streams")),
    };
    let mut all = Vec::with_capacity(streams.len());
    for stream in streams {
        let Value::Array(parts) = stream else { return Err(odd("expected a stream")) };
        let [Value::BulkString(name), Value::Array(entries)] =
            <[Value; 2]>::try_from(parts).map_err(|_| odd("expected a stream's name and entries"))?
        else {
            return Err(odd("expected a stream's name and entries"));
        };
        all.push((place_of(positions, &name)?, entries_of(entries)?));
    }
    Ok(all)
}

/// Entries of a stream from `from` to `to`, at most so many.
pub(crate) async fn range(
    mut connection: MultiplexedConnection,
    stream: String,
    (from, to): (Id, Id),
    count: usize,
) -> RedisResult<Vec<Raw>> {
    let mut command = cmd("XRANGE");
    command.arg(stream).arg(from.to_string()).arg(to.to_string()).arg("COUNT").arg(count);
    entries_of(command.query_async(&mut connection).await?)
}

fn entries_of(entries: Vec<Value>) -> RedisResult<Vec<Raw>> {
    entries.into_iter().map(|entry| raw(entry).ok_or_else(|| odd("expected an entry"))).collect()
}

fn raw(entry: Value) -> Option<Raw> {
    let Value::Array(parts) = entry else { return None };
    let [Value::BulkString(id), fields] = <[Value; 2]>::try_from(parts).ok()? else { return None };
    let fields = match fields {
        Value::Array(fields) => fields,
        // It was deleted between two looks of Redis.
        Value::Nil => Vec::new(),
        _ => return None,
    };
    let text = |value| if let Value::BulkString(bytes) = value { Some(bytes) } else { None };
    let fields = fields.into_iter().map(text).collect::<Option<Vec<Vec<u8>>>>()?;
    let (pairs, []) = fields.as_chunks::<2>() else { return None };
    let pairs = pairs.iter().map(|[name, value]| (name.as_slice(), value.as_slice()));
    Some(Raw::new(id_of(&id)?, pairs, Bytes::copy_from_slice))
}

pub(super) fn id_of(bytes: &[u8]) -> Option<Id> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// How far these streams reach. One that does not exist is empty.
pub(crate) async fn reaches(mut connection: MultiplexedConnection, streams: Vec<String>) -> RedisResult<Vec<Reach>> {
    let mut pipeline = Pipeline::with_capacity(streams.len());
    for stream in &streams {
        pipeline.cmd("XINFO").arg("STREAM").arg(stream);
    }
    let answers: Vec<RedisResult<Vec<Value>>> = pipeline.ignore_errors().query_async(&mut connection).await?;
    let reach = |answer: RedisResult<Vec<Value>>| match answer {
        Ok(values) => Ok(reach_of(values)),
        // It will begin to count.
        Err(error) if error.to_string().contains("no such key") => Ok(Reach { added: Some(0), ..Reach::default() }),
        Err(error) => Err(error),
    };
    answers.into_iter().map(reach).collect()
}

fn reach_of(values: Vec<Value>) -> Reach {
    let mut reach = Reach::default();
    let mut values = values.into_iter();
    while let (Some(name), Some(value)) = (values.next(), values.next()) {
        let Value::BulkString(name) = name else { continue };
        match (name.as_slice(), value) {
            (b"length", Value::Int(length)) => reach.length = u64::try_from(length).unwrap_or_default(),
            (b"entries-added", Value::Int(added)) => reach.added = u64::try_from(added).ok(),
            (b"last-generated-id", Value::BulkString(id)) => reach.last = id_of(&id).unwrap_or_default(),
            (b"first-entry", entry) => reach.first = raw(entry).map(|entry| entry.id),
            _ => {}
        }
    }
    reach
}

/// What Redis calls a connection.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Which Redis.
    pub(crate) server: String,
    pub(crate) number: String,
    /// Where it comes from.
    pub(crate) address: String,
}

/// Of this connection. `None` when it does not say.
pub(crate) async fn identity(mut connection: MultiplexedConnection, server: String) -> Option<Identity> {
    let info: String = cmd("CLIENT").arg("INFO").query_async(&mut connection).await.ok()?;
    let field = |name: &str| info.split_whitespace().find_map(|part| part.strip_prefix(name)).map(str::to_owned);
    Some(Identity { server, number: field("id=")?, address: field("addr=")? })
}

/// Ends a connection of ours that we gave up, in Redis: what it has not read from there it will not do any more. Redis before 6.2, or
/// without the permission, does not; then nothing is lost but the certainty.
pub(crate) async fn fence(mut connection: MultiplexedConnection, before: Identity) {
    let mut command = cmd("CLIENT");
    command.arg("KILL").arg("ID").arg(before.number).arg("ADDR").arg(before.address);
    // See above.
    let _ = command.query_async::<Value>(&mut connection).await;
}

/// Keeps sessions, each for so many milliseconds, or deletes them.
pub(crate) async fn save(
    mut connection: MultiplexedConnection,
    sessions: Vec<(String, Option<String>, u64)>,
) -> RedisResult<()> {
    let mut pipeline = Pipeline::with_capacity(sessions.len());
    for (key, session, milliseconds) in &sessions {
        match session {
            Some(session) => pipeline.cmd("SET").arg(key).arg(session).arg("PX").arg(milliseconds).ignore(),
            None => pipeline.cmd("DEL").arg(key).ignore(),
        };
    }
    pipeline.query_async(&mut connection).await
}

/// Takes a session away: only one server gets it.
pub(crate) async fn take(mut connection: MultiplexedConnection, key: String) -> RedisResult<Option<Vec<u8>>> {
    let mut pipeline = Pipeline::new();
    pipeline.atomic().cmd("GET").arg(&key).cmd("DEL").arg(&key).ignore();
    let (session,) = pipeline.query_async(&mut connection).await?;
    Ok(session)
}
