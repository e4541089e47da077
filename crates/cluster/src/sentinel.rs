//! Sentinels: who is asked where the primary is, each time a connection is made.
//!
//! The client library's own sentinel client is not used: it would reconnect by itself. Here a connection that is lost is thrown away as
//! ever, and the next one begins with the question.

use std::fmt;
use std::time::Duration;

use redis::{AsyncConnectionConfig, RedisResult};

use crate::redis::Settings;
use crate::transport::Lost;

/// The sentinels of a primary.
#[derive(Clone, serde::Deserialize)]
pub(crate) struct Sentinels {
    /// Host and port of each, in the order in which they are asked.
    nodes: Vec<(String, u16)>,
    /// What they call the primary.
    name: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) tls: bool,
    /// As in [`Settings`].
    pub(crate) ca: Option<String>,
    pub(crate) cert: Option<String>,
    pub(crate) key: Option<String>,
}

/// A sentinel may take so long: there are others.
const PATIENCE: Duration = Duration::from_secs(1);

impl fmt::Display for Sentinels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<_> = self.nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        write!(formatter, "the primary \"{}\" of the sentinels at {}", self.name, nodes.join(", "))
    }
}

impl Settings {
    /// Connects to this server, or to the primary that the sentinels name: they are asked one after the other, until `connect` has
    /// succeeded with what one names. One that is behind names a server that is gone, or a replica now. `wrong`: no primary was named.
    pub(crate) async fn reach<T, E>(
        &self,
        connect: impl AsyncFn(Settings) -> Result<T, E>,
        wrong: impl Fn(Lost) -> E,
    ) -> Result<T, E> {
        let Some(sentinels) = &self.sentinels else { return connect(self.clone()).await };
        let (mut tried, mut failure, mut reasons) = (Vec::new(), None, Vec::new());
        for (host, port) in &sentinels.nodes {
            let sentinel = self.sentinel(sentinels, host, *port);
            match ask(&sentinel, &sentinels.name).await {
                Ok(address) if tried.contains(&address) => {}
                Ok(address) => {
                    let primary = self.primary((&address.0, address.1), sentinel.address());
                    match connect(primary).await {
                        Ok(connected) => return Ok(connected),
                        Err(error) => failure = Some(error),
                    }
                    tried.push(address);
                }
                Err((code, reason)) => reasons.push((code, format!("{}: {reason}", sentinel.address()))),
            }
        }
        Err(failure.unwrap_or_else(|| wrong(unnamed(sentinels, &reasons))))
    }
}

/// What one sentinel says: host and port of the primary, or why there is none.
async fn ask(sentinel: &Settings, name: &str) -> Result<(String, u16), (&'static str, String)> {
    let silent = |_| ("ERR_CLUSTER_UNREACHABLE", format!("no answer within {} ms", PATIENCE.as_millis()));
    let client = sentinel.client().map_err(|Lost { code, message }| (code, message))?;
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let asking = async {
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(name).query_async(&mut connection).await
    };
    let asked: RedisResult<Option<(String, u16)>> = tokio::time::timeout(PATIENCE, asking).await.map_err(silent)?;
    match asked {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(("ERR_CLUSTER_SENTINEL", "it knows no primary of that name".into())),
        Err(error) => Err(match sentinel.reason(&error) {
            ("ERR_CLUSTER_AUTH", detail) => {
                ("ERR_CLUSTER_AUTH", format!("{detail} (sentinelUsername and sentinelPassword are for the sentinels)"))
            }
            (_, detail) if detail.contains("unknown command") => {
                ("ERR_CLUSTER_CONFIG", "it is a Redis server, no sentinel".into())
            }
            reason => reason,
        }),
    }
}

/// What is most to be known first: a mistake, before what may be over soon.
const TELLING: [&str; 4] = ["ERR_CLUSTER_AUTH", "ERR_CLUSTER_CONFIG", "ERR_CLUSTER_SENTINEL", "ERR_CLUSTER_REFUSED"];

fn unnamed(sentinels: &Sentinels, reasons: &[(&'static str, String)]) -> Lost {
    let has = |code: &&str| reasons.iter().any(|(other, _)| other == code);
    let code = TELLING.into_iter().find(has).unwrap_or("ERR_CLUSTER_UNREACHABLE");
    let reasons: Vec<_> = reasons.iter().map(|(_, reason)| reason.as_str()).collect();
    let name = &sentinels.name;
    Lost { code, message: format!("expected a sentinel to name the primary \"{name}\", got: {}", reasons.join("; ")) }
}
