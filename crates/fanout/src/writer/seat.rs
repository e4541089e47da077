//! Who makes a writer's rounds: its own thread, and the thread that hands over little work while the writer sleeps.
//!
//! Lock order: the writer, then anything it shares. Nobody waits for the writer's lock but its own thread: others try it once.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{self, Handle, Runtime};

use super::{Batch, By, Next, Shared, Writer};
use crate::event::EventQueue;
use crate::sync::{AtomicU64, Mutex, Ordering, elapsed};
use crate::{Config, Event};

/// A writer keeps little on its stack.
const STACK: usize = 256 * 1024;

/// Work that comes sooner than this after other work is for the writer's thread: it takes off the event loop what would add up.
const LATELY: Duration = Duration::from_millis(1);

/// So little costs less than to wake a thread, however often.
const LEAST: usize = 3;

/// One writer, as those see it that hand work to it.
pub(crate) struct Seat {
    pub(crate) shared: Arc<Shared>,
    number: usize,
    pub(super) writer: Arc<Mutex<Writer>>,
    events: Arc<EventQueue>,
    inline: usize,
    begun: Instant,
    /// When work was handed over last, in nanoseconds since `begun`.
    last: AtomicU64,
}

impl Seat {
    /// Starts the thread of writer `number`.
    pub(crate) fn start(number: usize, events: &Arc<EventQueue>, config: Config) -> io::Result<(Self, JoinHandle<()>)> {
        // Here, where it can still be told that there is no descriptor for it.
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let seat = Self::new(number, events, config, Some(runtime.handle().clone()));
        let writer = Arc::clone(&seat.writer);
        let (shared, events) = (Arc::clone(&seat.shared), Arc::clone(events));
        let (begun, begins) = mpsc::channel();
        let name = format!("sio-writer-{number}");
        let thread = thread::Builder::new().name(name).stack_size(STACK).spawn(move || {
            writer.lock().batch = Batch::new(config.io_uring);
            // Nobody waits when the other end is gone.
            let _ = begun.send(());
            let lost = catch_unwind(AssertUnwindSafe(|| run(&writer, &shared, &runtime))).is_err();
            writer.lock().end();
            if lost {
                tell_lost(&events, number);
            }
        })?;
        // All descriptors of a writer are there, or cannot be had, when it has started.
        let _ = begins.recv();
        Ok((seat, thread))
    }

    /// Without its thread.
    pub(super) fn new(number: usize, events: &Arc<EventQueue>, config: Config, runtime: Option<Handle>) -> Self {
        let shared = Arc::new(Shared::default());
        let writer = Writer::new(number, Arc::clone(&shared), Arc::clone(events), config, runtime);
        Self {
            shared,
            number,
            writer: Arc::new(Mutex::new(writer)),
            events: Arc::clone(events),
            inline: config.inline,
            begun: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    /// Sees to it that what was handed over is done, by waking the writer or at once.
    pub(crate) fn wake(&self) {
        let weight = self.shared.inbox.weight();
        if weight == 0 {
            return;
        }
        let idle = self.was_idle();
        let little = weight <= self.inline && (idle || weight <= LEAST);
        if !little || !self.work() {
            self.shared.inbox.nudge();
        }
    }

    /// Whether little was handed over lately, before now.
    fn was_idle(&self) -> bool {
        if self.inline == 0 {
            return false;
        }
        let now = u64::try_from(elapsed(self.begun).as_nanos()).unwrap_or(u64::MAX);
        let last = self.last.swap(now, Ordering::Relaxed);
        u128::from(now.saturating_sub(last)) >= LATELY.as_nanos()
    }

    /// Makes a round on this thread, unless the writer is at work. True when nothing is left to do.
    fn work(&self) -> bool {
        let Some(mut writer) = self.writer.try_lock().filter(|writer| writer.has_nothing_else()) else { return false };
        if let Ok(next) = catch_unwind(AssertUnwindSafe(|| writer.round(By::Another))) {
            return matches!(next, Next::Sleep(None));
        }
        writer.end();
        tell_lost(&self.events, self.number);
        false
    }
}

fn tell_lost(events: &EventQueue, number: usize) {
    events.publish(&mut vec![Event::WriterLost(u32::try_from(number).unwrap_or(u32::MAX))]);
}

/// Works until the writer is stopped. Blocks the thread.
fn run(writer: &Mutex<Writer>, shared: &Shared, runtime: &Runtime) {
    let sleep = |due: Instant| tokio::time::sleep_until(due.into());
    runtime.block_on(live(writer, shared, tokio::task::yield_now, sleep));
}

/// A writer's life on its own thread, with that thread's ways to give others a turn and to sleep until a moment.
pub(super) async fn live<Turn, Sleep>(
    writer: &Mutex<Writer>,
    shared: &Shared,
    give_turn: impl Fn() -> Turn,
    sleep_until: impl Fn(Instant) -> Sleep,
) where
    Turn: Future<Output = ()>,
    Sleep: Future<Output = ()>,
{
    loop {
        let next = writer.lock().round(By::Itself);
        match next {
            // Let the runtime see which parked lanes can be written meanwhile.
            Next::Round => give_turn().await,
            Next::Sleep(None) => shared.inbox.woken().await,
            Next::Sleep(Some(due)) => {
                tokio::select! {
                    biased;
                    () = shared.inbox.woken() => {}
                    () = sleep_until(due) => {}
                }
            }
            Next::End => return,
        }
    }
}
