//! Why a server did not start, or stopped.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::{Class, Classified};

/// A failure of the server as a whole; what a single call gets is a gRPC status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `server.host` is no address.
    #[error("server.host = '{host}' is no IP address: give one such as 127.0.0.1 or ::1")]
    Host { host: String },
    /// Passwords and rows would cross a network in the clear.
    #[error(
        "server.host = {host} is not a loopback address and there is no TLS: set server.tls_cert \
         and server.tls_key, or listen on 127.0.0.1"
    )]
    PlainText { host: String },
    /// One half of the pair.
    #[error("server.tls_cert and server.tls_key belong together: {missing} is missing")]
    HalfTls { missing: &'static str },
    /// A PEM file cannot be read.
    #[error("{setting} = {}: {source}", path.display())]
    TlsFile {
        setting: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The pair is no certificate and key.
    #[error("server.tls_cert and server.tls_key are no usable pair: {reason}")]
    Tls { reason: String },
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    /// The server stopped by itself.
    #[error("the server stopped: {reason}")]
    Stopped { reason: String },
    /// No threads for queries.
    #[error("the threads for queries do not start: {source}")]
    Threads { source: io::Error },
    /// The fixed answers could not be built.
    #[error("server metadata cannot be built: {reason}")]
    Metadata { reason: String },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Error::Host { .. }
            | Error::PlainText { .. }
            | Error::HalfTls { .. }
            | Error::TlsFile { .. }
            | Error::Tls { .. } => Class::Config,
            Error::Listen { .. } | Error::Stopped { .. } | Error::Threads { .. } => {
                Class::Unavailable
            }
            Error::Metadata { .. } => Class::Internal,
        }
    }
}
