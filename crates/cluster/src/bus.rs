//! The channels of every Redis, on a Redis Cluster: what is published at one node reaches those who have subscribed at any, over the bus
//! by which the nodes speak with each other.
//!
//! So one node is enough, a primary: there JavaScript servers count. Servers are spread over the primaries by chance. When the
//! connection is lost, or the node is cut off from the others, it is thrown away, and the next primary that answers takes its place: nobody
//! waits for a failover. What a publisher sends is in order at each subscriber: there is one link between two nodes.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{join, try_join, try_join4};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use crate::attempts::chance;
use crate::format::Subscription;
use crate::lookout::{Lookout, graver, is_among_most};
use crate::nodes::Nodes;
use crate::outbox::Outgoing;
use crate::redis::{Redis, Settings};
use crate::slots::Address;
use crate::spread::{Spread, SpreadLog};
use crate::transport::{Lost, Transport};

/// A primary that has not answered for so long is not waited for: the next one is tried, too.
const HESITATION: Duration = Duration::from_millis(300);

/// A connection to one node of a Redis Cluster, others that count, and in mode `streams` those for streams.
pub(crate) struct Bus {
    own: Redis,
    nodes: Rc<Nodes>,
    spread: Option<Rc<Spread>>,
}

impl Bus {
    /// `streams` are those that are read and written, if there are some; with `sessions` these are kept, too.
    pub(crate) async fn connect(lookout: &Lookout, streams: &[String], sessions: bool) -> Result<Self, Lost> {
        let (settings, slots) = (lookout.settings(), lookout.look().await?);
        let spreading = async {
            if streams.is_empty() {
                return Ok(None);
            }
            let spread = Spread::connect(settings, slots.clone(), streams.to_vec(), sessions).await?;
            Ok(Some(Rc::new(spread)))
        };
        let ((address, own), spread) = try_join(choose(settings, slots.primaries.clone()), spreading).await?;
        let nodes = Nodes::new(settings.clone(), address, &slots);
        Ok(Self { own, nodes: Rc::new(nodes), spread })
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

/// What is to be done, if anything.
async fn maybe(doing: Option<impl Future<Output = Result<(), Lost>>>) -> Result<(), Lost> {
    match doing {
        Some(doing) => doing.await,
        None => Ok(()),
    }
}

impl Transport for Bus {
    /// Entries of streams take other ways than messages.
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let (messages, entries): (Vec<_>, Vec<_>) = batch.into_iter().partition(|message| message.number().is_none());
        let publishing = (!messages.is_empty()).then(|| self.own.publish(messages));
        let writing = self.spread.as_ref().filter(|_| !entries.is_empty()).map(|spread| spread.write(entries));
        async move { try_join(maybe(publishing), maybe(writing)).await.map(drop) }
    }

    /// Each node counts its own.
    fn count(&self, channels: Vec<String>) -> impl Future<Output = Result<Vec<u64>, Lost>> + 'static {
        let (nodes, commands, spread) = (Rc::clone(&self.nodes), self.own.commands(), self.spread.clone());
        let own = self.own.count(channels.clone());
        async move {
            let looking = nodes.look(commands.clone());
            let checking = async {
                match &spread {
                    Some(spread) => spread.check().await,
                    None => Ok(()),
                }
            };
            let counting = try_join4(own, nodes.count(&channels), is_among_most(commands), checking);
            let (counted, ()) = join(counting, looking).await;
            let (mut sums, others, (), ()) = counted?;
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

    type Log = SpreadLog;

    fn log(&self) -> Option<SpreadLog> {
        SpreadLog::new(Rc::clone(self.spread.as_ref()?))
    }

    fn receive(&mut self, take: impl FnMut(&str, &[u8])) -> impl Future<Output = Result<(), Lost>> {
        self.own.receive(take)
    }
}
