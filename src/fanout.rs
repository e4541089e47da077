//! Lanes and broadcasts, for `lib/`.

use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Error, Function, Result, Status, Uint32Array};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{CleanupEnvHook, Env};
use napi_derive::napi;
use serde::Serialize;
use socketio_fanout::{Deflate, Fanout, Form, Packet, SendOptions, Stats};
use socketio_wire::{Frame, OpCode};

use crate::engine::NativeEngine;
use crate::events;
use crate::ffi::{self, Text};
use crate::rooms::target;

/// Bits of `flags`.
const TICKET: u32 = 1;
const VOLATILE: u32 = 2;
const CONTINUES: u32 = 4;
const PLAIN: u32 = 8;

/// The Engine.IO type of a message: the first character of its text frames, and in protocol 3 the first byte of its
/// binary frames.
const MESSAGE: u8 = b'4';
const LEGACY_MESSAGE: u8 = 4;

/// Writers, and what ends them together with the JavaScript environment.
pub struct Running {
    pub(crate) fanout: Arc<Fanout>,
    hook: CleanupEnvHook<()>,
}

#[derive(Serialize)]
struct Reading {
    writers: usize,
    #[serde(flatten)]
    stats: Stats,
}

fn options(flags: u32, tick: u32) -> SendOptions {
    SendOptions {
        volatile: flags & VOLATILE != 0,
        continues: flags & CONTINUES != 0,
        ticket: flags & TICKET != 0,
        tick,
    }
}

fn single(frame: Frame, flags: u32) -> Packet {
    Packet::from(frame).compressed(flags & PLAIN == 0)
}

#[napi]
impl NativeEngine {
    /// Starts the writers, unless they run. `signal` is called on this thread when there are events to take. It does not
    /// keep the process alive. When the environment ends first, what was handed over is written within `flush_timeout` ms.
    #[napi(catch_unwind)]
    pub fn start(&self, env: Env, signal: Function<'_, (), ()>, flush_timeout: u32) -> Result<()> {
        if self.running.borrow().is_some() {
            return Ok(());
        }
        if let Some(last) = self.last.borrow_mut().take() {
            let ended = self.ended.borrow().plus(last.stats());
            *self.ended.borrow_mut() = ended;
        }
        let signal = signal.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?;
        let signal = Box::new(move || {
            // It fails only while the environment ends.
            let _ = signal.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        let fanout = Fanout::start(self.config, signal).map_err(|error| {
            let message = format!("expected to start {} writer threads, got: {error}", self.config.writers);
            Error::new(Status::GenericFailure, message)
        })?;
        let fanout = Arc::new(fanout);
        // Weak: napi keeps the closure of a hook that was removed.
        let ending = Arc::downgrade(&fanout);
        let timeout = Duration::from_millis(flush_timeout.into());
        let hook = env.add_env_cleanup_hook((), move |()| {
            if let Some(fanout) = ending.upgrade() {
                fanout.flush(timeout);
                fanout.stop();
                fanout.join();
            }
        })?;
        *self.running.borrow_mut() = Some(Running { fanout, hook });
        Ok(())
    }

    /// Stops the writers after what was handed over. Returns at once.
    #[napi(catch_unwind)]
    pub fn stop(&self, env: Env) -> Result<()> {
        let Some(running) = self.running.borrow_mut().take() else { return Ok(()) };
        running.fanout.stop();
        // The writers still count what they were handed: the counters are read from them until others start.
        *self.last.borrow_mut() = Some(Arc::clone(&running.fanout));
        env.remove_env_cleanup_hook(running.hook)
    }

    /// Opens the lane of a connection: from now on only the engine writes to `fd`. `legacy`: Engine.IO protocol 3.
    /// `deflate_threshold`: messages from so many bytes on are compressed at `deflate_level`; negative when not negotiated.
    #[napi(catch_unwind)]
    pub fn open_lane(
        &self,
        index: u32,
        fd: i32,
        legacy: bool,
        deflate_threshold: i32,
        deflate_level: u32,
    ) -> Result<()> {
        let fanout = self.fanout()?;
        let threshold = usize::try_from(deflate_threshold).ok();
        let form = Form { legacy, deflate: threshold.map(|threshold| Deflate { threshold, level: deflate_level }) };
        let opened = ffi::with_descriptor(fd, |raw| fanout.open(index, raw, form));
        match opened {
            Some(Ok(())) => {
                *self.legacy_lanes.borrow_mut() += u32::from(legacy);
                Ok(())
            }
            Some(Err(error)) => Err(Error::new(Status::GenericFailure, error.to_string())),
            None => Err(Error::new(Status::InvalidArg, format!("expected an open descriptor, got {fd}"))),
        }
    }

    /// Closes a lane: what waits is tried once more. Its last event follows.
    #[napi(catch_unwind)]
    pub fn close_lane(&self, index: u32, legacy: bool) -> Result<()> {
        self.fanout()?.close(index);
        let mut lanes = self.legacy_lanes.borrow_mut();
        *lanes = lanes.saturating_sub(u32::from(legacy));
        Ok(())
    }

    /// Issues a ticket for everything that was handed over for a lane before.
    #[napi(catch_unwind)]
    pub fn fence(&self, index: u32) -> Result<()> {
        self.fanout()?.fence(index);
        Ok(())
    }

    /// Hands over a text frame for one lane: the character `kind` (its Engine.IO packet type), then `text`.
    #[napi(catch_unwind)]
    pub fn send_text(
        &self,
        index: u32,
        kind: u8,
        #[napi(ts_arg_type = "string")] text: Text,
        flags: u32,
        tick: u32,
    ) -> Result<()> {
        self.fanout()?.send(index, single(text.into_frame(kind), flags), options(flags, tick));
        Ok(())
    }

    /// Hands over a binary frame for one lane, of a message of Engine.IO protocol 3 when `legacy`.
    #[napi(catch_unwind)]
    pub fn send_binary(&self, index: u32, data: &[u8], legacy: bool, flags: u32, tick: u32) -> Result<()> {
        let frame = Frame::new(OpCode::Binary, legacy.then_some(LEGACY_MESSAGE), data);
        self.fanout()?.send(index, single(frame, flags), options(flags, tick));
        Ok(())
    }

    /// Hands over a frame that `ws` has encoded, header and payload.
    #[napi(catch_unwind)]
    pub fn send_frame(&self, index: u32, header: &[u8], payload: &[u8], flags: u32, tick: u32) -> Result<()> {
        let frame = Frame::encoded(&[header, payload]).ok_or_else(|| {
            Error::new(Status::InvalidArg, format!("expected a WebSocket frame, got the header {header:02x?}"))
        })?;
        // ws has compressed it already, or not.
        self.fanout()?.send(index, single(frame, PLAIN), options(flags, tick));
        Ok(())
    }

    /// Hands over a message for the sockets in any of the first `rooms` of `ids` (all if none) and in none of the next
    /// `except`: a text frame if there is `text`, then a binary frame for each of `attachments`. A lane
    /// that is behind keeps the newest of those with the same `key`. Returns the recipients that JavaScript writes to, if any.
    #[napi(catch_unwind)]
    pub fn broadcast(
        &self,
        namespace: u32,
        ids: &[u32],
        rooms: u32,
        except: u32,
        #[napi(ts_arg_type = "string | null")] text: Option<Text>,
        attachments: Option<Vec<Buffer>>,
        flags: u32,
        tick: u32,
        key: Option<String>,
    ) -> Result<Option<Uint32Array>> {
        // One client's connection can be in several namespaces.
        let key = key.map(|key| format!("{namespace} {key}").into());
        let namespace = self.namespace(namespace)?;
        let running = self.running.borrow();
        let fanout = running.as_ref().map(|running| &running.fanout);
        let epoch = fanout.map(|fanout| fanout.epoch());
        let target = target(&namespace, ids, rooms, except);
        let compat = target.compat_recipients();
        if let (Some(fanout), Some(epoch), false) = (fanout, epoch, target.is_empty()) {
            let packet = self.packet(text, &attachments.unwrap_or_default()).compressed(flags & PLAIN == 0);
            let packet = match key {
                Some(key) => packet.conflated(key),
                None => packet,
            };
            fanout.broadcast(target, packet, flags & VOLATILE != 0, tick, epoch);
        }
        Ok((!compat.is_empty()).then(|| compat.into()))
    }

    fn packet(&self, text: Option<Text>, attachments: &[Buffer]) -> Packet {
        let text = text.map(|text| text.into_frame(MESSAGE));
        let binary = |prefix: Option<u8>| attachments.iter().map(move |data| Frame::new(OpCode::Binary, prefix, data));
        let packet = Packet::new(text.iter().cloned().chain(binary(None)));
        if attachments.is_empty() || *self.legacy_lanes.borrow() == 0 {
            return packet;
        }
        packet.with_legacy(text.into_iter().chain(binary(Some(LEGACY_MESSAGE))))
    }

    /// Wakes the writers for what was handed over in this tick.
    #[napi(catch_unwind)]
    pub fn wake(&self) {
        if let Some(running) = &*self.running.borrow() {
            running.fanout.wake();
        }
    }

    /// Blocks until everything handed over is written, at most `timeout` ms; false when it was not.
    #[napi(catch_unwind)]
    pub fn flush(&self, timeout: u32) -> bool {
        let running = self.running.borrow();
        running.as_ref().is_none_or(|running| running.fanout.flush(Duration::from_millis(timeout.into())))
    }

    /// The events since the last call, three numbers each.
    #[napi(catch_unwind)]
    pub fn take_events(&self) -> Uint32Array {
        let running = self.running.borrow();
        running.as_ref().map(|running| events::flatten(&running.fanout.events())).unwrap_or_default().into()
    }

    /// How many bytes wait for a connection: 0 unless its lane is parked.
    #[napi(catch_unwind)]
    pub fn buffered_bytes(&self, index: u32) -> i64 {
        let running = self.running.borrow();
        let bytes = running.as_ref().map_or(0, |running| running.fanout.buffered_bytes(index));
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }

    /// The counters, as JSON: one string crosses instead of a dozen numbers.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> Result<String> {
        let ended = self.ended.borrow().plus(self.last.borrow().as_ref().map(|last| last.stats()).unwrap_or_default());
        let running = self.running.borrow();
        let fanout = running.as_ref().map(|running| &running.fanout);
        let reading = Reading {
            writers: fanout.map_or(0, |fanout| fanout.writers()),
            stats: fanout.map(|fanout| fanout.stats()).unwrap_or_default().plus(ended),
        };
        serde_json::to_string(&reading).map_err(|error| Error::new(Status::GenericFailure, error.to_string()))
    }
}
