//! The thread with the connection, and the handle by which others reach it.
//!
//! Lock order: the inbox's is held for a swap of lists only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{RedisError, ServerErrorKind, Value};
use socketio_cluster::{Backoff, Lookout, Settings};
use socketio_queue::{Command, Effect, Error, Notify, Outbox};
use tokio::sync::Notify as Signal;

use crate::core::Core;
use crate::link::{Found, Link, is_final, problem};

/// What an engine is started with.
pub struct RedisOptions {
    /// Where Redis is.
    pub settings: Settings,
    /// The prefix of all keys, without braces: they are put around it, so that all are on one node of a Redis Cluster.
    pub key: String,
    /// How long a command waits for Redis before it fails with `QUEUE_REDIS_UNREACHABLE`.
    pub timeout: Duration,
}

/// Most events that wait for the owner.
const MOST_EVENTS: usize = 10_000;

/// Queues in Redis: what `socketio_queue::Engine` is for those of one process. Dropping it closes it and waits for its thread,
/// three seconds at most.
pub struct RedisEngine {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    inbox: Mutex<Inbox>,
    wake: Signal,
    outbox: Outbox,
}

#[derive(Default)]
struct Inbox {
    commands: Vec<Command>,
    closing: bool,
    ended: Option<Error>,
}

impl RedisEngine {
    /// Starts the thread and returns at once. Commands may be submitted before [`Effect::Opened`].
    pub fn start(options: RedisOptions, notify: Notify) -> Result<Self, Error> {
        let shared =
            Arc::new(Shared { inbox: Mutex::default(), wake: Signal::new(), outbox: Outbox::new(notify, MOST_EVENTS) });
        let owned = Arc::clone(&shared);
        let thread = Builder::new()
            .name("queues-redis".to_owned())
            .spawn(move || guarded(&owned, &options))
            .map_err(|error| Error::Internal { detail: format!("no thread: {error}").into() })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Hands commands over, in order, leaving `commands` empty. Never blocks. After the end each is answered with an error.
    pub fn submit(&self, commands: &mut Vec<Command>) {
        let mut inbox = self.shared.inbox.lock();
        let ended = inbox.ended.clone().or_else(|| inbox.closing.then_some(Error::Closed));
        if ended.is_none() {
            inbox.commands.append(commands);
        }
        drop(inbox);
        match ended {
            None => self.shared.wake.notify_one(),
            Some(error) => self.shared.outbox.publish(&mut refusals(commands, &error)),
        }
    }

    /// Takes what has come out.
    pub fn take(&self) -> Vec<Effect> {
        self.shared.outbox.take()
    }

    /// Begins to close: what was submitted is executed; [`Effect::Closed`] is the last effect.
    pub fn close(&self) {
        self.shared.inbox.lock().closing = true;
        self.shared.wake.notify_one();
    }
}

impl Drop for RedisEngine {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.lock().take() {
            // A panic on it was reported as an effect.
            drop(thread.join());
        }
    }
}

fn refusals(commands: &mut Vec<Command>, error: &Error) -> Vec<Effect> {
    let tickets = commands.drain(..).filter_map(|command| command.ticket());
    tickets.map(|ticket| Effect::Done { ticket, result: Err(error.clone()) }).collect()
}

/// A number by chance: the keys that the standard library draws for its hash maps come from the system.
pub(crate) fn chance() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

fn guarded(shared: &Shared, options: &RedisOptions) {
    let prefix = format!("{{{}}}", options.key);
    let mut core = Core::new(format!("{:016x}", chance()), prefix, options.timeout, Instant::now());
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Internal { detail: error.to_string().into() })?;
        runtime.block_on(run(shared, &options.settings, &mut core))
    };
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Internal { detail: text.unwrap_or_else(|| "a panic".to_owned()).into() })
    });
    let error = result.err();
    let left = {
        let mut inbox = shared.inbox.lock();
        inbox.ended = Some(error.clone().unwrap_or(Error::Closed));
        std::mem::take(&mut inbox.commands)
    };
    let why = error.clone().unwrap_or_else(|| match &core.down {
        Some(_) => core.unreachable("the queues are closed, and this did not reach Redis"),
        None => Error::Closed,
    });
    core.fail_all(&why, Instant::now());
    let mut effects = std::mem::take(&mut core.effects);
    let mut left = left;
    effects.append(&mut refusals(&mut left, &why));
    if let Some(error) = error {
        effects.push(if core.opened { Effect::Failed(error) } else { Effect::Opened(Err(error)) });
    }
    effects.push(Effect::Closed);
    shared.outbox.publish(&mut effects);
}

type Asking = Pin<Box<dyn Future<Output = Result<Value, RedisError>>>>;
type Connecting = Pin<Box<dyn Future<Output = Result<Found, Error>>>>;

fn connect(lookout: &Rc<Lookout>, core: &Core, after: Duration) -> Connecting {
    let (lookout, prefix, channel) = (Rc::clone(lookout), core.prefix.clone(), core.channel());
    Box::pin(async move {
        tokio::time::sleep(after).await;
        Link::connect(&lookout, &prefix, &channel).await
    })
}

/// What came while the thread waited.
enum News {
    Nothing,
    Answer(Result<Value, RedisError>),
    Connected(Result<Found, Error>),
    Told(Option<Vec<u8>>),
}

async fn run(shared: &Shared, settings: &Settings, core: &mut Core) -> Result<(), Error> {
    let lookout = Rc::new(Lookout::new(settings.clone()));
    let mut backoff = Backoff::default();
    let mut link: Option<Link> = None;
    let mut asking: Option<Asking> = None;
    let mut connecting = Some(connect(&lookout, core, Duration::ZERO));
    loop {
        let (commands, closing) = {
            let mut inbox = shared.inbox.lock();
            (std::mem::take(&mut inbox.commands), inbox.closing)
        };
        let now = Instant::now();
        for command in commands {
            core.apply(command, now);
        }
        if closing {
            core.close(now);
        }
        core.tick(now);
        if let (Some(link), None) = (&link, &asking)
            && let Some(command) = core.batch(&link.script, now)
        {
            let mut connection = link.commands.clone();
            asking = Some(Box::pin(async move { connection.send_packed_command(&command).await }));
        }
        shared.outbox.publish(&mut core.effects);
        if core.ended {
            return Ok(());
        }
        let look = core.next_look(now);
        let news = tokio::select! {
            biased;
            answer = either(asking.as_mut()) => News::Answer(answer),
            told = told(link.as_mut()) => News::Told(told),
            connected = either(connecting.as_mut()) => News::Connected(connected),
            () = shared.wake.notified() => News::Nothing,
            () = tokio::time::sleep_until(look.into()) => News::Nothing,
        };
        let now = Instant::now();
        let lost = match news {
            News::Nothing => None,
            News::Answer(answer) => {
                asking = None;
                match answer.and_then(Value::extract_error) {
                    Ok(value) => {
                        // Not before: one that refuses what it is asked is not asked again at once.
                        backoff.reset();
                        core.answered(value, now)?;
                        None
                    }
                    Err(error) => refused(core, settings, &error, now),
                }
            }
            News::Told(Some(payload)) => {
                core.heard(payload, now);
                None
            }
            News::Told(None) => {
                let detail =
                    format!("expected messages of Redis at {}, got the end of the connection", settings.address());
                Some(Error::Redis { code: "QUEUE_REDIS_UNREACHABLE", detail: detail.into() })
            }
            News::Connected(Ok(found)) => {
                connecting = None;
                if !core.opened {
                    core.effects.extend(found.warnings.into_iter().map(Effect::Warning));
                }
                link = Some(found.link);
                core.found(now);
                None
            }
            News::Connected(Err(error)) => {
                if is_final(settings, &error) && !core.opened {
                    return Err(error);
                }
                Some(error)
            }
        };
        if let Some(error) = lost {
            core.lost(error, now);
            (link, asking) = (None, None);
            connecting = Some(connect(&lookout, core, backoff.next(chance())));
        }
    }
}

/// Waits forever for what is not there.
async fn either<T>(future: Option<&mut Pin<Box<dyn Future<Output = T>>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn told(link: Option<&mut Link>) -> Option<Vec<u8>> {
    match link {
        Some(link) => link.hear().await,
        None => std::future::pending().await,
    }
}

/// What an error means for the batch. Returns it if another connection has to be made, after which it is sent again.
fn refused(core: &mut Core, settings: &Settings, error: &RedisError, now: Instant) -> Option<Error> {
    use redis::ErrorKind::Server;
    let why = problem(settings, error);
    let text = error.to_string();
    match error.kind() {
        _ if error.code() == Some("OOM") => {
            let detail = format!(
                "Redis at {} is out of memory (maxmemory): sends are refused, consumers go on",
                settings.address()
            );
            core.no_memory(&Error::Redis { code: "QUEUE_REDIS_FULL", detail: detail.into() }, now);
            None
        }
        // Nothing of it was executed, not even before: it is as new.
        _ if error.code() == Some("NEVER") => {
            core.never_executed();
            None
        }
        // Nor was this: it is asked what the workers hold.
        _ if error.code() == Some("BEHIND") => {
            core.behind(now);
            None
        }
        // It was refused before it began; the scripts are loaded with a connection.
        Server(
            ServerErrorKind::NoScript
            | ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::NoPerm,
        ) => Some(why),
        // Nor was this. Its keys leave the node one by one: none of them is touched until all are at the other one.
        Server(ServerErrorKind::Moved | ServerErrorKind::Ask) if settings.can_move() => Some(why),
        Server(_) | redis::ErrorKind::Extension
            if matches!(error.code(), Some("BUSY" | "MISCONF" | "NOREPLICAS" | "NOAUTH" | "UNKILLABLE"))
                || text.contains("killed")
                // The library is loaded with a connection, as the scripts are.
                || text.contains("Function not found") =>
        {
            Some(why)
        }
        Server(_) | redis::ErrorKind::Extension => {
            core.refused(&why, now);
            None
        }
        _ => Some(why),
    }
}
