//! The other nodes of a Redis Cluster, which are asked how many have subscribed there: each counts only its own, replicas, too.
//!
//! A node may come and go without harm to anybody who is elsewhere: when it is gone, nobody is there.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError};
use tokio::sync::OnceCell;

use crate::lookout::slots;
use crate::redis::{ANSWER, CONNECT, Settings};
use crate::slots::{Address, SlotMap};
use crate::transport::Lost;

/// How often it is looked which nodes there are, at most.
const LOOK: Duration = Duration::from_secs(1);
/// So long a node is waited for that was silent for [`ANSWER`]: who was there takes it for lost, too, and is elsewhere.
const GLANCE: Duration = Duration::from_millis(100);

/// All nodes but one.
pub(crate) struct Nodes {
    settings: Settings,
    /// The one.
    own: Address,
    list: RefCell<Vec<Rc<Node>>>,
    looked: Cell<Instant>,
}

struct Node {
    address: Address,
    settings: Settings,
    connection: RefCell<Rc<OnceCell<MultiplexedConnection>>>,
    silent: Cell<bool>,
}

impl Nodes {
    pub(crate) fn new(settings: Settings, own: Address, slots: &SlotMap) -> Self {
        let nodes = Self { settings, own, list: RefCell::default(), looked: Cell::new(Instant::now()) };
        nodes.update(slots);
        nodes
    }

    /// Asks the one which others there are, now and then. What it answers counts the next time.
    pub(crate) async fn look(&self, (commands, settings): (MultiplexedConnection, Settings)) {
        if self.looked.get().elapsed() < LOOK {
            return;
        }
        self.looked.set(Instant::now());
        // When this fails, other commands do, too.
        if let Ok(answer) = slots(commands).await
            && let Ok(slots) = SlotMap::read(&answer, settings.host())
        {
            self.update(&slots);
        }
    }

    fn update(&self, slots: &SlotMap) {
        let others = slots.nodes.iter().filter(|address| **address != self.own);
        let mut list = self.list.borrow_mut();
        let known = |address: &Address| list.iter().find(|node| node.address == *address).cloned();
        let nodes = others.map(|address| known(address).unwrap_or_else(|| Rc::new(self.node(address)))).collect();
        *list = nodes;
    }

    fn node(&self, address: &Address) -> Node {
        let settings = self.settings.node(&address.0, address.1);
        Node { address: address.clone(), settings, connection: RefCell::default(), silent: Cell::new(false) }
    }

    /// How many have subscribed to each of these channels, at each node. None at one that does not answer.
    pub(crate) async fn count(&self, channels: &[String]) -> Result<Vec<Vec<u64>>, Lost> {
        if channels.is_empty() {
            return Ok(Vec::new());
        }
        let nodes = self.list.borrow().clone();
        try_join_all(nodes.iter().map(|node| node.count(channels))).await
    }
}

impl Node {
    async fn count(&self, channels: &[String]) -> Result<Vec<u64>, Lost> {
        let patience = if self.silent.get() { GLANCE } else { ANSWER };
        let counted = tokio::time::timeout(patience, self.ask(channels)).await;
        self.silent.set(counted.is_err());
        match counted {
            Ok(Ok(counts)) => Ok(counts.into_iter().map(|(_, count)| count).collect()),
            Ok(Err(lost)) => {
                self.connection.take();
                // A node that refuses us is a mistake that would not be noticed.
                if lost.code == "ERR_CLUSTER_AUTH" { Err(lost) } else { Ok(Vec::new()) }
            }
            Err(_) => Ok(Vec::new()),
        }
    }

    async fn ask(&self, channels: &[String]) -> Result<Vec<(String, u64)>, Lost> {
        let (cell, failed) = (Rc::clone(&self.connection.borrow()), |error: RedisError| self.settings.lost(&error));
        let client = self.settings.client()?;
        let connecting = async || {
            let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None);
            client.get_multiplexed_async_connection_with_config(&config).await
        };
        let mut connection = cell.get_or_try_init(connecting).await.map_err(failed)?.clone();
        let mut command = redis::cmd("PUBSUB");
        command.arg("NUMSUB").arg(channels).query_async(&mut connection).await.map_err(failed)
    }
}
