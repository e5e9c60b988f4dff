//! A peer on this machine for the tests of this folder: it answers as it is told and remembers what
//! it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use serde_json::{Value, json};

use super::OutlookCalendars;
use crate::clock::Micros;
use crate::config::SecretRef;
use crate::config::integration::{Outlook, Sync as SyncSettings};
use crate::connectors::{Bounds, DirectoryPerson, Http, Retry, Window};
use crate::zone::ZoneNames;

/// 2026-03-02T00:00:00Z.
pub const FROM: Micros = 1_772_409_600_000_000;
pub const WINDOW: Window = Window {
    from: FROM,
    to: FROM + 2 * 86_400_000_000,
};
const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"t0ken"}"#;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method and target.
    pub line: String,
    /// All header lines, as sent.
    pub head: String,
    pub body: String,
}

impl Asked {
    /// The values of a header, in order.
    pub fn header(&self, name: &str) -> Vec<String> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .collect()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: String,
    body: String,
}

impl Reply {
    pub fn json(status: u16, body: &str) -> Reply {
        Reply {
            status,
            headers: String::new(),
            body: body.to_owned(),
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }
}

/// The peer; it ends with the test's runtime.
pub struct Peer {
    origin: String,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Peer {
    pub async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Peer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, noted) = (Arc::new(answer), seen.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, noted) = (answer.clone(), noted.clone());
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let asked = loop {
                        let mut chunk = [0; 4096];
                        match stream.read(&mut chunk).await {
                            Ok(0) | Err(_) => return,
                            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                        }
                        if let Some(asked) = whole(&bytes) {
                            break asked;
                        }
                    };
                    let reply = answer(&asked);
                    noted.lock().unwrap().push(asked);
                    let text = format!(
                        "HTTP/1.1 {} X\r\n{}content-length: {}\r\nconnection: close\r\n\r\n{}",
                        reply.status,
                        reply.headers,
                        reply.body.len(),
                        reply.body
                    );
                    stream.write_all(text.as_bytes()).await.ok();
                    stream.shutdown().await.ok();
                });
            }
        });
        Peer { origin, seen }
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Everything asked so far.
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }
}

fn whole(bytes: &[u8]) -> Option<Asked> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (line, head) = head.split_once("\r\n")?;
    let asked = Asked {
        line: line.strip_suffix(" HTTP/1.1")?.to_owned(),
        head: head.to_owned(),
        body: body.to_owned(),
    };
    let length = asked.header("content-length");
    let length: usize = length.first().map_or(0, |length| length.parse().unwrap());
    (body.len() >= length).then_some(asked)
}

/// Settings that lead to the peer.
pub fn outlook(peer: &Peer, secret: SecretRef) -> Outlook {
    Outlook {
        tenant_id: " ten ant ".into(),
        client_id: "the-client".into(),
        client_secret: secret,
        secret_expires: None,
        login_url: peer.origin().parse().unwrap(),
        token_url: None,
        graph_url: format!("{}/v1.0", peer.origin()).parse().unwrap(),
    }
}

/// A client of four quick tries.
pub fn http(settings: &Outlook) -> Arc<Http> {
    let bounds = Bounds {
        timeout: Duration::from_secs(10),
        max_body_bytes: 1 << 20,
        requests_per_minute: 0,
        retry: Retry {
            tries: 4,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(4),
            longest_retry_after: Duration::from_secs(1),
        },
    };
    Arc::new(Http::new(bounds, &OutlookCalendars::bases(settings)).unwrap())
}

/// A secret in a file, and the folder that holds it.
pub fn file_secret(value: &str) -> (SecretRef, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, value).unwrap();
    (SecretRef::File(path), folder)
}

pub struct Set {
    pub peer: Peer,
    pub calendars: OutlookCalendars,
    _folder: tempfile::TempDir,
}

/// A peer that gives tokens, and calendars that ask it.
pub async fn set(
    settings: SyncSettings,
    graph: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> Set {
    let peer = Peer::start(move |asked| {
        if asked.line.starts_with("POST ") {
            Reply::json(200, TOKEN)
        } else {
            graph(asked)
        }
    })
    .await;
    let (secret, folder) = file_secret("v4lue");
    let outlook = outlook(&peer, secret);
    let calendars =
        OutlookCalendars::new(&outlook, &settings, ZoneNames::default(), http(&outlook)).unwrap();
    Set {
        peer,
        calendars,
        _folder: folder,
    }
}

pub fn ann() -> DirectoryPerson {
    DirectoryPerson {
        id: "A/1".into(),
        calendar: "A/1".into(),
        principal_names: vec!["ann@example.com".into()],
        emails: vec![],
        display_name: None,
        active: true,
    }
}

pub fn event(id: u32) -> Value {
    json!({
        "id": id.to_string(),
        "sensitivity": "normal",
        "subject": "Planning",
        "start": {"dateTime": "2026-03-02T09:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-03-02T10:00:00.0000000", "timeZone": "UTC"},
    })
}

/// The origin that the asker used.
pub fn origin(asked: &Asked) -> String {
    format!("http://{}", asked.header("host")[0])
}

pub fn lines(set: &Set) -> Vec<String> {
    set.peer
        .seen()
        .into_iter()
        .map(|asked| asked.line)
        .collect()
}
