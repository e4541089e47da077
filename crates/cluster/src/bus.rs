//! The channels of every Redis, on a Redis Cluster: what is published at one node reaches those who have subscribed at any, over the bus
//! by which the nodes speak with each other.
//!
//! So one node is enough, a primary: there JavaScript servers count. Servers are spread over the primaries by chance. When the
//! connection is lost, or the node is cut off from the others, it is thrown away, and the next primary that answers takes its place: nobody
//! waits for a failover. What a publisher sends is in order at each subscriber: there is one link between two nodes.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{join, try_join3};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use redis::aio::MultiplexedConnection;

use crate::attempts::chance;
use crate::format::Subscription;
use crate::lookout::{Lookout, graver};
use crate::nodes::Nodes;
use crate::outbox::Outgoing;
use crate::redis::{Redis, Settings};
use crate::slots::Address;
use crate::transport::{Lost, Transport};

/// A primary that has not answered for so long is not waited for: the next one is tried, too.
const HESITATION: Duration = Duration::from_millis(300);
/// As many slots there are.
const SLOTS: u32 = 16_384;

/// A connection to one node of a Redis Cluster, and others that count.
pub(crate) struct Bus {
    own: Redis,
    nodes: Rc<Nodes>,
}

impl Bus {
    pub(crate) async fn connect(lookout: &Lookout) -> Result<Self, Lost> {
        let slots = lookout.look().await?;
        let (address, own) = choose(lookout.settings(), slots.primaries.clone()).await?;
        let nodes = Nodes::new(lookout.settings().clone(), address, &slots);
        Ok(Self { own, nodes: Rc::new(nodes) })
    }
}

/// One of these, by chance.
async fn choose(settings: &Settings, mut primaries: Vec<Address>) -> Result<(Address, Redis), Lost> {
    let first = usize::try_from(chance()).unwrap_or_default().checked_rem(primaries.len()).unwrap_or_default();
    primaries.rotate_left(first);
    let mut rest = primaries.into_iter();
    let (mut trying, mut reason) = (FuturesUnordered::new(), None);
    loop {
        let more = match rest.next() {
            Some(address) => {
                trying.push(connect(settings, address).boxed_local());
                rest.len() > 0
            }
            None => false,
        };
        tokio::select! {
            tried = trying.next() => match tried {
                Some(Ok(chosen)) => return Ok(chosen),
                Some(Err(lost)) => reason = Some(graver(reason, lost)),
                None => return Err(reason.unwrap_or_else(|| settings.silent())),
            },
            () = tokio::time::sleep(HESITATION), if more => {}
        }
    }
}

async fn connect(settings: &Settings, address: Address) -> Result<(Address, Redis), Lost> {
    let own = settings.node(&address.0, address.1).connect_here().await?;
    is_among_most(own.commands()).await?;
    Ok((address, own))
}

/// Whether a node is in touch with most of the cluster. One that is cut off publishes without an error, and reaches nobody.
async fn is_among_most((mut connection, settings): (MultiplexedConnection, Settings)) -> Result<(), Lost> {
    let info: redis::RedisResult<String> = redis::cmd("CLUSTER").arg("INFO").query_async(&mut connection).await;
    // Not everybody may ask.
    let Ok(info) = info else { return Ok(()) };
    match served(&info) {
        Some(served) if served * 2 < SLOTS => {
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

impl Transport for Bus {
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static {
        self.own.publish(batch)
    }

    /// Each node counts its own.
    fn count(&self, channels: Vec<String>) -> impl Future<Output = Result<Vec<u64>, Lost>> + 'static {
        let (nodes, commands) = (Rc::clone(&self.nodes), self.own.commands());
        let own = self.own.count(channels.clone());
        async move {
            let looking = nodes.look(commands.clone());
            let counting = try_join3(own, nodes.count(&channels), is_among_most(commands));
            let (counted, ()) = join(counting, looking).await;
            let (mut sums, others, ()) = counted?;
            for counts in others {
                sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
            Ok(sums)
        }
    }

    /// Somebody else's do not count.
    fn holds(&self, channels: Vec<String>) -> impl Future<Output = Result<bool, Lost>> + 'static {
        self.own.holds(channels)
    }

    fn change(&self, changes: Vec<(Subscription, bool)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        self.own.change(changes)
    }

    type Log = Infallible;

    fn log(&self) -> Option<Infallible> {
        None
    }

    fn receive(&mut self, take: impl FnMut(&str, &[u8])) -> impl Future<Output = Result<(), Lost>> {
        self.own.receive(take)
    }
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
