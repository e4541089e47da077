//! The thread of a cluster's connection: hands what happens to [`Core`], and does what it says.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use crate::attempts::Attempts;
use crate::core::{CHUNK, Core, Job, Question, Section};
use crate::crowd::{Crowd, LOOK};
use crate::event::{Event, Events};
use crate::format::Mode;
use crate::local::Writers;
use crate::node::Inbox;
use crate::outbox::Outgoing;
use crate::stats::{Counters, add};
use crate::streams::Reach;
use crate::streams::log::{Identity, Raw, Read};
use crate::transport::in_order;
use crate::transport::{Log, Lost, Transport};

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
/// A new server has subscribed by then.
const SETTLED: Duration = Duration::from_millis(100);
/// What was handed over before the end is published within this.
const FAREWELL: Duration = Duration::from_secs(1);

/// What comes back.
enum Reply {
    Published(Batch, Result<(), Lost>),
    Counted(Question, Result<Vec<u64>, Lost>),
    Saved(Result<(), Lost>),
    Taken(Job, Result<(Option<Vec<u8>>, bool), Lost>),
    Ranged(Section, Result<Vec<Raw>, Lost>),
    Reached(Result<Vec<Reach>, Lost>),
    /// How many servers have subscribed to these.
    Crowd(Vec<String>, Result<Vec<u64>, Lost>),
    Changed(Result<(), Lost>),
}

/// Messages that left together.
struct Batch {
    count: usize,
    bytes: usize,
    /// Those that are no entries.
    plain: usize,
    /// The numbers of the first and the last entry of each stream, by its place.
    entries: Vec<(usize, RangeInclusive<u64>)>,
}

/// The time, which tests can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

type Replies = FuturesUnordered<LocalBoxFuture<'static, Reply>>;

/// A reading of the streams, which waits for what comes.
type Reading = Option<LocalBoxFuture<'static, Result<Read, Lost>>>;

pub(crate) struct Worker {
    core: Core,
    inbox: Arc<Inbox>,
    events: Arc<Events>,
    counters: Arc<Counters>,
    writers: Arc<Writers>,
    /// Until when the end may take.
    farewell: Option<Instant>,
    /// Messages on their way that nobody can tell the fate of when the connection is lost: those that are not in a stream.
    in_flight: usize,
    /// Sessions on their way.
    saving: Vec<Session>,
    /// It is to be looked whether entries were trimmed before they were read.
    audit: bool,
    /// What Redis calls the connections that write, or wrote last.
    identities: Vec<Identity>,
    crowd: Crowd,
    /// Who is there is being asked.
    looking: bool,
}

/// A key, what it is to have, and for how many milliseconds.
type Session = (String, Option<String>, u64);

impl Worker {
    pub(crate) fn new(
        core: Core,
        inbox: Arc<Inbox>,
        events: Arc<Events>,
        counters: Arc<Counters>,
        writers: Arc<Writers>,
    ) -> Self {
        Self {
            core,
            inbox,
            events,
            counters,
            writers,
            farewell: None,
            in_flight: 0,
            saving: Vec::new(),
            audit: false,
            identities: Vec::new(),
            crowd: Crowd::default(),
            looking: false,
        }
    }

    /// `connect` makes a connection.
    pub(crate) async fn run<T: Transport>(mut self, connect: impl AsyncFn() -> Result<T, Lost>) {
        let mut attempts = Attempts::default();
        loop {
            let Some(link) = self.while_taking(connect()).await else { return };
            let lost = match link {
                Err(lost) => lost,
                Ok(mut link) => {
                    let end = match self.begin(&mut link).await {
                        Err(lost) => Err(lost),
                        Ok(log) => {
                            attempts.succeeded(&self.counters);
                            self.while_up(&mut link, log).await
                        }
                    };
                    let Err(lost) = end else { return };
                    self.core.lost();
                    lost
                }
            };
            let wait = attempts.failed(lost, &self.events);
            if self.while_taking(wait).await.is_none() {
                return;
            }
        }
    }

    async fn while_up<T: Transport>(&mut self, link: &mut T, log: Option<T::Log>) -> Result<(), Lost> {
        self.counters.connected.store(1, Ordering::Relaxed);
        self.events.push(Event::Up);
        let end = self.serve(link, log.as_ref()).await;
        self.counters.connected.store(0, Ordering::Relaxed);
        // Nobody waits for what does not come.
        self.core.set_reading(false);
        self.core.end_restores();
        self.core.save_again(std::mem::take(&mut self.saving));
        self.wake_writers();
        end
    }

    /// Waits for something, and takes commands meanwhile. `None`: it is time to end.
    async fn while_taking<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        let inbox = Arc::clone(&self.inbox);
        loop {
            self.take();
            for question in std::mem::take(&mut self.core.questions) {
                self.answer(question, None);
            }
            if self.farewell.is_some_and(|farewell| now() >= farewell) {
                return None;
            }
            let end = self.farewell.unwrap_or_else(|| now() + BEAT);
            tokio::select! {
                result = &mut future => return Some(result),
                () = inbox.notify.notified() => {}
                () = tokio::time::sleep_until(end.into()) => {}
            }
        }
    }

    fn take(&mut self) {
        let now = now();
        for (number, command) in self.inbox.take() {
            self.core.command(number, command, now);
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

    /// Subscribes to everything on a new connection, and looks whether that is so. Then the streams are read to their end.
    async fn begin<T: Transport>(&mut self, link: &mut T) -> Result<Option<T::Log>, Lost> {
        let checked = self.core.begin(now());
        // Before it is counted: who counts it knows its name.
        link.publish(vec![self.core.greeting(false)]).await?;
        if let Some(changes) = self.core.next_changes() {
            let changing = link.change(changes);
            self.while_hearing(link, changing).await?;
        }
        for channels in checked.chunks(BATCH) {
            if !link.holds(channels.to_vec()).await? {
                let message = "expected the subscriptions to be in force, but Redis does not count them".into();
                return Err(Lost { code: "ERR_CLUSTER_REFUSED", message });
            }
        }
        let mut log = link.log().filter(|_| self.core.config.mode == Mode::Streams);
        if let Some(log) = &mut log {
            self.catch_up(log).await?;
        }
        let now = now();
        self.core.excuse(now);
        self.core.confirmed();
        self.core.hello(false);
        if self.core.config.mode != Mode::Streams {
            self.crowd.expect(now);
        }
        self.looking = false;
        Ok(log)
    }

    /// Waits for what has to be confirmed: that comes among the messages.
    async fn while_hearing(
        &mut self,
        link: &mut impl Transport,
        confirming: impl Future<Output = Result<(), Lost>>,
    ) -> Result<(), Lost> {
        tokio::pin!(confirming);
        loop {
            tokio::select! {
                confirmed = &mut confirming => return confirmed,
                heard = link.receive(|channel, payload| self.core.message(channel, payload, now())) => heard?,
            }
        }
    }

    /// Reads what came while there was no connection. What of ours is not among it has not arrived, and is written again.
    async fn catch_up(&mut self, log: &mut impl Log) -> Result<(), Lost> {
        self.identities = log.open(self.identities.clone()).await?;
        let reaches = log.reaches(self.core.tail.streams().to_vec()).await?;
        self.core.begin_reading(&reaches);
        let count = self.core.config.streams.read;
        loop {
            let read = log.read(self.core.tail.from(), count, None).await?;
            if self.core.entries(read) == 0 {
                break;
            }
            self.take();
        }
        self.core.write_again();
        self.core.set_reading(true);
        Ok(())
    }

    /// Works until the connection is lost (an error) or it is time to end.
    async fn serve<T: Transport>(&mut self, link: &mut T, log: Option<&T::Log>) -> Result<(), Lost> {
        let mut replies = Replies::new();
        let result = self.exchange(link, log, &mut replies).await;
        // Whether these have arrived, nobody can tell: they are not sent again. Of entries the stream will tell.
        while let Some(reply) = replies.next().now_or_never().flatten() {
            // That it is lost is known.
            let _ = self.reply(reply);
        }
        add(&self.counters.unconfirmed, std::mem::take(&mut self.in_flight));
        result
    }

    async fn exchange<T: Transport>(
        &mut self,
        link: &mut T,
        log: Option<&T::Log>,
        replies: &mut Replies,
    ) -> Result<(), Lost> {
        let inbox = Arc::clone(&self.inbox);
        let mut beat = now();
        let mut reading: Reading = None;
        let (mut looked, mut newcomer) = (beat, None);
        self.look(link, replies);
        loop {
            let expiring = self.core.expire(now());
            self.take();
            self.subscriptions(link, replies);
            self.send(link, replies);
            if let Some(log) = log {
                self.ask(log, replies);
                let options = &self.core.config.streams;
                let read = || log.read(self.core.tail.from(), options.read, Some(options.block)).boxed_local();
                reading = reading.or_else(|| Some(read()));
            }
            if self.farewell.is_some_and(|end| now() >= end || (self.core.is_idle() && replies.is_empty())) {
                return Ok(());
            }
            if std::mem::take(&mut self.core.newcomer) {
                // It says so before it has subscribed.
                newcomer = Some(now() + SETTLED);
            }
            let awaited = self.crowd.is_awaited(now()).then(|| looked + LOOK);
            let look = awaited.or(newcomer).unwrap_or(beat + BEAT).min(beat + BEAT);
            let due = [expiring, self.farewell].into_iter().flatten().fold(look, Instant::min);
            let (core, waiting, has_reading) = (&mut self.core, !replies.is_empty(), reading.is_some());
            tokio::select! {
                () = inbox.notify.notified() => {}
                received = link.receive(|channel, payload| core.message(channel, payload, now())) => {
                    received?;
                    self.wake_writers();
                }
                read = next(&mut reading), if has_reading => {
                    reading = None;
                    core.entries(read?);
                    self.wake_writers();
                }
                Some(reply) = replies.next(), if waiting => self.reply(reply)?,
                () = tokio::time::sleep_until(due.into()) => {
                    let now = now();
                    if now >= look {
                        (looked, newcomer) = (now, None);
                        self.look(link, replies);
                    }
                    if now >= beat + BEAT {
                        self.beat(beat)?;
                        beat = now;
                    }
                }
            }
        }
    }

    fn beat(&mut self, last: Instant) -> Result<(), Lost> {
        let now = now();
        if now.saturating_duration_since(last) > LATE {
            self.core.excuse(now);
        }
        if now.saturating_duration_since(self.core.heard) > DEAF {
            let message = "expected our own messages to come back from Redis, got none".into();
            return Err(Lost { code: "ERR_CLUSTER_UNREACHABLE", message });
        }
        self.core.tick(now);
        self.core.beat(now);
        self.audit = std::mem::take(&mut self.core.tail.behind);
        if !self.audit {
            self.core.set_stream_lag(0);
        }
        Ok(())
    }
}

impl Worker {
    fn subscriptions(&mut self, link: &impl Transport, replies: &mut Replies) {
        if let Some(changes) = self.core.next_changes() {
            replies.push(link.change(changes).map(Reply::Changed).boxed_local());
        }
    }

    /// Says who is there: when nobody can say, or not all are back, also who was.
    fn answer(&mut self, question: Question, counts: Option<Vec<u64>>) {
        let lost = counts.is_none() || self.crowd.is_awaited(now());
        let before = question.channels.first().filter(|_| lost).and_then(|channel| self.crowd.before(channel));
        self.core.answer(question, counts, before);
    }

    /// Asks who is there.
    fn look(&mut self, link: &impl Transport, replies: &mut Replies) {
        let channels = self.core.counted();
        if !channels.is_empty() && !std::mem::replace(&mut self.looking, true) {
            replies.push(link.count(channels.clone()).map(|counts| Reply::Crowd(channels, counts)).boxed_local());
        }
    }

    fn send(&mut self, link: &impl Transport, replies: &mut Replies) {
        if self.core.is_joining() {
            return;
        }
        for question in std::mem::take(&mut self.core.questions) {
            let counting = link.count(question.channels.clone());
            replies.push(counting.map(|counts| Reply::Counted(question, counts)).boxed_local());
        }
        if self.crowd.is_awaited(now()) && self.farewell.is_none() {
            return self.core.measure();
        }
        while !self.core.outbox.is_empty() && replies.len() < IN_FLIGHT {
            let batch = self.core.outbox.take(BATCH);
            let bytes = batch.iter().map(Outgoing::len).sum();
            let mut sent = Batch { count: batch.len(), bytes, plain: 0, entries: Vec::new() };
            for message in &batch {
                let Some((place, number)) = self.core.tail.leaves(message) else {
                    sent.plain += 1;
                    continue;
                };
                match sent.entries.iter_mut().find(|(other, _)| *other == place) {
                    Some((_, numbers)) => *numbers = *numbers.start()..=number,
                    None => sent.entries.push((place, number..=number)),
                }
            }
            self.in_flight += sent.plain;
            let publishing = in_order(link.publish(batch));
            replies.push(publishing.map(|done| Reply::Published(sent, done)).boxed_local());
        }
        self.core.measure();
    }

    /// What is to be asked and told about sessions and older entries, after what was published before.
    fn ask(&mut self, log: &impl Log, replies: &mut Replies) {
        if self.saving.is_empty() {
            self.saving = self.core.take_sessions(BATCH);
            if !self.saving.is_empty() {
                replies.push(log.save(self.saving.clone()).map(Reply::Saved).boxed_local());
            }
        }
        for job in std::mem::take(&mut self.core.restores) {
            let taking = log.take(job.key.clone(), (job.stream.clone(), job.offset));
            replies.push(taking.map(|taken| Reply::Taken(job, taken)).boxed_local());
        }
        for section in std::mem::take(&mut self.core.sections) {
            let ranging = log.range(section.stream.clone(), (section.from, section.until), CHUNK);
            replies.push(ranging.map(|entries| Reply::Ranged(section, entries)).boxed_local());
        }
        if std::mem::take(&mut self.audit) {
            let reaching = log.reaches(self.core.tail.streams().to_vec());
            replies.push(reaching.map(Reply::Reached).boxed_local());
        }
    }

    fn reply(&mut self, reply: Reply) -> Result<(), Lost> {
        match reply {
            Reply::Published(sent, done) => {
                done?;
                for (place, numbers) in sent.entries {
                    self.core.tail.confirm(place, numbers);
                }
                self.in_flight = self.in_flight.saturating_sub(sent.plain);
                add(&self.counters.published, sent.count);
                add(&self.counters.published_bytes, sent.bytes);
            }
            Reply::Crowd(channels, counts) => {
                self.looking = false;
                self.crowd.counted(channels, counts?, now());
            }
            Reply::Changed(done) => {
                done?;
                self.core.confirmed();
            }
            Reply::Counted(question, Ok(counts)) => self.answer(question, Some(counts)),
            Reply::Counted(question, Err(lost)) => {
                self.answer(question, None);
                return Err(lost);
            }
            Reply::Saved(done) => {
                done?;
                self.saving.clear();
            }
            Reply::Taken(job, taken) => {
                let (session, exists) = taken?;
                self.core.session(job, session, exists, now());
            }
            Reply::Ranged(section, entries) => self.core.section(&section, &entries?, now()),
            Reply::Reached(reaches) => self.core.audit(&reaches?),
        }
        Ok(())
    }
}

/// The end of a reading, which there is.
async fn next(reading: &mut Reading) -> Result<Read, Lost> {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}
