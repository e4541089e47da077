//! The command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

/// What `--help` says.
pub const USAGE: &str = "\
socketio-loadgen: raw Socket.IO clients over WebSocket

  --address HOST:PORT    the server (127.0.0.1:3000)
  --clients N            how many clients (1000)
  --connect-rate N       how many handshakes may be under way at once (100)
  --connect-timeout S    seconds until all must be connected (60)
  --namespace NAME       the namespace that they join (/)
  --path PATH            the path of the Engine.IO server (/socket.io/)
  --slow K               the last K clients never read once they are connected (0)
  --deflate              negotiate per-message deflate; the server must then compress without context take-over

Lines on standard input: reset, report, quit. The end of the input quits.
";

/// A command line that cannot be obeyed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgsError {
    /// A flag that does not exist.
    #[error("unknown option {0} (see --help)")]
    Unknown(String),
    /// A flag at the end of the line.
    #[error("{0} needs a value")]
    NoValue(String),
    /// A value of the wrong type or range.
    #[error("{flag} expects {expected}, got {value:?}")]
    BadValue {
        /// Which option.
        flag: String,
        /// What it takes.
        expected: &'static str,
        /// What it was given.
        value: String,
    },
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Args {
    /// The server.
    pub address: SocketAddr,
    /// The `Host` header.
    pub host: String,
    /// How many clients connect.
    pub clients: usize,
    /// How many handshakes may be under way at once: more would overflow the server's accept queue.
    pub in_flight: usize,
    /// When to give up connecting.
    pub connect_timeout: Duration,
    /// The namespace, with its slash.
    pub namespace: String,
    /// The path of the Engine.IO server.
    pub path: String,
    /// How many clients stop reading once connected.
    pub slow: usize,
    /// Whether per-message deflate is negotiated.
    pub deflate: bool,
}

impl Args {
    /// Reads the arguments after the program's name; `None` when help is asked for.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, ArgsError> {
        let mut host = "127.0.0.1:3000".to_owned();
        let mut args = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 3000)),
            host: String::new(),
            clients: 1000,
            in_flight: 100,
            connect_timeout: Duration::from_secs(60),
            namespace: "/".to_owned(),
            path: "/socket.io/".to_owned(),
            slow: 0,
            deflate: false,
        };
        while let Some(flag) = words.next() {
            if flag == "--help" {
                return Ok(None);
            }
            let mut value = || words.next().ok_or_else(|| ArgsError::NoValue(flag.clone()));
            match flag.as_str() {
                "--address" => host = value()?,
                "--clients" => args.clients = number(&flag, value()?)?,
                "--connect-rate" => args.in_flight = number::<usize>(&flag, value()?)?.max(1),
                "--connect-timeout" => args.connect_timeout = Duration::from_secs(number(&flag, value()?)?),
                "--namespace" => args.namespace = with_slash(value()?),
                "--path" => args.path = with_slash(value()?),
                "--slow" => args.slow = number(&flag, value()?)?,
                "--deflate" => args.deflate = true,
                _ => return Err(ArgsError::Unknown(flag)),
            }
        }
        args.address = resolve(&host)?;
        args.host = host;
        Ok(Some(args))
    }
}

fn number<T: FromStr>(flag: &str, value: String) -> Result<T, ArgsError> {
    value.parse().map_err(|_| ArgsError::BadValue { flag: flag.to_owned(), expected: "a whole number", value })
}

fn with_slash(value: String) -> String {
    if value.starts_with('/') { value } else { format!("/{value}") }
}

fn resolve(host: &str) -> Result<SocketAddr, ArgsError> {
    host.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(|| ArgsError::BadValue {
        flag: "--address".to_owned(),
        expected: "HOST:PORT",
        value: host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>, ArgsError> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_option_is_read() {
        let line = "--address 127.0.0.1:81 --clients 7 --connect-rate 3 --connect-timeout 9 --namespace chat --path /x/ --slow 2 --deflate";
        let args = parse(line).unwrap().unwrap();
        assert_eq!((args.address.port(), args.host.as_str()), (81, "127.0.0.1:81"));
        assert_eq!((args.clients, args.in_flight, args.slow, args.deflate), (7, 3, 2, true));
        assert_eq!((args.namespace.as_str(), args.path.as_str()), ("/chat", "/x/"));
        assert_eq!(args.connect_timeout, Duration::from_secs(9));
    }

    #[test]
    fn what_cannot_be_obeyed_is_refused() {
        assert!(matches!(parse("--clients many"), Err(ArgsError::BadValue { .. })));
        assert!(matches!(parse("--clients"), Err(ArgsError::NoValue(_))));
        assert!(matches!(parse("--client 3"), Err(ArgsError::Unknown(_))));
        assert!(matches!(parse("--address nowhere"), Err(ArgsError::BadValue { .. })));
    }

    #[test]
    fn help_is_not_an_error() {
        assert!(parse("--help").unwrap().is_none());
    }
}
