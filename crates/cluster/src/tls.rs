//! TLS as the client library does it, for the connections that are read by ourselves.

use std::sync::Arc;

use redis::{ErrorKind, RedisError, RedisResult};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Who is trusted, and what this client shows, as PEM.
#[derive(Clone, Copy)]
pub(crate) struct Trust<'a> {
    /// In place of the system's authorities.
    pub(crate) ca: Option<&'a str>,
    /// A certificate and its key.
    pub(crate) own: Option<(&'a str, &'a str)>,
}

/// Speaks TLS with `host`, which has to prove its name.
pub(crate) async fn connect(stream: TcpStream, host: &str, trust: Trust<'_>) -> RedisResult<TlsStream<TcpStream>> {
    let config = config(trust)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| refused("expected a server's name", &error))?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

fn config(Trust { ca, own }: Trust<'_>) -> RedisResult<ClientConfig> {
    // The first one counts: another part of the process may have chosen one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => certificates(pem)?.into_iter().try_for_each(|certificate| roots.add(certificate))?,
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let Some((certificate, key)) = own else { return Ok(config.with_no_client_auth()) };
    let key =
        PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| refused("expected a key in PEM", &error))?;
    Ok(config.with_client_auth_cert(certificates(certificate)?, key)?)
}

fn certificates(pem: &str) -> RedisResult<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>();
    all.map_err(|error| refused("expected certificates in PEM", &error))
}

fn refused(expected: &'static str, error: &impl ToString) -> RedisError {
    (ErrorKind::InvalidClientConfig, expected, error.to_string()).into()
}
