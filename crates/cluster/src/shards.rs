//! Sharded channels of Redis 7: a connection that publishes, and one that is subscribed.
//!
//! They speak RESP3, in which what was published is told apart from answers: the client library subscribes to sharded channels
//! only so.

use std::convert::Infallible;

use futures_util::FutureExt;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, RedisError, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::format::Subscription;
use crate::outbox::Outgoing;
use crate::redis::{ANSWER, CONNECT, NAMED, Settings, write};
use crate::transport::{Lost, Transport};

/// So many messages are taken at once.
const TAKEN: usize = 4096;

/// A connection to Redis that knows sharded channels.
pub(crate) struct Shards {
    settings: Settings,
    publisher: MultiplexedConnection,
    subscriber: MultiplexedConnection,
    pushes: UnboundedReceiver<PushInfo>,
}

impl Shards {
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, Lost> {
        let client = settings.client_of(ProtocolVersion::RESP3)?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER));
        let (sender, pushes) = unbounded_channel();
        let connecting = async {
            let mut publisher = client.get_multiplexed_async_connection_with_config(&config).await?;
            // Not everybody may ask.
            let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut publisher).await.unwrap_or_default();
            redis::cmd("PUBSUB").arg("SHARDNUMSUB").query_async::<()>(&mut publisher).await?;
            let config = config.clone().set_push_sender(sender);
            let subscriber = client.get_multiplexed_async_connection_with_config(&config).await?;
            Ok::<_, RedisError>((publisher, role, subscriber))
        };
        let connected = tokio::time::timeout(CONNECT * 2, connecting).await.map_err(|_| settings.silent())?;
        let (publisher, role, subscriber) = connected.map_err(|error| lost(settings, &error))?;
        settings.check_role(&role)?;
        Ok(Self { settings: settings.clone(), publisher, subscriber, pushes })
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
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let (mut connection, settings) = (self.publisher.clone(), self.settings.clone());
        async move {
            let mut pipeline = redis::Pipeline::with_capacity(batch.len());
            for message in &batch {
                write(&mut pipeline, message);
            }
            drop(batch);
            pipeline.query_async::<()>(&mut connection).await.map_err(|error| lost(&settings, &error))
        }
    }

    fn count(&self, channels: Vec<String>) -> impl Future<Output = Result<Vec<u64>, Lost>> + 'static {
        let (mut connection, settings) = (self.publisher.clone(), self.settings.clone());
        async move {
            let mut command = redis::cmd("PUBSUB");
            command.arg("SHARDNUMSUB").arg(channels);
            let counts: Vec<(String, u64)> =
                command.query_async(&mut connection).await.map_err(|error| lost(&settings, &error))?;
            Ok(counts.into_iter().map(|(_, count)| count).collect())
        }
    }

    fn change(&self, changes: Vec<(Subscription, bool)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let (mut connection, settings) = (self.subscriber.clone(), self.settings.clone());
        async move {
            for changes in changes.chunks(NAMED) {
                let mut pipeline = redis::Pipeline::with_capacity(changes.len());
                for (subscription, on) in changes {
                    // One channel a command: each confirmation is taken for an answer.
                    pipeline.cmd(if *on { "SSUBSCRIBE" } else { "SUNSUBSCRIBE" }).arg(subscription.name()).ignore();
                }
                pipeline.query_async::<()>(&mut connection).await.map_err(|error| lost(&settings, &error))?;
            }
            Ok(())
        }
    }

    type Log = Infallible;

    fn log(&self) -> Option<Infallible> {
        None
    }

    async fn receive(&mut self, mut take: impl FnMut(&str, Option<&str>, &[u8])) -> Result<(), Lost> {
        let mut next = self.pushes.recv().await;
        for _ in 0..TAKEN {
            let Some(PushInfo { kind, data }) = next.filter(|push| push.kind != PushKind::Disconnection) else {
                let message = format!("expected messages of Redis at {}, got the end", self.settings.address());
                return Err(Lost { code: "ERR_CLUSTER_UNREACHABLE", message });
            };
            if kind == PushKind::SMessage
                && let [Value::BulkString(channel), Value::BulkString(payload)] = &data[..]
                && let Ok(channel) = str::from_utf8(channel)
            {
                take(channel, None, payload);
            }
            next = match self.pushes.recv().now_or_never() {
                Some(next) => next,
                None => break,
            };
        }
        Ok(())
    }
}
