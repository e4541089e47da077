//! The thread of an emitter: it publishes what it is given in a server's formats, and hears nothing.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use rustc_hash::FxBuildHasher;

use crate::attempts::Attempts;
use crate::command::{Command, Config};
use crate::event::{Event, Events};
use crate::format::Format;
use crate::node::Inbox;
use crate::outbox::{Outbox, Outgoing};
use crate::stats::{Counters, add, set};
use crate::transport::in_order;
use crate::transport::{Lost, Transport};

/// So many messages leave together.
const BATCH: usize = 256;
/// So many batches are on their way.
const IN_FLIGHT: usize = 8;
/// How often Redis is asked whether it is there.
const BEAT: Duration = Duration::from_secs(1);
/// What was handed over before the end is published within this.
const FAREWELL: Duration = Duration::from_secs(1);

enum Reply {
    /// So many messages and bytes.
    Published(usize, usize, Result<(), Lost>),
    Here(Instant, Result<(), Lost>),
}

type Replies = FuturesUnordered<LocalBoxFuture<'static, Reply>>;

pub(crate) struct Emitter {
    config: Config,
    formats: HashMap<u32, Box<dyn Format>, FxBuildHasher>,
    outbox: Outbox,
    inbox: Arc<Inbox>,
    events: Arc<Events>,
    counters: Arc<Counters>,
    /// Messages that were handed over, and those of them that are published, dropped or given up: in this order.
    accepted: u64,
    settled: u64,
    /// Who waits until so many are settled.
    flushes: VecDeque<(u64, u32)>,
    in_flight: usize,
    /// Until when the end may take.
    farewell: Option<Instant>,
}

impl Emitter {
    pub(crate) fn new(config: Config, inbox: Arc<Inbox>, events: Arc<Events>, counters: Arc<Counters>) -> Self {
        Self {
            outbox: Outbox::new(config.outbox, config.outbox_bytes),
            config,
            formats: HashMap::default(),
            inbox,
            events,
            counters,
            accepted: 0,
            settled: 0,
            flushes: VecDeque::new(),
            in_flight: 0,
            farewell: None,
        }
    }

    /// `connect` makes a connection. Ends when it was told to.
    pub(crate) async fn run<T: Transport>(mut self, connect: impl AsyncFn() -> Result<T, Lost>) {
        let mut attempts = Attempts::default();
        loop {
            let Some(link) = self.while_taking(connect()).await else { return };
            let lost = match link {
                Err(lost) => lost,
                Ok(link) => {
                    attempts.succeeded(&self.counters);
                    let Err(lost) = self.while_up(&link).await else { return };
                    lost
                }
            };
            let wait = attempts.failed(lost, &self.events);
            if self.while_taking(wait).await.is_none() {
                return;
            }
        }
    }

    /// Waits for something, and takes commands meanwhile. `None`: it is time to end.
    async fn while_taking<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        let inbox = Arc::clone(&self.inbox);
        loop {
            self.take();
            let farewell = self.farewell;
            if farewell.is_some() && self.outbox.is_empty() {
                return None;
            }
            tokio::select! {
                result = &mut future => return Some(result),
                () = inbox.notify.notified() => {}
                () = until(farewell) => return None,
            }
        }
    }

    /// Works until the connection is lost (an error) or it is time to end.
    async fn while_up(&mut self, link: &impl Transport) -> Result<(), Lost> {
        self.counters.connected.store(1, Ordering::Relaxed);
        self.events.push(Event::Up);
        let mut replies = Replies::new();
        let end = self.exchange(link, &mut replies).await;
        // Whether these have arrived, nobody can tell: they are not sent again.
        while let Some(reply) = replies.next().now_or_never().flatten() {
            // That it is lost is known.
            let _ = self.reply(reply);
        }
        let unconfirmed = std::mem::take(&mut self.in_flight);
        add(&self.counters.unconfirmed, unconfirmed);
        self.settle(unconfirmed);
        self.counters.connected.store(0, Ordering::Relaxed);
        end
    }

    async fn exchange(&mut self, link: &impl Transport, replies: &mut Replies) -> Result<(), Lost> {
        let inbox = Arc::clone(&self.inbox);
        let mut beat = Instant::now();
        loop {
            self.take();
            self.send(link, replies);
            if self.farewell.is_some_and(|end| Instant::now() >= end || (self.outbox.is_empty() && self.in_flight == 0))
            {
                return Ok(());
            }
            let (due, farewell, waiting) = (beat + BEAT, self.farewell, !replies.is_empty());
            tokio::select! {
                () = inbox.notify.notified() => {}
                Some(reply) = replies.next(), if waiting => self.reply(reply)?,
                () = until(farewell) => {}
                () = tokio::time::sleep_until(due.into()) => {
                    beat = Instant::now();
                    // A connection that nothing is sent on may be dead.
                    let here = link.count(Vec::new());
                    replies.push(here.map(move |counts| Reply::Here(beat, counts.map(drop))).boxed_local());
                }
            }
        }
    }

    fn send(&mut self, link: &impl Transport, replies: &mut Replies) {
        while !self.outbox.is_empty() && replies.len() < IN_FLIGHT {
            let batch = self.outbox.take(BATCH);
            let (count, bytes) = (batch.len(), batch.iter().map(Outgoing::len).sum());
            self.in_flight += count;
            replies.push(
                in_order(link.publish(batch)).map(move |done| Reply::Published(count, bytes, done)).boxed_local(),
            );
        }
        self.measure();
    }

    fn reply(&mut self, reply: Reply) -> Result<(), Lost> {
        match reply {
            Reply::Here(asked, done) => {
                done?;
                set(&self.counters.lag, usize::try_from(asked.elapsed().as_micros()).unwrap_or(usize::MAX));
                Ok(())
            }
            Reply::Published(count, bytes, done) => {
                done?;
                self.in_flight = self.in_flight.saturating_sub(count);
                add(&self.counters.published, count);
                add(&self.counters.published_bytes, bytes);
                self.settle(count);
                Ok(())
            }
        }
    }

    fn take(&mut self) {
        for (_, command) in self.inbox.take() {
            self.command(command);
        }
        self.measure();
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Join { slot, nsp, .. } => {
                self.formats.insert(slot, self.config.mode.format(&self.config, &nsp));
            }
            Command::Leave(slot) => {
                self.formats.remove(&slot);
            }
            Command::Broadcast { slot, text, room, options } => {
                let Some(format) = self.formats.get(&slot) else { return };
                match format.broadcast(&text, room.as_deref(), options.as_deref(), Instant::now()) {
                    Some(message) => self.publish(message),
                    None => add(&self.counters.malformed, 1),
                }
            }
            Command::Packet { slot, payload, room } => {
                let Some(format) = self.formats.get(&slot) else { return };
                self.publish(format.packet(payload, room.as_deref(), Instant::now()));
            }
            Command::Request { slot, payload, .. } => {
                let Some(format) = self.formats.get_mut(&slot) else { return };
                let message = format.request(payload, Instant::now());
                self.publish(message);
            }
            Command::Flush(ticket) => {
                self.flushes.push_back((self.accepted, ticket));
                self.settle(0);
            }
            Command::Close => self.farewell = self.farewell.or_else(|| Some(Instant::now() + FAREWELL)),
            // What only servers do.
            _ => {}
        }
    }

    fn publish(&mut self, message: Outgoing) {
        self.accepted += 1;
        let gone = self.outbox.push(message);
        add(&self.counters.outbox_dropped, gone);
        self.settle(gone);
    }

    fn settle(&mut self, count: usize) {
        self.settled += count as u64;
        while let Some((upto, ticket)) = self.flushes.front().copied()
            && upto <= self.settled
        {
            self.flushes.pop_front();
            self.events.push(Event::Flushed(ticket));
        }
    }

    fn measure(&self) {
        set(&self.counters.outbox, self.outbox.len());
        set(&self.counters.outbox_bytes, self.outbox.bytes());
    }
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end.into()).await,
        None => pending().await,
    }
}
