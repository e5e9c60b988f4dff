//! What a server is told, and the refusal to speak in the clear over a network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tonic::transport::{Identity, ServerTlsConfig};

use super::Error;

/// Everything a server is told. The names are those of `[server]` in the settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// IP address to listen on; anything but loopback needs TLS.
    pub host: String,
    /// 0 takes a free port.
    pub port: u16,
    /// PEM file with the certificate chain.
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key.
    pub tls_key: Option<PathBuf>,
    /// A bearer token and its prepared statements end after this time without a call.
    pub token_idle: Duration,
    pub max_sessions: usize,
    pub max_prepared_per_session: usize,
    /// From the start of a result to its last row.
    pub query_timeout: Duration,
    /// Threads that run queries; at least one.
    pub query_threads: usize,
    /// Target size of a data message; a single row may exceed it.
    pub max_message_bytes: usize,
    /// The clock that idle times are measured with.
    pub now: fn() -> Instant,
}

impl Options {
    /// Where to listen.
    ///
    /// # Errors
    /// [`Error::Host`]; [`Error::PlainText`] for anything but loopback without TLS.
    pub(super) fn address(&self) -> Result<SocketAddr, Error> {
        let host = self.host.trim();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let ip: IpAddr = if bare.eq_ignore_ascii_case("localhost") {
            Ipv4Addr::LOCALHOST.into()
        } else {
            bare.parse()
                .map_err(|_| Error::Host { host: host.into() })?
        };
        let encrypted = self.tls_cert.is_some() && self.tls_key.is_some();
        if !encrypted && !ip.to_canonical().is_loopback() {
            return Err(Error::PlainText { host: host.into() });
        }
        Ok(SocketAddr::new(ip, self.port))
    }

    /// The certificate and key, read now so that a wrong path shows at start.
    ///
    /// # Errors
    /// [`Error::HalfTls`], [`Error::TlsFile`].
    pub(super) fn tls(&self) -> Result<Option<ServerTlsConfig>, Error> {
        let (cert, key) = match (&self.tls_cert, &self.tls_key) {
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) => (cert, key),
            (Some(_), None) => {
                return Err(Error::HalfTls {
                    missing: "server.tls_key",
                });
            }
            (None, Some(_)) => {
                return Err(Error::HalfTls {
                    missing: "server.tls_cert",
                });
            }
        };
        // Two cryptography providers are linked in by way of other crates, and the TLS library
        // does not choose between them. An error says that one was chosen before: also good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let cert = read("server.tls_cert", cert)?;
        let key = read("server.tls_key", key)?;
        Ok(Some(
            ServerTlsConfig::new().identity(Identity::from_pem(cert, key)),
        ))
    }
}

fn read(setting: &'static str, path: &PathBuf) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::TlsFile {
        setting,
        path: path.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(host: &str) -> Options {
        Options {
            host: host.into(),
            port: 0,
            tls_cert: None,
            tls_key: None,
            token_idle: Duration::from_secs(60),
            max_sessions: 4,
            max_prepared_per_session: 4,
            query_timeout: Duration::from_secs(60),
            query_threads: 1,
            max_message_bytes: 1 << 20,
            now: Instant::now,
        }
    }

    #[test]
    fn loopback_needs_no_tls() {
        for host in [
            "127.0.0.1",
            "127.8.9.10",
            "::1",
            "[::1]",
            "localhost",
            "::ffff:127.0.0.1",
        ] {
            assert!(on(host).address().is_ok(), "{host}");
        }
    }

    #[test]
    fn anything_else_without_tls_is_refused() {
        for host in [
            "0.0.0.0",
            "::",
            "192.168.1.5",
            "10.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
        ] {
            let error = on(host).address().unwrap_err();
            assert!(matches!(error, Error::PlainText { .. }), "{host}: {error}");
            assert!(error.to_string().contains("server.tls_cert"));
        }
        for host in ["", "example.com", "127.0.0.1:32010", "1.2.3"] {
            assert!(
                matches!(on(host).address(), Err(Error::Host { .. })),
                "{host}"
            );
        }
    }

    #[test]
    fn tls_opens_other_addresses_and_needs_both_files() {
        let mut options = on("0.0.0.0");
        options.tls_cert = Some("cert.pem".into());
        assert!(matches!(options.address(), Err(Error::PlainText { .. })));
        assert!(matches!(
            options.tls(),
            Err(Error::HalfTls {
                missing: "server.tls_key"
            })
        ));
        options.tls_key = Some("no-such-file.pem".into());
        assert!(options.address().is_ok());
        assert!(matches!(options.tls(), Err(Error::TlsFile { .. })));
        assert!(matches!(on("127.0.0.1").tls(), Ok(None)));
    }
}
