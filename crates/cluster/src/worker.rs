//! The thread of a cluster's connection: hands what happens to [`Core`], and does what it says.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use crate::backoff::Backoff;
use crate::core::{Core, Question};
use crate::event::{Event, Events};
use crate::local::Writers;
use crate::node::Inbox;
use crate::outbox::Outgoing;
use crate::redis::Settings;
use crate::stats::{Counters, add};
use crate::transport::{Lost, Transport};

/// So many messages leave together.
const BATCH: usize = 256;
/// So many batches and questions are on their way.
const IN_FLIGHT: usize = 8;
/// How often a server says that it is there.
const BEAT: Duration = Duration::from_secs(1);
/// Our own voice must come back sooner than this.
const DEAF: Duration = Duration::from_secs(6);
/// A beat so late means that this process stood still.
const LATE: Duration = Duration::from_millis(2500);
/// What was handed over before the end is published within this.
const FAREWELL: Duration = Duration::from_secs(1);

/// What comes back.
enum Reply {
    /// So many messages and bytes.
    Published(usize, usize, Result<(), Lost>),
    Counted(Question, Result<Vec<u64>, Lost>),
}

type Replies = FuturesUnordered<LocalBoxFuture<'static, Reply>>;

pub(crate) struct Worker {
    core: Core,
    inbox: Arc<Inbox>,
    events: Arc<Events>,
    counters: Arc<Counters>,
    writers: Arc<Writers>,
    /// Until when the end may take.
    farewell: Option<Instant>,
    /// Messages on their way.
    in_flight: usize,
}

impl Worker {
    pub(crate) fn new(
        core: Core,
        inbox: Arc<Inbox>,
        events: Arc<Events>,
        counters: Arc<Counters>,
        writers: Arc<Writers>,
    ) -> Self {
        Self { core, inbox, events, counters, writers, farewell: None, in_flight: 0 }
    }

    pub(crate) async fn run(mut self, settings: Settings) {
        let mut backoff = Backoff::default();
        let mut told: Option<&'static str> = None;
        let mut times = 0u64;
        loop {
            let Some(link) = self.while_taking(settings.connect()).await else { return };
            let lost = match link {
                Err(lost) => lost,
                Ok(mut link) => {
                    let end = if let Err(lost) = self.begin(&mut link).await {
                        Err(lost)
                    } else {
                        backoff.reset();
                        told = None;
                        add(&self.counters.reconnects, usize::from(times > 0));
                        times += 1;
                        self.while_up(&mut link).await
                    };
                    let Err(lost) = end else { return };
                    lost
                }
            };
            // Once for each reason: attempts follow each other quickly.
            if told.replace(lost.code) != Some(lost.code) {
                self.events.push(Event::Down(lost.code, lost.message));
            }
            let wait = backoff.next(chance());
            if self.while_taking(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    async fn while_up(&mut self, link: &mut impl Transport) -> Result<(), Lost> {
        self.counters.connected.store(1, Ordering::Relaxed);
        self.events.push(Event::Up);
        let end = self.serve(link).await;
        self.counters.connected.store(0, Ordering::Relaxed);
        end
    }

    /// Waits for something, and takes commands meanwhile. `None`: it is time to end.
    async fn while_taking<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        let inbox = Arc::clone(&self.inbox);
        loop {
            self.take();
            for question in std::mem::take(&mut self.core.questions) {
                self.core.answer(question, None);
            }
            if self.farewell.is_some_and(|farewell| Instant::now() >= farewell) {
                return None;
            }
            let end = self.farewell.unwrap_or_else(|| Instant::now() + BEAT);
            tokio::select! {
                result = &mut future => return Some(result),
                () = inbox.notify.notified() => {}
                () = tokio::time::sleep_until(end.into()) => {}
            }
        }
    }

    fn take(&mut self) {
        let now = Instant::now();
        for command in self.inbox.take() {
            self.core.command(command, now);
        }
        if self.core.closing && self.farewell.is_none() {
            self.farewell = Some(now + FAREWELL);
        }
        // What waited for a request that is done now may be with the writers.
        self.wake_writers();
    }

    fn wake_writers(&self) {
        if let Some(fanout) = &*self.writers.running.read() {
            fanout.wake();
        }
    }

    /// Subscribes to everything on a new connection, and looks whether that is so.
    async fn begin(&mut self, link: &mut impl Transport) -> Result<(), Lost> {
        let checked = self.core.begin(Instant::now());
        // Before it is counted: who counts it knows its name.
        link.publish(vec![self.core.greeting(false)]).await?;
        link.subscribe(&std::mem::take(&mut self.core.subscribe)).await?;
        for channels in checked.chunks(BATCH) {
            if link.count(channels.to_vec()).await?.contains(&0) {
                let message = "expected the subscriptions to be in force, but Redis does not count them".into();
                return Err(Lost { code: "ERR_CLUSTER_REFUSED", message });
            }
        }
        self.core.subscribed();
        self.core.excuse(Instant::now());
        self.core.hello(false);
        Ok(())
    }

    /// Works until the connection is lost (an error) or it is time to end.
    async fn serve(&mut self, link: &mut impl Transport) -> Result<(), Lost> {
        let mut replies = Replies::new();
        let result = self.exchange(link, &mut replies).await;
        // Whether these have arrived, nobody can tell: they are not sent again.
        while let Some(reply) = replies.next().now_or_never().flatten() {
            // That it is lost is known.
            let _ = self.reply(reply);
        }
        add(&self.counters.unconfirmed, std::mem::take(&mut self.in_flight));
        result
    }

    async fn exchange(&mut self, link: &mut impl Transport, replies: &mut Replies) -> Result<(), Lost> {
        let inbox = Arc::clone(&self.inbox);
        let mut beat = Instant::now();
        loop {
            self.take();
            self.subscriptions(link).await?;
            self.send(link, replies);
            if self
                .farewell
                .is_some_and(|end| Instant::now() >= end || (self.core.outbox.is_empty() && replies.is_empty()))
            {
                return Ok(());
            }
            let due = beat + BEAT;
            let (core, waiting) = (&mut self.core, !replies.is_empty());
            tokio::select! {
                () = inbox.notify.notified() => {}
                received = link.receive(|channel, pattern, payload| core.message(channel, pattern, payload, Instant::now())) => {
                    received?;
                    self.wake_writers();
                }
                Some(reply) = replies.next(), if waiting => self.reply(reply)?,
                () = tokio::time::sleep_until(due.into()) => {
                    self.beat(beat)?;
                    beat = Instant::now();
                }
            }
        }
    }

    fn beat(&mut self, last: Instant) -> Result<(), Lost> {
        let now = Instant::now();
        if now.saturating_duration_since(last) > LATE {
            self.core.excuse(now);
        }
        if now.saturating_duration_since(self.core.heard) > DEAF {
            let message = "expected our own messages to come back from Redis, got none".into();
            return Err(Lost { code: "ERR_CLUSTER_UNREACHABLE", message });
        }
        self.core.tick(now);
        self.core.hello(false);
        Ok(())
    }
}

impl Worker {
    async fn subscriptions(&mut self, link: &mut impl Transport) -> Result<(), Lost> {
        let unsubscribe = std::mem::take(&mut self.core.unsubscribe);
        if !unsubscribe.is_empty() {
            link.unsubscribe(&unsubscribe).await?;
        }
        let subscribe = std::mem::take(&mut self.core.subscribe);
        if !subscribe.is_empty() {
            link.subscribe(&subscribe).await?;
            self.core.subscribed();
            // The others hear of a new namespace at once.
            self.core.hello(false);
        }
        Ok(())
    }

    fn send(&mut self, link: &impl Transport, replies: &mut Replies) {
        for question in std::mem::take(&mut self.core.questions) {
            let counting = link.count(question.channels.clone());
            replies.push(counting.map(|counts| Reply::Counted(question, counts)).boxed_local());
        }
        while !self.core.outbox.is_empty() && replies.len() < IN_FLIGHT {
            let batch = self.core.outbox.take(BATCH);
            let (count, bytes) = (batch.len(), batch.iter().map(Outgoing::len).sum());
            self.in_flight += count;
            replies.push(link.publish(batch).map(move |done| Reply::Published(count, bytes, done)).boxed_local());
        }
        self.core.measure();
    }

    fn reply(&mut self, reply: Reply) -> Result<(), Lost> {
        match reply {
            Reply::Published(count, bytes, done) => {
                done?;
                self.in_flight = self.in_flight.saturating_sub(count);
                add(&self.counters.published, count);
                add(&self.counters.published_bytes, bytes);
            }
            Reply::Counted(question, Ok(counts)) => self.core.answer(question, Some(counts)),
            Reply::Counted(question, Err(lost)) => {
                self.core.answer(question, None);
                return Err(lost);
            }
        }
        Ok(())
    }
}

/// A number by chance, to spread attempts.
fn chance() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
