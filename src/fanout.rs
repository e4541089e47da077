//! Lanes and broadcasts, for `lib/`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use napi::bindgen_prelude::{Error, Function, Result, Status, Uint32Array};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{CleanupEnvHook, Env};
use napi_derive::napi;
use serde::Serialize;
use socketio_fanout::{Deflate, Fanout, Form, Stats};
use socketio_wire::Frame;

use crate::calls::{PLAIN, options, single};
use crate::engine::NativeEngine;
use crate::events;
use crate::ffi;

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
        *self.writers.running.write() = Some(Arc::clone(&fanout));
        *self.running.borrow_mut() = Some(Running { fanout, hook });
        Ok(())
    }

    /// Stops the writers after what was handed over. Returns at once.
    #[napi(catch_unwind)]
    pub fn stop(&self, env: Env) -> Result<()> {
        let Some(running) = self.running.borrow_mut().take() else { return Ok(()) };
        *self.writers.running.write() = None;
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
                self.writers.legacy_lanes.fetch_add(u32::from(legacy), Ordering::Relaxed);
                Ok(())
            }
            Some(Err(error)) => Err(Error::new(Status::GenericFailure, error.to_string())),
            None => Err(Error::new(Status::InvalidArg, format!("expected an open descriptor, got {fd}"))),
        }
    }

    /// JavaScript has written a packet with a key to a lane: what waited before it keeps its place.
    #[napi(catch_unwind)]
    pub fn forget_keys(&self, index: u32) -> Result<()> {
        self.fanout()?.forget_keys(index);
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
