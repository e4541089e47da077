//! Redis: a connection that publishes, and one that is subscribed.
//!
//! Both speak RESP2, which each version and each service knows. A lost connection is not mended here: the node makes another.

use std::time::Duration;

use futures_util::future::join;
use redis::aio::MultiplexedConnection;
use redis::{Client, ErrorKind, ProtocolVersion, RedisError, RedisResult, ServerErrorKind, Value};

use crate::format::Subscription;
use crate::lookout::config;
use crate::outbox::{Outgoing, Route};
use crate::redis_log::RedisLog;
use crate::sentinel::Sentinels;
use crate::streams::Entry;
use crate::streams::reader::Reader;
use crate::subscriber::{Push, Sink, Subscriber};
use crate::tls::Trust;
use crate::transport::{Lost, Transport};

/// Where Redis is, and who asks.
#[derive(Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// A host name or address.
    host: String,
    port: u16,
    /// A Unix socket, in place of host and port.
    path: Option<String>,
    username: Option<String>,
    password: Option<String>,
    database: i64,
    tls: bool,
    /// PEM: the authorities that are trusted, in place of the system's.
    ca: Option<String>,
    /// PEM: what this client shows, with its key.
    cert: Option<String>,
    key: Option<String>,
    /// Nodes of a Redis Cluster that are asked for the others, in place of host and port.
    #[serde(default)]
    seeds: Vec<(String, u16)>,
    /// Who is asked for the primary, in place of host and port.
    pub(crate) sentinels: Option<Sentinels>,
    /// The sentinel that has named this server.
    #[serde(skip)]
    named_by: Option<String>,
    /// It is a node of a Redis Cluster that is known as one.
    #[serde(skip)]
    in_cluster: bool,
}

/// Not derived: it would show the password.
impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Settings").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// To connect may take so long.
pub(crate) const CONNECT: Duration = Duration::from_secs(3);
/// No answer for so long means that the connection is dead.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// So many channels are named in one command.
pub(crate) const NAMED: usize = 512;

/// A connection to Redis.
pub struct Redis {
    settings: Settings,
    publisher: MultiplexedConnection,
    sink: Sink,
    subscriber: Subscriber,
}

impl Settings {
    /// Its name for people.
    pub fn address(&self) -> String {
        if let Some(sentinels) = &self.sentinels {
            return sentinels.to_string();
        }
        if !self.seeds.is_empty() {
            let nodes: Vec<_> = self.seeds.iter().map(|(host, port)| format!("{host}:{port}")).collect();
            return format!("the nodes of a cluster at {}", nodes.join(", "));
        }
        let address = self.path.clone().unwrap_or_else(|| format!("{}:{}", self.host, self.port));
        match &self.named_by {
            Some(sentinel) => format!("{address} (which the sentinel at {sentinel} names)"),
            None => address,
        }
    }

    /// What connects there, in RESP2, which each version and each service knows.
    pub fn client(&self) -> Result<Client, Lost> {
        self.client_of(ProtocolVersion::RESP2)
    }

    /// Whether somebody is asked where Redis is, sentinels or the nodes of a cluster: the next time it may be elsewhere.
    pub fn can_move(&self) -> bool {
        self.sentinels.is_some() || !self.seeds.is_empty()
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn seeds(&self) -> &[(String, u16)] {
        &self.seeds
    }

    /// One node of the cluster.
    pub(crate) fn node(&self, host: &str, port: u16) -> Self {
        let in_cluster = !self.seeds.is_empty();
        Self { host: host.to_owned(), port, path: None, seeds: Vec::new(), in_cluster, ..self.clone() }
    }

    /// The primary, as a sentinel has named it.
    pub(crate) fn primary(&self, (host, port): (&str, u16), named_by: String) -> Self {
        Self { sentinels: None, named_by: Some(named_by), ..self.node(host, port) }
    }

    /// A sentinel, which has users and certificates of its own.
    pub(crate) fn sentinel(&self, sentinels: &Sentinels, host: &str, port: u16) -> Self {
        let Sentinels { username, password, tls, ca, cert, key, .. } = sentinels.clone();
        let own = Self { username, password, tls, ca, cert, key, database: 0, sentinels: None, ..self.clone() };
        own.node(host, port)
    }

    pub(crate) fn client_of(&self, protocol: ProtocolVersion) -> Result<Client, Lost> {
        let addr = match &self.path {
            Some(path) => redis::ConnectionAddr::Unix(path.into()),
            None if self.tls => redis::ConnectionAddr::TcpTls {
                host: self.host.clone(),
                port: self.port,
                insecure: false,
                tls_params: None,
            },
            None => redis::ConnectionAddr::Tcp(self.host.clone(), self.port),
        };
        let mut user =
            redis::RedisConnectionInfo::default().set_db(self.database).set_skip_set_lib_name().set_protocol(protocol);
        if let Some(username) = &self.username {
            user = user.set_username(username);
        }
        if let Some(password) = &self.password {
            user = user.set_password(password);
        }
        let tcp = redis::io::tcp::TcpSettings::default().set_nodelay(true);
        let info = redis::IntoConnectionInfo::into_connection_info(addr).map_err(|error| self.lost(&error))?;
        let info = info.set_redis_settings(user).set_tcp_settings(tcp);
        if !self.tls {
            return Client::open(info).map_err(|error| self.lost(&error));
        }
        // The first one counts: another part of the process may have chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bytes = |text: &Option<String>| text.clone().map(String::into_bytes);
        let client_tls = bytes(&self.cert)
            .zip(bytes(&self.key))
            .map(|(client_cert, client_key)| redis::ClientTlsConfig { client_cert, client_key });
        let certificates = redis::TlsCertificates { client_tls, root_cert: bytes(&self.ca) };
        Client::build_with_tls(info, certificates).map_err(|error| self.lost(&error))
    }

    /// A connection that is subscribed.
    pub(crate) async fn subscriber(&self) -> Result<(Sink, Subscriber), Lost> {
        // Of a handshake with TLS much is to be kept.
        Ok(Subscriber::new(Box::pin(self.reader()).await?))
    }

    /// A connection that is read by ourselves.
    pub(crate) async fn reader(&self) -> Result<Reader, Lost> {
        let mut first = Vec::new();
        if let Some(password) = &self.password {
            let mut command = redis::cmd("AUTH");
            command.arg(&self.username).arg(password);
            first.push(command);
        }
        if self.database != 0 {
            first.push(redis::cmd("SELECT").arg(self.database).take());
        }
        let connected = match &self.path {
            Some(path) => Reader::unix(path, &first).await,
            None if self.tls => {
                let own = self.cert.as_deref().zip(self.key.as_deref());
                Reader::tls((&self.host, self.port), Trust { ca: self.ca.as_deref(), own }, &first).await
            }
            None => Reader::tcp(&self.host, self.port, &first).await,
        };
        connected.map_err(|error| self.lost(&error))
    }

    /// What happened, without secrets.
    pub fn lost(&self, error: &RedisError) -> Lost {
        let (code, detail) = self.reason(error);
        Lost { code, message: format!("expected a working connection to Redis at {}, got: {detail}", self.address()) }
    }

    /// Why nothing more comes.
    pub(crate) fn ended(&self, error: &RedisError) -> Lost {
        if !error.is_io_error() {
            return self.lost(error);
        }
        let message = format!("expected messages of Redis at {}, got the end ({error})", self.address());
        Lost { code: "ERR_CLUSTER_UNREACHABLE", message }
    }

    /// Why these are not subscribed. Redis compares channels with the rules of its user, but a pattern has to be one of them.
    fn refused(&self, error: &RedisError, changes: &[(Subscription, bool)]) -> Lost {
        let Lost { code, message } = self.lost(error);
        let pattern = changes.iter().find(|(subscription, _)| matches!(subscription, Subscription::Pattern(_)));
        match pattern.filter(|_| error.code() == Some("NOPERM")) {
            Some((pattern, _)) => {
                Lost { code, message: format!("{message} (the ACL needs &{}, as it is)", pattern.name()) }
            }
            None => Lost { code, message },
        }
    }

    /// The code of an error, and what it says, without secrets.
    pub(crate) fn reason(&self, error: &RedisError) -> (&'static str, String) {
        let mut detail = error.to_string();
        let refused = matches!(error.kind(), ErrorKind::AuthenticationFailed)
            || matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"))
            || detail.contains("without any password configured");
        let code = match error.kind() {
            _ if refused => "ERR_CLUSTER_AUTH",
            ErrorKind::InvalidClientConfig => "ERR_CLUSTER_CONFIG",
            ErrorKind::Server(ServerErrorKind::ReadOnly) => "ERR_CLUSTER_REPLICA",
            // A slot has moved, or nobody has it now. Who has it is seen anew.
            ErrorKind::Server(kind) if is_elsewhere(kind) && (self.in_cluster || !self.seeds.is_empty()) => {
                "ERR_CLUSTER_UNREACHABLE"
            }
            // Of a command that waited when a primary became a replica.
            _ if error.code() == Some("UNBLOCKED") => "ERR_CLUSTER_REPLICA",
            ErrorKind::Server(_) | ErrorKind::Extension => "ERR_CLUSTER_REFUSED",
            _ => "ERR_CLUSTER_UNREACHABLE",
        };
        for secret in [&self.password, &self.key].into_iter().flatten().filter(|secret| !secret.is_empty()) {
            detail = detail.replace(secret.as_str(), "***");
        }
        if code == "ERR_CLUSTER_REFUSED" && error.code() == Some("MOVED") {
            detail.push_str(" (it is a node of a Redis Cluster: name some of them, as { cluster: [urls] })");
        }
        (code, detail)
    }

    pub(crate) fn silent(&self) -> Lost {
        let message =
            format!("expected an answer of Redis at {} within {} ms, got none", self.address(), ANSWER.as_millis());
        Lost { code: "ERR_CLUSTER_UNREACHABLE", message }
    }

    /// Looks at the answer to `ROLE`. Not everybody may ask; but what a sentinel names may be no primary any more.
    pub fn check_role(&self, role: RedisResult<Vec<Value>>) -> Result<(), Lost> {
        let role = match role {
            Ok(role) => role,
            Err(error) if error.code() == Some("NOAUTH") => return Err(self.lost(&error)),
            Err(_) if self.named_by.is_none() => return Ok(()),
            Err(error) => {
                let Lost { code, message } = self.lost(&error);
                return Err(Lost { code, message: format!("{message} (with Sentinel, ROLE is needed)") });
            }
        };
        let (code, got) = match role.first() {
            Some(Value::BulkString(name)) if name == b"slave" => {
                ("ERR_CLUSTER_REPLICA", "a replica: it cannot be written to, and what it publishes reaches few")
            }
            Some(Value::BulkString(name)) if name == b"sentinel" => {
                ("ERR_CLUSTER_CONFIG", "a sentinel: name it in `sentinels`, with the `name` of the primary")
            }
            _ => return Ok(()),
        };
        Err(Lost { code, message: format!("expected a primary at {}, got {got}", self.address()) })
    }

    /// Connects, to the primary that the sentinels name if there are some.
    pub async fn connect(&self) -> Result<Redis, Lost> {
        // Large, and needed only now and then.
        self.reach(async |server| Box::pin(server.connect_here()).await, |lost| lost).await
    }

    /// Connects to this server.
    pub(crate) async fn connect_here(self) -> Result<Redis, Lost> {
        let client = self.client()?;
        let connecting = async {
            let publisher = client.get_multiplexed_async_connection_with_config(&config()).await?;
            let role = role(publisher.clone()).await;
            Ok::<_, RedisError>((publisher, role))
        };
        let connecting = async {
            let (publisher, role) = connecting.await.map_err(|error| self.lost(&error))?;
            Ok::<_, Lost>((publisher, role, self.subscriber().await?))
        };
        let connected = tokio::time::timeout(CONNECT * 2, connecting).await.map_err(|_| self.silent())?;
        let (publisher, role, (sink, subscriber)) = connected?;
        self.check_role(role)?;
        Ok(Redis { settings: self, publisher, sink, subscriber })
    }
}

/// Whether another node of a cluster is to be asked, or the same one later.
fn is_elsewhere(kind: ServerErrorKind) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, TryAgain};
    matches!(kind, Ask | BusyLoading | ClusterDown | MasterDown | Moved | TryAgain)
}

/// What this server is: a primary, a replica or a sentinel.
pub(crate) async fn role(mut connection: MultiplexedConnection) -> RedisResult<Vec<Value>> {
    redis::cmd("ROLE").query_async(&mut connection).await
}

/// Appends the command of a message.
pub(crate) fn write(pipeline: &mut redis::Pipeline, message: &Outgoing) {
    let payload = &message.payload[..];
    match &message.route {
        Route::Channel(name) => pipeline.cmd("PUBLISH").arg(name).arg(payload),
        Route::Shard(name) => pipeline.cmd("SPUBLISH").arg(name).arg(payload),
        Route::Stream { origin, kind, number } => {
            let size = origin.name.len() + origin.uid.len() + origin.nsp.len() + payload.len();
            let mut command = redis::Cmd::with_capacity(16, size + 100);
            command.arg("XADD").arg(&origin.name).arg("MAXLEN").arg("~").arg(origin.most).arg("*");
            command.arg("uid").arg(&origin.uid).arg("nsp").arg(&origin.nsp).arg("type").arg(*kind);
            if !payload.is_empty() {
                command.arg("data").arg(payload);
            }
            command.arg(Entry::NUMBER).arg(*number);
            pipeline.add_command(command)
        }
    };
}

/// Hands messages over in one pipeline.
pub(crate) async fn publish(
    (mut connection, settings): (MultiplexedConnection, Settings),
    batch: Vec<Outgoing>,
) -> Result<(), Lost> {
    let mut pipeline = redis::Pipeline::with_capacity(batch.len());
    for message in &batch {
        write(&mut pipeline, message);
    }
    drop(batch);
    pipeline.query_async::<()>(&mut connection).await.map_err(|error| settings.lost(&error))
}

impl Redis {
    /// The connection that publishes, for other commands.
    pub(crate) fn commands(&self) -> (MultiplexedConnection, Settings) {
        (self.publisher.clone(), self.settings.clone())
    }
}

impl Transport for Redis {
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Result<(), Lost>> + 'static {
        publish(self.commands(), batch)
    }

    /// A primary may have become a replica, which publishes without an error: it is looked at each time.
    fn count(&self, channels: Vec<String>) -> impl Future<Output = Result<Vec<u64>, Lost>> + 'static {
        let (mut connection, settings) = (self.publisher.clone(), self.settings.clone());
        async move {
            let (mut command, role) = (redis::cmd("PUBSUB"), role(connection.clone()));
            let counting = command.arg("NUMSUB").arg(channels).query_async(&mut connection);
            let (counts, role) = join(counting, role).await;
            let counts: Vec<(String, u64)> = counts.map_err(|error| settings.lost(&error))?;
            settings.check_role(role)?;
            Ok(counts.into_iter().map(|(_, count)| count).collect())
        }
    }

    fn change(&self, changes: Vec<(Subscription, bool)>) -> impl Future<Output = Result<(), Lost>> + 'static {
        let (sink, settings) = (self.sink.clone(), self.settings.clone());
        async move {
            let done = tokio::time::timeout(ANSWER, sink.change(&changes)).await;
            done.map_err(|_| settings.silent())?.map_err(|error| settings.refused(&error, &changes))
        }
    }

    type Log = RedisLog;

    fn log(&self) -> Option<RedisLog> {
        Some(RedisLog::new(self.settings.clone(), self.publisher.clone()))
    }

    async fn receive(&mut self, mut take: impl FnMut(&str, &[u8])) -> Result<(), Lost> {
        let settings = &self.settings;
        self.subscriber.ready().await.map_err(|error| settings.ended(&error))?;
        let taken = self.subscriber.take(|push| {
            if let Push::Message(channel, payload) = push
                && let Ok(channel) = str::from_utf8(channel)
            {
                take(channel, payload);
            }
        });
        taken.map_err(|error| settings.ended(&error))
    }
}
