//! `activlake serve`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::consumer::LakeDirectory;
use super::{Globals, opened};
use crate::config;
use crate::error::Result;
use crate::models::{Audience, Reader, Setup};
use crate::serve::{Options, Server};

/// Arguments of `serve`.
#[derive(Args)]
pub struct Serve {
    /// IP address to listen on (server.host); anything but loopback needs TLS
    #[arg(long)]
    host: Option<String>,
    /// Port (server.port); 0 takes a free one
    #[arg(long)]
    port: Option<u16>,
}

/// Runs `serve`.
pub async fn serve(globals: &Globals, command: &Serve) -> Result<ExitCode> {
    let setup = opened::setup(globals)?;
    let mut server = setup.settings.server.clone();
    if let Some(host) = &command.host {
        server.host = host.clone();
    }
    if let Some(port) = command.port {
        server.port = port;
    }
    let server = bind(&setup, &server).await?;
    super::print(&format!(
        "serving on {}; stop with Ctrl-C\n",
        address(
            server.local_addr(),
            setup.settings.server.tls_cert.is_some()
        )
    ))?;
    server.run(stopped()).await?;
    super::print("stopped\n")?;
    Ok(ExitCode::SUCCESS)
}

/// A server over the lake, with its port taken.
pub async fn bind(setup: &Setup, server: &config::Server) -> Result<Server> {
    let options = Options {
        host: server.host.clone(),
        port: server.port,
        tls_cert: server.tls_cert.clone(),
        tls_key: server.tls_key.clone(),
        token_idle: std::time::Duration::from_secs(server.token_idle_seconds),
        max_sessions: server.max_sessions,
        max_prepared_per_session: server.max_prepared_per_session,
        query_timeout: std::time::Duration::from_secs(server.query_timeout_seconds),
        query_threads: setup.threads(),
        max_message_bytes: server.max_message_bytes,
        now: std::time::Instant::now,
    };
    let reader = Reader::open(setup.clone(), Audience::Public).await?;
    reader.check().await?;
    if reader.is_empty() {
        eprintln!(
            "note: there is nothing at {} yet: activlake ingest PATH…",
            setup.lake.location()
        );
    }
    let directory = Arc::new(LakeDirectory::open(setup).await?);
    Server::bind(options, reader, directory)
}

/// Resolves when the process is told to stop: Ctrl-C, or SIGTERM where there is one.
pub async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The URI that clients take.
pub fn address(at: std::net::SocketAddr, tls: bool) -> String {
    format!("{}://{at}", if tls { "grpc+tls" } else { "grpc" })
}
