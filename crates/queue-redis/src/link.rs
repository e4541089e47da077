//! The connections to Redis: one for the script, one that hears what other instances tell.

use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, RedisError};
use socketio_cluster::{Lookout, Lost, Settings};
use socketio_queue::{Error, Warning};

use crate::script::{self, Script};

/// To connect may take so long.
const CONNECT: Duration = Duration::from_secs(3);
/// No answer for so long means that the connection is dead.
const ANSWER: Duration = Duration::from_secs(5);
/// The oldest version whose scripts are refused before they have changed anything.
const OLDEST: u64 = 7;

pub(crate) struct Link {
    pub(crate) commands: MultiplexedConnection,
    pub(crate) script: Script,
    stream: PubSubStream,
    /// The subscription ends with it.
    _sink: PubSubSink,
}

/// What was found out on the way.
pub(crate) struct Found {
    pub(crate) link: Link,
    pub(crate) warnings: Vec<Warning>,
}

/// An error of Redis, without secrets.
pub(crate) fn problem(settings: &Settings, error: &RedisError) -> Error {
    of_lost(&settings.lost(error))
}

fn of_lost(lost: &Lost) -> Error {
    let code = match lost.code {
        "ERR_CLUSTER_AUTH" => "QUEUE_REDIS_AUTH",
        "ERR_CLUSTER_CONFIG" => "QUEUE_REDIS_CONFIG",
        "ERR_CLUSTER_REPLICA" => "QUEUE_REDIS_REPLICA",
        "ERR_CLUSTER_SENTINEL" => "QUEUE_REDIS_SENTINEL",
        "ERR_CLUSTER_REFUSED" => "QUEUE_REDIS_REFUSED",
        _ => "QUEUE_REDIS_UNREACHABLE",
    };
    // As the option is called here.
    Error::Redis { code, detail: lost.message.replace("cluster.redis.", "redis.").into() }
}

/// Whether another attempt is of no use.
pub(crate) fn is_final(settings: &Settings, error: &Error) -> bool {
    match error.code() {
        "QUEUE_REDIS_AUTH"
        | "QUEUE_REDIS_CONFIG"
        | "QUEUE_REDIS_OLD"
        | "QUEUE_REDIS_SENTINEL"
        | "QUEUE_UNSUPPORTED" => true,
        // Another one will be named.
        "QUEUE_REDIS_REPLICA" => !settings.can_move(),
        _ => false,
    }
}

impl Link {
    /// Connects to the server that has the store. `prefix`: of its keys, with the braces; `channel`: what is heard.
    pub(crate) async fn connect(lookout: &Lookout, prefix: &str, channel: &str) -> Result<Found, Error> {
        lookout
            .reach(prefix, async |server| Self::connect_here(server, prefix, channel).await, |lost| of_lost(&lost))
            .await
    }

    async fn connect_here(settings: Settings, prefix: &str, channel: &str) -> Result<Found, Error> {
        tokio::time::timeout(CONNECT * 3, Self::connect_now(&settings, prefix, channel)).await.unwrap_or_else(|_| {
            let detail = format!("expected an answer of Redis at {} within 9 s, got none", settings.address());
            Err(Error::Redis { code: "QUEUE_REDIS_UNREACHABLE", detail: detail.into() })
        })
    }

    async fn connect_now(settings: &Settings, prefix: &str, channel: &str) -> Result<Found, Error> {
        let wrong = |error: RedisError| problem(settings, &error);
        let client = settings
            .client()
            .map_err(|lost| Error::Redis { code: "QUEUE_REDIS_CONFIG", detail: lost.message.into() })?;
        // A server that stands still accepts connections: another one may have taken its place by the next attempt.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(CONNECT));
        let mut commands = client.get_multiplexed_async_connection_with_config(&config).await.map_err(wrong)?;
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut commands).await.map_err(wrong)?;
        check_version(settings, &info)?;
        settings.check_role(redis::cmd("ROLE").query_async(&mut commands).await).map_err(|lost| of_lost(&lost))?;
        // Of a cluster, another node may have the store by now, or be about to get it.
        let here: Result<u64, _> = redis::cmd("EXISTS").arg(prefix).query_async(&mut commands).await;
        // Not everybody may ask: then the first batch will tell.
        if let Some(error) = here.err().filter(|error| error.code() != Some("NOPERM")) {
            return Err(misplaced(settings, &error));
        }
        let warnings = warnings(settings, &mut commands).await;
        let script = load(&mut commands).await.map_err(wrong)?;
        let (mut sink, stream) = client.get_async_pubsub().await.map_err(wrong)?.split();
        sink.subscribe(channel).await.map_err(wrong)?;
        commands.set_response_timeout(ANSWER);
        Ok(Found { link: Self { commands, script, stream, _sink: sink }, warnings })
    }

    /// What another instance told; `None`: the connection is lost.
    pub(crate) async fn hear(&mut self) -> Option<Vec<u8>> {
        self.stream.next().await.map(|message| message.get_payload_bytes().to_vec())
    }
}

/// Why the store is not here. A node that is not known as one of a cluster will not be left for another one.
fn misplaced(settings: &Settings, error: &RedisError) -> Error {
    match problem(settings, error) {
        Error::Redis { code: "QUEUE_REDIS_REFUSED", detail } if error.code() == Some("MOVED") => {
            Error::Redis { code: "QUEUE_REDIS_CONFIG", detail }
        }
        problem => problem,
    }
}

/// As a library; as scripts where that is refused: memory is full, the user may not load any, or the server has none.
async fn load(commands: &mut MultiplexedConnection) -> Result<Script, RedisError> {
    let (source, library) = script::library();
    let loaded: Result<String, RedisError> = redis::cmd("FUNCTION").arg("LOAD").arg(source).query_async(commands).await;
    match loaded {
        Ok(_) => return Ok(library),
        Err(error) if error.to_string().contains("already exists") => return Ok(library),
        Err(error) if error.is_io_error() => return Err(error),
        Err(_) => {}
    }
    let mut names = [String::new(), String::new()];
    for (name, source) in names.iter_mut().zip(script::sources()) {
        *name = redis::cmd("SCRIPT").arg("LOAD").arg(source).query_async(commands).await?;
    }
    Ok(Script { command: "EVALSHA", names })
}

fn check_version(settings: &Settings, info: &str) -> Result<(), Error> {
    let version = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim).map(str::to_owned)
    };
    if version("redis_mode").is_some_and(|mode| mode == "sentinel") {
        let detail = format!("expected a Redis server at {}, got a Sentinel", settings.address());
        return Err(Error::Redis { code: "QUEUE_REDIS_CONFIG", detail: detail.into() });
    }
    let found = version("redis_version").unwrap_or_default();
    let major = found.split('.').next().and_then(|major| major.parse::<u64>().ok());
    if major.is_some_and(|major| major < OLDEST) {
        let detail = format!("expected Redis {OLDEST}.0 or newer at {}, got {found}", settings.address());
        return Err(Error::Redis { code: "QUEUE_REDIS_OLD", detail: detail.into() });
    }
    Ok(())
}

/// What this server's configuration can lose.
async fn warnings(settings: &Settings, commands: &mut MultiplexedConnection) -> Vec<Warning> {
    let mut get = async |name: &str| -> Option<String> {
        let found: Result<Vec<String>, _> = redis::cmd("CONFIG").arg("GET").arg(name).query_async(commands).await;
        found.ok()?.into_iter().nth(1)
    };
    let at = settings.address();
    let mut warnings = Vec::new();
    let (Some(append), fsync, policy) =
        (get("appendonly").await, get("appendfsync").await, get("maxmemory-policy").await)
    else {
        // A managed service: its settings are not to be seen.
        let message = format!(
            "Redis at {at} does not say how it is configured (CONFIG GET is refused): expected appendonly yes, appendfsync always (or everysec) and maxmemory-policy noeviction"
        );
        return vec![Warning { code: "QUEUE_REDIS_CONFIG_UNKNOWN", message }];
    };
    if append != "yes" {
        let message = format!(
            "Redis at {at} has appendonly {append}: when it ends or restarts, messages since its last snapshot are lost, those that were acknowledged come back, and without snapshots all are lost"
        );
        warnings.push(Warning { code: "QUEUE_REDIS_NOT_DURABLE", message });
    } else if fsync.as_deref().is_some_and(|fsync| fsync != "always") {
        let message = format!(
            "Redis at {at} has appendfsync {}: a loss of power loses {}",
            fsync.as_deref().unwrap_or_default(),
            if fsync.as_deref() == Some("everysec") {
                "about the last second"
            } else {
                "what the system had not written"
            }
        );
        warnings.push(Warning { code: "QUEUE_REDIS_NOT_DURABLE", message });
    }
    if let Some(policy) = policy.filter(|policy| policy != "noeviction") {
        let message = format!(
            "Redis at {at} has maxmemory-policy {policy}: expected noeviction, since it would delete messages when its memory is full"
        );
        warnings.push(Warning { code: "QUEUE_REDIS_EVICTS", message });
    }
    warnings
}
