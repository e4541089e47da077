//! Sharded channels of Redis 7, on one server or on a Redis Cluster: for each primary a connection that publishes, and one that
//! is subscribed.
//!
//! When a connection is lost or a slot moves, all are thrown away, and the cluster is looked at anew.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{join, select_all, try_join, try_join_all};
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, ProtocolVersion, RedisError};
use rustc_hash::FxBuildHasher;

use crate::format::Subscription;
use crate::lookout::{Lookout, config};
use crate::outbox::Outgoing;
use crate::redis::{ANSWER, CONNECT, Settings, role, write};
use crate::slots::{SlotMap, by_place};
use crate::subscriber::{Push, Sink, Subscriber};
use crate::transport::{Lost, Transport};

/// So many subscriptions are confirmed within the time that an answer may take.
const CHANGED: usize = 16_384;

/// A connection to Redis, or to each primary of a cluster, that knows sharded channels.
pub(crate) struct Shards {
    settings: Settings,
    primaries: Rc<[Primary]>,
    /// Of a cluster.
    slots: Option<Rc<SlotMap>>,
    /// Of each primary.
    subscribers: Vec<Subscriber>,
    /// What we have ended ourselves, and is not confirmed: how often. Redis ends the others when their slot moves.
    leaving: Rc<RefCell<HashMap<String, usize, FxBuildHasher>>>,
}

/// One of those that have slots, or the only server.
struct Primary {
    settings: Settings,
    publisher: MultiplexedConnection,
    sink: Sink,
}

impl Shards {
    pub(crate) async fn connect(lookout: &Lookout) -> Result<Self, Lost> {
        let settings = lookout.settings();
        if settings.seeds().is_empty() {
            let here = async |server: Settings| Self::connect_to(&server, None, vec![server.clone()]).await;
            return settings.reach(here, |lost| lost).await;
        }
        let slots = lookout.look().await?;
        let nodes = slots.primaries.iter().map(|(host, port)| settings.node(host, *port)).collect();
        Self::connect_to(settings, Some(Rc::new(slots)), nodes).await
    }

    async fn connect_to(
        settings: &Settings,
        slots: Option<Rc<SlotMap>>,
        addresses: Vec<Settings>,
    ) -> Result<Self, Lost> {
        let connected = try_join_all(addresses.into_iter().map(Primary::connect)).await?;
        let (primaries, subscribers): (Vec<_>, _) = connected.into_iter().unzip();
        let leaving = Rc::default();
        Ok(Self { settings: settings.clone(), primaries: primaries.into(), slots, subscribers, leaving })
    }

    /// The place of the primary that has a channel.
    fn primary_of(&self, channel: &str) -> usize {
        self.slots.as_ref().map_or(0, |slots| slots.primary_of(channel))
    }
}

impl Primary {
    async fn connect(settings: Settings) -> Result<(Self, Subscriber), Lost> {
        let client = settings.client_of(ProtocolVersion::RESP3)?;
        let publishing = async {
            let mut publisher = client.get_multiplexed_async_connection_with_config(&config()).await?;
            let role = role(publisher.clone()).await;
            redis::cmd("PUBSUB").arg("SHARDNUMSUB").query_async::<()>(&mut publisher).await?;
            Ok::<_, RedisError>((publisher, role))
        };
        let publishing = publishing.map(|connected| connected.map_err(|error| lost(&settings, &error)));
        let connecting = tokio::time::timeout(CONNECT * 2, try_join(publishing, settings.subscriber()));
        let ((publisher, role), (sink, subscriber)) = connecting.await.map_err(|_| settings.silent())??;
        settings.check_role(role)?;
        Ok((Self { settings, publisher, sink }, subscriber))
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Result<(), Lost> {
        let mut pipeline = Pipeline::with_capacity(batch.len());
        for message in &batch {
            write(&mut pipeline, message);
        }
        drop(batch);
        let mut connection = self.publisher.clone();
        pipeline.query_async::<()>(&mut connection).await.map_err(|error| lost(&self.settings, &error))
    }

    async fn change(&self, changes: Vec<(Subscription, bool)>) -> Result<(), Lost> {
        for changes in changes.chunks(CHANGED) {
            let done = tokio::time::timeout(ANSWER, self.sink.change(changes)).await;
            done.map_err(|_| self.settings.silent())?.map_err(|error| lost(&self.settings, &error))?;
        }
        Ok(())
    }

    /// A primary may have become a replica: it is looked at each time.
    async fn count(&self, channels: &[String]) -> Result<Vec<u64>, Lost> {
        let mut connection = self.publisher.clone();
        let (mut counting, role) = (redis::cmd("PUBSUB"), role(connection.clone()));
        let counting = counting.arg("SHARDNUMSUB").arg(channels).query_async(&mut connection);
        let (counts, role) = join(counting, role).await;
        self.settings.check_role(role)?;
        let counts: Vec<(String, u64)> = counts.map_err(|error| lost(&self.settings, &error))?;
        Ok(counts.into_iter().map(|(_, count)| count).collect())
    }
}

/// What happened. A server that does not know the commands is too old.
fn lost(settings: &Settings, error: &RedisError) -> Lost {
    let lost = settings.lost(error);
    let text = lost.message.to_ascii_lowercase();
    if !text.contains("unknown command") && !text.contains("unknown subcommand") && !text.contains("resp3") {
        return lost;
    }
    let message = format!("{} (mode \"sharded\" needs Redis 7.0 or later)", lost.message);
    Lost { code: "ERR_CLUSTER_VERSION", message }
}

impl Transport for Shards {
    /// In order for each channel, and for all channels of one primary.
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let (each, primaries) =
            (by_place(batch, |message| self.primary_of(message.route.name())), Rc::clone(&self.primaries));
        async move {
            let all = each.into_iter().filter_map(|(place, batch)| Some(primaries.get(place)?.publish(batch)));
            try_join_all(all).await.map(drop)
        }
    }

    fn count(&self, channels: Vec<String>) -> impl Future<Output = Result<Vec<u64>, Lost>> + 'static {
        let primaries = Rc::clone(&self.primaries);
        async move {
            let counts = try_join_all(primaries.iter().map(|primary| primary.count(&channels))).await?;
            let mut sums = vec![0; channels.len()];
            for (sum, count) in counts.iter().flat_map(|counts| counts.iter().enumerate()) {
                sums.get_mut(sum).into_iter().for_each(|sum| *sum += count);
            }
            Ok(sums)
        }
    }

    fn change(&self, changes: Vec<(Subscription, bool)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        for (subscription, _) in changes.iter().filter(|(_, on)| !on) {
            *self.leaving.borrow_mut().entry(subscription.name().to_owned()).or_default() += 1;
        }
        let each = by_place(changes, |(subscription, _)| self.primary_of(subscription.name()));
        let primaries = Rc::clone(&self.primaries);
        async move {
            let all = each.into_iter().filter_map(|(place, changes)| Some(primaries.get(place)?.change(changes)));
            try_join_all(all).await.map(drop)
        }
    }

    type Log = Infallible;

    fn log(&self) -> Option<Infallible> {
        None
    }

    async fn receive(&mut self, mut take: impl FnMut(&str, &[u8])) -> Result<(), Lost> {
        let Self { settings, primaries, subscribers, .. } = &mut *self;
        let ended = |place: usize, error: &RedisError| {
            primaries.get(place).map_or(&*settings, |primary| &primary.settings).ended(error)
        };
        let (ready, place, _) = select_all(subscribers.iter_mut().map(|one| one.ready().boxed_local())).await;
        ready.map_err(|error| ended(place, &error))?;
        let mut left = Vec::new();
        for (place, subscriber) in subscribers.iter_mut().enumerate() {
            let taken = subscriber.take(|push| match push {
                Push::Message(channel, payload) => {
                    if let Ok(channel) = str::from_utf8(channel) {
                        take(channel, payload);
                    }
                }
                Push::Ended(channel) => left.push(channel.to_vec()),
                Push::Confirmed => {}
            });
            taken.map_err(|error| ended(place, &error))?;
        }
        left.iter().try_for_each(|channel| self.left(channel))
    }
}

impl Shards {
    /// A subscription has ended.
    fn left(&self, channel: &[u8]) -> Result<(), Lost> {
        let channel = String::from_utf8_lossy(channel);
        let mut leaving = self.leaving.borrow_mut();
        let Some(count) = leaving.get_mut(&*channel) else {
            let message = "expected the slots of the Redis Cluster to stay, but one has moved".into();
            return Err(Lost { code: "ERR_CLUSTER_UNREACHABLE", message });
        };
        *count -= 1;
        if *count == 0 {
            leaving.remove(&*channel);
        }
        Ok(())
    }
}
