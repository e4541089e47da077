//! What JavaScript calls for each packet or change: functions, not methods, with as little as possible between them and the engine.
//!
//! Their types are in `lib/native-calls.d.ts`, which TypeScript checks the callers against.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Error, FunctionCallContext, Object, Result, Status, Uint32Array, Utf16String};
use socketio_fanout::{Packet, SendOptions};
use socketio_rooms::{Namespace, Target};
use socketio_wire::{Frame, OpCode};

use crate::changes::Changes;
use crate::engine::State;
use crate::ffi::Text;
use crate::functions::add;
use crate::rooms::target;

/// Bits of `flags`.
const TICKET: u32 = 1;
pub const VOLATILE: u32 = 2;
const CONTINUES: u32 = 4;
pub const PLAIN: u32 = 8;

/// The Engine.IO type of a message: the first character of its text frames, and in protocol 3 the first byte of its
/// binary frames.
const MESSAGE: u8 = b'4';
const LEGACY_MESSAGE: u8 = 4;

/// `room` of a broadcast, when it is not the number of one.
const EVERYBODY: i64 = -1;

/// How a broadcast is meant to be written: what its optional arguments say.
#[derive(Default)]
struct Extras {
    attachments: Vec<Buffer>,
    key: Option<String>,
}

/// The functions of an engine, in an object.
pub fn functions<'env>(env: &'env Env, state: &Rc<State>) -> Result<Object<'env>> {
    let mut functions = Object::new(env)?;
    add(*env, &mut functions, state, "broadcast", broadcast)?;
    add(*env, &mut functions, state, "sendText", send_text)?;
    add(*env, &mut functions, state, "sendBinary", send_binary)?;
    add(*env, &mut functions, state, "apply", apply)?;
    add(*env, &mut functions, state, "finish", |state, context| {
        let index = context.get(0)?;
        state.with_writers(|fanout| fanout.finish(index))
    })?;
    add(*env, &mut functions, state, "closeLane", close_lane)?;
    add(*env, &mut functions, state, "giveIndexBack", |state, context| {
        state.indexes.borrow_mut().give_back(context.get(0)?);
        Ok(())
    })?;
    add(*env, &mut functions, state, "wake", |state, _| {
        if let Some(running) = &*state.running.borrow() {
            running.fanout.wake();
        }
        Ok(())
    })?;
    Ok(functions)
}

/// An optional argument: `None` when there are fewer, or it is `null` or `undefined`.
pub fn optional<T: napi::bindgen_prelude::FromNapiValue>(
    context: &FunctionCallContext<'_>,
    index: usize,
) -> Result<Option<T>> {
    if index < context.length() { context.get(index) } else { Ok(None) }
}

pub fn options(flags: u32, tick: u32) -> SendOptions {
    SendOptions {
        volatile: flags & VOLATILE != 0,
        continues: flags & CONTINUES != 0,
        ticket: flags & TICKET != 0,
        tick,
    }
}

pub fn single(frame: Frame, flags: u32) -> Packet {
    Packet::from(frame).compressed(flags & PLAIN == 0)
}

/// `(index, kind, text, flags, tick)`: a text frame for one lane: the character `kind` (its Engine.IO packet type), then `text`.
fn send_text(state: &State, context: &FunctionCallContext<'_>) -> Result<()> {
    let (index, kind, text, flags) =
        (context.get(0)?, context.get::<u32>(1)?, context.get::<Text>(2)?, context.get(3)?);
    let frame = text.into_frame(u8::try_from(kind).unwrap_or(MESSAGE));
    let options = options(flags, context.get(4)?);
    state.with_writers(|fanout| fanout.send(index, single(frame, flags), options))
}

/// `(index, data, legacy, flags, tick)`: a binary frame for one lane, of a message of Engine.IO protocol 3 when `legacy`.
fn send_binary(state: &State, context: &FunctionCallContext<'_>) -> Result<()> {
    let (index, data, legacy) = (context.get(0)?, context.get::<&[u8]>(1)?, context.get::<bool>(2)?);
    let flags = context.get(3)?;
    let frame = Frame::new(OpCode::Binary, legacy.then_some(LEGACY_MESSAGE), data);
    let options = options(flags, context.get(4)?);
    state.with_writers(|fanout| fanout.send(index, single(frame, flags), options))
}

/// `(index, legacy)`: closes a lane: what waits is tried once more. Its last event follows.
fn close_lane(state: &State, context: &FunctionCallContext<'_>) -> Result<()> {
    let (index, legacy) = (context.get(0)?, context.get::<bool>(1)?);
    state.with_writers(|fanout| fanout.close(index))?;
    if legacy {
        state.writers.legacy_lanes.fetch_sub(1, Ordering::Relaxed);
    }
    Ok(())
}

/// `(namespace, text, flags, tick, room, …)`: a message for the sockets in the room of that number (-1: all). With more
/// arguments `(…, ids, rooms, except, attachments, key)`: in any of the first `rooms` of `ids` (all if none) and in none of
/// the next `except`; a text frame if there is `text`, then a binary frame for each of `attachments`. A lane that is behind
/// keeps the newest of those with the same `key`. Returns the recipients that JavaScript writes to, if any.
fn broadcast(state: &State, context: &FunctionCallContext<'_>) -> Result<Option<Uint32Array>> {
    let number: u32 = context.get(0)?;
    let namespaces = state.namespaces.borrow();
    let namespace = State::open_namespace(&namespaces, number)?;
    let running = state.running.borrow();
    let fanout = running.as_ref().map(|running| &running.fanout);
    // Before the target is taken: a lane that opens in between is not meant.
    let epoch = fanout.map(|fanout| fanout.epoch());
    let target = named(namespace, context)?;
    let compat = target.compat_recipients();
    if let (Some(fanout), Some(epoch), false) = (fanout, epoch, target.is_empty()) {
        let (flags, tick): (u32, u32) = (context.get(2)?, context.get(3)?);
        let extras = Extras {
            attachments: optional(context, 8)?.unwrap_or_default(),
            // One client's connection can be in several namespaces.
            key: optional::<String>(context, 9)?.map(|key| format!("{number} {key}")),
        };
        let packet = packet(state, context.get(1)?, &extras.attachments).compressed(flags & PLAIN == 0);
        let packet = match extras.key {
            Some(key) => packet.conflated(key.into()),
            None => packet,
        };
        fanout.broadcast(target, packet, flags & VOLATILE != 0, tick, epoch);
    }
    Ok((!compat.is_empty()).then(|| compat.into()))
}

/// Who is meant.
fn named(namespace: &Namespace, context: &FunctionCallContext<'_>) -> Result<Target> {
    if context.length() > 5 {
        return Ok(target(namespace, context.get(5)?, context.get(6)?, context.get(7)?));
    }
    let room: i64 = context.get(4)?;
    match u32::try_from(room) {
        Ok(room) => Ok(namespace.target(&[room], &[])),
        Err(_) if room == EVERYBODY => Ok(namespace.target_all(&[])),
        Err(_) => Err(Error::new(Status::InvalidArg, format!("expected the number of a room, or -1, got {room}"))),
    }
}

fn packet(state: &State, text: Option<Text>, attachments: &[Buffer]) -> Packet {
    let text = text.map(|text| text.into_frame(MESSAGE));
    if let (Some(text), []) = (&text, attachments) {
        return Packet::from(text.clone());
    }
    let binary = |prefix: Option<u8>| attachments.iter().map(move |data| Frame::new(OpCode::Binary, prefix, data));
    let packet = Packet::new(text.iter().cloned().chain(binary(None)));
    if state.writers.legacy_lanes.load(Ordering::Relaxed) == 0 {
        return packet;
    }
    packet.with_legacy(text.into_iter().chain(binary(Some(LEGACY_MESSAGE))))
}

/// `(namespace, words, count, names)`: makes the changes in the first `count` numbers of `words`, whose format is that of
/// `lib/changes.js`; `names` are those of the rooms they make, without anything between. Returns, if any, the number of rooms
/// that ended and began anew, these rooms, and those that are removed.
fn apply(state: &State, context: &FunctionCallContext<'_>) -> Result<Option<Uint32Array>> {
    let namespaces = state.namespaces.borrow();
    let namespace = State::open_namespace(&namespaces, context.get(0)?)?;
    let (words, count): (&[u32], u32) = (context.get(1)?, context.get(2)?);
    let words = words.get(..count as usize).unwrap_or(words);
    let names: Utf16String = context.get(3)?;
    let applied = namespace.apply(Changes::new(words, &names));
    if applied.removed.is_empty() && applied.begun.is_empty() {
        return Ok(None);
    }
    let mut answer = Vec::with_capacity(1 + applied.begun.len() + applied.removed.len());
    answer.push(u32::try_from(applied.begun.len()).unwrap_or(u32::MAX));
    answer.extend(applied.begun.into_iter().chain(applied.removed));
    Ok(Some(answer.into()))
}
