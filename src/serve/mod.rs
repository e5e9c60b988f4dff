//! Flight SQL: the views over the network.
//!
//! In flow: a [`Reader`](crate::models::Reader) over the lake and a
//! [`Directory`](crate::access::Directory) of who may log in. Out flow record batches to any Flight
//! SQL client, exactly as their schema was advertised. A call passes the door (`door.rs`, who is
//! it), then its command (`flight.rs`), then planning (`statements.rs`, `prepared.rs`) or metadata
//! (`metadata.rs`, `types.rs`, `sql_info.rs`), and rows leave through `stream.rs`.
//!
//! This room reads and never writes the lake. It never buffers a result, never puts client text
//! into a query, never logs SQL, passwords or tokens, and never listens beyond loopback without
//! TLS.

mod door;
mod engine;
mod error;
mod flight;
mod handle;
mod handshake;
mod metadata;
mod options;
mod parameters;
mod prepared;
mod session_options;
mod sql_info;
mod statements;
mod status;
mod stream;
mod tickets;
mod types;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use tokio::sync::{Semaphore, oneshot};
use tonic::transport::server::TcpIncoming;

pub use error::Error;
pub use options::Options;

use crate::access::{Directory, Sessions};
use crate::models::Reader;
use door::Door;
use engine::Engine;
use flight::Service;
use prepared::PreparedStatements;
use tickets::Tickets;

/// Bytes of a request message; statements and bound values are smaller.
const REQUEST_BYTES_MAX: usize = 4 << 20;

/// How long running queries may take to end after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How often a silent connection is asked whether it is alive, so that the queries of a vanished
/// client stop.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Passwords verified at once; each takes about 19 MiB and a core for some tens of milliseconds.
const VERIFICATIONS_MAX: usize = 2;

/// A server that has its port and is not yet answering.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    transport: tonic::transport::Server,
    door: Door,
}

impl Server {
    /// Takes the port and reads the certificate; clients that connect wait until
    /// [`run`](Server::run).
    ///
    /// # Errors
    /// Class Config for a wrong address, a network address without TLS, or an unusable
    /// certificate; Unavailable when the port is taken.
    pub fn bind(
        options: Options,
        reader: Reader,
        directory: Arc<dyn Directory>,
    ) -> crate::error::Result<Server> {
        let asked = options.address()?;
        let mut transport = tonic::transport::Server::builder()
            .tcp_nodelay(true)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE));
        if let Some(tls) = options.tls()? {
            transport = transport.tls_config(tls).map_err(|error| Error::Tls {
                reason: innermost(&error),
            })?;
        }
        let door = Door::new(Service {
            reader,
            directory,
            engine: Engine::start(options.query_threads)?,
            sessions: Arc::new(Sessions::new(options.token_idle, options.max_sessions)),
            verifying: Semaphore::new(VERIFICATIONS_MAX),
            tickets: Tickets::new(),
            prepared: PreparedStatements::new(options.max_prepared_per_session, options.token_idle),
            sql_info: sql_info::told(&options)?,
            types: types::listed()?,
            query_timeout: options.query_timeout,
            message_bytes_max: options.max_message_bytes,
            clock: options.now,
        });
        let refused = |source| Error::Listen {
            address: asked,
            source,
        };
        let listener = TcpListener::bind(asked).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Server {
            listener,
            address,
            transport,
            door,
        })
    }

    /// Where the server listens; with the port that was free when 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` completes, then lets running queries end for some seconds.
    ///
    /// # Errors
    /// Class Unavailable when the listener fails.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> crate::error::Result<()> {
        let stopped = |reason: String| Error::Stopped { reason };
        let listener = tokio::net::TcpListener::from_std(self.listener)
            .map_err(|error| stopped(innermost(&error)))?;
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let service =
            FlightServiceServer::new(self.door).max_decoding_message_size(REQUEST_BYTES_MAX);
        let (stop, told) = oneshot::channel::<()>();
        let serving = self
            .transport
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, async {
                // Also completes when the sender is dropped.
                let _ = told.await;
            });
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => {
                ended.map_err(|error| stopped(innermost(&error)))?;
                return Ok(());
            }
            () = shutdown => drop(stop),
        }
        match tokio::time::timeout(DRAIN, serving).await {
            Ok(ended) => Ok(ended.map_err(|error| stopped(innermost(&error)))?),
            Err(_) => {
                tracing::warn!("queries were still running when the server stopped");
                Ok(())
            }
        }
    }
}

/// What an error says at its root; the transport's own text names only the layer.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Principal, Role};
    use std::time::Instant;

    /// Somebody who may log in.
    pub(super) fn principal(email: &str) -> Principal {
        Principal {
            email: email.into(),
            activtrak_id: 1,
            role: Role::Admin,
        }
    }

    /// Loopback, any port, small limits.
    pub(super) fn options() -> Options {
        Options {
            host: "127.0.0.1".into(),
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
}
