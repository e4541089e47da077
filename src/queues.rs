//! The message queues of one `createQueues()`: an engine, and the functions by which `lib/queues` reaches it.
//!
//! Few calls cross: [`commands`] reads one block for all commands of a tick, [`effects`] writes one for all that came out. The
//! functions' types are in `lib/native-calls.d.ts`.

mod answers;
mod commands;
mod control;
mod effects;
mod options;
mod settings;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use napi::bindgen_prelude::{Buffer, Error, FnArgs, Function, FunctionCallContext, Object, Result, Status, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{CleanupEnvHook, Env};
use napi_derive::napi;
use parking_lot::Mutex;
use socketio_queue::{Command, Config, Effect, Engine, Notify, verify};
use socketio_queue_redis::RedisEngine;

use crate::functions::add;

use effects::Block;
use options::NativeQueuesOptions;

/// Tells JavaScript that there is something to take. Weak until [`hold`] says otherwise.
type Signal = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The queues of this process, or those that it shares with others.
enum AnyEngine {
    Own(Engine),
    Shared(RedisEngine),
}

impl AnyEngine {
    fn start(options: NativeQueuesOptions, notify: Notify) -> Result<Self> {
        let failed = |error: socketio_queue::Error| Error::new(Status::GenericFailure, error.to_string());
        match options.redis()? {
            Some(redis) => RedisEngine::start(redis, notify).map(Self::Shared).map_err(failed),
            None => Engine::start(Config::default(), options.opener(), notify).map(Self::Own).map_err(failed),
        }
    }

    fn submit(&self, commands: &mut Vec<Command>, in_place: bool) -> bool {
        match self {
            Self::Own(engine) if in_place => return engine.submit_in_place(commands),
            Self::Own(engine) => engine.submit(commands),
            Self::Shared(engine) => engine.submit(commands),
        }
        false
    }

    fn take(&self) -> Vec<Effect> {
        match self {
            Self::Own(engine) => engine.take(),
            Self::Shared(engine) => engine.take(),
        }
    }

    fn close(&self) {
        match self {
            Self::Own(engine) => engine.close(),
            Self::Shared(engine) => engine.close(),
        }
    }
}

struct Instance {
    /// `None` once disposed of. Shared with the hook that ends it together with the JavaScript environment.
    engine: Arc<Mutex<Option<AnyEngine>>>,
    signal: RefCell<Option<Arc<Mutex<Signal>>>>,
    hook: RefCell<Option<CleanupEnvHook<()>>>,
    /// What was taken from the engine and did not fit into the words that JavaScript gave.
    left: RefCell<Option<Block>>,
}

/// Opens queues. `signal` is called on this thread when there is something to take. It keeps the process alive only after
/// `hold(true)`. When the environment ends first, what was submitted is made durable before.
#[napi(catch_unwind, ts_return_type = "NativeQueues")]
pub fn open_queues<'env>(
    env: &'env Env,
    options: NativeQueuesOptions,
    signal: Function<'env, (), ()>,
) -> Result<Object<'env>> {
    let instance = Rc::new(start(*env, options, &signal)?);
    let mut functions = Object::new(env)?;
    add(*env, &mut functions, &instance, "submit", submit)?;
    add(*env, &mut functions, &instance, "take", take)?;
    add(*env, &mut functions, &instance, "hold", hold)?;
    add(*env, &mut functions, &instance, "close", |instance, _| {
        if let Some(engine) = &*instance.engine.lock() {
            engine.close();
        }
        Ok(())
    })?;
    add(*env, &mut functions, &instance, "dispose", dispose)?;
    Ok(functions)
}

/// Reads all files of the store at `path`, and returns what they are worth as JSON: the report, or `error` with code and message.
/// `progress` is called with the bytes read and those there are. Blocks: for a process that has nothing else to do.
#[napi(catch_unwind)]
pub fn verify_queues(path: String, progress: Function<'_, FnArgs<(f64, f64)>, ()>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown as a part of the whole")]
    let mut told = |read: u64, total: u64| {
        // What it throws is its own matter: the files are read in any case.
        let _ = progress.call((read as f64, total as f64).into());
    };
    match verify(Path::new(&path), &mut told) {
        Ok(verified) => answers::verified(&verified),
        Err(error) => serde_json::json!({ "error": answers::error(&error) }),
    }
    .to_string()
}

fn start(env: Env, options: NativeQueuesOptions, signal: &Function<'_, (), ()>) -> Result<Instance> {
    let signal = signal.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?;
    let signal = Arc::new(Mutex::new(signal));
    let notify = {
        let signal = Arc::clone(&signal);
        Box::new(move || {
            // It fails only while the environment ends.
            let _ = signal.lock().call((), ThreadsafeFunctionCallMode::NonBlocking);
        })
    };
    let engine = AnyEngine::start(options, notify)?;
    let engine = Arc::new(Mutex::new(Some(engine)));
    // Weak: napi keeps the closure of a hook that was removed.
    let ending = Arc::downgrade(&engine);
    let hook = env.add_env_cleanup_hook((), move |()| {
        let engine = ending.upgrade().and_then(|engine| engine.lock().take());
        // Dropping it waits until what was submitted is durable.
        drop(engine);
    })?;
    Ok(Instance {
        engine,
        signal: RefCell::new(Some(signal)),
        hook: RefCell::new(Some(hook)),
        left: RefCell::default(),
    })
}

/// `(words, count, bytes, length, attachments, inPlace)`: the commands in the first `count` words and `length` bytes. Returns
/// whether they were applied at once, which is tried with `inPlace`: then there is something to take, and no signal.
fn submit(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<bool> {
    let (words, count): (&[u32], u32) = (context.get(0)?, context.get(1)?);
    let (bytes, length): (&[u8], u32) = (context.get(2)?, context.get(3)?);
    let attachments: Option<Vec<Uint8Array>> = context.get(4)?;
    let in_place: bool = context.get(5)?;
    let words = words.get(..count as usize).unwrap_or(words);
    let bytes = bytes.get(..length as usize).unwrap_or(bytes);
    let mut commands = commands::read(words, bytes, attachments.unwrap_or_default())?;
    let engine = instance.engine.lock();
    let Some(engine) = &*engine else { return Ok(false) };
    Ok(engine.submit(&mut commands, in_place))
}

/// `(words)`: writes what came out into `words` and returns the bytes, if any. `words` begins with their number or, when they
/// do not fit, with [`effects::MORE`] and the number that is needed: JavaScript then comes again with as many.
fn take(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<Option<Buffer>> {
    let words: &mut [u32] = context.get(0)?;
    let left = instance.left.borrow_mut().take();
    let block = left.unwrap_or_else(|| {
        let effects = instance.engine.lock().as_ref().map(AnyEngine::take);
        Block::of(effects.unwrap_or_default())
    });
    if block.copy_words(words) {
        return Ok(block.into_bytes().map(Buffer::from));
    }
    *instance.left.borrow_mut() = Some(block);
    Ok(None)
}

/// `(strong)`: whether the signal keeps the process alive.
fn hold(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<()> {
    let strong: bool = context.get(0)?;
    let signal = instance.signal.borrow();
    let Some(signal) = &*signal else { return Ok(()) };
    #[expect(
        deprecated,
        reason = "one signal, held and let go: cloning and dropping functions would make another each time"
    )]
    if strong { signal.lock().refer(context.env) } else { signal.lock().unref(context.env) }
}

/// `()`: lets go of everything; blocks until the engine has ended.
fn dispose(instance: &Instance, context: &FunctionCallContext<'_>) -> Result<()> {
    let engine = instance.engine.lock().take();
    drop(engine);
    instance.signal.borrow_mut().take();
    match instance.hook.borrow_mut().take() {
        Some(hook) => context.env.remove_env_cleanup_hook(hook),
        None => Ok(()),
    }
}
