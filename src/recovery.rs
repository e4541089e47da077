//! Connection state recovery of a cluster: packets that wait for their offsets, and clients that come back. Functions as those of
//! `src/cluster.rs`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use napi::bindgen_prelude::{Buffer, Either, Error, FunctionCallContext, Result, Status, Uint32Array};
use napi_derive::napi;
use socketio_cluster::streams::{CaughtUp, Held, Id, Missed, Names, Recovery, append_offset};
use socketio_cluster::{Command, Encoded, HEADROOM, Options};
use socketio_rooms::{Namespace, RoomKey, Target};

use crate::calls::{PLAIN, VOLATILE, optional};
use crate::cluster::Instance;
use crate::engine::State;
use crate::rooms::target;

/// Bits of `how`.
const PUBLISH: u32 = 1;
const RECOVERABLE: u32 = 2;
const NATIVE: u32 = 4;
/// Nobody is in its rooms here: only who comes back before it is written gets it.
const NOBODY: u32 = 8;

/// Packets that a client missed, as the data of events with their offsets.
#[napi(object)]
#[derive(Default)]
pub struct NativeMissed {
    /// JSON: an array of them, `null` for those that are not JSON.
    pub json: String,
    /// These.
    pub others: Vec<NativeOther>,
    /// Of packets that wait: JavaScript writes these to the client as well.
    pub tokens: Vec<u32>,
    /// The id of the last entry that was handled.
    pub until: String,
    /// It has missed something that is not in the stream yet: it has to come again.
    pub too_early: bool,
}

/// The data of an event that has more than JSON has.
#[napi(object)]
pub struct NativeOther {
    /// Its place among the others.
    pub at: u32,
    /// `MessagePack`.
    pub data: Buffer,
    /// What is to be appended.
    pub offset: String,
}

pub fn missed(packets: Vec<Missed>) -> NativeMissed {
    let mut json = Vec::with_capacity(packets.iter().map(|packet| packet.data.len() + 40).sum::<usize>() + 2);
    let mut others = Vec::new();
    json.push(b'[');
    for (at, Missed { id, data }) in packets.into_iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        if data.first() == Some(&b'[') {
            json.extend_from_slice(&data);
            append_offset(&mut json, id);
        } else {
            json.extend(b"null");
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            others.push(NativeOther { at, data: data.to_vec().into(), offset: id.to_string() });
        }
    }
    json.push(b']');
    // It was read as such.
    let json = String::from_utf8(json).unwrap_or_else(|_| "[]".into());
    NativeMissed { json, others, ..NativeMissed::default() }
}

fn recovery(instance: &Instance, slot: u32) -> Result<Arc<Recovery>> {
    let found = instance.recoveries.borrow().get(&slot).cloned();
    found.ok_or_else(|| Error::new(Status::InvalidArg, format!("expected a namespace with recovery, got {slot}")))
}

/// `(slot, how, text, payload, room, options, token, namespace, flags, tick, number, …)`: a packet is issued. It is published, if so
/// asked, as `text` or, encoded for servers, as `payload`; for `room`, or what the JSON `options` say. Those that it is for here are
/// named as in `broadcast()` of `src/calls.rs`: `number`, or `(…, ids, rooms, except, attachments, key)`. Returns whether it waits (1)
/// and to whom JavaScript writes; nothing when JavaScript has nothing to do.
pub fn issue(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<Option<Uint32Array>> {
    let (slot, how): (u32, u32) = (context.get(0)?, context.get(1)?);
    let recovery = recovery(instance, slot)?;
    let (text, payload): (Option<String>, Option<Either<String, Buffer>>) = (context.get(2)?, context.get(3)?);
    let (room, options): (Option<String>, Option<String>) = (context.get(4)?, context.get(5)?);
    let mut held = Held::default();
    let mut compat = Vec::new();
    if how & NATIVE != 0 {
        compat = fill(&instance.state, context, (how, text.as_deref()), &mut held)?;
    }
    if !compat.is_empty() || how & NATIVE == 0 {
        held.token = Some(context.get(6)?);
    }
    if how & RECOVERABLE != 0 {
        held.names = names(room.as_deref(), options.as_deref());
    }
    let message = (how & PUBLISH != 0).then(|| match (payload, text) {
        (Some(Either::A(payload)), _) => Some(Command::Packet { slot, payload: payload.into(), room }),
        (Some(Either::B(payload)), _) => {
            Some(Command::Packet { slot, payload: Bytes::copy_from_slice(&payload), room })
        }
        (None, Some(text)) => Some(Command::Broadcast { slot, text, room, options }),
        (None, None) => None,
    });
    let submit = || instance.node.lock().as_ref().and_then(|node| Some(node.submit(message.flatten()?)));
    let waits = recovery.issue(held, how & RECOVERABLE != 0, Instant::now(), submit);
    if compat.is_empty() && how & NATIVE != 0 {
        return Ok(None);
    }
    compat.insert(0, waits.into());
    Ok(Some(compat.into()))
}

/// Whom it is for, and what they get. Returns those that JavaScript writes to.
fn fill(
    state: &State,
    context: &FunctionCallContext<'_>,
    (how, text): (u32, Option<&str>),
    held: &mut Held,
) -> Result<Vec<u32>> {
    let number: u32 = context.get(7)?;
    let (flags, tick): (u32, u32) = (context.get(8)?, context.get(9)?);
    let namespaces = state.namespaces.borrow();
    let namespace = State::open_namespace(&namespaces, number)?;
    // Before the target is taken: a lane that opens in between is not meant.
    let epoch = state.fanout().map(|fanout| fanout.epoch()).unwrap_or_default();
    let target = if how & NOBODY == 0 { named(namespace, context)? } else { Target::default() };
    let compat = target.compat_recipients();
    held.recipients.push((target, epoch));
    held.text = vec![0; HEADROOM];
    held.text.extend(text.unwrap_or_default().bytes());
    let attachments: Option<Vec<Buffer>> = optional(context, 14)?;
    held.attachments = attachments.unwrap_or_default().iter().map(|data| data.to_vec()).collect();
    held.key = optional::<String>(context, 15)?.map(|key| format!("{number} {key}"));
    held.plain = flags & PLAIN != 0;
    held.volatile = flags & VOLATILE != 0;
    held.tick = tick;
    Ok(compat)
}

fn named(namespace: &Namespace, context: &FunctionCallContext<'_>) -> Result<Target> {
    let room: Option<i64> = context.get(10)?;
    match room.map(u32::try_from) {
        Some(Ok(room)) => Ok(namespace.target(&[room], &[])),
        Some(Err(_)) => Ok(namespace.target_all(&[])),
        None => Ok(target(namespace, context.get(11)?, context.get(12)?, context.get(13)?)),
    }
}

fn names(room: Option<&str>, options: Option<&str>) -> Names {
    match (room, options) {
        (_, Some(options)) => {
            let Options { rooms, except, .. } = Options::read(Some(Encoded::Json(options))).unwrap_or_default();
            Names { rooms, except }
        }
        (Some(room), None) => Names { rooms: vec![RoomKey::text(room)], except: Vec::new() },
        (None, None) => Names::default(),
    }
}

/// `(sessions)`: each a key, what is kept (`null`: it is deleted), and for how many ms.
pub fn save(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<()> {
    let sessions: Vec<(String, Option<String>, f64)> = context.get(0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "validated: a positive integer")]
    let sessions = sessions.into_iter().map(|(key, session, duration)| (key, session, duration as u64)).collect();
    instance.submit(Command::Save(sessions));
    Ok(())
}

/// `(slot, ticket, key, offset)`: somebody has come back. Returns false when the offset is none.
pub fn restore(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<bool> {
    let offset: String = context.get(3)?;
    let Ok(offset) = offset.parse::<Id>() else { return Ok(false) };
    instance.submit(Command::Restore { slot: context.get(0)?, ticket: context.get(1)?, key: context.get(2)?, offset });
    Ok(true)
}

/// `(slot)`: no entry is handled until `resume()`, which follows at once.
pub fn pause(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<()> {
    recovery(instance, context.get(0)?)?.pause();
    Ok(())
}

/// `(slot)`
pub fn resume(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<()> {
    recovery(instance, context.get(0)?)?.resume();
    Ok(())
}

/// The socket in the room with a number, the moment of the writers, and whether they write to it.
fn socket(instance: &Instance, namespace: u32, room: u32) -> Result<(Target, u64, bool)> {
    let namespaces = instance.state.namespaces.borrow();
    let namespace = State::open_namespace(&namespaces, namespace)?;
    let writers = instance.state.fanout().ok();
    let epoch = writers.as_ref().map(|fanout| fanout.epoch()).unwrap_or_default();
    let target = namespace.target(&[room], &[]);
    let native = writers.is_some() && target.compat_recipients().is_empty();
    Ok((target, epoch, native))
}

/// `(slot, ticket, namespace, room)`: who has come back is in its rooms; `room` is its own. Returns what it missed since it was told.
pub fn catch_up(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<NativeMissed> {
    let recovery = recovery(instance, context.get(0)?)?;
    let (target, epoch, native) = socket(instance, context.get(2)?, context.get(3)?)?;
    let CaughtUp { missed: packets, tokens, until, too_early } =
        recovery.catch_up(context.get(1)?, &target, epoch, native);
    Ok(NativeMissed { tokens, until: until.to_string(), too_early, ..missed(packets) })
}

/// `(slot, tokens, ticket, written)`: whether all of what waits for a socket waits in the engine: the packets with these tokens, and what
/// was kept for it since the restore with that ticket, of which so many were written.
pub fn adoptable(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<bool> {
    let ticket: Option<u32> = context.get(2)?;
    let written: u32 = context.get(3)?;
    let tokens: Uint32Array = context.get(1)?;
    Ok(recovery(instance, context.get(0)?)?.is_adoptable(&tokens, ticket.map(|ticket| (ticket, written))))
}

/// `(slot, tokens, ticket, namespace, room)`: the writers write to a socket, alone in its `room`, from now on. Returns whether they take
/// over the packets with these tokens, and what was kept for it since the restore with that ticket.
pub fn adopt(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<bool> {
    let recovery = recovery(instance, context.get(0)?)?;
    let (target, epoch, native) = socket(instance, context.get(3)?, context.get(4)?)?;
    if native {
        recovery.adopt(&context.get::<Uint32Array>(1)?, context.get(2)?, &target, epoch);
    }
    Ok(native)
}

/// `(slot)`: whether packets wait.
pub fn waits(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<bool> {
    Ok(recovery(instance, context.get(0)?)?.waits())
}

/// `(slot, connection)`: a socket goes; what waits for it is written first.
pub fn flush_for(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<()> {
    recovery(instance, context.get(0)?)?.flush_for(context.get(1)?);
    Ok(())
}
