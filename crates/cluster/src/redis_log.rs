//! The streams and sessions of one Redis.

use std::rc::Rc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;

use crate::redis::{ANSWER, CONNECT, Settings};
use crate::streams::log::{Identity, Raw, Read};
use crate::streams::reader::Shared;
use crate::streams::{Id, Reach, log};
use crate::transport::{Log, Lost};

/// The streams: commands go with what is published, in that order; reading, which blocks, has its own connection.
pub(crate) struct RedisLog {
    settings: Settings,
    commands: MultiplexedConnection,
    reader: Option<Rc<Shared>>,
}

impl RedisLog {
    /// `commands` is the connection that writes to its streams.
    pub(crate) fn new(settings: Settings, commands: MultiplexedConnection) -> Self {
        Self { settings, commands, reader: None }
    }

    /// Makes the connection that reads.
    pub(crate) async fn connect(&mut self) -> Result<(), Lost> {
        if self.reader.is_some() {
            return Ok(());
        }
        // Of a handshake with TLS much is to be kept.
        let connecting = Box::pin(self.settings.reader());
        let connected = tokio::time::timeout(CONNECT, connecting).await.map_err(|_| self.settings.silent())?;
        self.reader = Some(Rc::new(Shared::new(connected?)));
        Ok(())
    }

    fn done<T>(
        &self,
        command: impl Future<Output = redis::RedisResult<T>> + 'static,
    ) -> impl Future<Output = Result<T, Lost>> + 'static {
        let settings = self.settings.clone();
        async move { command.await.map_err(|error| settings.lost(&error)) }
    }
}

impl Log for RedisLog {
    async fn open(&mut self, before: Vec<Identity>) -> Result<Vec<Identity>, Lost> {
        for before in before {
            log::fence(self.commands.clone(), before).await;
        }
        self.connect().await?;
        Ok(log::identity(self.commands.clone(), self.settings.address()).await.into_iter().collect())
    }

    fn reaches(&self, streams: Vec<String>) -> impl Future<Output = Result<Vec<Reach>, Lost>> + 'static {
        self.done(log::reaches(self.commands.clone(), streams))
    }

    fn read(
        &self,
        positions: Vec<(String, Id)>,
        count: usize,
        block: Option<Duration>,
    ) -> impl Future<Output = Result<Read, Lost>> + 'static {
        let reader = self.reader.clone();
        let reading = self.done(async move {
            let reader = reader.ok_or_else(|| log::odd("expected to be connected before reading"))?;
            reader.read(positions, count, block).await
        });
        let (settings, patience) = (self.settings.clone(), block.unwrap_or_default() + ANSWER);
        async move { tokio::time::timeout(patience, reading).await.map_err(|_| settings.silent())? }
    }

    fn range(
        &self,
        stream: String,
        section: (Id, Id),
        count: usize,
    ) -> impl Future<Output = Result<Vec<Raw>, Lost>> + 'static {
        self.done(log::range(self.commands.clone(), stream, section, count))
    }

    fn save(&self, sessions: Vec<(String, Option<String>, u64)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        self.done(log::save(self.commands.clone(), sessions))
    }

    fn take(
        &self,
        key: String,
        entry: (String, Id),
    ) -> impl Future<Output = Result<(Option<Vec<u8>>, bool), Lost>> + 'static {
        let (connection, (stream, id)) = (self.commands.clone(), entry);
        self.done(async move {
            let session = log::take(connection.clone(), key).await?;
            if session.is_none() {
                return Ok((None, false));
            }
            let exists = !log::range(connection, stream, (id, id), 1).await?.is_empty();
            Ok((session, exists))
        })
    }
}
