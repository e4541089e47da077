//! Where Redis is, each time connections are made: of a Redis Cluster, somebody who is known is asked which nodes there are.

use std::cell::RefCell;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisResult, Value};

use crate::redis::{ANSWER, CONNECT, Settings};
use crate::slots::{Address, SLOTS, SlotMap};
use crate::transport::Lost;

/// Who can be asked: those that were named, and those that were there the last time, should all of the former be gone.
pub struct Lookout {
    settings: Settings,
    known: RefCell<Vec<Address>>,
}

impl Lookout {
    /// Asks nobody yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, known: RefCell::default() }
    }

    /// What was named.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Connects to the server that has `key`: to the primary of a cluster with its slot, to the primary that sentinels name, or to the only
    /// server there is. `wrong`: it was not found out which one that is.
    pub async fn reach<T, E>(
        &self,
        key: &str,
        connect: impl AsyncFn(Settings) -> Result<T, E>,
        wrong: impl Fn(Lost) -> E,
    ) -> Result<T, E> {
        if self.settings.seeds().is_empty() {
            return self.settings.reach(connect, wrong).await;
        }
        let slots = self.look().await.map_err(&wrong)?;
        let (host, port) = slots.primaries.get(slots.primary_of(key)).ok_or_else(|| wrong(self.settings.silent()))?;
        connect(self.settings.node(host, *port)).await
    }

    /// What the first one that answers says.
    pub(crate) async fn look(&self) -> Result<SlotMap, Lost> {
        let slots = match self.ask(self.settings.seeds()).await {
            Ok(slots) => slots,
            Err(lost) => {
                let known = self.known.borrow().clone();
                self.ask(&known).await.map_err(|_| lost)?
            }
        };
        self.known.replace(slots.nodes.clone());
        Ok(slots)
    }

    async fn ask(&self, addresses: &[Address]) -> Result<SlotMap, Lost> {
        let ask = async |(host, port): &Address| {
            let node = self.settings.node(host, *port);
            let asked = tokio::time::timeout(CONNECT, slots_of(&node)).await.map_err(|_| node.silent())?;
            SlotMap::read(&asked?, host)
        };
        let mut asking: FuturesUnordered<_> = addresses.iter().map(|address| ask(address).boxed_local()).collect();
        let mut reason = None;
        while let Some(asked) = asking.next().await {
            match asked {
                Ok(slots) => return Ok(slots),
                Err(lost) => reason = Some(graver(reason, lost)),
            }
        }
        Err(reason.unwrap_or_else(|| self.settings.silent()))
    }
}

async fn slots_of(node: &Settings) -> Result<Value, Lost> {
    let client = node.client()?;
    let connecting = client.get_multiplexed_async_connection_with_config(&config()).await;
    let connection = connecting.map_err(|error| lost(node, &error))?;
    // It would name nodes as they were when it was cut off.
    is_among_most((connection.clone(), node.clone())).await?;
    slots(connection).await.map_err(|error| lost(node, &error))
}

/// What a node answers to `CLUSTER SLOTS`.
pub(crate) async fn slots(mut connection: MultiplexedConnection) -> RedisResult<Value> {
    redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await
}

/// Of a connection on which each command is answered at once.
pub(crate) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER))
}

/// Which of two reasons is to be told: a mistake, rather than what may be over soon.
pub(crate) fn graver(one: Option<Lost>, other: Lost) -> Lost {
    one.filter(|one| one.code != "ERR_CLUSTER_UNREACHABLE").unwrap_or(other)
}

/// Why a node was not asked. One that is alone is told apart.
fn lost(node: &Settings, error: &redis::RedisError) -> Lost {
    let lost = node.lost(error);
    if !lost.message.to_ascii_lowercase().contains("cluster support disabled") {
        return lost;
    }
    let message = format!("{} (cluster.redis.cluster is for a Redis Cluster)", lost.message);
    Lost { code: "ERR_CLUSTER_CONFIG", message }
}

/// Whether a node is in touch with most of the cluster. One that is cut off publishes without an error, and reaches nobody.
pub(crate) async fn is_among_most((mut connection, settings): (MultiplexedConnection, Settings)) -> Result<(), Lost> {
    let info: RedisResult<String> = redis::cmd("CLUSTER").arg("INFO").query_async(&mut connection).await;
    // Not everybody may ask.
    let Ok(info) = info else { return Ok(()) };
    match served(&info) {
        Some(served) if served * 2 < SLOTS.into() => {
            let address = settings.address();
            let message = format!(
                "expected the node at {address} to be in touch with most of the cluster, got {served} slots of {SLOTS}"
            );
            Err(Lost { code: "ERR_CLUSTER_UNREACHABLE", message })
        }
        _ => Ok(()),
    }
}

/// Of how many slots a node knows that their primaries are there.
fn served(info: &str) -> Option<u32> {
    info.lines().find_map(|line| line.trim().strip_prefix("cluster_slots_ok:")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_says_how_much_of_the_cluster_it_sees() {
        assert_eq!(
            served("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:10923\r\n"),
            Some(10_923)
        );
        assert_eq!(served("cluster_slots_ok:\r\n"), None);
        assert_eq!(served(""), None);
    }
}
