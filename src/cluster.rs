//! The cluster of one Socket.IO server: a connection, and the functions by which `lib/cluster` reaches it.
//!
//! Functions, not methods: publishing is called for each broadcast. Their types are in `lib/native-calls.d.ts`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use napi::bindgen_prelude::{
    Buffer, Either, Error, Function, FunctionCallContext, Object, Result, Status, Uint32Array,
};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{CleanupEnvHook, Env};
use napi_derive::napi;
use parking_lot::Mutex;
use socketio_cluster::streams::{Recovery, RecoveryOptions, Streams, StreamsOptions};
use socketio_cluster::{Command, Config, Event, Member, Mode, Node, Subscriptions};

use crate::engine::{NativeEngine, State};
use crate::functions::add;
use crate::recovery::{self, NativeMissed};

/// The settings of a cluster, validated by `lib/cluster/options.js`.
#[napi(object)]
pub struct NativeClusterOptions {
    /// `pubsub` or `sharded`.
    pub mode: String,
    /// Of the latter: `static`, `dynamic` or `dynamic-private`.
    pub subscription_mode: Option<String>,
    /// The prefix of all channels.
    pub key: String,
    /// What this server's messages are known by.
    pub uid: String,
    /// What people know it by.
    pub name: String,
    /// The most messages that wait for Redis.
    pub outbox: u32,
    /// The most bytes that wait for Redis.
    pub outbox_bytes: f64,
    /// JSON: where Redis is.
    pub redis: String,
    /// In mode `streams`.
    pub streams: Option<NativeStreamsOptions>,
    /// Publishes only: no other server hears of it.
    pub emitter: bool,
}

/// The settings of mode `streams`.
#[napi(object)]
#[derive(Default)]
pub struct NativeStreamsOptions {
    /// The name of the stream, or before the number of each.
    pub name: String,
    /// How many streams there are.
    pub count: u32,
    /// About so many entries are kept in a stream.
    pub most: u32,
    /// So many are read at once.
    pub read: u32,
    /// How long one command waits for entries, in ms.
    pub block: u32,
    /// How long clients may be away, in ms, if they can come back.
    pub recovery: Option<f64>,
}

/// An index of what was sent has so many times the entries of a stream: those that are to be trimmed count, too.
const INDEXED: usize = 2;
/// And so many bytes.
const INDEXED_BYTES: usize = 128 * 1024 * 1024;

fn streams(options: Option<NativeStreamsOptions>) -> StreamsOptions {
    let NativeStreamsOptions { name, count, most, read, block, recovery } = options.unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "validated: a positive number")]
    let recovery = recovery.map(|milliseconds| RecoveryOptions {
        most: (most as usize).saturating_mul(INDEXED).max(1000),
        most_bytes: INDEXED_BYTES,
        // A client may not be missed for a while.
        window: Duration::from_millis(milliseconds as u64) * 2 + Duration::from_secs(60),
    });
    StreamsOptions {
        streams: Streams { name, count },
        most: most.into(),
        read: read as usize,
        block: Duration::from_millis(block.into()),
        recovery,
    }
}

/// News of the cluster; what it has besides its kind depends on that.
#[napi(object)]
#[derive(Default)]
pub struct NativeClusterEvent {
    /// 0 up, 1 down, 2 broadcast, 3 request, 4 response, 5 count, 6 joined, 7 released, 8 late, 9 restored, 10 whole, 11 settled,
    /// 12 turn, 13 echo, 20 flushed.
    pub kind: u32,
    /// The namespace's number, or the ticket of a question.
    pub slot: u32,
    /// As it came.
    pub payload: Option<Buffer>,
    /// Recipients of a broadcast that JavaScript writes to; all when there are none here.
    pub recipients: Option<Uint32Array>,
    /// Of a loss: its stable code.
    pub code: Option<String>,
    /// Of a loss: what happened. Of a count: JSON of silent and of gone servers.
    pub message: Option<String>,
    /// Of a count: how many servers there are.
    pub count: Option<f64>,
    /// Of what was released: by which JavaScript knows the packet. Of what is late: of whose restore.
    pub token: Option<u32>,
    /// Of what was released: what is appended to it.
    pub offset: Option<String>,
    /// Of what is late: what follows the payload.
    pub attachments: Option<Vec<Buffer>>,
    /// Of a restore: what the client missed.
    pub missed: Option<NativeMissed>,
}

/// What the functions of a cluster share.
pub struct Instance {
    pub(crate) state: Rc<State>,
    pub(crate) node: Arc<Mutex<Option<Node>>>,
    pub(crate) recoveries: RefCell<HashMap<u32, Arc<Recovery>>>,
    hook: RefCell<Option<CleanupEnvHook<()>>>,
}

/// At the end of the environment, what was handed over is published within this.
const FAREWELL: Duration = Duration::from_millis(1500);

#[napi]
impl NativeEngine {
    /// Connects this server with others. `signal` is called on this thread when there is something to take. It does not keep
    /// the process alive.
    #[napi(catch_unwind, ts_return_type = "NativeCluster")]
    pub fn open_cluster<'env>(
        &self,
        env: &'env Env,
        options: NativeClusterOptions,
        signal: Function<'env, (), ()>,
    ) -> Result<Object<'env>> {
        let instance = Rc::new(start(*env, Rc::clone(self.shared()), options, &signal)?);
        let mut functions = Object::new(env)?;
        add(*env, &mut functions, &instance, "join", join)?;
        add(*env, &mut functions, &instance, "leave", |instance, context| {
            let slot = context.get(0)?;
            if let Some(recovery) = instance.recoveries.borrow_mut().remove(&slot) {
                recovery.flush();
            }
            instance.submit(Command::Leave(slot));
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "setNative", |instance, context| {
            instance.submit(Command::Native(context.get(0)?, context.get(1)?));
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "broadcast", |instance, context| {
            let (slot, text) = (context.get(0)?, context.get(1)?);
            instance.submit(Command::Broadcast { slot, text, room: context.get(2)?, options: context.get(3)? });
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "packet", |instance, context| {
            let (slot, payload) = (context.get(0)?, payload(context, 1)?);
            instance.submit(Command::Packet { slot, payload, room: context.get(2)? });
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "request", |instance, context| {
            let (slot, payload) = (context.get(0)?, payload(context, 1)?);
            instance.submit(Command::Request { slot, payload, expect: context.get(2)? });
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "forget", |instance, context| {
            instance.submit(Command::Forget(context.get(0)?));
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "answer", |instance, context| {
            let (slot, payload) = (context.get(0)?, payload(context, 1)?);
            instance.submit(Command::Answer { slot, to: context.get(2)?, payload });
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "count", |instance, context| {
            instance.submit(Command::Count { slot: context.get(0)?, ticket: context.get(1)? });
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "done", |instance, context| {
            instance.submit(Command::Done(context.get(0)?));
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "turn", |instance, context| {
            instance.submit(Command::Turn(context.get(0)?));
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "echo", |instance, context| {
            instance.submit(Command::Echo(context.get(0)?));
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "flush", |instance, context| {
            instance.submit(Command::Flush(context.get(0)?));
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "settle", |instance, context| {
            instance.submit(Command::Settle(context.get(0)?));
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "wake", |instance, _| {
            if let Some(node) = &*instance.node.lock() {
                node.wake();
            }
            Ok(())
        })?;
        add(*env, &mut functions, &instance, "take", |instance, _| {
            let events = instance.node.lock().as_ref().map(Node::events).unwrap_or_default();
            Ok(events.into_iter().map(news).collect::<Vec<_>>())
        })?;
        add(*env, &mut functions, &instance, "stats", |instance, _| {
            let stats = instance.node.lock().as_ref().map(Node::stats).unwrap_or_default();
            serde_json::to_string(&stats).map_err(|error| Error::new(Status::GenericFailure, error.to_string()))
        })?;
        add(*env, &mut functions, &instance, "issue", recovery::issue)?;
        add(*env, &mut functions, &instance, "save", recovery::save)?;
        add(*env, &mut functions, &instance, "restore", recovery::restore)?;
        add(*env, &mut functions, &instance, "pause", recovery::pause)?;
        add(*env, &mut functions, &instance, "resume", recovery::resume)?;
        add(*env, &mut functions, &instance, "catchUp", recovery::catch_up)?;
        add(*env, &mut functions, &instance, "adoptable", recovery::adoptable)?;
        add(*env, &mut functions, &instance, "adopt", recovery::adopt)?;
        add(*env, &mut functions, &instance, "waits", recovery::waits)?;
        add(*env, &mut functions, &instance, "flushFor", recovery::flush_for)?;
        add(*env, &mut functions, &instance, "close", close)?;
        Ok(functions)
    }
}

impl Instance {
    pub(crate) fn submit(&self, command: Command) {
        if let Some(node) = &*self.node.lock() {
            node.submit(command);
        }
    }
}

fn start(env: Env, state: Rc<State>, options: NativeClusterOptions, signal: &Function<'_, (), ()>) -> Result<Instance> {
    // The message of an error would show what stands at that place, perhaps a secret.
    let settings = serde_json::from_str(&options.redis)
        .map_err(|_| Error::new(Status::InvalidArg, "expected the settings of Redis, got something else"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "validated: a positive integer")]
    let config = Config {
        mode: mode(&options.mode, options.subscription_mode.as_deref())?,
        streams: streams(options.streams),
        key: options.key,
        uid: options.uid,
        name: options.name,
        outbox: options.outbox as usize,
        outbox_bytes: options.outbox_bytes as usize,
    };
    let writers = (!options.emitter).then(|| Arc::clone(&state.writers));
    let signal = signal.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?;
    let signal = Box::new(move || {
        // It fails only while the environment ends.
        let _ = signal.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    let node = Node::start(config, settings, writers, signal)
        .map_err(|error| Error::new(Status::GenericFailure, format!("expected to start a thread, got: {error}")))?;
    let node = Arc::new(Mutex::new(Some(node)));
    // Weak: napi keeps the closure of a hook that was removed.
    let ending = Arc::downgrade(&node);
    let hook = env.add_env_cleanup_hook((), move |()| {
        if let Some(mut node) = ending.upgrade().and_then(|node| node.lock().take()) {
            node.close();
            node.join(FAREWELL);
        }
    })?;
    Ok(Instance { state, node, recoveries: RefCell::default(), hook: RefCell::new(Some(hook)) })
}

/// The names of `lib/cluster/options.js`.
fn mode(name: &str, subscriptions: Option<&str>) -> Result<Mode> {
    Ok(match (name, subscriptions) {
        ("pubsub", _) => Mode::PubSub,
        ("streams", _) => Mode::Streams,
        ("sharded", Some("static")) => Mode::Sharded(Subscriptions::Static),
        ("sharded", Some("dynamic")) => Mode::Sharded(Subscriptions::Dynamic),
        ("sharded", Some("dynamic-private")) => Mode::Sharded(Subscriptions::DynamicPrivate),
        _ => return Err(Error::new(Status::InvalidArg, format!("expected a mode, got {name}"))),
    })
}

/// Text or bytes.
fn payload(context: &FunctionCallContext<'_>, index: usize) -> Result<Bytes> {
    Ok(match context.get::<Either<String, Buffer>>(index)? {
        Either::A(text) => text.into(),
        Either::B(bytes) => Bytes::copy_from_slice(&bytes),
    })
}

/// `(slot, namespace, name, native)`: a namespace begins.
fn join(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<()> {
    let (slot, rooms) = (context.get(0)?, instance.state.namespace(context.get(1)?)?);
    let recovery = instance.node.lock().as_ref().and_then(|node| node.recovery(slot));
    if let Some(recovery) = &recovery {
        instance.recoveries.borrow_mut().insert(slot, Arc::clone(recovery));
    }
    instance.submit(Command::Join { slot, nsp: context.get(2)?, rooms, native: context.get(3)?, recovery });
    Ok(())
}

/// `(timeout)`: publishes what was handed over, and ends. With a timeout in ms it waits for that.
fn close(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<()> {
    let timeout: u32 = context.get(0)?;
    let Some(mut node) = instance.node.lock().take() else { return Ok(()) };
    node.close();
    if timeout > 0 {
        node.join(Duration::from_millis(timeout.into()));
    }
    drop(node);
    match instance.hook.borrow_mut().take() {
        Some(hook) => context.env.remove_env_cleanup_hook(hook),
        None => Ok(()),
    }
}

fn news(event: Event) -> NativeClusterEvent {
    let base = NativeClusterEvent::default;
    let with = |kind, slot, payload: Bytes| NativeClusterEvent {
        kind,
        slot,
        payload: Some(payload.to_vec().into()),
        ..NativeClusterEvent::default()
    };
    match event {
        Event::Up => base(),
        Event::Down(code, message) => {
            NativeClusterEvent { kind: 1, code: Some(code.into()), message: Some(message), ..base() }
        }
        Event::Broadcast(slot, payload, recipients) => {
            NativeClusterEvent { recipients: recipients.map(Into::into), ..with(2, slot, payload) }
        }
        Event::Whole(slot, payload) => with(10, slot, payload),
        Event::Request(slot, payload) => with(3, slot, payload),
        Event::Response(slot, payload) => with(4, slot, payload),
        Event::Count(ticket, census) => {
            let members = |members: &[Member]| {
                let all = members.iter().map(|member| serde_json::json!({ "uid": member.uid, "name": member.name }));
                all.collect::<Vec<_>>()
            };
            let message = serde_json::json!({
                "silent": members(&census.silent), "gone": members(&census.gone), "before": census.before
            });
            #[expect(clippy::cast_precision_loss, reason = "fewer servers than that")]
            let count = census.count.map(|count| count as f64);
            NativeClusterEvent { kind: 5, slot: ticket, message: Some(message.to_string()), count, ..base() }
        }
        Event::Joined(slot) => NativeClusterEvent { kind: 6, slot, ..base() },
        Event::Released(slot, token, offset) => {
            let offset = offset.map(|offset| offset.to_string());
            NativeClusterEvent { kind: 7, slot, token: Some(token), offset, ..base() }
        }
        Event::Late { slot, ticket, text, attachments } => {
            let attachments = Some(attachments.into_iter().map(Into::into).collect());
            NativeClusterEvent { token: Some(ticket), attachments, ..with(8, slot, text) }
        }
        Event::Restored(ticket, None) => NativeClusterEvent { kind: 9, slot: ticket, ..base() },
        Event::Restored(ticket, Some((session, packets))) => {
            NativeClusterEvent { missed: Some(recovery::missed(packets)), ..with(9, ticket, session) }
        }
        Event::Flushed(ticket) => NativeClusterEvent { kind: 20, slot: ticket, ..base() },
        Event::Turn(slot) => NativeClusterEvent { kind: 12, slot, ..base() },
        Event::Echo(ticket) => NativeClusterEvent { kind: 13, slot: ticket, ..base() },
        Event::Settled(ticket) => NativeClusterEvent { kind: 11, slot: ticket, ..base() },
    }
}
