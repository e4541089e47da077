//! Streams and sessions on a Redis Cluster: each is a key, and is on the primary that has its slot.
//!
//! All that is written to a primary takes one connection, so each stream has the order of its writer. A command that reads several
//! streams is refused unless these are in one slot: so each slot that has streams has a connection that reads.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all, try_join_all};
use redis::aio::MultiplexedConnection;

use crate::lookout::config;
use crate::outbox::Outgoing;
use crate::redis::{CONNECT, Settings, publish, role};
use crate::redis_log::RedisLog;
use crate::slots::{Address, SlotMap, by_place, slot};
use crate::streams::log::{Identity, Raw, Read};
use crate::streams::{Id, Reach, log};
use crate::transport::{Log, Lost};

/// Connections to the primaries that are written to.
pub(crate) struct Spread {
    slots: SlotMap,
    streams: Vec<String>,
    /// By their place in the map. `None`: nothing is written there.
    primaries: Vec<Option<Primary>>,
}

#[derive(Clone)]
struct Primary {
    settings: Settings,
    commands: MultiplexedConnection,
}

impl Primary {
    async fn connect(settings: Settings) -> Result<Self, Lost> {
        let (client, config) = (settings.client()?, config());
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let connected = tokio::time::timeout(CONNECT, connecting).await.map_err(|_| settings.silent())?;
        let commands = connected.map_err(|error| settings.lost(&error))?;
        let primary = Self { settings, commands };
        primary.check().await?;
        Ok(primary)
    }

    /// It may have become a replica, or be gone. Not everybody may ask; but whoever may not gets an answer.
    async fn check(&self) -> Result<(), Lost> {
        match role(self.commands.clone()).await {
            Err(error) if error.code().is_none() => Err(self.settings.lost(&error)),
            role => self.settings.check_role(role),
        }
    }
}

impl Spread {
    /// Connects to those that have these streams, or to all when there are sessions, too.
    pub(crate) async fn connect(
        settings: &Settings,
        slots: SlotMap,
        streams: Vec<String>,
        sessions: bool,
    ) -> Result<Self, Lost> {
        let is_needed = |place| sessions || streams.iter().any(|stream| slots.primary_of(stream) == place);
        let connect = async |(place, (host, port)): (usize, &Address)| {
            if is_needed(place) { Primary::connect(settings.node(host, *port)).await.map(Some) } else { Ok(None) }
        };
        let primaries = try_join_all(slots.primaries.iter().enumerate().map(connect)).await?;
        Ok(Self { slots, streams, primaries })
    }

    fn primary(&self, key: &str) -> Result<Primary, Lost> {
        self.at(self.slots.primary_of(key))
    }

    fn at(&self, place: usize) -> Result<Primary, Lost> {
        self.primaries.get(place).cloned().flatten().ok_or_else(unknown)
    }

    /// Writes entries, in this order in each stream.
    pub(crate) fn write(&self, entries: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let each = by_place(entries, |entry| self.slots.primary_of(entry.route.name()));
        let writing: Vec<_> = each
            .into_iter()
            .map(|(place, entries)| {
                let primary = self.at(place);
                async move {
                    let Primary { commands, settings } = primary?;
                    publish((commands, settings), entries).await
                }
            })
            .collect();
        async move { try_join_all(writing).await.map(drop) }
    }

    /// Whether all are there, and are primaries.
    pub(crate) async fn check(&self) -> Result<(), Lost> {
        try_join_all(self.primaries.iter().flatten().map(Primary::check)).await.map(drop)
    }
}

/// What cannot be: the streams are known from the beginning.
fn unknown() -> Lost {
    let message = "expected a stream or session of this cluster, got another one: please report it".into();
    Lost { code: "ERR_CLUSTER_REFUSED", message }
}

/// The streams, each read where it is.
pub(crate) struct SpreadLog {
    spread: Rc<Spread>,
    groups: Vec<Group>,
    /// By group: they go on while others have ended.
    readings: Rc<RefCell<Vec<Reading>>>,
}

type Reading = Option<LocalBoxFuture<'static, Result<Read, Lost>>>;

/// The streams of one slot.
struct Group {
    /// Their places in the list of all.
    places: Rc<[usize]>,
    log: RedisLog,
}

impl Group {
    fn read(
        &self,
        positions: &[(String, Id)],
        count: usize,
        block: Option<Duration>,
    ) -> LocalBoxFuture<'static, Result<Read, Lost>> {
        let own = self.places.iter().filter_map(|place| positions.get(*place).cloned()).collect();
        let (reading, places) = (self.log.read(own, count, block), Rc::clone(&self.places));
        let named = move |read: Read| {
            read.into_iter().filter_map(|(own, entries)| Some((*places.get(own)?, entries))).collect()
        };
        reading.map(|read| read.map(named)).boxed_local()
    }
}

impl SpreadLog {
    pub(crate) fn new(spread: Rc<Spread>) -> Option<Self> {
        let mut slots: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (place, stream) in spread.streams.iter().enumerate() {
            slots.entry(slot(stream.as_bytes())).or_default().push(place);
        }
        let group = |places: Vec<usize>| {
            let Primary { settings, commands } = spread.primary(spread.streams.get(*places.first()?)?).ok()?;
            Some(Group { places: places.into(), log: RedisLog::new(settings, commands) })
        };
        let groups = slots.into_values().map(group).collect::<Option<Vec<_>>>()?;
        let readings = Rc::new(RefCell::new(groups.iter().map(|_| None).collect()));
        Some(Self { spread, groups, readings })
    }

    fn log_of(&self, stream: &str) -> Result<&RedisLog, Lost> {
        let has = |place: &usize| self.spread.streams.get(*place).is_some_and(|name| name == stream);
        let group = self.groups.iter().find(|group| group.places.iter().any(has));
        group.map(|group| &group.log).ok_or_else(unknown)
    }
}

impl Log for SpreadLog {
    async fn open(&mut self, before: Vec<Identity>) -> Result<Vec<Identity>, Lost> {
        let opening = async |Primary { settings, commands }: &Primary| {
            let server = settings.address();
            for before in before.iter().filter(|before| before.server == server) {
                log::fence(commands.clone(), before.clone()).await;
            }
            log::identity(commands.clone(), server).await
        };
        let identities = join_all(self.spread.primaries.iter().flatten().map(opening)).await;
        try_join_all(self.groups.iter_mut().map(|group| group.log.connect())).await?;
        Ok(identities.into_iter().flatten().collect())
    }

    fn reaches(&self, streams: Vec<String>) -> impl Future<Output = Result<Vec<Reach>, Lost>> + 'static {
        let each: Vec<_> = streams
            .into_iter()
            .map(|stream| {
                let reaches = self.log_of(&stream).map(|log| log.reaches(vec![stream]));
                async move { reaches?.await }
            })
            .collect();
        async move { Ok(try_join_all(each).await?.into_iter().flatten().collect()) }
    }

    /// Ends when one of the readings has; when nothing is waited for, when all have.
    fn read(
        &self,
        positions: Vec<(String, Id)>,
        count: usize,
        block: Option<Duration>,
    ) -> impl Future<Output = Result<Read, Lost>> + 'static {
        for (group, reading) in self.groups.iter().zip(self.readings.borrow_mut().iter_mut()) {
            reading.get_or_insert_with(|| group.read(&positions, count, block));
        }
        let (readings, mut read) = (Rc::clone(&self.readings), Read::new());
        poll_fn(move |context| {
            let (mut ended, mut going_on) = (false, false);
            for reading in readings.borrow_mut().iter_mut() {
                match reading.as_mut().map(|reading| reading.poll_unpin(context)) {
                    Some(Poll::Ready(part)) => {
                        *reading = None;
                        read.extend(part?);
                        ended = true;
                    }
                    Some(Poll::Pending) => going_on = true,
                    None => {}
                }
            }
            let done = if block.is_some() { ended } else { !going_on };
            if done { Poll::Ready(Ok(std::mem::take(&mut read))) } else { Poll::Pending }
        })
    }

    fn range(
        &self,
        stream: String,
        section: (Id, Id),
        count: usize,
    ) -> impl Future<Output = Result<Vec<Raw>, Lost>> + 'static {
        let range = self.log_of(&stream).map(|log| log.range(stream, section, count));
        async move { range?.await }
    }

    fn save(&self, sessions: Vec<(String, Option<String>, u64)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let each = by_place(sessions, |(key, ..)| self.spread.slots.primary_of(key));
        let saving: Vec<_> = each
            .into_iter()
            .map(|(place, sessions)| {
                let primary = self.spread.at(place);
                async move {
                    let Primary { settings, commands } = primary?;
                    log::save(commands, sessions).await.map_err(|error| settings.lost(&error))
                }
            })
            .collect();
        async move { try_join_all(saving).await.map(drop) }
    }

    fn take(
        &self,
        key: String,
        (stream, id): (String, Id),
    ) -> impl Future<Output = Result<(Option<Vec<u8>>, bool), Lost>> + 'static {
        let primary = self.spread.primary(&key);
        let looking = self.range(stream, (id, id), 1);
        async move {
            let Primary { settings, commands } = primary?;
            let session = log::take(commands, key).await.map_err(|error| settings.lost(&error))?;
            if session.is_none() {
                return Ok((None, false));
            }
            Ok((session, !looking.await?.is_empty()))
        }
    }
}
